"""What a tab shows before anything is computed: recorded once, and shown only for the weights it was recorded with.

    python -m demos.page.arrival TAB        records a tab's arrival; see record.py

Writes demos/arrival/TAB.json with its pictures (lossless WebP) and the sha256 of all that its words rest on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image

from core.images import webp

from .blocks import data_uri
from .parts import write_whole

ARRIVAL = Path(__file__).resolve().parents[1] / "arrival"
FILMS = ("strip", "film-")  # how its pictures of many frames are named


@lru_cache(maxsize=8)
def recorded(tab: str) -> dict | None:
    """What was recorded for a tab; None where that is missing or broken.

    Pictures are data URIs; films, which nobody needs at once, are addresses that `app.launch` serves.
    """
    try:
        found = json.loads((ARRIVAL / f"{tab}.json").read_text(encoding="utf-8"))
        pictures = {
            name: _address(file) if name.startswith(FILMS) else data_uri((ARRIVAL / file).read_bytes())
            for name, file in found["pictures"].items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {**found, "pictures": pictures}


def _address(file: str) -> str:
    """Relative to the page; another picture has another address, so that no browser shows an old one."""
    return f"arrival/{file}?{hashlib.sha256((ARRIVAL / file).read_bytes()).hexdigest()[:12]}"


def fitting(tab: str, model: str, made_from: Callable[[str], Mapping], needed: Sequence[str]) -> dict | None:
    """The record of a tab where it is whole, of this model, and of the files that are here now; else None.

    made_from: model -> sha256 of all that the tab's words rest on, by name. needed: the names that it must have.
    """
    found = recorded(tab)
    try:
        whole = found is not None and all(name in found for name in needed)
        fits = whole and found["recipe"]["model"] == model and found["made_from"] == made_from(model)
    except (KeyError, TypeError):
        return None
    return found if fits else None


def picture_in(uri: str) -> Image.Image:
    """The picture of a data URI."""
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")


def save(
    tab: str, found: Mapping, images: Mapping[str, Image.Image], folder: Path, *, at_once: Collection[str] = ()
) -> list[str]:
    """Writes a record and its pictures; returns the names of the files.

    at_once: cells whose pictures are seen first and come with the page; those of others come into sight with them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: f"{tab}-{name}.webp" for name in images}
    for name, image in images.items():
        write_whole(folder / files[name], webp(image, smallest=True))
    cells = dict(found.get("cells", {}))
    for name in cells.keys() - set(at_once):
        cells[name] = dict(cells[name], html=_apart(cells[name]["html"], tab, folder))
    about = dict(found, cells=cells, command=f"python -m demos.page.arrival {tab}", pictures=files)
    write_whole(folder / f"{tab}.json", json.dumps(about, separators=(",", ":"), ensure_ascii=False).encode())
    return [f"{tab}.json", *files.values()]


def _apart(html: str, tab: str, folder: Path) -> str:
    """The HTML of a cell with its pictures as files that a browser fetches when they come into sight."""

    def filed(tag: re.Match) -> str:
        data = base64.b64decode(tag[2])
        name = f"{tab}-cells/{hashlib.sha256(data).hexdigest()[:12]}.webp"
        (folder / name).parent.mkdir(exist_ok=True)
        write_whole(folder / name, data)
        lazy = "" if "hidden" in tag[3] else ' loading="lazy"'  # a hidden one would never come into sight
        return f'<img{tag[1]} src="arrival/{name}"{tag[3]}{lazy}>'

    return re.sub(r'<img([^>]*) src="data:image/webp;base64,([^"]+)"([^>]*)>', filed, html)


if __name__ == "__main__":
    from .record import main  # which needs all of a tab, and a tab needs this file

    main()
