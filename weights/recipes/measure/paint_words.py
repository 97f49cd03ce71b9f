"""What the numbers of `paint` say of each region: sentences and tables for the page, from the numbers alone.

The evidence holds changes as mean squared differences over pixels and channels of pictures in [-1, 1]; what is said are
their roots (RMS), as everywhere on the tab.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.truth.local import rms_ratio

from .words import minus

METHODS = {
    "lowrank": "LowRankGAN, changes outside forbidden",
    "unprojected": "LowRankGAN, changes outside allowed",
    "resefa": "ReSeFa",
    "sefa": "the best SeFa knob",
    "random": "the best of five random knobs",
}
FACTORS = 8  # rows of the table of what moves
LEVELS = 127.5  # of 255, for a difference of 1
NOT_REACHED = "the region cannot be changed that much"


def written(evidence: Mapping) -> dict[str, dict]:
    """region -> `sentences` and `tables` of what was measured there, for the page to show as they are."""
    return {
        region: dict(sentences=[how(evidence["samples"], region)], tables=tables(evidence, region))
        for region in evidence["regions"]
    }


def tables(evidence: Mapping, region: str) -> list[dict]:
    record, samples = evidence["regions"][region], evidence["samples"]
    return [
        methods_table(record),
        outside_table(record, samples),
        moved_table(evidence, region),
        also_table(evidence, region),
        robustness_table(record, samples),
        transfer_table(record, samples),
        dict(larger_table(record, samples), note=source(evidence)),
    ]


# --- sentences


def how(samples: Mapping, region: str) -> str:
    return (
        f"Knobs for the {region} were made on {samples['made']} faces, the best one of each method was chosen on "
        f"{samples['chosen']} others, and the numbers are from {samples['scored']} others again. The region is what "
        "the part reader sees on each face. Every edit changes it equally: by "
        f"{samples['inside'] * LEVELS:.1f} of 255 levels (root mean square; {samples['inside']} in [-1, 1]), found "
        "by turning the knob on the face itself, half of the faces each way."
    )


def source(evidence: Mapping) -> str:
    claim, seeds = evidence["claim"], evidence["samples"]["first_seeds"]
    by_region = ", ".join(f"{region} {percent(share)}" for region, share in claim["by_region"].items())
    first = ", ".join(f"{seed:,}" for seed in seeds.values())
    return (
        f"Over all regions and faces, the best forbidden knob changes {percent(claim['share'])} of what the best SeFa "
        f"knob changes outside (RMS, median; {by_region}); in energy, the mean square, {100 * claim['share']:.1f} %, "
        f"and half of it was the aim. Seeds from {first}; `{evidence['command']}`, {evidence['date']}, weights "
        f"{evidence['weights_sha256'][:12]}."
    )


# --- tables


def methods_table(record: Mapping) -> dict:
    ratios = {name: each["ratio"] for name, each in record["methods"].items()}
    ranked = sorted(ratios, key=lambda name: -(ratios[name][0] or 0))
    return dict(
        caption="Change inside over change outside (RMS, median over faces [95 %])",
        columns=["method", "times"],
        rows=[[METHODS[name], with_interval(ratios[name])] for name in ranked],
        bars=[(ratios[name][0] or 0.0) ** 0.5 for name in ranked],
    )


def outside_table(record: Mapping, samples: Mapping) -> dict:
    return dict(
        caption="How much else changes, where the region changes equally",
        columns=[
            "method",
            "knob chosen",
            "outside, levels of 255 (RMS)",
            "outside, of the best SeFa knob's (RMS)",
            f"faces with at most half of its energy ({percent(0.5)} of it), of {samples['scored']}",
        ],
        rows=[
            [METHODS[name], f"{each['knob']} of {each['of']}", levels_outside(each), *beside_sefa(name, each)]
            for name, each in record["methods"].items()
        ],
    )


def levels_outside(method: Mapping) -> str:
    return NOT_REACHED if method["outside"] is None else f"{method['outside'] * LEVELS:.2f}"


def beside_sefa(name: str, method: Mapping) -> tuple[str, int | str]:
    """The share of the best SeFa knob's change outside, and on how many faces it is at most half; "" for itself."""
    if name == "sefa":
        return "", ""
    share = NOT_REACHED if method["share"][0] is None else "{} [{} to {}]".format(*map(percent, method["share"]))
    return share, method["half"]


def moved_table(evidence: Mapping, region: str) -> dict:
    """What the forbidden knob moves most, beside what the best random knob moves there."""
    record = evidence["regions"][region]
    factors, random = record["methods"]["lowrank"]["factors"], record["methods"]["random"]
    order = strongest(factors["mean"])[:FACTORS]
    drawn = [
        [*(factors[part][i] for part in ("mean", "low", "high")), abs(random["factors"]["mean"][i])] for i in order
    ]
    return dict(
        caption=f"What the forbidden knob moves where the {region} changes by "
        f"{evidence['samples']['inside'] * LEVELS:.1f} levels, and what the best of {random['of']} random knobs moves "
        f"there: known factors, in standard deviations, not a step (* belongs to the {region})",
        columns=["factor", "change [95 %]", f"best of {random['of']} random"],
        rows=[
            [called(evidence, record, i), f"{signed(mean)} [{signed(low)}, {signed(high)}]", f"{chance:.2f}"]
            for i, (mean, low, high, chance) in zip(order, drawn)
        ],
        bars=drawn,
    )


def also_table(evidence: Mapping, region: str) -> dict:
    record, rows = evidence["regions"][region], []
    for name, each in record["methods"].items():
        means = each["factors"]["mean"]
        top = ", ".join(f"{called(evidence, record, i)} {signed(means[i])}" for i in strongest(means)[:3])
        rows.append([METHODS[name], top, f"{100 * own_share(evidence, record, means):.0f} %"])
    return dict(
        caption="What each method moves at that change, in standard deviations",
        columns=["method", "moves most", "share of the region's own factors"],
        rows=rows,
    )


def own_share(evidence: Mapping, record: Mapping, means: Sequence[float]) -> float:
    """Of all that moves, the share of the factors that the region shows."""
    names = [factor["name"] for factor in evidence["factors"]]
    own = sum(abs(mean) for name, mean in zip(names, means) if name in record["own"])
    return own / (sum(map(abs, means)) or 1.0)


def called(evidence: Mapping, record: Mapping, i: int) -> str:
    """The factor's description; a star marks those that the region shows."""
    factor = evidence["factors"][i]
    return factor["description"] + (" *" if factor["name"] in record["own"] else "")


def strongest(means: Sequence[float]) -> list[int]:
    return sorted(range(len(means)), key=lambda i: -abs(means[i]))


def robustness_table(record: Mapping, samples: Mapping) -> dict:
    return dict(
        caption=f"The region drawn less well, the knob judged in the region as it is ({samples['few']} faces)",
        columns=["region", "|cosine| with the knob", "inside over outside (RMS) [95 %]"],
        rows=[[each["change"], f"{each['cosine']:.2f}", with_interval(each["ratio"])] for each in record["robustness"]],
    )


def transfer_table(record: Mapping, samples: Mapping) -> dict:
    one, many = record["transfer"]["one"], record["transfer"]["many"]
    rows = [["one face, the best of five, on that face itself", ", ".join(map(rms_ratio, one["own"])), ""]]
    for found, made_on in ((one, "one face"), (many, f"{samples['made']} faces")):
        for which, knob in (("first", "knob 1"), ("best", "the best of five")):
            ratios, halves = map(rms_ratio, found[which]["ratio"]), map(str, found[which]["half"])
            rows.append([f"{made_on}, {knob}", ", ".join(ratios), ", ".join(halves)])
    return dict(
        caption=f"Does a knob stay local on other faces? ({len(one['best']['ratio'])} single faces tried)",
        columns=[
            "made on",
            "inside over outside (RMS)",
            f"faces of {samples['scored']} with at most half of the energy ({percent(0.5)} RMS) that the best SeFa "
            "knob changes outside",
        ],
        rows=rows,
    )


def larger_table(record: Mapping, samples: Mapping) -> dict:
    return dict(
        caption=f"Larger edits: inside over outside (RMS) [95 %] ({samples['few']} faces)",
        columns=["change inside (RMS)", METHODS["lowrank"], METHODS["sefa"]],
        rows=[
            [
                f"{each['inside']:g} ({each['inside'] * LEVELS:.0f} of 255 levels)",
                *(with_interval(each[name]) for name in ("lowrank", "sefa")),
            ]
            for each in record["larger"]
        ],
    )


# --- numbers


def with_interval(ratios: Sequence[float | None]) -> str:
    """ "9.2 [8.8 to 9.6]" of a ratio of mean squares with its interval."""
    return "{} [{} to {}]".format(*map(rms_ratio, ratios))


def percent(share: float | None) -> str:
    """The root of a share of mean squares."""
    if share is None:
        return "?"
    root = 100 * share**0.5
    return f"{root:.0f} %" if root >= 9.95 else f"{root:.1f} %"


def signed(value: float) -> str:
    return minus(f"{round(value, 2) + 0.0:+.2f}")  # no −0.00
