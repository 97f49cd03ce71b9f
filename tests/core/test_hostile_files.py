"""Hostile checkpoints: none runs anything, each is refused in one sentence, and time and memory stay bounded.

Every payload would create a file; the control shows that Python's own reader does run them.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.checkpoints import names, native, read
from core.checkpoints.unpickle import INSTRUCTIONS, MAGIC
from core.checkpoints.vocabulary import VOCABULARY
from core.generators.base import Generator

from .. import foreign, tiny
from .test_other_files import repacked
from .test_strangers import Wild, strange

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

not_on_windows = pytest.mark.skipif(sys.platform == "win32", reason="payloads use touch; names are of fewer characters")
MARKER = "it_ran"  # created in the working folder by whatever runs
SECONDS = 10  # on a busy machine; most take milliseconds
MEGABYTES = 400  # that reading all these files may add to the process


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / MARKER).exists(), "a file ran what it held"


@pytest.fixture(autouse=True, scope="module")
def memory_stays_bounded() -> Iterator[None]:
    if sys.platform == "win32":  # keeps no such count
        yield
        return
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    unit = 2**20 if sys.platform == "darwin" else 2**10
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit < MEGABYTES


def assert_one_sentence(error: ValueError, path: Path) -> None:
    said = str(error)
    assert said.startswith(f"the file {path.name} cannot be opened, because ") and ": " in said
    assert "\n" not in said and len(said) < 600 and str(path.parent) not in said
    assert "weights_only" not in said and "Traceback" not in said


def refused(data: bytes, *sentences: str, name: str = "model.pt") -> None:
    """Read as it is, within seconds, and refused with one of the sentences."""
    path = Path(name).absolute()
    path.write_bytes(data)
    start = time.monotonic()
    with pytest.raises(ValueError) as error:
        read(path)
    assert time.monotonic() - start < SECONDS
    assert_one_sentence(error.value, path)
    assert not sentences or any(sentence in str(error.value) for sentence in sentences), error.value


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function: Callable, *arguments: object):
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


def state() -> dict[str, torch.Tensor]:
    return foreign.nvidia_state(tiny.stylegan2())


TOUCH = f"touch {MARKER}"
OPEN = f"open({MARKER!r}, 'w').close()"
EVIL = pickle.dumps(Calls(os.system, TOUCH), protocol=2)


def nested(payload: bytes) -> bytes:
    """A pickle that hands `payload` to torch.storage._load_from_bytes, which runs it."""
    return b"\x80\x03ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(payload)) + payload + b"\x85R."


def legacy(
    tree: bytes, keys: bytes = b"\x80\x02].", rest: bytes = b"", *, version: int = 1001, little_endian: bool = True
) -> bytes:
    """torch.save's old container around a pickle."""
    system = pickle.dumps(dict(protocol_version=1001, little_endian=little_endian, type_sizes={}), protocol=2)
    return MAGIC + pickle.dumps(version, protocol=2) + system + tree + keys + rest


def archive(tree: bytes, *, compress: bool = False, **entries: bytes) -> bytes:
    """torch.save's zip container around a pickle; `__` for a slash in the names of more entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as file:
        file.writestr("archive/data.pkl", tree)
        for name, data in entries.items():
            file.writestr(f"archive/{name.replace('__', '/')}", data)
    return out.getvalue()


def tensor(numel: int, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, key: str = "0") -> bytes:
    """The instructions of {"synthesis.b4.const": a tensor}, with what it claims; protocol 2."""

    def number(value: int) -> bytes:
        return b"\x8a\x08" + struct.pack("<q", value)

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + number(numel) + b"tQ"
    return (
        b"\x80\x02}"
        + text("synthesis.b4.const")
        + b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + number(offset)
        + numbers(size)
        + numbers(stride)
        + b"\x89ccollections\nOrderedDict\n)RtRs."
    )


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


# Code


def raw(body: bytes) -> bytes:
    return b"\x80\x04" + body + b"."


def with_hook(module: foreign.Persistent) -> foreign.Persistent:
    module.state["hook"] = Calls(eval, OPEN)
    return module


CODE: dict[str, bytes] = {
    "os.system": EVIL,
    "os.system, protocol 0": pickle.dumps(Calls(os.system, TOUCH), protocol=0),
    "os.system, protocol 5": pickle.dumps(Calls(os.system, TOUCH), protocol=5),
    "eval": pickle.dumps(Calls(eval, OPEN)),
    "exec": pickle.dumps(Calls(exec, OPEN)),
    "open": pickle.dumps(Calls(open, MARKER, "w")),
    "subprocess": pickle.dumps(Calls(subprocess.Popen, ["touch", MARKER])),
    "mkdir": pickle.dumps(Calls(os.mkdir, MARKER)),
    "getattr of os": raw(b"cbuiltins\ngetattr\n" + text("os") + text("system") + b"\x86R"),
    "names from the memo": raw(text("system") + b"\x94" + text("posix") + b"\x940h\1h\0\x93" + text(TOUCH) + b"\x85R"),
    "dotted name": raw(text("collections") + text("OrderedDict.__init__.__globals__") + b"\x93"),
    "through another module": raw(text("shutil") + text("os.system") + b"\x93" + text(TOUCH) + b"\x85R"),
    "instance": raw(b"(S'" + TOUCH.encode() + b"'\nios\nsystem\n"),
    "object": raw(b"(cos\nsystem\nS'" + TOUCH.encode() + b"'\no"),
    "new object with keywords": raw(b"csubprocess\nPopen\n" + text(TOUCH) + b"\x85}" + text("shell") + b"\x88s\x92"),
    "new object": raw(b"csubprocess\nPopen\n" + b"](" + text("touch") + text(MARKER) + b"e\x85\x81"),
    "hidden in a storage": nested(EVIL),
    "hidden in a storage that begins well": nested(legacy(EVIL)),
    "hidden in a storage in a storage": nested(legacy(nested(legacy(EVIL)))),
    "hidden in the keys of a storage": nested(legacy(b"\x80\x02N.", EVIL)),
    "in torch's archive": archive(EVIL),
    "in torch's old container": legacy(EVIL),
    "in its magic number": EVIL[:-1] + MAGIC[2:],
    "beside good weights": foreign.dumped(dict(G_ema=foreign.persistent(state()), D=Calls(os.system, TOUCH))),
    "inside a good module": foreign.dumped(dict(G_ema=with_hook(foreign.persistent(state())))),
    "beside good torch weights": foreign.torch_file({"g_ema": state(), "args": Calls(os.system, TOUCH)}),
    "torch.load": pickle.dumps(Calls(torch.load, MARKER)),
    "torch.hub": raw(b"ctorch.hub\nload\n" + text("a/b") + text("c") + b"\x86R"),
    "numpy.load": pickle.dumps(Calls(np.load, MARKER)),
    "functools.partial": raw(b"cfunctools\npartial\ncos\nsystem\n\x85R"),
    "copyreg": raw(b"ccopyreg\n_reconstructor\ncsubprocess\nPopen\ncbuiltins\nobject\nN\x87R"),
    "marshalled function": raw(b"ctypes\nFunctionType\n)R"),
    "runpy": raw(b"crunpy\nrun_path\n" + text(MARKER) + b"\x85R"),
    "pickle in pickle": raw(b"cpickle\nloads\nC" + bytes([len(EVIL)]) + EVIL + b"\x85R"),
    "array of objects": pickle.dumps((0, np.array([Calls(os.system, TOUCH)], dtype=object))),
    "class of an array": raw(b"cnumpy._core.multiarray\n_reconstruct\ncsubprocess\nPopen\nK\0\x85C\1b\x87R"),
    "an error on its way": raw(b"cbuiltins\nValueError\n" + text("x") + b"\x85Rcos\nsystem\n"),
    "hidden in a storage as text": nested(pickle.dumps(Calls(os.system, TOUCH), protocol=0)),
    "beside good weights, in an object": foreign.torch_file({"g_ema": state(), "opts": [{"a": Calls(eval, OPEN)}]}),
    "state of an object": raw(b"cuser\nThing\n)R}" + text("x") + b"cos\nsystem\nsb"),
    "item of an object": raw(b"cuser\nThing\n)\x81" + text("x") + b"cposix\nsystem\ns"),
    "keywords": raw(b"cuser\nThing\n)}" + text("call") + b"cbuiltins\nexec\ns\x92"),
    "packed archive": archive(EVIL, compress=True),
    "a number of objects": raw(b"cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\n" + text("O8") + b"\x85RC\1x\x86R"),
}


@pytest.mark.parametrize("name", CODE)
def test_code_is_refused_and_not_run(name: str) -> None:
    refused(CODE[name], "it asks for ", "it holds the pickle instruction", "broken", "plain numbers", "no file of")


RUN = (
    "os.system",
    "eval",
    "names from the memo",
    "instance",
    "object",
    "hidden in a storage",
    "beside good weights",
    "array of objects",
    "inside a good module",
    "through another module",
)
# Reads evil.pkl of each folder, in a process of its own that has imported PyTorch already.
READER = """
import os, pickle, sys, torch

for folder in sys.argv[1:]:
    child = os.fork()
    if not child:
        os.chdir(folder)
        sys.path.insert(0, folder)
        try:
            with open("evil.pkl", "rb") as file:
                pickle.load(file)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def read_by_python(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By name, the folder where Python's own reader has read the file, with stand-ins for NVIDIA's modules."""
    folders = {name: tmp_path_factory.mktemp("read") for name in (*RUN, "good")}
    for name, folder in folders.items():
        (folder / "evil.pkl").write_bytes(CODE[name] if name in CODE else pickle.dumps(dict(a=1)))
        for package in ("torch_utils", "dnnlib"):
            (folder / package).mkdir()
            (folder / package / "__init__.py").write_text("")
        (folder / "torch_utils/persistence.py").write_text("_reconstruct_persistent_obj = print")
        (folder / "dnnlib/util.py").write_text("class EasyDict(dict): pass")
    command = [sys.executable, "-c", READER, *map(str, folders.values())]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    return folders


@not_on_windows
@pytest.mark.parametrize("name", RUN)
def test_python_s_own_reader_would_run_it(read_by_python: dict[str, Path], name: str) -> None:
    """The control: the marker appears."""
    assert (read_by_python[name] / MARKER).exists() and not (read_by_python["good"] / MARKER).exists()


def test_the_source_code_inside_of_a_good_pickle_is_never_run() -> None:
    for protocol in (2, 4):
        Path("good.pkl").write_bytes(foreign.nvidia_pickle(state(), source=OPEN, protocol=protocol))
        assert isinstance(read("good.pkl"), Generator)


ACTING = """
os.system posix.popen nt.system subprocess.Popen sys.exit shutil.rmtree socket.socket importlib.import_module
runpy.run_path pickle.loads _pickle.loads ctypes.CDLL webbrowser.open code.interact pty.spawn multiprocessing.Process
threading.Thread asyncio.run urllib.request.urlopen http.client.HTTPConnection smtplib.SMTP ftplib.FTP tempfile.mktemp
glob.glob fileinput.input zipimport.zipimporter pkgutil.get_data imp.load_source commands.getoutput pip.main
marshal.loads shelve.open sqlite3.connect timeit.timeit cProfile.run pdb.run bdb.Bdb doctest.script trace.Trace
builtins.eval builtins.exec builtins.compile builtins.open builtins.getattr builtins.setattr builtins.__import__
builtins.input builtins.breakpoint builtins.globals builtins.vars __builtin__.execfile __builtin__.apply io.open
_io.FileIO types.CodeType types.FunctionType operator.attrgetter operator.methodcaller torch.load torch.hub.load
torch.jit.load torch.utils.cpp_extension.load torch.package.PackageImporter torch.utils.model_zoo.load_url
torch.ops.load_library torch.storage._load_from_bytes.x numpy.load numpy.fromfile numpy.memmap numpy.f2py.compile
numpy.testing._private.utils.runstring pandas.read_pickle joblib.load yaml.unsafe_load requests.get
collections.OrderedDict.__init__.__globals__ user.Thing.__reduce__ random._os.system pathlib.os.system
"""
HARMLESS = """
collections.deque datetime.datetime pathlib.PosixPath enum.Enum functools.partial argparse.Namespace decimal.Decimal
fractions.Fraction uuid.UUID random.Random copyreg._reconstructor types.SimpleNamespace typing.Any logging.Logger
io.BytesIO itertools.count builtins.range builtins.ValueError __builtin__.object builtins.max
torch.nn.modules.conv.Conv2d torch.optim.adam.Adam torch.nn.functional.relu torch._C._nn.gelu torch.Generator
torch.serialization._get_layout numpy.random._pickle.__randomstate_ctor numpy.core.multiarray.x numpy.float64
yacs.config.CfgNode omegaconf.dictconfig.DictConfig easydict.EasyDict models.utils.config.BaseConfig
training.networks.Generator R3GAN.Networks.Generator __main__.Generator legacy.code.Thing test.Net
"""


@pytest.mark.parametrize("harmless", [False, True])
def test_names_that_act_are_accused_and_all_others_stand_for_nothing(harmless: bool) -> None:
    """Both spellings of a name; the harmless ones end as a file without a generator."""
    for full in (HARMLESS if harmless else ACTING).split():
        module, _, name = full.rpartition(".")
        for data in (
            raw(f"c{module}\n{name}\n)R".encode()),
            raw(text(module) + text(name) + b"\x93)\x81}b"),
            raw(f"(i{module}\n{name}\n".encode()),
        ):
            if harmless:
                refused(data, "it holds no generator")
            else:
                refused(data, "nothing of it was run: do not trust it")


def test_every_module_of_the_standard_library_that_is_not_known_to_hold_data_is_accused() -> None:
    known = {name for name in sys.stdlib_module_names if not names.acts(name, "Thing")}
    assert names.acts("__future__", "x") and {"collections", "datetime", "pathlib"} <= known < names.HOLDING | {"x"}


def test_what_the_table_knows_is_inert() -> None:
    """No name of it is the function of that name, but a dtype or one of this project's own builders."""
    for name, meaning in VOCABULARY.items():
        assert isinstance(meaning, torch.dtype) or meaning.__module__ == "core.checkpoints.vocabulary", name


# Instructions in strange places

INSTRUCTIONS_OUT_OF_PLACE: dict[str, bytes] = {
    "extension 1": raw(b"\x82\x01"),
    "extension 2": raw(b"\x83\x01\x01"),
    "extension 4": raw(b"\x84\x01\x01\x01\x01"),
    "persistent id in a plain pickle": raw(text("storage") + b"\x85Q"),
    "persistent id as text": raw(b"Phttp://example.org\n"),
    "persistent id of another kind": archive(b"\x80\x02" + text("module") + b"\x85Q."),
    "persistent id of no tuple": archive(b"\x80\x02K\1Q."),
    "state for a tensor": archive(tensor(1, (1,), (1,))[:-2] + b"}" + text("x") + b"K\1sbs.", data__0=b"\0" * 4),
    "state for a dict": raw(b"}}" + text("__class__") + b"K\1sb"),
    "state for a number": raw(b"K\1}b"),
    "odd state for an array": raw(b"cnumpy._core.multiarray\n_reconstruct\n)R](K\1K\2eb"),
    "odd state for a type": raw(b"cnumpy\ndtype\n" + text("f4") + b"\x85R}b"),
    "odd state for settings": raw(b"cargparse\nNamespace\n)\x81K\1b"),
    "call of a placeholder": raw(b"cargparse\nNamespace\n)\x81)R"),
    "call of a number": raw(b"K\1)R"),
    "call of a storage": raw(b"ctorch\nFloatStorage\nK\1\x85R"),
    "call without a tuple": raw(b"ccollections\nOrderedDict\nK\1R"),
    "persistent object without state": raw(b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n}\x85R"),
    "append to a dict": raw(b"}K\1a"),
    "item of a list": raw(b"]K\1K\2s"),
    "odd items": raw(b"}(K\1K\2K\3u"),
    "nothing to pop": raw(b"0"),
    "nothing to store": raw(b"\x94"),
    "unknown memo": raw(b"h\x05"),
    "no mark": raw(b"t"),
    "below a mark": raw(b"K\1(0"),
    "buffer": raw(b"\x97"),
    "read-only buffer": raw(b"K\1\x98"),
    "bytearray": raw(b"\x96" + b"\0" * 8),
    "name of two lines": raw(text("os\nsystem") + text("x\ny") + b"\x93"),
    "name of a number": raw(b"K\1K\2\x93"),
    "unknown instruction": raw(b"\xff"),
    "newer protocol": b"\x80\x63N.",
    "no end": b"\x80\x04]",
    "list as a key": raw(b"}]K\1s"),
    "tensor as a key": raw(b"}ccollections\nOrderedDict\n)RK\1s"),
}


@pytest.mark.parametrize("name", INSTRUCTIONS_OUT_OF_PLACE)
def test_instructions_out_of_place_are_refused(name: str) -> None:
    refused(INSTRUCTIONS_OUT_OF_PLACE[name])


# Time and memory

BIG = 2**30  # numbers: 4 GB
LARGE: dict[str, tuple[bytes, ...]] = {
    "4 GB in an old container": (
        legacy(tensor(BIG, (BIG,), (1,)), pickle.dumps(["0"], 2), struct.pack("<q", BIG)),
        "more numbers than",
    ),
    "4 GB in an archive": (archive(tensor(BIG, (BIG,), (1,)), data__0=b"\0" * 4), "more or fewer numbers than"),
    "4 GB by repeating one number": (archive(tensor(1, (BIG,), (0,)), data__0=b"\0" * 4), "more numbers than"),
    "4 GB in a storage": (nested(legacy(tensor(BIG, (1,), (1,)))), "is broken"),
    "a view beyond its storage": (archive(tensor(4, (2, 2), (4, 1)), data__0=b"\0" * 16), "more numbers than"),
    "a view before its storage": (archive(tensor(4, (2,), (-1,), 1), data__0=b"\0" * 16), "shape is not one"),
    "a negative offset": (archive(tensor(4, (2,), (1,), -1), data__0=b"\0" * 16), "shape is not one"),
    "a negative length": (archive(tensor(-1, (2,), (1,)), data__0=b""), "outside the file"),
    "a size that overflows": (archive(tensor(4, (2**32, 2**32), (1, 1)), data__0=b"\0" * 16), "more numbers than"),
    "another tensor's key": (archive(tensor(1, (1,), (1,), key="../x"), data__0=b"\0" * 4), "more or fewer"),
    "bytes of 4 GB": (raw(b"B\xff\xff\xff\xff"), "broken"),
    "bytes of 2 ** 63": (raw(b"\x8e" + b"\xff" * 7 + b"\x7f"), "broken"),
    "number of 2 GB": (raw(b"\x8b\xff\xff\xff\x7f"), "broken"),
    "number of a million digits": (raw(b"L" + b"9" * 10**6 + b"L\n"), "broken"),
    "memo at 2 ** 32": (raw(b"Nr\xff\xff\xff\xff"), "no generator"),
    "a million lists": (raw(b"]" * 10**5 + b"a" * (10**5 - 1)), "no generator"),
    "a deep tuple as a key": (raw(b"}" + b")" + b"\x85" * 10**5 + b"Ns"), "no generator"),
    "collections begun": (raw(b"(" * 10**5), "nests collections"),
    "a billion laughs": (raw(b"](K\1K\1e" + b"".join(b"\x94](h%ch%ce" % (i, i) for i in range(60))), "no generator"),
    "too many instructions": (raw(b"N0" * (INSTRUCTIONS // 2) + b"N"), "more than 1000000 pickle instructions"),
    "too many, nested": (nested(legacy(raw(b"N0" * (INSTRUCTIONS // 2) + b"N"))), "more than 1000000 pickle"),
    "an array of 4 GB": (
        raw(
            b"cnumpy._core.multiarray\n_reconstruct\n)R(K\1J\0\0\0\x40\x85cnumpy\ndtype\n"
            + text("f4")
            + b"\x85R\x89C\4aaaatb"
        ),
        "does not hold the plain numbers",
    ),
    "one list copied many times": (
        raw(b"(" + b"K\1K\2\x86" * 30_000 + b"l\x940" + b"ccollections\nOrderedDict\nh\0\x85R0" * 30_000 + b"N"),
        "it copies more than",
    ),
    "one tuple handed over as often": (
        raw(b"(" + b"N" * 30_000 + b"t\x940" + b"ccollections\nOrderedDict\nh\0R0" * 30_000 + b"N"),
        "it copies more than",
    ),
    "one text encoded as often": (
        raw(b"X" + struct.pack("<I", 2**20) + b"a" * 2**20 + b"\x940" + b"c_codecs\nencode\nh\0\x85R0" * 30_000 + b"N"),
        "it copies more than",
    ),
    "one dict as the state of many": (
        raw(
            b"}("
            + b"".join(b"J%bN" % struct.pack("<i", i) for i in range(30_000))
            + b"u\x940"
            + b"cuser\nThing\n)Rh\0b0" * 30_000
            + b"N"
        ),
        "it copies more than",
    ),
    "keys of one hash": (
        raw(b"}(" + b"".join(b"K\1J%b\x86N" % struct.pack("<i", i) for i in range(30_000)) + b"u"),
        "no generator",
    ),
    "an object in itself": (raw(b"cuser\nThing\n)R\x94}" + text("x") + b"h\0sb" + b"h\0ah\0h\0s"), "no generator"),
    "an object called by an object": (raw(b"cuser\nThing\n" + b")R" * 30_000), "no generator"),
    "states of states": (raw(b"cuser\nThing\n)R" + (b"cuser\nThing\n)R\x85b" * 30_000)), "no generator"),
    "a large number as a setting": (
        foreign.tf_pickle(state(), architecture=[10**5000]),
        "architecture is a very large number",
    ),
    "a packed archive": (archive(EVIL, compress=True), "it asks for "),
    "a bomb": (archive(tensor(BIG // 64, (1,), (1,)), compress=True, data__0=b"\0" * (BIG // 64)), "unpacks to far"),
}


THING, ARRAY = b"cuser\nThing\n", b"cnumpy\nndarray\n)R"


def several(count: int, item: Callable[[int], bytes]) -> bytes:
    return b"(" + b"".join(map(item, range(count)))


def module(parameters: bytes, modules: bytes = b"}") -> bytes:
    """The instructions of an object with the attributes of a torch module."""
    return THING + b")R}(" + text("_parameters") + parameters + text("_modules") + modules + b"ub"


def network(variables: bytes, components: bytes = b"}") -> bytes:
    """The instructions of a network of NVIDIA's TensorFlow code."""
    made = b"cdnnlib.tflib.network\nNetwork\n)R}("
    return made + text("variables") + variables + text("components") + components + b"ub"


SHARED: dict[str, tuple[bytes, str]] = {
    "objects in objects": (raw(THING * 30_000 + b")R" + b"\x85R" * (30_000 - 1)), "no generator"),
    "objects as states": (raw((THING + b")R") * 30_000 + b"b" * (30_000 - 1)), "no generator"),
    "objects as members": (raw((THING + b")R") * 30_000 + b"a" * (30_000 - 1)), "no generator"),
    "dicts as keys": (raw(b"}" * 30_000 + b"Ns" * (30_000 - 1)), "no generator"),
    "one table of many modules": (
        raw(
            b"}" + several(20_000, lambda i: text(f"p{i}") + ARRAY) + b"u\x940"
            + module(b"}", b"}" + several(5000, lambda i: text(f"m{i}") + module(b"h\0")) + b"u")
        ),
        "more layers than any network",
    ),
    "one list of many networks": (
        raw(
            b"]" + several(20_000, lambda i: b"(" + text("v") + b"K\1t") + b"e\x940"
            + network(b"h\0", b"}" + several(5000, lambda i: text(f"m{i}") + network(b"h\0")) + b"u")
        ),
        "is broken",
    ),
    "many dicts": (raw(b"]" + several(20_000, lambda i: b"}" + text("w") + ARRAY + b"s") + b"e"), "no network known"),
    "many prefixes": (
        raw(b"}" + several(20_000, lambda i: text(f"a{i % 7}.b{i % 11}.c{i % 13}.{i}") + ARRAY) + b"u"),
        "no network known",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_what_is_nested_or_shared_is_looked_at_in_bounded_time(name: str) -> None:
    refused(*SHARED[name])


@pytest.mark.parametrize("name", LARGE)
def test_claims_are_bounded_by_the_file(name: str) -> None:
    data, *sentences = LARGE[name]
    refused(data, *sentences)


def test_many_views_of_one_storage_do_not_add_up() -> None:
    """Each tensor is honest; a thousand of them would be a thousand times the file."""
    whole = torch.ones(20_000)
    data = foreign.torch_file({f"synthesis.b4.{i}": whole for i in range(1000)})
    assert len(data) < 10**6
    refused(data, "more than the file has")


def test_an_archive_whose_entries_overlap_is_refused() -> None:
    """Two thousand names for the same bytes."""
    tree = bytearray(archive(b"\x80\x02N.", data__0=b"\0" * 40_000))
    start = tree.index(b"PK\1\2", 40_000)
    entry = tree[tree.index(b"PK\1\2", start + 4) : tree.index(b"PK\5\6")]
    copies = b"".join(bytes(entry).replace(b"data/0", b"%06d" % i) for i in range(2000))
    end = bytearray(tree[tree.index(b"PK\5\6") :])
    directory = bytes(tree[start : tree.index(b"PK\5\6")]) + copies
    end[8:16] = struct.pack("<HHI", 2002, 2002, len(directory))
    refused(bytes(tree[:start]) + directory + bytes(end), "claims more bytes", "broken")


def test_modules_that_contain_themselves_or_lie_too_deep_are_refused() -> None:
    module = foreign.persistent(state())
    module.state["_modules"]["again"] = shared = foreign.persistent({"bias": torch.ones(2)})
    module.state["_modules"]["synthesis"].state["_modules"]["again"] = shared
    refused(foreign.dumped(dict(G_ema=module)), "module synthesis.again. is broken", "module again. is broken")
    deep = foreign.Persistent("", _parameters={}, _buffers={}, _modules={})
    for _ in range(20):
        deep = foreign.Persistent("", _parameters={}, _buffers={}, _modules=dict(m=deep))
    refused(foreign.dumped(dict(G_ema=deep)), "no generator")


def test_our_own_format_may_not_describe_more_than_it_holds() -> None:
    twin = tiny.stylegan2()
    native.save(twin, "good.safetensors")
    data = Path("good.safetensors").read_bytes()
    for change, sentence in [
        (dict(dim=30_000), "more than the file has"),
        (dict(z_dim=10**12), "nobody has"),
        (dict(mapping_layers=10**9), "nobody has"),
        (dict(channels=[1] * 400), "nobody has"),
        (dict(clamp=float("nan")), "nobody has"),
        (dict(channels=[6, 5]), "widths make"),
        (dict(other=1), "metadata say"),
    ]:
        save_file(
            dict(twin.state_dict()),
            "evil.safetensors",
            metadata=dict(format="ganatomy-1", architecture="StyleGAN2", config=json.dumps(twin.config() | change)),
        )
        refused(Path("evil.safetensors").read_bytes(), sentence)
    refused(data[:200], "broken")
    refused(struct.pack("<Q", 10**7) + data[8:], "broken")
    refused(struct.pack("<Q", 2**40) + data[8:], "no file of weights")


def test_numbers_that_are_none_are_refused_in_our_own_format() -> None:
    twin = tiny.stylegan2()
    twin.w_avg[3] = torch.nan
    native.save(twin, "evil.safetensors")
    refused(Path("evil.safetensors").read_bytes(), "infinite or none at all")


# Files of other kinds

OTHER: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "a page": (b"<!DOCTYPE html><title>Sign in</title>", "it is a web page (Sign in)"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "it is a picture (PNG)"),
    "one byte": (b"\x80", "broken"),
    "an archive of something else": (b"PK\x03\x04" + b"\0" * 30, "broken"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "TorchScript": (archive(b"N.", constants__pkl=b"N.", **{"constants.pkl": b"N."}), "TorchScript"),
    "big-endian": (archive(b"N.", byteorder=b"big"), "big-endian"),
    "old big-endian": (legacy(b"N.", little_endian=False), "big-endian"),
    "a future version": (legacy(b"N.", version=1002), "unknown version"),
}


@pytest.mark.parametrize("name", OTHER)
def test_files_of_other_kinds_are_refused(name: str) -> None:
    data, sentence = OTHER[name]
    refused(data, sentence)


def test_arrays_a_folder_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    np.savez(out, vectors=np.ones(3))
    refused(out.getvalue(), "something else than torch weights")
    for path in (tmp_path, tmp_path / "none.pt"):
        with pytest.raises(ValueError, match="there is no such file") as error:
            read(path)
        assert_one_sentence(error.value, path)


@not_on_windows
def test_a_strange_file_name_cannot_break_the_sentence() -> None:
    path = Path("a\nb<script>.pt")
    path.write_bytes(b"x")
    with pytest.raises(ValueError, match=r"the file a\?b\?script\?\.pt cannot"):
        read(path)


# Damaged files


def good_files() -> dict[str, bytes]:
    names = state()
    return {
        "archive": foreign.torch_file(foreign.rosinality(names)),
        "old": foreign.torch_file(foreign.genforce(names), legacy=True),
        "nvidia": foreign.nvidia_pickle(names),
        "nvidia2": foreign.nvidia_pickle(names, protocol=2),
        "tensorflow": foreign.tf_pickle(names),
        "tensorflow5": foreign.tf_pickle(names, protocol=5),
        "whole": strange({"g_ema": Wild(names)}, protocol=2),
        "packed": repacked(foreign.torch_file({"state_dict": {f"netG.{name}": x for name, x in names.items()}})),
        "pggan": foreign.torch_file(foreign.genforce_pggan(tiny.pggan()), legacy=True),
    }


every_format = pytest.mark.parametrize(
    "name", ["archive", "old", "nvidia", "nvidia2", "tensorflow", "tensorflow5", "whole", "packed", "pggan"]
)


SPLICES = (
    b"cos\nsystem\n" + text(TOUCH) + b"\x85R0",
    b"(S'" + TOUCH.encode() + b"'\nios\nsystem\n0",
    text("posix") + text("system") + b"\x93" + text(TOUCH) + b"\x85R0",
    b"cuser\nThing\n)R}" + text("x") + b"K\1sb0",
    EVIL,
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to three changes: mostly among the instructions, which lie densest at both ends of a file."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        near = chance.randrange(min(len(data), 600))
        i = chance.choice((chance.randrange(len(data)), near, len(data) - 1 - near))
        kind = chance.randrange(6)
        if kind == 0:
            data[i] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[i] = chance.randrange(256)
        elif kind == 2:
            del data[i : i + chance.choice((1, 4, 100))]
        elif kind == 3:
            data[i:i] = data[chance.randrange(len(data)) :][: chance.choice((1, 8, 60))]
        elif kind == 4:
            data[i:i] = chance.choice(SPLICES)
        else:
            data[i : i + 4] = struct.pack("<I", chance.choice((0, 2**31 - 1, 2**32 - 1, 2**20)))
        if len(data) < 10:
            break
    return bytes(data)


@every_format
def test_every_prefix_is_refused(name: str) -> None:
    data = good_files()[name]
    chance = random.Random(0)
    for length in (0, 1, 2, 20, len(data) - 1, len(data) - 8, *(chance.randrange(len(data)) for _ in range(20))):
        refused(data[:length])


@pytest.mark.filterwarnings("ignore:invalid escape")  # pickletools decodes text as Python does
@every_format
def test_random_damage_is_either_refused_or_harmless(name: str) -> None:
    """80 mutations a format. Only an archive has check sums: elsewhere another finite number is another weight."""
    data, path, outcomes = good_files()[name], Path("model.pt").absolute(), []
    path.write_bytes(data)
    whole = read(path)
    chance = random.Random(name)
    for _ in range(80):
        path.write_bytes(mutated(data, chance))
        start = time.monotonic()
        try:
            generator = read(path)
        except ValueError as error:
            assert_one_sentence(error, path)
            outcomes.append("refused")
        else:
            assert type(generator) is type(whole) and generator.resolution == whole.resolution
            assert all(torch.isfinite(x).all() for x in generator.state_dict().values())
            outcomes.append("read")
        assert time.monotonic() - start < SECONDS
    assert outcomes.count("refused") > 20


def test_a_changed_weight_in_an_archive_is_seen() -> None:
    data = bytearray(good_files()["archive"])
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as file:
        entry = max(file.infolist(), key=lambda entry: entry.file_size if "/data/" in entry.filename else 0)
    data[entry.header_offset + 200] ^= 1
    refused(bytes(data), "broken")


def test_no_source_file_opens_a_pickle_in_another_way() -> None:
    """Searched as text: words that would run a stranger's code; torch.load only with its restricted reader."""
    root = Path(__file__).resolve().parents[2]
    words = (
        "weights_only" + "=False",
        "pickle" + ".load(",
        "pickle" + ".loads(",
        "pickle" + ".Unpickler",
        "torch.hub" + ".load(",
        "allow_pickle" + "=True",
    )
    folders = [root / folder for folder in ("commands", "core", "demos", "engine", "serving", "weights")]
    for path in (*(path for folder in folders for path in folder.rglob("*.py")), root / "app.py"):
        source = path.read_text(encoding="utf-8")
        assert not [word for word in words if word in source], path
        assert source.count("torch.load(") <= source.count("weights_only=True"), path
