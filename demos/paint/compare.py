"""Methods beside each other at equal change inside the region, as a table for papers too; and values of lambda.

Each yields as it goes; what it says is built from what it measured on the pictures that it shows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape

import torch

from core.codes import Directions, edit
from core.evidence import read_change, top_moved
from core.factorization import resefa
from core.factorization.baseline import random_directions, spread_along
from core.factorization.region import FURTHEST, STEP, TRIED, RegionKnobs, change, energies, ratios
from core.factorization.sefa import sefa

from ..page import picture as recipes
from ..page.blocks import table
from ..page.cells import Progress
from ..page.words import signed
from . import search as finding
from .experiments import only, ratio, shown, times
from .recipe import Painted, called, full_mask, verb, weights_around
from .search import render

COLUMNS = (
    "method",
    "direction",
    "standard deviations",
    "inside (RMS)",
    "outside (RMS)",
    "inside / outside (RMS)",
    "moves most (standard deviations)",
)


# --- methods at equal change inside


@dataclass(frozen=True)
class Compared:
    """One method's best direction of this region, turned until the region changes by 0.05 (RMS).

    moves: the two factors that the reader sees changed most, however little, in standard deviations; "" without a
    reader.
    """

    method: str
    number: int
    deviations: float
    inside: float
    outside: float
    moves: str
    picture: str

    def cells(self) -> tuple[str, ...]:
        found = ratio(self.inside, self.outside)
        return (
            self.method,
            str(self.number + 1),
            f"{self.deviations:.2f}",
            f"{self.inside:.4f}",
            f"{self.outside:.4f}",
            "nothing outside" if found is None else f"{found:.2f}",
            *([self.moves] if self.moves else []),
        )


def methods(recipe: Painted) -> Iterator[dict | Progress]:
    """Rows of Compared as they come: the best direction of each method by the first-order ratio."""
    rows, knobs = [], (yield from finding.solved(replace(recipe, method="lowrank", lam=0.0, forbid=True)))
    for row in _compared(recipe, knobs):
        rows.append(row)
        yield dict(rows=[one.cells() for one in rows], pictures=[one.picture for one in rows])


def _compared(recipe: Painted, knobs: RegionKnobs) -> Iterator[Compared]:
    found, generator, solved = knobs.grams, recipes.opened(recipe.model), knobs.solved
    count = min(TRIED, len(found.movable))
    first = Directions(solved.directions.vectors[:5], solved.directions.scores[:5], found.slots)
    before_it = Directions(solved.unprojected.vectors[:5], solved.unprojected.scores[:5], found.slots)
    for name, directions in (
        ("LowRankGAN, best of its first 5", first),
        ("LowRankGAN before the projection, best of its first 5", before_it),
        ("ReSeFa, best of its first 5", resefa.resefa_of(found, k=min(5, count)).directions),
        (f"SeFa, best of its first {count}", sefa(generator, found.slots, k=count)),
        (f"random, best of {TRIED}", random_directions(generator, found.slots, k=TRIED)),
    ):
        if len(directions):
            yield _equal(recipe, name, directions, found)


def _equal(recipe: Painted, name: str, directions: Directions, found) -> Compared:
    """Picks by the first-order ratio, then turns until the RMS change inside is STEP: a secant, 6 pictures at most."""
    inside, best = energies(found, directions)[0], int(ratios(found, directions).argmax())
    one = Directions(directions.vectors[best : best + 1], directions.scores[best : best + 1], directions.slots)
    spread = float(spread_along(recipes.opened(recipe.model), one, samples=1024, label=recipe.label_or_none))
    distance, mask = STEP / float(inside[best].clamp(min=1e-300).sqrt()), full_mask(recipe)
    before, codes = render(recipe, None, [()]), recipes.own_codes(recipe)
    generator = recipes.opened(recipe.model).at(psi=recipe.psi)
    for _ in range(6):
        distance = min(distance, 4 * FURTHEST * spread)
        with torch.no_grad():
            after = generator(edit(codes, one, [distance])).clamp(-1, 1)
        made = change(before[0], after[0], mask)
        if abs(made[0] - STEP) < 0.01 * STEP or made[0] < 1e-9:
            break
        distance *= STEP / made[0]
    changed = read_change(recipe.model, before, after)
    moved = top_moved(recipe.model, None if changed is None else changed[0], least=0.0)[:2]
    says = "; ".join(f"{one['name']} {signed(one['amount'], 2)}" for one in moved)
    return Compared(name, best, distance / spread, *made, says, shown(after, recipe.model)[0])


def methods_html(recipe: Painted, found: Mapping) -> str:
    cells = found["rows"]
    pictures = "".join(
        f'<figure><img src="{picture}" alt="{escape(row[0])}: the picture at this change">'
        f"<figcaption>{escape(row[0].partition(',')[0])}</figcaption></figure>"
        for row, picture in zip(cells, found["pictures"])
    )
    caption = (
        "One direction of each method, chosen by its first-order ratio and turned until "
        f"{called(recipe)} {verb(recipe, 'changes')} by {STEP:g} (RMS)"
    )
    return f'<div class="paint-compared">{pictures}</div>' + table(head(cells), cells, caption=caption)


def head(rows: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The names of the columns that the rows have: what moves is none of them where no reader can say it."""
    return COLUMNS[: max(map(len, rows), default=len(COLUMNS))]


def as_csv(rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head(rows), *rows])
    return out.getvalue().replace("−", "-")  # programs read these numbers


def as_latex(rows: list[tuple[str, ...]], caption: str) -> str:
    """A table that compiles as it is, with booktabs."""

    def cell(text: str) -> str:
        escapes = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "−": "$-$"}
        return "".join(escapes.get(letter, letter) for letter in text)

    lines = [" & ".join(map(cell, row)) + r" \\" for row in (head(rows), *rows)]
    body = "\n".join([lines[0], r"\midrule", *lines[1:]])
    columns = "lrrrrrl"[: len(head(rows))]
    return (
        f"\\begin{{table}}\n\\caption{{{cell(caption)}}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{body}\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


# --- lambda: ranks, spectra, a picture each


def weights(recipe: Painted) -> Iterator[str | Progress]:
    """LowRankGAN at several lambdas: ranks, what survives, the spectra, and the picture at half of knob 1's way."""
    knobs = yield from finding.solved(replace(recipe, method="lowrank", lam=0.0, forbid=True))
    tried, cards = list(weights_around(knobs.solved.outside.lam)), []
    for lam in tried:
        chosen = replace(recipe, method="lowrank", lam=lam, forbid=True, knob=0)
        cards.append(_weight_card(chosen, (yield from finding.solved(chosen))))
        yield Progress(f"{len(cards)} of {len(tried)} values of lambda", len(cards) / len(tried))
        yield "".join(cards)


def _weight_card(recipe: Painted, knobs: RegionKnobs) -> str:
    solved = knobs.solved
    dim = len(solved.outside.low)
    setting = only(recipe, knobs.reach(0) / 2) if knobs.steps else ()
    picture = shown(render(recipe, knobs if knobs.steps else None, [setting]), recipe.model)[0]
    best = "no knob is left"
    if knobs.steps:
        best = f"knob 1 moves the inside {times(knobs.ratio[0])} as much (first order)"
    bars = _spectrum(solved.inside.values.abs().tolist(), dim), _spectrum(solved.outside.values.abs().tolist(), dim)
    return (
        f'<figure class="paint-weight"><img src="{picture}" alt="knob 1 at half of its way, lambda {recipe.lam:g}">'
        f"<figcaption><b>lambda {recipe.lam:.3g}</b><br>"
        f"rank inside {solved.inside.rank}, outside {solved.outside.rank} of {dim}<br>"
        f"{len(solved.directions)} directions survive; {best}<br>"
        f"{bars[0]} inside<br>{bars[1]} outside</figcaption></figure>"
    )


def _spectrum(values: list[float], dim: int) -> str:
    """Eigenvalues of L as bars on a logarithmic scale of six decades;
    hidden from screen readers, who have the ranks.
    """
    top = max(values, default=0.0)
    heights = [max(0.0, 1 + torch.tensor(value / top).log10().item() / 6) * 24 for value in values[:48] if top > 0]
    bars = "".join(
        f'<rect x="{3 * i}" y="{24 - height:.1f}" width="2" height="{height:.1f}"/>' for i, height in enumerate(heights)
    )
    return f'<svg class="spectrum" viewBox="0 0 144 24" width="144" height="24" aria-hidden="true">{bars}</svg>'
