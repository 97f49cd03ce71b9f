"""What makes a class, by the share of channels: few of them kept, and more and more of them from another class.

He et al., Interpreting Class Conditional GANs with Channel Awareness, arXiv 2203.11173; our formulation. Both are
streams, a share at a time: stop them by closing them. Differences are in levels of 255, RMS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from ..generators.base import Generator
from .awareness import chosen
from .editing import ChannelEdit, edited, hybrid
from .effect import levels


class Kept(NamedTuple):
    """Pictures of a class with a share (0 to 1) of every gate's channels, all others at 0 after their ReLU.

    whole: [n, 3, R, R] with all channels; aware: with the most aware ones; random: [draws * n, 3, R, R] with as many
    random ones, choice by choice. aware_off, random_off: how far these are from the whole, the mean over the pictures
    and for random ones the median over the choices.
    """

    share: float
    whole: Tensor
    aware: Tensor
    random: Tensor
    aware_off: float
    random_off: float


@torch.no_grad()
def with_only(generator: Generator, codes: Tensor, kept: Mapping[int, Tensor]) -> Tensor:
    """Pictures [n, 3, R, R] in [-1, 1] of codes with the channels `kept` of some gates, gate -> bool [channels]."""
    edits = [ChannelEdit(gate, ~mask, multiply=0.0) for gate, mask in kept.items()]
    return edited(generator, edits)(codes).clamp(-1, 1)


def few(
    generator: Generator, codes: Tensor, scores: Mapping[int, Tensor], shares: Sequence[float], *, draws: int
) -> Iterator[Kept]:
    """What is left of the pictures of codes [n, slots, dim] with a share of the channels, for each of the shares.

    scores: gate -> [channels], such as `awareness` of their class. draws: random choices beside it.
    """
    whole = with_only(generator, codes, {})
    for share in shares:
        aware = with_only(generator, codes, chosen(scores, share))
        picks = [chosen(scores, share, order="random", seed=draw) for draw in range(draws)]
        random = [with_only(generator, codes, pick) for pick in picks]
        random_off = median(float(levels(one, whole).mean()) for one in random)
        yield Kept(share, whole, aware, torch.cat(random), float(levels(aware, whole).mean()), random_off)


class Crossed(NamedTuple):
    """Hybrids [n, 3, R, R] of two classes with a share (0 to 1) of channels from the other one.

    ends: the pictures of both classes, [n, 3, R, R] each. nearer: how many hybrids are nearer to the other class's
    picture than to their own, pixel by pixel.
    """

    share: float
    ends: tuple[Tensor, Tensor]
    pictures: Tensor
    nearer: int


@torch.no_grad()
def crosses(
    generator: Generator, a: Tensor, b: Tensor, scores: Mapping[int, Tensor], shares: Sequence[float], *, mix: str
) -> Iterator[Crossed]:
    """Hybrids of codes a and b [n, slots, dim], usually of the same noise, for each share of the channels from b.

    scores: gate -> [channels], such as `awareness` of b's class: what opens most comes first. mix: see `hybrid`.
    """
    ends = generator(a).clamp(-1, 1), generator(b).clamp(-1, 1)
    for share in shares:
        pictures = hybrid(generator, a, b, chosen(scores, share), mix=mix).clamp(-1, 1)
        own, other = (levels(pictures, end) for end in ends)
        yield Crossed(share, ends, pictures, int((other < own).sum()))


# --- in sentences


def few_sentence(
    rows: Sequence[Mapping], keep: float, name: str, *, pictures: int, draws: int, untouched: int | None
) -> str:
    """How far few channels lead, at the share next to `keep` per cent, beside random ones.

    rows: by share, `keep` in per cent, `aware_off`, `random_off`, and how many a classifier takes for the class,
    `aware_taken` and `random_taken`. untouched: that count with all channels; None without a classifier.
    """
    here = min(rows, key=lambda row: abs(row["keep"] - keep))
    closer = sum(row["aware_off"] < row["random_off"] for row in rows)
    if untouched is None:
        judged = (
            "no classifier belongs to this network, so what is measured is how far the picture moves, "
            "not whether it is still one of its class"
        )
    else:
        judged = (
            f"the classifier takes {here['aware_taken']} of {pictures} for {name} with the aware channels, "
            f"{here['random_taken']} of {pictures * draws} with random ones, {untouched} of {pictures} with all"
        )
    return (
        f"With the {here['keep']:g} % most aware channels of {name} the picture is {here['aware_off']:.1f} of 255 "
        f"levels off; with as many random ones {here['random_off']:.1f}. The aware ones are closer at {closer} of "
        f"{len(rows)} shares. ({pictures} picture{'s' * (pictures > 1)}, {draws} random choice{'s' * (draws > 1)}; "
        f"{judged})"
    )


def cross_sentence(
    turned: Mapping[float, int], names: tuple[str, str], *, gates: Sequence[int], mix: str, pictures: int, judged: bool
) -> str:
    """From which share of the channels on the pictures have turned into the other class.

    turned: share (0 to 1) -> how many of the pictures; judged: by a classifier, else by nearness in pixels. names: of
    the two classes.
    """
    (this, other), last = names, list(turned.values())[-1]
    over = next((share for share, many in turned.items() if many > pictures / 2), None)
    most = f"most of the {pictures} pictures" if pictures > 1 else "the picture"
    begin = "" if over is None else f"From {100 * over:.0f} % of the channels on, "
    used = f"gates {gates[0]} to {gates[-1]}, {mix}; {pictures} picture{'s' * (pictures > 1)}"
    if judged:
        never = f"Even with all channels of these gates the classifier does not take {most} for {other}"
        there = f"{begin}the classifier takes {most} for {other}" if begin else never
        return f"{there} ({used}; with all of them {last} of {pictures})."
    are = "are" if pictures > 1 else "is"
    never = f"Even with all channels of these gates it stays nearer to {this} than to {other}"
    there = f"{begin}{most} {are} nearer to {other} than to {this}" if begin else never
    return (
        f"{there}, pixel by pixel ({used}; no classifier belongs to this network, so nearness is measured in pixels)."
    )
