"""What copies of pictures tell of a network: where codes are mixed best, what it cannot draw, what it does not know.

A copy is the picture that an inversion found for a picture; its closeness is the PSNR in dB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

GAIN, DRAWN = 1.0, 20.0  # dB: what more codes have to gain, and a copy that still shows what the picture does
FAR = 3.0  # dB below the least close render: far outside of what a network knows


def decibels(value: float) -> str:
    return f"{value:.1f} dB"


def codes_said(count: int) -> str:
    """ "1 code", "3 codes"."""
    return f"{count} code{'s' * (count > 1)}"


def by_layer(rows: dict[str, Sequence[float]], counts: Sequence[int], steps: int) -> str:
    """How close one picture's copies came, by the layer where codes are mixed and by their number, in words.

    rows: closeness in dB for each of `counts` codes, by the layer's name; first layer first. steps: of each search.
    """
    best, name, count = max((close, name, count) for name, row in rows.items() for close, count in zip(row, counts))
    first, last = next(iter(rows)), next(reversed(rows))
    return (
        f"With {counts[-1]} codes the copy is {decibels(rows[first][-1])} close where {first} are mixed, "
        f"{decibels(rows[last][-1])} mixed {last}; closest of all, {decibels(best)}: "
        f"{codes_said(count)}, {name}. One picture, {steps} steps each."
    )


def gap_by_layer(faces: Mapping[str, float], mugs: Mapping[str, float], samples: int) -> str:
    """How much closer faces are copied than mugs by a network that only ever saw faces, in words.

    faces, mugs: closeness in dB, median over `samples` pictures, by the name of the layer where codes are mixed.
    """
    gaps = {name: faces[name] - mugs[name] for name in faces}
    widest, least = max(gaps, key=gaps.get), min(gaps, key=gaps.get)
    return (
        f"Faces are copied closer than mugs at {sum(gap > 0 for gap in gaps.values())} of {len(gaps)} layers. "
        f"The gap is widest mixing {widest.replace(',', ' at')}: "
        f"faces {decibels(faces[widest])}, mugs {decibels(mugs[widest])}; "
        f"least mixing {least.replace(',', ' at')}: {faces[least]:.1f} and {decibels(mugs[least])}. "
        f"({samples} faces, {samples} mugs)"
    )


def restored(close: float | None, beside: Mapping[str, float], how: str, *, hole: bool = False) -> str:
    """How close an answer is to the truth, beside what one would do without a GAN, in words.

    close: dB, in the hole where there is one; None where nobody knows the truth. beside: dB by the tool's name. how:
    how many steps in which time.
    """
    if close is None:
        return f"Found in {how}. Nobody knows what the true picture was, so there is no closeness to give."
    others = f" ({', '.join(f'{name} {value:.1f}' for name, value in beside.items())})" if beside else ""
    where = " in the hole" if hole else ""
    return f"Closeness to the truth{where}: {decibels(close)}{others}, on this picture; {how}."


def many_codes(close: float, one: float, codes: int, how: str) -> str:
    """What the copy of a picture by many codes gains over its copy by one, in words; close, one: PSNR in dB."""
    if close < one + GAIN:
        says = f"{codes_said(codes)} copy it hardly better than one" if close > one else "One code copies it as well"
    elif one < DRAWN:
        says = f"One code cannot draw this picture; {codes_said(codes)}, mixed inside the network, can"
    else:
        says = f"{codes_said(codes)}, mixed inside the network, copy it closer than one"
    return f"{says}. Closeness to the truth: {decibels(close)}, with one code {one:.1f}, on this picture; {how}."


def among_renders(close: float, renders: Sequence[float], things: str = "held-out renders") -> str:
    """Where a picture lies in what a network knows, in words: beside how closely held-out renders were copied.

    close, renders: closeness in dB of the picture's copy, and of those of the renders, in any order. things: what these
    are, where no renders.
    """
    ordered = sorted(renders)
    worse, where = sum(value < close for value in ordered), "within what it knows"
    if close < ordered[0] - FAR:
        where = "far outside what it knows"
    elif worse == 0:
        where = "outside what it knows"
    elif worse < len(ordered) / 10:
        where = "at the edge of what it knows"
    return (
        f"Your picture was copied to {close:.1f} dB; {len(ordered)} {things} to {ordered[0]:.1f} "
        f"to {ordered[-1]:.1f}, median {median(ordered):.1f} dB. For this network your picture is {where}: "
        f"{worse} of {len(ordered)} {things.removeprefix('held-out ')} were copied less well."
    )
