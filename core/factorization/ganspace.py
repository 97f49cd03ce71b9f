"""GANSpace: the principal components of sampled codes.

Härkönen et al., GANSpace: Discovering Interpretable GAN Controls, NeurIPS 2020 (arXiv 2004.02546).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ..codes import Directions, canonical_sign, checked_slots
from ..generators.base import Generator


@torch.no_grad()
def ganspace(
    generator: Generator,
    slots: Iterable[int] | None = None,
    *,
    k: int = 10,
    samples: int = 10_000,
    seed: int = 0,
    label: int | None = None,
) -> Directions:
    """The k unit directions along which the codes of `samples` seeds vary most; scores are variances. float64.

    The codes of one picture are the same in every slot, so `slots` says only what the directions will move.
    label: the class whose codes are meant, where there are classes.
    """
    slots = checked_slots(generator, slots)
    movable = range(generator.dim)[generator.movable]
    most = min(len(movable), samples - 1)
    if not 1 <= k <= most:
        raise ValueError(f"k = {k}: {samples} samples of {len(movable)} numbers have 1 to {most} components")
    codes = generator.codes(generator.sample(samples, seed), label=label)[:, 0, generator.movable].cpu().double()
    scores, vectors = torch.linalg.eigh(torch.cov(codes.T).reshape(len(movable), -1))
    directions = torch.zeros(k, generator.dim, dtype=torch.float64)
    directions[:, generator.movable] = vectors.T.flip(0)[:k]
    return Directions(canonical_sign(directions), scores.flip(0)[:k].clamp(min=0), slots)
