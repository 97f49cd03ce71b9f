"""Steer's experiments: all knobs at once, one knob on other pictures, how true it is, a picture read and drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from statistics import median

from torch import Tensor

from core import zoo
from core.evidence import recorded
from core.factorization.methods import METHODS
from core.gpu import batch
from core.images import webp
from core.pace import pace_of
from core.queue import SHORT
from core.truth.judge import GRADES

from ..page import words
from ..page.blocks import aha, data_uri, filled, setter, table
from ..page.cells import Progress, experiment
from ..page.fields import RecipeError
from ..page.knobs import name_of
from ..page.live import codes_of, here, source
from ..page.picture import shown
from ..page.sources import WAYS, directions_of
from ..page.verdicts import factors_of, grade_of, knobs_of, measure, measured_knobs
from .layers import CELL
from .recipe import TEXTS, Recipe, layers_in_words, render_strip
from .truth import read_html, truth_html

FAR = 2.0  # standard deviations, in the sheets of pictures
FACES, FIRST_FACE = 8, 100
TILE = 192  # pixels, the largest side of a picture in a sheet


# --- sheets of pictures


@batch
def grid(recipe: Recipe, *, live: bool = False) -> Iterator[dict]:
    """Every knob on three faces, the current one first: rows of six pictures, each face at -2 and then at +2.

    live: the visitor's browser draws them, where it can.
    """
    plain = replace(recipe, amounts=())
    shown = [plain, *(plain.numbered(seed) for seed in (1, 2, 3) if recipe.found or seed != recipe.seed)][:3]
    rows = [
        [(replace(one, knob=knob), amount) for one in shown for amount in (-FAR, FAR)]
        for knob in range(len(directions_of(recipe)[0]))
    ]
    yield from sheet(rows, recipe, live=live)


@batch
def faces(recipe: Recipe, page: int = 0, *, live: bool = False) -> Iterator[dict]:
    """Eight other faces, the `page`-th, with the chosen knob at -2, 0 and +2: rows of three pictures.

    live: the visitor's browser draws them, where it can.
    """
    first = FACES * page
    seeds = range(FIRST_FACE + first, FIRST_FACE + first + FACES)
    plain = replace(recipe, amounts=())
    rows = [[(plain.numbered(seed), amount) for amount in (-FAR, 0.0, FAR)] for seed in seeds]
    name = f"nob {recipe.knob + 1} at −2, 0 and +2 on picture numbers {seeds[0]} to {seeds[-1]}"
    said = dict(first=first, alt=f"k{name}", caption=f"K{name}, truncation {recipe.psi:g}.")
    yield from (dict(said, **part) for part in sheet(rows, recipe, live=live))


def sheet(rows: list[list[tuple[Recipe, float]]], recipe: Recipe, *, live: bool = False) -> Iterator[dict]:
    """Rows of (recipe, amount of its chosen knob) as data URIs of small pictures, `partial` until the last is there.

    A quick network draws all of it in one piece; a slow one a picture at a time, and `says` how long the rest takes.
    live: in the place of pictures what the browser draws them from, see `page.live.here`, where it can.
    """
    if live and (found := here(recipe, knobs_of(recipe), rows)):
        yield found
        return
    pace, count, drawn = pace_of(recipe.model), sum(map(len, rows)), [[] for _ in rows]
    for row, tiles_of_row in zip(rows, drawn):
        for one, amount in row:
            tiles_of_row += tiles(render_strip(one, [amount], quick=True), recipe.model)
            done = sum(map(len, drawn))
            if pace.slow and done < count:
                says = f"{done} of {count} pictures, {duration((count - done) * pace.seconds)} left"
                yield dict(rows=drawn, partial=True, says=says, share=done / count)
    yield dict(rows=drawn)


def tiles(images: Tensor, model: str) -> list[str]:
    return [data_uri(webp(one)) for one in shown(images, model, largest=TILE)]


def duration(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} minutes"


def draws(recipe: Recipe) -> dict[str, int]:
    """How many pictures the sheets of a recipe have."""
    return dict(grid=6 * len(directions_of(recipe)[0]), faces=3 * FACES)


# --- methods beside each other


def methods(recipe: Recipe) -> Iterator[dict | Progress]:
    """A row a method, as they come: how many of its knobs clearly move something, what, how far, how purely."""
    rows = []
    for one in each_method(recipe):
        yield from measure(one)
        rows.append(method_row(one))
        yield dict(rows=list(rows))


def each_method(recipe: Recipe) -> list[Recipe]:
    """The recipe with the knobs of every method in turn, the same layers."""
    ways = [WAYS[key] for key in METHODS]
    return [replace(recipe, amounts=(), knob=0, **way) for way in ways]


def method_row(recipe: Recipe) -> tuple[str, ...]:
    records, factors = measured_knobs(recipe), factors_of(recipe.model, grade_of(recipe))
    clear = [record["strongest"] for record in records if record["strongest"] is not None]
    things = "; ".join(factors[i].short for i, _ in Counter(clear).most_common()) or "nothing"
    strongest = median(max(map(abs, record["mean"])) for record in records)
    purity = median(record["purity"] for record in records)
    counts = str(len(clear)), str(len(records))
    return METHODS[recipe.way].title, *counts, f"{strongest:.2f}", f"{purity:.2f}", things


def methods_table(recipe: Recipe) -> tuple[list[tuple[str, ...]], str]:
    """Rows and caption of the table, once all methods were measured. Raises RecipeError before."""
    asked = each_method(recipe)
    if not all(map(measured_knobs, asked)):
        raise RecipeError(TEXTS["compared"]["first"])
    return [tuple(TEXTS["compared"]["columns"]), *map(method_row, asked)], _compared(recipe)


def _compared(recipe: Recipe) -> str:
    about = dict(layers=layers_in_words(recipe.layers), pictures=measured_knobs(each_method(recipe)[0])[0]["pictures"])
    about |= dict(title=zoo.card(recipe.model).title, weights=zoo.weights_hash(recipe.model)[:8])
    return TEXTS["compared"]["caption"].format(**about, grade=GRADES[grade_of(recipe)])


def methods_html(recipe: Recipe, found: Mapping) -> str:
    return table(TEXTS["compared"]["columns"], found["rows"], caption=_compared(recipe))


# --- as HTML


def grid_html(recipe: Recipe, found: Mapping) -> str:
    """A list of cards to choose a knob from; below it what was found with them."""
    cards = ""
    for i, (pictures, facts) in enumerate(zip(found["rows"], knobs_of(recipe).facts())):
        name = name_of(i, facts["title"])
        beside = " · ".join(filter(None, (facts["also"], facts["strength"] and f"strength {facts['strength']}")))
        html = dict(setter=setter(knob=i), pictures=_row(pictures))
        cards += filled(TEXTS["html"]["card"], html, number=i + 1, name=name, beside=beside)
    hint = " ".join(f"{words.marked(key)}: {escape(words.word(key).tip)}" for key in ("knob", "strength"))
    said = next(iter((recorded(recipe.model) or {}).get("sentences", ())), "")  # how many factors ten knobs find
    return filled(TEXTS["html"]["grid"], dict(cards=cards, hint=hint)) + codes_of(found) + (said and aha(said))


def faces_html(recipe: Recipe, found: Mapping) -> str:
    return (
        faces_in_rows(found["rows"], found["alt"])
        + codes_of(found)
        + f'<p class="caption">{escape(found["caption"])}</p>'
    )


def faces_in_rows(rows: Sequence[Sequence[str]], alt: str) -> str:
    cells = "".join(f'<div class="face">{_row(pictures)}</div>' for pictures in rows)
    return f'<div class="faces" role="img" aria-label="{escape(alt)}">{cells}</div>'


def _row(pictures: Sequence[str]) -> str:
    images = "".join(f'<img {source(picture)} alt="" draggable="false">' for picture in pictures)
    return f'<div class="pictures">{images}</div>'


# --- as cells


of_room = partial(experiment, TEXTS["cells"], lane=SHORT)
CELLS = (
    of_room("grid", grid, html=grid_html, by_itself=True, live=True),
    of_room("faces", faces, html=faces_html, by_itself=True, live=True),
    CELL,
    of_room("compared", methods, html=methods_html, table=methods_table),
    of_room("truth", lambda recipe: iter([truth_html(recipe)]), by_itself=True),
    of_room("read", lambda recipe: iter([read_html(recipe)])),
)
