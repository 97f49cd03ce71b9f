"""The edits that a visitor keeps in the browser, on the page: keep, apply, delete, save to a file and load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import gradio as gr

from core.edits import LARGEST_FILE, LONGEST_NAME, Edit

from ..page.fields import RecipeError
from ..page.handlers import guarded
from ..page.parts import LONG, button, deliver, private, publish, text
from ..page.tab import Extra
from .edits import Storage, edits_in_file, file_of, keep_edit
from .experiments import edited_faces
from .recipe import Recipe


def kept(parts: dict, model: str) -> None:
    parts["kept"] = gr.BrowserState("", storage_key="ganatomy-steer-edits", secret="ganatomy")


def controls(parts: dict, model: str) -> None:
    text(
        '<h4>Kept edits</h4><p class="hint">They stay in this browser. A file holds the numbers themselves, so it '
        "works where the knobs are counted differently.</p>"
    )
    with gr.Row(elem_classes="keep"):
        parts["name"] = gr.Textbox(
            label="Name",
            placeholder="for example: smile",
            max_length=LONGEST_NAME,
            elem_id="steer-edit-name",
            scale=2,
            min_width=160,
        )
        parts["keep"] = button("Keep this edit", "steer-keep")
    with gr.Row(elem_classes="keep"):
        parts["edits"] = gr.Dropdown([], label="Kept edits", elem_id="steer-edits", scale=2, min_width=160)
        parts["apply"] = button("Apply to this picture", "steer-apply")
        parts["others"] = button("Apply to eight pictures", "steer-apply-others")
        parts["delete"] = button("Delete", "steer-delete")
    with gr.Row(elem_classes="buttons"):
        parts["save"] = button("Save to a file", "steer-save")
        parts["load"] = gr.UploadButton(
            "Load from a file",
            size="sm",
            file_types=[".json"],
            elem_id="steer-load",
            elem_classes="quiet",
            min_width=90,
        )
    parts["edited"] = text("", elem_id="steer-edited")


# --- what happens: the recipe on screen and what the browser keeps come first


def _listed(storage: Storage, model: str, chosen: Edit | None = None) -> gr.Dropdown:
    key = next((key for name, key in storage.choices(model) if chosen and name == chosen.name), None)
    return gr.Dropdown(choices=storage.choices(model), value=key)


def keep(given: Mapping, stored: str | None, name: str) -> tuple:
    recipe = Recipe.from_json(given)
    edit = keep_edit(name, recipe)
    storage = Storage.read(stored).added([edit])
    return storage.text(), _listed(storage, recipe.model, edit), ""


def load(given: Mapping, stored: str | None, path: str) -> tuple:
    model = Recipe.from_json(given).model
    if Path(path).stat().st_size > LARGEST_FILE:
        raise RecipeError(
            f"this file is larger than {LARGEST_FILE // 2**20} MB: choose one that was saved on this page"
        )
    loaded = edits_in_file(Path(path).read_bytes(), model)
    storage = Storage.read(stored).added(loaded)
    return storage.text(), _listed(storage, model, loaded[0])


def delete(given: Mapping, stored: str | None, key: str | None) -> tuple:
    left = Storage.read(stored).without(key)
    return left.text(), _listed(left, Recipe.from_json(given).model)


def apply(given: Mapping, stored: str | None, key: str | None) -> dict:
    recipe = Recipe.from_json(given)
    kept = Storage.read(stored).one(key, recipe.model)
    return dict(kept.recipe, seed=recipe.seed, psi=recipe.psi)


def apply_to_others(given: Mapping, stored: str | None, key: str | None) -> str:
    recipe = Recipe.from_json(given)
    return edited_faces(Storage.read(stored).one(key, recipe.model), recipe)


def save(given: Mapping, stored: str | None) -> str:
    saved = file_of(Storage.read(stored).of(Recipe.from_json(given).model))
    return publish(saved.encode(), "ganatomy-edits.json")


def listed(given: Mapping, stored: str | None) -> gr.Dropdown:
    return _listed(Storage.read(stored), Recipe.from_json(given).model)


def wire(parts: dict) -> None:
    bus, browser, edits, edited = parts["recipe"], parts["kept"], parts["edits"], parts["edited"]
    for event, make, more, shows, name in (
        (parts["keep"].click, keep, [parts["name"]], [browser, edits, parts["name"]], "keep"),
        (parts["load"].upload, load, [parts["load"]], [browser, edits], "load"),
        (parts["delete"].click, delete, [edits], [browser, edits], "delete"),
        (parts["apply"].click, apply, [edits], [bus], "apply"),
        (parts["others"].click, apply_to_others, [edits], [edited], "apply_others"),
        (parts["fold-take"].expand, listed, [], [edits], "edits"),
        (bus.network, listed, [], [edits], "edits_of_network"),
    ):
        event(guarded(make, len(shows)), [bus, browser, *more], shows, **private(f"steer_{name}", LONG))
    deliver(parts["save"], guarded(save), [bus, browser], parts["outlet"], "steer_save")


# the state stands outside of the fold: what is inside a closed one reads the browser's storage too late
EXTRAS = (Extra("faces", kept), Extra("take", controls, wire))
