"""What a file of directions means: one direction is never ten knobs, and what could be read otherwise is said."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest

from core.factorization.files import Found, found_in, load_directions

SLOTS, DIM = 10, 32
RNG = np.random.default_rng(5)
ONE, SEVERAL = RNG.normal(size=DIM), RNG.normal(size=(SLOTS, DIM))
UNIT = SEVERAL / np.linalg.norm(SEVERAL, axis=1, keepdims=True)
SQUARE = np.linalg.qr(RNG.normal(size=(DIM, DIM)))[0]


@pytest.fixture
def read(tmp_path: Path):
    """(an array, or arrays by name) -> how its file is read."""

    def reads(array=None, *, ending: str = "", reading: str | None = None, **arrays: np.ndarray) -> Found:
        out = io.BytesIO()
        np.save(out, array) if array is not None else np.savez(out, **arrays)
        path = tmp_path / f"d{ending or ('.npy' if array is not None else '.npz')}"
        path.write_bytes(out.getvalue())
        return found_in(path, slots=SLOTS, dim=DIM, reading=reading)

    return reads


def along(found: Found, expected: np.ndarray) -> bool:
    expected = expected / np.linalg.norm(expected.reshape(len(expected), -1), axis=1).reshape(
        -1, *[1] * (expected.ndim - 1)
    )
    return found.directions.vectors.shape == expected.shape and np.allclose(found.directions.vectors, expected)


def test_a_row_for_every_layer_is_one_direction_and_the_other_reading_is_offered(read) -> None:
    for array in (SEVERAL, 0.01 * SEVERAL, UNIT):
        found = read(array)
        assert along(found, array[None]) and found.reading == "slots" and found.others == ("rows",)
        assert "one direction with a row for each of 10 layers" in found.note
        assert along(read(array, reading="rows"), array) and read(array, reading="rows").others == ("slots",)


@pytest.mark.parametrize("count", [2, SLOTS, 14, 18, 3 * SLOTS])
@pytest.mark.parametrize("scales", ["equal", "unequal"])
def test_rows_that_say_the_same_are_never_knobs(read, count: int, scales: str) -> None:
    array = np.tile(ONE, (count, 1)) * (1 if scales == "equal" else RNG.uniform(0.5, 2, (count, 1)))
    for reading in (None, "rows"):
        assert len(read(array, reading=reading).directions) == 1
    if scales == "equal":
        assert along(read(array), ONE[None]) and read(array).others == ()


def test_a_direction_that_moves_some_layers_alone_moves_these_alone(read) -> None:
    coarse, edges = SEVERAL.copy(), np.zeros((SLOTS, DIM))
    coarse[4:], edges[[0, 9]] = 0, ONE
    assert read(coarse).directions.slots == (0, 1, 2, 3) and read(coarse).others == ()
    assert read(edges).directions.slots == (0, 9) and along(read(edges), ONE[None])
    assert "layers 0,9 alike" in read(edges).note


def test_ten_knobs_of_a_network_with_ten_layers_stay_ten_where_that_is_known(read) -> None:
    for found in (
        read(SQUARE[:SLOTS]),  # at right angles
        read(vectors=SEVERAL, scores=np.arange(10.0)),
        read(components=SEVERAL),
        read(SEVERAL[:, None]),
    ):
        assert len(found.directions) == SLOTS and found.reading == "rows"


def test_a_direction_for_another_number_of_layers_says_which_and_what_is_used(read) -> None:
    wide = RNG.normal(size=(18, DIM))
    for array in (wide, wide[None]):
        found = read(array)
        assert along(found, wide[None, :10]) and "made for 18 layers, as a network of 1,024 pixels" in found.note
        assert "this network has 10. Its first 10 rows are used" in found.note
    assert read(wide).others == ("rows",) and along(read(wide, reading="rows"), wide)
    eight = read(RNG.normal(size=(8, DIM)))
    assert len(eight.directions) == 8 and eight.others == ("slots",)
    assert read(RNG.normal(size=(8, DIM)), reading="slots").directions.slots == tuple(range(8))


def test_a_square_is_read_by_rows_and_offers_columns_but_eigenvectors_are_columns(read) -> None:
    assert along(read(SQUARE), SQUARE) and read(SQUARE).others == ("columns",)
    assert along(read(SQUARE, reading="columns"), SQUARE.T)
    assert along(read(eigvec=SQUARE), SQUARE.T) and read(eigvec=SQUARE).others == ("rows",)


def test_what_is_turned_is_turned_back_and_said(read) -> None:
    found = read(SEVERAL[:5].T)
    assert along(found, SEVERAL[:5]) and found.reading == "columns" and "turned" in found.note
    with pytest.raises(ValueError, match=r"layers come first there; turn it to \[k, 10, 32\]"):
        read(RNG.normal(size=(SLOTS, 3, DIM)))


def test_files_of_other_tools_open(read) -> None:
    parts = dict(act_mean=np.zeros((1, DIM)), lat_mean=np.zeros((1, 1, DIM)), var_ratio=np.arange(5.0, 0, -1))
    found = read(act_comp=UNIT[:5, None], lat_comp=SQUARE[:5, None], **parts)
    assert along(found, SQUARE[:5]) and found.directions.scores.tolist() == [5, 4, 3, 2, 1]
    assert along(read(components=UNIT[:5], mean=np.zeros(DIM), stdev=np.ones(5)), UNIT[:5])
    assert along(read(SEVERAL[:3].repeat(SLOTS, 0).reshape(3, -1)), SEVERAL[:3])  # [k, slots * dim]
    assert along(read(UNIT[:5], ending=".NPY"), UNIT[:5]) and along(read(d=UNIT[:5], ending=".Npz"), UNIT[:5])


def test_codes_of_pictures_are_told_from_directions_in_words(read) -> None:
    codes = RNG.normal(size=(3, SLOTS, DIM))
    for array in (codes, codes[:, 0], codes[:1], np.tile(codes[:, :1], (1, SLOTS, 1))):
        assert "codes of pictures, they are no directions" in read(array).note
    assert "3 directions with a row for each of 10 layers" in read(codes).note
    assert "codes" not in read(UNIT[:3]).note, "the control: directions of length one"


def test_a_reading_that_does_not_fit_is_refused(read) -> None:
    for array, reading in ((SEVERAL, "columns"), (SEVERAL[:3], "slots"), (SEVERAL[None], "rows"), (SEVERAL, "knobs")):
        with pytest.raises(ValueError, match=f"cannot be read by {reading}: this network reads it by"):
            read(array, reading=reading)
    with pytest.raises(ValueError, match="says itself how it is to be read"):
        read(vectors=SEVERAL, scores=np.ones(SLOTS), reading="slots")


def test_whoever_loads_what_has_two_meanings_is_warned_once_they_did_not_choose(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", SEVERAL)
    with pytest.warns(UserWarning, match='may also mean reading="rows"'):
        load_directions(tmp_path / "d.npy", slots=SLOTS, dim=DIM)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_directions(tmp_path / "d.npy", slots=SLOTS, dim=DIM, reading="rows")) == SLOTS
