"""How long multi-code inversion needs to get as far as the published optimiser, and which change saves what.

    python -m tests.benchmarks.restore                  # about ten minutes on one idle core
    python -m tests.benchmarks.restore --steps 300      # the published optimiser stopped earlier: a look, not the claim

One held-out portrait, one PGGAN, the same loss (pixels and critic features), the same codes to start from. The
published optimiser is written out below as its authors' code has it, from the network's weights alone: one code after
the other, plain descent at rate 1, the mixture divided by N, gradients of all weights, the target's features worked
out each time. CPU seconds of one thread, so that other work on the machine does not count; a step's cost is a median.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from core import zoo
from core.checkpoints import native
from core.critics import Critic
from core.generators.pggan import PGGAN, pixel_norm
from core.inversion.losses import closeness
from core.inversion.multicode import invert
from core.truth.worlds import portraits

STEPS = 3000  # the published default for reconstruction
LAYER, N = 4, 10
SOME = 15  # steps whose median is the cost of a step
LENGTHS = dict(adam=(25, 50, 100, 200, 400, 800, 1600, 3200), lbfgs=(3200,))  # Adam's rate falls to 0 at the end


def blocks(generator: PGGAN) -> list[Callable[[Tensor], Tensor]]:
    """[n, c, h, w] -> [n, c, h, w] each, as published: normalise, double where the size grows, convolve, leaky ReLU."""
    first, *others = generator.layers

    def code_block(x: Tensor) -> Tensor:
        x = F.conv2d(F.pad(pixel_norm(x), (3, 3, 3, 3)), (first.weight * first.gain).flip(2, 3))
        return F.leaky_relu(x + first.bias[:, None, None], 0.2)

    def block(layer) -> Callable[[Tensor], Tensor]:
        def forward(x: Tensor) -> Tensor:
            x = pixel_norm(x)
            x = F.interpolate(x, scale_factor=2) if layer.up else x
            return F.leaky_relu(F.conv2d(x, layer.weight * layer.gain, layer.bias, padding=1), 0.2)

        return forward

    def to_rgb(x: Tensor) -> Tensor:
        return F.conv2d(pixel_norm(x), generator.rgb_weight * generator.channels[-1] ** -0.5, generator.rgb_bias)

    return [code_block, *map(block, others), to_rgb]


def published(
    generator: PGGAN, critic: Critic, target: Tensor, *, batched: bool = False, lean: bool = False, seed: int = 0
) -> Iterator[float]:
    """The loss of each iterate, endlessly. batched: all codes at once; lean: frozen weights, target features kept."""
    generator, critic = (copy.deepcopy(net).requires_grad_(not lean) for net in (generator, critic))
    before, after = blocks(generator)[:LAYER], blocks(generator)[LAYER:]
    z = generator.sample(N, seed).requires_grad_(True)
    alpha = torch.full((N, generator.layers[LAYER - 1].weight.shape[0]), 1 / N, requires_grad=True)
    optimiser = torch.optim.SGD([z, alpha], lr=1.0)
    kept = closeness(critic)(target)
    while True:
        maps = []
        for x in [z[:, :, None, None]] if batched else z[:, None, :, None, None]:
            for block in before:
                x = block(x)
            maps.append(x)
        x = (torch.cat(maps) * alpha[:, :, None, None]).sum(0, keepdim=True) / N
        for block in after:
            x = block(x)
        loss = (kept if lean else recomputed(critic, target))(x).sum()
        yield loss.item()
        optimiser.zero_grad()
        for weight in () if lean else (*generator.parameters(), *critic.parameters()):
            weight.grad = None
        loss.backward()
        optimiser.step()


def recomputed(critic: Critic, target: Tensor) -> Callable[[Tensor], Tensor]:
    """`closeness(critic)(target)` whose target features are in the graph, as the published loss has them."""

    def distance(x: Tensor) -> Tensor:
        pixels = (x - target).square().mean((1, 2, 3))
        pairs = [
            tuple(f * torch.rsqrt(f.square().sum(1, keepdim=True) + 1e-8) for f in pair)
            for pair in zip(critic.features(x), critic.features(target))
            if pair[0].shape[-1] >= 8
        ]
        return pixels + 0.1 * sum((a - b).square().sum(1).mean((1, 2)) for a, b in pairs) / len(pairs)

    return distance


def paced(stream: Iterator) -> Iterator[tuple[float, object]]:
    """(CPU seconds that it took, what came)."""
    while True:
        start = time.process_time()
        try:
            came = next(stream)
        except StopIteration:
            return
        yield time.process_time() - start, came


def cost(streams: dict[str, Iterator]) -> dict[str, float]:
    """Median CPU seconds of a step, the streams taking turns."""
    taken: dict[str, list[float]] = {name: [] for name in streams}
    streams = {name: paced(stream) for name, stream in streams.items()}
    for _ in range(SOME):
        for name, stream in streams.items():
            taken[name].append(next(stream)[0])
    return {name: statistics.median(times[2:]) for name, times in taken.items()}


def reached(generator: PGGAN, critic: Critic, target: Tensor, loss: float, optimiser: str) -> tuple[int, float]:
    """Steps and CPU seconds until ours is at `loss`, failed attempts included; RuntimeError where it never is."""
    spent, made = 0.0, 0
    for steps in LENGTHS[optimiser]:
        stream = invert(
            generator, target, layer=LAYER, n_codes=N, steps=steps, loss=closeness(critic), optimiser=optimiser
        )
        for seconds, step in paced(stream):
            spent += seconds
            if step.loss <= loss:
                return made + step.i, spent
        made += step.i
    raise RuntimeError(f"{optimiser} did not reach {loss:.4f} in {steps} steps")


def measure(generator: PGGAN, critic: Critic, steps: int) -> str:
    """One table."""
    target = portraits.render(portraits.sample(1, portraits.SPLITS["test"])).images
    variants = dict(published={}, lean=dict(lean=True), batched=dict(lean=True, batched=True))
    streams: dict[str, Iterator] = {name: published(generator, critic, target, **how) for name, how in variants.items()}
    streams |= {
        name: invert(
            generator, target, layer=LAYER, n_codes=N, steps=SOME, loss=closeness(critic), patience=None, optimiser=name
        )
        for name in LENGTHS
    }
    seconds = cost(streams)
    descent = published(generator, critic, target, lean=True, batched=True)  # the same iterates, sooner
    losses = [next(descent) for _ in range(steps + 1)]
    ours = {name: reached(generator, critic, target, losses[-1], name) for name in LENGTHS}
    theirs, same = steps * seconds["published"], steps * seconds["batched"]
    rows = [
        ("published", seconds["published"], steps, theirs, 1.0),
        (
            "+ no gradients of weights, target's features kept",
            seconds["lean"],
            steps,
            steps * seconds["lean"],
            seconds["published"] / seconds["lean"],
        ),
        ("+ all codes at once", seconds["batched"], steps, same, seconds["lean"] / seconds["batched"]),
        ("+ Adam without the gauges: ours", seconds["adam"], *ours["adam"], same / ours["adam"][1]),
        ("  or L-BFGS without the gauges", seconds["lbfgs"], *ours["lbfgs"], same / ours["lbfgs"][1]),
    ]
    lines = [f"{'':50}  s a step  steps         s   share"]
    lines += [f"{what:50}{each:10.3f}{count:7d}{total:10.1f}{share:7.1f}x" for what, each, count, total, share in rows]
    lines += [
        f"the loss to reach is {losses[-1]:.4f} (start {losses[0]:.4f}, least {min(losses):.4f}); "
        f"Adam is {theirs / ours['adam'][1]:.1f} times faster, L-BFGS {theirs / ours['lbfgs'][1]:.1f} times",
        f"{N} codes mixed after {LAYER} layers, {generator.resolution} px, one thread",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of the published optimiser (default: {STEPS})")
    parser.add_argument("--generator", type=Path, help="a PGGAN's own file (default: the bundled portraits-pggan)")
    parser.add_argument("--critic", type=Path, help="its critic's (default: the bundled one's)")
    asked = parser.parse_args()
    if asked.steps < 1 or (asked.generator is None) != (asked.critic is None):
        parser.error("give at least one step, and a generator together with its critic")
    if not asked.generator and "portraits-pggan" not in zoo.CARDS:
        parser.error("the PGGAN is not bundled here: give a generator and its critic")
    torch.set_num_threads(1)
    if asked.generator:
        generator, critic = native.read(asked.generator), native.read(asked.critic)
    else:
        generator, critic = zoo.load("portraits-pggan"), zoo.load_critic("portraits-pggan")
    print(measure(generator, critic, asked.steps))


if __name__ == "__main__":
    main()
