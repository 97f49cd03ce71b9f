"""Tasks of restoring: what happened to a picture, and how it is restored unless somebody chooses otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..images import from_uint8, in_levels
from ..regions import from_text, resized
from .degradations import Copy, GaussianNoise, Grey, Hole, Shrink, Specks
from .losses import Loss, hints, seen_through, total

KINDS = {"enlarge": ("box", "bicubic", "middle"), "noise": ("specks", "gaussian")}  # the first is the default
AMOUNTS = {"box": 4, "bicubic": 4, "middle": 4, "specks": 0.5, "gaussian": 0.25}
RANGES = {"specks": (0.05, 0.95), "gaussian": (0.02, 1.0)}  # of the amounts of noise
FACTORS, LARGE = (2, 4, 8), 256  # of enlarging; pixels a side from which a picture may be enlarged 16 times
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

    def agreement(self, images: Tensor) -> str:
        """How well pictures [n, 3, R, R] agree with what was observed, in a sentence.

        Whole levels round block means by one level at most.
        """
        apart = self.levels_apart(images)
        if apart <= 1:
            return f"All {len(images)} agree with what was observed to within rounding: 1 of 255 levels."
        again = "Shrunk again, they" if isinstance(self.degradation, Shrink) else "They"
        return f"{again} differ from what was observed by up to {apart:.0f} of 255 levels."


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

    def usual_loss(self, possible: Sequence[str], *, photographic: bool) -> str:
        """Which of the losses that are possible is compared; photographic: no critic here knows such pictures."""
        features = "vgg" if photographic else "features"
        wished = ("pixels",) if self.loss == "pixels" else (features, "structure")
        return next((name for name in wished if name in possible), "pixels")


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
    ),
    "faces-dcgan": dict(GENERAL, copy=Setting(0.5, 20, 90, "lbfgs", "pixels")),
}


def setting_of(model: str, task: str) -> Setting:
    """Raises KeyError for a task that there is not."""
    return OF_A_NETWORK.get(model, GENERAL)[task]


def keeps(task: str, kind: str) -> bool:
    """Is the observation put back unless somebody says otherwise? Not into holes: that would leave a seam."""
    return task == "colour" or task == "enlarge" and kind == "box"


def factors(side: int) -> tuple[int, ...]:
    """By how much pictures of `side` pixels may be enlarged."""
    return (*FACTORS, 16) if side >= LARGE else FACTORS


def check_factor(factor: int, side: int) -> None:
    """Raises ValueError where pictures of `side` pixels are not enlarged that much."""
    possible = factors(side)
    if factor not in possible:
        there = f"this network's pictures are enlarged {', '.join(map(str, possible))} times"
        raise ValueError(f"{there}, not {factor} times: choose one of these")


def check_hole(region: str) -> None:
    """Raises ValueError for what is no region, as of `regions.to_text`, or leaves nothing of the picture."""
    if from_text(region).all():
        raise ValueError("the hole is the whole picture, so nothing of it is known: leave some of it")


@dataclass(frozen=True)
class Damage:
    """What happened to a picture, as plain values, and the colours that somebody painted over what is left of it.

    task: a key of GENERAL; kind, amount, seed: as of `degradation`. region: the hole of "fill", as of
    `regions.to_text`. hints: as of `painted`.
    """

    task: str
    kind: str = ""
    amount: float = 0
    region: str = ""
    hints: str = ""
    seed: int = 0

    def hole(self, side: int) -> Tensor | None:
        """[side, side] (bool): True where the picture is lost; None where the task is another one."""
        return resized(from_text(self.region), side) if self.task == "fill" else None

    def degradation(self, side: int) -> Copy:
        return degradation(self.task, self.kind, self.amount, side, hole=self.hole(side), seed=self.seed)

    def problem(self, picture: Tensor, compared: Loss, side: int, *, damaged: bool = False) -> Problem:
        """The problem for a network of `side` pixels. picture [1, 3, h, w] in [-1, 1]: the truth, or what is left of it
        where it is `damaged` already. compared: the loss between two pictures, of which the damage was done to both.
        """
        happened = self.degradation(side)
        loss = hinted(seen_through(happened, compared), self.hints, side)
        return Problem(None if damaged else picture, picture if damaged else happened.apply(picture), happened, loss)


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


def painted_regions(strokes: str) -> list[tuple[str, Tensor]]:
    """Colours as six hexadecimal digits, and where each was painted, [64, 64] (bool); strokes: as of `painted`.

    Raises ValueError for what is not written so.
    """
    found = []
    for one in strokes.split("~") if strokes else []:
        colour, dot, region = one.partition(".")
        if not dot or not re.fullmatch("[0-9a-f]{6}", colour):
            given = re.sub(r"[^\w .,+-]", "?", one[:40]) + "..." * (len(one) > 40)
            raise ValueError(f'a painted colour cannot be "{given}": paint it again')
        found.append((colour, from_text(region)))
    return found


def painted(strokes: str, side: int) -> tuple[Tensor, Tensor]:
    """Colours [1, 3, side, side] in [-1, 1], and where they were painted, [side, side] (bool).

    strokes: "rrggbb.region" joined by "~", regions as of `regions.to_text`; later ones cover earlier ones.
    """
    colours, where = torch.zeros(1, 3, side, side), torch.zeros(side, side, dtype=torch.bool)
    for colour, region in painted_regions(strokes):
        mask = resized(region, side)
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
