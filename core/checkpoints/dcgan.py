"""DCGAN as PyTorch users save it: a flat state dict of convolutions and batch norms under any names.

Such a file has no strides, paddings, activations, nor what its end is. The usual is assumed and said in
`generator.notes`; a config.json beside the file says it better. All keys may be left out; lists have a number for each
convolution in the order in which they run, or null where it is not known:

    size                                           pixels a side of the picture, such as 28
    strides, paddings, output_paddings             of the convolutions; of a first one on a single pixel too
    transposed                                     true for a transposed convolution, false for a plain one
    ups                                            how many times the map is enlarged before a convolution
    up_mode                                        "nearest" or "bilinear"
    slope                                          of leaky ReLUs; 0 is ReLU
    slopes                                         of each layer but the last, linear ones too; 1 is no activation
    end                                            "tanh", "sigmoid" or "none"
    eps                                            of the batch norms: one number, or a list
    classes                                        how many there are, each a number of a one-hot label; 0: none
    label_first                                    true: the label stands before the random numbers
    distribution                                   of the random numbers, "normal" or "uniform" in [-1, 1]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..generators.dcgan import DCGAN, DISTRIBUTIONS, ENDS, UP_MODES, Conv, Dense
from . import dcgan_sizes
from .dcgan_layers import DENSE, PLAIN, TRANSPOSED, Layer, Module, Network, network, reads_pictures
from .dcgan_sizes import KEYS, Geometry, Step, geometries, norm_stands_apart
from .vocabulary import AGAIN, Refused, shown

SMALLEST = 8  # pixels a side of a picture
MOST = 6  # readings that a page shows
GEOMETRIES = 4  # of them, those that differ in strides and paddings
UNLIKELY = 1.45  # cost above the first one's from which on a geometry is not offered where no size was asked for
EPS, LEAK = 1e-5, 0.2
LONGEST = 250  # letters of a note about sizes
TEN = 10  # classes, of the data sets that DCGANs learn from
LABELLED = (64, 100, 128)  # random numbers, where ten inputs more are taken for ten classes
CHOICES = dict(end=ENDS, distribution=DISTRIBUTIONS, up_mode=UP_MODES)
LISTS = ("transposed", "slopes", *KEYS)
SETTINGS = ("size", *LISTS, "slope", "eps", "classes", "label_first", *CHOICES)


class Reading(NamedTuple):
    """One way to read a state dict. config: what `from_state` takes, everything said; size: pixels a side; says: what
    sets it apart, such as "28 x 28: the last layer has padding 3"."""

    config: dict
    size: int
    says: str


def matches(state: dict[str, Tensor]) -> bool:
    """Is it a DCGAN's generator, or a discriminator, which `from_state` refuses by name?"""
    return network(state) is not None or reads_pictures(state)


def judges(state: dict[str, Tensor]) -> bool:
    """Is it a discriminator?"""
    return network(state) is None and reads_pictures(state)


def readings(state: dict[str, Tensor], *, size: int | None = None) -> tuple[Reading, ...]:
    """At most MOST readings that fit, the usual first; size: only those with so many pixels a side.

    Raises ValueError where the file is no such generator, or none fits.
    """
    found = _network(state)
    first, *others = _geometries(found, {} if size is None else dict(size=size))
    offered = others if size is not None else _likely(first, others)
    usual = _settings(found, {}, first)
    made = [_reading(_settings(found, {}, one), one, one.says) for one in [first, *offered[: GEOMETRIES - 1]]]
    made += _of_other_kinds(state, found, size)
    if found.embedding is None and (usual["classes"] or found.inputs - TEN in LABELLED):
        other = TEN - usual["classes"]
        says = f"{found.inputs - other} random numbers and {'then 10' if other else 'no'} classes"
        made.append(_reading({**usual, "classes": other}, first, says))
    if not any(0 < slope < 1 for slope in usual["slopes"]):
        leaky = [slope or LEAK for slope in usual["slopes"]]
        made.append(_reading({**usual, "slopes": leaky}, first, f"leaky ReLU of slope {LEAK:g}"))
    made.append(_reading({**usual, "end": "sigmoid"}, first, "sigmoid at the end"))
    return tuple(made[:MOST])


def _of_other_kinds(state: dict[str, Tensor], found: Network, size: int | None) -> list[Reading]:
    """Where kernels do not tell whether they are transposed: all of these read as what they were not taken for."""
    kinds = [layer.kind for layer in found.convs]
    for i, layer in enumerate(found.convs):
        if any(shown(layer.module.path) in text for text in found.unsure):
            kinds[i] = PLAIN if layer.kind == TRANSPOSED else TRANSPOSED
    other = network(state, kinds) if found.unsure else None
    if other is None or [layer.kind for layer in other.convs] == [layer.kind for layer in found.convs]:
        return []
    changed = [str(i + 1) for i, (a, b) in enumerate(zip(other.convs, found.convs)) if a.kind != b.kind]
    for one in geometries(other, {}, size)[:1]:
        says = f"convolution {', '.join(changed)} is {other.convs[int(changed[0]) - 1].kind}"
        return [_reading(_settings(other, {}, one), one, says)]
    return []


def from_state(state: dict[str, Tensor], config: dict | None = None) -> DCGAN:
    """A frozen DCGAN; config as this module's docstring says. Raises ValueError in a sentence."""
    found = _network(state, _kinds(config or {}))
    asked = _checked(found, config or {})
    possible = _geometries(found, asked)
    settings = _settings(found, asked, possible[0])
    generator = _built(found, settings, possible[0])
    if generator.resolution < SMALLEST:
        raise Refused(
            f"read in the usual way it draws {generator.resolution} pixels a side, which nobody trains: if it is a "
            'DCGAN, say its size in a config.json beside it, {"size": 32}, or its strides'
        )
    generator.notes = _notes(found, asked, settings, possible, set(config or {}) - set(SETTINGS))
    return generator.eval().requires_grad_(False)


def _kinds(config: dict) -> tuple[str | None, ...]:
    told = config.get("transposed")
    names = {True: TRANSPOSED, False: PLAIN}
    return tuple(names.get(one) for one in told if not isinstance(one, (list, dict))) if isinstance(told, list) else ()


def _network(state: dict[str, Tensor], kinds: Sequence[str | None] = ()) -> Network:
    found = network(state, kinds)
    if found is None and kinds and network(state) is not None:
        raise Refused("the kinds of its convolutions that its config tells as `transposed` do not fit its widths")
    if found is None and reads_pictures(state):
        raise Refused(
            "it holds a discriminator, which reads pictures and draws none: open the generator that was trained with it"
        )
    if found is None:
        raise Refused(f"its tensors make no DCGAN: {AGAIN}")
    for layer in found.layers:
        if layer.norm and "running_mean" not in layer.norm.tensors:
            raise Refused(
                f"its {shown(layer.norm.path)} normalises without running statistics, over the picture "
                "alone or those drawn with it, which is not done here: open a network with batch norms that keep "
                "them (track_running_stats=True)"
            )
        for name, tensor in {**layer.module.tensors, **(layer.norm.tensors if layer.norm else {})}.items():
            if not tensor.is_floating_point():
                raise Refused(f"its {shown(name)} holds {shown(tensor.dtype)}, where weights belong: {AGAIN}")
    return found


def _geometries(found: Network, asked: dict) -> list[Geometry]:
    """Cheapest first, one at least."""
    possible = geometries(found, asked, asked.get("size"))
    if not possible:
        sizes = sorted({one.size for one in geometries(found, {}) if one.cost < 3})
        within = ", ".join(map(str, sizes[:8])) or "none"
        kernels = ", ".join(str(layer.kernel) for layer in found.convs)
        raise Refused(
            f"its kernels ({kernels} pixels wide) make no picture of the size, strides and paddings asked for: ask for "
            f"another size (within reach are {within}), or give strides and paddings in a config.json"
        )
    return possible


def _likely(first: Geometry, others: list[Geometry]) -> list[Geometry]:
    return [one for one in others if one.cost < first.cost + UNLIKELY and one.size in dcgan_sizes.COMMON]


# --- what is asked for


def _checked(found: Network, config: dict) -> dict:
    """The keys of a config that count, each of the right kind. Raises ValueError in a sentence."""
    asked = {key: config[key] for key in SETTINGS if config.get(key) is not None}
    convs, norms = len(found.convs), sum(layer.norm is not None for layer in found.layers)
    lengths = dict.fromkeys(KEYS, convs) | dict(slopes=len(found.layers) - 1)
    for key, known in CHOICES.items():
        _need(asked.get(key, known[0]) in known, key, asked, f"one of {', '.join(known)}")
    for key, low, high in (("size", 1, dcgan_sizes.SIDE), ("classes", 0, found.inputs - 1)):
        _need(_whole(asked.get(key, low), low, high), key, asked, f"a whole number from {low} to {high}")
    fits = _listed(asked.get("transposed", []), convs, lambda x: x is None or isinstance(x, bool))
    _need("transposed" not in asked or fits, "transposed", asked, f"true or false for each of {convs} convolutions")
    for key in KEYS:
        low = 1 if key in ("strides", "ups") else 0
        fits = _listed(asked.get(key, []), lengths[key], lambda x: x is None or _whole(x, low, 64))  # noqa: B023
        _need(key not in asked or fits, key, asked, f"{convs} whole numbers from {low} to 64, one a convolution")
    fits = _listed(asked.get("slopes", []), lengths["slopes"], lambda x: _number(x, 0, 1))
    _need("slopes" not in asked or fits, "slopes", asked, f"{lengths['slopes']} numbers from 0 to 1, one a layer")
    _need(_number(asked.get("slope", 0), 0, 1), "slope", asked, "a number from 0 to 1")
    eps = asked.get("eps", EPS)
    fits = _number(eps, 0, 10) or _listed(eps, norms, lambda x: _number(x, 0, 10))
    _need(fits, "eps", asked, f"a number from 0 to 10, or {norms} of them, one a batch norm")
    _need(isinstance(asked.get("label_first", True), bool), "label_first", asked, "true or false")
    return asked


def _need(fits: bool, key: str, asked: dict, wanted: str) -> None:
    if not fits:
        raise Refused(
            f"its config says {key} = {shown(asked[key])}, where {wanted} belongs: correct it or leave it out"
        )


def _whole(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _number(value: object, low: float, high: float) -> bool:
    return type(value) in (int, float) and low <= value <= high


def _listed(value: object, length: int, fits: Callable[[object], bool]) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == length and all(map(fits, value))


# --- what is assumed


def _settings(found: Network, asked: dict, geometry: Geometry) -> dict:
    """A whole config: what was asked for, and else the usual. classes of an embedding are its rows."""
    layers, norms = found.layers, [layer for layer in found.layers if layer.norm]
    eriklindernoren = _is_eriklindernoren(found)
    slope = asked.get("slope", LEAK if eriklindernoren else 0.0)
    eps = asked.get("eps", 0.8 if eriklindernoren else EPS)
    if not isinstance(eps, (list, tuple)):
        eps = [EPS if eriklindernoren and "eps" not in asked and layer.kind == DENSE else eps for layer in norms]
    labelled = found.inputs - TEN in LABELLED and found.layers[0].kind != DENSE  # InfoGAN's 74 are other things
    classes = len(found.embedding) if found.embedding is not None else TEN * labelled
    settings = {key: [step[i] for step in geometry.steps] for i, key in enumerate(KEYS)}
    return settings | dict(
        transposed=[layer.kind == TRANSPOSED for layer in found.convs],
        slopes=list(
            asked.get("slopes", [slope if _is_activated(a, b.kind != DENSE) else 1.0 for a, b in pairwise(layers)])
        ),
        end=asked.get("end", "tanh"),
        eps=list(eps),
        classes=asked.get("classes", classes),
        label_first=asked.get("label_first", False),
        distribution=asked.get("distribution", "normal"),
        up_mode=asked.get("up_mode", "nearest"),
    )


def _is_eriklindernoren(found: Network) -> bool:
    """eriklindernoren's PyTorch-GAN: its batch norms have eps 0.8, all but the first, and its ReLUs leak."""
    names = [layer.module.path for layer in found.layers]
    return names[0] == "l1.0" and all(name.startswith("conv_blocks.") for name in names[1:])


def _is_activated(layer: Layer, last_dense: bool) -> bool:
    """Does an activation follow, as far as names tell? Behind a convolution: yes, unless the next one is its neighbour.

    Behind the last linear layer: where there is room for it beside the reshaping, or else a batch norm.
    """
    if layer.kind != DENSE or not last_dense:
        return layer.gap != 0 or layer.norm_gap > 0
    if norm_stands_apart(layer):
        return False
    return layer.gap > 1 if layer.gap is not None else layer.norm is not None


def _reading(settings: dict, geometry: Geometry, says: str) -> Reading:
    return Reading(settings, geometry.size, f"{geometry.size} x {geometry.size}: {says}")


def _notes(found: Network, asked: dict, settings: dict, possible: list[Geometry], unknown: set) -> tuple[str, ...]:
    """What was assumed; nothing of what was asked for."""
    notes = [] if {"strides", "paddings"} <= set(asked) else [_sizes_note(possible)]
    assumed = []
    if not {"slope", "slopes"} & set(asked):
        leak = next((slope for slope in settings["slopes"] if 0 < slope < 1), 0)
        assumed.append(f"leaky ReLUs of slope {leak:g}" if leak else "ReLUs")
    if "end" not in asked:
        assumed.append("tanh at the end")
    if "eps" not in asked and settings["eps"]:
        assumed.append(f"batch norms with eps {max(settings['eps']):g}")
    if "up_mode" not in asked and max(settings["ups"]) > 1:
        assumed.append("up-sampling by repetition")
    if "distribution" not in asked:
        assumed.append("training with normal random numbers, not uniform ones")
    if assumed:
        notes.append(f"Not in the file either, and assumed: {', '.join(assumed)}.")
    if settings["classes"] and found.embedding is not None and "label_first" not in asked:
        notes.append("What stands for a class is taken to be behind the random numbers (label_first = true: before).")
    if "classes" not in asked and found.embedding is None and settings["classes"]:
        z, classes = found.inputs - settings["classes"], settings["classes"]
        notes.append(
            f"Its {found.inputs} inputs are taken for {z} random numbers and then {classes} classes; with classes = 0 "
            "all are random numbers."
        )
    if found.unsure:
        notes.append(f"Its tensors do not tell {' and '.join(found.unsure)}.")
    if any(layer.norm_gap for layer in found.layers):
        notes.append("Its batch norms are numbered as if they stood behind the activations, and are applied there.")
    if unknown:
        notes.append(f"Its config also says {', '.join(sorted(map(shown, unknown))[:4])}, which is not used.")
    return tuple(notes)


def _sizes_note(possible: list[Geometry]) -> str:
    """Which strides and paddings were taken, and what else they may have been."""
    first, *others = possible
    taken = "the usual ones were assumed" if first.steps == first.usual else f"assumed was: {first.says}"
    said = f"Strides and paddings are not in the file; {taken} (maps of {', '.join(map(str, first.sizes))} pixels)."
    more = [f"{one.size} x {one.size}, {one.says}" for one in _likely(first, others)[:2]]
    while more and len(said) + len("; ".join(more)) > LONGEST:
        more.pop()
    return said + (f" What also fits, and draws other pictures: {'; '.join(more)}." if more else "")


# --- the network


def _built(found: Network, settings: dict, geometry: Geometry) -> DCGAN:
    """With batch norms folded in, in float64."""
    embedding, classes = found.embedding, settings["classes"]
    if embedding is not None and (classes != len(embedding) or embedding.shape[1] >= found.inputs):
        raise Refused(
            f"its first layer reads {found.inputs} numbers, and its {len(embedding)} classes have "
            f"{embedding.shape[1]} each: only labels that stand beside random numbers are drawn"
        )
    class_dim = 0 if not classes else classes if embedding is None else embedding.shape[1]
    rows, tensors = [], {}
    steps, eps, slopes = iter(geometry.steps), iter(settings["eps"]), iter([*settings["slopes"], 1.0])
    for i, layer in enumerate(found.layers):
        step = None if layer.kind == DENSE else next(steps)
        side = found.size if layer.kind == DENSE and found.layers[i + 1].kind != DENSE else 1
        row, made = _layer(layer, step, side, next(slopes), next(eps) if layer.norm else EPS, first=i == 0)
        if i == 0 and settings["label_first"]:
            made["weight"] = made["weight"].roll(-class_dim, 1)
        name = f"layers.{i}" if layer is not found.layers[-1] else "to_pixels"
        tensors |= {f"{name}.{key}": tensor.float().contiguous() for key, tensor in made.items()}
        rows.append(row)
    if classes:
        tensors["embedding"] = torch.eye(classes) if embedding is None else embedding.float().clone()
    how = {key: settings[key] for key in CHOICES}
    try:
        with torch.device("meta"):  # memory for its weights alone
            generator = DCGAN(z_dim=found.inputs - class_dim, layers=rows, classes=classes, class_dim=class_dim, **how)
    except ValueError as error:
        raise Refused(f"it makes no DCGAN ({shown(error)}): correct its config") from None
    generator.load_state_dict(tensors, strict=True, assign=True)
    return generator


def _layer(
    layer: Layer, step: Step | None, side: int, slope: float, eps: float, *, first: bool
) -> tuple[Dense | Conv, dict[str, Tensor]]:
    """One layer of ours and its tensors. side: pixels of the map that a linear layer makes."""
    weight, bias = layer.module.weight.double(), layer.module.tensors.get("bias")
    bias = weight.new_zeros(layer.fan_out) if bias is None else bias.double()
    channels = layer.fan_out // side**2
    if layer.kind != DENSE and first:  # on one pixel a convolution is a linear layer
        pixels = torch.eye(layer.fan_in, dtype=weight.dtype)[:, :, None, None]
        how = dict(stride=step.stride, padding=step.padding, output_padding=step.output_padding)
        weight = F.conv_transpose2d(pixels, weight, **how)
        side = weight.shape[-1]
        weight, bias = weight.flatten(1).T, bias.repeat_interleave(side**2)
    elif layer.kind == TRANSPOSED:
        weight = weight.transpose(0, 1)
    made = dict(weight=weight, bias=bias)
    if layer.norm is not None:
        gain, shift = _affine(layer.norm, eps)
        behind = layer.norm_gap > 0
        if behind and len(gain) != channels:
            raise Refused(
                f"its {shown(layer.norm.path)} stands behind an activation of a linear layer: this is not drawn"
            )
        if behind:
            made |= {"activation.gain": gain, "activation.shift": shift}
        else:
            gain, shift = (x.repeat_interleave(len(bias) // len(x)) for x in (gain, shift))
            made = dict(weight=weight * gain.reshape(-1, *[1] * (weight.ndim - 1)), bias=bias * gain + shift)
    affine = "activation.gain" in made
    if weight.ndim == 2:
        return Dense(channels, side, slope, affine), made
    return Conv(channels, layer.kernel, *step, layer.kind == TRANSPOSED, slope, affine), made


def _affine(norm: Module, eps: float) -> tuple[Tensor, Tensor]:
    """The gain and the bias [channels] that a batch norm is in evaluation."""
    tensors = {name: tensor.double() for name, tensor in norm.tensors.items()}
    gain = torch.rsqrt(tensors["running_var"] + eps) * tensors.get("weight", 1)
    return gain, tensors.get("bias", 0) - tensors["running_mean"] * gain
