"""One network, many spellings: a layout says what each of our tensors is called elsewhere, and how it is written there.

Loading is strict: every tensor that the architecture has must be there in its shape, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..generators.base import Generator
from ..generators.stylegan2 import StyleGAN2
from .vocabulary import AGAIN, Refused, picture_channels, shown

DEEPEST = 11  # levels: 4096 px
MEAN_SEEDS = 4096  # what rosinality's own script averages where a file has no mean w
NO_NOISE = (
    "the file does not hold the noise of its layers, which its own code draws anew for every picture; "
    "here it is the same for every picture, drawn from fixed seeds"
)
WIDE = (
    "the mapping takes {} numbers and gives {}; it was read as a network without classes, because the file does not "
    "say that it has any"
)
OF_CLASSES = re.compile("label|embed|class", re.IGNORECASE)  # in names of tensors
TABLE = "open the file that it was exported from"
FIR = torch.tensor([1.0, 3.0, 3.0, 1.0])[:, None] * torch.tensor([1.0, 3.0, 3.0, 1.0]) / 64


def as_is(tensor: Tensor) -> Tensor:
    return tensor


def plus_one(tensor: Tensor) -> Tensor:
    """A style's bias that starts at 0 elsewhere, where ours starts at 1."""
    return tensor + 1


def flipped(tensor: Tensor) -> Tensor:
    """A kernel [o, i, k, k] turned by 180 degrees."""
    return tensor.flip(-2, -1) if tensor.ndim > 1 else tensor


class Source(NamedTuple):
    """Where one of our tensors comes from."""

    name: str
    change: Callable[[Tensor], Tensor] = as_is


class Said(NamedTuple):
    """What a file or its config.json says beside the tensors; None: nothing."""

    z_dim: int | None = None
    classes: int | None = None

    @classmethod
    def of(cls, config: dict | None, z_dim: str = "z_dim", classes: str = "c_dim") -> Said:
        """config: its names for the two are `z_dim` and `classes`."""
        found = ((config or {}).get(name) for name in (z_dim, classes))
        return cls(*(value if type(value) is int and value >= 0 else None for value in found))


UNSAID = Said()


def some(names: Iterable[str]) -> str:
    """The first three names and how many more there are."""
    names = sorted(names)
    return ", ".join(map(shown, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def squeezed(shape: Iterable[int]) -> tuple[int, ...]:
    """Formats differ in axes of length one: [1, o, i, k, k], [1, 3, 1, 1], [1] for a number."""
    return tuple(side for side in shape if side != 1)


def taken(state: dict[str, Tensor], source: Source) -> Tensor:
    """One tensor in our orientation, its axes of length one as they lie there."""
    if source.name not in state:
        raise Refused(f"it lacks the tensor {shown(source.name)}: {AGAIN}")
    return source.change(state[source.name])


def loaded(
    architecture: type[Generator],
    config: dict,
    sources: dict[str, Source],
    state: dict[str, Tensor],
    *,
    spare: Iterable[str] = (),
) -> Generator:
    """The architecture with the state's tensors, strictly; `spare` names may be there and are not needed."""
    try:
        with torch.device("meta"):  # neither memory nor random numbers before the shapes are known to be right
            generator = architecture(**config)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Refused(f"its shapes make no {architecture.__name__} ({shown(error)}): {AGAIN}") from None
    wanted = generator.state_dict()
    names = {source.name for source in sources.values()}
    kind = f"a {architecture.__name__} of {generator.resolution} pixels"
    if names - set(state):
        raise Refused(f"it lacks {some(names - set(state))}, which {kind} in this layout has: {AGAIN}")
    if set(state) - names - set(spare):
        raise Refused(
            f"it also holds {some(set(state) - names - set(spare))}, which {kind} in this layout has not: "
            "open a plain network of this kind"
        )
    tensors = {}
    for ours, source in sources.items():
        tensor, shape = taken(state, source), wanted[ours].shape
        if not tensor.is_floating_point():
            raise Refused(f"its {shown(source.name)} holds {shown(tensor.dtype)}, where weights belong: {AGAIN}")
        if squeezed(tensor.shape) != squeezed(shape):
            raise Refused(
                f"its {shown(source.name)} is {list(state[source.name].shape)}, but the other tensors need "
                f"{' x '.join(map(str, squeezed(shape))) or 'one number'} there: {AGAIN}"
            )
        tensors[ours] = tensor.reshape(shape).to(torch.float32, copy=True).contiguous()
    generator.load_state_dict(tensors, strict=True, assign=True)
    return generator.eval().requires_grad_(False)


@dataclass(frozen=True)
class Layout:
    """How a format spells StyleGAN2. mapping(i), conv(j), rgb(i): beginnings of names; j counts convolutions."""

    mapping: Callable[[int], str]
    conv: Callable[[int], str]
    rgb: Callable[[int], str]
    noise: Callable[[int], str]
    const: str
    w_avg: str
    weight: str = "weight"
    bias: str = "bias"
    strength: str = "noise_strength"
    affine: tuple[str, str] = ("affine.weight", "affine.bias")
    embed: str | None = None
    rgb_weight: str = "weight"
    rgb_bias: str = "bias"
    kernel: Callable[[int], Callable[[Tensor], Tensor]] = lambda j: as_is  # convolution j; odd ones double the size
    rgb_kernel: Callable[[Tensor], Tensor] = as_is
    dense: Callable[[Tensor], Tensor] = as_is
    affine_bias: Callable[[Tensor], Tensor] = as_is
    wide: bool = True  # can z be longer than w in a network without classes?
    filters: tuple[str, ...] = ()  # endings of names that hold the resampling filter
    filter_sum: float = 1.0


def _highest(state: dict[str, Tensor], beginning: Callable[[int], str], limit: int) -> int:
    """How many there are, by the highest: a gap is then a missing tensor with a name."""
    return max((i + 1 for i in range(limit) if any(name.startswith(beginning(i)) for name in state)), default=0)


def _sources(layout: Layout, mapping_layers: int, levels: int, embed: bool) -> dict[str, Source]:
    sources = {"w_avg": Source(layout.w_avg), "layers.0.const": Source(layout.const)}
    dense = {f"mapping.{i}": layout.mapping(i) for i in range(mapping_layers)}
    if embed:
        dense["embed"] = layout.embed
    for ours, theirs in dense.items():
        sources |= {f"{ours}.weight": Source(f"{theirs}weight", layout.dense), f"{ours}.bias": Source(f"{theirs}bias")}

    def style(ours: str, theirs: str) -> dict[str, Source]:
        weight, bias = layout.affine
        return {
            f"{ours}.affine.weight": Source(theirs + weight, layout.dense),
            f"{ours}.affine.bias": Source(theirs + bias, layout.affine_bias),
        }

    for j in range(2 * levels - 1):
        ours, theirs = f"layers.{j}", layout.conv(j)
        sources |= {
            f"{ours}.conv.weight": Source(theirs + layout.weight, layout.kernel(j)),
            f"{ours}.bias": Source(theirs + layout.bias),
            f"{ours}.noise": Source(layout.noise(j)),
            f"{ours}.noise_strength": Source(theirs + layout.strength),
            **style(f"{ours}.conv", theirs),
        }
    for i in range(levels):
        ours, theirs = f"layers.{2 * i}", layout.rgb(i)
        sources |= {
            f"{ours}.to_rgb.weight": Source(theirs + layout.rgb_weight, layout.rgb_kernel),
            f"{ours}.rgb_bias": Source(theirs + layout.rgb_bias),
            **style(f"{ours}.to_rgb", theirs),
        }
    return sources


def _filters(state: dict[str, Tensor], layout: Layout) -> set[str]:
    """Names of the stored resampling filters, which must be the one that the architecture has."""
    names = {name for name in state if layout.filters and name.endswith(layout.filters)}
    for name in names:
        kernel = state[name]
        usual = squeezed(kernel.shape) == (4, 4) and torch.allclose(
            kernel.reshape(4, 4).float(), FIR * layout.filter_sum, atol=1e-3
        )
        if not usual:
            raise Refused(
                f"its {shown(name)} is another filter than [1, 3, 3, 1], which would draw other pictures: "
                "open a network with the usual filter"
            )
    return names


def side(state: dict[str, Tensor], source: Source, axis: int, ndim: int) -> int:
    """How long an axis of a tensor is that must have at least `ndim` of them."""
    tensor = taken(state, source)
    if tensor.ndim < ndim:
        raise Refused(f"its {shown(source.name)} is {list(tensor.shape)}, which is no weight of that layer: {AGAIN}")
    return tensor.shape[axis]


def stylegan2(state: dict[str, Tensor], layout: Layout, *, clamp: float | None, said: Said = UNSAID) -> StyleGAN2:
    """Number of layers, widths and channels of the picture are read off the tensors; `notes` say what was assumed."""
    mapping_layers = _highest(state, layout.mapping, 64)
    levels = _highest(state, layout.rgb, DEEPEST)
    if not mapping_layers or levels < 2:
        raise Refused(f"it lacks {'the mapping' if not mapping_layers else 'most of the synthesis'}: {AGAIN}")
    embed = layout.embed is not None and any(name.startswith(layout.embed) for name in state)
    sources = _sources(layout, mapping_layers, levels, embed)
    noises, notes = _noises(state, layout, levels), []
    if noises:
        state, notes = state | noises, [NO_NOISE]

    def length(ours: str, axis: int, ndim: int = 2) -> int:
        return side(state, sources[ours], axis, ndim)

    dim = length(f"mapping.{mapping_layers - 1}.weight", 0)
    width, fan_in = (length("mapping.0.weight", axis) for axis in (0, 1))
    if fan_in <= embed * dim:
        raise Refused(f"its {shown(sources['mapping.0.weight'].name)} leaves no room for noise: {AGAIN}")
    if not embed:
        notes += without_classes(state, fan_in, dim, said, wide=layout.wide)
    config = dict(
        resolution=4 * 2 ** (levels - 1),
        dim=dim,
        z_dim=fan_in - embed * dim,
        channels=[length(f"layers.{2 * i}.conv.weight", -4, 4) for i in range(levels)],
        clamp=clamp,
        mapping_layers=mapping_layers,
        mapping_width=None if width == dim else width,
        classes=length("embed.weight", 1) if embed else 0,
        image_channels=picture_channels(length("layers.0.to_rgb.weight", -4, 4)),
    )
    generator = loaded(StyleGAN2, config, sources, state, spare=_filters(state, layout))
    generator.notes = tuple(notes)
    return generator


def without_classes(names: Iterable[str], fan_in: int, dim: int, said: Said, *, wide: bool = True) -> list[str]:
    """Is a mapping from `fan_in` numbers to `dim`, beside which no table of classes lies that is known, without them?

    A class joins z as numbers of its own, usually as many as w has. wide: can z be longer than w in such a file?
    Returns what was assumed. Raises Refused where the table was lost.
    """
    other = sorted(name for name in names if OF_CLASSES.search(name))
    if other:
        raise Refused(
            f"its {shown(other[0])} takes classes in a way that this project does not draw: "
            "open a network without classes, or NVIDIA's own of the same kind"
        )
    if said.classes:
        raise Refused(f"it has {said.classes} classes, and the table of their numbers is not in the file: {TABLE}")
    if said.z_dim is not None and said.z_dim != fan_in:
        raise Refused(
            f"its mapping takes {fan_in} numbers, but z is said to have {said.z_dim}; the rest belongs to classes, "
            f"whose table is not in the file: {TABLE}"
        )
    if fan_in <= dim or said != UNSAID:
        return []
    if fan_in == 2 * dim or not wide:
        raise Refused(
            f"its mapping takes {fan_in} numbers and gives {dim}, as in a network that takes a class beside the noise, "
            f'and the table of classes is not in the file: {TABLE}, or, if it has no classes, write {{"z_dim": '
            f"{fan_in}}} into a config.json beside it"
        )
    return [WIDE.format(fan_in, dim)]


def _noises(state: dict[str, Tensor], layout: Layout, levels: int) -> dict[str, Tensor]:
    """The noise of every layer where the file holds none, as `at(noise=0)` draws it."""
    if any(layout.noise(j) in state for j in range(2 * levels - 1)):
        return {}
    sides = [4 * 2 ** ((j + 1) // 2) for j in range(2 * levels - 1)]
    seeds = [torch.Generator().manual_seed(j) for j in range(len(sides))]
    return {layout.noise(j): torch.randn(side, side, generator=seeds[j]) for j, side in enumerate(sides)}


def mean_code(generator: StyleGAN2) -> Tensor:
    """[dim]: the mean of w over fixed seeds, for files that do not hold it."""
    z = torch.randn(MEAN_SEEDS, generator.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return generator.map(z).mean(0)
