"""What a picture costs on this processor: the formulation of StyleGAN2's paper, ours in float32, ours in bfloat16.

    python -m tests.benchmarks.synthesis                        # prints one table; about two minutes on one core
    python -m tests.benchmarks.synthesis --threads 4            # on more cores
    python -m tests.benchmarks.synthesis --resolution 128 --runs 3

A StyleGAN2 of config-f sizes with random weights. The reference is section 2.2 of the paper as its code computes it:
weights of each picture's own, modulated and demodulated, and one grouped convolution; where the size doubles, a grouped
transposed convolution and the smoothing filter. The ways take turns, so that whatever else runs on the machine delays
them alike; times are medians of wall-clock time for the whole batch, the mapping network left out.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from core.generators.stylegan2 import ModulatedConv, StyleGAN2
from core.precision import has_bfloat16, in_bfloat16, in_float32, psnr

from .. import tiny

WIDTHS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
WAYS = ("reference", "float32", "float32, prepared", "bfloat16")
BATCHES = (1, 4)
LARGEST = 1024  # pixels of the forward whose memory is measured


def network(resolution: int) -> StyleGAN2:
    """Random weights, every term of the equations at work, pictures with a standard deviation of about 0.4."""
    widths = tuple(width for size, width in WIDTHS.items() if size <= resolution)
    generator = tiny.stirred(lambda: StyleGAN2(resolution=resolution, channels=widths), 0)
    for layer in generator.layers:
        layer.noise_strength.fill_(0.1)
        if hasattr(layer, "to_rgb"):
            layer.to_rgb.weight.mul_(0.35 / len(widths) ** 0.5)
            layer.rgb_bias.mul_(0.1)
    return generator


# The reference


def resampled(x: Tensor, *, up: int, pad: tuple[int, int]) -> Tensor:
    """[n, c, h, w]: zeros put between the pixels and around them, then the outer product of [1, 3, 3, 1] with sum 4."""
    n, c, h, w = x.shape
    if up > 1:
        spread = x.new_zeros(n, c, h, up, w, up)
        spread[:, :, :, 0, :, 0] = x
        x = spread.reshape(n, c, h * up, w * up)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    return F.conv2d(F.pad(x, pad * 2), taps.outer(taps).expand(c, 1, 4, 4).contiguous(), groups=c)


def modulated(conv: ModulatedConv, x: Tensor, w: Tensor) -> Tensor:
    """[n, i, h, w] through each picture's own weights w'' = w' / sqrt(sum w'^2 + eps), w' = s w (equations 1 and 3)."""
    n, fan_in, h, _ = x.shape
    fan_out, _, kernel, _ = conv.weight.shape
    weight = conv.gain * conv.weight * conv.affine(w)[:, None, :, None, None]
    if conv.demodulate:
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    x = x.reshape(1, n * fan_in, h, h)
    if conv.up:
        weight = weight.transpose(1, 2).reshape(n * fan_in, fan_out, kernel, kernel)
        x = F.conv_transpose2d(x, weight, stride=2, groups=n)
        return resampled(x.reshape(n, fan_out, 2 * h + 1, 2 * h + 1), up=1, pad=(1, 1))
    x = F.conv2d(x, weight.reshape(n * fan_out, fan_in, kernel, kernel), padding=kernel // 2, groups=n)
    return x.reshape(n, fan_out, h, h)


def reference(generator: StyleGAN2, codes: Tensor) -> Tensor:
    """Codes [n, slots, dim] -> images [n, 3, R, R] with the same weights."""
    x, image = generator.layers[0].const.expand(len(codes), -1, -1, -1), None
    for i, layer in enumerate(generator.layers):
        x = modulated(layer.conv, x, codes[:, i]) + layer.noise_strength * layer.noise
        x = F.leaky_relu(x + layer.bias[:, None, None], 0.2) * 2**0.5
        if i % 2 == 0:
            new = modulated(layer.to_rgb, x, codes[:, i + 1]) + layer.rgb_bias[:, None, None]
            image = new if image is None else resampled(image, up=2, pad=(2, 1)) + new
    return image


def way(name: str, generator: StyleGAN2) -> Callable[[Tensor], Tensor]:
    """Codes [n, slots, dim] -> images, by one of WAYS."""
    if name == "reference":
        return partial(reference, generator)
    return {
        "float32": lambda: generator,
        "float32, prepared": lambda: in_float32(generator),
        "bfloat16": lambda: in_bfloat16(generator),
    }[name]()


# What is measured


def times(drawers: dict[str, Callable[[Tensor], Tensor]], codes: Tensor, runs: int) -> dict[str, float]:
    """Median milliseconds of each way."""
    took: dict[str, list[float]] = {name: [] for name in drawers}
    for _ in range(runs):
        for name, draw in drawers.items():
            start = time.perf_counter()
            draw(codes)
            took[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in took.items()}


def difference(image: Tensor, exact: Tensor) -> str:
    """The norm of the difference over the norm of the reference's picture."""
    return f"{((image - exact).norm() / exact.norm()).item():.1e}"


def compared(drawers: dict[str, Callable[[Tensor], Tensor]], codes: Tensor, runs: int) -> list[tuple[str, ...]]:
    """A row for each way; the pictures that are compared warm it up."""
    images = {name: draw(codes) for name, draw in drawers.items()}
    took = times(drawers, codes, runs)
    rows = []
    for name, milliseconds in took.items():
        near = "" if name == "reference" else difference(images[name], images["reference"])
        decibel = f"{psnr(images[name], images['float32']):.1f} dB" if name == "bfloat16" else ""
        rows.append(
            (
                name,
                str(len(codes)),
                f"{milliseconds:.0f} ms",
                f"{took['reference'] / milliseconds:.2f} x",
                near,
                decibel,
            )
        )
    return rows


def peak() -> float:
    """GB that this process held at most."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held * (1 if sys.platform == "darwin" else 1024) / 1e9


def grown(name: str) -> float:
    """GB that one forward of LARGEST pixels adds to what the weights take; to be called in a fresh process."""
    generator = network(LARGEST)
    draw, codes = way(name, generator), generator.codes(generator.sample(1, 0))
    before = peak()
    draw(codes)
    return peak() - before


def memory(name: str, threads: int) -> str:
    command = [sys.executable, "-m", __spec__.name, "--threads", str(threads), "--memory", name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"measuring the memory of {name} failed: {done.stderr.strip()[-500:]}")
    return f"{float(done.stdout):.2f} GB"


def table(rows: list[tuple[str, ...]]) -> str:
    head = ("way", "batch", "time", "speed", "difference", "from float32")
    widths = (-24, 5, 10, 8, 11, 13)  # negative: left-aligned
    lines = [
        "  ".join(text.ljust(-width) if width < 0 else text.rjust(width) for text, width in zip(row, widths))
        for row in (head, *rows)
    ]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, choices=list(WIDTHS)[1:], default=256, help="pixels (default: 256)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    parser.add_argument("--runs", type=int, default=5, help="of each way (default: 5)")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if min(given.threads, given.runs) < 1:
        parser.error("--threads and --runs need at least 1")
    return given


@torch.no_grad()
def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    if given.memory:
        print(grown(given.memory))
        return
    taken = {name: memory(name, given.threads) for name in WAYS}  # first: a process inherits its parent's peak
    generator = network(given.resolution)
    drawers = {name: way(name, generator) for name in WAYS}
    print(
        table([row for n in BATCHES for row in compared(drawers, generator.codes(generator.sample(n, 0)), given.runs)])
    )
    said = {True: "has bfloat16", False: "has no bfloat16", None: "does not say whether it has bfloat16"}
    load = f", load of the last minute {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"StyleGAN2 of {given.resolution} pixels, {given.threads} of {os.cpu_count()} cores{load}, "
        f"medians of {given.runs} runs in turn; this processor {said[has_bfloat16()]}"
    )
    print(
        f"peak memory that one forward of {LARGEST} pixels adds: "
        + ", ".join(f"{name} {gigabytes}" for name, gigabytes in taken.items())
    )


if __name__ == "__main__":
    main()
