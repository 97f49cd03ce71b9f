"""The tab Restore without a browser:
what a search streams, who waits for whom, what is said, and what is taken away.
"""

from __future__ import annotations

import base64
import io
import json
import math
import re
import threading
import time
from dataclasses import replace
from urllib.parse import urlencode

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

import app
from core import evidence as measured
from core import own_pictures, threads, zoo
from core.codes import Directions, edit
from core.images import to_uint8
from core.inversion import baselines, restoration
from core.inversion.degradations import Shrink
from core.inversion.multicode import invert
from core.queue import QUEUE
from core.truth.worlds import portraits
from demos.page import handlers as wiring
from demos.page import tab as page
from demos.page.cells import stopping, watched
from demos.page.export import directions_file
from demos.page.fields import RecipeError
from demos.page.own import brought, cut_again, forgotten
from demos.page.sources import KnobSet, directions_of
from demos.page.tab import left
from demos.restore import answer, experiments, words
from demos.restore import five as fives
from demos.restore import recipe as recipes
from demos.restore import search as restoring
from demos.restore import tab as restore
from demos.restore import twin as twins
from demos.restore.code import code_for
from demos.restore.recipe import Restoration
from demos.restore.search import problem_of
from demos.restore.tab import TAB
from serving import programs
from weights.recipes.measure import restore_tables
from weights.recipes.measure.words import interval, minus

from ..support import MODEL, SIDE, Event, Request, last_html, pixels
from .test_restore_recipe import HINTS, searched


@pytest.fixture(autouse=True)
def nothing_runs_on(small_model):
    """No search runs before a test, none after it, and no method beside it is known."""
    answer._beside.values.clear()
    measured._evidence.cache_clear()
    assert QUEUE.line == []
    yield
    end = time.monotonic() + 5
    while QUEUE.line and time.monotonic() < end:
        time.sleep(0.01)
    assert QUEUE.line == [], "work goes on that nobody watches"


def wanted(**changes) -> Restoration:
    return Restoration(MODEL, **{"steps": 6, "codes": 3, **changes})


def said_of(given: dict) -> dict:
    """What the page is told of a recipe."""
    return page.live(TAB, given)[0]


def opened(**query: str) -> dict:
    return wiring.opening(Restoration)(Event(query=urlencode(query)))


def tiles(html: str) -> list[tuple[np.ndarray, str]]:
    """The pictures of a cell with their alternative texts."""
    return [(pixels(src), alt) for src, alt in re.findall(r'<img src="(data:[^"]*)" alt="([^"]*)"', html)]


def search(recipe: Restoration, visitor: str = "somebody") -> list[dict]:
    return list(restore.starting(recipe.as_dict(), Event(), Request(visitor)))


# --- a search


@pytest.mark.parametrize(
    "changes", [dict(), dict(task="colour", hints=HINTS), dict(task="fill"), dict(task="noise"), dict(task="copy")]
)
def test_a_search_shows_the_first_picture_at_once_and_ends_with_the_best(changes):
    recipe = wanted(**changes)
    news = search(recipe)
    assert news[0]["says"].startswith("Step 0 of 6") and pixels(news[0]["src"]).shape == (SIDE, SIDE, 3)
    done = news[-1]["done"]
    problem = problem_of(recipe)
    for step in invert(
        zoo.load(MODEL),
        problem.observed,
        layer=recipe.layer,
        n_codes=3,
        steps=6,
        loss=problem.loss,
        optimiser=recipe.optimiser,
    ):
        pass
    raw = step.picture.draw(step.picture.codes).detach().clamp(-1, 1)
    image = problem.degradation.agreeing(raw, problem.observed) if recipe.keep else raw
    assert np.abs(pixels(done["result"]["src"]).astype(int) - to_uint8(image)[0]).max() <= 1
    assert done["recipe"] == recipe.as_dict() and done["result"]["steps"] == 6 and not done["result"]["stopped"]
    curve = done["result"]["curve"]
    assert all(b <= a for a, b in zip(curve, curve[1:])) and len(done["result"]["importance"]) == 3
    assert sum(done["result"]["importance"]) == pytest.approx(1, abs=0.001)


def test_the_numbers_are_those_of_the_picture_on_screen():
    done = search(wanted(task="fill", keep=True))[-1]["done"]
    shown, true = (pixels(uri).astype(float) for uri in (done["result"]["src"], done["truth"]))
    error = ((shown - true) / 127.5) ** 2
    hole = (pixels(done["before"]) != pixels(done["truth"])).any(2)
    assert done["result"]["scores"]["psnr"] == pytest.approx(10 * np.log10(4 / error.mean()), abs=0.1)
    assert done["result"]["scores"]["inside"] == pytest.approx(10 * np.log10(4 / error[hole].mean()), abs=0.1)
    verdict = done["result"]["verdict"]
    assert f"{done['result']['scores']['inside']:.1f} dB" in verdict and "biharmonic" in verdict
    assert np.array_equal(shown[~hole], true[~hole]), "what was known is not back"


def test_a_film_shows_the_search_from_its_start_to_the_picture():
    done = search(wanted(task="copy", steps=30))[-1]["done"]
    steps = done["result"]["film_steps"]
    film = pixels(done["result"]["film"])
    assert steps[0] == 0 and steps == sorted(set(steps)) and film.shape == (SIDE, SIDE * len(steps), 3)
    assert np.array_equal(film[:, -SIDE:], pixels(done["result"]["src"]))


def test_what_was_found_is_shown_again_without_a_search(monkeypatch):
    recipe = wanted()
    search(recipe)
    monkeypatch.setattr(restoring, "stream", lambda *_: pytest.fail("it was searched again"))
    assert search(recipe)[-1]["done"]["result"] and said_of(recipe.as_dict())["result"]
    unkept = said_of(replace(recipe, keep=False).as_dict())["result"]
    assert not np.array_equal(pixels(unkept["src"]), pixels(said_of(recipe.as_dict())["result"]["src"]))


def test_before_a_search_there_is_no_result_and_bad_input_is_a_sentence():
    said = said_of(wanted().as_dict())
    assert said["result"] is None and said["before"] and said["truth"] and "error" not in said
    refused = said_of({**wanted().as_dict(), "codes": 99})
    assert set(refused) == {"error", "asked"} and refused["error"][0].isupper()
    assert "error" in list(restore.starting({"model": "nobody"}, Event(), Request()))[0]


# --- one at a time


def slowly(monkeypatch, seconds: float = 0.05) -> list[str]:
    """Every step takes a while; returns the pictures of the searches that began."""
    begun, plain = [], restoring.stream

    def stream(recipe, problem):
        begun.append(recipe.picture)
        for step in plain(recipe, problem):
            time.sleep(seconds)
            yield step

    monkeypatch.setattr(restoring, "stream", stream)
    return begun


def in_background(recipe: Restoration, visitor: str) -> tuple[threading.Thread, list[dict]]:
    news: list[dict] = []

    def watch():
        for one in restore.starting(recipe.as_dict(), Event(), Request(visitor)):
            news.append(one)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread, news


def until(condition) -> None:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_two_who_ask_for_the_same_share_one_search(monkeypatch):
    begun = slowly(monkeypatch)
    watchers = [in_background(wanted(steps=10), f"visitor {i}") for i in range(3)]
    for thread, _ in watchers:
        thread.join(20)
    assert begun == [0] and len({news[-1]["done"]["result"]["src"] for _, news in watchers}) == 1


def test_the_others_see_their_place_and_have_their_turn(monkeypatch):
    begun = slowly(monkeypatch)
    threads = []
    for i in range(3):
        threads.append(in_background(wanted(steps=12, picture=i), f"visitor {i}"))
        until(lambda i=i: len(QUEUE.line) == i + 1)
    for thread, _ in threads:
        thread.join(30)
    places = [[one["place"] for one in news if "place" in one] for _, news in threads]
    assert begun == [0, 1, 2] and places[0] == [] and places[1][0] == 1 and places[2][0] == 2 and places[2][-1] == 1
    assert "ahead of you" in next(one["says"] for one in threads[1][1] if "place" in one)
    assert all(news[-1]["done"]["result"] for _, news in threads)


def test_stop_keeps_the_best_within_a_second(monkeypatch):
    slowly(monkeypatch)
    recipe = wanted(steps=500)
    thread, news = in_background(recipe, "one")
    until(lambda: len(news) > 3)
    began = time.monotonic()
    stopping("restore")(Event(kind="search"), Request("one"))
    thread.join(5)
    result = news[-1]["done"]["result"]
    assert time.monotonic() - began < 1 and result["stopped"] and 0 < result["steps"] < 500
    assert "stopped" in result["verdict"]
    best = restoring.known(recipe)
    distance = problem_of(recipe).loss(problem_of(recipe).observed)
    assert float(distance(best.raw)) == pytest.approx(best.loss, rel=1e-3), "not the picture of the least loss"


def test_who_stops_leaves_the_others_watching(monkeypatch):
    slowly(monkeypatch)
    first, second = (in_background(wanted(steps=20), name) for name in ("one", "two"))
    until(lambda: len(first[1]) > 1 and len(second[1]) > 1)
    stopping("restore")(Event(kind="search"), Request("one"))
    for thread, _ in (first, second):
        thread.join(20)
    assert first[1][-1].get("ended") or first[1][-1]["done"]["result"]["steps"] == 20
    assert second[1][-1]["done"]["result"]["steps"] == 20


def test_a_closed_page_ends_the_work_and_deletes_the_picture(monkeypatch):
    slowly(monkeypatch)
    own = bring("one")
    thread, news = in_background(wanted(steps=500, task="copy", shows="upload", own=own["token"]), "one")
    until(lambda: len(news) > 1)
    began = time.monotonic()
    left(restore.TAB)(Request("one"))
    until(lambda: not QUEUE.line)
    assert time.monotonic() - began < 2 and not own_pictures.is_here(own["token"])
    thread.join(5)


def test_each_visitor_has_one_search_at_a_time(monkeypatch):
    slowly(monkeypatch)
    first, news = in_background(wanted(steps=500), "one")
    until(lambda: len(news) > 1)
    second, later = in_background(wanted(steps=5, picture=1), "one")
    first.join(5)
    second.join(10)
    assert not first.is_alive() and later[-1]["done"]["recipe"]["picture"] == 1


def five_in_background(recipe: Restoration, visitor: str) -> tuple[threading.Thread, list[dict]]:
    """Five answers asked for as the page asks."""
    news: list[dict] = []
    event = Event(first=0, recipe=recipe.as_dict())
    asking = watched("restore", Restoration, restore.CELLS[0])
    thread = threading.Thread(target=lambda: news.extend(asking({}, event, Request(visitor))))
    thread.start()
    return thread, news


def test_five_answers_wait_for_the_visitor_s_own_search_which_goes_on(monkeypatch):
    slowly(monkeypatch)
    first, news = in_background(wanted(steps=30), "one")
    until(lambda: len(news) > 1)
    second, later = five_in_background(wanted(steps=2, picture=1), "one")
    first.join(20)
    second.join(20)
    assert news[-1]["done"]["result"]["steps"] == 30 and not news[-1]["done"]["result"]["stopped"]
    waited = [one["says"] for one in later if "place" in one]
    assert waited and all(says.startswith("What you started before goes first.") for says in waited)
    assert not any("ahead of you" in says for says in waited), "one's own search is called somebody else"
    assert not any("html" in one for one in later if "place" in one), "what stood before goes before an answer is there"
    html, begun = later[-1]["html"], next(one["html"] for one in later if one.get("html"))
    assert set(re.findall(r"data-(?:sentence|lead)=.[^\"]*", begun)) == set(
        re.findall(r"data-(?:sentence|lead)=.[^\"]*", html)
    )
    assert len(re.findall(r'src="[^"]+" id="restore-face-\d"', html)) == 5 and not later[-1]["ended"]


def test_others_and_one_s_own_are_told_apart_in_the_queue(monkeypatch):
    slowly(monkeypatch)
    threads = []
    for i, visitor in enumerate(("other", "one")):
        threads.append(in_background(wanted(steps=10, picture=i), visitor))
        until(lambda i=i: len(QUEUE.line) == i + 1)
    third, news = five_in_background(wanted(steps=2, picture=2), "one")
    for thread, _ in (*threads, (third, news)):
        thread.join(30)
    assert news[0]["says"].startswith("What you started before goes first and 1 other is ahead of you.")


def test_a_search_that_is_being_replaced_is_nobody_ahead(monkeypatch):
    slowly(monkeypatch, 0.6)
    first, news = in_background(wanted(steps=500), "one")
    until(lambda: news)
    second, later = in_background(wanted(steps=1, picture=1), "one")
    for thread in (first, second):
        thread.join(20)
    waited = [one["says"] for one in later if "place" in one]
    assert waited and not any("ahead" in says or "before" in says for says in waited)
    assert waited[0].startswith("Your turn comes")


def test_stop_ends_the_one_kind_of_work_alone(monkeypatch):
    slowly(monkeypatch)
    first, news = in_background(wanted(steps=30), "one")
    until(lambda: len(news) > 1)
    second, later = five_in_background(wanted(steps=2, picture=1), "one")
    until(lambda: len(QUEUE.line) == 2)
    stopping("restore")(Event(kind="five"), Request("one"))
    second.join(5)
    assert not second.is_alive() and later[-1]["ended"] and "html" not in later[-1]
    first.join(20)
    assert news[-1]["done"]["result"]["steps"] == 30


def test_a_search_that_ends_without_a_picture_says_truly_why(monkeypatch):
    slowly(monkeypatch)
    first, news = in_background(wanted(steps=40), "one")
    until(lambda: len(news) > 1)
    waits, before = in_background(wanted(steps=5, picture=1), "two")
    shares, joined = in_background(wanted(steps=40), "three")
    until(lambda: before and joined)
    for visitor in ("two", "three"):
        stopping("restore")(Event(kind="search"), Request(visitor))
    for thread in (waits, shares):
        thread.join(5)
    assert before[-1] == dict(ended=True, says=recipes.SAYS["unbegun"], key="k")
    assert joined[-1] == dict(ended=True, says=recipes.SAYS["left"], key="k")
    first.join(20)
    assert news[-1]["done"]["result"]["steps"] == 40


def test_an_error_ends_in_a_sentence_and_the_next_one_has_its_turn(monkeypatch):
    def broken(recipe, problem):
        raise RecipeError("this cannot be done: choose something else")
        yield

    monkeypatch.setattr(restoring, "stream", broken)
    assert search(wanted())[-1]["error"].startswith("This cannot be done")
    monkeypatch.undo()


def test_too_much_for_the_memory_is_refused_before_it_begins(monkeypatch):
    monkeypatch.setattr(restoration, "MOST_PIXELS", 100)
    assert "do not fit into memory" in search(wanted())[-1]["error"]


# --- five answers


def test_five_answers_have_exactly_the_pixels_of_the_mosaic_and_raw_ones_have_not():
    recipe = wanted(amount=4)
    found = list(fives.five(recipe))[-1]
    small = (pixels(found["observed"]).astype(float)).reshape(4, 4, 3)
    means = np.stack([pixels(face).astype(float).reshape(4, 4, 4, 4, 3).mean((1, 3)) for face in found["faces"]])
    assert np.abs(means - small).max() <= 1.01 and found["apart"] <= 1
    assert "to within rounding: 1 of 255" in found["agreement"]
    assert found["verdict"] == " ".join(filter(None, (found["agreement"], found["disagreement"])))
    assert len(set(found["faces"])) == 5, "all starts end at one answer"
    raw = searched(replace(recipe, keep=False, start=0)).image
    assert (Shrink(4).expected(raw) - problem_of(recipe).observed).abs().max() * 127.5 > 1


def test_answers_that_differ_from_what_was_observed_are_not_said_to_agree():
    recipe = wanted(amount=4, kind="bicubic")
    found = list(fives.five(recipe))[-1]
    assert found["apart"] > 1 and f"by up to {found['apart']:.0f} of 255" in found["agreement"]
    assert "rounding" not in found["agreement"]
    assert "have the same" not in found["sentence"]


@pytest.mark.parametrize(
    "changes, sentence, label, flap",
    [
        (
            dict(amount=4),
            "Shrunk to 4 x 4 pixels, all five faces look the same. Which comes closest to the real one?",
            "4 x 4 pixels",
            True,
        ),
        (
            dict(amount=2, shows="objects"),
            "Shrunk to 8 x 8 pixels, all five pictures look the same. Which comes closest to the real one?",
            "8 x 8 pixels",
            True,
        ),
        (
            dict(task="colour"),
            "All five faces have the same grey. Which comes closest to the real one?",
            "Without colours",
            True,
        ),
        (
            dict(task="fill"),
            "All five faces are the same around the hole. Which comes closest to the real one?",
            "With a hole",
            True,
        ),
        (
            dict(task="noise"),
            "All five faces have the same known pixels. Which comes closest to the real one?",
            "Pixels lost",
            True,
        ),
        (
            dict(task="noise", kind="gaussian"),
            "Five faces for one noisy picture. Which comes closest to the real one?",
            "With noise",
            True,
        ),
        (dict(task="copy"), "Five copies of one picture. Which comes closest to it?", "The picture", False),
    ],
)
def test_the_words_over_five_answers_are_those_of_their_picture(changes, sentence, label, flap):
    recipe = wanted(**changes)
    found = fives.asked_of_five(recipe)
    assert (found["sentence"], found["label"], found["flap"]) == (sentence, label, flap)
    assert ("under the flap" in found["lead"]) == flap
    assert np.array_equal(pixels(found["observed"]), to_uint8(problem_of(recipe).observed)[0])


class PlantedReader:
    """Reads glasses where a picture is bright, a beard nowhere, and the same of everything else."""

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        readings = torch.full((len(images), len(portraits.NAMES)), 0.5)
        readings[:, portraits.NAMES.index("glasses")] = (images.mean((1, 2, 3)) > 0).float()
        readings[:, portraits.NAMES.index("beard")] = 0
        readings[:, portraits.NAMES.index("smile")] = images.mean((1, 2, 3))
        return readings


def test_what_answers_disagree_about_is_what_the_reader_sees_and_the_truth_is_the_render_s(monkeypatch):
    monkeypatch.setattr(measured, "has_reader", lambda model: True)
    monkeypatch.setattr(zoo, "load_reader", lambda world, which="": PlantedReader())
    images = torch.stack([torch.full((3, SIDE, SIDE), value) for value in (-0.5, -0.4, 0.4, 0.5, 0.6)])
    said = fives.disagreement(wanted(), images)
    wears = bool(portraits.sample(1, recipes.FIRST_PICTURE)[0, portraits.NAMES.index("glasses")] > 0)
    assert "glasses (3 of 5 wear them)" in said and "curve of the mouth" in said and "beard" not in said
    assert said.endswith(f"The real one {'wears' if wears else 'does not wear'} glasses.")
    assert "agree about everything" in fives.disagreement(wanted(), images[2:3].repeat(5, 1, 1, 1))


# --- layers, mugs, other tools, edits


def test_a_small_search_keeps_to_one_core_and_leaves_the_others_theirs(monkeypatch):
    recipe, seen, closed = wanted(optimiser="lbfgs"), [], []
    alone = [step.loss for step in restoring.stream(recipe, problem_of(recipe))]

    def watched(*given, **settings):
        try:
            for step in invert(*given, **settings):
                seen.append((threading.current_thread().name, torch.get_num_threads()))
                yield step
        finally:
            closed.append(threading.current_thread().name)

    monkeypatch.setattr(restoration, "invert", watched)
    threads._single_core.cache_clear()
    torch.set_num_threads(2)
    try:
        apart = [step.loss for step in restoring.stream(recipe, problem_of(recipe))]
        assert torch.get_num_threads() == 2 and apart == alone
        steps = restoring.stream(recipe, problem_of(recipe))
        next(steps), steps.close()
    finally:
        torch.set_num_threads(1)
    assert set(seen) == {("search_0", 1)} and closed == ["search_0"] * 2, "a search that was left goes on"
    monkeypatch.setattr(restoration, "SMALL", 1)
    list(restoring.stream(recipe, problem_of(recipe)))
    assert seen[-1][0] == threading.current_thread().name, "a large one takes the machine"


def test_every_layer_and_number_of_codes_is_tried_and_scored(monkeypatch):
    monkeypatch.setitem(experiments.QUICK, "steps", 10)
    pieces = list(experiments.layers(wanted(task="copy")))
    (true, _), *copies = tiles(last_html(iter(pieces)))
    assert len(copies) == len(experiments.layers_of(MODEL)) * len(experiments.GRID)
    assert copies[0][1].startswith("copy with 1 code, mixed the codes themselves:")
    for image, alt in copies:
        error = ((image.astype(float) - true) / 127.5) ** 2
        assert float(alt.split()[-2]) == pytest.approx(10 * np.log10(4 / error.mean()), abs=0.1)
    first = next(piece for piece in pieces if isinstance(piece, str))
    assert len(tiles(first)) == 2 and "closest of all" not in first and "closest of all" in pieces[-1]
    assert pieces.count(None) > len(copies), "nobody could end it between two pictures"


def test_mugs_are_asked_of_networks_that_saw_only_faces(monkeypatch):
    monkeypatch.setitem(experiments.QUICK, "steps", 3)
    html = last_html(experiments.mugs(wanted(task="copy")))
    shown = tiles(html)
    assert len(shown) == 2 * (1 + len(experiments.layers_of(MODEL)))
    assert "faces" in html and "2 mugs" in html
    given = [image for image, alt in shown if alt.endswith("that is copied")]
    assert len(given) == 2 and not np.array_equal(*given)
    card = zoo.CARDS[MODEL]
    monkeypatch.setitem(zoo.CARDS, MODEL, replace(card, world="objects"))
    with pytest.raises(RecipeError, match="faces alone"):
        list(experiments.mugs(Restoration(MODEL, "copy", shows="network")))


@pytest.mark.parametrize(
    "changes, names",
    [
        (dict(), ("bicubic", "Lanczos")),
        (dict(task="fill"), ("biharmonic",)),
        (dict(task="colour"), ("left grey",)),
        (dict(task="noise"), ("biharmonic",)),
        (dict(task="noise", kind="gaussian"), ("non-local means", "left as it is")),
    ],
)
def test_other_tools_stand_beside_ours_with_one_code(changes, names):
    html = last_html(experiments.compare(wanted(**changes)))
    assert "one code, best of 4 starts" in html and baselines.OURS in html and all(name in html for name in names)


def test_tools_are_those_of_their_libraries():
    recipe = wanted(amount=4)
    problem = problem_of(recipe)
    small = Image.fromarray(to_uint8(problem.observed)[0])
    for name, how in (("bicubic", Image.Resampling.BICUBIC), ("lanczos", Image.Resampling.LANCZOS)):
        made = to_uint8(baselines.without_gan(name, problem.degradation, problem.observed, SIDE))[0]
        assert np.array_equal(made, np.asarray(small.resize((SIDE, SIDE), how)))
    fill = wanted(task="fill")
    ramp = torch.linspace(-0.8, 0.6, SIDE).expand(1, 3, SIDE, SIDE)  # linear: harmonic, so biharmonic too
    problem = problem_of(fill)
    problem = problem._replace(truth=ramp, observed=problem.degradation.apply(ramp))
    filled = baselines.without_gan("biharmonic", problem.degradation, problem.observed, SIDE)
    assert torch.allclose(filled, ramp, atol=1e-4)
    assert not torch.allclose(problem.observed, ramp, atol=0.1)


def test_without_scikit_image_a_sentence_says_how_to_get_it(monkeypatch):
    import builtins

    plain = builtins.__import__

    def without_skimage(name, *rest):
        if name.startswith("skimage"):
            raise ImportError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_skimage)
    recipe = wanted(task="fill")
    with pytest.raises(RecipeError, match="pip install scikit-image"):
        experiments.tool_made("biharmonic", problem_of(recipe), SIDE)
    assert "biharmonic" not in search(recipe)[-1]["done"]["result"]["verdict"]


def test_all_codes_move_together_when_a_restored_picture_is_edited():
    recipe = wanted(task="copy")
    still = last_html(experiments.edited(recipe, {}))
    found = restoring.known(recipe)
    assert np.array_equal(tiles(still)[0][0], to_uint8(found.raw)[0]) and "All 3 codes moved together" in still
    turned = last_html(experiments.edited(recipe, {"knob-1": 2.0, "knob-2": -1.0}))
    directions, steps = directions_of(KnobSet(MODEL))
    moved = edit(found.picture.codes, directions, [2 * float(steps[0]), -float(steps[1])])
    with torch.no_grad():
        expected = to_uint8(found.picture.draw(moved).clamp(-1, 1))[0]
    image = tiles(turned)[0][0]
    assert np.abs(image.astype(int) - expected).max() <= 1 and not np.array_equal(image, tiles(still)[0][0])
    assert turned.count('type="range"') == experiments.KNOBS and 'name="knob-1"' in turned and 'value="-1"' in turned
    with pytest.raises(RecipeError, match="knob 1 cannot be"):
        last_html(experiments.edited(recipe, {"knob-1": 99.0}))


def own_word(folder) -> str:
    """A file with one direction that is called sunny."""
    vectors = torch.nn.functional.normalize(torch.arange(1.0, 17)[None].double() % 5, dim=1)
    found = Directions(vectors, torch.ones(1).double(), (0, 1, 2))
    (folder / "word.safetensors").write_bytes(directions_file(wanted(task="copy"), found, "directions", ["sunny"])[0])
    return str(folder / "word.safetensors")


def test_a_file_of_directions_edits_what_was_restored_and_goes_with_json_and_code(tmp_path, monkeypatch):
    plain = wanted(task="copy")
    recipe = restore.take_knobs(own_word(tmp_path), plain.as_dict())
    assert recipe.directions and restoring.key_of(recipe) == restoring.key_of(plain), "the answer is the same"
    assert Restoration.from_json(json.dumps(recipe.as_dict())) == recipe
    turned = replace(recipe, amounts=(2.0,))
    html = last_html(experiments.edited(turned, {}))
    assert html.count('type="range"') == 1 and "1 · sunny" in html and "Steer’s knobs again" in html
    found, (directions, steps) = restoring.known(recipe), directions_of(recipe.knob_set)
    assert directions.slots == (0, 1, 2)
    with torch.no_grad():
        moved = found.picture.draw(edit(found.picture.codes, directions, [2 * float(steps[0])])).clamp(-1, 1)
    assert np.abs(tiles(html)[0][0].astype(int) - to_uint8(moved)[0]).max() <= 1
    assert not np.array_equal(tiles(html)[0][0], tiles(last_html(experiments.edited(recipe, {})))[0][0])
    assert turned.shared() == plain and "its knobs" in turned.link_note() and not plain.link_note()
    monkeypatch.chdir(tmp_path)
    assert "edit(" not in code_for(recipe), "nothing is turned"
    exec(compile(code_for(turned), "<the page>", "exec"), {})
    assert np.abs(np.asarray(Image.open("edited.png")).astype(int) - to_uint8(moved)[0]).max() <= 1
    cells = json.loads(page.file_for(TAB, turned, "notebook")[0])["cells"]
    assert "load_directions('word.safetensors'" in "".join(cells[-1]["source"])
    with pytest.raises(RecipeError, match="not here"):
        last_html(experiments.edited(replace(turned, directions="0" * 64), {}))
    steered = replace(plain, amounts=(2.0,))
    assert "sefa(generator" in code_for(steered) and Restoration.from_query(steered.to_query()) == steered


def test_what_takes_long_waits_for_its_turn_and_can_be_stopped(monkeypatch):
    slowly(monkeypatch)
    run = watched("restore", Restoration, TAB.cells[1])
    stream = run(wanted(task="copy").as_dict(), Event(), Request("one"))
    first = next(stream)
    assert first["partial"] and first["key"] == "k"
    began = time.monotonic()
    stopping("restore")(Event(kind="layers"), Request("one"))
    assert list(stream)[-1]["ended"] and time.monotonic() - began < 1


# --- own pictures


def square() -> bytes:
    out = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((50, 50)).save(out, "PNG")
    return out.getvalue()


def bring(visitor: str) -> dict:
    uri = "data:image/png;base64," + base64.b64encode(square()).decode()
    return brought(Event(picture=uri), Request(visitor))


def test_an_own_picture_is_restored_and_never_written_nor_replaced(small_model):
    own = bring("one")
    recipe = wanted(task="copy", shows="upload", own=own["token"])
    done = search(recipe, "one")[-1]["done"]
    wished = np.asarray(Image.open(io.BytesIO(square())).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    assert np.array_equal(pixels(done["truth"]), wished) and own["token"] not in done["query"] and done["note"]
    with pytest.raises(RecipeError, match="never written"):
        TAB.file(recipe, "picture")
    assert not list((small_model / "served").rglob("*.png"))
    second = bring("one")
    assert second["token"] != own["token"] and "error" in said_of(recipe.as_dict()), "the first was not deleted"
    assert forgotten(Request("one")) == dict(forgotten=True) and not own_pictures._pictures.values


def test_an_own_picture_has_no_number_and_its_five_answers_say_whose_it_is():
    own = bring("one")
    recipe = wanted(shows="upload", own=own["token"], picture=7)
    said = [
        words.caption(recipe),
        last_html(experiments.compare(recipe)),
        TAB.file(recipe, "notebook")[1],
    ]
    assert not any("number 7" in one or "picture7" in one for one in said) and "your own picture" in said[1]
    assert "number 7" in words.caption(wanted(picture=7)), "the control"
    found = fives.asked_of_five(recipe)
    assert "all five pictures" in found["sentence"]
    assert found["lead"].endswith("Your own picture is under the flap.")
    damaged = fives.asked_of_five(replace(recipe, as_is=True))
    assert not damaged["flap"] and damaged["sentence"].endswith("Nobody knows which comes closest.")
    forgotten(Request("one"))


def test_a_portrait_network_offers_no_twin_of_a_picture_that_is_not_cropped(monkeypatch):
    own = bring("one")
    recipe = wanted(task="copy", shows="upload", own=own["token"])
    assert not own["framed"] and own["cut"] == [0, 0, 1]
    with pytest.raises(RecipeError, match="drag the frame over a face"):
        list(twins.twin(recipe))
    for wrong in ([0, 0], [0, 0, 0], [0, "x", 1], [math.nan, 0, 1], None, [9, 0, 1]):
        assert "drag the frame" in cut_again(Event(token=own["token"], shares=wrong))["error"], wrong
    cut = cut_again(Event(token=own["token"], shares=[0.2, 0.4, 0.5]))
    assert cut["framed"] and cut["cut"] == [0.2, 0.4, 0.5] and cut["token"] != own["token"]
    wished = Image.open(io.BytesIO(square())).crop((10, 20, 35, 45)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    recipe = replace(recipe, own=cut["token"])
    assert np.array_equal(to_uint8(problem_of(recipe).truth)[0], np.asarray(wished))
    assert "error" in cut_again(Event(token=own["token"], shares=[0, 0, 1])), "the old square is still here"
    *_, html = twins.twin(recipe)
    assert html.count("<img") == 2 and "knob-1" in html and "<details>" in html
    monkeypatch.setattr(twins, "nearest", None)  # from here on it is known
    *_, turned = twins.twin(recipe, 0, {"knob-1": 2.0})
    assert turned != html
    forgotten(Request("one"))
    with pytest.raises(RecipeError, match="no longer here"):
        list(twins.twin(recipe))


@pytest.mark.parametrize(
    "guess, says",
    [
        (None, "Closest pixel for pixel: answer 3, but it forgot the glasses. None of the five is real."),
        (2, "You chose the closest pixel for pixel, answer 3, but it forgot the glasses. None of the five is real."),
        (0, "You chose answer 1. Closest pixel for pixel: answer 3, but it forgot the glasses. "
            "None of the five is real."),
        (1, "You chose answer 2: it added the beard. Closest pixel for pixel: answer 3, but it forgot the glasses. "
            "None of the five is real."),
    ],
)  # fmt: skip
def test_the_closest_answer_is_told_with_what_it_got_wrong_and_numbers_behind_a_tap(guess, says):
    found = dict(closeness=[16.7, 15.7, 17.0, 16.8, 16.7], wrong=["", "added the beard", "forgot the glasses", "", ""])
    assert fives._says(found, guess) == f'data-says="{says}"'
    assert "but" not in fives._says(found | dict(wrong=[""] * 5)), "the control"
    assert fives._lifted(found) == "", "nothing is told while nobody knows the truth"
    lifted = fives._lifted(found | dict(truth="there", verdict="All agree."))
    assert lifted.index("recognise anybody") < lifted.index("<details>") < lifted.index("answer 3: 17.0 dB")


def test_what_is_no_picture_leaves_the_one_before():
    own = bring("one")
    assert "error" in brought(Event(picture="data:text/plain;base64,aGVsbG8="), Request("one"))
    assert own_pictures.is_here(own["token"])
    forgotten(Request("one"))


# --- what was measured


def planted(psnr: float = 24.0) -> dict:
    methods = {baselines.OURS: psnr, "one": 20.0, "bicubic": 21.5}
    task = dict(
        setting=dict(layer=2, codes=10),
        seconds=[2.0] * 4,
        another_truth=[10.0] * 4,
        methods={
            name: dict(psnr=[value - 1, value, value, value + 1], ssim=[0.5] * 4, features=[0.1] * 4)
            for name, value in methods.items()
        },
    )
    copy = dict(task, methods={name: task["methods"][name] for name in (baselines.OURS, "one")})
    return dict(
        weights_sha256=zoo.weights_hash(MODEL),
        command="python -m weights.recipes.measure.restore x",
        date="2026-01-01",
        seconds=60,
        samples=dict(renders=4, restarts=4),
        thirds=[[0, 1], [2], [3]],
        tasks={"enlarge x4": task, "copy": copy},
        mugs=dict(samples=4, codes=10, rows=[dict(layer=0, faces=[20.0], mugs=[18.0])]),
    )


def test_how_true_it_is_comes_from_the_evidence_of_exactly_these_weights(small_model):
    def truth() -> str:
        measured._evidence.cache_clear()
        return last_html(experiments.truth(wanted()))

    assert "not measured" in truth() and answer.meter(MODEL, 20.0, one=False) == ""
    folder = small_model / "evidence"
    folder.mkdir()
    path, found = folder / f"{MODEL}-restore.json", planted() | restore_tables.shown(planted())
    path.write_text(json.dumps(dict(found, weights_sha256="another")))
    assert "not measured" in truth()
    path.write_text(json.dumps(found))
    html = truth()
    for said in ("24.0 [23.0 to 25.0]", "+2.5 dB", "closer on 4 of 4", "light skin", "mugs", "on 2026-01-01"):
        assert said in html
    assert html.count('class="bars"') == 2, "the closeness of each task is drawn"
    far, near = (answer.meter(MODEL, value, one=False) for value in (12.0, 24.2))
    assert "far outside" in far and "within what it knows" in near and "3 of 4" in near


def test_one_code_is_not_called_codes():
    said = [
        words.caption(wanted(task="copy", codes=count, layer=layer))
        for count, layer in ((1, 0), (1, 2), (3, 0), (3, 2))
    ]
    assert "One code; compared" in said[0] and "One code, its channels weighted after 2 layers" in said[1]
    assert "3 codes, the codes themselves mixed" in said[2] and "3 codes, mixed after 2 layers" in said[3]


def test_numbers_below_zero_have_a_minus_sign_and_words_keep_their_hyphens():
    assert (
        minus("-1.5 dB [-2.0 to +0.3], back-projection, 4-pixel")
        == "\u22121.5 dB [\u22122.0 to +0.3], back-projection, 4-pixel"
    )


def test_the_interval_is_that_of_drawing_again():
    middle, low, high = interval([1.0, 2.0, 3.0, 4.0, 100.0])
    assert (middle, low) == (3.0, 1.0) and high == 100.0 and interval([5.0] * 9) == (5.0, 5.0, 5.0)


# --- the page


def test_files_hold_the_picture_and_a_recipe_that_opens(small_model):
    recipe = wanted(task="colour")
    data, name = TAB.file(recipe, "picture")
    picture = Image.open(io.BytesIO(data))
    assert Restoration.from_json(picture.info["ganatomy"]) == recipe and name == "colour-picture0.png"
    shown = said_of(recipe.as_dict())["result"]["src"]
    assert np.array_equal(np.asarray(picture.convert("RGB")), pixels(shown))
    strip, clip, book = (TAB.file(recipe, kind)[0] for kind in ("strip", "clip", "notebook"))
    assert Image.open(io.BytesIO(strip)).width > 3 * 256 - 1 and Image.open(io.BytesIO(clip)).n_frames > 2
    assert b"nbformat" in book


def test_the_page_has_the_tab_with_private_handlers_and_public_endpoints():
    page = app.build()
    names = {function.api_name: function.api_visibility for function in page.fns.values()}
    ours = {name: seen for name, seen in names.items() if isinstance(name, str) and name.startswith("restore_")}
    expected = {*restore.ENDPOINTS, *(f"restore_{cell.endpoint or cell.name}" for cell in restore.CELLS)}
    assert "restore_answers" in expected
    assert {name for name, seen in ours.items() if seen == "public"} == expected and len(ours) > 12


def test_building_the_page_opens_no_network(monkeypatch):
    for name in ("load", "load_critic", "load_reader", "load_part_reader"):
        monkeypatch.setattr(zoo, name, lambda *_: pytest.fail("a network was opened"))
    app.build()


def test_a_link_opens_its_recipe_and_a_broken_one_says_so():
    recipe = wanted(task="fill", picture=3)
    assert opened(**recipe.to_query()) == dict(recipe=recipe.as_dict(), notice="")
    assert opened(tab="restore", task="dream")["error"].startswith("The task cannot be")


def test_without_a_record_the_tab_begins_with_a_bare_recipe():
    shown = restore.arrival()
    assert shown["cells"] == {} and Restoration.from_json(shown["recipe"]) == Restoration(MODEL)


def test_what_programs_are_told_of_an_endpoint_says_once_what_a_recipe_is():
    said = [one.says for one in page.endpoints_of(TAB).values()]
    assert {one.count(TAB.for_programs) for one in said} == {1} and len(set(said)) == len(said)


def test_programs_get_json_and_a_sentence():
    found = programs.typed(restore.ENDPOINTS["restore_picture"][0], Restoration)(dict(wanted().as_dict()))
    assert found["result"]["scores"]["psnr"] > 0
    with pytest.raises(gr.Error, match="task cannot be"):
        programs.typed(restore.ENDPOINTS["restore_code"][0], Restoration)(dict(model=MODEL, task="dream"))
