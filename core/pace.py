"""How a model draws on this machine:
the time of a picture, its precision, and what is shown until the picture is there.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from . import zoo
from .generators.base import Generator
from .precision import Precision, chosen

SLOW = 0.15  # seconds a picture from which on something quicker is shown while a knob moves
TRIES = 6  # of which the quickest counts
PREVIEW = 0.1  # seconds that a preview may take
AGAIN = 60.0  # seconds after which a slow network is timed again: the machine may have been busy
_lock = threading.Lock()
_quick: dict[tuple[str, str], Pace] = {}  # networks that were taken for slow, and are not
_timed: dict[tuple[str, str], float] = {}


@dataclass(frozen=True)
class Pace:
    """seconds: of one picture. precision: what it is drawn in.

    stop: layers that make a preview; None: there is none.
    """

    seconds: float
    precision: Precision | None = None
    stop: int | None = None

    @property
    def slow(self) -> bool:
        return self.seconds > SLOW


def pace_of(model: str) -> Pace:
    """Measured once for these weights, on the model's own pictures; where it seems slow, one picture is timed again
    every AGAIN seconds at most, until it is quick.

    Raises ValueError where the model cannot be opened.
    """
    with _lock:
        key = model, zoo.weights_hash(model)
        found = _quick.get(key) or _measured(*key)
        if found.slow and found.precision and time.monotonic() - _timed.setdefault(key, time.monotonic()) > AGAIN:
            _timed[key] = time.monotonic()
            seconds = _seconds(zoo.load(model), _codes(model))
            if seconds <= SLOW:
                found = _quick[key] = Pace(seconds)
        return found


def quick(model: str) -> Generator:
    """The generator that the page draws with:
    in bfloat16 where that is faster and nobody can tell, see `Pace.precision`.
    """
    precision = pace_of(model).precision if zoo.device().type == "cpu" else None
    return precision.generator if precision else zoo.load(model)


def says(model: str) -> str:
    """How the page's pictures of the model are drawn, in a sentence; "" where nothing is special about it."""
    precision = pace_of(model).precision
    if precision is None or precision.name == "float32":
        return ""
    return precision.says + " What you take away is drawn in float32."


@lru_cache(maxsize=16)
@torch.no_grad()
def _measured(model: str, _weights: str) -> Pace:
    generator, codes = zoo.load(model), _codes(model)
    first = _seconds(generator, codes)  # the first one also warms up
    seconds = first
    for _ in range(TRIES if first < 20 * SLOW else 0):
        if seconds > SLOW:  # a busy moment must not make a quick network slow for good
            seconds = min(seconds, _seconds(generator, codes))
    if seconds <= SLOW or zoo.device().type != "cpu":
        return Pace(seconds)
    precision = chosen(generator, psi=zoo.card(model).psi)
    return Pace(_seconds(precision.generator, codes), precision, _preview(precision.generator, codes))


def _codes(model: str) -> Tensor:
    generator = zoo.load(model)
    return generator.codes(generator.sample(1, 0), psi=zoo.card(model).psi, label=0 if generator.classes else None)


@torch.no_grad()
def _seconds(generator: Generator, codes: Tensor) -> float:
    began = time.perf_counter()
    generator(codes)[0, 0, 0, 0].item()  # waits for a GPU too
    return time.perf_counter() - began


def _preview(generator: Generator, codes: Tensor) -> int | None:
    """The most layers that can be run in time and have a picture of their own."""
    found, began, state = None, time.perf_counter(), None
    for i in range(len(generator.layers)):
        state = generator.run(codes, state, start=i, stop=i + 1)
        if time.perf_counter() - began > PREVIEW:
            break
        found = i + 1 if generator.preview(state) is not None else found
    return found
