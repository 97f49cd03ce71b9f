"""What the numbers of `channels` say: sentences and tables for the page, from the numbers alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import mean, median

import torch
from torch import Tensor

from core.truth.likeness import likeness_sentence
from core.truth.local import median_interval
from core.truth.scores import rank_correlation

SHARE = 0.2  # of the channels, for which most is said
PIECES = 5  # of a cut
HALVES = ("all gates", "later half")
BOOTSTRAP = 2000


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


def minus(text: str) -> str:
    return text.replace("-", "−")


def points(found: tuple[float, float]) -> str:
    at, low, high = (round(value, 1) + 0.0 for value in (found[0], found[0] - found[1], found[0] + found[1]))
    return minus(f"{at:.1f} [{low:.1f}, {high:.1f}]")  # no −0.0


def chosen_by_chance(draws: int) -> str:
    return "one choice" if draws == 1 else f"median of {draws} choices"


def spread_of(values: Sequence[float]) -> str:
    return minus("{:.2f} [{:.2f}, {:.2f}]".format(*median_interval(torch.tensor(values, dtype=torch.float64))))


def orders_table(gates: Sequence[str], classes: Sequence[Mapping]) -> dict:
    rows = [
        [name, *(spread_of([one["rows"][gate][k] for one in classes]) for k in range(3))]
        for gate, name in enumerate(gates)
    ]
    return dict(
        caption="Do the three measures put a gate’s channels in the same order? Rank correlation, "
        "median over the classes [95 %]",
        columns=["gate", "formula and watching", "formula and experiment", "watching and experiment"],
        rows=rows,
    )


def ablation_table(classes: Sequence[Mapping], pictures: int, closeness: float) -> dict:
    rows, shares = [], [float(name.split()[1]) for name in classes[0]["counts"] if name.startswith("most")]
    for share in shares:
        random = random_drops(classes, share, pictures)
        lost = (points(drop(classes, f"{order} {share:g}", pictures)) for order in ("most", "least"))
        among = f"{min(random):.1f} to {max(random):.1f}, {len(random)}" if len(random) > 1 else chosen_by_chance(1)
        rows.append([f"{100 * share:g} %", *lost, minus(f"{median(random):.1f} ({among})")])
    return dict(
        caption=f"Channels of all gates off: accuracy lost in percentage points [95 %], {pictures} pictures "
        f"a class, drawn in bfloat16 ({closeness:.0f} dB from float32)",
        columns=["off", "most aware", "least aware", "random: median (least to most, choices)"],
        rows=rows,
    )


def gates_table(gates: Sequence[str], classes: Sequence[Mapping], pictures: int) -> dict:
    rows = []
    for gate, name in enumerate(gates):
        of_gate = [one["gates"][gate] for one in classes]
        lost = (points(drop(of_gate, f"{order} {SHARE:g}", pictures)) for order in ("most", "least"))
        random = random_drops(of_gate, SHARE, pictures)
        rows.append([name, *lost, minus(f"{median(random):.1f}")])
    return dict(
        caption=f"{100 * SHARE:g} % of one gate’s channels off: accuracy lost in percentage points [95 %]",
        columns=["gate", "most aware", "least aware", f"random, {chosen_by_chance(len(random))}"],
        rows=rows,
    )


def cuts_table(classes: Sequence[Mapping]) -> dict:
    rows = []
    for where in HALVES:
        weighted, plain = ([one[f"{where}, {how}"] for one in classes] for how in ("with", "without"))
        rows.append([where, *map(spread_of, (weighted, plain, [a - b for a, b in zip(weighted, plain)]))])
    return dict(
        caption=f"Cut into {PIECES} pieces without labels: agreement with the part reader "
        "(adjusted Rand index), median over the classes [95 %]",
        columns=["channels of", "weighted by awareness", "not weighted", "difference"],
        rows=rows,
    )


def quality_table(formula: Mapping, rows: Sequence[Mapping], right: Sequence[int], pictures: int) -> dict:
    total = formula["total"]
    body = [
        [
            formula["names"][i],
            f"{total[i]:.3f}",
            f"{100 * right[i] / pictures:.1f} %",
            *(f"{one[name]:.2f}" for name in ("distance", "floor", "variety")),
        ]
        for i, one in sorted(enumerate(rows), key=lambda row: -total[row[0]])
    ]
    return dict(
        caption="Class by class, most aware first",
        rows=body,
        columns=[
            "class",
            "total awareness",
            "taken for it",
            "distance from renders",
            "renders from renders",
            "variety (renders: 1)",
        ],
    )


def against_quality(formula: Mapping, rows: Sequence[Mapping]) -> str:
    """Total awareness beside closeness and variety, with the interval that so few classes leave."""
    total, said = torch.tensor(formula["total"], dtype=torch.float64), []
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


def sentences(found: Mapping) -> list[str]:
    parts, pictures, most = found["parts"], found["samples"]["pictures"], f"most {SHARE:g}"
    classes, formula, draws = parts["ablated"], found["formula"], found["samples"]["draws"]
    taken = sum(one["right"] for one in classes) / (pictures * len(classes))
    aware, random = drop(classes, most, pictures), median(random_drops(classes, SHARE, pictures))
    often = sum(
        promised(drop([one], most, pictures)[0], median(random_drops([one], SHARE, pictures))) for one in classes
    )
    return [
        f"The classifier takes {100 * taken:.1f} % of {pictures * len(classes):,} pictures for the class that was "
        "asked for.",
        f"Without the {100 * SHARE:g} % most aware channels it does so {points(aware)} percentage points less often, "
        f"without as many random ones {minus(f'{random:.1f}')} (median of {draws} choices), without those that the "
        f"class least like it opens most {points(drop(classes, 'stranger', pictures))}. At least 3 times the random "
        f"ones and at least 10 points: {'so it is' if promised(aware[0], random) else 'not on this network'}; "
        f"class by class in {often} of {len(classes)}.",
        likeness_sentence(torch.tensor(formula["likeness"]), formula["names"], 0, formula["world"]),
        against_quality(formula, parts["quality"]),
    ]


def tables(found: Mapping) -> list[dict]:
    parts, pictures, gates = found["parts"], found["samples"]["pictures"], found["formula"]["gates"]
    return [
        orders_table(gates, parts["orders"]),
        ablation_table(parts["ablated"], pictures, found["samples"]["closeness"]),
        gates_table(gates, parts["gates"], pictures),
        cuts_table(parts["cuts"]),
        quality_table(found["formula"], parts["quality"], [one["right"] for one in parts["ablated"]], pictures),
    ]


def said(found: Mapping) -> dict:
    """What was found, with the sentences and tables that its numbers say."""
    return {**found, "sentences": sentences(found), "tables": tables(found)}
