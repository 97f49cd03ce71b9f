"""At what level a change lies: planted pictures whose change is known to be layout, colour, or neither."""

from __future__ import annotations

import pytest
import torch

from core.truth.abstraction import parts, shares

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
SIDE = 32


def blob(x: int = 4, y: int = 8, colour: tuple[float, float, float] = (0.8, -0.4, 0.1)) -> torch.Tensor:
    image = torch.full((1, 3, SIDE, SIDE), -0.5)
    image[:, :, y : y + 12, x : x + 8] = torch.tensor(colour)[:, None, None]
    return image


def grain(seed: int = 0) -> torch.Tensor:
    """Detail alone: every cell has the mean 0."""
    cell = SIDE // 8
    noise = tiny.normal(1, 3, 8, cell, 8, cell, seed=seed)
    return 0.1 * (noise - noise.mean((3, 5), keepdim=True)).reshape(1, 3, SIDE, SIDE)


def share(before: torch.Tensor, after: torch.Tensor) -> dict[str, float]:
    return shares([parts(before, after)])


def test_a_thing_that_moves_is_layout_and_its_centre_of_mass_moves_as_far():
    found = share(blob(4), blob(16))
    assert found["moved"] == pytest.approx(1) and found["coarse"] > 0.7 and found["colour"] == pytest.approx(0)
    far = parts(blob(4), blob(16)).centre
    assert float(far) == pytest.approx(12 / SIDE, abs=0.01)
    assert found["centre"] == pytest.approx(float(far) / found["size"])


def test_another_colour_everywhere_is_colour_and_nothing_moves():
    found = share(0.5 * blob(), 0.5 * blob() + torch.tensor([0.2, -0.1, 0.0])[:, None, None])
    assert found["colour"] == pytest.approx(1) and abs(found["coarse"]) + abs(found["moved"]) < 1e-9


def test_a_thing_that_takes_another_colour_shows_at_8_x_8_and_moves_little_so_that_two_measures_are_needed():
    found = share(blob(), blob(colour=(0.2, -0.45, -0.2)))
    assert found["coarse"] > 0.6 and found["moved"] < 0.05


def test_detail_that_is_stronger_is_colour_and_detail_that_lies_elsewhere_is_neither():
    stronger, elsewhere = share(grain(), 1.5 * grain()), share(grain(), grain().flip(2, 3))
    assert stronger["colour"] == pytest.approx(1, abs=0.01) and stronger["coarse"] < 1e-9
    assert elsewhere["moved"] == pytest.approx(1) and elsewhere["colour"] < 0.01 and elsewhere["coarse"] < 1e-9


def test_parts_stay_within_the_whole_and_of_no_change_there_is_no_share():
    before, after = (tiny.normal(4, 3, 16, 16, seed=seed).clamp(-2, 2) for seed in (1, 2))
    found = parts(before, after)
    assert (found.coarse + found.colour <= found.total + 1e-12).all() and (found.moved <= found.total).all()
    assert (found.moved >= -1e-12).all() and set(share(before, before).values()) == {0.0}
    several = shares([parts(before[:1], after[:1]), parts(before[1:], after[1:])])
    assert several == pytest.approx(shares([found]))


def test_pictures_that_do_not_fit_get_a_sentence():
    with pytest.raises(ValueError, match="multiple of 8; got"):
        parts(torch.zeros(1, 3, 12, 12), torch.zeros(1, 3, 12, 12))
