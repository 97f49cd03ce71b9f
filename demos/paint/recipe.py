"""A painted picture is a recipe too: the picture, the region, how its knobs are found, and how far each is turned.

One record makes the picture, its link, code, notebook and PNG. Numbers are checked where Steer's are, by its Recipe.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from core import zoo
from core.cache import cached
from core.factorization.region import FURTHEST, KNOBS, REACH, STEP, TRIED
from core.parts import AROUND, PARTS, has_parts, offered, part_names, read_parts
from core.regions import CODED, Box, from_text, resized, to_text

from ..page import picture as recipes
from ..page.export import Code, drawing_code
from ..page.fields import RecipeError, amounts_field, checked, choice_field, flag_field, quoted, whole, whole_field
from ..page.found import own_field
from ..page.paste import FAR, OWN, SEED, SIZES, TURN
from ..page.picture import LARGEST_SEED, PictureRecipe, layers_field, untouched
from ..page.sources import code_lines, directions_field, reading_field
from ..page.words import texts

WORDS, TEMPLATES = (texts(Path(__file__).with_name(name)) for name in ("words", "templates"))
METHODS, SAYS, CONTROLS = WORDS["methods"], WORDS["says"], WORDS["controls"]
MIDDLE, CORNER = (to_text(box.mask(CODED)) for box in (Box(0.35, 0.35, 0.65, 0.65), Box(0.0, 0.0, 0.15, 0.15)))
LARGEST_WEIGHT = 2.0  # from 1 on the sparse part is 0: the search goes no further either


# --- checks


def _region(region: object, recipe: PictureRecipe) -> str:
    names = part_names(recipe.model)
    if region == "":
        return default_region(recipe)
    if isinstance(region, str) and region in names:
        return region
    try:
        from_text(region)
    except ValueError as error:
        if isinstance(region, str) and re.fullmatch("[a-z ]{1,20}", region):
            why = SAYS["no_such_region" if names else "no_reader"]
            raise RecipeError(why.format(given=quoted(region), names=", ".join(names))) from None
        raise RecipeError(str(error)) from None
    return region


def _weight(value: object, _recipe: PictureRecipe) -> float:
    try:
        weight = float(f"{float(value):.4g}") if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        weight = math.nan
    if weight == 0 or 1e-4 <= weight <= LARGEST_WEIGHT:
        return weight + 0.0
    raise RecipeError(SAYS["lambda"].format(given=quoted(value), largest=LARGEST_WEIGHT))


def _size(value: object, recipe: PictureRecipe) -> int:
    resolution = zoo.card(recipe.model).resolution
    return whole(value, "the Jacobian's size (0: that of the picture)", 0, resolution) % resolution


# --- the recipe


@dataclass(frozen=True)
class Painted(
    PictureRecipe,
    tab="paint",
    what="a painted picture's recipe",
    give="give what the tab Paint wrote, with a model and a region",
    always=("model", "region"),
):
    """One picture with a region. A recipe that exists was checked; its part may still be missing.

    region: a part's name (of the part reader), the text of `core.regions.to_text`, or "" for the picture's default.
    method: a key of METHODS; directions, reading: of "file", see `sources.KnobSet`. lam: weight of the sparse part, 0:
    searched for. forbid: are changes outside forbidden? size: pixels a side of the Jacobian, 0: all of them. amounts:
    KNOBS numbers from -6 to 6, in steps; one step changes the region by 0.05 (RMS, values in [-1, 1]) at first order.
    knob: the chosen one, counted from 0. task: what the second brush does with the region, of `page.paste`: taken from
    picture number `other`, from held-out render `other`, from the visitor's own picture `own`, moved, or removed;
    depth: so many layers run before, 0: the usual; dy, dx: how far it is moved, in pixels of 64, downwards and to the
    right; rotate: degrees, counter-clockwise; grow: per cent of its size; mirror: left and right change sides. See
    `paste`.
    """

    layers: str = layers_field()
    region: str = checked(_region, "", "a part's name, or a region as core.regions.to_text writes it")
    method: str = choice_field("method", METHODS, control=CONTROLS["method"])
    lam: float = checked(_weight, 0.0, SAYS["lambdas"], type=float, control=CONTROLS["lam"])
    forbid: bool = flag_field("changes outside are forbidden", default=True)
    size: int = checked(_size, 0, "pixels a side of the Jacobian, 0: all of them", type=int)
    amounts: tuple[float, ...] = amounts_field(KNOBS, lambda _: REACH, "4,0,-2")
    knob: int = whole_field("the chosen knob, counted from 0,", 0, KNOBS - 1)
    directions: str = directions_field()
    reading: str = reading_field(KNOBS, knob=0)
    task: str = choice_field("what is done with the region", CONTROLS["task"]["options"], control=CONTROLS["task"])
    other: int = whole_field("the other picture", 0, LARGEST_SEED, default=1, control=CONTROLS["other"])
    depth: int = whole_field("the layers that run before", 0, 99, control=CONTROLS["depth"])
    own: str = own_field("Paint")
    dy: int = whole_field("how far down", -FAR, FAR, control=CONTROLS["dy"])
    dx: int = whole_field("how far right", -FAR, FAR, control=CONTROLS["dx"])
    rotate: int = whole_field("how far it is rotated", -TURN, TURN, control=CONTROLS["rotate"])
    grow: int = whole_field("its size", *SIZES, default=100, control=CONTROLS["grow"])
    mirror: bool = flag_field("Mirror it", default=False, control=CONTROLS["mirror"])

    @property
    def of_part(self) -> bool:
        """Is the region a part's name?"""
        return self.region in part_names(self.model)

    @property
    def way(self) -> str:
        return self.method

    @property
    def stance(self) -> str:
        """How its knobs treat the rest, a key of the words' `rules` and `elsewhere`: ReSeFa weighs, others forbid."""
        if self.method == "file":
            return ("lifted", "spares")[self.forbid]
        return ("ignores", "weighs")[self.forbid] if self.method == "resefa" else ("lifted", "forbids")[self.forbid]

    def say(self, key: str, **values: object) -> str:
        """A sentence of words.toml, filled with values and with what the recipe knows itself."""
        name = called(self)
        own = dict(name=name, Name=name.capitalize(), moves=verb(self), changes=verb(self, "changes"))
        own |= dict(region=self.region, which=self.which, number=self.knob + 1, method=METHODS[self.method])
        own |= dict(rule=WORDS["rules"][self.stance], step=STEP, end=FURTHEST / 2, tried=TRIED)
        return SAYS[key].format(**(own | values))

    def told(self) -> str:
        return self.say("told")

    def shared(self) -> Painted:
        others = dict(method="lowrank") if self.method == "file" else {}
        return replace(super().shared(), own="", task=SEED if self.task == OWN else self.task, **others)

    def link_note(self) -> str:
        return " ".join(filter(None, [super().link_note(), SAYS["link_note"] * (self.method == "file")]))

    def plain(self) -> Painted:
        return Painted(self.model, region=self.region)


# --- the region


def default_region(recipe: PictureRecipe) -> str:
    """The mouth; of a picture without one its largest part, or its middle where no reader knows parts."""
    names = part_names(recipe.model)
    if not names or PARTS[0] in names:
        return names[0] if names else MIDDLE
    there = {name: int(mask.sum()) for name, mask in parts_of(recipe).items() if name not in AROUND}
    return max(there, key=there.__getitem__, default=names[0])


def parts_of(recipe: PictureRecipe) -> dict[str, Tensor]:
    """The parts that are on this picture, [R, R] bool each; none where there is no part reader."""
    return _parts(untouched(recipe), zoo.weights_hash(recipe.model))


@cached(64)
def _parts(recipe: PictureRecipe, _weights: str) -> dict[str, Tensor]:
    return read_parts(recipe.model, recipes.render(recipe))[0] if has_parts(recipe.model) else {}


def mask_of(recipe: Painted) -> Tensor:
    """[h, w] bool: the part on this very picture, or what was painted (64 x 64).

    Raises RecipeError for a missing part.
    """
    if not recipe.of_part:
        return from_text(recipe.region)
    there = parts_of(recipe)
    if recipe.region not in there:
        raise RecipeError(recipe.say("no_part", others=", ".join(offered(recipe.model, there))))
    return there[recipe.region]


def full_mask(recipe: Painted) -> Tensor:
    """`mask_of` at the picture's size, [R, R]."""
    return resized(mask_of(recipe), zoo.card(recipe.model).resolution)


def crop_of(model: str) -> float:
    """Share of the rows that the page leaves out above, and below."""
    card = zoo.card(model)
    return card.crop / card.resolution


def called(recipe: Painted) -> str:
    """The region in a sentence: "the mouth", "what was painted"."""
    if recipe.of_part:
        return f"the {recipe.region}"
    known = {MIDDLE: "the middle of the picture", CORNER: "the upper left corner"}
    return known.get(recipe.region, "what was painted")


def verb(recipe: Painted, name: str = "moves") -> str:
    """The verb that goes with `called`: the mouth moves, the eyes move."""
    return name[:-1] if recipe.region in WORDS["plural"] else name


# --- code


def code_of(recipe: Painted, amounts: Sequence[float]) -> Code:
    """The lines that make the region's directions; `amounts`: of the method's own directions, in steps."""
    generator, (drawer, _) = recipes.opened(recipe.model), drawing_code(recipe)
    way = "lowrank" if recipe.method != "resefa" else "resefa" if recipe.forbid else "inside"
    ways = (way,) if recipe.method != "file" else ("restricted",) if recipe.forbid else ()
    names = ("part" if recipe.of_part else "painted", "grams", *ways, "steps")
    chosen = [TEMPLATES["code"][name] for name in names]
    values = dict(drawer=drawer, world=zoo.card(recipe.model).world, region=recipe.region, step=STEP)
    values |= dict(
        slots=f", slots={recipes.slots_of(recipe)}" if recipe.layers != "all" else "",
        size=f", size={recipe.size}" if recipe.size else "",
        weight=f", lam={recipe.lam:.10g}" if recipe.lam else "",
        which="directions" if recipe.forbid else "unprojected",
        count=min(TRIED, len(range(generator.dim)[generator.movable])),
        amounts=[round(amount, 3) for amount in amounts],
        **TEMPLATES["official" if recipe.method == "official" else "as_in_the_paper"],
    )
    lines = [line for one in chosen for line in one["lines"].format(**values).splitlines()]
    imports, own = code_lines(recipe) if recipe.method == "file" else ([], [])
    return Code([*imports, *(line for one in chosen for line in one["imports"])], [*own, *lines])
