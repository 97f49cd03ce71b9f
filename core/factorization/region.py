"""Knobs for a region: directions with a step that changes the region equally, and what else each of them moves.

The step of LowRankGAN (Zhu et al., arXiv 2106.04488) and ReSeFa (arXiv 2202.09649) is left open by the papers. Here it
changes the region by STEP at first order: STEP / sqrt(n^T M_A n), M_A and M_B the Gram matrices of inside and outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Directions, edit
from ..generators.base import Generator
from ..regions import resized
from . import resefa
from .baseline import random_directions, spread_along
from .jacobian import Grams, PictureGrams, jacobian_steps, of_jacobian
from .lowrank import LowRank, lowrank_steps
from .sefa import sefa

KNOBS = 4  # at most
STEP = 0.05  # RMS change inside that one step makes, at first order; a picture's values are in [-1, 1]
REACH = 6.0  # steps, at most
FURTHEST = 5.0  # standard deviations of w . n: how far a knob goes at most
FIRST = 5  # directions of LowRankGAN and ReSeFa of which the best is compared with other methods
TRIED = 20  # directions of ReSeFa that are looked at, and of SeFa and chance that they are compared with
LEFT = 1e-9  # of the mean square along a direction, added to all: some move nothing
LEAST = 1e-300  # of a mean square, before its root is divided by


@dataclass(frozen=True, eq=False)
class RegionKnobs:
    """At most KNOBS directions of one method for one region of one picture.

    directions [k, dim] unit length; numbers: which of the method's own each is, from 0, and signs: whether it is the
    other way round; steps: distance of one step; deviations: the same in standard deviations of w . n; ratio: inside
    over outside, RMS, at first order; found: how many directions the method found. grams: of the region. solved: of
    LowRankGAN. given: of directions that were brought, as they came.
    """

    directions: Directions
    numbers: list[int]
    signs: list[float]
    steps: list[float]
    deviations: list[float]
    ratio: list[float]
    found: int
    grams: Grams
    solved: LowRank | None = None
    given: Directions | None = None

    def reach(self, knob: int) -> float:
        """Steps that the knob goes to either side: to 5 standard deviations, at most 6 steps, at least 1."""
        return max(1.0, min(REACH, math.floor(2 * FURTHEST / self.deviations[knob]) / 2))

    def distances(self, setting: Sequence[float]) -> list[float]:
        """Amounts in steps, one a knob from the first -> one distance for each direction.

        Raises ValueError where there are fewer knobs than are turned.
        """
        if not self.steps and any(setting):
            raise ValueError("nothing moves this region alone, so there is no knob to turn: choose another region")
        if any(setting[len(self.steps) :]):
            count = len(self.steps)
            raise ValueError(f"this region has only {count} knobs: set the knobs after them back to 0")
        return [amount * step for amount, step in zip(setting, self.steps)]

    def moved(self, codes: Tensor, settings: Sequence[Sequence[float]]) -> Tensor:
        """Codes [N, slots, dim] at n settings of the knobs, [n * N, slots, dim]; settings and errors as `distances`."""
        return torch.cat([edit(codes, self.directions, self.distances(setting)) for setting in settings])


def resefa_knobs(generator: Generator, found: Grams, *, label: int | None = None) -> RegionKnobs:
    directions = resefa.resefa_of(found, k=min(TRIED, len(found.movable))).directions
    return knobs_of(generator, found, directions, label=label)


def lowrank_knobs(generator: Generator, found: Grams, solved: LowRank, *, label: int | None = None) -> RegionKnobs:
    return knobs_of(generator, found, solved.directions, label=label, solved=solved)


def restricted(found: Grams, directions: Directions) -> Directions:
    """Directions [k, dim] that change the region as the given ones do and the rest as little as they can; ours.

    Least squares over all pixels, at first order: of all n, J n comes nearest to J v inside and 0 outside, so
    n = (J^T J)^-1 J_A^T J_A v, scaled to unit length; 0 for what moves nothing inside. Raises ValueError for vectors of
    another shape and for other slots.
    """
    if directions.vectors.ndim == 3 or directions.slots != found.slots:
        raise ValueError(
            f"these directions move the slots {directions.slots}, {directions.vectors.ndim - 1}-dimensional; a region "
            f"takes one vector for the slots {found.slots}"
        )
    inside, outside = (rows * m.double() for rows, m in zip(found.rows, (found.inside, found.outside)))
    whole = inside + outside
    whole = whole + LEFT * whole.trace() / len(whole) * torch.eye(len(whole), dtype=whole.dtype)
    vectors = torch.linalg.solve(whole, inside @ directions.vectors.double().T).T
    return Directions(vectors / vectors.norm(dim=1, keepdim=True).clamp(min=LEAST), directions.scores, found.slots)


def given_knobs(generator: Generator, found: Grams, given: Directions, *, label: int | None = None) -> RegionKnobs:
    """Knobs that somebody brought, `restricted` to the region; `unbound` has them as they came."""
    return replace(knobs_of(generator, found, restricted(found, given), label=label), given=given)


def knobs_of(
    generator: Generator,
    found: Grams,
    directions: Directions,
    *,
    label: int | None = None,
    solved: LowRank | None = None,
) -> RegionKnobs:
    """The first KNOBS directions, in the method's order, that move the region visibly: a step lies within their way."""
    spread = _spread(generator, directions, label)
    ways = _way(found, directions, spread).tolist()
    numbers = [i for i, step in enumerate(ways) if step <= FURTHEST / 2][:KNOBS]
    return _knobs(found, directions, numbers, [1.0] * len(numbers), spread, solved)


def unbound(generator: Generator, bound: RegionKnobs, *, label: int | None = None) -> RegionKnobs:
    """Knobs before anything was forbidden: LowRankGAN's before the projection, of ReSeFa those of the inside alone,
    and directions that were brought as they came.
    """
    if bound.given is not None:
        spread, signs = _spread(generator, bound.given, label), [1.0] * len(bound.numbers)
        return replace(_knobs(bound.grams, bound.given, bound.numbers, signs, spread, None), given=bound.given)
    if bound.solved is None:
        values, vectors = torch.linalg.eigh(bound.grams.inside)
        count = min(TRIED, len(values))
        strongest = Directions(vectors.flip(1)[:, :count].T, values.flip(0)[:count], bound.grams.slots)
        return knobs_of(generator, bound.grams, strongest, label=label)
    directions = bound.solved.unprojected
    pairs = zip(bound.numbers, bound.directions.vectors)
    signs = [1.0 if float(directions.vectors[number] @ vector) >= 0 else -1.0 for number, vector in pairs]
    return _knobs(bound.grams, directions, bound.numbers, signs, _spread(generator, directions, label), bound.solved)


def _knobs(
    found: Grams,
    directions: Directions,
    numbers: Sequence[int],
    signs: Sequence[float],
    spread: Tensor,
    solved: LowRank | None,
) -> RegionKnobs:
    numbers, signs = list(numbers), list(signs)
    vectors = directions.vectors[numbers] * torch.tensor(signs, dtype=torch.float64)[:, None]
    chosen = Directions(vectors, directions.scores[numbers], directions.slots)
    inside, outside = energies(found, chosen)
    steps = STEP / inside.clamp(min=LEAST).sqrt()
    away = (steps / spread[numbers].clamp(min=1e-12)).tolist()
    ratio = (inside / outside).sqrt().tolist()
    return RegionKnobs(chosen, numbers, signs, steps.tolist(), away, ratio, len(directions), found, solved)


# --- both methods as one stream


class Step(NamedTuple):
    """stage: "jacobian", then "resefa" (or "given") and, of LowRankGAN, "split". share: how far all of it is, 0 to 1.

    picture: the Jacobian, with the step that completes it. knobs: what was found with this step, by method. iterations,
    gap: of a split, see `lowrank.Progress`.
    """

    stage: str
    share: float
    picture: PictureGrams | None = None
    knobs: Mapping[str, RegionKnobs] = {}
    iterations: int = 0
    gap: float = 1.0


def knobs_steps(
    generator: Generator,
    codes: Tensor,
    mask: Tensor,
    *,
    method: str = "lowrank",
    lam: float | None = None,
    slots: Iterable[int] | None = None,
    size: int | None = None,
    label: int | None = None,
    picture: PictureGrams | None = None,
    given: Directions | None = None,
) -> Iterator[Step]:
    """The knobs of a region of the picture of codes [1, slots, dim]: ReSeFa's come first, LowRankGAN's last.

    mask: [h, w] bool. method: "resefa" ends with ReSeFa's; else "lowrank", or "official" as published; another name
    goes with `given`, directions that somebody brought, which come restricted in the place of LowRankGAN's. label: the
    class of the picture. picture: its Jacobian, where it is known. Other arguments and errors as of `jacobian_steps`
    and `lowrank_steps`.
    """
    if picture is None:
        for step in jacobian_steps(generator, codes, slots=slots, size=size):
            done = None if step.result is None else of_jacobian(generator, step.result, slots)
            yield Step("jacobian", 0.5 * step.done / step.total, done)
        picture = done
    found = picture.of(mask)
    first = dict(resefa=resefa_knobs(generator, found, label=label))
    if given is not None:
        yield Step("given", 1.0, knobs=first | {method: given_knobs(generator, found, given, label=label)})
        return
    yield Step("resefa", 0.5, knobs=first)
    if method == "resefa":
        return
    if method == "official":  # the mean over RGB, as published
        found = of_jacobian(generator, picture.jacobian, picture.slots, colours="mean").of(mask)
    for step in lowrank_steps(found, mode="official" if method == "official" else "paper", lam=lam):
        made = {} if step.result is None else {method: lowrank_knobs(generator, found, step.result, label=label)}
        yield Step("split", 0.5 + 0.5 * step.share, knobs=made, iterations=step.iterations, gap=step.gap)


# --- what a direction does, at first order


def energies(found: Grams, directions: Directions) -> tuple[Tensor, Tensor]:
    """Mean squared change for a unit step: inside [k], outside [k]."""
    v = directions.vectors.double()
    return tuple(((v @ m) * v).sum(1).clamp(min=0) for m in (found.inside, found.outside))


def ratios(found: Grams, directions: Directions) -> Tensor:
    """[k]: inside over outside, RMS."""
    inside, outside = energies(found, directions)
    return (inside / outside.clamp(min=LEAST)).sqrt()


def ways(generator: Generator, found: Grams, directions: Directions, *, label: int | None = None) -> Tensor:
    """[k]: how far a step goes along each, in standard deviations of w . n."""
    return _way(found, directions, _spread(generator, directions, label))


def _way(found: Grams, directions: Directions, spread: Tensor) -> Tensor:
    return STEP / energies(found, directions)[0].clamp(min=LEAST).sqrt() / spread.clamp(min=1e-12)


def _spread(generator: Generator, directions: Directions, label: int | None) -> Tensor:
    return spread_along(generator, directions, samples=1024, label=label) if len(directions) else torch.ones(0)


def baselines(generator: Generator, found: Grams) -> tuple[float, float]:
    """`ratios` of directions that know nothing of the region: SeFa's best of 20, and the median random one."""
    count = min(TRIED, len(found.movable))
    global_ones, chance = sefa(generator, found.slots, k=count), random_directions(generator, found.slots, k=TRIED)
    return float(ratios(found, global_ones).max()), float(ratios(found, chance).median())


# --- what can be moved alone


class Outcome(NamedTuple):
    """How far LowRankGAN's directions of one region of one picture get, at first order.

    survived: directions that the projection left, of `rank`, those of L_A. protected: rank of L_B, of `dim`. visible:
    those that move the region visibly: a step lies within a knob's way. nearest: the least way of a step, in standard
    deviations of w . n; best: the largest of their `ratios`, and best_visible of the visible; None where there is none.
    """

    survived: int
    rank: int
    protected: int
    dim: int
    visible: int
    nearest: float | None
    best: float | None
    best_visible: float | None


def outcome(generator: Generator, found: Grams, solved: LowRank, *, label: int | None = None) -> Outcome:
    """found: of the region that was solved. label: the class of the picture, where there are classes."""
    directions = solved.directions
    way, ratio = ways(generator, found, directions, label=label), ratios(found, directions)
    near = way <= FURTHEST / 2
    ranks = len(directions), solved.inside.rank, solved.outside.rank, len(solved.inside.low), int(near.sum())
    if not len(directions):
        return Outcome(*ranks, None, None, None)
    return Outcome(*ranks, float(way.min()), float(ratio.max()), float(ratio[near].max()) if near.any() else None)


# --- what they are compared with


def contenders(generator: Generator, found: Grams, solved: LowRank) -> dict[str, Directions]:
    """Directions of several methods for one region, by a name that says of how many the best is meant.

    LowRankGAN's with and without its projection, ReSeFa's, and two that know nothing of the region: SeFa's and chance.
    """
    count = min(TRIED, len(found.movable))
    made = {
        f"LowRankGAN, best of its first {FIRST}": solved.directions.only(range(len(solved.directions))[:FIRST]),
        f"LowRankGAN before the projection, best of its first {FIRST}": solved.unprojected.only(
            range(len(solved.unprojected))[:FIRST]
        ),
        f"ReSeFa, best of its first {FIRST}": resefa.resefa_of(found, k=min(FIRST, count)).directions,
        f"SeFa, best of its first {count}": sefa(generator, found.slots, k=count),
        f"random, best of {TRIED}": random_directions(generator, found.slots, k=TRIED),
    }
    return {name: directions for name, directions in made.items() if len(directions)}


# --- what an edit did, in pictures


def change(before: Tensor, after: Tensor, mask: Tensor) -> tuple[float, float]:
    """RMS change inside and outside of a region [h, w] between two images [3, R, R], over pixels and channels."""
    squared, mask = (after - before).square().mean(0).cpu(), resized(mask, before.shape[-1])
    inside = squared[mask].mean().sqrt()
    return float(inside), float(squared[~mask].mean().sqrt()) if not mask.all() else 0.0


def locality(inside: float, outside: float) -> float | None:
    """Inside over outside of a `change`; None where nothing outside moved or there is no outside."""
    return inside / outside if outside > 1e-9 else None
