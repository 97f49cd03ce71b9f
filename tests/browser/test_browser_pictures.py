"""While one of Steer's knobs moves its picture comes by plain HTTP; the queue is asked once, when it rests."""

from __future__ import annotations

import json
import warnings
from urllib.parse import urlsplit

import pytest

from core import zoo
from demos.page.arrival import ARRIVAL

from .test_browser import assert_same_picture, drag, drawn, pixels, settle


def test_a_moving_knob_asks_for_pictures_and_the_queue_speaks_once_it_rests(visits):
    page = visits.open("?seed=77")  # a recorded arrival asks the queue first: its network may not be open yet
    settle(page)
    page.evaluate("""() => { window.flying = 0; window.most = 0; const of = Image.prototype;
      const set = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, 'decode');
      HTMLImageElement.prototype.decode = function () {
        const counts = this.src.includes('/pictures/');
        if (counts) window.most = Math.max(window.most, ++window.flying);
        return set.value.call(this).finally(() => { if (counts) window.flying--; });
      }; }""")
    seen: list[str] = []
    page.on("request", lambda request: seen.append(urlsplit(request.url).path))
    drag(page, "#steer-knob-3", [0.5, *(0.5 + i / 40 for i in range(12))], release=False)
    page.wait_for_function("window.most > 0 && window.flying === 0")
    assert any(path.endswith("/pictures/after") for path in seen)
    assert not any("queue/join" in path for path in seen), "the queue was asked while the knob moved"
    assert page.evaluate("window.most") == 1, "more than one picture was asked for at a time"
    page.mouse.up()
    recipe = settle(page)
    assert any("queue/join" in path for path in seen)
    assert recipe["amounts"][2] > 0
    assert_same_picture(pixels(page), drawn(recipe))
    assert f"amounts=0,0,{recipe['amounts'][2]:g}" in page.evaluate("gan.steer.now.answer.query")


def test_where_pictures_do_not_come_the_queue_draws(visits):
    page = visits.open("?seed=77")  # a recorded arrival asks the queue first: its network may not be open yet
    settle(page)
    page.route("**/pictures/**", lambda route: route.fulfill(status=503, body="no"))
    drag(page, "#steer-knob-3", [0.5, 0.6, 0.8])
    recipe = settle(page)
    assert recipe["amounts"][2] > 1
    assert_same_picture(pixels(page), drawn(recipe))
    visits.errors.clear()  # the browser tells of each 503


def test_faces_dcgan_opens_with_what_was_recorded_for_it(visits):
    """Where the network is on this machine."""
    if not zoo.is_here("faces-dcgan"):
        warnings.warn("WHAT IS RECORDED FOR faces-dcgan WAS NOT LOOKED AT: it is not on this machine", stacklevel=1)
        pytest.skip("faces-dcgan is not on this machine: python ganatomy.py fetch faces-dcgan")
    recorded = json.loads((ARRIVAL / "faces-dcgan" / "steer.json").read_text(encoding="utf-8"))["recipe"]
    page = visits.open("?seed=77")
    settle(page)
    page.click("#steer-other-networks")
    page.click("#steer-networks [data-name=faces-dcgan] .opening button")
    found = settle(page, "gan.steer.now.recipe.model === 'faces-dcgan'")
    assert {name: found[name] for name in recorded} == recorded
    assert_same_picture(pixels(page), drawn(recorded))
    page.click("#steer-another")
    assert settle(page, f"gan.steer.now.recipe.seed !== {recorded['seed']}")["model"] == "faces-dcgan"
