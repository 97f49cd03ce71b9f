"""The engine in the browser beside PyTorch on one thread: a picture from several layers on, bytes, the first picture.

    python -m tests.benchmarks.browser                     # the bundled models, and faces-dcgan where it is here
    python -m tests.benchmarks.browser --model portraits-stylegan2 --rounds 20

Both ways draw in turn, in float32, one picture at a time; the kernels of both are laid out before. "from k" draws what
changes where a slot that layer k reads has moved. Times in the browser are its worker's own, in steps of 0.1 ms, so a
turn is the mean of several pictures. "slider event to painted frame": a knob that moves every slot, every 40 ms; the
way into the worker and back is in it. "first picture": from the navigation of a fresh page without a cache to its first
picture on the canvas; everything comes from this machine.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import time
from collections.abc import Callable

import brotli
import torch
from torch import Tensor

from core import zoo
from core.generators.base import Generator
from core.precision import in_float32
from engine import JS
from engine.pack import pack, pack_reader, qualifies

from ..conftest import chromium
from ..engine.opened import Site, opened

LAYERS = (0, 4, 6, 8)
REMOTE = "faces-dcgan"
SERVED = 4  # quality of brotli as Gradio compresses what it serves
REPEATED = 8  # pictures of a turn
FACES = 64  # pictures that are read
FIRST = """async (name) => {
    const network = await engine.open(`/packs/${name}`), {pictures} = await network.draw(await network.codes(0));
    const canvas = document.body.appendChild(document.createElement("canvas"));
    canvas.getContext("2d").putImageData(pictures[0], 0, 0);
    return performance.now();
}"""
TURN = """async ([name, from, repeated]) => {
    const network = await opened(name), codes = await network.codes(0), taken = [];
    for (let i = 0; i < repeated; i++) taken.push((await network.draw(codes, {from})).milliseconds[0]);
    return taken.reduce((a, b) => a + b) / repeated;
}"""
READ = """async ([name, reader, faces]) => {
    const network = await opened(name), by = await opened(reader), codes = await network.codes(0, {n: faces});
    const before = performance.now();
    await network.read(codes, by);
    return performance.now() - before;
}"""
SLIDER = """async ([name, moves]) => {
    const network = await opened(name), codes = await network.codes(0, {n: 2}), size = codes.length / 2;
    const base = codes.slice(0, size), way = Array.from(base, (x, i) => codes[size + i] - x);
    const directions = {vectors: [way], slots: [...Array(network.slots).keys()]}, taken = [];
    const range = Object.assign(document.createElement("input"), {type: "range", min: 0, max: 1, step: 0.001});
    const canvas = document.createElement("canvas");
    document.body.append(range, canvas);
    const painted = (before) => requestAnimationFrame(() => {
        const {port1, port2} = new MessageChannel();
        port1.onmessage = () => taken.push(performance.now() - before);
        port2.postMessage(0);
    });
    range.oninput = async () => {
        const before = performance.now(), made = await network.draw(network.edit(base, directions, [+range.value]));
        if (made) canvas.getContext("2d").putImageData(made.pictures[0], 0, 0);
        if (made) painted(before);
    };
    for (let i = 0; i < moves; i++) {
        range.value = (1 - Math.cos(i / 10)) / 2;
        range.dispatchEvent(new Event("input"));
        await new Promise((done) => setTimeout(done, 40));
    }
    return taken;
}"""


def compressed(data: bytes) -> str:
    sizes = len(data), len(gzip.compress(data)), len(brotli.compress(data, quality=SERVED))
    return " / ".join(f"{size / 1000:,.0f}" for size in sizes)


def engine_sizes() -> str:
    wasm, *scripts = sorted((path.read_bytes() for path in JS.iterdir()), key=lambda data: data[:4] != b"\0asm")
    parts = dict(wasm=wasm, JavaScript=b"".join(scripts))
    return ", ".join(f"{name} {compressed(data)}" for name, data in parts.items())


def torch_turn(generator: Generator, codes: Tensor, start: int) -> float:
    """Milliseconds for a picture, the layers before `start` left out."""
    state = generator.run(codes, stop=start) if start else None
    before = time.perf_counter()
    for _ in range(REPEATED):
        generator.to_image(generator.run(codes, state, start=start))
    return 1000 * (time.perf_counter() - before) / REPEATED


def in_turn(ways: dict[str, Callable[[int], float]], layers: list[int], rounds: int) -> dict[str, list[str]]:
    """The median of each way's turns, and the fastest, by layer."""
    took = {name: {k: [] for k in layers} for name in ways}
    for _ in range(rounds):
        for k in layers:
            for name, turn in ways.items():
                took[name][k].append(turn(k))
    return {
        name: [f"{statistics.median(times):.1f} ({min(times):.1f})" for times in each.values()]
        for name, each in took.items()
    }


def first_picture(browser, packs: dict[str, bytes], name: str, pages: int) -> list[float]:
    """Milliseconds of `pages` fresh pages."""
    taken = []
    for _ in range(pages):
        with opened(browser) as site:
            site.packs.update(packs)
            taken.append(site.page.evaluate(FIRST, name))
    return taken


def measured(browser, site: Site, name: str, rounds: int) -> None:
    """Prints what there is to say about one model."""
    generator = in_float32(zoo.load(name))
    codes = generator.codes(generator.sample(1, 0), label=0 if generator.classes else None)
    packs = {f"{name}-{dtype}": pack(generator, dtype) for dtype in ("float16", "float32")}
    site.packs.update(packs)
    layers = [k for k in LAYERS if k < len(generator.layers)]
    half, whole = packs
    ways = {
        "browser, float16": lambda k: site.page.evaluate(TURN, [half, k, REPEATED]),
        "browser, float32": lambda k: site.page.evaluate(TURN, [whole, k, REPEATED]),
        "PyTorch, 1 thread": lambda k: torch_turn(generator, codes, k),
    }
    for turn in ways.values():
        turn(0)
    print(f"\n{name} ({type(generator).__name__}, {generator.resolution} px), ms a picture: median (fastest)")
    print("".join([" " * 20, *(f"{f'from {k}':>16}" for k in layers)]))
    for way, row in in_turn(ways, layers, rounds).items():
        print("".join([f"{way:20}", *(f"{cell:>16}" for cell in row)]))
    frames = sorted(site.page.evaluate(SLIDER, [half, 10 * rounds]))
    usual, late = statistics.median(frames), frames[int(0.95 * len(frames))]
    print(f"slider event to painted frame: median {usual:.1f} ms, 95 of 100 within {late:.1f} ms")
    if zoo.has_reader(name):
        site.packs[f"{name}-reader"] = pack_reader(zoo.load_reader(zoo.card(name).world))
        taken = [site.page.evaluate(READ, [half, f"{name}-reader", FACES]) for _ in range(3)]
        size = compressed(site.packs[f"{name}-reader"])
        print(f"{FACES} pictures drawn and read: {min(taken) / 1000:.2f} s; the reader's pack, float16: {size} kB")
    for pack_name, data in packs.items():
        shown = statistics.median(first_picture(browser, packs, pack_name, 5))
        print(f"pack {pack_name.rsplit('-', 1)[1]}: {compressed(data)} kB; first picture after {shown:.0f} ms")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="a model that qualifies; may be given again (default: all)")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each way (default: 10)")
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error("--rounds needs at least 1")
    given.model = given.model or [*zoo.CARDS, *([REMOTE] if zoo.is_here(REMOTE) else [])]
    return given


@torch.no_grad()
def main() -> None:
    given = arguments()
    torch.set_num_threads(1)
    with chromium() as browser, opened(browser) as site:
        load = f", load of the last minute {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
        print(f"Chromium {browser.version}, {given.rounds} turns of {REPEATED} pictures each way{load}")
        print(f"sizes in kB: raw / gzip / brotli {SERVED}; the engine: {engine_sizes()}")
        for name in given.model:
            refusal = qualifies(zoo.load(name))
            if refusal:
                print(f"\n{name}: {refusal}")
                continue
            measured(browser, site, name, given.rounds)


if __name__ == "__main__":
    main()
