"""PGGAN as facebookresearch's pytorch_GAN_zoo saves it: `avgG`, `netG` and, beside them, `config`.

There the scale sqrt(2 / fan in) of a layer multiplies its bias too, so our biases are multiplied by it, and the weights
of what makes a picture by sqrt(2). The first layer has a bias for every pixel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from ..generators.pggan import PGGAN
from .foreign import Foreign
from .vocabulary import picture_channels, shown

BOUNDED = {"WGANGP": False, "Logistic": False, "DCGAN": True, "MSE": True}  # losses: does the network end with tanh?
# Settings that change pictures, and the values that this project draws; absent means usual.
USUAL = dict(perChannelNormalization=True, equalizedlR=True, leakyReluLeak=0.2, categoryVectorDim=0)
UNSAID = (
    "the file does not hold the settings of its training; it was read as trained with WGANGP (no tanh at the end) and "
    "grown to its full size"
)


def matches(state: Mapping[str, Tensor]) -> bool:
    return {"formatLayer.weight", "toRGBLayers.0.weight"} <= {_bare(name) for name in state}


def _bare(name: str) -> str:
    return name.replace(".module.", ".")


def from_state(state: Mapping[str, Tensor], config: Mapping | None = None) -> PGGAN:
    """config: the file's, of which `alpha` (the share of the smaller size's picture) and `lossCriterion` count.

    Raises ValueError where tensors lack or do not fit, or the network is of another kind than ours.
    """
    tensors, said = Foreign({_bare(name): x for name, x in state.items()}, "pytorch_GAN_zoo"), config or {}
    sizes = _sizes(tensors, said)
    channels, last = sizes["channels"], len(sizes["channels"]) - 1
    width = channels[0]
    dense = tensors.take("formatLayer.weight", width * 16, sizes["dim"]).reshape(width, 4, 4, -1)
    bias = tensors.take("formatLayer.bias", width * 16).reshape(width, 4, 4)
    ours = {"layers.0.weight": dense.permute(0, 3, 1, 2) * 4, "layers.0.bias": bias * math.sqrt(2 / sizes["dim"])}
    for j in range(1, 2 * len(channels)):
        fan_in, fan_out = channels[(j - 1) // 2], channels[j // 2]
        theirs = f"scaleLayers.{j // 2 - 1}.{j % 2}" if j > 1 else "groupScale0.0"
        ours[f"layers.{j}.weight"] = tensors.take(f"{theirs}.weight", fan_out, fan_in, 3, 3)
        ours[f"layers.{j}.bias"] = tensors.take(f"{theirs}.bias", fan_out) * math.sqrt(2 / (9 * fan_in))
    pictures = {last: "rgb_"} | ({last - 1: f"layers.{2 * last - 1}.to_rgb."} if sizes["fade"] else {})
    for i, width in enumerate(channels):
        weight = tensors.take(f"toRGBLayers.{i}.weight", sizes["image_channels"], width, 1, 1)
        bias = tensors.take(f"toRGBLayers.{i}.bias", sizes["image_channels"])
        if i in pictures:  # the others were used only while growing
            ours[f"{pictures[i]}weight"], ours[f"{pictures[i]}bias"] = weight * 2**0.5, bias * math.sqrt(2 / width)
    generator = tensors.built(PGGAN, sizes, ours)
    generator.notes = () if "lossCriterion" in said else (UNSAID,)
    return generator


def _sizes(tensors: Foreign, said: Mapping) -> dict:
    """The arguments of PGGAN."""
    for name, usual in USUAL.items():
        if said.get(name, usual) != usual:
            remedy = f"only {usual} is drawn; open a network without classes and with the usual settings"
            tensors.refuse(f"was trained with {name} = {shown(said[name])}", remedy)
    loss, fade = said.get("lossCriterion", "WGANGP"), said.get("alpha", 0)
    if loss not in BOUNDED or type(fade) not in (int, float) or not 0 <= fade <= 1:
        remedy = f"known losses are {', '.join(BOUNDED)}, and alpha is a number from 0 to 1"
        tensors.refuse(f"says lossCriterion = {shown(loss)} and alpha = {shown(fade)}", remedy)
    levels = tensors.count("toRGBLayers.{}.weight")
    if levels < 2:
        tensors.refuse("draws 4 pixels a side", "open one that has grown further")
    channels = [tensors.shape(f"toRGBLayers.{i}.weight", 4)[1] for i in range(levels)]
    return dict(
        resolution=2 ** (levels + 1),
        channels=channels,
        dim=tensors.shape("formatLayer.weight", 2)[1],
        image_channels=picture_channels(tensors.shape(f"toRGBLayers.{levels - 1}.weight", 4)[0]),
        bias_side=4,
        fade=float(fade),
        bounded=BOUNDED[loss],
    )
