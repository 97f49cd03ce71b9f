"""Three measures of every channel of a gate beside each other: by formula, by watching, by experiment.

He et al., Interpreting Class Conditional GANs with Channel Awareness, arXiv 2203.11173; our formulation. The experiment
is the truth about what a channel does, and takes longest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

from ..generators.base import Generator
from ..truth.scores import rank_correlation
from .awareness import awareness, causal_effect, mean_activation
from .effect import LEVELS

WATCHED, TRIED = 16, 2  # pictures for the mean and for the experiment
WATCHING = 0.3  # share of the whole stream that the watching is said to be


class Measures(NamedTuple):
    """What channels of a gate are for a class, [channels] each, on the CPU.

    formula: `awareness`. observed: `mean_activation` over WATCHED pictures. effect: the RMS change of TRIED pictures
    with the channel off, in levels of 255.
    """

    formula: Tensor
    observed: Tensor
    effect: Tensor

    def ranks(self) -> list[list[int]]:
        """The rank of every channel by each of the three measures, 1: the highest."""
        return [(-values).argsort(stable=True).argsort().add(1).tolist() for values in self]


class Step(NamedTuple):
    """A report of a stream: words for what was done, the share of all work (0 to 1), and at the end the measures."""

    says: str
    share: float
    measures: Measures | None = None


def compared(generator: Generator, label: int, *, gate: int, seed: int = 0, psi: float = 1.0) -> Iterator[Step]:
    """A stream to the three measures of every channel; pictures are those of the seeds from `seed` on.

    Raises ValueError where the generator has no such gate or class, at the first step.
    """
    formula = awareness(generator, label, gate=gate).cpu()
    for seen in mean_activation(generator, label, gate=gate, draws=WATCHED, seed=seed, psi=psi):
        yield Step(f"Watching: {seen.done} of {seen.of} pictures", WATCHING * seen.done / seen.of)
    for tried in causal_effect(generator, label, gate=gate, draws=TRIED, seed=seed, psi=psi):
        share = WATCHING + (1 - WATCHING) * tried.done / tried.of
        yield Step(f"Switching off: {tried.done} of {tried.of} channels", share)
    effect = LEVELS * tried.values.cpu().clamp(min=0).sqrt()
    yield Step("", 1.0, Measures(formula, seen.values.cpu(), effect))


def comparison_sentence(found: Measures, name: str, gate: str) -> str:
    """Whether formula, watching and experiment put the channels in the same order; name: the class, gate: its name."""
    formula, observed, effect = found
    watching, experiment, both = (
        f"{round(rank_correlation(a, b), 2) + 0.0:+.2f}".replace("-", "−")
        for a, b in ((formula, observed), (formula, effect), (observed, effect))
    )
    return (
        f"Does the formula put the {len(formula)} channels in the same order? Rank correlation with watching "
        f"{watching}, with the experiment {experiment}; watching with the experiment {both} (1 the same order, 0 "
        f"unrelated). {gate.capitalize()}, {name}; {WATCHED} pictures watched, {TRIED} switched."
    )
