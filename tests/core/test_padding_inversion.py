"""Inversion with padding: the padding is a part of what is found, of what is swapped, and of what is done to others."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.generators.padding import each, no_padding
from core.inversion.padding import Padded, difference, done_to, invert, padded, swapped
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


GENERATOR = tiny.stylegan2()


def found(seed: int) -> Padded:
    """A picture of native codes and a padding of its own."""
    codes = GENERATOR.codes(GENERATOR.sample(1, seed))
    plain = no_padding(GENERATOR, 1)
    return padded(GENERATOR, codes, each(lambda x: x + tiny.normal(*x.shape, seed=seed).to(x), plain))


def image(picture: Padded) -> Tensor:
    return picture.draw(picture.codes)


def equal(a: Padded, b: Padded) -> bool:
    return torch.equal(a.codes, b.codes) and torch.equal(image(a), image(b))


def test_descent_finds_codes_and_padding_that_draw_the_target_better_than_codes_do() -> None:
    target, encoder = image(found(3)).clamp(-1, 1), tiny.PlantedEncoder(GENERATOR.codes(GENERATOR.sample(1, 4)))
    steps = list(invert(GENERATOR, encoder, target, steps=12, domain=0.0))
    plain = no_padding(GENERATOR, 1)
    first, last = steps[0].picture, steps[-1].picture
    assert torch.equal(first.padding.constant, plain.constant) and torch.equal(image(first), GENERATOR(encoder.codes))
    assert steps[-1].loss < 0.5 * steps[0].loss
    assert float((image(last) - target).square().mean()) == pytest.approx(steps[-1].loss, rel=1e-4)
    held = padded(GENERATOR, last.codes, plain)
    assert (image(held) - target).square().mean() > steps[-1].loss, "the padding has its share"


def test_a_padding_to_start_from_is_where_it_starts() -> None:
    truth = found(3)
    steps = list(invert(GENERATOR, tiny.PlantedEncoder(truth.codes), image(truth), steps=2, padding=truth.padding))
    assert steps[0].loss < 1e-10 and equal(steps[0].picture, truth)
    with pytest.raises(ValueError, match="padding space is that of StyleGAN2"):
        invert(tiny.pggan(), tiny.PlantedEncoder(truth.codes), image(truth))


def test_rows_have_the_outline_and_columns_the_codes() -> None:
    a, b = found(1), found(2)
    both = each(lambda x, y: torch.cat([x, y]), a.padding, b.padding)
    images = swapped(GENERATOR, torch.cat([a.codes, b.codes]), both)
    assert images.shape == (2, 2, 3, 16, 16)
    crossed = padded(GENERATOR, b.codes, a.padding), padded(GENERATOR, a.codes, b.padding)
    expected = torch.cat([image(a), image(crossed[0]), image(crossed[1]), image(b)])
    assert torch.allclose(images.flatten(0, 1), expected, atol=1e-5)
    twice = each(lambda x: torch.cat([x, x]), a.padding)
    same = swapped(GENERATOR, torch.cat([a.codes, a.codes]), twice).flatten(0, 1)
    assert torch.allclose(same, image(a).expand_as(same), atol=1e-5), "swapped with itself"


def test_what_was_done_to_one_makes_the_other_of_it_and_nothing_is_nothing() -> None:
    first, second, other = found(1), found(2), found(5)
    change = difference(first, second)
    assert torch.allclose(image(done_to(GENERATOR, first, change)), image(second), atol=1e-4)
    assert equal(done_to(GENERATOR, other, change, 0.0), other)
    assert not torch.allclose(image(done_to(GENERATOR, other, change, 0.5)), image(other), atol=1e-2)
    assert equal(done_to(GENERATOR, other, difference(first, first)), other)
