"""Inversion with padding space: codes say what is in a picture, padding where it lies.

Bai et al., High-fidelity GAN Inversion with Padding Space, ECCV 2022 (arXiv 2203.11105). A picture is found as G(w, p):
codes w and a padding p, its own constant and rings in the place of the learned constant and of zeros. The paper reads
both off the picture with an encoder; here descent goes on from there, in the loop of in-domain inversion. What p is
good for: two pictures swap their outlines, G(w', p), and what was done to one picture, w' - w and p' - p, is done to
others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Picture
from ..generators.base import Generator
from ..generators.padding import Padding, each, no_padding, with_padding
from . import indomain
from .descent import Step
from .indomain import DOMAIN, STEPS, Encodes
from .losses import Loss


@dataclass(frozen=True, eq=False)
class Padded(Picture):
    """A picture of codes [1, slots, dim] that `draw` draws with a padding of one picture."""

    padding: Padding


class Difference(NamedTuple):
    """What leads from one picture to another: codes [1, slots, dim] and padding."""

    codes: Tensor
    padding: Padding


def padded(generator: Generator, codes: Tensor, padding: Padding) -> Padded:
    """The picture of codes [1, slots, dim] and a padding."""
    return Padded(codes, with_padding(generator, padding), padding)


def invert(
    generator: Generator,
    encoder: Encodes,
    target: Tensor,
    *,
    steps: int = STEPS,
    loss: Loss | None = None,
    domain: float = DOMAIN,
    padding: Padding | None = None,
) -> Iterator[Step]:
    """Search codes and a padding that draw `target` [1, 3, R, R] in [-1, 1] together: Steps whose picture is a Padded.

    From E(target) and `padding`, such as the encoder's head gives (None: that of the generator itself). The rest is as
    in `indomain.invert`, which also says what is raised; ValueError for a generator that has no padding space too.
    """
    start = no_padding(generator, 1) if padding is None else padding
    layers = tuple(start.rings)

    def at(constant: Tensor, *rings: Tensor) -> Padding:
        return each(torch.add, start, Padding(constant, dict(zip(layers, rings))))

    def draw(codes: Tensor, *moved: Tensor) -> Tensor:
        return with_padding(generator, at(*moved))(codes)

    free = [torch.zeros_like(one) for one in (start.constant, *start.rings.values())]
    found = indomain.invert(draw, encoder, target, steps=steps, loss=loss, domain=domain, free=free)
    return (Step(one.i, one.loss, padded(generator, one.picture.codes, at(*one.picture.draw.free))) for one in found)


@torch.no_grad()
def swapped(generator: Generator, codes: Tensor, padding: Padding) -> Tensor:
    """Images [n, n, 3, R, R] of n pictures: row i has the outline (padding) of picture i, column j the codes of j."""
    n = len(codes)
    view = with_padding(generator, padding.rows(torch.arange(n).repeat_interleave(n)))
    return view(codes.repeat(n, 1, 1)).unflatten(0, (n, n))


def difference(first: Padded, second: Padded) -> Difference:
    """What was done to the first picture to make the second."""
    return Difference(second.codes - first.codes, each(torch.sub, second.padding, first.padding))


def done_to(generator: Generator, picture: Padded, change: Difference, strength: float = 1.0) -> Padded:
    """The picture with `strength` times a difference of others; 0 is the picture itself, to the bit."""
    padding = each(lambda p, dp: p + strength * dp, picture.padding, change.padding)
    return padded(generator, picture.codes + strength * change.codes, padding)
