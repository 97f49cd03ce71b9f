"""Free memory goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

HELD = """
import pathlib, sys
from core import memory
pages = lambda: int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4 / 1024
blocks = [bytearray(64_000) for _ in range(3_000)]      # each too small to be a mapping of its own
full = pages()
del blocks[:-1]                                         # the last one keeps the heap from shrinking by itself
free = pages()
if sys.argv[1] == "keep_small":
    import time
    memory.keep_small(0.05)
    time.sleep(1)
elif sys.argv[1] == "give_back":
    memory.give_back()
print(full - free, full - pages())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps free memory")
@pytest.mark.parametrize("way, back", [("nothing", False), ("give_back", True), ("keep_small", True)])
def test_free_memory_goes_back_to_the_system(way: str, back: bool) -> None:
    done = subprocess.run([sys.executable, "-c", HELD, way], capture_output=True, text=True, timeout=60)
    by_itself, then = map(float, done.stdout.split())
    assert by_itself < 30, "the control: freed blocks alone do not shrink the process"
    assert (then > 120) == back, f"of about 180 MB {then:.0f} went back"
