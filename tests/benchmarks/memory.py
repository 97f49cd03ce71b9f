"""How much memory the page holds after many actions, and whether it goes on growing.

    python -m tests.benchmarks.memory           # 1,000 mixed actions of all tabs, then another 1,000
    python -m tests.benchmarks.memory --actions 200

The page runs as a process of its own, as `python app.py` starts it; actions go through its endpoints, half of them
pictures by plain HTTP. Every action has a new seed. What is held is read once free memory has gone back to the system.
The aim: at most 1.0 GB, and less than 30 MB more after another 1,000.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode

from core import memory

from .crowd import http_get, start

ACTIONS = 1_000
SETTLED = 2 * memory.SECONDS + 1  # seconds: what is free goes back to the system meanwhile
ROOT = Path(__file__).resolve().parents[2]
MODELS = ("portraits-stylegan2", "portraits-pggan", "objects-biggan")
METHODS = ("sefa", "ganspace", "random")
TASKS = ("enlarge", "colour", "fill", "noise", "copy")
# how often each is done, in a thousand
SHARES = dict(
    after=350,
    film=60,
    inside_after=90,
    steer_picture=200,
    steer_strip=60,
    steer_other_faces=10,
    steer_code=30,
    paint_picture=50,
    restore_picture=50,
    inside_picture=70,
    inside_code=30,
)


def resident(pid: int) -> float:
    """MB of memory that the process holds."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


class Actions:
    """Mixed actions of all tabs, each new; `done` counts them, `refused` those that were answered with a sentence."""

    def __init__(self, url: str):
        from gradio_client import Client

        self.url, self.draw, self.seed = url, random.Random(0), 0
        self.client = Client(url, verbose=False, analytics_enabled=False)
        self.done, self.refused = Counter(), Counter()

    def recipe(self, name: str) -> dict:
        """Of the tab that the action belongs to."""
        self.seed += 1
        model = self.draw.choice(MODELS)
        label = self.draw.randrange(16) if model == "objects-biggan" else 0
        plain = dict(model=model, seed=self.seed, label=label)
        makers: dict[str, Callable[[], dict]] = {
            "paint": lambda: dict(plain, tab="paint", method="resefa", amounts=[1.0], size=16),
            "restore": lambda: dict(
                tab="restore",
                model=model,
                task=self.draw.choice(TASKS),
                picture=self.seed % 10_000,
                label=label,
                codes=2,
                steps=3,
            ),
            "inside": lambda: dict(
                plain,
                tab="inside",
                model="objects-biggan",
                label=self.draw.randrange(16),
                gate=self.draw.randrange(8),
                channel=self.draw.randrange(16),
                amount=round(self.draw.uniform(0, 3), 2),
            ),
        }
        moved = dict(plain, version=1, method=self.draw.choice(METHODS), amounts=[round(self.draw.uniform(-3, 3), 2)])
        return makers.get(name.split("_")[0], lambda: moved)()

    def do(self, name: str) -> None:
        recipe = self.recipe(name)
        self.done[name] += 1
        try:
            if name in ("after", "film", "inside_after"):
                self._get(name.rpartition("_")[2], recipe)
            else:
                self.client.predict(recipe, api_name=f"/{name}")
        except (HTTPError, ValueError, RuntimeError) as error:
            self.refused[f"{name}: {str(error)[:60]}"] += 1

    def _get(self, kind: str, recipe: dict) -> None:
        fields = {name: value for name, value in recipe.items() if name != "version"}
        if "amounts" in fields:
            fields["amounts"] = ",".join(map(str, fields["amounts"]))
        with http_get(self.url, f"/pictures/{kind}?{urlencode(fields)}") as answer:
            answer.read()

    def many(self, count: int) -> None:
        for name in self.draw.choices(list(SHARES), list(SHARES.values()), k=count):
            self.do(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=ACTIONS)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        process, url = start(Path(folder), ROOT)
        try:
            print(f"{'at first':<40}{resident(process.pid):>10.0f} MB", flush=True)
            actions, held = Actions(url), []
            for _ in range(given.rounds):
                began = time.perf_counter()
                actions.many(given.actions)
                took = time.perf_counter() - began
                time.sleep(SETTLED)
                held.append(resident(process.pid))
                print(
                    f"{f'after {sum(actions.done.values()):,} actions, {took:.0f} s more':<40}{held[-1]:>10.0f} MB",
                    flush=True,
                )
        finally:
            process.terminate()
            process.wait(30)
    print(
        f"{'more after the last ' + format(given.actions, ','):<40}{held[-1] - held[-2]:>+10.1f} MB"
        if len(held) > 1
        else ""
    )
    for said, count in actions.refused.most_common(5):
        print(f"refused {count} times: {said}")


if __name__ == "__main__":
    main()
