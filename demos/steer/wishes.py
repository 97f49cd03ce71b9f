"""Find a knob for a wish: the one that the measurements say moves it most, turned to it, and what it also does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

import torch

from core import zoo
from core.codes import codes_in_turn
from core.evidence import recorded
from core.pace import pace_of
from core.truth.judge import GRADES, READER, STATISTICS
from core.truth.wish import END, changes_by, corrected, end_sentence, knob_for, strongest_end, turn_for, turn_sentence
from core.truth.worlds.base import Factor
from core.zoo import has_reader

from ..page import knobs
from ..page.fields import RecipeError, quoted
from ..page.picture import render as render_untouched
from ..page.sources import directions_of
from ..page.verdicts import FACES, MEASURE, factors_of, grade_of, knobs_of, measured_knobs
from .recipe import TEXTS, Recipe, turned

FEW_WISHES = 24  # of which all can be named where none is meant
SIGNS = {"+": 1, "-": -1}
FIRST_SEEN, FIRST_CORRECTED = 1_030_000, 1_031_000  # seeds of pictures on which a turn is measured, and corrected
FEW = 4  # of them, of a slow network
CORRECTIONS, MOST = 2, 2.0  # of such a turn, and steps that a knob is turned at most by it
OTHERS = range(100, 108)  # seeds of other pictures that are looked at


def wishes(model: str) -> list[tuple[str, str]]:
    """(in words, by name) all that the model's world can vary, more of it ("smile+") and less ("smile-"); without a
    world, the statistics.
    """
    grade, also = READER if zoo.card(model).world else STATISTICS, TEXTS["finder"]["also"]
    found = [(factor, sign) for factor in factors_of(model, grade) for sign in SIGNS]
    return [(_in_words(factor, sign, also.get(factor.name + sign, "")), factor.name + sign) for factor, sign in found]


def stays(model: str) -> list[tuple[str, str]]:
    """(in words, by name) all that can be said to stay."""
    grade = READER if zoo.card(model).world else STATISTICS
    return [(factor.description, factor.name) for factor in factors_of(model, grade)]


def _in_words(factor: Factor, sign: str, also: str) -> str:
    end = factor.high if sign == "+" else factor.low
    return f"{end} ({', '.join(filter(None, (factor.description, also)))})"


def wished(text: str, model: str) -> tuple[str, int]:
    """The factor that is meant, and whether more or less of it (1 or -1): a name, one of `wishes`, or a word of one.

    Raises RecipeError where nothing here is called so, and where several things are.
    """
    first, *others = _meant(text, model)
    if several := [name for name in others if name[:-1] != first[:-1]]:
        called = {name: words for words, name in stays(model)}
        named = ", or ".join(dict.fromkeys(called[name[:-1]] for name in [first, *several]))
        raise RecipeError(f"{quoted(text)} can mean {named}: choose one of the list")
    return first[:-1], SIGNS[first[-1]]


def _meant(text: str, model: str) -> list[str]:
    """The wishes that a text can mean, by name: the one that is called so, or all that hold the words.

    Raises RecipeError where there is none.
    """
    asked, known = " ".join(str(text).lower().split()), wishes(model)
    named = {name: name for _, name in known} | {name[:-1]: name for _, name in known if name.endswith("+")}
    named |= {words.lower(): name for words, name in known}
    holding = [name for words, name in known if asked and asked in words.lower()]
    if found := [named[asked]] if asked in named else holding:
        return found
    words = {word.strip("(),") for said, _ in known for word in said.lower().split()}
    near = get_close_matches(asked, words, n=3)
    if not near and len(known) <= FEW_WISHES:
        near = [name for _, name in stays(model)]
    such = f", such as {', '.join(near)}" if near else ""
    raise RecipeError(f"there is no wish {quoted(text)} here: choose one of the list{such}")


def find(recipe: Recipe, wish: str, but_not: str = "") -> tuple[Recipe, str]:
    """The recipe with knobs turned so that the wishes come true, and a sentence with numbers and grade.

    wish, but_not: one or several, with a comma between them; those of `but_not` are to stay. One wish alone: the knob
    that moves it most, at 1.5 in its sense; where none does on average over both directions, the knob and end that
    change it most on this picture. Where nothing does it: the recipe as it was, and where else to look. Raises
    RecipeError where nothing was measured yet, or a wish is none that is known here.
    """
    records, grade = measured_knobs(recipe), grade_of(recipe)
    factors = factors_of(recipe.model, grade)
    places = {factor.name: i for i, factor in enumerate(factors)}
    wanted, held = _understood(recipe.model, wish, but_not)
    if not records:
        others = ", or choose all layers" if recorded(recipe.model) else ""
        raise RecipeError(TEXTS["finder"]["not_measured"].format(measure=MEASURE, others=others))
    if held or len(wanted) > 1:
        senses = {places[name]: sign for name, sign in wanted.items()}
        chosen, said = _together(recipe, records, senses, [places[name] for name in held])
        return chosen, f"{said} {GRADES[grade]}"
    ((name, sign),) = wanted.items()
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


def _understood(model: str, wish: str, but_not: str) -> tuple[dict[str, int], list[str]]:
    """The factors that are wished, 1 for more and -1 for less of each, and those that are to stay."""
    wanted: dict[str, int] = {}
    for name, sign in (wished(one, model) for one in _split(wish)):
        if wanted.setdefault(name, sign) != sign:
            raise RecipeError(f"more and less of one thing are wished ({quoted(wish)}): leave one of them out")
    held = list(dict.fromkeys(name[:-1] for one in _split(but_not) for name in _meant(one, model)))  # all colours
    both = next((name for name in held if name in wanted), None)
    if both or not wanted:
        why = f"{both} cannot change and stay" if both else "nothing is wished"
        raise RecipeError(f"{why}: say what should change, and what else should stay")
    return wanted, held


def _split(text: str) -> list[str]:
    return [one for one in map(str.strip, re.split(r",(?![^(]*\))", str(text))) if one]  # not those in brackets


@torch.no_grad()
def _together(
    recipe: Recipe, records: Sequence[Mapping], wanted: Mapping[int, int], held: Sequence[int]
) -> tuple[Recipe, str]:
    """Knobs turned together, measured on other pictures; the recipe as it was where that does not do it clearly."""
    amounts, free = turn_for(records, wanted, held), turn_for(records, wanted)
    if amounts is None:
        return recipe, f"{TEXTS['finder']['not_together']} {TEXTS['finder']['nothing_moved']}"
    generator, judge = zoo.load(recipe.model), zoo.load_judge(recipe.model)
    (directions, steps), count = directions_of(recipe), FEW if pace_of(recipe.model).slow else FACES

    def change(turn: torch.Tensor, seed: int, count: int) -> torch.Tensor:
        codes = codes_in_turn(generator, count, seed, psi=recipe.psi)
        return changes_by(generator, judge, codes, directions, (turn * steps).tolist())

    for _ in range(CORRECTIONS if held else 0):
        left = change(amounts, FIRST_CORRECTED, count // 2).mean(0)[held]
        amounts = corrected(amounts, left, records, [*wanted], held)
    amounts = amounts * (MOST / amounts.abs().max()).clamp(max=1)
    seen, freely = (change(one, FIRST_SEEN, count) for one in (amounts, free))
    found = turn_sentence(seen, freely, wanted, held, amounts, judge)
    if not found.clear:
        return recipe, f"{found.text} {TEXTS['finder']['nothing_moved']}"
    row = tuple(round(amount, 2) for amount in amounts.tolist())
    return replace(recipe, amounts=row, knob=int(amounts.abs().argmax())), found.text


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
    others = [changes(recipe.numbered(seed), [there]) for seed in OTHERS] if best.visible else []
    said = end_sentence(best, wanted, torch.cat(others) if others else torch.zeros(0), judge.things)
    return (there if best.visible else recipe), said
