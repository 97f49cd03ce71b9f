"""BigGAN-deep as pytorch-pretrained-biggan stores it (pytorch_model.bin beside config.json).

Its spectral norms are folded into the weights, and our gain is taken out of them. Its first layer counts pixels before
channels. Between two values of psi the reference mixes the statistics with the shares swapped; `BigGANDeep` does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ..generators.biggan import BigGANDeep
from .foreign import Foreign


class File(Foreign):
    def normed(self, name: str, *shape: int) -> Tensor:
        """The weight over its spectral norm u . W v.

        Files of old versions hold the quotient in place of v; where they do not, v follows from u. Folded weights stay.
        """
        if f"{name}.weight_orig" not in self:
            return self.take(f"{name}.weight", *shape)
        weight, u = self.take(f"{name}.weight_orig", *shape), self.take(f"{name}.weight_u", shape[0])
        if f"{name}.weight" in self:
            self.drop(f"{name}.weight_v")
            return self.take(f"{name}.weight", *shape)
        flat = weight.flatten(1)
        stored = f"{name}.weight_v" in self
        v = self.take(f"{name}.weight_v", flat.shape[1]) if stored else F.normalize(u @ flat, dim=0)
        return weight / (u @ flat @ v)


def matches(state: Mapping[str, Tensor]) -> bool:
    return {"embeddings.weight", "generator.gen_z.bias", "generator.bn.running_means"} <= state.keys()


def from_state(state: Mapping[str, Tensor], config: Mapping | None = None) -> BigGANDeep:
    """A frozen BigGANDeep. Of config, `layers` (which blocks double the size; None: every second) and `eps` count."""
    tensors, options = File(state, "pytorch-pretrained-biggan"), dict(config or {})
    sizes, modules = _sizes(tensors, options)
    z_dim, class_dim, rows = sizes["z_dim"], sizes["class_dim"], sizes["rows"]
    width, first = z_dim + class_dim, sizes["blocks"][0][1]
    dense = tensors.normed("generator.gen_z", first * 16, width) * math.sqrt(width)
    ours = {
        "embedding": tensors.take("embeddings.weight", class_dim, sizes["classes"]).T,
        "layers.0.dense.weight": dense.reshape(16, first, width).transpose(0, 1).flatten(0, 1),
        "layers.0.dense.bias": tensors.take("generator.gen_z.bias", first * 16).reshape(16, first).T.flatten(),
    }
    for k, ((_, fan_in, fan_out), module) in enumerate(zip(sizes["blocks"], modules)):
        theirs, layer, middle = f"generator.layers.{module}", f"layers.{k + 1}", fan_in // 4
        for i, (before, after, kernel) in enumerate(
            ((fan_in, middle, 1), (middle, middle, 3), (middle, middle, 3), (middle, fan_out, 1))
        ):
            ours |= _gate(tensors, f"{theirs}.bn_{i}", f"{layer}.gates.{i}", before, width, rows)
            ours |= tensors.conv(f"{theirs}.conv_{i}", f"{layer}.convs.{i}", before, after, kernel)
        if k == sizes["attention"]:
            ours |= _attention(tensors, f"generator.layers.{module + 1}", f"{layer}.attention", fan_out)
    last = sizes["blocks"][-1][2]
    ours |= {
        "output.gain": tensors.take("generator.bn.weight", last),
        "output.bias": tensors.take("generator.bn.bias", last),
    }
    ours |= _statistics(tensors, "generator.bn", "output", last, rows)
    rgb = tensors.conv("generator.conv_to_rgb", "to_rgb", last, last, 3)
    ours |= {name: tensor[:3] for name, tensor in rgb.items()}  # the reference shows only three of its channels
    return tensors.built(BigGANDeep, sizes, ours)


def _sizes(tensors: File, options: dict) -> tuple[dict, list[int]]:
    """The arguments of BigGANDeep, and the number that each block has among the reference's modules."""
    numbered = [name.split(".") for name in tensors.left if name.startswith("generator.layers.")]
    numbers = (
        {int(name[2]) for name in numbered if name[2].isdecimal() and name[3:] == part}
        for part in (["bn_0", "running_means"], ["gamma"])
    )
    modules, attentive = (sorted(found) for found in numbers)
    if not modules or len(attentive) > 1 or sorted(modules + attentive) != list(range(len(modules) + len(attentive))):
        tensors.refuse(
            f"has blocks {modules} and attention {attentive}, where numbers from 0 without a gap, and "
            "attention once at most, belong"
        )
    attention = modules.index(attentive[0] - 1) if attentive and attentive[0] else None
    widths = [tensors.shape(f"generator.layers.{module}.bn_0.running_means", 2)[1] for module in modules]
    rows, last = tensors.shape("generator.bn.running_means", 2)
    class_dim, classes = tensors.shape("embeddings.weight", 2)
    weight = "generator.gen_z.weight_orig" if "generator.gen_z.weight_orig" in tensors else "generator.gen_z.weight"
    ups = _doubling(tensors, options, len(modules))
    sizes = dict(
        blocks=tuple(zip(ups, widths, (*widths[1:], last))),
        z_dim=tensors.shape(weight, 2)[1] - class_dim,
        classes=classes,
        class_dim=class_dim,
        attention=attention,
        eps=tensors.positive(options, "eps", 1e-4),
        rows=rows,
    )
    return sizes, modules


def _doubling(tensors: File, options: dict, blocks: int) -> list[bool]:
    layers = options.get("layers", [[k % 2 == 1] for k in range(blocks)])
    listed = isinstance(layers, list) and all(isinstance(row, list) and row for row in layers)
    if not listed or len(layers) != blocks:
        tensors.refuse(
            f"has {blocks} blocks, which its config.json does not describe under 'layers'",
            "bring the config.json that belongs to it, or none",
        )
    return [bool(row[0]) for row in layers]


def _gate(tensors: File, theirs: str, ours: str, channels: int, width: int, rows: int) -> dict[str, Tensor]:
    maps = [tensors.normed(f"{theirs}.{name}", channels, width) for name in ("scale", "offset")]
    return {f"{ours}.weight": torch.cat(maps) * math.sqrt(width)} | _statistics(tensors, theirs, ours, channels, rows)


def _statistics(tensors: File, theirs: str, ours: str, channels: int, rows: int) -> dict[str, Tensor]:
    return {f"{ours}.{name}": tensors.take(f"{theirs}.running_{name}s", rows, channels) for name in ("mean", "var")}


def _attention(tensors: File, theirs: str, ours: str, channels: int) -> dict[str, Tensor]:
    found = {f"{ours}.gamma": tensors.take(f"{theirs}.gamma", 1)[0]}
    for name, fan_in, fan_out in (
        ("theta", channels, channels // 8),
        ("phi", channels, channels // 8),
        ("g", channels, channels // 2),
        ("o_conv", channels // 2, channels),
    ):
        module = f"{theirs}.snconv1x1_{name}"
        found |= tensors.conv(module, f"{ours}.{name.removesuffix('_conv')}", fan_in, fan_out, 1, bias=False)
    return found
