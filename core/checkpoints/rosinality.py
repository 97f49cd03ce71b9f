"""rosinality's StyleGAN2 (stylegan2-pytorch) and its converted NVIDIA weights: `g_ema` and, beside it, `latent_avg`."""

from __future__ import annotations

import torch
from torch import Tensor

from ..generators.stylegan2 import StyleGAN2
from .convert import Layout, Said, mean_code, stylegan2
from .vocabulary import Refused

NOTE = "the file does not hold the mean of w; it was measured over 4,096 seeds, as rosinality's own script does"
LAYOUT = Layout(
    mapping=lambda i: f"style.{i + 1}.",
    w_avg="latent_avg",
    const="input.input",
    conv=lambda j: f"convs.{j - 1}." if j else "conv1.",
    rgb=lambda i: f"to_rgbs.{i - 1}." if i else "to_rgb1.",
    noise=lambda j: f"noises.noise_{j}",
    weight="conv.weight",
    bias="activate.bias",
    strength="noise.weight",
    affine=("conv.modulation.weight", "conv.modulation.bias"),
    rgb_weight="conv.weight",
    rgb_bias="bias",
    filters=("blur.kernel", "upsample.kernel"),
    filter_sum=4.0,
    wide=False,  # this code has one number for both
)


def matches(state: dict[str, Tensor]) -> bool:
    return any(name.startswith(("conv1.conv.", "to_rgb1.")) for name in state)


def from_state(state: dict[str, Tensor], config: dict | None = None) -> StyleGAN2:
    """`latent_avg` [dim], or [slots, dim] with equal rows, may lie in the state; config may say `z_dim`."""
    state = dict(state)
    mean = state.get("latent_avg")
    if mean is None:
        biases = [name for name in state if name.startswith("style.") and name.endswith(".bias")]
        last = max(biases, key=lambda name: (len(name), name), default=None)
        state["latent_avg"] = torch.zeros(0) if last is None else torch.zeros_like(state[last])
    elif mean.ndim == 2:
        if not torch.allclose(mean, mean[:1].expand_as(mean), atol=1e-6):
            raise Refused("its latent_avg differs from slot to slot: open a file with one mean")
        state["latent_avg"] = mean[0]
    generator = stylegan2(state, LAYOUT, clamp=None, said=Said.of(config))
    if mean is None:
        generator.w_avg.copy_(mean_code(generator))
        generator.notes = (NOTE, *generator.notes)
    return generator
