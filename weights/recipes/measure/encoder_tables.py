"""What the numbers of `encoder` say: tables and sentences, from the numbers alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .words import DRAWS, interval, minus, said

WAYS = {
    "mean": "the mean code",
    "encoder": "encoder",
    "refined": "encoder, then search",
    "unheld": "encoder, then search without the domain",
    "plain": "search from the mean code, in the same time",
    "slow": "the same at the rate of the search from the encoder",
    "mixed": "many codes (mGANprior), in the same time",
    "padded": "encoder with padding",
    "padded_refined": "encoder with padding, then search",
}
NATIVE, OTHERS, GENERATED = "native", "others", "generated"
CONTROL = "control: other pictures of the network"
THIRDS = ("light", "middle", "dark")
POSE = ("yaw", "pitch", "roll")
COLOURS = (
    "skin_tone",
    "hair_tone",
    "hair_warmth",
    "lip_colour",
    "background_tone",
    "background_warmth",
    "shirt_colour",
)
READ = {
    "features": "features",
    "codes": "codes",
    "styles": "styles",
    "untrained": "features of an untrained encoder",
    "pca": "principal components of pixels",
    "pixels": "raw pixels, 32 x 32",
    "reader": "a reader trained on factors (upper bound)",
    "shuffled": "control: factors of other pictures",
}
BARS = {"among": 0.95, "leak": 1 / 3}  # what the method promises


# --- how much knobs do


def ratios(
    found: dict, who: str, kind: str = "pure", what: str = "own", rows: Sequence[int] = (), native: Sequence[int] = ()
) -> Tensor:
    """[1 + DRAWS, knobs]: median over pictures of `what` a step does, over that on the network's own pictures; the
    first row of all pictures, the others of pictures drawn again. rows, native: some of both kinds of pictures.
    """
    whose = found["natives"][OTHERS] if who == OTHERS else found["ways"][who]
    columns = []
    for key, own in found["natives"][NATIVE]["knobs"].items():
        if key.startswith(kind):
            copy, there = (torch.tensor(one[what]).double() for one in (whose["knobs"][key], own))
            copy, there = copy[list(rows) or slice(None)], there[list(native) or slice(None)]
            sense = there.median().sign() if what == "own" else 1.0
            columns.append(_again(sense * copy, 0) / _again(sense * there, 1).clamp(min=1e-6))
    return torch.stack(columns, 1)


def _again(values: Tensor, seed: int) -> Tensor:
    draws = torch.randint(len(values), (DRAWS, len(values)), generator=torch.Generator().manual_seed(seed))
    return torch.cat([values.quantile(0.5)[None], values[draws].quantile(0.5, dim=1)])


def ends(values: Tensor) -> tuple[float, float, float]:
    """Of values [1 + DRAWS]: the first, and the middle 95 % of the others."""
    low, high = values[1:].quantile(torch.tensor([0.025, 0.975]).double()).tolist()
    return float(values[0]), low, high


def editability(found: dict, who: str, kind: str = "pure", what: str = "own", **some) -> tuple[float, float, float]:
    """Mean over the knobs of what a step does to copies over what it does to the network's own pictures."""
    return ends(ratios(found, who, kind, what, **some).mean(1))


def told(three: Sequence[float], form: str = "{:.2f}") -> str:
    return minus("{} [{} to {}]".format(*(form.format(x) for x in three)))


# --- tables


def shown(found: dict) -> dict:
    """`sentences` and `tables`, as the page renders them."""
    tables = [copies(found), *(knobs(found, kind) for kind in ("pure", "SeFa")), tones(found)]
    tables += [*leaks(found), own_pictures(found), read(found), factors(found), alike(found)]
    return dict(sentences=sentences(found), tables=tables)


def copies(found: dict) -> dict:
    rows = [
        [
            WAYS[name],
            str(one["steps"]),
            f"{one['seconds']:.2f}",
            said(one["psnr"]),
            said(one["ssim"], "{:.3f}"),
            told(one["kept"], "{:.0f}"),
            told(one["correlation"]),
            said(one["outside"], "{:.2f}"),
        ]
        for name, one in found["ways"].items()
    ]
    columns = [
        "way",
        "steps",
        "s a picture",
        "closeness, dB",
        "structure (SSIM)",
        f"factors kept, of {len(found['factors'])}",
        "correlation of a factor",
        "out of the domain, sd",
    ]
    caption = (
        f"Medians over {found['samples']['renders']} held-out renders [95 % when they are drawn again]; processor time "
        "of one picture at a time on one core. A factor is kept where readings of copies and of renders correlate by "
        "0.8 or more (reader b). Out of the domain: the distance of a copy’s codes from what the encoder finds in it."
    )
    return dict(title="Copies of pictures that the network never saw", columns=columns, rows=rows, caption=caption)


def knobs(found: dict, kind: str) -> dict:
    names = [key.partition(": ")[2] for key in found["natives"][NATIVE]["knobs"] if key.startswith(kind)]
    rows = []
    for who, title in {**{name: WAYS[name] for name in found["ways"]}, OTHERS: CONTROL}.items():
        each = ratios(found, who, kind)
        share = editability(found, who, kind, "share")
        cells = [told(ends(each[:, i])) for i in range(len(names))]
        rows.append([title, told(editability(found, who, kind)), *cells, told(share)])
    native = [found["natives"][NATIVE]["knobs"][f"{kind}: {name}"] for name in names]
    there = ", ".join(
        f"{_plain(name)} {abs(interval(one['own'])[0]):.2f} sd and {100 * interval(one['share'])[0]:.0f} %"
        for name, one in zip(names, native)
    )
    caption = (
        "What a step of a knob changes of its own factor on copies, over what it changes on the network’s own pictures "
        f"(1: as much), by medians over pictures, reader b [95 %]. On its own pictures: {there} of all that changes."
    )
    which = "pure knobs" if kind == "pure" else "the best of SeFa’s knobs for each"
    columns = ["way", "all three", *map(_plain, names), "share of all change, all three"]
    return dict(title=f"Editability, by {which}", columns=columns, rows=rows, caption=caption)


def _plain(name: str) -> str:
    return {"yaw": "turn of the head", "hair_tone": "tone of the hair"}.get(name, name)


def tones(found: dict) -> dict:
    rows = []
    for name, one in found["ways"].items():
        cells = [said([one["psnr"][i] for i in third]) for third in found["thirds"]["renders"]]
        for third, native in zip(found["thirds"]["renders"], found["thirds"]["native"], strict=True):
            cells.append(told(editability(found, name, rows=third, native=native)))
        rows.append([WAYS[name], *cells])
    columns = ["way", *(f"{tone} skin, {what}" for what in ("dB", "editability") for tone in THIRDS)]
    return dict(
        title="By skin tone",
        columns=columns,
        rows=rows,
        caption=f"Thirds of the renders, {len(found['thirds']['renders'][0])} or so each, by their true tone; "
        "editability by pure knobs, over that of the third of the network’s own pictures with such skin.",
    )


def own_pictures(found: dict) -> dict:
    one = found[GENERATED]
    names = {"E": "encoder", "mean": "the mean code", "another": "control: encoder, of another picture"}
    rows = [
        [title, said(one[key]["apart"], "{:.2f}"), *(_percent(one[key][what]) for what in ("among", "nearer"))]
        for key, title in names.items()
    ]
    columns = ["what is found", "from the true code, sd", "nearer to it than", "nearer to it than to"]
    return dict(
        title="The network’s own pictures, whose codes are known",
        columns=columns,
        rows=rows,
        caption=f"Medians over {len(one['E']['apart'])} pictures [95 %], among {found['samples']['crowd']:,} other "
        "codes: the share of them that lie farther from the true code than what is found, and of those that are "
        "farther from what is found than the true code is. The mean code passes the first test unseen, but not the "
        f"second. Drawn again, the pictures are {said(one['psnr'])} dB close.",
    )


def _percent(values: Sequence[float]) -> str:
    return said([100 * value for value in values]) + " %"


def leaked(far: dict) -> tuple[float, float, float]:
    """How far of the way from chance to the copy padding alone goes, by medians of squared distances; and the middle
    95 % where pictures are drawn again.
    """
    crossed, chance, own = (_again(torch.tensor(far[name]).double(), 0) for name in ("crossed", "chance", "own"))
    return ends((chance - crossed) / (chance - own).clamp(min=1e-9))


def leaks(found: dict) -> list[dict]:
    ways = {name: one["leak"] for name, one in found["ways"].items() if "leak" in one}
    rows = [
        [WAYS[name], *(said(far[what], "{:.3f}") for what in ("own", "chance", "crossed")), told(leaked(far))]
        for name, far in ways.items()
    ]
    columns = ["way", "its copy", "copy of another", "its padding, codes of another", "of the way to its copy"]
    caption = (
        "Mean squared distance to a render, medians [95 %]. Padding is to say where things lie, and codes what they "
        "are: padding alone is to bring back less than a third of the way from chance to the copy."
    )
    return [dict(title="Does padding hold the picture?", columns=columns, rows=rows, caption=caption)] if rows else []


def _name(key: str) -> str:
    kind, _, level = key.partition(", ")
    return f"{READ[kind]}, {level}" if kind in ("features", "codes", "styles") else READ[kind]


def read(found: dict) -> dict:
    probes = found["features"]["probes"]
    ranked = sorted(probes, key=lambda name: -probes[name]["median"][0])
    rows = []
    for name in ranked:
        one = probes[name]
        groups = [minus(f"{_mean(one['each'], found['factors'], group):.2f}") for group in (POSE, COLOURS)]
        enough = sum(x >= 0.8 for x in one["each"])
        rows.append([_name(name), f"{one['numbers']:,}", told(one["median"]), *groups, f"{enough}"])
    return dict(
        title="Factors read off the encoder’s features (GH-Feat)",
        columns=["what is read", "numbers", "R², median factor", "R², pose", "R², colours", "factors at 0.8 or more"],
        rows=rows,
        caption=f"Ridge regression, fitted to {found['samples']['fitted']:,} renders, R² on "
        f"{found['samples']['tested']:,} others [95 % when they are drawn again].",
    )


def _mean(each: Sequence[float], names: Sequence[str], group: Sequence[str]) -> float:
    some = [x for x, name in zip(each, names, strict=True) if name in group]
    return sum(some) / max(1, len(some))


def levels_in(found: dict, part: str = "probes", kind: str = "features") -> list[str]:
    return [name for name in found["features"][part] if name.startswith(f"{kind}, ")]


def factors(found: dict) -> dict:
    names = [*levels_in(found), "pixels", "reader"]
    probes = found["features"]["probes"]
    rows = [
        [_words(name), *(minus(f"{probes[key]['each'][i]:.2f}") for key in names)]
        for i, name in enumerate(found["factors"])
    ]
    columns = ["factor", *(key.removeprefix("features, ") for key in names)]
    return dict(title="R² factor by factor", columns=columns, rows=rows, caption="The levels are of the features.")


def _words(name: str) -> str:
    return name.replace("_", " ")


def alike(found: dict) -> dict:
    retrieval = found["features"]["retrieval"]
    names = list(retrieval)
    groups = {"pose": POSE, "colours": COLOURS, "the other factors": _rest(found["factors"])}
    rows = [
        [f"mean of {title}", *(f"{_mean(retrieval[key]['each'], found['factors'], group):.2f}" for key in names)]
        for title, group in groups.items()
    ]
    for i, name in enumerate(found["factors"]):
        cells = [
            "{:.2f} [{:.2f} to {:.2f}]".format(*(retrieval[key][part][i] for part in ("each", "low", "high")))
            for key in names
        ]
        rows.append([_words(name), *cells])
    return dict(
        title="Pictures that are alike",
        columns=["factor", *map(_name, names)],
        rows=rows,
        caption=f"Of {found['samples']['tested']:,} renders, the 10 nearest to each by what is found of it at a "
        "level: how much a factor differs, over how much it differs among any two (1: they say nothing of it) [95 %].",
    )


def _rest(names: Sequence[str]) -> list[str]:
    return [name for name in names if name not in (*POSE, *COLOURS)]


# --- sentences


def sentences(found: dict) -> list[str]:
    ways, things = found["ways"], found["samples"]["things"]
    close = {name: f"{interval(one['psnr'])[0]:.1f} dB" for name, one in ways.items()}
    edits = {name: editability(found, name) for name in ways}
    said_of = {name: told(edits[name]) for name in ways}
    return [
        f"Copies of {found['samples']['renders']} {things} that the network never saw: {close['encoder']} by the "
        f"encoder in one pass, {close['refined']} after {ways['refined']['steps']} steps of search "
        f"({ways['refined']['seconds']:.1f} s on one core). In the same time a search from the mean code reaches "
        f"{close['plain']} ({close['slow']} at the rate of the other), and many codes {close['mixed']}; the mean code "
        f"itself {close['mean']}.",
        "A step of three pure knobs (smile, turn of the head, tone of the hair) does to these copies, over what it "
        f"does to the network’s own pictures: encoder {said_of['encoder']}, after search {said_of['refined']}, search "
        f"from the mean code {said_of['plain']}, at the rate of the other {said_of['slow']}, many codes "
        f"{said_of['mixed']} (1: as much; reader b). Of the mean code, which copies nothing, it is {said_of['mean']}: "
        "codes near it turn far.",
        _domain(found, close, edits),
        _known(found),
        *_padding(found, close, said_of),
        *_features(found),
    ]


def _domain(found: dict, close: dict, edits: dict) -> str:
    away = {name: interval(found["ways"][name]["outside"])[0] for name in ("refined", "unheld")}
    apart = abs(edits["refined"][0] - edits["unheld"][0])
    overlap = edits["refined"][1] <= edits["unheld"][2] and edits["unheld"][1] <= edits["refined"][2]
    ends = (
        f"what knobs do differs by {apart:.2f}, within chance" if overlap else f"what knobs do differs by {apart:.2f}"
    )
    return (
        f"Without the term of the domain the search leaves codes {away['unheld']:.2f} standard deviations from what "
        f"the encoder finds in the copies, with it {away['refined']:.2f}; the copies are {close['unheld']} and "
        f"{close['refined']} close, and {ends}."
    )


def _known(found: dict) -> str:
    one = found[GENERATED]
    among, nearer, mean = (
        100 * interval(values)[0] for values in (one["E"]["among"], one["E"]["nearer"], one["mean"]["nearer"])
    )
    met = "reached" if among >= 100 * BARS["among"] else "not reached"
    return (
        f"Of its own pictures the network’s codes are known: what the encoder finds is nearer to the true code than "
        f"{among:.1f} % of {found['samples']['crowd']:,} other codes are (the bar is 95 %: {met}), and nearer to "
        f"it than to {nearer:.1f} % of them (the mean code: {mean:.0f} %); drawn again, "
        f"{interval(one['psnr'])[0]:.1f} dB."
    )


def _padding(found: dict, close: dict, said_of: dict) -> list[str]:
    if "padded" not in found["ways"]:
        return []
    shares = {name: leaked(found["ways"][name]["leak"])[0] for name in ("padded", "padded_refined")}
    holds = "both below the third" if max(shares.values()) < BARS["leak"] else "more than the third"
    return [
        f"With padding, copies are {close['padded']} close by the encoder alone and {close['padded_refined']} after "
        f"search; knobs do {said_of['padded']} and {said_of['padded_refined']} of what they do to the network’s own. "
        f"The padding of one picture with the codes of another goes {100 * shares['padded']:.0f} % of the way from "
        f"chance to the copy, after search {100 * shares['padded_refined']:.0f} %: {holds} that it may."
    ]


def _features(found: dict) -> list[str]:
    probes, retrieval = found["features"]["probes"], found["features"]["retrieval"]
    names = ("features, all", "pixels", "untrained, all", "reader")
    whole, pixels, untrained, reader = (told(probes[name]["median"]) for name in names)
    first, *_, last = levels_in(found, "retrieval", "codes")
    pose, colours = (
        [_mean(retrieval[level]["each"], found["factors"], group) for level in (first, last)]
        for group in (POSE, COLOURS)
    )
    first, last = (name.partition(", ")[2] for name in (first, last))
    return [
        f"Linear probes of {len(found['factors'])} factors on the encoder’s features: R² {whole} (median factor), raw "
        f"pixels {pixels}, an untrained encoder {untrained}, a network that learned the factors {reader}.",
        f"Pictures that are alike by their {first} codes differ in pose by {pose[0]:.2f} of chance, by {last} ones by "
        f"{pose[1]:.2f}; in colours by {colours[0]:.2f} and {colours[1]:.2f}.",
    ]
