"""Pure knobs: each direction moves one factor of the picture and holds the others. Ours; in no paper.

InterFaceGAN keeps attributes fixed by making normals orthogonal among the codes. What has to stay is in the picture,
so the metric belongs there: with J the mean derivative of a differentiable judge's readings by the code, and S the
square root of the codes' covariance (a step costs what it costs in standard deviations of w), the knobs are the
columns of

    V = S (J S)^T ((J S)(J S)^T + lam trace / factors I)^-1

where the trace is that of (J S)(J S)^T. At lam = 0, J V = I: to first order a knob moves its factor alone. At large
lam each knob is the mean gradient of its factor, S S J_i: strong, and moving whatever it moves. `hold` chooses which
rows of J are held; those of `fixed` get no lam: they stay exactly, to first order, however strong the knob is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Directions, codes_in_turn
from ..generators.base import Generator
from .space import Space, space_of, units

LAM = 0.01
NEGLIGIBLE = 1e-10  # share of the largest eigenvalue of (J S)(J S)^T below which there is nothing to invert
SAMPLED, FIRST_SAMPLED = 4096, 500_000  # codes whose covariance is taken: those over which a step is measured


class Metric(NamedTuple):
    """What a movement of a code costs: root [m, m] float64 is the square root of the covariance of its numbers."""

    space: Space
    root: Tensor


@torch.no_grad()
def metric_of(
    generator: Generator,
    slots: Iterable[int] | None = None,
    *,
    label: int | None = None,
    samples: int = SAMPLED,
    seed: int = FIRST_SAMPLED,
) -> Metric:
    """The metric of `slots` (None: all), from the codes of `samples` seeds.

    label: the class whose codes are meant; None: all classes in turn, where there are any.
    """
    if generator.classes and label is None:
        codes = codes_in_turn(generator, samples, seed)
    else:
        codes = generator.codes(generator.sample(samples, seed), label=label)
    space = space_of(generator, codes, slots)
    numbers = space.numbers(codes)
    covariance = torch.cov(numbers.T).reshape(numbers.shape[1], -1)
    values, vectors = torch.linalg.eigh(covariance)
    return Metric(space, (vectors * values.clamp(min=0).sqrt()) @ vectors.T)


def pure(
    generator: Generator,
    jacobian: Tensor,
    slots: Iterable[int] | None = None,
    *,
    lam: float = LAM,
    hold: Iterable[int] | None = None,
    fixed: Iterable[int] = (),
    label: int | None = None,
) -> Directions:
    """A unit direction for each factor that moves it and holds the others, in `slots` (None: all).

    jacobian: [factors, slots, dim], readings counted in standard deviations (`ReadingJacobian.over`). Other arguments
    as in `metric_of` and `pure_of`; ValueError as they do.
    """
    return pure_of(jacobian, metric_of(generator, slots, label=label), lam=lam, hold=hold, fixed=fixed)


def gradient(
    generator: Generator,
    jacobian: Tensor,
    slots: Iterable[int] | None = None,
    *,
    fixed: Iterable[int] = (),
    label: int | None = None,
) -> Directions:
    """The mean gradients: the rows of J, each of which changes its factor most for its length and holds nothing.

    fixed: numbers of factors that the other directions must not move, to first order: they are made orthogonal to
    their rows of J. Other arguments and what is returned as in `pure`.
    """
    space, root = metric_of(generator, slots, label=label)
    rows, vectors = space.gradients(jacobian), []
    for i, row in enumerate(rows):
        still = rows[sorted(set(fixed) - {i})]
        vectors.append(row - still.T @ torch.linalg.lstsq(still.T, row[:, None]).solution[:, 0] if len(still) else row)
    vectors = units(torch.stack(vectors))
    own = (rows * vectors).sum(1) * (vectors @ root).norm(dim=1)
    return Directions(space.vectors(vectors), own, space.slots)


def pure_of(
    jacobian: Tensor,
    metric: Metric,
    *,
    lam: float = LAM,
    hold: Iterable[int] | None = None,
    fixed: Iterable[int] = (),
) -> Directions:
    """A unit direction for each factor of a Jacobian [factors, slots, dim], towards more of it.

    lam: 0 or more; how much of a knob's purity is given for strength. hold: numbers of the factors that are held as far
    as lam lets them (None: all; (): none, which gives the mean gradients); a factor's own row always counts, so that
    each knob solves for its factor and `hold`. fixed: numbers of those that other knobs must not move at all, to first
    order, whatever lam is. scores: the change of its own factor a step (a standard deviation of w . v), to first
    order. A factor that no code moves, or none but with a held one (lam = 0), gets a zero row and score 0. Raises
    ValueError for a lam below 0 or not finite, a factor that does not exist, and a Jacobian that does not fit.
    """
    factors = len(jacobian)
    if not 0 <= lam < float("inf"):
        raise ValueError(f"lam = {lam}: 0 (pure) or a positive number (stronger)")
    still = set(fixed)
    held = set(range(factors) if hold is None else hold) | still
    if not held <= set(range(factors)):
        raise ValueError(f"factors {sorted(held)} shall stay, but there are only 0 to {factors - 1}")
    space, root = metric
    if jacobian.ndim != 3 or jacobian.shape[2] != space.dim or jacobian.shape[1] <= max(space.slots):
        raise ValueError(
            f"a Jacobian [factors, slots, dim] of this generator has dim {space.dim} and the slots "
            f"{space.slots}; got {list(jacobian.shape)}"
        )
    gradients = space.gradients(jacobian)
    whitened = gradients @ root
    scale = whitened.square().sum(1).max().clamp(min=1e-30).sqrt()
    solved = torch.stack([_solved(whitened / scale, i, sorted(held | {i}), lam, still) for i in range(factors)])
    vectors = units(solved @ root)
    own = (gradients * vectors).sum(1) * (vectors @ root).norm(dim=1)
    return Directions(space.vectors(vectors), own, space.slots)


def towards(jacobian: Tensor, metric: Metric, wanted: Tensor, *, lam: float = LAM) -> Directions:
    """One unit direction that changes the factors of a Jacobian [factors, slots, dim] in the proportions `wanted`
    [factors] and holds those that are 0: `pure_of` in any direction of the factors' space. lam: as there.
    """
    space, root = metric
    gradients = space.gradients(jacobian)
    whitened = gradients @ root
    whitened = whitened / whitened.square().sum(1).max().clamp(min=1e-30).sqrt()
    gram = whitened @ whitened.T
    values, vectors = torch.linalg.eigh(gram + lam * gram.trace() / len(gram) * torch.eye(len(gram), dtype=gram.dtype))
    inverse = torch.where(values > NEGLIGIBLE * values[-1], 1 / values.clamp(min=1e-30), 0.0)
    solved = (vectors * inverse) @ (vectors.T @ wanted.double()) @ whitened
    vector = units((solved @ root)[None])
    own = (gradients @ vector[0] @ units(wanted.double()[None])[0]) * (vector[0] @ root).norm()
    return Directions(space.vectors(vector), own[None], space.slots)


def _solved(whitened: Tensor, own: int, rows: list[int], lam: float, fixed: set[int]) -> Tensor:
    """A^T (A A^T + lam trace / rows D)^-1 e of the rows A of J S, e the factor `own`: [m]; D is the identity without
    the rows of other fixed factors.
    """
    some = whitened[rows]
    gram = some @ some.T
    soft = torch.tensor([float(row == own or row not in fixed) for row in rows], dtype=gram.dtype)
    values, vectors = torch.linalg.eigh(gram + (lam * gram.trace() / len(rows) * soft).diag())
    inverse = torch.where(values > NEGLIGIBLE * values[-1], 1 / values.clamp(min=1e-30), 0.0)
    return ((vectors * inverse) @ vectors[rows.index(own)]) @ some
