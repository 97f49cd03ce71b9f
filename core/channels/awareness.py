"""Channel awareness: how much a class opens each channel of a class-conditional normalisation and its ReLU.

Our formulation; the paper has neither code nor formula in public: He et al., Interpreting Class Conditional GANs with
Channel Awareness, arXiv 2203.11173. Three forms: the formula (`awareness`), the observation (`mean_activation`) and the
experiment (`causal_effect`, `ablation`). What takes longer than a moment is a stream: stop it by closing it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from numbers import Integral

import torch
from torch import Tensor

from ..generators.base import Generator, State
from ..taps import tap
from .gates import checked_gate

DRAWS = 64
ORDERS = ("most", "least", "random")
MOST_ROWS, PAUSE = 32, 0.3  # pictures at once, and seconds between two reports of a stream


def rectified_mean(gain: Tensor, bias: Tensor) -> Tensor:
    """E[relu(g x + b)] for x ~ N(0, 1): |g| phi(t) + b Phi(t) with t = b / |g|; max(b, 0) where g = 0.

    gain, bias: any shapes that fit each other; phi, Phi: the standard normal's density and distribution function.
    """
    width = gain.abs()
    t = bias / width.clamp(min=torch.finfo(gain.dtype).tiny)
    mean = width * _density(t) + bias * torch.special.ndtr(t)
    return torch.maximum(mean, bias.clamp(min=0))  # the two terms nearly cancel where t is far below 0


def rectified_variance(gain: Tensor, bias: Tensor) -> Tensor:
    """Var[relu(g x + b)] for x ~ N(0, 1): (b^2 + g^2) Phi(t) + b |g| phi(t) - mean^2, at least 0."""
    width = gain.abs()
    t = bias / width.clamp(min=torch.finfo(gain.dtype).tiny)
    square = (bias.square() + width.square()) * torch.special.ndtr(t) + bias * width * _density(t)
    return (square - rectified_mean(gain, bias).square()).clamp(min=0)


def _density(t: Tensor) -> Tensor:
    return torch.exp(-0.5 * t.square()) / math.sqrt(2 * math.pi)


@torch.no_grad()
def awareness(generator: Generator, label: int | None = None, *, gate: int) -> Tensor:
    """a_c(y) = E[relu(g x + b)] at the class's own gain and bias (noise z = 0), where x ~ N(0, 1) in every channel.

    float64, [channels] of one class, or [classes, channels] of all (label None); gate: which of `generator.gates`, the
    first is 0. Raises ValueError where the generator has no such gate or class.
    """
    labels = _labels(generator, label)
    means = rectified_mean(*_gain_and_bias(generator, labels, checked_gate(generator, gate)))
    return means if label is None else means[0]


@torch.no_grad()
def all_awareness(generator: Generator) -> list[Tensor]:
    """`awareness` of every gate, [classes, channels] each. Raises ValueError where the generator has no gates."""
    codes = _codes(generator, _labels(generator, None))
    return [rectified_mean(*gate.gain_and_bias(codes[:, gate.slot])) for gate in generator.gates]


def total_awareness(generator: Generator) -> Tensor:
    """T(y) [classes]: the sum over the gates of the mean of a_c(y) over their channels; raises as `all_awareness`."""
    return sum(means.mean(1) for means in all_awareness(generator))


def likeness(generator: Generator) -> Tensor:
    """[classes, classes] in -1..1: the cosine of two classes' awareness, each channel less its mean over the classes.

    Every gate counts alike, however many channels it has and however wide they open. Raises as `all_awareness`.
    """
    centred = [means - means.mean(0) for means in all_awareness(generator)]
    profile = torch.cat([part / part.square().sum().clamp(min=1e-30).sqrt() for part in centred], 1).cpu()
    unit = profile / profile.norm(dim=1, keepdim=True).clamp(min=1e-30)
    return unit @ unit.T


@torch.no_grad()
def awareness_over_draws(
    generator: Generator, label: int | None = None, *, gate: int, draws: int = DRAWS, seed: int = 0, psi: float = 1.0
) -> Tensor:
    """The mean of a_c(y, z) over the noise of the seeds from `seed` on, scaled by psi. Otherwise as `awareness`."""
    means, _ = _moments_over_draws(generator, _labels(generator, label), gate, draws=draws, seed=seed, psi=psi)
    return means if label is None else means[0]


@dataclass(frozen=True, eq=False)
class Orientation:
    """How a gate's awareness varies, [channels] each: with the class Var_y(E_z a), and with the noise E_y(Var_z a)."""

    class_part: Tensor
    latent_part: Tensor

    @property
    def class_share(self) -> Tensor:
        """[channels] in 0..1: 1 category-oriented, 0 latent-oriented, nan where the awareness does not vary at all."""
        return self.class_part / (self.class_part + self.latent_part)


@torch.no_grad()
def orientation(generator: Generator, *, gate: int, draws: int = DRAWS, seed: int = 0, psi: float = 1.0) -> Orientation:
    """The class part and the latent part of each channel; together they are the variance over all classes and draws.

    Every class has the same draws, so that a channel that depends on one of the two alone has a share of 1 or 0.
    """
    means, variances = _moments_over_draws(generator, _labels(generator, None), gate, draws=draws, seed=seed, psi=psi)
    return Orientation(means.var(0, unbiased=False), variances.mean(0))


@torch.no_grad()
def spread(generator: Generator, *, gate: int) -> Tensor:
    """[channels], float64: standard deviation of relu(g x + b) over x ~ N(0, 1) and the classes, a unit of edits."""
    labels = _labels(generator, None)
    gain, bias = _gain_and_bias(generator, labels, checked_gate(generator, gate))
    within, between = rectified_variance(gain, bias).mean(0), rectified_mean(gain, bias).var(0, unbiased=False)
    return (within + between).sqrt()


def strongest(scores: Tensor, k: int) -> Tensor:
    """The numbers [k] of the channels with the highest scores [channels]; ValueError where k is not 1 to channels."""
    if not (isinstance(k, Integral) and 1 <= k <= len(scores)):
        raise ValueError(f"k = {k}: this gate has 1 to {len(scores)} channels to choose from")
    return scores.argsort(descending=True, stable=True)[:k]


def chosen(scores: Mapping[int, Tensor], share: float, *, order: str = "most", seed: int = 0) -> dict[int, Tensor]:
    """Gate -> bool [channels], True for the `share` (0..1) of each gate's channels with the most or least score.

    scores: gate -> [channels]. order "random" draws the same number by `seed`. Raises ValueError for other orders and
    shares.
    """
    if order not in ORDERS:
        raise ValueError(f"no order {order!r}: 'most' aware first, 'least' aware first, or 'random'")
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share}: choose from 0 (no channel) to 1 (all of them)")
    random, masks = torch.Generator().manual_seed(seed), {}
    for gate, values in scores.items():
        shuffled = torch.randperm(len(values), generator=random)
        ranked = shuffled if order == "random" else values.argsort(stable=True).cpu()
        picked = (ranked.flip(0) if order == "most" else ranked)[: round(share * len(values))]
        masks[gate] = torch.zeros(len(values), dtype=torch.bool).index_fill(0, picked, True)
    return masks


@dataclass(frozen=True, eq=False)
class Measured:
    """One report of a stream: `done` of `of` steps; values: what is known so far, nan where nothing is."""

    done: int
    of: int
    values: Tensor


@torch.no_grad()
def activations(generator: Generator, codes: Tensor, gates: Sequence[int]) -> list[Tensor]:
    """What each of the gates lets through for codes [n, slots, dim]: [n, channels, h, w], in the order of `gates`."""
    modules = [checked_gate(generator, gate) for gate in gates]
    with ExitStack() as stack:
        seen = [stack.enter_context(tap(module)) for module in modules]
        generator.run(codes, stop=max((_layer(generator, gate) for gate in gates), default=-1) + 1)
    return [outputs[0] for outputs in seen]


def gate_sides(generator: Generator) -> tuple[int, ...]:
    """Pixels a side of what each gate lets through. Raises ValueError where the generator has no gates."""
    maps = activations(generator, _codes(generator, torch.tensor([0])).float(), range(len(generator.gates)))
    return tuple(one.shape[-1] for one in maps)


@torch.no_grad()
def mean_activation(
    generator: Generator, label: int | None = None, *, gate: int, draws: int = DRAWS, seed: int = 0, psi: float = 1.0
) -> Iterator[Measured]:
    """A stream to the mean over pixels and seeds of what the gate lets through: no Gaussian is assumed.

    values: [channels], or [classes, channels] (label None), float64; a step is a picture; seeds from `seed` on. psi, as
    for pictures, scales the noise and chooses the statistics. Raises as `awareness`, at the first step.
    """
    generator, labels, sums = generator.at(psi=psi), _labels(generator, label), []
    for i, row in enumerate(labels.tolist()):
        sums.append(0.0)
        for batch in _batches(_counted(draws)):
            codes = generator.codes(generator.sample(len(batch), seed + batch.start), psi=psi, label=row)
            maps = activations(generator, codes, [gate])[0].double()
            sums[i] = sums[i] + maps.mean((2, 3)).sum(0)
            done = [total / count for total, count in zip(sums, [draws] * i + [batch.stop])]
            values = torch.stack(done + [torch.full_like(done[0], math.nan)] * (len(labels) - len(done)))
            yield Measured(i * draws + batch.stop, len(labels) * draws, values if label is None else values[0])


def squared_difference(pictures: Tensor, before: Tensor) -> Tensor:
    """[m, 3, R, R], [1, 3, R, R] -> [m]: the mean over pixels and colours of the squared difference."""
    return (pictures - before).square().mean((1, 2, 3))


@torch.no_grad()
def causal_effect(
    generator: Generator,
    label: int,
    *,
    gate: int,
    draws: int = 2,
    seed: int = 0,
    psi: float = 1.0,
    compare: Callable[[Tensor, Tensor], Tensor] = squared_difference,
) -> Iterator[Measured]:
    """A stream to what switching off each channel (0 after the ReLU) does to pictures of the class.

    values [channels], float64: the mean over the draws of compare(pictures [m, 3, R, R], before [1, 3, R, R]) -> [m];
    draw i is the picture of seed + i; a step is a channel of a draw. What is before the gate's layer runs once a draw.
    A channel that lets nothing through gets 0 without a run: `compare` is to be 0 for equal pictures. psi and what is
    raised are as in `mean_activation`.
    """
    generator, row, finished = generator.at(psi=psi), _one_label(generator, label), []
    for i in range(_counted(draws)):
        codes = generator.codes(generator.sample(1, seed + i), psi=psi, label=row)
        for effects in _effects(generator, codes, gate, compare):
            known = i * len(effects) + int((~effects.isnan()).sum())
            yield Measured(known, draws * len(effects), torch.stack([*finished, effects]).nanmean(0))
        finished.append(effects)


def _effects(
    generator: Generator, codes: Tensor, gate: int, compare: Callable[[Tensor, Tensor], Tensor]
) -> Iterator[Tensor]:
    """A stream to the effect of each channel on the picture of codes [1, slots, dim]: [channels], nan: unknown yet."""
    module, layer = checked_gate(generator, gate), _layer(generator, gate)
    state = generator.run(codes, stop=layer) if layer else None
    with tap(module) as seen:
        before = generator.to_image(generator.run(codes, state, start=layer))
    is_open = seen[0][0].flatten(1).any(1)
    effects = torch.where(is_open, math.nan, 0.0).double()
    yield effects.clone()
    channels = is_open.nonzero()[:, 0]
    for batch in _batches(len(channels)):
        off = torch.nn.functional.one_hot(channels[batch.start : batch.stop], len(is_open)).bool()
        with _switched_off(generator, {gate: off}):  # closed before each report: another thread may ask for the next
            after = generator.run(*_repeated(len(off), codes, state), start=layer)
            effects[off.any(0)] = compare(generator.to_image(after), before).double()
        yield effects.clone()


@torch.no_grad()
def ablation(
    generator: Generator,
    classifier: Callable[[Tensor], Tensor],
    label: int,
    *,
    without: Sequence[Mapping[int, Tensor]],
    draws: int = 500,
    seed: int = 0,
    psi: float = 1.0,
) -> Iterator[Measured]:
    """A stream to how often the classifier still sees the class when channels are switched off (0 after the ReLU).

    without: the conditions, each gate -> bool [channels], True: off, see `chosen`; {}: nothing is. classifier: images
    [n, 3, R, R] in [-1, 1] -> class scores [n, classes]. values [conditions, draws], float64: 1 right, 0 wrong, nan not
    yet drawn, so `values.nanmean(1)` are the accuracies so far; column i is the picture of seed + i, the same in every
    row. psi as in `mean_activation`. Raises ValueError for classes, gates and masks that do not fit, at the first step.
    """
    generator, row = generator.at(psi=psi), _one_label(generator, label)
    layer = min(
        (_layer(generator, gate) for off in without for gate in _checked_masks(generator, off)),
        default=len(generator.layers),
    )
    right = torch.full((len(without), _counted(draws)), math.nan, dtype=torch.float64)
    for batch in _batches(draws, runs=len(without)):
        codes = generator.codes(generator.sample(len(batch), seed + batch.start), psi=psi, label=row)
        state = generator.run(codes, stop=layer) if layer else None
        for i, off in enumerate(without):
            with _switched_off(generator, off):
                pictures = generator.to_image(generator.run(codes, state, start=layer)).clamp(-1, 1)
            right[i, batch.start : batch.stop] = _named(classifier(pictures), row)
            yield Measured(batch.start * len(without) + len(batch) * (i + 1), right.numel(), right.clone())


def _named(scores: Tensor, label: int) -> Tensor:
    """Scores [n, classes] -> [n], 1 where the class `label` has the highest."""
    if scores.ndim != 2 or scores.shape[1] <= label:
        raise ValueError(
            f"a classifier's scores are [pictures, classes] with class {label} among them; got {list(scores.shape)}"
        )
    return (scores.argmax(1) == label).double().cpu()


def _checked_masks(generator: Generator, masks: Mapping[int, Tensor]) -> Mapping[int, Tensor]:
    for gate, mask in masks.items():
        channels = len(_gain_and_bias(generator, torch.zeros(1, dtype=torch.long), checked_gate(generator, gate))[0][0])
        if mask.dtype != torch.bool or mask.shape != (channels,):
            raise ValueError(
                f"gate {gate} has {channels} channels: give a bool for each, not {list(mask.shape)} of {mask.dtype}"
            )
    return masks


@contextmanager
def _switched_off(generator: Generator, masks: Mapping[int, Tensor]) -> Iterator[None]:
    """masks: gate -> bool [channels] or [n, channels]: 0 after the ReLU where True."""
    with ExitStack() as stack:
        for gate, off in masks.items():
            stack.enter_context(tap(generator.gates[gate], partial(_silenced, off)))
        yield


def _silenced(off: Tensor, maps: Tensor) -> Tensor:
    return maps.masked_fill(off[..., None, None].to(maps.device), 0)


def _repeated(n: int, codes: Tensor, state: State | None) -> tuple[Tensor, State | None]:
    """Codes and state of one picture as those of n, without copying."""
    if state is not None:
        state = State(*(part if part is None else part.expand(n, -1, -1, -1) for part in state))
    return codes.expand(n, -1, -1), state


def _batches(count: int, *, runs: int = 1) -> Iterator[range]:
    """The numbers 0 .. count - 1 in ranges: as many together as the last ones said to fit into PAUSE seconds a run."""
    start, rows = 0, 1
    while start < count:
        began = time.perf_counter()
        yield range(start, min(start + rows, count))
        start += rows
        elapsed = max(time.perf_counter() - began, 1e-6) / max(runs, 1)
        rows = max(1, min(MOST_ROWS, 2 * rows, int(rows * PAUSE / elapsed)))


def _moments_over_draws(
    generator: Generator, labels: Tensor, gate: int, *, draws: int, seed: int, psi: float
) -> tuple[Tensor, Tensor]:
    """Mean and variance (divided by `draws`) of a_c(y, z) over z, [labels, channels]; the same z for every class."""
    module, mean, squares = checked_gate(generator, gate), 0.0, 0.0
    for i in range(_counted(draws)):
        z = generator.sample(1, seed + i).expand(len(labels), -1)
        values = rectified_mean(*_gain_and_bias(generator, labels, module, z, psi=psi))
        shift = values - mean  # Welford: what does not vary has the variance 0, exactly
        mean = mean + shift / (i + 1)
        squares = squares + shift * (values - mean)
    return mean, squares / draws


def _codes(generator: Generator, labels: Tensor, z: Tensor | None = None, *, psi: float = 1.0) -> Tensor:
    """[labels, slots, dim], float64; z [labels, z_dim], None: no noise."""
    if z is None:
        z = generator.sample(1, 0).new_zeros(len(labels), generator.z_dim)
    return generator.codes(z, psi=psi, label=labels.to(z.device)).double()


def _gain_and_bias(
    generator: Generator, labels: Tensor, gate: torch.nn.Module, z: Tensor | None = None, *, psi: float = 1.0
) -> tuple[Tensor, Tensor]:
    """float64 [labels, channels] each; z [labels, z_dim], None: no noise."""
    return gate.gain_and_bias(_codes(generator, labels, z, psi=psi)[:, gate.slot])


def _layer(generator: Generator, gate: int) -> int:
    """The layer that the gate is in."""
    return generator.start((checked_gate(generator, gate).slot,))


def _labels(generator: Generator, label: int | None) -> Tensor:
    """[1] or, where label is None, [classes]."""
    if label is None:
        checked_gate(generator, 0)
        return torch.arange(generator.classes)
    return torch.tensor([_one_label(generator, label)])


def _one_label(generator: Generator, label: int) -> int:
    checked_gate(generator, 0)
    if not (isinstance(label, Integral) and 0 <= label < generator.classes):
        raise ValueError(f"class {label!r}: this generator has the classes 0 to {generator.classes - 1}, by number")
    return int(label)


def _counted(draws: int) -> int:
    if draws < 1:
        raise ValueError(f"{draws} draws: choose 1 or more")
    return draws
