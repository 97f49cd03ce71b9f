"""Which layer decides what: a network whose every factor is decided in one known layer, and what moves nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from core.boundaries import hierarchy
from core.boundaries.hierarchy import (
    gathered,
    official,
    own,
    permuted,
    recommended,
    reliability,
    rescored,
    unbiased,
    within,
)
from core.codes import Directions, codes_in_turn, edit
from core.factorization.baseline import random_directions
from core.generators.base import Generator, State
from core.truth import statistics
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
on_some_twins = pytest.mark.parametrize("name", ("stylegan2", "pggan", "biggan_deep", "dcgan"))
SLOTS, DIM = 5, 8
LAYER_OF = [3, 0, 4, 1, 2]  # where each factor is decided


class Row(nn.Module):
    """Draws one row of the picture, which shows how far the code lies along one axis."""

    def __init__(self, row: int, axis: Tensor):
        super().__init__()
        self.row, self.axis = row, nn.Parameter(axis, requires_grad=False)

    def forward(self, state: State | None, code: Tensor) -> State:
        x = code.new_zeros(len(code), 3, SLOTS, SLOTS) if state is None else state.x.clone()
        x[:, :, self.row] = torch.tanh(0.5 * code @ self.axis)[:, None, None]
        return State(x)


class Planted(Generator):
    """Row i of the picture is factor i, drawn by layer LAYER_OF[i] alone; all slots hold the same code."""

    def __init__(self):
        super().__init__()
        self.slots, self.dim, self.z_dim, self.resolution = SLOTS, DIM, DIM, SLOTS
        self.axes = torch.linalg.qr(tiny.normal(DIM, SLOTS, seed=1))[0].T.contiguous()  # [factors, dim]
        self.reads = tuple((slot,) for slot in range(SLOTS))
        self.layers = nn.ModuleList(Row(LAYER_OF.index(i), self.axes[LAYER_OF.index(i)]) for i in range(SLOTS))

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff=None, label=None) -> Tensor:
        return (psi * z.double())[:, None].repeat(1, SLOTS, 1)

    def to_image(self, state: State) -> Tensor:
        return state.x


def rows(images: Tensor) -> Tensor:
    return images.mean((1, 3))


def directions_of(generator: Planted) -> Directions:
    return Directions(generator.axes, torch.ones(SLOTS), tuple(range(SLOTS)))


def collected(stream, k: int) -> Tensor:
    """[k, places, n, factors]"""
    *_, last = gathered(stream, k)
    return last


def planted(n: int = 40, step: float = 0.5, scale: float = 1.0) -> Tensor:
    """Changes [k, places, n, factors] of the planted network."""
    generator = Planted()
    steps = torch.full((SLOTS,), step)
    return collected(
        rescored(generator, lambda x: scale * rows(x), codes_in_turn(generator, n, 0), directions_of(generator), steps),
        SLOTS,
    )


# --- the map


def test_the_map_finds_the_layer_of_every_factor_and_a_shuffled_one_does_not() -> None:
    found = own(planted()).mean(-1)
    assert found.argmax(1).tolist() == LAYER_OF and (found > 1e-9).sum() == SLOTS
    assert permuted(found).argmax(1).tolist() != LAYER_OF


def test_halves_of_the_pictures_agree_and_shuffled_layers_do_not() -> None:
    agreement = reliability(own(planted()))
    assert agreement.pearson > 0.95 and agreement.spearman > 0.7 and abs(agreement.shuffled) < 0.2
    noise = reliability(torch.randn(40, 10, 8, generator=torch.Generator().manual_seed(0)))
    assert abs(noise.pearson) < 0.2 and abs(noise.spearman) < 0.2
    with pytest.raises(ValueError, match="at least 2"):
        reliability(torch.zeros(3, 3, 1))


def test_as_published_noise_looks_like_an_effect_and_without_the_bias_it_does_not() -> None:
    noise = torch.randn(6, 4000, 3, generator=torch.Generator().manual_seed(0))
    assert official(noise).min() > 0.35, "the mean of max(0, x) of a standard normal x is 0.40"
    assert unbiased(noise, torch.ones(3)).abs().max() < 0.06


def test_other_units_of_a_score_change_the_official_form_alone() -> None:
    one, ten = planted(), planted(scale=10.0)
    spread = torch.tensor([0.5, 1.0, 2.0, 3.0, 0.0], dtype=torch.float64)
    assert torch.allclose(official(ten), 10 * official(one))
    assert torch.allclose(unbiased(ten, 10 * spread), unbiased(one, spread))
    assert not unbiased(one, spread)[..., 4].any(), "what does not vary"


def test_a_longer_vector_with_a_shorter_step_is_the_same_movement() -> None:
    generator, steps = Planted(), torch.full((SLOTS,), 0.5)
    codes, found = codes_in_turn(generator, 4, 0), directions_of(generator)
    long = Directions(4 * found.vectors, found.scores, found.slots)
    pair = [collected(rescored(generator, rows, codes, d, s), SLOTS) for d, s in ((found, steps), (long, steps / 4))]
    assert torch.equal(*pair)


# --- laws, on every architecture


def moving(name: str) -> tuple[Generator, Tensor, Directions]:
    generator = tiny.GENERATORS[name]()
    return generator, codes_in_turn(generator, 2, 5), random_directions(generator, k=2)


@on_some_twins
def test_no_strength_no_change_and_all_layers_together_are_the_plain_edit(name: str) -> None:
    generator, codes, found = moving(name)
    still = collected(rescored(generator, statistics.read, codes, found, torch.zeros(2)), 2)
    assert still.shape == (2, generator.slots, 2, 8) and not still.any()
    whole = collected(rescored(generator, statistics.read, codes, found, torch.ones(2), [found.slots]), 2)
    before, *after = (
        statistics.read(generator(one).clamp(-1, 1))
        for one in (codes, edit(codes, found, [1.0]), edit(codes, found, [0.0, 1.0]))
    )
    assert torch.equal(whole[:, 0], torch.stack(after) - before) and whole.any()


@on_some_twins
def test_features_that_are_used_again_give_what_drawing_the_whole_picture_gives(name: str) -> None:
    generator, codes, found = moving(name)
    places = [(0,), (generator.slots - 1,), tuple(range(generator.slots // 2, generator.slots))]
    cached = collected(rescored(generator, statistics.read, codes, found, torch.ones(2), places), 2)
    for i in range(2):
        for place, changes in zip(places, cached[i]):
            moved = edit(codes, within(found.only([i]), place), [1.0])
            whole = [statistics.read(generator(one).clamp(-1, 1)) for one in (moved, codes)]
            assert torch.equal(changes, whole[0] - whole[1])


def test_blocks_of_pictures_come_one_after_the_other() -> None:
    generator = Planted()
    codes, steps = codes_in_turn(generator, 5, 0), torch.ones(SLOTS)
    stream = list(rescored(generator, rows, codes, directions_of(generator), steps, block=2))
    assert [(one.first, one.direction) for one in stream] == [(at, i) for at in (0, 2, 4) for i in range(SLOTS)]
    whole, grown = (
        collected(rescored(generator, rows, codes, directions_of(generator), steps), SLOTS),
        [*gathered(stream, SLOTS)],
    )
    assert torch.allclose(grown[-1], whole)
    assert [one.shape[::2] for one in grown] == [(i + 1, 2) for i in range(5)] + [(5, 2)] * 4 + [(5, 4)] * 5 + [(5, 5)]


def test_vectors_of_every_slot_are_moved_in_their_own() -> None:
    vectors = tiny.normal(2, 3, DIM, seed=3)
    found = within(Directions(vectors, torch.ones(2), (1, 3, 4)), (4, 1))
    assert found.slots == (4, 1) and torch.equal(found.vectors, vectors[:, [2, 0]])
    with pytest.raises(ValueError, match="not 2"):
        within(Directions(vectors, torch.ones(2), (1, 3, 4)), (1, 2))


# --- how far layers are moved, and which to use


def test_truncated_layers_are_moved_by_psi() -> None:
    generator = tiny.stylegan2()
    found = hierarchy.strengths(generator, psi=0.7, cutoff=2)
    assert found.tolist() == [0.7, 0.7] + [1.0] * (generator.slots - 2)
    assert hierarchy.strengths(generator, psi=0.5).tolist() == [0.5] * generator.slots
    direction = random_directions(generator, (1, 2), k=1)
    moved = within(direction, (1, 2), found).vectors[0]
    assert torch.equal(moved[0], 0.7 * direction.vectors[0]) and torch.equal(moved[1], direction.vectors[0])


def test_the_recommended_layers_of_a_planted_network_are_the_planted_ones() -> None:
    found = planted().mean(2)  # [k, places, factors]
    assert [recommended(one, i) for i, one in enumerate(found)] == [(layer,) for layer in LAYER_OF]


def test_layers_next_to_each_other_are_recommended_with_little_else() -> None:
    alone = torch.tensor([[0.0, 0.5], [0.4, 0.0], [0.4, 0.0], [0.1, 0.0], [0.1, 0.9]])
    assert recommended(alone, 0, share=0.7) == (1, 2) and recommended(-alone, 0, share=0.7) == (1, 2)
    assert recommended(alone, 0, share=1) == (1, 2, 3, 4)
    equal = torch.tensor([[0.5, 0.3], [0.5, 0.1], [0.0, 0.0]])
    assert recommended(equal, 0, share=0.5) == (1,), "of two as short, the one that moves less besides"
    assert recommended(torch.zeros(3, 2), 0) == (0, 1, 2), "a direction that moves nothing"
