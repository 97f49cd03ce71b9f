"""The program of a reader: what it says of a picture is computed where the picture was drawn."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.truth.readers import FactorReader, Reader

from .program import Program, plain


def reader(network: Reader) -> Program:
    """The operations that make `readings` of a `picture`; batch norms, as they are in evaluation, are folded in.

    Every other convolution has a stride of 2, as in core.truth.readers. Factor readings have their 0.5 added.
    """
    program = Program()
    size, last = network.resolution, "picture"
    for i, (conv, norm, _) in enumerate(network.body):
        to, gain, bias = f"x{i}", *_folded(norm)
        kernel = (conv.weight.double() * gain[:, None, None, None]).float()
        if conv.stride[0] == 2:
            size = (size + 1) // 2
            program.strided(to, last, kernel, 1, (len(kernel), size, size))
        else:
            program.conv(to, last, kernel, plain(3, 1), (len(kernel), size, size))
        last = program.add("finish", to, bias=program.tensor(f"{to}.bias", bias.float()), slope=0.0)
    dense, norm, _ = network.hidden_layer
    gain, bias = _folded(norm)
    weight = (dense.weight.double() * gain[:, None]).float().unflatten(1, (-1, size, size))
    weight = F.pad(weight, (0, -size % 4)).flatten(1)  # a map's rows are a multiple of 4 long
    program.affine("hidden", last, weight, bias.float(), shape=(1, 1, len(bias)))
    program.add("finish", "hidden", slope=0.0)
    offset = 0.5 if isinstance(network, FactorReader) else 0.0
    program.affine("readings", "hidden", network.output.weight, network.output.bias + offset)
    return program


def _folded(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """A batch norm in evaluation as a gain and a bias, in float64."""
    gain = norm.weight.double() * torch.rsqrt(norm.running_var.double() + norm.eps)
    return gain, norm.bias.double() - norm.running_mean.double() * gain
