"""A tab is data: what is its own stands in a `Tab`; `build` makes stage, knobs, folds, address and endpoints of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from core import queue, zoo
from core.images import has_video

from . import export, handlers, knobs, models, pictures, words
from . import stage as stages
from .arrival import fitting
from .cells import TABLES, Cell, Progress, last_of, stopping, table_file, watched
from .fields import Fields, RecipeError, controls
from .handlers import refused
from .originals import copy_cell
from .parts import FOLDS, LIVE, LONG, WATCH, cell, deliver, fold, part, private, publish, text
from .stage import KNOBS_TAKEN, TAKEN, Stage

UNFOUND = "# The knobs of this picture have not been found yet: the button under the picture finds them."
EVENTS = ("film", "slow_film", "full", "prepare", "measure", "network", "received")  # of a tab with a stage
LASTING = ("setup", "before", "live")  # parts of an answer that a slider does not change
# fields that leave the knobs the same
TURNED = ("seed", "found", "paste", "psi", "transparency", "turn", "right", "down", "amounts", "knob")
LESSON = '<p class="limits lesson"><a href="lessons#{}">Five questions for a lesson</a></p>'
RECORDED = ("recipe", "answer", "cells", "code", "sentence", "made_from")


class Bench(NamedTuple):
    """What a tab has in the place of a picture with knobs, where it has something of its own.

    scripts: its own, by name below demos/; they add its stage to `gan.stages`. events: what they trigger at the part
    that carries the recipe. layout: (parts, what is shown first) -> adds the tab's own parts where the picture would
    stand, among them `stage`, and `run`, which is told why a link was refused. wire: (parts) -> gives its events their
    handlers. arrival: what is shown first: `recipe`, `cells`, `code`, `sentence`, and what `layout` needs. needed: the
    parts that its stage is made of.
    """

    scripts: tuple[str, ...]
    events: tuple[str, ...]
    layout: Callable[[dict, Mapping], None]
    wire: Callable[[dict], None]
    arrival: Callable[[], Mapping]
    needed: tuple[str, ...] = ()


class Extra(NamedTuple):
    """Parts of a tab's own in one of its places.

    after: the name of the cell or the fold whose content they follow. layout: (parts, model) -> adds them, those that
    `wire` needs to `parts`, for the network that is shown first. wire: (parts) -> gives their events handlers; by then
    `parts` has all of the tab, the folds as "fold-NAME". Where another network is shown, `recipe` triggers "network".
    script: its own, by name below demos/. left: the visitor's session ended.
    """

    after: str
    layout: Callable[[dict, str], None]
    wire: Callable[[dict], None] = lambda parts: None
    script: str = ""
    left: Callable[[str], None] = lambda visitor: None


class Endpoint(NamedTuple):
    """What programs may call. make: recipe -> JSON, and it takes `more` by name. says: what it is, in a sentence."""

    make: Callable[..., dict]
    says: str
    queue: Mapping = WATCH
    more: Mapping[str, type] = {}


@dataclass(frozen=True)
class Tab:
    """What a tab is: its words, its recipe, where its knobs come from, its experiments, its equation.

    lead, limits: sentences; limits_elsewhere: of networks that no reader knows, where they differ. sentence: recipe ->
    the first sentence. knobs: recipe -> Knobs; may be slow the first time. code: recipe -> what is the tab's own in the
    code cell. method: Markdown with the equation and the citation. sources: functions whose source is shown below it.
    setup: recipe -> what else controls need, such as `options`: for each field with a list of names, these. made_from:
    model -> sha256 of all that the words rest on, by name. ready: recipe -> are its knobs there at once? Else `prepare`
    computes what they need, in the queue, when the visitor asks for it. known: recipe -> were they computed before?
    None: as `ready`. measure: recipe -> measures its knobs, in the queue, where `setup` says `measurable`. first: makes
    the recipe that the tab arrives with, by a rule.

    prepare may yield an `answer` on its way, which is shown where the visitor still wants it; then it takes what the
    script says too, numbers by name, and `prepared_by` are the fields that it rests on. turned: fields that leave the
    knobs the same. closed: model -> what else is not open that its pictures by HTTP need, a sentence, else "".

    told: (recipe, knobs) -> the words of its picture, `alt` and `caption`. stem: recipe -> how its files are named.
    receives: what it takes as it came, of files that are dropped on the page: "picture" or "edits". Its script's
    `bring` gets the file, or its part `recipe` the event "received" with the file's `text`.
    private: recipe -> what makes its pictures private, None where nothing does. drawings: its pictures by HTTP, where
    they are others than those of `stage.drawings_of`.

    stage: of a tab whose picture has no knobs. beside, compare: fields whose controls stand beside the picture, and
    under "Compare methods", in this order; those of no place and no cell stand under "More controls". doors: names of
    tabs that the picture can be taken to. extras: parts of its own. about: does the lead say where the network comes
    from? bare: the first sentence where nothing was recorded. needs: said where no network is here that it can use.
    note: a sentence that everything taken away carries. for_programs: what else endpoints say.

    A tab with a layout of its own has a `bench`, an `answer` (recipe -> all that the page shows of it), and a `file`
    (recipe, a key of `taken` -> bytes and name); its `code` gives the whole text. endpoints: what programs may call by
    name, beside those of a tab with a stage.
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
    setup: Callable[[Any], Mapping[str, Any]] = lambda recipe: {}
    ready: Callable[[Any], bool] = lambda recipe: True
    known: Callable[[Any], bool] | None = None
    prepare: Callable[..., Iterator[Progress | dict]] | None = None
    prepared_by: tuple[str, ...] = ()
    turned: tuple[str, ...] = TURNED
    closed: Callable[[str], str] = lambda model: ""
    measure: Callable[[Any], Iterator[Progress]] | None = None
    told: Callable[[Any, knobs.Knobs], Mapping[str, str]] = knobs.told
    stem: Callable[[Any], str] | None = None
    private: Callable[[Any], tuple | None] = pictures.subject
    drawings: Mapping[str, pictures.Drawing] = field(default_factory=dict)
    first: Callable[[], Any] | None = None
    knobs: Callable[[Any], knobs.Knobs] | None = None
    stage: Stage | None = None
    limits_elsewhere: str = ""
    beside: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    doors: tuple[str, ...] = ()
    extras: tuple[Extra, ...] = ()
    receives: tuple[str, ...] = ()
    about: bool = False
    bare: str = ""
    needs: str = ""
    note: str = ""
    for_programs: str = ""
    bench: Bench | None = None
    answer: Callable[[Any], dict] | None = None
    files: Mapping[str, str] | None = None
    file: Callable[[Any, str], tuple[bytes, str]] | None = None
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.bench and all(
            one.name != "copy" for one in self.cells
        ):  # every picture that a network drew can be asked whether it is a copy
            asked = copy_cell(lambda recipe: self.shown.picture(recipe), tuple(self.recipe.names()))
            object.__setattr__(self, "cells", (*self.cells, asked))

    @property
    def shown(self) -> Stage:
        return self.stage or stages.of_knobs(self)

    @property
    def taken(self) -> Mapping[str, str]:
        """What can be taken away, by kind, and how its button is named."""
        found = self.files or (KNOBS_TAKEN if self.shown.directions else TAKEN)
        return found if has_video() else {kind: name for kind, name in found.items() if kind != "mp4"}

    @property
    def served(self) -> Mapping[str, pictures.Drawing]:
        """Its pictures by HTTP."""
        return self.drawings or stages.drawings_of(self)


def words_of(file: str) -> dict[str, str]:
    """`method`, `limits` and `limits_elsewhere` of a tab, from the Markdown beside its file: what stands before and
    after "## Limits" and "## Limits elsewhere".
    """
    method, _, rest = Path(file).with_suffix(".md").read_text(encoding="utf-8").partition("\n## Limits\n")
    limits, _, elsewhere = (" ".join(part.split()) for part in rest.partition("\n## Limits elsewhere\n"))
    return dict(method=method, limits=limits, limits_elsewhere=elsewhere)


# --- a recipe in, pictures and words out


def answer(tab: Tab, recipe: Fields, *, full: bool = False) -> dict:
    """All that the page shows of a recipe; full: with what takes longer. Raises RecipeError."""
    if tab.answer:
        return tab.answer(recipe)
    return ((full and tab.shown.full) or tab.shown.answer)(recipe)


def file_for(tab: Tab, recipe: Fields, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of what is taken away, a key of the tab's `taken`. Raises RecipeError."""
    if not (tab.stage or tab.bench or tab.ready(recipe)):
        raise RecipeError("these knobs have not been found yet: find them first, with the button under the picture")
    return tab.file(recipe, kind) if tab.file else stages.file_of(tab.shown, recipe, kind, tab.note)


def code_for(tab: Tab, recipe: Fields) -> str:
    found = tab.code(recipe)
    return found if isinstance(found, str) else export.cell_of(recipe, found)


# --- the page


def build(tab: Tab) -> dict:
    """Builds a tab inside the page's `gr.Tabs`; everything that it shows at first is recorded. Returns its parts."""
    bench = tab.bench or Bench((), EVENTS, partial(_picture, tab), partial(_wire_picture, tab), lambda: arrival(tab))
    shown_first = bench.arrival()
    model = shown_first["recipe"].get("model", "")
    with gr.Tab(tab.title, id=tab.name), gr.Column(elem_classes="tab"):
        if tab.needs and not shown_first["recipe"]:
            text(f'<p class="sentence">{escape(tab.needs)}</p>', elem_id=f"{tab.name}-needs")
        about = f' <span id="{tab.name}-about">{escape(models.about(zoo.card(model)))}</span>' if tab.about else ""
        lead = _not_yours(model) + shown_first.get("lead", tab.lead)
        text(
            f'<h2 class="sentence" id="{tab.name}-sentence">{escape(shown_first["sentence"])}</h2>'
            f'<p class="lead" id="{tab.name}-lead">{escape(lead)}{about}</p>'
            f'<p class="caption" role="status" id="{tab.name}-notice" hidden></p>',  # what is to be known of a link
            elem_id=f"{tab.name}-head",
        )
        events = ("stop", *bench.events, *(one.name for one in tab.cells))
        parts = dict(recipe=part(tab.name, "recipe", shown_first["recipe"], events=events, visible="hidden"))
        named = ["v", *tab.recipe.names()]
        parts["linked"] = part(tab.name, "linked", dict(names=named), events=("ask",), visible="hidden")
        bench.layout(parts, shown_first)
        _place(tab, "page", parts, shown_first)
        _folds(tab, parts, shown_first)
        text(_limits(tab), elem_id=f"{tab.name}-limits")
        text(LESSON.format(tab.name))
    _wire(tab, parts)
    bench.wire(parts)
    for one in tab.extras:
        one.wire(parts)
    return parts


def _not_yours(model: str) -> str:
    """Where the page was started with networks of somebody's own and begins a tab with another, why."""
    own = next((card.title for card in zoo.CARDS.values() if card.own), "")
    if not own or not model or zoo.card(model).own:
        return ""
    return f"This tab begins with {zoo.card(model).title}, not with {own}. "


def _limits(tab: Tab) -> str:
    head, other = "<b>What this does not show.</b>", tab.limits_elsewhere
    more = f'<p class="limits" data-known="no" hidden>{head} {escape(other)}</p>' if other else ""
    known = ' data-known="yes"' if other else ""
    return f'<p class="limits"{known}>{head} {escape(tab.limits)}</p>{more}'


def _picture(tab: Tab, parts: dict, shown_first: Mapping) -> None:
    """The picture, and beside it its knobs or the controls of some fields."""
    parts["film"] = part(tab.name, "film", shown_first.get("film", {}), visible="hidden")
    parts["facts"] = part(tab.name, "facts", {}, visible="hidden")
    parts["held"] = part(tab.name, "held", [], visible="hidden")
    _place(tab, "stage", parts, shown_first)
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=5, min_width=320):
            parts["stage"] = part(tab.name, "stage", shown_first["answer"])
            models.picker(tab.name, parts, partial(first_of, tab))
        with gr.Column(scale=6, min_width=320):
            part(tab.name, "beside", dict(controls_at(tab, "beside"), doors=tab.doors, turned=tab.turned))


def controls_at(tab: Tab, place: str) -> dict:
    """What the script needs to draw the controls of "beside", "compare", a cell (by its name), or "more": the rest."""
    made, table = {one["name"]: one for one in controls(tab.recipe)}, words.table()
    placed = {"beside": tab.beside, "compare": tab.compare, **{cell.name: cell.fields for cell in tab.cells}}
    rest = [name for name in made if not any(name in names for names in placed.values())]
    fields = [made[name] for name in placed.get(place, rest) if name in made]
    named = {word for one in fields for word in (one.get("word"), *one.get("options", ()))}
    shown = table if "layers" in named else {name: table[name] for name in named if name in table}
    return dict(words=shown, fields=fields)


def arrival(tab: Tab) -> dict:
    """What the tab shows before anything is computed: as recorded for these weights, or a bare recipe."""
    model = tab.recipe.default_model()
    found = fitting(tab.name, model, tab.made_from, RECORDED) if model else None
    if found is not None:
        shots = {"src" if name == "after" else name: one for name, one in found["pictures"].items()}
        film = dict(found.get("film", {}), src=shots.pop("strip", ""))
        whole = {**tab.recipe.unread(model), **found["recipe"]}  # with fields that came after it was recorded
        said = dict(recipe=whole) if "recipe" in found["answer"] else {}
        cells = {name: dict(one, recipe={**whole, **one.get("recipe", {})}) for name, one in found["cells"].items()}
        return dict(found, recipe=whole, answer=dict(found["answer"], **shots, **said), film=film, cells=cells)
    bare = tab.recipe.unread(model, psi=zoo.card(model).psi) if model else {}
    return dict(recipe=bare, answer={}, cells={}, code="", sentence=tab.bare or tab.lead)


def _chosen(tab: Tab, model: str) -> dict:
    """What was recorded of the tab for a network that is not bundled; {} where nothing was."""
    return fitting(f"{model}/{tab.name}", model, tab.made_from, ("recipe",)) or {}


def first_of(tab: Tab, model: str) -> dict:
    """The recipe that the tab begins with once that network was chosen; {} where none was recorded."""
    return _chosen(tab, model).get("recipe", {})


def _place(tab: Tab, place: str, parts: dict, shown_first: Mapping) -> None:
    """The cells that stand in a place, then the parts of the tab's own that follow it; `place`: of a cell or a fold."""
    for one in tab.cells:
        if one.place == place:
            _cell(tab, one, parts, shown_first)
            if one.name not in FOLDS:
                _place(tab, one.name, parts, shown_first)
    for extra in tab.extras:
        if extra.after == place:
            extra.layout(parts, shown_first["recipe"].get("model", ""))


def _cell(tab: Tab, one: Cell, parts: dict, shown_first: Mapping) -> None:
    value, elem_id = shown_first["cells"].get(one.name, {}), f"{tab.name}-cell-{one.name}"
    value = dict(value, cell=one.config(tab.name))
    if one.fields:
        value["controls"] = controls_at(tab, one.name)
    if one.folded:
        place = gr.Accordion(one.title, open=False, elem_id=elem_id, elem_classes="fold")
    else:
        place = cell(one.title, one.lead, elem_id=elem_id) if one.title else nullcontext()
    with place:
        if one.folded:
            text(f'<p class="hint">{escape(one.lead)}</p>')
        parts[one.name] = part(tab.name, one.name, value)
        if one.table:
            with gr.Row(elem_classes="buttons"):
                parts.update(handlers.buttons(tab.name, "table", TABLES))


def _folds(tab: Tab, parts: dict, shown_first: Mapping) -> None:
    for name in ("more", "compare", "true"):
        with fold(tab.name, name) as parts[f"fold-{name}"]:
            if name == "more" or name == "compare" and tab.compare:
                part(tab.name, "more" if name == "more" else "methods", controls_at(tab, name))
            _place(tab, name, parts, shown_first)
    parts["fold-method"] = handlers.method_fold(tab.name, tab.method, tab.sources)
    with fold(tab.name, "take") as parts["fold-take"]:
        parts.update(handlers.take_away(tab.name, tab.taken, shown_first["code"]))
        if tab.note:
            text(f'<p class="caption">{escape(tab.note)}</p>')
        _place(tab, "take", parts, shown_first)
        handlers.bring_back(tab.name)
        parts["outlet"] = gr.DownloadButton("Save", elem_id=f"{tab.name}-file", visible="hidden")  # of every download


def _wire(tab: Tab, parts: dict) -> None:
    bus = parts["recipe"]
    asks = [bus, parts["held"]] if "held" in parts else bus
    parts["linked"].ask(handlers.opening(tab.recipe), None, parts["linked"], **private(f"{tab.name}_opened", LIVE))
    bus.change(partial(live, tab), asks, [parts["stage"], parts["code"]], **private(f"{tab.name}_answer", LIVE))
    for one in tab.cells:
        made = watched(tab.name, tab.recipe, one)
        getattr(bus, one.name)(made, bus, parts[one.name], **private(f"{tab.name}_{one.name}_cell", WATCH))
    bus.stop(stopping(tab.name), None, None, **private(f"{tab.name}_stop_cell", LIVE))
    files = {f"take_{kind}": partial(file_for, tab, kind=kind) for kind in tab.taken}
    for one in tab.cells:
        files |= {f"table_{kind}": partial(table_file, one, kind=kind) for kind in TABLES if one.table}
    for name, file in files.items():
        make = handlers.guarded(lambda given, file=file: publish(*file(tab.recipe.from_json(given))))
        deliver(parts[name], make, [bus], parts["outlet"], f"{tab.name}_{name}")


def _wire_picture(tab: Tab, parts: dict) -> None:
    bus, stage, whole = parts["recipe"], tab.shown, tab.recipe.names()
    film = handlers.keyed(lambda given: stages.film_part(stage, tab.recipe.from_json(given)), aloud=True)
    bus.film(film, bus, parts["film"], **private(f"{tab.name}_film", LIVE))
    if stage.full:
        full, shows = partial(live, tab, full=True), [parts["stage"], parts["code"]]
        bus.full(full, bus, shows, **private(f"{tab.name}_full", LONG))
    own = dict(form=True, lane=queue.OWN) if tab.prepared_by else {}
    for name, run, rests_on, shows, more in (
        ("slow_film", stage.slow_film, whole, "film", dict(lane="film")),
        ("prepare", tab.prepare, tab.prepared_by or ("model", "label"), "facts", own),
        ("measure", tab.measure, tuple(one for one in whole if one not in tab.turned), "facts", {}),
    ):
        if run:
            made = watched(tab.name, tab.recipe, Cell(name, "", "", "", run, rests_on, **more))
            getattr(bus, name)(made, bus, parts[shows], **private(f"{tab.name}_{name}", WATCH))


def live(tab: Tab, given: Mapping, held: Collection[str] = (), *, full: bool = False) -> tuple:
    """The answer and the code of the picture; after bad input the code stays. held: of `news_of`."""
    try:
        recipe = tab.recipe.from_json(given)
        found = _chosen(tab, recipe.model)
        if "answer" in found and found["recipe"] == recipe.as_dict() and not (tab.known or tab.ready)(recipe):
            return dict(found["answer"], asked=given, late=full), found["code"]
        code = code_for(tab, recipe) if tab.ready(recipe) else UNFOUND
        return dict(news_of(answer(tab, recipe, full=full), held or ()), asked=given, late=full), code
    except RecipeError as error:
        return refused(error, asked=given), gr.skip()


def news_of(answer: Mapping, held: Collection[str]) -> dict:
    """The answer without those parts whose digests the page holds already; `digests` says which parts it has."""
    written = {name: json.dumps(answer[name], sort_keys=True) for name in LASTING if name in answer}
    digests = {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in written.items()}
    return {name: value for name, value in answer.items() if digests.get(name) not in held} | dict(digests=digests)


def left(tab: Tab) -> Callable[[gr.Request], None]:
    def gone(request: gr.Request) -> None:
        """The visitor closed the page: their work ends."""
        queue.QUEUE.leave(str(request.session_hash))
        for one in tab.extras:
            one.left(str(request.session_hash))

    return gone


# --- the same, for programs


def endpoints_of(tab: Tab) -> dict[str, Endpoint]:
    """The tab's public endpoints by name; pictures are data URIs of lossless WebP."""
    found: dict[str, Endpoint] = {}
    if not tab.bench:
        says = "The picture of a recipe, before and after, its words, link and knobs."
        found[f"{tab.name}_picture"] = Endpoint(partial(answer, tab, full=True), says, LONG)
        code = "Python that makes the same picture, to the pixel."
        found[f"{tab.name}_code"] = Endpoint(lambda recipe: dict(code=code_for(tab, recipe)), code, LIVE)
    for one in tab.cells:
        found[f"{tab.name}_{one.endpoint or one.name}"] = Endpoint(partial(last_of, one), f"{one.lead} As HTML.", LONG)
    for name, one in (found | dict(tab.endpoints)).items():
        says = f"{one.says} {tab.for_programs}".strip()
        found[name] = one._replace(make=partial(_prepared, tab, one.make), says=says)
    return found


def _prepared(tab: Tab, make: Callable[..., dict], recipe: Any, *more: Any) -> dict:
    """`make(recipe, ...)` once the recipe's knobs are there."""
    if not tab.ready(recipe):
        for _ in tab.prepare(recipe):
            pass
    return make(recipe, *more)
