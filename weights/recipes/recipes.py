"""What each bundled GAN is made from: the world, the networks and the numbers that training needs."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from core.critics import Critic
from core.generators.base import Generator
from core.generators.pggan import PGGAN
from core.generators.stylegan2 import StyleGAN2


@dataclass(frozen=True)
class Recipe:
    """`images`: how many are shown in all; both rates fall to a tenth over the last quarter."""
    world: str
    generator: Callable[[], Generator]
    critic: Callable[[], Critic]
    images: int = 1_000_000
    rate: float = 0.002
    gamma: float = 0.05                     # R1; the rule 0.0002 R^2 / batch
    mixing: float = 0.5                     # share of pictures with two codes
    batches: tuple[tuple[int, int], ...] = ((0, 16), (200_000, 32))     # (from this many images on, batch)
    bank: int = 100_000                     # renders drawn from
    spread: str = "graded"                  # how wide each factor varies: see worlds


def style_scale(generator: StyleGAN2, scale: float) -> StyleGAN2:
    """Start the style maps small: what they hold in the end was learned, so that their Gram matrix shows it."""
    with torch.no_grad():
        for slot_layer in generator.layers:
            slot_layer.conv.affine.weight.mul_(scale)
            if hasattr(slot_layer, "to_rgb"):
                slot_layer.to_rgb.affine.weight.mul_(scale)
    return generator


WIDTHS = (128, 128, 96, 48, 24)


def _stylegan2(resolution: int, *, mapping_layers: int, scale: float) -> StyleGAN2:
    widths = WIDTHS[:resolution.bit_length() - 3 + 1]
    return style_scale(StyleGAN2(resolution=resolution, channels=widths, z_dim=128, dim=128,
                                 mapping_layers=mapping_layers), scale)


def _critic(resolution: int) -> Critic:
    return Critic(resolution=resolution, channels=WIDTHS[:resolution.bit_length() - 3 + 1])


def stylegan2(resolution: int = 64, *, mapping_layers: int = 4, scale: float = 1.0, **kwargs) -> Recipe:
    return Recipe("portraits", lambda: _stylegan2(resolution, mapping_layers=mapping_layers, scale=scale),
                  lambda: _critic(resolution), **kwargs)


RECIPES: dict[str, Recipe] = {
    "portraits-stylegan2": stylegan2(),
    "portraits-pggan": Recipe("portraits", lambda: PGGAN(resolution=64, channels=(192, 192, 128, 64, 32), dim=128),
                              lambda: _critic(64)),
}
