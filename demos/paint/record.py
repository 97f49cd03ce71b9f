"""Record what Paint shows on arrival: Steer's face, its mouth, and knob 1.

python -m demos.page.arrival paint [--seed 7]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from core import region_evidence, zoo
from core.pace import pace_of

from ..page.arrival import ARRIVAL, recorded
from ..page.record import record
from . import search
from .recipe import Painted
from .tab import TAB

CARD = "portraits-stylegan2"
CELLS = ("ban", "faces", "refuse")  # what they end with is shown on arrival
PART, STEPS = "mouth", 3.0  # the region, and how far its knob 1 is turned


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="use this face instead of Steer's")
    given = parser.parse_args(arguments)
    steer = recorded("steer")
    if given.seed is None and steer is None:
        raise SystemExit("nothing is recorded for Steer yet: run `python -m demos.page.arrival steer` first")
    if pace_of(CARD).slow:
        raise SystemExit(f"{CARD} draws slowly at this moment, and the record would say so: stop what else runs here")
    seed = steer["recipe"]["seed"] if given.seed is None else given.seed
    slots = region_evidence.slots(CARD)  # those that the page has numbers for
    layers = f"{slots[0]}-{slots[-1]}" if slots else "all"
    recipe = Painted(CARD, seed=seed, psi=zoo.card(CARD).psi, region=PART, layers=layers, amounts=(STEPS,))
    search.solve(recipe)
    print(*record(TAB, recipe, ARRIVAL, cells=CELLS), sep="\n")
