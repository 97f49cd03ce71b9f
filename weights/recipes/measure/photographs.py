"""Measure how a network that others trained restores photographs: copies with one code and with many.

    python -m weights.recipes.measure.photographs faces-dcgan      # about half an hour; the network must be here
    python -m weights.recipes.measure.photographs faces-dcgan --rewrite      # the words anew, from the same numbers

Twenty photographs that scikit-image ships, each cut to the square around its face where `core.faces` finds one, else
to the largest square in its middle, and shrunk to the network's size. Beside them pictures of the network's own, of
seeds that nothing else uses. Writes weights/evidence/<card>-restore.json with the numbers of every picture and the
sha256 of the weights. Fails where a control looks like a finding: copies judged against another picture.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from pathlib import Path
from statistics import median

import torch
from PIL import Image
from torch import Tensor

from core import zoo
from core.faces import around_face, middle
from core.images import from_pil, in_levels
from core.inversion import tasks
from core.inversion.baselines import OURS
from core.inversion.losses import pixel, psnr
from core.inversion.multicode import invert

from .restore import command_of, write_whole
from .words import minus, said

PORTRAITS = {f"lfw_subset {i}": i for i in (0, 20, 40, 60, 80)}  # 25 pixels a side
NAMED = (  # functions of skimage.data
    *("astronaut", "camera", "chelsea", "coffee", "rocket", "retina", "hubble_deep_field", "moon", "coins"),
    *("immunohistochemistry", "brick", "grass", "gravel", "page", "text"),
)
OWN, FIRST = 8, 1_410_000  # pictures of the network itself; the page's examples end before
HOW = {  # codes, and the layer after which they are mixed; None: the page's own
    "one": (1, 0),
    "ten": (10, None),
    OURS: (20, None),
    "early": (20, 1),
    "late": (20, 3),
}
STEPS_APART = 1.0  # dB by which copies have to be closer to their own picture than to another


def photographs(side: int) -> dict[str, tuple[Tensor, bool]]:
    """Image [1, 3, side, side] in [-1, 1], and whether it is a portrait, by name."""
    from skimage import data

    given = {name: getattr(data, name)() for name in NAMED}
    given |= {name: (255 * data.lfw_subset()[i]).round().astype("uint8") for name, i in PORTRAITS.items()}
    found = {}
    for name, pixels in given.items():
        picture = Image.fromarray(pixels).convert("RGB")
        face = around_face(picture)
        square = (face or middle(picture.size)).of(picture)
        portrait = name in ("astronaut", *PORTRAITS)
        found[name] = from_pil(square.resize((side, side), Image.Resampling.LANCZOS)), portrait
    return found


class Copier:
    """Copies with the page's own setting but for the number of codes and the layer."""

    def __init__(self, card: str):
        self.generator, self.setting = zoo.load(card), tasks.setting_of(card, "copy")

    def __call__(self, truth: Tensor, codes: int, layer: int | None) -> Tensor:
        mixed = self.setting.layer_of(len(self.generator.layers)) if layer is None else layer
        how = dict(steps=self.setting.steps, optimiser=self.setting.optimiser, loss=pixel)
        for step in invert(self.generator, truth, layer=mixed, n_codes=codes, **how):
            pass
        return step.drawn()


def closeness(copier: Copier, truths: list[Tensor], ways: list[str]) -> tuple[dict, list[float]]:
    """{way: {"psnr": of every picture}}, and the PSNR of our copies against the picture before."""
    found, another = {way: dict(psnr=[]) for way in ways}, []
    for i, truth in enumerate(truths):
        copies = {way: copier(truth, *HOW[way]) for way in ways}
        for way, image in copies.items():
            found[way]["psnr"].append(round(float(psnr(image, truth)), 3))
        another.append(round(float(psnr(copies[OURS], truths[i - 1])), 3))
        print(i, {way: each["psnr"][-1] for way, each in found.items()}, flush=True)
    return found, another


def measure(card: str) -> dict:
    began, copier, shown = time.perf_counter(), Copier(card), photographs(zoo.card(card).resolution)
    generator = copier.generator
    with torch.no_grad():
        own = in_levels(generator(generator.codes(generator.sample(OWN, FIRST))).clamp(-1, 1))
    methods, another_own = closeness(copier, list(own.split(1)), ["one", OURS])
    found, another = closeness(copier, [image for image, _ in shown.values()], list(HOW))
    setting = dict(copier.setting._asdict(), layer=copier.setting.layer_of(len(generator.layers)))
    return dict(
        card=card,
        weights_sha256=zoo.weights_hash(card),
        command=command_of(card).replace(".restore ", ".photographs "),
        date=datetime.date.today().isoformat(),
        seconds=round(time.perf_counter() - began),
        threads=torch.get_num_threads(),
        samples=dict(photographs=len(shown), portraits=sum(face for _, face in shown.values()), own_pictures=OWN),
        first_seed=FIRST,
        pictures="pictures drawn by the network",
        tasks=dict(copy=dict(setting=setting, methods=methods, another_truth=another_own)),
        photographs=dict(
            names=list(shown), faces=[face for _, face in shown.values()], methods=found, another_truth=another
        ),
    )


def controls_hold(evidence: dict) -> list[str]:
    """Sentences about controls that look significant; empty where all is well."""
    wrong = []
    for name, found in (("photographs", evidence["photographs"]), ("its own pictures", evidence["tasks"]["copy"])):
        own, other = (median(values) for values in (found["methods"][OURS]["psnr"], found["another_truth"]))
        if own < other + STEPS_APART:
            wrong.append(f"{name}: copies are as close to another picture ({other:.1f} dB) as to their own ({own:.1f})")
    return wrong


# --- words


def shown(evidence: dict) -> dict:
    """`sentences` and `tables`, as the page renders them; medians, intervals by resampling the pictures."""
    samples, found, own = evidence["samples"], evidence["photographs"], evidence["tasks"]["copy"]
    faces, layer = found["faces"], own["setting"]["layer"]
    names = {
        "one": "1 code",
        "ten": f"10 codes, mixed after {layer} layers",
        OURS: f"20 codes, mixed after {layer} layers",
        "early": "20 codes, mixed after 1 layer",
        "late": "20 codes, mixed after 3 layers",
    }
    rows = [_row(way, name, found, own) for way, name in names.items()]
    columns = [
        "copied with",
        f"all {len(faces)}",
        f"{sum(faces)} portraits",
        f"{len(faces) - sum(faces)} others",
        f"{samples['own_pictures']} that it drew",
    ]
    gains = [many - one for many, one in zip(*(found["methods"][way]["psnr"] for way in (OURS, "one")))]
    sentences = [
        f"Copied: {len(faces)} photographs that scikit-image ships, {sum(faces)} of them portraits, each cut to the "
        "square around its face where one is found, else to the square in its middle. Closeness is the peak "
        "signal-to-noise ratio in dB.",
        minus(
            f"Twenty codes are {said(gains)} dB closer than one, and closer on "
            f"{sum(gain > 0 for gain in gains)} of {len(gains)} photographs. "
            f"Judged against another photograph the same copies reach {median(found['another_truth']):.1f} dB."
        ),
    ]
    each = [
        [name, "yes" if face else "no", *(f"{found['methods'][way]['psnr'][i]:.1f}" for way in names)]
        for i, (name, face) in enumerate(zip(found["names"], faces))
    ]
    note = f"Made by {evidence['command']} on {evidence['date']}, in {evidence['seconds'] / 60:.0f} minutes."
    tables = [
        dict(caption="Closeness of copies in dB, median [95 %]", columns=columns, rows=rows),
        dict(
            caption="Photograph by photograph",
            columns=["photograph", "portrait", *names.values()],
            rows=each,
            note=note,
        ),
    ]
    return dict(sentences=sentences, tables=tables)


def _row(way: str, name: str, found: dict, own: dict) -> list[str]:
    """Of the table of medians: all photographs, portraits, others, and pictures that the network drew."""
    values, faces = found["methods"][way]["psnr"], found["faces"]
    groups = ([value for value, face in zip(values, faces) if face is wanted] for wanted in (True, False))
    drawn = said(own["methods"][way]["psnr"]) if way in HOW and way in own["methods"] else ""
    return [name, said(values), *map(said, groups), drawn]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name, card in zoo.ready().items() if not card.world))
    parser.add_argument("--rewrite", action="store_true", help="measure nothing: write the words of its numbers anew")
    given = parser.parse_args()
    path = Path(zoo.WEIGHTS) / "evidence" / f"{given.card}-restore.json"
    torch.set_num_threads(1)
    evidence = json.loads(path.read_text(encoding="utf-8")) if given.rewrite else measure(given.card)
    wrong = controls_hold(evidence)
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    write_whole(path, json.dumps(evidence | shown(evidence), separators=(",", ":"), allow_nan=False).encode())
    print(f"written: {path.name}, in {evidence['seconds']} s")


if __name__ == "__main__":
    main()
