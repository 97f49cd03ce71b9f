"""The problem that a recipe states, and the search for its answer; answers are kept for a while.

Searches are watched by the page, or made for an experiment.
Whatever searches yields after every step, so that the queue can end it there.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from core import own_pictures, zoo
from core.cache import Cache, cached
from core.images import in_levels
from core.inversion import losses, restoration, vgg
from core.inversion.descent import Step
from core.inversion.losses import Loss, Scores
from core.inversion.search import Found, Search
from core.inversion.tasks import Problem
from core.photograph import photograph
from core.queue import TOLD, Run
from core.threads import single_core
from core.truth import worlds

from ..page.blocks import picture as uri
from ..page.fields import RecipeError, refusals
from ..page.picture import opened
from .recipe import OWN, PHOTO, SAYS, STEERED, VGG, Restoration, losses_of
from .words import curve

LARGEST_FOUND = 20 * 2**20  # bytes of answers that are kept
_found = Cache(LARGEST_FOUND, lambda found: found.bytes())


# --- the true picture, what is left of it, and what an answer is compared by


def problem_of(recipe: Restoration) -> Problem:
    """Raises RecipeError where an own picture is no longer here."""
    compares = compared(recipe)
    if recipe.shows == OWN:
        with refusals():
            picture = own_pictures.image(recipe.own, recipe.observed_side if recipe.as_is else recipe.side)
    else:
        weights = zoo.weights_hash(recipe.model)
        picture = _example(recipe.model, weights, recipe.shows, recipe.picture, recipe.label, recipe.psi)
    return recipe.damage.problem(picture, compares, recipe.side, damaged=recipe.as_is)


def compared(recipe: Restoration) -> Loss:
    """Between two pictures, as the recipe compares them.

    Raises RecipeError where nobody supplied the VGG-16 that it takes, or where the file is another.
    """
    critic = zoo.load_critic(recipe.model) if recipe.loss == "features" else None
    if recipe.loss == "vgg":
        path = vgg.supplied(zoo.WEIGHTS)
        if path is None:
            raise RecipeError(SAYS["no_vgg"].format(**VGG))
        try:
            critic = vgg.load_once(path).to(zoo.device())
        except ValueError as error:
            raise RecipeError(f"{error}; or compare something else, such as pixels") from None
    return losses.named(recipe.loss, critic)


def scores(recipe: Restoration, image: Tensor, truth: Tensor) -> Scores:
    """image, truth [1, 3, R, R] in [-1, 1]."""
    critic = zoo.load_critic(recipe.model) if "features" in losses_of(recipe.model) else None
    return losses.scores(image, truth, critic=critic, hole=recipe.damage.hole(recipe.side))


@torch.no_grad()
def example(recipe: Restoration) -> Tensor:
    """The true picture [1, 3, R, R] of a recipe that shows no upload, in whole levels of 255."""
    seed, psi = recipe.seed, recipe.truncation
    if recipe.shows == PHOTO:
        return in_levels(photograph(recipe.side))
    if recipe.shows not in ("network", STEERED):
        spread = zoo.card(recipe.model).spread
        return in_levels(worlds.pictures(recipe.shows, 1, seed, resolution=recipe.side, spread=spread))
    generator = opened(recipe.model).at(psi=psi)
    codes = generator.codes(generator.sample(1, seed), psi=psi, label=recipe.label_or_none)
    return in_levels(generator(codes).clamp(-1, 1).cpu())


@cached(64)
def _example(model: str, _weights: str, shows: str, picture: int, label: int, psi: float) -> Tensor:
    return example(Restoration(model, "copy", shows=shows, picture=picture, label=label, psi=psi))


# --- answers that were found before


def key_of(recipe: Restoration) -> tuple:
    """What an answer depends on: not whether the observation is put back, nor how it is edited."""
    critic = vgg.mark(vgg.supplied(zoo.WEIGHTS)) if recipe.loss == "vgg" else ()
    return replace(recipe.unedited(), keep=False), zoo.weights_hash(recipe.model), zoo.device().type, critic


def known(recipe: Restoration) -> Found | None:
    """The answer where it was found before; None where it was not, or where an own picture was deleted since."""
    if recipe.shows == OWN and not own_pictures.is_here(recipe.own):
        return None
    found = _store(recipe).get(key_of(recipe))
    return found and as_asked(recipe, found)


@refusals()
def _store(recipe: Restoration) -> Cache:
    """Where its answer is kept; that of an own picture goes with the picture."""
    return own_pictures.answers(recipe.own) if recipe.shows == OWN else _found


def _keep(recipe: Restoration, found: Found) -> Found:
    return as_asked(recipe, _store(recipe).put(key_of(recipe), found))


def as_asked(recipe: Restoration, found: Found) -> Found:
    """The answer with what was observed put back into it or not, as the recipe says."""
    return replace(found, image=problem_of(recipe).agreeing(found.raw) if recipe.keep else found.raw)


# --- the search


def stream(recipe: Restoration, problem: Problem) -> Iterator[Step]:
    """The steps of the search. Raises RecipeError where it cannot begin."""
    counts = dict(layer=recipe.layer, n_codes=recipe.codes, steps=recipe.steps, seed=recipe.start)
    how = dict(counts, optimiser=recipe.optimiser, label=recipe.label_or_none)
    with refusals():
        yield from restoration.restore(opened(recipe.model), problem, **how)


def searched(recipe: Restoration) -> Generator[None, None, Found]:
    """`found = yield from searched(recipe)`: the answer, found now where need be; None after every step.

    Raises RecipeError.
    """
    kept = known(recipe)
    if kept is None or kept.stopped:
        search = Search(stream(recipe, problem_of(recipe)), recipe.steps)
        for _ in search:
            yield None
        kept = _keep(recipe, search.found())
    return kept


def live(recipe: Restoration, run: Run) -> Iterator[dict | None]:
    """What the page shows of a search while it runs, four times a second; the answer is kept, stopped or not."""
    problem = problem_of(recipe)
    search, told = Search(stream(recipe, problem), recipe.steps), 0.0
    try:
        for step in search:
            if time.perf_counter() - told < TOLD and step.i:
                yield None
                continue
            told, shown = time.perf_counter(), dict(src=uri(search.image()), watched=curve(search.curve))
            yield dict(shown, share=step.i / max(1, search.total), says=search.says(problem.truth))
    finally:
        if search.step is not None and (run.stopped or not run.abandoned()):
            _keep(recipe, search.found(stopped=run.stopped and search.step.i < recipe.steps))


def ready() -> None:
    """Starts the thread that searches, before there are visitors."""
    single_core(1, restoration.THREAD)
