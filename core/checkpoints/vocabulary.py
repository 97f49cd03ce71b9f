"""What a pickle's names may mean: plain things that hold what a file of weights says, and do nothing.

Tensors stay where they lie in the file until they are asked for. Whatever does not fit is refused in a sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

AGAIN = "fetch the file again from where it was published"


class Refused(ValueError):
    """Its message completes "the file cannot be opened, because ...": what is wrong, and what to do."""


def shown(text: object) -> str:
    """A name from a stranger's file, short and on one line."""
    return re.sub(r"[^\w.\-/ \[\],]", "?", str(text)[:60])


def need(truth: bool, problem: str, remedy: str = AGAIN) -> None:
    if not truth:
        raise Refused(f"{problem}: {remedy}")


def whole(*numbers: object) -> bool:
    return all(type(number) is int and 0 <= number < 2**48 for number in numbers)


# What tensors are read from


@dataclass(eq=False)
class Storage:
    """`numel` numbers that lie somewhere in the file; `fetch` returns their bytes."""

    dtype: torch.dtype
    numel: int
    fetch: Callable[[], bytes] | None = None
    flat: Tensor | None = None

    @property
    def size(self) -> int:
        return self.numel * self.dtype.itemsize

    def tensor(self) -> Tensor:
        """[numel], read once."""
        if self.flat is None:
            data = self.fetch() if self.fetch else b""
            need(len(data) == self.size, "a tensor has fewer bytes than it says")
            self.flat = (
                torch.frombuffer(bytearray(data), dtype=self.dtype) if data else torch.empty(0, dtype=self.dtype)
            )
        return self.flat


@dataclass(eq=False)
class Strided:
    """A tensor as torch pickles it: a view of a storage. It never claims more numbers than its storage has."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def __post_init__(self) -> None:
        fits = (
            isinstance(self.storage, Storage)
            and isinstance(self.size, tuple)
            and isinstance(self.stride, tuple)
            and len(self.size) == len(self.stride) <= 8
            and whole(self.offset, *self.size, *self.stride)
        )
        need(fits, "a tensor's shape is not one")
        last = self.offset + sum((many - 1) * step for many, step in zip(self.size, self.stride))
        count = math.prod(self.size)
        need(
            count <= self.storage.numel and (count == 0 or last < self.storage.numel),
            "a tensor claims more numbers than the file holds",
        )

    @property
    def nbytes(self) -> int:
        return math.prod(self.size) * self.storage.dtype.itemsize

    def tensor(self) -> Tensor:
        return self.storage.tensor().as_strided(self.size, self.stride, self.offset)


class DType:
    """numpy.dtype of plain numbers; its byte order arrives in a second step."""

    def __init__(self, code: str, align: bool = False, copy: bool = True):
        need(
            isinstance(code, str) and re.fullmatch(r"[<>|=]?([fiu][1248]|b1)", code) is not None,
            "an array holds something else than plain numbers",
            "open a file of plain weights",
        )
        self.dtype = np.dtype(code)

    def build(self, state: object) -> None:
        need(
            isinstance(state, tuple) and len(state) >= 2 and state[1] in ("<", ">", "|", "="),
            "an array's type is broken",
        )
        self.dtype = self.dtype.newbyteorder(state[1])


class Array:
    """numpy.ndarray: empty at first, filled in a second step."""

    def __init__(self, *_: object):
        self.values = np.zeros(0, np.float32)

    @classmethod
    def of(cls, number: float) -> Array:
        made = cls()
        made.values = np.array(number, np.float32)
        return made

    def build(self, state: object) -> None:
        need(isinstance(state, tuple) and len(state) == 5, "an array is broken")
        _, shape, kind, fortran, data = state
        data = data.encode("latin-1") if isinstance(data, str) else data
        fits = (
            isinstance(shape, tuple)
            and len(shape) <= 8
            and whole(*shape)
            and isinstance(kind, DType)
            and isinstance(data, bytes)
            and math.prod(shape) * kind.dtype.itemsize == len(data)
        )
        need(fits, "an array does not hold the plain numbers that it says")
        self.values = np.frombuffer(data, kind.dtype).reshape(shape, order="F" if fortran else "C")

    @property
    def nbytes(self) -> int:
        return self.values.nbytes

    def tensor(self) -> Tensor:
        return torch.from_numpy(self.values.astype(self.values.dtype.newbyteorder("="), order="C"))


# Inert things that names stand for


@dataclass(eq=False)
class Persistent:
    """A torch module as NVIDIA pickles it, without the source code that lies beside it."""

    class_name: str
    state: dict


class Inert:
    """An object whose attributes are kept and whose class is not: settings, a network of NVIDIA's TensorFlow code."""

    def __init__(self) -> None:
        self.state: dict = {}

    def build(self, state: object) -> None:
        need(isinstance(state, dict), "an object is broken")
        self.state = state


class Network(Inert):
    """dnnlib.tflib.network.Network"""


def _persistent(meta: object) -> Persistent:
    need(
        isinstance(meta, dict)
        and meta.get("type") == "class"
        and isinstance(meta.get("state"), dict)
        and isinstance(meta.get("class_name"), str),
        "a persistent object is broken",
    )
    return Persistent(meta["class_name"], meta["state"])


def key_of(key: object) -> object:
    """Only what hashes in one step: a tuple nested a million times would overflow the interpreter's own stack."""
    need(
        key is None or type(key) in (str, bytes, bool) or type(key) is int and abs(key) < 2**31,
        "a dict has a strange key",
    )
    return key


def dict_of(pairs: object = ()) -> dict:
    need(
        isinstance(pairs, (list, tuple)) and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs),
        "a dict is broken",
    )
    return {key_of(key): value for key, value in pairs}


def set_of(items: object = ()) -> set:
    need(isinstance(items, (list, tuple)), "a set is broken")
    return {key_of(item) for item in items}


def _bytes(text: str = "", encoding: str = "latin1") -> bytes:
    need(isinstance(text, str) and encoding in ("latin1", "latin-1"), "bytes are broken")
    return text.encode("latin-1")


def _scalar(kind: DType, data: bytes | str) -> float | int | bool:
    data = _bytes(data) if isinstance(data, str) else data
    need(isinstance(kind, DType) and isinstance(data, bytes) and len(data) == kind.dtype.itemsize, "a number is broken")
    return np.frombuffer(data, kind.dtype)[0].item()


def _size(sizes: tuple[int, ...]) -> tuple[int, ...]:
    need(isinstance(sizes, tuple), "a shape is broken")
    return sizes


def _tensor(storage: Storage, offset: int, size: tuple, stride: tuple, *_: object) -> Strided:
    return Strided(storage, offset, size, stride)


def _parameter(data: Strided, *_: object) -> Strided:
    need(isinstance(data, Strided), "a parameter is broken")
    return data


STORAGES = dict(
    Float="float32",
    Double="float64",
    Half="float16",
    BFloat16="bfloat16",
    Long="int64",
    Int="int32",
    Short="int16",
    Char="int8",
    Byte="uint8",
    Bool="bool",
)
VOCABULARY: dict[str, object] = {
    "collections.OrderedDict": dict_of,
    "dnnlib.util.EasyDict": dict_of,
    "argparse.Namespace": Inert,
    **{f"{home}.set": set_of for home in ("builtins", "__builtin__")},
    **{f"{home}.bytes": _bytes for home in ("builtins", "__builtin__")},
    "_codecs.encode": _bytes,
    "torch_utils.persistence._reconstruct_persistent_obj": _persistent,
    "dnnlib.tflib.network.Network": Network,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
    "torch.device": lambda name, *_: shown(name),
    "numpy.dtype": DType,
    "numpy.ndarray": Array,
    **{
        f"numpy.{core}.multiarray.{name}": made
        for core in ("core", "_core")
        for name, made in (("_reconstruct", Array), ("scalar", _scalar))
    },
    **{
        f"{home}.{name}Storage": getattr(torch, kind)
        for home in ("torch", "torch.cuda")
        for name, kind in STORAGES.items()
    },
    **{f"torch.{kind}": getattr(torch, kind) for kind in STORAGES.values()},
}
