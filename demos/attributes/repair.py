"""Pictures that a network's own critic finds least real, moved towards those that it finds most real."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from core import zoo
from core.boundaries.quality import critic_scores, quality
from core.codes import Directions, edit
from core.factorization.baseline import random_directions, spread_along
from core.images import webp
from core.truth.reread import reread

from ..page import blocks
from ..page.blocks import data_uri
from ..page.cells import Cell, Progress
from ..page.labels import codes_for, judge_of
from ..page.picture import PictureRecipe, opened, shown

JUDGED, TRIED, WORST = 640, 256, 8  # pictures the boundary is fitted to; others, and how many of these are repaired
FIRST_JUDGED, FIRST_TRIED = 640_000, 650_000
STEPS, TILE = (0.0, 1.0, 2.0, 3.0), 128
LEAST = 0.1  # of the critic’s score: a smaller gain over random steps is none
LEAD = (
    "The pictures that this network’s critic finds least real, moved across the boundary between those that look right "
    "to it and those that do not (InterFaceGAN’s “quality”)."
)


class Repaired(NamedTuple):
    """codes [n, slots, dim] of the worst pictures, worst first; found: the direction, step: its step."""

    codes: Tensor
    found: Directions
    step: float


def repair(recipe: PictureRecipe) -> Iterator[str | Progress]:
    """A row for each of the worst pictures; what the critic says of it, and how near it is to a render."""
    if zoo.critic_path(recipe.model) is None:
        yield blocks.paragraph("This network came without its critic, so nobody says here which pictures look wrong.")
        return
    codes = codes_for(recipe, JUDGED, FIRST_JUDGED, recipe.psi), codes_for(recipe, TRIED, FIRST_TRIED, recipe.psi)
    scores = []
    for some, far in zip(codes, (0.0, JUDGED / (JUDGED + TRIED))):
        for step in critic_scores(view_of(recipe), zoo.load_critic(recipe.model), some, labels_for(recipe, len(some))):
            yield Progress("The critic judges pictures …", far + step.done * len(some) / (JUDGED + TRIED))
        scores.append(step.scores)
    found = quality(opened(recipe.model), codes[0], scores[0])
    worst = scores[1].argsort()[:WORST]
    yield told(recipe, Repaired(codes[1][worst], found, one_step(recipe, found)), worst)


def view_of(recipe: PictureRecipe):
    return opened(recipe.model).at(psi=recipe.psi)


def labels_for(recipe: PictureRecipe, n: int) -> Tensor | None:
    return None if recipe.label_or_none is None else torch.full((n,), recipe.label)


def one_step(recipe: PictureRecipe, found: Directions) -> float:
    return float(spread_along(opened(recipe.model), found, label=recipe.label_or_none)[0])


@torch.no_grad()
def moved(recipe: PictureRecipe, one: Repaired, by: float) -> Tensor:
    return view_of(recipe)(edit(one.codes, one.found, [by * one.step])).clamp(-1, 1)


def off(recipe: PictureRecipe, images: Tensor) -> float:
    """Median RMS difference, in levels of 255, of pictures and of what the world draws of their readings."""
    judge, world = judge_of(recipe), zoo.card(recipe.model).world
    return float(torch.tensor([reread(x[None], judge, world, label=None, shown=()).levels for x in images]).median())


def told(recipe: PictureRecipe, one: Repaired, worst: Tensor) -> str:
    images = [moved(recipe, one, by) for by in STEPS]
    heads = ["as it is", *(f"{by:g} step{'s' * (by > 1)}" for by in STEPS[1:])]
    tiles = [[data_uri(webp(x)) for x in shown(some, recipe.model, largest=TILE)] for some in images]
    rows = [
        (
            str(FIRST_TRIED + int(number)),
            [blocks.tile(uri, f"picture {i + 1}, {at}", "") for uri, at in zip(row, heads)],
        )
        for i, (number, row) in enumerate(zip(worst, zip(*tiles)))
    ]
    sheet = blocks.sheet(heads, rows, name="The worst pictures and how they change towards what looks right")
    return blocks.aha(says(recipe, one, images)) + sheet


def says(recipe: PictureRecipe, one: Repaired, images: list[Tensor]) -> str:
    critic, labels = zoo.load_critic(recipe.model), labels_for(recipe, len(one.codes))
    with torch.no_grad():
        scores = [float(critic(some, labels).mean()) for some in images]
    random = random_directions(opened(recipe.model), one.found.slots, k=1)
    chance = moved(recipe, Repaired(one.codes, random, one_step(recipe, random)), STEPS[2])
    with torch.no_grad():
        by_chance = float(critic(chance, labels).mean())
    start, end, luck = (f"{score:.1f}".replace("-", "−") for score in (scores[0], scores[2], by_chance))
    said = (
        f"Two steps take the critic’s score of the {len(one.codes)} worst of {TRIED} pictures from {start} to {end} on "
        f"average; two random steps: {luck}."
    )
    if scores[2] - max(scores[0], by_chance) < LEAST:
        said += " So this boundary repairs no more here than chance does."
    if zoo.card(recipe.model).world != "portraits":
        return said
    before, after, other = (off(recipe, some) for some in (images[0], images[2], chance))
    return (
        f"{said} What the critic does not know: drawn again from what the reader sees, they are off by {before:.0f} "
        f"levels before and {after:.0f} after ({other:.0f} with random steps)."
    )


def repair_cell() -> Cell:
    return Cell(
        "repair",
        "Repair what looks wrong",
        LEAD,
        "Find the worst and repair them",
        repair,
        ("model", "label", "psi"),
        "compare",
    )
