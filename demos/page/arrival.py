"""What a tab shows before anything is computed: recorded once, and shown only for the weights it was recorded with.

    python -m demos.page.arrival TAB        records a tab's arrival; see record.py

Writes demos/arrival/TAB.json with its pictures (lossless WebP) and the sha256 of all that its words rest on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from core.images import webp

from .parts import write_whole

ARRIVAL = Path(__file__).resolve().parents[1] / "arrival"


@lru_cache(maxsize=8)
def recorded(tab: str) -> dict | None:
    """What was recorded for a tab; None where that is missing or broken.

    Pictures are addresses that `app.launch` serves: a browser keeps them.
    """
    try:
        found = json.loads((ARRIVAL / f"{tab}.json").read_text(encoding="utf-8"))
        pictures = {name: _address(file) for name, file in found["pictures"].items()}
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


def save(tab: str, found: Mapping, images: Mapping[str, Image.Image], folder: Path) -> list[str]:
    """Writes a record and its pictures, of which a browser fetches those that come into sight.

    Returns the names of the record and of the pictures in `images`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: f"{tab}-{name}.webp" for name in images}
    for name, image in images.items():
        write_whole(folder / files[name], webp(image, smallest=True))
    about = dict(apart(dict(found), tab, folder), command=f"python -m demos.page.arrival {tab}", pictures=files)
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


if __name__ == "__main__":
    from .record import main  # which needs all of a tab, and a tab needs this file

    main()
