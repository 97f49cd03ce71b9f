"""Record what the page shows on arrival, so that it teaches before anything is computed.

    python -m demos.steer.record                    the first face by the rule below
    python -m demos.steer.record --candidates 12    prints faces that fit the rule, and writes nothing
    python -m demos.steer.record --seed 7           a face chosen by eye

Run it after `weights.recipes.measure.evidence`. Writes demos/arrival/steer.json and paint.json with their pictures
(lossless WebP), and the sha256 of weights, evidence and readers: the page shows them only for exactly these. Paint
shows the same face, its mouth, and knob 1. The rule: the reader calls the face frontal, eyes open, no glasses, a middle
skin tone, a slight smile, a ground of middle value.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image

from core import zoo
from core.images import grid
from demos.page import evidence as measured
from demos.page import parts as notebook
from demos.page.export import code_for
from demos.page.pace import pace_of
from demos.page.picture import Recipe, as_dict
from demos.paint import evidence as painted
from demos.paint import experiments as paint_experiments
from demos.paint import search as paint_knobs
from demos.paint import tab as lowrank
from demos.paint.recipe import Painted
from demos.paint.recipe import as_dict as painted_dict
from demos.steer import tab as sefa

CARD = "portraits-stylegan2"
AMOUNT = 1.5  # of Steer's knob 1, in standard deviations
PART, STEPS = "mouth", 3.0  # of Paint: the region, and how far its knob 1 is turned
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


def picture(uri: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")


def smallest(image: Image.Image) -> bytes:
    """Lossless WebP with the encoder's full effort."""
    out = BytesIO()
    image.save(out, "webp", lossless=True, quality=100, method=6)
    return out.getvalue()


def record(recipe: Recipe, folder: Path) -> list[str]:
    """Writes the arrival of one recipe; returns the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    answer, strip = sefa.shown_of(recipe), sefa.strip(recipe)
    sheets = dict(grid=sefa.last_of(sefa.grid(recipe)), faces=sefa.last_of(sefa.faces(recipe)))
    images = dict(after=picture(answer.pop("src")), before=picture(answer.pop("before")), strip=picture(strip["src"]))
    for name, sheet in sheets.items():
        images[name] = grid([picture(uri) for row in sheet.pop("rows") for uri in row], columns=COLUMNS[name])
    found = dict(
        made_from=measured.made_from(recipe.model),
        command="python -m demos.steer.record",
        recipe=as_dict(recipe),
        answer=answer,
        faces=sheets["faces"],
        sentence=answer["sentence"],
        code=code_for(recipe),
        columns=COLUMNS,
        pictures={name: f"{sefa.TAB}-{name}.webp" for name in images},
    )
    for name, image in images.items():
        notebook.write_whole(folder / found["pictures"][name], smallest(image))
    notebook.write_whole(folder / f"{sefa.TAB}.json", json.dumps(found, indent=1).encode())
    return [f"{sefa.TAB}.json", *found["pictures"].values()]


def record_paint(recipe: Painted, folder: Path) -> list[str]:
    """Writes the arrival of the tab Paint; returns the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paint_knobs.solve(recipe)
    answer, strip = lowrank.shown_of(recipe), lowrank.strip(recipe)
    faces, ban = lowrank.last_of(paint_experiments.faces(recipe)), paint_experiments.ban(recipe)
    images = dict(
        after=picture(answer.pop("src")),
        before=picture(answer.pop("before")),
        strip=picture(strip["src"]),
        faces=grid([picture(uri) for row in faces["rows"] for uri in row.pop("pictures")], columns=2),
        ban=grid([picture(ban.pop("before")), *(picture(side.pop("picture")) for side in ban["sides"])], columns=3),
    )
    found = dict(
        made_from=lowrank.made_from(recipe.model),
        command="python -m demos.steer.record",
        recipe=painted_dict(recipe),
        answer=answer,
        faces=faces,
        ban=ban,
        refuse=lowrank.last_of(paint_experiments.refusals(recipe)),
        code=lowrank.code(recipe),
        columns=dict(faces=2, ban=3),
        pictures={name: f"{lowrank.TAB}-{name}.webp" for name in images},
    )
    for name, image in images.items():
        notebook.write_whole(folder / found["pictures"][name], smallest(image))
    notebook.write_whole(folder / f"{lowrank.TAB}.json", json.dumps(found, indent=1).encode())
    return [f"{lowrank.TAB}.json", *found["pictures"].values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=0, help="print this many seeds that fit the rule")
    parser.add_argument("--seed", type=int, help="use this face instead of the first by the rule")
    given = parser.parse_args()
    psi = zoo.card(CARD).psi
    if given.candidates:
        print(*(seed for seed, _ in zip(candidates(CARD, psi), range(given.candidates))))
        return
    seed = given.seed if given.seed is not None else next(candidates(CARD, psi), None)
    if seed is None:
        raise SystemExit(f"none of the seeds 0 to {SEARCHED - 1} fits the rule: choose one by eye, with --seed")
    if pace_of(CARD).slow:
        raise SystemExit(f"{CARD} draws slowly at this moment, and the record would say so: stop what else runs here")
    folder = notebook.ARRIVAL
    print(*record(replace(Recipe(CARD, seed=seed, psi=psi), amounts=(AMOUNT,)), folder), sep="\n")
    measured_slots = painted.slots(CARD)  # those that the page has numbers for
    layers = f"{measured_slots[0]}-{measured_slots[-1]}" if measured_slots else "all"
    recipe = Painted(CARD, seed=seed, psi=psi, region=PART, layers=layers, amounts=(STEPS,))
    print(*record_paint(recipe, folder), sep="\n")


if __name__ == "__main__":
    main()
