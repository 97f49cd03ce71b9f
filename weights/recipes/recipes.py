"""What each bundled GAN is made from: the world, the networks and the numbers that training needs."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from core.critics import Critic
from core.generators.base import Generator
from core.generators.pggan import PGGAN
from core.generators.stylegan2 import StyleGAN2


@dataclass(frozen=True)
class Recipe:
    """`images`: how many are shown in all; both rates fall to a tenth over the last quarter.

    sizes: from this many images on, train at this resolution; at a change the networks grow and keep what they know.
    sparse: per step, weights of the style maps shrink towards 0 by this share of the rate (soft threshold), so that a
    channel reads few numbers of a code. mapping_rate: the mapping's rate over the others'.
    """
    world: str
    generator: Callable[[int], Generator]
    critic: Callable[[int], Critic]
    sizes: tuple[tuple[int, int], ...] = ((0, 64),)
    images: int = 1_000_000
    rate: float = 0.002
    gamma: float = 0.05                     # R1 at 64 px; the rule 0.0002 R^2 / batch
    mixing: float = 0.5                     # share of pictures with two codes
    batches: tuple[tuple[int, int], ...] = ((0, 16), (200_000, 32))     # from this many images on, this batch
    bank: int = 60_000                      # renders drawn from
    spread: str = "even"                    # how wide each factor varies: SPREADS of the world
    sparse: float = 0.0
    mapping_rate: float = 1.0

    def size(self, shown: int) -> int:
        return [resolution for start, resolution in self.sizes if shown >= start][-1]

    def batch(self, shown: int) -> int:
        return [batch for start, batch in self.batches if shown >= start][-1]


WIDTHS = (128, 128, 96, 48, 24)             # at 4, 8, 16, 32, 64 px


def widths(resolution: int, all_widths: tuple[int, ...] = WIDTHS) -> tuple[int, ...]:
    return all_widths[:resolution.bit_length() - 2]


def style_maps(generator: nn.Module) -> list[nn.Parameter]:
    """The weights by which convolutions read the code."""
    return [parameter for name, parameter in generator.named_parameters() if name.endswith("affine.weight")]


def stylegan2(resolution: int, *, mapping_layers: int = 4, style_scale: float = 0.1) -> StyleGAN2:
    """z = w = 128. The style maps start small: what they hold in the end was learned, so that SeFa sees only that."""
    generator = StyleGAN2(resolution=resolution, channels=widths(resolution), z_dim=128, dim=128, mapping_layers=mapping_layers)
    with torch.no_grad():
        for weight in style_maps(generator):
            weight.mul_(style_scale)
    return generator


def critic(resolution: int) -> Critic:
    return Critic(resolution=resolution, channels=widths(resolution))


def pggan(resolution: int) -> PGGAN:
    return PGGAN(resolution=resolution, channels=widths(resolution, (192, 192, 128, 64, 32)), dim=128)


RECIPES: dict[str, Recipe] = {
    "portraits-stylegan2": Recipe("portraits", stylegan2, critic, sizes=((0, 32), (80_000, 64)), gamma=0.12,
                                  spread="graded"),
    "portraits-pggan": Recipe("portraits", pggan, critic),
}
