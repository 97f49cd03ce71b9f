"""One sentence about a knob, always in one form: what moved, how much, against what, on how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .scores import interval, purity, same_sign
from .worlds.base import Factor

BESIDE = 0.5  # a second factor is named in the title from this share of the strongest one on
RARE = 0.99  # a statistic is named where this share of random directions moves it less


@dataclass(frozen=True)
class Verdict:
    """text: the line on the page. title: the knob's name.

    strongest: index of the factor moved most (None: none clearly).
    """

    text: str
    title: str
    strongest: int | None
    purity: float


def verdict(changes: Tensor, factors: Sequence[Factor], *, baseline: float, things: str = "pictures") -> Verdict:
    """What one step of a knob does, from changes [n, factors] in standard deviations of each factor.

    things: what was counted. baseline: the median, over random directions, of the strongest factor's mean change, in
    standard deviations. A factor is named only where its 95 % interval excludes 0 and its mean exceeds the baseline.
    """
    return verdict_of(*interval(changes), same_sign(changes), factors, baseline=baseline, n=len(changes), things=things)


def verdict_of(
    mean: Tensor,
    low: Tensor,
    high: Tensor,
    agree: Tensor,
    factors: Sequence[Factor],
    *,
    baseline: float,
    n: int,
    things: str = "pictures",
) -> Verdict:
    """The sentence about a knob from what was recorded of it.

    mean: change a step; low, high: its 95 % interval; agree: share of the n pictures that change in its sense; each
    [factors].
    """
    named = float(mean.abs().amax()) > baseline
    return _said(
        mean,
        low,
        high,
        agree,
        factors,
        named,
        of=things,
        beside="",
        ending=f"A random knob’s strongest: {baseline:.2f}. ({n} {things})",
    )


def statistics_verdict(changes: Tensor, percentile: Tensor, factors: Sequence[Factor], *, random: int) -> Verdict:
    """The sentence about a knob where exact picture statistics are the evidence.

    changes: [n, statistics], in standard deviations of each. percentile: [statistics], share (0 to 1) of `random`
    random directions that move it less. A statistic is named only where its 95 % interval excludes 0 and its percentile
    is 0.99 or more.
    """
    rarity = float(percentile[changes.mean(0).abs().argmax()])
    # rounded down: 99.5 % is not yet all of them
    share = "all" if rarity == 1 else f"{int(100 * rarity + 1e-9)} %"
    return _said(
        *interval(changes),
        same_sign(changes),
        factors,
        rarity >= RARE,
        of="pictures",
        beside=f"; more than {share} of {random} random directions",
        ending=f"({len(changes)} pictures)",
    )


def _said(
    mean: Tensor,
    low: Tensor,
    high: Tensor,
    agree: Tensor,
    factors: Sequence[Factor],
    named: bool,
    *,
    of: str,
    beside: str,
    ending: str,
) -> Verdict:
    pure = float(purity(mean[None]))
    first, second = mean.abs().argsort(descending=True)[:2].tolist()
    what, size = factors[first].description, _size(mean[first])
    if not named or low[first] * high[first] <= 0:
        text = f"No single thing: {what} moves most, by {size} a step{beside}. {ending}"
        return Verdict(text, "many things a little", None, pure)
    bounds = sorted(abs(float(bound)) for bound in (low[first], high[first]))
    next_one = f"{factors[second].description}, {abs(float(mean[second])):.2f}"
    text = (
        f"{what.capitalize()}: {size} a step (95 %: {bounds[0]:.2f} to {bounds[1]:.2f}), in the same sense on "
        f"{100 * float(agree[first]):.0f} % of {of}{beside}. Next: {next_one}. {ending}"
    )
    return Verdict(text, _title(mean, factors), first, pure)


def knob_title(changes: Tensor, factors: Sequence[Factor]) -> str:
    """Both ends of a knob, minus end first, as in "looks left / looks right".

    A second factor stands in brackets where it moves at least half as much.
    """
    return _title(changes.mean(0), factors)


def _title(mean: Tensor, factors: Sequence[Factor]) -> str:
    first, second = torch.topk(mean.abs(), 2).indices.tolist()
    ends = (factors[first].low, factors[first].high)
    title = " / ".join(ends if mean[first] > 0 else ends[::-1])
    if mean[second].abs() >= BESIDE * mean[first].abs():
        other = factors[second].high if mean[second] > 0 else factors[second].low
        title += f" (and {other})"
    return title


def _size(value: Tensor) -> str:
    return f"{abs(float(value)):.2f} standard deviations"


def named_knob(change: Tensor, own: int, factors: Sequence[Factor], *, pictures: int, things: str = "faces") -> str:
    """What a step of a knob that is named after a factor moves at first order, beside what else it moves most.

    change: [factors], in standard deviations, expected from the mean Jacobian of `pictures`. own: its own factor.
    """
    total, moved = float(change.abs().sum()), abs(float(change[own]))
    if total < 1e-9:
        return "Nothing that this network can vary changes this while the others stay."
    other = next(i for i in change.abs().argsort(descending=True).tolist() if i != own)
    return (
        f"A step: {factors[own].description} by {moved:.2f} standard deviations, {100 * moved / total:.0f} % of all "
        f"that it moves; next {factors[other].description}, {abs(float(change[other])):.2f} (first order, mean of "
        f"{pictures} {things})."
    )
