"""Run the tests, with Chromium where it can be had; start.py and tests/lowest.py do so.

python -m tests [arguments]     arguments go to pytest
"""

from __future__ import annotations

import sys

import start

from . import chromium


def run(arguments: list[str]) -> int:
    chromium.main()
    return start.launch(sys.executable, ["-m", "pytest", *arguments])


if __name__ == "__main__":
    sys.exit(start.guarded(run, sys.argv[1:]))
