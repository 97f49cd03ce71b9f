"""A stranger's file read in a process of its own, within limits of time, memory and bytes; our own file comes out.

python -m core.checkpoints.apart SOURCE TARGET OPTIONS        as `converted` runs it; OPTIONS is JSON
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from . import describe, native
from .vocabulary import shown

PACKAGES = Path(__file__).resolve().parents[2]  # the folder that holds `core`
LOOK = 0.05  # seconds between two looks at the process
NICE = 10  # how far it stands behind whoever draws
PATIENCE = 20.0  # seconds that starting takes at most, beside the limit


class Limits(NamedTuple):
    """Of one file. seconds: on the clock. memory: bytes that the process may hold. written: bytes that come out."""

    seconds: float = 120.0
    memory: int = 3 * 2**30
    written: int = 2**30


USUAL = Limits()


@dataclass(frozen=True)
class Converted:
    """What came out. format: of `checkpoints.FORMATS`; architecture, notes: as of `checkpoints.describe`."""

    path: Path
    format: str
    architecture: str
    notes: tuple[str, ...]


class Stopped(Exception):
    """The caller asked the reading to end."""


def converted(
    source: Path,
    target: Path,
    *,
    settings: Mapping | None = None,
    limits: Limits | None = USUAL,
    stopped: Callable[[], bool] = lambda: False,
) -> Converted:
    """Read `source` in a process of its own and write its generator to `target`, whole or not at all.

    settings: as of `checkpoints.read`. limits: None on a computer of one's own.
    Raises ValueError in one sentence for whatever cannot be opened, and Stopped.
    """
    options = dict(settings=dict(settings or {}), limits=list(limits) if limits else None)
    command = [sys.executable, "-m", __name__, str(source), str(target), json.dumps(options)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    said = target.with_suffix(".said")
    try:
        with open(said, "wb") as answer:
            none = subprocess.DEVNULL
            child = subprocess.Popen(command, cwd=PACKAGES, env=environment, stdin=none, stdout=answer, stderr=none)
        try:
            code = _waited(child, None if limits is None else limits.seconds + PATIENCE, stopped)
        finally:
            child.kill()
            child.wait()
        return _understood(said.read_bytes(), code, target, source.name)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        said.unlink(missing_ok=True)


def _waited(child: subprocess.Popen, seconds: float | None, stopped: Callable[[], bool]) -> int | None:
    """Its exit status; None: it took longer."""
    until = None if seconds is None else time.monotonic() + seconds
    while child.poll() is None:
        if stopped():
            raise Stopped
        if until is not None and time.monotonic() > until:
            return None
        time.sleep(LOOK)
    return child.returncode


def _understood(said: bytes, code: int | None, target: Path, name: str) -> Converted:
    answer = {}
    with contextlib.suppress(ValueError):
        answer = json.loads(said.decode("utf-8", "replace").strip().splitlines()[-1]) if said.strip() else {}
    if "error" in answer:
        raise ValueError(answer["error"])
    if code == 0 and "format" in answer and target.is_file():
        return Converted(target, answer["format"], answer["architecture"], tuple(answer["notes"]))
    why = "reading it takes too long" if code is None else "reading it needs more memory or time than this page lends"
    raise ValueError(
        f"the file {shown(name)} cannot be opened here, because {why}: open it on a computer of your own, "
        "with `python app.py --weights`"
    )


# --- in the process of its own


def limit(limits: Limits) -> None:
    """From now on this process has these limits, where the system knows them (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    seconds = max(1, int(limits.seconds))
    for name, most in (
        ("RLIMIT_CPU", seconds),
        ("RLIMIT_DATA", limits.memory),
        ("RLIMIT_FSIZE", limits.written),
        ("RLIMIT_CORE", 0),
    ):
        kind = getattr(resource, name, None)
        if kind is not None:
            _, highest = resource.getrlimit(kind)
            most = most if highest == resource.RLIM_INFINITY else min(most, highest)
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(kind, (most, most))


def main() -> None:
    source, target, options = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    if hasattr(os, "nice"):
        os.nice(NICE)
    if options["limits"]:
        limit(Limits(*options["limits"]))
    torch.set_num_threads(1)
    try:
        described = describe(source, settings=options["settings"])
    except ValueError as error:
        print(json.dumps(dict(error=str(error))))
        return
    generator, facts = described.generator, {}
    with contextlib.suppress(ValueError):
        kept = native.metadata(source) if described.format == "ganatomy" else {}
        facts = {key: kept[key] for key in ("licence", "link") if key in kept}
    native.save(generator, target, notes="\n".join(generator.notes), **facts)
    said = dict(format=described.format, architecture=described.architecture, notes=generator.notes)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
