"""Labels of the network of a recipe: bundled, or read while the page runs."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from core import labels, zoo
from core.boundaries.files import Labels, load_labels
from core.cache import Cache
from core.codes import Directions
from core.evidence import fitted_hash
from core.truth.judge import Judge

from .cells import Progress
from .picture import PictureRecipe, opened

TURNED, FIRST_TURNED = 32, 1_090_000  # pictures on which knobs are turned, others than those that are read
_read = Cache(16 * 2**20, lambda labels: labels.jacobian.mean.nbytes + labels.readings.nbytes)


def judge_of(recipe: PictureRecipe) -> Judge:
    return zoo.load_judge(recipe.model, label=recipe.label_or_none)


def unfitted_judge_of(recipe: PictureRecipe) -> Judge:
    """The judge of what knobs do, to which none was fitted where the world has such a reader; it counts in
    standard deviations. The labels have to be there.
    """
    judge = zoo.load_unfitted_judge(recipe.model, label=recipe.label_or_none)
    return judge.spread_over(labels_of(recipe).jacobian.readings)


def knob_count(recipe: PictureRecipe) -> int:
    """How many attributes a judge has for the recipe's network and class, each with a knob."""
    return len(judge_of(recipe).names)


def codes_for(recipe: PictureRecipe, count: int, first: int, psi: float) -> Tensor:
    """Codes [count, slots, dim] of the network's own pictures, of the recipe's class where there are classes."""
    return labels.codes_for(opened(recipe.model), count, first, psi=psi, label=recipe.label_or_none)


def _key(recipe: PictureRecipe) -> tuple:
    return recipe.model, recipe.label, zoo.weights_hash(recipe.model)


def labels_of(recipe: PictureRecipe) -> Labels | None:
    """The labels of a recipe's network and class, bundled or read before; None where they were not read yet."""
    found = _read.get(_key(recipe))
    if found is None and recipe.label_or_none is None:
        path = zoo.WEIGHTS / "evidence" / f"{recipe.model}-attributes.safetensors"
        found = load_labels(path, weights=zoo.weights_hash(recipe.model), judge=fitted_hash(recipe.model))
        return found and _read.put(_key(recipe), found)
    return found


def spread_of(recipe: PictureRecipe) -> Tensor:
    """[factors]: the standard deviations in which changes are counted; over the training pictures, where known."""
    return judge_of(recipe).spread_over(labels_of(recipe).jacobian.readings).spread


def read_labels(recipe: PictureRecipe) -> Iterator[Progress]:
    """Reads the pictures and derives the readings, where that was not done yet; `labels_of` has them afterwards."""
    if labels_of(recipe) is not None:
        return
    how = dict(psi=zoo.card(recipe.model).psi, label=recipe.label_or_none)
    judge = zoo.load_fitted_judge(recipe.model, label=recipe.label_or_none)
    for step in labels.read_labels(opened(recipe.model), judge, **how):
        yield Progress(step.says, step.share)
    _read.put(_key(recipe), step.labels)


def changes_on_others(recipe: PictureRecipe, directions: Directions) -> Iterator[Tensor]:
    """For each direction: [factors], the mean change a step in standard deviations, on pictures not fitted to."""
    judge = unfitted_judge_of(recipe)
    codes, how = codes_for(recipe, TURNED, FIRST_TURNED, recipe.psi), dict(psi=recipe.psi, label=recipe.label_or_none)
    yield from labels.mean_changes(opened(recipe.model), judge, directions, codes, **how)
