"""The connection of the page with its server breaks in the middle: what was asked comes all the same."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch

from core.images import to_uint8
from demos.steer import recipe as recipes

from .visits import STEER, WAIT, Tab, Visits, assert_same_picture, press, watched

pytestmark = pytest.mark.browser

RESTORE = Tab("restore", arrival="?tab=restore", settled="() => !!window.gan && gan.settled('restore')")
STREAM = b"GET /gradio_api/queue/data"
SAYS = "() => document.querySelector('.busy:not([hidden])')?.textContent.includes('trying again')"
GRADIO_ALONE = "Object.defineProperty(window, 'fetch', {value: window.fetch, writable: false})"


class Line:
    """A way to the page that can be cut: what is open ends at once, and nobody gets through until it is mended.

    deaf: who asks for the stream of events waits for it until the line is cut.
    """

    def __init__(self, port: int):
        self.port, self.whole, self.deaf, self.ends = port, True, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with suppress(OSError):  # closed: the test has ended
            while True:
                near, _address = self.listener.accept()
                if not self.whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.port))
                self.ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    def carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if not (self.deaf and data.startswith(STREAM)):
                    other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        self.whole, ends, self.ends = False, self.ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.whole, self.deaf = True, False


@pytest.fixture
def line(page_url: str) -> Iterator[Line]:
    made = Line(urlsplit(page_url).port)
    yield made
    made.cut()
    made.listener.close()


@pytest.fixture
def visits(browser, line: Line) -> Iterator[Visits]:
    with watched(browser, f"http://127.0.0.1:{line.listener.getsockname()[1]}") as made:
        yield made
        made.errors.clear()  # Chromium tells of the requests that the tests broke


def drawn(recipe: dict) -> np.ndarray:
    """The recipe's picture, made here and not by the server, [h, w, 3] uint8."""
    with torch.no_grad():
        return to_uint8(recipes.render(recipes.Recipe.from_json(recipe)))[0]


def press_and_cut(page, line: Line, button: str) -> dict:
    """The line is cut once the server has the question, and before the page has the answer; the recipe on screen."""
    line.deaf = True
    with page.expect_request("**/queue/data*"):
        press(page, button)
    line.cut()
    return STEER.recipe(page)


def test_the_picture_that_was_asked_for_when_the_connection_broke_comes(visits: Visits, line: Line):
    page = visits.open()
    asked = press_and_cut(page, line, "steer-another")
    page.wait_for_function(SAYS)
    line.mend()
    assert STEER.settle(page) == asked
    assert_same_picture(STEER.pixels(page), drawn(asked))
    assert page.locator(".busy").is_hidden() and page.locator(".toast-body").count() == 0
    press(page, "steer-undo")
    assert STEER.settle(page) != asked, "what was before is still known: the page was not loaded anew"


def test_the_control_with_gradio_s_client_alone_the_picture_does_not_come(visits: Visits, line: Line):
    page = visits.open(script=GRADIO_ALONE)
    asked = press_and_cut(page, line, "steer-another")
    page.wait_for_selector(".toast-body", timeout=WAIT)
    with visits.leaving(), page.expect_navigation():
        line.mend()
    assert STEER.settle(page) != asked


def test_a_search_whose_stream_broke_goes_to_its_end(visits: Visits, line: Line):
    visits.tab = RESTORE
    page = visits.open()
    page.evaluate(
        "gan.restore.set({task: 'copy', kind: '', amount: 0, picture: 23, steps: 30, codes: 10, layer: 4, "
        "loss: 'pixels', optimiser: 'adam'})"
    )
    RESTORE.settle(page, "gan.restore.now.recipe.task === 'copy'")
    press(page, "restore-begin")
    page.wait_for_function("/Step [1-9]/.test(document.getElementById('restore-progress').textContent)")
    line.cut()
    page.wait_for_function(SAYS)
    line.mend()
    RESTORE.settle(page, "!!gan.restore.now.answer.result")
    result = page.evaluate("gan.restore.now.answer.result")
    assert result["steps"] == 30 and not result["stopped"] and page.locator("#restore-error").is_hidden()


def test_what_must_not_be_done_twice_is_not_asked_again_and_says_so(visits: Visits, line: Line):
    page = visits.open()
    ended: list[str] = []
    for how in ("requestfinished", "requestfailed"):  # Gradio's client may leave a stream that has told all
        page.on(how, lambda request: ended.append(request.url))
    page.locator("#steer-fold-take button").first.click()  # it asks for edits that were kept
    while not any("queue/data" in url for url in ended):
        page.wait_for_timeout(100)
    press_and_cut(page, line, "steer-take-clip")
    page.wait_for_selector(".toast-body")
    line.mend()
    assert "connection was lost" in page.locator(".toast-body").inner_text()
    page.wait_for_timeout(1000)
    assert visits.events(page).count("steer_take_clip") == 1


def test_a_file_that_does_not_arrive_and_a_request_that_goes_astray_say_so(visits: Visits, line: Line, tmp_path: Path):
    page, status = visits.open("?expert=1"), [500]
    np.save(tmp_path / "mine.npy", np.eye(3, 128))
    page.route("**/upload*", lambda route: route.fulfill(status=status[0], body="<html>"))
    page.route("**/file=**.png", lambda route: route.fulfill(status=404, body="<html>"))
    for status[0], said in ((500, "did not reach the server"), (413, "larger than this server")):
        with page.expect_file_chooser() as chosen:
            press(page, "steer-directions")
        chosen.value.set_files(tmp_path / "mine.npy")
        page.locator(".toast-body", has_text=said).wait_for()
    press(page, "steer-take-picture")
    page.locator(".busy", has_text="could not be fetched").wait_for()
    page.unroute("**/upload*")
    with page.expect_file_chooser() as chosen:
        press(page, "steer-directions")
    chosen.value.set_files(tmp_path / "mine.npy")
    page.locator("#steer-reading-hint", has_text="3 directions, one a row").wait_for()  # the control
    page.route("**/queue/join*", lambda route: route.fulfill(status=404, body="outside of the path"))
    toasts = page.locator(".toast-body").count()
    press(page, "steer-another")
    page.locator(".busy", has_text="--root-path").wait_for()
    assert page.locator(".toast-body").count() <= toasts
