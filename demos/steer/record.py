"""What Steer shows on arrival: `python -m demos.page.arrival steer` records it.

The rule: the reader calls the face frontal, eyes open, no glasses, a middle skin tone, a slight smile, a ground of
middle value.
"""

from __future__ import annotations

from collections.abc import Iterator

from core import zoo
from core.truth.readers import seeds_that_fit

from .recipe import TEXTS, Recipe
from .tab import TAB as TAB

CARD = "portraits-stylegan2"
AMOUNT = 1.5  # of Steer's knob 1, in standard deviations
SEARCHED = 4096  # seeds from 0 on
CELLS = ("grid", "faces")


def candidates() -> Iterator[tuple[str, Recipe]]:
    """Faces that fit the rule of texts.toml, the smallest seed first."""
    reader, psi = zoo.load_reader(zoo.card(CARD).world), zoo.card(CARD).psi
    for seed in seeds_that_fit(zoo.load(CARD), reader, TEXTS["rule"], psi=psi, searched=SEARCHED):
        yield "", Recipe(CARD, seed=seed, psi=psi, amounts=(AMOUNT,))
