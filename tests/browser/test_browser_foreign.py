"""Networks of others in a real browser: every tab on three that were given to the page, and files that are dropped."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from core.checkpoints import native
from core.generators.stylegan3 import StyleGAN3

from .. import pytorch_dcgans, tiny
from ..conftest import ROOT, served
from .visits import PAINT, STEER, WAIT, Visits, is_a_sentence

pytestmark = pytest.mark.browser
READING = replace(STEER, patience=3 * WAIT)  # files are read in a process that stands behind all others


def stylegan3() -> StyleGAN3:
    """The twin with the magnitudes that training would have found, so that its pictures have contrast."""
    generator, state = tiny.stylegan3(), None
    codes = generator.codes(generator.sample(8, 0))
    for layer, slots in zip(generator.layers, generator.reads):
        if state is not None:
            layer.conv.magnitude_ema.copy_(state.x.square().mean())
            layer.bias.mul_(0.1)
        state = layer(state, *(codes[:, slot] for slot in slots))
    generator.layers[-1].conv.weight.mul_(3)
    return generator


NETWORKS = {"my-dcgan": tiny.dcgan, "my-stylegan3": stylegan3, "my-grey": tiny.stylegan2_grey}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    for name, build in NETWORKS.items():
        native.save(build(), folder / f"{name}.safetensors")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("page"), "--weights", *map(str, sorted(folder.iterdir()))) as url:
        yield url


def saved(page, button: str) -> bytes:
    """What the button of the fold "Take it away" saves."""
    with page.expect_download() as download:
        page.locator(f"#steer-take-{button}").click()
    return Path(download.value.path()).read_bytes()


SLOW = {"my-stylegan3": [pytest.mark.slow]}  # its pictures and Jacobians take most of the time


@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, [])) for name in NETWORKS])
def test_a_network_of_one_s_own_is_steered_painted_copied_and_taken_away(
    visits: Visits, folder: Path, name: str
) -> None:
    page = visits.open(f"?v=1&model={name}&seed=5")
    steered(page)
    moves = name == "my-stylegan3"
    page.locator("#steer-fold-more > button").click()
    page.locator("#steer-seed").wait_for()
    assert page.locator("#steer-turn").is_visible() == moves, "only where the network can"
    if moves:
        moved(page)
    taken_away(page, folder, run=moves)
    link, seen = page.evaluate("gan.steer.now.answer.query"), STEER.pixels(page)
    painted(page, turn=180 if moves else 0)
    copied(page)
    if name == "my-grey":
        refused_inside(visits, page, name)
    visits.go(page, f"?{link}")
    assert np.array_equal(STEER.pixels(page), seen), "the link opens the same picture"


def steered(page) -> None:
    """Its knobs are there, the first moves the picture, its strip follows, and the sheet has them all."""
    still = STEER.pixels(page)
    page.locator("#steer-knob").press("End")
    STEER.settle(page, "gan.steer.now.recipe.amounts[0] > 0")
    assert not np.array_equal(STEER.pixels(page), still)
    page.locator("#steer-knob").hover()
    page.wait_for_function("gan.steer.now.strip !== undefined || gan.steer.live.ready()", timeout=WAIT)
    page.locator("#steer-grid").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelectorAll('#steer-grid img').length === 60", timeout=WAIT)


def moved(page) -> None:
    """Turned and shifted by the controls, before its knobs too, and said in words."""
    before, sheet = page.evaluate("[gan.steer.now.answer.before, document.querySelector('#steer-grid img').src]")
    page.locator("#steer-turn").press("End")
    STEER.settle(page, "gan.steer.now.recipe.turn === 180")
    page.evaluate("gan.steer.set({down: -0.03})")
    STEER.settle(page, "gan.steer.now.recipe.down === -0.03")
    assert page.locator("#steer-down").input_value() == "-0.03"
    assert page.evaluate("gan.steer.now.answer.before") != before
    assert "turned by 180 degrees, moved down by -0.03" in page.locator("#steer-stage img.after").get_attribute("alt")
    page.locator("#steer-grid").scroll_into_view_if_needed()
    page.wait_for_function("was => document.querySelector('#steer-grid img').src !== was", arg=sheet, timeout=WAIT)


def taken_away(page, folder: Path, *, run: bool) -> None:
    """The notebook is one, the PNG opens as what is on screen, and the code draws the same pixels."""
    page.locator("#steer-fold-take > button").click()
    nbformat.validate(nbformat.reads(saved(page, "notebook").decode(), as_version=4))
    png = saved(page, "picture")
    kept = json.loads(Image.open(io.BytesIO(png)).text["ganatomy"])
    assert kept == page.evaluate("gan.steer.now.recipe")
    if run:
        page.locator("#steer-code").scroll_into_view_if_needed()
        page.wait_for_function("document.querySelector('#steer-code .cm-content').innerText.includes('.moved(')")
        code = "\n".join(page.locator("#steer-code .cm-line").all_inner_texts())
        assert ".moved(turn=180, down=-0.03)" in code
        environment = dict(os.environ, PYTHONPATH=str(ROOT))
        subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True, timeout=60)
        made = np.asarray(Image.open(folder / "picture.png"))
        assert np.array_equal(made, np.asarray(Image.open(io.BytesIO(png)))) and np.array_equal(
            made, STEER.pixels(page)
        )


def painted(page, *, turn: int) -> None:
    """A box painted over the picture gets knobs, and the first is turned."""
    page.locator("#steer-to-paint").click()
    PAINT.settle(page)
    page.locator("#paint-mine").click()
    page.locator("#paint-box").click()
    photo = page.locator("#paint-stage .photo")
    photo.scroll_into_view_if_needed()
    box = photo.bounding_box()
    at = [(box["x"] + share * box["width"], box["y"] + share * box["height"]) for share in (0.2, 0.5)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=4)
    page.mouse.up()
    page.locator("#paint-use").click()
    recipe = PAINT.settle(page, "gan.paint.now.recipe.region.length > 8 && gan.paint.now.recipe.amounts[0] > 0")
    assert (recipe["seed"], recipe["turn"]) == (5, turn) and page.evaluate("gan.paint.now.setup.knobs.length") > 0
    assert page.evaluate("gan.paint.now.answer.src !== gan.paint.now.answer.before")


def copied(page) -> None:
    """A few steps towards a copy of a picture of its own end with a result."""
    page.locator("#paint-to-restore").click()
    page.wait_for_function(
        "gan.restore && gan.restore.now.recipe.shows === 'steer' && gan.settled('restore')", timeout=WAIT
    )
    page.evaluate("gan.restore.set({task: 'copy', kind: '', amount: 0, steps: 5, codes: 2, loss: 'pixels'})")
    page.wait_for_function("gan.restore.now.recipe.task === 'copy' && gan.settled('restore')", timeout=WAIT)
    page.locator("#restore-begin").click()
    page.wait_for_function("!gan.restore.now.running && !!gan.restore.now.answer.result", timeout=WAIT)
    result = page.evaluate("gan.restore.now.answer.result")
    assert result["steps"] == 5 and result["src"] and page.locator("#restore-verdict").inner_text()


def refused_inside(visits: Visits, page, name: str) -> None:
    with visits.leaving():
        page.goto(f"{visits.url}?tab=inside&v=1&model={name}")
        page.wait_for_selector("#inside-error:visible", timeout=WAIT)
    said = page.locator("#inside-error").inner_text()
    assert is_a_sentence(said) and "no class-conditional normalisation" in said


# --- files that are dropped

DROP = """([name, data, kind]) => {
  const bytes = Uint8Array.from(atob(data), one => one.charCodeAt(0)), dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  const about = {dataTransfer, bubbles: true, cancelable: true};
  document.querySelector("#steer-sentence").dispatchEvent(new DragEvent(kind, about));
}"""


def test_files_that_fall_on_the_page_open_or_get_a_sentence(visits: Visits, tmp_path: Path) -> None:
    page = visits.open("?v=1&model=my-grey&seed=5")
    page.locator("#steer-fold-take > button").click()
    png, recipe = saved(page, "picture"), STEER.recipe(page)
    page.evaluate("gan.steer.set({seed: 6})")
    STEER.settle(page, "gan.steer.now.recipe.seed === 6")
    for kind, there in (("dragover", True), ("drop", False)):
        page.evaluate(DROP, ["picture.png", base64.b64encode(png).decode(), kind])
        assert page.locator(".veil").is_visible() == there, kind
    assert STEER.settle(page, "gan.steer.now.recipe.seed === 5") == recipe
    assert "it stands as it was made" in page.locator("#steer-notice").inner_text()

    told = page.locator("#steer-models .told")
    page.set_input_files("#steer-drop-file", dict(name="notes.txt", mimeType="text/plain", buffer=b"hello"))
    told.filter(has_not_text="Sending it").wait_for()
    assert is_a_sentence(told.inner_text()) and STEER.recipe(page) == recipe

    path = tmp_path / "faces.pt"
    torch.save(pytorch_dcgans.made(pytorch_dcgans.Tutorial).state_dict(), path)
    page.set_input_files("#steer-drop-file", path)
    READING.settle(page, "gan.steer.now.setup.side === 32")
    assert told.inner_text().startswith("A network: faces (DCGAN, 32 px).") and STEER.pixels(page).shape[0] == 32
    told.get_by_role("button", name="Read it another way").click()
    ways = page.get_by_role("dialog", name="Ways to read the file")
    smaller = ways.locator(".network", has_text="28 x 28").first
    smaller.wait_for(timeout=READING.patience)
    assert ways.locator("img").count() >= 3 and ways.evaluate("one => one.scrollWidth <= one.clientWidth")
    smaller.get_by_role("button").click()
    READING.settle(page, "gan.steer.now.setup.side === 28")
    assert STEER.pixels(page).shape[0] == 28 and not ways.is_visible()
