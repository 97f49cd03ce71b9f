"""Record what a tab shows on arrival: its answer, its film, its code and its first sentence, with its pictures.

    python -m commands.arrival TAB                       the first recipe by the tab's rule
    python -m commands.arrival TAB --candidates 6        prints recipes that fit the rule, and writes nothing
    python -m commands.arrival TAB --recipe "seed=7"     a recipe chosen by eye, as the parameters of a link
    python -m commands.arrival TAB --model faces-dcgan   what the tab begins with once that network was chosen

Writes demos/arrival/TAB.json with its pictures (lossless WebP) and the sha256 of all that its words rest on: the page
shows them only for exactly these. Run it after the evidence was measured, where nothing else runs.

The rule of a tab is the file of its name beside this one. It has TAB and `candidates()`, which yields (what speaks for
it, recipe), the best first; perhaps RECORDED, the names of the cells that are recorded, and a `record(recipe, folder)`
of its own.
"""

from __future__ import annotations

import argparse
import importlib
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl

from core.pace import pace_of
from demos.page.arrival import ARRIVAL

from . import networks
from .record import record


def main() -> None:
    others = {"__init__", "__main__", "networks", "record"}
    rules = {path.stem for path in Path(__file__).parent.glob("*.py")} - others
    rooms = {name: f"commands.arrival.{name}" for name in rules}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tab", choices=sorted(rooms))
    parser.add_argument("--candidates", type=int, default=0, help="print this many recipes that fit the rule")
    parser.add_argument("--recipe", default="", help="use this one instead of the first by the rule")
    parser.add_argument("--model", default="", choices=["", *networks.CHOSEN], help="a network that is not bundled")
    given = parser.parse_args()
    room = importlib.import_module(rooms[given.tab])
    if given.model:
        own = getattr(room, "record_network", None)  # of what is no tab with a recipe
        chosen = networks.CHOSEN[given.model].get(given.tab)
        print(*(own(given.model, **chosen) if own else networks.record(room.TAB, given.model)), sep="\n")
        return
    tab, by_rule = room.TAB, room.candidates
    if given.candidates:
        for says, found in islice(by_rule(), given.candidates):
            print(says, found.query())
        return
    recipe = tab.recipe.from_query(dict(parse_qsl(given.recipe))) if given.recipe else next(by_rule(), ("", None))[1]
    if recipe is None:
        raise SystemExit("nothing here fits the rule: choose a recipe by eye, with --recipe")
    if pace_of(recipe.model).slow:
        raise SystemExit(f"{recipe.model} draws slowly now, and the record would say so: stop what else runs here")
    write = getattr(room, "record", lambda recipe, folder: record(tab, recipe, folder, getattr(room, "RECORDED", None)))
    print(*write(recipe, ARRIVAL), sep="\n")


if __name__ == "__main__":
    main()
