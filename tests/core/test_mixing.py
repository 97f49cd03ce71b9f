"""Levels of several pictures in one."""

from __future__ import annotations

import pytest
import torch

from core.encoders.mixing import from_levels
from core.generators.styles import drawn_from, styles_of
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
LEVELS = ("coarse", "middle", "fine")


def test_all_levels_of_one_picture_are_that_picture_and_each_level_is_its_own() -> None:
    generator = tiny.stylegan2()  # of 16 pixels: without a fine level
    a, b = (styles_of(generator, generator.codes(generator.sample(2, seed))) for seed in (1, 2))
    same = from_levels(generator, dict.fromkeys(LEVELS, a))
    assert torch.equal(same, drawn_from(generator, a))
    for level in LEVELS[:2]:
        one = from_levels(generator, dict.fromkeys(LEVELS, a) | {level: b})
        assert not torch.allclose(one, same)
    swapped = from_levels(generator, dict(coarse=b, middle=b, fine=b))
    assert torch.equal(swapped, drawn_from(generator, b))
