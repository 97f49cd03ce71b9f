"""Scores find what was planted, and nothing where nothing was planted."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from torch import nn

from core.boundaries.interfacegan import ridge
from core.codes import Directions
from core.factorization.baseline import random_directions
from core.truth import scores, statistics
from core.truth.verdict import knob_title, verdict
from core.truth.worlds import deviations, portraits
from core.truth.worlds.base import Factor

from ..tiny import stylegan2, stylegan2_grey

FACTORS = tuple(Factor(name, f"the {name}", f"less {name}", f"more {name}") for name in ("turn", "light", "smile"))


class Planted(nn.Module):
    """Reads three numbers off a picture: fixed linear functions of its pixels."""

    def __init__(self, resolution: int):
        super().__init__()
        random = torch.Generator().manual_seed(3)
        self.weight = torch.randn(3, 3 * resolution**2, generator=random) / resolution

    def forward(self, images):
        return images.flatten(1) @ self.weight.T


def test_correlations_are_pearsons():
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(200, 2, generator=random), torch.randn(200, 3, generator=random)
    b[:, 0] += 2 * a[:, 1]
    got = scores.correlations(a, b)
    for i in range(2):
        for j in range(3):
            expected = scipy.stats.pearsonr(a[:, i].numpy(), b[:, j].numpy()).statistic
            assert got[i, j] == pytest.approx(expected, abs=1e-6)


def test_what_does_not_vary_correlates_with_nothing():
    found = scores.correlations(torch.ones(10, 1), torch.randn(10, 2))
    assert torch.equal(found, torch.zeros(1, 2, dtype=torch.float64))


def test_frechet_distance_equals_scipys_matrix_root():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(300, 5)) @ random.normal(size=(5, 5)), random.normal(size=(400, 5)) + 0.3
    ca, cb = np.cov(a.T), np.cov(b.T)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * scipy.linalg.sqrtm(ca @ cb).real)
    assert scores.frechet_distance(torch.tensor(a), torch.tensor(b)) == pytest.approx(expected, rel=1e-8)
    assert scores.frechet_distance(torch.tensor(a), torch.tensor(a)) == pytest.approx(0, abs=1e-8)


def test_sliced_wasserstein_sees_speckle_and_not_another_sample():
    random = torch.Generator().manual_seed(0)
    smooth = nn.functional.interpolate(torch.randn(128, 3, 8, 8, generator=random), scale_factor=8, mode="bilinear")
    again, base = smooth[:64], smooth[64:]
    speckled = again + 0.2 * torch.randn(again.shape, generator=random)
    calm, rough = scores.sliced_wasserstein(again, base), scores.sliced_wasserstein(speckled, base)
    assert set(calm) == {64, 32, 16}
    assert rough[64] > 2 * calm[64]
    assert scores.sliced_wasserstein(base, base)[64] == 0


def test_supervised_directions_find_planted_ones_and_shuffling_loses_them():
    random = torch.Generator().manual_seed(0)
    w = torch.randn(800, 16, generator=random, dtype=torch.float64)
    planted = torch.linalg.qr(torch.randn(16, 3, generator=random, dtype=torch.float64)).Q.T
    readings = torch.tanh(w @ planted.T) + 0.1 * torch.randn(800, 3, generator=random, dtype=torch.float64)
    codes, slots = w[:, None].expand(-1, 4, -1), range(4)
    directions = Directions(ridge(w[:400], readings[:400]), torch.ones(3), tuple(slots))
    assert ((directions.vectors @ planted.T).diagonal() > 0.95).all()
    everything = torch.ones(3, dtype=torch.bool)
    names = ("a", "b", "c")
    assert scores.found(codes[400:], readings[400:], directions, names, everything).count == 3
    shuffled = readings[400:][torch.randperm(400, generator=random)]
    assert scores.found(codes[400:], shuffled, directions, names, everything).count == 0
    only_first = torch.tensor([True, False, False])
    assert scores.found(codes[400:], readings[400:], directions, names, only_first).names == ("a",)


def test_changes_of_a_knob_are_finite_differences_of_the_readings():
    generator, reader = stylegan2(), Planted(16)
    directions = Directions(torch.eye(generator.dim, dtype=torch.float64)[:2], torch.ones(2), (1, 2))
    spread, steps = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0.5, 0.25])
    got = scores.knob_changes(generator, reader, directions, steps, spread, seeds=3, first_seed=5, psi=1.0, amount=2.0)
    codes = generator.codes(generator.sample(3, 5))
    for k, step in enumerate(steps.tolist()):
        plus, minus = codes.clone(), codes.clone()
        plus[:, 1:3, k] += 2 * step
        minus[:, 1:3, k] -= 2 * step
        expected = (reader(generator(plus).clamp(-1, 1)) - reader(generator(minus).clamp(-1, 1))) / 4 / spread
        assert torch.allclose(got[k], expected, atol=1e-5)


def test_what_never_varies_is_not_changed_rather_than_not_a_number():
    """The colours of grey pictures."""
    generator = stylegan2_grey()
    directions, steps = random_directions(generator, k=2), torch.ones(2)
    spread = torch.where(torch.arange(len(statistics.NAMES)) % 4 > 1, 0.0, 1.0)
    changes = scores.knob_changes(generator, statistics.read, directions, steps, spread, seeds=2)
    assert torch.equal(changes[..., 2:4], torch.zeros(2, 2, 2)) and changes[..., :2].any() and changes.isfinite().all()


def test_purity_is_one_for_one_factor_and_a_third_for_three():
    assert scores.purity(torch.tensor([[2.0, 0, 0], [2.0, 0, 0]])) == 1
    assert scores.purity(torch.tensor([[1.0, -1, 1], [1.0, -1, 1]])) == pytest.approx(1 / 3)


def test_same_sign_counts_faces():
    assert scores.same_sign(torch.tensor([[1.0], [1.0], [1.0], [-1.0]])).tolist() == [0.75]


def planted_changes(first: float, second: float, noise: float = 0.05) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.tensor([first, second, 0.0]) + noise * torch.randn(64, 3, generator=random)


def test_a_verdict_says_what_moved_how_much_against_what_on_how_many():
    said = verdict(planted_changes(1.0, -0.2), FACTORS, baseline=0.1, things="faces")
    assert said.strongest == 0 and said.title == "less turn / more turn"
    assert said.text == (
        "The turn: 1.00 standard deviations a step (95 %: 0.99 to 1.01), in the same sense on 100 % "
        "of faces. Next: the light, 0.21. A random knob\u2019s strongest: 0.10. (64 faces)"
    )


def test_a_title_turns_round_with_the_sign_and_names_a_strong_companion():
    assert knob_title(planted_changes(-1.0, 0.0), FACTORS) == "more turn / less turn"
    assert knob_title(planted_changes(1.0, -0.8), FACTORS) == "less turn / more turn (and less light)"


def test_noise_gets_no_title():
    said = verdict(planted_changes(0.0, 0.0, noise=0.3), FACTORS, baseline=0.2)
    assert said.strongest is None and said.text.startswith("No single thing")


def test_changes_are_measured_against_the_training_pictures_not_against_the_model():
    """A factor that a model hardly varies must not seem to change most."""
    even, graded = deviations("portraits", "even"), deviations("portraits", "graded")
    truth = portraits.sample(4000, 500_000, spread=portraits.SPREADS["graded"]).numpy().std(0)
    assert np.allclose(graded, truth, rtol=0.06)
    narrowed = portraits.SPREADS["graded"] < 1
    assert (graded[narrowed] < 0.85 * even[narrowed]).all() and torch.equal(graded[~narrowed], even[~narrowed])
