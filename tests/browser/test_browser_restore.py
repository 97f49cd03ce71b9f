"""The tab Restore in a real browser:
its arrival, its three main actions, its link, Stop, and what it says where it cannot.

Every visit is watched: an error on the console, or a request to anywhere but the page's own machine, fails its test.
"""

from __future__ import annotations

import time
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from core import zoo
from core.images import to_uint8
from core.regions import from_text
from demos.restore import tab as restore
from demos.restore.recipe import TASKS, Restoration
from demos.restore.search import example

from .visits import SIZES, Tab, Visits, assert_same_picture, axe, drawn, is_a_sentence, press

pytestmark = pytest.mark.browser

RESTORE = Tab("restore", arrival="?tab=restore", settled="() => !!window.gan && gan.settled('restore')")
settle = RESTORE.settle


@pytest.fixture
def tab() -> Tab:
    return RESTORE


def seen(page, name: str) -> np.ndarray:
    return drawn(page, f"#restore-{name}")


def stroke(page, *points: tuple[float, float]) -> None:
    """A line painted over the picture before, in fractions of it."""
    photo = page.locator(".seen.painting")
    photo.scroll_into_view_if_needed()
    box = photo.bounding_box()
    places = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


# --- arrival: which one comes closest?


@pytest.mark.parametrize("size", SIZES)
def test_arrival_shows_mosaic_five_faces_and_flap_above_the_fold_and_says_the_truth(visits: Visits, size: str):
    page = visits.open(size=size)
    height = SIZES[size][1]
    for selector in (
        "#restore-sentence",
        "#restore-mosaic",
        *(f"#restore-face-{i}" for i in range(1, 6)),
        "#restore-flap",
        "#restore-five-verdict",
    ):
        box = page.locator(selector).bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= height, f"{selector} ends at {box} of {height} px"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    tiles = ("#restore-mosaic", *(f"#restore-face-{i}" for i in range(1, 6)), "#restore-flap")
    boxes = [page.locator(selector).bounding_box() for selector in tiles]
    tops, widths = [round(box["y"]) for box in boxes], [box["width"] for box in boxes]
    assert all(tops.count(top) > 1 for top in tops), "a tile stands alone in its row"
    assert max(widths) - min(widths) < 2, "a smooth picture is drawn a hundredth larger, and no more"
    mosaic = seen(page, "mosaic").astype(float)
    for i in range(1, 6):
        face = seen(page, f"face-{i}").astype(float)
        means = face.reshape(8, 8, 8, 8, 3).mean((1, 3))
        assert np.abs(means - mosaic).max() <= 1.01, f"face {i} has not the mosaic's pixels"
    truth = page.locator("#restore-real").get_attribute("src")
    assert not truth, "the truth lies in the page before the flap is lifted"
    press(page, "restore-flap")
    verdict = page.locator("#restore-five-verdict").inner_text()
    assert "None of the five is real" in verdict and "Closest pixel for pixel: answer" in verdict
    assert "recognise anybody" in page.locator("#restore-five .lifted").inner_text()
    first = Restoration.from_json(page.evaluate("gan.parts.restore.five.props.value.recipe"))
    truth = np.asarray(Image.fromarray(seen(page, "real"))).astype(int)
    assert np.abs(truth - np.round((example(first)[0].permute(1, 2, 0).numpy() + 1) * 127.5)).max() <= 1


def test_the_words_over_five_answers_are_those_of_the_picture_below_them(visits: Visits):
    page = visits.open()
    arrival = page.locator("#restore-sentence").inner_text()
    page.evaluate("gan.restore.set({picture: 3, codes: 1, layer: 0, steps: 4})")
    recipe = settle(page, "gan.restore.now.recipe.picture === 3")
    assert recipe["amount"] == 4 and "8 x 8" in arrival
    press(page, "restore-five-go")
    page.wait_for_function("document.getElementById('restore-sentence').textContent.includes('16 x 16 pixels')")
    assert np.array_equal(seen(page, "mosaic"), seen(page, "before")), "the mosaic is another picture's"
    page.wait_for_function("document.getElementById('restore-five-verdict').textContent.includes('Tap')")
    assert "16 x 16" in page.locator("#restore-lead").inner_text() and page.locator("#restore-five-go").is_hidden()
    press(page, "restore-face-2")
    assert np.array_equal(seen(page, "real"), seen(page, "true-picture"))
    assert "You chose" in page.locator("#restore-five-verdict").inner_text()


def test_the_chosen_picture_stays_over_all_tasks(visits: Visits):
    page = visits.open()
    page.locator("#restore-picture").fill("12")
    page.locator("#restore-picture").press("Enter")
    settle(page, "gan.restore.now.recipe.picture === 12")
    for task in (*TASKS, "enlarge"):
        page.locator(f"[data-task={task}]").click()
        assert settle(page, f"gan.restore.now.recipe.task === '{task}'")["picture"] == 12
        assert page.locator("#restore-picture").input_value() == "12"
        assert "number 12" in page.locator("#restore-caption").inner_text()
        assert not page.evaluate("gan.restore.now.answer.result"), "the record of another picture is shown"


def test_every_task_is_replayed_without_the_server_computing_anything(visits: Visits):
    page = visits.open()
    for task in TASKS:
        page.locator(f"[data-task={task}]").click()
        settle(page, f"gan.restore.now.recipe.task === '{task}'")
        assert "Closeness to the truth" in page.locator("#restore-verdict").inner_text()
        page.locator("#restore-film").press("Home")
        page.wait_for_function("/^step 0 of/.test(document.querySelector('#restore-stage output').textContent)")
    assert page.evaluate("Object.keys(gan.parts.restore.run.props.value).length") == 0, "a search was begun"


def test_what_another_network_made_says_so_until_it_is_asked_again(visits: Visits):
    page = visits.open()
    said, result = page.locator("#restore-layers [role=status]"), page.locator("#restore-layers .result")
    for model, other in (("portraits-pggan", True), (Restoration.default_model(), False)):
        page.evaluate("model => gan.restore.set({model})", model)
        settle(page, f"gan.restore.now.recipe.model === '{model}'")
        assert ("another network" in said.inner_text()) == other
        assert ("stale" in result.get_attribute("class").split()) == other


# --- the main actions: restore, paint, bring a picture


def test_a_search_is_watched_and_stopped_with_the_best(visits: Visits):
    page = visits.open()
    page.locator("[data-task=copy]").click()
    press(page, "restore-again")
    settle(page, "gan.restore.now.recipe.start === 1")
    began = time.monotonic()
    press(page, "restore-begin")
    page.wait_for_function("document.getElementById('restore-after').src")
    assert time.monotonic() - began < 10
    page.wait_for_function("/Step [1-9]/.test(document.getElementById('restore-progress').textContent)")
    press(page, "restore-stop")
    settle(page, "!!gan.restore.now.answer.result")
    result = page.evaluate("gan.restore.now.answer.result")
    assert result["stopped"] and 0 < result["steps"] < 200
    assert "stopped" in page.locator("#restore-verdict").inner_text()
    press(page, "restore-edit-go")
    knob, picture = page.locator("#restore-edit [name=knob-1]"), "#restore-edit [data-live] img"
    knob.wait_for()
    plain, asked = drawn(page, picture), []
    before = page.locator(picture).get_attribute("src")
    page.on("request", lambda request: asked.append(request.url) if "queue" in request.url else None)
    knob.evaluate("one => { one.value = one.max; one.dispatchEvent(new Event('input', {bubbles: true})); }")
    page.wait_for_function(f"src => document.querySelector('{picture}').src !== src", arg=before)
    here = drawn(page, picture)
    assert not asked
    knob.evaluate("one => one.dispatchEvent(new Event('change', {bubbles: true}))")
    page.wait_for_function("document.getElementById('restore-edit').textContent.includes('The reader sees')")
    answer = drawn(page, picture)
    assert np.abs(here.astype(int) - answer).max() <= 1 < np.abs(plain.astype(int) - answer).max()
    page.evaluate("gan.restore.set({picture: gan.restore.now.recipe.picture + 1})")  # knobs move what is shown
    knob.evaluate("one => { one.value = 1; one.dispatchEvent(new Event('input', {bubbles: true})); }")
    page.wait_for_function(f"document.querySelector('{picture}').src.startsWith('data:image/png')")
    here = drawn(page, picture)
    knob.evaluate("one => one.dispatchEvent(new Event('change', {bubbles: true}))")
    page.wait_for_function(f"document.querySelector('{picture}').src.startsWith('data:image/webp')")
    assert_same_picture(drawn(page, picture), here)


def test_while_a_search_runs_the_words_are_those_of_the_search_and_five_answers_wait(visits: Visits):
    page = visits.open()
    assert page.locator("#restore-verdict").is_visible()
    page.evaluate(
        "gan.restore.set({task: 'copy', kind: '', amount: 0, picture: 21, steps: 150, codes: 10, layer: 4, "
        "loss: 'pixels', optimiser: 'adam'})"
    )
    settle(page, "gan.restore.now.recipe.task === 'copy'")
    press(page, "restore-begin")
    page.wait_for_function("/Step [1-9]/.test(document.getElementById('restore-progress').textContent)")
    words = page.locator("#restore-stage").inner_text()
    assert "So far" in words and "press Copy it" not in words and "Closeness to the truth" not in words
    press(page, "restore-five-go")
    page.wait_for_function(
        "document.querySelector('#restore-five .progress .caption').textContent.startsWith('What you started before')"
    )
    assert page.evaluate("!!gan.restore.now.running") and page.locator("#restore-error").is_hidden()
    press(page, "restore-five-stop")
    result = settle(page, "!!gan.restore.now.answer.result") and page.evaluate("gan.restore.now.answer.result")
    assert result["steps"] == 150 and not result["stopped"] and page.locator("#restore-error").is_hidden()
    assert page.locator("#restore-verdict").is_visible() and page.locator("#restore-found").is_visible()


def test_painting_opens_in_sight_on_a_phone(visits: Visits):
    page = visits.open(size="phone")
    page.locator("[data-task=fill]").click()
    settle(page, "gan.restore.now.recipe.task === 'fill'")
    # It may be made anew just now.
    page.evaluate("document.getElementById('restore-paint-region').scrollIntoView({block: 'end'})")
    page.evaluate("scrollBy(0, 250)")  # the picture is above the screen
    assert page.locator("#restore-before").bounding_box()["y"] < 0
    press(page, "restore-paint-region")
    page.wait_for_selector(".seen.painting")
    box = page.locator(".seen.painting").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= SIZES["phone"][1] and box["width"] > 300
    assert page.evaluate("document.activeElement.classList.contains('painting')")
    press(page, "restore-cancel")
    assert page.locator(".seen.painting").count() == 0


def test_the_keyboard_s_focus_stays_on_what_was_chosen(visits: Visits):
    page = visits.open()
    page.locator("#restore-amount input[value='2']").focus()
    page.keyboard.press("Space")
    settle(page, "gan.restore.now.recipe.amount === 2")
    page.wait_for_function(
        "() => document.activeElement.name === 'restore-amount' && document.activeElement.value === '2'"
    )
    page.locator("[data-task=colour]").focus()
    page.keyboard.press("Enter")
    settle(page, "gan.restore.now.recipe.task === 'colour'")
    page.wait_for_function("() => document.activeElement.dataset.task === 'colour'")


def test_the_published_descent_can_be_chosen(visits: Visits):
    page = visits.open("?tab=restore&expert=1")
    page.wait_for_selector("#restore-optimiser input[value=official]")
    page.locator("#restore-optimiser input[value=official]").check()
    recipe = settle(page, "gan.restore.now.recipe.optimiser === 'official'")
    assert "optimiser=official" in page.locator("#restore-address").input_value()
    assert "1500 to 3000" in page.locator("#restore-optimiser-hint").inner_text()
    page.evaluate("gan.restore.set({steps: 5})")
    settle(page, "gan.restore.now.recipe.steps === 5")
    press(page, "restore-begin")
    settle(page, "!!gan.restore.now.answer.result")
    assert "as the published code" in page.locator("#restore-caption").inner_text()
    assert recipe["optimiser"] == "official"


def test_a_bad_picture_number_gets_a_sentence_and_changes_nothing(visits: Visits):
    page = visits.open("?tab=restore&picture=4")
    before, shown = settle(page, "gan.restore.now.recipe.picture === 4"), seen(page, "before")
    number, error = page.locator("#restore-picture"), page.locator("#restore-error")
    assert page.locator("#restore-picture-hint").inner_text() == "0 to 9999", (
        "what is possible is said before it is asked"
    )
    for text in ("-5", "99999", "seven", "9" * 30, "1.5", ""):
        number.fill(text)
        number.press("Enter")
        error.wait_for(state="visible")
        said = error.inner_text()
        assert is_a_sentence(said) and "whole number from 0 to 9999" in said and said.endswith("."), text
        assert settle(page) == before and np.array_equal(seen(page, "before"), shown)
        assert number.input_value() == "4"
        number.fill("5")
        number.press("Enter")
        settle(page, "gan.restore.now.recipe.picture === 5")
        assert error.is_hidden(), "the sentence must go once things work again"
        number.fill("4")
        number.press("Enter")
        assert settle(page, "gan.restore.now.recipe.picture === 4") == before


def test_a_painted_hole_is_filled_and_its_link_opens_the_same_settings(visits: Visits):
    page = visits.open()
    page.locator("[data-task=fill]").click()
    page.locator("#restore-paint-region").click()
    press(page, "restore-clear")
    stroke(page, (0.3, 0.4), (0.7, 0.4))
    press(page, "restore-use")
    recipe = settle(page, "gan.restore.now.recipe.region.length < 60")
    mask = from_text(recipe["region"])
    assert mask[25, 32] and not mask[45, 32] and 60 < int(mask.sum()) < 500
    grey = (np.abs(seen(page, "before").astype(int) - 128) <= 1).all(2)
    assert grey[mask.numpy()].all()
    page.evaluate("gan.restore.set({steps: 5})")
    settle(page, "gan.restore.now.recipe.steps === 5")
    press(page, "restore-begin")
    settle(page, "!!gan.restore.now.answer.result")
    link = page.evaluate("gan.restore.now.answer.query")
    assert len(f"{visits.url}?{link}") < 1000
    other = visits.open(f"?{link}")
    assert settle(other, "gan.restore.now.recipe.steps === 5") == page.evaluate("gan.restore.now.recipe")
    read = Restoration.from_query(dict(parse_qsl(link)))
    assert read.as_dict() == page.evaluate("gan.restore.now.recipe")
    assert np.array_equal(seen(other, "before"), seen(page, "before"))


def test_colours_are_painted_as_hints(visits: Visits):
    page = visits.open(size="phone")
    page.locator("[data-task=colour]").click()
    page.locator("#restore-paint-hints").click()
    page.locator("#restore-colour").fill("#ff2020")
    stroke(page, (0.3, 0.93), (0.7, 0.93))
    press(page, "restore-use")
    recipe = settle(page, "gan.restore.now.recipe.hints !== ''")
    assert recipe["hints"].startswith("ff2020.") and from_text(recipe["hints"].partition(".")[2])[59, 32]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_own_picture_comes_in_cut_visibly_and_is_deleted_on_request(visits: Visits, tmp_path):
    page = visits.open()
    path = tmp_path / "mine.png"
    Image.radial_gradient("L").convert("RGB").resize((300, 200)).save(path)
    page.set_input_files("#restore-own-file", path)
    page.wait_for_selector("#restore-own-copy")
    assert "only ever seen cartoon people" in page.locator("#restore-own").inner_text()
    assert "middle square" in page.locator("#restore-own").inner_text()
    assert "10 minutes" in page.locator("#restore-own").inner_text()
    page.evaluate(
        "gan.restore.set({task: 'copy', shows: 'upload', own: gan.restore.now.own.token, codes: 1, "
        "layer: 0, steps: 5, loss: '', region: '', kind: '', amount: 0})"
    )
    settle(page, "gan.restore.now.recipe.shows === 'upload'")
    press(page, "restore-begin")
    settle(page, "!!gan.restore.now.answer.result")
    wished = np.asarray(Image.open(path).crop((50, 0, 250, 200)).resize((64, 64), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(seen(page, "true-picture").astype(int) - wished).max() <= 1
    assert page.evaluate("gan.restore.now.own.token") not in page.evaluate("gan.restore.now.answer.query")
    press(page, "restore-forget")
    page.wait_for_function("gan.restore.now.own === null && gan.restore.now.recipe.shows !== 'upload'")
    wrong = tmp_path / "text.png"
    wrong.write_text("this is no picture")
    page.set_input_files("#restore-own-file", wrong)
    page.wait_for_selector("#restore-own-error:not([hidden])")
    assert "choose another" in page.locator("#restore-own-error").inner_text()


def test_a_face_is_found_and_has_a_twin_and_what_shows_none_has_to_be_cropped_first(visits: Visits, tmp_path):
    page = visits.open()
    for name in ("astronaut", "coffee"):
        Image.fromarray(getattr(data, name)()).save(tmp_path / f"{name}.png")
    page.set_input_files("#restore-own-file", tmp_path / "astronaut.png")
    page.wait_for_selector("#restore-twin-of:not([hidden])")
    assert "A face was found" in page.locator("#restore-own").inner_text()
    press(page, "restore-twin-of")
    page.wait_for_function(
        "!!document.querySelector('#restore-twin .aha') && document.getElementById('restore-twin-stop').hidden"
    )
    assert page.locator("#restore-twin .aha").inner_text().startswith("As near as this network comes: ")
    generator = zoo.load(Restoration.default_model())
    with torch.no_grad():
        mean = to_uint8(generator(generator.codes(generator.sample(1, 0), psi=0)))[0].astype(int)
    twin = drawn(page, "#restore-twin [data-live] img").astype(int)
    assert 5 < np.abs(twin - mean).mean() < 80, "the twin is the mean face, or no face"
    assert page.evaluate("gan.restore.now.recipe.shows") != "upload", "the bench changed"
    page.set_input_files("#restore-own-file", tmp_path / "coffee.png")
    page.wait_for_selector("#restore-unframed:not([hidden])")
    assert page.locator("#restore-twin-of").is_hidden() and page.locator("#restore-twin .aha").count() == 0
    page.locator(".brought .cut").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#restore-twin-of:not([hidden])")
    assert "The square that you chose" in page.locator("#restore-own").inner_text()


def test_a_bad_link_gets_a_sentence_and_the_arrival(visits: Visits):
    page = visits.open()
    for query in ("?tab=restore&task=dream", "?tab=restore&v=1&codes=400", "?tab=restore&shows=upload"):
        visits.go(page, query)
        page.wait_for_selector("#restore-error:not([hidden])")
        assert is_a_sentence(page.locator("#restore-error").inner_text()), query
        box = page.locator("#restore-error").bounding_box()
        assert 0 <= box["y"] < 300, "the sentence stands out of sight"
        assert page.evaluate("gan.restore.now.recipe") == restore.arrival()["recipe"]


@pytest.mark.parametrize("size, scheme", [("desktop", "light"), ("phone", "dark")])
def test_axe_finds_nothing_serious_with_all_folds_open(visits: Visits, size: str, scheme: str):
    page = visits.open("?tab=restore&expert=1", size=size, scheme=scheme)
    page.wait_for_selector("#restore-address")
    press(page, "restore-flap")
    assert axe(page) == []


def test_every_name_on_the_tab_is_one_element_s_and_the_picture_can_be_saved(visits: Visits):
    page = visits.open("?tab=restore&expert=1")
    page.wait_for_selector("#restore-start")
    names = page.evaluate("[...document.querySelectorAll('[id^=restore]')].map(one => one.id)")
    assert sorted(names) == sorted(set(names))
    press(page, "restore-begin")
    settle(page, "gan.restore.now.answer.result")
    with page.expect_download() as waiting:
        press(page, "restore-take-picture")
    assert Image.open(waiting.value.path()).format == "PNG"
