"""Numbers that answer the questions of a lesson, each taken from the evidence of one card; none is written by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median
from typing import NamedTuple

from .evidence import recorded

PORTRAITS, OBJECTS = "portraits-stylegan2", "objects-biggan"
LEVELS = 127.5  # of 255, for a difference of 1
SVM, PATTERN, PURE, PUREST = "InterFaceGAN, svm", "InterFaceGAN, pattern", "pure, lam = 0.01", "pure, lam = 0"


class Question(NamedTuple):
    """Where a question's numbers come from. numbers: the evidence of `model` and `kind` -> numbers and names."""

    model: str
    kind: str
    numbers: Callable[[Mapping], dict]


def answer(name: str) -> dict | None:
    """The numbers and names that answer a question, a key of QUESTIONS; None where these weights were not measured."""
    model, kind, numbers = QUESTIONS[name]
    evidence = recorded(model, kind)
    return None if evidence is None else numbers(evidence)


# --- Steer: the knobs of all layers, unless it says otherwise


def found(evidence: Mapping) -> dict:
    return dict(evidence["found"]["causal"], of=evidence["found"]["of"])


def turns(evidence: Mapping) -> dict:
    """Which knob turns the head furthest a step, counted from 1, and which comes next."""
    moved = turned(evidence, "all")
    first, second = sorted(range(len(moved)), key=moved.__getitem__)[:-3:-1]
    return dict(knob=first + 1, amount=moved[first], second=second + 1, less=moved[second], knobs=len(moved))


def same(evidence: Mapping) -> dict:
    """On how many faces knobs move what they move most in the same sense, per cent."""
    factors, rows, shares = _descriptions(evidence), evidence["sets"]["sefa-paper/all"]["knobs"], agreeing(evidence)
    least = min(range(len(rows)), key=shares.__getitem__)
    what = factors[_most(rows[least]["mean"])]
    return dict(all=shares.count(100.0), knobs=len(rows), least=shares[least], knob=least + 1, what=what) | _n(evidence)


def layers(evidence: Mapping) -> dict:
    return {group: max(turned(evidence, group)) for group in ("coarse", "middle", "fine")}


def hides(evidence: Mapping) -> dict:
    """Of each factor, what truncation 0.5 leaves of its spread, per cent: the three least and the most."""
    kept = sorted(zip((100 * one for one in evidence["truncation"]["0.5"]), _descriptions(evidence)))
    (a, first), (b, second), (c, third), *_, (z, last) = kept
    return dict(a=a, first=first, b=b, second=second, c=c, third=third, z=z, last=last)


def turned(evidence: Mapping, group: str) -> list[float]:
    """How far each knob of some layers turns the head a step, in standard deviations."""
    yaw = [factor["name"] for factor in evidence["factors"]].index("yaw")
    return [abs(knob["mean"][yaw]) for knob in evidence["sets"][f"sefa-paper/{group}"]["knobs"]]


def agreeing(evidence: Mapping) -> list[float]:
    """On how many faces each knob moves what it moves most in the same sense, per cent."""
    rows = evidence["sets"]["sefa-paper/all"]["knobs"]
    return [100 * row["same_sign"][_most(row["mean"])] for row in rows]


def pure(evidence: Mapping) -> list[tuple[float, int]]:
    """Of each knob, the share of all change that is its strongest factor's, per cent, and that factor's number."""
    return [(100 * row["purity"], _most(row["mean"])) for row in evidence["sets"]["sefa-paper/all"]["knobs"]]


def _most(mean: Sequence[float]) -> int:
    return max(range(len(mean)), key=lambda i: abs(mean[i]))


def _descriptions(evidence: Mapping) -> list[str]:
    return [factor["description"] for factor in evidence["factors"]]


def _n(evidence: Mapping) -> dict:
    return dict(faces=evidence["samples"]["faces"])


# --- Paint


def mouth(evidence: Mapping) -> dict:
    """How many times as much the mouth changes as the rest (RMS), by method."""
    methods = evidence["regions"]["mouth"]["methods"]
    times = {name: math.sqrt(one["ratio"][0]) for name, one in methods.items()}
    return dict(times, faces=evidence["samples"]["scored"])


def lifted(evidence: Mapping) -> dict:
    """What else the mouth's knob moves without the ban, and with it, in standard deviations."""
    region, found = evidence["regions"]["mouth"], {}
    for method in ("unprojected", "lowrank"):
        means = region["methods"][method]["factors"]["mean"]
        else_ = [i for i, factor in enumerate(evidence["factors"]) if factor["name"] not in region["own"]]
        ranked = sorted(else_, key=lambda i: -abs(means[i]))[:2]
        found[method] = [(evidence["factors"][i]["description"], abs(means[i])) for i in ranked]
    (first, a), (second, b) = found["unprojected"]
    kept, c = found["lowrank"][0]
    return dict(first=first, a=a, second=second, b=b, kept=kept, c=c)


def hardest(evidence: Mapping) -> dict:
    """Change outside a region by its own knob, per cent of the best knob's of the whole picture (RMS)."""
    share = {name: 100 * math.sqrt(one["methods"]["lowrank"]["share"][0]) for name, one in evidence["regions"].items()}
    best, *_, second, worst = sorted(share, key=share.__getitem__)
    return dict(worst=worst, a=share[worst], second=second, b=share[second], best=best, z=share[best])


def holds(evidence: Mapping) -> dict:
    """On how many faces a region's knob changes at most half of what the whole picture's best knob does outside."""
    half = {name: one["methods"]["lowrank"]["half"] for name, one in evidence["regions"].items()}
    control = evidence["controls"]["random"]
    more = dict(half=evidence["claim"]["half"], all=evidence["claim"]["faces_and_regions"], random=control["half"])
    return dict(mouth=half["mouth"], eyes=half["eyes"], faces=evidence["samples"]["scored"], **more)


def transfer(evidence: Mapping) -> dict:
    """How many times as much the mouth changes as the rest (RMS), with a knob made on one face and on many."""
    made = evidence["regions"]["mouth"]["transfer"]
    one, own = ([math.sqrt(ratio) for ratio in ratios] for ratios in (made["one"]["best"]["ratio"], made["one"]["own"]))
    many = math.sqrt(made["many"]["best"]["ratio"][0])
    return dict(one=median(one), own=median(own), many=many, faces=evidence["samples"]["made"])


# --- Restore: medians over the renders


def enlarge4(evidence: Mapping) -> dict:
    return _closeness(evidence, "enlarge x4", "psnr") | _renders(evidence, "enlarge x4")


def enlarge8(evidence: Mapping) -> dict:
    structure = {f"{name}_structure": value for name, value in _closeness(evidence, "enlarge x8", "ssim").items()}
    return _closeness(evidence, "enlarge x8", "psnr") | structure | _renders(evidence, "enlarge x8")


def colours(evidence: Mapping) -> dict:
    """Error of the colours in levels of 255: of what goes with the picture's grey, and of what does not."""
    known, free = (_closeness(evidence, "colour", f"chroma_{kind}knowable") for kind in ("", "un"))
    values = dict(known=known["mGANprior"], known_grey=known["grey"], free=free["mGANprior"], free_grey=free["grey"])
    return {name: LEVELS * value for name, value in values.items()}


def mug(evidence: Mapping) -> dict:
    """After which layer copies of mugs are closest, and where faces are ahead of them most (dB)."""
    rows = [(one["layer"], median(one["faces"]), median(one["mugs"])) for one in evidence["mugs"]["rows"]]
    layer, faces, mugs = max(rows, key=lambda row: row[2])
    ahead = max(rows, key=lambda row: row[1] - row[2])
    return dict(layer=layer, faces=faces, mugs=mugs, ahead=ahead[0], gap=ahead[1] - ahead[2])


def skin(evidence: Mapping) -> dict:
    """Closeness after enlarging 4 times, by thirds of the pictures (dB)."""
    values = evidence["tasks"]["enlarge x4"]["methods"]["mGANprior"]["psnr"]
    thirds = zip(("light", "middle", "dark"), evidence["thirds"])
    return {name: median(values[i] for i in third) for name, third in thirds}


def _closeness(evidence: Mapping, task: str, score: str) -> dict:
    return {name: median(one[score]) for name, one in evidence["tasks"][task]["methods"].items()}


def _renders(evidence: Mapping, task: str) -> dict:
    return dict(codes=evidence["tasks"][task]["setting"]["codes"], renders=evidence["samples"]["renders"])


# --- Look inside: accuracy in percentage points, mean over the classes


def needed(evidence: Mapping) -> dict:
    """Accuracy lost without the 20 % most aware channels, and without as many random ones."""
    classes, pictures = evidence["parts"]["ablated"], evidence["samples"]["pictures"]
    drawn = [name for name in classes[0]["counts"] if name.startswith("random 0.2 ")]
    chance = median(_lost(classes, name, pictures) for name in drawn)
    return dict(aware=_lost(classes, "most 0.2", pictures), random=chance, draws=len(drawn))


def one_gate(evidence: Mapping) -> dict:
    """The most that 20 % of a single gate's most aware channels cost, at which gate, and what all gates together do."""
    classes, pictures = evidence["parts"]["gates"], evidence["samples"]["pictures"]
    gates = range(len(classes[0]["gates"]))
    lost = [_lost([one["gates"][gate] for one in classes], "most 0.2", pictures) for gate in gates]
    return dict(most=max(lost), gate=lost.index(max(lost)), gates=len(lost), all=needed(evidence)["aware"])


def alike(evidence: Mapping) -> dict:
    """Which class uses the same channels as the mug, and which the least; 1: the same, 0: unrelated."""
    names, likeness = evidence["formula"]["names"], evidence["formula"]["likeness"]
    others = {name: value for name, value in zip(names, likeness[names.index("mug")]) if name != "mug"}
    most, least = max(others, key=others.__getitem__), min(others, key=others.__getitem__)
    return dict(most=most, a=others[most], least=least, z=others[least])


def orders(evidence: Mapping) -> dict:
    """Rank correlation of the formula and the experiment in the first and the last gate, medians over the classes."""
    by_gate = list(zip(*(one["rows"] for one in evidence["parts"]["orders"])))
    first, *_, last = (median(row[1] for row in rows) for rows in by_gate)
    return dict(first=first, last=last)


def cuts(evidence: Mapping) -> dict:
    """Agreement of unsupervised pieces with the part reader, with weights and without, medians over the classes."""
    rows = evidence["parts"]["cuts"]
    return {how: median(row[f"later half, {how}"] for row in rows) for how in ("with", "without")}


def _lost(classes: Sequence[Mapping], name: str, pictures: int) -> float:
    return 100 * fmean((one["counts"][name][0] - one["counts"][name][1]) / pictures for one in classes)


# --- Attributes: knob i is named after factor i


def own(evidence: Mapping) -> dict:
    """Share of all change that is the knob's own factor's, per cent, medians over the knobs."""
    shares = {name: 100 * median(_shares(evidence, kind)) for name, kind in _KINDS.items()}
    return dict(shares, faces=evidence["samples"]["turned"])


def strong(evidence: Mapping) -> dict:
    """How far a knob moves its own factor, standard deviations a step, medians over the knobs."""
    return {name: median(_own(evidence, kind)) for name, kind in _KINDS.items()}


def named(evidence: Mapping) -> dict:
    """How many knobs move most what they are named after."""
    right = {}
    for name, kind in _KINDS.items():
        rows = enumerate(evidence["changes"][kind])
        right[name] = sum(max(range(len(row)), key=lambda j: abs(row[j])) == i for i, row in rows)
    return dict(right, of=len(evidence["factors"]))


def hard(evidence: Mapping) -> dict:
    """Which factor has the purest knob, which the least pure: share of all change, per cent."""
    shares = _shares(evidence, PURE)
    low, high = (pick(range(len(shares)), key=shares.__getitem__) for pick in (min, max))
    names = [row[0] for row in _table(evidence, "Factor by factor: pure")]
    return dict(low=names[low], a=100 * shares[low], high=names[high], z=100 * shares[high])


def parts(evidence: Mapping) -> dict:
    """How many held-out pictures the SVM's boundaries part, and how many of its normals move what they say."""
    said = {row[0]: row[1] for row in _table(evidence, "How well the boundaries part")}
    return dict(parted=said["svm"], shares=100 * median(_shares(evidence, SVM)), normals=named(evidence)["svm"]) | dict(
        of=len(evidence["factors"])
    )


def _own(evidence: Mapping, kind: str) -> list[float]:
    return [abs(row[i]) for i, row in enumerate(evidence["changes"][kind])]


def _shares(evidence: Mapping, kind: str) -> list[float]:
    return [abs(row[i]) / sum(map(abs, row)) for i, row in enumerate(evidence["changes"][kind])]


def _table(evidence: Mapping, title: str) -> list:
    return next(one["rows"] for one in evidence["tables"] if one["title"].startswith(title))


_KINDS = dict(svm=SVM, pattern=PATTERN, pure=PURE, purest=PUREST)

# --- My picture: medians over held-out renders; `found` of the evidence of an encoder


def closest(evidence: Mapping) -> dict:
    """How close copies are, dB, by way of finding codes."""
    return {name: median(one["psnr"]) for name, one in evidence["found"]["ways"].items()}


def turnable(evidence: Mapping) -> dict:
    """What a step of the pure knobs does to copies beside the network's own pictures, per cent, mean over the knobs."""
    ways, native = evidence["found"]["ways"], evidence["found"]["natives"]["native"]["knobs"]
    keys = [key for key in native if key.startswith("pure")]
    return {
        name: 100 * fmean(median(one["knobs"][key]["own"]) / median(native[key]["own"]) for key in keys)
        for name, one in ways.items()
    }


def home(evidence: Mapping) -> dict:
    """How far codes lie from what the encoder finds in their pictures, standard deviations."""
    return {name: median(one["outside"]) for name, one in evidence["found"]["ways"].items()}


def kept(evidence: Mapping) -> dict:
    """How many factors copies keep, of how many."""
    ways = evidence["found"]["ways"]
    return {name: one["kept"][0] for name, one in ways.items()} | dict(of=len(evidence["found"]["factors"]))


def outlines(evidence: Mapping) -> dict:
    """What padding adds to copies, dB, and how much of a picture it holds alone, per cent of the way from chance."""
    close, leaks = closest(evidence), {}
    for name in ("padded", "padded_refined"):
        far = {key: median(x) for key, x in evidence["found"]["ways"][name]["leak"].items()}
        leaks[f"{name}_leak"] = 100 * (far["chance"] - far["crossed"]) / (far["chance"] - far["own"])
    return close | leaks


# --- Restyle: medians over held-out faces and the faces that were taught, of the evidence of adaptation


def one_picture(evidence: Mapping) -> dict:
    """How much of the way to each style an adaptor of codes goes, per cent."""
    return {style: _way(ways["codes"]) for style, ways in evidence["found"].items()}


def all_weights(evidence: Mapping) -> dict:
    """The way to the tint, and the variety of faces that is left, per cent: an adaptor, all weights without the term of
    one map of colours, and with it.
    """
    runs, found = evidence["found"]["tinted"], {}
    for name, way in dict(codes="codes", full="all weights", held="all weights, with one map").items():
        kept = median(run["diversity"]["features"] for run in runs[way].values())
        found |= {name: _way(runs[way]), f"{name}_kept": 100 * kept}
    return found


def how_small(evidence: Mapping) -> dict:
    """Numbers of an adaptor of codes and of the layers."""
    small, large = (next(iter(evidence["found"]["old"][way].values()))["numbers"] for way in ("codes", "all weights"))
    return dict(small=small, large=large, times=large / small)


def edges(evidence: Mapping) -> dict:
    """The way to edges and to a negative, of an adaptor, and of all weights to the negative, per cent; none below 0."""
    found = one_picture(evidence) | dict(full=_way(evidence["found"]["inverted"]["all weights"]))
    return {name: abs(max(0.0, round(way))) for name, way in found.items()}


def which_face(evidence: Mapping) -> dict:
    """The way to the tint by the best and the worst of the faces that were taught, per cent."""
    ways = [_way({face: run}) for face, run in evidence["found"]["tinted"]["codes"].items()]
    return dict(faces=len(ways), most=max(ways), least=min(ways))


def _way(runs: Mapping) -> float:
    return 100 * (1 - median(map(median, zip(*(run["left"] for run in runs.values())))))


QUESTIONS = {
    function.__name__: Question(model, kind, function)
    for model, kind, functions in (
        (PORTRAITS, "", (found, turns, same, layers, hides)),
        (PORTRAITS, "paint", (mouth, lifted, hardest, holds, transfer)),
        (PORTRAITS, "restore", (enlarge4, enlarge8, colours, mug, skin)),
        (OBJECTS, "channels", (needed, one_gate, alike, orders, cuts)),
        (PORTRAITS, "attributes", (own, strong, named, hard, parts)),
        (PORTRAITS, "encoder", (closest, turnable, home, kept, outlines)),
        (PORTRAITS, "adaptation", (one_picture, all_weights, how_small, edges, which_face)),
    )
    for function in functions
}
