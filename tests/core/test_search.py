"""An inversion that is watched: its curve, its film, its answer; and what it means that a picture agrees."""

from __future__ import annotations

import math
import threading

import pytest
import torch

from core import threads
from core.inversion import tasks
from core.inversion.losses import pixel, seen_through
from core.inversion.multicode import invert
from core.inversion.search import FRAMES, POINTS, Search, log_curve, thinned
from core.regions import Box, to_text

from .. import tiny


def searched(steps: int = 30) -> Search:
    generator = tiny.stylegan2()
    target = generator(generator.codes(generator.sample(1, 5))).clamp(-1, 1).detach()
    search = Search(invert(generator, target, layer=2, n_codes=3, steps=steps, loss=pixel), steps)
    for _ in search:
        pass
    return search


def test_the_answer_is_the_best_picture_and_the_last_of_its_film() -> None:
    search = searched()
    found = search.found()
    drawn = found.picture.draw(found.picture.codes).detach().clamp(-1, 1)
    assert torch.equal(found.raw, found.film[-1:]) and torch.allclose(found.raw, drawn, atol=1e-5)
    assert found.film_steps[0] == 0 and found.film_steps[-1] == found.steps
    assert list(found.film_steps) == sorted(set(found.film_steps)) and len(found.film) <= FRAMES + 1
    assert len(found.curve) == found.steps + 1 and found.loss == min(found.curve) == found.curve[-1]
    assert sum(found.shares()) == pytest.approx(1) and len(found.shares()) == 3


def test_what_is_found_on_the_way_is_whole_and_the_search_goes_on() -> None:
    generator = tiny.stylegan2()
    target = generator(generator.codes(generator.sample(1, 5))).clamp(-1, 1).detach()
    search = Search(invert(generator, target, layer=2, n_codes=2, steps=10, loss=pixel), 10)
    steps = iter(search)
    for _ in range(4):
        next(steps)
    early = search.found(stopped=True)
    assert early.stopped and early.steps == 3 and torch.equal(search.image(), early.raw) and search.left() > 0
    for _ in steps:
        pass
    assert search.found().steps == 10 and search.found().loss <= early.loss and search.left() == 0


def test_a_thinned_curve_keeps_its_ends_and_its_order() -> None:
    curve = [1 / (i + 1) for i in range(1000)]
    found = thinned(curve)
    assert len(found) == POINTS and found[0] == 1 and found[-1] == round(curve[-1], 6)
    assert all(b <= a for a, b in zip(found, found[1:])) and thinned(curve[:5]) == [round(x, 6) for x in curve[:5]]


def test_a_curve_on_a_logarithmic_scale_falls_evenly_where_the_loss_falls_by_a_factor() -> None:
    points = log_curve([1e-1, 1e-2, 1e-3], 106, 112)
    assert points == [(3, 6), (53, 56), (103, 106)], "evenly, from margin to margin"
    assert log_curve([0.5], 106, 112) == [] and len(log_curve([1.0] * 1000, 106, 112)) == POINTS
    assert {y for _, y in log_curve([0.5, 0.5], 106, 112)} == {6}


def test_how_far_a_search_is_and_how_an_answer_was_found_is_said() -> None:
    generator = tiny.stylegan2()
    target = generator(generator.codes(generator.sample(1, 5))).clamp(-1, 1).detach()
    search = Search(invert(generator, target, layer=2, n_codes=2, steps=5, loss=pixel), 5)
    steps = iter(search)
    next(steps)
    assert search.says() == "Step 0 of 5"
    next(steps)
    close = 10 * math.log10(4 / float((search.image() - target).square().mean()))
    assert search.says(target) == f"Step 1 of 5, about {max(1, round(search.left()))} s left, closeness {close:.1f} dB"
    search.seconds = 3.21
    assert search.found().how() == "1 steps in 3.2 s" and search.found(stopped=True).how().endswith(" s, stopped")


def test_steps_on_a_single_core_are_made_by_its_thread_and_ended_there() -> None:
    seen, closed = [], []

    def steps():
        try:
            for i in range(1, 10):
                seen.append(threading.current_thread().name)
                yield i
        finally:
            closed.append(threading.current_thread().name)

    made = threads.on_single_core(steps(), "a test")
    assert [next(made), next(made)] == [1, 2]
    made.close()
    assert set(seen) == {"a test_0"} and closed == ["a test_0"] and len(seen) == 2
    assert list(threads.on_single_core(steps(), "a test")) == list(range(1, 10))


def test_levels_apart_count_what_an_answer_does_to_the_observation() -> None:
    truth = 0.5 * tiny.normal(1, 3, 16, 16).clamp(-1, 1)
    shrink = tasks.degradation("enlarge", "box", 4, 16)
    problem = tasks.Problem(truth, shrink.apply(truth), shrink, seen_through(shrink, pixel))
    assert problem.levels_apart(truth) <= 1 < problem.levels_apart(truth + 10 / 127.5)
    other = 0.5 * tiny.normal(3, 3, 16, 16).clamp(-1, 1)
    assert problem.levels_apart(other) > 1 >= problem.levels_apart(problem.agreeing(other))


def test_painted_colours_cover_earlier_ones_and_draw_the_loss_to_their_hue() -> None:
    left, middle = (to_text(Box(*box).mask(64)) for box in ((0, 0, 1, 0.5), (0, 0.25, 1, 0.75)))
    colours, where = tasks.painted(f"ff0000.{left}~0000ff.{middle}", 16)
    assert where[:, :12].all() and not where[:, 12:].any()
    assert colours[0, :, 0, 0].tolist() == [1, -1, -1] and colours[0, :, 0, 5].tolist() == [-1, -1, 1]
    plain = seen_through(tasks.degradation("colour", "", 0, 16), pixel)
    grey, red = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
    red[:, 0], red[:, 1:] = 0.3, -0.1529
    hinted = tasks.hinted(plain, f"ff0000.{left}", 16)(grey)
    assert float(hinted(red)) < float(hinted(grey)) and float(plain(grey)(red)) >= float(plain(grey)(grey))
    assert tasks.hinted(plain, "", 16) is plain
