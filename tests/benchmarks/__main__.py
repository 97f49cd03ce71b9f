"""Run a benchmark and keep what it prints in docs/benchmarks/NAME.txt, which docs/measured.md quotes.

    python -m tests.benchmarks page                         # runs tests.benchmarks.page and keeps what it prints
    python -m tests.benchmarks synthesis --threads 2        # options after the name are the benchmark's own

The file says by which command, when, on how many cores, how busy they were, and of which commit. A benchmark that fails
leaves the file as it was. `python -m tests.benchmarks.NAME` runs one and keeps nothing.
"""

from __future__ import annotations

import argparse
import datetime
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "benchmarks"
NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def printed(name: str, options: Sequence[str]) -> tuple[int, str]:
    """(exit status, what it printed); shown while it runs. A process of its own: some measure memory or set threads."""
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    lines = []
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, encoding="utf-8") as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines)


def commit() -> str:
    """The commit that runs, and whether files differ from it; "unknown" outside of a repository."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
        return git("rev-parse", "--short", "HEAD") + (", with changes that are not committed" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def cores() -> int:
    """Those that this process may use, where the system says it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def head(name: str, options: Sequence[str]) -> str:
    """Lines "name: value", which `weights.recipes.measure.document` reads."""
    facts = dict(
        command=" ".join(["python -m tests.benchmarks", name, *options]),
        date=datetime.date.today().isoformat(),
        cores=cores(),
        commit=commit(),
    )
    if hasattr(os, "getloadavg"):
        facts["load"] = f"{os.getloadavg()[0]:.1f}"
    return "\n".join(f"{name}: {value}" for name, value in facts.items())


def kept(name: str, options: Sequence[str], folder: Path = KEPT) -> int:
    """Runs the benchmark and returns its exit status; writes folder/NAME.txt where that is 0."""
    before = head(name, options)
    status, text = printed(name, options)
    if status == 0:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{name}.tmp"
        temporary.write_text(f"{before}\n\n{text.strip()}\n", encoding="utf-8", newline="\n")
        temporary.replace(folder / f"{name}.txt")
        print(f"kept: docs/benchmarks/{name}.txt; `python -m weights.recipes.measure.document` quotes it")
    return status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("options", nargs=argparse.REMAINDER, help="of the benchmark; --help shows them")
    given = parser.parse_args()
    if {"-h", "--help"} & set(given.options):
        sys.exit(printed(given.name, given.options)[0])
    sys.exit(kept(given.name, given.options))


if __name__ == "__main__":
    main()
