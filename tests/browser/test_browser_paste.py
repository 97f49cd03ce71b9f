"""Paint's second brush in a real browser: a region is taken from another picture, and knobs turn what was pasted."""

from __future__ import annotations

import numpy as np
import pytest

from core.regions import CODED, Box, to_text

from .test_browser_my_picture import ASTRONAUT
from .visits import PAINT, STEER, Tab, Visits, press

pytestmark = pytest.mark.browser

REGION = to_text(Box(0.55, 0.3, 0.8, 0.7).mask(CODED))
PASTED = f"seed=57&paste=seed-12.5.0.0.{REGION}"


@pytest.fixture
def tab() -> Tab:
    return PAINT


def test_a_region_is_taken_from_another_picture_and_given_back(visits: Visits):
    page = visits.open()
    plain, standing = PAINT.pixels(page), "gan.paint.current() && gan.paint.now.answer.exact !== false"
    page.locator("#paint-paste-other").fill("12")
    page.keyboard.press("Tab")
    page.wait_for_function(f"gan.paint.now.recipe.other === 12 && {standing}")
    assert page.evaluate("gan.paint.now.recipe.amounts.some(amount => amount)"), "the knobs stay as they are"
    press(page, "paint-paste-go")
    page.wait_for_selector("#paint-keep-paste[data-set*='seed-12.5']")  # another one came with the arrival
    assert "the largest change is 0 levels" in page.inner_text("#paint-cell-paste")
    assert page.locator("#paint-cell-paste figure").count() == 4
    press(page, "paint-keep-paste")
    page.wait_for_function(f"gan.paint.now.recipe.paste.startsWith('seed-12.5.0.0.r') && {standing}")
    page.wait_for_function("location.search.includes('paste=seed-12.5')")
    assert page.evaluate("gan.paint.now.answer.live") is None
    assert np.abs(PAINT.pixels(page).astype(int) - plain).max() > 20
    press(page, "paint-previous")
    page.wait_for_function("gan.paint.now.recipe.paste === '' && !location.search.includes('paste=')")


def test_a_link_opens_a_pasted_picture_in_steer_and_another_number_leaves_it(visits: Visits):
    visits.tab = STEER
    page = visits.open(f"?tab=steer&{PASTED}")
    pasted = STEER.pixels(page)
    assert "with a region of picture number 12" in page.get_attribute("#steer-stage img.after", "alt")
    knob = page.locator("#steer-stage .scrub input[type=range]")
    knob.focus()
    page.keyboard.press("End")
    STEER.settle(page, "gan.steer.now.recipe.amounts.some(amount => amount > 0)")
    assert np.abs(STEER.pixels(page).astype(int) - pasted).mean() > 1
    page.evaluate("gan.steer.set({seed: 58, amounts: gan.steer.now.recipe.amounts.map(() => 0)})")
    assert STEER.settle(page, "gan.steer.now.recipe.seed === 58")["paste"] == ""
    page.wait_for_function("!location.search.includes('paste=')")


def test_a_region_of_an_own_picture_is_pasted_stays_out_of_the_address_and_goes(visits: Visits):
    page = visits.open()
    page.set_input_files("#paint-own-file", ASTRONAUT)
    page.wait_for_function("gan.paint.now.recipe.task === 'own' && gan.paint.now.recipe.own.startsWith('own-')")
    press(page, "paint-paste-go")
    page.wait_for_selector("#paint-keep-paste[data-set*='own-']")
    press(page, "paint-keep-paste")
    page.wait_for_function("gan.paint.now.recipe.paste.startsWith('own-') && gan.paint.current()")
    assert "own-" not in page.url + page.evaluate("gan.paint.now.answer.query")
    press(page, "paint-to-steer")
    page.wait_for_function("gan.steer && gan.steer.now.recipe.paste.startsWith('own-')")
    STEER.settle(page)
    page.evaluate("gan.visit('paint', () => {})")
    press(page, "paint-forget")
    page.wait_for_function("!gan.paint.now.recipe.paste && !gan.paint.now.recipe.own && !gan.steer.now.recipe.paste")
    assert page.locator("#paint-keep-paste[data-set*='own-']").count() == 0
