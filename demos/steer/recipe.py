"""A picture of Steer is a recipe: a picture, where its knobs come from, and how far each is turned; never a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ..page import knobs
from ..page.fields import amounts_field, whole_field
from ..page.picture import alt_text as picture_alt_text
from ..page.picture import reach_of
from ..page.sources import KNOBS, METHODS, KnobSet
from ..page.verdicts import knobs_of
from ..page.words import signed


@dataclass(frozen=True)
class Recipe(KnobSet, tab="", what="a recipe of a picture", give="give what the page wrote, with a model and a seed"):
    """One picture of Steer. A recipe that exists can be drawn: everything is checked when it is made.

    amounts: KNOBS numbers, in standard deviations of w . v, each within the card's reach; fewer are filled up with 0.
    knob: the chosen one, counted from 0.
    """

    amounts: tuple[float, ...] = amounts_field(KNOBS, reach_of, "1.5,0,-2")
    knob: int = whole_field("the chosen knob, counted from 0,", 0, KNOBS - 1)

    def shared(self) -> Recipe:
        return replace(self, method="sefa") if self.method == "file" else self

    def link_note(self) -> str:
        if self.method != "file":
            return ""
        return "A link cannot hold your file of directions: it opens the same settings with SeFa."


def turned(recipe: Recipe, knob: int, amount: float) -> Recipe:
    """The recipe with one knob, counted from 0, at another amount."""
    return replace(recipe, amounts=recipe.amounts[:knob] + (amount,) + recipe.amounts[knob + 1 :])


def render(recipe: Recipe, *, quick: bool = False) -> Tensor:
    """The picture [1, 3, R, R], nominally in [-1, 1]; `quick`: as the page draws it, see `pace.quick`.

    Raises RecipeError where its file of directions is gone.
    """
    return render_strip(recipe, [recipe.amounts[recipe.knob]], quick=quick)


def render_strip(recipe: Recipe, amounts: Sequence[float], *, quick: bool = False) -> Tensor:
    """[len(amounts), 3, R, R]: the picture with the chosen knob at each amount, the others as they stand."""
    settings = [turned(recipe, recipe.knob, amount).amounts for amount in amounts]
    return knobs.render(recipe, knobs_of(recipe), settings, quick=quick)


def alt_text(recipe: Recipe, titles: Sequence[str] = ()) -> str:
    """What the picture shows and how it was made, for those who do not see it; `titles`: what each knob does."""
    parts = [picture_alt_text(recipe)]
    for i, amount in enumerate(recipe.amounts):
        if amount:
            title = f" ({titles[i]})" if i < len(titles) and titles[i] else ""
            parts.append(f"knob {i + 1}{title} at {signed(amount)}")
    if not any(recipe.amounts):
        return f"{parts[0]}, no knob moved"
    if recipe.layers != "all":
        parts.append(f"only layers {recipe.layers}" if recipe.layers[0].isdigit() else f"only {recipe.layers} layers")
    if recipe.method != "sefa":
        parts.append(f"knobs from {METHODS[recipe.method]}")
    return ", ".join(parts)


def told(recipe: Recipe, found: knobs.Knobs) -> Mapping[str, str]:
    """The words for a picture; under it those that need no measuring."""
    return dict(alt=alt_text(recipe, found.titles), caption=alt_text(recipe))
