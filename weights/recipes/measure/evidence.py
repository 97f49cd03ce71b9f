"""Measure a bundled model of a rendered world: everything the page and weights/README.md say of it.

    python -m weights.recipes.measure.evidence portraits-stylegan2
    python -m weights.recipes.measure.evidence portraits-stylegan2 --rewrite    # its words anew, from the numbers there

Writes weights/evidence/<card>.json with the weights' sha256, and a sheet of 64 pictures beside it. Fails where a
control (random directions, shuffled readings, blurred or noisy renders) looks like a finding. Classes come in turn.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity
from torch import Tensor

from core import zoo
from core.boundaries.interfacegan import ridge
from core.checkpoints import native
from core.codes import Directions, layer_groups
from core.factorization.baseline import random_directions, spread_along
from core.factorization.methods import METHODS, set_name
from core.factorization.sefa import sefa
from core.generators.base import Generator
from core.images import to_uint8
from core.truth import scores
from core.truth.readers import read
from core.truth.spectra import fine_chroma
from core.truth.verdict import verdict
from core.truth.worlds import deviations, load_world
from core.truth.worlds.base import Scene

from ..train.bank import drawn, load_bank
from ..train.readers import class_shows
from ..train.recipes import RECIPES
from ..train.runs import sheet
from .evidence_words import written

KNOBS, FACES, CORRELATED, FITTED, QUALITY = 10, 64, 512, 2000, 10_000
REPORTING, REREADING = 1_000_000, 0.8


class Measurement:
    """What all tables share: a model, its world's reader, and the readings of its own pictures."""

    def __init__(self, card: str):
        self.card, self.generator = card, zoo.load(card)
        self.world = load_world(zoo.card(card).world)
        self.reader = zoo.load_reader(zoo.card(card).world)
        self.psi = zoo.card(card).psi
        self.codes, self.readings = scores.read_seeds(self.generator, self.reader, QUALITY, REPORTING)
        self.spread = deviations(zoo.card(card).world, zoo.card(card).spread)
        self.rereading = reread(self, 256)
        self.readable = self.rereading["correlation"] >= REREADING

    def changes(self, directions: Directions, *, first_seed: int = REPORTING + 20_000) -> Tensor:
        """[k, FACES, factors] a step, in standard deviations over the training pictures."""
        steps = spread_along(self.generator, directions)
        return scores.knob_changes(
            self.generator,
            self.reader,
            directions,
            steps,
            self.spread,
            seeds=FACES,
            first_seed=first_seed,
            psi=self.psi,
        )

    @torch.no_grad()
    def pictures(self, n: int) -> Tensor:
        """[n, 3, R, R] in [-1, 1] of the first codes."""
        return torch.cat([self.generator(part).clamp(-1, 1) for part in self.codes[:n].split(64)])

    def labels(self, n: int) -> Tensor | None:
        """[n], of the first codes; None without classes."""
        classes = self.generator.classes
        return torch.arange(n) % classes if classes else None

    def rendered(self, factors: Tensor) -> Scene:
        """What was read of the first codes' pictures, drawn by the world's renderer as the class that was asked for."""
        labels = self.labels(len(factors))
        given = () if labels is None else (labels,)
        return self.world.render(factors.clamp(0, 1), *given, resolution=self.generator.resolution)


@torch.no_grad()
def reread(measurement: Measurement, n: int) -> dict:
    """Read pictures, render what was read, compare: SSIM, and how well a second reading agrees with the first.

    A factor counts on the classes that show it.
    """
    world, images = measurement.world, measurement.pictures(n)
    first = read(measurement.reader, images)
    drawn = measurement.rendered(first).images
    second = read(measurement.reader, drawn)
    shown = class_shows(zoo.card(measurement.card).world, n, measurement.labels(n))
    pairs = zip(to_uint8(images), to_uint8(drawn))
    similar = np.array([structural_similarity(a, b, channel_axis=2, data_range=255) for a, b in pairs])
    agreement = torch.stack(
        [scores.correlations(first[rows, i, None], second[rows, i, None])[0, 0] for i, rows in enumerate(shown.T)]
    )
    return dict(samples=n, ssim=float(similar.mean()), correlation=agreement, **by_skin_tone(world, first, similar))


def by_skin_tone(world: ModuleType, factors: Tensor, similar: np.ndarray) -> dict:
    """Mean similarity by thirds of skin tone; nothing where the world has no skin."""
    if "skin_tone" not in world.NAMES:
        return {}
    thirds = factors[:, world.NAMES.index("skin_tone")].argsort().tensor_split(3)
    return dict(by_skin_tone=[float(similar[third.numpy()].mean()) for third in thirds])


@torch.no_grad()
def parts_agree(measurement: Measurement, n: int = 256) -> dict:
    """IoU of the part reader on generated pictures with the masks of what the factor reader says, rendered.

    Beside it the same with the renders of other pictures: what the parts' usual places alone would give.
    """
    world, images = measurement.world, measurement.pictures(n)
    found = read(zoo.load_part_reader(zoo.card(measurement.card).world), images).argmax(1)
    drawn = measurement.rendered(read(measurement.reader, images)).masks.to(torch.uint8).argmax(1)

    def overlap(truth: Tensor) -> list[float]:
        pairs = [(found == i, truth == i) for i in range(len(world.PARTS))]
        return [float((ours & theirs).sum() / (ours | theirs).sum().clamp(min=1)) for ours, theirs in pairs]

    by_part = overlap(drawn)
    return dict(
        samples=n,
        mean=float(np.mean(by_part)),
        by_part=dict(zip(world.PARTS, by_part)),
        of_other_pictures=float(np.mean(overlap(drawn.roll(1, 0)))),
    )


def knob_table(measurement: Measurement, directions: Directions, baseline: float) -> dict:
    """The record of a set of directions: one entry a knob, and correlations with every factor over 512 faces."""
    steps, changes = spread_along(measurement.generator, directions), measurement.changes(directions)
    mean, low, high = scores.interval(changes)
    knobs = []
    for i in range(len(directions)):
        said = verdict(
            changes[i], measurement.world.FACTORS, baseline=baseline, things=zoo.card(measurement.card).things
        )
        order = mean[i].abs().argsort(descending=True)[:3].tolist()
        knobs.append(
            dict(
                title=said.title,
                verdict=said.text,
                score=float(directions.scores[i]),
                step=float(steps[i]),
                strongest=said.strongest,
                purity=said.purity,
                top=[measurement.world.NAMES[j] for j in order],
                mean=rounded(mean[i]),
                low=rounded(low[i]),
                high=rounded(high[i]),
                same_sign=rounded(scores.same_sign(changes[i])),
            )
        )
    projections = scores.mean_codes(measurement.codes[:CORRELATED]) @ directions.vectors.T
    correlation = scores.correlations(projections, measurement.readings[:CORRELATED])
    return dict(knobs=knobs, correlation=[rounded(row) for row in correlation])


def random_baseline(measurement: Measurement, slots, draws: int = 20) -> float:
    """Median over random directions of the strongest factor's |mean change| a step."""
    changes = measurement.changes(random_directions(measurement.generator, slots, k=draws, seed=7))
    return float(changes.mean(1).abs().amax(1).median())


def findings(measurement: Measurement) -> dict:
    """How many factors some direction finds, by correlation and by experiment: SeFa, PCA, random, supervised."""
    generator, names, readable = measurement.generator, measurement.world.NAMES, measurement.readable
    codes, readings = measurement.codes[:CORRELATED], measurement.readings[:CORRELATED]
    sets = {
        **{one.counted: one.find(generator, None, k=KNOBS) for key, one in METHODS.items() if key != "random"},
        "supervised": supervised(measurement),
    }
    by_correlation = {name: scores.found(codes, readings, set_, names, readable) for name, set_ in sets.items()}
    by_effect = {name: found_by_effect(measurement, set_) for name, set_ in sets.items()}
    draws = [random_directions(generator, k=KNOBS, seed=seed) for seed in range(20)]
    random = sorted(scores.found(codes, readings, draw, names, readable).count for draw in draws)
    random_effect = sorted(found_by_effect(measurement, draw).count for draw in draws[:5])
    shuffled = readings[torch.randperm(len(readings), generator=torch.Generator().manual_seed(0))]
    control = {name: scores.found(codes, shuffled, set_, names, readable).count for name, set_ in sets.items()}
    return dict(
        correlation=dict(
            {name: f.count for name, f in by_correlation.items()},
            random=int(np.median(random)),
            names={name: list(f.names) for name, f in by_correlation.items()},
        ),
        causal=dict(
            {name: f.count for name, f in by_effect.items()},
            random=int(np.median(random_effect)),
            names={name: list(f.names) for name, f in by_effect.items()},
        ),
        shuffled=control,
        of=int(readable.sum()),
    )


def found_by_effect(measurement: Measurement, directions: Directions) -> scores.Found:
    return scores.found_by_effect(measurement.changes(directions), measurement.world.NAMES, measurement.readable)


def supervised(measurement: Measurement) -> Directions:
    """Fitted on pictures that nothing else looks at; of a network with classes, to what may move."""
    generator = measurement.generator
    codes, readings = scores.read_seeds(generator, measurement.reader, FITTED, REPORTING + 30_000)
    movable = torch.zeros_like(codes)
    movable[..., generator.movable] = codes[..., generator.movable]
    normals = ridge(scores.mean_codes(movable), readings)
    return Directions(normals, torch.ones(len(normals), dtype=torch.float64), tuple(range(generator.slots)))


@torch.no_grad()
def renders(measurement: Measurement, n: int, start: int) -> Tensor:
    """Of the reporting seeds from `start` on, spread as the training pictures were."""
    size, spread = measurement.generator.resolution, zoo.card(measurement.card).spread
    return torch.cat(
        [
            drawn(measurement.world, min(200, n - i), REPORTING + start + i, size, spread=spread).images
            for i in range(0, n, 200)
        ]
    )


@torch.no_grad()
def quality(measurement: Measurement, n: int = 4096) -> dict:
    """Frechet distance in the reader's features, sliced Wasserstein distance and the colours of the finest scale,
    each with its scale; diversity.
    """
    reader, world = measurement.reader, measurement.world
    real, again = (renders(measurement, n, start) for start in (200_000, 300_000))
    # Spoilt from the second set: spoilt twins of `real` would share its sampling error, and lie nearer.
    noisy = again + 0.1 * torch.randn(again.shape, generator=torch.Generator().manual_seed(1))
    others = dict(
        model=measurement.pictures(n), renders_again=again, renders_blurred_1px=blurred(again), renders_noise_01=noisy
    )
    features = torch.cat([reader.features(part) for part in real.split(128)])
    frechet = {
        name: scores.frechet_distance(torch.cat([reader.features(part) for part in images.split(128)]), features)
        for name, images in others.items()
    }
    wasserstein = {name: scores.sliced_wasserstein(images, real) for name, images in others.items()}
    diversity = measurement.readings.std(0) / read(reader, real).std(0)
    by_name = dict(zip(world.NAMES, rounded(diversity)))
    return dict(
        samples=n,
        spread=zoo.card(measurement.card).spread,
        frechet=frechet,
        sliced_wasserstein=wasserstein,
        fine_chroma={name: fine_chroma(images, real) for name, images in others.items()},
        diversity=by_name,
        diversity_least=float(diversity.min()),
        diversity_median=float(diversity.median()),
    )


def blurred(images: Tensor) -> Tensor:
    """By a Gaussian of 1 px, cut off at 3 px; edges are repeated."""
    taps = torch.exp(-(torch.arange(-3.0, 4.0) ** 2) / 2)
    taps = taps / taps.sum()
    padded = F.pad(images, (3, 3, 3, 3), mode="replicate").flatten(0, 1)[:, None]
    return F.conv2d(padded, (taps[:, None] * taps)[None, None]).reshape(images.shape)


@torch.no_grad()
def truncation(measurement: Measurement, n: int = 1024) -> dict:
    """Spread of every factor at truncation 0.5 over that at 1."""
    _, readings = scores.read_seeds(measurement.generator, measurement.reader, n, REPORTING, psi=0.5)
    return {"0.5": rounded(readings.std(0) / measurement.readings[:n].std(0))}


@torch.no_grad()
def nearest(measurement: Measurement, n: int = 64) -> dict:
    """RMS distance of generated pictures to their nearest training renders, beside that of held-out ones to theirs."""
    recipe = RECIPES[measurement.card]
    bank = load_bank(recipe.world, measurement.generator.resolution, recipe.bank, spread=recipe.spread)
    held = renders(measurement, n, 400_000)
    made, others = (float(rms_to_nearest(images, bank).median()) for images in (measurement.pictures(n), held))
    return dict(model=made, held_out=others, training_pictures=len(bank))


def rms_to_nearest(images: Tensor, bank: Tensor) -> Tensor:
    """[n]: in levels of 255, by |a - b|^2 = |a|^2 + |b|^2 - 2 a b."""
    levels = ((images + 1) * 127.5).round().clamp(0, 255).flatten(1)
    nearest = torch.full((len(images),), torch.inf)
    for part in bank.split(2000):
        flat = part.flatten(1).float()
        squared = levels.square().sum(1)[:, None] + flat.square().sum(1) - 2 * levels @ flat.T
        nearest = torch.minimum(nearest, squared.amin(1))
    return (nearest / levels.shape[1]).clamp(min=0).sqrt()


def eigen_milliseconds(generator: Generator) -> float:
    """Median of 20: ten directions from cached Gram matrices."""
    times = []
    for _ in range(21):
        began = time.perf_counter()
        sefa(generator, k=KNOBS)
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times[1:]))


def rounded(values: Tensor) -> list[float]:
    return [round(float(value), 4) for value in values]


def direction_sets(generator: Generator) -> dict[str, Callable[[], Directions]]:
    sets: dict[str, Callable[[], Directions]] = {}
    for group, slots in layer_groups(generator.slots).items():
        for key, one in METHODS.items():
            sets[set_name(key, group)] = lambda find=one.find, slots=slots: find(generator, slots, k=KNOBS)
    return sets


def measure(card: str) -> dict:
    measurement = Measurement(card)
    world, tables, baselines = measurement.world, {}, {}
    for name, make in direction_sets(measurement.generator).items():
        directions, group = make(), name.split("/")[1]
        if group not in baselines:
            baselines[group] = random_baseline(measurement, directions.slots)
        tables[name] = knob_table(measurement, directions, baselines[group])
        print(f"{name}: {', '.join(k['top'][0] for k in tables[name]['knobs'])}", flush=True)
    factors = [
        dict(
            name=f.name,
            description=f.description,
            low=f.low,
            high=f.high,
            readable=bool(measurement.readable[i]),
            sd=float(measurement.spread[i]),
            reread=float(measurement.rereading["correlation"][i]),
        )
        for i, f in enumerate(world.FACTORS)
    ]
    reader = zoo.WEIGHTS / f"{zoo.card(card).world}-reader.safetensors"
    return dict(
        card=card,
        weights_sha256=zoo.weights_hash(card),
        reader_sha256=native.weights_hash(reader),
        command=f"python -m weights.recipes.measure.evidence {card}",
        date=datetime.date.today().isoformat(),
        samples=dict(
            faces=FACES,
            correlated=CORRELATED,
            fitted=FITTED,
            quality=QUALITY,
            first_seed=REPORTING,
            psi=measurement.psi,
        ),
        factors=factors,
        rereading={k: v for k, v in measurement.rereading.items() if k != "correlation"},
        parts=parts_agree(measurement),
        sets=tables,
        baseline=baselines,
        found=findings(measurement),
        truncation=truncation(measurement),
        quality=quality(measurement),
        nearest=nearest(measurement),
        eigen_milliseconds=eigen_milliseconds(measurement.generator),
    )


def controls_hold(evidence: dict) -> list[str]:
    """Sentences about controls that look significant; empty where all is well."""
    shuffled = evidence["found"]["shuffled"]
    wrong = [f"{count} factors found by {name} in shuffled readings" for name, count in shuffled.items() if count]
    if evidence["found"]["correlation"]["random"] > evidence["found"]["correlation"]["supervised"]:
        wrong.append("random directions find more factors than the supervised fit")
    if evidence["parts"]["mean"] <= evidence["parts"]["of_other_pictures"]:
        wrong.append("the part reader agrees no better with a picture's own parts than with another's")
    again = evidence["quality"]["frechet"]
    if again["renders_again"] > min(again["renders_blurred_1px"], again["renders_noise_01"]):
        wrong.append("a second set of renders lies further away than spoilt ones")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(zoo.CARDS))
    parser.add_argument("--rewrite", action="store_true", help="measure nothing: write the words of its numbers anew")
    given = parser.parse_args()
    path = Path(zoo.WEIGHTS) / "evidence" / f"{given.card}.json"
    if given.rewrite:
        save(json.loads(path.read_text(encoding="utf-8")), path)
        return
    evidence = measure(given.card)
    wrong = controls_hold(evidence)
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    save(evidence, path)
    sheet(zoo.load(given.card), psi=zoo.card(given.card).psi).save(
        path.with_name(f"{given.card}-sheet.webp"), quality=90
    )
    print(f"written: {path.name} and the sheet of seeds 0 to 63")


def save(evidence: dict, path: Path) -> None:
    """Writes what was measured, with its words."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(evidence | written(evidence), indent=1, allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    main()
