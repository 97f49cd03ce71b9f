"""PGGAN's generator at full size (no growing): pixel-normalised noise, then pairs of 3 x 3 convolutions.

Karras et al., Progressive Growing of GANs for Improved Quality, Stability, and Variation, ICLR 2018.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Generator, State
from .blocks import Convolution, channels_last, conv3x3, doubled_conv, normalize_second_moment, widened


def pixel_norm(x: Tensor) -> Tensor:
    """[n, c, h, w] with mean square 1 over the channels of every pixel."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class DenseLayer(nn.Module):
    """The code [n, dim], normalised, as a dense layer to [n, c, 4, 4]."""

    def __init__(self, dim: int, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, dim, 4, 4))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.gain = math.sqrt(2 / dim) / 4

    def effective_weight(self) -> Tensor:
        """[c * 16, dim]"""
        return (self.weight * self.gain).permute(0, 2, 3, 1).reshape(-1, self.weight.shape[1])

    def forward(self, state: None, code: Tensor) -> State:
        x = F.linear(normalize_second_moment(code), self.effective_weight().to(code.dtype))
        x = channels_last(x.reshape(len(code), len(self.bias), 4, 4)) + self.bias[:, None, None].to(x.dtype)
        return State(pixel_norm(F.leaky_relu(x, 0.2)))


class ConvLayer(Convolution):
    """3 x 3 convolution, after doubling the size by repetition where `up`."""

    def __init__(self, fan_in: int, fan_out: int, *, up: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(fan_out, fan_in, 3, 3))
        self.bias = nn.Parameter(torch.zeros(fan_out))
        self.gain, self.up = math.sqrt(2 / (fan_in * 9)), up

    def forward(self, state: State) -> State:
        conv, dtype = doubled_conv if self.up else conv3x3, state.x.dtype
        x = conv(state.x, self.kernel().to(dtype), self.bias.to(dtype))
        return State(pixel_norm(F.leaky_relu(x, 0.2)))


class PGGAN(Generator):
    """channels: one width for each resolution from 4 to R."""

    has_truncation = False

    def __init__(self, *, resolution: int, channels: tuple[int, ...], dim: int = 512):
        super().__init__()
        channels = tuple(channels)
        if resolution != 2 ** (len(channels) + 1):
            raise ValueError(f"{len(channels)} widths make {2 ** (len(channels) + 1)} pixels, not {resolution}")
        self.resolution, self.channels = resolution, channels
        self.z_dim, self.dim, self.slots = dim, dim, 1
        layers: list[nn.Module] = [DenseLayer(dim, channels[0]), ConvLayer(channels[0], channels[0], up=False)]
        for fan_in, fan_out in zip(channels, channels[1:]):
            layers += [ConvLayer(fan_in, fan_out, up=True), ConvLayer(fan_out, fan_out, up=False)]
        self.layers = nn.ModuleList(layers)
        self.reads = ((0,),) + ((),) * (len(layers) - 1)
        self.rgb_weight = nn.Parameter(torch.randn(3, channels[-1], 1, 1))
        self.rgb_bias = nn.Parameter(torch.zeros(3))

    def config(self) -> dict:
        return dict(resolution=self.resolution, channels=list(self.channels), dim=self.dim)

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff: int | None = None, label: int | None = None) -> Tensor:
        return normalize_second_moment(z)[:, None]

    def first_weight(self, slot: int) -> Tensor:
        return self.layers[0].effective_weight()

    def pixels(self, state: State) -> Tensor:
        gain = 1 / math.sqrt(self.channels[-1])
        return widened(F.conv2d(state.x, (self.rgb_weight * gain).to(state.x.dtype))) + self.rgb_bias[:, None, None]
