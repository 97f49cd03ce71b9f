"""NVIDIA's StyleGAN2 from stylegan2-ada-pytorch and the stylegan3 code: a .pkl of persistent objects, or a state dict.

Karras et al., Training Generative Adversarial Networks with Limited Data, NeurIPS 2020.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

from ..generators.stylegan2 import StyleGAN2
from .convert import Layout, Said, stylegan2
from .vocabulary import AGAIN, Array, Inert, Persistent, Refused, Strided, shown

CLAMP = 256.0  # what both repositories train with
NOTE = "the file does not say where activations are clamped; it was read with conv_clamp = 256, as NVIDIA trains"
RATE = 0.01  # by which the mapping's weights are scaled
DEEPEST = 12  # modules within modules; the real ones nest four
UNUSUAL = "which this project does not draw: open a network with the usual settings"
USUAL = dict(
    activation=("lrelu", "linear"),
    use_noise=(True,),
    architecture=("skip",),
    **dict(margin_size=(10,), num_critical=(2,), output_scale=(0.25,)),  # of StyleGAN3, see stylegan3.py
)
LAYOUT = Layout(
    mapping=lambda i: f"mapping.fc{i}.",
    embed="mapping.embed.",
    w_avg="mapping.w_avg",
    const="synthesis.b4.const",
    conv=lambda j: f"synthesis.b{4 * 2 ** ((j + 1) // 2)}.conv{0 if j % 2 else 1}.",
    rgb=lambda i: f"synthesis.b{4 * 2**i}.torgb.",
    noise=lambda j: LAYOUT.conv(j) + "noise_const",
    filters=("resample_filter",),
    filter_sum=1.0,
)


def matches(state: dict[str, Tensor]) -> bool:
    return any(name.startswith("synthesis.b4.") for name in state)


def from_state(state: dict[str, Tensor], config: dict | None = None) -> StyleGAN2:
    """config may say `conv_clamp` (None: no clamp), `z_dim` and `c_dim` (classes).

    Raises ValueError where tensors lack or do not fit.
    """
    given = config is not None and "conv_clamp" in config
    clamp = checked_clamp(config["conv_clamp"] if given else CLAMP)
    generator = stylegan2(state, LAYOUT, clamp=clamp, said=Said.of(config))
    generator.notes = generator.notes if given else (NOTE, *generator.notes)
    return generator


def checked_clamp(clamp: object) -> float | None:
    """A positive number, or None for no clamp."""
    if clamp is not None and (type(clamp) not in (int, float) or not 0 < clamp < math.inf):
        raise Refused("its conv_clamp is no positive number: say one in a config.json beside it")
    return None if clamp is None else float(clamp)


def flattened(module: Persistent | Inert) -> tuple[dict[str, Strided | Array], dict]:
    """The state dict of a persistent module, and what config needs to know: conv_clamp, z_dim and c_dim."""
    state: dict[str, Strided | Array] = {}
    clamps: set[float | None] = set()
    for prefix, attributes in _modules(module, "", 0):
        transient = attributes.get("_non_persistent_buffers_set")
        transient = transient if isinstance(transient, set) else set()
        for kind in ("_parameters", "_buffers"):
            for name, value in _table(attributes, kind).items():
                if value is not None and name not in transient:
                    state[f"{prefix}{name}"] = value
        for name, usual in USUAL.items():
            if name in attributes and attributes[name] not in usual:
                raise Refused(f"its {shown(prefix)}{name} is {shown(attributes[name])}, {UNUSUAL}")
        if prefix.startswith("mapping.fc") and attributes.get("bias_gain", RATE) != RATE:
            raise Refused(f"its mapping learns at another rate than {RATE}, {UNUSUAL}")
        if "conv_clamp" in attributes and prefix.startswith("synthesis."):
            clamps.add(attributes["conv_clamp"] if isinstance(attributes["conv_clamp"], (int, float)) else None)
    if len(clamps) > 1:
        raise Refused(f"its layers clamp at different values, {UNUSUAL}")
    said = {name: module.state[name] for name in ("z_dim", "c_dim") if type(module.state.get(name)) is int}
    return state, {**said, **(dict(conv_clamp=clamps.pop()) if clamps else _constructor(module))}


def _constructor(module: Persistent) -> dict:
    """Where layers do not say it: keyword arguments, nested in stylegan2-ada-pytorch, flat in stylegan3."""
    given = module.state.get("_init_kwargs")
    given = given if isinstance(given, dict) else {}
    nested = given.get("synthesis_kwargs")
    merged = {**given, **(nested if isinstance(nested, dict) else {})}
    return {"conv_clamp": merged["conv_clamp"]} if "conv_clamp" in merged else {}


def _table(attributes: dict, kind: str) -> dict:
    found = attributes.get(kind)
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise Refused(f"a module of it has no {kind}: {AGAIN}")
    return found


def _modules(module: object, prefix: str, depth: int, seen: set[int] | None = None) -> Iterator[tuple[str, dict]]:
    """Every module's prefix and attributes; one that is met again, or lies too deep, is no network."""
    seen = set() if seen is None else seen
    if not isinstance(module, (Persistent, Inert)) or depth > DEEPEST or id(module) in seen:
        raise Refused(f"its module {shown(prefix)} is broken: {AGAIN}")
    seen.add(id(module))
    yield prefix, module.state
    for name, child in _table(module.state, "_modules").items():
        if child is not None:
            yield from _modules(child, f"{prefix}{name}.", depth + 1, seen)
