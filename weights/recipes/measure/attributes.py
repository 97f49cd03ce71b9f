"""Measure what knobs that labels give do to the pictures of a bundled network, beside knobs without labels.

    python -m weights.recipes.measure.attributes portraits-stylegan2

Writes weights/evidence/<card>-attributes.json, and <card>-attributes.safetensors with what the page would otherwise
compute at its first visit: the readings of 2,000 of the network's pictures and their mean Jacobian over others.
Both are means of two readers, the bundled one and reader c; reader b, to which nothing is fitted, judges what knobs do.
Nothing is fitted on the pictures on which knobs are turned. Fails where a control (shuffled labels, the knobs under
each other's names) looks like a finding.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from core import zoo
from core.boundaries.files import Labels, save_labels
from core.boundaries.interfacegan import FITS, Boundaries, boundaries, conditioned
from core.boundaries.jacobian import ReadingJacobian, reading_jacobian_steps
from core.boundaries.pure import Metric, gradient, metric_of, pure_of
from core.codes import Directions, codes_in_turn, edit
from core.evidence import fitted_hash, reader_hash
from core.factorization.baseline import spread_along
from core.factorization.methods import METHODS
from core.generators.base import Generator
from core.labels import FIRST_LABELLED, FIRST_SLOPED, LABELLED
from core.truth import scores
from core.truth.worlds import load_world

from .attributes_tables import (
    Effect,
    boundary_table,
    factor_table,
    fixed_table,
    knob_table,
    right,
    sentences,
    tone_table,
)

SLOPED = 128  # pictures over which the Jacobian is averaged
TURNED, FIRST_TURNED = 256, 1_090_000  # pictures on which knobs are turned
FEWER, PIXELS = 64, 64  # of them, those on which controls are turned, and those that the renderer draws beside
HELD = 3  # factors that must stay
UNHELD = "pure, nothing held"
KNOBS = 10  # of the methods without labels
LAMS = (0.0, 0.01, 0.03, 0.1, 0.3)
TOO_MANY = 6  # of 27 knobs that move their namesake most: by chance so many or more in 4 of 10,000 cases (binomial)


class Measurement:
    """A card's network, its judge, and the pictures that everything is fitted to or tried on."""

    def __init__(self, card: str):
        self.card, self.psi = card, zoo.card(card).psi
        self.generator = zoo.load(card)
        self.judge, self.unfitted = zoo.load_fitted_judge(card), zoo.load_unfitted_judge(card)
        self.view = self.generator.at(psi=self.psi)
        self.codes = codes_in_turn(self.generator, LABELLED, FIRST_LABELLED)
        self.readings = scores.read_codes(self.generator, self.judge.read, self.codes).double()
        self.turned = codes_in_turn(self.generator, TURNED, FIRST_TURNED, psi=self.psi)

    @cached_property
    def jacobian(self) -> ReadingJacobian:
        codes = codes_in_turn(self.generator, SLOPED, FIRST_SLOPED, psi=self.psi)
        for step in reading_jacobian_steps(self.view, self.judge.read, codes):
            if step.done % 100 == 0:
                print(f"Jacobian: {step.done} of {step.total} passes", flush=True)
        return step.result

    @cached_property
    def metric(self) -> Metric:
        return metric_of(self.generator)

    @cached_property
    def plain(self) -> Tensor:
        """[n, factors]: readings of the unedited pictures on which knobs are turned, within 0 and 1."""
        return scores.read_codes(self.view, self.unfitted.read, self.turned).clamp(0, 1)

    @property
    def thirds(self) -> tuple[Tensor, ...]:
        """Numbers of the pictures on which knobs are turned: light, middle and dark skin."""
        return self.plain[:, self.judge.names.index("skin_tone")].argsort().tensor_split(3)

    def shuffled(self) -> Tensor:
        """The labels, dealt out to other pictures."""
        return self.readings[torch.randperm(LABELLED, generator=torch.Generator().manual_seed(0))]

    def fit(self, name: str, readings: Tensor) -> Boundaries:
        return boundaries(self.generator, self.codes, readings, fit=name)


def effect(measurement: Measurement, directions: Directions, *, named: bool, turned: int = TURNED) -> Effect:
    """Turns every knob by one step to both sides. named: knob i is of factor i; else of the one that it moves most."""
    steps, codes = spread_along(measurement.generator, directions).tolist(), measurement.turned[:turned]
    changes, fitted, pixels, owns = [], [], [], []
    for i, step in enumerate(steps):
        plus, minus = (drawn(measurement.view, edit(codes, directions.only([i]), [sign * step])) for sign in (1, -1))
        changes.append(measurement.unfitted.change(minus, plus) / 2)
        fitted.append(measurement.judge.change(minus, plus) / 2)
        owns.append(i if named else int(changes[-1].mean(0).abs().argmax()))
        changed, size = (plus - minus)[:PIXELS], float(changes[-1][:, owns[-1]].mean())
        pixels.append(pixel_cosine(measurement, changed, owns[-1], size))
    return Effect(torch.tensor(owns), named, torch.stack(changes), torch.stack(fitted), torch.tensor(pixels))


@torch.no_grad()
def drawn(generator: Generator, codes: Tensor) -> Tensor:
    return torch.cat([generator(part).clamp(-1, 1) for part in codes.split(64)])


def pixel_cosine(measurement: Measurement, changed: Tensor, own: int, size: float) -> float:
    """Cosine of changed pixels [n, 3, R, R] with the renderer's, which turns factor `own` of what was read of each.

    The renderer turns by as much to both sides as the reader saw on average, at least by 0.1 standard deviations.
    """
    sign = 1.0 if size >= 0 else -1.0
    by = float(measurement.judge.spread[own]) * sign * max(abs(size), 0.1)
    ends = []
    for way in (1, -1):
        factors = measurement.plain[: len(changed)].clone()
        factors[:, own] = (factors[:, own] + way * by).clamp(0, 1)
        ends.append(rendered(measurement, factors))
    cosines = torch.nn.functional.cosine_similarity(changed.flatten(1), (ends[0] - ends[1]).flatten(1))
    return float(cosines.mean())


def rendered(measurement: Measurement, factors: Tensor) -> Tensor:
    """Factors [n, k] -> images, of the classes that the codes on which knobs are turned have."""
    world, classes = load_world(zoo.card(measurement.card).world), measurement.generator.classes
    labels = (torch.arange(len(factors)) % classes,) if classes else ()
    return world.render(factors, *labels, resolution=measurement.generator.resolution).images


def sets_of(measurement: Measurement, found: dict[str, Boundaries]) -> dict[str, tuple[bool, Callable[[], Directions]]]:
    """(is knob i named after factor i?, how the knobs are made) by the names that tables show."""
    generator, slopes = measurement.generator, measurement.jacobian.over(measurement.judge.spread)
    without = {"SeFa": "sefa/paper", "GANSpace": "ganspace", "random": "random"}
    sets = {
        f"{name} ({KNOBS})": (False, lambda key=key: METHODS[key].find(generator, None, k=KNOBS))
        for name, key in without.items()
    }
    sets |= {f"InterFaceGAN, {name}": (True, lambda of=of: of.directions) for name, of in found.items()}
    sets["mean gradient"] = True, lambda: gradient(generator, slopes)
    sets[UNHELD] = True, lambda: pure_of(slopes, measurement.metric, lam=0.0, hold=())
    sets |= {
        f"pure, lam = {lam:g}": (True, lambda lam=lam: pure_of(slopes, measurement.metric, lam=lam)) for lam in LAMS
    }
    sets |= {
        f"control: {name} of shuffled labels": (
            True,
            lambda name=name: measurement.fit(name, measurement.shuffled()).directions,
        )
        for name in FITS
    }
    return sets


def effects(measurement: Measurement, found: dict[str, Boundaries]) -> Iterator[tuple[str, Effect]]:
    for name, (named, make) in sets_of(measurement, found).items():
        one = effect(measurement, make(), named=named, turned=FEWER if name.startswith("control") else TURNED)
        size, share = one.sizes()
        says = f"{name}: {size.median():.2f} sd a step, share {share.median():.2f}, {one.right} of {len(size)}"
        print(says, flush=True)
        yield name, one


# --- what must stay


def held_ratios(measurement: Measurement, svm: Directions, found: dict[str, Effect]) -> dict[str, Tensor]:
    """By way of holding HELD factors: [k], how much they change for the knob's own change, over the same without.

    They are, for every knob, those that it moves most besides its own where it holds nothing, at first order.
    """
    slopes, metric = measurement.jacobian.over(measurement.judge.spread), measurement.metric
    free, count = pure_of(slopes, metric, lam=0.0, hold=()), len(slopes)
    moved = expected(slopes, free).abs().fill_diagonal_(0)
    rows = moved.argsort(dim=1, descending=True)[:, :HELD].tolist()
    random = torch.Generator().manual_seed(0)
    others = [
        [j for j in torch.randperm(count, generator=random).tolist() if j not in (i, *rows[i])] for i in range(count)
    ]

    def ours(i: int, fixed: list[int]) -> Directions:
        return pure_of(slopes, metric, lam=0.0, hold=(), fixed=fixed).only([i])

    ways = {
        "pure": lambda i: ours(i, rows[i]),
        "control": lambda i: ours(i, others[i][:HELD]),
        "projected": lambda i: conditioned(svm, rows[i]).only([i]),
    }
    turned = {"nothing": found[UNHELD], "svm": found["InterFaceGAN, svm"]}
    for name, make in ways.items():
        knobs = [make(i) for i in range(count)]
        whole = Directions(torch.cat([one.vectors for one in knobs]), torch.ones(count).double(), knobs[0].slots)
        turned[name] = effect(measurement, whole, named=True)
    other = {}
    for name, one in turned.items():
        mean = one.changes.mean(1).abs()
        other[name] = mean.gather(1, torch.tensor(rows)).sum(1) / mean.diagonal()
        print(f"holding, {name}: {float(other[name].median()):.2f} of its own change", flush=True)
    return {
        "held in the picture (ours), against the knob that holds nothing": other["pure"] / other["nothing"],
        "made orthogonal among the codes (published), against the SVM’s normal": other["projected"] / other["svm"],
        "held in the picture, against the published projection": other["pure"] / other["projected"],
        "control: other factors are held in the picture": other["control"] / other["nothing"],
    }


def expected(slopes: Tensor, directions: Directions) -> Tensor:
    """[k, factors]: what a unit along directions that are shared by all slots changes, at first order."""
    return directions.vectors.double() @ slopes.sum(1).T


# --- controls


def controls_hold(found: dict[str, Effect], shuffled: dict[str, Boundaries]) -> list[str]:
    """Sentences about controls that look significant; empty where all is well."""
    wrong = []
    for name, one in found.items():
        if name.startswith("control") and (one.right >= TOO_MANY or float(one.sizes()[1].median()) > 2 / len(one.own)):
            wrong.append(f"{name}: {one.right} knobs move most what they are named after")
        elif name.startswith("pure"):
            other = right(one.changes.mean(1), one.own.roll(1))
            if other >= TOO_MANY:
                wrong.append(f"{name}: {other} knobs move most what their neighbour is named after")
    wrong += [
        f"{name} parts {100 * float(one.ends.nanmean()):.0f} % of the held-out ends of shuffled labels"
        for name, one in shuffled.items()
        if float(one.ends.nanmean()) > 0.6
    ]
    return wrong


def measure(card: str) -> tuple[dict, Labels]:
    measurement = Measurement(card)
    judge, things = measurement.unfitted, zoo.card(card).things
    fitted = {name: measurement.fit(name, measurement.readings) for name in FITS}
    shuffled = {name: measurement.fit(name, measurement.shuffled()) for name in FITS}
    found = dict(effects(measurement, fitted))
    wrong = controls_hold(found, shuffled)
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    ratios = held_ratios(measurement, fitted["svm"].directions, found)
    best = {name: found[name] for name in ("pure, lam = 0", "pure, lam = 0.01")}
    evidence = {
        "weights": zoo.weights_hash(card),
        "reader": reader_hash(card),
        "reader_b": reader_hash(card, "b"),
        "reader_c": reader_hash(card, "c"),
        "command": f"python -m weights.recipes.measure.attributes {card}",
        "date": datetime.date.today().isoformat(),
        "samples": {
            "labelled": LABELLED,
            "jacobian": SLOPED,
            "turned": TURNED,
            "first_labelled": FIRST_LABELLED,
            "first_jacobian": FIRST_SLOPED,
            "first_turned": FIRST_TURNED,
            "psi": measurement.psi,
        },
        "sentences": sentences(found, ratios, things),
        "tables": [
            knob_table(found, judge),
            boundary_table(fitted, shuffled, LABELLED),
            fixed_table(ratios, HELD),
            tone_table(best, measurement.thirds),
            *(factor_table(found[name], judge, name) for name in ("pure, lam = 0.01", "InterFaceGAN, pattern")),
        ],
        "factors": list(judge.names),
        "changes": {
            name: [[round(x, 3) for x in row] for row in one.changes.mean(1).tolist()]
            for name, one in found.items()
            if one.named and not name.startswith("control")
        },
    }
    return evidence, Labels(judge.names, measurement.readings, FIRST_LABELLED, measurement.jacobian, measurement.psi)


def written(evidence: dict) -> str:
    """JSON with a row of a table or of numbers on one line."""
    text = json.dumps(evidence, indent=1, allow_nan=False, ensure_ascii=False)
    return re.sub(
        r"\[\n\s+[^][{}]*\]", lambda row: re.sub(r"\n\s+", " ", row[0]).replace("[ ", "[").replace(" ]", "]"), text
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name in zoo.CARDS if zoo.has_reader(name, "b")))
    card = parser.parse_args().card
    evidence, labels = measure(card)
    path = zoo.WEIGHTS / "evidence" / f"{card}-attributes.json"
    path.parent.mkdir(exist_ok=True)
    save_labels(labels, path.with_suffix(".safetensors"), weights=evidence["weights"], judge=fitted_hash(card))
    path.write_text(written(evidence), encoding="utf-8")
    print(f"written: {path.name} and {path.with_suffix('.safetensors').name}")


if __name__ == "__main__":
    main()
