"""Edits that a visitor keeps in the browser: made of a recipe, applied again, deleted, saved to a file and loaded.

The numbers and their file are those of core.edits; here an edit is of a network that can be opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import gradio as gr
import torch
from torch import Tensor

from core import edits, zoo
from core.edits import LARGEST_FILE, LONGEST_NAME, Collection, Edit

from ..page.fields import RecipeError, check_version, parsed, quoted, refusals
from ..page.found import public
from ..page.handlers import guarded
from ..page.parts import LONG, button, deliver, private, publish, text
from ..page.picture import generator_of, opened, own_codes, render
from ..page.tab import Extra
from ..page.verdicts import knobs_of
from .experiments import FACES, FIRST_FACE, faces_in_rows, tiles
from .recipe import TEXTS, Recipe

SAYS = TEXTS["kept"]

# --- edits of a recipe


@refusals()
def keep_edit(name: str, recipe: Recipe) -> Edit:
    """The recipe's movement under a name. Raises RecipeError where no knob is moved."""
    if not any(recipe.amounts):
        raise RecipeError(SAYS["nothing_moved"])
    generator, knobs = opened(recipe.model), knobs_of(recipe)
    nowhere, slots = torch.zeros(1, generator.slots, generator.dim, dtype=torch.float64), knobs.directions.slots
    shift = knobs.moved(nowhere, [recipe.amounts])[0, list(slots)]
    return edits.edit_of(name, public(recipe).as_dict(), slots, shift, zoo.weights_hash(recipe.model))


def apply_edit(kept: Edit, recipe: Recipe, *, strength: float = 1.0) -> Tensor:
    """The recipe's picture [1, 3, R, R], its knobs as they stand, moved further by `strength` times the kept edit."""
    model = kept.recipe["model"]
    if recipe.model != model:
        raise RecipeError(SAYS["other_model"].format(name=quoted(kept.name), model=model))
    codes = own_codes(recipe)
    if any(recipe.amounts):
        codes = knobs_of(recipe).moved(codes, [recipe.amounts])
    return generator_of(recipe)(kept.moved(codes, strength))


@refusals()
def edit_for(row: object, model: str) -> Edit:
    """The edit of a row of a file, for a picture of `model`; trusts nothing. Raises RecipeError."""
    kept = edits.edit_in(row)
    named = kept.recipe.get("model")
    if named != model:
        raise RecipeError(SAYS["of_another"].format(named=quoted(named), model=model))
    found = Recipe.from_json(kept.recipe).as_dict()
    if kept.weights != zoo.weights_hash(model):
        raise RecipeError(SAYS["other_weights"].format(name=quoted(kept.name), model=model))
    generator = opened(model)
    return replace(kept, recipe=found).check(generator.slots, generator.dim)


@refusals()
def file_of(kept: Sequence[Edit]) -> str:
    """The JSON of some edits. Raises RecipeError for none, and for more than the page would read again."""
    if not kept:
        raise RecipeError(SAYS["nothing_kept"])
    return edits.text_of([one.row() for one in kept])


@refusals()
def edits_in_file(data: str | bytes, model: str) -> tuple[Edit, ...]:
    """What `file_of` wrote, for a picture of `model`; trusts nothing. Raises RecipeError."""
    found = parsed(data, LARGEST_FILE, "this file of edits")
    rows = edits.rows_in(found)
    check_version(found.get("version"))
    return tuple(edit_for(row, model) for row in rows)


def edited_faces(kept: Edit, recipe: Recipe) -> str:
    """Eight faces before and after a kept edit, moved by its own numbers."""
    rows = []
    for seed in range(FIRST_FACE, FIRST_FACE + FACES):
        plain = replace(recipe.numbered(seed), amounts=(), method="sefa")
        rows.append(tiles(torch.cat([render(plain), apply_edit(kept, plain)]), recipe.model))
    return faces_in_rows(rows, f"the edit {kept.name} on eight pictures, before and after")


# --- on the page


def kept(parts: dict, model: str) -> None:
    parts["kept"] = gr.BrowserState("", storage_key="ganatomy-steer-edits", secret="ganatomy")


def controls(parts: dict, model: str) -> None:
    text(SAYS["head"])
    with gr.Row(elem_classes="keep"):
        about = dict(label="Name", placeholder="for example: smile", max_length=LONGEST_NAME, scale=2, min_width=160)
        parts["name"] = gr.Textbox(elem_id="steer-edit-name", **about)
        parts["keep"] = button(SAYS["keep"], "steer-keep")
    with gr.Row(elem_classes="keep"):
        parts["edits"] = gr.Dropdown([], label="Kept edits", elem_id="steer-edits", scale=2, min_width=160)
        for name in ("apply", "apply-others", "delete"):
            parts[name] = button(SAYS[name], f"steer-{name}")
    with gr.Row(elem_classes="buttons"):
        parts["save"] = button(SAYS["save"], "steer-save")
        about = dict(size="sm", file_types=[".json"], elem_classes="quiet", min_width=90)
        parts["load"] = gr.UploadButton(SAYS["load"], elem_id="steer-load", **about)
    parts["edited"] = text("", elem_id="steer-edited")


# --- what happens: (the recipe on screen, what the browser keeps, more) -> what the page shows, see `wire`


def listed(recipe: Recipe, found: Collection, chosen: Edit | None = None) -> gr.Dropdown:
    """The list of what is kept, those of the recipe's network first."""
    choices = found.choices(*network(recipe))
    key = next((key for name, key in choices if chosen and name == chosen.name), None)
    return gr.Dropdown(choices=choices, value=key)


def network(recipe: Recipe) -> tuple[str, str]:
    return recipe.model, zoo.weights_hash(recipe.model)


def keep(recipe: Recipe, found: Collection, name: str) -> tuple:
    kept = keep_edit(name, recipe)
    more = found.added([kept])
    return more.text(), listed(recipe, more, kept), ""


def load(recipe: Recipe, found: Collection, path: str) -> tuple:
    if Path(path).stat().st_size > LARGEST_FILE:
        raise RecipeError(SAYS["too_large"].format(megabytes=LARGEST_FILE // 2**20))
    return taken(recipe, found, Path(path).read_bytes())


def taken(recipe: Recipe, found: Collection, data: str | bytes) -> tuple:
    loaded = edits_in_file(data, recipe.model)
    more = found.added(loaded)
    return more.text(), listed(recipe, more, loaded[0])


def received(given: Mapping, stored: str | None, event: gr.EventData) -> tuple:
    """A file of edits that was dropped on the page."""
    return asked(taken)(given, stored, str(event.text))


def delete(recipe: Recipe, found: Collection, key: str | None) -> tuple:
    left = found.without(key)
    return left.text(), listed(recipe, left)


def apply(recipe: Recipe, found: Collection, key: str | None) -> dict:
    return dict(edit_for(found.one(key, *network(recipe)), recipe.model).recipe, seed=recipe.seed, psi=recipe.psi)


def apply_to_others(recipe: Recipe, found: Collection, key: str | None) -> str:
    return edited_faces(edit_for(found.one(key, *network(recipe)), recipe.model), recipe)


def save(recipe: Recipe, found: Collection) -> str:
    saved = file_of([edit_for(row, recipe.model) for row in found.of(*network(recipe))])
    return publish(saved.encode(), "ganatomy-edits.json")


def asked(make: Callable) -> Callable:
    """`make` for what the page sends: the recipe and what the browser keeps, as JSON."""

    @refusals()
    def run(given: Mapping, stored: str | None, *more):
        return make(Recipe.from_json(given), Collection.read(stored), *more)

    return run


def wire(parts: dict) -> None:
    bus, browser, chosen = parts["recipe"], parts["kept"], parts["edits"]
    for event, make, more, shows, name in (
        (parts["keep"].click, keep, [parts["name"]], [browser, chosen, parts["name"]], "keep"),
        (parts["load"].upload, load, [parts["load"]], [browser, chosen], "load"),
        (parts["delete"].click, delete, [chosen], [browser, chosen], "delete"),
        (parts["apply"].click, apply, [chosen], [bus], "apply"),
        (parts["apply-others"].click, apply_to_others, [chosen], [parts["edited"]], "apply_others"),
        (parts["fold-take"].expand, listed, [], [chosen], "edits"),
        (bus.network, listed, [], [chosen], "edits_of_network"),
    ):
        event(guarded(asked(make), len(shows)), [bus, browser, *more], shows, **private(f"steer_{name}", LONG))
    bus.received(guarded(received, 2), [bus, browser], [browser, chosen], **private("steer_received", LONG))
    deliver(parts["save"], guarded(asked(save)), [bus, browser], parts["outlet"], "steer_save")


# the state stands outside of the fold: what is inside a closed one reads the browser's storage too late
EXTRAS = (Extra("faces", kept), Extra("take", controls, wire))
