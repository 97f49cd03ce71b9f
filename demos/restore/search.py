"""Searches of Restore: watched by the page, or made for an experiment; answers are kept for a while.

Whatever searches yields after every step, so that the queue can end it there.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace

from core import zoo
from core.inversion import restoration
from core.inversion.descent import Step
from core.inversion.losses import psnr
from core.inversion.search import Found, Search
from core.inversion.tasks import Problem
from core.threads import single_core

from ..page import own_pictures
from ..page.blocks import picture as uri
from ..page.cache import Cache
from ..page.fields import RecipeError
from ..page.picture import opened
from ..page.queue import TOLD, Run
from .problem import problem_of, vgg_mark
from .recipe import Restoration
from .settings import OWN
from .watched import curve

LARGEST_FOUND = 64 * 2**20  # bytes of answers that are kept
_found = Cache(LARGEST_FOUND, lambda found: found.bytes())


# --- answers that were found before


def key_of(recipe: Restoration) -> tuple:
    """What an answer depends on: not whether the observation is put back."""
    critic = vgg_mark() if recipe.loss == "vgg" else ()
    return replace(recipe, keep=False), zoo.weights_hash(recipe.model), zoo.device().type, critic


def known(recipe: Restoration) -> Found | None:
    """The answer where it was found before; None where it was not, or where an own picture was deleted since."""
    if recipe.shows == OWN and not own_pictures.is_here(recipe.own):
        return None
    found = _store(recipe).get(key_of(recipe))
    return found and as_asked(recipe, found)


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
    try:
        yield from restoration.restore(opened(recipe.model), problem, **how)
    except ValueError as error:
        raise RecipeError(str(error)) from None


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
            due = time.perf_counter() - told >= TOLD or step.i == 0
            told = time.perf_counter() if due else told
            yield _news(search, problem) if due else None
    finally:
        if search.step is not None and (run.stopped or not run.abandoned()):
            _keep(recipe, search.found(stopped=run.stopped and search.step.i < recipe.steps))


def _news(search: Search, problem: Problem) -> dict:
    image, i, of = search.image(), search.step.i, search.total
    close = "" if problem.truth is None else f", closeness {float(psnr(image, problem.truth)):.1f} dB"
    left = f", about {max(1, round(search.left()))} s left" if i else ""
    says = f"Step {i} of {of}{left}{close}"
    return dict(src=uri(image), share=i / max(1, of), watched=curve(search.curve), says=says)


# --- before there are visitors


def ready() -> None:
    """Starts the thread that searches."""
    single_core(1, restoration.THREAD)


def warm(model: str) -> None:
    """Two steps of a search: the first in a process is slow."""
    for _ in searched(Restoration(model, "copy", shows="network", steps=2, codes=2)):
        pass
