"""Laws of the pictures that come by plain HTTP: the page's own pixels, and nothing else, for whoever asks."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

import app as page
from core import zoo
from core.checkpoints import native
from demos.page import picture as page_pictures
from demos.page import pictures, sources
from demos.paint import search
from demos.paint.recipe import Painted
from demos.steer import recipe as recipes
from demos.steer.recipe import Recipe

from .. import tiny

MODEL = "small"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The only network: a small StyleGAN2, opened."""
    path = tmp_path / "small.safetensors"
    native.save(tiny.stylegan2(), path)
    monkeypatch.setattr(zoo, "CARDS", {MODEL: zoo.ModelCard(MODEL, "Small", str(path), None, 16)})
    zoo.load(MODEL)
    sources.directions_of(Recipe(MODEL))
    return tmp_path


@pytest.fixture
def client(small):
    served = Starlette(routes=[pictures.mount(page.TABS)])
    with TestClient(served) as made:
        yield made


def address(recipe: Recipe, kind: str = "after", **more: str) -> str:
    return f"/pictures/{kind}?{urlencode(dict(recipe.to_query(), **more), safe=',')}"


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def drawn_alone(recipe: Recipe) -> np.ndarray:
    return np.asarray(page_pictures.shown(recipes.render(recipe), recipe.model)[0].convert("RGB")).astype(int)


def refused(answer, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
    assert all(word in answer.text for word in words), answer.text
    assert "Traceback" not in answer.text and "<" not in answer.text and answer.text.endswith(".")


# --- what comes


def test_the_picture_is_the_recipes_own(client):
    recipe = Recipe(MODEL, seed=5, amounts=(1.5, 0, -2))
    answer = client.get(address(recipe))
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/webp"
    assert np.abs(pixels(answer.content) - drawn_alone(recipe)).max() <= 1
    other = drawn_alone(Recipe(MODEL, seed=6, amounts=(1.5, 0, -2)))
    assert np.abs(pixels(answer.content) - other).max() > 20, "the comparison sees nothing"
    before = client.get(address(recipe, "before"))
    assert np.abs(pixels(before.content) - drawn_alone(Recipe(MODEL, seed=5))).max() <= 1


def test_a_film_has_the_frames_of_its_recipe(client):
    recipe = Recipe(MODEL, seed=5, amounts=(0, 1))
    film = pixels(client.get(address(recipe, "film")).content)
    assert film.shape == (16, 21 * 16, 3)
    reach = zoo.card(MODEL).reach
    for frame, amount in ((0, -reach), (10, 0.0), (20, reach)):
        alone = drawn_alone(Recipe(MODEL, seed=5, amounts=(amount, 1)))
        assert np.abs(film[:, 16 * frame : 16 * (frame + 1)] - alone).max() <= 1


def test_a_picture_of_named_weights_is_kept_for_good_and_another_is_asked_for_again(client):
    named = client.get(address(Recipe(MODEL, seed=5)))
    assert "immutable" in named.headers["cache-control"] and named.headers["x-content-type-options"] == "nosniff"
    plain = client.get(f"/pictures/after?model={MODEL}&seed=5")
    assert plain.headers["cache-control"] == "no-cache" and plain.headers["etag"] == named.headers["etag"]
    again = client.get(f"/pictures/after?model={MODEL}&seed=5", headers={"If-None-Match": plain.headers["etag"]})
    assert again.status_code == 304 and not again.content
    other = client.get(f"/pictures/after?model={MODEL}&seed=6", headers={"If-None-Match": plain.headers["etag"]})
    assert other.status_code == 200
    refused(client.get(f"/pictures/after?model={MODEL}&seed=5&w=deadbeef"), 409, "other weights")


def test_head_says_what_get_would_and_nothing_else_is_allowed(client):
    url = address(Recipe(MODEL, seed=5))
    head, get = client.head(url), client.get(url)
    assert head.status_code == 200 and not head.content
    for name in ("content-type", "content-length", "etag", "cache-control"):
        assert head.headers[name] == get.headers[name]
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.request(method, url).status_code == 405


# --- what does not


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        ("model=nowhere", 404, "no network"),
        ("model=<script>alert(1)</script>", 404, "no network"),
        (f"model={MODEL}&seed=-1", 400, "seed"),
        (f"model={MODEL}&seed=1&seed=2", 400, "twice"),
        (f"model={MODEL}&__class__=1", 400, "has no"),
        (f"model={MODEL}&amounts=nan", 400, "Knob 1"),
        (f"model={MODEL}&v=2", 400, "version"),
        (f"model={MODEL}&w=zz", 409, "weights"),
        (f"model={MODEL}&method=file", 400, "file"),
        (f"model={MODEL}&seed=%ff%fe", 400, "cannot be read"),
        (f"model={MODEL}&layers={'0,' * 600}", 414, "bytes"),
        ("tab=nowhere", 404, "no picture"),
        ("tab=restore&shows=upload&model=" + MODEL, 400, "own picture"),
        ("&".join(f"a{i}=1" for i in range(60)), 400, "cannot be read"),
    ],
)
def test_a_hostile_query_gets_a_sentence(client, query, status, word):
    refused(client.get(f"/pictures/after?{query}"), status, word)


@pytest.mark.parametrize("kind", ["nothing", "..", "%2e%2e", "after%00", "private"])
def test_there_is_no_other_kind_of_picture(client, kind):
    assert client.get(f"/pictures/{kind}?model={MODEL}").status_code == 404


def test_nothing_is_opened_for_it(client, small, monkeypatch):
    other = small / "other.safetensors"
    native.save(tiny.stylegan2(seed=3), other)
    zoo.CARDS["other"] = zoo.ModelCard("other", "Other", str(other), None, 16)
    for name in ("_open", "_read", "fetch"):
        monkeypatch.setattr(zoo, name, lambda *_, **__: pytest.fail("a network was opened"))
    refused(client.get("/pictures/after?model=other"), 409, "not open")
    refused(client.get("/pictures/after?tab=inside&model=other"), 409, "not open")
    refused(client.get("/pictures/after?tab=restore&model=other"), 409, "not open")


def test_nothing_is_solved_or_searched_for_it(client, monkeypatch):
    monkeypatch.setattr(sources, "_find", lambda *_: pytest.fail("directions were computed"))
    monkeypatch.setattr(search, "solving", lambda *_: pytest.fail("knobs were solved"))
    assert client.get(address(Recipe(MODEL, seed=9, amounts=(1,)))).status_code == 200, "these are known"
    refused(client.get(address(Recipe(MODEL, method="random", amounts=(1,)))), 409, "not found yet")
    painted = Painted(MODEL, amounts=(1,)).to_query()
    refused(client.get(f"/pictures/after?{urlencode(painted)}"), 409, "not found yet")
    refused(client.get(f"/pictures/after?tab=restore&model={MODEL}&task=copy&steps=1"), 409, "not restored yet")


def test_painted_pictures_come_once_their_knobs_were_found(client):
    recipe = Painted(MODEL, method="resefa", amounts=(1.0,))
    knobs = search.solve(recipe)
    answer = client.get(f"/pictures/after?{urlencode(recipe.to_query())}")
    assert answer.status_code == 200
    alone = page_pictures.shown(search.render(recipe, knobs, [recipe.amounts]), MODEL)[0]
    assert np.abs(pixels(answer.content) - np.asarray(alone).astype(int)).max() <= 1


# --- a crowd


def test_visitors_never_get_each_others_picture(client):
    wanted = [Recipe(MODEL, seed=seed, amounts=(seed % 5 / 2,)) for seed in range(100, 124)]
    with ThreadPoolExecutor(8) as crowd:
        came = list(crowd.map(lambda recipe: client.get(address(recipe)), wanted))
    for recipe, answer in zip(wanted, came, strict=True):
        assert np.abs(pixels(answer.content) - drawn_alone(recipe)).max() <= 1


def test_beyond_what_may_be_in_flight_it_says_when_to_ask_again(client, monkeypatch):
    drawing, go_on = threading.Semaphore(0), threading.Event()

    def slow(*_):
        drawing.release()
        go_on.wait(20)
        return b"done"

    monkeypatch.setattr(pictures, "drawn", lambda *_, **__: slow())
    monkeypatch.setattr(pictures, "MOST_IN_FLIGHT", 3)
    with ThreadPoolExecutor(3) as crowd:
        waiting = [crowd.submit(client.get, address(Recipe(MODEL, seed=seed))) for seed in range(2)]
        drawing.acquire(timeout=20), drawing.acquire(timeout=20)
        waiting.append(crowd.submit(client.get, address(Recipe(MODEL, seed=2))))
        over = client.get(address(Recipe(MODEL, seed=3), "film"))  # 21 pictures
        refused(over, 503, "ask again")
        assert over.headers["retry-after"] == "1"
        assert not drawing.acquire(timeout=0.3), "a third one was drawn beside two"
        go_on.set()
        assert [one.result().status_code for one in waiting] == [200] * 3
    assert client.get(address(Recipe(MODEL, seed=4))).status_code == 200, "there is room again"


def test_what_is_kept_is_limited_in_bytes():
    assert pictures._kept.largest <= 64 * 2**20 and page_pictures._made.largest <= 64 * 2**20


# --- what is private


def own(small, monkeypatch) -> str:
    """An own network's name."""
    path = small / "mine.safetensors"
    native.save(tiny.stylegan2(seed=4), path)
    name = zoo.add(path).name
    zoo.load(name)
    return name


def test_pictures_of_an_own_network_have_an_address_that_nobody_guesses(client, small, monkeypatch):
    recipe = Recipe(own(small, monkeypatch), seed=5)
    query = urlencode(recipe.to_query())
    refused(client.get(f"/pictures/after?{query}"), 404, "private")
    place = pictures.address(pictures.own_network(recipe.model))
    token = place.rpartition("/")[2]
    assert len(bytes.fromhex(token)) == 16
    answer = client.get(f"/{place}/after?{query}")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store" and "etag" not in answer.headers
    assert np.abs(pixels(answer.content) - drawn_alone(recipe)).max() <= 1
    for wrong in ("0" * 32, token[:-1] + ("0" if token[-1] != "0" else "1"), "x", token.upper() + "x"):
        refused(client.get(f"/pictures/private/{wrong}/after?{query}"), 404, "private")
    refused(client.get(f"/{place}/after?model={MODEL}"), 404, "private")


def test_a_token_opens_only_what_it_was_made_for(client, small, monkeypatch):
    first, second = own(small, monkeypatch), own(small, monkeypatch)
    place = pictures.address(pictures.own_network(first))
    assert place != pictures.address(pictures.own_network(second))
    refused(client.get(f"/{place}/after?{urlencode(Recipe(second).to_query())}"), 404, "private")


def test_lists_in_a_private_address_are_lists(small):
    tab = next(tab for tab in page.TABS if tab.name == "attributes")
    values = tab.recipe.values_in(dict(model=MODEL, fixed="smile,yaw", amounts="1.5,0", other="x"))
    assert values == dict(model=MODEL, fixed=["smile", "yaw"], amounts=["1.5", "0"])
    assert tab.recipe.values_in(dict(fixed=""))["fixed"] == []


def test_directions_of_a_file_are_private_too(client, small):
    np.save(small / "mine.npy", np.eye(12)[:2])
    recipe = sources.take_directions(str(small / "mine.npy"), Recipe(MODEL, seed=5).as_dict())
    moved = recipes.turned(recipe, 0, 1.5)
    values = {name: str(value) for name, value in moved.as_dict().items() if name not in ("version", "amounts")}
    query = urlencode(dict(values, amounts="1.5,0"))
    place = pictures.address(("directions", MODEL, recipe.directions))
    answer = client.get(f"/{place}/after?{query}")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    alone = page_pictures.shown(recipes.render(moved), MODEL)[0]
    assert np.abs(pixels(answer.content) - np.asarray(alone).astype(int)).max() <= 1
