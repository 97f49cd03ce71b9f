"""GANSpace finds the axes along which codes vary; random directions are what it must beat."""

from __future__ import annotations

import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from core.codes import Directions
from core.factorization.baseline import random_directions, spread_along
from core.factorization.ganspace import ganspace

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


class Stretched(tiny.Planted):
    """Codes of known standard deviations along known axes (rows of [dim, dim]), around a mean that is not zero."""

    def __init__(self, axes: Tensor, deviations: Tensor):
        super().__init__(torch.zeros(1, len(axes)), torch.zeros(1, len(axes)))
        self.axes, self.deviations = axes, deviations

    def codes(self, z: Tensor, **how) -> Tensor:
        return super().codes(5 + z.double() * self.deviations @ self.axes, **how)


AXES = torch.linalg.qr(tiny.normal(8, 8)).Q
DEVIATIONS = torch.tensor([1.0, 4.0, 0.5, 2.0, 0.1, 0.2, 0.3, 0.05], dtype=torch.float64)


def test_planted_axes_are_found_in_order_of_variance() -> None:
    found = ganspace(Stretched(AXES, DEVIATIONS), k=4, samples=3000)
    order = DEVIATIONS.argsort(descending=True)
    agreement = (found.vectors @ AXES[order[:4]].T).abs().diagonal()
    assert (agreement > 0.99).all()
    assert torch.allclose(found.scores.sqrt(), DEVIATIONS[order[:4]], rtol=0.06)
    round_codes = ganspace(Stretched(AXES, torch.ones(8, dtype=torch.float64)), k=1, samples=3000)
    assert round_codes.scores[0] < 1.3  # the control: codes without a preferred axis


@pytest.mark.parametrize("name", tiny.KINDS)
def test_it_equals_an_independent_principal_component_analysis(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    found = ganspace(generator, k=5, samples=300, seed=11)
    codes = generator.codes(generator.sample(300, 11))[:, 0].double().numpy()
    expected = PCA(5, svd_solver="full").fit(codes)
    assert torch.allclose(found.scores, torch.as_tensor(expected.explained_variance_), rtol=1e-9)
    assert torch.allclose(
        (found.vectors @ torch.as_tensor(expected.components_).T).abs(), torch.eye(5, dtype=torch.float64), atol=1e-6
    )
    assert found.slots == tuple(range(generator.slots))


def test_directions_are_orthonormal_repeatable_and_signed() -> None:
    generator = tiny.stylegan2()
    found, again = (ganspace(generator, (1, 2), k=tiny.DIM, samples=200) for _ in range(2))
    assert torch.equal(found.vectors, again.vectors) and found.slots == (1, 2)
    assert torch.allclose(found.vectors @ found.vectors.T, torch.eye(tiny.DIM, dtype=torch.float64), atol=1e-12)
    assert (found.scores.diff() <= 0).all() and (found.scores >= 0).all()
    assert (found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True)) > 0).all()
    assert not torch.allclose(found.scores, ganspace(generator, k=tiny.DIM, samples=200, seed=1000).scores)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (dict(k=0), "1 to 12 components"),
        (dict(k=13), "1 to 12 components"),
        (dict(k=5, samples=5), "1 to 4 components"),
        (dict(slots=[9]), "choose at least one of 0 to 5"),
    ],
)
def test_what_there_is_not_is_refused_in_one_sentence(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ganspace(tiny.stylegan2(), **arguments)


# The baseline


def test_random_directions_are_unit_and_depend_on_seed_and_index_alone() -> None:
    generator = tiny.stylegan2()
    ten, three = random_directions(generator, k=10, seed=4), random_directions(generator, k=3, seed=4)
    assert torch.allclose(ten.vectors.norm(dim=1), torch.ones(10, dtype=torch.float64))
    assert torch.equal(ten.vectors[:3], three.vectors)
    assert not torch.equal(ten.vectors, random_directions(generator, k=10, seed=5).vectors)
    assert not torch.equal(ten.vectors[0], ten.vectors[1])


def test_random_directions_favour_no_axis() -> None:
    vectors = random_directions(tiny.stylegan2(), k=4000).vectors
    assert vectors.mean(0).abs().max() < 0.02
    assert (vectors.square().mean(0) * tiny.DIM - 1).abs().max() < 0.12


def test_spread_is_the_standard_deviation_of_the_codes() -> None:
    generator = Stretched(AXES, DEVIATIONS)
    axes = Directions(AXES, torch.ones(8), (0, 1))
    assert torch.allclose(spread_along(generator, axes, samples=3000), DEVIATIONS, rtol=0.06)


def test_spread_of_a_vector_for_each_slot_counts_them_all() -> None:
    generator = Stretched(AXES, DEVIATIONS)
    each = torch.stack([AXES[:2], AXES[:2]], 1) / 2**0.5  # [2, 2 slots, dim], unit length over both
    shared = spread_along(generator, Directions(AXES[:2], torch.ones(2), (0, 1)), samples=500)
    own = spread_along(generator, Directions(each, torch.ones(2), (0, 1)), samples=500)
    assert torch.allclose(own, 2**0.5 * shared)


def test_ganspace_beats_random_directions_in_spread() -> None:
    generator = tiny.stylegan2()
    found, random = ganspace(generator, k=1, samples=500), random_directions(generator, k=50)
    assert (spread_along(generator, found, samples=500) > spread_along(generator, random, samples=500)).all()
