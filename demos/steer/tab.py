"""Steer: the knobs that a network's own weights give away, what each is measured to do, and how true that is."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from core import evidence
from core.factorization.files import SUFFIXES
from core.factorization.sefa import sefa

from ..page import pictures, verdicts
from ..page.blocks import verdict
from ..page.handlers import guarded
from ..page.knobs import FRAMES
from ..page.parts import LIVE, LONG, cell, private, text
from ..page.sources import has_directions, take_directions
from ..page.stage import film_part
from ..page.tab import Endpoint, Extra, Tab, words_of
from . import storage
from .code import code_of
from .experiments import CELLS, draws
from .recipe import Recipe, first_sentence, told
from .wishes import find, wishes

# --- parts of its own


def finder(parts: dict, model: str) -> None:
    lead = "Say what you would like to change; the measurements say which knob does it, and what it also does."
    with cell("Find a knob for …", lead), gr.Row(elem_classes="finder"):
        parts["wish"] = gr.Dropdown(
            wishes(model), value=None, label="I want to change", elem_id="steer-find", scale=2, min_width=220
        )
        parts["says"] = text("", elem_id="steer-find-says")


def wire_finder(parts: dict) -> None:
    bus, wish = parts["recipe"], parts["wish"]

    def found(given, wanted):
        turned, said = find(Recipe.from_json(given), wanted)
        return turned.as_dict(), verdict(said)

    def offered(given):
        return gr.Dropdown(choices=wishes(Recipe.from_json(given).model), value=None)

    wish.input(guarded(found, 2), [bus, wish], [bus, parts["says"]], **private("steer_found", LONG))
    bus.network(guarded(offered), bus, wish, **private("steer_wishes", LIVE))


def directions_file(parts: dict, model: str) -> None:
    parts["file"] = gr.UploadButton(
        "Open a file of directions (.npy, .npz, .safetensors)",
        size="sm",
        elem_id="steer-directions",
        file_types=list(SUFFIXES),
        elem_classes="quiet",
    )
    text(
        '<p class="hint">The same network, other ways to choose knobs. Random knobs are what any method has to '
        "beat. How many factors each method finds is in “How true is this?”.</p>"
    )


def wire_directions_file(parts: dict) -> None:
    bus, file = parts["recipe"], parts["file"]

    def taken(path, given):
        return take_directions(path, given).as_dict()

    file.upload(guarded(taken), [file, bus], bus, **private("steer_open_directions", LONG))


# --- the tab


def setup(recipe: Recipe) -> dict:
    return dict(verdicts.setup_of(recipe), draws=draws(recipe))


def private_subject(recipe: Recipe) -> tuple | None:
    """What makes the recipe's pictures private: a network of one's own, or a file of directions; None: nothing."""
    if recipe.method == "file":
        return "directions", recipe.model, recipe.directions
    return pictures.own_network(recipe.model)


def found_for(recipe: Recipe, wish: str) -> dict:
    turned, said = find(recipe, wish)
    return dict(recipe=turned.as_dict(), says=said)


ENDPOINTS = {
    "steer_strip": Endpoint(
        lambda recipe: film_part(TAB.shown, recipe, FRAMES), "21 frames of the chosen knob, side by side.", LIVE
    ),
    "steer_measured": Endpoint(
        lambda recipe: dict(knobs=verdicts.measured_knobs(recipe) or []),
        "What was measured of every knob; empty where it was not.",
        LIVE,
    ),
    "steer_find": Endpoint(
        found_for,
        "The knob that moves a wish most, such as smile, turned to it; and a sentence.",
        LONG,
        dict(wish=str),
    ),
}
TAB = Tab(
    "steer",
    "Steer",
    Recipe,
    lead="Drag the knob under the picture.",
    about=True,
    sentence=first_sentence,
    knobs=verdicts.knobs_of,
    told=told,
    code=code_of,
    **words_of(str(Path(__file__).with_name("method"))),
    sources=(sefa,),
    cells=CELLS,
    setup=setup,
    known=has_directions,
    measure=verdicts.measure,
    made_from=evidence.made_from,
    stem=lambda recipe: f"knob{recipe.knob + 1}-picture{recipe.seed}",
    private=private_subject,
    compare=("method",),
    doors=("paint", "restore"),
    extras=(
        Extra("grid", finder, wire_finder),
        Extra("compare", directions_file, wire_directions_file),
        *storage.EXTRAS,
    ),
    endpoints=ENDPOINTS,
    bare="Knobs that were read off a network’s weights by one line of linear algebra; nobody labelled anything.",
    for_programs='recipe: {"version": 1, "model": "portraits-stylegan2", "seed": 7, "psi": 0.7, "layers": "all", '
    '"method": "sefa", "mode": "paper", "amounts": [1.5], "knob": 0}; all but version and model may be left out.',
)
