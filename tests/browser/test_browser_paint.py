"""The tab Paint in a real browser: its arrival, its three main actions, its link, and what it says where it cannot.

Every visit is watched: an error on the console, or a request to anywhere but the page's own machine, fails its test.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
from PIL import Image

from core.regions import Box, from_text, to_text
from demos.page.picture import shown
from demos.paint import recipe as painted
from demos.paint import search as finding
from demos.steer import recipe as recipes

from .. import support
from .visits import (
    PAINT,
    SIZES,
    WAIT,
    Tab,
    Visits,
    assert_same_picture,
    axe,
    colours,
    is_a_sentence,
    out_of_sight,
    press,
)

pytestmark = pytest.mark.browser

settle, pixels = PAINT.settle, PAINT.pixels


@pytest.fixture
def tab() -> Tab:
    return PAINT


def drawn(recipe: dict) -> np.ndarray:
    """The recipe's picture, made here and not by the server, [h, w, 3] uint8."""
    one = painted.Painted.from_json(recipe)
    image = finding.render(one, finding.solve(one), [one.amounts], quick=False)
    return np.asarray(shown(image, one.model)[0])


def assert_shows(page, expected: np.ndarray) -> None:
    """The page shows the picture; nobody can tell them apart where it draws at half precision, as it does where the
    machine is busy.
    """
    seen = pixels(page)
    if page.evaluate("!gan.paint.now.setup.precision"):
        return assert_same_picture(seen, expected)
    error = np.square(seen.astype(float) - expected).mean()
    assert error < 255**2 / 10**3.8, "38 dB"


def on_photo(page, across: float, down: float) -> tuple[float, float]:
    photo = page.locator("#paint-stage .photo")
    photo.scroll_into_view_if_needed()
    box = photo.bounding_box()
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def middle_of(page, part: str) -> tuple[float, float]:
    """Where a pixel of the part lies, as fractions of the picture."""
    rows, columns = from_text(page.evaluate(f"gan.paint.now.setup.parts['{part}']")).nonzero(as_tuple=True)
    at = len(rows) // 2
    return (float(columns[at]) + 0.5) / 64, (float(rows[at]) + 0.5) / 64


# --- arrival


@pytest.mark.parametrize("size", SIZES)
def test_arrival_shows_sentence_picture_parts_control_and_number_above_the_fold(visits: Visits, size: str):
    page = visits.open(size=size)
    height = SIZES[size][1]
    for selector in (
        "#paint-sentence",
        "#paint-stage .photo",
        "[data-part=mouth]",
        "#paint-mine",
        "#paint-knob",
        "#paint-stage .knob-amount",
        "#paint-verdict",
    ):
        box = page.locator(selector).first.bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= height, f"{selector} ends at {box} of {height} px"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    assert "forbidden to touch anything else" in page.locator("#paint-sentence").inner_text()
    assert "times as much" in page.locator("#paint-verdict").inner_text()
    recipe = page.evaluate("gan.paint.now.recipe")
    assert recipe["region"] == "mouth" and recipe["knob"] == 0
    assert_shows(page, drawn(recipe))


def test_nothing_is_computed_before_it_is_asked_for(visits: Visits):
    """The record answers: no event of the tab's queue has run when the page stands."""
    context = visits.browser.new_context()
    visits.contexts.append(context)
    page, joined = context.new_page(), []
    page.on("request", lambda request: joined.append(request.post_data or "") if "queue/join" in request.url else None)
    page.goto(visits.url + "?tab=paint", wait_until="commit")
    page.wait_for_function(PAINT.settled, timeout=WAIT)
    page.wait_for_timeout(500)
    assert all("mouth" not in one for one in joined), "a recipe was sent"


# --- the first main action: a part and its knob


@pytest.mark.parametrize("size", SIZES)
def test_a_tapped_part_gets_knobs_and_its_knob_moves_it_more_than_the_rest(visits: Visits, size: str):
    page = visits.open(size=size)
    before = pixels(page)
    across, down = middle_of(page, "hair")
    tap = page.touchscreen.tap if size == "phone" else page.mouse.click
    tap(*on_photo(page, across, down))
    recipe = settle(page, "gan.paint.now.recipe.region === 'hair'")
    assert recipe["amounts"][0] != 0 and recipe["method"] == "lowrank"
    assert_shows(page, drawn(recipe))
    assert np.abs(pixels(page).astype(int) - before).max() > 8, "nothing was repainted"
    page.locator("#paint-knob").press("Home")
    turned = settle(page, "gan.paint.now.recipe.amounts[0] < 0")
    assert_shows(page, drawn(turned))
    plain = drawn(dict(turned, amounts=[0, 0, 0, 0])).astype(int)
    changed = (pixels(page) - plain).astype(float) ** 2
    mask = painted.full_mask(painted.Painted.from_json(turned)).numpy()
    assert changed[mask].mean() > 4 * changed[~mask].mean()
    assert "hair" in page.locator("#paint-sentence").inner_text()


def test_where_finding_knobs_takes_long_the_page_asks_first_and_turns_the_knob_once_the_visitor_agreed(visits: Visits):
    page = visits.open()
    page.evaluate("""() => {                        // as the server says it on a machine that is busy
      const {answered} = gan;
      gan.answered = (store, answer, covered) => {
        if (answer.setup && answer.setup.ready === false)
          Object.assign(answer.setup, {plan: {...answer.setup.plan, asks: true}, press: 'Find knobs'});
        return answered(store, answer, covered);
      };
    }""")
    page.mouse.click(*on_photo(page, *middle_of(page, "shirt")))  # which no other test taps
    page.wait_for_function("gan.paint.now.recipe.region === 'shirt' && gan.paint.current()")
    button = page.locator("#paint-prepare")
    button.wait_for(state="visible")
    assert button.inner_text() == "Find knobs" and not page.locator("#paint-prepare-progress").is_visible()
    page.wait_for_timeout(500)
    assert not page.evaluate("gan.paint.now.setup.ready") and button.is_visible(), "nothing began by itself"
    recipe = settle(page, "gan.paint.now.recipe.region === 'shirt' && gan.paint.now.setup.ready")
    assert recipe["amounts"][0] != 0 and recipe["method"] == "lowrank"
    assert_shows(page, drawn(recipe))


def test_a_knob_is_scrubbed_without_the_server_once_its_film_is_there(visits: Visits):
    page = visits.open("?tab=paint&engine=server")
    page.locator("#paint-knob").hover()
    page.wait_for_function("!!gan.paint.now.strip")
    seen = []
    page.on("request", lambda request: seen.append(request.url) if "queue" in request.url else None)
    maps = set()
    for value in (-4, -2, 0, 2, 4):
        page.evaluate(
            f"(() => {{ const range = document.querySelector('#paint-knob'); range.value = {value}; "
            "range.dispatchEvent(new Event('input')); })()"
        )
        maps.add(page.evaluate("document.querySelector('#paint-map canvas').toDataURL()"))
    assert len(maps) == 5 and seen == []


# --- the second: a painted region


def test_a_region_painted_with_a_finger_gets_knobs_and_its_link_opens_the_same_pixels(visits: Visits):
    page = visits.open(size="phone")
    press(page, "paint-mine")
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        finger.send("Input.dispatchTouchEvent", dict(type=kind, touchPoints=[dict(x=x, y=y) for x, y in points]))

    path = [on_photo(page, 0.35 + 0.02 * i, 0.32) for i in range(16)]
    scrolled = page.evaluate("scrollY")
    touch("touchStart", path[0])
    for point in path[1:]:
        touch("touchMove", point)
    touch("touchEnd")
    page.wait_for_function("document.querySelector('#paint-count').textContent.includes('%')")
    assert page.evaluate("scrollY") == scrolled, "painting scrolled the page"
    press(page, "paint-use")
    recipe = settle(page, "gan.paint.now.recipe.region.length > 8")
    mask = from_text(recipe["region"])
    assert mask[20, 32] and not mask[40, 32] and 40 < int(mask.sum()) < 400
    assert_shows(page, drawn(recipe))
    link = page.evaluate("gan.paint.now.answer.query")
    assert len(f"{visits.url}?{link}") < 1000
    assert painted.Painted.from_query(dict(parse_qsl(link))).as_dict() == recipe
    other = visits.open(f"?{link}")
    assert settle(other) == recipe
    assert np.array_equal(pixels(other), pixels(page))


def test_brush_rubber_box_undo_and_clear_change_what_is_painted(visits: Visits):
    page = visits.open()
    press(page, "paint-mine")
    assert is_a_sentence(_nothing_painted(page))
    counts = []

    def stroke(tool: str, a: tuple[float, float], b: tuple[float, float]) -> None:
        press(page, f"paint-{tool}")
        page.mouse.move(*on_photo(page, *a))
        page.mouse.down()
        page.mouse.move(*on_photo(page, *b), steps=6)
        page.mouse.up()
        counts.append(page.locator("#paint-count").inner_text())

    stroke("box", (0.25, 0.25), (0.74, 0.49))
    stroke("rubber", (0.25, 0.35), (0.75, 0.35))
    stroke("brush", (0.1, 0.9), (0.4, 0.9))
    press(page, "paint-undo-stroke")
    assert page.locator("#paint-count").inner_text() == counts[1] != counts[2]
    assert counts[0] == "13 % of the picture", counts  # 32 x 16 pixels of 64 x 64
    press(page, "paint-clear")
    assert page.locator("#paint-count").inner_text() == "Draw over the picture."
    press(page, "paint-undo-stroke")
    press(page, "paint-use")
    recipe = settle(page, "gan.paint.now.recipe.region !== 'mouth'")
    mask = from_text(recipe["region"])
    box = Box(0.25, 0.25, 0.5, 0.75).mask(64)
    assert (mask & ~box).sum() == 0 and mask.sum() < box.sum() and to_text(mask) == recipe["region"]


def _nothing_painted(page) -> str:
    press(page, "paint-use")
    said = page.locator("#paint-error")
    said.wait_for(state="visible")
    return said.inner_text()


def test_regions_are_written_by_the_browser_as_by_the_core(visits: Visits):
    page = visits.open()
    for mask in (
        Box(0, 0, 1, 1).mask(64),
        Box(0.2, 0.1, 0.3, 0.9).mask(64),
        Box(0.99, 0.99, 1, 1).mask(64),
        (np.add.outer(np.arange(64), np.arange(64)) % 2 == 0),
    ):
        bits = np.asarray(mask).astype(int).flatten().tolist()
        text = page.evaluate("bits => gan.regions.encode(bits)", bits)
        assert np.array_equal(from_text(text).numpy().flatten(), bits)
        assert page.evaluate("text => [...gan.regions.decode(text)]", text) == bits


# --- the third: the ban


def test_lifting_the_ban_moves_the_rest_and_putting_it_back_stills_it(visits: Visits):
    # All layers listen.
    page = visits.open("?tab=paint&v=1&model=portraits-stylegan2&seed=57&region=mouth&amounts=3")
    first = settle(page)
    ratios = []
    for forbid in (False, True):
        press(page, "paint-forbid")
        recipe = settle(page, f"gan.paint.now.recipe.forbid === {str(forbid).lower()}")
        assert_shows(page, drawn(recipe))
        ratios.append(page.evaluate("gan.paint.now.answer.ratio"))
    assert ratios[1] > 2 * ratios[0] and recipe == first
    press(page, "paint-undo")
    assert settle(page, "!gan.paint.now.recipe.forbid")
    assert "ban is lifted" in page.locator("#paint-sentence").inner_text()


# --- refusals, other faces, what is taken away


def test_an_empty_corner_is_refused_as_a_finding_with_numbers(visits: Visits):
    page = visits.open()
    press(page, "paint-corner")
    settle(page, "gan.paint.now.recipe.region !== 'mouth'")
    said, sentence = (page.locator(f"#paint-{name}").inner_text() for name in ("verdict", "sentence"))
    assert said == page.evaluate("gan.paint.now.answer.finding") == page.locator("#paint-finding").inner_text()
    assert said.startswith("Nothing here can be moved alone") and "rank inside" in said and "refuses" in sentence


def test_the_knob_is_tried_on_eight_others_and_compared(visits: Visits):
    page = visits.open()
    settle(page)
    assert not page.locator("#paint-ban .pictures > img").first.is_visible(), "the maps alone need it"
    assert page.locator("#paint-finding").inner_text().startswith("The mouth can be moved")
    first = page.locator("#paint-faces .aha").inner_text()
    assert page.locator("#paint-faces .face").count() == 8 and "other pictures" in first
    page.locator("#paint-knob").press("ArrowLeft")
    settle(page, "gan.paint.now.recipe.amounts[0] < 3")
    press(page, "paint-faces-go")
    page.wait_for_function("gan.parts.paint.faces.props.value.key && !gan.parts.paint.faces.props.value.partial")
    assert page.locator("#paint-faces .face").count() == 8
    page.locator("#paint-fold-compare > button").click()
    press(page, "paint-compare-go")
    page.wait_for_selector("#paint-compare tbody tr:nth-child(5)")
    with page.expect_download() as waiting:
        press(page, "paint-table-csv")
    assert Path(waiting.value.path()).read_text(encoding="utf-8").count("\n") == 6


def test_the_knobs_are_used_in_steer(visits: Visits):
    page = visits.open()
    recipe = settle(page)
    page.locator("#paint-knob").press("ArrowRight")  # the knobs are found, not only recorded
    recipe = settle(page, "gan.paint.now.recipe.amounts[0] > 3")
    press(page, "paint-use-steer")
    page.wait_for_function(
        "window.gan.steer && gan.steer.now.recipe.method === 'file' && gan.steer.now.setup "
        "&& gan.steer.now.good.method === 'file'"
    )
    steered = page.evaluate("gan.steer.now.recipe")
    assert steered["seed"] == recipe["seed"] and steered["amounts"][0] != 0
    assert page.locator("#steer-stage .photo").is_visible()
    page.wait_for_function("document.querySelector('#steer-sentence').textContent.includes('came from Paint')")
    assert f"the mouth of picture number {recipe['seed']}" in page.locator("#steer-sentence").inner_text()


def test_a_face_goes_from_steer_to_paint(visits: Visits):
    page = visits.open()
    page.get_by_role("tab", name="Steer").click()
    page.evaluate("gan.steer.set({seed: 12})")
    assert "before its knobs" in page.locator("#steer-beside .take-to").inner_text()
    press(page, "steer-to-paint")
    recipe = settle(page, "gan.paint.now.recipe.seed === 12")
    assert page.locator("#paint-stage .photo").is_visible() and recipe["region"] == "mouth"
    assert_shows(page, drawn(recipe))


@pytest.mark.parametrize("door", ["steer", "paint"])
def test_a_picture_goes_from_either_tab_to_restore(visits: Visits, door: str):
    page = visits.open()
    if door == "steer":
        page.get_by_role("tab", name="Steer").click()
        page.evaluate("gan.steer.set({seed: 123456, psi: 0.45})")
    else:
        page.evaluate("gan.paint.look({seed: 123456, psi: 0.45})")
    press(page, f"{door}-to-restore")
    page.wait_for_function(
        "window.gan.restore && gan.restore.now.answer && gan.restore.now.answer.recipe.shows === 'steer'"
    )
    recipe, truth = page.evaluate("[gan.restore.now.recipe, gan.restore.now.answer.truth]")
    assert recipe["picture"] == 123456 and recipe["psi"] == 0.45
    expected = shown(recipes.render(recipes.Recipe(recipe["model"], seed=123456, psi=0.45)), recipe["model"])[0]
    assert_same_picture(support.pixels(truth), np.asarray(expected))
    assert page.evaluate(
        "(box => box.top < innerHeight && box.bottom > 0)"
        "(document.querySelector('#restore-stage').getBoundingClientRect())"
    )
    assert "drawn by this network itself (easier than any other)" in page.locator("#restore-stage").inner_text()
    page.locator("#restore-shows input[value=portraits]").check()
    page.wait_for_function("gan.restore.now.answer.recipe.shows === 'portraits'")
    assert page.evaluate("gan.restore.now.recipe.picture") == 3456
    assert page.locator("#restore-shows input[value=steer]").count() == 0


def test_a_picture_goes_from_paint_to_steer_and_its_knobs_stay(visits: Visits):
    page = visits.open()
    recipe = settle(page)
    press(page, "paint-to-steer")
    page.wait_for_function(
        f"window.gan.steer && gan.steer.now.recipe.seed === {recipe['seed']} "
        "&& !gan.steer.now.recipe.amounts.some(Boolean)"
    )
    assert page.evaluate("gan.steer.now.recipe.method") == "sefa"


def test_a_link_to_paint_leaves_the_picture_of_steer_in_sight(visits: Visits):
    page = visits.open("?tab=paint&v=1&model=portraits-stylegan2&seed=5&region=hair")
    assert page.evaluate("gan.paint.now.recipe.seed") == 5
    assert not page.evaluate("!!document.querySelector('#steer-stage.waiting, #steer-stage .waiting')")
    # The negative control: a link to Steer does hide it for a moment.
    with_steer = visits.open("?tab=paint")
    with visits.leaving():
        with_steer.goto(visits.url + "?seed=9", wait_until="commit")
        with_steer.wait_for_function("document.querySelector('#steer-stage .waiting, #steer-stage.waiting')")


def test_the_arrival_s_knob_moves_once_and_comes_back(visits: Visits):
    context = visits.browser.new_context(reduced_motion="no-preference")
    visits.contexts.append(context)
    page = context.new_page()
    page.goto(visits.url + "?tab=paint", wait_until="commit")
    page.wait_for_function(
        "document.querySelector('#paint-knob') && +document.querySelector('#paint-knob').value < -2", timeout=WAIT
    )
    assert not page.evaluate("document.querySelector('#paint-stage canvas.film').hidden")
    page.wait_for_function("+document.querySelector('#paint-knob').value > 3.5", timeout=WAIT)
    page.wait_for_function("document.querySelector('#paint-stage canvas.film').hidden", timeout=WAIT)
    assert page.evaluate("+document.querySelector('#paint-knob').value === gan.paint.now.recipe.amounts[0]")
    assert page.evaluate("gan.same(gan.paint.now.recipe, gan.paint.now.good)")


def test_the_downloaded_png_carries_the_recipe(visits: Visits):
    page = visits.open()
    page.locator("#paint-knob").press("ArrowRight")
    recipe = settle(page, "gan.paint.now.recipe.amounts[0] > 3")
    page.locator("#paint-fold-take > button").click()
    with page.expect_download() as waiting:
        press(page, "paint-take-picture")
    picture = Image.open(waiting.value.path())
    assert painted.Painted.from_json(picture.info["ganatomy"]).as_dict() == recipe
    assert_shows(page, np.asarray(picture.convert("RGB")))


def test_a_bad_link_gets_a_sentence_and_the_arrival(visits: Visits):
    page = visits.open()
    for query in ("?tab=paint&region=nose+ring", "?tab=paint&v=1&region=rAAA", "?tab=paint&seed=-4"):
        visits.go(page, query)
        said = page.locator("#paint-error")
        said.wait_for(state="visible")
        assert is_a_sentence(said.inner_text()) or len(said.inner_text()) > 30
        assert page.evaluate("gan.paint.now.recipe.region") == "mouth"


# The components of a tab appear in any order, and a tab's script begins when they are there: `dispatch` tells it so.
STEER_LAST = """(() => {
  const dispatch = document.dispatchEvent.bind(document);
  let last = null, there = false;
  document.dispatchEvent = event => {
    const parts = event.type === "gan:paint" && gan.parts.paint;
    if (parts && parts.steer && !there) {
      if (!last) setTimeout(() => { there = true; parts.steer = last; dispatch(new Event("gan:paint")); }, 700);
      last = parts.steer;
      delete parts.steer;
    }
    return dispatch(event);
  };
})();"""


def test_the_tab_s_script_waits_for_the_door_to_steer(visits: Visits):
    page = visits.open(script=STEER_LAST)
    press(page, "paint-use-steer")
    page.wait_for_function("window.gan.steer && gan.steer.now.recipe.method === 'file'")


@pytest.mark.parametrize("size, schemes", [("desktop", ("light", "dark")), ("phone", ("dark", "light"))])
def test_with_all_folds_open_everything_is_on_screen_and_axe_finds_nothing_serious(
    visits: Visits, size: str, schemes: tuple[str, str]
):
    page = visits.open("?tab=paint&expert=1", size=size, scheme=schemes[0])
    page.wait_for_selector("#paint-address")
    assert out_of_sight(page) == []
    for scheme in schemes:
        colours(page, scheme)
        assert axe(page) == [], scheme
