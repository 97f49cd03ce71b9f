"""The encoder's two stages: the second starts where the first ended, leaves codes as they are, and resumes."""

from __future__ import annotations

import types

import pytest
import torch
import torch.nn.functional as F

from core.checkpoints import native
from core.critics import Critic
from core.encoders.encoder import Encoder
from core.generators.stylegan2 import StyleGAN2
from core.inversion.losses import features_apart, perceptual, unit_features
from tests import tiny
from weights.recipes.train import encoder_training as training

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
CHANNELS = (6, 5, 4, 4, 4)


@pytest.fixture
def small(monkeypatch, tmp_path) -> None:
    """Networks of 64 pixels with few channels, batches of 4, renders that are noise, and a folder of its own."""
    generator = tiny.stirred(
        lambda: StyleGAN2(resolution=64, channels=CHANNELS, z_dim=10, dim=12, mapping_layers=2), seed=0
    )
    critic = tiny.stirred(lambda: Critic(resolution=64, channels=CHANNELS), seed=1)
    noise = tiny.normal(8, 3, 64, 64).float().clamp(-1, 1)
    monkeypatch.setattr(training.zoo, "card", lambda name: types.SimpleNamespace(world="portraits", resolution=64))
    monkeypatch.setattr(training.zoo, "load", lambda name: generator)
    monkeypatch.setattr(training.zoo, "load_critic", lambda name: critic)
    monkeypatch.setattr(training.zoo, "weights_hash", lambda name: "0")
    monkeypatch.setattr(training, "load_bank", lambda *_: ((noise + 1) * 127.5).to(torch.uint8))
    monkeypatch.setattr(training, "drawn", lambda *_: types.SimpleNamespace(images=noise[:2]))
    narrow = dict(widths=(8, 8, 8, 8), pyramid=8, read=8)
    monkeypatch.setattr(training, "Encoder", lambda **shape: Encoder(**shape | narrow))
    for name, value in dict(BATCH=4, PAIRS=2, BANK=8, RUNS=tmp_path).items():
        monkeypatch.setattr(training, name, value)


def test_the_second_stage_keeps_the_codes_starts_without_padding_and_resumes(small, tmp_path) -> None:
    said = []

    def say(line: str, flush: bool) -> None:
        said.append(line)

    with pytest.raises(SystemExit, match="train the encoder first"):
        training.Heads("any", 8)
    plain = training.Training("any", 8, alone=0.5).run(say)
    training.Heads("any", 4).run(say)
    start, end = said[-2:]
    codes, padded = start.split("renders ")[1].split("  ")[:2]
    assert padded == f"with padding {codes}" and start.startswith("from 0.0k")
    heads = training.Heads("any", 8)
    assert heads.done == 4 and heads.encoder.padding_head.residual[-1].weight.any()
    encoder, images = heads.run(say), heads.held
    assert torch.equal(encoder(images), plain(images)) and encoder.padding(images).rings[2].abs().max() > 0
    training.finished(encoder, tmp_path / "e.safetensors", "any", heads.done)
    assert len(native.read(tmp_path / "e.safetensors").float().styles(images)) == 14


def test_one_look_of_the_critic_is_the_loss_of_looking_twice(small) -> None:
    stage, critic = training.Training("any", 8), training.zoo.load_critic("any")
    images, again = (tiny.normal(4, 3, 64, 64, seed=seed).float().clamp(-1, 1) for seed in (1, 2))
    twice = F.mse_loss(again, images) + training.FEATURES * perceptual(critic)(images)(again).mean()
    twice = twice + training.VERDICT * F.softplus(-critic(again[2:])).mean()
    assert torch.allclose(stage.likeness(images)(again), twice, rtol=1e-6)
    seen = [unit_features(critic.features(one)) for one in (again, images)]
    assert torch.equal(features_apart(*seen), perceptual(critic)(images)(again))
