"""A restored picture's recipe: what it checks, what its link holds and never holds, and the problem that it states."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from core import zoo
from core.checkpoints import native
from core.images import to_uint8
from core.inversion import tasks
from core.inversion.multicode import invert
from core.inversion.vgg import load as load_vgg
from core.regions import Box, to_text
from demos.page.fields import RecipeError
from demos.restore import recipe as recipes
from demos.restore import search as restoring
from demos.restore import words
from demos.restore.code import code_for
from demos.restore.recipe import Restoration

from .. import support, tiny
from ..core.test_losses import vgg_file
from ..support import MODEL, SIDE

pytestmark = pytest.mark.usefixtures("small_model")

HOLE = to_text(Box(0.25, 0.0, 0.5, 0.5).mask(64))
HINTS = f"ff0000.{to_text(Box(0, 0, 0.5, 0.25).mask(64))}~0040c0.{to_text(Box(0.5, 0.5, 1, 1).mask(64))}"


def searched(recipe: Restoration) -> restoring.Found:
    """The answer, found now where need be."""
    steps = restoring.searched(recipe)
    while True:
        try:
            assert next(steps) is None, "news of a search is nothing but a sign of life"
        except StopIteration as ended:
            return ended.value


def wanted(**changes) -> Restoration:
    return Restoration(MODEL, **{"steps": 6, "codes": 3, **changes})


TASKS = [
    dict(),
    dict(amount=2, kind="bicubic"),
    dict(amount=8, kind="middle", start=7, optimiser="adam"),
    dict(task="colour"),
    dict(task="colour", hints=HINTS),
    dict(task="fill"),
    dict(task="fill", region=HOLE, keep=True, loss="structure"),
    dict(task="noise"),
    dict(task="noise", kind="gaussian", amount=0.1),
    dict(task="copy", picture=77),
    dict(task="copy", shows="network", layer=0, codes=1),
    dict(task="enlarge", shows="objects", picture=3),
    dict(shows="steer", picture=123_456_789, psi=0.35),
    dict(task="copy", shows="steer", picture=57, psi=0.0),
    dict(task="copy", optimiser="official"),
    dict(task="colour", optimiser="official", picture=2),
]


@pytest.mark.parametrize("changes", TASKS)
def test_a_recipe_survives_json_and_its_link(changes):
    made = wanted(**changes)
    assert Restoration.from_json(json.dumps(made.as_dict())) == made == Restoration.from_json(made.as_dict())
    link = made.link()
    assert len(link) < 1000 and Restoration.from_query(dict(parse_qsl(urlsplit(link).query))) == made


@pytest.mark.parametrize(
    "wrong",
    [
        dict(task="dream"),
        dict(kind="sinc"),
        dict(task="colour", kind="box"),
        dict(amount=3),
        dict(amount=16),
        dict(amount="x"),
        dict(picture=-1),
        dict(picture=10_000),
        dict(task="fill", region="r!!"),
        dict(task="fill", region=to_text(Box(0, 0, 1, 1).mask(64))),
        dict(codes=31),
        dict(codes=-1),
        dict(layer=99),
        dict(steps=1001),
        dict(start=-1),
        dict(optimiser="magic"),
        dict(loss="taste"),
        dict(loss="features"),
        dict(shows="nobody"),
        dict(task="noise", amount=2),
        dict(task="noise", kind="gaussian", amount="nan"),
        dict(task="colour", hints="red.rAAA"),
        dict(label=1),
        dict(task="colour", hints="~".join([HINTS] * 4)),
        dict(shows="upload", own="../../etc"),
        dict(keep="perhaps"),
        dict(model="nobody"),
        dict(tab="paint"),
        dict(version=9),
        dict(surprise=1),
    ],
)
def test_a_wrong_value_gets_a_sentence_that_says_what_is_possible(wrong):
    with pytest.raises(RecipeError) as refusal:
        Restoration.from_json({**wanted().as_dict(), **wrong})
    said = str(refusal.value)
    possible = ("choose", "give", "paint", "reads version", "has ", "leave some")
    assert len(said) > 30 and any(word in said for word in possible)


@pytest.mark.parametrize("shows, last", [("portraits", 9_999), ("network", 9_999), ("steer", 999_999_999)])
def test_the_number_of_the_picture_says_what_is_possible_and_no_more_is(shows, last):
    recipe = wanted(shows=shows, picture=last)
    assert words.controls_of(recipe)["picture"]["hint"] == f"0 to {last}"
    for wrong in (last + 1, -1, "seven", "1.5", "", "9" * 40):
        with pytest.raises(RecipeError, match=f"picture's number cannot be .*give a whole number from 0 to {last}$"):
            replace(recipe, picture=wrong)


def test_defaults_follow_the_task_and_what_can_be_compared_at_that_size():
    layers = len(zoo.load(MODEL).layers)
    for task, setting in tasks.GENERAL.items():
        made = Restoration(MODEL, task)
        assert made.layer == round(setting.layer * layers) and made.codes == setting.codes
        assert made.optimiser == setting.optimiser
    assert Restoration(MODEL, "copy").loss == "features" and wanted(amount=2).loss == "pixels"
    assert Restoration(MODEL).keep
    assert not Restoration(MODEL, "fill").keep and not Restoration(MODEL, kind="bicubic").keep


@pytest.mark.parametrize("model", sorted(tasks.OF_A_NETWORK))
def test_a_network_s_own_settings_speak_of_every_task_and_of_a_network_that_there_is(model):
    assert model in {card.name for card in zoo._BUNDLED} | zoo.REMOTE_CARDS.keys()
    own = tasks.OF_A_NETWORK[model]
    assert list(own) == list(recipes.TASKS) and own != tasks.GENERAL
    assert all(tasks.setting_of(model, task) == setting for task, setting in own.items())
    assert {setting.optimiser for setting in own.values()} <= set(recipes.WAYS)
    assert {setting.loss for setting in own.values()} <= set(recipes.LOSSES)


def test_networks_without_a_world_or_a_critic_restore_their_own_pictures(small_model, monkeypatch):
    path = small_model / "mine.safetensors"
    native.save(tiny.pggan(), path)
    own = zoo.ModelCard("mine", "Mine", str(path), None, SIDE, psi=1.0, own=True)
    support.small_model(small_model, monkeypatch, mine=own)
    made = Restoration("mine", "copy", steps=2)
    assert made.shows == "network" and made.loss != "features"
    assert set(recipes.shown_by("mine")) == {"photo", "network", "steer", "upload"}
    truth, generator = restoring.example(made), zoo.load("mine")
    drawn = generator(generator.codes(generator.sample(1, recipes.FIRST_PICTURE))).clamp(-1, 1)
    assert (truth - drawn).abs().max() <= 1.01 / 255
    for task in recipes.TASKS:
        found = searched(Restoration("mine", task, steps=2, codes=2))
        assert found.image.shape == (1, 3, SIDE, SIDE)


@pytest.fixture
def somebodys(small_model, monkeypatch) -> str:
    """The name of a network of no world, of photographs for all we know."""
    path = small_model / "mine.safetensors"
    native.save(tiny.pggan(), path)
    mine = zoo.ModelCard("mine", "Mine", str(path), None, SIDE, psi=1.0, own=True)
    support.small_model(small_model, monkeypatch, mine=mine)
    return "mine"


def test_without_vgg_16_photographs_are_compared_by_pixels_and_ssim_and_the_page_says_so(somebodys):
    recipe = Restoration(somebodys, "copy", steps=2, codes=2)
    assert recipe.loss == "structure" and "vgg" not in recipes.losses_of(somebodys)
    assert "VGG-16 is not on the server of this page" in words.vgg_says(recipe)
    assert "pixels and SSIM" in words.caption(recipe)
    assert words.vgg_says(wanted(task="copy")) == "", "a render of our own world is no photograph"
    with pytest.raises(RecipeError, match="VGG-16 is not on the server of this page.*or choose pixels"):
        Restoration(somebodys, "copy", loss="vgg")


@pytest.mark.parametrize("where", ["beside the weights", "by the environment"])
def test_a_vgg_16_that_somebody_supplied_compares_photographs(somebodys, small_model, monkeypatch, tmp_path, where):
    path = small_model / "vgg16.safetensors" if where == "beside the weights" else small_model / "elsewhere.safetensors"
    vgg_file(path)
    if where == "by the environment":
        monkeypatch.setenv("GANATOMY_VGG", str(path))
    recipe = Restoration(somebodys, "copy", steps=3, codes=2)
    assert recipe.loss == "vgg" and wanted(task="copy").loss == "features"
    assert Restoration(MODEL, "copy", shows="upload").loss == "vgg", "a visitor's photograph is one too"
    assert "VGG-16" in words.caption(recipe) and "supplied" in words.vgg_says(recipe)
    shown = searched(recipe)
    truth = restoring.problem_of(recipe).truth
    with torch.no_grad():
        found = shown.picture.draw(shown.picture.codes)  # not clamped, as the search sees it
        difference = sum(
            ((F.normalize(x, dim=1, eps=1e-4) - F.normalize(y, dim=1, eps=1e-4)) ** 2).sum(1).mean()
            for x, y in zip(load_vgg(path).features(found), load_vgg(path).features(truth))
            if x.shape[-1] >= 8
        )  # of 16, 8 and 4 pixels, 4 are too few
    by_hand = float((found - truth).square().mean() + 0.1 * difference / 2)
    assert shown.loss == pytest.approx(by_hand, rel=1e-3)
    assert restoring.key_of(recipe) != restoring.key_of(replace(recipe, loss="structure"))
    code = code_for(recipe)
    assert 'closeness(load_vgg("vgg16.safetensors"))' in code and "the file of VGG-16 must lie beside" in code


def test_another_file_in_the_place_of_vgg_16_is_refused_in_a_sentence(somebodys, small_model, monkeypatch):
    vgg_file(small_model / "vgg16.safetensors", **{"features.14.bias": None})
    with pytest.raises(RecipeError, match="lacks features.14.bias.*compare something else"):
        restoring.problem_of(Restoration(somebodys, "copy", steps=2, codes=2))
    assert searched(Restoration(somebodys, "copy", steps=2, codes=2, loss="pixels")).steps == 2
    monkeypatch.setenv("GANATOMY_VGG", str(small_model / "nowhere.safetensors"))
    with pytest.raises(RecipeError, match="nowhere.safetensors cannot be read"):
        restoring.problem_of(Restoration(somebodys, "copy", steps=2, codes=2))


def test_as_the_published_code_descends_is_its_own_descent():
    recipe = wanted(task="copy", optimiser="official", loss="pixels")
    found, asked = searched(recipe), restoring.problem_of(recipe)
    *_, last = invert(
        zoo.load(MODEL), asked.observed, layer=recipe.layer, n_codes=3, steps=6, loss=asked.loss, official=True
    )
    assert found.loss == pytest.approx(last.loss, rel=1e-5) and "official=True" in code_for(recipe)
    assert found.loss != pytest.approx(searched(replace(recipe, optimiser="adam")).loss, rel=1e-3)
    assert "as the published code" in words.caption(recipe)
    assert recipe.to_query()["optimiser"] == "official"


def test_the_tab_opens_with_the_first_network_there_is(monkeypatch):
    assert Restoration.default_model() == MODEL == next(iter(zoo.CARDS))
    monkeypatch.setattr(zoo, "CARDS", {})
    assert Restoration.default_model() == ""


@pytest.mark.parametrize("changes", TASKS)
def test_the_code_restores_the_picture_of_the_page(changes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = wanted(**changes)
    names: dict = {}
    exec(compile(code_for(recipe), "<the page>", "exec"), names)
    found = np.asarray(Image.open("picture.png")).astype(int)
    assert np.abs(found - to_uint8(searched(recipe).image)[0]).max() <= 1
    truth = restoring.problem_of(recipe).truth
    assert torch.equal(names["truth"], truth)
