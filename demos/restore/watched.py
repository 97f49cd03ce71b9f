"""What is shown of a search beside its picture, as HTML: how the loss fell, and how much each code counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.inversion.search import Found, thinned

from .settings import WORDS

WIDE, HIGH = 1280, 120  # of the curve
HTML = WORDS["watched"]


def watched(found: Found) -> str:
    """A slider through the film, the curve, and the codes' shares; search.js moves what the slider shows."""
    return HTML["film"] + curve(found.curve) + shares(found.shares())


def curve(losses: Sequence[float]) -> str:
    """The loss after each step, on a logarithmic scale; "" where there is one alone."""
    logs = [math.log10(max(loss, 1e-9)) for loss in thinned(losses)]
    if len(logs) < 2:
        return ""
    top, span = max(logs), max(max(logs) - min(logs), 1e-6)
    across, down = (WIDE - 6) / (len(logs) - 1), (HIGH - 12) / span
    points = [f"{3 + i * across:.1f},{6 + (top - log) * down:.1f}" for i, log in enumerate(logs)]
    x, y = points[-1].split(",")
    return HTML["curve"].format(wide=WIDE, high=HIGH, points=" ".join(points), x=x, y=y)


def shares(codes: Sequence[float]) -> str:
    """How much each code counts, as bars and in words."""
    percents = [round(100 * share) for share in codes]
    bars = "".join(f'<span style="height:{100 * share / max(codes):.0f}%"></span>' for share in codes)
    least, most = min(percents), max(percents)
    spread = f"about {least} %" if least == most else f"{least} to {most} %"
    many = f"How much each of the {len(codes)} codes counts: {spread}"
    says = many if codes[1:] else "One code makes the picture."
    return HTML["shares"].format(percents=", ".join(map(str, percents)), bars=bars, says=says)
