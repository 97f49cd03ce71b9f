"""Start a generator without a mapping from a StyleGAN2: it learns to draw what the StyleGAN2 draws from the same code.

    python -m weights.recipes.train.distil portraits-pggan --of portraits-stylegan2 --images 150000
    # goes on from its own files

A regression of pixels instead of a game, so it cannot lose variety. What it misses are sharp details;
`weights.recipes.train` then goes on from the two files written here, the teacher's critic being the second.

Tried before: the same noise z for both (six layers to be learned: no eyes after 112,000 images), and features of the
teacher's critic as a second loss (stripes where the eyes should be).
"""

from __future__ import annotations

import argparse
import copy
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from core import zoo
from core.checkpoints import native
from core.generators.base import Generator

from .gan import finished_copy
from .places import RUNS, UNFINISHED
from .precision import autocast
from .recipes import RECIPES, Recipe
from .runs import sheet, start_files
from .teacher import Teacher, distance

RATE, BATCH, HALF_LIFE = 0.002, 32, 3_000  # HALF_LIFE: images of the average
KEPT_EVERY = 600  # seconds


def step(student: Generator, teacher: Callable[[Tensor], Tensor], optimizer: torch.optim.Optimizer, z: Tensor) -> float:
    with autocast(z.device.type):
        with torch.no_grad():
            theirs = teacher(z).float().clamp(-1.2, 1.2)
        loss = distance(student(student.codes(z)).float(), theirs)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


def distil(name: str, teacher_name: str, *, images: int, minutes: float, say=print) -> Path:
    """Writes generator and critic to start from; returns their folder. Ends early, and whole, on SIGTERM."""
    recipe, folder = RECIPES[name], RUNS / name
    torch.manual_seed(0)  # initial weights; the run owns its process
    teacher, (student, shown) = Teacher(zoo.load(teacher_name)), begun(folder, recipe)
    student.to(memory_format=torch.channels_last)
    average = finished_copy(student)
    optimizer = torch.optim.Adam(student.parameters(), RATE, betas=(0.9, 0.99))
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    first, mean = shown, 1.0
    began = told = kept = time.monotonic()
    while shown < images and time.monotonic() - began < 60 * minutes and not stopped:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, max(0.05, (images - shown) / (0.5 * images)))
        random = torch.Generator().manual_seed(2 * 10**9 + shown)
        loss = step(student, teacher, optimizer, torch.randn(BATCH, student.z_dim, generator=random))
        mean += 0.02 * (loss - mean)
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(student.parameters()), 1 - 0.5 ** (BATCH / HALF_LIFE))
        shown += BATCH
        if time.monotonic() - told > 30:
            told = time.monotonic()
            say(f"{shown / 1000:8.1f}k images  {(shown - first) / (told - began):5.1f}/s  loss {mean:.4f}", flush=True)
        if time.monotonic() - kept > KEPT_EVERY:
            kept = time.monotonic()
            written(average, teacher_name, folder, shown)
    return written(average, teacher_name, folder, shown)


def begun(folder: Path, recipe: Recipe) -> tuple[Generator, int]:
    """The student, and how many images it has been shown: from an earlier run's file where there is one."""
    files = (start_files(folder)[0], UNFINISHED / f"{folder.name}.safetensors")
    file = next((file for file in files if file.exists()), None)
    if file is None:
        return recipe.generator(recipe.resolution), 0
    return native.read(file).train().requires_grad_(True), int(native.metadata(file)["distilled_images"])


def written(average: Generator, teacher_name: str, folder: Path, shown: int) -> Path:
    generator, critic = start_files(folder)
    plain = copy.deepcopy(average).to(memory_format=torch.contiguous_format)
    native.save(plain, generator, distilled_from=teacher_name, distilled_images=str(shown))
    shutil.copyfile(zoo.card(teacher_name).path.with_name(f"{teacher_name}-critic.safetensors"), critic)
    sheet(native.read(generator)).save(folder / "distilled.png")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=sorted(RECIPES))
    parser.add_argument("--of", required=True, choices=sorted(zoo.CARDS))
    parser.add_argument("--images", type=int, default=150_000)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)
    print(distil(given.recipe, given.of, images=given.images, minutes=given.minutes))


if __name__ == "__main__":
    main()
