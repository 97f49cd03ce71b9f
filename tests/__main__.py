"""Run the tests in two processes, with Chromium where it can be had; start.py and tests/lowest.py do so.

python -m tests [arguments]     arguments go to pytest
"""

from __future__ import annotations

import os
import re
import sys

import start

from . import chromium

PARALLEL = ["-n", "2"]  # tests/conftest.py says what each of the two does
# Arguments that say how to distribute, that need one process (a debugger, what tests print), or that name one test.
ALONE = r"-[dnps]|--(numprocesses|dist|tx|pdb|trace|capture)|.*::"


def run(arguments: list[str]) -> int:
    chromium.main()
    # Threads of two processes that wait for each other on the same two cores by spinning take four times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    alone = any(re.match(ALONE, argument) for argument in arguments)
    return start.launch(sys.executable, ["-m", "pytest", *([] if alone else PARALLEL), *arguments])


if __name__ == "__main__":
    sys.exit(start.guarded(run, sys.argv[1:]))
