"""In-domain inversion: codes that draw a picture and that an encoder finds again in what they draw.

Zhu et al., In-Domain GAN Inversion for Real Image Editing, ECCV 2020 (arXiv 2004.00049), equation 4. An encoder E gives
the start E(x); descent then lowers

    |x - G(z)|^2 + weight |z - E(G(z))|^2

so that the code stays where E, which learned from pictures, would put it. The paper finds that without the second
term a code leaves the part of the space that the network's own pictures come from: the copy is closer, and edits no
longer do what they should. How far that holds here is measured by weights.recipes.measure.encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..codes import Picture
from .descent import Step, adam, descend, rise_and_fall
from .losses import Loss, pixel

STEPS, RATE = 100, 0.05  # as many as published; Adam's, of codes in standard deviations
OFFICIAL_RATE = 0.01  # of codes as they are, the same in every step
DOMAIN, OFFICIAL_DOMAIN = 0.01, 2.0  # weights of the second term: of codes in standard deviations, and as they are


class Encodes(Protocol):
    """Images [n, 3, R, R] -> codes [n, slots, dim]; scale [slots, dim], the standard deviations of native codes."""

    scale: Tensor

    def __call__(self, images: Tensor) -> Tensor: ...


Draw = Callable[..., Tensor]  # codes [1, slots, dim], and what else is free -> images [1, 3, R, R]


def invert(
    draw: Draw,
    encoder: Encodes,
    target: Tensor,
    *,
    steps: int = STEPS,
    loss: Loss | None = None,
    domain: float = DOMAIN,
    rate: float = RATE,
    start: Tensor | None = None,
    free: Sequence[Tensor] = (),
    official: bool = False,
) -> Iterator[Step]:
    """Search codes that draw `target` [1, 3, R, R] in [-1, 1]: a Step for the start (i = 0) and for each gradient.

    draw: a generator, or what draws codes with `free`, further variables that move at the same rate, such as a padding.
    loss: pixels where None. domain: weight of the second term; 0: plain descent. rate: of
    Adam, in standard deviations of codes; a start far away wants a larger one. start: codes [1, slots, dim] (None:
    E(target)). Every Step has the best so far by the sum of both terms. official: the published weight and rate, on
    codes as they are. Raises ValueError, before anything is drawn, for a target or a weight that does not fit.
    """
    if target.ndim != 4 or len(target) != 1 or target.shape[1] != 3:
        raise ValueError(f"one picture is inverted, [1, 3, R, R] in [-1, 1]; got {list(target.shape)}")
    if not 0 <= domain < float("inf"):
        raise ValueError(f"a weight of the domain is 0 or a positive number, not {domain}")
    return _steps(draw, encoder, target, steps, loss or pixel, domain, rate, start, free, official)


def _steps(draw, encoder, target, steps, loss, domain, rate, start, free, official) -> Iterator[Step]:
    with torch.no_grad():
        start = encoder(target) if start is None else start
    distance, weight = loss(target), OFFICIAL_DOMAIN if official else domain
    unit = torch.ones_like(encoder.scale) if official else encoder.scale

    def loss_of(moved: Tensor, *more: Tensor) -> Tensor:
        codes = start + unit * moved
        image = draw(codes, *more)
        value = distance(image).sum()
        return value + weight * ((codes - encoder(image)) / unit).square().mean() if weight else value

    variables = [torch.zeros_like(start), *(one.detach().clone() for one in free)]
    rates = [OFFICIAL_RATE if official else rate] * len(variables)
    how = {} if official else dict(schedule=rise_and_fall)
    for best in descend(variables, loss_of, steps=steps, optimiser=adam(*rates), **how):
        moved, *more = best.variables
        yield Step(best.i, best.loss, Picture(start + unit * moved, DrawnWith(draw, tuple(more))))


@dataclass(frozen=True, eq=False)
class DrawnWith:
    """Draws codes with what else was free, as it was found."""

    draw: Draw
    free: tuple[Tensor, ...]

    def __call__(self, codes: Tensor) -> Tensor:
        return self.draw(codes, *self.free)


@torch.no_grad()
def outside(draw: Draw, encoder: Encodes, codes: Tensor) -> Tensor:
    """[n]: how far codes [n, slots, dim] lie from what E finds in their pictures, root mean square in deviations."""
    return ((codes - encoder(draw(codes))) / encoder.scale).square().mean((1, 2)).sqrt()
