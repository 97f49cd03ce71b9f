"""pytorch_GAN_zoo's PGGAN: what its equations draw from what its `save` writes is what ours draws from the file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.checkpoints import describe, read
from core.generators.pggan import PGGAN

from .. import foreign, tiny
from ..references import TOLERANCE, error
from .test_checkpoints import assert_same, written

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


def twin(*, fade: float = 0.0, bounded: bool = False, image_channels: int = 3) -> PGGAN:
    how = dict(dim=12, image_channels=image_channels, bias_side=4, fade=fade, bounded=bounded)
    return tiny.stirred(lambda: PGGAN(resolution=16, channels=(6, 5, 4), **how), 2)


def as_the_zoo_draws(state: dict[str, Tensor], z: Tensor, *, alpha: float, tanh: bool) -> Tensor:
    """Section "pytorch_GAN_zoo PGAN" of the formats' description: (W x + b) sqrt(2 / fan in) in every layer."""
    state = {name.replace(".module.", "."): tensor for name, tensor in state.items()}

    def layer(x: Tensor, name: str) -> Tensor:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        y = F.linear(x, weight, bias) if weight.ndim == 2 else F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        return y * (2 / weight[0].numel()) ** 0.5

    def normed(x: Tensor) -> Tensor:
        return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()

    def active(x: Tensor) -> Tensor:
        return normed(F.leaky_relu(x, 0.2))

    x = active(layer(normed(z), "formatLayer").unflatten(1, (-1, 4, 4)))
    x = active(layer(x, "groupScale0.0"))
    for i in range(2):
        before, x = x, F.interpolate(x, scale_factor=2)
        x = active(layer(active(layer(x, f"scaleLayers.{i}.0")), f"scaleLayers.{i}.1"))
    coarse = F.interpolate(layer(before, "toRGBLayers.1"), scale_factor=2)
    image = alpha * coarse + (1 - alpha) * layer(x, "toRGBLayers.2")
    return torch.tanh(image) if tanh else image


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    "loss, fade, channels", [("WGANGP", 0.0, 3), ("DCGAN", 0.0, 3), ("MSE", 0.4, 1), ("Logistic", 1, 4)]
)
def test_a_file_draws_what_the_zoo_s_equations_draw(
    tmp_path: Path, old: bool, loss: str, fade: float, channels
) -> None:
    tanh = loss in ("DCGAN", "MSE")
    made = twin(fade=fade, bounded=tanh, image_channels=channels)
    data = foreign.gan_zoo(made, loss=loss, old=old, alpha=fade)
    described = describe(written(tmp_path / "a.pth", data))
    generator = described.generator
    assert described.format == "gan_zoo" and generator.config() == made.config()
    assert len(generator.notes) == 1 and "the averaged one, under avgG" in generator.notes[0]
    assert_same(generator, made)
    tree = foreign.gan_zoo_state(made, old=old)
    z = made.sample(3, 5)
    pixels = generator.pixels(generator.run(generator.codes(z)))
    assert error(pixels, as_the_zoo_draws(tree, z, alpha=fade, tanh=tanh)) < TOLERANCE
    assert error(pixels, as_the_zoo_draws(tree, z, alpha=fade, tanh=not tanh)) > 100 * TOLERANCE


def test_a_bare_state_dict_is_read_and_says_what_was_assumed(tmp_path: Path) -> None:
    generator = read(written(tmp_path / "a.pth", foreign.torch_file(foreign.gan_zoo_state(twin()))))
    assert_same(generator, twin())
    assert "does not hold the settings" in generator.notes[0]


@pytest.mark.parametrize(
    "said, sentence",
    [
        (dict(categoryVectorDim=10), "categoryVectorDim = 10"),
        (dict(leakyReluLeak=0.1), "leakyReluLeak = 0.1"),
        (dict(lossCriterion="hinge"), "lossCriterion = hinge"),
        (dict(alpha=-1), "alpha = -1"),
        (dict(alpha="half"), "alpha = half"),
    ],
)
def test_a_network_of_another_kind_is_refused_in_a_sentence(tmp_path: Path, said: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        read(written(tmp_path / "a.pth", foreign.gan_zoo(twin(), **said)))
    assert "\n" not in str(refused.value)
