"""Results that are computed once, for those who ask for them again and for all who ask at the same time."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from weakref import WeakSet

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
        kept = Cache(most, lambda result: 1)
        return wraps(make)(lambda *key: kept.made(key, lambda: (make(*key),))[0])  # a tuple: the result may be None

    return decorate


class Cache:
    """What was used last, as much as fits into `largest` bytes; the newest stays however large it is.

    seconds: how long a value is kept at most; a timer deletes it where nobody asks. gone: told the key of each value
    that is deleted.
    """

    def __init__(
        self,
        largest: int,
        size: Callable[[Any], int],
        seconds: float = math.inf,
        gone: Callable[[Any], None] = lambda key: None,
    ):
        self.largest, self.size, self.seconds, self.lock = largest, size, seconds, threading.RLock()
        self.gone = gone
        _caches.add(self)
        self.values: OrderedDict[Any, Any] = OrderedDict()
        self.born: dict[Any, float] = {}
        self.running = Running()

    def __contains__(self, key: Any) -> bool:
        return key in self.values

    def get(self, key: Any) -> Any:
        """None where it is not cached."""
        with self.lock:
            if time.monotonic() - self.born.get(key, math.inf) >= self.seconds:
                self.drop(key)
            if key in self.values:
                self.values.move_to_end(key)
            return self.values.get(key)

    def put(self, key: Any, value: Any) -> Any:
        with self.lock:
            if _forgotten and any(mark in repr(key) for mark in _forgotten):
                return value  # it was made while that was forgotten
            self.values[key], self.born[key] = value, time.monotonic()
            while len(self.values) > 1 and sum(map(self.size, self.values.values())) > self.largest:
                self.drop(next(iter(self.values)))
        if self.seconds < math.inf:
            timer = threading.Timer(self.seconds + 0.01, self.get, [key])
            timer.daemon = True
            timer.start()
        return value

    def made(self, key: Any, make: Callable[[], R]) -> R:
        """What is cached under the key, or `make()`, once for all who ask at the same time."""

        def found_or_made() -> R:
            found = self.get(key)
            return self.put(key, make()) if found is None else found

        return self.running.once(key, found_or_made)

    def drop(self, key: Any) -> None:
        """Nothing happens where it is gone already."""
        with self.lock:
            there = key in self.values
            self.values.pop(key, None)
            self.born.pop(key, None)
        if there:
            self.gone(key)


_caches: WeakSet[Cache] = WeakSet()
_forgotten: deque[str] = deque(maxlen=64)  # marks; those of the last pictures that went


def forget(mark: str) -> None:
    """Deletes from every cache what was made of something secret: all whose key has its mark somewhere.

    What is being made of it at this moment is not kept either.
    """
    _forgotten.append(mark)
    for cache in list(_caches):
        with cache.lock:
            marked = [key for key in cache.values if mark in repr(key)]
        for key in marked:
            cache.drop(key)
