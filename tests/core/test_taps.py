"""A tap sees and changes one module in one thread for one block, and leaves nothing behind."""

from __future__ import annotations

import threading

import pytest
import torch

from core.taps import tap

from .. import tiny

GENERATOR = tiny.stylegan2()
CODES = GENERATOR.codes(GENERATOR.sample(2, 0))
PICTURE = GENERATOR(CODES)
CONV = GENERATOR.layers[1].conv


def test_a_tap_sees_every_call_and_changes_nothing() -> None:
    with tap(CONV) as seen:
        assert torch.equal(GENERATOR(CODES), PICTURE)
        GENERATOR(CODES[:1])
    assert [list(output.shape) for output in seen] == [[2, 5, 8, 8], [1, 5, 8, 8]]
    state = GENERATOR.run(CODES, stop=1)
    assert torch.equal(seen[0], CONV(state.x, CODES[:, 1]))


def test_an_edit_replaces_what_the_module_returns() -> None:
    with tap(CONV, torch.zeros_like) as seen:
        changed = GENERATOR(CODES)
    assert seen[0].any() and not torch.equal(changed, PICTURE)  # what was seen is from before the edit
    with tap(CONV, lambda output: output):
        assert torch.equal(GENERATOR(CODES), PICTURE)


def test_a_tap_is_gone_after_its_block() -> None:
    with tap(CONV, torch.zeros_like) as seen:
        pass
    assert torch.equal(GENERATOR(CODES), PICTURE) and seen == []
    assert not CONV._forward_hooks


def test_a_tap_is_gone_after_an_error() -> None:
    with pytest.raises(RuntimeError, match="on purpose"), tap(CONV, torch.zeros_like):
        raise RuntimeError("on purpose")
    assert not CONV._forward_hooks and torch.equal(GENERATOR(CODES), PICTURE)


def test_a_failing_edit_leaves_nothing_behind() -> None:
    with pytest.raises(ZeroDivisionError), tap(CONV, lambda output: output * (1 // 0)):
        GENERATOR(CODES)
    assert not CONV._forward_hooks and torch.equal(GENERATOR(CODES), PICTURE)


def test_a_tap_in_one_thread_never_changes_a_picture_in_another() -> None:
    opened, drawn = threading.Event(), threading.Event()
    inside, seen_inside = [], []

    def tapping() -> None:
        with tap(CONV, torch.zeros_like) as seen:
            opened.set()
            drawn.wait(10)
            inside.append(GENERATOR(CODES))
        seen_inside.extend(seen)

    thread = threading.Thread(target=tapping)
    thread.start()
    try:
        assert opened.wait(10)
        here = GENERATOR(CODES)  # while the other thread's tap is open
    finally:
        drawn.set()
        thread.join()
    assert torch.equal(here, PICTURE)
    assert not torch.allclose(inside[0], PICTURE, atol=0.01) and len(seen_inside) == 1


def test_many_threads_tap_the_same_module_at_once() -> None:
    expected = [GENERATOR(CODES[i % 2 : i % 2 + 1]) for i in range(4)]
    failures: list[str] = []

    def work(i: int) -> None:
        code = CODES[i % 2 : i % 2 + 1]
        for _ in range(15):
            with tap(CONV, torch.zeros_like if i >= 2 else None) as seen:
                picture = GENERATOR(code)
            if len(seen) != 1 or torch.allclose(picture, expected[i], atol=1e-4) != (i < 2):
                failures.append(f"thread {i}: {len(seen)} calls seen")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and not CONV._forward_hooks


def test_taps_nest() -> None:
    with tap(CONV, lambda output: 2 * output) as outer, tap(CONV, lambda output: output + 1) as inner:
        GENERATOR(CODES)
    assert torch.equal(inner[0], 2 * outer[0])
