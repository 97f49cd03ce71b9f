"""Pictures that visitors bring: cut square, around a face where one is found, kept in memory alone for at most ten
minutes, then deleted with all that was made of them.

Only who brought one knows its name; nothing is ever put in its place.
"""

from __future__ import annotations

import base64
import binascii
import math
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image
from torch import Tensor

from . import cache
from .cache import Cache
from .faces import Square, around_face, middle
from .images import from_pil, webp
from .picture_files import CHOOSE, read_picture

SECONDS = 600  # that a picture is kept
MOST = 64  # pictures kept at a time; the oldest go first
LARGEST_FILE = 20 * 2**20  # bytes
LARGEST, THUMB = 2048, 256  # pixels of the longer side that are kept, and of the picture as the page shows it
SMALLEST = 0.1  # side of a square that is cut by hand, as a share of the picture's shorter side
LARGEST_ANSWERS = 16 * 2**20  # bytes of answers to one picture


@dataclass(frozen=True, eq=False)
class Own:
    """picture: RGB; cut: its square that is used. thumb: all of it, small. size: as it came. note: what was done to it.
    framed: was a face found in that square, or was it chosen by hand? visitor: who brought it."""

    token: str
    picture: Image.Image
    cut: Square
    thumb: bytes
    size: tuple[int, int]
    note: str
    framed: bool = False
    visitor: str = ""
    answers: Cache = field(default_factory=lambda: Cache(LARGEST_ANSWERS, lambda found: found.bytes()))

    @property
    def square(self) -> Image.Image:
        return self.cut.of(self.picture)


_pictures = Cache(MOST, lambda own: 1, SECONDS, gone=lambda token: cache.forget(token))


def take(data: bytes, *, visitor: str = "") -> Own:
    """A visitor's file; the one that they brought before is deleted.

    Raises ValueError, one sentence; nothing changes then.
    """
    if not data:
        raise ValueError(f"this file is empty: {CHOOSE}")
    if len(data) > LARGEST_FILE:
        raise ValueError(
            f"this file has {len(data) / 2**20:.0f} MB; a picture may have {LARGEST_FILE // 2**20}: save it smaller"
        )
    picture, frames, levels = read_picture(data)
    thumb = picture.copy()
    thumb.thumbnail((THUMB, THUMB))
    kept = picture.copy()
    kept.thumbnail((LARGEST, LARGEST))
    face = around_face(kept)
    note, cut = _note(picture.size, frames, face is not None, levels), face or middle(kept.size)
    own = Own(secrets.token_hex(16), kept, cut, webp(thumb), picture.size, note, face is not None, visitor)
    forget_of(visitor)
    return _pictures.put(own.token, own)


def cut_by_hand(token: object, shares: object) -> Own:
    """A visitor's picture with a square that they chose, under a new name; what was made of its old square goes.

    shares: left, top and side of the square, as shares of the width, the height and the shorter side. Raises
    ValueError.
    """
    own = needed(str(token))
    try:
        left, top, side = (float(share) for share in shares)
    except (TypeError, ValueError):
        left = math.nan
    if not math.isfinite(left) or not (-2 <= left <= 2 and -2 <= top <= 2 and SMALLEST <= side <= 2):
        raise ValueError("this is no square of your picture: drag the frame over it again")
    (width, height), shorter = own.picture.size, min(own.picture.size)
    cut = Square(round(left * width), round(top * height), max(1, round(side * shorter)))
    note = f"Your picture has {own.size[0]:,} x {own.size[1]:,} pixels. The square that you chose is used."
    forget(own.token)
    return _pictures.put(
        token := secrets.token_hex(16),
        replace(
            own,
            token=token,
            cut=cut,
            note=note,
            framed=True,
            answers=Cache(LARGEST_ANSWERS, lambda found: found.bytes()),
        ),
    )


def from_uri(uri: object) -> bytes:
    """The bytes of a data URI that the page sent. Raises ValueError."""
    whole = isinstance(uri, str) and len(uri) <= 2 * LARGEST_FILE and ";base64," in uri[:200]
    try:
        return base64.b64decode(uri.partition(";base64,")[2] if whole else "-", validate=True)
    except binascii.Error:
        raise ValueError(f"this file did not arrive whole: {CHOOSE}") from None


def _note(size: tuple[int, int], frames: int, face: bool, levels: str) -> str:
    width, height = size
    used = f" The middle square of {min(size):,} x {min(size):,} is used; the rest is cut off."
    cut = " A face was found; the square around it is used." if face else "" if width == height else used
    first = " Of its frames the first is used." if frames > 1 else ""
    return f"Your picture has {width:,} x {height:,} pixels.{cut}{first}{levels and f' {levels}'}"


def forget(token: str) -> None:
    """Deletes a picture and all answers to it; nothing happens where it is gone already."""
    _pictures.drop(token)


def forget_of(visitor: str) -> None:
    """Deletes what a visitor brought, and all answers to it."""
    for token, own in list(_pictures.values.items()):
        if visitor and own.visitor == visitor:
            forget(token)


def is_here(token: str) -> bool:
    return _pictures.get(token) is not None


def needed(token: str) -> Own:
    """Raises ValueError where the picture is not here any more."""
    own = _pictures.get(token)
    if own is None:
        raise ValueError(
            "your picture is no longer here: it was deleted after ten minutes at most; choose it again"
            if token
            else "no picture was chosen yet: choose one of yours, or an example"
        )
    return own


def answers(token: str) -> Cache:
    """What was found for a picture; it goes with it. Raises ValueError where the picture is not here any more."""
    return needed(token).answers


def image(token: str, side: int) -> Tensor:
    """The picture of that name, [1, 3, side, side] in [-1, 1]. Raises ValueError where it is not here any more."""
    return from_pil(needed(token).square.resize((side, side), Image.Resampling.LANCZOS))


def as_shown(own: Own) -> dict[str, Any]:
    """What the page needs: the name, the whole picture small, and what was done to it."""
    (width, height), cut = own.picture.size, own.cut
    thumb = f"data:image/webp;base64,{base64.b64encode(own.thumb).decode()}"
    cut = [cut.left / width, cut.top / height, cut.side / min(width, height)]  # as `cut_by_hand` takes it
    size = dict(width=width, height=height, cut=cut, framed=own.framed)
    return dict(size, token=own.token, note=own.note, minutes=SECONDS // 60, thumb=thumb)
