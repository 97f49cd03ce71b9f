"""A restored picture's recipe: what it checks, what its link holds and never holds, and the problem that it states."""
from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core import zoo
from core.checkpoints import native
from core.critics import Critic
from core.generators.stylegan2 import StyleGAN2
from core.images import to_uint8
from core.inversion.multicode import invert
from core.inversion.vgg import load as load_vgg
from core.regions import Box, from_text, to_text
from core.truth.worlds import portraits
from demos import mganprior, own_pictures, restoring
from demos import recipe as steered
from demos import restore_recipe as restorations
from demos.checks import RecipeError
from demos.recipe import Recipe
from demos.restore_recipe import Restoration, as_dict

from . import tiny
from .test_losses import vgg_file

MODEL, SIDE = "portraits-stylegan2", 16
HOLE = to_text(Box(0.25, 0.0, 0.5, 0.5).mask(64))
HINTS = f"ff0000.{to_text(Box(0, 0, 0.5, 0.25).mask(64))}~0040c0.{to_text(Box(0.5, 0.5, 1, 1).mask(64))}"


def small_network(folder, monkeypatch, **cards) -> None:
    """A StyleGAN2 of 16 pixels with its critic, and no other card than those given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        path = folder / "portraits-stylegan2.safetensors"
        native.save(StyleGAN2(resolution=SIDE, channels=(16, 12, 8), z_dim=16, dim=16, mapping_layers=2), path)
        critic = Critic(resolution=SIDE, channels=(8, 8, 8))
        native.save(critic, path.with_name("portraits-stylegan2-critic.safetensors"))
    monkeypatch.setattr(zoo, "WEIGHTS", folder)
    monkeypatch.delenv("GANATOMY_VGG", raising=False)
    card = zoo.ModelCard(MODEL, "Test portraits", str(path), "portraits", SIDE)
    monkeypatch.setattr(zoo, "CARDS", {MODEL: card, **cards})
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder / "served"))
    restoring._found.values.clear()
    own_pictures._pictures.clear()


@pytest.fixture(autouse=True)
def small_model(tmp_path, monkeypatch):
    small_network(tmp_path, monkeypatch)
    return tmp_path


def wanted(**changes) -> Restoration:
    return Restoration(MODEL, **{"steps": 6, "codes": 3, **changes})


TASKS = [dict(), dict(amount=2, kind="bicubic"), dict(amount=8, kind="middle", start=7, optimiser="adam"),
         dict(task="colour"), dict(task="colour", hints=HINTS), dict(task="fill"),
         dict(task="fill", region=HOLE, keep=True, loss="structure"),
         dict(task="noise"), dict(task="noise", kind="gaussian", amount=0.1), dict(task="copy", picture=77),
         dict(task="copy", shows="network", layer=0, codes=1), dict(task="enlarge", shows="objects", picture=3),
         dict(shows="steer", picture=123_456_789, psi=0.35), dict(task="copy", shows="steer", picture=57, psi=0.0),
         dict(task="copy", optimiser="official"), dict(task="colour", optimiser="official", picture=2)]


@pytest.mark.parametrize("changes", TASKS)
def test_a_recipe_survives_json_and_its_link(changes):
    made = wanted(**changes)
    assert restorations.from_json(json.dumps(as_dict(made))) == made == restorations.from_json(as_dict(made))
    link = restorations.link_for(made)
    assert len(link) < 1000 and restorations.from_query(dict(parse_qsl(urlsplit(link).query))) == made


@pytest.mark.parametrize("wrong", [
    dict(task="dream"), dict(kind="sinc"), dict(task="colour", kind="box"), dict(amount=3), dict(amount=16),
    dict(amount="x"), dict(picture=-1), dict(picture=10_000), dict(task="fill", region="r!!"),
    dict(task="fill", region=to_text(Box(0, 0, 1, 1).mask(64))), dict(codes=31), dict(codes=-1), dict(layer=99),
    dict(steps=1001), dict(start=-1), dict(optimiser="magic"), dict(loss="taste"), dict(loss="features"),
    dict(shows="nobody"), dict(task="noise", amount=2), dict(task="noise", kind="gaussian", amount="nan"),
    dict(task="colour", hints="red.rAAA"), dict(label=1), dict(task="colour", hints="~".join([HINTS] * 4)),
    dict(shows="upload", own="../../etc"), dict(keep="perhaps"), dict(model="nobody"),
    dict(tab="paint"), dict(version=9), dict(surprise=1)])
def test_a_wrong_value_gets_a_sentence_that_says_what_is_possible(wrong):
    with pytest.raises(RecipeError) as refusal:
        restorations.from_json({**as_dict(wanted()), **wrong})
    said = str(refusal.value)
    possible = ("choose", "give", "paint", "reads version", "has ", "leave some")
    assert len(said) > 30 and any(word in said for word in possible)


def test_defaults_follow_the_task_and_what_can_be_compared_at_that_size():
    layers = len(zoo.load(MODEL).layers)
    for task, setting in restorations.GENERAL.items():
        made = Restoration(MODEL, task)
        assert made.layer == round(setting.layer * layers) and made.codes == setting.codes
        assert made.optimiser == setting.optimiser
    assert Restoration(MODEL, "copy").loss == "features" and wanted(amount=2).loss == "pixels"
    assert Restoration(MODEL).keep
    assert not Restoration(MODEL, "fill").keep and not Restoration(MODEL, kind="bicubic").keep


@pytest.mark.parametrize("model", sorted(restorations.OF_A_NETWORK))
def test_a_network_s_own_settings_speak_of_every_task_and_of_a_network_that_there_is(model):
    assert model in {card.name for card in zoo._BUNDLED}
    own = restorations.OF_A_NETWORK[model]
    assert list(own) == list(restorations.TASKS) and own != restorations.GENERAL
    assert all(restorations.setting_of(model, task) == setting for task, setting in own.items())
    assert all(setting.optimiser in restorations.WAYS and setting.loss in restorations.LOSSES for setting in own.values())


def test_networks_without_a_world_or_a_critic_restore_their_own_pictures(small_model, monkeypatch):
    path = small_model / "mine.safetensors"
    native.save(tiny.pggan(), path)
    own = zoo.ModelCard("mine", "Mine", str(path), None, SIDE, psi=1.0, own=True)
    small_network(small_model, monkeypatch, mine=own)
    made = Restoration("mine", "copy", steps=2)
    assert made.shows == "network" and made.loss != "features"
    assert set(restorations.shown_by("mine")) == {"network", "steer", "upload"}
    truth, generator = restorations.example(made), zoo.load("mine")
    drawn = generator(generator.codes(generator.sample(1, restorations.FIRST_PICTURE))).clamp(-1, 1)
    assert (truth - drawn).abs().max() <= 1.01 / 255
    for task in restorations.TASKS:
        found = restoring.searched(Restoration("mine", task, steps=2, codes=2))
        assert found.image.shape == (1, 3, SIDE, SIDE)


@pytest.fixture
def somebodys(small_model, monkeypatch) -> str:
    """The name of a network of no world, of photographs for all we know."""
    path = small_model / "mine.safetensors"
    native.save(tiny.pggan(), path)
    mine = zoo.ModelCard("mine", "Mine", str(path), None, SIDE, psi=1.0, own=True)
    small_network(small_model, monkeypatch, mine=mine)
    return "mine"


def test_without_vgg_16_photographs_are_compared_by_pixels_and_ssim_and_the_page_says_so(somebodys):
    recipe = Restoration(somebodys, "copy", steps=2, codes=2)
    assert recipe.loss == "structure" and "vgg" not in restorations.losses_of(somebodys)
    assert "VGG-16 is not on this machine" in mganprior.setup_of(recipe)["vgg"]
    assert "pixels and SSIM" in mganprior.caption(recipe)
    assert mganprior.setup_of(wanted(task="copy"))["vgg"] == "", "a render of our own world is no photograph"
    with pytest.raises(RecipeError, match="VGG-16 is not on this machine.*or choose pixels"):
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
    assert "VGG-16" in mganprior.caption(recipe) and "supplied" in mganprior.setup_of(recipe)["vgg"]
    shown = restoring.searched(recipe)
    truth = restoring.problem_of(recipe).truth
    with torch.no_grad():
        found = shown.picture.draw(shown.picture.codes)         # not clamped, as the search sees it
        difference = sum(((F.normalize(x, dim=1, eps=1e-4) - F.normalize(y, dim=1, eps=1e-4)) ** 2).sum(1).mean()
                         for x, y in zip(load_vgg(path).features(found), load_vgg(path).features(truth))
                         if x.shape[-1] >= 8)       # of 16, 8 and 4 pixels, 4 are too few
    by_hand = float((found - truth).square().mean() + 0.1 * difference / 2)
    assert shown.loss == pytest.approx(by_hand, rel=1e-3)
    assert restoring.key_of(recipe) != restoring.key_of(replace(recipe, loss="structure"))
    code = restorations.code_for(recipe)
    assert 'closeness(load_vgg("vgg16.safetensors"))' in code and "the file of VGG-16 must lie beside" in code


def test_another_file_in_the_place_of_vgg_16_is_refused_in_a_sentence(somebodys, small_model, monkeypatch):
    vgg_file(small_model / "vgg16.safetensors", **{"features.14.bias": None})
    with pytest.raises(RecipeError, match="lacks features.14.bias.*compare something else"):
        restoring.problem_of(Restoration(somebodys, "copy", steps=2, codes=2))
    assert restoring.searched(Restoration(somebodys, "copy", steps=2, codes=2, loss="pixels")).steps == 2
    monkeypatch.setenv("GANATOMY_VGG", str(small_model / "nowhere.safetensors"))
    with pytest.raises(RecipeError, match="nowhere.safetensors cannot be read"):
        restoring.problem_of(Restoration(somebodys, "copy", steps=2, codes=2))


def test_as_the_published_code_descends_is_its_own_descent():
    recipe = wanted(task="copy", optimiser="official", loss="pixels")
    found, problem = restoring.searched(recipe), restoring.problem_of(recipe)
    *_, last = invert(zoo.load(MODEL), problem.observed, layer=recipe.layer, n_codes=3, steps=6, loss=problem.loss,
                      official=True)
    assert found.loss == pytest.approx(last.loss, rel=1e-5) and "official=True" in restorations.code_for(recipe)
    assert found.loss != pytest.approx(restoring.searched(replace(recipe, optimiser="adam")).loss, rel=1e-3)
    assert "as the published code" in mganprior.caption(recipe)
    assert restorations.to_query(recipe)["optimiser"] == "official"


def test_the_network_of_the_paper_comes_first_where_it_is_bundled(small_model, monkeypatch):
    assert restorations.default_model() == MODEL
    path = small_model / "portraits-pggan.safetensors"
    native.save(tiny.pggan(), path)
    card = zoo.ModelCard("portraits-pggan", "P", str(path), "portraits", SIDE)
    small_network(small_model, monkeypatch, **{"portraits-pggan": card})
    assert restorations.default_model() == "portraits-pggan"


def test_a_link_never_holds_an_own_picture_and_none_is_opened_by_one():
    own = wanted(task="copy", shows="upload", own="0" * 32, codes=2)
    query = restorations.to_query(own)
    assert "0" * 32 not in str(query) and "upload" not in str(query) and restorations.link_note(own)
    opened = restorations.from_query(query)
    assert opened.shows == "portraits" and opened.codes == 2 and not restorations.link_note(opened)
    for asked in (dict(shows="upload"), dict(own="0" * 32)):
        with pytest.raises(RecipeError, match="own picture"):
            restorations.from_query({"model": MODEL, **asked})
    with pytest.raises(RecipeError, match="no longer here"):
        restoring.problem_of(own)


def test_examples_are_held_out_from_training_and_from_every_evidence():
    from weights.recipes import paint, restore
    examples = range(restorations.FIRST_PICTURE, restorations.FIRST_PICTURE + restorations.PICTURES)
    evidence = range(restore.FIRST, restore.FIRST + restore.RENDERS)
    assert examples.start >= portraits.SPLITS["test"] and not set(examples) & set(evidence)
    assert all(first + 20_000 < examples.start for first in paint.FIRST.values()) and restore.RENDERS >= 32


# --- the problem, against arithmetic by hand


def observed(recipe: Restoration) -> tuple[np.ndarray, np.ndarray]:
    problem = restoring.problem_of(recipe)
    return tuple(images[0].permute(1, 2, 0).double().numpy() for images in (problem.truth, problem.observed))


def test_the_truth_is_the_render_of_its_seed_in_whole_levels():
    factors = portraits.sample(1, restorations.FIRST_PICTURE + 5, spread=portraits.SPREADS["even"])
    drawn = to_uint8(portraits.render(factors, resolution=SIDE).images)[0]
    truth, _ = observed(wanted(picture=5))
    assert np.array_equal(np.round((truth + 1) * 127.5).astype(int), drawn)


def test_what_is_observed_is_what_the_words_say():
    truth, small = observed(wanted(amount=4))
    assert np.allclose(small, truth.reshape(4, 4, 4, 4, 3).mean((1, 3)), atol=1e-6)
    truth, grey = observed(wanted(task="colour"))
    assert np.allclose(grey, (truth @ [0.299, 0.587, 0.114])[..., None].repeat(3, 2), atol=1e-6)
    truth, holed = observed(wanted(task="fill", region=HOLE))
    hole = from_text(HOLE).numpy()[2::4, 2::4]
    assert (holed[hole] == 0).all() and np.array_equal(holed[~hole], truth[~hole])
    truth, specked = observed(wanted(task="noise", amount=0.5))
    assert 0.3 < (specked != truth).any(2).mean() < 0.7
    truth, noisy = observed(wanted(task="noise", kind="gaussian", amount=0.2))
    inside = np.abs(truth) < 0.4
    assert abs((noisy - truth)[inside].std() - 0.2) < 0.03


def test_painted_colours_lie_where_they_were_painted():
    colours, where = restorations.painted_hints(wanted(task="colour", hints=HINTS))
    assert where[:8, :4].all() and where[8:, 8:].all() and where.sum() == 32 + 64
    assert torch.allclose(colours[0, :, 0, 0], torch.tensor([1.0, -1, -1]))
    assert float(colours[0, 2, 15, 15]) == pytest.approx(192 / 127.5 - 1)


# --- code and notebook


@pytest.mark.parametrize("changes", TASKS)
def test_the_code_on_the_page_makes_the_picture(changes, tmp_path, monkeypatch):
    recipe = wanted(**changes)
    shown = to_uint8(restoring.searched(recipe).image)[0]
    monkeypatch.chdir(tmp_path)
    made: dict = {}
    exec(restorations.code_for(recipe), made)
    assert np.abs(np.asarray(made["picture"]).astype(int) - shown).max() <= 1
    assert (tmp_path / "picture.png").exists()


def test_the_notebook_runs_and_opens_the_page():
    import nbformat
    recipe = wanted(task="fill")
    book = nbformat.reads(restorations.notebook_for(recipe, "About it.").decode(), 4)
    nbformat.validate(book)
    assert restorations.link_for(recipe) in book.cells[0].source
    made: dict = {}
    for cell in book.cells:
        if cell.cell_type == "code":
            exec(cell.source, made)
    assert made["picture"].size == (SIDE, SIDE)


def test_a_picture_of_steer_is_steer_s_own_and_says_that_it_is_easy(tmp_path, monkeypatch):
    recipe = wanted(task="copy", shows="steer", picture=123_456, psi=0.35)
    expected = to_uint8(steered.render(Recipe(MODEL, seed=123_456, psi=0.35)))
    assert np.array_equal(to_uint8(restoring.problem_of(recipe).truth), expected)
    other = restoring.problem_of(replace(recipe, psi=0.9)).truth
    assert not np.array_equal(to_uint8(other), expected), "its truncation counts"
    assert "drawn by this network itself (easier than any other)" in restorations.SHOWS["steer"]
    lines = restorations.code_for(recipe).partition("degradation =")[0]
    made: dict = {}
    exec(lines, made)
    assert np.array_equal(to_uint8(made["truth"]), expected)


def test_numbers_and_truncation_of_steer_are_no_other_picture_s():
    with pytest.raises(RecipeError, match="the picture's number"):
        wanted(picture=123_456)
    assert wanted(psi=0.2).psi == wanted().psi
    with pytest.raises(RecipeError, match="truncation"):
        wanted(shows="steer", psi=2)
