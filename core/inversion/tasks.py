"""Tasks of restoring: what happened to a picture, and how it is restored unless somebody chooses otherwise."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from .degradations import Copy, GaussianNoise, Grey, Hole, Shrink, Specks

KINDS = {"enlarge": ("box", "bicubic", "middle"), "noise": ("specks", "gaussian")}  # the first is the default
AMOUNTS = {"box": 4, "bicubic": 4, "middle": 4, "specks": 0.5, "gaussian": 0.25}
QUICK = dict(steps=80, optimiser="adam", loss="pixels")  # of copies at every layer, where many are made
DEPTHS = 5  # places to mix codes at, from the codes themselves to the last layer


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


def depths(layers: int) -> tuple[int, ...]:
    """At most DEPTHS layers to mix after, from the codes themselves (0) to the last."""
    return tuple(sorted({round(i * layers / (DEPTHS - 1)) for i in range(DEPTHS)}))
