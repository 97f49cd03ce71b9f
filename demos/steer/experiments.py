"""Steer's experiments: all knobs at once, one knob on other pictures, how true it is, a picture read and drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape

import torch

from core.images import webp

from ..page import evidence as measured
from ..page import picture as recipes
from ..page.blocks import data_uri
from ..page.cells import Cell, Progress
from ..page.gpu import batch
from ..page.pace import pace_of
from ..page.picture import Recipe
from ..page.queue import SHORT
from ..page.uploads import uploaded
from .edits import Edit, apply_edit
from .truth import read_html, truth_html

FAR = 2.0  # standard deviations, in the sheets of pictures
FACES, FIRST_FACE = 8, 100
TILE = 192  # pixels, the largest side of a picture in a sheet
SET = ("method", "mode", "layers", "directions")  # the fields that name a set of knobs


# --- sheets of pictures


@batch
def grid(recipe: Recipe) -> Iterator[dict]:
    """Every knob on three faces, the current one first: rows of six pictures, each face at -2 and then at +2."""
    seeds = [recipe.seed, *(seed for seed in (1, 2, 3) if seed != recipe.seed)][:3]
    plain = replace(recipe, amounts=())
    rows = [
        [(replace(plain, knob=knob, seed=seed), amount) for seed in seeds for amount in (-FAR, FAR)]
        for knob in range(len(recipes.directions_of(recipe, uploaded(recipe))[0]))
    ]
    yield from sheet(rows, recipe)


@batch
def faces(recipe: Recipe, first: int = 0) -> Iterator[dict]:
    """Eight other faces, from the `first` on, with the chosen knob at -2, 0 and +2: rows of three pictures."""
    seeds = range(FIRST_FACE + first, FIRST_FACE + first + FACES)
    plain = replace(recipe, amounts=())
    rows = [[(replace(plain, seed=seed), amount) for amount in (-FAR, 0.0, FAR)] for seed in seeds]
    name = f"nob {recipe.knob + 1} at −2, 0 and +2 on picture numbers {seeds[0]} to {seeds[-1]}"
    said = dict(first=first, alt=f"k{name}", caption=f"K{name}, truncation {recipe.psi:g}.")
    yield from (dict(said, **part) for part in sheet(rows, recipe))


def sheet(rows: list[list[tuple[Recipe, float]]], recipe: Recipe) -> Iterator[dict]:
    """Rows of (recipe, amount of its chosen knob) as data URIs of small pictures, `partial` until the last is there.

    A quick network draws all of it in one piece; a slow one a picture at a time, and `says` how long the rest will
    take.
    """
    files, pace = uploaded(recipe), pace_of(recipe.model)
    count, drawn = sum(map(len, rows)), [[] for _ in rows]
    for row, tiles_of_row in zip(rows, drawn):
        pieces = [[tile] for tile in row] if pace.slow else [row]
        for piece in pieces:
            tiles_of_row += [tile_of(one, amount, files) for one, amount in piece]
            done = sum(map(len, drawn))
            if pace.slow and done < count:
                left = duration((count - done) * pace.seconds)
                says, share = f"{done} of {count} pictures, {left} left", done / count
                yield dict(rows=drawn, partial=True, says=says, share=share)
    yield dict(rows=drawn)


def tile_of(recipe: Recipe, amount: float, files: recipes.Files) -> str:
    images = recipes.render_strip(recipe, recipe.knob, [amount], files, quick=True)
    return data_uri(webp(recipes.shown(images, recipe.model, largest=TILE)[0]))


def duration(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} minutes"


def draws(knobs: int) -> dict[str, int]:
    """How many pictures the sheets of so many knobs have."""
    return dict(grid=6 * knobs, faces=3 * FACES)


# --- as HTML


def grid_html(knobs: Sequence[Mapping], found: Mapping) -> str:
    """A list of cards to choose a knob from; knobs: as of `evidence.setup_of`."""
    cards = ""
    for i, (pictures, facts) in enumerate(zip(found["rows"], knobs)):
        name = f"{i + 1} · {facts['title']}" if facts["title"] else f"Knob {i + 1}"
        beside = " · ".join(filter(None, (facts["also"], facts["strength"] and f"strength {facts['strength']}")))
        cards += (
            f'<div class="card" role="option" id="steer-grid-{i + 1}" data-set="{{&quot;knob&quot;: {i}}}" '
            f'aria-label="{escape(name)}">{row_html(pictures)}<span class="card-name">{escape(name)}</span>'
            f'<span class="card-strength">{escape(beside)}</span></div>'
        )
    says = 'role="listbox" tabindex="0" aria-label="All knobs: choose one"'
    return f'<div class="grid" id="steer-grid-list" {says}>{cards}</div>'


def faces_html(found: Mapping) -> str:
    rows = "".join(f'<div class="face">{row_html(pictures)}</div>' for pictures in found["rows"])
    says = f'<p class="caption">{escape(found["caption"])}</p>'
    return f'<div class="faces" role="img" aria-label="{escape(found["alt"])}">{rows}</div>{says}'


def row_html(pictures: Sequence[str]) -> str:
    shown = "".join(f'<img src="{picture}" alt="" draggable="false">' for picture in pictures)
    return f'<div class="pictures">{shown}</div>'


def edited_faces(kept: Edit, recipe: Recipe) -> str:
    """Eight faces before and after a kept edit, moved by its own numbers."""
    cells = ""
    for seed in range(FIRST_FACE, FIRST_FACE + FACES):
        plain = replace(recipe, seed=seed, amounts=(), method="sefa")
        images = torch.cat([recipes.render(plain), apply_edit(kept, plain)])
        both = recipes.shown(images, recipe.model, largest=TILE)
        cells += f'<div class="face">{row_html([data_uri(webp(picture)) for picture in both])}</div>'
    name = f"the edit {escape(kept.name)} on eight pictures, before and after"
    return f'<div class="faces" role="img" aria-label="{name}">{cells}</div>'


# --- as cells


def all_knobs(recipe: Recipe) -> Iterator[str | Progress]:
    knobs = measured.setup_of(recipe)["knobs"]
    for found in grid(recipe):
        yield grid_html(knobs, found)
        if "says" in found:
            yield Progress(found["says"], found["share"])


def other_pictures(recipe: Recipe, page: int) -> Iterator[str | Progress]:
    for found in faces(recipe, FACES * page):
        yield faces_html(found)
        if "says" in found:
            yield Progress(found["says"], found["share"])


def truth(recipe: Recipe) -> Iterator[str]:
    yield truth_html(recipe)


def reading(recipe: Recipe) -> Iterator[str]:
    yield read_html(recipe)


DRAWN = ("model", "label", "psi", *SET)
CELLS = {
    cell.name: cell
    for cell in (
        Cell(
            "grid",
            "All knobs at once",
            "Each card is one knob: three pictures with the knob far to one side, and far to the other. Tap one to put "
            "it under the picture.",
            "Draw them",
            all_knobs,
            ("seed", *DRAWN),
            by_itself=True,
            says="Drawing every knob on three pictures …",
            lane=SHORT,
        ),
        Cell(
            "faces",
            "Does it hold for other pictures?",
            "The same knob on eight pictures that were not looked at before: one side, untouched, the other side.",
            "Draw them",
            other_pictures,
            ("knob", *DRAWN),
            more="Try on other pictures",
            by_itself=True,
            says="Drawing eight others …",
            lane=SHORT,
        ),
        Cell(
            "truth",
            "",
            "",
            "Look it up",
            truth,
            ("model", "label", "knob", *SET),
            "true",
            by_itself=True,
            says="Looking it up …",
            lane=SHORT,
        ),
        Cell(
            "read",
            "",
            "",
            "Read this picture, and draw what was read",
            reading,
            ("model", "label", "psi", "seed", "amounts", *SET),
            "true",
            lane=SHORT,
        ),
    )
}
