"""In a lecture hall: a projector of 1280 x 720, large print, paper, other devices, and the questions of a lesson."""

from __future__ import annotations

import re

import numpy as np
import pytest

from serving import lessons

from .visits import PROJECTOR, STEER, WAIT, Visits, axe

pytestmark = pytest.mark.browser

DRAWN = "<svg xmlns='http://www.w3.org/2000/svg'/>"
TABS = {  # what has to be in sight, the last in its first line
    "steer": ("#steer-stage .photo", "#steer-knob", "#steer-verdict"),
    "paint": ("#paint-stage .photo", "#paint-stage .scrub input", "#paint-stage .verdict"),
    "restore": ("#restore-five .five", "#restore-five .verdict"),
    "inside": ("#inside-stage .photo", "#inside-stage .buttons", "#inside-verdict"),
    "attributes": ("#attributes-stage .photo", "#attributes-knob", "#attributes-verdict"),
}
SMALLEST = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), small = [];
  for (let node; node = walk.nextNode();) {
    const one = node.parentElement, box = one.getBoundingClientRect();
    if (!node.data.trim() || !one.checkVisibility() || box.width < 2 || one.closest("svg, style, .sr")) continue;
    const size = parseFloat(getComputedStyle(one).fontSize) * one.currentCSSZoom;
    if (size < 16) small.push(`${node.data.trim().slice(0, 30)}: ${size}`);
  }
  return small;
}"""


def entered(page, tab: str) -> None:
    """Opens a tab with its door, and waits until its folds are there and its picture is."""
    title = "Look inside" if tab == "inside" else tab.capitalize()
    page.get_by_role("tab", name=title, exact=True).click()
    page.wait_for_function(f"document.querySelectorAll('[id^={tab}-fold] > button').length === 5")
    page.wait_for_selector(TABS[tab][-1], state="visible")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def in_sight(page, tab: str) -> list[str]:
    """What ends below the screen's edge, of the last the first line."""
    missing = []
    for selector in TABS[tab]:
        box = page.locator(selector).first.bounding_box()
        line = 30 if selector == TABS[tab][-1] else box["height"]
        if box["y"] < 0 or box["y"] + line > PROJECTOR[1]:
            missing.append(f"{selector} at {box}")
    return missing


def test_on_a_projector_every_tab_shows_its_picture_its_knob_and_its_verdict_in_large_print_too(visits: Visits):
    page = visits.open(size="projector")
    small = {}
    for tab in TABS:
        entered(page, tab)
        for large in (False, True):
            page.evaluate(f"scrollTo(0, 0); document.documentElement.classList.toggle('large', {str(large).lower()})")
            assert in_sight(page, tab) == [], f"{tab}, large: {large}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{tab} scrolls sideways"
            small[large] = page.evaluate(SMALLEST)
        assert small[True] == [] and small[False], tab


def test_large_print_stays_over_a_reload_and_others_get_the_address_by_which_they_reach_the_page(visits: Visits):
    page = visits.open("?v=1&model=portraits-stylegan2&seed=7", size="projector")
    page.wait_for_function("location.search.includes('seed=7&w=')")
    width = page.locator("#steer-stage .photo").bounding_box()["width"]
    page.locator("#large-print").check()
    assert page.locator("#steer-stage .photo").bounding_box()["width"] > 1.2 * width
    with visits.leaving():
        page.reload()
        page.wait_for_function("document.querySelector('#large-print')?.checked")
        page.wait_for_function(STEER.settled)
    assert page.locator("#steer-stage .photo").bounding_box()["width"] > 1.2 * width
    page.locator("#large-print").uncheck()
    assert page.locator("#steer-stage .photo").bounding_box()["width"] == pytest.approx(width, abs=1)
    # this page is for its computer alone, and says how that is changed
    page.locator("#elsewhere summary").click()
    says = page.locator("#elsewhere .elsewhere")
    page.wait_for_function("document.querySelector('#elsewhere p')?.textContent.includes('--host 0.0.0.0')")
    assert says.locator("img").count() == 0
    page.keyboard.press("Escape")
    assert says.is_hidden()
    # and now it is told an address, as where it listens beyond its computer
    page.route(re.compile(r"/qr(\?|$)"), lambda route: route.fulfill(content_type="image/svg+xml", body=DRAWN))
    page.evaluate("window.ganReach.reach = 'http://192.168.0.7:7860'")
    page.locator("#elsewhere summary").click()
    page.wait_for_function(
        "location.search.includes('seed=7&') && document.querySelector('#elsewhere img')?.src.endsWith(location.search)"
    )
    search = page.evaluate("location.search")
    assert says.inner_text().strip() == f"http://192.168.0.7:7860/{search}"
    page.keyboard.press("Escape")
    page.locator("#steer-fold-take button").first.click()
    page.wait_for_selector("#steer-address")
    page.locator("#elsewhere summary").click()
    page.locator("#steer-another").click()
    page.wait_for_function("document.querySelector('#steer-address').value.startsWith('http://192.168.0.7:7860/?')")
    page.wait_for_function(
        f"location.search !== '{search}' && document.querySelector('#elsewhere img').src.endsWith(location.search)"
    )


def test_on_paper_stands_what_was_found_and_its_address_and_no_control(visits: Visits):
    import pypdfium2

    page = visits.open("?v=1&model=portraits-stylegan2&seed=7&amounts=0,0,2&knob=2")
    page.locator("#steer-fold-true button").first.click()
    page.wait_for_selector("#steer-truth table")
    page.emulate_media(media="print")
    page.wait_for_function("[...document.images].every(one => one.complete)")
    page.evaluate("Promise.all([...document.images].map(one => one.decode().catch(() => {})))")
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    hidden = page.evaluate("""() => [...document.querySelectorAll('button, input, select, summary')]
      .filter(one => one.checkVisibility() && !one.closest('.fold > button')).map(one => one.id || one.textContent)""")
    assert [one for one in hidden if one.strip() not in ("How true is this?",)] == []
    assert "All knobs at once" not in page.locator(".tab").first.inner_text(), "what is of another picture"
    sheets = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    words = " ".join(sheet.get_textpage().get_text_range() for sheet in sheets)
    said = page.locator("#steer-verdict").inner_text()
    flat = "".join(words.split())
    assert "".join(said.split()) in flat and "Howtrueisthis?" in flat and "Takeitaway" not in flat
    assert "".join(page.url.split()) in flat and "seed=7" in flat, "its address, as text"
    assert "Whatthisdoesnotshow" in flat, "to the end"
    assert [round(side) for side in sheets[0].get_size()] == [595, 842], "A4"
    first = np.asarray(sheets[0].render(scale=1).to_pil().convert("RGB")).astype(int)
    assert (first.max(2) - first.min(2) > 40).mean() > 0.05, "the picture is there, in its colours"


def test_the_questions_of_a_lesson_are_led_to_and_axe_finds_nothing_serious(visits: Visits):
    page = visits.open()
    href = page.locator(".lesson a").first.evaluate("one => one.href")
    with visits.leaving():
        page.goto(href)
    tabs = ["Steer", "Paint", "Restore", "Look inside", "Attributes", "My picture", "Restyle"]
    assert page.locator("h2").all_inner_texts()[: len(tabs)] == tabs
    assert page.locator("li details").count() == 5 * len(tabs) and axe(page) == []
    page.locator("#paint + ol summary").first.click()
    assert "times" in page.locator("#paint + ol details p").first.inner_text()
    page.emulate_media(media="print")
    assert page.locator("details").first.is_hidden() and page.locator(".answers").is_visible() and axe(page) == []
    page.emulate_media(media="screen")
    page.locator("#steer + ol li:nth-child(3) a").click()
    page.wait_for_function("window.gan?.steer?.now.recipe.amounts[1] === 2", timeout=WAIT)
    assert STEER.settle(page)["knob"] == 1


def test_a_lesson_s_link_brings_what_it_asks_about_into_sight(visits: Visits):
    cell, fold = (
        lessons.query("steer", one) for one in lessons.questions()["steer"] if one["name"] in ("same", "hides")
    )
    for query, place in ((cell, "steer-cell-faces"), (fold, "steer-fold-true")):
        page = visits.open(f"?{query}")
        page.wait_for_function(
            "id => { const place = document.getElementById(id), {top} = place ? place.getBoundingClientRect() : {};"
            " return top > -2 && top < innerHeight / 2; }",
            arg=place,
        )
    assert page.locator("#steer-fold-true > button.open").is_visible()
