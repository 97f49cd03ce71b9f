"""My picture in a real browser: one's own picture becomes codes, is edited on other tabs, is in no link, and goes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from demos.my_picture import tab as my_picture

from .visits import PAINT, STEER, Tab, Visits, axe, out_of_sight, press

pytestmark = pytest.mark.browser

ASTRONAUT = Path(__file__).parents[2] / "core/astronaut.webp"
MY_PICTURE = Tab(
    "my_picture",
    arrival="?tab=my_picture",
    settled="""() => {
  const shown = window.gan && gan.my_picture && gan.my_picture.now.answer, after = "#my_picture-stage img.after";
  return !!shown && gan.settled("my_picture") && document.querySelector(after).getAttribute("src") === shown.src;
}""",
)
OWN = "gan.my_picture.now.recipe.found.startsWith('own-')"


@pytest.fixture
def tab() -> Tab:
    return MY_PICTURE


def bring(page) -> str:
    """The word of the picture that was brought."""
    page.set_input_files("#my_picture-own-file", ASTRONAUT)
    return MY_PICTURE.settle(page, OWN)["found"]


def through_door(page, tab: Tab) -> str:
    """Opens another tab on the picture; the word that it has there."""
    page.evaluate("gan.visit('my_picture', () => {})")
    press(page, f"my_picture-to-{tab.name}")
    page.wait_for_function(f"window.gan.{tab.name} && gan.{tab.name}.now.recipe.found")
    return tab.settle(page)["found"]


def turned(page, tab: Tab) -> tuple[np.ndarray, np.ndarray]:
    """The picture before and after its chosen knob was turned with the keyboard."""
    before, knob = tab.pixels(page), page.locator(f"#{tab.name}-stage .scrub input[type=range]")
    knob.focus()
    page.keyboard.press("End")
    recipe = tab.settle(page, f"gan.{tab.name}.now.recipe.amounts.some(amount => amount > 0)")
    assert recipe["found"].startswith("own-")
    return before, tab.pixels(page)


def test_an_own_picture_is_edited_on_its_tab_in_steer_and_in_paint_and_goes_from_all_of_them(visits: Visits):
    page = visits.open()
    plain = MY_PICTURE.pixels(page)
    word = bring(page)
    assert np.abs(plain.astype(int) - MY_PICTURE.pixels(page)).mean() > 5
    assert "dB close" in page.inner_text("#my_picture-sentence") and "A face was found" in page.inner_text(".brought")
    own = MY_PICTURE.pixels(page)
    before, after = turned(page, MY_PICTURE)
    assert np.array_equal(before, own) and np.abs(after.astype(int) - before).mean() > 1
    query = page.evaluate("gan.my_picture.now.answer.query")
    assert "found" not in query and "amounts=" in query and word[4:] not in page.url
    for tab in (STEER, PAINT):
        assert through_door(page, tab) == word
        before, after = turned(page, tab)
        assert np.abs(after.astype(int) - before).mean() > 0.2
        assert np.abs(before.astype(int) - own).mean() < 20, "another face"
        assert word[4:] not in page.evaluate(f"gan.{tab.name}.now.answer.query")
    page.evaluate("gan.visit('my_picture', () => {})")
    press(page, "my_picture-forget")
    assert MY_PICTURE.settle(page, f"!({OWN})") == my_picture.first().as_dict()
    assert page.evaluate("['steer', 'paint'].every(name => !gan[name].now.recipe.found)")
    page.evaluate("gan.visit('steer', () => {})")
    STEER.settle(page)
    assert np.abs(STEER.pixels(page).astype(int) - own).mean() > 5
    press(page, "steer-undo")
    assert not STEER.settle(page)["found"], "what is gone cannot be undone"


def test_squares_that_follow_each_other_quickly_end_with_the_last_on_the_picture(visits: Visits):
    page = visits.open()
    bring(page)
    page.locator(".brought .cut").focus()
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("Math.abs(gan.my_picture.now.own.cut[0] + gan.my_picture.now.own.cut[2] / 2 - 1) < 0.01")
    recipe = MY_PICTURE.settle(page, "gan.my_picture.now.recipe.found === `own-${gan.my_picture.now.own.token}`")
    assert recipe["found"].startswith("own-") and page.locator("#my_picture-own-error").is_hidden()
    assert "The square that you chose" in page.inner_text(".brought")
    press(page, "my_picture-another")
    assert MY_PICTURE.settle(page, f"!({OWN})")["found"].startswith("render-")
    page.locator(".given").wait_for()
    press(page, "my_picture-mine")
    assert MY_PICTURE.settle(page, OWN)["found"] == recipe["found"] and page.locator(".given").is_hidden()


def test_what_is_no_picture_is_refused_and_a_camera_is_asked_for(visits: Visits):
    page = visits.open()
    camera = page.locator("#my_picture-camera")
    assert camera.get_attribute("capture") == "user" and camera.get_attribute("accept") == "image/*"
    page.set_input_files("#my_picture-own-file", dict(name="a.png", mimeType="image/png", buffer=b"no picture"))
    page.locator("#my_picture-own-error").wait_for()
    assert "choose another" in page.inner_text("#my_picture-own-error")
    assert MY_PICTURE.settle(page) == my_picture.first().as_dict()
    for wrong in ("own-" + "0" * 32, "render-99999"):
        visits.go(page, f"?tab=my_picture&found={wrong}")
        page.locator("#my_picture-error").wait_for()
        assert "choose" in page.inner_text("#my_picture-error")


def test_a_search_is_watched_and_stopped(visits: Visits):
    page = visits.open()
    press(page, "my_picture-copied-go")
    cell = page.locator("#my_picture-copied")
    cell.get_by_text(re.compile(r"From the encoder.s codes, step \d+ of")).first.wait_for()
    assert cell.locator(".tiles img").first.bounding_box()["width"] <= 160
    press(page, "my_picture-copied-stop")
    cell.get_by_text("Stopped.").wait_for()
    assert page.locator("#my_picture-copied-go").is_enabled()


def test_a_linked_render_stays_in_the_address_of_a_tab(visits: Visits):
    page = visits.open()
    visits.tab = STEER
    visits.go(page, "?tab=steer&found=render-12")
    page.wait_for_function("location.search.includes('found=render-12')")
    page.wait_for_timeout(700)  # longer than an address waits to be written
    assert "found=render-12" in page.url and STEER.recipe(page)["found"] == "render-12"
    assert page.locator("#steer-to-restore").is_hidden(), "Restore knows pictures by their numbers"


def test_on_a_phone_nothing_lies_beside_the_screen_and_axe_is_content(visits: Visits):
    page = visits.open(size="phone", scheme="dark")
    assert axe(page) == []
    bring(page)
    press(page, "my_picture-mixed-go")
    page.wait_for_function(
        "document.querySelectorAll('#my_picture-mixed .tiles img').length === 14 && "
        "!document.querySelector('#my_picture-mixed .stale')"
    )
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert out_of_sight(page) == []
    page.evaluate("document.querySelectorAll('.stale').forEach(one => one.remove())")  # of the picture before: pale
    assert axe(page) == []
