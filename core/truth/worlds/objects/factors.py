"""Which factors a picture of an object has, how they are drawn by lot, and which classes and parts there are."""

from __future__ import annotations

import torch
from torch import Tensor

from ..base import Factor
from ..drawing import uniform

FACTORS: tuple[Factor, ...] = (
    Factor("turn", "turn about the upright axis", "is turned to the left", "is turned to the right"),
    Factor("tilt", "tilt in the picture", "leans to the left", "leans to the right"),
    Factor("size", "size of the object", "is small", "is large"),
    Factor("width", "width for its height", "is slim", "is stout"),
    Factor("view", "height of the eye", "is seen from the side", "is seen from above"),
    Factor("position", "place from left to right", "stands further left", "stands further right"),
    Factor(
        "reach",
        "length of what stands out: handle, spout, neck, lip, arms, leaves, crown, stem, back, legs, shade",
        "has short parts",
        "has long parts",
    ),
    Factor("colour", "colour, between two for each class", "has a cool colour", "has a warm colour", draw="flat"),
    Factor("tone", "tone of the colour", "is dark", "is bright", draw="flat"),
    Factor("pattern", "size of band, label, spots ...", "has a small pattern", "has a large pattern", draw="flat"),
    Factor("accent", "colour of band, label, spots ...", "has a white pattern", "has a yellow pattern", draw="flat"),
    Factor("light", "where the light comes from", "is lit from the left", "is lit from the right"),
    Factor("wall_tone", "tone of the wall", "has a deep wall behind", "has a pale wall behind", draw="flat"),
    Factor("wall_colour", "wall from blue to rose", "has a blue wall behind", "has a rose wall behind", draw="flat"),
)
NAMES: tuple[str, ...] = tuple(factor.name for factor in FACTORS)
FAMILIES: dict[str, tuple[str, ...]] = {
    "vessels": ("mug", "teapot", "bowl", "bottle", "vase"),
    "plants": ("cactus", "flower", "tree", "mushroom"),
    "furniture": ("chair", "stool", "table", "lamp"),
    "fruit": ("apple", "pear", "cherries"),
}
CLASSES: tuple[str, ...] = tuple(name for members in FAMILIES.values() for name in members)
PARTS = (
    "background",
    "floor",
    "body",
    "rim",
    "handle",
    "spout",
    "lid",
    "pattern",
    "pot",
    "stem",
    "arms",
    "leaves",
    "petals",
    "cap",
    "legs",
    "seat",
    "back",
    "shade",
)

# Seeds of a split start here; train has 1_000_000 rows, test everything after.
SPLITS = {"train": 0, "test": 1_000_000}

# The part that a factor shows in; where none is named it shows in every picture of the classes that show it.
SHOWN_BY = dict(pattern="pattern", accent="pattern")
_ROUND = ("bowl", "vase", "lamp")  # the same from all sides
_PLAIN = FAMILIES["fruit"]
# The classes that show a factor, where it is not all of them.
SHOWN_IN: dict[str, tuple[str, ...]] = {
    "turn": tuple(name for name in CLASSES if name not in _ROUND),
    "pattern": tuple(name for name in CLASSES if name not in _PLAIN),
    "accent": tuple(name for name in CLASSES if name not in _PLAIN),
}

# How wide the factors vary: "even" is each factor's whole range, "graded" narrows those that move much of the picture.
_NARROWED = dict(tilt=0.6, position=0.6, size=0.7, wall_tone=0.7, wall_colour=0.7)
SPREADS: dict[str, Tensor | None] = {"even": None, "graded": torch.tensor([_NARROWED.get(name, 1.0) for name in NAMES])}


# ---------------------------------------------------------------- sampling


def sample(n: int, seed: int, *, spread: Tensor | None = None) -> Tensor:
    """Factors [n, k] in [0, 1]; row i is a function of `seed + i` alone.

    A factor is 0.5 + spread * (b - 0.5), b the mean of two uniforms ("middle") or one uniform ("flat");
    `spread` [k] replaces the factors' own.
    """
    seeds = torch.arange(n, dtype=torch.int64) + seed
    first, second = (uniform(seeds, stream, len(FACTORS)) for stream in range(2))
    middle = torch.tensor([factor.draw == "middle" for factor in FACTORS])
    if spread is None:
        spread = torch.tensor([factor.spread for factor in FACTORS])
    offset = torch.where(middle, (first + second) * 0.5, first) - 0.5
    return (0.5 + spread.detach().cpu().float() * offset).clamp(0.0, 1.0)


def labels(n: int, seed: int) -> Tensor:
    """Class numbers [n] int64 of the same rows: classes take turns, so that any run of rows has each equally often."""
    return (torch.arange(n, dtype=torch.int64) + seed) % len(CLASSES)
