"""DCGAN: noise as a small map, then convolutions that enlarge it, transposed or plain behind an up-sampling.

Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks, ICLR 2016. Batch norms are folded into the weights that they follow, as evaluation allows. A code is z itself;
where there are classes, z and then what stands for the class, of which z alone is movable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Generator, State, class_numbers
from .blocks import Convolution, channels_last, doubled_conv, widened

ENDS = ("tanh", "sigmoid", "none")
DISTRIBUTIONS = ("normal", "uniform")
UP_MODES = ("nearest", "bilinear")
SIDE, NUMBERS = 8192, 2**28  # of the largest map: pixels a side, and numbers in all


class Dense(NamedTuple):
    """A linear layer to [channels, size, size]; slope of its leaky ReLU: 0 is ReLU, 1 is none.

    affine: a gain and a bias for each channel follow the activation (a batch norm that stands behind it).
    """

    channels: int
    size: int
    slope: float = 0.0
    affine: bool = False


class Conv(NamedTuple):
    """A convolution; `up`: how many times the map is enlarged before it. slope and affine as in `Dense`."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    up: int = 1
    transposed: bool = True
    slope: float = 0.0
    affine: bool = False

    def size(self, side: int) -> int:
        """Pixels a side of the result for a map of `side` pixels."""
        if self.transposed:
            return (side * self.up - 1) * self.stride - 2 * self.padding + self.kernel + self.output_padding
        return (side * self.up + 2 * self.padding - self.kernel) // self.stride + 1


class Activation(nn.Module):
    """Leaky ReLU; then, where `affine`, a gain and a bias for each channel."""

    def __init__(self, channels: int, slope: float, affine: bool):
        super().__init__()
        self.slope = slope
        self.gain = nn.Parameter(torch.ones(channels)) if affine else None
        self.shift = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x) if self.slope == 0 else x if self.slope == 1 else F.leaky_relu(x, self.slope)
        if self.gain is None:
            return x
        return x * self.gain[:, None, None].to(x.dtype) + self.shift[:, None, None].to(x.dtype)


class DenseLayer(nn.Module):
    """The code [n, dim], or a map, as a linear layer to [n, c, h, w]."""

    def __init__(self, fan_in: int, layer: Dense):
        super().__init__()
        rows, self.size = layer.channels * layer.size**2, layer.size
        self.weight = nn.Parameter(torch.randn(rows, fan_in) * math.sqrt(2 / fan_in))
        self.bias = nn.Parameter(torch.zeros(rows))
        self.activation = Activation(layer.channels, layer.slope, layer.affine)

    def forward(self, state: State | None, code: Tensor | None = None) -> State:
        flat = code if state is None else state.x.flatten(1)
        x = F.linear(flat, self.weight.to(flat.dtype), self.bias.to(flat.dtype))
        return State(self.activation(channels_last(x.reshape(len(flat), -1, self.size, self.size))))


class ConvLayer(Convolution):
    """A convolution, transposed or plain, and its activation."""

    def __init__(self, fan_in: int, layer: Conv, up_mode: str):
        super().__init__()
        fan = fan_in * layer.kernel**2 / (layer.stride**2 if layer.transposed else 1)  # of one pixel of the result
        self.weight = nn.Parameter(torch.randn(layer.channels, fan_in, layer.kernel, layer.kernel) * math.sqrt(2 / fan))
        self.bias = nn.Parameter(torch.zeros(layer.channels))
        self.activation = Activation(layer.channels, layer.slope, layer.affine)
        self.gain, self.transposed, self.layer, self.up_mode = 1.0, layer.transposed, layer, up_mode

    def drawn(self, x: Tensor) -> Tensor:
        """Before the activation."""
        layer, weight, bias = self.layer, self.kernel().to(x.dtype), self.bias.to(x.dtype)
        fused = (layer.up, layer.kernel, layer.stride, layer.padding, self.up_mode) == (2, 3, 1, 1, "nearest")
        if fused and not layer.transposed:
            return doubled_conv(x, weight, bias)
        if layer.up > 1 and self.up_mode == "bilinear":
            x = F.interpolate(x, scale_factor=layer.up, mode="bilinear")
        elif layer.up > 1:
            x = x.repeat_interleave(layer.up, 2).repeat_interleave(layer.up, 3)
        if layer.transposed:
            how = dict(stride=layer.stride, padding=layer.padding, output_padding=layer.output_padding)
            return F.conv_transpose2d(x, weight.transpose(0, 1), bias, **how)
        return F.conv2d(x, weight, bias, stride=layer.stride, padding=layer.padding)

    def forward(self, state: State) -> State:
        return State(self.activation(self.drawn(state.x)))


class DCGAN(Generator):
    """layers: `Dense` or `Conv` each, or their fields by name; a `Dense` begins, the last is a `Conv` to the image.

    classes: 0 where there are none; each stands for class_dim numbers behind z. end: what the last layer is followed
    by: "tanh", "sigmoid" (its pictures are mapped to [-1, 1]) or "none". distribution: of z, "normal" or "uniform" in
    [-1, 1]. up_mode: how maps are enlarged before a convolution, "nearest" or "bilinear".
    """

    has_truncation = False

    def __init__(
        self,
        *,
        z_dim: int,
        layers: Sequence[Mapping | Dense | Conv],
        classes: int = 0,
        class_dim: int = 0,
        end: str = "tanh",
        distribution: str = "normal",
        up_mode: str = "nearest",
    ):
        super().__init__()
        rows = tuple(map(_layer, layers))
        if len(rows) < 2 or not isinstance(rows[0], Dense) or not isinstance(rows[-1], Conv):
            raise ValueError(f"{len(rows)} layers: a linear layer comes first and a convolution last")
        for value, known in ((end, ENDS), (distribution, DISTRIBUTIONS), (up_mode, UP_MODES)):
            if value not in known:
                raise ValueError(f"{value!r}: choose one of {', '.join(known)}")
        if min(z_dim, *(row.channels for row in rows)) < 1 or (classes > 0) != (class_dim > 0):
            raise ValueError(f"z of {z_dim}, {classes} classes of {class_dim} numbers: widths are to be 1 or more")
        if rows[-1].channels not in (1, 3, 4):
            raise ValueError(f"{rows[-1].channels} image channels: 1 (grey), 3 (colours) or 4 (with opacity) are drawn")
        self.sizes = _sizes(rows)
        self.rows, self.resolution, self.image_channels = rows, self.sizes[-1], rows[-1].channels
        self.z_dim, self.dim, self.slots = z_dim, z_dim + class_dim, 1
        self.classes, self.end, self.distribution, self.up_mode = classes, end, distribution, up_mode
        fans = [
            self.dim,
            *(
                row.channels * (size if isinstance(after, Dense) else 1) ** 2
                for row, size, after in zip(rows, self.sizes, rows[1:])
            ),
        ]
        made = [
            DenseLayer(fan, row) if isinstance(row, Dense) else ConvLayer(fan, row, up_mode)
            for fan, row in zip(fans, rows)
        ]
        self.layers, self.to_pixels = nn.ModuleList(made[:-1]), made[-1]
        self.reads = ((0,),) + ((),) * (len(rows) - 2)
        self.embedding = nn.Parameter(torch.eye(classes, class_dim)) if classes else None

    @property
    def movable(self) -> slice:
        return slice(0, self.z_dim)

    def config(self) -> dict:
        return dict(
            z_dim=self.z_dim,
            layers=[row._asdict() for row in self.rows],
            classes=self.classes,
            class_dim=self.dim - self.z_dim,
            end=self.end,
            distribution=self.distribution,
            up_mode=self.up_mode,
        )

    def sample(self, n: int, seed: int) -> Tensor:
        if self.distribution == "normal":
            return super().sample(n, seed)
        rows = [2 * torch.rand(self.z_dim, generator=torch.Generator().manual_seed(seed + i)) - 1 for i in range(n)]
        return torch.stack(rows).to(next(self.parameters()).device)

    def codes(
        self,
        z: Tensor,
        *,
        psi: float = 1.0,
        cutoff: int | None = None,
        label: int | Sequence[int] | Tensor | None = None,
    ) -> Tensor:
        """psi has no effect; label: one for all, or [n] (None: class 0)."""
        if not self.classes:
            return z[:, None]
        return torch.cat([z, self.embedding[class_numbers(label, z, self.classes)].to(z.dtype)], 1)[:, None]

    def first_weight(self, slot: int) -> Tensor:
        """[c h w, dim]: to every number of the first map, its batch norm included."""
        return self.layers[slot].weight

    def pixels(self, state: State) -> Tensor:
        x = widened(self.to_pixels.drawn(state.x))
        if self.end == "sigmoid":
            return 2 * torch.sigmoid(x) - 1
        return torch.tanh(x) if self.end == "tanh" else x


def _layer(given: Mapping | Dense | Conv) -> Dense | Conv:
    if isinstance(given, Mapping):
        return (Conv if "kernel" in given else Dense)(**given)
    return given


def _sizes(rows: Sequence[Dense | Conv]) -> tuple[int, ...]:
    """Pixels a side after each layer. Raises ValueError where there is none, or more than a map may have."""
    sizes: list[int] = []
    for i, row in enumerate(rows, start=1):
        if not all(type(value) in (int, bool) for name, value in row._asdict().items() if name != "slope"):
            raise ValueError(f"layer {i}: widths, sizes, strides and paddings are whole numbers")
        if isinstance(row, Conv) and min(row.kernel, row.stride, row.up, row.padding + 1, row.output_padding + 1) < 1:
            raise ValueError(f"layer {i}: kernel, stride and up-sampling are 1 or more, paddings 0 or more")
        if isinstance(row, Conv) and 0 < row.stride <= row.output_padding:
            raise ValueError(
                f"layer {i}: output padding {row.output_padding} is to be smaller than stride {row.stride}"
            )
        if not 0 <= row.slope <= 1:
            raise ValueError(f"layer {i}: a slope is a number from 0 (ReLU) to 1 (no activation), not {row.slope}")
        sizes.append(row.size if isinstance(row, Dense) else row.size(sizes[-1]))
        if not 1 <= sizes[-1] <= SIDE or row.channels * sizes[-1] ** 2 > NUMBERS:
            raise ValueError(f"layer {i} makes a map of {sizes[-1]} pixels a side: 1 to {SIDE}, and {NUMBERS} numbers")
    return tuple(sizes)
