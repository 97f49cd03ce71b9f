"""Look inside: which channel of a class-conditional GAN makes which class; switch one off, keep few, cross, cut.

What channel awareness is here is our formulation (core.channels), and the page and every export say so.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from core import zoo
from core.channels.awareness import rectified_mean
from core.channels.editing import hybrid
from core.classes import class_names
from core.evidence import file_hash
from core.parts import reader_file

from ..page import models
from ..page.blocks import picture
from ..page.cells import experiment, truth_cell
from ..page.picture import shown
from ..page.stage import Stage
from ..page.tab import Tab, words_of
from . import channel, experiments, recipe
from .recipe import Look

TEXTS = recipe.TEXTS


# --- a look in, pictures and words out


def answer(look: Look, *, full: bool = False) -> dict:
    """What the page shows of a look; full: beside random channels, which takes eight more pictures the first time."""
    after, random = channel.changed(look), channel.beside(channel.told_of(look), measure=full)
    active, active_says = channel.active_where(look)
    found = dict(
        recipe=look.as_dict(),
        query=look.query(),
        note=look.link_note(),
        before=picture(channel.before(look).picture),
        src=picture(after),
        active=active,
        active_says=active_says,
        **channel.verdict(look, random),
        measured=random is not None,
        dots=channel.dots(look),
        users=channel.users(look),
        caption=channel.told(look),
        alt=recipe.alt_text(look),
        named=look.label_name,
        other=class_names(look.model)[look.other],
        used=list(recipe.gates_of(look)),
        setup=setup_of(look),
    )
    found["sentence"] = TEXTS["tab"]["bare"] if random is None else sentence(look)
    return dict(found, html=dict(dots=channel.dots_html(look), looked=channel.looked_html(look, found)))


def setup_of(look: Look) -> dict:
    """What the controls need of a network: its classes and its gates."""
    gates = [recipe.awareness_of(look.model, gate).shape[1] for gate in range(recipe.gate_count(look))]
    names = {str(i): f"{recipe.gate_name(look.model, i)}, {count} channels" for i, count in enumerate(gates)}
    hint = dict(channel=dict(hint=f"0 to {gates[look.gate] - 1} at this gate"))
    listed = list(class_names(look.model))
    return dict(models.facts(look.model), names=listed, options=dict(gate=names), controls=hint)


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of this tab rest on; "" where there is none."""
    return dict(weights=zoo.weights_hash(model), parts=file_hash(reader_file(model)))


def sentence(look: Look) -> str:
    """What the channel was measured to draw, or to shape, here; bare where no part stands out against random ones."""
    name, does = channel.part_of(look)
    if not name:
        return "Switch one channel of this network off and see what goes."
    return f"One of this network’s channels {does} the {name}. Switch it off."


# --- the tab


of_room = partial(experiment, TEXTS["cells"])
CELLS = (
    of_room("few", experiments.few, html=experiments.few_html),
    of_room("cross", experiments.cross, html=experiments.cross_html),
    of_room("cut", experiments.cut, html=experiments.cut_html),
    of_room("alike", experiments.alike, html=experiments.told_html),
    of_room("compare", experiments.compare, html=experiments.told_html),
    truth_cell("channels", TEXTS["said"]["not_measured"], judged=False),
)
STAGE = Stage(
    answer,
    picture=lambda look: shown(channel.changed(look), look.model)[0],
    frames=channel.frames,
    notebook=recipe.notebook_for,
    stem=lambda look: f"class{look.label}-seed{look.seed}-gate{look.gate}-channel{look.channel}",
    full=lambda look: answer(look, full=True),
    scripts=("inside/stage",),
    unit="times its own strength",
)
TAB = Tab(
    "inside",
    "Look inside",
    Look,
    **TEXTS["tab"],
    **words_of(str(Path(__file__).with_name("method"))),
    sentence=sentence,
    code=recipe.code_of,
    sources=(rectified_mean, hybrid),
    cells=CELLS,
    made_from=made_from,
    stage=STAGE,
    beside=("label", "seed", "gate", "amount"),
    note=recipe.FORMULATION,
    for_programs=f"{TEXTS['said']['for_programs']} {recipe.FORMULATION}",
)
