"""The program by which the browser draws: operations on named maps and vectors, and the tensors that they read.

A name with a point is a tensor's; any other is a map or a vector that an operation of the same layer has made, or what
the layer before left: `x`, the feature map, and `rgb`, the image so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor

# By the pixel that is read, (row, column) beside the one that is made: the kernel's taps that are summed for it.
Phase = dict[tuple[int, int], list[int]]


@dataclass
class Program:
    """Operations as they will stand in the pack's header; `layers` grow by `layer`, `end` draws the pixels."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    layers: list[dict] = field(default_factory=list)
    end: list[dict] = field(default_factory=list)
    ops: list[dict] = field(default_factory=list)

    def add(self, op: str, to: str, **how) -> str:
        """An operation that makes `to`; what is None is left out. Returns `to`."""
        self.ops.append(dict(op=op, to=to) | {name: value for name, value in how.items() if value is not None})
        return to

    def tensor(self, name: str, numbers: Tensor) -> str:
        """Keeps a tensor under a name with a point that says the layer; returns the whole name."""
        place = f"{len(self.layers)}.{name}"
        self.tensors[place] = numbers.detach()
        return place

    def layer(self, **state: str) -> None:
        """Ends a layer, which leaves `state`: x, and rgb where there is one."""
        self.layers.append(dict(ops=self.ops, state=state))
        self.ops = []

    def affine(
        self, to: str, of: int | str, weight: Tensor, bias: Tensor, *, first: int = 0, shape: Sequence[int] = ()
    ) -> str:
        """weight [rows, columns] times the code of slot `of`, from its number `first` on, or times a vector of that
        name, + bias [rows].
        """
        read = dict(slot=of, first=first) if isinstance(of, int) else dict(of=of)
        made = dict(weight=self.tensor(f"{to}.weight", weight), bias=self.tensor(f"{to}.bias", bias))
        return self.add("affine", to, **read, shape=list(shape or bias.shape), **made)

    def conv(
        self,
        to: str,
        of: str,
        kernel: Tensor,
        phases: Sequence[Phase],
        shape: Sequence[int],
        *,
        filtered: bool = False,
        **before: str | float | None,
    ) -> str:
        """A convolution with a kernel [o, i, k, k] to a map of `shape` [o, h, w].

        phases: one, or four for the even and odd rows and columns. filtered: the filter of StyleGAN2's up-sampling
        follows. before: `scale` and `shift` for each channel, then `slope`, all on the map that is read.
        """
        made = self.tensor(f"{to}.kernel", by_fours(kernel.flatten(2)))
        phases = [[[*pixel, phase[pixel]] for pixel in sorted(phase)] for phase in phases]
        how = dict(of=of, kernel=made, phases=phases, shape=list(shape), filter=filtered or None)
        return self.add("conv", to, **how, **before)

    def strided(self, to: str, of: str, kernel: Tensor, padding: int, shape: Sequence[int]) -> str:
        """A convolution of stride 2 with a kernel [o, i, k, k] to a map of `shape` [o, h, w]."""
        made = self.tensor(f"{to}.kernel", by_fours(kernel.flatten(2)))
        (phase,) = plain(kernel.shape[-1], padding)
        taps = [[*pixel, phase[pixel]] for pixel in sorted(phase)]
        return self.add("strided", to, of=of, kernel=made, taps=taps, shape=list(shape))


def by_fours(kernel: Tensor) -> Tensor:
    """[o, i, taps] -> [o / 4, taps, i, 4], the order in which the kernel is read; zeros fill the last four up."""
    kernel = F.pad(kernel, (0, 0, 0, 0, 0, -len(kernel) % 4))
    o, i, taps = kernel.shape
    return kernel.reshape(o // 4, 4, i, taps).permute(0, 3, 2, 1).contiguous()


def plain(side: int, padding: int) -> list[Phase]:
    """The single phase of a convolution of stride 1."""
    return [{(a - padding, b - padding): [a * side + b] for a in range(side) for b in range(side)}]


def turned(side: int, padding: int) -> list[Phase]:
    """The single phase of a transposed convolution of stride 1."""
    return [{(padding - a, padding - b): [a * side + b] for a in range(side) for b in range(side)}]


def transposed(side: int, padding: int) -> list[Phase]:
    """The four phases of a transposed convolution of stride 2: pixel 2 i + a reads pixel (2 i + a + padding - t) / 2
    with the kernel's tap t, where that is whole.
    """
    return _four(
        side, [[(t, (a + padding - t) // 2) for t in range(side) if not (a + padding - t) % 2] for a in (0, 1)]
    )


def doubled(side: int, padding: int) -> list[Phase]:
    """The four phases of a convolution of a map that is doubled by repetition: taps that read one pixel are summed."""
    return _four(side, [[(t, (a + t - padding) // 2) for t in range(side)] for a in (0, 1)])


def _four(side: int, taps: Sequence[Sequence[tuple[int, int]]]) -> list[Phase]:
    """taps: for the even and the odd pixels of a row, (index in the kernel, pixel that is read)."""
    found: list[Phase] = []
    for down in taps:
        for across in taps:
            phase: Phase = {}
            for t, row in down:
                for u, column in across:
                    phase.setdefault((row, column), []).append(t * side + u)
            found.append(phase)
    return found
