"""What Restyle shows on arrival: a face as it was and in the style of one tinted picture, and how far that went."""

from __future__ import annotations

from collections.abc import Iterator

from demos.restyle.tab import RECORDED, TAB, Restyle, first

__all__ = ["RECORDED", "TAB", "candidates"]


def candidates() -> Iterator[tuple[str, Restyle]]:
    yield "", first()
