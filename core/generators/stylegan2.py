"""StyleGAN2, skip architecture.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, CVPR 2020. Modulation in the non-fused form
(scale the input, one shared convolution, scale the output): the same function, faster on CPU, and usable under
torch.func.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Generator, State, shallow
from .blocks import (
    SQRT2,
    Convolution,
    EqualLinear,
    channels_last,
    conv3x3,
    framed_conv,
    lrelu,
    normalize_second_moment,
    smooth,
    upsample_rgb,
    widened,
)


class ModulatedConv(Convolution):
    """Convolution whose input channels are scaled by a style,
    an affine map of the code w (section 2.2 of the paper).

    frame: [1 or n, i, h + 2, w + 2], added to the zeros around the input that the style has scaled (None: zeros), see
    `padding`.
    """

    frame: Tensor | None = None

    def __init__(self, fan_in: int, fan_out: int, kernel: int, dim: int, *, up: bool = False, demodulate: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(fan_out, fan_in, kernel, kernel))
        self.affine = EqualLinear(dim, fan_in, bias=1.0)
        self.gain, self.up, self.demodulate = 1 / math.sqrt(fan_in * kernel**2), up, demodulate
        self.transposed, self.kept_power = up, None

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.affine(w) * self.gain
        if self.weight.shape[-1] == 1:
            x = self._pixelwise(x, style)
        elif self.up:
            x = x * style[:, :, None, None].to(x.dtype)
            x = smooth(F.conv_transpose2d(x, self.weight.transpose(0, 1).to(x.dtype), stride=2))
        else:
            x = x * style[:, :, None, None].to(x.dtype)
            x = conv3x3(x, self.weight) if self.frame is None else framed_conv(x, self.frame * self.gain, self.weight)
        if self.demodulate:
            norm = torch.rsqrt(style.square() @ self.power().to(style.dtype) + 1e-8)
            x = x.mul_(norm[:, :, None, None].to(x.dtype))
        return x

    def power(self) -> Tensor:
        """[i, o]: the kernel's squares, summed over its pixels."""
        return self.weight.square().sum((2, 3)).T if self.kept_power is None else self.kept_power

    def prepared(self, dtype: torch.dtype) -> ModulatedConv:
        if self.weight.shape[-1] == 1:  # rounded once, after it was modulated
            return self
        view = super().prepared(dtype)
        view.kept_power = self.power().detach() * self.gain**2  # of the exact kernel
        return view

    def _pixelwise(self, x: Tensor, style: Tensor) -> Tensor:
        """A kernel one pixel wide has so few weights that each picture has its own: cheaper than scaling its input."""
        weight = self.weight[:, :, 0, 0].to(style.dtype) * style[:, None]  # [n, o, i]
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
        return (pixels @ weight.transpose(1, 2).to(x.dtype)).transpose(1, 2).unflatten(2, x.shape[2:])


class StyleLayer(nn.Module):
    """One convolution with noise, bias and activation; its ToRGB follows, whose `rgb` channels (0: it has none) are
    added to the image so far.
    """

    def __init__(self, fan_in: int, fan_out: int, dim: int, size: int, *, up: bool, rgb: int, clamp: float | None):
        super().__init__()
        self.conv = ModulatedConv(fan_in, fan_out, 3, dim, up=up)
        self.bias = nn.Parameter(torch.zeros(fan_out))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.zeros(size, size))
        self.clamp = clamp
        if rgb:
            self.to_rgb = ModulatedConv(fan_out, rgb, 1, dim, demodulate=False)
            self.rgb_bias = nn.Parameter(torch.zeros(rgb))

    def forward(self, state: State, w: Tensor, w_rgb: Tensor | None = None) -> State:
        x = self.conv(state.x, w)
        noise, bias = SQRT2 * self.noise_strength * self.noise, SQRT2 * self.bias[:, None, None]
        x = torch.add(noise.to(x.dtype), x, alpha=SQRT2).add_(bias.to(x.dtype))
        x = F.leaky_relu_(x, 0.2)  # its gain is inside already: a pass over x less
        if self.clamp is not None:
            x = x.clamp(-self.clamp, self.clamp)
        rgb = state.rgb
        if rgb is not None and self.conv.up:
            rgb = upsample_rgb(rgb)
        if w_rgb is not None:
            new = widened(self.to_rgb(x, w_rgb)) + self.rgb_bias[:, None, None]
            if self.clamp is not None:
                new = new.clamp(-self.clamp, self.clamp)
            rgb = new if rgb is None else rgb + new
        return State(x, rgb)


class FirstLayer(StyleLayer):
    """The learned constant [c, 4, 4], then a StyleLayer."""

    def __init__(self, channels: int, dim: int, *, rgb: int, clamp: float | None):
        super().__init__(channels, channels, dim, 4, up=False, rgb=rgb, clamp=clamp)
        self.const = nn.Parameter(torch.randn(channels, 4, 4))
        self.instead: Tensor | None = None  # [1 or n, channels, 4, 4]: of the constant, see `with_padding`

    def forward(self, state: None, w: Tensor, w_rgb: Tensor) -> State:
        const = self.const if self.instead is None else self.instead
        return super().forward(State(channels_last(const.expand(len(w), -1, -1, -1))), w, w_rgb)


class StyleGAN2(Generator):
    """channels: one width for each resolution from 4 to R, so len(channels) = log2(R) - 1.

    mapping_width: of the mapping's inner layers, `dim` where None. With classes, the label's embedding joins z.
    """

    def __init__(
        self,
        *,
        resolution: int,
        channels: tuple[int, ...],
        z_dim: int = 512,
        dim: int = 512,
        mapping_layers: int = 8,
        mapping_width: int | None = None,
        classes: int = 0,
        clamp: float | None = None,
        image_channels: int = 3,
    ):
        super().__init__()
        channels = tuple(channels)
        if resolution != 2 ** (len(channels) + 1):
            raise ValueError(f"{len(channels)} widths make {2 ** (len(channels) + 1)} pixels, not {resolution}")
        self.resolution, self.channels, self.clamp = resolution, channels, clamp
        self.z_dim, self.dim, self.slots = z_dim, dim, 2 * len(channels)
        self.mapping_width, self.classes, self.image_channels = mapping_width, classes, image_channels
        if classes:
            self.embed = EqualLinear(classes, dim)
        widths = [z_dim + bool(classes) * dim] + [mapping_width or dim] * (mapping_layers - 1) + [dim]
        self.mapping = nn.ModuleList(EqualLinear(i, o, lr_mul=0.01) for i, o in zip(widths, widths[1:]))
        self.register_buffer("w_avg", torch.zeros(dim))
        layers: list[nn.Module] = [FirstLayer(channels[0], dim, rgb=image_channels, clamp=clamp)]
        for k, (fan_in, fan_out) in enumerate(zip(channels, channels[1:])):
            size = 8 * 2**k
            layers += [
                StyleLayer(fan_in, fan_out, dim, size, up=True, rgb=0, clamp=clamp),
                StyleLayer(fan_out, fan_out, dim, size, up=False, rgb=image_channels, clamp=clamp),
            ]
        self.layers = nn.ModuleList(layers)
        self.reads = tuple((i, i + 1) if i % 2 == 0 else (i,) for i in range(len(layers)))

    def config(self) -> dict:
        return dict(
            resolution=self.resolution,
            channels=list(self.channels),
            z_dim=self.z_dim,
            dim=self.dim,
            mapping_layers=len(self.mapping),
            mapping_width=self.mapping_width,
            classes=self.classes,
            clamp=self.clamp,
            image_channels=self.image_channels,
        )

    def at(self, *, psi: float = 1.0, noise: str | int = "stored") -> StyleGAN2:
        super().at(psi=psi, noise=noise)
        if noise == "stored":
            return self
        view, layers = shallow(self), []
        for i, layer in enumerate(self.layers):
            layer = shallow(layer)
            random = None if noise == "none" else torch.Generator().manual_seed(int(noise) * 1000 + i)
            shape = layer.noise.shape
            drawn = torch.zeros(shape) if random is None else torch.randn(shape, generator=random)
            layer._buffers["noise"] = drawn.to(layer.noise)
            layers.append(layer)
        view._modules["layers"] = nn.ModuleList(layers)
        return view

    def map(self, z: Tensor, label: int | None = None) -> Tensor:
        """z [n, z_dim] -> w [n, dim], untruncated. Raises ValueError where there are classes and the label is none."""
        w = normalize_second_moment(z.double())  # float64: a batch of another size rounds alike
        if self.classes:
            w = torch.cat([w, self._embedded(label).expand(len(z), -1)], 1)
        for layer in self.mapping:
            w = lrelu(layer(w))
        return w.to(z.dtype)

    def _embedded(self, label: int | None) -> Tensor:
        """[1, dim]"""
        if label not in range(self.classes):
            raise ValueError(f"the label is {label}; this model draws classes 0 to {self.classes - 1}: choose one")
        chosen = torch.zeros(1, self.classes, dtype=torch.float64, device=self.embed.weight.device)
        chosen[0, label] = 1
        return normalize_second_moment(self.embed(chosen))

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff: int | None = None, label: int | None = None) -> Tensor:
        codes = self.map(z, label)[:, None].repeat(1, self.slots, 1)
        if psi == 1:
            return codes
        near = self.w_avg + psi * (codes[:, :cutoff] - self.w_avg)
        return near if cutoff is None else torch.cat([near, codes[:, cutoff:]], 1)

    def first_weight(self, slot: int) -> Tensor:
        conv = self.layers[-1].to_rgb if slot == self.slots - 1 else self.layers[slot].conv
        return conv.affine.effective_weight()

    def pixels(self, state: State) -> Tensor:
        return state.rgb

    def preview(self, state: State) -> Tensor | None:
        rgb = self.in_colour(state.rgb)
        return F.interpolate(rgb, size=(self.resolution, self.resolution), mode="bilinear", align_corners=False)
