"""Start, the landing view: a head that turns, drawn in the visitor's own browser, a game, and doors to the other tabs.

Its sentence and a still stand in the page's HTML, so that they are painted before Gradio's scripts run; once its tab is
there, it moves in. All that it shows was recorded (`python -m commands.arrival start`); nothing is computed for it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import gradio as gr

from core import zoo

from ..page.parts import part
from . import bundle
from .bundle import TEXTS

HERE = Path(__file__).resolve().parent
NAME, TITLE = "start", "Start"
TAKES = ("steer", "paint")  # tabs that the face is taken to
ALIKE = ("engine/engine.js", "engine/codes.js", "engine/pack.js")  # what start.js asks for before anything else


def build() -> None:
    """Its tab inside the page's `gr.Tabs`."""
    with gr.Tab(TITLE, id=NAME), gr.Column(elem_classes="tab"):
        part(NAME, "place")


def style() -> str:
    return (HERE / "start.css").read_text(encoding="utf-8")


def script() -> str:
    """For the page's head, after the scripts of the tabs."""
    return f"<script>{(HERE / 'takeover.js').read_text(encoding='utf-8')}</script>"


def loads(models: Sequence[str], base: str, *, ahead: bool = True) -> str:
    """The script, below `base`, an address that ends in /; ahead: what it asks for is fetched at once."""
    if not ahead:
        return f'<script type="module" data-later src="{base}start.js"></script>'
    links = "".join(f'<link rel="modulepreload" href="{base}{name}">' for name in ALIKE)
    fetched = ("data.json", "engine/generator.wasm", f"{models[0]}.pack")
    links += "".join(f'<link rel="preload" as="fetch" crossorigin href="{base}{name}">' for name in fetched)
    return f'{links}<script type="module" async src="{base}start.js"></script>'


def view(model: str, page: str | None = "") -> str:
    """Start as HTML, as it stands before any script runs. page: the address of the page, None where there is none."""
    found = bundle.record_of(model)
    said, known = found["view"], {one["id"]: one for one in found["view"]["knobs"]}
    first, seed = known[said["chips"][0]["knob"]], said["faces"][0]["seed"]
    link = dict(model=model, seed=seed, psi=zoo.card(model).psi)
    rounds = said["game"] or [dict(knob="sefa-0", answers=[])]
    asked = TEXTS["game"].format(number=int(rounds[0]["knob"].partition("-")[2]) + 1)
    words = {name: escape(TEXTS[name]) for name in ("sentence", "call", "still", "another", "networks", "game_lead")}
    words |= {name: escape(first[name]) for name in ("title", "low", "high", "verdict")}
    side = zoo.card(model).resolution
    return (HERE / "view.html").read_text(encoding="utf-8").format(
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
        doors="" if page is None else "".join(_door(name, *one, page, link) for name, one in TEXTS["doors"].items()),
        proof=escape(said["proof"]),
    )


def _chip(i: int, knob: str, word: str) -> str:
    return f'<button type="button" aria-pressed="{str(not i).lower()}" data-knob="{knob}">{escape(word)}</button>'


def _door(tab: str, title: str, says: str, page: str, link: Mapping) -> str:
    takes, query = (" data-takes", f"&{urlencode(link)}") if tab in TAKES else ("", "")
    address = escape(f"{page}?tab={tab}{query}")
    return f'<a href="{address}" data-tab="{tab}"{takes}><b>{escape(title)}</b>{escape(says)}</a>'


def front(models: Sequence[str], base: str, tabs: Mapping[str, str], opens: str, theme: str = "") -> str:
    """What stands first in the page's body. tabs: title by name; opens: the tab that the address opens."""
    links = "".join(f'<a href="?tab={name}">{escape(title)}</a>' for name, title in tabs.items())
    head = "<h1>GAN<b>atomy</b></h1><p>Find out what a network that draws has learned.</p>"
    hidden = "" if opens == NAME else " hidden"
    first = '<script>document.body.classList.add("start-first")</script>' if opens == NAME else ""
    return (
        f'<style>{style()}</style><div id="start-front" class="start-alone {theme}" data-opens="{opens}"{hidden}>'
        f'<div class="start-page"><header class="masthead">{head}</header>'
        f'<nav class="start-tabs" aria-label="Tabs"><a href="./" aria-current="page">{TITLE}</a>{links}</nav>'
        f"{view(models[0])}</div></div>{first}{loads(models, base, ahead=opens == NAME)}"
    )


def opened_by(query: Mapping[str, str], tabs: Sequence[str], fields: Sequence[str]) -> str:
    """The tab that the page opens with, by its address. fields: those by which an address means the first of `tabs`."""
    named = query.get("tab", "")
    if named in (NAME, *tabs):
        return named
    return tabs[0] if set(query) & set(fields) else NAME


class Landing:
    """Start as this page serves it. tabs: title by name of the others, the first one of an address without a name.

    fields: see `opened_by`.
    """

    def __init__(self, tabs: Mapping[str, str], fields: Sequence[str]):
        self.tabs, self.fields = tabs, fields

    def front(self, query: Mapping[str, str]) -> tuple[str, bool]:
        """What stands first in the page's body, and whether it is what the address opens."""
        models = bundle.networks()
        theme = query.get("__theme", "")
        opens = opened_by(query, list(self.tabs), self.fields)
        base = f"{NAME}/{bundle.digest(tuple(models))}/"
        return front(models, base, self.tabs, opens, theme if theme in ("light", "dark") else ""), opens == NAME

    def file(self, name: str) -> bytes | None:
        """What lies under a name of the bundle; None where nothing does."""
        made = bundle.files(bundle.networks()).get(name)
        return made and made()


def landing(tabs: Mapping[str, str], fields: Sequence[str]) -> Landing | None:
    """None where nothing fitting was recorded, or the page was started with networks of somebody's own."""
    return Landing(tabs, fields) if bundle.networks() else None
