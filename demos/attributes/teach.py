"""A word of one's own: pictures that show it and pictures that do not, and the knob that they teach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Any, Protocol

import torch
from torch import Tensor

from core import zoo
from core.boundaries.pure import Metric, metric_of
from core.boundaries.teaching import FEWEST, Word, taught, whitened
from core.cache import cached
from core.codes import Directions
from core.factorization.baseline import spread_along
from core.images import webp
from core.labels import LABELLED
from core.truth.verdict import listed

from ..page import blocks
from ..page.blocks import data_uri
from ..page.cells import Cell, Progress
from ..page.export import Code, directions_file, label_code
from ..page.fields import WEIGHTS_DIGITS, RecipeError, checked, plain_word, quoted, recipe_of_json, whole
from ..page.handlers import keyed
from ..page.knobs import Knobs, render
from ..page.labels import codes_for, judge_of, knob_count, labels_of, read_labels, spread_of
from ..page.parts import LONG, part, private, publish
from ..page.picture import PictureRecipe, opened, shown, slots_of, untouched
from ..page.sources import take_directions
from ..page.tab import Extra

SHEET, MOST, LONGEST = 24, 240, 30  # pictures at a time; answers at most of a kind; characters of a word
FACES, FAR, TILE = 3, 3.0, 128  # pictures that show the new knob, how far it is turned, pixels of a tile
LUCKY = 0.05  # shuffled answers that do as well: above this share it could be luck
NAMELESS = "your word"
ANSWERS = ("model", "label", "layers", "yes", "no", "word")
LEAD = "Anything that you can see. A dozen answers make a knob; the next pictures are those it is least sure of."
USES = """\
<button type="button" class="plain" data-turn>Turn it on the picture above</button>\
<button type="button" class="plain" data-steer>Use in Steer</button>\
<button type="button" class="plain" data-restore>Use on my picture</button>\
<button type="button" class="plain" data-paint>Use in Paint</button>"""
WORDS = (
    '<button type="button" class="plain" data-save>Save my words</button>'
    '<button type="button" class="plain" data-load>Open saved words</button>'
    '<input type="file" accept=".json" aria-label="A file of saved words" data-open hidden>'
)
AGAIN = '<button type="button" class="plain" data-again>Start over</button>'


class Taught(Protocol):
    """A recipe with answers: numbers of pictures that show the word, and that do not, counted from 1."""

    yes: tuple[int, ...]
    no: tuple[int, ...]
    word: str
    lam: float


def answers_field(what: str) -> Any:
    """Numbers of pictures, each once, in order."""

    def check(value: object, recipe: Any) -> tuple[int, ...]:
        given = value if isinstance(value, (list, tuple)) else [value] if value else []
        found = sorted({whole(one, what, 1, LABELLED) for one in given})
        if len(found) > MOST:
            raise RecipeError(f"{len(found)} answers are more than a word needs: give at most {MOST} of a kind")
        both = set(found) & set(getattr(recipe, "yes", ()))
        if what.endswith("without it") and both:
            raise RecipeError(f"picture {min(both)} cannot show a word and not show it: leave it out of one list")
        return tuple(found)

    return checked(check, (), what, type=list[int])


def word_field() -> Any:
    def check(value: object, recipe: Any) -> str:
        if not isinstance(value, str) or len(value) > LONGEST:
            raise RecipeError(f"{quoted(value)} is no word: give at most {LONGEST} letters")
        return plain_word(value)

    return checked(check, "", "what the pictures were asked to show")


# --- what was taught


def is_taught(recipe: Taught) -> bool:
    return min(len(recipe.yes), len(recipe.no)) >= FEWEST


def word_of(recipe: PictureRecipe | Taught) -> Word:
    """What the recipe's answers teach; its network's labels have to be there."""
    return _word(recipe.model, zoo.weights_hash(recipe.model), recipe.label, slots_of(recipe), recipe.yes, recipe.no)


@cached(32)
def _word(model: str, _weights: str, label: int, slots: tuple, yes: tuple, no: tuple) -> Word:
    recipe = PictureRecipe(model, label=label)
    readings, numbers, metric = _pool(model, _weights, label, slots)
    rows, spread = [number - 1 for number in (*yes, *no)], spread_of(recipe)
    said = torch.arange(len(rows)) < len(yes)
    return taught(readings[rows], numbers[rows], said, labels_of(recipe).slopes(spread), metric)


@cached(4)
def _pool(model: str, _weights: str, label: int, slots: tuple) -> tuple[Tensor, Tensor, Metric]:
    """Of all pictures that can be asked about: readings and codes, both in standard deviations, and their metric."""
    recipe = PictureRecipe(model, label=label)
    labels, metric = labels_of(recipe), metric_of(opened(model), slots, label=recipe.label_or_none)
    readings = labels.readings / spread_of(recipe).clamp(min=1e-9)
    return readings, whitened(metric.space.numbers(_codes(recipe)), metric), metric


def _codes(recipe: PictureRecipe) -> Tensor:
    return codes_for(recipe, len(labels_of(recipe).readings), labels_of(recipe).first_seed, 1.0)


def word_knob(recipe: PictureRecipe | Taught) -> Knobs:
    """The knob of the word that was taught."""
    word, name = word_of(recipe), recipe.word or NAMELESS
    steps = spread_along(opened(recipe.model), word.direction, label=recipe.label_or_none).tolist()
    said = verdict(word, recipe)
    return Knobs(word.direction, steps, [name], [(f"not {name}", name)], [said], plain=[said])


def with_word(knobs: Knobs, recipe: PictureRecipe | Taught) -> Knobs:
    """The knobs, and after them that of the word, where one was taught."""
    if not is_taught(recipe):
        return knobs
    found, own = knobs.directions, word_knob(recipe)
    vectors = torch.cat([found.vectors.double(), own.directions.vectors])
    scores = torch.cat([found.scores.double(), own.directions.scores])
    both = {name: [*getattr(knobs, name), *getattr(own, name)] for name in ("steps", "titles", "ends", "verdicts")}
    plain = [*(knobs.plain or [""] * len(knobs)), *own.plain]
    return replace(knobs, directions=Directions(vectors, scores, found.slots), plain=plain, **both)


def verdict(word: Word, recipe: PictureRecipe | Taught) -> str:
    """How well the answers are told apart, what by, and whether that could be luck."""
    low, high = (f"{100 * end:.0f}" for end in word.interval)
    share = f"{100 * word.accuracy:.0f} % of your answers (95 %: {low} to {high} %)"
    hard = ", though you were asked about the hardest pictures" if len(recipe.yes) + len(recipe.no) > SHEET else ""
    told = f"{share} are told apart by what the other answers taught{hard}"
    if word.luck > LUCKY:
        luck = f"This could be luck: {100 * word.luck:.0f} % of shuffled answers do as well"
        return f"{told}. {luck}. Answer for more pictures."
    if word.by == "codes":
        return f"{told}, by the numbers behind the pictures: no reading tells more."
    factors = judge_of(recipe).factors
    order = word.weights.abs().argsort(descending=True).tolist()[: int((word.weights != 0).sum())]
    ends = [f"{factors[i].short} ({factors[i].high if word.weights[i] > 0 else factors[i].low})" for i in order]
    return f"{told}. By the readings it is {listed(ends)}."


def word_code(recipe: PictureRecipe | Taught) -> Code:
    """The lines that add the word's direction to `directions`."""
    slots, label = slots_of(recipe), label_code(recipe)
    imports = [
        "import torch",
        "from core.boundaries.pure import metric_of",
        "from core.boundaries.teaching import taught, whitened",
        "from core.codes import Directions",
    ]
    lines = [
        f"yes, no = {list(recipe.yes)}, {list(recipe.no)}  # pictures with the word and without it, counted from 1",
        "rows = [number - 1 for number in yes + no]",
        f"metric = metric_of(generator, {slots}{label})",
        "numbers = whitened(metric.space.numbers(labelled[rows]), metric)",
        "answers = torch.arange(len(rows)) < len(yes)",
        "word = taught(readings[rows] / spread, numbers, answers, slopes, metric).direction",
        "vectors = torch.cat([directions.vectors, word.vectors])",
        "directions = Directions(vectors, torch.cat([directions.scores, word.scores]), directions.slots)",
    ]
    return Code(imports, lines)


# --- the cell


def teach(recipe: PictureRecipe | Taught) -> Iterator[str | Progress]:
    """The next pictures to answer for, those first of which the knob is least sure; and what it is worth so far."""
    yield from read_labels(recipe)
    said, shows = "", ""
    numbers = [i for i in range(1, len(labels_of(recipe).readings) + 1) if i not in {*recipe.yes, *recipe.no}]
    if is_taught(recipe):
        yield Progress("Learning from your answers …")
        word, pool = (
            word_of(recipe),
            _pool(recipe.model, zoo.weights_hash(recipe.model), recipe.label, slots_of(recipe)),
        )
        said, shows = blocks.aha(verdict(word, recipe)), _shows(recipe)
        doubt = word.doubt(*pool[:2])
        numbers.sort(key=lambda number: float(doubt[number - 1]))
    elif recipe.yes or recipe.no:
        missing = [
            f"{FEWEST - len(some)} more that {do}"
            for some, do in ((recipe.yes, "show it"), (recipe.no, "do not"))
            if len(some) < FEWEST
        ]
        said = blocks.aha(f"A knob needs {FEWEST} pictures of each kind: {' and '.join(missing)}.")
    yield said + shows + _sheet(recipe, numbers[:SHEET], bool(recipe.yes or recipe.no))


def teach_cell() -> Cell:
    about = dict(by_itself=True, drawn=("teach",), script="attributes/teach")
    return Cell("teach", "Teach it a word of your own", LEAD, "", teach, ANSWERS, **about)


def _tiles(recipe: PictureRecipe, codes: Tensor) -> list[str]:
    with torch.no_grad():
        images = opened(recipe.model).at(psi=1.0)(codes)
    return [data_uri(webp(one)) for one in shown(images, recipe.model, largest=TILE)]


def _sheet(recipe: PictureRecipe | Taught, numbers: list[int], more: bool) -> str:
    sources = _tiles(recipe, _codes(recipe)[[number - 1 for number in numbers]])
    tiles = "".join(
        f'<button type="button" class="tap" data-number="{number}" aria-label="picture {number}" aria-pressed="false">'
        f'<img src="{source}" alt="" draggable="false"><span aria-hidden="true"></span></button>'
        for number, source in zip(numbers, sources)
    )
    weights = zoo.weights_hash(recipe.model)[:WEIGHTS_DIGITS]
    counts = f"{len(recipe.yes)} with it and {len(recipe.no)} without so far." if more else ""
    return (
        f'<div class="teach" data-fewest="{FEWEST}" data-knob="{knob_count(recipe)}" data-weights="{weights}">'
        f'<label class="field">Your word <input type="text" name="word" maxlength="{LONGEST}" '
        f'value="{escape(recipe.word)}" placeholder="for example: friendly"></label>'
        '<div class="chips" data-kept></div>'
        "<p>Tap the pictures that show it. Tap again where you are not sure: that one is left out. "
        f"The others count as pictures without it. {counts}</p>"
        f'<div class="taps" role="group" aria-label="Pictures to answer for">{tiles}</div>'
        '<div class="buttons"><button type="button" class="plain first" data-learn>Learn from these</button>'
        f'{USES * is_taught(recipe)}{AGAIN * more}</div><p class="said" role="alert" hidden></p>'
        f'<div class="buttons">{WORDS}</div></div>'
    )


def _shows(recipe: PictureRecipe | Taught) -> str:
    """Some pictures with the new knob at both sides."""
    name, knobs, rows = recipe.word or NAMELESS, word_knob(recipe), []
    columns = [f"not {name}", "as it is", name]
    for seed in range(recipe.seed, recipe.seed + FACES):
        one = PictureRecipe(recipe.model, seed=seed, psi=recipe.psi, label=recipe.label)
        images = shown(render(one, knobs, [(-FAR,), (0.0,), (FAR,)], quick=True), recipe.model, largest=TILE)
        drawn = [data_uri(webp(image)) for image in images]
        rows.append((str(seed), [blocks.tile(uri, f"picture {seed}: {at}", "") for uri, at in zip(drawn, columns)]))
    return blocks.sheet(columns, rows, name=f"The knob “{name}” on {FACES} pictures, {FAR:g} steps to both sides")


# --- in Steer


def to_steer(recipe: PictureRecipe | Taught) -> dict:
    """Steer's recipe of the same picture with the word's knob, from a file, turned as far as it is here."""
    if not is_taught(recipe):
        raise RecipeError("No word was taught yet: answer for some pictures first.")
    knobs = word_knob(recipe)
    data, suffix = directions_file(recipe, knobs.directions, "directions", knobs.titles)
    path = publish(data, f"word.{suffix}")
    taken = take_directions(path, dict(untouched(recipe).as_dict(), layers=recipe.layers))
    return replace(taken, amounts=(recipe.amounts[knob_count(recipe)] or FAR,), knob=0).as_dict()


def door(parts: dict, model: str) -> None:
    parts["steer"] = part("attributes", "steer", {}, events=("ask",), visible="hidden")


def wire(parts: dict) -> None:
    make = keyed(lambda given: dict(recipe=to_steer(recipe_of_json(given))))
    parts["steer"].ask(make, parts["recipe"], parts["steer"], **private("attributes_to_steer", LONG))


EXTRAS = (Extra("more", door, wire),)
