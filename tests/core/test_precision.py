"""Precision: bfloat16 changes the picture a little and nothing else, and is chosen only where that is so."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import torch
from torch import Tensor

from core import pace, precision, zoo
from core.generators.base import Generator
from core.generators.stylegan2 import StyleGAN2
from core.precision import chosen, in_bfloat16, in_float32, psnr
from core.taps import tap

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


@pytest.fixture(params=tiny.GENERATORS)
def generator(request) -> Generator:
    return tiny.GENERATORS[request.param]()


def codes_of(generator: Generator, n: int = 3) -> Tensor:
    return generator.codes(generator.sample(n, 0))


def spoiled(generator: StyleGAN2) -> StyleGAN2:
    """Its last feature map stands on a large constant that ToRGB's bias takes away again: 8 bits lose what varies."""
    last = generator.layers[-1]
    last.bias.fill_(3000.0)
    last.to_rgb.affine.weight.zero_()
    last.rgb_bias.sub_(generator(codes_of(generator)).mean((0, 2, 3)))
    return generator


# The view


def test_codes_are_equal_to_the_bit(generator: Generator) -> None:
    half, z = in_bfloat16(generator), generator.sample(5, 0)
    assert torch.equal(half.codes(z, psi=0.7), generator.codes(z, psi=0.7))
    for slot in range(generator.slots):
        assert torch.equal(half.first_weight(slot), generator.first_weight(slot))
    assert half.config() == generator.config() and half.reads == generator.reads


def test_the_picture_is_close_but_not_the_same_and_comes_in_float32(generator: Generator) -> None:
    codes = codes_of(generator)
    image, exact = in_bfloat16(generator)(codes), generator(codes)
    assert image.dtype == torch.float32 and image.shape == exact.shape
    assert 1e-5 < (image - exact).norm() / exact.norm() < 0.05


def test_any_two_segments_make_the_whole(generator: Generator) -> None:
    half, codes = in_bfloat16(generator), codes_of(generator)
    for k in range(1, len(half.layers) + 1):
        state = half.run(codes, stop=k)
        assert state.x.dtype == torch.bfloat16 and (state.rgb is None or state.rgb.dtype == torch.float32)
        assert torch.equal(half.to_image(half.run(codes, state, start=k)), half(codes))


def test_edited_codes_may_start_where_the_slot_is_first_read(generator: Generator) -> None:
    half, codes = in_bfloat16(generator), codes_of(generator)
    for slot in range(half.slots):
        edited = codes.clone()
        edited[:, slot] += 1
        start = half.start((slot,))
        stored = half.run(codes, stop=start) if start else None
        assert torch.equal(half.to_image(half.run(edited, stored, start=start)), half(edited))


def test_the_original_stays_as_it_was(generator: Generator) -> None:
    codes = codes_of(generator)
    before = generator(codes)
    tensors = {name: (tensor, tensor.clone()) for name, tensor in generator.state_dict(keep_vars=True).items()}
    in_bfloat16(generator)(codes)
    for name, tensor in generator.state_dict(keep_vars=True).items():
        assert tensor is tensors[name][0] and tensor.dtype == torch.float32 and torch.equal(tensor, tensors[name][1])
    assert torch.equal(generator(codes), before) and generator.run(codes, stop=1).x.dtype == torch.float32


def test_only_kernels_are_cast_and_everything_else_is_shared(generator: Generator) -> None:
    original = dict(generator.named_parameters())
    cast = {name for name, p in in_bfloat16(generator).named_parameters() if p is not original[name]}
    assert cast and all(original[name].ndim == 4 and not name.startswith("layers.0.") for name in cast)
    assert all(
        p.dtype == (torch.bfloat16 if name in cast else torch.float32)
        for name, p in in_bfloat16(generator).named_parameters()
    )


def test_views_of_noise_previews_and_taps_work_in_it() -> None:
    generator = tiny.stylegan2()
    half, codes = in_bfloat16(generator), codes_of(generator)
    for noise in ("none", 3):
        image, exact = half.at(noise=noise)(codes), generator.at(noise=noise)(codes)
        assert (image - exact).norm() < 0.05 * exact.norm()
        assert (image - generator(codes)).norm() > 0.05 * exact.norm()
    assert torch.equal(half.preview(half.run(codes)), half(codes))
    with tap(half.layers[2].conv) as seen:
        half(codes)
    assert len(seen) == 1 and seen[0].dtype == torch.bfloat16
    image = half(codes)
    with tap(half.layers[0], lambda state: state._replace(x=torch.zeros_like(state.x))):
        assert not torch.equal(half(codes), image)
    assert torch.equal(half(codes), image)


def test_what_a_tap_saw_is_not_written_over_later() -> None:
    generator, codes = tiny.stylegan2(), codes_of(tiny.stylegan2())
    kept: list[Tensor] = []
    with tap(generator.layers[2].conv, lambda output: kept.append(output.clone()) or output) as seen:
        generator(codes)
    assert torch.equal(seen[0], kept[0])


def test_the_view_of_a_psi_has_its_statistics() -> None:
    generator = tiny.biggan_deep()
    codes = generator.codes(generator.sample(2, 0), psi=0.3)
    image, exact = in_bfloat16(generator).at(psi=0.3)(codes), generator.at(psi=0.3)(codes)
    assert (image - exact).norm() < 0.05 * exact.norm() < (image - generator(codes)).norm()


def test_two_threads_at_once_draw_the_same_pictures() -> None:
    half = in_bfloat16(tiny.stylegan2())
    codes = codes_of(half, 8)
    expected, drawn, together = [half(code[None]) for code in codes], {}, threading.Barrier(2)

    def draw(name: int) -> None:
        together.wait()
        drawn[name] = [half(code[None]) for code in codes]

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(a, b) for name in range(2) for a, b in zip(drawn[name], expected, strict=True))


def test_another_precision_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="computes in float64: a view in bfloat16 is made of one in float32"):
        in_bfloat16(tiny.pggan().double())


# The distance


def test_psnr_is_that_of_numpy() -> None:
    a, b = tiny.normal(2, 3, 5, 5).tanh(), tiny.normal(2, 3, 5, 5, seed=1).tanh()
    expected = 20 * np.log10(2 / np.sqrt(np.mean((a.numpy() - b.numpy()) ** 2)))
    assert psnr(a, b) == pytest.approx(expected) == psnr(b, a)
    assert psnr(a, a + 0.02) == pytest.approx(40)
    assert psnr(a, a) == math.inf
    assert psnr(a, a + 0.04) < 40


def test_pictures_of_two_sizes_are_not_compared() -> None:
    with pytest.raises(ValueError, match=r"images of \[1, 3, 4, 4\] and \[1, 3, 8, 8\] cannot be compared"):
        psnr(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 8, 8))


# The choice


@pytest.fixture
def faster(monkeypatch) -> None:
    """A processor whose bfloat16 takes half the time; pictures are drawn as ever."""
    drawn = precision._drawn
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    monkeypatch.setattr(precision, "_drawn", lambda ways, codes: (drawn(ways, codes)[0], (24.0, 10.0)[: len(ways)]))


def benign() -> StyleGAN2:
    generator = tiny.stylegan2()
    for layer in generator.layers[::2]:
        layer.to_rgb.weight.mul_(0.1)
        layer.rgb_bias.mul_(0.1)
    return generator


def test_bfloat16_is_taken_where_the_picture_stays(faster) -> None:
    generator = benign()
    found = chosen(generator, psi=0.7)
    codes = generator.codes(generator.sample(4, 0), psi=0.7)
    assert found.name == "bfloat16" and found.psnr > 40
    assert found.psnr == pytest.approx(
        psnr(in_bfloat16(generator)(codes).clamp(-1, 1), generator(codes).clamp(-1, 1)), abs=0.5
    )
    assert found.says == f"Drawn in bfloat16 (2.4 times as fast; {found.psnr:.0f} dB from float32)."
    assert torch.equal(found.generator(codes), in_bfloat16(generator)(codes))


def test_weights_that_bfloat16_spoils_are_left_in_float32(faster) -> None:
    generator = spoiled(benign())
    found = chosen(generator, psi=0.7)
    assert (found.name, found.says) == ("float32", "Drawn in float32.") and found.psnr < 40
    assert found.generator is generator


def test_a_slower_bfloat16_is_not_taken(monkeypatch) -> None:
    drawn = precision._drawn
    monkeypatch.setattr(precision, "has_bfloat16", lambda: None)
    monkeypatch.setattr(precision, "_drawn", lambda ways, codes: (drawn(ways, codes)[0], (10.0, 11.0)))
    found = chosen(benign(), psi=0.7)
    assert found.name == "float32" and found.psnr > 40


def test_a_processor_without_bfloat16_is_not_asked_to_try(monkeypatch) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    monkeypatch.setattr(precision, "in_bfloat16", None)
    found = chosen(benign(), psi=0.7)
    assert found.name == "float32" and math.isnan(found.psnr) and found.milliseconds[0] > 0


@pytest.mark.parametrize(
    "said, answer",
    [
        ({}, None),
        (dict(avx2=True), None),
        (dict(avx512_bf16=False, avx2=True), False),
        (dict(avx512_bf16=False, amx_bf16=True), True),
    ],
)
def test_what_the_processor_says_of_itself(monkeypatch, said: dict, answer: bool | None) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: said, raising=False)
    assert precision.has_bfloat16() is answer


def test_classes_are_measured_on_one_of_them(faster) -> None:
    assert chosen(tiny.biggan(), psi=0.7, pictures=2).psnr > 20


def test_no_pictures_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="0 pictures show nothing: compare at least 1"):
        chosen(tiny.pggan(), psi=1.0, pictures=0)


def test_the_bundled_portraits_stay_above_40_db() -> None:
    generator = zoo.load("portraits-stylegan2")
    codes = generator.codes(generator.sample(4, 100), psi=0.7)
    assert psnr(in_bfloat16(generator)(codes), generator(codes)) > 45


# float32: the same picture, sooner


def test_laid_out_kernels_draw_the_same_picture(generator: Generator) -> None:
    codes = codes_of(generator)
    image, exact = in_float32(generator)(codes), generator(codes)
    assert (image - exact).norm() < 1e-5 * exact.norm()
    assert torch.equal(in_float32(generator).codes(generator.sample(2, 0)), generator.codes(generator.sample(2, 0)))


def test_a_network_that_seemed_slow_is_timed_again(monkeypatch) -> None:
    """A machine that was busy when a network was opened does not make it slow for good; one that stays busy does."""
    drawn = precision.Precision(None, "float32", 0.0, (200.0, 200.0))
    monkeypatch.setattr(pace, "_measured", lambda model, weights: pace.Pace(0.2, drawn))
    monkeypatch.setattr(pace.zoo, "weights_hash", lambda model: "")
    monkeypatch.setattr(pace.zoo, "load", lambda model: None)
    monkeypatch.setattr(pace, "_codes", lambda model: None)
    monkeypatch.setattr(pace, "_quick", {})
    monkeypatch.setattr(pace, "_timed", {})
    now, seconds = [0.0], [0.2]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(pace, "_seconds", lambda generator, codes: seconds[0])
    assert pace.pace_of("one").slow
    for now[0], seconds[0], slow in ((30, 0.02, True), (70, 0.2, True), (100, 0.02, True), (140, 0.02, False)):
        assert pace.pace_of("one").slow == slow
