"""A second critic that judges the features of a frozen network instead of pixels.

Sauer et al., Projected GANs Converge Faster, NeurIPS 2021: features of several scales, mixed across channels and
scales by random convolutions that are never trained, and a small critic for each scale.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

RATE = 0.0002  # of the critics; the paper's
WIDEST, JUDGED_AT = 64, 8  # channels of a critic; pixels of the map that its last convolution reads


class Encoder(Protocol):
    """What features are taken of: blocks that halve the picture, after a first one that does not.

    widths: channels after `first` and after each of `down`.
    """

    resolution: int
    widths: tuple[int, ...]
    first: nn.Module
    down: nn.ModuleList


class FrozenFeatures(nn.Module):
    """Images [n, 3, R, R] in [-1, 1] -> mixed features of the encoder, finest first, [n, c, h, w] each.

    Section 3.2 of the paper: a random 1 x 1 convolution mixes the channels of each scale; from the coarsest scale up,
    a random 3 x 3 convolution of the result is doubled and added to the next finer one.
    """

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.first, self.down, self.widths = encoder.first, encoder.down, tuple(encoder.widths)
        self.across = nn.ModuleList(nn.Conv2d(width, width, 1) for width in self.widths)
        self.upwards = nn.ModuleList(
            nn.Conv2d(coarse, fine, 3, padding=1) for fine, coarse in zip(self.widths, self.widths[1:])
        )
        for convolution in [*self.across, *self.upwards]:
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="linear")
            nn.init.zeros_(convolution.bias)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> FrozenFeatures:
        """Never: its batch-norm statistics stay those of the renders."""
        return super().train(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [self.first(images)]
        for block in self.down:
            features.append(block(features[-1]))
        mixed = [self.across[-1](features[-1])]
        for k in reversed(range(len(self.upwards))):
            coarse = F.interpolate(self.upwards[k](mixed[0]), scale_factor=2, mode="bilinear", align_corners=False)
            mixed.insert(0, (self.across[k](features[k]) + coarse) / math.sqrt(2))
        return mixed


def judge(width: int, side: int) -> nn.Sequential:
    """A critic of features [n, width, side, side] -> logits [n, 1, h, h]; appendix of the paper, narrower."""
    layers: list[nn.Module] = []
    while side > JUDGED_AT:
        out = min(2 * width, WIDEST)
        layers += [
            spectral_norm(nn.Conv2d(width, out, 4, stride=2, padding=1, bias=False)),
            nn.BatchNorm2d(out),
            nn.LeakyReLU(0.2),
        ]
        width, side = out, side // 2
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(width, 1, min(4, side))))


class FeatureCritic(nn.Module):
    """A small critic for each scale of the frozen features of images [n, 3, R, R] in [-1, 1]."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.features = FrozenFeatures(encoder)
        sides = [encoder.resolution // 2**k for k in range(len(encoder.widths))]
        self.judges = nn.ModuleList(judge(width, side) for width, side in zip(encoder.widths, sides))

    def logits(self, images: Tensor) -> list[Tensor]:
        """A map [n, 1, h, h] for each scale, float32."""
        return [judge(x).float() for judge, x in zip(self.judges, self.features(images))]

    def generator_loss(self, fake: Tensor) -> Tensor:
        """-E D(fake), the mean over scales and places."""
        return -torch.stack([logits.mean() for logits in self.logits(fake)]).mean()

    def critic_loss(self, fake: Tensor, real: Tensor) -> Tensor:
        """The hinge loss E max(0, 1 - D(real)) + E max(0, 1 + D(fake)), the mean over scales and places."""
        pairs = zip(self.logits(fake), self.logits(real))
        return torch.stack([F.relu(1 + f).mean() + F.relu(1 - r).mean() for f, r in pairs]).mean()
