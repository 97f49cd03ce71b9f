"""Teaching a word: what was planted is found, shuffled answers teach nothing, scores left out are those of refits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge
from torch import Tensor

from core.boundaries import teaching
from core.boundaries.pure import Metric, pure_of, towards
from core.boundaries.space import Space
from core.boundaries.teaching import RIDGE, right, taught, whitened, wilson

DIM, FACTORS = 12, 8
SPACE = Space((0, 1), range(DIM), DIM, shared=True)


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def world() -> tuple[Tensor, Tensor, Tensor, Metric]:
    """Readings [n, 8] and codes [n, 12] of 300 pictures in standard deviations, the Jacobian, and the metric."""
    slopes = torch.randn(FACTORS, DIM, generator=random(0), dtype=torch.float64)
    root = torch.eye(DIM, dtype=torch.float64) + 0.2 * torch.diag(torch.arange(DIM, dtype=torch.float64))
    codes = torch.randn(300, DIM, generator=random(1), dtype=torch.float64) @ root
    readings = codes @ slopes.T + 0.1 * torch.randn(300, FACTORS, generator=random(2), dtype=torch.float64)
    jacobian = torch.stack([slopes, torch.zeros_like(slopes)], 1)  # the second slot does nothing
    metric = Metric(SPACE, root)
    return readings / readings.std(0), whitened(codes, metric), jacobian / readings.std(0)[:, None, None], metric


def some(world, n: int, factor: int = 3):
    readings, numbers, jacobian, metric = world
    yes = readings[:n, factor] > readings[:, factor].median()
    return readings[:n], numbers[:n], yes, jacobian, metric


def test_a_factor_is_found_by_its_reading_and_its_knob_moves_it_alone(world):
    word = taught(*some(world, 24), lam=0.0)
    assert word.by == "readings" and word.weights.nonzero()[:, 0].tolist() == [3] and word.weights[3] > 0
    jacobian, metric = world[2:]
    changes = jacobian.sum(1) @ word.direction.vectors[0]
    assert changes[3] > 0 and changes[torch.arange(FACTORS) != 3].abs().max() < 1e-9 * changes[3]
    assert torch.allclose(word.direction.vectors[0], pure_of(jacobian, metric, lam=0.0).vectors[3])
    assert word.accuracy > 0.85 and word.luck <= 0.02


def test_a_word_of_two_factors_is_both(world):
    readings, numbers, jacobian, metric = world
    yes = readings[:96, 1] - readings[:96, 6] > 0
    word = taught(readings[:96], numbers[:96], yes, jacobian, metric, lam=0.0)
    assert {1, 6} <= set(word.weights.nonzero()[:, 0].tolist()) and word.weights[1] > 0 > word.weights[6]
    changes = jacobian.sum(1) @ word.direction.vectors[0]
    assert torch.allclose(changes / changes.norm(), word.weights / word.weights.norm(), atol=1e-6)


def test_what_no_reading_tells_is_taught_by_codes(world):
    _, numbers, jacobian, metric = world
    blind = torch.randn(len(numbers), FACTORS, generator=random(5), dtype=torch.float64)
    hidden = torch.nn.functional.normalize(torch.randn(DIM, generator=random(6), dtype=torch.float64), dim=0)
    word = taught(blind[:96], numbers[:96], numbers[:96] @ hidden > 0, jacobian, metric)
    wanted = torch.nn.functional.normalize(hidden @ metric.root, dim=0)
    assert word.by == "codes" and not word.weights.any() and word.accuracy > 0.8
    assert float(word.direction.vectors[0] @ wanted) > 0.8


def test_shuffled_answers_are_at_chance_and_could_be_luck(world):
    readings, numbers, yes, jacobian, metric = some(world, 48)
    shuffled = [yes[torch.randperm(48, generator=random(seed))] for seed in range(6)]
    words = [taught(readings, numbers, one, jacobian, metric) for one in shuffled]
    assert np.median([word.luck for word in words]) > 0.1
    assert np.mean([word.accuracy for word in words]) < 0.7 < taught(*some(world, 48)).accuracy


def test_the_next_pictures_to_ask_about_lie_where_yes_becomes_no(world):
    readings, numbers, *_ = world
    word = taught(*some(world, 96))
    nearest = word.doubt(readings, numbers).argsort()[:20]
    middle = (readings[:, 3] - readings[:, 3].median()).abs()
    assert middle[nearest].mean() < 0.25 * middle.mean()


@pytest.mark.parametrize("way", ["readings", "codes"])
def test_scores_of_those_left_out_are_those_of_scikit_learn(world, way: str):
    readings, numbers, yes, *_ = some(world, 30)
    x, weight = (readings if way == "readings" else numbers), teaching._even(yes)
    scores = (teaching._left_out_selected if way == "readings" else teaching._left_out_ridge)(x, yes)
    y = np.where(yes.numpy(), 1.0, -1.0)
    for i in (0, 7, 29):
        left = np.arange(30) != i
        if way == "readings":
            even = teaching._even(yes[left])
            line, _ = teaching._selected(x[left], yes[left], even[None])
            columns = line[0].nonzero()[:, 0].numpy()
            model = LinearRegression().fit(x[left][:, columns].numpy(), y[left], even.numpy())
            wanted = model.predict(x[i : i + 1, columns].numpy())[0]
        else:
            model = Ridge(alpha=RIDGE / 30).fit(x[left].numpy(), y[left], weight[left].numpy())
            wanted = model.predict(x[i : i + 1].numpy())[0]
        assert float(scores[i]) == pytest.approx(wanted, abs=1e-5)


def test_both_kinds_weigh_the_same():
    yes = torch.arange(40) < 6
    assert right(torch.full((40,), -1.0), yes) == 0.5
    assert right(torch.where(yes, 1.0, -1.0), yes) == 1.0


def test_towards_one_factor_is_its_pure_knob_at_any_lam(world):
    _, _, jacobian, metric = world
    for lam in (0.0, 0.03, 1.0):
        knobs = pure_of(jacobian, metric, lam=lam)
        one = towards(jacobian, metric, torch.eye(FACTORS)[2], lam=lam)
        assert torch.allclose(one.vectors[0], knobs.vectors[2]) and torch.allclose(one.scores[0], knobs.scores[2])


def test_the_interval_is_that_of_scipy():
    from scipy.stats import binomtest

    theirs = binomtest(18, 24).proportion_ci(method="wilson")
    assert wilson(18 / 24, 24) == pytest.approx((theirs.low, theirs.high), abs=1e-4)


def test_too_few_answers_are_a_sentence(world):
    readings, numbers, jacobian, metric = world
    with pytest.raises(ValueError, match="6 pictures with it and 6 without; got 5 and 15"):
        taught(readings[:20], numbers[:20], torch.arange(20) < 5, jacobian, metric)
