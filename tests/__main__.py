"""Run the tests in two processes, with Chromium where it can be had; start.py and tests/lowest.py do so.

python -m tests [arguments]     arguments go to pytest
"""

from __future__ import annotations

import re
import sys

import start

from . import chromium

# Two workers keep two cores busy. The tests of a file stay in one of them: they share a page that takes long to open.
# The longest files come first, so that neither worker waits for the other at the end.
PARALLEL = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
# Arguments that say how to distribute, that need one process (a debugger, what tests print), or that name one test.
ALONE = r"-[dnps]|--(numprocesses|dist|tx|pdb|trace|capture)|.*::"


def run(arguments: list[str]) -> int:
    chromium.main()
    alone = any(re.match(ALONE, argument) for argument in arguments)
    return start.launch(sys.executable, ["-m", "pytest", *([] if alone else PARALLEL), *arguments])


if __name__ == "__main__":
    sys.exit(start.guarded(run, sys.argv[1:]))
