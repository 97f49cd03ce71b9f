"""The cost of a Jacobian before it is computed: what fits, what a size between two costs, and what is free."""

from __future__ import annotations

import builtins
import os

import pytest

from core.factorization import budget as module
from core.factorization.budget import available_memory, budget, seconds_needed

NEEDED = {64: 1000, 32: 400, 16: 200, 8: 150}


@pytest.mark.parametrize(
    "wanted, available, needs, fits",
    [
        (64, 1000, 1000, 64),
        (64, 999, 1000, 32),
        (64, 160, 1000, 8),
        (64, 149, 1000, None),
        (20, 500, 400, 20),
        (20, 300, 400, 16),
        (10, 300, 200, 10),
        (8, 149, 150, None),
    ],
)
def test_the_wanted_size_or_the_largest_that_fits(wanted: int, available: int, needs: int, fits: int | None) -> None:
    found = budget(NEEDED, wanted, available)
    assert (found.needs, found.available, found.fits, found.tight) == (needs, available, fits, needs > available)


def test_a_size_that_fits_is_never_above_the_wanted_one() -> None:
    for wanted in range(1, 65):
        for available in range(0, 1200, 50):
            found = budget(NEEDED, wanted, available)
            assert found.fits is None or found.fits <= wanted
            assert (found.fits == wanted) >= (found.needs <= available)


def test_half_of_what_is_free_may_be_taken_and_no_more_than_four_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < available_memory() <= 4 * 2**30
    monkeypatch.setattr(os, "sysconf", lambda name: 1)

    def meminfo(kilobytes: int):
        return lambda *_, **__: __import__("io").StringIO(f"MemTotal: 9 kB\nMemAvailable: {kilobytes} kB\n")

    monkeypatch.setattr(builtins, "open", meminfo(2**20))
    assert available_memory() == 2**29
    monkeypatch.setattr(builtins, "open", meminfo(2**30))
    assert available_memory() == 4 * 2**30


def test_where_the_machine_does_not_say_what_is_free_eight_gigabytes_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sysconf")
    assert available_memory() == module.MOST // 2


def test_time_goes_by_columns_and_the_pace_of_a_picture() -> None:
    assert seconds_needed(512, 0.02) == pytest.approx(512 * 0.05)
