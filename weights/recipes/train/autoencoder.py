"""An encoder that is trained beside the generator, so that every render has a code that draws it.

Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016: a variational autoencoder whose
decoder is the generator of the game. The game alone answers many renders with one picture; here each of them has to be
drawn, from a code of the distribution that visitors draw from. Nobody labels anything.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.critics import ResidualBlock
from core.generators.blocks import EqualConv2d, EqualLinear, lrelu, widened

NARROW = -3.0  # logarithm of the variance that codes begin with


class Encoder(nn.Module):
    """Images [n, 3, R, R] in [-1, 1] (and labels [n]) -> mean and logarithm of the variance of z, [n, z_dim] each.

    channels: one width for each resolution from 4 to R, as in the generator. classes: each has means of its own, so
    that a code need not say what its label says.
    """

    def __init__(self, *, channels: tuple[int, ...], z_dim: int, classes: int = 0):
        super().__init__()
        falling = channels[::-1]
        self.from_rgb = EqualConv2d(3, falling[0], 1)
        self.blocks = nn.ModuleList(ResidualBlock(i, o) for i, o in zip(falling, falling[1:]))
        self.dense = EqualLinear(channels[0] * 16, 2 * z_dim)
        self.named = nn.Parameter(torch.zeros(classes, z_dim)) if classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = lrelu(self.from_rgb(images))
        for block in self.blocks:
            x = block(x)
        mean, log_variance = self.dense(widened(x).flatten(1)).chunk(2, 1)
        return mean if self.named is None else mean + self.named[labels], log_variance + NARROW


def drawn_from(mean: Tensor, log_variance: Tensor, random: torch.Generator) -> Tensor:
    """z [n, z_dim], one draw for each picture."""
    return mean + torch.randn(mean.shape, generator=random).to(mean) * (log_variance / 2).exp()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """The Kullback-Leibler divergence from N(0, 1) in nats, summed over a code and averaged over pictures."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
