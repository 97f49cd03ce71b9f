"""Tasks of restoring: what happened to a picture, and how it is restored unless somebody chooses otherwise."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..images import from_uint8, in_levels
from ..regions import from_text, resized
from .degradations import Copy, GaussianNoise, Grey, Hole, Shrink, Specks
from .losses import Loss, hints, total

KINDS = {"enlarge": ("box", "bicubic", "middle"), "noise": ("specks", "gaussian")}  # the first is the default
AMOUNTS = {"box": 4, "bicubic": 4, "middle": 4, "specks": 0.5, "gaussian": 0.25}
QUICK = dict(steps=80, optimiser="adam", loss="pixels")  # of copies at every layer, where many are made
HINTED = 0.02  # weight of painted colours beside the loss
DEPTHS = 5  # places to mix codes at, from the codes themselves to the last layer


class Problem(NamedTuple):
    """A picture to restore. truth [1, 3, R, R] in [-1, 1], None where nobody knows it; observed: what is left of it.

    loss: between pictures and what was observed.
    """

    truth: Tensor | None
    observed: Tensor
    degradation: Copy
    loss: Loss

    def agreeing(self, images: Tensor) -> Tensor:
        """The pictures with what was observed put back."""
        return self.degradation.agreeing(images, self.observed)

    def levels_apart(self, images: Tensor) -> float:
        """The largest difference of the pictures, in whole levels, from what was observed, in levels of 255."""
        seen = self.degradation.expected(in_levels(images))
        return float((seen - self.degradation.trusted(self.observed)).abs().max()) * 127.5


class Setting(NamedTuple):
    """How a task is solved unless somebody chooses otherwise. layer: as a share of the network's layers."""

    layer: float
    codes: int
    steps: int
    optimiser: str
    loss: str

    def layer_of(self, layers: int) -> int:
        """The layer after which codes are mixed, of a network that has so many."""
        return round(self.layer * layers)


GENERAL = {
    "enlarge": Setting(0.22, 10, 60, "lbfgs", "pixels"),
    "colour": Setting(0.22, 10, 60, "lbfgs", "pixels"),
    "fill": Setting(0.33, 10, 80, "lbfgs", "features"),
    "noise": Setting(0.45, 10, 150, "adam", "pixels"),
    "copy": Setting(0.45, 10, 200, "adam", "features"),
}
OF_A_NETWORK = {
    "portraits-pggan": dict(  # where another setting was measured to be better
        GENERAL,
        enlarge=Setting(0.4, 20, 60, "lbfgs", "pixels"),
        fill=Setting(0.1, 10, 60, "lbfgs", "features"),
        copy=Setting(0.4, 10, 200, "lbfgs", "features"),
    )
}


def setting_of(model: str, task: str) -> Setting:
    """Raises KeyError for a task that there is not."""
    return OF_A_NETWORK.get(model, GENERAL)[task]


def keeps(task: str, kind: str) -> bool:
    """Is the observation put back unless somebody says otherwise? Not into holes: that would leave a seam."""
    return task == "colour" or task == "enlarge" and kind == "box"


def degradation(task: str, kind: str, amount: float, side: int, *, hole: Tensor | None = None, seed: int = 0) -> Copy:
    """What happened to pictures of `side` x `side` pixels.

    kind: of KINDS, where the task has several. amount: the factor of enlarging, the share of lost pixels, or the
    standard deviation of the noise in [-1, 1]. hole [side, side] (bool): True where the picture is lost, for "fill".
    seed: of the noise.
    """
    if task == "enlarge":
        return Shrink(int(amount), kind)
    if task == "fill":
        return Hole(~hole)
    if task == "noise" and kind == "specks":
        return Specks.scattered(side, side, share=amount, seed=seed)
    if task == "noise":
        return GaussianNoise(amount, seed)
    return Grey() if task == "colour" else Copy()


def painted(strokes: str, side: int) -> tuple[Tensor, Tensor]:
    """Colours [1, 3, side, side] in [-1, 1], and where they were painted, [side, side] (bool).

    strokes: "rrggbb.region" joined by "~", regions as of `regions.to_text`; later ones cover earlier ones.
    """
    colours, where = torch.zeros(1, 3, side, side), torch.zeros(side, side, dtype=torch.bool)
    for one in strokes.split("~") if strokes else []:
        colour, _, region = one.partition(".")
        mask = resized(from_text(region), side)
        levels = torch.tensor([[list(bytes.fromhex(colour))]], dtype=torch.uint8)[None]
        colours[:, :, mask] = from_uint8(levels).reshape(1, 3, 1)
        where |= mask
    return colours, where


def hinted(loss: Loss, strokes: str, side: int) -> Loss:
    """A loss that also asks for the hue of painted colours; strokes: as of `painted`."""
    return total((1.0, loss), (HINTED, hints(*painted(strokes, side)))) if strokes else loss


def depths(layers: int) -> tuple[int, ...]:
    """At most DEPTHS layers to mix after, from the codes themselves (0) to the last."""
    return tuple(sorted({round(i * layers / (DEPTHS - 1)) for i in range(DEPTHS)}))
