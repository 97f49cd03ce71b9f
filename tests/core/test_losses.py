"""Losses: each agrees with an independent implementation, they compose as sums and masks do, and slopes are right."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor, nn

from core.inversion import losses, vgg
from core.inversion.degradations import Grey, Hole, Shrink

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

KNOWN = torch.ones(16, 16, dtype=torch.bool)
KNOWN[4:12, 4:12] = False


def pictures(n: int, seed: int, size: int = 16) -> Tensor:
    """[n, 3, size, size] in (-1, 1), float64."""
    return torch.tanh(tiny.normal(n, 3, size, size, seed=seed))


def channels_last(picture: Tensor) -> np.ndarray:
    return picture.permute(1, 2, 0).numpy()


class Counted(torch.nn.Module):
    def __init__(self, inside: torch.nn.Module):
        super().__init__()
        self.inside, self.seen = inside, []

    def features(self, images: Tensor) -> list[Tensor]:
        self.seen.append(images.dtype)
        return self.inside.features(images)


LOSSES = dict(
    pixel=lambda: losses.pixel,
    ssim=lambda: losses.dissimilarity,
    natural=losses.natural,
    features=lambda: losses.perceptual(tiny.critic().double()),
    closeness=lambda: losses.closeness(tiny.critic().double()),
    masked=lambda: losses.masked(KNOWN, losses.pixel),
    grey=lambda: losses.seen_through(Grey(), losses.pixel),
    hints=lambda: losses.hints(pictures(1, seed=9), KNOWN),
)
every_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.mark.parametrize("size", [11, 16, 33])
def test_ssim_and_psnr_are_those_of_scikit_image(size: int) -> None:
    x, y = pictures(1, seed=1, size=size), pictures(1, seed=2, size=size)
    y = (x + 0.3 * y).clamp(-1, 1)
    a, b = channels_last(x[0]), channels_last(y[0])
    theirs = structural_similarity(
        a, b, data_range=2, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert losses.ssim(x, y).item() == pytest.approx(theirs, abs=1e-9)
    assert losses.psnr(x, y).item() == pytest.approx(peak_signal_noise_ratio(a, b, data_range=2), abs=1e-9)


def test_psnr_is_of_the_picture_that_is_shown() -> None:
    x, y = pictures(2, seed=1), pictures(1, seed=2)
    assert torch.equal(losses.psnr(3 * x, y), losses.psnr((3 * x).clamp(-1, 1), y))
    assert losses.psnr(y, y).item() == float("inf")


def test_pixels_are_compared_by_their_mean_square() -> None:
    x, y = pictures(3, seed=1), pictures(1, seed=2)
    assert np.allclose(losses.pixel(y)(x).numpy(), ((x.numpy() - y.numpy()) ** 2).reshape(3, -1).mean(1), atol=1e-15)


def test_features_are_compared_level_by_level_at_unit_length() -> None:
    critic, x, y = tiny.critic().double(), pictures(1, seed=1), pictures(1, seed=2)
    found = losses.perceptual(critic, coarsest=4)(y)(x).item()
    levels = []
    for a, b in zip(critic.features(x), critic.features(y)):  # once more, with loops over pixels
        a, b = a[0].numpy(), b[0].numpy()
        angles = [
            a[:, i, j] @ b[:, i, j] / np.linalg.norm(a[:, i, j]) / np.linalg.norm(b[:, i, j])
            for i in range(a.shape[1])
            for j in range(a.shape[2])
        ]
        levels.append(np.mean([2 - 2 * cosine for cosine in angles]))
    assert len(levels) == 2 and found == pytest.approx(np.mean(levels), rel=1e-6)
    only_the_finest = losses.perceptual(critic)(y)(x).item()  # of a 16-pixel critic: 8 pixels; 4 are too few
    assert only_the_finest == pytest.approx(levels[0], rel=1e-6) != pytest.approx(found, rel=1e-3)


def test_features_of_the_target_are_worked_out_once_and_in_float32() -> None:
    critic = Counted(tiny.critic())
    distance = losses.perceptual(critic)(pictures(1, seed=2).bfloat16())
    for _ in range(3):
        distance(pictures(1, seed=1).half())
    assert critic.seen == [torch.float32] * 4


@every_loss
def test_a_target_is_at_distance_zero_from_itself_and_others_are_not(name: str) -> None:
    loss, x = LOSSES[name](), pictures(1, seed=9)
    assert loss(x)(x).item() == pytest.approx(0, abs=1e-9)
    assert (loss(x)(pictures(2, seed=5)) > 1e-3).all()


@every_loss
def test_each_picture_of_a_batch_is_measured_as_if_alone(name: str) -> None:
    distance, x = LOSSES[name]()(pictures(1, seed=2)), pictures(3, seed=1)
    assert torch.allclose(distance(x), torch.cat([distance(one[None]) for one in x]), rtol=1e-10)


@every_loss
def test_slopes_are_those_of_finite_differences(name: str) -> None:
    distance, x = LOSSES[name]()(pictures(1, seed=2)), pictures(1, seed=1)
    along, h = tiny.normal(*x.shape, seed=3), 1e-5
    slope = torch.autograd.functional.jvp(lambda x: distance(x).sum(), x, along)[1].item()
    measured = (distance(x + h * along) - distance(x - h * along)).item() / (2 * h)
    assert slope == pytest.approx(measured, rel=1e-5)


def test_a_sum_of_losses_is_the_sum_of_their_values() -> None:
    x, y = pictures(2, seed=1), pictures(1, seed=2)
    together = losses.total((1.0, losses.pixel), (0.25, losses.dissimilarity))(y)(x)
    assert torch.allclose(together, losses.pixel(y)(x) + 0.25 * losses.dissimilarity(y)(x), rtol=1e-12)
    assert torch.equal(losses.closeness()(y)(x), losses.pixel(y)(x))


def value_and_slope(loss: losses.Loss, target: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_(True)
    value = loss(target)(x).sum()
    return value.detach(), torch.autograd.grad(value, x)[0]


@pytest.mark.parametrize("hide", [losses.masked, lambda known, loss: losses.seen_through(Hole(known), loss)])
def test_nothing_under_the_hole_is_looked_at(hide) -> None:
    loss = hide(KNOWN, losses.closeness(tiny.critic().double()))
    x, y = pictures(1, seed=1), pictures(1, seed=2)
    value, slope = value_and_slope(loss, y, x)
    other_value, other_slope = value_and_slope(loss, torch.where(KNOWN, y, pictures(1, seed=7)), x)
    assert torch.equal(value, other_value) and torch.equal(slope, other_slope)
    assert not slope[..., ~KNOWN].any() and slope[..., KNOWN].any()
    assert value_and_slope(loss, torch.where(KNOWN, pictures(1, seed=7), y), x)[0] != value  # the control


def test_masks_of_everything_and_of_nothing() -> None:
    loss, x, y = losses.closeness(tiny.critic().double()), pictures(1, seed=1), pictures(1, seed=2)
    everything, nothing = torch.ones_like(KNOWN), torch.zeros_like(KNOWN)
    assert torch.equal(losses.masked(everything, loss)(y)(x), loss(y)(x))
    assert not value_and_slope(losses.masked(nothing, loss), y, x)[1].any()


def test_colour_does_not_matter_to_a_grey_loss_nor_lightness_to_a_hint() -> None:
    x, y = pictures(1, seed=1), pictures(1, seed=2)
    tint = torch.tensor([0.1, -0.1 * 0.299 / 0.587, 0.0], dtype=torch.float64)[:, None, None]  # of luminance 0
    grey = losses.seen_through(Grey(), losses.pixel)(Grey().apply(y))
    assert grey(x + tint).item() == pytest.approx(grey(x).item(), rel=1e-9)
    hint = losses.hints(y, ~KNOWN)(y)
    assert hint(x + 0.2).item() == pytest.approx(hint(x).item(), rel=1e-9)
    assert hint(torch.where(KNOWN, -x, x)).item() == hint(x).item()
    assert hint(x + tint).item() != pytest.approx(hint(x).item(), rel=1e-3)
    assert grey(x + 0.2).item() != pytest.approx(grey(x).item(), rel=1e-3)


@pytest.mark.parametrize(
    "work, sentence",
    [
        (
            lambda: losses.pixel(pictures(1, seed=1, size=8))(pictures(1, seed=1)),
            "look at them through the degradation",
        ),
        (lambda: losses.ssim(pictures(1, seed=1, size=8), pictures(1, seed=1, size=8)), "window of 11 pixels"),
        (lambda: losses.perceptual(tiny.critic())(pictures(1, seed=1, size=8)), "compare pixels, or a larger picture"),
        (lambda: losses.hints(pictures(1, seed=1), torch.zeros(16, 16, dtype=torch.bool)), "paint at least one pixel"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(work, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        work()


def test_a_small_picture_is_compared_through_what_made_it_small() -> None:
    x = pictures(1, seed=1)
    distance = losses.seen_through(Shrink(4), losses.pixel)(Shrink(4).apply(x))
    assert distance(x).item() == 0 and distance(pictures(1, seed=2)).item() > 0.01


# --- VGG-16, with random weights


def vgg_file(path, **changes: Tensor | None) -> dict[str, Tensor]:
    """Writes a VGG-16 of random weights under torchvision's names; a change to None leaves a tensor out."""
    widths = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256)}
    tensors = {}
    for i, (fan_in, fan_out) in widths.items():
        tensors[f"features.{i}.weight"] = (tiny.normal(fan_out, fan_in, 3, 3, seed=i) / (3 * fan_in**0.5)).float()
        tensors[f"features.{i}.bias"] = tiny.normal(fan_out, seed=100 + i).float() / 10
    tensors |= {"features.17.weight": torch.zeros(1), "classifier.6.bias": torch.zeros(1)}  # the rest of the file
    tensors = {name: tensor for name, tensor in {**tensors, **changes}.items() if tensor is not None}
    save_file(tensors, str(path))
    return tensors


def test_vgg_features_are_those_of_torchvision_s_list_of_layers(tmp_path) -> None:
    tensors = vgg_file(tmp_path / "vgg16.safetensors")
    layers: list[nn.Module] = []
    for width in (64, 64, "M", 128, 128, "M", 256, 256, 256):  # configuration D, as far as relu3_3
        fan_in = next((layer.out_channels for layer in reversed(layers) if isinstance(layer, nn.Conv2d)), 3)
        layers += [nn.MaxPool2d(2)] if width == "M" else [nn.Conv2d(fan_in, width, 3, padding=1), nn.ReLU()]
    plain = nn.Sequential(*layers)
    wanted = {
        name.removeprefix("features."): tensor for name, tensor in tensors.items() if name.startswith("features.")
    }
    del wanted["17.weight"]
    plain.load_state_dict(wanted, strict=True)
    x = pictures(2, seed=1, size=20).float()
    mean, spread = (torch.tensor(values)[:, None, None] for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    normal = ((x + 1) / 2 - mean) / spread
    found = vgg.load(tmp_path / "vgg16.safetensors").features(x)
    with torch.no_grad():
        for stop, features in zip((4, 9, 16), found, strict=True):
            assert torch.allclose(features, plain[:stop](normal), atol=1e-5)
    assert [tuple(features.shape[1:]) for features in found] == [(64, 20, 20), (128, 10, 10), (256, 5, 5)]


def test_a_picture_is_closest_to_itself_in_vgg_s_features(tmp_path) -> None:
    vgg_file(tmp_path / "vgg16.safetensors")
    network = vgg.load(tmp_path / "vgg16.safetensors")
    assert not any(parameter.requires_grad for parameter in network.parameters())
    x = pictures(1, seed=1, size=16).float()
    distance = losses.closeness(network)(x)
    assert distance(x).item() == pytest.approx(0, abs=1e-9)
    assert distance(pictures(1, seed=2, size=16).float()).item() > 0.01


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"features.14.bias": None}, "lacks features.14.bias"),
        ({"features.16.weight": torch.zeros(1)}, "features.16.weight, which VGG-16 has not"),  # VGG-19 begins alike
        ({"features.1.running_mean": torch.zeros(64)}, "another network"),  # batch normalisation
        ({"features.5.weight": torch.zeros(128, 32, 3, 3)}, "of shape"),
    ],
)
def test_another_network_does_not_pass_for_vgg_16(tmp_path, changes, sentence: str) -> None:
    vgg_file(tmp_path / "other.safetensors", **changes)
    with pytest.raises(ValueError, match=sentence) as refusal:
        vgg.load(tmp_path / "other.safetensors")
    assert "save the weights of torchvision" in str(refusal.value)


def test_what_is_no_file_of_tensors_is_refused_in_a_sentence(tmp_path) -> None:
    (tmp_path / "text.safetensors").write_text("these are words")
    for name in ("text.safetensors", "missing.safetensors"):
        with pytest.raises(ValueError, match="cannot be read as safetensors"):
            vgg.load(tmp_path / name)


def test_a_supplied_vgg_16_is_found_and_read_again_only_where_it_was_written_since(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv(vgg.VARIABLE, raising=False)
    assert vgg.supplied(tmp_path) is None and vgg.mark(None) == ("", 0)
    usual, named = tmp_path / vgg.FILE, tmp_path / "elsewhere.safetensors"
    vgg_file(usual)
    assert vgg.supplied(tmp_path) == usual
    first = vgg.load_once(usual)
    assert vgg.load_once(usual) is first
    os.utime(usual, ns=(1, 1))
    assert vgg.mark(usual) == (str(usual), 1) and vgg.load_once(usual) is not first
    monkeypatch.setenv(vgg.VARIABLE, str(named))
    assert vgg.supplied(tmp_path) == named and vgg.mark(named) == (str(named), 0)


@pytest.mark.parametrize("name", list(losses.LEAST_SIDE))
def test_a_loss_by_its_name_compares_what_it_says(name: str) -> None:
    critic = tiny.critic().double()
    x, y = pictures(1, seed=1), pictures(1, seed=2)
    expected = float((x - y).square().mean())
    if name == "structure":
        expected += 0.1 * (1 - float(losses.ssim(x, y)))
    if name in ("features", "vgg"):
        expected += 0.1 * float(losses.perceptual(critic)(y)(x))
    found = losses.named(name, critic)(y)
    assert float(found(x)) == pytest.approx(expected, rel=1e-5) and float(found(y)) == pytest.approx(0, abs=1e-6)
