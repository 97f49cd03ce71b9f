"""What the classes of a network are called."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from . import zoo
from .truth.worlds import load_world

IMAGENET = "imagenet-biggan-deep"


def class_names(model: str) -> tuple[str, ...]:
    """A name for every class of a card's network; "class 7" where nobody has told us one."""
    card = zoo.card(model)
    if model == IMAGENET:
        return imagenet_names()
    names = getattr(load_world(card.world), "CLASSES", ()) if card.world else ()
    return tuple(names) if len(names) == card.classes else tuple(f"class {i}" for i in range(card.classes))


@lru_cache(maxsize=1)
def imagenet_names() -> tuple[str, ...]:
    """The 1,000 names in the order of the labels; the file says where they come from."""
    lines = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))
