"""The knobs of a region: solved once for whoever asks, in the page's queue, and what is measured of each.

ReSeFa's come first, within a moment of the Jacobian; LowRankGAN's when both splits are certified.
"""

from __future__ import annotations

import copy
import hashlib
import math
import os
from collections import abc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from uuid import uuid4

import torch
from torch import Tensor

from core import zoo
from core.codes import edit
from core.factorization import jacobian, lowrank, region
from core.factorization.jacobian import Grams, PictureGrams
from core.factorization.region import FURTHEST, STEP, RegionKnobs, ratios, ways
from core.generators.base import Generator
from core.pace import pace_of

from ..page import picture as recipes
from ..page.cache import Cache
from ..page.cells import Progress
from ..page.fields import RecipeError
from ..page.queue import QUEUE
from .recipe import Painted, called, mask_of

OF_MEMORY = 0.5  # share of the free memory that a Jacobian may take
MOST_MEMORY = 8 * 2**30  # bytes, where the machine does not say what is free
PASSES = 2.5  # a column of the Jacobian costs that many pictures, measured at 64 and 128 px
LANE = "region knobs"  # of the queue: one Jacobian at a time, beside what takes minutes
PATIENCE = 20  # seconds of work that begin without being asked for
LARGEST_JACOBIANS, LARGEST_SOLVED = 96 * 2**20, 32 * 2**20  # bytes that are kept


# --- keys, memory, time


def picture_key(recipe: Painted) -> tuple:
    """What a Jacobian depends on."""
    return (
        zoo.weights_hash(recipe.model),
        recipe.seed,
        recipe.psi,
        recipe.label,
        recipes.slots_of(recipe),
        recipe.size,
    )


def key_of(recipe: Painted) -> tuple:
    """What the solution depends on: the picture, the region as it lies on it, the method."""
    mask = mask_of(recipe)
    region = hashlib.sha256(mask.numpy().tobytes()).hexdigest(), tuple(mask.shape)
    return *picture_key(recipe), region, recipe.method, recipe.lam if recipe.method != "resefa" else 0.0


def generator_of(recipe: Painted) -> Generator:
    return recipes.opened(recipe.model).at(psi=recipe.psi)


def memory() -> int:
    """Bytes that a Jacobian may take now: half of what is free."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        with open("/proc/meminfo", encoding="ascii") as file:
            free = max([free, *(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))])
    except (OSError, ValueError, AttributeError):
        free = MOST_MEMORY
    return int(OF_MEMORY * min(free, MOST_MEMORY))


def plan(recipe: Painted) -> dict:
    """What finding the knobs costs, from shapes and the measured pace, before anything is computed.

    seconds; size: the largest that fits into memory (0: full size), None: none does. asks: wait for the visitor's word.
    says: a sentence, "" where it is quick and fits.
    """
    generator, whole = generator_of(recipe), zoo.card(recipe.model).resolution
    wanted, there = recipe.size or whole, memory()
    known = _bytes_needed(recipe.model, zoo.weights_hash(recipe.model))
    needs = known.get(wanted) or min(more for size, more in known.items() if size >= wanted)
    fits = next((size for size, more in known.items() if more <= there), None)
    size = recipe.size if needs <= there else None if fits is None else min(fits, wanted) % whole
    seconds = PASSES * len(range(generator.dim)[generator.movable]) * pace_of(recipe.model).seconds
    done = picture_key(replace(recipe, size=size or 0)) in _jacobians
    slow = seconds > PATIENCE and not done
    tight = needs > there
    amount = (
        f"the Jacobian of this network at {wanted} pixels a side needs {needs / 2**20:,.0f} MB, "
        f"and {there / 2**20:,.0f} MB are free"
    )
    at = (
        f"; at {size or whole} pixels a side it fits"
        if size is not None
        else "; no size of it fits: choose a smaller network"
    )
    time = f"It takes about {seconds:.0f} s" if seconds < 90 else f"It takes about {seconds / 60:.0f} minutes"
    says = " ".join(
        [
            (amount[0].upper() + amount[1:] + at + ".") if tight else "",
            f"{time} on this machine." if slow and size is not None else "",
        ]
    )
    return dict(seconds=round(seconds, 1), size=size, asks=tight or slow, says=says.strip())


@lru_cache(maxsize=64)
def _bytes_needed(model: str, _weights: str) -> dict[int, int]:
    """By pixels a side, the largest first: R, R / 2, R / 4 ..."""
    # Its tensors are exchanged for a moment: nobody else may be drawing with it.
    twin = copy.deepcopy(recipes.opened(model))
    sizes = (twin.resolution >> k for k in range(twin.resolution.bit_length()))
    return {size: jacobian.bytes_needed(twin, size=size) for size in sizes}


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
    return _solved.get((*key, "unbound")) or _solved.put(
        (*key, "unbound"), region.unbound(generator_of(recipe), found, label=recipe.label_or_none)
    )


def picture_is_known(recipe: Painted) -> bool:
    """Were knobs of any region of the recipe's picture solved? Reads no parts."""
    key = picture_key(recipe)
    return any(other[: len(key)] == key for other in list(_solved.values))


def solve(recipe: Painted) -> RegionKnobs:
    """The recipe's knobs, solved now where need be. Raises RecipeError."""
    for _ in solving(recipe):
        pass
    return known(recipe)


def solved(recipe: Painted) -> abc.Generator[Progress, None, RegionKnobs]:
    """`knobs = yield from solved(recipe)`, in an experiment: it says how far they are, and can be stopped meanwhile."""
    yield from solving(recipe)
    return known(recipe)


def solving(recipe: Painted) -> Iterator[Progress]:
    """How far the knobs are; nothing where they are there. Who asks for the same joins; close it to stop.

    Raises RecipeError where it cannot be done.
    """
    key = key_of(recipe)
    if key in _solved:
        return
    planned = plan(recipe)
    if planned["size"] is None or planned["size"] != recipe.size:
        raise RecipeError(planned["says"] + (" Press Find knobs." if planned["size"] is not None else ""))
    asked_by = uuid4().hex
    for news in QUEUE.pieces(key, lambda _run: _steps(recipe, key), asked_by, "region knobs", LANE):
        yield Progress(news.get("says", ""), news.get("share"))


def _steps(recipe: Painted, key: tuple) -> Iterator[dict]:
    if key in _solved:  # while this waited for its turn
        return
    found = yield from _grams(recipe)
    generator = generator_of(recipe)
    first = region.resefa_knobs(generator, found, label=recipe.label_or_none)
    _solved.put(key_of(replace(recipe, method="resefa")), first)
    yield dict(says="ReSeFa’s knobs are there; splitting both Gram matrices for LowRankGAN’s …", share=0.5)
    if recipe.method == "resefa":
        return
    mode = "official" if recipe.method == "official" else "paper"
    if mode == "official":
        found = official_grams(recipe)
    for step in lowrank.lowrank_steps(found, mode=mode, lam=recipe.lam or None):
        if step.result:
            _solved.put(key, region.lowrank_knobs(generator, found, step.result, label=recipe.label_or_none))
        else:
            yield dict(
                says=f"Splitting both Gram matrices: {step.iterations} rounds, within {step.gap:.1e} of the optimum.",
                share=0.5 + 0.5 * min(1.0, max(0.0, -math.log10(max(step.gap, 1e-4)) / 4)),
            )


def _grams(recipe: Painted) -> Iterator[dict]:
    """The region's Grams, returned; the Jacobian's progress on the way."""
    kept = _jacobians.get(picture_key(recipe))
    if kept is None:
        generator, slots = generator_of(recipe), recipes.slots_of(recipe)
        codes = recipes.own_codes(recipe)
        for step in jacobian.jacobian_steps(generator, codes, slots=slots, size=recipe.size or None):
            yield dict(
                says=f"How every pixel reacts to every number: {step.done / step.total:.0%}",
                share=0.5 * step.done / step.total,
            )
        kept = _jacobians.put(picture_key(recipe), jacobian.of_jacobian(generator, step.result, slots))
    return kept.of(mask_of(recipe))


def picture_grams(recipe: Painted) -> PictureGrams | None:
    """The Jacobian of the recipe's picture where it is kept."""
    return _jacobians.get(picture_key(recipe))


def official_grams(recipe: Painted) -> Grams:
    """Of the mean over RGB, as published."""
    kept = _jacobians.get(picture_key(recipe))
    return jacobian.of_jacobian(generator_of(recipe), kept.jacobian, kept.slots, colours="mean").of(mask_of(recipe))


def baselines(recipe: Painted, found: Grams) -> tuple[float, float]:
    """Inside over outside (RMS, first order):
    the best of SeFa's first 20 directions, and the median random one; kept.
    """
    key = ("baselines", *key_of(replace(recipe, method="resefa")))
    return _said.get(key) or _said.put(key, region.baselines(recipes.opened(recipe.model), found))


# --- pictures


def render(
    recipe: Painted,
    knobs: RegionKnobs | None,
    settings: Sequence[Sequence[float]],
    *,
    quick: bool = True,
    seed: int = -1,
) -> Tensor:
    """[n, 3, R, R] in [-1, 1]: the picture at n settings of the knobs; seed: another picture moved the same way."""
    recipe = recipe if seed < 0 else replace(recipe, seed=seed)
    codes = recipes.own_codes(recipe)
    moved = [
        codes if knobs is None or not any(setting) else edit(codes, knobs.directions, distances(knobs, setting))
        for setting in settings
    ]
    slots = recipes.slots_of(recipe) if knobs is None else knobs.directions.slots
    return recipes.drawn(recipe, torch.cat(moved), slots, quick=quick).clamp(-1, 1)


def distances(knobs: RegionKnobs, setting: Sequence[float]) -> list[float]:
    """Amounts in steps -> one distance for each direction. Raises RecipeError where there are fewer knobs."""
    if not knobs.steps and any(setting):
        raise RecipeError("nothing moves this region alone, so there is no knob to turn: choose another region")
    if any(setting[len(knobs.steps) :]):
        raise RecipeError(f"this region has only {len(knobs.steps)} knobs: set the knobs after them back to 0")
    return [amount * step for amount, step in zip(setting, knobs.steps)]


# --- what cannot be moved


def finding(recipe: Painted, knobs: RegionKnobs) -> str:
    """Where a region has no knobs: that this is so, and how it is known;
    else what it has, in one sentence with numbers.
    """
    key = ("finding", *key_of(recipe))
    return _said.get(key) or _said.put(key, _finding(recipe, knobs))


def _finding(recipe: Painted, knobs: RegionKnobs) -> str:
    name, solved = called(recipe), knobs.solved
    if solved is None:
        return ""
    survived = f"{len(solved.directions)} of {solved.inside.rank} principal directions survive the projection"
    ranks = f"rank inside {solved.inside.rank}, rank outside {solved.outside.rank} of {len(solved.inside.low)}"
    if not len(solved.directions):
        return f"Nothing here can be moved alone: after the projection nothing is left of {name} ({ranks})."
    way = ways(generator_of(recipe), knobs.grams, solved.directions, label=recipe.label_or_none)
    nearest, best = float(way.min()), float(ratios(knobs.grams, solved.directions).max())
    if knobs.steps:
        return (
            f"{called(recipe)[:1].upper() + called(recipe)[1:]} can be moved: {survived}, {len(knobs.numbers)} are "
            f"shown; the easiest changes it visibly ({STEP:g} RMS) within {nearest:.1f} standard deviations "
            f"({ranks})."
        )
    return (
        f"Nothing here can be moved alone: {survived}, but to change {name} by {STEP:g} (RMS) even the easiest "
        f"would have to go {nearest:.1f} standard deviations, where knobs end at {FURTHEST / 2:g}, and the best "
        f"moves the inside only {best:.1f} times as much as the rest ({ranks})."
    )
