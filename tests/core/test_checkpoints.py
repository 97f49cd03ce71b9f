"""Foreign checkpoints: what another code base drew from a file is what ours draws from it."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from core import checkpoints
from core.checkpoints import native, read, unpickle
from core.generators.base import Generator
from core.generators.pggan import PGGAN
from core.generators.stylegan2 import StyleGAN2

from .. import foreign, references, tiny
from ..references import NVIDIA, REFERENCES, ROSINALITY, TOLERANCE, arrays, error

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def assert_same(ours: Generator, theirs: Generator, *, psi: float = 0.6, **how) -> None:
    """Ours gives their codes and pictures, with truncation and stored noise; and other seeds give others."""
    codes = theirs.codes(theirs.sample(2, seed=3), psi=psi, **how)
    assert error(ours.codes(ours.sample(2, seed=3), psi=psi, **how), codes) < TOLERANCE
    assert error(ours(codes), theirs(codes)) < TOLERANCE
    assert error(ours(ours.codes(ours.sample(2, seed=8), psi=psi, **how)), theirs(codes)) > 0.1


# What the reference implementations drew


def assert_draws_as_its_reference(name: str, generator: Generator) -> None:
    compared = REFERENCES[name].pairs(generator, arrays(name))
    assert compared and all(error(ours, theirs) < TOLERANCE for ours, theirs in compared)


@pytest.mark.parametrize("name", references.marked(REFERENCES))
def test_a_file_draws_what_its_reference_implementation_draws(name: str) -> None:
    assert_draws_as_its_reference(name, read(references.path(name), references.settings_of(name)))


def test_a_state_dict_of_nvidia_is_clamped_at_256_and_says_so() -> None:
    generator, io = read(references.path(NVIDIA)), arrays(NVIDIA)
    assert generator.clamp == 256 and "conv_clamp = 256" in generator.notes[0]
    free = read(references.path(NVIDIA), dict(conv_clamp=None)).at(noise="none")
    assert error(free(free.codes(io["z"])), io["image_psi1_noise_none"]) > 0.1


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_nvidia_pickle_draws_what_stylegan2_ada_pytorch_draws(tmp_path: Path, protocol: int) -> None:
    data = foreign.nvidia_pickle(references.state(NVIDIA), protocol=protocol)
    generator = read(written(tmp_path / "a.pkl", data))
    assert_draws_as_its_reference(NVIDIA, generator)
    assert generator.notes == ()


@pytest.mark.parametrize("protocol", [2, 4])
def test_tensorflow_pickle_draws_what_its_conversion_draws(tmp_path: Path, protocol: int) -> None:
    data = foreign.tf_pickle(references.state(NVIDIA), protocol=protocol, conv_clamp=256)
    assert_draws_as_its_reference(NVIDIA, read(written(tmp_path / "a.pkl", data)))
    if protocol == 2:  # written with numpy 1, whose inner modules had other names
        old = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        assert_draws_as_its_reference(NVIDIA, read(written(tmp_path / "b.pkl", old)))


def test_another_truncation_would_be_seen() -> None:
    generator, io = read(references.path(ROSINALITY)), arrays(ROSINALITY)
    assert error(generator(generator.codes(io["z"], psi=0.71)), io["image_psi07"]) > 10 * TOLERANCE


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_are_read_bit_for_bit_as_torch_reads_them(tmp_path: Path, legacy: bool) -> None:
    """Views, transposes, numbers, empty ones and every plain type; the judge is torch's own restricted reader."""
    base = tiny.normal(4, 6)
    tree = {
        str(dtype): (base * 9).to(dtype)
        for dtype in (
            torch.float64,
            torch.float32,
            torch.float16,
            torch.bfloat16,
            torch.int64,
            torch.int32,
            torch.int16,
            torch.int8,
            torch.uint8,
            torch.bool,
        )
    } | {
        "view": base[1:3, 2:5],
        "turned": base.T,
        "number": torch.tensor(3.0),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(base.float()),
    }
    path = written(tmp_path / "a.pt", foreign.torch_file(tree, legacy=legacy))
    expected = torch.load(path, weights_only=True)
    with unpickle.opened(path) as found:
        assert list(found) == list(expected)
        for name, theirs in expected.items():
            ours = unpickle.read(found[name])
            assert ours.dtype == theirs.dtype and ours.stride() == theirs.stride() and torch.equal(ours, theirs)


# Our twins, written as others write them


def as_nvidia(generator: StyleGAN2) -> bytes:
    return foreign.torch_file(foreign.nvidia_state(generator))


def as_genforce(generator: StyleGAN2) -> dict[str, Tensor]:
    return foreign.genforce(foreign.nvidia_state(generator))


def as_rosinality(generator: StyleGAN2) -> dict[str, dict[str, Tensor] | Tensor]:
    return foreign.rosinality(foreign.nvidia_state(generator))


WRITERS = {
    "nvidia": as_nvidia,
    "nvidia_pickle": lambda generator: foreign.nvidia_pickle(foreign.nvidia_state(generator), clamp=None),
    "tensorflow": lambda generator: foreign.tf_pickle(foreign.nvidia_state(generator)),
    "rosinality": lambda generator: foreign.torch_file(as_rosinality(generator)),
    "rosinality_legacy": lambda generator: foreign.torch_file(as_rosinality(generator), legacy=True),
    "genforce": lambda generator: foreign.torch_file({"generator_smooth": as_genforce(generator)}),
    "huggan": lambda generator: foreign.torch_file(as_genforce(generator), legacy=True),
}
every_writer = pytest.mark.parametrize("writer", WRITERS)


@every_writer
def test_a_twin_comes_back_from_every_format_whatever_its_name(tmp_path: Path, writer: str) -> None:
    twin = tiny.stylegan2()
    generator = read(written(tmp_path / "misleading.jpg", WRITERS[writer](twin)))
    assert_same(generator, twin)
    assert type(generator) is StyleGAN2 and not generator.training
    assert not any(parameter.requires_grad for parameter in generator.parameters())
    assert {tensor.dtype for tensor in generator.state_dict().values()} == {torch.float32}


@every_writer
def test_reading_draws_no_random_number_and_imports_no_stranger(tmp_path: Path, writer: str) -> None:
    path = written(tmp_path / "a.pt", WRITERS[writer](tiny.stylegan2()))
    before = torch.get_rng_state()
    read(path)
    assert torch.equal(torch.get_rng_state(), before)
    assert not {"torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util", "dnnlib.tflib"} & set(sys.modules)


@every_writer
def test_a_reader_s_generator_is_saved_as_one_of_ours(tmp_path: Path, writer: str) -> None:
    generator = read(written(tmp_path / "a.pt", WRITERS[writer](tiny.stylegan2())))
    native.save(generator, tmp_path / "b.safetensors")
    again = read(tmp_path / "b.safetensors")
    assert again.config() == generator.config() and again.notes == ()
    assert all(torch.equal(a, b) for a, b in zip(generator.state_dict().values(), again.state_dict().values()))


@pytest.mark.parametrize("how", [{}, dict(nested=True, layers_say=False), dict(nested=False, layers_say=False)])
@pytest.mark.parametrize("clamp", [1.0, None])
def test_a_pickle_s_own_clamp_is_used(tmp_path: Path, how: dict, clamp: float | None) -> None:
    """The clamp of the twin is so low that its pictures show it."""
    twin = tiny.stylegan2(clamp=clamp)
    generator = read(written(tmp_path / "a.pkl", foreign.nvidia_pickle(foreign.nvidia_state(twin), clamp=clamp, **how)))
    assert_same(generator, twin)
    assert generator.clamp == clamp and generator.notes == ()
    codes = twin.codes(twin.sample(2, seed=3))
    assert error(generator(codes), tiny.stylegan2(clamp=None if clamp else 1.0)(codes)) > 0.01


def test_the_clamp_of_a_state_dict_can_be_said(tmp_path: Path) -> None:
    twin = tiny.stylegan2_clamped()
    path = written(tmp_path / "a.pt", as_nvidia(twin))
    assert read(path).clamp == 256 and read(path).notes
    assert_same(read(path, dict(conv_clamp=1)), twin)
    (tmp_path / "other.json").write_text('{"conv_clamp": 1.0}')
    assert_same(read(path, tmp_path / "other.json"), twin)
    (tmp_path / "config.json").write_text('{"conv_clamp": null}')
    assert read(path).clamp is None
    (tmp_path / "a_config.json").write_text('{"conv_clamp": 2}')
    assert read(path).clamp == 2 and read(path).notes == ()


def test_a_config_that_happens_to_lie_there_does_not_overrule_a_pickle(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pkl", foreign.nvidia_pickle(foreign.nvidia_state(tiny.stylegan2()), clamp=7.0))
    (tmp_path / "config.json").write_text('{"conv_clamp": 1}')
    assert read(path).clamp == 7 and read(path, dict(conv_clamp=3)).clamp == 3


def twin_with(**options: int) -> StyleGAN2:
    config = dict(resolution=8, channels=(5, 4), z_dim=10, dim=12, mapping_layers=2) | options
    return tiny.stirred(lambda: StyleGAN2(**config), 1)


@pytest.mark.parametrize(
    "options", [dict(mapping_width=7), dict(classes=3), dict(mapping_layers=5), dict(classes=4, mapping_width=9)]
)
def test_mappings_of_other_shapes_are_read(tmp_path: Path, options: dict) -> None:
    twin = twin_with(**options)
    generator = read(written(tmp_path / "a.pkl", foreign.nvidia_pickle(foreign.nvidia_state(twin), clamp=None)))
    assert generator.config() == twin.config()
    assert_same(generator, twin, label=1 if twin.classes else None)


def test_a_label_s_embedding_joins_the_noise_as_in_the_paper_s_code() -> None:
    """As in stylegan2-ada-pytorch: both normalised, side by side, then dense layers of rate 0.01."""
    twin = twin_with(classes=3)
    z = twin.sample(2, seed=0)
    y = F.linear(F.one_hot(torch.tensor([2, 2]), 3).float(), twin.embed.weight / 3**0.5, twin.embed.bias)
    x = torch.cat([part * (part.square().mean(1, keepdim=True) + 1e-8).rsqrt() for part in (z, y)], 1)
    for layer in twin.mapping:
        x = F.leaky_relu(F.linear(x, layer.weight * 0.01 / x.shape[1] ** 0.5, layer.bias * 0.01), 0.2) * 2**0.5
    assert error(twin.codes(z, label=2)[:, 0], x) < TOLERANCE
    assert error(twin.codes(z, label=1)[:, 0], x) > 0.1
    for label in (None, -1, 3):
        with pytest.raises(ValueError, match="classes 0 to 2"):
            twin.codes(z, label=label)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("fused", [False, True])
def test_pggan_comes_back_from_both_names_and_both_up_samplings(tmp_path: Path, old: bool, fused: bool) -> None:
    twin = tiny.pggan()
    state = foreign.genforce_pggan(twin, old=old, fused=fused)
    generator = read(written(tmp_path / "a.pth", foreign.torch_file(state)))
    assert type(generator) is PGGAN
    assert_same(generator, twin)


def test_a_fused_up_sampling_is_the_transposed_convolution_that_it_is_there() -> None:
    """genforce: pad, add the four shifts, transposed convolution of stride 2."""
    twin, x = tiny.pggan(), tiny.normal(1, 6, 4, 4).float()
    weight = F.pad(foreign.genforce_pggan(twin, fused=True)["layer2.weight"], (1, 1, 1, 1))
    weight = weight[..., 1:, 1:] + weight[..., :-1, 1:] + weight[..., 1:, :-1] + weight[..., :-1, :-1]
    theirs = F.conv_transpose2d(x, weight, stride=2, padding=1)
    ours = F.conv2d(x.repeat_interleave(2, 2).repeat_interleave(2, 3), twin.layers[2].weight, padding=1)
    assert error(ours, theirs) < TOLERANCE


# Which of several networks, and which of several containers


def test_the_averaged_generator_is_taken(tmp_path: Path) -> None:
    twin, other = tiny.stylegan2(), tiny.stylegan2(seed=5)
    good, bad, ours, theirs = as_genforce(twin), as_genforce(other), as_rosinality(twin), as_rosinality(other)
    critic = {"layer0.weight": torch.zeros(3)}
    for tree in (
        {"discriminator": critic, "generator": bad, "generator_smooth": good},
        {"models": {"generator": bad, "generator_smooth": good, "discriminator": critic}, "iter": 3},
        {"g": theirs["g_ema"], "d": critic, **ours},
        {"generator": good},
        {"state_dict": good},
    ):
        assert_same(read(written(tmp_path / "a.pt", foreign.torch_file(tree))), twin)


def test_names_behind_data_parallel_are_read(tmp_path: Path) -> None:
    twin = tiny.stylegan2()
    state = {f"module.{name}": x for name, x in as_genforce(twin).items()}
    for tree in (state, {"generator": state}):
        assert_same(read(written(tmp_path / "a.pt", foreign.torch_file(tree))), twin)


def test_training_settings_beside_the_weights_are_left_unread(tmp_path: Path) -> None:
    twin = tiny.stylegan2()
    tree = {**as_rosinality(twin), "args": argparse.Namespace(size=16, path="x"), "ada_aug_p": 0.1}
    for legacy in (False, True):
        assert_same(read(written(tmp_path / "a.pt", foreign.torch_file(tree, legacy=legacy))), twin)


def test_a_missing_mean_is_measured_and_said(tmp_path: Path) -> None:
    twin = tiny.stylegan2()
    generator = read(written(tmp_path / "a.pt", foreign.torch_file({"g_ema": as_rosinality(twin)["g_ema"]})))
    assert "mean of w" in generator.notes[0]
    mean = twin.map(twin.sample(4000, seed=50_000)).mean(0)
    assert error(generator.w_avg, mean) < 0.2 and error(twin.w_avg, mean) > 0.5
    assert_same(generator, twin, psi=1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_widened(tmp_path: Path, dtype: torch.dtype) -> None:
    twin = tiny.stylegan2()
    rounded = {name: x.to(dtype) for name, x in as_genforce(twin).items()}
    generator = read(written(tmp_path / "a.pt", foreign.torch_file(rounded)))
    assert generator.w_avg.dtype == torch.float32 and error(generator.w_avg, twin.w_avg) < 0.01


def test_weights_in_another_memory_order_are_read(tmp_path: Path) -> None:
    twin = tiny.stylegan2()
    state = {
        name: x.to(memory_format=torch.channels_last) if x.ndim == 4 else x
        for name, x in foreign.nvidia_state(twin).items()
    }
    assert_same(read(written(tmp_path / "a.pkl", foreign.nvidia_pickle(state, clamp=None))), twin)


def test_foreign_safetensors_are_read_too(tmp_path: Path) -> None:
    twin = tiny.stylegan2()
    save_file(as_genforce(twin), str(tmp_path / "model.safetensors"))
    assert_same(read(tmp_path / "model.safetensors"), twin)


@pytest.mark.parametrize("name", tiny.GENERATORS)
def test_our_own_files_are_read_whatever_their_name(tmp_path: Path, name: str) -> None:
    twin = tiny.GENERATORS[name]()
    native.save(twin, tmp_path / "a.safetensors")
    shutil.copy(tmp_path / "a.safetensors", tmp_path / "a.bin")
    assert_same(read(tmp_path / "a.bin"), twin)


def test_a_module_of_the_table_that_is_not_there_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "FORMATS", ("nowhere", "genforce", "nor_here"))
    assert [module.__name__ for module in checkpoints.formats()] == ["core.checkpoints.genforce"]


# What is wrong is said in one sentence


def changed(**changes: Tensor | None) -> dict[str, Tensor]:
    """NVIDIA's state dict with tensors exchanged, added, or (None) removed; `__` for a dot."""
    state = foreign.nvidia_state(tiny.stylegan2()) | {name.replace("__", "."): x for name, x in changes.items()}
    return {name: x for name, x in state.items() if x is not None}


@pytest.mark.parametrize(
    "state, sentence",
    [
        (changed(synthesis__b8__conv0__weight=None), r"lacks .*synthesis\.b8\.conv0\.weight"),
        (
            changed(synthesis__b8__torgb__bias=None, mapping__fc0__bias=None),
            r"lacks mapping\.fc0\.bias, synthesis\.b8\.to",
        ),
        (changed(mapping__w_avg=None), r"lacks mapping\.w_avg"),
        (changed(synthesis__b8__skip__weight=torch.ones(2)), r"also holds synthesis\.b8\.skip\.weight"),
        (changed(synthesis__b8__conv1__bias=torch.ones(7)), r"b8\.conv1\.bias is \[7\], but the other tensors need 5"),
        (
            changed(synthesis__b4__const=torch.ones(6, 8, 4)),
            r"const is \[6, 8, 4\], but the other tensors need 6 x 4 x 4",
        ),
        (changed(synthesis__b16__conv0__weight=torch.ones(4)), r"is \[4\], which is no weight|is \[4\], but"),
        (
            changed(mapping__fc0__weight=torch.ones(12, 10, dtype=torch.int64)),
            "holds torch.int64, where weights belong",
        ),
        (changed(synthesis__b16__conv0__noise_const=torch.full((16, 16), torch.nan)), "infinite or none at all"),
        (changed(synthesis__b16__conv0__bias=torch.full((4,), torch.inf)), "infinite or none at all"),
        (changed(synthesis__b8__resample_filter=torch.ones(4, 4) / 16), "another filter"),
        ({"weight": torch.ones(2)}, "no network known here"),
        ({"synthesis.input.freqs": torch.ones(2)}, "its synthesis has 0 layers instead of 15"),
        ({"g_ema": 3}, "holds no generator"),
        ({}, "holds no generator"),
        ([1, 2], "holds no generator"),
    ],
)
def test_loading_is_strict(tmp_path: Path, state: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        read(written(tmp_path / "model.pt", foreign.torch_file(state)))
    said = str(refused.value)
    assert said.startswith("the file model.pt cannot be opened, because it") and "\n" not in said and len(said) < 600


@pytest.mark.parametrize(
    "settings, sentence",
    [
        (dict(resample_kernel=[1, 2, 1]), "resample_kernel"),
        (dict(architecture="resnet"), "architecture is resnet"),
        (dict(conv_clamp="high"), "no positive number"),
        (dict(mapping_lrmul=1.0), "mapping_lrmul"),
    ],
)
def test_a_tensorflow_network_with_other_settings_is_refused(tmp_path: Path, settings: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read(written(tmp_path / "a.pkl", foreign.tf_pickle(foreign.nvidia_state(tiny.stylegan2()), **settings)))


def test_a_growing_pggan_and_a_critic_are_refused(tmp_path: Path) -> None:
    state = foreign.genforce_pggan(tiny.pggan()) | {"lod": torch.tensor(1.0)}
    with pytest.raises(ValueError, match="stopped growing"):
        read(written(tmp_path / "a.pt", foreign.torch_file(state)))
    native.save(tiny.critic(), tmp_path / "critic.safetensors")
    with pytest.raises(ValueError, match="a Critic, not a generator"):
        read(tmp_path / "critic.safetensors")


@pytest.mark.parametrize("text", ["[1]", "{", "[" * 100_000, '{"a": 1} ' * 200_000])
def test_a_broken_config_is_an_obstacle_only_where_it_was_given(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    path = written(tmp_path / "a.pt", as_nvidia(tiny.stylegan2()))
    assert "config.json beside the file is no JSON object" in read(path).notes[-1]
    with pytest.raises(ValueError, match="a.pt cannot be opened, because config.json beside it is no JSON object"):
        read(path, tmp_path / "config.json")


def test_every_architecture_is_described_without_memory(tmp_path: Path) -> None:
    """What `read` builds to compare a file's claims with its size."""
    for twin in (tiny.stylegan2(), tiny.pggan(), tiny.critic()):
        with torch.device("meta"):
            described = type(twin)(**json.loads(json.dumps(twin.config())))
        shapes = [{name: x.shape for name, x in module.state_dict().items()} for module in (described, twin)]
        assert shapes[0] == shapes[1]
