"""Padding space: what a convolution finds outside of its map is a part of the code of a picture.

Bai et al., High-fidelity GAN Inversion with Padding Space, ECCV 2022 (arXiv 2203.11105). The learned constant and the
ring of zeros around the maps of the first convolutions are free for every picture. The paper frees the rings of four
convolutions of a network of 256 pixels, 0.7 numbers a pixel value. Of a network of 64 pixels that many would hold the
whole picture; here it is the constant and the rings at 4 and 8 pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .base import shallow
from .stylegan2 import StyleGAN2

WIDEST = 8  # pixels a side of the last map with a ring


class Padding(NamedTuple):
    """constant [n, c, 4, 4], in the place of the learned one. rings: of layer l [n, c, 4 (h + 1)], row by row."""

    constant: Tensor
    rings: dict[int, Tensor]

    def __len__(self) -> int:
        return len(self.constant)

    def rows(self, chosen: slice | Tensor) -> Padding:
        """That of some of the pictures."""
        return Padding(self.constant[chosen], {layer: ring[chosen] for layer, ring in self.rings.items()})

    @property
    def numbers(self) -> int:
        """How many are free for one picture."""
        return sum(one[0].numel() for one in (self.constant, *self.rings.values()))


def ringed(generator: StyleGAN2) -> dict[int, tuple[int, int]]:
    """Layer -> channels and pixels a side of the maps whose ring is free: of convolutions that do not upsample.

    Raises ValueError for another architecture.
    """
    if not isinstance(generator, StyleGAN2):
        raise ValueError(
            f"padding space is that of StyleGAN2 here, and this is a {type(generator).__name__}: "
            "invert the picture without padding"
        )
    layers = enumerate(generator.layers)
    found = {i: (layer.conv.weight.shape[1], layer.noise.shape[-1]) for i, layer in layers if not layer.conv.up}
    return {i: (channels, size) for i, (channels, size) in found.items() if size <= WIDEST}


def no_padding(generator: StyleGAN2, n: int) -> Padding:
    """The learned constant and rings of zeros for n pictures: what the generator does by itself.

    Raises ValueError for another architecture.
    """
    sizes, const = ringed(generator), generator.layers[0].const.detach()
    rings = {i: const.new_zeros(n, channels, 4 * (size + 1)) for i, (channels, size) in sizes.items()}
    return Padding(const.expand(n, -1, -1, -1).clone(), rings)


def each(function: Callable[..., Tensor], *paddings: Padding) -> Padding:
    """A padding whose constant and rings are the function's of theirs."""
    rings = {layer: function(*(one.rings[layer] for one in paddings)) for layer in paddings[0].rings}
    return Padding(function(*(one.constant for one in paddings)), rings)


def framed(ring: Tensor) -> Tensor:
    """[n, c, 4 (h + 1)] -> [n, c, h + 2, h + 2]: the ring row by row, zeros inside."""
    outside = _outside(ring.shape[2] // 4 + 1).to(ring.device)
    places = torch.zeros(outside.numel(), dtype=torch.long, device=ring.device)
    places[outside.flatten()] = torch.arange(ring.shape[2], device=ring.device)
    return (ring[:, :, places] * outside.flatten()).unflatten(2, outside.shape)


def ring_of(frame: Tensor) -> Tensor:
    """[n, c, h + 2, h + 2] -> [n, c, 4 (h + 1)]: what `framed` makes it of; the inside is left out."""
    return frame.flatten(2)[:, :, _outside(frame.shape[-1]).flatten().to(frame.device)]


def _outside(side: int) -> Tensor:
    """[side, side] (bool): the outermost pixels."""
    outside = torch.ones(side, side, dtype=torch.bool)
    outside[1:-1, 1:-1] = False
    return outside


def with_padding(generator: StyleGAN2, padding: Padding) -> StyleGAN2:
    """A view that shares the weights and draws with a padding; it runs on as many codes as the padding has pictures.

    A padding of `no_padding` changes no bit of any picture.
    """
    view, layers = shallow(generator), []
    for i, layer in enumerate(generator.layers):
        layer = shallow(layer)
        if i == 0:
            layer.instead = padding.constant
        if i in padding.rings:
            conv = shallow(layer.conv)
            conv.frame = framed(padding.rings[i])
            layer._modules["conv"] = conv
        layers.append(layer)
    view._modules["layers"] = nn.ModuleList(layers)
    return view
