"""What each bundled GAN is made from: the world, the networks and the numbers that training needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.critics import Critic
from core.generators.base import Generator
from core.generators.biggan import BigGAN
from core.generators.pggan import PGGAN
from core.generators.stylegan2 import StyleGAN2
from core.truth.worlds import objects


@dataclass(frozen=True)
class Recipe:
    """`images`: how many are shown in all; both rates fall to a tenth over the last quarter."""

    world: str
    generator: Callable[[int], Generator]
    critic: Callable[[int], Critic]
    resolution: int = 64
    images: int = 1_000_000
    rate: float = 0.0025
    gamma: float = 0.05  # R1; the rule 0.0002 R^2 / batch gives 0.026 at 64 px
    mixing: float = 0.5  # share of pictures with two codes
    batch: int = 32
    bank: int = 60_000  # renders drawn from
    spread: str = "even"  # how wide each factor varies: SPREADS of the world
    # a bundled StyleGAN2 that draws what each z stands for, see `teacher.Teacher`
    teacher: str = ""
    anchor: float = 0.0  # weight of the distance in pixels from what the teacher draws
    variety: float = 0.0  # weight of `variety.too_alike`
    autoencode: float = 0.0  # weight of the distance of renders from what is drawn of their codes, see `autoencoder`
    # weight of the divergence of a picture's codes from N(0, 1), summed over their numbers; before the game it grows
    # from a tenth of that, so that small things are copied before codes are crowded together
    divergence: float = 0.01
    encoder: tuple[int, ...] = ()  # widths of its encoder, from 4 px on; of the critic where there are none
    alone: int = 0  # images that are only copied, before the game begins
    chroma: float = 0.0  # weight of `spectrum.too_colourful`
    path_length: float = 0.0  # weight of `path_length.PathLength`; the paper's is 2
    style_scale: float = 1.0  # the style maps' weights start at so many times their usual size
    mapping_rate: float = 1.0  # the mapping learns at so many times the rate (which has its own 0.01)
    augment: tuple[str, ...] = ()  # of `augment.WAYS`: what both critics' pictures go through
    projected: float = 0.0  # weight of `projected.FeatureCritic`
    features: str = "factors"  # what its features are of: an encoder of the factors, or the world's part reader
    relativistic: bool = False  # a fake is compared with a render, and R2 is added (Huang et al., NeurIPS 2024)


WIDTHS = (128, 128, 96, 48, 24)  # at 4, 8, 16, 32, 64 px
FINE_WIDTHS = (96, 112, 96, 64, 32)  # moved from 4 to 16 px towards 32 and 64


def widths(resolution: int, all_widths: tuple[int, ...] = WIDTHS) -> tuple[int, ...]:
    return all_widths[: resolution.bit_length() - 2]


def stylegan2(resolution: int) -> StyleGAN2:
    """z = w = 128."""
    return StyleGAN2(resolution=resolution, channels=widths(resolution), z_dim=128, dim=128, mapping_layers=6)


def critic(resolution: int) -> Critic:
    return Critic(resolution=resolution, channels=widths(resolution))


def fine_stylegan2(resolution: int) -> StyleGAN2:
    """With fewer channels at 4 to 16 px and more at 32 and 64."""
    return StyleGAN2(
        resolution=resolution, channels=widths(resolution, FINE_WIDTHS), z_dim=128, dim=128, mapping_layers=6
    )


def narrow_stylegan2(resolution: int) -> StyleGAN2:
    """z = w = 64, twice the number of factors, with the fine widths."""
    return StyleGAN2(
        resolution=resolution, channels=widths(resolution, FINE_WIDTHS), z_dim=64, dim=64, mapping_layers=6
    )


def fine_critic(resolution: int) -> Critic:
    return Critic(resolution=resolution, channels=widths(resolution, FINE_WIDTHS))


def pggan(resolution: int) -> PGGAN:
    return PGGAN(resolution=resolution, channels=widths(resolution, (192, 192, 128, 64, 32)), dim=128)


def biggan(resolution: int) -> BigGAN:
    """Five chunks of 20 numbers, a shared embedding of 64, attention at 16 px; no spectral norm."""
    return BigGAN(
        resolution=resolution,
        channels=widths(resolution, (192, 192, 96, 48, 24)),
        z_dim=100,
        classes=len(objects.CLASSES),
        class_dim=64,
        attention=(16,),
    )


def class_critic(resolution: int) -> Critic:
    """Of 64 pictures with 16 classes in turn, those of a group are of one class: so variety is asked for in each."""
    return Critic(resolution=resolution, channels=widths(resolution), classes=len(objects.CLASSES), group=4)


RECIPES: dict[str, Recipe] = {
    "portraits-stylegan2": Recipe("portraits", stylegan2, critic, images=470_000, spread="graded"),
    "portraits-pggan": Recipe(
        "portraits",
        pggan,
        critic,
        rate=0.001,
        gamma=0.5,
        images=220_000,
        spread="graded",
        teacher="portraits-stylegan2",
        anchor=20.0,
    ),
    "objects-biggan": Recipe(
        "objects",
        biggan,
        class_critic,
        rate=0.002,
        gamma=0.5,
        images=210_000,
        mixing=0,
        batch=64,
        spread="graded",
        autoencode=20.0,
        divergence=0.05,
        encoder=(128, 96, 64, 32, 16),
        alone=110_000,
        chroma=1.0,
        relativistic=True,
    ),
}
