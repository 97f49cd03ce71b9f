"""Pictures of the page for the README, taken from the page itself.

python -m tests.screenshot          # writes docs/steer.png, paint.png, restore.png and inside.png, 1440 x 900
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from .conftest import ROOT, chromium, served

TABS = ("steer", "paint", "restore", "inside")
DECODED = "() => [...document.images].every(image => !image.src || image.complete || image.loading === 'lazy')"


def main() -> None:
    (ROOT / "docs").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url, chromium() as browser:
        for tab in TABS:
            path = ROOT / "docs" / f"{tab}.png"
            page = browser.new_page(
                viewport=dict(width=1440, height=900), color_scheme="light", reduced_motion="reduce"
            )
            page.goto(f"{url}?tab={tab}", wait_until="commit")
            page.wait_for_function(f"() => window.gan && gan.settled('{tab}')", timeout=120_000)
            page.wait_for_function(DECODED)
            page.wait_for_timeout(600)  # the map is drawn once both pictures are decoded
            page.screenshot(path=path, animations="disabled")
            print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
