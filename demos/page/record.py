"""Record what a tab shows on arrival: its answer, its film, its code and its first sentence, with its pictures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .arrival import ARRIVAL, picture_in, save
from .cells import last_of
from .picture import PictureRecipe
from .stage import film_part
from .tab import Tab, answer, code_for


def record(
    tab: Tab, recipe: PictureRecipe | None = None, folder: Path = ARRIVAL, cells: Iterable[str] | None = None
) -> list[str]:
    """Writes the arrival of a tab, with what its `cells` of these names, or all of them, end with.

    recipe: None: the tab's first. Returns the names of the files.
    """
    recipe = recipe or tab.first()
    shown, moving = answer(tab, recipe, full=True), film_part(tab.shown, recipe)
    pictures = {name: one for name, one in shown.items() if isinstance(one, str) and one.startswith("data:image")}
    images = {
        "after" if name == "src" else name: picture_in(one)
        for name, one in {**pictures, "strip": moving.pop("src")}.items()
    }
    found = dict(
        made_from=tab.made_from(recipe.model),
        recipe=recipe.as_dict(),
        answer={name: one for name, one in shown.items() if name not in pictures},
        film=dict(moving, key="arrival"),
        code=code_for(tab, recipe),
        sentence=tab.sentence(recipe),
        cells={
            one.name: dict(html=last_of(one, recipe)["html"], recipe=recipe.as_dict())
            for one in tab.cells
            if cells is None or one.name in cells
        },
    )
    return save(tab.name, found, images, folder)
