"""What every world has in common: named factors, and pictures with part masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


@dataclass(frozen=True)
class Factor:
    """One true cause of variation, a number in [0, 1].

    `low` and `high` complete the sentence "the face ...". `spread` is the width of
    the distribution the factor is drawn from (see a world's `sample`). `draw` is
    its shape: "middle" (mean of two uniforms), "flat" (uniform) or "present"
    (0 = absent in most rows, otherwise in [0.5, 1]). `brief`: its description in a list, where that is not what stands
    before the first comma.
    """

    name: str
    description: str
    low: str
    high: str
    spread: float = 1.0
    draw: str = "middle"
    brief: str = ""

    @property
    def short(self) -> str:
        """Its description in a list."""
        return self.brief or self.description.partition(",")[0]


class Scene(NamedTuple):
    """Pictures and what is visible in them.

    images: [n, 3, R, R] float32 in [-1, 1]
    masks: [n, parts, R, R] bool; every pixel belongs to exactly one part
    """

    images: Tensor
    masks: Tensor
