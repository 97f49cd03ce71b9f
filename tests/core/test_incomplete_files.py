"""Files that lack something, or hold another number of channels: opened with a note, or refused for what is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from core.checkpoints import read
from core.generators.base import GREYS
from core.generators.stylegan2 import StyleGAN2
from core.generators.stylegan3 import StyleGAN3

from .. import foreign, tiny
from .test_checkpoints import WRITERS, assert_same, written

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
every_writer = pytest.mark.parametrize("writer", WRITERS)


def refusal(path: Path, config: dict | None = None) -> str:
    with pytest.raises(ValueError) as refused:
        read(path, config)
    said = str(refused.value)
    assert "fetch the file again" not in said and "\n" not in said
    return said


# Channels


@every_writer
@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_networks_open_in_every_layout(tmp_path: Path, writer: str, channels: int) -> None:
    twin = tiny.stylegan2(image_channels=channels)
    generator = read(written(tmp_path / "a.pt", WRITERS[writer](twin)))
    assert_same(generator, twin)
    assert generator.image_channels == channels
    state = generator.run(generator.codes(generator.sample(2, 0)))
    assert generator.pixels(state).shape == (2, channels, 16, 16) and generator.to_image(state).shape == (2, 3, 16, 16)


@every_writer
@pytest.mark.parametrize("channels", [2, 12])
def test_another_number_of_channels_is_named(tmp_path: Path, writer: str, channels: int) -> None:
    said = refusal(written(tmp_path / "a.pt", WRITERS[writer](tiny.stylegan2(image_channels=channels))))
    assert f"it draws {channels} channels" in said


def test_a_grey_picture_is_three_times_the_same_and_opacity_decides_what_of_the_board_is_seen() -> None:
    grey, rgba = tiny.stylegan2_grey(), tiny.stylegan2_rgba()
    image = grey(grey.codes(grey.sample(2, 0)))
    assert torch.equal(image[:, 0], image[:, 1]) and torch.equal(image[:, 0], image[:, 2])
    state = rgba.run(rgba.codes(rgba.sample(2, 0)))
    pixels, image = rgba.pixels(state), rgba.to_image(state)
    seen = (pixels[:, 3:] >= 1).expand(-1, 3, -1, -1)
    hidden = (pixels[:, 3:] <= -1).expand(-1, 3, -1, -1)
    assert torch.allclose(image[seen], pixels[:, :3][seen], atol=1e-6) and seen.any()
    assert torch.isin(image[hidden], torch.tensor(GREYS)).all() and hidden.any()
    assert torch.equal(rgba.without_transparency().to_image(state), pixels[:, :3])


# A table of classes that was lost


def wider(z_dim: int) -> StyleGAN2:
    how = dict(resolution=16, channels=tiny.CHANNELS, z_dim=z_dim, dim=12, mapping_layers=2)
    return tiny.stirred(lambda: StyleGAN2(**how), 3)


STATES = [writer for writer in WRITERS if writer != "tensorflow"]  # whose pickles always say whether there are classes


@pytest.mark.parametrize("writer", STATES)
def test_a_mapping_that_takes_twice_what_it_gives_lacks_its_table(tmp_path: Path, writer: str) -> None:
    """z and w are equally long by default, and a class has as many numbers as w; only a word opens such a file."""
    path = written(tmp_path / "a.pt", WRITERS[writer](wider(24)))
    said = refusal(path)
    assert "takes 24 numbers and gives 12" in said and "the table of classes is not in the file" in said
    assert_same(read(path, json.loads(re.search(r"\{.*\}", said)[0])), wider(24))
    assert "has 3 classes, and the table" in refusal(path, dict(z_dim=12, c_dim=3))
    assert "z is said to have 12" in refusal(path, dict(z_dim=12))


@pytest.mark.parametrize("writer", STATES)
def test_a_mapping_that_is_wider_by_something_else_opens_with_a_note_or_not_at_all(tmp_path: Path, writer: str) -> None:
    """As where one-hot labels lie beside z. rosinality's code has one length for both, so there it is no accident."""
    path = written(tmp_path / "a.pt", WRITERS[writer](wider(15)))
    if writer.startswith("rosinality"):
        assert "takes 15 numbers and gives 12" in refusal(path)
    else:
        generator = read(path)
        assert_same(generator, wider(15))
        assert any(
            "takes 15 numbers and gives 12; it was read as a network without classes" in n for n in generator.notes
        )
    assert not any("takes 15" in note for note in read(path, dict(z_dim=15)).notes)


@pytest.mark.parametrize("z_dim, opens", [(2 * tiny.DIM, False), (tiny.DIM + 3, True)])
def test_a_stylegan3_follows_the_same_rule(tmp_path: Path, z_dim: int, opens: bool) -> None:
    shape = dict(resolution=16, channels=tiny.WIDTHS3, dim=tiny.DIM, conv_kernel=1, radial=True, clamp=256.0)
    made = tiny.stirred(lambda: StyleGAN3(z_dim=z_dim, **shape), 3)
    path = written(tmp_path / "a.pt", foreign.torch_file(foreign.stylegan3_state(made)))
    if opens:
        assert any("read as a network without classes" in note for note in read(path).notes)
    else:
        assert "the table of classes is not in the file" in refusal(path)
        assert read(path, dict(z_dim=z_dim)).z_dim == z_dim


@pytest.mark.parametrize("z_dim", [12, 7])
@every_writer
def test_a_mapping_that_is_not_wider_needs_no_word(tmp_path: Path, writer: str, z_dim: int) -> None:
    generator = read(written(tmp_path / "a.pt", WRITERS[writer](wider(z_dim))))
    assert_same(generator, wider(z_dim))
    assert not any("classes" in note for note in generator.notes)


def test_a_pickle_says_whether_it_has_classes(tmp_path: Path) -> None:
    state = foreign.nvidia_state(wider(24))

    def pickled(**said: int) -> Path:
        return written(tmp_path / "a.pkl", foreign.nvidia_pickle(state, clamp=None, said=said))

    assert_same(read(pickled(z_dim=24, c_dim=0)), wider(24))
    assert "has 3 classes, and the table" in refusal(pickled(z_dim=12, c_dim=3))
    path = written(tmp_path / "b.pkl", foreign.tf_pickle(state, label_size=3))
    assert "has 3 classes, and the table" in refusal(path)
    assert_same(read(written(tmp_path / "c.pkl", foreign.tf_pickle(state))), wider(24))


def test_a_table_of_another_kind_is_not_called_missing(tmp_path: Path) -> None:
    state = foreign.genforce(foreign.nvidia_state(wider(24))) | {"mapping.label_weight": torch.ones(3, 12)}
    assert "its mapping.label_weight takes classes in a way" in refusal(
        written(tmp_path / "a.pt", foreign.torch_file(state))
    )


# Noise that was never stored


@every_writer
def test_noise_that_is_not_there_is_drawn_once_and_for_all(tmp_path: Path, writer: str) -> None:
    twin = tiny.stylegan2()
    path = written(tmp_path / "a.pt", WRITERS[writer](twin))
    if writer not in ("nvidia", "rosinality", "rosinality_legacy", "huggan"):
        pytest.skip("these write the whole file at once; the reader behind them is the same")
    tree = torch.load(path, weights_only=True)
    state = tree.get("g_ema", tree)
    for name in [name for name in state if name.endswith(("noise_const", ".noise")) or "noises." in name]:
        del state[name]
    generator = read(written(path, foreign.torch_file(tree, legacy=writer.endswith("legacy"))))
    assert any("does not hold the noise" in note for note in generator.notes)
    assert_same(generator, twin.at(noise=0))
    assert_same(generator.at(noise="none"), twin.at(noise="none"))


def test_without_noise_and_mean_and_behind_data_parallel_both_are_said(tmp_path: Path) -> None:
    twin = tiny.stylegan2_grey()
    tree = foreign.rosinality(foreign.nvidia_state(twin))["g_ema"]
    state = {f"module.{name}": x for name, x in tree.items() if "noises." not in name}
    generator = read(written(tmp_path / "a.pt", foreign.torch_file({"g": state})))
    assert ["mean of w" in generator.notes[0], "noise" in generator.notes[1]] == [True, True]
    assert_same(generator, twin.at(noise=0), psi=1)


def test_noise_that_lacks_in_one_layer_is_a_broken_file(tmp_path: Path) -> None:
    state = foreign.nvidia_state(tiny.stylegan2())
    del state["synthesis.b8.conv1.noise_const"]
    with pytest.raises(ValueError, match=r"lacks synthesis\.b8\.conv1\.noise_const"):
        read(written(tmp_path / "a.pt", foreign.torch_file(state)))
