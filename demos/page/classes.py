"""What the classes of a network are called."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from core import zoo
from core.truth.worlds import load_world

from .fields import RecipeError, quoted, whole

HERE = Path(__file__).resolve().parent
IMAGENET = "imagenet-biggan-deep"


def class_names(model: str) -> tuple[str, ...]:
    """A name for every class; "class 7" where nobody has told us one."""
    card = zoo.card(model)
    if model == IMAGENET:
        return imagenet_names()
    names = getattr(load_world(card.world), "CLASSES", ()) if card.world else ()
    return tuple(names) if len(names) == card.classes else tuple(f"class {i}" for i in range(card.classes))


@lru_cache(maxsize=1)
def imagenet_names() -> tuple[str, ...]:
    """The 1,000 names in the order of the labels; the file says where they come from."""
    lines = (HERE / "imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


def class_of(value: object, model: str) -> int:
    """The number of a class that is given by number or name. Raises RecipeError."""
    names = class_names(model)
    if isinstance(value, str) and value.strip().lower() in (lower := [name.lower() for name in names]):
        return lower.index(value.strip().lower())
    try:
        return whole(value, "the class", 0, len(names) - 1)
    except RecipeError:
        few = ", ".join(names[:16]) + (" ..." if len(names) > 16 else "")
        raise RecipeError(
            f"there is no class {quoted(value)} in this network: "
            f"give a number from 0 to {len(names) - 1}, or one of {few}"
        ) from None
