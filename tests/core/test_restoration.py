"""A picture is restored: what happened to it, the search for it, and what is refused before it begins."""

from __future__ import annotations

import pytest
import torch

from core.inversion import baselines, losses, restoration, tasks
from core.inversion.multicode import invert
from core.regions import Box, to_text

from .. import tiny

SIDE = 16
LEFT = to_text(Box(0, 0, 1, 0.5).mask(64))


def truth() -> torch.Tensor:
    return 0.5 * tiny.normal(1, 3, SIDE, SIDE).clamp(-1, 1)


def last(steps):
    for step in steps:
        pass
    return step


# --- what happened to it


def test_a_damage_in_plain_values_is_the_degradation_of_the_same_name() -> None:
    problem = tasks.Damage("enlarge", "box", 4).problem(truth(), losses.pixel, SIDE)
    means = truth().reshape(1, 3, 4, 4, 4, 4).mean((3, 5))
    assert torch.allclose(problem.observed, means, atol=1e-6) and torch.equal(problem.truth, truth())
    assert float(problem.loss(problem.observed)(truth())) < 1e-9 < float(problem.loss(problem.observed)(-truth()))


def test_a_hole_is_where_its_region_says_and_only_in_the_task_that_fills() -> None:
    damage = tasks.Damage("fill", region=LEFT)
    hole = damage.hole(SIDE)
    assert hole[:, :8].all() and not hole[:, 8:].any() and tasks.Damage("copy", region=LEFT).hole(SIDE) is None
    observed = damage.problem(truth(), losses.pixel, SIDE).observed
    assert (observed[..., :8] == 0).all() and torch.equal(observed[..., 8:], truth()[..., 8:])


def test_what_is_damaged_already_is_taken_as_it_is_and_nobody_knows_the_truth() -> None:
    problem = tasks.Damage("colour").problem(truth(), losses.pixel, SIDE, damaged=True)
    assert problem.truth is None and torch.equal(problem.observed, truth())


def test_painted_colours_become_part_of_what_is_compared() -> None:
    plain, hinted = (tasks.Damage("colour", hints=hints) for hints in ("", f"ff0000.{LEFT}"))
    red = torch.zeros(1, 3, SIDE, SIDE)
    red[:, 0], red[:, 1:] = 0.3, -0.1529  # as light as mid-grey
    grey = torch.zeros_like(red)

    def gain(damage: tasks.Damage) -> float:
        distance = damage.problem(grey, losses.pixel, SIDE).loss(grey)
        return float(distance(grey) - distance(red))

    assert gain(hinted) > 0 >= gain(plain)


@pytest.mark.parametrize(
    "check, sentence",
    [
        (lambda: tasks.check_hole(to_text(torch.ones(64, 64, dtype=torch.bool))), "leave some of it"),
        (lambda: tasks.check_factor(3, 64), "2, 4, 8 times, not 3 times: choose one of these"),
        (lambda: tasks.check_factor(16, 64), "2, 4, 8 times, not 16"),
        (lambda: tasks.painted_regions("red.rAAA"), 'cannot be "red.rAAA": paint it again'),
        (lambda: tasks.painted_regions("<b>" + 50 * "a"), r'cannot be "\?b\?a{37}\.\.\.": paint it again'),
        (lambda: losses.named("taste"), "there are pixels, features, structure, vgg"),
        (lambda: losses.named("features"), "without a critic"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(check, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check()


def test_what_can_be_passes() -> None:
    tasks.check_hole(LEFT)
    tasks.check_factor(16, tasks.LARGE)
    assert [colour for colour, _ in tasks.painted_regions(f"ff0000.{LEFT}~0040c0.{LEFT}")] == ["ff0000", "0040c0"]
    assert tasks.painted_regions("") == []


def test_agreement_is_said_only_of_pictures_that_agree() -> None:
    problem = tasks.Damage("enlarge", "box", 4).problem(truth(), losses.pixel, SIDE)
    other = 0.5 * tiny.normal(3, 3, SIDE, SIDE).clamp(-1, 1)
    assert problem.agreement(problem.agreeing(other)) == (
        "All 3 agree with what was observed to within rounding: 1 of 255 levels."
    )
    said = problem.agreement(other)
    assert (
        said
        == f"Shrunk again, they differ from what was observed by up to {problem.levels_apart(other):.0f} of 255 levels."
    )


@pytest.mark.parametrize(
    "task, possible, photographic, usual",
    [
        ("enlarge", ("pixels", "features", "structure"), False, "pixels"),
        ("copy", ("pixels", "features", "structure"), False, "features"),
        ("copy", ("pixels", "structure"), False, "structure"),
        ("copy", ("pixels", "features", "structure", "vgg"), True, "vgg"),
        ("copy", ("pixels", "features", "structure"), True, "structure"),
        ("fill", ("pixels",), True, "pixels"),
    ],
)
def test_what_is_compared_unless_somebody_chooses(task, possible, photographic, usual) -> None:
    assert tasks.GENERAL[task].usual_loss(possible, photographic=photographic) == usual


# --- the search


def problem_of(generator) -> tasks.Problem:
    target = generator(generator.codes(generator.sample(1, 5))).clamp(-1, 1).detach()
    return tasks.Damage("enlarge", "box", 2).problem(target, losses.pixel, generator.resolution)


@pytest.mark.parametrize("optimiser", ["adam", "lbfgs", "official"])
def test_restoring_is_inverting_what_was_observed(optimiser: str) -> None:
    generator = tiny.stylegan2()
    problem, how = problem_of(generator), dict(layer=2, n_codes=3, steps=6, seed=4)
    found = last(restoration.restore(generator, problem, **how, optimiser=optimiser))
    official = optimiser == "official"
    way = dict(official=official, optimiser="adam" if official else optimiser)
    other = last(invert(generator, problem.observed, loss=problem.loss, **how, **way))
    assert found.loss == pytest.approx(other.loss, rel=1e-6) and torch.allclose(found.drawn(), other.drawn(), atol=1e-5)
    begun = next(iter(restoration.restore(generator, problem, **how, optimiser=optimiser)))
    assert found.loss < begun.loss, "the control: it does get closer"


def test_too_many_codes_for_the_memory_are_refused_before_anything_is_drawn(monkeypatch) -> None:
    generator = tiny.stylegan2()
    monkeypatch.setattr(restoration, "MOST_PIXELS", 2 * generator.resolution**2)
    with pytest.raises(ValueError, match="3 codes of 16 pixels do not fit into memory"):
        next(restoration.restore(generator, problem_of(generator), layer=2, n_codes=3, steps=1))
    assert next(restoration.restore(generator, problem_of(generator), layer=2, n_codes=2, steps=1)).i == 0


def test_one_code_is_plain_inversion_that_goes_on_to_its_last_step() -> None:
    generator = tiny.stylegan2()
    problem = problem_of(generator)
    found = last(restoration.one_code(generator, problem)(7, 70))
    how = dict(layer=0, n_codes=1, steps=70, seed=7, patience=None)
    other = last(invert(generator, problem.observed, loss=problem.loss, **how))
    assert found.i == 70 and found.loss == pytest.approx(other.loss, rel=1e-6)


def test_tools_that_are_not_installed_are_left_out(monkeypatch) -> None:
    problem = tasks.Damage("noise", "gaussian", 0.2).problem(truth(), losses.pixel, SIDE)
    plain = baselines.without_gan

    def without_skimage(name, *given):
        if name == "nlm":
            raise ValueError("these tools come with scikit-image")
        return plain(name, *given)

    assert set(baselines.installed(problem.degradation, problem.observed, SIDE)) == {"nlm", "damaged"}
    monkeypatch.setattr(baselines, "without_gan", without_skimage)
    made = baselines.installed(problem.degradation, problem.observed, SIDE)
    assert set(made) == {"damaged"} and torch.equal(made["damaged"], problem.observed)


def test_copies_are_quick_searches_and_their_closeness_is_the_median(monkeypatch) -> None:
    monkeypatch.setitem(tasks.QUICK, "steps", 4)
    generator, how = tiny.stylegan2(), dict(layer=2, n_codes=2, seed=3)
    truths = [generator(generator.codes(generator.sample(1, i))).clamp(-1, 1).detach() for i in range(3)]
    steps = restoration.copied(generator, truths, **how)
    signs = 0
    with pytest.raises(StopIteration) as ended:
        while next(steps) is None:
            signs += 1
    found, closeness = ended.value.value, []
    for truth in truths:
        image = last(invert(generator, truth, steps=4, loss=losses.pixel, **how)).drawn()
        closeness.append(float(10 * torch.log10(4 / (image - truth).square().mean())))
    assert signs == 3 * 5 and found.closeness == round(sorted(closeness)[1], 1) < round(max(closeness), 1)
    assert torch.allclose(
        found.image, last(invert(generator, truths[0], steps=4, loss=losses.pixel, **how)).drawn(), atol=1e-5
    )


def test_closeness_is_that_in_the_hole_where_there_is_one() -> None:
    hole = tasks.Damage("fill", region=LEFT).hole(SIDE)
    image = truth().clone()
    image[..., 8:] += 0.1  # outside of the hole
    found, plain = losses.scores(image, truth(), hole=hole), losses.scores(image, truth())
    assert found.closeness == found.inside == float("inf") and plain.closeness == plain.psnr == found.psnr < 30
    assert plain.rounded(1) == dict(psnr=round(plain.psnr, 1), ssim=round(plain.ssim, 1), features=None, inside=None)
