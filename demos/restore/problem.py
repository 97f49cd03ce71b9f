"""The problem that a recipe states: the true picture, what is left of it, and what an answer is compared by."""

from __future__ import annotations

import torch
from torch import Tensor

from core import zoo
from core.images import in_levels
from core.inversion import losses, tasks
from core.inversion.degradations import Copy
from core.inversion.losses import Loss, Scores, closeness, natural, pixel, seen_through
from core.inversion.tasks import Problem
from core.inversion.vgg import VGG16
from core.inversion.vgg import load as load_vgg
from core.regions import from_text, resized
from core.truth import worlds

from ..page import own_pictures
from ..page.cache import cached
from ..page.fields import RecipeError
from ..page.picture import opened
from .recipe import Restoration
from .settings import FIRST_PICTURE, NO_VGG, OWN, STEERED, losses_of, vgg_path


def problem_of(recipe: Restoration) -> Problem:
    """Raises RecipeError where an own picture is no longer here."""
    degradation, loss = degradation_of(recipe), loss_of(recipe)
    if recipe.shows == OWN:
        side = recipe.observed_side if recipe.as_is else zoo.card(recipe.model).resolution
        truth = own_pictures.image(recipe.own, side)
        if recipe.as_is:
            return Problem(None, truth, degradation, loss)
    else:
        weights = zoo.weights_hash(recipe.model)
        truth = _example(recipe.model, weights, recipe.shows, recipe.picture, recipe.label, recipe.psi)
    return Problem(truth, degradation.apply(truth), degradation, loss)


def side_of(recipe: Restoration) -> int:
    return zoo.card(recipe.model).resolution


def hole_of(recipe: Restoration) -> Tensor | None:
    """[R, R] (bool): True where the picture is lost; None where the task is another one."""
    return resized(from_text(recipe.region), side_of(recipe)) if recipe.task == "fill" else None


def degradation_of(recipe: Restoration) -> Copy:
    """What happened to the picture."""
    hole = hole_of(recipe)
    return tasks.degradation(recipe.task, recipe.kind, recipe.amount, side_of(recipe), hole=hole, seed=recipe.picture)


def loss_of(recipe: Restoration) -> Loss:
    """Between pictures and what was observed."""
    compared = {
        "pixels": lambda: pixel,
        "structure": natural,
        "vgg": lambda: closeness(vgg()),
        "features": lambda: closeness(zoo.load_critic(recipe.model)),
    }[recipe.loss]()
    return tasks.hinted(seen_through(degradation_of(recipe), compared), recipe.hints, side_of(recipe))


def scores(recipe: Restoration, image: Tensor, truth: Tensor) -> Scores:
    """image, truth [1, 3, R, R] in [-1, 1]."""
    critic = zoo.load_critic(recipe.model) if "features" in losses_of(recipe.model) else None
    return losses.scores(image, truth, critic=critic, hole=hole_of(recipe))


# --- the true picture


def seed_of(recipe: Restoration) -> int:
    """Of the picture shown: Steer's own number, or one that no training and no evidence has used."""
    return recipe.picture if recipe.steered else FIRST_PICTURE + recipe.picture


def truncation_of(recipe: Restoration) -> float:
    """Of a picture that the network draws."""
    return recipe.psi if recipe.steered else zoo.card(recipe.model).psi


@torch.no_grad()
def example(recipe: Restoration) -> Tensor:
    """The true picture [1, 3, R, R] of a recipe that shows no upload, in whole levels of 255."""
    card, seed, psi = zoo.card(recipe.model), seed_of(recipe), truncation_of(recipe)
    if recipe.shows not in ("network", STEERED):
        return in_levels(worlds.pictures(recipe.shows, 1, seed, resolution=card.resolution, spread=card.spread))
    generator = opened(recipe.model).at(psi=psi)
    codes = generator.codes(generator.sample(1, seed), psi=psi, label=recipe.label_or_none)
    return in_levels(generator(codes).clamp(-1, 1).cpu())


@cached(64)
def _example(model: str, _weights: str, shows: str, picture: int, label: int, psi: float) -> Tensor:
    return example(Restoration(model, "copy", shows=shows, picture=picture, label=label, psi=psi))


# --- VGG-16, where somebody supplied it


def vgg_mark() -> tuple:
    """Which VGG-16 it is: where it lies, and when it was written."""
    path = vgg_path()
    return () if path is None else (str(path), path.stat().st_mtime_ns if path.is_file() else 0)


def vgg() -> VGG16:
    """The supplied VGG-16, ready. Raises RecipeError where nobody supplied one, or where the file is another."""
    mark = vgg_mark()
    if not mark:
        raise RecipeError(NO_VGG)
    try:
        return _vgg(*mark)
    except ValueError as error:
        raise RecipeError(f"{error}; or compare something else, such as pixels") from None


@cached(1)
def _vgg(path: str, _written: int) -> VGG16:
    return load_vgg(path).to(zoo.device())
