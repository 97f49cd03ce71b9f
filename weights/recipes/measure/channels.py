"""Measure what channels do: everything that the tab Look inside says of pictures that nobody looked at.

    python -m weights.recipes.measure.channels objects-biggan              # goes on where it was ended

By formula, by watching and by experiment, gate by gate; what the classifier still recognises when channels are off;
whether families share channels; whether awareness helps to cut pictures into parts; whether classes of high awareness
look better. Writes weights/evidence/<card>-channels.json. Whatever comes out is shown; it fails where a control looks
like a finding.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import mean, median
from typing import NamedTuple

import torch
from torch import Tensor

from core import zoo
from core.channels.awareness import (
    ablation,
    activations,
    awareness,
    causal_effect,
    chosen,
    mean_activation,
    total_awareness,
)
from core.channels.segmentation import segment
from core.codes import codes_in_turn
from core.truth.local import median_interval
from core.truth.scores import frechet_distance
from core.truth.worlds import load_world
from demos.inside.experiments import CUT_SIDE, alike, likeness, rank_correlation
from demos.inside.recipe import Look, class_names, classifier_of, gate_name
from demos.page.parts import write_whole

from ..train.gan import RUNS, WEIGHTS
from .words import minus

SEED = 2_000_000  # of the first picture: none was looked at before
RENDERS = 1_200_000  # of the world: none was learned from
SHARES, SHARE = (0.05, 0.1, 0.2, 0.3, 0.5), 0.2
PICTURES, DRAWS, FEW_DRAWS = 500, 20, 1  # pictures a class; random choices of channels at SHARE, and elsewhere
WATCHED, SWITCHED = 64, 2  # pictures a class of the sampled and of the causal measure
CUT, PIECES, BOOTSTRAP = 8, 5, 2000


class Measurement:
    """A network with classes beside its judges.

    pictures: how many of each class. Raises ValueError without a classifier.
    """

    def __init__(self, card: str, *, pictures: int = PICTURES):
        self.card, self.pictures, self.names = card, pictures, class_names(card)
        self.facts, self.psi = zoo.card(card), zoo.card(card).psi
        self.generator, self.classifier = zoo.load(card), classifier_of(card)
        if self.classifier is None:
            raise ValueError(
                f"no classifier belongs to {card}: train weights/{self.facts.world}-classes.safetensors first"
            )
        self.gates = list(range(len(self.generator.gates)))
        # Hundreds of thousands of pictures are only classified: in bfloat16, and `closeness` says what that changes.
        self.quick = copy.deepcopy(self.generator).to(memory_format=torch.channels_last)

    def scores(self, label: int) -> dict[int, Tensor]:
        return {gate: awareness(self.generator, label, gate=gate) for gate in self.gates}

    @torch.no_grad()
    def judged(self, images: Tensor) -> Tensor:
        """The classifier's scores [n, classes], in float32 also where pictures are drawn in bfloat16."""
        with torch.autocast(images.device.type, enabled=False):
            return self.classifier(images.float())

    @torch.no_grad()
    def closeness(self) -> float:
        """PSNR of pictures drawn in bfloat16 with those in float32, in dB, over a picture of each class."""
        codes = codes_in_turn(self.generator, len(self.names), SEED, psi=self.psi)
        exact = self.generator(codes).clamp(-1, 1)
        with halved(exact.device):
            error = (self.quick(codes).float().clamp(-1, 1) - exact).square().mean()
        return float(10 * torch.log10(4 / error))

    @torch.no_grad()
    def drawn(self, label: int, n: int) -> Tensor:
        """Pictures [n, 3, R, R] of the class in [-1, 1], each of a seed of its own."""
        codes = self.generator.codes(self.generator.sample(n, SEED), psi=self.psi, label=label)
        return torch.cat([self.generator.at(psi=self.psi)(part).clamp(-1, 1) for part in codes.split(50)])


def halved(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16)


# --- one class at a time


def orders(measurement: Measurement, label: int) -> dict:
    """Rank correlations of the three measures, gate by gate."""
    rows, generator, how = [], measurement.generator, dict(seed=SEED, psi=measurement.psi)
    for gate in measurement.gates:
        formula = awareness(generator, label, gate=gate).cpu()
        *_, seen = mean_activation(generator, label, gate=gate, draws=WATCHED, **how)
        *_, tried = causal_effect(generator, label, gate=gate, draws=SWITCHED, **how)
        pairs = ((formula, seen.values), (formula, tried.values), (seen.values, tried.values))
        rows.append([round(rank_correlation(a.cpu(), b.cpu()), 4) for a, b in pairs])
    return dict(rows=rows)


class Condition(NamedTuple):
    """Channels that are off, by gate, and what they are called in the record."""

    name: str
    off: dict[int, Tensor]


def conditions(scores: Mapping[int, Tensor], shares: Sequence[float], draws: Callable[[float], int]) -> list[Condition]:
    """Most, least and random channels of every gate, by share; `draws` says how many random choices a share gets."""
    found = []
    for share in shares:
        found += [Condition(f"{order} {share:g}", chosen(scores, share, order=order)) for order in ("most", "least")]
        found += [
            Condition(f"random {share:g} {draw}", chosen(scores, share, order="random", seed=draw))
            for draw in range(draws(share))
        ]
    return found


def counted(measurement: Measurement, label: int, tried: Sequence[Condition]) -> dict:
    """right: pictures that the classifier takes for the class;
    counts: by condition those lost, and those won instead.
    """
    without, how = [{}, *(one.off for one in tried)], dict(draws=measurement.pictures, seed=SEED, psi=measurement.psi)
    with halved(zoo.device()):
        *_, last = ablation(measurement.quick, measurement.judged, label, without=without, **how)
    before, *after = last.values
    counts = {one.name: [int((before > row).sum()), int((before < row).sum())] for one, row in zip(tried, after)}
    return dict(right=int(before.sum()), counts=counts)


def ablated(measurement: Measurement, label: int) -> dict:
    """All gates together; the control is what another class, the least like this one, opens most."""
    stranger = int(likeness(measurement.card)[label].argmin())
    tried = conditions(measurement.scores(label), SHARES, lambda share: DRAWS if share == SHARE else FEW_DRAWS)
    return counted(measurement, label, [*tried, Condition("stranger", chosen(measurement.scores(stranger), SHARE))])


def ablated_by_gate(measurement: Measurement, label: int) -> dict:
    scores = measurement.scores(label)
    return dict(
        gates=[
            counted(measurement, label, conditions({gate: scores[gate]}, [SHARE], lambda _share: FEW_DRAWS))
            for gate in measurement.gates
        ]
    )


def halves(measurement: Measurement) -> dict[str, list[int]]:
    return {"all gates": measurement.gates, "later half": measurement.gates[len(measurement.gates) // 2 :]}


@torch.no_grad()
def cuts(measurement: Measurement, label: int) -> dict:
    """Adjusted Rand index against the part reader's parts: weighted by awareness, and not."""
    from sklearn.metrics import adjusted_rand_score

    generator = measurement.generator.at(psi=measurement.psi)
    codes = generator.codes(generator.sample(CUT, SEED), psi=measurement.psi, label=label)
    parts = zoo.load_part_reader(measurement.facts.world)(generator(codes).clamp(-1, 1)).argmax(1)
    side = min(CUT_SIDE, measurement.facts.resolution)
    truth = torch.nn.functional.interpolate(parts[:, None].float(), size=(side, side), mode="nearest")
    truth = truth.long().flatten().cpu()
    found, scores = {}, measurement.scores(label)
    for where, gates in halves(measurement).items():
        maps = activations(generator, codes, gates)
        for how, weights in (("with", [scores[gate].to(part) for gate, part in zip(gates, maps)]), ("without", None)):
            pieces = segment(maps, weights, k=PIECES, size=side).flatten().cpu()
            found[f"{where}, {how}"] = round(float(adjusted_rand_score(truth, pieces)), 4)
    return found


@torch.no_grad()
def quality(measurement: Measurement, label: int) -> dict:
    """How far the class's pictures are from renders of it (Frechet distance of the classifier's features),
    and how varied.
    """
    module, n, facts = load_world(measurement.facts.world), measurement.pictures, measurement.facts
    factors = module.sample(2 * n, RENDERS, spread=module.SPREADS[facts.spread])
    renders = torch.cat(
        [
            module.render(part, torch.full((len(part),), label), resolution=facts.resolution).images
            for part in factors.split(100)
        ]
    )
    made, one, other = (
        torch.cat([measurement.classifier.features(part) for part in pictures.split(100)]).double().cpu()
        for pictures in (measurement.drawn(label, n), renders[:n], renders[n:])
    )
    return dict(
        distance=round(frechet_distance(made, one), 4),
        floor=round(frechet_distance(other, one), 4),
        variety=round(float(made.var(0).sum() / one.var(0).sum()), 4),
    )


# --- what the numbers say


def drop(classes: Sequence[Mapping], name: str, pictures: int) -> tuple[float, float]:
    """Percentage points of accuracy lost, the mean over the classes, and half of its 95 % interval;
    paired by picture.
    """
    means = [(one["counts"][name][0] - one["counts"][name][1]) / pictures for one in classes]
    variances = [(sum(one["counts"][name]) / pictures - at**2) / pictures for one, at in zip(classes, means)]
    return 100 * mean(means), 196 * math.sqrt(sum(variances)) / len(means)


def random_drops(classes: Sequence[Mapping], share: float, pictures: int) -> list[float]:
    """One for every random choice of channels."""
    names = [name for name in classes[0]["counts"] if name.startswith(f"random {share:g} ")]
    return [drop(classes, name, pictures)[0] for name in names]


def points(found: tuple[float, float]) -> str:
    at, low, high = (round(value, 1) + 0.0 for value in (found[0], found[0] - found[1], found[0] + found[1]))
    return minus(f"{at:.1f} [{low:.1f}, {high:.1f}]")  # no −0.0


def chosen_by_chance(draws: int) -> str:
    return "one choice" if draws == 1 else f"median of {draws} choices"


def spread_of(values: Sequence[float]) -> str:
    return minus("{:.2f} [{:.2f}, {:.2f}]".format(*median_interval(torch.tensor(values, dtype=torch.float64))))


def orders_table(measurement: Measurement, classes: Sequence[Mapping]) -> dict:
    rows = [
        [gate_name(measurement.card, gate), *(spread_of([one["rows"][gate][k] for one in classes]) for k in range(3))]
        for gate in measurement.gates
    ]
    return dict(
        caption="Do the three measures put a gate’s channels in the same order? Rank correlation, "
        "median over the classes [95 %]",
        head=["gate", "formula and watching", "formula and experiment", "watching and experiment"],
        rows=rows,
    )


def ablation_table(classes: Sequence[Mapping], pictures: int, closeness: float) -> dict:
    rows = []
    for share in SHARES:
        random = random_drops(classes, share, pictures)
        lost = (points(drop(classes, f"{order} {share:g}", pictures)) for order in ("most", "least"))
        among = f"{min(random):.1f} to {max(random):.1f}, {len(random)}" if len(random) > 1 else chosen_by_chance(1)
        rows.append([f"{100 * share:g} %", *lost, minus(f"{median(random):.1f} ({among})")])
    return dict(
        caption=f"Channels of all gates off: accuracy lost in percentage points [95 %], {pictures} pictures "
        f"a class, drawn in bfloat16 ({closeness:.0f} dB from float32)",
        head=["off", "most aware", "least aware", "random: median (least to most, choices)"],
        rows=rows,
    )


def gates_table(measurement: Measurement, classes: Sequence[Mapping]) -> dict:
    rows, pictures = [], measurement.pictures
    for gate in measurement.gates:
        of_gate = [one["gates"][gate] for one in classes]
        lost = (points(drop(of_gate, f"{order} {SHARE:g}", pictures)) for order in ("most", "least"))
        random = median(random_drops(of_gate, SHARE, pictures))
        rows.append([gate_name(measurement.card, gate), *lost, minus(f"{random:.1f}")])
    return dict(
        caption=f"{100 * SHARE:g} % of one gate’s channels off: accuracy lost in percentage points [95 %]",
        head=["gate", "most aware", "least aware", f"random, {chosen_by_chance(FEW_DRAWS)}"],
        rows=rows,
    )


def cuts_table(measurement: Measurement, classes: Sequence[Mapping]) -> dict:
    rows = []
    for where in halves(measurement):
        weighted, plain = ([one[f"{where}, {how}"] for one in classes] for how in ("with", "without"))
        rows.append([where, *map(spread_of, (weighted, plain, [a - b for a, b in zip(weighted, plain)]))])
    return dict(
        caption=f"Cut into {PIECES} pieces without labels: agreement with the part reader "
        "(adjusted Rand index), median over the classes [95 %]",
        head=["channels of", "weighted by awareness", "not weighted", "difference"],
        rows=rows,
    )


def quality_table(measurement: Measurement, rows: Sequence[Mapping], right: Sequence[int]) -> dict:
    total = total_awareness(measurement.generator).tolist()
    body = [
        [
            measurement.names[i],
            f"{total[i]:.3f}",
            f"{100 * right[i] / measurement.pictures:.1f} %",
            *(f"{one[name]:.2f}" for name in ("distance", "floor", "variety")),
        ]
        for i, one in sorted(enumerate(rows), key=lambda row: -total[row[0]])
    ]
    return dict(
        caption="Class by class, most aware first",
        rows=body,
        head=[
            "class",
            "total awareness",
            "taken for it",
            "distance from renders",
            "renders from renders",
            "variety (renders: 1)",
        ],
    )


def against_quality(measurement: Measurement, rows: Sequence[Mapping]) -> str:
    """Total awareness beside closeness and variety, with the interval that so few classes leave."""
    total, said = total_awareness(measurement.generator).cpu(), []
    for name, sign in (("distance", -1.0), ("variety", 1.0)):
        values = sign * torch.tensor([one[name] for one in rows], dtype=torch.float64)
        low, high = resampled(total, values)
        said.append(minus(f"{rank_correlation(total, values):+.2f} [{low:+.2f}, {high:+.2f}]"))
    return (
        "Do classes of high total awareness look better, and vary less? Rank correlation with closeness to renders "
        f"{said[0]}, with variety {said[1]} (95 %, resampled over only {len(rows)} classes, so wide)."
    )


def resampled(a: Tensor, b: Tensor) -> tuple[float, float]:
    """The 95 % interval of the rank correlation of [n] and [n], by drawing the rows anew (bootstrap)."""
    random, found = torch.Generator().manual_seed(0), []
    for _ in range(BOOTSTRAP):
        rows = torch.randint(0, len(a), (len(a),), generator=random)
        found.append(rank_correlation(a[rows], b[rows]))
    low, high = torch.tensor(found).quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, high


def promised(aware: float, random: float) -> bool:
    """At least 3 times what random channels cost, and at least 10 points."""
    return aware >= 3 * max(random, 0) and aware >= 10


def sentences(measurement: Measurement, parts: Mapping[str, Sequence[Mapping]]) -> list[str]:
    classes, pictures, most = parts["ablated"], measurement.pictures, f"most {SHARE:g}"
    taken = sum(one["right"] for one in classes) / (pictures * len(classes))
    aware, random = drop(classes, most, pictures), median(random_drops(classes, SHARE, pictures))
    often = sum(
        promised(drop([one], most, pictures)[0], median(random_drops([one], SHARE, pictures))) for one in classes
    )
    return [
        f"The classifier takes {100 * taken:.1f} % of {pictures * len(classes):,} pictures for the class that was "
        "asked for.",
        f"Without the {100 * SHARE:g} % most aware channels it does so {points(aware)} percentage points less often, "
        f"without as many random ones {minus(f'{random:.1f}')} (median of {DRAWS} choices), without those that the "
        f"class least like it opens most {points(drop(classes, 'stranger', pictures))}. At least 3 times the random "
        f"ones and at least 10 points: {'so it is' if promised(aware[0], random) else 'not on this network'}; "
        f"class by class in {often} of {len(classes)}.",
        alike(Look(measurement.card))["verdict"],
        against_quality(measurement, parts["quality"]),
    ]


# --- all of it


PARTS: dict[str, Callable[[Measurement, int], dict]] = dict(
    orders=orders, ablated=ablated, gates=ablated_by_gate, cuts=cuts, quality=quality
)


def kept(measurement: Measurement, name: str, label: int, *, fresh: bool) -> dict:
    """A part of one class: from an earlier run with these weights that was ended, else measured now."""
    stem = (
        f"{measurement.card}-{zoo.weights_hash(measurement.card)[:12]}-channels-{name}-{label}-{measurement.pictures}"
    )
    path = RUNS / "evidence" / f"{stem}.json"
    if fresh or not path.exists():
        began, found = time.perf_counter(), PARTS[name](measurement, label)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(dict(found, took=round(time.perf_counter() - began, 1))).encode())
    return json.loads(path.read_text(encoding="utf-8"))


def measure(card: str, *, pictures: int = PICTURES, fresh: bool = False) -> dict:
    """Everything; what an earlier, ended run measured is taken over, unless `fresh`.

    Raises ValueError without a classifier.
    """
    measurement, parts = Measurement(card, pictures=pictures), {}
    for name in PARTS:
        parts[name] = [kept(measurement, name, label, fresh=fresh) for label in range(len(measurement.names))]
        print(f"{name}: {sum(one['took'] for one in parts[name]):.0f} s", flush=True)
    closeness = measurement.closeness()
    tables = [
        orders_table(measurement, parts["orders"]),
        ablation_table(parts["ablated"], pictures, closeness),
        gates_table(measurement, parts["gates"]),
        cuts_table(measurement, parts["cuts"]),
        quality_table(measurement, parts["quality"], [one["right"] for one in parts["ablated"]]),
    ]
    return dict(
        card=card,
        weights_sha256=zoo.weights_hash(card),
        command=f"python -m weights.recipes.measure.channels {card}",
        date=datetime.date.today().isoformat(),
        seconds=round(sum(one["took"] for rows in parts.values() for one in rows)),
        samples=dict(
            pictures=pictures,
            first_seed=SEED,
            draws=DRAWS,
            watched=WATCHED,
            switched=SWITCHED,
            cut=CUT,
            closeness=round(closeness, 1),
        ),
        sentences=sentences(measurement, parts),
        tables=tables,
        parts=parts,
    )


def controls_hold(found: Mapping) -> list[str]:
    """Sentences about controls that look like findings; empty where all is well."""
    classes, pictures = found["parts"]["ablated"], found["samples"]["pictures"]
    wrong = [
        f"class {label} is never recognised, so nothing can be lost"
        for label, one in enumerate(classes)
        if not one["right"]
    ]
    least = drop(classes, f"least {min(SHARES):g}", pictures)[0]
    random = median(random_drops(classes, max(SHARES), pictures))
    if least > max(random, 1):
        wrong.append(
            f"the {100 * min(SHARES):g} % least aware channels cost more ({least:.1f} points) "
            f"than half of all ({random:.1f})"
        )
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", help="a bundled network with classes")
    parser.add_argument("--pictures", type=int, default=PICTURES, help=f"of each class (default: {PICTURES})")
    parser.add_argument("--fresh", action="store_true", help="take nothing over from a run that was ended")
    given = parser.parse_args()
    if given.card not in zoo.CARDS or not zoo.card(given.card).classes:
        there = ", ".join(name for name, card in zoo.CARDS.items() if card.classes)
        parser.error(f"no bundled network with classes is called {given.card!r}; there are: {there or 'none'}")
    found = measure(given.card, pictures=given.pictures, fresh=given.fresh)
    wrong = controls_hold(found)
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    path = WEIGHTS / "evidence" / f"{given.card}-channels.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, separators=(",", ":"), allow_nan=False))
    print(*found["sentences"], f"written: {path.name}, in {found['seconds']} s", sep="\n")


if __name__ == "__main__":
    main()
