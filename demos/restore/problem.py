"""The problem that a recipe states: the true picture, what is left of it, and what an answer is compared by."""

from __future__ import annotations

import torch
from torch import Tensor

from core import zoo
from core.images import in_levels
from core.inversion import losses, vgg
from core.inversion.losses import Loss, Scores
from core.inversion.tasks import Problem
from core.truth import worlds

from ..page import own_pictures
from ..page.cache import cached
from ..page.fields import RecipeError
from ..page.picture import opened
from .recipe import Restoration
from .settings import OWN, SAYS, STEERED, VGG, losses_of


def problem_of(recipe: Restoration) -> Problem:
    """Raises RecipeError where an own picture is no longer here."""
    compares = compared(recipe)
    if recipe.shows == OWN:
        picture = own_pictures.image(recipe.own, recipe.observed_side if recipe.as_is else recipe.side)
    else:
        weights = zoo.weights_hash(recipe.model)
        picture = _example(recipe.model, weights, recipe.shows, recipe.picture, recipe.label, recipe.psi)
    return recipe.damage.problem(picture, compares, recipe.side, damaged=recipe.as_is)


def compared(recipe: Restoration) -> Loss:
    """Between two pictures, as the recipe compares them. Raises RecipeError where the VGG-16 for it is not here."""
    critics = {"features": lambda: zoo.load_critic(recipe.model), "vgg": supplied_vgg}
    return losses.named(recipe.loss, critics[recipe.loss]() if recipe.loss in critics else None)


def scores(recipe: Restoration, image: Tensor, truth: Tensor) -> Scores:
    """image, truth [1, 3, R, R] in [-1, 1]."""
    critic = zoo.load_critic(recipe.model) if "features" in losses_of(recipe.model) else None
    return losses.scores(image, truth, critic=critic, hole=recipe.damage.hole(recipe.side))


@torch.no_grad()
def example(recipe: Restoration) -> Tensor:
    """The true picture [1, 3, R, R] of a recipe that shows no upload, in whole levels of 255."""
    seed, psi = recipe.seed, recipe.truncation
    if recipe.shows not in ("network", STEERED):
        spread = zoo.card(recipe.model).spread
        return in_levels(worlds.pictures(recipe.shows, 1, seed, resolution=recipe.side, spread=spread))
    generator = opened(recipe.model).at(psi=psi)
    codes = generator.codes(generator.sample(1, seed), psi=psi, label=recipe.label_or_none)
    return in_levels(generator(codes).clamp(-1, 1).cpu())


@cached(64)
def _example(model: str, _weights: str, shows: str, picture: int, label: int, psi: float) -> Tensor:
    return example(Restoration(model, "copy", shows=shows, picture=picture, label=label, psi=psi))


# --- VGG-16, where somebody supplied it


def vgg_mark() -> tuple:
    """Which VGG-16 it is: where it lies, and when it was written."""
    path = vgg.supplied(zoo.WEIGHTS)
    return () if path is None else (str(path), path.stat().st_mtime_ns if path.is_file() else 0)


def supplied_vgg() -> vgg.VGG16:
    """The supplied VGG-16, ready. Raises RecipeError where nobody supplied one, or where the file is another."""
    mark = vgg_mark()
    if not mark:
        raise RecipeError(SAYS["no_vgg"].format(**VGG))
    try:
        return _vgg(*mark)
    except ValueError as error:
        raise RecipeError(f"{error}; or compare something else, such as pixels") from None


@cached(1)
def _vgg(path: str, _written: int) -> vgg.VGG16:
    return vgg.load(path).to(zoo.device())
