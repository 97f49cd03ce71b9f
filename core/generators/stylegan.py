"""StyleGAN: every convolution is followed by noise and by a style that sets each channel's mean and deviation.

Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks, CVPR 2019; at full size (no
growing). Its mapping, truncation and noise are those of StyleGAN2.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Generator, State, shallow
from .blocks import Convolution, EqualLinear, conv3x3, doubled_conv, widened
from .stylegan2 import StyleGAN2


def blur(x: Tensor) -> Tensor:
    """[n, c, h, w] smoothed by [1, 2, 1] / 4 along both axes; zeros outside."""
    taps = torch.tensor([1.0, 2.0, 1.0], device=x.device)
    kernel = (taps[:, None] * taps / 16).to(x.dtype)
    return F.conv2d(x, kernel.expand(x.shape[1], 1, 3, 3).contiguous(), padding=1, groups=x.shape[1])


class AdaptiveLayer(nn.Module):
    """Noise, bias, leaky ReLU, instance normalisation, then the style: scales and shifts, an affine map of w."""

    def __init__(self, channels: int, dim: int, size: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.noise_strength = nn.Parameter(torch.zeros(channels))
        self.register_buffer("noise", torch.zeros(size, size))
        self.style = EqualLinear(dim, 2 * channels)

    def styled(self, x: Tensor, w: Tensor) -> State:
        offset, dtype = self.bias[:, None, None] + self.noise_strength[:, None, None] * self.noise, x.dtype
        x = widened(F.leaky_relu(x + offset.to(dtype), 0.2))
        x = x - x.mean((2, 3), keepdim=True)
        scale, shift = self.style(w)[:, :, None, None].to(x.dtype).chunk(2, 1)
        x = x * (torch.rsqrt(x.square().mean((2, 3), keepdim=True) + 1e-8) * (1 + scale)) + shift
        return State(x.to(dtype))


class FirstLayer(AdaptiveLayer):
    """The learned constant [c, 4, 4] with its style."""

    def __init__(self, channels: int, dim: int):
        super().__init__(channels, dim, 4)
        self.const = nn.Parameter(torch.ones(channels, 4, 4))

    def forward(self, state: None, w: Tensor) -> State:
        return self.styled(self.const.expand(len(w), -1, -1, -1), w)


class ConvLayer(AdaptiveLayer, Convolution):
    """3 x 3 convolution with its style; `up`: of the doubled picture, and blurred."""

    def __init__(self, fan_in: int, fan_out: int, dim: int, size: int, *, up: bool):
        super().__init__(fan_out, dim, size)
        self.weight = nn.Parameter(torch.randn(fan_out, fan_in, 3, 3))
        self.gain, self.up = math.sqrt(2 / (fan_in * 9)), up

    def forward(self, state: State, w: Tensor) -> State:
        weight = self.kernel().to(state.x.dtype)
        x = blur(doubled_conv(state.x, weight)) if self.up else conv3x3(state.x, weight)
        return self.styled(x, w)


class StyleGAN(Generator):
    """channels: one width for each resolution from 4 to R; two layers a resolution, each with a slot of its own."""

    def __init__(
        self,
        *,
        resolution: int,
        channels: tuple[int, ...],
        z_dim: int = 512,
        dim: int = 512,
        mapping_layers: int = 8,
        image_channels: int = 3,
    ):
        super().__init__()
        channels = tuple(channels)
        if resolution != 2 ** (len(channels) + 1):
            raise ValueError(f"{len(channels)} widths make {2 ** (len(channels) + 1)} pixels, not {resolution}")
        self.resolution, self.channels, self.image_channels = resolution, channels, image_channels
        self.z_dim, self.dim, self.slots = z_dim, dim, 2 * len(channels)
        widths = [z_dim] + [dim] * mapping_layers
        self.mapping = nn.ModuleList(EqualLinear(i, o, lr_mul=0.01) for i, o in zip(widths, widths[1:]))
        self.register_buffer("w_avg", torch.zeros(dim))
        layers: list[nn.Module] = [FirstLayer(channels[0], dim), ConvLayer(channels[0], channels[0], dim, 4, up=False)]
        for k, (fan_in, fan_out) in enumerate(zip(channels, channels[1:])):
            size = 8 * 2**k
            layers += [ConvLayer(fan_in, fan_out, dim, size, up=True), ConvLayer(fan_out, fan_out, dim, size, up=False)]
        self.layers = nn.ModuleList(layers)
        self.reads = tuple((i,) for i in range(len(layers)))
        self.rgb_weight = nn.Parameter(torch.randn(image_channels, channels[-1], 1, 1))
        self.rgb_bias = nn.Parameter(torch.zeros(image_channels))

    map, codes = StyleGAN2.map, StyleGAN2.codes

    def config(self) -> dict:
        return dict(
            resolution=self.resolution,
            channels=list(self.channels),
            z_dim=self.z_dim,
            dim=self.dim,
            mapping_layers=len(self.mapping),
            image_channels=self.image_channels,
        )

    def at(self, *, psi: float = 1.0, noise: str | int = "stored") -> StyleGAN:
        super().at(psi=psi, noise=noise)
        if noise == "stored":
            return self
        view, layers = shallow(self), [shallow(layer) for layer in self.layers]
        for i, layer in enumerate(layers):
            random = torch.Generator().manual_seed(0 if noise == "none" else int(noise) * 1000 + i)
            drawn = torch.randn(layer.noise.shape, generator=random)
            layer._buffers["noise"] = (torch.zeros_like(drawn) if noise == "none" else drawn).to(layer.noise)
        view._modules["layers"] = nn.ModuleList(layers)
        return view

    def first_weight(self, slot: int) -> Tensor:
        """[2 c, dim]: the scales' rows, then the shifts'."""
        return self.layers[slot].style.effective_weight()

    def pixels(self, state: State) -> Tensor:
        gain = 1 / math.sqrt(self.channels[-1])
        return widened(F.conv2d(state.x, (self.rgb_weight * gain).to(state.x.dtype))) + self.rgb_bias[:, None, None]
