"""Measure what channels do: everything that the tab Look inside says of pictures that nobody looked at.

    python -m weights.recipes.measure.channels objects-biggan              # goes on where it was ended
    python -m weights.recipes.measure.channels objects-biggan --rewrite    # its words anew, from the numbers there

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
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
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
    likeness,
    mean_activation,
    total_awareness,
)
from core.channels.segmentation import SIDE, agreement, resampled, segment
from core.codes import codes_in_turn
from core.truth.scores import frechet_distance, rank_correlation
from core.truth.worlds import load_world

from ..train.places import RUNS, WEIGHTS
from .channels_words import HALVES, PIECES, SHARE, drop, random_drops, said

SEED = 2_000_000  # of the first picture: none was looked at before
RENDERS = 1_200_000  # of the world: none was learned from
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
PICTURES, DRAWS, FEW_DRAWS = 500, 20, 1  # pictures a class; random choices of channels at SHARE, and elsewhere
WATCHED, SWITCHED = 64, 2  # pictures a class of the sampled and of the causal measure
CUT = 8


class Measurement:
    """A network with classes beside its judges.

    pictures: how many of each class. Raises ValueError without a classifier.
    """

    def __init__(self, card: str, *, pictures: int = PICTURES):
        self.card, self.pictures, self.facts, self.psi = card, pictures, zoo.card(card), zoo.card(card).psi
        self.names = load_world(self.facts.world).CLASSES if self.facts.world else ()
        self.generator, self.classifier = zoo.load(card), zoo.classifier_of(card, self.names)
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
    stranger = int(likeness(measurement.generator)[label].argmin())
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
    return dict(zip(HALVES, (measurement.gates, measurement.gates[len(measurement.gates) // 2 :])))


@torch.no_grad()
def cuts(measurement: Measurement, label: int) -> dict:
    """Adjusted Rand index against the part reader's parts: weighted by awareness, and not."""
    generator = measurement.generator.at(psi=measurement.psi)
    codes = generator.codes(generator.sample(CUT, SEED), psi=measurement.psi, label=label)
    parts = zoo.load_part_reader(measurement.facts.world)(generator(codes).clamp(-1, 1)).argmax(1)
    side = min(SIDE, measurement.facts.resolution)
    truth, found, scores = resampled(parts, side), {}, measurement.scores(label)
    for where, gates in halves(measurement).items():
        maps = activations(generator, codes, gates)
        for how, weights in (("with", [scores[gate].to(part) for gate, part in zip(gates, maps)]), ("without", None)):
            found[f"{where}, {how}"] = round(agreement(truth, segment(maps, weights, k=PIECES, size=side)), 4)
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


# --- all of it


def formula_of(card: str) -> dict:
    """What the weights alone say: names of classes and gates, total awareness, who is like whom."""
    generator, world = zoo.load(card), zoo.card(card).world
    codes, gates = generator.codes(generator.sample(1, 0), label=0), range(len(generator.gates))
    with torch.no_grad():
        sides = [maps.shape[-1] for maps in activations(generator, codes, gates)]
    return dict(
        world=world,
        names=list(load_world(world).CLASSES),
        gates=[f"gate {gate}, {side} px" for gate, side in enumerate(sides)],
        total=[round(value, 6) for value in total_awareness(generator).tolist()],
        likeness=[[round(value, 6) for value in row] for row in likeness(generator).tolist()],
    )


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
        half = path.with_suffix(".part")
        half.write_text(json.dumps(dict(found, took=round(time.perf_counter() - began, 1))), encoding="utf-8")
        half.replace(path)
    return json.loads(path.read_text(encoding="utf-8"))


def measure(card: str, *, pictures: int = PICTURES, fresh: bool = False) -> dict:
    """Everything; what an earlier, ended run measured is taken over, unless `fresh`.

    Raises ValueError without a classifier.
    """
    measurement, parts = Measurement(card, pictures=pictures), {}
    for name in PARTS:
        parts[name] = [kept(measurement, name, label, fresh=fresh) for label in range(len(measurement.names))]
        print(f"{name}: {sum(one['took'] for one in parts[name]):.0f} s", flush=True)
    found = dict(
        card=card,
        weights_sha256=zoo.weights_hash(card),
        command=command_of(card),
        date=datetime.date.today().isoformat(),
        seconds=round(sum(one["took"] for rows in parts.values() for one in rows)),
        samples=dict(
            pictures=pictures,
            first_seed=SEED,
            draws=DRAWS,
            watched=WATCHED,
            switched=SWITCHED,
            cut=CUT,
            closeness=round(measurement.closeness(), 1),
        ),
        formula=formula_of(card),
        parts=parts,
    )
    return said(found)


def rewritten(card: str, path: Path) -> dict:
    """The words of an evidence file anew, from its numbers. Raises ValueError where these are of other weights."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["weights_sha256"] != zoo.weights_hash(card):
        raise ValueError(f"{path.name} was measured with other weights: measure again")
    return said({**found, "command": command_of(card), "formula": formula_of(card)})


def command_of(card: str) -> str:
    return f"python -m weights.recipes.measure.channels {card}"


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
    parser.add_argument("--rewrite", action="store_true", help="write the words anew, and measure nothing")
    given = parser.parse_args()
    if given.card not in zoo.CARDS or not zoo.card(given.card).classes:
        there = ", ".join(name for name, card in zoo.CARDS.items() if card.classes)
        parser.error(f"no bundled network with classes is called {given.card!r}; there are: {there or 'none'}")
    path = WEIGHTS / "evidence" / f"{given.card}-channels.json"
    if given.rewrite:
        found = rewritten(given.card, path)
    else:
        found = measure(given.card, pictures=given.pictures, fresh=given.fresh)
    wrong = controls_hold(found)
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, separators=(",", ":"), allow_nan=False, ensure_ascii=False), encoding="utf-8")
    print(*found["sentences"], f"written: {path.name}, in {found['seconds']} s", sep="\n")


if __name__ == "__main__":
    main()
