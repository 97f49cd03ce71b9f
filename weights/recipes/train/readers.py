"""Train a world's factor reader, part reader or classifier on renders.

    python -m weights.recipes.train.readers portraits factors
    python -m weights.recipes.train.readers portraits factors --reader b  # of another kind; it judges
    python -m weights.recipes.train.readers portraits factors --reader c  # from other renders; to fit to
    python -m weights.recipes.train.readers portraits parts
    python -m weights.recipes.train.readers objects classes

Half of the pictures get noise up to 0.05 and blur up to 0.5 px, so that what a GAN does to edges is not read as a
factor. A classifier's pictures also change their brightness and tints, as a class is a matter of shape; and one more
picture for every 16 shows nothing, of which all classes are to be equally probable, so that what is no object is not
named with certainty.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.checkpoints import native
from core.truth.readers import Classifier, FactorReader, PartReader, ResidualFactorReader, read
from core.truth.worlds import load_world

from .bank import drawn
from .precision import autocast

WEIGHTS = Path(__file__).resolve().parents[2]
NOISE, BLUR, HELD_OUT = 0.05, 0.5, 4000
GAIN, SHIFT = 0.2, 0.1  # of a classifier's pictures: contrast of a colour, and brightness
NOTHING = 16  # renders for every picture of nothing
FIRST_HELD_OUT = 1_100_000  # a seed of the test split
# Of factor readers beside the first: what they are, their sizes, and the seed of their first render.
OTHERS: dict[str, tuple[type[nn.Module], dict, int]] = {
    "b": (ResidualFactorReader, {}, 400_000),
    "c": (FactorReader, dict(widths=(16, 48, 80, 112)), 700_000),
}
# Of readers that are not of the usual ones.
SIZES: dict[str, dict] = {"objects": dict(widths=(24, 48, 72, 96), hidden=128)}


class Renders(NamedTuple):
    """pictures uint8 [n, 3, R, R], factors [n, k], part indices uint8 [n, R, R], labels int64 [n];
    None without classes.
    """

    pictures: Tensor
    factors: Tensor
    parts: Tensor
    labels: Tensor | None


def renders(world: str, n: int, seed: int, resolution: int) -> Renders:
    """Of the seeds from `seed` on, factors over their whole ranges; every run of rows has each class equally often."""
    module = load_world(world)
    pictures, factors, parts = [], [], []
    for start in range(0, n, 200):
        f = module.sample(min(200, n - start), seed + start)
        scene = drawn(module, len(f), seed + start, resolution, spread="even")
        pictures.append(((scene.images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8))
        factors.append(f)
        parts.append(scene.masks.to(torch.uint8).argmax(1).to(torch.uint8))
    labels = module.labels(n, seed) if hasattr(module, "labels") else None
    return Renders(torch.cat(pictures), torch.cat(factors), torch.cat(parts), labels)


def nothing(n: int, resolution: int, random: torch.Generator) -> Tensor:
    """uint8 [n, 3, R, R]: random colours at random places, each picture with spots of 1 to 16 pixels, sharp or soft."""
    pictures = []
    for i in range(n):
        side = max(2, resolution // 2 ** (i % 5))
        spots = torch.rand(1, 3, 1, 1, generator=random) + torch.randn(1, 3, side, side, generator=random) * 0.4 - 0.5
        how = dict(mode="nearest") if i // 5 % 2 else dict(mode="bilinear", align_corners=False)
        pictures.append(F.interpolate(spots, size=(resolution, resolution), **how))
    return ((torch.cat(pictures).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def roughened(images: Tensor, random: torch.Generator) -> Tensor:
    """Blur of 0 to 0.5 px, then noise of 0 to 0.05, a strength a picture; half of the pictures stay as they are."""
    n = len(images)
    rough = (torch.rand(n, 1, generator=random) < 0.5).float()
    sigma = (torch.rand(n, 1, generator=random) * BLUR * rough).clamp(min=1e-3)
    taps = torch.exp(-(torch.tensor([-1.0, 0.0, 1.0]) ** 2) / (2 * sigma**2))
    taps = taps / taps.sum(1, keepdim=True)
    flat = images.reshape(1, -1, *images.shape[2:])
    kernel = taps.repeat_interleave(3, 0)
    flat = F.conv2d(F.pad(flat, (1, 1, 0, 0), mode="replicate"), kernel[:, None, None, :], groups=3 * n)
    flat = F.conv2d(F.pad(flat, (0, 0, 1, 1), mode="replicate"), kernel[:, None, :, None], groups=3 * n)
    strength = (torch.rand(n, generator=random) * NOISE * rough[:, 0]).reshape(-1, 1, 1, 1)
    return flat.reshape(images.shape) + strength * torch.randn(images.shape, generator=random)


def tinted(images: Tensor, random: torch.Generator) -> Tensor:
    """Each colour of a picture times 1 - GAIN to 1 + GAIN, then the picture brighter or darker by up to SHIFT."""
    n = len(images)
    gain = 1 + GAIN * (2 * torch.rand(n, 3, 1, 1, generator=random) - 1)
    return (images * gain + SHIFT * (2 * torch.rand(n, 1, 1, 1, generator=random) - 1)).clamp(-1, 1)


def as_images(pictures: Tensor) -> Tensor:
    return pictures.float() / 127.5 - 1


def fit(
    reader: nn.Module,
    loss,
    pictures: Tensor,
    targets: Tensor,
    *,
    passes: float,
    batch: int = 64,
    rate: float = 2e-3,
    seed: int = 0,
    varied: Callable[[Tensor, torch.Generator], Tensor] = roughened,
) -> nn.Module:
    """Adam with a one-cycle rate; `loss(output, target)` -> scalar.

    varied: what is done to the pictures of each step.
    """
    random, steps = torch.Generator().manual_seed(seed), int(passes * len(pictures) / batch)
    optimizer = torch.optim.AdamW(reader.parameters(), rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.15)
    reader.to(memory_format=torch.channels_last).train()
    began = told = time.monotonic()
    for step in range(steps):
        rows = torch.randint(0, len(pictures), (batch,), generator=random)
        images = varied(as_images(pictures[rows]), random).contiguous(memory_format=torch.channels_last)
        with autocast("cpu"):
            output = reader(images)
        value = loss(output.float(), targets[rows])
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        schedule.step()
        if time.monotonic() - told > 30:
            told = time.monotonic()
            a_second = step * batch / (told - began)
            print(f"step {step:5d} of {steps}  loss {value.item():.4f}  {a_second:.0f}/s", flush=True)
    return reader.eval().requires_grad_(False).to(memory_format=torch.contiguous_format)


def r_squared(predicted: Tensor, truth: Tensor, shows: Tensor) -> Tensor:
    """[k]: 1 - residual / variance over the rows where `shows` [n, k]."""
    weight = shows.float()
    mean = (truth * weight).sum(0) / weight.sum(0)
    residual = ((predicted - truth).square() * weight).sum(0)
    return 1 - residual / ((truth - mean).square() * weight).sum(0)


def class_shows(world: str, n: int, labels: Tensor | None = None) -> Tensor:
    """[n, k] bool: are the pictures of classes that show the factor?

    Raises ValueError where classes need labels [n].
    """
    module = load_world(world)
    shown_in, shown = getattr(module, "SHOWN_IN", {}), torch.ones(n, len(module.NAMES), dtype=torch.bool)
    if shown_in and labels is None:
        raise ValueError(f"what the pictures of {world} show depends on their classes: give labels [n]")
    for name, classes in shown_in.items():
        numbers = torch.tensor([module.CLASSES.index(one) for one in classes])
        shown[:, module.NAMES.index(name)] = torch.isin(labels, numbers)
    return shown


def shows(world: str, parts: Tensor, labels: Tensor | None = None) -> Tensor:
    """[n, k] bool: the factor's part covers at least 0.3 % of the picture, and its class is one that shows the factor.

    Factors without a part or classes of their own always show. Raises ValueError where a world with classes gets no
    labels.
    """
    module, shown = load_world(world), class_shows(world, len(parts), labels)
    for name, part in module.SHOWN_BY.items():
        shown[:, module.NAMES.index(name)] &= (parts == module.PARTS.index(part)).float().mean((1, 2)) >= 0.003
    return shown


def right(said: Tensor, labels: Tensor, classes: int) -> Tensor:
    """[classes]: how often pictures of each class are said, in logits [n, classes], to be of it."""
    hit = (said.argmax(1) == labels).float()
    return torch.stack([hit[labels == i].mean() for i in range(classes)])


def train_classes(world: str, *, n: int, passes: float, resolution: int = 64, **sizes) -> tuple[Classifier, Tensor]:
    """Raises ValueError for a world without classes."""
    module = load_world(world)
    if not hasattr(module, "CLASSES"):
        raise ValueError(f"the world {world} has no classes: train its factors or its parts")
    given, classes = renders(world, n, 0, resolution), len(module.CLASSES)
    blank = nothing(n // NOTHING, resolution, torch.Generator().manual_seed(1))
    targets = torch.cat([F.one_hot(given.labels, classes).float(), torch.full((len(blank), classes), 1 / classes)])
    reader = Classifier(resolution=resolution, names=module.CLASSES, **sizes)
    fit(
        reader,
        F.cross_entropy,
        torch.cat([given.pictures, blank]),
        targets,
        passes=passes,
        varied=lambda images, random: roughened(tinted(images, random), random),
    )
    held = renders(world, HELD_OUT, FIRST_HELD_OUT, resolution)
    return reader, right(read(reader, as_images(held.pictures)), held.labels, classes)


def train_factors(
    world: str, *, n: int, passes: float, resolution: int = 64, which: str = "", **sizes
) -> tuple[nn.Module, Tensor]:
    """which: "" the first reader of a world, or one of OTHERS."""
    kind, own, first = OTHERS.get(which, (FactorReader, {}, 0))
    module, given = load_world(world), renders(world, n, first, resolution)
    reader, scale = kind(resolution=resolution, names=module.NAMES, **own, **sizes), given.factors.std(0)
    fit(
        reader,
        lambda out, truth: ((out - truth) / scale).square().mean(),
        given.pictures,
        given.factors,
        passes=passes,
        seed=first,
    )
    held = renders(world, HELD_OUT, FIRST_HELD_OUT, resolution)
    shown = shows(world, held.parts, held.labels)
    return reader, r_squared(read(reader, as_images(held.pictures)), held.factors, shown)


def train_parts(world: str, *, n: int, passes: float, resolution: int = 64) -> tuple[PartReader, Tensor]:
    module, given = load_world(world), renders(world, n, 0, resolution)
    reader, parts = PartReader(resolution=resolution, names=module.PARTS), given.parts
    share = torch.stack([(parts == i).float().mean() for i in range(len(module.PARTS))])
    weight = 1 / share.clamp(min=1e-3).sqrt()
    fit(
        reader,
        lambda out, truth: F.cross_entropy(out, truth.long(), weight / weight.mean()),
        given.pictures,
        parts,
        passes=passes,
    )
    held = renders(world, HELD_OUT // 4, FIRST_HELD_OUT, resolution)
    return reader, overlap(read(reader, as_images(held.pictures)).argmax(1), held.parts, len(module.PARTS))


def overlap(found: Tensor, truth: Tensor, parts: int) -> Tensor:
    """[parts]: intersection over union of part indices [n, R, R], all pictures' pixels together."""
    both, either = (
        torch.stack([pixels(i).sum() for i in range(parts)])
        for pixels in (lambda i: (found == i) & (truth == i), lambda i: (found == i) | (truth == i))
    )
    return both / either


class Kind(NamedTuple):
    train: Callable[..., tuple[nn.Module, Tensor]]
    score: str
    ending: str  # of the file's name
    sized: bool  # is it built of the sizes of the world?


KINDS = {
    "factors": Kind(train_factors, "R^2", "reader", True),
    "parts": Kind(train_parts, "IoU", "parts", False),
    "classes": Kind(train_classes, "accuracy", "classes", True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world")
    parser.add_argument("kind", choices=tuple(KINDS))
    parser.add_argument("--renders", type=int, default=40_000)
    parser.add_argument("--passes", type=float, default=8)
    parser.add_argument("--reader", choices=tuple(OTHERS), default="", help="of factors: another reader")
    args = parser.parse_args()
    if args.reader and args.kind != "factors":
        parser.error("--reader is of factors alone")
    torch.manual_seed(OTHERS[args.reader][-1] if args.reader else 0)
    torch.set_flush_denormal(True)
    began, kind = time.monotonic(), KINDS[args.kind]
    sizes = SIZES.get(args.world, {}) if kind.sized and not args.reader else {}
    sizes |= dict(which=args.reader) if args.reader else {}
    try:
        reader, scores = kind.train(args.world, n=args.renders, passes=args.passes, **sizes)
    except (KeyError, ValueError) as error:
        parser.error(str(error.args[0]))
    for part, score in zip(reader.names, scores.tolist()):
        print(f"{part:20s} {kind.score} {score:.3f}")
    minutes = (time.monotonic() - began) / 60
    print(f"mean {scores.mean():.3f}; {(scores >= 0.9).sum()} at 0.9 or more; {minutes:.1f} minutes")
    path = WEIGHTS / f"{args.world}-{kind.ending}{args.reader and f'-{args.reader}'}.safetensors"
    held_out = ",".join(f"{s:.4f}" for s in scores.tolist())
    native.save(reader, path, world=args.world, held_out=held_out, renders=str(args.renders))
    print(f"written: {path.name}, {os.path.getsize(path) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
