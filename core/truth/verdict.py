"""One sentence about a knob, always in one form: what moved, how much, against what, on how many."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .scores import interval, purity, same_sign
from .worlds.base import Factor

BESIDE = 0.5        # a second factor is named in the title from this share of the strongest one on


@dataclass(frozen=True)
class Verdict:
    """text: the line on the page. title: the knob's name. strongest: index of the factor moved most (None: none clearly)."""
    text: str
    title: str
    strongest: int | None
    purity: float


def verdict(changes: Tensor, factors: Sequence[Factor], *, baseline: float) -> Verdict:
    """What one step of a knob does, from changes [n, factors] in standard deviations of each factor.

    baseline: the median, over random directions, of the strongest factor's mean change, in standard deviations. A factor
    is named only where its 95 % interval excludes 0 and its mean exceeds the baseline.
    """
    mean, low, high = interval(changes)
    order = mean.abs().argsort(descending=True).tolist()
    first, second = order[0], order[1]
    clear = bool(low[first] * high[first] > 0) and float(mean[first].abs()) > baseline
    random = f"Random knobs: {baseline:.2f}. ({len(changes)} faces)"
    if not clear:
        return Verdict(f"No single thing: {factors[first].description} moves most, by {_size(mean[first])} a step. {random}",
                       "many things a little", None, float(purity(changes)))
    bounds = sorted(abs(float(bound)) for bound in (low[first], high[first]))
    agree = float(same_sign(changes)[first])
    text = (f"{factors[first].description.capitalize()}: {_size(mean[first])} a step (95 %: {bounds[0]:.2f} to {bounds[1]:.2f}), "
            f"in the same sense on {agree:.0%} of faces. Next: {factors[second].description}, {abs(float(mean[second])):.2f}. {random}")
    return Verdict(text, knob_title(changes, factors), first, float(purity(changes)))


def knob_title(changes: Tensor, factors: Sequence[Factor]) -> str:
    """"looks left / looks right", minus end first; a second factor in brackets where it moves at least half as much."""
    mean = changes.mean(0)
    first, second = torch.topk(mean.abs(), 2).indices.tolist()
    ends = (factors[first].low, factors[first].high)
    title = " / ".join(ends if mean[first] > 0 else ends[::-1])
    if mean[second].abs() >= BESIDE * mean[first].abs():
        other = factors[second].high if mean[second] > 0 else factors[second].low
        title += f" (and {other})"
    return title


def _size(value: Tensor) -> str:
    return f"{abs(float(value)):.2f} standard deviations"
