"""Numbers of measurements in words: medians with their intervals, and minus signs."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch

DRAWS = 2_000  # of the pictures, with replacement


def minus(text: str) -> str:
    """The text with a minus sign before numbers below zero, where a hyphen stood for it."""
    return re.sub(r"(?<![\w−-])-(?=\d)", "−", text)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, and the middle 95 % of medians of as many drawn with replacement."""
    found = torch.tensor(values, dtype=torch.float64)
    draws = torch.randint(len(found), (DRAWS, len(found)), generator=torch.Generator().manual_seed(0))
    medians = found[draws].quantile(0.5, dim=1)
    return float(found.quantile(0.5)), float(medians.quantile(0.025)), float(medians.quantile(0.975))


def said(values: Sequence[float], form: str = "{:.1f}") -> str:
    """ "24.1 [23.0 to 25.2]"."""
    return minus("{} [{} to {}]".format(*(form.format(value) for value in interval(values))))
