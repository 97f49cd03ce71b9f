"""Record what Paint shows on arrival: Steer's face, its mouth, and knob 1.

python -m demos.page.arrival paint [--seed 7]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from core import zoo
from core.images import grid

from ..page.arrival import ARRIVAL, picture_in, recorded, save
from ..page.pace import pace_of
from . import evidence, experiments, search, tab
from .recipe import Painted

CARD = "portraits-stylegan2"
PART, STEPS = "mouth", 3.0  # the region, and how far its knob 1 is turned


def record(recipe: Painted, folder: Path) -> list[str]:
    """Writes the arrival of one recipe; returns the names of the files."""
    search.solve(recipe)
    answer, strip = tab.shown_of(recipe), tab.strip(recipe)
    faces, ban = tab.last_of(experiments.faces(recipe)), experiments.ban(recipe)
    images = dict(
        after=picture_in(answer.pop("src")),
        before=picture_in(answer.pop("before")),
        strip=picture_in(strip["src"]),
        faces=grid([picture_in(uri) for row in faces["rows"] for uri in row.pop("pictures")], columns=2),
        ban=grid(
            [picture_in(ban.pop("before")), *(picture_in(side.pop("picture")) for side in ban["sides"])], columns=3
        ),
    )
    found = dict(
        made_from=tab.made_from(recipe.model),
        recipe=recipe.as_dict(),
        answer=answer,
        faces=faces,
        ban=ban,
        refuse=tab.last_of(experiments.refusals(recipe)),
        code=tab.code(recipe),
        columns=dict(faces=2, ban=3),
    )
    return save(tab.TAB, found, images, folder)


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
    slots = evidence.slots(CARD)  # those that the page has numbers for
    layers = f"{slots[0]}-{slots[-1]}" if slots else "all"
    recipe = Painted(CARD, seed=seed, psi=zoo.card(CARD).psi, region=PART, layers=layers, amounts=(STEPS,))
    print(*record(recipe, ARRIVAL), sep="\n")
