"""Attributes: knobs by name. What a tab that is only data gets from the page, and what its own numbers must obey."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
import torch
from PIL import Image

from core import labels as read
from core import pace, zoo
from core.checkpoints import native
from core.truth import statistics
from demos.attributes.tab import TAB, Attributes, knobs_of
from demos.attributes.teach import teach, to_steer
from demos.page import export, labels
from demos.page import tab as page
from demos.page.fields import RecipeError, recipe_of_json, recipe_of_link
from demos.steer.tab import TAB as STEER

from .. import tiny
from ..support import last_html

MODEL = "own-network"


@pytest.fixture(autouse=True)
def small_network(tmp_path, monkeypatch):
    """A StyleGAN2 of 16 pixels without a reader, whose few pictures are read by exact statistics."""
    native.save(tiny.stylegan2(), tmp_path / "own.safetensors")
    card = zoo.ModelCard(MODEL, "Test", str(tmp_path / "own.safetensors"), None, 16)
    monkeypatch.setattr(zoo, "CARDS", {MODEL: card})
    monkeypatch.setattr(pace, "_measured", lambda model, weights: pace.Pace(0.01))  # a busy machine draws in bfloat16
    monkeypatch.setattr(read, "LABELLED", 200)
    monkeypatch.setattr(read, "SLOPED", 4)
    monkeypatch.setattr(labels, "TURNED", 4)
    labels._read.values.clear()


def prepared(**changes) -> Attributes:
    recipe = Attributes(MODEL, **changes)
    if not TAB.ready(recipe):
        assert all(0 <= step.share <= 1 for step in TAB.prepare(recipe))
    return recipe


def pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")).astype(int)


def refusal(**changes) -> str:
    with pytest.raises(RecipeError) as refused:
        Attributes(MODEL, **changes)
    return str(refused.value)


# --- the recipe


def test_json_and_link_give_the_recipe_back():
    recipe = Attributes(MODEL, seed=7, fit="svm", fixed=["contrast", "brightness"], amounts=[0, 1.5], knob=1, lam=0.2)
    assert recipe.fixed == ("brightness", "contrast"), "in the judge's order, so that one state has one link"
    assert Attributes.from_json(json.dumps(recipe.as_dict())) == recipe
    assert recipe_of_link(dict(recipe.to_query())) == recipe and len(recipe.link()) < 1_000
    assert recipe.to_query()["fixed"] == "brightness,contrast"


@pytest.mark.parametrize(
    "changes, said",
    [
        (dict(fixed=["smile"]), "there is no"),
        (dict(fixed="x" * 5000), "there is no"),
        (dict(fit="magic"), "choose one of pure, svm"),
        (dict(lam=2), "from 0 to 1"),
        (dict(amounts=[9]), "from -3 to 3"),
        (dict(amounts=[0] * 40), "at most 32 numbers"),
        (dict(knob=32), "from 0 to 31"),
        (dict(layers="7-3"), "layers cannot be"),
    ],
)
def test_bad_values_get_a_sentence(changes, said):
    sentence = refusal(**changes)
    assert said in sentence and len(sentence) < 400


# --- knobs


def test_without_labels_the_picture_is_shown_and_nothing_is_claimed():
    said = page.answer(TAB, Attributes(MODEL, amounts=[1.5]))
    assert said["setup"]["ready"] is False and said["setup"]["knobs"] == []
    assert np.array_equal(pixels(said["src"]), pixels(said["before"]))


def test_every_attribute_of_the_judge_has_a_knob_with_its_ends_in_words():
    knobs = knobs_of(prepared())
    assert list(knobs.titles) == [factor.description for factor in statistics.FACTORS]
    assert list(knobs.ends) == [(factor.low, factor.high) for factor in statistics.FACTORS]
    assert all("standard deviations" in said or "Nothing" in said for said in knobs.verdicts)


def test_what_a_verdict_expects_is_what_a_small_turn_does():
    """First order against finite differences: the mean change of readings over the pictures of the Jacobian."""
    recipe = prepared(fit="pattern")
    knobs, judge = knobs_of(recipe), labels.judge_of(recipe)
    spread, found = labels.spread_of(recipe), labels.labels_of(recipe)
    expected = found.expected(spread, knobs.directions, torch.tensor(knobs.steps))
    generator = zoo.load(MODEL)
    codes = labels.codes_for(recipe, read.SLOPED, read.FIRST_SLOPED, zoo.card(MODEL).psi)
    small = 1e-2
    for i in (0, 2):
        shift = small * knobs.steps[i] * knobs.directions.vectors[i].to(codes)
        with torch.no_grad():
            ends = [judge.read(generator.at(psi=0.7)(codes + sign * shift)).double().mean(0) for sign in (1, -1)]
        slope = judge.spread_over(found.jacobian.readings).deviations((ends[0] - ends[1]) / (2 * small))
        assert torch.allclose(slope, expected[i], atol=0.05 * float(expected[i].abs().max()) + 1e-6)


def test_what_is_fixed_stays_at_first_order_and_otherwise_does_not():
    free, held = (prepared(fit="pure", lam=0, fixed=fixed) for fixed in ((), ("brightness",)))
    rows = {}
    for name, recipe in (("free", prepared(fit="pattern")), ("held", held), ("all", free)):
        knobs, found = knobs_of(recipe), labels.labels_of(recipe)
        rows[name] = found.expected(labels.spread_of(recipe), knobs.directions, torch.tensor(knobs.steps))
    at = labels.judge_of(held).names.index("brightness")
    others = [i for i in range(len(rows["held"])) if i != at and rows["held"][i].abs().sum() > 1e-6]
    assert max(abs(float(rows["held"][i][at])) for i in others) < 1e-6
    assert max(abs(float(rows["free"][i][at])) for i in others) > 0.01, "the control: other knobs do move it"


def answered(**changes) -> Attributes:
    """Somebody who taps the brightest of the first 40 pictures."""
    readings = labels.labels_of(prepared()).readings[:40]
    order = readings[:, labels.judge_of(prepared()).names.index("brightness")].argsort(descending=True) + 1
    return prepared(yes=order[:14].tolist(), no=order[14:].tolist(), word="sunny", **changes)


def test_a_word_that_was_taught_is_one_more_knob_and_moves_what_was_tapped():
    plain, taught = knobs_of(prepared()), knobs_of(answered())
    assert len(taught) == len(plain) + 1 and taught.titles[-1] == "sunny"
    assert torch.equal(taught.directions.vectors[:-1], plain.directions.vectors.double())
    assert "told apart" in taught.verdicts[-1] and "brightness" in taught.verdicts[-1]
    found = labels.labels_of(prepared())
    changes = found.expected(labels.spread_of(prepared()), taught.directions, torch.tensor(taught.steps))[-1]
    assert changes[labels.judge_of(prepared()).names.index("brightness")] > 0.5


def test_answers_are_part_of_link_and_json():
    recipe = answered(knob=len(statistics.FACTORS))
    assert recipe_of_link(dict(recipe.to_query())) == recipe
    assert Attributes.from_json(json.dumps(recipe.as_dict())) == recipe
    for changes, said in (
        (dict(yes=[3], no=[3]), "picture 3 cannot show a word and not show it"),
        (dict(yes=[0]), "from 1 to"),
        (dict(yes=["x"]), "whole number"),
        (dict(yes=list(range(1, 200)) * 2, no=list(range(200, 500))), "more than a word needs"),
        (dict(word="x" * 99), "at most 30 letters"),
        (dict(word=7), "no word"),
        (dict(knob=len(statistics.FACTORS)), "the chosen knob"),
    ):
        assert said in refusal(**changes)
    assert Attributes(MODEL, word="<b>sunny</b>").word == "b sunny b"


def test_the_sheet_asks_first_about_others_and_then_about_the_doubtful_ones():
    asked = re.compile(r'data-number="(\d+)"')
    first = asked.findall(last_html(teach(prepared())))
    assert first == [str(i) for i in range(1, 25)]
    few = last_html(teach(prepared(yes=[1, 2], no=[3, 4, 5])))
    assert "4 more that show it and 3 more that do not" in few and asked.findall(few)[0] == "6"
    recipe = answered()
    then = [int(one) for one in asked.findall(last_html(teach(recipe)))]
    assert len(then) == 24 and not {*then} & {*recipe.yes, *recipe.no}
    readings = labels.labels_of(recipe).readings[:, labels.judge_of(recipe).names.index("brightness")]
    off = (readings - readings.median()).abs()
    assert off[[number - 1 for number in then]].mean() < 0.5 * off.mean()


def test_a_word_goes_to_steer_as_a_knob_that_makes_the_same_picture():
    recipe = answered(knob=len(statistics.FACTORS), amounts=[0] * len(statistics.FACTORS) + [1.5])
    steer = recipe_of_json(to_steer(recipe))
    assert steer.method == "file" and steer.amounts[0] == 1.5 and STEER.knobs(steer).titles == ("sunny",)
    assert "came from Attributes, where “sunny” was taught by 40 pictures" in STEER.sentence(steer)
    ours, theirs = (pixels(page.answer(tab, one)["src"]) for tab, one in ((TAB, recipe), (STEER, steer)))
    assert np.abs(ours - theirs).max() <= 1 < np.abs(ours - pixels(page.answer(TAB, prepared())["src"])).max()


@pytest.mark.parametrize("changes", [dict(fit="pure"), dict(fit="ridge")])
def test_the_code_of_a_word_makes_the_picture(changes, tmp_path, monkeypatch):
    recipe = answered(seed=3, amounts=[1] + [0] * (len(statistics.FACTORS) - 1) + [1.5], **changes)
    monkeypatch.chdir(tmp_path)
    exec(export.cell_of(recipe, TAB.code(recipe)), {})
    shown = pixels(page.answer(TAB, recipe)["src"])
    assert np.abs(np.asarray(Image.open("picture.png")).astype(int) - shown).max() <= 1


@pytest.mark.parametrize(
    "changes", [dict(fit="pure", lam=0.1), dict(fit="svm", fixed=["contrast"]), dict(fit="gradient")]
)
def test_the_code_on_the_page_makes_the_picture(changes, tmp_path, monkeypatch):
    recipe = prepared(seed=3, amounts=[0, 1.5], knob=1, **changes)
    monkeypatch.chdir(tmp_path)
    exec(export.cell_of(recipe, TAB.code(recipe)), {})
    shown = pixels(page.answer(TAB, recipe)["src"])
    assert np.abs(np.asarray(Image.open("picture.png")).astype(int) - shown).max() <= 1
    assert np.abs(shown - pixels(page.answer(TAB, recipe)["before"])).max() > 1, "the control: the knob shows"


# --- experiments


def cell_named(name: str):
    return next(one for one in TAB.cells if one.name == name)


def test_the_map_of_layers_says_where_an_attribute_is_decided_and_a_place_in_it_shows_that_edit():
    recipe, cell = prepared(fit="pattern", knob=1, layers="2-3"), cell_named("layers")
    html = last_html(cell.run(recipe))
    assert "Decided in layer" in html and "Two halves of them agree by r = " in html
    count, slots = len(statistics.FACTORS), zoo.load(MODEL).slots
    assert html.count('type="radio"') == count * slots and html.count(" checked") == 1
    assert list(cell.run(recipe)) == [html], "measured once, whatever layers the knobs on screen move"
    sets = [json.loads(unescape(one)) for one in re.findall('data-set="([^"]*)"', html)]
    assert [one["knob"] for one in sets[:count]] == list(range(count)) and sets[-1] == {"layers": "all"}
    for one in sets:
        assert replace(recipe, **one).layers == one["layers"], "as the recipe writes it: the button shows that it is on"
    table = html.split("<details>")[1]
    sizes = [float(x.replace("−", "-")) for x in re.findall("<td>([+−][0-9.]+)</td>", table)]
    own, anyhow, _, mean = torch.tensor(sizes).view(4, slots + 1)
    assert (own >= 0).all() and (anyhow[:-1] >= mean[:-1].abs() - 0.01).all() and "As published, random" in table
    shown = last_html(cell.run(recipe, {"at": 203}))
    assert shown.count("<img") == 10 and "Layer 3 alone" in shown and shown.startswith("<div data-live>")
    assert "+0.00" in shown and "checked" not in shown, "only what was pressed comes again"


def test_cells_stream_and_end_with_html():
    recipe = prepared(fit="pattern", knob=1)
    for cell in TAB.cells:
        pieces = list(cell.run(recipe))
        assert isinstance(pieces[-1], str) and "<" in pieces[-1] and last_html(iter(pieces)) == pieces[-1]
        assert all(isinstance(piece, str) or piece.says for piece in pieces)
    compared = last_html(cell_named("compare").run(recipe))
    assert "SeFa" in compared and "random" in compared and compared.count("<tr>") == 1 + 4 + 4 + 2 - 1 + 4
    assert [name in compared for name in ("w, after the mapping", "z, before the mapping", "chance")] == [True] * 3


# --- before the knobs were found


def test_before_its_knobs_were_found_experiments_find_them_and_files_and_code_say_so():
    recipe = Attributes(MODEL)
    assert not TAB.ready(recipe) and "can be found here" in TAB.sentence(recipe)
    for kind in TAB.taken:
        with pytest.raises(RecipeError, match="not been found yet: find them first"):
            page.file_for(TAB, recipe, kind)
    assert page.live(TAB, recipe.as_dict())[1] == page.UNFOUND
    assert "random, best of" in last_html(cell_named("compare").run(recipe))
    assert TAB.ready(recipe) and "move one attribute each" in TAB.sentence(recipe)


def test_a_knob_that_is_not_there_is_refused_and_another_class_begins_anew():
    count = len(knobs_of(prepared()))
    assert Attributes(MODEL, knob=count - 1).knob == count - 1
    assert f"from 0 to {count - 1}" in refusal(knob=count)
    control = next(one for one in page.controls(Attributes) if one["name"] == "label")
    assert control["resets"]["knob"] == 0 and not any(control["resets"]["amounts"]) and control["resets"]["fixed"] == []
