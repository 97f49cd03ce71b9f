"""What an array of a file means: does each row hold a direction, each column, or all rows one direction together?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..codes import ranges

READINGS = {  # of an array of two axes; [k, slots, dim] is always read as "slots"
    "rows": "every row is a direction",
    "slots": "one direction, with a row for every layer",
    "columns": "every column is a direction",
}
LAYERS = range(8, 19, 2)  # that style-based networks of 32 to 1,024 pixels have
NAMES = ("vectors", "directions", "components", "lat_comp", "act_comp", "eigvec", "eigenvectors", "boundaries")
ROWS, COLUMNS = ("components", "lat_comp", "act_comp", "boundaries"), ("eigvec", "eigenvectors")  # by their name
DEVIATIONS = ("scores", "lat_stdev", "act_stdev", "stdev", "var_ratio")  # what directions are ranked by
NO_CODES = "If these are codes of pictures, they are no directions: save the difference of two codes instead."


class Reading(NamedTuple):
    """vectors: [k, dim], or [k, m, dim] for the slots `moved`, of any length. way: of READINGS; others: what else the
    array may mean. note: how it was read, in sentences."""

    vectors: np.ndarray
    moved: tuple[int, ...]
    way: str
    others: tuple[str, ...]
    note: str


def chosen_array(arrays: Mapping[str, np.ndarray], dim: int) -> str:
    """The name of the array that holds directions; "" where none or several could."""
    named = [name for name in NAMES if name in arrays]
    fitting = [name for name in named if dim in getattr(arrays[name], "shape", ())]
    possible = fitting or named or list(arrays)
    return possible[0] if fitting or named or len(possible) == 1 else ""


def read_as(array: np.ndarray, *, slots: int, dim: int, name: str = "", way: str | None = None) -> Reading | None:
    """An array of numbers as directions for a network of that many slots and numbers; None where it is none.

    name: of the array in its file. way: of READINGS, what the caller says; None: what its shape, its name and its
    values say. Raises ValueError where the array cannot be read that way.
    """
    shape, array = list(array.shape), _with_known_axes(array, slots, dim)
    if array is None or not array.size:
        return None
    possible = _possible(array, slots, dim)
    if not possible:
        return None
    if way and way not in possible:
        known = " or ".join(f"{one} ({READINGS[one]})" for one in possible)
        raise ValueError(f"an array {shape} cannot be read by {way}: this network reads it by {known}")
    best = way or _likeliest(array, shape, possible, name, slots)
    found, moved, note = _read(array, best, slots, shape)
    others = tuple(one for one in possible if one != best)
    if best == "slots" and found.ndim == 2 or len(_unlike(array)) == 1 and array.ndim == 2:
        others = ()  # equal rows are one direction, however they are read
    lengths = np.linalg.norm(found.reshape(len(found), -1), axis=1)
    if np.abs(lengths - 1).max() > 0.02 and name not in ROWS:
        note += f" {NO_CODES}"
    return Reading(found, moved, best, others, note)


def _with_known_axes(array: np.ndarray, slots: int, dim: int) -> np.ndarray | None:
    """[m, dim], [dim, k] or [k, m, dim]; None where the numbers of a code are no axis."""
    if array.ndim == 1:
        array = array[None]
    if array.ndim == 2 and slots > 1 and array.shape[1] == slots * dim:
        array = array.reshape(len(array), slots, dim)
    if array.ndim == 3 and array.shape[1] == 1 and array.shape[2] == dim:
        array = array[:, 0]
    return array if array.ndim in (2, 3) and dim in array.shape[-2:] else None


def _possible(array: np.ndarray, slots: int, dim: int) -> list[str]:
    """The keys of READINGS that the shape allows."""
    rows, numbers = array.shape[-2:]
    fits = slots > 1 and (rows == slots or rows in LAYERS and slots in LAYERS)
    if array.ndim == 3:
        return ["slots"] * (numbers == dim and (rows == slots or fits and rows > slots))
    by_rows = ["rows"] + ["slots"] * fits if numbers == dim else []
    if "rows" in by_rows and not _lengths(array).all() and rows == slots:
        by_rows = ["slots"]  # a layer may stand still; a direction may not
    return by_rows + ["columns"] * (rows == dim and rows > 1)


def _lengths(array: np.ndarray) -> np.ndarray:
    return np.linalg.norm(array.astype(np.float64), axis=-1)


def _likeliest(array: np.ndarray, shape: list[int], possible: list[str], name: str, slots: int) -> str:
    if len(possible) == 1:
        return possible[0]
    if name in COLUMNS and "columns" in possible:
        return "columns"
    if name in ROWS or len(shape) == 3 or "slots" not in possible:
        return "rows"
    units = array / np.maximum(_lengths(array), 1e-300)[:, None]
    across = np.abs(units @ units.T - np.eye(len(units)))
    if across.max() < 1e-3:  # by chance no two rows of one direction are at right angles
        return "rows"
    alone = np.abs(_lengths(array) - 1).max() < 1e-3
    return "slots" if len(array) == slots or len(array) > slots and not alone else "rows"


def _unlike(array: np.ndarray) -> np.ndarray:
    """Rows [m, dim] without those that are a positive multiple of the first."""
    units = array / np.maximum(_lengths(array), 1e-300)[..., None]
    return array if np.abs(units - units[:1]).max() > 1e-4 else array[:1]


def _read(array: np.ndarray, way: str, slots: int, shape: list[int]) -> tuple[np.ndarray, tuple[int, ...], str]:
    """Vectors, the slots that they move, and how the array was read."""
    every, said = tuple(range(slots)), f"The file holds {shape}, read as"
    if way != "slots":
        turned = array.T if way == "columns" else array
        found, line = _unlike(turned), way.removesuffix("s")
        if len(found) < len(turned):
            return found, every, f"{said} one direction: all {len(turned)} {way} say the same."
        turns = ": the file is turned (rows hold the directions elsewhere)" if way == "columns" else ""
        return found, every, f"{said} {_count(len(found))}, one a {line}{turns}."
    layers = array if array.ndim == 3 else array[None]
    rows = layers.shape[1]
    used = min(rows, slots)
    note, pixels = f"{said} {_count(len(layers))} with a row for each of {rows} layers.", 2 ** (rows // 2 + 1)
    if rows != slots:
        note += f" It was made for {rows} layers, as a network of {pixels:,} pixels has; this network has {slots}."
    moved = tuple(i for i in range(used) if np.any(layers[:, i])) or every[:used]
    layers = layers[:, list(moved)]
    if np.abs(layers - layers[:, :1]).max() <= 1e-5 * np.abs(layers).max():
        where = "all of them" if len(moved) == slots else f"the layers {ranges(moved)}"
        return layers[:, 0], moved, f"{note} The rows are equal, so it moves {where} alike."
    if rows > slots:
        note += f" Its first {used} rows are used; for the others, open the network that it was made for."
    elif len(moved) < slots:
        note += f" It moves only the layers {ranges(moved)}."
    return layers, moved, note


def _count(k: int) -> str:
    return "one direction" if k == 1 else f"{k} directions"
