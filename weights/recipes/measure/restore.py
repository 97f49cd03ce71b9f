"""Measure how well pictures are restored: everything that the tab Restore says of pictures that nobody looked at.

    python -m weights.recipes.measure.restore portraits-pggan      # takes over an hour; goes on where it was ended
    python -m weights.recipes.measure.restore portraits-pggan --rewrite      # the words anew, from the same numbers

32 held-out renders, each task with the page's own settings, beside one code in the same processor time and tools
without a GAN. Writes weights/evidence/<card>-restore.json with the numbers of every picture, the sha256 of the weights,
and what the page shows of them. Fails where a control looks like a finding: answers judged against another picture's
truth.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from core import zoo
from core.images import in_levels
from core.inversion import baselines, tasks
from core.inversion.losses import closeness, pixel, psnr, scores, seen_through
from core.inversion.multicode import invert
from core.truth.worlds import load_world, pictures

from ..train.places import RUNS
from .restore_tables import shown

RENDERS = 32
FIRST = 1_410_000  # the page's examples end before
TRIED = {
    "enlarge x4": dict(task="enlarge", kind="box", amount=4),
    "enlarge x8": dict(task="enlarge", kind="box", amount=8),
    "colour": dict(task="colour", kind="", amount=0),
    "fill": dict(task="fill", kind="", amount=0),
    "specks": dict(task="noise", kind="specks", amount=tasks.AMOUNTS["specks"]),
    "gaussian": dict(task="noise", kind="gaussian", amount=tasks.AMOUNTS["gaussian"]),
    "copy": dict(task="copy", kind="", amount=0),
}
KNOWABLE = ("skin", "hair", "mouth", "eyes")  # parts whose colour goes with their lightness, in this world
UNKNOWABLE = ("shirt", "background")
MUGS = 8  # faces and mugs that are copied at every layer


class Trial:
    """A task of a network with the page's own settings: what happens to a picture, and how it is looked for."""

    def __init__(self, card: str, task: str, kind: str, amount: float, **changes):
        facts, self.generator, self.task = zoo.card(card), zoo.load(card), task
        setting = tasks.setting_of(card, task)
        usual = dict(setting._asdict(), layer=setting.layer_of(len(self.generator.layers)))
        self.setting = dict(usual, amount=amount, keep=tasks.keeps(task, kind)) | changes
        self.side, self.hole = facts.resolution, hole_of(facts.resolution) if task == "fill" else None
        self.degradation = tasks.degradation(task, kind, amount, self.side, hole=self.hole)
        self.critic = zoo.load_critic(card)
        compared = closeness(self.critic) if self.setting["loss"] == "features" else pixel
        self.loss = seen_through(self.degradation, compared)

    def search(self, observed: Tensor, seed: int) -> Tensor:
        """The answer [1, 3, R, R] from the start `seed`, as the network draws it."""
        how = {name: self.setting[name] for name in ("layer", "steps", "optimiser")}
        codes = self.setting["codes"]
        for step in invert(self.generator, observed, n_codes=codes, loss=self.loss, seed=seed, **how):
            pass
        return step.drawn()

    def one_code(self, observed: Tensor, seconds: float, seed: int) -> Tensor:
        plain = partial(invert, self.generator, observed, layer=0, n_codes=1, loss=self.loss, patience=None)
        found = None
        for found in baselines.one_code(
            lambda start, steps: plain(seed=start, steps=steps), seconds, seed=seed, clock=time.process_time
        ):
            pass
        return found

    def shown(self, image: Tensor, observed: Tensor) -> Tensor:
        """What the page shows of an answer."""
        return self.degradation.agreeing(image, observed) if self.setting["keep"] else image


def hole_of(side: int) -> Tensor:
    """[side, side] (bool): the middle quarter."""
    hole = torch.zeros(side, side, dtype=torch.bool)
    hole[side // 4 : side - side // 4, side // 4 : side - side // 4] = True
    return hole


class Measurement:
    """The held-out renders with their true parts, and the third of skin tone that each belongs to."""

    def __init__(self, card: str):
        self.card, world, facts = card, load_world(zoo.card(card).world), zoo.card(card)
        factors = world.sample(RENDERS, FIRST, spread=world.SPREADS[facts.spread])
        scene = world.render(factors, resolution=facts.resolution)
        self.truths, self.world = in_levels(scene.images), world
        self.parts = {name: scene.masks[:, i] for i, name in enumerate(world.PARTS)}
        tones = factors[:, world.NAMES.index("skin_tone")]
        self.thirds = [sorted(third.tolist()) for third in tones.argsort().tensor_split(3)]


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


def answers(measurement: Measurement, trial: Trial, i: int) -> tuple[dict[str, Tensor], float]:
    """Pictures by method, and the processor seconds that ours took. Ours is judged as the page shows it."""
    truth = measurement.truths[i : i + 1]
    observed, begun = trial.degradation.apply(truth), time.process_time()
    raw, seconds = trial.search(observed, i), time.process_time() - begun
    made = {
        baselines.OURS: trial.shown(raw, observed),
        "one": trial.shown(trial.one_code(observed, seconds, i), observed),
    }
    for name in baselines.tools_of(trial.degradation):
        made[name] = baselines.without_gan(name, trial.degradation, observed, trial.side)
    if trial.task == "colour":
        made["best"] = best_colours(measurement, observed, i)
    return made, seconds


def task_record(measurement: Measurement, changes: dict) -> dict:
    """Of every method the scores of every picture, in the order of the renders."""
    trial = Trial(measurement.card, **changes)
    methods: dict[str, dict[str, list]] = {}
    seconds, control = [], []
    for i in range(RENDERS):
        made, took = answers(measurement, trial, i)
        seconds.append(round(took, 2))
        control.append(round(float(psnr(made[baselines.OURS], measurement.truths[i - 1 : i or None])), 3))
        for name, image in made.items():
            record(methods.setdefault(name, {}), measurement, trial, image, i)
    return dict(setting=trial.setting, seconds=seconds, methods=methods, another_truth=control)


def record(of_method: dict[str, list], measurement: Measurement, trial: Trial, image: Tensor, i: int) -> None:
    found = scores(image, measurement.truths[i : i + 1], critic=trial.critic, hole=trial.hole)._asdict()
    if trial.task == "colour":
        found |= {f"chroma_{name}": value for name, value in colour_errors(measurement, image, i).items()}
    for name, value in found.items():
        if value is not None:
            of_method.setdefault(name, []).append(round(value, 4))


def mugs(measurement: Measurement) -> dict:
    """PSNR of copies of faces and of mugs, mixed after every layer that the page shows."""
    side = zoo.card(measurement.card).resolution
    shown_mugs = in_levels(pictures("objects", MUGS, FIRST, resolution=side, only="mug"))
    targets, rows = dict(faces=measurement.truths[:MUGS], mugs=shown_mugs), []
    for layer in tasks.depths(len(zoo.load(measurement.card).layers)):
        trial = Trial(measurement.card, "copy", "", 0, layer=layer, **tasks.QUICK)
        made = {name: [copied(trial, images[i : i + 1]) for i in range(MUGS)] for name, images in targets.items()}
        rows.append(dict(layer=layer, **made))
    return dict(samples=MUGS, codes=trial.setting["codes"], steps=trial.setting["steps"], rows=rows)


def copied(trial: Trial, truth: Tensor) -> float:
    return round(float(psnr(trial.search(truth, 0), truth)), 3)


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
    measurement, found = Measurement(card), {}
    for name, changes in TRIED.items():
        found[name] = kept(card, name, lambda changes=changes: task_record(measurement, changes), fresh=fresh)
        medians = {method: round(median(each["psnr"]), 2) for method, each in found[name]["methods"].items()}
        print(f"{name}: PSNR {medians}, in {found[name]['took']} s", flush=True)
    of_mugs = kept(card, "mugs", lambda: mugs(measurement), fresh=fresh)
    return dict(
        card=card,
        weights_sha256=zoo.weights_hash(card),
        command=command_of(card),
        date=datetime.date.today().isoformat(),
        seconds=sum(part["took"] for part in (*found.values(), of_mugs)),
        threads=torch.get_num_threads(),
        samples=dict(renders=RENDERS, first_seed=FIRST, spread=zoo.card(card).spread, restarts=baselines.RESTARTS),
        thirds=measurement.thirds,
        tasks=found,
        mugs=of_mugs,
    )


def command_of(card: str) -> str:
    return f"python -m weights.recipes.measure.restore {card}"


def controls_hold(evidence: dict) -> list[str]:
    """Sentences about controls that look significant; empty where all is well."""
    wrong = []
    for name, task in evidence["tasks"].items():
        own, other = (median(values) for values in (task["methods"][baselines.OURS]["psnr"], task["another_truth"]))
        if own < other + 1:
            wrong.append(
                f"{name}: answers are as close to another picture's truth ({other:.1f} dB) "
                f"as to their own ({own:.1f} dB)"
            )
    return wrong


def write(path: Path, evidence: dict) -> None:
    """The numbers, and what the page shows of them, computed from these numbers alone."""
    path.parent.mkdir(exist_ok=True)
    write_whole(path, json.dumps(evidence | shown(evidence), separators=(",", ":"), allow_nan=False).encode())


def write_whole(path: Path, data: bytes) -> None:
    """A reader finds the whole file or none."""
    beside = path.with_name(f"{path.name}.part")
    beside.write_bytes(data)
    os.replace(beside, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name, card in zoo.CARDS.items() if card.world == "portraits"))
    parser.add_argument("--fresh", action="store_true", help="take nothing over from a run that was ended")
    parser.add_argument("--rewrite", action="store_true", help="measure nothing: write the words of its numbers anew")
    given = parser.parse_args()
    path = Path(zoo.WEIGHTS) / "evidence" / f"{given.card}-restore.json"
    if given.rewrite:
        write(path, json.loads(path.read_text(encoding="utf-8")) | dict(command=command_of(given.card)))
        print(f"written: {path.name}")
        return
    torch.set_num_threads(1)
    evidence = measure(given.card, fresh=given.fresh)
    wrong = controls_hold(evidence)
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    write(path, evidence)
    print(f"written: {path.name}, in {evidence['seconds']} s")


if __name__ == "__main__":
    main()
