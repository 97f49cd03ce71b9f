"""Memory that is free goes back to the system: glibc keeps it for each thread, and a server has many threads."""

from __future__ import annotations

import ctypes
import sys
import threading
import time

ARENAS = 2  # heaps that threads share; by default there are eight for every core, and each keeps what it once held
SECONDS = 10  # between two times that free memory is given back
_M_ARENA_MAX = -8  # of mallopt, see malloc.h


def _glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None


def give_back() -> None:
    """Gives pages that nobody uses back to the system; nothing happens where the C library is not glibc."""
    library = _glibc()
    if library:
        library.malloc_trim(0)


def keep_small(seconds: float = SECONDS) -> None:
    """From now on threads share few heaps, and free memory goes back every `seconds`, for as long as the process lives.

    It helps most before there are threads. Nothing happens where the C library is not glibc.
    """
    library = _glibc()
    if library:
        library.mallopt(_M_ARENA_MAX, ARENAS)
        threading.Thread(target=_now_and_then, args=(seconds,), name="memory", daemon=True).start()


def _now_and_then(seconds: float) -> None:
    while True:
        time.sleep(seconds)
        give_back()
