"""The code of a picture of Steer: the lines that make its directions."""

from __future__ import annotations

from ..page.export import STEP_IMPORT, Code, label_code, step_line
from ..page.picture import slots_of
from ..page.sources import KNOBS, directions_of, uploaded
from .recipe import Recipe


def code_of(recipe: Recipe) -> Code:
    """The lines that make `directions`, `steps` and `amounts`. A file of directions must lie beside them."""
    imports, lines, count = _file_code(recipe) if recipe.method == "file" else _directions_code(recipe)
    last = max([i for i, amount in enumerate(recipe.amounts) if amount], default=0)
    amounts = list(recipe.amounts[: 1 + max(last, min(recipe.knob, count - 1))])
    return Code(imports, [*lines, step_line(recipe), f"amounts = {amounts}"])


def _directions_code(recipe: Recipe) -> tuple[list[str], list[str], int]:
    """The imports, the lines that make `directions`, and how many directions there are."""
    k = len(directions_of(recipe)[0])
    some = "" if recipe.layers == "all" else f"slots={slots_of(recipe)}, "
    name, module, more = {
        "sefa": ("sefa", "sefa", f', mode="{recipe.mode}"'),
        "ganspace": ("ganspace", "ganspace", label_code(recipe)),
        "random": ("random_directions", "baseline", ""),
    }[recipe.method]
    own = f"from core.factorization.{module} import {name}"
    imports = [f"{own}, spread_along"] if module == "baseline" else [own, STEP_IMPORT]
    return imports, [f"directions = {name}(generator, {some}k={k}{more})"], k


def _file_code(recipe: Recipe) -> tuple[list[str], list[str], int]:
    path = uploaded(recipe)
    name, found = (path.name, directions_of(recipe)[0]) if path else ("directions.npy", None)
    imports = [STEP_IMPORT, "from core.factorization.files import load_directions"]
    lines = [
        f"# the file with the sha256 {recipe.directions}",
        f"directions = load_directions({name!r}, slots=generator.slots, dim=generator.dim)",
    ]
    if recipe.layers != "all":
        imports.append("from dataclasses import replace")
        lines.append(f"directions = replace(directions, slots={found.slots if found else slots_of(recipe)})")
    return imports, lines, len(found) if found else KNOBS
