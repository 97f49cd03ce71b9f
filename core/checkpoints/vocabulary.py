"""What a pickle's names mean: plain things that hold what a file of weights says, and do nothing.

Tensors stay where they lie in the file until they are asked for. What does not fit becomes a `Broken` thing with a
sentence, which is raised only where the generator needs it; a name that is not in VOCABULARY becomes an `Inert`.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..generators.base import CHANNELS

AGAIN = "fetch the file again from where it was published"


class Refused(ValueError):
    """Its message completes "the file cannot be opened, because ...": what is wrong, and what to do."""


class Accused(Refused):
    """The file would run something, or would read without end: the rest of it does not matter either."""


BRIEF = reprlib.Repr()
BRIEF.maxlevel, BRIEF.maxother, BRIEF.maxlong, BRIEF.maxstring = 2, 60, 30, 60


def shown(text: object) -> str:
    """A name or setting from a stranger's file, short and on one line; lists in lists are never written out."""
    if isinstance(text, (list, tuple, dict, set, frozenset, int)):
        try:
            text = BRIEF.repr(text)
        except ValueError:  # Python writes no number of more than 4,300 digits
            text = "a very large number"
    return re.sub(r"[^\w.\-/ \[\],]", "?", str(text)[:60])


def need(truth: bool, problem: str, remedy: str = AGAIN) -> None:
    if not truth:
        raise Refused(f"{problem}: {remedy}")


def picture_channels(count: int) -> int:
    """How many channels an output layer has. Raises Refused where they make no picture."""
    need(
        count in CHANNELS,
        f"it draws {count} channels, and the pictures of this project have 1 (grey), 3 (colours) or 4 (with opacity)",
        "open a network of one of these",
    )
    return count


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
    def shape(self) -> tuple[int, ...]:
        return self.size

    @property
    def nbytes(self) -> int:
        return math.prod(self.size) * self.storage.dtype.itemsize

    def tensor(self) -> Tensor:
        return self.storage.tensor().as_strided(self.size, self.stride, self.offset)


class Sliced(Strided):
    """A tensor of an open safetensors file, which is trusted to have checked shapes and lengths."""

    def __init__(self, file: object, name: str):
        self.file, self.name = file, name
        self.size = tuple(file.get_slice(name).get_shape())

    @property
    def nbytes(self) -> int:
        return 0

    def tensor(self) -> Tensor:
        return self.file.get_tensor(self.name)


@dataclass(eq=False)
class Broken:
    """What could not be made from the file. Its sentence is raised where it is needed, and nowhere else."""

    sentence: str

    @property
    def shape(self) -> tuple[int, ...]:
        return (0,)

    @property
    def nbytes(self) -> int:
        raise Refused(self.sentence)

    def tensor(self) -> Tensor:
        raise Refused(self.sentence)


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

    broken: str | None = None  # why it could not be filled

    def __init__(self, *_: object):
        self.values = np.zeros(0, np.float32)

    @classmethod
    def of(cls, number: float) -> Array:
        made = cls()
        made.values = np.array(number, np.float32)
        return made

    @classmethod
    def filled(cls, data: object, kind: object, shape: object, order: object = "C", *_: object) -> Array:
        """numpy's _frombuffer, of pickles of protocol 5."""
        made = cls()
        made.fill(shape, kind, order == "F", data)
        return made

    def build(self, state: object) -> None:
        need(isinstance(state, tuple) and len(state) == 5, "an array is broken")
        self.fill(*state[1:])

    def fill(self, shape: object, kind: object, fortran: object, data: object) -> None:
        data = data.encode("latin-1") if isinstance(data, str) else data
        fits = (
            isinstance(shape, tuple)
            and len(shape) <= 8
            and whole(*shape)
            and isinstance(kind, DType)
            and isinstance(data, (bytes, bytearray))
            and math.prod(shape) * kind.dtype.itemsize == len(data)
        )
        need(fits, "an array does not hold the plain numbers that it says")
        self.values = np.frombuffer(data, kind.dtype).reshape(shape, order="F" if fortran else "C")

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def nbytes(self) -> int:
        if self.broken is not None:
            raise Refused(self.broken)
        return self.values.nbytes

    def tensor(self) -> Tensor:
        return torch.from_numpy(self.values.astype(self.values.dtype.newbyteorder("="), order="C"))


# Inert things that names stand for


@dataclass(frozen=True, eq=False)
class Named:
    """A name of the file. target: what VOCABULARY has for it, None where that is nothing; only calls use it."""

    name: str
    target: object


@dataclass(eq=False)
class Persistent:
    """A torch module as NVIDIA pickles it, without the source code that lies beside it."""

    class_name: str
    state: dict


class Inert:
    """An object of a class or function that is never fetched. What it was made of and given is kept, and not used.

    name: of the class or function. arguments: of the call. state: its attributes. pairs, members: what it holds where
    it is a kind of dict or of list. Two of them are never compared: each is equal to itself alone.
    """

    __slots__ = ("arguments", "members", "name", "pairs", "state")

    def __init__(self, name: str = "", arguments: tuple = ()) -> None:
        self.name, self.arguments = name, arguments
        self.state: dict = {}
        self.pairs: dict | None = None
        self.members: list | None = None

    @property
    def class_name(self) -> str:
        """Without its module: of copyreg's helper, that of the class that it would make."""
        named = self.arguments[0] if self.arguments and self.name.startswith("copy") else self
        return (named.name if isinstance(named, (Named, Inert)) else self.name).rpartition(".")[2]

    def hold(self, members: list) -> None:
        self.members = self.members or []
        self.members.extend(members)

    def hold_pairs(self, pairs: dict) -> None:
        self.pairs = self.pairs or {}
        self.pairs.update(pairs)

    def __repr__(self) -> str:
        return self.name

    def build(self, state: object) -> None:
        """A dict of attributes, also where a second one holds those of __slots__; anything else is kept beside."""
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
        if all(part is None or isinstance(part, dict) for part in parts):
            self.state = {name: value for part in parts if part for name, value in part.items()}
        else:
            self.arguments = (*self.arguments[:8], state)


class Network(Inert):
    """dnnlib.tflib.network.Network"""

    __slots__ = ()


class Key:
    """A key of a dict that is no plain one: equal to itself alone, so that no file decides how long hashing takes."""

    __slots__ = ("key",)

    def __init__(self, key: object):
        self.key = key


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
    """The key itself where it hashes in one step, and where only so many others can collide with it.

    A tuple could be nested a million times, or be one of a million that were chosen to have the same hash.
    """
    plain = key is None or type(key) in (str, bytes, bool, float) or (type(key) is int and abs(key) < 2**63)
    return key if plain else Key(key)


def dict_of(pairs: object = ()) -> dict:
    need(
        isinstance(pairs, (list, tuple)) and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs),
        "a dict is broken",
    )
    return {key_of(key): value for key, value in pairs}


def set_of(items: object = ()) -> set:
    need(isinstance(items, (list, tuple)), "a set is broken")
    return {key_of(item) for item in items}


def _bytes(text: str | bytes = "", encoding: str = "latin1") -> bytes:
    if isinstance(text, (bytes, bytearray)):
        return bytes(text)
    need(isinstance(text, str) and encoding in ("latin1", "latin-1"), "bytes are broken")
    return text.encode("latin-1")


def _copied(pairs: object = ()) -> dict:
    return dict(pairs) if isinstance(pairs, dict) else dict_of(pairs)


def _defaulting(*_: object) -> dict:
    """collections.defaultdict: its items follow."""
    return {}


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


def _of_type(function: Named, _: object, arguments: tuple, *__: object) -> Strided:
    """A tensor of a class of its own, or one with attributes: the tensor."""
    known = isinstance(function, Named) and function.target in (_tensor, _parameter) and isinstance(arguments, tuple)
    need(known, "a tensor is of a kind that is not read here", "save it as a plain tensor")
    return function.target(*arguments)


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
    ComplexFloat="complex64",
    ComplexDouble="complex128",
    QInt8="qint8",
    QUInt8="quint8",
    QInt32="qint32",
    Untyped="uint8",
)
# Names that other projects keep in a folder of their own.
MOVED = ("torch_utils.persistence._reconstruct_persistent_obj", "dnnlib.util.EasyDict", "dnnlib.tflib.network.Network")
VOCABULARY: dict[str, object] = {
    **dict.fromkeys(("collections.OrderedDict", "collections.Counter", "dnnlib.util.EasyDict"), _copied),
    "collections.defaultdict": _defaulting,
    **{f"{home}.set": set_of for home in ("builtins", "__builtin__")},
    **{f"{home}.frozenset": set_of for home in ("builtins", "__builtin__")},
    **{f"{home}.{kind}": _bytes for home in ("builtins", "__builtin__") for kind in ("bytes", "bytearray")},
    "_codecs.encode": _bytes,
    "torch_utils.persistence._reconstruct_persistent_obj": _persistent,
    **dict.fromkeys(("dnnlib.tflib.network.Network", "tfutil.Network"), lambda *_: Network("Network")),
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _of_type,
    "torch.Size": _size,
    "torch.device": lambda name, *_: shown(name),
    "numpy.dtype": DType,
    "numpy.ndarray": Array,
    **{
        f"numpy.{core}.multiarray.{name}": made
        for core in ("core", "_core")
        for name, made in (("_reconstruct", Array), ("scalar", _scalar))
    },
    **{f"numpy.{core}.numeric._frombuffer": Array.filled for core in ("core", "_core")},
    **{
        f"{home}.{name}Storage": getattr(torch, kind)
        for home in ("torch", "torch.cuda", "torch.storage")
        for name, kind in STORAGES.items()
    },
    **{f"torch.{kind}": getattr(torch, kind) for kind in STORAGES.values()},
}
