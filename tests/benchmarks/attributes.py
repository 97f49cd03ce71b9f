"""From nothing to all knobs of Attributes: how long a network without labels takes.

    python -m tests.benchmarks.attributes

A visitor who opens Attributes on a network that has no labels waits for the readings of its own pictures and for their
Jacobian, then for the knobs. Both threads of two cores; one run a network, after one picture.
"""

from __future__ import annotations

import argparse
import time

import torch

from core import zoo
from core.boundaries.pure import pure
from core.labels import LABELLED, SLOPED, read_labels

CARDS = ("portraits-stylegan2", "portraits-pggan", "objects-biggan")


def waited(card: str) -> tuple[float, float, int]:
    """Seconds until the labels are there and until the knobs are, and how many there are."""
    generator, judge = zoo.load(card), zoo.load_fitted_judge(card)
    judge.read(generator(generator.codes(generator.sample(1, 0))))
    began = time.monotonic()
    *_, last = read_labels(generator, judge, psi=zoo.card(card).psi)
    labelled = time.monotonic() - began
    spread = judge.spread_over(last.labels.jacobian.readings).spread
    knobs = pure(generator, last.labels.slopes(spread))
    return labelled, time.monotonic() - began, len(knobs)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_flush_denormal(True)
    print(f"{LABELLED:,} pictures are read, the Jacobian is that of {SLOPED}; {torch.get_num_threads()} threads")
    for card in CARDS:
        labelled, all_of_it, count = waited(card)
        print(f"{card:22} labels {labelled:5.1f} s, all {count} knobs {all_of_it:5.1f} s")


if __name__ == "__main__":
    main()
