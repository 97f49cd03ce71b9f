"""A picture of Steer is a recipe: a picture, where its knobs come from, and how far each is turned; never a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from torch import Tensor

from core.evidence import recorded

from ..page import knobs
from ..page.fields import Fields, RecipeError, amounts_field, recipe_of_link, whole_field
from ..page.picture import alt_text as picture_alt_text
from ..page.picture import reach_of
from ..page.sources import KNOBS, METHODS, KnobSet, directions_of, origin
from ..page.verdicts import knobs_of
from ..page.words import signed

COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


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


Fields.of_tab["steer"] = Recipe  # its links need not name the tab, but may


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


# --- its words


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


def first_sentence(recipe: Recipe) -> str:
    """The sentence over the tab: where the knobs on screen come from. Raises RecipeError where their file is gone."""
    count = len(directions_of(recipe)[0])
    these = "This knob" if count == 1 else f"These {COUNTS[count]} knobs"
    was = "was" if count == 1 else "were"
    if recipe.method == "file":
        return _from_file(recipe, these, was)
    turns = "turns" if count == 1 else "turn"
    where = "" if recipe.layers == "all" else f", and {turns} only in {_layers(recipe.layers)}"
    if recipe.method == "random":
        return f"{these} {was} drawn at random{where}: any method has to beat {'it' if count == 1 else 'them'}."
    if recipe.method == "ganspace":
        return (
            f"{these} {was} found in 10,000 of the network’s own codes, which vary most along them{where}; "
            "nobody labelled anything."
        )
    return f"{these} {was} read off {_weights(recipe)} {_when(recipe)}; nobody labelled anything."


def _from_file(recipe: Recipe, these: str, was: str) -> str:
    try:
        made = recipe_of_link(dict(parse_qsl(origin(recipe)))) if origin(recipe) else None
    except RecipeError:
        made = None
    if made is None or made.model != recipe.model or not made.told():
        it_was = "it was" if was == "was" else "they were"
        return f"{these} {was} read from a file: how {it_was} made, this page does not know."
    return f"{these} came from {made.told()}."


def _layers(layers: str) -> str:
    return f"layers {layers}" if layers[0].isdigit() else f"the {layers} layers"


def _weights(recipe: Recipe) -> str:
    """Which weights SeFa read, and how where it was not as in the paper."""
    of = "the network’s weights" if recipe.layers == "all" else f"the weights of {_layers(recipe.layers)}"
    return of if recipe.mode == "paper" else f"{of}, as the published code does,"


def _when(recipe: Recipe) -> str:
    """How long that took where it was measured: with all layers, as the paper says."""
    known = (recorded(recipe.model) or {}).get("eigen_milliseconds")
    if known and recipe.layers == "all" and recipe.mode == "paper":
        return f"in {known:.1f} milliseconds"
    return "by one line of linear algebra"
