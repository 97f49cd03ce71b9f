"""How a file of directions was read is said where it was chosen; the other reading is one press away, and is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import zoo
from core.factorization.baseline import spread_along
from demos.page.fields import RecipeError, recipe_of_json
from demos.page.sources import directions_of, reading_control, take_directions
from demos.page.tab import answer, code_for, controls_at
from demos.steer.recipe import Recipe, headline, render
from demos.steer.tab import TAB
from serving.dropping import recognised

from ..support import MODEL

pytestmark = pytest.mark.usefixtures("small_model")
SLOTS, DIM = 6, 16
ROWS = np.random.default_rng(3).normal(size=(SLOTS, DIM))


def taken(folder: Path, array: np.ndarray, recipe: Recipe | None = None, name: str = "mine.npy") -> Recipe:
    np.save(folder / "saved.npy", array)
    (folder / "saved.npy").rename(folder / name)
    return take_directions(str(folder / name), (recipe or Recipe(MODEL)).as_dict())


def test_a_direction_with_a_row_for_each_layer_is_one_knob_and_the_page_offers_the_other_reading(tmp_path: Path):
    found = taken(tmp_path, ROWS, Recipe(MODEL, layers="coarse"))
    assert len(directions_of(found)[0]) == 1 and found.layers == "all"
    control = reading_control(found)
    assert set(control["options"]) == {"rows", "slots"} and control["usual"] == "slots"
    assert "one direction with a row for each of 6 layers" in control["hint"]
    assert "with a row for each layer" in headline(found)
    assert answer(TAB, found)["setup"]["controls"]["reading"] == control
    other = replace(found, reading="rows")
    assert len(directions_of(other)[0]) == SLOTS and "one from each row" in headline(other)
    assert reading_control(other)["options"] == control["options"]


def test_where_one_reading_fits_it_is_said_and_nothing_is_asked(tmp_path: Path):
    for array, said in ((ROWS[:3], "3 directions, one a row"), (ROWS[:3].T, "one a column: the file is turned")):
        control = reading_control(taken(tmp_path, array))
        assert control["options"] == {} and said in control["hint"]
    many = reading_control(taken(tmp_path, np.random.default_rng(0).normal(size=(23, DIM))))
    assert "The first 10 of them are the knobs" in many["hint"]
    assert reading_control(Recipe(MODEL)) is None, "the control: knobs of the network's own"
    assert "reading" in [one["name"] for one in controls_at(TAB, "compare")["fields"]]


def test_a_link_and_a_recipe_keep_the_reading(tmp_path: Path):
    found = replace(taken(tmp_path, ROWS), reading="rows")
    assert recipe_of_json(found.as_dict()) == found
    linked = Recipe.from_query(found.to_query())
    assert linked.method == "sefa" and linked.reading == "rows"
    again = taken(tmp_path, ROWS, linked)
    assert again.reading == "rows" and len(directions_of(again)[0]) == SLOTS
    assert taken(tmp_path, ROWS[:, None].repeat(SLOTS, 1), linked).reading == "", "where it does not fit it is dropped"
    assert taken(tmp_path, ROWS + 1, again).reading == "", "of another file nobody has said how it is read"
    with pytest.raises(RecipeError, match="reading of a file of directions cannot be"):
        Recipe(MODEL, reading="knobs")


def test_the_code_of_a_picture_reads_its_file_as_the_page_did(tmp_path: Path, monkeypatch):
    found = replace(taken(tmp_path, ROWS), reading="rows", amounts=(0.0, 1.5))
    assert "reading='rows')" in code_for(TAB, found)
    assert "reading=" not in code_for(TAB, taken(tmp_path, ROWS[:2]))
    generator = zoo.load(MODEL)
    directions, steps = directions_of(found)
    assert np.allclose(spread_along(generator, directions), steps)
    assert not np.allclose(render(found), render(replace(found, reading="slots", amounts=(1.5,))))


def test_an_ending_in_capitals_is_taken(tmp_path: Path):
    assert len(directions_of(taken(tmp_path, ROWS[:4], name="MINE.NPY"))[0]) == 4


def test_a_file_that_is_dropped_anywhere_says_the_same(tmp_path: Path):
    np.save(tmp_path / "mine.npy", ROWS)
    found = recognised(tmp_path / "mine.npy", Recipe(MODEL).as_dict())
    assert "read as one direction with a row for each of 6 layers" in found.says
    assert "choose on Steer" in found.says and len(directions_of(found.recipe)[0]) == 1
    np.save(tmp_path / "mine.npy", ROWS[:2])
    assert "choose" not in recognised(tmp_path / "mine.npy", Recipe(MODEL).as_dict()).says
