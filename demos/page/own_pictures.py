"""Pictures that visitors bring: cut square, kept in memory alone for at most ten minutes,
then deleted with all that was made of them.

Only who brought one knows its name; nothing is ever put in its place.
"""

from __future__ import annotations

import base64
import binascii
import io
import secrets
import threading
import time
import warnings
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

from core.images import from_pil, webp

from .cache import Cache
from .fields import RecipeError

SECONDS = 600  # that a picture is kept
MOST = 64  # pictures kept at a time; the oldest go first
LARGEST_FILE = 20 * 2**20  # bytes
LARGEST_PICTURE = 64 * 10**6  # pixels
SIDE, THUMB = 1024, 256  # pixels a side that are kept, and of the whole picture as the page shows it
LARGEST_ANSWERS = 16 * 2**20  # bytes of answers to one picture
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
CHOOSE = "choose another, a PNG or a JPEG for example"


@dataclass(frozen=True, eq=False)
class Own:
    """square: the middle of the picture, RGB. thumb: all of it, small. size: as it came. note: what was done to it.
    visitor: who brought it."""

    token: str
    square: Image.Image
    thumb: bytes
    size: tuple[int, int]
    note: str
    born: float
    visitor: str = ""
    answers: Cache = field(default_factory=lambda: Cache(LARGEST_ANSWERS, lambda found: found.bytes()))


_pictures: OrderedDict[str, Own] = OrderedDict()
_lock = threading.Lock()


def take(data: bytes, *, visitor: str = "") -> Own:
    """A visitor's file; the one that they brought before is deleted.

    Raises RecipeError, one sentence; nothing changes then.
    """
    if not data:
        raise RecipeError(f"this file is empty: {CHOOSE}")
    if len(data) > LARGEST_FILE:
        raise RecipeError(
            f"this file has {len(data) / 2**20:.0f} MB; a picture may have {LARGEST_FILE // 2**20}: save it smaller"
        )
    picture, frames = _opened(data)
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    if side > SIDE:
        square = square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    thumb = picture.copy()
    thumb.thumbnail((THUMB, THUMB))
    note, born = _note(picture.size, frames), time.monotonic()
    own = Own(secrets.token_hex(16), square, webp(thumb), picture.size, note, born, visitor)
    forget_of(visitor)
    with _lock:
        _pictures[own.token] = own
        while len(_pictures) > MOST:
            _pictures.popitem(last=False)
    timer = threading.Timer(SECONDS, forget, [own.token])
    timer.daemon = True
    timer.start()
    return own


def from_uri(uri: object) -> bytes:
    """The bytes of a data URI that the page sent. Raises RecipeError."""
    if not isinstance(uri, str) or len(uri) > 2 * LARGEST_FILE or ";base64," not in uri[:200]:
        raise RecipeError(f"this file did not arrive whole: {CHOOSE}")
    try:
        return base64.b64decode(uri.partition(";base64,")[2], validate=True)
    except binascii.Error:
        raise RecipeError(f"this file did not arrive whole: {CHOOSE}") from None


def _opened(data: bytes) -> tuple[Image.Image, int]:
    """The first frame, upright, RGB; and how many frames there are."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about large or odd files: what is too large is refused here
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            if picture.width * picture.height > LARGEST_PICTURE:
                raise RecipeError(
                    f"this picture has {picture.width:,} x {picture.height:,} pixels; it may have "
                    f"{LARGEST_PICTURE // 10**6} million: save it smaller"
                )
            frames = getattr(picture, "n_frames", 1) if picture.format != "MPO" else 1
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            return _eight_bit(upright), frames
    except RecipeError:
        raise
    except Exception:  # Pillow raises many kinds for a broken file
        raise RecipeError(f"this file is not a picture that can be read, or it is damaged: {CHOOSE}") from None


def _eight_bit(picture: Image.Image) -> Image.Image:
    """RGB; transparency on white; deep greys keep their tones."""
    if picture.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        span = 65_535 if values.max() > 255 else 255 if values.max() > 1 or picture.mode == "I" else 1
        picture = Image.fromarray((values.clip(0, span) * (255 / span)).round().astype(np.uint8))
    levels = ((from_pil(picture)[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    return Image.fromarray(levels)


def _note(size: tuple[int, int], frames: int) -> str:
    width, height = size
    cut = (
        ""
        if width == height
        else (f" The middle square of {min(size):,} x {min(size):,} is used; the rest is cut off.")
    )
    first = " Of its frames the first is used." if frames > 1 else ""
    return f"Your picture has {width:,} x {height:,} pixels.{cut}{first}"


def forget(token: str) -> None:
    """Deletes a picture and all answers to it; nothing happens where it is gone already."""
    with _lock:
        _pictures.pop(token, None)


def forget_of(visitor: str) -> None:
    """Deletes what a visitor brought, and all answers to it."""
    with _lock:
        tokens = [token for token, own in _pictures.items() if visitor and own.visitor == visitor]
    for token in tokens:
        forget(token)


def is_here(token: str) -> bool:
    return _get(token) is not None


def _get(token: str) -> Own | None:
    with _lock:
        own = _pictures.get(token)
    if own is not None and time.monotonic() - own.born >= SECONDS:
        forget(token)
        return None
    return own


def needed(token: str) -> Own:
    """Raises RecipeError where the picture is not here any more."""
    own = _get(token)
    if own is None:
        raise RecipeError(
            "your picture is no longer here: it was deleted after ten minutes at most; choose it again"
            if token
            else "no picture was chosen yet: choose one of yours, or an example"
        )
    return own


def answers(token: str) -> Cache:
    """What was found for a picture; it goes with it. Raises RecipeError where the picture is not here any more."""
    return needed(token).answers


def image(token: str, side: int) -> Tensor:
    """The picture of that name, [1, 3, side, side] in [-1, 1]. Raises RecipeError where it is not here any more."""
    return from_pil(needed(token).square.resize((side, side), Image.Resampling.LANCZOS))


def as_shown(own: Own) -> dict[str, Any]:
    """What the page needs: the name, the whole picture small, and what was done to it."""
    return dict(
        token=own.token,
        note=own.note,
        width=own.size[0],
        height=own.size[1],
        minutes=SECONDS // 60,
        thumb="data:image/webp;base64," + base64.b64encode(own.thumb).decode(),
    )
