"""The tab Look inside in a real browser, on a small network with classes:
arrival, main actions, link, and what is bundled.

Every visit is watched: an error on the console, or a request to anywhere but the page's own machine, fails its test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest

from core import zoo
from core.channels.editing import ChannelEdit, edited
from core.checkpoints import native
from core.images import to_uint8
from demos.inside.recipe import BUNDLED

from .. import tiny
from ..conftest import served
from .visits import SIZES, Tab, Visits, axe, drawn, is_a_sentence, press, watched

pytestmark = pytest.mark.browser

MODEL = "my-things"
INSIDE = Tab(
    "inside",
    arrival=f"?tab=inside&model={MODEL}",
    settled=(
        """() => {
  return !!window.gan && gan.settled("inside") && !document.querySelector('.inside.stale');
}"""
    ),
)
settle = INSIDE.settle


@pytest.fixture
def tab() -> Tab:
    return INSIDE


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("classes") / f"{MODEL}.safetensors"
    native.save(tiny.biggan(), path, licence="CC0")
    return path


@pytest.fixture(scope="module")
def address(own: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("page"), "--weights", str(own)) as url:
        yield url


def seen(page, which: str = "after") -> np.ndarray:
    return drawn(page, f".inside .photo img.{which}")


def truth(own: Path, recipe: dict) -> np.ndarray:
    """The recipe's picture, made here and not by the server."""
    generator = native.read(own)
    codes = generator.codes(generator.sample(1, recipe["seed"]), psi=recipe["psi"], label=recipe["label"])
    edit = ChannelEdit(recipe["gate"], recipe["channel"], multiply=recipe["amount"])
    return to_uint8(edited(generator, [edit])(codes))[0]


def assert_shows(page, own: Path, recipe: dict) -> None:
    assert np.abs(seen(page).astype(int) - truth(own, recipe)).max() <= 1
    assert np.abs(seen(page, "before").astype(int) - truth(own, dict(recipe, amount=1))).max() <= 1


@pytest.mark.parametrize("size", SIZES)
def test_arrival_shows_sentence_picture_channels_and_number_above_the_fold(visits: Visits, own: Path, size: str):
    phone = size == "phone"
    query = f"?tab=inside&model={MODEL}{'&expert=1' * phone}"
    page = visits.open(query, size=size, scheme="dark" if phone else "light")
    for selector in ("#inside-sentence", ".inside .photo", ".inside .dots", "#inside-verdict"):
        box = page.locator(selector).bounding_box()
        end = SIZES[size][1]
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= end, f"{selector} ends at {box} of {end} px"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    assert_shows(page, own, settle(page))
    verdict = page.locator("#inside-verdict").inner_text()
    assert "random channels" in verdict and "of 255 levels" in page.text_content("#inside-measured")
    assert page.locator(".dot[aria-pressed=true]").count() == 1 and page.locator(".dot").count() == 8
    assert axe(page) == []


def test_another_channel_another_class_and_a_turned_channel_are_drawn(visits: Visits, own: Path):
    page = visits.open()
    first = settle(page)
    page.locator(".dot").nth(1).focus()
    page.keyboard.press("Enter")
    second = settle(page, f"gan.inside.now.recipe.channel !== {first['channel']}")
    assert_shows(page, own, second)
    assert page.evaluate("JSON.parse(document.activeElement.dataset.set).channel") == second["channel"]
    page.fill("#inside-label", "class 2")
    page.press("#inside-label", "Enter")
    assert_shows(page, own, settle(page, "gan.inside.now.recipe.label === 2"))
    page.wait_for_function("gan.inside.now.strip")
    page.locator("#inside-amount").press("End")
    turned = settle(page, "gan.inside.now.recipe.amount === 3")
    assert_shows(page, own, turned)
    press(page, "inside-undo")
    assert settle(page, "gan.inside.now.recipe.amount === 0")["label"] == 2


def test_every_experiment_ends_with_a_sentence_that_has_its_numbers(visits: Visits):
    page = visits.open("?expert=1&tab=inside&model=" + MODEL)
    press(page, "inside-few-go")
    page.wait_for_function("(gan.parts.inside.few.props.value || {}).partial === false")
    assert (
        "random" in page.locator("#inside-few .aha").inner_text()
        and page.locator("#inside-few [data-slide]:not([hidden]) img").count() == 3
    )
    page.locator("#inside-keep").press("End")
    assert "90 %" in page.locator("#inside-few").inner_text()
    settle(page, "gan.inside.now.recipe.keep === 90 && gan.inside.now.answer.query.includes('keep=90')")
    assert page.locator(".result.stale").count() == 0, "what does not rest on the change is not out of date"
    says = dict(cross="nearer to", cut="adjusted Rand index", alike="Class 0 is most like", compare="Rank correlation")
    for name, said in says.items():
        if name != "compare":
            page.locator(f"#inside-cell-{name} > button").click()
        press(page, f"inside-{name}-go")
        page.wait_for_function(f"(gan.parts.inside.{name}.props.value || {{}}).partial === false")
        assert said in page.locator(f"#inside-{name} .aha").inner_text()
    assert page.locator("#inside-cut img").count() == 8 and page.locator("#inside-alike td").count() == 1 + 9
    press(page, "inside-another")
    settle(page, "document.querySelectorAll('.result.stale').length === 4")  # all but the likeness of classes
    press(page, "inside-undo")
    settle(page, "document.querySelectorAll('.result.stale').length === 0")
    page.locator("#inside-truth").scroll_into_view_if_needed()
    page.wait_for_function("document.getElementById('inside-truth').textContent.includes('Not measured yet')")
    assert axe(page) == []


def test_the_link_opens_the_same_look_in_a_fresh_context(visits: Visits, own: Path):
    page = visits.open()
    page.evaluate("gan.inside.set({label: 1, gate: 0, channel: 5, amount: 1.5, other: 2, share: 0.4})")
    recipe = settle(page, "gan.inside.now.recipe.channel === 5")
    query = page.evaluate("gan.inside.now.answer.query")
    assert len(query) < 1000 and dict(parse_qsl(query))["channel"] == "5"
    other = visits.open(f"?{query}")
    assert settle(other, "gan.inside.now.recipe.channel === 5") == recipe
    assert_shows(other, own, recipe)


def test_a_link_to_a_network_without_a_record_is_asked_for_once(visits: Visits):
    page = visits.open()
    written_out = page.evaluate("gan.inside.now.answer.query")
    for query in (INSIDE.arrival, f"?{written_out}"):
        visits.asked.clear()
        visits.go(page, query)
        page.wait_for_timeout(500)
        events = visits.events(page)
        assert (events.count("inside_opened"), events.count("inside_answer")) == (1, 1), events
        assert page.evaluate("gan.inside.now.answer.query") == written_out


def test_a_bad_link_and_a_wrong_class_get_a_sentence_and_nothing_changes(visits: Visits):
    page = visits.open(f"?tab=inside&model={MODEL}&label=wombat")
    page.wait_for_selector("#inside-error:not([hidden])")
    assert is_a_sentence(page.locator("#inside-error").inner_text())
    before = settle(page)
    page.fill("#inside-label", "unicorn")
    page.press("#inside-label", "Enter")
    page.wait_for_function("document.getElementById('inside-error').textContent.includes('unicorn')")
    assert settle(page) == before


def test_an_emptied_class_has_its_name_again_and_the_sentence_about_the_wrong_one_goes(visits: Visits):
    page = visits.open()
    before = settle(page)
    page.fill("#inside-label", "unicorn")
    page.press("#inside-label", "Enter")
    page.wait_for_selector("#inside-error:not([hidden])")
    settle(page)
    assert page.locator("#inside-error").is_visible(), "the control: the answer to the old class leaves it standing"
    page.fill("#inside-label", "")
    page.press("#inside-label", "Enter")
    page.wait_for_selector("#inside-error", state="hidden")
    assert page.input_value("#inside-label") == "class 0" and settle(page) == before


@pytest.fixture
def bundled(browser, page_url: str) -> Iterator[Visits]:
    """Visits of the page with the bundled networks alone."""
    with watched(browser, page_url, INSIDE) as made:
        yield made


@pytest.mark.parametrize("size", SIZES)
def test_what_is_bundled_arrives_above_the_fold_and_its_recorded_picture_is_the_network_s(bundled: Visits, size: str):
    page = bundled.open("?tab=inside", size=size, scheme="dark" if size == "phone" else "light")
    for selector in ("#inside-sentence", ".inside .photo", ".inside .dots", "#inside-verdict"):
        box = page.locator(selector).bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= SIZES[size][1], f"{selector}: {box}"
    recipe = page.evaluate("gan.inside.now.recipe")
    assert recipe["model"] == BUNDLED and page.locator("#inside-label").input_value() == "mug"
    assert_shows(page, zoo.card(BUNDLED).path, recipe)
    part = re.search(r"(?:draws|shapes) the (\w+)", page.locator("#inside-sentence").inner_text())[1]
    assert part in page.locator("#inside-verdict").inner_text() and axe(page) == []
    press(page, "inside-another")  # the same channel, drawn by the server
    another = settle(page, f"gan.inside.now.recipe.seed !== {recipe['seed']}")
    assert_shows(page, zoo.card(BUNDLED).path, another)
