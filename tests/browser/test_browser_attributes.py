"""Attributes in a real browser: the table of all knobs and all attributes, on a screen and on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
