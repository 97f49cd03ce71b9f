"""HiGAN: which layers decide a factor? Move codes along its direction in one layer alone, and score the pictures again.

Yang, Shen and Zhou, Semantic Hierarchy Emerges in Deep Generative Representations for Scene Synthesis, IJCV 2020
(arXiv 1911.09267). A layer is a slot here: a place where the generator reads a code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Directions, edit
from ..generators.base import Generator, State
from ..truth.scores import rank_correlation

LAMBDA = 2.0  # how far a code is moved, as published: in raw units, which mean another thing for every direction
BLOCK = 32  # pictures that are drawn together
SHARE = 0.7  # of a factor's own change, that its recommended layers reach

Read = Callable[[Tensor], Tensor]  # images [n, 3, R, R] in [-1, 1] -> scores [n, factors]


class Change(NamedTuple):
    """What a direction did to the pictures from number `first` on: scores [places, n, factors], after minus before."""

    direction: int
    first: int
    scores: Tensor


@torch.no_grad()
def rescored(
    generator: Generator,
    read: Read,
    codes: Tensor,
    directions: Directions,
    steps: Tensor,
    places: Sequence[Sequence[int]] | None = None,
    *,
    strengths: Tensor | None = None,
    block: int = BLOCK,
) -> Iterator[Change]:
    """s(G(w + lambda n)) - s(G(w)) for every direction n and every place, the codes moved in its slots alone.

    codes [n, slots, dim]; steps [k], the lambda of each direction. places: of slots (None: each slot by itself, which
    is the layer-wise rescoring; `[directions.slots]` is the plain one). strengths [slots], see there. A block of
    pictures after the other, all directions of each; the layers before the first one that moves run once a block.
    """
    places = [(slot,) for slot in directions.slots] if places is None else [tuple(place) for place in places]
    starts = [generator.start(place) for place in places]
    for first in range(0, len(codes), block):
        part = codes[first : first + block]
        states = states_before(generator, part, {*starts, len(generator.layers)})

        def scored(moved: Tensor, start: int, states: dict = states) -> Tensor:
            return read(generator.to_image(generator.run(moved, states[start], start=start)).clamp(-1, 1))

        before = scored(part, len(generator.layers))
        for i, step in enumerate(steps.tolist()):
            moved = [edit(part, within(directions.only([i]), place, strengths), [step]) for place in places]
            after = [scored(codes, start) for codes, start in zip(moved, starts)]
            yield Change(i, first, torch.stack(after) - before)


def states_before(generator: Generator, codes: Tensor, starts: Collection[int]) -> dict[int, State | None]:
    """The state before each of these layers, by its number, in one run through the generator."""
    states: dict[int, State | None] = {0: None}
    last, state = 0, None
    for start in sorted({*starts} - {0}):
        state = states[start] = generator.run(codes, state, start=last, stop=start)
        last = start
    return states


def within(directions: Directions, slots: Sequence[int], strengths: Tensor | None = None) -> Directions:
    """Directions that move a code in some of their slots alone. strengths [slots of the generator]: factor for each.

    Raises ValueError for a slot that they do not move.
    """
    missing = [slot for slot in slots if slot not in directions.slots]
    if missing:
        raise ValueError(f"these directions move the slots {directions.slots}, not {missing[0]}: choose of them")
    vectors = directions.vectors
    if vectors.ndim == 3:
        vectors = vectors[:, [directions.slots.index(slot) for slot in slots]]
    if strengths is not None:
        by_slot = strengths[list(slots), None].to(vectors)
        vectors = vectors * by_slot if vectors.ndim == 3 else vectors[:, None] * by_slot
    return Directions(vectors, directions.scores, tuple(slots))


def strengths(generator: Generator, *, psi: float, cutoff: int | None = None) -> Tensor:
    """[slots]: psi where codes are truncated (the first `cutoff` slots; None: all), else 1.

    Truncated codes lie closer together, so they are moved less: as the published code does.
    """
    found = torch.ones(generator.slots, dtype=torch.float64)
    found[: generator.slots if cutoff is None else cutoff] = psi
    return found


# --- from changes to a map


def gathered(stream: Iterable[Change], k: int) -> Iterator[Tensor]:
    """After each change of k directions, all so far: [directions, places, n, factors]; n grows once all are through."""
    done, block = [], []
    for change in stream:
        block.append(change.scores)
        if len(block) == k:
            done, block = [torch.cat([*done, torch.stack(block)], 2)], []
        yield done[0] if done else torch.stack(block)


def official(changes: Tensor) -> Tensor:
    """[..., n, factors] -> [..., factors]: mean of max(0, change), as published. Above 0 for whatever moves it."""
    return changes.clamp(min=0).mean(-2)


def unbiased(changes: Tensor, spread: Tensor) -> Tensor:
    """[..., n, factors] -> [..., factors]: mean change in standard deviations `spread` [factors]; 0 where that is 0.

    About 0 for what moves a score at random.
    """
    return torch.where(spread > 0, changes.mean(-2) / spread.clamp(min=1e-30), 0.0)


def own(changes: Tensor, factors: Sequence[int] | None = None) -> Tensor:
    """[k, places, ..., factors] -> [k, places, ...]: of each direction, the factor that it is named after (None: i)."""
    rows = range(len(changes)) if factors is None else factors
    return torch.stack([one[..., factor] for one, factor in zip(changes, rows, strict=True)])


# --- how far a map can be trusted


class Agreement(NamedTuple):
    """Correlations of two maps, and of the first with `shuffled` copies of the second, layers dealt out anew (mean)."""

    pearson: float
    spearman: float
    shuffled: float


def reliability(changes: Tensor, *, shuffles: int = 20, seed: int = 0) -> Agreement:
    """Of maps from two disjoint halves of the pictures: own changes [k, places, n], n at least 2."""
    if changes.shape[-1] < 2:
        raise ValueError(f"{changes.shape[-1]} pictures have no two halves: measure at least 2")
    one, other = changes[..., ::2].mean(-1), changes[..., 1::2].mean(-1)
    mixed = [_pearson(one, permuted(other, seed=seed + i)) for i in range(shuffles)]
    spearman = rank_correlation(one.flatten(), other.flatten())
    return Agreement(_pearson(one, other), spearman, sum(mixed) / max(len(mixed), 1))


def permuted(layer_map: Tensor, *, seed: int = 0) -> Tensor:
    """[k, places, ...] with the places of each row in another order."""
    random, places = torch.Generator().manual_seed(seed), layer_map.shape[1]
    return torch.stack([row[torch.randperm(places, generator=random)] for row in layer_map])


def _pearson(a: Tensor, b: Tensor) -> float:
    a, b = (x.double().flatten() - x.double().mean() for x in (a, b))
    scale = a.norm() * b.norm()
    return float(a @ b / scale) if scale > 0 else 0.0


# --- which layers to use


def recommended(changes: Tensor, factor: int, *, share: float = SHARE) -> tuple[int, ...]:
    """The places, next to each other, that decide a factor: changes [places, factors] of its direction -> numbers.

    Of all runs of places whose own changes add up to `share` of those of all places, the shortest; among these the one
    that changes least besides, for its own change. All places where the direction does not move its factor.
    """
    runs = [range(i, j) for i in range(len(changes)) for j in range(i + 1, len(changes) + 1)]
    moved = torch.stack([changes[list(run)].sum(0) for run in runs])  # to first order, changes of layers add up
    sign = moved[len(changes) - 1, factor].sign()  # of the run of all places
    gained, whole = sign * moved[:, factor], sign * moved[len(changes) - 1, factor]
    if whole <= 0:
        return tuple(range(len(changes)))
    besides = (moved.abs().sum(1) - moved[:, factor].abs()) / gained.clamp(min=1e-12)
    enough = [i for i, gain in enumerate(gained.tolist()) if gain >= share * whole - 1e-12]
    return tuple(runs[min(enough, key=lambda i: (len(runs[i]), float(besides[i])))])
