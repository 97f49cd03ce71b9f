"""Record what a tab shows on arrival: its answer, its film, its code and its first sentence, with its pictures.

    python -m demos.page.arrival TAB                       the first recipe by the rule of the tab's record.py
    python -m demos.page.arrival TAB --candidates 6        prints recipes that fit the rule, and writes nothing
    python -m demos.page.arrival TAB --recipe "seed=7"     a recipe chosen by eye, as the parameters of a link

Writes demos/arrival/TAB.json with its pictures (lossless WebP) and the sha256 of all that its words rest on: the page
shows them only for exactly these. Run it after the evidence was measured, where nothing else runs.

A room's record.py has TAB and `candidates()`, which yields (what speaks for it, recipe), the best first; perhaps
RECORDED, the names of the cells that are recorded, and a `record(recipe, folder)` of its own. A tab of one file has
`first`.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl

from core.pace import pace_of

from .arrival import ARRIVAL, picture_in, save
from .cells import last_of
from .picture import PictureRecipe
from .stage import film_part
from .tab import Tab, answer, code_for


def record(tab: Tab, recipe: PictureRecipe, folder: Path = ARRIVAL, cells: Iterable[str] | None = None) -> list[str]:
    """Writes the arrival of a tab, with what its `cells` of these names, or all of them, end with.

    Returns the names of the files.
    """
    for _ in () if tab.ready(recipe) else tab.prepare(recipe):
        pass
    shown, moving = answer(tab, recipe, full=True), film_part(tab.shown, recipe)
    pictures = {name: one for name, one in shown.items() if isinstance(one, str) and one.startswith("data:image")}
    shots = {**pictures, "strip": moving.pop("src")}
    kept = [one for one in tab.cells if cells is None or one.name in cells]
    found = dict(
        made_from=tab.made_from(recipe.model),
        recipe=recipe.as_dict(),
        answer={name: one for name, one in shown.items() if name not in pictures},
        film=dict(moving, key="arrival"),
        code=code_for(tab, recipe),
        sentence=tab.sentence(recipe),
        cells={one.name: dict(html=last_of(one, recipe)["html"], recipe=recipe.as_dict()) for one in kept},
    )
    images = {"after" if name == "src" else name: picture_in(one) for name, one in shots.items()}
    return save(tab.name, found, images, folder)


def main() -> None:
    rooms = {path.parent.name: f"demos.{path.parent.name}.record" for path in ARRIVAL.parent.glob("*/record.py")}
    rooms.pop("page")
    files = {path.stem: f"demos.{path.stem}" for path in ARRIVAL.parent.glob("*.md")}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tab", choices=sorted(rooms | files))
    parser.add_argument("--candidates", type=int, default=0, help="print this many recipes that fit the rule")
    parser.add_argument("--recipe", default="", help="use this one instead of the first by the rule")
    given = parser.parse_args()
    room = importlib.import_module((rooms | files)[given.tab])
    tab, by_rule = room.TAB, getattr(room, "candidates", lambda: iter([("", room.TAB.first())]))
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
