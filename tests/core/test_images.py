"""Pictures survive the way in and out."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor

from core import images as colours
from core.images import animation, enlarge, from_pil, from_uint8, grid, png, strip, to_pil, to_uint8, webp

LEVELS = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
NOISE = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def test_all_256_levels_survive() -> None:
    images = from_uint8(LEVELS)
    assert images.shape == (1, 3, 16, 16) and images.min() == -1 and images.max() == 1
    assert np.array_equal(to_uint8(images), LEVELS)
    assert np.array_equal(np.asarray(to_pil(from_pil(to_pil(images)[0]))[0]), LEVELS[0])


def test_levels_are_rounded_to_the_nearest_and_values_outside_are_clamped() -> None:
    nearly = from_uint8(LEVELS) + 0.49 / 127.5
    assert np.array_equal(to_uint8(nearly), LEVELS)
    assert to_uint8(torch.tensor([-9.0, 9.0, 0.0]).reshape(1, 3, 1, 1)).tolist() == [[[[0, 255, 128]]]]


def test_rows_columns_and_channels_keep_their_places() -> None:
    images = from_uint8(NOISE[None])
    assert images[0, 2, 3, 5] == pytest.approx(NOISE[3, 5, 2] / 127.5 - 1, abs=1e-6)


def test_an_image_that_needs_a_gradient_can_be_shown() -> None:
    assert to_uint8(torch.zeros(1, 3, 2, 2, requires_grad=True)).shape == (1, 2, 2, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "I;16B"])
def test_every_mode_becomes_three_channels(mode: str) -> None:
    image = from_pil(Image.new(mode, (5, 4)))
    assert image.shape == (1, 3, 4, 5) and image.min() >= -1 and image.max() <= 1


def test_grey_is_grey_in_all_channels() -> None:
    image = from_pil(Image.fromarray(NOISE[..., 0]))
    assert np.array_equal(to_uint8(image)[0], NOISE[..., :1].repeat(3, 2))


def test_sixteen_bit_grey_keeps_its_tones() -> None:
    deep = (LEVELS[0, ..., 0].astype(np.uint16)) * 257
    stored = io.BytesIO()
    Image.fromarray(deep).save(stored, "png")
    assert np.array_equal(to_uint8(from_pil(Image.open(stored)))[0], LEVELS[0])


def test_a_palette_keeps_its_colours() -> None:
    blocks = Image.new("RGB", (4, 4), (200, 30, 90))
    blocks.putpixel((1, 2), (5, 250, 60))
    palette = blocks.quantize(4)
    assert palette.mode == "P"
    assert np.array_equal(to_uint8(from_pil(palette))[0], np.asarray(blocks))


def test_transparency_is_laid_on_white() -> None:
    picture = Image.new("RGBA", (3, 1), (100, 0, 0, 255))
    picture.putpixel((1, 0), (100, 0, 0, 0))
    picture.putpixel((2, 0), (100, 0, 0, 51))
    assert to_uint8(from_pil(picture))[0, 0].tolist() == [[100, 0, 0], [255, 255, 255], [224, 204, 204]]


def test_a_transparent_palette_entry_is_laid_on_white() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    stored = io.BytesIO()
    picture.save(stored, "png", transparency=1)
    assert to_uint8(from_pil(Image.open(stored)))[0, 0].tolist() == [[10, 20, 30], [255, 255, 255]]


def test_a_png_carries_its_recipe_and_every_pixel() -> None:
    recipe = dict(version=1, seed=7, name="é 脸", amounts=[0.5, -2])
    back = Image.open(io.BytesIO(png(Image.fromarray(NOISE), recipe=recipe)))
    assert json.loads(back.text["ganatomy"]) == recipe
    assert np.array_equal(np.asarray(back), NOISE)
    assert "ganatomy" not in Image.open(io.BytesIO(png(Image.fromarray(NOISE)))).text


def test_webp_is_lossless() -> None:
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(webp(Image.fromarray(NOISE)))).convert("RGB")), NOISE)


def test_an_animation_goes_there_and_back() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    film = Image.open(io.BytesIO(animation(frames, milliseconds=40)))
    shown = []
    for i in range(film.n_frames):
        film.seek(i)
        shown.append(film.convert("RGB").getpixel((0, 0)))
    red, green, blue = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    assert shown == [red, green, blue, green] and film.info["loop"] == 0
    assert Image.open(io.BytesIO(animation(frames, back_and_forth=False))).n_frames == 3


def test_a_grid_fills_rows_first_and_leaves_gaps() -> None:
    sheet = grid([Image.new("RGB", (2, 2), colour) for colour in ("red", "lime", "blue")], columns=2, gap=1)
    assert sheet.size == (5, 5)
    assert [sheet.getpixel(at) for at in ((0, 0), (3, 0), (0, 3), (3, 3), (2, 0))] == [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
        (255, 255, 255),
    ]
    assert strip([Image.new("RGB", (2, 3))] * 4).size == (8, 3)


def test_enlarging_once_is_the_picture_itself() -> None:
    picture = Image.fromarray(NOISE)
    assert enlarge(picture, 1) is picture and enlarge(picture, 3).size == (48, 48)


@pytest.mark.parametrize("layout", [lambda none: grid(none, columns=3), strip, animation])
def test_nothing_to_show_is_said_in_a_sentence(layout) -> None:
    with pytest.raises(ValueError, match="needs at least one picture"):
        layout([])


def test_a_map_is_coloured_from_the_dark_end_of_its_ramp_to_the_bright_one():
    ends = [ImageColor.getrgb(colour) for colour in colours.RAMP]
    drawn = np.asarray(colours.coloured(torch.linspace(-1, 2, 13).reshape(1, 13))).astype(int)
    assert [tuple(pixel) for pixel in drawn[0, 4:9]] == ends, "0, a quarter, a half, three quarters, 1"
    assert tuple(drawn[0, 0]) == ends[0] and tuple(drawn[0, -1]) == ends[-1], "values outside are clamped"
    assert (np.diff(drawn[0, 4:9].sum(1)) > 0).all()


def test_regions_are_painted_in_colours_of_their_own():
    regions = torch.arange(24).reshape(4, 6)
    drawn = np.asarray(colours.painted(regions)).reshape(24, 3)
    assert len({tuple(pixel) for pixel in drawn[:12]}) == 12 and np.array_equal(drawn[:12], drawn[12:])
    assert tuple(drawn[1]) == ImageColor.getrgb(colours.FLAT[1])
