"""What is taken away is opened by others than us, Pillow, NumPy, safetensors, nbformat, and says what it is of."""

from __future__ import annotations

import io
import json

import av
import nbformat
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from core import zoo
from core.codes import edit
from core.factorization.files import load_directions
from core.images import to_uint8, video
from demos.attributes.tab import TAB as ATTRIBUTES
from demos.attributes.tab import Attributes
from demos.inside.tab import TAB as INSIDE
from demos.page import tab
from demos.page.export import recipe_from_png
from demos.page.stage import KNOBS_TAKEN, TAKEN
from demos.page.tab import file_for
from demos.paint.tab import TAB as PAINT
from demos.steer.recipe import Recipe, render
from demos.steer.tab import TAB as STEER

MODEL = "portraits-stylegan2"
RECIPE = Recipe(MODEL, seed=7, layers="coarse", knob=2, amounts=(0, 0, 1.5))
LICENCE = f"licence of the network: {zoo.card(MODEL).licence}"


def taken(kind: str) -> bytes:
    return file_for(STEER, RECIPE, kind)[0]


def test_tabs_with_knobs_give_directions_and_the_others_none():
    assert STEER.taken == ATTRIBUTES.taken == PAINT.taken == KNOBS_TAKEN and INSIDE.taken == TAKEN


@pytest.mark.parametrize("kind", ["picture", "strip"])
def test_a_png_and_a_strip_carry_recipe_and_licence(kind: str):
    data = taken(kind)
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "PNG" and LICENCE in picture.info["Copyright"] and recipe_from_png(data) == RECIPE


def test_a_clip_as_webp_and_as_gif_carries_recipe_and_licence_and_moves_there_and_back():
    film = Image.open(io.BytesIO(taken("clip")))
    exif = film.getexif()
    assert film.format == "WEBP" and film.n_frames == 40 and LICENCE in exif[0x8298]
    assert json.loads(exif[0x010E]) == RECIPE.as_dict()
    other = Image.open(io.BytesIO(taken("gif")))
    about = json.loads(other.info["comment"])
    assert other.format == "GIF" and about["recipe"] == RECIPE.as_dict() and LICENCE in about["licence"]
    first, last = (np.asarray(film_at(other, frame)).astype(int) for frame in (0, 20))
    assert np.abs(first - last).mean() > 4, "the two ends of the knob"
    same = np.asarray(film_at(film, 20)).astype(int)
    assert np.abs(same - last).mean() < 6, "256 colours are near the true ones"


def test_a_clip_as_mp4_plays_everywhere_carries_recipe_and_licence_and_shows_what_the_webp_shows(monkeypatch):
    """H.264 loses a little: here less than 3 of 255 levels in the mean of a frame, and the ends differ by more."""
    with av.open(io.BytesIO(taken("mp4"))) as film:
        [stream], about = film.streams, json.loads(film.metadata["comment"])
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert film.metadata["title"] == "knob3-picture7"
        ranges = dict(src_colorspace="ITU709", src_color_range="MPEG", dst_color_range="JPEG")
        decoded = [frame.reformat(format="rgb24", **ranges) for frame in film.decode(video=0)]
    frames = [frame.to_ndarray().astype(int) for frame in decoded]
    assert about["recipe"] == RECIPE.as_dict() and LICENCE in about["licence"]
    true = Image.open(io.BytesIO(taken("clip")))
    assert len(frames) == true.n_frames == 40 and frames[0].shape == (256, 256, 3)
    lost = [np.abs(frame - np.asarray(film_at(true, i))).mean() for i, frame in enumerate(frames)]
    assert max(lost) < 3 < np.abs(frames[0] - np.asarray(film_at(true, 20))).mean()
    monkeypatch.setattr(tab, "has_video", lambda: False)
    assert "mp4" not in STEER.taken and "gif" in STEER.taken, "the extra is not installed: no button"


def test_a_video_of_odd_sides_gets_even_ones():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (33, 35, 3), dtype=np.uint8))
    with av.open(io.BytesIO(video([picture] * 3))) as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == (36, 34)


def film_at(film: Image.Image, frame: int) -> Image.Image:
    film.seek(frame)
    return film.convert("RGB")


def test_directions_as_npz_and_safetensors_make_the_picture_again(tmp_path):
    """With NumPy and safetensors alone: a code moved along the third direction, as Steer's knob 3 does it."""
    arrays = np.load(io.BytesIO(taken("arrays")), allow_pickle=False)
    (tmp_path / "knobs.safetensors").write_bytes(taken("directions"))
    with safe_open(tmp_path / "knobs.safetensors", framework="numpy") as file:
        vectors, facts = file.get_tensor("vectors"), file.metadata()
    assert np.array_equal(vectors, arrays["vectors"]) and json.loads(facts["slots"]) == arrays["slots"].tolist()
    assert facts["weights"] == zoo.weights_hash(MODEL) == json.loads(str(arrays["facts"]))["weights"]
    generator = zoo.load(MODEL)
    codes = generator.codes(generator.sample(1, seed=7), psi=0.7)
    step = np.std(generator.codes(generator.sample(4096, seed=0), psi=1.0)[:, 0].double().numpy() @ vectors[2])
    moved = codes.clone()
    moved[:, arrays["slots"]] += torch.as_tensor(1.5 * step * vectors[2]).float()
    with torch.no_grad():
        made, shown = to_uint8(generator(moved))[0], to_uint8(render(RECIPE))[0]
    untouched = to_uint8(render(Recipe(MODEL, seed=7)))[0]
    assert np.abs(made.astype(int) - shown).mean() < 0.25 * np.abs(untouched.astype(int) - shown).mean()


@pytest.mark.parametrize("kind, suffix", [("directions", "safetensors"), ("arrays", "npz")])
def test_directions_that_were_taken_away_are_opened_again_as_they_were(tmp_path, kind: str, suffix: str):
    generator = zoo.load(MODEL)
    path = tmp_path / f"mine.{suffix}"
    path.write_bytes(taken(kind))
    named = file_for(STEER, RECIPE, kind)[1]
    assert named.endswith(f"-directions.{suffix}")
    found = load_directions(path, slots=generator.slots, dim=generator.dim, weights=zoo.weights_hash(MODEL))
    codes = generator.codes(generator.sample(1, seed=7), psi=0.7)
    kept = STEER.knobs(RECIPE).directions
    amounts = [0.0, 0.0, 2.0, *[0.0] * 7]
    assert torch.allclose(edit(codes, found, amounts), edit(codes, kept, amounts), atol=1e-6)
    with pytest.raises(ValueError, match="other weights"):
        load_directions(path, slots=generator.slots, dim=generator.dim, weights="0" * 64)


def test_a_notebook_is_one_and_attributes_give_their_directions():
    nbformat.validate(nbformat.reads(taken("notebook").decode(), as_version=4))
    data, name = file_for(ATTRIBUTES, Attributes(MODEL), "arrays")
    arrays = np.load(io.BytesIO(data))
    assert name.endswith(".npz") and len(arrays["vectors"]) == 27 == len(arrays["scores"])
