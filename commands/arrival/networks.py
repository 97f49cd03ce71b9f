"""What tabs begin with once a network that is not bundled was chosen: `python -m commands.arrival TAB --model MODEL`.

Chosen by eye, for nobody knows the factors of such pictures. Steer's pictures are drawn in milliseconds, so its recipe
alone is recorded; what takes seconds is recorded with its answer. Beside the records: a sheet of what the network
draws, and a NOTICE of what may be done with pictures of it, which are not under the project's licence.
"""

from __future__ import annotations

import base64
from pathlib import Path

import torch
from PIL import Image

from core import zoo
from core.images import grid, to_pil, webp
from core.regions import CODED, Box, to_text
from demos.page.arrival import ARRIVAL
from demos.page.parts import write_whole
from demos.page.tab import Tab, answer, code_for
from demos.restore.answer import alone
from demos.restore.search import searched
from demos.restore.tab import NAME as RESTORE

from . import record as arrivals

MOUTH = to_text(Box(0.6, 0.24, 0.86, 0.64).mask(CODED))  # of picture 104
CHOSEN = {
    "faces-dcgan": dict(
        steer=dict(seed=7, knob=1, amounts=(0.0, -2.0)),
        paint=dict(seed=104, region=MOUTH, amounts=(4.0,)),
        restore=dict(task="copy"),
        attributes=dict(seed=7, knob=4, amounts=(0.0, 0.0, 0.0, 0.0, 2.0)),
        start=dict(
            seeds=(47, 22, 57, 45, 1, 19, 41, 38, 17),
            knobs={
                1: ("Turn", "faces you", "in profile"),
                3: ("Hat", "a hat", "no hat"),
                7: ("Light", "from one side", "from the other"),
            },
        ),
    )
}
DRAWN_AT_ONCE = ("steer", "attributes")  # of these the recipe is enough
SHEET, ROWS, SIDE = 16, 2, 48  # pictures of seeds from 0 on, in rows; pixels a side
NOTICE = """The pictures in this folder were drawn by the network {title},
or changed from what it drew. They are not under the licence of this project.

The network: {link}
MIT License, Copyright (c) 2023, chien liu

It learned from DigiFace-1M (Microsoft, https://github.com/microsoft/DigiFace1M): faces that a program rendered, of
nobody real. The terms of that data set allow non-commercial research, and nothing else.

The photograph that the tab Restore copies here is of NASA, in the public domain: Eileen Collins, as scikit-image
ships it.
"""


def record(tab: Tab, model: str, folder: Path = ARRIVAL) -> list[str]:
    """Writes the record of a tab for a network, the sheet and the NOTICE. Returns the names of the files."""
    card, chosen = zoo.card(model), CHOSEN[model][tab.name]
    psi = {} if tab.name == RESTORE else dict(psi=card.psi)
    recipe = tab.recipe(model, **psi, **chosen)
    found = dict(made_from=tab.made_from(model), recipe=recipe.as_dict())
    if tab.name not in DRAWN_AT_ONCE:
        found |= dict(answer=computed(tab, recipe), code=code_for(tab, recipe))
    (folder / model).mkdir(parents=True, exist_ok=True)
    write_whole(folder / model / "NOTICE", NOTICE.format(title=card.title, link=card.link).encode())
    write_whole(folder / model / "sheet.webp", sheet(model))
    command = f"python -m commands.arrival {tab.name} --model {model}"
    files = arrivals.save(f"{model}/{tab.name}", found, {}, folder, command)
    return [*files, f"{model}/NOTICE", f"{model}/sheet.webp"]


def computed(tab: Tab, recipe) -> dict:
    """The answer once everything is found; a copy by many codes beside that by one."""
    if tab.name == RESTORE:
        for one in (alone(recipe), recipe):
            for _ in searched(one):
                pass
    elif not tab.ready(recipe):
        for _ in tab.prepare(recipe):
            pass
    shown = answer(tab, recipe, full=True)
    if tab.name == RESTORE:
        film = webp(arrivals.picture_in(shown["result"]["film"]), smallest=True)
        shown["result"]["film"] = f"data:image/webp;base64,{base64.b64encode(film).decode()}"
    return shown


@torch.no_grad()
def sheet(model: str) -> bytes:
    """SHEET pictures of the network in ROWS rows, as WebP."""
    generator = zoo.load(model)
    codes = generator.codes(generator.sample(SHEET, 0), psi=zoo.card(model).psi)
    small = [one.resize((SIDE, SIDE), Image.Resampling.LANCZOS) for one in to_pil(generator(codes).clamp(-1, 1))]
    return webp(grid(small, columns=SHEET // ROWS, gap=2))
