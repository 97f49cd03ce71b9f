"""The sentence over the tab: where the knobs on screen come from."""

from __future__ import annotations

from urllib.parse import parse_qsl

from ..page.evidence import evidence
from ..page.fields import RecipeError, recipe_of_link
from ..page.sources import directions_of, origin
from .recipe import Recipe

COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def first_sentence(recipe: Recipe) -> str:
    """The sentence over the tab: where the knobs on screen come from. Raises RecipeError where their file is gone."""
    count = len(directions_of(recipe)[0])
    these = "This knob" if count == 1 else f"These {COUNTS[count]} knobs"
    was = "was" if count == 1 else "were"
    if recipe.method == "file":
        return _from_file(recipe, these, was)
    turns = "turns" if count == 1 else "turn"
    where = "" if recipe.layers == "all" else f", and {turns} only in {_layers(recipe.layers)}"
    if recipe.method == "random":
        return f"{these} {was} drawn at random{where}: any method has to beat {'it' if count == 1 else 'them'}."
    if recipe.method == "ganspace":
        return (
            f"{these} {was} found in 10,000 of the network’s own codes, which vary most along them{where}; "
            "nobody labelled anything."
        )
    return f"{these} {was} read off {_weights(recipe)} {_when(recipe)}; nobody labelled anything."


def _from_file(recipe: Recipe, these: str, was: str) -> str:
    try:
        made = recipe_of_link(dict(parse_qsl(origin(recipe)))) if origin(recipe) else None
    except RecipeError:
        made = None
    if made is None or made.model != recipe.model or not made.told():
        it_was = "it was" if was == "was" else "they were"
        return f"{these} {was} read from a file: how {it_was} made, this page does not know."
    return f"{these} came from {made.told()}."


def _layers(layers: str) -> str:
    return f"layers {layers}" if layers[0].isdigit() else f"the {layers} layers"


def _weights(recipe: Recipe) -> str:
    """Which weights SeFa read, and how where it was not as in the paper."""
    of = "the network’s weights" if recipe.layers == "all" else f"the weights of {_layers(recipe.layers)}"
    return of if recipe.mode == "paper" else f"{of}, as the published code does,"


def _when(recipe: Recipe) -> str:
    """How long that took where it was measured: with all layers, as the paper says."""
    known = (evidence(recipe.model) or {}).get("eigen_milliseconds")
    if known and recipe.layers == "all" and recipe.mode == "paper":
        return f"in {known:.1f} milliseconds"
    return "by one line of linear algebra"
