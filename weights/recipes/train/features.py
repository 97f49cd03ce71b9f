"""The network whose frozen features the second critic judges; it judges nothing else.

An encoder that learned to read a world's factors, so that its features tell a smile from a straight mouth. The readers
that judge a finished generator are other networks, trained on other renders. The first training that needs it trains
it.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from core import zoo
from core.truth.readers import ConvBlock
from core.truth.worlds import load_world

from .places import RUNS
from .readers import fit, renders

FIRST_RENDER, RENDERS, PASSES = 200_000, 24_000, 6  # a seed of the training split; no reader was trained on these
WIDTHS = (24, 48, 72, 96)  # at R, R/2, R/4 and R/8 pixels


class FactorEncoder(nn.Module):
    """Images [n, 3, R, R] in [-1, 1] -> factors [n, k], centred on 0."""

    def __init__(self, *, resolution: int, factors: int, widths: tuple[int, ...] = WIDTHS, hidden: int = 128):
        super().__init__()
        self.resolution, self.widths = resolution, tuple(widths)
        self.first = ConvBlock(3, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(ConvBlock(i, o, down=True), ConvBlock(o, o)) for i, o in zip(widths, widths[1:])
        )
        side = resolution // 2 ** len(widths)
        self.head = nn.Sequential(
            ConvBlock(widths[-1], widths[-1], down=True),
            nn.Flatten(),
            nn.Linear(widths[-1] * side**2, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, factors),
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.first(images)
        for block in self.down:
            x = block(x)
        return self.head(x)


def train_encoder(world: str, *, n: int, passes: float, resolution: int) -> FactorEncoder:
    """Regression on n renders, in units of each factor's standard deviation."""
    given, names = renders(world, n, FIRST_RENDER, resolution), load_world(world).NAMES
    scale = given.factors.std(0)
    torch.manual_seed(5)
    encoder = FactorEncoder(resolution=resolution, factors=len(names))
    return fit(
        encoder,
        lambda out, truth: (out - (truth - 0.5) / scale).square().mean(),
        given.pictures,
        given.factors,
        passes=passes,
        seed=5,
    )


def load_encoder(path: Path, world: str, resolution: int, *, n: int = RENDERS, passes: float = PASSES) -> FactorEncoder:
    """The encoder in a file; trained first, and written there, where the file is not."""
    if not path.exists():
        encoder = train_encoder(world, n=n, passes=passes, resolution=resolution)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(encoder.state_dict(), path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)
    encoder = FactorEncoder(resolution=resolution, factors=len(load_world(world).NAMES))
    encoder.load_state_dict(torch.load(path, weights_only=True))
    return encoder.eval().requires_grad_(False)


def encoder_of(features: str, world: str, resolution: int) -> nn.Module:
    """What the second critic's features are of: "factors", an encoder of these, trained first where it is not there
    yet, or "parts", a copy of the world's part reader.
    """
    if features == "parts":
        return copy.deepcopy(zoo.load_part_reader(world))
    return load_encoder(RUNS / "features" / f"{world}.pt", world, resolution)
