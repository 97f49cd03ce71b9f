"""What was measured of layers: its parts on planted numbers, and that the file belongs to the bundled weights."""

from __future__ import annotations

import json

import pytest
import torch

from core import zoo
from core.evidence import reader_hash
from weights.recipes.measure import layers

CARD = "portraits-stylegan2"
PATH = zoo.WEIGHTS / "evidence" / f"{CARD}-layers.json"


def test_what_recommended_layers_are_worth_is_a_median_over_the_factors() -> None:
    rows = [dict(whole=(1.0, 4.0), same=(0.5, cut)) for cut in (1.0, 2.0, 8.0)]
    assert layers.cut(rows, "same").tolist() == [0.25, 0.5, 2.0]
    (name, kept, less, count) = layers.worth_table({layers.SVM: rows})["rows"][0]
    assert (kept, less, count) == ("0.50", "0.50 [0.38, 1.25]", "2 of 3") and layers.SVM in name


def shares_of(early: float, late: float) -> list[list[dict[str, float]]]:
    """Of ten directions in six layers: the same in the first two, in the last two."""
    layers_of = [early] * 2 + [0.5] * 2 + [late] * 2
    return [[dict.fromkeys(layers.CLAIMS, one + 0.001 * i) for one in layers_of] for i in range(layers.RANDOM)]


def test_the_sentence_on_layout_says_what_holds_and_what_does_not() -> None:
    assert layers.claims(shares_of(0.9, 0.2)) == dict(coarse=10, moved=10, centre=10, colour=0)
    said = layers.level_sentence(shares_of(0.9, 0.2))
    assert "holds in part" in said and "8 x 8 (90 % and 20 %, 10 of 10)" in said
    assert said.split("Not so: ")[1] == "less of it is colour (90 % and 20 %, 0 of 10)."
    assert "holds in part" in layers.level_sentence(shares_of(0.2, 0.9))
    mixed = [[dict(one, colour=1 - one["colour"]) for one in row] for row in shares_of(0.2, 0.9)]
    assert ", fails here. Not so: " in layers.level_sentence(mixed)
    mixed = [[dict(one, colour=1 - one["colour"]) for one in row] for row in shares_of(0.9, 0.2)]
    assert "holds by all four measures here" in layers.level_sentence(mixed)
    assert "Not so" not in layers.level_sentence(mixed)


@pytest.mark.skipif(not PATH.exists(), reason="not measured yet")
def test_the_evidence_is_of_the_bundled_weights_and_the_halves_agree() -> None:
    found = json.loads(PATH.read_text(encoding="utf-8"))
    assert (found["weights"], found["reader"]) == (zoo.weights_hash(CARD), reader_hash(CARD))
    for table in found["tables"]:
        assert all(len(row) == len(table["columns"]) for row in table["rows"]) and table["title"] and table["caption"]
    for row in found["tables"][1]["rows"]:
        assert float(row[1]) >= layers.LEAST > 0.5 > abs(float(row[3]))
    assert torch.tensor([float(x.replace("−", "-")) for x in found["tables"][2]["rows"][0][1:-1]]).argmax() == 0
