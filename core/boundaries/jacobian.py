"""How a judge's readings of pictures answer to the codes of these pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ..generators.base import Generator

BATCH = 16

Read = Callable[[Tensor], Tensor]


class ReadingJacobian(NamedTuple):
    """How the readings of pictures answer to their codes.

    mean: [factors, slots, dim] float64, the mean over n pictures of d reading / d code, for every slot of the
    generator; 0 outside of the movable columns. A sum over slots is the derivative by a shift of all of them.
    readings: [n, factors] float64, of the pictures as they are.
    """

    mean: Tensor
    readings: Tensor

    def over(self, spread: Tensor) -> Tensor:
        """`mean` with readings counted in units of spread [factors]; rows of 0 where that is 0."""
        spread = spread.double().cpu()
        per_unit = torch.where(spread > 0, 1 / spread.clamp(min=1e-30), 0.0)
        return self.mean * per_unit[:, None, None]


class Progress(NamedTuple):
    """done of total backward passes; the last one has the result."""

    done: int
    total: int
    result: ReadingJacobian | None = None


def reading_jacobian(generator: Generator, read: Read, codes: Tensor, *, batch: int = BATCH) -> ReadingJacobian:
    """The mean Jacobian of read(pictures) [n, factors] by the codes [n, slots, dim] of these pictures.

    read: images [n, 3, R, R], nominally in [-1, 1] -> readings [n, factors], differentiable, each picture on its own.
    Reverse mode, a pass a factor and batch. The Jacobian serves every choice of slots, of lam and of what is held.
    Raises ValueError for codes that do not fit and for readings without a gradient.
    """
    *_, last = reading_jacobian_steps(generator, read, codes, batch=batch)
    return last.result


def reading_jacobian_steps(
    generator: Generator, read: Read, codes: Tensor, *, batch: int = BATCH
) -> Iterator[Progress]:
    """`reading_jacobian` as a stream: a Progress after every backward pass, the last with the result; close to stop."""
    if codes.ndim != 3 or codes.shape[1:] != (generator.slots, generator.dim) or not len(codes):
        raise ValueError(
            f"codes of this generator are [n, {generator.slots}, {generator.dim}], n at least 1; "
            f"got {list(codes.shape)}"
        )
    if batch < 1:
        raise ValueError(f"batch = {batch}: at least one picture at a time")
    total, done, batches, sums, parts = 0, 0, -(-len(codes) // batch), 0, []
    for part in codes.split(batch):
        leaf, readings = _read(generator, read, part)
        factors, gradients = readings.shape[1], []
        total = factors * batches
        for i in range(factors):
            gradients.append(_gradient(readings, i, leaf, last=i + 1 == factors))
            done += 1
            if done < total:
                yield Progress(done, total)
        sums = sums + torch.stack(gradients)
        parts.append(readings.detach().cpu().double())
    movable = torch.zeros(generator.dim, dtype=torch.float64)
    movable[generator.movable] = 1
    yield Progress(total, total, ReadingJacobian(sums * movable / len(codes), torch.cat(parts)))


def _read(generator: Generator, read: Read, codes: Tensor) -> tuple[Tensor, Tensor]:
    """The codes as a leaf, and the readings [n, factors] of their pictures with the graph between them."""
    with torch.enable_grad():
        leaf = codes.detach().clone().requires_grad_(True)
        readings = read(generator(leaf))
    if readings.ndim != 2 or len(readings) != len(codes):
        raise ValueError(f"a judge reads [n, factors] off {len(codes)} pictures; got {list(readings.shape)}")
    if not readings.requires_grad:
        raise ValueError("these readings have no gradient: a pure knob needs a judge that can be differentiated")
    return leaf, readings


def _gradient(readings: Tensor, factor: int, leaf: Tensor, *, last: bool) -> Tensor:
    """The sum over pictures of d reading / d code, [slots, dim] float64; the graph is freed after the last."""
    chosen = torch.zeros_like(readings)
    chosen[:, factor] = 1
    return torch.autograd.grad(readings, leaf, chosen, retain_graph=not last)[0].double().sum(0).cpu()
