"""Measure what an encoder finds in pictures: how close copies are, and whether knobs do on them what they say.

    python -m weights.recipes.measure.encoder portraits-stylegan2

Writes weights/evidence/<card>-encoder.json: 64 held-out renders, copied in the ways of `ways_of`, read by reader b, to
which nothing is fitted, and turned by knobs; and what the encoder's features say of factors (GH-Feat), see
`encoder_features`. Searches have the processor time of E and 100 steps. They run for several pictures at once, which
changes a copy by rounding alone; times are those of one picture at a time. Fails where a control looks like a finding.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from core import zoo
from core.boundaries.files import load_labels
from core.boundaries.pure import pure
from core.codes import Directions, Picture, codes_in_turn, edit
from core.evidence import file_hash, fitted_hash, reader_hash
from core.factorization.baseline import spread_along
from core.factorization.methods import METHODS
from core.images import in_levels
from core.inversion import indomain
from core.inversion.losses import psnr
from core.truth import scores
from core.truth.worlds import load_world

from ..train.bank import drawn
from . import encoder_features, encoder_tables
from .attributes import written
from .encoder_tables import GENERATED, NATIVE, OTHERS
from .encoder_ways import Copying, Way, ways_of

RENDERS, FIRST_RENDER = 64, 1_420_000  # held-out renders; the page's examples and those of `restore` end before
NATIVES, FIRST_NATIVE = 64, 1_096_000  # the network's own pictures, on which knobs are turned beside them
FIRST_OTHER = 1_096_500  # as many others: a control
CHOSEN, FIRST_CHOSEN = 32, 1_097_000  # on which SeFa's knobs are chosen
CROWD, FIRST_CROWD = 1_000, 1_098_000  # codes among which the right one must be told
FACTORS = ("smile", "yaw", "hair_tone")  # that knobs turn
SEFA = 10  # of its knobs, from which the best for a factor is chosen
TOGETHER = 16  # pictures that are searched at once


class Knob(NamedTuple):
    """kind: how it was made. factor: its number. direction: one. step: the length of a step."""

    kind: str
    factor: int
    direction: Directions
    step: float


class Measurement:
    """A card's network and encoder, the judge, the renders that are copied, and the knobs that turn them."""

    def __init__(self, card: str, renders: int = RENDERS):
        found = zoo.card(card)
        self.card, self.world = card, found.world
        self.generator, self.encoder = zoo.load(card), zoo.load_encoder(card)
        self.judge = zoo.load_unfitted_judge(card)
        module = load_world(found.world)
        self.drawn = partial(drawn, module, resolution=found.resolution, spread=found.spread)
        self.factors = partial(module.sample, spread=module.SPREADS[found.spread])
        self.renders = in_levels(self.drawn(renders, FIRST_RENDER).images)
        self.truth = self.judge.read(self.renders)
        tones = self.factors(renders, FIRST_RENDER)[:, self.judge.names.index("skin_tone")]
        self.thirds = [sorted(third.tolist()) for third in tones.argsort().tensor_split(3)]  # from light to dark
        self.codes = partial(codes_in_turn, self.generator)

    def draw(self, codes: Tensor) -> Tensor:
        return self.generator(codes)

    def knobs(self) -> list[Knob]:
        """For each of FACTORS its pure knob, as the page makes it, and the one of SeFa's that moves it most."""
        path = zoo.WEIGHTS / "evidence" / f"{self.card}-attributes.safetensors"
        labels = load_labels(path, weights=zoo.weights_hash(self.card), judge=fitted_hash(self.card))
        if labels is None:
            sys.exit(f"{path.name} is missing or old: run weights.recipes.measure.attributes {self.card} first")
        spread = zoo.load_judge(self.card).spread_over(labels.jacobian.readings).spread
        rows = [self.judge.names.index(name) for name in FACTORS]
        named = pure(self.generator, labels.slopes(spread)).only(rows)
        unnamed = METHODS["sefa/paper"].find(self.generator, None, k=SEFA)
        tried, steps = self.codes(CHOSEN, FIRST_CHOSEN), spread_along(self.generator, unnamed)
        moved = scores.knob_changes_of(
            self.generator, self.judge.read, tried, unnamed, steps, self.judge.spread.float()
        )
        most = torch.stack([one.mean(0) for one in moved]).abs()[:, rows].argmax(0).tolist()
        pairs = (("pure", named), ("SeFa", unnamed.only(most)))
        return [
            Knob(kind, row, directions.only([i]), step)
            for kind, directions in pairs
            for i, (row, step) in enumerate(zip(rows, spread_along(self.generator, directions).tolist()))
        ]


# --- what copies are worth


@torch.no_grad()
def shown(pictures: list[Picture]) -> Tensor:
    return torch.cat([one.draw(one.codes).clamp(-1, 1) for one in pictures])


@torch.no_grad()
def turned(measurement: Measurement, pictures: list[Picture], knobs: list[Knob]) -> dict[str, list]:
    """For each knob by its `key_of`: what one step changes, to both sides, in standard deviations by reader b.

    All codes of a picture move together. own: of the knob's factor; share: of the sum of all |changes|.
    """
    changes = []
    for one in pictures:
        moved = [edit(one.codes, knob.direction, [sign * knob.step]) for knob in knobs for sign in (1, -1)]
        images = one.draw(torch.cat(moved)).clamp(-1, 1)
        changes.append(measurement.judge.change(images[1::2], images[::2]) / 2)
    return effects(torch.stack(changes, 1), [knob.factor for knob in knobs], [key_of(measurement, k) for k in knobs])


def effects(changes: Tensor, own: list[int], keys: list[str]) -> dict[str, dict[str, list[float]]]:
    """changes [knobs, n, factors] -> by key the signed change of the own factor on each picture, and its share."""
    found = {}
    for key, factor, change in zip(keys, own, changes, strict=True):
        share = change[:, factor].abs() / change.abs().sum(1).clamp(min=1e-12)
        found[key] = dict(own=rounded(change[:, factor]), share=rounded(share))
    return found


def key_of(measurement: Measurement, knob: Knob) -> str:
    return f"{knob.kind}: {measurement.judge.names[knob.factor]}"


def rounded(values: Tensor, digits: int = 4) -> list[float]:
    return [round(value, digits) for value in values.double().tolist()]


def structure(images: Tensor, truth: Tensor) -> Tensor:
    """[n]: SSIM of images in [-1, 1] by scikit-image, with the window of Wang et al. (2004)."""
    from skimage.metrics import structural_similarity  # slow to import

    how = dict(channel_axis=0, data_range=2.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    return torch.tensor(
        [structural_similarity(a.numpy(), b.numpy(), **how) for a, b in zip(images.double(), truth.double())]
    )


@torch.no_grad()
def away(measurement: Measurement, picture: Picture) -> float:
    """How far a picture's codes lie from what E finds in it, in deviations; of several codes together."""
    apart = indomain.outside(picture.draw, measurement.encoder, picture.codes)
    return float(apart.square().mean().sqrt())


def measured(measurement: Measurement, way: Way, copying: Copying, knobs: list[Knob]) -> dict:
    began = time.process_time()
    pictures = [one for part in measurement.renders.split(TOGETHER) for one in copying(part)]
    images, truth = shown(pictures), measurement.renders
    found = dict(
        steps=way.steps,
        seconds=round(way.seconds, 3),
        psnr=rounded(psnr(images, truth), 3),
        ssim=rounded(structure(images, truth)),
        outside=[round(away(measurement, one), 4) for one in pictures],
        **encoder_features.kept(measurement.judge.read(images), measurement.truth),
        knobs=turned(measurement, pictures, knobs),
    )
    if way.padded:
        found["leak"] = leak(pictures, truth)
    close = float(torch.tensor(found["psnr"]).median())
    took = time.process_time() - began
    says = (
        f"{way.name}: {close:.2f} dB, {way.steps} steps, {way.seconds:.2f} s a picture; {took:.0f} s of one core in all"
    )
    print(says, flush=True)
    return found


@torch.no_grad()
def generated(measurement: Measurement) -> dict:
    """On the network's own pictures: E(G(w)) and, as a control, the mean code.

    nearer: the share of other codes w' that E(G(w)) is farther from than from w. among: the share of them that lie
    farther from w than E(G(w)) does.
    """
    encoder, codes = measurement.encoder, measurement.codes(NATIVES, FIRST_NATIVE)
    crowd = measurement.codes(CROWD, FIRST_CROWD)
    images = measurement.draw(codes).clamp(-1, 1)
    found = encoder(images)
    wrong = found.roll(1, 0)
    told = {"E": found, "mean": encoder.mean.expand_as(found), "another": wrong}
    result = dict(psnr=rounded(psnr(measurement.draw(found), images), 3))
    _, between = distances(codes, codes, crowd, encoder.scale)
    for name, one in told.items():
        apart, others = distances(one, codes, crowd, encoder.scale)
        result[name] = dict(
            apart=rounded(apart),
            nearer=rounded((others > apart[:, None]).double().mean(1)),
            among=rounded((between > apart[:, None]).double().mean(1)),
        )
    return result


def distances(found: Tensor, codes: Tensor, crowd: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Root mean squares in deviations: of found [n, slots, dim] from codes, [n], and from each of the crowd, [n, m]."""
    own, others = ((x / scale).flatten(1).double() for x in (codes, crowd))
    found = (found / scale).flatten(1).double()
    size = found.shape[1] ** 0.5
    return (found - own).norm(dim=1) / size, torch.cdist(found, others) / size


@torch.no_grad()
def leak(pictures: list[Picture], truth: Tensor) -> dict:
    """Squared distances to A: of A's padding with the codes of the next render B, of B's copy, and of A's own copy."""
    codes = [one.codes for one in pictures]
    crossed = torch.cat([one.draw(code) for one, code in zip(pictures, codes[-1:] + codes[:-1])])
    drawn = shown(pictures)
    far = {"crossed": crossed.clamp(-1, 1), "chance": drawn.roll(1, 0), "own": drawn}
    return {name: rounded((x - truth).square().mean((1, 2, 3)), 5) for name, x in far.items()}


# --- all of it


def controls_hold(found: dict) -> list[str]:
    """Sentences about controls that look significant; empty where all is well."""
    wrong, names = [], found["ways"]
    middle, low, high = encoder_tables.editability(found, OTHERS)
    if not low <= 1.0 <= high and abs(middle - 1) > 0.15:
        wrong.append(f"on other pictures of the network knobs do {middle:.2f} times as much")
    if names["mean"]["kept"][0]:
        wrong.append(f"the mean code keeps {names['mean']['kept'][0]:.0f} factors")
    another = found[GENERATED]["another"]["nearer"]
    if float(torch.tensor(another).median()) > 0.8:
        wrong.append("what E finds in another picture is nearest to the code of this one")
    return wrong + encoder_features.controls_hold(found["features"])


def measure(card: str, *, renders: int = RENDERS, refining: int = indomain.STEPS) -> dict:
    began, measurement = time.process_time(), Measurement(card, renders)
    knobs = measurement.knobs()
    own = {name: measurement.codes(NATIVES, first) for name, first in ((NATIVE, FIRST_NATIVE), (OTHERS, FIRST_OTHER))}
    pictures = {name: [Picture(one, measurement.draw) for one in codes.split(1)] for name, codes in own.items()}
    natives = {name: dict(knobs=turned(measurement, some, knobs)) for name, some in pictures.items()}
    with torch.no_grad():
        tones = measurement.judge.read(measurement.draw(own[NATIVE]))[:, measurement.judge.names.index("skin_tone")]
    thirds = dict(renders=measurement.thirds, native=[sorted(x.tolist()) for x in tones.argsort().tensor_split(3)])
    ways = {way.name: measured(measurement, way, copying, knobs) for way, copying in ways_of(measurement, refining)}
    found = dict(ways=ways, natives=natives, thirds=thirds, factors=list(measurement.judge.names))
    found[GENERATED] = generated(measurement)
    print("copies are measured; features", flush=True)
    found["features"] = encoder_features.measured(measurement)
    return found | dict(seconds=round(time.process_time() - began))


def evidence_of(card: str, found: dict, renders: int) -> dict:
    facts = {
        "weights": zoo.weights_hash(card),
        "encoder": file_hash(zoo.encoder_path(card)),
        "reader": reader_hash(card),
        "reader_b": reader_hash(card, "b"),
        "command": f"python -m weights.recipes.measure.encoder {card}",
        "date": datetime.date.today().isoformat(),
        "samples": {
            "renders": renders,
            "first_render": FIRST_RENDER,
            "native": NATIVES,
            "first_native": FIRST_NATIVE,
            "crowd": CROWD,
            "fitted": encoder_features.FITTED,
            "tested": encoder_features.TESTED,
            "things": zoo.card(card).things,
        },
    }
    return facts | encoder_tables.shown(found | facts) | dict(found=found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name in zoo.CARDS if zoo.has_reader(name, "b")))
    parser.add_argument("--renders", type=int, default=RENDERS, help="fewer for a trial, at least 6")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        zoo.load_encoder(given.card)
    except ValueError as error:
        parser.error(str(error))
    found = measure(given.card, renders=max(6, given.renders))
    wrong = controls_hold(found)
    evidence = evidence_of(given.card, found, len(found["ways"]["mean"]["psnr"]))
    print("\n".join(evidence["sentences"]))
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    path = zoo.WEIGHTS / "evidence" / f"{given.card}-encoder.json"
    path.write_text(written(evidence), encoding="utf-8")
    print(f"written: {path.name}, after {found['seconds'] / 60:.0f} minutes of one core")


if __name__ == "__main__":
    main()
