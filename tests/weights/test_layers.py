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


@pytest.mark.skipif(not PATH.exists(), reason="not measured yet")
def test_the_evidence_is_of_the_bundled_weights_and_the_halves_agree() -> None:
    found = json.loads(PATH.read_text(encoding="utf-8"))
    assert (found["weights"], found["reader"]) == (zoo.weights_hash(CARD), reader_hash(CARD))
    for table in found["tables"]:
        assert all(len(row) == len(table["columns"]) for row in table["rows"]) and table["title"] and table["caption"]
    for row in found["tables"][1]["rows"]:
        assert float(row[1]) >= layers.LEAST > 0.5 > abs(float(row[3]))
    assert torch.tensor([float(x.replace("−", "-")) for x in found["tables"][2]["rows"][0][1:-1]]).argmax() == 0
