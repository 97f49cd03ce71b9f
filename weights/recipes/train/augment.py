"""Differentiable augmentation: the critic sees renders and generated pictures only after the same random changes.

Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training, NeurIPS 2020; strengths are the paper's.
Every picture gets draws of its own, and gradients flow through all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT, HOLE = 1 / 8, 1 / 2  # of the side: the largest translation, the side of the square that is cut out


def uniform(images: Tensor, random: torch.Generator) -> Tensor:
    """[n, 1, 1, 1] in [0, 1): one number a picture."""
    return torch.rand(len(images), 1, 1, 1, generator=random).to(images)


def whole(images: Tensor, random: torch.Generator, low: int, high: int) -> Tensor:
    """[n]: whole numbers from `low` to `high`, both included."""
    return torch.randint(low, high + 1, (len(images),), generator=random).to(images.device)


def colour(images: Tensor, random: torch.Generator) -> Tensor:
    """Brightness by -0.5 to 0.5, saturation times 0 to 2, contrast times 0.5 to 1.5."""
    images = images + (uniform(images, random) - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2 * uniform(images, random))
    level = images.mean((1, 2, 3), keepdim=True)
    return level + (images - level) * (0.5 + uniform(images, random))


def translation(images: Tensor, random: torch.Generator) -> Tensor:
    """Moved by up to an eighth of the side each way; what comes in is 0 (grey)."""
    side = images.shape[-1]
    most = round(side * SHIFT)
    padded = F.pad(images, (most,) * 4)
    rows, columns = (
        whole(images, random, 0, 2 * most)[:, None] + torch.arange(side, device=images.device) for _ in range(2)
    )
    pictures = torch.arange(len(images), device=images.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[pictures, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def cutout(images: Tensor, random: torch.Generator) -> Tensor:
    """A square with half of the side, centred anywhere, becomes 0 (grey)."""
    side = images.shape[-1]
    half, ruler = round(side * HOLE) // 2, torch.arange(side, device=images.device)
    inside = [
        (ruler >= centre - half) & (ruler < centre + half)
        for centre in (whole(images, random, 0, side)[:, None] for _ in range(2))
    ]
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(hole, 0.0)


WAYS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "colour": colour,
    "translation": translation,
    "cutout": cutout,
}


def augmented(images: Tensor, ways: Sequence[str], random: torch.Generator) -> Tensor:
    """Images [n, 3, R, R] after each of `ways` in turn; the same tensor, and no draw, where there are none."""
    for way in ways:
        images = WAYS[way](images, random)
    return images
