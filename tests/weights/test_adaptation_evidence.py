"""What was measured of Restyle: half of the way, variety kept, a control that leads nowhere; words are its numbers."""

from __future__ import annotations

from statistics import median

import pytest

from core import evidence, zoo
from core.adaptation import load_adaptor
from core.evidence import file_hash
from demos.restyle.recipe import STYLES, adaptor_path
from weights.recipes.measure import adaptation as recipe

CARD = "portraits-stylegan2"


@pytest.fixture(scope="module")
def found() -> dict:
    told = evidence.recorded(CARD, "adaptation")
    assert told is not None and told["critic"] == file_hash(zoo.critic_path(CARD))
    return told


def kept(runs: dict) -> float:
    return median(run["diversity"]["features"] for run in runs.values())


@pytest.mark.parametrize("style", ["tinted", "old"])
def test_one_picture_leads_half_of_the_way_and_keeps_more_variety_than_all_weights(found, style):
    codes, full = found["found"][style][recipe.CODES], found["found"][style][recipe.FULL]
    assert recipe.left_of(codes)[2] < 0.5, "the upper end of the interval"
    assert kept(codes) > 0.7 and all(run["diversity"]["features"] > kept(full) for run in codes.values())


def test_a_face_as_it_is_leads_less_far_than_a_tinted_one(found):
    assert recipe.controls_hold(found["found"]) == []


def test_the_words_are_made_of_the_numbers(found):
    assert recipe.shown(found["found"]) == {name: found[name] for name in ("sentences", "tables")}
    assert set(found["found"]) == {*STYLES, recipe.PLAIN}
    assert all(len(run["left"]) == recipe.HELD_OUT for run in found["found"]["tinted"][recipe.CODES].values())


@pytest.mark.parametrize("style", STYLES)
def test_the_bundled_adaptor_is_of_these_weights(style):
    adaptor = load_adaptor(adaptor_path(CARD, style), weights=zoo.weights_hash(CARD))
    assert adaptor.scale.shape == (zoo.load(CARD).slots, zoo.load(CARD).dim)
