"""The layers of a generator, as they run."""

from __future__ import annotations

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
