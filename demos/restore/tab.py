"""Restore: bring a picture back with many latent codes of a GAN, watch it happen, and measure what was invented."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import gradio as gr

from core import evidence, zoo
from core.evidence import file_hash
from core.images import to_pil, webp
from core.inversion.degradations import Shrink
from core.inversion.multicode import invert
from core.inversion.search import FRAMES
from core.queue import SHORT

from ..page import models
from ..page.arrival import fitting
from ..page.brought import directions_extra
from ..page.cells import experiment
from ..page.fields import RecipeError, controls
from ..page.handlers import refused
from ..page.own import KEPT, own_extra
from ..page.parts import WATCH, cell, markup, part, private
from ..page.pictures import Drawing, own_network
from ..page.sources import take_directions
from ..page.tab import Bench, Endpoint, Tab, controls_at, first_of, words_of
from . import experiments, five, search
from .answer import file_for, film_of, searching, shown_of
from .code import code_for
from .recipe import FRESH, OWN, SAYS, STEERS, TASKS, WORDS, Restoration
from .twin import twin

NAME = Restoration.tab
HTML = markup(Path(__file__).with_name("bench.html"))
RECORDED = ("tasks", "cells", "pictures", "code", "sentence", "lead")


# --- what is shown first


def arrival() -> dict:
    """What the tab shows before anything is computed: as recorded for these weights, or a bare recipe."""
    model = Restoration.default_model()
    found = fitting(NAME, model, made_from, RECORDED)
    if found is None:
        return dict(recipe=Restoration.unread(model), tasks={}, cells={}, code="", sentence=SAYS["sentence"])
    films = {task: dict(film=found["pictures"][f"film-{task}"]) for task in found["tasks"]}
    tasks = {task: _whole(dict(one, result=one["result"] | films[task])) for task, one in found["tasks"].items()}
    cells = {name: _whole(one) for name, one in found["cells"].items()}
    return dict(found, tasks=tasks, cells=cells, recipe=tasks["enlarge"]["recipe"])


def _whole(record: Mapping) -> dict:
    """With the fields of its recipe that came after it was recorded."""
    return dict(record, recipe=STEERS | record["recipe"])


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of this tab rest on; "" where there is none."""
    critic = zoo.critic_path(model)
    return dict(evidence.made_from(model), critic=file_hash(critic) if critic else "")


# --- the bench


def layout(parts: dict, shown: Mapping) -> None:
    """Five answers, one's own picture, then the picture before and after with its controls."""
    parts["run"] = part(NAME, "run", {}, visible="hidden")
    parts["five"] = part(NAME, "five", dict(shown["cells"].get("five", {}), cell=FIVE.config(NAME)))
    with cell("My own picture", KEPT):
        OWN_PICTURE.layout(parts, "")
        parts["twin"] = part(NAME, "twin", dict(cell=TWIN.config(NAME)))
    room = dict(names=TASKS, fresh=FRESH, steers=STEERS, html=HTML, presses=WORDS["presses"], learned=WORDS["learned"])
    first = dict(shown["tasks"].get("enlarge", {}), tasks=shown["tasks"], room=room)
    with cell("Restore a picture", SAYS["bench"]), gr.Row(elem_classes="bench"):
        with gr.Column(scale=7, min_width=320):
            parts["stage"] = part(NAME, "stage", first)
        with gr.Column(scale=4, min_width=280):
            part(NAME, "controls", controls_at(TAB, "beside"))
            models.picker(NAME, parts, lambda model: first_of(TAB, model))


def wire(parts: dict) -> None:
    bus = parts["recipe"]
    bus.start(starting, bus, parts["run"], **private("restore_search", WATCH))


def starting(given: Mapping, event: gr.EventData, request: gr.Request) -> Iterator[dict]:
    """The search of what is on the visitor's screen, watched."""
    try:
        for news in searching(Restoration.from_json(given), str(request.session_hash)):
            yield dict(news, key=event.key)
    except RecipeError as error:
        yield refused(error, key=event.key)
    except Exception:
        yield dict(error=SAYS["broken"], key=event.key)
        raise


def take_knobs(path: str, given: Mapping) -> Restoration:
    """A file of directions: its knobs, none turned, edit what was restored. Raises RecipeError."""
    recipe = Restoration.from_json(given)
    taken = take_directions(path, recipe.knob_set.as_dict())
    return replace(recipe, directions=taken.directions, reading=taken.reading, amounts=())


# --- what programs get


def picture(recipe: Restoration) -> dict:
    """What the page shows of an answer, found where need be."""
    return list(searching(recipe, f"program {id(recipe)}"))[-1].get("done", {})


ENDPOINTS = {
    "restore_picture": Endpoint(picture, SAYS["picture_endpoint"]),
    "restore_code": Endpoint(lambda recipe: dict(code=code_for(recipe)), SAYS["code_endpoint"]),
}


# --- pictures by plain HTTP, once the answer was found


def lacks_answer(recipe: Restoration) -> str:
    return SAYS["lacks_answer"] if search.known(recipe) is None else ""


def subject(recipe: Restoration) -> tuple | None:
    """A picture or a network of one's own makes it private."""
    return ("picture", recipe.own) if recipe.shows == OWN else own_network(recipe.model)


DRAWINGS = {
    "after": Drawing(lambda recipe: webp(to_pil(search.known(recipe).image)[0]), lacks_answer),
    "film": Drawing(lambda recipe: film_of(search.known(recipe)), lacks_answer, frames=FRAMES),
}


# --- the tab

PICTURE = ("model", "shows", "picture", "psi", "label", "own")  # which picture it is
ALL = tuple(name for name in Restoration.names() if name not in ("keep", *STEERS))
OWN_KNOBS = ("directions", "reading")


of_room = partial(experiment, WORDS["cells"])
FIVE = of_room("five", five.five, rests_on=ALL, place="bench", html=five.html, drawn=("flap",), endpoint="answers")
TWIN = of_room("twin", twin, rests_on=(*PICTURE, *OWN_KNOBS), place="bench", form=True)
CELLS = (
    FIVE,
    of_room("layers", experiments.layers, rests_on=PICTURE),
    of_room("mug", experiments.mugs, rests_on=("model",)),
    of_room("edit", experiments.edited, rests_on=(*ALL, *OWN_KNOBS), form=True, lane=SHORT, drawn=("kept_knobs",)),
    of_room("compare", experiments.compare, rests_on=(*ALL, "keep"), place="compare"),
    of_room("truth", experiments.truth, rests_on=("model",), place="true", by_itself=True, lane=SHORT),
    TWIN,
)
OWN_PICTURE = own_extra(NAME, "bench", "restore/own")
BENCH = Bench(
    scripts=("restore/restore",),
    events=("start",),
    layout=layout,
    wire=wire,
    arrival=arrival,
    needed=("recipe", "run", "five", "stage", "controls", "models"),
)
TAB = Tab(
    NAME,
    "Restore",
    Restoration,
    lead=SAYS["lead"],
    receives=("picture",),
    sentence=lambda recipe: SAYS["sentence"],
    code=code_for,
    sources=(invert, Shrink.agreeing),
    cells=CELLS,
    made_from=made_from,
    known=lambda recipe: search.known(recipe) is not None,
    beside=tuple(one["name"] for one in controls(Restoration) if one.get("beside")),
    private=subject,
    extras=(directions_extra(NAME, "edit", WORDS["file"]["hint"], take_knobs), OWN_PICTURE),
    drawings=DRAWINGS,
    bench=BENCH,
    answer=shown_of,
    files=WORDS["files"],
    file=file_for,
    endpoints=ENDPOINTS,
    for_programs=SAYS["recipe"],
    **words_of(str(Path(__file__).with_name("method.md"))),
)


def warm() -> None:
    """The first search in a process is slow: two steps of one, ahead of the first visitor, where nobody waits."""
    model = Restoration.default_model()
    for _ in search.searched(Restoration(model, "copy", shows="network", steps=2, codes=2)) if model else ():
        pass
