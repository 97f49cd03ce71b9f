"""A restored picture is a recipe too: which picture, what happened to it, and how its numbers are looked for.

One record makes the problem, its answer, link, code and notebook. A link never holds a visitor's own picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, replace
from typing import Any

from core import zoo
from core.inversion.tasks import KINDS, Setting, setting_of

from ..page.fields import Fields, RecipeError, checked, choice_field, whole_field
from ..page.picture import checked_card
from . import settings
from .settings import LOSSES, MIDDLE, MOST_CODES, MOST_STEPS, OWN, PSI, SHOWS, STARTS, STEERED, TASKS, WAYS

FRESH = dict(  # where another task, network or picture begins
    kind="", amount=0, region="", hints="", keep=None, codes=0, layer=-1, steps=0, optimiser="", loss=""
)


def beside(kind: str, says: str, **more: Any) -> dict[str, Any]:
    """A control that stands beside the picture."""
    return dict(kind=kind, says=says, beside=True, **more)


def folded(kind: str, word: str, **more: Any) -> dict[str, Any]:
    """A control of "More controls"."""
    return dict(kind=kind, word=word, **more)


@dataclass(frozen=True)
class Restoration(
    Fields,
    tab="restore",
    what="a restored picture's recipe",
    give="give what the tab Restore wrote, with a model and a task",
    always=("model", "task"),
):
    """One picture to restore. A recipe that exists was checked. Numbers may be given as text. Raises RecipeError."""

    model: str = checked(lambda value, _: checked_card(value).name, MISSING, "name of the network")
    task: str = choice_field("task", TASKS)
    shows: str = checked(
        settings.checked_shows,
        "",
        f"what is restored: {', '.join(SHOWS)}",
        control=beside("choice", "What is restored"),
    )
    picture: int = checked(
        settings.checked_picture,
        0,
        "which picture, from 0; of Steer's its seed",
        control=beside("whole", "Picture number"),
    )
    psi: float = checked(settings.checked_psi, PSI, "truncation of Steer's picture")
    kind: str = checked(
        settings.checked_kind,
        "",
        "how it is damaged, where tasks have several",
        control=beside("choice", "How it was damaged"),
    )
    amount: float = checked(
        settings.checked_amount,
        0.0,
        "the factor of enlarging, the share of lost pixels, or the noise's standard deviation in [-1, 1]; 0: the usual",
        control=beside("range", "How much"),
    )
    region: str = checked(
        settings.checked_region,
        "",
        "the hole, as regions are written; empty: the middle quarter",
        control=beside("paint", "Paint the hole", clear="The middle quarter", cleared=MIDDLE),
    )
    hints: str = checked(
        settings.checked_hints,
        "",
        'painted colours, "rrggbb.region" joined by "~"',
        control=beside("paint", "Paint colours as hints", clear="Without hints", cleared=""),
    )
    as_is: bool = checked(
        settings.checked_as_is,
        False,
        "an own picture is damaged already",
        control=beside("flag", "It is damaged already: take it as it is", resets=dict(loss="")),
    )
    keep: bool | None = checked(
        settings.checked_keep,
        None,
        "what was observed is put back into the answer; left out: where that leaves no seam",
        type=bool | None,
        control=beside("flag", "Put back what was observed"),
    )
    codes: int = whole_field(
        "the number of codes", 0, MOST_CODES, usual=lambda one: one.setting.codes, control=folded("whole", "codes")
    )
    layer: int = checked(
        settings.checked_layer,
        -1,
        "layer after which codes are mixed; -1: the task's own",
        control=folded("whole", "mixed"),
    )
    steps: int = whole_field(
        "the number of steps", 0, MOST_STEPS, usual=lambda one: one.setting.steps, control=folded("whole", "steps")
    )
    start: int = whole_field("the seed of the start", 0, STARTS - 1, control=folded("whole", "start"))
    optimiser: str = choice_field(
        "optimiser", WAYS, usual=lambda one: one.setting.optimiser, control=folded("choice", "optimiser", options=WAYS)
    )
    own: str = checked(settings.checked_own, "", "name of an own picture")
    label: int = checked(settings.checked_label, 0, "class, of a network that has classes")
    loss: str = checked(
        settings.checked_loss, "", f"what is compared: {', '.join(LOSSES)}", control=folded("choice", "loss")
    )

    @classmethod
    def default_model(cls) -> str:
        """The network that the tab opens with, the first of the zoo; "" where there is none.

        An own network comes before the bundled ones; of those the StyleGAN2 restores closer than the PGGAN of the
        paper, as was measured (weights/README.md).
        """
        return next(iter(zoo.CARDS), "")

    @property
    def steered(self) -> bool:
        """Is it a picture of Steer or Paint?"""
        return self.shows == STEERED

    @property
    def setting(self) -> Setting:
        return setting_of(self.model, self.task)

    @property
    def photographic(self) -> bool:
        """Does it show what no critic of ours knows: an own picture, or one of a network that others trained?"""
        return self.shows == OWN or not zoo.card(self.model).world

    @property
    def observed_side(self) -> int:
        """Pixels a side of what was observed."""
        return zoo.card(self.model).resolution // (int(self.amount) if self.task == "enlarge" else 1)

    @property
    def label_or_none(self) -> int | None:
        """What `generator.codes` takes: None where the model has no classes."""
        return self.label if zoo.card(self.model).classes else None

    @property
    def named(self) -> str:
        """The picture in words; one's own has no number."""
        return SHOWS[OWN] if self.shows == OWN else f"{SHOWS[self.shows]}, number {self.picture}"

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
        if self.shows != OWN:
            return ""
        return "A link never holds your own picture: it opens the same settings on an example."

    def plain(self) -> Restoration:
        return Restoration(self.model, self.task, kind=self.kind)

    def to_query(self) -> dict[str, str]:
        written, usual = super().to_query(), KINDS.get(self.task, ("",))[0]
        return dict(written, kind=self.kind) if self.kind != usual else written

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Restoration:
        if isinstance(query, Mapping) and (query.get("shows") == OWN or query.get("own")):
            raise RecipeError("a link cannot hold somebody's own picture: choose the picture yourself, or an example")
        return super().from_query(query)
