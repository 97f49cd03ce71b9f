"""Visitors who only move knobs of Steer: how many pictures the server draws for them.

    python -m tests.benchmarks.knobs                        # about four minutes
    python -m tests.benchmarks.knobs --visitors 2 --move 2 --look 8

A few visitors in Chromium drag a knob to and fro for MOVE seconds, let go, look for LOOK seconds (each time 0.5 to 1.5
of that), and take any of the six knobs in sight. Every picture that leaves a network in the server's process is
counted where it is drawn, by what asked for it; what the page asked for is counted in the browser. `held`: the knob is
never let go. `?engine=server`: the server draws what moves, too. Each way has a server of its own.

A visitor's pictures a second do not depend on the others, so those of 20 are the measured ones times 20 over the number
of visitors; no more than these few were there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ..chromium import find_chromium
from ..conftest import FLAGS, ROOT
from .crowd import start

CROWD = 20
QUERY = "?tab=steer&v=1&model=portraits-stylegan2&seed={seed}&amounts=0.5"
EVERY = 0.05  # seconds between two places of a knob that moves
# Runs app.py, and appends a line "time pictures way" to a file for each batch that a network draws.
COUNTED = """
import runpy, sys, time
from core.generators.base import Generator

WAYS = dict(film="film", after="http", answer_of_knobs="answer")
log, sys.argv = open(sys.argv[1], "a", buffering=1), ["app.py", *sys.argv[2:]]
drawn = Generator.to_image

def counted(self, state):
    frame, way = sys._getframe(1), "other"
    while frame:
        way, frame = WAYS.get(frame.f_code.co_name, way), frame.f_back
    log.write(f"{time.time()} {len(state.x)} {way}\\n")
    return drawn(self, state)

Generator.to_image = counted
runpy.run_path("app.py", run_name="__main__")
"""


@contextmanager
def counting(folder: Path) -> Iterator[tuple[str, Path]]:
    """The page's address while the block runs, and the file of what it draws."""
    drawn = folder / "drawn.txt"
    process, url = start(folder, ROOT, ("-c", COUNTED, str(drawn)), GOMP_SPINCOUNT="1000")
    try:
        yield url, drawn
    finally:
        process.terminate()
        process.wait(30)


class Visitor:
    """A page of its own. asked: what it asked the server for while it was used; rests: how often a knob was let go."""

    def __init__(self, page, number: int, given: argparse.Namespace):
        self.page, self.draw, self.given = page, random.Random(number), given
        self.seed, self.asked, self.rests, self.moves, self.here = 7_000 + number, Counter(), 0, 0, 0
        self.names: dict[str, str] = {}

    async def arrive(self, url: str, query: str) -> None:
        await self.page.goto(url + QUERY.format(seed=self.seed) + query, wait_until="commit")
        mine = f"window.gan && gan.settled('steer') && +gan.steer.now.answer.recipe.seed === {self.seed}"
        await self.page.wait_for_function(mine)
        await self.page.locator("#steer-knob").hover()
        await self.page.wait_for_function("!!gan.steer.now.strip" if query else "gan.steer.live.ready()")
        names = "Object.fromEntries(gradio_config.dependencies.map(one => [one.id, one.api_name]))"
        self.names = await self.page.evaluate(names)

    def ask(self, request) -> None:
        path = urlsplit(request.url).path
        if path.endswith("/queue/join"):
            self.asked[self.names[str(request.post_data_json["fn_index"])]] += 1
        elif "/pictures/" in path:
            self.asked[path.rsplit("/", 1)[1]] += 1

    async def use(self, until: float, held: bool) -> None:
        self.page.on("request", self.ask)
        while time.monotonic() < until:
            end = until if held else min(until, time.monotonic() + self.given.move * self.draw.uniform(0.5, 1.5))
            number = self.draw.randint(1, 6)  # the first is the one under the picture
            await self._drag("#steer-knob" if number == 1 else f"#steer-knob-{number}", end)
            self.rests += 1
            await asyncio.sleep(1 if held else self.given.look * self.draw.uniform(0.5, 1.5))
        await self.page.wait_for_function("gan.settled('steer')")

    async def _drag(self, knob: str, until: float) -> None:
        """To and fro at a changing pace, and let go."""
        await self.page.locator(knob).scroll_into_view_if_needed()
        box, at, way = await self.page.locator(knob).bounding_box(), 0.5, self.draw.choice((-1, 1))
        mouse, y = self.page.mouse, box["y"] + box["height"] / 2
        await mouse.move(box["x"] + box["width"] / 2, y)
        await mouse.down()
        while time.monotonic() < until:
            at += way * self.draw.uniform(0, 0.06)
            if not 0.02 < at < 0.98:
                at, way = min(max(at, 0.02), 0.98), -way
            await mouse.move(box["x"] + 13 + at * (box["width"] - 26), y)
            self.moves += 1
            await asyncio.sleep(EVERY)
        self.here += await self.page.evaluate("document.querySelector('#steer-stage canvas').dataset.drawn === 'here'")
        await mouse.up()


async def visited(url: str, query: str, held: bool, given: argparse.Namespace) -> tuple[list[Visitor], float, float]:
    """The visitors after `given.seconds`; when they began and ended."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        visitors = []
        for number in range(given.visitors):
            page = await (await browser.new_context(viewport=dict(width=1280, height=800))).new_page()
            page.set_default_timeout(120_000)
            visitors.append(Visitor(page, number, given))
            await visitors[-1].arrive(url, query)
        await asyncio.sleep(3)  # what follows an arrival is over
        began, until = time.time(), time.monotonic() + given.seconds
        await asyncio.gather(*(one.use(until, held) for one in visitors))
        ended = time.time()
        await browser.close()
    return visitors, began, ended


def row(says: str, query: str, held: bool, given: argparse.Namespace) -> float:
    """Prints what one way of using the page costs; pictures for each time that a knob was let go."""
    with tempfile.TemporaryDirectory() as folder, counting(Path(folder)) as (url, file):
        visitors, began, ended = asyncio.run(visited(url, query, held, given))
        lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    drawn, asked = Counter(), sum((one.asked for one in visitors), Counter())
    for when, count, way in lines:
        if began <= float(when) <= ended:
            drawn[way] += int(count)
    total, rests, seconds = sum(drawn.values()), sum(one.rests for one in visitors), ended - began
    rate = total / len(visitors) / seconds
    print(
        f"{says:<52}{total:>5} pictures in {seconds:.0f} s, {rests} times let go, "
        f"{sum(one.moves for one in visitors)} places; of {CROWD} visitors {CROWD * rate:.2f} pictures/s"
    )
    parts = dict(drawn=drawn, asked=asked)
    print("    " + "; ".join(f"{what}: {dict(sorted(found.items()))}" for what, found in parts.items()), flush=True)
    if sum(one.here for one in visitors) != (0 if query else rests):
        raise RuntimeError("the browser drew where it should not, or did not where it should")
    return total / rests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=3, help="in Chromium (default: 3)")
    parser.add_argument("--seconds", type=float, default=60, help="of each way (default: 60)")
    parser.add_argument("--move", type=float, default=3, help="seconds that a knob is moved (default: 3)")
    parser.add_argument("--look", type=float, default=5, help="seconds that it rests then (default: 5)")
    given = parser.parse_args()
    rhythm = f"moved for {given.move:g} s, looked at for {given.look:g} s"
    print(f"{given.visitors} visitors in Chromium, {given.seconds:g} s each way; load {os.getloadavg()[0]:.1f}")
    row("held: never let go", "", True, given)
    each = row(rhythm, "", False, given)
    row(f"{rhythm}, ?engine=server", "&engine=server", False, given)
    print(f"each time a knob is let go the server draws {each:.2f} pictures, so that {CROWD} visitors cost")
    for between in (given.move + given.look, 15, 20, 30):
        print(f"    {CROWD * each / between:.2f} pictures/s where each lets go every {between:g} s")
    print(f"    less than one a second where each lets go less often than every {CROWD * each:.0f} s")


if __name__ == "__main__":
    main()
