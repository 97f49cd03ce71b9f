"""One download, whoever waits for it: it can be watched and cancelled, and every failure is one sentence."""

from __future__ import annotations

import hashlib
import threading
from abc import abstractmethod
from collections.abc import Callable, Hashable
from functools import lru_cache
from pathlib import Path

Progress = Callable[[int, "int | None"], None]
WATCH = 0.1  # seconds between two looks at a download


class FetchError(ValueError):
    """One sentence: the model, what was wrong, what to do."""


class Cancelled(Exception):
    """The caller asked for a download to end, and nobody else is waiting for it."""


class Stopped(Exception):
    """Ends a download from inside."""


class Download(threading.Thread):
    """Runs apart from those who wait, so that cancelling is heard while the other side is silent.

    Subclasses write `transfer` and `sentence`; `transfer` counts in `done` (bytes) and `total` (None: not known), and
    ends with `Stopped` soon after `stopped` is set, without leaving what passes for the whole file.
    """

    def __init__(self, name: str, total: int | None):
        super().__init__(name=f"fetch {name}", daemon=True)
        self.model, self.done, self.total = name, 0, total
        self.waiting, self.stopped, self.finished = 0, False, threading.Event()
        self.path: Path | None = None
        self.error: Exception | None = None

    @abstractmethod
    def transfer(self) -> Path:
        """The file, whole and checked."""

    @abstractmethod
    def sentence(self, error: Exception) -> str:
        """What was wrong, and what to do."""

    def run(self) -> None:
        try:
            self.path = self.transfer()
        except Exception as error:
            self.error = error
        finally:
            self.finished.set()

    def result(self) -> Path:
        """Raises FetchError."""
        if self.path is None:
            raise FetchError(self.sentence(self.error)) from self.error
        return self.path


_lock = threading.Lock()
_running: dict[Hashable, Download] = {}


def shared(
    key: Hashable,
    start: Callable[[], Download],
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """The path of what `start` downloads; callers with one key share one download.

    progress(bytes done, bytes in all or None) and cancelled() are called in the caller's thread, ten times a second.
    Raises FetchError and Cancelled.
    """
    download = _joined(key, start)
    try:
        while not download.finished.wait(WATCH):
            if progress:
                progress(download.done, download.total)
            if cancelled and cancelled():
                raise Cancelled(f"the download of {download.model} was cancelled")
    finally:
        _left(key, download)
    path = download.result()
    if progress:
        progress(path.stat().st_size, path.stat().st_size)
    return path


def _joined(key: Hashable, start: Callable[[], Download]) -> Download:
    with _lock:
        download = _running.get(key)
        if download is None:
            download = _running[key] = start()
            download.start()
        download.waiting += 1
        return download


def _left(key: Hashable, download: Download) -> None:
    with _lock:
        download.waiting -= 1
        if not download.waiting:  # what still runs ends at its next piece and clears up after itself
            download.stopped = True
            del _running[key]


@lru_cache(maxsize=64)
def sha256_of(path: str, _size: int, _mtime_ns: int) -> str:
    """Hexadecimal; the size and the time of the last change are there for the cache to tell two contents apart."""
    digest = hashlib.sha256()
    with open(path, "rb") as data:
        for block in iter(lambda: data.read(2**20), b""):
            digest.update(block)
    return digest.hexdigest()
