"""Find a knob for a wish: the one that the measurements say moves it most, turned to it, and what it also does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from core import zoo
from core.evidence import recorded
from core.truth.judge import GRADES, READER, STATISTICS
from core.truth.worlds.base import Factor
from core.zoo import has_reader

from ..page import knobs, words
from ..page.fields import RecipeError
from ..page.picture import render as render_untouched
from ..page.verdicts import MEASURE, factors_of, grade_of, knobs_of, measured_knobs
from .recipe import Recipe, turned

CLEAR = 0.3  # standard deviations a step that count as moving it
# steps to an end, standard deviations that count there, other faces looked at
END, AT_END, OTHERS = 2.0, 1.0, range(100, 108)


def wishes(model: str) -> list[tuple[str, str]]:
    """(in words, by name) all that the model's world can vary; without a world, the statistics."""
    grade = READER if zoo.card(model).world else STATISTICS
    return [(factor.description, factor.name) for factor in factors_of(model, grade)]


def find(recipe: Recipe, wish: str) -> tuple[Recipe, str]:
    """The recipe with the knob that moves the wish most at +1.5 in its sense, and a sentence with numbers and grade.

    Where no knob does on average over both directions: the knob and end that change it most on this picture, if any.
    Raises RecipeError where nothing was measured yet, or the wish is not among what was measured.
    """
    records, grade = measured_knobs(recipe), grade_of(recipe)
    factors = factors_of(recipe.model, grade)
    places = {factor.name: i for i, factor in enumerate(factors)}
    if wish not in (places if records else dict(wishes(recipe.model)).values()):
        raise RecipeError(f"there is no wish {str(wish)[:40]!r} here: choose one of the list")
    if not records:
        others = ", or choose all layers" if recorded(recipe.model) else ""
        raise RecipeError(
            "these knobs have not been measured yet, so nobody knows what they move: "
            f"press “{MEASURE}” under the picture{others}"
        )
    at = places[wish]
    best = max(range(len(records)), key=lambda i: abs(records[i]["mean"][at]))
    record, mean = records[best], records[best]["mean"]
    chosen = turned(replace(recipe, amounts=(), knob=best), best, 1.5 if mean[at] >= 0 else -1.5)
    if record["low"][at] * record["high"][at] > 0 and abs(mean[at]) >= CLEAR:
        return chosen, f"{_mean_said(record, best, at, factors)} {GRADES[grade]}"
    said = _nearest_said(records, best, at, factors)
    if has_reader(recipe.model):
        chosen, more = _at_an_end(recipe, chosen, at, factors[at].description)
        said = f"{said} {more}"
    return chosen, f"{said} {GRADES[grade]}"


def _mean_said(record: dict, knob: int, at: int, factors: Sequence[Factor]) -> str:
    mean = record["mean"]
    strongest = max(range(len(mean)), key=lambda i: abs(mean[i]))
    also = (
        "it is also what this knob moves most"
        if strongest == at
        else f"but it moves {factors[strongest].description} more: {abs(mean[strongest]):.1f}"
    )
    return (
        f"{_on_average(record)} knob {knob + 1} moves {factors[at].description} most: "
        f"{abs(mean[at]):.1f} standard deviations a step; {also}."
    )


def _on_average(record: dict) -> str:
    """What was averaged: the reader looks at a step to both sides, statistics are slopes."""
    way = "over both directions" if record["grade"] == READER else "by the slope at each"
    return f"On average over {record['pictures']} pictures, {way},"


def _nearest_said(records: Sequence[dict], knob: int, at: int, factors: Sequence[Factor]) -> str:
    """That no knob is clear on average, and which comes nearest;
    a number that would round up to clear gets another digit.
    """
    mean, wanted = abs(records[knob]["mean"][at]), factors[at].description
    size = f"{int(1000 * mean) / 1000:.3f}" if mean < CLEAR <= round(mean, 2) else f"{mean:.2f}"
    why = f"; {CLEAR:g} would count" if mean < CLEAR else ", which may be chance"
    return (
        f"{_on_average(records[knob])} no knob of these {len(records)} clearly moves {wanted}: "
        f"knob {knob + 1} comes nearest, with {size} standard deviations a step{why}."
    )


@torch.no_grad()
def _at_an_end(recipe: Recipe, nearest: Recipe, at: int, wanted: str) -> tuple[Recipe, str]:
    """The knob and end that change a factor most on this picture, and that in words;
    `nearest` where none changes it visibly.

    A mean over both directions does not see what appears at one end only, as glasses do.
    """
    found, judge, plain = knobs_of(recipe), zoo.load_judge(recipe.model), replace(recipe, amounts=())
    ends = [turned(plain, knob, end) for knob in range(len(found)) for end in (-END, END)]
    changed = judge.change(
        render_untouched(recipe, quick=True), knobs.render(recipe, found, [one.amounts for one in ends], quick=True)
    )[:, at]
    best = int(changed.abs().argmax())
    knob, end, size = best // 2, (-END, END)[best % 2], float(changed[best])
    if abs(size) < AT_END:
        return nearest, (
            f"Nor does one at {words.signed(-END)} or {words.signed(END)} steps on this picture: "
            f"by {abs(size):.1f} at most (knob {knob + 1})."
        )
    others = [replace(recipe, seed=seed) for seed in OTHERS]
    pairs = [knobs.render(one, found, [plain.amounts, ends[best].amounts], quick=True) for one in others]
    seen = torch.cat([judge.change(pair[:1], pair[1:]) for pair in pairs])[:, at]
    alike = int((seen * (1 if size > 0 else -1) >= AT_END).sum())
    said = (
        f"At one end it is otherwise: on this picture knob {knob + 1} at {words.signed(end)} steps changes "
        f"{wanted} by {abs(size):.1f} standard deviations, and by {AT_END:g} or more on {alike} of {len(OTHERS)} "
        f"other {judge.things}."
    )
    return replace(ends[best], knob=knob), said
