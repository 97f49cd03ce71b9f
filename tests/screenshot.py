"""A picture of the page for the README, taken from the page itself.

    python -m tests.screenshot                  # writes docs/steer.png, 1440 x 900, light
"""
from __future__ import annotations

import tempfile
from pathlib import Path

from .conftest import ROOT, chromium, served

READY = """() => {
  const after = document.querySelector('#steer-stage img.after'), verdict = document.querySelector('#steer-verdict');
  return window.gan && gan.steer && after && after.naturalWidth > 0 && verdict.textContent
    && [...document.images].every(image => !image.src || image.complete)
    && document.querySelectorAll('#steer-knobs .knob:not([hidden])').length > 0;
}"""


def main() -> None:
    path = ROOT / "docs" / "steer.png"
    path.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url, chromium() as browser:
        page = browser.new_page(viewport=dict(width=1440, height=900), color_scheme="light", reduced_motion="reduce")
        page.goto(url, wait_until="commit")
        page.wait_for_function(READY, timeout=120_000)
        page.screenshot(path=path, animations="disabled")
    print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
