"""What channel awareness and its uses cost, at the sizes of the bundled BigGAN and of BigGAN-deep-256.

    python -m tests.benchmarks.channels             # prints one table; about a minute on two idle cores
    python -m tests.benchmarks.channels --threads 1

Untrained networks of these sizes: no time below depends on what was learned, but channels that a trained class keeps
shut cost nothing in the ranking by experiment. Medians of wall time, and the processor time of all threads together:
where the second is below the first, something else had the cores.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from core.channels.awareness import (
    activations,
    all_awareness,
    awareness_over_draws,
    causal_effect,
    chosen,
    orientation,
    rectified_mean,
)
from core.channels.editing import ChannelEdit, edit_start, hybrid, redrawn
from core.channels.segmentation import segment
from core.codes import Directions, edit
from core.generators.base import Generator
from core.generators.biggan import BigGANDeep
from weights.recipes.train.recipes import biggan

LABEL = 3
UNITS = (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1)  # of 128 channels: before each of 12 blocks, and at the end


class Cost(NamedTuple):
    wall: float
    processor: float


def deep256() -> BigGANDeep:
    """1,000 classes; every other block doubles the size."""
    blocks = [(bool(k % 2), 128 * i, 128 * o) for k, (i, o) in enumerate(zip(UNITS, UNITS[1:]))]
    return BigGANDeep(blocks=blocks, z_dim=128, classes=1000, class_dim=128, attention=7)


def frozen(build: Callable[[], Generator]) -> Generator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().eval().requires_grad_(False)


def cost(work: Callable[[], object], times: int) -> Cost:
    costs = []
    for _ in range(times + 1):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        costs.append(Cost(time.perf_counter() - wall, time.process_time() - processor))
    return Cost(*(statistics.median(column) for column in zip(*costs[1:])))  # the first run allocates


def row(what: str, found: Cost, limit: str = "") -> None:
    print(f"{what:<66}{1000 * found.wall:>10.1f} ms{1000 * found.processor:>10.1f} ms  {limit}", flush=True)


def formula(generator: Generator, deep: Generator) -> None:
    row("formula, all classes and gates, 64 px", cost(lambda: all_awareness(generator), 20), "at most 50 ms")
    row("  one gate, mean over 64 draws of the noise", cost(lambda: awareness_over_draws(generator, gate=0), 5))
    row("  one gate, class part and latent part", cost(lambda: orientation(generator, gate=0), 5))
    channels = sum(gate.mean.shape[1] for gate in deep.gates)
    row(
        f"formula, 1,000 classes and {channels:,} channels, deep 256 px",
        cost(lambda: all_awareness(deep), 3),
        "at most 2,000 ms",
    )
    codes = deep.codes(torch.zeros(1, 128)).double()
    row("  its first gate, one class", cost(lambda: rectified_mean(*deep.gates[0].gain_and_bias(codes[:, 1])), 20))


def edits(generator: Generator) -> None:
    """A channel's slider beside a knob of Steer that moves the slot of the same layer."""
    codes = generator.codes(generator.sample(1, 0), label=LABEL)
    for gate in range(0, len(generator.gates), 2):
        changes = [ChannelEdit(gate, 5, add=1.0)]
        start = edit_start(generator, changes)
        state = generator.run(codes, stop=start)
        direction = Directions(torch.eye(1, generator.dim, dtype=torch.float64), torch.ones(1), (start,))

        def knob() -> torch.Tensor:
            return generator.to_image(generator.run(edit(codes, direction, [1.0]), state, start=start))

        row(f"edit of a channel of gate {gate}", cost(lambda: redrawn(generator, codes, state, changes), 15))
        row(f"  a knob of Steer, slot {start}", cost(knob, 15))
    a, b = (generator.codes(generator.sample(1, 0), label=label) for label in (LABEL, 5))
    taken = chosen(dict(enumerate(means[5] for means in all_awareness(generator))), 0.3)
    for mix in ("parameters", "features"):
        row(f"hybrid of two classes, {mix} mixed", cost(lambda: hybrid(generator, a, b, taken, mix=mix), 10))


def ranking(generator: Generator, gate: int) -> None:
    """One layer's channels by experiment, as it comes: the whole, and the longest wait for a report."""
    waits, before, processor = [], time.perf_counter(), time.process_time()
    began = before
    for report in causal_effect(generator, LABEL, gate=gate):
        waits.append(time.perf_counter() - before)
        before = time.perf_counter()
    row(
        f"ranking by experiment, gate {gate}: {len(report.values)} channels, {report.of} steps",
        Cost(before - began, time.process_time() - processor),
        "at most 10,000 ms",
    )
    print(f"  {len(waits)} reports, the longest wait {1000 * max(waits):.0f} ms (at most 1,000 ms)", flush=True)


def cutting(generator: Generator) -> None:
    codes, gates = generator.codes(generator.sample(1, 0), label=LABEL), range(len(generator.gates))
    maps, weights = activations(generator, codes, gates), [means[LABEL] for means in all_awareness(generator)]
    row("segmentation into 5, all gates, 64 px", cost(lambda: segment(maps, weights, k=5), 2))
    row("  second half of the gates", cost(lambda: segment(maps[4:], weights[4:], k=5), 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="how many cores torch may use (default: 2)")
    torch.set_num_threads(parser.parse_args().threads)
    generator = frozen(lambda: biggan(64))
    with torch.no_grad():
        print(f"{'what':<66}{'wall':>13}{'processor':>13}  limit")
        formula(generator, frozen(deep256))
        edits(generator)
        ranking(generator, 1)
        ranking(generator, len(generator.gates) - 1)
        cutting(generator)


if __name__ == "__main__":
    main()
