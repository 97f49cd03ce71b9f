"""Which layer does what, of a region's knobs on this very picture; and the same region solved in these layers alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from core.boundaries.hierarchy import recommended, within
from core.cache import Cache
from core.codes import Directions, edit, ranges
from core.factorization.region import RegionKnobs, change, locality
from core.images import webp

from ..page import blocks
from ..page import picture as recipes
from ..page.cells import Progress
from ..page.knobs import name_of
from ..page.layers import BUTTON, WIDE, in_words
from ..page.words import signed
from . import search
from .experiments import TILE, needed, times
from .recipe import SAYS, Painted, full_mask
from .search import render

_maps = Cache(2**20, lambda found: found.nbytes)


def decided(recipe: Painted, values: Mapping[str, float] = {}) -> Iterator[str | Progress]:
    """A row a knob of all layers: what share of its change inside each layer alone makes; the layers that decide it.

    values: `at`, the place in the map whose edit is asked for.
    """
    recipe = replace(recipe, layers="all", amounts=())
    yield from search.solving(recipe)
    knobs = needed(recipe)
    slots, at = knobs.directions.slots, min(recipe.knob, len(knobs.steps) - 1)
    if "at" in values:
        knob, column = divmod(int(values["at"]), WIDE)
        yield blocks.live(strip(recipe, knobs, min(knob, len(knobs.steps) - 1), slots[min(column, len(slots) - 1)]))
        return
    if len(slots) == 1:
        yield blocks.paragraph(SAYS["one_layer"])
        return
    yield Progress(SAYS["turning"])
    changes = _maps.made((*search.key_of(recipe), recipe.forbid), lambda: shares(recipe, knobs))
    run = [slots[i] for i in recommended(changes[at], 0)]
    table = heat(knobs, changes, WIDE * at + int(changes[at, :, 0].argmax()))
    yield table
    again = yield from solved_there(recipe, knobs, at, run)
    inside = 100 * float(changes[at, run[0] : run[-1] + 1, 0].sum())
    said = recipe.say("decided", share=inside, layers=in_words(run, len(slots)))
    layer = slots[int(changes[at, :, 0].argmax())]
    yield blocks.aha(said) + table + again + blocks.live(strip(recipe, knobs, at, layer))


@torch.no_grad()
def shares(recipe: Painted, knobs: RegionKnobs) -> Tensor:
    """[knobs, layers, 2]: one step in one layer alone, its change inside along that of all layers, as a share of it,
    and the size of its change outside over that of all layers inside.
    """
    mask, found = full_mask(recipe), []
    before = recipes.drawn(recipe, recipes.own_codes(recipe), knobs.directions.slots).clamp(-1, 1)
    for knob in range(len(knobs.steps)):
        one = knobs.directions.only([knob])
        ways = [one, *(within(one, (slot,)) for slot in one.slots)]
        turned = torch.cat([moved(recipe, way, [knobs.steps[knob]]) for way in ways]).double() - before
        inside, outside = turned[:, :, mask].flatten(1), turned[:, :, ~mask].flatten(1)
        whole = inside[0].square().mean().clamp(min=1e-12)
        share = (inside[1:] * inside[0]).mean(1) / whole
        besides = outside[1:].square().mean(1) if outside.numel() else torch.zeros(len(share))
        found.append(torch.stack([share, (besides / whole).sqrt()], 1))
    return torch.stack(found)


def moved(recipe: Painted, way: Directions, distances: Sequence[float]) -> Tensor:
    codes = torch.cat([edit(recipes.own_codes(recipe), way, [distance]) for distance in distances])
    return recipes.drawn(recipe, codes, way.slots).clamp(-1, 1)


def solved_there(recipe: Painted, knobs: RegionKnobs, knob: int, run: Sequence[int]) -> Generator[Progress, None, str]:
    """The region solved anew in these layers: the knob that points most as this one does, and the button for it."""
    if len(run) == len(knobs.directions.slots):
        return ""
    use = ranges(run)
    yield from search.solving(replace(recipe, layers=use))
    found, layers = search.solve(replace(recipe, layers=use)), in_words(run, 0)
    if not found.steps:
        return blocks.paragraph(recipe.say("none_there", layers=layers))
    alike = found.directions.vectors @ knobs.directions.vectors[knob]
    there = int(alike.abs().argmax())
    whole, before, mask = knobs.directions.only([knob]), render(recipe, None, [()])[0], full_mask(recipe)

    def ratio(way: Directions, step: float) -> str:
        return times(locality(*change(before, moved(recipe, way, [step])[0], mask)))

    about = dict(layers=layers, there=there + 1, alike=signed(float(alike[there]), 2))
    about |= dict(same=ratio(within(whole, run), knobs.steps[knob]), whole=ratio(whole, knobs.steps[knob]))
    said = recipe.say("there", **about, ratio=ratio(found.directions.only([there]), found.steps[there]))
    way = found.reach(there) / 2 * (1 if alike[there] > 0 else -1)
    buttons = _button(f"Use only {layers}", recipe, use, there, way)
    buttons += _button("All layers again", recipe, "all", knob, knobs.reach(knob) / 2)
    return blocks.paragraph(said) + f'<div class="buttons">{buttons}</div>'


# --- as HTML


def _button(says: str, recipe: Painted, layers: str, knob: int, amount: float) -> str:
    amounts = [amount if i == knob else 0.0 for i in range(len(recipe.amounts))]
    return BUTTON.format(blocks.setter(layers=layers, knob=knob, amounts=amounts), says)


def heat(knobs: RegionKnobs, changes: Tensor, on: int) -> str:
    rows = [(name_of(i, ""), (100 * one[:, 0]).tolist()) for i, one in enumerate(changes)]
    runs = [recommended(one, 0) for one in changes]
    slots = knobs.directions.slots
    use = ["all" if len(run) == len(slots) else ranges([slots[i] for i in run]).replace("-", "–") for run in runs]
    how = dict(choice=("at", "layer"), on=on, last=("decided in", use), by_row=True, digits=0)
    return blocks.heat(rows, [str(slot) for slot in slots], caption=SAYS["of_inside"], **how)


@torch.no_grad()
def strip(recipe: Painted, knobs: RegionKnobs, knob: int, layer: int) -> str:
    """The picture with one knob at a row of amounts: in one layer alone, and in all of them."""
    far, one, rows = knobs.reach(knob) / 2, knobs.directions.only([knob]), []
    amounts = [-far, 0.0, far]
    for title, way in ((f"Layer {layer} alone", within(one, (layer,))), ("All layers", one)):
        images = moved(recipe, way, [amount * knobs.steps[knob] for amount in amounts])
        uris = [blocks.data_uri(webp(image)) for image in recipes.shown(images, recipe.model, largest=TILE)]
        rows.append((title, [blocks.tile(uri, title, signed(amount)) for uri, amount in zip(uris, amounts)]))
    said = f"Knob {knob + 1} in layer {layer} and in all layers"
    heads = [f"{signed(amount)} steps" if amount else "as it is" for amount in amounts]
    return blocks.paragraph(f"{said}.") + blocks.sheet(heads, rows, name=said)
