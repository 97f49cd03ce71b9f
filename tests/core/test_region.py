"""Knobs of a region: what a step does, on pictures; which directions are knobs; what knows nothing of the region."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from core.codes import Directions, edit
from core.factorization import region
from core.factorization.jacobian import grams, picture_grams
from core.factorization.lowrank import lowrank_of
from core.factorization.region import (
    STEP,
    baselines,
    change,
    energies,
    knobs_of,
    ratios,
    resefa_knobs,
    restricted,
    unbound,
    ways,
)
from core.regions import Box

from .. import tiny

INSIDE = Box(0.5, 0.25, 0.75, 0.75).mask(16)


@pytest.fixture(scope="module")
def found():
    generator = tiny.stylegan2(seed=3)
    codes = generator.codes(generator.sample(1, 5), psi=0.7)
    return generator, codes, grams(generator, codes, INSIDE)


def test_a_small_part_of_a_step_changes_the_pictures_by_that_part_and_the_rest_by_the_ratio(found):
    generator, codes, region_grams = found
    knobs = resefa_knobs(generator, region_grams)
    assert 1 <= len(knobs.steps) <= region.KNOBS
    for i in range(len(knobs.steps)):
        moved = edit(codes, knobs.directions, [0.02 * step if k == i else 0.0 for k, step in enumerate(knobs.steps)])
        with torch.no_grad():
            inside, outside = change(generator(codes)[0], generator(moved)[0], INSIDE)
        assert inside == pytest.approx(0.02 * STEP, rel=0.05)
        assert inside / outside == pytest.approx(knobs.ratio[i], rel=0.1)


def test_energies_are_quadratic_forms_and_a_random_direction_is_less_local(found):
    generator, _, region_grams = found
    knobs = resefa_knobs(generator, region_grams)
    v, m = knobs.directions.vectors.double().numpy(), region_grams.inside.double().numpy()
    assert np.allclose(energies(region_grams, knobs.directions)[0], np.einsum("kd,de,ke->k", v, m, v))
    best, chance = baselines(generator, region_grams)
    assert max(knobs.ratio) >= best >= 0 and max(knobs.ratio) > chance
    assert np.allclose(knobs.ratio, ratios(region_grams, knobs.directions), rtol=1e-4)


def test_a_direction_that_would_have_to_go_too_far_is_no_knob(found, monkeypatch):
    generator, _, region_grams = found
    one = resefa_knobs(generator, region_grams).directions
    still = torch.linalg.eigh(region_grams.inside)[1][:, :1].T  # moves the region least of all
    both = Directions(torch.cat([still, one.vectors[:1]]), torch.ones(2, dtype=torch.float64), one.slots)
    far = ways(generator, region_grams, both)
    assert far[0] > 1.5 * far[1] > 0
    monkeypatch.setattr(region, "FURTHEST", float(far.sum()))  # a step may go half of it
    assert knobs_of(generator, region_grams, both).numbers == [1]
    none = Directions(one.vectors[:0], one.scores[:0], one.slots)
    assert knobs_of(generator, region_grams, none).steps == []


def test_before_the_ban_a_knob_points_the_same_way_and_moves_more_of_the_rest(found):
    generator, _, region_grams = found
    solved = lowrank_of(region_grams)
    bound = region.lowrank_knobs(generator, region_grams, solved)
    if not bound.steps:
        pytest.fail("the planted region has no knobs: this test sees nothing")
    lifted = unbound(generator, bound)
    assert lifted.numbers == bound.numbers
    for before, after in zip(lifted.directions.vectors, bound.directions.vectors):
        assert float(before @ after) > 0
    assert min(b / a for a, b in zip(lifted.ratio, bound.ratio)) >= 1 - 1e-6, "the ban costs nothing outside"


def test_an_outcome_counts_what_survived_and_how_near_it_is(found, monkeypatch):
    generator, _, region_grams = found
    solved = lowrank_of(region_grams)
    seen = region.outcome(generator, region_grams, solved)
    far = ways(generator, region_grams, solved.directions).numpy()
    ratio = ratios(region_grams, solved.directions).numpy()
    assert (seen.survived, seen.rank, seen.protected) == (len(far), solved.inside.rank, solved.outside.rank)
    assert seen.dim == tiny.DIM and seen.nearest == pytest.approx(far.min()) and seen.best == pytest.approx(ratio.max())
    monkeypatch.setattr(region, "FURTHEST", 2 * float(np.sort(far)[0]) + 1e-9)  # one step goes half of it
    one = region.outcome(generator, region_grams, solved)
    assert one.visible == 1 and one.best_visible == pytest.approx(ratio[far.argmin()])
    monkeypatch.setattr(region, "FURTHEST", 0.0)
    assert region.outcome(generator, region_grams, solved)[4:] == (0, seen.nearest, seen.best, None)


def test_where_nothing_survived_there_is_neither_way_nor_ratio(found):
    generator, _, region_grams = found
    solved = lowrank_of(region_grams)
    none = dataclasses.replace(solved, directions=solved.directions.only([]))
    assert region.outcome(generator, region_grams, none)[4:] == (0, None, None, None)


def test_contenders_are_named_by_how_many_the_best_is_chosen_of(found):
    generator, _, region_grams = found
    solved = lowrank_of(region_grams)
    made = region.contenders(generator, region_grams, solved)
    assert [name.split(",")[0] for name in made] == [
        "LowRankGAN",
        "LowRankGAN before the projection",
        "ReSeFa",
        "SeFa",
        "random",
    ]
    for name, directions in made.items():
        assert len(directions) <= int(name.rpartition(" ")[2]) and directions.slots == region_grams.slots
    best = {name: float(ratios(region_grams, directions).max()) for name, directions in made.items()}
    assert max(best, key=best.get) != f"random, best of {region.TRIED}"
    none = dataclasses.replace(solved, directions=solved.directions.only([]))
    assert len(region.contenders(generator, region_grams, none)) == 4, "who has no direction is left out"


def test_a_stream_brings_resefa_s_knobs_with_the_jacobian_and_lowrank_s_last(found):
    generator, codes, region_grams = found
    steps = list(region.knobs_steps(generator, codes, INSIDE))
    stages = [step.stage for step in steps]
    assert stages == sorted(stages) and {*stages} == {"jacobian", "resefa", "split"}
    shares = [step.share for step in steps]
    assert shares == sorted(shares) and shares[stages.index("resefa")] == 0.5
    brought = {method: (i, knobs) for i, step in enumerate(steps) for method, knobs in step.knobs.items()}
    assert list(brought) == ["resefa", "lowrank"] and brought["lowrank"][0] == len(steps) - 1
    alone = resefa_knobs(generator, region_grams)
    assert torch.allclose(brought["resefa"][1].directions.vectors, alone.directions.vectors, atol=1e-5)
    solved = region.lowrank_knobs(generator, region_grams, lowrank_of(region_grams))
    assert brought["lowrank"][1].steps == pytest.approx(solved.steps, rel=1e-3)
    (picture,) = (step.picture for step in steps if step.picture is not None)
    again = [step.stage for step in region.knobs_steps(generator, codes, INSIDE, method="resefa", picture=picture)]
    assert again == ["resefa"], "a Jacobian that is known is not computed again, and another method is not asked"


def test_as_published_the_mean_of_the_colours_is_split(found):
    generator, codes, _ = found
    *_, last = region.knobs_steps(generator, codes, INSIDE, method="official", size=8)
    mean = grams(generator, codes, INSIDE, size=8, colours="mean")
    assert (
        last.knobs["official"].steps == region.lowrank_knobs(generator, mean, lowrank_of(mean, mode="official")).steps
    )


def test_knobs_move_codes_by_their_steps_and_refuse_to_turn_one_that_is_not_there(found):
    generator, codes, region_grams = found
    knobs = resefa_knobs(generator, region_grams)
    count, slots = len(knobs.steps), list(knobs.directions.slots)
    moved = knobs.moved(codes, [(), (2.0,), (0.0,) * count + (0.0,)])
    assert moved.shape == (3, *codes.shape[1:])
    assert torch.equal(moved[:1], codes) and torch.equal(moved[2:], codes)
    by_hand = codes[0, slots].double() + 2 * knobs.steps[0] * knobs.directions.vectors[0]
    assert np.allclose(moved[1, slots], by_hand, atol=1e-5) and not np.allclose(moved[1], codes[0], atol=1e-5)
    with pytest.raises(ValueError, match=f"only {count} knobs"):
        knobs.distances((0.0,) * count + (1.0,))
    none = dataclasses.replace(knobs, directions=knobs.directions.only([]), steps=[])
    assert none.distances((0.0,)) == []
    with pytest.raises(ValueError, match="no knob to turn"):
        none.distances((1.0,))


def test_locality_is_inside_over_outside_where_something_outside_moved():
    assert region.locality(0.06, 0.02) == pytest.approx(3)
    assert region.locality(0.06, 0.0) is None


def test_a_direction_is_restricted_as_least_squares_over_all_pixels_does_and_a_whole_picture_leaves_it(found):
    generator, codes, _ = found
    picture = picture_grams(generator, codes)
    j = picture.jacobian.double().flatten(0, 2).numpy()
    given = Directions(torch.eye(12, dtype=torch.float64)[:2], torch.ones(2, dtype=torch.float64), picture.slots)
    mask = INSIDE.expand(3, -1, -1).flatten().numpy()
    wanted = np.where(mask[:, None], j @ given.vectors.numpy().T, 0)
    expected = np.linalg.lstsq(j, wanted, rcond=None)[0].T
    vectors = restricted(picture.of(INSIDE), given).vectors.numpy()
    assert np.allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-4)
    local = ratios(picture.of(INSIDE), Directions(torch.from_numpy(vectors), given.scores, given.slots))
    assert (local > 1.5 * ratios(picture.of(INSIDE), given)).all()
    whole = restricted(picture.of(torch.ones(16, 16, dtype=torch.bool)), given)
    assert torch.allclose(whole.vectors, given.vectors, atol=1e-4)
    for vectors, slots in ((given.vectors[:, None].expand(-1, 6, -1), given.slots), (given.vectors, (0,))):
        with pytest.raises(ValueError, match="a region takes one vector for the slots"):
            restricted(picture.of(INSIDE), Directions(vectors, given.scores, slots))
