"""Our own files: one safetensors with the architecture and how it is built in its metadata."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from ..critics import Critic
from ..encoders.encoder import Encoder
from ..generators.biggan import BigGAN, BigGANDeep
from ..generators.dcgan import DCGAN
from ..generators.pggan import PGGAN
from ..generators.r3gan import R3GAN
from ..generators.stylegan import StyleGAN
from ..generators.stylegan2 import StyleGAN2
from ..generators.stylegan3 import StyleGAN3
from ..truth.readers import Classifier, FactorReader, PartReader, ResidualFactorReader

POINTER = b"version https://git-lfs"  # how a file begins that a clone without Git LFS has instead of the weights
ARCHITECTURES: dict[str, type[nn.Module]] = {
    kind.__name__: kind
    for kind in (
        StyleGAN3,
        StyleGAN2,
        StyleGAN,
        PGGAN,
        DCGAN,
        R3GAN,
        BigGAN,
        BigGANDeep,
        Critic,
        Encoder,
        FactorReader,
        ResidualFactorReader,
        PartReader,
        Classifier,
    )
}


def save(module: nn.Module, path: str | Path, **facts: str) -> None:
    """Write a generator or critic, atomically; `facts` are kept as metadata beside its architecture and config."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = dict(
        format="ganatomy-1", architecture=type(module).__name__, config=json.dumps(module.config()), **facts
    )
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    os.close(handle)
    try:
        save_file(tensors, temporary, metadata=metadata)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _remedy(path: str | Path) -> str:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        if file.read(len(POINTER)) == POINTER:
            return "it only points to the weights, so install Git LFS, and run `git lfs pull` in the clone"
    return "fetch or make the file again"


def metadata(path: str | Path) -> dict[str, str]:
    """What the file says of itself. Raises ValueError with what to do where it is not one of ours."""
    try:
        with safe_open(str(path), framework="pt") as file:
            found = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{Path(path).name} cannot be read as safetensors ({error}): {_remedy(path)}") from None
    if found.get("format") != "ganatomy-1":
        raise ValueError(
            f"{Path(path).name} is safetensors, but not written by this project: its metadata lack format = ganatomy-1"
        )
    return found


def read(path: str | Path, *, architectures: dict[str, type[nn.Module]] = ARCHITECTURES) -> nn.Module:
    """The module that the file describes, its weights loaded strictly, in eval mode and frozen."""
    facts = metadata(path)
    if facts.get("architecture") not in architectures:
        raise ValueError(
            f"{Path(path).name} holds a {facts.get('architecture')!r}; known are {', '.join(sorted(architectures))}"
        )
    try:
        module = architectures[facts["architecture"]](**json.loads(facts["config"]))
        with safe_open(str(path), framework="pt") as file:
            module.load_state_dict({name: file.get_tensor(name) for name in file.keys()}, strict=True)
    except (ArithmeticError, LookupError, MemoryError, RuntimeError, SafetensorError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__  # torch writes a page of missing names
        raise ValueError(
            f"{Path(path).name} does not hold what its metadata say ({reason}): fetch or make the file again"
        ) from None
    return module.eval().requires_grad_(False)


def weights_hash(path: str | Path) -> str:
    """sha256 of the file, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(2**20), b""):
            digest.update(block)
    return digest.hexdigest()
