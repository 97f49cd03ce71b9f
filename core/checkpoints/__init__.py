"""Any checkpoint -> our generator: what a file is, is recognised from what it holds, never from its name.

Formats are modules with `matches(state) -> bool` and `from_state(state, config) -> Generator`, asked in the order of
FORMATS; `state` is the flat dict of one network's tensors, below which `find` looks for a generator. `matches` is asked
about every network in a file, with empty tensors (device "meta"): it may look at names and shapes, not at numbers. No
code that a file carries is run.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from safetensors import safe_open
from torch import Tensor

from ..generators.base import Generator
from . import config, dcgan, find, kinds, native, options, unpickle
from .vocabulary import AGAIN, Refused, Sliced, shown

FORMATS = (
    "nvidia",
    "stylegan3",
    "tf_legacy",
    "rosinality",
    "genforce",
    "genforce_stylegan",
    "ajbrock",
    "hf_biggan",
    "dcgan",
    "gan_zoo",
    "r3gan",
)
WRITERS = {  # whose files a format are, in words; "ganatomy" are our own
    "ganatomy": "GANatomy (safetensors)",
    "nvidia": "NVIDIA's PyTorch code (stylegan2-ada-pytorch, stylegan3)",
    "stylegan3": "NVIDIA's PyTorch code (stylegan3)",
    "tf_legacy": "NVIDIA's TensorFlow code (stylegan2)",
    "rosinality": "rosinality's stylegan2-pytorch",
    "genforce": "GenForce (StyleGAN2, PGGAN)",
    "genforce_stylegan": "GenForce (StyleGAN)",
    "ajbrock": "BigGAN-PyTorch",
    "hf_biggan": "pytorch-pretrained-biggan",
    "dcgan": "PyTorch code of the DCGAN family",
    "gan_zoo": "pytorch_GAN_zoo (PGAN)",
    "r3gan": "R3GAN",
}
LARGEST = 4 * 2**30  # bytes of a file
HEADER = 10**8  # bytes of a safetensors header, by its own rule
Asked = dict | str | Path | None  # a config, the name of its file, or nothing
PICTURE = 4096  # pixels a side; some architectures describe larger ones in a few bytes
SIDE = 2**15  # the largest whole number in one of our own configs: a width, a resolution, a count


@dataclass(frozen=True, eq=False)
class Described:
    """A file as it was understood. format: the one of FORMATS that knew it, or "ganatomy"; generator: frozen."""

    format: str
    generator: Generator

    @property
    def architecture(self) -> str:
        """A key of `native.ARCHITECTURES`."""
        return type(self.generator).__name__

    @property
    def writer(self) -> str:
        """Whose code writes such files, in words."""
        return WRITERS[self.format]


def read(path: str | Path, config: dict | str | Path | None = None, *, settings: Mapping | None = None) -> Generator:
    """The generator in a file of any known format, its weights loaded strictly, in eval mode and frozen.

    config: a dict or a JSON file, for formats that need one; otherwise `<name>_config.json` or `config.json` beside the
    weights is used where there is one. settings: what comes on top of it, for formats that do not say all (DCGAN; its
    keys are in dcgan.py). What had to be assumed is said in `generator.notes`. Raises ValueError, in one
    sentence that names the file, the problem and a remedy, for whatever cannot be opened.
    """
    return describe(path, config, settings=settings).generator


def describe(
    path: str | Path, config: dict | str | Path | None = None, *, settings: Mapping | None = None
) -> Described:
    """What a file holds: the generator, and the format that was recognised; arguments and errors as in `read`."""
    path = Path(path)
    with _one_sentence(path):
        if not path.is_file():
            raise Refused("there is no such file: choose one that exists")
        _sized(path.stat().st_size)
        described = _read(path, config, dict(settings or {}))
        if described.generator.resolution > PICTURE:
            raise Refused(
                f"it draws {described.generator.resolution} pixels a side: open a network of at most {PICTURE}"
            )
        return described


@contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    """A stranger's file: whatever it makes fail, the visitor is told in one sentence."""
    try:
        yield
    except Exception as error:
        reason = (
            " ".join(str(error).split())[:400]
            if isinstance(error, ValueError)
            else f"it is broken or too large ({type(error).__name__}): {AGAIN}"
        )
    else:
        return
    raise ValueError(f"the file {shown(path.name)} cannot be opened, because {reason}")


def _sized(size: int) -> None:
    if not size:
        raise Refused("it is empty (0 bytes): download it again")
    if size > LARGEST:
        raise Refused(
            f"it has {size / 2**30:.1f} GB, and files of at most {LARGEST // 2**30} GB are opened here: "
            "open a file that holds the generator alone"
        )


def _read(path: Path, asked: Asked, told: Mapping) -> Described:
    if _is_safetensors(path):
        return _read_safetensors(path, (path,), asked, told)
    with kinds.unpacked(path) as (inner, notes):
        if _is_safetensors(inner):
            described = _read_safetensors(inner, (inner, path), asked, told)
        else:
            described = _read_pickle(inner, (inner, path), asked, told)
    described.generator.notes = (*described.generator.notes, *notes)
    return described


def _is_safetensors(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(9)
    return head[8:] == b"{" and int.from_bytes(head[:8], "little") < HEADER


def _read_pickle(path: Path, places: tuple[Path, ...], asked: Asked, told: Mapping) -> Described:
    with unpickle.opened(path) as tree:
        return _found(tree, path.stat().st_size, places, asked, told)


def _found(tree: object, size: int, places: tuple[Path, ...], asked: Asked, told: Mapping) -> Described:
    """The generator in what a file of so many bytes held. A config.json beside it never overrules what it says."""
    place, state = _place(tree, size)
    beside, notes = (
        (None, ()) if (place.whole and place.settings is not None) or asked is not None else config.beside(places)
    )
    given = config.given(asked)
    said = {**(place.settings or {}), **(given or {})} if place.settings is not None or given is not None else None
    described = None
    if beside is not None:
        try:
            described = recognised(state, {**beside, **(said or {})}, told)
        except ValueError as error:
            notes = (*notes, f"{config.UNFIT} ({_plain(str(error))})")
    described = described or recognised(state, said, told)
    described.generator.notes = (*described.generator.notes, *place.notes, *notes)
    return described


def _place(tree: object, size: int) -> tuple[find.Place, dict[str, Tensor]]:
    """Where the generator lies in what a file of so many bytes held, and its flat state dict."""
    place = find.generator(tree, _matching)
    claimed = sum(view.nbytes for view in place.views.values())
    if claimed > size:
        raise Refused(f"its tensors claim {claimed} bytes, more than the file has: {AGAIN}")
    return place, {name: unpickle.read(view) for name, view in place.views.items()}


def readings(path: str | Path) -> tuple[dcgan.Reading, ...]:
    """The ways in which a file can be read that does not say all, the usual one first; their `config` is what `read`
    takes as `settings`. None where there is one way. Raises ValueError like `read`.
    """
    with _one_sentence(Path(path)), kinds.unpacked(Path(path)) as (inner, _), ExitStack() as opened:
        if _is_safetensors(inner):
            file = opened.enter_context(safe_open(str(inner), framework="pt"))
            if (file.metadata() or {}).get("format") == "ganatomy-1":
                return ()
            tree = {name: Sliced(file, name) for name in file.keys()}
        else:
            tree = opened.enter_context(unpickle.opened(inner))
        _, state = _place(tree, inner.stat().st_size)
        check(state)
        known = next(module for module in formats() if module.matches(state))
        return dcgan.readings(state) if known is dcgan else ()


def _read_safetensors(path: Path, places: tuple[Path, ...], asked: Asked, told: Mapping) -> Described:
    try:
        with safe_open(str(path), framework="pt") as file:
            ours = (file.metadata() or {}).get("format") == "ganatomy-1"
            if not ours:
                tree = {name: Sliced(file, name) for name in file.keys()}
                return _found(tree, path.stat().st_size, places, asked, told)
    except ValueError:
        raise
    except Exception as error:  # safetensors raises its own kind
        raise Refused(f"it is broken ({type(error).__name__}): {AGAIN}") from None
    try:
        _affordable(path)
        module = native.read(path)
    except ValueError as error:
        raise Refused(f"it {str(error).removeprefix(path.name).strip()}") from None
    if not isinstance(module, Generator):
        raise Refused(f"it holds a {type(module).__name__}, not a generator: open the generator that lies beside it")
    check(module.state_dict())
    options.fitting(told, "ganatomy", WRITERS["ganatomy"])
    module.notes = _notes(native.metadata(path).get("notes", ""))
    return Described("ganatomy", module)


def _notes(text: str) -> tuple[str, ...]:
    """What had to be assumed before a file became one of ours, a line each; a stranger may have written them."""
    return tuple(map(_plain, text.splitlines()[:8]))


def _plain(line: str) -> str:
    return re.sub(r"[^\w .,:;()\[\]'=/+-]", "?", line[:300])


def _affordable(path: Path) -> None:
    """Raises ValueError where our own file describes a network larger than the file, before any memory is taken."""
    facts = native.metadata(path)
    try:
        config = json.loads(facts["config"])
        values = list(_numbers(config))
        sane = len(values) <= 256 and all(abs(value) <= SIDE for value in values)
        with torch.device("meta"):
            described = native.ARCHITECTURES[facts["architecture"]](**config) if sane else None
    except (LookupError, TypeError, ValueError, RuntimeError):
        return  # native.read fails in the same way, and says it better
    if described is None:
        raise ValueError(f"describes a network that nobody has: {AGAIN}")
    size = sum(tensor.numel() * tensor.element_size() for tensor in described.state_dict().values())
    if size > path.stat().st_size:
        raise ValueError(f"describes a network of {size} bytes, more than the file has: {AGAIN}")


def _numbers(value: object) -> Iterator[float]:
    """Every number in what JSON holds."""
    if isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _numbers(inner)
    elif isinstance(value, (int, float)):
        yield value


def recognised(state: dict[str, Tensor], settings: dict | None, told: Mapping | None = None) -> Described:
    """The flat state dict of one network as a generator. Raises ValueError where no format knows it.

    settings: what lies beside it. told: the `settings` of `read`, on top of these.
    """
    check(state)
    for module in formats():
        if module.matches(state):
            name = module.__name__.rpartition(".")[2]
            options.fitting(told or {}, name, WRITERS[name])
            settings = {**(settings or {}), **told} if told else settings
            return Described(name, module.from_state(state, settings).eval().requires_grad_(False))
    names = ", ".join(shown(name) for name in sorted(state)[:3])
    raise Refused(f"its tensors ({names} ...) are of no network known here: {find.others.OPEN}")


def _matching(shapes: dict[str, Tensor]) -> str | None:
    """The first format that knows tensors of these names and shapes; they hold no numbers."""
    module = next((module for module in formats() if module.matches(shapes)), None)
    if module is not None and hasattr(module, "judges") and module.judges(shapes):
        return find.JUDGES
    return None if module is None else module.__name__.rpartition(".")[2]


def formats() -> Iterator[ModuleType]:
    """The modules of FORMATS that there are, imported when asked for."""
    for name in FORMATS:
        if importlib.util.find_spec(f"{__name__}.{name}"):
            yield importlib.import_module(f"{__name__}.{name}")


def check(state: dict[str, Tensor]) -> None:
    """Raises ValueError where a tensor is complex, quantised or sparse, or has numbers that are none."""
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_complex() or tensor.is_quantized:
            raise Refused(f"its {shown(name)} is no plain tensor: save it as float32")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise Refused(f"its {shown(name)} holds numbers that are infinite or none at all: open an intact file")
