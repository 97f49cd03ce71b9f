"""InterFaceGAN: pictures with an attribute and pictures without it lie on two sides of a plane among the codes.

Shen et al., Interpreting the Latent Space of GANs for Semantic Face Editing, CVPR 2020 (arXiv 1907.10786). Moving a
code along the plane's normal changes the attribute; a normal made orthogonal to others is meant to leave those
attributes alone ("conditional manipulation").

A linear fit has two vectors. Its *normal* reads the attribute off a code best, and to do so cancels whatever varies
along with it. Its *pattern*, the covariance of the codes with the score, says how codes with more of the attribute
differ (Haufe et al., On the interpretation of weight vectors of linear models in multivariate neuroimaging, NeuroImage
2014). A picture follows the pattern and hardly the normal of a fit to all scores.

One meaning of distance: a code moves by an offset relative to where it is, counted in standard deviations of w . n.
`official` places it at an absolute distance from the plane instead, as the published code does.

Boundaries are published for z, before the mapping, and for w, after it: `boundaries_in_z` and `boundaries`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..codes import Directions, edit
from ..generators.base import Generator
from .space import space_of, units

END = 0.02  # share of the pictures on each side that the SVM is fitted to, as published
LEAST_END = 100  # pictures on each side, where there are so many: a plane needs them more than extreme scores
TRAINED = 0.7  # share of the pictures that a plane is fitted to where it is judged; the others judge it
RIDGE = 1e-3  # of the mean variance: codes need not span all of their space
FEWEST = 20  # pictures
DISTANCES = tuple(-3 + 6 * i / 9 for i in range(10))  # from the plane, as published


@dataclass(frozen=True, eq=False)
class Boundaries:
    """A plane for each of k attributes, and how well it parts pictures that it was not fitted to.

    directions: unit vectors towards higher scores, in the attributes' order; zero for a score that does not vary.
    ends [k]: share (0 to 1) of held-out pictures with extreme scores on the right side; chance is 0.5.
    rest [k]: the share of the other pictures, sides parted half-way between the lowest and the highest score.
    chance [k]: what `rest` would be if all were put on the larger side.
    """

    directions: Directions
    ends: Tensor
    rest: Tensor
    chance: Tensor


def boundaries(
    generator: Generator,
    codes: Tensor,
    readings: Tensor,
    slots: Iterable[int] | None = None,
    *,
    fit: str = "pattern",
    seed: int = 0,
) -> Boundaries:
    """A boundary for each attribute of labelled pictures, from codes [n, slots, dim] and readings [n, k].

    slots: those that the directions move (None: all). fit, one of FITS: "pattern", the covariance of codes and scores
    (all scores); "ridge", the normal of a least-squares fit to all scores; "svm", the normal of a linear SVM between
    the ends of the scores, as published. seed: which pictures are held out. Vectors are [k, dim], or [k, slots, dim]
    where each slot has a code of its own. Raises ValueError for arguments that do not fit.
    """
    space = space_of(generator, codes, slots)
    normals, *shares = _fitted(fit, space.numbers(codes), readings, seed)
    vectors = space.vectors(normals)
    return Boundaries(Directions(vectors, torch.ones(len(vectors), dtype=torch.float64), space.slots), *shares)


def _fitted(fit: str, numbers: Tensor, readings: Tensor, seed: int) -> tuple[Tensor, ...]:
    if fit not in FITS:
        raise ValueError(f"no fit {fit!r}: choose one of {', '.join(FITS)}")
    return FITS[fit](numbers, _checked(numbers, readings), seed)


def _checked(codes: Tensor, readings: Tensor) -> Tensor:
    if readings.ndim != 2 or len(readings) != len(codes):
        raise ValueError(
            f"{len(codes)} pictures need as many rows of scores, [n, attributes]; got {list(readings.shape)}"
        )
    if len(codes) < FEWEST:
        raise ValueError(f"{len(codes)} labelled pictures are too few for a boundary: give at least {FEWEST}")
    if not torch.isfinite(readings).all():
        raise ValueError("some scores are not finite numbers: leave these pictures out")
    return readings.detach().cpu().double()


# --- in z, before the mapping


def on_sphere(z: Tensor) -> Tensor:
    """z [n, d] scaled to length sqrt(d), as published: a mapping, and a PGGAN, read where z points alone."""
    return z / z.norm(dim=1, keepdim=True).clamp(min=1e-12) * z.shape[1] ** 0.5


def boundaries_in_z(
    generator: Generator, z: Tensor, readings: Tensor, *, fit: str = "svm", seed: int = 0
) -> Boundaries:
    """A boundary for each attribute of labelled pictures, from their z [n, z_dim] and readings [n, k].

    z: as `generator.sample` gives it; where the network reads its direction alone, `on_sphere` of it is fitted to.
    Vectors are [k, z_dim], for `moved_in_z`; their `slots` are (), for z comes before all slots. Other arguments and
    errors as of `boundaries`.
    """
    if z.ndim != 2 or z.shape[1] != generator.z_dim:
        raise ValueError(f"z of this generator is [n, {generator.z_dim}]; got {list(z.shape)}")
    normals, *shares = _fitted(fit, _as_read(generator, z).detach().cpu().double(), readings, seed)
    return Boundaries(Directions(normals, torch.ones(len(normals), dtype=torch.float64), ()), *shares)


@torch.no_grad()
def _as_read(generator: Generator, z: Tensor) -> Tensor:
    """z without what does not matter to the network: its length, where that is so."""
    return on_sphere(z) if torch.allclose(generator.codes(2 * z[:1]), generator.codes(z[:1]), atol=1e-4) else z


def moved_in_z(
    generator: Generator,
    z: Tensor,
    directions: Directions,
    amounts: Sequence[float],
    *,
    psi: float = 1.0,
    label: int | None = None,
) -> Tensor:
    """Codes [n, slots, dim] of z [n, z_dim] moved by sum_i amounts[i] * vectors[i]; the mapping runs again.

    directions: of `boundaries_in_z`. psi, label: as of `generator.codes`.
    """
    where = edit(_as_read(generator, z)[:, None], Directions(directions.vectors, directions.scores, (0,)), amounts)
    return generator.codes(where[:, 0], psi=psi, label=label)


# --- fits to all scores


def ridge(w: Tensor, readings: Tensor) -> Tensor:
    """Unit normals [k, m] of the ridge regressions of readings [n, k] on codes w [n, m]; float64.

    The penalty is a thousandth of the mean variance of the codes. A reading that does not vary gets a zero row.
    """
    w, y = w.double() - w.double().mean(0), readings.double() - readings.double().mean(0)
    gram = w.T @ w
    gram += torch.eye(len(gram), dtype=gram.dtype) * gram.trace() / len(gram) * RIDGE
    return units(torch.linalg.solve(gram, w.T @ y).T)


def pattern(w: Tensor, readings: Tensor) -> Tensor:
    """Unit vectors [k, m] along the covariance of codes w [n, m] with readings [n, k]; float64.

    It is the covariance of w times the least-squares normal (Haufe et al. 2014, equation 6). A reading that does not
    vary gets a zero row.
    """
    w, y = w.double() - w.double().mean(0), readings.double() - readings.double().mean(0)
    return units(y.T @ w / len(w))


def _to_all(fit: Callable[[Tensor, Tensor], Tensor], w: Tensor, y: Tensor, seed: int) -> tuple[Tensor, ...]:
    """Vectors fitted to all pictures; shares, of 30 % of them under vectors fitted to the other 70 %."""
    order = torch.randperm(len(w), generator=torch.Generator().manual_seed(seed))
    train, held = order.split([round(TRAINED * len(w)), len(w) - round(TRAINED * len(w))])
    along = (w - w[train].mean(0)) @ fit(w[train], y[train]).T
    centred = y[train] - y[train].mean(0)
    slope = (along[train] * centred).sum(0) / along[train].square().sum(0).clamp(min=1e-30)
    above = y[train].mean(0) + slope * along[held] > _middle(y)
    shares = [_shares(y[held, i], above[:, i], _ends(y[held, i]), _middle(y[:, i])) for i in range(y.shape[1])]
    return fit(w, y), *torch.tensor(shares, dtype=torch.float64).T


def _middle(scores: Tensor) -> Tensor:
    return (scores.amin(0) + scores.amax(0)) / 2


def _ends(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of the pictures with the lowest and with the highest of scores [n]."""
    count = min(max(round(END * len(scores)), LEAST_END), len(scores) // 2)
    order = scores.argsort(stable=True)
    return order[:count], order[-count:]


def _shares(scores: Tensor, above: Tensor, ends: tuple[Tensor, Tensor], middle: Tensor) -> tuple[float, float, float]:
    """Shares on the right side: of the ends, of the others, and of the others if all were on the larger side."""
    low, high = ends
    at_ends = torch.cat([~above[low], above[high]]).double().mean()
    others = torch.ones(len(scores), dtype=torch.bool)
    others[torch.cat(ends)] = False
    if not others.any():
        return float(at_ends), float("nan"), float("nan")
    side = scores[others] > middle
    larger = max(float(side.double().mean()), 1 - float(side.double().mean()))
    return float(at_ends), float((above[others] == side).double().mean()), larger


# --- the published fit


def svm(w: Tensor, readings: Tensor, seed: int = 0) -> tuple[Tensor, ...]:
    """Unit normals [k, m] of linear SVMs between the ends of the readings [n, k], and `ends`, `rest`, `chance` [k].

    The 2 % with the highest and the 2 % with the lowest scores (at least 100 a side, at most half of all); 70 % of
    them train `sklearn.svm.SVC(kernel="linear")` with C = 1, 30 % judge it. The intercept is used to judge, and does
    not matter for a direction. A reading that does not vary gets a zero row and shares of nan.
    """
    found = [_svm_of(w, scores, seed) for scores in readings.double().T]
    return torch.stack([normal for normal, _ in found]), *torch.tensor([s for _, s in found], dtype=torch.float64).T


def _svm_of(w: Tensor, scores: Tensor, seed: int) -> tuple[Tensor, tuple[float, float, float]]:
    from sklearn.svm import SVC  # here, because it takes a second to import, and draws random numbers meanwhile

    if scores.amin() == scores.amax():
        return torch.zeros(w.shape[1], dtype=torch.float64), (float("nan"),) * 3
    random = torch.Generator().manual_seed(seed)
    ends = _ends(scores)
    train = round(TRAINED * len(ends[0]))
    shuffled = [side[torch.randperm(len(side), generator=random)] for side in ends]
    chosen = torch.cat([side[:train] for side in shuffled])
    found = SVC(kernel="linear").fit(w[chosen].numpy(), np.repeat([0, 1], train))
    above = torch.from_numpy(found.decision_function(w.numpy()) > 0)
    held = [side[train:] for side in shuffled]
    at_ends = torch.cat([~above[held[0]], above[held[1]]]).double().mean()
    _, rest, chance = _shares(scores, above, ends, _middle(scores))
    return units(torch.tensor(found.coef_))[0], (float(at_ends), rest, chance)


FITS: dict[str, Callable[[Tensor, Tensor, int], tuple[Tensor, ...]]] = {
    "pattern": lambda w, y, seed: _to_all(pattern, w, y, seed),
    "ridge": lambda w, y, seed: _to_all(ridge, w, y, seed),
    "svm": svm,
}


# --- conditional manipulation


def conditioned(directions: Directions, rows: Iterable[int]) -> Directions:
    """The directions made orthogonal to those numbered `rows`, which stay as they are; all of unit length.

    The projection onto the orthogonal complement of the span of the conditions; their order, repetition and linear
    dependence do not matter. Raises ValueError for a row that does not exist, and where a direction lies in the span.
    """
    rows = sorted(set(rows))
    if not rows:
        return directions
    if not 0 <= rows[0] <= rows[-1] < len(directions):
        raise ValueError(f"directions {rows} shall stay, but there are only 0 to {len(directions) - 1}")
    flat = directions.vectors.double().flatten(1)
    basis = _basis(flat[rows])
    free = [i for i in range(len(flat)) if i not in rows]
    left = flat[free]
    for _ in range(2):  # the second pass removes what the first one's rounding left
        left = left - left @ basis.T @ basis
    nothing = left.norm(dim=1) <= 1e-6 * flat[free].norm(dim=1)
    if (nothing & (flat[free].norm(dim=1) > 0)).any():
        lost = ", ".join(str(free[i]) for i in nothing.nonzero()[:, 0].tolist())
        raise ValueError(f"nothing is left of direction {lost}: those that stay already span it; keep fewer fixed")
    flat = flat.clone()
    flat[free] = units(left)
    return Directions(flat.reshape(directions.vectors.shape), directions.scores, directions.slots)


def official(codes: Tensor, normal: Tensor, distances: Sequence[float] = DISTANCES) -> Tensor:
    """Codes [n, d] placed at each signed distance t from the plane through 0 with a normal [d]: [n, distances, d].

    code + (t - code . n) n, as the published code moves codes z or w; where the code lay before does not matter, and
    neither does the intercept of the fit, which is dropped. Everywhere else here a code moves by an offset relative to
    where it is, code + t n, in standard deviations of w . n: then 0 leaves the picture as it is, a step is as large in
    every space and for every attribute, and codes of W+, which lie on no one side, move as those of W do.
    """
    unit = units(normal.double()[None])[0]
    there = torch.tensor(tuple(distances), dtype=torch.float64)
    away = there - (codes.double() @ unit)[:, None]
    return (codes.double()[:, None] + away[..., None] * unit).to(codes.dtype)


def _basis(rows: Tensor) -> Tensor:
    """Orthonormal rows that span `rows` [k, m]; fewer where these depend on each other (to one part in 10^9)."""
    _, sizes, basis = torch.linalg.svd(rows, full_matrices=False)
    return basis[sizes > 1e-9 * sizes[0].clamp(min=1e-30)]
