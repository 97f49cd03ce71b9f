"""PGGAN's generator: pixel-normalised noise, then pairs of 3 x 3 convolutions.

Karras et al., Progressive Growing of GANs for Improved Quality, Stability, and Variation, ICLR 2018. A network that was
stopped while its last size faded in mixes that size's picture with the one before it, as in their figure 2.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Generator, State
from .blocks import (
    Convolution,
    EqualConv2d,
    channels_last,
    conv3x3,
    doubled,
    doubled_conv,
    normalize_second_moment,
    widened,
)


def pixel_norm(x: Tensor) -> Tensor:
    """[n, c, h, w] with mean square 1 over the channels of every pixel."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class DenseLayer(nn.Module):
    """The code [n, dim], normalised, as a dense layer to [n, c, 4, 4]; bias_side: 4 where each pixel has its bias."""

    def __init__(self, dim: int, channels: int, *, bias_side: int = 1):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, dim, 4, 4))
        self.bias = nn.Parameter(torch.zeros((channels,) if bias_side == 1 else (channels, bias_side, bias_side)))
        self.gain = math.sqrt(2 / dim) / 4

    def effective_weight(self) -> Tensor:
        """[c * 16, dim]"""
        return (self.weight * self.gain).permute(0, 2, 3, 1).reshape(-1, self.weight.shape[1])

    def forward(self, state: None, code: Tensor) -> State:
        x = F.linear(normalize_second_moment(code), self.effective_weight().to(code.dtype))
        bias = self.bias if self.bias.ndim == 3 else self.bias[:, None, None]
        x = channels_last(x.reshape(len(code), len(self.bias), 4, 4)) + bias.to(x.dtype)
        return State(pixel_norm(F.leaky_relu(x, 0.2)))


class ConvLayer(Convolution):
    """3 x 3 convolution, after doubling the size by repetition where `up`.

    rgb: channels of the picture that is made of its features, to be mixed with the last one; 0: there is none.
    """

    def __init__(self, fan_in: int, fan_out: int, *, up: bool, rgb: int = 0):
        super().__init__()
        self.to_rgb = EqualConv2d(fan_out, rgb, 1) if rgb else None
        self.weight = nn.Parameter(torch.randn(fan_out, fan_in, 3, 3))
        self.bias = nn.Parameter(torch.zeros(fan_out))
        self.gain, self.up = math.sqrt(2 / (fan_in * 9)), up

    def forward(self, state: State) -> State:
        conv, dtype = doubled_conv if self.up else conv3x3, state.x.dtype
        x = conv(state.x, self.kernel().to(dtype), self.bias.to(dtype))
        x = pixel_norm(F.leaky_relu(x, 0.2))
        return State(x, state.rgb if self.to_rgb is None else widened(self.to_rgb(x)))


class PGGAN(Generator):
    """channels: one width for each resolution from 4 to R.

    bias_side: 4 where the first layer has a bias for each of its 4 x 4 pixels, else 1. fade: the share, 0 .. 1, of the
    picture of the size before the last, doubled. bounded: ends with tanh.
    """

    has_truncation = False

    def __init__(
        self,
        *,
        resolution: int,
        channels: tuple[int, ...],
        dim: int = 512,
        image_channels: int = 3,
        bias_side: int = 1,
        fade: float = 0.0,
        bounded: bool = False,
    ):
        super().__init__()
        channels = tuple(channels)
        if resolution != 2 ** (len(channels) + 1):
            raise ValueError(f"{len(channels)} widths make {2 ** (len(channels) + 1)} pixels, not {resolution}")
        if bias_side not in (1, 4) or not 0 <= fade <= 1:
            raise ValueError(f"bias_side is 1 or 4 and fade from 0 to 1, not {bias_side} and {fade}")
        self.resolution, self.channels, self.image_channels = resolution, channels, image_channels
        self.z_dim, self.dim, self.slots = dim, dim, 1
        self.bias_side, self.fade, self.bounded = bias_side, fade, bounded
        layers: list[nn.Module] = [
            DenseLayer(dim, channels[0], bias_side=bias_side),
            ConvLayer(channels[0], channels[0], up=False, rgb=self._faded(len(channels) == 2)),
        ]
        for k, (fan_in, fan_out) in enumerate(zip(channels, channels[1:]), start=3):
            rgb = self._faded(k == len(channels))
            layers += [ConvLayer(fan_in, fan_out, up=True), ConvLayer(fan_out, fan_out, up=False, rgb=rgb)]
        self.layers = nn.ModuleList(layers)
        self.reads = ((0,),) + ((),) * (len(layers) - 1)
        self.rgb_weight = nn.Parameter(torch.randn(image_channels, channels[-1], 1, 1))
        self.rgb_bias = nn.Parameter(torch.zeros(image_channels))

    def _faded(self, before_last: bool) -> int:
        """The channels of a size's own picture."""
        return self.image_channels if self.fade and before_last else 0

    def config(self) -> dict:
        return dict(
            resolution=self.resolution,
            channels=list(self.channels),
            dim=self.dim,
            image_channels=self.image_channels,
            bias_side=self.bias_side,
            fade=self.fade,
            bounded=self.bounded,
        )

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff: int | None = None, label: int | None = None) -> Tensor:
        return normalize_second_moment(z)[:, None]

    def first_weight(self, slot: int) -> Tensor:
        return self.layers[0].effective_weight()

    def pixels(self, state: State) -> Tensor:
        gain = 1 / math.sqrt(self.channels[-1])
        rgb = widened(F.conv2d(state.x, (self.rgb_weight * gain).to(state.x.dtype))) + self.rgb_bias[:, None, None]
        if self.fade:
            rgb = self.fade * doubled(state.rgb) + (1 - self.fade) * rgb
        return torch.tanh(rgb) if self.bounded else rgb
