"""Pictures of the page for the README, taken from the page itself.

    python -m tests.screenshot                  # writes docs/steer.png and docs/paint.png, 1440 x 900, light
"""
from __future__ import annotations

import tempfile
from pathlib import Path

from .conftest import ROOT, chromium, served

TABS = {"steer": "steer-verdict", "paint": "paint-verdict"}
READY = """([tab, verdict]) => {
  const after = document.querySelector(`#${tab}-stage img.after`), said = document.querySelector(`#${verdict}`);
  return window.gan && gan[tab] && after && after.naturalWidth > 0 && said.textContent
    && [...document.images].every(image => !image.src || image.complete)
    && document.querySelectorAll(`#${tab}-knobs .knob:not([hidden])`).length > 0;
}"""


def main() -> None:
    (ROOT / "docs").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url, chromium() as browser:
        for tab, verdict in TABS.items():
            path = ROOT / "docs" / f"{tab}.png"
            page = browser.new_page(viewport=dict(width=1440, height=900), color_scheme="light", reduced_motion="reduce")
            page.goto(f"{url}?tab={tab}", wait_until="commit")
            page.wait_for_function(READY, arg=[tab, verdict], timeout=120_000)
            page.wait_for_timeout(300)          # the map is drawn once both pictures are decoded
            page.screenshot(path=path, animations="disabled")
            print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
