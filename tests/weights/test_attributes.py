"""What was measured of knobs that labels give belongs to the bundled weights, and its controls can fail."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from core import zoo
from core.boundaries.files import load_labels
from core.boundaries.interfacegan import boundaries
from core.boundaries.pure import pure
from core.codes import Directions, codes_in_turn
from core.evidence import fitted_hash, reader_hash
from core.truth import scores
from demos.attributes.tab import first, knobs_of, measured, sentence
from tests import tiny
from weights.recipes.measure import attributes
from weights.recipes.measure.attributes_tables import Effect, fixed_table

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
CARD = "portraits-stylegan2"
PATH = zoo.WEIGHTS / "evidence" / f"{CARD}-attributes.json"


def effect(mean: torch.Tensor) -> Effect:
    """Of knobs that are named after factor 0, 1 ... and change factors by `mean` [k, factors] on each of 5 pictures."""
    changes = mean[:, None].repeat(1, 5, 1).double()
    return Effect(torch.arange(len(mean)), True, changes, changes, torch.zeros(len(mean)))


def test_own_change_share_and_naming_are_what_was_planted() -> None:
    one = effect(torch.tensor([[3.0, 1.0, 0.0], [0.0, -1.0, 1.0], [2.0, 1.0, 1.0]]))
    size, share = one.sizes()
    assert size.tolist() == [3, 1, 1] and share.tolist() == [0.75, 0.5, 0.25] and one.right == 2
    (low, high), _ = one.interval()
    assert low == high == 1, "pictures that agree leave nothing to chance"
    torn = Effect(one.own, True, torch.cat([one.changes, -one.changes[:, :1]], 1), one.fitted, one.pixels)
    assert torch.allclose(torn.agreeing, torch.tensor(5 / 6).double()) and torn.on(torch.arange(5)).agreeing.eq(1).all()
    (row,) = fixed_table({"held": torch.tensor([0.25, 0.25, 0.25])}, 3)["rows"]
    assert row == ["held", "4.0 [4.0 to 4.0]", "0.25 [0.25 to 0.25]"]


def test_a_control_that_looks_like_a_finding_is_named() -> None:
    pure_knobs, nothing = effect(torch.eye(27)), effect(torch.ones(27, 27))
    parted = boundaries(tiny.Planted(torch.ones(2, 4)), tiny.normal(200, 1, 4), tiny.normal(200, 1, seed=1), fit="svm")
    assert attributes.controls_hold({"pure, lam = 0": pure_knobs, "control: a": nothing}, {"svm": parted}) == []
    wrong = attributes.controls_hold({"pure, lam = 0": effect(torch.eye(27).roll(-1, 1)), "control: a": pure_knobs}, {})
    assert len(wrong) == 2 and wrong[1].startswith("control: a: 27 knobs move most what they are named after")
    codes = tiny.normal(200, 1, 4)
    found = boundaries(tiny.Planted(torch.ones(2, 4)), codes, codes[:, 0, :1], fit="svm")
    assert "of the held-out ends of shuffled labels" in attributes.controls_hold({}, {"svm": found})[0]


def test_the_evidence_is_of_the_bundled_weights_and_reader() -> None:
    found = json.loads(PATH.read_text(encoding="utf-8"))
    assert found["weights"] == zoo.weights_hash(CARD)
    readers = {name: found[name] for name in ("reader", "reader_b", "reader_c")}
    assert readers == {f"reader{which and '_' + which}": reader_hash(CARD, which) for which in ("", "b", "c")}
    for table in found["tables"]:
        assert all(len(row) == len(table["columns"]) for row in table["rows"]) and table["title"] and table["caption"]


def test_the_labels_beside_it_are_what_the_reader_reads_and_make_the_knobs() -> None:
    generator, judge = zoo.load(CARD), zoo.load_fitted_judge(CARD)
    labels = load_labels(PATH.with_suffix(".safetensors"), weights=zoo.weights_hash(CARD), judge=fitted_hash(CARD))
    assert labels.names == judge.names and PATH.with_suffix(".safetensors").stat().st_size < 2**20
    codes = codes_in_turn(generator, 8, labels.first_seed)
    assert torch.allclose(scores.read_codes(generator, judge.read, codes).double(), labels.readings[:8], atol=1e-4)
    knobs, at = pure(generator, labels.jacobian.over(judge.spread), lam=0.03), judge.names.index("shirt_colour")
    shirt = Directions(knobs.vectors[at : at + 1], knobs.scores[at : at + 1], knobs.slots)
    unseen = codes_in_turn(generator, 8, 1_200_000, psi=labels.psi)
    (change,) = scores.knob_changes_of(generator, judge.read, unseen, shirt, torch.tensor([1.0]), judge.spread)
    assert int(change.mean(0).abs().argmax()) == at and (change[:, at] > 0).all()


def test_the_page_says_of_a_knob_what_was_measured_and_only_of_that_knob() -> None:
    found, arrival = json.loads(PATH.read_text(encoding="utf-8")), first()
    told, own = measured(arrival), arrival.knob
    changes = torch.tensor(found["changes"][f"pure, lam = {arrival.lam:g}"][own])
    share = 100 * float(changes[own].abs() / changes.abs().sum())
    assert told.share(own) == pytest.approx(share) and told.pictures == 256
    assert f"That is {share:.0f} % of all that it changes" in sentence(arrival)
    assert "256 other faces" in knobs_of(arrival).verdicts[own]
    for other in (dict(lam=0.02), dict(fixed=("smile",)), dict(layers="0-3")):
        assert measured(replace(arrival, **other)) is None
        assert "of all that it changes" not in sentence(replace(arrival, **other))
    assert "the usual way" not in sentence(replace(arrival, fit="svm"))
