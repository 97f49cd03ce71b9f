"""What was measured of a set of knobs: no claim without its number, its baseline and its sample count.

It comes from weights/evidence/<card>.json, where that was measured with exactly these weights; any other set can be
measured while the page runs, with the same functions. A network without a reader is measured with exact picture
statistics; every claim says which grade of evidence it rests on.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from core import zoo
from core.codes import Directions, codes_in_turn
from core.factorization.baseline import random_directions, spread_along
from core.truth import scores, statistics
from core.truth.judge import GRADES, READER, STATISTICS, Judge
from core.truth.verdict import BESIDE, Verdict, statistics_verdict, verdict, verdict_of
from core.truth.worlds import load_world
from core.truth.worlds.base import Factor
from core.zoo import has_reader

from .blocks import Bar, bars
from .cache import Cache
from .cells import Progress
from .evidence import evidence
from .knobs import Knobs
from .sources import KnobSet, directions_of

FACES, FIRST_FACE, RANDOM_DRAWS = 64, 1_020_000, 5  # what is measured while the page runs
MOST_SETS = 64  # of knobs, kept as measured
BUDGET = 120  # seconds for the statistics of a slow model
MEASURE = "Measure these knobs"  # the button, which is there wherever nothing is measured
ORDERS = dict(sefa="strongest first", ganspace="strongest first", random="in no order", file="in the order of the file")

_measured = Cache(MOST_SETS, lambda records: 1)  # by set of knobs: what was measured while the page runs


def _key(recipe: KnobSet) -> tuple:
    mode = recipe.mode if recipe.method == "sefa" else ""
    return zoo.weights_hash(recipe.model), _judge(recipe), recipe.method, mode, recipe.layers, recipe.directions


def _judge(recipe: KnobSet) -> str:
    return READER if has_reader(recipe.model) else STATISTICS


def measured_knobs(recipe: KnobSet) -> list[dict] | None:
    """One record a knob (verdict, mean, low, high, purity ...), from the evidence or measured here.

    grade: what judged it, a key of GRADES. percentile: of the statistics, share (0 to 1) of random directions that move
    each less; empty where a reader judged, who compares with random knobs in the verdict.
    """
    method = f"sefa-{recipe.mode}" if recipe.method == "sefa" else recipe.method
    known = evidence(recipe.model) or {}
    found = known.get("sets", {}).get(f"{method}/{recipe.layers}")
    if found is None:
        return _measured.get(_key(recipe))
    factors, more = factors_of(recipe.model, READER), dict(percentile=[], grade=READER, pictures=FACES)
    return [dict(knob, **more, verdict=verdict_in(known, knob, recipe.layers, factors)) for knob in found["knobs"]]


def verdict_in(known: dict, knob: dict, layers: str, factors: Sequence[Factor]) -> str:
    """The sentence about a knob of the evidence, built from its numbers."""
    numbers = (tuple(knob[name]) for name in ("mean", "low", "high", "same_sign"))
    baseline, n = known["baseline"][layers], known["samples"]["faces"]
    return _sentence(*numbers, tuple(factors), baseline, n, zoo.card(known["card"]).things)


@lru_cache(maxsize=1024)
def _sentence(
    mean: tuple, low: tuple, high: tuple, same_sign: tuple, factors: tuple, baseline: float, n: int, things: str
) -> str:
    numbers = map(torch.tensor, (mean, low, high, same_sign))
    return verdict_of(*numbers, factors, baseline=baseline, n=n, things=things).text


def grade_of(recipe: KnobSet) -> str:
    """A key of GRADES: what judged these knobs; where nothing did yet, what would."""
    records = measured_knobs(recipe)
    return records[0].get("grade", READER) if records else _judge(recipe)


def factors_of(model: str, grade: str) -> Sequence[Factor]:
    return load_world(zoo.card(model).world).FACTORS if grade == READER else statistics.FACTORS


# --- as tables


def strongest_first(record: dict) -> list[int]:
    """The numbers of the factors of a record, by the size of their change."""
    return sorted(range(len(record["mean"])), key=lambda i: -abs(record["mean"][i]))


def chance_of(model: str, layers: str) -> list[dict]:
    """The records of random knobs in the evidence; none where nothing was measured."""
    return (evidence(model) or {}).get("sets", {}).get(f"random/{layers}", {}).get("knobs", [])


def factor_bars(
    record: dict, factors: Sequence[Factor], chance: Sequence[dict], caption: str, most: int | None = None
) -> str:
    """By how much a knob changes the `most` factors that it changes most, beside what random knobs do to each."""
    beside = [sum(abs(one["mean"][i]) for one in chance) / len(chance) for i in range(len(factors))] if chance else None
    rows = [
        Bar(
            factors[i].description,
            *(record[name][i] for name in ("mean", "low", "high")),
            beside=beside and beside[i],
        )
        for i in strongest_first(record)[:most]
    ]
    name = f"{len(chance)} random knobs, mean size" if chance else ""
    return bars(rows, caption=caption, value="change [95 %]", beside=name)


# --- what the controls show


def knobs_of(recipe: KnobSet) -> Knobs:
    """The knobs of a set, named after what they were measured to move. Raises RecipeError, see `directions_of`."""
    (directions, steps), records = directions_of(recipe), measured_knobs(recipe)
    ranked = ORDERS[recipe.method] == "strongest first"
    shares = (100 * directions.scores / directions.scores.max().clamp(min=1e-12)).round().int().tolist()
    named = [_named(records[i] if records else None, i, recipe.model) for i in range(len(directions))]
    words = {name: [one[name] for one in named] for name in ("titles", "ends", "verdicts", "also")}
    return Knobs(directions, steps.tolist(), **words, strengths=shares if ranked else [0] * len(shares))


def setup_of(recipe: KnobSet) -> dict:
    """What the controls need to know of a set of knobs beside the knobs: was it measured, by whom, in what order?"""
    return dict(measurable=not measured_knobs(recipe), grade=GRADES[grade_of(recipe)], order=ORDERS[recipe.method])


def _named(record: dict | None, knob: int, model: str) -> dict:
    """What a control shows of a knob: what it moves, the words at its ends, its verdict; no claim without a record."""
    if record is None:
        unknown = f"What knob {knob + 1} moves has not been measured: press “{MEASURE}”."
        return dict(titles="", also="", ends=("−", "+"), verdicts=unknown)
    said = dict(titles="many things a little", also="", ends=("one way", "the other way"), verdicts=record["verdict"])
    if record["strongest"] is None:
        return said
    factors, mean = factors_of(model, record.get("grade", READER)), record["mean"]
    first, second = strongest_first(record)[:2]
    ends = (factors[first].low, factors[first].high)[:: 1 if mean[first] > 0 else -1]
    also = f"also: {factors[second].description}" if abs(mean[second]) >= BESIDE * abs(mean[first]) else ""
    return dict(said, titles=factors[first].description, also=also, ends=ends)


# --- measured while the page runs


def measure(recipe: KnobSet) -> Iterator[Progress]:
    """Measures a set of knobs on 64 pictures, with the reader or, where there is none, with exact picture statistics.

    Afterwards `measured_knobs` has it; nothing is measured twice.
    """
    if not measured_knobs(recipe):
        judge = zoo.load_judge(recipe.model)
        records = yield from _with_reader(recipe, judge) if judge.grade == READER else _with_statistics(recipe)
        _measured.put(_key(recipe), records)


def _with_reader(recipe: KnobSet, judge: Judge) -> Generator[Progress, None, list[dict]]:
    generator, (directions, steps) = zoo.load(recipe.model), directions_of(recipe)
    codes = codes_in_turn(generator, FACES, FIRST_FACE, psi=zoo.card(recipe.model).psi)

    def turned(some: Directions, steps: Tensor) -> Iterator[Tensor]:
        return scores.knob_changes_of(generator, judge.read, codes, some, steps, judge.spread.float())

    chance, strongest, records = random_directions(generator, directions.slots, k=RANDOM_DRAWS, seed=7), [], []
    for change in turned(chance, spread_along(generator, chance)):
        strongest.append(change.mean(0).abs().amax())
        yield Progress(f"Turning random knobs on {FACES} {judge.things}: {len(strongest)} of {RANDOM_DRAWS}.")
    baseline = float(torch.stack(strongest).median())
    for change in turned(directions, steps):
        records.append(_record(change, verdict(change, judge.factors, baseline=baseline, things=judge.things), READER))
        yield Progress(f"Turning knob {len(records)} of {len(directions)} on {FACES} {judge.things}.")
    return records


def _with_statistics(recipe: KnobSet) -> Generator[Progress, None, list[dict]]:
    directions, steps = directions_of(recipe)
    what = f"{len(directions)} knobs and {statistics.RANDOM} random ones"
    generator, psi = zoo.load(recipe.model), zoo.card(recipe.model).psi
    pictures = dict(psi=psi, seeds=FACES, first_seed=FIRST_FACE, seconds=BUDGET)
    for step in statistics.measure(generator, directions, steps, **pictures):
        yield Progress(f"Turning {what} on {step.total} pictures: {step.done} of {step.total}.")
    found, records = step.result, []
    for change, percentile in zip(found.changes, found.percentile):
        said = statistics_verdict(change, percentile, statistics.FACTORS, random=found.random)
        records.append(_record(change, said, STATISTICS, percentile.tolist()))
    return records


def _record(change: Tensor, said: Verdict, grade: str, percentile: Sequence[float] = ()) -> dict:
    mean, low, high = scores.interval(change)
    return dict(
        strongest=said.strongest,
        verdict=said.text,
        purity=said.purity,
        mean=mean.tolist(),
        low=low.tolist(),
        high=high.tolist(),
        same_sign=scores.same_sign(change).tolist(),
        percentile=list(percentile),
        grade=grade,
        pictures=len(change),
    )
