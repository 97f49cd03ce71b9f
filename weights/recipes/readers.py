"""Train a world's factor reader or part reader on renders.

    python -m weights.recipes.readers portraits factors
    python -m weights.recipes.readers portraits parts

Half of the pictures get noise up to 0.05 and blur up to 0.5 px, so that what a GAN does to edges is not read as a factor.
"""
from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.checkpoints import native
from core.truth.readers import FactorReader, PartReader, read
from core.truth.worlds import load_world

from .bank import drawn

WEIGHTS = Path(__file__).resolve().parent.parent
NOISE, BLUR, HELD_OUT = 0.05, 0.5, 4000


def renders(world: str, n: int, seed: int, resolution: int) -> tuple[Tensor, Tensor, Tensor]:
    """uint8 pictures [n, 3, R, R], factors [n, k], part indices uint8 [n, R, R]."""
    module = load_world(world)
    pictures, factors, parts = [], [], []
    for start in range(0, n, 200):
        f = module.sample(min(200, n - start), seed + start)
        scene = drawn(module, len(f), seed + start, resolution, spread="even")
        pictures.append(((scene.images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8))
        factors.append(f)
        parts.append(scene.masks.to(torch.uint8).argmax(1).to(torch.uint8))
    return torch.cat(pictures), torch.cat(factors), torch.cat(parts)


def roughened(images: Tensor, random: torch.Generator) -> Tensor:
    """Blur of 0 to 0.5 px, then noise of 0 to 0.05, a strength a picture; half of the pictures stay as they are."""
    n = len(images)
    rough = (torch.rand(n, 1, generator=random) < 0.5).float()
    sigma = (torch.rand(n, 1, generator=random) * BLUR * rough).clamp(min=1e-3)
    taps = torch.exp(-torch.tensor([-1.0, 0.0, 1.0]) ** 2 / (2 * sigma ** 2))
    taps = taps / taps.sum(1, keepdim=True)
    flat = images.reshape(1, -1, *images.shape[2:])
    kernel = taps.repeat_interleave(3, 0)
    flat = F.conv2d(F.pad(flat, (1, 1, 0, 0), mode="replicate"), kernel[:, None, None, :], groups=3 * n)
    flat = F.conv2d(F.pad(flat, (0, 0, 1, 1), mode="replicate"), kernel[:, None, :, None], groups=3 * n)
    strength = (torch.rand(n, generator=random) * NOISE * rough[:, 0]).reshape(-1, 1, 1, 1)
    return flat.reshape(images.shape) + strength * torch.randn(images.shape, generator=random)


def as_images(pictures: Tensor) -> Tensor:
    return pictures.float() / 127.5 - 1


def fit(reader: nn.Module, loss, pictures: Tensor, targets: Tensor, *, passes: float, batch: int = 64, rate: float = 2e-3,
        seed: int = 0) -> nn.Module:
    """Adam with a one-cycle rate; `loss(output, target)` -> scalar."""
    random, steps = torch.Generator().manual_seed(seed), int(passes * len(pictures) / batch)
    optimizer = torch.optim.AdamW(reader.parameters(), rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.15)
    reader.to(memory_format=torch.channels_last).train()
    began = told = time.monotonic()
    for step in range(steps):
        rows = torch.randint(0, len(pictures), (batch,), generator=random)
        images = roughened(as_images(pictures[rows]), random).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = reader(images)
        value = loss(output.float(), targets[rows])
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        schedule.step()
        if time.monotonic() - told > 30:
            told = time.monotonic()
            print(f"step {step:5d} of {steps}  loss {value.item():.4f}  {step * batch / (told - began):.0f}/s", flush=True)
    return reader.eval().requires_grad_(False).to(memory_format=torch.contiguous_format)


def r_squared(predicted: Tensor, truth: Tensor, shows: Tensor) -> Tensor:
    """[k]: 1 - residual / variance over the rows where `shows` [n, k]."""
    weight = shows.float()
    mean = (truth * weight).sum(0) / weight.sum(0)
    residual = ((predicted - truth).square() * weight).sum(0)
    return 1 - residual / ((truth - mean).square() * weight).sum(0)


def shows(world: str, parts: Tensor) -> Tensor:
    """[n, k] bool: the factor's part covers at least 0.3 % of the picture (factors of the whole picture always show)."""
    module = load_world(world)
    share = torch.stack([(parts == i).float().mean((1, 2)) for i in range(len(module.PARTS))], 1)
    columns = [share[:, module.PARTS.index(module.SHOWN_BY[name])] >= 0.003 if name in module.SHOWN_BY
               else torch.ones(len(share), dtype=torch.bool) for name in module.NAMES]
    return torch.stack(columns, 1)


def train_factors(world: str, *, n: int, passes: float, resolution: int = 64, **sizes) -> tuple[FactorReader, Tensor]:
    module = load_world(world)
    pictures, factors, _ = renders(world, n, 0, resolution)
    scale = factors.std(0)
    reader = FactorReader(resolution=resolution, names=module.NAMES, **sizes)
    fit(reader, lambda out, truth: ((out - truth) / scale).square().mean(), pictures, factors, passes=passes)
    held, truth, parts = renders(world, HELD_OUT, 1_100_000, resolution)
    return reader, r_squared(read(reader, as_images(held)), truth, shows(world, parts))


def train_parts(world: str, *, n: int, passes: float, resolution: int = 64) -> tuple[PartReader, Tensor]:
    module = load_world(world)
    pictures, _, parts = renders(world, n, 0, resolution)
    reader = PartReader(resolution=resolution, names=module.PARTS)
    share = torch.stack([(parts == i).float().mean() for i in range(len(module.PARTS))])
    weight = (1 / share.clamp(min=1e-3).sqrt())
    fit(reader, lambda out, truth: F.cross_entropy(out, truth.long(), weight / weight.mean()), pictures, parts, passes=passes)
    held, _, truth = renders(world, HELD_OUT // 4, 1_100_000, resolution)
    found = read(reader, as_images(held)).argmax(1)
    both, either = (torch.stack([pixels(i).sum() for i in range(len(module.PARTS))])
                    for pixels in (lambda i: (found == i) & (truth == i), lambda i: (found == i) | (truth == i)))
    return reader, both / either


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world")
    parser.add_argument("kind", choices=("factors", "parts"))
    parser.add_argument("--renders", type=int, default=40_000)
    parser.add_argument("--passes", type=float, default=8)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    began = time.monotonic()
    train = train_factors if args.kind == "factors" else train_parts
    reader, scores = train(args.world, n=args.renders, passes=args.passes)
    name = "R^2" if args.kind == "factors" else "IoU"
    for part, score in zip(reader.names, scores.tolist()):
        print(f"{part:20s} {name} {score:.3f}")
    print(f"mean {scores.mean():.3f}; {(scores >= 0.9).sum()} at 0.9 or more; {(time.monotonic() - began) / 60:.1f} minutes")
    path = WEIGHTS / f"{args.world}-{'reader' if args.kind == 'factors' else 'parts'}.safetensors"
    native.save(reader, path, world=args.world, held_out=",".join(f"{s:.4f}" for s in scores.tolist()), renders=str(args.renders))
    print(f"written: {path.name}, {os.path.getsize(path) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
