"""A picture of Steer is a recipe: a picture, where its knobs come from, and how far each is turned; never a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

from torch import Tensor

from core import zoo
from core.evidence import recorded
from core.factorization.methods import METHODS

from ..page import knobs, words
from ..page.export import STEP_IMPORT, Code, step_line
from ..page.fields import Fields, RecipeError, amounts_field, recipe_of_link, whole_field
from ..page.picture import alt_text as picture_alt_text
from ..page.picture import reach_of
from ..page.sources import KNOBS, KnobSet, code_lines, directions_of, origin, reading_of, uploaded
from ..page.sources import METHODS as NAMED
from ..page.verdicts import knobs_of

TEXTS = words.texts(Path(__file__).with_name("texts"))


@dataclass(frozen=True)
class Recipe(KnobSet, tab="", what=TEXTS["recipe"]["what"], give=TEXTS["recipe"]["give"]):
    """One picture of Steer. A recipe that exists can be drawn: everything is checked when it is made.

    amounts: KNOBS numbers, in standard deviations of w . v, each within the card's reach; fewer are filled up with 0.
    knob: the chosen one, counted from 0.
    """

    amounts: tuple[float, ...] = amounts_field(KNOBS, reach_of, "1.5,0,-2")
    knob: int = whole_field("the chosen knob, counted from 0,", 0, KNOBS - 1)

    def shared(self) -> Recipe:
        return replace(super().shared(), **(dict(method="sefa") if self.method == "file" else {}))

    def link_note(self) -> str:
        return " ".join(filter(None, [super().link_note(), TEXTS["recipe"]["note"] * (self.method == "file")]))


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
    parts = [picture_alt_text(recipe), *words.moved_knobs(recipe.amounts, titles)]
    if not any(recipe.amounts):
        return f"{parts[0]}, no knob moved"
    if recipe.layers != "all":
        parts.append(f"only {layers_in_words(recipe.layers).removeprefix('the ')}")
    if recipe.method != "sefa":
        parts.append(f"knobs from {NAMED[recipe.method]}")
    return ", ".join(parts)


def told(recipe: Recipe, found: knobs.Knobs) -> Mapping[str, str]:
    """The words for a picture; under it those that need no measuring, and where its knobs come from."""
    said = alt_text(recipe)
    return dict(alt=alt_text(recipe, found.titles), caption=f"{said[:1].upper()}{said[1:]}. {came_from(recipe)}")


def headline(recipe: Recipe) -> str:
    """The sentence over the tab: what this is; of other knobs than the network's own, where they come from."""
    if recipe.method in ("random", "file"):
        return came_from(recipe)
    card, noun = zoo.card(recipe.model), recipe.label_name or "face"
    if not (card.world or card.faces):
        return TEXTS["headline"]["unknown"]
    kind = "found" if recipe.found else "classes" if card.classes else "world"
    return TEXTS["headline"][kind].format(noun=noun, which=recipe.which.partition(",")[0])


def came_from(recipe: Recipe) -> str:
    """Where the knobs on screen come from. Raises RecipeError where their file is gone."""
    count, came = len(directions_of(recipe)[0]), _origin(recipe) if recipe.method == "file" else ""
    said = TEXTS["one_knob"] if count == 1 else dict(TEXTS["knobs"], these=f"These {TEXTS['counts'][count]} knobs")
    where = "" if recipe.layers == "all" else f", and {said['turns']} only in {layers_in_words(recipe.layers)}"
    of_file = TEXTS["sentence"]["file" if came else "unknown"]
    template = of_file if recipe.method == "file" else METHODS[recipe.way].came
    read = reading_of(recipe) if recipe.method == "file" else None
    how = TEXTS["sentence"]["read"][read.reading] if read and read.note else ""
    about = dict(read=how, where=where, origin=came, weights=_weights(recipe))
    about |= dict(when=_when(recipe), reach=reach_of(recipe))
    return template.format(**said, **about)


def _origin(recipe: Recipe) -> str:
    """Where the directions of its file come from, in words; "" where the file does not say, or of another network."""
    try:
        made = recipe_of_link(dict(parse_qsl(origin(recipe)))) if origin(recipe) else None
    except RecipeError:
        made = None
    return made.told() if made and made.model == recipe.model else ""


def layers_in_words(layers: str) -> str:
    if layers == "all":
        return "all layers"
    many = "s" * (not layers.isdigit())
    return f"layer{many} {layers}" if layers[0].isdigit() else f"the {layers} layers"


def _weights(recipe: Recipe) -> str:
    """Which weights SeFa read, and how where it was not as in the paper."""
    of = "the network’s weights" if recipe.layers == "all" else f"the weights of {layers_in_words(recipe.layers)}"
    return of if recipe.mode == "paper" else f"{of}, as the published code does,"


def _when(recipe: Recipe) -> str:
    """How long that took where it was measured: with all layers, as the paper says."""
    known = (recorded(recipe.model) or {}).get("eigen_milliseconds")
    if known and recipe.layers == "all" and recipe.mode == "paper":
        return f"in {known:.1f} milliseconds"
    return "by one line of linear algebra"


# --- its code


def code_of(recipe: Recipe) -> Code:
    """The lines that make `directions`, `steps` and `amounts`. A file of directions must lie beside them."""
    imports, lines = code_lines(recipe)
    k = KNOBS if recipe.method == "file" and uploaded(recipe) is None else len(directions_of(recipe)[0])
    last = max([i for i, amount in enumerate(recipe.amounts) if amount], default=0)
    amounts = list(recipe.amounts[: 1 + max(last, min(recipe.knob, k - 1))])
    return Code([STEP_IMPORT, *imports], [*lines, step_line(recipe), f"amounts = {amounts}"])
