"""R3GAN: residual blocks of grouped convolutions without normalisation, from one code.

Huang et al., The GAN is dead; long live the GAN! A Modern Baseline GAN, NeurIPS 2024. Weights are applied as they are
stored. A label's embedding follows the noise in the code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Generator, State, class_numbers
from .blocks import Convolution, channels_last, upsample_rgb, widened


class Kernel(Convolution):
    """A convolution without bias; groups: into which its channels are parted."""

    gain = 1.0

    def __init__(self, fan_in: int, fan_out: int, kernel: int, *, groups: int = 1):
        super().__init__()
        fan = fan_in // groups
        self.weight = nn.Parameter(torch.randn(fan_out, fan, kernel, kernel) / math.sqrt(fan * kernel**2))
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight.to(x.dtype), padding=self.weight.shape[-1] // 2, groups=self.groups)


class Basis(nn.Module):
    """The code [n, dim] mixes learned maps [c, 4, 4], each of its own channel."""

    def __init__(self, dim: int, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, dim) / math.sqrt(dim))
        self.maps = nn.Parameter(torch.randn(channels, 4, 4))

    def effective_weight(self) -> Tensor:
        """[c * 16, dim]"""
        return (self.maps.flatten(1)[:, :, None] * self.weight[:, None]).flatten(0, 1)

    def forward(self, state: None, code: Tensor) -> State:
        amounts = F.linear(code, self.weight.to(code.dtype))
        return State(channels_last(amounts[:, :, None, None] * self.maps.to(code.dtype)))


class Transition(nn.Module):
    """Another width where it changes, then twice the size by zero insertion and the filter [1, 3, 3, 1]."""

    def __init__(self, fan_in: int, fan_out: int):
        super().__init__()
        self.conv = None if fan_in == fan_out else Kernel(fan_in, fan_out, 1)

    def forward(self, state: State) -> State:
        return State(upsample_rgb(state.x if self.conv is None else self.conv(state.x)))


class Residual(nn.Module):
    """x plus a bottleneck turned inside out: `width` channels between two 1 x 1 convolutions, in groups."""

    def __init__(self, channels: int, width: int, groups: int):
        super().__init__()
        sides = ((channels, width, 1, 1), (width, width, 3, groups), (width, channels, 1, 1))
        self.convs = nn.ModuleList(Kernel(i, o, k, groups=parts) for i, o, k, parts in sides)
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(width)) for _ in range(2))

    def forward(self, state: State) -> State:
        x = state.x
        for conv, bias in zip(self.convs, self.biases):
            x = F.leaky_relu(conv(x) + bias[:, None, None].to(x.dtype), 0.2)
        return State(state.x + self.convs[-1](x))


class Stage(NamedTuple):
    """Of one size: channels, and of its blocks how many there are, how wide they are inside, in how many groups."""

    channels: int
    blocks: int
    width: int
    groups: int


class R3GAN(Generator):
    """stages: (channels, blocks, width inside, groups) each, from 4 pixels on; every stage after it doubles the size.

    With classes a code is z [z_dim], then the label's embedding [class_dim].
    """

    has_truncation = False

    def __init__(
        self,
        *,
        stages: Sequence[tuple[int, int, int, int]],
        z_dim: int = 64,
        classes: int = 0,
        class_dim: int = 0,
        image_channels: int = 3,
    ):
        super().__init__()
        self.stages = tuple(Stage(*stage) for stage in stages)
        if not self.stages or bool(classes) != bool(class_dim):
            raise ValueError(f"{len(self.stages)} stages, {classes} classes of {class_dim} numbers make no network")
        self.resolution, self.image_channels = 2 ** (len(self.stages) + 1), image_channels
        self.z_dim, self.classes, self.class_dim = z_dim, classes, class_dim
        self.slots, self.dim = 1, z_dim + class_dim
        if classes:
            self.embedding = nn.Parameter(torch.randn(classes, class_dim))
        layers: list[nn.Module] = [Basis(self.dim, self.stages[0].channels)]
        for k, (channels, blocks, width, groups) in enumerate(self.stages):
            layers += [Transition(self.stages[k - 1].channels, channels)] if k else []
            layers += [Residual(channels, width, groups) for _ in range(blocks)]
        self.layers = nn.ModuleList(layers)
        self.reads = ((0,),) + ((),) * (len(layers) - 1)
        self.to_rgb = Kernel(self.stages[-1].channels, image_channels, 1)

    @property
    def movable(self) -> slice:
        return slice(0, self.z_dim)

    def config(self) -> dict:
        return dict(
            stages=[list(stage) for stage in self.stages],
            z_dim=self.z_dim,
            classes=self.classes,
            class_dim=self.class_dim,
            image_channels=self.image_channels,
        )

    def codes(
        self,
        z: Tensor,
        *,
        psi: float = 1.0,
        cutoff: int | None = None,
        label: int | Sequence[int] | Tensor | None = None,
    ) -> Tensor:
        """label: one for all, or [n] (None: class 0)."""
        if self.classes:
            z = torch.cat([z, self.embedding[class_numbers(label, z, self.classes)].to(z.dtype)], 1)
        return z[:, None]

    def first_weight(self, slot: int) -> Tensor:
        return self.layers[0].effective_weight()

    def pixels(self, state: State) -> Tensor:
        return widened(self.to_rgb(state.x))
