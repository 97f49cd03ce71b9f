"""My picture: a picture that an encoder finds is a picture of every tab, and an own one leaves nothing behind."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from core import cache, own_pictures, pace, zoo
from core.codes import codes_in_turn
from core.inversion import indomain
from core.photograph import photograph
from demos.attributes.tab import Attributes
from demos.my_picture import experiments
from demos.my_picture import tab as my_picture
from demos.my_picture.recipe import MyPicture, knobs_of
from demos.page import export, pictures
from demos.page import found as finding
from demos.page import tab as page
from demos.page.fields import RecipeError, recipe_of_link
from demos.page.labels import labels_of
from demos.page.picture import own_codes, render
from demos.paint.recipe import Painted
from demos.steer.recipe import Recipe

from .. import tiny
from ..support import last_html

MODEL = "portraits-stylegan2"
TAB = my_picture.TAB
one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    monkeypatch.setattr(pace, "_measured", lambda model, weights: pace.Pace(0.01))  # a busy machine draws in bfloat16
    monkeypatch.setattr(indomain, "STEPS", 3)
    monkeypatch.setattr(experiments, "ALONE", 3)


def own(visitor: str = "") -> str:
    """The word for a photograph that a visitor brought."""
    kept = io.BytesIO()
    shown = ((photograph(96)[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    Image.fromarray(shown).save(kept, "PNG")
    return f"own-{own_pictures.take(kept.getvalue(), visitor=visitor).token}"


def pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")).astype(int)


@pytest.mark.parametrize("recipe", [MyPicture, Recipe, Painted, Attributes])
def test_every_tab_s_picture_may_be_one_that_the_encoder_finds(recipe):
    found = recipe(MODEL, found="render-3")
    target = finding.target(MODEL, "render-3")
    assert torch.equal(own_codes(found), zoo.load_encoder(MODEL)(target))
    assert found.which == "held-out render 3" and found.mark == "render3"
    assert recipe_of_link(found.to_query()) == found
    other = found.numbered(5)
    assert not other.found and torch.equal(own_codes(other), own_codes(recipe(MODEL, seed=5, found="")))


@pytest.mark.parametrize("wrong", ["render-10000", "own-12", "render-3-refined-x", "7", "<b>", 3])
def test_what_names_no_picture_is_refused_in_a_sentence(wrong):
    with pytest.raises(RecipeError, match="the picture to find cannot be"):
        Recipe(MODEL, found=wrong)
    with pytest.raises(RecipeError, match="has no encoder"):
        Recipe("portraits-pggan", found="render-3")
    with pytest.raises(RecipeError, match="no longer here"):
        Recipe(MODEL, found=f"own-{'0' * 32}")


def test_a_network_of_others_without_an_encoder_names_the_command_that_trains_one(monkeypatch, tmp_path):
    monkeypatch.setattr(zoo, "encoder_place", lambda name: tmp_path / "none")
    with pytest.raises(RecipeError, match=r"python -m weights\.recipes\.train\.encoder faces-dcgan"):
        finding.needs_encoder("faces-dcgan")


def test_of_a_network_whose_world_nothing_renders_its_own_pictures_are_found(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the code on the page saves its picture
    card = replace(zoo.card(MODEL), name="plain", world=None)
    monkeypatch.setitem(zoo.CARDS, "plain", card)
    recipe = MyPicture("plain", found="render-3", other=4)
    native = codes_in_turn(zoo.load(MODEL), 1, finding.FIRST_RENDER + 3, psi=card.psi)
    target = finding.target("plain", "render-3")
    assert (target - zoo.load(MODEL)(native).clamp(-1, 1)).abs().max() <= 1 / 255 + 1e-6
    assert recipe.which == "held-out picture 3" and "held-out picture of the network" in TAB.sentence(recipe)
    given: dict = {}
    exec(export.cell_of(recipe, TAB.code(recipe)).replace('load("plain")', f'load("{MODEL}")'), given)
    assert torch.equal(given["target"], target) and torch.equal(given["codes"], own_codes(recipe))
    assert "From one to the other" in last_html(experiments.mixed(recipe))
    with pytest.raises(RecipeError, match="trained by others"):
        last_html(experiments.alike(recipe))


def test_no_link_and_no_file_names_an_own_picture():
    word = own()
    for recipe in (MyPicture(MODEL, found=word), Recipe(MODEL, found=word), Painted(MODEL, found=word)):
        token = word.removeprefix("own-")
        assert token not in recipe.query() and "own picture" in recipe.link_note()
        assert token not in str(export.facts_of(recipe)) and token not in recipe.mark
        assert pictures.subject(recipe) == ("picture", token)
    own_pictures.forget(token)


def test_what_was_made_of_an_own_picture_goes_with_it_from_every_cache():
    word = own("somebody")
    recipe = MyPicture(MODEL, found=word, amounts=(1.0,))
    my_picture.answer(recipe)
    page.answer(TAB, recipe)
    my_picture.knobs_of(recipe)
    finding.keep_refined(MODEL, word, own_codes(recipe), indomain.DOMAIN)
    token = word.removeprefix("own-")
    kept = lambda: [key for one in cache._caches for key in list(one.values) if token in repr(key)]  # noqa: E731
    assert kept()
    own_pictures.forget_of("somebody")
    assert kept() == []
    with pytest.raises(RecipeError, match="no longer here"):
        own_codes(recipe)


def test_the_page_shows_what_was_given_and_what_the_network_draws_of_it():
    recipe = MyPicture(MODEL, found="render-3")
    shown, target = my_picture.answer(recipe), finding.target(MODEL, "render-3")
    assert np.abs(pixels(shown["before"]) - (target[0].permute(1, 2, 0).numpy() + 1) * 127.5).max() <= 1
    drawn = (render(recipe)[0].permute(1, 2, 0).clamp(-1, 1).numpy() + 1) * 127.5
    assert np.abs(pixels(shown["src"]) - drawn).max() <= 1
    close = 20 * np.log10(255 / np.sqrt(((pixels(shown["src"]) - pixels(shown["before"])) ** 2).mean()))
    assert float(re.search(r"([\d.]+) dB", shown["sentence"])[1]) == pytest.approx(close, abs=0.1)


@pytest.mark.parametrize("found", ["render-3", "render-3-refined", "render-3-refined-0"])
def test_the_code_on_the_page_makes_the_picture(found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    slopes = labels_of(MyPicture(MODEL)).jacobian  # 128 pictures are derived for it
    monkeypatch.setattr("core.boundaries.jacobian.reading_jacobian", lambda *given: slopes)
    recipe = MyPicture(MODEL, found="render-3", domain=finding.given(found).domain or 0.0)
    if "refined" in found:
        *_, last = indomain.invert(zoo.load(MODEL), zoo.load_encoder(MODEL), finding.target(MODEL, found),
                                   domain=recipe.domain if "-0" in found else indomain.DOMAIN)  # fmt: skip
        weight = 0.0 if found.endswith("-0") else indomain.DOMAIN
        assert finding.keep_refined(MODEL, "render-3", last.picture.codes.detach(), weight) == found
    recipe = replace(recipe, found=found, amounts=() if "refined" in found else (0.0, 1.5))
    exec(export.cell_of(recipe, TAB.code(recipe)), {})
    cells = json.loads(export.notebook(recipe, TAB.code(recipe), "", 0, [0.0], "A strip."))["cells"]
    assert ("A strip." in str(cells)) == any(recipe.amounts), "without knobs there is nothing to draw a strip of"
    written = np.asarray(Image.open("picture.png").convert("RGB")).astype(int)
    assert np.abs(written - pixels(my_picture.answer(recipe)["src"])).max() <= 1


def test_searched_codes_are_kept_for_every_tab_and_not_in_a_link():
    recipe = MyPicture(MODEL, found="render-4", domain=0.05)
    html = last_html(experiments.copied(recipe))
    assert html.count("<tr><th scope=row>Encoder") == 4 and "dB close" in html
    searched = Recipe(MODEL, found="render-4-refined-0.05")
    assert own_codes(searched).shape == own_codes(recipe).shape
    assert not torch.equal(own_codes(searched), own_codes(recipe))
    assert recipe_of_link(searched.to_query()).found == "render-4" and "encoder alone" in searched.link_note()
    with pytest.raises(RecipeError, match="search them again"):
        own_codes(Recipe(MODEL, found="render-5-refined"))


def test_a_knob_s_turn_is_counted_against_that_of_native_codes():
    recipe = MyPicture(MODEL)
    knobs, generator, judge = knobs_of(recipe), zoo.load(MODEL), experiments.unfitted_judge_of(recipe)
    native = experiments.native_turn(MODEL, zoo.weights_hash(MODEL), 0)
    codes = experiments.codes_in_turn(generator, experiments.NATIVE, experiments.FIRST_NATIVE, psi=0.7)
    same = experiments.turn(generator, judge, codes, knobs, 0)
    assert same == native and native.own > 0.1 and 0 < native.share < 100
    gone = replace(knobs, steps=[0.0] * len(knobs))
    assert experiments.turn(generator, judge, codes[:2], gone, 0).own == 0


def test_a_box_that_is_blended_in_has_the_other_picture_s_pixels_to_match():
    recipe = MyPicture(MODEL, found="render-6", other=7, box="mouth")
    box = experiments.box_of(recipe)
    assert box.float().mean() == pytest.approx(0.4 * 0.2, abs=0.02)
    html = last_html(experiments.blended(recipe))
    assert html.count("<figure") == 5 and "levels where it is pasted" in html


def test_the_way_to_another_picture_begins_and_ends_with_the_two():
    recipe = MyPicture(MODEL, found="render-6", other=7)
    shown = [pixels(uri) for uri in re.findall(r'src="([^"]+)"', last_html(experiments.mixed(recipe)))]
    ends = [(render(MyPicture(MODEL, found=word))[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5
            for word in ("render-6", "render-7")]  # fmt: skip
    for i, end in ((0, 0), (4, 1), (5, 0), (9, 1)):
        assert np.abs(shown[i] - ends[end].numpy()).max() <= 1
    assert len(shown) == 14


@pytest.mark.parametrize("other", ["alike", "swap", "painted"])
def test_the_other_cells_say_what_they_measured(other):
    run = next(cell.run for cell in TAB.cells if cell.name == other)
    assert re.search(r'class="aha">[^<]*(\d|codes)', last_html(run(MyPicture(MODEL, found="render-2"))))


@pytest.mark.parametrize("name", ["copied", "blend", "mixed", "swap", "painted", "alike"])
def test_a_network_without_an_encoder_says_so_in_every_cell(name):
    recipe = MyPicture("portraits-pggan", found="")
    run = next(cell.run for cell in TAB.cells if cell.name == name)
    with pytest.raises(RecipeError, match="has no encoder"):
        for _ in run(recipe):
            pass
