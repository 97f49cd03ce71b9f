"""Start as HTML, as it stands before any script runs: the same in the page and in a folder of its own."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import urlencode

from core import zoo

from . import bundle
from .bundle import TEXTS

HERE = Path(__file__).resolve().parent
TAKES = ("steer", "paint", "attributes")  # tabs that the face is taken to
ALIKE = ("engine.js", "codes.js", "pack.js")  # what start.js asks for before anything else


def style() -> str:
    return (HERE / "start.css").read_text(encoding="utf-8")


def loads(models: Sequence[str], base: str, drawing: str, *, ahead: bool = True) -> str:
    """The script, below `base`, and the engine, below `drawing`, addresses that end in /.

    ahead: what the script asks for is fetched at once.
    """
    if not ahead:
        return f'<script type="module" data-later src="{base}start.js"></script>'
    links = "".join(f'<link rel="modulepreload" href="{drawing}{name}">' for name in ALIKE)
    fetched = (f"{base}data.json", f"{drawing}generator.wasm", f"{base}{models[0]}.pack")
    links += "".join(f'<link rel="preload" as="fetch" crossorigin href="{address}">' for address in fetched)
    return f'{links}<script type="module" async src="{base}start.js"></script>'


def view(model: str, page: str | None = "", more: Mapping[str, str] | None = None) -> str:
    """Start as HTML, as it stands before any script runs.

    page: the address of the page, None where there is none. more: addresses that stand in the place of those of `ends`.
    """
    found = bundle.record_of(model)
    said, known = found["view"], {one["id"]: one for one in found["view"]["knobs"]}
    first, seed = known[said["chips"][0]["knob"]], said["faces"][0]["seed"]
    link = dict(model=model, seed=seed, psi=zoo.card(model).psi)
    rounds = said["game"] or [dict(knob="sefa-0", answers=[])]
    asked = TEXTS["game"].format(number=int(rounds[0]["knob"].partition("-")[2]) + 1)
    words = {name: escape(TEXTS[name]) for name in ("sentence", "call", "still", "another", "networks", "game_lead")}
    words |= {name: escape(first[name]) for name in ("title", "low", "high", "verdict")}
    side = zoo.card(model).resolution
    return (
        (HERE / "view.html")
        .read_text(encoding="utf-8")
        .format(
            **words,
            lead=escape(TEXTS["known"]),
            src=f"data:image/webp;base64,{base64.b64encode(bundle.still_of(found)).decode()}",
            side=side,
            far=first["far"],
            chips="".join(_chip(i, **one) for i, one in enumerate(said["chips"])),
            question=escape(asked),
            answers="".join(f'<button type="button">{escape(one)}</button>' for one in rounds[0]["answers"]),
            three="".join(
                f'<canvas role="img" aria-label="{name}" width="{side}" height="{side}"></canvas>'
                for name in ("the knob to one side", "untouched", "the knob to the other side")
            ),
            no_doors="" if page is not None else " hidden",
            doors=""
            if page is None
            else "".join(_door(name, *one, page, link) for name, one in TEXTS["doors"].items()),
            proof=escape(said["proof"]),
            more="".join(
                f'<a href="{escape(address)}">{escape(TEXTS["more"][name])}</a>'
                for name, address in (ends(page) | dict(more or {})).items()
            ),
        )
    )


def ends(page: str | None) -> dict[str, str]:
    """Where the links at the end lead, by name; only to what is there."""
    if page is None:
        return {}
    shows = f"{page}?tab=steer&show="
    return dict(lessons=f"{page}lessons", measured=f"{shows}true", code=f"{shows}take")


def _chip(i: int, knob: str, word: str) -> str:
    return f'<button type="button" aria-pressed="{str(not i).lower()}" data-knob="{knob}">{escape(word)}</button>'


def _door(tab: str, title: str, says: str, page: str, link: Mapping) -> str:
    takes, query = (" data-takes", f"&{urlencode(link)}") if tab in TAKES else ("", "")
    address = escape(f"{page}?tab={tab}{query}")
    return f'<a href="{address}" data-tab="{tab}"{takes}><b>{escape(title)}</b>{escape(says)}</a>'
