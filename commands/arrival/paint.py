"""What Paint shows on arrival: Steer's face, its mouth, and knob 1. `python -m commands.arrival paint` records it."""

from __future__ import annotations

from collections.abc import Iterator

from core import region_evidence, zoo
from demos.page.arrival import recorded
from demos.paint.recipe import Painted
from demos.paint.tab import TAB as TAB

CARD = "portraits-stylegan2"
RECORDED = ("paste", "ban", "faces", "refuse")
PART, STEPS = "mouth", 3.0  # the region, and how far its knob 1 is turned


def candidates() -> Iterator[tuple[str, Painted]]:
    """One; none where nothing is recorded for Steer yet."""
    steer, slots = recorded("steer"), region_evidence.slots(CARD)  # those that the page has numbers for
    layers = f"{slots[0]}-{slots[-1]}" if slots else "all"
    if steer is not None:
        seed, psi = steer["recipe"]["seed"], zoo.card(CARD).psi
        yield "", Painted(CARD, seed=seed, psi=psi, region=PART, layers=layers, amounts=(STEPS,))
