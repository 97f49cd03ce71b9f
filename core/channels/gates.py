"""What the algorithms of this folder share: finding a class-conditional gate, or saying that there is none."""

from __future__ import annotations

from numbers import Integral

from torch import nn

from ..generators.base import Generator


def checked_gate(generator: Generator, gate: int) -> nn.Module:
    """The gate of that number, an index into `generator.gates`. Raises ValueError with what there is."""
    count = len(generator.gates)
    if not count:
        raise ValueError(
            "this generator has no class-conditional normalisation, so no channel belongs to a class: "
            "choose a class-conditional one, such as a BigGAN"
        )
    if not (isinstance(gate, Integral) and 0 <= gate < count):
        raise ValueError(f"gate {gate!r}: this generator has the gates 0 to {count - 1}")
    return generator.gates[gate]
