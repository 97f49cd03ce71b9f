"""A generator, or a reader of its pictures, as one file for the browser: a line of JSON, then numbers.

docs/engine.md has the format.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from core.generators.base import GREYS, SQUARES, Generator
from core.generators.dcgan import DCGAN
from core.truth.readers import Reader

from .networks import PROGRAMS, dcgan_refusal
from .program import Program
from .readers import reader

FORMAT, VERSION = "ganatomy-engine", 1
DTYPES = ("float16", "float32")
MOST_PARAMETERS, MOST_PIXELS = 8_000_000, 128  # what a browser draws while a knob moves
LARGEST_HALF = 65504.0
SMALL = 1024  # numbers: a smaller tensor stays in float32, which costs little and keeps pictures closer
ALIGNED = 4  # numbers: where a tensor may begin


def qualifies(generator: Generator) -> str | None:
    """None, or the sentence that says why the browser does not draw it."""
    kinds = [kind.__name__ for kind in PROGRAMS]
    name = type(generator).__name__
    if type(generator) not in PROGRAMS:
        return f"The browser draws {', '.join(kinds[:-1])} and {kinds[-1]}, not {name}."
    parameters = sum(tensor.numel() for tensor in generator.parameters())
    if parameters > MOST_PARAMETERS:
        return (
            f"The browser draws networks of up to {MOST_PARAMETERS / 1e6:g} million parameters; "
            f"this one has {parameters / 1e6:.1f} million."
        )
    largest = max((generator.resolution, *(generator.sizes if isinstance(generator, DCGAN) else ())))
    if largest > MOST_PIXELS:
        return f"The browser draws up to {MOST_PIXELS} pixels a side; this network draws {largest}."
    refusal = dcgan_refusal(generator) if isinstance(generator, DCGAN) else None
    return f"The browser does not draw this network: {refusal}." if refusal else None


@torch.no_grad()
def pack(
    generator: Generator,
    dtype: str = "float16",
    *,
    seeds: bool = True,
    about: Mapping[str, object] | None = None,
    numbers: Mapping[str, Tensor] | None = None,
) -> bytes:
    """The generator as the browser reads it; the same generator makes the same bytes.

    dtype: of the weights, "float16" or "float32"; tensors of less than SMALL numbers are always float32. seeds: also
    what makes codes of seeds (StyleGAN2: the mapping), always in float32. about: facts for the page, such as title and
    licence; JSON. numbers: further tensors under names, such as directions, in float32.

    A view (`at(noise="none")`, `without_transparency()`) is packed as it draws; of one that draws in bfloat16, the
    kernels stay rounded. Raises ValueError for another dtype, for what `qualifies` refuses, and where a weight is not
    finite.
    """
    _checked(dtype)
    refusal = qualifies(generator)
    if refusal:
        raise ValueError(refusal)
    of_program, of_codes = PROGRAMS[type(generator)]
    program = of_program(generator)
    codes, tables = of_codes(generator) if seeds else (None, {})
    extras = {f"numbers.{name}": tensor for name, tensor in (numbers or {}).items()}
    facts = dict(
        architecture=type(generator).__name__,
        resolution=generator.resolution,
        slots=generator.slots,
        dim=generator.dim,
        movable=generator.movable.stop,
        classes=generator.classes,
        reads=generator.reads,
        **_drawing(generator, program),
        codes=codes and dict(codes, z=generator.z_dim, distribution=getattr(generator, "distribution", "normal")),
    )
    return _written(facts, program.tensors, tables | extras, dtype, about)


@torch.no_grad()
def pack_reader(network: Reader, dtype: str = "float16", *, about: Mapping[str, object] | None = None) -> bytes:
    """A factor reader or a classifier, for pictures that a network of the same page draws; see `pack`.

    Raises ValueError for another dtype, and where a weight is not finite.
    """
    _checked(dtype)
    program = reader(network)
    facts = dict(kind="reader", architecture=type(network).__name__, resolution=network.resolution)
    facts |= dict(names=network.names, ops=program.ops)
    return _written(facts, program.tensors, {}, dtype, about)


def _checked(dtype: str) -> None:
    if dtype not in DTYPES:
        raise ValueError(f"a pack is of {' or '.join(DTYPES)}, not of {dtype!r}")


def _written(
    facts: Mapping,
    kernels: Mapping[str, Tensor],
    exact: Mapping[str, Tensor],
    dtype: str,
    about: Mapping[str, object] | None,
) -> bytes:
    """The file: what it holds, where, and the numbers."""
    places, data = _laid_out(kernels, exact, dtype)
    head = dict(
        facts,
        format=FORMAT,
        version=VERSION,
        dtype=dtype,
        tensors=places,
        bytes=len(data),
        crc32=zlib.crc32(data),
        about=dict(about or {}),
    )
    line = json.dumps(head, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    return line + b" " * (-(len(line) + 1) % 16) + b"\n" + data


def _drawing(generator: Generator, program: Program) -> dict:
    """What the layers are, and what becomes of the last one's image."""
    kind = getattr(generator, "end", None) or ("tanh" if _bounded(generator) else "none")
    board = [SQUARES, *GREYS] if generator.image_channels == 4 and not generator.opaque else [0, 0.0, 0.0]
    return dict(layers=program.layers, end=dict(ops=program.end, kind=kind, board=board))


def _bounded(generator: Generator) -> bool:
    return getattr(generator, "bounded", type(generator).__name__ == "BigGAN")


def _laid_out(kernels: Mapping[str, Tensor], exact: Mapping[str, Tensor], dtype: str) -> tuple[dict, bytes]:
    """Where each tensor lies, [type, first number, shape], and the numbers: those of float16, then of float32."""
    blocks: dict[str, list[np.ndarray]] = dict(float16=[], float32=[])
    ends, places = dict(float16=0, float32=0), {}
    for name, tensor in (dict(kernels) | dict(exact)).items():
        values = tensor.detach().cpu().float().numpy()
        if not np.isfinite(values).all():
            raise ValueError(f"the weights of {name} are not all finite: this network cannot be drawn")
        exactly = values.size < SMALL or name in exact or np.abs(values).max() > LARGEST_HALF
        kind = "float32" if exactly else dtype
        places[name] = [kind, ends[kind], list(values.shape)]
        padded = np.pad(values.ravel(), (0, -values.size % ALIGNED)).astype(f"<{np.dtype(kind).str[1:]}")
        blocks[kind].append(padded)
        ends[kind] += padded.size
    return places, b"".join(part.tobytes() for kind in ("float16", "float32") for part in blocks[kind])
