"""Methods compared for one region: each is turned until the region changes equally, and its numbers hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core import comparison
from core.comparison import compared
from core.factorization.baseline import spread_along
from core.factorization.jacobian import grams
from core.factorization.lowrank import lowrank_of
from core.factorization.region import STEP, contenders, ratios
from core.regions import Box

from .. import tiny

INSIDE = Box(0.5, 0.25, 0.75, 0.75).mask(16)


@pytest.fixture(scope="module")
def found():
    generator = tiny.stylegan2(seed=3)
    codes = generator.codes(generator.sample(1, 5), psi=0.7)
    region = grams(generator, codes, INSIDE)
    return generator, codes, region, lowrank_of(region)


def rms(one) -> tuple[float, float]:
    """The change inside and outside, by NumPy."""
    squared = np.square(one.after.numpy().astype(float) - one.before.numpy().astype(float))[0].mean(0)
    mask = INSIDE.numpy()
    return squared[mask].mean() ** 0.5, squared[~mask].mean() ** 0.5


def test_every_method_changes_the_region_equally_and_the_numbers_are_those_of_the_pictures(found):
    generator, codes, region, solved = found
    rows = list(compared(generator, codes, INSIDE, region, solved))
    assert [one.method for one in rows] == list(contenders(generator, region, solved))
    for one in rows:
        assert one.inside == pytest.approx(STEP, rel=0.011)
        assert rms(one) == pytest.approx((one.inside, one.outside), rel=1e-5)
    outside = {one.method.split(",")[0]: one.outside for one in rows}
    assert min(outside["ReSeFa"], outside["LowRankGAN"]) < outside["random"]


def test_the_best_of_each_is_turned_and_how_far_is_counted_in_standard_deviations(found):
    generator, codes, region, solved = found
    for one in compared(generator, codes, INSIDE, region, solved):
        directions = contenders(generator, region, solved)[one.method]
        assert one.number == int(ratios(region, directions).argmax())
        vector = directions.vectors[one.number]
        away = one.deviations * float(spread_along(generator, directions.only([one.number]), samples=1024))
        with torch.no_grad():
            moved = generator((codes.double() + away * vector).float()).clamp(-1, 1)
        assert torch.allclose(moved, one.after, atol=1e-5)


def test_what_cannot_change_the_region_that_much_goes_four_ways_of_a_knob(found, monkeypatch):
    generator, codes, region, solved = found
    monkeypatch.setattr(comparison, "FURTHEST", 1e-4)
    for one in compared(generator, codes, INSIDE, region, solved):
        assert one.deviations == pytest.approx(4e-4, rel=1e-6) and one.inside < STEP


def test_a_row_of_a_table_has_the_numbers_and_says_where_nothing_outside_moved():
    images = torch.zeros(1, 3, 4, 4)
    one = comparison.Compared("SeFa, best of its first 20", 2, 1.234, 0.05, 0.02, images, images)
    assert one.row() == ("SeFa, best of its first 20", "3", "1.23", "0.0500", "0.0200", "2.50")
    assert one._replace(outside=0.0).row()[-2:] == ("0.0000", "nothing outside")
