"""Rendered worlds: every cause of variation in their pictures is known exactly."""
from __future__ import annotations

import importlib
from types import ModuleType

WORLDS = ("portraits", "objects")


def load_world(name: str) -> ModuleType:
    """The world's module: FACTORS, NAMES, PARTS, SHOWN_BY, SPREADS, sample, render.

    A world with classes also has CLASSES, FAMILIES, SHOWN_IN and labels(n, seed), and its render takes the labels too.
    """
    if name not in WORLDS:
        raise KeyError(f"no world {name!r}; there are {', '.join(WORLDS)}")
    return importlib.import_module(f"{__name__}.{name}")
