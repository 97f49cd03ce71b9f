"""Segmentation by k-means: planted regions come back where the aware channels speak louder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from core.channels.awareness import awareness
from core.channels.segmentation import cut_sentence, pixel_features, segment
from core.generators.biggan import Gate

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
SIDE, TELLING, STRIPED, NOISY = 16, 6, 30, 60


def agreement(a: Tensor, b: Tensor) -> float:
    return adjusted_rand_score(a.flatten().numpy(), b.flatten().numpy())


def planted_regions() -> Tensor:
    """[16, 16]: a disc (1) and a bar (2) on a ground (0)."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    regions = ((rows - 5) ** 2 + (columns - 5) ** 2 < 16).long()
    return torch.where(rows > 11, 2, regions)


def planted_gate() -> tuple[Gate, Tensor]:
    """A gate and the code of its class 0, which opens the telling channels; class 1 opens the striped ones."""
    channels = TELLING + STRIPED + NOISY
    gate = Gate(channels, 4, 0, eps=1e-5).requires_grad_(False)
    gate.weight.zero_()
    gate.weight[channels:, 0] = torch.tensor([2.0] * TELLING + [-0.5] * (STRIPED + NOISY)) / gate.scale
    gate.weight[channels:, 1] = torch.tensor([-0.5] * TELLING + [2.0] * STRIPED + [-0.5] * NOISY) / gate.scale
    return gate.eval(), torch.eye(4)


def planted_features(seed: int = 0) -> Tensor:
    """[1, channels, 16, 16]: each telling channel marks one region, the striped ones say the same again and again."""
    regions, columns = planted_regions(), torch.arange(SIDE).expand(SIDE, SIDE)
    telling = torch.stack([torch.where(regions == i % 3, 1.0, -0.5) for i in range(TELLING)])
    striped = torch.where(columns % 4 < 2, 2.0, -2.0).expand(STRIPED, SIDE, SIDE)
    noisy = tiny.normal(NOISY, SIDE, SIDE, seed=seed).float()
    clean = torch.cat([telling, striped, noisy])
    return (clean + 0.05 * tiny.normal(*clean.shape, seed=seed + 1).float())[None]


class OneGate(tiny.Planted):
    """The least that has awareness: a gate and the codes of its classes."""

    def __init__(self, gate: Gate, names: Tensor):
        super().__init__(torch.zeros(1, 4))
        self.gates, self.classes, self.names = (gate,), 2, names

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff: int | None = None, label=None) -> Tensor:
        return self.names[label][:, None]


def test_weighted_by_awareness_the_planted_regions_come_back() -> None:
    gate, names = planted_gate()
    maps, generator = gate(planted_features(), names[:1]), OneGate(gate, names)
    found = segment([maps], [awareness(generator, 0, gate=0)], k=3)
    assert agreement(found, planted_regions()) == 1
    unweighted = agreement(segment([maps], k=3), planted_regions())
    of_another = agreement(segment([maps], [awareness(generator, 1, gate=0)], k=3), planted_regions())
    assert unweighted < 0.5 and of_another < 0.5  # the controls


def test_with_equal_weights_it_is_plain_k_means() -> None:
    maps = planted_features()[:, :TELLING] + 0.4 * tiny.normal(2, TELLING, SIDE, SIDE).float()
    pixels = maps.permute(0, 2, 3, 1).reshape(-1, TELLING).numpy()
    expected = torch.as_tensor(KMeans(3, n_init=4, random_state=0).fit_predict(pixels))
    for weights in (None, [torch.full((TELLING,), 7.0)]):
        assert agreement(segment([maps], weights, k=3), expected) > 0.99
    uneven = torch.tensor([1.0, 0, 0, 0, 0, 0])
    assert agreement(segment([maps], [uneven], k=3), expected) < 0.9  # the control


def test_a_channel_without_weight_has_no_say() -> None:
    maps, weights = planted_features()[:, :TELLING], torch.tensor([1.0, 1, 0, 1, 0, 1])
    other = maps.clone()
    other[:, weights == 0] = tiny.normal(1, 2, SIDE, SIDE).float()
    assert torch.equal(segment([maps], [weights], k=3), segment([other], [weights], k=3))
    assert not torch.equal(pixel_features([maps]), pixel_features([other]))


def test_no_gate_outvotes_another_by_its_size() -> None:
    maps = [planted_features()[:, :TELLING], tiny.normal(1, 8, 4, 4).float()]
    features = pixel_features(maps, size=SIDE)
    shares = [part.square().sum(-1).mean() for part in features.split([TELLING, 8], -1)]
    assert [float(share) for share in shares] == pytest.approx([1, 1], rel=1e-4)
    assert features.shape == (1, SIDE, SIDE, TELLING + 8)
    louder = [maps[0], 1000 * maps[1] + 5]
    assert torch.allclose(pixel_features(louder, size=SIDE), features, atol=1e-3)
    silent = pixel_features([maps[0], torch.full((1, 2, 4, 4), 0.1)])
    assert not silent[..., TELLING:].any() and not silent.isnan().any()


def test_regions_are_numbered_by_size_and_alike_in_every_picture() -> None:
    shifted = planted_features(3).roll(3, 3)
    maps = torch.cat([planted_features(), shifted])[:, :TELLING]
    found = segment([maps], k=3)
    assert found.shape == (2, SIDE, SIDE) and found.dtype == torch.int64
    counts = found.flatten().bincount()
    assert counts.tolist() == sorted(counts.tolist(), reverse=True)
    planted = torch.stack([planted_regions(), planted_regions().roll(3, 1)])
    assert agreement(found, planted) == 1  # one numbering for both pictures


def test_the_same_seed_gives_the_same_regions_and_no_global_seed_is_touched() -> None:
    maps, random = [tiny.normal(1, 80, SIDE, SIDE).float()], np.random.get_state()[1].copy()
    torch_state = torch.get_rng_state()
    assert torch.equal(segment(maps, k=5, seed=1), segment(maps, k=5, seed=1))
    assert not torch.equal(segment(maps, k=5, seed=1), segment(maps, k=5, seed=2))
    assert (np.random.get_state()[1] == random).all() and torch.equal(torch.get_rng_state(), torch_state)


def test_small_maps_are_enlarged_to_the_size_asked_for() -> None:
    maps = [tiny.normal(2, 4, 4, 4).float(), tiny.normal(2, 3, 8, 8).float()]
    assert segment(maps, k=3).shape == (2, 8, 8) and segment(maps, k=2, size=20).shape == (2, 20, 20)
    flat = torch.nn.functional.interpolate(maps[0], size=8, mode="bilinear")
    enlarged = pixel_features(maps[:1], size=8).permute(0, 3, 1, 2)
    assert np.corrcoef(enlarged[0, 0].flatten(), flat[0, 0].flatten())[0, 1] > 1 - 1e-6


def test_the_sentence_on_cuts_gives_their_sizes_and_in_what_they_agree() -> None:
    truth = planted_regions()[None]
    other = torch.zeros_like(truth)
    other[..., : SIDE // 2] = 1
    sizes = ", ".join(f"{100 * (truth == i).double().mean():.0f}" for i in range(3))
    said = cut_sentence({"with": truth, "without": other}, "with", 3, truth)
    assert said.startswith(f"3 pieces of {sizes} % of 1 pictures, with awareness as weight.")
    apart = f"{agreement(truth, other):.2f}"
    assert f"without weights agree at {apart} (" in said and f"1.00 with weights, {apart} without." in said
    unread = cut_sentence({"with": truth, "without": other}, "without", 2, None)
    assert "2 pieces of 50, 50 %" in unread and "No part reader" in unread


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_a_picture_of_one_colour_has_one_region() -> None:
    assert not segment([torch.ones(1, 3, 8, 8)], k=3).any()


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda maps: segment(maps, k=1), "k = 1: a picture can be cut into 2 to 20 regions"),
        (lambda maps: segment(maps, k=1000), "k = 1000: .* 2 to 20"),
        (lambda maps: segment(maps, k=2.5), "2 to 20"),
        (lambda maps: segment(maps, [torch.ones(3)], k=3), "gates of .4. channels need as many weights"),
        (lambda maps: segment(maps, [torch.ones(4)] * 2, k=3), "need as many weights"),
        (lambda maps: segment([], k=3), "one gate or more"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(call: Callable, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        call([tiny.normal(1, 4, 8, 8).float()])
    assert "\n" not in str(error.value)
