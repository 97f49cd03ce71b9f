"""StyleGAN as GenForce, SeFa and the huggan repositories on the Hub store it.

Here the mapping's bias is divided by sqrt(2), because our activation has that gain.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ..generators.stylegan import StyleGAN
from .convert import Said, without_classes
from .foreign import Foreign
from .vocabulary import picture_channels

FUSED_FROM = 128  # pixels from which "auto" stores the kernels that double the size turned by half a circle


def matches(state: Mapping[str, Tensor]) -> bool:
    return {"mapping.dense0.weight", "synthesis.layer0.const", "synthesis.layer0.apply_noise.weight"} <= state.keys()


def from_state(state: Mapping[str, Tensor], config: Mapping | None = None) -> StyleGAN:
    """A frozen StyleGAN, its sizes read off the tensors; config: fused_scale (true, false, "auto") and z_dim."""
    tensors, fused = Foreign(state, "GenForce StyleGAN"), (config or {}).get("fused_scale", "auto")
    resolutions = tensors.count("synthesis.output{}.weight")
    channels = tuple(tensors.shape(f"synthesis.layer{2 * k}.bias", 1)[0] for k in range(resolutions))
    if not channels:
        tensors.refuse("has no 'synthesis.output0.weight'")
    dim, z_dim = tensors.shape("mapping.dense0.weight", 2)
    sizes = dict(
        resolution=2 ** (resolutions + 1),
        channels=channels,
        z_dim=z_dim,
        dim=dim,
        mapping_layers=tensors.count("mapping.dense{}.weight"),
        image_channels=picture_channels(tensors.shape(f"synthesis.output{resolutions - 1}.weight", 4)[0]),
    )
    notes = without_classes(state, z_dim, dim, Said.of(config))
    if "synthesis.lod" in tensors and float(tensors.take("synthesis.lod")):
        tensors.refuse("was still growing (lod is not 0)", "bring one that was trained to its full size")

    ours = {"w_avg": tensors.take("truncation.w_avg", dim)}
    for i in range(sizes["mapping_layers"]):
        ours[f"mapping.{i}.weight"] = tensors.take(f"mapping.dense{i}.weight", dim, dim if i else z_dim)
        ours[f"mapping.{i}.bias"] = tensors.take(f"mapping.dense{i}.bias", dim) / 2**0.5
    for i in range(2 * resolutions):
        fan_in, fan_out, size = channels[max(i - 1, 0) // 2], channels[i // 2], 4 * 2 ** (i // 2)
        turned = size >= FUSED_FROM if fused == "auto" else bool(fused)
        ours |= _layer(tensors, i, fan_in, fan_out, dim, size, turned=turned and i % 2 == 0)
        tensors.drop(f"synthesis.layer{i}.blur.kernel")
    for k, width in enumerate(channels):
        rgb = {
            "rgb_weight": tensors.take(
                f"synthesis.output{k}.weight", sizes["image_channels"], width, 1, 1
            ),  # the last one counts
            "rgb_bias": tensors.take(f"synthesis.output{k}.bias", sizes["image_channels"]),
        }
    generator = tensors.built(StyleGAN, sizes, ours | rgb)
    generator.notes = tuple(notes)
    return generator


def _layer(
    tensors: Foreign, i: int, fan_in: int, fan_out: int, dim: int, size: int, *, turned: bool
) -> dict[str, Tensor]:
    theirs, ours = f"synthesis.layer{i}", f"layers.{i}"
    found = {
        f"{ours}.bias": tensors.take(f"{theirs}.bias", fan_out),
        f"{ours}.noise_strength": tensors.take(f"{theirs}.apply_noise.weight", fan_out),
        f"{ours}.noise": tensors.take(f"{theirs}.apply_noise.noise", 1, 1, size, size)[0, 0],
        f"{ours}.style.weight": tensors.take(f"{theirs}.style.weight", 2 * fan_out, dim),
        f"{ours}.style.bias": tensors.take(f"{theirs}.style.bias", 2 * fan_out),
    }
    if i == 0:
        return found | {f"{ours}.const": tensors.take(f"{theirs}.const", 1, fan_out, 4, 4)[0]}
    weight = tensors.take(f"{theirs}.weight", fan_out, fan_in, 3, 3)
    return found | {f"{ours}.weight": weight.flip(2, 3) if turned else weight}
