"""Directions to and from small files: .npy, .npz, .safetensors; nothing that could run code is read."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save

from ..codes import Directions

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


def load_directions(path: str | Path, *, slots: int, dim: int, weights: str | None = None) -> Directions:
    """[k, dim] or [k, slots, dim] from a file, scaled to unit length, for a generator of that many slots and numbers.

    In .npz and .safetensors the array is named `vectors` (or is the only one). Raises ValueError, in one sentence, for
    anything else: another suffix, over 20 MB, broken, pickled, of another size, not finite, or (where both the file and
    the caller name a `weights` hash) made for other weights.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
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
    if "vectors" not in arrays and len(arrays) != 1:
        raise ValueError(
            f"the file {path.name} holds {', '.join(sorted(arrays)) or 'nothing'}; name the directions `vectors`"
        )
    array = arrays["vectors"] if "vectors" in arrays else next(iter(arrays.values()))
    vectors = _checked(path, array, slots=slots, dim=dim)
    moved = tuple(range(slots))
    if "slots" in facts:
        moved = _slots(path, facts["slots"], slots)
    if vectors.ndim == 3 and vectors.shape[1] != len(moved):
        raise ValueError(
            f"the file {path.name} has vectors for {vectors.shape[1]} slots; this model needs {slots}: "
            "open the model they were made for"
        )
    return Directions(
        vectors / vectors.flatten(1).norm(dim=1).reshape(-1, *[1] * (vectors.ndim - 1)),
        _scores(arrays.get("scores"), len(vectors)),
        moved,
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
        if path.suffix == ".npy":
            return {"vectors": np.load(path, allow_pickle=False)}, {}
        if path.suffix == ".npz":
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
        kind = "was pickled, which this page does not open" if pickled else f"is broken or no {path.suffix} file"
        raise ValueError(f"the file {path.name} {kind}: save the directions again as numpy or safetensors") from None


def _with_facts(arrays: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of an .npz, and what `arrays_bytes` wrote beside them. Raises ValueError where that is broken."""
    facts = json.loads(str(arrays.pop("facts"))) if "facts" in arrays else {}
    if facts and "slots" in arrays:
        facts["slots"] = json.dumps(arrays.pop("slots").tolist())
    return arrays, {name: str(value) for name, value in facts.items()}


def _checked(path: Path, array: np.ndarray, *, slots: int, dim: int) -> torch.Tensor:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise ValueError(
            f"the file {path.name} does not hold numbers: save the directions again as an array of numbers"
        )
    if array.ndim == 1:
        array = array[None]
    one_for_all = array.ndim == 2 and array.shape[1] == dim
    one_a_slot = array.ndim == 3 and array.shape[1] <= slots and array.shape[2] == dim
    if not (one_for_all or one_a_slot) or not len(array):
        raise ValueError(
            f"the file {path.name} holds {list(array.shape)}; "
            f"this model needs [k, {dim}] or [k, {slots}, {dim}]: "
            "open the model they were made for, or bring other directions"
        )
    vectors = torch.as_tensor(array.astype(np.float64))
    length = vectors.flatten(1).norm(dim=1)
    if not torch.isfinite(length).all() or (length == 0).any():
        raise ValueError(
            f"the file {path.name} holds directions that are zero, infinite or not numbers: save finite ones again"
        )
    return vectors


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
