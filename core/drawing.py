"""Draw codes that differ in some slots: the layers before the first of these run once."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from .generators.base import Generator, State

PIXELS_AT_ONCE = 2**21  # of pictures that are drawn together


@torch.no_grad()
def prefix(generator: Generator, codes: Tensor, slots: Iterable[int]) -> State | None:
    """The state before the first layer that reads one of `slots`, for codes [1, slots, dim]; None: it is layer 0."""
    start = generator.start(slots)
    return generator.run(codes, stop=start) if start else None


@torch.no_grad()
def draw(
    generator: Generator,
    codes: Tensor,
    slots: Iterable[int],
    before: State | None = None,
    *,
    at_once: int = PIXELS_AT_ONCE,
) -> Tensor:
    """Images [n, 3, R, R], nominally in [-1, 1], of codes [n, slots, dim] that are equal but in `slots`.

    before: what `prefix` returned for one of them and the same slots; None: it is made here. at_once: pixels of
    pictures that are drawn together.
    """
    slots = tuple(slots)
    start = generator.start(slots)
    if before is None:
        before = prefix(generator, codes[:1], slots)
    batches = codes.split(max(1, at_once // generator.resolution**2))
    return torch.cat([_finished(generator, batch, before, start) for batch in batches])


def _finished(generator: Generator, codes: Tensor, before: State | None, start: int) -> Tensor:
    if before is None:
        return generator(codes)
    state = before._make(part if part is None else part.expand(len(codes), -1, -1, -1) for part in before)
    return generator.to_image(generator.run(codes, state, start=start))
