"""Python and a notebook that restore a recipe's picture, the same way as the page does."""

from __future__ import annotations

from core import zoo
from core.inversion import vgg
from core.inversion.restoration import OFFICIAL

from ..page.export import MOVED, SAVED, STEP_IMPORT, about, label_code, notebook_of, opening, set_up, step_line
from ..page.picture import opened
from ..page.sources import code_lines
from .recipe import PHOTO, STEERED, WORDS, Restoration

CODE = WORDS["code"]
EDITED = 'edited.save("edited.png")\n'


def code_for(recipe: Restoration) -> str:
    """Python that restores the picture when run in the repository's root; it ends with a file picture.png, and where
    knobs are turned with edited.png.

    An example is in the place of a picture of one's own; a file of directions must lie beside it.
    """
    return _lines(recipe.public()) + SAVED + _edit(recipe, EDITED)


def notebook_for(recipe: Restoration, says: str) -> bytes:
    """A notebook (nbformat 4) that gets itself running, restores the picture, and shows truth, observed and answer."""
    beside = CODE["beside"].format(side=4 * recipe.side)
    cells = [("markdown", about(recipe, says)), ("code", set_up()), ("code", _lines(recipe))]
    cells += [("markdown", "The truth, what was observed of it, and the answer."), ("code", beside)]
    edit = _edit(recipe, CODE["edited_here"].format(side=4 * recipe.side))
    return notebook_of([*cells, *[("markdown", CODE["edit_says"]), ("code", edit)] * bool(edit)])


def _edit(recipe: Restoration, last: str) -> str:
    """The lines that turn the recipe's knobs on what was restored, with the last one; "" where none is turned."""
    if not any(recipe.amounts):
        return ""
    imports, lines = code_lines(recipe.knob_set)
    imports = sorted({*imports, STEP_IMPORT, "from core.codes import edit"})
    amounts = f"amounts = {list(recipe.amounts[: max(i + 1 for i, far in enumerate(recipe.amounts) if far)])}"
    turned = [*lines, step_line(recipe), amounts, "codes = step.picture.codes", MOVED]
    return "\n".join(["", *imports, "", *turned, CODE["edited"], last])


def _lines(recipe: Restoration) -> str:
    card, drawn = zoo.card(recipe.model), recipe.shows in ("network", STEERED)
    reader, generator = opening(card)
    function, compared, *loss_imports = CODE["losses"][recipe.loss]
    truth, *picture_imports = CODE[
        "drawn" if drawn else "photo" if recipe.shows == PHOTO else "rendered"
    ]  # [1, 3, R, R], in whole levels of 255
    psi = f", psi={recipe.truncation}" if drawn and opened(recipe.model).has_truncation else ""
    losses = f"from core.inversion.losses import {', '.join(sorted((function, 'seen_through')))}"
    imports = {*CODE["imports"], *CODE["damage_imports"].get(recipe.task, ()), *loss_imports, *picture_imports}
    damage = CODE["damage"].get(recipe.task, "").format(recipe=recipe)
    return CODE["lines"].format(
        imports="\n".join(sorted(imports | {reader, losses}, key=lambda line: (line.startswith("from core"), line))),
        generator=generator,
        truth=truth.format(recipe=recipe, psi=psi, label=label_code(recipe), spread=card.spread),
        damage=f'"{recipe.task}", "{recipe.kind}", {recipe.amount:g}, {recipe.side}{damage}',
        compared=compared.format(model=recipe.model, file=vgg.FILE),
        hinted=f'\nloss = tasks.hinted(loss, "{recipe.hints}", {recipe.side})' if recipe.hints else "",
        recipe=recipe,
        label=label_code(recipe),
        way="official=True" if recipe.optimiser == OFFICIAL else f'optimiser="{recipe.optimiser}"',
        shown=CODE["kept" if recipe.keep else "raw"],
    )
