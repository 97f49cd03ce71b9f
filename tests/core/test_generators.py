"""Generators: segments are the whole, seeds are pictures, and every layer equals an independent form of itself."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import torch
import torch.nn.functional as F
from torch import Tensor

from core.generators.base import Generator
from core.generators.blocks import EqualConv2d, normalize_second_moment, upsample_rgb
from core.generators.pggan import PGGAN
from core.generators.stylegan2 import ModulatedConv, StyleGAN2
from core.images import to_uint8

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


@pytest.fixture(params=tiny.GENERATORS)
def generator(request) -> Generator:
    return tiny.GENERATORS[request.param]()


@pytest.fixture(params=["stylegan2", "stylegan2_clamped"])
def stylegan2(request) -> StyleGAN2:
    return tiny.GENERATORS[request.param]()


def codes_of(generator: Generator, n: int = 3, seed: int = 0) -> Tensor:
    return generator.codes(generator.sample(n, seed))


# Segments


def test_any_two_segments_make_the_whole(generator: Generator) -> None:
    codes = codes_of(generator)
    whole = generator.run(codes)
    for k in range(len(generator.layers) + 1):
        parts = generator.run(codes, generator.run(codes, stop=k), start=k)
        assert torch.equal(parts.x, whole.x)
        assert torch.equal(generator.to_image(parts), generator(codes))


def test_edited_codes_may_start_where_the_slot_is_first_read(generator: Generator) -> None:
    codes = codes_of(generator)
    for slot in range(generator.slots):
        edited = codes.clone()
        edited[:, slot] += 1
        start = generator.start((slot,))
        stored = generator.run(codes, stop=start) if start else None
        assert torch.equal(generator.to_image(generator.run(edited, stored, start=start)), generator(edited))
        assert not torch.equal(generator(edited), generator(codes))


def test_one_layer_later_would_be_too_late(generator: Generator) -> None:
    codes = codes_of(generator)
    for slot in range(generator.slots):
        edited = codes.clone()
        edited[:, slot] += 1
        late = generator.start((slot,)) + 1
        assert not torch.equal(
            generator.to_image(generator.run(edited, generator.run(codes, stop=late), start=late)), generator(edited)
        )


def test_stylegan2_reads_each_pair_of_slots_in_an_even_layer() -> None:
    generator = tiny.stylegan2()
    assert len(generator.layers) == 2 * 4 - 3 and generator.slots == 6
    assert generator.reads == ((0, 1), (1,), (2, 3), (3,), (4, 5))
    assert [generator.start((slot,)) for slot in range(6)] == [0, 0, 2, 2, 4, 4]
    assert generator.start((5, 2)) == 2 and generator.start(()) == len(generator.layers)


def test_pggan_reads_its_code_once() -> None:
    generator = tiny.pggan()
    assert len(generator.layers) == 2 * 4 - 2 and generator.slots == 1
    assert generator.reads == ((0,), (), (), (), (), ())
    assert generator.start((0,)) == 0


def test_a_state_is_needed_everywhere_but_at_the_start(generator: Generator) -> None:
    codes = codes_of(generator)
    with pytest.raises(ValueError, match="layer 0 starts from nothing"):
        generator.run(codes, start=2)
    with pytest.raises(ValueError, match="layer 0 starts from nothing"):
        generator.run(codes, generator.run(codes, stop=1))


# Seeds


def test_row_i_of_a_sample_is_the_sample_of_seed_plus_i(generator: Generator) -> None:
    rows = generator.sample(7, 40)
    assert rows.shape == (7, generator.z_dim)
    for i in range(7):
        assert torch.equal(rows[i : i + 1], generator.sample(1, 40 + i))
    assert not torch.equal(rows[0], rows[1])


def test_sampling_leaves_the_global_generator_alone(generator: Generator) -> None:
    before = torch.get_rng_state()
    generator.at(noise=3)(codes_of(generator))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("build", [tiny.stylegan2, lambda: tiny.stylegan2(dim=96), tiny.pggan])
def test_codes_are_equal_to_the_bit_in_any_batch(build) -> None:
    generator = build()
    z = generator.sample(33, 0)
    together = generator.codes(z, psi=0.7)
    for size in (1, 2, 3, 8, 32):
        apart = torch.cat([generator.codes(part, psi=0.7) for part in z.split(size)])
        assert torch.equal(apart, together)


def test_pictures_in_another_batch_agree_to_one_level(generator: Generator) -> None:
    codes = codes_of(generator, 9)
    together = to_uint8(generator(codes)).astype(int)
    for size in (1, 2, 4):
        apart = np.concatenate([to_uint8(generator(part)) for part in codes.split(size)]).astype(int)
        assert abs(apart - together).max() <= 1


# Derivatives


def test_jvp_equals_finite_differences(generator: Generator) -> None:
    generator = generator.double()
    codes = codes_of(generator, 2).double()
    shift, step = tiny.normal(*codes.shape, seed=1), 1e-7  # short: few pixels pass the bend of leaky ReLU
    _, slope = torch.func.jvp(generator, (codes,), (shift,))
    difference = (generator(codes + step * shift) - generator(codes - step * shift)) / (2 * step)
    assert slope.abs().max() > 0.01
    assert (slope - difference).norm() < 1e-5 * difference.norm()


def test_vmap_equals_a_loop(generator: Generator) -> None:
    generator = generator.double()
    codes = codes_of(generator, 5).double()
    mapped = torch.func.vmap(lambda code: generator(code[None])[0])(codes)
    looped = torch.cat([generator(code[None]) for code in codes])
    assert torch.allclose(mapped, looped, atol=1e-10)


# StyleGAN2 against independent forms of its parts


def filtered(x: Tensor) -> Tensor:
    """Zero insertion and the [1, 3, 3, 1] filter by scipy: [n, c, h, w] -> [n, c, 2h, 2w]."""
    taps = np.array([1.0, 3.0, 3.0, 1.0]) / 4  # every second sample is zero: gain 2 an axis
    for axis in (2, 3):
        x = scipy.signal.upfirdn(taps, x, up=2, axis=axis)
        x = np.take(x, range(1, x.shape[axis] - 1), axis=axis)
    return torch.as_tensor(x)


def fused(conv: ModulatedConv, x: Tensor, w: Tensor) -> Tensor:
    """Algorithm of section 2.2: weights of each picture's own, modulated, demodulated, one grouped convolution."""
    n, fan_in, h, _ = x.shape
    fan_out, _, kernel, _ = conv.weight.shape
    style = w @ conv.affine.weight.T / w.shape[1] ** 0.5 + conv.affine.bias
    weight = conv.weight[None] / (fan_in * kernel**2) ** 0.5 * style[:, None, :, None, None]
    if conv.demodulate:
        weight = weight / (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    if not conv.up:
        flat = weight.reshape(n * fan_out, fan_in, kernel, kernel)
        return F.conv2d(x.reshape(1, n * fan_in, h, h), flat, padding=kernel // 2, groups=n).reshape(n, fan_out, h, h)
    spread = torch.zeros(n, fan_in, 2 * h - 1, 2 * h - 1, dtype=x.dtype)
    spread[:, :, ::2, ::2] = x
    out = [
        [sum(scipy.signal.convolve2d(spread[i, c], weight[i, o, c]) for c in range(fan_in)) for o in range(fan_out)]
        for i in range(n)
    ]
    taps = np.array([1.0, 3.0, 3.0, 1.0]) / 4
    image = np.pad(np.array(out), ((0, 0), (0, 0), (1, 1), (1, 1)))
    for axis in (2, 3):
        image = np.apply_along_axis(np.convolve, axis, image, taps, "valid")
    return torch.as_tensor(image)


@pytest.mark.parametrize("kernel, up", [(1, False), (3, False), (3, True)])
@pytest.mark.parametrize("demodulate", [False, True])
def test_non_fused_modulation_equals_a_grouped_convolution(kernel: int, up: bool, demodulate: bool) -> None:
    conv = tiny.stirred(lambda: ModulatedConv(5, 4, kernel, 7, up=up, demodulate=demodulate), 1).double()
    x, w = tiny.normal(3, 5, 6, 6), tiny.normal(3, 7, seed=1)
    assert torch.allclose(conv(x, w), fused(conv, x, w), atol=1e-10)
    assert not torch.allclose(conv(x, w), fused(conv, x, w.flip(0)), atol=1e-3)


def test_image_up_sampling_equals_upfirdn() -> None:
    rgb = tiny.normal(2, 3, 5, 5)
    assert torch.allclose(upsample_rgb(rgb), filtered(rgb), atol=1e-12)
    assert torch.allclose(upsample_rgb(torch.ones(1, 3, 8, 8))[..., 2:-2, 2:-2], torch.ones(1, 3, 12, 12))


def test_a_whole_stylegan2_equals_the_equations(stylegan2: StyleGAN2) -> None:
    generator = stylegan2.double()
    codes = codes_of(generator, 2).double()
    limit = generator.clamp or float("inf")
    x, image = generator.layers[0].const[None].repeat(2, 1, 1, 1), None
    for i, layer in enumerate(generator.layers):
        x = fused(layer.conv, x, codes[:, i]) + layer.noise_strength * layer.noise + layer.bias[:, None, None]
        x = (torch.maximum(x, 0.2 * x) * 2**0.5).clamp(-limit, limit)
        if i % 2 == 0:
            new = (fused(layer.to_rgb, x, codes[:, i + 1]) + layer.rgb_bias[:, None, None]).clamp(-limit, limit)
            image = new if image is None else filtered(image) + new
    assert torch.allclose(generator(codes), image, atol=1e-9)


def test_the_clamp_of_the_clamped_twin_acts() -> None:
    clamped, free = tiny.stylegan2_clamped(), tiny.stylegan2()
    free.load_state_dict(clamped.state_dict())
    codes = codes_of(clamped)
    assert clamped.run(codes).x.abs().max() == 1.0
    assert not torch.equal(clamped(codes), free(codes))


def test_w_is_the_mapping_network_of_the_normalised_noise(stylegan2: StyleGAN2) -> None:
    z = stylegan2.sample(4, 0).double()
    w = z / z.square().mean(1, keepdim=True).sqrt()
    for layer in stylegan2.mapping:
        y = w @ (layer.weight.double().T * 0.01 / layer.weight.shape[1] ** 0.5) + 0.01 * layer.bias
        w = torch.maximum(y, 0.2 * y) * 2**0.5
    codes = stylegan2.codes(z.float())
    assert torch.allclose(codes, w.float()[:, None].expand_as(codes), atol=1e-5)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_a_convolution_that_goes_down_is_a_convolution_and_a_mean(kernel: int, bias: bool) -> None:
    down = tiny.stirred(lambda: EqualConv2d(3, 4, kernel, bias=bias, down=True), 0).double()
    x = tiny.normal(2, 3, 8, 8)
    scaled = down.weight / (3 * kernel**2) ** 0.5
    expected = F.avg_pool2d(F.conv2d(x, scaled, down.bias, padding=kernel // 2), 2)
    assert torch.allclose(down(x), expected, atol=1e-12)


# Noise


def test_noise_views_share_every_parameter_and_leave_the_original_alone(stylegan2: StyleGAN2) -> None:
    codes = codes_of(stylegan2)
    before = stylegan2(codes)
    for noise in ("none", 0, 7):
        view = stylegan2.at(noise=noise)
        assert all(a is b for a, b in zip(view.parameters(), stylegan2.parameters(), strict=True))
        assert not torch.equal(view(codes), before)
    assert torch.equal(stylegan2(codes), before)
    assert torch.equal(stylegan2.at(noise="stored")(codes), before)


def test_no_noise_equals_strengths_of_zero(stylegan2: StyleGAN2) -> None:
    codes = codes_of(stylegan2)
    silent = stylegan2.at(noise="none")(codes)
    for layer in stylegan2.layers:
        layer.noise_strength.zero_()
    assert torch.equal(silent, stylegan2(codes))


def test_a_noise_seed_is_one_noise(stylegan2: StyleGAN2) -> None:
    codes = codes_of(stylegan2)
    assert torch.equal(stylegan2.at(noise=5)(codes), stylegan2.at(noise=5)(codes))
    assert not torch.equal(stylegan2.at(noise=5)(codes), stylegan2.at(noise=6)(codes))


def test_a_generator_without_noise_returns_itself() -> None:
    generator = tiny.pggan()
    assert generator.at(noise=4) is generator and generator.at(noise="none") is generator


def test_noise_of_an_unknown_kind_is_refused_in_a_sentence(generator: Generator) -> None:
    with pytest.raises(ValueError, match="noise is 'stored', 'none' or a whole number, not 'loud'"):
        generator.at(noise="loud")


# Truncation


def test_truncation_zero_is_one_face_and_one_is_no_change(stylegan2: StyleGAN2) -> None:
    z = stylegan2.sample(4, 0)
    one_face = stylegan2.codes(z, psi=0)
    assert torch.equal(one_face, stylegan2.w_avg.expand_as(one_face))
    assert torch.equal(stylegan2.codes(z, psi=1), stylegan2.codes(z))
    half = stylegan2.codes(z, psi=0.5)
    assert torch.allclose(half, (stylegan2.codes(z) + stylegan2.w_avg) / 2, atol=1e-6)


def test_truncation_stops_at_the_cutoff(stylegan2: StyleGAN2) -> None:
    z = stylegan2.sample(4, 0)
    free, near = stylegan2.codes(z), stylegan2.codes(z, psi=0.5)
    for cutoff in range(stylegan2.slots + 1):
        codes = stylegan2.codes(z, psi=0.5, cutoff=cutoff)
        assert torch.equal(codes[:, :cutoff], near[:, :cutoff])
        assert torch.equal(codes[:, cutoff:], free[:, cutoff:])


def test_pggan_has_no_truncation() -> None:
    generator = tiny.pggan()
    z = generator.sample(3, 0)
    assert not generator.has_truncation and torch.equal(generator.codes(z, psi=0.3), generator.codes(z))


# PGGAN


def test_pggan_codes_lie_on_the_sphere_and_their_length_does_not_matter() -> None:
    generator = tiny.pggan()
    codes = codes_of(generator, 6)
    assert torch.allclose(codes.norm(dim=2), torch.tensor(generator.dim**0.5), atol=1e-5)
    assert torch.allclose(generator(3 * codes), generator(codes), atol=1e-4)


def test_pggan_equals_the_equations() -> None:
    generator = tiny.pggan().double()
    codes = codes_of(generator).double()
    dense = generator.layers[0]
    code = normalize_second_moment(codes[:, 0])
    gain = (2 / generator.dim) ** 0.5 / 4
    x = F.conv2d(code[:, :, None, None], dense.weight.flip(2, 3) * gain, padding=3) + dense.bias[:, None, None]
    for i, layer in enumerate(generator.layers):
        if i:
            x = F.interpolate(x, scale_factor=2, mode="nearest") if i % 2 == 0 else x
            x = F.conv2d(x, layer.weight * (2 / (9 * x.shape[1])) ** 0.5, layer.bias, padding=1)
        x = torch.maximum(x, 0.2 * x)
        x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
    image = F.conv2d(x, generator.rgb_weight / x.shape[1] ** 0.5, generator.rgb_bias)
    assert torch.allclose(generator(codes), image, atol=1e-9)


# What the page asks of any of them


def test_images_have_the_size_the_generator_says(generator: Generator) -> None:
    codes = codes_of(generator, 2)
    assert codes.shape == (2, generator.slots, generator.dim)
    assert generator(codes).shape == (2, 3, generator.resolution, generator.resolution)
    assert torch.isfinite(generator(codes)).all()


def test_the_config_builds_the_same_architecture(generator: Generator) -> None:
    with torch.random.fork_rng(devices=[]):
        twin = type(generator)(**generator.config())
    twin.eval().load_state_dict(generator.state_dict())
    assert torch.equal(twin(codes_of(generator)), generator(codes_of(generator)))


def test_a_preview_is_full_size_where_there_is_one(generator: Generator) -> None:
    codes = codes_of(generator, 2)
    for k in range(1, len(generator.layers) + 1):
        preview = generator.preview(generator.run(codes, stop=k))
        if isinstance(generator, StyleGAN2):
            assert preview.shape == (2, 3, 16, 16)
        else:
            assert preview is None
    if preview is not None:
        assert torch.equal(preview, generator(codes))


@pytest.mark.parametrize("kind", [StyleGAN2, PGGAN])
def test_widths_that_do_not_make_the_resolution_are_refused(kind) -> None:
    with pytest.raises(ValueError, match="3 widths make 16 pixels, not 32"):
        kind(resolution=32, channels=(4, 4, 4))


# Critics


@pytest.mark.parametrize("classes", [0, 3])
def test_a_critic_scores_each_picture_and_shows_its_features(classes: int) -> None:
    critic = tiny.critic(classes=classes)
    images = tiny.normal(8, 3, 16, 16).float()
    labels = torch.arange(8) % 3 if classes else None
    assert critic(images, labels).shape == (8,)
    assert [list(seen.shape) for seen in critic.features(images)] == [[8, 5, 8, 8], [8, 6, 4, 4]]
    if classes:
        assert not torch.allclose(critic(images, labels), critic(images, (labels + 1) % 3))


def test_critic_features_do_not_depend_on_the_other_pictures() -> None:
    critic, images = tiny.critic(), tiny.normal(6, 3, 16, 16).float()
    for whole, alone in zip(critic.features(images), critic.features(images[2:3])):
        assert torch.allclose(whole[2:3], alone, atol=1e-5)
    scores = critic(images)  # these do compare the group, on purpose
    assert not torch.allclose(scores[2:3], critic(images[2:3]), atol=1e-4)
