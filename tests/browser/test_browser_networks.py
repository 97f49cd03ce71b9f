"""Other networks in a real browser: a slow one of one's own, the list, and a download that is watched and stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from core import zoo
from core.checkpoints import native
from core.generators.stylegan2 import StyleGAN2
from core.images import to_uint8
from demos.steer.wishes import wishes

from .. import tiny
from ..conftest import served
from ..hub_server import StandIn
from .visits import PAINT, STEER, WAIT, Visits, axe

pytestmark = pytest.mark.browser
settle, pixels = STEER.settle, STEER.pixels

EXACT = (
    "() => gan.steer.now.answer && gan.steer.now.answer.exact "
    "&& gan.same(gan.steer.now.answer.recipe, gan.steer.now.recipe)"
)
LICENCE = "CC BY 4.0"
OF_HUB = "church-stylegan2"
PIECES = 40  # of 4 kB, after which the stand-in for the Hub falls silent


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that takes longer than 150 ms a picture on any machine that has two cores."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        slow = StyleGAN2(
            resolution=512, channels=(384, 384, 384, 384, 384, 192, 96, 48), z_dim=64, dim=64, mapping_layers=2
        )
    path = tmp_path_factory.mktemp("own") / "my-cats.safetensors"
    native.save(slow, path, licence=LICENCE)
    return path


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with classes and without a part reader."""
    path = tmp_path_factory.mktemp("classes") / "my-things.safetensors"
    native.save(tiny.biggan(), path)
    return path


@pytest.fixture(scope="module")
def hub() -> Iterator[StandIn]:
    server, file = StandIn(), zoo.REMOTE_CARDS[OF_HUB].source
    server.files[f"/{file.repo}/resolve/{file.revision}/{file.filename}"] = bytes(4096) * 1000
    server.pieces = PIECES
    threading.Thread(target=server.serve_forever, kwargs=dict(poll_interval=0.02), daemon=True).start()
    yield server
    server.go.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def address(own: Path, classes: Path, hub: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("page")
    with served(
        folder,
        "--weights",
        str(own),
        str(classes),
        HF_ENDPOINT=hub.url,
        HF_HOME=str(folder / "hub"),
        HF_HUB_DISABLE_TELEMETRY="1",
        http_proxy="",
        https_proxy="",
        HTTP_PROXY="",
        HTTPS_PROXY="",
    ) as url:
        yield url


def truth(own: Path, seed: int) -> np.ndarray:
    generator = native.read(own)
    return to_uint8(generator(generator.codes(generator.sample(1, seed), psi=0.7)))[0]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.square(a.astype(float) - b).mean())))


def test_the_page_opens_on_the_network_that_it_was_given(visits: Visits, own: Path) -> None:
    page = visits.open()
    page.wait_for_function(EXACT, timeout=WAIT)
    assert page.locator("#steer-models").inner_text().startswith("Drawn by my-cats (StyleGAN2, 512 px)")
    assert LICENCE in page.locator("#steer-stage .licence").inner_text()
    assert "processor" in page.locator(".foot").inner_text()
    assert "is your own" in page.locator("#steer-about").inner_text()
    page.wait_for_selector("#steer-limits p[data-known=yes]", state="hidden")
    assert "Nobody knows what truly varies" in page.locator("#steer-limits").inner_text()
    assert not page.locator("#steer-read").is_visible(), "there is no reader that could read it"
    assert psnr(pixels(page), truth(own, 0)) > 38, "in float32, or in bfloat16 where it cannot be told apart"
    assert psnr(pixels(page), truth(own, 1)) < 30, "another picture is another one"


def test_a_drag_shows_first_looks_and_rests_on_the_picture_itself(visits: Visits) -> None:
    page = visits.open()
    page.wait_for_function(EXACT, timeout=WAIT)
    box = page.locator("#steer-knob-4").bounding_box()
    middle, high = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle, high)
    page.mouse.down()
    page.mouse.move(middle + box["width"] / 5, high, steps=4)
    page.wait_for_function("document.querySelector('#steer-stage .photo.rough')", timeout=WAIT)
    page.mouse.up()
    page.wait_for_function(EXACT, timeout=WAIT)
    page.wait_for_function("!document.querySelector('#steer-stage .photo.rough')")
    assert page.evaluate("gan.steer.now.recipe.amounts[3]") > 0


@pytest.mark.slow
def test_the_film_of_a_slow_network_comes_frame_by_frame(visits: Visits) -> None:
    page = visits.open()
    page.wait_for_function(EXACT, timeout=WAIT)
    page.evaluate("""() => { window.films = []; const film = gan.parts.steer.film;
      film.watch("value", () => {
        const {src, frames, partial} = film.props.value;
        films.push({src, frames, partial});
      });
    }""")
    page.locator("#steer-knob").hover()
    page.wait_for_function("films.length && films.at(-1).src && !films.at(-1).partial", timeout=WAIT)
    films = [one for one in page.evaluate("films") if one["src"]]
    assert {one["frames"] for one in films} == {9} and len({one["src"] for one in films}) > 1
    page.wait_for_function("gan.steer.now.strip !== undefined", timeout=WAIT)


# A picture takes two seconds, whatever was measured on this machine before and is again.
TWO_SECONDS = """() => {
  const now = gan.steer.now;
  let setup = {...now.setup, seconds: 2};
  Object.defineProperty(now, "setup", {get: () => setup, set: value => { setup = {...value, seconds: 2}; }});
  gan.steer.choose(now.recipe.knob);
}"""


def test_a_sheet_that_takes_long_says_so_and_waits_to_be_asked(visits: Visits) -> None:
    page = visits.open()
    page.wait_for_function(EXACT, timeout=WAIT)
    page.evaluate(TWO_SECONDS)
    page.locator("#steer-grid").scroll_into_view_if_needed()
    page.wait_for_selector("#steer-grid-go:visible", timeout=WAIT)
    said = page.locator("#steer-grid").get_by_text("60 pictures with this network take about 2 minutes")
    said.wait_for(timeout=WAIT)
    page.click("#steer-grid-go")
    page.wait_for_function("document.querySelectorAll('#steer-grid img').length >= 2", timeout=WAIT)
    assert "of 60 pictures" in page.locator("#steer-grid p.caption").first.inner_text()
    # Nobody waits for these any more: the next picture is not held up by 58 others.
    page.click("#steer-another")
    page.wait_for_function(EXACT, timeout=WAIT)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_list_has_what_is_one_click_away_first_and_opens_one(visits: Visits, size: str) -> None:
    page = visits.open(size=size)
    page.click("#steer-other-networks")
    page.wait_for_selector(".network[data-name=portraits-stylegan2]", timeout=WAIT)
    groups = page.locator(".networks-list h4").all_inner_texts()
    assert groups == ["One click away", "Yours", "Bundled", "From the Hugging Face Hub"]
    far = page.locator(f".network[data-name={OF_HUB}]").inner_text()
    assert "NVIDIA Source Code License" in far and "Let the server fetch 121 MB and open it" in far
    assert page.locator(".network[data-name=afhqcat-ada] button").is_disabled(), "not pinned"
    assert page.evaluate("document.querySelector('dialog.networks').scrollWidth <= innerWidth")
    assert axe(page) == []
    page.click(".network[data-name=portraits-stylegan2] button")
    page.wait_for_function("!document.querySelector('dialog.networks').open", timeout=WAIT)
    settle(page)
    assert page.locator("#steer-models").inner_text().startswith("Drawn by Portraits")
    assert page.locator("#steer-stage .licence").inner_text() == ""
    assert "our own program" in page.locator("#steer-about").text_content()
    offered = wishes("portraits-stylegan2")
    page.locator("#steer-find input").scroll_into_view_if_needed()
    page.locator("#steer-find input").click()
    page.get_by_role("option", name=offered[0][0], exact=True).wait_for()
    page.keyboard.press("Escape")
    assert page.text_content("#steer-measured").count("standard deviations")


def test_a_download_shows_how_far_it_is_and_can_be_stopped(visits: Visits, hub: StandIn) -> None:
    page = visits.open()
    before = pixels(page)
    page.click("#steer-other-networks")
    row = page.locator(f".network[data-name={OF_HUB}]")
    row.get_by_role("button").click()
    page.wait_for_selector(f".network[data-name={OF_HUB}] progress", timeout=WAIT)
    row.get_by_role("button", name="Stop").click()
    row.get_by_role("button", name="Let the server fetch 121 MB and open it").wait_for(timeout=WAIT)
    assert page.locator("dialog.networks .said").is_hidden() and np.array_equal(pixels(page), before)
    hub.go.set()  # now the whole file comes, and it is not the one that the card names
    row.get_by_role("button").click()
    page.wait_for_selector("dialog.networks .said:visible", timeout=WAIT)
    assert "is not the file that its card names" in page.locator("dialog.networks .said").inner_text()
    assert np.array_equal(pixels(page), before)


def test_paint_finds_knobs_for_the_middle_of_a_network_with_classes(visits: Visits) -> None:
    page = visits.open()
    page.get_by_role("tab", name="Paint").click()
    page.wait_for_function("gan.paint && gan.paint.now.setup", timeout=WAIT)
    page.click("#paint-other-networks")
    page.wait_for_selector(".network[data-name=my-things] button:visible", timeout=WAIT)
    page.locator(".network[data-name=my-things] button:visible").click()
    PAINT.settle(page, "gan.paint.now.recipe.model === 'my-things' && gan.paint.now.recipe.amounts[0] > 0")
    assert page.locator("#paint-verdict").inner_text().startswith("On this picture the middle of the picture moves")
    assert "class 0" in page.text_content("#paint-caption")
    assert "licence not stated" in page.locator("#paint-models").inner_text()
