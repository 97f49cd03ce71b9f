"""Start, the landing view: a head that turns, drawn in the visitor's own browser, a game, and doors to the other tabs.

Its sentence and a still stand in the page's HTML, so that they are painted before Gradio's scripts run; once its tab is
there, it moves in. All that it shows was recorded (`python -m commands.arrival start`); nothing is computed for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import gradio as gr

import engine
from core import home

from ..page.parts import part
from . import bundle
from .view import HERE, loads, style, view

NAME, TITLE = "start", "Start"


def build() -> None:
    """Its tab inside the page's `gr.Tabs`."""
    with gr.Tab(TITLE, id=NAME), gr.Column(elem_classes="tab"):
        part(NAME, "place")


def script() -> str:
    """For the page's head, after the scripts of the tabs."""
    return f"<script>{(HERE / 'takeover.js').read_text(encoding='utf-8')}</script>"


def front(models: Sequence[str], base: str, tabs: Mapping[str, str], opens: str, theme: str = "") -> str:
    """What stands first in the page's body. tabs: title by name; opens: the tab that the address opens."""
    links = "".join(f'<a href="?tab={name}">{escape(title)}</a>' for name, title in tabs.items())
    head = "<h1>GAN<b>atomy</b></h1><p>Find out what a network that draws has learned.</p>"
    hidden = "" if opens == NAME else " hidden"
    source = dict(code=home.source()) if home.source() else {}
    first = '<script>document.body.classList.add("start-first")</script>' if opens == NAME else ""
    return (
        f'<style>{style()}</style><div id="start-front" class="start-alone {theme}" data-opens="{opens}"{hidden}>'
        f'<div class="start-page"><header class="masthead">{head}</header>'
        f'<nav class="start-tabs" aria-label="Tabs"><a href="./" aria-current="page">{TITLE}</a>{links}</nav>'
        f"{view(models[0], more=source)}</div></div>{first}{loads(models, base, engine.address(), ahead=opens == NAME)}"
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
        made = bundle.files(bundle.networks(), f"../../{engine.address()}").get(name)
        return made and made()


def landing(tabs: Mapping[str, str], fields: Sequence[str]) -> Landing | None:
    """None where nothing fitting was recorded, or the page was started with networks of somebody's own."""
    return Landing(tabs, fields) if bundle.networks() else None
