"""Look inside's pictures by plain HTTP: after, before, and the film of the channel's strength."""

from __future__ import annotations

from core.images import strip as side_by_side
from core.images import to_pil, webp

from ..page.pictures import Door, Drawing
from . import experiments, tab
from .recipe import Look


def after(look: Look) -> bytes:
    return webp(to_pil(experiments.changed(look))[0])


def before(look: Look) -> bytes:
    return webp(to_pil(experiments.before(look).picture)[0])


def film(look: Look) -> bytes:
    return webp(side_by_side(experiments.film_pictures(look)))


DOOR = Door(
    tab.TAB,
    Look,
    {"after": Drawing(after), "before": Drawing(before), "film": Drawing(film, frames=experiments.FRAMES)},
)
