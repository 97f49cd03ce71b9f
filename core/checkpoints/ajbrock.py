"""BigGAN as BigGAN-PyTorch stores it (G_ema.pth).

Its evaluation takes one step of power iteration from the stored u each time; that is folded into the weights here, and
our gain is taken out of them. Its codes are the class, then the noise; ours the noise, then the class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ..generators.biggan import BigGAN
from .foreign import Foreign

ONLY = dict(norm_style=("bn",), G_nl=("relu", "inplace_relu"), cross_replica=(False,), mybn=(False,), bottom_width=(4,))


class File(Foreign):
    def normed(self, name: str, *shape: int) -> Tensor:
        """The weight over its spectral norm, as estimated by one step from u0; as it is where there is no u0."""
        weight = self.take(f"{name}.weight", *shape)
        if f"{name}.u0" in self:
            flat = weight.flatten(1)
            v = F.normalize(self.take(f"{name}.u0", 1, shape[0]) @ flat)
            weight = weight / (v @ flat.T).norm()
        self.drop(f"{name}.sv0")  # a log
        return weight


def matches(state: Mapping[str, Tensor]) -> bool:
    return {"linear.weight", "blocks.0.0.bn1.stored_mean", "output_layer.0.stored_mean"} <= state.keys()


def from_state(state: Mapping[str, Tensor], config: Mapping | None = None) -> BigGAN:
    """A frozen BigGAN, its sizes read off the tensors; config: its training options, of which BN_eps (1e-5) counts."""
    tensors, options = File(state, "BigGAN-PyTorch"), dict(config or {})
    sizes, tables = _sizes(tensors, options)
    channels, class_dim, chunk = sizes["channels"], sizes["class_dim"], tensors.shape("linear.weight", 2)[1]
    embedding = torch.eye(class_dim).double() if tables else tensors.take("shared.weight", sizes["classes"], class_dim)
    ours = {
        "embedding": embedding,
        "layers.0.dense.weight": tensors.normed("linear", channels[0] * 16, chunk) * math.sqrt(chunk),
        "layers.0.dense.bias": tensors.take("linear.bias", channels[0] * 16),
    }
    width = class_dim + chunk * sizes["hierarchical"]
    for k, (fan_in, fan_out) in enumerate(zip(channels, channels[1:])):
        theirs, layer = f"blocks.{k}.0", f"layers.{k + 1}"
        for i, fan in enumerate((fan_in, fan_out)):
            ours |= _gate(tensors, f"{theirs}.bn{i + 1}", f"{layer}.gates.{i}", fan, width, width - class_dim, tables)
            ours |= tensors.conv(f"{theirs}.conv{i + 1}", f"{layer}.convs.{i}", fan, fan_out, 3)
        ours |= tensors.conv(f"{theirs}.conv_sc", f"{layer}.skip", fan_in, fan_out, 1)
        if 8 * 2**k in sizes["attention"]:
            ours |= _attention(tensors, f"blocks.{k}.1", f"{layer}.attention", fan_out)
    ours |= {f"output.{name}": tensors.take(f"output_layer.0.{name}", channels[-1]) for name in ("gain", "bias")}
    ours |= _statistics(tensors, "output_layer.0", "output", channels[-1])
    drawn = tensors.shape("output_layer.2.weight", 4)[0]
    if drawn != 3:
        tensors.refuse(f"draws {drawn} channels", "open one that draws 3")
    ours |= tensors.conv("output_layer.2", "to_rgb", channels[-1], 3, 3)
    return tensors.built(BigGAN, sizes, ours)


def _sizes(tensors: File, options: dict) -> tuple[dict, bool]:
    """The arguments of BigGAN, and whether gains and biases are tables of the classes."""
    for name, allowed in ONLY.items():
        if options.get(name, allowed[0]) not in allowed:
            tensors.refuse(f"was trained with {name} = {options[name]!r}", f"only {allowed[0]!r} is read")
    blocks = tensors.count("blocks.{}.0.conv1.weight")
    rows, chunk = tensors.shape("linear.weight", 2)
    channels = (rows // 16, *(tensors.shape(f"blocks.{k}.0.conv1.weight", 4)[0] for k in range(blocks)))
    tables = "shared.weight" not in tensors
    classes, class_dim = tensors.shape("blocks.0.0.bn1.gain.weight" if tables else "shared.weight", 2)
    if tables:
        class_dim = classes
    hierarchical = not tables and tensors.shape("blocks.0.0.bn1.gain.weight", 2)[1] > class_dim
    sizes = dict(
        resolution=4 * 2**blocks,
        channels=channels,
        z_dim=chunk * (blocks + 1 if hierarchical else 1),
        classes=classes,
        class_dim=class_dim,
        hierarchical=hierarchical,
        eps=tensors.positive(options, "BN_eps", 1e-5),
        attention=tuple(8 * 2**k for k in range(blocks) if f"blocks.{k}.1.gamma" in tensors),
    )
    for theirs, ours in dict(resolution="resolution", n_classes="classes", hier="hierarchical").items():
        if options.get(theirs, sizes[ours]) != sizes[ours]:
            tensors.refuse(
                f"has {ours} {sizes[ours]}, but its config.json says {theirs} = {options[theirs]!r}",
                "bring the config.json that belongs to it, or none",
            )
    return sizes, tables


def _gate(
    tensors: File, theirs: str, ours: str, channels: int, width: int, chunk: int, tables: bool
) -> dict[str, Tensor]:
    if tables:
        maps = [tensors.take(f"{theirs}.{name}.weight", width, channels).T for name in ("gain", "bias")]
    else:
        maps = [tensors.normed(f"{theirs}.{name}", channels, width).roll(chunk, 1) for name in ("gain", "bias")]
    return {f"{ours}.weight": torch.cat(maps) * math.sqrt(width)} | _statistics(tensors, theirs, ours, channels)


def _statistics(tensors: File, theirs: str, ours: str, channels: int) -> dict[str, Tensor]:
    return {f"{ours}.{name}": tensors.take(f"{theirs}.stored_{name}", channels)[None] for name in ("mean", "var")}


def _attention(tensors: File, theirs: str, ours: str, channels: int) -> dict[str, Tensor]:
    found = {f"{ours}.gamma": tensors.take(f"{theirs}.gamma")}
    for name, fan_in, fan_out in (
        ("theta", channels, channels // 8),
        ("phi", channels, channels // 8),
        ("g", channels, channels // 2),
        ("o", channels // 2, channels),
    ):
        found |= tensors.conv(f"{theirs}.{name}", f"{ours}.{name}", fan_in, fan_out, 1, bias=False)
    return found
