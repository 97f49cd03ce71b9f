"""GenForce's StyleGAN2 and PGGAN (also SeFa's and PandA's files), and PGGAN's older names (HiGAN, mGANprior).

PGGAN's first layer is stored as a convolution over a padded pixel, which turns the kernel; StyleGAN2's up-sampling
layers are stored turned as well, and its style biases start at 0.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from ..generators.base import Generator
from ..generators.pggan import PGGAN
from .convert import DEEPEST, Layout, Said, Source, as_is, flipped, loaded, plus_one, stylegan2
from .vocabulary import AGAIN, Refused, picture_channels

LAYOUT = Layout(
    mapping=lambda i: f"mapping.dense{i}.",
    w_avg="truncation.w_avg",
    const="synthesis.early_layer.const",
    conv=lambda j: f"synthesis.layer{j}.",
    rgb=lambda i: f"synthesis.output{i}.",
    noise=lambda j: f"synthesis.layer{j}.noise",
    affine=("style.weight", "style.bias"),
    kernel=lambda j: flipped if j % 2 else as_is,
    affine_bias=plus_one,
    filters=("filter.kernel", "upsample.kernel"),
    filter_sum=4.0,
)
OLD_NAMES = ((".conv.weight", ".weight"), (".wscale.bias", ".bias"))


def matches(state: dict[str, Tensor]) -> bool:
    stylegan2_only = "synthesis.early_layer.const" in state or "synthesis.layer0.noise_strength" in state
    return stylegan2_only or any(re.fullmatch(r"layer0(\.conv)?\.weight", name) for name in state)


def from_state(state: dict[str, Tensor], config: dict | None = None) -> Generator:
    """A StyleGAN2 or a PGGAN; config may say the former's `z_dim`."""
    if any(name.startswith("synthesis.") for name in state):
        return stylegan2(state, LAYOUT, clamp=None, said=Said.of(config))
    return _pggan(state)


def swapped(weight: Tensor) -> Tensor:
    """[i, o, k, k] of a fused up-sampling (a transposed convolution) -> [o, i, k, k] of one after doubling."""
    return weight.transpose(0, 1).flip(-2, -1) if weight.ndim == 4 else weight


def _pggan(state: dict[str, Tensor]) -> PGGAN:
    state = {_new_name(name): tensor for name, tensor in state.items()}
    levels = max((i + 1 for i in range(DEEPEST) if f"output{i}.weight" in state), default=0)
    biases = [state.get(f"layer{j}.bias") for j in range(2 * levels)]
    if levels < 2 or any(bias is None or bias.ndim != 1 for bias in biases):
        raise Refused(f"it lacks layers of a PGGAN: {AGAIN}")
    if "lod" in state and state["lod"].any():
        raise Refused("it stopped growing before its last size (its lod is not 0): open one that has grown up")
    widths = [len(bias) for bias in biases]
    fused = any(
        state[f"layer{j}.weight"].shape[:2] == (widths[j - 1], widths[j]) != (widths[j], widths[j - 1])
        for j in range(2, 2 * levels, 2)
        if f"layer{j}.weight" in state
    )
    sources = {
        "layers.0.weight": Source("layer0.weight", flipped),
        "rgb_weight": Source(f"output{levels - 1}.weight"),
        "rgb_bias": Source(f"output{levels - 1}.bias"),
    }
    for j in range(2 * levels):
        sources.setdefault(f"layers.{j}.weight", Source(f"layer{j}.weight", swapped if fused and j % 2 == 0 else as_is))
        sources[f"layers.{j}.bias"] = Source(f"layer{j}.bias")
    first = state.get("layer0.weight", torch.empty(0))
    last = state.get(f"output{levels - 1}.weight", torch.empty(0))
    if first.ndim != 4 or last.ndim != 4:
        raise Refused(f"its layer0.weight or its last output is no kernel of four axes: {AGAIN}")
    config = dict(
        resolution=4 * 2 ** (levels - 1),
        channels=widths[1::2],
        dim=first.shape[1],
        image_channels=picture_channels(len(last)),
    )
    # outputs of smaller sizes are used only while growing
    smaller = {f"output{i}.{part}" for i in range(levels - 1) for part in ("weight", "bias")}
    return loaded(PGGAN, config, sources, state, spare={"lod", *smaller})


def _new_name(name: str) -> str:
    for old, new in OLD_NAMES:
        if name.endswith(old):
            return name[: -len(old)] + new
    return name
