"""Padding space: zeros around the maps and the learned constant are the generator itself; a ring reaches its border."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from core.generators.blocks import framed_conv
from core.generators.padding import Padding, each, framed, no_padding, ring_of, ringed, with_padding
from core.precision import in_float32
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


def codes(generator, n: int = 3):
    return generator.codes(generator.sample(n, 5))


def test_no_padding_changes_no_bit_and_another_changes_its_picture_alone() -> None:
    generator = tiny.stylegan2()
    w, plain = codes(generator), no_padding(generator, 3)
    assert torch.equal(with_padding(generator, plain)(w), generator(w))
    plain.rings[0][1] = tiny.normal(*plain.rings[0][1].shape)
    changed = with_padding(generator, plain)(w)
    same = [bool(torch.allclose(a, b, atol=1e-6)) for a, b in zip(changed, generator(w))]
    assert same == [True, False, True]
    assert torch.equal(generator(w), tiny.stylegan2()(w)), "the network itself is as it was"


def test_the_frame_is_the_ring_row_by_row_and_empty_inside() -> None:
    frame = framed(torch.arange(1.0, 21)[None, None])[0, 0]
    assert frame.shape == (6, 6) and not frame[1:-1, 1:-1].any()
    assert frame[0].tolist() == [1, 2, 3, 4, 5, 6] and frame[1, [0, 5]].tolist() == [7, 8]
    assert frame[5].tolist() == [15, 16, 17, 18, 19, 20]
    frames = tiny.normal(2, 3, 10, 10)
    assert torch.equal(framed(ring_of(frames))[:, :, [0, -1]], frames[:, :, [0, -1]])
    assert torch.equal(framed(ring_of(frames))[..., [0, -1]], frames[..., [0, -1]])
    assert torch.equal(ring_of(framed(ring_of(frames))), ring_of(frames))


def test_a_network_prepared_for_drawing_draws_the_same_with_a_padding() -> None:
    generator, w = tiny.stylegan2(), codes(tiny.stylegan2())
    padding = each(lambda x: x + tiny.normal(*x.shape).to(x), no_padding(generator, 3))
    drawn = with_padding(generator, padding)(w)
    assert torch.allclose(with_padding(in_float32(generator), padding)(w), drawn, atol=1e-5)
    assert not torch.allclose(generator(w), drawn, atol=1e-2)


def test_a_ring_reaches_the_border_of_the_map_and_no_further() -> None:
    x, weight, ring = tiny.normal(2, 5, 8, 8), tiny.normal(4, 5, 3, 3, seed=1), tiny.normal(2, 5, 36, seed=2)
    changed = framed_conv(x, framed(ring), weight) - F.conv2d(x, weight, padding=1)
    assert changed[:, :, 1:-1, 1:-1].abs().max() < 1e-5
    assert changed[:, :, 0].abs().min() > 1e-6 and changed[:, :, :, -1].abs().min() > 1e-6


def test_only_small_maps_without_upsampling_have_a_ring() -> None:
    generator = tiny.stylegan2()
    found = ringed(generator)
    assert list(found) == [0, 2] and [size for _, size in found.values()] == [4, 8]
    padding = no_padding(generator, 2)
    assert padding.numbers == found[0][0] * 36 + found[2][0] * 36 and len(padding) == 2
    assert len(padding.rows(slice(1))) == 1
    with pytest.raises(ValueError, match="padding space is that of StyleGAN2"):
        ringed(tiny.pggan())


def test_the_gradient_reaches_ring_and_constant() -> None:
    generator = tiny.stylegan2()
    plain = no_padding(generator, 1)
    free = Padding(plain.constant.requires_grad_(True), {i: r.requires_grad_(True) for i, r in plain.rings.items()})
    with_padding(generator, free)(codes(generator, 1)).square().sum().backward()
    assert all(one.grad.abs().sum() > 0 for one in (free.constant, *free.rings.values()))
