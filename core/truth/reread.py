"""A picture beside what was read of it: the readings, drawn by the program that drew the training pictures.

Where the two pictures differ, the reader is wrong, or the network draws what its world does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .judge import Judge
from .worlds import load_world

MOST = 8  # factors that are said


class Reread(NamedTuple):
    """drawn: [1, 3, R, R] in [-1, 1] on the CPU. levels: RMS difference of the two pictures, of 255.

    said: ends of the factors that are farthest from their middles, in words, the farthest first.
    """

    drawn: Tensor
    levels: float
    said: tuple[str, ...]


@torch.no_grad()
def reread(
    image: Tensor, judge: Judge, world: str, *, label: int | None, shown: Sequence[str], most: int = 8
) -> Reread:
    """Reads an image [1, 3, R, R] with a judge of all factors of the world, and draws the readings.

    label: its class; None in a world without classes. shown: factors that pictures of the class show.
    """
    image, found = image.clamp(-1, 1), load_world(world)
    factors = judge.read(image).clamp(0, 1).cpu()
    asked = [] if label is None else [torch.tensor([label])]
    drawn = found.render(factors, *asked, resolution=image.shape[-1]).images
    order = (factors[0] - 0.5).abs().argsort(descending=True).tolist()
    far = [i for i in order if found.NAMES[i] in shown][:MOST]
    said = tuple(found.FACTORS[i].high if factors[0, i] > 0.5 else found.FACTORS[i].low for i in far)
    return Reread(drawn, float((image.cpu() - drawn).square().mean().sqrt() * 127.5), said)
