"""A restored picture is a recipe too: which picture, what happened to it, and how its numbers are looked for.

One record makes the problem, its answer, link, code and notebook. A link never holds a visitor's own picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, replace
from typing import Any

from core import zoo
from core.inversion.tasks import KINDS, Damage, Setting, setting_of

from ..page.fields import Fields, RecipeError, checked, choice_field, whole_field
from ..page.picture import LARGEST_SEED
from . import settings
from .settings import CHECKS, FIELDS, OWN, PICTURES, SHOWS, WAYS

FRESH = dict(  # where another task, network or picture begins
    kind="", amount=0, region="", hints="", keep=None, codes=0, layer=-1, steps=0, optimiser="", loss=""
)


def described(name: str, default: Any, *, type: Any = None, **control: Any) -> Any:
    """A field with its check, and what words.toml says of it; `control`: what else the page draws it with."""
    about = FIELDS[name]
    drawn = about.get("control", {}) | control
    return checked(CHECKS[name], default, about["says"], type=type, control=drawn)


def usual(name: str, make: Any, *given: Any, **control: Any) -> Any:
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

    model: str = described("model", MISSING)
    task: str = choice_field("task", settings.TASKS)
    shows: str = described("shows", "")
    picture: int = described("picture", 0)
    psi: float = described("psi", settings.PSI)
    kind: str = described("kind", "")
    amount: float = described("amount", 0.0)
    region: str = described("region", "", cleared=settings.MIDDLE)
    hints: str = described("hints", "")
    as_is: bool = described("as_is", False)
    keep: bool | None = described("keep", None, type=bool | None)
    codes: int = usual("codes", whole_field, "the number of codes", 0, settings.MOST_CODES)
    layer: int = described("layer", -1)
    steps: int = usual("steps", whole_field, "the number of steps", 0, settings.MOST_STEPS)
    start: int = whole_field("the seed of the start", 0, settings.STARTS - 1, control=FIELDS["start"]["control"])
    optimiser: str = usual("optimiser", choice_field, "optimiser", WAYS, options=WAYS)
    own: str = described("own", "")
    label: int = described("label", 0)
    loss: str = described("loss", "")

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
        return self.shows == settings.STEERED

    @property
    def photographic(self) -> bool:
        """Does it show what no critic of ours knows: an own picture, or one of a network that others trained?"""
        return self.shows == OWN or not zoo.card(self.model).world

    @property
    def last_picture(self) -> int:
        return LARGEST_SEED if self.steered else PICTURES - 1

    @property
    def seed(self) -> int:
        """Of the picture shown: Steer's own number, or one that no training and no evidence has used."""
        return self.picture if self.steered else settings.FIRST_PICTURE + self.picture

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
        """The picture in words; one's own has no number."""
        return SHOWS[OWN] if self.shows == OWN else f"{SHOWS[self.shows]}, number {self.picture}"

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
        return setting_of(self.model, self.task)

    # --- JSON and link

    def as_dict(self) -> dict:
        """Plain JSON values; truncation only where it is the recipe's to choose."""
        return {name: value for name, value in super().as_dict().items() if name != "psi" or self.steered}

    @classmethod
    def unread(cls, model: str, **values: object) -> dict:
        return {name: value for name, value in super().unread(model, **values).items() if name != "psi"}

    def shared(self) -> Restoration:
        """What a link can hold: of a visitor's own picture the settings alone, on an example."""
        return replace(self, shows="", own="", as_is=False, loss="") if self.shows == OWN else self

    def link_note(self) -> str:
        return settings.SAYS["link_note"] if self.shows == OWN else ""

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
