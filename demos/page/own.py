"""A visitor's own picture on any tab: brought, its square moved by hand, deleted; see `core.own_pictures`."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path

import gradio as gr

from core import own_pictures

from .handlers import refused
from .parts import LIVE, cell, markup, part, private
from .tab import Extra

PAGE = markup(Path(__file__).with_name("own.html"))
KEPT = (
    "Your picture is sent to the server of this page and stays in its memory for at most "
    f"{own_pictures.SECONDS // 60} minutes."
)


def own_extra(tab: str, after: str, script: str, title: str = "") -> Extra:
    """The picture after a cell or in a fold; it goes when the visitor does.

    script: of the tab, with what is done with the picture there: `gan.owns`, see js/own.js. title: of a cell around it.
    """

    def layout(parts: dict, model: str) -> None:
        with cell(title, KEPT) if title else nullcontext():
            page = dict(html=PAGE.format(tab=tab))
            parts["own"] = part(tab, "own", page, events=("bring", "cut", "forget"))

    def wire(parts: dict) -> None:
        own = parts["own"]
        own.bring(brought, None, own, **private(f"{tab}_own", LIVE))
        one_by_one = dict(LIVE, trigger_mode="multiple")  # the page waits itself; "always_last" says the first again
        own.cut(cut_again, None, own, **private(f"{tab}_cut", one_by_one))
        own.forget(forgotten, None, own, **private(f"{tab}_forget", LIVE))

    return Extra(after, layout, wire, script, own_pictures.forget_of)


def owner(request: gr.Request) -> str:
    """The visitor, also after the connection broke: then the page's sessions have names with "~" (connection.js)."""
    return str(request.session_hash).partition("~")[0]


def brought(event: gr.EventData, request: gr.Request) -> dict:
    """A visitor's picture; the one before is deleted."""
    try:
        data = own_pictures.from_uri(event.picture)
        return own_pictures.as_shown(own_pictures.take(data, visitor=owner(request)))
    except ValueError as error:
        return refused(error, at=time.monotonic())  # the same sentence twice is two answers


def cut_again(event: gr.EventData) -> dict:
    """The square of the visitor's picture that they chose; only who brought it knows its name."""
    try:
        return own_pictures.as_shown(own_pictures.cut_by_hand(event.token, event.shares))
    except ValueError as error:
        return refused(error, at=time.monotonic())


def forgotten(request: gr.Request) -> dict:
    """Deletes the visitor's picture now."""
    own_pictures.forget_of(owner(request))
    return dict(forgotten=True)
