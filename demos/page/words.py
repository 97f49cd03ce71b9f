"""Plain words first, the field's term second: the table `words.toml`, which every label on the page is taken from."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from core.factorization.methods import METHODS


class Word(NamedTuple):
    """plain: what the page shows. term: what the field calls it. tip: one sentence for who points at it."""

    plain: str
    term: str
    tip: str


def texts(file: str | Path) -> dict[str, Any]:
    """What a room says and how it is set: the TOML file with the name of `file`."""
    return tomllib.loads(Path(file).with_suffix(".toml").read_text(encoding="utf-8"))


WORDS: dict[str, Word] = {key: Word(**found) for key, found in texts(__file__).items()}
WORDS |= {key: Word(found.plain, found.term, found.tip) for key, found in METHODS.items()}


def word(key: str) -> Word:
    """Raises KeyError with the words there are."""
    if key not in WORDS:
        raise KeyError(f"no word {key!r}; the table has {', '.join(WORDS)}")
    return WORDS[key]


def signed(value: float, digits: int | None = None) -> str:
    """A number that is shown with its sign, and a true minus; `digits` after the point, None: as few as it has."""
    said = f"{value:+g}" if digits is None else f"{round(float(value), digits) + 0.0:+.{digits}f}"  # no -0.00
    return said.replace("-", "−")


def moved_knobs(amounts: Sequence[float], titles: Sequence[str] = (), unit: str = "") -> list[str]:
    """What each knob that is not at 0 is said to be, as "knob 2 (smile) at +1.5"; titles: as far as they are known."""
    names = [f" ({title})" if title else "" for title in titles] + [""] * len(amounts)
    return [f"knob {i + 1}{names[i]} at {signed(amount)}{unit}" for i, amount in enumerate(amounts) if amount]


def plain(key: str) -> str:
    return word(key).plain


def label(key: str) -> str:
    """Plain word and term as text: "Picture number (seed)"."""
    found = word(key)
    return f"{found.plain} ({found.term})"


def marked(key: str) -> str:
    """A word of the page as HTML: the term small, the tip on pointing at it."""
    found = word(key)
    names = f"{escape(found.plain)} <small>{escape(found.term)}</small>"
    return f'<span class="word" title="{escape(found.tip)}">{names}</span>'


def table() -> dict[str, dict[str, str]]:
    """The whole table as plain values, for scripts in the page."""
    return {key: found._asdict() for key, found in WORDS.items()}
