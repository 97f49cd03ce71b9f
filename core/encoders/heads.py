"""What an encoder's maps say beside codes: styles, the features of GH-Feat, and padding, the space of PadInv.

Xu et al., Generative Hierarchical Features, CVPR 2021 (arXiv 2007.10379); Bai et al., High-fidelity GAN Inversion with
Padding Space, ECCV 2022 (arXiv 2203.11105).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..generators.padding import Padding, ring_of

GROUPS = 8  # of group normalisation
TOP = 4  # pixels a side of the coarsest map


class StyleHead(nn.Module):
    """Features [n, read side^2] of every level, coarsest first -> styles [n, channels], level by level.

    widths: of each level, the channels of its styles. sides: pixels a side of the features; those of more than 4 are
    averaged down to 4.
    """

    def __init__(self, widths: Sequence[Sequence[int]], sides: Sequence[int], read: int):
        super().__init__()
        self.widths, self.sides, self.read = [list(one) for one in widths], list(sides), read
        self.heads = nn.ModuleList(nn.Linear(read * TOP**2, sum(one)) for one in widths)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        found = [head(self._pooled(x, side)) for head, x, side in zip(self.heads, features, self.sides)]
        return tuple(style for x, widths in zip(found, self.widths) for style in x.split(widths, 1))

    def _pooled(self, x: Tensor, side: int) -> Tensor:
        """[n, read side^2] -> [n, read 4^2]"""
        return x if side == TOP else F.avg_pool2d(x.unflatten(1, (self.read, side, side)), side // TOP).flatten(1)

    @torch.no_grad()
    def set_to(self, level: int, weight: Tensor, bias: Tensor) -> None:
        """The styles of a level become an affine map of its features, weight [numbers, read side^2] and bias.

        Exact where the features have 4 pixels a side; of larger ones, the map of their averages that is next to it.
        """
        blocks = (self.sides[level] // TOP) ** 2
        self.heads[level].weight.copy_(blocks * self._pooled(weight, self.sides[level]))
        self.heads[level].bias.copy_(bias)


class PaddingHead(nn.Module):
    """Maps [n, pyramid, side, side], coarsest first -> Padding: the learned constant and zeros as long as it is new.

    rings: (layer, channels, pixels a side) of every ring; the constant has the channels of the first. `constant` is set
    to the generator's own, see `Encoder.start_from`.
    """

    def __init__(self, rings: Sequence[Sequence[int]], pyramid: int, read: int):
        super().__init__()
        self.layers = [layer for layer, _, _ in rings]
        self.levels = [(size // TOP).bit_length() - 1 for _, _, size in rings]
        self.register_buffer("constant", torch.zeros(rings[0][1], TOP, TOP))
        self.residual = _convolutions(pyramid, read, rings[0][1], padding=1)
        self.frames = nn.ModuleList(_convolutions(pyramid, read, channels, padding=2) for _, channels, _ in rings)

    def forward(self, maps: Sequence[Tensor]) -> Padding:
        heads = zip(self.layers, self.levels, self.frames)
        rings = {layer: ring_of(frame(maps[level])) for layer, level, frame in heads}
        return Padding(self.constant + self.residual(maps[0]), rings)


def _convolutions(fan_in: int, inner: int, fan_out: int, *, padding: int) -> nn.Sequential:
    """[n, fan_in, h, w] -> [n, fan_out, h + 2 (padding - 1), ...], zero at first."""
    last = nn.Conv2d(inner, fan_out, 3, padding=padding)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    norm = nn.GroupNorm(GROUPS, fan_in, affine=False)  # the convolution behind it scales and shifts
    return nn.Sequential(norm, nn.Conv2d(fan_in, inner, 1), nn.SiLU(), last)
