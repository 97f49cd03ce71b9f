"""Which knob does what somebody wishes: the one that the measurements say moves a factor most, and that in sentences.

A record says what was measured of a knob: `mean`, `low` and `high` [factors], the change a step with its 95 % interval
in standard deviations, `grade`, a key of judge.GRADES, and of how many `pictures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Directions, edit
from ..generators.base import Generator
from .judge import READER, Judge
from .scores import interval, read_codes
from .verdict import listed
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


# --- several wishes at once, while other things stay: knobs turned together

FAR = 1.5  # steps of the knob that is turned most
MANY = 4  # knobs that are named by their numbers


class Turned(NamedTuple):
    """What knobs turned together did: was every wish clearly fulfilled, and a sentence with its numbers."""

    clear: bool
    text: str


def turn_for(records: Sequence[Mapping], wanted: Mapping[int, int], held: Sequence[int] = ()) -> Tensor | None:
    """[k] float64, steps of each knob: the shortest turn that at first order moves every wanted factor by as much as
    the others and each of `held` not at all. None where these knobs cannot.

    wanted: by the number of the factor, 1 for more of it and -1 for less. The longest step is FAR.
    """
    conditions = _means(records)[:, [*wanted, *held]].T
    target = torch.tensor([*wanted.values(), *[0] * len(held)], dtype=torch.float64)
    amounts = torch.linalg.pinv(conditions, rtol=1e-3) @ target
    if not torch.allclose(conditions @ amounts, target, atol=0.01):
        return None
    return amounts * FAR / amounts.abs().max()


def corrected(
    amounts: Tensor, left: Tensor, records: Sequence[Mapping], wanted: Sequence[int], held: Sequence[int]
) -> Tensor:
    """[k]: the turn, less what moves `held` by what they were seen to move, `left` [held]; `wanted` stay as they are.

    A long turn does a little else than first order says.
    """
    conditions = _means(records)[:, [*wanted, *held]].T
    surplus = torch.cat([torch.zeros(len(wanted), dtype=torch.float64), left.double()])
    return amounts - torch.linalg.pinv(conditions, rtol=1e-3) @ surplus


def _means(records: Sequence[Mapping]) -> Tensor:
    return torch.tensor([record["mean"] for record in records], dtype=torch.float64)  # [k, factors]


@torch.no_grad()
def changes_by(
    generator: Generator, judge: Judge, codes: Tensor, directions: Directions, distances: Sequence[float]
) -> Tensor:
    """[n, factors]: what the turn changes on the pictures of codes [n, slots, dim], in standard deviations.

    distances: how far along each direction, in units of w.
    """
    before, after = (read_codes(generator, judge.read, one) for one in (codes, edit(codes, directions, distances)))
    return judge.spread_over(before).deviations(after - before)


def turn_sentence(
    change: Tensor, free: Tensor, wanted: Mapping[int, int], held: Sequence[int], amounts: Tensor, judge: Judge
) -> Turned:
    """change [n, factors]: what the turn did, in standard deviations; free: likewise, had nothing been held."""
    mean, low, high = interval(change)
    clear = all(float(mean[i]) * sense >= CLEAR and low[i] * high[i] > 0 for i, sense in wanted.items())
    names = [factor.short for factor in judge.factors]
    turned = [i + 1 for i, amount in enumerate(amounts.tolist()) if abs(amount) >= 0.05]
    knobs = f"knobs {listed(list(map(str, turned)))}" if len(turned) <= MANY else f"{len(turned)} knobs"
    done = listed([f"{names[i]} by {abs(float(mean[i])):.1f}" for i in wanted])
    if not clear:
        stays = f" while {listed([names[i] for i in held])} {'stay' if held[1:] else 'stays'}" if held else ""
        return Turned(False, f"No turn of these knobs together clearly does that{stays}: at most {done}.")
    left = free.mean(0)
    kept = [f"{names[i]} by {abs(float(mean[i])):.1f} (left free: {abs(float(left[i])):.1f})" for i in held]
    others = sorted((i for i in range(len(names)) if i not in {*wanted, *held}), key=lambda i: -abs(float(mean[i])))
    more = listed([f"{names[i]} by {abs(float(mean[i])):.1f}" for i in others[:2]])
    return Turned(
        True,
        f"Turning {knobs} together changes {done} standard deviations, the mean over {len(change)} {judge.things}"
        + (f"; what was to stay moves: {listed(kept)}" if kept else "")
        + f". With it moves {more}.",
    )
