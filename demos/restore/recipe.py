"""A restored picture is a recipe too: which picture, what happened to it, and how its numbers are looked for.

One record makes the problem, its answer, link, code and notebook. A link never holds a visitor's own picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, replace
from typing import Any

from core import zoo
from core.inversion.tasks import KINDS, Setting, keeps, setting_of

from ..page.fields import Fields, RecipeError, checked, choice, choice_field, flag, number, whole, whole_field
from ..page.picture import LARGEST_SEED, checked_card
from . import settings
from .settings import LOSSES, MIDDLE, MOST_CODES, MOST_STEPS, OWN, PICTURES, PSI, SHOWS, STARTS, STEERED, TASKS, WAYS

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

    # of a network that can be opened now
    model: str = checked(lambda value, _: checked_card(value).name, MISSING, "name of the network")
    # a key of TASKS
    task: str = choice_field("task", TASKS)
    # what is restored, a key of SHOWS; "": a render of the network's world, or a picture of its own
    shows: str = checked(
        lambda value, one: choice(
            value or settings.usual_show(one.model), "picture shown", settings.shown_by(one.model)
        ),
        "",
        f"what is restored: {', '.join(SHOWS)}",
        control=beside("choice", "What is restored"),
    )
    # which of them, from 0; of Steer's its seed
    picture: int = checked(
        lambda value, one: whole(value, "the picture's number", 0, LARGEST_SEED if one.steered else PICTURES - 1),
        0,
        "which picture, from 0",
        type=int,
        control=beside("whole", "Picture number"),
    )
    # truncation of Steer's picture; 0.7 of all others
    psi: float = checked(
        lambda value, one: number(value, "the truncation", 0, 1) if one.steered else PSI, PSI, "truncation", type=float
    )
    # how it is damaged, of KINDS, where the task has several
    kind: str = checked(
        lambda value, one: settings.checked_kind(value, one.task),
        "",
        "how it is damaged, where tasks have several",
        control=beside("choice", "How it was damaged"),
    )
    # enlarging: the factor; specks: share of pixels lost; gaussian: standard deviation in [-1, 1]; 0: the usual
    amount: float = checked(
        lambda value, one: settings.checked_amount(value, one.task, one.kind, one.model),
        0.0,
        "the factor of enlarging, or the amount of noise; 0: the usual",
        type=float,
        control=beside("range", "How much"),
    )
    # of a hole, the text of `core.regions.to_text`; "": the middle quarter
    region: str = checked(
        lambda value, one: settings.checked_region(value) if one.task == "fill" else "",
        "",
        "the hole",
        control=beside("paint", "Paint the hole", clear="The middle quarter", cleared=MIDDLE),
    )
    # colours painted by the visitor, "rrggbb.region" joined by "~"
    hints: str = checked(
        lambda value, one: settings.checked_hints(value) if one.task == "colour" else "",
        "",
        "painted colours",
        control=beside("paint", "Paint colours as hints", clear="Without hints", cleared=""),
    )
    # an own picture is itself what was observed
    as_is: bool = checked(
        lambda value, one: flag(value, "the picture is damaged already") and one.shows == OWN and one.task != "copy",
        False,
        "an own picture is damaged already",
        type=bool,
        control=beside("flag", "It is damaged already: take it as it is", resets=dict(loss="")),
    )
    # is what was observed put back into the answer? None: where that leaves no seam
    keep: bool | None = checked(
        lambda value, one: (
            keeps(one.task, one.kind) if value in (None, "") else flag(value, "what was observed is put back")
        ),
        None,
        "what was observed is put back into the answer",
        type=bool | None,
        control=beside("flag", "Put back what was observed"),
    )
    # codes, layer, steps, start (the seed): as of `multicode.invert`; 0 and -1: the task's own
    codes: int = checked(
        lambda value, one: whole(value, "the number of codes", 0, MOST_CODES) or one.setting.codes,
        0,
        f"number of codes, at most {MOST_CODES}; 0: the task's own",
        type=int,
        control=folded("whole", "codes"),
    )
    layer: int = checked(
        settings.checked_layer, -1, "layer after which codes are mixed", type=int, control=folded("whole", "mixed")
    )
    steps: int = checked(
        lambda value, one: whole(value, "the number of steps", 0, MOST_STEPS) or one.setting.steps,
        0,
        f"number of steps, at most {MOST_STEPS}; 0: the task's own",
        type=int,
        control=folded("whole", "steps"),
    )
    start: int = whole_field("the seed of the start", 0, STARTS - 1, control=folded("whole", "start"))
    # of WAYS; "": the task's own
    optimiser: str = checked(
        lambda value, one: choice(value or one.setting.optimiser, "optimiser", WAYS),
        "",
        f"one of {', '.join(WAYS)}",
        control=folded("choice", "optimiser", options=WAYS),
    )
    # names an upload
    own: str = checked(
        lambda value, one: settings.checked_token(value) if one.shows == OWN else "", "", "name of an own picture"
    )
    # class of a network that has classes
    label: int = checked(
        lambda value, one: whole(value, "the class", 0, max(0, zoo.card(one.model).classes - 1)), 0, "class", type=int
    )
    # of LOSSES; "": the task's own, where what was observed is large enough
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
        """The same settings on an example where the picture is the visitor's own: nobody else may see that."""
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
