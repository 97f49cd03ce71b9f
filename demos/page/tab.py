"""A tab is data: what is its own stands in a `Tab`; `build` makes stage, knobs, folds, address and endpoints of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from core import zoo
from core.images import webp
from core.truth.judge import GRADES

from . import blocks, evidence, export, handlers, knobs, models, pictures, words
from . import stage as stages
from .arrival import fitting
from .fields import Fields, RecipeError, controls
from .handlers import offer, refused
from .parts import LIVE, LONG, WATCH, Demo, cell, deliver, fold, limits, part, private, publish, text
from .picture import PictureRecipe, picture_bytes_of
from .queue import LONG as LONG_LANE
from .queue import QUEUE, SHORT
from .stage import TAKEN, Stage

RECORDED = ("recipe", "answer", "cells", "code", "sentence", "made_from")


class Progress(NamedTuple):
    """What a cell yields instead of HTML where it has none yet. share: how much of the work is done, 0 to 1."""

    says: str
    share: float | None = None


@dataclass(frozen=True)
class Cell:
    """One experiment: a button, and a generator function of the recipe that yields HTML.

    run: recipe -> HTML (str) or Progress; its last HTML is recorded for the arrival, and is what programs get. It may
    yield plain values instead, which programs get too; then `html` is (recipe, values) -> HTML. With `more`, the words
    of a button that goes on, it takes the number of the page too, from 0. rests_on: the fields that it depends on; of
    other values it is shown pale. place: "page", or the fold that it stands in. by_itself: it begins when it comes into
    sight. says: shown while it runs. lane: of the queue. fields: those whose controls stand above it. folded: closed at
    first. drawn: functions of `gan.drawn` that make its HTML move. endpoint: its name for programs, where another.
    """

    name: str
    title: str
    lead: str
    press: str
    run: Callable[..., Iterator[str | Progress | Mapping]]
    rests_on: tuple[str, ...]
    place: str = "page"
    more: str = ""
    by_itself: bool = False
    says: str = "Working …"
    lane: str = LONG_LANE
    html: Callable[[Any, Mapping], str] | None = None
    fields: tuple[str, ...] = ()
    folded: bool = False
    drawn: tuple[str, ...] = ()
    endpoint: str = ""

    def config(self, tab: str) -> dict[str, Any]:
        """What the page's script needs."""
        names = ("name", "press", "rests_on", "more", "by_itself", "says", "drawn")
        return dict({name: getattr(self, name) for name in names}, tab=tab, stops=True)


@dataclass(frozen=True)
class Tab:
    """What a tab is: its words, its recipe, where its knobs come from, its experiments, its equation.

    lead, limits: sentences. sentence: recipe -> the first sentence. knobs: recipe -> Knobs; may be slow the first
    time. code: recipe -> what is the tab's own in the code cell. method: Markdown with the equation and the citation.
    sources: functions whose source is shown below it. options: recipe -> for each field with a list of names, these.
    made_from: model -> sha256 of all that the words rest on, by name. ready: recipe -> are its knobs there at once?
    Else `prepare` computes what they need, in the queue, when the visitor asks for it. first: makes the recipe that the
    tab arrives with, by a rule.

    stage: of a tab whose picture has no knobs. beside: fields whose controls stand beside the picture; those of no cell
    stand under "More controls". bare: the first sentence where nothing was recorded. needs: said where no network is
    here that it can use. note: a sentence that everything taken away carries. for_programs: what else endpoints say.
    """

    name: str
    title: str
    recipe: type[PictureRecipe]
    lead: str
    sentence: Callable[[Any], str]
    code: Callable[[Any], export.Code]
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

    @property
    def shown(self) -> Stage:
        return self.stage or stages.of_knobs(self)

    def placed(self, place: str) -> tuple[str, ...]:
        """The fields whose controls stand in a place: "beside", "more", or a cell's name."""
        placed = {"beside": self.beside, **{cell.name: cell.fields for cell in self.cells}}
        elsewhere = {name for names in placed.values() for name in names}
        return placed.get(place, tuple(name for name in self.recipe.names() if name not in elsewhere))


def words_of(file: str) -> dict[str, str]:
    """`method` and `limits` of a tab, from the Markdown beside its file: what stands before and after "## Limits"."""
    method, _, limits = Path(file).with_suffix(".md").read_text(encoding="utf-8").partition("\n## Limits\n")
    return dict(method=method, limits=" ".join(limits.split()))


NOTHING = "Nothing has been measured of this network by the command yet; the cells above measure now."


def truth_cell(kind: str, nothing: str = NOTHING, *, judged: bool = True) -> Cell:
    """The cell of the fold "How true is this?": what the measuring command of that kind wrote of a network.

    judged: say who judges the knobs.
    """

    def truth(recipe: Any) -> Iterator[str]:
        said = evidence.written(recipe.model, kind) or blocks.paragraph(nothing)
        yield (blocks.paragraph(GRADES[zoo.load_judge(recipe.model).grade]) if judged else "") + said

    lead = "By a command of its own, with controls."
    return Cell("truth", "Measured once", lead, "Look it up", truth, ("model",), "true", by_itself=True, lane=SHORT)


# --- a recipe in, pictures and words out


def answer(tab: Tab, recipe: PictureRecipe, *, full: bool = False) -> dict:
    """All that the page shows of a recipe; full: with what takes longer. Raises RecipeError."""
    return ((full and tab.shown.full) or tab.shown.answer)(recipe)


def file_for(tab: Tab, recipe: PictureRecipe, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of what is taken away, a key of stage.TAKEN. Raises RecipeError."""
    return stages.file_of(tab.shown, recipe, kind, tab.note)


def html_of(one: Cell, recipe: Fields, piece: str | Progress | Mapping) -> str:
    """What a piece that a cell yields looks like; "" for Progress."""
    return "" if isinstance(piece, Progress) else piece if isinstance(piece, str) else one.html(recipe, piece)


def last_of(one: Cell, recipe: Fields) -> dict:
    """What a cell ends with: its plain values, where it yields such, and its HTML; what programs get."""
    pieces = one.run(recipe, 0) if one.more else one.run(recipe)
    *_, last = ("", *(piece for piece in pieces if piece is not None and not isinstance(piece, Progress)))
    return dict(last if isinstance(last, Mapping) else {}, html=html_of(one, recipe, last))


# --- the page


def build(tab: Tab) -> Demo:
    """Builds a tab inside the page's `gr.Tabs`; everything that it shows at first is recorded."""
    shown_first = arrival(tab)
    with gr.Tab(tab.title, id=tab.name), gr.Column(elem_classes="tab"):
        if not shown_first["recipe"]:
            text(f'<p class="sentence">{escape(tab.needs)}</p>', elem_id=f"{tab.name}-needs")
        text(
            f'<h2 class="sentence" id="{tab.name}-sentence">{escape(shown_first["sentence"])}</h2>'
            f'<p class="lead">{escape(tab.lead)}</p>',
            elem_id=f"{tab.name}-head",
        )
        notice = handlers.notice(tab.name)
        events = ("film", "full", "prepare", "stop", *(one.name for one in tab.cells))
        parts = dict(recipe=part(tab.name, "recipe", shown_first["recipe"], events=events, visible="hidden"))
        parts["film"] = part(tab.name, "film", shown_first.get("film", {}), visible="hidden")
        parts["facts"] = part(tab.name, "facts", {}, visible="hidden")
        with gr.Row(elem_classes="bench"):
            with gr.Column(scale=5, min_width=320):
                parts["stage"] = part(tab.name, "stage", shown_first["answer"])
                models.picker(tab.name, parts["recipe"])
            with gr.Column(scale=6, min_width=320):
                part(tab.name, "beside", _controls(tab, "beside"))
        _cells(tab, "page", parts, shown_first)
        folds = _folds(tab, parts, shown_first)
        limits(tab.limits)
    _wire(tab, parts)
    return Demo(
        tab.name, (_opened(tab), [parts["recipe"], parts["stage"], *folds, notice]), lambda: _endpoints(tab), left
    )


def _controls(tab: Tab, place: str) -> dict:
    """What the script needs to draw the controls of a place."""
    placed, table = tab.placed(place), words.table()
    fields = [one for one in controls(tab.recipe) if one["name"] in placed]
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
            value["controls"] = _controls(tab, one.name)
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
        part(tab.name, "more", _controls(tab, "more"))
        _cells(tab, "more", parts, shown_first)
    with fold(tab.name, "compare") as compare:
        _cells(tab, "compare", parts, shown_first)
    with fold(tab.name, "true") as true:
        _cells(tab, "true", parts, shown_first)
    sources = {f"{tab.name}-source-{i}": source for i, source in enumerate(tab.sources)}
    method = handlers.method_fold(tab.name, tab.method, sources)
    with fold(tab.name, "take") as take:
        after = (lambda: text(f'<p class="caption">{escape(tab.note)}</p>')) if tab.note else None
        parts.update(handlers.take_away(tab.name, TAKEN, shown_first["code"], after=after))
    return [more, compare, true, method, take]


def _wire(tab: Tab, parts: dict) -> None:
    bus = parts["recipe"]
    bus.change(_live(tab), bus, [parts["stage"], parts["code"]], **private(f"{tab.name}_answer", LIVE))
    film = handlers.keyed(tab.recipe.from_json, lambda recipe, event: stages.film_part(tab.shown, recipe), aloud=True)
    bus.film(film, bus, parts["film"], **private(f"{tab.name}_film", LONG))
    if tab.shown.full:
        bus.full(_live(tab, full=True), bus, [parts["stage"], parts["code"]], **private(f"{tab.name}_full", LONG))
    if tab.prepare:
        first = Cell("prepare", "", "", "", tab.prepare, ("model", "label"))
        bus.prepare(watched(tab.name, tab.recipe, first), bus, parts["facts"], **private(f"{tab.name}_prepare", WATCH))
    for one in tab.cells:
        made = watched(tab.name, tab.recipe, one)
        getattr(bus, one.name)(made, bus, parts[one.name], **private(f"{tab.name}_{one.name}_cell", WATCH))
    bus.stop(stopping(tab.name), None, None, **private(f"{tab.name}_stop_cell", LIVE))
    for kind in TAKEN:
        make = handlers.guarded(lambda given, k=kind: publish(*file_for(tab, tab.recipe.from_json(given), k)))
        deliver(parts[f"take_{kind}"], make, [bus], parts["outlet"], f"{tab.name}_take_{kind}")


def _live(tab: Tab, *, full: bool = False) -> Callable:
    def live(given: Mapping) -> tuple:
        """The answer and the code of the picture; after bad input the code stays."""
        try:
            recipe = tab.recipe.from_json(given)
            code = export.cell_of(recipe, tab.code(recipe)) if tab.ready(recipe) else gr.skip()
            return dict(answer(tab, recipe, full=full), asked=given), code
        except RecipeError as error:
            return refused(error, asked=given), gr.skip()

    return live


def watched(tab: str, recipe: type[Fields], one: Cell) -> Callable:
    """The handler of a cell: it waits for its turn, is shared by all who ask for the same, and can be stopped."""
    kind = f"{tab} {one.name}"

    def run(given: Mapping, event: gr.EventData, request: gr.Request) -> Iterator[dict]:
        try:
            asked, page = recipe.from_json(given), int(getattr(event, "first", 0) or 0) % 1_000
            key = (kind, page, *((name, getattr(asked, name)) for name in one.rests_on), zoo.weights_hash(asked.model))
            for piece in QUEUE.pieces(
                key, lambda _run: _news(one, asked, page), str(request.session_hash), kind, one.lane
            ):
                yield dict(piece, key=event.key, cell=one.config(tab), first=page)
        except RecipeError as error:
            yield refused(error, key=event.key, cell=one.config(tab))

    return run


def _news(one: Cell, recipe: Fields, page: int) -> Iterator[dict | None]:
    html = ""
    for piece in one.run(recipe, page) if one.more else one.run(recipe):
        if piece is None:
            yield None
            continue
        html = html_of(one, recipe, piece) or html
        told = piece._asdict() if isinstance(piece, Progress) else piece if isinstance(piece, Mapping) else {}
        news = {name: told[name] for name in ("says", "share") if name in told}
        yield dict(news, **({"html": html} if html else {}))
    yield dict(html=html)


def stopping(tab: str) -> Callable:
    def stop(event: gr.EventData, request: gr.Request) -> None:
        """Ends one of the visitor's experiments; the others go on."""
        QUEUE.stop(str(request.session_hash), f"{tab} {event.kind}")

    return stop


def left(request: gr.Request) -> None:
    """The visitor closed the page: their work ends."""
    QUEUE.leave(str(request.session_hash))


def _opened(tab: Tab) -> Callable:
    def opened(request: gr.Request) -> tuple:
        return handlers.opened(request, tab.name, tab.recipe)

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
            lambda recipe: dict(code=export.cell_of(recipe, tab.code(recipe))),
            "Python that makes the same picture, to the pixel.",
            LIVE,
        ),
    }
    for one in tab.cells:
        offered[one.endpoint or one.name] = (lambda recipe, one=one: last_of(one, recipe), f"{one.lead} As HTML.", LONG)
    return {
        f"{tab.name}_{name}": (prepared(tab, make), f"{says} {tab.for_programs}".strip(), queue)
        for name, (make, says, queue) in offered.items()
    }


def _endpoints(tab: Tab) -> None:
    """Offers them to programs; pictures are data URIs of lossless WebP."""
    for name, (make, says, queue) in endpoints_of(tab).items():
        offer(make, tab.recipe, name, says, queue)
