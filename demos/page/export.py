"""What is taken away of a picture: PNG with its recipe, code, notebook."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from core import home, zoo
from core.codes import Directions
from core.factorization.files import arrays_bytes, directions_bytes
from core.images import png

from . import found as finding
from . import paste as pasting
from .fields import Fields, RecipeError, recipe_of_json
from .picture import PictureRecipe, opened

LARGEST_PNG = 10 * 2**20  # bytes
SAVED = 'picture.save("picture.png")\n'
MOVED = "edited = edit(codes, directions, [amount * step for amount, step in zip(amounts, steps)])"


class Code(NamedTuple):
    """What is a tab's own in a code cell.

    lines: between `codes = ...` and the picture; they make `directions`, `steps` and `amounts`, and are followed by
    `edited = ...` where `moves`. drawn: what draws `edited`, where it is not the generator.
    """

    imports: Sequence[str]
    lines: Sequence[str]
    moves: bool = True
    drawn: str = ""


# --- PNG


def png_of(picture: Image.Image, recipe: Fields, *more: str) -> bytes:
    """The picture as PNG with its recipe, the network's licence and `more` sentences in its text chunks."""
    return png(picture, **facts_of(recipe, *more))


def facts_of(recipe: Fields, *more: str) -> dict[str, Any]:
    """What every picture, strip and clip carries: its `recipe`, and the network's `licence` with `more` sentences."""
    card = zoo.card(recipe.model)
    said = (f"drawn by {card.title}, licence of the network: {card.licence}", card.link, *more)
    return dict(recipe=finding.public(recipe).as_dict(), licence=" ".join(filter(None, said)))


def directions_file(recipe: Fields, directions: Directions, kind: str, names: Sequence[str] = ()) -> tuple[bytes, str]:
    """Directions with the weights and the link that they belong to, and the suffix; kind: of KNOBS_TAKEN; names:
    what each is called.
    """
    whole = recipe.query() if not recipe.link_note() else ""  # a link that does not hold all would say it wrongly
    about = dict(model=recipe.model, weights=zoo.weights_hash(recipe.model), recipe=whole)
    about |= dict(names=json.dumps(list(names))) if names else {}
    write, suffix = (arrays_bytes, "npz") if kind == "arrays" else (directions_bytes, "safetensors")
    return write(directions, **about), suffix


def recipe_from_png(data: bytes) -> Fields:
    """The recipe that `png_of` put into a PNG, of whichever tab. Raises RecipeError where there is none."""
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
    return recipe_of_json(text)


# --- code


def cell_of(recipe: PictureRecipe, code: Code) -> str:
    """Python that makes the picture, the same to the pixel, when run in the repository's root.

    It ends with a file picture.png. A file that the recipe names must lie beside it.
    """
    return lines_of(recipe, code) + SAVED


def lines_of(recipe: PictureRecipe, code: Code) -> str:
    """`cell_of` without its last line."""
    generator, view = opened(recipe.model), "" if recipe.transparency else ".without_transparency()"
    if recipe.movement:
        view += f".moved({', '.join(f'{name}={far:g}' for name, far in recipe.movement.items())})"
    reader, expression = opening(zoo.card(recipe.model), view)
    edits, moved = (["from core.codes import edit"], [MOVED]) if code.moves else ([], [])
    imports = {*code.imports, *edits, "from core.images import to_pil", reader}
    psi = f", psi={recipe.psi:g}" if generator.has_truncation else ""
    drawer, rows = drawing_code(recipe)
    codes = [f"codes = generator.codes(generator.sample(1, seed={recipe.seed}){psi}{label_code(recipe)})"]
    if recipe.found:
        more, codes = finding.code(recipe.model, recipe.found)
        imports |= {*more}
    if recipe.paste:
        more, blend = pasting.code(recipe, label_code(recipe), psi)
        imports, codes = imports | {*more}, codes + blend
    head = [*sorted(imports, key=lambda line: (line.startswith("from core"), line)), "", f"generator = {expression}"]
    drawn = f"picture = to_pil({code.drawn or f'{drawer}(edited)'}{rows})[0]"
    return "\n".join([*head, *codes, *code.lines, *moved, drawn, ""])


def opening(card: zoo.ModelCard, view: str = "") -> tuple[str, str]:
    """The import and the expression that open a card's model; view: what follows the expression."""
    if card.own:
        told = f", settings={json.loads(card.settings)}" if card.settings else ""
        return "from core.checkpoints import read", f"read({card.filename!r}{told}){view}  # the file must lie beside"
    unpinned = "" if card.pinned else ", unpinned=True"
    return "from core.zoo import load", f'load("{card.name}"{unpinned}){view}'


def drawing_code(recipe: PictureRecipe) -> tuple[str, str]:
    """What draws codes, and what cuts the bars off that the training pictures had."""
    generator, crop = opened(recipe.model), zoo.card(recipe.model).crop
    drawer = "generator" if generator.at(psi=recipe.psi) is generator else f"generator.at(psi={recipe.psi:g})"
    return drawer, f"[:, :, {crop}:-{crop}]" if crop else ""


def label_code(recipe: PictureRecipe) -> str:
    return "" if recipe.label_or_none is None else f", label={recipe.label}"


STEP_IMPORT = "from core.factorization.baseline import spread_along"


def step_line(recipe: PictureRecipe) -> str:
    """The line that makes `steps`, one for each direction."""
    made = f"steps = spread_along(generator, directions{label_code(recipe)}).tolist()"
    return f"{made}      # one step is the standard deviation of w . v"


# --- notebooks


_TEXTS = tomllib.loads(Path(__file__).with_name("notebook.toml").read_text(encoding="utf-8"))
STRIP = _TEXTS["strip"]


def set_up() -> str:
    """The first cell: it fetches this project, from the Space that wrote the notebook, where it is not at hand."""
    return _TEXTS["set_up"].replace("REPOSITORY", home.repository())


def notebook(recipe: PictureRecipe, code: Code, says: str, knob: int, row: Sequence[float], turned: str) -> bytes:
    """A notebook that gets itself running, makes the picture, and, where its code has directions, the strip of one.

    says: what the picture is. knob: the direction, counted from 0; row: its amounts; turned: what the strip shows.
    """
    drawer, rows = drawing_code(recipe)
    made = ("code", lines_of(recipe, code) + "picture.resize((320, 320))")
    cells = [("markdown", about(recipe, says)), ("code", set_up()), made]
    if code.moves:
        film = STRIP.format(knob=knob, row=list(row), drawer=drawer, rows=rows)
        cells += [("markdown", turned), ("code", film)]
    return notebook_of(cells)


def about(recipe: Fields, says: str) -> str:
    """The head of a notebook, Markdown: what the picture is, its link with every parameter, the weights."""
    card = zoo.card(recipe.model)
    parameters = "\n".join(f"| `{name}` | `{value}` |" for name, value in recipe.to_query().items())
    return (
        f"# One picture of GANatomy\n\n{says} {_where(recipe)} {recipe.link_note()}\n\n"
        f"| parameter of the link | value |\n| --- | --- |\n{parameters}\n\n"
        f"Weights: {card.title}, licence: {card.licence}, sha256 `{zoo.weights_hash(recipe.model)}`."
    )


def _where(recipe: Fields) -> str:
    """Where the picture is opened: a public page does not have a network of one's own."""
    card = zoo.card(recipe.model)
    if not card.own:
        return f"[Open the picture on the page]({recipe.link()})."
    name = zoo.printable(card.filename)
    return (
        f"The network is a file, {name}, which must lie beside this notebook. On a page that was started "
        f"with it (`python app.py --weights {name}`), `?{recipe.query()}` behind its address opens it."
    )


def notebook_of(cells: Iterable[tuple[str, str]]) -> bytes:
    """A notebook (nbformat 4) of cells ("markdown" or "code", text); the same cells give the same file."""
    from nbformat import v4, writes  # takes a while to import, and only this button needs it

    make = dict(markdown=v4.new_markdown_cell, code=v4.new_code_cell)
    written = [make[kind](text, id=f"cell-{i}") for i, (kind, text) in enumerate(cells)]
    kernel = dict(display_name="Python 3", language="python", name="python3")
    return writes(v4.new_notebook(cells=written, metadata=dict(kernelspec=kernel))).encode()
