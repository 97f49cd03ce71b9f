"""Which layer does what (HiGAN): every knob in one layer alone, and where what it moves is decided."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from core import zoo
from core.boundaries import hierarchy
from core.boundaries.hierarchy import gathered, official, own, recommended, reliability, rescored, unbiased, within
from core.cache import Cache
from core.codes import Directions, edit, ranges
from core.factorization.baseline import random_directions, spread_along
from core.images import webp
from core.pace import pace_of
from core.truth.judge import Judge

from . import blocks
from .cells import Cell, Progress
from .labels import FIRST_TURNED, codes_for
from .picture import PictureRecipe, drawn, opened, own_codes, reach_of, shown
from .words import signed

MAPPED, BLOCK = 24, 8  # pictures on which knobs are turned; after so many there is a first map
RANDOM, ROWS = 3, 6  # random directions; rows of the map that come together
WIDE = 100  # a place in the map is WIDE * row + column
TILE = 192  # pixels, the largest side of a picture in a strip
SHOWN = ("transparency", "turn", "right", "down")  # fields that a strip rests on too
BUTTON = '<button type="button" class="plain" {}>{}</button>'


class Rows(NamedTuple):
    """What a map is of: knobs, and of each the factor of the judge that it is followed by. at: the chosen one.

    names: of the rows; called: the same in a sentence; followed: what the factors are. sets: (row, layers as a recipe
    writes them) -> the fields that move that knob in these alone, none where it cannot be; again: in all, after these.
    notes: more to say, for the layers of each row. boundary: of the chosen factor, as HiGAN finds it, where there are
    labels.
    """

    directions: Directions
    steps: Sequence[float]
    judge: Judge
    factors: Sequence[int]
    names: Sequence[str]
    called: Sequence[str]
    followed: str
    at: int
    sets: Callable[[int, str], dict]
    again: Callable[[str], dict]
    notes: Callable[[Sequence[str]], str] = lambda use: ""
    boundary: Callable[[], Directions] | None = None


RowsOf = Callable[..., Generator[Progress, None, Rows]]


class Map(NamedTuple):
    """changes [knobs, layers, n, factors]: of the readings, by a step. chance: size of a random direction's, in sd."""

    changes: Tensor
    chance: float


class Forms(NamedTuple):
    """sizes [as published and the plain mean, boundary and random directions, layers]: of the chosen factor, in sd.

    steps: how many of them LAMBDA is, along the boundary, and along a random direction on average.
    """

    sizes: Tensor
    steps: tuple[float, float]


_forms = Cache(2**20, lambda found: found.sizes.nbytes)
_maps = Cache(8 * 2**20, lambda found: found.changes.nbytes)


def decided(
    rows_of: RowsOf, fields: Sequence[str], recipe: PictureRecipe, values: Mapping[str, float] = {}
) -> Iterator[str | Progress]:
    """A row a knob: what it changes of its factor in each layer alone, and the layers that decide it.

    values: `at`, the place in the map whose edit is asked for.
    """
    rows = yield from rows_of(recipe)
    slots = rows.directions.slots
    if "at" in values:
        row, column = divmod(int(values["at"]), WIDE)
        yield blocks.live(strip(recipe, rows, min(row, len(rows.names) - 1), min(column, len(slots) - 1)))
        return
    if len(slots) == 1:
        yield blocks.paragraph("This network reads its code in one layer: everything is decided there.")
        return
    key = (*(getattr(recipe, name) for name in fields), zoo.weights_hash(recipe.model), *rows.names)
    found = _maps.get(key)
    if found is None:
        for found in mapped(recipe, rows):
            yield table(rows, unbiased(found.changes, rows.judge.spread)) if isinstance(found, Map) else found
        _maps.put(key, found)
    forms = _forms.get((*key, rows.at))
    if forms is None and rows.boundary:
        yield Progress("The same as published, beside random directions …", 1)
        forms = _forms.put((*key, rows.at), both_forms(recipe, rows))
    yield whole(recipe, rows, found) + (published(rows, forms) if forms else "")


def mapped(recipe: PictureRecipe, rows: Rows) -> Iterator[Progress | Map]:
    """The map as it grows: some rows at a time, then from more pictures; the last one is whole."""
    generator, judge, k = opened(recipe.model), rows.judge, len(rows.names)
    count = BLOCK if pace_of(recipe.model).slow else MAPPED
    view, codes = generator.at(psi=recipe.psi), codes_for(recipe, count, FIRST_TURNED, recipe.psi)
    anyhow = random_directions(generator, rows.directions.slots, k=RANDOM)
    steps = spread_along(generator, anyhow, label=recipe.label_or_none)
    yield Progress("Random directions, for comparison …", 0)
    *_, changes = gathered(rescored(view, judge.read, codes[:BLOCK], anyhow, steps), RANDOM)
    chance = float(unbiased(changes, judge.spread).abs().mean())
    stream = rescored(view, judge.read, codes, rows.directions, torch.tensor(rows.steps), block=BLOCK)
    for i, changes in enumerate(gathered(stream, k)):
        says = f"{i % k + 1} of {k} knobs on {BLOCK * (i // k + 1)} pictures"
        yield Progress(says, (RANDOM + i + 1) / (RANDOM + k * -(-count // BLOCK)))
        if i % k == k - 1 or i < k and i % ROWS == ROWS - 1:
            yield Map(changes, chance)


def both_forms(recipe: PictureRecipe, rows: Rows) -> Forms:
    """HiGAN's score as published, LAMBDA along the boundary and along random directions, and the plain mean of that."""
    generator, label = opened(recipe.model), recipe.label_or_none
    boundary, anyhow = rows.boundary(), random_directions(generator, rows.directions.slots, k=RANDOM)
    both_ways = torch.cat([anyhow.vectors, -anyhow.vectors])  # which way a random one points is chance too
    sets = boundary, Directions(both_ways, anyhow.scores.repeat(2), anyhow.slots)
    view, codes = generator.at(psi=recipe.psi), codes_for(recipe, BLOCK, FIRST_TURNED, recipe.psi)
    how, factor = dict(strengths=hierarchy.strengths(generator, psi=recipe.psi)), rows.factors[rows.at]
    found = []
    for one in sets:
        far = torch.full((len(one),), hierarchy.LAMBDA)
        *_, changes = gathered(rescored(view, rows.judge.read, codes, one, far, **how), len(one))
        deviations = rows.judge.deviations(changes)[..., [factor]]
        found.append([form[..., 0].mean(0) for form in (official(deviations), deviations.mean(-2))])
    lengths = (spread_along(generator, one, label=label).mean() for one in sets)
    return Forms(
        torch.stack([torch.stack(one) for one in found], 1), tuple(hierarchy.LAMBDA / float(x) for x in lengths)
    )


# --- as HTML


def table(rows: Rows, changes: Tensor, use: Sequence[str] = (), on: int = -1) -> str:
    """The map of changes [knobs, layers, factors]; use: of each row the layers that decide it; it can be pressed."""
    sizes = own(changes, rows.factors[: len(changes)]).tolist()
    caption = "Own change a step (sd), by layer"
    how = dict(choice=("at", "layer"), on=on, last=("use only", [button(rows, *one) for one in enumerate(use)]))
    heads = [str(slot) for slot in rows.directions.slots]
    return blocks.heat(list(zip(rows.names, sizes)), heads, caption=caption, by_row=True, **(how if use else {}))


def button(rows: Rows, row: int, layers: str, says: str = "") -> str:
    """It sets the layers of a knob; the layers alone where they cannot be set."""
    says, sets = says or layers.replace("-", "–"), rows.sets(row, layers)
    return BUTTON.format(blocks.setter(**sets), says) if sets else says


def whole(recipe: PictureRecipe, rows: Rows, found: Map) -> str:
    """The sentence, how far the map can be trusted, the map, and one of its edits."""
    changes, at, slots = found.changes, rows.at, rows.directions.slots
    mean = unbiased(changes, rows.judge.spread)
    runs = [recommended(one, factor) for one, factor in zip(mean, rows.factors)]
    layers = [tuple(slots[i] for i in run) for run in runs]
    use = ["all" if len(run) == opened(recipe.model).slots else ranges(run) for run in layers]
    sizes = own(mean, rows.factors)
    column = int(sizes[at].abs().argmax())
    agree = reliability(own(rows.judge.deviations(changes), rows.factors))
    said = (
        f"How far a step of the knob in one layer changes {rows.followed}: mean of {changes.shape[2]} pictures, "
        f"truncation {recipe.psi:g}, that nothing was fitted to. Two halves of them agree by r = {agree.pearson:.2f} "
        f"({agree.shuffled:.2f} with the layers shuffled). A random direction moves a factor in one layer by "
        f"{found.chance:.2f} on average. {rows.notes(use)}"
    )
    only = f"Use only {in_words(layers[at], len(slots))} for {rows.called[at]}"
    buttons = BUTTON.format(blocks.setter(**rows.again(use[at])), "All layers again")
    buttons = f'<div class="buttons">{button(rows, at, use[at], only)}{buttons}</div>' if rows.sets(at, use[at]) else ""
    return (
        blocks.aha(sentence(sizes, layers, rows))
        + table(rows, mean, use, WIDE * at + column)
        + blocks.paragraph(said)
        + buttons
        + blocks.live(strip(recipe, rows, at, column))
    )


def published(rows: Rows, found: Forms) -> str:
    """A fold: HiGAN's score beside the same without its bias, and what random directions get in each."""
    head = ("", *map(str, rows.directions.slots), "all")
    kinds = [f"{who}, {how}" for how in ("as published", "mean change") for who in ("boundary", "random")]
    body = [(kind, *(signed(x, 3) for x in (*one, one.sum()))) for kind, one in zip(kinds, found.sizes.flatten(0, 1))]
    (own_max, other_max), (own_mean, other_mean) = found.sizes.sum(2).tolist()
    said = (
        f"As published, random directions get {100 * other_max / max(own_max, 1e-12):.0f} % of what the boundary of an "
        f"SVM gets for {rows.called[rows.at]}: max(0, change) counts one sense alone. The plain mean of the same "
        f"changes leaves them {100 * other_mean / (own_mean or 1e-12):+.0f} %. Over {BLOCK} pictures and {RANDOM} "
        f"random directions, both ways; λ = {hierarchy.LAMBDA:g} in units of w is {found.steps[0]:.1f} steps of the "
        f"boundary and {found.steps[1]:.1f} of a random direction."
    )
    shown = blocks.paragraph(said.replace("-", "−")) + blocks.table(head, body, caption="Changes by layer, sd")
    return f"<details><summary>As published, and what random directions get</summary>{shown}</details>"


def sentence(sizes: Tensor, layers: Sequence[tuple[int, ...]], rows: Rows) -> str:
    """What is decided first and what last, among what moves most; and the chosen one. sizes [knobs, layers]."""
    sizes, slots = (sizes * sizes.sum(1, keepdim=True).sign()).clamp(min=0), rows.directions.slots
    clear = sizes.sum(1).argsort(descending=True)[: -(-len(sizes) // 2)].tolist()
    centre = (sizes * torch.arange(len(slots))).sum(1) / sizes.sum(1).clamp(min=1e-12)
    first, last = (choose(clear, key=lambda i: float(centre[i])) for choose in (min, max))
    chosen = {i: ", the chosen one" * (i == rows.at and len(sizes) > 1) for i in (first, last, rows.at)}
    said = [f"in {in_words(layers[i], len(slots))}: {rows.called[i]}{more}" for i, more in chosen.items()]
    return f"Decided {'; '.join(said)}. Layer {slots[0]} is the first, {slots[-1]} the last."


def in_words(run: Sequence[int], count: int) -> str:
    if len(run) == count:
        return "all layers"
    return f"layer {run[0]}" if len(run) == 1 else f"layers {run[0]} to {run[-1]}"


def in_a_sentence(short: str) -> str:
    """What a factor is called there."""
    return short if short.startswith(("how ", "where ")) else f"the {short}"


@torch.no_grad()
def strip(recipe: PictureRecipe, rows: Rows, row: int, column: int) -> str:
    """The recipe's picture with one knob at a row of amounts: in one layer alone, and in all of them."""
    amounts, one = [reach_of(recipe) * (i / 2 - 1) for i in range(5)], rows.directions.only([row])
    layer, name, sheet = one.slots[column], rows.names[row], []
    for title, moved in ((f"Layer {layer} alone", within(one, (layer,))), ("All layers", one)):
        sheet.append((title, tiles(recipe, moved, [amount * rows.steps[row] for amount in amounts], rows, row)))
    heads = [f"{signed(amount)} steps" if amount else "as it is" for amount in amounts]
    said = f"{name[:1].upper()}{name[1:]} in layer {layer} and in all layers, {recipe.which}"
    return blocks.paragraph(f"{said}. Below each: the change, sd.") + blocks.sheet(heads, sheet, name=said)


def tiles(recipe: PictureRecipe, moved: Directions, distances: Sequence[float], rows: Rows, row: int) -> list[str]:
    """The picture at an odd number of distances along a direction, each with its change from the middle one."""
    codes = torch.cat([edit(own_codes(recipe), moved, [distance]) for distance in distances])
    images = drawn(recipe, codes, moved.slots)
    changes = rows.judge.change(images[len(images) // 2 :][:1], images)[:, rows.factors[row]].tolist()
    uris = [blocks.data_uri(webp(one)) for one in shown(images, recipe.model, largest=TILE)]
    title = rows.judge.factors[rows.factors[row]].description
    return [blocks.tile(uri, f"{title} {signed(change, 2)}", signed(change, 2)) for uri, change in zip(uris, changes)]


def layers_cell(rows_of: RowsOf, fields: Sequence[str], lead: str) -> Cell:
    """fields: of the recipe, that the map rests on."""
    words = dict(press="Turn every knob in every layer", stays="The same for the knobs and the picture on screen")
    run, rests_on = partial(decided, rows_of, fields), (*fields, "seed", "found", "paste", "knob", *SHOWN)
    return Cell(
        "layers",
        "Which layer does what?",
        f"{lead} Press a number to see that edit.",
        run=run,
        rests_on=rests_on,
        form=True,
        **words,
    )
