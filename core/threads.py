"""Threads that keep to one core each: many short pieces of work gain nothing from a second one, and lose by waiting."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Barrier, Lock
from typing import TypeVar

import torch

_MAKING = Lock()
T = TypeVar("T")


def single_core(n: int, name: str) -> ThreadPoolExecutor:
    """n threads of that name, which live as long as the process, and in which PyTorch uses one core.

    While they start, PyTorch's number of threads for the whole process is 1 for an instant, and a thread that asks just
    then keeps it for good: a server makes them before it has visitors.
    """
    with _MAKING:
        return _single_core(n, name)


def on_single_core(steps: Generator[T, None, None], name: str) -> Iterator[T]:
    """The steps of a generator, made by the thread of that name that keeps to one core, and ended there."""
    worker = single_core(1, name)
    try:
        while (step := worker.submit(next, steps, None).result()) is not None:
            yield step
    finally:
        worker.submit(steps.close).result()


@lru_cache
def _single_core(n: int, name: str) -> ThreadPoolExecutor:
    cores, ready = torch.get_num_threads(), Barrier(n + 1)

    def alone() -> None:
        # A thread takes on the process's number when it is first asked, and keeps its own then.
        torch.get_num_threads()
        torch.set_num_threads(1)
        ready.wait()

    pool = ThreadPoolExecutor(n, name, initializer=alone)
    for _ in range(n):
        pool.submit(int)  # a thread starts when there is work and none is idle
    ready.wait()
    torch.set_num_threads(cores)  # of threads to come: theirs was set to 1 as well
    return pool
