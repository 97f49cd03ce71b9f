"""The endpoints for programs: a recipe or its fields in, JSON out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import gradio as gr

from demos.page.fields import Fields, RecipeError, kinds
from demos.page.handlers import guarded

from . import turns


def _raised(error: RecipeError, *_values: object) -> None:
    raise gr.Error(str(error), print_exception=False) from None


def typed(make: Callable, recipe: type[Fields], more: Mapping[str, type] = {}) -> Callable[..., dict]:
    """`make(recipe, ...)` as a function with real parameters: a whole recipe as JSON, or its fields one by one; `more`
    come second. The sentence of a RecipeError is the error message.
    """
    found, defaults = kinds(recipe), {one.name: one.default for one in fields(recipe)}
    defaults = {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}

    def call(given=None, *values):
        own = dict(zip(found, values[len(more) :]))
        return make(recipe.from_json(given) if given else recipe(**own), *values[: len(more)])

    types = {"recipe": dict | None, **more, **{name: kind.type for name, kind in found.items()}}
    given = {"recipe": None, **dict.fromkeys(more, ""), **defaults, "model": recipe.default_model()}
    made, kind = inspect.Parameter, inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [made(name, kind, default=given[name], annotation=types[name]) for name in types]
    function = guarded(call, refuse=_raised)
    function.__signature__ = inspect.Signature(parameters, return_annotation=dict)
    function.__annotations__ = {**types, "return": dict}
    return function


def offer(recipe: type[Fields], name: str, endpoint: Any) -> None:
    """A public endpoint of the page, a `page.tab.Endpoint`: a recipe or its fields in, JSON out."""
    function = typed(endpoint.make, recipe, endpoint.more)
    gr.api(function, api_name=name, api_description=endpoint.says, **turns.queue_of(endpoint.queue))
    found = kinds(recipe)
    newest = next(reversed(gr.context.Context.root_block.fns.values()))  # the event that `gr.api` just made
    newest.outputs[0].label = "answer"
    for parameter, given in zip(function.__signature__.parameters, newest.inputs):
        given.label = parameter
        if parameter in found:
            given._api_info = {**given._api_info, **found[parameter].limits, "description": found[parameter].says}
