"""A painted picture is a recipe too: the picture, the region, how its knobs are found, and how far each is turned.

One record makes the picture, its link, code, notebook and PNG. Numbers are checked where Steer's are, by its Recipe.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from urllib.parse import urlencode

import torch
from torch import Tensor

from core import zoo
from core.factorization.lowrank import OFFICIAL_LAMBDA
from core.regions import CODED, Box, from_text, resized, to_text

from ..page import picture as recipes
from ..page.export import SET_UP, STRIP, drawing_code, label_code, notebook_of, opening
from ..page.fields import VERSION, RecipeError, choice, in_a_link, number, quoted, read_link, read_recipe, whole
from ..page.picture import REPOSITORY, Recipe

TAB = "paint"
KNOBS = 4
REACH = 6.0  # steps, at most
STEP = 0.05  # RMS change inside that one step makes, at first order; a picture's values are in [-1, 1]
PARTS = ("mouth", "eyes", "hair", "glasses", "background", "shirt")  # of a face, offered in this order
AROUND = ("background", "floor")  # of an object everything is offered, and these last
PLURAL = ("eyes", "glasses", "brows", "ears", "legs", "arms", "leaves", "petals")
METHODS = {"lowrank": "LowRankGAN", "resefa": "ReSeFa", "official": "LowRankGAN as published"}
MIDDLE, CORNER = Box(0.35, 0.35, 0.65, 0.65), Box(0.0, 0.0, 0.15, 0.15)
TRIED = 20  # directions of ReSeFa that are looked at, and of SeFa and chance that they are compared with
LEAST = 8  # pixels of 64 x 64 that a part must cover to be offered
LARGEST_WEIGHT = 2.0  # from 1 on the sparse part is 0: the search goes no further either


@dataclass(frozen=True)
class Painted:
    """One picture with a region; plain values only. A recipe that exists was checked; its part may still be missing.

    model, seed, psi, label, layers: as in demos.page.picture.Recipe. region: a part's name (of the part reader), the
    text of `core.regions.to_text`, or "" for the picture's default. method: a key of METHODS. lam: weight of the sparse
    part, 0: searched for. forbid: are changes outside forbidden? size: pixels a side of the Jacobian, 0: all of them.
    amounts: KNOBS numbers from -6 to 6, in steps; one step changes the region by 0.05 (RMS, values in [-1, 1]) at first
    order. knob: the chosen one, counted from 0. Numbers may be given as text. Raises RecipeError.
    """

    model: str
    seed: int = 0
    psi: float = 0.7
    region: str = ""
    method: str = "lowrank"
    lam: float = 0.0
    forbid: bool = True
    layers: str = "all"
    size: int = 0
    amounts: tuple[float, ...] = (0.0,) * KNOBS
    knob: int = 0
    label: int = 0

    def __post_init__(self):
        base = Recipe(self.model, seed=self.seed, psi=self.psi, label=self.label, layers=self.layers)
        resolution = zoo.card(base.model).resolution
        checked = dict(
            {name: getattr(base, name) for name in ("seed", "psi", "label", "layers")},
            region=_region(self.region, base),
            method=choice(self.method, "method", METHODS),
            lam=_weight(self.lam),
            forbid=_yes(self.forbid),
            size=whole(self.size, "the Jacobian's size (0: that of the picture)", 0, resolution) % resolution,
            amounts=_amounts(self.amounts),
            knob=whole(self.knob, "the chosen knob, counted from 0,", 0, KNOBS - 1),
        )
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def base(self) -> Recipe:
        """The picture that nothing has moved."""
        return Recipe(self.model, seed=self.seed, psi=self.psi, label=self.label, layers=self.layers)

    @property
    def label_or_none(self) -> int | None:
        """What `generator.codes` takes: None where the model has no classes."""
        return recipes.label_of(self.base)


FIELDS = tuple(field.name for field in fields(Painted))


def _region(region: object, base: Recipe) -> str:
    model = base.model
    if region == "":
        return default_region(base)
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


def _yes(value: object) -> bool:
    known = {True: True, False: False, "1": True, "0": False, "True": True, "False": False}
    if isinstance(value, (bool, str)) and value in known:
        return known[value]
    raise RecipeError(f"changes outside are forbidden (1) or not (0), not {quoted(value)}: give 1 or 0")


def _amounts(amounts: object) -> tuple[float, ...]:
    if not isinstance(amounts, (list, tuple)) or len(amounts) > KNOBS:
        raise RecipeError(
            "these are not the knobs' amounts: "
            f"give at most {KNOBS} numbers from {-REACH:g} to {REACH:g}, such as 4,0,-2"
        )
    checked = [number(amount, f"knob {i + 1}", -REACH, REACH) for i, amount in enumerate(amounts)]
    return tuple(checked + [0.0] * (KNOBS - len(checked)))


# --- the region


def has_parts(model: str) -> bool:
    """Is there a part reader for the network's world, trained at its size?"""
    card = zoo.card(model)
    path = zoo.WEIGHTS / f"{card.world}-parts.safetensors"
    return bool(card.world) and path.exists() and zoo.load_part_reader(card.world).resolution == card.resolution


def part_names(model: str) -> tuple[str, ...]:
    """All that the part reader tells apart, the offered ones first; none without a reader."""
    if not (isinstance(model, str) and model in {**zoo.CARDS, **zoo.HUB_CARDS} and has_parts(model)):
        return ()
    names = zoo.load_part_reader(zoo.card(model).world).names
    first = PARTS if PARTS[0] in names else [name for name in names if name not in AROUND]
    return (*(name for name in first if name in names), *(name for name in names if name not in first))


def offered(model: str, there: Collection[str]) -> list[str]:
    """Those of the parts on a picture that get a button: of a face the well-known ones."""
    names = part_names(model)
    return [name for name in (PARTS if PARTS[0] in names else names) if name in there]


def default_region(base: Recipe) -> str:
    """The mouth; of a picture without one its largest part, or its middle where no reader knows parts."""
    names = part_names(base.model)
    if not names or PARTS[0] in names:
        return names[0] if names else _middle()
    there = {
        name: int(mask.sum())
        for name, mask in _parts(base.model, zoo.weights_hash(base.model), base).items()
        if name not in AROUND
    }
    return max(there, key=there.__getitem__, default=names[0])


def _middle() -> str:
    return to_text(MIDDLE.mask(CODED))


def parts_of(recipe: Painted) -> dict[str, Tensor]:
    """The parts that are on this picture, [R, R] bool each; none where there is no part reader."""
    return _parts(recipe.model, zoo.weights_hash(recipe.model), recipe.base)


@lru_cache(maxsize=64)
def _parts(model: str, _weights: str, base: Recipe) -> dict[str, Tensor]:
    if not has_parts(model):
        return {}
    return read_parts(model, recipes.render(base))[0]


@torch.no_grad()
def read_parts(model: str, images: Tensor) -> list[dict[str, Tensor]]:
    """Of each of the images [n, 3, R, R] in [-1, 1]: the parts that it shows."""
    reader = zoo.load_part_reader(zoo.card(model).world)
    masks = reader.masks(images.clamp(-1, 1)).cpu()
    least = LEAST * (images.shape[-1] / 64) ** 2
    found = [{name: one[reader.names.index(name)] for name in part_names(model)} for one in masks]
    return [{name: mask for name, mask in parts.items() if mask.sum() >= least} for parts in found]


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
    """The same at the picture's size, [R, R]."""
    return resized(mask_of(recipe), zoo.card(recipe.model).resolution)


def called(recipe: Painted) -> str:
    """The region in a sentence: "the mouth", "what was painted"."""
    if recipe.region in part_names(recipe.model):
        return f"the {recipe.region}"
    known = {_middle(): "the middle of the picture", corner(): "the upper left corner"}
    return known.get(recipe.region, "what was painted")


def verb(recipe: Painted, name: str = "moves") -> str:
    """The verb that goes with `called`: the mouth moves, the eyes move."""
    return name[:-1] if recipe.region in PLURAL else name


# --- JSON, link


def as_dict(recipe: Painted) -> dict:
    """The recipe as plain JSON values, with the tab and the version: the one form behind link, notebook and PNG."""
    return dict(asdict(recipe), amounts=list(recipe.amounts), version=VERSION, tab=TAB)


def unread(model: str, psi: float) -> dict:
    """The plain recipe of a network that nobody has opened yet: its default region is found when it is."""
    plain = {field.name: field.default for field in fields(Painted) if field.name != "model"}
    return dict(plain, model=model, psi=psi, region="", amounts=[0.0] * KNOBS, version=VERSION, tab=TAB)


def from_json(data: str | bytes | Mapping) -> Painted:
    """The recipe of `as_dict`, or that as JSON; trusts nothing. Raises RecipeError."""
    return Painted(
        **read_recipe(
            data,
            FIELDS,
            "a painted picture's recipe",
            "give what the tab Paint wrote, with a model and a region",
            tab=TAB,
        )
    )


def to_query(recipe: Painted) -> dict[str, str]:
    """The link's parameters: tab, version, model and region always, the rest only where it is not the default."""
    plain = Painted(recipe.model, region=recipe.region)
    written = {
        name: in_a_link(getattr(recipe, name))
        for name in FIELDS
        if name in ("model", "region") or getattr(recipe, name) != getattr(plain, name)
    }
    return dict(tab=TAB, v=str(VERSION), **written)


def from_query(query: Mapping[str, str]) -> Painted:
    """The recipe of a link's parameters; what is missing is the default. Trusts nothing: raises RecipeError."""
    ours = read_link(query, FIELDS)
    if "amounts" in ours:
        ours["amounts"] = ours["amounts"].split(",")
    return Painted(**{"model": next(iter(zoo.CARDS), ""), **ours})


def link_for(recipe: Painted, page: str = REPOSITORY) -> str:
    """The address that opens this picture on `page`; under 1,000 characters."""
    return f"{page}?{urlencode(to_query(recipe), safe=',')}"


# --- code and notebook


def code_for(recipe: Painted, amounts: Sequence[float]) -> str:
    """Python that makes the picture when run in the repository's root;
    `amounts`: of the method's own directions, in steps.

    It ends with a file picture.png.
    """
    return "\n".join([*_imports(recipe), "", *_lines(recipe, amounts)]) + '\npicture.save("picture.png")\n'


def _imports(recipe: Painted) -> list[str]:
    reader, _ = opening(zoo.card(recipe.model))
    part = recipe.region in part_names(recipe.model)
    solver = "resefa import resefa_of" if recipe.method == "resefa" else "lowrank import lowrank_of"
    lines = [
        "from core.codes import edit",
        "from core.factorization.jacobian import grams",
        f"from core.factorization.{solver}",
        "from core.images import to_pil",
        reader,
        "from core.zoo import load_part_reader" if part else "from core.regions import from_text",
    ]
    if recipe.method == "resefa" and not recipe.forbid:
        others = (line for line in lines if "resefa" not in line)
        lines = ["import torch", "", *others, "from core.codes import Directions"]
    return sorted(lines, key=lambda line: (line.startswith("from core"), line))


def _lines(recipe: Painted, amounts: Sequence[float]) -> list[str]:
    generator, (_, expression) = recipes.opened(recipe.model), opening(zoo.card(recipe.model))
    base, world = recipe.base, zoo.card(recipe.model).world
    psi = f", psi={recipe.psi}" if generator.has_truncation else ""
    drawer, rows = drawing_code(base)
    part = recipe.region in part_names(recipe.model)
    read = [
        f'reader = load_part_reader("{world}")',
        f"parts = reader.masks({drawer}(codes).clamp(-1, 1))[0]",
        f'region = parts[reader.names.index("{recipe.region}")]',
    ]
    region = read if part else [f'region = from_text("{recipe.region}")']
    more = "".join(
        [
            f", slots={recipes.slots_of(base)}" if recipe.layers != "all" else "",
            f", size={recipe.size}" if recipe.size else "",
            ', colours="mean"' if recipe.method == "official" else "",
        ]
    )
    return [
        f"generator = {expression}",
        f"codes = generator.codes(generator.sample(1, seed={recipe.seed}){psi}{label_code(base)})",
        *region,
        f"found = grams({drawer}, codes, region{more})",
        *_directions(recipe),
        "energy = (directions.vectors @ found.inside * directions.vectors).sum(1)",
        f"steps = ({STEP} / energy.sqrt()).tolist()         "
        f"# a step changes the region by {STEP} (RMS), at first order",
        f"amounts = {[round(amount, 3) for amount in amounts]}",
        "edited = edit(codes, directions, [amount * step for amount, step in zip(amounts, steps)])",
        f"picture = to_pil({drawer}(edited){rows})[0]",
    ]


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


def notebook_for(recipe: Painted, amounts: Sequence[float], knob: int, row: Sequence[float], about: str) -> bytes:
    """A notebook that gets itself running, makes the picture, and draws the strip of one direction."""
    drawer, rows = drawing_code(recipe.base)
    code = "\n".join([*_imports(recipe), "", *_lines(recipe, amounts), "picture.resize((320, 320))"])
    card = zoo.card(recipe.model)
    parameters = "\n".join(f"| `{name}` | `{value}` |" for name, value in to_query(recipe).items())
    head = (
        f"# One picture of GANatomy, Paint\n\n{about} [Open the picture on the page]({link_for(recipe)}).\n\n"
        f"| parameter of the link | value |\n| --- | --- |\n{parameters}\n\n"
        f"Weights: {card.licence}, sha256 `{zoo.weights_hash(recipe.model)}`."
    )
    return notebook_of(
        [
            ("markdown", head),
            ("code", SET_UP),
            ("code", code),
            ("markdown", f"The same direction from {row[0]:g} to {row[-1]:g} steps, the others as above."),
            ("code", STRIP.format(knob=knob, row=list(row), drawer=drawer, rows=rows)),
        ]
    )


def weights_around(lam: float) -> Iterator[float]:
    """Values of lambda to compare: a quarter, half, itself, double, and the published 1/60."""
    yield from sorted({float(f"{value:.4g}") for value in (lam / 4, lam / 2, lam, 2 * lam, OFFICIAL_LAMBDA)})
