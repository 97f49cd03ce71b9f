"""A link says by which weights its picture was drawn; with other ones here it opens, and the page says so."""

from __future__ import annotations

from importlib import import_module
from urllib.parse import urlencode

import pytest

from core import zoo
from demos.inside.recipe import Look
from demos.page import fields
from demos.page import handlers as wiring
from demos.page.fields import RecipeError
from demos.steer.recipe import Recipe

from ..support import Event
from .test_old_links import LINKS, OPEN

MODEL = "portraits-stylegan2"
HERE = fields.FIRST_WEIGHTS[MODEL]


def opened(tab: str, **query: str):
    """What a link makes of a tab: its recipe or None, the sentence that refuses it, and what is said of the link."""
    module = import_module(f"demos.{tab}.tab")
    found = wiring.opening(module.TAB.recipe)(Event(query=urlencode(dict(tab=tab, v="1", **query))))
    return found.get("recipe"), found.get("error", ""), found.get("notice", "")


QUERIES = {
    "steer": dict(model=MODEL, seed="7"),
    "paint": dict(model=MODEL, seed="7", region="mouth"),
    "restore": dict(model=MODEL, task="colour"),
    "inside": dict(model="objects-biggan", gate="1", channel="3"),
}


@pytest.mark.parametrize("tab", QUERIES)
def test_a_link_of_other_weights_opens_all_the_same_and_says_so(tab):
    plain, _, _ = opened(tab, **QUERIES[tab])
    recipe, error, notice = opened(tab, **QUERIES[tab], w="deadbeef")
    assert recipe == plain and plain and not error
    assert f"other weights of {zoo.card(QUERIES[tab]['model']).title}" in notice


@pytest.mark.parametrize("tab", QUERIES)
def test_nothing_is_said_where_the_weights_are_those_here(tab):
    named = zoo.weights_hash(QUERIES[tab]["model"])[:8]
    assert opened(tab, **QUERIES[tab], w=named)[2] == ""
    assert opened(tab, **QUERIES[tab])[2] == "", "a link of the first version means the first weights"


@pytest.mark.parametrize("tab", QUERIES)
def test_a_link_of_a_later_version_gets_a_sentence_and_opens_nothing(tab):
    module = import_module(f"demos.{tab}.tab")
    for version, opens in (("1", True), ("2", False), ("10", False)):
        query = urlencode(dict(tab=tab, v=version, **QUERIES[tab], new="1"))
        found = wiring.opening(module.TAB.recipe)(Event(query=query))
        assert ("recipe" in found) is opens
        assert opens or f'another version of the page ("{version}"): this one reads version 1' in found["error"]


def test_a_link_of_other_weights_with_a_channel_that_these_lack_opens_with_the_usual_one():
    look = dict(model="objects-biggan", label="4", gate="7", channel="255")
    usual, _, _ = opened("inside", model="objects-biggan", label="4", gate="7")
    recipe, error, notice = opened("inside", **look, w="deadbeef")
    assert recipe == usual and not error and "as far as these have them" in notice
    recipe, error, notice = opened("inside", **(look | dict(gate="70")), w="deadbeef")
    assert recipe["label"] == 4 and not error
    here = zoo.weights_hash("objects-biggan")[:8]
    recipe, error, _ = opened("inside", **look, w=here)
    assert recipe is None and "channel of gate 7 cannot be" in error
    recipe, error, _ = opened("inside", **(look | dict(seed="x")), w="deadbeef")
    assert recipe is None and error, "what is wrong in another way is still refused"
    for nonsense in (None, 7, "gate=1", {"gate": 7}, {"model": 7, "w": 7}):
        with pytest.raises(RecipeError):
            Look.from_query(nonsense)


def test_a_link_without_weights_is_of_the_first_ones(monkeypatch):
    monkeypatch.setattr(zoo, "weights_hash", lambda model: "0" * 64)
    assert "other weights" in opened("steer", **QUERIES["steer"])[2]
    assert opened("steer", **QUERIES["steer"], w="00000000")[2] == ""


def test_nobody_knows_the_weights_of_an_own_network_that_a_link_does_not_name():
    assert not fields.other_weights({}, "somebodys", HERE)
    assert fields.other_weights({"w": "deadbeef"}, "somebodys", HERE)
    assert not fields.other_weights({"w": HERE[:8]}, "somebodys", HERE)


@pytest.mark.parametrize(
    "weights", ["", "61d585c", "61d585cbb", "61D585CB", "zzzzzzzz", "<script>", "61d585cb\n", "٣" * 8]
)
def test_what_is_no_hash_is_refused_in_a_sentence(weights):
    recipe, error, notice = opened("steer", **QUERIES["steer"], w=weights)
    assert recipe is None and notice == ""
    assert "weights of a link are 8 digits" in error and "<" not in error
    with pytest.raises(RecipeError):
        Recipe.from_query({"w": 7})


@pytest.mark.parametrize("tab", OPEN)
def test_links_stay_short(tab):
    for link in LINKS:
        assert len(urlencode(dict(w="61d585cb"))) + len(link["query"]) < 1000
