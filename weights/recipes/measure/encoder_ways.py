"""Ways to copy pictures with a network and its encoder, in the processor time of E and 100 steps of search.

All compare pixels, as the page does, but many codes: these have the settings of the tab Restore.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from core import zoo
from core.codes import Picture
from core.encoders.encoder import Encoder
from core.generators.base import Generator
from core.generators.padding import Padding, with_padding
from core.inversion import indomain, multicode, tasks
from core.inversion.descent import adam, descend, rise_and_fall
from core.inversion.losses import Loss, named, pixel

TIMED, PACED = 3, 8  # pictures that are copied one at a time; steps by which a search's pace is known
PLAIN_RATE = multicode.RATES[0]  # of a descent that starts far away

Copying = Callable[[Tensor], list[Picture]]  # images [n, 3, R, R] -> n pictures


class Of(Protocol):
    """What is copied, and with what: renders [n, 3, R, R] of a card's world."""

    card: str
    generator: Generator
    encoder: Encoder
    renders: Tensor


class Way(NamedTuple):
    """name: a key of `encoder_tables.WAYS`. steps: of its search. seconds: processor time a picture."""

    name: str
    steps: int
    seconds: float

    @property
    def padded(self) -> bool:
        return self.name.startswith("padded")


def searched(
    draw: indomain.Draw,
    encoder: indomain.Encodes,
    targets: Tensor,
    start: Tensor,
    *,
    steps: int,
    loss: Loss,
    domain: float = indomain.DOMAIN,
    rate: float = indomain.RATE,
    free: tuple[Tensor, ...] = (),
) -> tuple[Tensor, ...]:
    """`indomain.invert` of n pictures at once: codes [n, slots, dim] and what else is free, at the least sum of losses.

    Adam moves every number by itself, so that a picture's search does not depend on the others.
    """
    distance, unit = loss(targets), encoder.scale

    def loss_of(moved: Tensor, *more: Tensor) -> Tensor:
        codes = start + unit * moved
        images = draw(codes, *more)
        value = distance(images)
        if domain:
            value = value + domain * ((codes - encoder(images)) / unit).square().mean((1, 2))
        return value.sum()

    variables = [torch.zeros_like(start), *(one.detach().clone() for one in free)]
    for best in descend(
        variables, loss_of, steps=steps, optimiser=adam(*[rate] * len(variables)), schedule=rise_and_fall
    ):
        pass
    moved, *more = best.variables
    return (start + unit * moved, *more)


def padded(of: Of, padding: Padding) -> Callable[..., Tensor]:
    """(codes, constant, *rings) -> images, the rings in the order of `padding`; of one picture's padding any codes."""
    layers = tuple(padding.rings)

    def draw(codes: Tensor, constant: Tensor, *rings: Tensor) -> Tensor:
        whole = (one.expand(len(codes), *one.shape[1:]) for one in (constant, *rings))
        constant, *rings = whole
        return with_padding(of.generator, Padding(constant, dict(zip(layers, rings))))(codes)

    return draw


class Ways:
    """The ways to copy renders; searches but `refined` are as long as it takes."""

    def __init__(self, of: Of):
        self.of = of
        self.generator, self.encoder, self.draw = of.generator, of.encoder, of.generator
        self.paddable = getattr(self.encoder, "padding_head", None) is not None

    def mean(self, images: Tensor) -> list[Picture]:
        return [Picture(self.encoder.mean[None], self.draw)] * len(images)

    @torch.no_grad()
    def encoded(self, images: Tensor) -> list[Picture]:
        return [Picture(one, self.draw) for one in self.encoder(images).split(1)]

    def refined(self, images: Tensor, *, steps: int = indomain.STEPS, domain: float = indomain.DOMAIN) -> list[Picture]:
        with torch.no_grad():
            start = self.encoder(images)
        how = dict(steps=steps, loss=pixel, domain=domain)
        return [Picture(one, self.draw) for one in searched(self.draw, self.encoder, images, start, **how)[0].split(1)]

    def plain(self, images: Tensor, *, steps: int, rate: float = PLAIN_RATE) -> list[Picture]:
        start = self.encoder.mean.expand(len(images), -1, -1)
        how = dict(steps=steps, loss=pixel, domain=0.0, rate=rate)
        return [Picture(one, self.draw) for one in searched(self.draw, self.encoder, images, start, **how)[0].split(1)]

    def mixed(self, images: Tensor, *, steps: int) -> list[Picture]:
        setting = tasks.setting_of(self.of.card, "copy")
        layer = setting.layer_of(len(self.generator.layers))
        critic = None if setting.loss == "pixels" else zoo.load_critic(self.of.card)
        how = dict(layer=layer, n_codes=setting.codes, optimiser=setting.optimiser, loss=named(setting.loss, critic))
        found = []
        for image in images.split(1):
            *_, last = multicode.invert(self.generator, image, steps=steps, **how)
            found.append(last.picture)
        return found

    @torch.no_grad()
    def framed(self, images: Tensor) -> list[Picture]:
        codes, padding = self.encoder(images), self.encoder.padding(images)
        return self._with(codes, padding, (padding.constant, *padding.rings.values()))

    def framed_refined(self, images: Tensor, *, steps: int = indomain.STEPS) -> list[Picture]:
        with torch.no_grad():
            start, padding = self.encoder(images), self.encoder.padding(images)
        draw, free = padded(self.of, padding), (padding.constant, *padding.rings.values())
        how = dict(steps=steps, loss=pixel, free=free)
        codes, *more = searched(draw, self.encoder, images, start, **how)
        return self._with(codes, padding, more)

    def _with(self, codes: Tensor, padding: Padding, parts) -> list[Picture]:
        draw = padded(self.of, padding)
        rows = zip(codes.split(1), *(one.split(1) for one in parts))
        return [Picture(one, lambda codes, more=more: draw(codes, *more)) for one, *more in rows]


def seconds_of(copying: Copying, images: Tensor) -> float:
    """Processor time a picture, one at a time: the median of those given."""
    took = []
    for image in images.split(1):
        began = time.process_time()
        copying(image)
        took.append(time.process_time() - began)
    return float(torch.tensor(took).median())


def ways_of(of: Of, refining: int = indomain.STEPS) -> Iterator[tuple[Way, Copying]]:
    """Every way with its steps and its processor time a picture."""
    ways, some = Ways(of), of.renders[:TIMED]
    refined = partial(ways.refined, steps=refining)
    unheld = partial(refined, domain=0.0)
    seconds_of(ways.encoded, some)  # whatever is done once is done
    allowed = seconds_of(refined, some)
    yield Way("mean", 0, 0.0), ways.mean
    yield Way("encoder", 0, seconds_of(ways.encoded, some)), ways.encoded
    yield Way("refined", refining, allowed), refined
    yield Way("unheld", refining, seconds_of(unheld, some)), unheld
    slow = partial(ways.plain, rate=indomain.RATE)
    for name, copying in (("plain", ways.plain), ("slow", slow), ("mixed", ways.mixed)):
        pace = seconds_of(partial(copying, steps=PACED), some) / (PACED + 1)
        steps = max(1, int(allowed / pace) - 1)
        yield Way(name, steps, pace * (steps + 1)), partial(copying, steps=steps)
    if ways.paddable:
        yield Way("padded", 0, seconds_of(ways.framed, some)), ways.framed
        more = partial(ways.framed_refined, steps=refining)
        yield Way("padded_refined", refining, seconds_of(more, some)), more
