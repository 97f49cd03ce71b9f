"""Records of knobs: their numbers are those of NumPy, and a knob is named by what it moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.codes import Directions, codes_in_turn
from core.factorization.baseline import random_directions, spread_along
from core.truth import records
from core.truth.judge import READER, Judge
from core.truth.verdict import verdict
from core.truth.worlds.base import Factor

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
FACTORS = (
    Factor("red", "how red it is", "is less red", "is redder"),
    Factor("green", "how green it is", "is less green", "is greener"),
    Factor("blue", "how blue it is", "is less blue", "is bluer"),
)


def changes_of(mean: list[float]) -> torch.Tensor:
    noise = torch.randn(64, len(mean), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return torch.tensor(mean, dtype=torch.float64) + 0.05 * noise


def test_the_numbers_of_a_record_are_those_of_numpy() -> None:
    change = changes_of([0.8, -0.3, 0.0])
    found = records.record(change, verdict(change, FACTORS, baseline=0.1), READER)
    values = change.numpy()
    mean, error = values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values))
    np.testing.assert_allclose(found["mean"], mean)
    np.testing.assert_allclose(found["low"], mean - 1.96 * error)
    np.testing.assert_allclose(found["high"], mean + 1.96 * error)
    np.testing.assert_allclose(found["same_sign"], (np.sign(values) == np.sign(mean)).mean(0))
    assert found["strongest"] == 0 and found["pictures"] == 64 and found["percentile"] == []
    assert records.strongest_first(found) == [0, 1, 2]
    again = records.words_in(found, FACTORS, baseline=0.1, n=64, things="pictures")["verdict"]
    assert again == found["verdict"], "the sentence can be built from the numbers alone"


@pytest.mark.parametrize("sign", [1, -1])
def test_a_knob_is_named_by_what_it_moves_and_its_ends_follow_the_sign(sign: int) -> None:
    found = dict(mean=[sign * 1.0, 0.6, 0.1], strongest=0)
    ends = (FACTORS[0].low, FACTORS[0].high)[::sign]
    assert records.name_of(found, FACTORS) == (FACTORS[0].description, f"also: {FACTORS[1].description}", ends)
    assert records.name_of(dict(found, mean=[1.0, 0.4, 0.1]), FACTORS)[1] == "", "what moves little is not named"
    assert records.name_of(dict(found, strongest=None), FACTORS)[0] == "many things a little"


def test_the_knob_that_a_reader_follows_is_found_and_one_that_moves_nothing_is_not() -> None:
    """Planted: the reader reads how far the codes went along the first direction, and noise of the pictures else."""
    generator = tiny.stylegan2()
    knobs = random_directions(generator, k=2, seed=3)
    knobs.vectors[1] = 0
    codes = codes_in_turn(generator, 8, 0, psi=0.7)
    steps, chance = spread_along(generator, knobs), random_directions(generator, k=3, seed=5)
    before = generator(codes)

    def read(images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3))

    spread = read(before).double().std(0)
    judge = Judge(READER, FACTORS, read, spread, things="dots")
    *news, last = records.by_reader(generator, judge, codes, (knobs, steps), (chance, spread_along(generator, chance)))
    assert [one.says for one in news[:3]] == [f"Turning random knobs on 8 dots: {i} of 3." for i in (1, 2, 3)]
    assert last.says == "Turning knob 2 of 2 on 8 dots." and len(last.records) == 2
    moved, still = (np.abs(one["mean"]).max() for one in last.records)
    assert moved > 0 and still == 0 and last.records[1]["strongest"] is None
    plus = generator(codes + knobs.vectors[0].to(codes) * float(steps[0]))
    minus = generator(codes - knobs.vectors[0].to(codes) * float(steps[0]))
    expected = ((read(plus.clamp(-1, 1)) - read(minus.clamp(-1, 1))) / 2 / spread).mean(0)
    np.testing.assert_allclose(last.records[0]["mean"], expected, atol=1e-5)


def test_statistics_give_a_record_a_knob_with_its_percentile() -> None:
    generator = tiny.stylegan2()
    knobs = random_directions(generator, k=2, seed=3)
    assert isinstance(knobs, Directions)
    *news, last = records.by_statistics(
        generator, (knobs, spread_along(generator, knobs)), psi=0.7, seeds=4, first_seed=0, seconds=None
    )
    assert news[-1].says == "Turning 2 knobs and 200 random ones on 4 pictures: 4 of 4."
    assert [len(one["percentile"]) for one in last.records] == [8, 8]


def test_a_plain_verdict_names_what_moves_nearly_as_much_and_says_how_random_knobs_compare() -> None:
    def plain(mean: list[float], baseline: float) -> str:
        return verdict(changes_of(mean), FACTORS, baseline=baseline).plain

    a, b, c = (factor.short for factor in FACTORS[:3])
    assert plain([1.0, 0.9, 0.0], 0.1).lower().startswith(f"{a} and {b} change, the same way on all pictures.".lower())
    said = plain([1.0, -0.6, 0.0], 0.5)
    assert f"less so {b}" in said and said.endswith("A random knob does half as much.") and c not in said
    assert not any(letter.isdigit() for letter in said)
    assert "none clearly" in plain([0.05, 0.04, 0.0], 0.5), "no more than a random knob"
    assert (
        plain([0.4, 0.04, 0.0], 0.5)
        == f"{a.capitalize()} changes most, but hardly more than random knobs change something."
    )


def test_everything_within_a_fifth_of_the_strongest_is_part_of_the_name() -> None:
    title, also, (low, high) = records.name_of(dict(mean=[1.0, -0.81, 0.79], strongest=0), FACTORS)
    assert title == f"{FACTORS[0].short} and {FACTORS[1].short}" and also == f"also: {FACTORS[2].short}"
    assert low == f"{FACTORS[0].low}, {FACTORS[1].high}" and high == f"{FACTORS[0].high}, {FACTORS[1].low}"
