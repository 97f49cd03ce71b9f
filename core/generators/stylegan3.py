"""StyleGAN3, configurations T (translation) and R (rotation).

Karras et al., Alias-Free Generative Adversarial Networks, NeurIPS 2021: Fourier features that can be moved, layers
between low-pass filters, a margin around the picture, no noise. Its mapping and truncation are those of StyleGAN2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Generator, State, shallow
from .blocks import Convolution, EqualLinear, widened
from .resampling import TAPS, FilteredNonlinearity, low_pass
from .stylegan2 import StyleGAN2

LAYERS, CRITICAL = 14, 2  # before ToRGB; the last ones that have no margin for the filters' transition
MARGIN = 10  # pixels on each side of the picture, cut off before the last layers
FIRST_CUTOFF, FIRST_STOPBAND = 2.0, 2**2.1  # cycles per picture width
STOPBAND = 2**0.3  # of the last layer, as a multiple of half its rate
SMALLEST = 16  # pixels of the smallest picture that these numbers make sense for
OUTPUT = 0.25  # what pixels are multiplied by
PART = 2**25  # numbers of a convolution's result in memory at a time: 128 MB


class Band(NamedTuple):
    """What a layer's maps are sampled at. rate, cutoff, half_width: cycles per picture width; size: pixels."""

    rate: int
    cutoff: float
    half_width: float
    size: int


def bands(resolution: int) -> list[Band]:
    """Of the layers 0 to 14 (section 3.2: cutoff and stopband grow geometrically, and stay for the last ones).

    Raises ValueError for a resolution that is no power of two, or below 16.
    """
    if resolution < SMALLEST or resolution & (resolution - 1):
        raise ValueError(f"a StyleGAN3 has 16, 32, 64 ... pixels a side, not {resolution}")
    found = []
    for i in range(LAYERS + 1):
        share = min(i / (LAYERS - CRITICAL), 1)
        cutoff = FIRST_CUTOFF * (resolution / 2 / FIRST_CUTOFF) ** share
        stopband = FIRST_STOPBAND * (STOPBAND * resolution / 2 / FIRST_STOPBAND) ** share
        rate = 2 ** math.ceil(math.log2(min(2 * stopband, resolution)))
        size = resolution if i >= LAYERS - 1 else rate + 2 * MARGIN
        found.append(Band(rate, cutoff, max(stopband, rate / 2) - cutoff, size))
    return found


class FourierInput(nn.Module):
    """Sine waves, turned and shifted by the code and by `transform` [3, 3], mixed to [n, channels, size, size].

    transform takes a point of the picture (right, down; the picture is -1/2 to 1/2 wide) to where its content comes
    from: the inverse of the movement.
    """

    def __init__(self, channels: int, dim: int, band: Band):
        super().__init__()
        self.band = band
        radii, angles = band.cutoff * torch.rand(channels).sqrt(), 2 * math.pi * torch.rand(channels)
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = EqualLinear(dim, 4)
        self.affine.weight.data.zero_()
        self.affine.bias.data.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
        # evenly over the disc of frequencies below the cutoff
        self.register_buffer("freqs", torch.stack([radii * angles.cos(), radii * angles.sin()], 1))
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))

    def forward(self, state: None, w: Tensor) -> State:
        four = self.affine(w)
        a, b, right, down = (four / four[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        # a point p of the picture shows what lies at [[a, -b], [b, a]] (transform p - (right, down))
        spin = torch.stack([a, -b, b, a], 1).unflatten(1, (2, 2))  # [n, 2, 2]
        shift = self.transform[:2, 2] - torch.stack([right, down], 1)  # [n, 2]
        frequencies = self.freqs.expand(len(w), -1, -1) @ spin  # [n, c, 2]
        phases = self.phases + (frequencies @ shift[:, :, None])[:, :, 0]
        frequencies = frequencies @ self.transform[:2, :2]
        cutoff, rate, size = self.band.cutoff, self.band.rate, self.band.size
        amplitudes = (1 - (frequencies.norm(dim=2) - cutoff) / (rate / 2 - cutoff)).clamp(0, 1)
        at = (torch.arange(size, device=w.device, dtype=w.dtype) + 0.5 - size / 2) / rate
        across, along = (frequencies[:, :, i, None] * at for i in (0, 1))  # [n, c, size]
        angles = along[:, :, :, None] + (across + phases[:, :, None])[:, :, None]
        waves = torch.sin(2 * math.pi * angles) * amplitudes[:, :, None, None]
        mix = (self.weight / math.sqrt(len(self.weight))).expand(len(w), -1, -1)
        return State((mix @ waves.flatten(2)).unflatten(2, (size, size)))


class StyledConv(Convolution):
    """A convolution whose input channels are scaled by a style, an affine map of the code w.

    Where it demodulates, weight and style are normalised first, and so is the result of it (section C.2 of the paper);
    magnitude_ema: the mean square of what the layer got in training.
    """

    def __init__(self, fan_in: int, fan_out: int, kernel: int, dim: int, *, demodulate: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(fan_out, fan_in, kernel, kernel))
        self.affine = EqualLinear(dim, fan_in, bias=1.0)
        self.register_buffer("magnitude_ema", torch.ones(()))
        self.demodulate, self.gain, self.kept_power = demodulate, 1 / math.sqrt(fan_in), None

    def kernel(self) -> Tensor:
        if self.kept_power is not None:  # scaled already
            return self.weight
        if not self.demodulate:
            return self.weight * self.gain
        return self.weight * self.weight.square().mean((1, 2, 3), keepdim=True).rsqrt()

    def power(self) -> Tensor:
        """[i, o]: the kernel's squares, summed over its pixels."""
        return self.kernel().square().sum((2, 3)).T if self.kept_power is None else self.kept_power

    def prepared(self, dtype: torch.dtype) -> StyledConv:
        view = super().prepared(dtype)
        view.kept_power = self.power().detach()  # of the exact kernel
        return view

    def parts(self, x: Tensor, w: Tensor) -> Iterator[Tensor]:
        """[n, o, h + k - 1, w + k - 1] of zeros around x (k: the kernel's), some channels at a time."""
        style, norm = self.affine(w), self.magnitude_ema.rsqrt().expand(len(self.weight))
        if self.demodulate:
            style = style * style.square().mean(1, keepdim=True).rsqrt()
            norm = norm * (style.square() @ self.power().to(style.dtype) + 1e-8).rsqrt()
        kernel, norm = self.kernel(), norm.expand(len(w), -1)
        wide = x.shape[-1] + kernel.shape[-1] - 1
        many = max(1, PART // (len(x) * wide**2))
        if kernel.shape[-1] > 1:
            x = x * style[:, :, None, None].to(x.dtype)
            for part, scale in zip(kernel.split(many), norm.split(many, 1)):
                yield F.conv2d(x, part.to(x.dtype), padding=kernel.shape[-1] - 1) * scale[:, :, None, None].to(x.dtype)
        else:  # so few weights that each picture has its own: cheaper than scaling its input
            own = norm[:, :, None] * kernel[:, :, 0, 0].to(style.dtype) * style[:, None]  # [n, o, i]
            for part in own.split(many, 1):
                yield (part.to(x.dtype) @ x.flatten(2)).unflatten(2, x.shape[2:])


class AliasFreeLayer(nn.Module):
    """Convolution, bias, and the nonlinearity between an up-sampling and a down-sampling filter."""

    def __init__(
        self,
        widths: tuple[int, int],
        dim: int,
        before: Band,
        after: Band,
        *,
        kernel: int,
        radial: bool,
        clamp: float | None,
    ):
        super().__init__()
        self.conv = StyledConv(*widths, kernel, dim, demodulate=True)
        self.bias = nn.Parameter(torch.zeros(widths[1]))
        fine = 2 * max(before.rate, after.rate)
        up, down = fine // before.rate, fine // after.rate
        rising = low_pass(TAPS * up, cutoff=before.cutoff, half_width=before.half_width, rate=fine)
        falling = low_pass(TAPS * down, cutoff=after.cutoff, half_width=after.half_width, rate=fine, radial=radial)
        size = before.size + kernel - 1
        self.filtered = FilteredNonlinearity(size, after.size, (rising, falling), up=up, down=down, clamp=clamp)

    def forward(self, state: State, w: Tensor) -> State:
        out, first = None, 0
        for part in self.conv.parts(state.x, w):
            bias = self.bias[first : first + part.shape[1], None, None]
            out = self.filtered.into(out, widened(part) + bias, first, len(self.bias))
            first += part.shape[1]
        return State(out.to(state.x.dtype))


class ToRGB(nn.Module):
    """The last layer: no filters and no nonlinearity. Its result is the image; the feature map stays."""

    def __init__(self, fan_in: int, fan_out: int, dim: int, *, clamp: float | None):
        super().__init__()
        self.conv = StyledConv(fan_in, fan_out, 1, dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(fan_out))
        self.clamp = clamp

    def forward(self, state: State, w: Tensor) -> State:
        x = torch.cat([widened(part) for part in self.conv.parts(state.x, w)], 1) + self.bias[:, None, None]
        return State(state.x, x if self.clamp is None else x.clamp(-self.clamp, self.clamp))


class StyleGAN3(Generator):
    """channels: of the layers 0 to 13. Slot 0 steers the Fourier input (a layer of its own), slot i + 1 layer i.

    conv_kernel: 3 in T, 1 in R; radial: R's down-sampling filters of the layers 0 to 11.
    """

    def __init__(
        self,
        *,
        resolution: int,
        channels: tuple[int, ...],
        conv_kernel: int = 3,
        radial: bool = False,
        z_dim: int = 512,
        dim: int = 512,
        mapping_layers: int = 2,
        classes: int = 0,
        clamp: float | None = 256.0,
        image_channels: int = 3,
    ):
        super().__init__()
        channels = tuple(channels)
        if len(channels) != LAYERS:
            raise ValueError(f"a StyleGAN3 has {LAYERS} layers with a width each, not {len(channels)}")
        self.resolution, self.channels, self.clamp = resolution, channels, clamp
        self.conv_kernel, self.radial = conv_kernel, radial
        self.z_dim, self.dim, self.slots = z_dim, dim, LAYERS + 2
        self.classes, self.image_channels = classes, image_channels
        if classes:
            self.embed = EqualLinear(classes, dim)
        widths = [z_dim + bool(classes) * dim] + [dim] * mapping_layers
        self.mapping = nn.ModuleList(EqualLinear(i, o, lr_mul=0.01) for i, o in zip(widths, widths[1:]))
        self.register_buffer("w_avg", torch.zeros(dim))
        band = bands(resolution)
        layers: list[nn.Module] = [FourierInput(channels[0], dim, band[0])]
        for i in range(LAYERS):
            last, how = max(i - 1, 0), dict(kernel=conv_kernel, radial=radial and i < LAYERS - CRITICAL, clamp=clamp)
            layers.append(AliasFreeLayer((channels[last], channels[i]), dim, band[last], band[i], **how))
        layers.append(ToRGB(channels[-1], image_channels, dim, clamp=clamp))
        self.layers = nn.ModuleList(layers)
        self.reads = tuple((slot,) for slot in range(self.slots))

    map, codes, _embedded = StyleGAN2.map, StyleGAN2.codes, StyleGAN2._embedded

    def config(self) -> dict:
        return dict(
            resolution=self.resolution,
            channels=list(self.channels),
            conv_kernel=self.conv_kernel,
            radial=self.radial,
            z_dim=self.z_dim,
            dim=self.dim,
            mapping_layers=len(self.mapping),
            classes=self.classes,
            clamp=self.clamp,
            image_channels=self.image_channels,
        )

    def moved(self, *, turn: float = 0.0, right: float = 0.0, down: float = 0.0) -> StyleGAN3:
        """A view that shares the weights and draws the picture moved: turned about its middle, then shifted.

        turn: degrees, counter-clockwise; right, down: picture widths. What comes in from outside was always there.
        """
        angle = math.radians(turn)
        cos, sin = math.cos(angle), math.sin(angle)
        movement = torch.tensor([[cos, sin, right], [-sin, cos, down], [0.0, 0.0, 1.0]], dtype=torch.float64)
        view, layers = shallow(self), list(self.layers)
        first = layers[0] = shallow(layers[0])
        inverse = torch.linalg.inv(movement).to(first.transform.device)
        first._buffers["transform"] = (first.transform.double() @ inverse).to(first.transform.dtype)
        view._modules["layers"] = nn.ModuleList(layers)
        return view

    def first_weight(self, slot: int) -> Tensor:
        """[4, dim] for the Fourier input: turn (2), right, down. [fan_in, dim] for the others."""
        layer = self.layers[slot]
        return (layer.conv if slot else layer).affine.effective_weight()

    def pixels(self, state: State) -> Tensor:
        return state.rgb * OUTPUT
