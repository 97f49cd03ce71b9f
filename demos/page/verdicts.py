"""What was measured of a set of knobs: no claim without its number, its baseline and its sample count.

It comes from weights/evidence/<card>.json, where that was measured with exactly these weights; any other set can be
measured while the page runs, with the same functions. A network without a reader is measured with exact picture
statistics; every claim says which grade of evidence it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core import zoo
from core.cache import Cache
from core.codes import codes_in_turn
from core.evidence import knob_records
from core.factorization.baseline import random_directions, spread_along
from core.factorization.methods import METHODS, set_name
from core.truth import records, statistics
from core.truth.judge import GRADES, READER, STATISTICS
from core.truth.records import strongest_first
from core.truth.worlds import load_world
from core.truth.worlds.base import Factor
from core.zoo import has_reader

from .blocks import Bar, bars
from .cells import Progress
from .knobs import Knobs
from .sources import KnobSet, directions_of, names_of

FACES, FIRST_FACE, RANDOM_DRAWS = 64, 1_020_000, 5  # what is measured while the page runs
MOST_SETS = 64  # of knobs, kept as measured
BUDGET = 120  # seconds for the statistics of a slow model
MEASURE = "Measure these knobs"  # the button, which is there wherever nothing is measured
RANKED = "strongest first"

_measured = Cache(MOST_SETS, lambda records: 1)  # by set of knobs: what was measured while the page runs


def _key(recipe: KnobSet) -> tuple:
    return zoo.weights_hash(recipe.model), _judge(recipe), recipe.way, recipe.layers, recipe.directions, recipe.reading


def _judge(recipe: KnobSet) -> str:
    return READER if has_reader(recipe.model) else STATISTICS


def measured_knobs(recipe: KnobSet) -> list[dict] | None:
    """One record a knob, see `core.truth.records`, from the evidence or measured here."""
    return knob_records(recipe.model, set_name(recipe.way, recipe.layers)) or _measured.get(_key(recipe))


def order_of(recipe: KnobSet) -> str:
    """How its knobs are ordered, in words."""
    if recipe.way not in METHODS:
        return "in the order of the file"
    return RANKED if METHODS[recipe.way].ranked else "in no order"


def grade_of(recipe: KnobSet) -> str:
    """A key of GRADES: what judged these knobs; where nothing did yet, what would."""
    found = measured_knobs(recipe)
    return found[0].get("grade", READER) if found else _judge(recipe)


def factors_of(model: str, grade: str) -> Sequence[Factor]:
    return load_world(zoo.card(model).world).FACTORS if grade == READER else statistics.FACTORS


# --- as tables


def factor_bars(
    record: dict, factors: Sequence[Factor], chance: Sequence[dict], caption: str, most: int | None = None
) -> str:
    """By how much a knob changes the `most` factors that it changes most, beside what random knobs do to each."""
    beside = [sum(abs(one["mean"][i]) for one in chance) / len(chance) for i in range(len(factors))] if chance else None
    rows = [
        Bar(factors[i].description, record["mean"][i], record["low"][i], record["high"][i], beside and beside[i])
        for i in strongest_first(record)[:most]
    ]
    name = f"{len(chance)} random knobs, mean size" if chance else ""
    return bars(rows, caption=caption, value="change [95 %]", beside=name)


# --- what the controls show


def knobs_of(recipe: KnobSet) -> Knobs:
    """The knobs of a set, named after what they were measured to move. Raises RecipeError, see `directions_of`."""
    (directions, steps), found = directions_of(recipe), measured_knobs(recipe)
    ranked = order_of(recipe) == RANKED
    shares = (100 * directions.scores / directions.scores.max().clamp(min=1e-12)).round().int().tolist()
    shown = [_shown(found[i] if found else None, i, recipe.model) for i in range(len(directions))]
    for i, name in enumerate(names_of(recipe)[: len(shown)]):
        shown[i] = (name, *shown[i][1:])
    titles, also, ends, verdicts, plain = zip(*shown)
    strengths = shares if ranked else [0] * len(shares)
    return Knobs(directions, steps.tolist(), titles, ends, verdicts, also, strengths, plain=plain)


def setup_of(recipe: KnobSet) -> dict:
    """What the controls need to know of a set of knobs beside the knobs: was it measured, by whom, in what order?"""
    return dict(measurable=not measured_knobs(recipe), grade=GRADES[grade_of(recipe)], order=order_of(recipe))


def _shown(record: dict | None, knob: int, model: str) -> tuple[str, str, tuple[str, str], str, str]:
    """Of a knob: what it moves, what else, the words at its ends, its verdict, and that in plain words; no claim
    without a record.
    """
    if record is None:
        return "", "", ("−", "+"), f"What knob {knob + 1} moves has not been measured: press “{MEASURE}”.", ""
    factors = factors_of(model, record.get("grade", READER))
    return *records.name_of(record, factors), record["verdict"], record.get("plain", "")


# --- measured while the page runs


def measure(recipe: KnobSet) -> Iterator[Progress]:
    """Measures a set of knobs on 64 pictures, with the reader or, where there is none, with exact picture statistics.

    Afterwards `measured_knobs` has it; nothing is measured twice.
    """
    if measured_knobs(recipe):
        return
    generator, judge, psi = zoo.load(recipe.model), zoo.load_judge(recipe.model), zoo.card(recipe.model).psi
    knobs = directions_of(recipe)
    if judge.grade == READER:
        chance = random_directions(generator, knobs[0].slots, k=RANDOM_DRAWS, seed=7)
        codes = codes_in_turn(generator, FACES, FIRST_FACE, psi=psi)
        steps = records.by_reader(generator, judge, codes, knobs, (chance, spread_along(generator, chance)))
    else:
        pictures = dict(psi=psi, seeds=FACES, first_seed=FIRST_FACE, seconds=BUDGET)
        steps = records.by_statistics(generator, knobs, **pictures)
    for step in steps:
        if step.says:
            yield Progress(step.says)
    _measured.put(_key(recipe), step.records)
