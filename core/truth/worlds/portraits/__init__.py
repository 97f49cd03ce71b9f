"""Cartoon portraits drawn from 27 known factors, a batch at a time.

The head is an ellipsoid: features are anchored on its surface, turned with it and
foreshortened. Every part is a smooth shape (a signed distance, negative inside)
that is painted back to front onto a `Canvas`, which also remembers the topmost part
of every pixel. Hair is one outer shape with an opening for the face, so length,
volume, fringe, waves and parting together give many haircuts.

Readability does not depend on the skin: brows, nose line, beard and the line of the
mouth are pushed below the luminance of the skin by construction, lips leave it to
either side, and light never darkens one side of the face below `SHADE_FLOOR` of the
other. Pictures are in a frame with x to the right and y up, both in [-1, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..base import Scene
from .factors import FACTORS, NAMES, PARTS, PRESENT_SHARE, SHOWN_BY, SPLITS, SPREADS, sample
from .geometry import EYE_PLACE, MINIMUM_CONTRAST, SHADE_FLOOR, Canvas, frame_of, hair_shape_of, pair_at, palette_of
from .parts import (
    mouth_shape_of,
    paint_back_hair,
    paint_background,
    paint_beard,
    paint_brows,
    paint_ears,
    paint_eyes,
    paint_front_hair,
    paint_glasses,
    paint_head,
    paint_mouth,
    paint_neck,
    paint_nose,
    paint_shoulders,
)

__all__ = [
    "FACTORS",
    "MINIMUM_CONTRAST",
    "NAMES",
    "PARTS",
    "PRESENT_SHARE",
    "SHADE_FLOOR",
    "SHOWN_BY",
    "SPLITS",
    "SPREADS",
    "render",
    "sample",
]


def render(factors: Tensor, *, resolution: int = 64, antialias: float = 1.2) -> Scene:
    """Draw factors [n, k] in [0, 1] on their own device.

    `antialias` is the width of an edge in pixels. A row depends on its factors alone.
    """
    with torch.no_grad():
        factors = factors.detach().float()
        canvas = Canvas(factors.shape[0], resolution, antialias, factors.device)
        frame = frame_of(factors, resolution)
        palette = palette_of(frame.value)
        hair, mouth, eyes = hair_shape_of(frame), mouth_shape_of(frame), pair_at(frame, EYE_PLACE)
        paint_background(canvas, frame)
        paint_back_hair(canvas, frame, palette, hair)
        paint_shoulders(canvas, frame)
        paint_neck(canvas, frame, palette)
        paint_head(canvas, frame, palette)
        paint_ears(canvas, frame, palette)
        paint_beard(canvas, frame, palette)
        paint_mouth(canvas, frame, palette, mouth)
        paint_eyes(canvas, frame, eyes)
        paint_nose(canvas, frame, palette)
        paint_front_hair(canvas, frame, palette, hair)
        paint_brows(canvas, frame, palette, eyes)
        paint_glasses(canvas, frame, eyes)
        return canvas.scene()
