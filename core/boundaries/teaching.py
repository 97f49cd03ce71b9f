"""Teaching a network a word: some pictures that show it, some that do not, and a direction towards it. Ours.

The answers are +1 and -1; both kinds weigh the same, however many there are of each. What tells them apart is either
a few of a judge's readings r(w) (forward selection, stopped by the extended BIC of Chen and Chen, Biometrika 2008) or
all numbers of the code (ridge regression in standard deviations of w): whichever tells more answers apart that it was
not fitted to. Readings that were selected with weights a give a pure direction,

    v = S (J S)^T ((J S)(J S)^T + lam trace / factors I)^-1 a

so J v = a at lam = 0: what was not selected stays, see `pure`. Codes give the pattern of their regression.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Directions
from .pure import Metric, towards
from .space import units

LAM = 0.03  # of a word: stronger than a factor's knob, since its answers are less sure than readings
FEWEST = 6  # answers of each kind
SELECTED = 3  # readings at most: a word is about few things
RIDGE = 10.0  # penalty on codes in standard deviations, of all weights together 1
SHUFFLES, GROUPS = 99, 12  # of the answers; groups that are left out in turn where they are shuffled
Z = 1.96  # of the 95 % interval


class Word(NamedTuple):
    """What some answers taught.

    direction: one, towards yes. by: "readings" or "codes". weights [factors]: of the readings, 0 of those that were not
    selected; all 0 by codes. line, offset: a picture is more probably one with the word where `line` . x > `offset`,
    x its readings or its code in standard deviations. accuracy: share of answers told apart by what the others taught,
    the mean of both kinds; interval: its 95 % (Wilson). luck: how often shuffled answers are told apart as well.
    """

    direction: Directions
    by: str
    weights: Tensor
    line: Tensor
    offset: float
    accuracy: float
    interval: tuple[float, float]
    luck: float

    def doubt(self, readings: Tensor, numbers: Tensor) -> Tensor:
        """[n]: how near pictures lie to where yes becomes no; least first are the ones to ask about.

        readings [n, factors] in standard deviations; numbers [n, m] of their codes in standard deviations.
        """
        x = readings if self.by == "readings" else numbers
        return (x @ self.line - self.offset).abs()


def taught(
    readings: Tensor,
    numbers: Tensor,
    yes: Tensor,
    jacobian: Tensor,
    metric: Metric,
    *,
    lam: float = LAM,
    seed: int = 0,
    shuffles: int = SHUFFLES,
) -> Word:
    """The word that answers teach.

    readings: [n, factors] of the pictures in standard deviations. numbers: [n, m], their codes by `whitened`. yes: [n]
    bool. jacobian, metric, lam: as of `pure.pure_of`. shuffles, seed: of the answers, for `luck` (0: nan). Raises
    ValueError for fewer than FEWEST answers of a kind, and where the shapes do not fit.
    """
    if not len(readings) == len(numbers) == len(yes):
        raise ValueError(f"{len(yes)} answers need as many pictures; got {len(readings)} and {len(numbers)}")
    counts = int(yes.sum()), int((~yes).sum())
    if min(counts) < FEWEST:
        raise ValueError(
            f"a word needs {FEWEST} pictures with it and {FEWEST} without; got {counts[0]} and {counts[1]}"
        )
    r, u = readings.double(), numbers.double()
    told = dict(readings=right(_left_out_selected(r, yes), yes), codes=right(_left_out_ridge(u, yes), yes))
    by = max(told, key=lambda one: (told[one], one == "readings"))
    weights = torch.zeros(r.shape[1], dtype=torch.float64)
    if by == "readings":
        line, offset = (found[0] for found in _selected(r, yes, _even(yes)[None]))
        weights, direction = line, towards(jacobian, metric, line, lam=lam)
    else:
        line, offset = _ridge(u, yes)
        rows = metric.space.vectors(units((line @ metric.root)[None]))
        direction = Directions(rows, torch.ones(1, dtype=torch.float64), metric.space.slots)
    interval = wilson(told[by], len(yes))
    return Word(direction, by, weights, line, float(offset), told[by], interval, _luck(r, u, yes, shuffles, seed))


def _luck(readings: Tensor, numbers: Tensor, yes: Tensor, shuffles: int, seed: int) -> float:
    """How often shuffled answers are told apart as well as these, the better way counting in every case."""

    def best(answers: Tensor) -> float:
        scores = _left_out_selected(readings, answers, GROUPS), _left_out_ridge(numbers, answers)
        return max(right(one, answers) for one in scores)

    if not shuffles:
        return float("nan")
    random, found = torch.Generator().manual_seed(seed), best(yes)
    shuffled = (yes[torch.randperm(len(yes), generator=random)] for _ in range(shuffles))
    return (1 + sum(best(answers) >= found for answers in shuffled)) / (shuffles + 1)


def whitened(numbers: Tensor, metric: Metric) -> Tensor:
    """Numbers [n, m] of codes -> in standard deviations along every way that codes vary, others 0; float64."""
    values, vectors = torch.linalg.eigh(metric.root)
    inverse = torch.where(values > 1e-6 * values[-1], 1 / values.clamp(min=1e-30), 0.0)
    return (numbers.double() @ (vectors * inverse)) @ vectors.T


def right(scores: Tensor, yes: Tensor) -> float:
    """Share of scores [n] on the right side of 0, the mean of both kinds; 0.5 is chance."""
    hit = ((scores > 0) == yes).double()
    return float((hit[yes].mean() + hit[~yes].mean()) / 2)


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n (Wilson, Journal of the American Statistical Association, 1927)."""
    middle, half = share + Z**2 / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return (middle - half) / (1 + Z**2 / n), (middle + half) / (1 + Z**2 / n)


# --- a few readings


def _even(yes: Tensor) -> Tensor:
    """[n] weights that sum to one, half of them of each kind."""
    return torch.where(yes, 0.5 / yes.sum(), 0.5 / (~yes).sum()).double()


def _without(yes: Tensor, groups: Tensor) -> Tensor:
    """[groups, n]: in row i the weights of the answers that are not of group i."""
    left = (groups != torch.arange(int(groups.max()) + 1)[:, None]).double()
    some, others = left * yes, left * ~yes
    return 0.5 * some / some.sum(1, keepdim=True) + 0.5 * others / others.sum(1, keepdim=True)


def _selected(x: Tensor, yes: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Least squares of few columns of x [n, p], for every row of weights [b, n]: lines [b, p] and offsets [b].

    The column that explains most of what is left comes next, as long as n log(rest) falls by more than log n + 2 log p.
    """
    p, n = x.shape[1], (weight > 0).sum(1).double()
    y = torch.where(yes, 1.0, -1.0).double()
    mean, level = weight @ x, weight @ y
    centred = x - mean[:, None]  # [b, n, p]
    rest, free = y - level[:, None], centred
    power = (weight[:, :, None] * centred.square()).sum(1)
    chosen, going = torch.zeros(len(weight), p, dtype=torch.bool), torch.ones(len(weight), dtype=torch.bool)
    for _ in range(min(SELECTED, p)):
        explains = torch.einsum("bn,bn,bnp->bp", weight, rest, free)
        energy = (weight[:, :, None] * free.square()).sum(1)
        usable = ~chosen & (energy > 1e-9 * power.clamp(min=1e-30))
        gain = torch.where(usable, explains.square() / energy.clamp(min=1e-30), 0.0)
        before = (weight * rest.square()).sum(1)
        best, at = gain.max(1)
        falls = n * torch.log((before - best).clamp(min=1e-12) / before.clamp(min=1e-12))
        going = going & (~chosen.any(1) | (falls < -(n.log() + 2 * math.log(p)))) & (best > 0)
        chosen[going, at[going]] = True
        column = free.gather(2, at[:, None, None].expand(-1, len(x), 1))[:, :, 0]
        size = (weight * column.square()).sum(1, keepdim=True).clamp(min=1e-30)
        along = torch.einsum("bn,bn,bnp->bp", weight, column, free) / size
        step = (weight * rest * column).sum(1, keepdim=True) / size
        kept = going[:, None].double()
        rest, free = rest - kept * step * column, free - kept[:, :, None] * along[:, None] * column[:, :, None]
    gram = torch.einsum("bn,bnp,bnq->bpq", weight, centred, centred)
    both = chosen[:, :, None] & chosen[:, None]
    gram = torch.where(both, gram, 0.0) + torch.diag_embed(torch.where(chosen, 1e-9 * power, 1.0))
    wanted = torch.where(chosen, torch.einsum("bn,bnp,bn->bp", weight, centred, y - level[:, None]), 0.0)
    lines = torch.linalg.solve(gram, wanted)
    return lines, (lines * mean).sum(1) - level


def _left_out_selected(x: Tensor, yes: Tensor, groups: int | None = None) -> Tensor:
    """[n]: the score of each picture by what the answers of other groups taught; None: each is its own group."""
    group = torch.arange(len(yes))
    if groups is not None and groups < len(yes):
        group[yes], group[~yes] = (torch.arange(int(kind.sum())) % groups for kind in (yes, ~yes))
    lines, offsets = _selected(x, yes, _without(yes, group))
    return (lines[group] * x).sum(1) - offsets[group]


# --- all numbers of the code


def _ridge(x: Tensor, yes: Tensor) -> tuple[Tensor, Tensor]:
    """The ridge regression of all columns of x [n, m]: a line [m] and an offset."""
    weight, y = _even(yes), torch.where(yes, 1.0, -1.0).double()
    mean = weight @ x
    centred = x - mean
    kernel = centred @ centred.T  # the dual form: there are fewer answers than numbers
    dual = torch.linalg.solve(kernel + RIDGE * (1 / weight).diag() / len(x), y)
    line = centred.T @ dual
    return line, line @ mean


def _left_out_ridge(x: Tensor, yes: Tensor) -> Tensor:
    """[n]: the score of each picture by a fit to the others, their weights as they are: y - (y - f) / (1 - h), with f
    the fit to all and h how much each answer counts for its own score.
    """
    weight, y = _even(yes), torch.where(yes, 1.0, -1.0).double()
    centred = x - weight @ x
    kernel = centred @ centred.T
    hat = torch.linalg.solve(kernel + RIDGE * (1 / weight).diag() / len(x), kernel).T
    hat = hat + (1 - hat.sum(1, keepdim=True)) * weight  # the offset is fitted too
    return y - (y - hat @ y) / (1 - hat.diagonal()).clamp(min=1e-6)
