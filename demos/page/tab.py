"""A tab is data: what is its own stands in a `Tab`; `build` makes stage, knobs, folds, address and endpoints of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from core import zoo
from core.images import webp

from . import export, handlers, knobs, models, pictures, words
from . import stage as stages
from .arrival import fitting
from .cells import Cell, Progress, last_of, stopping, watched
from .fields import Fields, RecipeError, controls
from .handlers import offer, refused
from .parts import LIVE, LONG, WATCH, Demo, cell, deliver, fold, limits, part, private, publish, text
from .picture import PictureRecipe, picture_bytes_of
from .queue import QUEUE
from .stage import TAKEN, Stage

RECORDED = ("recipe", "answer", "cells", "code", "sentence", "made_from")


class Bench(NamedTuple):
    """What a tab has in the place of a picture with knobs, where it has something of its own.

    scripts: its own, by name below demos/; they begin the tab (`gan.tab`). events: what they trigger at the part that
    carries the recipe. layout: (parts, what is shown first) -> adds the tab's own parts where the picture would stand,
    among them `stage`, and `run`, which is told why a link was refused; below: likewise, under the cells. wire:
    (parts) -> gives its events their handlers. arrival: what is shown first: `recipe`, `cells`, `code`, `sentence`,
    and what `layout` needs. left: the visitor's session ended.
    """

    scripts: tuple[str, ...]
    events: tuple[str, ...]
    layout: Callable[[dict, Mapping], None]
    wire: Callable[[dict], None]
    arrival: Callable[[], Mapping]
    below: Callable[[dict, Mapping], None] = lambda parts, shown: None
    left: Callable[[str], None] = lambda visitor: None


@dataclass(frozen=True)
class Tab:
    """What a tab is: its words, its recipe, where its knobs come from, its experiments, its equation.

    lead, limits: sentences. sentence: recipe -> the first sentence. knobs: recipe -> Knobs; may be slow the first
    time. code: recipe -> what is the tab's own in the code cell. method: Markdown with the equation and the citation.
    sources: functions whose source is shown below it. options: recipe -> for each field with a list of names, these.
    made_from: model -> sha256 of all that the words rest on, by name. ready: recipe -> are its knobs there at once?
    Else `prepare` computes what they need, in the queue, when the visitor asks for it. first: makes the recipe that the
    tab arrives with, by a rule.

    stage: of a tab whose picture has no knobs. beside: fields whose controls stand beside the picture, in this order;
    those of no cell stand under "More controls". bare: the first sentence where nothing was recorded. needs: said where
    no network is here that it can use. note: a sentence that everything taken away carries. for_programs: what else
    endpoints say.

    A tab with a layout of its own has a `bench`, an `answer` (recipe -> all that the page shows of it), and a `file`
    (recipe, a key of `files` -> bytes and name); its `code` gives the whole text. endpoints: what programs may call in
    place of those of a tab with a stage, by name: recipe -> JSON, and what it is, in a sentence.
    """

    name: str
    title: str
    recipe: type[Fields]
    lead: str
    sentence: Callable[[Any], str]
    code: Callable[[Any], export.Code | str]
    method: str
    sources: tuple[Callable, ...]
    cells: tuple[Cell, ...]
    limits: str
    made_from: Callable[[str], Mapping[str, str]]
    options: Callable[[Any], Mapping[str, Mapping[str, str]]] = lambda recipe: {}
    ready: Callable[[Any], bool] = lambda recipe: True
    prepare: Callable[[Any], Iterator[Progress]] | None = None
    first: Callable[[], Any] | None = None
    knobs: Callable[[Any], knobs.Knobs] | None = None
    stage: Stage | None = None
    beside: tuple[str, ...] = ()
    bare: str = ""
    needs: str = ""
    note: str = ""
    for_programs: str = ""
    bench: Bench | None = None
    answer: Callable[[Any], dict] | None = None
    files: Mapping[str, str] = field(default_factory=lambda: TAKEN)
    file: Callable[[Any, str], tuple[bytes, str]] | None = None
    endpoints: Mapping[str, tuple[Callable[[Any], dict], str]] = field(default_factory=dict)

    @property
    def shown(self) -> Stage:
        return self.stage or stages.of_knobs(self)

    @property
    def scripts(self) -> tuple[str, ...]:
        """Its own, by name below demos/."""
        return self.bench.scripts if self.bench else self.shown.scripts

    def placed(self, place: str) -> tuple[str, ...]:
        """The fields whose controls stand in a place: "beside", "more", or a cell's name."""
        placed = {"beside": self.beside, **{cell.name: cell.fields for cell in self.cells}}
        elsewhere = {name for names in placed.values() for name in names}
        return placed.get(place, tuple(name for name in self.recipe.names() if name not in elsewhere))


def words_of(file: str) -> dict[str, str]:
    """`method` and `limits` of a tab, from the Markdown beside its file: what stands before and after "## Limits"."""
    method, _, limits = Path(file).with_suffix(".md").read_text(encoding="utf-8").partition("\n## Limits\n")
    return dict(method=method, limits=" ".join(limits.split()))


# --- a recipe in, pictures and words out


def answer(tab: Tab, recipe: Fields, *, full: bool = False) -> dict:
    """All that the page shows of a recipe; full: with what takes longer. Raises RecipeError."""
    if tab.answer:
        return tab.answer(recipe)
    return ((full and tab.shown.full) or tab.shown.answer)(recipe)


def file_for(tab: Tab, recipe: Fields, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of what is taken away, a key of the tab's `files`. Raises RecipeError."""
    return tab.file(recipe, kind) if tab.file else stages.file_of(tab.shown, recipe, kind, tab.note)


def code_for(tab: Tab, recipe: Fields) -> str:
    found = tab.code(recipe)
    return found if isinstance(found, str) else export.cell_of(recipe, found)


# --- the page


def build(tab: Tab) -> Demo:
    """Builds a tab inside the page's `gr.Tabs`; everything that it shows at first is recorded."""
    bench = tab.bench or Bench(
        (), ("film", "full", "prepare"), partial(_picture, tab), partial(_wire_picture, tab), lambda: arrival(tab)
    )
    shown_first = bench.arrival()
    with gr.Tab(tab.title, id=tab.name), gr.Column(elem_classes="tab"):
        if tab.needs and not shown_first["recipe"]:
            text(f'<p class="sentence">{escape(tab.needs)}</p>', elem_id=f"{tab.name}-needs")
        text(
            f'<h2 class="sentence" id="{tab.name}-sentence">{escape(shown_first["sentence"])}</h2>'
            f'<p class="lead" id="{tab.name}-lead">{escape(shown_first.get("lead", tab.lead))}</p>',
            elem_id=f"{tab.name}-head",
        )
        notice = handlers.notice(tab.name)
        events = ("stop", *bench.events, *(one.name for one in tab.cells))
        parts = dict(recipe=part(tab.name, "recipe", shown_first["recipe"], events=events, visible="hidden"))
        bench.layout(parts, shown_first)
        _cells(tab, "page", parts, shown_first)
        bench.below(parts, shown_first)
        folds = _folds(tab, parts, shown_first)
        limits(tab.limits)
    _wire(tab, parts)
    bench.wire(parts)
    outputs = [parts["recipe"], parts.get("run", parts["stage"]), *folds, notice]
    return Demo(tab.name, (_opened(tab), outputs), lambda: _endpoints(tab), left(bench))


def _picture(tab: Tab, parts: dict, shown_first: Mapping) -> None:
    """The picture, and beside it its knobs or the controls of some fields."""
    parts["film"] = part(tab.name, "film", shown_first.get("film", {}), visible="hidden")
    parts["facts"] = part(tab.name, "facts", {}, visible="hidden")
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=5, min_width=320):
            parts["stage"] = part(tab.name, "stage", shown_first["answer"])
            models.picker(tab.name, parts["recipe"])
        with gr.Column(scale=6, min_width=320):
            part(tab.name, "beside", controls_at(tab, "beside"))


def controls_at(tab: Tab, place: str) -> dict:
    """What the script needs to draw the controls of a place, in the order of `Tab.placed`."""
    made, table = {one["name"]: one for one in controls(tab.recipe)}, words.table()
    fields = [made[name] for name in tab.placed(place) if name in made]
    named = {one.get("word") for one in fields}
    return dict(
        words=table if "layers" in named else {name: table[name] for name in named if name in table}, fields=fields
    )


def arrival(tab: Tab) -> dict:
    """What the tab shows before anything is computed: as recorded for these weights, or a bare recipe."""
    model = tab.recipe.default_model()
    found = fitting(tab.name, model, tab.made_from, RECORDED) if model else None
    if found is not None:
        shots = {"src" if name == "after" else name: one for name, one in found["pictures"].items()}
        film = dict(found.get("film", {}), src=shots.pop("strip", ""))
        return dict(found, answer=dict(found["answer"], **shots), film=film)
    bare = tab.recipe.unread(model, psi=zoo.card(model).psi) if model else {}
    return dict(recipe=bare, answer={}, cells={}, code="", sentence=tab.bare or tab.lead)


def _cells(tab: Tab, place: str, parts: dict, shown_first: Mapping) -> None:
    for one in tab.cells:
        if one.place != place:
            continue
        value = dict(shown_first["cells"].get(one.name, {}), cell=one.config(tab.name))
        if one.fields:
            value["controls"] = controls_at(tab, one.name)
        elem_id = f"{tab.name}-cell-{one.name}"
        if one.folded:
            with gr.Accordion(one.title, open=False, elem_id=elem_id, elem_classes="fold"):
                text(f'<p class="hint">{escape(one.lead)}</p>')
                parts[one.name] = part(tab.name, one.name, value)
        else:
            with cell(one.title, one.lead, elem_id=elem_id):
                parts[one.name] = part(tab.name, one.name, value)


def _folds(tab: Tab, parts: dict, shown_first: Mapping) -> list[gr.Accordion]:
    with fold(tab.name, "more") as more:
        part(tab.name, "more", controls_at(tab, "more"))
        _cells(tab, "more", parts, shown_first)
    with fold(tab.name, "compare") as compare:
        _cells(tab, "compare", parts, shown_first)
    with fold(tab.name, "true") as true:
        _cells(tab, "true", parts, shown_first)
    sources = {f"{tab.name}-source-{i}": source for i, source in enumerate(tab.sources)}
    method = handlers.method_fold(tab.name, tab.method, sources)
    with fold(tab.name, "take") as take:
        after = (lambda: text(f'<p class="caption">{escape(tab.note)}</p>')) if tab.note else None
        parts.update(handlers.take_away(tab.name, tab.files, shown_first["code"], after=after))
    return [more, compare, true, method, take]


def _wire(tab: Tab, parts: dict) -> None:
    bus = parts["recipe"]
    bus.change(_live(tab), bus, [parts["stage"], parts["code"]], **private(f"{tab.name}_answer", LIVE))
    for one in tab.cells:
        made = watched(tab.name, tab.recipe, one)
        getattr(bus, one.name)(made, bus, parts[one.name], **private(f"{tab.name}_{one.name}_cell", WATCH))
    bus.stop(stopping(tab.name), None, None, **private(f"{tab.name}_stop_cell", LIVE))
    for kind in tab.files:
        make = handlers.guarded(lambda given, k=kind: publish(*file_for(tab, tab.recipe.from_json(given), k)))
        deliver(parts[f"take_{kind}"], make, [bus], parts["outlet"], f"{tab.name}_take_{kind}")


def _wire_picture(tab: Tab, parts: dict) -> None:
    bus = parts["recipe"]
    film = handlers.keyed(tab.recipe.from_json, lambda recipe, event: stages.film_part(tab.shown, recipe), aloud=True)
    bus.film(film, bus, parts["film"], **private(f"{tab.name}_film", LONG))
    if tab.shown.full:
        bus.full(_live(tab, full=True), bus, [parts["stage"], parts["code"]], **private(f"{tab.name}_full", LONG))
    if tab.prepare:
        first = Cell("prepare", "", "", "", tab.prepare, ("model", "label"))
        bus.prepare(watched(tab.name, tab.recipe, first), bus, parts["facts"], **private(f"{tab.name}_prepare", WATCH))


def _live(tab: Tab, *, full: bool = False) -> Callable:
    def live(given: Mapping) -> tuple:
        """The answer and the code of the picture; after bad input the code stays."""
        try:
            recipe = tab.recipe.from_json(given)
            code = code_for(tab, recipe) if tab.ready(recipe) else gr.skip()
            return dict(answer(tab, recipe, full=full), asked=given), code
        except RecipeError as error:
            return refused(error, asked=given), gr.skip()

    return live


def left(bench: Bench) -> Callable[[gr.Request], None]:
    def gone(request: gr.Request) -> None:
        """The visitor closed the page: their work ends."""
        QUEUE.leave(str(request.session_hash))
        bench.left(str(request.session_hash))

    return gone


def _opened(tab: Tab) -> Callable:
    def opened(request: gr.Request) -> tuple:
        return handlers.opened(request, tab.name, tab.recipe, key="link")

    return opened


# --- its pictures by plain HTTP


def door_of(tab: Tab) -> pictures.Door:
    """After, before and the film of the chosen knob, once the knobs are there."""

    def lacks(recipe: PictureRecipe) -> str:
        return "" if tab.ready(recipe) else "these knobs were not found yet: open the picture on the page first"

    def after(recipe: PictureRecipe) -> bytes:
        return webp(tab.stage.picture(recipe)) if tab.stage else knobs.picture_of(recipe, tab.knobs(recipe))

    drawings = {
        "after": pictures.Drawing(after, lacks, keep=bool(tab.stage)),
        "before": pictures.Drawing(picture_bytes_of, keep=False),
        "film": pictures.Drawing(lambda recipe: stages.film(tab.shown, recipe), lacks, frames=knobs.FRAMES),
    }
    return pictures.Door(tab.name, tab.recipe, drawings)


# --- the same, for programs


def prepared(tab: Tab, make: Callable[[Any], dict]) -> Callable[[Any], dict]:
    """`make(recipe)` once the recipe's knobs are there."""

    def run(recipe: Any) -> dict:
        if not tab.ready(recipe):
            for _ in tab.prepare(recipe):
                pass
        return make(recipe)

    return run


def endpoints_of(tab: Tab) -> dict[str, tuple[Callable[[Any], dict], str, Mapping]]:
    """The tab's public endpoints by name: a recipe in, JSON out; what they are; their queue."""
    offered = {
        "picture": (
            lambda recipe: answer(tab, recipe, full=True),
            "The picture of a recipe, before and after, its words, link and knobs.",
            LONG,
        ),
        "code": (
            lambda recipe: dict(code=code_for(tab, recipe)),
            "Python that makes the same picture, to the pixel.",
            LIVE,
        ),
    }
    if tab.endpoints:
        offered = {}
    for one in tab.cells:
        offered[one.endpoint or one.name] = (lambda recipe, one=one: last_of(one, recipe), f"{one.lead} As HTML.", LONG)
    named = {
        f"{tab.name}_{name}": (prepared(tab, make), f"{says} {tab.for_programs}".strip(), queue)
        for name, (make, says, queue) in offered.items()
    }
    return {name: (make, says, WATCH) for name, (make, says) in tab.endpoints.items()} | named


def _endpoints(tab: Tab) -> None:
    """Offers them to programs; pictures are data URIs of lossless WebP."""
    for name, (make, says, queue) in endpoints_of(tab).items():
        offer(make, tab.recipe, name, says, queue)
