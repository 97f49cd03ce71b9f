"""What is kept of a tab's arrival: answer, film, code and first sentence as JSON, its pictures as files beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from core.images import webp
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
