"""Any checkpoint -> our generator: what a file is, is recognised from what it holds, never from its name.

Formats are modules with `matches(state) -> bool` and `from_state(state, config) -> Generator`, asked in the order of
FORMATS; `state` is the flat dict of the averaged generator's tensors. No code that a file carries is run.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from safetensors import safe_open
from torch import Tensor

from ..generators.base import Generator
from . import native, nvidia, options, tf_legacy, unpickle
from .vocabulary import AGAIN, Array, Network, Persistent, Refused, Strided, shown

FORMATS = ("nvidia", "tf_legacy", "rosinality", "genforce", "genforce_stylegan", "ajbrock", "hf_biggan", "dcgan")
WRITERS = {  # whose files a format are, in words; "ganatomy" are our own
    "ganatomy": "GANatomy (safetensors)",
    "nvidia": "NVIDIA's PyTorch code (stylegan2-ada-pytorch, stylegan3)",
    "tf_legacy": "NVIDIA's TensorFlow code (stylegan2)",
    "rosinality": "rosinality's stylegan2-pytorch",
    "genforce": "GenForce (StyleGAN2, PGGAN)",
    "genforce_stylegan": "GenForce (StyleGAN)",
    "ajbrock": "BigGAN-PyTorch",
    "hf_biggan": "pytorch-pretrained-biggan",
    "dcgan": "PyTorch code of the DCGAN family",
}
LARGEST = 4 * 2**30  # bytes of a file
HEADER = 10**8  # bytes of a safetensors header, by its own rule
CONFIG = 2**20  # bytes of a config.json
# Of several networks in one file, the averaged generator first; "models" and "state_dict" are wrappers.
AVERAGED = ("generator_smooth", "G_ema", "g_ema", "ema", "generator", "G", "g", "models", "state_dict")
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
    try:
        if not path.is_file():
            raise Refused("there is no such file: choose one that exists")
        if not 0 < path.stat().st_size <= LARGEST:
            raise Refused(f"it is empty, or larger than {LARGEST // 2**30} GB: {AGAIN}")
        described = _read(path, config, dict(settings or {}))
        if described.generator.resolution > PICTURE:
            raise Refused(
                f"it draws {described.generator.resolution} pixels a side: open a network of at most {PICTURE}"
            )
        return described
    except Exception as error:  # a stranger's file: whatever it made fail, the visitor is told in one sentence
        reason = (
            " ".join(str(error).split())[:400]
            if isinstance(error, ValueError)
            else f"it is broken or too large ({type(error).__name__}): {AGAIN}"
        )
    raise ValueError(f"the file {shown(path.name)} cannot be opened, because {reason}")


def _read(path: Path, asked: dict | str | Path | None, settings: dict) -> Described:
    with open(path, "rb") as file:
        head = file.read(9)
    if head[8:] == b"{" and int.from_bytes(head[:8], "little") < HEADER:
        return _read_safetensors(path, asked, settings)
    with unpickle.opened(path) as tree:
        views, facts = averaged(tree)
        claimed = sum(view.nbytes for view in views.values())
        if claimed > path.stat().st_size:
            raise Refused(f"its tensors claim {claimed} bytes, more than the file has: {AGAIN}")
        state = {name: unpickle.read(view) for name, view in views.items()}
    if facts is None or asked is not None:  # a config.json that happens to lie there does not overrule the pickle
        facts = {**(facts or {}), **(_config(path, asked) or {})} or None
    return recognised(state, facts, settings)


def _read_safetensors(path: Path, asked: dict | str | Path | None, settings: dict) -> Described:
    try:
        with safe_open(str(path), framework="pt") as file:
            ours = (file.metadata() or {}).get("format") == "ganatomy-1"
            state = {} if ours else {name: file.get_tensor(name) for name in file.keys()}
    except Exception as error:  # safetensors raises its own kind
        raise Refused(f"it is broken ({type(error).__name__}): {AGAIN}") from None
    if not ours:
        return recognised(state, _config(path, asked), settings)
    try:
        _affordable(path)
        module = native.read(path)
    except ValueError as error:
        raise Refused(f"it {str(error).removeprefix(path.name).strip()}") from None
    if not isinstance(module, Generator):
        raise Refused(f"it holds a {type(module).__name__}, not a generator: open the generator that lies beside it")
    check(module.state_dict())
    options.fitting(settings, "ganatomy", WRITERS["ganatomy"])
    module.notes = _notes(native.metadata(path).get("notes", ""))
    return Described("ganatomy", module)


def _notes(text: str) -> tuple[str, ...]:
    """What had to be assumed before a file became one of ours, a line each; a stranger may have written them."""
    return tuple(re.sub(r"[^\w .,:;()'=/+-]", "?", line[:300]) for line in text.splitlines()[:8])


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


def recognised(state: dict[str, Tensor], config: dict | None, settings: Mapping | None = None) -> Described:
    """The flat state dict of one network as a generator. Raises ValueError where no format knows it.

    settings: as in `read`, on top of the config.
    """
    check(state)
    for module in formats():
        if module.matches(state):
            name = module.__name__.rpartition(".")[2]
            options.fitting(settings or {}, name, WRITERS[name])
            config = {**(config or {}), **settings} if settings else config
            return Described(name, module.from_state(state, config).eval().requires_grad_(False))
    if "synthesis.input.freqs" in state:
        raise Refused(
            "it holds a StyleGAN3, which this project does not draw: open a StyleGAN2, StyleGAN, PGGAN or BigGAN"
        )
    names = ", ".join(shown(name) for name in sorted(state)[:3])
    raise Refused(
        f"its tensors ({names} ...) are of no network known here: "
        "open a StyleGAN2, StyleGAN, PGGAN, DCGAN or BigGAN generator, not a critic or another model"
    )


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


def averaged(tree: object) -> tuple[dict[str, Strided | Array], dict | None]:
    """(tensors by name, settings) of the averaged generator in what a pickle held."""
    if isinstance(tree, tuple) and len(tree) == 3 and all(isinstance(network, Network) for network in tree):
        tree = tree[2]  # (G, D, Gs)
    for _ in range(4):
        if isinstance(tree, Persistent):
            return _tensors(*nvidia.flattened(tree))
        if isinstance(tree, Network):
            return _tensors(*tf_legacy.flattened(tree))
        if not isinstance(tree, dict):
            break
        inner = next((tree[name] for name in AVERAGED if isinstance(tree.get(name), (dict, Persistent, Network))), None)
        if inner is None:
            return _tensors(_without_module(tree), None)
        beside = tree.get("latent_avg")  # rosinality's mean of w lies beside the network
        tree = {**inner, "latent_avg": beside} if isinstance(inner, dict) and isinstance(beside, Strided) else inner
    raise Refused("it holds no generator: open a file with a generator's weights")


def _tensors(found: dict, settings: dict | None) -> tuple[dict[str, Strided | Array], dict | None]:
    odd = next(
        (name for name, value in found.items() if not isinstance(value, (Strided, Array)) or not isinstance(name, str)),
        None,
    )
    if odd is not None or not found:
        problem = f"{shown(odd)}, which is no tensor" if found else "no tensors"
        raise Refused(f"it holds {problem}: open a generator's weights")
    return found, settings


def _without_module(tree: dict) -> dict:
    """Names without the `module.` that torch's DataParallel puts before each."""
    wrapped = all(isinstance(name, str) and name.startswith("module.") for name in tree)
    return {name[len("module.") :]: value for name, value in tree.items()} if wrapped else tree


def _config(path: Path, config: dict | str | Path | None) -> dict | None:
    if isinstance(config, dict):
        return config
    beside = [path.with_name(f"{path.stem}_config.json"), path.with_name("config.json")]
    file = Path(config) if config is not None else next((file for file in beside if file.is_file()), None)
    if file is None:
        return None
    try:
        if file.stat().st_size > CONFIG:
            raise ValueError
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(
            f"{shown(file.name)} beside it is no JSON object of at most 1 MB: bring the config.json that belongs to it"
        )
    return found
