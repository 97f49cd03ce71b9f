"""Everyday objects of 16 classes in 4 families, drawn from 14 known factors, a batch at a time.

Nearly everything is a solid of revolution: the square of its radius is a smooth function of the height, which gives
the outline and the surface's normal in closed form, so that walls, bellies and domes are shaded softly without seams.
Boxes are three faces in parallel projection, rods are cylinders between two points. Families share parts (handles,
rims, pots, stems, leaves, legs) and the code that draws them. A picture depends on its factors and its class alone.

Readability does not depend on the colours: every body has one channel far below the same channel of wall, floor and
pattern (`MINIMUM_CONTRAST`). Objects are in a frame with x to the right, y up and z to the viewer, standing at y = 0,
in units of half the picture's side.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..base import Scene
from .factors import CLASSES, FACTORS, FAMILIES, NAMES, PARTS, SHOWN_BY, SHOWN_IN, SPLITS, SPREADS, labels, sample
from .solids import MINIMUM_CONTRAST, Stage
from .things import DRAWINGS, KINDS

__all__ = [
    "CLASSES",
    "FACTORS",
    "FAMILIES",
    "MINIMUM_CONTRAST",
    "NAMES",
    "PARTS",
    "SHOWN_BY",
    "SHOWN_IN",
    "SPLITS",
    "SPREADS",
    "labels",
    "render",
    "sample",
]


def render(factors: Tensor, labels: Tensor, *, resolution: int = 64, antialias: float = 1.2) -> Scene:
    """Draw factors [n, k] in [0, 1] as the classes `labels` [n], on the factors' own device.

    `antialias` is the width of an edge in pixels. A row depends on its factors and its label alone.
    Raises ValueError where labels are not one class number in 0 .. classes - 1 for each row.
    """
    labels = torch.as_tensor(labels, device=factors.device)
    last = len(CLASSES) - 1
    if labels.dtype != torch.int64 or labels.shape != factors.shape[:1] or not ((labels >= 0) & (labels <= last)).all():
        raise ValueError(f"labels are one int64 number, 0 to {last}, for each of {len(factors)} rows; see CLASSES")
    with torch.no_grad():
        factors = factors.detach().float()
        images = torch.empty(len(factors), 3, resolution, resolution, device=factors.device)
        topmost = torch.empty(len(factors), resolution, resolution, dtype=torch.uint8, device=factors.device)
        for number in labels.unique().tolist():
            rows = (labels == number).nonzero()[:, 0]
            stage = Stage(KINDS[CLASSES[number]], factors[rows], resolution, antialias)
            DRAWINGS[CLASSES[number]](stage)
            images[rows], topmost[rows] = stage.image, stage.labels
        parts = torch.arange(len(PARTS), dtype=torch.uint8, device=factors.device)
        return Scene(images.clamp_(0.0, 1.0).mul_(2.0).sub_(1.0), topmost[:, None] == parts[None, :, None, None])
