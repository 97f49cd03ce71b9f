"""What any method must beat, and the scale that makes methods comparable."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ..codes import Directions, checked_slots
from ..generators.base import Generator


def random_directions(
    generator: Generator, slots: Iterable[int] | None = None, *, k: int = 10, seed: int = 0
) -> Directions:
    """k unit vectors, uniform on the sphere; scores 1. Vector i depends on `seed` and i alone. float64."""
    slots = checked_slots(generator, slots)
    directions = torch.zeros(k, generator.dim, dtype=torch.float64)
    for i in range(k):
        random = torch.Generator().manual_seed(1_000_003 * seed + i)
        directions[i, generator.movable] = torch.randn(
            len(range(generator.dim)[generator.movable]), generator=random, dtype=torch.float64
        )
    return Directions(directions / directions.norm(dim=1, keepdim=True), torch.ones(k, dtype=torch.float64), slots)


@torch.no_grad()
def spread_along(
    generator: Generator, directions: Directions, *, samples: int = 4096, seed: int = 500_000, label: int | None = None
) -> Tensor:
    """[k], float64: the standard deviation of w . v over `samples` seeds:
    the length of "one step" along each direction.

    label: the class whose codes are meant, where there are classes.
    """
    codes = generator.codes(generator.sample(samples, seed), label=label)[:, list(directions.slots)].cpu().double()
    vectors = directions.vectors.double()
    if vectors.ndim == 2:
        return (codes.mean(1) @ vectors.T).std(0)  # the same code in every slot
    return torch.einsum("nsd,ksd->nk", codes, vectors).std(0)
