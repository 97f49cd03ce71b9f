"""The lesson's files: what is recorded comes from the evidence, guesses have one right answer, and it stays small."""

from __future__ import annotations

import json
import re

import pytest
import torch

from commands import lesson
from core import evidence, lessons, zoo
from core.factorization.sefa import sefa
from core.generators.base import Generator

from . import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
MOST = 2_500_000  # bytes: 5.5 MB with Start's 3


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return lesson.files()


@pytest.fixture(scope="module")
def data(files: dict[str, bytes]) -> dict:
    return json.loads(files["lesson/lesson.json"])


def test_the_files_are_small_and_name_no_other_address(files: dict[str, bytes]) -> None:
    assert sum(map(len, files.values())) < MOST
    assert set(files) >= {
        f"lesson/{name}" for name in ("lesson.js", "measured.js", "lesson.css", "lesson.json", "reader.pack")
    }
    texts = [data for name, data in files.items() if not name.endswith(".pack")]
    assert not any(re.search(rb"https?://|[\"']/", text) for text in texts)


def test_every_question_has_a_right_guess_that_the_evidence_names(data: dict) -> None:
    known = evidence.recorded(lesson.MODEL)
    if known is None:
        pytest.skip("the weights that are here were not measured")
    asked = {one["name"]: one for one in data["questions"]}
    assert (
        list(asked)
        == list(lesson.words()["questions"])
        == ["turns", "found", "pure", "layers", "same", "eigen", "hides"]
    )
    for one in asked.values():
        assert 0 <= one["right"] < len(one["guesses"]) == len(one["values"]) and one["recorded"].endswith(".")
        assert "{" not in one["recorded"] + one["asks"]
    count, ends = lessons.found(known)["sefa"], asked["found"]["values"]
    right = asked["found"]["right"]
    assert (right == 0 or ends[right - 1] < count) and count <= ends[right]
    assert asked["turns"]["right"] == lessons.turns(known)["knob"] - 1
    kept = known["truncation"]["0.5"]
    assert min(asked["hides"]["values"], key=kept.__getitem__) == asked["hides"]["values"][asked["hides"]["right"]]


def test_knobs_are_sefas_and_factors_the_readers(data: dict) -> None:
    generator, judge = zoo.load(lesson.MODEL), zoo.load_judge(lesson.MODEL)
    assert data["slots"] == list(range(generator.slots)) and len(data["knobs"]) == lesson.KNOBS
    assert [one["name"] for one in data["factors"]] == list(judge.names)
    assert data["factors"][data["turn"]]["name"] == "yaw"


def asked_of(generator: Generator, known: dict | None) -> dict[str, dict]:
    """The questions about a network, by name, with steps of length 1."""
    knobs, judge = sefa(generator, k=4), zoo.load_judge(lesson.MODEL)
    made = lesson.questions(lesson.Lesson(generator, judge, 0.7, knobs, torch.ones(4), known))
    return {one["name"]: one for one in made}


def test_without_evidence_it_measures_only() -> None:
    asked = asked_of(tiny.stylegan2(), None)
    assert {name for name, one in asked.items() if one["recorded"]} == {"eigen"}  # measured when the files are made
    assert all(one["right"] is None for name, one in asked.items() if name != "eigen")
    assert all(len(one["guesses"]) == len(one["values"]) > 1 for one in asked.values())
    assert asked["turns"]["guesses"] == ["1", "2", "3", "4"] and asked["pure"]["values"] == [0, 2]


def test_a_network_with_a_single_code_is_not_asked_where_pose_lives() -> None:
    assert "layers" in asked_of(tiny.stylegan2(), None)
    assert "layers" not in asked_of(tiny.pggan(), evidence.recorded("portraits-pggan"))


def test_a_network_whose_pictures_have_no_heads_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="the pictures of objects-biggan: give a network of portraits"):
        lesson.files("objects-biggan")
    monkeypatch.setattr(zoo, "has_reader", lambda *_: False)
    with pytest.raises(ValueError, match="no reader knows"):
        lesson.files()


def test_packed_numbers_are_float32() -> None:
    assert lesson.packed(torch.tensor([1.0], dtype=torch.float64)) == "AACAPw=="
