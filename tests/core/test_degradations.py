"""Degradations: each is what Pillow, NumPy or scikit-image make of it, and restoring agrees with what was observed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.optimize import minimize
from skimage.color import rgb2gray
from skimage.transform import downscale_local_mean
from torch import Tensor

from core.images import from_uint8, to_pil, to_uint8
from core.inversion.degradations import FILTERS, Copy, GaussianNoise, Grey, Hole, Shrink, Specks

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

KNOWN = torch.ones(16, 16, dtype=torch.bool)
KNOWN[4:12, 2:9] = False
LINEAR = dict(
    copy=Copy(), grey=Grey(), box=Shrink(4), bicubic=Shrink(4, "bicubic"), middle=Shrink(4, "middle"), hole=Hole(KNOWN)
)
every_linear = pytest.mark.parametrize("degradation", LINEAR.values(), ids=LINEAR)


def pictures(n: int = 1, seed: int = 1, size: int = 16) -> Tensor:
    """[n, 3, size, size] in (-1, 1) in float64, many of them near the ends."""
    return torch.tanh(2 * tiny.normal(n, 3, size, size, seed=seed))


def test_grey_is_what_pillow_calls_l() -> None:
    x = pictures(size=32)
    theirs = np.asarray(to_pil(x)[0].convert("L")).astype(int)
    ours = to_uint8(Grey().apply(x))[0].astype(int)
    assert np.abs(ours - theirs[..., None]).max() <= 1
    assert np.abs(to_uint8(x)[0].astype(int) - theirs[..., None]).max() > 20  # the control


def test_grey_with_other_weights_is_that_of_scikit_image() -> None:
    x = pictures()
    theirs = rgb2gray((x[0].permute(1, 2, 0).numpy() + 1) / 2) * 2 - 1
    assert np.allclose(Grey((0.2125, 0.7154, 0.0721)).apply(x)[0, 0].numpy(), theirs, atol=1e-12)
    assert not np.allclose(Grey().apply(x)[0, 0].numpy(), theirs, atol=1e-2)


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_box_is_the_mean_of_each_block(factor: int) -> None:
    x = pictures(2)
    theirs = downscale_local_mean(x.numpy(), (1, 1, factor, factor))
    assert np.allclose(Shrink(factor).apply(x).numpy(), theirs, atol=1e-14)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_middle_is_the_mean_of_four_pixels(factor: int) -> None:
    x, m = pictures(2), factor // 2
    by_hand = sum(x[..., m - i :: factor, m - j :: factor] for i in (0, 1) for j in (0, 1)) / 4
    assert torch.allclose(Shrink(factor, "middle").apply(x), by_hand, atol=1e-14)
    assert (Shrink(factor, "middle").apply(x) - Shrink(factor).apply(x)).abs().max() > 0.1 or factor == 2


def test_middle_of_an_odd_block_is_its_middle_pixel() -> None:
    x = pictures(size=15)
    assert torch.allclose(Shrink(5, "middle").apply(x), x[..., 2::5, 2::5], atol=1e-14)


@pytest.mark.parametrize("factor", [2, 4])
def test_bicubic_is_that_of_pillow(factor: int) -> None:
    x = 0.5 * pictures(size=32).float()  # far from the ends: nothing is clamped
    small = (32 // factor, 32 // factor)
    theirs = [Image.fromarray(channel.numpy()).resize(small, Image.Resampling.BICUBIC) for channel in x[0]]
    assert np.allclose(Shrink(factor, "bicubic").apply(x)[0].numpy(), np.stack(theirs), atol=1e-5)


@every_linear
def test_what_is_expected_is_linear_and_its_slope_is_the_transpose(degradation) -> None:
    x, y = pictures(seed=1), pictures(seed=2)
    seen_x, seen_y = degradation.expected(x), degradation.expected(y)
    assert torch.allclose(degradation.expected(2 * x - 3 * y), 2 * seen_x - 3 * seen_y)
    columns = degradation.expected(torch.eye(768, dtype=torch.float64).reshape(768, 3, 16, 16)).reshape(768, -1)  # D^T
    back = tiny.normal(columns.shape[1], seed=3)
    _, slope = torch.autograd.functional.vjp(degradation.expected, x, back.reshape_as(seen_x))
    assert torch.allclose(slope.flatten(), columns @ back, atol=1e-12)


@pytest.mark.parametrize("degradation", [Copy(), Grey(), Hole(KNOWN)])
def test_degrading_twice_is_degrading_once(degradation) -> None:
    once = degradation.apply(pictures())
    assert torch.allclose(degradation.apply(once), once, atol=1e-14)


@pytest.mark.parametrize("filter", FILTERS)
def test_shrinking_by_one_changes_nothing(filter: str) -> None:
    assert torch.allclose(Shrink(1, filter).apply(pictures()), pictures(), atol=1e-14)


# Agreeing with what was observed


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
@pytest.mark.parametrize("spread", [0.5, 1.0, 3.0])
def test_back_projection_gives_the_observed_means_inside_the_range(factor: int, spread: float) -> None:
    x, observed = spread * pictures(2, seed=1).float(), Shrink(factor).apply(pictures(2, seed=2).float())
    restored = Shrink(factor).agreeing(x, observed)
    assert restored.abs().max() <= 1
    assert (Shrink(factor).expected(restored) - observed).abs().max() < 1e-6
    assert (Shrink(factor).expected(x.clamp(-1, 1)) - observed).abs().max() > 0.1  # the control


@pytest.mark.parametrize("level", [-1.0, 1.0, 0.0])
def test_back_projection_reaches_the_ends(level: float) -> None:
    restored = Shrink(4).agreeing(pictures(), torch.full((1, 3, 4, 4), level, dtype=torch.float64))
    assert (Shrink(4).expected(restored) - level).abs().max() < 1e-6


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_it_agrees_to_one_level_after_rounding_to_eight_bits(factor: int) -> None:
    observed = from_uint8(to_uint8(Shrink(factor).apply(pictures(4, seed=2))))
    shown = from_uint8(to_uint8(Shrink(factor).agreeing(3 * pictures(4, seed=1).float(), observed)))
    mosaic = to_uint8(Shrink(factor).apply(shown)).astype(int)
    assert np.abs(mosaic - to_uint8(observed).astype(int)).max() <= 1
    assert ((Shrink(factor).apply(shown) - observed).abs() * 255 / 2).max() < 1


def test_back_projection_is_the_nearest_picture_that_agrees() -> None:
    x, observed = 1.5 * pictures()[..., :4, :4], torch.full((1, 3, 1, 1), 0.7, dtype=torch.float64)
    ours = Shrink(4).agreeing(x, observed)
    for channel in range(3):
        here = x[0, channel].flatten().numpy()
        theirs = minimize(
            lambda p: ((p - here) ** 2).sum(),
            np.zeros(16),
            jac=lambda p: 2 * (p - here),
            method="SLSQP",
            bounds=[(-1, 1)] * 16,
            constraints=dict(type="eq", fun=lambda p: p.mean() - 0.7),
            options=dict(ftol=1e-14, maxiter=500),
        )
        assert theirs.success and np.allclose(ours[0, channel].flatten().numpy(), theirs.x, atol=1e-5)


def test_where_nothing_leaves_the_range_it_is_x_plus_u_of_y_minus_d_x() -> None:
    x, observed = 0.3 * pictures(), 0.3 * Shrink(4).apply(pictures(seed=2))
    gap = (observed - Shrink(4).apply(x)).repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.allclose(Shrink(4).agreeing(x, observed), x + gap, atol=1e-6)


def test_a_colouring_has_the_luminance_that_was_observed() -> None:
    x, observed = 2 * pictures(4, seed=1).float(), Grey().apply(pictures(4, seed=2).float())
    coloured = Grey().agreeing(x, observed)
    assert coloured.abs().max() <= 1
    assert (Grey().expected(coloured) - observed).abs().max() < 1e-6
    shown = from_uint8(to_uint8(coloured))
    assert ((Grey().expected(shown) - observed).abs() * 255 / 2).max() <= 1
    gentle = 0.1 * pictures(4, seed=1).float()  # a colour that fits is kept as it is
    chroma = gentle - Grey().expected(gentle)
    assert torch.allclose(Grey().agreeing(gentle, 0.5 * observed) - 0.5 * observed, chroma, atol=1e-6)


def test_filling_keeps_the_known_pixels_to_the_bit() -> None:
    x, y = pictures(seed=1), pictures(seed=2)
    filled = Hole(KNOWN).agreeing(x, Hole(KNOWN).apply(y))
    assert torch.equal(filled[..., KNOWN], y[..., KNOWN]) and torch.equal(filled[..., ~KNOWN], x[..., ~KNOWN])


@pytest.mark.parametrize("degradation", [Shrink(4, "bicubic"), Shrink(4, "middle"), GaussianNoise(0.1), Copy()])
def test_what_has_no_closed_form_is_left_alone(degradation) -> None:
    x = 2 * pictures()
    assert torch.equal(degradation.agreeing(x, degradation.apply(x.clamp(-1, 1))), x.clamp(-1, 1))


# Noise


def test_gaussian_noise_has_the_deviation_it_says_and_stays_in_range() -> None:
    flat = torch.zeros(1, 3, 128, 128)
    noise = GaussianNoise(0.2, seed=3).apply(flat)
    assert noise.std().item() == pytest.approx(0.2, rel=0.02) and abs(noise.mean().item()) < 0.004
    assert GaussianNoise(2.0).apply(flat).abs().max() == 1


def test_specks_are_where_the_mask_says_and_nowhere_else() -> None:
    specks, x = Specks.scattered(64, 64, share=0.8, seed=1), pictures(size=64)
    lost, seen = ~specks.known, specks.apply(x)
    assert lost.double().mean().item() == pytest.approx(0.8, abs=0.02)
    assert torch.equal(seen[..., ~lost], x[..., ~lost])
    assert (seen[..., lost] != x[..., lost]).all() and seen.abs().max() <= 1
    assert torch.equal(specks.trusted(seen), specks.expected(x))  # random colours are not believed
    assert torch.equal(specks.agreeing(x, seen), x)


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: GaussianNoise(0.1, seed).apply(pictures()),
        lambda seed: Specks(KNOWN, seed).apply(pictures()),
        lambda seed: Specks.scattered(16, 16, share=0.5, seed=seed).known,
    ],
)
def test_noise_depends_on_its_seed_alone(make) -> None:
    before = torch.get_rng_state()
    first = make(0)
    torch.rand(7, generator=torch.Generator().manual_seed(5))
    assert torch.equal(first, make(0)) and not torch.equal(first, make(1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "work, sentence",
    [
        (lambda: Shrink(0), "a whole number of at least 1"),
        (lambda: Shrink(2, "lanczos"), "one of box, bicubic, middle"),
        (lambda: Shrink(3).apply(pictures()), "choose a divisor of both sides"),
        (lambda: Hole(KNOWN).apply(pictures(size=8)), "does not fit pictures"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(work, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        work()
