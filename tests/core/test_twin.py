"""The twin: what the network drew itself is found again, and no answer lies outside of what it draws."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core import zoo
from core.images import to_uint8
from core.inversion import twin
from core.inversion.losses import psnr
from core.inversion.twin import STARTS, colours, nearest

from .. import tiny

MODEL = "portraits-stylegan2"


def answer(generator, target, **how):
    *_, last = nearest(generator, target, **how)
    return last


@torch.no_grad()
def drawn(generator, seed: int, psi: float = 0.6) -> torch.Tensor:
    return generator(generator.codes(generator.sample(1, seed), psi=psi)).clamp(-1, 1)


def test_what_the_network_drew_is_found_again_and_a_photograph_like_one_stays_inside():
    generator, critic = zoo.load(MODEL), zoo.load_critic(MODEL)
    planted = drawn(generator, 5_000_001)
    found = answer(generator, planted)
    assert found.near and found.share == 1 and float(psnr(found.drawn(), planted)) > 28
    assert found.distance < 0.05 * found.pick, "the control: the best random picture is not this near"
    spoilt = (0.5 * planted + 0.5 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    spoilt[..., :32] += 0.8  # half of it in the sun, as a photograph can be
    held, free = (answer(generator, spoilt, share=share) for share in (0.75, None))
    assert free.distance < held.distance and float(free.v.norm()) > held.ball.radius >= float(held.v.norm()) - 1e-4
    with torch.no_grad():
        assert float(critic(held.drawn())) > float(critic(free.drawn())), "outside of the ball it looks less real"


SEARCHED = ("stylegan2", "stylegan2_grey", "stylegan", "pggan", "biggan", "dcgan", "r3gan_classes")  # of each kind


@pytest.mark.parametrize("name", SEARCHED)
def test_an_answer_is_one_code_inside_the_ball_and_a_seed_repeats_it(name: str, monkeypatch):
    monkeypatch.setattr(twin, "PICKS", 64)
    monkeypatch.setattr(twin, "STEPS", 20)
    generator = tiny.GENERATORS[name]()
    target, label = torch.rand(1, 3, 16, 16) * 2 - 1, 0 if generator.classes else None
    steps = list(nearest(generator, target, label=label))
    last, again = steps[-1], answer(generator, target, label=label)
    assert all(float(one.v.norm()) <= one.ball.radius * (1 + 1e-4) for one in steps)
    assert [one.share for one in steps] == sorted(one.share for one in steps)
    if last.ball.root is not None:
        assert (last.picture.codes == last.picture.codes[:, :1]).all(), "layers have codes of their own"
    assert torch.equal(last.v, again.v) and last.distance <= last.pick
    seen = colours(last.drawn()) - colours(target)
    assert float(seen.square().sum()) == pytest.approx(last.distance, rel=1e-3)
    others = [answer(generator, target, label=label, seed=seed) for seed in range(1, STARTS)]
    assert all(one.distance >= last.distance for one in others), "the nearest comes first"
    assert any((to_uint8(one.drawn()) != to_uint8(last.drawn())).any() for one in others)


def test_what_is_farther_than_random_pictures_are_from_each_other_is_not_called_near():
    found = answer(tiny.stylegan2(), torch.zeros(1, 3, 16, 16))
    near = replace(found, distance=0.2, pick=0.3, pairs=(0.1, 0.5))
    assert near.near and not replace(near, pick=0.15).near and not replace(near, pairs=(0.1, 0.19)).near
    with pytest.raises(ValueError, match="16 pixels or more"):
        next(nearest(tiny.stylegan2(), torch.zeros(1, 3, 8, 8)))
