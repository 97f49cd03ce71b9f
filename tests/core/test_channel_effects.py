"""What a channel does, in numbers and in a sentence: parts, random channels beside it, shares of channels, measures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import adjusted_rand_score

from core.channels import comparison, effect, shares
from core.channels.awareness import awareness, causal_effect, gate_sides, mean_activation
from core.channels.editing import hybrid
from core.channels.effect import Effect, Usual
from core.channels.gates import gate_groups, gate_range
from core.channels.segmentation import agreement, resampled
from core.truth.readers import taken_for, word_for

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """A grey picture of 8 pixels, and the same with its upper left quarter brighter and one pixel below darker."""
    before = torch.zeros(1, 3, 8, 8)
    after = before.clone()
    after[..., :4, :4] = 0.5
    after[..., 7, 7] = -0.4
    return after, before


def half(rows: slice) -> torch.Tensor:
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[rows] = True
    return mask


# --- one channel


def test_an_effect_lies_where_the_squares_of_the_change_are():
    after, before = pair()
    found = effect.effect_of(after, before, dict(upper=half(slice(4)), lower=half(slice(4, 8))))
    squares = np.square((after - before)[0].numpy())
    assert found.levels == pytest.approx(127.5 * np.sqrt(squares.mean()), rel=1e-6)
    assert found.parts["upper"] == pytest.approx(squares[:, :4].sum() / squares.sum())
    assert sum(found.parts.values()) == pytest.approx(1) and 0 < found.half <= 16 / 64


def test_where_nothing_changes_no_part_has_a_share():
    _, before = pair()
    found = effect.effect_of(before, before, dict(upper=half(slice(4))))
    assert found.levels == 0 and found.parts == {} and found.half != found.half
    assert "changes nothing" in effect.effect_sentence(found, 0, None)


def test_usual_is_the_median_of_other_channels_and_a_part_that_one_does_not_show_counts_as_zero():
    effects = {i: Effect(float(i), 0.1 * i, dict(handle=0.2) if i > 5 else {}) for i in range(9)}
    effects[3] = Effect(3.0, float("nan"), {})
    found = effect.usual(effects, channel=4)
    others = [one.levels for i, one in effects.items() if i != 4]
    assert found.count == 8 and found.levels == np.median(others)
    assert found.half == pytest.approx(np.median([0.1 * i for i in (0, 1, 2, 5, 6, 7, 8)]))
    assert found.parts == dict(handle=np.median([0, 0, 0, 0, 0, 0.2, 0.2, 0.2]))
    assert effect.usual({1: Effect(0.0, float("nan"), {})}, channel=0).half is None


def test_random_channels_are_those_of_the_seed_and_never_more_than_there_are():
    assert sorted(effect.random_channels(5, 0)) == [0, 1, 2, 3, 4] and len(effect.random_channels(99, 1)) == 9
    assert effect.random_channels(99, 1) == effect.random_channels(99, 1) != effect.random_channels(99, 2)


def test_the_part_that_stands_out_is_the_one_that_random_channels_miss():
    told, usually = dict(floor=0.6, handle=0.4), Usual(8, 1.0, None, dict(floor=0.7, handle=0.1))
    assert effect.struck(told, usually) == "handle" and effect.struck(told, None) == "floor"


def test_a_part_is_clear_with_half_of_the_change_and_twice_what_random_channels_do():
    def clear(share: float, random: float) -> str:
        return effect.clear_part(dict(handle=share, floor=1 - share), Usual(8, 1.0, None, dict(handle=random, floor=1)))

    assert clear(0.6, 0.2) == "handle" and clear(0.45, 0.1) == "" and clear(0.6, 0.31) == ""
    assert effect.clear_part({}, Usual(8, 1.0, None, {})) == ""


def test_a_part_is_lost_by_the_pixels_that_are_no_longer_taken_for_it():
    assert (
        effect.lost(half(slice(4)), half(slice(1, 8))) == pytest.approx(0.25) and effect.lost(half(slice(4)), None) == 1
    )


def test_the_sentence_has_the_number_its_baseline_and_the_count():
    found, random = Effect(12.34, 0.1, dict(handle=0.8)), Usual(8, 3.0, 0.4, dict(handle=0.2))
    said = effect.effect_sentence(found, 0, random)
    assert all(part in said for part in ("12.3 of 255", "8 random channels", "3.0", "80 %", "“handle”", "20 %"))
    assert said.startswith("Switching it off") and said.endswith("One picture.")
    alone = effect.effect_sentence(found._replace(parts={}), 2.5, None)
    assert "2.5 times" in alone and "random" not in alone and "10 % of the picture" in alone
    assert "nothing changes" in effect.effect_sentence(found, 1, random)


# --- gates


@pytest.mark.parametrize(
    "text, numbers", [("all", [0, 1, 2, 3, 4]), ("early", [0, 1]), ("late", [2, 3, 4]), ("2-4", [2, 3, 4]), ("3", [3])]
)
def test_gates_are_named_by_group_number_or_range(text, numbers):
    assert list(gate_range(text, 5)) == numbers


@pytest.mark.parametrize("text", ["", "5", "3-2", "1-9", "1-2-3", "x", "-1", "1.5", "²", "000001"])
def test_what_names_no_gates_means_none(text):
    assert gate_range(text, 5) is None


def test_one_gate_is_early_and_late():
    assert {name: list(group) for name, group in gate_groups(1).items()} == dict(all=[0], early=[0], late=[0])


def test_the_sides_of_gates_are_those_of_their_maps():
    generator = tiny.biggan()
    assert gate_sides(generator) == gate_sides(generator) and gate_sides(generator)[-1] == generator.resolution
    assert len(gate_sides(generator)) == len(generator.gates)


# --- shares of channels


def planted():
    generator = tiny.biggan()
    a, b = (generator.codes(generator.sample(2, 5), label=label) for label in (0, 2))
    scores = [
        {gate: awareness(generator, label, gate=gate) for gate in range(len(generator.gates))} for label in (0, 2)
    ]
    return generator, a, b, scores


def test_few_channels_are_beside_all_and_all_channels_are_the_picture():
    generator, a, _, (scores, _) = planted()
    rows = list(shares.few(generator, a, scores, [0.1, 0.6, 1.0], draws=3))
    whole = generator(a).clamp(-1, 1)
    for row in rows:
        assert torch.allclose(row.whole, whole, atol=1e-6) and row.random.shape == (6, *whole.shape[1:])
        rms = 127.5 * (row.aware - whole).square().mean((1, 2, 3)).sqrt()
        assert row.aware_off == pytest.approx(float(rms.mean()), abs=1e-4)
    assert rows[-1].aware_off == rows[-1].random_off == 0 < min(rows[0].aware_off, rows[0].random_off)


def test_crosses_lead_from_one_class_to_the_other():
    generator, a, b, (_, scores) = planted()
    rows = list(shares.crosses(generator, a, b, scores, [0.0, 0.5, 1.0], mix="parameters"))
    assert torch.allclose(rows[0].pictures, generator(a).clamp(-1, 1), atol=1e-6) and rows[0].nearer == 0
    assert torch.allclose(rows[2].pictures, generator(b).clamp(-1, 1), atol=1e-6) and rows[2].nearer == 2
    masks = shares.chosen(scores, 0.5)
    assert torch.allclose(rows[1].pictures, hybrid(generator, a, b, masks, mix="parameters").clamp(-1, 1), atol=1e-6)


def test_sentences_of_shares_say_the_share_next_to_the_wish_and_who_judged():
    rows = [
        dict(keep=q, aware_off=off, random_off=9.0, aware_taken=3, random_taken=5) for q, off in ((10, 8), (50, 10))
    ]
    judged = shares.few_sentence(rows, 45, "mug", pictures=4, draws=3, untouched=4)
    assert all(
        part in judged for part in ("50 % most aware", "10.0 of 255", "1 of 2 shares", "3 of 4", "5 of 12", "4 of 4 ")
    )
    assert "no classifier" in shares.few_sentence(rows, 45, "mug", pictures=1, draws=1, untouched=None)
    how = dict(gates=range(1, 4), mix="features", pictures=4)
    turned, names = {0.0: 0, 0.5: 3, 1.0: 4}, ("mug", "boat")
    assert "From 50 %" in shares.cross_sentence(turned, names, judged=True, **how)
    assert "nearer to boat than to mug" in shares.cross_sentence(turned, names, judged=False, **how)
    assert "Even with all channels" in shares.cross_sentence(dict.fromkeys(turned, 2), names, judged=True, **how)


# --- three measures


def test_the_comparison_is_of_the_three_measures_and_its_ranks_are_scipy_s():
    generator = tiny.biggan()
    *steps, last = comparison.compared(generator, 1, gate=1, seed=3)
    assert all(step.measures is None and 0 < step.share <= 1 and "of" in step.says for step in steps)
    *_, seen = mean_activation(generator, 1, gate=1, draws=16, seed=3)
    *_, tried = causal_effect(generator, 1, gate=1, draws=2, seed=3)
    found = last.measures
    assert torch.equal(found.formula, awareness(generator, 1, gate=1)) and torch.allclose(found.observed, seen.values)
    assert torch.allclose((found.effect / 127.5) ** 2, tried.values, atol=1e-12)
    for values, ranks in zip(found, found.ranks()):
        assert ranks == stats.rankdata(-values.numpy(), method="ordinal").tolist()
    said = comparison.comparison_sentence(found, "mug", "gate 1, 8 px")
    wanted = stats.spearmanr(found.formula, found.effect).statistic
    assert f"with the experiment {wanted:+.2f}".replace("-", "−") in said and "Gate 1, 8 px, mug" in said


# --- cuts and classifiers


def test_agreement_is_the_adjusted_rand_index_whatever_the_regions_are_called():
    a = torch.randint(0, 3, (2, 6, 6), generator=torch.Generator().manual_seed(0))
    b = torch.randint(0, 3, (2, 6, 6), generator=torch.Generator().manual_seed(1))
    assert agreement(a, (a + 1) % 3) == pytest.approx(1) and abs(agreement(a, b)) < 0.2
    assert agreement(a, b) == pytest.approx(adjusted_rand_score(a.flatten().numpy(), b.flatten().numpy()))


def test_resampled_labels_are_those_of_the_nearest_pixel():
    labels = torch.arange(16).reshape(1, 4, 4)
    assert torch.equal(resampled(labels, 2)[0], labels[0, ::2, ::2]) and torch.equal(resampled(labels, 4), labels)


def test_a_classifier_is_asked_for_its_word_and_none_says_nothing():
    class Brightness(torch.nn.Module):
        names = ("dark", "light")

        def forward(self, images):
            mean = images.mean((1, 2, 3))
            return torch.stack([-5 * mean, 5 * mean], 1)

    images = torch.tensor([0.5, -0.5, 0.2])[:, None, None, None].expand(3, 3, 4, 4)
    assert taken_for(Brightness(), images, 1) == 2 and taken_for(None, images, 1) is None
    said = word_for(Brightness(), images[:1], 0)
    assert said == dict(name="light", probability=round(1 / (1 + np.exp(-5)), 3), wanted=round(1 / (1 + np.exp(5)), 3))
    assert word_for(None, images[:1], 0) is None
