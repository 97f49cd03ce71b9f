"""The cell "Is this a copy?": the training renders nearest to the picture on screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image

from core import originals
from core.images import from_pil

from .blocks import paragraph, picture, tile, verdict
from .cells import Cell, Progress
from .words import texts

SAID = texts(__file__)


def copy_cell(picture_of: Callable[[Any], Image.Image], rests_on: tuple[str, ...]) -> Cell:
    """picture_of: recipe -> the picture on screen. rests_on: the fields that it depends on."""

    def copied(recipe: Any) -> Iterator[str | Progress]:
        if not originals.known(recipe.model):
            yield paragraph(SAID["unknown"])
            return
        yield Progress(SAID["looks"])
        image = from_pil(picture_of(recipe))
        found = originals.originals(recipe.model, image)
        this = tile(picture(image), SAID["this"], SAID["this"])
        shown = "".join(
            f'<h4>{SAID[kind]}</h4><div class="tiles">{this}{"".join(map(_render, one.originals))}</div>'
            + verdict(one.sentence())
            for kind, one in found.items()
        )
        yield shown + paragraph(SAID["scale"])

    return Cell("copy", run=copied, rests_on=rests_on, place="true", of_reader=True, **SAID["cell"])


def _render(one: originals.Original) -> str:
    mirrored = ", mirrored" if one.mirrored else ""
    return tile(picture(one.image[None]), f"training picture {one.seed:,}{mirrored}", f"{one.seed:,}{mirrored}")
