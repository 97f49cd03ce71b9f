"""Strides and paddings of a DCGAN: which ones fit its kernels, the usual ones first.

A state dict does not have them. From one pixel a kernel k makes k pixels; then every layer doubles the size, as far as
its kernel can; a network whose sizes come out odd was probably written otherwise, as another one of the common ways.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..generators.dcgan import SIDE, Conv
from .dcgan_layers import DENSE, TRANSPOSED, Layer, Network

COMMON = (16, 28, 32, 48, 64, 96, 128, 192, 256, 512, 1024)  # pixels a side of training pictures
UNCOMMON = 2.0  # cost of any other size
UNPADDED = 1.0  # cost of a network that leaves PyTorch's padding of 0 everywhere
SINGLE = 0.4  # cost of a stride of 1 in it, for the second convolution; 0.1 more for each one later
MOST = 4096  # combinations of each kind that are tried
EXCEPTION = 0.3  # cost of a layer more that is not as usual


class Step(NamedTuple):
    """How one convolution changes the size."""

    stride: int
    padding: int
    output_padding: int = 0
    up: int = 1


WORDS = ("stride", "padding", "output padding", "up-sampling factor")
KEYS = ("strides", "paddings", "output_paddings", "ups")  # of a config, in the order of Step


class Geometry(NamedTuple):
    """steps: of each convolution; sizes: pixels a side, from the first map on; cost: 0 for what is usual.

    usual: the steps of the cheapest assumption, that `says` compares with.
    """

    cost: float
    sizes: tuple[int, ...]
    steps: tuple[Step, ...]
    usual: tuple[Step, ...]

    @property
    def size(self) -> int:
        return self.sizes[-1]

    @property
    def says(self) -> str:
        """What differs from the usual, such as "the last layer has padding 3"."""
        unpadded = not any(step.padding for step in self.steps) and sum(step.padding > 0 for step in self.usual) > 1
        parts = range(len(WORDS)) if not unpadded else (0, 3)
        groups: dict[str, list[int]] = {}
        for i, (step, usual) in enumerate(zip(self.steps, self.usual)):
            if changes := [f"{WORDS[part]} {step[part]}" for part in parts if step[part] != usual[part]]:
                groups.setdefault(" and ".join(changes), []).append(i)
        said = [f"{_which(places, len(self.steps))} {change}" for change, places in groups.items()]
        said = ["no layer has padding", *said] if unpadded else said
        return "; ".join(said) or "the usual strides and paddings"


def _which(places: Sequence[int], count: int) -> str:
    if len(places) == 1:
        return "the last layer has" if places[0] == count - 1 else f"convolution {places[0] + 1} has"
    numbers = [str(i + 1) for i in places]
    return f"convolutions {', '.join(numbers[:-1])} and {numbers[-1]} have"


def geometries(found: Network, asked: dict[str, list], size: int | None = None) -> list[Geometry]:
    """Those that fit, cheapest first; asked: some of KEYS, a number or None for each convolution; size: pixels a side.

    Steps that are asked for are taken, whatever they are.
    """
    convs, start = found.convs, found.size
    fixed = [tuple((asked.get(key) or [None] * len(convs))[i] for key in KEYS) for i in range(len(convs))]
    choices = [_choices(found, i, fixed[i]) for i in range(len(convs))]
    usual = tuple(options[0][1] for options in choices)
    made: dict[tuple[Step, ...], Geometry] = {}
    for cost, steps in _combinations(convs, choices):
        sizes = _sizes(convs, steps, start)
        if sizes is None or (size is not None and sizes[-1] != size):
            continue
        cost += 0 if sizes[-1] in COMMON else UNCOMMON
        if steps not in made or cost < made[steps].cost:
            made[steps] = Geometry(cost, sizes, steps, usual)
    return sorted(made.values(), key=lambda one: (one.cost, one.sizes))


def _choices(found: Network, i: int, fixed: Sequence[int | None]) -> list[tuple[float, Step]]:
    """(cost, step) of a convolution, the usual one first; `fixed` numbers replace theirs."""
    layer, last = found.convs[i], i == len(found.convs) - 1
    if found.size is None and i == 0:
        options = [(0.0, Step(1, 0))]  # on one pixel
    elif found.size == 1 and i == 0 and layer.kind == TRANSPOSED and layer.kernel > 1:  # behind a linear layer
        options = [(0.0, Step(1, 0)), *((cost + 0.5, step) for cost, step in _transposed(layer.kernel, last))]
    elif layer.kind == TRANSPOSED:
        options = _transposed(layer.kernel, last)
        if i == 0 and layer.kernel == 5:  # TensorFlow's tutorial, behind a linear layer to 7 x 7
            options = [(0.5 if step == Step(1, 2) else cost, step) for cost, step in options]
    else:
        options = _plain(found, i, last)
    changed: dict[Step, float] = {}
    for cost, step in options:
        changed.setdefault(Step(*(own if asked is None else asked for own, asked in zip(step, fixed))), cost)
    return [(cost, step) for step, cost in changed.items()]


def _transposed(kernel: int, last: bool) -> list[tuple[float, Step]]:
    odd, half = kernel % 2, (kernel - 1) // 2
    if kernel == 1:
        return [(0, Step(1, 0)), *([(1, Step(1, 2))] if last else [])]
    if kernel == 2:
        return [(0, Step(2, 0)), (1.5, Step(1, 0))]
    if kernel == 3:
        return [(0, Step(2, 1)), (0.5, Step(2, 1, 1)), (1, Step(1, 1)), (1, Step(2, 0)), (1.5, Step(1, 0))]
    usual = [(0, Step(2, half, odd)), (1, Step(1, 0)), (1, Step(2, 0))]
    more = [(1, Step(2, half)), (1, Step(1, half))] if odd else [(1.5, Step(2, half + 1))]
    return [*usual, *more, *([(1, Step(2, 3))] if last and kernel == 4 else [])]


def _plain(found: Network, i: int, last: bool) -> list[tuple[float, Step]]:
    layer, same = found.convs[i], (found.convs[i].kernel - 1) // 2
    up = 2 if _is_enlarged(found, i, last) else 1
    return [(0, Step(1, same, 0, up)), (1, Step(1, same, 0, 3 - up)), (1.5 + (layer.kernel == 1), Step(1, 0, 0, up))]


def _is_enlarged(found: Network, i: int, last: bool) -> bool:
    """Is there an up-sampling before a plain convolution, as far as the numbers tell? Beside transposed ones: no."""
    layer = found.convs[i]
    before = found.layers[found.layers.index(layer) - 1]
    if any(conv.kind == TRANSPOSED for conv in found.convs):
        return False
    if layer.lead:
        return True
    if before.gap is None:
        return not last  # names without numbers: up-sampling stands in the code
    reshaped = before.kind == DENSE and before.last.parent == before.module.parent  # Unflatten is a layer too
    enough = 3 if reshaped and before.norm else 2
    return before.gap >= enough or (before.gap == 1 and norm_stands_apart(before))


def norm_stands_apart(layer: Layer) -> bool:
    """Does the batch norm of a linear layer begin the numbering of the convolutions? Then no activation follows it."""
    return layer.kind == DENSE and layer.norm is not None and layer.norm.parent != layer.module.parent


def _combinations(
    convs: Sequence[Layer], choices: Sequence[list[tuple[float, Step]]]
) -> Iterator[tuple[float, tuple[Step, ...]]]:
    """All layers with one kernel alike; or all usual but one or two; or none padded."""
    usual = [options[0][1] for options in choices]
    kinds = [(conv.kind, conv.kernel, *map(tuple, options)) for conv, options in zip(convs, choices)]
    groups = sorted(set(kinds))
    for chosen in itertools.islice(itertools.product(*(group[2:] for group in groups)), MOST):
        picked = [dict(zip(groups, chosen))[kind] for kind in kinds]
        costs = [cost * (1 + EXCEPTION * (kinds.count(group) - 1)) for group, (cost, _) in zip(groups, chosen)]
        yield sum(costs), tuple(step for _, step in picked)
    for count in (1, 2):
        for places in itertools.combinations(range(len(convs)), count):
            for picked in itertools.product(*(choices[i][1:] for i in places)):
                steps = list(usual)
                for i, (_, step) in zip(places, picked):
                    steps[i] = step
                late = 0.01 * sum(len(convs) - i for i in places)
                yield sum(cost for cost, _ in picked) + EXCEPTION * count + late, tuple(steps)
    unpadded = [[step for _, step in options if step.padding == step.output_padding == 0] for options in choices]
    for steps in itertools.islice(itertools.product(*unpadded), MOST):
        singles = [i for i, step in enumerate(steps[1:]) if step.stride == 1]
        yield UNPADDED + sum(SINGLE + 0.1 * i for i in singles), tuple(steps)


def _sizes(convs: Sequence[Layer], steps: Sequence[Step], start: int | None) -> tuple[int, ...] | None:
    """None where a map would have no pixel, or more than may be drawn."""
    sizes, side = [start] if start else [], start or 1
    for conv, step in zip(convs, steps):
        side = Conv(1, conv.kernel, *step, transposed=conv.kind == TRANSPOSED).size(side)
        if not 1 <= side <= SIDE or 0 < step.stride <= step.output_padding:
            return None
        sizes.append(side)
    return tuple(sizes)
