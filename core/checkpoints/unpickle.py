"""Pickles read as data: a small stack machine that calls nothing which a file names.

A pickle is a program: GLOBAL fetches any function and REDUCE calls it. Here pickletools decodes the instructions (it
executes none), and lists, dicts and numbers are built. A name means one of the inert things of VOCABULARY; one that
would act (`names`) is refused; every other becomes a stand-in that keeps what it was given. NVIDIA's persistent objects
keep their state and lose their source code; tensors stay where they lie until they are asked for, so that critics and
optimisers are never read.
"""

from __future__ import annotations

import io
import mmap
import pickletools
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from .names import acts
from .vocabulary import (
    AGAIN,
    MOVED,
    VOCABULARY,
    Accused,
    Array,
    Broken,
    DType,
    Inert,
    Named,
    Refused,
    Storage,
    Strided,
    dict_of,
    key_of,
    need,
    set_of,
    shown,
    whole,
)

INSTRUCTIONS = 1_000_000  # a StyleGAN2 of 1024 px with its critic and both generators has about 150,000
TOO_MANY = f"it has more than {INSTRUCTIONS} pickle instructions, which no network of this kind needs"
WORK = 2_000_000  # items that calls may copy, and pages of 4 kB: a list can be handed over more than once
MARKS = 100  # collections begun and not finished; real files have about 20
NAME = 200  # characters of a name
MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # how torch.save began before it wrote zip archives
NEEDLESS = "which no file of weights needs"
OUTSIDE = "it points at something outside the file", "open a file that holds its own weights"
DISTRUST = "do not trust it, and fetch the weights from their publisher"


# The machine


class Budget:
    """How many instructions and copies a file may still spend, nested pickles included, so that reading ends."""

    def __init__(self, instructions: int = INSTRUCTIONS, work: int = WORK):
        self.left, self.work = instructions, work

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Accused(f"{TOO_MANY}: open a file of plain weights")

    def copy(self, arguments: tuple) -> None:
        """A call goes through its arguments once."""
        self.work -= len(arguments)
        for argument in arguments if self.work > 0 else ():
            if isinstance(argument, (list, tuple, dict, set)):
                self.work -= len(argument)
            elif isinstance(argument, (str, bytes, bytearray)):
                self.work -= len(argument) >> 12
        if self.work < 0:
            raise Accused("it copies more than any network of this kind has: open a file of plain weights")


class Machine:
    """One pickle after another from a stream. storage(key, dtype, numel) is asked for what persistent ids name."""

    def __init__(
        self, budget: Budget, storage: Callable[[str, torch.dtype, int], Storage] | None = None, nested: bool = False
    ):
        self.budget, self.storage = budget, storage
        self.vocabulary = VOCABULARY if nested else {**VOCABULARY, "torch.storage._load_from_bytes": self._nested}

    def run(self, stream: io.BytesIO | mmap.mmap) -> object:
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}
        for instruction, argument, _ in pickletools.genops(stream):
            self.budget.spend()
            if instruction.name == "STOP":
                return self.pop()
            step = STEPS.get(instruction.name)
            if step is None:
                raise Accused(f"it holds the pickle instruction {instruction.name}, {NEEDLESS}: {DISTRUST}")
            step(self, argument)
        raise Refused(f"it ends too early: {AGAIN}")

    def pop(self) -> object:
        need(len(self.stack) > (self.marks[-1] if self.marks else 0), "its pickle is broken")
        return self.stack.pop()

    def top(self, kind: type | tuple[type, ...]) -> object:
        need(
            len(self.stack) > (self.marks[-1] if self.marks else 0) and isinstance(self.stack[-1], kind),
            "its pickle is broken",
        )
        return self.stack[-1]

    def since_mark(self) -> list[object]:
        need(bool(self.marks), "its pickle is broken")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def mark(self, _: None) -> None:
        need(len(self.marks) < MARKS, f"it nests collections more than {MARKS} deep", "open a file of plain weights")
        self.marks.append(len(self.stack))

    def push(self, item: object) -> None:
        self.stack.append(item)

    def tuple_of(self, count: int) -> None:
        self.push(tuple(reversed([self.pop() for _ in range(count)])))

    def append(self, items: list[object]) -> None:
        target = self.top((list, Inert, Broken))
        if isinstance(target, list):
            target.extend(items)
        elif isinstance(target, Inert):
            target.hold(items)

    def add(self, items: list[object]) -> None:
        target = self.top((set, Inert, Broken))
        if isinstance(target, set):
            target.update(key_of(item) for item in items)
        elif isinstance(target, Inert):
            target.hold(items)

    def set_items(self, items: list[object]) -> None:
        target = self.top((dict, Inert, Broken))
        pairs = {key_of(key): value for key, value in _pairs(items)}
        if isinstance(target, dict):
            target.update(pairs)
        elif isinstance(target, Inert):
            target.hold_pairs(pairs)

    def set_item(self, _: None) -> None:
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def put(self, index: int | None) -> None:
        self.top(object)
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def get(self, index: int) -> None:
        need(index in self.memo, "its pickle is broken")
        self.push(self.memo[index])

    def name(self, module: object, name: object) -> None:
        need(isinstance(module, str) and isinstance(name, str), "its pickle is broken")
        module, name = module[:NAME], name[:NAME]
        full = f"{module}.{name}"
        full = next((known for known in MOVED if full.endswith(f".{known}")), full)
        if full not in self.vocabulary and acts(module, name):
            raise Accused(f"it asks for {shown(full)}, {NEEDLESS}; nothing of it was run: {DISTRUST}")
        self.push(Named(full, self.vocabulary.get(full)))

    def stack_global(self, _: None) -> None:
        name, module = self.pop(), self.pop()
        self.name(module, name)

    def instance(self, names: str) -> None:
        """INST: a name, and what lies above the mark."""
        arguments = tuple(self.since_mark())
        self.name(*names.split(" ", 1))
        self.push(arguments)
        self.call()

    def object(self, _: None) -> None:
        """OBJ: what lies above the mark begins with a class."""
        found = self.since_mark()
        need(bool(found), "its pickle is broken")
        self.push(found[0])
        self.push(tuple(found[1:]))
        self.call()

    def call_with_keywords(self, _: None) -> None:
        keywords, arguments = self.pop(), self.pop()
        need(isinstance(arguments, tuple), "its pickle is broken")
        self.budget.copy(arguments)
        self.push((*arguments, keywords) if keywords else arguments)
        self.call()

    def call(self, _: None = None) -> None:
        """What VOCABULARY makes of a name and its arguments; a stand-in for everything else, whatever is called."""
        arguments, called = self.pop(), self.pop()
        need(isinstance(arguments, tuple), "it calls something without a list of arguments")
        self.push(self.made(called, arguments))

    def made(self, called: object, arguments: tuple) -> object:
        target = called.target if isinstance(called, Named) else None
        if not callable(target):
            return Inert(called.name if isinstance(called, (Named, Inert)) else "", arguments)
        self.budget.copy(arguments)
        broken = next((argument for argument in arguments[:9] if isinstance(argument, Broken)), None)
        if broken is not None:
            return broken
        try:
            return target(*arguments)
        except Accused:
            raise
        except Refused as error:
            return Broken(str(error))
        except Exception:  # another number of arguments, or of another kind
            return Broken(f"its {shown(called.name)} is broken: {AGAIN}")

    def build(self, _: None) -> None:
        """Attributes; those of anything else than a stand-in, such as the versions of a state dict, are not needed."""
        state, target = self.pop(), self.top(object)
        if isinstance(target, (DType, Array)):
            self.budget.copy(state if isinstance(state, tuple) else ())
            try:
                target.build(state)
            except Exception as error:
                target.broken = str(error) if isinstance(error, Refused) else f"an array is broken: {AGAIN}"
        elif isinstance(target, Inert):
            self.budget.copy(state if isinstance(state, tuple) else (state,))
            target.build(state)

    def persistent_id(self, _: None) -> None:
        found = self.pop()
        need(self.storage is not None and isinstance(found, tuple) and len(found) > 0, *OUTSIDE)
        if found[0] == "module" and len(found) == 4:  # a class, and its source code, before torch 1.6
            self.push(found[1])
            return
        need(found[0] == "storage" and len(found) in (5, 6) and isinstance(found[1], Named), *OUTSIDE)
        _, named, key, _, numel, *view = found
        if not isinstance(named.target, torch.dtype):
            self.push(
                Broken(f"it has a tensor of a kind, {shown(named.name)}, that is not read here: save it as float32")
            )
            return
        need(isinstance(key, str) and whole(numel) and view in ([], [None]), *OUTSIDE)
        try:
            self.push(self.storage(key, named.target, numel))
        except Refused as error:
            self.push(Broken(str(error)))

    def _nested(self, data: bytes) -> Storage:
        """A storage that was pickled with torch.save inside of the pickle; inside of that there is no third."""
        need(isinstance(data, (bytes, bytearray)), "a tensor inside of it is broken")
        if not data.startswith(MAGIC):  # torch would run whatever this is: it is looked through for names that act
            Machine(self.budget, nested=True).run(io.BytesIO(data))
            raise Refused(f"a tensor inside of it is broken: {AGAIN}")
        storage = _legacy(data, self.budget, nested=True)
        need(isinstance(storage, Storage), "a tensor inside of it is broken")
        return storage


STEPS: dict[str, Callable[[Machine, object], object]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda machine, _: None),
    **dict.fromkeys(
        (
            "INT",
            "BININT",
            "BININT1",
            "BININT2",
            "LONG",
            "LONG1",
            "LONG4",
            "FLOAT",
            "BINFLOAT",
            "STRING",
            "BINSTRING",
            "SHORT_BINSTRING",
            "BINBYTES",
            "SHORT_BINBYTES",
            "BINBYTES8",
            "BYTEARRAY8",
            "UNICODE",
            "BINUNICODE",
            "SHORT_BINUNICODE",
            "BINUNICODE8",
            "NONE",
        ),
        Machine.push,
    ),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_SET": lambda machine, _: machine.push(set()),
    "MARK": Machine.mark,
    "LIST": lambda machine, _: machine.push(machine.since_mark()),
    "DICT": lambda machine, _: machine.push(dict_of(list(_pairs(machine.since_mark())))),
    "FROZENSET": lambda machine, _: machine.push(set_of(machine.since_mark())),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    **{
        name: lambda machine, _, count=count: machine.tuple_of(count)
        for count, name in enumerate(("EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"))
    },
    "APPEND": lambda machine, _: machine.append([machine.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.since_mark()),
    "ADDITEMS": lambda machine, _: machine.add(machine.since_mark()),
    "SETITEM": Machine.set_item,
    "SETITEMS": lambda machine, _: machine.set_items(machine.since_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), Machine.get),
    "POP": lambda machine, _: machine.pop(),
    "POP_MARK": lambda machine, _: machine.since_mark(),
    "GLOBAL": lambda machine, names: machine.name(*names.split(" ", 1)),
    "STACK_GLOBAL": Machine.stack_global,
    "REDUCE": Machine.call,
    "NEWOBJ": Machine.call,
    "BUILD": Machine.build,
    "BINPERSID": Machine.persistent_id,
    "NEWOBJ_EX": Machine.call_with_keywords,
    "INST": Machine.instance,
    "OBJ": Machine.object,
    "DUP": lambda machine, _: machine.push(machine.top(object)),
}


def _pairs(items: list[object]) -> Iterator[tuple[object, object]]:
    need(len(items) % 2 == 0, "its pickle is broken")
    return zip(items[::2], items[1::2])


@contextmanager
def opened(path: Path) -> Iterator[object]:
    """What a torch.save file or a plain pickle holds; its tensors can be read while the block runs.

    Raises Refused, in words that complete "cannot be opened, because ...".
    """
    with open(path, "rb") as file:
        if file.read(4) == b"PK\x03\x04":
            with _parsing():
                archive = zipfile.ZipFile(file)
                tree = _zipped(archive, path.stat().st_size)
            yield tree
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            with _parsing():
                need(
                    data[:1] == b"\x80",
                    "it is no file of weights that is known here",
                    "open a torch file, an NVIDIA .pkl or safetensors",
                )
                legacy = data[: len(MAGIC)] == MAGIC
                tree = _legacy(data, Budget()) if legacy else Machine(Budget()).run(data)
            yield tree


@contextmanager
def _parsing() -> Iterator[None]:
    """pickletools, zipfile, numpy and torch raise many kinds for a broken file."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"it is broken or no file of weights ({type(error).__name__}): {AGAIN}") from None


def read(view: Strided | Array) -> Tensor:
    """The tensor itself."""
    with _parsing():
        return view.tensor()


def _zipped(archive: zipfile.ZipFile, size: int) -> object:
    """torch.save since 1.6: <root>/data.pkl and <root>/data/<key>, nothing compressed."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    need(
        len(entries) == len(archive.infolist())
        and sum(entry.file_size for entry in entries.values()) <= size
        and all(entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & 1 for entry in entries.values()),
        "its archive is packed, encrypted or claims more bytes than the file has",
        "save it again with torch.save",
    )
    roots = [name[: -len("data.pkl")] for name in entries if re.fullmatch(r"[^/]+/data\.pkl", name)]
    need(len(roots) == 1, "it is an archive of something else than torch weights", "open a file written by torch.save")
    root = roots[0]
    order = f"{root}byteorder"
    need(
        order not in entries or archive.read(order) == b"little",
        "its numbers are big-endian",
        "save it on another machine",
    )
    storages: dict[str, Storage] = {}

    def storage(key: str, dtype: torch.dtype, numel: int) -> Storage:
        entry = entries.get(f"{root}data/{key}")
        made = storages.setdefault(key, Storage(dtype, numel, partial(archive.read, f"{root}data/{key}")))
        need(
            entry is not None and entry.file_size == made.size and (made.dtype, made.numel) == (dtype, numel),
            "a tensor claims more or fewer numbers than the file holds",
        )
        return made

    return Machine(Budget(), storage).run(io.BytesIO(archive.read(f"{root}data.pkl")))


def _legacy(data: bytes | mmap.mmap, budget: Budget, *, nested: bool = False) -> object:
    """torch.save before 1.6: magic number, version, system, object, keys; then each storage, its length before it."""
    stream = data if isinstance(data, mmap.mmap) else io.BytesIO(data)
    storages: dict[str, Storage] = {}

    def storage(key: str, dtype: torch.dtype, numel: int) -> Storage:
        made = storages.setdefault(key, Storage(dtype, numel))
        need(
            (made.dtype, made.numel) == (dtype, numel) and made.size <= len(data),
            "a tensor claims more numbers than the file holds",
        )
        return made

    machine = Machine(budget, storage, nested)
    _, version, system = machine.run(stream), machine.run(stream), machine.run(stream)
    need(
        version == 1001 and isinstance(system, dict) and system.get("little_endian") is True,
        "it was saved by an unknown version of torch, or its numbers are big-endian",
        "save it again with torch.save",
    )
    tree, keys = machine.run(stream), machine.run(stream)
    need(
        isinstance(keys, list) and all(isinstance(key, str) for key in keys) and sorted(keys) == sorted(storages),
        "its list of tensors is broken",
    )
    position = stream.tell()
    for key in keys:
        made, start = storages[key], position + 8
        position = start + made.size
        need(
            data[start - 8 : start] == made.numel.to_bytes(8, "little") and position <= len(data),
            "a tensor claims more numbers than the file holds",
        )
        made.fetch = partial(data.__getitem__, slice(start, position))
    return tree
