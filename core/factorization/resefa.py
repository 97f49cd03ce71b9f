"""ReSeFa: directions that change a region most for what they change elsewhere, in closed form.

Zhu et al., Region-Based Semantic Factorization in GANs, ICML 2022 (arXiv 2202.09649): the generalised Rayleigh quotient
n^T M_A n / n^T M_B n, where M_A and M_B are the Gram matrices of the Jacobian's rows inside and outside of the region.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..codes import Directions, canonical_sign
from ..generators.base import Generator
from .jacobian import CHUNK, Grams, grams

REGULARISER = 1e-3  # the published `--full_rank`


@dataclass(frozen=True, eq=False)
class ReSeFa:
    """directions: scores are the regularised quotients they were ranked by.

    ratio [k]: n^T M_A n / n^T M_B n as it is (inf where nothing outside changes). energy [k]: n^T M_A n, the mean
    squared change inside of a unit step, at first order: a high ratio with next to no energy moves nothing.
    """

    directions: Directions
    ratio: Tensor
    energy: Tensor


def resefa(
    generator: Generator,
    codes: Tensor,
    mask: Tensor,
    *,
    k: int = 5,
    slots: Iterable[int] | None = None,
    size: int | None = None,
    chunk: int = CHUNK,
    regulariser: float = REGULARISER,
) -> ReSeFa:
    """The k best directions of a region of codes [n, slots, dim] (averaged over n pictures), best first.

    mask: [h, w] bool, or [n, h, w]. Other arguments as in `jacobian.grams` and `resefa_of`; ValueError as they do.
    """
    return resefa_of(grams(generator, codes, mask, slots=slots, size=size, chunk=chunk), k=k, regulariser=regulariser)


def resefa_of(found: Grams, *, k: int = 5, regulariser: float = REGULARISER) -> ReSeFa:
    """ReSeFa's directions from Gram matrices.

    Solves M_A n = lambda (M_B + regulariser trace(M_B) I) n by a Cholesky-whitened `eigh`.

    Where nothing is outside (the region is the whole picture), the quotient's denominator is n^T n. Raises ValueError
    for k beyond the numbers that may move, and for a regulariser that is not positive.
    """
    movable = list(found.movable)
    if not 1 <= k <= len(movable):
        raise ValueError(f"k = {k}: this generator has 1 to {len(movable)} directions")
    if not (math.isfinite(regulariser) and regulariser > 0):
        raise ValueError(f"regulariser = {regulariser}: a small number above 0, so that the quotient has a denominator")
    m_a, m_b = (m[movable][:, movable].double() for m in (found.inside, found.outside))
    trace = m_b.trace() if m_b.trace() > 0 else m_b.new_tensor(1 / regulariser)
    lower = torch.linalg.cholesky(m_b + regulariser * trace * torch.eye(len(m_b), dtype=m_b.dtype))
    half = torch.linalg.solve_triangular(lower, m_a, upper=False)  # L^-1 M_A
    whitened = torch.linalg.solve_triangular(lower, half.T, upper=False)  # L^-1 M_A L^-T
    scores, y = torch.linalg.eigh((whitened + whitened.T) / 2)  # ascending
    n = torch.linalg.solve_triangular(lower.T, y.flip(1)[:, :k], upper=True).T  # n = L^-T y
    n = canonical_sign(n / n.norm(dim=1, keepdim=True))
    energy, leak = ((n @ m * n).sum(1).clamp(min=0) for m in (m_a, m_b))
    vectors = torch.zeros(k, found.inside.shape[0], dtype=torch.float64)
    vectors[:, movable] = n
    return ReSeFa(Directions(vectors, scores.flip(0)[:k].clamp(min=0), found.slots), energy / leak, energy)
