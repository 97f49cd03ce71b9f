"""A picture is a recipe: a model's name, a seed, how far each knob is turned; never a tensor.

One record makes the picture, its link, its code, its notebook, its PNG and its alternative text, so none can disagree.
"""
from __future__ import annotations

import json
import numbers
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache, wraps
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import torch
from PIL import Image
from torch import Tensor

from core import zoo
from core.checkpoints import native
from core.codes import Directions, edit
from core.factorization.baseline import random_directions, spread_along
from core.factorization.files import load_directions
from core.factorization.ganspace import ganspace
from core.factorization.sefa import MODES, sefa
from core.generators.base import Generator, State
from core.images import png, to_pil, webp

from . import pace

REPOSITORY = "https://huggingface.co/spaces/ganatomy/ganatomy"
VERSION = 1
KNOBS = 10
LARGEST_SEED = 999_999_999
METHODS = {"sefa": "SeFa", "ganspace": "GANSpace", "random": "random directions", "file": "directions from a file"}
LONGEST_LINK = 4_000            # characters read; the links written here have fewer than 1,000
LARGEST_EDIT_FILE = 2 * 2 ** 20     # bytes
LARGEST_PNG = 10 * 2 ** 20          # bytes
MOST_PICTURES = 128             # in one strip
LONGEST_NAME = 60
PIXELS_AT_ONCE = 2 ** 21        # of pictures drawn together
LARGEST_STATES = 256 * 2 ** 20      # bytes of layers' outputs that are kept
LARGEST_PICTURES = 64 * 2 ** 20     # bytes of encoded pictures that are kept
LARGEST_SHIFT = 1e4             # codes are of the order of 1; beyond this a shift is damage, not an edit
EDITS_FORMAT = "ganatomy-edits"
NOUNS = {"portraits": "portrait", "objects": "object"}

Files = Mapping[str, "str | Path"]      # sha256 of an uploaded direction set -> where it lies on this machine


class RecipeError(ValueError):
    """Its text is a sentence for the visitor: what was wrong, what is possible, what to do."""


@dataclass(frozen=True)
class Recipe:
    """One picture; plain values only. A recipe that exists can be drawn: everything is checked when it is made.

    model: a name in core.zoo.CARDS, or of a model of the Hub that was fetched. seed: 0 .. 999,999,999.
    psi: truncation of all layers, 0 .. 1. label: the class drawn; 0 where the model has none.
    method: a key of METHODS; mode: of SeFa, "paper" or "official".
    layers: "all", "coarse", "middle", "fine" (see `layer_groups`), or slots such as "0-3,6".
    amounts: KNOBS numbers, in standard deviations of w . v, each within the card's reach; fewer are filled up with 0.
    knob: the chosen one, counted from 0. directions: for method "file" the sha256 of the uploaded file, otherwise "".
    Numbers may be given as text. psi and amounts are kept to a thousandth, far below what shows. Raises RecipeError.
    """
    model: str
    seed: int = 0
    psi: float = 0.7
    method: str = "sefa"
    mode: str = "paper"
    layers: str = "all"
    amounts: tuple[float, ...] = (0.0,) * KNOBS
    knob: int = 0
    directions: str = ""
    label: int = 0

    def __post_init__(self):
        card = _card(self.model)
        checked = dict(
            seed=_whole(self.seed, "the seed", 0, LARGEST_SEED),
            psi=_number(self.psi, "the truncation", 0, 1),
            method=_choice(self.method, "method", METHODS),
            mode=_choice(self.mode, "mode", MODES),
            layers=_layers(self.layers, card.name),
            amounts=_amounts(self.amounts, card.reach),
            knob=_whole(self.knob, "the chosen knob, counted from 0,", 0, KNOBS - 1),
            directions=_identity(self.directions) if self.method == "file" else "",
            label=_label(self.label, card),
        )
        for name, value in checked.items():
            object.__setattr__(self, name, value)


FIELDS = tuple(field.name for field in fields(Recipe))
_IN_A_LINK = tuple(name for name in FIELDS if name != "directions")


# --- checks: values from links, files and text boxes -> plain values, or a sentence


def _shown(value: object) -> str:
    """What was given, short and without characters that a page could take for markup."""
    if value is None or isinstance(value, str) and not value.strip():
        return "nothing"
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and abs(value) >= 10 ** 30:
        return "a number with more than 30 digits"
    if not isinstance(value, (str, numbers.Number)):
        return "something that is neither text nor a number"
    text = str(value)
    return '"' + re.sub(r"[^\w .,+-]", "?", text[:40]) + ("...\"" if len(text) > 40 else '"')


def _card(model: object) -> zoo.ModelCard:
    if isinstance(model, str) and model in zoo.CARDS:
        card = zoo.CARDS[model]
        if card.own and not card.path.is_file():
            raise RecipeError(f"the file {card.path.name} of this network is no longer there: put it back, or choose "
                              "another network")
        return card
    if isinstance(model, str) and model in zoo.HUB_CARDS:
        if zoo.openable(model) and zoo.is_here(model):
            return zoo.HUB_CARDS[model]
        remedy = "it is not pinned, so it opens only after `python app.py --unpinned`" if not zoo.openable(model) else \
            "choose it in the list of networks, which says its size and licence, and fetch it"
        raise RecipeError(f"the model {model} is not on this machine yet: {remedy}")
    if not zoo.CARDS:
        raise RecipeError("there is no model here yet: put its weights into weights/ (weights/README.md says how)")
    raise RecipeError(f"the model cannot be {_shown(model)}: choose one of {', '.join(zoo.CARDS)}")


def opened(model: str) -> Generator:
    """The generator of a recipe's model. Raises RecipeError where its file is broken or gone."""
    try:
        return zoo.load(model)
    except ValueError as error:
        raise RecipeError(str(error)) from None


def _label(label: object, card: zoo.ModelCard) -> int:
    if not card.classes:
        return _whole(label, "the class of a model without classes", 0, 0)
    return _whole(label, "the class", 0, card.classes - 1)


def label_of(recipe: Recipe) -> int | None:
    """What `generator.codes` takes: None where the model has no classes."""
    return recipe.label if _card(recipe.model).classes else None


def _whole(value: object, what: str, lowest: int, highest: int) -> int:
    number = value
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value):
        number = int(value)
    if isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, numbers.Integral) and not isinstance(number, bool) and lowest <= number <= highest:
        return int(number)
    raise RecipeError(f"{what} cannot be {_shown(value)}: give a whole number from {lowest} to {highest}")


def _number(value: object, what: str, lowest: float, highest: float) -> float:
    number = float("nan")
    if isinstance(value, (str, numbers.Real)) and not isinstance(value, bool):
        try:
            number = round(float(value), 3) + 0.0           # + 0.0: there is one zero, not two
        except (ValueError, OverflowError):
            pass
    if lowest <= number <= highest:                         # false for what is not a number
        return number
    raise RecipeError(f"{what} cannot be {_shown(value)}: give a number from {lowest:g} to {highest:g}")


def _choice(value: object, what: str, possible: Iterable[str]) -> str:
    if isinstance(value, str) and value in possible:
        return value
    raise RecipeError(f"the {what} cannot be {_shown(value)}: choose one of {', '.join(possible)}")


def _amounts(amounts: object, reach: float) -> tuple[float, ...]:
    if not isinstance(amounts, (list, tuple)) or len(amounts) > KNOBS:
        raise RecipeError(f"these are not the knobs' amounts: give at most {KNOBS} numbers "
                          f"from {-reach:g} to {reach:g}, such as 1.5,0,-2")
    checked = [_number(amount, f"knob {i + 1}", -reach, reach) for i, amount in enumerate(amounts)]
    return tuple(checked + [0.0] * (KNOBS - len(checked)))


def _identity(sha256: object) -> str:
    if isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256):
        return sha256
    raise RecipeError(f"directions from a file are named by the file's sha256, not by {_shown(sha256)}: "
                      "choose the file again, or choose SeFa")


def _layers(layers: object, model: str) -> str:
    """Canonical text: a group's name, or sorted ranges; every slot by number is "all"."""
    if layers == "all":
        return layers           # the usual case opens no weights
    groups = layer_groups(model)
    text = layers.strip().lower() if isinstance(layers, str) else ""
    if text in groups:
        return text
    highest = groups["all"][-1]
    slots: set[int] = set()
    if re.fullmatch(r"[0-9]{1,3}(-[0-9]{1,3})?(\s*,\s*[0-9]{1,3}(-[0-9]{1,3})?){0,40}", text):
        for part in text.split(","):
            first, last = (int(end) for end in (part.split("-") * 2)[:2])
            slots |= set(range(first, last + 1)) or {highest + 1}           # 6-3 is no range
    if not slots or max(slots) > highest:
        example = "0-3,6" if highest > 5 else f"0-{highest}"
        own = f", or numbers from 0 to {highest} such as {example}" if highest else ""
        raise RecipeError(f"the layers cannot be {_shown(layers)}: this model has {', '.join(groups)}{own}")
    return "all" if len(slots) == highest + 1 else _ranges(sorted(slots))


def _ranges(slots: Sequence[int]) -> str:
    starts = [slot for slot in slots if slot - 1 not in slots]
    ends = [slot for slot in slots if slot + 1 not in slots]
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends))


# --- layers, directions, codes


def layer_groups(model: str) -> dict[str, tuple[int, ...]]:
    """The named groups of slots that a model has: "all" and, with several slots, "coarse", "middle", "fine".

    As StyleGAN counts them, slots 2i and 2i + 1 belong to 4 * 2^i pixels: coarse is 4 and 8 px (slots 0-3), middle is
    16 and 32 px (slots 4-7), fine is 64 px and above; groups that would be empty are left out.
    """
    slots = tuple(range(opened(model).slots))
    groups = dict(all=slots, coarse=slots[:4], middle=slots[4:8], fine=slots[8:])
    return {name: group for name, group in groups.items() if group and (name == "all" or len(slots) > 1)}


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


def _joined(make: Callable) -> Callable:
    """`make`, where whoever asks for something that is being made at this moment waits for it."""
    running: dict[tuple, Future] = {}
    lock = threading.Lock()

    @wraps(make)
    def call(*key):
        with lock:
            future = running.get(key)
            mine = future is None
            if mine:
                future = running[key] = Future()
        if mine:
            try:
                future.set_result(make(*key))
            except BaseException as error:
                future.set_exception(error)
            finally:
                with lock:
                    del running[key]
        return future.result()
    return call


class Kept:
    """What was used last, as much as fits into `largest` bytes; the newest stays however large it is."""

    def __init__(self, largest: int, size: Callable[[Any], int]):
        self.largest, self.size, self.lock = largest, size, threading.Lock()
        self.values: OrderedDict[tuple, Any] = OrderedDict()

    def __contains__(self, key: tuple) -> bool:
        return key in self.values

    def get(self, key: tuple) -> Any:
        """None where it is not kept."""
        with self.lock:
            if key in self.values:
                self.values.move_to_end(key)
            return self.values.get(key)

    def put(self, key: tuple, value: Any) -> Any:
        with self.lock:
            self.values[key] = value
            while len(self.values) > 1 and sum(map(self.size, self.values.values())) > self.largest:
                self.values.popitem(last=False)
        return value


def directions_of(recipe: Recipe, files: Files | None = None) -> tuple[Directions, Tensor]:
    """At most KNOBS directions, and [k] steps: the standard deviation of w . v along each. Made once, then shared.

    A file says itself which layers it moves; one vector for all of them may be restricted by `recipe.layers`.
    Raises RecipeError where the recipe needs a file that `files` does not have, or that does not fit.
    """
    mode = recipe.mode if recipe.method == "sefa" else ""
    path = _path(recipe, files) if recipe.method == "file" else ""
    weights = zoo.weights_hash(recipe.model)
    return _directions(recipe.model, weights, recipe.method, mode, slots_of(recipe), path, recipe.directions, label_of(recipe))


@_joined
@lru_cache(maxsize=64)
def _directions(model: str, weights: str, method: str, mode: str, slots: tuple[int, ...], path: str, sha256: str,
                label: int | None):
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
        raise RecipeError("this picture was steered by directions from a file that is not here: "
                          "choose the file again, or choose SeFa")
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
        raise RecipeError(f"these directions move only the layers {_ranges(found.slots)}: "
                          "choose all layers, or some of these")
    return Directions(found.vectors[:KNOBS], found.scores[:KNOBS], moved)


def codes_of(recipe: Recipe, files: Files | None = None) -> Tensor:
    """The edited codes [1, slots, dim]: noise of the seed, truncated, then moved by amounts times steps."""
    return _moved(recipe, [recipe.amounts], files)[0]


def _moved(recipe: Recipe, amounts: Sequence[Sequence[float]], files: Files | None) -> tuple[Tensor, tuple]:
    """Codes [n, slots, dim] of the recipe's seed at n settings of all knobs, and the slots in which they may differ."""
    codes = _codes(opened(recipe.model), recipe)
    if not any(any(setting) for setting in amounts):
        return codes.repeat(len(amounts), 1, 1), slots_of(recipe)           # an unmoved picture needs no directions
    directions, steps = directions_of(recipe, files)
    edited = [edit(codes, directions, _distances(setting, directions, steps)) for setting in amounts]
    return torch.cat(edited), directions.slots


def _codes(generator: Generator, recipe: Recipe) -> Tensor:
    return generator.codes(generator.sample(1, recipe.seed), psi=recipe.psi, label=label_of(recipe))


def _distances(setting: Sequence[float], directions: Directions, steps: Tensor) -> list[float]:
    """Amounts in standard deviations -> one distance for each direction."""
    if any(setting[len(directions):]):
        raise RecipeError(f"there are only {len(directions)} directions here: "
                          f"set the knobs after knob {len(directions)} back to 0")
    return [amount * step for amount, step in zip(setting, steps.tolist())]


# --- pictures


def render(recipe: Recipe, files: Files | None = None, *, quick: bool = False) -> Tensor:
    """The picture [1, 3, R, R], nominally in [-1, 1]; `quick`: as the page draws it, see `pace.quick`."""
    return _draw(recipe, *_moved(recipe, [recipe.amounts], files), quick)


def render_preview(recipe: Recipe, files: Files | None = None) -> Tensor | None:
    """What the first layers have drawn of the picture, [1, 3, R, R], where the model has that and is slow; else None."""
    stop = pace.pace_of(recipe.model).stop
    if stop is None:
        return None
    generator = pace.quick(recipe.model).at(psi=recipe.psi)
    return generator.preview(generator.run(codes_of(recipe, files), stop=stop))


def render_strip(recipe: Recipe, knob: int, amounts: Sequence[float], files: Files | None = None, *, quick: bool = False) -> Tensor:
    """[len(amounts), 3, R, R]: the picture with one knob at each amount; the others stay as they are in the recipe."""
    if not 1 <= len(amounts) <= MOST_PICTURES:
        raise RecipeError(f"a strip cannot have {len(amounts)} pictures: choose 1 to {MOST_PICTURES}")
    knob = replace(recipe, knob=knob).knob
    settings = [turned(recipe, knob, amount).amounts for amount in amounts]
    return _draw(recipe, *_moved(recipe, settings, files), quick)


def render_faces(recipe: Recipe, seeds: Sequence[int], amounts: Sequence[float], files: Files | None = None, *,
                 quick: bool = False) -> Tensor:
    """[len(seeds), len(amounts), 3, R, R]: each seed's strip of the recipe's chosen knob."""
    if not 1 <= len(seeds) <= MOST_PICTURES:
        raise RecipeError(f"there cannot be {len(seeds)} faces: choose 1 to {MOST_PICTURES}")
    return torch.stack([render_strip(replace(recipe, seed=seed), recipe.knob, amounts, files, quick=quick)
                        for seed in seeds])


def turned(recipe: Recipe, knob: int, amount: float) -> Recipe:
    """The recipe with one knob, counted from 0, at another amount."""
    return replace(recipe, amounts=recipe.amounts[:knob] + (amount,) + recipe.amounts[knob + 1:])


def _draw(recipe: Recipe, codes: Tensor, slots: tuple[int, ...], quick: bool) -> Tensor:
    """Codes [n, slots, dim] that differ from the seed's only in `slots` -> images; the layers before these run once."""
    generator = (pace.quick(recipe.model) if quick else opened(recipe.model)).at(psi=recipe.psi)
    start = generator.start(slots)
    before = _before(generator, recipe, start, quick) if start else None
    batches = codes.split(max(1, PIXELS_AT_ONCE // generator.resolution ** 2))
    return torch.cat([_finished(generator, part, before, start) for part in batches])


def _finished(generator: Generator, codes: Tensor, before: State | None, start: int) -> Tensor:
    if before is None:
        return generator(codes)
    state = before._make(part if part is None else part.expand(len(codes), -1, -1, -1) for part in before)
    return generator.to_image(generator.run(codes, state, start=start))


def _before(generator: Generator, recipe: Recipe, stop: int, quick: bool) -> State:
    """The state after the layers that no knob reaches: the sliders run only what comes after."""
    key = (zoo.weights_hash(recipe.model), quick, zoo.device(), recipe.seed, recipe.psi, recipe.label, stop)
    return _states.get(key) or _states.put(key, generator.run(_codes(generator, recipe), stop=stop))


def _size(state: State) -> int:
    return sum(part.numel() * part.element_size() for part in state if part is not None)


_states = Kept(LARGEST_STATES, _size)


def shown(images: Tensor, model: str, *, largest: int | None = None) -> list[Image.Image]:
    """Images [n, 3, R, R] as pictures without the bars that the card's training pictures had; `largest`: of their width."""
    crop = zoo.card(model).crop
    pictures = to_pil(images[:, :, crop:images.shape[2] - crop])
    if largest is None or pictures[0].width <= largest:
        return pictures
    size = (largest, round(largest * pictures[0].height / pictures[0].width))
    return [picture.resize(size, Image.Resampling.LANCZOS) for picture in pictures]


def picture_bytes(recipe: Recipe, files: Files | None = None) -> bytes:
    """The picture as lossless WebP; made once for all who ask for the same recipe, also at the same time."""
    return _encoded(*_encoding(recipe, files))


def has_bytes(recipe: Recipe, files: Files | None = None) -> bool:
    """Was `picture_bytes` made for this picture before?"""
    return _encoding(recipe, files) in _made


def _encoding(recipe: Recipe, files: Files | None) -> tuple[Recipe, str, str]:
    path = _path(recipe, files) if recipe.method == "file" and any(recipe.amounts) else ""
    return replace(recipe, knob=0), zoo.weights_hash(recipe.model), path


_made = Kept(LARGEST_PICTURES, len)


@_joined
def _encoded(*key) -> bytes:
    recipe, _weights, path = key
    files = {recipe.directions: path} if path else None
    return _made.get(key) or _made.put(key, webp(shown(render(recipe, files, quick=True), recipe.model)[0]))


# --- JSON, link, PNG


def as_dict(recipe: Recipe) -> dict:
    """The recipe as plain JSON values, with its version: the one form behind link, notebook, saved edit and PNG."""
    return dict(asdict(recipe), version=VERSION, amounts=list(recipe.amounts))


def to_json(recipe: Recipe) -> str:
    return json.dumps(as_dict(recipe), sort_keys=True)


def from_json(data: str | bytes | Mapping) -> Recipe:
    """The recipe of `to_json` (or of what `as_dict` returned); trusts nothing. Raises RecipeError."""
    given = data if isinstance(data, Mapping) else _parsed(data, LONGEST_LINK, "this recipe")
    if not isinstance(given, Mapping) or "model" not in given:
        raise RecipeError("this is not a recipe of a picture: give what the page wrote, with a model and a seed")
    _check_version(given.get("version"))
    unknown = [name for name in given if name not in (*FIELDS, "version")]
    if unknown:
        raise RecipeError(f"a recipe has no {_shown(unknown[0])}: it has {', '.join(FIELDS)}")
    return Recipe(**{name: given[name] for name in FIELDS if name in given})


def _parsed(data: str | bytes, largest: int, what: str) -> object:
    if not isinstance(data, (str, bytes)):
        raise RecipeError(f"{what} is not text: give the JSON that the page wrote")
    if len(data) > largest:
        raise RecipeError(f"{what} has {len(data):,} characters; the page writes at most {largest:,}: give that")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise RecipeError(f"{what} is not JSON: give it as the page wrote it, unchanged and complete") from None


def _check_version(version: object) -> None:
    if isinstance(version, bool) or version not in (VERSION, str(VERSION)):
        raise RecipeError(f"this was written by another version of the page ({_shown(version)}): "
                          f"this one reads version {VERSION}; update the page, or make the picture again")


def to_query(recipe: Recipe) -> dict[str, str]:
    """The link's parameters: version and model always, the rest only where it is not the default.

    A link cannot hold a file: for method "file" it opens the same settings with SeFa (see `link_note`).
    """
    linked = replace(recipe, method="sefa") if recipe.method == "file" else recipe
    plain = Recipe(recipe.model)
    written = {name: _text(getattr(linked, name)) for name in _IN_A_LINK
               if name == "model" or getattr(linked, name) != getattr(plain, name)}
    return dict(v=str(VERSION), **written)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        last = max(i for i, amount in enumerate(value) if amount)           # trailing zeros are the default
        return ",".join(_text(amount) for amount in value[:last + 1])
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def from_query(query: Mapping[str, str]) -> Recipe:
    """The recipe of a link's parameters; what is missing is the default, the model the first there is.

    Parameters that are not ours are left alone. Trusts nothing: raises RecipeError and nothing else.
    """
    if not isinstance(query, Mapping):
        raise RecipeError("this is not a link of this page: give its parameters, such as seed=7")
    ours = {name: query[name] for name in ("v", *_IN_A_LINK) if name in query}
    wrong = [name for name, value in ours.items() if not isinstance(value, str)]
    if wrong:
        raise RecipeError(f"this link's {wrong[0]} is not text: copy the link again")
    length = sum(len(str(name)) + len(value) for name, value in query.items() if isinstance(value, str))
    if length > LONGEST_LINK:
        raise RecipeError(f"this link has {length:,} characters; this page's have fewer than 1,000: copy it again")
    _check_version(ours.pop("v", VERSION))
    if "amounts" in ours:
        ours["amounts"] = ours["amounts"].split(",")
    return Recipe(**{"model": next(iter(zoo.CARDS), ""), **ours})


def link_for(recipe: Recipe, page: str = REPOSITORY) -> str:
    """The address that opens this picture on `page`; under 1,000 characters."""
    return f"{page}?{urlencode(to_query(recipe), safe=',')}"


def link_note(recipe: Recipe) -> str:
    """What the link does not hold, in a sentence; "" where it holds everything."""
    if recipe.method != "file":
        return ""
    return "A link cannot hold your file of directions: it opens the same settings with SeFa."


def png_for(recipe: Recipe, files: Files | None = None) -> bytes:
    """The picture as PNG, drawn in float32; the recipe and the network's licence are in its text chunks."""
    card = zoo.card(recipe.model)
    return png(shown(render(recipe, files), recipe.model)[0], recipe=as_dict(recipe),
               licence=" ".join(filter(None, (f"drawn by {card.title}, licence of the network: {card.licence}", card.link))))


def recipe_from_png(data: bytes) -> Recipe:
    """The recipe that `png_for` put into a PNG. Raises RecipeError where there is none."""
    if len(data) > LARGEST_PNG:
        raise RecipeError(f"this file has {len(data) / 2 ** 20:.0f} MB; a PNG of this page has less than "
                          f"{LARGEST_PNG // 2 ** 20}: choose one that was saved here")
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as picture:
            text = picture.info.get("ganatomy")
    except Exception:                   # Pillow raises many kinds for a broken file
        raise RecipeError("this is not a PNG that can be read: choose one that was saved on this page") from None
    if not isinstance(text, str):
        raise RecipeError("this PNG carries no recipe: choose one saved on this page "
                          "and not sent through a messenger, which removes it")
    return from_json(text)


# --- code and notebook


def code_for(recipe: Recipe, files: Files | None = None) -> str:
    """Python that makes the picture, the same to the pixel, when run in the repository's root.

    It ends with a file picture.png. For directions from a file, the file must lie beside it.
    """
    return _code(recipe, files) + 'picture.save("picture.png")\n'


def _code(recipe: Recipe, files: Files | None) -> str:
    generator, card = opened(recipe.model), zoo.card(recipe.model)
    imports, lines, count = _directions_code(recipe, files)
    reader, opening = _opening(card)
    imports += ["from core.codes import edit", "from core.images import to_pil", reader]
    last = max([i for i, amount in enumerate(recipe.amounts) if amount], default=0)
    count = 1 + max(last, min(recipe.knob, count - 1))
    psi = f", psi={recipe.psi}" if generator.has_truncation else ""
    label = _label_code(recipe)
    drawer, rows = _drawing_code(recipe)
    return "\n".join([
        *sorted(imports, key=lambda line: (line.startswith("from core"), line)), "",
        f"generator = {opening}",
        f"codes = generator.codes(generator.sample(1, seed={recipe.seed}){psi}{label})",
        *lines,
        f"steps = spread_along(generator, directions{label}).tolist()      # one step is the standard deviation of w . v",
        f"amounts = {list(recipe.amounts[:count])}",
        "edited = edit(codes, directions, [amount * step for amount, step in zip(amounts, steps)])",
        f"picture = to_pil({drawer}(edited){rows})[0]", ""])


def _opening(card: zoo.ModelCard) -> tuple[str, str]:
    """The import and the expression that open a card's model."""
    if card.own:
        return "from core.checkpoints import read", f"read({card.path.name!r})        # the file must lie beside"
    unpinned = "" if card.pinned else ", unpinned=True"
    return "from core.zoo import load", f'load("{card.name}"{unpinned})'


def _drawing_code(recipe: Recipe) -> tuple[str, str]:
    """What draws codes, and what cuts the bars off that the training pictures had."""
    generator, crop = opened(recipe.model), zoo.card(recipe.model).crop
    drawer = "generator" if generator.at(psi=recipe.psi) is generator else f"generator.at(psi={recipe.psi})"
    return drawer, f"[:, :, {crop}:-{crop}]" if crop else ""


def _label_code(recipe: Recipe) -> str:
    return "" if label_of(recipe) is None else f", label={recipe.label}"


def _directions_code(recipe: Recipe, files: Files | None) -> tuple[list[str], list[str], int]:
    """The imports, the lines that make `directions`, and how many directions there are."""
    if recipe.method == "file":
        return _file_code(recipe, files)
    k, baseline = len(directions_of(recipe)[0]), "from core.factorization.baseline import "
    some = "" if recipe.layers == "all" else f"slots={slots_of(recipe)}, "
    if recipe.method == "sefa":
        call = f'sefa(generator, {some}k={k}, mode="{recipe.mode}")'
        imports = ["from core.factorization.sefa import sefa"]
    elif recipe.method == "ganspace":
        call = f"ganspace(generator, {some}k={k}{_label_code(recipe)})"
        imports = ["from core.factorization.ganspace import ganspace"]
    else:
        call, imports = f"random_directions(generator, {some}k={k})", []
        baseline += "random_directions, "
    return [*imports, baseline + "spread_along"], [f"directions = {call}"], k


def _file_code(recipe: Recipe, files: Files | None) -> tuple[list[str], list[str], int]:
    imports = ["from core.factorization.baseline import spread_along",
               "from core.factorization.files import load_directions"]
    path = (files or {}).get(recipe.directions)
    name, found = (Path(path).name, directions_of(recipe, files)[0]) if path else ("directions.npy", None)
    lines = [f"# the file with the sha256 {recipe.directions}",
             f"directions = load_directions({name!r}, slots=generator.slots, dim=generator.dim)"]
    if recipe.layers != "all":
        imports.append("from dataclasses import replace")
        lines.append(f"directions = replace(directions, slots={found.slots if found else slots_of(recipe)})")
    return imports, lines, len(found) if found else KNOBS


SET_UP = f"""import os
import subprocess
import sys

try:
    import core.zoo
except ModuleNotFoundError as missing:          # a fresh machine: fetch the project with its weights, and what it needs
    if missing.name.startswith("core"):
        if not os.path.isdir("ganatomy"):
            subprocess.run(["git", "clone", "--depth", "1", "{REPOSITORY}", "ganatomy"], check=True)
        os.chdir("ganatomy")
        sys.path.insert(0, os.getcwd())
    needs = ["torch", "numpy", "pillow", "safetensors"]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *needs], check=True)
"""


STRIP = """from core.images import strip

knob = {knob}        # counted from 0
frames = []
for amount in {row}:
    moved = amounts[:knob] + [amount] + amounts[knob + 1:]
    edited = edit(codes, directions, [amount * step for amount, step in zip(moved, steps)])
    frames += to_pil({drawer}(edited){rows})
strip(frames)"""


def notebook_for(recipe: Recipe, files: Files | None = None) -> bytes:
    """A notebook (nbformat 4) that gets itself running, makes the picture, and draws the strip of the chosen knob."""
    from nbformat import v4, writes         # takes a while to import, and only this button needs it

    drawer, rows = _drawing_code(recipe)
    reach, knob = zoo.card(recipe.model).reach, min(recipe.knob, _directions_code(recipe, files)[2] - 1)
    cells = [
        v4.new_markdown_cell(_about(recipe)),
        v4.new_code_cell(SET_UP),
        v4.new_code_cell(_code(recipe, files) + "picture.resize((320, 320))"),
        v4.new_markdown_cell(f"Knob {knob + 1} from {-reach:g} to {reach:g} standard deviations of w . v, "
                             "the other knobs as above."),
        v4.new_code_cell(STRIP.format(knob=knob, row=[round(reach * i / 3, 3) for i in range(-3, 4)], drawer=drawer, rows=rows)),
    ]
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"            # the same recipe gives the same file
    kernel = dict(display_name="Python 3", language="python", name="python3")
    return writes(v4.new_notebook(cells=cells, metadata=dict(kernelspec=kernel))).encode()


def _about(recipe: Recipe) -> str:
    card = zoo.card(recipe.model)
    parameters = "\n".join(f"| `{name}` | `{value}` |" for name, value in to_query(recipe).items())
    return (f"# One picture of GANatomy\n\nThis notebook makes one picture ({alt_text(recipe)}) "
            f"with the model {card.title}, then turns one of its knobs. "
            f"[Open the picture on the page]({link_for(recipe)}).\n\n"
            f"| parameter of the link | value |\n| --- | --- |\n{parameters}\n\n{link_note(recipe)}\n\n"
            f"Weights: {card.licence}, sha256 `{zoo.weights_hash(recipe.model)}`.")


# --- saved edits


@dataclass(frozen=True)
class Edit:
    """A movement with a name, kept with the numbers that make it: it outlives its index in a list of directions.

    recipe: where it was found. slots: which slots it moves. shift: len(slots) rows of dim numbers, added to the codes.
    weights: sha256 of the model's file. Everything is checked when it is made; raises RecipeError.
    """
    name: str
    recipe: Recipe
    slots: tuple[int, ...]
    shift: tuple[tuple[float, ...], ...]
    weights: str

    def __post_init__(self):
        name = re.sub(r"[^\w .,:;()+/'!?-]", " ", self.name).strip() if isinstance(self.name, str) else ""
        if not 1 <= len(name) <= LONGEST_NAME:
            raise RecipeError(f"an edit needs a name of 1 to {LONGEST_NAME} letters: type one, for example: smile")
        if self.weights != zoo.weights_hash(self.recipe.model):
            raise RecipeError(f"the edit {_shown(name)} was made with other weights of {self.recipe.model} "
                              "than those here: find it again with this model")
        generator = opened(self.recipe.model)
        if not _rows_fit(self.slots, self.shift, generator.slots, generator.dim):
            raise RecipeError(f"the edit {_shown(name)} does not hold {generator.dim} finite numbers for each layer it "
                              f"moves, or moves layers other than 0 to {generator.slots - 1}: save it again")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "slots", tuple(self.slots))
        object.__setattr__(self, "shift", tuple(tuple(float(number) for number in row) for row in self.shift))


def _rows_fit(slots: object, shift: object, highest: int, dim: int) -> bool:
    lists = (list, tuple)
    if not isinstance(slots, lists) or not isinstance(shift, lists) or not 0 < len(slots) == len(shift):
        return False
    known = all(type(slot) is int and 0 <= slot < highest for slot in slots) and len(set(slots)) == len(slots)
    return known and all(isinstance(row, lists) and len(row) == dim and all(
        type(number) in (int, float) and abs(number) <= LARGEST_SHIFT for number in row) for row in shift)


def keep_edit(name: str, recipe: Recipe, files: Files | None = None) -> Edit:
    """The recipe's movement under a name. Raises RecipeError where no knob is moved."""
    if not any(recipe.amounts):
        raise RecipeError("no knob is moved, so there is nothing to keep: move a knob first")
    generator, (directions, steps) = opened(recipe.model), directions_of(recipe, files)
    nowhere = torch.zeros(1, generator.slots, generator.dim, dtype=torch.float64)
    shift = edit(nowhere, directions, _distances(recipe.amounts, directions, steps))[0, list(directions.slots)]
    rows = tuple(tuple(float(f"{number:.9g}") for number in row) for row in shift.tolist())         # exact in float32
    return Edit(name, recipe, directions.slots, rows, zoo.weights_hash(recipe.model))


def apply_edit(kept: Edit, recipe: Recipe, *, strength: float = 1.0, files: Files | None = None) -> Tensor:
    """The recipe's picture [1, 3, R, R], its knobs as they stand, moved further by `strength` times the kept edit."""
    if recipe.model != kept.recipe.model:
        raise RecipeError(f"the edit {_shown(kept.name)} is of the model {kept.recipe.model}: open that model first")
    shift = torch.tensor(kept.shift, dtype=torch.float64)[None]
    length = shift.norm()
    direction = Directions(shift / length.clamp(min=torch.finfo(torch.float64).tiny), torch.ones(1), kept.slots)
    generator = opened(recipe.model).at(psi=recipe.psi)
    return generator(edit(codes_of(recipe, files), direction, [strength * float(length)]))


@dataclass(frozen=True)
class EditFile:
    """Several kept edits of one model as one small JSON file."""
    edits: tuple[Edit, ...]

    def to_json(self) -> str:
        """Raises RecipeError where there is nothing to save, or more than the page would read again."""
        edits = [dict(name=kept.name, recipe=as_dict(kept.recipe), slots=kept.slots, shift=kept.shift,
                      weights=kept.weights) for kept in self.edits]
        text = json.dumps(dict(format=EDITS_FORMAT, version=VERSION, edits=edits))
        if not edits:
            raise RecipeError("there is no edit to save: keep one first")
        if len(text) > LARGEST_EDIT_FILE:
            raise RecipeError(f"{len(edits)} edits are more than {LARGEST_EDIT_FILE // 2 ** 20} MB: save fewer")
        return text

    @classmethod
    def from_json(cls, data: str | bytes, *, model: str) -> EditFile:
        """What `to_json` wrote, for a picture of `model`; trusts nothing. Raises RecipeError."""
        found = _parsed(data, LARGEST_EDIT_FILE, "this file of edits")
        if not isinstance(found, dict) or found.get("format") != EDITS_FORMAT:
            raise RecipeError("this is not a file of edits: choose one that was saved on this page")
        _check_version(found.get("version"))
        rows = found.get("edits")
        if not isinstance(rows, list) or not rows:
            raise RecipeError("this file of edits holds none: choose another one, or save it again")
        return cls(tuple(_edit_of(row, model) for row in rows))


def _edit_of(row: object, model: str) -> Edit:
    recipe = row.get("recipe") if isinstance(row, dict) else None
    if not isinstance(recipe, dict):
        raise RecipeError("an edit in this file is damaged: choose another file, or save it again")
    if recipe.get("model") != model:
        raise RecipeError(f"this file was made with the model {_shown(recipe.get('model'))}, not with {model}: "
                          "open that model first")
    return Edit(row.get("name"), from_json(recipe), row.get("slots"), row.get("shift"), row.get("weights"))


# --- words


def alt_text(recipe: Recipe, titles: Sequence[str] | None = None) -> str:
    """What the picture shows and how it was made, for those who do not see it; `titles`: what each knob does."""
    card = _card(recipe.model)
    parts = [NOUNS.get(card.world, "picture"), f"picture number {recipe.seed}"]
    if card.classes:
        parts.append(f"class {recipe.label}")
    if opened(recipe.model).has_truncation:
        parts.append(f"truncation {recipe.psi:g}")
    for i, amount in enumerate(recipe.amounts):
        if amount:
            title = f" ({titles[i]})" if titles and i < len(titles) and titles[i] else ""
            parts.append(f"knob {i + 1}{title} at {amount:+g}")
    if not any(recipe.amounts):
        return ", ".join([*parts, "no knob moved"])
    if recipe.layers != "all":
        parts.append(f"only layers {recipe.layers}" if recipe.layers[0].isdigit() else f"only {recipe.layers} layers")
    if recipe.method != "sefa":
        parts.append(f"knobs from {METHODS[recipe.method]}")
    return ", ".join(parts)
