"""What the knobs of a region cost, beside the published way: one backward pass for every output of the network.

    python -m tests.benchmarks.paint                    # prints one table; a few minutes on two cores
    python -m tests.benchmarks.paint --backward 50      # fewer backward passes are timed: shorter, rougher
    python -m tests.benchmarks.paint --large 0          # without the 256-px run

The bundled StyleGAN2 at 64 pixels; float32; medians. Backward passes are a random sample of the outputs, scaled to all
of them. The large run is StyleGAN2's published widths with random weights (its cost does not depend on what it learned)
at 256 pixels, over some of the 512 columns, scaled to all of them; 1024 pixels are projected by the operations needed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from core import zoo
from core.factorization.jacobian import CHUNK, jacobian, jacobian_steps, of_jacobian
from core.factorization.lowrank import lowrank_of
from core.factorization.resefa import resefa_of
from core.generators.base import Generator
from core.generators.stylegan2 import StyleGAN2

CARD, SEED, PSI, REPEATS = "portraits-stylegan2", 2000, 0.7, 3
PARTS = ("mouth", "eyes", "hair", "nose", "shirt")
WIDTHS = (512, 512, 512, 512, 512, 256, 128, 64, 32)  # from 4 to 1024 pixels, "config F"
LARGE_CHUNK = 2  # signs of life stay about a second apart; one column at a time would take twice as long
Row = tuple[str, ...]


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def median_seconds(work: Callable[[], object], repeats: int = REPEATS) -> tuple[float, object]:
    times = [seconds(work) for _ in range(repeats)]
    return statistics.median(each for each, _ in times), times[-1][1]


def graph(generator: Generator, codes: Tensor) -> tuple[Tensor, Tensor]:
    """A shift [dim] of all slots, and the picture [3, R, R] that depends on it, ready for backward passes."""
    shift = torch.zeros(generator.dim, requires_grad=True)
    return shift, generator(codes + shift)[0]


def backward(outputs: Tensor, shift: Tensor, sample: list[int]) -> Tensor:
    """[sample, dim]: one pass through the network for each of the outputs [n]."""
    return torch.stack([torch.autograd.grad(outputs[i], shift, retain_graph=True)[0] for i in sample])


def compared(outputs: Tensor, shift: Tensor, ours: Tensor, count: int) -> tuple[float, float]:
    """Seconds of one backward pass, and the relative difference of `count` rows to ours [n, dim]."""
    sample = torch.randperm(len(outputs), generator=torch.Generator().manual_seed(0))[:count].tolist()
    backward(outputs, shift, sample[:5])  # warm
    total, rows = seconds(lambda: backward(outputs, shift, sample))
    return total / count, float((rows - ours[sample]).norm() / rows.norm())


def jacobian_rows(generator: Generator, codes: Tensor, count: int) -> tuple[list[Row], Tensor]:
    first, _ = seconds(lambda: jacobian(generator, codes))
    ours, found = median_seconds(lambda: jacobian(generator, codes))
    shift, picture = graph(generator, codes)
    rows: list[Row] = [("Jacobian, three channels", f"{ours:.2f} s", "", "", f"first call {first:.2f} s")]
    kinds = (
        ("every output, all channels", picture.flatten(), found.flatten(0, 2)),
        ("the mean over RGB, published", picture.mean(0).flatten(), found.mean(0).flatten(0, 1)),
    )
    for name, outputs, answer in kinds:
        each, difference = compared(outputs, shift, answer, count)
        whole, timed = each * len(outputs), f"{count} of {len(outputs)} passes timed, {1e3 * each:.1f} ms each"
        rows.append(
            (
                f"  {name}",
                f"{ours:.2f} s",
                f"{whole:.0f} s",
                f"{whole / ours:.0f} x",
                f"rel. difference {difference:.0e}; {timed}",
            )
        )
    return rows, found


def region_rows(generator: Generator, codes: Tensor, found: Tensor) -> list[Row]:
    """A new region on a picture whose Jacobian is there."""
    with torch.no_grad():
        masks = zoo.load_part_reader("portraits").masks(generator(codes))[0]
    names = zoo.load_part_reader("portraits").names
    ready, picture = median_seconds(lambda: of_jacobian(generator, found))
    resefa, lowrank, last = [], [], None
    for part in PARTS:
        mask = masks[names.index(part)]
        resefa.append(seconds(lambda: resefa_of(picture.of(mask)))[0])
        spent, last = seconds(lambda: lowrank_of(picture.of(mask), start=last))
        lowrank.append((spent, max(last.inside.gap, last.outside.gap), last.inside.rank, last.outside.rank))
    gaps, ranks = max(each[1] for each in lowrank), ", ".join(f"{a}/{b}" for _, _, a, b in lowrank)
    return [
        ("Gram matrix of the whole, once", f"{ready:.3f} s", "", "", ""),
        ("new region to ReSeFa's knobs", f"{statistics.median(resefa):.3f} s", "", "", f"most {max(resefa):.3f} s"),
        (
            "new region to LowRankGAN's",
            f"{statistics.median(each[0] for each in lowrank):.2f} s",
            "",
            "",
            f"most {max(each[0] for each in lowrank):.2f} s; gap at most {gaps:.0e}; ranks {ranks}",
        ),
    ]


def published_size(resolution: int) -> StyleGAN2:
    widths = WIDTHS[: resolution.bit_length() - 2]
    return StyleGAN2(resolution=resolution, channels=widths, mapping_layers=1).eval().requires_grad_(False)


def operations(resolution: int) -> float:
    """Floating-point operations of one picture, counted on tensors that hold nothing."""
    with torch.device("meta"):
        generator, codes = published_size(resolution), torch.empty(1, 2 * (resolution.bit_length() - 2), 512)
        with FlopCounterMode(display=False) as counter:
            generator(codes)
    return counter.get_total_flops()


def large_rows(columns: int) -> list[Row]:
    generator = published_size(256)
    codes = generator.codes(generator.sample(1, 0))
    stream = jacobian_steps(generator, codes, chunk=LARGE_CHUNK)
    start, longest, last = time.perf_counter(), 0.0, time.perf_counter()
    for step in stream:
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
        if step.done >= step.total * columns / 512:
            break
    stream.close()
    whole = (last - start) * step.total / step.done
    ratio = operations(1024) / operations(256)
    return [
        (
            "256 px, 512 columns",
            f"{whole / 60:.1f} min",
            "",
            "",
            f"{columns} columns timed; {longest:.2f} s at most between two signs of life",
        ),
        (
            "1024 px, 512 columns, projected",
            f"{whole * ratio / 60:.0f} min",
            "",
            "",
            f"{ratio:.2f} times the operations",
        ),
    ]


def table(rows: list[Row]) -> str:
    rows = [("what", "ours", "backward", "ratio", ""), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in (1, 2, 3)), row[4]]).rstrip()
        for row in rows
    ]
    return "\n".join(
        [
            lines[0],
            "-" * 78,
            *lines[1:],
            f"{CARD}, seed {SEED}, chunk {CHUNK}, float32, {torch.get_num_threads()} thread(s)",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backward", type=int, default=200, help="backward passes timed of each kind (default: 200)")
    parser.add_argument("--large", type=int, default=8, help="columns of the 256-px run, 0: leave it out (default: 8)")
    chosen = parser.parse_args()
    if not (1 <= chosen.backward <= 64**2 and 0 <= chosen.large <= 512):
        parser.error(f"--backward is 1 to {64**2}, --large 0 to 512")
    torch.set_flush_denormal(True)
    generator = zoo.load(CARD)
    codes = generator.codes(generator.sample(1, SEED), psi=PSI)
    rows, found = jacobian_rows(generator, codes, chosen.backward)
    rows += region_rows(generator, codes, found)
    if chosen.large:
        rows += large_rows(chosen.large)
    print(table(rows))


if __name__ == "__main__":
    main()
