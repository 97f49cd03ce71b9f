"""Boundaries find planted attributes, equal independent fits, and what is held stays; shuffled labels find nothing."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.linear_model import Ridge
from sklearn.svm import SVC
from torch import Tensor

from core.boundaries.interfacegan import (
    DISTANCES,
    FITS,
    boundaries,
    boundaries_in_z,
    conditioned,
    moved_in_z,
    official,
    on_sphere,
    pattern,
    ridge,
)
from core.boundaries.space import space_of
from core.codes import Directions, codes_in_turn, edit
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
every_fit = pytest.mark.parametrize("fit", FITS)
DIM, N = 16, 2000
LEAST = dict(pattern=0.95, ridge=0.95, svm=0.8)


def generator(slots: int = 3) -> tiny.Planted:
    return tiny.Planted(*[torch.ones(2, DIM)] * slots)


def labelled(*, noise: float = 0.5, attributes: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Codes [N, 3, DIM], scores [N, attributes], the planted unit normals [attributes, DIM]."""
    w = tiny.normal(N, DIM)
    planted = torch.linalg.qr(tiny.normal(DIM, attributes, seed=1)).Q.T
    return w[:, None].repeat(1, 3, 1), w @ planted.T + noise * tiny.normal(N, attributes, seed=2), planted


def shuffled(scores: Tensor) -> Tensor:
    return scores[torch.randperm(len(scores), generator=torch.Generator().manual_seed(3))]


# --- fits


@every_fit
def test_a_planted_attribute_is_found_and_shuffled_labels_lose_it(fit: str) -> None:
    codes, scores, planted = labelled()
    found = boundaries(generator(), codes, scores, fit=fit)
    assert found.directions.slots == (0, 1, 2)
    assert torch.allclose(found.directions.vectors.norm(dim=1), torch.ones(3, dtype=torch.float64))
    assert ((found.directions.vectors * planted).sum(1) > LEAST[fit]).all()
    assert (found.ends > 0.9).all() and (found.rest > found.chance).all()
    assert found.rest.mean() > found.chance.mean() + 0.1
    lost = boundaries(generator(), codes, shuffled(scores), fit=fit)
    assert ((lost.directions.vectors * planted).sum(1).abs() < 0.6).all()
    assert 0.35 < lost.ends.mean() < 0.65


def test_all_scores_come_nearer_to_the_truth_than_their_ends() -> None:
    codes, scores, planted = labelled(noise=1.0)
    near = {fit: (boundaries(generator(), codes, scores, fit=fit).directions.vectors * planted).sum(1) for fit in FITS}
    assert (near["ridge"] > near["svm"]).all()


def test_the_pattern_is_where_codes_differ_and_the_normal_is_not() -> None:
    """Two numbers of a code vary together; an attribute that is the difference of both is read by cancelling them."""
    w = tiny.normal(4000, 2) * torch.tensor([3.0, 0.3])
    turn = torch.tensor([[1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64) / 2**0.5
    w, truth = w @ turn, torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    y = w @ truth.T
    assert torch.allclose(ridge(w, y), truth, atol=0.05)
    expected = torch.from_numpy(np.cov(w.numpy().T)) @ truth[0]
    assert torch.allclose(pattern(w, y)[0], expected / expected.norm(), atol=1e-6)


def test_ridge_equals_scikit_learn() -> None:
    codes, scores, _ = labelled()
    w = codes[:, 0]
    penalty = float((w - w.mean(0)).square().sum() / DIM * 1e-3)
    expected = torch.from_numpy(Ridge(alpha=penalty).fit(w.numpy(), scores.numpy()).coef_)
    assert torch.allclose(ridge(w, scores), expected / expected.norm(dim=1, keepdim=True), atol=1e-8)


def test_the_svm_equals_scikit_learn_on_the_published_ends() -> None:
    codes, scores, _ = labelled(attributes=1)
    found = boundaries(generator(), codes, scores, fit="svm", seed=4)
    random, order, w = torch.Generator().manual_seed(4), np.argsort(scores[:, 0].numpy()), codes[:, 0].numpy()
    ends = [end[torch.randperm(100, generator=random).numpy()] for end in (order[:100], order[-100:])]
    train, held = (np.concatenate([end[part] for end in ends]) for part in (slice(70), slice(70, None)))
    machine = SVC(kernel="linear", C=1.0).fit(w[train], [0] * 70 + [1] * 70)
    normal = machine.coef_[0] / np.linalg.norm(machine.coef_[0])
    assert np.allclose(found.directions.vectors[0].numpy(), normal, atol=1e-9)
    assert float(found.ends[0]) == machine.score(w[held], [0] * 30 + [1] * 30)
    rest = order[100:-100]
    sides = scores[rest, 0].numpy() > (float(scores.min()) + float(scores.max())) / 2
    assert float(found.rest[0]) == pytest.approx(machine.score(w[rest], sides.astype(int)))
    assert float(found.chance[0]) == pytest.approx(max(sides.mean(), 1 - sides.mean()))


@every_fit
def test_a_score_that_does_not_vary_gives_no_direction(fit: str) -> None:
    codes, scores, _ = labelled()
    scores[:, 1] = 0.25
    found = boundaries(generator(), codes, scores, fit=fit)
    assert not found.directions.vectors[1].any() and found.directions.vectors[[0, 2]].norm(dim=1).min() > 0.99


@every_fit
def test_adding_a_constant_to_the_scores_or_to_the_codes_changes_nothing(fit: str) -> None:
    codes, scores, _ = labelled()
    here, there = (boundaries(generator(), c, s, fit=fit) for c, s in ((codes, scores), (codes + 2, 5 * scores - 3)))
    assert torch.allclose(here.directions.vectors, there.directions.vectors, atol=1e-3)
    assert torch.allclose(here.ends, there.ends)


@every_fit
def test_pictures_and_attributes_in_another_order_in_other_units_or_turned_give_the_same_planes(fit: str) -> None:
    codes, scores, _ = labelled()
    plain = boundaries(generator(), codes, scores, fit=fit).directions.vectors
    sign = 1.0 if fit == "svm" else -1.0  # its ends are dealt out by their order: turned round, others are held out
    order, turn = (
        torch.randperm(N, generator=torch.Generator().manual_seed(5)),
        torch.linalg.qr(tiny.normal(DIM, DIM)).Q,
    )
    for (c, s), expected in {
        (codes[order], scores[order]): plain,
        (codes, scores[:, [2, 0, 1]]): plain[[2, 0, 1]],
        (codes, scores * torch.tensor([sign, 1e-3, 1e3])): plain * torch.tensor([sign, 1, 1])[:, None],
        (codes @ turn, scores): plain @ turn,
    }.items():
        assert torch.allclose(boundaries(generator(), c, s, fit=fit).directions.vectors, expected, atol=2e-3)


# --- in z


@pytest.mark.parametrize("name", ["stylegan2", "pggan", "dcgan"])
@every_fit
def test_an_attribute_of_z_is_found_in_z_and_moving_z_along_it_moves_the_attribute(name: str, fit: str) -> None:
    network = tiny.GENERATORS[name]()
    z, planted = network.sample(1000, 0), torch.linalg.qr(tiny.normal(network.z_dim, 2, seed=1)).Q.T
    seen = on_sphere if name != "dcgan" else lambda z: z  # a DCGAN reads how long z is, too
    scores = seen(z).double() @ planted.T + 0.2 * tiny.normal(1000, 2, seed=2)
    found = boundaries_in_z(network, z, scores, fit=fit)
    assert found.directions.slots == () and ((found.directions.vectors * planted).sum(1) > LEAST[fit]).all()
    assert (found.ends > 0.9).all() and found.rest.mean() > found.chance.mean()
    lost = boundaries_in_z(network, z, shuffled(scores), fit=fit)
    assert 0.3 < lost.ends.mean() < 0.7
    longer = boundaries_in_z(network, 3 * z, scores, fit=fit).directions.vectors
    assert torch.allclose(longer, found.directions.vectors, atol=2e-3) or name == "dcgan"
    few, moved = z[:5], seen(z[:5]).double() + 2 * found.directions.vectors[0]
    assert torch.allclose(
        moved_in_z(network, few, found.directions, [2.0]), network.codes(moved.float()), atol=1e-5
    ) and torch.allclose(moved_in_z(network, few, found.directions, []), network.codes(few), atol=1e-5)
    assert ((seen(moved) - seen(few.double())) @ planted[0] > 0.5).all(), "also after the network scaled z again"


def test_z_of_another_size_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"z of this generator is \[n, 16\]; got \[30, 5\]"):
        boundaries_in_z(generator(), torch.zeros(30, 5), torch.zeros(30, 1))


# --- distances


def test_official_codes_lie_at_exactly_the_distances_wherever_they_lay_before() -> None:
    codes, normal = tiny.normal(7, DIM) + 3, 5 * tiny.normal(DIM, seed=1)
    unit = normal / normal.norm()
    placed = official(codes, normal)
    assert np.allclose(DISTANCES, np.linspace(-3, 3, 10)) and placed.shape == (7, 10, DIM)
    assert torch.allclose(placed @ unit, torch.tensor(DISTANCES).double().expand(7, -1), atol=1e-12)
    across = torch.eye(DIM, dtype=torch.float64) - torch.outer(unit, unit)
    assert torch.allclose(placed @ across, (codes @ across)[:, None].expand(-1, 10, -1), atol=1e-12), "along n alone"
    again = official(placed[:, 4], normal, DISTANCES[4:5])[:, 0]
    assert torch.allclose(again, placed[:, 4], atol=1e-12), "placed twice is placed once"
    shifted = official(codes + 2.5 * unit, normal)
    assert torch.allclose(shifted, placed, atol=1e-12), "an offset along n, such as an intercept, drops out"


# --- where directions live


@pytest.mark.parametrize("name", tiny.KINDS)
@every_fit
def test_directions_move_the_given_slots_and_movable_columns_alone(name: str, fit: str) -> None:
    network = tiny.GENERATORS[name]()
    codes, last = codes_in_turn(network, 60, 5), network.slots - 1
    scores = codes[:, last, :2].double() + 0.1 * tiny.normal(60, 2)
    found = boundaries(network, codes, scores, (last,), fit=fit).directions
    assert found.slots == (last,) and found.vectors.shape[-1] == network.dim
    outside = [i for i in range(network.dim) if i not in range(network.dim)[network.movable]]
    assert not found.vectors[..., outside].any()
    moved = edit(codes, found, [1.5])
    assert torch.equal(moved[:, :last], codes[:, :last]) and not torch.equal(moved[:, last], codes[:, last])


def test_slots_with_codes_of_their_own_get_vectors_of_their_own() -> None:
    network = tiny.biggan()
    codes = codes_in_turn(network, 400, 5)
    assert not space_of(network, codes).shared and space_of(network, codes, (1,)).shared
    scores = (codes[:, 2, 3] - codes[:, 0, 1])[:, None]
    vectors = boundaries(network, codes, scores, fit="ridge").directions.vectors[0]
    assert vectors.shape == (network.slots, network.dim)
    assert vectors[2, 3] > 0.7 and vectors[0, 1] < -0.7 and vectors.norm() == pytest.approx(1)


@pytest.mark.parametrize(
    "change, sentence",
    [
        (dict(fit="forest"), "no fit 'forest': choose one of pattern, ridge, svm"),
        (dict(slots=(7,)), "choose at least one of 0 to 2"),
        (dict(codes=torch.zeros(N, 3, 5)), r"codes of this generator are \[n, 3, 16\]"),
        (dict(readings=torch.zeros(5, 2)), "2000 pictures need as many rows of scores"),
        (dict(readings=torch.full((N, 1), torch.nan)), "not finite"),
        (dict(codes=torch.zeros(9, 3, DIM), readings=torch.zeros(9, 1)), "9 labelled pictures are too few"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(change: dict, sentence: str) -> None:
    codes, scores, _ = labelled()
    with pytest.raises(ValueError, match=sentence):
        boundaries(**(dict(generator=generator(), codes=codes, readings=scores, slots=None) | change))


# --- conditional manipulation


def some(k: int = 5, *, seed: int = 0) -> Directions:
    vectors = tiny.normal(k, DIM, seed=seed)
    return Directions(vectors / vectors.norm(dim=1, keepdim=True), torch.ones(k), (0,))


def test_conditioned_normals_are_orthogonal_to_what_is_held_and_that_stays() -> None:
    before = some()
    after = conditioned(before, (1, 3))
    assert (after.vectors[[0, 2, 4]] @ after.vectors[[1, 3]].T).abs().max() < 1e-12
    assert torch.equal(after.vectors[[1, 3]], before.vectors[[1, 3]])
    assert torch.allclose(after.vectors.norm(dim=1), torch.ones(5, dtype=torch.float64))
    assert torch.equal(conditioned(before, ()).vectors, before.vectors)
    projector = (
        np.eye(DIM)
        - scipy.linalg.orth(before.vectors[[1, 3]].numpy().T) @ scipy.linalg.orth(before.vectors[[1, 3]].numpy().T).T
    )
    expected = projector @ before.vectors[0].numpy()
    assert np.allclose(after.vectors[0].numpy(), expected / np.linalg.norm(expected), atol=1e-12)


def test_one_condition_is_the_published_formula() -> None:
    before = some(2)
    primal, condition = before.vectors
    expected = primal - (primal @ condition) * condition
    assert torch.allclose(conditioned(before, (1,)).vectors[0], expected / expected.norm())


def test_two_conditions_are_the_published_formula_which_removes_nothing_of_one_that_comes_twice() -> None:
    def published(primal: Tensor, one: Tensor, two: Tensor) -> Tensor:
        both = one @ two
        a = (primal @ one - primal @ two * both) / (1 - both**2 + 1e-8)
        b = (primal @ two - primal @ one * both) / (1 - both**2 + 1e-8)
        left = primal - a * one - b * two
        return left / left.norm()

    before = some(3)
    primal, one, two = before.vectors
    assert abs(one @ two) > 0.05, "they are not at right angles by themselves"
    for rows, conditions in (((1, 2), (one, two)), ((2, 1), (two, one))):
        assert torch.allclose(conditioned(before, rows).vectors[0], published(primal, *conditions), atol=1e-7)
    twice = Directions(torch.stack([primal, one, one]), torch.ones(3), (0,))
    assert abs(conditioned(twice, (1, 2)).vectors[0] @ one) < 1e-12
    assert torch.allclose(published(primal, one, one), primal, atol=1e-6) and abs(primal @ one) > 0.01


def test_order_repetition_and_dependence_of_the_conditions_do_not_matter() -> None:
    base = some(5)
    once = conditioned(base, (1, 2)).vectors[0]
    assert torch.equal(conditioned(base, (2, 1, 1, 2)).vectors[0], once)
    both = base.vectors[1] - 2 * base.vectors[2]
    dependent = [both, base.vectors[1], base.vectors[1] + 1e-13 * base.vectors[0], -base.vectors[2]]
    extended = torch.stack([*base.vectors, *(vector / vector.norm() for vector in dependent)])
    more = Directions(extended, torch.ones(9), (0,))
    found = conditioned(more, (1, 2, 5, 6, 7, 8)).vectors
    assert torch.allclose(found[0], once, atol=1e-9)
    assert (found[[0, 3, 4]] @ extended[[1, 2, 5]].T).abs().max() < 1e-9


def test_conditions_over_slots_of_their_own_count_all_slots_together() -> None:
    vectors = tiny.normal(3, 2, DIM)
    vectors = vectors / vectors.flatten(1).norm(dim=1)[:, None, None]
    after = conditioned(Directions(vectors, torch.ones(3), (0, 1)), (2,)).vectors
    assert after.shape == vectors.shape and (after[:2] * after[2]).sum((1, 2)).abs().max() < 1e-12


def test_a_direction_within_the_span_of_the_conditions_is_named() -> None:
    base = some(3)
    same = Directions(torch.cat([base.vectors, base.vectors[:1]]), torch.ones(4), (0,))
    with pytest.raises(ValueError, match="nothing is left of direction 0: .* keep fewer fixed"):
        conditioned(same, (3,))
    with pytest.raises(ValueError, match=r"directions \[4\] shall stay, but there are only 0 to 3"):
        conditioned(same, (4,))
