"""Networks of others in a real browser: every tab on three that were given to the page, and files that are dropped."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from core.checkpoints import native
from demos.page.export import recipe_from_png

from .. import pytorch_dcgans, tiny
from ..conftest import ROOT, served
from ..support import pixels
from .visits import PAINT, STEER, WAIT, Visits, is_a_sentence

pytestmark = pytest.mark.browser
NETWORKS = {"my-dcgan": tiny.dcgan, "my-stylegan3": tiny.stylegan3, "my-grey": tiny.stylegan2_grey}
FREE = "() => gan.settled('steer') && !document.querySelector('#steer-models .doing')?.textContent"


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


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_one_s_own_is_steered_painted_copied_and_taken_away(visits: Visits, folder: Path, name: str) -> None:
    page = visits.open(f"?v=1&model={name}")
    steered(page)
    if name == "my-stylegan3":
        moved_by_controls(page)
    else:
        assert page.locator("#steer-turn").count() == 0 or not page.locator("#steer-turn").is_visible()
    taken_away(page, folder, run=name == "my-stylegan3")
    link, seen = page.evaluate("gan.steer.now.answer.query"), STEER.pixels(page)
    painted(page, name)
    copied(page, name)
    page.get_by_role("tab", name="Look inside").click()
    needs = page.locator("#inside-needs, #inside-error").first
    visits.go(page, f"?{link}")
    assert np.array_equal(STEER.pixels(page), seen), "the link opens the same picture"


def steered(page) -> None:
    still = STEER.pixels(page)
    page.locator("#steer-knob").press("End")
    STEER.settle(page, "gan.steer.now.recipe.amounts[0] > 0")
    assert not np.array_equal(STEER.pixels(page), still)
    page.locator("#steer-knob").hover()
    page.wait_for_function("gan.steer.now.strip !== undefined", timeout=WAIT)
    page.locator("#steer-grid").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelectorAll('#steer-grid img').length === 60", timeout=WAIT)


def moved_by_controls(page) -> None:
    before = page.evaluate("gan.steer.now.answer.before")
    page.locator("#steer-fold-more > button").click()
    page.locator("#steer-turn").press("End")
    STEER.settle(page, "gan.steer.now.recipe.turn === 180")
    for _ in range(3):
        page.locator("#steer-down").press("ArrowLeft")
    STEER.settle(page, "gan.steer.now.recipe.down === -0.03")
    assert page.evaluate("gan.steer.now.answer.before") != before
    assert "turned by 180 degrees, moved down by -0.03" in page.locator("#steer-stage img.after").get_attribute("alt")


def taken_away(page, folder: Path, *, run: bool) -> None:
    page.locator("#steer-fold-take > button").click()
    nbformat.validate(nbformat.reads(saved(page, "notebook").decode(), as_version=4))
    recipe = page.evaluate("gan.steer.now.recipe")
    png = saved(page, "picture")
    assert recipe_from_png_of_page(png) == recipe
    if run:
        code = page.evaluate("gan.parts.steer.code.props.value")
        assert ".moved(turn=180, down=-0.03)" in code
        subprocess.run([sys.executable, "-c", code], cwd=folder, env=dict(PYTHONPATH=str(ROOT)), check=True, timeout=60)
        made = np.asarray(Image.open(folder / "picture.png"))
        assert np.array_equal(made, np.asarray(Image.open(io.BytesIO(png)).convert("RGB")))
        assert np.array_equal(made, STEER.pixels(page))
