"""The photograph that Restore shows on networks of no rendered world: free to use, and of somebody real.

astronaut.webp is Eileen Collins, photographed by NASA (public domain), as scikit-image ships it, cut to the face:
`python -m commands.photograph` makes it again.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PIL import Image
from torch import Tensor

from .images import from_pil

FILE = Path(__file__).with_name("astronaut.webp")


def photograph(side: int) -> Tensor:
    """The photograph, [1, 3, side, side] in [-1, 1]."""
    return from_pil(_whole().resize((side, side), Image.Resampling.LANCZOS))


@cache
def _whole() -> Image.Image:
    with Image.open(FILE) as picture:
        return picture.convert("RGB")
