"""What the Jacobian of one picture costs in memory and time, before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

SHARE = 0.5  # of the free memory that a Jacobian may take
MOST = 8 * 2**30  # bytes, also where the machine does not say what is free
PASSES = 2.5  # a column of the Jacobian costs that many pictures, measured at 64 and 128 px


class Budget(NamedTuple):
    """needs: bytes at the wanted size; available: those that may be taken. fits: the largest size in pixels a side, not
    above the wanted one, that needs no more than these; None: none does.
    """

    needs: int
    available: int
    fits: int | None

    @property
    def tight(self) -> bool:
        """Is the wanted size too large?"""
        return self.needs > self.available


def available_memory() -> int:
    """Bytes that a Jacobian may take now: half of what is free, and never more than half of 8 GiB."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        with open("/proc/meminfo", encoding="ascii") as file:
            free = max([free, *(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))])
    except (OSError, ValueError, AttributeError):
        free = MOST
    return int(SHARE * min(free, MOST))


def budget(needed: Mapping[int, int], wanted: int, available: int) -> Budget:
    """Of a Jacobian of `wanted` pixels a side.

    needed: bytes by pixels a side, the largest first (`jacobian.bytes_by_size`); a size between two costs what the
    larger one does.
    """
    needs = min(more for size, more in needed.items() if size >= wanted)
    if needs <= available:
        return Budget(needs, available, wanted)
    fits = next((size for size, more in needed.items() if more <= available), None)
    return Budget(needs, available, None if fits is None else min(fits, wanted))


def seconds_needed(columns: int, picture: float) -> float:
    """Time for a Jacobian of that many columns where one picture takes `picture` seconds."""
    return PASSES * columns * picture
