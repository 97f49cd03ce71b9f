"""Records of knobs: what was measured of each, by a reader or by exact picture statistics, and the words for it.

A record is a dict of plain values: `mean`, `low`, `high` ([factors]: the change a step and its 95 % interval, in
standard deviations of each factor), `same_sign` ([factors]: the share of pictures that change in the mean's sense),
`strongest` (the number of the factor that the knob is named after, None where none is clear), `purity`, `verdict` (a
sentence with its numbers), `plain` (one without), `grade` (a key of `judge.GRADES`), `pictures` (how many), and
`percentile` ([factors]: of statistics, the share of random directions that move each less; empty for a reader).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Directions
from ..generators.base import Generator
from . import statistics
from .judge import READER, STATISTICS, Judge
from .scores import interval, knob_changes_of, same_sign
from .verdict import Verdict, listed, moved_by, statistics_verdict, verdict, verdict_of
from .worlds.base import Factor

AT_ENDS = 2  # of the factors in a knob's name, how many the words at its ends tell


class Step(NamedTuple):
    """says: how far it is, in a sentence; the last step has the records, one a knob."""

    says: str
    records: list[dict] | None = None


def record(change: Tensor, said: Verdict, grade: str, percentile: Sequence[float] = ()) -> dict:
    """Of changes [n, factors] of one knob a step, in standard deviations of each factor."""
    mean, low, high = (one.tolist() for one in interval(change))
    measured = dict(mean=mean, low=low, high=high, same_sign=same_sign(change).tolist(), pictures=len(change))
    return dict(
        measured,
        strongest=said.strongest,
        verdict=said.text,
        plain=said.plain,
        purity=said.purity,
        percentile=list(percentile),
        grade=grade,
    )


Stepped = tuple[Directions, Tensor]  # k directions, and [k]: the length of one step along each


def by_reader(generator: Generator, judge: Judge, codes: Tensor, knobs: Stepped, chance: Stepped) -> Iterator[Step]:
    """Turns knobs by a step to either side on the pictures of codes [n, slots, dim] and reads both.

    chance: random knobs; the median of their strongest changes is the baseline of the verdicts.
    """
    spread, strongest, records = judge.spread.float(), [], []
    for change in knob_changes_of(generator, judge.read, codes, *chance, spread):
        strongest.append(change.mean(0).abs().amax())
        many = f"{len(strongest)} of {len(chance[1])}"
        yield Step(f"Turning random knobs on {len(codes)} {judge.things}: {many}.")
    baseline = float(torch.stack(strongest).median())
    for change in knob_changes_of(generator, judge.read, codes, *knobs, spread):
        said = verdict(change, judge.factors, baseline=baseline, things=judge.things)
        records.append(record(change, said, READER))
        many = f"{len(records)} of {len(knobs[1])}"
        yield Step(f"Turning knob {many} on {len(codes)} {judge.things}.", records)


def by_statistics(generator: Generator, knobs: Stepped, **pictures: float) -> Iterator[Step]:
    """Follows knobs by the slopes of picture statistics, beside random directions.

    pictures: `psi`, `seeds`, `first_seed` and `seconds` of `statistics.measure`.
    """
    what = f"{len(knobs[1])} knobs and {statistics.RANDOM} random ones"
    for step in statistics.measure(generator, *knobs, **pictures):
        yield Step(f"Turning {what} on {step.total} pictures: {step.done} of {step.total}.")
    found, records = step.result, []
    for change, percentile in zip(found.changes, found.percentile):
        said = statistics_verdict(change, percentile, statistics.FACTORS, random=found.random)
        records.append(record(change, said, STATISTICS, percentile.tolist()))
    yield Step("", records)


# --- words


def strongest_first(record: dict) -> list[int]:
    """The numbers of the factors of a record, by the size of their change."""
    return sorted(range(len(record["mean"])), key=lambda i: -abs(record["mean"][i]))


def name_of(record: dict, factors: Sequence[Factor]) -> tuple[str, str, tuple[str, str]]:
    """What a knob moves, what else it moves, and the words at its ends, minus end first."""
    if record["strongest"] is None:
        return "many things a little", "", ("one way", "the other way")
    mean = record["mean"]
    named, beside = moved_by(mean)
    both = [(factors[i].low, factors[i].high)[:: 1 if mean[i] > 0 else -1] for i in named[:AT_ENDS]]
    low, high = (", ".join(words) for words in zip(*both))
    title, also = (listed([factors[i].short for i in some]) for some in (named, beside[:1]))
    return title, also and f"also: {also}", (low, high)


def words_in(record: dict, factors: Sequence[Factor], *, baseline: float, n: int, things: str) -> dict[str, str]:
    """`verdict` and `plain` of a knob that a reader judged, built from the numbers of its record; see `verdict_of`."""
    numbers = (tuple(record[name]) for name in ("mean", "low", "high", "same_sign"))
    said = _said(*numbers, tuple(factors), baseline, n, things)
    return dict(verdict=said.text, plain=said.plain)


@lru_cache(maxsize=1024)
def _said(
    mean: tuple, low: tuple, high: tuple, same_sign: tuple, factors: tuple, baseline: float, n: int, things: str
) -> Verdict:
    numbers = map(torch.tensor, (mean, low, high, same_sign))
    return verdict_of(*numbers, factors, baseline=baseline, n=n, things=things)
