"""Directions to and from small files: .npy, .npz, .safetensors; nothing that could run code is read."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save

from ..codes import Directions
from .readings import DEVIATIONS, READINGS, chosen_array, read_as

LARGEST = 20 * 2**20  # bytes: 1,000 directions over 18 slots of 512 numbers would be 37 MB; nobody steers those
SUFFIXES = (".npy", ".npz", ".safetensors")


def save_directions(directions: Directions, path: str | Path, **facts: str) -> None:
    """Writes the file of `directions_bytes`."""
    Path(path).write_bytes(directions_bytes(directions, **facts))


def directions_bytes(directions: Directions, **facts: str) -> bytes:
    """A safetensors file with `vectors`, `scores` and, as metadata,
    the slots and `facts` (model, weights hash, name ...).
    """
    tensors = dict(vectors=directions.vectors.contiguous(), scores=directions.scores.contiguous())
    return save(tensors, metadata=dict(slots=json.dumps(directions.slots), **facts))


def arrays_bytes(directions: Directions, **facts: str) -> bytes:
    """An .npz with the arrays `vectors`, `scores` and `slots`, and `facts` as JSON: for NumPy without PyTorch."""
    arrays = dict(vectors=directions.vectors.numpy(), scores=directions.scores.numpy())
    out = io.BytesIO()
    np.savez(out, **arrays, slots=np.array(directions.slots), facts=np.array(json.dumps(facts)))
    return out.getvalue()


class Found(NamedTuple):
    """Directions of a file. reading: how it was read, a key of READINGS; others: what else it may mean; note: that in
    sentences; "" for a file that says itself how it is to be read."""

    directions: Directions
    reading: str
    others: tuple[str, ...]
    note: str


def load_directions(
    path: str | Path, *, slots: int, dim: int, weights: str | None = None, reading: str | None = None
) -> Directions:
    """Directions from a file, scaled to unit length, for a generator of that many slots and numbers.

    reading: "rows" of [k, dim] are directions; or all of [slots, dim], or each of [k, slots, dim], is one with a row
    for every slot ("slots"); or the "columns" of [dim, k] are directions. None: what the file says or its values
    suggest, with a warning where it may mean something else. Raises as `found_in`.
    """
    found = found_in(path, slots=slots, dim=dim, weights=weights, reading=reading)
    if found.others and not reading:
        other = " or ".join(f'reading="{one}" ({READINGS[one]})' for one in found.others)
        warnings.warn(f"{Path(path).name}: {found.note} It may also mean {other}", stacklevel=2)
    return found.directions


def found_in(
    path: str | Path, *, slots: int, dim: int, weights: str | None = None, reading: str | None = None
) -> Found:
    """The directions of a file, and how it was read; the arguments are those of `load_directions`.

    In .npz and .safetensors the array is named as one of NAMES, or is the only one. Raises ValueError, in one sentence,
    for anything else: another suffix, over 20 MB, broken, pickled, of another size, not finite, not to be read in that
    way, or (where both the file and the caller name a `weights` hash) made for other weights.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"the file {path.name} is of another kind: directions come as {', '.join(SUFFIXES)}: "
            "save them as one of these"
        )
    if not path.is_file():
        raise ValueError(f"there is no file {path.name}: choose one of {', '.join(SUFFIXES)}")
    size = _unpacked(path)
    if size > LARGEST:
        raise ValueError(
            f"the file {path.name} has {size / 2**20:.0f} MB; "
            f"a file of directions may have {LARGEST // 2**20}: save fewer of them"
        )
    arrays, facts = _arrays(path)
    if weights and facts.get("weights") and facts["weights"] != weights:
        raise ValueError(
            f"the file {path.name} was made for other weights ({facts.get('model', 'another model')}): "
            "open that model first, or save the directions again with this one"
        )
    name = chosen_array(arrays, dim)
    if not name:
        raise ValueError(
            f"the file {path.name} holds {', '.join(sorted(arrays)) or 'nothing'}; name the directions `vectors`"
        )
    ranked = next((arrays[one] for one in DEVIATIONS if isinstance(arrays.get(one), np.ndarray)), None)
    whole = ranked is not None and name == "vectors" and ranked.shape == np.shape(arrays[name])[:1]
    if "slots" in facts or whole:
        return _as_it_says(path, arrays[name], ranked, facts, slots=slots, dim=dim, reading=reading)
    numbers = _numbers(path, arrays[name])
    try:
        read = read_as(numbers, slots=slots, dim=dim, name=name, way=reading)
    except ValueError as error:
        raise ValueError(f"the file {path.name}: {error}") from None
    if read is None:
        raise _other_size(path, numbers, slots, dim)
    directions = Directions(_unit(path, read.vectors), _scores(ranked, len(read.vectors)), read.moved)
    return Found(directions, read.way, read.others, read.note)


def _as_it_says(path: Path, array: np.ndarray, ranked: np.ndarray | None, facts: dict[str, str], **about) -> Found:
    """Of a file that says itself which layers it moves, or how its rows rank: [k, dim] or [k, slots, dim]."""
    slots, dim, reading = about["slots"], about["dim"], about["reading"]
    numbers = _numbers(path, array)
    numbers = numbers[None] if numbers.ndim == 1 else numbers
    if numbers.ndim not in (2, 3) or numbers.shape[-1] != dim or not len(numbers):
        raise _other_size(path, numbers, slots, dim)
    moved = _slots(path, facts["slots"], slots) if "slots" in facts else tuple(range(slots))
    if numbers.ndim == 3 and numbers.shape[1] != len(moved):
        raise _other_size(path, numbers, slots, dim)
    way = "rows" if numbers.ndim == 2 else "slots"
    if reading not in (None, way):
        raise ValueError(f"the file {path.name} says itself how it is to be read: leave the reading out, or say {way}")
    return Found(Directions(_unit(path, numbers), _scores(ranked, len(numbers)), moved), way, (), "")


def _other_size(path: Path, array: np.ndarray, slots: int, dim: int) -> ValueError:
    """What to say of an array that no reading fits."""
    shape = list(array.shape)
    for_layers = (
        f"vectors for {shape[1]} slots; this model needs {slots}" if array.ndim == 3 and shape[-1] == dim else ""
    )
    if array.ndim == 3 and shape[:1] == [slots] and shape[-1] == dim:
        return ValueError(
            f"the file {path.name} holds {shape}: the layers come first there; turn it to [k, {slots}, {dim}], "
            "with numpy's swapaxes(0, 1), and save it again"
        )
    return ValueError(
        f"the file {path.name} holds {shape}; "
        + (for_layers or f"this model needs [k, {dim}] or [k, {slots}, {dim}]")
        + ": open the model they were made for, or bring other directions"
    )


def _unpacked(path: Path) -> int:
    """Bytes that reading the file needs: an archive of few bytes can unpack to gigabytes."""
    size = path.stat().st_size
    if size > LARGEST or not zipfile.is_zipfile(path):
        return size
    try:
        with zipfile.ZipFile(path) as archive:
            return max(size, sum(entry.file_size for entry in archive.infolist()))
    except Exception as error:  # zipfile raises many kinds for a broken archive
        raise ValueError(
            f"the file {path.name} is broken ({type(error).__name__}): save the directions again"
        ) from None


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        if path.suffix.lower() == ".npy":
            return {"vectors": np.load(path, allow_pickle=False)}, {}
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return _with_facts({name: file[name] for name in file.files})
        with safe_open(str(path), framework="pt") as file:
            return {
                name: file.get_tensor(name).float().numpy()
                if file.get_tensor(name).dtype == torch.bfloat16
                else file.get_tensor(name).numpy()
                for name in file.keys()
            }, dict(file.metadata() or {})
    except Exception as error:  # zipfile, numpy and safetensors raise many kinds for a broken file
        pickled = "Object arrays" in str(error) or path.read_bytes()[:1] == b"\x80"
        kind = (
            "was pickled, which this page does not open" if pickled else f"is broken or no {path.suffix.lower()} file"
        )
        raise ValueError(f"the file {path.name} {kind}: save the directions again as numpy or safetensors") from None


def _with_facts(arrays: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of an .npz, and what `arrays_bytes` wrote beside them. Raises ValueError where that is broken."""
    facts = json.loads(str(arrays.pop("facts"))) if "facts" in arrays else {}
    if facts and "slots" in arrays:
        facts["slots"] = json.dumps(arrays.pop("slots").tolist())
    return arrays, {name: str(value) for name, value in facts.items()}


def _numbers(path: Path, array: np.ndarray) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise ValueError(
            f"the file {path.name} does not hold numbers: save the directions again as an array of numbers"
        )
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise _no_directions(path)
    return numbers


def _no_directions(path: Path) -> ValueError:
    says = "holds directions that are zero, infinite or not numbers: save finite ones again"
    return ValueError(f"the file {path.name} {says}")


def _unit(path: Path, array: np.ndarray) -> torch.Tensor:
    """[k, ...] scaled to length one."""
    vectors = torch.as_tensor(np.ascontiguousarray(array))
    length = vectors.flatten(1).norm(dim=1)
    if not torch.isfinite(length).all() or (length == 0).any():
        raise _no_directions(path)
    return vectors / length.reshape(-1, *[1] * (vectors.ndim - 1))


def _scores(array: np.ndarray | None, count: int) -> torch.Tensor:
    """[count]; ones where the file says nothing that could be a score."""
    usable = array is not None and array.shape == (count,) and array.dtype.kind in "fiu"
    scores = torch.as_tensor(array.astype(np.float64)) if usable else torch.ones(count, dtype=torch.float64)
    return scores if torch.isfinite(scores).all() else torch.ones_like(scores)


def _slots(path: Path, text: str, slots: int) -> tuple[int, ...]:
    try:
        moved = tuple(json.loads(text))
        if not all(type(slot) is int for slot in moved) or len(set(moved)) != len(moved):
            raise ValueError
    except (TypeError, ValueError, RecursionError):
        raise ValueError(
            f"the file {path.name} does not say which layers it moves: save the directions again"
        ) from None
    if not moved or any(not 0 <= slot < slots for slot in moved):
        raise ValueError(
            f"the file {path.name} moves layers {moved}; this model has 0 to {slots - 1}: "
            "open the model they were made for"
        )
    return moved
