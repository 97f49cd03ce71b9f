"""Style space: a picture drawn from its styles is the picture drawn from its codes."""

from __future__ import annotations

import pytest
import torch

from core.generators.styles import affine_maps, drawn_from, levels_of, styles_of
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


def test_styles_draw_what_the_codes_draw() -> None:
    generator = tiny.stylegan2()
    codes = generator.codes(generator.sample(3, 7))
    codes = codes + 0.1 * tiny.normal(*codes.shape)  # another code in every slot
    styles = styles_of(generator, codes)
    assert torch.equal(drawn_from(generator, styles), generator(codes))
    other = styles_of(generator, codes.flip(0))
    assert not torch.allclose(drawn_from(generator, (*styles[:-1], other[-1])), generator(codes), atol=1e-4)


def test_levels_part_the_styles_by_the_size_of_their_maps() -> None:
    generator = tiny.stylegan2()  # of 16 pixels
    levels, count = levels_of(generator), len(styles_of(generator, generator.codes(generator.sample(1, 0))))
    assert sorted(i for numbers in levels.values() for i in numbers) == list(range(count))
    assert levels["coarse"] == (0, 1, 2, 3, 4) and levels["fine"] == ()
    with pytest.raises(ValueError, match="style space is that of StyleGAN2"):
        levels_of(tiny.pggan())


def test_a_style_is_the_affine_map_of_its_slot_s_code() -> None:
    generator = tiny.stylegan2()
    codes = tiny.normal(3, generator.slots, generator.dim).float()
    maps = affine_maps(generator)
    for style, (slot, weight, bias) in zip(styles_of(generator, codes), maps, strict=True):
        assert torch.allclose(codes[:, slot] @ weight.T + bias, style, atol=1e-5)
