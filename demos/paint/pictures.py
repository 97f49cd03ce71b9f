"""Paint's pictures by plain HTTP: after, before, and the film of the chosen knob, once the knobs were found."""

from __future__ import annotations

from core import zoo
from core.images import strip as side_by_side
from core.images import webp

from ..page import picture as recipes
from ..page.pictures import Door, Drawing
from . import search as finding
from . import tab
from .recipe import Painted


def after(recipe: Painted) -> bytes:
    return tab.drawn(recipe, finding.known(recipe) if any(recipe.amounts) else None)[0]


def before(recipe: Painted) -> bytes:
    return recipes.picture_bytes(recipe.base)


def film(recipe: Painted) -> bytes:
    knobs = finding.known(recipe)
    settings = tab.settings_of(recipe, knobs.reach(min(recipe.knob, len(knobs.steps) - 1)), tab.FRAMES)
    images = finding.render(recipe, knobs, settings)
    return webp(side_by_side(recipes.shown(images, recipe.model, largest=tab.FILM)))


def lacks_knobs(recipe: Painted) -> str:
    """Reading parts takes time, so that a picture of which nothing is known is refused before."""
    if not finding.picture_is_known(recipe) or finding.known(recipe) is None:
        return "the knobs of this region were not found yet: open the picture on the page first"
    return "" if finding.known(recipe).steps else "nothing moves this region alone, so there is no knob to turn"


def closed(model: str) -> str:
    world = zoo.card(model).world
    if world and (zoo.WEIGHTS / f"{world}-parts.safetensors").exists() and not zoo.part_reader_is_open(world):
        return "the part reader of this network is not open: open the tab Paint first"
    return ""


DOOR = Door(
    tab.TAB,
    Painted,
    {
        "after": Drawing(after, lambda recipe: lacks_knobs(recipe) if any(recipe.amounts) else "", keep=False),
        "before": Drawing(before, keep=False),
        "film": Drawing(film, lacks_knobs, frames=tab.FRAMES),
    },
    closed,
)
