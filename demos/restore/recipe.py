"""A restored picture is a recipe too: which picture, what happened to it, and how its numbers are looked for.

One record makes the problem, its answer, link, code and notebook. A link never holds a visitor's own picture.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, replace
from pathlib import Path
from typing import Any

from core import zoo
from core.inversion import tasks, vgg
from core.inversion.losses import LEAST_SIDE
from core.inversion.tasks import KINDS, Damage, Setting
from core.regions import CODED, Box, to_text

from ..page.fields import (
    Fields,
    RecipeError,
    amounts_field,
    checked,
    choice,
    choice_field,
    flag,
    number,
    refusals,
    whole,
    whole_field,
)
from ..page.found import FIRST_RENDER as FIRST_PICTURE
from ..page.found import RENDERS as PICTURES
from ..page.picture import LARGEST_SEED, checked_card, opened, reach_of
from ..page.sources import KnobSet, directions_field, reading_field

WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
TASKS, SHOWS, LOSSES, WAYS, SAYS, FIELDS = map(WORDS.get, ("tasks", "shows", "losses", "ways", "says", "fields"))
OWN, STEERED, PHOTO = "upload", "steer", "photo"  # of SHOWS
PSI = 0.7  # truncation of all pictures but Steer's
MOST_CODES, MOST_STEPS, STARTS = 30, 1_000, 1_000
MOST_HINTS, LONGEST_HINTS = 6, 700
MIDDLE = to_text(Box(0.25, 0.25, 0.75, 0.75).mask(CODED))
FRESH = dict(  # where another task, network or picture begins
    kind="", amount=0, region="", hints="", keep=None, codes=0, layer=-1, steps=0, optimiser="", loss=""
)
KNOBS = 6  # of Steer or of a file, to edit with
STEERS = dict(directions="", reading="", amounts=[0.0] * KNOBS)  # Steer's knobs, none turned
VGG = dict(file=vgg.FILE, variable=vgg.VARIABLE)  # that sentences about it name


# --- what there is


def shown_by(model: str) -> tuple[str, ...]:
    """What can be restored with a network: its own world's renders have to be of its size, a power of two."""
    others = ("portraits", "objects") if zoo.card(model).world else (PHOTO,)
    return *others, "network", STEERED, OWN


def losses_of(model: str) -> tuple[str, ...]:
    """What can be compared: features only where a network came with its critic, VGG-16's where somebody supplied it."""
    there = {"features": zoo.critic_path(model) is not None, "vgg": vgg.supplied(zoo.WEIGHTS) is not None}
    return tuple(name for name in LOSSES if there.get(name, True))


# --- checks


def _shows(value: object, recipe: Restoration) -> str:
    """Unless somebody chooses otherwise, renders of the network's world; without one its own pictures, or a photograph
    of what it draws."""
    card = zoo.card(recipe.model)
    return choice(value or card.world or (PHOTO if card.faces else "network"), "picture shown", shown_by(recipe.model))


def _picture(value: object, recipe: Restoration) -> int:
    return 0 if recipe.shows == PHOTO else whole(value, "the picture's number", 0, recipe.last_picture)


def _kind(value: object, recipe: Restoration) -> str:
    kinds = KINDS.get(recipe.task, ("",))
    return kinds[0] if value == "" else choice(value, "way of damaging it", kinds)


def _amount(value: object, recipe: Restoration) -> float:
    if recipe.task not in KINDS:
        return 0
    if value in (0, "0", "", 0.0):
        return tasks.AMOUNTS[recipe.kind]
    if recipe.task == "noise":
        return number(value, "the amount of noise", *tasks.RANGES[recipe.kind])
    factor = whole(value, "the factor of enlarging", 2, 16)
    tasks.check_factor(factor, recipe.side)
    return factor


def _region(value: object, recipe: Restoration) -> str:
    if recipe.task != "fill" or value == "":
        return MIDDLE if recipe.task == "fill" else ""
    tasks.check_hole(value)
    return value


def _hints(value: object, recipe: Restoration) -> str:
    if recipe.task != "colour" or value == "":
        return ""
    if not isinstance(value, str) or value.count("~") >= MOST_HINTS or len(value) > LONGEST_HINTS:
        raise RecipeError(f"these are too many colours: paint at most {MOST_HINTS}, in plain strokes")
    tasks.painted_regions(value)
    return value


def _as_is(value: object, recipe: Restoration) -> bool:
    return flag(value, "the picture is damaged already") and recipe.shows == OWN and recipe.task != "copy"


def _keep(value: object, recipe: Restoration) -> bool:
    unsaid = value in (None, "")
    return tasks.keeps(recipe.task, recipe.kind) if unsaid else flag(value, "what was observed is put back")


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


# --- the fields


def described(name: str, default: Any, check: Callable[[Any, Any], Any], *, type: Any = None, **control: Any) -> Any:
    """A field with what words.toml says of it; `control`: what else the page draws it with.

    check: (value, recipe) -> the plain value, see `page.fields.Kind`; a ValueError of it is a sentence too.
    """
    about = FIELDS[name]
    return checked(refusals()(check), default, about["says"], type=type, control=about.get("control", {}) | control)


def usual(name: str, make: Callable, *given: Any, **control: Any) -> Any:
    """A field that is 0 or "" where the task's setting is meant."""
    return make(*given, usual=lambda one: getattr(one.setting, name), control=FIELDS[name]["control"] | control)


@dataclass(frozen=True)
class Restoration(
    Fields,
    tab="restore",
    what="a restored picture's recipe",
    give="give what the tab Restore wrote, with a model and a task",
    always=("model", "task"),
):
    """One picture to restore. A recipe that exists was checked. Numbers may be given as text. Raises RecipeError."""

    model: str = described("model", MISSING, lambda value, _: checked_card(value).name)
    task: str = choice_field("task", TASKS)
    shows: str = described("shows", "", _shows)
    picture: int = described("picture", 0, _picture)
    psi: float = described("psi", PSI, lambda value, one: number(value, "the truncation", 0, 1) if one.steered else PSI)
    kind: str = described("kind", "", _kind)
    amount: float = described("amount", 0.0, _amount)
    region: str = described("region", "", _region, cleared=MIDDLE)
    hints: str = described("hints", "", _hints)
    as_is: bool = described("as_is", False, _as_is)
    keep: bool | None = described("keep", None, _keep, type=bool | None)
    codes: int = usual("codes", whole_field, "the number of codes", 0, MOST_CODES)
    layer: int = described("layer", -1, _layer)
    steps: int = usual("steps", whole_field, "the number of steps", 0, MOST_STEPS)
    start: int = whole_field("the seed of the start", 0, STARTS - 1, control=FIELDS["start"]["control"])
    optimiser: str = usual("optimiser", choice_field, "optimiser", WAYS, options=WAYS)
    own: str = described("own", "", _own)
    label: int = described("label", 0, lambda value, one: whole(value, "the class", 0, one.last_class))
    loss: str = described("loss", "", _loss)
    directions: str = directions_field()
    reading: str = reading_field(KNOBS)
    amounts: tuple[float, ...] = amounts_field(KNOBS, reach_of, "1.5,0,-2")

    @classmethod
    def default_model(cls) -> str:
        """The network that the tab opens with, the first of the zoo; "" where there is none.

        An own network comes before the bundled ones; of those the StyleGAN2 restores closer than the PGGAN of the
        paper, as was measured (weights/README.md).
        """
        return next(iter(zoo.CARDS), "")

    # --- which picture

    @property
    def steered(self) -> bool:
        """Is it a picture of Steer or Paint?"""
        return self.shows == STEERED

    @property
    def photographic(self) -> bool:
        """Does it show what no critic of ours knows: an own picture, or one of a network that others trained?"""
        return self.shows == OWN or not zoo.card(self.model).world

    @property
    def last_picture(self) -> int:
        return LARGEST_SEED if self.steered else PICTURES - 1

    @property
    def last_class(self) -> int:
        return max(0, zoo.card(self.model).classes - 1)

    @property
    def seed(self) -> int:
        """Of the picture shown: Steer's own number, or one that no training and no evidence has used."""
        return self.picture if self.steered else FIRST_PICTURE + self.picture

    @property
    def truncation(self) -> float:
        """Of a picture that the network draws."""
        return self.psi if self.steered else zoo.card(self.model).psi

    @property
    def label_or_none(self) -> int | None:
        """What `generator.codes` takes: None where the model has no classes."""
        return self.label if zoo.card(self.model).classes else None

    @property
    def named(self) -> str:
        """The picture in words; one's own and the photograph have no number."""
        return SHOWS[self.shows] + (f", number {self.picture}" if self.numbered else "")

    @property
    def numbered(self) -> bool:
        """Is it one of many?"""
        return self.shows not in (OWN, PHOTO)

    # --- what it is edited with

    @property
    def method(self) -> str:
        """Where the knobs come from that edit it: "file" or Steer's."""
        return "file" if self.directions else "sefa"

    @property
    def knob_set(self) -> KnobSet:
        own = dict(method="file", directions=self.directions, reading=self.reading) if self.directions else {}
        return KnobSet(self.model, label=self.label, **own)

    def unedited(self) -> Restoration:
        return replace(self, **STEERS)

    # --- what happened to it, and how it is looked for

    @property
    def side(self) -> int:
        """Pixels a side of the network's pictures."""
        return zoo.card(self.model).resolution

    @property
    def observed_side(self) -> int:
        """Pixels a side of what was observed."""
        return self.side // (int(self.amount) if self.task == "enlarge" else 1)

    @property
    def damage(self) -> Damage:
        return Damage(self.task, self.kind, self.amount, self.region, self.hints, self.picture)

    @property
    def setting(self) -> Setting:
        return tasks.setting_of(self.model, self.task)

    # --- JSON and link

    def as_dict(self) -> dict:
        """Plain JSON values; truncation only where it is the recipe's to choose."""
        return {name: value for name, value in super().as_dict().items() if name != "psi" or self.steered}

    @classmethod
    def unread(cls, model: str, **values: object) -> dict:
        return {name: value for name, value in super().unread(model, **values).items() if name != "psi"}

    def public(self) -> Restoration:
        """With an example in the place of a visitor's own picture."""
        return replace(self, shows="", own="", as_is=False, loss="") if self.shows == OWN else self

    def shared(self) -> Restoration:
        """What a link can hold: nothing of a picture and of a file of the visitor's own."""
        return self.public().unedited() if self.directions else self.public()

    def link_note(self) -> str:
        return " ".join([SAYS["link_note"]] * (self.shows == OWN) + [SAYS["file_note"]] * bool(self.directions))

    def plain(self) -> Restoration:
        return Restoration(self.model, self.task, kind=self.kind)

    def to_query(self) -> dict[str, str]:
        written, first = super().to_query(), KINDS.get(self.task, ("",))[0]
        return dict(written, kind=self.kind) if self.kind != first else written

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Restoration:
        if isinstance(query, Mapping) and (query.get("shows") == OWN or query.get("own")):
            raise RecipeError("a link cannot hold somebody's own picture: choose the picture yourself, or an example")
        return super().from_query(query)
