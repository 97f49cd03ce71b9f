"""A class that opens the page at once, each with a link of another tab: is anybody refused, and how long does it take?

    python -m tests.benchmarks.arrivals                     # 25 visitors within 2 s
    python -m tests.benchmarks.arrivals --flood             # while a program calls every public endpoint
    python -m tests.benchmarks.arrivals --browsers 5        # five of them in Chromium, each in a context of its own

Every visitor does what a browser does, without drawing: gets the page, opens the stream of events, asks what the link
means, and asks for its picture. What a visitor gets must be the recipe of their own link. During the flood one more
turns a knob: the picture comes by plain HTTP, as while it moves, and the answer by the queue, as where it rests.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import itertools
import json
import os
import random
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from ..conftest import chromium, served
from . import crowd

VISITORS, WITHIN = 25, 2.0  # seconds in which they arrive
KNOBS = 60  # answers to a knob that are timed at each door
LOOK = 0.1  # seconds between two looks at the browsers: who looks all the time slows them down
PATIENCE = 120  # seconds
LINKS = (
    dict(model="portraits-stylegan2", seed="{n}", amounts="0,1.5"),
    dict(tab="paint", model="portraits-stylegan2", seed="{n}", region="mouth", amounts="1"),
    dict(tab="restore", model="portraits-stylegan2", task="colour", picture="{n}"),
    dict(tab="inside", model="objects-biggan", seed="{n}", label="3", gate="2", channel="5"),
    dict(tab="attributes", model="portraits-stylegan2", seed="{n}", amounts="1"),
)


@dataclass
class Page:
    """What the page tells a browser of its events."""

    host: str
    port: int
    events: dict[str, int] = field(default_factory=dict)

    @classmethod
    def at(cls, url: str) -> Page:
        found = cls(urlsplit(url).hostname, urlsplit(url).port)
        config = json.loads(found.ask("GET", "/config")[1])
        found.events = {one["api_name"]: one["id"] for one in config["dependencies"] if one["api_name"]}
        return found

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def ask(self, method: str, path: str, body: dict | None = None, **headers: str) -> tuple[int, bytes]:
        line = self.connection()
        data = None if body is None else json.dumps(body)
        line.request(method, path, data, {"Content-Type": "application/json", **headers})
        answer = line.getresponse()
        found = answer.read()
        line.close()
        return answer.status, gzip.decompress(found) if answer.headers["content-encoding"] == "gzip" else found


class Refused(RuntimeError):
    """The server did not take an event."""


@dataclass
class Visit:
    """One visitor with a link, which is a dict of its parameters."""

    page: Page
    link: dict[str, str]
    recipe: dict = field(default_factory=dict)
    answer: dict = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    session: str = ""
    asks: bool = False  # the page waits for the visitor's word, as what the link asks for takes long

    def go(self) -> None:
        begun = time.monotonic()
        try:
            self.arrive()
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            self.error = f"{type(error).__name__}: {error}"
        self.seconds = time.monotonic() - begun

    def arrive(self) -> None:
        tab, query = self.link.get("tab", "steer"), urlencode(self.link, safe=",")
        status, _page = self.page.ask("GET", f"/?{query}", **{"Accept-Encoding": "gzip"})
        if status != 200:
            raise Refused(f"the page: {status}")
        self.session = f"class{random.randrange(10**12)}"
        opened = self.event(f"{tab}_opened", [], {"query": query})
        if "error" in opened:
            raise RuntimeError(opened["error"])
        self.recipe = opened["recipe"]
        held = [] if tab == "restore" else [[]]
        self.answer = self.event(f"{tab}_answer", [self.recipe, *held], None)

    def event(self, name: str, values: list, data: dict | None) -> dict:
        """The first output of an event, once it has ended."""
        body = dict(data=values, event_data=data, fn_index=self.page.events[name], session_hash=self.session)
        status, said = self.page.ask("POST", "/gradio_api/queue/join?", dict(body, trigger_id=None))
        if status != 200:
            raise Refused(f"{name}: {status} {said.decode()[:200]}")
        for told in self.stream():
            if told.get("msg") == "process_completed":
                if not told["success"]:
                    raise RuntimeError(str(told["output"])[:300])
                return told["output"]["data"][0]
        raise RuntimeError(f"{name}: the stream of events ended early")

    def stream(self) -> Iterator[dict]:
        line = self.page.connection()
        line.request("GET", f"/gradio_api/queue/data?session_hash={self.session}")
        try:
            for said in line.getresponse():
                if said.startswith(b"data:"):
                    yield json.loads(said[5:])
        finally:
            line.close()

    def wrong(self) -> str:
        """What differs between the visitor's link and what they were shown, or nothing."""
        if self.error:
            return self.error
        link = dict(self.link, label=self.link.get("label", "0"))
        same = {
            name: str(self.recipe[name]) == link[name] for name in ("model", "seed", "picture", "label") if name in link
        }
        if not all(same.values()):
            return f"{self.link} opened {self.recipe}"
        shown = self.answer.get("recipe", {})
        return "" if shown == self.recipe else f"asked for {self.recipe}, got {shown or self.answer}"


def arrive(page: Page, visitors: int = VISITORS, within: float = WITHIN) -> list[Visit]:
    """All of them, spread over some seconds, once the last has their picture."""
    visits = []
    for n, link in zip(range(visitors), itertools.cycle(LINKS)):
        visits.append(Visit(page, {name: value.format(n=100 + n) for name, value in link.items()}))
    threads = [threading.Timer(within * i / visitors, one.go) for i, one in enumerate(visits)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return visits


# of a tab that shows what its link asks for: its recipe and answer, and whether it waits for the visitor's word because
# what the link asks for takes long (Paint, on a busy machine); else nothing
SHOWN = """name => {
  const {now, current} = window.gan && gan[name] || {}, {ready, plan} = now && now.setup || {};
  const asks = !!now && !!now.answer && current() && ready === false && plan.asks;
  return (asks || window.gan && gan.settled(name)) && [now.recipe, now.answer, !!asks];
}"""


def browse(page: Page, url: str, browsers: int, within: float = WITHIN) -> list[Visit]:
    """The same in Chromium: each in a context of its own, from asking for the page to the picture on screen."""
    visits = [
        Visit(page, {name: value.format(n=300 + n) for name, value in link.items()})
        for n, link in zip(range(browsers), itertools.cycle(LINKS))
    ]
    with chromium() as browser:
        began, waiting = time.monotonic(), []
        for i, visit in enumerate(visits):
            time.sleep(max(0.0, began + within * i / browsers - time.monotonic()))
            window, asked = browser.new_context().new_page(), time.monotonic()
            window.goto(f"{url}/?{urlencode(visit.link, safe=',')}", wait_until="commit")
            waiting.append((visit, window, asked))
        while waiting and time.monotonic() - began < PATIENCE:
            time.sleep(LOOK)
            for one in list(waiting):
                visit, window, asked = one
                if shown := window.evaluate(SHOWN, visit.link.get("tab", "steer")):
                    (visit.recipe, visit.answer, visit.asks), visit.seconds = shown, time.monotonic() - asked
                    waiting.remove(one)
        for visit, _window, _asked in waiting:
            visit.error, visit.seconds = f"no picture for {visit.link}", PATIENCE
    return visits


def knob_times(url: str, count: int = KNOBS) -> dict[str, list[float]]:
    """Seconds until each of `count` new amounts of a knob is answered, by door."""
    visitor, dependency = crowd.Visitor(url, 1), crowd.answering(url)
    doors = {
        "picture by HTTP": visitor.by_http,
        "answer by the queue": lambda recipe: visitor.by_queue(recipe, dependency),
    }
    times: dict[str, list[float]] = {door: [] for door in doors}
    for i in range(2 * count):
        door = list(doors)[i % 2]
        recipe = dict(visitor.recipe(), seed=visitor.seed, amounts=[round(3 * i / count - 3, 3), *[0.0] * 9])
        began = time.perf_counter()
        doors[door](recipe)
        times[door].append(time.perf_counter() - began)
    return times


def flood(page: Page, ended: threading.Event) -> dict[str, int]:
    """A program that calls every public endpoint and waits for nothing, again and again until `ended`.

    Returns how often each status came, with what was said where a call was refused.
    """
    about = json.loads(page.ask("GET", "/gradio_api/info")[1])["named_endpoints"]
    found: dict[str, int] = {}
    for name, one in itertools.cycle(about.items()):
        if ended.is_set():
            return found
        model = "objects-biggan" if name.startswith("/inside") else "portraits-stylegan2"
        values = [dict(model=model, version=1)] + [None] * (len(one["parameters"]) - 1)
        status, said = page.ask("POST", f"/gradio_api/call{name}", dict(data=values))
        told = f"{status}" if status == 200 else f"{status} {json.loads(said)['detail']}"
        found[told] = found.get(told, 0) + 1
    return found


def report(visits: list[Visit], until: str) -> None:
    seconds, wrong = sorted(one.seconds for one in visits), [one.wrong() for one in visits if one.wrong()]
    print(f"{len(visits)} visitors within {WITHIN:g} s, links of {len(LINKS)} tabs: {len(wrong)} refused or wrong")
    print(f"from asking for the page to {until}: median {statistics.median(seconds):.2f} s, last {seconds[-1]:.2f} s")
    if asking := [one.link["tab"] for one in visits if one.asks]:
        print("the page asks first, as it takes long:", *asking)
    for said in dict.fromkeys(re.sub(r"\d+", "N", one) for one in wrong):
        print("wrong:", said[:300])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=VISITORS)
    parser.add_argument("--flood", action="store_true", help="while a program calls every public endpoint")
    parser.add_argument("--browsers", type=int, default=0, metavar="N", help="N visitors in Chromium instead")
    given = parser.parse_args()
    with served(Path(tempfile.mkdtemp())) as url:
        page, ended, told = Page.at(url), threading.Event(), {}
        arrive(page, len(LINKS))  # every network is open, as after the first visitor
        print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
        program = threading.Thread(target=lambda: told.update(flood(page, ended)))
        if given.flood:
            program.start()
            time.sleep(3)
        try:
            if given.browsers:
                report(browse(page, url, given.browsers), "the picture on screen")
            else:
                report(arrive(page, given.visitors), "the picture's answer")
            for door, times in knob_times(url).items() if given.flood else ():
                late = statistics.quantiles(times, n=20)[-1]
                middle = statistics.median(times)
                print(f"{len(times)} amounts of a knob, {door}: median {middle:.2f} s, 95 % {late:.2f} s")
        finally:
            ended.set()
        if given.flood:
            program.join()
            print("calls of the program:", *(f"{count} times {what}" for what, count in told.items()), sep="\n  ")


if __name__ == "__main__":
    main()
