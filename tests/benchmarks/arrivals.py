"""A class that opens the page at once, each with a link of another tab: is anybody refused, and how long does it take?

    python -m tests.benchmarks.arrivals                     # 25 visitors within 2 s
    python -m tests.benchmarks.arrivals --flood             # while a program calls every public endpoint 100 times

Every visitor does what a browser does, without drawing: gets the page, opens the stream of events, asks what the link
means, and asks for its picture. What a visitor gets must be the recipe of their own link.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import itertools
import json
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

from ..conftest import served

VISITORS, WITHIN = 25, 2.0  # seconds in which they arrive
FLOOD = 100  # calls of every public endpoint
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


def flood(page: Page, calls: int = FLOOD) -> dict[int, int]:
    """A program that calls every public endpoint so often and waits for nothing: how many answers of each status."""
    about = json.loads(page.ask("GET", "/gradio_api/info")[1])["named_endpoints"]
    found: dict[int, int] = {}
    for _ in range(calls):
        for name, one in about.items():
            model = "objects-biggan" if name.startswith("/inside") else "portraits-stylegan2"
            values = [dict(model=model, version=1)] + [None] * (len(one["parameters"]) - 1)
            status, _said = page.ask("POST", f"/gradio_api/call{name}", dict(data=values))
            found[status] = found.get(status, 0) + 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=VISITORS)
    parser.add_argument("--flood", action="store_true", help="while a program calls every public endpoint 100 times")
    given = parser.parse_args()
    with served(Path(tempfile.mkdtemp())) as url:
        page = Page.at(url)
        arrive(page, len(LINKS))  # every network is open, as after the first visitor
        calls: dict[int, int] = {}
        program = threading.Thread(target=lambda: calls.update(flood(page)), daemon=True)
        if given.flood:
            program.start()
            time.sleep(3)
        visits = arrive(page, given.visitors)
        seconds, wrong = sorted(one.seconds for one in visits), [one.wrong() for one in visits if one.wrong()]
        print(f"{len(visits)} visitors within {WITHIN:g} s, links of {len(LINKS)} tabs: {len(wrong)} refused or wrong")
        middle, last = statistics.median(seconds), seconds[-1]
        print(f"from asking for the page to the picture's answer: median {middle:.2f} s, last {last:.2f} s")
        if given.flood:
            print(f"calls of the program by status so far: {dict(sorted(calls.items())) or 'it is not done'}")
        for said in dict.fromkeys(re.sub(r"\d+", "N", one) for one in wrong):
            print("wrong:", said[:300])


if __name__ == "__main__":
    main()
