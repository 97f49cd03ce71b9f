"""What SeFa's eigen step costs, and how often a general solver returns its answer out of order.

    python -m tests.benchmarks.sefa             # prints one table; about two minutes on one core
    python -m tests.benchmarks.sefa --trials 4  # the same, shorter

The size of a StyleGAN2 at 1024 pixels: 18 slots that read codes of 512 numbers. Random matrices whose singular values
fall as those of trained affine maps do; float64; one thread; medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core.factorization.sefa import sefa

from .. import tiny

DIM = 512
FAN_IN = (512,) * 10 + (256, 256, 128, 128, 64, 64, 32, 32)  # 18 slots, the last is a ToRGB


def decaying(rows: int, seed: int) -> Tensor:
    """[rows, DIM] in float64 with singular values proportional to 1 / sqrt(rank), in directions of its own."""
    values = torch.arange(1, rows + 1, dtype=torch.float64).rsqrt()
    left = torch.linalg.qr(tiny.normal(rows, rows, seed=2 * seed)).Q
    right = torch.linalg.qr(tiny.normal(DIM, rows, seed=2 * seed + 1)).Q
    return left * values @ right.T


def network(trial: int) -> tiny.Planted:
    return tiny.Planted(*(decaying(rows, 1000 * trial + slot) for slot, rows in enumerate(FAN_IN)))


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def official_gram(generator: tiny.Planted) -> np.ndarray:
    """A^T A [DIM, DIM] as the published code makes it: maps stacked, rows scaled to unit length."""
    stacked = torch.cat([generator.first_weight(slot) for slot in range(generator.slots)]).numpy()
    stacked = stacked / np.linalg.norm(stacked, axis=1, keepdims=True)
    return stacked.T @ stacked


def trial(number: int) -> dict[str, float]:
    """Times of one network, and the rank at which the general solver first leaves the order (DIM + 1: nowhere)."""
    generator = network(number)
    first, _ = seconds(lambda: sefa(generator, k=DIM, mode="official"))
    cached, ours = seconds(lambda: sefa(generator, k=DIM, mode="official"))
    stacking, gram = seconds(lambda: official_gram(generator))
    general, (values, _) = seconds(lambda: np.linalg.eig(gram))
    ordered = np.sort(values.real)[::-1]
    if not np.allclose(ordered, ours.scores, rtol=1e-8):  # in our order: ours is never wrong where this passes
        raise RuntimeError(f"trial {number}: the two solvers disagree, so their times compare nothing")
    wrong = np.flatnonzero(values.real != ordered)
    rank = int(wrong[0]) + 1 if len(wrong) else DIM + 1
    return dict(first=first, cached=cached, general=general, whole=stacking + general, rank=rank)


def table(trials: list[dict[str, float]]) -> str:
    first, cached, general, whole = (
        statistics.median(each[name] for each in trials) for name in ("first", "cached", "general", "whole")
    )
    late = [each["rank"] for each in trials if each["rank"] <= DIM]
    wrong, right = f"{len(late)} of {len(trials)}", f"0 of {len(trials)}"
    rows = [("what", "ours", "numpy.linalg.eig", "ratio", "ours wrong", "eig wrong")]
    for what, ours, theirs in (
        ("eigen step, A^T A kept", cached, general),
        ("first time, A^T A included", first, whole),
    ):
        rows.append((what, f"{ours:.3f} s", f"{theirs:.3f} s", f"{theirs / ours:.1f} x", right, wrong))
    widths = (-27, 10, 16, 10, 10, 10)  # negative: left-aligned
    lines = [
        "  ".join(text.ljust(-width) if width < 0 else text.rjust(width) for text, width in zip(row, widths))
        for row in rows
    ]
    lines.insert(1, "-" * len(lines[0]))
    lines.append(
        f"{len(FAN_IN)} slots, {sum(FAN_IN)} rows of {DIM} numbers, float64, one thread, "
        f"medians of {len(trials)} networks"
    )
    if late:
        lines.append(f"eig's first rank out of order: median {statistics.median(late):.0f}, earliest {min(late)}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40, help="how many random networks (default: 40)")
    count = parser.parse_args().trials
    if count < 1:
        parser.error("--trials needs at least 1")
    torch.set_num_threads(1)
    from threadpoolctl import threadpool_limits  # numpy's solver has threads of its own

    with threadpool_limits(1):
        print(table([trial(number) for number in range(count)]))


if __name__ == "__main__":
    main()
