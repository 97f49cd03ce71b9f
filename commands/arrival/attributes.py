"""What Attributes shows on arrival: Steer's face, one knob turned, the maps of all knobs."""

from __future__ import annotations

from collections.abc import Iterator

from demos.attributes.tab import RECORDED, TAB, Attributes, first

__all__ = ["RECORDED", "TAB", "candidates"]


def candidates() -> Iterator[tuple[str, Attributes]]:
    yield "", first()
