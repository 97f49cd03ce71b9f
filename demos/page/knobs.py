"""Knobs of a picture: directions with a step, words for both ends, and what was measured of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core import zoo
from core.codes import Directions, edit
from core.images import webp

from . import models
from .cache import Cache
from .fields import RecipeError
from .pace import pace_of
from .picture import NOUNS, PictureRecipe, drawn, layer_groups, opened, own_codes, picture_bytes_of, shown
from .words import signed

FRAMES, SLOW_FRAMES = 21, 9  # of a film
FILM = 256  # pixels, the largest side of its frames
LARGEST_PICTURES = 32 * 2**20  # bytes of encoded pictures that are cached


@dataclass(frozen=True, eq=False)
class Knobs:
    """What the page turns: k directions.

    steps: the distance of one step, [k]. titles, ends, verdicts: words for each; `ends` are those of minus and plus.
    also: what else each moves; unit: what a step is.
    """

    directions: Directions
    steps: Sequence[float]
    titles: Sequence[str]
    ends: Sequence[tuple[str, str]]
    verdicts: Sequence[str]
    also: Sequence[str] = ()
    unit: str = "standard deviations of w . v"

    def __len__(self) -> int:
        return len(self.directions)

    def moved(self, codes: Tensor, settings: Sequence[Sequence[float]]) -> Tensor:
        """Codes [1, slots, dim] at n settings of all knobs, [n, slots, dim]. Raises RecipeError."""
        return torch.cat([edit(codes, self.directions, self._distances(setting)) for setting in settings])

    def _distances(self, setting: Sequence[float]) -> list[float]:
        if any(setting[len(self) :]):
            raise RecipeError(f"there are only {len(self)} knobs here: set those after knob {len(self)} back to 0")
        return [amount * step for amount, step in zip(setting, self.steps)]

    def facts(self) -> list[dict]:
        """What a control shows of each knob."""
        also = self.also or [""] * len(self)
        rows = zip(self.titles, self.ends, self.verdicts, also)
        return [dict(title=t, low=low, high=high, verdict=said, also=a) for t, (low, high), said, a in rows]


NONE = Knobs(Directions(torch.zeros(0, 1), torch.zeros(0), ()), (), (), (), ())


def render(recipe: PictureRecipe, knobs: Knobs, settings: Sequence[Sequence[float]], *, quick: bool = False) -> Tensor:
    """[n, 3, R, R], nominally in [-1, 1]: the recipe's picture at n settings of its knobs."""
    return drawn(recipe, knobs.moved(own_codes(recipe), settings), knobs.directions.slots, quick=quick)


_pictures = Cache(LARGEST_PICTURES, len)


def picture_of(recipe: PictureRecipe, knobs: Knobs) -> bytes:
    """The recipe's picture as lossless WebP; cached."""
    if not any(recipe.amounts):
        return picture_bytes_of(recipe)
    key = (recipe, zoo.weights_hash(recipe.model))
    found = _pictures.get(key)
    if found is None:
        images = render(recipe, knobs, [recipe.amounts], quick=True)
        found = _pictures.put(key, webp(shown(images, recipe.model)[0]))
    return found


def frames_of(recipe: PictureRecipe) -> int:
    return SLOW_FRAMES if pace_of(recipe.model).slow else FRAMES


def settings_of(recipe: PictureRecipe, reach: float, count: int) -> list[tuple[float, ...]]:
    """The chosen knob at `count` amounts evenly over its way, the others as they stand."""
    row = [round(reach * (2 * i / (count - 1) - 1), 6) for i in range(count)]
    return [recipe.amounts[: recipe.knob] + (amount,) + recipe.amounts[recipe.knob + 1 :] for amount in row]


def setup_of(recipe: PictureRecipe, knobs: Knobs) -> dict:
    """What the controls need of a recipe's knobs and of its network."""
    return dict(
        models.facts(recipe.model),
        knobs=knobs.facts(),
        reach=zoo.card(recipe.model).reach,
        layers=list(layer_groups(recipe.model)),
        truncation=opened(recipe.model).has_truncation,
        label_name=recipe.label_name,
    )


def alt_text(recipe: PictureRecipe, knobs: Knobs) -> str:
    """What the picture shows and how it was made, for those who do not see it."""
    card = zoo.card(recipe.model)
    parts = [NOUNS.get(card.world, "picture"), f"picture number {recipe.seed}", recipe.label_name]
    if opened(recipe.model).has_truncation:
        parts.append(f"truncation {recipe.psi:g}")
    turned = [f"{knobs.titles[i]} at {signed(amount)}" for i, amount in enumerate(recipe.amounts) if amount]
    return ", ".join(filter(None, [*parts, *(turned or ["no knob moved"])]))
