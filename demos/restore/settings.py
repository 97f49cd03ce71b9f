"""What a restored picture's recipe may say: tasks, pictures, losses, and the checks of single values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from core import zoo
from core.inversion import vgg
from core.inversion.losses import LEAST_SIDE
from core.inversion.tasks import AMOUNTS, KINDS, RANGES, factors, keeps
from core.regions import CODED, Box, from_text, to_text

from ..page.fields import RecipeError, choice, flag, number, quoted, whole
from ..page.picture import checked_card, opened

if TYPE_CHECKING:
    from .recipe import Restoration

WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
TASKS, SHOWS, LOSSES, WAYS, SAYS, FIELDS = (
    WORDS[name] for name in ("tasks", "shows", "losses", "ways", "says", "fields")
)
OWN, STEERED = "upload", "steer"  # of SHOWS
FIRST_PICTURE = 1_400_000  # of each world: seeds from here on are used by no training and by no evidence
PICTURES = 10_000  # that may be chosen; evidence begins after them
PSI = 0.7  # truncation of all pictures but Steer's
MOST_CODES, MOST_STEPS, STARTS = 30, 1_000, 1_000
MOST_HINTS, LONGEST_HINTS = 6, 700
MIDDLE = to_text(Box(0.25, 0.25, 0.75, 0.75).mask(CODED))
VGG = dict(file=vgg.FILE, variable=vgg.VARIABLE)  # that sentences about it name


# --- what there is


def usual_show(model: str) -> str:
    """What is restored unless somebody chooses otherwise: renders of the network's world, or else its own pictures."""
    return zoo.card(model).world or "network"


def shown_by(model: str) -> tuple[str, ...]:
    """What can be restored with a network: its own world's renders have to be of its size, a power of two."""
    worlds = ("portraits", "objects") if zoo.card(model).world else ()
    return *worlds, "network", STEERED, OWN


def losses_of(model: str) -> tuple[str, ...]:
    """What can be compared: features only where a network came with its critic, VGG-16's where somebody supplied it."""
    there = {"features": zoo.critic_path(model) is not None, "vgg": vgg.supplied(zoo.WEIGHTS) is not None}
    return tuple(name for name in LOSSES if there.get(name, True))


# --- checks: (value, recipe) -> the plain value, see `page.fields.Kind`


def _kind(value: object, recipe: Restoration) -> str:
    kinds = KINDS.get(recipe.task, ("",))
    return kinds[0] if value == "" else choice(value, "way of damaging it", kinds)


def _amount(value: object, recipe: Restoration) -> float:
    if recipe.task not in KINDS:
        return 0
    if value in (0, "0", "", 0.0):
        return AMOUNTS[recipe.kind]
    if recipe.task == "noise":
        return number(value, "the amount of noise", *RANGES[recipe.kind])
    factor, possible = whole(value, "the factor of enlarging", 2, 16), factors(recipe.side)
    if factor not in possible:
        there = f"this network's pictures are enlarged {', '.join(map(str, possible))} times"
        raise RecipeError(f"{there}, not {factor} times: choose one of these")
    return factor


def _region(value: object, recipe: Restoration) -> str:
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


def _hints(value: object, recipe: Restoration) -> str:
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


def _keep(value: object, recipe: Restoration) -> bool:
    usual = value in (None, "")
    return keeps(recipe.task, recipe.kind) if usual else flag(value, "what was observed is put back")


def _layer(value: object, recipe: Restoration) -> int:
    last = len(opened(recipe.model).layers)
    found = whole(value, "the layer after which codes are mixed (-1: the task's)", -1, last)
    return recipe.setting.layer_of(last) if found < 0 else found


def _own(value: object, recipe: Restoration) -> str:
    if recipe.shows != OWN or value == "":
        return ""
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value):
        return value
    raise RecipeError("this is not the name of an own picture: choose the picture again")


def _loss(value: object, recipe: Restoration) -> str:
    side, there = recipe.observed_side, losses_of(recipe.model)
    possible = [name for name in there if side >= LEAST_SIDE[name]]
    if value == "":
        return recipe.setting.usual_loss(possible, photographic=recipe.photographic)
    if value == "vgg" and value not in there:
        raise RecipeError(SAYS["no_vgg"].format(**VGG))
    if value in there and value not in possible:
        raise RecipeError(
            f"what was observed has {side} pixels a side, "
            f"and to compare {LOSSES[value]} takes {LEAST_SIDE[value]}: choose {', '.join(possible)}"
        )
    return choice(value, "loss", there)


CHECKS: dict[str, Callable[[Any, Restoration], Any]] = dict(
    model=lambda value, _: checked_card(value).name,
    shows=lambda value, one: choice(value or usual_show(one.model), "picture shown", shown_by(one.model)),
    picture=lambda value, one: whole(value, "the picture's number", 0, one.last_picture),
    psi=lambda value, one: number(value, "the truncation", 0, 1) if one.steered else PSI,
    kind=_kind,
    amount=_amount,
    region=_region,
    hints=_hints,
    as_is=lambda value, one: flag(value, "the picture is damaged already") and one.shows == OWN and one.task != "copy",
    keep=_keep,
    layer=_layer,
    own=_own,
    label=lambda value, one: whole(value, "the class", 0, max(0, zoo.card(one.model).classes - 1)),
    loss=_loss,
)
