"""A region taken from another picture, moved or removed: a part of the recipe, its link, its code and its knobs."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from core import cache, own_pictures, zoo
from core.photograph import photograph
from core.regions import CODED, Box, from_text, to_text
from demos.attributes.tab import Attributes
from demos.my_picture.recipe import MyPicture
from demos.page import export, live
from demos.page import paste as pasting
from demos.page.fields import RecipeError, recipe_of_json, recipe_of_link
from demos.page.found import public
from demos.page.picture import generator_of, own_codes, render
from demos.page.pictures import subject
from demos.page.tab import answer
from demos.paint import paste
from demos.paint import tab as paint
from demos.paint.recipe import Painted
from demos.steer import tab as steer
from demos.steer.recipe import Recipe

MODEL = "portraits-stylegan2"
REGION = to_text(Box(0.55, 0.3, 0.8, 0.7).mask(CODED))
WORDS = [f"seed-12.5.0.0.{REGION}", f"render-3.6.0.-2.{REGION}", f"move.5.4.0.{REGION}", f"remove.7.0.0.{REGION}"]
WORDS += [f"seed-12.5.0.0.t-15.s120.m.{REGION}", f"move.5.0.0.t90.{REGION}", f"move.5.1.0.m.{REGION}"]
TABS = (Recipe, Painted, Attributes, MyPicture)


def html_of(recipe: Painted) -> str:
    *_, last = paste.pasted(recipe)
    return last


@pytest.mark.parametrize("word", WORDS)
def test_every_tab_s_picture_may_be_one_that_something_was_pasted_into(word):
    for recipe in TABS:
        one = recipe(MODEL, seed=7, found="", paste=word)
        assert recipe_of_link(one.to_query()) == one == recipe_of_json(one.as_dict())
        assert word in one.to_query()["paste"] and len(one.link()) < 1_000
        assert torch.equal(own_codes(one), own_codes(replace(one, paste=""))), "the codes are the picture's own"
        assert not one.numbered(8).paste and one.mark == "picture7-pasted" and "7, " in one.which
    inside = from_text(REGION)
    apart = (render(one) - render(replace(one, paste="")))[0].abs().amax(0)
    assert apart[inside].mean() > 5 * apart[:20].mean() and apart[inside].max() > 0.1


def test_without_a_paste_links_and_pictures_are_as_they_were():
    plain = Recipe(MODEL, seed=7)
    assert "paste" not in plain.to_query() and plain.which == "picture number 7" and plain.mark == "picture7"
    assert generator_of(plain) is zoo.load(MODEL)


@pytest.mark.parametrize(
    "wrong, says",
    [
        ("12", "what is pasted cannot be"),
        (f"own-12.5.0.0.{REGION}", "what is pasted cannot be"),
        (f"seed-12.5.0.0.{REGION}<b>", "what is pasted cannot be"),
        (3, "what is pasted cannot be"),
        ("seed-12.5.0.0.rAAAA", "this text is not a region"),
        (f"seed-12.0.0.0.{REGION}", "blended after 1 to 9 layers"),
        (f"seed-12.10.0.0.{REGION}", "blended after 1 to 9 layers"),
        (f"move.5.40.0.{REGION}", "at most 32 of 64"),
        (f"move.5.0.0.t181.{REGION}", "turned by at most 180 degrees"),
        (f"move.5.0.0.s20.{REGION}", "made 50 to 200 % as large"),
        (f"move.5.0.0.m.t10.{REGION}", "what is pasted cannot be"),
        (f"render-10000.5.0.0.{REGION}", "the picture to find cannot be"),
    ],
)
def test_what_cannot_be_pasted_is_refused_in_a_sentence(wrong, says):
    with pytest.raises(RecipeError, match=says):
        Recipe(MODEL, paste=wrong)


def test_the_brush_offers_what_the_network_and_the_task_need():
    with pytest.raises(RecipeError, match="has no encoder"):
        Recipe("portraits-pggan", paste=f"render-3.5.0.0.{REGION}")
    assert "render" not in paste.controls(Painted("portraits-pggan"))["task"]["options"]
    hints = {model: paste.controls(Painted(model))["depth"]["hint"] for model in (MODEL, "objects-biggan")}
    assert [hint[:30] for hint in hints.values()] == [
        "0: the usual, 5 of 9; to remov",
        "0: the usual, 3 of 5; to remov",
    ]
    html = [html_of(Painted(MODEL, seed=57, task=task)) for task in ("seed", "remove")]
    html.append(html_of(Painted(MODEL, seed=57, task="move", dy=4)))
    assert ["Taken from" in html[0], "Removed after 7" in html[1], "Moved by 4" in html[2]] == [True] * 3
    with pytest.raises(RecipeError, match="it stays where it is, as it is"):
        paste.asked(Painted(MODEL, task="move"))
    assert paste.asked(Painted(MODEL, task="move", mirror=True)).mirrored
    formed = dict(rotate=20, grow=150, mirror=True)
    assert ".t20.s150.m." in paste.asked(Painted(MODEL, task="seed", **formed)).word
    assert paste.asked(Painted(MODEL, task="remove", **formed)).word.startswith("remove.7.0.0.r")


@pytest.mark.parametrize("word", [WORDS[0], WORDS[2], WORDS[3], WORDS[4]])
def test_knobs_turn_the_pasted_picture_and_its_code_makes_it(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = Recipe(MODEL, seed=7, paste=word, amounts=(1.5,))
    shown = answer(steer.TAB, recipe)
    assert shown["live"] is None and "region" in shown["alt"], "the browser draws no pasted picture: the server does"
    exec(export.cell_of(recipe, steer.TAB.code(recipe)), {})
    written = np.asarray(Image.open("picture.png").convert("RGB")).astype(int)
    assert np.abs(written - np.asarray(steer.TAB.shown.picture(recipe).convert("RGB")).astype(int)).max() <= 1
    others = (replace(recipe, paste=""), replace(recipe, amounts=()))
    for other in others:
        apart = np.asarray(steer.TAB.shown.picture(other).convert("RGB")).astype(int)
        assert np.abs(written - apart).mean() > 0.5
    assert live.live(replace(recipe, paste=""), steer.TAB.knobs(recipe)) is not None


@pytest.mark.parametrize("model", ["portraits-stylegan2", "portraits-pggan", "objects-biggan"])
def test_the_brush_says_what_it_did_and_that_nothing_changed_beyond_its_reach(model):
    for task in (dict(task="seed", other=12), dict(task="move", dy=4, dx=-2), dict(task="remove")):
        html = html_of(Painted(model, seed=57, **task))
        assert html.count("<figure") == 3 + (task["task"] == "seed")
        assert "the largest change is 0 levels" in html and "RMS" in html
        word = re.search(r"&quot;paste&quot;: &quot;([^&]*)", html)[1]
        told = pasting.given(word)
        assert told.layer == paste.usual(model, task["task"])
        assert told.word == word == Painted(model, seed=57, paste=word).paste


def test_the_seam_in_the_network_is_smaller_than_with_pixels_and_a_moved_part_arrives():
    html = html_of(Painted(MODEL, seed=57, region="mouth", task="seed", other=12))
    pixels, network, _ = map(float, re.search(r"by (\d+) levels.*?by (\d+) where.*?by (\d+) in", html).groups())
    assert network < pixels
    html = html_of(Painted(MODEL, seed=57, region="mouth", task="move", dy=4))
    assert float(re.search(r"moved ([+-][\d.]+) pixels down", html)[1]) == pytest.approx(4, abs=1.5)


def test_what_is_mirrored_and_turned_lies_in_its_place_as_pixels_do():
    """Pasted after all layers it is a paste of pixels, so that the form is known exactly."""
    region, last = torch.zeros(CODED, CODED, dtype=torch.bool), len(zoo.load(MODEL).layers)
    region[20:40, 10:30] = True
    plain = Recipe(MODEL, seed=7)
    before = render(plain)[0]
    mirrored = render(replace(plain, paste=f"move.{last}.0.0.m.{to_text(region)}"))[0]
    assert torch.allclose(mirrored[:, 20:40, 10:30], before[:, 20:40, 10:30].flip(2), atol=1e-4)
    turned = render(replace(plain, paste=f"move.{last}.0.0.t90.{to_text(region)}"))[0]
    assert torch.allclose(turned[:, 20:40, 10:30], before[:, 20:40, 10:30].rot90(1, (1, 2)), atol=1e-4)
    grown = render(replace(plain, paste=f"move.{last}.0.0.s200.{to_text(region)}"))[0]
    assert (grown - before).abs().amax(0)[12:48, 2:38].gt(1e-3).float().mean() > 0.9
    assert torch.equal(grown[:, 51:], before[:, 51:])


def test_a_part_that_is_gone_leaves_its_place_as_the_region():
    html = html_of(Painted("portraits-pggan", seed=57, region="mouth", task="remove"))
    assert "no longer finds the mouth" in html and "&quot;region&quot;: &quot;r" in html
    kept = Painted("portraits-pggan", seed=57, region="mouth", paste=f"remove.8.0.0.{REGION}")
    assert "Take it away again" in html_of(replace(kept, task="remove"))


def test_a_region_that_is_moved_out_of_the_picture_is_said_to_be_gone():
    html = html_of(Painted(MODEL, seed=57, region=REGION, task="seed", other=12, depth=1, dy=24, dx=24))
    assert "after 1 layer," in html
    html = html_of(Painted(MODEL, seed=57, region="mouth", task="seed", other=12, dy=32))
    assert "nothing of it shows" in html and "neighbouring pixels" not in html


def test_paint_makes_knobs_of_the_pasted_picture(monkeypatch):
    recipe, seen = Painted(MODEL, seed=57, region=REGION, paste=WORDS[0]), []
    monkeypatch.setattr(paint.search.region, "knobs_steps", lambda *given, **asked: seen.append(given) or iter(()))
    list(paint.search._steps(recipe, paint.search.key_of(recipe)))
    [(generator, codes, _)] = seen
    assert torch.equal(generator(codes), render(recipe)) and not torch.equal(generator(codes), zoo.load(MODEL)(codes))
    assert paint.search.key_of(recipe) != paint.search.key_of(replace(recipe, paste=""))
    shown = paint.answer(recipe)
    assert shown["live"] is None and shown["src"] != paint.answer(replace(recipe, paste=""))["src"]


def test_a_region_of_an_own_picture_is_in_no_link_and_goes_with_it():
    kept = io.BytesIO()
    Image.fromarray(((photograph(96)[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()).save(kept, "PNG")
    token = own_pictures.take(kept.getvalue(), visitor="someone").token
    recipe = Painted(MODEL, seed=7, region=REGION, task="own", own=f"own-{token}")
    told = paste.asked(recipe)
    assert told.word == f"own-{token}.5.0.0.{REGION}" and "your own picture" in told.says
    assert html_of(recipe).count("<figure") == 4
    for pasted in (replace(recipe, paste=told.word), Recipe(MODEL, seed=7, paste=told.word)):
        inside, plain = from_text(REGION), replace(pasted, paste="")
        apart = (render(pasted) - render(plain))[0].abs().amax(0)
        assert apart[inside].mean() > 5 * apart[:20].mean()
        assert token not in pasted.to_query().values().__repr__() + pasted.link() + repr(public(pasted).as_dict())
        assert "does not hold what was taken from your own" in pasted.link_note()
        assert subject(pasted) == ("picture", token)
        assert live.live(pasted, None) is None
    code = export.cell_of(
        Recipe(MODEL, seed=7, paste=told.word), steer.TAB.code(Recipe(MODEL, seed=7, paste=told.word))
    )
    assert token not in code and "my-picture.png" in code
    own_pictures.forget(token)
    assert not any(token in repr(key) for one in list(cache._caches) for key in list(one.values))
    with pytest.raises(RecipeError, match="no longer here"):
        Recipe(MODEL, seed=7, paste=told.word)
    with pytest.raises(RecipeError, match="choose a picture of your own first"):
        html_of(Painted(MODEL, seed=7, region=REGION, task="own"))
