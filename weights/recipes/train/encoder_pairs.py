"""The encoder of a network that others trained: it learns from the network's own pictures alone.

Nothing renders such a network's world, and it came without a critic, so pictures and codes of pairs are all there is.
Half of the pictures are spoilt before the encoder sees them (grey, coarse, noisy, lighter or darker), as photographs
are in ways that the network's own pictures are not. Whether an encoder of pairs means anything on photographs has to
be seen: mirrored ones must have mirrored copies, see `mirrored`, or it is not offered.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core import zoo
from core.codes import codes_in_turn
from core.encoders.encoder import Encoder
from core.faces import around_face
from core.images import from_pil
from core.truth import statistics

from .encoder_training import BATCH, CODES, FIRST_HELD_OUT, HELD_OUT, Training, finished, levels_of
from .places import RUNS
from .precision import autocast

READ = 96  # channels in which the one map is read: the single code says all of the picture
PORTRAITS = 20  # the astronaut and the first faces of Labeled Faces in the Wild that scikit-image has, 25 pixels a side
SIDES = ("centre_x", "light_side")  # statistics that change sign with the mirror
LEAST = 0.8  # of the portraits, for each of SIDES


class Pairs(Training):
    """Codes and pixels of generated pictures teach, from the first image to the last."""

    def __init__(self, card: str, images: int):
        super().__init__(card, images, alone=0.0)

    def teach(self) -> None:
        with torch.no_grad():
            self.held = self.generator(codes_in_turn(self.generator, HELD_OUT, FIRST_HELD_OUT)).clamp(-1, 1)

    def begun(self) -> Encoder:
        generator = self.generator
        shape = dict(resolution=generator.resolution, dim=generator.dim, levels=levels_of(generator), read=READ)
        encoder = Encoder(**shape)
        encoder.centre(codes_in_turn(generator, 4096, 500_000))
        return encoder

    def step(self) -> Tensor:
        codes = codes_in_turn(self.generator, BATCH, 800_000_000 + self.done)
        with torch.no_grad():
            images = self.generator(codes).clamp(-1, 1)
        seen = torch.cat([images[: BATCH // 2], spoilt(images[BATCH // 2 :], self.done)])
        with autocast("cpu"):
            found = self.encoder(seen.contiguous(memory_format=torch.channels_last))
        found = found.float()
        apart = ((found - codes) / self.encoder.scale).square().mean()
        return CODES * apart + F.mse_loss(self.generator(found), images)


def spoilt(images: Tensor, seed: int) -> Tensor:
    """Images [n, 3, R, R] in [-1, 1], each grey, coarse, noisy, lighter or darker, or several of these, by chance."""
    random = torch.Generator().manual_seed(seed)
    n, side = len(images), images.shape[-1]

    def some(share: float, change: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        return torch.where(torch.rand(n, 1, 1, 1, generator=random) < share, change(images), images)

    def coarse(images: Tensor) -> Tensor:
        small = F.interpolate(images, size=25, mode="area")
        return F.interpolate(small, size=side, mode="bicubic").clamp(-1, 1)

    contrast = 0.6 + 0.8 * torch.rand(n, 1, 1, 1, generator=random)
    light = 0.6 * torch.rand(n, 1, 1, 1, generator=random) - 0.3
    noise = 0.1 * torch.randn(images.shape, generator=random)
    images = some(0.3, lambda x: x.mean(1, keepdim=True).expand_as(x), images)
    images = some(0.5, coarse, images)
    images = some(0.5, lambda x: x * contrast + light, images)
    return some(0.3, lambda x: x + noise, images).clamp(-1, 1)


# --- does it mean anything on photographs


def portraits(side: int) -> Tensor:
    """[PORTRAITS, 3, side, side] in [-1, 1]: photographs of people."""
    from skimage import data

    first = Image.fromarray(data.astronaut())
    square = around_face(first)
    pictures = [square.of(first) if square else first]
    pictures += [Image.fromarray((255 * one).round().astype("uint8")) for one in data.lfw_subset()[: PORTRAITS - 1]]
    small = [one.convert("RGB").resize((side, side), Image.Resampling.LANCZOS) for one in pictures]
    return torch.cat([from_pil(one) for one in small])


@torch.no_grad()
def mirrored(draw: Callable[[Tensor], Tensor], images: Tensor) -> dict[str, float]:
    """For each of SIDES the share of images [n, 3, R, R] whose copy and whose mirror image's copy differ as they do.

    draw: images -> their copies. 0.5 is chance.
    """
    of = [statistics.NAMES.index(name) for name in SIDES]
    asked, copies = (statistics.read(x) - statistics.read(y) for x, y in (_pair(images), map(draw, _pair(images))))
    return dict(zip(SIDES, (asked[:, of] * copies[:, of] > 0).double().mean(0).tolist()))


def _pair(images: Tensor) -> tuple[Tensor, Tensor]:
    return images, images.flip(3)


def offered(encoder: Encoder, card: str, images: int) -> str:
    """Puts the encoder where the page finds it, if mirrored portraits have mirrored copies; what was done."""
    generator = zoo.load(card)
    shares = mirrored(lambda x: generator(encoder(x)), portraits(generator.resolution))
    good = min(shares.values()) >= LEAST
    path = zoo.encoder_place(card) if good else RUNS / f"{card}-encoder" / "encoder.safetensors"
    finished(encoder, Path(path), card, images)
    told = ", ".join(f"{name} of {100 * share:.0f} %" for name, share in shares.items())
    what = "the page offers it now" if good else f"not offered, as {100 * LEAST:.0f} % of each are asked"
    return f"mirrored in the copies of {PORTRAITS} portraits: {told}; {what}\n{path}"
