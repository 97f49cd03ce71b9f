"""What a channel does to a picture: by how much, where, beside random channels, and that in a sentence.

A change is given in levels of 255, as root mean square over pixels and colours. Only the layers after the channel run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from ..generators.base import Generator, State
from ..taps import tap
from .editing import ChannelEdit, edit_start, redrawn
from .gates import checked_gate

LEVELS = 127.5  # of 255, for a difference of 1
RANDOM = 8  # channels that any one is compared with
# share of the change, and times that of random channels, from which a channel is said to change a part
CLEAR, TIMES = 0.5, 2.0


class Untouched(NamedTuple):
    """A picture as it is, for changes of the channels of one gate.

    codes [1, slots, dim]. state: what is before the gate's layer, None for layer 0. picture [1, 3, R, R] in [-1, 1].
    maps [channels, h, w]: what the gate lets through.
    """

    codes: Tensor
    state: State | None
    picture: Tensor
    maps: Tensor

    def bytes(self) -> int:
        tensors = (self.codes, *(self.state or ()), self.picture, self.maps)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors if tensor is not None)


@torch.no_grad()
def untouched(generator: Generator, codes: Tensor, gate: int) -> Untouched:
    """The picture of codes [1, slots, dim], and what a change at the gate starts from. Raises as `checked_gate`."""
    layer = edit_start(generator, [ChannelEdit(gate, 0)])
    state = generator.run(codes, stop=layer) if layer else None
    with tap(checked_gate(generator, gate)) as seen:
        picture = generator.to_image(generator.run(codes, state, start=layer)).clamp(-1, 1)
    return Untouched(codes, state, picture, seen[0][0].cpu())


def changed(generator: Generator, before: Untouched, gate: int, channel: int, amounts: Sequence[float]) -> Tensor:
    """Pictures [n, 3, R, R] in [-1, 1] with the channel at each of n strengths: 0 is off, 1 as it is."""
    edit = ChannelEdit(gate, channel, multiply=torch.tensor([float(one) for one in amounts]))
    return redrawn(generator, before.codes, before.state, [edit]).clamp(-1, 1)


def levels(a: Tensor, b: Tensor) -> Tensor:
    """RMS difference of pictures [n, 3, R, R] in [-1, 1], [n] in levels of 255."""
    return LEVELS * (a.clamp(-1, 1) - b.clamp(-1, 1)).square().mean((1, 2, 3)).sqrt()


def half_on(after: Tensor, before: Tensor) -> float:
    """Share of the picture that the strongest half of the squared change lies on, 0 to 1; nan where nothing changes.

    Pictures [1, 3, R, R].
    """
    squares = (after - before).square().mean((0, 1)).flatten().sort(descending=True)[0].double()
    if not squares.sum() > 0:
        return float("nan")
    return (1 + int((squares.cumsum(0) < squares.sum() / 2).sum())) / len(squares)


# --- on which parts


class Effect(NamedTuple):
    """What a change does to one picture.

    levels: of 255, RMS. half: as `half_on`. parts: the share of the squared change on each part, 0 to 1, by name.
    """

    levels: float
    half: float
    parts: dict[str, float]


def effect_of(after: Tensor, before: Tensor, parts: Mapping[str, Tensor]) -> Effect:
    """The effect that made picture `after` of `before`, [1, 3, R, R] each; parts: bool masks [R, R] on the CPU."""
    return Effect(float(levels(after, before)), half_on(after, before), part_shares(after, before, parts))


def part_shares(after: Tensor, before: Tensor, parts: Mapping[str, Tensor]) -> dict[str, float]:
    """The share of the squared change [1, 3, R, R] on each part, a bool mask [R, R]; empty where nothing changes."""
    squares = (after - before).square().mean((0, 1)).cpu()
    if not squares.sum() > 0:
        return {}
    return {name: float(squares[mask].sum() / squares.sum()) for name, mask in parts.items()}


def lost(part: Tensor, left: Tensor | None) -> float:
    """Share of the pixels of a part, bool [h, w], that are no longer among what is `left` of it, None: nothing."""
    return 1.0 if left is None else 1 - float((part & left).sum() / part.sum())


class Usual(NamedTuple):
    """Medians of what `count` random channels do. half: None where none of them changes anything."""

    count: int
    levels: float
    half: float | None
    parts: dict[str, float]


def random_channels(count: int, seed: int) -> list[int]:
    """At most RANDOM + 1 of `count` channels: one more than are compared, as the channel may be among them."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()[: RANDOM + 1]


def usual(effects: Mapping[int, Effect], channel: int) -> Usual:
    """Medians over the effects of RANDOM channels, by number, other than `channel`."""
    others = [one for number, one in effects.items() if number != channel][:RANDOM]
    halves, names = [one.half for one in others if one.half == one.half], {name for one in others for name in one.parts}
    parts = {name: median(one.parts.get(name, 0.0) for one in others) for name in names}
    return Usual(len(others), median(one.levels for one in others), median(halves) if halves else None, parts)


def struck(shares: Mapping[str, float], random: Usual | None) -> str:
    """The part that more of the change lies on than of random channels' changes; without those, that with the most."""
    usually = random.parts if random else {}
    return max(shares, key=lambda name: shares[name] - usually.get(name, 0.0))


def clear_part(shares: Mapping[str, float], random: Usual) -> str:
    """The part that the channel clearly changes: `struck`, with a share of CLEAR and TIMES the random one; "": none."""
    name = struck(shares, random) if shares else ""
    return name if name and shares[name] >= max(CLEAR, TIMES * random.parts.get(name, 0.0)) else ""


# --- in a sentence


def effect_sentence(found: Effect, amount: float, random: Usual | None) -> str:
    """How much of a picture a channel at `amount` times its strength changes, and where, beside random channels."""
    if amount == 1:
        return "The channel is as it is: nothing changes."
    doing = "Switching it off" if amount == 0 else f"Setting it to {amount:g} times its strength"
    if found.half != found.half:
        return f"{doing} changes nothing: the channel lets nothing through in this picture."
    others = f" ({random.count} random channels of this gate: {random.levels:.1f}, the median)" if random else ""
    ending = " One picture." if random else ""
    return f"{doing} changes the picture by {found.levels:.1f} of 255 levels{others}. {_where(found, random)}{ending}"


def plain_effect(found: Effect, amount: float, random: Usual | None) -> str:
    """What a channel at `amount` times its strength changes, in words that need no explanation."""
    doing = "Switched off" if amount == 0 else f"At {amount:g} times its strength"
    if found.half != found.half:
        return f"{doing}, the channel changes nothing: it lets nothing through in this picture."
    if found.parts:
        name = struck(found.parts, random)
        other = f", with random channels {100 * random.parts.get(name, 0):.0f} %" if random else ""
        share = f"{100 * found.parts[name]:.0f} % of the change lies there"
        return f"{doing}, the channel changes the {name} most: {share}{other}."
    share = f"half of the change lies on {100 * found.half:.0f} % of it"
    other = f", with random channels on {100 * random.half:.0f} %" if random and random.half is not None else ""
    return f"{doing}, the channel changes this picture: {share}{other}."


def _where(found: Effect, random: Usual | None) -> str:
    if found.parts:
        name = struck(found.parts, random)
        other = f"; random channels: {100 * random.parts.get(name, 0):.0f} %" if random else ""
        return f"{100 * found.parts[name]:.0f} % of the change lies on the part “{name}”{other}."
    other = f"; random channels: on {100 * random.half:.0f} %" if random and random.half is not None else ""
    return f"Half of the change lies on {100 * found.half:.0f} % of the picture{other}."
