"""R3GAN's generator (training.networks, or R3GAN.Networks inside of it): the state dict of `G_ema`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..generators.r3gan import R3GAN
from .convert import FIR
from .foreign import Foreign
from .vocabulary import picture_channels

STAGE = "MainLayers.{}.Layers."


def matches(state: Mapping[str, Tensor]) -> bool:
    return any(_bare(name) == "MainLayers.0.Layers.0.Basis" for name in state)


NO_CLASSES = "the file holds no table of classes, so it was read as a network without classes"


def _bare(name: str) -> str:
    return name.removeprefix("Model.")


def from_state(state: Mapping[str, Tensor], config: Mapping | None = None) -> R3GAN:
    """A frozen R3GAN, its sizes read off the tensors; config is not needed. Raises ValueError for what does not fit."""
    tensors = Foreign({_bare(name): x for name, x in state.items()}, "R3GAN")
    sizes = _sizes(tensors)
    stages, dim = sizes["stages"], sizes["z_dim"] + sizes["class_dim"]
    theirs, ours, layer = STAGE.format(0) + "0.", {}, 1
    ours["layers.0.weight"] = tensors.take(f"{theirs}LinearLayer.weight", stages[0][0], dim)
    ours["layers.0.maps"] = tensors.take(f"{theirs}Basis", stages[0][0], 4, 4)
    for k, (channels, blocks, width, groups) in enumerate(stages):
        if k:
            ours |= _transition(tensors, STAGE.format(k) + "0.", f"layers.{layer}.", stages[k - 1][0], channels)
            layer += 1
        for block in range(1, blocks + 1):
            ours |= _residual(tensors, f"{STAGE.format(k)}{block}.", f"layers.{layer}.", channels, width, groups)
            layer += 1
    ours["to_rgb.weight"] = tensors.take("AggregationLayer.Layer.weight", sizes["image_channels"], channels, 1, 1)
    if sizes["classes"]:
        ours["embedding"] = tensors.take("EmbeddingLayer.weight", sizes["class_dim"], sizes["classes"]).T
    generator = tensors.built(R3GAN, sizes, ours)
    generator.notes = () if sizes["classes"] else (NO_CLASSES,)
    return generator


def _sizes(tensors: Foreign) -> dict:
    """The arguments of R3GAN."""
    stages = []
    for k in range(tensors.count(STAGE + "1.LinearLayer1.Layer.weight")):
        beginning = STAGE.format(k)
        width, channels = tensors.shape(f"{beginning}1.LinearLayer1.Layer.weight", 4)[:2]
        part = tensors.shape(f"{beginning}1.LinearLayer2.Layer.weight", 4)[1]
        if width % part:
            tensors.refuse(f"has {width} channels in stage {k}, which cannot be parted into groups of {part}")
        blocks = tensors.count(f"{beginning}{{}}.LinearLayer1.Layer.weight", first=1)
        stages.append((channels, blocks, width, width // part))
    if not stages:
        tensors.refuse("has no blocks")
    class_dim, classes = tensors.shape("EmbeddingLayer.weight", 2) if "EmbeddingLayer.weight" in tensors else (0, 0)
    z_dim = tensors.shape(STAGE.format(0) + "0.LinearLayer.weight", 2)[1] - class_dim
    if z_dim < 1:
        tensors.refuse("leaves no room for noise beside its classes")
    image_channels = picture_channels(tensors.shape("AggregationLayer.Layer.weight", 4)[0])
    return dict(stages=stages, z_dim=z_dim, classes=classes, class_dim=class_dim, image_channels=image_channels)


def _transition(tensors: Foreign, theirs: str, ours: str, fan_in: int, fan_out: int) -> dict[str, Tensor]:
    kernel = tensors.take(f"{theirs}Resampler.Kernel", 4, 4)
    if not torch.allclose(kernel, FIR.double(), atol=1e-4):
        tensors.refuse(f"has another filter than [1, 3, 3, 1] in {theirs}Resampler", "open one with the usual filter")
    if fan_in == fan_out:
        return {}
    return {f"{ours}conv.weight": tensors.take(f"{theirs}LinearLayer.Layer.weight", fan_out, fan_in, 1, 1)}


def _residual(tensors: Foreign, theirs: str, ours: str, channels: int, width: int, groups: int) -> dict[str, Tensor]:
    shapes = ((width, channels, 1, 1), (width, width // groups, 3, 3), (channels, width, 1, 1))
    found = {
        f"{ours}convs.{i}.weight": tensors.take(f"{theirs}LinearLayer{i + 1}.Layer.weight", *shape)
        for i, shape in enumerate(shapes)
    }
    biases = {f"{ours}biases.{i}": tensors.take(f"{theirs}NonLinearity{i + 1}.Bias", width) for i in range(2)}
    return found | biases
