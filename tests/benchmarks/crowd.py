"""Many visitors at once: how many pictures a second the page draws, and how long each visitor waits.

    python -m tests.benchmarks.crowd                        # both doors, one after the other, a minute each
    python -m tests.benchmarks.crowd --door http --restoration

Every visitor asks for a picture, waits for it, and asks for the next: a new seed or a new amount each time. The door
`queue` is the page's queue as a browser uses it, `http` the pictures beside it. Each picture is compared with its
recipe drawn alone. Visitors and page share this machine, so that the numbers of a door hold beside those of the other
door in the same run; the speed of a matrix product says how busy the machine was.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np
from PIL import Image

VISITORS, SECONDS, CORES = 20, 60, 2
MODEL = "portraits-stylegan2"
IDLE = 2.0  # seconds after which a connection is made anew
CHECKED = 400  # pictures of each door that are drawn again alone; all are decoded
RESTORATION = dict(model=MODEL, task="copy", picture=4321, codes=10, steps=1000, version=1, tab="restore")


class Visitor:
    """Asks one question after the other over connections of its own."""

    def __init__(self, url: str, number: int):
        self.host, self.port = urlsplit(url).hostname, urlsplit(url).port
        self.draw, self.seed = random.Random(number), 1000 * number
        self.session, self.connection = f"visitor{number}", self._connect()
        self.seen: list[tuple[dict, bytes]] = []
        self.asked = 0.0
        self.waits: list[float] = []
        self.errors: list[str] = []

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=120)

    def recipe(self) -> dict:
        """The next one: another seed, or the same seed with the knob elsewhere."""
        if self.draw.random() < 0.3:
            self.seed += 1
        amounts = [round(self.draw.uniform(-3, 3), 3), *[0.0] * 9]
        return dict(version=1, model=MODEL, seed=self.seed, psi=0.7, amounts=amounts, knob=0)

    def ask(self, path: str, body: dict | None = None) -> bytes:
        """A whole answer over the kept connection. Raises RuntimeError where it is no success."""
        data = None if body is None else json.dumps(body)
        if time.monotonic() - self.asked > IDLE:  # the server closes a connection that was silent for 5 s
            self.connection.close()
        self.asked = time.monotonic()
        self.connection.request("GET" if body is None else "POST", path, data, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        found = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {found[:200]!r}")
        return found

    def by_http(self, recipe: dict) -> bytes:
        amounts = ",".join(f"{amount:g}" for amount in recipe["amounts"])
        fields = {name: value for name, value in recipe.items() if name != "version"}
        return self.ask("/pictures/after?" + urlencode(dict(fields, v="1", amounts=amounts), safe=","))

    def by_queue(self, recipe: dict, dependency: dict) -> bytes:
        """As the browser does it: joined, then heard of in a stream of events."""
        values = [None if kind == "state" else recipe for kind in dependency["inputs_kind"]]
        self.ask(
            "/gradio_api/queue/join?",
            dict(data=values, fn_index=dependency["id"], session_hash=self.session, event_data=None, trigger_id=None),
        )
        stream = self._connect()
        stream.request("GET", f"/gradio_api/queue/data?session_hash={self.session}")
        try:
            return self._heard(stream.getresponse())
        finally:
            stream.close()

    @staticmethod
    def _heard(answer: http.client.HTTPResponse) -> bytes:
        for line in answer:
            told = json.loads(line[5:]) if line.startswith(b"data:") else {}
            if told.get("msg") == "process_completed":
                shown = told["output"]["data"][0] if told["success"] else {}
                if "src" not in shown:
                    raise RuntimeError(str(told)[:300])
                return base64.b64decode(shown["src"].partition(",")[2])
        raise RuntimeError("the stream of events ended early")

    def stay(self, get: Callable[[dict], bytes], until: float) -> None:
        while time.monotonic() < until:
            recipe, began = self.recipe(), time.perf_counter()
            try:
                picture = get(recipe)
            except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
                self.errors.append(str(error))
                self.connection.close()
                self.connection = self._connect()
                continue
            self.waits.append(time.perf_counter() - began)
            self.seen.append((recipe, picture))


def answering(url: str) -> dict:
    """The page's event that answers a recipe of Steer: its number, and which of its inputs are the server's own."""
    with http_get(url, "/config") as answer:
        config = json.load(answer)
    kinds = {part["id"]: part["type"] for part in config["components"]}
    found = next(one for one in config["dependencies"] if one["api_name"] == "steer_answer")
    return dict(id=found["id"], inputs_kind=[kinds[number] for number in found["inputs"]])


def http_get(url: str, path: str):
    from urllib.request import ProxyHandler, build_opener

    return build_opener(ProxyHandler({})).open(url + path, timeout=60)


def crowd(url: str, door: str, count: int, seconds: float) -> list[Visitor]:
    """`count` visitors at one door for so many seconds."""
    dependency = answering(url)
    visitors = [Visitor(url, number) for number in range(1, count + 1)]
    for one in visitors[:1]:  # the first picture opens the network, and finds its knobs
        one.by_queue(one.recipe(), dependency)
    until = time.monotonic() + seconds
    ways = {"http": lambda one: one.by_http, "queue": lambda one: lambda recipe: one.by_queue(recipe, dependency)}
    threads = [threading.Thread(target=one.stay, args=(ways[door](one), until)) for one in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return visitors


def mixed_up(visitors: list[Visitor], alone: Callable[[dict], np.ndarray]) -> tuple[int, int]:
    """How many pictures are not their recipe drawn alone, to a level of 255; and how many were compared."""
    seen = [one for visitor in visitors for one in visitor.seen]
    chosen = random.Random(0).sample(seen, min(CHECKED, len(seen)))
    wrong = 0
    for recipe, data in chosen:
        picture, truth = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int), alone(recipe)
        wrong += picture.shape != truth.shape or np.abs(picture - truth).max() > 1
    return wrong, len(chosen)


def alone_of() -> Callable[[dict], np.ndarray]:
    """Draws a recipe in this process."""
    from demos.page.picture import shown
    from demos.steer import recipe as recipes

    def alone(recipe: dict) -> np.ndarray:
        found = recipes.Recipe.from_json(recipe)
        return np.asarray(shown(recipes.render(found), found.model)[0].convert("RGB")).astype(int)

    return alone


def speed() -> float:
    """Matrix products of 512 x 512 a second: how busy the machine is."""
    a, began, count = np.random.default_rng(0).random((512, 512)).astype(np.float32), time.perf_counter(), 0
    while time.perf_counter() - began < 1:
        a @ a
        count += 1
    return count / (time.perf_counter() - began)


def start(
    folder: Path, root: Path, runs: Sequence[str] = ("app.py",), **variables: str
) -> tuple[subprocess.Popen, str]:
    """`python app.py` of the checkout `root` on CORES cores, or what Python `runs` in its place, with more variables
    in its environment.
    """
    from ..conftest import answers, free_port

    port = free_port()
    environment = dict(os.environ, TMPDIR=str(folder), GRADIO_TEMP_DIR=str(folder / "served"), **variables)
    command = [sys.executable, *runs, "--port", str(port)]
    with open(folder / "app.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, sorted(os.sched_getaffinity(0))[:CORES])
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + 180
    while not answers(url):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError((folder / "app.log").read_text(encoding="utf-8")[-2000:])
        time.sleep(0.2)
    return process, url


def restore(url: str, ended: threading.Event) -> None:
    """Keeps one restoration at work until `ended`: another picture as soon as one is done."""
    from gradio_client import Client

    client, picture = Client(url, verbose=False, analytics_enabled=False), RESTORATION["picture"]
    while not ended.is_set():
        job = client.submit(dict(RESTORATION, picture=picture), api_name="/restore_picture")
        while not job.done() and not ended.is_set():
            time.sleep(0.2)
        picture += 1
    job.cancel()


def measured(door: str, given: argparse.Namespace) -> None:
    """Prints a row for one door of one checkout."""
    with tempfile.TemporaryDirectory() as folder:
        process, url = start(Path(folder), given.root)
        ended, beside = threading.Event(), None
        try:
            if given.restoration:
                beside = threading.Thread(target=restore, args=(url, ended), daemon=True)
                beside.start()
                time.sleep(5)
            before = speed()
            visitors = crowd(url, door, given.visitors, given.seconds)
        finally:
            ended.set()
            if beside:
                beside.join(10)
            process.terminate()
            process.wait(30)
    waits = [wait for one in visitors for wait in one.waits]
    errors = [error for one in visitors for error in one.errors]
    wrong, compared = mixed_up(visitors, alone_of())
    late = statistics.quantiles(waits, n=20)[-1] if len(waits) > 1 else float("nan")
    middle = statistics.median(waits) if waits else float("nan")
    print(
        f"{door:<7}{len(waits) / given.seconds:>8.1f} pictures/s{middle:>8.2f} s median{late:>8.2f} s at 95 %"
        f"{len(errors):>6} errors{wrong:>5} of {compared} wrong{before:>9.0f} products/s",
        flush=True,
    )
    for error in sorted(set(errors))[:3]:
        print("   ", error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--door", choices=("queue", "http", "both"), default="both")
    parser.add_argument("--restoration", action="store_true", help="a restoration runs beside the visitors")
    parser.add_argument("--visitors", type=int, default=VISITORS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument(
        "--root",
        type=Path,
        default=Path(__file__).resolve().parents[2],
        help="another checkout, whose page is measured",
    )
    given = parser.parse_args()
    beside = ", a restoration beside them" if given.restoration else ""
    print(f"{given.visitors} visitors, {given.seconds:g} s{beside}; load {os.getloadavg()[0]:.1f}")
    for door in ("queue", "http") if given.door == "both" else (given.door,):
        measured(door, given)


if __name__ == "__main__":
    main()
