"""Labels of a network's own pictures: what a judge reads of them, and how the readings answer to the codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .boundaries.files import Labels
from .boundaries.jacobian import reading_jacobian_steps
from .codes import Directions, codes_in_turn
from .factorization.baseline import spread_along
from .generators.base import Generator
from .truth import scores
from .truth.judge import Judge

LABELLED, FIRST_LABELLED = 2_000, 600_000  # pictures that are read, and the first one's seed
SLOPED, FIRST_SLOPED = 32, 620_000  # pictures whose readings are derived by their codes


class Step(NamedTuple):
    """says: what is done, in words; share: how much of it, 0 to 1; the last step has the labels."""

    says: str
    share: float
    labels: Labels | None = None


def codes_for(generator: Generator, count: int, first: int, *, psi: float, label: int | None = None) -> Tensor:
    """Codes [count, slots, dim] of the network's own pictures of the seeds from `first` on.

    label: the class of all of them; None: no class, or classes in turn.
    """
    if label is None:
        return codes_in_turn(generator, count, first, psi=psi)
    return generator.codes(generator.sample(count, first), psi=psi, label=label)


def read_labels(generator: Generator, judge: Judge, *, psi: float, label: int | None = None) -> Iterator[Step]:
    """Reads LABELLED pictures at truncation 1, and derives the readings of SLOPED others at truncation `psi`."""
    labelled, read = codes_for(generator, LABELLED, FIRST_LABELLED, psi=1.0, label=label), []
    for part in labelled.split(scores.BATCH):
        yield Step("Reading the network’s own pictures …", 0.3 * len(read) * scores.BATCH / len(labelled))
        read.append(scores.read_codes(generator, judge.read, part))
    readings = torch.cat(read)
    sloped = codes_for(generator, SLOPED, FIRST_SLOPED, psi=psi, label=label)
    says = "How every reading answers to every number …"
    for step in reading_jacobian_steps(generator.at(psi=psi), judge.read, sloped):
        yield Step(says, 0.3 + 0.7 * step.done / step.total)
    yield Step(says, 1.0, Labels(judge.names, readings, FIRST_LABELLED, step.result, psi))


def mean_changes(
    generator: Generator, judge: Judge, directions: Directions, codes: Tensor, *, psi: float, label: int | None = None
) -> Iterator[Tensor]:
    """For each direction: [factors], the mean change a step over pictures of codes [n, slots, dim].

    judge: one that knows the standard deviations in which changes are counted, see `Judge.spread_over`.
    """
    view, steps = generator.at(psi=psi), spread_along(generator, directions, label=label)
    for change in scores.knob_changes_of(view, judge.read, codes, directions, steps, judge.spread.float()):
        yield change.mean(0)
