"""Pictures that visitors bring: every kind comes in right or is refused in a sentence, and all of them go again."""

from __future__ import annotations

import base64
import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import cache
from core import own_pictures as owned
from core.images import to_uint8
from demos.page.fields import RecipeError
from demos.restore import search as restoring
from demos.restore.recipe import Restoration
from demos.restore.search import problem_of

from ..support import MODEL, SIDE
from ..tabs.test_restore_recipe import searched

pytestmark = pytest.mark.usefixtures("small_model")

WIDE = np.zeros((40, 60, 3), np.uint8)
WIDE[:, :30], WIDE[:, 30:] = (200, 40, 40), (20, 60, 200)  # red on the left, blue on the right


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png16() -> bytes:
    levels = np.where(WIDE[:, :, :1] > 100, 60_000, 9_000).astype(np.uint16)[:, :, 0]
    levels = np.repeat(levels[:, :, None], 1, 2)[:, :, 0]
    return saved(Image.fromarray(levels), "PNG")


def rotated() -> bytes:
    """Stored on its side, with the EXIF tag that says so."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned 90 degrees clockwise
    return saved(Image.fromarray(np.rot90(WIDE, 1)), "JPEG", quality=95, exif=exif)


def transparent() -> bytes:
    alpha = np.dstack([WIDE, np.where(np.arange(60) < 30, 255, 0)[None].repeat(40, 0).astype(np.uint8)])
    return saved(Image.fromarray(alpha), "PNG")


def animated() -> bytes:
    frames = [Image.fromarray(WIDE), Image.fromarray(255 - WIDE)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


RED, BLUE = (200, 40, 40), (20, 60, 200)
KINDS = {
    "PNG": (saved(Image.fromarray(WIDE), "PNG"), RED, BLUE),
    "JPEG": (saved(Image.fromarray(WIDE), "JPEG", quality=95), RED, BLUE),
    "CMYK": (saved(Image.fromarray(WIDE).convert("CMYK"), "JPEG", quality=95), RED, BLUE),
    "16 bit": (png16(), (233,) * 3, (35,) * 3),
    "palette": (saved(Image.fromarray(WIDE).quantize(4), "PNG"), RED, BLUE),
    "alpha": (transparent(), RED, (255,) * 3),
    "animated": (animated(), RED, BLUE),
    "turned": (rotated(), RED, BLUE),
    "WebP": (saved(Image.fromarray(WIDE), "WEBP", lossless=True), RED, BLUE),
    "float TIFF": (saved(Image.fromarray(WIDE[:, :, 0].astype(np.float32) / 255), "TIFF"), (200,) * 3, (20,) * 3),
    "black and white": (saved(Image.fromarray(WIDE[:, :, 0] > 100), "PNG"), (255,) * 3, (0,) * 3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_in_upright_in_its_colours_cut_to_the_middle(kind):
    data, left, right = KINDS[kind]
    own = owned.take(data)
    assert own.size == (60, 40) and own.square.size == (40, 40) and own.square.mode == "RGB"
    assert "middle square" in own.note
    pixels = np.asarray(own.square).astype(int)
    assert np.abs(pixels[20, 5] - left).max() <= 8 and np.abs(pixels[20, 34] - right).max() <= 8
    image = to_uint8(owned.image(own.token, SIDE))[0].astype(int)
    assert image.shape == (SIDE, SIDE, 3)
    assert np.abs(image[8, 2] - left).max() <= 8 and np.abs(image[8, 13] - right).max() <= 8
    assert ("first is used" in own.note) == (kind == "animated")


def test_a_small_picture_is_taken_with_a_word_and_one_without_anything_to_see_is_refused():
    own = owned.take(saved(Image.new("RGB", (4, 4), (10, 200, 30)), "PNG"))
    assert (to_uint8(owned.image(own.token, SIDE))[0] == (10, 200, 30)).all() and "So small" in own.note
    for size in ((3, 3), (1, 1), (3, 400)):
        with pytest.raises(ValueError, match=r"it needs at least 4 x 4: choose a larger one"):
            owned.take(saved(Image.new("RGB", size), "PNG"))


def huge() -> bytes:
    """A PNG that says it has 12,000 x 12,000 pixels of one bit each."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress(bytes(1 + 1_500) * 12_000, 1)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 12_000, 12_000, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"this is a text named .png",
        KINDS["PNG"][0][:60],
        KINDS["JPEG"][0][:300],
        huge(),
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        b"%PDF-1.4 something",
        bytes(owned.LARGEST_FILE + 1),
    ],
    ids=["empty", "text", "truncated", "truncated JPEG", "huge", "broken", "PDF", "large file"],
)
def test_what_is_no_picture_is_refused_in_a_sentence_and_nothing_is_kept(data):
    began = time.perf_counter()
    with pytest.raises(ValueError) as refusal:
        owned.take(data)
    said = str(refusal.value)
    assert (
        any(what in said for what in ("choose another", "save it smaller", "save one of its pages"))
        and len(said) > 30
        and not owned._pictures.values
    )
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    "uri", [None, 7, "", "data:image/png;base64,%%%", "data:image/png,plain", "data:image/png;base64,abc"]
)
def test_what_did_not_arrive_whole_is_refused(uri):
    with pytest.raises(ValueError, match="arrive"):
        owned.from_uri(uri)


def test_a_data_uri_is_the_file():
    data = KINDS["PNG"][0]
    assert owned.from_uri("data:image/png;base64," + base64.b64encode(data).decode()) == data


# --- kept, and deleted


def restored(own: owned.Own):
    return searched(Restoration(MODEL, "copy", shows="upload", own=own.token, steps=2, codes=2))


def test_a_picture_and_all_that_was_made_of_it_go_after_ten_minutes(monkeypatch):
    own = owned.take(KINDS["PNG"][0])
    recipe = Restoration(MODEL, "copy", shows="upload", own=own.token, steps=2, codes=2)
    restored(own)
    assert restoring.known(recipe) is not None and not restoring._found.values, "the answer lies apart from the picture"
    assert owned.SECONDS <= 600
    born = owned._pictures.born[own.token]
    monkeypatch.setattr(cache.time, "monotonic", lambda: born + 599)
    assert owned.is_here(own.token)
    monkeypatch.setattr(cache.time, "monotonic", lambda: born + 601)
    assert restoring.known(recipe) is None and not owned._pictures.values
    with pytest.raises(RecipeError, match="choose it again"):
        problem_of(recipe)


def test_a_timer_deletes_it_where_nobody_asks(monkeypatch):
    monkeypatch.setattr(owned._pictures, "seconds", 0.05)
    owned.take(KINDS["PNG"][0])
    time.sleep(0.3)
    assert not owned._pictures.values


def test_no_file_with_its_bytes_is_ever_written(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), "PNG")
    own = owned.take(data)
    restored(own)
    needles = (data[100:160], noise[10].tobytes()[:60], own.thumb[50:110])
    kept = [path for path in Path(tmp_path).rglob("*") if path.is_file()]
    assert not [path for path in kept if any(needle in path.read_bytes() for needle in needles)]


def test_the_same_picture_of_two_visitors_has_two_names_and_one_going_leaves_the_other():
    first, second = owned.take(KINDS["PNG"][0]), owned.take(KINDS["PNG"][0])
    assert first.token != second.token and len(first.token) == 32
    owned.forget(first.token)
    owned.forget(first.token)
    assert not owned.is_here(first.token) and owned.is_here(second.token)


def test_a_visitor_has_one_picture_and_what_is_none_leaves_it():
    first, other = owned.take(KINDS["PNG"][0], visitor="one"), owned.take(KINDS["PNG"][0], visitor="two")
    with pytest.raises(ValueError):
        owned.take(b"no picture", visitor="one")
    assert owned.is_here(first.token)
    second = owned.take(KINDS["PNG"][0], visitor="one")
    assert [owned.is_here(own.token) for own in (first, second, other)] == [False, True, True]
    owned.forget_of("one")
    owned.forget_of("")
    assert [owned.is_here(own.token) for own in (second, other)] == [False, True]


def test_only_so_many_are_kept(monkeypatch):
    monkeypatch.setattr(owned._pictures, "largest", 3)
    tokens = [owned.take(KINDS["PNG"][0]).token for _ in range(5)]
    assert [owned.is_here(token) for token in tokens] == [False, False, True, True, True]


def test_a_damaged_picture_is_taken_as_it_is():
    own = owned.take(saved(Image.fromarray(WIDE).resize((4, 4)), "PNG"))
    recipe = Restoration(MODEL, "enlarge", amount=4, shows="upload", own=own.token, as_is=True, steps=2, codes=2)
    problem = problem_of(recipe)
    assert problem.truth is None and problem.observed.shape == (1, 3, 4, 4)
    found = searched(recipe)
    blocks = found.image.reshape(1, 3, 4, 4, 4, 4).mean((3, 5))
    assert (blocks - problem.observed).abs().max() < 1e-4, "the answer has not the pixels that came"
