"""A generator is a mapping and a list of layers; segments of the list are what every algorithm works with.

A *slot* is a place where a generator reads a code. `run(stop=k)` then `run(start=k)` is `run()`, exactly.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

CHANNELS = {1: "1 channel: grey", 3: "3 channels: colours", 4: "4 channels: colours and opacity"}  # of pictures
SQUARES, GREYS = 8, (-0.4, 0.0)  # of the checkerboard below transparent pictures: squares on a side, its two tones


class State(NamedTuple):
    x: Tensor  # [n, c, h, w] feature map
    rgb: Tensor | None = None  # [n, image_channels, h, w] image so far, in skip architectures


class Generator(nn.Module):
    """Noise z [n, z_dim] -> codes [n, slots, dim] -> image [n, 3, R, R], nominally in [-1, 1] (not clamped).

    Subclasses set the attributes below, `layers` and `reads`, and write `codes`, `first_weight` and `pixels`.
    layers[0] makes the first State from the codes: it is called with None.
    """

    z_dim: int
    slots: int
    dim: int
    resolution: int
    classes: int = 0  # 0: unconditional
    image_channels: int = 3  # of what the network draws; 1: grey, 4: the last one is opacity, from -1 to 1
    opaque: bool = False  # a view that leaves opacity out, see `without_transparency`
    has_truncation: bool = True  # False: psi has no effect, the page hides it
    layers: nn.ModuleList
    reads: tuple[tuple[int, ...], ...]  # the slots each layer reads
    gates: tuple[nn.Module, ...] = ()  # class-conditional normalisation + ReLU, in forward order
    notes: tuple[str, ...] = ()  # sentences: what reading a foreign file had to assume

    @property
    def movable(self) -> slice:
        """The columns of a code that directions, Jacobians and inversions may move."""
        return slice(0, self.dim)

    def config(self) -> dict:
        """The keyword arguments that build this architecture again."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it is built")

    def at(self, *, psi: float = 1.0, noise: str | int = "stored") -> Generator:
        """A view that shares the weights.

        noise: "stored", "none" or a seed; generators without noise return themselves.
        """
        if not (noise in ("stored", "none") or isinstance(noise, int)):
            raise ValueError(f"noise is 'stored', 'none' or a whole number, not {noise!r}")
        return self

    def sample(self, n: int, seed: int) -> Tensor:
        """z [n, z_dim]; row i is `sample(1, seed + i)`, to the bit."""
        rows = [torch.randn(self.z_dim, generator=torch.Generator().manual_seed(seed + i)) for i in range(n)]
        return torch.stack(rows).to(next(self.parameters()).device)

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff: int | None = None, label: int | None = None) -> Tensor:
        """z [n, z_dim] -> codes [n, slots, dim].

        psi moves them towards their mean in the first `cutoff` slots (None: all).
        """
        raise NotImplementedError

    def first_weight(self, slot: int) -> Tensor:
        """[fan_out, dim]: the affine map by which the slot's convolution reads its code, gain included."""
        raise NotImplementedError

    def pixels(self, state: State) -> Tensor:
        """[n, image_channels, R, R]: what the network draws, in its own channels, nominally in [-1, 1]."""
        raise NotImplementedError

    def to_image(self, state: State) -> Tensor:
        """[n, 3, R, R]"""
        return self.in_colour(self.pixels(state))

    def in_colour(self, pixels: Tensor) -> Tensor:
        """[n, image_channels, h, w] -> [n, 3, h, w]: grey three times; what is transparent shows a checkerboard."""
        if self.image_channels == 1:
            return pixels.expand(-1, 3, -1, -1)
        if self.image_channels == 4:
            return pixels[:, :3] if self.opaque else over_checkerboard(pixels)
        return pixels

    def without_transparency(self) -> Generator:
        """A view that shares the weights and shows the colours of transparent pixels too."""
        view = shallow(self)
        view.opaque = True
        return view

    def preview(self, state: State) -> Tensor | None:
        """The picture so far at full size, where the architecture has one."""
        return None

    def start(self, slots: Iterable[int]) -> int:
        """The first layer that reads one of the slots; `len(layers)` where none does."""
        wanted = set(slots)
        return next((i for i, read in enumerate(self.reads) if wanted & set(read)), len(self.layers))

    def run(self, codes: Tensor, state: State | None = None, *, start: int = 0, stop: int | None = None) -> State:
        """Layers start .. stop - 1 on `state` (None exactly where start = 0); codes [n, slots, dim]."""
        if (state is None) != (start == 0):
            raise ValueError(
                "layer 0 starts from nothing, every other layer from a state: "
                f"start = {start} with {'no ' if state is None else 'a '}state"
            )
        for layer, slots in zip(self.layers[start:stop], self.reads[start:stop]):
            state = layer(state, *(codes[:, slot] for slot in slots))
        return state

    def forward(self, codes: Tensor) -> Tensor:
        return self.to_image(self.run(codes))


def over_checkerboard(pixels: Tensor) -> Tensor:
    """Colours and opacity [n, 4, h, w] in [-1, 1] -> [n, 3, h, w] over grey squares, an eighth of the picture wide."""
    height, width = pixels.shape[2:]
    rows, columns = (torch.arange(side, device=pixels.device) * SQUARES // side for side in (height, width))
    dark, light = GREYS
    board = torch.where((rows[:, None] + columns) % 2 == 0, light, dark).to(pixels.dtype)
    opacity = ((pixels[:, 3:] + 1) / 2).clamp(0, 1)
    return board + opacity * (pixels[:, :3] - board)


def class_numbers(label: int | Sequence[int] | Tensor | None, z: Tensor, classes: int) -> Tensor:
    """[n]: the class of each row of z [n, z_dim]; label: one for all, or [n] (None: class 0).

    Raises ValueError where there is no such class.
    """
    labels = torch.as_tensor(0 if label is None else label, device=z.device)
    if labels.is_floating_point() or labels.shape not in ((), (len(z),)):
        raise ValueError(
            f"labels are one whole number, or one for each of {len(z)} rows; got {list(labels.shape)} of {labels.dtype}"
        )
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(f"label {label}: this generator has the classes 0 to {classes - 1}")
    return labels.long().expand(len(z))


def shallow(module: nn.Module) -> nn.Module:
    """A module that shares every tensor with `module`, but whose buffers and children can be exchanged."""
    view = copy.copy(module)
    view.__dict__["_buffers"] = dict(module._buffers)
    view.__dict__["_modules"] = dict(module._modules)
    return view
