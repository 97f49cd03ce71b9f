"""A checkpoint looked at: what its file is, its layers, pictures of the first seeds, its strongest knobs on one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as Stream
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from ..codes import Directions, codes_in_turn, edit
from ..factorization.sefa import strongest
from ..generators.base import CHANNELS, Generator
from ..truth import statistics
from . import Described
from .export import Provenance, draw, parameters
from .layers import Layer, layers

KNOBS, AMOUNTS = 10, (-3.0, -1.5, 0.0, 1.5, 3.0)  # of SeFa; steps, each one standard deviation of w . v
KNOB_SEED = 0  # whose picture the knobs turn
UNLICENSED = "not stated: find out what may be done with these weights before publishing anything made from them"
T = TypeVar("T")


def facts(path: Path, described: Described, sha256: str, provenance: Provenance) -> dict[str, str]:
    """What a file is, by name and in words; sha256: of the file, hexadecimal. What is not known is left out."""
    generator, said_by = described.generator, provenance.said_by and f"says {provenance.said_by}"
    said = ", ".join(filter(None, (provenance.link, said_by)))
    found = {
        "format": f"{described.format}: {described.writer}",
        "file": path.name,
        "sha256": sha256,
        "size": f"{path.stat().st_size:,} bytes",
        "licence": (provenance.licence or UNLICENSED) + (f" ({said})" if said else ""),
        "repository": f"{provenance.repo} {provenance.revision}".strip(),
        "architecture": described.architecture,
        "resolution": f"{generator.resolution} x {generator.resolution} pixels",
        "picture": CHANNELS[generator.image_channels],
        "code": f"{generator.slots} slots x {generator.dim} numbers, grown from {generator.z_dim} random ones",
        "classes": str(generator.classes or "none"),
        "parameters": f"{parameters(generator):,}",
    }
    return {name: text for name, text in found.items() if text}


@dataclass(frozen=True, eq=False)
class Examination(Generic[T]):
    """What was seen of a generator.

    layers: as they run. sheet: a picture a seed, from seed 0 on, classes in turn. seconds: of one picture, the median
    over the sheet. directions [k]: SeFa's of all slots, strongest first; shares [k]: of the sum of all eigenvalues;
    steps [k]: the standard deviation of w . v. turned: for each knob its pictures at AMOUNTS steps.
    """

    layers: list[Layer]
    sheet: list[T]
    seconds: float
    directions: Directions
    shares: Tensor
    steps: Tensor
    turned: list[list[T]]


class Step(NamedTuple):
    """says: what is being done; the last step has the result."""

    says: str
    result: Examination | None = None


def examine(
    generator: Generator, *, psi: float, seeds: int = 16, keep: Callable[[Tensor], T] = lambda image: image
) -> Iterator[Step]:
    """psi: truncation of every picture. keep: what is kept of a picture [1, 3, R, R], nominally in [-1, 1]: large ones
    need not stay in memory. Raises ValueError where the network draws no numbers.
    """
    yield Step("looking at the layers")
    rows = layers(generator)
    sheet, seconds = yield from _sheet(generator, psi, seeds, keep)
    yield Step("finding the knobs")
    directions, shares = strongest(generator, KNOBS)
    codes = codes_in_turn(generator, statistics.SAMPLED, statistics.FIRST_SAMPLED)[:, list(directions.slots)]
    steps = statistics.steps_of(codes, directions.vectors)
    turned = yield from _turned(generator, psi, directions, steps.tolist(), keep)
    yield Step("", Examination(rows, sheet, seconds, directions, shares, steps, turned))


def label_of(generator: Generator, seed: int) -> int | None:
    """The class of a seed on the sheet; None where there are none."""
    return seed % generator.classes if generator.classes else None


def _sheet(
    generator: Generator, psi: float, seeds: int, keep: Callable[[Tensor], T]
) -> Stream[Step, None, tuple[list[T], float]]:
    pictures, spent = [], []
    for seed in range(seeds):
        yield Step(f"drawing picture {seed + 1} of {seeds}")
        began = time.perf_counter()
        image = draw(generator, seed, psi=psi, label=label_of(generator, seed))
        spent.append(time.perf_counter() - began)
        pictures.append(keep(image))
    return pictures, median(spent)


def _turned(
    generator: Generator, psi: float, directions: Directions, steps: Sequence[float], keep: Callable[[Tensor], T]
) -> Stream[Step, None, list[list[T]]]:
    view, rows = generator.at(psi=psi), []
    codes = view.codes(view.sample(1, KNOB_SEED), psi=psi, label=label_of(generator, 0))
    untouched = keep(_drawn(view, codes))
    for i, step in enumerate(steps):
        yield Step(f"turning knob {i + 1} of {len(steps)}")
        settings = [[0.0] * i + [amount * step] for amount in AMOUNTS]
        rows.append([keep(_drawn(view, edit(codes, directions, one))) if one[i] else untouched for one in settings])
    return rows


@torch.no_grad()
def _drawn(generator: Generator, codes: Tensor) -> Tensor:
    return generator(codes)
