"""A region is a mask [h, w] of bool, True where it is; boxes are fractions of the side, so that they fit any size."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

CODED = 64  # pixels a side of a region in a link
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # base64url: 6 bits each
LARGEST = 8192  # pixels a side of a painted layer


@dataclass(frozen=True)
class Box:
    """Edges as fractions of the side, from the top left corner. Raises ValueError where it holds nothing."""

    top: float
    left: float
    bottom: float
    right: float

    def __post_init__(self):
        if not (0 <= self.top < self.bottom <= 1 and 0 <= self.left < self.right <= 1):
            raise ValueError(
                f"the box {astuple(self)} is not within the picture: its edges are fractions of the side, "
                "top < bottom and left < right, from 0 to 1"
            )

    def mask(self, size: int | tuple[int, int]) -> Tensor:
        """[h, w] bool: pixels whose centre lies within; the nearest one where no centre does."""
        height, width = _sides(size)
        return _within(self.top, self.bottom, height)[:, None] & _within(self.left, self.right, width)


def _sides(size: int | tuple[int, int]) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    if min(height, width) < 1:
        raise ValueError(f"a mask of {height} x {width} pixels: each side has at least 1")
    return height, width


def _within(low: float, high: float, side: int) -> Tensor:
    centres = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    inside = (centres >= low) & (centres < high)
    if not inside.any():
        inside[min(int((low + high) / 2 * side), side - 1)] = True
    return inside


def checked(mask: Tensor) -> Tensor:
    """The mask itself. Raises ValueError where it is not [h, w] of bool, or empty."""
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.ndim != 2:
        what = f"{list(mask.shape)} of {mask.dtype}" if isinstance(mask, Tensor) else type(mask).__name__
        raise ValueError(f"a region is a mask [h, w] of bool, True where it is; got {what}")
    if not mask.any():
        raise ValueError("the region is empty: choose or paint at least one pixel")
    return mask


def resized(mask: Tensor, size: int | tuple[int, int]) -> Tensor:
    """[h, w] bool of another size: True where at least half is covered; a region never vanishes, however small."""
    sides = _sides(size)
    if tuple(mask.shape) == sides:
        return mask
    rows, columns = (_overlap(a, b) for a, b in zip(mask.shape, sides))
    covered = rows @ mask.double() @ columns.T
    found = covered >= 0.5 - 1e-9  # rounding: half is half
    return found if found.any() or not mask.any() else covered == covered.max()


def _overlap(of: int, to: int) -> Tensor:
    """[to, of]: which share of a pixel of the new side each of the old side's covers."""
    edges, new = torch.arange(of + 1, dtype=torch.float64) / of, torch.arange(to + 1, dtype=torch.float64) / to
    shared = torch.minimum(edges[None, 1:], new[1:, None]) - torch.maximum(edges[None, :-1], new[:-1, None])
    return shared.clamp(min=0) * to


def from_boxes(boxes: Iterable[Box], size: int | tuple[int, int]) -> Tensor:
    """[h, w] bool: the union; nothing where there are none."""
    found = torch.zeros(_sides(size), dtype=torch.bool)
    for box in boxes:
        found |= box.mask(size)
    return found


def from_paint(
    layers: np.ndarray | Image.Image | Iterable[np.ndarray | Image.Image], size: int | tuple[int, int] | None = None
) -> Tensor:
    """[h, w] bool from what was painted: a picture, an array [h, w] or [h, w, 1 to 4], or a list of them (their union).

    Painted is what is not transparent; where nothing is transparent, what is not black. size None: the first layer's.
    Raises ValueError for other shapes, for more than 8192 pixels a side, and for no layer at all.
    """
    layers = [layers] if isinstance(layers, (np.ndarray, Image.Image)) else list(layers)
    if not layers:
        raise ValueError("there is no painted layer: paint a region first")
    masks = [torch.from_numpy(_painted(layer)) for layer in layers]
    sides = masks[0].shape if size is None else _sides(size)
    return torch.stack([resized(mask, sides) for mask in masks]).any(0)


def _painted(layer: np.ndarray | Image.Image) -> np.ndarray:
    """[h, w] bool"""
    if isinstance(layer, Image.Image) and max(layer.size) <= LARGEST:
        see_through = "A" in layer.getbands() or "transparency" in layer.info
        layer = layer.convert("RGBA" if see_through else "RGB")
    shape = layer.size if isinstance(layer, Image.Image) else np.shape(layer)
    if (
        not 2 <= len(shape) <= 3
        or not 1 <= min(shape[:2]) <= max(shape[:2]) <= LARGEST
        or (len(shape) == 3 and not 1 <= shape[2] <= 4)
    ):
        raise ValueError(
            "a painted layer is a picture, or an array [h, w] or [h, w, 1 to 4], "
            f"of 1 to {LARGEST} pixels a side; got {list(shape)}"
        )
    values = np.asarray(layer).reshape(*np.asarray(layer).shape[:2], -1) > 0
    if values.shape[2] in (2, 4):  # the last channel is opacity
        return values[..., :-1].any(2) if values[..., -1].all() else values[..., -1]
    return values.any(2)


# A region in a link


def to_text(mask: Tensor) -> str:
    """Letters, digits, - and _, at most 684: the region at 64 x 64 pixels, as runs or, where shorter, as bits.

    Runs (first letter r) row by row, the first outside the region, each in letters of 5 bits, low ones first, 32 added
    where more follow. Bits (first letter b): six a letter.
    """
    bits = resized(checked(mask), CODED).flatten().tolist()
    runs = "r" + "".join(_letters(run) for run in _runs(bits))
    if len(runs) <= CODED**2 // 6 + 2:
        return runs
    padded = bits + [False] * (-len(bits) % 6)
    sixes = (padded[i : i + 6] for i in range(0, len(padded), 6))
    return "b" + "".join(LETTERS[sum(bit << k for k, bit in enumerate(six))] for six in sixes)


def from_text(text: str) -> Tensor:
    """[64, 64] bool. Raises ValueError for anything that `to_text` does not write."""
    refusal = ValueError("this text is not a region: it may have been cut or changed; paint the region again")
    if not isinstance(text, str) or not re.fullmatch(r"[rb][A-Za-z0-9_-]{1,683}", text):
        raise refusal
    values = [LETTERS.index(letter) for letter in text[1:]]
    bits = _from_runs(values) if text[0] == "r" else [bool(value >> k & 1) for value in values for k in range(6)]
    if not CODED**2 <= len(bits) < CODED**2 + 6 or not any(bits[: CODED**2]):
        raise refusal
    mask = torch.tensor(bits[: CODED**2]).reshape(CODED, CODED)
    if to_text(mask) != text:  # one region has one text, so that equal recipes have equal links
        raise refusal
    return mask


def _runs(bits: list[bool]) -> list[int]:
    """Lengths of equal bits in turn, the first of False (0 where True comes first)."""
    changes = [i for i in range(1, len(bits)) if bits[i] != bits[i - 1]]
    edges = [0, *([0] if bits[0] else []), *changes, len(bits)]
    return [b - a for a, b in zip(edges, edges[1:])]


def _letters(number: int) -> str:
    low, rest = number % 32, number // 32
    return LETTERS[low + 32] + _letters(rest) if rest else LETTERS[low]


def _from_runs(values: list[int]) -> list[bool]:
    """Bits, no more than one run above a region's: a long run in a short text must not fill the memory."""
    bits: list[bool] = []
    run = shift = 0
    inside = False
    for value in values:
        run += value % 32 << shift
        shift += 5
        if value < 32:
            if run > CODED**2 - len(bits):
                return []
            bits += [inside] * run
            run, shift, inside = 0, 0, not inside
    return bits if shift == 0 else []


# Other regions from one


def moved(mask: Tensor, *, down: float = 0.0, right: float = 0.0) -> Tensor:
    """[h, w] bool shifted by fractions of the sides, rounded to whole pixels; what leaves the picture is lost."""
    rows, columns = round(down * mask.shape[0]), round(right * mask.shape[1])
    found = torch.zeros_like(mask)
    height, width = mask.shape
    if abs(rows) < height and abs(columns) < width:
        found[max(rows, 0) : height + min(rows, 0), max(columns, 0) : width + min(columns, 0)] = mask[
            max(-rows, 0) : height - max(rows, 0), max(-columns, 0) : width - max(columns, 0)
        ]
    return found


def scaled(mask: Tensor, factor: float) -> Tensor:
    """[h, w] bool, `factor` times as wide and high about the region's centre of mass; never empty unless `mask` is.

    Raises ValueError for a factor that is not a positive number.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise ValueError(f"factor = {factor}: a region is scaled by a number above 0")
    if not mask.any():
        return mask.clone()
    centre = mask.nonzero().double().mean(0)
    rows, columns = (
        torch.round((torch.arange(side) - middle) / factor + middle).long() for side, middle in zip(mask.shape, centre)
    )
    there = ((rows >= 0) & (rows < mask.shape[0]))[:, None] & (columns >= 0) & (columns < mask.shape[1])
    found = there & mask[rows.clamp(0, mask.shape[0] - 1)[:, None], columns.clamp(0, mask.shape[1] - 1)]
    if not found.any():
        there = mask.nonzero()
        found[tuple(there[(there - centre).square().sum(1).argmin()])] = True
    return found


def outline(mask: Tensor, size: int | tuple[int, int] | None = None, *, width: int = 1) -> Tensor:
    """[h, w] bool at `size` (None: the mask's): the region's own pixels at most `width` pixels from its edge.

    The picture's border is no edge, so that a region that reaches it stays open there. Raises ValueError for width < 1.
    """
    if width < 1:
        raise ValueError(f"width = {width}: an outline is at least one pixel wide")
    mask = mask if size is None else resized(mask, size)
    outside = F.pad((~mask).float()[None, None], [width] * 4)
    return mask & (F.max_pool2d(outside, 2 * width + 1, stride=1)[0, 0] > 0)
