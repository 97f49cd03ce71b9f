"""One judge for every network: the reader of its world, else exact picture statistics, both used in one way."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import Tensor, nn

from core import zoo
from core.truth import statistics
from core.truth.judge import GRADES, READER, STATISTICS, Judge, judge_of, mean_of
from core.truth.worlds import deviations, objects, portraits
from core.truth.worlds.base import Factor
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
FACTORS = tuple(Factor(name, f"the {name}", f"less {name}", f"more {name}") for name in ("red", "green", "blue"))


class Colours(nn.Module):
    """Reads the mean of every channel."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


def planted(spread: tuple[float, ...] | None = (1.0, 0.5, 0.25)) -> Judge:
    return Judge(READER, FACTORS, Colours(), None if spread is None else torch.tensor(spread).double())


def flat(*colours: float) -> Tensor:
    return torch.tensor(colours, dtype=torch.float64)[None, :, None, None].expand(1, 3, 4, 4).clone()


def stranger() -> zoo.ModelCard:
    return zoo.ModelCard("mine", "Mine", "mine.safetensors", None, 16)


def test_a_world_s_reader_judges_in_standard_deviations_over_the_training_pictures() -> None:
    card, reader = zoo.card("portraits-stylegan2"), Colours()
    judge = judge_of(card, reader)
    assert judge.grade == READER and judge.reader is reader and judge.things == "faces"
    assert judge.names == portraits.NAMES and judge.factors == tuple(portraits.FACTORS)
    assert torch.equal(judge.spread, deviations("portraits", "graded").double())
    assert judge.spread_over(torch.rand(9, len(judge.names))) is judge, "it keeps what it knows"


def test_without_a_reader_picture_statistics_judge_and_say_so() -> None:
    judge = judge_of(stranger())
    assert judge.grade == STATISTICS and "not what is in the picture" in GRADES[judge.grade]
    assert judge.names == statistics.NAMES and judge.spread is None and judge.things == "pictures"
    images = torch.rand(3, 3, 16, 16) * 2 - 1
    assert torch.equal(judge.read(images), statistics.read(images))
    own = judge.read(images)
    assert torch.allclose(judge.spread_over(own).spread, own.std(0))


def test_the_zoo_gives_every_card_its_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    assert zoo.load_judge("portraits-pggan").reader is zoo.load_reader("portraits")
    monkeypatch.setitem(zoo.CARDS, "mine", stranger())
    assert zoo.load_judge("mine").grade == STATISTICS and not zoo.has_reader("mine")


def test_factors_that_a_class_does_not_show_are_not_judged() -> None:
    card = zoo.card("objects-biggan")
    reader = zoo.load_reader("objects")
    for label, name in enumerate(objects.CLASSES):
        judge = judge_of(card, reader, label=label)
        hidden = {factor for factor, classes in objects.SHOWN_IN.items() if name not in classes}
        assert set(judge.names) == set(objects.NAMES) - hidden
        image = torch.rand(1, 3, 64, 64) * 2 - 1
        kept = [objects.NAMES.index(factor) for factor in judge.names]
        assert torch.equal(judge.read(image), reader(image)[:, kept])
        assert torch.equal(judge.spread, deviations("objects", card.spread).double()[kept])
    assert judge_of(card, reader).names == objects.NAMES


@pytest.mark.parametrize("judge", [planted(), judge_of(stranger())], ids=[READER, STATISTICS])
def test_every_judge_can_be_differentiated_and_sees_pictures_as_they_are_shown(judge: Judge) -> None:
    image = (1.5 * torch.tanh(tiny.normal(1, 3, 12, 12))).requires_grad_(True)
    readings = judge.read(image)
    assert torch.equal(readings, judge.read(image.clamp(-1, 1)))
    slope = torch.autograd.grad(readings.sum(), image)[0]
    outside = image.detach().abs() > 1
    assert slope[~outside].all() and not slope[outside].any()


def test_the_bundled_reader_s_gradient_is_a_central_difference() -> None:
    reader = copy.deepcopy(zoo.load_reader("portraits")).double()
    image = 0.5 * torch.tanh(nn.functional.interpolate(tiny.normal(1, 3, 8, 8), size=64, mode="bicubic"))
    judge = judge_of(zoo.card("portraits-stylegan2"), reader)
    image = image.requires_grad_(True)
    way = tiny.normal(*image.shape, seed=1)
    for factor in (0, 13):
        slope = float((torch.autograd.grad(judge.read(image)[0, factor], image)[0] * way).sum())
        ends = [float(judge.read(image.detach() + sign * 1e-6 * way)[0, factor]) for sign in (1, -1)]
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4)


def test_changes_are_counted_in_standard_deviations() -> None:
    before, after = flat(0, 0, 0), torch.cat([flat(0.1, 0.1, 0.1), flat(-0.2, 0, 5)])
    found = planted().change(before, after)
    assert torch.allclose(found, torch.tensor([[0.1, 0.2, 0.4], [-0.2, 0, 4]]).double(), atol=1e-6)
    assert found.dtype == torch.float64 and not found.requires_grad
    constant = planted((1.0, 0.0, 0.25)).change(before, after)
    assert not constant[:, 1].any() and torch.isfinite(constant).all()


def test_changes_without_a_spread_get_a_sentence() -> None:
    with pytest.raises(ValueError, match="spread_over first"):
        planted(None).change(flat(0, 0, 0), flat(1, 0, 0))
    with pytest.raises(ValueError, match="1 readings do not show how much a factor varies: read at least 2"):
        planted(None).spread_over(torch.zeros(1, 3))


def test_the_strongest_changes_come_first_in_words() -> None:
    change = torch.tensor([0.2, -1.5, 0.5])
    found = planted().strongest(change, 3, least=0.3)
    assert [(moved.factor.name, moved.sense) for moved in found] == [("green", "less green"), ("blue", "more blue")]
    assert [moved.change for moved in found] == [-1.5, 0.5]
    assert [moved.ends for moved in found] == [("more green", "less green"), ("less blue", "more blue")]
    assert len(planted().strongest(change, 1)) == 1


def test_a_judge_of_some_factors_reads_them_in_the_order_given() -> None:
    whole, image = planted(), flat(0.1, 0.2, 0.3)
    some = whole.only(("blue", "red"))
    assert some.names == ("blue", "red") and some.spread.tolist() == [0.25, 1.0]
    assert torch.equal(some.read(image), whole.read(image)[:, [2, 0]])
    assert some.only(("red",)).read(image).shape == (1, 1)
    assert dataclasses.replace(whole, spread=None).only(("red",)).spread is None
    with pytest.raises(ValueError, match="no factor 'purple': choose of red, green, blue"):
        whole.only(("purple",))


def test_a_reader_of_no_world_is_refused() -> None:
    with pytest.raises(ValueError, match="this network's world is not known"):
        judge_of(stranger(), Colours())


def test_knobs_are_fitted_to_the_mean_of_two_readers_and_judged_by_a_third() -> None:
    name, images = "portraits-stylegan2", torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        read = {which: zoo.load_reader("portraits", which)(images) for which in ("", "b", "c")}
        assert torch.allclose(zoo.load_fitted_judge(name).read(images), (read[""] + read["c"]) / 2)
        assert torch.equal(zoo.load_unfitted_judge(name).read(images), read["b"])
        assert not torch.allclose(read["b"], read["c"], atol=0.01)
    assert zoo.load_fitted_judge("objects-biggan").names == zoo.load_judge("objects-biggan").names
    with pytest.raises(ValueError, match="different factors"):
        mean_of(zoo.load_judge(name), zoo.load_judge("objects-biggan"))
