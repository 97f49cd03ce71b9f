"""Which layer does what, of knobs without a name of their own: each is followed by the factor that it moves most."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from torch.nn.functional import cosine_similarity

from core.pace import pace_of
from core.truth import scores
from core.truth.judge import Judge
from core.truth.records import strongest_first

from ..page.cells import Progress
from ..page.knobs import name_of
from ..page.labels import FIRST_TURNED, codes_for, judge_of
from ..page.layers import Rows, in_a_sentence, layers_cell
from ..page.picture import generator_of
from ..page.sources import KNOBS, directions_of
from ..page.verdicts import factors_of, grade_of, measure, measured_knobs
from ..page.words import signed
from .recipe import TEXTS, Recipe, layers_in_words

SAYS = TEXTS["layered"]
SPREAD = 64  # pictures that tell how much a factor varies, where that is not known
TURN = 1.5  # steps of a knob that takes another's place
ALIKE, SAME = 0.7, 0.9995  # cosines from which a knob of some layers counts as that of all, and as the same vector


def in_layers(recipe: Recipe) -> Generator[Progress, None, Rows]:
    """The knobs of all layers, the chosen one alone of a slow network, each measured first on other pictures."""
    recipe = replace(recipe, layers="all", amounts=())
    yield from measure(recipe)
    (directions, steps), records, judge = directions_of(recipe), measured_knobs(recipe), judge_of(recipe)
    if judge.spread is None:
        codes = codes_for(recipe, SPREAD // 4 if pace_of(recipe.model).slow else SPREAD, FIRST_TURNED, recipe.psi)
        yield Progress(SAYS["spread"])
        judge = judge.spread_over(scores.read_codes(generator_of(recipe), judge.read, codes))
    chosen = min(recipe.knob, len(directions) - 1)
    knobs = [chosen] if pace_of(recipe.model).slow else range(len(directions))
    factors = [moved_most(recipe, judge, records[knob]) for knob in knobs]
    titles = [judge.factors[factor] for factor in factors]
    return Rows(
        *(directions.only(knobs), steps[list(knobs)].tolist(), judge, factors),
        [name_of(knob, factor.description) for knob, factor in zip(knobs, titles)],
        [
            SAYS["called"].format(knob=knob + 1, factor=in_a_sentence(factor.short))
            for knob, factor in zip(knobs, titles)
        ],
        followed=SAYS["followed"],
        at=knobs.index(chosen),
        sets=lambda row, layers: moves_there(recipe, knobs[row], layers),
        again=lambda layers: back(recipe, chosen, layers),
        notes=lambda use: note(recipe, chosen, use[knobs.index(chosen)]),
    )


def moved_most(recipe: Recipe, judge: Judge, record: Mapping) -> int:
    """The number, among the judge's factors, of the one that a knob was measured to move most."""
    factors = factors_of(recipe.model, grade_of(recipe))
    return next(judge.names.index(name) for i in strongest_first(record) if (name := factors[i].name) in judge.names)


# --- the same knob in some layers alone


def nearest(recipe: Recipe, knob: int, layers: str) -> tuple[int, float]:
    """The knob that the recipe's way finds in these layers alone that points most as this one does, and its cosine."""
    mine, there = directions_of(recipe)[0].vectors[knob], directions_of(replace(recipe, layers=layers))[0].vectors
    alike = cosine_similarity(there, mine[None], dim=1)
    return int(alike.abs().argmax()), float(alike[alike.abs().argmax()])


def moves_there(recipe: Recipe, knob: int, layers: str) -> dict:
    """The fields that move a knob in these layers alone; none where no knob is found there that points as it does."""
    if layers == "all":
        return dict(layers=layers, knob=knob)
    if directions_of(recipe)[0].vectors.ndim == 3:
        return {}
    there, alike = nearest(recipe, knob, layers)
    if abs(alike) < ALIKE:
        return {}
    found = dict(layers=layers, knob=there)
    return found if there == knob and alike > 0 else dict(found, amounts=alone(there, TURN if alike > 0 else -TURN))


def back(recipe: Recipe, knob: int, layers: str) -> dict:
    """The fields that move it in all layers again, the same way round as in these."""
    found = dict(layers="all", knob=knob)
    return dict(found, amounts=alone(knob, TURN)) if "amounts" in moves_there(recipe, knob, layers) else found


def alone(knob: int, amount: float) -> list[float]:
    return [amount if i == knob else 0.0 for i in range(KNOBS)]


def note(recipe: Recipe, knob: int, layers: str) -> str:
    """What becomes of the chosen knob in its layers."""
    if layers == "all":
        return ""
    if directions_of(recipe)[0].vectors.ndim == 3:
        return SAYS["own_vectors"]
    there, alike = nearest(recipe, knob, layers)
    about = dict(layers=layers_in_words(layers), knob=knob + 1, there=there + 1, alike=signed(alike, 2))
    if there == knob and alike > SAME:
        return SAYS["same"].format(**about)
    return SAYS["nearest" if abs(alike) >= ALIKE else "none"].format(**about)


MAPPED = ("model", "label", "psi", "method", "mode", "directions", "reading")
CELL = layers_cell(in_layers, MAPPED, SAYS["lead"])
