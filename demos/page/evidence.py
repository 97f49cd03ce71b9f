"""What a measuring command wrote of a network, as the page shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from core.evidence import recorded

from .blocks import Bar, bars, paragraph, table


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
