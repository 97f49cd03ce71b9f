"""Files that visitors bring: streamed to disk, theirs alone, and gone after an hour or when they leave.

A file waits under a token that only who brought it knows. A network among them is read in a process of its own; what is
kept of it is its generator, as a card that the visitor's page alone has the name of.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import zoo
from .checkpoints import apart, native
from .checkpoints.apart import Stopped as Stopped
from .generators.base import Generator

LARGEST, TOGETHER, MOST = 400 * 10**6, 1200 * 10**6, 3  # bytes of a file, of all, and how many at once: where hosted
SECONDS, WAITS = 3600.0, 600.0  # that a network is kept, and a file that nobody asks for
PREFIX = "yours-"  # of the names of visitors' networks
SEVERAL = ("dcgan",)  # formats whose files can be read in several ways, and are kept meanwhile
LONGEST_NAME = 80  # characters
HERE = "open it on a computer of your own, where files may have any size"


@dataclass(eq=False)
class Brought:
    """A file that has come, or is coming. size: in bytes, as announced. visitor: whose it became; "" until it was read.
    card: of the network that it holds; "" where none was opened."""

    token: str
    folder: Path
    name: str
    size: int
    visitor: str = ""
    card: str = ""
    born: float = field(default_factory=time.monotonic)
    arrived: bool = False

    @property
    def path(self) -> Path:
        """In a folder of its own, under its own name as far as a disk takes it."""
        return self.folder / self.name

    def age(self) -> float:
        return time.monotonic() - self.born

    def left(self) -> float:
        """Seconds until it goes."""
        return (SECONDS if self.card else WAITS) - self.age()


_lock = threading.RLock()
_brought: dict[str, Brought] = {}
_home: list[Path] = []


def hosted() -> bool:
    """Is this a page that strangers share? Then uploads have limits."""
    return "SPACE_ID" in os.environ


def limits() -> dict[str, int | None]:
    """What the page says of its limits. None: there is none."""
    return dict(largest=LARGEST if hosted() else None, minutes=int(SECONDS // 60))


def begin(name: str, size: int) -> Brought:
    """Room for a file of `size` bytes that is about to come. Raises ValueError where there is none."""
    with _lock:
        tidy()
        if size <= 0:
            raise ValueError(f"the file {_shown(name)} is empty: choose another")
        if hosted():
            _check_room(name, size)
        token = secrets.token_hex(16)
        folder = _folder() / token
        folder.mkdir(mode=0o700)
        made = _brought[token] = Brought(token, folder, _on_disk(name), size)
        return made


def _check_room(name: str, size: int) -> None:
    if size > LARGEST:
        raise ValueError(
            f"the file {_shown(name)} has {size / 1e6:,.0f} MB; a file on this page may have {LARGEST // 10**6}: {HERE}"
        )
    there = list(_brought.values())
    if len(there) >= MOST or sum(one.size for one in there) + size > TOGETHER:
        soonest = max(1, round(min(one.left() for one in there) / 60))
        raise ValueError(
            f"this page keeps {MOST} files of visitors at a time, {TOGETHER / 1e9:g} GB together, and they are taken: "
            f"a place is free in {soonest} minutes at most, or {HERE}"
        )


def arrived(one: Brought) -> str:
    """The token by which a file that has come whole is asked for."""
    one.arrived, one.born = True, time.monotonic()
    return one.token


def drop(one: Brought) -> None:
    """The file goes, and its network with it."""
    with _lock:
        _brought.pop(one.token, None)
        if one.card:
            zoo.dismiss(one.card)
    shutil.rmtree(one.folder, ignore_errors=True)


def of(token: object) -> Brought:
    """The file of a token. Raises ValueError where it is not there any more."""
    tidy()
    found = _brought.get(token) if isinstance(token, str) else None
    if found is None or not found.arrived:
        raise ValueError("this file is no longer here: choose it again")
    return found


def tidy() -> None:
    """What is too old goes."""
    with _lock:
        for one in [one for one in _brought.values() if one.left() <= 0]:
            drop(one)


def leave(visitor: str) -> None:
    """The visitor closed the page: what they brought goes."""
    with _lock:
        for one in [one for one in _brought.values() if visitor and one.visitor == visitor]:
            drop(one)


def owner_of(card: str) -> str:
    """The visitor whose network this is; "" where it is nobody's."""
    return next((one.visitor for one in list(_brought.values()) if one.card == card), "")


# --- a network


def opened(
    one: Brought, visitor: str, *, settings: Mapping | None = None, stopped: Callable[[], bool] = lambda: False
) -> zoo.ModelCard:
    """The network in a file as a card of this visitor; the one that they brought before goes.

    settings: how the file is to be read, as of `checkpoints.read`. The file as it came is deleted, unless it can be
    read in several ways. Raises ValueError in one sentence, after which the file is gone, and Stopped.
    """
    if one.card and not one.path.exists():  # it was asked twice, where the connection broke
        return zoo.card(one.card)
    target = _read_into(one) / f"{secrets.token_hex(4)}.safetensors"
    bounds = apart.USUAL if hosted() else None
    try:
        made = apart.converted(one.path, target, settings=settings, limits=bounds, stopped=stopped)
        card = zoo.visiting(target, name=f"{PREFIX}{secrets.token_hex(8)}", given=one.name, settings=settings)
    except BaseException:
        drop(one)
        raise
    with _lock:
        if one.card:
            old = zoo.card(one.card).path
            zoo.dismiss(one.card)
            old.unlink(missing_ok=True)
        one.card, one.visitor, one.size = card.name, visitor, made.path.stat().st_size
        for other in [other for other in _brought.values() if other is not one and other.visitor == visitor]:
            drop(other)
    if made.format not in SEVERAL:
        one.path.unlink(missing_ok=True)
    timer = threading.Timer(SECONDS + 1, tidy)
    timer.daemon = True
    timer.start()
    return card


@dataclass(frozen=True, eq=False)
class Reading:
    """One way to read a file. settings: as `opened` takes them. generator: small, and of no card."""

    says: str
    settings: Mapping
    generator: Generator


def readings(card: str, *, stopped: Callable[[], bool] = lambda: False) -> list[Reading]:
    """The ways in which the file of a visitor's network can be read, the usual one first; none where there is one way.

    Raises ValueError where the network is no longer here, and Stopped.
    """
    one = next((one for one in list(_brought.values()) if one.card == card), None)
    if one is None:
        raise ValueError("this network is no longer here: drop its file again")
    if not one.path.exists():
        return []
    folder = _read_into(one) / secrets.token_hex(4)
    folder.mkdir()
    try:
        ways = apart.readings(one.path, folder, limits=apart.USUAL if hosted() else None, stopped=stopped)
        return [Reading(way.says, way.settings, native.read(way.path)) for way in ways]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def token_of(card: str) -> str:
    """By which the file of a visitor's network is asked for again; "" where it is gone."""
    return next((one.token for one in list(_brought.values()) if one.card == card and one.path.exists()), "")


# --- on the disk


def _read_into(one: Brought) -> Path:
    """Where what was made of a file lies, apart from the file itself, whose name is a stranger's."""
    folder = one.folder / ".read"
    folder.mkdir(exist_ok=True)
    return folder


def _folder() -> Path:
    """Of this process, readable by its user alone, deleted when it ends."""
    with _lock:
        if not _home or not _home[0].is_dir():
            _home[:] = [Path(tempfile.mkdtemp(prefix="ganatomy-brought-"))]
            atexit.register(shutil.rmtree, _home[0], ignore_errors=True)
        return _home[0]


def _on_disk(name: str) -> str:
    """A name that every disk takes, with the ending of what it was."""
    plain = re.sub(r"[^\w.-]+", "-", name.replace("\\", "/").rpartition("/")[2], flags=re.ASCII).strip(".-")
    stem, dot, ending = plain.rpartition(".")
    kept = f"{stem[: LONGEST_NAME - 12]}{dot}{ending[:11]}" if dot else plain[:LONGEST_NAME]
    return kept or "network"


def _shown(name: str) -> str:
    return json.dumps(re.sub(r"[^\w .()-]", "?", name)[:LONGEST_NAME])
