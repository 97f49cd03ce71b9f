"""Pure knobs move their own factor and hold the others, exactly where pictures are linear in the code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor, nn

from core.boundaries.files import Labels, load_labels, save_labels
from core.boundaries.interfacegan import pattern
from core.boundaries.jacobian import ReadingJacobian, reading_jacobian, reading_jacobian_steps
from core.boundaries.pure import gradient, metric_of, pure, pure_of
from core.codes import codes_in_turn, edit
from core.factorization.baseline import spread_along
from core.generators.base import Generator, State
from core.truth import statistics
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
on_every_twin = pytest.mark.parametrize("name", tiny.KINDS)
DIM, SLOTS, FACTORS = 8, 3, 4


class Linear(Generator):
    """Pictures of one pixel whose channels are a linear map of the sum of the slots' codes; codes vary unevenly."""

    def __init__(self):
        super().__init__()
        self.slots, self.dim, self.z_dim, self.resolution = SLOTS, DIM, DIM, 1
        self.map = nn.Parameter(0.1 * tiny.normal(FACTORS, DIM, seed=1), requires_grad=False)
        self.mixing = nn.Parameter(torch.diag(torch.linspace(0.5, 2, DIM)).double() + 0.1, requires_grad=False)
        self.reads = ((0, 1, 2),)
        self.layers = nn.ModuleList([nn.Identity()])

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff=None, label=None) -> Tensor:
        return (psi * z.double() @ self.mixing)[:, None].repeat(1, SLOTS, 1)

    def run(self, codes: Tensor, state=None, *, start: int = 0, stop=None) -> State:
        return State((codes.sum(1) @ self.map.T)[:, :, None, None])

    def to_image(self, state: State) -> Tensor:
        return state.x


def read(images: Tensor) -> Tensor:
    return images[:, :, 0, 0]


def slopes() -> tuple[Linear, Tensor]:
    generator = Linear()
    return generator, reading_jacobian(generator, read, codes_in_turn(generator, 5, 0)).mean


def first_order(jacobian: Tensor, directions) -> Tensor:
    """[factors, knobs]: what a unit of each knob does to every factor."""
    slots = list(directions.slots)
    vectors = directions.vectors if directions.vectors.ndim == 3 else directions.vectors[:, None]
    return torch.einsum("fsd,ksd->fk", jacobian[:, slots], vectors.expand(-1, len(slots), -1))


# --- the Jacobian


@on_every_twin
def test_the_jacobian_is_the_mean_of_central_differences(name: str) -> None:
    generator = tiny.GENERATORS[name]().double()
    codes, eps = codes_in_turn(generator, 3, 7).double(), 1e-7
    found = reading_jacobian(generator, statistics.read, codes, batch=2)
    assert found.mean.shape == (8, generator.slots, generator.dim) and found.mean.dtype == torch.float64
    assert torch.allclose(found.readings, statistics.read(generator(codes)))
    columns = range(generator.dim)[generator.movable]
    for slot in range(0, generator.slots, 1 + generator.slots // 8):
        for column in (columns[0], columns[-1]):
            ends = [codes.clone() for _ in range(2)]
            ends[0][:, slot, column] += eps
            ends[1][:, slot, column] -= eps
            high, low = (statistics.read(generator(end)) for end in ends)
            assert torch.allclose(found.mean[:, slot, column], (high - low).mean(0) / (2 * eps), rtol=1e-3, atol=1e-5)
    outside = [i for i in range(generator.dim) if i not in columns]
    assert not found.mean[..., outside].any() and found.mean.any()


def test_batches_of_another_size_give_the_same_and_every_pass_is_a_step() -> None:
    generator = tiny.stylegan2()
    codes = codes_in_turn(generator, 5, 3)
    ran = list(reading_jacobian_steps(generator, statistics.read, codes, batch=2))
    assert [step.done for step in ran] == list(range(1, 25)) and {step.total for step in ran} == {24}
    assert [step.result is None for step in ran] == [True] * 23 + [False]
    assert torch.allclose(ran[-1].result.mean, reading_jacobian(generator, statistics.read, codes).mean, atol=1e-6)


def test_the_network_and_the_caller_s_gradient_mode_stay_as_they_were() -> None:
    generator = tiny.pggan()
    with torch.no_grad():
        for _ in reading_jacobian_steps(generator, statistics.read, codes_in_turn(generator, 2, 3)):
            assert not torch.is_grad_enabled()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in generator.parameters())


def test_a_jacobian_is_counted_in_standard_deviations() -> None:
    _, jacobian = slopes()
    spread = torch.tensor([1.0, 2.0, 0.0, 4.0])
    over = ReadingJacobian(jacobian, torch.zeros(1, 4)).over(spread)
    assert torch.allclose(over[1], jacobian[1] / 2) and not over[2].any() and torch.allclose(over[3], jacobian[3] / 4)


@pytest.mark.parametrize(
    "change, sentence",
    [
        (dict(codes=torch.zeros(2, 3, 5)), r"codes of this generator are \[n, 3, 8\]"),
        (dict(codes=torch.zeros(0, 3, 8)), "n at least 1"),
        (dict(batch=0), "at least one picture at a time"),
        (dict(read=lambda images: read(images).detach()), "have no gradient"),
        (dict(read=lambda images: images.mean()), "a judge reads"),
    ],
)
def test_what_has_no_jacobian_gets_a_sentence(change: dict, sentence: str) -> None:
    given = dict(generator=Linear(), read=read, codes=torch.zeros(2, 3, 8, dtype=torch.float64)) | change
    with pytest.raises(ValueError, match=sentence):
        reading_jacobian(**given)


# --- the knobs


@pytest.mark.parametrize("slots", [None, (1,), (0, 2)])
def test_at_lam_0_a_knob_moves_its_factor_alone(slots) -> None:
    generator, jacobian = slopes()
    knobs = pure(generator, jacobian, slots, lam=0)
    assert knobs.vectors.shape == (FACTORS, DIM) and torch.allclose(knobs.vectors.norm(dim=1), torch.ones(4).double())
    moved = first_order(jacobian, knobs)
    assert torch.allclose(moved / moved.diagonal(), torch.eye(FACTORS).double(), atol=1e-8)
    assert (moved.diagonal() > 0).all()
    codes = codes_in_turn(generator, 3, 50)
    for i in range(FACTORS):
        changed = read(generator(edit(codes, knobs, [0.0] * i + [2.0]))) - read(generator(codes))
        assert torch.allclose(changed, 2 * moved.diagonal()[i] * torch.eye(FACTORS).double()[i], atol=1e-8)


def test_knobs_are_the_formula_written_out() -> None:
    generator, jacobian = slopes()
    metric, lam = metric_of(generator, (1,)), 0.2
    codes = generator.codes(generator.sample(4096, 500_000))[:, 1].numpy()
    root = scipy.linalg.sqrtm(np.cov(codes.T)).real
    assert np.allclose(metric.root.numpy(), root, atol=1e-8)
    whitened = jacobian[:, 1].numpy() @ root
    gram = whitened @ whitened.T
    wanted = root @ whitened.T @ np.linalg.inv(gram + lam * np.trace(gram) / FACTORS * np.eye(FACTORS))
    wanted = wanted / np.linalg.norm(wanted, axis=0)
    assert np.allclose(pure_of(jacobian, metric, lam=lam).vectors.numpy(), wanted.T, atol=1e-8)


def test_scores_are_what_a_step_of_a_knob_changes() -> None:
    generator, jacobian = slopes()
    knobs = pure(generator, jacobian, lam=0.05)
    steps = spread_along(generator, knobs)
    assert torch.allclose(knobs.scores, first_order(jacobian, knobs).diagonal() * steps, rtol=1e-6)


def test_at_large_lam_knobs_are_mean_gradients_and_for_gaussian_codes_the_patterns_of_labels() -> None:
    generator, jacobian = slopes()
    metric = metric_of(generator)
    far, none = pure_of(jacobian, metric, lam=1e9), pure_of(jacobian, metric, hold=())
    gradient = jacobian.sum(1) @ metric.root @ metric.root
    gradient = gradient / gradient.norm(dim=1, keepdim=True)
    assert torch.allclose(far.vectors, gradient, atol=1e-7) and torch.allclose(none.vectors, gradient, atol=1e-7)
    codes = codes_in_turn(generator, 4096, 500_000)
    assert torch.allclose(pattern(codes[:, 0], read(generator(codes))), gradient, atol=1e-6)  # linear: exact


def test_lam_trades_purity_for_strength() -> None:
    generator, jacobian = slopes()
    metric = metric_of(generator)
    sets = [pure_of(jacobian, metric, lam=lam) for lam in (0, 0.03, 0.3, 3)]
    strength = torch.stack([knobs.scores for knobs in sets])
    moved = [first_order(jacobian, knobs).abs() for knobs in sets]
    share = torch.stack([each.diagonal() / each.sum(0) for each in moved])
    assert (strength.diff(dim=0) > -1e-9).all() and (share.diff(dim=0) < 1e-9).all()


def test_what_is_held_stays_and_the_rest_is_free() -> None:
    generator, jacobian = slopes()
    metric = metric_of(generator)
    moved = first_order(jacobian, pure_of(jacobian, metric, lam=0, hold=(2,)))
    assert moved[2, [0, 1, 3]].abs().max() < 1e-8 and moved[2, 2] > 0
    others = moved[[0, 1, 3]][:, [0, 1, 3]]
    assert (others - torch.diag(others.diagonal())).abs().max() > 1e-3
    assert torch.equal(
        pure_of(jacobian, metric, hold=(3, 1)).vectors, pure_of(jacobian, metric, hold=(1, 3, 1)).vectors
    )
    everything = pure_of(jacobian, metric, hold=range(FACTORS)).vectors
    assert torch.equal(everything, pure_of(jacobian, metric).vectors)


def test_factors_in_another_order_or_in_other_units_give_the_same_pure_knobs() -> None:
    generator, jacobian = slopes()
    metric, order = metric_of(generator), [2, 0, 3, 1]
    straight, turned = pure_of(jacobian, metric), pure_of(jacobian[order], metric)
    assert torch.allclose(turned.vectors, straight.vectors[order], atol=1e-9)
    scaled = jacobian * torch.tensor([1.0, 10.0, 0.1, 3.0])[:, None, None]
    exact = (pure_of(each, metric, lam=0).vectors for each in (jacobian, scaled))
    assert torch.allclose(*exact, atol=1e-7)


def test_a_factor_that_nothing_moves_gets_no_knob_and_a_repeated_one_does_no_harm() -> None:
    generator, jacobian = slopes()
    metric = metric_of(generator)
    lost = jacobian.clone()
    lost[1] = 0
    for lam in (0, 0.03):
        knobs = pure_of(lost, metric, lam=lam)
        assert not knobs.vectors[1].any() and knobs.scores[1] == 0
        assert torch.isfinite(knobs.vectors).all() and knobs.vectors[[0, 2, 3]].norm(dim=1).min() > 0.99
    twice = torch.cat([jacobian, jacobian[:1]])
    knobs = pure_of(twice, metric, lam=0)
    moved = first_order(twice, knobs)
    assert torch.allclose(knobs.vectors[0], knobs.vectors[4], atol=1e-8)
    assert moved[1:4, 0].abs().max() < 1e-8 * moved[0, 0].abs() + 1e-8
    assert torch.allclose(knobs.vectors[1], pure_of(jacobian, metric, lam=0).vectors[1], atol=1e-7)


@on_every_twin
def test_knobs_of_every_architecture_move_the_chosen_slots_and_movable_columns_alone(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    jacobian = reading_jacobian(generator, statistics.read, codes_in_turn(generator, 4, 7)).mean
    last = generator.slots - 1
    label = 1 if generator.classes else None
    for slots in ((last,), None):
        knobs = pure(generator, jacobian, slots, lam=0.03, label=label)
        outside = [i for i in range(generator.dim) if i not in range(generator.dim)[generator.movable]]
        assert not knobs.vectors[..., outside].any() and torch.isfinite(knobs.vectors).all()
        assert knobs.vectors.ndim == (3 if name == "biggan" and slots is None else 2)
        moved = first_order(jacobian, knobs)
        assert (moved.diagonal() >= 0).all() and moved.diagonal().any()


@pytest.mark.parametrize(
    "change, sentence",
    [
        (dict(lam=-0.1), "lam = -0.1: 0 .pure. or a positive number"),
        (dict(lam=float("nan")), "lam = nan"),
        (dict(hold=(4,)), r"factors \[4\] shall stay, but there are only 0 to 3"),
        (dict(jacobian=torch.zeros(4, 3, 9)), r"dim 8 .* got \[4, 3, 9\]"),
        (dict(jacobian=torch.zeros(4, 1, 8)), r"got \[4, 1, 8\]"),
    ],
)
def test_what_has_no_knobs_gets_a_sentence(change: dict, sentence: str) -> None:
    generator, jacobian = slopes()
    with pytest.raises(ValueError, match=sentence):
        pure_of(**(dict(jacobian=jacobian, metric=metric_of(generator)) | change))


def test_the_mean_gradient_is_the_row_of_j_and_holds_what_is_fixed() -> None:
    generator, jacobian = slopes()
    found = gradient(generator, jacobian, (0, 2))
    rows = jacobian[:, [0, 2]].sum(1)
    assert torch.allclose(found.vectors, rows / rows.norm(dim=1, keepdim=True)) and found.slots == (0, 2)
    steps = spread_along(generator, found).double()
    assert torch.allclose(first_order(jacobian, found).diagonal() * steps, found.scores, rtol=0.1)
    held = first_order(jacobian, gradient(generator, jacobian, fixed=(1, 3, 1)))
    assert held[1, [0, 2, 3]].abs().max() < 1e-9 and held[3, [0, 1, 2]].abs().max() < 1e-9 < held.diagonal().min()
    assert first_order(jacobian, gradient(generator, jacobian))[1, 0].abs() > 1e-3, "the control: unheld, it moves"


# --- files


def labels() -> Labels:
    _, jacobian = slopes()
    return Labels(("a", "b", "c", "d"), tiny.normal(6, 4), 600_000, ReadingJacobian(jacobian, tiny.normal(5, 4)), 0.7)


def test_labels_come_back_and_only_for_the_same_weights_and_judge(tmp_path: Path) -> None:
    path, written = tmp_path / "labels.safetensors", labels()
    save_labels(written, path, weights="w", judge="j")
    back = load_labels(path, weights="w", judge="j")
    assert (back.names, back.first_seed, back.psi) == (written.names, 600_000, 0.7)
    assert torch.allclose(back.readings, written.readings, atol=1e-6)
    assert torch.allclose(back.jacobian.mean, written.jacobian.mean, atol=1e-6)
    assert load_labels(path, weights="other", judge="j") is None and load_labels(path, weights="w", judge="x") is None
    assert load_labels(tmp_path / "none.safetensors", weights="w", judge="j") is None


def test_a_damaged_file_of_labels_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "labels.safetensors"
    save_labels(labels(), path, weights="w", judge="j")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="labels.safetensors is damaged"):
        load_labels(path, weights="w", judge="j")


@pytest.mark.parametrize("lam", [0.03, 1.0])
def test_what_is_fixed_does_not_move_however_strong_the_others_are(lam: float) -> None:
    generator, jacobian = slopes()
    metric = metric_of(generator)
    fixed, free = (pure_of(jacobian, metric, lam=lam, fixed=rows) for rows in ((1, 2), ()))
    moved, control = first_order(jacobian, fixed), first_order(jacobian, free)
    others = [0, 3]
    assert moved[1:3][:, others].abs().max() < 1e-9 * moved.abs().max()
    assert control[1:3][:, others].abs().max() > 1e-3 * control.abs().max(), "lam alone lets them move"
    assert torch.allclose(moved[:, 1].sign()[1], torch.ones(()).double()), "a fixed factor's own knob moves it"
    held = pure_of(jacobian, metric, lam=lam, hold=(1, 2))
    assert _share(moved, 0) > _share(first_order(jacobian, held), 0), "the rest is held as before"


def _share(moved: Tensor, own: int) -> float:
    return float(moved[own, own].abs() / moved[:, own].abs().sum())
