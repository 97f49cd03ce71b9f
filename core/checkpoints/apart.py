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
from . import readings as readings_of
from .vocabulary import shown

PACKAGES = Path(__file__).resolve().parents[2]  # the folder that holds `core`
LOOK = 0.05  # seconds between two looks at the process
NICE = 5  # how far it stands behind whoever draws
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


@dataclass(frozen=True)
class Way:
    """One way to read a file: in words, as the `settings` of `read`, and our own file of the generator."""

    says: str
    settings: Mapping
    path: Path


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
    options = dict(settings=dict(settings or {}))
    try:
        answer = _answer(source, target, options, limits, stopped)
        if not target.is_file():
            raise ValueError(_unread(source, LENT))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return Converted(target, answer["format"], answer["architecture"], tuple(answer["notes"]))


def readings(
    source: Path, folder: Path, *, limits: Limits | None = USUAL, stopped: Callable[[], bool] = lambda: False
) -> list[Way]:
    """Every way in which a file can be read (`checkpoints.readings`), its generator in a file in `folder`.

    Limits and errors as of `converted`.
    """
    answer = _answer(source, folder / "way", dict(readings=True), limits, stopped)
    return [Way(way["says"], way["settings"], folder / way["file"]) for way in answer["ways"]]


def _answer(source: Path, target: Path, options: Mapping, limits: Limits | None, stopped: Callable[[], bool]) -> dict:
    """What the process says once it has ended well."""
    told = json.dumps(dict(options, limits=list(limits) if limits else None))
    command = [sys.executable, "-m", __name__, str(source), str(target), told]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    said, none = target.with_suffix(".said"), subprocess.DEVNULL
    try:
        with open(said, "wb") as answer:
            child = subprocess.Popen(command, cwd=PACKAGES, env=environment, stdin=none, stdout=answer, stderr=none)
        try:
            code = _waited(child, None if limits is None else limits.seconds + PATIENCE, stopped)
        finally:
            child.kill()
            child.wait()
        return _understood(said.read_bytes(), code, source)
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


def _understood(said: bytes, code: int | None, source: Path) -> dict:
    answer = {}
    with contextlib.suppress(ValueError):
        answer = json.loads(said.decode("utf-8", "replace").strip().splitlines()[-1]) if said.strip() else {}
    if "error" in answer:
        raise ValueError(answer["error"])
    if code == 0 and answer:
        return answer
    raise ValueError(_unread(source, "reading it takes too long" if code is None else LENT))


LENT = "reading it needs more memory or time than this page lends"


def _unread(source: Path, why: str) -> str:
    return (
        f"the file {shown(source.name)} cannot be opened here, because {why}: open it on a computer of your own, "
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
        said = (
            _ways(source, target.parent) if options.get("readings") else _written(source, target, options["settings"])
        )
    except ValueError as error:
        said = dict(error=str(error))
    print(json.dumps(said))


def _written(source: Path, target: Path, settings: Mapping) -> dict:
    described, facts = describe(source, settings=settings), {}
    with contextlib.suppress(ValueError):
        kept = native.metadata(source) if described.format == "ganatomy" else {}
        facts = {key: kept[key] for key in ("licence", "link") if key in kept}
    native.save(described.generator, target, notes="\n".join(described.generator.notes), **facts)
    return dict(format=described.format, architecture=described.architecture, notes=described.generator.notes)


def _ways(source: Path, folder: Path) -> dict:
    ways = []
    for i, way in enumerate(readings_of(source)):
        native.save(describe(source, settings=way.config).generator, folder / f"{i}.safetensors")
        ways.append(dict(says=way.says, settings=way.config, file=f"{i}.safetensors"))
    return dict(ways=ways)


if __name__ == "__main__":
    main()
