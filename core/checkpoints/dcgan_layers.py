"""The layers of a DCGAN as its state dict tells them: their order, widths, kinds and batch norms.

A transposed kernel is [in, out, k, k], a plain one [out, in, k, k]. Numbers that are missing in names are layers
without tensors: activations, Dropout, up-sampling. Everything else is not in a state dict, see dcgan.py.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from .vocabulary import shown

COLOURS = (1, 3, 4)
MOST = 40  # modules with tensors
DEEPEST = 16  # linear layers and convolutions
ASSIGNMENTS = 300  # ways to give norms to layers that are tried
PLAIN, TRANSPOSED, DENSE = "plain", "transposed", "dense"

Tensors = dict[str, Tensor]


class Module(NamedTuple):
    """A module with tensors. path: its name; place: of it in the file."""

    path: str
    tensors: Tensors
    place: int

    @property
    def weight(self) -> Tensor | None:
        return self.tensors.get("weight")

    @property
    def parent(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def number(self) -> int | None:
        """Its place among its siblings, where they are numbered."""
        last = self.path.rpartition(".")[2]
        return int(last) if last.isdigit() else None

    @property
    def is_norm(self) -> bool:
        return "running_mean" in self.tensors or (self.weight is not None and self.weight.ndim == 1)


@dataclass
class Layer:
    """A linear layer or a convolution, and the batch norm that belongs to it.

    fan_in, fan_out: widths. gap: layers without tensors between it and the next one in the same numbering; None where
    the names do not say. lead: the same before it, where it begins a numbering. norm_gap: between it and its norm.
    """

    module: Module
    kind: str
    fan_in: int
    fan_out: int
    norm: Module | None = None
    gap: int | None = None
    lead: int = 0
    norm_gap: int = 0

    @property
    def kernel(self) -> int:
        """1 for a linear layer."""
        return 1 if self.kind == DENSE else self.module.weight.shape[-1]

    @property
    def last(self) -> Module:
        return self.norm or self.module


@dataclass
class Network:
    """layers in order; embedding: what stands for each class [classes, width]; unsure: what the tensors do not tell."""

    layers: list[Layer]
    embedding: Tensor | None
    unsure: tuple[str, ...] = ()

    @property
    def inputs(self) -> int:
        return self.layers[0].fan_in

    @property
    def size(self) -> int | None:
        """Pixels a side of the map that the last linear layer makes; None where a convolution begins."""
        dense = [layer for layer in self.layers if layer.kind == DENSE]
        if not dense:
            return None
        return math.isqrt(dense[-1].fan_out // self.layers[len(dense)].fan_in)

    @property
    def convs(self) -> list[Layer]:
        return [layer for layer in self.layers if layer.kind != DENSE]


def network(state: Tensors, kinds: Sequence[str | None] = ()) -> Network | None:
    """What a flat state dict holds; None where it is no such generator. Nothing of it may be left over.

    kinds: of its convolutions, TRANSPOSED or PLAIN, where they are known.
    """
    modules = _modules(state)
    if modules is None:
        return None
    embedding = next((m for m in modules if _is_embedding(m)), None)
    modules = [m for m in modules if m is not embedding]
    for order, certain in _orders(modules):
        found = _chained(order, kinds)
        if found is not None:
            layers, unsure = found
            _gaps(layers)
            unsure += () if certain else ("which layer each batch norm follows",)
            return Network(layers, None if embedding is None else embedding.weight, unsure)
    return None


def reads_pictures(state: Tensors) -> bool:
    """Does it hold plain convolutions from an image to one number, as a discriminator does?"""
    modules = [m for m in _modules(state) or () if m.weight is not None and m.weight.ndim in (2, 4)]
    ends_in_one = any(m.weight.ndim == 2 and m.weight.shape[0] == 1 for m in modules)
    for order in (sorted(modules, key=_natural), modules):
        convs = [m.weight for m in order if m.weight.ndim == 4]
        widens = all(a.shape[0] == b.shape[1] for a, b in itertools.pairwise(convs))
        if len(convs) > 1 and widens and convs[0].shape[1] in COLOURS:
            return ends_in_one or convs[-1].shape[0] == 1
    return False


def _modules(state: Tensors) -> list[Module] | None:
    """None where a tensor is of no module that a DCGAN has."""
    found: dict[str, Tensors] = {}
    for name, tensor in state.items():
        path, _, leaf = name.rpartition(".")
        if leaf != "num_batches_tracked":
            found.setdefault(path, {})[leaf] = tensor
    modules = [Module(path, tensors, place) for place, (path, tensors) in enumerate(found.items())]
    return modules if 2 <= len(modules) <= MOST and all(map(_is_known, modules)) else None


def _is_known(module: Module) -> bool:
    names, weight = set(module.tensors), module.weight
    if module.is_norm:
        shapes = {tuple(tensor.shape) for tensor in module.tensors.values()}
        whole = {"running_mean", "running_var"} <= names or "running_mean" not in names
        plain = names <= {"weight", "bias", "running_mean", "running_var"} and len(shapes) == 1
        return plain and whole and len(next(iter(shapes))) == 1
    if weight is None or not names <= {"weight", "bias"} or weight.ndim not in (2, 4) or not all(weight.shape):
        return False
    bias = module.tensors.get("bias")
    fits = bias is None or (bias.ndim == 1 and len(bias) in weight.shape[:2])
    return fits and (weight.ndim == 2 or weight.shape[2] == weight.shape[3])


def _is_embedding(module: Module) -> bool:
    weight = module.weight
    return (
        weight is not None and weight.ndim == 2 and set(module.tensors) == {"weight"} and "emb" in module.path.lower()
    )


# --- order


def _natural(module: Module) -> list:
    """Sorted by numbers as numbers: main.2 before main.10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", module.path)]


def _orders(modules: list[Module]) -> Iterator[tuple[list[tuple[Module, Module | None]], bool]]:
    """(layer, norm) pairs in orders that may be the network's, likely ones first; and whether the names say which norm
    follows which layer. Linear layers come before convolutions."""
    natural = sorted(modules, key=_natural)
    linear_first = sorted(natural, key=lambda m: m.weight is None or m.weight.ndim != 2)
    for order in (natural, modules, linear_first):
        pairs = _paired(order)
        if pairs is not None:
            yield sorted(pairs, key=lambda pair: pair[0].weight.ndim), True
    for order in (natural, modules):
        weights = sorted((m for m in order if not m.is_norm), key=lambda m: m.weight.ndim)
        norms = [m for m in order if m.is_norm]
        numbered = {_last_number(m): m for m in norms}
        if len(numbered) == len(norms) and set(numbered) <= {_last_number(m) for m in weights}:
            yield [(m, numbered.get(_last_number(m))) for m in weights], True
        for places in itertools.islice(itertools.combinations(range(len(weights)), len(norms)), ASSIGNMENTS):
            given = dict(zip(places, norms))
            yield [(m, given.get(i)) for i, m in enumerate(weights)], False


def _paired(order: Iterable[Module]) -> list[tuple[Module, Module | None]] | None:
    """Each norm with the layer before it."""
    pairs: list[tuple[Module, Module | None]] = []
    for module in order:
        if not module.is_norm:
            pairs.append((module, None))
        elif pairs and pairs[-1][1] is None:
            pairs[-1] = (pairs[-1][0], module)
        else:
            return None
    return pairs


def _last_number(module: Module) -> int | None:
    numbers = re.findall(r"\d+", module.path)
    return int(numbers[-1]) if numbers else None


# --- widths


def _chained(
    pairs: list[tuple[Module, Module | None]], kinds: Sequence[str | None]
) -> tuple[list[Layer], tuple[str, ...]] | None:
    """The layers, if each takes what the one before gives and the last one gives an image; and what is unsure.

    A kernel that is square in channels is what others of its size are; else transposed where its size is even (for a
    stride of 2), plain where it is odd.
    """
    convs = [m for m, _ in pairs if m.weight.ndim == 4]
    if not convs or not 2 <= len(pairs) <= DEEPEST:
        return None
    told = {m.path: kind for m, kind in zip(convs, kinds) if kind}
    first = _walk(pairs, told)
    if first is None:
        return None
    settled: dict[int, set[str]] = {}
    for i, layer in enumerate(first):
        if layer.kind != DENSE and (i == 0 or layer.fan_in != layer.fan_out):
            settled.setdefault(layer.kernel, set()).add(layer.kind)
    square = [layer for layer in first[1:] if layer.kind != DENSE and layer.fan_in == layer.fan_out]
    likely, unsure = {}, []
    for layer in square:
        path, same = layer.module.path, settled.get(layer.kernel, set())
        likely[path] = min(same) if len(same) == 1 else PLAIN if layer.kernel % 2 else TRANSPOSED
        if layer.kernel % 2 and len(same) != 1 and path not in told:
            unsure.append(f"whether {shown(path)} is transposed (it is read as {likely[path]})")
    layers = _walk(pairs, likely | told)
    return None if layers is None else (layers, tuple(unsure))


def _walk(pairs: list[tuple[Module, Module | None]], kinds: dict[str, str]) -> list[Layer] | None:
    """kinds: of some modules, by their names."""
    layers: list[Layer] = []
    for module, norm in pairs:
        before = layers[-1] if layers else None
        options = [one for one in _readings(module, before) if kinds.get(module.path, one.kind) == one.kind]
        layer = next((one for one in options if _fits(one, norm, module)), None)
        if layer is None:
            return None
        layer.norm = norm
        layers.append(layer)
        if before and not _norm_fits(before, layer):
            return None
    end = layers[-1]
    draws = end.fan_out in COLOURS and end.kind != DENSE and end.norm is None
    return layers if draws and not any(map(_reads_an_image, layers)) else None


def _reads_an_image(layer: Layer) -> bool:
    """As the first layer of a discriminator does, which may stand behind the generator in one file."""
    return layer.kind == PLAIN and layer.fan_in in COLOURS and layer.fan_out > layer.fan_in


def _readings(module: Module, before: Layer | None) -> list[Layer]:
    """The ways to read a weight behind the layer before it."""
    rows, columns = module.weight.shape[:2]
    if module.weight.ndim == 2:
        fits = before is None or before.fan_out == columns
        return [Layer(module, DENSE, columns, rows)] if fits else []
    found = [Layer(module, TRANSPOSED, rows, columns), Layer(module, PLAIN, columns, rows)]
    if before is None:
        return [layer for layer in found if layer.kind == TRANSPOSED]  # a plain one has nothing to read in one pixel
    if before.kind != DENSE:
        return [layer for layer in found if layer.fan_in == before.fan_out]
    return [layer for layer in found if _side(before.fan_out, layer.fan_in)]


def _side(numbers: int, channels: int) -> int:
    """Pixels a side of so many numbers as a square map; 0 where they make none."""
    side = math.isqrt(numbers // channels)
    return side if side * side * channels == numbers else 0


def _fits(layer: Layer, norm: Module | None, module: Module) -> bool:
    bias = module.tensors.get("bias")
    if bias is not None and len(bias) != layer.fan_out:
        return False
    return norm is None or layer.kind == DENSE or len(_any(norm)) == layer.fan_out


def _norm_fits(dense: Layer, after: Layer) -> bool:
    """Has the norm of a linear layer a number for each of its own, or for each channel of the map that it makes?"""
    if dense.kind != DENSE or dense.norm is None:
        return True
    channels = dense.fan_out if after.kind == DENSE else after.fan_in
    return len(_any(dense.norm)) in (dense.fan_out, channels)


def _any(norm: Module) -> Tensor:
    return next(iter(norm.tensors.values()))


# --- what numbers that are missing say


def _gaps(layers: list[Layer]) -> None:
    for layer in layers:
        if (
            layer.norm
            and layer.norm.parent == layer.module.parent
            and None not in (layer.norm.number, layer.module.number)
        ):
            layer.norm_gap = layer.norm.number - layer.module.number - 1
    for before, layer in itertools.pairwise(layers):
        last, first = before.last, layer.module
        if last.parent == first.parent and None not in (last.number, first.number):
            before.gap = first.number - last.number - 1
        elif first.number and not last.path.startswith(f"{first.parent}."):
            layer.lead = first.number
