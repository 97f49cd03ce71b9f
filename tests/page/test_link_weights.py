"""A link says by which weights its picture was drawn; with other ones here it opens, and the page says so."""

from __future__ import annotations

from importlib import import_module
from urllib.parse import urlencode

import gradio as gr
import pytest

from core import zoo
from demos.page import fields
from demos.page import handlers as wiring
from demos.page.fields import RecipeError
from demos.steer.recipe import Recipe

from .test_old_links import LINKS, OPEN

MODEL = "portraits-stylegan2"
HERE = fields.FIRST_WEIGHTS[MODEL]


class Asked:
    """A request with these parameters."""

    def __init__(self, **query: str):
        self.query_params = query


def opened(tab: str, **query: str):
    """What the address makes of a tab: its recipe, the sentence of its stage, and what it says of the link."""
    module = import_module(f"demos.{tab}.tab")
    recipe, stage, *_folds, notice = wiring.opened(module.TAB, Asked(tab=tab, v="1", **query))
    return recipe, stage, notice


QUERIES = {
    "steer": dict(model=MODEL, seed="7"),
    "paint": dict(model=MODEL, seed="7", region="mouth"),
    "restore": dict(model=MODEL, task="colour"),
    "inside": dict(model="objects-biggan", gate="1", channel="3"),
}


@pytest.mark.parametrize("tab", QUERIES)
def test_a_link_of_other_weights_opens_all_the_same_and_says_so(tab):
    plain, _, _ = opened(tab, **QUERIES[tab])
    recipe, stage, notice = opened(tab, **QUERIES[tab], w="deadbeef")
    assert recipe == plain and stage == gr.skip()
    title = zoo.card(QUERIES[tab]["model"]).title
    assert f"other weights of {title}" in notice.value and notice.visible


@pytest.mark.parametrize("tab", QUERIES)
def test_nothing_is_said_where_the_weights_are_those_here(tab):
    named = zoo.weights_hash(QUERIES[tab]["model"])[:8]
    assert opened(tab, **QUERIES[tab], w=named)[2] == gr.skip()
    assert opened(tab, **QUERIES[tab])[2] == gr.skip(), "a link of the first version means the first weights"


def test_a_link_without_weights_is_of_the_first_ones(monkeypatch):
    monkeypatch.setattr(zoo, "weights_hash", lambda model: "0" * 64)
    assert "other weights" in opened("steer", **QUERIES["steer"])[2].value
    assert opened("steer", **QUERIES["steer"], w="00000000")[2] == gr.skip()


def test_nobody_knows_the_weights_of_an_own_network_that_a_link_does_not_name():
    assert not fields.other_weights({}, "somebodys", HERE)
    assert fields.other_weights({"w": "deadbeef"}, "somebodys", HERE)
    assert not fields.other_weights({"w": HERE[:8]}, "somebodys", HERE)


@pytest.mark.parametrize(
    "weights", ["", "61d585c", "61d585cbb", "61D585CB", "zzzzzzzz", "<script>", "61d585cb\n", "٣" * 8]
)
def test_what_is_no_hash_is_refused_in_a_sentence(weights):
    recipe, stage, notice = opened("steer", **QUERIES["steer"], w=weights)
    assert recipe == gr.skip() and notice == gr.skip()
    assert "weights of a link are 8 digits" in stage["error"] and "<" not in stage["error"]
    with pytest.raises(RecipeError):
        Recipe.from_query({"w": 7})


def test_the_notice_is_no_place_for_markup(monkeypatch):
    card = zoo.ModelCard("evil", "<b>evil</b>", "x", None, 64)
    monkeypatch.setitem(zoo.CARDS, "evil", card)
    monkeypatch.setattr(zoo, "weights_hash", lambda model: HERE)
    assert "<b>" not in wiring.about_link({"w": "deadbeef"}, "evil").value


@pytest.mark.parametrize("tab", OPEN)
def test_links_stay_short(tab):
    for link in LINKS:
        assert len(urlencode(dict(w="61d585cb"))) + len(link["query"]) < 1000
