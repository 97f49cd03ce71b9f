"""Attributes in a real browser: the table of all knobs and all attributes, on a screen and on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demos.attributes.tab import first
from demos.page.labels import labels_of

from .visits import Tab, Visits, axe, watched

ATTRIBUTES = Tab(
    "attributes",
    arrival="?tab=attributes",
    settled="() => !!window.gan && gan.settled('attributes') && !!document.querySelector('.heat.tall')",
)
BOX = """() => {
  const box = document.querySelector('.scroll:has(> .heat.tall)'), head = box.querySelector('tbody th');
  return {fits: box.scrollWidth <= box.clientWidth, page: document.documentElement.scrollWidth - innerWidth,
    hint: getComputedStyle(box, "::before").content,
    left: head.getBoundingClientRect().left - box.getBoundingClientRect().left,
    share: head.getBoundingClientRect().width / box.clientWidth};
}"""


@pytest.fixture
def visits(browser, page_url: str) -> Iterator[Visits]:
    with watched(browser, page_url, ATTRIBUTES) as made:
        yield made


def test_the_table_of_all_attributes_fits_a_screen(visits: Visits):
    page = visits.open()
    found = page.evaluate(BOX)
    assert found["fits"] and found["hint"] == "none" and found["page"] <= 0


def test_on_a_phone_it_says_that_it_moves_and_its_names_stay(visits: Visits):
    page = visits.open(size="phone")
    found = page.evaluate(BOX)
    assert not found["fits"] and "sideways" in found["hint"] and found["page"] <= 0 and found["share"] < 0.4
    page.evaluate("document.querySelector('.scroll:has(> .heat.tall)').scrollLeft = 400")
    assert page.evaluate(BOX)["left"] == pytest.approx(found["left"], abs=1)
    assert axe(page) == []


def test_a_knob_is_found_by_a_part_of_its_name(visits: Visits):
    page = visits.open(size="phone")
    field = page.get_by_role("combobox", name="Find a knob by name").or_(page.get_by_role("searchbox"))
    for typed, title in (("brows", "tilt of the brows"), ("Curve of the mouth", "curve of the mouth")):
        field.first.fill(typed)
        field.first.press("Enter")
        page.wait_for_function(f"gan.attributes.now.setup.knobs[gan.attributes.now.recipe.knob].title === '{title}'")
    field.first.fill("unicorn")
    field.first.press("Enter")
    page.get_by_text("No knob has “unicorn” in its name.").wait_for()


def test_a_tap_on_the_map_of_layers_opens_that_strip_on_a_phone(visits: Visits):
    page = visits.open(size="phone")
    place, live = (page.locator(f"#attributes-layers {one}") for one in ("td:has([value='108'])", "[data-live]"))
    before = live.locator("img").first.get_attribute("src")
    assert live.locator("img").count() == 10 and "in layer 8" not in live.inner_text()
    place.scroll_into_view_if_needed()
    moved = page.evaluate("document.querySelector('#attributes-layers .scroll').scrollLeft")
    box = place.bounding_box()
    assert moved > 0 and min(box["width"], box["height"]) >= 24 and box["x"] + box["width"] <= 390
    place.tap()
    page.wait_for_function("document.querySelector('#attributes-layers [data-live] p').textContent.includes('layer 8')")
    said = live.inner_text()
    assert said.startswith("Nod of the head in layer 8 and in all layers") and "Layer 8 alone" in said
    assert live.locator("img").count() == 10 and live.locator("img").first.get_attribute("src") != before
    assert place.locator("input").is_checked(), "the map stays as it was, under the finger"
    assert page.evaluate("document.querySelector('#attributes-layers .scroll').scrollLeft") == moved
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def smiles(page) -> list[str]:
    """The numbers on the sheet of pictures that smile more than most, as somebody would tap them."""
    labels = labels_of(first())
    smile = labels.readings[:, labels.names.index("smile")]
    numbers = page.eval_on_selector_all(".taps .tap", "taps => taps.map(tap => tap.dataset.number)")
    return [number for number in numbers if smile[int(number) - 1] > smile.median()]


def test_a_word_is_taught_on_a_phone_kept_and_used_in_steer(visits: Visits):
    page = visits.open(size="phone")
    page.locator("#attributes-teach").scroll_into_view_if_needed()
    page.wait_for_selector(".taps .tap")
    page.fill("[name=word]", "friendly")
    asked = smiles(page)
    for number in asked:
        page.locator(f".tap[data-number='{number}']").tap()
    skipped = page.locator(".taps .tap").nth(0 if "1" not in asked else 1)
    skipped.focus()
    page.keyboard.press("s")
    assert skipped.get_attribute("aria-pressed") == "mixed"
    box = skipped.bounding_box()
    assert min(box["width"], box["height"]) >= 44 and axe(page) == []
    page.locator("[data-learn]").tap()
    page.wait_for_function("document.querySelector('#attributes-teach .aha')?.textContent.includes('of your answers')")
    recipe = page.evaluate("gan.attributes.now.recipe")
    assert [str(one) for one in recipe["yes"]] == sorted(asked, key=int) and len(recipe["no"]) == 23 - len(asked)
    assert recipe["word"] == "friendly" and "smiles" in page.locator("#attributes-teach .aha").inner_text()
    assert not {*smiles(page)} & {*asked}, "others are asked about next"
    with page.expect_download() as saved:
        page.locator("[data-save]").tap()
    page.get_by_role("button", name="Forget friendly").tap()
    assert not page.get_by_role("button", name="friendly", exact=True).count()
    page.set_input_files("[data-open]", dict(name="a.json", mimeType="application/json", buffer=b"[1]"))
    page.get_by_text("This file holds no words").wait_for()
    page.set_input_files("[data-open]", saved.value.path())
    page.get_by_text("One word was read; 1 of this network.").wait_for()
    page.locator("[data-again]").tap()
    page.wait_for_function("gan.attributes.now.recipe.yes.length === 0")
    page.wait_for_function("!document.querySelector('#attributes-teach .aha')")
    page.get_by_role("button", name="friendly", exact=True).tap()
    page.wait_for_selector("[data-steer]")
    assert page.evaluate("gan.attributes.now.recipe") == recipe
    page.locator("[data-steer]").tap()
    page.wait_for_function("gan.steer && gan.steer.now.recipe.method === 'file'")
    for tab in ("restore", "paint"):
        page.evaluate("gan.visit('attributes', () => {})")
        page.locator(f"[data-{tab}]").tap()
        page.wait_for_function(f"gan.{tab}?.now.recipe.directions && gan.{tab}.current()")
    assert page.evaluate("gan.restore.now.recipe.amounts[0]") == 3
    assert "your own file" in page.inner_text("#paint-sentence")
