"""The encoder: a code for every slot, read off the map of its level."""

from __future__ import annotations

import pytest
import torch

from core.checkpoints import native
from core.encoders.encoder import Encoder
from core.generators.padding import no_padding, ringed
from core.generators.styles import affine_maps, styles_of
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
SMALL = dict(resolution=32, dim=6, levels=(0, 0, 1, 1), widths=(8, 16, 24), pyramid=8, read=8)


def small() -> Encoder:
    torch.manual_seed(0)
    return Encoder(**SMALL).eval()


def with_heads() -> tuple:
    """An encoder of three levels whose heads begin at its codes, and the generator that those are of."""
    generator, levels = tiny.stylegan2(), (0, 0, 1, 1, 2, 2)
    affine = affine_maps(generator)
    widths = [[len(bias) for slot, _, bias in affine if levels[slot] == level] for level in range(3)]
    shape = dict(resolution=64, dim=generator.dim, levels=levels, widths=(8, 8, 16, 16), pyramid=8, read=8)
    rings = [(layer, channels, size) for layer, (channels, size) in ringed(generator).items()]
    torch.manual_seed(0)
    encoder = Encoder(**shape, style_widths=widths, rings=rings).eval()
    encoder.centre(tiny.normal(20, 6, generator.dim) * 2 + 1)
    encoder.start_from(affine, generator.layers[0].const)
    return encoder, generator, tiny.normal(3, 3, 64, 64).float()


def test_heads_begin_at_what_the_codes_say() -> None:
    encoder, generator, images = with_heads()
    codes, styles, padding = encoder.found(images)
    near = [torch.allclose(*pair, atol=1e-4) for pair in zip(styles, styles_of(generator, codes), strict=True)]
    fine = [encoder.levels[slot] == 2 for slot, _, _ in affine_maps(generator)]
    assert all(a or b for a, b in zip(near, fine)) and sum(fine) == 2
    plain = no_padding(generator, 3)
    assert torch.equal(padding.constant, plain.constant)
    assert padding.rings.keys() == plain.rings.keys()
    assert all(torch.equal(padding.rings[layer], ring) for layer, ring in plain.rings.items())


def test_fine_styles_begin_at_those_of_averaged_features() -> None:
    encoder, generator, images = with_heads()
    feature = encoder.features(images)[2].unflatten(1, (8, 8, 8))
    blurred = torch.nn.functional.avg_pool2d(feature, 2).repeat_interleave(2, 2).repeat_interleave(2, 3).flatten(1)
    found = encoder.heads[2](blurred).unflatten(1, (2, -1))
    codes = torch.cat([encoder(images)[:, :4], encoder.mean[4:] + encoder.scale[4:] * found], 1)
    styles = encoder.styles(images)
    assert all(torch.allclose(*pair, atol=1e-4) for pair in zip(styles, styles_of(generator, codes), strict=True))


def test_one_pass_gives_what_each_head_gives_and_codes_are_as_without(tmp_path) -> None:
    encoder, _, images = with_heads()
    for head in encoder.padding_head.modules():
        if isinstance(head, torch.nn.Conv2d):
            torch.nn.init.normal_(head.weight)
    native.save(encoder, tmp_path / "e.safetensors")
    encoder = native.read(tmp_path / "e.safetensors")
    codes, styles, padding = encoder.found(images)
    assert torch.equal(codes, encoder(images))
    assert all(torch.equal(*pair) for pair in zip(styles, encoder.styles(images)))
    alone = encoder.padding(images[1:2])
    assert torch.allclose(alone.constant, padding.constant[1:2], atol=1e-4) and alone.rings[2].abs().min() > 0
    assert torch.allclose(alone.rings[2], padding.rings[2][1:2], atol=1e-4)


def test_an_encoder_of_codes_alone_has_neither_the_heads_nor_their_names() -> None:
    encoder, images = small(), tiny.normal(1, 3, 32, 32).float()
    assert not any("style" in name or "padding" in name for name in encoder.state_dict())
    assert encoder.config().keys() == {*SMALL, "widths", "pyramid", "read"} and encoder.found(images)[1:] == ((), None)
    with pytest.raises(ValueError, match="no head for styles"):
        encoder.styles(images)
    with pytest.raises(ValueError, match="no head for padding"):
        encoder.padding(images)


def test_codes_have_the_mean_and_the_scale_of_the_generator_s_own() -> None:
    encoder, codes = small(), tiny.normal(500, 4, 6) * 3 + 2
    encoder.centre(codes)
    images = tiny.normal(5, 3, 32, 32, seed=1).clamp(-1, 1).float()
    found = encoder(images)
    assert found.shape == (5, 4, 6)
    assert torch.allclose(encoder(images[2:3]), found[2:3], atol=1e-5), "a picture's codes are its own alone"
    for head in encoder.heads:
        torch.nn.init.zeros_(head.weight)
    assert torch.allclose(encoder(images), codes.mean(0).float().expand(5, -1, -1)), "nothing read: the mean code"


def test_a_slot_s_code_is_read_off_its_level_alone() -> None:
    encoder, images = small(), tiny.normal(2, 3, 32, 32).float()
    before = encoder(images)
    torch.nn.init.zeros_(encoder.heads[1].weight)
    changed = (encoder(images) != before).flatten(2).any(2)
    assert changed.tolist() == [[False, False, True, True]] * 2
    assert [one.shape for one in encoder.features(images)] == [(2, 8 * 16), (2, 8 * 16)]


def test_a_file_gives_the_encoder_back(tmp_path) -> None:
    encoder, images = small(), tiny.normal(2, 3, 32, 32).float()
    encoder.centre(tiny.normal(20, 4, 6))
    native.save(encoder, tmp_path / "e.safetensors")
    assert torch.equal(native.read(tmp_path / "e.safetensors")(images), encoder(images))


def test_widths_and_levels_that_do_not_fit_get_a_sentence() -> None:
    with pytest.raises(ValueError, match="3 widths read 32 pixels, not 64"):
        Encoder(**{**SMALL, "resolution": 64})
    with pytest.raises(ValueError, match="levels are 0 to 1"):
        Encoder(**{**SMALL, "levels": (0, 3)})
    with pytest.raises(ValueError, match="got styles for 1 levels and rings of \\[32\\] pixels"):
        Encoder(**SMALL, style_widths=[[3]], rings=[(0, 8, 32)])
