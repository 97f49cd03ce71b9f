"""The picture of a network that comes nearest to a photograph, found among what the network draws.

One code for all layers, code = mean + root v, with |v| (Mahalanobis) no longer than that of most samples: outside of
that ball a picture can come closer to a photograph and is no longer one that the network draws. Compared are colours
alone, from 4 to 16 pixels a side, and the middle counts most: a photograph has other texture than what was learned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..codes import Picture
from ..generators.base import Generator
from ..threads import on_single_core
from .descent import adam, descend, rise_and_fall
from .multicode import STRIDE, native_space

SIDES = (4, 8, 16)  # pixels a side at which colours are compared
WINDOW = 0.62, 0.75  # of a half width and height: where a pixel counts 1/e as much as in the middle
SAMPLES = 4_000  # whose codes say what the network draws
SHARE, PSI = 0.75, 0.7  # of the samples, at this truncation, that lie in the ball
PICKS, STARTS, STEPS, RATE = 256, 3, 50, 0.3  # pictures looked at first; the best of them are where descents start
SMALL, BATCH = 64, 16  # pixels a side up to which there is time for so many; pictures drawn at once
FAR = 0.95  # of the pairs of picks: what is farther than these are from each other is not near
THREAD = "search"


@dataclass(frozen=True, eq=False)
class Ball:
    """Codes = mean + root v with |v| <= radius; where noise makes the codes, v is the noise, and mean and root None.

    samples [n, d]: the v of samples, those of one seed the same.
    """

    generator: Generator
    mean: Tensor | None
    root: Tensor | None
    radius: float
    samples: Tensor
    psi: float
    label: int | None

    @classmethod
    @torch.no_grad()
    def of(cls, generator: Generator, *, psi: float, seed: int, label: int | None, share: float | None) -> Ball:
        """share: of the samples that lie in it; None: there is no limit."""
        own, n = generator.sample(SAMPLES, 0), picks_of(generator)
        drawn = generator.sample(n, STRIDE * (seed + 1) * 10)
        if native_space(generator) == "z":
            v, mean, root, samples = own, None, None, drawn
        else:
            w = generator.codes(own, label=label)[:, 0]
            mean = w.mean(0)
            spread, axes = torch.linalg.eigh(torch.cov(w.T))
            kept = spread > 1e-6 * spread.max()
            deviations, axes = spread[kept].sqrt(), axes[:, kept]
            root, v = psi * axes * deviations, (w - mean) @ axes / deviations
            samples = (generator.codes(drawn, label=label)[:, 0] - mean) @ axes / deviations
        radius = math.inf if share is None else float(v.norm(dim=1).quantile(share))
        return cls(generator, mean, root, radius, samples, psi, label)

    def codes(self, v: Tensor) -> Tensor:
        """v [n, d] -> codes [n, slots, dim], the same for all layers."""
        if self.root is None:
            return self.generator.codes(v, psi=self.psi, label=self.label)
        return (self.mean + v @ self.root.T)[:, None].expand(-1, self.generator.slots, -1)

    def retract(self, v: Tensor) -> None:
        """Brings v back into the ball, in place."""
        v.mul_((self.radius / v.norm(dim=1, keepdim=True)).clamp(max=1))


@dataclass(frozen=True, eq=False)
class Twin:
    """The nearest picture so far. v [1, d] in the ball; share: of the work that is done. distance: to the target, as
    `colours` compare; pick: that of the best random picture. pairs: distances between random pictures of the network,
    the median and that of FAR of them."""

    ball: Ball
    v: Tensor
    share: float
    distance: float
    pick: float = math.inf
    pairs: tuple[float, float] = (math.inf, math.inf)

    @property
    def picture(self) -> Picture:
        return Picture(self.ball.codes(self.v), self.ball.generator)

    @torch.no_grad()
    def drawn(self) -> Tensor:
        """[1, 3, R, R] in [-1, 1], on the processor."""
        return self.ball.generator(self.ball.codes(self.v)).clamp(-1, 1).cpu()

    @property
    def near(self) -> bool:
        """Nearer than any random picture, and than nearly all pairs of such are to each other?"""
        return self.distance < min(self.pick, self.pairs[1])

    def bytes(self) -> int:
        return sum(x.numel() * x.element_size() for x in (self.v, self.ball.samples))


def picks_of(generator: Generator) -> int:
    """How many random pictures are looked at first: fewer of a large network."""
    return max(16, round(PICKS * min(1, SMALL / generator.resolution) ** 2))


def colours(images: Tensor) -> Tensor:
    """Images [n, 3, h, w] in [-1, 1] -> [n, d], whose squared distance is the mean squared difference of colours,
    summed over SIDES; the middle counts most."""
    down, across = (torch.linspace(-1, 1, side, device=images.device) for side in images.shape[2:])
    window = torch.exp(-(((across / WINDOW[0]) ** 2 + (down[:, None] / WINDOW[1]) ** 2) ** 1.5))[None, None]
    found = []
    for side in SIDES:
        weight = F.adaptive_avg_pool2d(window, side)
        coarse = F.adaptive_avg_pool2d(images * window, side) / weight
        found.append((coarse * (weight / weight.sum() / 3).sqrt()).flatten(1))
    return torch.cat(found, 1)


def nearest(
    generator: Generator,
    target: Tensor,
    *,
    seed: int = 0,
    psi: float = PSI,
    label: int | None = None,
    share: float | None = SHARE,
) -> Iterator[Twin]:
    """Yield the nearest picture so far, often; the last is the answer.

    target: [1, 3, h, w] in [-1, 1], of at least 16 pixels a side. seed: which answer; STARTS of them are the ends of
    descents from the same random pictures, nearest first, the next ones those from others. psi, share: how much of
    what the network draws lies in the ball; share None: no limit. Raises ValueError for another target.
    """
    if target.ndim != 4 or target.shape[:2] != (1, 3) or min(target.shape[2:]) < SIDES[-1]:
        raise ValueError(f"the target is one picture [1, 3, h, w] of 16 pixels or more; got {list(target.shape)}")
    parameter = next(generator.parameters())
    ball = Ball.of(generator, psi=psi, seed=seed // STARTS, label=label, share=share)
    found = _nearest(ball, target.to(parameter.device), seed % STARTS)
    small = generator.resolution <= SMALL and parameter.device.type == "cpu" and torch.get_num_threads() > 1
    yield from on_single_core(found, THREAD) if small else found


def _nearest(ball: Ball, target: Tensor, rank: int) -> Iterator[Twin]:
    wanted, seen, v = colours(target), [], ball.samples.clone()
    ball.retract(v)
    work, done = len(v) + STARTS * STEPS * 3, 0  # a step costs about three pictures
    for part in v.split(BATCH):
        with torch.no_grad():
            seen.append(colours(ball.generator(ball.codes(part)).clamp(-1, 1)))
        distances = (torch.cat(seen) - wanted).square().sum(1)
        done, best = done + len(part), int(distances.argmin())
        yield Twin(ball, v[best : best + 1], done / work, float(distances[best]))
    apart = torch.pdist(torch.cat(seen)).square().quantile(torch.tensor([0.5, FAR], device=v.device))
    now = Twin(ball, v, 0.0, math.inf, float(distances.min()), (float(apart[0]), float(apart[1])))
    starts = v[distances.topk(min(STARTS, len(v)), largest=False).indices].clone()
    rows = torch.empty(0)

    def loss(v: Tensor) -> Tensor:
        nonlocal rows
        each = (colours(ball.generator(ball.codes(v)).clamp(-1, 1)) - wanted).square().sum(1)
        rows = each.detach()
        return each.sum()

    for best in descend(
        (starts,), loss, steps=STEPS, optimiser=adam(RATE), schedule=rise_and_fall, retract=ball.retract
    ):
        k = int(rows.argsort()[rank])
        at = best.variables[0][k : k + 1]
        yield replace(now, v=at, share=min(0.99, (done + best.i * STARTS * 3) / work), distance=float(rows[k]))
    with torch.no_grad():
        loss(best.variables[0])
    k = int(rows.argsort()[rank])
    yield replace(now, v=best.variables[0][k : k + 1], share=1.0, distance=float(rows[k]))
