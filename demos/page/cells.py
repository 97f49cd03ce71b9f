"""The experiments of a tab: each is a generator function whose HTML the page streams, and that can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from core import zoo
from core.queue import LONG, QUEUE, SHORT
from core.truth.judge import GRADES
from core.truth.tables import as_csv, as_latex

from . import blocks, handlers
from .blocks import measured_on, written
from .fields import Fields, RecipeError
from .handlers import refused

PALE = "Of other settings than those on screen: press the button for these."
PASSING = ("says", "share")  # of what a cell tells: only until it tells more


class Progress(NamedTuple):
    """What a cell yields instead of HTML where it has none yet. share: how much of the work is done, 0 to 1."""

    says: str
    share: float | None = None


Piece = str | Progress | Mapping | None


@dataclass(frozen=True)
class Cell:
    """One experiment: a button, and a generator function of the recipe that yields HTML.

    run: recipe -> HTML (str) or Progress; its last HTML is recorded for the arrival, and is what programs get. It may
    yield plain values instead, which programs get too; then `html` is (recipe, values) -> HTML, or None where a part of
    the page takes the values themselves. With `more`, the words of a button that goes on, it takes the number of the
    page too, from 0. rests_on: the fields that it depends on; of other values it is shown pale, with the words `pale`.
    place: "page", or the fold that it stands in. by_itself: it begins when it comes into sight. says: shown while it
    runs. lane: of the queue. form: its HTML has controls (`blocks.knob`), and `run` takes what they say, by name, too.
    fields: those whose controls stand above it. folded: closed at first. after: the work of the stage ("measure") that
    changes what it says. drawn: functions of `gan.drawn` that make its HTML move. endpoint: its name for programs,
    where another. table: recipe -> the rows of its table, names of the columns first, and a caption, to be taken away
    as CSV and LaTeX; one cell a tab has one. stays: what it shows stays, whatever the recipe becomes, and `more` goes
    on with that; these are the words of the button for the recipe on screen. of_reader: it is there where a reader
    knows the network's pictures. live: `run` takes by name whether the visitor's browser draws, see `page.live`.
    script: a file below demos/ with the functions of `drawn`.
    """

    name: str
    title: str
    lead: str
    press: str
    run: Callable[..., Iterator[Piece]]
    rests_on: tuple[str, ...]
    place: str = "page"
    more: str = ""
    by_itself: bool = False
    says: str = "Working …"
    lane: str = LONG
    pale: str = ""
    form: bool = False
    html: Callable[[Any, Mapping], str] | None = None
    fields: tuple[str, ...] = ()
    folded: bool = False
    after: str = ""
    drawn: tuple[str, ...] = ()
    endpoint: str = ""
    table: Callable[[Any], tuple[Sequence[Sequence[str]], str]] | None = None
    stays: str = ""
    of_reader: bool = False
    live: bool = False
    script: str = ""

    def config(self, tab: str) -> dict[str, Any]:
        """What the page's script needs."""
        names = (
            "name",
            "press",
            "rests_on",
            "more",
            "by_itself",
            "says",
            "pale",
            "form",
            "drawn",
            "after",
            "stays",
            "of_reader",
            "live",
        )
        pale = self.pale or ("" if self.by_itself else PALE)
        return dict({name: getattr(self, name) for name in names}, pale=pale, tab=tab, stops=True)


TABLES = {"csv": "Table as CSV", "latex": "Table as LaTeX"}


def table_file(one: Cell, recipe: Fields, kind: str) -> tuple[bytes, str]:
    """The table of a cell that has one, as a key of TABLES. Raises RecipeError."""
    rows, caption = one.table(recipe)
    if kind == "csv":
        return as_csv(rows).encode(), "methods.csv"
    return as_latex(rows, caption).encode(), "methods.tex"


def experiment(settings: Mapping[str, Mapping], name: str, run: Callable, **more: Any) -> Cell:
    """The cell of that name, with its words and settings: `settings` of a room's cells, by name."""
    return Cell(name, run=run, **settings[name], **more)


NOTHING = "Nothing has been measured of this network by the command yet; the cells above measure now."


def truth_cell(kind: str, nothing: str = NOTHING, *, judged: bool = True, also: Sequence[str] = ()) -> Cell:
    """The cell of the fold "How true is this?": what the measuring command of that kind wrote of a network.

    judged: say who judges the knobs. also: more kinds.
    """

    def truth(recipe: Any) -> Iterator[str]:
        said = written(recipe.model, kind) or blocks.paragraph(nothing)
        grade = blocks.paragraph(GRADES[zoo.load_judge(recipe.model).grade]) if judged else ""
        more = "".join(written(recipe.model, kind) + measured_on(recipe.model, kind) for kind in also)
        yield grade + said + measured_on(recipe.model, kind) + more

    lead = "By a command of its own, with controls."
    return Cell("truth", "Measured once", lead, "Look it up", truth, ("model",), "true", by_itself=True, lane=SHORT)


# --- what a cell yields


def run_of(one: Cell, recipe: Fields, page: int = 0, values: Mapping[str, float] = {}) -> Iterator[Piece]:
    more = dict(live=True) if one.live and values.get("live") else {}
    return one.run(recipe, *([page] if one.more else []), *([values] if one.form else []), **more)


def told(one: Cell, recipe: Fields, piece: str | Progress | Mapping) -> dict[str, Any]:
    """What a piece that a cell yields says: its words or its plain values, and its HTML where it has some."""
    if isinstance(piece, Progress):
        return piece._asdict()
    values, html = ({}, piece) if isinstance(piece, str) else (piece, one.html(recipe, piece) if one.html else "")
    return dict(values, html=html) if html else dict(values)


def last_of(one: Cell, recipe: Fields) -> dict:
    """What a cell ends with: its plain values, where it yields such, and its HTML; what programs get."""
    *_, last = ("", *(piece for piece in run_of(one, recipe) if isinstance(piece, str | Mapping)))
    return {"html": ""} | told(one, recipe, last)


def _news(one: Cell, recipe: Fields, page: int, values: Mapping[str, float]) -> Iterator[dict | None]:
    lasting: dict[str, Any] = {}
    for piece in run_of(one, recipe, page, values):
        if piece is None:
            yield None
            continue
        now = told(one, recipe, piece)
        shown = {name: now[name] for name in (*PASSING, "html") if name in now} if one.html else now
        yield lasting | shown | {"partial": True}
        lasting |= {name: value for name, value in shown.items() if name not in PASSING}
    yield {"html": ""} | lasting


# --- its handlers

BROKEN = "This could not be done: something broke on the server. Press the button to try again."


def watched(tab: str, recipe: type[Fields], one: Cell) -> Callable:
    """The handler of a cell: it waits for its turn, is shared by all who ask for the same, and can be stopped."""
    kind = f"{tab} {one.name}"

    def run(given: Mapping, event: gr.EventData, request: gr.Request) -> Iterator[dict]:
        about = dict(key=event.key, cell=one.config(tab))
        try:
            asked = recipe.from_json(getattr(event, "recipe", None) or given)
            page = int(getattr(event, "first", 0) or 0) % 1_000
            values = handlers.numbers_in(getattr(event, "values", None))
            rests_on = ((name, getattr(asked, name)) for name in one.rests_on)
            key = (kind, page, *values.items(), *rests_on, zoo.weights_hash(asked.model))
            visitor, sent = str(request.session_hash), None
            for piece in QUEUE.pieces(key, lambda _run: _news(one, asked, page, values), visitor, kind, one.lane):
                again = "answer" in piece and piece["answer"] is sent  # it came with the news before
                sent = piece.get("answer", sent)
                left = {name: value for name, value in piece.items() if not (again and name == "answer")}
                yield dict(left, **about, first=page)
        except RecipeError as error:
            yield refused(error, **about)
        except Exception:
            yield dict(error=BROKEN, **about)
            raise

    return run


def stopping(tab: str) -> Callable:
    def stop(event: gr.EventData, request: gr.Request) -> None:
        """Ends one of the visitor's experiments; the others go on."""
        QUEUE.stop(str(request.session_hash), f"{tab} {event.kind}")

    return stop
