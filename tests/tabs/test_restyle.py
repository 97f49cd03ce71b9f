"""Restyle: one picture teaches a network, knobs and files are the styled network's, own pictures leave nothing."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from core import adaptation, cache, own_pictures, uploads, zoo
from core.adaptation import adapted, load_adaptor
from core.checkpoints import native
from core.codes import codes_in_turn
from core.factorization.sefa import sefa
from demos.page import export, pictures
from demos.page import tab as page
from demos.page.fields import RecipeError, recipe_of_link
from demos.page.picture import opened, own_codes, render
from demos.restyle import experiments, recipe
from demos.restyle import tab as restyle
from demos.restyle.recipe import Restyle, keep, made_of

from .. import tiny
from ..support import last_html
from .test_my_picture import own, pixels

MODEL = "portraits-stylegan2"
TAB = restyle.TAB
one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(experiments, "STEPS", 2)
    monkeypatch.setattr(experiments, "SCORED", 4)
    monkeypatch.setattr(adaptation, "SPREAD", 8)
    monkeypatch.setattr(adaptation, "CHECKED", 2)
    monkeypatch.setattr(recipe, "_learned", cache.Cache(2**24, recipe.finding.Kept.bytes))


def planted(one: Restyle, apart: float = 1.0) -> recipe.Made:
    """Something that was learned: other colours."""
    parts = adaptation.identity(opened(MODEL)).parts
    parts[0].mul_(1 + 0.3 * tiny.normal(*parts[0].shape, seed=1).float())
    parts[1][-3:] += 0.5 * tiny.normal(3, opened(MODEL).dim).float()
    return keep(one, adaptation.Adaptor(*parts), apart, 10)


def test_a_picture_that_was_not_taught_is_as_it_was_and_says_so():
    one = Restyle(MODEL, seed=5, face=3)
    shown = page.answer(TAB, one)
    assert shown["src"] == shown["before"] and "has not been taught yet" in shown["sentence"]
    assert len(shown["setup"]["knobs"]) == recipe.MOST and shown["live"] is None
    with pytest.raises(RecipeError, match="press “Teach it”"):
        restyle.file(one, "adaptor")
    with pytest.raises(RecipeError, match="press “Teach it”"):
        last_html(experiments.far(one))


def test_what_cannot_be_learned_is_not_said_to_be_taught():
    for style, says in (("tinted", "taught every face"), ("inverted", "hardly taught"), ("sketched", "hardly taught")):
        assert says in restyle.sentence(Restyle(MODEL, style=style))
    other = Restyle("portraits-pggan")
    assert "cannot be taught a style here" in restyle.sentence(other)
    assert "adaptors are for StyleGAN2" in restyle.setup(other)["untaught"].replace("Adaptors", "adaptors")
    for refused in (lambda: restyle.file(other, "network"), lambda: last_html(experiments.far(other))):
        with pytest.raises(RecipeError, match="adaptors are for StyleGAN2"):
            refused()


def test_the_sentence_says_how_much_of_a_style_was_learned_here(monkeypatch):
    one = Restyle(MODEL, seed=5, face=3)
    planted(one)
    for left, says in (
        (0.95, "hardly taught"),
        (0.7, "taught every face a part of this"),
        (0.4, "every face this style"),
    ):
        monkeypatch.setattr(experiments, "_left_here", lambda *given, left=left: left)
        assert says in restyle.sentence(one)


def test_what_is_left_of_the_way_is_that_of_the_network_that_draws():
    one = Restyle(MODEL, seed=5, face=3)
    planted(one)
    codes = codes_in_turn(opened(MODEL), experiments.SCORED, experiments.FIRST_SCORED, psi=zoo.card(MODEL).psi)
    plain, styled = opened(MODEL)(codes), made_of(one).network(codes)
    truth = adaptation.STYLES[one.style](plain.clamp(-1, 1))
    far = [((x.clamp(-1, 1) - truth) ** 2).mean((1, 2, 3)).sqrt().median() for x in (plain, styled)]
    assert experiments.share_left(one) == pytest.approx(float(far[1] / far[0]), rel=1e-4)


def test_an_own_picture_leaves_no_exact_style_to_choose():
    assert restyle.setup(Restyle(MODEL)) == dict(controls={}, untaught="")
    assert restyle.setup(Restyle(MODEL, own=own("somebody")))["controls"] == dict(style=None, face=None)
    own_pictures.forget_of("somebody")


def test_what_was_taught_draws_and_turns_by_its_own_knobs():
    one = Restyle(MODEL, seed=5, face=3, amounts=(2.0,))
    before, plain = page.answer(TAB, one), restyle.knobs_of(one)
    made = planted(one)
    shown = page.answer(TAB, one)
    assert shown["src"] != before["src"] and shown["before"] == before["before"]
    styled = restyle.knobs_of(one)
    found = sefa(made.network, k=recipe.MOST)
    assert torch.equal(styled.directions.vectors, found.vectors) and not torch.equal(
        plain.directions.vectors, found.vectors
    )
    moved = own_codes(one) + 2 * styled.steps[0] * found.vectors[0].float()
    drawn = (made.network(moved)[0].permute(1, 2, 0).clamp(-1, 1).numpy() + 1) * 127.5
    assert np.abs(pixels(shown["src"]) - drawn).max() <= 1.5
    assert recipe_of_link(one.to_query()) == one


def test_the_best_that_was_learned_is_kept():
    one = Restyle(MODEL, face=3)
    best = planted(one, 1.0)
    assert planted(one, 2.0) is best and made_of(one) is best
    assert planted(one, 0.5) is not best


def test_it_learns_while_one_watches_and_says_how_far_it_went():
    one = Restyle(MODEL, face=3, style="old")
    pieces = list(experiments.learn(one))
    html = [piece for piece in pieces if isinstance(piece, str)]
    assert "the one picture" in html[0] and html[0].count("<img") == 1 + experiments.OTHERS
    assert sum("steps" in piece for piece in html) == 2 and "% of the way to the exact style" in html[-1]
    assert made_of(one).adaptor is not None and made_of(one).steps in (0, 2)
    assert "the exact style" in last_html(experiments.far(one))


def test_a_search_that_is_stopped_keeps_the_best_so_far():
    one = Restyle(MODEL, face=4)
    search = experiments.learn(one)
    while made_of(one).adaptor is None:
        next(search)
    search.close()
    assert made_of(one).adaptor is not None


@pytest.mark.parametrize("amounts", [(), (0.0, 1.5)])
def test_the_code_on_the_page_makes_the_picture(amounts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = Restyle(MODEL, seed=5, face=3, amounts=amounts)
    planted(one)
    data, name = restyle.file(one, "adaptor")
    (tmp_path / name).write_bytes(data)
    exec(export.cell_of(one, TAB.code(one)), {})
    written = np.asarray(Image.open("picture.png").convert("RGB")).astype(int)
    assert np.abs(written - pixels(page.answer(TAB, one)["src"])).max() <= 1


def test_files_hold_the_adaptor_and_the_styled_network(tmp_path):
    one = Restyle(MODEL, face=3)
    made, codes = planted(one), own_codes(one)
    for kind in ("adaptor", "network"):
        data, name = restyle.file(one, kind)
        (tmp_path / name).write_bytes(data)
        assert len(data) < (16_000 if kind == "adaptor" else 8_000_000)
        if kind == "adaptor":
            again = adapted(opened(MODEL), load_adaptor(tmp_path / name, weights=zoo.weights_hash(MODEL)))
        else:
            again = native.read(tmp_path / name)
        assert torch.equal(again(codes), made.network(codes))


def test_the_styled_network_becomes_a_card_of_this_visitor_alone():
    one = Restyle(MODEL, seed=5, face=3)
    made = planted(one)
    event, request = SimpleNamespace(key="k"), SimpleNamespace(session_hash="somebody")
    told = experiments.used(one.as_dict(), event, request)
    card = told["recipe"]["model"]
    assert zoo.known(card) and uploads.owner_of(card) == "somebody" and told["key"] == "k"
    assert torch.equal(zoo.load(card)(own_codes(one)), made.network(own_codes(one)))
    uploads.leave("somebody")
    assert not zoo.known(card)
    assert "has not been taught" in experiments.used(Restyle(MODEL, face=9).as_dict(), event, request)["error"]


def test_an_own_picture_teaches_too_and_all_that_it_taught_goes_with_it():
    one = Restyle(MODEL, own=own("somebody"))
    assert (
        one.token not in one.query() and one.token not in str(export.facts_of(one)) and "own picture" in one.link_note()
    )
    assert TAB.private(one) == ("picture", one.token) and pictures.subject(Restyle(MODEL)) is None
    assert "it has no exact one" in [piece for piece in experiments.learn(one) if isinstance(piece, str)][-1]
    page.answer(TAB, one)
    kept = lambda: [key for each in cache._caches for key in list(each.values) if one.token in repr(key)]  # noqa: E731
    assert kept() and made_of(one).adaptor is not None
    own_pictures.forget_of("somebody")
    assert kept() == []
    with pytest.raises(RecipeError, match="no longer here"):
        made_of(one)


def test_bad_input_gets_a_sentence():
    for wrong, says in (
        (dict(style="cubist"), "the style cannot be"),
        (dict(face=-1), "the face that is taught cannot be"),
        (dict(own="own-7"), "your own picture cannot be"),
        (dict(own=f"own-{'0' * 32}"), "no longer here"),
    ):
        with pytest.raises(RecipeError, match=says):
            Restyle(MODEL, **wrong)
    with pytest.raises(RecipeError, match="adaptors are for StyleGAN2"):
        list(experiments.learn(Restyle("portraits-pggan")))


def test_the_arrival_s_style_is_bundled_for_these_weights():
    one = restyle.first()
    made = made_of(one)
    assert made.file and re.search(r"load_adaptor\(path", "\n".join(TAB.code(one).lines))
    plain = opened(MODEL)(own_codes(one))
    truth = adaptation.STYLES[one.style](plain)
    assert (render(one) - truth).square().mean() < 0.5 * (plain - truth).square().mean()


def test_the_notebook_of_an_unturned_picture_turns_a_knob_too():
    cells = json.loads(restyle.file(restyle.first(), "notebook")[0])["cells"]
    made, turned = ("".join(one["source"]) for one in cells if one["cell_type"] == "code" and "generator" in str(one))
    there: dict = {}
    exec(made, there)
    exec(turned, there)
    assert len(there["frames"]) == 7
