"""DCGAN: as its equations say, read from the state dicts that PyTorch users have, and honest about what is assumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core import checkpoints, zoo
from core.checkpoints import dcgan
from core.generators.dcgan import DCGAN, Conv, Dense
from demos.page.export import opening

from .. import pytorch_dcgans as theirs
from .. import references, tiny
from ..references import error

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

CLOSE = 1e-4  # of the picture's range


def picture(generator: DCGAN, z: Tensor, label: Tensor | int | None = None) -> Tensor:
    """[n, channels, R, R], in the network's own channels."""
    return generator.pixels(generator.run(generator.codes(z, label=label)))


def apart(ours: Tensor, others: Tensor) -> float:
    """The largest difference, in ranges of the second picture; infinite where sizes differ."""
    if ours.shape != others.shape:
        return float("inf")
    return float((ours - others).abs().max() / (others.max() - others.min()))


def flat(name: str) -> dict[str, Tensor]:
    """The generator's own tensors in one of the reference files."""
    found = references.state(name)
    return dict(found.get("generator", found))


# The generator


def test_a_whole_dcgan_equals_the_equations() -> None:
    generator = tiny.dcgan().double()
    z = generator.sample(3, 0).double()
    first, second = generator.layers
    x = torch.relu(z @ first.weight.T + first.bias).reshape(3, 6, 4, 4)
    x = torch.relu(F.conv_transpose2d(x, second.weight.transpose(0, 1), second.bias, 2, 1))
    last = generator.to_pixels
    image = torch.tanh(F.conv_transpose2d(x, last.weight.transpose(0, 1), last.bias, 2, 1))
    assert torch.allclose(generator(generator.codes(z)), image, atol=1e-12)


def test_a_plain_convolution_follows_an_up_sampling_and_an_affine_its_activation() -> None:
    generator = tiny.dcgan_of_classes().double()
    z, label = generator.sample(3, 0).double(), torch.tensor([0, 2, 1])
    code = torch.cat([z, F.one_hot(label, 3).double() @ generator.embedding], 1)
    first, second = generator.layers
    x = F.leaky_relu(code @ first.weight.T + first.bias, 0.2).reshape(3, 6, 4, 4)
    x = F.conv2d(F.interpolate(x, scale_factor=2), second.weight, second.bias, padding=1)
    part = second.activation
    x = F.leaky_relu(x, 0.2) * part.gain[:, None, None] + part.shift[:, None, None]
    last = generator.to_pixels
    image = torch.tanh(F.conv_transpose2d(x, last.weight.transpose(0, 1), last.bias, 2, 1))
    assert torch.allclose(picture(generator, z, label), image, atol=1e-12)


def test_a_label_is_part_of_the_code_and_does_not_move() -> None:
    generator = tiny.dcgan_of_classes()
    z = generator.sample(2, 0)
    codes = generator.codes(z, label=2)
    assert generator.movable == slice(0, 12) and generator.dim == 15 and not generator.has_truncation
    assert torch.equal(codes[:, 0, :12], z) and torch.equal(generator.codes(z, psi=0.3, label=2), codes)
    assert torch.equal(codes[:, 0, 12:], generator.embedding[2].expand(2, -1))
    assert not torch.allclose(generator(codes), generator(generator.codes(z, label=1)), atol=1e-3)
    with pytest.raises(ValueError, match="classes 0 to 2"):
        generator.codes(z, label=3)


def test_sigmoid_pictures_reach_from_minus_one_to_one() -> None:
    plain, squeezed = tiny.dcgan(end="none"), tiny.dcgan(end="sigmoid")
    z = plain.sample(4, 0)
    assert torch.allclose(picture(squeezed, z), 2 * torch.sigmoid(picture(plain, z)) - 1, atol=1e-6)


def test_uniform_noise_is_sampled_uniformly_and_row_by_row() -> None:
    layers = [Dense(3, 4), Conv(1, 4, 2, 1)]
    generator = DCGAN(z_dim=400, layers=layers, distribution="uniform")
    rows = generator.sample(3, 5)
    assert torch.equal(rows[1:2], generator.sample(1, 6)) and -1 <= rows.min() < -0.9 and 0.9 < rows.max() <= 1
    assert generator.sample(1, 0).std() == pytest.approx(3**-0.5, abs=0.05)


@pytest.mark.parametrize(
    "change, sentence",
    [
        (dict(layers=[Conv(3, 4), Conv(3, 4)]), "a linear layer comes first"),
        (dict(layers=[Dense(3, 4), Conv(2, 4, 2, 1)]), "2 image channels"),
        (dict(layers=[Dense(3, 4), Conv(3, 4, 2, 9)]), "map of -8 pixels a side"),
        (dict(layers=[Dense(3, 4), Conv(3, 4, 9000)]), "pixels a side: 1 to 8192"),
        (dict(layers=[Dense(3, 4), Conv(500, 4, 60, 0, up=30), Conv(3, 4)]), "and 268435456 numbers"),
        (dict(layers=[Dense(3, 4, 7.0), Conv(3, 4)]), "a slope is a number from 0"),
        (dict(layers=[Dense(3, 4), Conv(3, 4, 2, 0.5)]), "are whole numbers"),
        (dict(layers=[Dense(3, 4), Conv(3, 4, 2, 1, 2)]), "output padding 2 is to be smaller than stride 2"),
        (dict(layers=[Dense(3, 4), Conv(3, 4, 0)]), "stride and up-sampling are 1 or more"),
        (dict(end="relu"), "'relu': choose one of tanh, sigmoid, none"),
        (dict(classes=3), "3 classes of 0 numbers"),
    ],
)
def test_what_makes_no_network_is_refused_in_a_sentence(change: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        DCGAN(**dict(z_dim=4, layers=[Dense(3, 4), Conv(3, 4, 2, 1)]) | change)


# What PyTorch users write

VARIANTS = dict(
    tutorial=(theirs.Tutorial, None),
    biases_and_opacity=(lambda: theirs.Tutorial(bias=True, channels=4), None),
    attributes=(theirs.Attributes, dict(slope=0.2, end="sigmoid")),
    pytorch_gan=(theirs.PyTorchGAN, None),
    two_linear_layers=(theirs.Linear, dict(end="sigmoid")),
    norms_behind_activations=(theirs.Unflattened, None),
    blocks=(theirs.Blocks, None),
    blocks_with_up_sampling=(lambda: theirs.Blocks(plain=True), None),
    up_sampling_in_the_code=(theirs.Doubled, None),
    bilinear=(lambda: theirs.Doubled("bilinear"), dict(up_mode="bilinear")),
)


def compared(module: nn.Module, generator: DCGAN) -> tuple[Tensor, Tensor]:
    z = generator.sample(3, 0)
    expected = module(z)
    return picture(generator, z), 2 * expected - 1 if generator.end == "sigmoid" else expected


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_drawn_as_its_own_module_draws_it(name: str) -> None:
    build, config = VARIANTS[name]
    module = theirs.made(build)
    generator = dcgan.from_state(module.state_dict(), config)
    assert apart(*compared(module, generator)) < CLOSE
    if config:
        assert apart(*compared(module, dcgan.from_state(module.state_dict()))) > 0.01  # the control: the usual reading


@pytest.mark.parametrize("name", VARIANTS)
def test_the_order_in_the_file_does_not_matter(name: str) -> None:
    """safetensors sorts names."""
    build, config = VARIANTS[name]
    state = theirs.made(build).state_dict()
    ours, other = (dcgan.from_state(one, config) for one in (state, dict(sorted(state.items()))))
    assert torch.equal(picture(ours, ours.sample(2, 0)), picture(other, other.sample(2, 0)))


@pytest.mark.parametrize("first", [True, False])
def test_an_embedded_label_stands_behind_the_noise_or_before_it(first: bool) -> None:
    module = theirs.made(theirs.Labelled)
    generator = dcgan.from_state(module.state_dict(), dict(label_first=first))
    z, label = generator.sample(3, 0), torch.tensor([0, 4, 2])
    assert generator.classes == 5 and generator.z_dim == 10
    assert (apart(picture(generator, z, label), module(z, label)) < CLOSE) == first


def test_eps_and_slope_of_pytorch_gan_are_known_by_its_names() -> None:
    module = theirs.made(theirs.PyTorchGAN)
    generator = dcgan.from_state(module.state_dict())
    assert "leaky ReLUs of slope 0.2" in generator.notes[1] and "eps 0.8" in generator.notes[1]
    for config in (dict(eps=1e-5), dict(eps=0.8), dict(slope=0)):
        assert apart(*compared(module, dcgan.from_state(module.state_dict(), config))) > 0.001


# What a state dict does not tell


@pytest.mark.shared
def test_one_state_dict_is_two_networks_and_the_config_chooses() -> None:
    state, io = flat("dcgan32_grey.pth"), references.arrays("dcgan32_grey.pth")
    usual, smaller = dcgan.from_state(state), dcgan.from_state(state, dict(size=28))
    assert apart(picture(usual, io["z"]), io["image"]) < CLOSE
    assert apart(picture(smaller, io["z"]), io["image_28px_if_last_padding_3"]) < CLOSE
    other = dcgan.from_state(state, dict(strides=[1, 1, 2, 2], paddings=[0, 0, 1, 1]))
    assert other.resolution == 28 and apart(picture(other, io["z"]), io["image_28px_if_last_padding_3"]) > 0.05


@pytest.mark.shared
def test_a_slope_is_asked_for() -> None:
    state, io = flat("dcgan32_dropout.pth"), references.arrays("dcgan32_dropout.pth")
    plain, leaky = dcgan.from_state(state), dcgan.from_state(state, dict(slope=0.2))
    assert apart(picture(leaky, io["z"]), io["image_if_leaky_relu_02"]) < CLOSE
    assert apart(picture(plain, io["z"]), io["image_if_leaky_relu_02"]) > 0.01


@pytest.mark.shared
@pytest.mark.parametrize("name", ["dcgan28_gen.pth", "dcgan28_k1p2.pth", "dcgan32_grey.pth"])
def test_the_right_reading_is_among_those_of_its_size(name: str) -> None:
    state, io = flat(name), references.arrays(name)
    wanted = io.get("image_28px_if_last_padding_3", io["image"])
    found = [one for one in dcgan.readings(state, size=28) if one.says != "28 x 28: sigmoid at the end"]
    errors = [apart(picture(dcgan.from_state(state, one.config), io["z"]), wanted) for one in found]
    assert min(errors) < CLOSE and sorted(errors)[1] > 0.01  # and no other one is


def test_readings_are_few_the_usual_first_and_each_is_a_config_for_another_network() -> None:
    state = theirs.made(theirs.Tutorial).state_dict()
    found = dcgan.readings(state)
    assert [one.says for one in found[:3]] == [
        "32 x 32: the usual strides and paddings",
        "28 x 28: the last layer has padding 3",
        "28 x 28: convolution 2 has stride 1 and padding 0",
    ]
    z = torch.randn(2, 12, generator=torch.Generator().manual_seed(0))
    drawn = [dcgan.from_state(state, json.loads(json.dumps(one.config))) for one in found]
    assert len(found) <= dcgan.MOST and [one.resolution for one in drawn] == [one.size for one in found]
    assert not any("assumed" in note for one in drawn for note in one.notes)
    pictures = [picture(one, z) for one in drawn]
    assert torch.equal(pictures[0], picture(dcgan.from_state(state), z))
    assert all(apart(a, b) > 0.01 for i, a in enumerate(pictures) for b in pictures[:i])
    assert {one.size for one in dcgan.readings(state, size=28)} == {28}


def test_a_kernel_that_may_be_of_either_kind_is_said_and_can_be_told() -> None:
    state = theirs.made(theirs.Unflattened).state_dict()
    generator = dcgan.from_state(state)
    assert any("whether net.9 is transposed (it is read as plain)" in note for note in generator.notes)
    assert any("convolution 3 is transposed" in one.says for one in dcgan.readings(state))
    told = dcgan.from_state(state, dict(transposed=[True, True, True], strides=[2, 2, 1], paddings=[1, 1, 1]))
    assert told.rows[-1].transposed and not generator.rows[-1].transposed
    assert not any("net.9" in note for note in told.notes)


def test_classes_are_taken_from_the_usual_widths_and_the_note_says_so() -> None:
    state = theirs.made(lambda: theirs.Tutorial(110)).state_dict()
    generator = dcgan.from_state(state)
    assert (generator.z_dim, generator.classes) == (100, 10) and "110 inputs" in generator.notes[2]
    assert any("110 random numbers and no classes" in one.says for one in dcgan.readings(state))
    linear = dcgan.readings(theirs.made(lambda: theirs.Linear(74)).state_dict())
    assert linear[0].config["classes"] == 0 and any("64 random numbers and then 10 classes" in x.says for x in linear)
    free = dcgan.from_state(state, dict(classes=0))
    assert (free.z_dim, free.classes) == (110, 0) and not any("inputs" in note for note in free.notes)


@pytest.mark.parametrize(
    "config, sentence",
    [
        (dict(size=31), r"kernels \(4, 4, 4, 4 pixels wide\) make no picture .*within reach are 16, 28, 32"),
        (dict(size="big"), "size = big, where a whole number from 1"),
        (dict(size=True), "size = True"),
        (dict(strides=[2, 2]), "strides = .*, where 4 whole numbers from 1 to 64"),
        (dict(strides=[1, 0, 2, 2]), "4 whole numbers from 1"),
        (dict(paddings=[0, 9, 1, 1]), "make no picture of the size, strides and paddings"),
        (dict(end="relu"), "end = relu, where one of tanh, sigmoid, none belongs"),
        (dict(end=["tanh"]), "where one of tanh"),
        (dict(slope=-1), "slope = -1, where a number from 0 to 1"),
        (dict(eps=[1, 2]), "eps = .*, where a number from 0 to 10, or 3 of them"),
        (dict(classes=12), "classes = 12, where a whole number from 0 to 11"),
        (dict(label_first="yes"), "true or false"),
        (dict(transposed=[False, True, True, True]), "do not fit its widths"),
        (dict(transposed=3), "transposed = 3"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_in_a_sentence(config: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        dcgan.from_state(theirs.made(theirs.Tutorial).state_dict(), config)


def test_a_key_that_is_not_used_is_said() -> None:
    generator = dcgan.from_state(theirs.made(theirs.Tutorial).state_dict(), dict(stride=3, size=32))
    assert any("config also says stride, which is not used" in note for note in generator.notes)


# What is none


@pytest.mark.parametrize("dense", [False, True])
def test_a_discriminator_is_refused_by_name(dense: bool) -> None:
    state = theirs.made(lambda: theirs.Discriminator(dense)).state_dict()
    with pytest.raises(ValueError, match="it holds a discriminator, .* open the generator"):
        checkpoints.recognised(state, None)


@pytest.mark.parametrize("build", [theirs.Classifier, theirs.Residual, theirs.VAE, theirs.UNet, theirs.AutoEncoder])
def test_other_networks_are_not_taken(build) -> None:
    state = theirs.made(build).state_dict()
    assert not dcgan.matches(state) and not dcgan.matches(dict(sorted(state.items())))
    with pytest.raises(ValueError, match="of no network known here"):
        checkpoints.recognised(state, None)


def test_a_generator_with_a_discriminator_behind_it_is_no_longer_generator() -> None:
    """Two networks in one flat dict chain up: 3 channels come out of the one and go into the other."""
    both = {f"netG.{name}": x for name, x in theirs.made(theirs.Tutorial).state_dict().items()}
    both |= {f"netD.{name}": x for name, x in theirs.made(theirs.Discriminator).state_dict().items()}
    assert not dcgan.matches(both) and not dcgan.matches(dict(sorted(both.items())))
    assert dcgan.matches({name: x for name, x in both.items() if name.startswith("netG.")})


def test_nothing_may_be_left_over_or_missing() -> None:
    state = theirs.made(theirs.Tutorial).state_dict()
    for change in (
        dict(extra=torch.ones(3)),
        {"main.3.weight": torch.ones(9, 9, 4, 4)},
        {"main.4.gamma": state["main.4.bias"]},
    ):
        assert not dcgan.matches(state | change)
    for name in ("main.3.weight", "main.4.running_var"):
        assert not dcgan.matches({key: tensor for key, tensor in state.items() if key != name})


def test_batch_norms_without_statistics_are_refused() -> None:
    state = {name: x for name, x in theirs.made(theirs.Tutorial).state_dict().items() if "running" not in name}
    with pytest.raises(ValueError, match="main.1 normalises without running statistics"):
        dcgan.from_state(state)


# Files


def test_a_config_beside_the_file_and_settings_on_top_of_it_are_read(tmp_path: Path) -> None:
    path = tmp_path / "netG.pth"
    torch.save(theirs.made(theirs.Tutorial).state_dict(), path)
    (tmp_path / "config.json").write_text(json.dumps(dict(size=28, end="sigmoid")))
    described = checkpoints.describe(path)
    assert (described.format, described.architecture, described.generator.end) == ("dcgan", "DCGAN", "sigmoid")
    assert described.generator.resolution == 28
    changed = checkpoints.read(path, settings=dict(size=32))
    assert changed.resolution == 32 and changed.end == "sigmoid"
    with pytest.raises(ValueError, match="nothing of a DCGAN is called sizes: choose among size"):
        checkpoints.read(path, settings=dict(sizes=32))


def test_a_card_remembers_what_was_told_of_its_file_and_so_does_its_code(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(zoo, "CARDS", {})
    path = tmp_path / "netG.pth"
    torch.save(theirs.made(theirs.Tutorial).state_dict(), path)
    whole, told = zoo.add(path), zoo.add(path, dict(size=28, end="sigmoid"))
    drawn = zoo.load(told.name)
    assert (whole.resolution, told.resolution) == (32, 28) and (drawn.resolution, drawn.end) == (28, "sigmoid")
    assert zoo.load(whole.name).resolution == 32
    assert opening(told)[1].startswith("read('netG.pth', settings={'size': 28, 'end': 'sigmoid'})")
    assert opening(whole)[1].startswith("read('netG.pth') ")


def test_settings_of_a_dcgan_are_not_left_aside_where_the_file_is_another_network() -> None:
    with pytest.raises(ValueError, match="GenForce.* says itself what size would: leave that out"):
        checkpoints.read(references.path(references.GENFORCE_PGGAN), settings=dict(size=28))


def test_the_shipped_reference_has_a_control() -> None:
    io = references.arrays(references.DCGAN)
    generator = checkpoints.read(references.path(references.DCGAN))
    assert error(picture(generator, io["z"], io["label"]), io["image"]) < CLOSE
    assert error(picture(generator, io["z"], (io["label"] + 1) % 10), io["image"]) > 0.1


class AfterLinear(nn.Module):
    """A linear layer, then convolutions on a map of `side` pixels."""

    def __init__(self, side: int, *convs: nn.Module):
        super().__init__()
        self.side, self.fc = side, nn.Linear(20, 8 * side**2)
        self.main = nn.Sequential(*convs)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.main(self.fc(z).unflatten(1, (8, self.side, self.side)))


@pytest.mark.parametrize(
    "side, steps",
    [
        (1, [(4, 1, 0, 0), (4, 2, 1, 0), (4, 2, 1, 0), (4, 2, 1, 0)]),  # "fc, then view(-1, c, 1, 1)"
        (7, [(5, 1, 2, 0), (5, 2, 2, 1), (5, 2, 2, 1)]),  # TensorFlow's tutorial for MNIST
    ],
)
def test_behind_a_linear_layer_the_usual_steps_are_those_that_people_write(side: int, steps: list) -> None:
    widths, layers = [8, 6, 5, 4][: len(steps)] + [1], []
    for i, (kernel, stride, padding, more) in enumerate(steps):
        layers.append(nn.ConvTranspose2d(widths[i], widths[i + 1], kernel, stride, padding, more, bias=False))
        layers += [nn.BatchNorm2d(widths[i + 1]), nn.ReLU()] if i < len(steps) - 1 else [nn.Tanh()]
    module = theirs.made(lambda: AfterLinear(side, *layers))
    generator = dcgan.from_state(module.state_dict())
    z = generator.sample(2, 0)
    assert torch.allclose(generator.pixels(generator.run(generator.codes(z))), module(z), atol=1e-5)
