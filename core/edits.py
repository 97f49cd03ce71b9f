"""Edits with a name: the numbers that make them, and the JSON file of several, which is not trusted when it is read.

A file is an object with `format`, `version` and `edits`, a list of rows, see `Edit.row`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from .codes import Directions, edit

FORMAT, VERSION = "ganatomy-edits", 1
LARGEST_FILE = 2 * 2**20  # characters
LARGEST_SHIFT = 1e4  # codes are of the order of 1; beyond this a shift is damage, not an edit
LONGEST_NAME = 60


@dataclass(frozen=True)
class Edit:
    """A movement with a name, kept with the numbers that make it: it outlives its index in a list of directions.

    name: of 1 to LONGEST_NAME characters, without those that could be markup. recipe: where it was found, plain values
    with the name of the network as `model`. slots: which slots it moves. shift: len(slots) rows of dim numbers, added
    to the codes. weights: sha256 of the network's file. Raises ValueError for the name; see `check` for the rest.
    """

    name: str
    recipe: Mapping[str, Any]
    slots: Sequence[int]
    shift: Sequence[Sequence[float]]
    weights: str

    def __post_init__(self):
        name = re.sub(r"[^\w .,:;()+/'!?-]", " ", self.name).strip() if isinstance(self.name, str) else ""
        if not 1 <= len(name) <= LONGEST_NAME:
            raise ValueError(f"an edit needs a name of 1 to {LONGEST_NAME} letters: type one, for example: smile")
        object.__setattr__(self, "name", name)

    def check(self, slots: int, dim: int) -> Edit:
        """The edit, where it moves codes of that many slots and numbers, finite ones. Raises ValueError."""
        if not _rows_fit(self.slots, self.shift, slots, dim):
            raise ValueError(
                f'the edit "{self.name}" does not hold {dim} finite numbers for each layer it moves, or moves layers '
                f"other than 0 to {slots - 1}: save it again"
            )
        shift = tuple(tuple(float(number) for number in row) for row in self.shift)
        return Edit(self.name, self.recipe, tuple(self.slots), shift, self.weights)

    def row(self) -> dict[str, Any]:
        """The plain values of a file."""
        return asdict(self)

    def moved(self, codes: Tensor, strength: float = 1.0) -> Tensor:
        """Codes [n, slots, dim] moved by `strength` times the edit. Raises ValueError where they do not fit."""
        shift = torch.tensor(self.shift, dtype=torch.float64)[None]
        length = shift.norm()
        unit = shift / length.clamp(min=torch.finfo(torch.float64).tiny)
        return edit(codes, Directions(unit, torch.ones(1), tuple(self.slots)), [strength * float(length)])


def edit_of(name: str, recipe: Mapping[str, Any], slots: Sequence[int], shift: Tensor, weights: str) -> Edit:
    """The edit of a shift [len(slots), dim], in nine digits: exact in float32. Raises ValueError for the name."""
    rows = tuple(tuple(float(f"{number:.9g}") for number in row) for row in shift.tolist())
    return Edit(name, recipe, tuple(slots), rows, weights)


def _rows_fit(slots: object, shift: object, highest: int, dim: int) -> bool:
    lists = (list, tuple)
    if not isinstance(slots, lists) or not isinstance(shift, lists) or not 0 < len(slots) == len(shift):
        return False
    known = all(type(slot) is int and 0 <= slot < highest for slot in slots) and len(set(slots)) == len(slots)
    return known and all(
        isinstance(row, lists)
        and len(row) == dim
        and all(type(number) in (int, float) and abs(number) <= LARGEST_SHIFT for number in row)
        for row in shift
    )


# --- files


def text_of(rows: Sequence[Mapping], remedy: str = "save fewer") -> str:
    """The JSON of rows. Raises ValueError with the remedy where it is more than would be read again."""
    text = json.dumps(dict(format=FORMAT, version=VERSION, edits=list(rows)))
    if len(text) > LARGEST_FILE:
        raise ValueError(f"{len(rows)} edits are more than {LARGEST_FILE // 2**20} MB: {remedy}")
    return text


def rows_in(found: object) -> list:
    """The rows of a file that was parsed, as they are. Raises ValueError where it is no file of edits, or has none."""
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError("this is not a file of edits: choose one that was saved on this page")
    rows = found.get("edits")
    if not isinstance(rows, list) or not rows:
        raise ValueError("this file of edits holds none: choose another one, or save it again")
    return rows


def edit_in(row: object) -> Edit:
    """The edit of a row, whose numbers are not checked yet. Raises ValueError where it says no network."""
    if not isinstance(row, dict) or not isinstance(row.get("recipe"), dict):
        raise ValueError("an edit in this file is damaged: choose another file, or save it again")
    return Edit(*(row.get(name) for name in ("name", "recipe", "slots", "shift", "weights")))


def _is_named(row: object) -> bool:
    """Does a row say its name, its network and its weights? The rest of it may be damaged."""
    if not isinstance(row, dict) or not isinstance(row.get("recipe"), dict):
        return False
    return all(isinstance(name, str) for name in (row["recipe"].get("model"), row.get("weights"), row.get("name")))


# --- edits of several networks


@dataclass(frozen=True)
class Collection:
    """Edits of whichever networks; those of others than the one at work are listed, and block nothing.

    rows: as in a file. Each is named by its network, weights and name; what else it says is not checked.
    """

    rows: tuple[Mapping, ...] = ()

    @classmethod
    def read(cls, stored: str | None) -> Collection:
        """What `text` wrote, or a file; what cannot be read is left out."""
        try:
            found = json.loads(stored) if stored and len(stored) <= LARGEST_FILE else None
        except (ValueError, RecursionError):
            return cls()
        rows = found.get("edits") if isinstance(found, dict) else None
        return cls(tuple(filter(_is_named, rows)) if isinstance(rows, list) else ())

    def text(self) -> str:
        """Raises ValueError where it is more than would be read again."""
        return text_of(self.rows, "delete some, or save them to a file first")

    def of(self, model: str, weights: str) -> list[Mapping]:
        """The rows of a network with these weights (sha256)."""
        return [row for row in self.rows if row["recipe"]["model"] == model and row["weights"] == weights]

    def choices(self, model: str, weights: str) -> list[tuple[str, str]]:
        """(in words, key) of all edits, those of this network first; the others say of what they are."""
        own = self.of(model, weights)
        others = [row for row in self.rows if row not in own]
        named = [(f"{row['name']} (of another network: {_network(row, model)})", key_of(row)) for row in others]
        return [(row["name"], key_of(row)) for row in own] + named

    def one(self, key: str | None, model: str, weights: str) -> Mapping:
        """The row of a key. Raises ValueError where there is none, or it is of another network."""
        row = next((row for row in self.rows if key_of(row) == key), None)
        if row is None:
            raise ValueError("no kept edit is chosen: keep one, or load a file, and choose it in the list")
        if row not in self.of(model, weights):
            raise ValueError(
                f'the edit "{row["name"]}" is of another network ({_network(row, model)}): '
                "open that network to apply it, or choose another edit"
            )
        return row

    def added(self, edits: Iterable[Edit]) -> Collection:
        """A name that the same network has already means the new edit."""
        new = tuple(one.row() for one in edits)
        names = {key_of(row) for row in new}
        return Collection(tuple(row for row in self.rows if key_of(row) not in names) + new)

    def without(self, key: str | None) -> Collection:
        """Raises ValueError where there is none of that key."""
        left = tuple(row for row in self.rows if key_of(row) != key)
        if len(left) == len(self.rows):
            raise ValueError("no kept edit is chosen: choose one in the list to delete it")
        return Collection(left)


def key_of(row: Mapping) -> str:
    return f"{row['recipe']['model']} {row['weights'][:12]} {row['name']}"


def _network(row: Mapping, model: str) -> str:
    name = row["recipe"]["model"]
    return f"other weights of {name}" if name == model else name
