"""What a restored picture's recipe may say: tasks, pictures, losses, and the checks of single values."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from core import zoo
from core.inversion.losses import COARSEST, WINDOW
from core.inversion.tasks import AMOUNTS, KINDS, keeps
from core.regions import CODED, Box, from_text, to_text

from ..page.fields import RecipeError, choice, flag, number, quoted, whole
from ..page.picture import LARGEST_SEED, opened

if TYPE_CHECKING:
    from .recipe import Restoration

WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
TASKS, SHOWS, LOSSES, WAYS, SAYS = (WORDS[name] for name in ("tasks", "shows", "losses", "ways", "says"))
OWN, STEERED = "upload", "steer"  # of SHOWS
RANGES = {"specks": (0.05, 0.95), "gaussian": (0.02, 1.0)}
LEAST_SIDE = {"pixels": 1, "features": 2 * COARSEST, "structure": WINDOW, "vgg": 2 * COARSEST}  # pixels
FIRST_PICTURE = 1_400_000  # of each world: seeds from here on are used by no training and by no evidence
PICTURES = 10_000  # that may be chosen; evidence begins after them
PSI = 0.7  # truncation of all pictures but Steer's
MOST_CODES, MOST_STEPS, STARTS = 30, 1_000, 1_000
MOST_HINTS, LONGEST_HINTS = 6, 700
LARGE = 256  # pixels a side from which a picture may be enlarged 16 times
MIDDLE = to_text(Box(0.25, 0.25, 0.75, 0.75).mask(CODED))
VGG_FILE, VGG_VARIABLE = "vgg16.safetensors", "GANATOMY_VGG"
NO_VGG = SAYS["no_vgg"].format(file=VGG_FILE, variable=VGG_VARIABLE)


# --- what there is


def usual_show(model: str) -> str:
    """What is restored unless somebody chooses otherwise: renders of the network's world, or else its own pictures."""
    return zoo.card(model).world or "network"


def shown_by(model: str) -> tuple[str, ...]:
    """What can be restored with a network: its own world's renders have to be of its size, a power of two."""
    worlds = ("portraits", "objects") if zoo.card(model).world else ()
    return *worlds, "network", STEERED, OWN


def factors(model: str) -> tuple[int, ...]:
    """By how much a network's pictures may be enlarged."""
    return (2, 4, 8, 16) if zoo.card(model).resolution >= LARGE else (2, 4, 8)


def vgg_path() -> Path | None:
    """The VGG-16 that somebody supplied: what the environment names, or the file beside the weights; None: neither."""
    named, usual = os.environ.get(VGG_VARIABLE, ""), zoo.WEIGHTS / VGG_FILE
    return Path(named) if named else usual if usual.is_file() else None


def losses_of(model: str) -> tuple[str, ...]:
    """What can be compared: features only where a network came with its critic, VGG-16's where somebody supplied it."""
    there = {"features": zoo.critic_path(model) is not None, "vgg": vgg_path() is not None}
    return tuple(name for name in LOSSES if there.get(name, True))


# --- checks: (value, recipe) -> the plain value, see `page.fields.Kind`


def checked_shows(value: object, recipe: Restoration) -> str:
    return choice(value or usual_show(recipe.model), "picture shown", shown_by(recipe.model))


def checked_picture(value: object, recipe: Restoration) -> int:
    return whole(value, "the picture's number", 0, LARGEST_SEED if recipe.steered else PICTURES - 1)


def checked_psi(value: object, recipe: Restoration) -> float:
    return number(value, "the truncation", 0, 1) if recipe.steered else PSI


def checked_kind(value: object, recipe: Restoration) -> str:
    kinds = KINDS.get(recipe.task, ("",))
    return kinds[0] if value == "" else choice(value, "way of damaging it", kinds)


def checked_amount(value: object, recipe: Restoration) -> float:
    kind, usual = recipe.kind, value in (0, "0", "", 0.0)
    if recipe.task not in KINDS:
        return 0
    if usual:
        return AMOUNTS[kind]
    if recipe.task == "noise":
        return number(value, "the amount of noise", *RANGES[kind])
    factor, possible = whole(value, "the factor of enlarging", 2, 16), factors(recipe.model)
    if factor not in possible:
        raise RecipeError(
            f"this network's pictures are enlarged {', '.join(map(str, possible))} times, "
            f"not {factor} times: choose one of these"
        )
    return factor


def checked_region(value: object, recipe: Restoration) -> str:
    if recipe.task != "fill":
        return ""
    if value == "":
        return MIDDLE
    if _mask(value).all():
        raise RecipeError("the hole is the whole picture, so nothing of it is known: leave some of it")
    return value


def _mask(region: object) -> Tensor:
    try:
        return from_text(region)
    except ValueError as error:
        raise RecipeError(str(error)) from None


def checked_hints(value: object, recipe: Restoration) -> str:
    if recipe.task != "colour":
        return ""
    painted = value.split("~") if isinstance(value, str) and value else []
    if not isinstance(value, str) or len(painted) > MOST_HINTS or len(value) > LONGEST_HINTS:
        raise RecipeError(f"these are too many colours: paint at most {MOST_HINTS}, in plain strokes")
    for one in painted:
        colour, dot, region = one.partition(".")
        if not dot or not re.fullmatch("[0-9a-f]{6}", colour):
            raise RecipeError(f"a painted colour cannot be {quoted(one)}: paint it again")
        _mask(region)
    return value


def checked_as_is(value: object, recipe: Restoration) -> bool:
    return flag(value, "the picture is damaged already") and recipe.shows == OWN and recipe.task != "copy"


def checked_keep(value: object, recipe: Restoration) -> bool:
    usual = value in (None, "")
    return keeps(recipe.task, recipe.kind) if usual else flag(value, "what was observed is put back")


def checked_layer(value: object, recipe: Restoration) -> int:
    last = len(opened(recipe.model).layers)
    found = whole(value, "the layer after which codes are mixed (-1: the task's)", -1, last)
    return recipe.setting.layer_of(last) if found < 0 else found


def checked_own(value: object, recipe: Restoration) -> str:
    if recipe.shows != OWN or value == "":
        return ""
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value):
        return value
    raise RecipeError("this is not the name of an own picture: choose the picture again")


def checked_label(value: object, recipe: Restoration) -> int:
    return whole(value, "the class", 0, max(0, zoo.card(recipe.model).classes - 1))


def checked_loss(value: object, recipe: Restoration) -> str:
    side, there = recipe.observed_side, losses_of(recipe.model)
    possible = [name for name in there if side >= LEAST_SIDE[name]]
    if value == "":
        wished = ("vgg", "structure") if recipe.photographic else ("features", "structure")
        usual = ("pixels",) if recipe.setting.loss == "pixels" else wished
        return next((name for name in usual if name in possible), "pixels")
    if value == "vgg" and value not in there:
        raise RecipeError(NO_VGG)
    if value in there and value not in possible:
        raise RecipeError(
            f"what was observed has {side} pixels a side, "
            f"and to compare {LOSSES[value]} takes {LEAST_SIDE[value]}: choose {', '.join(possible)}"
        )
    return choice(value, "loss", there)
