"""A twin of every architecture, 16 pixels wide (StyleGAN3-T: 32), with nothing left at zero.

So a forgotten term changes a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from core.critics import Critic
from core.generators.base import Generator
from core.generators.biggan import BigGAN, BigGANDeep, ClassConditional
from core.generators.dcgan import DCGAN, Conv, Dense
from core.generators.pggan import PGGAN
from core.generators.r3gan import R3GAN
from core.generators.stylegan import StyleGAN
from core.generators.stylegan2 import StyleGAN2
from core.generators.stylegan3 import StyleGAN3

RESOLUTION, CHANNELS, DIM = 16, (6, 5, 4), 12
WIDTHS3 = (6, 6, 5, 5, 5, 5, 4, 4, 4, 4, 4, 3, 3, 3)
CLASSES, CLASS_DIM = 3, 5


def stirred(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A frozen module whose zeros are random too; the global generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build()
        for tensor in (*module.parameters(), *module.buffers()):
            if not tensor.any():
                tensor.data.copy_(0.3 * torch.randn(tensor.shape))
    return module.eval().requires_grad_(False)


def stylegan2(*, clamp: float | None = None, seed: int = 0, dim: int = DIM, image_channels: int = 3) -> StyleGAN2:
    how = dict(z_dim=10, dim=dim, mapping_layers=2, clamp=clamp, image_channels=image_channels)
    return stirred(lambda: StyleGAN2(resolution=RESOLUTION, channels=CHANNELS, **how), seed)


def stylegan2_clamped(*, seed: int = 0) -> StyleGAN2:
    """The clamp is so low that it acts on many pixels."""
    return stylegan2(clamp=1.0, seed=seed)


def stylegan2_grey(*, seed: int = 0) -> StyleGAN2:
    return stylegan2(image_channels=1, seed=seed)


def stylegan2_rgba(*, seed: int = 0) -> StyleGAN2:
    """Opacity is cut off at both ends in some of its pixels."""
    generator = stylegan2(image_channels=4, seed=seed)
    generator.layers[-1].rgb_bias[3] = -0.4
    return generator


def pggan(*, seed: int = 0, channels: tuple[int, ...] = CHANNELS, dim: int = DIM) -> PGGAN:
    return stirred(lambda: PGGAN(resolution=RESOLUTION, channels=channels, dim=dim), seed)


def pggan_fading(*, seed: int = 0) -> PGGAN:
    """Grey, as pytorch_GAN_zoo trains it, stopped while its last size faded in."""
    how = dict(dim=DIM, image_channels=1, bias_side=4, fade=0.3, bounded=True)
    return stirred(lambda: PGGAN(resolution=RESOLUTION, channels=CHANNELS, **how), seed)


def r3gan(*, seed: int = 0, classes: int = 0) -> R3GAN:
    stages = ((8, 1, 12, 3), (8, 2, 8, 2), (6, 1, 12, 2))
    how = dict(z_dim=DIM, classes=classes, class_dim=CLASS_DIM if classes else 0)
    return stirred(lambda: R3GAN(stages=stages, **how), seed)


def r3gan_classes(*, seed: int = 0) -> R3GAN:
    return r3gan(seed=seed, classes=CLASSES)


def stylegan(*, seed: int = 0) -> StyleGAN:
    return stirred(
        lambda: StyleGAN(resolution=RESOLUTION, channels=CHANNELS, z_dim=10, dim=DIM, mapping_layers=2), seed
    )


def stylegan3(
    *, seed: int = 0, rotation: bool = False, clamp: float | None = 256.0, classes: int = 0, image_channels: int = 3
) -> StyleGAN3:
    """Configuration T, 32 pixels wide, so that one of its layers doubles the rate; or R (`rotation`), 16 wide."""
    shape = dict(conv_kernel=1, radial=True, resolution=16) if rotation else dict(resolution=32)
    build = dict(channels=WIDTHS3, z_dim=10, dim=DIM, clamp=clamp, classes=classes, image_channels=image_channels)
    return stirred(lambda: StyleGAN3(**build, **shape), seed)


def stylegan3_rotation(*, seed: int = 0) -> StyleGAN3:
    return stylegan3(seed=seed, rotation=True)


def spread(generator: ClassConditional) -> ClassConditional:
    """With variances between 0.5 and 2, another one for every channel and every psi."""
    for i, (name, buffer) in enumerate(generator.named_buffers()):
        if name.endswith("var"):
            buffer.copy_(2 ** torch.tanh(normal(*buffer.shape, seed=i)))
    return generator


def biggan(*, seed: int = 0, hierarchical: bool = True) -> BigGAN:
    z_dim = 3 * DIM if hierarchical else DIM
    return spread(
        stirred(
            lambda: BigGAN(
                resolution=RESOLUTION,
                channels=(16, 8, 8),
                z_dim=z_dim,
                classes=CLASSES,
                class_dim=CLASS_DIM,
                hierarchical=hierarchical,
                attention=(8,),
            ),
            seed,
        )
    )


def biggan_deep(*, seed: int = 0) -> BigGANDeep:
    blocks = ((False, 16, 16), (True, 16, 8), (False, 8, 8), (True, 8, 8))
    return spread(
        stirred(lambda: BigGANDeep(blocks=blocks, z_dim=DIM, classes=CLASSES, class_dim=CLASS_DIM, attention=1), seed)
    )


def dcgan(*, seed: int = 0, classes: int = 0, end: str = "tanh") -> DCGAN:
    """Transposed convolutions with ReLU; with classes: leaky, and plain ones behind an up-sampling."""
    transposed = (Dense(6, 4), Conv(5, 4, 2, 1), Conv(3, 4, 2, 1))
    plain = (Dense(6, 4, 0.2), Conv(6, 3, 1, 1, up=2, transposed=False, slope=0.2, affine=True), Conv(3, 4, 2, 1))
    layers, labels = plain if classes else transposed, dict(classes=classes, class_dim=classes)
    return stirred(lambda: DCGAN(z_dim=DIM, layers=layers, end=end, **labels), seed)


def dcgan_of_classes(*, seed: int = 0) -> DCGAN:
    return dcgan(seed=seed, classes=CLASSES)


def critic(*, classes: int = 0, seed: int = 0) -> Critic:
    return stirred(lambda: Critic(resolution=RESOLUTION, channels=CHANNELS, classes=classes), seed)


GENERATORS: dict[str, Callable[..., Generator]] = dict(
    stylegan2=stylegan2,
    stylegan2_clamped=stylegan2_clamped,
    stylegan2_grey=stylegan2_grey,
    stylegan2_rgba=stylegan2_rgba,
    stylegan3=stylegan3,
    stylegan3_rotation=stylegan3_rotation,
    stylegan=stylegan,
    pggan=pggan,
    pggan_fading=pggan_fading,
    r3gan=r3gan,
    r3gan_classes=r3gan_classes,
    biggan=biggan,
    biggan_deep=biggan_deep,
    dcgan=dcgan,
    dcgan_of_classes=dcgan_of_classes,
)
# One of each kind, for algorithms, which ask a generator and never what it is; the laws of generators run on all.
KINDS = [
    name
    for name in GENERATORS
    if name not in ("stylegan2_rgba", "stylegan3_rotation", "pggan_fading", "dcgan_of_classes", "r3gan_classes")
]


class Planted(Generator):
    """Only the affine maps by which slots read their code: weights [fan_out, dim], one a slot."""

    def __init__(self, *weights: Tensor):
        super().__init__()
        self.slots, self.dim, self.z_dim = len(weights), weights[0].shape[1], weights[0].shape[1]
        self.maps = nn.ParameterList(nn.Parameter(weight, requires_grad=False) for weight in weights)

    def first_weight(self, slot: int) -> Tensor:
        return self.maps[slot]

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff: int | None = None, label: int | None = None) -> Tensor:
        return z[:, None].repeat(1, self.slots, 1)


def one_thread() -> Iterator[None]:
    """Body of a fixture: networks this small are slower on two threads than on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers in float64 that depend on the seed alone."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class PlantedEncoder:
    """An encoder that finds the same codes [n, slots, dim] in every picture, in units of 1."""

    def __init__(self, codes: Tensor):
        self.codes, self.scale = codes, torch.ones(codes.shape[1:])

    def __call__(self, images: Tensor) -> Tensor:
        return self.codes + 0 * images.mean()
