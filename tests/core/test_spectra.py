"""A weave in the colours is found; fresh renders, a weave in the light, and blur are not taken for one."""

from __future__ import annotations

import numpy as np
import torch

from core.truth.spectra import chroma_power, fine_chroma
from core.truth.worlds import load_world

WORLD = load_world("portraits")


def renders(n: int, seed: int) -> torch.Tensor:
    return WORLD.render(WORLD.sample(n, seed), resolution=32).images


def weave(cycles: int, colours: tuple[float, float, float]) -> torch.Tensor:
    wave = torch.cos(2 * torch.pi * cycles * torch.arange(32) / 32)
    return 0.02 * torch.tensor(colours)[:, None, None] * wave.expand(32, 32)


def test_the_power_is_that_of_numpy() -> None:
    images = renders(4, 0)
    red, green, blue = images.double().numpy().transpose(1, 0, 2, 3)
    for found, difference in zip(chroma_power(images), (red - blue, green - (red + blue) / 2)):
        difference = difference - difference.mean((1, 2), keepdims=True)
        power = (np.abs(np.fft.rfft2(difference, norm="ortho")) ** 2).mean(0)
        assert np.allclose(found.numpy(), power, rtol=1e-3, atol=1e-6)


def test_a_weave_in_the_colours_is_found_across_and_down() -> None:
    theirs, ours = renders(200, 0), renders(200, 10_000)
    assert 0.5 < fine_chroma(ours, theirs) < 2
    for cycles in (13, 14, 15):
        woven = ours + weave(cycles, (1.0, 0.0, -1.0))
        assert fine_chroma(woven, theirs) > 5 and fine_chroma(woven.transpose(2, 3), theirs.transpose(2, 3)) > 5
    assert fine_chroma(ours + weave(15, (0.0, 1.0, 0.0)), theirs) > 5, "green alone"


def test_what_is_no_weave_in_the_colours_is_not_taken_for_one() -> None:
    theirs, ours = renders(200, 0), renders(200, 10_000)
    plain = fine_chroma(ours, theirs)
    assert abs(fine_chroma(ours + weave(15, (1.0, 1.0, 1.0)), theirs) - plain) < 1e-3, "in the light"
    assert abs(fine_chroma(ours + weave(5, (1.0, 0.0, -1.0)), theirs) - plain) < 1e-3, "a coarse one"
    smoothed = torch.nn.functional.avg_pool2d(ours, 3, 1, 1)
    assert fine_chroma(smoothed, theirs) < plain
