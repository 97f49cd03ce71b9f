"""A painted picture is a recipe too: the picture, the region, how its knobs are found, and how far each is turned.

One record makes the picture, its link, code, notebook and PNG. Numbers are checked where Steer's are, by its Recipe.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from core import zoo
from core.factorization.lowrank import OFFICIAL_LAMBDA
from core.factorization.region import KNOBS, REACH, STEP, TRIED
from core.parts import AROUND, PARTS, has_parts, part_names, read_parts
from core.regions import CODED, Box, from_text, resized, to_text

from ..page import picture as recipes
from ..page.cache import cached
from ..page.export import Code, drawing_code
from ..page.fields import RecipeError, amounts_field, checked, choice_field, flag_field, quoted, whole, whole_field
from ..page.picture import PictureRecipe, layers_field, untouched

PLURAL = ("eyes", "glasses", "brows", "ears", "legs", "arms", "leaves", "petals")
METHODS = {"lowrank": "LowRankGAN", "resefa": "ReSeFa", "official": "LowRankGAN as published"}
WAYS = {name: dict(method=name) for name in METHODS}  # of the control: the field that each sets
MIDDLE, CORNER = Box(0.35, 0.35, 0.65, 0.65), Box(0.0, 0.0, 0.15, 0.15)
LARGEST_WEIGHT = 2.0  # from 1 on the sparse part is 0: the search goes no further either


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
    method: a key of METHODS. lam: weight of the sparse part, 0: searched for. forbid: are changes outside forbidden?
    size: pixels a side of the Jacobian, 0: all of them. amounts: KNOBS numbers from -6 to 6, in steps; one step changes
    the region by 0.05 (RMS, values in [-1, 1]) at first order. knob: the chosen one, counted from 0.
    """

    layers: str = layers_field()
    region: str = checked(
        lambda value, recipe: _region(value, recipe),
        "",
        "a part's name, or a region as core.regions.to_text writes it",
    )
    method: str = choice_field(
        "method",
        METHODS,
        control=dict(kind="ways", word="method", options={name: dict(method=name) for name in METHODS}),
    )
    lam: float = checked(
        lambda value, _: _weight(value),
        0.0,
        f"lambda from 0.0001 to {LARGEST_WEIGHT:g}, 0: searched for",
        type=float,
        control=dict(kind="text", word="lambda", empty=0, placeholder="searched for"),
    )
    forbid: bool = flag_field("changes outside are forbidden", default=True)
    size: int = checked(
        lambda value, recipe: _size(value, zoo.card(recipe.model).resolution),
        0,
        "pixels a side of the Jacobian, 0: all of them",
        type=int,
    )
    amounts: tuple[float, ...] = amounts_field(KNOBS, lambda _: REACH, "4,0,-2")
    knob: int = whole_field("the chosen knob, counted from 0,", 0, KNOBS - 1)

    def told(self) -> str:
        return f"Paint: made by {METHODS[self.method]} for {called(self)} of picture number {self.seed}"

    def plain(self) -> Painted:
        return Painted(self.model, region=self.region)


def _size(value: object, resolution: int) -> int:
    return whole(value, "the Jacobian's size (0: that of the picture)", 0, resolution) % resolution


def _region(region: object, recipe: PictureRecipe) -> str:
    model = recipe.model
    if region == "":
        return default_region(recipe)
    if isinstance(region, str) and region in part_names(model):
        return region
    try:
        from_text(region)
    except ValueError as error:
        names = part_names(model)
        if isinstance(region, str) and re.fullmatch("[a-z ]{1,20}", region):
            known = (
                f"choose {', '.join(names)}, or paint a region"
                if names
                else ("this network has no part reader: paint a region")
            )
            raise RecipeError(f"the region cannot be {quoted(region)}: {known}") from None
        raise RecipeError(str(error)) from None
    return region


def _weight(value: object) -> float:
    try:
        weight = float(f"{float(value):.4g}") if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        weight = math.nan
    if weight == 0 or 1e-4 <= weight <= LARGEST_WEIGHT:
        return weight + 0.0
    raise RecipeError(
        f"lambda cannot be {quoted(value)}: give a number from 0.0001 to {LARGEST_WEIGHT:g}, "
        "or 0 to have it searched for"
    )


# --- the region


def offered(model: str, there: Collection[str]) -> list[str]:
    """Those of the parts on a picture that get a button: of a face the well-known ones."""
    names = part_names(model)
    return [name for name in (PARTS if PARTS[0] in names else names) if name in there]


def default_region(recipe: PictureRecipe) -> str:
    """The mouth; of a picture without one its largest part, or its middle where no reader knows parts."""
    names = part_names(recipe.model)
    if not names or PARTS[0] in names:
        return names[0] if names else _middle()
    there = {name: int(mask.sum()) for name, mask in parts_of(recipe).items() if name not in AROUND}
    return max(there, key=there.__getitem__, default=names[0])


def _middle() -> str:
    return to_text(MIDDLE.mask(CODED))


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
    if recipe.region not in part_names(recipe.model):
        return from_text(recipe.region)
    there = parts_of(recipe)
    if recipe.region not in there:
        others = offered(recipe.model, there)
        raise RecipeError(
            f"the part reader finds no {recipe.region} on this picture: "
            f"choose {', '.join(others)}, another picture, or paint a region"
        )
    return there[recipe.region]


def corner() -> str:
    """The text of a small region in which most pictures show nothing in particular."""
    return to_text(CORNER.mask(CODED))


def full_mask(recipe: Painted) -> Tensor:
    """`mask_of` at the picture's size, [R, R]."""
    return resized(mask_of(recipe), zoo.card(recipe.model).resolution)


def crop_of(model: str) -> float:
    """Share of the rows that the page leaves out above, and below."""
    card = zoo.card(model)
    return card.crop / card.resolution


def called(recipe: Painted) -> str:
    """The region in a sentence: "the mouth", "what was painted"."""
    if recipe.region in part_names(recipe.model):
        return f"the {recipe.region}"
    known = {_middle(): "the middle of the picture", corner(): "the upper left corner"}
    return known.get(recipe.region, "what was painted")


def verb(recipe: Painted, name: str = "moves") -> str:
    """The verb that goes with `called`: the mouth moves, the eyes move."""
    return name[:-1] if recipe.region in PLURAL else name


# --- code


def code_of(recipe: Painted, amounts: Sequence[float]) -> Code:
    """The lines that make the region's directions; `amounts`: of the method's own directions, in steps."""
    world, part = zoo.card(recipe.model).world, recipe.region in part_names(recipe.model)
    solver = "resefa import resefa_of" if recipe.method == "resefa" else "lowrank import lowrank_of"
    imports = [
        "from core.factorization.jacobian import grams",
        "from core.zoo import load_part_reader" if part else "from core.regions import from_text",
    ]
    if recipe.method == "resefa" and not recipe.forbid:
        imports += ["import torch", "from core.codes import Directions"]
    else:
        imports.append(f"from core.factorization.{solver}")
    drawer, _ = drawing_code(recipe)
    read = [
        f'reader = load_part_reader("{world}")',
        f"parts = reader.masks({drawer}(codes).clamp(-1, 1))[0]",
        f'region = parts[reader.names.index("{recipe.region}")]',
    ]
    more = "".join(
        [
            f", slots={recipes.slots_of(recipe)}" if recipe.layers != "all" else "",
            f", size={recipe.size}" if recipe.size else "",
            ', colours="mean"' if recipe.method == "official" else "",
        ]
    )
    lines = [
        *(read if part else [f'region = from_text("{recipe.region}")']),
        f"found = grams({drawer}, codes, region{more})",
        *_directions(recipe),
        "energy = (directions.vectors @ found.inside * directions.vectors).sum(1)",
        f"steps = ({STEP} / energy.sqrt()).tolist()   # one step changes the region by {STEP} (RMS)",
        f"amounts = {[round(amount, 3) for amount in amounts]}",
    ]
    return Code(imports, lines)


def _directions(recipe: Painted) -> list[str]:
    generator = recipes.opened(recipe.model)
    count = min(TRIED, len(range(generator.dim)[generator.movable]))
    if recipe.method == "resefa" and recipe.forbid:
        return [f"directions = resefa_of(found, k={count}).directions"]
    if recipe.method == "resefa":
        return [
            "values, vectors = torch.linalg.eigh(found.inside)          # nothing is said of the outside",
            f"directions = Directions(vectors.flip(1)[:, :{count}].T, values.flip(0)[:{count}], found.slots)",
        ]
    mode = ', mode="official"' if recipe.method == "official" else ""
    weight = f", lam={recipe.lam:.10g}" if recipe.lam else ""
    which = "directions" if recipe.forbid else "unprojected"
    return [f"directions = lowrank_of(found{mode}{weight}).{which}"]


def weights_around(lam: float) -> Iterator[float]:
    """Values of lambda to compare: a quarter, half, itself, double, and the published 1/60."""
    yield from sorted({float(f"{value:.4g}") for value in (lam / 4, lam / 2, lam, 2 * lam, OFFICIAL_LAMBDA)})
