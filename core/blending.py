"""A region of one picture inside another, blended between the layers of a network instead of between pixels (LoGAN).

After Zhang, Xu and Shen, Decorating Your Own Bedroom: Locally Controlling Image Generation with Generative Adversarial
Networks (arXiv 2105.08222), which has no public code: our formulation. *Content*: after layer l, x <- (1 - m) x +
m T(x of the source), T a shift, turn, size or flip, and the same for the image so far of skip architectures. *Style*:
from layer l on, layers run with both codes and what they give is blended by the mask; for a hard mask that is the
convolution of x s_1 beside that of x s_0; layers that read no code have no style. *Both*: the source's content, and its
style from there on. *Around*: what surrounds the region fills it (harmonic: every feature is the mean of its
neighbours). Of patches that overlap the last is on top: m_i <- m_i prod_{j > i} (1 - m_j), so that their weights and
the background's sum to 1.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .generators.base import Generator, State, shallow

KINDS = ("content", "style", "both", "around")
MOST = 1_024  # places that are filled exactly
WHOLE = 1e-6  # features; how near to whole numbers places are whole, so that nothing is interpolated


@dataclass(frozen=True, eq=False)
class Patch:
    """What is blended into a picture, and where.

    mask: [1, 1, h, w] in [0, 1], 1 where the source is taken from; its sides are those of the picture. layer: l, so
    many layers have run. codes: [1, slots, dim] of the source; [k, slots, dim]: the mean of k pictures; None: the
    picture's own. kind: of KINDS. down, right: pixels of the picture; turn: degrees, counter-clockwise, about the
    region's middle; scale: times as large; flip: left and right change sides. soft: pixels of a soft edge, 0: hard.
    """

    mask: Tensor
    layer: int
    codes: Tensor | None = None
    kind: str = "content"
    down: float = 0.0
    right: float = 0.0
    turn: float = 0.0
    scale: float = 1.0
    flip: bool = False
    soft: float = 0.0

    def __post_init__(self):
        mask = self.mask
        if not isinstance(mask, Tensor) or mask.ndim != 4 or mask.shape[:2] != (1, 1):
            raise ValueError(f"a mask is [1, 1, h, w], 1 where the patch is; got {getattr(mask, 'shape', mask)}")
        if not (mask.isfinite().all() and 0 <= mask.min() <= mask.max() <= 1):
            raise ValueError("the numbers of a mask lie between 0 (the picture) and 1 (the patch)")
        if self.kind not in KINDS:
            raise ValueError(f"a patch cannot be {self.kind!r}: choose one of {', '.join(KINDS)}")
        if self.kind in ("style", "both") and self.codes is None:
            raise ValueError("a style is that of another picture: give its codes")
        numbers = self.down, self.right, self.turn, self.scale, self.soft
        if not all(map(math.isfinite, numbers)) or self.scale <= 0 or self.soft < 0:
            raise ValueError("a patch moves by finite numbers; its scale is above 0, its soft edge not below")

    @property
    def brings(self) -> bool:
        """Does it bring content, after its layer?"""
        return self.kind != "style"

    @property
    def restyles(self) -> bool:
        return self.kind in ("style", "both")

    def places(self, size: tuple[int, int]) -> Tensor:
        """[2, h, w]: the row and the column of a map of that size that each of its places shows, in features."""
        shape = self.mask.shape[2:]
        there = self.mask[0, 0].nonzero()
        low, high = (there.min(0).values, there.max(0).values + 1) if len(there) else (torch.zeros(2),) * 2
        middle, sides = (low + high).double() / 2, torch.tensor(shape).double()
        axes = ((torch.arange(n, dtype=torch.float64) + 0.5) / n * side for n, side in zip(size, shape))
        rows, columns = torch.meshgrid(*axes, indexing="ij")
        rows, columns = rows - middle[0] - self.down, columns - middle[1] - self.right
        angle = math.radians(self.turn)
        cos, sin = math.cos(angle), math.sin(angle)
        rows, columns = cos * rows + sin * columns, cos * columns - sin * rows
        columns = -columns if self.flip else columns
        found = torch.stack([rows, columns]) / self.scale + middle[:, None, None]
        return found * (torch.tensor(size) / sides)[:, None, None] - 0.5

    def carried(self, x: Tensor) -> Tensor:
        """T: a map [n, c, h, w] moved as the patch is; between features it is bilinear, beyond the edge it repeats."""
        if not (self.down or self.right or self.turn or self.flip) and self.scale == 1:
            return x
        return _read(x, self.places(tuple(x.shape[2:])))

    def weight(self, size: tuple[int, int]) -> Tensor:
        """[1, 1, h, w]: the mask where the patch goes, with its soft edge, for a map of that size."""
        mask = self.mask.float()
        if self.carried(mask) is not mask:
            places, sides = self.places(tuple(mask.shape[2:])), mask.new_tensor(mask.shape[2:])[:, None, None]
            inside = ((places >= -0.5) & (places < sides - 0.5)).all(0)
            mask = _read(mask, places.round()) * inside
        if self.soft:
            kernel = torch.arange(-math.ceil(2 * self.soft), math.ceil(2 * self.soft) + 1).float()
            kernel = torch.exp(-((kernel / self.soft) ** 2) / 2)
            kernel, side = kernel / kernel.sum(), len(kernel) // 2
            mask = F.pad(mask, (side,) * 4, mode="replicate")
            mask = F.conv2d(F.conv2d(mask, kernel[None, None, None]), kernel[None, None, :, None]).clamp(0, 1)
        return mask if tuple(mask.shape[2:]) == tuple(size) else F.interpolate(mask, size=tuple(size), mode="area")


def _read(x: Tensor, places: Tensor) -> Tensor:
    """x [n, c, h, w] at places [2, h, w]; derivatives pass in both directions."""
    sides = x.shape[2:]
    if (places - places.round()).abs().max() < WHOLE:
        places = places.round()
    low = places.floor()
    share, low, found = (places - low).to(x), low.long(), 0
    for down in (0, 1):
        for right in (0, 1):
            row, column = (low[0] + down).clamp(0, sides[0] - 1), (low[1] + right).clamp(0, sides[1] - 1)
            by = (share[0] if down else 1 - share[0]) * (share[1] if right else 1 - share[1])
            if by.any():
                found = found + x[:, :, row.to(x.device), column.to(x.device)] * by
    return found


def priorities(masks: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
    """Masks in [0, 1], the last on top -> the weight of each, and the background's: they sum to 1."""
    left, weights = torch.ones_like(masks[0]), []
    for mask in reversed(masks):
        weights.append(mask * left)
        left = left * (1 - mask)
    return weights[::-1], left


# --- a view that blends


class Sources(nn.Module):
    """The layers that make a patch's source, and its codes; `base`: the picture's, from which knobs move both."""

    def __init__(self, generator: Generator, patch: Patch, base: Tensor | None):
        super().__init__()
        self.layers, self.reads = nn.ModuleList(generator.layers[: patch.layer]), generator.reads[: patch.layer]
        self.register_buffer("codes", patch.codes)
        self.register_buffer("base", None if base is None or len(patch.codes) > 1 else base)

    def moved(self, slots: Sequence[int], codes: Sequence[Tensor]) -> list[Tensor]:
        """The source's codes in these slots, moved as the picture's own codes [n, dim] each were."""
        if self.base is None:
            return [self.codes[:, slot] for slot in slots]
        return [self.codes[:, slot] + (code - self.base[:, slot]) for slot, code in zip(slots, codes)]

    def style(self, slots: Sequence[int], codes: Sequence[Tensor]) -> list[Tensor]:
        """`moved`, or the mean of many pictures."""
        moved = self.moved(slots, codes)
        return moved if len(self.codes) == 1 else [code.mean(0, keepdim=True) for code in moved]

    def forward(self, slots: Sequence[int], codes: Sequence[Tensor]) -> State:
        given, state = dict(zip(slots, self.moved(slots, codes))), None
        for layer, reads in zip(self.layers, self.reads):
            state = layer(state, *(given[slot] for slot in reads))
        return _each(lambda x: x.mean(0, keepdim=True), state) if len(self.codes) > 1 else state


class BlendedLayer(nn.Module):
    """What a layer becomes, beside its own class: it blends what it gives.

    patches: all of the picture. number: of the layer. own: how many of the codes that it is given are its own.
    """

    def forward(self, state: State | None, *codes: Tensor) -> State:
        own, styled, brought = codes[: self.own], {}, {}
        given = super().forward(state, *own)
        for i, patch in enumerate(self.patches):
            if own and patch.restyles and patch.layer <= self.number:
                other = self.sources[str(i)].style(self.slots[: self.own], own)
                styled[i] = super().forward(state, *(code.expand(len(own[0]), -1) for code in other))
        given = self.mixed(given, styled)
        for i, patch in enumerate(self.patches):
            if patch.brings and patch.layer == self.number + 1:
                source = given if patch.codes is None else self.sources[str(i)](self.slots, codes)
                brought[i] = _each(partial(content, patch), source)
        return self.mixed(given, brought)

    def weights(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Of each patch, and of the background, [1, 1, h, w] for a map [n, c, h, w]."""
        key = tuple(x.shape[2:])
        if key not in self.kept:
            self.kept[key] = priorities([patch.weight(key) for patch in self.patches])
        weights, left = self.kept[key]
        return [weight.to(x) for weight in weights], left.to(x)

    def mixed(self, state: State, others: dict[int, State]) -> State:
        """others: the state of a patch by its number."""
        if not others:
            return state

        def one(part: int) -> Tensor | None:
            x = state[part]
            if x is None:
                return None
            weights, _ = self.weights(x)
            share = sum(weights[i] for i in others)
            return sum((other[part] * weights[i] for i, other in others.items()), x * (1 - share))

        return State(one(0), one(1))


def content(patch: Patch, x: Tensor) -> Tensor:
    """What a patch puts into its places, of a map [n, c, h, w] of its source."""
    return around(x, patch.weight(tuple(x.shape[2:]))) if patch.kind == "around" else patch.carried(x)


def _each(function: Callable[[Tensor], Tensor], state: State) -> State:
    return State(*(None if part is None else function(part) for part in state))


@functools.cache
def _blending(kind: type[nn.Module]) -> type[nn.Module]:
    return type(kind.__name__, (BlendedLayer, kind), {})


def blended(generator: Generator, patches: Sequence[Patch], *, base: Tensor | None = None) -> Generator:
    """A view that shares the weights and draws codes [n, slots, dim] with the patches, the last one on top.

    base: [1, slots, dim], the codes of the picture before anything moves it: then whatever moves the picture's codes
    away from them moves those of its sources as far, so that a knob turns what was pasted too. None: sources stay.
    Raises ValueError for patches that do not fit the generator.
    """
    patches = tuple(patches)
    for patch in patches:
        _check(generator, patch)
    if base is not None and base.shape != (1, generator.slots, generator.dim):
        raise ValueError(f"base is the codes of one picture [1, {generator.slots}, {generator.dim}]: {base.shape}")
    if any(isinstance(layer, BlendedLayer) for layer in generator.layers):
        raise ValueError("this view blends already: give all of its patches at once")
    view, layers, reads = shallow(generator), [], []
    for number, (layer, own) in enumerate(zip(generator.layers, generator.reads)):
        brought = [p for p in patches if p.brings and p.layer == number + 1 and p.codes is not None]
        touched = brought or any(
            p.restyles and p.layer <= number or p.brings and p.layer == number + 1 for p in patches
        )
        earlier = {slot for read in generator.reads[: number + 1] for slot in read} - {*own} if brought else ()
        slots = (*own, *sorted(earlier))
        if touched:
            layer = shallow(layer)
            layer.__class__ = _blending(type(layer))
            layer.patches, layer.number, layer.own, layer.slots, layer.kept = patches, number, len(own), slots, {}
            sources = {str(i): Sources(generator, p, base) for i, p in enumerate(patches) if p.codes is not None}
            layer._modules["sources"] = nn.ModuleDict(sources)
        layers.append(layer)
        reads.append(slots if touched else own)
    view._modules["layers"], view.reads = nn.ModuleList(layers), tuple(reads)
    return view


def _check(generator: Generator, patch: Patch) -> None:
    last, shape = len(generator.layers), (generator.slots, generator.dim)
    lowest = 0 if patch.kind == "style" else 1
    if isinstance(patch.layer, bool) or not isinstance(patch.layer, int) or not lowest <= patch.layer <= last:
        raise ValueError(f"layer {patch.layer}: this network's pictures are blended after {lowest} to {last} layers")
    if patch.codes is not None and (patch.codes.ndim != 3 or tuple(patch.codes.shape[1:]) != shape):
        raise ValueError(f"the source's codes are [k, {shape[0]}, {shape[1]}], not {list(patch.codes.shape)}")
    if hasattr(generator, "moved"):
        raise ValueError(
            "the maps of a StyleGAN3 reach beyond its picture, so that a region of it has no place in them: "
            "choose another network"
        )


# --- around


def around(x: Tensor, mask: Tensor) -> Tensor:
    """A map [n, c, h, w] whose places with a mask [1, 1, h, w] above 0 are the mean of their neighbours.

    Where these are more than MOST, on a map of half the size, which is enlarged. Raises ValueError where nothing is
    left to fill them from.
    """
    inside = mask[0, 0].cpu() > 0
    if MOST < inside.sum() < inside.numel():
        known = (mask == 0).to(x)
        share = F.avg_pool2d(known, 2, ceil_mode=True)
        half = F.avg_pool2d(x * known, 2, ceil_mode=True) / share.clamp(min=0.25)
        filled = around(half, (share == 0).to(x))
        return torch.where(mask > 0, F.interpolate(filled, size=x.shape[2:], mode="bilinear"), x)
    if inside.all():
        raise ValueError("the region is the whole map: nothing is left around it to fill it from; choose a later layer")
    if not inside.any():
        return x
    known, matrix, order = (one.to(x.device) for one in _filling(tuple(inside.flatten().tolist()), inside.shape[1]))
    flat = x.flatten(2)
    filled = flat[:, :, known] @ matrix.to(x.dtype)
    return torch.cat([flat, filled], 2)[:, :, order].unflatten(2, x.shape[2:])


@functools.lru_cache(maxsize=32)
def _filling(inside: tuple[bool, ...], width: int) -> tuple[Tensor, Tensor, Tensor]:
    """known: the places on the edge of the region. matrix [known, unknown]. order: where each place is read from."""
    mask = torch.tensor(inside)
    unknown, count = mask.nonzero()[:, 0], len(inside)
    number = {int(place): i for i, place in enumerate(unknown)}
    edges: dict[int, int] = {}
    system, given = torch.zeros(len(unknown), len(unknown), dtype=torch.float64), []
    for place, i in number.items():
        row, column = divmod(place, width)
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if not (0 <= r < count // width and 0 <= c < width):
                continue
            system[i, i] += 1
            other = r * width + c
            if other in number:
                system[i, number[other]] -= 1
            else:
                given.append((i, edges.setdefault(other, len(edges))))
    right = torch.zeros(len(unknown), len(edges), dtype=torch.float64)
    for i, edge in given:
        right[i, edge] = 1
    order = torch.arange(count)
    order[unknown] = count + torch.arange(len(unknown))
    return torch.tensor(list(edges)), torch.linalg.solve(system, right).T, order


# --- with pixels, and what was changed


def with_pixels(image: Tensor, patches: Sequence[Patch], sources: Sequence[Tensor | None]) -> Tensor:
    """Patches pasted into images [n, 3, R, R] without the network: what blending is compared with.

    sources: [1, 3, R, R] for each patch; None: the image itself.
    """
    weights, left = priorities([patch.weight(tuple(image.shape[2:])) for patch in patches])
    found = image * left.to(image)
    for patch, source, weight in zip(patches, sources, weights, strict=True):
        source = image if source is None else source
        found = found + weight.to(image) * content(patch, source)
    return found


@torch.no_grad()
def reach(generator: Generator, patches: Sequence[Patch], codes: Tensor) -> Tensor:
    """[R, R] bool: the pixels of codes [1, slots, dim] that anything in the patches' places can change at all.

    Found by sending "not a number" through the layers: outside the change is exactly 0. Everything, where a layer sees
    the whole map: attention, or a normalisation over the pixels of the map.
    """
    state = None
    for number in range(len(generator.layers)):
        state = generator.run(codes, state, start=number, stop=number + 1)
        for patch in patches:
            if patch.brings and patch.layer == number + 1 or patch.restyles and patch.layer <= number:
                state = _each(partial(_marked, patch), state)
    return generator.to_image(state).isnan().any(1)[0]


def _marked(patch: Patch, x: Tensor) -> Tensor:
    return torch.where(patch.weight(tuple(x.shape[2:])).to(x) > 0, math.nan, x)


def seam(images: Tensor, mask: Tensor) -> Tensor:
    """[n]: the mean square difference, in levels of 255, of neighbouring pixels of images [n, 3, R, R] on both sides of
    the edge of a mask [R, R] of bool. 0 where it has no edge.
    """
    images = (images.clamp(-1, 1) + 1) * 127.5
    jumps = [images.diff(dim=axis + 2)[:, :, mask.diff(dim=axis)].flatten(1) for axis in (0, 1)]
    across = torch.cat(jumps, 1)
    return across.square().mean(1) if across.shape[1] else across.new_zeros(len(images))
