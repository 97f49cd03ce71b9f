"""Look inside: which channel of a class-conditional GAN makes which class; switch one off, keep few, cross, cut.

What channel awareness is here is our formulation (core.channels), and the page and every export say so.
"""

from __future__ import annotations

from pathlib import Path

from core import zoo
from core.channels.awareness import rectified_mean
from core.channels.editing import hybrid
from core.evidence import file_hash

from ..page import models
from ..page.cells import Cell, truth_cell
from ..page.picture import shown
from ..page.stage import Stage
from ..page.tab import Tab, words_of
from . import channel, classes, measures, recipe
from .recipe import Look

PICTURE = ("model", "seed", "label", "psi")
LEADS = {
    "few": "Of every gate only the most aware channels are kept, all others are off; beside it, as many random ones.",
    "cross": "The same noise, two classes: the channels that the other class opens most come from it.",
    "cut": "Nobody labelled a pixel: places where the channels say the same become one piece (k-means), "
    "weighted by awareness or not.",
    "alike": "Two classes are alike where they open the same channels more than other classes do.",
    "compare": "By formula, from the weights; by watching, the mean of what the channel lets through; by experiment, "
    "switching the channel off and comparing pictures. The experiment is the truth about what a channel does; "
    "it takes longest.",
}
NOT_MEASURED = (
    "Not measured yet for this network. What stands on this page is measured on the pictures on screen; “Compare "
    "methods” puts formula, observation and experiment side by side for the chosen gate."
)


# --- a look in, pictures and words out


def answer(look: Look, *, full: bool = False) -> dict:
    """What the page shows of a look; full: beside random channels, which takes eight more pictures the first time."""
    untouched, after = channel.before(look).picture, channel.changed(look)
    random = channel.beside(look, measure=full)
    active, active_says = channel.active_where(look)
    found = dict(
        recipe=look.as_dict(),
        query=look.query(),
        note=look.link_note(),
        before=channel.uri(untouched),
        src=channel.uri(after),
        active=active,
        active_says=active_says,
        verdict=channel.verdict(look, after, random),
        measured=random is not None,
        dots=channel.dots(look),
        users=channel.users(look),
        caption=channel.told(look),
        alt=recipe.alt_text(look),
        named=recipe.named(look),
        other=recipe.class_names(look.model)[look.other],
        used=list(recipe.gates_of(look)),
        setup=setup_of(look),
    )
    return dict(found, html=dict(dots=channel.dots_html(look), looked=channel.looked_html(look, found)))


def setup_of(look: Look) -> dict:
    """What the controls need of a network: its classes and its gates."""
    gates = [recipe.awareness_of(look.model, gate).shape[1] for gate in range(recipe.gate_count(look))]
    names = {str(i): f"{recipe.gate_name(look.model, i)}, {count} channels" for i, count in enumerate(gates)}
    return dict(
        models.facts(look.model),
        names=list(recipe.class_names(look.model)),
        options=dict(gate=names),
        controls=dict(channel=dict(hint=f"0 to {gates[look.gate] - 1} at this gate")),
    )


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of this tab rest on; "" where there is none."""
    reader = zoo.WEIGHTS / f"{zoo.card(model).world}-parts.safetensors"
    return dict(weights=zoo.weights_hash(model), parts=file_hash(reader))


def sentence(look: Look) -> str:
    """What the channel was measured to draw, or to shape, on this picture; a bare sentence where no part stands out
    against random channels.
    """
    name, does = channel.part_of(look)
    if not name:
        return "Switch one channel of this network off and see what goes."
    return f"One of this network’s channels {does} the {name}. Switch it off."


# --- the tab


CELLS = (
    Cell(
        "few",
        "How few channels make a class?",
        LEADS["few"],
        "Keep only few channels",
        classes.few,
        PICTURE,
        says="Keeping few channels …",
        html=classes.few_html,
        drawn=("slider",),
        endpoint="keep",
    ),
    Cell(
        "cross",
        "Cross two classes",
        LEADS["cross"],
        "Cross them",
        classes.cross,
        (*PICTURE, "other", "gates", "mix"),
        says="Crossing …",
        html=classes.cross_html,
        fields=("other", "gates", "mix"),
        folded=True,
        drawn=("slider",),
        endpoint="hybrid",
    ),
    Cell(
        "cut",
        "Cut out",
        LEADS["cut"],
        "Cut into pieces",
        measures.cut,
        (*PICTURE, "gates", "pieces", "weighted"),
        says="Cutting …",
        html=measures.cut_html,
        fields=("pieces", "gates", "weighted"),
        folded=True,
    ),
    Cell(
        "alike",
        "Who is like whom?",
        LEADS["alike"],
        "Compare the classes",
        classes.alike,
        ("model", "label"),
        says="Comparing …",
        html=measures.told_html,
        folded=True,
    ),
    Cell(
        "compare",
        "Formula, watching, experiment",
        LEADS["compare"],
        "Measure every channel of this gate",
        measures.compare,
        (*PICTURE, "gate"),
        place="compare",
        says="Measuring …",
        html=measures.told_html,
        endpoint="measures",
    ),
    truth_cell("channels", NOT_MEASURED, judged=False),
)
STAGE = Stage(
    answer,
    picture=lambda look: shown(channel.changed(look), look.model)[0],
    frames=channel.frames,
    notebook=recipe.notebook_for,
    stem=lambda look: f"class{look.label}-seed{look.seed}-gate{look.gate}-channel{look.channel}",
    full=lambda look: answer(look, full=True),
    scripts=("inside/stage",),
)
TAB = Tab(
    "inside",
    "Look inside",
    Look,
    lead="A formula finds the channels that a class opens most, from the weights alone; what they do, you try.",
    sentence=sentence,
    code=recipe.code_of,
    **words_of(str(Path(__file__).with_name("method"))),
    sources=(rectified_mean, hybrid),
    cells=CELLS,
    made_from=made_from,
    stage=STAGE,
    beside=("label", "seed", "gate", "amount"),
    bare="Every class opens channels of its own in this network. Switch one off and see what goes.",
    needs="This tab looks into networks that draw by class, and none is on this machine yet: fetch one from the list "
    "below, which says its size and licence, or start the page with python app.py --weights FILE and a BigGAN or "
    "BigGAN-deep of yours.",
    note=recipe.FORMULATION,
    for_programs='recipe: {"model": "objects-biggan", "label": "mug", "seed": 0, "gate": 4, "channel": 17, "amount": 0}'
    "; amount 0 switches the channel off, 1 leaves it; all but model may be left out. " + recipe.FORMULATION,
)
