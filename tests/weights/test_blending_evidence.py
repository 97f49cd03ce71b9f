"""What was measured of blending: its words are made of its numbers, and its controls can fail."""

from __future__ import annotations

import copy
import json

import pytest
import torch

from core import zoo
from core.evidence import file_hash
from weights.recipes.measure import blending, blending_tables
from weights.recipes.measure.blending_tables import BARS, LOST, PIXELS, PLAIN

CARD = "portraits-stylegan2"
PATH = zoo.WEIGHTS / "evidence" / f"{CARD}-blending.json"


@pytest.fixture(scope="module")
def evidence() -> dict:
    assert PATH.exists(), f"run `python -m weights.recipes.measure.blending {CARD}`"
    return json.loads(PATH.read_text(encoding="utf-8"))


def test_the_evidence_is_of_the_files_that_are_here_and_says_what_its_numbers_say(evidence: dict) -> None:
    assert evidence["weights"] == zoo.weights_hash(CARD) and evidence["critic"] == file_hash(zoo.critic_path(CARD))
    assert evidence["parts_sha256"] == file_hash(zoo.WEIGHTS / "portraits-parts.safetensors")
    made = blending_tables.shown(evidence["found"])
    assert made["sentences"] == evidence["sentences"] and made["tables"] == evidence["tables"]
    assert blending.controls_hold(evidence["found"]) == []


def test_the_bars_are_met_as_the_sentences_say(evidence: dict) -> None:
    found = evidence["found"]
    usual = blending_tables.usual(found, 4)
    assert usual == "5" and "it is met" in evidence["sentences"][0]
    for one in found["taken"].values():
        assert torch.tensor(blending_tables.ratios(one, usual)).median() <= BARS["seam"]
        assert len(one["seam"][PIXELS]) == blending.FACES
    assert all(blending_tables.arrived(one[usual]) >= BARS["arrived"] for one in found["moved"].values())


def test_what_was_measured_is_measured_again_on_the_first_faces(evidence: dict) -> None:
    of, found = blending.Measurement(CARD), evidence["found"]
    for again, before in (
        (blending.moved(of, "mouth", 1), found["moved"]["mouth"]),
        (blending.taken(of, "mouth", 1)["seam"], found["taken"]["mouth"]["seam"]),
    ):
        for key, values in again.items():
            assert values == pytest.approx(before[key][: len(values)], rel=0.05, abs=0.1)


def test_controls_can_fail(evidence: dict) -> None:
    found = copy.deepcopy(evidence["found"])
    found["taken"]["mouth"]["empty"] = 0.5
    found["taken"]["eyes"]["outside"]["largest"]["5"][3] = 1.0
    found["moved"]["eyes"][PLAIN] = [1.0] * 64
    said = blending.controls_hold(found)
    assert len(said) == 3 and "empty mask" in said[0] and "do not reach" in said[1] and "nothing was moved" in said[2]
    assert blending_tables.arrived([0.0, 2.0, 2.1, LOST]) == 0.5 and blending_tables.gone([0.0, 0.3]) == 0.5
