"""NVIDIA's StyleGAN3 (stylegan3 code), configurations T and R: a .pkl of persistent objects, or a state dict.

Karras et al., Alias-Free Generative Adversarial Networks, NeurIPS 2021. Names hold sizes and widths, `L10_52_45`; how
the network was built is read off names and shapes.
"""

from __future__ import annotations

import re

from torch import Tensor

from ..generators.stylegan3 import LAYERS, MARGIN, StyleGAN3, bands
from .convert import Said, Source, loaded, side, without_classes
from .nvidia import CLAMP, NOTE, checked_clamp
from .vocabulary import AGAIN, Refused, shown

NAME = re.compile(r"synthesis\.L(\d{1,2})_(\d{1,5})_(\d{1,5})\.")
MOST = 64  # layers of a mapping
UNUSUAL = "which this project does not draw: open a StyleGAN3-T or -R of 16, 32, 64 ... pixels with the usual settings"


def matches(state: dict[str, Tensor]) -> bool:
    return "synthesis.input.freqs" in state


def from_state(state: dict[str, Tensor], config: dict | None = None) -> StyleGAN3:
    """config may say `conv_clamp` (None: no clamp). Raises ValueError where tensors lack or do not fit."""
    given = config is not None and "conv_clamp" in config
    clamp = checked_clamp(config["conv_clamp"] if given else CLAMP)
    names = _layers(state)
    mapping = max((i + 1 for i in range(MOST) if f"mapping.fc{i}.weight" in state), default=0)
    if not mapping:
        raise Refused(f"it lacks the mapping: {AGAIN}")
    sources = _sources(names, mapping, "mapping.embed.weight" in state)

    def length(ours: str, axis: int, ndim: int = 2) -> int:
        return side(state, sources[ours], axis, ndim)

    dim, classes = length(f"mapping.{mapping - 1}.weight", 0), 0
    if "embed.weight" in sources:
        classes = length("embed.weight", 1)
    settings = dict(
        resolution=int(NAME.match(names[-1])[2]),
        channels=[length(f"layers.{i + 1}.conv.weight", 0, 4) for i in range(LAYERS)],
        conv_kernel=length("layers.1.conv.weight", 3, 4),
        radial=state[sources["layers.1.filtered.down_filter"].name].ndim == 2,
        z_dim=length("mapping.0.weight", 1) - bool(classes) * dim,
        dim=dim,
        mapping_layers=mapping,
        classes=classes,
        clamp=clamp,
        image_channels=length(f"layers.{LAYERS + 1}.conv.weight", 0, 4),
    )
    if settings["z_dim"] < 1:
        raise Refused(f"its {shown(sources['mapping.0.weight'].name)} leaves no room for noise: {AGAIN}")
    said = Said.of(config)
    wide = () if classes else without_classes(state, settings["z_dim"], dim, said)
    generator = loaded(StyleGAN3, settings, sources, state)
    generator.notes = (*(() if given else (NOTE,)), *wide)
    return generator


def _layers(state: dict[str, Tensor]) -> list[str]:
    """`synthesis.L0_36_512.` and so on, in order; their number and sizes must be those of the two configurations."""
    found = {int(match[1]): match[0] for match in map(NAME.match, state) if match}
    if sorted(found) != list(range(LAYERS + 1)):
        raise Refused(f"its synthesis has {len(found)} layers instead of {LAYERS + 1}, {UNUSUAL}")
    names = [found[i] for i in range(LAYERS + 1)]
    sizes = [int(NAME.match(name)[2]) for name in names]
    try:
        usual = [band.size for band in bands(sizes[-1])]
    except ValueError:
        raise Refused(f"it draws {sizes[-1]} pixels a side, {UNUSUAL}") from None
    if sizes != usual:
        i = next(i for i in range(LAYERS + 1) if sizes[i] != usual[i])
        raise Refused(
            f"its layer {i} has maps of {sizes[i]} pixels where {usual[i]} are usual (margin {MARGIN}), {UNUSUAL}"
        )
    return names


def _sources(names: list[str], mapping: int, embed: bool) -> dict[str, Source]:
    sources = {"w_avg": "mapping.w_avg"}
    dense = {f"mapping.{i}": f"mapping.fc{i}" for i in range(mapping)} | ({"embed": "mapping.embed"} if embed else {})
    for ours, theirs in dense.items():
        sources |= {f"{ours}.{part}": f"{theirs}.{part}" for part in ("weight", "bias")}
    own = ("weight", "freqs", "phases", "transform", "affine.weight", "affine.bias")
    sources |= {f"layers.0.{part}": f"synthesis.input.{part}" for part in own}
    for i, name in enumerate(names):
        ours = f"layers.{i + 1}."
        conv = ("weight", "magnitude_ema", "affine.weight", "affine.bias")
        sources |= {f"{ours}conv.{part}": name + part for part in conv}
        sources[f"{ours}bias"] = f"{name}bias"
        if i < LAYERS:
            sources |= {f"{ours}filtered.{part}": name + part for part in ("up_filter", "down_filter")}
    return {ours: Source(theirs) for ours, theirs in sources.items()}
