"""What My picture shows on arrival: a face that the network never saw, three ways to its codes, each turned."""

from __future__ import annotations

from collections.abc import Iterator

from demos.my_picture.tab import RECORDED, TAB, MyPicture, first

__all__ = ["RECORDED", "TAB", "candidates"]


def candidates() -> Iterator[tuple[str, MyPicture]]:
    yield "", first()
