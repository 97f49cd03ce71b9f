"""At what level of abstraction a change of a picture lies, from the pixels alone: is it layout, or is it colour?

HiGAN says that early layers of a generator decide the layout and late ones the colours (Yang, Shen and Zhou, IJCV 2020,
arXiv 1911.09267). No network judges that here, and two measures answer, since each can be wrong about a picture:
what a picture of 8 x 8 would show of a change, and what can be undone by putting the same pixels elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .statistics import centre

GRID = 8  # cells a side of the low-pass picture


class Parts(NamedTuple):
    """Of a squared change, the mean over pixels and colours, each [n]; centre [n] is a length instead.

    total: all of it. coarse: what the means of 8 x 8 cells show, without the mean colour. colour: of the mean colour,
    and of the histograms of what the cells leave. moved: what putting the pixels of the picture before elsewhere, each
    channel by itself, would do as well; a recoloured place is not moved. centre: how far the centre of mass moved, in
    picture widths. coarse + colour and moved are each at most total.
    """

    total: Tensor
    coarse: Tensor
    colour: Tensor
    moved: Tensor
    centre: Tensor


def parts(before: Tensor, after: Tensor) -> Parts:
    """Of images [n, 3, R, R] in [-1, 1], values outside clamped as when shown. Raises ValueError for other sizes."""
    if before.shape != after.shape or before.ndim != 4 or before.shape[-1] % GRID or before.shape[-2] % GRID:
        raise ValueError(
            f"images are [n, 3, R, R] twice, R a multiple of {GRID}; got {list(before.shape)} and {list(after.shape)}"
        )
    before, after = before.double().clamp(-1, 1), after.double().clamp(-1, 1)
    change = after - before
    mean = change.mean((2, 3), keepdim=True)
    coarse = _size(cells(change) - mean)
    colour = _size(mean) + _unlike(before - cells(before), after - cells(after))
    total = _size(change)
    apart = [torch.stack(centre((images + 1) / 2), 1) for images in (before, after)]
    return Parts(total, coarse, colour, total - _unlike(before, after), (apart[1] - apart[0]).norm(dim=1) / 2)


def cells(images: Tensor) -> Tensor:
    """Images of the same size in which every one of 8 x 8 cells has its mean colour."""
    side = images.shape[-1] // GRID
    return F.interpolate(F.avg_pool2d(images, (images.shape[-2] // GRID, side)), images.shape[-2:], mode="nearest")


def _size(change: Tensor) -> Tensor:
    return change.square().mean((1, 2, 3))


def _unlike(before: Tensor, after: Tensor) -> Tensor:
    """[n]: squared distance of the histograms (Wasserstein 2), mean over channels; 0 for the same pixels elsewhere."""
    one, other = (images.flatten(2).sort(2).values for images in (before, after))
    return (other - one).square().mean((1, 2))


def shares(found: Sequence[Parts]) -> dict[str, float]:
    """Of changes together: the root of the mean square, the share of `coarse`, `colour` and `moved`, and `centre`, the
    length over that root. Nothing of what does not change.
    """
    total = float(torch.cat([one.total for one in found]).mean())
    size = total**0.5
    part = {name: torch.cat([getattr(one, name) for one in found]).mean() for name in Parts._fields[1:]}
    scale = dict.fromkeys(("coarse", "colour", "moved"), total) | dict(centre=size)
    return dict(size=size) | {name: float(part[name]) / scale[name] if total else 0.0 for name in scale}
