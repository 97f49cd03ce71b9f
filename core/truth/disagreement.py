"""What an independent reader sees differently in several answers to one question, in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import ModuleType

import torch
from torch import Tensor

from .readers import read
from .verdict import listed
from .worlds import deviations as deviations_of
from .worlds import load_world

WORN = 0.375  # reading of a thing that is worn or not: half of the least size that is drawn
CLEAR = 0.5  # standard deviations between answers from which they disagree
TOP = 3  # factors that are named, at most


def disagreement(
    world: ModuleType, readings: Tensor, deviations: Tensor, doubtful: Iterable[str] = (), truth: Tensor | None = None
) -> str:
    """What the answers disagree about, and which of it the true picture wears.

    world: of `worlds.load_world`. readings [n, factors] of the n answers; deviations [factors] over many pictures.
    doubtful: names of factors whose readings do not count. truth [factors]: of the true picture, where it is known.
    """
    trusted = [i for i, name in enumerate(world.NAMES) if name not in set(doubtful)]
    worn = _worn(world, readings, trusted)
    said = [
        f"{name.replace('_', ' ')} ({count} of {len(readings)} wear {'it' if name == 'beard' else 'them'})"
        for name, count in worn
    ]
    said += _differing(world, readings.std(0) / deviations, trusted)
    if not said:
        return "As far as the reader can tell, they agree about everything."
    real = "" if truth is None or not worn else _real(world, truth, [name for name, _ in worn])
    return f"They disagree about {listed(said[: TOP + 1])}.{real}"


@torch.no_grad()
def seen_in(
    images: Tensor,
    reader: Callable[[Tensor], Tensor],
    world: str,
    spread: str,
    *,
    doubtful: Iterable[str] = (),
    seed: int | None = None,
) -> str:
    """`disagreement` of pictures [n, 3, R, R] in [-1, 1], as the reader of a world's factors reads them.

    world, spread: a world's name, and a key of its SPREADS. seed: of the render that is the truth, where it is known.
    """
    drawn = load_world(world)
    truth = None if seed is None else drawn.sample(1, seed, spread=drawn.SPREADS[spread])[0]
    return disagreement(drawn, read(reader, images), deviations_of(world, spread), doubtful, truth)


@torch.no_grad()
def mistaken(
    images: Tensor, reader: Callable[[Tensor], Tensor], world: str, spread: str, seed: int, doubtful: Iterable[str] = ()
) -> list[str]:
    """What each of the pictures has wrong of the things that are worn or not: "forgot the glasses", or "".

    images, reader, world, spread, doubtful: as of `seen_in`. seed: of the render that is the truth.
    """
    drawn, readings = load_world(world), read(reader, images)
    truth = drawn.sample(1, seed, spread=drawn.SPREADS[spread])[0]
    there = [i for i, one in enumerate(drawn.FACTORS) if one.draw == "present" and one.name not in set(doubtful)]
    return [
        listed(
            [
                f"{'forgot' if truth[i] > 0 else 'added'} the {drawn.NAMES[i].replace('_', ' ')}"
                for i in there
                if (row[i] > WORN) != (truth[i] > 0)
            ]
            or [""]
        )
        for row in readings
    ]


def _worn(world: ModuleType, readings: Tensor, trusted: Sequence[int]) -> list[tuple[str, int]]:
    """The things that some answers wear and some do not, with how many do."""
    counts = {i: int((readings[:, i] > WORN).sum()) for i in trusted if world.FACTORS[i].draw == "present"}
    return [(world.NAMES[i], count) for i, count in counts.items() if 0 < count < len(readings)]


def _differing(world: ModuleType, spread: Tensor, trusted: Sequence[int]) -> list[str]:
    """The other factors that differ most between the answers; spread: in standard deviations."""
    order = [i for i in spread.argsort(descending=True).tolist() if i in trusted and world.FACTORS[i].draw != "present"]
    return [world.FACTORS[i].description for i in order[:TOP] if spread[i] >= CLEAR]


def _real(world: ModuleType, truth: Tensor, names: Sequence[str]) -> str:
    has = [
        ("wears " if truth[world.NAMES.index(name)] > 0 else "does not wear ")
        + ("a beard" if name == "beard" else name.replace("_", " "))
        for name in names
    ]
    return f" The real one {listed(has)}."
