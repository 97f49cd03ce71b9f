"""What a channel does to a picture: by how much, where, and from what the layers before it have drawn.

A change is given in levels of 255, as root mean square over pixels and colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..generators.base import Generator, State
from ..taps import tap
from .editing import ChannelEdit, edit_start, redrawn
from .gates import checked_gate

LEVELS = 127.5  # of 255, for a difference of 1


class Untouched(NamedTuple):
    """A picture as it is, for changes of the channels of one gate.

    codes [1, slots, dim]. state: what is before the gate's layer, None for layer 0. picture [1, 3, R, R] in [-1, 1].
    maps [channels, h, w]: what the gate lets through.
    """

    codes: Tensor
    state: State | None
    picture: Tensor
    maps: Tensor

    def bytes(self) -> int:
        tensors = (self.codes, *(self.state or ()), self.picture, self.maps)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors if tensor is not None)


@torch.no_grad()
def untouched(generator: Generator, codes: Tensor, gate: int) -> Untouched:
    """The picture of codes [1, slots, dim], and what a change at the gate starts from. Raises as `checked_gate`."""
    layer = edit_start(generator, [ChannelEdit(gate, 0)])
    state = generator.run(codes, stop=layer) if layer else None
    with tap(checked_gate(generator, gate)) as seen:
        picture = generator.to_image(generator.run(codes, state, start=layer)).clamp(-1, 1)
    return Untouched(codes, state, picture, seen[0][0].cpu())


def changed(generator: Generator, before: Untouched, gate: int, channel: int, amounts: Sequence[float]) -> Tensor:
    """Pictures [n, 3, R, R] in [-1, 1] with the channel at each of n strengths: 0 is off, 1 as it is."""
    edit = ChannelEdit(gate, channel, multiply=torch.tensor([float(one) for one in amounts]))
    return redrawn(generator, before.codes, before.state, [edit]).clamp(-1, 1)


def levels(a: Tensor, b: Tensor) -> Tensor:
    """RMS difference of pictures [n, 3, R, R] in [-1, 1], [n] in levels of 255."""
    return LEVELS * (a.clamp(-1, 1) - b.clamp(-1, 1)).square().mean((1, 2, 3)).sqrt()


def half_on(after: Tensor, before: Tensor) -> float:
    """Share of the picture that the strongest half of the squared change lies on, 0 to 1; nan where nothing changes.

    Pictures [1, 3, R, R].
    """
    squares = (after - before).square().mean((0, 1)).flatten().sort(descending=True)[0].double()
    if not squares.sum() > 0:
        return float("nan")
    return (1 + int((squares.cumsum(0) < squares.sum() / 2).sum())) / len(squares)
