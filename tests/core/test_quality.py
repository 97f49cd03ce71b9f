"""Repairing artefacts: moving along the boundary raises a planted critic's score, along that of shuffled scores not."""

from __future__ import annotations

import torch

from core.boundaries.quality import critic_scores, quality
from core.codes import edit
from core.critics import Critic

from .. import tiny


def bright(images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
    """A critic to whom bright pictures look right."""
    return images.mean((1, 2, 3))


def test_moving_towards_quality_raises_the_score_of_a_planted_critic():
    generator = tiny.pggan()
    codes = generator.codes(generator.sample(240, 0))
    *_, scored = critic_scores(generator, bright, codes)
    mixed = scored.scores[torch.randperm(240, generator=torch.Generator().manual_seed(1))]
    others = generator.codes(generator.sample(24, 5_000))
    with torch.no_grad():
        plain = bright(generator(others))
        for scores, wanted in ((scored.scores, True), (mixed, False)):
            found = quality(generator, codes, scores)
            change = bright(generator(edit(others, found, [1.5]))) - plain
            assert (float(change.mean()) > 2 * float(plain.std()) / 3) == wanted


def test_scores_come_in_order_and_are_those_of_the_critic():
    generator, critic = tiny.pggan(), Critic(resolution=16, channels=(8, 8, 8), classes=3, group=4).eval()
    codes, labels = generator.codes(generator.sample(10, 3)), torch.arange(10) % 3
    steps = list(critic_scores(generator, critic, codes, labels, batch=4))
    assert [len(step.scores) for step in steps] == [4, 8, 10] and steps[-1].done == 1
    with torch.no_grad():
        wanted = [critic(generator(codes[i : i + 4]).clamp(-1, 1), labels[i : i + 4]) for i in (0, 4, 8)]
    assert torch.allclose(steps[-1].scores, torch.cat(wanted).double())
