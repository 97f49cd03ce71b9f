"""Methods beside each other for one region of one picture, each turned until the region changes equally."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .factorization.baseline import spread_along
from .factorization.jacobian import Grams
from .factorization.lowrank import LowRank
from .factorization.region import FURTHEST, LEAST, STEP, contenders, energies, locality, ratios
from .generators.base import Generator
from .truth.local import Faces, at_equal_change, drawn


class Compared(NamedTuple):
    """One method's best direction by the first-order ratio, turned until the region changes by STEP (RMS), as far as
    it can within four ways of a knob.

    number: which of the method's own it is, from 0. deviations: how far it went, in standard deviations of w . n.
    inside, outside: RMS changes. before, after: the picture, [1, 3, R, R] in [-1, 1].
    """

    method: str
    number: int
    deviations: float
    inside: float
    outside: float
    before: Tensor
    after: Tensor

    def row(self) -> tuple[str, ...]:
        """Of a table: method, direction from 1, standard deviations, inside, outside, inside over outside."""
        over = locality(self.inside, self.outside)
        changes = f"{self.inside:.4f}", f"{self.outside:.4f}", "nothing outside" if over is None else f"{over:.2f}"
        return self.method, str(self.number + 1), f"{self.deviations:.2f}", *changes


def compared(
    generator: Generator, codes: Tensor, mask: Tensor, found: Grams, solved: LowRank, *, label: int | None = None
) -> Iterator[Compared]:
    """codes [1, slots, dim]. mask [R, R] bool: the region, at the picture's size, that was solved from `found`. label:
    the class of the picture, where there are classes.
    """
    face = Faces(codes, drawn(generator, codes), mask[None])
    for method, directions in contenders(generator, found, solved).items():
        number = int(ratios(found, directions).argmax())
        one = directions.only([number])
        spread = float(spread_along(generator, one, samples=1024, label=label))
        start = STEP / float(energies(found, one)[0].clamp(min=LEAST).sqrt())
        way = dict(target=STEP, start=start, farthest=4 * FURTHEST * spread)
        edit = at_equal_change(generator, face, one, senses=torch.ones(1), **way)
        inside, outside = (float(squared.sqrt()) for squared in (edit.inside, edit.outside))
        yield Compared(method, number, float(edit.amounts) / spread, inside, outside, face.images, edit.images)
