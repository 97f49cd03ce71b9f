"""Restyle: one picture teaches a network its style, and every face, knob and tab has it then."""

from __future__ import annotations

from pathlib import Path

from core import adaptation, evidence, zoo
from core.adaptation import adaptor_bytes
from core.images import webp

from ..page import stage as stages
from ..page.blocks import data_uri
from ..page.cells import Cell, truth_cell
from ..page.export import STEP_IMPORT, Code, step_line
from ..page.fields import RecipeError
from ..page.handlers import refused
from ..page.knobs import FRAMES, Knobs, render
from ..page.own import KEPT, own_extra
from ..page.picture import picture_bytes, shown
from ..page.pictures import Drawing
from ..page.tab import Tab, words_of
from . import experiments
from .recipe import MOST, STYLES, WAY, Restyle, adaptor_path, made_of, teachable

NAME, HARDLY, PARTLY = Restyle.tab, 0.9, 0.5  # from so much of the way to an exact style that is left on


def first() -> Restyle:
    return Restyle(Restyle.default_model(), seed=27)


def knobs_of(recipe: Restyle) -> Knobs:
    """SeFa's knobs of the styled network, in all layers."""
    return made_of(recipe).knobs


def drawn_bytes(recipe: Restyle) -> bytes:
    return webp(shown(render(recipe, knobs_of(recipe), [recipe.amounts]), recipe.model)[0])


def answer(recipe: Restyle) -> dict:
    """What the page shows: before is the face as it was, after in the style, with its knobs turned."""
    return dict(
        stages.answer_of_knobs(TAB, recipe, at_once=True), src=data_uri(drawn_bytes(recipe)), exact=True, live=None
    )


def untaught(model: str) -> str:
    """Why nothing can be taught to the network, a sentence; "" where something can."""
    try:
        teachable(model)
    except RecipeError as error:
        return refused(error)["error"]
    return ""


def sentence(recipe: Restyle) -> str:
    if made_of(recipe).adaptor is None:
        if untaught(recipe.model):
            return "This network cannot be taught a style here: its pictures stay as they were."
        called = experiments.called(recipe)
        return f"{called[:1].upper()}{called[1:]} has not been taught yet: this face is as it was."
    if recipe.own:
        return "Every face has learned from your picture."
    left = experiments.share_left(recipe)
    if left > HARDLY:
        return "One picture hardly taught this style: every face is nearly as it was."
    return f"One picture taught every face {'a part of ' * (left > PARTLY)}this style."


def setup(recipe: Restyle) -> dict:
    """untaught: see `untaught`. controls: none of an exact style where an own picture gives it."""
    controls = dict(style=None, face=None) if recipe.own else {}
    return dict(controls=controls, untaught=untaught(recipe.model))


def code(recipe: Restyle) -> Code:
    """The lines that style the generator, and those of its knobs, which the notebook turns."""
    made, imports, lines = made_of(recipe), [], []
    if made.adaptor is not None:
        imports = ["from core.adaptation import adapted, load_adaptor", "from core.zoo import WEIGHTS, weights_hash"]
        path = f'WEIGHTS / "evidence" / "{made.file}"' if made.file else '"adaptor.safetensors"'
        beside = "" if made.file else "  # of “Take it away”: it must lie beside"
        lines = [f"path = {path}{beside}", f'adaptor = load_adaptor(path, weights=weights_hash("{recipe.model}"))']
        lines.append("generator = adapted(generator, adaptor)")
    last = max((i + 1 for i, amount in enumerate(recipe.amounts) if amount), default=1)
    found = WAY.line.format(k=min(MOST, made.network.dim), some="", label="")
    return Code(
        [STEP_IMPORT, WAY.imports, *imports],
        [*lines, found, step_line(recipe), f"amounts = {list(recipe.amounts[:last])}"],
    )


def file(recipe: Restyle, kind: str) -> tuple[bytes, str]:
    """Bytes and name of what is taken away. Raises RecipeError."""
    if kind == "network":
        return experiments.network_file(recipe)
    if kind != "adaptor":
        return stages.file_of(TAB.shown, recipe, kind)
    made = made_of(recipe)
    if made.adaptor is None:
        raise RecipeError(f"{experiments.called(recipe)} has not been taught yet: press “Teach it” first")
    picture = "of a visitor's own" if recipe.own else f"{recipe.style}, face {recipe.face}"
    facts = dict(base=recipe.model, picture=picture, best=str(made.steps), steps=str(adaptation.STEPS), seed="0")
    return adaptor_bytes(made.adaptor, weights=zoo.weights_hash(recipe.model), **facts), "adaptor.safetensors"


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of this tab rest on; "" where there is none."""
    paths = {f"adaptor-{style}": adaptor_path(model, style) for style in STYLES}
    return evidence.made_from(model, "adaptation") | {
        name: evidence.file_hash(path) if path.exists() else "" for name, path in paths.items()
    }


TAUGHT = ("model", "style", "face", "own")
CELLS = (
    Cell(
        "learn",
        "Watch it learn",
        "The network stays as it is; a small adaptor of its codes learns from the one picture. Stop keeps the best.",
        "Teach it",
        experiments.learn,
        TAUGHT,
        fields=("style", "face"),
        says="Learning …",
        drawn=("taught",),
    ),
    Cell(
        "far",
        "How far did it get?",
        "An exact style is known for every face, so the way that is left can be measured.",
        "Measure it",
        experiments.far,
        TAUGHT,
    ),
    truth_cell("adaptation", judged=False),
)
RECORDED = ("learn", "far", "truth")  # cells that the arrival has
TAB = Tab(
    NAME,
    "Restyle",
    Restyle,
    lead="One picture is enough: a face in a style that you choose, or a picture of your own, gives every face that "
    f"style. {KEPT}",
    sentence=sentence,
    code=code,
    sources=(adaptation.adapt, adaptation.beyond_one_map, adaptation.adapted),
    cells=CELLS,
    made_from=made_from,
    setup=setup,
    knobs=knobs_of,
    first=first,
    answer=answer,
    drawings={
        "after": Drawing(drawn_bytes, keep=False),
        "before": Drawing(picture_bytes, keep=False),
        "film": Drawing(lambda recipe: stages.film(TAB.shown, recipe), frames=FRAMES, keep=False),
    },
    files={**stages.KNOBS_TAKEN, "adaptor": "Adaptor (.safetensors)", "network": "Styled network (.safetensors)"},
    file=file,
    doors=("steer", "my_picture"),
    extras=(
        own_extra(NAME, "learn", "restyle/restyle", "Or a picture of your own"),
        experiments.card_extra(NAME, "far"),
    ),
    needs="No network with a critic is here that can be taught: this tab needs one.",
    **words_of(str(Path(__file__).with_name("method.md"))),
)
