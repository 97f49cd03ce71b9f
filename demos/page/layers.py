"""Which layer does what (HiGAN): every knob in one layer alone, and where its attribute is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from core import zoo
from core.boundaries.hierarchy import gathered, own, recommended, reliability, rescored, unbiased, within
from core.cache import Cache
from core.codes import Directions, edit, ranges
from core.factorization.baseline import random_directions, spread_along
from core.images import webp
from core.pace import pace_of

from . import blocks
from .cells import Cell, Progress
from .knobs import Knobs
from .labels import FIRST_TURNED, codes_for, judge_of, labels_of, read_labels, spread_of
from .picture import PictureRecipe, drawn, opened, own_codes, reach_of, shown
from .words import signed

MAPPED, BLOCK = 24, 8  # pictures on which knobs are turned; after so many there is a first map
RANDOM, ROWS = 3, 6  # random directions; rows of the map that come together
WIDE = 100  # a place in the map is WIDE * row + column
TILE = 192  # pixels, the largest side of a picture in a strip
KNOBS = ("model", "label", "psi", "fit", "lam", "fixed")  # what the map rests on
BUTTON = '<button type="button" class="plain" {}>{}</button>'
LEAD = "Every knob in one layer alone: where is its attribute decided? Press a number to see that edit."


class Map(NamedTuple):
    """changes [knobs, layers, n, factors]: of the readings, by a step. chance: size of a random direction's, in sd."""

    changes: Tensor
    chance: float


_maps = Cache(8 * 2**20, lambda found: found.changes.nbytes)


def decided(
    knobs_of: Callable[..., Knobs], recipe: PictureRecipe, values: Mapping[str, float] = {}
) -> Iterator[str | Progress]:
    """A row an attribute: what its knob changes of it in each layer alone, and the layers that decide it.

    values: `at`, the place in the map whose edit is asked for.
    """
    yield from read_labels(recipe)
    knobs, slots = knobs_of(replace(recipe, layers="all")), opened(recipe.model).slots
    if "at" in values:
        knob, layer = divmod(int(values["at"]), WIDE)
        yield blocks.live(strip(recipe, knobs, min(knob, len(knobs) - 1), min(layer, slots - 1)))
        return
    if slots == 1:
        yield blocks.paragraph("This network reads its code in one layer: everything is decided there.")
        return
    key = (*(getattr(recipe, name) for name in KNOBS), zoo.weights_hash(recipe.model))
    found = _maps.get(key)
    if found is None:
        for found in mapped(recipe, knobs):
            yield table(recipe, unbiased(found.changes, spread_of(recipe))) if isinstance(found, Map) else found
        _maps.put(key, found)
    yield whole(recipe, knobs, found)


def mapped(recipe: PictureRecipe, knobs: Knobs) -> Iterator[Progress | Map]:
    """The map as it grows: some rows at a time, then from more pictures; the last one is whole."""
    generator, judge, spread = opened(recipe.model), judge_of(recipe), spread_of(recipe)
    count, k = BLOCK if pace_of(recipe.model).slow else MAPPED, len(knobs)
    view, codes = generator.at(psi=recipe.psi), codes_for(recipe, count, FIRST_TURNED, recipe.psi)
    anyhow = random_directions(generator, k=RANDOM)
    steps = spread_along(generator, anyhow, label=recipe.label_or_none)
    yield Progress("Random directions, for comparison …", 0)
    *_, changes = gathered(rescored(view, judge.read, codes[:BLOCK], anyhow, steps), RANDOM)
    chance = float(unbiased(changes, spread).abs().mean())
    stream = rescored(view, judge.read, codes, knobs.directions, torch.tensor(knobs.steps), block=BLOCK)
    for i, changes in enumerate(gathered(stream, k)):
        says = f"{i % k + 1} of {k} knobs on {BLOCK * (i // k + 1)} pictures"
        yield Progress(says, (RANDOM + i + 1) / (RANDOM + k * -(-count // BLOCK)))
        if i % k == k - 1 or i < k and i % ROWS == ROWS - 1:
            yield Map(changes, chance)


# --- as HTML


def table(recipe: PictureRecipe, changes: Tensor, use: Sequence[str] = (), on: int = -1) -> str:
    """The map of changes [knobs, layers, factors]; use: of each row the layers that decide it; it can be pressed."""
    titles = [factor.description for factor in judge_of(recipe).factors]
    rows = list(zip(titles, own(changes).tolist()))
    buttons = [BUTTON.format(blocks.setter(knob=i, layers=run), run.replace("-", "–")) for i, run in enumerate(use)]
    caption = "Own change a step (sd), by layer"
    how = dict(choice=("at", "layer"), on=on, last=("use only", buttons)) if use else {}
    return blocks.heat(rows, [str(i) for i in range(changes.shape[1])], caption=caption, by_row=True, **how)


def whole(recipe: PictureRecipe, knobs: Knobs, found: Map) -> str:
    """The sentence, how far the map can be trusted, the map, and one of its edits."""
    judge, changes = judge_of(recipe).spread_over(labels_of(recipe).jacobian.readings), found.changes
    mean, at = unbiased(changes, judge.spread), min(recipe.knob, len(knobs) - 1)
    runs = [recommended(one, i) for i, one in enumerate(mean)]
    use = ["all" if len(run) == mean.shape[1] else ranges(run) for run in runs]
    layer = int(own(mean)[at].abs().argmax())
    agree, name = reliability(own(judge.deviations(changes))), judge.factors[at].description
    said = (
        "How far a step of the knob in one layer changes the attribute that it is named after: mean of "
        f"{changes.shape[2]} pictures, truncation {recipe.psi:g}, that nothing was fitted to. Two halves of them agree "
        f"by r = {agree.pearson:.2f} ({agree.shuffled:.2f} with the layers shuffled). A random direction moves one "
        f"in one layer by {found.chance:.2f} on average."
    )
    only = f"Use only {in_words(runs[at], mean.shape[1])} for {name}"
    buttons = BUTTON.format(blocks.setter(knob=at, layers=use[at]), only)
    buttons += BUTTON.format(blocks.setter(layers="all"), "All layers again")
    return (
        blocks.aha(sentence(mean, runs, [factor.short for factor in judge.factors], at))
        + table(recipe, mean, use, WIDE * at + layer)
        + blocks.paragraph(said)
        + f'<div class="buttons">{buttons}</div>'
        + blocks.live(strip(recipe, knobs, at, layer))
    )


def sentence(mean: Tensor, runs: Sequence[tuple[int, ...]], titles: Sequence[str], knob: int) -> str:
    """What is decided first and what last, among the attributes that move most; and the chosen one."""
    sizes, count = own(mean).clamp(min=0), mean.shape[1]
    clear = sizes.sum(1).argsort(descending=True)[: -(-len(sizes) // 2)].tolist()
    centre = (sizes * torch.arange(count)).sum(1) / sizes.sum(1).clamp(min=1e-12)
    first, last = (choose(clear, key=lambda i: float(centre[i])) for choose in (min, max))
    chosen = {i: ", the chosen one" * (i == knob) for i in (first, last, knob)}
    the = ["" if title.startswith(("how ", "where ")) else "the " for title in titles]
    said = [f"in {in_words(runs[i], count)}: {the[i]}{titles[i]}{more}" for i, more in chosen.items()]
    return f"Decided {'; '.join(said)}. Layer 0 is the first, {count - 1} the last."


def in_words(run: Sequence[int], count: int) -> str:
    if len(run) == count:
        return "all layers"
    return f"layer {run[0]}" if len(run) == 1 else f"layers {run[0]} to {run[-1]}"


@torch.no_grad()
def strip(recipe: PictureRecipe, knobs: Knobs, knob: int, layer: int) -> str:
    """The recipe's picture with one knob at a row of amounts: in one layer alone, and in all of them."""
    amounts, one = [reach_of(recipe) * (i / 2 - 1) for i in range(5)], knobs.directions.only([knob])
    title, rows = knobs.titles[knob], []
    for name, moved in ((f"Layer {layer} alone", within(one, (layer,))), ("All layers", one)):
        rows.append((name, tiles(recipe, moved, [amount * knobs.steps[knob] for amount in amounts], knob, title)))
    heads = [f"{signed(amount)} steps" if amount else "as it is" for amount in amounts]
    said = f"{title[:1].upper()}{title[1:]} in layer {layer} and in all layers, picture number {recipe.seed}"
    return blocks.paragraph(f"{said}. Below each: the change, sd.") + blocks.sheet(heads, rows, name=said)


def tiles(recipe: PictureRecipe, moved: Directions, distances: Sequence[float], factor: int, title: str) -> list[str]:
    """The picture at an odd number of distances along a direction, each with its change from the middle one."""
    judge = judge_of(recipe).spread_over(labels_of(recipe).jacobian.readings)
    codes = torch.cat([edit(own_codes(recipe), moved, [distance]) for distance in distances])
    images = drawn(recipe, codes, moved.slots)
    changes = judge.change(images[len(images) // 2 :][:1], images)[:, factor].tolist()
    uris = [blocks.data_uri(webp(one)) for one in shown(images, recipe.model, largest=TILE)]
    return [blocks.tile(uri, f"{title} {signed(change, 2)}", signed(change, 2)) for uri, change in zip(uris, changes)]


def layers_cell(knobs_of: Callable[..., Knobs]) -> Cell:
    words = dict(press="Turn every knob in every layer", stays="The same for the knobs and the picture on screen")
    run, rests_on = partial(decided, knobs_of), (*KNOBS, "seed", "knob")
    return Cell("layers", "Which layer does what?", LEAD, run=run, rests_on=rests_on, form=True, **words)
