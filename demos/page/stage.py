"""A stage: the picture of a recipe with its words, its film, and what is taken away of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from core import zoo
from core.codes import Directions
from core.images import animation, enlarge, png, video, webp
from core.images import strip as side_by_side
from core.pace import pace_of

from . import export, knobs, live
from .blocks import data_uri
from .picture import PictureRecipe, has_bytes, picture_bytes, shown, untouched
from .pictures import Drawing, address

TAKEN = {
    "picture": "Picture (PNG)",
    "strip": "Strip (PNG)",
    "clip": "Clip (WebP)",
    "gif": "Clip (GIF)",
    "mp4": "Clip (MP4)",
    "notebook": "Notebook",
}
KNOBS_TAKEN = {**TAKEN, "directions": "Directions (.safetensors)", "arrays": "Directions (.npz)"}
TAKEN_SIDE = 256  # pixels, to which strips and clips of small pictures are enlarged
STRIP = 7  # frames
SLOW_ORDER = (4, 0, 8, 2, 6, 1, 7, 3, 5)  # of the SLOW_FRAMES of a film


@dataclass(frozen=True)
class Stage:
    """What a tab shows of a recipe, and takes away. `of_knobs` makes that of a tab whose picture has knobs.

    answer: recipe -> all that the page's script needs: recipe, query, note, setup (see `models.facts`), pictures as
    data URIs, words. full: recipe -> `answer` with what takes longer, where there is such a thing; asked for by the
    event "full", and what programs get. picture: recipe -> the picture, exactly. frames: (recipe, count, quick) -> a
    film of what is moved; quick: small, and as the page draws. notebook: recipe -> a notebook's bytes. stem: recipe ->
    how its files are named. directions: recipe -> those of its knobs, where it has any. slow_film: recipe -> the film
    of a slow network as it grows, `src` and `frames`. scripts: files below demos/ that add the stage's function to
    `gan.stages`. unit: of what is turned.
    """

    answer: Callable[[Any], dict]
    picture: Callable[[Any], Image.Image]
    frames: Callable[[Any, int, bool], Sequence[Image.Image]]
    notebook: Callable[[Any], bytes]
    stem: Callable[[Any], str]
    full: Callable[[Any], dict] | None = None
    slow_film: Callable[[Any], Iterator[dict]] | None = None
    scripts: tuple[str, ...] = ()
    directions: Callable[[Any], Directions] | None = None
    unit: str = "standard deviations of w along the direction"


def film(stage: Stage, recipe: PictureRecipe, count: int = 0) -> bytes:
    """Its frames from end to end, side by side in one lossless picture; 0: as many as the network's pace allows."""
    return webp(side_by_side(stage.frames(recipe, count or knobs.frames_of(recipe), True)))


def film_part(stage: Stage, recipe: PictureRecipe, count: int = 0) -> dict:
    """The film as a part of the page takes it."""
    count = count or knobs.frames_of(recipe)
    return dict(src=data_uri(film(stage, recipe, count)), frames=count)


def frame_by_frame(settings: Sequence, draw: Callable[[Any], Image.Image]) -> Iterator[dict]:
    """The film of a slow network at SLOW_FRAMES settings as it grows, the middle and the ends first; a frame that is
    missing shows its neighbour. draw: setting -> its frame.
    """
    done: dict[int, Image.Image] = {}
    for frame in SLOW_ORDER:
        done[frame] = draw(settings[frame])
        row = [done[min(done, key=lambda other: abs(other - i))] for i in range(len(settings))]
        yield dict(src=data_uri(webp(side_by_side(row))), frames=len(row))


def file_of(stage: Stage, recipe: PictureRecipe, kind: str, note: str = "") -> tuple[bytes, str]:
    """Bytes and file name of what is taken away, a key of KNOBS_TAKEN; note: a sentence that goes with the licence.

    Raises RecipeError.
    """
    stem, notes = stage.stem(recipe), [note] if note else []
    if kind == "notebook":
        return stage.notebook(recipe), f"{stem}.ipynb"
    if kind in ("directions", "arrays"):
        data, suffix = export.directions_file(recipe, stage.directions(recipe), kind)
        return data, f"{stem}-directions.{suffix}"
    if kind == "picture":
        return export.png_of(stage.picture(recipe), recipe, *notes), f"{stem}.png"
    frames = stage.frames(recipe, STRIP if kind == "strip" else knobs.FRAMES, False)
    pictures = [enlarge(one, max(1, TAKEN_SIDE // frames[0].width)) for one in frames]
    facts, suffix = export.facts_of(recipe, *notes), "gif" if kind == "gif" else "webp"
    if kind == "strip":
        return png(side_by_side(pictures, gap=4), **facts), f"{stem}-strip.png"
    if kind == "mp4":
        return video(pictures, title=stem, **facts), f"{stem}.mp4"
    return animation(pictures, kind=suffix, **facts), f"{stem}.{suffix}"


# --- of pictures with knobs; `tab` is a page.tab.Tab


def of_knobs(tab: Any) -> Stage:
    def drawn(recipe: PictureRecipe, settings: Sequence[Sequence[float]], largest: int | None, *, quick: bool = False):
        images = knobs.render(recipe, tab.knobs(recipe), settings, quick=quick)
        return shown(images, recipe.model, largest=largest)

    def frames(recipe: PictureRecipe, count: int, quick: bool) -> list[Image.Image]:
        settings = knobs.settings_of(recipe, zoo.card(recipe.model).reach, count)
        return drawn(recipe, settings, knobs.FILM if quick else 2 * TAKEN_SIDE, quick=quick)

    def slow_film(recipe: PictureRecipe) -> Iterator[dict]:
        settings = knobs.settings_of(recipe, zoo.card(recipe.model).reach, knobs.SLOW_FRAMES)
        return frame_by_frame(settings, lambda one: drawn(recipe, [one], knobs.FILM, quick=True)[0])

    return Stage(
        lambda recipe: answer_of_knobs(tab, recipe, at_once=True),
        lambda recipe: drawn(recipe, [recipe.amounts], None)[0],
        frames,
        lambda recipe: notebook_of_knobs(tab, recipe),
        tab.stem or (lambda recipe: f"{tab.name}-{recipe.mark}"),
        full=lambda recipe: answer_of_knobs(tab, recipe),
        slow_film=slow_film,
        directions=lambda recipe: tab.knobs(recipe).directions,
    )


def answer_of_knobs(tab: Any, recipe: PictureRecipe, *, at_once: bool = False) -> dict:
    """All that the page shows of a recipe; without knobs where these are not there yet. Raises RecipeError.

    at_once: of a slow network first looks, and `exact` is False, where the pictures were not drawn before.
    """
    ready = tab.ready(recipe)
    found = tab.knobs(recipe) if ready else knobs.NONE
    if recipe.knob > len(found) - 1 >= 0:  # other layers, or another file, have fewer
        recipe = replace(recipe, knob=len(found) - 1)
    drawn, before = recipe if ready else replace(recipe, amounts=()), untouched(recipe)
    rough = at_once and pace_of(recipe.model).slow and not (has_bytes(drawn) and has_bytes(before))
    src = knobs.first_look(drawn, found) if rough else knobs.turned_bytes(drawn, found)
    return dict(
        tab.told(drawn, found),
        recipe=recipe.as_dict(),
        src=data_uri(src),
        before=data_uri(knobs.first_look(before) if rough else picture_bytes(before)),
        exact=not rough,
        query=recipe.query(),
        note=recipe.link_note(),
        sentence=tab.sentence(recipe),
        setup={**knobs.setup_of(recipe, found), **tab.setup(recipe), "ready": ready},
        pictures=address(tab.private(recipe)),
        live=live.live(recipe, found) if ready else None,
    )


def notebook_of_knobs(tab: Any, recipe: PictureRecipe) -> bytes:
    """A notebook that gets itself running, makes the picture, and draws the strip of the chosen knob."""
    found, card = tab.knobs(recipe), zoo.card(recipe.model)
    knob, reach = min(recipe.knob, len(found) - 1), card.reach
    alt = tab.told(recipe, found)["alt"]
    says = f"This notebook makes one picture ({alt}) with the model {card.title}, then turns one of its knobs."
    row, title = [round(reach * i / 3, 3) for i in range(-3, 4)], found.titles[knob]
    name = f"Knob {knob + 1} ({title})" if title else f"Knob {knob + 1}"
    turned = f"{name} from {-reach:g} to {reach:g} {found.unit}, the other knobs as above."
    return export.notebook(recipe, tab.code(recipe), says, knob, row, turned)


# --- the same by plain HTTP


def drawings_of(tab: Any) -> dict[str, Drawing]:
    """After, before and the film of the chosen knob, once the knobs are there."""

    def lacks(recipe: PictureRecipe) -> str:
        known = (tab.known or tab.ready)(recipe)
        return "" if known else "these knobs were not found yet: open the picture on the page first"

    def lacks_after(recipe: PictureRecipe) -> str:
        return lacks(recipe) if tab.stage or any(recipe.amounts) else ""

    def after(recipe: PictureRecipe) -> bytes:
        if tab.stage:
            return webp(tab.stage.picture(recipe))
        return knobs.turned_bytes(recipe, tab.knobs(recipe) if any(recipe.amounts) else knobs.NONE)

    return {
        "after": Drawing(after, lacks_after, keep=bool(tab.stage)),
        "before": Drawing(picture_bytes, keep=False),
        live.PACK: live.drawing(),
        "film": Drawing(lambda recipe: film(tab.shown, recipe), lacks, frames=knobs.FRAMES),
    }
