"""Record what a tab shows on arrival: its answer, its film, its code and its first sentence, with its pictures.

    python -m commands.arrival TAB                       the first recipe by the tab's rule
    python -m commands.arrival TAB --candidates 6        prints recipes that fit the rule, and writes nothing
    python -m commands.arrival TAB --recipe "seed=7"     a recipe chosen by eye, as the parameters of a link
    python -m commands.arrival TAB --model faces-dcgan   what the tab begins with once that network was chosen

Writes demos/arrival/TAB.json with its pictures (lossless WebP) and the sha256 of all that its words rest on: the page
shows them only for exactly these. Run it after the evidence was measured, where nothing else runs.

The rule of a tab is the file of its name beside this one. It has TAB and `candidates()`, which yields (what speaks for
it, recipe), the best first; perhaps RECORDED, the names of the cells that are recorded, and a `record(recipe, folder)`
of its own. A tab of one file has `first`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib
import json
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from PIL import Image

from core.images import webp
from core.pace import pace_of
from demos.page.arrival import ARRIVAL
from demos.page.cells import last_of
from demos.page.parts import write_whole
from demos.page.picture import PictureRecipe
from demos.page.stage import film_part
from demos.page.tab import Tab, answer, code_for


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


def picture_in(uri: str) -> Image.Image:
    """The picture of a data URI."""
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")


def save(tab: str, found: Mapping, images: Mapping[str, Image.Image], folder: Path, command: str = "") -> list[str]:
    """Writes a record and its pictures, of which a browser fetches those that come into sight.

    Returns the names of the record and of the pictures in `images`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: f"{tab}-{name}.webp" for name in images}
    for name, image in images.items():
        write_whole(folder / files[name], webp(image, smallest=True))
    about = dict(
        apart(dict(found), tab, folder), command=command or f"python -m commands.arrival {tab}", pictures=files
    )
    written = json.dumps(about, separators=(",", ":"), ensure_ascii=False)
    write_whole(folder / f"{tab}.json", written.encode())
    for old in (folder / f"{tab}-cells").glob("*.webp"):
        if f"{tab}-cells/{old.name}" not in written:
            old.unlink()
    return [f"{tab}.json", *files.values()]


URI = r"data:image/webp;base64,([A-Za-z0-9+/=]+)"


def apart(value: Any, tab: str, folder: Path) -> Any:
    """A value of a record, or what it is made of, with its pictures, data URIs by themselves or in HTML, as files."""
    if isinstance(value, Mapping):
        return {name: apart(one, tab, folder) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [apart(one, tab, folder) for one in value]
    if not isinstance(value, str):
        return value

    def filed(data: str) -> str:
        decoded = base64.b64decode(data)
        name = f"{tab}-cells/{hashlib.sha256(decoded).hexdigest()[:12]}.webp"
        (folder / name).parent.mkdir(exist_ok=True)
        write_whole(folder / name, decoded)
        return f"arrival/{name}"

    def tag(found: re.Match) -> str:
        lazy = "" if "hidden" in found[3] else ' loading="lazy"'  # a hidden one would never come into sight
        return f'<img{found[1]} src="{filed(found[2])}"{found[3]}{lazy}>'

    html = re.sub(rf'<img([^>]*) src="{URI}"([^>]*)>', tag, value)
    return re.sub(URI, lambda found: filed(found[1]), html)


def main() -> None:
    from . import networks  # which saves what it records by this module

    others = {"__init__", "__main__", "networks", Path(__file__).stem}
    rules = {path.stem for path in Path(__file__).parent.glob("*.py")} - others
    rooms = {name: f"commands.arrival.{name}" for name in rules}
    files = {path.stem: f"demos.{path.stem}" for path in ARRIVAL.parent.glob("*.md")}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tab", choices=sorted(rooms | files))
    parser.add_argument("--candidates", type=int, default=0, help="print this many recipes that fit the rule")
    parser.add_argument("--recipe", default="", help="use this one instead of the first by the rule")
    parser.add_argument("--model", default="", choices=["", *networks.CHOSEN], help="a network that is not bundled")
    given = parser.parse_args()
    room = importlib.import_module((rooms | files)[given.tab])
    if given.model:
        print(*networks.record(room.TAB, given.model), sep="\n")
        return
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
