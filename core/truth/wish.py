"""Which knob does what somebody wishes: the one that the measurements say moves a factor most, and that in sentences.

A record says what was measured of a knob: `mean`, `low` and `high` [factors], the change a step with its 95 % interval
in standard deviations, `grade`, a key of judge.GRADES, and of how many `pictures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from .judge import READER
from .worlds.base import Factor

CLEAR = 0.3  # standard deviations a step that count as moving it
END, AT_END = 2.0, 1.0  # steps to an end, and standard deviations that count there


class Choice(NamedTuple):
    """A knob, counted from 0, and the sign of the turn that gives more of the factor. clear: moves it clearly?"""

    knob: int
    sign: int
    clear: bool
    text: str


def knob_for(records: Sequence[Mapping], at: int, factors: Sequence[Factor]) -> Choice:
    """The knob that moves factor `at` most on average.

    Clear: by CLEAR a step or more, with an interval that excludes 0. One record a knob; one of the factors a column.
    """
    best = max(range(len(records)), key=lambda i: abs(records[i]["mean"][at]))
    record, mean = records[best], records[best]["mean"]
    clear = record["low"][at] * record["high"][at] > 0 and abs(mean[at]) >= CLEAR
    said = _mean_said(record, best, at, factors) if clear else _nearest_said(records, best, at, factors)
    return Choice(best, 1 if mean[at] >= 0 else -1, clear, said)


def _mean_said(record: Mapping, knob: int, at: int, factors: Sequence[Factor]) -> str:
    mean = record["mean"]
    first, *rest = sorted((i for i in range(len(mean)) if i != at), key=lambda i: -abs(mean[i]))
    more = abs(mean[first]) > abs(mean[at])
    also = "but it moves {} more: {}" if more else "it is also what this knob moves most. With it moves {}, {}"
    said = also.format(factors[first].description, f"{abs(mean[first]):.1f}")
    second = f", and {factors[rest[0]].description}, {abs(mean[rest[0]]):.1f}" if rest else ""
    return (
        f"{_on_average(record)} knob {knob + 1} moves {factors[at].description} most: "
        f"{abs(mean[at]):.1f} standard deviations a step; {said}{second}."
    )


def _on_average(record: Mapping) -> str:
    """What was averaged: the reader looks at a step to both sides, statistics are slopes."""
    way = "over both directions" if record["grade"] == READER else "by the slope at each"
    return f"On average over {record['pictures']} pictures, {way},"


def _nearest_said(records: Sequence[Mapping], knob: int, at: int, factors: Sequence[Factor]) -> str:
    """That no knob is clear on average, and which comes nearest.

    A number that would round up to clear gets another digit.
    """
    mean, wanted = abs(records[knob]["mean"][at]), factors[at].description
    size = f"{int(1000 * mean) / 1000:.3f}" if mean < CLEAR <= round(mean, 2) else f"{mean:.2f}"
    why = f"; {CLEAR:g} would count" if mean < CLEAR else ", which may be chance"
    return (
        f"{_on_average(records[knob])} no knob of these {len(records)} clearly moves {wanted}: "
        f"knob {knob + 1} comes nearest, with {size} standard deviations a step{why}."
    )


# --- at one end alone: a mean over both directions does not see what appears there, as glasses do


class AtAnEnd(NamedTuple):
    """A knob, counted from 0, at `end` steps changes a factor of one picture by `change` standard deviations."""

    knob: int
    end: float
    change: float

    @property
    def visible(self) -> bool:
        return abs(self.change) >= AT_END


def strongest_end(changes: Tensor) -> AtAnEnd:
    """Of changes [knobs, 2] of a factor, in standard deviations, with each knob at -END and at END steps."""
    best = int(changes.flatten().abs().argmax())
    return AtAnEnd(best // 2, (-END, END)[best % 2], float(changes.flatten()[best]))


def end_sentence(found: AtAnEnd, wanted: str, others: Tensor, things: str) -> str:
    """What the end of a knob does on the picture, and on others: changes [n] of the same factor by the same turn."""
    end = f"{found.end:+g}".replace("-", "−")
    if not found.visible:
        return (
            f"Nor does one at −{END:g} or +{END:g} steps on this picture: "
            f"by {abs(found.change):.1f} at most (knob {found.knob + 1})."
        )
    alike = int((others * (1 if found.change > 0 else -1) >= AT_END).sum())
    return (
        f"At one end it is otherwise: on this picture knob {found.knob + 1} at {end} steps changes {wanted} by "
        f"{abs(found.change):.1f} standard deviations, and by {AT_END:g} or more on {alike} of {len(others)} "
        f"other {things}."
    )
