"""Measure what knobs that labels give do to the pictures of a bundled network, beside knobs without labels.

    python -m weights.recipes.measure.attributes portraits-stylegan2

Writes weights/evidence/<card>-attributes.json, and <card>-attributes.safetensors with what the page would otherwise
compute at its first visit: the judge's readings of 2,000 of the network's pictures and the mean Jacobian of 128.
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
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from core import zoo
from core.boundaries.files import Labels, save_labels
from core.boundaries.interfacegan import FITS, Boundaries, boundaries
from core.boundaries.jacobian import ReadingJacobian, reading_jacobian_steps
from core.boundaries.pure import Metric, metric_of, pure_of
from core.boundaries.space import units
from core.checkpoints import native
from core.codes import Directions, codes_in_turn, edit
from core.factorization.baseline import spread_along
from core.factorization.methods import METHODS
from core.generators.base import Generator
from core.labels import FIRST_LABELLED, FIRST_SLOPED, LABELLED
from core.truth import scores
from core.truth.judge import READER, Judge
from core.truth.worlds import load_world

SLOPED = 128  # pictures over which the Jacobian is averaged
TURNED, FIRST_TURNED = 64, 1_090_000  # pictures on which knobs are turned
KNOBS = 10  # of the methods without labels
LAMS = (0.0, 0.03, 0.1, 0.3)
NOISE = 0.1  # standard deviation of the noise through which pictures are read again; they lie in [-1, 1]
RESAMPLED = 400  # bootstraps over the pictures
TOO_MANY = 6  # of 27 knobs that move their namesake most: by chance so many or more in 4 of 10,000 cases (binomial)


class Measurement:
    """A card's network, its judge, and the pictures that everything is fitted to or tried on."""

    def __init__(self, card: str):
        self.card, self.psi = card, zoo.card(card).psi
        self.generator, self.judge = zoo.load(card), zoo.load_judge(card)
        if self.judge.grade != READER:
            raise ValueError(
                f"{card} has no reader, so nothing independent says what its knobs do: choose another card"
            )
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
        return scores.read_codes(self.view, self.judge.read, self.turned).clamp(0, 1)

    def shuffled(self) -> Tensor:
        """The labels, dealt out to other pictures."""
        return self.readings[torch.randperm(LABELLED, generator=torch.Generator().manual_seed(0))]

    def fit(self, name: str, readings: Tensor) -> Boundaries:
        return boundaries(self.generator, self.codes, readings, fit=name)


@dataclass(frozen=True)
class Effect:
    """What k knobs do to n pictures.

    own [k]: the factor that each is named after; named: by its method, not by what it moves. changes, noisy
    [k, n, factors]: change a step in standard deviations, of the picture and of the picture under noise. pixels [k]:
    cosine of what changed in the picture with what changes where the renderer turns the own factor alone, mean over
    pictures.
    """

    own: Tensor
    named: bool
    changes: Tensor
    noisy: Tensor
    pixels: Tensor

    def sizes(self, noisy: bool = False) -> tuple[Tensor, Tensor]:
        """Change of the own factor a step, and its share of all change, each [k]."""
        return own_and_share((self.noisy if noisy else self.changes).mean(1), self.own)

    @property
    def right(self) -> int:
        """Knobs that move most what they are named after, and in its sense."""
        return right(self.changes.mean(1), self.own)

    def interval(self) -> list[tuple[float, float]]:
        """95 % intervals of the medians of own change and share, from pictures drawn again with replacement."""
        random, n = torch.Generator().manual_seed(0), self.changes.shape[1]
        medians = []
        for _ in range(RESAMPLED):
            again = torch.randint(n, (n,), generator=random)
            medians.append([float(x.median()) for x in own_and_share(self.changes[:, again].mean(1), self.own)])
        return [
            tuple(x.quantile(torch.tensor([0.025, 0.975]).double()).tolist())
            for x in torch.tensor(medians, dtype=torch.float64).T
        ]


def own_and_share(mean: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Mean changes [k, factors] -> |own change|, and its share of the sum of all |changes|, each [k]."""
    size = mean.abs().gather(1, own[:, None])[:, 0]
    return size, size / mean.abs().sum(1).clamp(min=1e-12)


def right(mean: Tensor, own: Tensor) -> int:
    return int((mean.abs().argmax(1) == own).sum())


def effect(measurement: Measurement, directions: Directions, *, named: bool) -> Effect:
    """Turns every knob by one step to both sides. named: knob i is of factor i; else of the one that it moves most."""
    steps = spread_along(measurement.generator, directions).tolist()
    changes, noisy, pixels, owns = [], [], [], []
    for i, step in enumerate(steps):
        one = Directions(directions.vectors[i : i + 1], directions.scores[i : i + 1], directions.slots)
        plus, minus = (drawn(measurement.view, edit(measurement.turned, one, [sign * step])) for sign in (1, -1))
        changes.append(measurement.judge.change(minus, plus) / 2)
        noisy.append(measurement.judge.change(roughened(minus, 1), roughened(plus, 2)) / 2)
        owns.append(i if named else int(changes[-1].mean(0).abs().argmax()))
        pixels.append(pixel_cosine(measurement, plus - minus, owns[-1], float(changes[-1][:, owns[-1]].mean())))
    return Effect(torch.tensor(owns), named, torch.stack(changes), torch.stack(noisy), torch.tensor(pixels))


@torch.no_grad()
def drawn(generator: Generator, codes: Tensor) -> Tensor:
    return torch.cat([generator(part).clamp(-1, 1) for part in codes.split(64)])


def roughened(images: Tensor, seed: int) -> Tensor:
    return images + NOISE * torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))


def pixel_cosine(measurement: Measurement, changed: Tensor, own: int, size: float) -> float:
    """Cosine of changed pixels [n, 3, R, R] with the renderer's, which turns factor `own` of what was read of each.

    The renderer turns by as much to both sides as the reader saw on average, at least by 0.1 standard deviations.
    """
    sign = 1.0 if size >= 0 else -1.0
    by = float(measurement.judge.spread[own]) * sign * max(abs(size), 0.1)
    ends = []
    for way in (1, -1):
        factors = measurement.plain.clone()
        factors[:, own] = (factors[:, own] + way * by).clamp(0, 1)
        ends.append(rendered(measurement, factors))
    cosines = torch.nn.functional.cosine_similarity(changed.flatten(1), (ends[0] - ends[1]).flatten(1))
    return float(cosines.mean())


def rendered(measurement: Measurement, factors: Tensor) -> Tensor:
    """Factors [n, k] -> images, of the classes that the codes on which knobs are turned have."""
    world, classes = load_world(zoo.card(measurement.card).world), measurement.generator.classes
    labels = (torch.arange(len(factors)) % classes,) if classes else ()
    return world.render(factors, *labels, resolution=measurement.generator.resolution).images


def gradients(measurement: Measurement, slopes: Tensor) -> Directions:
    """The rows of the mean Jacobian as they are: straight up in the codes, whatever a step costs."""
    space = measurement.metric.space
    vectors = space.vectors(units(space.gradients(slopes)))
    return Directions(vectors, torch.ones(len(vectors), dtype=torch.float64), space.slots)


def sets_of(measurement: Measurement, found: dict[str, Boundaries]) -> dict[str, tuple[bool, Callable[[], Directions]]]:
    """(is knob i named after factor i?, how the knobs are made) by the names that tables show."""
    generator, slopes = measurement.generator, measurement.jacobian.over(measurement.judge.spread)
    without = {"SeFa": "sefa/paper", "GANSpace": "ganspace", "random": "random"}
    sets = {
        f"{name} ({KNOBS})": (False, lambda key=key: METHODS[key].find(generator, None, k=KNOBS))
        for name, key in without.items()
    }
    sets |= {f"InterFaceGAN, {name}": (True, lambda of=of: of.directions) for name, of in found.items()}
    sets["mean gradient"] = True, lambda: gradients(measurement, slopes)
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
        one = effect(measurement, make(), named=named)
        size, share = one.sizes()
        print(
            f"{name}: {size.median():.2f} sd a step, share {share.median():.2f}, {one.right} of {len(size)}", flush=True
        )
        yield name, one


# --- tables


def knob_table(found: dict[str, Effect], judge: Judge) -> dict:
    columns = [
        "knobs",
        "change of its own factor, sd a step [95 %]",
        "its share of all change [95 %]",
        "share, read through noise",
        "own change in pixels, cosine",
        "move most what they are named after",
        "factors found by experiment",
    ]
    rows = []
    for name, one in found.items():
        (size, share), (_, noisy), ranges = one.sizes(), one.sizes(noisy=True), one.interval()
        cells = [
            f"{x.median():.2f} [{low:.2f}, {high:.2f}]" for x, (low, high) in zip((size, share), ranges, strict=True)
        ]
        moved = scores.found_by_effect(one.changes, judge.names, torch.ones(len(judge.names), dtype=torch.bool))
        by_name = f"{one.right} of {len(size)}" if one.named else "–"
        rows.append([name, *cells, f"{noisy.median():.2f}", f"{one.pixels.median():.2f}", by_name, moved.count])
    caption = (
        f"Medians over the knobs; mean over {TURNED} pictures that nothing was fitted on, one step to both sides. "
        "A knob without labels is named after the factor that it moves most on these pictures, which favours it. "
        f"Noise: standard deviation {NOISE:g}, pictures in [-1, 1]. Pixels: cosine of what changed in the picture "
        "with what changes where the renderer turns that factor alone. Found by experiment: a knob moves it most, "
        "and by 2 sd or more over -2 to +2 steps."
    )
    return {"title": "What one step of a knob does", "columns": columns, "rows": rows, "caption": caption}


def boundary_table(found: dict[str, Boundaries], shuffled: dict[str, Boundaries]) -> dict:
    rows = [
        [name, *(f"{100 * float(x.nanmean()):.0f} %" for x in (one.ends, one.rest, one.chance, shuffled[name].ends))]
        for name, one in found.items()
    ]
    return {
        "title": "How well the boundaries part pictures that they were not fitted to",
        "rows": rows,
        "columns": [
            "fit",
            "held-out ends on the right side",
            "the other pictures",
            "all on the larger side",
            "ends, shuffled labels",
        ],
        "caption": f"Means over the attributes; {LABELLED:,} labelled pictures. Chance for the "
        "ends is 50 %. The other pictures are parted half-way between the lowest and the highest score.",
    }


def factor_table(one: Effect, judge: Judge, name: str) -> dict:
    """For each factor: its knob's own change, share, and the factor that comes next."""
    rows, (size, share) = [], one.sizes()
    for i, factor in enumerate(judge.factors):
        mean = one.changes[i].mean(0)
        other = judge.strongest(torch.where(torch.arange(len(mean)) == i, 0.0, mean), 1)[0]
        agree = scores.same_sign(one.changes[i])[i]
        rows.append(
            [
                factor.description,
                f"{size[i]:.2f}",
                f"{share[i]:.2f}",
                f"{100 * agree:.0f} %",
                f"{other.factor.description}, {other.change:+.2f}".replace("-", "−"),
            ]
        )
    return {
        "title": f"Factor by factor: {name}",
        "rows": rows,
        "columns": ["factor", "own change, sd a step", "share", "in the same sense on", "what it moves next"],
        "caption": f"Mean over {TURNED} pictures that nothing was fitted on.",
    }


def sentences(found: dict[str, Effect], things: str) -> list[str]:
    def said(name: str) -> str:
        size, share = (float(x.median()) for x in found[name].sizes())
        return f"{size:.2f} standard deviations a step and {100 * share:.0f} % of all that it moves"

    def share(name: str) -> str:
        plain, noisy = (float(found[name].sizes(noisy=noise)[1].median()) for noise in (False, True))
        return f"a share of {100 * plain:.0f} % becomes {100 * noisy:.0f} %"

    def pixels(name: str) -> str:
        return f"{float(found[name].pixels.median()):.2f}"

    count = len(found["mean gradient"].own)
    return [
        f"The knob of lam = 0 moves its own factor by {said('pure, lam = 0')} (median of {count} factors, {TURNED} "
        f"{things}); that of lam = 0.03 by {said('pure, lam = 0.03')}; that of lam = 0.1 by {said('pure, lam = 0.1')}.",
        f"InterFaceGAN’s normals move theirs by {said('InterFaceGAN, svm')} (SVM, as published) and by "
        f"{said('InterFaceGAN, ridge')} (least squares on all scores): a normal reads a factor and hardly moves it. "
        f"The pattern of the same labels moves it by {said('InterFaceGAN, pattern')}.",
        f"{found['pure, lam = 0.03'].right} of {count} knobs of lam = 0.03 move most what they are named after; "
        f"{found['InterFaceGAN, pattern'].right} patterns and {found['InterFaceGAN, svm'].right} normals of an SVM do.",
        "The reader that judges is the one through which the pure knobs were made, so part of their purity may be "
        f"fitted to that reader. Read under noise, which its slopes did not see, {share('pure, lam = 0')} at lam = 0 "
        f"and {share('pure, lam = 0.03')} at lam = 0.03.",
        "A check without the reader: the cosine of the changed pixels with what the renderer changes for that factor "
        f"alone is {pixels('pure, lam = 0')} at lam = 0, {pixels('pure, lam = 0.03')} at lam = 0.03, "
        f"{pixels('InterFaceGAN, svm')} for the SVM, {pixels('InterFaceGAN, pattern')} for the pattern and "
        f"{pixels(f'random ({KNOBS})')} for random knobs.",
    ]


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
    judge, things = measurement.judge, zoo.card(card).things
    fitted = {name: measurement.fit(name, measurement.readings) for name in FITS}
    shuffled = {name: measurement.fit(name, measurement.shuffled()) for name in FITS}
    found = dict(effects(measurement, fitted))
    wrong = controls_hold(found, shuffled)
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    evidence = {
        "weights": zoo.weights_hash(card),
        "reader": reader_hash(card),
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
        "sentences": sentences(found, things),
        "tables": [
            knob_table(found, judge),
            boundary_table(fitted, shuffled),
            *(factor_table(found[name], judge, name) for name in ("pure, lam = 0.03", "InterFaceGAN, pattern")),
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


def reader_hash(card: str) -> str:
    return native.weights_hash(zoo.WEIGHTS / f"{zoo.card(card).world}-reader.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name in zoo.CARDS if zoo.has_reader(name)))
    card = parser.parse_args().card
    evidence, labels = measure(card)
    path = zoo.WEIGHTS / "evidence" / f"{card}-attributes.json"
    path.parent.mkdir(exist_ok=True)
    save_labels(labels, path.with_suffix(".safetensors"), weights=evidence["weights"], judge=evidence["reader"])
    path.write_text(written(evidence), encoding="utf-8")
    print(f"written: {path.name} and {path.with_suffix('.safetensors').name}")


if __name__ == "__main__":
    main()
