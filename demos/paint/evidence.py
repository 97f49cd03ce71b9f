"""What was measured of the knobs of a region, in words and tables: no claim without its number, baseline and count.

Everything comes from weights/evidence/<card>-paint.json (`weights.recipes.measure.paint`), and only where that was
measured with exactly these weights and these readers. The evidence holds changes as mean squared differences over
pixels and channels; what is shown are their roots (RMS), as everywhere on the tab. All edits are equally strong inside
the region.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

from core import zoo
from core.checkpoints import native

from ..page.blocks import Bar, bars, table
from ..page.words import signed

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


@lru_cache(maxsize=8)
def _evidence(model: str, hashes: tuple[str, ...]) -> dict | None:
    try:
        found = json.loads((zoo.WEIGHTS / "evidence" / f"{model}-paint.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    return found if hashes == tuple(found.get(f"{kind}_sha256") for kind in ("weights", "reader", "parts")) else None


def evidence(model: str) -> dict | None:
    """The measured tables of a model; None where there are none for exactly these weights and readers."""
    world = zoo.card(model).world
    files = [zoo.WEIGHTS / f"{world}-{kind}.safetensors" for kind in ("reader", "parts")]
    if not world or not all(file.exists() for file in files):
        return None
    return _evidence(model, (zoo.weights_hash(model), *map(_hash, files)))


def _hash(file: Path) -> str:
    there = file.stat()
    return _hashed(file, there.st_mtime_ns, there.st_size)


@lru_cache(maxsize=8)
def _hashed(file: Path, _changed: int, _size: int) -> str:
    return native.weights_hash(file)


def slots(model: str) -> tuple[int, ...] | None:
    """The slots that the measured knobs move, which are those to offer first; None where nothing was measured."""
    found = evidence(model)
    return tuple(found["samples"]["slots"]) if found else None


def _region(model: str, region: str) -> dict | None:
    return ((evidence(model) or {}).get("regions") or {}).get(region)


# --- one sentence


def verdict(model: str, region: str, method: str, *, moved: Sequence[int] | None = None) -> str:
    """ "Inside 9 times as much as outside; best SeFa knob 1.6; best of 5 random 1.0. (RMS, 64 faces)".

    Medians over unseen faces, root mean squares as everything that the tab shows.

    region: a part's name. method: a key of METHODS. moved: the slots that the knob moves (None: those that were
    measured). "" where exactly this was not measured.
    """
    record = (_region(model, region) or {}).get("methods", {})
    if method not in record or (moved is not None and tuple(moved) != slots(model)):
        return ""
    best_random = f"best of {record['random']['of']} random" if "random" in record else ""
    others = dict(sefa="best SeFa knob", random=best_random)
    beside = [f"{name} {_rooted(record[key]['ratio'][0])}" for key, name in others.items() if key != method]
    faces, reached = evidence(model)["samples"]["scored"], record[method]["reached"]
    of = f"{faces} faces" if reached == faces else f"{reached} of {faces} faces; the others cannot be changed that much"
    inside = f"Inside {_rooted(record[method]['ratio'][0])} times as much as outside"
    return "; ".join([inside, *beside]) + f". (RMS, {of})"


def made_on(model: str) -> str:
    """Whose knobs the verdict speaks of, in a sentence; "" where nothing was measured."""
    found = evidence(model)
    if not found:
        return ""
    samples = found["samples"]
    return (
        f"The numbers of {samples['scored']} faces are those of knobs made on {samples['made']} other faces "
        "in the same way."
    )


def _rooted(ratio: float | None) -> str:
    return _times(None if ratio is None else ratio**0.5)


def _times(ratio: float | None) -> str:
    if ratio is None:
        return "?"
    return f"{ratio:.0f}" if ratio >= 9.95 else f"{ratio:.1f}" if ratio >= 0.095 else f"{ratio:.2f}"


def _with_interval(found: Sequence[float | None]) -> str:
    return f"{_rooted(found[0])} [{_rooted(found[1])} to {_rooted(found[2])}]"


# --- how true is this?


def truth_html(model: str, region: str) -> str:
    """The tables of the fold "How true is this?" for one region; a sentence where it was not measured.

    "" where there is no evidence for this model at all.
    """
    found, record = evidence(model), _region(model, region)
    if not found:
        return ""
    if record is None:
        return f"<p>This region was not measured on other faces; {escape(', '.join(found['regions']))} were.</p>"
    shown = (
        _how(found, region),
        _methods(record),
        _outside(found, record),
        _moved(found, region, record),
        _also(found, record),
        _robustness(found, record),
        _transfer(found, record),
        _larger(found, record),
        _source(found),
    )
    return "".join(shown)


def _how(found: dict, region: str) -> str:
    samples = found["samples"]
    return (
        f"<p>Knobs for the {escape(region)} were made on {samples['made']} faces, the best one of each method was "
        f"chosen on {samples['chosen']} others, and the numbers are from {samples['scored']} others again. The "
        "region is what the part reader sees on each face. Every edit changes it equally: by "
        f"{samples['inside'] * LEVELS:.1f} of 255 levels (root mean square; {samples['inside']} in [-1, 1]), found "
        "by turning the knob on the face itself, half of the faces each way.</p>"
    )


def _methods(record: dict) -> str:
    ranked = sorted(record["methods"].items(), key=lambda item: -(item[1]["ratio"][0] or 0))
    rows = [
        Bar(METHODS[name], (each["ratio"][0] or 0.0) ** 0.5, says=_with_interval(each["ratio"]))
        for name, each in ranked
    ]
    caption = "Change inside over change outside (RMS, median over faces [95 %])"
    return bars(rows, caption=caption, value="times")


def _outside(found: dict, record: dict) -> str:
    faces, rows = found["samples"]["scored"], []
    for name, each in record["methods"].items():
        share = "" if name == "sefa" else NOT_REACHED if each["share"][0] is None else _percent(each["share"])
        levels = NOT_REACHED if each["outside"] is None else f"{each['outside'] * LEVELS:.2f}"
        half = "" if name == "sefa" else each["half"]
        rows.append((METHODS[name], f"{each['knob']} of {each['of']}", levels, share, half))
    head = (
        "method",
        "knob chosen",
        "outside, levels of 255 (RMS)",
        "outside, of the best SeFa knob's (RMS)",
        f"faces with at most half of its energy ({_share(0.5)} of it), of {faces}",
    )
    return table(head, rows, caption="How much else changes, where the region changes equally")


def _percent(share: Sequence[float | None]) -> str:
    return "{} [{} to {}]".format(*map(_share, share))


def _share(x: float | None) -> str:
    """The root of a share of mean squares."""
    if x is None:
        return "?"
    root = 100 * x**0.5
    return f"{root:.0f} %" if root >= 9.95 else f"{root:.1f} %"


def _moved(found: dict, region: str, record: dict) -> str:
    factors, chance = record["methods"]["lowrank"]["factors"], record["methods"]["random"]["factors"]["mean"]
    rows = [
        Bar(_called(found, record, i), factors["mean"][i], factors["low"][i], factors["high"][i], abs(chance[i]))
        for i in _strongest(factors["mean"])[:FACTORS]
    ]
    levels, of = found["samples"]["inside"] * LEVELS, record["methods"]["random"]["of"]
    caption = (
        f"What the forbidden knob moves where the {region} changes by {levels:.1f} levels, and what the best of "
        f"{of} random knobs moves there: known factors, in standard deviations, not a step "
        f"(* belongs to the {region})"
    )
    return bars(rows, caption=caption, value="change [95 %]", beside=f"best of {of} random")


def _called(found: dict, record: dict, i: int) -> str:
    factor = found["factors"][i]
    return factor["description"] + (" *" if factor["name"] in record["own"] else "")


def _strongest(means: Sequence[float]) -> list[int]:
    return sorted(range(len(means)), key=lambda i: -abs(means[i]))


def _also(found: dict, record: dict) -> str:
    names, rows = [factor["name"] for factor in found["factors"]], []
    for method, each in record["methods"].items():
        means = each["factors"]["mean"]
        total = sum(map(abs, means)) or 1.0
        own = sum(abs(mean) for name, mean in zip(names, means) if name in record["own"]) / total
        top = ", ".join(f"{_called(found, record, i)} {signed(means[i], 2)}" for i in _strongest(means)[:3])
        rows.append((METHODS[method], top, f"{100 * own:.0f} %"))
    return table(
        ("method", "moves most", "share of the region's own factors"),
        rows,
        caption="What each method moves at that change, in standard deviations",
    )


def _robustness(found: dict, record: dict) -> str:
    rows = [(each["change"], f"{each['cosine']:.2f}", _with_interval(each["ratio"])) for each in record["robustness"]]
    caption = f"The region drawn less well, the knob judged in the region as it is ({found['samples']['few']} faces)"
    return table(("region", "|cosine| with the knob", "inside over outside (RMS) [95 %]"), rows, caption=caption)


def _transfer(found: dict, record: dict) -> str:
    made, faces = found["samples"]["made"], found["samples"]["scored"]
    rows = []
    for key, made_on in (("one", "one face"), ("many", f"{made} faces")):
        for which, knob in (("first", "knob 1"), ("best", "the best of five")):
            each = record["transfer"][key][which]
            ratios, halves = ", ".join(map(_rooted, each["ratio"])), ", ".join(map(str, each["half"]))
            rows.append((f"{made_on}, {knob}", ratios, halves))
    own = record["transfer"]["one"]["own"]
    rows.insert(0, ("one face, the best of five, on that face itself", ", ".join(map(_rooted, own)), ""))
    head = (
        "made on",
        "inside over outside (RMS)",
        f"faces of {faces} with at most half of the energy ({_share(0.5)} RMS) that the best SeFa knob changes outside",
    )
    single = len(record["transfer"]["one"]["best"]["ratio"])
    caption = f"Does a knob stay local on other faces? ({single} single faces tried)"
    return table(head, rows, caption=caption)


def _larger(found: dict, record: dict) -> str:
    rows = [
        (
            f"{each['inside']:g} ({each['inside'] * LEVELS:.0f} of 255 levels)",
            *(_with_interval(each[method]) for method in ("lowrank", "sefa")),
        )
        for each in record["larger"]
    ]
    caption = f"Larger edits: inside over outside (RMS) [95 %] ({found['samples']['few']} faces)"
    return table(("change inside (RMS)", METHODS["lowrank"], METHODS["sefa"]), rows, caption=caption)


def _source(found: dict) -> str:
    claim, seeds = found["claim"], found["samples"]["first_seeds"]
    by_region = ", ".join(f"{region} {_share(share)}" for region, share in claim["by_region"].items())
    first = ", ".join(f"{seed:,}" for seed in seeds.values())
    return (
        f"<p>Over all regions and faces, the best forbidden knob changes {_share(claim['share'])} of what the best "
        f"SeFa knob changes outside (RMS, median; {escape(by_region)}); in energy, the mean square, "
        f"{100 * claim['share']:.1f} %, and half of it was the aim. Seeds from {first}; "
        f"<code>{escape(found['command'])}</code>, {escape(found['date'])}, "
        f"weights {found['weights_sha256'][:12]}.</p>"
    )
