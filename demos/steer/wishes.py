"""Find a knob for a wish: the one that the measurements say moves it most, turned to it, and what it also does."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

import torch

from core import zoo
from core.evidence import recorded
from core.truth.judge import GRADES, READER, STATISTICS
from core.truth.wish import END, end_sentence, knob_for, strongest_end
from core.truth.worlds.base import Factor
from core.zoo import has_reader

from ..page import knobs
from ..page.fields import RecipeError, quoted
from ..page.picture import render as render_untouched
from ..page.verdicts import MEASURE, factors_of, grade_of, knobs_of, measured_knobs
from .recipe import TEXTS, Recipe, turned

SIGNS = {"+": 1, "-": -1}
OTHERS = range(100, 108)  # seeds of other pictures that are looked at


def wishes(model: str) -> list[tuple[str, str]]:
    """(in words, by name) all that the model's world can vary, more of it ("smile+") and less ("smile-"); without a
    world, the statistics.
    """
    grade, also = READER if zoo.card(model).world else STATISTICS, TEXTS["finder"]["also"]
    found = [(factor, sign) for factor in factors_of(model, grade) for sign in SIGNS]
    return [(_in_words(factor, sign, also.get(factor.name + sign, "")), factor.name + sign) for factor, sign in found]


def _in_words(factor: Factor, sign: str, also: str) -> str:
    end = factor.high if sign == "+" else factor.low
    return f"{end} ({', '.join(filter(None, (factor.description, also)))})"


def wished(text: str, model: str) -> tuple[str, int]:
    """The factor that is meant, and whether more or less of it (1 or -1): a name, one of `wishes`, or a word of one.

    Raises RecipeError where nothing here is called so.
    """
    asked, known = " ".join(str(text).lower().split()), wishes(model)
    named = {name: name for _, name in known} | {name[:-1]: name for _, name in known if name.endswith("+")}
    named |= {words.lower(): name for words, name in known}
    holding = [name for words, name in known if asked and asked in words.lower()]
    found = named.get(asked) or next(iter(holding), None)
    if found is None:
        words = {word.strip("(),") for said, _ in known for word in said.lower().split()}
        near = ", ".join(get_close_matches(asked, words, n=3))
        such = f", such as {near}" if near else ""
        raise RecipeError(f"there is no wish {quoted(text)} here: choose one of the list{such}")
    return found[:-1], SIGNS[found[-1]]


def find(recipe: Recipe, wish: str) -> tuple[Recipe, str]:
    """The recipe with the knob that moves the wish most at 1.5 in its sense, and a sentence with numbers and grade.

    Where no knob does on average over both directions: the knob and end that change it most on this picture, if any;
    else the recipe as it was, and where else to look. Raises RecipeError where nothing was measured yet, or the wish
    is none that is known here.
    """
    records, grade = measured_knobs(recipe), grade_of(recipe)
    factors, (name, sign) = factors_of(recipe.model, grade), wished(wish, recipe.model)
    places = {factor.name: i for i, factor in enumerate(factors)}
    if not records:
        others = ", or choose all layers" if recorded(recipe.model) else ""
        raise RecipeError(TEXTS["finder"]["not_measured"].format(measure=MEASURE, others=others))
    found = knob_for(records, places[name], factors)
    chosen, said = turned(replace(recipe, amounts=(), knob=found.knob), found.knob, 1.5 * found.sign * sign), found.text
    if not found.clear:
        chosen = recipe
        if has_reader(recipe.model):
            chosen, more = _at_an_end(recipe, places[name], factors[places[name]].description)
            said = f"{said} {more}"
        if chosen is recipe:
            said = f"{said} {TEXTS['finder']['nothing_moved']}"
    return chosen, f"{said} {GRADES[grade]}"


@torch.no_grad()
def _at_an_end(recipe: Recipe, at: int, wanted: str) -> tuple[Recipe, str]:
    """The knob and end that change a factor most on this picture, in words too; the recipe where none does visibly."""
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
    return (there if best.visible else recipe), said
