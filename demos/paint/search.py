"""The knobs of a region: solved once for whoever asks, in the page's queue, and what is measured of each.

ReSeFa's come first, within a moment of the Jacobian; LowRankGAN's when both splits are certified.
"""

from __future__ import annotations

import hashlib
from collections import abc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import uuid4

from torch import Tensor

from core import zoo
from core.cache import Cache, cached
from core.codes import Directions, ranges
from core.factorization import jacobian, region
from core.factorization.budget import available_memory, budget, seconds_needed
from core.factorization.region import Outcome, RegionKnobs
from core.pace import pace_of
from core.queue import QUEUE

from ..page import picture as recipes
from ..page.cells import Progress
from ..page.fields import RecipeError, refusals
from ..page.sources import directions_of
from .recipe import SAYS, Painted, mask_of

LANE = "region knobs"  # of the queue: one Jacobian at a time, beside what takes minutes
PATIENCE = 20  # seconds of work that begin without being asked for
MEGABYTE = 2**20
LARGEST_JACOBIANS, LARGEST_SOLVED = 24 * MEGABYTE, 24 * MEGABYTE  # bytes that are kept


# --- keys, and what finding knobs costs


def picture_key(recipe: Painted) -> tuple:
    """What a Jacobian depends on."""
    return zoo.weights_hash(recipe.model), recipes.untouched(recipe), recipes.slots_of(recipe), recipe.size


def key_of(recipe: Painted) -> tuple:
    """What the solution depends on: the picture, the region as it lies on it, the method."""
    mask = mask_of(recipe)
    there = hashlib.sha256(mask.numpy().tobytes()).hexdigest(), tuple(mask.shape)
    how = recipe.lam if recipe.method in ("lowrank", "official") else 0.0, recipe.directions, recipe.reading
    return *picture_key(recipe), there, recipe.method, *(how if recipe.method == "file" else how[:1])


def brought(recipe: Painted) -> Directions | None:
    """The directions of its own file; None of another method. Raises RecipeError where a region cannot take them."""
    if recipe.method != "file":
        return None
    found = directions_of(recipe)[0]
    if found.vectors.ndim == 3:
        raise RecipeError(SAYS["layered"])
    if found.slots != recipes.slots_of(recipe):
        raise RecipeError(SAYS["other_layers"].format(layers=ranges(found.slots)))
    return found


def plan(recipe: Painted) -> dict:
    """What finding the knobs costs, from shapes and the measured pace, before anything is computed.

    seconds; size: the largest that fits into memory (0: full size), None: none does. asks: wait for the visitor's word.
    says: a sentence, "" where it is quick and fits.
    """
    generator, whole = recipes.generator_of(recipe), zoo.card(recipe.model).resolution
    wanted = recipe.size or whole
    cost = budget(_bytes_by_size(recipe.model, zoo.weights_hash(recipe.model)), wanted, available_memory())
    size = None if cost.fits is None else cost.fits % whole
    seconds = seconds_needed(len(range(generator.dim)[generator.movable]), pace_of(recipe.model).seconds)
    slow = seconds > PATIENCE and picture_key(replace(recipe, size=size or 0)) not in _jacobians
    says = []
    if cost.tight:
        megabytes = dict(needs=cost.needs / MEGABYTE, available=cost.available / MEGABYTE)
        tight = SAYS["tight"].format(wanted=wanted, **megabytes)
        says.append(SAYS["none_fits" if size is None else "fits"].format(tight=tight, size=cost.fits))
    if slow and size is not None:
        says.append(SAYS["seconds" if seconds < 90 else "minutes"].format(seconds=seconds, minutes=seconds / 60))
    return dict(seconds=round(seconds, 1), size=size, asks=cost.tight or slow, says=" ".join(says))


@cached(64)
def _bytes_by_size(model: str, _weights: str) -> dict[int, int]:
    return jacobian.bytes_by_size(recipes.opened(model))


# --- solving, once for all who ask


_jacobians = Cache(LARGEST_JACOBIANS, lambda kept: kept.jacobian.nbytes)
_said = Cache(1_000, lambda said: 1)
_solved = Cache(LARGEST_SOLVED, lambda kept: 12 * kept.grams.inside.nbytes)


def known(recipe: Painted) -> RegionKnobs | None:
    """The recipe's knobs where they were solved; None where they were not."""
    key = key_of(recipe)
    found = _solved.get(key)
    if found is None or recipe.forbid:
        return found
    lifted = *key, "unbound"
    return _solved.made(lifted, lambda: region.unbound(recipes.generator_of(recipe), found, label=recipe.label_or_none))


def is_known(recipe: Painted) -> bool:
    """Were the recipe's knobs solved? For pictures by plain HTTP: reads no parts of a picture of which nothing is."""
    key = picture_key(recipe)
    return any(other[: len(key)] == key for other in list(_solved.values)) and known(recipe) is not None


def solve(recipe: Painted) -> RegionKnobs:
    """The recipe's knobs, solved now where need be. Raises RecipeError."""
    for _ in solving(recipe):
        pass
    return known(recipe)


def solving(recipe: Painted) -> abc.Generator[Progress, None, RegionKnobs]:
    """How far the knobs are, nothing where they are there: `knobs = yield from solving(recipe)` in an experiment.

    Who asks for the same joins; close it to stop. Raises RecipeError where it cannot be done.
    """
    key = key_of(recipe)
    if key not in _solved:
        planned = plan(recipe)
        if planned["size"] is None or planned["size"] != recipe.size:
            raise RecipeError(planned["says"] + (" Press Find knobs." if planned["size"] is not None else ""))
        for news in QUEUE.pieces(key, lambda _run: _steps(recipe, key), uuid4().hex, "region knobs", LANE):
            yield Progress(news.get("says", ""), news.get("share"))
    return known(recipe)


def _steps(recipe: Painted, key: tuple) -> Iterator[dict]:
    if key in _solved:  # while this waited for its turn
        return
    asked = dict(method=recipe.method, lam=recipe.lam or None, size=recipe.size or None, label=recipe.label_or_none)
    asked |= dict(given=brought(recipe), slots=recipes.slots_of(recipe), picture=_jacobians.get(picture_key(recipe)))
    for step in region.knobs_steps(recipes.generator_of(recipe), recipes.own_codes(recipe), mask_of(recipe), **asked):
        if step.picture is not None:
            _jacobians.put(picture_key(recipe), step.picture)
        for method, knobs in step.knobs.items():
            _solved.put(key_of(replace(recipe, method=method)), knobs)
        yield dict(says=SAYS[step.stage].format(done=2 * step.share, **step._asdict()), share=step.share)


# --- pictures


def render(
    recipe: Painted, knobs: RegionKnobs | None, settings: Sequence[Sequence[float]], *, quick: bool = True
) -> Tensor:
    """[n, 3, R, R] in [-1, 1]: the picture at n settings of the knobs. Raises RecipeError."""
    codes = recipes.own_codes(recipe)
    slots = recipes.slots_of(recipe) if knobs is None else knobs.directions.slots
    with refusals():
        moved = codes.repeat(len(settings), 1, 1) if knobs is None else knobs.moved(codes, settings)
    return recipes.drawn(recipe, moved, slots, quick=quick).clamp(-1, 1)


# --- what is known of a region


def baselines(recipe: Painted) -> tuple[float, float]:
    """Inside over outside (RMS of each colour, first order): SeFa's best of 20, and the median random one; kept."""
    plain = replace(recipe, method="resefa", forbid=True)
    key = "baselines", *key_of(plain)
    return _said.made(key, lambda: region.baselines(recipes.opened(recipe.model), solve(plain).grams))


def outcome_of(recipe: Painted, knobs: RegionKnobs) -> Outcome:
    """knobs: of LowRankGAN."""
    return region.outcome(recipes.generator_of(recipe), knobs.grams, knobs.solved, label=recipe.label_or_none)


def finding(recipe: Painted, knobs: RegionKnobs) -> str:
    """Where a region has no knobs: that this is so, and how it is known; else what it has, in one sentence with
    numbers. "" where it was not asked by LowRankGAN.
    """

    def said() -> str:
        found = outcome_of(recipe, knobs)
        says = "nothing_left" if not found.survived else "movable" if knobs.steps else "immovable"
        return recipe.say(says, shown=len(knobs.numbers), **found._asdict())

    return "" if knobs.solved is None else _said.made(("finding", *key_of(recipe)), said)
