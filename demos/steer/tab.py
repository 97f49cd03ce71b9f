"""Steer: the knobs that a network's own weights give away, what each is measured to do, and how true that is."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from core import evidence
from core.factorization.sefa import sefa

from ..page import pictures
from ..page.blocks import verdict
from ..page.brought import directions_extra
from ..page.handlers import guarded
from ..page.knobs import FRAMES
from ..page.parts import LIVE, LONG, cell, private, text
from ..page.sources import has_directions, reading_control
from ..page.stage import film_part
from ..page.tab import Endpoint, Extra, Tab, words_of
from ..page.verdicts import knobs_of, measure, measured_knobs, setup_of
from . import edits
from .experiments import CELLS, draws
from .recipe import TEXTS, Recipe, code_of, headline, told
from .wishes import find, stays, wishes

# --- parts of its own


def finder(parts: dict, model: str) -> None:
    said = TEXTS["finder"]
    about = dict(multiselect=True, max_choices=3, min_width=220, allow_custom_value=True)
    with cell(said["title"], said["lead"]):
        with gr.Row(elem_classes="finder"):
            parts["wish"] = gr.Dropdown(wishes(model), label=said["label"], elem_id="steer-find", **about)
            parts["but_not"] = gr.Dropdown(stays(model), label=said["but_not"], elem_id="steer-but-not", **about)
        parts["says"] = text("", elem_id="steer-find-says")


def wire_finder(parts: dict) -> None:
    bus, wish, but_not = parts["recipe"], parts["wish"], parts["but_not"]

    def found(given, wanted, held):
        if not wanted:
            return gr.skip(), ""
        turned, said = find(Recipe.from_json(given), ",".join(wanted), ",".join(held or ()))
        return turned.as_dict(), verdict(said)

    def offered(given):
        model = Recipe.from_json(given).model
        return gr.Dropdown(choices=wishes(model), value=[]), gr.Dropdown(choices=stays(model), value=[])

    asked = guarded(found, 2), [bus, wish, but_not], [bus, parts["says"]]
    closes = "(...given) => { document.querySelector('.finder :focus')?.blur(); return given; }"
    gr.on([wish.change, but_not.change], *asked, js=closes, **private("steer_found", LONG))
    bus.network(guarded(offered, 2), bus, [wish, but_not], **private("steer_wishes", LIVE))


# --- the tab


def found_for(recipe: Recipe, wish: str, but_not: str = "") -> dict:
    turned, said = find(recipe, wish, but_not)
    return dict(recipe=turned.as_dict(), says=said)


SAID = TEXTS["endpoints"]
ENDPOINTS = {
    "steer_strip": Endpoint(lambda recipe: film_part(TAB.shown, recipe, FRAMES), SAID["strip"], LIVE),
    "steer_measured": Endpoint(lambda recipe: dict(knobs=measured_knobs(recipe) or []), SAID["measured"], LIVE),
    "steer_find": Endpoint(found_for, SAID["find"], LONG, dict(wish=str, but_not=str)),
}
EXTRAS = (
    Extra("grid", finder, wire_finder),
    directions_extra("steer", "compare", TEXTS["file"]["hint"]),
    *edits.EXTRAS,
)
TAB = Tab(
    "steer",
    "Steer",
    Recipe,
    **TEXTS["tab"],
    **words_of(str(Path(__file__).with_name("method"))),
    about=True,
    receives=("edits",),
    sentence=headline,
    knobs=knobs_of,
    told=told,
    code=code_of,
    sources=(sefa,),
    cells=CELLS,
    setup=lambda recipe: dict(setup_of(recipe), draws=draws(recipe), controls=dict(reading=reading_control(recipe))),
    known=has_directions,
    measure=measure,
    made_from=evidence.made_from,
    stem=lambda recipe: f"knob{recipe.knob + 1}-{recipe.mark}",
    private=pictures.subject_of,
    extras=EXTRAS,
    endpoints=ENDPOINTS,
)
