"""Python and a notebook that restore a recipe's picture, the same way as the page does."""

from __future__ import annotations

from core import zoo

from ..page.export import SAVED, SET_UP, about, label_code, notebook_of, opening
from ..page.picture import opened
from .problem import seed_of, side_of, truncation_of
from .recipe import Restoration
from .settings import OWN, STEERED, VGG_FILE

LOSSES = {  # by name: the functions, more imports, the expression
    "pixels": ("pixel", (), "pixel"),
    "features": ("closeness", ("from core.zoo import load_critic",), 'closeness(load_critic("{model}"))'),
    "structure": ("natural", (), "natural()"),
    "vgg": (
        "closeness",
        ("from core.inversion.vgg import load as load_vgg",),
        f'closeness(load_vgg("{VGG_FILE}"))',
    ),
}
BESIDE = """from core.images import strip

shown = [to_pil(truth)[0], to_pil(observed.clamp(-1, 1))[0], picture]
strip([one.resize(({side}, {side}), 0) for one in shown], gap=8)"""


def code_for(recipe: Restoration) -> str:
    """Python that restores the picture when run in the repository's root; it ends with a file picture.png."""
    return _lines(recipe) + SAVED


def notebook_for(recipe: Restoration, says: str) -> bytes:
    """A notebook (nbformat 4) that gets itself running, restores the picture, and shows truth, observed and answer."""
    return notebook_of(
        [
            ("markdown", about(recipe, says)),
            ("code", SET_UP),
            ("code", _lines(recipe)),
            ("markdown", "The truth, what was observed of it, and the answer."),
            ("code", BESIDE.format(side=4 * side_of(recipe))),
        ]
    )


def _lines(recipe: Restoration) -> str:
    (reader, expression), side = opening(zoo.card(recipe.model)), side_of(recipe)
    function, more, compared = LOSSES[recipe.loss]
    shown_imports, shown = _picture(recipe)
    imports = {
        "import torch",
        reader,
        "from core.images import in_levels, to_pil"
        if recipe.shows != OWN
        else "from core.images import from_pil, to_pil",
        "from core.inversion import tasks",
        f"from core.inversion.losses import {', '.join(sorted((function, 'seen_through')))}",
        "from core.inversion.multicode import invert",
        *more,
        *shown_imports,
        *(["from core.regions import from_text, resized"] if recipe.task == "fill" else []),
    }
    way = "official=True" if recipe.optimiser == "official" else f'optimiser="{recipe.optimiser}"'
    beside = "        # the file of VGG-16 must lie beside" if recipe.loss == "vgg" else ""
    return "\n".join(
        [
            *sorted(imports, key=lambda line: (line.startswith("from core"), line)),
            "",
            f"generator = {expression}",
            shown,
            f"degradation = tasks.degradation({_degradation(recipe)})",
            "observed = truth" if recipe.as_is else "observed = degradation.apply(truth)",
            f"loss = seen_through(degradation, {compared.format(model=recipe.model)}){beside}",
            *([f'loss = tasks.hinted(loss, "{recipe.hints}", {side})'] if recipe.hints else []),
            f"for step in invert(generator, observed, layer={recipe.layer}, n_codes={recipe.codes}, "
            f"steps={recipe.steps}, loss=loss,",
            f"                   seed={recipe.start}{label_code(recipe)}, {way}):",
            "    pass",
            "with torch.no_grad():",
            "    restored = step.picture.draw(step.picture.codes).clamp(-1, 1)",
            "picture = to_pil(degradation.agreeing(restored, observed))[0]        # with what was observed put back"
            if recipe.keep
            else "picture = to_pil(restored)[0]",
            "",
        ]
    )


def _degradation(recipe: Restoration) -> str:
    """What `tasks.degradation` is given."""
    side = side_of(recipe)
    hole = f', hole=resized(from_text("{recipe.region}"), {side})' if recipe.task == "fill" else ""
    seed = f", seed={recipe.picture}" if recipe.task == "noise" else ""
    return f'"{recipe.task}", "{recipe.kind}", {recipe.amount:g}, {side}{hole}{seed}'


def _picture(recipe: Restoration) -> tuple[list[str], str]:
    """Imports, and the line that makes `truth` [1, 3, R, R], in whole levels of 255, as the page shows it."""
    card, seed = zoo.card(recipe.model), seed_of(recipe)
    if recipe.shows == OWN:
        side = recipe.observed_side if recipe.as_is else card.resolution
        return (
            ["from PIL import Image"],
            f'truth = from_pil(Image.open("own.png").resize(({side}, {side})))        # a square cut of your picture',
        )
    if recipe.shows in ("network", STEERED):
        psi = f", psi={truncation_of(recipe)}" if opened(recipe.model).has_truncation else ""
        codes = f"generator.codes(generator.sample(1, seed={seed}){psi}{label_code(recipe)})"
        return [], f"truth = in_levels(generator({codes}).clamp(-1, 1))"
    drawn = f'pictures("{recipe.shows}", 1, {seed}, resolution={card.resolution}, spread="{card.spread}")'
    return ["from core.truth.worlds import pictures"], f"truth = in_levels({drawn})"
