"""Edits form an algebra: what is added can be taken away, and nothing else moves."""

from __future__ import annotations

import itertools

import pytest
import torch

from core.codes import Directions, canonical_sign, checked_slots, edit, named_slots, ranges

from .. import tiny

CODES = tiny.normal(3, 6, tiny.DIM, seed=9).float()


def directions(*slots: int, each: bool = False, k: int = 4) -> Directions:
    vectors = tiny.normal(k, len(slots), tiny.DIM, seed=1) if each else tiny.normal(k, tiny.DIM, seed=1)
    length = vectors.flatten(1).norm(dim=1).reshape(-1, *[1] * (vectors.ndim - 1))
    return Directions(vectors / length, torch.ones(k), slots)


BOTH = pytest.mark.parametrize("each", [False, True], ids=["one vector for all slots", "a vector for each slot"])


@BOTH
def test_there_and_back_restores_the_codes(each: bool) -> None:
    moves = directions(1, 3, each=each)
    there = edit(CODES, moves, [2.5, -1.0])
    assert (there - CODES).abs().max() > 0.1
    assert (edit(there, moves, [-2.5, 1.0]) - CODES).abs().max() < 1e-6


@BOTH
def test_amounts_of_zero_change_no_bit(each: bool) -> None:
    for amounts in ([], [0.0], [0, 0.0, -0.0, 0]):
        edited = edit(CODES, directions(0, 2, each=each), amounts)
        assert torch.equal(edited, CODES) and edited.data_ptr() != CODES.data_ptr()


@BOTH
def test_other_slots_stay_equal_to_the_bit(each: bool) -> None:
    edited = edit(CODES, directions(1, 4, each=each), [1.0, 2.0, 3.0, 4.0])
    for slot in range(6):
        assert torch.equal(edited[:, slot], CODES[:, slot]) == (slot not in (1, 4))


@BOTH
def test_an_edit_is_the_weighted_sum_of_its_directions(each: bool) -> None:
    moves, amounts = directions(0, 5, each=each), [0.5, -2.0, 1.5]
    expected = CODES.double().clone()
    for amount, vector in zip(amounts, moves.vectors):
        for place, slot in enumerate(moves.slots):
            expected[:, slot] += amount * (vector[place] if each else vector)
    assert torch.allclose(edit(CODES, moves, amounts).double(), expected, atol=1e-6)


def test_an_edit_does_not_touch_its_input() -> None:
    before = CODES.clone()
    edit(CODES, directions(0, 1), [3.0])
    assert torch.equal(CODES, before)


def test_slots_of_their_own_keep_their_own_vectors() -> None:
    moves = directions(4, 2, each=True)  # not sorted: vector 0 belongs to slot 4
    edited = edit(CODES, moves, [1.0])
    assert torch.allclose(edited[:, 4] - CODES[:, 4], moves.vectors[0, 0].float().expand(3, -1), atol=1e-6)
    assert torch.allclose(edited[:, 2] - CODES[:, 2], moves.vectors[0, 1].float().expand(3, -1), atol=1e-6)


def test_no_slots_means_no_edit() -> None:
    assert torch.equal(edit(CODES, Directions(tiny.normal(2, tiny.DIM), torch.ones(2), ()), [5.0]), CODES)


@pytest.mark.parametrize(
    "codes, moves, amounts, sentence",
    [
        (CODES, directions(0), [1.0] * 5, "5 amounts for 4 directions"),
        (CODES, directions(0, 6), [1.0], "do not fit codes with 6 slots of 12: they were made for another model"),
        (CODES[:, :, :8], directions(0), [1.0], "12 numbers do not fit codes with 6 slots of 8"),
        (CODES[0], directions(0), [1.0], r"codes are \[n, slots, dim\]; got \[6, 12\]"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(codes, moves, amounts, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        edit(codes, moves, amounts)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "vectors, scores, slots",
    [
        (torch.ones(12), torch.ones(12), (0,)),
        (torch.ones(2, 12), torch.ones(3), (0,)),
        (torch.ones(2, 3, 12), torch.ones(2), (0, 1)),
        (torch.ones(1, 2, 3, 4), torch.ones(1), (0, 1)),
    ],
)
def test_directions_of_a_wrong_shape_cannot_be_made(vectors, scores, slots) -> None:
    with pytest.raises(ValueError, match="directions"):
        Directions(vectors, scores, slots)


def test_the_sign_is_canonical() -> None:
    vectors = tiny.normal(50, 12)
    signed = canonical_sign(vectors)
    assert torch.equal(signed, canonical_sign(-vectors)) and torch.equal(signed.abs(), vectors.abs())
    assert (signed.amax(1) == signed.abs().amax(1)).all()
    each = tiny.normal(5, 3, 12)
    assert torch.equal(canonical_sign(each).flatten(1), canonical_sign(each.flatten(1)))


def test_chosen_slots_are_sorted_and_exist() -> None:
    generator = tiny.stylegan2()
    assert checked_slots(generator, None) == tuple(range(6))
    assert checked_slots(generator, [3, 1, 3]) == (1, 3)
    for wrong in ([], [6], [-1, 2]):
        with pytest.raises(ValueError, match="choose at least one of 0 to 5"):
            checked_slots(generator, wrong)


def test_layers_as_text_and_slots_are_each_other_s_inverse() -> None:
    for slots in itertools.chain.from_iterable(itertools.combinations(range(6), n) for n in range(1, 7)):
        assert named_slots(ranges(slots), 6) == slots
    assert ranges((0, 1, 2, 3, 6)) == "0-3,6" and named_slots("6, 0-3", 7) == (0, 1, 2, 3, 6)
    assert named_slots("coarse", 10) == (0, 1, 2, 3)


@pytest.mark.parametrize("layers", ["7", "3-1", "", "1,,2", "0-6", "-1", "mouth"])
def test_layers_that_there_are_not_are_refused(layers: str) -> None:
    with pytest.raises(ValueError):
        named_slots(layers, 6)
