"""The numbers of a code in which a boundary is fitted, and which its direction moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import checked_slots
from ..generators.base import Generator


class Space(NamedTuple):
    """The movable numbers of some slots of a code.

    slots: the slots that move. columns: the numbers of each that may move. dim: how many numbers a slot has.
    shared: True where all of these slots hold the same code, so that one vector [dim] moves them together;
    False where each slot has a code of its own, as in a BigGAN whose noise is cut into chunks.
    """

    slots: tuple[int, ...]
    columns: range
    dim: int
    shared: bool

    def numbers(self, codes: Tensor) -> Tensor:
        """Codes [n, slots, dim] -> [n, m], float64, on the CPU; m counts columns (times slots where not shared)."""
        chosen = self._chosen(codes)
        return chosen[:, 0] if self.shared else chosen.flatten(1)

    def gradients(self, slopes: Tensor) -> Tensor:
        """Derivatives by every slot [k, slots, dim] -> derivatives by the numbers [k, m]."""
        chosen = self._chosen(slopes)
        return chosen.sum(1) if self.shared else chosen.flatten(1)

    def vectors(self, numbers: Tensor) -> Tensor:
        """[k, m] -> [k, dim] where shared, else [k, slots, dim]; 0 outside of the movable columns."""
        rows = numbers if self.shared else numbers.unflatten(1, (len(self.slots), len(self.columns)))
        vectors = torch.zeros(*rows.shape[:-1], self.dim, dtype=torch.float64)
        vectors[..., self.columns.start : self.columns.stop] = rows
        return vectors

    def _chosen(self, codes: Tensor) -> Tensor:
        return codes[:, list(self.slots), self.columns.start : self.columns.stop].detach().cpu().double()


def space_of(generator: Generator, codes: Tensor, slots: Iterable[int] | None = None) -> Space:
    """The space that codes [n, slots, dim] of a generator's unedited pictures have in `slots` (None: all).

    Raises ValueError for slots that do not exist and for codes of another shape.
    """
    slots = checked_slots(generator, slots)
    if codes.ndim != 3 or codes.shape[1:] != (generator.slots, generator.dim):
        raise ValueError(
            f"codes of this generator are [n, {generator.slots}, {generator.dim}]; got {list(codes.shape)}"
        )
    columns = range(generator.dim)[generator.movable]
    chosen = codes[:, list(slots), columns.start : columns.stop]
    return Space(slots, columns, generator.dim, shared=bool((chosen == chosen[:, :1]).all()))


def units(numbers: Tensor) -> Tensor:
    """Rows [k, m] scaled to length 1; a row of zeros (shorter than 1e-12) stays zero."""
    length = numbers.norm(dim=1, keepdim=True)
    return torch.where(length > 1e-12, numbers / length.clamp(min=1e-12), 0.0)
