"""Every answer of a lesson is what the evidence says: compared with the words of its own file, and it follows them."""

from __future__ import annotations

import copy
import json

import pytest

from core import evidence, lessons, zoo

# question -> where its file says the same in words: (start of a table's title, of a row, column) or a sentence's start
SAID = {
    "found": [("How many of", "SeFa", 2, "sefa", "{:.0f}")],
    "hides": [
        ("What truncation hides", "glasses", 1, "a", "{:.2f}"),
        ("What truncation", "length of", 1, "z", "{:.2f}"),
    ],
    "mouth": [
        ("Change inside over", "LowRankGAN, changes outside forbidden", 1, "lowrank", "{:.2g}"),
        ("Change inside over", "the best SeFa knob", 1, "sefa", "{:.2g}"),
    ],
    "lifted": [("What the forbidden knob moves", "width of the face", 1, "c", "{:.2f}")],
    "holds": [("How much else changes", "LowRankGAN, changes outside forbidden", 4, "mouth", "{:.0f}")],
    "transfer": [("Does a knob stay local", "16 faces, the best", 1, "many", "{:.0f}")],
    "enlarge4": [
        ("Enlarging 4", "mGANprior", 1, "mGANprior", "{:.1f}"),
        ("Enlarging 4", "bicubic", 1, "bicubic", "{:.1f}"),
    ],
    "enlarge8": [("Enlarging 8", "one code", 1, "one", "{:.1f}")],
    "colours": [
        ("Error of the colour", "mGANprior", 1, "known", "{:.1f}"),
        ("Error of the colour", "left grey", 2, "free_grey", "{:.1f}"),
    ],
    "mug": [("Copies of", "after 9 layers", 2, "mugs", "{:.1f}"), ("Copies of", "after 9 layers", 3, "gap", "{:+.1f}")],
    "skin": [("mGANprior by the tone", "Enlarging 4", 3, "dark", "{:.1f}")],
    "needed": [
        ("Channels of all gates off", "20 %", 1, "aware", "{:.1f}"),
        ("Channels of all gates off", "20 %", 3, "random", "{:.1f}"),
    ],
    "one_gate": [("20 % of one gate", "gate 6", 1, "most", "{:.1f}")],
    "orders": [
        ("Do the three measures", "gate 0", 2, "first", "{:.2f}"),
        ("Do the three measures", "gate 7", 2, "last", "{:.2f}"),
    ],
    "cuts": [("Cut into", "later half", 1, "with", "{:.2f}"), ("Cut into", "later half", 2, "without", "{:.2f}")],
    "strong": [
        ("What one step", "InterFaceGAN, svm", 1, "svm", "{:.2f}"),
        ("What one step", "pure, lam = 0", 1, "purest", "{:.2f}"),
    ],
    "named": [("What one step", "InterFaceGAN, pattern", 6, "pattern", "{:.0f} of")],
    "hard": [("Factor by factor: pure", "glasses and their size", 2, "a", "{:.2f}")],
    "parts": [
        ("How well the boundaries", "svm", 1, "parted", "{}"),
        ("What one step", "InterFaceGAN, svm", 2, "shares", "{:.2f}"),
    ],
    "own": [
        ("What one step", "InterFaceGAN, svm", 2, "svm", "{:.2f}"),
        ("What one step", "pure, lam = 0.01", 2, "pure", "{:.2f}"),
    ],
}
SHARES = {("hides", "a"), ("hides", "z"), ("hard", "a"), ("parts", "shares"), ("own", "svm"), ("own", "pure")}  # of 1


def file_of(name: str) -> dict:
    model, kind, _ = lessons.QUESTIONS[name]
    path = zoo.WEIGHTS / "evidence" / f"{model}{'-' * bool(kind)}{kind}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def cell(found: dict, title: str, row: str, column: int) -> str:
    """What a table of the file says in words."""
    tables = found.get("tables") or found["written"]["mouth"]["tables"]
    table = next(one for one in tables if (one.get("title") or one["caption"]).startswith(title))
    return str(next(one for one in table["rows"] if one[0].startswith(row))[column]).lstrip("−")


@pytest.mark.parametrize("name", SAID)
def test_an_answer_says_what_the_tables_of_its_evidence_say(name: str):
    numbers, found = lessons.answer(name), file_of(name)
    for title, row, column, key, form in SAID[name]:
        value = numbers[key] / 100 if (name, key) in SHARES else numbers[key]
        assert cell(found, title, row, column).startswith(form.format(value)), key


def test_what_no_table_holds_is_in_the_file_itself():
    plain, paint, inside = file_of("turns"), file_of("hardest"), file_of("alike")
    yaw = [abs(knob["mean"][0]) for knob in plain["sets"]["sefa-paper/all"]["knobs"]]
    assert plain["factors"][0]["name"] == "yaw" and lessons.answer("turns")["amount"] == max(yaw)
    assert lessons.answer("turns")["knob"] == 1 + yaw.index(max(yaw))
    fine = max(abs(knob["mean"][0]) for knob in plain["sets"]["sefa-paper/fine"]["knobs"])
    assert lessons.answer("layers")["fine"] == fine < lessons.answer("layers")["coarse"]
    agree = [knob["same_sign"][knob["strongest"]] for knob in plain["sets"]["sefa-paper/all"]["knobs"]]
    assert lessons.answer("same")["least"] == 100 * min(agree) and lessons.answer("same")["all"] == agree.count(1)
    hardest, columns = lessons.answer("hardest"), {}
    for region, one in paint["written"].items():
        columns[region] = int(
            cell(one, "How much else changes", "LowRankGAN, changes outside forb", 3).partition(" ")[0]
        )
    assert columns[hardest["worst"]] == max(columns.values()) == round(hardest["a"])
    assert columns[hardest["best"]] == min(columns.values()) == round(hardest["z"])
    alike = lessons.answer("alike")
    assert (
        f"Mug is most like {alike['most']} ({alike['a']:+.2f}) and least like {alike['least']}"
        in inside["sentences"][2]
    )


def changed(value: object) -> object:
    """The same file with other numbers, in another order: whole ones plus one, others by a third less."""
    if isinstance(value, dict):
        return {name: changed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [changed(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return value + 1
    return value * 0.67 if isinstance(value, float) else value


@pytest.mark.parametrize("name", lessons.QUESTIONS)
def test_another_measurement_gives_another_answer(name: str, monkeypatch: pytest.MonkeyPatch):
    real, other = lessons.answer(name), copy.deepcopy(file_of(name))
    for key in (
        "sets",
        "parts",
        "regions",
        "tasks",
        "mugs",
        "changes",
        "found",
        "truncation",
        "samples",
        "formula",
        "claim",
    ):
        if key in other:
            other[key] = changed(other[key])
    for knob in other.get("sets", {}).get("sefa-paper/all", {}).get("knobs", ()):
        knob["strongest"] -= 1  # an index is no measurement
    if name in ("own", "hard", "named", "parts"):  # shares and ranks do not change with the scale
        other["changes"] = {kind: [row[::-1] for row in rows] for kind, rows in other["changes"].items()}
    if "thirds" in other:
        assert max(max(third) for third in other["thirds"]) < 32
    monkeypatch.setattr(lessons, "recorded", lambda model, kind: other)
    assert lessons.answer(name) != real


def test_weights_that_were_not_measured_have_no_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evidence.zoo, "weights_hash", lambda model: "0" * 64)
    assert all(lessons.answer(name) is None for name in lessons.QUESTIONS)
