"""Record what Steer shows on arrival.

    python -m demos.page.arrival steer                    the first face by the rule below
    python -m demos.page.arrival steer --candidates 12    prints faces that fit the rule, and writes nothing
    python -m demos.page.arrival steer --seed 7           a face chosen by eye

Run it after `weights.recipes.measure.evidence`. The rule: the reader calls the face frontal, eyes open, no glasses, a
middle skin tone, a slight smile, a ground of middle value.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from core import zoo
from core.images import grid
from demos.page import evidence as measured
from demos.page.arrival import ARRIVAL, picture_in, save
from demos.page.pace import pace_of
from demos.page.picture import Recipe
from demos.steer import experiments
from demos.steer import tab as sefa
from demos.steer.code import code_for

CARD = "portraits-stylegan2"
AMOUNT = 1.5  # of Steer's knob 1, in standard deviations
RULE = {
    "yaw": (0.42, 0.58),
    "eye_open": (0.6, 1.01),
    "glasses": (-1.0, 0.25),
    "beard": (-1.0, 0.25),
    "skin_tone": (0.25, 0.75),
    "smile": (0.55, 0.80),
    "background_tone": (0.3, 0.7),
}
SEARCHED = 4096  # seeds from 0 on
COLUMNS = dict(grid=6, faces=3)  # pictures a row


@torch.no_grad()
def candidates(card: str, psi: float) -> Iterator[int]:
    """Seeds that fit RULE, smallest first."""
    generator, reader = zoo.load(card), zoo.load_reader(zoo.card(card).world)
    columns = {name: reader.names.index(name) for name in RULE}
    for first in range(0, SEARCHED, 64):
        read = reader(generator(generator.codes(generator.sample(64, first), psi=psi)).clamp(-1, 1))
        fits = torch.stack(
            [(read[:, columns[name]] >= low) & (read[:, columns[name]] <= high) for name, (low, high) in RULE.items()]
        ).all(0)
        yield from (first + fits.nonzero()[:, 0]).tolist()


def record(recipe: Recipe, folder: Path) -> list[str]:
    """Writes the arrival of one recipe; returns the names of the files."""
    answer, strip = sefa.shown_of(recipe), sefa.strip(recipe)
    sheets = dict(grid=sefa.last_of(experiments.grid(recipe)), faces=sefa.last_of(experiments.faces(recipe)))
    images = {name: picture_in(answer.pop(of)) for name, of in (("after", "src"), ("before", "before"))}
    images["strip"] = picture_in(strip["src"])
    for name, sheet in sheets.items():
        images[name] = grid([picture_in(uri) for row in sheet.pop("rows") for uri in row], columns=COLUMNS[name])
    found = dict(
        made_from=measured.made_from(recipe.model),
        recipe=recipe.as_dict(),
        answer=answer,
        faces=sheets["faces"],
        sentence=answer["sentence"],
        code=code_for(recipe),
        columns=COLUMNS,
    )
    return save(sefa.TAB, found, images, folder)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=0, help="print this many seeds that fit the rule")
    parser.add_argument("--seed", type=int, help="use this face instead of the first by the rule")
    given = parser.parse_args(arguments)
    psi = zoo.card(CARD).psi
    if given.candidates:
        print(*(seed for seed, _ in zip(candidates(CARD, psi), range(given.candidates))))
        return
    seed = given.seed if given.seed is not None else next(candidates(CARD, psi), None)
    if seed is None:
        raise SystemExit(f"none of the seeds 0 to {SEARCHED - 1} fits the rule: choose one by eye, with --seed")
    if pace_of(CARD).slow:
        raise SystemExit(f"{CARD} draws slowly at this moment, and the record would say so: stop what else runs here")
    print(*record(replace(Recipe(CARD, seed=seed, psi=psi), amounts=(AMOUNT,)), ARRIVAL), sep="\n")
