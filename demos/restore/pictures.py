"""Restore's pictures by plain HTTP: the answer and the film of its search, once it was found."""

from __future__ import annotations

from core.images import strip as side_by_side
from core.images import to_pil, webp
from core.inversion.search import FRAMES

from ..page.pictures import Door, Drawing, own_network
from . import search as restoring
from .recipe import Restoration
from .settings import OWN


def after(recipe: Restoration) -> bytes:
    return webp(to_pil(restoring.known(recipe).image)[0])


def film(recipe: Restoration) -> bytes:
    return webp(side_by_side(to_pil(restoring.known(recipe).film)))


def lacks_answer(recipe: Restoration) -> str:
    known = restoring.known(recipe) is not None
    return "" if known else "this picture was not restored yet: press Start on the page first"


def subject(recipe: Restoration) -> tuple | None:
    """A picture or a network of one's own makes it private."""
    return ("picture", recipe.own) if recipe.shows == OWN else own_network(recipe.model)


DOOR = Door(
    Restoration.tab,
    Restoration,
    {"after": Drawing(after, lacks_answer), "film": Drawing(film, lacks_answer, frames=FRAMES)},
    subject=subject,
)
