"""What the page shows of how well pictures are restored: sentences and tables, from the measured numbers alone."""

from __future__ import annotations

from statistics import median

from core.inversion.baselines import NAMES, OURS

from .words import interval, minus, said

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
GROUPS = {
    "chroma_knowable": "skin, hair, lips and eyes",
    "chroma_unknowable": "shirt and background",
    "chroma_all": "the whole picture",
}
LEVELS = 127.5  # of 255, for a difference of 1
THIRDS = ("light", "middle", "dark")


def shown(found: dict) -> dict:
    """`sentences` and `tables`, as the page renders them; medians, with intervals of 95 % by resampling the renders."""
    tables = [table for name, task in found["tasks"].items() for table in _of_task(name, task)]
    source = f"Made by {found['command']} on {found['date']}, in {found['seconds'] / 60:.0f} minutes."
    return dict(sentences=[_how(found["samples"])], tables=[*tables, _thirds(found), dict(_mugs(found), note=source)])


def called(method: str, codes: int) -> str:
    return f"{OURS}, {codes} codes" if method == OURS else BEST if method == "best" else NAMES[method]


def _how(samples: dict) -> str:
    return (
        f"Measured on {samples['renders']} pictures that the network never saw. One code had the same processor "
        f"time and {samples['restarts']} starts, of which the best by its own loss counts. Closeness is the peak "
        "signal-to-noise ratio in dB. Numbers in brackets: 95 % of medians when the pictures are drawn again."
    )


def _of_task(name: str, task: dict) -> list[dict]:
    codes, score = task["setting"]["codes"], "inside" if name == "fill" else "psnr"
    methods = task["methods"]
    ranked = sorted(methods, key=lambda method: -median(methods[method][score]))
    where = ", closeness in the hole" if name == "fill" else ", closeness"
    closest = dict(
        caption=f"{TASKS[name]}{where} (dB, median [95 %]); {median(task['seconds']):.1f} s each on one core",
        columns=["method", "dB"],
        rows=[[called(method, codes), said(methods[method][score])] for method in ranked],
        bars=[round(interval(methods[method][score])[0], 4) for method in ranked],
        note=_gain(methods, score),
    )
    return [closest, _colours(methods, codes) if name == "colour" else _structure(methods, codes)]


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


def _structure(methods: dict, codes: int) -> dict:
    rows = [
        [
            called(method, codes),
            said(each["ssim"], "{:.3f}"),
            said(each["features"], "{:.3f}") if "features" in each else "",
        ]
        for method, each in methods.items()
    ]
    columns = ["method", "structure (SSIM)", "distance of the critic's features"]
    return dict(columns=columns, rows=rows, caption="The same in other measures")


def _colours(methods: dict, codes: int) -> dict:
    rows = [
        [called(method, codes), *(said([LEVELS * value for value in each[key]]) for key in GROUPS)]
        for method, each in methods.items()
    ]
    caption = "Error of the colour, lightness left aside (RMS, levels of 255)"
    return dict(columns=["method", *GROUPS.values()], rows=rows, caption=caption)


def _thirds(found: dict) -> dict:
    rows = []
    for name, task in found["tasks"].items():
        values = task["methods"][OURS]["inside" if name == "fill" else "psnr"]
        rows.append([TASKS[name], *(said([values[i] for i in third]) for third in found["thirds"])])
    return dict(
        columns=["task", *(f"{tone} skin" for tone in THIRDS)],
        rows=rows,
        caption=f"{OURS} by the tone of the skin: closeness in dB, thirds of the pictures",
    )


def _mugs(found: dict) -> dict:
    samples, codes = found["mugs"]["samples"], found["mugs"]["codes"]
    rows = [
        [
            f"after {row['layer']} layers" if row["layer"] else "the codes themselves",
            said(row["faces"]),
            said(row["mugs"]),
            minus(f"{median(row['faces']) - median(row['mugs']):+.1f}"),
        ]
        for row in found["mugs"]["rows"]
    ]
    caption = f"Copies of {samples} faces and {samples} mugs, closeness in dB, {codes} codes"
    return dict(columns=["mixed", "faces", "mugs", "gap"], rows=rows, caption=caption)
