"""Steer's pictures by plain HTTP: after, before, and the film of the chosen knob."""

from __future__ import annotations

from dataclasses import replace

from core.images import strip as side_by_side
from core.images import webp

from ..page import picture as recipes
from ..page.picture import Recipe
from ..page.pictures import Door, Drawing
from ..page.uploads import uploaded
from . import tab


def after(recipe: Recipe) -> bytes:
    return recipes.picture_bytes(recipe, uploaded(recipe))


def before(recipe: Recipe) -> bytes:
    return recipes.picture_bytes(replace(recipe, amounts=(), method="sefa"))


def film(recipe: Recipe) -> bytes:
    amounts = tab.amounts_of(recipe, tab.FRAMES)
    images = recipes.render_strip(recipe, recipe.knob, amounts, uploaded(recipe), quick=True)
    return webp(side_by_side(recipes.shown(images, recipe.model, largest=tab.FILM)))


def lacks_directions(recipe: Recipe) -> str:
    known = recipes.has_directions(recipe, uploaded(recipe))
    return "" if known else "these knobs were not found yet: open the picture on the page first"


DOOR = Door(
    tab.TAB,
    Recipe,
    {
        "after": Drawing(after, lambda recipe: lacks_directions(recipe) if any(recipe.amounts) else "", keep=False),
        "before": Drawing(before, keep=False),
        "film": Drawing(film, lacks_directions, frames=tab.FRAMES),
    },
    subject=tab.private_subject,
)
