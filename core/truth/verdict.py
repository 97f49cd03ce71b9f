"""One sentence about a knob, always in one form: what moved, how much, against what, on how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .scores import interval, purity, same_sign
from .worlds.base import Factor

NAMED = 0.8  # what moves at least this share of the strongest factor is part of a knob's name
BESIDE = 0.5  # a second factor is named beside it from this share of the strongest one on
RARE = 0.99  # a statistic is named where this share of random directions moves it less
ALIKE = ((0.995, "all"), (0.9, "nearly all"), (0.75, "most"), (0.0, "more than half of the"))  # least share, in words
AS_MUCH = (  # what a random knob does, below this share of the knob's own strongest change, in words
    (0.2, "hardly anything"),
    (0.3, "a quarter as much"),
    (0.42, "a third as much"),
    (0.6, "half as much"),
    (0.8, "two thirds as much"),
    (1.0, "nearly as much"),
)
VISIBLE = 0.3  # standard deviations a step: what changes less is not spoken of


@dataclass(frozen=True)
class Verdict:
    """text: with its numbers. title: the knob's name. plain: in words that need no explanation.

    strongest: index of the factor moved most (None: none clearly).
    """

    text: str
    title: str
    strongest: int | None
    purity: float
    plain: str = ""


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
    size = float(mean.abs().amax())
    named = size > baseline
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
        chance=f"A random knob does {_as_much(baseline / max(size, 1e-12))}.",
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
        chance=f"It is changed as much by {_at_random(rarity, random)}.",
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
    chance: str,
) -> Verdict:
    pure = float(purity(mean[None]))
    first, second = mean.abs().argsort(descending=True)[:2].tolist()
    what, size = factors[first].description, _size(mean[first])
    if not named or low[first] * high[first] <= 0:
        text = f"No single thing: {what} moves most, by {size} a step{beside}. {ending}"
        plain = "Many things change a little, and none clearly."
        if low[first] * high[first] > 0 and abs(float(mean[first])) >= VISIBLE:
            plain = f"{what.capitalize()} changes most, but hardly more than random knobs change something."
        return Verdict(text, "many things a little", None, pure, plain)
    bounds = sorted(abs(float(bound)) for bound in (low[first], high[first]))
    next_one = f"{factors[second].description}, {abs(float(mean[second])):.2f}"
    text = (
        f"{what.capitalize()}: {size} a step (95 %: {bounds[0]:.2f} to {bounds[1]:.2f}), in the same sense on "
        f"{100 * float(agree[first]):.0f} % of {of}{beside}. Next: {next_one}. {ending}"
    )
    return Verdict(
        text, _title(mean, factors), first, pure, f"{_plain(mean, float(agree[first]), factors, of)} {chance}"
    )


def moved_by(mean: Sequence[float]) -> tuple[list[int], list[int]]:
    """Numbers of the factors that a knob's name says, and of those that it moves beside them, the strongest first.

    mean: change a step of each factor.
    """
    order = sorted(range(len(mean)), key=lambda i: -abs(float(mean[i])))
    most = abs(float(mean[order[0]]))
    named = [i for i in order if abs(float(mean[i])) >= NAMED * most]
    return named, [i for i in order[len(named) :] if abs(float(mean[i])) >= BESIDE * most]


def listed(words: Sequence[str], things: str = "") -> str:
    """ "a", "a and b", "a, b and c"; of more than three only how many `things` they are, where these have a name."""
    if things and len(words) > 3:
        return f"{len(words)} {things}"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _plain(mean: Tensor, agree: float, factors: Sequence[Factor], of: str) -> str:
    named, beside = ([factors[i].short for i in some] for some in moved_by(mean.tolist()))
    what = listed(named)
    every = next(words for least, words in ALIKE if agree >= least)
    less = f"; less so {listed(beside[:2])}" if beside else ""
    return f"{what[:1].upper()}{what[1:]} change{'s' * (len(named) == 1)}, the same way on {every} {of}{less}."


def _as_much(share: float) -> str:
    """What a random knob does, beside one that moves its strongest factor by 1."""
    return next((words for most, words in AS_MUCH if share < most), "as much")


def _at_random(rarity: float, random: int) -> str:
    """How many random knobs move a statistic as much as one that moves it more than a share `rarity` of them."""
    return (
        f"none of {random} random knobs"
        if rarity == 1
        else f"{max(1, round((1 - rarity) * random))} of {random} random knobs"
    )


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


def named_knob(
    change: Tensor, own: int, factors: Sequence[Factor], *, pictures: int, things: str = "faces", measured: bool = False
) -> str:
    """What a step of a knob that is named after a factor moves, beside what else it moves most.

    change: [factors], in standard deviations: measured on as many `pictures` that nothing was fitted to, else expected
    at first order from their mean Jacobian. own: its own factor.
    """
    total, moved = float(change.abs().sum()), abs(float(change[own]))
    if total < 1e-9:
        return "Nothing that this network can vary changes this while the others stay."
    other = next(i for i in change.abs().argsort(descending=True).tolist() if i != own)
    how = f"mean of {pictures} other {things}" if measured else f"first order, mean of {pictures} {things}"
    return (
        f"A step: {factors[own].description} by {moved:.2f} standard deviations, {100 * moved / total:.0f} % of all "
        f"that it moves; next {factors[other].description}, {abs(float(change[other])):.2f} ({how})."
    )


def plain_named(change: Tensor, own: int, factors: Sequence[Factor]) -> str:
    """What a knob that is named after a factor moves, in words that need no explanation; see `named_knob`."""
    total = float(change.abs().sum())
    if total < 1e-9:
        return "Nothing that this network can vary changes this while the others stay."
    next_one = next(i for i in change.abs().argsort(descending=True).tolist() if i != own)
    share = 100 * abs(float(change[own])) / total
    what, rest = factors[own].short, factors[next_one].short
    return f"{what[:1].upper()}{what[1:]}: {share:.0f} % of all that this knob moves. Most of the rest: {rest}."
