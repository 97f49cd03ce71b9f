"""The page in a real browser, as every test of it begins: a visit that is watched, and what a visitor sees and does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from .. import support

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
PROJECTOR = (1280, 720)
WAIT = 60_000  # milliseconds: the machine may be busy, and nothing here measures speed
LOST = "Connection errored out"  # Gradio's, of an answer that a page waits for when it is left
LEAVING = "AbortError: signal is aborted"  # Gradio's heartbeat, when its page is left


# --- tabs


@dataclass(frozen=True)
class Tab:
    """A tab of the page.

    settled: a function in JavaScript: does the picture of the recipe on screen stand? arrival: the address's query
    where a test gives none. asks: a function in JavaScript: the button that waits for the visitor's word, as on a
    machine that is busy, or null. patience: milliseconds until its picture must stand.
    """

    name: str
    settled: str
    arrival: str = ""
    asks: str = "() => null"
    patience: int = WAIT

    def open(self, page, address: str, query: str) -> None:
        page.goto(address + (query or self.arrival), wait_until="commit")
        page.wait_for_function(f"document.querySelectorAll('[id^={self.name}-fold] > button').length === 5")
        self.settle(page)

    def recipe(self, page) -> dict:
        return page.evaluate(f"gan.{self.name}.now.recipe")

    def settle(self, page, condition: str = "true") -> dict:
        """Waits until the picture of the recipe on screen stands and the condition holds; that recipe.

        Where the page asks first, because it takes long, the visitor agrees.
        """
        state = f"() => ({self.asks})() ? 'asks' : ({condition}) && ({self.settled})() ? 'stands' : ''"
        while page.wait_for_function(state, timeout=self.patience).json_value() == "asks":
            page.evaluate(f"() => ({self.asks})()?.click()")
        return self.recipe(page)

    def pixels(self, page) -> np.ndarray:
        """The picture under the browser's eyes, [h, w, 3] uint8."""
        return drawn(page, f"#{self.name}-stage img.after")


STEER = Tab(
    "steer",
    arrival="?tab=steer",
    settled="""() => {
  const parts = window.gan && gan.parts.steer, photo = document.querySelector('#steer-stage .photo');
  if (!parts || !gan.steer || !photo) return false;
  const shown = parts.stage.props.value || {}, after = photo.querySelector('img.after'), asked = gan.steer.now.recipe;
  return !gan.steer.now.dragging && !!shown.src && after.getAttribute('src') === shown.src && after.naturalWidth > 0
    && photo.querySelector('canvas').hidden && photo.dataset.painted !== undefined
    && gan.settled('steer') && +photo.dataset.seed === +asked.seed
    && gan.same({...asked, seed: +asked.seed}, shown.recipe);
}""",
)


PAINT = Tab(
    "paint",
    arrival="?tab=paint",
    settled="""() => {
  const shown = window.gan && gan.paint && gan.paint.now.answer, photo = document.querySelector('#paint-stage .photo');
  if (!shown || !photo || !gan.settled('paint')) return false;
  const after = photo.querySelector('img.after');
  return !!shown.src && after.getAttribute('src') === shown.src && after.naturalWidth > 0
    && photo.querySelector('canvas.film').hidden && !document.querySelector('#paint-stage .waiting');
}""",
    asks="""() => {
  const paint = window.gan && gan.paint, button = document.querySelector('#paint-prepare');
  const asks = paint && paint.current() && paint.now.setup.ready === false && paint.now.setup.plan.asks;
  return asks && button && button.getClientRects().length ? button : null;
}""",
    patience=3 * WAIT,
)


# --- a visit, and what it must never do


class Visits:
    """Contexts of one test. errors: what the console said; elsewhere: addresses of other machines that were asked."""

    def __init__(self, browser, url: str, tab: Tab = STEER):
        self.browser, self.url, self.tab, self.host = browser, url, tab, urlsplit(url).netloc
        self.contexts, self.errors, self.elsewhere, self.asked = [], [], [], []

    def open(self, query: str = "", *, size: str = "desktop", scheme: str = "light", script: str = ""):
        """A page in a context of its own, once the picture that the address asks for stands.

        script: JavaScript that runs before the page's own.
        """
        width, height = SIZES.get(size, PROJECTOR)
        phone = dict(has_touch=True, is_mobile=True) if size == "phone" else {}
        context = self.browser.new_context(
            viewport=dict(width=width, height=height), color_scheme=scheme, reduced_motion="reduce", **phone
        )
        context.set_default_timeout(WAIT)
        self.contexts.append(context)
        page = context.new_page()
        page.add_init_script(script)
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.fault(str(error)))
        page.on("request", self.ask)
        page.on("websocket", lambda socket: self.note(socket.url))
        self.tab.open(page, self.url, query)
        return page

    def go(self, page, query: str) -> None:
        """Another address in a page that is open already."""
        with self.leaving():
            self.tab.open(page, self.url, query)

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """While a page is left, what it waits for ends, and Gradio may tell of that on the console."""
        before = len(self.errors)
        yield
        self.errors[before:] = [said for said in self.errors[before:] if LOST not in said and LEAVING not in said]

    def fault(self, said: str) -> None:
        if not said.startswith(LEAVING):
            self.errors.append(said)

    def ask(self, request) -> None:
        self.note(request.url)
        if urlsplit(request.url).path.endswith("/queue/join"):
            self.asked.append(request.post_data_json["fn_index"])

    def events(self, page) -> list[str]:
        """The names of the events that the pages have sent to the server, in their order."""
        names = page.evaluate("Object.fromEntries(gradio_config.dependencies.map(one => [one.id, one.api_name]))")
        return [names[str(index)] for index in self.asked]

    def note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self.host:
            self.elsewhere.append(url)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


@contextmanager
def watched(browser, url: str, tab: Tab = STEER) -> Iterator[Visits]:
    """Visits that must end without an error on the console and without a request to another machine."""
    made = Visits(browser, url, tab)
    yield made
    made.close()
    assert (made.errors, made.elsewhere) == ([], []), f"the console said {made.errors}; asked: {made.elsewhere}"


# --- what a visitor sees and does


def drawn(page, selector: str) -> np.ndarray:
    """A picture of the page, whether it came with it or is a file of its own, [h, w, 3] uint8."""
    uri = """async selector => {
      const data = await (await fetch(document.querySelector(selector).src)).blob(), reader = new FileReader();
      return new Promise(done => { reader.onload = () => done(reader.result); reader.readAsDataURL(data); });
    }"""
    return support.pixels(page.evaluate(uri, selector))


def assert_same_picture(shown: np.ndarray, expected: np.ndarray, tolerance: int = 1) -> None:
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected.astype(int)).max() <= tolerance


def is_a_sentence(said: str) -> bool:
    """What was wrong, what is possible or what to do; and nothing of how the page is made."""
    inside = any(word in said for word in ("Traceback", "Error", "Exception"))
    return len(said) > 30 and not inside and any(mark in said for mark in (": ", "; ", "choose", "give"))


def press(page, button: str) -> None:
    page.locator(f"#{button}").click()


def colours(page, scheme: str) -> None:
    """The visitor's system changes to light or dark, and the page follows."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"document.body.classList.contains('dark') === {str(scheme == 'dark').lower()}")
    page.wait_for_function("!document.getAnimations().some(one => one instanceof CSSTransition)")


def out_of_sight(page) -> list[str]:
    """What is there to be touched and lies beside the screen, grids and code that scroll by themselves excepted."""
    return page.evaluate("""() => [...document.querySelectorAll('.gradio-container :is(button, input, select)')]
      .filter(one => one.getClientRects().length && !one.closest('.grid, .cm-editor, footer, .visually-hidden'))
      .map(one => [one.id || one.textContent, one.getBoundingClientRect()])
      .filter(([, box]) => box.width > 1 && (box.left < 0 || box.right > innerWidth)).map(([name]) => name)""")


def axe(page) -> list[str]:
    """What axe-core finds serious or critical, Gradio's own footer excepted."""
    import axe_playwright_python

    page.evaluate((Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({exclude: [['footer']]}, {resultTypes: ['violations']})")["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['target']}" for one in grave for node in one["nodes"]]
