"""Edits that were given a name: the numbers that make them, and a JSON file of several; what a file says is not trusted.

A file is an object with `format`, `version` and `edits`, a list of rows, see `Edit.row`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
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
    """The rows of a file that was parsed, as they are. Raises ValueError where it is no file of edits, or an empty one."""
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


def is_named(row: object) -> bool:
    """Does a row say its name, its network and its weights? The rest of it may be damaged."""
    if not isinstance(row, dict) or not isinstance(row.get("recipe"), dict):
        return False
    return all(isinstance(name, str) for name in (row["recipe"].get("model"), row.get("weights"), row.get("name")))
