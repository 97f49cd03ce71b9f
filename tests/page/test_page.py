"""The page without a browser: what a recipe turns into, what bad input says, and how the events are wired."""

from __future__ import annotations

import json
import re
import threading
import warnings
from dataclasses import replace
from html import unescape
from operator import itemgetter
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from PIL import Image

import app
from commands.arrival.record import record
from core import evidence, zoo
from core.codes import Directions
from core.factorization.files import save_directions
from core.images import to_uint8
from core.truth.worlds.portraits import FACTORS
from demos.page import arrival as arrivals
from demos.page import blocks, sources, words
from demos.page import handlers as wiring
from demos.page import parts as notebook
from demos.page import tab as tabs
from demos.page import verdicts as measured
from demos.page.cells import run_of
from demos.page.export import recipe_from_png
from demos.page.fields import RecipeError
from demos.page.stage import film_part
from demos.page.tab import endpoints_of
from demos.paint.recipe import CORNER, Painted
from demos.steer import recipe as recipes
from demos.steer.recipe import Recipe
from demos.steer.tab import TAB
from demos.steer.wishes import find, stays, wished, wishes

from ..support import MODEL, Event, pixels, recorded_pixels

CELLS = {one.name: one for one in TAB.cells}
FIRST = ("picture", "strip", "all_knobs", "other_faces", "code", "measured", "find")  # of the first version
pytestmark = pytest.mark.usefixtures("small_model")


def moved(**changes) -> Recipe:
    return Recipe(MODEL, **{"seed": 5, "amounts": (1.5,), **changes})


def record_of(mean) -> dict:
    """What is measured of a knob, with narrow intervals around `mean`."""
    strongest = max(range(len(mean)), key=lambda i: abs(mean[i]))
    return dict(
        strongest=strongest,
        verdict="turns 31 of 100",
        purity=0.5,
        grade=measured.READER,
        pictures=64,
        same_sign=[1.0] * len(mean),
        mean=mean,
        low=[m - 0.1 for m in mean],
        high=[m + 0.1 for m in mean],
    )


def answer(given: dict) -> dict:
    """What the stage gets of a recipe as JSON."""
    return tabs.live(TAB, given)[0]


def knobs_of(recipe: Recipe) -> list[dict]:
    return measured.knobs_of(recipe).facts()


@pytest.fixture
def page():
    return app.build()


# --- a recipe in, a picture out


def test_the_answer_shows_the_recipe_s_own_pixels():
    recipe = moved()
    shown = answer(recipe.as_dict())
    assert np.array_equal(pixels(shown["src"]), to_uint8(recipes.render(recipe))[0])
    assert not np.array_equal(pixels(shown["src"]), pixels(shown["before"]))
    assert shown["recipe"] == recipe.as_dict()
    assert "picture number 5" in shown["alt"] and "+1.5" in shown["alt"]


def test_the_picture_before_is_the_untouched_one():
    assert answer(moved().as_dict())["before"] == answer(moved(amounts=()).as_dict())["src"]


def test_the_link_in_the_answer_opens_the_same_recipe():
    from urllib.parse import parse_qsl

    shown = answer(moved(layers="coarse", knob=2).as_dict())
    assert recipes.Recipe.from_query(dict(parse_qsl(shown["query"]))) == moved(layers="coarse", knob=2)


def test_a_strip_holds_21_frames_and_its_middle_is_the_untouched_picture():
    film = film_part(TAB.shown, moved())
    sheet = pixels(film["src"]).astype(int)
    side = sheet.shape[0]
    assert film["frames"] == 21 and sheet.shape[1] == 21 * side
    middle = to_uint8(recipes.render(moved(amounts=())))[0]
    assert np.abs(sheet[:, 10 * side : 11 * side] - middle).max() <= 1
    assert np.abs(sheet[:, :side] - middle).max() > 1


def test_all_knobs_and_other_faces_show_what_single_pictures_show():
    rows = last_of("grid", moved())["rows"]
    assert len(rows) == sources.KNOBS and {len(row) for row in rows} == {6}
    alone = to_uint8(recipes.render(recipes.turned(moved(amounts=()), 3, 2.0)))[0].astype(int)
    assert np.abs(pixels(rows[3][1]) - alone).max() <= 1
    shown = last_of("faces", moved(knob=3), 1)
    assert len(shown["rows"]) == 8 and shown["first"] == 8
    alone = to_uint8(recipes.render(Recipe(MODEL, seed=108)))[0].astype(int)
    assert np.abs(pixels(shown["rows"][0][1]) - alone).max() <= 1


def last_of(name: str, recipe: Recipe, page: int = 0) -> dict:
    """What a cell ends with."""
    one = CELLS[name]
    *_, last = run_of(one, recipe, page)
    return dict(last, html=one.html(recipe, last))


def test_cells_show_the_pictures_of_their_sheets_and_a_card_chooses_its_knob():
    recipe = moved(knob=3)
    html, rows = itemgetter("html", "rows")(last_of("grid", recipe))
    assert re.findall(r"<img src=\"(.*?)\"", html) == [picture for row in rows for picture in row]
    chosen = [json.loads(unescape(one)) for one in re.findall(r"data-set=\"(.*?)\"", html)]
    assert chosen == [dict(knob=i) for i in range(sources.KNOBS)]
    found = last_of("faces", recipe)
    html = found["html"]
    assert re.findall(r"<img src=\"(.*?)\"", html) == [picture for row in found["rows"] for picture in row]
    assert found["caption"] in html and "picture numbers 100 to 107" in html


# --- bad input: one sentence, and the state stays


@pytest.mark.parametrize(
    "change",
    [
        dict(seed="abc"),
        dict(seed=10**20),
        dict(seed=""),
        dict(model="nonsense"),
        dict(layers="0-99"),
        dict(amounts=["nan"]),
        dict(psi="much"),
        dict(version=7),
        dict(unknown=1),
    ],
)
def test_bad_input_gets_a_sentence_and_no_picture(change):
    said = answer({**moved().as_dict(), **change})
    assert "src" not in said and "recipe" not in said
    assert said["error"][0].isupper() and "Traceback" not in said["error"]
    assert any(word in said["error"] for word in (":", "choose", "give"))


def directions_file(folder, name="mine.npy", width=16):
    path = folder / name
    np.save(path, np.eye(width)[:3])
    return path


def test_a_file_of_directions_becomes_the_knobs(small_model):
    chosen = sources.take_directions(str(directions_file(small_model)), moved().as_dict())
    assert chosen.method == "file" and len(measured.knobs_of(chosen)) == 3
    turned = recipes.turned(chosen, 0, 2.0)
    assert answer(turned.as_dict())["src"] != answer(chosen.as_dict())["src"]
    assert "cannot hold" in answer(turned.as_dict())["note"]


def test_files_of_directions_that_do_not_fit_are_refused_with_a_sentence(small_model):
    other = Directions(torch.eye(16, dtype=torch.float64)[:2], torch.ones(2), (0, 1))
    save_directions(other, small_model / "other.safetensors", weights="0" * 64, model="another")
    (small_model / "broken.npy").write_bytes(b"not numpy")
    (small_model / "mine.txt").write_text("1 2 3")
    with open(small_model / "large.npy", "wb") as large:
        large.truncate(50 * 2**20)
    for name, says in (
        ("other.safetensors", "other weights"),
        ("broken.npy", "save the directions again"),
        ("mine.txt", "directions come as"),
        ("large.npy", "50 MB"),
        (directions_file(small_model, "wide.npy", 20).name, "this model needs"),
    ):
        with pytest.raises(RecipeError, match=says):
            sources.take_directions(str(small_model / name), moved().as_dict())
    assert not list((small_model / "uploads").glob("*")), "a refused file must not be kept"


def test_a_file_that_is_gone_is_asked_for_again():
    gone = Recipe(MODEL, method="file", directions="0" * 64, amounts=(1.0,))
    assert "choose the file again" in answer(gone.as_dict())["error"]


# --- what was measured


def test_unmeasured_knobs_say_so_and_claim_nothing():
    knobs = knobs_of(moved())
    assert {knob["title"] for knob in knobs} == {""}
    assert "not been measured" in knobs[0]["verdict"]
    with pytest.raises(RecipeError, match="not been measured"):
        find(moved(), "yaw")


def test_evidence_names_the_knobs_only_for_exactly_these_weights(small_model):
    names = [factor.name for factor in FACTORS]
    still = [0.0] * len(names)
    knobs = [record_of(still[: i % 4] + [1.2] + still[i % 4 + 1 :]) for i in range(sources.KNOBS)]
    (small_model / "evidence").mkdir()
    for sha256, titles in (("0" * 64, {""}), (zoo.weights_hash(MODEL), {factor.description for factor in FACTORS[:4]})):
        found = dict(
            weights_sha256=sha256,
            sets={"sefa-paper/all": dict(knobs=knobs)},
            baseline={"all": 0.05},
            samples=dict(faces=64),
            card="portraits-stylegan2",
        )
        (small_model / "evidence" / f"{MODEL}.json").write_text(json.dumps(found))
        evidence._evidence.cache_clear()
        assert {knob["title"] for knob in knobs_of(moved())} == titles
    evidence._evidence.cache_clear()


def planted(monkeypatch, **means) -> list[dict]:
    """Ten knobs that move everything by 0.1 a step, and for each factor's name (knob, mean) that knob by that much."""
    names = [factor.name for factor in FACTORS]
    knobs = [[0.1] * len(names) for _ in range(sources.KNOBS)]
    for name, (knob, mean) in means.items():
        knobs[knob][names.index(name)] = mean
    records = [record_of(mean) for mean in knobs]
    measured._measured.put(measured._key(moved()), records)
    return records


def test_find_chooses_the_knob_that_moves_the_wish_most(monkeypatch):
    planted(monkeypatch, smile=(6, -1.4))
    turned, said = find(moved(), "smile")
    assert turned.knob == 6 and turned.amounts[6] == -1.5 and "knob 7" in said and "1.4" in said
    with pytest.raises(RecipeError, match="choose one of the list"):
        find(moved(), "wings")


@pytest.mark.parametrize(
    "typed, factor, more",
    [("smile", "smile", True), ("Happy", "smile", True), ("looks sad", "smile", False), ("beard", "beard", True)]
    + [("beard+", "beard", True), ("blond", "hair_tone", True), ("has dark skin", "skin_tone", True)],
)
def test_everyday_words_find_what_they_mean_and_its_sense(monkeypatch, typed, factor, more):
    planted(monkeypatch, **{factor: (6, 1.4)})
    turned, said = find(moved(), typed)
    assert turned.knob == 6 and turned.amounts[6] == (1.5 if more else -1.5)
    with pytest.raises(RecipeError, match="such as smiles"):
        find(moved(), "smlies")


def test_every_wish_of_the_list_is_understood_as_what_it_says():
    for words_of, name in wishes(MODEL):
        assert wished(words_of, MODEL) == wished(name, MODEL) == (name[:-1], 1 if name.endswith("+") else -1)
    for words_of, name in stays(MODEL):
        assert wished(words_of, MODEL)[0] == wished(name, MODEL)[0] == name


def test_where_no_knob_is_clear_the_sentence_says_what_was_averaged_and_offers_the_nearest(monkeypatch):
    planted(monkeypatch, glasses=(1, -0.2995))
    turned, said = find(moved(), "glasses")
    assert said.startswith(
        "On average over 64 pictures, over both directions, no knob of these 10 clearly moves "
        "glasses and their size: knob 2"
    )
    assert "0.299 standard deviations a step; 0.3 would count" in said, "rounded to 0.30 it would contradict itself"
    assert turned == moved() and "Nothing was moved" in said


@pytest.mark.parametrize(
    "wish, but_not, why",
    [
        ("smile", "curve of the mouth", "smile cannot change and stay"),
        ("smile, unhappy", "", "more and less of one thing"),
        ("", "smile", "nothing is wished"),
        ("wings", "smile", "choose one of the list"),
        ("darker", "", "can mean darkness of the skin, or tone of the hair, or tone of the background: choose one"),
        ("looks left, looks right", "", "more and less of one thing"),
        ("smile", "wings", "choose one of the list"),
    ],
)
def test_wishes_that_contradict_each_other_get_a_sentence(monkeypatch, wish, but_not, why):
    planted(monkeypatch, smile=(6, 1.4))
    with pytest.raises(RecipeError, match=why):
        find(moved(), wish, but_not)


class OneSided(torch.nn.Module):
    """Reads glasses only where a picture is darker than it was: off one end of a knob, and not off the other."""

    def __init__(self, before: torch.Tensor, by: float):
        super().__init__()
        self.before, self.by = before.mean(), by

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        read = torch.zeros(len(images), len(FACTORS))
        at = [factor.name for factor in FACTORS].index("glasses")
        read[:, at] = self.by * (self.before - images.mean((1, 2, 3))).clamp(min=0)
        return read


@pytest.mark.parametrize("by, found", [(1e6, True), (0.0, False)])
def test_an_effect_at_one_end_is_found_there_and_none_is_not_claimed(monkeypatch, small_model, by, found):
    (small_model / "portraits-reader.safetensors").touch()
    planted(monkeypatch, glasses=(1, 0.2))
    recipe = moved()
    monkeypatch.setattr(
        zoo, "load_reader", lambda world, which="": OneSided(recipes.render(replace(recipe, amounts=())), by)
    )
    turned, said = find(recipe, "glasses")
    if not found:
        assert "Nor does one at \u22122 or +2 steps on this picture" in said
        assert turned == recipe and "Nothing was moved" in said and "Paint" in said
        return
    amount = turned.amounts[turned.knob]
    plain = replace(recipe, amounts=())
    means = {
        (knob, end): float(recipes.render_strip(replace(plain, knob=knob), [end]).mean())
        for knob in range(10)
        for end in (-2.0, 2.0)
    }
    assert min(means, key=means.get) == (turned.knob, amount), "the darkest end of all"
    assert f"knob {turned.knob + 1} at {words.signed(amount)} steps changes glasses and their size by" in said
    assert "of 8 other faces" in said


# --- the sentence over the tab, in every state


@pytest.mark.parametrize(
    "changes, says, never",
    [
        (dict(), ("ten knobs", "read off the network\u2019s weights", "nobody labelled"), "random"),
        (dict(layers="coarse"), ("the weights of the coarse layers",), "milliseconds"),
        (dict(layers="0-1"), ("the weights of layers 0-1",), "milliseconds"),
        (dict(mode="official"), ("as the published code does",), "milliseconds"),
        (dict(method="ganspace"), ("10,000 of the network\u2019s own codes", "nobody labelled"), "weights"),
        (dict(method="random"), ("drawn at random", "any method has to beat them"), "weights"),
        (dict(method="random", layers="coarse"), ("turn only in the coarse layers",), "weights"),
    ],
)
def test_the_first_sentence_says_where_the_knobs_on_screen_come_from(changes, says, never):
    recipe = moved(**changes)
    said, shown = recipes.came_from(recipe), answer(recipe.as_dict())
    assert all(one in said for one in says) and never not in said
    assert shown["caption"].endswith(f". {said}")
    over = "A neural network drew this face. Nobody told it what a face is."
    assert shown["sentence"] == (said if recipe.method == "random" else over)


def test_the_caption_is_a_sentence_as_under_every_picture():
    for recipe in (moved(), Recipe(MODEL)):
        said = tabs.answer(TAB, recipe)["caption"]
        assert said == f"P{recipes.alt_text(recipe)[1:]}. {recipes.came_from(recipe)}"
    recorded = json.loads((arrivals.ARRIVAL / "steer.json").read_text(encoding="utf-8"))["answer"]
    assert recorded["caption"].startswith("Portrait, ") and recorded["caption"].endswith("."), "on arrival too"


def test_the_first_sentence_knows_a_file_from_what_came_from_paint(small_model):
    mine = sources.take_directions(str(directions_file(small_model)), moved().as_dict())
    assert TAB.sentence(mine) == (
        "These three knobs were read from a file, one from each row: how they were made, this page does not know."
    )
    made = Painted(MODEL, seed=57, region=CORNER, method="resefa")
    link, reach = made.query(), zoo.card(MODEL).reach
    other_unit = (
        "number 57. A step in Steer is one standard deviation of w along the knob: the same turn may have another "
        f"number here, and none goes beyond {reach:g} steps."
    )
    one = Directions(torch.eye(16, dtype=torch.float64)[:1], torch.ones(1), (0, 1))
    for name, written, expected in (
        (
            "painted",
            link,
            f"This knob came from Paint: made by ReSeFa for the upper left corner of picture {other_unit}",
        ),
        ("spoilt", "tab=paint&region=<b>", "This knob was read from a file: how it was made, this page does not know."),
    ):
        save_directions(
            one, small_model / f"{name}.safetensors", weights=zoo.weights_hash(MODEL), model=MODEL, recipe=written
        )
        chosen = sources.take_directions(str(small_model / f"{name}.safetensors"), moved().as_dict())
        assert TAB.sentence(chosen) == expected


def test_knobs_stand_in_an_order_that_is_theirs():
    for method, order in (("sefa", "strongest first"), ("ganspace", "strongest first"), ("random", "in no order")):
        order_, knobs = measured.setup_of(moved(method=method))["order"], knobs_of(moved(method=method))
        assert order_ == order and (knobs[0]["strength"] > 0) == (order == "strongest first")


# --- what is taken away


@pytest.mark.parametrize(
    "kind, start", [("picture", b"\x89PNG"), ("strip", b"\x89PNG"), ("clip", b"RIFF"), ("notebook", b"{")]
)
def test_what_is_taken_away_is_a_file_of_its_kind(kind, start):
    data, name = tabs.file_for(TAB, moved(), kind)
    assert data.startswith(start) and "5" in name
    if kind == "picture":
        assert recipe_from_png(data) == moved()


def test_twelve_who_publish_the_same_picture_find_it_whole(small_model):
    data, broken = np.random.default_rng(0).bytes(300_000), []

    def ask():
        for _ in range(20):
            if open(notebook.publish(data, "picture.webp"), "rb").read() != data:
                broken.append(1)

    clients = [threading.Thread(target=ask) for _ in range(12)]
    [client.start() for client in clients]
    [client.join() for client in clients]
    assert not broken
    assert notebook.publish(data + b"x", "picture.webp") != notebook.publish(data, "picture.webp")


def test_a_sentence_of_a_table_is_escaped():
    html = blocks.bars([blocks.Bar("<b>", 1.0)], caption="<script>", value="v") + blocks.table(
        ["<i>"], [["<u>"]], caption="c"
    )
    assert not any(tag in html for tag in ("<b>", "<script>", "<i>", "<u>"))


# --- the page


def test_every_event_is_named_and_public_ones_are_explained(page):
    for event in page.config["dependencies"]:
        assert event["api_visibility"] in ("private", "undocumented") or event["api_description"], event["api_name"]
    public = {event["api_name"] for event in page.config["dependencies"] if event["api_visibility"] == "public"}
    assert {f"steer_{name}" for name in FIRST} <= public and public == {
        name for tab in app.TABS for name in endpoints_of(tab)
    }


def test_live_events_keep_the_last_position_and_never_cover_the_picture(page):
    live = [event for event in page.config["dependencies"] if event["api_name"] in ("steer_answer", "steer_film")]
    assert len(live) == 2
    for event in live:
        assert event["trigger_mode"] == "always_last" and event["show_progress"] == "hidden"
    functions = [fn for fn in page.fns.values() if fn.fn is not None and fn.queue]
    functions = [fn for fn in functions if getattr(fn.fn, "__name__", "") not in ("left", "gone")]  # of who is gone
    limits = {fn.concurrency_id: fn.concurrency_limit for fn in functions}
    visitors = {"live": 1, "long": 1, "fetch": 2, "watch": 24}
    assert limits == {**visitors, "programs": 1, "programs-slow": 1}, (
        "a download computes nothing; who watches a search neither"
    )


def test_the_page_is_small_and_its_folds_are_the_five(page):
    kinds = [component["type"] for component in page.config["components"] if component["type"] != "api"]
    assert len(kinds) <= 80 * len(app.TABS)
    assert kinds.count("slider") == 0, "sliders are the tab's own, guarded against touch"
    folds = [
        component["props"]["label"]
        for component in page.config["components"]
        if component["type"] == "accordion" and "-fold-" in component["props"]["elem_id"]
    ]
    assert folds == list(notebook.FOLDS.values()) * len(app.TABS)


def test_building_the_page_opens_no_weights(monkeypatch):
    def refuse(*_):
        raise AssertionError("weights were opened")

    monkeypatch.setattr(zoo, "load", refuse)
    app.build()


def test_without_any_model_the_page_says_what_to_do(monkeypatch):
    monkeypatch.setattr(zoo, "CARDS", {})
    shown = [component["props"].get("value") for component in app.build().config["components"]]
    assert any("weights/README.md" in str(value) for value in shown)


def test_a_link_opens_its_state_and_a_bad_one_opens_the_arrival_with_a_sentence():
    def opened(**query):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return wiring.opening(TAB.recipe)(Event(query=urlencode(query)))

    assert opened(seed="7", amounts="0,1.5", theme="dark")["recipe"]["seed"] == 7
    for query in ({"model": "nonsense"}, {"seed": "9" * 10_000}, {"seed": ""}, {"v": "nonsense"}):
        found = opened(**query)
        assert "recipe" not in found and len(found["error"].split()) > 5, query


def test_the_recorded_arrival_is_shown_only_for_its_own_weights(monkeypatch, tmp_path):
    recipe = moved()
    monkeypatch.setattr(arrivals, "ARRIVAL", tmp_path / "arrival")
    record(TAB, recipe, tmp_path / "arrival", cells=("grid", "faces"))
    arrivals.recorded.cache_clear()
    shown = tabs.arrival(TAB)
    assert shown["recipe"] == recipe.as_dict()
    assert np.array_equal(recorded_pixels(tmp_path, shown["answer"]["src"]), to_uint8(recipes.render(recipe))[0])
    tiles = re.findall(r"src=\"(arrival/[^\"]+)\"([^>]*)", shown["cells"]["grid"]["html"])
    assert all("lazy" in more for _, more in tiles), "they come when they are in sight"
    fresh = re.findall(r"data:image/webp[^\"]+", last_of("grid", recipe)["html"])
    assert len(tiles) == len(fresh) == 60 and all(
        np.array_equal(np.asarray(Image.open(tmp_path / file).convert("RGB")), pixels(other))
        for (file, _), other in zip(tiles[::7], fresh[::7])
    )
    monkeypatch.setattr(zoo, "weights_hash", lambda name: "0" * 64)
    assert tabs.arrival(TAB)["answer"] == {}
    arrivals.recorded.cache_clear()


def test_every_word_has_a_plain_side_and_a_term():
    for key, word in words.WORDS.items():
        assert word.plain and word.term and word.tip.endswith("."), key
    assert "psi" in words.label("psi")
    with pytest.raises(KeyError, match="no word"):
        words.word("wombat")


def test_an_answer_leaves_out_what_the_page_holds_and_nothing_else():
    shown = dict(setup=dict(knobs=[1, 2]), before="data:a", src="data:b", caption="A face.")
    first = tabs.news_of(shown, ())
    assert {name: first[name] for name in shown} == shown and set(first["digests"]) == {"setup", "before"}
    again = tabs.news_of(dict(shown, src="data:c", setup=dict(knobs=[1, 2])), list(first["digests"].values()))
    assert set(again) == {"src", "caption", "digests"} and again["digests"] == first["digests"]
    other = tabs.news_of(dict(shown, setup=dict(knobs=[2, 1])), list(first["digests"].values()))
    assert other["setup"] == dict(knobs=[2, 1]) and "before" not in other, "what changed comes"


def test_what_programs_need_is_no_part_of_the_page_that_visitors_wait_for():
    """Every endpoint's parameters are components: they lie on a page of their own, which the foot leads to."""
    config = app.build().get_config_file()
    kinds = {one["id"]: one["type"] for one in config["components"]}
    public = {one["id"]: one["api_name"] for one in config["dependencies"] if one["api_visibility"] == "public"}
    here, there = config["page"][""], config["page"][app.PROGRAMS]
    assert "api" not in {kinds[id_] for id_ in here["components"]} and not public.keys() & set(here["dependencies"])
    assert len(public) > 30 and public.keys() == set(there["dependencies"])
    assert sum(kinds[id_] == "api" for id_ in there["components"]) > 10 * len(public)
    told = [one["props"]["value"] for one in config["components"] if "foot" in str(one["props"].get("value", ""))]
    assert any(f'href="{app.PROGRAMS}"' in html for html in told)
