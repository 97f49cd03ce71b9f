"""Edits of single channels, and hybrids of two pictures that take some channels from each.

He et al., Interpreting Class Conditional GANs with Channel Awareness, arXiv 2203.11173; our formulation. An edited
generator is a view that shares every weight: the generator itself never changes, so that threads do not meet in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from numbers import Integral

import torch
from torch import Tensor, nn

from ..generators.base import Generator, State, shallow
from ..taps import tap
from .gates import checked_gate

MIXES = ("parameters", "features")
Change = Callable[[nn.Module, Tensor, Tensor], Tensor]  # (gate, x [n, c, h, w], code [n, dim]) -> [n, c, h, w]


@dataclass(frozen=True, eq=False)
class ChannelEdit:
    """h becomes multiply * h + add in some channels of one gate, after its ReLU.

    gate: which of `generator.gates`. channels: one number, or bool [channels]. multiply: 0 switches off, 1 changes
    nothing; add: in units of the activation, whose standard deviation is `awareness.spread`. Both are numbers, or [n],
    one for each of n pictures. The sum is not clamped, so that +s and -s undo each other.
    """

    gate: int
    channels: int | Tensor
    add: float | Tensor = 0.0
    multiply: float | Tensor = 1.0

    def applied(self, maps: Tensor) -> Tensor:
        """maps [n, channels, h, w] -> the same with the change; raises ValueError where there is no such channel."""
        mask = self._mask(maps.shape[1]).to(maps.device)
        multiply, add = (torch.as_tensor(part).to(maps).reshape(-1, 1, 1, 1) for part in (self.multiply, self.add))
        moved = (multiply != 1) | (add != 0)  # nothing to move stays equal to the bit
        return torch.where(mask[:, None, None] & moved, multiply * maps + add, maps)

    def _mask(self, count: int) -> Tensor:
        """bool [count]"""
        if isinstance(self.channels, Tensor) and self.channels.dtype == torch.bool and self.channels.shape == (count,):
            return self.channels
        if not (isinstance(self.channels, Integral) and 0 <= self.channels < count):
            raise ValueError(
                f"channel {self.channels!r}: gate {self.gate} has the channels 0 to {count - 1}; "
                f"give one of them, or {count} times true or false"
            )
        return torch.arange(count) == self.channels


def edited(generator: Generator, edits: Iterable[ChannelEdit]) -> Generator:
    """A view of the generator with the edits, in their order; it runs as any other. `redrawn` runs only what changes.

    Raises ValueError where there is no such gate, and when it runs, where there is no such channel.
    """
    changes: dict[nn.Module, list[ChannelEdit]] = {}
    for edit in edits:
        changes.setdefault(checked_gate(generator, edit.gate), []).append(edit)
    return _view(generator, {gate: partial(_applied, edits) for gate, edits in changes.items()})


def _applied(edits: list[ChannelEdit], gate: nn.Module, x: Tensor, code: Tensor) -> Tensor:
    maps = gate(x, code)
    for edit in edits:
        maps = edit.applied(maps)
    return maps


def edit_start(generator: Generator, edits: Iterable[ChannelEdit]) -> int:
    """The first layer that the edits change; what runs before it can be kept. Raises as `edited`."""
    return generator.start(checked_gate(generator, edit.gate).slot for edit in edits)


@torch.no_grad()
def redrawn(generator: Generator, codes: Tensor, state: State | None, edits: Iterable[ChannelEdit]) -> Tensor:
    """Pictures [n, 3, R, R] with the edits, from a kept state: generator.run(codes, stop=edit_start(generator, edits)).

    codes [1, slots, dim]: one picture, shown with each of the n strengths of the edits; or [n, slots, dim]. state: None
    where edit_start is 0. Raises ValueError where gates, channels or strengths do not fit.
    """
    edits = list(edits)
    strengths = [part for edit in edits for part in (edit.add, edit.multiply) if isinstance(part, Tensor)]
    counts = {len(codes), *(part.numel() for part in strengths)}
    if len(counts - {1}) > 1:
        raise ValueError(f"{sorted(counts)} pictures and strengths do not fit: give one picture, or one a strength")
    n, layer = max(counts), edit_start(generator, edits)
    if state is not None and len(codes) < n:
        state = State(*(part if part is None else part.expand(n, -1, -1, -1) for part in state))
    view = edited(generator, edits)
    return view.to_image(view.run(codes.expand(n, -1, -1), state, start=layer))


@torch.no_grad()
def hybrid(
    generator: Generator, a: Tensor, b: Tensor, taken: Mapping[int, Tensor], *, mix: str = "parameters"
) -> Tensor:
    """Pictures [n, 3, R, R] of codes a [n, slots, dim] with the channels `taken` from codes b, usually the same noise.

    taken: gate -> bool [channels], True: from b, such as `awareness.chosen` of what b's class opens most; the gates in
    it are the range of layers. mix "parameters": these channels have b's gain and bias on a's features; "features":
    they are those of a run of b. Layers without a gate read a's code, or b's where every channel of every gate is
    taken: nothing taken is a's picture, and everything b's, to the bit. Raises ValueError where something does not fit.
    """
    if mix not in MIXES:
        raise ValueError(f"no mix {mix!r}: 'parameters' (gains and biases) or 'features' (activations)")
    if a.shape != b.shape:
        raise ValueError(f"codes of {list(a.shape)} and {list(b.shape)}: a hybrid needs two of the same shape")
    gates = {number: checked_gate(generator, number) for number in taken}
    for number, mask in taken.items():
        _check_mask(number, mask, gates[number].gain_and_bias(b[:1, gates[number].slot])[0].shape[1])
    if mix == "parameters":
        theirs = {number: partial(_with_code, b[:, gate.slot]) for number, gate in gates.items()}
    else:
        theirs = {number: partial(_recorded, maps) for number, maps in _activations(generator, gates, b).items()}
    if len(taken) == len(generator.gates) and all(bool(mask.all()) for mask in taken.values()):
        gated = {gate.slot for gate in generator.gates}
        ungated = torch.tensor([slot not in gated for slot in range(generator.slots)], device=a.device)
        a = torch.where(ungated[:, None], b, a)
    return _view(generator, {gates[number]: partial(_mixed, mask, theirs[number]) for number, mask in taken.items()})(a)


def _mixed(
    mask: Tensor, theirs: Callable[[nn.Module, Tensor], Tensor], gate: nn.Module, x: Tensor, code: Tensor
) -> Tensor:
    return torch.where(mask.to(x.device)[:, None, None], theirs(gate, x), gate(x, code))


def _with_code(code: Tensor, gate: nn.Module, x: Tensor) -> Tensor:
    """b's gains and biases on a's features: a gate treats each channel by itself, so mixing its outputs mixes them."""
    return gate(x, code)


def _recorded(maps: Tensor, gate: nn.Module, x: Tensor) -> Tensor:
    return maps


def _activations(generator: Generator, gates: Mapping[int, nn.Module], codes: Tensor) -> dict[int, Tensor]:
    """What each gate lets through, from one run."""
    with ExitStack() as stack:
        seen = {number: stack.enter_context(tap(gate)) for number, gate in gates.items()}
        generator.run(codes)
    return {number: outputs[0] for number, outputs in seen.items()}


def _check_mask(gate: int, mask: Tensor, channels: int) -> None:
    if mask.dtype != torch.bool or mask.shape != (channels,):
        raise ValueError(
            f"gate {gate} has {channels} channels: give a bool for each, not {list(mask.shape)} of {mask.dtype}"
        )


class ChangedGate(nn.Module):
    """A gate whose output is changed; what it reads, and how, stays the gate's."""

    def __init__(self, gate: nn.Module, change: Change):
        super().__init__()
        self.gate, self.change, self.slot = gate, change, gate.slot

    def effective_weight(self, dim: int) -> Tensor:
        return self.gate.effective_weight(dim)

    def gain_and_bias(self, code: Tensor) -> tuple[Tensor, Tensor]:
        return self.gate.gain_and_bias(code)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        return self.change(self.gate, x, code)


def _view(module: nn.Module, changes: Mapping[nn.Module, Change]) -> nn.Module:
    """A view of the module in which the gates have their changes; what holds none of them is shared as it is."""
    if module in changes:
        return ChangedGate(module, changes[module])
    children = {name: child if child is None else _view(child, changes) for name, child in module._modules.items()}
    if all(child is module._modules[name] for name, child in children.items()):
        return module
    view = shallow(module)
    view._modules.update(children)
    return view
