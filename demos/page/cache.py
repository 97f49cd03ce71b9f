"""Results that are computed once, for those who ask for them again and for all who ask at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def joined(make: Callable[P, R]) -> Callable[P, R]:
    """`make`, where whoever asks for something that is being made at this moment waits for it."""
    running: dict[tuple, Future] = {}
    lock = threading.Lock()

    @wraps(make)
    def call(*key):
        with lock:
            future = running.get(key)
            mine = future is None
            if mine:
                future = running[key] = Future()
        if mine:
            try:
                future.set_result(make(*key))
            except BaseException as error:
                future.set_exception(error)
            finally:
                with lock:
                    del running[key]
        return future.result()

    return call


def cached(most: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """`@cached(32)` above a function of hashable values: the last 32 results, each made once for all who ask."""

    def decorate(make: Callable[P, R]) -> Callable[P, R]:
        return joined(lru_cache(maxsize=most)(make))

    return decorate


class Cache:
    """What was used last, as much as fits into `largest` bytes; the newest stays however large it is."""

    def __init__(self, largest: int, size: Callable[[Any], int]):
        self.largest, self.size, self.lock = largest, size, threading.Lock()
        self.values: OrderedDict[tuple, Any] = OrderedDict()

    def __contains__(self, key: tuple) -> bool:
        return key in self.values

    def get(self, key: tuple) -> Any:
        """None where it is not cached."""
        with self.lock:
            if key in self.values:
                self.values.move_to_end(key)
            return self.values.get(key)

    def put(self, key: tuple, value: Any) -> Any:
        with self.lock:
            self.values[key] = value
            while len(self.values) > 1 and sum(map(self.size, self.values.values())) > self.largest:
                self.values.popitem(last=False)
        return value
