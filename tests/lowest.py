"""The tests with the oldest Python and the lowest versions that this project says it works with.

    python -m tests.lowest [arguments]     sets up .venv-lowest once, then runs pytest with these arguments

Needs a Python and nothing else, as start.py does. Every `>=` of the requirements becomes `==`; what these packages
need in turn comes in the newest version that fits.
"""

from __future__ import annotations

import os
import re
import shutil
import sys

import start


def lowest(lines: list[str]) -> list[str]:
    """The lowest version that each requirement allows. Raises SetupError where one names none."""
    open_ended = [line for line in lines if ">=" not in line]
    if open_ended:
        raise start.SetupError(f"Say the lowest version that works (>=): {', '.join(open_ended)}")
    return [re.sub(r">=\s*([\w.]+).*", r"==\1", line) for line in lines]


def oldest_python() -> str:
    """The oldest Python of pyproject.toml: a path or, for uv, which downloads it if need be, its version."""
    major, minor = start.pythons()[0]
    name = shutil.which(f"python{major}.{minor}")
    found = sys.executable if sys.version_info[:2] == (major, minor) else name
    if not found and not shutil.which("uv"):
        raise start.SetupError(
            f"The lowest versions are tested with the oldest Python: python{major}.{minor} is not on the path."
        )
    return found or f"{major}.{minor}"


def run(arguments: list[str]) -> int:
    python = start.environment(start.ROOT / ".venv-lowest", oldest_python)
    start.prepare(python, lowest(start.requirements(*start.DEV)))
    os.chdir(start.ROOT)
    return start.launch(python, ["-m", "tests", *arguments])


if __name__ == "__main__":
    sys.exit(start.guarded(run, sys.argv[1:]))
