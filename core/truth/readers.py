"""Networks that read a rendered world's factors, parts and classes off a picture:
the independent judges of every claim.

They are trained on renders only, never on generated pictures, and no generator is trained against them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..generators.base import Generator

BATCH = 64  # pictures that are drawn and read at once


class ConvBlock(nn.Sequential):
    """3 x 3 convolution, batch norm, ReLU; stride 2 where `down`."""

    def __init__(self, fan_in: int, fan_out: int, *, down: bool = False):
        super().__init__(
            nn.Conv2d(fan_in, fan_out, 3, stride=2 if down else 1, padding=1, bias=False),
            nn.BatchNorm2d(fan_out),
            nn.ReLU(),
        )


class Reader(nn.Module):
    """Images [n, 3, R, R] in [-1, 1] -> one number [n, k] for each of `names`.

    names: what the numbers are of, in order. widths: channels from R/2 down to R / 2^len(widths).
    """

    def __init__(
        self, *, resolution: int, names: tuple[str, ...], widths: tuple[int, ...] = (32, 64, 96, 128), hidden: int = 256
    ):
        super().__init__()
        self.resolution, self.names, self.widths, self.hidden = resolution, tuple(names), tuple(widths), hidden
        blocks, fan_in = [], 3
        for width in widths:
            blocks += [ConvBlock(fan_in, width, down=True), ConvBlock(width, width)]
            fan_in = width
        self.body = nn.Sequential(*blocks)
        side = resolution // 2 ** len(widths)
        self.hidden_layer = nn.Sequential(
            nn.Linear(fan_in * side**2, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()
        )
        self.output = nn.Linear(hidden, len(self.names))

    def config(self) -> dict:
        return dict(resolution=self.resolution, names=list(self.names), widths=list(self.widths), hidden=self.hidden)

    def features(self, images: Tensor) -> Tensor:
        """[n, hidden]: what the Frechet distance is measured in."""
        return self.hidden_layer(self.body(images).flatten(1))

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.features(images))


class FactorReader(Reader):
    """Images [n, 3, R, R] in [-1, 1] -> factors [n, k], nominally in [0, 1] (not clamped)."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) + 0.5


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions, each after group norm and SiLU, beside a 1 x 1 one; mean over 2 x 2 pixels before all."""

    def __init__(self, fan_in: int, fan_out: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for width in (fan_in, fan_out))
        self.convs = nn.ModuleList(nn.Conv2d(width, fan_out, 3, padding=1) for width in (fan_in, fan_out))
        self.skip = nn.Conv2d(fan_in, fan_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, 2)
        y = x
        for norm, conv in zip(self.norms, self.convs):
            y = conv(F.silu(norm(y)))
        return self.skip(x) + y


class ResidualFactorReader(nn.Module):
    """Images [n, 3, R, R] in [-1, 1] -> factors [n, k], nominally in [0, 1] (not clamped).

    Of another kind than FactorReader, so that it errs in other ways: residual blocks, group norm, SiLU, means instead
    of strides. widths: channels from R / 4 down, each a multiple of 8.
    """

    def __init__(
        self, *, resolution: int, names: tuple[str, ...], widths: tuple[int, ...] = (48, 80, 128), hidden: int = 192
    ):
        super().__init__()
        self.resolution, self.names, self.widths, self.hidden = resolution, tuple(names), tuple(widths), hidden
        first = widths[0] // 2 // 8 * 8
        self.stem = nn.Conv2d(3, first, 4, stride=2, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(i, o) for i, o in zip((first, *widths), widths)))
        side = resolution // 2 ** (len(widths) + 1)
        self.norm = nn.GroupNorm(8, widths[-1])
        self.hidden_layer = nn.Linear(widths[-1] * side**2, hidden)
        self.output = nn.Linear(hidden, len(self.names))

    def config(self) -> dict:
        return dict(resolution=self.resolution, names=list(self.names), widths=list(self.widths), hidden=self.hidden)

    def features(self, images: Tensor) -> Tensor:
        """[n, hidden]."""
        x = F.silu(self.norm(self.blocks(self.stem(images))))
        return F.silu(self.hidden_layer(x.flatten(1)))

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.features(images)) + 0.5


class Classifier(Reader):
    """Images [n, 3, R, R] in [-1, 1] -> logits [n, classes]: their softmax says how probable each class is."""


class PartReader(nn.Module):
    """Images [n, 3, R, R] in [-1, 1] -> logits [n, parts, R, R]; a small U-Net."""

    def __init__(self, *, resolution: int, names: tuple[str, ...], widths: tuple[int, ...] = (24, 48, 72, 96)):
        super().__init__()
        self.resolution, self.names, self.widths = resolution, tuple(names), tuple(widths)
        self.first = ConvBlock(3, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(ConvBlock(i, o, down=True), ConvBlock(o, o)) for i, o in zip(widths, widths[1:])
        )
        self.up = nn.ModuleList(ConvBlock(i + o, o) for i, o in zip(widths[:0:-1], widths[-2::-1]))
        self.output = nn.Conv2d(widths[0], len(self.names), 1)

    def config(self) -> dict:
        return dict(resolution=self.resolution, names=list(self.names), widths=list(self.widths))

    def forward(self, images: Tensor) -> Tensor:
        levels = [self.first(images)]
        for block in self.down:
            levels.append(block(levels[-1]))
        x = levels.pop()
        for block in self.up:
            x = block(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), levels.pop()], 1))
        return self.output(x)

    def masks(self, images: Tensor) -> Tensor:
        """[n, parts, R, R] bool: every pixel belongs to the part that it most looks like."""
        chosen = self(images).argmax(1)
        return F.one_hot(chosen, len(self.names)).movedim(-1, 1).bool()


@torch.no_grad()
def read(reader: nn.Module, images: Tensor, *, batch: int = 128) -> Tensor:
    """reader(images), in batches."""
    return torch.cat([reader(part) for part in images.split(batch)])


Rule = Mapping[str, tuple[float, float]]  # factor -> between which two numbers its reading must be, both included


@torch.no_grad()
def seeds_that_fit(
    generator: Generator, reader: FactorReader, rule: Rule, *, psi: float, searched: int
) -> Iterator[int]:
    """The seeds from 0 to searched - 1 whose pictures fit a rule, smallest first.

    Raises ValueError for a factor that the reader does not know.
    """
    unknown = [name for name in rule if name not in reader.names]
    if unknown:
        raise ValueError(f"no factor {unknown[0]!r}: this reader reads {', '.join(reader.names)}")
    columns = [reader.names.index(name) for name in rule]
    low, high = torch.tensor(list(rule.values())).T
    for first in range(0, searched, BATCH):
        codes = generator.codes(generator.sample(min(BATCH, searched - first), first), psi=psi)
        found = reader(generator(codes).clamp(-1, 1))[:, columns].cpu()
        yield from (first + ((found >= low) & (found <= high)).all(1).nonzero()[:, 0]).tolist()


# --- what a classifier takes pictures for


@torch.no_grad()
def probabilities(classifier: nn.Module, images: Tensor) -> Tensor:
    """[n, classes] in 0..1: what the classifier takes images [n, 3, R, R] in [-1, 1] for."""
    return classifier(images).softmax(1)


def taken_for(classifier: nn.Module | None, images: Tensor, label: int) -> int | None:
    """How many of the images [n, 3, R, R] the classifier takes for the class; None without a classifier."""
    return None if classifier is None else int((probabilities(classifier, images).argmax(1) == label).sum())


def word_for(classifier: nn.Module | None, image: Tensor, label: int) -> dict[str, str | float] | None:
    """The classifier's word for one image [1, 3, R, R]: the `name` of the likeliest class, its `probability`, and that
    of `label`, `wanted`; None without a classifier.
    """
    if classifier is None:
        return None
    found = probabilities(classifier, image)[0]
    best, wanted = int(found.argmax()), round(float(found[label]), 3)
    return dict(name=classifier.names[best], probability=round(float(found[best]), 3), wanted=wanted)
