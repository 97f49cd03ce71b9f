"""Edits are compared at equal change inside: the search reaches it, and nothing that leaks passes for local."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor, nn

from core.codes import Directions, edit
from core.factorization.lowrank import lowrank
from core.generators.base import Generator, State
from core.truth import local
from core.truth.local import Faces, alternating, at_equal_change, change, median_interval, pick, rms_ratio, singles

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
SIDE, DIM = 8, 10


class Bent(nn.Module):
    """code [n, dim] -> image [n, 3, SIDE, SIDE] = bend(weight code)."""

    def __init__(self, weight: Tensor, bend):
        super().__init__()
        self.weight, self.bend = nn.Parameter(weight, requires_grad=False), bend

    def forward(self, _state: None, code: Tensor) -> State:
        return State(self.bend(code @ self.weight.T).reshape(-1, 3, SIDE, SIDE))


class Planted(Generator):
    """Pictures that are a known function of the code: linear, unless `bend` says otherwise."""

    def __init__(self, weight: Tensor, bend=lambda x: x):
        super().__init__()
        self.slots, self.dim, self.z_dim, self.resolution = 1, weight.shape[1], weight.shape[1], SIDE
        self.layers, self.reads = nn.ModuleList([Bent(weight, bend)]), ((0,),)

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff: int | None = None, label: int | None = None) -> Tensor:
        return z[:, None].double()

    def to_image(self, state: State) -> Tensor:
        return state.x


def left_half() -> Tensor:
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[:, : SIDE // 2] = True
    return mask


def two_blocks(inside_rank: int = DIM, outside_rank: int = 4) -> Tensor:
    """[3 * SIDE^2, DIM]: the rows of the left half and of the right half, each of a known rank."""
    weight = torch.empty(3, SIDE, SIDE, DIM, dtype=torch.float64)
    for mask, rank, seed in ((left_half(), inside_rank, 0), (~left_half(), outside_rank, 2)):
        rows = 3 * int(mask.sum())
        block = tiny.normal(rows, rank, seed=seed) @ tiny.normal(rank, DIM, seed=seed + 1) / 50
        weight[:, mask] = block.reshape(3, -1, DIM)
    return weight.reshape(-1, DIM)


def faces_of(generator: Generator, n: int = 12, region: Tensor | None = None) -> Faces:
    codes = 0.05 * generator.codes(generator.sample(n, 100))
    region = left_half() if region is None else region
    return Faces(codes, local.drawn(generator, codes), region.expand(n, -1, -1))


def some(k: int, dim: int = DIM, slots: tuple[int, ...] = (0,)) -> Directions:
    vectors = tiny.normal(k, dim, seed=9)
    return Directions(vectors / vectors.norm(dim=1, keepdim=True), torch.ones(k), slots)


def redrawn(generator: Generator, faces: Faces, direction: Directions, amounts: Tensor) -> np.ndarray:
    """Squared differences [n, 3, R, R] by other means: one picture at a time, in numpy."""
    pairs = []
    for code, amount in zip(faces.codes, amounts.tolist()):
        both = torch.cat([code[None], edit(code[None], direction, [amount])])
        pairs.append(np.clip(generator(both).double().numpy(), -1, 1))
    return np.stack([(after - before) ** 2 for before, after in pairs])


# --- change


def test_change_is_the_mean_square_over_pixels_and_channels_of_each_side() -> None:
    before, after = tiny.normal(3, 3, SIDE, SIDE, seed=1), tiny.normal(3, 3, SIDE, SIDE, seed=2)
    regions = tiny.normal(3, SIDE, SIDE, seed=3) > 0.5
    inside, outside = change(before, after, regions)
    for i in range(3):
        squared, mask = (after[i] - before[i]).numpy() ** 2, regions[i].numpy()
        assert float(inside[i]) == pytest.approx(squared[:, mask].mean(), rel=1e-12)
        assert float(outside[i]) == pytest.approx(squared[:, ~mask].mean(), rel=1e-12)


def test_a_side_without_a_pixel_does_not_change() -> None:
    before, after = torch.zeros(1, 3, SIDE, SIDE), torch.ones(1, 3, SIDE, SIDE)
    everything = torch.ones(1, SIDE, SIDE, dtype=torch.bool)
    assert [float(side) for side in change(before, after, everything)] == [1.0, 0.0]
    assert [float(side) for side in change(before, after, ~everything)] == [0.0, 1.0]


# --- the search


BENDS = {
    "linear": lambda x: x,
    "cubic": lambda x: x + 40 * x**3,
    "flattening": lambda x: 0.4 * torch.tanh(4 * x),
    "steep at first": lambda x: x.sign() * x.abs().clamp(min=1e-12) ** 0.4 / 3,
    "a jump": lambda x: 0.2 * torch.sigmoid(300 * (x - 0.02)) + 0.01 * x,
}


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("start", [1e-4, 1.0, 50.0])
def test_the_search_reaches_the_change_within_one_percent_whatever_the_network_does(bend: str, start: float) -> None:
    generator = Planted(two_blocks(), BENDS[bend])
    faces, direction = faces_of(generator), some(1)
    found = at_equal_change(generator, faces, direction, start=start)
    assert found.reached.all()
    squared = redrawn(generator, faces, direction, found.amounts)
    inside = np.sqrt(squared[:, :, left_half().numpy()].mean((1, 2)))
    assert np.abs(inside / local.INSIDE - 1).max() <= 0.0101
    assert np.allclose(found.outside, squared[:, :, ~left_half().numpy()].mean((1, 2)), rtol=1e-9, atol=0)
    assert torch.allclose(found.ratio, found.inside / found.outside)
    assert torch.allclose(found.ratio * found.leak, torch.ones(12).double())


def test_the_search_reaches_it_on_a_real_architecture_both_ways() -> None:
    generator = tiny.stylegan2()
    codes = generator.codes(generator.sample(16, 0))
    region = torch.zeros(16, 16, dtype=torch.bool)
    region[4:9, 3:12] = True
    faces = Faces(codes, local.drawn(generator, codes), region.expand(16, -1, -1))
    direction = some(1, generator.dim, tuple(range(generator.slots)))
    found = at_equal_change(generator, faces, direction)
    assert found.reached.float().mean() >= 0.9
    assert torch.equal(found.amounts.sign(), alternating(16)) and {-1.0, 1.0} == set(alternating(16).tolist())
    squared = redrawn(generator, faces, direction, found.amounts)
    inside = np.sqrt(squared[:, :, region.numpy()].mean((1, 2)))[found.reached.numpy()]
    assert np.abs(inside / local.INSIDE - 1).max() <= 0.0101


def test_a_linear_network_needs_two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, tries = Planted(two_blocks()), []
    faces, draw = faces_of(generator), local.drawn
    monkeypatch.setattr(local, "drawn", lambda *given: tries.append(0) or draw(*given))
    at_equal_change(generator, faces, some(1), start=0.3)
    assert len(tries) == 2


def test_a_region_that_cannot_change_that_much_is_said_not_to() -> None:
    generator = Planted(two_blocks(), lambda x: 0.01 * torch.tanh(x))
    found = at_equal_change(generator, faces_of(generator), some(1))
    assert not found.reached.any() and torch.isinf(found.leak).all() and not found.ratio.any()
    assert found.amounts.abs().max() <= local.FARTHEST * (1 + 1e-9)


def test_no_amount_beyond_the_farthest_is_tried_and_the_search_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, tries = Planted(two_blocks()), []
    faces, draw = faces_of(generator), local.drawn
    free = at_equal_change(generator, faces, some(1), start=0.01)
    assert free.reached.all()
    least = float(free.amounts.abs().min())
    monkeypatch.setattr(local, "drawn", lambda *given: tries.append(0) or draw(*given))
    for farthest in (0.7 * least, 0.3 * least):
        tries.clear()
        held = at_equal_change(generator, faces, some(1), start=0.01, farthest=farthest)
        assert not held.reached.any() and len(tries) < 6
        assert held.amounts.abs().tolist() == pytest.approx([farthest] * len(faces.codes))


def test_pictures_are_judged_as_they_are_shown_clamped() -> None:
    """A network beyond [-1, 1] everywhere shows one colour: turning its knobs changes nothing."""
    generator = Planted(two_blocks(), lambda x: 1e4 + x)
    assert not at_equal_change(generator, faces_of(generator), some(1)).reached.any()


# --- local and not local


def test_on_a_linear_network_a_projected_direction_changes_nothing_outside_and_an_unprojected_one_does() -> None:
    generator = Planted(two_blocks(outside_rank=4))
    faces = faces_of(generator)
    found = lowrank(generator, faces.codes[:1], left_half(), lam=2.0)  # from 1 on L = M: exact truncation
    assert found.outside.rank == 4 and len(found.directions) >= 1
    for projected, free in zip(singles(found.directions), singles(found.unprojected)):
        forbidden = at_equal_change(generator, faces, projected)
        assert forbidden.reached.all() and forbidden.outside.max() < 1e-20
        allowed = at_equal_change(generator, faces, free)
        assert allowed.reached.all() and allowed.outside.min() > 1e-6


def test_on_a_linear_network_the_ratio_is_the_quotient_of_gram_matrices_however_strong_the_edit() -> None:
    weight = two_blocks()
    generator, direction = Planted(weight), some(1)
    rows, v = weight.reshape(3, SIDE, SIDE, DIM), direction.vectors[0]
    energy = [float((rows[:, mask] @ v).square().mean()) for mask in (left_half(), ~left_half())]
    for target in (0.02, 0.05, 0.1):
        found = at_equal_change(generator, faces_of(generator), direction, target=target)
        assert torch.allclose(found.ratio, torch.full((12,), energy[0] / energy[1], dtype=torch.float64), rtol=1e-9)


def test_the_direction_that_leaks_least_is_picked_as_by_trying_all() -> None:
    generator = Planted(two_blocks())
    faces = faces_of(generator, 16)
    candidates = singles(some(8))
    leaks = [float(at_equal_change(generator, faces, each).leak.median()) for each in candidates]
    assert pick(generator, faces, candidates) == int(np.argmin(leaks))
    assert pick(generator, faces, candidates[::-1]) == 7 - int(np.argmin(leaks))
    assert sorted(leaks)[0] < 0.9 * sorted(leaks)[1]


def test_a_direction_that_does_not_reach_the_change_is_never_picked() -> None:
    weight = two_blocks()
    weight[:, 0] = 0  # the first number of the code moves nothing, so it leaks nothing
    still = Directions(torch.eye(DIM, dtype=torch.float64)[:1], torch.ones(1), (0,))
    generator = Planted(weight)
    assert pick(generator, faces_of(generator), [*singles(still), *singles(some(2))]) > 0


# --- intervals


@pytest.mark.parametrize("n", [6, 9, 16, 64, 101])
def test_the_interval_of_a_median_is_the_binomial_one(n: int) -> None:
    middle, low, high = median_interval(torch.arange(n).double().flip(0))
    assert middle == (n - 1) / 2
    outside = 2 * scipy.stats.binom.cdf(low, n, 0.5)  # the interval misses where at most `low` values lie below
    narrower = 2 * scipy.stats.binom.cdf(low + 1, n, 0.5)
    assert low + high == n - 1 and outside <= 0.05 < narrower


def test_the_interval_of_a_median_holds_it_as_often_as_it_says_even_for_skewed_values() -> None:
    values = torch.exp(tiny.normal(2000, 25, seed=5))
    hits = [low <= 1.0 <= high for _, low, high in map(median_interval, values)]
    assert 0.94 <= np.mean(hits) <= 0.985
    mean, sd = values.mean(1), values.std(1) / math.sqrt(25)
    assert ((mean - 1.96 * sd <= 1.0) & (mean + 1.96 * sd >= 1.0)).double().mean() < 0.8  # a mean's does not


def test_few_values_give_their_range_and_none_are_refused() -> None:
    assert median_interval(torch.tensor([3.0, 1.0])) == (2.0, 1.0, 3.0)
    with pytest.raises(ValueError, match="at least one picture"):
        median_interval(torch.empty(0))


def test_a_ratio_of_mean_squares_is_told_as_its_root_with_two_digits_or_as_unknown() -> None:
    told = {0.0: "0.00", 0.0016: "0.04", 0.0081: "0.09", 1.0: "1.0", 84.64: "9.2", 99.9: "10", 144.0: "12", None: "?"}
    assert {ratio: rms_ratio(ratio) for ratio in told} == told


# --- what cannot be done


@pytest.mark.parametrize(
    "wrong", [dict(target=0.0), dict(target=float("nan")), dict(start=-1.0), dict(tolerance=0.0), dict(farthest=0)]
)
def test_numbers_that_make_no_sense_are_refused(wrong: dict) -> None:
    generator = Planted(two_blocks())
    with pytest.raises(ValueError, match="each is a number above 0"):
        at_equal_change(generator, faces_of(generator), some(1), **wrong)


def test_one_direction_at_a_time_and_at_least_one_to_choose_from() -> None:
    generator = Planted(two_blocks())
    with pytest.raises(ValueError, match="one at a time"):
        at_equal_change(generator, faces_of(generator), some(2))
    with pytest.raises(ValueError, match="give at least one"):
        pick(generator, faces_of(generator), [])
