"""What measuring commands wrote: weights/evidence/*.json, shown only for exactly the weights that were measured."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

from torch import Tensor

from core import zoo
from core.zoo import has_reader

from .blocks import Bar, bars, paragraph, table
from .picture import file_identity

TOP, MOVED = 3, 0.2  # factors named, and standard deviations that count as having moved


@lru_cache(maxsize=32)
def _evidence(stem: str, weights: str) -> dict | None:
    try:
        found = json.loads((zoo.WEIGHTS / "evidence" / f"{stem}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fits = isinstance(found, dict) and found.get("weights", found.get("weights_sha256")) == weights
    return found if fits else None


def evidence(model: str) -> dict | None:
    """The measured tables of a model; None where there are none for exactly these weights."""
    return _evidence(model, zoo.weights_hash(model))


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of a page rest on: weights, evidence, reader; "" where there is none."""
    return dict(
        weights=zoo.weights_hash(model),
        evidence=file_hash(zoo.WEIGHTS / "evidence" / f"{model}.json"),
        reader=reader_hash(model),
    )


def reader_hash(model: str) -> str:
    """sha256 of the factor reader of a model's world; "" where there is none."""
    return file_hash(zoo.WEIGHTS / f"{zoo.card(model).world}-reader.safetensors") if has_reader(model) else ""


def file_hash(path: Path) -> str:
    """sha256 of a file, hexadecimal, read once until it changes; "" where there is none."""
    if not path.exists():
        return ""
    there = path.stat()
    return _hashed(path, there.st_mtime_ns, there.st_size)


@lru_cache(maxsize=32)
def _hashed(path: Path, _changed: int, _size: int) -> str:
    return file_identity(path)


def files(stem: str) -> dict[str, str]:
    """sha256 of an evidence file; "" where there is none."""
    return {stem: file_hash(zoo.WEIGHTS / "evidence" / f"{stem}.json")}


def recorded(model: str, kind: str = "") -> dict | None:
    """The file weights/evidence/<model>-<kind>.json; None where there is none for exactly these weights."""
    return _evidence(f"{model}-{kind}" if kind else model, zoo.weights_hash(model))


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
        rows = [_bar(row, drawn) for row, drawn in zip(one["rows"], one["bars"], strict=True)]
        body = bars(rows, caption=caption, value=value, beside=beside, full=one.get("full"))
    else:
        body = table(one["columns"], one["rows"], caption=caption)
    return head + body + (_sentence(one["note"]) if one.get("note") else "")


def _bar(row: Sequence[str], drawn: float | Sequence[float]) -> Bar:
    return Bar(row[0], *drawn) if isinstance(drawn, Sequence) else Bar(row[0], drawn, says=row[1])


# --- what moved, read by the factor reader


def read_change(model: str, before: Tensor, after: Tensor) -> Tensor | None:
    """Factor changes between images [n, 3, R, R], [n, factors] in standard deviations; None without a reader."""
    return zoo.load_judge(model).change(before, after) if has_reader(model) else None


def top_moved(model: str, changed: Tensor | None, *, least: float = MOVED) -> list[dict]:
    """The TOP factors of a change [factors] by at least `least`:
    description, sense in words, amount; none without a reader.
    """
    if changed is None:
        return []
    found = zoo.load_judge(model).strongest(changed, TOP, least=least)
    return [dict(name=one.factor.description, sense=one.sense, amount=round(one.change, 2)) for one in found]
