"""Short runs that decide a recipe: train a variant of portraits-stylegan2, judge it, write down a row.

    python -m weights.recipes.experiment baseline                       # 20,000 images; resumes by itself
    python -m weights.recipes.experiment baseline --images 60000        # goes on from there
    python -m weights.recipes.experiment projected --bundled            # starts from the bundled files instead
    python -m weights.recipes.experiment baseline --kept 00010k         # judges what was kept after 10,000 images
    python -m weights.recipes.experiment renders                        # the scale: a second set of renders, and spoilt
    python -m weights.recipes.experiment table                          # the rows, as in weights/README.md

Every run has the seed 0 and one thread; its rates stay constant, so that it can be continued. From the bundled files
they rise over the first 500 steps. Images are counted from the start of the run.
Renders and codes that judge are of seeds that neither training nor reporting uses.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from core import zoo
from core.checkpoints import native
from core.factorization.baseline import random_directions, spread_along
from core.factorization.sefa import sefa
from core.generators.base import Generator
from core.truth import scores
from core.truth.readers import read
from core.truth.worlds import deviations, load_world

from .measure.evidence import blurred
from .train import runs
from .train.bank import drawn
from .train.recipes import RECIPES, Recipe, fine_critic, fine_stylegan2, narrow_stylegan2

BASE, FOREVER = "portraits-stylegan2", 1_000_000_000  # minutes, and images at which rates would begin to fall
IMAGES, SAMPLES, FACES, KNOBS, RANDOM = 20_000, 4096, 64, 10, 20
FIRST_RENDER, FIRST_CODE = 600_000, 700_000  # seeds; training has those below 60,000
PSI, FOUND_FROM = 0.7, 2.0  # truncation of the pictures whose knobs are turned

LEAN = dict(generator=narrow_stylegan2, critic=fine_critic, relativistic=True, gamma=0.5, mixing=0.9)
TOGETHER = LEAN | dict(projected=1.0, path_length=2.0, relativistic=False)
VARIANTS: dict[str, dict] = {
    "baseline": {},
    "projected": dict(projected=1.0, features="parts"),
    "factor-features": dict(projected=1.0),
    "fine-widths": dict(generator=fine_stylegan2, critic=fine_critic),
    "mixing-paths": dict(mixing=0.9, path_length=2.0),
    "augment": dict(augment=("colour", "translation", "cutout")),
    "mixing": dict(mixing=0.9),
    "paths": dict(path_length=2.0),
    "batch-64": dict(batch=64),
    "gamma": dict(gamma=0.5),
    "wide-styles": dict(style_scale=3.0),
    "mapping-rate": dict(mapping_rate=5.0),
    "relativistic": dict(relativistic=True, gamma=0.5),
    "narrow-codes": dict(generator=narrow_stylegan2, critic=fine_critic),
    "lean": LEAN,
    "autoencoder": LEAN | dict(autoencode=20.0, alone=36_000),
    "copies": dict(relativistic=True, gamma=0.5, autoencode=20.0, alone=16_000),
    "together": TOGETHER,
    "together-relativistic": TOGETHER | dict(relativistic=True),
}
SAYS = {
    "baseline": "today's recipe",
    "projected": "second critic on the part reader's features, weight 1",
    "factor-features": "second critic on features of an encoder of the factors, weight 1",
    "fine-widths": "narrower at 4 and 8 px, wider at 32 and 64",
    "mixing-paths": "mixing 0.9 and path length, weight 2",
    "augment": "differentiable augmentation: colour, translation, cutout",
    "mixing": "mixing 0.9",
    "paths": "path length, weight 2",
    "batch-64": "batches of 64",
    "gamma": "R1 gamma 0.5 in place of 0.05",
    "wide-styles": "style maps start at 3 times their size",
    "mapping-rate": "mapping at 5 times its rate",
    "relativistic": "fakes compared with renders, R1 and R2, gamma 0.5",
    "narrow-codes": "z and w of 64 numbers in place of 128, and fine widths",
    "lean": "fakes compared with renders, R1 and R2, gamma 0.5, mixing 0.9, fine widths, codes of 64",
    "autoencoder": "the row above, and every render is copied; 36,000 images are only copied",
    "copies": "fakes compared with renders, R1 and R2, gamma 0.5, renders copied; 16,000 images for the encoder alone",
    "together": "second critic on factors, gamma 0.5, mixing 0.9, path length, fine widths, codes of 64",
    "together-relativistic": "the row above, with fakes compared with renders, R1 and R2",
}


def variant(name: str) -> Recipe:
    """The recipe of a variant, with rates that stay as they are."""
    return dataclasses.replace(RECIPES[BASE], images=FOREVER, **VARIANTS[name])


def folder() -> Path:
    return runs.RUNS / "experiment"


def start_from_bundled(run: str) -> None:
    """Leave copies of the bundled files where training looks for a start; nothing was shown to them yet."""
    (folder() / run).mkdir(parents=True, exist_ok=True)
    bundled = (zoo.WEIGHTS / f"{BASE}.safetensors", zoo.WEIGHTS / f"{BASE}-critic.safetensors")
    for path, start in zip(bundled, runs.start_files(folder() / run)):
        native.save(native.read(path), start)


def needs_own_start(name: str) -> bool:
    """Does the variant change networks before their first step, so that it cannot start from the bundled files?"""
    return not VARIANTS[name].keys().isdisjoint({"generator", "critic", "style_scale"})


# --- judging


@torch.no_grad()
def held_out(n: int, start: int) -> Tensor:
    """[n, 3, 64, 64]: renders of seeds that nothing was trained on, spread as the training pictures are."""
    recipe = RECIPES[BASE]
    world = load_world(recipe.world)
    return torch.cat(
        [
            drawn(world, min(200, n - i), FIRST_RENDER + start + i, recipe.resolution, spread=recipe.spread).images
            for i in range(0, n, 200)
        ]
    )


def features(reader: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([reader.features(part) for part in images.split(128)])


@torch.no_grad()
def likeness(images: Tensor, real: Tensor, reader: nn.Module, names: tuple[str, ...]) -> dict:
    """Distances of images to renders, equally many, and the diversity of every factor."""
    diversity = read(reader, images).std(0) / read(reader, real).std(0)
    wasserstein = scores.sliced_wasserstein(images, real)
    least = int(diversity.argmin())
    return dict(
        samples=len(images),
        frechet=scores.frechet_distance(features(reader, images), features(reader, real)),
        wasserstein=list(wasserstein.values()),
        diversity_least=float(diversity[least]),
        diversity_least_of=names[least],
        diversity_median=float(diversity.median()),
    )


@torch.no_grad()
def pictures(generator: Generator, n: int) -> Tensor:
    codes = generator.codes(generator.sample(n, FIRST_CODE))
    return torch.cat([generator(part).clamp(-1, 1) for part in codes.split(64)])


def sefa_effect(generator: Generator, reader: nn.Module, names: tuple[str, ...]) -> dict:
    """What a step of SeFa's ten knobs, and of random ones, does to the factor that it changes most.

    In standard deviations over the training pictures, means over faces. `found` counts as `scores.found_by_effect`
    does, all factors taken as readable.
    """
    spread = deviations(RECIPES[BASE].world, RECIPES[BASE].spread)

    def changes(directions):
        return scores.knob_changes(
            generator,
            reader,
            directions,
            spread_along(generator, directions),
            spread,
            seeds=FACES,
            first_seed=FIRST_CODE + 20_000,
            psi=PSI,
        )

    ours, random = changes(sefa(generator, k=KNOBS)), changes(random_directions(generator, k=RANDOM, seed=7))
    strongest, by_chance = (x.mean(1).abs().amax(1) for x in (ours, random))
    found = scores.found_by_effect(ours, names, torch.ones(len(names), dtype=torch.bool))
    return dict(
        sefa=[round(x, 4) for x in strongest.tolist()],
        random=float(by_chance.median()),
        sefa_found=list(found.names),
        sefa_purity=float(scores.purity(ours).median()),
    )


def judged(generator: Generator) -> dict:
    world = load_world(RECIPES[BASE].world)
    reader = zoo.load_reader(RECIPES[BASE].world)
    return dict(
        parameters=sum(p.numel() for p in generator.parameters()),
        **likeness(pictures(generator, SAMPLES), held_out(SAMPLES, 0), reader, world.NAMES),
        **sefa_effect(generator, reader, world.NAMES),
    )


def scale() -> list[dict]:
    """Rows without a model: a second set of renders, and the same blurred."""
    world, reader = load_world(RECIPES[BASE].world), zoo.load_reader(RECIPES[BASE].world)
    real, again = held_out(SAMPLES, 0), held_out(SAMPLES, SAMPLES)
    return [
        dict(variant=name, images=0, **likeness(images, real, reader, world.NAMES))
        for name, images in (("renders again", again), ("renders blurred by 1 px", blurred(again)))
    ]


# --- rows


def write(row: dict) -> None:
    folder().mkdir(parents=True, exist_ok=True)
    with open(folder() / "results.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(row, allow_nan=False) + "\n")


def rows() -> list[dict]:
    """The last row of every variant, start and count, by start, thousands of images and Frechet distance."""
    path = folder() / "results.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    last = {(row["variant"], row.get("start"), row["images"]): row for row in map(json.loads, lines)}
    return sorted(last.values(), key=lambda row: (row.get("start", ""), row["images"] // 1000, row["frechet"]))


COLUMNS = (
    "variant",
    "from",
    "images",
    "core minutes",
    "Frechet",
    "sliced Wasserstein at 64, 32, 16 px",
    "diversity, least and median",
    "SeFa's knobs: median, least (random)",
    "found",
)


def head() -> str:
    return "| " + " | ".join(COLUMNS) + " |\n" + "| --- " * len(COLUMNS) + "|"


def line(row: dict) -> str:
    """A row of the table in weights/README.md."""
    name = f"{row['variant']}: {SAYS[row['variant']]}" if row["variant"] in SAYS else row["variant"]
    knobs, found = "", ""
    if "sefa" in row:
        strongest = torch.tensor(row["sefa"])
        knobs = f"{strongest.quantile(0.5):.2f}, {strongest.min():.2f} ({row['random']:.2f})"
        found = str(len(row["sefa_found"]))
    minutes = f"{row['core_minutes']:.0f}" if "core_minutes" in row else ""
    distances = ", ".join(f"{value:.0f}" for value in row["wasserstein"])
    cells = (
        name,
        row.get("start", ""),
        f"{row['images']:,}" if row["images"] else "",
        minutes,
        f"{row['frechet']:.1f}",
        distances,
        f"{row['diversity_least']:.2f} ({row['diversity_least_of']}), {row['diversity_median']:.2f}",
        knobs,
        found,
    )
    return "| " + " | ".join(cells) + " |"


def run(name: str, images: int, *, bundled: bool = False) -> dict:
    """Train up to `images`, or go on to there, and judge the average of the weights.

    bundled: start from the bundled files, not from nothing. Raises RuntimeError where training was stopped before.
    """
    run_name = f"{name}-bundled" if bundled else name
    if bundled:
        start_from_bundled(run_name)
    trained = runs.train(
        f"experiment/{run_name}", variant(name), minutes=FOREVER, images=images, device="cpu", threads=1
    )
    if trained.shown < images:
        raise RuntimeError(f"stopped at {trained.shown:,} of {images:,} images: run the command again to go on")
    facts = dict(core_minutes=round(trained.seconds / 60, 1), gamma=trained.gamma)
    facts["critic_loss"] = round(trained.critic_loss, 3)
    return judged_file(name, folder() / run_name, bundled=bundled) | facts


def judged_file(name: str, where: Path, *, bundled: bool) -> dict:
    """The row of the generator in a folder of a run."""
    path = where / "generator.safetensors"
    images = int(native.metadata(path)["images_shown"])
    return dict(variant=name, start="bundled" if bundled else "nothing", images=images, **judged(native.read(path)))


def kept(name: str, state: str, *, bundled: bool = False) -> dict:
    """The row of a state that the run kept on its way. Raises RuntimeError with what there is where it did not."""
    where = folder() / (f"{name}-bundled" if bundled else name)
    if not (where / state / "generator.safetensors").exists():
        there = ", ".join(sorted(path.parent.name for path in where.glob("*k/generator.safetensors"))) or "nothing"
        raise RuntimeError(f"{where.name} has not kept {state}: it kept {there}")
    return judged_file(name, where / state, bundled=bundled)


def rows_of(name: str, images: int, state: str | None, *, bundled: bool) -> list[dict]:
    if name == "renders":
        return scale()
    return [kept(name, state, bundled=bundled) if state else run(name, images, bundled=bundled)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=[*VARIANTS, "renders", "table"])
    parser.add_argument("--images", type=int, default=IMAGES, help="shown in all (default: %(default)s)")
    parser.add_argument("--bundled", action="store_true", help="start from the bundled files")
    parser.add_argument("--kept", metavar="STATE", help="judge a state that was kept on the way; no training")
    args = parser.parse_args()
    if args.name == "table":
        print("\n".join([head(), *map(line, rows())]))
        return
    if args.bundled and args.name != "renders" and needs_own_start(args.name):
        parser.error(f"{args.name} changes how networks begin: leave out --bundled")
    torch.set_num_threads(1)
    try:
        found = rows_of(args.name, args.images, args.kept, bundled=args.bundled)
    except RuntimeError as error:
        sys.exit(str(error))
    for row in found:
        write(row)
        print(line(row), flush=True)


if __name__ == "__main__":
    main()
