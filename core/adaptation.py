"""One-shot domain adaptation: every face of a generator takes on the style of one picture.

Our formulation of GenDA (Yang et al., One-Shot Generative Domain Adaptation, ICCV 2023, arXiv 2111.09876), whose code
is not published. The generator and its critic stay frozen. An affine adaptor reads the codes,

    w' = a * w + b,

element by element and slot by slot; a linear head on the critic's features tells the target from adapted samples, and
both play the non-saturating game of a GAN. Codes are truncated meanwhile. Two changes are ours. The head reads means
and deviations, over the picture, of the finest features, not the last ones, which say whose face it is. And the adapted
picture has to be one map of colours of the plain one, the same for all samples: what is left of it beyond the best such
map is a term of the loss. Without it samples become the face of the target; with it all weights may learn as well (see
`weights.recipes.measure.adaptation`): an adaptor is small, the term is what keeps the faces.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from .codes import codes_in_turn
from .generators.base import shallow
from .generators.blocks import EqualLinear
from .generators.stylegan2 import StyleGAN2

STEPS, BATCH, PSI = 120, 4, 0.5
RATE, FULL_RATE, HEAD_RATE = 0.02, 0.002, 0.03  # of Adam: adaptor, all weights, head
ONE_MAP = 20.0  # weight of what is left beyond one map of colours
DECAY = 0.01  # of the head's weights
LEVELS = 3  # of the critic's features, finest first
EVERY = 10  # steps from one look to the next
CHECKED, FIRST_CHECKED, FIRST_TRAINED = 8, 5_900_000, 5_000_000  # samples of a look, and seeds
SPREAD = 64  # plain samples that say how much features vary
FORMAT = "ganatomy-adaptor-1"


class HasFeatures(Protocol):
    def features(self, images: Tensor) -> list[Tensor]: ...


# --- exact styles: pure functions of images [n, 3, h, w] in [-1, 1], so that the truth is known of every sample

_LUMA = (0.299, 0.587, 0.114)


def _colours(*values: float) -> Tensor:
    return torch.tensor(values)[:, None, None]


def _grey(images: Tensor) -> Tensor:
    """[n, 1, h, w] in 0 .. 1"""
    return ((images.clamp(-1, 1) + 1) / 2 * _colours(*_LUMA).to(images)).sum(1, keepdim=True)


def tinted(images: Tensor) -> Tensor:
    """As through orange glass, with a little blue in the shadows."""
    shares = (images.clamp(-1, 1) + 1) / 2
    return 2 * (shares * _colours(1.0, 0.62, 0.35).to(images) + _colours(0.0, 0.02, 0.12).to(images)) - 1


def inverted(images: Tensor) -> Tensor:
    """A negative."""
    return -images.clamp(-1, 1)


def sketched(images: Tensor) -> Tensor:
    """Dark edges on white: how steep grey is, by Sobel."""
    grey = F.pad(_grey(images), (1, 1, 1, 1), mode="replicate")
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).to(images) / 2
    steep = sum(F.conv2d(grey, kernel[None, None]).square() for kernel in (across, across.T)).sqrt()
    return (1 - 2 * steep.clamp(0, 1)).expand(-1, 3, -1, -1)


def old_photograph(images: Tensor) -> Tensor:
    """Grey, from brown to the yellow of old paper."""
    dark, light = _colours(0.18, 0.12, 0.08).to(images), _colours(1.0, 0.86, 0.65).to(images)
    return 2 * (dark + (light - dark) * _grey(images)) - 1


Style = Callable[[Tensor], Tensor]
STYLES: dict[str, Style] = dict(tinted=tinted, inverted=inverted, sketched=sketched, old=old_photograph)


# --- adaptors


@dataclass(frozen=True, eq=False)
class Adaptor:
    """scale, shift: a and b, [slots, dim]. gains, offsets: [c], of the channels of the learned constant, the first
    features; without entries where only codes are adapted.
    """

    scale: Tensor
    shift: Tensor
    gains: Tensor
    offsets: Tensor

    @property
    def parts(self) -> tuple[Tensor, ...]:
        return self.scale, self.shift, self.gains, self.offsets

    @property
    def numbers(self) -> int:
        return sum(part.numel() for part in self.parts)

    def kept(self) -> Adaptor:
        """A copy that nothing changes any more."""
        return Adaptor(*(part.detach().clone() for part in self.parts))


def identity(generator: StyleGAN2, *, features: bool = False) -> Adaptor:
    """The adaptor that changes nothing. Raises ValueError for another architecture than StyleGAN2."""
    if not isinstance(generator, StyleGAN2):
        raise ValueError(
            f"adaptors are for StyleGAN2 here, and this is a {type(generator).__name__}: choose another network"
        )
    const = generator.layers[0].const.detach()
    channels = len(const) if features else 0
    one, zero = const.new_ones, const.new_zeros
    size = generator.slots, generator.dim
    return Adaptor(one(size), zero(size), one(channels), zero(channels))


def _first(const: Tensor, adaptor: Adaptor) -> Tensor:
    if not len(adaptor.gains):
        return const
    return const * adaptor.gains[:, None, None] + adaptor.offsets[:, None, None]


def drawn(generator: StyleGAN2, adaptor: Adaptor, codes: Tensor) -> Tensor:
    """Images of codes [n, slots, dim], adapted; the slope of it reaches the adaptor."""
    if len(adaptor.gains):
        view, first = shallow(generator), shallow(generator.layers[0])
        first.instead = _first(first.const, adaptor)[None]
        view._modules["layers"] = nn.ModuleList([first, *generator.layers[1:]])
        generator = view
    return generator(codes * adaptor.scale + adaptor.shift)


def adapted(generator: StyleGAN2, adaptor: Adaptor) -> StyleGAN2:
    """The generator with the adaptor inside its weights: a network of the same form, for all that takes one.

    What a convolution reads of its code, A w + c, becomes (A a) w + (c + A b), so that codes, their mean and their
    truncation stay those of the generator. Weights that do not change are shared. The identity changes no bit. Raises
    ValueError where the adaptor belongs to another shape.
    """
    like = identity(generator, features=len(adaptor.gains) > 0)
    if [part.shape for part in like.parts] != [part.shape for part in adaptor.parts]:
        raise ValueError(
            f"this adaptor is of {' x '.join(map(str, adaptor.scale.shape))} numbers, and this network reads "
            f"{generator.slots} codes of {generator.dim}: it belongs to another network"
        )
    view, layers = shallow(generator), []
    for layer, slots in zip(generator.layers, generator.reads):
        layer = shallow(layer)
        for name, slot in zip(("conv", "to_rgb"), slots):
            conv = shallow(getattr(layer, name))
            conv._modules["affine"] = _folded(conv.affine, adaptor.scale[slot], adaptor.shift[slot])
            layer._modules[name] = conv
        layers.append(layer)
    _with(layers[0], const=_first(layers[0].const.detach(), adaptor))
    view._modules["layers"] = nn.ModuleList(layers)
    return view


def _folded(affine: EqualLinear, scale: Tensor, shift: Tensor) -> EqualLinear:
    view = shallow(affine)
    moved = F.linear(shift, affine.effective_weight().detach()) / affine.lr_mul
    return _with(view, weight=affine.weight.detach() * scale, bias=affine.bias.detach() + moved)


def _with(module: nn.Module, **tensors: Tensor) -> nn.Module:
    """The module, a shallow one, with other parameters of these names."""
    frozen = {name: nn.Parameter(tensor, requires_grad=False) for name, tensor in tensors.items()}
    module.__dict__["_parameters"] = module._parameters | frozen
    return module


def adaptor_bytes(adaptor: Adaptor, *, weights: str, **facts: str) -> bytes:
    """A small safetensors file. weights: sha256 of the generator's file; facts: how it was made."""
    names = ("scale", "shift", "gains", "offsets")
    tensors = {name: part.detach().cpu().contiguous() for name, part in zip(names, adaptor.parts)}
    return save(tensors, metadata=dict(facts, format=FORMAT, weights=weights))


def load_adaptor(path: str | Path, *, weights: str) -> Adaptor:
    """weights: sha256 of the generator that it is for. Raises ValueError in one sentence for a file of another."""
    path = Path(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            facts = file.metadata() or {}
            parts = [file.get_tensor(name) for name in ("scale", "shift", "gains", "offsets") if name in file.keys()]
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path.name} cannot be read as safetensors ({error}): save it again") from None
    if facts.get("format") != FORMAT or len(parts) != 4:
        raise ValueError(f"{path.name} is not an adaptor of this project: save one on the tab Restyle")
    if facts.get("weights") != weights:
        raise ValueError(
            f"{path.name} was learned for other weights ({str(facts.get('weights'))[:8]}) than those of this network "
            f"({weights[:8]}): open it with the network that it was learned for, or learn it again"
        )
    return Adaptor(*parts)


# --- learning


@dataclass(frozen=True, eq=False)
class Step:
    """After `i` steps. apart: how far a few samples look from the target, see `Sight.apart`; lower is better.

    best, best_apart: of the looks so far, which come every EVERY steps; looked: is this one of them?
    """

    i: int
    apart: float
    adaptor: Adaptor
    best: Adaptor
    best_apart: float
    best_i: int
    looked: bool


class Sight:
    """What the head reads of pictures: means and deviations, over the picture, of the critic's finest features, each in
    standard deviations of the plain generator's samples.
    """

    @torch.no_grad()
    def __init__(self, critic: HasFeatures, plain: Tensor, target: Tensor):
        self.critic = critic
        found = torch.cat([self._statistics(part) for part in plain.split(16)])
        self.mean, self.deviation = found.mean(0), found.std(0) + 1e-3
        self.target = self(target.to(plain))

    def __call__(self, images: Tensor) -> Tensor:
        """[n, features]"""
        return (self._statistics(images) - self.mean) / self.deviation

    def _statistics(self, images: Tensor) -> Tensor:
        levels = self.critic.features(images)[:LEVELS]
        deviations = [level.flatten(2).var(2).add(1e-6).sqrt() for level in levels]
        return torch.cat([*(level.mean((2, 3)) for level in levels), *deviations], 1)

    @torch.no_grad()
    def apart(self, images: Tensor, plain: Tensor, one_map: float = ONE_MAP) -> float:
        """How far the mean of what is seen of images is from the target, squared, and what is left beyond one map of
        colours of the plain ones: known without the truth, and what Stop chooses the best by.
        """
        return float((self(images).mean(0) - self.target[0]).square().mean() + one_map * beyond_one_map(images, plain))


def beyond_one_map(images: Tensor, plain: Tensor) -> Tensor:
    """The share of the variance of images [n, 3, h, w] that no affine map of the colours of `plain` explains.

    The map is the same for all pixels of all pictures, by least squares.
    """
    wanted, given = (x.movedim(1, 3).flatten(0, 2) for x in (images, plain))
    given = torch.cat([given, torch.ones_like(given[:, :1])], 1)
    with torch.no_grad():  # at the least squares the slope by the map is 0
        square = (given.T @ given).double()
        square += 1e-4 * len(given) * torch.eye(4, dtype=square.dtype, device=square.device)
        best = torch.linalg.solve(square, (given.T @ wanted).double()).to(given.dtype)
    return (wanted - given @ best).square().mean() / wanted.detach().var().clamp(min=1e-6)


def adapt(
    generator: StyleGAN2,
    critic: HasFeatures,
    target: Tensor,
    *,
    steps: int = STEPS,
    features: bool = False,
    one_map: float = ONE_MAP,
    psi: float = PSI,
    rate: float = RATE,
    seed: int = 0,
) -> Iterator[Step]:
    """Learn the adaptor that gives samples the style of `target` [1, 3, R, R] in [-1, 1]: a Step for the start
    (i = 0) and after each step.

    features: adapt the first features too. one_map: weight of that term. psi: truncation of the codes. seed: of the
    samples. Raises ValueError, before anything is drawn, for another architecture or a target that does not fit.
    """
    start = identity(generator, features=features)
    _check(generator, target)
    return _adaptors(generator, critic, target, start, dict(steps=steps, one_map=one_map, psi=psi, seed=seed), rate)


def _check(generator: StyleGAN2, target: Tensor) -> None:
    side = generator.resolution
    if target.shape != (1, 3, side, side):
        raise ValueError(
            f"one picture of {side} x {side} gives the style, [1, 3, {side}, {side}] in [-1, 1]; "
            f"got {list(target.shape)}"
        )


def _adaptors(generator, critic, target, start: Adaptor, how: dict, rate: float) -> Iterator[Step]:
    adaptor = Adaptor(*(part.clone().requires_grad_(True) for part in start.parts))
    best, least, best_i = start, float("inf"), 0
    for i, apart in _game(
        generator, lambda w: drawn(generator, adaptor, w), adaptor.parts, critic, target, rate, **how
    ):
        looked = apart is not None
        if looked and apart < least:
            best, least, best_i = adaptor.kept(), apart, i
        yield Step(i, apart if looked else least, adaptor, best, least, best_i, looked)


def fine_tune(
    generator: StyleGAN2, critic: HasFeatures, target: Tensor, *, rate: float = FULL_RATE, one_map: float = 0.0, **how
) -> Iterator[tuple[int, StyleGAN2]]:
    """Play the game of `adapt` with all weights of a copy's layers free: after each step its number and the copy.

    It is what an adaptor is compared with. Takes the keywords of `adapt` but features; raises ValueError for a target
    that does not fit.
    """
    _check(generator, target)
    free = copy.deepcopy(generator)
    weights = [weight.requires_grad_(True) for weight in free.layers.parameters()]
    for i, _ in _game(generator, free, weights, critic, target, rate, one_map=one_map, **how):
        yield i, free


def _game(
    generator: StyleGAN2,
    draw: Callable[[Tensor], Tensor],
    variables: Sequence[Tensor],
    critic: HasFeatures,
    target: Tensor,
    rate: float,
    *,
    steps: int = STEPS,
    one_map: float = ONE_MAP,
    psi: float = PSI,
    seed: int = 0,
) -> Iterator[tuple[int, float | None]]:
    """Steps of the game; with each that is looked at, how far checked samples are from the target."""
    with torch.no_grad():
        checked = codes_in_turn(generator, CHECKED, FIRST_CHECKED, psi=psi)
        plain = generator(checked)
        many = codes_in_turn(generator, SPREAD - CHECKED, FIRST_CHECKED + CHECKED, psi=psi)
        sight = Sight(critic, torch.cat([plain, *(generator(part) for part in many.split(14))]), target)
    head = Head(sight)
    descent = torch.optim.Adam([one for one in variables if one.numel()], lr=rate, betas=(0.0, 0.99))
    for i in range(steps + 1):
        looked = i % EVERY == 0 or i == steps
        with torch.no_grad():
            yield i, sight.apart(draw(checked), plain, one_map) if looked else None
        if i == steps:
            return
        first = FIRST_TRAINED + (seed * STEPS * 10 + i) * BATCH
        codes = codes_in_turn(generator, BATCH, first, psi=psi)
        with torch.no_grad():
            before = generator(codes) if one_map else None
        with torch.enable_grad():
            images = draw(codes)
            seen = sight(images)
            head.learn(seen.detach())
            loss = F.softplus(-head(seen)).mean()
            if one_map:
                loss = loss + one_map * beyond_one_map(images, before)
            descent.zero_grad()
            loss.backward()
        for group in descent.param_groups:
            group["lr"] = rate * min(1.0, 2 * (1 - i / steps))
        descent.step()


class Head:
    """The linear head: seen features [n, f] -> scores [n], higher for the target."""

    def __init__(self, sight: Sight):
        self.target = sight.target
        self.weight = torch.zeros_like(self.target[0]).requires_grad_(True)
        self.bias = torch.zeros_like(self.weight[0]).detach().requires_grad_(True)
        self.descent = torch.optim.Adam([self.weight, self.bias], lr=HEAD_RATE, betas=(0.0, 0.99))

    def __call__(self, seen: Tensor) -> Tensor:
        weight, bias = self.weight.detach(), self.bias.detach()
        return seen @ weight / len(weight) ** 0.5 + bias

    def learn(self, seen: Tensor) -> None:
        """One step that tells the target from what was seen of adapted samples."""
        told = [x @ self.weight / len(self.weight) ** 0.5 + self.bias for x in (self.target, seen)]
        loss = F.softplus(-told[0]).mean() + F.softplus(told[1]).mean() + DECAY * self.weight.square().sum()
        self.descent.zero_grad()
        loss.backward()
        self.descent.step()
