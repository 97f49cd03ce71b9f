"""Labels of a network's own pictures: what its judge reads of them, and how the readings answer to the codes."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from core import zoo
from core.boundaries.files import Labels, load_labels
from core.boundaries.jacobian import reading_jacobian_steps
from core.codes import Directions, codes_in_turn
from core.evidence import reader_hash
from core.factorization.baseline import spread_along
from core.truth import scores
from core.truth.judge import Judge

from .cache import Cache
from .cells import Progress
from .picture import PictureRecipe, opened

LABELLED, FIRST_LABELLED = 2_000, 600_000  # pictures that are read, and the first one's seed
TURNED, FIRST_TURNED = 32, 1_090_000  # others, on which knobs are turned
SLOPED, FIRST_SLOPED = 32, 620_000  # pictures whose readings are derived by their codes, where nothing is bundled
_read = Cache(64 * 2**20, lambda labels: labels.jacobian.mean.nbytes + labels.readings.nbytes)


def judge_of(recipe: PictureRecipe) -> Judge:
    return zoo.load_judge(recipe.model, label=recipe.label_or_none)


def codes_for(recipe: PictureRecipe, count: int, first: int, psi: float) -> Tensor:
    """Codes [count, slots, dim] of the network's own pictures, of the recipe's class where there are classes."""
    generator, label = opened(recipe.model), recipe.label_or_none
    if label is None:
        return codes_in_turn(generator, count, first, psi=psi)
    return generator.codes(generator.sample(count, first), psi=psi, label=label)


def labels_of(recipe: PictureRecipe) -> Labels | None:
    """The labels of a recipe's network and class, bundled or read before; None where they were not read yet."""
    key = (recipe.model, recipe.label, zoo.weights_hash(recipe.model))
    found = _read.get(key)
    if found is None and recipe.label_or_none is None:
        path = zoo.WEIGHTS / "evidence" / f"{recipe.model}-attributes.safetensors"
        found = load_labels(path, weights=key[-1], judge=reader_hash(recipe.model))
        return found and _read.put(key, found)
    return found


def spread_of(recipe: PictureRecipe) -> Tensor:
    """[factors]: the standard deviations in which changes are counted; over the training pictures, where known."""
    return judge_of(recipe).spread_over(labels_of(recipe).jacobian.readings).spread


def read_labels(recipe: PictureRecipe) -> Iterator[Progress]:
    """Reads the pictures and derives the readings; `labels_of` has them afterwards."""
    generator, judge, psi = opened(recipe.model), judge_of(recipe), zoo.card(recipe.model).psi
    yield Progress("Reading the network’s own pictures …", 0.0)
    readings = scores.read_codes(generator, judge.read, codes_for(recipe, LABELLED, FIRST_LABELLED, 1.0))
    sloped = codes_for(recipe, SLOPED, FIRST_SLOPED, psi)
    for step in reading_jacobian_steps(generator.at(psi=psi), judge.read, sloped):
        yield Progress("How every reading answers to every number …", 0.3 + 0.7 * step.done / step.total)
    labels = Labels(judge.names, readings, FIRST_LABELLED, step.result, psi)
    _read.put((recipe.model, recipe.label, zoo.weights_hash(recipe.model)), labels)


def changes_on_others(recipe: PictureRecipe, directions: Directions) -> Iterator[Tensor]:
    """For each direction: [factors], the mean change a step in standard deviations, on pictures not fitted to."""
    generator, judge = opened(recipe.model), judge_of(recipe)
    codes, steps = (
        codes_for(recipe, TURNED, FIRST_TURNED, recipe.psi),
        spread_along(generator, directions, label=recipe.label_or_none),
    )
    view, spread = generator.at(psi=recipe.psi), spread_of(recipe).float()
    for change in scores.knob_changes_of(view, judge.read, codes, directions, steps, spread):
        yield change.mean(0)
