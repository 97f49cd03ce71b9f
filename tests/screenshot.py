"""Pictures of the page for the README, taken from the page itself.

python -m tests.screenshot          # writes docs/steer.png, paint.png, restore.png and inside.png, 1440 x 900
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from .conftest import ROOT, chromium, served

KNOBS = """() => {
  const after = document.querySelector('#TAB-stage img.after');
  return window.gan && gan.TAB && after && after.naturalWidth > 0 && document.querySelector('#TAB-verdict').textContent
    && document.querySelectorAll('#TAB-knobs .knob:not([hidden])').length > 0;
}"""
READY = {
    "steer": KNOBS.replace("TAB", "steer"),
    "paint": KNOBS.replace("TAB", "paint"),
    "restore": "() => window.gan && gan.restore && gan.restore.now.answer",
    "inside": "() => window.gan && gan.inside && gan.settled('inside')",
}
DECODED = "() => [...document.images].every(image => !image.src || image.complete)"


def main() -> None:
    (ROOT / "docs").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url, chromium() as browser:
        for tab, ready in READY.items():
            path = ROOT / "docs" / f"{tab}.png"
            page = browser.new_page(
                viewport=dict(width=1440, height=900), color_scheme="light", reduced_motion="reduce"
            )
            page.goto(f"{url}?tab={tab}", wait_until="commit")
            page.wait_for_function(ready, timeout=120_000)
            page.wait_for_function(DECODED)
            page.wait_for_timeout(300)  # the map is drawn once both pictures are decoded
            page.screenshot(path=path, animations="disabled")
            print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
