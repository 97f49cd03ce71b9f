"""The numbers of an evidence file that a reader wants first, computed from the file's own.

`SUMMARIES` has a function for each kind of evidence file: evidence (the parsed JSON) in, rows (what, value) out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean, median

from core import zoo
from core.checkpoints import native
from core.factorization import methods

Row = tuple[str, str]
METHODS = (*(one.counted for one in methods.METHODS.values()), "supervised")
RIVALS = {
    "one": "one code in the same time",
    "nlm": "non-local means",
    "lanczos": "Lanczos",
    "damaged": "left as it is",
    "grey": "left grey",
}
GOOD = 0.9  # the score of a reader that is good enough
LEVELS = 127.5  # of 255, for a difference of 1 in pictures of [-1, 1]
SCORES = {"fill": "inside", "colour": "chroma_knowable"}  # by task; elsewhere the closeness of the whole picture
TASKS = {
    "enlarge x4": "enlarging 4 times",
    "enlarge x8": "enlarging 8 times",
    "colour": "colours of skin, hair, lips and eyes: RMS error, of 255 levels",
    "fill": "filling the middle quarter, in the hole",
    "specks": "half of the pixels lost",
    "gaussian": "noise of 32 levels",
    "copy": "copying",
}


# --- pictures and knobs


def pictures(evidence: Mapping) -> list[Row]:
    """Quality beside its scale, diversity, what a second reading says, what the knobs do, which factors are found."""
    return [("images shown in training", images_shown(evidence["card"])), *quality(evidence), *knobs(evidence)]


def images_shown(card: str) -> str:
    return f"{int(native.metadata(zoo.card(card).path)['images_shown']):,}"


def quality(evidence: Mapping) -> list[Row]:
    found, nearest, reading, parts = (evidence[name] for name in ("quality", "nearest", "rereading", "parts"))
    thirds = ", ".join(f"{value:.3f}" for value in reading.get("by_skin_tone", ()))
    readable = sum(factor["readable"] for factor in evidence["factors"])
    distances = {name: f"{value:.1f}" for name, value in found["frechet"].items()}
    sliced = {
        name: ", ".join(f"{value:.0f}" for value in sizes.values())
        for name, sizes in found["sliced_wasserstein"].items()
    }
    chroma = {name: f"{value:.1f}" for name, value in found.get("fine_chroma", {}).items()}
    return [
        ("Frechet distance in the reader's features", beside(distances)),
        ("sliced Wasserstein distance at 64, 32, 16 px", beside(sliced)),
        *([("colour energy at the finest scale over that of renders", beside(chroma))] if chroma else []),
        ("diversity, least and median", f"{found['diversity_least']:.2f} and {found['diversity_median']:.2f}"),
        ("read, rendered, compared: SSIM", f"{reading['ssim']:.3f} on {reading['samples']}"),
        *([("by skin-tone third, SSIM of read and rendered", thirds)] if thirds else []),
        (
            "part reader against the parts of what was read, mean IoU",
            f"{parts['mean']:.2f} on {parts['samples']}; with other pictures' parts {parts['of_other_pictures']:.2f}",
        ),
        ("readable factors", f"{readable} of {len(evidence['factors'])}"),
        (
            "RMS to the nearest training picture, levels",
            f"{nearest['model']:.1f}; held-out renders {nearest['held_out']:.1f}",
        ),
    ]


def beside(values: Mapping[str, str]) -> str:
    return "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def knobs(evidence: Mapping) -> list[Row]:
    records, found = evidence["sets"]["sefa-paper/all"]["knobs"], evidence["found"]
    strongest = [max(map(abs, knob["mean"])) for knob in records]
    purity = [knob["purity"] for knob in records]
    counts = {form: beside({name: found[form][name] for name in METHODS}) for form in ("correlation", "causal")}
    return [
        (
            "strongest factor's change a step, median of SeFa's knobs and of random knobs",
            f"{median(strongest):.2f} and {evidence['baseline']['all']:.2f} standard deviations",
        ),
        (
            "its share of all change, SeFa's knobs (1 would be a knob that does one thing)",
            f"{min(purity):.2f} to {max(purity):.2f}: {', '.join(f'{one:.2f}' for one in purity)}",
        ),
        (f"factors found by correlation, of {found['of']}", counts["correlation"]),
        (f"factors found by experiment, of {found['of']}", counts["causal"]),
    ]


# --- knobs of a region


def regions(evidence: Mapping) -> list[Row]:
    """How local the best LowRankGAN knob is beside the best SeFa direction, at equal change inside the region."""
    claim, chance, faces = evidence["claim"], evidence["controls"]["random"], evidence["samples"]["scored"]
    shares = {name: region["methods"]["lowrank"]["share"] for name, region in evidence["regions"].items()}
    order = sorted(shares.items(), key=lambda item: item[1])  # [median, low, high]
    what = "change outside (energy: mean square) over that of the best SeFa direction"
    return [
        (f"{what}, median over {len(order)} regions and {faces} unseen faces", percent(claim["share"])),
        ("faces and regions where it is at most half", f"{claim['half']} of {claim['faces_and_regions']}"),
        ("region by region [95 %]", "; ".join(f"{name} {interval(*share)}" for name, share in order)),
        ("control, random directions instead", f"{percent(chance['share'], 0)}; at most half in {chance['half']}"),
    ]


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def interval(middle: float, low: float, high: float) -> str:
    return f"{percent(middle, 0)} [{100 * low:.0f}, {100 * high:.0f}]"


# --- restoring


def restoring(evidence: Mapping) -> list[Row]:
    """By task: the median over the renders for our method and for its rivals, closest first; else of photographs."""
    if "photographs" in evidence:
        return photographs(evidence)
    return [
        (f"{TASKS.get(name, name)}, {task['setting']['codes']} codes", restored(name, task))
        for name, task in evidence["tasks"].items()
    ]


def photographs(evidence: Mapping) -> list[Row]:
    found = {name: median(each["psnr"]) for name, each in evidence["photographs"]["methods"].items()}
    codes, count = evidence["tasks"]["copy"]["setting"]["codes"], evidence["samples"]["photographs"]
    what = f"copying {count} photographs, {codes} codes"
    return [(what, f"{found['mGANprior']:.1f} dB; ten codes {found['ten']:.1f}, one code {found['one']:.1f}")]


def restored(name: str, task: Mapping) -> str:
    """ "22.8 dB; one code in the same time 21.6, bicubic 21.2"."""
    score, factor, unit = SCORES.get(name, "psnr"), 1.0, " dB"
    if name == "colour":
        factor, unit = LEVELS, " levels"
    values = {method: factor * median(each[score]) for method, each in task["methods"].items() if method != "best"}
    ours = values.pop("mGANprior")
    order = sorted(values.items(), key=lambda item: item[1], reverse=name != "colour")
    return f"{ours:.1f}{unit}; " + ", ".join(f"{RIVALS.get(method, method)} {value:.1f}" for method, value in order)


# --- readers


def reader(path: Path) -> Row:
    """A reader's scores on held-out renders, which its own file keeps: R² of factors, IoU of parts, share of classes
    that are named right.
    """
    facts = native.metadata(path)
    measure = {"FactorReader": "R²", "PartReader": "IoU", "Classifier": "named right"}[facts["architecture"]]
    names, scores = json.loads(facts["config"])["names"], [float(score) for score in facts["held_out"].split(",")]
    each = ", ".join(f"{name.replace('_', ' ')} {score:.2f}" for name, score in zip(names, scores, strict=True))
    good = sum(score >= GOOD for score in scores)
    learned = f"{path.stem}, {measure} (learned from {int(facts['renders']):,} renders)"
    return learned, f"{GOOD} or more for {good} of {len(scores)}, mean {mean(scores):.2f}: {each}"


SUMMARIES: dict[str, Callable[[Mapping], list[Row]]] = {"": pictures, "paint": regions, "restore": restoring}
