"""What is taken away of a picture: PNG with its recipe, code, notebook."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from PIL import Image

from core import zoo
from core.images import png

from .fields import RecipeError
from .picture import (
    KNOBS,
    REPOSITORY,
    Files,
    Recipe,
    alt_text,
    as_dict,
    directions_of,
    from_json,
    label_of,
    link_for,
    link_note,
    opened,
    render,
    shown,
    slots_of,
    to_query,
)

LARGEST_PNG = 10 * 2**20  # bytes


def png_for(recipe: Recipe, files: Files | None = None) -> bytes:
    """The picture as PNG, drawn in float32; the recipe and the network's licence are in its text chunks."""
    card = zoo.card(recipe.model)
    return png(
        shown(render(recipe, files), recipe.model)[0],
        recipe=as_dict(recipe),
        licence=" ".join(filter(None, (f"drawn by {card.title}, licence of the network: {card.licence}", card.link))),
    )


def recipe_from_png(data: bytes) -> Recipe:
    """The recipe that `png_for` put into a PNG. Raises RecipeError where there is none."""
    if len(data) > LARGEST_PNG:
        raise RecipeError(
            f"this file has {len(data) / 2**20:.0f} MB; a PNG of this page has less than "
            f"{LARGEST_PNG // 2**20}: choose one that was saved here"
        )
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as picture:
            text = picture.info.get("ganatomy")
    except Exception:  # Pillow raises many kinds for a broken file
        raise RecipeError("this is not a PNG that can be read: choose one that was saved on this page") from None
    if not isinstance(text, str):
        raise RecipeError(
            "this PNG carries no recipe: choose one saved on this page "
            "and not sent through a messenger, which removes it"
        )
    return from_json(text)


def code_for(recipe: Recipe, files: Files | None = None) -> str:
    """Python that makes the picture, the same to the pixel, when run in the repository's root.

    It ends with a file picture.png. For directions from a file, the file must lie beside it.
    """
    return _code(recipe, files) + 'picture.save("picture.png")\n'


def _code(recipe: Recipe, files: Files | None) -> str:
    generator, card = opened(recipe.model), zoo.card(recipe.model)
    imports, lines, count = _directions_code(recipe, files)
    reader, expression = opening(card)
    imports += ["from core.codes import edit", "from core.images import to_pil", reader]
    last = max([i for i, amount in enumerate(recipe.amounts) if amount], default=0)
    count = 1 + max(last, min(recipe.knob, count - 1))
    psi = f", psi={recipe.psi}" if generator.has_truncation else ""
    label = label_code(recipe)
    drawer, rows = drawing_code(recipe)
    return "\n".join(
        [
            *sorted(imports, key=lambda line: (line.startswith("from core"), line)),
            "",
            f"generator = {expression}",
            f"codes = generator.codes(generator.sample(1, seed={recipe.seed}){psi}{label})",
            *lines,
            f"steps = spread_along(generator, directions{label}).tolist()      "
            "# one step is the standard deviation of w . v",
            f"amounts = {list(recipe.amounts[:count])}",
            "edited = edit(codes, directions, [amount * step for amount, step in zip(amounts, steps)])",
            f"picture = to_pil({drawer}(edited){rows})[0]",
            "",
        ]
    )


def opening(card: zoo.ModelCard) -> tuple[str, str]:
    """The import and the expression that open a card's model."""
    if card.own:
        return "from core.checkpoints import read", f"read({card.path.name!r})        # the file must lie beside"
    unpinned = "" if card.pinned else ", unpinned=True"
    return "from core.zoo import load", f'load("{card.name}"{unpinned})'


def drawing_code(recipe: Recipe) -> tuple[str, str]:
    """What draws codes, and what cuts the bars off that the training pictures had."""
    generator, crop = opened(recipe.model), zoo.card(recipe.model).crop
    drawer = "generator" if generator.at(psi=recipe.psi) is generator else f"generator.at(psi={recipe.psi})"
    return drawer, f"[:, :, {crop}:-{crop}]" if crop else ""


def label_code(recipe: Recipe) -> str:
    return "" if label_of(recipe) is None else f", label={recipe.label}"


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


SET_UP = f"""import os
import subprocess
import sys

try:
    import core.zoo
except ModuleNotFoundError as missing:          # a fresh machine: fetch the project with its weights, and what it needs
    if missing.name.startswith("core"):
        if not os.path.isdir("ganatomy"):
            subprocess.run(["git", "clone", "--depth", "1", "{REPOSITORY}", "ganatomy"], check=True)
        os.chdir("ganatomy")
        sys.path.insert(0, os.getcwd())
    needs = ["torch", "numpy", "pillow", "safetensors"]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *needs], check=True)
"""


STRIP = """from core.images import strip

knob = {knob}        # counted from 0
frames = []
for amount in {row}:
    moved = amounts[:knob] + [amount] + amounts[knob + 1:]
    edited = edit(codes, directions, [amount * step for amount, step in zip(moved, steps)])
    frames += to_pil({drawer}(edited){rows})
strip(frames)"""


def notebook_for(recipe: Recipe, files: Files | None = None) -> bytes:
    """A notebook that gets itself running, makes the picture, and draws the strip of the chosen knob."""
    drawer, rows = drawing_code(recipe)
    reach, knob = zoo.card(recipe.model).reach, min(recipe.knob, _directions_code(recipe, files)[2] - 1)
    row = [round(reach * i / 3, 3) for i in range(-3, 4)]
    return notebook_of(
        [
            ("markdown", _about(recipe)),
            ("code", SET_UP),
            ("code", _code(recipe, files) + "picture.resize((320, 320))"),
            (
                "markdown",
                f"Knob {knob + 1} from {-reach:g} to {reach:g} standard deviations of w . v, the other knobs as above.",
            ),
            ("code", STRIP.format(knob=knob, row=row, drawer=drawer, rows=rows)),
        ]
    )


def notebook_of(cells: Iterable[tuple[str, str]]) -> bytes:
    """A notebook (nbformat 4) of cells ("markdown" or "code", text); the same cells give the same file."""
    from nbformat import v4, writes  # takes a while to import, and only this button needs it

    make = dict(markdown=v4.new_markdown_cell, code=v4.new_code_cell)
    written = [make[kind](text, id=f"cell-{i}") for i, (kind, text) in enumerate(cells)]
    kernel = dict(display_name="Python 3", language="python", name="python3")
    return writes(v4.new_notebook(cells=written, metadata=dict(kernelspec=kernel))).encode()


def _about(recipe: Recipe) -> str:
    card = zoo.card(recipe.model)
    parameters = "\n".join(f"| `{name}` | `{value}` |" for name, value in to_query(recipe).items())
    return (
        f"# One picture of GANatomy\n\nThis notebook makes one picture ({alt_text(recipe)}) "
        f"with the model {card.title}, then turns one of its knobs. "
        f"[Open the picture on the page]({link_for(recipe)}).\n\n"
        f"| parameter of the link | value |\n| --- | --- |\n{parameters}\n\n{link_note(recipe)}\n\n"
        f"Weights: {card.licence}, sha256 `{zoo.weights_hash(recipe.model)}`."
    )
