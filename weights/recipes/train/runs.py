"""A training run: from nothing, from files or from its checkpoint, to checkpoints, sheets and the finished files.

python -m weights.recipes.train portraits-stylegan2 --minutes 120        # resumes by itself
"""

from __future__ import annotations

import argparse
import copy
import os
import shutil
import signal
import time
from pathlib import Path

import torch
from PIL import Image

from core.checkpoints import native
from core.codes import codes_in_turn
from core.generators.base import Generator
from core.generators.biggan import recompute_statistics
from core.images import grid, to_pil

from .bank import bank_labels, load_bank
from .gan import Training
from .places import RUNS, UNFINISHED, WEIGHTS
from .recipes import RECIPES, Recipe

CHECKPOINT_EVERY = 300  # seconds
W_AVERAGE_OVER = 50_000


@torch.no_grad()
def finished(training: Training, *, statistics_over: int = 20_000) -> Generator:
    """A float32 copy of the average, its w_avg the mean over 50,000 z,
    its batch-norm statistics those of 20,000 pictures.
    """
    generator = copy.deepcopy(training.ema).to("cpu", memory_format=torch.contiguous_format)
    if hasattr(generator, "w_avg"):
        z = torch.randn(W_AVERAGE_OVER, generator.z_dim, generator=torch.Generator().manual_seed(0))
        generator.w_avg.copy_(generator.map(z).mean(0))
    if generator.classes:
        random = torch.Generator().manual_seed(0)
        recompute_statistics(
            generator,
            (
                generator.codes(torch.randn(64, generator.z_dim, generator=random), label=in_turn(generator))
                for _ in range(statistics_over // 64)
            ),
        )
    return generator


def in_turn(generator: Generator) -> list[int] | None:
    """Labels of 64 pictures, the classes in turn; None without classes."""
    return [i % generator.classes for i in range(64)] if generator.classes else None


@torch.no_grad()
def sheet(generator: Generator, *, psi: float = 0.7):
    """64 pictures, seeds 0 to 63, enlarged twice."""
    images = generator(codes_in_turn(generator, 64, 0, psi=psi))
    return grid([p.resize((128, 128), Image.Resampling.LANCZOS) for p in to_pil(images)], columns=8)


def write_checkpoint(training: Training, folder: Path, *, statistics_over: int = 1_280) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(training.state_dict(), folder / "checkpoint.tmp")
    os.replace(folder / "checkpoint.tmp", folder / "checkpoint.pt")
    generator = finished(training, statistics_over=statistics_over)
    facts = dict(images_shown=str(training.shown), steps=str(training.step_number))
    native.save(generator, folder / "generator.safetensors", **facts)
    native.save(training.critic, folder / "critic.safetensors", **facts)
    past = folder / f"{training.shown // 1000:05d}k"  # kept: the last state need not be the best
    past.mkdir(exist_ok=True)
    for name in ("generator", "critic"):
        shutil.copyfile(folder / f"{name}.safetensors", past / f"{name}.safetensors")
    sheet(generator).save(past / "sheet.png")


def start_files(folder: Path) -> tuple[Path, Path]:
    """Generator and critic that a run may start from, see `weights.recipes.train.distil`."""
    return folder / "start.safetensors", folder / "start-critic.safetensors"


def beginnings(name: str, folder: Path) -> dict[str, tuple[Path, Path]]:
    """What a run without a checkpoint may go on from, the best first: generator and critic."""
    return {
        "bundled files": (WEIGHTS / f"{name}.safetensors", WEIGHTS / f"{name}-critic.safetensors"),
        "a distilled generator": start_files(folder),
        "unfinished files": (UNFINISHED / f"{name}.safetensors", UNFINISHED / f"{name}-critic.safetensors"),
    }


def resume(training: Training, name: str, folder: Path) -> str:
    """From the checkpoint, else from the first of `beginnings` that is there, else from nothing; returns which.

    A generator of another layout than the recipe's is left aside.
    """
    if (folder / "checkpoint.pt").exists():
        training.load_state_dict(torch.load(folder / "checkpoint.pt", weights_only=True, map_location=training.device))
        return "checkpoint"
    for which, (generator, critic) in beginnings(name, folder).items():
        if generator.exists() and critic.exists():
            facts, network = native.metadata(generator), native.read(generator)  # a distilled one was shown nothing yet
            if network.config() != training.generator.config():
                continue
            training.warm_start(
                network,
                native.read(critic),
                step=int(facts.get("steps", 0)),
                shown=int(facts.get("images_shown", 0)),
            )
            return which
    return "nothing"


def train(name: str, recipe: Recipe, *, minutes: float, images: int, device: str, threads: int, say=print) -> Training:
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # without it a run on CPU can stall in denormals
    folder = RUNS / name
    bank = load_bank(recipe.world, recipe.resolution, recipe.bank, spread=recipe.spread, device=device)
    training = Training(recipe, bank, bank_labels(recipe.world, recipe.bank), device=device)
    say(f"{name}: starts from {resume(training, name, folder)}, {training.shown:,} images shown", flush=True)
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))  # save, then end
    began = told = saved = time.monotonic()
    first = shown = training.shown
    while training.shown < images and time.monotonic() - began < minutes * 60 and not stopped:
        training.step()
        now = time.monotonic()
        if now - told > 30:
            a_second = (training.shown - shown) / (now - told)
            say(
                f"step {training.step_number:6d}  {training.shown / 1000:8.1f}k images  {a_second:5.1f}/s  "
                f"D {training.critic_loss:.3f}  G {training.generator_loss:.3f}  gamma {training.gamma:g}",
                flush=True,
            )
            told, shown = now, training.shown
        if now - saved > CHECKPOINT_EVERY:
            write_checkpoint(training, folder)
            saved = now
    write_checkpoint(training, folder, statistics_over=20_000)
    say(
        f"{name}: {training.shown - first:,} images in {(time.monotonic() - began) / 60:.1f} minutes; "
        f"files in {folder}",
        flush=True,
    )
    return training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=sorted(RECIPES))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--images", type=int, help="stop when this many have been shown in all (default: the recipe's)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    recipe = RECIPES[args.recipe]
    train(
        args.recipe,
        recipe,
        minutes=args.minutes,
        images=args.images or recipe.images,
        device=args.device,
        threads=args.threads,
    )


if __name__ == "__main__":
    main()
