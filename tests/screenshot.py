"""Pictures of the page for the README, taken from the page itself.

python -m tests.screenshot          # writes docs/start.png, paint.png, restore.png and inside.png, 1440 x 900

With the network faces-dcgan on this machine it writes docs/faces-dcgan/steer.png too: Steer with a face of our own
world beside it with one of that network, whose pictures are not under this project's licence (the NOTICE beside it).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser

from core import zoo

from .conftest import ROOT, chromium, served

TABS = ("start", "paint", "restore", "inside")
NETWORK, RECORDS = "faces-dcgan", ROOT / "demos" / "arrival" / "faces-dcgan"
DECODED = "() => [...document.images].every(image => !image.src || image.complete || image.loading === 'lazy')"

LANDED = """() => window.gan?.parts.start && document.fonts.ready && !document.getElementById('start-front')
  && document.getElementById('start-view').dataset.live === 'engine'"""


def main() -> None:
    (ROOT / "docs").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url, chromium() as browser:
        for tab in TABS:
            taken(browser, url, tab, ROOT / "docs" / f"{tab}.png")
        if zoo.is_here(NETWORK):
            two_networks(browser, url, Path(folder))


def taken(browser: Browser, url: str, tab: str, path: Path, query: str = "", wide: int = 1440) -> None:
    """Writes the picture of a tab in the state of a link, `wide` x 900."""
    page = browser.new_page(viewport=dict(width=wide, height=900), color_scheme="light", reduced_motion="reduce")
    page.goto(f"{url}?tab={tab}{query}", wait_until="commit")
    there = LANDED if tab == "start" else f"() => window.gan && gan.settled('{tab}')"
    page.wait_for_function(there, timeout=120_000)
    page.wait_for_function(DECODED)
    page.wait_for_timeout(600)  # the map is drawn once both pictures are decoded
    page.screenshot(path=path, animations="disabled")
    if path.is_relative_to(ROOT):
        print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size / 1024:.0f} kB")


def two_networks(browser: Browser, url: str, folder: Path) -> None:
    """Steer as it opens, and beside it with what is recorded for NETWORK."""
    recipe = json.loads((RECORDS / "steer.json").read_text(encoding="utf-8"))["recipe"]
    chosen = {name: recipe[name] for name in ("model", "seed", "knob")}
    chosen["amounts"] = ",".join(f"{amount:g}" for amount in recipe["amounts"])
    both, there = Image.new("RGB", (1440, 900)), ROOT / "docs" / NETWORK
    for i, query in enumerate(("", "&v=1&" + urlencode(chosen))):
        taken(browser, url, "steer", folder / "half.png", query, wide=720)
        both.paste(Image.open(folder / "half.png"), (720 * i, 0))
    there.mkdir(exist_ok=True)
    shutil.copy(RECORDS / "NOTICE", there / "NOTICE")
    both.save(there / "steer.png", optimize=True)
    print(f"wrote docs/{NETWORK}/steer.png, {os.path.getsize(there / 'steer.png') / 1024:.0f} kB")


if __name__ == "__main__":
    main()
