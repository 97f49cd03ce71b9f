"""Pictures of strangers: what is broken beside a picture never hurts it, and what is none is named."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from core import picture_files
from core.picture_files import Taken, read_picture

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)


def saved(picture: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    out = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes, *, crc: int = 0) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) + crc)


def beside(part: bytes, *, last: bool = False) -> bytes:
    """PIXELS as a PNG with a part before the picture, or behind it."""
    data = saved(PIXELS, "PNG")
    at = len(data) - 12 if last else 33
    return data[:at] + part + data[at:]


def levels(data: bytes) -> np.ndarray:
    return np.asarray(read_picture(data).picture)


LONG = zlib.compress(bytes(5 * 2**20))
WORSE = {
    "EXIF": chunk(b"eXIf", b"II*\0" + b"\xff" * 30),
    "long text": chunk(b"zTXt", b"Comment\0\0" + LONG),
    "long international text": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG),
    "profile": chunk(b"iCCP", b"profile\0\0" + b"no profile"),
    "checksum of a text": chunk(b"tEXt", b"Comment\0text", crc=1),
    "time": chunk(b"tIME", b""),
}


@pytest.mark.parametrize("last", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("what", WORSE)
def test_what_is_broken_beside_a_picture_is_left_out(what: str, last: bool) -> None:
    assert np.array_equal(levels(beside(WORSE[what], last=last)), PIXELS)


def test_a_picture_that_is_broken_itself_is_refused() -> None:
    data = saved(PIXELS, "PNG")
    for broken in (data.replace(b"IDAT", b"IDOT"), data[:60], beside(b"")[:33] + chunk(b"IEND", b"")):
        with pytest.raises(ValueError, match="damaged"):
            read_picture(broken)


def test_a_jpeg_is_read_whatever_programs_left_in_it() -> None:
    data, exif = saved(PIXELS, "JPEG"), Image.Exif()
    exif[0x0112] = 6
    held = saved(PIXELS, "JPEG", exif=exif)
    for part in (
        b"\xff\xe1\0\x10Exif\0\0MM\0*\xff\xff\xff\xff",
        b"\xff\xe2\0\x0aMPF\0II*\0",
        b"\xff\xfe\0\x06\xff\xd8\xff\xd9",
    ):
        assert np.array_equal(levels(data[:2] + part + data[2:]), levels(data))
    assert read_picture(held).picture.size == (20, 30), "the control: EXIF that can be read turns the picture"


def test_transparency_and_animation_of_a_png_are_parts_of_the_picture() -> None:
    grey = saved(np.full((8, 8), 7, np.uint8), "PNG", transparency=7)
    assert (levels(grey) == 255).all()
    frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
    assert read_picture(saved(frames[0], "PNG", save_all=True, append_images=frames[1:])).frames == 2


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_greys_in_the_lower_bits_are_spread_and_that_is_said(bits: int, kind: str) -> None:
    deep = np.linspace(0, 2**bits - 1, 400).reshape(20, 20).astype(np.uint16)
    found = read_picture(saved(deep, kind))
    assert np.abs(np.asarray(found.picture)[..., 0] - deep / (2**bits - 1) * 255).max() <= 1
    assert f"{bits} bits in 16" in found.note
    whole = read_picture(saved((deep * (65_535 / (2**bits - 1))).astype(np.uint16), kind))
    assert whole.note == "" and np.asarray(whole.picture).max() == 255


def test_a_nearly_black_picture_is_taken_as_it_is_and_that_is_said() -> None:
    found = read_picture(saved(PIXELS // 16, "PNG"))
    assert np.array_equal(np.asarray(found.picture), PIXELS // 16) and "nearly black" in found.note
    assert read_picture(saved(PIXELS, "PNG")) == Taken(read_picture(saved(PIXELS, "PNG")).picture, 1, "")


def test_avif_is_read() -> None:
    Image.init()
    if "AVIF" not in Image.SAVE:
        pytest.skip("this Pillow has no AVIF")
    smooth = np.tile(np.arange(0, 240, 8, dtype=np.uint8)[None, :, None], (20, 1, 3))
    assert np.abs(levels(saved(smooth, "AVIF", quality=95)).astype(int) - smooth).max() < 12


def test_without_avif_in_pillow_other_pictures_are_read_and_avif_is_named(monkeypatch) -> None:
    Image.init()
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    assert np.array_equal(levels(saved(PIXELS, "PNG")), PIXELS)
    with pytest.raises(ValueError, match="AVIF picture, which needs Pillow"):
        read_picture(b"\0\0\0 ftypavif\0\0\0\0mif1" + bytes(40))


@pytest.mark.parametrize(
    "data, says",
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400), "HEIC photo.*Most Compatible"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(400), "HEIC photo.*Most Compatible"),
        (b"\0\0\0\x18ftypisom" + bytes(400), "a film"),
        (b"%PDF-1.7", "a PDF"),
        (b'<?xml version="1.0"?><svg xmlns=""/>', "SVG"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"8BPS\0\1", "Photoshop"),
        (b"no picture", "damaged"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        read_picture(data)
    assert "\n" not in str(error.value)


def test_too_many_pixels_are_said_even_where_pillow_stops() -> None:
    for side in (9_000, 40_000):  # the second is more than Pillow opens
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
        with pytest.raises(ValueError, match="pixels; it may have 64 million: save it smaller"):
            read_picture(picture_files.PNG + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
