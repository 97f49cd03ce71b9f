"""The page in a real browser, as a visitor meets it: what it shows, repaints, keeps, refuses and sends.

Every visit is watched: an error on the console, or a request to anywhere but the page's own machine, fails its test.
"""

from __future__ import annotations

import io
import json
import math
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pypdfium2
import pytest
import torch
from PIL import Image

from core import zoo
from core.codes import Directions
from core.evidence import recorded
from core.factorization.files import save_directions
from core.images import to_uint8
from demos.page.export import recipe_from_png
from demos.page.fields import FIRST_WEIGHTS
from demos.steer import recipe as recipes
from demos.steer.wishes import wishes

from .. import support
from .visits import SIZES, STEER, WAIT, Visits, assert_same_picture, axe, colours, is_a_sentence, out_of_sight, press

pytestmark = pytest.mark.browser

settle, recipe_of, pixels = STEER.settle, STEER.recipe, STEER.pixels


def on_screen(page) -> bytes:
    """What the browser painted where the picture is."""
    return page.locator("#steer-stage .photo").screenshot(animations="disabled")


def drawn(recipe: dict) -> np.ndarray:
    """The independent truth: the recipe's picture, made here and not by the server, [h, w, 3] uint8."""
    with torch.no_grad():
        return to_uint8(recipes.render(recipes.Recipe.from_json(recipe)))[0]


def hand_over(page, button: str, path: Path) -> None:
    """Presses an upload button and chooses the file."""
    with page.expect_file_chooser() as waiting:
        press(page, button)
    waiting.value.set_files(path)


def open_fold(page, name: str) -> None:
    fold = page.locator(f"#steer-fold-{name}")
    fold.locator("button").first.click()
    page.wait_for_function(f"document.querySelector('#steer-fold-{name} > button').classList.contains('open')")


def place_of(page, selector: str, fraction: float) -> tuple[float, float]:
    """Screen coordinates at a fraction of a slider's way."""
    page.locator(selector).scroll_into_view_if_needed()
    box, thumb = page.locator(selector).bounding_box(), 26
    return box["x"] + thumb / 2 + fraction * (box["width"] - thumb), box["y"] + box["height"] / 2


def drag(page, selector: str, fractions: list[float], *, release: bool = True) -> None:
    """As fast as the browser takes it: no waiting between the positions."""
    page.locator(selector).hover()  # waits until the slider stands still
    page.mouse.move(*place_of(page, selector, fractions[0]))
    page.mouse.down()
    for fraction in fractions[1:]:
        page.mouse.move(*place_of(page, selector, fraction))
    if release:
        page.mouse.up()


def refusal(page) -> str:
    """The sentence that stands on the page after something did not work."""
    said = page.locator("[data-testid=toast-text], #steer-error:not([hidden])").first
    said.wait_for(state="visible")
    return said.inner_text()


def requests_during(page, work: Callable[[], object]) -> list[str]:
    seen: list[str] = []

    def listener(request):
        if not request.url.startswith(("data:", "blob:")):
            seen.append(request.url)

    page.on("request", listener)
    work()
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.remove_listener("request", listener)
    return seen


def test_the_watch_sees_an_error_and_a_request_that_leaves(visits: Visits):
    """The negative control of every other test here."""
    page = visits.open()
    page.evaluate("fetch('http://127.0.0.2:9/').catch(() => console.error('planted'))")
    page.wait_for_function("performance.getEntriesByType('resource').some(one => one.name.includes('127.0.0.2'))")
    page.evaluate("console.error('planted too')")
    assert visits.elsewhere == ["http://127.0.0.2:9/"] and "planted too" in visits.errors
    visits.errors.clear(), visits.elsewhere.clear()


# --- arrival


@pytest.mark.parametrize("size", SIZES)
def test_arrival_shows_sentence_picture_control_and_number_above_the_fold(visits: Visits, size: str):
    page = visits.open(size=size)
    height, amount, verdict = SIZES[size][1], "#steer-stage .knob-amount", "#steer-verdict"
    for selector in ("#steer-sentence", "#steer-stage .photo", "#steer-knob", amount, verdict):
        box = page.locator(selector).first.bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= height, f"{selector} ends at {box} of {height} px"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    recipe = recipe_of(page)
    assert_same_picture(pixels(page), drawn(recipe))
    assert page.locator(amount).inner_text()[-3:] == f"{abs(recipe['amounts'][recipe['knob']]):.1f}"
    if recorded(recipe["model"]):
        assert not any(letter.isdigit() for letter in page.locator(verdict).inner_text()), "in words"
        page.locator("#steer-stage .numbers summary").click()
        said = page.locator("#steer-measured").inner_text()
        assert any(letter.isdigit() for letter in said), "a verdict without a number"


ON_SCREEN = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = [];
  for (let node; node = walk.nextNode();) {
    const range = document.createRange();
    range.selectNodeContents(node);
    const {top, bottom, width} = range.getBoundingClientRect(), style = getComputedStyle(node.parentElement);
    if (width && bottom > 0 && top < innerHeight && style.visibility === 'visible') seen.push(node.textContent.trim());
  }
  return seen.filter(Boolean).join(' ');
}"""
BANNED = ("dB", "RMS", " sd", "standard deviation", "truncation", "weights", "eigen", "latent", "direction")


def test_the_first_forty_seconds_on_a_phone(visits: Visits):
    """What somebody sees who taps a link, and what happens under their finger."""
    page = visits.open(size="phone")
    said, height = page.evaluate(ON_SCREEN), SIZES["phone"][1]
    assert "A neural network drew this face" in said and "the right answers are known" in said
    assert not [word for word in BANNED if word in said], said
    assert "standard deviation" in page.text_content("#steer-measured"), "the control: the numbers are behind a tap"

    def picture_is_in_sight() -> bool:
        box = page.locator("#steer-stage .photo").bounding_box()
        return box["y"] > -0.3 * box["height"] and box["y"] + box["height"] <= height

    for button in ("steer-another", "steer-back", "steer-share"):
        assert page.locator(f"#{button}").bounding_box()["y"] < height, button
    start = recipe_of(page)
    page.touchscreen.tap(*place_of(page, "#steer-knob", 0.2))
    moved = settle(page, f"gan.steer.now.recipe.amounts[{start['knob']}] < 0")
    assert picture_is_in_sight()
    assert_same_picture(pixels(page), drawn(moved))
    page.touchscreen.tap(*place_of(page, "#steer-another", 0.5))
    settle(page, f"gan.steer.now.recipe.seed !== {start['seed']}")
    assert picture_is_in_sight()
    page.evaluate("document.getElementById('steer-knob-5').scrollIntoView({block: 'center'})")
    page.wait_for_selector("#steer-stage .photo.docked")
    assert picture_is_in_sight()
    page.touchscreen.tap(*place_of(page, "#steer-knob-5", 0.8))
    settle(page, "gan.steer.now.recipe.amounts[4] > 1")
    page.touchscreen.tap(*place_of(page, "#steer-stage .photo", 0.5))
    page.wait_for_selector("#steer-stage .photo:not(.docked)")
    assert picture_is_in_sight(), "pressing it scrolls back to it"


# --- repainting


@pytest.mark.parametrize("size", SIZES)
def test_arrow_key_drag_and_reset_each_repaint(visits: Visits, size: str):
    page = visits.open(size=size)
    knob, pictures = recipe_of(page)["knob"], [on_screen(page)]

    def repainted(amount: float | None) -> None:
        recipe = settle(page)
        if amount is not None:
            assert recipe["amounts"][knob] == pytest.approx(amount)
        pictures.append(on_screen(page))
        assert pictures[-1] != pictures[-2], "nothing was repainted"
        assert_same_picture(pixels(page), drawn(recipe))

    start = recipe_of(page)["amounts"][knob]
    page.locator("#steer-knob").press("ArrowLeft")
    page.locator("#steer-knob").press("ArrowLeft")
    repainted(start - 0.2)
    drag(page, "#steer-knob", [(start - 0.2) / 6 + 0.5, 0.3, 0.1])
    repainted(None)
    assert recipe_of(page)["amounts"][knob] < -2
    page.locator("#steer-knob").press("Home")
    repainted(-3.0)
    page.locator("#steer-knob").dblclick()
    repainted(0.0)


@pytest.mark.parametrize("which", ["#steer-knob", "#steer-knob-5"])
def test_after_a_fast_drag_the_picture_is_that_of_the_last_position(visits: Visits, which: str):
    """Under the picture a film answers, elsewhere the server does; both must end at the same place."""
    page = visits.open()
    wild = [0.5 + 0.45 * math.sin(i) for i in range(40)]
    drag(page, which, [0.5, *wild, 0.85])
    recipe = settle(page)
    knob = recipe["knob"] if which == "#steer-knob" else 4
    last = float(page.locator(which).input_value())
    assert recipe["amounts"][knob] == pytest.approx(last) and last > 1
    assert_same_picture(pixels(page), drawn(recipe))
    other = dict(recipe, amounts=[-amount for amount in recipe["amounts"]])
    assert np.abs(pixels(page).astype(int) - drawn(other)).max() > 8, "the other end would have passed as well"


def test_a_film_of_21_frames_is_scrubbed_without_the_server_where_the_browser_does_not_draw(visits: Visits):
    page = visits.open("?tab=steer&engine=server")
    page.locator("#steer-knob").hover()
    page.wait_for_function("!!gan.steer.now.strip")
    settle(page)
    drag(page, "#steer-knob", [0.5, 0.52], release=False)
    seen = []

    def scrub() -> None:
        for i in range(21):
            page.mouse.move(*place_of(page, "#steer-knob", i / 20))
            seen.append(page.evaluate("document.querySelector('#steer-stage canvas').toDataURL()"))

    assert requests_during(page, scrub) == []
    assert len(set(seen)) == 21
    recipe = recipe_of(page)
    reach = zoo.card(recipe["model"]).reach
    for shown, amount in ((seen[0], -reach), (seen[-1], reach)):
        expected = recipes.turned(recipes.Recipe.from_json(recipe), recipe["knob"], amount)
        assert_same_picture(support.pixels(shown), drawn(expected.as_dict()))
    page.mouse.up()
    settle(page)

    def elsewhere() -> None:
        drag(page, "#steer-knob-5", [0.5, 0.6, 0.7])
        settle(page)

    assert requests_during(page, elsewhere), "where there is no film the server is asked, or this test sees nothing"


def test_while_a_knob_moves_the_browser_draws_what_the_server_draws_at_rest(visits: Visits):
    page = visits.open("?v=1&model=portraits-stylegan2&seed=12&amounts=0.5")
    page.wait_for_function("!!gan.steer.now.answer")
    page.locator("#steer-knob").hover()
    page.wait_for_function("gan.steer.live.ready()")
    canvas = "document.querySelector('#steer-stage canvas')"
    drag(page, "#steer-knob", [0.5, 0.52], release=False)
    seen = []

    def scrub() -> None:
        for i in range(1, 20):
            page.mouse.move(*place_of(page, "#steer-knob", i / 20))
            page.wait_for_timeout(40)
            seen.append(page.evaluate(f"{canvas}.toDataURL()"))

    assert requests_during(page, scrub) == [] and len(set(seen)) == 19
    drawn_here = support.pixels(seen[-1]).astype(int)
    page.mouse.up()
    recipe = settle(page)
    assert recipe["amounts"][0] > 2
    assert np.abs(drawn_here - drawn(recipe)).max() <= 1 and page.evaluate(f"{canvas}.hidden")
    assert_same_picture(pixels(page), drawn(recipe))
    assert np.abs(drawn_here - drawn(dict(recipe, amounts=[0.0] * 10))).max() > 8, "the face before would have passed"
    assert page.locator("#who-draws").inner_text() == "While a knob moves, your browser draws."


def test_sheets_that_the_browser_draws_are_those_of_the_server(visits: Visits):
    page = visits.open("?v=1&model=portraits-stylegan2&seed=12&amounts=0.5")
    page.wait_for_function("!!gan.steer.now.answer")
    page.locator("#steer-knob").hover()
    page.wait_for_function("gan.steer.live.ready()")
    page.evaluate("gan.steer.set({seed: 77})")
    settle(page)
    drawn_here = (
        "[...document.querySelectorAll('#steer-{} img[data-draw]')].filter(one => one.naturalWidth).length === {}"
    )
    for cell, count in (("grid", 60), ("faces", 24)):
        page.locator(f"#steer-{cell}").scroll_into_view_if_needed()
        page.wait_for_function(drawn_here.format(cell, count))
    source = page.evaluate(
        "[...document.querySelectorAll('#steer-grid img')][6 * 4 + 1].src"
    )  # knob 5, the face itself
    recipe = recipes.turned(recipes.Recipe.from_json(dict(recipe_of(page), amounts=[])), 4, 2.0).as_dict()
    assert np.abs(support.pixels(source).astype(int) - drawn(recipe)).max() <= 1
    other = dict(recipe, amounts=[0.0] * 10)
    assert np.abs(support.pixels(source).astype(int) - drawn(other)).max() > 8, "the untouched face would have passed"


@pytest.mark.parametrize("size", SIZES)
def test_another_face_previous_undo_and_back_to_start(visits: Visits, size: str):
    page = visits.open(size=size)
    arrival = recipe_of(page)
    press(page, "steer-another")
    page.wait_for_function(f"gan.steer.now.recipe.seed !== {arrival['seed']}")
    other = settle(page)
    assert_same_picture(pixels(page), drawn(other))
    press(page, "steer-previous")
    assert settle(page)["seed"] == arrival["seed"]
    page.locator("#steer-knob-4").press("End")
    turned = settle(page)
    assert turned["amounts"][3] == zoo.card(turned["model"]).reach
    press(page, "steer-undo")
    assert settle(page) == arrival
    page.locator("#steer-knob-4").press("End")
    settle(page)
    press(page, "steer-back")
    back = settle(page)
    assert back["seed"] == arrival["seed"] and not any(back["amounts"])
    assert_same_picture(pixels(page), drawn(back))


def test_a_typed_picture_number_is_a_picture_like_any_other(visits: Visits):
    page = visits.open("?expert=1")
    page.locator("#steer-seed").fill("77")
    page.locator("#steer-seed").press("Tab")
    page.wait_for_function("+document.querySelector('#steer-stage .photo').dataset.seed === 77")
    settle(page)
    page.locator("#steer-knob").hover()
    page.wait_for_function("gan.steer.live.ready()")
    drag(page, "#steer-knob", [0.5, 0.3, 0.13])
    recipe = settle(page)
    assert_same_picture(pixels(page), drawn(recipe))


def test_a_knob_chosen_among_all_comes_under_the_picture(visits: Visits):
    page = visits.open()
    page.locator("#steer-grid").scroll_into_view_if_needed()  # where nothing is recorded, it is drawn when seen
    page.locator("#steer-grid-4").click()
    assert settle(page)["knob"] == 3
    assert page.locator("#steer-stage .knob-title").inner_text().startswith(("Knob 4", "4"))
    page.locator("#steer-grid-list").press("ArrowRight")
    assert settle(page)["knob"] == 4
    assert page.locator("#steer-grid-list [aria-selected=true]").get_attribute("id") == "steer-grid-5"


def test_the_sentence_over_the_tab_follows_the_knobs_on_screen(visits: Visits):
    page = visits.open("?expert=1")
    sentence, eyebrow = page.locator("#steer-sentence"), page.locator("#steer-beside .eyebrow")
    first = sentence.inner_text()
    assert "Nobody told it" in first and "strongest first" in eyebrow.inner_text()
    for method, says, order in (
        ("random", "drawn at random", "in no order"),
        ("ganspace", "Nobody told it", "strongest first"),
    ):
        page.locator(f"#steer-method input[value={method}]").check()
        page.wait_for_function(f"gan.steer.now.recipe.method === '{method}'")
        settle(page)
        assert says in sentence.inner_text() and "weights" not in sentence.inner_text()
        assert order in eyebrow.inner_text()
    press(page, "steer-back")
    settle(page)
    assert sentence.inner_text() == first


def test_while_measuring_the_page_says_so_and_no_button_is_named_that_is_not_there(visits: Visits):
    page = visits.open("?layers=4-5&seed=3")
    measure, verdict = page.locator("#steer-measure"), page.locator("#steer-verdict")
    assert measure.is_visible() and f"press \u201c{measure.inner_text()}\u201d" in verdict.inner_text()
    press(page, "steer-measure")
    page.wait_for_function("document.querySelector('#steer-measure').hidden")
    assert "press" not in verdict.inner_text()
    page.wait_for_function("/faces\\)$/.test(document.querySelector('#steer-measured').textContent)", timeout=240_000)
    assert measure.is_hidden()


def test_a_network_that_cannot_be_fetched_says_why_where_it_is_read_and_where_it_is_pointed_at(visits: Visits):
    page = visits.open()
    press(page, "steer-other-networks")
    page.wait_for_selector("#steer-networks .network")
    grey = page.locator("#steer-networks .network button:disabled")
    assert grey.count(), "every network can be fetched: this test sees nothing"
    for i in range(grey.count()):
        why = grey.nth(i).get_attribute("title")
        assert len(why) > 20 and why in grey.nth(i).locator("xpath=..").inner_text()
    assert page.locator("#steer-networks .network button:enabled[title]").count() == 0


# --- touch


def swipe(page, start: tuple[float, float], dx: float, dy: float) -> None:
    """A finger from `start` by (dx, dy) pixels, in eight steps, one a frame, as Chromium hears of real ones."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        session.send("Input.dispatchTouchEvent", dict(type=kind, touchPoints=[dict(x=x, y=y) for x, y in points]))

    touch("touchStart", start)
    for i in range(1, 9):
        touch("touchMove", (start[0] + dx * i / 8, start[1] + dy * i / 8))
        page.evaluate("() => new Promise(requestAnimationFrame)")
    touch("touchEnd")
    session.detach()


def test_scrolling_by_touch_past_the_sliders_changes_none(visits: Visits):
    page = visits.open(size="phone")
    before = recipe_of(page)
    ranges = """[...document.querySelectorAll(':is(#steer-stage, #steer-beside) .knob:not([hidden]) input[type=range]')]
      .map(one => +one.value)"""
    stood = page.evaluate(ranges)
    for selector in ("#steer-knob", "#steer-knob-2", "#steer-knob-5"):
        for fraction, drift in ((0.15, 0), (0.85, 0), (0.15, 25), (0.85, 25)):
            page.locator(selector).evaluate("one => scrollTo({top: one.getBoundingClientRect().top + scrollY - 500})")
            start, top = place_of(page, selector, fraction), page.evaluate("scrollY")
            swipe(page, start, drift, -200)
            page.wait_for_function(f"Math.abs(scrollY - {top}) > 60")
    assert settle(page) == before
    assert page.evaluate(ranges) == stood and len(stood) == 6


def test_a_finger_moved_sideways_turns_a_knob(visits: Visits):
    """The control of the test above: touch does reach the sliders."""
    page = visits.open(size="phone")
    for selector, knob in (("#steer-knob", recipe_of(page)["knob"]), ("#steer-knob-5", 4)):
        start = recipe_of(page)["amounts"][knob]
        x, y = place_of(page, selector, start / 6 + 0.5)
        swipe(page, (x, y), -120, 2)
        page.wait_for_function(f"Math.abs(gan.steer.now.recipe.amounts[{knob}] - {start}) > 0.5")
        recipe = settle(page)
        assert recipe["amounts"][knob] < start
        assert_same_picture(pixels(page), drawn(recipe))


# --- keeping, linking, taking away


def test_a_kept_edit_survives_a_reload_and_moves_another_face(visits: Visits):
    page = visits.open("?seed=5&amounts=0,-2,1.5")
    kept = recipe_of(page)["amounts"]
    open_fold(page, "take")
    page.locator("#steer-edit-name input, #steer-edit-name textarea").fill("my edit")
    press(page, "steer-keep")
    page.wait_for_function("document.querySelector('#steer-edits input').value === 'my edit'")
    visits.go(page, "?seed=6")
    assert not any(recipe_of(page)["amounts"])
    open_fold(page, "take")
    page.locator("#steer-edits input").click()
    page.get_by_role("option", name="my edit").click()
    press(page, "steer-apply")
    page.wait_for_function("gan.steer.now.recipe.amounts.some(amount => amount)")
    recipe = settle(page)
    assert recipe["amounts"] == kept and recipe["seed"] == 6
    assert_same_picture(pixels(page), drawn(recipe))


def test_edits_of_another_network_are_listed_cannot_be_applied_and_can_be_deleted(visits: Visits):
    first, other = list(zoo.CARDS)[:2]
    page = visits.open(f"?model={other}&amounts=1.5")
    open_fold(page, "take")
    name, edits = page.locator("#steer-edit-name input, #steer-edit-name textarea"), "#steer-edits input"
    name.fill("theirs")
    press(page, "steer-keep")
    page.wait_for_function("document.querySelector('#steer-edits input').value === 'theirs'")
    visits.go(page, f"?model={first}&amounts=2")
    before = recipe_of(page)
    open_fold(page, "take")
    name.fill("mine")
    press(page, "steer-keep")
    page.wait_for_function("document.querySelector('#steer-edits input').value === 'mine'")
    page.locator(edits).click()
    page.get_by_role("option", name="theirs (of another network").click()
    press(page, "steer-apply")
    assert "another network" in refusal(page) and settle(page) == before
    press(page, "steer-delete")
    page.wait_for_function("document.querySelector('#steer-edits input').value === ''")
    page.locator(edits).click()
    page.get_by_role("option", name="mine").wait_for()
    assert page.get_by_role("option", name="theirs").count() == 0


def test_saved_edits_load_in_another_browser(visits: Visits, tmp_path: Path):
    page = visits.open("?seed=5&amounts=2")
    open_fold(page, "take")
    page.locator("#steer-edit-name input, #steer-edit-name textarea").fill("carried")
    press(page, "steer-keep")
    page.wait_for_function("document.querySelector('#steer-edits input').value === 'carried'")
    with page.expect_download() as waiting:
        press(page, "steer-save")
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    other = visits.open()
    open_fold(other, "take")
    hand_over(other, "steer-load", path)
    other.wait_for_function("document.querySelector('#steer-edits input').value === 'carried'")


def test_a_reload_of_the_link_and_a_fresh_context_give_the_same_pixels(visits: Visits):
    page = visits.open("?expert=1")
    page.locator("#steer-knob-2").press("End")
    settle(page)
    page.locator("#steer-knob-5").press("Home")
    recipe = settle(page)
    page.wait_for_function("document.querySelector('#steer-address').value.includes('amounts=')")
    link, shown = page.locator("#steer-address").input_value(), pixels(page)
    assert link.startswith(visits.url) and len(link) < 1000
    other = visits.open(link.removeprefix(visits.url))
    assert settle(other) == recipe
    assert np.array_equal(pixels(other), shown)
    painted = on_screen(other)
    visits.go(other, link.removeprefix(visits.url))
    assert on_screen(other) == painted
    assert on_screen(visits.open("?seed=777")) != painted


def test_a_link_of_other_weights_says_so(visits: Visits):
    model = "portraits-stylegan2"
    link, notice = f"?v=1&model={model}&seed=7&w=", "#steer-notice"
    page = visits.open(link + "deadbeef")
    page.wait_for_selector(notice)
    assert "other weights" in page.inner_text(notice)
    visits.go(page, link + FIRST_WEIGHTS[model][:8])
    assert recipe_of(page)["seed"] == 7 and page.locator(notice).is_hidden()


def test_a_reload_keeps_the_tab_and_the_picture_and_an_untouched_page_its_short_address(visits: Visits):
    page = visits.open()
    page.wait_for_timeout(700)
    assert urlsplit(page.url).query == "tab=steer"
    page.click("#steer-another")
    page.wait_for_function(
        "() => new URLSearchParams(location.search).get('seed') === String(gan.steer.now.recipe.seed)", timeout=WAIT
    )
    seed = page.evaluate("gan.steer.now.recipe.seed")
    with visits.leaving():
        page.reload()
        page.wait_for_function(f"() => window.gan && gan.steer && +gan.steer.now.recipe.seed === {seed}", timeout=WAIT)
        page.wait_for_function(STEER.settled, timeout=WAIT)
    page.get_by_role("tab", name="Paint").click()
    page.wait_for_function("() => new URLSearchParams(location.search).get('tab') === 'paint'", timeout=WAIT)
    with visits.leaving():
        page.reload()
        page.wait_for_selector("#paint-sentence", state="visible", timeout=WAIT)
    page.wait_for_timeout(1500)
    assert urlsplit(page.url).query == "tab=paint"
    page.get_by_role("tab", name="Look inside").click()
    page.wait_for_function("() => location.search === '?tab=inside'", timeout=WAIT)
    with visits.leaving():
        page.reload()
        page.wait_for_selector("#inside-needs, #inside-sentence", state="visible", timeout=WAIT)
    page.wait_for_timeout(1500)
    assert urlsplit(page.url).query == "tab=inside"


def test_two_visitors_never_see_each_other_s_state(visits: Visits):
    first, second = visits.open(), visits.open()
    arrival = recipe_of(second)
    for page, key in ((first, "Home"), (second, "End"), (first, "ArrowRight")):
        page.locator("#steer-knob-5").press(key)
    assert settle(first)["amounts"][4] == pytest.approx(-2.9)
    assert settle(second)["amounts"][4] == 3
    for page in (first, second):
        assert_same_picture(pixels(page), drawn(recipe_of(page)))
    third = visits.open()
    assert recipe_of(third) == arrival, "what others did must not be where a new visitor arrives"


def test_the_downloaded_png_carries_the_recipe_and_the_picture(visits: Visits, tmp_path: Path):
    page = visits.open("?seed=12&amounts=0,1.5&knob=1")
    open_fold(page, "take")
    with page.expect_download() as waiting:
        press(page, "steer-take-picture")
    assert waiting.value.suggested_filename == "knob2-picture12.png"
    waiting.value.save_as(tmp_path / "picture.png")
    data = (tmp_path / "picture.png").read_bytes()
    assert recipe_from_png(data).as_dict() == recipe_of(page)
    assert_same_picture(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), pixels(page))


def test_a_figure_comes_with_its_caption_and_a_refusal_saves_nothing(visits: Visits, tmp_path: Path):
    page = visits.open("?seed=12&amounts=0,1.5&knob=1")
    open_fold(page, "take")
    page.locator("#steer-figure-row_list :is(input, textarea)").fill("12")
    with page.expect_download() as waiting:
        press(page, "steer-figure-pdf")
    assert waiting.value.suggested_filename == "knob2-picture12-figure.pdf"
    waiting.value.save_as(tmp_path / "figure.pdf")
    document = pypdfium2.PdfDocument(tmp_path / "figure.pdf")
    found = list(document[0].get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]))
    assert [one.get_px_size() for one in found] == [(64, 64)] * 5
    document.close()
    page.wait_for_function("document.querySelector('#steer-figure-box').textContent.includes('shen2021sefa')")
    saved = []
    page.on("download", lambda one: saved.append(one))
    page.locator("#steer-figure-row_list :is(input, textarea)").fill("a dozen")
    press(page, "steer-figure-pdf")
    assert 'The pictures cannot be "a"' in refusal(page)
    page.wait_for_timeout(400)
    assert not saved


def test_a_downloaded_png_opens_again_also_from_another_tab(visits: Visits, tmp_path: Path):
    page = visits.open("?seed=12&amounts=0,1.5&knob=1")
    recipe, shown = recipe_of(page), pixels(page)
    open_fold(page, "take")
    with page.expect_download() as waiting:
        press(page, "steer-take-picture")
    waiting.value.save_as(tmp_path / "picture.png")
    press(page, "steer-another")
    assert settle(page) != recipe
    hand_over(page, "steer-open-picture", tmp_path / "picture.png")
    page.wait_for_function("gan.steer.now.recipe.seed === 12")
    assert settle(page) == recipe and np.array_equal(pixels(page), shown)
    press(page, "steer-another")
    assert settle(page) != recipe
    page.get_by_role("tab", name="Paint").click()
    page.locator("#paint-fold-take button").first.click()
    hand_over(page, "paint-open-picture", tmp_path / "picture.png")
    page.wait_for_selector("#steer-stage", state="visible")
    page.wait_for_function("gan.steer.now.recipe.seed === 12")
    assert settle(page) == recipe and np.array_equal(pixels(page), shown)
    Image.new("RGB", (8, 8)).save(tmp_path / "bare.png")
    hand_over(page, "steer-open-picture", tmp_path / "bare.png")
    assert "carries no recipe" in refusal(page) and settle(page) == recipe


def test_the_notebook_is_there_on_the_first_press(visits: Visits, tmp_path: Path):
    page = visits.open()
    open_fold(page, "take")
    with page.expect_download() as waiting:
        press(page, "steer-take-notebook")
    waiting.value.save_as(tmp_path / "one.ipynb")
    cells = json.loads((tmp_path / "one.ipynb").read_text(encoding="utf-8"))["cells"]
    assert any(f"seed={recipe_of(page)['seed']}" in "".join(cell["source"]) for cell in cells)


def test_the_code_on_the_page_makes_the_picture_on_the_page(visits: Visits, tmp_path: Path, monkeypatch):
    page = visits.open()
    open_fold(page, "take")
    page.locator("#steer-code").scroll_into_view_if_needed()
    page.locator("#steer-knob-2").press("End")
    recipe = settle(page)
    page.wait_for_function("document.querySelector('#steer-code .cm-content').innerText.includes('[0.0, 3.0, ')")
    lines = page.locator("#steer-code .cm-line").all_inner_texts()
    monkeypatch.chdir(tmp_path)
    with torch.no_grad():
        exec(compile("\n".join(line.rstrip("\n") for line in lines), "cell", "exec"), {})
    made = np.asarray(Image.open(tmp_path / "picture.png").convert("RGB"))
    assert_same_picture(made, pixels(page))
    assert_same_picture(made, drawn(recipe))


# --- what does not fit


def test_a_bad_picture_number_gets_a_sentence_and_changes_nothing(visits: Visits):
    page = visits.open("?expert=1&seed=4&amounts=1.5")
    before, shown = recipe_of(page), pixels(page)
    for text in ("abc", "1" + "0" * 20, ""):
        page.locator("#steer-seed").fill(text)
        page.locator("#steer-seed").press("Enter")
        page.locator("#steer-seed").blur()
        said = refusal(page)
        assert is_a_sentence(said) and "whole number" in said, text
        assert settle(page) == before
        assert np.array_equal(pixels(page), shown)
        assert page.locator("#steer-seed").input_value() == "4"
        page.locator("#steer-knob-2").press("End")
        settle(page)
        assert page.locator("#steer-error").is_hidden(), "the sentence must go once things work again"
        press(page, "steer-undo")
        assert settle(page) == before


@pytest.mark.parametrize(
    "query, events",
    [
        ("", []),
        ("?tab=steer&__theme=light", []),
        ("?seed=7", ["steer_opened", "steer_answer"]),
        ("?tab=nowhere&seed=7", ["steer_opened", "steer_answer"]),
        ("?seed=nonsense", ["steer_opened"]),
    ],
)
def test_only_a_link_costs_the_server_an_event_and_that_of_its_own_tab(visits: Visits, query: str, events: list[str]):
    page = visits.open(query)
    page.wait_for_timeout(500)
    assert visits.events(page) == events


def test_a_bad_link_gets_a_sentence_and_the_arrival(visits: Visits):
    page = visits.open()
    arrival = recipe_of(page)
    for query in ("?model=nonsense", "?seed=" + "9" * 10_000, "?seed=3&amounts=nan,1", "?v=99&seed=3"):
        visits.go(page, query)
        assert is_a_sentence(refusal(page)), query[:30]
        assert settle(page) == arrival


def test_a_file_of_directions_that_does_not_fit_gets_a_sentence(visits: Visits, tmp_path: Path):
    files = {
        kind: tmp_path / name
        for kind, name in (
            ("not ours", "words.npy"),
            ("another shape", "mine.npy"),
            ("other weights", "mine.safetensors"),
            ("broken", "mine.npz"),
        )
    }
    np.save(files["not ours"], np.array(["these", "are", "words"]))
    np.save(files["another shape"], np.eye(7)[:3])
    dim = zoo.load(next(iter(zoo.CARDS))).dim
    others = Directions(torch.eye(dim, dtype=torch.float64)[:2], torch.ones(2), (0, 1))
    save_directions(others, files["other weights"], weights="0" * 64, model="another")
    files["broken"].write_bytes(b"PK\x03\x04 and nothing after it")
    page = visits.open()
    open_fold(page, "compare")
    before = recipe_of(page)
    for kind, path in files.items():
        hand_over(page, "steer-directions", path)
        assert is_a_sentence(refusal(page)), kind
        assert settle(page) == before
        page.locator("[data-testid=toast-close]").first.click()
        page.locator("[data-testid=toast-text]").first.wait_for(state="hidden")


def test_a_file_of_directions_that_fits_becomes_the_knobs(visits: Visits, tmp_path: Path):
    """The control of the refusals above."""
    dim = zoo.load(next(iter(zoo.CARDS))).dim
    np.save(tmp_path / "mine.npy", np.eye(dim)[:3])
    page = visits.open()
    open_fold(page, "compare")
    hand_over(page, "steer-directions", tmp_path / "mine.npy")
    page.wait_for_function("gan.steer.now.recipe.method === 'file'")
    settle(page)
    page.wait_for_function("document.querySelectorAll('#steer-beside .knob:not([hidden])').length === 2")
    before = pixels(page)
    page.locator("#steer-knob").press("End")
    settle(page)
    assert not np.array_equal(pixels(page), before)


# --- what was measured


def test_a_wish_turns_the_knob_that_was_measured_to_fulfil_it(visits: Visits):
    model = next(iter(zoo.CARDS))
    page = visits.open()
    page.locator("#steer-find input").click()
    page.get_by_role("option", name=wishes(model)[0][0], exact=True).click()
    page.wait_for_selector("#steer-find-says .verdict")
    recipe = settle(page)
    said = page.locator("#steer-find-says").inner_text()
    assert f"nob {recipe['knob'] + 1} " in said and "pictures" in said
    assert abs(recipe["amounts"][recipe["knob"]]) in (1.5, 2)


def test_a_face_is_read_and_what_was_read_is_drawn(visits: Visits):
    page = visits.open()
    open_fold(page, "true")
    press(page, "steer-read-go")
    page.wait_for_selector("#steer-read .pair img")
    assert "levels" in page.locator("#steer-read").inner_text()
    assert "cartoons" in page.locator("#steer-limits").inner_text(), "a network without one has other words"


# --- the rest of the page


def test_folds_are_closed_and_expert_opens_them_all(visits: Visits):
    opened = "[...document.querySelectorAll('.fold > button')].map(button => button.classList.contains('open'))"
    page = visits.open()
    assert page.evaluate(opened) == [False] * 5
    visits.go(page, "?expert=1")
    page.wait_for_function(f"{opened}.every(Boolean)")
    assert page.evaluate(opened) == [True] * 5


def test_every_endpoint_has_a_name_or_is_private(page_url: str):
    def fetched(path: str) -> dict:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(page_url + path, timeout=60) as answer:
            return json.load(answer)

    events = fetched("/config")["dependencies"]
    assert events
    assert [event["id"] for event in events if not event["api_name"] and event["api_visibility"] != "private"] == []
    told = fetched("/gradio_api/info")
    public = {event["api_name"] for event in events if event["api_visibility"] == "public"}
    assert {name.lstrip("/") for name in told["named_endpoints"]} == public and not told["unnamed_endpoints"]


@pytest.mark.parametrize("size, schemes", [("projector", ("light", "dark")), ("phone", ("dark", "light"))])
def test_with_all_folds_open_everything_is_on_screen_and_axe_finds_nothing_serious(
    visits: Visits, size: str, schemes: tuple[str, str]
):
    page = visits.open("?expert=1", size=size, scheme=schemes[0])
    page.wait_for_selector("#steer-address")
    page.wait_for_selector("#steer-code .cm-line")
    assert out_of_sight(page) == []
    for scheme in schemes:
        colours(page, scheme)
        assert axe(page) == [], scheme
    if size == "projector":  # dark by now: paper stays white
        page.locator("#large-print").check()
        assert axe(page) == [] and out_of_sight(page) == [], "large print"
        page.emulate_media(media="print")
        assert axe(page) == [], "on paper"


def test_axe_would_see_a_picture_without_words_and_pale_ink(visits: Visits):
    page = visits.open()
    page.evaluate("""() => { const planted = document.createElement('div');
      planted.innerHTML = '<img src="data:,"><p style="color:#eee;background:#fff">pale</p>';
      document.querySelector('#steer-head').append(planted); }""")
    assert {line.partition(":")[0] for line in axe(page)} == {"image-alt", "color-contrast"}
