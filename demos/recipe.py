"""A picture is a recipe: a model's name, a seed, how far each knob is turned; never a tensor.

One record makes the picture, its link, its code, its notebook, its PNG and its alternative text, so none can disagree.
"""
from __future__ import annotations

import hashlib
import json
import numbers
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache, wraps
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import torch
from PIL import Image
from torch import Tensor

from core import zoo
from core.codes import Directions, edit
from core.factorization.baseline import random_directions, spread_along
from core.factorization.files import load_directions
from core.factorization.ganspace import ganspace
from core.factorization.sefa import MODES, sefa
from core.images import png, to_pil, webp

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
LARGEST_SHIFT = 1e4             # codes are of the order of 1; beyond this a shift is damage, not an edit
EDITS_FORMAT = "ganatomy-edits"
NOUNS = {"portraits": "portrait", "objects": "object"}

Files = Mapping[str, "str | Path"]      # sha256 of an uploaded direction set -> where it lies on this machine


class RecipeError(ValueError):
    """Its text is a sentence for the visitor: what was wrong, what is possible, what to do."""


@dataclass(frozen=True)
class Recipe:
    """One picture; plain values only. A recipe that exists can be drawn: everything is checked when it is made.

    model: a name in core.zoo.CARDS. seed: 0 .. 999,999,999. psi: truncation of all layers, 0 .. 1.
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
        return zoo.CARDS[model]
    if not zoo.CARDS:
        raise RecipeError("there is no model here yet: put a weights file into weights/ (see weights/README.md) and start again")
    raise RecipeError(f"the model cannot be {_shown(model)}: choose one of {', '.join(zoo.CARDS)}")


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
        raise RecipeError(f"the knobs need a list of at most {KNOBS} numbers from {-reach:g} to {reach:g}, such as 1.5,0,-2")
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
        own = f", or numbers from 0 to {highest} such as {'0-3,6' if highest > 5 else f'0-{highest}'}" if highest else ""
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
    slots = tuple(range(zoo.load(model).slots))
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
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(2 ** 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _joined(make: Callable) -> Callable:
    """`make`, where whoever asks for something that is being made at this moment waits for it."""
    running: dict[tuple, Future] = {}
    lock = threading.Lock()

    @wraps(make)
    def ask(*key):
        with lock:
            future, first = running.setdefault(key, Future()), key not in running
        return future.result()

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
