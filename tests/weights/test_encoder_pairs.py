"""The encoder of a network of others: what teaches it, and the mirror that decides whether the page offers it."""

from __future__ import annotations

import json
import types

import numpy as np
import pytest
import torch

from core.checkpoints import native
from core.codes import codes_in_turn
from core.encoders.encoder import Encoder
from core.generators.dcgan import DCGAN, Conv, Dense
from tests import tiny
from weights.recipes.train import encoder_pairs as pairs
from weights.recipes.train import encoder_training as training

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


def lamps() -> torch.Tensor:
    """Two pictures [2, 3, 64, 64]: a bright square on black, at the left and at the right."""
    images = -torch.ones(2, 3, 64, 64)
    images[0, :, 20:40, 8:24], images[1, :, 20:40, 36:56] = 0.8, 0.5
    return images


def test_a_mirror_is_told_and_what_ignores_it_or_turns_it_round_is_not_offered():
    images = lamps()
    assert pairs.mirrored(lambda x: 0.5 * x, images) == {"centre_x": 1.0, "light_side": 1.0}
    assert max(pairs.mirrored(lambda x: x.flip(3), images).values()) == 0
    assert max(pairs.mirrored(lambda x: x.abs() * 0, images).values()) == 0
    portraits = pairs.portraits(64)
    assert portraits.shape == (20, 3, 64, 64) and portraits.abs().max() <= 1
    assert len({one.numpy().tobytes() for one in portraits}) == 20


def test_pictures_are_spoilt_by_a_seed_within_their_range():
    images = tiny.normal(16, 3, 64, 64).float().clamp(-1, 1)
    once = pairs.spoilt(images, 3)
    assert torch.equal(once, pairs.spoilt(images, 3)) and not torch.equal(once, pairs.spoilt(images, 4))
    assert once.abs().max() <= 1
    assert 0 < sum(not torch.equal(a, b) for a, b in zip(once, images)) <= 16
    assert any(torch.equal(one[0], one[1]) for one in once), "some are grey"


@pytest.fixture
def foreign(monkeypatch, tmp_path) -> DCGAN:
    """A network of 64 pixels that nothing is known of, in the place of every card's, with a folder of its own."""
    layers = [Dense(6, 4), *(Conv(c, 4, 2, 1) for c in (6, 5, 4)), Conv(3, 4, 2, 1, slope=1.0)]
    generator = tiny.stirred(lambda: DCGAN(z_dim=8, layers=layers), seed=0)
    card = types.SimpleNamespace(name="any", world=None, resolution=64)
    monkeypatch.setattr(training.zoo, "card", lambda name: card)
    monkeypatch.setattr(training.zoo, "load", lambda name: generator)
    monkeypatch.setattr(training.zoo, "weights_hash", lambda name: "0")
    monkeypatch.setattr(training.zoo, "encoder_place", lambda name: tmp_path / "offered.safetensors")
    narrow = dict(widths=(8, 8, 8, 8), pyramid=8, read=8)
    monkeypatch.setattr(pairs, "Encoder", lambda **shape: Encoder(**shape | narrow))
    for module, name, value in [(pairs, "BATCH", 4), (training, "BATCH", 4), (pairs, "HELD_OUT", 4)]:
        monkeypatch.setattr(module, name, value)
    for module in (pairs, training):
        monkeypatch.setattr(module, "RUNS", tmp_path / "runs")
    return generator


def test_pairs_teach_and_only_what_tells_a_mirror_is_put_where_the_page_looks(foreign, monkeypatch, tmp_path):
    stage = pairs.Pairs("any", 8)
    weights = [one.clone() for one in foreign.parameters()]
    encoder = stage.run(lambda *_, **__: None)
    assert stage.done == 8 and pairs.Pairs("any", 16).done == 8, "it resumes"
    assert all(map(torch.equal, weights, foreign.parameters())), "the network is frozen"
    found = encoder(foreign(codes_in_turn(foreign, 3, 0)))
    assert found.shape == (3, 1, 8)
    for shares, place in (
        (0.75, tmp_path / "runs/any-encoder/encoder.safetensors"),
        (0.8, tmp_path / "offered.safetensors"),
    ):
        monkeypatch.setattr(pairs, "mirrored", lambda *_, share=shares: {"centre_x": 1.0, "light_side": share})
        assert ("not offered" in pairs.offered(encoder, "any", 8)) == (shares < 0.8) and place.exists()
    again = native.read(tmp_path / "offered.safetensors")
    assert np.array_equal(again.mean.numpy(), encoder.mean.half().float().numpy())
    assert json.loads(native.metadata(tmp_path / "offered.safetensors")["config"])["levels"] == [0]
