"""Numbers about directions and generators, all against the readings of an independent reader.

Definitions are the README's: one *step* of a knob is one standard deviation of w . v over the model's codes; a change
is measured in standard deviations of the factor over the pictures that the model learned from: were it over the model's
own, a factor that the model hardly varies would seem to change most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..codes import Directions, codes_in_turn, edit
from ..generators.base import Generator

Read = Callable[[Tensor], Tensor]  # images [n, 3, R, R] in [-1, 1] -> readings [n, factors]

FOUND = 0.7  # |corr(w . v, factor)| from which a direction counts as having found a factor
BATCH = 64


def mean_codes(codes: Tensor) -> Tensor:
    """[n, slots, dim] -> [n, dim] float64: the code that unedited pictures have in every slot."""
    return codes.double().mean(1)


@torch.no_grad()
def read_codes(generator: Generator, reader: Read, codes: Tensor) -> Tensor:
    """codes [n, slots, dim] -> readings [n, factors], in batches."""
    return torch.cat([reader(generator(part).clamp(-1, 1)) for part in codes.split(BATCH)])


@torch.no_grad()
def read_seeds(generator: Generator, reader: Read, n: int, seed: int, *, psi: float = 1.0) -> tuple[Tensor, Tensor]:
    """Codes [n, slots, dim] of the seeds from `seed` on, classes in turn, and their readings [n, factors]."""
    codes = codes_in_turn(generator, n, seed, psi=psi)
    return codes, read_codes(generator, reader, codes)


@torch.no_grad()
def knob_changes_of(
    generator: Generator,
    reader: Read,
    codes: Tensor,
    directions: Directions,
    steps: Tensor,
    spread: Tensor,
    *,
    amount: float = 1.0,
) -> Iterator[Tensor]:
    """For each direction [n, factors]: (reading at +amount steps - at -amount steps) / (2 amount), over `spread`.

    0 where the spread is 0, as that of the colours of grey pictures. codes [n, slots, dim]; steps [k] from
    `spread_along`; spread [factors], the factors' standard deviations.
    """
    for i, step in enumerate(steps.tolist()):
        one = Directions(directions.vectors[i : i + 1], directions.scores[i : i + 1], directions.slots)
        plus, minus = (read_codes(generator, reader, edit(codes, one, [sign * amount * step])) for sign in (1, -1))
        yield torch.where(spread > 0, (plus - minus) / (2 * amount) / spread, 0.0)


def knob_changes(
    generator: Generator,
    reader: Read,
    directions: Directions,
    steps: Tensor,
    spread: Tensor,
    *,
    seeds: int = 64,
    first_seed: int = 1_000_000,
    psi: float = 0.7,
    amount: float = 1.0,
) -> Tensor:
    """[k, seeds, factors]: signed change a step of every factor on every picture, in standard deviations of the factor.

    Classes come in turn.
    """
    codes = codes_in_turn(generator, seeds, first_seed, psi=psi)
    return torch.stack(list(knob_changes_of(generator, reader, codes, directions, steps, spread, amount=amount)))


def purity(changes: Tensor) -> Tensor:
    """[..., n, factors] -> [...]: the strongest factor's share of the sum of all |mean changes|."""
    mean = changes.mean(-2).abs()
    return mean.amax(-1) / mean.sum(-1).clamp(min=1e-12)


def same_sign(changes: Tensor) -> Tensor:
    """[..., n, factors] -> [..., factors]: share of the faces that move in the sense of the mean."""
    return (changes.sign() == changes.mean(-2, keepdim=True).sign()).double().mean(-2)


def interval(changes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """[..., n, factors] -> mean, and its 95 % interval (normal approximation), each [..., factors]."""
    mean = changes.mean(-2)
    half = 1.96 * changes.std(-2) / changes.shape[-2] ** 0.5
    return mean, mean - half, mean + half


def correlations(projections: Tensor, readings: Tensor) -> Tensor:
    """[n, k], [n, factors] -> Pearson correlations [k, factors]; 0 where something does not vary."""

    def standard(x: Tensor) -> Tensor:
        x = x.double() - x.double().mean(0)
        norm = x.norm(dim=0)
        return torch.where(norm > 1e-12, x / norm.clamp(min=1e-12), 0.0)

    return standard(projections).T @ standard(readings)


@dataclass(frozen=True)
class Found:
    """Which factors a set of directions finds. best: [factors], the largest |correlation| of any direction."""

    count: int
    names: tuple[str, ...]
    best: Tensor


def found(codes: Tensor, readings: Tensor, directions: Directions, names: Sequence[str], readable: Tensor) -> Found:
    """A factor is found where |corr(w . v, reading)| >= 0.7 for some direction; only `readable` [factors] count."""
    best = correlations(mean_codes(codes) @ directions.vectors.T, readings).abs().amax(0)
    hits = (best >= FOUND) & readable
    return Found(int(hits.sum()), tuple(name for name, hit in zip(names, hits.tolist()) if hit), best)


def found_by_effect(changes: Tensor, names: Sequence[str], readable: Tensor) -> Found:
    """The causal form: a direction finds the factor it changes most, where +-2 steps move that by 2 deviations or more.

    changes: [k, n, factors] a step, in standard deviations. best: the largest mean change over -2 to +2 steps.
    """
    mean = 4 * changes.mean(1).abs() * readable
    strongest = torch.zeros_like(mean, dtype=torch.bool).scatter_(1, mean.argmax(1, keepdim=True), True)
    hits = (strongest & (mean >= 2)).any(0)
    return Found(int(hits.sum()), tuple(name for name, hit in zip(names, hits.tolist()) if hit), mean.amax(0))


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's, of values [n] and [n]: the correlation of their ranks, equal values sharing theirs; 0 where one does
    not vary.
    """
    x, y = (_ranks(values) for values in (a, b))
    x, y = x - x.mean(), y - y.mean()
    scale = (x.square().sum() * y.square().sum()).sqrt()
    return float((x * y).sum() / scale) if scale > 0 else 0.0


def _ranks(values: Tensor) -> Tensor:
    _, where, counts = values.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[where]


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Between Gaussians fitted to features [n, d] and [m, d]; float64, by symmetric roots.

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule ...", NeurIPS 2017.
    """
    a, b = a.double(), b.double()
    root = _symmetric_root(torch.cov(a.T))
    middle = torch.linalg.eigvalsh(root @ torch.cov(b.T) @ root).clamp(min=0).sqrt().sum()
    trace = torch.cov(a.T).trace() + torch.cov(b.T).trace() - 2 * middle
    return float((a.mean(0) - b.mean(0)).square().sum() + trace)


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def sliced_wasserstein(
    a: Tensor, b: Tensor, *, projections: int = 256, patches: int = 16, seed: int = 0
) -> dict[int, float]:
    """Distance of 7 x 7 patches on the Laplacian pyramid at 64, 32, 16 px (Karras et al., ICLR 2018), times 1,000.

    a, b: images [n, 3, R, R] in [-1, 1], equally many. Sees speckle; needs no network.
    """
    random, distances = torch.Generator().manual_seed(seed), {}
    while a.shape[-1] >= 16:
        small_a, small_b = (torch.nn.functional.avg_pool2d(x, 2) for x in (a, b))
        last = a.shape[-1] == 16
        bands = [
            x if last else x - torch.nn.functional.interpolate(s, scale_factor=2, mode="bilinear")
            for x, s in ((a, small_a), (b, small_b))
        ]
        directions = torch.randn(3 * 49, projections, generator=random)
        directions = directions / directions.norm(dim=0)
        slices = [(_patches(band, patches, seed) @ directions).sort(0).values for band in bands]
        distances[a.shape[-1]] = float((slices[0] - slices[1]).abs().mean() * 1000)
        a, b = small_a, small_b
    return distances


def _patches(band: Tensor, count: int, seed: int) -> Tensor:
    """[n * count, 147]: patches at random places, every channel standardised over all of them."""
    random, size = torch.Generator().manual_seed(seed + 1), band.shape[-1]
    rows, columns = (torch.randint(0, size - 6, (count,), generator=random).tolist() for _ in range(2))
    picked = torch.stack([band[:, :, r : r + 7, c : c + 7] for r, c in zip(rows, columns)], 1).flatten(0, 1)
    picked = (picked - picked.mean((0, 2, 3), keepdim=True)) / picked.std((0, 2, 3), keepdim=True)
    return picked.flatten(1)
