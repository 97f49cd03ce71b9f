"""What Restore shows on arrival: "Which one is real?", and every task's first search as a film.

`python -m commands.arrival restore` records it. The rule: of five answers to the mosaic of 8 x 8 pixels, one code
each (fewer freedoms, more of the network's own), some wear glasses and some do not, as the reader sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from demos.page.cells import last_of
from demos.restore.answer import searching
from demos.restore.code import code_for
from demos.restore.recipe import TASKS, Restoration
from demos.restore.tab import FIVE, NAME, made_from
from demos.restore.tab import TAB as TAB

from .record import picture_in, save

MOSAIC = dict(task="enlarge", amount=8, codes=1, layer=0, steps=60)
AGREES = 1.0  # of 255 levels: how far the five answers may be from the mosaic
BENCH = 7  # the picture that the tasks are shown on: one whose enlarging gains as much as the median does
SEARCHED = 60  # pictures from 0 on
GLASSES = "glasses ("


def candidates() -> Iterator[tuple[str, Restoration]]:
    """Mosaics that fit the rule, the smallest picture first."""
    for i in range(SEARCHED):
        recipe = Restoration(Restoration.default_model(), picture=i, **MOSAIC)
        if GLASSES in (says := last_of(FIVE, recipe)["verdict"]):
            yield says, recipe


def task_records(model: str, number: int) -> tuple[dict, dict[str, Image.Image]]:
    """Each task solved with the page's own settings: its answer, and the film of its search."""
    records, films = {}, {}
    for task in TASKS:
        *_, news = searching(Restoration(model, task, picture=number), "the recorder")
        records[task] = news["done"]
        films[f"film-{task}"] = picture_in(records[task]["result"].pop("film"))
    return records, films


def record(first: Restoration, folder: Path) -> list[str]:
    """Writes the arrival: five answers for one picture, tasks and experiments on another.

    Returns the names of the files. Raises SystemExit where the five answers do not agree with the mosaic.
    """
    shown, five = Restoration(first.model, picture=BENCH), last_of(FIVE, first)
    if five["apart"] > AGREES:
        raise SystemExit(f"the answers are {five['apart']:.2f} levels from the mosaic: they may be at most {AGREES:g}")
    tasks, films = task_records(first.model, BENCH)
    cells = {FIVE.name: dict(html=five["html"], recipe=first.as_dict())}
    for one in TAB.cells:
        if one.place == "page" and not one.form:
            cells[one.name] = dict(html=last_of(one, shown)["html"], recipe=shown.as_dict())
    words = dict(sentence=five["sentence"], lead=five["lead"], code=code_for(shown))
    found = dict(words, made_from=made_from(first.model), recipe=first.as_dict(), tasks=tasks, cells=cells)
    return save(NAME, found, films, folder)
