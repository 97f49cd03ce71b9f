"""Discriminators, kept with every bundled GAN: judges while it trains, perceptual features afterwards.

Residual critic of StyleGAN2 (Karras et al., CVPR 2020, appendix B) with minibatch standard deviation in front of the
last convolution and, where there are classes, a projection head (Miyato and Koyama, ICLR 2018).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .generators.blocks import EqualConv2d, EqualLinear, lrelu, widened


class ResidualBlock(nn.Module):
    """[n, i, h, w] -> [n, o, h/2, w/2]."""

    def __init__(self, fan_in: int, fan_out: int):
        super().__init__()
        self.conv0 = EqualConv2d(fan_in, fan_in, 3)
        self.conv1 = EqualConv2d(fan_in, fan_out, 3, down=True)
        self.skip = EqualConv2d(fan_in, fan_out, 1, bias=False, down=True)

    def forward(self, x: Tensor) -> Tensor:
        return (lrelu(self.conv1(lrelu(self.conv0(x)))) + self.skip(x)) * math.sqrt(0.5)


def minibatch_std(x: Tensor, group: int) -> Tensor:
    """One extra channel: the mean standard deviation inside each group of `group` pictures
    (n a multiple of it, or all).
    """
    n = len(x)
    group = group if n % group == 0 else n
    y = x.reshape(group, n // group, *x.shape[1:])
    y = (y.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3)).repeat(group)
    return torch.cat([x, y[:, None, None, None].expand(n, 1, *x.shape[2:])], 1)


class Critic(nn.Module):
    """Images [n, 3, R, R] in [-1, 1] (and labels [n]) -> scores [n], higher for "looks like the data".

    channels: one width for each resolution from 4 to R, as in the generator.
    """

    def __init__(self, *, resolution: int, channels: tuple[int, ...], classes: int = 0, group: int = 8):
        super().__init__()
        channels = tuple(channels)
        if resolution != 2 ** (len(channels) + 1):
            raise ValueError(f"{len(channels)} widths judge {2 ** (len(channels) + 1)} pixels, not {resolution}")
        self.resolution, self.channels, self.classes, self.group = resolution, channels, classes, group
        falling = channels[::-1]
        self.from_rgb = EqualConv2d(3, falling[0], 1)
        self.blocks = nn.ModuleList(ResidualBlock(i, o) for i, o in zip(falling, falling[1:]))
        self.conv = EqualConv2d(channels[0] + 1, channels[0], 3)
        self.dense = EqualLinear(channels[0] * 16, channels[0])
        self.score = EqualLinear(channels[0], 1)
        if classes:
            self.embedding = EqualLinear(classes, channels[0])

    def config(self) -> dict:
        return dict(resolution=self.resolution, channels=list(self.channels), classes=self.classes, group=self.group)

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations after each block, finest first: [n, c, R/2, R/2] down to [n, c, 4, 4]."""
        x, seen = lrelu(self.from_rgb(images)), []
        for block in self.blocks:
            x = block(x)
            seen.append(x)
        return seen

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.verdict(self.features(images)[-1], labels)

    def verdict(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The scores of pictures whose last features are x [n, c, 4, 4]."""
        x = lrelu(self.conv(minibatch_std(widened(x), self.group)))
        x = lrelu(self.dense(widened(x.flatten(1))))
        score = self.score(x).squeeze(1)
        if self.classes:
            named = self.embedding(nn.functional.one_hot(labels, self.classes).to(x.dtype))
            score = score + (named * x).sum(1) / math.sqrt(x.shape[1])
        return score
