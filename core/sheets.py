"""A small sheet of what a network draws: six pictures in a row."""

from __future__ import annotations

import torch
from PIL import Image

from .generators.base import Generator
from .images import grid, to_pil, webp

PICTURES, SIDE = 6, 48  # in a row, and pixels a side of each


@torch.no_grad()
def sheet(generator: Generator, *, psi: float = 1.0, crop: int = 0) -> bytes:
    """The first seeds, classes in turn, as lossless WebP; crop: rows at the top and bottom that are left out."""
    view, images = generator.at(psi=psi), []
    for seed in range(PICTURES):
        label = seed % generator.classes if generator.classes else None
        images.append(view(generator.codes(generator.sample(1, seed), psi=psi, label=label)))
    pictures = to_pil(torch.cat(images)[:, :, crop : generator.resolution - crop])
    height = round(SIDE * pictures[0].height / pictures[0].width)
    small = [picture.resize((SIDE, height), Image.Resampling.LANCZOS) for picture in pictures]
    return webp(grid(small, columns=PICTURES, gap=2))
