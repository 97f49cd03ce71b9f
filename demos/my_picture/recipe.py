"""A picture that an encoder finds, its knobs, and what else is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core import zoo
from core.boundaries.pure import LAM
from core.inversion import indomain

from ..page.attribute_knobs import Way, attribute_knobs
from ..page.fields import amounts_field, choice_field, number_field, whole_field
from ..page.found import RENDERS, found_field
from ..page.knobs import Knobs
from ..page.labels import knob_count
from ..page.picture import PictureRecipe, opened, reach_of

MOST, FIRST = 32, "yaw"  # attributes, and the one that the tab arrives with
WAY = Way("pure", LAM)
BOXES = {  # left, top, right, bottom as shares of the picture
    "face": ("the face", (0.25, 0.25, 0.75, 0.75)),
    "eyes": ("the eyes", (0.2, 0.3, 0.8, 0.55)),
    "mouth": ("the mouth", (0.3, 0.6, 0.7, 0.8)),
    "top": ("the upper half", (0.0, 0.0, 1.0, 0.5)),
}
PAINTS = {
    "half": "the left half brighter",
    "warm": "warmer colours",
    "bar": "a dark bar over the mouth",
}


def _box_field() -> Any:
    control = dict(kind="choice", options={name: says for name, (says, _) in BOXES.items()}, word="box")
    return choice_field("box", BOXES, control=control)


@dataclass(frozen=True)
class MyPicture(PictureRecipe, tab="my_picture", what="a picture that an encoder finds", give="give a model and found"):
    """A picture as an encoder finds it, moved along directions that are named after attributes.

    other: the number of the held-out render that is blended in and mixed with. box: which part of it, of BOXES. paint:
    what is painted, of PAINTS. domain: weight of the term that keeps searched codes where the encoder finds them again.
    amounts: one an attribute, in standard deviations of w . n. knob: the chosen one, from 0.
    """

    found: str = found_field("render-0")
    other: int = whole_field("the other picture", 0, RENDERS - 1, default=1, control=dict(kind="whole", word="render"))
    box: str = _box_field()
    paint: str = choice_field("paint", PAINTS, control=dict(kind="choice", options=PAINTS, word="paint"))
    domain: float = number_field(
        "the weight of the domain",
        0,
        0.2,
        default=indomain.DOMAIN,
        control=dict(kind="range", word="domain", step=0.01),
    )
    amounts: tuple[float, ...] = amounts_field(MOST, reach_of, "1.5,0,-2")
    knob: int = whole_field("the chosen knob, counted from 0,", 0, MOST - 1, most=lambda recipe: knob_count(recipe) - 1)

    @classmethod
    def default_model(cls) -> str:
        """The first network with an encoder; "" where there is none."""
        return next((name for name in zoo.CARDS if zoo.encoder_path(name)), "")

    @property
    def beside(self) -> str:
        """The other picture, as `page.found` names it."""
        return f"render-{self.other}"


def knobs_of(recipe: MyPicture) -> Knobs:
    """A pure knob for each attribute, in all layers."""
    return attribute_knobs(recipe, tuple(range(opened(recipe.model).slots)), WAY)
