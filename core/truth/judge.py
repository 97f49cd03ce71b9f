"""Who judges what a picture shows: the reader of the network's world, or exact picture statistics.

A reader was trained on pictures whose true factors are known, so it can be wrong but speaks of what is in the picture.
Where no reader fits the pictures, statistics are exact but speak of pixels. Both are differentiable, and both are used
in one way: names, words for both ends, `read`, and changes in standard deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from . import statistics
from .worlds import deviations, load_world
from .worlds.base import Factor

READER, STATISTICS = "reader", "statistics"
GRADES = {
    READER: "Grade of evidence: an independent reader, trained on pictures whose true factors are known.",
    STATISTICS: "Grade of evidence: exact picture statistics. They say what the pixels do, not what is in the picture.",
}


class Moved(NamedTuple):
    """A factor that changed: `sense` is its high or low end in words, `change` signed, in standard deviations."""

    factor: Factor
    sense: str
    change: float

    @property
    def ends(self) -> tuple[str, str]:
        """Both ends of the factor in words, in the sense of the change: from the first to the second."""
        return (self.factor.low, self.factor.high) if self.change > 0 else (self.factor.high, self.factor.low)


@dataclass(frozen=True, eq=False)
class Judge:
    """What reads `factors` off pictures.

    grade: a key of GRADES. reader: images [n, 3, R, R] in [-1, 1] -> [n, factors], differentiable. spread: [factors]
    float64, the standard deviations in which changes are counted, over the pictures that the network learned from;
    None where these are not known, see `spread_over`. things: what one counts of the network's pictures.
    """

    grade: str
    factors: tuple[Factor, ...]
    reader: Callable[[Tensor], Tensor]
    spread: Tensor | None
    things: str = "pictures"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(factor.name for factor in self.factors)

    @property
    def words(self) -> dict[str, str]:
        """What each factor is, in words, by its name."""
        return {factor.name: factor.description for factor in self.factors}

    def read(self, images: Tensor) -> Tensor:
        """Images [n, 3, R, R], clamped to [-1, 1] as they are shown -> readings [n, factors], differentiable."""
        return self.reader(images.clamp(-1, 1))

    def spread_over(self, readings: Tensor) -> Judge:
        """The judge whose unit is the standard deviation over readings [n, factors] of the network's own pictures.

        A judge that knows the spread over the training pictures keeps that: over its own pictures, a factor that a
        network hardly varies would seem to change most. Raises ValueError for fewer than two pictures.
        """
        if self.spread is not None:
            return self
        if len(readings) < 2:
            raise ValueError(f"{len(readings)} readings do not show how much a factor varies: read at least 2 pictures")
        return replace(self, spread=readings.detach().cpu().double().std(0))

    def deviations(self, changes: Tensor) -> Tensor:
        """Changes of readings [..., factors] -> in standard deviations, float64 on the CPU; 0 where nothing varies.

        Raises ValueError where the spread is not known.
        """
        if self.spread is None:
            raise ValueError(
                "the spread of these statistics is not known: give readings of the network's own pictures "
                "to spread_over first"
            )
        varies = self.spread > statistics.CONSTANT
        return changes.cpu().double() * torch.where(varies, 1 / self.spread.clamp(min=statistics.CONSTANT), 0.0)

    @torch.no_grad()
    def change(self, before: Tensor, after: Tensor) -> Tensor:
        """What changed from images [n or 1, 3, R, R] to images [n, 3, R, R]: [n, factors] in standard deviations."""
        return self.deviations(self.read(after) - self.read(before))

    def strongest(self, change: Tensor, most: int, *, least: float = 0.0) -> list[Moved]:
        """The factors that a change [factors] moves most, strongest first: at most `most`, each by at least `least`."""
        order = change.abs().argsort(descending=True, stable=True)[:most].tolist()
        return [
            Moved(self.factors[i], self.factors[i].high if change[i] > 0 else self.factors[i].low, float(change[i]))
            for i in order
            if abs(change[i]) >= least
        ]

    def only(self, names: Iterable[str]) -> Judge:
        """The judge of some of the factors, in the order given. Raises ValueError for a name that it does not have."""
        names = tuple(names)
        missing = [name for name in names if name not in self.names]
        if missing:
            raise ValueError(f"no factor {missing[0]!r}: choose of {', '.join(self.names)}")
        rows = [self.names.index(name) for name in names]
        return replace(
            self,
            factors=tuple(self.factors[i] for i in rows),
            reader=lambda images: self.reader(images)[:, rows],
            spread=None if self.spread is None else self.spread[rows],
        )


def mean_of(first: Judge, second: Judge) -> Judge:
    """The judge whose readings are the mean of those of two judges of the same factors: half of each one's own errors.

    Raises ValueError where their factors differ.
    """
    if first.names != second.names:
        raise ValueError("these judges read different factors: their mean says nothing")
    return replace(first, reader=lambda images: (first.reader(images) + second.reader(images)) / 2)


class Card(Protocol):
    """What must be known of a network to choose its judge: zoo.ModelCard has it."""

    world: str | None
    spread: str
    things: str


def judge_of(card: Card, reader: nn.Module | None = None, *, label: int | None = None) -> Judge:
    """The judge of a network's pictures: `reader`, the factor reader of its world; without one, picture statistics.

    label: the class whose pictures are judged; factors that it does not show are left out. Raises ValueError for a
    reader where the card names no world.
    """
    if reader is None:
        return Judge(STATISTICS, statistics.FACTORS, statistics.read, None, card.things)
    if card.world is None:
        raise ValueError(
            "a reader knows the pictures of its own world, and this network's world is not known: "
            "judge it without a reader"
        )
    world = load_world(card.world)
    spread = deviations(card.world, card.spread).double()
    judge = Judge(READER, tuple(world.FACTORS), reader, spread, card.things)
    hidden = (
        set()
        if label is None
        else {name for name, classes in getattr(world, "SHOWN_IN", {}).items() if world.CLASSES[label] not in classes}
    )
    return judge.only(name for name in judge.names if name not in hidden) if hidden else judge
