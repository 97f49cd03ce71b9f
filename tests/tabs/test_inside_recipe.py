"""The recipe of a look inside:
what it checks, what its link holds, and that its code and notebook draw the same picture.
"""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from PIL import Image

from core import classes, zoo
from core.channels.awareness import awareness
from core.channels.editing import ChannelEdit, edited
from core.checkpoints import native
from core.images import to_uint8
from core.truth.worlds import objects
from demos.inside import recipe as looks
from demos.inside.recipe import Look
from demos.page.export import cell_of
from demos.page.fields import RecipeError
from demos.steer.recipe import Recipe, alt_text

from .. import support, tiny

MODEL, DEEP, PLAIN = "things", "deep-things", "portraits-stylegan2"


def small_networks(folder, monkeypatch) -> None:
    """A BigGAN and a BigGAN-deep of 16 pixels and 3 classes, and a StyleGAN2 without classes."""
    for name, network in ((MODEL, tiny.biggan()), (DEEP, tiny.biggan_deep())):
        native.save(network, folder / f"{name}.safetensors")
    support.save_stylegan2(folder / f"{PLAIN}.safetensors")
    monkeypatch.setattr(zoo, "WEIGHTS", folder)
    cards = [
        zoo.ModelCard(PLAIN, "Test portraits", f"{PLAIN}.safetensors", "portraits", 16),
        *(zoo.ModelCard(name, name, f"{name}.safetensors", None, 16, classes=tiny.CLASSES) for name in (MODEL, DEEP)),
    ]
    monkeypatch.setattr(zoo, "CARDS", {card.name: card for card in cards})
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder / "served"))


@pytest.fixture(autouse=True)
def networks(tmp_path, monkeypatch):
    small_networks(tmp_path, monkeypatch)
    yield from tiny.one_thread()


LOOKS = [
    dict(),
    dict(seed=7, label=2, psi=0.5),
    dict(gate=1, channel=3, amount=1.5),
    dict(other=0, share=0.55, gates="1-2", mix="features"),
    dict(keep=5, pieces=7, weighted=False),
    dict(model=DEEP, gate=6, label=1, gates="late"),
]


def test_steer_takes_a_class_by_name_too_and_says_it():
    recipe = Recipe(MODEL, label=" Class 1")
    assert recipe.label == 1 and "class 1" in alt_text(recipe) and Recipe(PLAIN).label_name == ""
    with pytest.raises(RecipeError, match="no class .wombat. in this network"):
        Recipe(MODEL, label="wombat")


@pytest.mark.parametrize("changes", LOOKS)
def test_json_and_link_bring_the_same_look_back(changes):
    look = Look(**{"model": MODEL, **changes})
    assert looks.Look.from_json(json.dumps(look.as_dict())) == look
    link = look.link()
    query = dict(parse_qsl(urlsplit(link).query))
    assert looks.Look.from_query(query) == look and len(link) < 1000 and query["tab"] == "inside"


def test_the_defaults_are_the_middle_gate_and_its_most_aware_channel():
    for label in range(tiny.CLASSES):
        look = Look(MODEL, label=label)
        assert look.gate == len(zoo.load(MODEL).gates) // 2
        assert look.channel == int(awareness(zoo.load(MODEL), label, gate=look.gate).argmax())
    assert Look(MODEL).psi == zoo.card(MODEL).psi and Look(MODEL, label=2).other == 0


@pytest.mark.parametrize(
    "change, says",
    [
        (dict(label="wombat"), "there is no class .wombat"),
        (dict(label=3), "from 0 to 2"),
        (dict(other="x"), "there is no class"),
        (dict(gate=4), "from -1 to 3"),
        (dict(channel=8), "from -1 to 7"),
        (dict(amount=9), "from 0 to 3"),
        (dict(gates="2-9"), "range within 0-3"),
        (dict(gates="-1"), "range within"),
        (dict(pieces=1), "from 2 to 12"),
        (dict(pieces=1000), "from 2 to 12"),
        (dict(share="nan"), "from 0 to 1"),
        (dict(keep=101), "from 0 to 100"),
        (dict(mix="both"), "choose one of parameters, features"),
        (dict(weighted="maybe"), "give 1 or 0"),
        (dict(model=PLAIN), "choose a BigGAN"),
        (dict(model="nobody"), "choose things, deep-things"),
        (dict(seed=-1), "from 0 to"),
        (dict(version=9), "another version"),
        (dict(colour=1), "it has model, seed"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_is_possible(change, says):
    with pytest.raises(RecipeError, match=says):
        looks.Look.from_json({**Look(MODEL).as_dict(), **change})


def test_a_bad_link_is_a_sentence():
    for query in (dict(tab="inside", v="7"), dict(model=MODEL, seed="9" * 5000), dict(model=MODEL, gate="first")):
        with pytest.raises(RecipeError):
            looks.Look.from_query(query)


def test_classes_are_found_by_number_or_by_name_in_any_case(monkeypatch):
    assert looks.class_of("1", MODEL) == 1 and looks.class_of(" CLASS 2 ", MODEL) == 2
    card = zoo.ModelCard("objects-biggan", "Objects", "o", "objects", 16, classes=len(objects.CLASSES))
    monkeypatch.setitem(zoo.CARDS, card.name, card)
    assert looks.class_of("Mug", card.name) == objects.CLASSES.index("mug") and looks.Look.default_model() == card.name
    imagenet = looks.class_names(classes.IMAGENET)
    assert len(imagenet) == zoo.REMOTE_CARDS[classes.IMAGENET].classes == len(set(imagenet))
    known = {
        0: "tench",
        10: "brambling",
        207: "Golden Retriever",
        980: "volcano",
        483: "castle",
        814: "motorboat",
        971: "bubble",
        999: "toilet paper",
    }
    assert {i: imagenet[i] for i in known} == known


def test_a_network_that_a_visitor_dropped_on_the_page_is_looked_into_too(monkeypatch):
    own = replace(zoo.CARDS[MODEL], name="yours-1", own=True, file=str(zoo.CARDS[MODEL].path), given="mine.pt")
    with pytest.raises(RecipeError, match="cannot be"):
        Look("yours-1")
    monkeypatch.setitem(zoo.VISITORS, "yours-1", own)
    assert Look("yours-1").model == "yours-1"


def test_without_the_bundled_network_the_first_with_classes_is_shown_and_else_none(monkeypatch, tmp_path):
    assert looks.Look.default_model() == MODEL
    native.save(tiny.dcgan_of_classes(), tmp_path / "own.safetensors")
    assert zoo.add(tmp_path / "own.safetensors").classes and looks.Look.default_model() == MODEL  # it has no gates
    monkeypatch.setattr(zoo, "CARDS", {PLAIN: zoo.CARDS[PLAIN]})
    assert looks.Look.default_model() == ""


@pytest.mark.parametrize(
    "changes",
    [
        dict(),
        dict(seed=3, label=1, gate=2, channel=5, amount=2.25, psi=0.5),
        dict(model=DEEP, gate=5, psi=0.4, amount=0),
    ],
)
def test_the_code_draws_the_look_s_picture_and_no_other(changes, tmp_path, monkeypatch):
    look = Look(**{"model": MODEL, **changes})
    monkeypatch.chdir(tmp_path)
    exec(cell_of(look, looks.code_of(look)), {})
    shown = np.asarray(Image.open("picture.png")).astype(int)
    generator = zoo.load(look.model)
    codes = generator.codes(generator.sample(1, look.seed), psi=look.psi, label=look.label)

    def truth(edits):
        return to_uint8(edited(generator.at(psi=look.psi), edits)(codes))[0]

    assert np.array_equal(shown, truth([ChannelEdit(look.gate, look.channel, multiply=look.amount)]))
    assert not np.array_equal(shown, truth([]))


def test_the_notebook_says_whose_formulation_it_is_and_its_code_runs(tmp_path, monkeypatch):
    look = Look(MODEL, label=1, gate=1)
    cells = json.loads(looks.notebook_for(look))["cells"]
    assert "not public" in "".join(cells[0]["source"]) and look.link() in "".join(cells[0]["source"])
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    for one in cells:
        if one["cell_type"] == "code" and "subprocess" not in "".join(one["source"]):
            exec("".join(one["source"]), scope)
    assert len(scope["frames"]) == 7 and look.channel == int(scope["of_the_class"].argmax())
