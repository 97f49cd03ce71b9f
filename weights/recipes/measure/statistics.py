"""Measure the knobs of a network that others trained: what each does to exact picture statistics, beside random ones.

    python -m weights.recipes.measure.statistics faces-dcgan      # a minute; the network must be here

Writes weights/evidence/<card>-statistics.json with the sha256 of the weights, so that the page names these knobs
without measuring them for each visitor. Fails where a control looks like a finding: knobs drawn at random that move
a statistic more than all other random ones do.
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

from core import zoo
from core.codes import layer_groups
from core.factorization.baseline import spread_along
from core.factorization.methods import METHODS, set_name
from core.truth import records, statistics
from core.truth.records import name_of, strongest_first

from .restore import write_whole
from .words import minus

KNOBS, PICTURES, FIRST = 10, statistics.SEEDS, 1_020_000
MOST_BY_CHANCE = 3  # of KNOBS random knobs, how many may beat all other random ones in some statistic


def measured(generator, method: str, slots: tuple[int, ...], psi: float) -> list[dict]:
    """One record a knob, see `core.truth.records`."""
    directions = METHODS[method].find(generator, slots, k=KNOBS)
    knobs = directions, spread_along(generator, directions)
    *_, last = records.by_statistics(generator, knobs, psi=psi, seeds=PICTURES, first_seed=FIRST)
    return [dict(one, **rounded(one)) for one in last.records]


def rounded(record: dict) -> dict:
    return {
        name: [round(value, 4) for value in record[name]] for name in ("mean", "low", "high", "same_sign", "percentile")
    }


def beyond(knobs: list[dict]) -> int:
    """How many of them move some statistic more than every random direction does."""
    return sum(max(one["percentile"]) >= 1 for one in knobs)


def measure(card: str) -> dict:
    began, generator, psi, sets = time.perf_counter(), zoo.load(card), zoo.card(card).psi, {}
    for method in METHODS:
        for group, slots in {"all": tuple(range(generator.slots)), **layer_groups(generator.slots)}.items():
            sets[set_name(method, group)] = dict(knobs=measured(generator, method, tuple(slots), psi))
    return dict(
        card=card,
        weights_sha256=zoo.weights_hash(card),
        command=f"python -m weights.recipes.measure.statistics {card}",
        date=datetime.date.today().isoformat(),
        seconds=round(time.perf_counter() - began),
        samples=dict(pictures=PICTURES, first_seed=FIRST, random_directions=statistics.RANDOM, knobs=KNOBS),
        sets=sets,
    )


# --- words


def shown(evidence: dict) -> dict:
    """`sentences` and `tables`, as the page renders them."""
    samples, knobs = evidence["samples"], evidence["sets"]["sefa-paper/all"]["knobs"]
    counts = dict(samples, methods=len(METHODS), statistics=len(statistics.NAMES))
    strongest = {
        name: [max(map(abs, one["mean"])) for one in found["knobs"]] for name, found in evidence["sets"].items()
    }
    sentences = [
        "Knobs of {methods} methods were followed on {pictures} pictures of the network, by the slopes of {statistics} "
        "exact picture statistics, beside {random_directions} random directions.".format(**counts),
        f"The strongest change a step is {median(strongest['sefa-paper/all']):.2f} standard deviations for SeFa’s "
        f"knobs and {median(strongest['random/all']):.2f} for random ones (medians of {samples['knobs']}). "
        f"{beyond(knobs)} of SeFa’s {len(knobs)} knobs move a statistic more than every random direction does; "
        f"of {len(knobs)} further random ones {beyond(evidence['sets']['random/all']['knobs'])}.",
    ]
    rows = []
    for i, one in enumerate(knobs):
        at = strongest_first(one)[0]
        change = minus(f"{one['mean'][at]:+.2f} [{one['low'][at]:+.2f} to {one['high'][at]:+.2f}]")
        title = name_of(one, statistics.FACTORS)[0]
        rows.append(
            [f"{i + 1}", title, statistics.FACTORS[at].description, change, f"{100 * one['percentile'][at]:.0f} %"]
        )
    columns = ["knob", "named", "moves most", "standard deviations a step [95 %]", "random ones that move it less"]
    return dict(sentences=sentences, tables=[dict(caption="SeFa’s knobs", columns=columns, rows=rows)])


def controls_hold(evidence: dict) -> list[str]:
    """Sentences about controls that look significant; empty where all is well."""
    found = {name: beyond(one["knobs"]) for name, one in evidence["sets"].items() if name.startswith("random/")}
    return [f"{many} random knobs of {name} beat all others" for name, many in found.items() if many > MOST_BY_CHANCE]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name, card in zoo.ready().items() if not card.world))
    given = parser.parse_args()
    torch.set_num_threads(1)
    evidence = measure(given.card)
    wrong = controls_hold(evidence)
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    path = Path(zoo.WEIGHTS) / "evidence" / f"{given.card}-statistics.json"
    write_whole(path, json.dumps(evidence | shown(evidence), separators=(",", ":"), allow_nan=False).encode())
    print(f"written: {path.name}, in {evidence['seconds']} s")


if __name__ == "__main__":
    main()
