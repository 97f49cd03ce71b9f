"""The edits that a visitor keeps in the browser, on the page: keep, apply, delete, save to a file and load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import gradio as gr

from ..page import picture as recipes
from ..page.fields import RecipeError
from ..page.handlers import guarded
from ..page.parts import LONG, button, deliver, private, publish, text
from ..page.picture import Recipe
from ..page.uploads import uploaded
from .edits import LARGEST_EDIT_FILE, LONGEST_NAME, Edit, EditFile, Storage, keep_edit
from .experiments import edited_faces


def controls(parts: dict) -> None:
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


def _listed(storage: Storage, model: str, chosen: Edit | None = None) -> gr.Dropdown:
    key = next((key for name, key in storage.choices(model) if chosen and name == chosen.name), None)
    return gr.Dropdown(choices=storage.choices(model), value=key)


def keep(given: Mapping, stored: str | None, name: str) -> tuple:
    recipe = recipes.Recipe.from_json(given)
    edit = keep_edit(name, recipe, uploaded(recipe))
    storage = Storage.read(stored).added([edit])
    return storage.text(), _listed(storage, recipe.model, edit), ""


def load(path: str, given: Mapping, stored: str | None) -> tuple:
    model = recipes.Recipe.from_json(given).model
    if Path(path).stat().st_size > LARGEST_EDIT_FILE:
        raise RecipeError(
            f"this file is larger than {LARGEST_EDIT_FILE // 2**20} MB: choose one that was saved on this page"
        )
    loaded = EditFile.from_json(Path(path).read_bytes(), model=model).edits
    storage = Storage.read(stored).added(loaded)
    return storage.text(), _listed(storage, model, loaded[0])


def delete(key: str | None, given: Mapping, stored: str | None) -> tuple:
    left = Storage.read(stored).without(key)
    return left.text(), _listed(left, recipes.Recipe.from_json(given).model)


def chosen(key: str | None, given: Mapping, stored: str | None) -> tuple[Edit, Recipe]:
    """The edit of that key and the current recipe. Raises RecipeError where there is none of this network."""
    recipe = recipes.Recipe.from_json(given)
    return Storage.read(stored).one(key, recipe.model), recipe


def wire(parts: dict) -> None:
    bus, kept, edits = parts["bus"], parts["kept"], parts["edits"]

    def apply(*values):
        edit, recipe = chosen(*values)
        return replace(edit.recipe, seed=recipe.seed, psi=recipe.psi).as_dict()

    def save(given, stored):
        saved = EditFile(Storage.read(stored).of(recipes.Recipe.from_json(given).model)).to_json()
        return publish(saved.encode(), "ganatomy-edits.json")

    def listed(given, stored):
        return _listed(Storage.read(stored), recipes.Recipe.from_json(given).model)

    parts["keep"].click(
        guarded(keep, 3), [bus, kept, parts["name"]], [kept, edits, parts["name"]], **private("steer_keep", LONG)
    )
    parts["load"].upload(guarded(load, 2), [parts["load"], bus, kept], [kept, edits], **private("steer_load", LONG))
    parts["delete"].click(guarded(delete, 2), [edits, bus, kept], [kept, edits], **private("steer_delete", LONG))
    parts["apply"].click(guarded(apply), [edits, bus, kept], bus, **private("steer_apply", LONG))
    parts["others"].click(
        guarded(lambda *values: edited_faces(*chosen(*values))),
        [edits, bus, kept],
        parts["edited"],
        **private("steer_apply_others", LONG),
    )
    parts["taken"].expand(guarded(listed), [bus, kept], edits, **private("steer_edits", LONG))
    parts["model"].change(guarded(listed), [bus, kept], edits, **private("steer_edits_of_network", LONG))
    deliver(parts["save"], guarded(save), [bus, kept], parts["outlet"], "steer_save")
