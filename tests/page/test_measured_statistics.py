"""A model that no reader knows is measured with picture statistics, and every sentence says so."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from core import evidence, pace, zoo
from core.cache import Cache
from core.checkpoints import native
from core.factorization.baseline import spread_along
from core.factorization.sefa import sefa
from core.truth import statistics
from core.truth.readers import FactorReader
from core.truth.statistics import FACTORS
from core.truth.worlds import load_world
from demos.page import layers as page_layers
from demos.page import verdicts as measured
from demos.page import words
from demos.page.cells import last_of, table_file
from demos.page.fields import RecipeError
from demos.page.picture import layer_groups
from demos.page.sources import directions_of
from demos.steer import layers
from demos.steer.experiments import CELLS
from demos.steer.layers import moves_there, note
from demos.steer.recipe import Recipe
from demos.steer.truth import read_html, truth_html
from demos.steer.wishes import find, wishes

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
STRANGER, KNOWN = "stranger", "known"
OF_STATISTICS = "Grade of evidence: exact picture statistics. They say what the pixels do, not what is in the picture."
OF_A_READER = "Grade of evidence: an independent reader, trained on pictures whose true factors are known."


@pytest.fixture(autouse=True)
def cards(tmp_path, monkeypatch):
    """One model, once as a stranger and once with a world that has a reader."""
    native.save(tiny.stylegan2(), tmp_path / "model.safetensors")
    world = load_world("portraits")
    native.save(
        tiny.stirred(lambda: FactorReader(resolution=16, names=world.NAMES, widths=(4, 4), hidden=8), 3),
        tmp_path / "portraits-reader.safetensors",
    )
    there = {
        name: zoo.ModelCard(name, name, str(tmp_path / "model.safetensors"), at, 16)
        for name, at in ((STRANGER, None), (KNOWN, "portraits"))
    }
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    monkeypatch.setattr(zoo, "CARDS", there)
    monkeypatch.setattr(measured, "_measured", Cache(64, lambda records: 1))
    monkeypatch.setattr(measured, "FACES", 16)
    return tmp_path


@pytest.fixture
def stranger() -> Recipe:
    recipe = Recipe(STRANGER)
    list(measured.measure(recipe))
    return recipe


def test_an_unmeasured_stranger_claims_nothing_and_can_be_measured() -> None:
    setup, knobs = measured.setup_of(Recipe(STRANGER)), measured.knobs_of(Recipe(STRANGER))
    assert setup["measurable"] and setup["grade"] == OF_STATISTICS
    assert set(knobs.titles) == {""}
    assert knobs.verdicts[2] == ("What knob 3 moves has not been measured: press \u201cMeasure these knobs\u201d.")
    html = truth_html(Recipe(STRANGER))
    assert "not been measured" in html and OF_STATISTICS in html and "face" not in html
    asks = "not been measured.*press \u201cMeasure these knobs\u201d under the picture$"
    with pytest.raises(RecipeError, match=asks):
        find(Recipe(STRANGER), "brightness")


def test_measuring_says_how_far_it_is_and_is_kept() -> None:
    recipe = Recipe(STRANGER)
    said = [step.says for step in measured.measure(recipe)]
    assert said[:16] == [f"Turning 10 knobs and 200 random ones on 16 pictures: {i} of 16." for i in range(1, 17)]
    setup = measured.setup_of(recipe)
    assert not setup["measurable"] and all(measured.knobs_of(recipe).titles)
    assert measured.measured_knobs(replace(recipe, layers="fine" if "fine" in layer_groups(STRANGER) else "0")) is None
    assert list(measured.measure(recipe)) == [], "nothing is measured twice"


def test_records_are_what_the_statistics_measure(stranger: Recipe) -> None:
    generator = zoo.load(STRANGER)
    directions = sefa(generator, k=10)
    *_, last = statistics.measure(generator, directions, spread_along(generator, directions), psi=0.7, seeds=16)
    records = measured.measured_knobs(stranger)
    for record, changes, percentile in zip(records, last.result.changes, last.result.percentile, strict=True):
        assert record["mean"] == pytest.approx(changes.mean(0).tolist()) and record["percentile"] == percentile.tolist()
        assert record["grade"] == "statistics" and record["pictures"] == 16
        assert all(low <= mean <= high for low, mean, high in zip(record["low"], record["mean"], record["high"]))
        assert {"strongest", "verdict", "purity", "mean", "low", "high", "same_sign"} <= set(record)


def test_titles_come_from_the_statistics_and_its_grade_stands_beside_every_verdict(stranger: Recipe) -> None:
    known = {factor.short: factor for factor in FACTORS}
    for knob, record in zip(measured.knobs_of(stranger).facts(), measured.measured_knobs(stranger)):
        assert knob["verdict"] == record["verdict"] and "(16 pictures)" in knob["verdict"]
        if record["strongest"] is None:
            assert knob["title"] == "many things a little"
        else:
            named = [known[one] for one in re.split(", | and ", knob["title"])]
            assert {knob["low"].split(", ")[0], knob["high"].split(", ")[0]} == {named[0].low, named[0].high}
        assert "face" not in knob["verdict"]


def test_a_wish_is_a_statistic_and_is_granted_by_the_knob_that_moves_it_most(stranger: Recipe) -> None:
    assert [name for _, name in wishes(STRANGER)] == [factor.name + sign for factor in FACTORS for sign in "+-"]
    for at, factor in enumerate(FACTORS):
        turned, said = find(stranger, factor.name)
        sizes = [abs(record["mean"][at]) for record in measured.measured_knobs(stranger)]
        if "Nothing was moved" in said:
            assert turned == stranger and max(sizes) < 0.3 or "chance" in said
            continue
        assert sizes[turned.knob] == max(sizes)
        assert said.endswith(OF_STATISTICS) and f"nob {turned.knob + 1} " in said
        assert "16 pictures, by the slope at each" in said
        assert (turned.amounts[turned.knob] > 0) == (measured.measured_knobs(stranger)[turned.knob]["mean"][at] > 0)
    with pytest.raises(RecipeError, match="choose one of the list"):
        find(stranger, "smile")


def test_the_table_has_a_row_a_statistic_with_change_agreement_and_percentile(stranger: Recipe) -> None:
    html = truth_html(replace(stranger, knob=1))
    record = measured.measured_knobs(stranger)[1]
    rows = re.findall(r"<tr><th scope=row>(.*?)</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", html)
    assert sorted(name for name, *_ in rows) == sorted(factor.description for factor in FACTORS)
    for name, change, agree, rarer in rows:
        at = [factor.description for factor in FACTORS].index(name)
        mean, low, high = (record[name][at] for name in ("mean", "low", "high"))
        assert change == f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]".replace("-", "\u2212")
        assert agree == f"{100 * record['same_sign'][at]:.0f} %"
        assert float(rarer.removesuffix(" %")) <= 100 * record["percentile"][at] + 1e-6
    means = [abs(float(change.split()[0].replace("\u2212", "-"))) for _, change, *_ in rows]
    assert means == sorted(means, reverse=True)
    assert OF_STATISTICS in html and words.label("percentile") in html and "16 pictures" in html and "face" not in html


def test_a_slow_model_is_measured_on_fewer_pictures_and_says_on_how_many(monkeypatch) -> None:
    monkeypatch.setattr(measured, "FACES", 20)
    monkeypatch.setattr(measured, "BUDGET", 1e-6)
    said = [step.says for step in measured.measure(Recipe(STRANGER))]
    assert said[-1] == "Turning 10 knobs and 200 random ones on 16 pictures: 16 of 16."
    assert "(16 pictures)" in measured.measured_knobs(Recipe(STRANGER))[0]["verdict"]


def test_what_a_page_was_made_from_is_known_without_a_world() -> None:
    without, with_reader = evidence.made_from(STRANGER), evidence.made_from(KNOWN)
    assert without == dict(weights=zoo.weights_hash(STRANGER), evidence="", reader="")
    assert len(with_reader["reader"]) == 64


def test_the_same_model_with_a_reader_is_judged_by_the_reader(monkeypatch) -> None:
    """The control: where there is a reader, statistics say nothing."""
    recipe = Recipe(KNOWN)
    assert measured.setup_of(recipe)["measurable"] and measured.setup_of(recipe)["grade"] == OF_A_READER
    monkeypatch.setattr(statistics, "measure", None)
    monkeypatch.setattr(measured, "RANDOM_DRAWS", 1)
    assert list(measured.measure(recipe))[-1].says == "Turning knob 10 of 10 on 16 faces."
    record = measured.measured_knobs(recipe)[0]
    assert record["grade"] == "reader" and record["percentile"] == []
    assert len(record["mean"]) == len(load_world("portraits").FACTORS)
    assert measured.setup_of(recipe)["grade"] == OF_A_READER and "faces" in measured.knobs_of(recipe).verdicts[0]
    assert OF_A_READER in truth_html(recipe) and OF_STATISTICS not in truth_html(recipe)
    assert find(recipe, "smile")[1].endswith(OF_A_READER)
    assert measured.measured_knobs(Recipe(STRANGER)) is None, "the same weights without a world were not judged"


def test_nothing_independent_reads_a_stranger_s_pictures() -> None:
    with pytest.raises(RecipeError, match="no reader"):
        read_html(Recipe(STRANGER))


def test_all_methods_stand_in_one_table_once_each_was_measured_on_the_same_pictures() -> None:
    compare = next(one for one in CELLS if one.name == "compared")
    with pytest.raises(RecipeError, match="press .Compare the methods., and wait"):
        table_file(compare, Recipe(STRANGER), "csv")
    found = last_of(compare, Recipe(STRANGER, method="ganspace", amounts=(1.0,)))["rows"]
    head, *rows = csv.reader(io.StringIO(table_file(compare, Recipe(STRANGER), "csv")[0].decode()))
    assert [tuple(row) for row in rows] == found and len(head) == len(rows[0])
    assert [row[0] for row in rows] == ["SeFa", "SeFa, official", "GANSpace", "random directions"]
    for row, (method, mode) in zip(rows, [("sefa", "paper"), ("sefa", "official"), ("ganspace", ""), ("random", "")]):
        records = measured.measured_knobs(Recipe(STRANGER, method=method, mode=mode or "paper"))
        means = np.abs([record["mean"] for record in records])
        assert float(row[3]) == pytest.approx(np.median(means.max(1)), abs=0.006)
        assert int(row[1]) == sum(record["strongest"] is not None for record in records) and int(row[2]) == len(records)
        assert float(row[4]) == pytest.approx(np.median([record["purity"] for record in records]), abs=0.006)
    assert rows[0][3:] != rows[3][3:] and OF_STATISTICS in table_file(compare, Recipe(STRANGER), "latex")[0].decode()


def test_the_map_of_layers_follows_the_factor_that_each_knob_was_measured_to_move_most() -> None:
    cell, recipe = next(one for one in CELLS if one.name == "layers"), Recipe(STRANGER, knob=1, layers="2-3")
    html, slots = last_of(cell, recipe)["html"], zoo.load(STRANGER).slots
    records = measured.measured_knobs(replace(recipe, layers="all"))
    rows = re.findall("<tr><th scope=row>(.*?)</th>", html.split("</table>")[0])
    most = [max(range(len(FACTORS)), key=lambda i, one=one: abs(one["mean"][i])) for one in records]
    assert [unescape(row) for row in rows] == [f"{i + 1} · {FACTORS[at].description}" for i, at in enumerate(most)]
    assert html.count('type="radio"') == len(records) * slots and "Decided in layer" in html
    for one in map(json.loads, map(unescape, re.findall('data-set="([^"]*)"', html))):
        chosen = replace(recipe, **one)
        assert {name: chosen.as_dict()[name] for name in one} == one, "as the recipe writes it: the button shows it"
    *_, strip = cell.run(recipe, {"at": 101})
    assert strip.count("<img") == 10 and "Layer 1 alone" in strip


def test_a_knob_of_some_layers_is_the_one_that_points_the_same_way_and_none_where_there_is_none() -> None:
    whole, some = (directions_of(Recipe(STRANGER, layers=layers))[0].vectors for layers in ("all", "0"))
    for knob, row in enumerate(whole @ some.T):
        there, found = int(row.abs().argmax()), moves_there(Recipe(STRANGER), knob, "0")
        said = note(Recipe(STRANGER), knob, "0")
        assert bool(found) == (float(row.abs().max()) >= 0.7) and f"knob {there + 1}" in said.replace("\n", " ")
        if found:
            assert found["knob"] == there and ("amounts" not in found or found["amounts"][there] * row[there] > 0)
    assert moves_there(Recipe(STRANGER, method="random"), 2, "0") == dict(layers="0", knob=2)
    assert "same vector" in note(Recipe(STRANGER, method="random"), 2, "0") and note(Recipe(STRANGER), 0, "all") == ""


def test_of_a_slow_network_the_map_has_the_chosen_knob_alone(monkeypatch) -> None:
    slow = pace.Pace(9.0)
    for module in (layers, page_layers):
        monkeypatch.setattr(module, "pace_of", lambda model: slow)
    asked, recipe = next(one for one in CELLS if one.name == "layers"), Recipe(KNOWN, knob=2)
    html = last_of(asked, recipe)["html"]
    assert html.count("<tr><th scope=row>3 · ") == 1 and html.count('type="radio"') == zoo.load(KNOWN).slots
