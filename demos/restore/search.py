"""Restoring as a stream of steps: watched for the page, or counted for experiments; answers are kept for a while.

Whatever searches yields after every step, so that the queue can end it there.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core import zoo
from core.codes import Picture
from core.inversion.descent import Step
from core.inversion.multicode import invert
from core.threads import single_core

from ..page import own_pictures
from ..page.cache import Cache
from ..page.fields import RecipeError
from ..page.picture import opened
from ..page.queue import TOLD, Run
from .problem import Problem, problem_of, side_of, vgg_mark
from .recipe import Restoration
from .settings import OWN

FRAMES = 12  # of the film of a search, at most
POINTS = 120  # of its curve
MOST_PIXELS = 15 * 1024**2  # of all codes' pictures together
SMALL = 64  # pixels a side up to which one core searches as fast as two
LARGEST_FOUND = 64 * 2**20  # bytes of answers that are kept
_found = Cache(LARGEST_FOUND, lambda found: found.bytes())


@dataclass(frozen=True, eq=False)
class Found:
    """An answer. raw: as the network draws it, [1, 3, R, R] in [-1, 1]; image: with what was observed put back, where
    the recipe says so. picture: the codes. steps: how many were made; curve: the best loss after each.
    film: pictures on the way, [f, 3, R, R], and film_steps when each was drawn."""

    image: Tensor
    raw: Tensor
    picture: Picture
    importances: Tensor
    loss: float
    steps: int
    seconds: float
    stopped: bool
    curve: tuple[float, ...]
    film: Tensor
    film_steps: tuple[int, ...]

    def bytes(self) -> int:
        tensors = (self.image, self.raw, self.picture.codes, self.importances, self.film)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


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
    return found and kept_or_raw(recipe, found)


def _store(recipe: Restoration) -> Cache:
    """Where its answer is kept; that of an own picture goes with the picture."""
    return own_pictures.answers(recipe.own) if recipe.shows == OWN else _found


def kept_or_raw(recipe: Restoration, found: Found) -> Found:
    """The answer with what was observed put back into it or not, as the recipe says."""
    return replace(found, image=put_back(recipe, problem_of(recipe), found.raw) if recipe.keep else found.raw)


def put_back(recipe: Restoration, problem: Problem, image: Tensor) -> Tensor:
    return problem.degradation.agreeing(image, problem.observed) if recipe.keep else image


# --- the search


def stream(recipe: Restoration, problem: Problem) -> Iterator[Step]:
    """The search itself. Raises RecipeError where it cannot begin."""
    side, published = side_of(recipe), recipe.optimiser == "official"
    if recipe.codes * side**2 > MOST_PIXELS:
        raise RecipeError(
            f"{recipe.codes} codes of {side} pixels do not fit into memory: choose fewer codes, or a smaller network"
        )
    steps = invert(
        opened(recipe.model),
        problem.observed,
        layer=recipe.layer,
        n_codes=recipe.codes,
        steps=recipe.steps,
        loss=problem.loss,
        seed=recipe.start,
        label=recipe.label_or_none,
        official=published,
        optimiser="adam" if published else recipe.optimiser,
    )
    small = side <= SMALL and zoo.device().type == "cpu" and torch.get_num_threads() > 1
    try:
        yield from on_one_core(steps) if small else steps
    except ValueError as error:
        raise RecipeError(str(error)) from None


def on_one_core(steps: Generator[Step, None, None]) -> Iterator[Step]:
    """The steps, made by one core. Of pictures this small each is many short pieces of work, and a page has so many
    threads that they wait longer for a second core than it saves (`python -m tests.benchmarks.page`).
    """
    worker = single_core(1, "search")
    try:
        while (step := worker.submit(next, steps, None).result()) is not None:
            yield step
    finally:
        worker.submit(steps.close).result()


def ready() -> None:
    """Starts the thread that searches, before there are visitors."""
    single_core(1, "search")


class Search:
    """One search, step by step; `found` is its answer so far, at any time."""

    def __init__(self, recipe: Restoration):
        self.recipe, self.problem = recipe, problem_of(recipe)
        self.curve: list[float] = []
        self.film: list[Tensor] = []
        self.film_steps: list[int] = []
        self.began, self.seconds, self.step = time.perf_counter(), 0.0, None

    def steps(self) -> Iterator[Step]:
        for step in stream(self.recipe, self.problem):
            self.step = step
            self.curve.append(step.loss)
            self.seconds = time.perf_counter() - self.began
            if len(self.film) < FRAMES * (step.i / max(1, self.recipe.steps)) ** 0.5 or not self.film:
                self._filmed()
            yield step

    def _filmed(self) -> None:
        self.film.append(self.step.drawn())
        self.film_steps.append(self.step.i)

    def found(self, *, stopped: bool = False) -> Found:
        """The best so far; at least one step must have been made."""
        if self.film_steps[-1] != self.step.i:
            self._filmed()
        raw, step = self.film[-1], self.step
        answer = Found(
            raw,
            raw,
            step.picture,
            step.picture.importances.cpu(),
            step.loss,
            step.i,
            self.seconds,
            stopped,
            tuple(self.curve),
            torch.cat(self.film),
            tuple(self.film_steps),
        )
        return kept_or_raw(self.recipe, answer)

    def keep(self, *, stopped: bool = False) -> None:
        _store(self.recipe).put(key_of(self.recipe), self.found(stopped=stopped))

    def news(self) -> dict:
        """How far it is. left: seconds until all steps are made, judging by those that were."""
        step, of = self.step, self.recipe.steps
        return dict(
            i=step.i,
            of=of,
            left=(of - step.i) * self.seconds / max(1, step.i),
            loss=step.loss,
            curve=thinned(self.curve),
            image=self.film[-1] if self.film_steps[-1] == step.i else step.drawn(),
        )


def searched(recipe: Restoration) -> Generator[None, None, Found]:
    """`found = yield from searched(recipe)`: the answer, found now where need be; None after every step.

    Raises RecipeError.
    """
    kept = known(recipe)
    if kept is None or kept.stopped:
        search = Search(recipe)
        for _ in search.steps():
            yield None
        search.keep()
        kept = search.found()
    return kept


def live(recipe: Restoration, run: Run) -> Iterator[dict | None]:
    """News of one search for the page: a picture at least four times a second; the answer is kept, stopped or not."""
    search, told = Search(recipe), 0.0
    try:
        for step in search.steps():
            due = time.perf_counter() - told >= TOLD or step.i == 0
            told = time.perf_counter() if due else told
            yield search.news() if due else None
    finally:
        if search.step is not None and (run.stopped or not run.abandoned()):
            search.keep(stopped=run.stopped and search.step.i < recipe.steps)


def thinned(curve: list[float] | tuple[float, ...]) -> list[float]:
    """At most POINTS of its numbers, evenly, with the first and the last."""
    if len(curve) <= POINTS:
        return [round(value, 6) for value in curve]
    return [round(curve[round(i * (len(curve) - 1) / (POINTS - 1))], 6) for i in range(POINTS)]


def warm(model: str) -> None:
    """Two steps of a search: the first in a process is slow. Call it where nobody waits."""
    for _ in searched(Restoration(model, "copy", shows="network", steps=2, codes=2)):
        pass
