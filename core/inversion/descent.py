"""Going downhill as a stream: whoever asks for the next step shows it, counts it, or stops.

Every step costs one loss and one gradient, which is asked of the variables alone: no work goes into those of weights.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Picture

Optimiser = Callable[[Sequence[Tensor]], torch.optim.Optimizer]
RISE, FALL = 0.05, 0.5  # shares of the steps in which the rate grows from 0, and falls to 0
HISTORY = 100  # of L-BFGS: pairs of moves and changes of slope
ENOUGH = 1e-4  # Armijo: the share of the decrease that the slope promises


@dataclass(frozen=True, eq=False)
class Step:
    """An inversion after `i` steps: the least loss so far, and the picture that has it."""

    i: int
    loss: float
    picture: Picture

    @torch.no_grad()
    def drawn(self) -> Tensor:
        """Its picture, [1, 3, R, R] in [-1, 1], on the processor."""
        return self.picture.draw(self.picture.codes).clamp(-1, 1).cpu()


class Best(NamedTuple):
    """After `i` steps: the least loss so far, and copies of the variables that have it."""

    i: int
    loss: float
    variables: tuple[Tensor, ...]


class Record:
    """Keeps the best; `stalled` after `patience` steps that lowered it by less than the share `tolerance` together."""

    def __init__(self, patience: int | None, tolerance: float):
        self.patience, self.tolerance = patience, tolerance
        self.best, self.mark, self.marked, self.stalled = Best(0, math.inf, ()), math.inf, 0, False

    def after(self, i: int, loss: float, variables: Iterable[Tensor]) -> Best:
        """Raises ValueError where the loss at the start is not a number."""
        if i == 0 and not math.isfinite(loss):
            raise ValueError(f"the loss of the first picture is {loss}: give a target of numbers, best in [-1, 1]")
        if loss < self.best.loss:
            self.best = Best(i, loss, tuple(variable.detach().clone() for variable in variables))
        if self.best.loss < (1 - self.tolerance) * self.mark:
            self.mark, self.marked = self.best.loss, i
        self.stalled = self.patience is not None and i - self.marked >= self.patience
        return self.best._replace(i=i)


def adam(*rates: float) -> Optimiser:
    """Kingma and Ba, ICLR 2015; one rate a variable. Its second moment lasts 100 steps: there are only hundreds."""
    return lambda variables: torch.optim.Adam(
        [dict(params=[variable], lr=rate) for variable, rate in zip(variables, rates, strict=True)], betas=(0.9, 0.99)
    )


def sgd(rate: float) -> Optimiser:
    """Plain gradient descent, one rate for all variables."""
    return lambda variables: torch.optim.SGD(variables, lr=rate)


def rise_and_fall(share: float) -> float:
    """Factor on the rate after `share` (0..1) of the steps: linear up, then half a cosine down (StyleGAN2)."""
    fall = min(1.0, (1 - share) / FALL)
    return min(1.0, share / RISE) * (0.5 - 0.5 * math.cos(math.pi * fall))


def steady(share: float) -> float:
    """The rate as it is."""
    return 1.0


def descend(
    variables: Sequence[Tensor],
    loss: Callable[..., Tensor],
    *,
    steps: int,
    optimiser: Optimiser,
    schedule: Callable[[float], float] = steady,
    retract: Callable[..., object] | None = None,
    patience: int | None = None,
    tolerance: float = 0.01,
) -> Iterator[Best]:
    """Yield the start (i = 0), then each of up to `steps` updates of `variables` (leaf tensors, changed in place).

    loss(*variables) -> scalar. `schedule` multiplies the optimiser's rate; `retract(*variables)` brings them back where
    they must lie, in place. `patience` and `tolerance` end it early, see `Record`, which also says what is raised.
    """
    variables = [variable.requires_grad_(True) for variable in variables]
    descent, record = optimiser(variables), Record(patience, tolerance)
    rates = [group["lr"] for group in descent.param_groups]
    for i in range(steps + 1):
        value, gradients = _slope(variables, loss)
        yield record.after(i, value, variables)
        if i == steps or record.stalled:
            return
        for group, rate in zip(descent.param_groups, rates):
            group["lr"] = rate * schedule((i + 1) / (steps + 1))
        for variable, gradient in zip(variables, gradients):
            variable.grad = gradient
        descent.step()
        if retract is not None:
            with torch.no_grad():
                retract(*variables)


def lbfgs(
    variables: Sequence[Tensor],
    loss: Callable[..., Tensor],
    *,
    steps: int,
    history: int = HISTORY,
    patience: int | None = None,
    tolerance: float = 0.01,
) -> Iterator[Best]:
    """As `descend`, by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5) with backtracking.

    A step is one gradient, those of a line search included; nearly every first length of 1 is taken. `variables` stay.
    """
    sizes, record = [variable.numel() for variable in variables], Record(patience, tolerance)

    def parts(x: Tensor) -> list[Tensor]:
        return [part.reshape(variable.shape) for part, variable in zip(x.split(sizes), variables)]

    x = torch.cat([variable.detach().flatten() for variable in variables])
    value, gradient = _flat_slope(x, parts, loss)
    yield record.after(0, value, parts(x))
    i, pairs = 0, deque(maxlen=history)
    while i < steps:
        direction = -_inverse_hessian(pairs, gradient)
        promised, length = float(gradient @ direction), 1.0
        if not promised < 0:  # rounding has spoilt the pairs, or this is the bottom
            pairs.clear()
            direction, promised = -gradient, -float(gradient @ gradient)
        while True:
            ahead = x + length * direction
            there, slope = _flat_slope(ahead, parts, loss)
            i += 1
            yield record.after(i, there, parts(ahead))
            if i == steps or record.stalled:
                return
            if there <= value + ENOUGH * length * promised:
                break
            length = _shorter(length, promised, there - value)
        move, change = ahead - x, slope - gradient
        if move @ change > 1e-10 * move.norm() * change.norm():  # keeps the inverse Hessian positive
            pairs.append((move, change))
        x, value, gradient = ahead, there, slope


def _inverse_hessian(pairs: Sequence[tuple[Tensor, Tensor]], gradient: Tensor) -> Tensor:
    """Times the gradient: the two loops of algorithm 7.4; without pairs, a move of length 1 in sum."""
    q, kept = gradient.clone(), []
    for s, y in reversed(pairs):
        kept.append((s @ q) / (s @ y))
        q -= kept[-1] * y
    s, y = pairs[-1] if pairs else (gradient, gradient * gradient.abs().sum())
    q *= (s @ y) / (y @ y).clamp(min=torch.finfo(y.dtype).tiny)
    for (s, y), alpha in zip(pairs, reversed(kept)):
        q += s * (alpha - (y @ q) / (s @ y))
    return q


def _shorter(length: float, promised: float, rise: float) -> float:
    """Least point of the parabola through what was promised and what was found, from a tenth to a half of `length`."""
    curvature = rise - length * promised
    wanted = -promised * length**2 / (2 * curvature) if math.isfinite(curvature) and curvature > 0 else 0.0
    return max(0.1 * length, min(0.5 * length, wanted))


def _slope(variables: Sequence[Tensor], loss: Callable[..., Tensor]) -> tuple[float, Sequence[Tensor]]:
    """The loss and its gradients; gradients are switched on here alone, so that a waiting stream leaks no mode."""
    with torch.enable_grad():
        value = loss(*variables)
        return float(value.detach()), torch.autograd.grad(value, variables)


def _flat_slope(
    x: Tensor, parts: Callable[[Tensor], list[Tensor]], loss: Callable[..., Tensor]
) -> tuple[float, Tensor]:
    value, gradients = _slope([part.detach().requires_grad_(True) for part in parts(x)], loss)
    return value, torch.cat([gradient.flatten() for gradient in gradients])
