"""Restore a picture with a GAN as the prior: the search for the picture of a network that a problem asks for.

mGANprior: Gu, Shen and Zhou, Image Processing Using Multi-Code GAN Prior, CVPR 2020 (arXiv 1912.07116).
"""

from __future__ import annotations

from collections.abc import Generator as Work
from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from ..generators.base import Generator
from ..threads import on_single_core
from . import baselines
from .descent import Step
from .losses import named, psnr
from .multicode import invert
from .tasks import QUICK, Damage, Problem

MOST_PIXELS = 15 * 1024**2  # of all codes' pictures together
# Pixels a side up to which one core searches as fast as two: of pictures this small each step is many short pieces of
# work, and a page has so many threads that they wait longer for a second core than it saves
# (`python -m tests.benchmarks.page`).
SMALL = 64
THREAD = "search"  # in which small pictures are searched, see `core.threads.single_core`
OFFICIAL = "official"  # the optimiser's name for descending as the published code does


def restore(
    generator: Generator,
    problem: Problem,
    *,
    layer: int,
    n_codes: int,
    steps: int,
    seed: int = 0,
    label: int | None = None,
    optimiser: str = "adam",
) -> Iterator[Step]:
    """The steps of `multicode.invert` towards what was observed in `problem`; every Step has the best so far.

    layer, n_codes, steps, seed, label: as of `invert`. optimiser: "adam", "lbfgs" or "official", as the published code.
    Small pictures are searched in one thread that keeps to one core. Raises ValueError where the codes' pictures do not
    fit into memory, and what `invert` raises.
    """
    side, official = generator.resolution, optimiser == OFFICIAL
    if n_codes * side**2 > MOST_PIXELS:
        raise ValueError(
            f"{n_codes} codes of {side} pixels do not fit into memory: choose fewer codes, or a smaller network"
        )
    descends = dict(official=official, optimiser="adam" if official else optimiser, label=label, seed=seed)
    found = invert(
        generator, problem.observed, layer=layer, n_codes=n_codes, steps=steps, loss=problem.loss, **descends
    )
    on_cpu = next(generator.parameters()).device.type == "cpu"
    yield from on_single_core(found, THREAD) if side <= SMALL and on_cpu and torch.get_num_threads() > 1 else found


class Copied(NamedTuple):
    """image: of the first picture, [1, 3, R, R] in [-1, 1]. closeness: median PSNR of all, to a tenth of a dB."""

    image: Tensor
    closeness: float


def copied(
    generator: Generator, truths: Sequence[Tensor], *, layer: int, n_codes: int, seed: int = 0, label: int | None = None
) -> Work[None, None, Copied]:
    """Copies pictures [1, 3, R, R] in the quick way of `tasks.QUICK`; codes are mixed after `layer` layers.

    `found = yield from copied(...)`: None after every step, `Copied` at the end.
    """
    copies = []
    for truth in truths:
        problem = Damage("copy").problem(truth, named(QUICK["loss"]), generator.resolution)
        counts = dict(layer=layer, n_codes=n_codes, steps=QUICK["steps"], seed=seed)
        for step in restore(generator, problem, **counts, optimiser=QUICK["optimiser"], label=label):
            yield None
        copies.append(step.drawn())
    close = median(float(psnr(image, truth)) for image, truth in zip(copies, truths))
    return Copied(copies[0], round(close, 1))


def one_code(generator: Generator, problem: Problem, *, label: int | None = None) -> baselines.Search:
    """Plain inversion of a problem with one code that does not end early, as `baselines.one_code` asks for it."""
    how = dict(layer=0, n_codes=1, loss=problem.loss, patience=None, label=label)
    return lambda seed, steps: invert(generator, problem.observed, seed=seed, steps=steps, **how)
