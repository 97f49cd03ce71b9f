"""Where a face is on a picture, never whose: so that the square that a portrait network is given holds a head.

Found by a cascade of local binary patterns (Liao et al., ICB 2007) that comes with scikit-image.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image

LARGEST = 256  # pixels of the longer side in which faces are looked for
SMALLEST = 24  # pixels of a face there: the cascade's own window
HIGHEST = 0.542  # of the square's height: where half way from eyes to mouth lies on the portraits (128 renders)
MIDDLE = 0.576  # of the cascade's box: the same place on a face
TIMES = 1.9  # the square's side in widths of the box: 2.2 fits the heights of eyes and mouth, 1.6 the face's width


class Square(NamedTuple):
    """left, top, side: in pixels of a picture; it may reach over the edge."""

    left: int
    top: int
    side: int

    def of(self, picture: Image.Image) -> Image.Image:
        """That square of an RGB picture; over the edge the outermost pixels go on."""
        rows, columns = (np.arange(self.side) + start for start in (self.top, self.left))
        pixels = np.asarray(picture)
        height, width = pixels.shape[:2]
        return Image.fromarray(pixels[rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)])


def middle(size: tuple[int, int]) -> Square:
    """The largest square in the middle of a picture of that width and height."""
    side = min(size)
    return Square((size[0] - side) // 2, (size[1] - side) // 2, side)


def around_face(picture: Image.Image) -> Square | None:
    """The square around the largest face on an RGB picture, framed as the portraits are; None where none is found."""
    small = picture.copy()
    small.thumbnail((LARGEST, LARGEST))
    if min(small.size) < SMALLEST:
        return None
    how = dict(scale_factor=1.2, step_ratio=1, min_size=(SMALLEST, SMALLEST), max_size=(LARGEST, LARGEST))
    boxes = _cascade().detect_multi_scale(img=np.asarray(small.convert("RGB")), **how)
    if not boxes:
        return None
    box, times = max(boxes, key=lambda one: one["width"]), picture.width / small.width
    side, across, down = TIMES * box["width"], box["c"] + box["width"] / 2, box["r"] + MIDDLE * box["height"]
    return Square(round(times * (across - side / 2)), round(times * (down - HIGHEST * side)), round(times * side))


@cache
def _cascade():
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())
