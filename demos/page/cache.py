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


class Running:
    """What is being made at this moment: whoever asks for it too waits for it."""

    def __init__(self) -> None:
        self.futures: dict[Any, Future] = {}
        self.lock = threading.Lock()

    def once(self, key: Any, make: Callable[[], R]) -> R:
        with self.lock:
            future = self.futures.get(key)
            mine = future is None
            if mine:
                future = self.futures[key] = Future()
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
            finally:
                with self.lock:
                    del self.futures[key]
        return future.result()


def joined(make: Callable[P, R]) -> Callable[P, R]:
    """`make`, where whoever asks for something that is being made at this moment waits for it."""
    running = Running()
    return wraps(make)(lambda *key: running.once(key, lambda: make(*key)))


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
        self.running = Running()

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

    def made(self, key: tuple, make: Callable[[], R]) -> R:
        """What is cached under the key, or `make()`, once for all who ask at the same time."""

        def found_or_made() -> R:
            found = self.get(key)
            return self.put(key, make()) if found is None else found

        return self.running.once(key, found_or_made)
