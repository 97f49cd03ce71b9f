"""Edits that a visitor keeps: made of a recipe, applied again, and stored in the browser beside those of other networks.

The numbers and their file are those of core.edits; here an edit belongs to a network that can be opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core import edits, zoo
from core.edits import LARGEST_FILE, Edit

from ..page.fields import RecipeError, check_version, parsed, quoted, refusals
from ..page.picture import opened, own_codes
from ..page.verdicts import knobs_of
from .recipe import Recipe


@refusals()
def keep_edit(name: str, recipe: Recipe) -> Edit:
    """The recipe's movement under a name. Raises RecipeError where no knob is moved."""
    if not any(recipe.amounts):
        raise RecipeError("no knob is moved, so there is nothing to keep: move a knob first")
    generator, knobs = opened(recipe.model), knobs_of(recipe)
    nowhere, slots = torch.zeros(1, generator.slots, generator.dim, dtype=torch.float64), knobs.directions.slots
    shift = knobs.moved(nowhere, [recipe.amounts])[0, list(slots)]
    return edits.edit_of(name, recipe.as_dict(), slots, shift, zoo.weights_hash(recipe.model))


def apply_edit(kept: Edit, recipe: Recipe, *, strength: float = 1.0) -> Tensor:
    """The recipe's picture [1, 3, R, R], its knobs as they stand, moved further by `strength` times the kept edit."""
    model = kept.recipe["model"]
    if recipe.model != model:
        raise RecipeError(f"the edit {quoted(kept.name)} is of the model {model}: open that model first")
    codes = own_codes(recipe)
    if any(recipe.amounts):
        codes = knobs_of(recipe).moved(codes, [recipe.amounts])
    return opened(recipe.model).at(psi=recipe.psi)(kept.moved(codes, strength))


@refusals()
def edit_for(row: object, model: str) -> Edit:
    """The edit of a row of a file, for a picture of `model`; trusts nothing. Raises RecipeError."""
    kept = edits.edit_in(row)
    named = kept.recipe.get("model")
    if named != model:
        raise RecipeError(f"this file was made with the model {quoted(named)}, not with {model}: open that model first")
    found = Recipe.from_json(kept.recipe).as_dict()
    if kept.weights != zoo.weights_hash(model):
        raise RecipeError(
            f"the edit {quoted(kept.name)} was made with other weights of {model} "
            "than those here: find it again with this model"
        )
    generator = opened(model)
    return replace(kept, recipe=found).check(generator.slots, generator.dim)


@refusals()
def file_of(kept: Sequence[Edit]) -> str:
    """The JSON of some edits. Raises RecipeError for none, and for more than the page would read again."""
    if not kept:
        raise RecipeError("there is no edit of this network to save: keep one first")
    return edits.text_of([one.row() for one in kept])


@refusals()
def edits_in_file(data: str | bytes, model: str) -> tuple[Edit, ...]:
    """What `file_of` wrote, for a picture of `model`; trusts nothing. Raises RecipeError."""
    found = parsed(data, LARGEST_FILE, "this file of edits")
    rows = edits.rows_in(found)
    check_version(found.get("version"))
    return tuple(edit_for(row, model) for row in rows)


@dataclass(frozen=True)
class Storage:
    """The edits in a visitor's browser, of whichever networks; those of others are listed, and block nothing.

    rows: as of a file. Each is named by its network, weights and name; only what is used is checked.
    """

    rows: tuple[Mapping, ...] = ()

    @classmethod
    def read(cls, stored: str | None) -> Storage:
        """What `text` or `file_of` wrote; what cannot be read is left out."""
        try:
            found = parsed(stored, LARGEST_FILE, "the storage") if stored else {}
        except RecipeError:
            return cls()
        rows = found.get("edits") if isinstance(found, dict) else None
        return cls(tuple(filter(edits.is_named, rows)) if isinstance(rows, list) else ())

    @refusals()
    def text(self) -> str:
        """Raises RecipeError where it is more than would be read again."""
        return edits.text_of(self.rows, "delete some, or save them to a file first")

    def choices(self, model: str) -> list[tuple[str, str]]:
        """(in words, key) of all edits, those of this network first; the others say of what they are."""
        own = [(row["name"], key_of(row)) for row in self.rows if _is_of(row, model)]
        others = [row for row in self.rows if not _is_of(row, model)]
        return own + [(f"{row['name']} (of another network: {_network(row, model)})", key_of(row)) for row in others]

    def of(self, model: str) -> tuple[Edit, ...]:
        """This network's edits. Raises RecipeError where one is damaged."""
        return tuple(edit_for(row, model) for row in self.rows if _is_of(row, model))

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
        return edit_for(row, model)

    def added(self, kept: Iterable[Edit]) -> Storage:
        """A name that the same network has already means the new edit."""
        new = tuple(one.row() for one in kept)
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


def _is_of(row: Mapping, model: str) -> bool:
    return row["recipe"]["model"] == model and row["weights"] == zoo.weights_hash(model)


def _network(row: Mapping, model: str) -> str:
    name = row["recipe"]["model"]
    return f"other weights of {name}" if name == model else name
