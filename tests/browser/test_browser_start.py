"""Start in a real browser: in the page, and as a folder behind a plain server of files."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import torch
from PIL import Image

import engine
from commands import static
from core import zoo
from core.codes import Directions, edit
from core.images import to_uint8
from demos.page.export import png_of
from demos.start import bundle
from demos.steer.recipe import Recipe

from ..support import file_host
from .visits import SIZES, STEER, Tab, assert_same_picture, axe, watched

MODEL = bundle.NAMES[0]
LIVE = "document.getElementById('start-view')?.dataset.live"
LEVELS = """() => { const canvas = document.querySelector('.start-canvas');
  return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]; }"""
TURNED = """amount => { const drawn = document.getElementById('start-view').dataset.drawn;
  return drawn && JSON.parse(drawn).some(([, one]) => Math.abs(one - amount) < 1e-6); }"""


FALLS = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), one => one.charCodeAt(0)), dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  const event = kind => new DragEvent(kind, {dataTransfer, bubbles: true, cancelable: true});
  return ["dragover", "drop"].map(kind => !document.querySelector(".start-photo").dispatchEvent(event(kind)));
}"""


class Landing(Tab):
    def open(self, page, address: str, query: str) -> None:
        page.goto(address + query, wait_until="commit")
        page.wait_for_function(LIVE)


def shown(page) -> np.ndarray:
    """The picture on the canvas, [h, w, 3] uint8."""
    found = np.array(page.evaluate(LEVELS), np.uint8)
    side = int((len(found) / 4) ** 0.5)
    return found.reshape(side, side, 4)[..., :3]


@torch.no_grad()
def servers(seed: int, amount: float) -> np.ndarray:
    """What PyTorch draws of a seed with the first chip's knob at an amount."""
    generator, view = zoo.load(MODEL), bundle.record_of(MODEL)["view"]
    knob = next(one for one in view["knobs"] if one["id"] == view["chips"][0]["knob"])
    vector = torch.from_numpy(np.frombuffer(base64.b64decode(knob["vector"]), "<f4").copy())
    way = Directions(vector[None], torch.ones(1, dtype=torch.float64), tuple(range(generator.slots)))
    codes = generator.codes(generator.sample(1, seed), psi=zoo.card(MODEL).psi)
    return to_uint8(generator(edit(codes, way, [amount * knob["step"]])))[0]


def turned(page, key: str) -> float:
    """Presses a key on the slider; where it stands once that is drawn."""
    page.locator(".start-range").press(key)
    amount = float(page.locator(".start-range").input_value())
    page.wait_for_function(TURNED, arg=amount)
    return amount


# --- in the page


def test_start_stands_in_the_html_and_its_door_takes_the_face_along(browser, page_url: str):
    bare = browser.new_context(java_script_enabled=False)
    page = bare.new_page()
    page.goto(page_url)
    assert page.locator("#start-sentence").is_visible() and page.locator(".start-still").is_visible()
    bare.close()
    with watched(browser, page_url, Landing("start", "")) as visits:
        page = visits.open()
        page.wait_for_function("!document.getElementById('start-front') && gan.parts.start")
        assert page.locator("[role=tab][aria-selected=true]").inner_text() == "Start" and axe(page) == []
        seed = int(page.locator("#start-view").get_attribute("data-seed"))
        assert_same_picture(shown(page), servers(seed, 0.0))
        amount = turned(page, "End")
        assert_same_picture(shown(page), servers(seed, amount))
        assert np.abs(shown(page).astype(int) - servers(seed, 0.0)).max() > 50, "the control: another picture"
        page.locator(".start-chips button").nth(1).click()
        colours = "getComputedStyle(document.querySelector('.start-chips button[aria-pressed=true]'))"
        assert page.evaluate(f"{colours}.color !== {colours}.backgroundColor"), "a chip under the pointer is read"
        page.locator(".start-another").click()
        page.wait_for_function(f"+document.getElementById('start-view').dataset.seed !== {seed}")
        other = int(page.locator("#start-view").get_attribute("data-seed"))
        page.locator(".start-doors [data-tab=steer]").click()
        assert STEER.settle(page, f"gan.steer.now.recipe.seed === {other}")["model"] == MODEL
        page.wait_for_function(f"location.search.includes('seed={other}')")
        page.evaluate("import(new URL(gan.engine + 'engine.js', document.baseURI))")
        found = "performance.getEntriesByType('resource').map(one => one.name).filter(one => one.includes('/engine'))"
        assert {one.rpartition("/")[0] for one in page.evaluate(found)} == {page_url + "/" + engine.address()[:-1]}


def test_the_servers_film_stands_in_where_the_browser_does_not_draw(browser, page_url: str):
    with watched(browser, page_url, Landing("start", "")) as visits:
        page = visits.open("?engine=server")
        assert page.locator("#start-view").get_attribute("data-live") == "film"
        assert turned(page, "Home") < 0 and shown(page).std() > 10


def falls(page, name: str, data: bytes) -> None:
    """A file falls on the picture; nothing opens it in the place of the page."""
    assert page.evaluate(FALLS, [name, base64.b64encode(data).decode()]) == [True, True]


def test_files_that_fall_on_start_open_in_their_tab_or_get_a_sentence(browser, page_url: str):
    with watched(browser, page_url, Landing("start", "")) as visits:
        page = visits.open()
        page.wait_for_function("!!window.gan && !!gan.drop && !document.getElementById('start-front')")
        falls(page, "note.txt", b"hello")
        page.get_by_text("there is neither a link nor a recipe of this page").wait_for()
        assert page.locator("[role=tab][aria-selected=true]").inner_text() == "Steer"
        page.get_by_role("tab", name="Start", exact=True).click()
        page.locator(".start-photo").wait_for()
        recipe = Recipe(MODEL, seed=9, psi=0.6)
        falls(page, "picture.png", png_of(Image.new("RGB", (64, 64)), recipe))
        assert STEER.settle(page, "gan.steer.now.recipe.seed === 9")["psi"] == 0.6
        page.get_by_text("it stands as it was made").wait_for()


# --- as a folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("host") / "below" / "ganatomy"
    made.parent.mkdir()
    static.make(made, page="https://example.org/gan")
    return made


def test_the_folder_needs_nobody_else_and_draws_what_the_server_draws(browser, folder: Path):
    with (
        file_host(folder.parents[1]) as host,
        watched(browser, f"{host}below/ganatomy/", Landing("start", "")) as visits,
    ):
        page = visits.open(
            size="phone", script="window.addEventListener('unhandledrejection', e => { throw e.reason; })"
        )
        page.context.route("**", lambda route: route.abort())  # from here on there is no network at all
        seed = int(page.locator("#start-view").get_attribute("data-seed"))
        amount = turned(page, "End")
        assert_same_picture(shown(page), servers(seed, amount))
        box = page.locator(".start-range").bounding_box()
        page.touchscreen.tap(box["x"] + 0.2 * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_function("+document.querySelector('.start-range').ariaValueText.split(',')[0] < -1")
        play(page)
        falls(page, "note.txt", b"hello")
        assert "no server" in page.locator(".start-said").inner_text()
        door = page.locator(".start-doors a").first.get_attribute("href")
        assert door.startswith("https://example.org/gan/?") and parse_qs(urlsplit(door).query)["seed"] == [str(seed)]
        page.locator("#lab summary").first.click()
        page.locator("#lab-sefa-0").press("ArrowRight")
        page.wait_for_function("JSON.parse(document.getElementById('start-view').dataset.drawn).length === 2")
        page.locator("#lab-seed").fill("7")
        page.locator("#lab-seed").press("Enter")
        page.wait_for_function("document.getElementById('start-view').dataset.seed === '7'")
        page.locator("#lab-seed").fill("")
        page.locator("#lab-psi").press("End")
        page.wait_for_function("document.querySelector('.start-doors a').href.endsWith('seed=7&psi=1')")
        page.locator(".start-another").tap()  # recorded: as the network draws it by itself
        page.wait_for_function("document.querySelector('.start-doors a').href.endsWith('&psi=0.7')")
        with page.expect_download() as saved:
            page.locator("#lab-strip").press("Enter")
        with Image.open(saved.value.path()) as strip:
            assert strip.format == "PNG" and strip.width == 7 * strip.height
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]


def play(page) -> None:
    """One round of the game by keyboard: an answer, and the next knob."""
    rounds = bundle.record_of(MODEL)["view"]["game"]
    page.locator(".start-answers button").nth(rounds[0]["right"][0]).press("Enter")
    assert page.locator(".start-told").inner_text().startswith("Right.")
    assert page.evaluate("document.activeElement.className") == "start-next"
    page.keyboard.press("Enter")
    assert page.locator(".start-count").inner_text() == f"2 of {len(rounds)} · 1 right"
    assert page.evaluate("document.activeElement.closest('.start-answers') !== null")
