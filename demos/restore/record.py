"""Record what the tab Restore shows on arrival: "Which one is real?", and every task's first search as a film.

    python -m demos.page.arrival restore                    the first picture by the rule below
    python -m demos.page.arrival restore --candidates 6     prints pictures that fit the rule, and writes nothing
    python -m demos.page.arrival restore --picture 7        a picture chosen by eye

Writes demos/arrival/restore.json with its pictures (lossless WebP), and the sha256 of weights, critic, evidence and
reader: the page shows them only for exactly these. The rule: of five answers to the mosaic of 8 x 8 pixels, one code
each (fewer freedoms, more of the network's own), some wear glasses and some do not, as the reader sees it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from PIL import Image

from core import zoo

from ..page.arrival import ARRIVAL, picture_in, save
from ..page.cells import last_of
from .answer import searching
from .code import code_for
from .recipe import TASKS, Restoration
from .tab import CELLS, FIVE, NAME, made_from

MOSAIC = dict(task="enlarge", amount=8, codes=1, layer=0, steps=60)
AGREES = 1.0  # of 255 levels: how far the five answers may be from the mosaic
BENCH = 7  # the picture that the tasks are shown on: one whose enlarging gains as much as the median does
SEARCHED = 60  # pictures from 0 on
GLASSES = "glasses ("


def candidates(model: str) -> Iterator[int]:
    """Pictures that fit the rule, smallest first."""
    for i in range(SEARCHED):
        if GLASSES in last_of(FIVE, Restoration(model, picture=i, **MOSAIC))["verdict"]:
            yield i


def task_records(model: str, number: int) -> tuple[dict, dict[str, Image.Image]]:
    """Each task solved with the page's own settings: its answer, and the film of its search."""
    records, films = {}, {}
    for task in TASKS:
        *_, news = searching(Restoration(model, task, picture=number), "the recorder")
        records[task] = news["done"]
        films[f"film-{task}"] = picture_in(records[task]["result"].pop("film"))
    return records, films


def record(model: str, number: int, bench: int, folder: Path) -> list[str]:
    """Writes the arrival: five answers for one picture, tasks and experiments on another.

    Returns the names of the files. Raises SystemExit where the five answers do not agree with the mosaic.
    """
    first, shown = Restoration(model, picture=number, **MOSAIC), Restoration(model, picture=bench)
    five = last_of(FIVE, first)
    if five["apart"] > AGREES:
        raise SystemExit(f"the answers are {five['apart']:.2f} levels from the mosaic: they may be at most {AGREES:g}")
    tasks, films = task_records(model, bench)
    cells = {FIVE.name: dict(html=five["html"], recipe=first.as_dict())}
    for one in CELLS:
        if one.place == "page" and not one.form:
            cells[one.name] = dict(html=last_of(one, shown)["html"], recipe=shown.as_dict())
    words = dict(sentence=five["sentence"], lead=five["lead"], code=code_for(shown))
    found = dict(words, made_from=made_from(model), recipe=first.as_dict(), tasks=tasks, cells=cells)
    return save(NAME, found, films, folder, at_once=(FIVE.name,))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=0, help="print this many pictures that fit the rule")
    parser.add_argument("--picture", type=int, help="use this one instead of the first by the rule")
    on = f"the picture that the tasks are shown on (default: {BENCH})"
    parser.add_argument("--bench", type=int, default=BENCH, help=on)
    given = parser.parse_args(arguments)
    model = Restoration.default_model()
    if not model or zoo.card(model).world is None:
        raise SystemExit("there is no bundled network of a rendered world here: train one first (weights/README.md)")
    if given.candidates:
        print(*islice(candidates(model), given.candidates))
        return
    number = given.picture if given.picture is not None else next(candidates(model), None)
    if number is None:
        raise SystemExit(f"none of the pictures 0 to {SEARCHED - 1} fits the rule: choose one by eye, with --picture")
    print(*record(model, number, given.bench, ARRIVAL), sep="\n")
