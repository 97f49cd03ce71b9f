"""A tab is data: what is its own stands in a `Tab`; `build` makes stage, knobs, folds, address and endpoints of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from core import zoo
from core.images import animation, enlarge, png
from core.images import strip as side_by_side
from core.truth.judge import GRADES

from . import blocks, evidence, export, handlers, knobs, models, pictures, words
from .arrival import ARRIVAL, fitting, picture_in, save
from .fields import Fields, RecipeError, controls
from .handlers import offer, refused
from .parts import LIVE, LONG, WATCH, Demo, cell, deliver, fold, limits, part, private, publish, text
from .picture import PictureRecipe, picture_bytes_of, shown
from .queue import LONG as LONG_LANE
from .queue import QUEUE, SHORT

TAKEN = {"picture": "Picture (PNG)", "strip": "Strip", "clip": "Clip", "notebook": "Notebook"}
TAKEN_SIDE = 256  # pixels, to which strips and clips of small pictures are enlarged
RECORDED = ("recipe", "answer", "cells", "code", "sentence", "made_from")


class Progress(NamedTuple):
    """What a cell yields instead of HTML where it has none yet. share: how much of the work is done, 0 to 1."""

    says: str
    share: float | None = None


@dataclass(frozen=True)
class Cell:
    """One experiment: a button, and a generator function of the recipe that yields HTML.

    run: recipe -> HTML (str) or Progress; its last HTML is recorded for the arrival, and is what programs get. With
    `more`, the words of a button that goes on, it takes the number of the page too, from 0. rests_on: the fields that
    it depends on; of other values it is shown pale, with the words `pale`. place: "page", or the fold that it stands
    in. by_itself: it begins when it comes into sight. says: shown while it runs. lane: of the queue. form: its HTML has
    controls (`blocks.knob`), and `run` takes what they say, by name, too.
    """

    name: str
    title: str
    lead: str
    press: str
    run: Callable[..., Iterator[str | Progress]]
    rests_on: tuple[str, ...]
    place: str = "page"
    more: str = ""
    by_itself: bool = False
    says: str = "Working …"
    lane: str = LONG_LANE
    pale: str = ""
    form: bool = False

    def config(self, tab: str) -> dict[str, Any]:
        """What the page's script needs."""
        names = ("name", "press", "rests_on", "more", "by_itself", "says", "pale", "form")
        return dict({name: getattr(self, name) for name in names}, tab=tab, stops=True)


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

    A tab without knobs has a `bench` of its own, an `answer` (recipe -> all that the page shows of it), and a `file`
    (recipe, a key of `files` -> bytes and name); its `code` gives the whole text. endpoints: what programs may call in
    place of those of a tab with knobs, by name: recipe -> JSON, and what it is, in a sentence.
    """

    name: str
    title: str
    recipe: type[Fields]
    lead: str
    sentence: Callable[[Any], str]
    knobs: Callable[[Any], knobs.Knobs] | None
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
    bench: Bench | None = None
    answer: Callable[[Any], dict] | None = None
    files: Mapping[str, str] = field(default_factory=lambda: TAKEN)
    file: Callable[[Any, str], tuple[bytes, str]] | None = None
    endpoints: Mapping[str, tuple[Callable[[Any], dict], str]] = field(default_factory=dict)


def words_of(file: str) -> dict[str, str]:
    """`method` and `limits` of a tab, from the Markdown beside its file: what stands before and after "## Limits"."""
    method, _, limits = Path(file).with_suffix(".md").read_text(encoding="utf-8").partition("\n## Limits\n")
    return dict(method=method, limits=" ".join(limits.split()))


def truth_cell(kind: str) -> Cell:
    """The cell of the fold "How true is this?": what the measuring command of that kind wrote of a network."""

    def truth(recipe: Any) -> Iterator[str]:
        nothing = "Nothing has been measured of this network by the command yet; the cells above measure now."
        said = evidence.written(recipe.model, kind) or blocks.paragraph(nothing)
        yield blocks.paragraph(GRADES[zoo.load_judge(recipe.model).grade]) + said

    lead = "By a command of its own, with controls."
    return Cell("truth", "Measured once", lead, "Look it up", truth, ("model",), "true", by_itself=True, lane=SHORT)


# --- a recipe in, pictures and words out


def answer(tab: Tab, recipe: PictureRecipe) -> dict:
    """All that the page shows of a recipe; without knobs where these are not there yet. Raises RecipeError."""
    if tab.answer:
        return tab.answer(recipe)
    ready = tab.ready(recipe)
    found = tab.knobs(recipe) if ready else knobs.NONE
    drawn = recipe if ready else replace(recipe, amounts=())
    alt = knobs.alt_text(drawn, found)
    return dict(
        recipe=recipe.as_dict(),
        src=knobs.data_uri(knobs.picture_of(drawn, found)),
        before=knobs.data_uri(picture_bytes_of(recipe)),
        exact=True,
        alt=alt,
        caption=f"{alt[:1].upper()}{alt[1:]}.",
        query=recipe.query(),
        note=recipe.link_note(),
        sentence=tab.sentence(recipe),
        setup=dict(knobs.setup_of(recipe, found), options=tab.options(recipe), ready=ready),
    )


def file_for(tab: Tab, recipe: PictureRecipe, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of what is taken away, a key of the tab's `files`. Raises RecipeError."""
    if tab.file:
        return tab.file(recipe, kind)
    found, name = tab.knobs(recipe), f"{tab.name}-picture{recipe.seed}"
    if kind == "notebook":
        return notebook_for(tab, recipe), f"{name}.ipynb"
    if kind == "picture":
        image = knobs.render(recipe, found, [recipe.amounts])
        return export.png_of(shown(image, recipe.model)[0], recipe), f"{name}.png"
    count = 7 if kind == "strip" else knobs.FRAMES
    images = knobs.render(recipe, found, knobs.settings_of(recipe, zoo.card(recipe.model).reach, count))
    times = max(1, TAKEN_SIDE // images.shape[-1])
    pictures = [enlarge(one, times) for one in shown(images, recipe.model, largest=2 * TAKEN_SIDE)]
    if kind == "strip":
        return png(side_by_side(pictures, gap=4), recipe=recipe.as_dict()), f"{name}-strip.png"
    return animation(pictures), f"{name}.webp"


def code_for(tab: Tab, recipe: Fields) -> str:
    found = tab.code(recipe)
    return found if isinstance(found, str) else export.cell_of(recipe, found)


def notebook_for(tab: Tab, recipe: PictureRecipe) -> bytes:
    """A notebook that gets itself running, makes the picture, and draws the strip of the chosen knob."""
    found, reach = tab.knobs(recipe), zoo.card(recipe.model).reach
    knob = min(recipe.knob, len(found) - 1)
    says = f"This notebook makes one picture ({knobs.alt_text(recipe, found)}), then turns one of its knobs."
    row = [round(reach * i / 3, 3) for i in range(-3, 4)]
    turned = f"{found.titles[knob]} from {-reach:g} to {reach:g} {found.unit}, the other knobs as above."
    return export.notebook(recipe, tab.code(recipe), says, knob, row, turned)


def last_html(pieces: Iterator[str | Progress | None]) -> str:
    """What a cell ends with: what is recorded, and what programs get."""
    found = [piece for piece in pieces if isinstance(piece, str)]
    return found[-1] if found else ""


# --- the page


def build(tab: Tab) -> Demo:
    """Builds a tab inside the page's `gr.Tabs`; everything that it shows at first is recorded."""
    bench = tab.bench or Bench(
        (), ("film", "prepare"), partial(_picture, tab), partial(_wire_knobs, tab), lambda: arrival(tab)
    )
    shown_first = bench.arrival()
    with gr.Tab(tab.title, id=tab.name), gr.Column(elem_classes="tab"):
        text(
            f'<h2 class="sentence" id="{tab.name}-sentence">{escape(shown_first["sentence"])}</h2>'
            f'<p class="lead" id="{tab.name}-lead">{escape(shown_first.get("lead", tab.lead))}</p>'
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
    """The picture with its knobs beside it."""
    for name in ("film", "facts"):
        parts[name] = part(tab.name, name, {}, visible="hidden")
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=5, min_width=320):
            parts["stage"] = part(tab.name, "stage", shown_first["answer"])
            models.picker(tab.name, parts["recipe"])
        with gr.Column(scale=6, min_width=320):
            part(tab.name, "knobs")


def arrival(tab: Tab) -> dict:
    """What the tab shows before anything is computed: as recorded for these weights, or a bare recipe."""
    model = tab.recipe.default_model()
    found = fitting(tab.name, model, tab.made_from, RECORDED)
    if found is not None:
        pictures = found["pictures"]
        return dict(found, answer=dict(found["answer"], src=pictures["after"], before=pictures["before"]))
    bare = tab.recipe.unread(model, psi=zoo.card(model).psi)
    return dict(recipe=bare, answer={}, cells={}, code="", sentence=tab.lead)


def record(tab: Tab, folder: Path = ARRIVAL) -> list[str]:
    """Records the arrival: the answer to the first recipe and the end of every cell; returns the names of the files."""
    recipe = tab.first()
    said = answer(tab, recipe)
    images = {name: picture_in(said.pop(of)) for name, of in (("after", "src"), ("before", "before"))}
    cells = {one.name: dict(html=last_html(run_of(one, recipe)), recipe=recipe.as_dict()) for one in tab.cells}
    found = dict(
        made_from=tab.made_from(recipe.model),
        recipe=recipe.as_dict(),
        answer=said,
        cells=cells,
        code=code_for(tab, recipe),
        sentence=said["sentence"],
    )
    return save(tab.name, found, images, folder)


def _cells(tab: Tab, place: str, parts: dict, shown_first: Mapping) -> None:
    for one in tab.cells:
        if one.place != place:
            continue
        value = dict(shown_first["cells"].get(one.name, {}), cell=one.config(tab.name))
        with cell(one.title, one.lead, elem_id=f"{tab.name}-cell-{one.name}"):
            parts[one.name] = part(tab.name, one.name, value)


def _folds(tab: Tab, parts: dict, shown_first: Mapping) -> list[gr.Accordion]:
    with fold(tab.name, "more") as more:
        folded = [one for one in controls(tab.recipe) if not one.get("beside")]
        part(tab.name, "more", dict(words=words.table(), fields=folded))
        _cells(tab, "more", parts, shown_first)
    with fold(tab.name, "compare") as compare:
        _cells(tab, "compare", parts, shown_first)
    with fold(tab.name, "true") as true:
        _cells(tab, "true", parts, shown_first)
    sources = {f"{tab.name}-source-{i}": source for i, source in enumerate(tab.sources)}
    method = handlers.method_fold(tab.name, tab.method, sources)
    with fold(tab.name, "take") as take:
        parts.update(handlers.take_away(tab.name, tab.files, shown_first["code"]))
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


def _wire_knobs(tab: Tab, parts: dict) -> None:
    bus = parts["recipe"]
    film = handlers.keyed(
        tab.recipe.from_json, lambda recipe, event: knobs.film_part(recipe, tab.knobs(recipe)), aloud=True
    )
    bus.film(film, bus, parts["film"], **private(f"{tab.name}_film", LONG))
    if tab.prepare:
        first = Cell("prepare", "", "", "", tab.prepare, ("model", "label"))
        bus.prepare(watched(tab.name, tab.recipe, first), bus, parts["facts"], **private(f"{tab.name}_prepare", WATCH))


def _live(tab: Tab) -> Callable:
    def live(given: Mapping) -> tuple:
        """The answer and the code of the picture; after bad input the code stays."""
        try:
            recipe = tab.recipe.from_json(given)
            code = code_for(tab, recipe) if tab.ready(recipe) else gr.skip()
            return dict(answer(tab, recipe), asked=given), code
        except RecipeError as error:
            return refused(error, asked=given), gr.skip()

    return live


def watched(tab: str, recipe: type[Fields], one: Cell) -> Callable:
    """The handler of a cell: it waits for its turn, is shared by all who ask for the same, and can be stopped."""
    kind = f"{tab} {one.name}"

    def run(given: Mapping, event: gr.EventData, request: gr.Request) -> Iterator[dict]:
        try:
            asked, page = recipe.from_json(given), int(getattr(event, "first", 0) or 0) % 1_000
            values = handlers.numbers_in(getattr(event, "values", None))
            key = (
                kind,
                page,
                *values.items(),
                *((name, getattr(asked, name)) for name in one.rests_on),
                zoo.weights_hash(asked.model),
            )
            for piece in QUEUE.pieces(
                key, lambda _run: _news(one, asked, page, values), str(request.session_hash), kind, one.lane
            ):
                yield dict(piece, key=event.key, cell=one.config(tab), first=page)
        except RecipeError as error:
            yield refused(error, key=event.key, cell=one.config(tab))

    return run


def _news(one: Cell, recipe: Fields, page: int, values: Mapping[str, float]) -> Iterator[dict | None]:
    html = ""
    for piece in run_of(one, recipe, page, values):
        if isinstance(piece, str):
            html = piece
            yield dict(html=html, partial=True)
        elif piece is not None:
            yield dict(says=piece.says, share=piece.share, partial=True, **({"html": html} if html else {}))
        else:
            yield None
    yield dict(html=html)


def run_of(
    one: Cell, recipe: Fields, page: int = 0, values: Mapping[str, float] = {}
) -> Iterator[str | Progress | None]:
    return one.run(recipe, *([page] if one.more else []), *([values] if one.form else []))


def stopping(tab: str) -> Callable:
    def stop(event: gr.EventData, request: gr.Request) -> None:
        """Ends one of the visitor's experiments; the others go on."""
        QUEUE.stop(str(request.session_hash), f"{tab} {event.kind}")

    return stop


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

    return pictures.Door(
        tab.name,
        tab.recipe,
        {
            "after": pictures.Drawing(lambda one: knobs.picture_of(one, tab.knobs(one)), lacks, keep=False),
            "before": pictures.Drawing(picture_bytes_of, keep=False),
            "film": pictures.Drawing(lambda one: knobs.film(one, tab.knobs(one)), lacks, frames=knobs.FRAMES),
        },
    )


# --- the same, for programs


def prepared(tab: Tab, make: Callable[[Any], dict]) -> Callable[[Any], dict]:
    """`make(recipe)` once the recipe's knobs are there."""

    def run(recipe: Any) -> dict:
        if not tab.ready(recipe):
            for _ in tab.prepare(recipe):
                pass
        return make(recipe)

    return run


def _endpoints(tab: Tab) -> None:
    """The tab's public endpoints: a recipe in, JSON out; pictures are data URIs of lossless WebP."""
    for name, (make, says) in tab.endpoints.items():
        offer(make, tab.recipe, name, says, WATCH)
    if not tab.endpoints:
        _knob_endpoints(tab)
    for one in tab.cells:
        offer(
            prepared(tab, lambda recipe, one=one: dict(html=last_html(run_of(one, recipe)))),
            tab.recipe,
            f"{tab.name}_{one.name}",
            f"{one.lead} As HTML.",
            LONG,
        )


def _knob_endpoints(tab: Tab) -> None:
    offer(
        prepared(tab, lambda recipe: answer(tab, recipe)),
        tab.recipe,
        f"{tab.name}_picture",
        "The picture of a recipe, before and after, its words, link and knobs.",
        LONG,
    )
    offer(
        prepared(tab, lambda recipe: dict(code=code_for(tab, recipe))),
        tab.recipe,
        f"{tab.name}_code",
        "Python that makes the same picture, to the pixel.",
        LIVE,
    )
