"""Channel awareness: the formula is an integral, and formula, observation and experiment find what was planted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.channels import awareness as module
from core.channels.awareness import (
    ablation,
    activations,
    all_awareness,
    awareness,
    awareness_over_draws,
    causal_effect,
    chosen,
    mean_activation,
    orientation,
    rectified_mean,
    rectified_variance,
    spread,
    strongest,
    total_awareness,
)
from core.generators.base import Generator, State
from core.generators.biggan import BigGAN, ClassConditional, Gate

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
TWINS = dict(biggan=tiny.biggan, flat=lambda: tiny.biggan(hierarchical=False), deep=tiny.biggan_deep)
GAINS_AND_BIASES = [
    (1.0, 0.0),
    (1.0, -2.0),
    (0.3, 1.5),
    (2.5, 0.7),
    (-1.2, -0.4),
    (-0.5, 2.0),
    (1e-3, -1.0),
    (0.0, 0.8),
]


@pytest.fixture(params=TWINS)
def generator(request) -> ClassConditional:
    return TWINS[request.param]()


def last(stream: Iterator) -> Tensor:
    *_, report = stream
    assert report.done == report.of
    return report.values


def rank_correlation(a: Tensor, b: Tensor) -> float:
    return scipy.stats.spearmanr(a.numpy(), b.numpy()).statistic


# Planted generators


class Source(nn.Module):
    """Noise [n, 8] -> features [n, channels, side, side]: every number is N(0, 1) over the noise."""

    def __init__(self, channels: int, side: int):
        super().__init__()
        self.shape = (channels, side, side)
        weight = F.normalize(tiny.normal(channels * side * side, 8, seed=1), dim=1)
        self.register_buffer("weight", weight.float())

    def forward(self, state: None, code: Tensor) -> State:
        return State((code[:, :8] @ self.weight.T).reshape(-1, *self.shape))


class Gated(nn.Module):
    def __init__(self, gate: Gate):
        super().__init__()
        self.gates = nn.ModuleList([gate])

    def forward(self, state: State, code: Tensor) -> State:
        return State(self.gates[0](state.x, code))


class PlantedParts(Generator):
    """One gate, each of whose channels draws one cell of the picture; biases [classes, channels] open them."""

    def __init__(self, biases: Tensor, *, rows: int, columns: int, side: int):
        super().__init__()
        self.classes, channels = biases.shape
        self.slots, self.dim, self.z_dim, self.resolution = 2, 16, 8, side
        gate = Gate(channels, 8, 1, eps=1e-5)
        gate.weight.data.zero_()
        gate.weight.data[channels:, : self.classes] = biases.T / gate.scale
        self.layers = nn.ModuleList([Source(channels, side), Gated(gate)])
        self.reads, self.gates = ((0,), (1,)), (gate,)
        cells = torch.eye(channels).reshape(channels, rows, columns)
        self.register_buffer("cells", cells.repeat_interleave(side // rows, 1).repeat_interleave(side // columns, 2))
        self.eval().requires_grad_(False)

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff: int | None = None, label=None) -> Tensor:
        named = F.one_hot(torch.as_tensor(0 if label is None else label), 8).float().expand(len(z), 8)
        return torch.cat([psi * z, named], 1)[:, None].repeat(1, 2, 1)

    def to_image(self, state: State) -> Tensor:
        return (0.1 * state.x * self.cells).sum(1, keepdim=True).repeat(1, 3, 1, 1)


BIASES = torch.tensor(
    [[-2.0, -1.0, 0.5, 3.0, -3.0, 0.0, 1.0, -9.0, 2.0], [1.0, 3.0, -2.0, -9.0, 2.0, -1.0, -3.0, 0.5, 0.0]]
)
HANDLE = 3  # the channel that class 0 opens most and class 1 keeps shut


def parts() -> PlantedParts:
    return PlantedParts(BIASES, rows=3, columns=3, side=12)


def planted_biggan() -> BigGAN:
    """Classes are unit vectors, and gates of channels 0 to 2 are known: see `plant`."""
    generator = tiny.stirred(lambda: BigGAN(resolution=16, channels=(16, 8, 8), z_dim=39, classes=3, class_dim=3), 0)
    generator.embedding.copy_(torch.eye(3))
    return generator


def plant(gate: Gate, channel: int, *, gain: Tensor, bias: Tensor) -> None:
    """gain and bias [16]: what the 13 numbers of noise, then the 3 classes, add to them; a gain begins with 1."""
    gate.weight[channel], gate.weight[channel + len(gate.weight) // 2] = gain / gate.scale, bias / gate.scale


def only(**numbers: float) -> Tensor:
    """[16]: zero but for `noise` (the first of them) and `class_0` to `class_2`; `classes`: all three."""
    found = torch.zeros(16)
    found[13:] = numbers.pop("classes", 0.0)
    for name, number in numbers.items():
        found[0 if name == "noise" else 13 + int(name[-1])] += number
    return found


# The formula


@pytest.mark.parametrize("gain, bias", GAINS_AND_BIASES)
def test_the_closed_form_is_the_integral(gain: float, bias: float) -> None:
    def moment(power: int) -> float:
        kink = [] if gain == 0 else [-bias / gain] if abs(bias / gain) < 12 else []
        return scipy.integrate.quad(
            lambda x: max(gain * x + bias, 0) ** power * scipy.stats.norm.pdf(x),
            -12,
            12,
            points=kink,
            epsabs=1e-12,
            limit=200,
        )[0]

    g, b = torch.tensor([gain], dtype=torch.float64), torch.tensor([bias], dtype=torch.float64)
    assert float(rectified_mean(g, b)) == pytest.approx(moment(1), abs=1e-9)
    assert float(rectified_variance(g, b)) == pytest.approx(moment(2) - moment(1) ** 2, abs=1e-9)


def test_the_closed_form_is_what_sampling_gives() -> None:
    x, off = tiny.normal(400_000), []
    for gain, bias in GAINS_AND_BIASES:
        sample = F.relu(gain * x + bias)
        g, b = torch.tensor(gain, dtype=torch.float64), torch.tensor(bias, dtype=torch.float64)
        error = 5 * float(sample.std()) / 400_000**0.5 + 1e-12
        assert abs(float(rectified_mean(g, b) - sample.mean())) < error
        off.append(abs(float(rectified_mean(1 + g, b) - sample.mean())) > error)  # the control: "+1" twice
    assert sum(off) >= len(off) - 1


def test_the_closed_form_keeps_its_laws() -> None:
    g, b = (2 * tiny.normal(2000, seed=seed) for seed in (0, 1))
    a = rectified_mean(g, b)
    assert (a >= b.clamp(min=0)).all()
    assert (rectified_mean(g, b + 0.1) > a - 1e-15).all() and (rectified_mean(g.abs() + 0.1, b) > a - 1e-15).all()
    assert torch.equal(rectified_mean(-g, b), a)
    assert torch.allclose(rectified_mean(3 * g, 3 * b), 3 * a, atol=1e-12)
    assert torch.allclose(a - rectified_mean(g, -b), b, atol=1e-12)  # relu(h) - relu(-h) = h
    assert torch.equal(rectified_mean(0 * g, b), b.clamp(min=0))
    assert rectified_mean(g.abs() + 0.1, -9 * (g.abs() + 0.1)).max() < 1e-6


def test_awareness_is_the_formula_at_the_gain_and_bias_of_the_class(generator: ClassConditional) -> None:
    embedding = generator.embedding.double().numpy()
    for number, gate in enumerate(generator.gates):
        weight = (gate.weight * gate.scale).double().numpy()[:, -embedding.shape[1] :]
        shift, bias = np.split(embedding @ weight.T, 2, axis=1)
        gain = abs(1 + shift)
        expected = gain * scipy.stats.norm.pdf(bias / gain) + bias * scipy.stats.norm.cdf(bias / gain)
        found = awareness(generator, gate=number)
        assert found.shape == (3, len(weight) // 2) and np.allclose(found, expected, atol=1e-6)
        t = bias / abs(shift)
        without_one = abs(shift) * scipy.stats.norm.pdf(t) + bias * scipy.stats.norm.cdf(t)
        assert not np.allclose(found, without_one, atol=0.01)  # the control: the gain without its 1
        assert torch.allclose(awareness(generator, 1, gate=number), found[1], atol=1e-12)


def test_all_gates_at_once_are_the_same_numbers_and_the_total_is_their_sum(generator: ClassConditional) -> None:
    found = all_awareness(generator)
    for number, means in enumerate(found):
        assert torch.equal(means, awareness(generator, gate=number))
    expected = [sum(float(means[row].mean()) for means in found) for row in range(3)]
    assert total_awareness(generator).tolist() == pytest.approx(expected)


def test_of_standard_normal_features_a_gate_lets_through_what_the_formula_says(generator: ClassConditional) -> None:
    codes = generator.codes(torch.zeros(1, generator.z_dim), label=2)
    for number, gate in enumerate(generator.gates):
        expected = awareness(generator, 2, gate=number)
        mean, deviation = (part[-1][:, None, None] for part in (gate.mean, (gate.var + gate.eps).sqrt()))
        x = tiny.normal(1, len(expected), 200, 200, seed=number).float()
        seen, moved = (gate(mean + deviation * values, codes[:, gate.slot]).mean((0, 2, 3)) for values in (x, x + 1))
        assert torch.allclose(seen.double(), expected, atol=0.05)
        assert not torch.allclose(moved.double(), expected, atol=0.2)  # the control: they are not normalised


def test_classes_of_one_embedding_have_one_awareness_and_embeddings_between_have_gains_between() -> None:
    generator = tiny.biggan()
    generator.embedding[1] = generator.embedding[0]
    found = awareness(generator, gate=1)
    assert torch.equal(found[0], found[1]) and not torch.allclose(found[0], found[2], atol=0.01)
    gate, codes = generator.gates[1], generator.codes(torch.zeros(3, generator.z_dim), label=[0, 2, 0])[:, 1]
    codes[2] = 0.25 * codes[0] + 0.75 * codes[1]
    for part in gate.gain_and_bias(codes):
        assert torch.allclose(part[2], 0.25 * part[0] + 0.75 * part[1], atol=1e-5)


def test_permuted_channels_have_permuted_awareness_and_the_same_picture() -> None:
    generator = tiny.biggan()
    codes = generator.codes(generator.sample(2, 0), label=1)
    before, found = generator(codes), awareness(generator, 1, gate=1)
    block, order = generator.layers[1], torch.tensor([3, 0, 7, 1, 6, 2, 5, 4])
    gate, (into, out) = block.gates[1], block.convs
    gate.weight.copy_(gate.weight[torch.cat([order, order + 8])])
    for tensor, axis in ((gate.mean, 1), (gate.var, 1), (into.weight, 0), (into.bias, 0)):
        tensor.copy_(tensor.index_select(axis, order))
    assert not torch.allclose(generator(codes), before, atol=1e-3)  # the control: the next layer reads the old order
    out.weight.copy_(out.weight[:, order])
    assert torch.allclose(generator(codes), before, atol=1e-5)
    assert torch.allclose(awareness(generator, 1, gate=1), found[order], atol=1e-12)


# Class and noise


def test_the_mean_over_draws_is_the_mean_of_the_formula(generator: ClassConditional) -> None:
    z = generator.sample(64, 0)
    for number in (0, len(generator.gates) - 1):
        gate = generator.gates[number]
        codes = generator.codes(z, label=1, psi=0.7)[:, gate.slot].double()
        expected = rectified_mean(*gate.gain_and_bias(codes)).mean(0)
        found = awareness_over_draws(generator, gate=number, psi=0.7)
        assert torch.allclose(found[1], expected, atol=1e-12)
        assert torch.allclose(awareness_over_draws(generator, 1, gate=number, psi=0.7), expected, atol=1e-12)
        noise_counts = generator.first_weight(gate.slot)[:, generator.movable].any()
        assert torch.allclose(found, awareness(generator, gate=number), atol=1e-12) != bool(noise_counts)


def test_class_part_and_latent_part_are_the_variance(generator: ClassConditional) -> None:
    gate, z = generator.gates[1], generator.sample(64, 0)
    values = torch.stack(
        [rectified_mean(*gate.gain_and_bias(generator.codes(z, label=row)[:, gate.slot].double())) for row in range(3)]
    )
    found = orientation(generator, gate=1)
    assert torch.allclose(found.class_part + found.latent_part, values.var((0, 1), unbiased=False), atol=1e-12)
    assert torch.allclose(found.class_part, values.mean(1).var(0, unbiased=False), atol=1e-12)
    assert ((found.class_share >= 0) & (found.class_share <= 1)).all()


def test_channels_of_the_class_and_of_the_noise_are_told_apart() -> None:
    generator = planted_biggan()
    gate, none = generator.gates[0], only()
    plant(gate, 0, gain=only(class_1=2.0), bias=only(class_2=1.0))
    plant(gate, 1, gain=none, bias=only(noise=1.0))
    plant(gate, 2, gain=none, bias=none)
    plant(gate, 3, gain=none, bias=only(noise=0.7, class_0=2.0))
    shares = orientation(generator, gate=0).class_share
    assert shares[0] == 1 and shares[1] == pytest.approx(0, abs=1e-12) and shares[2].isnan() and 0.3 < shares[3] < 0.9


def test_gates_that_read_no_noise_belong_to_the_class_alone() -> None:
    assert (orientation(TWINS["flat"](), gate=2).class_share == 1).all()
    assert (orientation(tiny.biggan(), gate=2).class_share < 1).all()


def test_the_spread_is_the_deviation_over_features_and_classes() -> None:
    generator, x = parts(), tiny.normal(200_000)
    sample = F.relu(x[None] + BIASES[:, HANDLE, None])
    assert float(spread(generator, gate=0)[HANDLE]) == pytest.approx(float(sample.std()), rel=0.01)


def test_dead_channels_have_no_awareness_and_do_nothing() -> None:
    generator = planted_biggan()
    plant(generator.gates[1], 0, gain=only(classes=-1.0), bias=only(classes=-0.5))
    plant(generator.gates[1], 1, gain=only(classes=-0.9), bias=only(classes=-3.0))  # -30 standard deviations
    assert (awareness(generator, gate=1)[:, 0] == 0).all() and awareness(generator, gate=1)[:, 1].max() < 1e-6
    found = last(causal_effect(generator, 1, gate=1))
    assert found[0] == 0 and found[1] == 0 and (found[2:] > 0).any()
    assert last(mean_activation(generator, 1, gate=1, draws=4))[0] == 0


# The observation


def test_activations_are_what_the_gates_return(generator: ClassConditional) -> None:
    codes, seen = generator.codes(generator.sample(2, 5), label=1), {}
    handles = [
        gate.register_forward_hook(lambda _m, _i, out, i=i: seen.update({i: out}))
        for i, gate in enumerate(generator.gates)
    ]
    generator(codes)
    for handle in handles:
        handle.remove()
    numbers = list(range(len(generator.gates)))[::-1]
    for number, maps in zip(numbers, activations(generator, codes, numbers), strict=True):
        assert torch.equal(maps, seen[number])


def test_the_observation_is_the_mean_over_pictures_and_pixels(generator: ClassConditional) -> None:
    how = dict(draws=12, seed=7, psi=0.8)
    for number in (0, len(generator.gates) - 1):
        codes = [generator.codes(generator.sample(12, 7), psi=0.8, label=row) for row in range(3)]
        expected = torch.stack(
            [activations(generator.at(psi=0.8), each, [number])[0].double().mean((0, 2, 3)) for each in codes]
        )
        reports = list(mean_activation(generator, gate=number, **how))
        assert torch.allclose(reports[-1].values, expected, atol=1e-6)
        assert reports[0].values[1:].isnan().all() and not reports[0].values[0].isnan().any()
        assert [report.done for report in reports] == sorted({report.done for report in reports})
        assert (reports[-1].done, reports[-1].of) == (36, 36)
        assert torch.allclose(last(mean_activation(generator, 1, gate=number, **how)), expected[1], atol=1e-6)


def test_where_features_are_standard_normal_formula_and_observation_agree() -> None:
    generator = parts()
    found = last(mean_activation(generator, gate=0, draws=400))
    assert torch.allclose(found, awareness(generator, gate=0), atol=0.06)
    generator.gates[0].mean.fill_(-2.0)  # the control: statistics of something else
    assert not torch.allclose(last(mean_activation(generator, gate=0, draws=400)), found, atol=0.5)


# The experiment


def test_the_effect_is_the_difference_between_two_whole_pictures(generator: ClassConditional) -> None:
    for number in range(len(generator.gates)):
        of, expected = generator.at(psi=0.6), []
        codes = [generator.codes(generator.sample(1, seed), psi=0.6, label=2) for seed in (3, 4)]
        for channel in range(of.gates[number].mean.shape[1]):
            off = torch.tensor([channel])
            handle = of.gates[number].register_forward_hook(lambda _m, _i, out: out.index_fill(1, off, 0))
            without = [of(code) for code in codes]
            handle.remove()
            expected.append(sum((a - of(b)).square().mean() for a, b in zip(without, codes)) / 2)
        found = last(causal_effect(generator, 2, gate=number, seed=3, psi=0.6))
        assert torch.allclose(found.float(), torch.stack(expected), rtol=1e-3, atol=1e-9) and found.max() > 1e-6


def test_the_planted_channel_is_found_by_the_formula_and_by_the_experiment() -> None:
    generator = parts()
    by_formula, by_effect = awareness(generator, 0, gate=0), last(causal_effect(generator, 0, gate=0, draws=8))
    assert strongest(by_formula, 1).tolist() == strongest(by_effect, 1).tolist() == [HANDLE]
    assert rank_correlation(by_formula, by_effect) > 0.95
    assert rank_correlation(awareness(generator, 1, gate=0), by_effect) < 0.5  # the control: another class
    assert last(causal_effect(generator, 1, gate=0, draws=8))[HANDLE] == 0


def test_a_measure_of_ones_own_sees_where_the_change_lies() -> None:
    generator = parts()
    inside = generator.cells[HANDLE].bool()

    def outside(pictures: Tensor, before: Tensor) -> Tensor:
        return (pictures - before).square().mean(1)[:, ~inside].sum(1)

    found = last(causal_effect(generator, 0, gate=0, compare=outside))
    assert found[HANDLE] == 0 and found[2] > 0 and found[6] > 0
    where = last(causal_effect(generator, 0, gate=0, compare=lambda p, b: (p - b).square().mean(1)[:, inside].sum(1)))
    assert where[HANDLE] > 0 and (where[torch.arange(9) != HANDLE] == 0).all()


def test_what_lies_before_the_gate_runs_once_for_a_draw() -> None:
    generator, calls = tiny.biggan(), []
    for number, layer in enumerate(generator.layers):
        layer.register_forward_hook(lambda _m, _i, _o, number=number: calls.append(number))
    last(causal_effect(generator, 0, gate=2, draws=3))
    assert calls.count(0) == calls.count(1) == 3 < calls.count(2)
    calls.clear()
    without = [{}, *(chosen({gate: awareness(generator, 0, gate=gate)}, 0.5) for gate in (2, 3))]
    last(ablation(generator, lambda pictures: pictures.mean((2, 3)), 0, draws=1, without=without))
    assert calls == [0, 1, 2, 2, 2]


@pytest.mark.parametrize(
    "open_stream",
    [
        lambda generator: causal_effect(generator, 0, gate=1),
        lambda generator: mean_activation(generator, gate=1),
        lambda generator: ablation(
            generator, lambda x: x.mean((2, 3)), 0, without=[{1: torch.ones(8, dtype=torch.bool)}]
        ),
    ],
    ids=["effect", "observation", "ablation"],
)
def test_a_stream_may_be_read_from_any_thread_and_stops_without_a_trace(open_stream: Callable) -> None:
    generator = tiny.biggan()
    codes = generator.codes(generator.sample(1, 0))
    before, stream, reports = generator(codes), open_stream(generator), []

    def step() -> None:
        reports.append(next(stream, None))

    while not reports or reports[-1] is not None:
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
        assert not any(gate._forward_hooks for gate in generator.gates)
        assert torch.equal(generator(codes), before)  # while the stream is open
    assert torch.allclose(reports[-2].values, last(open_stream(generator)), atol=1e-6)
    stopped = open_stream(generator)
    first = next(stopped)
    stopped.close()
    assert first.done < first.of and next(stopped, None) is None and torch.equal(generator(codes), before)


def test_reports_come_at_least_once_a_second_also_from_a_slow_model(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, clock, gaps, before = tiny.biggan(), [0.0], [], 0.0
    monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])

    def slow(_module, _inputs, out: State) -> None:  # a fifth of a second a picture
        clock[0] += 0.2 * len(out.x)

    generator.layers[-1].register_forward_hook(slow)
    for _ in causal_effect(generator, 0, gate=0):
        gaps.append(clock[0] - before)
        before = clock[0]
    assert max(gaps) < 1 and len(gaps) > 10


# Switching off many


def crowd() -> PlantedParts:
    """Twenty channels: four that each of the three classes opens for itself, and eight that are open for all."""
    biases = torch.full((3, 20), -1.0)
    biases[:, 12:] = 0.3
    for row in range(3):
        biases[row, 4 * row : 4 * row + 4] = 1.5
    return PlantedParts(biases, rows=5, columns=4, side=20)


def names_the_class(generator: PlantedParts) -> Callable[[Tensor], Tensor]:
    """Images -> [n, 3]: how bright the four parts of each class are."""
    cells = generator.cells[:12].reshape(3, 4, 20, 20).sum(1)
    return lambda pictures: torch.einsum("nhw,chw->nc", pictures.mean(1), cells)


def test_without_its_most_aware_channels_a_class_is_gone_and_without_others_it_is_not() -> None:
    generator, label = crowd(), 1
    scores, others = {0: awareness(generator, label, gate=0)}, {0: awareness(generator, 2, gate=0)}
    drawn = [chosen(scores, 0.2, order="random", seed=seed) for seed in range(20)]
    right = last(
        ablation(
            generator,
            names_the_class(generator),
            label,
            draws=100,
            without=[{}, chosen(scores, 0.2), chosen(scores, 0.2, order="least"), chosen(others, 0.2), *drawn],
        )
    ).mean(1)
    drops = right[0] - right
    assert right[0] > 0.95 and drops[1] > 0.9 and drops[2] == 0 and drops[3] < 0.1
    assert drops[1] >= 3 * drops[4:].median()
    kept = last(
        ablation(generator, names_the_class(generator), label, draws=100, without=[chosen(scores, 0.8, order="least")])
    ).mean(1)
    assert kept[0] == 1  # its own four channels alone


def test_an_ablation_counts_what_the_classifier_says_of_each_picture(generator: ClassConditional) -> None:
    scores = {number: awareness(generator, 1, gate=number) for number in range(len(generator.gates))}
    without, shown = [{}, chosen(scores, 0), chosen(scores, 0.5), chosen({1: scores[1]}, 1)], []

    def classifier(pictures: Tensor) -> Tensor:
        shown.append(pictures)
        return pictures[..., 4:].mean((2, 3))

    reports = list(ablation(generator, classifier, 1, without=without, draws=24, seed=9, psi=0.6))
    found, of = reports[-1].values, generator.at(psi=0.6)
    codes = generator.codes(generator.sample(24, 9), psi=0.6, label=1)
    expected = []
    assert torch.allclose(torch.cat(shown[:: len(without)]), of(codes), atol=1e-5)
    for off in without:
        handles = [
            of.gates[number].register_forward_hook(lambda _m, _i, out, mask=mask: out * ~mask[:, None, None])
            for number, mask in off.items()
        ]
        expected.append(classifier(of(codes)).argmax(1) == 1)
        for handle in handles:
            handle.remove()
    assert torch.equal(found.bool(), torch.stack(expected)) and torch.equal(found[0], found[1])
    assert reports[0].values[1:].isnan().all() and reports[0].done == 1 and reports[-1].done == reports[-1].of == 96


def test_a_share_of_the_channels_is_chosen_in_the_order_asked_for() -> None:
    scores = {0: torch.tensor([3.0, 1.0, 2.0, 0.0, 5.0]), 4: torch.arange(10.0)}
    assert chosen(scores, 0.4)[0].tolist() == [True, False, False, False, True]
    assert chosen(scores, 0.4, order="least")[0].tolist() == [False, True, False, True, False]
    assert [int(mask.sum()) for mask in chosen(scores, 0.2).values()] == [1, 2]
    for order in ("most", "least", "random"):
        assert not any(mask.any() for mask in chosen(scores, 0, order=order).values())
        assert all(mask.all() for mask in chosen(scores, 1, order=order).values())
    drawn = [chosen(scores, 0.5, order="random", seed=seed)[4] for seed in (0, 0, *range(1, 20))]
    assert torch.equal(drawn[0], drawn[1]) and len({tuple(mask.tolist()) for mask in drawn}) > 10
    assert all(int(mask.sum()) == 5 for mask in drawn)
    assert strongest(scores[0], 3).tolist() == [4, 0, 2] and strongest(scores[0], 1).tolist() == [4]


# What there is not

CALLS: dict[str, Callable] = dict(
    awareness=lambda g, label, gate: awareness(g, label, gate=gate),
    over_draws=lambda g, label, gate: awareness_over_draws(g, label, gate=gate),
    observation=lambda g, label, gate: next(mean_activation(g, label, gate=gate)),
    effect=lambda g, label, gate: next(causal_effect(g, label, gate=gate)),
    ablation=lambda g, label, gate: next(
        ablation(g, lambda x: x.mean((2, 3)), label, without=[chosen({gate: torch.ones(16)}, 1)])
    ),
)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "label, gate, sentence",
    [
        ("mug", 0, "class 'mug': this generator has the classes 0 to 2"),
        (3, 0, "class 3: .* classes 0 to 2"),
        (-1, 0, "classes 0 to 2"),
        (1.5, 0, "classes 0 to 2"),
        (0, 4, "gate 4: this generator has the gates 0 to 3"),
        (0, -1, "gates 0 to 3"),
        (0, "first", "gates 0 to 3"),
        (0, 1000, "gates 0 to 3"),
    ],
)
def test_a_class_or_gate_there_is_not_gets_a_sentence(name: str, label, gate, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        CALLS[name](tiny.biggan(), label, gate)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "call",
    [
        *CALLS.values(),
        lambda g, *_: all_awareness(g),
        lambda g, *_: total_awareness(g),
        lambda g, *_: spread(g, gate=0),
        lambda g, *_: orientation(g, gate=0),
        lambda g, *_: activations(g, g.codes(g.sample(1, 0)), [0]),
    ],
)
@pytest.mark.parametrize("build", [tiny.stylegan2, tiny.pggan])
def test_a_model_without_class_conditional_normalisation_gets_a_sentence(call: Callable, build: Callable) -> None:
    with pytest.raises(ValueError, match="no class-conditional normalisation.*choose a class-conditional one"):
        call(build(), 0, 0)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda g: strongest(torch.ones(16), 1000), "k = 1000: this gate has 1 to 16 channels"),
        (lambda g: strongest(torch.ones(16), 0), "1 to 16 channels"),
        (lambda g: chosen({0: torch.ones(16)}, 20), "a share of 20: choose from 0 .* to 1"),
        (lambda g: chosen({0: torch.ones(16)}, 0.2, order="best"), "no order 'best': 'most'"),
        (lambda g: orientation(g, gate=0, draws=0), "0 draws: choose 1 or more"),
        (lambda g: next(causal_effect(g, 0, gate=0, draws=0)), "0 draws"),
        (
            lambda g: next(ablation(g, lambda x: x.mean((2, 3)), 0, without=[{0: torch.ones(8, dtype=torch.bool)}])),
            "gate 0 has 16 channels: give a bool for each",
        ),
        (
            lambda g: next(ablation(g, lambda x: x.mean((2, 3)), 0, without=[{0: torch.ones(16)}])),
            "give a bool for each",
        ),
        (lambda g: next(ablation(g, lambda x: x.mean((1, 2, 3)), 0, without=[{}])), "scores are .pictures, classes."),
    ],
)
def test_numbers_that_do_not_fit_get_a_sentence(call: Callable, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        call(tiny.biggan())
    assert "\n" not in str(error.value)
