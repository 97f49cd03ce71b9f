"""What a picture of StyleGAN3 costs on this processor: seconds and memory, of the published sizes with random weights.

python -m tests.benchmarks.stylegan3                        # T and R, 256 and 1024 px, on two threads
python -m tests.benchmarks.stylegan3 --threads 1 --resolution 256
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time

import torch

from core.generators.stylegan3 import StyleGAN3, bands
from core.precision import in_bfloat16

WIDTHS = dict(T=(32768, 512), R=(65536, 1024))  # of the published networks: what cutoffs divide, and the most


def network(kind: str, resolution: int) -> StyleGAN3:
    """Random weights; half of what the base divides by each layer's cutoff, as widths are published."""
    base, most = WIDTHS[kind]
    channels = [round(min(base / 2 / band.cutoff, most)) for band in bands(resolution)][:14]
    torch.manual_seed(0)
    kernel = 3 if kind == "T" else 1
    made = StyleGAN3(resolution=resolution, channels=channels, conv_kernel=kernel, radial=kind == "R")
    return made.eval().requires_grad_(False)


@torch.no_grad()
def measured(kind: str, resolution: int, way: str) -> str:
    """A row: wall-clock seconds of the second picture, and the process's largest memory."""
    generator = network(kind, resolution)
    generator = in_bfloat16(generator) if way == "bfloat16" else generator
    codes = generator.codes(generator.sample(1, 0))
    generator(codes)
    begun = time.perf_counter()
    generator(codes)
    seconds = time.perf_counter() - begun
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return f"{kind:<3}{resolution:>6} px  {way:<9}{seconds:>7.2f} s{peak:>8.0f} MB at most"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resolution", type=int, choices=(256, 512, 1024))
    parser.add_argument("--one", nargs=3, metavar=("KIND", "PIXELS", "WAY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.one:
        print(measured(given.one[0], int(given.one[1]), given.one[2]))
        return
    print(f"threads {given.threads}; load {os.getloadavg()[0]:.1f}", flush=True)
    for resolution in [given.resolution] if given.resolution else (256, 1024):
        for kind in WIDTHS:
            for way in ("float32", "bfloat16"):  # each in a process of its own, whose memory is its own
                command = [sys.executable, "-m", "tests.benchmarks.stylegan3", "--threads", str(given.threads)]
                row = subprocess.run([*command, "--one", kind, str(resolution), way], capture_output=True, text=True)
                print((row.stdout or row.stderr[-300:]).strip(), flush=True)


if __name__ == "__main__":
    main()
