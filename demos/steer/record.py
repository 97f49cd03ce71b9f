"""Record what Steer shows on arrival.

    python -m demos.page.arrival steer                    the first face by the rule below
    python -m demos.page.arrival steer --candidates 12    prints faces that fit the rule, and writes nothing
    python -m demos.page.arrival steer --seed 7           a face chosen by eye

Run it after `weights.recipes.measure.evidence`. The rule: the reader calls the face frontal, eyes open, no glasses, a
middle skin tone, a slight smile, a ground of middle value.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from core import zoo
from core.pace import pace_of
from core.truth.readers import seeds_that_fit

from ..page.arrival import ARRIVAL
from ..page.record import record
from .recipe import TEXTS, Recipe
from .tab import TAB

CARD = "portraits-stylegan2"
AMOUNT = 1.5  # of Steer's knob 1, in standard deviations
SEARCHED = 4096  # seeds from 0 on
CELLS = ("grid", "faces")  # what they end with is shown on arrival


def candidates(card: str, psi: float) -> Iterator[int]:
    """Seeds that fit the rule of texts.toml, smallest first."""
    reader = zoo.load_reader(zoo.card(card).world)
    return seeds_that_fit(zoo.load(card), reader, TEXTS["rule"], psi=psi, searched=SEARCHED)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=0, help="print this many seeds that fit the rule")
    parser.add_argument("--seed", type=int, help="use this face instead of the first by the rule")
    given = parser.parse_args(arguments)
    psi = zoo.card(CARD).psi
    if given.candidates:
        print(*(seed for seed, _ in zip(candidates(CARD, psi), range(given.candidates))))
        return
    seed = given.seed if given.seed is not None else next(candidates(CARD, psi), None)
    if seed is None:
        raise SystemExit(f"none of the seeds 0 to {SEARCHED - 1} fits the rule: choose one by eye, with --seed")
    if pace_of(CARD).slow:
        raise SystemExit(f"{CARD} draws slowly at this moment, and the record would say so: stop what else runs here")
    recipe = Recipe(CARD, seed=seed, psi=psi, amounts=(AMOUNT,))
    print(*record(TAB, recipe, ARRIVAL, cells=CELLS), sep="\n")
