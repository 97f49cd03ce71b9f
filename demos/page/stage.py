"""A stage: the picture of a recipe with its words, its film, and what is taken away of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from core import zoo
from core.images import animation, enlarge, png, webp
from core.images import strip as side_by_side

from . import export, knobs
from .blocks import data_uri
from .picture import PictureRecipe, picture_bytes_of, shown

TAKEN = {"picture": "Picture (PNG)", "strip": "Strip", "clip": "Clip", "notebook": "Notebook"}
TAKEN_SIDE = 256  # pixels, to which strips and clips of small pictures are enlarged
STRIP = 7  # frames


@dataclass(frozen=True)
class Stage:
    """What a tab shows of a recipe, and takes away. `of_knobs` makes that of a tab whose picture has knobs.

    answer: recipe -> all that the page's script needs: recipe, query, note, setup (see `models.facts`), pictures as
    data URIs, words. full: recipe -> `answer` with what takes longer, where there is such a thing; asked for by the
    event "full", and what programs get. picture: recipe -> the picture, exactly. frames: (recipe, count, quick) -> a
    film of what is moved; quick: small, and as the page draws. notebook: recipe -> a notebook's bytes. stem: recipe ->
    how its files are named. scripts: files below demos/ that add the stage's function to `gan.stages`.
    """

    answer: Callable[[Any], dict]
    picture: Callable[[Any], Image.Image]
    frames: Callable[[Any, int, bool], Sequence[Image.Image]]
    notebook: Callable[[Any], bytes]
    stem: Callable[[Any], str]
    full: Callable[[Any], dict] | None = None
    scripts: tuple[str, ...] = ()


def film(stage: Stage, recipe: PictureRecipe) -> bytes:
    """The film from end to end, its frames side by side in one lossless picture."""
    return webp(side_by_side(stage.frames(recipe, knobs.frames_of(recipe), True)))


def film_part(stage: Stage, recipe: PictureRecipe) -> dict:
    """The film as a part of the page takes it."""
    return dict(src=data_uri(film(stage, recipe)), frames=knobs.frames_of(recipe))


def file_of(stage: Stage, recipe: PictureRecipe, kind: str, note: str = "") -> tuple[bytes, str]:
    """Bytes and file name of what is taken away, a key of TAKEN; note: a sentence for its text chunks.

    Raises RecipeError.
    """
    stem, notes = stage.stem(recipe), [note] if note else []
    if kind == "notebook":
        return stage.notebook(recipe), f"{stem}.ipynb"
    if kind == "picture":
        return export.png_of(stage.picture(recipe), recipe, *notes), f"{stem}.png"
    frames = stage.frames(recipe, STRIP if kind == "strip" else knobs.frames_of(recipe), False)
    pictures = [enlarge(one, max(1, TAKEN_SIDE // frames[0].width)) for one in frames]
    if kind == "strip":
        return png(side_by_side(pictures, gap=4), recipe=recipe.as_dict(), licence=note), f"{stem}-strip.png"
    return animation(pictures), f"{stem}.webp"


# --- of pictures with knobs; `tab` is a page.tab.Tab


def of_knobs(tab: Any) -> Stage:
    def frames(recipe: PictureRecipe, count: int, quick: bool) -> list[Image.Image]:
        settings = knobs.settings_of(recipe, zoo.card(recipe.model).reach, count)
        images = knobs.render(recipe, tab.knobs(recipe), settings, quick=quick)
        return shown(images, recipe.model, largest=knobs.FILM if quick else 2 * TAKEN_SIDE)

    def picture(recipe: PictureRecipe) -> Image.Image:
        return shown(knobs.render(recipe, tab.knobs(recipe), [recipe.amounts]), recipe.model)[0]

    return Stage(
        lambda recipe: answer_of_knobs(tab, recipe),
        picture,
        frames,
        lambda recipe: notebook_of_knobs(tab, recipe),
        lambda recipe: f"{tab.name}-picture{recipe.seed}",
    )


def answer_of_knobs(tab: Any, recipe: PictureRecipe) -> dict:
    """All that the page shows of a recipe; without knobs where these are not there yet. Raises RecipeError."""
    ready = tab.ready(recipe)
    found = tab.knobs(recipe) if ready else knobs.NONE
    drawn = recipe if ready else replace(recipe, amounts=())
    alt = knobs.alt_text(drawn, found)
    return dict(
        recipe=recipe.as_dict(),
        src=data_uri(knobs.picture_of(drawn, found)),
        before=data_uri(picture_bytes_of(recipe)),
        exact=True,
        alt=alt,
        caption=f"{alt[:1].upper()}{alt[1:]}.",
        query=recipe.query(),
        note=recipe.link_note(),
        sentence=tab.sentence(recipe),
        setup=dict(knobs.setup_of(recipe, found), options=tab.options(recipe), ready=ready),
    )


def notebook_of_knobs(tab: Any, recipe: PictureRecipe) -> bytes:
    """A notebook that gets itself running, makes the picture, and draws the strip of the chosen knob."""
    found, reach = tab.knobs(recipe), zoo.card(recipe.model).reach
    knob = min(recipe.knob, len(found) - 1)
    says = f"This notebook makes one picture ({knobs.alt_text(recipe, found)}), then turns one of its knobs."
    row = [round(reach * i / 3, 3) for i in range(-3, 4)]
    turned = f"{found.titles[knob]} from {-reach:g} to {reach:g} {found.unit}, the other knobs as above."
    return export.notebook(recipe, tab.code(recipe), says, knob, row, turned)
