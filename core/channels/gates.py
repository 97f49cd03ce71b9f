"""What the algorithms of this folder share: finding class-conditional gates, or saying that there are none."""

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


def gate_groups(count: int) -> dict[str, range]:
    """The named groups of `count` gates: "all", and the "early" and the "late" half; each has one or more."""
    half = count // 2
    return dict(all=range(count), early=range(max(1, half)), late=range(half, count))


def gate_range(text: str, count: int) -> range | None:
    """The gates that a group's name, a number or a range such as "2-5" means; None where it means none of `count`."""
    ends = text.split("-")
    if text in gate_groups(count):
        return gate_groups(count)[text]
    if len(ends) > 2 or not all(end.strip().isdecimal() and len(end) < 6 for end in ends):
        return None
    first, last = int(ends[0]), int(ends[-1])
    return range(first, last + 1) if first <= last < count else None
