"""Find a knob for a wish: the one that the measurements say moves it most, turned to it, and what it also does."""

from __future__ import annotations

from dataclasses import replace

import torch

from core import zoo
from core.evidence import recorded
from core.truth.judge import GRADES, READER, STATISTICS
from core.truth.wish import END, end_sentence, knob_for, strongest_end
from core.zoo import has_reader

from ..page import knobs
from ..page.fields import RecipeError
from ..page.picture import render as render_untouched
from ..page.verdicts import MEASURE, factors_of, grade_of, knobs_of, measured_knobs
from .recipe import TEXTS, Recipe, turned

OTHERS = range(100, 108)  # seeds of other pictures that are looked at


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
        raise RecipeError(TEXTS["finder"]["not_measured"].format(measure=MEASURE, others=others))
    found = knob_for(records, places[wish], factors)
    chosen, said = turned(replace(recipe, amounts=(), knob=found.knob), found.knob, 1.5 * found.sign), found.text
    if not found.clear and has_reader(recipe.model):
        chosen, more = _at_an_end(recipe, chosen, places[wish], factors[places[wish]].description)
        said = f"{said} {more}"
    return chosen, f"{said} {GRADES[grade]}"


@torch.no_grad()
def _at_an_end(recipe: Recipe, nearest: Recipe, at: int, wanted: str) -> tuple[Recipe, str]:
    """The knob and end that change a factor most on this picture, in words too; `nearest` where none does visibly."""
    found, judge, plain = knobs_of(recipe), zoo.load_judge(recipe.model), replace(recipe, amounts=())

    def changes(one: Recipe, settings: list[Recipe]) -> torch.Tensor:
        """[settings]: by how much each moves the factor of a picture that may be moved already."""
        drawn = knobs.render(one, found, [setting.amounts for setting in settings], quick=True)
        return judge.change(render_untouched(one, quick=True), drawn)[:, at]

    ends = [turned(plain, knob, end) for knob in range(len(found)) for end in (-END, END)]
    best = strongest_end(changes(recipe, ends).reshape(-1, 2))
    there = replace(turned(plain, best.knob, best.end), knob=best.knob)
    others = [changes(replace(recipe, seed=seed), [there]) for seed in OTHERS] if best.visible else []
    said = end_sentence(best, wanted, torch.cat(others) if others else torch.zeros(0), judge.things)
    return (there if best.visible else nearest), said
