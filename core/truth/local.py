"""How much of an edit stays in its region, on real pictures, all edits being equally strong inside.

*Change* is the mean squared difference over pixels and channels of pictures in [-1, 1], clamped as they are shown. How
far each picture is moved along a direction is found by a secant search on the pictures themselves, so that the root of
the change inside is the same for every direction: nothing here rests on a derivative.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Directions, edit
from ..generators.base import Generator

INSIDE = 0.05  # root of the change inside: 6.4 of 255 levels
TOLERANCE = 0.01  # of it, that an edit may be stronger or weaker
FARTHEST = 100.0  # that a code is moved along a unit direction, unless something else is said
MOST = 24  # pictures drawn of one face in search of its amount
BATCH = 64
GLANCE, WORTH = 4, 1.5  # a choice begins on every 4th face; what leaks at most 1.5 times the least there goes on to all


class Faces(NamedTuple):
    """Unedited pictures: codes [n, slots, dim], images [n, 3, R, R] in [-1, 1], regions [n, R, R] bool, one each."""

    codes: Tensor
    images: Tensor
    regions: Tensor

    def only(self, which: slice | Tensor) -> Faces:
        return Faces(*(each[which] for each in self))


class Edited(NamedTuple):
    """n pictures moved along one direction until the change inside is as asked.

    amounts [n], signed. inside, outside [n]: the change there, float64. reached [n] bool: False where no amount was
    found that changes the region that much; such a picture's numbers are those of the last try. images [n, 3, R, R] in
    [-1, 1].
    """

    amounts: Tensor
    inside: Tensor
    outside: Tensor
    reached: Tensor
    images: Tensor

    @property
    def ratio(self) -> Tensor:
        """[n]: how many times as much changes inside as outside (inf where nothing does); 0 where not reached."""
        return torch.where(self.reached, self.inside / self.outside, 0.0)

    @property
    def leak(self) -> Tensor:
        """[n]: 1 / ratio, the change outside for the same change inside; inf where that was not reached."""
        return torch.where(self.reached, self.outside / self.inside, torch.inf)


def singles(*sets: Directions) -> list[Directions]:
    """Every direction of some sets, each as a set of one."""
    return [
        Directions(found.vectors[i : i + 1], found.scores[i : i + 1], found.slots)
        for found in sets
        for i in range(len(found))
    ]


@torch.no_grad()
def drawn(generator: Generator, codes: Tensor) -> Tensor:
    """codes [n, slots, dim] -> images [n, 3, R, R], clamped to [-1, 1]; in batches."""
    return torch.cat([generator(part).clamp(-1, 1) for part in codes.split(BATCH)])


def change(before: Tensor, after: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared difference [n] inside and outside of regions [n, R, R] bool, of images [n, 3, R, R]; float64.

    0 on a side that has no pixel.
    """
    squared = (after.double() - before.double()).square().mean(1)
    inside, outside = regions.double(), (~regions).double()
    means = [(squared * side).sum((1, 2)) / side.sum((1, 2)).clamp(min=1) for side in (inside, outside)]
    return means[0], means[1]


def alternating(n: int) -> Tensor:
    """[n]: +1, -1, +1 ...: a direction is judged both ways, half of the faces each."""
    return 1.0 - 2.0 * (torch.arange(n, dtype=torch.float64) % 2)


def at_equal_change(
    generator: Generator,
    faces: Faces,
    direction: Directions,
    *,
    senses: Tensor | None = None,
    target: float = INSIDE,
    tolerance: float = TOLERANCE,
    start: float = 1.0,
    farthest: float = FARTHEST,
) -> Edited:
    """Every face moved along a direction until the root mean squared change inside its region is `target`.

    senses [n]: +1 or -1, which way each face is moved (None: alternately). tolerance: relative. start: the first
    amount; farthest: the last that is tried. Raises ValueError unless there is exactly one direction, and where target,
    tolerance, start or farthest is not above 0.
    """
    if len(direction) != 1:
        raise ValueError(f"{len(direction)} directions: an edit is measured along one at a time")
    given = dict(target=target, tolerance=tolerance, start=start, farthest=farthest)
    if not all(math.isfinite(x) and x > 0 for x in given.values()):
        said = ", ".join(f"{name} = {value}" for name, value in given.items())
        raise ValueError(f"{said}: each is a number above 0")
    senses = alternating(len(faces.codes)) if senses is None else senses
    search = _Search(len(faces.codes), target, tolerance, start, farthest)
    images, sizes = faces.images.clone(), torch.zeros(2, len(faces.codes), dtype=torch.float64)
    for _ in range(MOST):
        now = search.open.nonzero()[:, 0]
        if not len(now):
            break
        images[now] = drawn(generator, _moved(faces.codes[now], direction, (search.amounts * senses)[now].tolist()))
        sizes[:, now] = torch.stack(change(faces.images[now], images[now], faces.regions[now]))
        search.saw(now, sizes[0, now].sqrt())
    return Edited(search.tried * senses, *sizes, search.reached, images)


def _moved(codes: Tensor, direction: Directions, amounts: Sequence[float]) -> Tensor:
    return torch.cat([edit(code[None], direction, [amount]) for code, amount in zip(codes, amounts)])


class _Search:
    """The secant rule in logarithms, for n faces at once: a change that grows as a power is found at the third try.

    What was seen below and above the target brackets it, and a step that would leave the bracket halves it instead.
    """

    def __init__(self, n: int, target: float, tolerance: float, start: float, farthest: float):
        self.target, self.near, self.end = math.log(target), math.log1p(tolerance), math.log(farthest)
        self.amounts = torch.full((n,), min(start, farthest), dtype=torch.float64)  # to try next
        self.tried, self.sizes = self.amounts.clone(), torch.full_like(self.amounts, torch.nan)  # amount, log size
        self.low, self.high = torch.full_like(self.amounts, -torch.inf), torch.full_like(self.amounts, torch.inf)
        self.open, self.reached = torch.ones(n, dtype=torch.bool), torch.zeros(n, dtype=torch.bool)

    def saw(self, now: Tensor, sizes: Tensor) -> None:
        """The faces `now` [m] changed by `sizes` [m] at their amounts; sets what they try next."""
        x, y = self.amounts[now].log(), sizes.clamp(min=1e-12).log()
        off = self.target - y
        self.low[now] = torch.where(off > 0, x, self.low[now])
        self.high[now] = torch.where(off > 0, self.high[now], x)
        slope = (y - self.sizes[now]) / (x - self.tried[now].log())
        slope = torch.where(slope.isfinite(), slope, 1.0).clamp(0.3, 3)  # the first step takes it for linear
        step = (x + (off / slope).clamp(-3, 3)).clamp(max=self.end)
        low, high = self.low[now], self.high[now]
        leaves = ((step <= low) | (step >= high)) & (low + high).isfinite()
        self.tried[now], self.sizes[now] = self.amounts[now], y
        self.reached[now] = off.abs() <= self.near
        self.open[now] = ~self.reached[now] & ~((off > 0) & (x >= self.end - 1e-9))
        self.amounts[now] = torch.where(leaves, (low + high) / 2, step).exp()


def pick(generator: Generator, faces: Faces, candidates: Sequence[Directions], *, target: float = INSIDE) -> int:
    """Which of several directions changes least outside at equal change inside: its index, by the median over faces.

    All are tried on a quarter of the faces; on the others only those that leak at most 1.5 times as much as the least.
    Raises ValueError where there is none.
    """
    if not candidates:
        raise ValueError("no direction to choose from: give at least one")
    few, rest = faces.only(slice(None, None, GLANCE)), torch.arange(len(faces.codes)) % GLANCE > 0
    leaks, start = [], 1.0
    for each in candidates:
        found = at_equal_change(generator, few, each, target=target, start=start)
        start = float(found.amounts.abs().median())
        leaks.append(found.leak)
    least = min(float(leak.median()) for leak in leaks)
    worth = [i for i, leak in enumerate(leaks) if leak.median() <= WORTH * least]
    if len(worth) == 1 or not rest.any():
        return min(worth, key=lambda i: float(leaks[i].median()))
    others = faces.only(rest)
    more = {i: at_equal_change(generator, others, candidates[i], target=target, start=start).leak for i in worth}
    return min(worth, key=lambda i: float(torch.cat([leaks[i], more[i]]).median()))


def median_interval(values: Tensor) -> tuple[float, float, float]:
    """Median of values [n] and its interval of at least 95 %, free of assumptions: order statistics, binomial law.

    Below six values there is none: the least and the largest value stand for it. Raises ValueError where there is no
    value.
    """
    n = len(values)
    if n == 0:
        raise ValueError("no values, so no median: measure at least one picture")
    ordered, below, cut = values.double().sort().values, 0.0, 0
    while cut < n // 2 and below + math.comb(n, cut) / 2**n <= 0.025:
        below += math.comb(n, cut) / 2**n
        cut += 1
    low = max(cut - 1, 0)
    return float((ordered[(n - 1) // 2] + ordered[n // 2]) / 2), float(ordered[low]), float(ordered[n - 1 - low])


def rms_ratio(ratio: float | None) -> str:
    """A ratio of mean squares as text, its root: "12", "9.2", "0.04"; "?" of None, which stands for not reached."""
    if ratio is None:
        return "?"
    root = ratio**0.5
    return f"{root:.0f}" if root >= 9.95 else f"{root:.1f}" if root >= 0.095 else f"{root:.2f}"
