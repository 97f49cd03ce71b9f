"""What was made of something secret goes from every cache."""

from __future__ import annotations

from core import cache
from core.cache import Cache, cached


def test_what_bears_a_mark_goes_from_every_cache_and_the_rest_stays():
    gone, calls = [], []
    first, second = Cache(100, lambda value: 1, gone=gone.append), Cache(100, lambda value: 1)

    @cached(8)
    def made(word: str, number: int) -> None:
        calls.append((word, number))

    for store in (first, second):
        store.put(("a", "secret-7"), 1)
        store.put(("a", "other"), 2)
    for word in ("secret-7", "other"):
        made(word, 1), made(word, 1)
    assert calls == [("secret-7", 1), ("other", 1)], "a result that is None is kept too"
    cache.forget("secret-7")
    assert gone == [("a", "secret-7")]
    assert [list(store.values.values()) for store in (first, second)] == [[2], [2]]
    made("secret-7", 1), made("other", 1)
    assert calls[2:] == [("secret-7", 1)]


def test_what_was_being_made_while_it_was_forgotten_is_not_kept():
    store = Cache(100, lambda value: 1)

    def making() -> int:
        cache.forget("secret-8")
        return 5

    assert store.made(("a", "secret-8"), making) == 5 and store.made(("a", "other-8"), lambda: 6) == 6
    assert [*store.values.values()] == [6]
