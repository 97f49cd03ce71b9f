"""What the numbers of `blending` say: tables and sentences, from the numbers alone."""

from __future__ import annotations

from collections.abc import Sequence

from .words import interval, minus, said

PLAIN, PIXELS = "plain", "pixels"
LOST = 99.0  # in the place of a distance, where the reader finds the part no more
NEAR = 2.0  # pixels of 64 within which a part has arrived
GONE = 0.25  # share of a part below which it counts as removed
BARS = {"seam": 0.5, "arrived": 0.8}


def arrived(distances: Sequence[float]) -> float:
    return sum(one <= NEAR for one in distances) / len(distances)


def gone(shares: Sequence[float]) -> float:
    return sum(one < GONE for one in shares) / len(shares)


def ratios(one: dict, key: str) -> list[float]:
    """Of each face, the seam energy over that with pixels."""
    return [a / max(b, 1e-9) for a, b in zip(one["seam"][key], one["seam"][PIXELS], strict=True)]


def named(found: dict, key: str) -> str:
    if key in (PLAIN, PIXELS):
        return {PLAIN: "the picture before", PIXELS: "with pixels"}[key]
    return f"after {key} layer{'s' * (key != '1')} ({found['sides'][int(key) - 1]} pixels a side)"


def usual(found: dict, share: int) -> str:
    """The last layer whose map has that part of the picture's side, as the page's brush blends."""
    return str(max(i for i, side in enumerate(found["sides"], 1) if side <= found["side"] // share))


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def seams(found: dict, name: str) -> dict:
    one, rows = found["taken"][name], []
    for key, critic in one["critic"].items():
        reach = percent(interval(one["outside"]["share"][key])[0]) if key not in (PLAIN, PIXELS) else ""
        largest = f"{max(one['outside']['largest'][key]):g}" if reach else ""
        cells = said(ratios(one, key), "{:.2f}"), said(one["like"][key], "{:.2f}"), said(critic, "{:.2f}")
        rows.append([named(found, key), *cells, reach, largest])
    return dict(
        title=f"Taken from another picture: {name}",
        columns=[
            "blended",
            "seam energy, of that with pixels",
            "how much of the other is inside",
            "critic (more is better)",
            "beyond reach",
            "largest change there, levels",
        ],
        rows=rows,
        caption=f"Medians over {len(one['seam'][PIXELS])} faces [95 % when they are drawn again]. Seam energy: mean "
        "square difference of neighbouring pixels across the edge of the region. Inside: 0 the picture before, 1 the "
        "other, by squared differences from it.",
    )


def moves(found: dict) -> dict:
    names, keys = list(found["moved"]), list(next(iter(found["moved"].values())))
    rows = []
    for key in keys:
        cells = [percent(arrived(found["moved"][name][key])) for name in names]
        cells += [said(found["moved"][name][key], "{:.1f}") for name in names]
        left = [percent(gone(found["removed"][name][key])) if key != PLAIN else "" for name in names]
        rows.append([named(found, key), *cells, *left])
    columns = [f"{name}, {what}" for what in ("arrived", "pixels off", "removed") for name in names]
    counts = ", ".join(f"{len(found['moved'][name][PIXELS])} with {name}" for name in names)
    return dict(
        title="Moved by 4 of 64 pixels, and removed",
        columns=["blended", *columns],
        rows=rows,
        caption=f"Faces: {counts}; up, down, right and left in turn. Arrived: the part reader finds the part at most "
        f"{NEAR:g} pixels from where it was to go; {LOST:g} pixels off: it finds none. Removed: it finds less than a "
        "quarter of it. The picture before: what the reader says where nothing was moved.",
    )


def shown(found: dict) -> dict:
    key, filled = usual(found, 4), usual(found, 2)
    names = list(found["taken"])
    tell = "{:.2f}"
    seam = " and ".join(f"{said(ratios(found['taken'][name], key), tell)} ({name})" for name in names)
    own = " and ".join(f"{interval(ratios(found['taken'][name], PLAIN))[0]:.2f}" for name in names)
    inside = " and ".join(percent(interval(found["taken"][name]["like"][key])[0]) for name in names)
    went = ", ".join(f"{percent(arrived(one[key]))} of {name} (with pixels {percent(arrived(one[PIXELS]))})"
                     for name, one in found["moved"].items())  # fmt: skip
    left = ", ".join(
        f"{percent(gone(one[filled]))} of {name} (with pixels {percent(gone(one[PIXELS]))})"
        for name, one in found["removed"].items()
    )
    critics = []
    for name in names:
        one = found["taken"][name]["critic"]
        better = [a > b for a, b in zip(one[key], one[PIXELS], strict=True)]
        before, pixels, there = (f"{interval(one[which])[0]:.1f}" for which in (PLAIN, PIXELS, key))
        critics.append(
            minus(f"{percent(sum(better) / len(better))} ({name}: {there}, with pixels {pixels}, before {before})")
        )
    held = all(interval(ratios(found["taken"][name], key))[0] <= BARS["seam"] for name in names)
    largest = max(max(v) for one in found["taken"].values() for v in one["outside"]["largest"].values())
    return dict(
        sentences=[
            f"Taken from another face after {key} layers, the seam has {seam} of the energy that it has with pixels; "
            f"in the picture before it is {own} there. The bar is {BARS['seam']:g}: it is "
            f"{'met' if held else 'not met everywhere'}. Inside, it has gone {inside} of the way to the other picture.",
            f"Beyond the reach of the layers that follow, the largest change over all faces and layers is {largest:g} "
            "levels.",
            f"Moved by 4 of 64 pixels after {key} layers, the part reader finds within {NEAR:g} pixels of where it was "
            f"to go {went}; the bar is {percent(BARS['arrived'])}.",
            f"Removed after {filled} layers, filled from around: less than a quarter is left of {left}.",
            f"The network’s critic prefers what was blended to what was done with pixels for {' and '.join(critics)} "
            "of the faces.",
        ],
        tables=[*(seams(found, name) for name in names), moves(found)],
    )
