"""A picture is a recipe: a model's name, a seed, how far each knob is turned; never a tensor.

One record makes the picture, its link, its code, its notebook, its PNG and its alternative text, so none can disagree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from core import zoo
from core.checkpoints import native
from core.codes import Directions, edit
from core.codes import layer_groups as groups_of
from core.drawing import draw, prefix
from core.factorization.baseline import random_directions, spread_along
from core.factorization.files import load_directions
from core.factorization.ganspace import ganspace
from core.factorization.sefa import MODES, sefa
from core.generators.base import Generator, State
from core.images import to_pil, webp

from . import pace
from .cache import Cache, joined
from .classes import class_names, class_of
from .fields import (
    Fields,
    RecipeError,
    amounts_field,
    checked,
    choice_field,
    number_field,
    quoted,
    whole,
    whole_field,
)
from .words import signed

KNOBS = 10
LARGEST_SEED = 999_999_999
METHODS = {"sefa": "SeFa", "ganspace": "GANSpace", "random": "random directions", "file": "directions from a file"}
MOST_PICTURES = 128  # in one strip
LARGEST_STATES = 256 * 2**20  # bytes of layers' outputs that are kept
LARGEST_DIRECTIONS = 16 * 2**20  # bytes of directions that are kept
LARGEST_PICTURES = 64 * 2**20  # bytes of encoded pictures that are kept
NOUNS = {"portraits": "portrait", "objects": "object"}

Files = Mapping[str, "str | Path"]  # sha256 of an uploaded direction set -> where it lies on this machine


def checked_card(model: object) -> zoo.ModelCard:
    """Of a network that can be opened now. Raises RecipeError."""
    if isinstance(model, str) and model in zoo.CARDS:
        card = zoo.CARDS[model]
        if card.own and not card.path.is_file():
            raise RecipeError(
                f"the file {card.path.name} of this network is no longer there: put it back, or choose another network"
            )
        return card
    if isinstance(model, str) and model in zoo.HUB_CARDS:
        if zoo.openable(model) and zoo.is_here(model):
            return zoo.HUB_CARDS[model]
        remedy = (
            "it is not pinned, so it opens only after `python app.py --unpinned`"
            if not zoo.openable(model)
            else "choose it in the list of networks, which says its size and licence, and fetch it"
        )
        raise RecipeError(f"the model {model} is not on this machine yet: {remedy}")
    if not zoo.CARDS:
        raise RecipeError("there is no model here yet: put its weights into weights/ (weights/README.md says how)")
    raise RecipeError(f"the model cannot be {quoted(model)}: choose one of {', '.join(zoo.CARDS)}")


@dataclass(frozen=True)
class PictureRecipe(Fields):
    """A picture that a network draws from a number; the base of the recipes of all tabs that show one.

    model: a name in core.zoo.CARDS, or of a model of the Hub that was fetched. seed: 0 .. 999,999,999.
    psi: truncation of all layers, 0 .. 1, kept to a thousandth. label: the class drawn; 0 where the model has none.
    Numbers may be given as text. Raises RecipeError.
    """

    model: str = checked(lambda value, _: checked_card(value).name, MISSING, "name of the network")
    seed: int = whole_field("the seed", 0, LARGEST_SEED, control=dict(kind="whole", word="seed"))
    psi: float = number_field("the truncation", 0, 1, default=0.7, control=dict(kind="range", word="psi", step=0.05))
    label: int = checked(
        lambda value, recipe: _label(value, zoo.card(recipe.model)),
        0,
        "class drawn, by name or number; 0 where the network has none",
        type=int | str,
        control=dict(kind="text", word="label"),
    )

    @classmethod
    def default_model(cls) -> str:
        return next(iter(zoo.CARDS), "")

    @property
    def label_or_none(self) -> int | None:
        """What `generator.codes` takes: None where the model has no classes."""
        return self.label if zoo.card(self.model).classes else None

    @property
    def label_name(self) -> str:
        """What its class is called; "" where the model has none."""
        return class_names(self.model)[self.label] if zoo.card(self.model).classes else ""


def layers_field() -> Any:
    """Which layers listen: "all", "coarse", "middle", "fine" (see `layer_groups`), or slots such as "0-3,6"."""
    return checked(
        lambda value, recipe: _layers(value, recipe.model),
        "all",
        "layers that a knob moves: all, coarse, middle, fine, or numbers such as 0-3,6",
        control=dict(kind="layers", word="layers"),
    )


def reach_of(recipe: PictureRecipe) -> float:
    """How far a knob goes, in standard deviations of w . v."""
    return zoo.card(recipe.model).reach


@dataclass(frozen=True)
class Recipe(
    PictureRecipe, tab="", what="a recipe of a picture", give="give what the page wrote, with a model and a seed"
):
    """One picture of Steer. A recipe that exists can be drawn: everything is checked when it is made.

    method: a key of METHODS; mode: of SeFa, "paper" or "official". layers: see `layers_field`.
    amounts: KNOBS numbers, in standard deviations of w . v, each within the card's reach; fewer are filled up with 0.
    knob: the chosen one, counted from 0. directions: for method "file" the sha256 of the uploaded file, otherwise "".
    """

    method: str = choice_field("method", METHODS)
    mode: str = choice_field("mode", MODES)
    layers: str = layers_field()
    amounts: tuple[float, ...] = amounts_field(KNOBS, reach_of, "1.5,0,-2")
    knob: int = whole_field("the chosen knob, counted from 0,", 0, KNOBS - 1)
    directions: str = checked(
        lambda value, recipe: _identity(value) if recipe.method == "file" else "",
        "",
        "sha256 of the file of directions, for the method file",
        linked=False,
    )

    def shared(self) -> Recipe:
        return replace(self, method="sefa") if self.method == "file" else self

    def link_note(self) -> str:
        if self.method != "file":
            return ""
        return "A link cannot hold your file of directions: it opens the same settings with SeFa."


# --- checks


def opened(model: str) -> Generator:
    """The generator of a recipe's model. Raises RecipeError where its file is broken or gone."""
    try:
        return zoo.load(model)
    except ValueError as error:
        raise RecipeError(str(error)) from None


def _label(label: object, card: zoo.ModelCard) -> int:
    if not card.classes:
        return whole(label, "the class of a model without classes", 0, 0)
    return class_of(label, card.name)


def _identity(sha256: object) -> str:
    if isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256):
        return sha256
    raise RecipeError(
        f"directions from a file are named by the file's sha256, not by {quoted(sha256)}: "
        "choose the file again, or choose SeFa"
    )


def _layers(layers: object, model: str) -> str:
    """Canonical text: a group's name, or sorted ranges; every slot by number is "all"."""
    if layers == "all":
        return layers  # the usual case opens no weights
    groups = layer_groups(model)
    text = layers.strip().lower() if isinstance(layers, str) else ""
    if text in groups:
        return text
    highest = groups["all"][-1]
    slots: set[int] = set()
    if re.fullmatch(r"[0-9]{1,3}(-[0-9]{1,3})?(\s*,\s*[0-9]{1,3}(-[0-9]{1,3})?){0,40}", text):
        for part in text.split(","):
            first, last = (int(end) for end in (part.split("-") * 2)[:2])
            slots |= set(range(first, last + 1)) or {highest + 1}  # 6-3 is no range
    if not slots or max(slots) > highest:
        example = "0-3,6" if highest > 5 else f"0-{highest}"
        own = f", or numbers from 0 to {highest} such as {example}" if highest else ""
        raise RecipeError(f"the layers cannot be {quoted(layers)}: this model has {', '.join(groups)}{own}")
    return "all" if len(slots) == highest + 1 else _ranges(sorted(slots))


def _ranges(slots: Sequence[int]) -> str:
    starts = [slot for slot in slots if slot - 1 not in slots]
    ends = [slot for slot in slots if slot + 1 not in slots]
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends))


# --- layers, directions, codes


def layer_groups(model: str) -> dict[str, tuple[int, ...]]:
    """The named groups of a model's slots, see `core.codes.layer_groups`."""
    return groups_of(opened(model).slots)


def slots_of(recipe: Recipe) -> tuple[int, ...]:
    """The slots that the recipe's layers name, ascending."""
    groups = layer_groups(recipe.model)
    if recipe.layers in groups:
        return groups[recipe.layers]
    ends = [part.split("-") for part in recipe.layers.split(",")]
    return tuple(slot for end in ends for slot in range(int(end[0]), int(end[-1]) + 1))


def file_identity(path: str | Path) -> str:
    """sha256 of a file, hexadecimal: what `Recipe.directions` holds."""
    return native.weights_hash(path)


def directions_of(recipe: Recipe, files: Files | None = None) -> tuple[Directions, Tensor]:
    """At most KNOBS directions, and [k] steps: the standard deviation of w . v along each. Made once, then shared.

    A file says itself which layers it moves; one vector for all of them may be restricted by `recipe.layers`.
    Raises RecipeError where the recipe needs a file that `files` does not have, or that does not fit.
    """
    return _directions(*_directions_key(recipe, files))


def has_directions(recipe: Recipe, files: Files | None = None) -> bool:
    """Were the recipe's directions found before?"""
    return _directions_key(recipe, files) in _found


def _directions_key(recipe: Recipe, files: Files | None) -> tuple:
    mode = recipe.mode if recipe.method == "sefa" else ""
    path = _path(recipe, files) if recipe.method == "file" else ""
    weights = zoo.weights_hash(recipe.model)
    slots, label = slots_of(recipe), recipe.label_or_none
    return recipe.model, weights, recipe.method, mode, slots, path, recipe.directions, label


@joined
def _directions(*key) -> tuple[Directions, Tensor]:
    return _found.get(key) or _found.put(key, _find_directions(*key))


_found = Cache(LARGEST_DIRECTIONS, lambda found: sum(part.nbytes for part in (found[0].vectors, found[1])))


def _find_directions(
    model: str, weights: str, method: str, mode: str, slots: tuple[int, ...], path: str, sha256: str, label: int | None
):
    generator = opened(model)
    k = min(KNOBS, len(range(generator.dim)[generator.movable]))
    if method == "sefa":
        found = sefa(generator, slots, k=k, mode=mode)
    elif method == "ganspace":
        found = ganspace(generator, slots, k=k, label=label)
    elif method == "random":
        found = random_directions(generator, slots, k=k)
    else:
        found = _from_file(path, sha256, slots, generator, weights)
    return found, spread_along(generator, found, label=label)


def _path(recipe: Recipe, files: Files | None) -> str:
    if recipe.directions not in (files or {}):
        raise RecipeError(
            "this picture was steered by directions from a file that is not here: choose the file again, or choose SeFa"
        )
    return str(files[recipe.directions])


def _from_file(path: str, sha256: str, slots: tuple[int, ...], generator, weights: str) -> Directions:
    try:
        same = file_identity(path) == sha256
    except OSError:
        same = False
    if not same:
        raise RecipeError("the file of directions is no longer here: choose it again")
    try:
        found = load_directions(path, slots=generator.slots, dim=generator.dim, weights=weights)
    except ValueError as error:
        raise RecipeError(str(error)) from None
    moved = tuple(slot for slot in found.slots if slot in slots)
    if found.vectors.ndim == 3 and moved != found.slots:
        raise RecipeError("these directions have a vector of their own for every layer they move: choose all layers")
    if not moved:
        raise RecipeError(
            f"these directions move only the layers {_ranges(found.slots)}: choose all layers, or some of these"
        )
    return Directions(found.vectors[:KNOBS], found.scores[:KNOBS], moved)


def codes_of(recipe: Recipe, files: Files | None = None) -> Tensor:
    """The edited codes [1, slots, dim]: noise of the seed, truncated, then moved by amounts times steps."""
    return _moved(recipe, [recipe.amounts], files)[0]


def _moved(recipe: Recipe, amounts: Sequence[Sequence[float]], files: Files | None) -> tuple[Tensor, tuple]:
    """Codes [n, slots, dim] of the recipe's seed at n settings of all knobs, and the slots in which they may differ."""
    codes = own_codes(recipe)
    if not any(any(setting) for setting in amounts):
        return codes.repeat(len(amounts), 1, 1), slots_of(recipe)  # an unmoved picture needs no directions
    directions, steps = directions_of(recipe, files)
    edited = [edit(codes, directions, distances(setting, directions, steps)) for setting in amounts]
    return torch.cat(edited), directions.slots


def own_codes(recipe: PictureRecipe) -> Tensor:
    """Codes [1, slots, dim] of the seed, truncated, before anything moves them."""
    generator = opened(recipe.model)
    return generator.codes(generator.sample(1, recipe.seed), psi=recipe.psi, label=recipe.label_or_none)


def distances(setting: Sequence[float], directions: Directions, steps: Tensor) -> list[float]:
    """Amounts in standard deviations -> one distance for each direction."""
    if any(setting[len(directions) :]):
        raise RecipeError(
            f"there are only {len(directions)} directions here: set the knobs after knob {len(directions)} back to 0"
        )
    return [amount * step for amount, step in zip(setting, steps.tolist())]


# --- pictures


def render(recipe: Recipe, files: Files | None = None, *, quick: bool = False) -> Tensor:
    """The picture [1, 3, R, R], nominally in [-1, 1]; `quick`: as the page draws it, see `pace.quick`."""
    return drawn(recipe, *_moved(recipe, [recipe.amounts], files), quick=quick)


def render_preview(recipe: Recipe, files: Files | None = None) -> Tensor | None:
    """What the first layers have drawn of the picture, [1, 3, R, R], where the model has that and is slow;
    else None.
    """
    stop = pace.pace_of(recipe.model).stop
    if stop is None:
        return None
    generator = pace.quick(recipe.model).at(psi=recipe.psi)
    return generator.preview(generator.run(codes_of(recipe, files), stop=stop))


def render_strip(
    recipe: Recipe, knob: int, amounts: Sequence[float], files: Files | None = None, *, quick: bool = False
) -> Tensor:
    """[len(amounts), 3, R, R]: the picture with one knob at each amount; the others stay as they are in the recipe."""
    if not 1 <= len(amounts) <= MOST_PICTURES:
        raise RecipeError(f"a strip cannot have {len(amounts)} pictures: choose 1 to {MOST_PICTURES}")
    knob = replace(recipe, knob=knob).knob
    settings = [turned(recipe, knob, amount).amounts for amount in amounts]
    return drawn(recipe, *_moved(recipe, settings, files), quick=quick)


def render_faces(
    recipe: Recipe, seeds: Sequence[int], amounts: Sequence[float], files: Files | None = None, *, quick: bool = False
) -> Tensor:
    """[len(seeds), len(amounts), 3, R, R]: each seed's strip of the recipe's chosen knob."""
    if not 1 <= len(seeds) <= MOST_PICTURES:
        raise RecipeError(f"there cannot be {len(seeds)} pictures: choose 1 to {MOST_PICTURES}")
    return torch.stack(
        [render_strip(replace(recipe, seed=seed), recipe.knob, amounts, files, quick=quick) for seed in seeds]
    )


def turned(recipe: Recipe, knob: int, amount: float) -> Recipe:
    """The recipe with one knob, counted from 0, at another amount."""
    return replace(recipe, amounts=recipe.amounts[:knob] + (amount,) + recipe.amounts[knob + 1 :])


def drawn(recipe: PictureRecipe, codes: Tensor, slots: tuple[int, ...], *, quick: bool = False) -> Tensor:
    """Images [n, 3, R, R] of codes [n, slots, dim] that differ from the recipe's own only in `slots`.

    The layers before these are run once and cached: sliders run only what comes after.
    """
    generator = (pace.quick(recipe.model) if quick else opened(recipe.model)).at(psi=recipe.psi)
    start = generator.start(slots)
    key = (zoo.weights_hash(recipe.model), quick, zoo.device(), recipe.seed, recipe.psi, recipe.label, start)
    before = _states.get(key)
    if before is None and start:
        before = _states.put(key, prefix(generator, own_codes(recipe), slots))
    return draw(generator, codes, slots, before)


def _size(state: State) -> int:
    return sum(part.numel() * part.element_size() for part in state if part is not None)


_states = Cache(LARGEST_STATES, _size)


def shown(images: Tensor, model: str, *, largest: int | None = None) -> list[Image.Image]:
    """Images [n, 3, R, R] as pictures without the bars that the card's training pictures had;
    `largest`: of their width.
    """
    crop = zoo.card(model).crop
    pictures = to_pil(images[:, :, crop : images.shape[2] - crop])
    if largest is None or pictures[0].width <= largest:
        return pictures
    size = (largest, round(largest * pictures[0].height / pictures[0].width))
    return [picture.resize(size, Image.Resampling.LANCZOS) for picture in pictures]


def picture_bytes(recipe: Recipe, files: Files | None = None) -> bytes:
    """The picture as lossless WebP; made once for all who ask for the same recipe, also at the same time."""
    return _encoded(*_encoding(recipe, files))


def picture_bytes_of(recipe: PictureRecipe) -> bytes:
    """The picture of a recipe of any tab before anything moves it, as lossless WebP."""
    return picture_bytes(Recipe(recipe.model, seed=recipe.seed, psi=recipe.psi, label=recipe.label))


def has_bytes(recipe: Recipe, files: Files | None = None) -> bool:
    """Was `picture_bytes` made for this picture before?"""
    return _encoding(recipe, files) in _made


def _encoding(recipe: Recipe, files: Files | None) -> tuple[Recipe, str, str]:
    path = _path(recipe, files) if recipe.method == "file" and any(recipe.amounts) else ""
    return replace(recipe, knob=0), zoo.weights_hash(recipe.model), path


_made = Cache(LARGEST_PICTURES, len)


@joined
def _encoded(*key) -> bytes:
    recipe, _weights, path = key
    files = {recipe.directions: path} if path else None
    return _made.get(key) or _made.put(key, webp(shown(render(recipe, files, quick=True), recipe.model)[0]))


# --- words


def alt_text(recipe: Recipe, titles: Sequence[str] | None = None) -> str:
    """What the picture shows and how it was made, for those who do not see it; `titles`: what each knob does."""
    card = zoo.card(recipe.model)
    parts = [NOUNS.get(card.world, "picture"), f"picture number {recipe.seed}"]
    if card.classes:
        parts.append(recipe.label_name)
    if opened(recipe.model).has_truncation:
        parts.append(f"truncation {recipe.psi:g}")
    for i, amount in enumerate(recipe.amounts):
        if amount:
            title = f" ({titles[i]})" if titles and i < len(titles) and titles[i] else ""
            parts.append(f"knob {i + 1}{title} at {signed(amount)}")
    if not any(recipe.amounts):
        return ", ".join([*parts, "no knob moved"])
    if recipe.layers != "all":
        parts.append(f"only layers {recipe.layers}" if recipe.layers[0].isdigit() else f"only {recipe.layers} layers")
    if recipe.method != "sefa":
        parts.append(f"knobs from {METHODS[recipe.method]}")
    return ", ".join(parts)
