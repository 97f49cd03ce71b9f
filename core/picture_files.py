"""Picture files from anywhere: read if a picture is in them, or named for what they are."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from .images import from_pil, to_pil

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # AVIF where this Pillow has it
LARGEST_PICTURE = 64 * 10**6  # pixels
SMALLEST_PICTURE, SMALL = 4, 16  # pixels of the shorter side: the least that can be enlarged; and little else below
DARK = 48  # of 255: a picture whose brightest level is lower is nearly black
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
NEEDED = (b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT")  # of a PNG's other parts, those that change the picture
CHOOSE = "choose another, a PNG or a JPEG for example"
PHONE = "on an iPhone choose Settings, Camera, Formats, Most Compatible, or save the photo as JPEG"
KINDS = (  # what files begin with that people take for a picture, what they are, and what helps
    (rb"(?s)....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", "a HEIC photo, as iPhones take them", PHONE),
    (rb"(?s)....ftypavi[fs]", "an AVIF picture, which needs Pillow 11.3 or newer", "save it as PNG or JPEG"),
    (rb"(?s)....ftyp", "a film", "save one of its frames as PNG or JPEG"),
    (rb"\xff\x0a|(?s:....JXL )", "a JPEG XL picture", "save it as PNG or JPEG"),
    (rb"%PDF", "a PDF", "save one of its pages as PNG or JPEG"),
    (rb"8BPS", "a Photoshop file", "save it as PNG or JPEG"),
    (rb"(?is)\s*(<\?xml.{0,300})?<svg", "a drawing in SVG", "save it as PNG"),
    (rb"(?is)\s*<(!doctype )?html", "a web page, not a picture", "save the picture itself"),
)


class Taken(NamedTuple):
    """picture: RGB, upright, the first frame. frames: how many there are. note: about its levels, a sentence or ""."""

    picture: Image.Image
    frames: int
    note: str


def read_picture(data: bytes) -> Taken:
    """A picture file from anywhere. What is broken beside the picture (EXIF, texts, profiles) is left out.

    Transparency goes on white, deep greys keep their tones. Raises ValueError, one sentence, for what is none, or is
    too large or too small.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about large or odd files: what is too large is refused here
            picture = _opened(data)
            _check_size(*picture.size)
            frames = getattr(picture, "n_frames", 1) if picture.format != "MPO" else 1
            picture.load()
            with suppress(Exception):  # as many kinds for broken EXIF, which then says nothing of how it was held
                picture = ImageOps.exif_transpose(picture)
    except (_Size, Image.DecompressionBombError) as error:
        said = str(error) if isinstance(error, _Size) else _too_large("too many")
        raise ValueError(said) from None
    except Exception:  # Pillow raises many kinds for a broken file
        raise ValueError(_not_read(data)) from None
    return Taken(*_eight_bit(picture, frames))


class _Size(ValueError):
    pass


def _check_size(width: int, height: int) -> None:
    if width * height > LARGEST_PICTURE:
        raise _Size(_too_large(f"{width:,} x {height:,}"))
    if min(width, height) < SMALLEST_PICTURE:
        least = f"{SMALLEST_PICTURE} x {SMALLEST_PICTURE}"
        raise _Size(f"this picture has {width:,} x {height:,} pixels; it needs at least {least}: choose a larger one")


def _too_large(many: str) -> str:
    return f"this picture has {many} pixels; it may have {LARGEST_PICTURE // 10**6} million: save it smaller"


def _opened(data: bytes) -> Image.Image:
    """The picture, without what stands beside it; of a file that cannot be taken apart, as it is."""
    Image.init()
    formats = [kind for kind in FORMATS if kind in Image.OPEN]
    bare = bare_png(data) if data.startswith(PNG) else bare_jpeg(data) if data.startswith(JPEG) else data
    return Image.open(io.BytesIO(bare), formats=formats)


def bare_png(data: bytes) -> bytes:
    """A PNG without texts, profiles and times, which can be broken or too long for Pillow."""
    kept, at = [PNG], len(PNG)
    while at + 12 <= len(data):
        end, kind = at + 12 + int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind[:1].isupper() or kind in NEEDED or end > len(data):
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def bare_jpeg(data: bytes) -> bytes:
    """A JPEG without comments and what programs left in it; EXIF and what says how its colours are stored stay."""
    kept, at = [JPEG], len(JPEG)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0xDA, 0xFF):
        end, marker = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big"), data[at + 1]
        beside = marker == 0xFE or 0xE2 <= marker <= 0xEF and marker != 0xEE
        if not beside:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])


def _not_read(data: bytes) -> str:
    for begins, what, helps in KINDS:
        if re.match(begins, data[:1000]):
            return f"this file is {what}, which this page does not read: {helps}"
    return f"this file is not a picture that can be read, or it is damaged: {CHOOSE}"


def _eight_bit(picture: Image.Image, frames: int) -> tuple[Image.Image, int, str]:
    """RGB of eight bits a colour, and what was done to the levels.

    Deep greys that use only the lower 8, 10, 12 or 14 of 16 bits are spread over all levels. Of 32-bit and real greys,
    whose range is not known, the range is judged by the largest.
    """
    note = ""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        most = values.max()
        bits = next((bits for bits in (8, 10, 12, 14) if most < 2**bits), 16)
        span = 1 if picture.mode == "F" and most <= 1 else 2**bits - 1
        if 8 < bits < 16 or bits == 8 and picture.mode.startswith("I;16") and most:
            note = f"Its levels end at {most:,.0f}, as of {bits} bits in 16: they were spread from black to white."
        picture = Image.fromarray((values.clip(0, span) * (255 / span)).round().astype(np.uint8))
    rgb = to_pil(from_pil(picture))[0]
    brightest = max(high for _, high in rgb.getextrema())
    if brightest < DARK and not note:
        note = f"It is nearly black: its brightest level is {brightest} of 255."
    if min(rgb.size) < SMALL:
        note = f"So small a picture can be enlarged, and little else. {note}".strip()
    return rgb, frames, note
