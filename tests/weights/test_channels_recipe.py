"""What is measured of channels on many pictures:
the arithmetic, the parts on a small network, and controls that refuse.
"""

from __future__ import annotations

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from core import evidence, zoo
from core.channels.awareness import chosen
from core.channels.editing import ChannelEdit, edited
from core.checkpoints import native
from core.generators.biggan import BigGAN
from core.truth.readers import Classifier, PartReader
from core.truth.worlds import objects
from demos.page.blocks import written
from weights.recipes.measure import channels, channels_words
from weights.recipes.measure.channels import Condition, Measurement

from .. import tiny

CARD, PICTURES = "small-objects", 6


@pytest.fixture(autouse=True)
def networks(tmp_path, monkeypatch):
    """A BigGAN of 16 pixels on the objects' classes, a classifier and a part reader, all of random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = BigGAN(
            resolution=16, channels=(16, 8, 8), z_dim=12, classes=len(objects.CLASSES), class_dim=6, attention=(8,)
        )
        classifier = Classifier(resolution=16, names=objects.CLASSES, widths=(8, 8), hidden=8)
        parts = PartReader(resolution=16, names=objects.PARTS, widths=(4, 8))
    native.save(tiny.spread(generator), tmp_path / f"{CARD}.safetensors")
    native.save(classifier, tmp_path / "objects-classes.safetensors")
    native.save(parts, tmp_path / "objects-parts.safetensors")
    card = zoo.ModelCard(CARD, CARD, f"{CARD}.safetensors", "objects", 16, classes=len(objects.CLASSES))
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    monkeypatch.setattr(zoo, "CARDS", {CARD: card})
    monkeypatch.setattr(channels, "RUNS", tmp_path / "runs")
    small = dict(WATCHED=2, SWITCHED=1, CUT=2, DRAWS=2, FEW_DRAWS=1, SHARES=(0.2, 0.5))
    for name, value in small.items():
        monkeypatch.setattr(channels, name, value)
    monkeypatch.setattr(channels_words, "BOOTSTRAP", 20)
    evidence._evidence.cache_clear()
    yield from tiny.one_thread()


def test_the_points_lost_are_the_paired_mean_and_its_normal_interval():
    random = np.random.default_rng(0)
    before, after = random.random((3, 40)) < 0.9, random.random((3, 40)) < 0.5
    classes = [dict(counts=dict(x=[int((b & ~a).sum()), int((a & ~b).sum())])) for b, a in zip(before, after)]
    lost = before.astype(float) - after
    middle, half = channels.drop(classes, "x", 40)
    assert middle == pytest.approx(100 * lost.mean())
    assert half == pytest.approx(196 * np.sqrt((lost.var(1) / 40).sum()) / 3)


def test_what_is_counted_is_what_the_classifier_says_of_each_picture_alone(monkeypatch):
    monkeypatch.setattr(channels, "halved", lambda device: nullcontext())  # to the bit, on any processor
    measurement, label = Measurement(CARD, pictures=PICTURES), 3
    off = chosen(measurement.scores(label), 0.5)
    found = channels.counted(measurement, label, [Condition("x", off), Condition("nothing", {})])
    without = edited(measurement.generator, [ChannelEdit(gate, mask, multiply=0.0) for gate, mask in off.items()])
    right = []
    for generator in (measurement.generator, without):
        row = []
        for i in range(PICTURES):
            z = generator.sample(1, channels.SEED + i)
            image = generator(generator.codes(z, psi=measurement.psi, label=label)).clamp(-1, 1)
            row.append(int(measurement.classifier(image).argmax(1)) == label)
        right.append(np.array(row))
    assert found["right"] == right[0].sum()
    assert found["counts"]["x"] == [int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())]
    assert found["counts"]["nothing"] == [0, 0]


def test_the_measures_agree_with_themselves_and_not_with_a_shuffled_order():
    values = torch.rand(16, generator=torch.Generator().manual_seed(0))
    low, high = channels_words.resampled(values, values**3)
    assert low == pytest.approx(1) and high == pytest.approx(1)
    low, high = channels_words.resampled(values, values[torch.randperm(16, generator=torch.Generator().manual_seed(1))])
    assert low < 0.5 and high - low > 0.3


def test_renders_judged_against_renders_are_at_the_floor_and_noise_is_not(monkeypatch):
    measurement = Measurement(CARD, pictures=PICTURES)
    factors = objects.sample(PICTURES, channels.RENDERS + PICTURES, spread=objects.SPREADS[zoo.card(CARD).spread])
    renders = objects.render(factors, torch.full((PICTURES,), 2), resolution=16).images
    monkeypatch.setattr(measurement, "drawn", lambda label, n: renders)
    found = channels.quality(measurement, 2)
    assert found["distance"] == pytest.approx(found["floor"], rel=1e-3, abs=1e-3)
    noise = torch.rand(renders.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    monkeypatch.setattr(measurement, "drawn", lambda label, n: noise)
    assert channels.quality(measurement, 2)["distance"] > 3 * found["distance"]


def test_all_of_it_becomes_tables_on_the_page_and_an_ended_run_goes_on(tmp_path, monkeypatch):
    found = channels.measure(CARD, pictures=2)
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / f"{CARD}-channels.json").write_text(json.dumps(found, allow_nan=False))
    html = written(CARD, "channels")
    assert html.count("<table") == len(found["tables"]) == 5
    assert all(len(row) == len(one["columns"]) for one in found["tables"] for row in one["rows"])
    assert {row[0] for row in found["tables"][4]["rows"]} == set(objects.CLASSES)
    monkeypatch.setattr(channels, "PARTS", dict.fromkeys(channels.PARTS, None))  # nothing is measured again
    assert channels.measure(CARD, pictures=2)["tables"] == found["tables"]


def test_words_are_written_anew_from_the_numbers_alone_and_only_for_these_weights(tmp_path, monkeypatch):
    found, path = channels.measure(CARD, pictures=2), tmp_path / "evidence.json"
    path.write_text(json.dumps(dict(found, sentences=[], tables=[])))
    monkeypatch.setattr(channels, "PARTS", dict.fromkeys(channels.PARTS, None))  # nothing is measured again
    again = channels.rewritten(CARD, path)
    assert again["sentences"] == found["sentences"] and again["tables"] == found["tables"]
    path.write_text(json.dumps(dict(found, weights_sha256="0" * 64)))
    with pytest.raises(ValueError, match="measure again"):
        channels.rewritten(CARD, path)


def test_controls_that_look_like_findings_are_refused():
    counts = {"least 0.2": [1, 0], "random 0.5 0": [40, 0]}
    whole = dict(parts=dict(ablated=[dict(right=90, counts=counts)] * 2), samples=dict(pictures=100))
    assert channels.controls_hold(whole) == []
    counts["least 0.2"] = [60, 0]
    assert "least aware" in channels.controls_hold(whole)[0]
    whole["parts"]["ablated"] = [dict(right=0, counts=counts)]
    assert "never recognised" in channels.controls_hold(whole)[0]


def test_without_a_classifier_it_says_what_is_missing(tmp_path):
    (tmp_path / "objects-classes.safetensors").unlink()
    with pytest.raises(ValueError, match="no classifier belongs to small-objects"):
        Measurement(CARD)
