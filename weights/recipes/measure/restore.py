"""Measure how well pictures are restored: everything that the tab Restore says of pictures that nobody looked at.

    python -m weights.recipes.measure.restore portraits-pggan      # takes over an hour; goes on where it was ended

32 held-out renders, each task with the page's own settings, beside one code in the same processor time and tools
without a GAN. Writes weights/evidence/<card>-restore.json with the numbers of every picture and the sha256 of the
weights. Fails where a control looks like a finding: answers judged against another picture's truth.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from core import zoo
from core.inversion.losses import psnr
from core.truth.worlds import load_world
from demos.page.parts import write_whole
from demos.restore import baselines as rivals
from demos.restore import recipe as restore_recipe
from demos.restore import search as restoring
from demos.restore.experiments import QUICK, layers_of, mug_pictures
from demos.restore.recipe import FIRST_PICTURE, PICTURES, Restoration

from ..train.gan import RUNS

RENDERS = 32
FIRST = FIRST_PICTURE + PICTURES  # the page's examples end before
TRIED = {
    "enlarge x4": dict(task="enlarge", amount=4),
    "enlarge x8": dict(task="enlarge", amount=8),
    "colour": dict(task="colour"),
    "fill": dict(task="fill"),
    "specks": dict(task="noise", kind="specks"),
    "gaussian": dict(task="noise", kind="gaussian"),
    "copy": dict(task="copy"),
}
KNOWABLE = ("skin", "hair", "mouth", "eyes")  # parts whose colour goes with their lightness, in this world
UNKNOWABLE = ("shirt", "background")
MUGS = 8  # faces and mugs that are copied at every layer


class Measurement:
    """The held-out renders with their true parts, and the third of skin tone that each belongs to."""

    def __init__(self, card: str):
        self.card, world, facts = card, load_world(zoo.card(card).world), zoo.card(card)
        factors = world.sample(RENDERS, FIRST, spread=world.SPREADS[facts.spread])
        scene = world.render(factors, resolution=facts.resolution)
        self.truths, self.world = restore_recipe.in_levels(scene.images), world
        self.parts = {name: scene.masks[:, i] for i, name in enumerate(world.PARTS)}
        tones = factors[:, world.NAMES.index("skin_tone")]
        self.thirds = [sorted(third.tolist()) for third in tones.argsort().tensor_split(3)]

    def problem(self, recipe: Restoration, i: int) -> restoring.Problem:
        """The recipe's own, for the i-th render."""
        degradation = restore_recipe.degradation_of(recipe)
        truth = self.truths[i : i + 1]
        return restoring.Problem(truth, degradation.apply(truth), degradation, restore_recipe.loss_of(recipe))


def chroma(image: Tensor) -> Tensor:
    """[1, 3, h, w] without their mean over channels."""
    return image - image.mean(1, keepdim=True)


def colour_errors(measurement: Measurement, image: Tensor, i: int) -> dict[str, float]:
    """RMS error of the colour, 0 to 2, on the parts whose colour can be known, on the others,
    and on the whole picture.
    """
    truth = measurement.truths[i : i + 1]
    squared = (chroma(image) - chroma(truth)).square().mean((0, 1))
    groups = {"knowable": KNOWABLE, "unknowable": UNKNOWABLE}
    masks = {name: torch.stack([measurement.parts[part][i] for part in parts]).any(0) for name, parts in groups.items()}
    return {
        **{name: float(squared[mask].mean().sqrt()) if mask.any() else 0.0 for name, mask in masks.items()},
        "all": float(squared.mean().sqrt()),
    }


def best_colours(measurement: Measurement, observed: Tensor, i: int) -> Tensor:
    """All colours right, shirt and background left grey, as grey does not say theirs.

    A guess from what is usual may beat it.
    """
    truth = measurement.truths[i : i + 1]
    unknown = torch.stack([measurement.parts[part][i] for part in UNKNOWABLE]).any(0)
    return torch.where(unknown, observed, truth)


def answers(measurement: Measurement, recipe: Restoration, i: int) -> tuple[dict[str, Tensor], float]:
    """Pictures by method, and the processor seconds that ours took. Ours is judged as the page shows it."""
    problem, begun = measurement.problem(recipe, i), time.process_time()
    for step in restoring.stream(recipe, problem):
        pass
    raw, seconds = restoring.drawn(step.picture), time.process_time() - begun
    made = {rivals.OURS: problem.degradation.agreeing(raw, problem.observed) if recipe.keep else raw}
    for single in rivals.one_code(recipe, problem, seconds, clock=time.process_time):
        pass
    made["one"] = problem.degradation.agreeing(single, problem.observed) if recipe.keep else single
    for name in rivals.tools_of(recipe):
        made[name] = rivals.without_gan(name, recipe, problem)
    if recipe.task == "colour":
        made["best"] = best_colours(measurement, problem.observed, i)
    return made, seconds


def task_record(measurement: Measurement, changes: dict) -> dict:
    """Of every method the scores of every picture, in the order of the renders."""
    methods: dict[str, dict[str, list]] = {}
    seconds, control = [], []
    for i in range(RENDERS):
        recipe = Restoration(measurement.card, start=i, **changes)
        made, took = answers(measurement, recipe, i)
        seconds.append(round(took, 2))
        control.append(round(float(psnr(made[rivals.OURS], measurement.truths[i - 1 : i or None])), 3))
        for name, image in made.items():
            record(methods.setdefault(name, {}), measurement, recipe, image, i)
    names = ("layer", "codes", "steps", "optimiser", "loss", "amount", "keep")
    return dict(
        setting={name: getattr(recipe, name) for name in names}, seconds=seconds, methods=methods, another_truth=control
    )


def record(of_method: dict[str, list], measurement: Measurement, recipe: Restoration, image: Tensor, i: int) -> None:
    found = restoring.scores(recipe, image, measurement.truths[i : i + 1])._asdict()
    if recipe.task == "colour":
        found |= {f"chroma_{name}": value for name, value in colour_errors(measurement, image, i).items()}
    for name, value in found.items():
        if value is not None:
            of_method.setdefault(name, []).append(round(value, 4))


def mugs(measurement: Measurement) -> dict:
    """PSNR of copies of faces and of mugs, mixed after every layer that the page shows."""
    side = zoo.card(measurement.card).resolution
    pictures = dict(faces=measurement.truths[:MUGS], mugs=mug_pictures(MUGS, FIRST, side))
    rows = []
    for layer in layers_of(measurement.card):
        recipe = Restoration(measurement.card, "copy", layer=layer, **QUICK)
        made = {name: [copied(recipe, images[i : i + 1]) for i in range(MUGS)] for name, images in pictures.items()}
        rows.append(dict(layer=layer, **made))
    return dict(samples=MUGS, codes=recipe.codes, steps=recipe.steps, rows=rows)


def copied(recipe: Restoration, truth: Tensor) -> float:
    problem = restoring.Problem(truth, truth, restore_recipe.degradation_of(recipe), restore_recipe.loss_of(recipe))
    for step in restoring.stream(recipe, problem):
        pass
    return round(float(psnr(restoring.drawn(step.picture), truth)), 3)


def kept(card: str, name: str, make: Callable[[], dict], *, fresh: bool) -> dict:
    """A part of the evidence: from an earlier run with these weights that was ended, else made now."""
    path = RUNS / "evidence" / f"{card}-{zoo.weights_hash(card)[:12]}-restore-{name.replace(' ', '-')}.json"
    if fresh or not path.exists():
        began, found = time.perf_counter(), make()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(dict(found, took=round(time.perf_counter() - began))).encode())
    return json.loads(path.read_text(encoding="utf-8"))


def measure(card: str, *, fresh: bool = False) -> dict:
    """Everything; parts that an earlier, ended run made are taken over, unless `fresh`."""
    measurement, tasks = Measurement(card), {}
    for name, changes in TRIED.items():
        tasks[name] = kept(card, name, lambda changes=changes: task_record(measurement, changes), fresh=fresh)
        medians = {method: round(median(found["psnr"]), 2) for method, found in tasks[name]["methods"].items()}
        print(f"{name}: PSNR {medians}, in {tasks[name]['took']} s", flush=True)
    of_mugs = kept(card, "mugs", lambda: mugs(measurement), fresh=fresh)
    seconds = sum(part["took"] for part in (*tasks.values(), of_mugs))
    return dict(
        card=card,
        weights_sha256=zoo.weights_hash(card),
        command=f"python -m weights.recipes.measure.restore {card}",
        date=datetime.date.today().isoformat(),
        seconds=seconds,
        threads=torch.get_num_threads(),
        samples=dict(renders=RENDERS, first_seed=FIRST, spread=zoo.card(card).spread, restarts=rivals.RESTARTS),
        thirds=measurement.thirds,
        tasks=tasks,
        mugs=of_mugs,
    )


def controls_hold(evidence: dict) -> list[str]:
    """Sentences about controls that look significant; empty where all is well."""
    wrong = []
    for name, task in evidence["tasks"].items():
        own, other = (median(values) for values in (task["methods"][rivals.OURS]["psnr"], task["another_truth"]))
        if own < other + 1:
            wrong.append(
                f"{name}: answers are as close to another picture's truth ({other:.1f} dB) "
                f"as to their own ({own:.1f} dB)"
            )
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name, card in zoo.CARDS.items() if card.world == "portraits"))
    parser.add_argument("--fresh", action="store_true", help="take nothing over from a run that was ended")
    given = parser.parse_args()
    torch.set_num_threads(1)
    evidence = measure(given.card, fresh=given.fresh)
    wrong = controls_hold(evidence)
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    path = Path(zoo.WEIGHTS) / "evidence" / f"{given.card}-restore.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(evidence, separators=(",", ":"), allow_nan=False))
    print(f"written: {path.name}, in {evidence['seconds']} s")


if __name__ == "__main__":
    main()
