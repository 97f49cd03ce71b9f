"""mGANprior: one picture from many latent codes, mixed inside the generator as each channel needs it.

Gu, Shen and Zhou, Image Processing Using Multi-Code GAN Prior, CVPR 2020 (arXiv 1912.07116). N codes z_n run through
the first layers G1, their feature maps are summed with importances alpha_n (one number a channel), and the rest draws
x = G2(sum_n alpha_n * G1(z_n)). One code, mixed before the first layer, is plain inversion.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Picture
from ..generators.base import Generator, State
from .descent import Best, Step, adam, descend, lbfgs, rise_and_fall, sgd
from .losses import Loss, closeness

SPACES = ("z", "w", "w+")
OPTIMISERS = ("adam", "lbfgs")
STRIDE = 1000  # seeds of codes between two seeds of an inversion: neighbours share no start
SAMPLES = 1000  # codes whose mean and deviation are the origin and the unit of "w" and "w+"
START = 0.5  # truncation of the first codes in "w" and "w+"
UNIT = 3.0  # of importances, beside that of codes, a standard deviation: so that one step suits both
RATES = (0.4, 0.1)  # Adam's, of codes and of importances, in these units
PATIENCE = 50


@dataclass(frozen=True, eq=False)
class Mixture(Picture):
    """A Picture of N codes that `mixer` mixes; importances [N, channels (+ 3 where there is an rgb)]."""

    importances: Tensor
    mixer: Mixer


class Space(NamedTuple):
    """What is moved in order to move codes. start: variables [N, ...]; codes: variables -> codes [N, slots, dim];
    retract: brings variables back to where they must lie, in place."""

    start: Tensor
    codes: Callable[[Tensor], Tensor]
    retract: Callable[[Tensor], object]


def invert(
    generator: Generator,
    target: Tensor,
    *,
    layer: int,
    n_codes: int,
    steps: int,
    loss: Loss | None = None,
    seed: int = 0,
    label: int | None = None,
    space: str | None = None,
    optimiser: str = "adam",
    patience: int | None = PATIENCE,
    official: bool = False,
) -> Iterator[Step]:
    """Search the mixture of `n_codes` codes closest to `target`: a Step for the start (i = 0) and for each gradient.

    target: [1, 3, h, w] in [-1, 1], at the size at which `loss` compares. loss: pixels where None; `losses.closeness`
    adds a critic's features, `losses.seen_through` restores. layer: how many of generator.layers run before the mix; 0
    mixes the codes themselves. space: what is moved, "z", "w" (one vector for all slots) or "w+" (each slot its own);
    None: `native_space`. optimiser: "adam" at RATES that rise and fall over `steps`, or "lbfgs", which needs no rates.
    patience: ends after so many steps that lowered the loss by less than 1 % together; None: never early. Importances
    sum to one in every channel; z lies on its shell where the generator does not see its length. Every Step has the
    best so far.

    official: as the published code: SGD at rate 1, nothing constrained, the mixture once more divided by N, no early
    end; but a PGGAN's layers end here with the normalisation that the published ones begin with: it precedes the mix.
    Raises ValueError, before anything is drawn, for what does not fit.
    """
    _check(generator, target, layer, n_codes, steps, space, optimiser, resizes=loss is not None)
    place = _space(generator, space or native_space(generator), n_codes, seed, label)
    mixer = Mixer.of(generator, place.codes(place.start), layer, divisor=n_codes if official else 1)
    free = torch.full((n_codes, mixer.channels), 1 / n_codes if official else 0.0, device=place.start.device)
    distance = (loss or closeness())(target.to(place.start.device))

    def importances(free: Tensor) -> Tensor:
        return free if official else 1 / n_codes + UNIT * (free - free.mean(0))

    def loss_of(variables: Tensor, free: Tensor) -> Tensor:
        return distance(mixer(place.codes(variables), importances(free))).sum()

    start = (place.start, free)
    if official:
        stream = descend(start, loss_of, steps=steps, optimiser=sgd(1.0))
    elif optimiser == "lbfgs":
        stream = lbfgs(start, loss_of, steps=steps, patience=patience)
    else:
        how = dict(optimiser=adam(*RATES), schedule=rise_and_fall, retract=lambda z, _: place.retract(z))
        stream = descend(start, loss_of, steps=steps, patience=patience, **how)
    return (_step(best, place, mixer, importances) for best in stream)


@torch.no_grad()
def _step(best: Best, place: Space, mixer: Mixer, importances: Callable[[Tensor], Tensor]) -> Step:
    variables, alpha = best.variables[0], importances(best.variables[1])
    return Step(best.i, best.loss, Mixture(place.codes(variables), lambda codes: mixer(codes, alpha), alpha, mixer))


@dataclass(frozen=True)
class Mixer:
    """codes [m * N, slots, dim], importances [N, channels] -> m images [m, 3, R, R].

    unit: feature maps have mean square 1 over the channels of every pixel; so has their mixture, then, or the layers
    after it would be given what they never saw. Slots read after the mix take the mean of the N codes.
    """

    generator: Generator
    layer: int
    channels: int
    unit: bool
    divisor: int = 1

    @classmethod
    @torch.no_grad()
    def of(cls, generator: Generator, codes: Tensor, layer: int, *, divisor: int = 1) -> Mixer:
        """The mixer after `layer` layers; shapes are found by drawing `codes` so far."""
        if layer == 0:
            return cls(generator, layer, codes.shape[2], False, divisor)
        x, rgb = generator.run(codes, stop=layer)
        unit = bool(((x.square().mean(1) - 1).abs() < 1e-3).all())
        return cls(generator, layer, x.shape[1] + (0 if rgb is None else rgb.shape[1]), unit, divisor)

    def __call__(self, codes: Tensor, importances: Tensor) -> Tensor:
        alpha = importances / self.divisor
        together = codes.unflatten(0, (-1, len(alpha)))  # [m, N, slots, dim]
        if self.layer == 0:
            return self.generator((alpha[:, None] * together).sum(1))
        state = self._mixed(self.generator.run(codes, stop=self.layer), alpha)
        state = self.generator.run(together.mean(1), state, start=self.layer)
        return self.generator.to_image(state)

    def _mixed(self, state: State, alpha: Tensor) -> State:
        def weighted(maps: Tensor, alpha: Tensor) -> Tensor:
            return (alpha[:, :, None, None] * maps.unflatten(0, (-1, len(alpha)))).sum(1)

        c = state.x.shape[1]
        x = weighted(state.x, alpha[:, :c])
        if self.unit:
            x = x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)
        return State(x, None if state.rgb is None else weighted(state.rgb, alpha[:, c:]))


def native_space(generator: Generator) -> str:
    """ "w+" where a mapping makes the codes (all of a code moves, and has a mean to be truncated to), else "z"."""
    return "w+" if generator.has_truncation and generator.movable == slice(0, generator.dim) else "z"


def _space(generator: Generator, space: str, n_codes: int, seed: int, label: int | None) -> Space:
    z = generator.sample(n_codes, STRIDE * seed)
    return _noise_space(generator, z, label) if space == "z" else _code_space(generator, z, label, shared=space == "w")


@torch.no_grad()
def _noise_space(generator: Generator, z: Tensor, label: int | None) -> Space:
    """z [N, z_dim] on the sphere of radius sqrt(z_dim) where the generator does not see its length; elsewhere no
    longer than all but 2 % of the samples."""
    radius = math.sqrt(z.shape[1])
    unseen = torch.allclose(generator.codes(2 * z, label=label), generator.codes(z, label=label), rtol=1e-3, atol=1e-4)

    def codes(z: Tensor) -> Tensor:
        if not unseen:
            z = z * ((radius + math.sqrt(2)) / z.norm(dim=1, keepdim=True)).clamp(max=1)
        return generator.codes(z, label=label)

    def retract(z: Tensor) -> None:
        if unseen:  # a longer z would turn less at each step
            z.mul_(radius / z.norm(dim=1, keepdim=True))

    return Space(z, codes, retract)


@torch.no_grad()
def _code_space(generator: Generator, z: Tensor, label: int | None, *, shared: bool) -> Space:
    """codes = mean + deviation * variables; variables [N, 1 (`shared`) or slots, dim]. What is not movable stays."""
    some = generator.codes(generator.sample(SAMPLES, 0), label=label)
    mean, deviation = some.mean(0), torch.zeros_like(some[0])
    deviation[:, generator.movable] = some.std(0)[:, generator.movable]
    offset = START * (generator.codes(z, label=label) - mean)
    start = torch.where(deviation > 0, offset / deviation.clamp(min=1e-8), 0)
    start = start[:, :1] if shared else start
    return Space(start, lambda variables: mean + deviation * variables, lambda variables: None)


def _check(
    generator: Generator,
    target: Tensor,
    layer: int,
    n_codes: int,
    steps: int,
    space: str | None,
    optimiser: str,
    *,
    resizes: bool,
) -> None:
    last, size = len(generator.layers), generator.resolution
    if not 0 <= layer <= last:
        raise ValueError(f"layer {layer}: codes are mixed after 0 to {last} layers of this generator")
    if not 1 <= n_codes <= STRIDE or steps < 0:
        raise ValueError(f"{n_codes} codes and {steps} steps: choose 1 to {STRIDE} codes and no less than 0 steps")
    if space not in (None, *SPACES):
        raise ValueError(f"no space {space!r}: codes are searched in {', '.join(SPACES)}")
    if optimiser not in OPTIMISERS:
        raise ValueError(f"no optimiser {optimiser!r}: choose one of {', '.join(OPTIMISERS)}")
    if target.ndim != 4 or target.shape[:2] != (1, 3) or not (resizes or target.shape[2:] == (size, size)):
        raise ValueError(
            f"the target is one picture [1, 3, {size}, {size}], or smaller behind the loss that shrank "
            f"it; got {list(target.shape)}"
        )
    if not target.isfinite().all():
        raise ValueError("the target holds numbers that are not finite: give values in [-1, 1]")
