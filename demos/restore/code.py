"""Python and a notebook that restore a recipe's picture, the same way as the page does."""

from __future__ import annotations

from core import zoo
from core.inversion import vgg
from core.inversion.restoration import OFFICIAL

from ..page.export import SAVED, SET_UP, about, label_code, notebook_of, opening
from ..page.picture import opened
from .recipe import STEERED, WORDS, Restoration

CODE = WORDS["code"]


def code_for(recipe: Restoration) -> str:
    """Python that restores the picture when run in the repository's root; it ends with a file picture.png.

    It is of what a link can hold: an example in the place of a picture of one's own.
    """
    return _lines(recipe.shared()) + SAVED


def notebook_for(recipe: Restoration, says: str) -> bytes:
    """A notebook (nbformat 4) that gets itself running, restores the picture, and shows truth, observed and answer."""
    beside = CODE["beside"].format(side=4 * recipe.side)
    cells = [("markdown", about(recipe, says)), ("code", SET_UP), ("code", _lines(recipe))]
    return notebook_of([*cells, ("markdown", "The truth, what was observed of it, and the answer."), ("code", beside)])


def _lines(recipe: Restoration) -> str:
    reader, generator = opening(zoo.card(recipe.model))
    function, compared, *more = CODE["losses"][recipe.loss]
    picture_imports, truth = _picture(recipe)
    imports = {
        "import torch",
        reader,
        "from core.images import in_levels, to_pil",
        "from core.inversion import tasks",
        f"from core.inversion.losses import {', '.join(sorted((function, 'seen_through')))}",
        "from core.inversion.multicode import invert",
        *more,
        *picture_imports,
        *(["from core.regions import from_text, resized"] if recipe.task == "fill" else []),
    }
    return CODE["lines"].format(
        imports="\n".join(sorted(imports, key=lambda line: (line.startswith("from core"), line))),
        generator=generator,
        truth=truth,
        damage=_damage(recipe),
        compared=compared.format(model=recipe.model, file=vgg.FILE),
        hinted=f'\nloss = tasks.hinted(loss, "{recipe.hints}", {recipe.side})' if recipe.hints else "",
        recipe=recipe,
        label=label_code(recipe),
        way="official=True" if recipe.optimiser == OFFICIAL else f'optimiser="{recipe.optimiser}"',
        shown=CODE["kept" if recipe.keep else "raw"],
    )


def _damage(recipe: Restoration) -> str:
    """What `tasks.degradation` is given."""
    hole = f', hole=resized(from_text("{recipe.region}"), {recipe.side})' if recipe.task == "fill" else ""
    seed = f", seed={recipe.picture}" if recipe.task == "noise" else ""
    return f'"{recipe.task}", "{recipe.kind}", {recipe.amount:g}, {recipe.side}{hole}{seed}'


def _picture(recipe: Restoration) -> tuple[list[str], str]:
    """Imports, and what makes `truth` [1, 3, R, R], in whole levels of 255, as the page shows it."""
    if recipe.shows in ("network", STEERED):
        psi = f", psi={recipe.truncation}" if opened(recipe.model).has_truncation else ""
        return [], CODE["drawn"].format(seed=recipe.seed, psi=psi, label=label_code(recipe))
    spread = zoo.card(recipe.model).spread
    return ["from core.truth.worlds import pictures"], CODE["rendered"].format(recipe=recipe, spread=spread)
