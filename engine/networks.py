"""The program of each architecture that the browser draws; gains are folded into the weights."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.generators.base import Generator
from core.generators.biggan import Attention, BigGAN, Normalisation
from core.generators.blocks import SQRT2, normalize_second_moment
from core.generators.dcgan import DCGAN, Conv, Dense
from core.generators.pggan import PGGAN
from core.generators.stylegan2 import StyleGAN2

from .program import Phase, Program, doubled, plain, transposed, turned

SLOPE = 0.2


# --- StyleGAN2


def stylegan2(generator: StyleGAN2) -> Program:
    program = Program()
    const = generator.layers[0].const
    program.add("constant", "x", tensor=program.tensor("const", const), shape=list(const.shape))
    for k, (layer, slots) in enumerate(zip(generator.layers, generator.reads)):
        style = _style(program, "style", layer.conv, slots[0])
        kernel, size = layer.conv.kernel(), layer.noise.shape[-1]
        made, clamp = len(kernel), layer.clamp or None
        if layer.conv.up:
            phases, shape = transposed(3, 0), (made, size + 1, size + 1)
        else:
            phases, shape = plain(3, 1), (made, size, size)
        program.conv("y", "x", kernel, phases, shape, filtered=layer.conv.up, scale=style)
        program.add("demodulate", "norm", of="y", gain=SQRT2)
        noise = (SQRT2 * layer.noise_strength * layer.noise).detach()
        kept = program.tensor("noise", noise) if noise.any() else None
        bias = program.tensor("bias", SQRT2 * layer.bias)
        program.add("finish", "y", norm="norm", bias=bias, noise=kept, slope=SLOPE, clamp=clamp)
        rgb = "rgb"
        if len(slots) > 1:
            style = _style(program, "style_rgb", layer.to_rgb, slots[1])
            shape = (generator.image_channels, size, size)
            rgb = program.conv("new", "y", layer.to_rgb.kernel(), plain(1, 0), shape, scale=style)
            program.add("finish", rgb, bias=program.tensor("rgb_bias", layer.rgb_bias), clamp=clamp)
            if k:
                program.add("add_filtered", rgb, of="rgb")
        program.layer(x="y", rgb=rgb)
    return program


def _style(program: Program, to: str, conv, slot: int) -> str:
    return program.affine(to, slot, conv.affine.effective_weight(), conv.affine.bias * conv.affine.lr_mul)


def stylegan2_codes(generator: StyleGAN2) -> tuple[dict, dict[str, Tensor]]:
    tensors = {"codes.average": generator.w_avg}
    for k, layer in enumerate(generator.mapping):
        tensors |= {f"codes.weight.{k}": layer.effective_weight(), f"codes.bias.{k}": layer.bias * layer.lr_mul}
    if generator.classes:
        each = torch.eye(generator.classes, dtype=torch.float64)
        tensors["codes.classes"] = normalize_second_moment(generator.embed(each.to(generator.w_avg.device)))
    return dict(how="mapping", layers=len(generator.mapping), slope=SLOPE, gain=SQRT2), tensors


# --- PGGAN


def pggan(generator: PGGAN) -> Program:
    program = Program()
    dense = generator.layers[0]
    bias = dense.bias if dense.bias.ndim == 3 else dense.bias[:, None, None].expand(-1, 4, 4)
    program.add("second_moment", "code", slot=0)
    program.affine("x", "code", dense.effective_weight(), bias.flatten(), shape=(len(dense.bias), 4, 4))
    program.add("finish", "x", slope=SLOPE)
    program.add("pixel_norm", "x")
    program.layer(x="x")
    size = 4
    for layer in generator.layers[1:]:
        kernel, size = layer.kernel(), size * (2 if layer.up else 1)
        program.conv("y", "x", kernel, (doubled if layer.up else plain)(3, 1), (len(kernel), size, size))
        program.add("finish", "y", bias=program.tensor("bias", layer.bias), slope=SLOPE)
        program.add("pixel_norm", "y")
        state = dict(x="y") | ({"rgb": "rgb"} if "rgb" in program.layers[-1]["state"] else {})
        if layer.to_rgb is not None:
            kernel, bias = (generator.fade * numbers for numbers in (layer.to_rgb.kernel(), layer.to_rgb.bias))
            state["rgb"] = _one_by_one(program, "small", "y", kernel, bias, size)
        program.layer(**state)
    share = 1 - generator.fade
    kernel = share * generator.rgb_weight / math.sqrt(generator.channels[-1])
    _one_by_one(program, "image", "x", kernel, share * generator.rgb_bias, size)
    if generator.fade:
        program.add("add_doubled", "image", of="rgb")
    program.end = program.ops
    return program


def _one_by_one(program: Program, to: str, of: str, kernel: Tensor, bias: Tensor | None, size: int) -> str:
    program.conv(to, of, kernel, plain(1, 0), (len(kernel), size, size))
    if bias is not None:
        program.add("finish", to, bias=program.tensor(f"{to}.bias", bias))
    return to


# --- DCGAN


def dcgan(generator: DCGAN) -> Program:
    program = Program()
    (first, *rows), (dense, *layers) = generator.rows, generator.layers
    shape = (first.channels, first.size, first.size)
    weight, bias = (numbers.unflatten(0, shape) for numbers in (dense.weight, dense.bias))
    spare = -first.size % 4  # a map's rows are a multiple of 4 long
    weight, bias = F.pad(weight, (0, 0, 0, spare)), F.pad(bias, (0, spare))
    program.affine("x", 0, weight.flatten(0, 2), bias.flatten(), shape=shape)
    _activation(program, "x", dense, first)
    program.layer(x="x")
    size = first.size
    for row, layer in zip(rows, layers):
        size = row.size(size)
        program.conv("y", "x", layer.kernel(), _dcgan_phases(row), (row.channels, size, size))
        _activation(program, "y", layer, row, bias=program.tensor("bias", layer.bias))
        program.layer(x="y")
    row, layer = rows[-1], generator.to_pixels
    size = row.size(size)
    program.conv("image", "x", layer.kernel(), _dcgan_phases(row), (row.channels, size, size))
    program.add("finish", "image", bias=program.tensor("bias", layer.bias))
    program.end = program.ops
    return program


def _activation(program: Program, to: str, layer: nn.Module, row: Conv | Dense, *, bias: str | None = None) -> None:
    after = layer.activation
    names = {name: program.tensor(name, getattr(after, name)) for name in ("gain", "shift") if after.gain is not None}
    program.add("finish", to, bias=bias, slope=row.slope, **names)


def _dcgan_phases(row: Conv) -> list[Phase]:
    if row.transposed:
        return (transposed if row.stride == 2 else turned)(row.kernel, row.padding)
    return (doubled if row.up == 2 else plain)(row.kernel, row.padding)


def dcgan_refusal(generator: DCGAN) -> str | None:
    """Which layer the browser does not draw, or None."""
    for i, row in enumerate(generator.rows, start=1):
        where = f"its layer {i} has"
        if isinstance(row, Dense):
            if i > 1:
                return f"{where} weights between all pixels, which the browser draws only in the first layer"
        elif row.stride > 2 or (row.stride == 2 and not row.transposed):
            return f"{where} a stride of {row.stride}; the browser draws 1, and 2 where a convolution is transposed"
        elif row.up > 2 or (row.up == 2 and row.transposed):
            return (
                f"{where} an up-sampling of {row.up} times, which the browser does not draw before such a convolution"
            )
        elif row.up == 2 and generator.up_mode != "nearest":
            return f"{where} a {generator.up_mode} up-sampling; the browser draws repetition"
    return None


def label_codes(generator: DCGAN | PGGAN) -> tuple[dict, dict[str, Tensor]]:
    """A code is z, normalised where the network is a PGGAN, and behind it what stands for the class."""
    embedding = getattr(generator, "embedding", None)
    tensors = {} if embedding is None else {"codes.classes": embedding}
    return dict(how="normalised" if isinstance(generator, PGGAN) else "plain"), tensors


# --- BigGAN


def biggan(generator: BigGAN) -> Program:
    program = Program()
    dense = generator.layers[0].dense
    program.affine("x", 0, dense.effective_weight(), dense.bias, shape=(len(dense.bias) // 16, 4, 4))
    program.layer(x="x")
    size = 4
    for block in list(generator.layers)[1:]:
        size *= 2
        out = len(block.skip.weight)
        first, second = block.convs
        program.conv("wide", "x", first.kernel(), doubled(3, 1), (out, size, size), **_gate(program, 0, block.gates[0]))
        program.add("finish", "wide", bias=program.tensor("wide.bias", first.bias))
        program.conv("y", "wide", second.kernel(), plain(3, 1), (out, size, size), **_gate(program, 1, block.gates[1]))
        program.add("finish", "y", bias=program.tensor("y.bias", second.bias + block.skip.bias))
        _one_by_one(program, "skip", "x", block.skip.kernel(), None, size // 2)
        program.add("add_doubled", "y", of="skip")
        if block.attention is not None:
            _attention(program, block.attention, size)
        program.layer(x="y")
    norm = generator.output
    scale = norm.gain * torch.rsqrt(norm.var[-1] + norm.eps)
    shift = norm.bias - norm.mean[-1] * scale
    before = dict(scale=program.tensor("scale", scale), shift=program.tensor("shift", shift), slope=0.0)
    program.conv("image", "x", generator.to_rgb.kernel(), plain(3, 1), (3, size, size), **before)
    program.add("finish", "image", bias=program.tensor("image.bias", generator.to_rgb.bias))
    program.end = program.ops
    return program


def _gate(program: Program, i: int, gate: Normalisation) -> dict:
    """relu((x - mean) / sqrt(var + eps) (1 + W_g u) + W_b u) as a scale and a shift, each affine in u."""
    to_gain, to_bias = (gate.weight * gate.scale).chunk(2)
    mean, inverse = gate.mean[-1], torch.rsqrt(gate.var[-1] + gate.eps)
    to_scale = to_gain * inverse[:, None]
    to_shift = to_bias - mean[:, None] * to_scale
    slot, first = gate.slot, -gate.weight.shape[1]  # counted from the code's end
    return dict(
        scale=program.affine(f"scale{i}", slot, to_scale, inverse, first=first),
        shift=program.affine(f"shift{i}", slot, to_shift, -mean * inverse, first=first),
        slope=0.0,
    )


def _attention(program: Program, attention: Attention, size: int) -> None:
    for name in ("theta", "phi", "g"):
        _one_by_one(program, name, "y", getattr(attention, name).kernel(), None, size)
    half = size // 2
    for name, conv in (("phi", attention.phi), ("g", attention.g)):
        program.add("pool", f"{name}_half", of=name, shape=[len(conv.weight), half, half])
    seen = len(attention.g.weight)
    program.add("attend", "seen", query="theta", key="phi_half", value="g_half", shape=[seen, size, size])
    _one_by_one(program, "added", "seen", attention.gamma * attention.o.kernel(), None, size)
    program.add("add", "y", of="added")


def biggan_codes(generator: BigGAN) -> tuple[dict, dict[str, Tensor]]:
    how = "chunks" if generator.hierarchical else "first"
    return dict(how=how, noise=generator.noise_dim), {"codes.classes": generator.embedding}


# --- which there are

PROGRAMS: dict[type[Generator], tuple[Callable, Callable]] = {
    StyleGAN2: (stylegan2, stylegan2_codes),
    PGGAN: (pggan, label_codes),
    DCGAN: (dcgan, label_codes),
    BigGAN: (biggan, biggan_codes),
}
