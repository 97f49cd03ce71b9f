"""Cells of padding space: two pictures swap their outlines, and what was painted on one is done to others (PadInv)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from core import zoo
from core.encoders.encoder import Encoder
from core.generators.base import Generator
from core.inversion import losses
from core.inversion.padding import Padded, difference, done_to, padded, swapped
from core.truth import worlds

from ..page import blocks
from ..page import found as finding
from ..page.cells import Progress
from ..page.fields import RecipeError
from ..page.picture import opened
from .experiments import given_picture, row, tile
from .recipe import MyPicture

OTHERS, FIRST_OTHER = 8, 1_425_000  # held-out renders that the paint is carried to


def _half(images: Tensor) -> Tensor:
    """The left half brighter by 51 levels."""
    left = torch.arange(images.shape[3]) < images.shape[3] // 2
    return (images + 0.4 * left).clamp(-1, 1)


def _warm(images: Tensor) -> Tensor:
    """More red, less blue, 38 levels each."""
    return (images + 0.3 * torch.tensor([1.0, 0.0, -1.0])[:, None, None]).clamp(-1, 1)


def _bar(images: Tensor) -> Tensor:
    """A dark bar over the mouth."""
    painted, side = images.clone(), images.shape[2]
    painted[:, :, round(0.64 * side) : round(0.76 * side), round(0.34 * side) : round(0.66 * side)] = -0.8
    return painted


PAINTS: dict[str, Callable[[Tensor], Tensor]] = {"half": _half, "warm": _warm, "bar": _bar}


def with_outlines(recipe: MyPicture) -> tuple[Generator, Encoder]:
    """Raises RecipeError where the encoder has no head for padding."""
    finding.needs_encoder(recipe.model)
    encoder = zoo.load_encoder(recipe.model)
    if encoder.padding_head is None:
        raise RecipeError("the encoder of this network finds codes alone, no outlines: choose another network")
    return opened(recipe.model), encoder


def found_of(generator: Generator, encoder: Encoder, image: Tensor) -> Padded:
    """The codes and the padding of a picture [1, 3, R, R] in one pass."""
    found = encoder.found(image)
    return padded(generator, found.codes, found.padding)


def drawn(picture: Padded) -> Tensor:
    return picture.draw(picture.codes).clamp(-1, 1)


@torch.no_grad()
def swap(recipe: MyPicture) -> Iterator[str]:
    """Each of two pictures with the outline of the other."""
    generator, encoder = with_outlines(recipe)
    pair = torch.cat([given_picture(recipe), finding.target(recipe.model, recipe.beside)])
    found = encoder.found(pair)
    grid = swapped(generator, found.codes, found.padding)
    close = [float(losses.psnr(image, pair[:1])) for image in (grid[0, 0][None], generator(found.codes[:1]))]
    leak = [float(losses.psnr(image, pair[:1])) for image in (grid[0, 1][None], generator(found.codes[1:]))]
    heads = ["details of this one", "details of the other"]
    rows = [
        (f"outline of {name}", [tile(grid[i, j][None], recipe, f"outline of {name}, {heads[j]}") for j in range(2)])
        for i, name in enumerate(("this one", "the other"))
    ]
    says = (
        f"With its outline the copy of this picture is {close[0]:.1f} dB close, without it {close[1]:.1f}. The other "
        f"picture’s codes are {leak[0]:.1f} dB close to this picture with this outline, and {leak[1]:.1f} without."
    )
    given = row(recipe, list(zip(("this picture", "the other"), pair.split(1))))
    yield blocks.aha(says) + given + blocks.sheet(heads, rows, name="Outlines swapped")


@torch.no_grad()
def painted(recipe: MyPicture) -> Iterator[str | Progress]:
    """What a paint does to this picture, in codes and outline, done to others, beside the paint itself on them."""
    generator, encoder = with_outlines(recipe)
    paint, this, card = PAINTS[recipe.paint], given_picture(recipe), zoo.card(recipe.model)
    change = difference(found_of(generator, encoder, this), found_of(generator, encoder, paint(this)))
    rows, alike = [], []
    for i in range(OTHERS):
        how = dict(resolution=card.resolution, spread=card.spread)
        one = found_of(generator, encoder, worlds.pictures(card.world, 1, FIRST_OTHER + i, **how))
        copy, carried = drawn(one), drawn(done_to(generator, one, change))
        exact = paint(copy)
        alike.append(torch.cosine_similarity((carried - copy).flatten(), (exact - copy).flatten(), 0))
        shown = zip((copy, carried, exact), ("as it is", "carried over", "painted exactly"))
        rows.append((f"face {i + 1}", [tile(image, recipe, name) for image, name in shown]))
        yield Progress(f"{i + 1} of {OTHERS} faces", (i + 1) / OTHERS)
    middle = 100 * float(torch.stack(alike).median())
    says = (
        f"Carried over to {OTHERS} other faces, the change of the pixels agrees with the exact paint by {middle:.0f} %."
    )
    pair = [("this picture", this), ("painted", paint(this))]
    columns = ["as it is", "carried over", "painted exactly"]
    yield blocks.aha(f"{says} 100 % would be the same change, 0 % chance (median cosine).") + (
        row(recipe, pair) + blocks.sheet(columns, rows, name="One paint on other faces")
    )
