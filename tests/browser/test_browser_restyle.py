"""Restyle in a browser: a picture is taught while one watches, it is stopped, the styled network is in Steer."""

from __future__ import annotations

import re

import numpy as np
import pytest

from .test_browser_my_picture import ASTRONAUT, MY_PICTURE
from .visits import STEER, Tab, Visits, axe, out_of_sight, press

pytestmark = pytest.mark.browser

RESTYLE = Tab("restyle", arrival="?tab=restyle", settled=MY_PICTURE.settled.replace("my_picture", "restyle"))


@pytest.fixture
def tab() -> Tab:
    return RESTYLE


def test_it_arrives_with_a_style_and_the_styled_network_turns_knobs_in_steer(visits: Visits):
    page = visits.open()
    assert page.inner_text("#restyle-sentence") == "One picture taught every face this style."
    before = RESTYLE.pixels(page)
    knob = page.locator("#restyle-stage .scrub input[type=range]")
    knob.focus()
    page.keyboard.press("End")
    RESTYLE.settle(page, "gan.restyle.now.recipe.amounts.some(amount => amount > 0)")
    assert np.abs(RESTYLE.pixels(page).astype(int) - before).mean() > 0.2
    press(page, "restyle-use")
    page.wait_for_function("gan.steer && gan.steer.now.recipe.model.startsWith('yours-')", timeout=120_000)
    STEER.settle(page)
    assert np.abs(STEER.pixels(page).astype(int) - before).mean() < 3, "the same face in the same style"


def test_another_picture_is_taught_and_stop_keeps_the_best(visits: Visits):
    page = visits.open("?tab=restyle&face=3&style=old")
    assert "has not been taught yet" in page.inner_text("#restyle-sentence")
    before = RESTYLE.pixels(page)
    press(page, "restyle-learn-go")
    page.locator("#restyle-learn").get_by_text(re.compile(r"^[12]0 steps")).first.wait_for(timeout=120_000)
    press(page, "restyle-learn-stop")
    page.locator("#restyle-learn").get_by_text("Stopped.").wait_for()
    page.wait_for_function("document.querySelector('#restyle-sentence').textContent.startsWith('One picture')")
    RESTYLE.settle(page)
    assert np.abs(RESTYLE.pixels(page).astype(int) - before).mean() > 0.5


def test_a_network_that_cannot_be_taught_says_why_in_the_place_of_buttons(visits: Visits):
    page = visits.open("?tab=restyle&model=portraits-pggan")
    learn = page.locator("#restyle-learn")
    assert learn.locator("#restyle-learn-go").is_disabled() and "for StyleGAN2" in learn.inner_text()
    assert not page.locator("#restyle-use").is_visible()


def test_on_a_phone_an_own_picture_is_asked_for_and_nothing_lies_beside_the_screen(visits: Visits):
    page = visits.open(size="phone", scheme="dark")
    assert axe(page) == [] and out_of_sight(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.set_input_files("#restyle-own-file", ASTRONAUT)
    recipe = RESTYLE.settle(page, "gan.restyle.now.recipe.own.startsWith('own-')")
    assert "Your picture has not been taught yet" in page.inner_text("#restyle-sentence")
    assert not page.locator("#restyle-learn-style").is_visible(), "an own picture has no exact style"
    assert recipe["own"][4:] not in page.url + page.evaluate("gan.restyle.now.answer.query")
    press(page, "restyle-forget")
    assert RESTYLE.settle(page, "!gan.restyle.now.recipe.own")["style"] == "tinted"
