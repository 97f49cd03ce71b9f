"""Python and a notebook that restore a recipe's picture, the same way as the page does."""

from __future__ import annotations

from core import zoo

from ..page.export import SAVED, SET_UP, about, label_code, notebook_of, opening
from ..page.picture import opened
from .problem import HINTED, degradation_of, seed_of, side_of, truncation_of
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
    reader, expression = opening(zoo.card(recipe.model))
    function, more, compared = LOSSES[recipe.loss]
    functions = {"seen_through", function, *(("hints", "total") if recipe.hints else ())}
    shown_imports, shown_lines = _picture(recipe)
    imports = {
        "import torch",
        reader,
        "from core.images import to_pil",
        f"from core.inversion.degradations import {type(degradation_of(recipe)).__name__}",
        f"from core.inversion.losses import {', '.join(sorted(functions))}",
        "from core.inversion.multicode import invert",
        *more,
        *shown_imports,
        *(["from core.regions import from_text, resized"] if recipe.task == "fill" or recipe.hints else []),
    }
    way = "official=True" if recipe.optimiser == "official" else f'optimiser="{recipe.optimiser}"'
    beside = "        # the file of VGG-16 must lie beside" if recipe.loss == "vgg" else ""
    return "\n".join(
        [
            *sorted(imports, key=lambda line: (line.startswith("from core"), line)),
            "",
            f"generator = {expression}",
            *shown_lines,
            f"degradation = {_degradation(recipe)}",
            "observed = truth" if recipe.as_is else "observed = degradation.apply(truth)",
            f"loss = seen_through(degradation, {compared.format(model=recipe.model)}){beside}",
            *_hints(recipe),
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
    side = side_of(recipe)
    noise = (
        f"Specks.scattered({side}, {side}, share={recipe.amount:g}, seed={recipe.picture})"
        if recipe.kind == "specks"
        else f"GaussianNoise({recipe.amount:g}, seed={recipe.picture})"
    )
    return {
        "enlarge": f'Shrink({recipe.amount:g}, "{recipe.kind}")',
        "colour": "Grey()",
        "copy": "Copy()",
        "fill": f'Hole(~resized(from_text("{recipe.region}"), {side}))',
        "noise": noise,
    }[recipe.task]


def _picture(recipe: Restoration) -> tuple[list[str], list[str]]:
    """Imports, and lines that make `truth` [1, 3, R, R]."""
    card, seed, side = zoo.card(recipe.model), seed_of(recipe), side_of(recipe)
    images = "from core.images import from_uint8, to_uint8"
    whole_levels = "truth = from_uint8(to_uint8(truth))        # whole levels of 255, as the page shows it"
    if recipe.shows == OWN:
        side = recipe.observed_side if recipe.as_is else side
        return (
            ["from PIL import Image", "from core.images import from_pil"],
            [f'truth = from_pil(Image.open("own.png").resize(({side}, {side})))        # a square cut of your picture'],
        )
    if recipe.shows in ("network", STEERED):
        psi = f", psi={truncation_of(recipe)}" if opened(recipe.model).has_truncation else ""
        codes = f"generator.codes(generator.sample(1, seed={seed}){psi}{label_code(recipe)})"
        return [images], [f"truth = generator({codes}).clamp(-1, 1)", whole_levels]
    world = recipe.shows
    labels = f", {world}.labels(1, {seed})" if world == "objects" else ""
    return (
        [f"from core.truth.worlds import {world}", images],
        [
            f'factors = {world}.sample(1, {seed}, spread={world}.SPREADS["{card.spread}"])',
            f"truth = {world}.render(factors{labels}, resolution={side}).images",
            whole_levels,
        ],
    )


def _hints(recipe: Restoration) -> list[str]:
    if not recipe.hints:
        return []
    side = side_of(recipe)
    lines = [f"colours, where = torch.zeros(1, 3, {side}, {side}), torch.zeros({side}, {side}, dtype=torch.bool)"]
    for one in recipe.hints.split("~"):
        colour, _, region = one.partition(".")
        levels = [round(value / 127.5 - 1, 4) for value in bytes.fromhex(colour)]
        lines += [
            f'painted = resized(from_text("{region}"), {side})',
            f"colours[:, :, painted] = torch.tensor({levels}).reshape(1, 3, 1)",
            "where |= painted",
        ]
    return [*lines, f"loss = total((1.0, loss), ({HINTED}, hints(colours, where)))"]
