"""StyleGAN: it equals its equations and the reference implementation, and only whole files are opened."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.checkpoints import ajbrock, genforce_stylegan, hf_biggan
from core.codes import edit
from core.factorization.sefa import sefa
from core.generators.blocks import doubled, doubled_conv
from core.generators.stylegan import StyleGAN

from .. import references, tiny
from ..references import GENFORCE_STYLEGAN, error

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


def as_genforce(generator: StyleGAN, *, fused_from: int = 128) -> dict[str, Tensor]:
    """The generator's tensors under the names of the reference, whose fused kernels are turned by half a circle."""
    state = {"truncation.w_avg": generator.w_avg, "synthesis.lod": torch.zeros(())}
    for i, layer in enumerate(generator.mapping):
        state |= {f"mapping.dense{i}.weight": layer.weight, f"mapping.dense{i}.bias": layer.bias * 2**0.5}
    for i, layer in enumerate(generator.layers):
        name = f"synthesis.layer{i}"
        state |= {
            f"{name}.bias": layer.bias,
            f"{name}.apply_noise.weight": layer.noise_strength,
            f"{name}.apply_noise.noise": layer.noise[None, None],
            f"{name}.style.weight": layer.style.weight,
            f"{name}.style.bias": layer.style.bias,
        }
        if i == 0:
            state[f"{name}.const"] = layer.const[None]
            continue
        turned = layer.up and len(layer.noise) >= fused_from
        state[f"{name}.weight"] = layer.weight.flip(2, 3) if turned else layer.weight
        if layer.up:
            taps = torch.tensor([1.0, 2.0, 1.0]) / 4
            state[f"{name}.blur.kernel"] = taps.outer(taps).expand(len(layer.bias), 1, 3, 3)
    for k, width in enumerate(generator.channels):
        last = k == len(generator.channels) - 1
        state |= {
            f"synthesis.output{k}.weight": generator.rgb_weight if last else torch.ones(3, width, 1, 1),
            f"synthesis.output{k}.bias": generator.rgb_bias if last else torch.ones(3),
        }
    return {name: tensor.clone() for name, tensor in state.items()}


def reference(state: dict[str, Tensor], codes: Tensor, *, fused_from: int) -> Tensor:
    """The equations on the foreign tensors: repetition and convolution, or a transposed one with summed kernels."""
    i = 0
    while f"synthesis.layer{i}.bias" in state:
        part = {
            name.removeprefix(f"synthesis.layer{i}."): tensor.to(codes.dtype)
            for name, tensor in state.items()
            if name.startswith(f"synthesis.layer{i}.")
        }
        if i == 0:
            x = part["const"].expand(len(codes), -1, -1, -1)
        else:
            weight = part["weight"] * (2 / (9 * part["weight"].shape[1])) ** 0.5
            if i % 2 == 0 and 2 * x.shape[-1] >= fused_from:
                wide = F.pad(weight, (1, 1, 1, 1))
                wide = wide[:, :, 1:, 1:] + wide[:, :, :-1, 1:] + wide[:, :, 1:, :-1] + wide[:, :, :-1, :-1]
                x = F.conv_transpose2d(x, wide.transpose(0, 1), stride=2, padding=1)
            else:
                x = F.conv2d(F.interpolate(x, scale_factor=2.0, mode="nearest") if i % 2 == 0 else x, weight, padding=1)
            if i % 2 == 0:
                x = F.conv2d(x, part["blur.kernel"], padding=1, groups=x.shape[1])
        x = x + part["apply_noise.noise"] * part["apply_noise.weight"][:, None, None] + part["bias"][:, None, None]
        x = F.instance_norm(torch.maximum(x, 0.2 * x), eps=1e-8)
        style = codes[:, i] @ part["style.weight"].T / codes.shape[2] ** 0.5 + part["style.bias"]
        scale, shift = style[:, :, None, None].split(x.shape[1], 1)
        x, i = x * (1 + scale) + shift, i + 1
    last = f"synthesis.output{i // 2 - 1}"
    return F.conv2d(x, state[f"{last}.weight"].to(x.dtype) / x.shape[1] ** 0.5, state[f"{last}.bias"].to(x.dtype))


def large() -> StyleGAN:
    """256 pixels, so that two layers are fused in the reference."""
    return tiny.stirred(
        lambda: StyleGAN(resolution=256, channels=(4, 4, 3, 3, 2, 2, 2), z_dim=6, dim=6, mapping_layers=1), 3
    )


# Against the reference


def test_the_reference_implementation_is_reproduced() -> None:
    generator = genforce_stylegan.from_state(references.state(GENFORCE_STYLEGAN))
    io = references.arrays(GENFORCE_STYLEGAN)
    codes = generator.codes(io["z"], psi=0.7, cutoff=4)
    assert error(codes, io["ws"]) < 1e-4
    assert error(generator(codes), io["image"]) < 1e-4
    assert error(generator(generator.codes(io["z"], psi=0.7)), io["image"]) > 0.1
    assert not generator.training and not any(p.requires_grad for p in generator.parameters())


def test_a_whole_stylegan_equals_the_equations() -> None:
    generator = tiny.stylegan().double()
    codes = tiny.normal(2, generator.slots, generator.dim)
    state = as_genforce(generator)
    assert torch.allclose(generator(codes), reference(state, codes, fused_from=128), atol=1e-9)
    assert not torch.allclose(generator(codes), reference(state, codes, fused_from=16), atol=0.1)


@pytest.mark.parametrize("fused_scale, fused_from", [("auto", 128), (None, 128), (True, 8), (False, 1024)])
def test_kernels_that_double_are_read_the_way_the_reference_reads_them(fused_scale, fused_from: int) -> None:
    state = as_genforce(large())
    opened = genforce_stylegan.from_state(state, {} if fused_scale is None else dict(fused_scale=fused_scale))
    codes = tiny.normal(1, opened.slots, opened.dim).float()
    expected = reference(state, codes, fused_from=fused_from)
    assert error(opened(codes), expected) < 1e-4
    assert error(opened(codes), reference(state, codes, fused_from=64)) > 0.01


@pytest.mark.parametrize("size", [4, 15, 16, 32])
def test_a_convolution_of_the_doubled_picture(size: int) -> None:
    x, weight, bias = tiny.normal(2, 3, size, size), tiny.normal(5, 3, 3, 3, seed=1), tiny.normal(5, seed=2)
    bigger = F.interpolate(x, scale_factor=2.0, mode="nearest")
    assert torch.equal(doubled(x), bigger)
    assert torch.allclose(doubled_conv(x, weight, bias), F.conv2d(bigger, weight, bias, padding=1), atol=1e-12)


def test_sizes_and_weights_come_back_from_the_file() -> None:
    generator = tiny.stylegan()
    opened = genforce_stylegan.from_state(as_genforce(generator))
    assert opened.config() == generator.config()
    z = generator.sample(3, 0)
    assert torch.allclose(opened.codes(z), generator.codes(z), atol=1e-6)
    assert torch.allclose(opened(opened.codes(z)), generator(generator.codes(z)), atol=1e-4)


# Slots, noise, truncation


def test_every_layer_reads_a_slot_of_its_own() -> None:
    generator = tiny.stylegan()
    assert len(generator.layers) == generator.slots == 2 * 4 - 2
    assert generator.reads == ((0,), (1,), (2,), (3,), (4,), (5,))
    assert [generator.first_weight(slot).shape[0] for slot in range(6)] == [12, 12, 10, 10, 8, 8]


@pytest.mark.parametrize("slots", [(0,), (3,), (1, 4, 5)])
def test_sefa_moves_the_styles_by_the_root_of_its_score(slots: tuple[int, ...]) -> None:
    generator = tiny.stylegan().double()
    codes, found = tiny.normal(2, generator.slots, generator.dim), sefa(generator, slots, k=3)
    moved = edit(codes, found, [2.0])
    styles = [generator.layers[slot].style for slot in slots]
    changes = torch.cat([style(moved[:, slot]) - style(codes[:, slot]) for style, slot in zip(styles, slots)], 1)
    assert torch.allclose(changes.norm(dim=1), 2 * found.scores[0].sqrt().expand(2), rtol=1e-6)


def test_noise_views_share_every_parameter_and_leave_the_original_alone() -> None:
    generator = tiny.stylegan()
    codes = generator.codes(generator.sample(2, 0))
    before = generator(codes)
    pictures = {noise: generator.at(noise=noise)(codes) for noise in ("none", 0, 7)}
    assert all(a is b for a, b in zip(generator.at(noise=0).parameters(), generator.parameters(), strict=True))
    assert all(not torch.equal(picture, before) for picture in pictures.values())
    assert not torch.equal(pictures[0], pictures[7]) and torch.equal(generator.at(noise=7)(codes), pictures[7])
    assert torch.equal(generator(codes), before) and generator.at(noise="stored") is generator
    for layer in generator.layers:
        layer.noise_strength.zero_()
    assert torch.equal(generator(codes), pictures["none"])


def test_truncation_stops_at_the_cutoff() -> None:
    generator = tiny.stylegan()
    z = generator.sample(4, 0)
    assert torch.equal(generator.codes(z, psi=0), generator.w_avg.expand(4, 6, -1))
    partly = generator.codes(z, psi=0, cutoff=2)
    assert torch.equal(partly[:, 2:], generator.codes(z)[:, 2:])
    assert torch.equal(partly[:, :2], generator.codes(z, psi=0)[:, :2])


def test_codes_are_equal_to_the_bit_in_any_batch() -> None:
    generator = tiny.stylegan()
    z = generator.sample(33, 0)
    together = generator.codes(z, psi=0.7)
    for size in (1, 3, 32):
        assert torch.equal(torch.cat([generator.codes(part, psi=0.7) for part in z.split(size)]), together)


# Only whole files


def broken(change) -> dict[str, Tensor]:
    state = as_genforce(tiny.stylegan())
    change(state)
    return state


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda s: s.pop("synthesis.layer3.style.bias"), "has no 'synthesis.layer3.style.bias'"),
        (lambda s: s.pop("mapping.dense0.weight"), "has no 'mapping.dense0.weight'"),
        (lambda s: s.pop("synthesis.output0.weight"), "has no 'synthesis.output0.weight'"),
        (
            lambda s: s.update({"synthesis.layer2.weight": torch.ones(5, 6, 1, 1)}),
            r"1, 1\], where \[5, 6, 3, 3\] belongs",
        ),
        (
            lambda s: s.update({"mapping.dense0.weight": torch.ones(5)}),
            r"of shape \[5\], where 2 numbers above 0 belong",
        ),
        (lambda s: s.update({"a": torch.ones(1), "b": torch.ones(1)}), "holds 'a' and 1 more, which"),
        (lambda s: s.update({"synthesis.lod": torch.tensor(1.5)}), "was still growing"),
        (lambda s: s["synthesis.output2.bias"].fill_(float("nan")), "are infinite or none"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_in_one_sentence(change, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refusal:
        genforce_stylegan.from_state(broken(change))
    said = str(refusal.value)
    assert said.startswith("this GenForce StyleGAN file ") and ": " in said and "\n" not in said and len(said) < 300


def test_opening_a_file_leaves_the_global_generator_and_the_state_dict_alone() -> None:
    state, before = as_genforce(tiny.stylegan()), torch.get_rng_state()
    names = list(state)
    genforce_stylegan.from_state(state)
    assert torch.equal(torch.get_rng_state(), before) and list(state) == names


def test_it_recognises_its_own_files() -> None:
    state = as_genforce(tiny.stylegan())
    assert genforce_stylegan.matches(state) and not ajbrock.matches(state) and not hf_biggan.matches(state)
    state.pop("synthesis.layer0.apply_noise.weight")
    assert not genforce_stylegan.matches(state)
