"""Edits that a visitor keeps: the numbers that make them, a file of several, the browser's storage, and how they are
applied again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core import zoo
from core.codes import Directions, edit

from ..page.fields import VERSION, RecipeError, check_version, parsed, quoted
from ..page.picture import opened, own_codes
from ..page.verdicts import knobs_of
from .recipe import Recipe

LARGEST_EDIT_FILE = 2 * 2**20  # bytes
LARGEST_SHIFT = 1e4  # codes are of the order of 1; beyond this a shift is damage, not an edit
LONGEST_NAME = 60
EDITS_FORMAT = "ganatomy-edits"


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
            raise RecipeError(
                f"the edit {quoted(name)} was made with other weights of {self.recipe.model} "
                "than those here: find it again with this model"
            )
        generator = opened(self.recipe.model)
        if not _rows_fit(self.slots, self.shift, generator.slots, generator.dim):
            raise RecipeError(
                f"the edit {quoted(name)} does not hold {generator.dim} finite numbers for each layer it "
                f"moves, or moves layers other than 0 to {generator.slots - 1}: save it again"
            )
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "slots", tuple(self.slots))
        object.__setattr__(self, "shift", tuple(tuple(float(number) for number in row) for row in self.shift))


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


def keep_edit(name: str, recipe: Recipe) -> Edit:
    """The recipe's movement under a name. Raises RecipeError where no knob is moved."""
    if not any(recipe.amounts):
        raise RecipeError("no knob is moved, so there is nothing to keep: move a knob first")
    generator, knobs = opened(recipe.model), knobs_of(recipe)
    nowhere, slots = torch.zeros(1, generator.slots, generator.dim, dtype=torch.float64), knobs.directions.slots
    shift = knobs.moved(nowhere, [recipe.amounts])[0, list(slots)]
    rows = tuple(tuple(float(f"{number:.9g}") for number in row) for row in shift.tolist())  # exact in float32
    return Edit(name, recipe, slots, rows, zoo.weights_hash(recipe.model))


def apply_edit(kept: Edit, recipe: Recipe, *, strength: float = 1.0) -> Tensor:
    """The recipe's picture [1, 3, R, R], its knobs as they stand, moved further by `strength` times the kept edit."""
    if recipe.model != kept.recipe.model:
        raise RecipeError(f"the edit {quoted(kept.name)} is of the model {kept.recipe.model}: open that model first")
    shift = torch.tensor(kept.shift, dtype=torch.float64)[None]
    length = shift.norm()
    direction = Directions(shift / length.clamp(min=torch.finfo(torch.float64).tiny), torch.ones(1), kept.slots)
    generator = opened(recipe.model).at(psi=recipe.psi)
    codes = own_codes(recipe)
    if any(recipe.amounts):
        codes = knobs_of(recipe).moved(codes, [recipe.amounts])
    return generator(edit(codes, direction, [strength * float(length)]))


@dataclass(frozen=True)
class EditFile:
    """Several kept edits of one model as one small JSON file."""

    edits: tuple[Edit, ...]

    def to_json(self) -> str:
        """Raises RecipeError where there is nothing to save, or more than the page would read again."""
        if not self.edits:
            raise RecipeError("there is no edit of this network to save: keep one first")
        return _written(list(map(_row, self.edits)), "save fewer")

    @classmethod
    def from_json(cls, data: str | bytes, *, model: str) -> EditFile:
        """What `to_json` wrote, for a picture of `model`; trusts nothing. Raises RecipeError."""
        found = parsed(data, LARGEST_EDIT_FILE, "this file of edits")
        if not isinstance(found, dict) or found.get("format") != EDITS_FORMAT:
            raise RecipeError("this is not a file of edits: choose one that was saved on this page")
        check_version(found.get("version"))
        rows = found.get("edits")
        if not isinstance(rows, list) or not rows:
            raise RecipeError("this file of edits holds none: choose another one, or save it again")
        return cls(tuple(_edit_of(row, model) for row in rows))


@dataclass(frozen=True)
class Storage:
    """The edits in a visitor's browser, of whichever networks; those of others are listed, and block nothing.

    rows: as of an `EditFile`. Each is named by its network, weights and name; only what is used is checked.
    """

    rows: tuple[Mapping, ...] = ()

    @classmethod
    def read(cls, stored: str | None) -> Storage:
        """What `text` wrote, or an `EditFile`; what cannot be read is left out."""
        try:
            found = parsed(stored, LARGEST_EDIT_FILE, "the storage") if stored else {}
        except RecipeError:
            return cls()
        rows = found.get("edits") if isinstance(found, dict) else None
        return cls(tuple(row for row in rows if _has_names(row)) if isinstance(rows, list) else ())

    def text(self) -> str:
        """Raises RecipeError where it is more than would be read again."""
        return _written(self.rows, "delete some, or save them to a file first")

    def choices(self, model: str) -> list[tuple[str, str]]:
        """(in words, key) of all edits, those of this network first; the others say of what they are."""
        mine = [_is_of(row, model) for row in self.rows]
        own = [(row["name"], key_of(row)) for row, is_mine in zip(self.rows, mine) if is_mine]
        others = [row for row, is_mine in zip(self.rows, mine) if not is_mine]
        return own + [(f"{row['name']} (of another network: {_network(row, model)})", key_of(row)) for row in others]

    def of(self, model: str) -> tuple[Edit, ...]:
        """This network's edits. Raises RecipeError where one is damaged."""
        return tuple(_edit_of(row, model) for row in self.rows if _is_of(row, model))

    def one(self, key: str | None, model: str) -> Edit:
        """Raises RecipeError where there is none of that key, or it is of another network."""
        row = next((row for row in self.rows if key_of(row) == key), None)
        if row is None:
            raise RecipeError("no kept edit is chosen: keep one, or load a file, and choose it in the list")
        if not _is_of(row, model):
            raise RecipeError(
                f"the edit {quoted(row['name'])} is of another network ({_network(row, model)}): "
                "open that network to apply it, or choose another edit"
            )
        return _edit_of(row, model)

    def added(self, edits: Sequence[Edit]) -> Storage:
        """A name that the same network has already means the new edit."""
        new = tuple(map(_row, edits))
        names = {key_of(row) for row in new}
        return Storage(tuple(row for row in self.rows if key_of(row) not in names) + new)

    def without(self, key: str | None) -> Storage:
        """Raises RecipeError where there is none of that key."""
        left = tuple(row for row in self.rows if key_of(row) != key)
        if len(left) == len(self.rows):
            raise RecipeError("no kept edit is chosen: choose one in the list to delete it")
        return Storage(left)


def key_of(row: Mapping) -> str:
    return f"{row['recipe']['model']} {row['weights'][:12]} {row['name']}"


def _has_names(row: object) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("recipe"), dict):
        return False
    return all(isinstance(name, str) for name in (row["recipe"].get("model"), row.get("weights"), row.get("name")))


def _is_of(row: Mapping, model: str) -> bool:
    return row["recipe"]["model"] == model and row["weights"] == zoo.weights_hash(model)


def _network(row: Mapping, model: str) -> str:
    name = row["recipe"]["model"]
    return f"other weights of {name}" if name == model else name


def _row(kept: Edit) -> dict:
    return dict(name=kept.name, recipe=kept.recipe.as_dict(), slots=kept.slots, shift=kept.shift, weights=kept.weights)


def _written(rows: Sequence[Mapping], remedy: str) -> str:
    text = json.dumps(dict(format=EDITS_FORMAT, version=VERSION, edits=rows))
    if len(text) > LARGEST_EDIT_FILE:
        raise RecipeError(f"{len(rows)} edits are more than {LARGEST_EDIT_FILE // 2**20} MB: {remedy}")
    return text


def _edit_of(row: object, model: str) -> Edit:
    recipe = row.get("recipe") if isinstance(row, dict) else None
    if not isinstance(recipe, dict):
        raise RecipeError("an edit in this file is damaged: choose another file, or save it again")
    if recipe.get("model") != model:
        raise RecipeError(
            f"this file was made with the model {quoted(recipe.get('model'))}, not with {model}: open that model first"
        )
    return Edit(row.get("name"), Recipe.from_json(recipe), row.get("slots"), row.get("shift"), row.get("weights"))
