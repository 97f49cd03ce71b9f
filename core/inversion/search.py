"""An inversion that is watched: the curve of its loss, a film of its pictures, and its answer at any time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..codes import Picture
from .descent import Step
from .losses import psnr

FRAMES = 12  # of a film, at most
POINTS = 120  # of a curve that is shown
MARGINS = 3, 6  # beside and above it


@dataclass(frozen=True, eq=False)
class Found:
    """An answer. raw: as the network draws it, [1, 3, R, R] in [-1, 1]; image: with what was observed put back, where
    that was asked for, else `raw`. picture: the codes. importances [N, channels]: of a mixture of N codes. steps: how
    many were made; curve: the best loss after each. film: pictures on the way, [f, 3, R, R], and film_steps when each
    was drawn. stopped: before the last step."""

    image: Tensor
    raw: Tensor
    picture: Picture
    importances: Tensor
    loss: float
    steps: int
    seconds: float
    stopped: bool
    curve: tuple[float, ...]
    film: Tensor
    film_steps: tuple[int, ...]

    def bytes(self) -> int:
        tensors = (self.image, self.raw, self.picture.codes, self.importances, self.film)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def how(self) -> str:
        """ "60 steps in 3.2 s", and whether it was stopped."""
        return f"{self.steps} steps in {self.seconds:.1f} s" + (", stopped" if self.stopped else "")

    def shares(self) -> list[float]:
        """How much each code counts: its importances' mean size, as a share of all codes'."""
        sizes = self.importances.abs().mean(1)
        return [float(share) for share in sizes / sizes.sum()]


class Search:
    """Iterating makes the steps of an inversion; what was found so far is there after each.

    steps: of `multicode.invert`. total: how many there are where it does not end early.
    """

    def __init__(self, steps: Iterator[Step], total: int):
        self.steps, self.total = steps, total
        self.curve: list[float] = []
        self.film: list[Tensor] = []
        self.film_steps: list[int] = []
        self.began, self.seconds, self.step = time.perf_counter(), 0.0, None

    def __iter__(self) -> Iterator[Step]:
        for step in self.steps:
            self.step = step
            self.curve.append(step.loss)
            self.seconds = time.perf_counter() - self.began
            if len(self.film) < FRAMES * (step.i / max(1, self.total)) ** 0.5 or not self.film:
                self._filmed()
            yield step

    def _filmed(self) -> None:
        self.film.append(self.step.drawn())
        self.film_steps.append(self.step.i)

    def image(self) -> Tensor:
        """The best picture so far, [1, 3, R, R] in [-1, 1]."""
        return self.film[-1] if self.film_steps[-1] == self.step.i else self.step.drawn()

    def left(self) -> float:
        """Seconds until all steps are made, judging by those that were."""
        return (self.total - self.step.i) * self.seconds / max(1, self.step.i)

    def says(self, truth: Tensor | None = None) -> str:
        """How far it is, in words; with the closeness of the best picture so far, where the truth is known."""
        i = self.step.i
        close = "" if truth is None else f", closeness {float(psnr(self.image(), truth)):.1f} dB"
        left = f", about {max(1, round(self.left()))} s left" if i else ""
        return f"Step {i} of {self.total}{left}{close}"

    def found(self, *, stopped: bool = False) -> Found:
        """The best so far; at least one step must have been made."""
        if self.film_steps[-1] != self.step.i:
            self._filmed()
        raw, step = self.film[-1], self.step
        return Found(
            image=raw,
            raw=raw,
            picture=step.picture,
            importances=step.picture.importances.cpu(),
            loss=step.loss,
            steps=step.i,
            seconds=self.seconds,
            stopped=stopped,
            curve=tuple(self.curve),
            film=torch.cat(self.film),
            film_steps=tuple(self.film_steps),
        )


def log_curve(losses: Sequence[float], wide: float, high: float) -> list[tuple[float, float]]:
    """The loss after each step, on a logarithmic scale: points from the left to the right of a picture of `wide` x
    `high`, y downwards; at most POINTS, none where there are not two losses.
    """
    logs = [math.log10(max(loss, 1e-9)) for loss in thinned(losses)]
    if len(logs) < 2:
        return []
    top, span = max(logs), max(max(logs) - min(logs), 1e-6)
    across, down = (wide - 2 * MARGINS[0]) / (len(logs) - 1), (high - 2 * MARGINS[1]) / span
    return [(MARGINS[0] + i * across, MARGINS[1] + (top - log) * down) for i, log in enumerate(logs)]


def thinned(curve: Sequence[float]) -> list[float]:
    """At most POINTS of its numbers, evenly, with the first and the last."""
    if len(curve) <= POINTS:
        return [round(value, 6) for value in curve]
    return [round(curve[round(i * (len(curve) - 1) / (POINTS - 1))], 6) for i in range(POINTS)]
