"""From a picture to the codes that draw it, in one pass, and where it has the heads to its styles and padding.

Zhu et al., In-Domain GAN Inversion for Real Image Editing, ECCV 2020 (arXiv 2004.00049), with the feature pyramid and
the heads by level of Xu et al., Generative Hierarchical Features, CVPR 2021 (arXiv 2007.10379): codes of coarse layers
are read off the coarsest map, those of fine layers off the finest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..generators.padding import Padding
from .heads import GROUPS, TOP, PaddingHead, StyleHead


class Found(NamedTuple):
    """Of n pictures: codes [n, slots, dim]; styles [n, channels] each, padding; () and None without their head."""

    codes: Tensor
    styles: tuple[Tensor, ...]
    padding: Padding | None


class Block(nn.Module):
    """[n, i, h, w] -> [n, o, h, w], or half of that a side: two convolutions, each after group norm and SiLU."""

    def __init__(self, fan_in: int, fan_out: int, *, down: bool):
        super().__init__()
        self.down = down
        self.norm0, self.norm1 = nn.GroupNorm(GROUPS, fan_in), nn.GroupNorm(GROUPS, fan_out)
        self.conv0, self.conv1 = nn.Conv2d(fan_in, fan_out, 3, padding=1), nn.Conv2d(fan_out, fan_out, 3, padding=1)
        self.skip = nn.Identity() if fan_in == fan_out else nn.Conv2d(fan_in, fan_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.down:
            x = F.avg_pool2d(x, 2)
        return self.conv1(F.silu(self.norm1(self.conv0(F.silu(self.norm0(x)))))) + self.skip(x)


class Encoder(nn.Module):
    """Images [n, 3, R, R] in [-1, 1] -> codes [n, slots, dim] that a generator draws them from.

    widths: channels of the maps from R / 2 pixels a side down to 4. levels: for each slot the map that its code is read
    off, counted from the coarsest, which is 0. read: channels in which a map is read. The code is mean [slots, dim] +
    scale [slots, dim] times what the heads give: both are set from the generator's own codes, see `centre`.
    style_widths: for each level the channels of its styles, see `StyleHead`. rings: those of the padding, (layer,
    channels, pixels a side) each, see `PaddingHead`. Where they are empty, there is no such head.
    """

    def __init__(
        self,
        *,
        resolution: int,
        dim: int,
        levels: Sequence[int],
        widths: Sequence[int] = (40, 80, 144, 208),
        pyramid: int = 96,
        read: int = 32,
        style_widths: Sequence[Sequence[int]] = (),
        rings: Sequence[Sequence[int]] = (),
    ):
        super().__init__()
        if resolution != TOP * 2 ** len(widths):
            raise ValueError(f"{len(widths)} widths read {TOP * 2 ** len(widths)} pixels, not {resolution}")
        if not set(levels) <= set(range(len(widths) - 1)):
            raise ValueError(f"levels are 0 to {len(widths) - 2}; got {list(levels)}")
        self.resolution, self.dim, self.levels = resolution, dim, tuple(levels)
        self.widths, self.pyramid, self.read = tuple(widths), pyramid, read
        self.stem = nn.Conv2d(12, widths[0], 3, padding=1)
        self.stages = nn.ModuleList(
            nn.Sequential(Block(i, o, down=k > 0), *[Block(o, o, down=False)][:k])
            for k, (i, o) in enumerate(zip((widths[0], *widths), widths))
        )
        used = range(max(self.levels) + 1)
        self.laterals = nn.ModuleList(nn.Conv2d(widths[-1 - level], pyramid, 1) for level in used)
        self.readers = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(GROUPS, pyramid), nn.SiLU(), nn.Conv2d(pyramid, read, 3, padding=1, stride=s))
            for s in (1 if level == 0 else 2 for level in used)
        )
        side = [TOP if level == 0 else TOP * 2 ** (level - 1) for level in used]
        fit = not style_widths or len(style_widths) == len(used)
        if not fit or any(size not in (TOP * 2**level for level in used) for _, _, size in rings):
            raise ValueError(
                f"the {len(used)} levels are maps of {TOP} to {TOP * 2 ** used[-1]} pixels; "
                f"got styles for {len(style_widths)} levels and rings of {[size for _, _, size in rings]} pixels"
            )
        self.heads = nn.ModuleList(nn.Linear(read * side[level] ** 2, dim * self.levels.count(level)) for level in used)
        for head in self.heads:
            nn.init.normal_(head.weight, std=0.1 / math.sqrt(head.in_features))
            nn.init.zeros_(head.bias)
        self.style_head = StyleHead(style_widths, side, read) if style_widths else None
        self.padding_head = PaddingHead(rings, pyramid, read) if rings else None
        self.rings = [list(one) for one in rings]
        self.register_buffer("mean", torch.zeros(len(self.levels), dim))
        self.register_buffer("scale", torch.ones(len(self.levels), dim))

    def config(self) -> dict:
        heads = dict(style_widths=self.style_head.widths) if self.style_head else {}
        heads |= dict(rings=self.rings) if self.rings else {}
        return heads | dict(
            resolution=self.resolution,
            dim=self.dim,
            levels=list(self.levels),
            widths=list(self.widths),
            pyramid=self.pyramid,
            read=self.read,
        )

    def centre(self, codes: Tensor) -> None:
        """Sets `mean` and `scale` to those of codes [n, slots, dim]."""
        self.mean.copy_(codes.mean(0))
        self.scale.copy_(codes.std(0).clamp(min=1e-3))

    def maps(self, images: Tensor) -> list[Tensor]:
        """The feature pyramid, coarsest first: [n, pyramid, 4, 4], then twice as large a side each."""
        x, seen = self.stem(F.pixel_unshuffle(images, 2)), []
        for stage in self.stages:
            x = stage(x)
            seen.append(x)
        maps = []
        for lateral, x in zip(self.laterals, reversed(seen)):
            above = F.interpolate(maps[-1], scale_factor=2, mode="nearest") if maps else 0
            maps.append(lateral(x) + above)
        return maps

    def features(self, images: Tensor) -> list[Tensor]:
        """What the codes of each level are a linear map of, coarsest first: [n, numbers] each."""
        return self._features(self.maps(images))

    def forward(self, images: Tensor) -> Tensor:
        return self._codes(self.features(images))

    def styles(self, images: Tensor) -> tuple[Tensor, ...]:
        """Of every convolution [n, channels], in the order that `with_styles` takes."""
        return _there(self.style_head, "styles")(self.features(images))

    def padding(self, images: Tensor) -> Padding:
        """What `with_padding` takes, beside the codes."""
        return _there(self.padding_head, "padding")(self.maps(images))

    def found(self, images: Tensor) -> Found:
        """All that there is a head for, in one pass."""
        maps = self.maps(images)
        features = self._features(maps)
        styles = self.style_head(features) if self.style_head else ()
        return Found(self._codes(features), styles, self.padding_head(maps) if self.padding_head else None)

    @torch.no_grad()
    def start_from(self, affine: Sequence[tuple[int, Tensor, Tensor]], constant: Tensor) -> None:
        """Heads begin at what the codes say already: their styles, and no padding.

        affine: of every style the slot that it reads, weight [channels, dim] and bias, see `affine_maps`. constant: the
        learned one, [c, 4, 4]. Styles of level 2 and above are near those of the codes, the others equal.
        """
        self.padding_head.constant.copy_(constant)
        for level, head in enumerate(self.heads):
            weights, biases = [], []
            for slot, weight, bias in affine:
                if self.levels[slot] == level:
                    rows = slice(*(self.dim * (self.levels[:slot].count(level) + more) for more in (0, 1)))
                    weights.append(weight * self.scale[slot] @ head.weight[rows])
                    biases.append(bias + weight @ (self.mean[slot] + self.scale[slot] * head.bias[rows]))
            self.style_head.set_to(level, torch.cat(weights), torch.cat(biases))

    def _features(self, maps: Sequence[Tensor]) -> list[Tensor]:
        return [F.silu(reader(x)).flatten(1) for reader, x in zip(self.readers, maps)]

    def _codes(self, features: Sequence[Tensor]) -> Tensor:
        found = [head(x).unflatten(1, (-1, self.dim)) for head, x in zip(self.heads, features)]
        rows = [found[level][:, self.levels[:slot].count(level)] for slot, level in enumerate(self.levels)]
        return self.mean + self.scale * torch.stack(rows, 1)


def _there(head: nn.Module | None, of: str) -> nn.Module:
    if head is None:
        raise ValueError(f"this encoder has no head for {of}: it was trained for codes alone")
    return head
