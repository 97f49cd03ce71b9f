"""Blending inside the network: laws to the bit, priorities, what cannot change, and where a moved patch arrives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.blending import Patch, around, blended, priorities, reach, seam, with_pixels
from core.codes import Directions, edit
from core.factorization.jacobian import jacobian
from core.generators.base import Generator, State
from core.precision import in_float32
from core.regions import Box
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
KINDS = [name for name in tiny.KINDS if name != "stylegan3"]
EXACT = ("stylegan2", "pggan", "dcgan", "r3gan")  # what a layer gives at a pixel depends on its neighbours alone


def codes(generator, n: int = 2) -> Tensor:
    return generator.codes(generator.sample(n, 5), label=0 if generator.classes else None)


def box(*edges: float, side: int = tiny.RESOLUTION) -> Tensor:
    return Box(*edges).mask(side)[None, None].float()


def middle(of: Tensor) -> Tensor:
    """[2]: row and column of the centre of mass of [h, w]."""
    axes = [torch.arange(side, dtype=torch.float64) for side in of.shape]
    return torch.stack([(of.sum(1) @ axes[0]) / of.sum(), (of.sum(0) @ axes[1]) / of.sum()])


class Dot(Generator):
    """Draws a dot in the middle as bright as its code: a map of 8 pixels, then twice as many."""

    def __init__(self):
        super().__init__()
        self.slots = self.dim = self.z_dim = 1
        self.resolution, self.reads = 16, ((0,), ())
        self.layers = torch.nn.ModuleList([Middle(), Larger()])

    def pixels(self, state: State) -> Tensor:
        return state.x.expand(-1, 3, -1, -1)


class Middle(torch.nn.Module):
    def forward(self, state: None, code: Tensor) -> State:
        return State(code[:, :, None, None] * box(0.375, 0.5, 0.5, 0.625, side=8))


class Larger(torch.nn.Module):
    def forward(self, state: State) -> State:
        return State(state.x.repeat_interleave(2, 2).repeat_interleave(2, 3))


@pytest.mark.parametrize("name", KINDS)
def test_an_empty_mask_changes_no_bit_and_a_full_one_is_the_source_from_that_layer_on(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    one, other = codes(generator).split(1)
    full, drawn = torch.ones(1, 1, 16, 16), generator(one)
    for layer in range(1, len(generator.layers) + 1):
        nothing = blended(generator, [Patch(0 * full, layer, other), Patch(0 * full, layer, other, "both")])
        assert torch.equal(nothing(one), drawn)
        state = generator.run(other, stop=layer)
        after = generator.to_image(generator.run(one, state, start=layer))
        assert torch.equal(blended(generator, [Patch(full, layer, other)])(one), after)
        assert torch.equal(blended(generator, [Patch(full, layer, other, "both")])(one), generator(other))
    assert torch.equal(blended(generator, [Patch(full, 0, other, "style")])(one), generator(other))
    assert torch.equal(generator(one), drawn) and not torch.equal(drawn, generator(other)), "the network is as it was"


@pytest.mark.parametrize("name", KINDS)
def test_a_view_runs_in_segments_and_from_slots_as_every_generator(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    one, other = codes(generator).split(1)
    view = blended(generator, [Patch(box(0.2, 0.2, 0.7, 0.7), 2, other, "both", right=2.0)], base=one)
    for stop in range(1, len(view.layers)):
        assert torch.equal(view.to_image(view.run(one, view.run(one, stop=stop), start=stop)), view(one))
    assert [view.start([slot]) for slot in range(view.slots)] == [generator.start([s]) for s in range(view.slots)]
    assert torch.allclose(in_float32(view)(one), view(one), atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_nothing_changes_beyond_what_the_layers_after_it_can_reach(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    one, other = codes(generator).split(1)
    for kind in ("content", "style", "both"):
        layer = len(generator.layers) - 1
        patch = Patch(box(0.1, 0.1, 0.3, 0.3), layer, other, kind)
        touched = reach(generator, [patch], one)
        changed = (blended(generator, [patch])(one) - generator(one)).abs().amax((0, 1))
        assert not changed[~touched].any()
        assert changed[touched].any() == (kind != "style" or bool(generator.reads[layer]))
        assert touched.all() == (name not in EXACT and name.startswith("stylegan")) or name not in EXACT


def test_the_reach_grows_by_the_kernel_of_each_layer() -> None:
    generator = tiny.pggan()  # layers of 3 x 3, the last one at 16 pixels without up-sampling
    patch = Patch(box(0.25, 0.25, 0.5, 0.5), len(generator.layers) - 1, codes(generator)[1:])
    grown = torch.zeros(16, 16, dtype=torch.bool)
    grown[3:9, 3:9] = True
    assert torch.equal(reach(generator, [patch], codes(generator)[:1]), grown)


def test_priorities_and_the_background_sum_to_one_and_the_last_is_on_top() -> None:
    masks = [torch.sigmoid(tiny.normal(1, 1, 8, 8, seed=seed)) for seed in range(4)]
    weights, left = priorities(masks)
    assert torch.allclose(sum(weights) + left, torch.ones(1, 1, 8, 8, dtype=torch.float64))
    assert torch.equal(weights[-1], masks[-1])
    assert torch.allclose(weights[0], masks[0] * (1 - masks[1]) * (1 - masks[2]) * (1 - masks[3]))
    assert not torch.allclose(sum(masks) + left, torch.ones(1, 1, 8, 8, dtype=torch.float64)), "alone they do not"
    generator = tiny.pggan()
    one, first, last = codes(generator, 3).split(1)
    full = torch.ones(1, 1, 16, 16)
    both = blended(generator, [Patch(full, 3, first), Patch(full, 3, last)])
    assert torch.equal(both(one), blended(generator, [Patch(full, 3, last)])(one))


@pytest.mark.parametrize("down, right", [(1, 0), (0, -1), (-1, 1)])
def test_a_shift_by_features_moves_what_was_pasted_by_as_many_strides(down: int, right: int) -> None:
    generator = tiny.pggan()
    one, other = codes(generator).split(1)
    layer, stride, mask = 3, 2, box(0.375, 0.375, 0.625, 0.625)  # a map of 8 pixels
    plain = Patch(mask, layer, other)
    moved = Patch(mask, layer, other, down=down * stride, right=right * stride)
    source = generator.run(other, stop=layer).x
    assert torch.equal(moved.carried(source)[:, :, 3:5, 3:5], source[:, :, 3 - down : 5 - down, 3 - right : 5 - right])
    shifts = [middle(reach(generator, [p], one).double()) for p in (plain, moved)]
    assert (shifts[1] - shifts[0]).tolist() == [down * stride, right * stride]
    dot = Dot()
    drawn = [
        blended(dot, [Patch(mask, 1, torch.ones(1, 1, 1), **at)])
        for at in ({}, dict(down=moved.down, right=moved.right))
    ]
    ends = [middle(view(torch.zeros(1, 1, 1))[0, 0].double()) for view in drawn]
    assert (ends[1] - ends[0]).tolist() == [down * stride, right * stride]


def test_a_patch_is_turned_enlarged_and_flipped_about_its_middle() -> None:
    x = tiny.normal(1, 3, 16, 16)
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:8, 6:12] = 1  # the middle is at row 6, column 9
    turned = Patch(mask, 1, turn=90.0)
    assert torch.equal(turned.carried(x)[0, :, 3:9, 7:11], x[:, :, 4:8, 6:12].rot90(1, (2, 3))[0])
    assert torch.equal(turned.weight((16, 16)).nonzero()[[0, -1], 2:], torch.tensor([[3, 7], [8, 10]]))
    flipped = Patch(mask, 1, flip=True)
    assert torch.equal(flipped.carried(x)[..., 4:8, 6:12], x[..., 4:8, 6:12].flip(3))
    assert Patch(mask, 1, scale=2.0).weight((16, 16)).sum() == 4 * mask.sum()
    assert torch.allclose(Patch(mask, 1, turn=360.0).carried(x), x)
    between = Patch(mask, 1, right=0.5).carried(x)[..., 4:8, 6:12]
    assert torch.allclose(between, (x[..., 4:8, 6:12] + x[..., 4:8, 5:11]) / 2)
    assert Patch(mask, 1, right=30.0).weight((16, 16)).sum() == 0, "out of the picture"


def test_a_soft_edge_is_half_at_the_edge_and_a_coarse_map_has_the_share_that_is_covered() -> None:
    mask = box(0, 0, 1, 0.5)
    soft = Patch(mask, 1, soft=1.0).weight((16, 16))[0, 0, 8]
    assert soft[0] == pytest.approx(1) and soft[-1] == pytest.approx(0, abs=1e-6)
    assert float(soft[7] + soft[8]) == pytest.approx(1, abs=1e-5) and (soft.diff() <= 1e-6).all()
    quarter = box(0, 0, 0.125, 0.125)
    assert Patch(quarter, 1).weight((4, 4))[0, 0, 0, 0] == 0.25


def test_knobs_turn_what_was_pasted_and_derivatives_go_through() -> None:
    generator = tiny.stylegan2()
    one, other = codes(generator).split(1)
    full = torch.ones(1, 1, 16, 16)
    knob = Directions(tiny.normal(1, 12).float(), torch.ones(1), tuple(range(generator.slots)))
    turned, with_it = edit(one, knob, [1.0]), edit(other, knob, [1.0])
    follows, stays = (blended(generator, [Patch(full, 3, other, "both")], base=base) for base in (one, None))
    assert torch.allclose(follows(turned), generator(with_it), atol=1e-4)
    assert torch.equal(stays(turned), generator(other))
    assert torch.allclose(follows(torch.cat([turned, one]))[1:], generator(other), atol=1e-5)
    generator, one, other = generator.double(), one.double(), other.double()
    patches = [Patch(box(0.2, 0.2, 0.5, 0.5), 2, kind="around"), Patch(box(0.2, 0.2, 0.6, 0.6), 3, other, right=1.0)]
    view = blended(generator, patches, base=one)
    found, step = jacobian(view, one), torch.zeros_like(one)
    step[..., 3] = 1e-6
    assert torch.allclose(found[..., 3], (view(one + step) - view(one - step))[0] / 2e-6, atol=1e-5)
    step = torch.cat([one + step, one - step])
    assert not torch.allclose(found[..., 3], -generator(step).diff(dim=0)[0] / 2e-6, atol=1e-2), "it is of the pasted"
    free = one.clone().requires_grad_()
    view(free).square().sum().backward()
    assert free.grad.abs().max() > 0


def test_the_mean_of_many_pictures_and_what_surrounds_a_region_fill_it() -> None:
    generator = tiny.dcgan()
    one, crowd = codes(generator, 1), codes(generator, 8)
    full = torch.ones(1, 1, 16, 16)
    mean = generator.run(crowd, stop=2).x.mean(0, keepdim=True)
    drawn = generator.to_image(generator.run(one, type(generator.run(one))(mean), start=2))
    assert torch.equal(blended(generator, [Patch(full, 2, crowd)])(one), drawn)
    plane = torch.arange(16.0)[:, None] * 2 + torch.arange(16.0)[None]
    broken = torch.where(box(0.25, 0.25, 0.75, 0.75)[0, 0] > 0, 99.0, plane)[None, None]
    assert torch.allclose(around(broken, box(0.25, 0.25, 0.75, 0.75)), plane[None, None], atol=1e-4)
    with pytest.raises(ValueError, match="nothing is left around"):
        around(broken, full)
    with pytest.raises(ValueError, match="nothing is left around"):
        around(torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64))


def test_a_large_region_is_filled_on_a_smaller_map_in_time() -> None:
    side = 256
    plane = torch.linspace(0, 1, side)[:, None] + torch.linspace(0, 1, side)[None]
    mask = box(0.1, 0.1, 0.9, 0.9, side=side)
    filled = around(torch.where(mask > 0, torch.tensor(99.0), plane[None, None]), mask)
    assert torch.equal(filled[mask == 0], plane[None, None][mask == 0]) and (filled - plane).abs().max() < 0.05


def test_a_seam_is_what_neighbours_differ_by_across_the_edge() -> None:
    grey, mask = torch.zeros(1, 3, 16, 16), box(0.25, 0.25, 0.75, 0.75)
    pasted = with_pixels(grey, [Patch(mask, 1)], [torch.ones(1, 3, 16, 16)])
    assert float(seam(pasted, mask[0, 0] > 0)) == pytest.approx(127.5**2) and float(seam(grey, mask[0, 0] > 0)) == 0
    assert float(seam(pasted, torch.ones(16, 16, dtype=torch.bool))) == 0
    soft = with_pixels(grey, [Patch(mask, 1, soft=1.0)], [torch.ones(1, 3, 16, 16)])
    assert float(seam(soft, mask[0, 0] > 0)) < 127.5**2 / 4


@pytest.mark.parametrize(
    "wrong, says",
    [
        (dict(mask=torch.ones(16, 16)), r"\[1, 1, h, w\]"),
        (dict(mask=2 * torch.ones(1, 1, 16, 16)), "between 0"),
        (dict(mask=torch.full((1, 1, 16, 16), float("nan"))), "between 0"),
        (dict(layer=0), "after 1 to"),
        (dict(layer=99), "after 1 to"),
        (dict(layer=True), "after 1 to"),
        (dict(codes=torch.zeros(1, 2, 3)), "the source's codes are"),
        (dict(kind="paste"), "choose one of content"),
        (dict(kind="style", codes=None), "give its codes"),
        (dict(scale=0.0), "scale is above 0"),
        (dict(turn=float("inf")), "finite"),
    ],
)
def test_what_cannot_be_blended_gets_a_sentence(wrong: dict, says: str) -> None:
    generator = tiny.stylegan2()
    fitting = dict(mask=box(0.2, 0.2, 0.5, 0.5), layer=3, codes=codes(generator, 1))
    blended(generator, [Patch(**fitting)])
    with pytest.raises(ValueError, match=says):
        blended(generator, [Patch(**(fitting | wrong))])


def test_a_network_whose_maps_reach_beyond_its_picture_is_refused() -> None:
    generator = tiny.stylegan3()
    with pytest.raises(ValueError, match="choose another network"):
        blended(generator, [Patch(torch.ones(1, 1, 32, 32), 3, codes(generator, 1))])
    patch = Patch(torch.ones(1, 1, 16, 16), 2)
    with pytest.raises(ValueError, match="all of its patches at once"):
        blended(blended(tiny.pggan(), [patch]), [patch])
    with pytest.raises(ValueError, match="base is the codes"):
        blended(tiny.pggan(), [], base=codes(tiny.pggan(), 2))
