"""How every pixel answers to every number of a code, by forward mode: as many passes as the code has numbers.

Zhu et al., Low-Rank Subspaces in GANs, NeurIPS 2021 (arXiv 2106.04488), section 3.1; the published code takes one
backward pass per pixel instead. What is decomposed later are the Gram matrices J^T J of regions, in float64.
"""

from __future__ import annotations

import copy
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.func import jvp, vmap

from ..codes import checked_slots
from ..generators.base import Generator, State
from ..regions import checked, resized

CHUNK = 32  # columns at a time: fewer leave the processor idle, more fall out of its cache
COLOURS = ("each", "mean")
ROWS = 2**14  # of a Jacobian that are widened to float64 at a time
KEPT = 256 * 2**20  # bytes of Jacobians that stay in memory for each generator
STATES = 6  # of a chunk that are in memory at once; measured, as the next line, by peaks at 64 and 128 px
LIBRARIES = 200 * 2**20  # bytes that PyTorch loads with the first Jacobian
_kept: WeakKeyDictionary[Generator, OrderedDict[tuple, PictureGrams]] = WeakKeyDictionary()
_lock = threading.Lock()
_FORWARD = threading.Lock()  # PyTorch counts the levels of forward mode for all threads together, and not safely


class Progress(NamedTuple):
    """done of total: layers that columns have passed. result: with the last one, what was asked for."""

    done: int
    total: int
    result: Tensor | Grams | None = None


class Grams(NamedTuple):
    """inside, outside [dim, dim] float64: J^T J of the rows inside and outside of a region, divided by their number.

    rows: these two numbers (pixels times channels). slots, movable: what was shifted together, and its numbers that may
    move; rows and columns of the others are 0.
    """

    inside: Tensor
    outside: Tensor
    rows: tuple[int, int]
    slots: tuple[int, ...]
    movable: range


# The Jacobian


def jacobian(
    generator: Generator,
    codes: Tensor,
    *,
    slots: Iterable[int] | None = None,
    size: int | None = None,
    chunk: int = CHUNK,
) -> Tensor:
    """d image / d shift, [3, size, size, dim]: one shift added to all of `slots` (None: all) of codes [1, slots, dim].

    Image values are in [-1, 1], not clamped. Columns outside `movable` are 0. size (None: the generator's): pixels
    floor(i R / size) of the full picture, as published (section B1: nearest neighbour). chunk: columns at a time.
    Raises ValueError for codes, slots, size or chunk that do not fit.
    """
    for step in jacobian_steps(generator, codes, slots=slots, size=size, chunk=chunk):
        pass
    return step.result


def jacobian_steps(
    generator: Generator,
    codes: Tensor,
    *,
    slots: Iterable[int] | None = None,
    size: int | None = None,
    chunk: int = CHUNK,
) -> Iterator[Progress]:
    """`jacobian` as a stream: a Progress after every layer of every chunk, the Jacobian in the last; close it to stop.

    Where one layer of a large model takes longer than a sign of life should, choose a smaller chunk.
    """
    slots, size = _checked(generator, codes, slots, size, chunk)
    movable = range(generator.dim)[generator.movable]
    found = codes.new_zeros(3, size, size, generator.dim, device="cpu")
    done, total = 0, len(movable) * (len(generator.layers) - generator.start(slots) + 1)
    for columns, block in _columns(generator, codes, movable, slots, size, chunk):
        done += len(columns)
        if block is not None:
            found[..., columns.start : columns.stop] = block.movedim(0, -1).cpu()
        yield Progress(done, total, found if done == total else None)


def _checked(
    generator: Generator, codes: Tensor, slots: Iterable[int] | None, size: int | None, chunk: int
) -> tuple[tuple[int, ...], int]:
    slots, size = checked_slots(generator, slots), generator.resolution if size is None else size
    if codes.shape != (1, generator.slots, generator.dim):
        raise ValueError(
            f"a Jacobian belongs to one picture, whose codes are [1, {generator.slots}, {generator.dim}]; "
            f"got {list(codes.shape)}"
        )
    if not 1 <= size <= generator.resolution:
        raise ValueError(f"size = {size}: this generator's Jacobian has 1 to {generator.resolution} pixels a side")
    if chunk < 1:
        raise ValueError(f"chunk = {chunk}: at least one column at a time")
    return slots, size


def _columns(
    generator: Generator, codes: Tensor, columns: range, slots: tuple[int, ...], size: int, chunk: int
) -> Iterator[tuple[range, Tensor | None]]:
    """(columns of a chunk, None) after every layer, with the image's derivatives [k, 3, size, size] after the last."""
    states = _states(generator, codes, slots)
    kept = torch.arange(size) * generator.resolution // size
    for first in range(0, len(columns), chunk):
        now = columns[first : first + chunk]
        shifts = torch.eye(generator.dim, dtype=codes.dtype, device=codes.device)[now.start : now.stop]
        derivatives: tuple[Tensor, ...] = ()
        for i, state in states.items():
            derivatives = _through(generator, i, codes, slots, shifts, state, derivatives)
            yield now, derivatives[0][:, 0][:, :, kept[:, None], kept] if i == len(generator.layers) else None


@torch.no_grad()
def _states(generator: Generator, codes: Tensor, slots: tuple[int, ...]) -> dict[int, tuple[Tensor, ...]]:
    """What every layer gets that a shift of the slots changes, and `to_image` (number len(layers)); () for layer 0."""
    start, states = generator.start(slots), {}
    state = generator.run(codes, stop=start) if start else None
    for i in range(start, len(generator.layers) + 1):
        # channels last: derivatives take this layout over, and convolutions on a processor are a tenth faster
        states[i] = tuple(t.contiguous(memory_format=torch.channels_last) for t in state or () if t is not None)
        state = generator.run(codes, state, start=i, stop=i + 1)
    return states


@torch.no_grad()
def _through(
    generator: Generator,
    i: int,
    codes: Tensor,
    slots: tuple[int, ...],
    shifts: Tensor,
    state: tuple[Tensor, ...],
    derivatives: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """What layer i makes of the derivatives [k, ...] of a state along k shifts [k, dim] of the slots.

    Without derivatives the state does not depend on the shift.
    """

    def layer(shift: Tensor, *changed: Tensor) -> tuple[Tensor, ...]:
        given = State(*(changed or state)) if state else None
        if i == len(generator.layers):
            return (generator.to_image(given),)
        read = (codes[:, slot] + shift if slot in slots else codes[:, slot] for slot in generator.reads[i])
        return tuple(tensor for tensor in generator.layers[i](given, *read) if tensor is not None)

    def along(shift: Tensor, *changes: Tensor) -> tuple[Tensor, ...]:
        return jvp(layer, (here, *(state if changes else ())), (shift, *changes))[1]

    here = torch.zeros_like(shifts[0])  # made here, so that vmap does not repeat the values for every shift
    with _FORWARD:
        return vmap(along)(shifts, *derivatives)


# Gram matrices of regions


class PictureGrams:
    """The Jacobian of one picture, ready for the Gram matrices of any region: a new one costs only its own pixels.

    jacobian [c, size, size, dim], c = 3 or 1. `whole` [dim, dim] float64: J^T J of all rows, not divided.
    """

    def __init__(self, jacobian: Tensor, *, slots: tuple[int, ...], movable: range | slice):
        self.jacobian, self.slots = jacobian, slots
        self.movable = range(jacobian.shape[-1])[movable] if isinstance(movable, slice) else movable
        self.whole = _summed(jacobian.flatten(0, 2))

    def of(self, mask: Tensor) -> Grams:
        """mask [h, w] bool of any size, at least one pixel True. Raises ValueError otherwise."""
        mask = resized(checked(mask), self.jacobian.shape[1:3])
        channels, area, pixels = len(self.jacobian), int(mask.sum()), mask.numel()
        part = mask if 2 * area <= pixels else ~mask  # the smaller side; the other one is the rest
        here = _summed(self.jacobian[:, part].flatten(0, 1))
        inside, outside = (here, self.whole - here) if part is mask else (self.whole - here, here)
        rows = channels * area, channels * (pixels - area)
        return Grams(inside / rows[0], outside / max(rows[1], 1), rows, self.slots, self.movable)


def grams(
    generator: Generator,
    codes: Tensor,
    mask: Tensor,
    *,
    slots: Iterable[int] | None = None,
    size: int | None = None,
    chunk: int = CHUNK,
    colours: str = "each",
) -> Grams:
    """Of a region, averaged over several pictures where codes [n, slots, dim] has them; Jacobians are remembered.

    mask: [h, w] bool of any size, or [n, h, w], one for each picture. colours: "each" keeps the three channels apart,
    "mean" takes their mean first, as published. Raises ValueError as `jacobian` does, and for an empty region.
    """
    masks = mask if isinstance(mask, Tensor) and mask.ndim == 3 else checked(mask)[None]
    if len(masks) not in (1, len(codes)) or not len(codes):
        raise ValueError(f"{len(masks)} regions for {len(codes)} pictures: give one for all, or one for each")
    pictures = (
        picture_grams(generator, code[None], slots=slots, size=size, chunk=chunk, colours=colours) for code in codes
    )
    return averaged([picture.of(masks[i % len(masks)]) for i, picture in enumerate(pictures)])


def averaged(found: list[Grams]) -> Grams:
    """Every picture counts the same, however large its region. Raises ValueError for none, or where slots differ."""
    if len({(each.slots, each.movable) for each in found}) != 1:
        raise ValueError("only Gram matrices of the same slots can be averaged: take them all for one choice of slots")
    inside, outside = (torch.stack(each).mean(0) for each in zip(*((one.inside, one.outside) for one in found)))
    rows = tuple(sum(one.rows[side] for one in found) for side in (0, 1))
    return Grams(inside, outside, rows, found[0].slots, found[0].movable)


def picture_grams(
    generator: Generator,
    codes: Tensor,
    *,
    slots: Iterable[int] | None = None,
    size: int | None = None,
    chunk: int = CHUNK,
    colours: str = "each",
) -> PictureGrams:
    """Of codes [1, slots, dim]; remembered, up to 256 MB a generator unless it trains. Arguments as in `grams`."""
    slots, size = _checked(generator, codes, slots, size, chunk)
    if colours not in COLOURS:
        raise ValueError(f"no colours {colours!r}: 'each' (three channels) or 'mean' (of the three, as published)")
    key = hashlib.sha256(codes.detach().cpu().numpy().tobytes()).hexdigest(), codes.dtype, slots, size, colours
    with _lock:
        kept = _kept.setdefault(generator, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    rows = jacobian(generator, codes, slots=slots, size=size, chunk=chunk)
    found = of_jacobian(generator, rows, slots, colours=colours)
    if not any(p.requires_grad for p in generator.parameters()):
        _remember(kept, key, found)
    return found


def of_jacobian(
    generator: Generator, found: Tensor, slots: Iterable[int] | None = None, *, colours: str = "each"
) -> PictureGrams:
    """Gram matrices of any region from a Jacobian [3, size, size, dim] that a stream brought."""
    combined = found.mean(0, keepdim=True) if colours == "mean" else found
    return PictureGrams(combined, slots=checked_slots(generator, slots), movable=generator.movable)


def _remember(kept: OrderedDict[tuple, PictureGrams], key: tuple, found: PictureGrams) -> None:
    with _lock:
        kept[key] = found
        while len(kept) > 1 and sum(each.jacobian.nbytes for each in kept.values()) > KEPT:
            kept.popitem(last=False)


def _summed(rows: Tensor, others: Tensor | None = None) -> Tensor:
    """rows^T others [a, b] in float64 (None: rows^T rows), a block of rows at a time."""
    others = rows if others is None else others
    total = torch.zeros(rows.shape[1], others.shape[1], dtype=torch.float64)
    for a, b in zip(rows.split(ROWS), others.split(ROWS)):
        wide = a.double()
        total += wide.T @ (wide if rows is others else b.double())
    return total


# Where the Jacobian itself would not fit


def grams_steps(
    generator: Generator,
    codes: Tensor,
    mask: Tensor,
    *,
    slots: Iterable[int] | None = None,
    size: int | None = None,
    chunk: int = CHUNK,
    block: int = 128,
) -> Iterator[Progress]:
    """The Grams of one region without storing the Jacobian: a stream of Progress, the Grams in the last.

    At most block + chunk columns are held. Blocks meet in pairs, so that a code of b blocks costs (b + 1) / 2 times the
    passes of `jacobian`. Arguments and errors as there and in `PictureGrams.of`; exact.
    """
    slots, size = _checked(generator, codes, slots, size, chunk)
    mask, movable = resized(checked(mask), (size, size)), range(generator.dim)[generator.movable]
    sums = torch.zeros(2, generator.dim, generator.dim, dtype=torch.float64)  # inside, outside
    tails = [movable[first:] for first in range(0, len(movable), block)]
    done, total = 0, sum(map(len, tails)) * (len(generator.layers) - generator.start(slots) + 1)
    for tail in tails:
        held = codes.new_zeros(min(block, len(tail)), 3, size, size, device="cpu")
        for now, columns in _paired(generator, codes, tail, len(held), slots, size, chunk):
            done += len(now)
            if columns is not None:
                first = now.start - tail.start
                if first < len(held):
                    held[first : first + len(now)] = columns.cpu()
                _add(sums, tail, now, held[: max(first, 0) + len(now)], columns.cpu(), mask)
            yield Progress(done, total)
    inside, outside = sums.triu() + sums.triu(1).mT
    area, pixels = int(mask.sum()), mask.numel()
    rows = 3 * area, 3 * (pixels - area)
    yield Progress(total, total, Grams(inside / rows[0], outside / max(rows[1], 1), rows, slots, movable))


def _paired(
    generator: Generator, codes: Tensor, tail: range, held: int, slots: tuple[int, ...], size: int, chunk: int
) -> Iterator[tuple[range, Tensor | None]]:
    """The columns of a tail: those of its first block, then the others, so that no chunk lies in both."""
    for part in (tail[:held], tail[held:]):
        yield from _columns(generator, codes, part, slots, size, chunk)


def _add(sums: Tensor, tail: range, now: range, held: Tensor, columns: Tensor, mask: Tensor) -> None:
    """Products of the held columns with new ones, added in the upper triangle."""
    for side, part in zip(sums, (mask, ~mask)):
        products = _summed(held[:, :, part].flatten(1).T, columns[:, :, part].flatten(1).T)
        side[tail.start : tail.start + len(held), now.start : now.stop] += products


# Memory


def bytes_needed(generator: Generator, *, size: int | None = None, chunk: int = CHUNK) -> int:
    """Of memory for `jacobian` and its Gram matrices, an estimate from the shapes alone: nothing is computed."""
    size = generator.resolution if size is None else size
    return _bytes(generator, size, chunk, _widest(generator))


def bytes_by_size(generator: Generator, *, chunk: int = CHUNK) -> dict[int, int]:
    """`bytes_needed` by pixels a side, the largest first: R, R / 2, R / 4 ... 1."""
    widest = _widest(generator)
    sizes = [generator.resolution >> k for k in range(generator.resolution.bit_length())]
    return {size: _bytes(generator, size, chunk, widest) for size in sizes}


def _bytes(generator: Generator, size: int, chunk: int, widest: int) -> int:
    number = next(generator.parameters()).element_size()
    blocks = 2 * 8 * min(ROWS, 3 * size**2) * generator.dim
    return number * (3 * size**2 * generator.dim + STATES * chunk * widest) + blocks + LIBRARIES


def fitting_size(generator: Generator, available: int, *, chunk: int = CHUNK) -> int | None:
    """The largest of R, R / 2, R / 4 ... whose Jacobian needs at most `available` bytes; None: not even one pixel."""
    needed = bytes_by_size(generator, chunk=chunk)
    return next((size for size, needs in needed.items() if needs <= available), None)


def check_memory(generator: Generator, available: int, *, size: int | None = None, chunk: int = CHUNK) -> None:
    """Raises ValueError, with the bytes needed and the size that would fit, where `available` bytes are not enough."""
    needed = bytes_needed(generator, size=size, chunk=chunk)
    if needed > available:
        fits = fitting_size(generator, available, chunk=chunk)
        advice = f"at {fits} pixels a side it would fit" if fits else "a smaller chunk needs less"
        raise ValueError(
            f"the Jacobian at {size or generator.resolution} pixels a side needs "
            f"{needed / 2**20:,.0f} MB and there are {available / 2**20:,.0f}: {advice}"
        )


def _widest(generator: Generator) -> int:
    """Numbers in the largest state or image between the layers, found on copies that hold nothing.

    Copies, because other threads draw with the generator meanwhile.
    """
    code, state, widest = torch.empty(1, generator.dim, device="meta"), None, 3 * generator.resolution**2
    for layer, reads in zip(generator.layers, generator.reads):
        state = copy.deepcopy(layer).to("meta")(state, *[code] * len(reads))
        widest = max(widest, sum(t.numel() for t in state if t is not None))
    return widest
