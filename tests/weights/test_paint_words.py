"""The words of Paint's fold "How true is this?" are those of its evidence file's numbers, and the page shows them."""

from __future__ import annotations

import copy
import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from core import evidence as measured
from core import zoo
from demos.page.blocks import written
from demos.paint.words import measured_html
from weights.recipes.measure import paint, paint_words

CARD = "portraits-stylegan2"
PATH = zoo.WEIGHTS / "evidence" / f"{CARD}-paint.json"
FOUND = json.loads(PATH.read_text(encoding="utf-8"))
METHODS = ("lowrank", "unprojected", "resefa", "sefa", "random")  # as they stand in the file
METHODS_TABLE, OUTSIDE, MOVED, ALSO, ROBUSTNESS, TRANSFER, LARGER = range(7)
every_region = pytest.mark.parametrize("region", FOUND["regions"])


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of evidence; the model's own hash stays."""
    weights = zoo.weights_hash(CARD)
    (tmp_path / "evidence").mkdir()
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    monkeypatch.setattr(zoo, "weights_hash", lambda name: weights)
    measured._evidence.cache_clear()
    yield tmp_path / "evidence"
    measured._evidence.cache_clear()


def rows_of(region: str, table: int) -> list[list]:
    return FOUND["written"][region]["tables"][table]["rows"]


def same(cells: list, expected: list[float]) -> None:
    """The numbers of some cells, in their order, are those expected, rounded to the digits that are written."""
    written = re.findall(r"[+−]?\d+(?:\.\d+)?", " ".join(map(str, cells)))
    assert len(written) == len(expected), (cells, expected)
    for text, value in zip(written, expected):
        digits = len(text.partition(".")[2])
        assert float(text.replace("−", "-")) == pytest.approx(value, abs=0.5001 * 10**-digits), (cells, expected)


# --- the file


def test_the_words_on_the_page_are_those_of_the_numbers_beside_them():
    again = f"run `python -m weights.recipes.measure.paint {CARD} --rewrite`"
    assert FOUND["written"] == paint_words.written(FOUND), again
    assert list(FOUND["written"]) == list(FOUND["regions"])
    for one in FOUND["written"].values():
        assert all(len(row) == len(table["columns"]) for table in one["tables"] for row in table["rows"])


@pytest.mark.parametrize(
    "path, table",
    [
        (("methods", "resefa", "ratio", 1), METHODS_TABLE),
        (("methods", "sefa", "outside"), OUTSIDE),
        (("methods", "random", "half"), OUTSIDE),
        (("methods", "lowrank", "factors", "mean", 0), MOVED),
        (("methods", "unprojected", "factors", "mean", 0), ALSO),
        (("robustness", 1, "cosine"), ROBUSTNESS),
        (("transfer", "one", "own", 2), TRANSFER),
        (("larger", 1, "sefa", 2), LARGER),
    ],
)
def test_a_number_that_changes_changes_the_words_of_its_table_and_region_alone(path: tuple, table: int):
    changed = copy.deepcopy(FOUND)
    place = changed["regions"]["hair"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = 77
    words = paint_words.written(changed)
    assert words["hair"]["tables"][table] != FOUND["written"]["hair"]["tables"][table]
    assert all(words[region] == FOUND["written"][region] for region in words if region != "hair")


# --- the numbers


@every_region
def test_methods_stand_by_the_roots_of_their_ratios_the_most_local_first(region: str):
    roots = {paint_words.METHODS[name]: np.sqrt(FOUND["regions"][region]["methods"][name]["ratio"]) for name in METHODS}
    rows, table = rows_of(region, METHODS_TABLE), FOUND["written"][region]["tables"][METHODS_TABLE]
    for (name, said), drawn in zip(rows, table["bars"], strict=True):
        same([said.replace("to", "")], list(roots[name]))
        assert drawn == pytest.approx(roots[name][0])
    assert table["bars"] == sorted(table["bars"], reverse=True) and {name for name, _ in rows} == set(roots)


@every_region
def test_what_changes_outside_is_in_levels_and_beside_the_best_sefa_knob(region: str):
    record = FOUND["regions"][region]["methods"]
    for name, row in zip(METHODS, rows_of(region, OUTSIDE), strict=True):
        one = record[name]
        beside = [] if name == "sefa" else [*(100 * np.sqrt(one["share"])), one["half"]]
        same(row[1:], [one["knob"], one["of"], 255 / 2 * one["outside"], *beside])


@every_region
def test_the_factors_that_move_most_stand_with_their_interval_and_with_chance(region: str):
    record, table = FOUND["regions"][region], FOUND["written"][region]["tables"][MOVED]
    factors, chance = record["methods"]["lowrank"]["factors"], record["methods"]["random"]["factors"]["mean"]
    order = np.argsort(-np.abs(factors["mean"]), kind="stable")[: paint_words.FACTORS]
    assert len(table["rows"]) == len(table["bars"]) == paint_words.FACTORS
    for i, row, drawn in zip(order, table["rows"], table["bars"], strict=True):
        expected = [factors["mean"][i], factors["low"][i], factors["high"][i], abs(chance[i])]
        same(row[1:], expected)
        assert drawn == expected
        named = FOUND["factors"][i]
        assert row[0].removesuffix(" *") == named["description"]
        assert row[0].endswith(" *") == (named["name"] in record["own"])


@every_region
def test_each_method_has_its_three_strongest_factors_and_the_share_of_the_regions_own(region: str):
    record = FOUND["regions"][region]
    own = np.array([factor["name"] in record["own"] for factor in FOUND["factors"]])
    for name, row in zip(METHODS, rows_of(region, ALSO), strict=True):
        mean = np.array(record["methods"][name]["factors"]["mean"])
        strongest = mean[np.argsort(-np.abs(mean), kind="stable")[:3]]
        same(row[1:], [*strongest, 100 * np.abs(mean[own]).sum() / np.abs(mean).sum()])


@every_region
def test_worse_regions_single_faces_and_larger_edits_have_the_roots_of_their_ratios(region: str):
    record = FOUND["regions"][region]
    for each, row in zip(record["robustness"], rows_of(region, ROBUSTNESS), strict=True):
        same(row[1:], [each["cosine"], *np.sqrt(each["ratio"])])
    tried = [record["transfer"][made][which] for made in ("one", "many") for which in ("first", "best")]
    own, *others = rows_of(region, TRANSFER)
    same(own[1:], list(np.sqrt(record["transfer"]["one"]["own"])))
    for each, row in zip(tried, others, strict=True):
        same(row[1:], [*np.sqrt(each["ratio"]), *each["half"]])
    for each, row in zip(record["larger"], rows_of(region, LARGER), strict=True):
        levels = 255 / 2 * each["inside"]
        same(row, [each["inside"], levels, 255, *np.sqrt(each["lowrank"]), *np.sqrt(each["sefa"])])


@every_region
def test_the_source_has_the_shares_of_all_regions(region: str):
    note, claim = FOUND["written"][region]["tables"][LARGER]["note"], FOUND["claim"]
    roots = [100 * np.sqrt(share) for share in (claim["share"], *claim["by_region"].values())]
    same([note.partition("and half")[0]], [*roots, 100 * claim["share"]])
    assert f"`{FOUND['command']}`" in note and FOUND["weights_sha256"].startswith(note[-13:-1])


# --- the page


@every_region
def test_the_page_shows_every_sentence_and_cell_as_it_is_written(region: str):
    """Text alone, cell by cell: what is drawn from numbers says the words that the file has of them."""
    said, html = FOUND["written"][region], measured_html(CARD, region)
    bodies = re.findall(r"<tbody>(.*?)</tbody>", html)
    for table, body in zip(said["tables"], bodies, strict=True):
        shown = []
        for row in re.findall(r"<tr>(.*?)</tr>", body):
            cells = re.findall(r"<t[hd](?! class=\"bar\")[^>]*>(.*?)</t[hd]>", row)
            shown.append([unescape(re.sub(r"<[^>]+>", "", cell)) for cell in cells])
        assert shown == [[str(cell) for cell in row] for row in table["rows"]]
    paragraphs = [unescape(re.sub(r"<[^>]+>", "", one)) for one in re.findall(r"<p>(.*?)</p>", html)]
    assert paragraphs == [*said["sentences"], said["tables"][-1]["note"].replace("`", "")]
    assert f"<code>{FOUND['command']}</code>" in html


def test_a_section_of_a_file_is_shown_alone_and_its_text_is_no_markup(small: Path):
    table = dict(
        caption="<c>",
        columns=["name", "value", "chance"],
        rows=[["<b>", "+0.50 [+0.25, +0.75]", "0.10"], ["d", "−1.00", ""]],
        bars=[[0.5, 0.25, 0.75, 0.1], [-1.0, None, None, None]],
        note="Run `a <x>`.",
    )
    sections = dict(one=dict(sentences=["First <i>."], tables=[table]), other=dict(sentences=["Second."]))
    whole = dict(weights_sha256=zoo.weights_hash(CARD), sentences=["All."], written=sections)
    (small / f"{CARD}-paint.json").write_text(json.dumps(whole), encoding="utf-8")
    html = written(CARD, "paint", "one")
    assert html.startswith("<p>First &lt;i&gt;.</p>") and html.endswith("<p>Run <code>a &lt;x&gt;</code>.</p>")
    assert not re.search(r"<[bcix]>", html) and "Second" not in html and "All" not in html
    assert "<td>+0.50 <small>[+0.25, +0.75]</small></td>" in html and "<td>0.10</td>" in html
    assert "<th scope=col>chance</th>" in html and "<td>−1.00</td>" in html and 'style="left:10.0%"' in html
    assert written(CARD, "paint", "other") == "<p>Second.</p>"
    assert written(CARD, "paint", "none") == "" and written(CARD, "paint") == "<p>All.</p>"


# --- the command


def test_rewriting_restores_stale_words_from_the_numbers_and_measures_nothing(
    small: Path, monkeypatch: pytest.MonkeyPatch
):
    path, whole = small / PATH.name, PATH.read_text(encoding="utf-8")
    stale = json.loads(whole)
    stale["written"] = {"hair": dict(sentences=["Old words."], tables=[])}
    path.write_text(json.dumps(stale), encoding="utf-8")
    monkeypatch.setattr(paint, "measure", None)
    monkeypatch.setattr("sys.argv", ["paint", CARD, "--rewrite"])
    paint.main()
    assert path.read_text(encoding="utf-8") == whole


def test_words_of_what_was_never_measured_are_refused_in_a_sentence(small: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.argv", ["paint", CARD, "--rewrite"])
    with pytest.raises(SystemExit, match=f"{CARD}-paint.json is not there, .* measure without --rewrite"):
        paint.main()
    assert not list(small.iterdir())
