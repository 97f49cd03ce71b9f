"""My picture: from a picture to the codes behind it, in one pass; then every knob of every tab works on it."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from core import evidence, zoo
from core.evidence import file_hash
from core.images import webp
from core.inversion import indomain, losses

from ..page import found as finding
from ..page.attribute_knobs import SLOPES_IMPORT, slopes_code
from ..page.blocks import data_uri
from ..page.cells import Cell, truth_cell
from ..page.export import STEP_IMPORT, Code, step_line
from ..page.labels import judge_of, labels_of, read_labels
from ..page.own import KEPT, own_extra
from ..page.picture import render, shown
from ..page.stage import answer_of_knobs
from ..page.tab import Tab, words_of
from . import experiments, outlines
from .recipe import FIRST, WAY, MyPicture, knobs_of

NAME = MyPicture.tab


def first() -> MyPicture:
    """Render 2, the first whose copy by the encoder is closer than the median of 64."""
    plain = MyPicture(MyPicture.default_model())
    return MyPicture(plain.model, found="render-2", knob=judge_of(plain).names.index(FIRST))


def answer(recipe: MyPicture) -> dict:
    """What the page shows: before is the picture that was given, after what the network draws of it."""
    given = finding.target(recipe.model, recipe.found) if recipe.found else render(recipe)
    return dict(answer_of_knobs(TAB, recipe, at_once=True), before=data_uri(webp(shown(given, recipe.model)[0])))


def sentence(recipe: MyPicture) -> str:
    if not recipe.found:
        return f"{recipe.which.capitalize()} is the network’s own: its codes are known."
    close = float(losses.psnr(render(recipe), finding.target(recipe.model, recipe.found)))
    told = finding.given(recipe.found)
    how = "One pass of an encoder finds" if told.domain is None else "A search from the encoder’s codes finds"
    never = (
        "The network never saw this face." if zoo.card(recipe.model).world else "A held-out picture of the network’s."
    )
    if told.token:
        usual = usual_closeness(recipe.model)
        beside = f"; of faces of its own world {usual:.1f} dB" if usual else ""
        return f"{how} a face like your picture that the network can draw, {close:.1f} dB close{beside}."
    return f"{never} {how} codes that draw it, {close:.1f} dB close."


def usual_closeness(model: str) -> float | None:
    """Of the encoder's copies of held-out renders, dB, median; None where it was not measured."""
    found = evidence.recorded(model, "encoder")
    return found and median(found["found"]["ways"]["encoder"]["psnr"])


def code(recipe: MyPicture) -> Code:
    """The lines that make `directions`, `steps` and `amounts` in the code cell; none where no knob is turned."""
    if not any(recipe.amounts):
        return Code([], [], moves=False, drawn="generator(codes)")
    last = max([i + 1 for i, amount in enumerate(recipe.amounts) if amount], default=1)
    slots = tuple(range(zoo.load(recipe.model).slots))
    imports = [
        "from core import zoo",
        SLOPES_IMPORT,
        "from core.boundaries.pure import pure",
        "from core.codes import codes_in_turn",
        STEP_IMPORT,
    ]
    lines = [
        f'judge = zoo.load_fitted_judge("{recipe.model}")',
        *slopes_code(labels_of(recipe)),
        f"directions = pure(generator, slopes, {slots}, lam={WAY.lam:g}, fixed=[])",
        step_line(recipe),
        f"amounts = {list(recipe.amounts[:last])}",
    ]
    return Code(imports, lines)


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of this tab rest on; "" where there is none."""
    path = zoo.encoder_path(model)
    return dict(evidence.made_from(model, "attributes", "encoder"), encoder=file_hash(path) if path else "")


PICTURE = ("model", "found", "paste", "seed", "psi")
CELLS = (
    Cell(
        "copied",
        "Copied or understood?",
        "Three ways to find codes of this picture: the encoder alone, a search from there that stays where the "
        "encoder finds it again, and a search alone. How close is each, and what does the chosen knob do to it?",
        "Search, and turn all three",
        experiments.copied,
        (*PICTURE, "domain", "knob"),
        fields=("domain",),
        says="Searching …",
    ),
    Cell(
        "blend",
        "Blend in",
        "A box of another picture is laid on this one, and the network makes it at home there.",
        "Blend it in",
        experiments.blended,
        (*PICTURE, "other", "box"),
        fields=("other", "box"),
        says="Blending …",
    ),
    Cell(
        "mixed",
        "From one to the other, and levels of both",
        "The way between the codes of this picture and of the other one above; coarse, middle and fine layers of each, "
        "and of a third.",
        "Mix them",
        experiments.mixed,
        (*PICTURE, "other"),
    ),
    Cell(
        "swap",
        "Swap outline and details",
        "What the first layers find outside of their maps, their padding, says where things lie. This picture and the "
        "other one above swap it.",
        "Swap",
        outlines.swap,
        (*PICTURE, "other"),
    ),
    Cell(
        "painted",
        "Paint one, apply to all",
        "This picture before and after a paint: the difference of their codes and outlines is done to other faces.",
        "Apply to others",
        outlines.painted,
        (*PICTURE, "paint"),
        fields=("paint",),
    ),
    Cell(
        "alike",
        "Look for pictures like this",
        "Of 10,000 faces that no training saw, the nearest by the codes of coarse, middle and fine layers.",
        "Look",
        experiments.alike,
        PICTURE,
    ),
    truth_cell("encoder", judged=False),
)
RECORDED = ("copied", "blend", "mixed", "swap", "painted", "alike", "truth")  # cells that the arrival has
TAB = Tab(
    NAME,
    "My picture",
    MyPicture,
    lead="A face that the network never saw, or your own: an encoder finds the numbers behind it. The bundled "
    f"network has only ever seen cartoon people. {KEPT}",
    sentence=sentence,
    code=code,
    sources=(indomain.invert, indomain.outside),
    cells=CELLS,
    made_from=made_from,
    knobs=knobs_of,
    first=first,
    ready=lambda recipe: labels_of(recipe) is not None,
    known=lambda recipe: labels_of(recipe) is not None,
    prepare=read_labels,
    answer=answer,
    doors=("steer", "paint", "attributes"),
    extras=(own_extra(NAME, "stage", "my_picture/own"),),
    needs="No network with an encoder is here: this tab needs one.",
    **words_of(str(Path(__file__).with_name("method.md"))),
)
