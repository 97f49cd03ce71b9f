"""The cells of Restyle: one picture is taught while one watches, and how far that led."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

import gradio as gr
import torch
from torch import Tensor

from core import adaptation, evidence, uploads, zoo
from core.adaptation import STYLES, drawn
from core.cache import cached
from core.checkpoints import native
from core.codes import codes_in_turn
from core.generators.base import Generator
from core.images import webp
from core.inversion import restoration
from core.threads import on_single_core

from ..page import blocks
from ..page.cells import Progress
from ..page.fields import RecipeError, refusals
from ..page.handlers import refused
from ..page.own import owner
from ..page.parts import LONG, cell, part, private
from ..page.picture import PictureRecipe, opened, shown
from ..page.tab import Extra
from .recipe import NAMED, Restyle, keep, made_of, taught_picture, teachable

OTHERS, FIRST_OTHER = 4, 21  # faces that are shown in the style
SCORED, FIRST_SCORED = 16, 1_111_000  # faces on which a run is measured; evidence has others
TILE = 128  # pixels
STEPS = adaptation.STEPS


def tile(image: Tensor, recipe: Restyle, caption: str) -> str:
    [small] = shown(image, recipe.model, largest=TILE)
    return blocks.tile(blocks.data_uri(webp(small)), caption, caption)


def row(recipe: Restyle, pictures: list[tuple[str, Tensor]]) -> str:
    return f'<div class="tiles">{"".join(tile(image, recipe, says) for says, image in pictures)}</div>'


def others(recipe: Restyle) -> Tensor:
    """Codes of the faces that are shown."""
    return codes_in_turn(opened(recipe.model), OTHERS, FIRST_OTHER, psi=zoo.card(recipe.model).psi)


def called(recipe: Restyle) -> str:
    return "your picture" if recipe.own else f"face {recipe.face} {NAMED[recipe.style]}"


@torch.no_grad()
def learn(recipe: Restyle) -> Iterator[str | Progress]:
    """The search as it goes, a picture every ten steps; the best so far is kept whenever it ends."""
    teachable(recipe.model)
    target, generator, critic = taught_picture(recipe), opened(recipe.model), zoo.load_critic(recipe.model)
    codes = others(recipe)
    head = row(recipe, [(f"the one picture: {called(recipe)}", target)])
    head += row(recipe, [(f"face {FIRST_OTHER + i}", image[None]) for i, image in enumerate(generator(codes))])
    yield head
    search = adaptation.adapt(generator, critic, target, steps=STEPS)
    for step in on_single_core(search, restoration.THREAD):  # knobs stay quick on the other cores
        if step.looked:
            made = keep(recipe, step.best, step.best_apart, step.best_i)
            with torch.no_grad():
                images = drawn(generator, step.best, codes)
            says = f"{step.i} steps"
            yield head + row(recipe, [(says, image[None]) for image in images])
        yield Progress(f"Learning: step {step.i} of {STEPS}", step.i / STEPS)
    images = made.network(codes)
    styled = row(recipe, [(f"face {FIRST_OTHER + i} in that style", one[None]) for i, one in enumerate(images)])
    yield blocks.aha(_said(recipe, made.network)) + head + styled


def _said(recipe: Restyle, network: Generator) -> str:
    if recipe.own:
        kept = variety(network, recipe) / variety(opened(recipe.model), recipe)
        differ = f"Pixels of {SCORED} other faces differ {100 * kept:.0f} % as much as before."
        return f"{differ} How near they are to your picture’s style is not known: it has no exact one."
    before, after, kept, exact = way(recipe, network)
    return (
        f"On {SCORED} faces that it never saw it went {100 * (1 - after / before):.0f} % of the way to the exact "
        f"style. Their pixels differ {100 * kept:.0f} % as much as before, in the exact style {100 * exact:.0f} %."
    )


# --- how far


def _scored(recipe: Restyle, network: Generator) -> Tensor:
    codes = codes_in_turn(network, SCORED, FIRST_SCORED, psi=zoo.card(recipe.model).psi)
    return torch.cat([network(part).clamp(-1, 1) for part in codes.split(8)])


@torch.no_grad()
def variety(network: Generator, recipe: Restyle) -> float:
    """Mean distance of two faces."""
    return float(torch.pdist(_scored(recipe, network).flatten(1)).mean())


@torch.no_grad()
def way(recipe: Restyle, network: Generator) -> tuple[float, float, float, float]:
    """Median distance to the exact style before and after, and how far faces differ then, and in the exact style, of
    how far they did."""
    plain, styled = _scored(recipe, opened(recipe.model)), _scored(recipe, network)
    truth = STYLES[recipe.style](plain)
    before, after = (float((x - truth).square().mean((1, 2, 3)).sqrt().median()) for x in (plain, styled))
    differ = [float(torch.pdist(x.flatten(1)).mean()) for x in (plain, styled, truth)]
    return before, after, differ[1] / differ[0], differ[2] / differ[0]


@torch.no_grad()
def far(recipe: Restyle) -> Iterator[str]:
    """Faces, the style that the network gives them, and the exact one; beside other ways, as they were measured."""
    teachable(recipe.model)
    made, codes = made_of(recipe), others(recipe)
    if made.adaptor is None:
        raise RecipeError(f"{called(recipe)} has not been taught yet: press “Teach it” above first")
    plain, styled = opened(recipe.model)(codes), made.network(codes)
    rows = [("as it was", plain), ("in the style", styled)]
    if not recipe.own:
        rows.append(("the exact style", STYLES[recipe.style](plain)))
    heads = [f"face {FIRST_OTHER + i}" for i in range(OTHERS)]
    tiles = [(says, [tile(image[None], recipe, says) for image in images]) for says, images in rows]
    sheet = blocks.sheet(heads, tiles, name="Faces, and the style that they were taught")
    yield blocks.aha(_said(recipe, made.network)) + sheet + _beside(recipe)


def _left(runs: Mapping) -> float:
    return median(map(median, zip(*(run["left"] for run in runs.values()))))


def share_left(recipe: Restyle) -> float:
    """Of the way to the exact style, what is left: on the faces of the evidence, or SCORED of what was learned here; 0
    of an own picture, which has no exact one."""
    made, found = made_of(recipe), evidence.recorded(recipe.model, "adaptation")
    if recipe.own:
        return 0.0
    if made.file:
        return _left(found["found"][recipe.style]["codes"]) if found else 0.0
    weights = zoo.weights_hash(recipe.model)
    return _left_here(Restyle(recipe.model, style=recipe.style, face=recipe.face), made.apart, weights)


@cached(64)
def _left_here(recipe: Restyle, _apart: float, _weights: str) -> float:
    before, after, _, _ = way(recipe, made_of(recipe).network)
    return after / before


def _beside(recipe: Restyle) -> str:
    """A table of other ways, as evidence has them; "" where nothing was measured of these weights."""
    found = evidence.recorded(recipe.model, "adaptation")
    if not found or recipe.own:
        return ""
    numbers = []
    for name, runs in found["found"][recipe.style].items():
        if isinstance(runs, Mapping) and name not in ("truth",):
            left = _left(runs)
            kept = median(run["diversity"]["features"] for run in runs.values())
            count = next(iter(runs.values()))["numbers"]
            numbers.append((name, f"{count:,}", f"{100 * left:.0f} %", f"{100 * kept:.0f} %"))
    heads = ("what learns", "numbers that learn", "still to go to the exact style", "variety kept")
    caption = (
        "Each of three faces was taught alone, and 64 others measured; variety as the critic sees it. More stands "
        "under “How true is this?”"
    )
    return blocks.table(heads, numbers, caption=caption)


# --- the styled network, in every tab


def card_extra(tab: str, after: str) -> Extra:
    """The button that makes the styled network one of this visitor's own, and opens it in Steer."""

    def layout(parts: dict, model: str) -> None:
        lead = "It becomes a network of yours: in the list of networks of every tab, until you close the page."
        with cell("Use it in every tab", lead):
            parts["card"] = part(tab, "card", {}, events=("use",))

    def wire(parts: dict) -> None:
        parts["card"].use(used, parts["recipe"], parts["card"], **private(f"{tab}_card", LONG))

    return Extra(after, layout, wire)


def used(given: Mapping, event: gr.EventData, request: gr.Request) -> dict:
    """The recipe that opens the styled network as this visitor's own."""
    try:
        recipe = Restyle.from_json(given)
        data, name = network_file(recipe)
        with refusals():
            one = uploads.begin(name, len(data))
            one.path.write_bytes(data)
            card = uploads.opened(uploads.of(uploads.arrived(one)), owner(request))
        chosen = PictureRecipe(card.name, seed=recipe.seed, psi=recipe.psi).as_dict()
        return dict(recipe=chosen, key=event.key, says=f"{card.title} is in the list of networks of every tab.")
    except RecipeError as error:
        return refused(error, key=event.key)


def network_file(recipe: Restyle) -> tuple[bytes, str]:
    """The whole styled network as a file of ours, and its name. Raises RecipeError."""
    teachable(recipe.model)
    made = made_of(recipe)
    if made.adaptor is None:
        raise RecipeError(f"{called(recipe)} has not been taught yet: press “Teach it” above first")
    facts = dict(base=recipe.model, weights=zoo.weights_hash(recipe.model), licence=zoo.card(recipe.model).licence)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "styled.safetensors"
        native.save(made.network, path, **facts)
        return path.read_bytes(), f"{stem_of(recipe)}.safetensors"


def stem_of(recipe: Restyle) -> str:
    return f"styled-{'own' if recipe.own else f'{recipe.style}-face{recipe.face}'}"
