"""Record what the tab Look inside shows on arrival: a picture of one class, and the channel that draws a part of it.

    python -m demos.page.arrival inside                     the first picture and channel by the rule below
    python -m demos.page.arrival inside --candidates 6      prints looks that fit the rule, best first,
                                                            and writes nothing
    python -m demos.page.arrival inside --seed 7 --gate 3 --channel 12     a look chosen by eye

Writes demos/arrival/inside.json with its pictures (lossless WebP), and the sha256 of the weights and the part reader:
the page shows them only for exactly these. The rule: of the class (mug, where there is one), over some seeds whose
picture shows the part (handle) and is a mug to the classifier with a probability of SURE (where there is a
classifier), and over the most aware channels of every gate, the look whose change lies on the part the most, as the
part reader sees it, among those that change the picture by at least LEAST levels of 255.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace

from core import zoo
from core.parts import has_parts, read_parts
from core.truth.readers import probabilities

from ..page.arrival import ARRIVAL
from ..page.record import record
from . import channel as channels
from . import recipe as looks
from .recipe import Look
from .tab import TAB

CLASS, PART = "mug", "handle"
SEEDS = range(24)
LEAST, SURE = 3.0, 0.99


def candidates(model: str) -> Iterator[tuple[float, Look]]:
    """(share of the change on the part, look),
    of every seed that shows the part and every gate's most aware channels.
    """
    label, gates = looks.class_of(CLASS, model), range(len(looks.opened(model).gates))
    for seed in SEEDS:
        first = Look(model, seed=seed, label=label, gate=0)
        untouched = channels.before(first).picture
        judge = looks.classifier_of(model)
        sure = judge is None or probabilities(judge, untouched)[0, label] >= SURE
        if PART not in read_parts(model, untouched)[0] or not sure:
            continue
        for gate in gates:
            here = Look(model, seed=seed, label=label, gate=gate)
            for dot in channels.dots(here):
                look = replace(here, channel=dot["channel"])
                found = channels.tried(look, channels.changed(look))
                if found.levels >= LEAST:
                    yield found.parts.get(PART, 0.0), look


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=0, help="print this many looks that fit the rule")
    for name in ("seed", "gate", "channel"):
        parser.add_argument(f"--{name}", type=int, help=f"use this {name} instead of the rule's")
    given = parser.parse_args(arguments)
    model = looks.BUNDLED
    if model not in zoo.CARDS or not has_parts(model):
        raise SystemExit(f"{model} or its part reader is not here: train them first (weights/README.md)")
    chosen = dict(seed=given.seed, gate=given.gate, channel=given.channel)
    if any(value is not None for value in chosen.values()):
        if None in chosen.values():
            parser.error("give --seed, --gate and --channel together")
        print(*record(TAB, Look(model, label=looks.class_of(CLASS, model), **chosen), ARRIVAL, cells=()), sep="\n")
        return
    found = sorted(candidates(model), key=lambda one: -one[0])
    if not found:
        raise SystemExit(f"no picture of the class {CLASS} shows the part {PART}: choose a look by eye")
    if not given.candidates:
        print(*record(TAB, found[0][1], ARRIVAL, cells=()), sep="\n")
    for share, look in found[: given.candidates]:
        print(f"{share:.2f}  --seed {look.seed} --gate {look.gate} --channel {look.channel}")
