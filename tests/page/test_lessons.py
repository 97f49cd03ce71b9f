"""The page of questions: five a tab, links that open, and answers in which no number was written by hand."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest

import app
from core import evidence, lessons, zoo
from demos.page.fields import other_weights, recipe_of_link
from demos.page.parts import FOLDS
from serving import lessons as served

ASKED = [(tab, one) for tab in served.TABS for one in served.questions()[tab]]
NAMES = [one["name"] for _, one in ASKED]


def test_every_tab_has_five_questions_and_every_question_is_asked_once():
    assert [tab.name for tab in app.TABS] == list(served.TABS) and {tab.title for tab in app.TABS} == set(
        served.TABS.values()
    )
    assert all(len(served.questions()[tab]) == 5 for tab in served.TABS)
    assert sorted(NAMES) == sorted(lessons.QUESTIONS)
    assert all(2 < len(one["guesses"]) < 6 and one["asks"].endswith(("?", ".")) for _, one in ASKED)


@pytest.mark.parametrize("tab, question", ASKED, ids=NAMES)
def test_a_link_opens_its_tab_in_the_state_that_it_names(tab: str, question: dict):
    link = dict(parse_qsl(served.query(tab, question)))
    recipe = recipe_of_link(link)
    opened = next(one for one in app.TABS if one.name == tab).recipe
    assert isinstance(recipe, opened) and recipe.tab in (tab, "")
    assert not other_weights(link, recipe.model, zoo.weights_hash(recipe.model)) and len(link["w"]) == 8
    shown = recipe.as_dict()
    for name, value in question["opens"].items():
        if name == "amounts":
            amounts = [float(one) for one in value.split(",")]
            assert shown[name][: len(amounts)] == amounts
            assert shown["knob"] == max(range(len(amounts)), key=lambda i: abs(amounts[i]))
        elif name != "other":  # a class by its name
            assert shown[name] == value, name


def test_what_a_link_brings_into_sight_is_there():
    for tab, question in ASKED:
        there = next(one for one in app.TABS if one.name == tab)
        places = {*FOLDS, *(cell.name for cell in there.cells)}
        assert question.get("show", "true") in places and ("show" in question or question["name"] == "enlarge8")
        assert f"show={question.get('show')}" in served.query(tab, question) or "show" not in question


def test_an_answer_s_numbers_all_come_from_the_evidence():
    for _, question in ASKED:
        by_hand = re.sub(r"\{[^}]*\}|16 x 16 pixels|levels of 255", "", question["answer"])
        assert not re.search(r"\d", by_hand), question["name"]
        asks, said = served.told(question)
        assert "{" not in asks + said and asks[-1] in "?." and said.endswith(".") and re.search(r"\d", said)


def test_the_page_holds_what_is_asked_and_answered_and_codes_only_where_others_reach_it():
    alone, reached = served.page(""), served.page("http://192.168.0.7:7860")
    links = [unescape(one) for one in re.findall(r'href="\./\?([^"]+)"', alone)]
    assert links == [served.query(tab, one) for tab, one in ASKED]
    assert "<img" not in alone and [unescape(one) for one in re.findall(r'src="qr\?([^"]+)"', reached)] == links
    for _, question in ASKED:
        asks, said = served.told(question)
        assert unescape(alone).count(asks) == 1 and unescape(alone).count(said) == 2, "below it, and on the last sheet"
    assert all(not urlsplit(one).netloc for one in re.findall(r'(?:href|src)="([^"]+)"', reached))


def test_of_weights_that_were_not_measured_it_says_what_measures_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evidence.zoo, "weights_hash", lambda model: "0" * 64)
    for _, question in ASKED:
        asks, said = served.told(question)
        assert "{" not in asks and said.startswith("This was not measured") and question["where"][1:] in said


def test_without_a_network_its_questions_are_not_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zoo, "CARDS", {name: card for name, card in zoo.CARDS.items() if name != lessons.OBJECTS})
    assert 'id="inside"' not in served.page("") and 'id="paint"' in served.page("")
