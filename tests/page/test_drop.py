"""What is dropped on the page: recognised by what it holds, taken within limits, and one line says what was done."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core import uploads, zoo
from core.checkpoints import apart, native
from demos.page import models
from demos.page.export import png_of
from demos.page.fields import RecipeError
from demos.paint.recipe import Painted
from demos.steer.recipe import Recipe
from serving import drop as arriving
from serving import dropping as drop

from .. import tiny
from ..foreign import nvidia_state
from ..support import read_here

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
STYLE = "portraits-stylegan2"
HEADERS = {arriving.ASKED: "1", arriving.NAME: "net.pt"}


@pytest.fixture(autouse=True)
def small_model(tmp_path, monkeypatch) -> Iterator[None]:
    path = tmp_path / f"{STYLE}.safetensors"
    native.save(tiny.stylegan2(), path)
    monkeypatch.setattr(zoo, "CARDS", {STYLE: zoo.ModelCard(STYLE, "Test portraits", str(path), "portraits", 16)})
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setattr(apart, "converted", read_here)  # in tests/core/test_uploads.py it is a process of its own
    yield
    for one in list(uploads._brought.values()):
        uploads.drop(one)


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[arriving.ROUTE]))


def told(data: bytes, name: str, given: dict | None = None, visitor: str = "somebody") -> list[dict]:
    """What the page hears of a file."""
    one = uploads.begin(name, len(data))
    one.path.write_bytes(data)
    return list(drop.dropped(uploads.arrived(one), given or Recipe(STYLE, seed=7).as_dict(), visitor))


def state_bytes() -> bytes:
    made = io.BytesIO()
    torch.save(nvidia_state(tiny.stylegan2(seed=3)), made)
    return made.getvalue()


def png(recipe=None) -> bytes:
    if recipe is not None:
        return png_of(Image.new("RGB", (8, 8)), recipe)
    made = io.BytesIO()
    Image.new("RGB", (64, 64)).save(made, "PNG")
    return made.getvalue()


def npy(*shape: int) -> bytes:
    made = io.BytesIO()
    np.save(made, np.random.default_rng(0).standard_normal(shape))
    return made.getvalue()


RECIPE = Recipe(STYLE, seed=5, amounts=(1.5, -2.0), knob=1)
NOTEBOOK = json.dumps(dict(cells=[dict(cell_type="markdown", source=[f"[open]({RECIPE.link('https://x.org/')})"])]))


@pytest.mark.parametrize(
    "name, data",
    [
        ("picture.png", png(RECIPE)),
        ("recipe.json", json.dumps(RECIPE.as_dict()).encode()),
        ("link.txt", RECIPE.link("https://x.org/page/").encode()),
        ("mail.eml", f"Look:\r\n<{RECIPE.link()}>\r\n".encode()),
        ("picture.ipynb", NOTEBOOK.encode()),
    ],
)
def test_what_the_page_wrote_opens_exactly_that(name: str, data: bytes) -> None:
    last = told(data, name)[-1]
    assert last["open"] == RECIPE.as_dict() and last["says"].endswith("as it was made.")
    assert not uploads._brought  # nothing of it is kept


def test_a_picture_of_another_tab_opens_there() -> None:
    painted = Painted(STYLE, seed=8, region="", method="resefa")
    assert told(png(painted), "picture.png")[-1]["open"] == painted.as_dict() and painted.as_dict()["tab"] == "paint"


def test_directions_become_the_knobs_of_the_picture_on_screen() -> None:
    last = told(npy(3, tiny.DIM), "found.npy")[-1]
    assert last["open"]["method"] == "file" and last["open"]["seed"] == 7
    from_paint = told(npy(3, tiny.DIM), "found.npy", Painted(STYLE, seed=9, region="").as_dict())[-1]
    assert from_paint["open"]["method"] == "file" and from_paint["open"]["seed"] == 9


@pytest.mark.parametrize(
    "name, data, kind",
    [
        ("photo.png", png(), "picture"),
        ("photo", b"\xff\xd8\xff\xe0 a jpeg", "picture"),
        ("phone.heic", b"\0\0\0\x18ftypheic", "picture"),
        ("mine.json", json.dumps(dict(format="ganatomy-edits", version=1, edits=[])).encode(), "edits"),
    ],
)
def test_what_another_tab_takes_goes_there(name: str, data: bytes, kind: str) -> None:
    last = told(data, name)[-1]
    assert last["kind"] == kind and "open" not in last and "error" not in last


def test_a_network_becomes_a_card_in_the_list_of_its_visitor_alone() -> None:
    news = told(state_bytes(), "faces.pkl")
    assert news[0]["says"] == drop.READING and news[-1]["says"].startswith("A network: faces (StyleGAN2, 16 px).")
    assert "clamped" in news[-1]["says"]  # what had to be assumed is said
    model = news[-1]["recipe"]["model"]
    assert Recipe.from_json(news[-1]["recipe"]).model == model and news[-1]["recipe"]["seed"] == 7
    rows = {visitor: [row["name"] for row in models.listed(visitor)] for visitor in ("somebody", "somebody~1", "else")}
    assert model in rows["somebody"] and model in rows["somebody~1"] and model not in rows["else"]
    assert next(row for row in models.listed("somebody") if row["name"] == model)["group"] == "Yours"
    uploads.leave("somebody")
    with pytest.raises(RecipeError, match="was somebody's own file, and it is no longer here: .* drop the file again"):
        Recipe(model)


@pytest.mark.parametrize(
    "name, data, says",
    [
        (
            "notes.txt",
            b"hello",
            "The file notes.txt is text in which there is neither a link nor a recipe of this page: drop",
        ),
        ("net.pkl", b"<!doctype html><h1>Not found</h1>", "web page"),
        ("net.bin", bytes(100), "The file net.bin cannot be opened"),
        ("found.npy", npy(3, 5), "this model needs"),
    ],
)
def test_anything_else_gets_one_sentence(name: str, data: bytes, says: str) -> None:
    last = told(data, name)[-1]
    assert says in last["error"] and last["error"].count("\n") == 0 and last["error"].endswith(".")
    assert not uploads._brought


def test_a_token_that_is_gone_or_somebody_s_guess_gets_a_sentence() -> None:
    assert list(drop.dropped("0" * 32, {}, "x"))[-1]["error"].startswith("This file is no longer here")
    assert list(drop.dropped({"a": 1}, {}, "x"))[-1]["error"].startswith("This file is no longer here")


# --- how it arrives


def test_a_file_arrives_whole(client: TestClient) -> None:
    data = bytes(range(256)) * 9000
    token = client.post("/drop", content=data, headers=HEADERS).json()["token"]
    assert uploads.of(token).path.read_bytes() == data and uploads.of(token).name == "net.pt"


def test_another_website_s_form_brings_nothing(client: TestClient) -> None:
    assert client.post("/drop", content=b"data").status_code == 403 and not uploads._brought


def test_more_or_fewer_bytes_than_were_announced_are_not_kept(client: TestClient) -> None:
    for length in ("5", "500"):
        answer = client.post("/drop", content=b"123456", headers={**HEADERS, "content-length": length})
        assert answer.status_code == 400 and "whole" in answer.json()["error"]
    answer = client.post("/drop", content=iter([b"12"]), headers=HEADERS)  # of no length
    assert answer.status_code == 411 and "length" in answer.json()["error"]
    assert not uploads._brought


def test_an_empty_or_too_large_file_is_refused_before_it_is_sent(client: TestClient, monkeypatch) -> None:
    assert "is empty" in client.post("/drop", content=b"", headers=HEADERS).json()["error"]
    monkeypatch.setenv("SPACE_ID", "somebody/page")
    answer = client.post("/drop", content=b"1", headers={**HEADERS, "content-length": str(500 * 10**6)})
    assert answer.status_code == 413 and "may have 400" in answer.json()["error"] and not uploads._brought


def test_a_disk_that_is_full_says_so(client: TestClient, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(uploads, "_home", [tmp_path / "file"])
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: str(tmp_path / "file"))
    answer = client.post("/drop", content=b"1", headers=HEADERS)
    assert answer.status_code == 507 and "cannot keep this file" in answer.json()["error"]
