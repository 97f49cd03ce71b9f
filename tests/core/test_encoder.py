"""The encoder: a code for every slot, read off the map of its level."""

from __future__ import annotations

import pytest
import torch

from core.checkpoints import native
from core.encoders.encoder import Encoder
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
SMALL = dict(resolution=32, dim=6, levels=(0, 0, 1, 1), widths=(8, 16, 24), pyramid=8, read=8)


def small() -> Encoder:
    torch.manual_seed(0)
    return Encoder(**SMALL).eval()


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
