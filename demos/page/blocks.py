"""The HTML that cells yield: tables and bars that are readable without colour, pictures, one sentence to remember."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from torch import Tensor

from core.evidence import recorded
from core.images import to_pil, webp

from .words import signed

TALL = 8  # columns from which on the names above them stand upright


def filled(template: str, html: Mapping[str, str] = {}, /, **values: object) -> str:
    """A template of HTML, `str.format`; text among the values is escaped, `html` stands as it is."""
    safe = {key: escape(value) if isinstance(value, str) else value for key, value in values.items()}
    return template.format(**safe, **html)


# --- pictures


def data_uri(data: bytes, kind: str = "image/webp") -> str:
    """ "" of nothing."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}" if data else ""


def picture(image: Tensor) -> str:
    """The first of images [n, 3, h, w] in [-1, 1] as a data URI, lossless."""
    return data_uri(webp(to_pil(image)[0]))


def figure(uri: str, alt: str, caption: str = "") -> str:
    """A picture as a data URI, with words under it."""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img src="{uri}" alt="{escape(alt)}" draggable="false">{below}</figure>'


def tile(uri: str, alt: str, caption: str, below: str = "") -> str:
    """A square picture in a rounded frame, words under it; below: HTML that stands under these."""
    return _tile(f'<img src="{uri}" alt="{escape(alt)}" draggable="false">', caption, below=below)


def _tile(shown: str, caption: str, *, attributes: str = "", below: str = "") -> str:
    seen = f'<div class="seen"{attributes}>{shown}</div>'
    return f'<figure class="framed">{seen}<figcaption>{escape(caption)}</figcaption>{below}</figure>'


def sheet(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], *, name: str) -> str:
    """A table of pictures: rows have a name and the HTML of each cell; `name` is told to who does not see it."""
    body = "".join(
        f"<tr><th scope=row>{escape(title)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for title, cells in rows
    )
    head = f"<thead><tr>{_heads(['', *columns])}</tr></thead>"
    return _scrolling(f'<table class="sheet">{head}<tbody>{body}</tbody></table>', name)


# --- what changes the recipe, or moves: page/js/cell.js


def setter(**fields: object) -> str:
    """The attribute of an element that sets these fields of the recipe when it is pressed."""
    return f'data-set="{escape(json.dumps(fields))}"'


def slider(
    elem_id: str, name: str, field: str, *, at: float, says: str, values: Sequence[float] = (), percent: float = 1
) -> str:
    """A slider of a field, whose value it writes when it rests; in a cell with `drawn=("slider",)`.

    It moves the `slides` or the `film` beside it. name: HTML. says: what it is, for screen readers. values: those it
    can have, `at` is the number of one; none: 0 to 1. percent: what a value is multiplied with to be per cent.
    """
    last, step, kept = (len(values) - 1, 1, json.dumps(list(values))) if values else (1, 0.01, "")
    return (
        f'<div class="field scrub"><label for="{elem_id}">{name}</label><input type="range" id="{elem_id}" min="0" '
        f'max="{last}" step="{step}" value="{at:g}" aria-label="{escape(says)}" data-field="{field}" '
        f'data-percent="{percent:g}" data-values="{kept}"><output for="{elem_id}"></output></div>'
    )


def slides(shown: Sequence[str], at: int) -> str:
    """Pieces of HTML, of which the slider of the cell shows one."""
    return "".join(f"<div data-slide{'' if i == at else ' hidden'}>{one}</div>" for i, one in enumerate(shown))


def film(src: str, frames: int, alt: str, caption: str) -> str:
    """Frames side by side in one picture, of which the slider of the cell shows one."""
    canvas = f'<canvas class="film" aria-hidden="true" data-film="{src}" data-frames="{frames}"></canvas>'
    return _tile(canvas, caption, attributes=f' role="img" aria-label="{escape(alt)}"')


# --- words


def aha(says: str) -> str:
    """The one sentence that a cell was made for."""
    return f'<p class="aha">{escape(says)}</p>'


def paragraph(says: str) -> str:
    return f"<p>{escape(says)}</p>"


def verdict(says: str) -> str:
    """What was measured of what stands beside it; nothing where there is nothing to say."""
    return f'<p class="verdict" role="status">{escape(says)}</p>' if says else ""


# --- controls, for cells that take values (`Cell.form`)


def live(html: str) -> str:
    """What changes when a control beside it is turned; all else stays as it is under the finger."""
    return f"<div data-live>{html}</div>"


def knob(name: str, title: str, ends: tuple[str, str], *, reach: float, value: float = 0.0) -> str:
    """A range from -reach to reach in tenths with a title and words for its ends; its value goes by `name`."""
    low, high = map(escape, ends)
    label = escape(f"{title}: from {ends[0]} to {ends[1]}, in steps")
    return (
        f'<div class="knob"><div class="knob-head"><span class="knob-title">{escape(title)}</span>'
        f'<output class="knob-amount">{signed(value, 1) if value else "0.0"}</output></div>'
        f'<input type="range" name="{name}" min="{-reach:g}" max="{reach:g}" step="0.1" value="{value:g}" '
        f'aria-label="{label}">'
        f'<div class="knob-ends" aria-hidden="true"><span>{low}</span><span>{high}</span></div></div>'
    )


# --- numbers as tables: readable without colour, by screen readers too


class Bar(NamedTuple):
    """A row: value with its interval, beside what random does; None where not measured. `says` replaces the number."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    beside: float | None = None
    says: str = ""


def bars(rows: Sequence[Bar], *, caption: str, value: str, beside: str = "", full: float | None = None) -> str:
    """An HTML table of rows; every number is written, and drawn to the scale of `full` (None: the largest there is)."""
    numbers = [abs(x) for row in rows for x in (row.value, row.low, row.high, row.beside) if x is not None]
    full = full or max(numbers, default=1.0) or 1.0
    names = [caption, value, "", *([beside] if beside else [])]
    body = "".join(_bar_row(row, full, bool(beside)) for row in rows)
    head = f"<thead><tr>{_heads(names)}</tr></thead>"
    return _scrolling(f'<table class="bars">{head}<tbody>{body}</tbody></table>', caption)


def _bar_row(row: Bar, full: float, beside: bool) -> str:
    def at(x: float) -> str:
        return f"{min(100.0, 100 * abs(x) / full):.1f}%"

    interval = "" if row.low is None else f" <small>[{signed(row.low, 2)}, {signed(row.high, 2)}]</small>"
    mark = "" if row.beside is None else f'<i style="left:{at(row.beside)}"></i>'
    drawn = f'<td class="bar" aria-hidden="true"><span style="width:{at(row.value)}"></span>{mark}</td>'
    other = f"<td>{'' if row.beside is None else f'{row.beside:.2f}'}</td>" if beside else ""
    said = escape(row.says) or signed(row.value, 2)
    return f"<tr><th scope=row>{escape(row.name)}</th><td>{said}{interval}</td>{drawn}{other}</tr>"


def table(head: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str) -> str:
    """A plain HTML table; the first column names the rows."""
    body = ""
    for first, *others in rows:
        cells = "".join(f"<td>{escape(str(x))}</td>" for x in others)
        body += f"<tr><th scope=row>{escape(str(first))}</th>{cells}</tr>"
    return _scrolling(
        f'<table class="plain-table"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{_heads(head)}</tr></thead><tbody>{body}</tbody></table>",
        caption,
    )


def _heads(names: Sequence[str]) -> str:
    return "".join(f"<th scope=col>{escape(name)}</th>" if name else "<td></td>" for name in names)


def _scrolling(html: str, name: str) -> str:
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(name)}">{html}</div>'


def heat(
    rows: Sequence[tuple[str, Sequence[float]]],
    columns: Sequence[str],
    *,
    caption: str,
    digits: int = 2,
    by_row: bool = False,
    choice: tuple[str, str] | None = None,
    on: int = -1,
    last: tuple[str, Sequence[str]] = ("", ()),
) -> str:
    """A table of numbers, each cell as dark as its size, grey below 0; the number itself stands in the cell.

    by_row: as dark as beside its row's largest. choice: in a cell with a form, by what name the place that is pressed
    goes (100 * row + column; `on`: the first), and what a column is. last: head and HTML of one more column.
    """
    largest, body = max((abs(x) for _, values in rows for x in values), default=1.0), ""
    for i, (name, values) in enumerate(rows):
        cells, full = "", (max(map(abs, values)) if by_row else largest) or 1.0
        for j, (column, x) in enumerate(zip(columns, values)):
            said, number = f"{name}, {choice[1] if choice else ''} {column}".replace("  ", " "), signed(x, digits)
            if choice:
                about = f'name="{choice[0]}" value="{100 * i + j}" aria-label="{escape(f"{said}: {number}")}"'
                number = f'<label><input type="radio" {about}{" checked" * (100 * i + j == on)}>{number}</label>'
            kind = " class=minus" * (x < 0)
            cells += f'<td style="--at:{abs(x) / full:.2f}"{kind} title="{escape(said)}">{number}</td>'
        cells += f"<td>{last[1][i]}</td>" if last[0] else ""
        body += f"<tr><th scope=row>{escape(name)}</th>{cells}</tr>"
    head = (
        f"<caption>{escape(caption)}</caption><thead><tr>{_heads(['', *columns, *filter(None, last[:1])])}</tr></thead>"
    )
    kind = "heat pressed" if by_row else "heat tall" if len(columns) >= TALL else "heat"
    return _scrolling(f'<table class="{kind}">{head}<tbody>{body}</tbody></table>', caption)


# --- what a measuring command wrote


def written(model: str, kind: str = "", section: str = "") -> str:
    """The sentences and tables that a measuring command wrote of a model, as HTML; "" where there are none for exactly
    these weights. Commands in them stand between backticks.

    section: one of several things of which the file speaks, each under its name in `written`. A table has `columns`,
    `rows` and a `caption`; it may have a `title`, a `note` below it, and `bars`, a number a row that is drawn beside
    the second column, to the scale of `full`. Where a row's `bars` are [value, low, high, beside], its interval is
    shown with it, and the number `beside` is in a column of its own.
    """
    found = recorded(model, kind) or {}
    if section:
        found = found.get("written", {}).get(section, {})
    said = "".join(map(_sentence, found.get("sentences", ())))
    return said + "".join(map(_written_table, found.get("tables", ())))


def measured_on(model: str, kind: str = "") -> str:
    """When and with what command it was measured, as HTML; "" where there is no such record."""
    found = recorded(model, kind) or {}
    if "date" not in found:
        return ""
    return f'<p class="caption">Measured on {escape(found["date"])} with {escape(found["command"])}.</p>'


def _sentence(says: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", paragraph(says))


def _written_table(one: Mapping) -> str:
    head, caption = f"<h4>{escape(one['title'])}</h4>" if one.get("title") else "", one.get("caption", "")
    if one.get("bars"):
        _, value, beside = (*one["columns"], "")[:3]
        rows = [
            Bar(row[0], *drawn) if isinstance(drawn, Sequence) else Bar(row[0], drawn, says=row[1])
            for row, drawn in zip(one["rows"], one["bars"], strict=True)
        ]
        body = bars(rows, caption=caption, value=value, beside=beside, full=one.get("full"))
    else:
        body = table(one["columns"], one["rows"], caption=caption)
    return head + body + (_sentence(one["note"]) if one.get("note") else "")
