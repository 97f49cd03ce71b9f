"""What a tab shows before anything is computed: recorded once, and shown only for the weights it was recorded with.

`python -m commands.arrival TAB` records it: demos/arrival/TAB.json, its pictures (lossless WebP), and the sha256 of all
that its words rest on. With `--model MODEL` it records what the tab begins with once that network was chosen, in
demos/arrival/MODEL/: its recipe, perhaps its answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

ARRIVAL = Path(__file__).resolve().parents[1] / "arrival"


@lru_cache(maxsize=64)
def recorded(tab: str) -> dict | None:
    """What was recorded for a tab, or "MODEL/TAB"; None where that is missing or broken.

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


def sheet_of(model: str) -> str:
    """The address of a sheet of sixteen pictures of a network that is not bundled, in two rows; "" without one."""
    file = f"{model}/sheet.webp"
    return _address(file) if (ARRIVAL / file).is_file() else ""


def fitting(tab: str, model: str, made_from: Callable[[str], Mapping], needed: Sequence[str]) -> dict | None:
    """The record of a tab, or "MODEL/TAB", where it is whole, of this model, and of the files that are here; else None.

    made_from: model -> sha256 of all that the tab's words rest on, by name. needed: the names that it must have.
    """
    found = recorded(tab)
    try:
        whole = found is not None and all(name in found for name in needed)
        fits = whole and found["recipe"]["model"] == model and found["made_from"] == made_from(model)
    except (KeyError, TypeError):
        return None
    return found if fits else None
