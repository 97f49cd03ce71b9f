"""What was measured of restored pictures, in words and tables: no claim without its number, baseline and count.

Everything comes from weights/evidence/<card>-restore.json (`weights.recipes.measure.restore`), and only where that was
measured with exactly these weights. Medians over held-out renders, with intervals of 95 % by resampling the renders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from statistics import median

import torch

from core import zoo

from ..page.blocks import Bar, bars, table
from ..page.picture import file_identity
from .baselines import NAMES, OURS

TASKS = {
    "enlarge x4": "Enlarging 4 times",
    "enlarge x8": "Enlarging 8 times",
    "colour": "Colouring",
    "fill": "Filling the middle quarter",
    "specks": "Half of the pixels lost",
    "gaussian": "Noise of 32 levels",
    "copy": "Copying",
}
BEST = "the true colours, but shirt and background left grey"
DRAWS = 2_000  # of the renders, with replacement
GROUPS = {
    "chroma_knowable": "skin, hair, lips and eyes",
    "chroma_unknowable": "shirt and background",
    "chroma_all": "the whole picture",
}
LEVELS = 127.5  # of 255, for a difference of 1
THIRDS = ("light", "middle", "dark")
NOT_MEASURED = (
    "<p>How well pictures are restored was not measured for this network yet. What stands here is measured "
    "on the picture on screen; “Compare methods” puts other tools beside it.</p>"
)


@lru_cache(maxsize=8)
def _evidence(model: str, weights: str) -> dict | None:
    try:
        found = json.loads((zoo.WEIGHTS / "evidence" / f"{model}-restore.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("weights_sha256") == weights else None


def evidence(model: str) -> dict | None:
    """The measured tables of a model; None where there are none for exactly these weights."""
    return _evidence(model, zoo.weights_hash(model))


def critic_hash(model: str) -> str:
    """sha256 of the critic that came with a network; "" where none did."""
    card = zoo.card(model)
    path = None if card.hub else card.path.with_name(f"{card.path.stem}-critic.safetensors")
    return file_identity(path) if path is not None and path.exists() else ""


def minus(text: str) -> str:
    """The same with the sign of numbers below zero, where a hyphen stood for it."""
    return re.sub(r"(?<![\w−-])-(?=\d)", "−", text)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, and the middle 95 % of medians of as many drawn with replacement."""
    found = torch.tensor(values, dtype=torch.float64)
    draws = torch.randint(len(found), (DRAWS, len(found)), generator=torch.Generator().manual_seed(0))
    medians = found[draws].quantile(0.5, dim=1)
    return float(found.quantile(0.5)), float(medians.quantile(0.025)), float(medians.quantile(0.975))


def said(values: Sequence[float], form: str = "{:.1f}") -> str:
    """ "24.1 [23.0 to 25.2]"."""
    return minus("{} [{} to {}]".format(*(form.format(value) for value in interval(values))))


def called(method: str, codes: int) -> str:
    return f"{OURS}, {codes} codes" if method == OURS else BEST if method == "best" else NAMES[method]


def truth_html(model: str) -> str:
    """The fold "How true is this?"."""
    found = evidence(model)
    if found is None:
        return NOT_MEASURED
    shown = [
        _how(found),
        *(_task(name, task) for name, task in found["tasks"].items()),
        _thirds(found),
        _mugs(found),
        _source(found),
    ]
    return "".join(shown)


def _how(found: dict) -> str:
    samples = found["samples"]
    return (
        f"<p>Measured on {samples['renders']} pictures that the network never saw. One code had the same processor "
        f"time and {samples['restarts']} starts, of which the best by its own loss counts. Closeness is the peak "
        "signal-to-noise ratio in dB. Numbers in brackets: 95 % of medians when the pictures are drawn again.</p>"
    )


def _task(name: str, task: dict) -> str:
    codes, score = task["setting"]["codes"], "inside" if name == "fill" else "psnr"
    methods = task["methods"]
    ranked = sorted(methods, key=lambda method: -median(methods[method][score]))
    rows = [
        Bar(called(method, codes), interval(methods[method][score])[0], says=said(methods[method][score]))
        for method in ranked
    ]
    where = ", closeness in the hole" if name == "fill" else ", closeness"
    gain = _gain(methods, score)
    seconds = f"{median(task['seconds']):.1f} s each on one core"
    html = bars(rows, caption=f"{TASKS[name]}{where} (dB, median [95 %]); {seconds}", value="dB")
    extra = _structure(methods, codes) if name != "colour" else _colours(methods, codes)
    return f"{html}<p>{gain}</p>{extra}"


def _gain(methods: dict, score: str) -> str:
    """Ours against the best of the others, picture by picture."""
    others = [method for method in methods if method not in (OURS, "best")]
    if not others:
        return ""
    rival = max(others, key=lambda method: median(methods[method][score]))
    gains = [ours - other for ours, other in zip(methods[OURS][score], methods[rival][score])]
    better = sum(gain > 0 for gain in gains)
    middle, low, high = interval(gains)
    return minus(
        f"Picture by picture, against {NAMES[rival]}: {middle:+.1f} dB [{low:+.1f} to {high:+.1f}]; "
        f"closer on {better} of {len(gains)}."
    )


def _structure(methods: dict, codes: int) -> str:
    rows = [
        (
            called(method, codes),
            said(each["ssim"], "{:.3f}"),
            said(each["features"], "{:.3f}") if "features" in each else "",
        )
        for method, each in methods.items()
    ]
    return table(
        ("method", "structure (SSIM)", "distance of the critic's features"), rows, caption="The same in other measures"
    )


def _colours(methods: dict, codes: int) -> str:
    rows = [
        (called(method, codes), *(said([LEVELS * value for value in each[key]]) for key in GROUPS))
        for method, each in methods.items()
    ]
    return table(
        ("method", *GROUPS.values()), rows, caption="Error of the colour, lightness left aside (RMS, levels of 255)"
    )


def _thirds(found: dict) -> str:
    rows = []
    for name, task in found["tasks"].items():
        values = task["methods"][OURS]["inside" if name == "fill" else "psnr"]
        rows.append((TASKS[name], *(said([values[i] for i in third]) for third in found["thirds"])))
    return table(
        ("task", *(f"{tone} skin" for tone in THIRDS)),
        rows,
        caption=f"{OURS} by the tone of the skin: closeness in dB, thirds of the pictures",
    )


def _mugs(found: dict) -> str:
    samples, codes = found["mugs"]["samples"], found["mugs"]["codes"]
    rows = [
        (
            f"after {row['layer']} layers" if row["layer"] else "the codes themselves",
            said(row["faces"]),
            said(row["mugs"]),
            minus(f"{median(row['faces']) - median(row['mugs']):+.1f}"),
        )
        for row in found["mugs"]["rows"]
    ]
    return table(
        ("mixed", "faces", "mugs", "gap"),
        rows,
        caption=f"Copies of {samples} faces and {samples} mugs, closeness in dB, {codes} codes",
    )


def _source(found: dict) -> str:
    return f"<p>Made by <code>{found['command']}</code> on {found['date']}, in {found['seconds'] / 60:.0f} minutes.</p>"


def meter(model: str, psnr: float, *, one: bool) -> dict | None:
    """Where a copy's closeness lies among held-out renders: a sentence, and the numbers to draw it; None: not measured.

    one: it was copied with one code only.
    """
    found = evidence(model)
    if found is None:
        return None
    known = sorted(found["tasks"]["copy"]["methods"]["one" if one else OURS]["psnr"])
    worse = sum(value < psnr for value in known)
    middle = median(known)
    where = (
        "far outside what it knows"
        if psnr < known[0] - 3
        else "outside what it knows"
        if worse == 0
        else "at the edge of what it knows"
        if worse < len(known) / 10
        else "within what it knows"
    )
    return dict(
        psnr=round(psnr, 1),
        low=known[0],
        middle=round(middle, 1),
        high=known[-1],
        says=f"Your picture was copied to {psnr:.1f} dB; {len(known)} held-out renders to {known[0]:.1f} "
        f"to {known[-1]:.1f}, median {middle:.1f} dB. For this network your picture is {where}: "
        f"{worse} of {len(known)} renders were copied less well.",
    )
