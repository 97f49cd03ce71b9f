"""Restoring as a stream of pictures: one at a time on this machine, one for each visitor, the others see their place.

Whoever asks for what is being made joins it; it ends when nobody watches any more. Stop keeps the best so far.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from core import zoo
from core.codes import Picture
from core.inversion.degradations import Copy
from core.inversion.descent import Step
from core.inversion.losses import Loss, perceptual, psnr, ssim
from core.inversion.multicode import invert
from core.threads import single_core

from ..page import own_pictures
from ..page.cache import Cache
from ..page.fields import RecipeError
from ..page.picture import opened
from ..page.queue import QUEUE, TOLD, Halted, Run
from .recipe import OWN, Restoration, degradation_of, example, loss_of, losses_of, observed_side, vgg_mark

FRAMES = 12  # of the film of a search, at most
POINTS = 120  # of its curve
MOST_PIXELS = 15 * 1024**2  # of all codes' pictures together
SMALL = 64  # pixels a side up to which one core searches as fast as two
LARGEST_FOUND = 64 * 2**20  # bytes of answers that are kept
_found = Cache(LARGEST_FOUND, lambda found: found.bytes())


class Problem(NamedTuple):
    """truth [1, 3, R, R] or None where only an own, damaged picture is there; observed: what is left of it."""

    truth: Tensor | None
    observed: Tensor
    degradation: Copy
    loss: Loss


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


# --- what is to be solved


def problem_of(recipe: Restoration) -> Problem:
    """Raises RecipeError where an own picture is no longer here."""
    degradation, loss = degradation_of(recipe), loss_of(recipe)
    if recipe.shows != OWN:
        truth = _example(
            recipe.model, zoo.weights_hash(recipe.model), recipe.shows, recipe.picture, recipe.label, recipe.psi
        )
        return Problem(truth, degradation.apply(truth), degradation, loss)
    side = observed_side(recipe) if recipe.as_is else zoo.card(recipe.model).resolution
    picture = own_pictures.image(recipe.own, side)
    if recipe.as_is:
        return Problem(None, picture, degradation, loss)
    return Problem(picture, degradation.apply(picture), degradation, loss)


@lru_cache(maxsize=64)
def _example(model: str, _weights: str, shows: str, picture: int, label: int, psi: float) -> Tensor:
    return example(Restoration(model, "copy", shows=shows, picture=picture, label=label, psi=psi))


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
    """The same answer, with what was observed put back into it or not, as the recipe says."""
    if not recipe.keep:
        return replace(found, image=found.raw)
    problem = problem_of(recipe)
    return replace(found, image=problem.degradation.agreeing(found.raw, problem.observed))


# --- scores


class Scores(NamedTuple):
    """Of a picture against the truth. psnr: dB; features: distance of the critic's; inside: PSNR in the hole."""

    psnr: float
    ssim: float | None
    features: float | None
    inside: float | None


@torch.no_grad()
def scores(recipe: Restoration, image: Tensor, truth: Tensor) -> Scores:
    """image, truth [1, 3, R, R] in [-1, 1]."""
    similar = float(ssim(image, truth)) if min(truth.shape[2:]) >= 11 else None
    apart = None
    if "features" in losses_of(recipe.model):
        apart = float(perceptual(zoo.load_critic(recipe.model))(truth)(image))
    inside = None
    if recipe.task == "fill":
        hole = ~degradation_of(recipe).known
        inside = float(psnr(image[..., hole][..., None], truth[..., hole][..., None]))
    return Scores(float(psnr(image, truth)), similar, apart, inside)


# --- the search


def stream(recipe: Restoration, problem: Problem) -> Iterator[Step]:
    """The search itself. Raises RecipeError where it cannot begin, Halted where its run is to end."""
    side, published = zoo.card(recipe.model).resolution, recipe.optimiser == "official"
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
        label=_label(recipe),
        official=published,
        optimiser="adam" if published else recipe.optimiser,
    )
    small = side <= SMALL and zoo.device().type == "cpu" and torch.get_num_threads() > 1
    try:
        for step in on_one_core(steps) if small else steps:
            yield step
            if QUEUE.halted():
                raise Halted
    except ValueError as error:
        raise RecipeError(str(error)) from None


def on_one_core(steps: Generator[Step, None, None]) -> Iterator[Step]:
    """The same steps. Of pictures this small each is many short pieces of work, and a page has so many threads that
    they wait longer for a second core than it saves (`python -m tests.benchmarks.page`).
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


def _label(recipe: Restoration) -> int | None:
    return recipe.label if zoo.card(recipe.model).classes else None


@torch.no_grad()
def drawn(picture: Picture) -> Tensor:
    """[1, 3, R, R] in [-1, 1]."""
    return picture.draw(picture.codes).clamp(-1, 1).cpu()


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
            self.curve.append(self.step.loss)
            self.seconds = time.perf_counter() - self.began
            if len(self.film) < FRAMES * (self.step.i / max(1, self.recipe.steps)) ** 0.5 or not self.film:
                self._filmed()
            yield self.step

    def _filmed(self) -> None:
        self.film.append(drawn(self.step.picture))
        self.film_steps.append(self.step.i)

    def found(self, *, stopped: bool = False) -> Found:
        """The best so far; at least one step must have been made."""
        if self.film_steps[-1] != self.step.i:
            self._filmed()
        raw, step = self.film[-1], self.step
        importances = step.picture.importances.cpu()
        return kept_or_raw(
            self.recipe,
            Found(
                raw,
                raw,
                step.picture,
                importances,
                step.loss,
                step.i,
                self.seconds,
                stopped,
                tuple(self.curve),
                torch.cat(self.film),
                tuple(self.film_steps),
            ),
        )

    def left(self) -> float:
        """Seconds until all steps are made, judging by those that were."""
        made = max(1, self.step.i)
        return (self.recipe.steps - self.step.i) * self.seconds / made


def searched(recipe: Restoration) -> Found:
    """The answer, found now where need be; for experiments, which hold the machine already. Raises RecipeError."""
    for _ in searching(recipe):
        pass
    return known(recipe)


def searching(recipe: Restoration) -> Iterator[Step]:
    """The same, step by step; the answer is kept at the end. Nothing where it is kept already."""
    kept = known(recipe)
    if kept is not None and not kept.stopped:
        return
    search = Search(recipe)
    yield from search.steps()
    _store(recipe).put(key_of(recipe), search.found())


def live(recipe: Restoration, run: Run) -> Iterator[dict]:
    """News of one search for the page: a picture at least four times a second; the answer is kept, stopped or not."""
    search, told = Search(recipe), 0.0
    try:
        for step in search.steps():
            if time.perf_counter() - told >= TOLD or step.i == 0:
                told = time.perf_counter()
                yield dict(
                    i=step.i,
                    of=recipe.steps,
                    left=search.left(),
                    loss=step.loss,
                    curve=thinned(search.curve),
                    image=search.film[-1] if search.film_steps[-1] == step.i else drawn(step.picture),
                )
            elif run.stopped:
                break
    finally:
        if search.step is not None and (run.stopped or not run.abandoned()):
            made_all = search.step.i == recipe.steps or not run.stopped
            _store(recipe).put(key_of(recipe), search.found(stopped=not made_all))


def thinned(curve: list[float] | tuple[float, ...]) -> list[float]:
    """At most POINTS of its numbers, evenly, with the first and the last."""
    if len(curve) <= POINTS:
        return [round(value, 6) for value in curve]
    return [round(curve[round(i * (len(curve) - 1) / (POINTS - 1))], 6) for i in range(POINTS)]


# --- ahead of visitors


def warm(model: str) -> None:
    """Two steps of a search: the first in a process is slow. Call it where nobody waits."""
    recipe = Restoration(model, "copy", shows="network", steps=2, codes=2)
    for _ in searching(recipe):
        pass
