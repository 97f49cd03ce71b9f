"""Where knobs come from: the network's weights (SeFa), its codes (GANSpace), chance, or a file that a visitor brought.

Files are kept by their content, so that no visitor meets another's by accident.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from core import surroundings, zoo
from core.cache import Cache
from core.checkpoints.native import weights_hash
from core.codes import Directions, ranges
from core.factorization import methods
from core.factorization.baseline import spread_along
from core.factorization.files import LARGEST, SUFFIXES, Found, found_in
from core.factorization.readings import READINGS
from core.factorization.sefa import MODES

from .export import label_code
from .fields import Fields, RecipeError, checked, choice_field, plain_word, quoted, recipe_of_json, refusals
from .picture import PictureRecipe, layers_field, opened, slots_of

KNOBS = 10  # at most
METHODS = methods.titles() | {"file": "directions from a file"}
NOTHING = 1e-9  # of the strongest knob's score: what is weaker moves nothing
MOST_FILES = 32  # kept at a time; the oldest go first
LONGEST_NAME = 30  # characters of what a file calls a direction
LARGEST_DIRECTIONS = 16 * 2**20  # bytes of directions that are kept
# of the control: the fields that each way sets
WAYS = {key: dict(zip(("method", "mode"), key.split("/")), directions="") for key in methods.METHODS}
WAYS |= {"file": dict(method="file")}
FILE_CODE = """\
# the file with the sha256 {sha256}
directions = load_directions({file!r}, slots=generator.slots, dim=generator.dim{reading})"""


def directions_field() -> Any:
    """The sha256 of a visitor's own file, of a recipe whose `method` is "file"; a link does not hold it."""
    says = "sha256 of the file of directions, for the method file"
    return checked(lambda value, one: _identity(value) if one.method == "file" else "", "", says, linked=False)


def reading_field(knobs: int, **resets: Any) -> Any:
    """Of READINGS, how that file is read, "": as it suggests. knobs: how many are set back with it."""
    control = dict(kind="choice", word="reading", resets=dict(amounts=[0.0] * knobs, **resets))
    return choice_field("reading of a file of directions", ("", *READINGS), control=control)


@dataclass(frozen=True)
class KnobSet(PictureRecipe):
    """A picture, and where the knobs come from that could move it.

    method: a key of METHODS; mode: of SeFa, "paper" or "official". layers: see `layers_field`. directions: for method
    "file" the sha256 of the uploaded file, otherwise "". reading: of READINGS, how that is read; "": as it suggests.
    """

    method: str = choice_field("method", METHODS, control=dict(kind="ways", word="method", options=WAYS, waits="file"))
    mode: str = choice_field("mode", MODES)
    layers: str = layers_field()
    directions: str = directions_field()
    reading: str = reading_field(KNOBS, knob=0, layers="all")

    @property
    def way(self) -> str:
        """A key of `core.factorization.methods.METHODS`, or "file"."""
        return "file" if self.method == "file" else methods.key_of(self.method, self.mode)


def _identity(sha256: object) -> str:
    if isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256):
        return sha256
    raise RecipeError(
        f"directions from a file are named by the file's sha256, not by {quoted(sha256)}: "
        "choose the file again, or choose SeFa"
    )


# --- directions


_found = Cache(LARGEST_DIRECTIONS, lambda found: sum(part.nbytes for part in (found[0].vectors, found[1])))


def directions_of(recipe: KnobSet) -> tuple[Directions, Tensor]:
    """At most KNOBS directions, and [k] steps: the standard deviation of w . v along each. Made once, then shared.

    A file says itself which layers it moves; one vector for all of them may be restricted by `recipe.layers`.
    Raises RecipeError where the recipe needs a file that is not here, or that does not fit.
    """
    return _found.made(_key(recipe), lambda: _find(recipe))


def has_directions(recipe: KnobSet) -> bool:
    """Were the recipe's directions found before?"""
    return _key(recipe) in _found


def code_lines(recipe: KnobSet) -> tuple[list[str], list[str]]:
    """Imports and lines that make its `directions` in a code cell; a file of directions must lie beside them."""
    path, of_file = uploaded(recipe), recipe.method == "file"
    found = None if of_file and path is None else directions_of(recipe)[0]  # the file may be gone
    some = "" if recipe.layers == "all" else f"slots={slots_of(recipe)}, "
    if not of_file:
        method = methods.METHODS[recipe.way]
        return [method.imports], [method.line.format(k=len(found), some=some, label=label_code(recipe))]
    read = reading_of(recipe) if path else None
    reading = f", reading={read.reading!r}" if read and read.others else ""
    about = dict(sha256=recipe.directions, file=path.name if path else "directions.npy", reading=reading)
    imports, lines = ["from core.factorization.files import load_directions"], FILE_CODE.format(**about).splitlines()
    if some:
        imports.append("from dataclasses import replace")
        lines.append(f"directions = replace(directions, slots={found.slots if found else slots_of(recipe)})")
    return imports, lines


def _key(recipe: KnobSet) -> tuple:
    path = (_path(recipe), recipe.reading) if recipe.method == "file" else None
    label, weights = recipe.label_or_none, zoo.weights_hash(recipe.model)
    return recipe.model, weights, recipe.way, slots_of(recipe), path, label


def _find(recipe: KnobSet) -> tuple[Directions, Tensor]:
    generator, slots, label = opened(recipe.model), slots_of(recipe), recipe.label_or_none
    k = min(KNOBS, len(range(generator.dim)[generator.movable]))
    if recipe.method == "file":
        found = _from_file(recipe, slots)
    else:
        found = methods.METHODS[recipe.way].find(generator, slots, k=k, label=label)
        count = max(
            1, int((found.scores > NOTHING * found.scores.max()).sum())
        )  # layers may read few numbers of a code
        found = Directions(found.vectors[:count], found.scores[:count], found.slots)
    return found, spread_along(generator, found, label=label)


def reading_of(recipe: KnobSet) -> Found:
    """What its file of directions holds, and how it was read. Raises RecipeError where it is not here or misfits."""
    generator, path = opened(recipe.model), _path(recipe)
    if weights_hash(path) != recipe.directions:
        raise RecipeError("the file of directions is no longer here: choose it again")
    about = dict(slots=generator.slots, dim=generator.dim, weights=zoo.weights_hash(recipe.model))
    with refusals():
        return found_in(path, **about, reading=recipe.reading or None)


def reading_control(recipe: KnobSet) -> dict | None:
    """What the control of `reading` offers and says; None where there is nothing to say."""
    if recipe.method != "file" or not (found := reading_of(recipe)).note:
        return None
    count = len(found.directions)
    first = f" The first {KNOBS} of them are the knobs." if count > KNOBS else ""
    options = {one: says for one, says in READINGS.items() if one in (found.reading, *found.others)}
    return dict(options=options if found.others else {}, usual=found.reading, hint=f"{found.note}{first}")


def reading_said(recipe: KnobSet, where: str = "on Steer, under “Compare methods”") -> str:
    """How its file of directions was read, and where another reading is chosen if there is one; "" if nothing is."""
    control, other = reading_control(recipe), f" It may mean something else: choose {where}."
    return control["hint"] + other * bool(control["options"]) if control else ""


def _from_file(recipe: KnobSet, slots: tuple[int, ...]) -> Directions:
    found = reading_of(recipe).directions
    moved = tuple(slot for slot in found.slots if slot in slots)
    if found.vectors.ndim == 3 and moved != found.slots:
        raise RecipeError("these directions have a vector of their own for every layer they move: choose all layers")
    if not moved:
        raise RecipeError(
            f"these directions move only the layers {ranges(found.slots)}: choose all layers, or some of these"
        )
    return Directions(found.vectors[:KNOBS], found.scores[:KNOBS], moved)


# --- files of directions


def folder() -> Path:
    return surroundings.own_folder() / "directions"


def uploaded(recipe: KnobSet) -> Path | None:
    """Where the recipe's own file of directions lies; None where it needs none or it is gone."""
    place = folder() / recipe.directions
    return next(iter(sorted(place.iterdir())), None) if recipe.method == "file" and place.is_dir() else None


def _path(recipe: KnobSet) -> Path:
    path = uploaded(recipe)
    if path is None:
        raise RecipeError(
            "this picture was steered by directions from a file that is not here: choose the file again, or choose SeFa"
        )
    return path


def origin(recipe: KnobSet) -> str:
    """What another tab wrote into the recipe's own file of directions: the link that they were made with; else ""."""
    return _said(recipe).get("recipe", "")


def names_of(recipe: KnobSet) -> Sequence[str]:
    """What its own file of directions calls them, in plain letters, such as a word that was taught."""
    try:
        found = json.loads(_said(recipe).get("names", "[]"))
    except ValueError:
        found = []
    return [plain_word(one)[:LONGEST_NAME] for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _said(recipe: KnobSet) -> dict[str, str]:
    path = uploaded(recipe)
    if path is None or path.suffix.lower() != ".safetensors":
        return {}
    with safe_open(str(path), framework="pt") as file:  # it was read before it was kept
        return file.metadata() or {}


def take_directions(path: str, given: Mapping) -> Fields:
    """A visitor's file as the knobs of a picture: the recipe of the tab that takes such files.

    given: a recipe of that tab, or a `KnobSet`, as JSON. Raises RecipeError; nothing is kept then.
    """
    recipe, source = recipe_of_json(given), Path(path)
    if source.suffix.lower() not in SUFFIXES:
        ending = source.suffix or "a file without an ending"
        raise RecipeError(f"directions come as {', '.join(SUFFIXES)}, not as {ending}: save them as one of these")
    megabytes = source.stat().st_size / 2**20
    if megabytes > LARGEST / 2**20:
        raise RecipeError(
            f"this file has {megabytes:.0f} MB; a file of directions may have {LARGEST // 2**20}: save fewer of them"
        )
    # a reading that came with a link, before there was a file, holds for the first one where that can be read so
    plain = replace(recipe, method="file", directions=weights_hash(source), amounts=(), knob=0, reading="")
    try:
        _keep(source, folder() / plain.directions)
        found = reading_of(plain)
        chosen = replace(plain, reading=recipe.reading if recipe.method != "file" else "")
        chosen = chosen if chosen.reading in found.others else plain
        if reading_of(chosen).directions.vectors.ndim == 3:
            chosen = replace(chosen, layers="all")
        directions_of(chosen)
    except RecipeError:
        shutil.rmtree(folder() / plain.directions, ignore_errors=True)
        raise
    except OSError:
        raise RecipeError(f"this file could not be kept in {folder()}: make room there, or set TMPDIR") from None
    return chosen


def _keep(source: Path, place: Path) -> None:
    if place.exists():
        return
    for old in sorted(folder().glob("*"), key=lambda kept: kept.stat().st_mtime)[: -MOST_FILES + 1]:
        shutil.rmtree(old, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place / source.name)
