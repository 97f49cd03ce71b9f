"""The tab Look inside without a browser: what its numbers are, what it says where it cannot, and what is taken away."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace
from itertools import product
from urllib.parse import urlencode

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

import app
from commands.arrival.record import record
from core import classes as class_names
from core import evidence, zoo
from core.channels import effect
from core.channels.awareness import all_awareness, awareness, causal_effect, chosen, likeness, mean_activation
from core.channels.editing import ChannelEdit, edited
from core.images import to_uint8
from core.truth import likeness as kin
from core.truth import scores as ranks
from core.truth.readers import Classifier, PartReader
from core.truth.worlds import objects
from demos.inside import channel, experiments, tab
from demos.inside import recipe as looks
from demos.inside.recipe import Look
from demos.inside.tab import CELLS, TAB
from demos.page import arrival as arrivals
from demos.page import handlers as wiring
from demos.page import models, stage
from demos.page import tab as page
from demos.page.cells import Cell, Progress
from demos.page.words import signed
from serving import programs

from .. import tiny
from ..support import Event, Request, pixels, recorded_pixels
from .test_inside_recipe import DEEP, MODEL, PLAIN, small_networks


@pytest.fixture(autouse=True)
def networks(tmp_path, monkeypatch):
    small_networks(tmp_path, monkeypatch)
    for kept in (channel._untouched, channel._beside):
        kept.values.clear()
    arrivals.recorded.cache_clear()
    evidence._evidence.cache_clear()
    yield from tiny.one_thread()


def shown_of(look: Look, *, full: bool = False) -> dict:
    return page.answer(TAB, look, full=full)


def drawn(look: Look, edits=()) -> np.ndarray:
    """The independent truth: the whole network run with the edits, [R, R, 3] uint8."""
    generator = zoo.load(look.model).at(psi=look.psi)
    codes = generator.codes(generator.sample(1, look.seed), psi=look.psi, label=look.label)
    return to_uint8(edited(generator, list(edits))(codes))[0]


def rms(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.square(a.astype(float) - b.astype(float)).mean()))


def effect_on(look: Look) -> effect.Effect:
    return channel.tried(look, channel.changed(look))


LOOKS = [
    Look,
    lambda model: Look(model, label=1, gate=0, channel=2),
    lambda model: Look(model, seed=4, gate=3, channel=1, amount=2.5),
]


# --- one channel


@pytest.mark.parametrize("model, make", list(product((MODEL, DEEP), LOOKS)))
def test_the_page_shows_the_picture_before_and_with_exactly_this_channel_changed(model, make):
    look = make(model)
    shown = shown_of(look)
    edit = ChannelEdit(look.gate, look.channel, multiply=look.amount)
    assert np.abs(pixels(shown["before"]).astype(int) - drawn(look)).max() <= 1
    assert np.abs(pixels(shown["src"]).astype(int) - drawn(look, [edit])).max() <= 1
    assert shown["recipe"] == look.as_dict() and str(look.channel) in shown["alt"]


def test_strength_one_is_the_untouched_picture_to_the_bit_and_is_said_so():
    shown = shown_of(Look(MODEL, amount=1))
    assert np.array_equal(pixels(shown["src"]), pixels(shown["before"])) and "nothing changes" in shown["verdict"]
    off = shown_of(Look(MODEL, amount=0), full=True)["verdict"]
    assert shown_of(Look(MODEL, amount=1), full=True)["verdict"].endswith(off), "what switching it off would do"


def test_the_verdict_s_numbers_are_those_of_the_pictures_on_screen():
    look = Look(MODEL, gate=2)
    shown = shown_of(look, full=True)
    change, found = rms(pixels(shown["src"]), pixels(shown["before"])), effect_on(look)
    assert f"{found.levels:.1f} of 255" in shown["verdict"] and found.levels == pytest.approx(change, abs=0.6)
    numbers = effect.random_channels(looks.awareness_of(MODEL, 2).shape[1], seed=2)
    others = [
        rms(drawn(look, [ChannelEdit(look.gate, channel, multiply=0)]), drawn(look))
        for channel in numbers
        if channel != look.channel
    ][:8]
    assert f"({len(others)} random channels" in shown["verdict"]
    assert channel.beside(look, measure=False).levels == pytest.approx(np.median(others), abs=0.6)


@pytest.fixture
def reader(tmp_path, monkeypatch) -> PartReader:
    """As if a part reader belonged to the network: the left half of every picture is the handle."""

    class Halves(PartReader):
        def forward(self, images):
            side = images.shape[-1]
            left = (torch.arange(side) < side // 2).float().expand(len(images), *images.shape[-2:])
            return torch.stack([left, 1 - left], 1)

    found = Halves(resolution=16, names=("handle", "body"), widths=(4, 4, 4)).eval()
    monkeypatch.setitem(zoo.CARDS, MODEL, replace(zoo.CARDS[MODEL], world="objects"))
    (tmp_path / "objects-parts.safetensors").touch()
    monkeypatch.setattr(zoo, "load_part_reader", lambda world: found)
    return found


def test_with_a_part_reader_the_verdict_says_how_much_lies_on_which_part(reader):
    look = Look(MODEL)
    shown = shown_of(look, full=True)
    squares = np.square(pixels(shown["src"]).astype(float) - pixels(shown["before"])).sum(2)
    left, shares = squares[:, :8].sum() / squares.sum(), effect_on(look).parts
    assert shares["handle"] == pytest.approx(left, abs=0.03) and sum(shares.values()) == pytest.approx(1)
    name = effect.struck(shares, channel.beside(look, measure=False))
    assert (
        f"{100 * shares[name]:.0f} % of the change lies on the part \u201c{name}\u201d; random channels:"
        in shown["verdict"]
    )
    assert "part reader: " in last(experiments.cut(look))["verdict"]


def test_looks_for_the_arrival_are_those_whose_change_lies_on_the_part(reader, monkeypatch):
    from commands.arrival import inside as arrival_inside

    for name, value in dict(CLASS="class 1", SEEDS=range(2), LEAST=0.5).items():
        monkeypatch.setattr(arrival_inside, name, value)
    found = list(arrival_inside.fitting(MODEL))
    shares = [float(share) for share, _ in arrival_inside.candidates(MODEL)]
    assert len(shares) == len(found) and shares == sorted(shares, reverse=True)
    assert found and {look.label for _, look in found} == {1}
    for share, look in found[:5]:
        assert share == pytest.approx(effect_on(look).parts["handle"]) and effect_on(look).levels >= 0.5
    said = {tab.sentence(look) for _, look in found}
    assert all(one.endswith("Switch it off.") or one.startswith("Switch one channel") for one in said)
    look, seen = found[0][1], []
    monkeypatch.setattr(effect, "clear_part", lambda shares, random: "handle")
    for gone, verb in ((0.1, "shapes"), (0.9, "draws")):
        monkeypatch.setattr(effect, "lost", lambda part, left, gone=gone: seen.append((part, left)) or gone)
        assert f" {verb} the handle. " in tab.sentence(look)
    pictures = torch.cat([channel.before(look).picture, channel.changed(look)])
    assert torch.equal(torch.stack(seen[0]), reader.masks(pictures)[:, reader.names.index("handle")].bool())
    shown = channel.before(Look(MODEL, label=1)).picture
    monkeypatch.setattr(looks, "classifier_of", lambda model: "judge")
    monkeypatch.setattr(
        arrival_inside,
        "probabilities",
        lambda judge, picture: torch.tensor([[0.0, 1.0 - 0.1 * torch.equal(picture, shown), 0.0]]),
    )
    surely = {look.seed for _, look in arrival_inside.fitting(MODEL)}
    assert surely == {look.seed for _, look in found} - {0}, "a picture that is hardly of its class"
    monkeypatch.setattr(arrival_inside, "PART", "spout")
    assert list(arrival_inside.candidates(MODEL)) == []


def test_a_film_goes_from_off_through_as_it_is_to_three_times():
    look = Look(MODEL)
    film = stage.film_part(TAB.shown, look)
    sheet = pixels(film["src"]).astype(int)
    assert film["frames"] == 21 and sheet.shape == (16, 16 * 21, 3)
    assert np.abs(sheet[:, :16] - drawn(look, [ChannelEdit(look.gate, look.channel, multiply=0)])).max() <= 1
    assert np.abs(sheet[:, 16 * 20 :] - drawn(look, [ChannelEdit(look.gate, look.channel, multiply=3)])).max() <= 1


def test_dots_are_the_most_aware_channels_and_the_chosen_one_is_among_them():
    values = awareness(zoo.load(MODEL), 1, gate=2)
    least = int(values.argmin())
    for number in (-1, least):
        found = channel.dots(Look(MODEL, label=1, gate=2, channel=number))
        assert [dot["channel"] for dot in found][:8] == values.argsort(descending=True).tolist()[:12]
        assert any(dot["channel"] == Look(MODEL, label=1, gate=2, channel=number).channel for dot in found)


def test_the_activation_map_and_the_classes_that_use_a_channel_are_the_network_s():
    look = Look(MODEL, gate=1)
    assert "places are open" in channel.active_where(look)[1]
    html, values = channel.users(look), awareness(zoo.load(MODEL), gate=1)[:, look.channel]
    order = [f"class {i}" for i in values.argsort(descending=True).tolist()]
    assert sorted(order, key=html.index) == order and f"{float(values.max()):.3f}" in html


# --- few channels, crossing, likeness, cuts


def last(stream) -> dict:
    return list(stream)[-1]


def test_all_channels_kept_is_the_picture_and_fewer_is_not():
    look = Look(MODEL)
    scores = experiments.scores_of(look, look.label, range(looks.gate_count(look)))
    found = last(experiments.few(look))
    assert np.abs(pixels(found["whole"]).astype(int) - drawn(look)).max() <= 1
    assert [row["keep"] for row in found["rows"]] == sorted(row["keep"] for row in found["rows"])
    assert "no classifier" in found["verdict"]
    by_hand = [ChannelEdit(gate, ~mask, multiply=0) for gate, mask in chosen(scores, 0.5).items()]
    row = next(row for row in found["rows"] if row["keep"] == 50)
    assert np.abs(pixels(row["aware"]).astype(int) - drawn(look, by_hand)).max() <= 1
    kept = last(experiments.few(replace(look, keep=33)))
    assert 33 in [row["keep"] for row in kept["rows"]] and "33 % most aware" in kept["verdict"]


@pytest.fixture
def classifier(tmp_path, monkeypatch) -> Classifier:
    """As if a classifier belonged to the network:
    a picture is of the class that it is nearest to, in its mean colour.
    """
    generator = zoo.load(MODEL)
    means = torch.stack(
        [
            torch.stack(
                [generator(looks.codes_of(Look(MODEL, label=label, seed=seed)))[0].mean((1, 2)) for seed in range(8)]
            ).mean(0)
            for label in range(3)
        ]
    )

    class Nearest(Classifier):
        def forward(self, images):
            return -200 * torch.cdist(images.mean((2, 3)), means)

    found = Nearest(resolution=16, names=("class 0", "class 1", "class 2"), widths=(4, 4), hidden=4).eval()
    monkeypatch.setitem(zoo.CARDS, MODEL, replace(zoo.CARDS[MODEL], world="objects"))
    (tmp_path / "objects-classes.safetensors").touch()
    monkeypatch.setattr(zoo, "load_classifier", lambda world: found)
    return found


def test_with_a_classifier_few_channels_and_crossings_say_what_it_takes_them_for(classifier):
    look = Look(MODEL, label=1, other=2, keep=50)

    def taken(pictures, label):
        images = torch.from_numpy(np.stack(pictures)).movedim(-1, 1).float() / 127.5 - 1
        return int((classifier(images).argmax(1) == label).sum())

    found = last(experiments.few(look))
    aware = chosen(experiments.scores_of(look, 1, range(looks.gate_count(look))), 0.5)
    by_hand = [ChannelEdit(gate, ~mask, multiply=0) for gate, mask in aware.items()]
    row = next(row for row in found["rows"] if row["keep"] == 50)
    seeds = [replace(look, seed=seed) for seed in range(4)]
    assert row["aware_taken"] == taken([drawn(one, by_hand) for one in seeds], 1) and 0 <= row["random_taken"] <= 12
    assert (
        f"takes {row['aware_taken']} of 4 for class 1 with the aware channels, {row['random_taken']} of 12 with "
        f"random ones, {taken([drawn(one) for one in seeds], 1)} of 4 with all"
    ) in found["verdict"]
    image = torch.from_numpy(drawn(seeds[0]))[None].movedim(-1, 1).float() / 127.5 - 1
    word, scores = found["word"], classifier(image).softmax(1)[0]
    assert word["name"] == f"class {int(scores.argmax())}"
    assert word["wanted"] == pytest.approx(float(scores[1]), abs=0.02)
    crossing = last(experiments.cross(look))["verdict"]
    end = taken([drawn(replace(one, label=2)) for one in seeds], 2)
    assert f"with all of them {end} of 4" in crossing and ("the classifier takes most" in crossing or end <= 2)
    assert "no classifier" not in found["verdict"] + crossing and "nearer" not in crossing


@pytest.mark.parametrize("other", [dict(names=("class 0", "class 2", "class 1")), dict(resolution=32)])
def test_a_classifier_of_other_classes_or_another_size_says_nothing(classifier, other, monkeypatch):
    """The negative control: with the right one there is an answer."""
    assert looks.classifier_of(MODEL) is classifier
    assert "no classifier" not in last(experiments.cross(Look(MODEL)))["verdict"]
    for name, value in other.items():
        monkeypatch.setattr(classifier, name, value)
    assert looks.classifier_of(MODEL) is None
    assert "no classifier" in last(experiments.cross(Look(MODEL)))["verdict"]
    assert last(experiments.few(Look(MODEL)))["rows"][0]["aware_taken"] is None
    assert last(experiments.few(Look(MODEL)))["word"] is None


@pytest.mark.parametrize("mix", looks.MIXES)
def test_crossing_begins_with_one_class_and_ends_with_the_other(mix):
    look = Look(MODEL, other=2, mix=mix)
    found = last(experiments.cross(look))
    sheet = pixels(found["src"]).astype(int)
    assert found["frames"] == 9 and found["names"] == ["class 0", "class 2"]
    assert np.abs(sheet[:, :16] - drawn(look)).max() <= 1
    assert np.abs(sheet[:, -16:] - drawn(replace(look, label=2))).max() <= 1
    assert np.array_equal(pixels(found["b"]), drawn(replace(look, label=2))) and "pixel by pixel" in found["verdict"]


def test_crossing_some_gates_alone_does_not_reach_the_other_class():
    found = last(experiments.cross(Look(MODEL, other=2, gates="late")))
    assert not np.array_equal(pixels(found["src"])[:, -16:], pixels(found["b"]))


def test_likeness_is_one_with_itself_and_follows_a_planted_twin(monkeypatch):
    found = likeness(zoo.load(MODEL))
    assert torch.allclose(found, found.T) and torch.allclose(found.diagonal(), torch.ones(3, dtype=found.dtype))
    twin = tiny.biggan()
    twin.embedding.data[2] = twin.embedding.data[0]
    monkeypatch.setattr(experiments, "opened", lambda model: twin)
    assert likeness(twin)[0, 2] > 0.999 > likeness(twin)[0, 1]
    assert last(experiments.alike(Look(MODEL)))["verdict"].startswith("Class 0 is most like class 2 (+1.00)")


def test_families_are_found_where_they_were_planted_and_not_where_they_were_not():
    names = objects.CLASSES
    family = torch.tensor(
        [next(k for k, members in enumerate(objects.FAMILIES.values()) if name in members) for name in names]
    )
    planted = (family[:, None] == family).double() + 0.1 * tiny.normal(16, 16)
    random = tiny.normal(16, 16, seed=1)
    values = [kin.kinship(found, objects.FAMILIES, names).p for found in (planted + planted.T, random + random.T)]
    assert "Families" in kin.likeness_sentence(planted, names, 0, "objects")
    assert "Families" not in kin.likeness_sentence(planted, [f"class {i}" for i in range(16)], 0, "objects")
    assert values[0] < 0.01 < 0.05 < values[1]


def test_a_cut_has_the_asked_pieces_of_every_picture():
    stream = list(experiments.cut(Look(MODEL, pieces=3)))
    assert all(isinstance(one, Progress) for one in stream[:-1]) and len(stream[-1]["rows"]) == 4
    colours = {tuple(pixel) for row in stream[-1]["rows"] for pixel in pixels(row["cut"]).reshape(-1, 3)}
    assert len(colours) == 3 and "adjusted Rand index" in stream[-1]["verdict"]
    assert "No part reader" in stream[-1]["verdict"]


# --- formula, observation, experiment


def test_ranks_agree_with_scipy():
    for seed in range(5):
        a, b = tiny.normal(40, seed=seed).round(), tiny.normal(40, seed=seed + 50)
        assert ranks.rank_correlation(a, a + b) == pytest.approx(stats.spearmanr(a, a + b).statistic, abs=1e-9)
    assert ranks.rank_correlation(a, torch.ones(40).double()) == 0


def test_the_three_measures_are_those_of_the_core():
    look = Look(MODEL, gate=2)
    found = last(experiments.compare(look))
    generator = zoo.load(MODEL)
    formula = awareness(generator, 0, gate=2)
    watched = last_values(mean_activation(generator, 0, gate=2, draws=16, psi=look.psi))
    effect = last_values(causal_effect(generator, 0, gate=2, draws=2, psi=look.psi))
    for values, row in ((watched, "with watching"), (effect, "with the experiment")):
        assert f"{row} {signed(ranks.rank_correlation(formula, values), 2)}" in found["verdict"]
    assert found["table"].count("<tr>") >= 9


def last_values(stream) -> torch.Tensor:
    return list(stream)[-1].values


def test_a_measurement_can_be_stopped_and_says_how_far_it_is():
    stream = experiments.compare(Look(MODEL))
    first = next(stream)
    stream.close()
    assert 0 < first.share < 1 and "of" in first.says


@pytest.mark.parametrize("pressed, ends", [("few", True), ("cut", False)])
def test_stop_ends_the_experiment_it_belongs_to_and_no_other(pressed, ends):
    def endless(_look):
        for i in range(200):
            threading.Event().wait(0.01)
            yield Progress(f"{i}")

    cell = Cell("few", "", "", "", endless, ("model",))
    news = page.watched("inside", Look, cell)(Look(MODEL).as_dict(), Event(), Request())
    assert next(news)["partial"]
    page.stopping("inside")(Event(kind=pressed), Request())
    *_, last_one = news
    assert last_one["ended"] is ends and last_one["partial"] is False


# --- what is said where it cannot be done


@pytest.mark.parametrize(
    "change",
    [
        dict(label="wombat"),
        dict(gate=99),
        dict(channel=10**6),
        dict(model=PLAIN),
        dict(model="nobody"),
        dict(pieces=1),
        dict(seed="x"),
        dict(unknown=1),
    ],
)
def test_bad_input_gets_a_sentence_and_no_picture(change):
    said, _ = page.live(TAB, {**Look(MODEL).as_dict(), **change})
    assert set(said) == {"error", "asked"} and said["error"][0].isupper()
    assert any(word in said["error"] for word in (":", "choose", "give"))
    streamed = page.watched("inside", Look, CELLS[0])({**Look(MODEL).as_dict(), **change}, Event(), Request())
    assert "error" in list(streamed)[0]


def test_without_a_network_with_classes_there_is_one_sentence_and_the_list(monkeypatch):
    monkeypatch.setattr(zoo, "CARDS", {PLAIN: zoo.CARDS[PLAIN]})
    assert page.arrival(TAB)["recipe"] == {}
    config = app.build().config
    needs = next(one for one in config["components"] if one["props"].get("elem_id") == "inside-needs")
    assert "--weights FILE" in needs["props"]["value"] and "size and licence" in needs["props"]["value"]
    said, _ = page.live(TAB, dict(tab="inside", version=1, model=PLAIN))
    assert said["error"].startswith("This network has no class-conditional")


def test_the_list_says_which_networks_have_classes():
    counts = {row["name"]: row["classes"] for row in models.listed()}
    assert counts[MODEL] == 3 and counts[PLAIN] == 0 and counts[class_names.IMAGENET] == 1000


def test_what_was_measured_is_shown_only_for_exactly_these_weights(tmp_path):
    truth = lambda: page.last_of(CELLS[-1], Look(MODEL))["html"]  # noqa: E731
    assert "Not measured yet" in truth()
    found = dict(
        sentences=["<b>one"],
        tables=[dict(caption="c", columns=["a", "b"], rows=[["r", 1]])],
        date="2026-11-21",
        command="python -m x",
    )
    (tmp_path / "evidence").mkdir()
    for sha256, there in (("0" * 64, False), (zoo.weights_hash(MODEL), True)):
        (tmp_path / "evidence" / f"{MODEL}-channels.json").write_text(json.dumps(dict(found, weights_sha256=sha256)))
        evidence._evidence.cache_clear()
        assert ("&lt;b&gt;one" in truth()) == there == ("Measured on 2026-11-21 with python -m x." in truth())


# --- the page


def test_building_the_tab_computes_nothing(monkeypatch):
    monkeypatch.setattr(zoo, "load", lambda name: pytest.fail("weights were opened"))
    assert page.arrival(TAB)["recipe"] == looks.Look.unread(MODEL, psi=zoo.card(MODEL).psi)
    app.build()


def test_a_link_opens_its_look_and_a_bad_one_says_a_sentence():
    look = Look(MODEL, label=1, gate=1, channel=2)
    opened = wiring.opening(Look)
    assert opened(Event(query=urlencode(look.to_query()))) == dict(recipe=look.as_dict(), notice="")
    refused = opened(Event(query="tab=inside&label=wombat"))
    assert "recipe" not in refused and "there is no class" in refused["error"].lower()


@pytest.mark.parametrize(
    "kind, start", [("picture", b"\x89PNG"), ("strip", b"\x89PNG"), ("clip", b"RIFF"), ("notebook", b"{")]
)
def test_what_is_taken_away_is_a_file_of_its_kind_and_says_whose_formulation_it_is(kind, start):
    look = Look(MODEL, label=1)
    data, name = page.file_for(TAB, look, kind)
    assert data.startswith(start) and "class1" in name
    if kind == "picture":
        picture = Image.open(io.BytesIO(data))
        assert looks.Look.from_json(picture.info["ganatomy"]) == look and "Our formulation" in picture.info["Copyright"]


def test_an_endpoint_answers_json_and_says_what_is_wrong_in_a_sentence():
    made = {name: programs.typed(make, Look) for name, (make, *_) in page.endpoints_of(TAB).items()}
    for call in made.values():
        assert json.loads(json.dumps(call(dict(model=MODEL))))
    with pytest.raises(gr.Error, match="there is no class"):
        made["inside_picture"](dict(model=MODEL, label="wombat"))


KEPT = {
    "inside_picture": "recipe before src active active_says verdict measured dots users caption alt named other used "
    "setup",
    "inside_keep": "rows whole word named says verdict html",
    "inside_hybrid": "a b src frames shares names says verdict",
    "inside_measures": "html verdict",
    "inside_code": "code",
}


@pytest.mark.parametrize("name", KEPT)
def test_endpoints_of_the_first_version_return_what_they_did(name):
    make, says, *_ = page.endpoints_of(TAB)[name]
    assert set(KEPT[name].split()) <= set(make(Look(MODEL))) and looks.FORMULATION in says


def test_the_recorded_arrival_is_shown_only_for_its_own_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(arrivals, "ARRIVAL", tmp_path / "arrival")
    look = Look(MODEL, label=1)
    record(TAB, look, arrivals.ARRIVAL, cells=["truth"])
    arrivals.recorded.cache_clear()
    shown = page.arrival(TAB)
    assert shown["recipe"] == look.as_dict()
    assert np.array_equal(recorded_pixels(tmp_path, shown["answer"]["src"]), pixels(shown_of(look)["src"]))
    assert shown["film"]["frames"] == 21 and shown["film"]["src"].startswith("arrival/inside-strip.webp?")
    assert "ChannelEdit" in shown["code"] and shown["sentence"] and "Not measured" in shown["cells"]["truth"]["html"]
    monkeypatch.setattr(zoo, "weights_hash", lambda name: "0" * 64)
    assert page.arrival(TAB)["answer"] == {}
    arrivals.recorded.cache_clear()


def test_the_closed_form_of_every_gate_is_a_matter_of_milliseconds():
    assert sum(part.numel() for part in all_awareness(zoo.load(DEEP))) == sum(
        looks.awareness_of(DEEP, gate).numel() for gate in range(len(zoo.load(DEEP).gates))
    )
