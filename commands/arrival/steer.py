"""What Steer shows on arrival: `python -m commands.arrival steer` records it.

The rule: the reader calls the face frontal, eyes open, no glasses, a middle skin tone, a slight smile, a ground of
middle value; of SeFa's knobs, in whichever layers, the strongest of those that are named after FACTOR and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from core import zoo
from core.evidence import knob_records
from core.images import to_pil
from core.truth.readers import seeds_that_fit
from core.truth.verdict import moved_by
from demos.steer.recipe import TEXTS, Recipe, render_strip, turned
from demos.steer.tab import TAB as TAB

from . import record as arrivals

CARD = "portraits-stylegan2"
FACTOR = "yaw"
AMOUNT = 1.5  # of its knob, in standard deviations
SEARCHED = 4096  # seeds from 0 on
LAYERS = ("all", "coarse", "middle", "fine")
RECORDED = ("grid", "faces")
PREVIEW, PAPER, INK = (1200, 630), "#fbfaf8", "#1f1d1a"  # the picture of a shared link
TURNS, SIDE = (-2.0, 0.0, 2.0), 360
SAYS = "A neural network drew this face. What does it know?"


def candidates() -> Iterator[tuple[str, Recipe]]:
    """Faces that fit the rule of texts.toml, the smallest seed first."""
    reader, psi = zoo.load_reader(zoo.card(CARD).world), zoo.card(CARD).psi
    layers, knob = strongest_of(FACTOR, reader.names)
    for seed in seeds_that_fit(zoo.load(CARD), reader, TEXTS["rule"], psi=psi, searched=SEARCHED):
        yield "", turned(Recipe(CARD, seed=seed, psi=psi, layers=layers, knob=knob), knob, AMOUNT)


def record(recipe: Recipe, folder: Path) -> list[str]:
    """Writes the arrival, and the picture that the preview of a shared link shows."""
    sheet = Image.new("RGB", PREVIEW, PAPER)
    gap = (PREVIEW[0] - len(TURNS) * SIDE) // (len(TURNS) + 1)
    for i, image in enumerate(to_pil(render_strip(recipe, TURNS))):
        sheet.paste(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC), (gap + i * (SIDE + gap), gap))
    write = ImageDraw.Draw(sheet).text
    write((gap, SIDE + 2 * gap), "GANatomy", INK, ImageFont.load_default(64))
    write((gap, SIDE + 2 * gap + 90), SAYS, INK, ImageFont.load_default(42))
    folder.mkdir(parents=True, exist_ok=True)
    sheet.save(folder / "preview.png", optimize=True)
    return [*arrivals.record(TAB, recipe, folder, RECORDED), "preview.png"]


def strongest_of(factor: str, names: Sequence[str]) -> tuple[str, int]:
    """Layers and number of SeFa's strongest knob whose name is this factor alone; knob 1 where there is none."""
    at, found = names.index(factor), [(0.0, "all", 0)]
    for layers in LAYERS:
        for knob, record in enumerate(knob_records(CARD, f"sefa-paper/{layers}") or []):
            if moved_by(record["mean"])[0] == [at]:
                found.append((abs(record["mean"][at]), layers, knob))
    return max(found)[1:]
