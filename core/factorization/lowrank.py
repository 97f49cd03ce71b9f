"""LowRankGAN: move along the principal space of a region, projected into the null space of everything outside.

Zhu et al., Low-Rank Subspaces in GANs, NeurIPS 2021 (arXiv 2106.04488). Both Gram matrices are split by principal
component pursuit (Candès et al., Robust Principal Component Analysis?, JACM 2011) into M = L + S, L of low rank.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Generator as Stream
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Directions, canonical_sign
from ..generators.base import Generator
from ..threads import single_core
from .jacobian import CHUNK, Grams, grams

# Relative duality gap: pictures are then one level of 255 from those at 1e-7; at 1e-4 it was six.
TOLERANCE = 2e-5
STIFF = 8  # times Candès' penalty: a third to a quarter of the rounds for the Gram matrices of networks
MOST = 5000  # iterations
LOOK = 10  # iterations between two looks at the gap
RELAXED = 1.6  # over-relaxation of the splitting; 1.5 to 1.8 halve the iterations
OFFICIAL_LAMBDA, OFFICIAL_MOST, OFFICIAL_RESIDUAL = 1 / 60, 10_000, 1e-7
STEPS = 12  # of the search for lambda
NEAR = 0.02  # of |M| (Frobenius): a start 0.008 away saved 3 of 4 iterations, one 0.035 away cost some
VANISHED = 1e-6  # of a unit direction
BEAT = 0.25  # seconds between two signs of life


@dataclass(frozen=True, eq=False)
class Decomposition:
    """M = low + sparse, [d, d] float64 symmetric, at the weight `lam` of |S|_1.

    values [r], vectors [d, r]: the eigenvalues of L that are not 0, largest magnitude first, and its eigenvectors.
    dual [d, d]: feasible (spectral norm <= 1, entries <= lam). primal = |L|_* + lam |S|_1 >= the optimum >= bound =
    <M, dual>, so that `gap` (relative to primal) certifies how far from optimal the split can be at most.
    """

    low: Tensor
    sparse: Tensor
    values: Tensor
    vectors: Tensor
    dual: Tensor
    lam: float
    primal: float
    bound: float
    iterations: int

    @property
    def rank(self) -> int:
        return len(self.values)

    @property
    def gap(self) -> float:
        return max(0.0, self.primal - self.bound) / self.primal if self.primal else 0.0


@dataclass(frozen=True, eq=False)
class LowRank:
    """directions [k]: the principal directions inside, projected, unit length; scores are their energy ("official":
    the eigenvalues of L_A, in whose order one of which next to nothing survived may come first).

    unprojected: the same ones before, in this order. survived [k]: |P v|, the share of each that the projection left.
    vanished: how many are left out because none did. ratio, energy [k]: n^T M_A n / n^T M_B n and n^T M_A n, the mean
    squared change inside of a unit step, at first order. inside, outside: the two decompositions, without the rows and
    columns of numbers that may not move. within: is rank(L_B) between d / 16 and d / 4 (or lambda was given)?
    """

    directions: Directions
    unprojected: Directions
    survived: Tensor
    vanished: int
    ratio: Tensor
    energy: Tensor
    inside: Decomposition
    outside: Decomposition
    within: bool


class Progress(NamedTuple):
    """iterations: of both matrices so far, at this lambda. gap: the larger relative duality gap so far."""

    lam: float
    iterations: int
    gap: float
    result: LowRank | None = None

    @property
    def share(self) -> float:
        """How far it is, 0 to 1: of the four decades from a gap of 1 on."""
        return min(1.0, max(0.0, -math.log10(max(self.gap, 1e-4)) / 4))


# The method


def lowrank(
    generator: Generator,
    codes: Tensor,
    mask: Tensor,
    *,
    slots: Iterable[int] | None = None,
    size: int | None = None,
    chunk: int = CHUNK,
    mode: str = "paper",
    lam: float | None = None,
    start: LowRank | None = None,
) -> LowRank:
    """Directions of a region of codes [n, slots, dim] (Gram matrices averaged over n pictures).

    mask: [h, w] bool, or [n, h, w]. mode "official" takes the mean over RGB first. Other arguments as in
    `jacobian.grams` and `lowrank_of`. Raises ValueError as they do.
    """
    found = grams(
        generator, codes, mask, slots=slots, size=size, chunk=chunk, colours="mean" if mode == "official" else "each"
    )
    return lowrank_of(found, mode=mode, lam=lam, start=start)


def lowrank_of(found: Grams, *, mode: str = "paper", lam: float | None = None, start: LowRank | None = None) -> LowRank:
    """LowRankGAN's directions from the Gram matrices of a region.

    mode "paper": both splits optimal to a relative duality gap of 2e-5, the null space is all that L_B leaves;
    "official": the published arithmetic (penalty from the largest column sum, stop by the primal residual). lam: weight
    of |S|_1; None: searched for so that rank(L_B) lies between d / 16 and d / 4 ("official": 1 / 60). start: a region
    solved before, which shortens the work. Raises ValueError for another mode or a weight that is not positive.
    """
    for step in lowrank_steps(found, mode=mode, lam=lam, start=start):
        pass
    return step.result


def lowrank_steps(
    found: Grams, *, mode: str = "paper", lam: float | None = None, start: LowRank | None = None
) -> Iterator[Progress]:
    """`lowrank_of` as a stream: a Progress four times a second, the LowRank in the last; close it to stop."""
    if mode not in SOLVERS:
        raise ValueError(f"no mode {mode!r}: 'paper' (certified) or 'official' (the published arithmetic)")
    if lam is not None and not (math.isfinite(lam) and lam > 0):
        raise ValueError(f"lam = {lam}: the weight of the sparse part is a number above 0, such as 1/60")
    workers()  # before this thread's first tensor, which settles its number of threads
    movable = list(found.movable)
    pair = [m[movable][:, movable].double() for m in (found.inside, found.outside)]
    before = (start.inside, start.outside) if start else (None, None)
    given = OFFICIAL_LAMBDA if mode == "official" and lam is None else lam
    tried: list[tuple[Decomposition, Decomposition]] = []
    weight = given or first_lambda(len(movable))
    while weight:
        before = yield from _both(pair, weight, SOLVERS[mode], before)
        tried.append(before)
        found_out = given or not pair[1].any()  # where nothing is outside, there is no rank to search for
        weight = None if found_out else next_lambda([(each.lam, each.rank) for _, each in tried], len(movable))
    best = min(tried, key=lambda each: _distance(each[1].rank, len(movable)))
    spaces = principal_and_null(*best, official=mode == "official")
    within = bool(given) or _distance(best[1].rank, len(movable)) == 0
    result = _projected(found, *spaces, best, within=within, official=mode == "official")
    yield Progress(best[1].lam, sum(each.iterations for each in best), max(each.gap for each in best), result)


def principal_and_null(
    inside: Decomposition, outside: Decomposition, *, official: bool = False
) -> tuple[Tensor, Tensor]:
    """V_F [r_F, d], the principal space inside, and the basis N_B [d, d - r] of the null space of L_B; r = rank(L_B).

    official: r = min(max(1, r_B), d - 1), as published, so that something is always protected and something left.
    """
    order = _completed(outside.vectors)
    rank = min(max(1, outside.rank), len(order) - 1) if official else outside.rank
    return inside.vectors.T, order[:, rank:]


def _completed(vectors: Tensor) -> Tensor:
    """[d, d] orthonormal, beginning with the given columns [d, r]."""
    rest = torch.linalg.eigh(torch.eye(len(vectors), dtype=vectors.dtype) - vectors @ vectors.T).eigenvectors
    return torch.cat([vectors, rest[:, vectors.shape[1] :]], 1)  # eigenvalues 0 (r of them), then 1


def _projected(
    found: Grams, v_f: Tensor, n_b: Tensor, both: tuple[Decomposition, Decomposition], *, within: bool, official: bool
) -> LowRank:
    p = (v_f @ n_b) @ n_b.T  # P = (N_B N_B^T) V_F^T, as rows
    length = p.norm(dim=1)
    p = p / length.clamp(min=VANISHED)[:, None]
    movable = list(found.movable)
    m_a, m_b = (m[movable][:, movable].double() for m in (found.inside, found.outside))
    energy, leak = ((p @ m * p).sum(1).clamp(min=0) for m in (m_a, m_b))
    scores = both[0].values.abs() if official else energy
    order = scores.argsort(descending=True, stable=True)
    order = order[length[order] > VANISHED]

    def widened(vectors: Tensor) -> Directions:
        wide = torch.zeros(len(order), found.inside.shape[0], dtype=torch.float64)
        wide[:, movable] = vectors[order]
        return Directions(canonical_sign(wide) if len(wide) else wide, scores[order], found.slots)

    return LowRank(
        widened(p),
        widened(v_f),
        length[order],
        len(p) - len(order),
        (energy / leak)[order],
        energy[order],
        *both,
        within,
    )


# Lambda


def lambdas_around(lam: float) -> list[float]:
    """Weights to compare, ascending: a quarter, half, itself, double, and the published 1 / 60; four digits each."""
    return sorted({float(f"{value:.4g}") for value in (lam / 4, lam / 2, lam, 2 * lam, OFFICIAL_LAMBDA)})


def first_lambda(dim: int) -> float:
    """Where the search begins: 0.6 of Candès' 1 / sqrt(d), so that a trained network's rank(L_B) is about d / 7."""
    return 0.6 / math.sqrt(dim)


def next_lambda(tried: list[tuple[float, int]], dim: int) -> float | None:
    """By (lambda, rank(L_B)) so far; None: the last is good, or more search is in vain. The rank grows with lambda.

    By factors of 2 until both sides are known, then by geometric bisection: the same way whatever was solved before.
    """
    if _distance(tried[-1][1], dim) == 0 or len(tried) >= STEPS:
        return None
    low = max((lam for lam, rank in tried if rank < dim / 16), default=None)
    high = min((lam for lam, rank in tried if rank > dim / 4), default=None)
    if low is None or high is None:
        return high / 2 if low is None else low * 2 if low < 1 else None  # from 1 on, S = 0 is optimal
    return math.sqrt(low * high)


def _distance(rank: int, dim: int) -> float:
    """0 between d / 16 and d / 4."""
    return max(dim / 16 - rank, rank - dim / 4, 0.0)


# Principal component pursuit


def _both(
    pair: list[Tensor], lam: float, solver: Callable, before: tuple
) -> Stream[Progress, None, tuple[Decomposition, Decomposition]]:
    """Both matrices, each in a thread of its own: a Progress now and then, and the two solutions are returned."""
    stop, seen = threading.Event(), [(0, 1.0), (0, 1.0)]

    def solve(side: int) -> Decomposition:
        def watch(iterations: int, gap: float) -> bool:
            seen[side] = iterations, gap
            return stop.is_set()

        return solver(pair[side], lam, start=before[side], watch=watch)

    jobs = [workers().submit(solve, side) for side in (0, 1)]
    try:
        while wait(jobs, BEAT).not_done:
            yield Progress(lam, seen[0][0] + seen[1][0], max(seen[0][1], seen[1][1]))
        return jobs[0].result(), jobs[1].result()
    finally:
        stop.set()
        wait([job for job in jobs if not job.cancel()])


def workers() -> ThreadPoolExecutor:
    """Two threads, each with one core: decompositions of this size gain little from two cores, and two of them that
    both try take three times as long.
    """
    return single_core(2, "pursuit")


def pursue(
    m: Tensor,
    lam: float,
    *,
    tolerance: float = TOLERANCE,
    most: int = MOST,
    start: Decomposition | None = None,
    watch: Callable[[int, float], bool] | None = None,
) -> Decomposition:
    """min |L|_* + lam |S|_1 with L + S = M [d, d] symmetric, float64, until the relative duality gap is `tolerance`.

    Alternating directions (ADMM) with a multiple of Candès' penalty, d^2 / (4 |M|_1), entrywise norm, over-relaxed;
    symmetric eigen-decompositions. start: a solution of a similar matrix. watch(iterations, gap) is asked now and
    then; True stops. After `most` iterations the gap says what is missing. Raises ValueError for a matrix that is
    not symmetric and finite.
    """
    _check_symmetric(m)
    if not m.any():
        return certified(m, m, torch.zeros_like(m), lam)
    mu = STIFF * m.numel() / (4 * float(m.abs().sum()))
    s, z = _warm(m, lam, start)
    best = None
    for i in range(1, most + 1):
        low, _, _ = _shrunk(m - s + z / mu, 1 / mu)
        relaxed = RELAXED * low + (1 - RELAXED) * (m - s)
        s = _soft(m - relaxed + z / mu, lam / mu)
        z = z + mu * (m - relaxed - s)
        if i % LOOK == 0 or i == most:
            now = certified(m, low, z, lam, iterations=i)
            best = now if best is None or now.gap <= best.gap else best
            if best.gap <= tolerance or (watch and watch(i, best.gap)):
                break
    return best


def _warm(m: Tensor, lam: float, start: Decomposition | None) -> tuple[Tensor, Tensor]:
    """S and the multiplier Z to begin with: those of `start` where its matrix is near, else zeros: faster then."""
    if start is None or start.low.shape != m.shape or (start.low + start.sparse - m).norm() > NEAR * m.norm():
        return torch.zeros_like(m), torch.zeros_like(m)
    return start.sparse, start.dual.clamp(-lam, lam)


def certified(m: Tensor, low: Tensor, dual: Tensor, lam: float, *, iterations: int = 0) -> Decomposition:
    """The split M = low + (M - low) with both sides of its certificate, computed here from the matrices alone.

    Any symmetric `dual` gives a bound once it is scaled into the feasible set: weak duality, <M, Z> <= optimum.
    """
    low, dual = (low + low.T) / 2, (dual + dual.T) / 2
    values, vectors = torch.linalg.eigh(low)
    order = values.abs().argsort(descending=True)
    order = order[values[order].abs() > 1e-9 * values.abs().max()]  # what a soft threshold left at 0
    values, vectors = values[order], vectors[:, order]
    low = (vectors * values) @ vectors.T
    too_long = max(1.0, float(torch.linalg.eigvalsh(dual).abs().max()), float(dual.abs().max()) / lam)
    dual = dual / too_long
    primal = float(values.abs().sum() + lam * (m - low).abs().sum())
    return Decomposition(low, m - low, values, vectors, dual, lam, primal, float((m * dual).sum()), iterations)


def _shrunk(m: Tensor, by: float) -> tuple[Tensor, Tensor, Tensor]:
    """Singular value thresholding of a symmetric matrix: eigenvalues moved towards 0, signs kept."""
    values, vectors = torch.linalg.eigh(m)
    values = _soft(values, by)
    kept = values != 0
    values, vectors = values[kept], vectors[:, kept]
    return (vectors * values) @ vectors.T, values, vectors


def _soft(m: Tensor, by: float) -> Tensor:
    return m.sign() * (m.abs() - by).clamp(min=0)


def _check_symmetric(m: Tensor) -> None:
    if (
        m.ndim != 2
        or m.shape[0] != m.shape[1]
        or not torch.isfinite(m).all()
        or not torch.allclose(m, m.T, rtol=1e-9, atol=1e-12 * float(m.abs().max()))
    ):
        raise ValueError(f"pursuit needs a symmetric matrix of finite numbers; got {list(m.shape)}")


def pursue_official(
    m: Tensor, lam: float, *, start: None = None, watch: Callable[[int, float], bool] | None = None
) -> Decomposition:
    """The published arithmetic (`RobustPCA.py`): mu from `norm(M, ord=1)`, the largest column sum; starts from zeros.

    Stops when |L + S - M| <= 1e-7 |M| (Frobenius), which can be far from the optimum: the gap shows it. `start` is not
    used. The rank is NumPy's `matrix_rank`: eigenvalues above d eps times the largest.
    """
    _check_symmetric(m)
    if not m.any():
        return certified(m, m, torch.zeros_like(m), lam)
    mu = m.numel() / (4 * float(m.abs().sum(0).max()))
    s = y = torch.zeros_like(m)
    for i in range(1, OFFICIAL_MOST + 1):
        low, values, vectors = _shrunk(m - s - y / mu, 1 / mu)
        s = _soft(m - low - y / mu, lam / mu)
        y = y + mu * (low + s - m)
        if (low + s - m).norm() <= OFFICIAL_RESIDUAL * m.norm() or (watch and watch(i, 1.0)):
            break
    order = values.abs().argsort(descending=True)
    order = order[values[order].abs() > len(m) * torch.finfo(m.dtype).eps * values.abs().max()]
    split = certified(m, low, -y, lam, iterations=i)
    return Decomposition(low, s, values[order], vectors[:, order], split.dual, lam, split.primal, split.bound, i)


SOLVERS = {"paper": pursue, "official": pursue_official}
