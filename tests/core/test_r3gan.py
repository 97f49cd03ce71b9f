"""R3GAN against its equations, and what is wrong with a file in a sentence."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.checkpoints import describe, read
from core.generators.r3gan import R3GAN

from .. import foreign, tiny
from ..references import TOLERANCE, error
from .test_checkpoints import assert_same, written

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
both = pytest.mark.parametrize("classes", [0, 3])


def theirs(generator: R3GAN, prefix: str = "Model.") -> dict[str, Tensor]:
    """`G_ema.state_dict()`."""
    state, layers, k = {}, iter(generator.layers), 0
    first = next(layers)
    state["MainLayers.0.Layers.0.Basis"], state["MainLayers.0.Layers.0.LinearLayer.weight"] = first.maps, first.weight
    for k, stage in enumerate(generator.stages):
        beginning = f"MainLayers.{k}.Layers."
        if k:
            transition = next(layers)
            state[f"{beginning}0.Resampler.Kernel"] = foreign.FIR
            if transition.conv is not None:
                state[f"{beginning}0.LinearLayer.Layer.weight"] = transition.conv.weight
        for block in range(1, stage.blocks + 1):
            layer = next(layers)
            state |= {
                f"{beginning}{block}.LinearLayer{i + 1}.Layer.weight": c.weight for i, c in enumerate(layer.convs)
            }
            state |= {f"{beginning}{block}.NonLinearity{i + 1}.Bias": bias for i, bias in enumerate(layer.biases)}
    state["AggregationLayer.Layer.weight"] = generator.to_rgb.weight
    if generator.classes:
        state["EmbeddingLayer.weight"] = generator.embedding.T.contiguous()
    return {prefix + name: tensor.detach().clone() for name, tensor in state.items()}


def as_its_paper_s_code_draws(state: dict[str, Tensor], z: Tensor, stages: int, label: int | None) -> Tensor:
    """Transposed convolution with four times the filter; groups by the length of dimension 1; no gain."""
    if label is not None:
        named = F.linear(F.one_hot(torch.tensor([label] * len(z)), 3).float(), state["EmbeddingLayer.weight"])
        z = torch.cat([z, named], 1)
    first = "MainLayers.0.Layers.0."
    x = F.linear(z, state[f"{first}LinearLayer.weight"])[:, :, None, None] * state[f"{first}Basis"]
    for k in range(stages):
        beginning = f"MainLayers.{k}.Layers."
        if k:
            wide = state.get(f"{beginning}0.LinearLayer.Layer.weight")
            x = x if wide is None else F.conv2d(x, wide)
            kernel = 4 * state[f"{beginning}0.Resampler.Kernel"].expand(x.shape[1], 1, 4, 4)
            x = F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])
        for block in range(1, 9):
            if f"{beginning}{block}.LinearLayer1.Layer.weight" not in state:
                break
            y = x
            for i in (1, 2, 3):
                weight = state[f"{beginning}{block}.LinearLayer{i}.Layer.weight"]
                y = F.conv2d(y, weight, padding=weight.shape[-1] // 2, groups=y.shape[1] // weight.shape[1])
                bias = state.get(f"{beginning}{block}.NonLinearity{i}.Bias")
                y = y if bias is None else F.leaky_relu(y + bias[:, None, None], 0.2)
            x = x + y
    return F.conv2d(x, state["AggregationLayer.Layer.weight"])


@both
@pytest.mark.parametrize("prefix", ["Model.", ""])
def test_a_file_draws_what_the_equations_draw(tmp_path: Path, classes: int, prefix: str) -> None:
    twin, label = tiny.r3gan(classes=classes), 2 if classes else None
    described = describe(written(tmp_path / "a.pt", foreign.torch_file(theirs(twin, prefix))))
    generator, z = described.generator, twin.sample(3, 4)
    assert described.format == "r3gan" and generator.config() == twin.config()
    assert bool(generator.notes) == (not classes)  # a lost table of classes would look the same
    assert_same(generator, twin, label=label)
    drawn = as_its_paper_s_code_draws(theirs(twin, ""), z, 3, label)
    assert error(generator(generator.codes(z, label=label)), drawn) < TOLERANCE
    if classes:
        assert error(generator(generator.codes(z, label=1)), drawn) > 0.1


class Generator(torch.nn.Module):
    """training.networks of R3GAN: an ordinary class."""


def pickled(state: dict[str, Tensor]) -> bytes:
    """A training snapshot: an ordinary pickle of modules, the average beside the last generator."""

    def module(tensors: dict[str, Tensor]) -> Generator:
        made = Generator()
        for first in sorted({name.split(".")[0] for name in tensors}):
            if first in tensors:
                made.register_parameter(first, torch.nn.Parameter(tensors[first]))
            else:
                inner = {name[len(first) + 1 :]: x for name, x in tensors.items() if name.startswith(f"{first}.")}
                made.add_module(first, module(inner))
        return made

    with foreign.strangers(training={}, training__networks=dict(Generator=Generator)):
        last = module({name: x + 1 for name, x in state.items()})
        return pickle.dumps(dict(G=last, D=torch.nn.Linear(2, 2), G_ema=module(state), training_set_kwargs={}))


@both
def test_an_ordinary_pickle_of_its_classes_is_read_and_none_of_them_is_run(tmp_path: Path, classes: int) -> None:
    twin = tiny.r3gan(classes=classes)
    described = describe(written(tmp_path / "a.pkl", pickled(theirs(twin))))
    assert described.format == "r3gan"
    assert_same(described.generator, twin, label=1 if classes else None)


def test_the_class_is_not_for_directions_to_move() -> None:
    generator = tiny.r3gan_classes()
    codes = generator.codes(generator.sample(3, 0), label=[0, 1, 2])
    assert torch.equal(codes[:, 0, generator.movable], generator.sample(3, 0))
    assert torch.equal(codes[:, 0, tiny.DIM :], generator.embedding)
    assert tiny.r3gan().movable == slice(0, tiny.DIM)
    with pytest.raises(ValueError, match="label 3: this generator has the classes 0 to 2"):
        generator.codes(generator.sample(1, 0), label=3)


@both
def test_the_first_weight_is_what_the_first_layer_does(classes: int) -> None:
    generator = tiny.r3gan(classes=classes)
    codes = generator.codes(generator.sample(2, 0))
    assert torch.allclose(
        generator.layers[0](None, codes[:, 0]).x.flatten(1), codes[:, 0] @ generator.first_weight(0).T
    )


def changed(**changes: Tensor | None) -> dict[str, Tensor]:
    state = theirs(tiny.r3gan_classes(), "") | {name.replace("__", "."): x for name, x in changes.items()}
    return {name: x for name, x in state.items() if x is not None}


@pytest.mark.parametrize(
    "state, sentence",
    [
        (changed(MainLayers__1__Layers__2__NonLinearity2__Bias=None), r"has no 'MainLayers\.1\.Layers\.2\.NonLin"),
        (changed(MainLayers__1__Layers__0__Resampler__Kernel=torch.ones(4, 4) / 16), "another filter"),
        (changed(MainLayers__3__Layers__1__Layer__weight=torch.ones(2)), "which its architecture does not have"),
        (changed(AggregationLayer__Layer__weight=torch.ones(12, 6, 1, 1)), "draws 12 channels"),
        (changed(EmbeddingLayer__weight=torch.ones(17, 3)), "no room for noise"),
        (changed(MainLayers__0__Layers__1__LinearLayer2__Layer__weight=torch.ones(12, 5, 3, 3)), "groups of 5"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path: Path, state: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        read(written(tmp_path / "a.pt", foreign.torch_file(state)))
    assert "\n" not in str(refused.value)
