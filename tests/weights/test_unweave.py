"""The filter takes a planted weave out of pictures and leaves all else; fresh renders stay as they are."""

from __future__ import annotations

import pytest
import torch

from core.truth.spectra import fine_chroma
from core.truth.worlds import load_world
from weights.recipes.train.unweave import gains, loss_of, without_excess

WORLD = load_world("portraits")


def renders(n: int, seed: int) -> torch.Tensor:
    return WORLD.render(WORLD.sample(n, seed), resolution=32).images


@pytest.fixture(scope="module")
def pictures() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Renders, others, and the others with a weave in red and blue at 14 cycles."""
    theirs, plain = renders(300, 0), renders(300, 20_000)
    wave = 0.02 * torch.cos(2 * torch.pi * 14 * torch.arange(32) / 32).expand(32, 32)
    return theirs, plain, plain + torch.tensor([1.0, 0.0, -1.0])[:, None, None] * wave


def test_a_weave_goes_and_the_light_stays(pictures) -> None:
    theirs, plain, woven = pictures
    gain = gains(woven, theirs)
    clean = without_excess(woven, gain)
    assert fine_chroma(woven, theirs) > 5 and fine_chroma(clean, theirs) < 1.3
    assert torch.allclose(clean.mean(1), woven.mean(1), atol=1e-5), "the mean of the three colours is not touched"
    assert (clean - plain).square().mean() < 0.1 * (woven - plain).square().mean()


def test_renders_are_left_nearly_as_they_are(pictures) -> None:
    theirs, plain, _ = pictures
    left = without_excess(plain, gains(plain, theirs))
    assert float((left - plain).square().mean().sqrt() * 127.5) < 0.5
    assert torch.allclose(without_excess(plain, torch.ones(2, 32, 17)), plain, atol=1e-5)


def test_the_loss_is_zero_where_the_pictures_are_and_counts_the_excess_more(pictures) -> None:
    theirs, plain, woven = pictures
    gain = gains(woven, theirs)
    assert loss_of(plain, plain, gain) == 0
    assert loss_of(woven, plain, gain) > 10 * loss_of(plain + 0.0115, plain, gain)
