"""Rendered worlds: every cause of variation in their pictures is known exactly."""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

import torch
from torch import Tensor

WORLDS = ("portraits", "objects")


def load_world(name: str) -> ModuleType:
    """The world's module: FACTORS, NAMES, PARTS, SHOWN_BY, SPREADS, sample, render.

    A world with classes also has CLASSES, FAMILIES, SHOWN_IN and labels(n, seed), and its render takes the labels too.
    """
    if name not in WORLDS:
        raise KeyError(f"no world {name!r}; there are {', '.join(WORLDS)}")
    return importlib.import_module(f"{__name__}.{name}")


@cache
def deviations(name: str, spread: str) -> Tensor:
    """[k]: every factor's standard deviation over the pictures that a network learned from (the first 10,000)."""
    world = load_world(name)
    return world.sample(10_000, 0, spread=world.SPREADS[spread]).std(0)


def pictures(name: str, n: int, seed: int, *, resolution: int, spread: str = "graded", only: str = "") -> Tensor:
    """Renders [n, 3, resolution, resolution] in [-1, 1] of a world, of its pictures from `seed` on.

    spread: a key of the world's SPREADS. only: the one class that is drawn, where the world has classes.
    """
    world = load_world(name)
    factors = world.sample(n, seed, spread=world.SPREADS[spread])
    if not hasattr(world, "labels"):
        return world.render(factors, resolution=resolution).images
    labels = torch.full((n,), world.CLASSES.index(only)) if only else world.labels(n, seed)
    return world.render(factors, labels, resolution=resolution).images
