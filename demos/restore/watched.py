"""What is shown of a search beside its picture, as HTML: how the loss fell, and how much each code counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.inversion.search import Found, thinned

WIDE, HIGH = 1280, 120  # of the curve

SCRUB = (
    '<div class="field"><label for="restore-film">Watch it being found</label><input type="range" id="restore-film" '
    'min="0" max="1" step="0.01" value="1" aria-label="The search from its start to its end">'
    '<output for="restore-film"></output></div>'
)


def watched(found: Found) -> str:
    """A slider through the film, the curve, and the codes' shares; search.js moves what the slider shows."""
    return SCRUB + curve(found.curve) + shares(found.shares())


def curve(losses: Sequence[float]) -> str:
    """The loss after each step, on a logarithmic scale; "" where there is one alone."""
    logs = [math.log10(max(loss, 1e-9)) for loss in thinned(losses)]
    if len(logs) < 2:
        return ""
    top, span = max(logs), max(max(logs) - min(logs), 1e-6)
    across, down = (WIDE - 6) / (len(logs) - 1), (HIGH - 12) / span
    points = [(3 + i * across, 6 + (top - log) * down) for i, log in enumerate(logs)]
    x, y = points[-1]
    return (
        f'<svg class="curve" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" role="img" '
        f'aria-label="The loss after each step, on a logarithmic scale">'
        f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7"/></svg>'
        '<p class="caption">How far it is from what was observed, after each step</p>'
    )


def shares(codes: Sequence[float]) -> str:
    """How much each code counts, as bars and in words."""
    percents = [round(100 * share) for share in codes]
    bars = "".join(f'<span style="height:{100 * share / max(codes):.0f}%"></span>' for share in codes)
    least, most = min(percents), max(percents)
    spread = f"about {least} %" if least == most else f"{least} to {most} %"
    many = f"How much each of the {len(codes)} codes counts: {spread}"
    label = f"How much each code counts, in per cent: {', '.join(map(str, percents))}"
    return (
        f'<div class="shares" role="img" aria-label="{label}">{bars}</div>'
        f'<p class="caption" id="restore-shares-says">{many if codes[1:] else "One code makes the picture."}</p>'
    )
