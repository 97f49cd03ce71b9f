"""The layers of a generator, as they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from ..generators.base import Generator
from .export import parameters


class Layer(NamedTuple):
    """name: its class. output: channels, height, width. reads: the slots of the code that it reads."""

    name: str
    output: tuple[int, int, int]
    parameters: int
    reads: tuple[int, ...]


@torch.no_grad()
def layers(generator: Generator) -> list[Layer]:
    """Every layer of one run, in order."""
    codes = generator.codes(generator.sample(1, 0), label=0 if generator.classes else None)
    found, state = [], None
    for i, (layer, slots) in enumerate(zip(generator.layers, generator.reads)):
        state = generator.run(codes, state, start=i, stop=i + 1)
        found.append(Layer(type(layer).__name__, tuple(state.x.shape[1:]), parameters(layer), slots))
    return found


def listed(generator: Generator, rows: Sequence[Layer]) -> list[tuple[str, str, str, str, str]]:
    """Layers as text: number, class, channels x height x width, parameters, slots that it reads; then what belongs to
    none of them, such as the mapping, and all of them.
    """
    found, every = [], parameters(generator)
    for i, (name, output, count, reads) in enumerate(rows):
        slots = ", ".join(map(str, reads)) or "none"
        found.append((str(i), name, " x ".join(map(str, output)), f"{count:,}", slots))
    rest = every - sum(layer.parameters for layer in rows)
    return [*found, ("mapping and output", "", "", f"{rest:,}", ""), ("all", "", "", f"{every:,}", "")]
