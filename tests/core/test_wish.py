"""Which knob does what is wished, and what is said where none is clear; seeds that fit a rule; readings drawn again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.truth import readers, wish
from core.truth.judge import READER, STATISTICS, Judge
from core.truth.reread import reread
from core.truth.worlds import load_world
from core.truth.worlds.base import Factor

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
FACTORS = (Factor("smile", "the smile", "is sad", "smiles"), Factor("yaw", "the head", "looks left", "looks right"))


def record(*mean: float, width: float = 0.1, grade: str = READER) -> dict:
    return dict(mean=mean, low=[m - width for m in mean], high=[m + width for m in mean], grade=grade, pictures=64)


def test_the_knob_that_moves_it_most_is_taken_in_its_sense() -> None:
    found = wish.knob_for([record(0.4, 0.0), record(-1.2, 0.1), record(0.2, 2.0)], 0, FACTORS)
    assert found[:3] == (1, -1, True)
    assert "knob 2 moves the smile most: 1.2" in found.text and "it is also what this knob moves most" in found.text
    assert "64 pictures, over both directions" in found.text


def test_a_knob_that_moves_something_else_more_says_so() -> None:
    found = wish.knob_for([record(0.5, -2.0, grade=STATISTICS)], 0, FACTORS)
    assert found.clear and "but it moves the head more: 2.0" in found.text and "by the slope at each" in found.text


@pytest.mark.parametrize(
    "mean, width, said", [(0.2, 0.1, "0.20"), (0.2996, 0.1, "0.299"), (0.5, 0.6, "which may be chance")]
)
def test_a_knob_that_is_too_weak_or_may_be_chance_is_not_clear(mean: float, width: float, said: str) -> None:
    found = wish.knob_for([record(0.0, 1.0), record(mean, 0.0, width=width)], 0, FACTORS)
    assert found.knob == 1 and not found.clear and said in found.text and "no knob of these 2" in found.text


def test_an_end_counts_where_it_changes_the_picture_by_one_deviation_or_more() -> None:
    best = wish.strongest_end(torch.tensor([[0.1, 0.2], [-1.4, 0.3]]))
    assert best == (1, -2.0, pytest.approx(-1.4)) and best.visible
    said = wish.end_sentence(best, "glasses", torch.tensor([-1.1, -0.9, 1.5, -3.0]), "faces")
    assert "knob 2 at −2 steps changes glasses by 1.4" in said and "on 2 of 4 other faces" in said
    weak = wish.strongest_end(torch.tensor([[0.1, 0.2], [-0.4, 0.3]]))
    assert not weak.visible and "by 0.4 at most (knob 2)" in wish.end_sentence(weak, "", torch.zeros(0), "faces")


def test_seeds_that_fit_a_rule_are_those_whose_readings_do() -> None:
    generator = tiny.stylegan2()

    class Colours(torch.nn.Module):
        names = ("red", "green", "blue")

        def forward(self, images):
            return images.mean((2, 3))

    with torch.no_grad():
        images = [generator(generator.codes(generator.sample(1, seed), psi=0.7)).clamp(-1, 1) for seed in range(100)]
    means = torch.cat(images).mean((2, 3))
    low, high = (float(means[:, 0].quantile(share)) for share in (0.205, 0.805))
    most = float(means[:, 2].quantile(0.505))
    rule = dict(red=(low, high), blue=(-1.0, most))
    found = list(readers.seeds_that_fit(generator, Colours(), rule, psi=0.7, searched=100))
    assert found == [i for i, (red, _, blue) in enumerate(means.tolist()) if low <= red <= high and blue <= most]
    assert 0 < len(found) < 60
    with pytest.raises(ValueError, match="no factor 'mood'"):
        list(readers.seeds_that_fit(generator, Colours(), dict(mood=(0, 1)), psi=0.7, searched=10))


def test_a_render_that_is_read_without_error_is_drawn_again_as_it_is() -> None:
    world = load_world("portraits")
    factors = torch.rand(1, len(world.NAMES), generator=torch.Generator().manual_seed(0))
    image = world.render(factors, resolution=64).images
    judge = Judge(READER, tuple(world.FACTORS), lambda images: factors, None)
    right = reread(image, judge, "portraits", label=None, shown=world.NAMES)
    far = int((factors[0] - 0.5).abs().argmax())
    assert right.levels == 0 and torch.equal(right.drawn, image) and len(right.said) == 8
    assert right.said[0] == (world.FACTORS[far].high if factors[0, far] > 0.5 else world.FACTORS[far].low)
    wrong = reread(
        image, Judge(READER, judge.factors, lambda images: 1 - factors, None), "portraits", label=None, shown=()
    )
    assert wrong.levels > 5 and wrong.said == ()


# --- several wishes, while other things stay


def test_a_turn_moves_all_that_is_wished_alike_and_what_is_held_not_at_all() -> None:
    draw = torch.Generator().manual_seed(3)
    means = torch.randn(6, 5, generator=draw, dtype=torch.float64)
    records = [record(*row.tolist()) for row in means]
    amounts = wish.turn_for(records, {0: 1, 3: -1}, [1, 4])
    change = amounts @ means
    assert change[[1, 4]].abs().max() < 1e-9 and float(change[0] + change[3]) == pytest.approx(0, abs=1e-9)
    assert change[0] > 0 and float(amounts.abs().max()) == pytest.approx(wish.FAR)
    free = wish.turn_for(records, {0: 1, 3: -1})
    assert (free @ means)[[1, 4]].abs().min() > 0.05, "left free, it moves"
    assert (free @ means)[0] > change[0] or free.norm() < amounts.norm(), "holding costs something"
    least = np.linalg.lstsq(means[:, [0, 3, 1, 4]].T.numpy(), np.array([1.0, -1.0, 0.0, 0.0]), rcond=None)[0]
    assert np.allclose(amounts / amounts.norm(), least / np.linalg.norm(least)), "the shortest such turn"


def test_what_moves_alike_on_every_knob_cannot_be_told_apart() -> None:
    records = [record(1.0, 2.0), record(-0.5, -1.0), record(0.1, 0.2)]
    assert wish.turn_for(records, {0: 1}, [1]) is None and wish.turn_for(records, {0: 1}) is not None


def test_a_correction_takes_back_what_was_seen_to_move_and_leaves_the_wish() -> None:
    means = torch.tensor([[1.0, 0.5], [0.2, -1.0], [0.3, 0.7]], dtype=torch.float64)
    records = [record(*row.tolist()) for row in means]
    amounts = wish.turn_for(records, {0: 1}, [1])
    change = (wish.corrected(amounts, torch.tensor([0.4]), records, [0], [1]) - amounts) @ means
    assert change.tolist() == pytest.approx([0.0, -0.4])


def test_the_sentence_of_a_turn_names_what_was_done_what_stayed_and_what_else_moved() -> None:
    factors = (*FACTORS, Factor("light", "the light", "is dark", "is light"), Factor("hair", "the hair", "a", "b"))
    judge = Judge(READER, factors, lambda images: images, None, "faces")
    noise = 0.01 * torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    change, free = noise + torch.tensor([0.9, 0.04, -0.6, 0.2]), noise + torch.tensor([1.0, -0.7, 0.0, 0.0])
    said = wish.turn_sentence(change, free, {0: 1}, [1], torch.tensor([1.5, 0.0, -0.3]), judge)
    assert said.clear and said.text == (
        "Turning knobs 1 and 3 together changes the smile by 0.9 standard deviations, the mean over 64 faces; what was "
        "to stay moves: the head by 0.0 (left free: 0.7). With it moves the light by 0.6 and the hair by 0.2."
    )
    other = wish.turn_sentence(change, free, {0: -1}, [1], torch.ones(3), judge)
    assert not other.clear and "No turn of these knobs together clearly does that while the head stays" in other.text
