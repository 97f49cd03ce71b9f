"""How long a visitor of the page waits, measured in a real browser.

    python -m tests.benchmarks.page             # prints one table; about two minutes

Chromium and the page share this machine, so the numbers hold for it, and for what else runs on it. An event counts as
painted when the frame that shows its picture has been handed to the compositor: what is posted in that frame's own
callback runs then.
"""

from __future__ import annotations

import base64
import io
import json
import os
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from core import zoo
from demos.page.knobs import turned_bytes
from demos.page.verdicts import knobs_of
from demos.steer.recipe import Recipe

from ..conftest import chromium, served

EVENTS, CLIENTS, FRAMES = 60, 12, 21
RESTORERS = ("portraits-stylegan2", "portraits-pggan")
PICTURE = "(document.querySelector('#steer-stage img.after') || {}).naturalWidth > 0 && !!gan.steer"
WATCH = """() => {
  const photo = document.querySelector('#steer-stage .photo');
  window.timed = [];
  let since = null;
  document.addEventListener('input', event => { if (event.target.type === 'range') since = performance.now(); }, true);
  new MutationObserver(() => {
    if (since === null) return;
    const started = since;
    since = null;
    requestAnimationFrame(() => {
      const {port1, port2} = new MessageChannel();
      port1.onmessage = () => timed.push(performance.now() - started);
      port2.postMessage(0);
    });
  }).observe(photo, {attributes: true, attributeFilter: ['data-painted']});
}"""


LANDED = """() => {
  window.landed = {};
  new PerformanceObserver(list => { for (const one of list.getEntries()) landed.still = one.startTime / 1000; })
    .observe({type: 'largest-contentful-paint', buffered: true});
  new MutationObserver(() => {
    const view = document.getElementById('start-view');
    if (!view || !view.dataset.live || landed.live) return;
    landed.live = -1;
    requestAnimationFrame(() => requestAnimationFrame(() => { landed.live = performance.now() / 1000; }));
  }).observe(document, {childList: true, subtree: true, attributes: true});
}"""
LINES = {"": None, ", 1.6 Mbit/s and 150 ms": dict(latency=150, downloadThroughput=2e5, uploadThroughput=9e4)}


def landing(browser, url: str) -> dict[str, float]:
    """Seconds from the navigation until Start's still is painted and until its picture is drawn live, by the line."""
    found = {}
    for line, limits in LINES.items():
        page = browser.new_context(viewport=dict(width=1280, height=800), reduced_motion="reduce").new_page()
        page.set_default_timeout(120_000)
        page.add_init_script(f"({LANDED})()")
        if limits:
            session = page.context.new_cdp_session(page)
            session.send("Network.enable")
            session.send("Network.emulateNetworkConditions", dict(limits, offline=False))
        page.goto(url, wait_until="commit")
        page.wait_for_function("window.landed && landed.live > 0 && landed.still")
        found |= {f"{what}{line}": page.evaluate(f"landed.{what}") for what in ("still", "live")}
        page.context.close()
    return found


def arrived(browser, url: str, query: str = "?tab=steer&engine=server"):
    """A fresh context's page with its arrival picture; query: by default, the server draws."""
    page = browser.new_context(viewport=dict(width=1280, height=800)).new_page()
    page.set_default_timeout(120_000)
    page.goto(url + query, wait_until="commit")
    page.wait_for_function(PICTURE)
    return page


def place(page, selector: str, fraction: float) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    return box["x"] + 13 + fraction * (box["width"] - 26), box["y"] + box["height"] / 2


def timed(page, act: Callable[[int], object]) -> list[float]:
    """Milliseconds from the slider's event to the painted picture, for EVENTS acts, one after the other."""
    page.evaluate("() => { window.timed.length = 0; }")
    for i in range(EVENTS):
        act(i)
        page.wait_for_function(f"window.timed.length > {i}")
    return page.evaluate("window.timed")


def dragged(page, there: str) -> list[float]:
    """Milliseconds of a drag, once `there` holds."""
    page.locator("#steer-knob").hover()
    page.wait_for_function(there)
    page.evaluate(WATCH)
    page.mouse.move(*place(page, "#steer-knob", 0.3))
    page.mouse.down()
    page.wait_for_function("window.timed.length > 0")  # pressing the slider is an event as well
    found = timed(page, lambda i: page.mouse.move(*place(page, "#steer-knob", (i * 7 % 60 + 0.5) / 60)))
    page.mouse.up()
    return found


def drawn_here(browser, url: str) -> tuple[list[float], int]:
    """Milliseconds of a drag that the browser draws, and how many requests the drag made."""
    page = arrived(browser, url, f"/?v=1&model={next(iter(zoo.CARDS))}&seed=12&amounts=0.5")
    page.wait_for_function("!!gan.steer.now.answer && gan.settled('steer')")
    seen: list[str] = []
    page.locator("#steer-knob").hover()
    page.wait_for_function("gan.steer.live.ready()")
    page.on("request", lambda request: seen.append(request.url) if request.url.startswith("http") else None)
    found = dragged(page, "gan.steer.live.ready()"), len(seen)
    page.context.close()
    return found


def latencies(page) -> dict[str, list[float]]:
    """By where the picture comes from: the film in the browser, or the server."""
    filmed = dragged(page, "!!gan.steer.now.strip")
    page.wait_for_function("document.querySelector('#steer-stage canvas').hidden")
    knob = page.locator("#steer-knob-5")
    pressed = timed(page, lambda i: knob.press("ArrowRight" if i % 40 < 20 else "ArrowLeft"))
    return {"drag, film in the browser": filmed, "arrow key, picture from the server": pressed}


def scrubbing(page) -> int:
    """Requests while a film of FRAMES frames, once it is there, is scrubbed from one end to the other."""
    seen: list[str] = []
    page.locator("#steer-knob").hover()
    page.wait_for_function("!!gan.steer.now.strip")
    page.mouse.down()
    page.on("request", lambda request: seen.append(request.url) if request.url.startswith("http") else None)
    for i in range(FRAMES):
        page.mouse.move(*place(page, "#steer-knob", i / (FRAMES - 1)))
        page.evaluate("() => new Promise(requestAnimationFrame)")
    count = len(seen)
    page.mouse.up()
    return count


def broken_pictures(url: str) -> int:
    """How many of CLIENTS that ask for the same new picture at once get anything but that picture."""
    from gradio_client import Client

    recipe = Recipe(next(iter(zoo.CARDS)), seed=987_654, amounts=(1.0, -1.0)).as_dict()

    def client() -> Client:
        with urllib.request.urlopen(f"{url}/token") as answer:  # places of its own: those without one share a few
            given = json.load(answer)
        return Client(url, verbose=False, analytics_enabled=False, headers={given["header"]: given["token"]})

    clients = [client() for _ in range(CLIENTS)]
    together, pictures = threading.Barrier(CLIENTS), [b""] * CLIENTS

    def ask(i: int) -> None:
        together.wait()
        source = clients[i].predict(recipe, api_name="/steer_picture")["src"]
        pictures[i] = base64.b64decode(source.partition(",")[2])

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = Recipe.from_json(recipe)
    expected = turned_bytes(wanted, knobs_of(wanted))
    return sum(not same_picture(picture, expected) for picture in pictures)


def same_picture(data: bytes, expected: bytes) -> bool:
    """Equal to a level of 255: another process may round differently."""
    try:
        a, b = (Image.open(io.BytesIO(one)).convert("RGB").tobytes() for one in (data, expected))
    except OSError:
        return False
    return len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b)) <= 1


def searched(page, model: str) -> dict[str, float]:
    """Seconds of a search on the tab Restore that copies a picture in 200 steps, and of one that is stopped."""
    found = {}

    def since(act: Callable[[], object], until: str) -> float:
        begun = time.perf_counter()
        act()
        page.wait_for_function(until, polling=20)
        return time.perf_counter() - begun

    def start() -> None:
        page.evaluate("() => { window.stood = document.querySelector('#restore-after').src; }")
        page.click("#restore-begin")

    preview = (
        "() => gan.restore.now.running && document.querySelector('#restore-after').src !== window.stood "
        "&& !!document.querySelector('#restore-after').src"
    )
    done = "() => !gan.restore.now.running"
    page.wait_for_function("window.gan && gan.restore && gan.restore.now.answer && gan.restore.now.answer.setup")
    page.evaluate(
        "model => gan.restore.set({model, task: 'copy', picture: 4321, kind: '', amount: 0, keep: null, "
        "codes: 10, steps: 200, layer: -1, optimiser: '', loss: ''})",
        model,
    )
    page.wait_for_function(
        "model => gan.restore.now.answer && gan.restore.now.answer.recipe.picture === 4321 && "
        "gan.restore.now.answer.recipe.model === model && "
        "!document.querySelector('#restore-begin').disabled",
        arg=model,
    )
    begun = time.perf_counter()
    found["Start to the first preview"] = since(start, preview)
    page.wait_for_function(done, polling=20)
    found["Start to the end of 200 steps with 10 codes"] = time.perf_counter() - begun
    page.evaluate("() => gan.restore.set({picture: 4322})")
    page.wait_for_function(
        "() => gan.restore.now.answer && gan.restore.now.answer.recipe.picture === 4322 "
        "&& !document.querySelector('#restore-begin').disabled"
    )
    since(start, preview)
    found["Stop to its end"] = since(lambda: page.click("#restore-stop"), done)
    return found


def row(what: str, value: str) -> None:
    print(f"{what:<76}{value:>22}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        start = time.perf_counter()
        with served(Path(folder)) as url:
            answered = time.perf_counter() - start
            page = arrived(browser, url)
            painted = time.perf_counter() - start
            start = time.perf_counter()
            arrived(browser, url).context.close()
            again = time.perf_counter() - start
            landed = landing(browser, url)
            measured = latencies(page)
            measured["drag, drawn by the browser"], of_drag = drawn_here(browser, url)
            asked = scrubbing(arrived(browser, url))
            broken = broken_pictures(url)
            page = browser.new_context(viewport=dict(width=1280, height=800)).new_page()
            page.set_default_timeout(120_000)
            page.goto(f"{url}/?tab=restore", wait_until="commit")
            restoring = {
                f"{model}, {name}": seconds for model in RESTORERS for name, seconds in searched(page, model).items()
            }
    row("python app.py: the page answers", f"{answered:.1f} s")
    row("python app.py: arrival picture in the browser", f"{painted:.1f} s")
    row("the next visitor: arrival picture in the browser", f"{again:.1f} s")
    for name, seconds in landed.items():
        row(f"Start, {name}", f"{seconds:.2f} s")
    for name, values in measured.items():
        middle, late = statistics.median(values), statistics.quantiles(values, n=20)[-1]
        row(f"{name}: median, 95 % ({len(values)} events)", f"{middle:.0f} ms, {late:.0f} ms")
    row(f"requests while a knob is dragged through {EVENTS} places, drawn by the browser", str(of_drag))
    row(f"requests while {FRAMES} frames are scrubbed", str(asked))
    row(f"{CLIENTS} clients ask for the same picture: broken", f"{broken} of {CLIENTS}")
    for name, seconds in restoring.items():
        row(f"Restore, {name}", f"{seconds:.1f} s")
    load = f", {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    row("cores, load of the last minute", f"{os.cpu_count()}{load}")


if __name__ == "__main__":
    main()
