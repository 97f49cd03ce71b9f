"""The page under a path of a proxy's address, in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..conftest import served
from ..proxy import proxied
from .visits import STEER, Visits

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_under_a_path_every_tab_shows_its_pictures_and_a_knob_moves(browser, tmp_path: Path):
    asked: list[str] = []
    with (
        served(tmp_path, "--no-hub", "--root-path", "/gan") as page_url,
        proxied(page_url.rstrip("/"), "/gan", names=asked) as address,
    ):
        visits = Visits(browser, address)
        page = visits.open()
        page.locator("#steer-knobs input[type=range], input[type=range]:visible").first.press("ArrowRight")
        STEER.settle(page)
        for tab in ("paint", "restore", "inside", "attributes"):
            page.goto(f"{address}/?tab={tab}")
            page.wait_for_function("[...document.images].some(one => one.offsetParent && one.naturalWidth > 1)")
        broken = "[...document.images].filter(one => one.offsetParent && one.complete && !one.naturalWidth).length"
        assert page.evaluate(broken) == 0
        assert page.locator("footer.foot a").first.get_attribute("href") == "programs"
        page.goto(f"{address}/?v=2&seed=7")
        page.get_by_text("another version of the page").first.wait_for()
    assert asked and all(one.partition("?")[0] == "/gan" or one.startswith("/gan/") for one in asked)
