"""StyleGAN3: its layers against a slow restatement, its movements, and its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import scipy.special
import torch
from torch import Tensor

from core import checkpoints
from core.generators.base import State
from core.generators.resampling import FilteredNonlinearity, low_pass
from core.generators.stylegan3 import AliasFreeLayer, Band, StyleGAN3, bands

from .. import foreign, references, tiny
from ..references import STYLEGAN3_R, TOLERANCE, error

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


# Numbers of the paper


def test_sizes_are_those_of_the_published_networks() -> None:
    assert [band.size for band in bands(256)] == [36] * 3 + [52] * 2 + [84] * 2 + [148] * 3 + [276] * 3 + [256] * 2
    assert [band.size for band in bands(1024)][:7] == [36, 36, 52, 52, 84, 148, 148]
    assert [band.size for band in bands(1024)][7:] == [276, 276, 532, 1044, 1044, 1044, 1024, 1024]
    for resolution in (8, 48, 0):
        with pytest.raises(ValueError, match=f"16, 32, 64 ... pixels a side, not {resolution}"):
            bands(resolution)


def test_filters_are_scipys_kaiser_windows_and_radial_ones_a_jinc() -> None:
    for taps, cutoff, half_width, rate in ((12, 2.0, 6.0, 32), (24, 3.1, 4.9, 64), (12, 16.0, 2.4, 64)):
        ours = low_pass(taps, cutoff=cutoff, half_width=half_width, rate=rate)
        theirs = scipy.signal.firwin(taps, cutoff, width=2 * half_width, fs=rate)
        assert np.allclose(ours, theirs, atol=1e-7)
        at = (np.arange(taps) - (taps - 1) / 2) / rate
        distance = np.hypot(at[:, None], at)
        beta = scipy.signal.kaiser_beta(scipy.signal.kaiser_atten(taps, 2 * half_width / (rate / 2)))
        window = np.kaiser(taps, beta)
        jinc = scipy.special.j1(2 * np.pi * cutoff * distance) / (np.pi * distance) * np.outer(window, window)
        radial = low_pass(taps, cutoff=cutoff, half_width=half_width, rate=rate, radial=True)
        assert np.allclose(radial, jinc / jinc.sum(), atol=1e-7) and not np.allclose(radial, np.outer(ours, ours))


def test_the_filters_of_a_published_file_are_the_designed_ones() -> None:
    stored = checkpoints.read(references.path(STYLEGAN3_R))
    designed = dict(StyleGAN3(**stored.config()).named_buffers())
    filters = {name: buffer for name, buffer in stored.named_buffers() if name.endswith("_filter")}
    assert len(filters) == 28 and all(torch.allclose(designed[name], filters[name], atol=1e-7) for name in filters)


# A layer, slowly


def resampled(x: np.ndarray, kernel: np.ndarray, up: int, down: int, crop: tuple[int, int] | None) -> np.ndarray:
    """Zeros between samples, padding or cropping, the filter without padding, every down-th sample; on both axes."""
    spread = np.zeros((len(x) * up,) * 2)
    spread[::up, ::up] = x
    if crop:
        low, high = crop
        spread = np.pad(spread, (max(low, 0), max(high, 0)))
        spread = spread[max(-low, 0) : len(spread) - max(-high, 0), max(-low, 0) : len(spread) - max(-high, 0)]
    if kernel.ndim == 1:
        for axis in (0, 1):
            full = scipy.signal.upfirdn(kernel, spread, axis=axis)
            spread = np.take(full, range(len(kernel) - 1, full.shape[axis] - len(kernel) + 1), axis=axis)
    else:
        spread = scipy.signal.convolve2d(spread, kernel, mode="valid")
    return spread[::down, ::down]


def slowly(layer: AliasFreeLayer, x: Tensor, w: Tensor, up: int, crop: tuple[int, int], clamp: float) -> np.ndarray:
    conv, filtered = layer.conv, layer.filtered
    style = w @ conv.affine.weight.T / w.shape[1] ** 0.5 + conv.affine.bias
    style = style / style.square().mean().sqrt()  # of the whole batch, as published
    weight = conv.weight / conv.weight.square().mean((1, 2, 3), keepdim=True).sqrt()
    weight = weight * style[:, None, :, None, None]
    weight = weight / (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt() / conv.magnitude_ema.sqrt()
    rising, falling = filtered.up_filter.numpy(), filtered.down_filter.numpy()
    result = []
    for kernels, maps in zip(weight.numpy(), x.numpy()):
        for kernel, bias in zip(kernels, layer.bias.numpy()):
            y = sum(scipy.signal.correlate2d(map, k, mode="full") for map, k in zip(maps, kernel)) + bias
            y = resampled(y, rising * up, up, 1, crop)
            y = np.clip(np.where(y < 0, 0.2 * y, y) * 2**0.5, -clamp, clamp)
            result.append(resampled(y, falling, 1, 2, None))
    return np.array(result)


# as published: crops of the fine grid for T and R where the rate stays, doubles, and where the margin is cut off
CASES = [
    *((3, False, 36, 36, 16, 16, (9, 8)), (1, True, 36, 36, 16, 16, (11, 10))),
    *((3, False, 36, 52, 16, 32, (-6, -9)), (1, True, 36, 52, 16, 32, (-2, -5))),
    *((3, False, 52, 32, 32, 32, (-11, -12)), (1, False, 52, 32, 32, 32, (-9, -10))),
    *((3, False, 52, 84, 32, 64, (-6, -9)), (1, True, 52, 84, 32, 64, (-2, -5))),  # in strips and blocks
]


@pytest.mark.parametrize("kernel, radial, size, to, rate, rate_to, crop", CASES)
def test_a_layer_is_what_scipy_makes_of_its_definition(kernel, radial, size, to, rate, rate_to, crop) -> None:
    before, after = Band(rate, rate / 8, rate / 4, size), Band(rate_to, rate_to / 8, rate_to / 4, to)
    layer = tiny.stirred(
        lambda: AliasFreeLayer((2, 2), 5, before, after, kernel=kernel, radial=radial, clamp=1.0), 0
    ).double()
    layer.conv.magnitude_ema.fill_(0.7)
    layer.filtered._make_matrices()
    x, w = tiny.normal(2, 2, size, size), tiny.normal(2, 5, seed=1)
    up = 2 * max(rate, rate_to) // rate
    expected = slowly(layer, x, w, up, crop, 1.0).reshape(2, 2, to, to)
    found = layer(State(x), w).x
    assert found.shape == expected.shape and np.abs(found.numpy() - expected).max() < 1e-6  # float32 filters, widened
    other = slowly(layer, x[:1], w[:1], up, (crop[0] + 1, crop[1] - 1), 1.0)  # the control: one sample beside
    assert np.abs(found[0].numpy() - other).max() > 1e-2


def test_channels_and_pictures_in_other_groups_are_filtered_alike(monkeypatch) -> None:
    filters = (torch.ones(12) / 12, tiny.normal(12, 12).float())
    layer = FilteredNonlinearity(40, 60, filters, up=4, down=2, clamp=None)
    x = tiny.normal(2, 20, 40, 40).float()
    whole = layer(x)
    monkeypatch.setattr("core.generators.resampling.AT_ONCE", 1)
    assert torch.allclose(layer(x), whole, atol=1e-4) and torch.allclose(layer(x[1:, 3:4]), whole[1:, 3:4], atol=1e-4)


# The generator


@pytest.mark.parametrize("rotation", [False, True])
def test_slot_0_is_read_by_the_fourier_input_and_slot_i_plus_1_by_layer_i(rotation: bool) -> None:
    generator = tiny.stylegan3(rotation=rotation)
    assert generator.slots == 16 == len(generator.layers) and generator.reads == tuple((i,) for i in range(16))
    assert generator.first_weight(0).shape == (4, generator.dim)
    assert generator.first_weight(3).shape == (tiny.WIDTHS3[1], generator.dim)
    assert torch.allclose(generator.first_weight(3), generator.layers[3].conv.affine.weight / generator.dim**0.5)
    assert generator.at(noise="none") is generator and generator.at(noise=3, psi=0.5) is generator


def test_the_clamp_acts() -> None:
    free, clamped = tiny.stylegan3(clamp=None), tiny.stylegan3(clamp=0.3)
    codes = free.codes(free.sample(2, 0))
    assert not torch.equal(clamped(codes), free(codes)) and clamped(codes).abs().max() <= 0.3 * 0.25 + 1e-6
    assert torch.equal(tiny.stylegan3()(codes), free(codes))  # 256 is far away


def test_a_movement_moves_the_picture_the_way_it_says() -> None:
    generator = checkpoints.read(references.path(STYLEGAN3_R))
    codes = generator.codes(generator.sample(3, 0), psi=0.7)
    image, side = generator(codes), generator.resolution

    def away(moved: Tensor, expected: Tensor) -> float:
        inner = (..., slice(6, -6), slice(6, -6))
        return float((moved[inner] - expected[inner]).norm())

    right, down = generator.moved(right=4 / side)(codes), generator.moved(down=4 / side)(codes)
    turned = generator.moved(turn=90)(codes)
    for moved, expected, wrong in (
        (right, image.roll(4, 3), image.roll(-4, 3)),
        (down, image.roll(4, 2), image.roll(-4, 2)),
        (turned, image.rot90(1, (2, 3)), image.rot90(-1, (2, 3))),
    ):
        assert 3 * away(moved, expected) < min(away(moved, wrong), away(moved, image))


def test_a_movement_is_a_view_and_movements_add_up() -> None:
    generator = tiny.stylegan3()
    codes = generator.codes(generator.sample(2, 0))
    image, view = generator(codes), generator.moved(turn=30, right=0.2, down=-0.1)
    assert all(a is b for a, b in zip(view.parameters(), generator.parameters(), strict=True))
    assert not torch.equal(view(codes), image) and torch.equal(generator(codes), image)
    assert torch.equal(generator.moved()(codes), image) and view.config() == generator.config()
    assert torch.allclose(generator.moved(turn=30).moved(right=0.2, down=-0.1)(codes), view(codes), atol=1e-4)
    assert torch.allclose(generator.moved(turn=30).moved(turn=-30)(codes), image, atol=1e-4)


# Files


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


SAYS = dict(output_scale=0.25, margin_size=10, num_critical=2, in_size=np.array([36, 36]), padding=[9, 8, 9, 8])


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_draws_what_its_state_dict_draws_and_says_its_clamp(tmp_path: Path, protocol: int) -> None:
    state, io = references.state(STYLEGAN3_R), references.arrays(STYLEGAN3_R)
    data = foreign.nvidia_pickle(state, protocol=protocol, nested=False, in_sampling_rate=np.float64(16), **SAYS)
    described = checkpoints.describe(written(tmp_path / "a.pkl", data))
    assert described.format == "stylegan3" and described.generator.notes == () and described.generator.clamp == 256
    assert error(described.generator(io["ws_psi1"]), io["image_psi1"]) < TOLERANCE
    old = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    if protocol == 2:  # as written with numpy 1
        again = checkpoints.read(written(tmp_path / "b.pkl", old))
        assert torch.equal(again(io["ws_psi1"]), described.generator(io["ws_psi1"]))
    unclamped = foreign.nvidia_pickle(state, nested=False, clamp=None, **SAYS)
    assert checkpoints.read(written(tmp_path / "c.pkl", unclamped)).clamp is None


@pytest.mark.parametrize("rotation", [False, True])
@pytest.mark.parametrize("classes, image_channels", [(0, 3), (3, 1), (3, 4)])
def test_classes_and_channels_are_read_off_the_shapes(tmp_path: Path, rotation, classes, image_channels) -> None:
    twin = tiny.stylegan3(rotation=rotation, classes=classes, image_channels=image_channels)
    data = foreign.torch_file(foreign.stylegan3_state(twin))
    generator = checkpoints.read(written(tmp_path / "a.pt", data))
    assert generator.config() == twin.config() and "conv_clamp = 256" in generator.notes[0]
    label = dict(label=1) if classes else {}
    codes = twin.codes(twin.sample(2, 0), psi=0.6, **label)
    assert torch.equal(generator.codes(twin.sample(2, 0), psi=0.6, **label), codes)
    assert error(generator(codes), twin(codes)) < TOLERANCE
    assert generator(codes).shape == (2, 3, twin.resolution, twin.resolution)
    assert generator.pixels(generator.run(codes)).shape[1] == image_channels
    if classes:
        assert not torch.equal(twin.codes(twin.sample(2, 0), psi=0.6, label=0), codes)


@pytest.mark.parametrize(
    "old, new, sentence",
    [
        ("L14_32_3", None, "its synthesis has 14 layers instead of 15, which this project does not draw"),
        ("L13_32", "L13_48", "its layer 13 has maps of 48 pixels where 32 are usual"),
        ("L14_32_3", "L14_24_3", "it draws 24 pixels a side, which this project does not draw"),
        ("mapping.fc", None, "it lacks the mapping"),
        ("mapping.w_avg", None, "it lacks mapping.w_avg, which a StyleGAN3 of 32 pixels"),
        ("L3_36_5.up_filter", None, "it lacks synthesis.L3_36_5.up_filter"),
        ("synthesis.input.phases", "synthesis.input.phase", "it lacks synthesis.input.phases"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path, old: str, new: str | None, sentence: str) -> None:
    state = foreign.stylegan3_state(tiny.stylegan3())
    assert any(old in name for name in state)
    changed = {name.replace(old, new or ""): x for name, x in state.items() if new is not None or old not in name}
    with pytest.raises(ValueError, match=sentence) as refused:
        checkpoints.read(written(tmp_path / "a.pt", foreign.torch_file(changed)))
    assert "\n" not in str(refused.value)


def test_another_filter_length_or_setting_is_refused(tmp_path: Path) -> None:
    state = foreign.stylegan3_state(tiny.stylegan3())
    longer = {name: torch.ones(14) / 14 if name.endswith("L2_36_5.up_filter") else x for name, x in state.items()}
    with pytest.raises(ValueError, match=r"L2_36_5.up_filter is \[14\], but the other tensors need 12 there"):
        checkpoints.read(written(tmp_path / "a.pt", foreign.torch_file(longer)))
    data = foreign.nvidia_pickle(state, nested=False, **SAYS | dict(output_scale=1.0))
    with pytest.raises(ValueError, match="output_scale is 1.0, which this project does not draw"):
        checkpoints.read(written(tmp_path / "a.pkl", data))
