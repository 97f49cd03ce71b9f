"""The code of a picture of Steer: the lines that make its directions, and the notebook."""

from __future__ import annotations

from pathlib import Path

from core import zoo

from ..page.export import Code, cell_of, label_code, notebook, png_of, step_line
from ..page.picture import KNOBS, Files, Recipe, alt_text, directions_of, render, shown, slots_of


def code_for(recipe: Recipe, files: Files | None = None) -> str:
    """Python that makes the picture, the same to the pixel. A file of directions must lie beside it."""
    return cell_of(recipe, code_of(recipe, files))


def code_of(recipe: Recipe, files: Files | None = None) -> Code:
    """The lines that make `directions`, `steps` and `amounts`."""
    imports, lines, count = _directions_code(recipe, files)
    last = max([i for i, amount in enumerate(recipe.amounts) if amount], default=0)
    count = 1 + max(last, min(recipe.knob, count - 1))
    return Code(
        imports,
        [*lines, step_line(recipe), f"amounts = {list(recipe.amounts[:count])}"],
    )


def png_for(recipe: Recipe, files: Files | None = None) -> bytes:
    """The picture as PNG, drawn in float32."""
    return png_of(shown(render(recipe, files), recipe.model)[0], recipe)


def notebook_for(recipe: Recipe, files: Files | None = None) -> bytes:
    """A notebook that gets itself running, makes the picture, and draws the strip of the chosen knob."""
    reach, knob = zoo.card(recipe.model).reach, min(recipe.knob, _directions_code(recipe, files)[2] - 1)
    row = [round(reach * i / 3, 3) for i in range(-3, 4)]
    said = (
        f"This notebook makes one picture ({alt_text(recipe)}) with the model {zoo.card(recipe.model).title}, "
        "then turns one of its knobs."
    )
    turned = f"Knob {knob + 1} from {-reach:g} to {reach:g} standard deviations of w . v, the other knobs as above."
    return notebook(recipe, code_of(recipe, files), said, knob, row, turned)


def _directions_code(recipe: Recipe, files: Files | None) -> tuple[list[str], list[str], int]:
    """The imports, the lines that make `directions`, and how many directions there are."""
    if recipe.method == "file":
        return _file_code(recipe, files)
    k, baseline = len(directions_of(recipe)[0]), "from core.factorization.baseline import "
    some = "" if recipe.layers == "all" else f"slots={slots_of(recipe)}, "
    if recipe.method == "sefa":
        call = f'sefa(generator, {some}k={k}, mode="{recipe.mode}")'
        imports = ["from core.factorization.sefa import sefa"]
    elif recipe.method == "ganspace":
        call = f"ganspace(generator, {some}k={k}{label_code(recipe)})"
        imports = ["from core.factorization.ganspace import ganspace"]
    else:
        call, imports = f"random_directions(generator, {some}k={k})", []
        baseline += "random_directions, "
    return [*imports, baseline + "spread_along"], [f"directions = {call}"], k


def _file_code(recipe: Recipe, files: Files | None) -> tuple[list[str], list[str], int]:
    imports = [
        "from core.factorization.baseline import spread_along",
        "from core.factorization.files import load_directions",
    ]
    path = (files or {}).get(recipe.directions)
    name, found = (Path(path).name, directions_of(recipe, files)[0]) if path else ("directions.npy", None)
    lines = [
        f"# the file with the sha256 {recipe.directions}",
        f"directions = load_directions({name!r}, slots=generator.slots, dim=generator.dim)",
    ]
    if recipe.layers != "all":
        imports.append("from dataclasses import replace")
        lines.append(f"directions = replace(directions, slots={found.slots if found else slots_of(recipe)})")
    return imports, lines, len(found) if found else KNOBS
