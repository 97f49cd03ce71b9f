"""Knobs of a picture: directions with a step, words for both ends, and what was measured of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core import pace, zoo
from core.codes import Directions, Picture, edit
from core.images import webp

from . import models
from . import picture as pictures
from .fields import RecipeError
from .picture import PictureRecipe, has_bytes, own_codes, picture_bytes, picture_of, shown
from .words import signed

FRAMES, SLOW_FRAMES = 21, 9  # of a film
FILM = 256  # pixels, the largest side of its frames


@dataclass(frozen=True, eq=False)
class Knobs:
    """What the page turns: k directions.

    steps: the distance of one step, [k]. titles, ends, verdicts: words for each; `ends` are those of minus and plus.
    also: what else each moves; strengths: how strong each is beside the strongest, in per cent, 0: not known.
    plain: the verdicts in words that need no explanation. unit: what a step is.
    """

    directions: Directions
    steps: Sequence[float]
    titles: Sequence[str]
    ends: Sequence[tuple[str, str]]
    verdicts: Sequence[str]
    also: Sequence[str] = ()
    strengths: Sequence[int] = ()
    plain: Sequence[str] = ()
    unit: str = "standard deviations of w . v"

    def __len__(self) -> int:
        return len(self.directions)

    def moved(self, codes: Tensor, settings: Sequence[Sequence[float]]) -> Tensor:
        """Codes [N, slots, dim] of a picture at n settings of all knobs, [n * N, slots, dim]. Raises RecipeError."""
        return torch.cat([edit(codes, self.directions, self._distances(setting)) for setting in settings])

    def _distances(self, setting: Sequence[float]) -> list[float]:
        if any(setting[len(self) :]):
            raise RecipeError(f"there are only {len(self)} knobs here: set those after knob {len(self)} back to 0")
        return [amount * step for amount, step in zip(setting, self.steps)]

    def facts(self) -> list[dict]:
        """What a control shows of each knob."""
        also, strengths = self.also or [""] * len(self), self.strengths or [0] * len(self)
        names = ("title", "low", "high", "verdict", "also", "strength", "plain")
        plain = self.plain or [""] * len(self)
        rows = zip(self.titles, *zip(*self.ends), self.verdicts, also, strengths, plain)
        return [dict(zip(names, row)) for row in rows]


NONE = Knobs(Directions(torch.zeros(0, 1), torch.zeros(0), ()), (), (), (), ())


@torch.no_grad()
def render(
    source: PictureRecipe | Picture, knobs: Knobs, settings: Sequence[Sequence[float]], *, quick: bool = False
) -> Tensor:
    """[n, 3, R, R], nominally in [-1, 1]: a picture at n settings of knobs; see `page.picture.picture_of`.

    All codes of a picture that was found move together.
    """
    picture = picture_of(source, knobs.directions.slots, quick=quick)
    return picture.draw(knobs.moved(picture.codes, settings))


def turned_bytes(recipe: PictureRecipe, knobs: Knobs) -> bytes:
    """The recipe's picture as lossless WebP; cached."""
    if not any(recipe.amounts):
        return picture_bytes(recipe)
    return pictures.encoded(recipe, lambda: render(recipe, knobs, [recipe.amounts], quick=True))


@torch.no_grad()
def first_look(recipe: PictureRecipe, knobs: Knobs = NONE) -> bytes:
    """Of a slow network: the picture where it was drawn before, else what its first layers draw, nothing where it has
    no such thing.
    """
    moved, stop = any(getattr(recipe, "amounts", ())), pace.pace_of(recipe.model).stop
    if has_bytes(recipe):
        return turned_bytes(recipe, knobs) if moved else picture_bytes(recipe)
    if stop is None:
        return b""
    codes = knobs.moved(own_codes(recipe), [recipe.amounts]) if moved else own_codes(recipe)
    generator = pictures.generator_of(recipe, quick=True)
    images = generator.preview(generator.run(codes, stop=stop))
    return webp(shown(images, recipe.model, largest=FILM)[0])


def frames_of(recipe: PictureRecipe) -> int:
    return SLOW_FRAMES if pace.pace_of(recipe.model).slow else FRAMES


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
        layers=list(pictures.layer_groups(recipe.model)),
        truncation=pictures.opened(recipe.model).has_truncation and not recipe.found,
        label_name=recipe.label_name,
    )


def name_of(knob: int, title: str) -> str:
    """What a knob is called in a list: by its number and what it moves."""
    return f"{knob + 1} · {title}" if title else f"Knob {knob + 1}"


def alt_text(recipe: PictureRecipe, knobs: Knobs) -> str:
    """What the picture shows and how it was made, for those who do not see it."""
    turned = [f"{knobs.titles[i]} at {signed(amount)}" for i, amount in enumerate(recipe.amounts) if amount]
    return ", ".join([pictures.alt_text(recipe), *(turned or ["no knob moved"])])


def told(recipe: PictureRecipe, knobs: Knobs) -> dict[str, str]:
    """The words for a picture: `alt`, for those who do not see it, and the `caption` under it."""
    alt = alt_text(recipe, knobs)
    return dict(alt=alt, caption=f"{alt[:1].upper()}{alt[1:]}.")
