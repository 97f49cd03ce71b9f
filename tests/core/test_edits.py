"""Edits with a name: they move codes by their own numbers, and what a file or a browser says of them is not trusted."""

from __future__ import annotations

import json
import math

import pytest
import torch

from core import edits
from core.edits import Collection, Edit

MINE, OTHERS = "a" * 64, "b" * 64


def an_edit(name: str = "smile", model: str = "one", weights: str = MINE, scale: float = 1.0) -> Edit:
    shift = scale * torch.arange(1.0, 7.0).reshape(2, 3)
    return edits.edit_of(name, dict(model=model, seed=3), (0, 2), shift, weights)


def codes() -> torch.Tensor:
    return torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))


def test_an_edit_adds_its_shift_to_its_slots_and_to_no_others() -> None:
    before = codes()
    for strength in (1.0, -0.5):
        after = an_edit().moved(before, strength)
        wanted = before.clone()
        wanted[:, [0, 2]] += strength * torch.arange(1.0, 7.0).reshape(2, 3)
        assert torch.allclose(after, wanted, atol=1e-6) and torch.equal(after[:, [1, 3]], before[:, [1, 3]])
    assert torch.equal(an_edit().moved(before, 0.0), before) and torch.equal(an_edit(scale=0).moved(before), before)


def test_the_numbers_survive_their_file_to_the_bit() -> None:
    shift = torch.randn(2, 3, generator=torch.Generator().manual_seed(1))
    kept = edits.edit_of("smile", dict(model="one"), (0, 2), shift.double(), MINE)
    (row,) = edits.rows_in(json.loads(edits.text_of([kept.row()])))
    back = edits.edit_in(row).check(4, 3)
    assert torch.equal(torch.tensor(back.shift), shift) and back == kept.check(4, 3)


@pytest.mark.parametrize("name", ["", "  ", None, 3, "x" * 61, "\n", "<>"])
def test_a_name_has_letters(name: object) -> None:
    with pytest.raises(ValueError, match="name of 1 to 60"):
        Edit(name, {}, (), (), MINE)


def test_a_name_cannot_be_markup() -> None:
    assert an_edit(" <b>big smile</b> ").name == "b big smile /b"


@pytest.mark.parametrize(
    "change",
    [
        dict(shift=[[1, 2, 3]]),
        dict(shift=None),
        dict(shift=[[1, 2]] * 2),
        dict(shift=[[math.nan] * 3] * 2),
        dict(shift=[[1e9] * 3] * 2),
        dict(shift=[["1"] * 3] * 2),
        dict(shift=[[10**400] * 3] * 2),
        dict(slots=None),
        dict(slots=[0, 0]),
        dict(slots=[0, 4]),
        dict(slots=[True, 2]),
        dict(slots=["0", "2"]),
        dict(slots=[], shift=[]),
    ],
)
def test_numbers_that_do_not_fit_the_codes_are_refused(change: dict) -> None:
    found = edits.edit_in({**an_edit().row(), **change})
    with pytest.raises(ValueError, match="3 finite numbers for each layer"):
        found.check(4, 3)
    assert edits.edit_in(an_edit().row()).check(4, 3), "the control"


@pytest.mark.parametrize(
    "found", [None, [], {}, dict(format="other"), dict(format=edits.FORMAT), dict(format=edits.FORMAT, edits=[])]
)
def test_what_is_no_file_of_edits_is_said(found: object) -> None:
    with pytest.raises(ValueError, match="choose"):
        edits.rows_in(found)


@pytest.mark.parametrize("row", [3, None, {}, {"recipe": 3}])
def test_a_damaged_row_is_said(row: object) -> None:
    with pytest.raises(ValueError, match="damaged"):
        edits.edit_in(row)


def test_more_than_would_be_read_again_is_not_written() -> None:
    with pytest.raises(ValueError, match="save fewer"):
        edits.text_of([{**an_edit().row(), "name": "x" * 2**21}])


# --- several networks


def test_edits_of_other_networks_and_weights_are_listed_last_and_do_not_apply() -> None:
    found = Collection().added([an_edit("wink", "two"), an_edit("grin", weights=OTHERS), an_edit()])
    listed = dict(found.choices("one", MINE))
    assert list(listed) == [
        "smile",
        "wink (of another network: two)",
        "grin (of another network: other weights of one)",
    ]
    assert found.one(listed["smile"], "one", MINE)["name"] == "smile" and len(found.of("one", MINE)) == 1
    for other in list(listed.values())[1:]:
        with pytest.raises(ValueError, match="another network"):
            found.one(other, "one", MINE)


def test_a_name_of_the_same_network_means_the_new_edit() -> None:
    found = Collection().added([an_edit(), an_edit(model="two")]).added([an_edit(scale=2.0)])
    assert found.of("one", MINE) == [an_edit(scale=2.0).row()] and len(found.of("two", MINE)) == 1
    left = found.without(edits.key_of(an_edit().row()))
    assert left.of("one", MINE) == [] and len(left.rows) == 1
    for key in (None, "", "smile", edits.key_of(an_edit().row())):
        with pytest.raises(ValueError, match="choose"):
            left.without(key)
        with pytest.raises(ValueError, match="choose"):
            left.one(key, "one", MINE)


def test_what_a_browser_kept_is_read_again_and_what_is_broken_is_left_out() -> None:
    found = Collection().added([an_edit()])
    assert Collection.read(found.text()).of("one", MINE)[0]["shift"] == [list(row) for row in an_edit().shift]
    rows = [3, {}, {"name": "a", "recipe": {}}, {**an_edit().row(), "weights": None}, an_edit().row()]
    assert len(Collection.read(json.dumps(dict(edits=rows))).rows) == 1
    for text in (None, "", "{", "[]", '{"edits": 3}', "[" * 100_000, "x" * 3_000_000):
        assert Collection.read(text) == Collection()
    with pytest.raises(ValueError, match="delete some"):
        Collection(({**an_edit().row(), "more": "x" * 2**21},)).text()
