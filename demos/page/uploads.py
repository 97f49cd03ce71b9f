"""Files of directions that visitors bring: kept by their content, so that no visitor meets another's by accident."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from safetensors import safe_open

from core.factorization.files import LARGEST, SUFFIXES

from . import picture as recipes
from .fields import RecipeError
from .picture import Recipe

MOST = 32  # files kept at a time; the oldest go first


def folder() -> Path:
    return Path(tempfile.gettempdir()) / "ganatomy-directions"


def uploaded(recipe: Recipe) -> dict[str, Path]:
    """Where the recipe's own file of directions lies, by its sha256; empty where it needs none or it is gone."""
    place = folder() / recipe.directions
    found = sorted(place.iterdir()) if recipe.method == "file" and place.is_dir() else []
    return {recipe.directions: found[0]} if found else {}


def origin(recipe: Recipe) -> str:
    """What Paint wrote into the recipe's own file of directions:
    the link of the region that they were made for; else "".
    """
    path = uploaded(recipe).get(recipe.directions)
    if path is None or path.suffix != ".safetensors":
        return ""
    with safe_open(str(path), framework="pt") as file:  # it was read before it was kept
        return (file.metadata() or {}).get("recipe", "")


def take_directions(path: str, given: Mapping) -> Recipe:
    """A visitor's file as the knobs of the current picture. Raises RecipeError; nothing is kept then."""
    recipe, source = recipes.Recipe.from_json(given), Path(path)
    if source.suffix not in SUFFIXES:
        ending = source.suffix or "a file without an ending"
        raise RecipeError(f"directions come as {', '.join(SUFFIXES)}, not as {ending}: save them as one of these")
    megabytes = source.stat().st_size / 2**20
    if megabytes > LARGEST / 2**20:
        raise RecipeError(
            f"this file has {megabytes:.0f} MB; a file of directions may have {LARGEST // 2**20}: save fewer of them"
        )
    chosen = replace(recipe, method="file", directions=recipes.file_identity(source), amounts=(), knob=0)
    _keep(source, folder() / chosen.directions)
    try:
        recipes.directions_of(chosen, uploaded(chosen))
    except RecipeError:
        shutil.rmtree(folder() / chosen.directions, ignore_errors=True)
        raise
    return chosen


def _keep(source: Path, place: Path) -> None:
    if place.exists():
        return
    for old in sorted(folder().glob("*"), key=lambda kept: kept.stat().st_mtime)[: -MOST + 1]:
        shutil.rmtree(old, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place / source.name)
