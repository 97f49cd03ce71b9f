"""The tab's experiments: the same knob on other faces, the ban lifted, methods at equal change, what no knob can move.

Each is a stream of plain values; what it says is built from what it measured on the pictures that it shows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from statistics import median

import torch
from torch import Tensor

from core import zoo
from core.codes import Directions, edit
from core.factorization import resefa
from core.factorization.baseline import random_directions, spread_along
from core.factorization.sefa import sefa
from core.images import webp
from core.regions import to_text
from core.truth.worlds import load_world

from ..page import picture as recipes
from ..page.blocks import data_uri, table
from ..page.evidence import has_reader, read_change, top_moved
from ..page.fields import RecipeError
from ..page.words import signed
from . import search as finding
from .recipe import (
    STEP,
    TRIED,
    Painted,
    called,
    corner,
    full_mask,
    part_names,
    parts_of,
    read_parts,
    verb,
    weights_around,
)
from .search import FURTHEST, Knobs, change, render

FACES, FIRST_FACE = 8, 100
TILE = 192  # pixels, the largest side of what only the page shows
NAMED = 0.3  # the same, from one side to the other, for a knob to be called by it
TITLES = ("Forbidden", "Allowed"), ("Weighed", "Left aside")  # changes outside: of LowRankGAN, of ReSeFa
LOCAL = 2.0  # inside over outside from which a face counts as local
HEAD = (
    "method",
    "direction",
    "standard deviations",
    "inside (RMS)",
    "outside (RMS)",
    "inside / outside (RMS)",
    "moves most (standard deviations)",
)


def amount_of(recipe: Painted, knobs: Knobs) -> float:
    """The chosen knob's amount; half of its way where it stands at 0."""
    knob = min(recipe.knob, len(knobs.steps) - 1)
    return recipe.amounts[knob] or knobs.reach(knob) / 2


def only(recipe: Painted, amount: float) -> tuple[float, ...]:
    """The chosen knob at an amount, the others at 0."""
    return tuple(amount if i == recipe.knob else 0.0 for i in range(len(recipe.amounts)))


def needed(recipe: Painted) -> Knobs:
    """The recipe's knobs, found now where only their record was shown. Raises RecipeError where the region has none."""
    knobs = finding.solve(recipe)
    if not knobs.steps:
        raise RecipeError(f"nothing moves {called(recipe)} alone, so there is nothing to turn: choose another region")
    return knobs


def shown(images: Tensor, model: str) -> list[str]:
    return [data_uri(webp(picture)) for picture in recipes.shown(images, model, largest=TILE)]


def ratio(inside: float, outside: float) -> float | None:
    """Inside over outside; None where nothing outside moved or there is no outside."""
    return inside / outside if outside > 1e-9 else None


def times(value: float | None) -> str:
    return "nothing outside" if value is None else f"{value:.1f} times"


# --- what moved, read by the factor reader


def named(recipe: Painted, knobs: Knobs) -> list[dict]:
    """What each knob moves most on this picture, as the reader sees it from one side to the other;
    plain ends otherwise.
    """
    plain = [dict(title="", low="one way", high="the other way") for _ in knobs.steps]
    if not knobs.steps or not has_reader(recipe.model):
        return plain
    count = len(knobs.steps)
    sides = [
        tuple(side * knobs.reach(i) / 2 if i == k else 0.0 for k in range(count))
        for i in range(count)
        for side in (-1, 1)
    ]
    images = render(recipe, knobs, sides)
    changed = read_change(recipe.model, images[::2], images[1::2])
    factors = load_world(zoo.card(recipe.model).world).FACTORS
    for label, one in zip(plain, changed):
        first = int(one.abs().argmax())
        if abs(one[first]) >= NAMED:
            low, high = (factors[first].low, factors[first].high)[:: 1 if one[first] > 0 else -1]
            label.update(title=factors[first].description, low=low, high=high)
    return plain


# --- eight other faces


def faces(recipe: Painted, first: int = 0) -> Iterator[dict]:
    """Eight other pictures before and after the knob: the part read anew on each, a painted region as it is."""
    knobs = needed(recipe)
    amount, part, rows = amount_of(recipe, knobs), recipe.region in part_names(recipe.model), []
    seeds = range(FIRST_FACE + first, FIRST_FACE + first + FACES)
    for seed in seeds:
        rows.append(_face(recipe, knobs, seed, amount, part))
        yield dict(_faces_said(recipe, rows, amount, seeds, first), rows=rows, partial=len(rows) < FACES)


def _face(recipe: Painted, knobs: Knobs, seed: int, amount: float, part: bool) -> dict:
    images = render(recipe, knobs, [(), only(recipe, amount)], base=replace(recipe.base, seed=seed))
    mask = read_parts(recipe.model, images[:1])[0].get(recipe.region) if part else full_mask(recipe)
    if mask is None:
        return dict(
            pictures=shown(images, recipe.model), region="", ratio=None, there=False, says=f"no {recipe.region} here"
        )
    found = ratio(*change(images[0], images[1], mask))
    return dict(
        pictures=shown(images, recipe.model),
        region=to_text(mask),
        ratio=found,
        there=True,
        says=f"inside moves {times(found)} as much" if found else "nothing outside moves",
    )


def _faces_said(recipe: Painted, rows: list[dict], amount: float, seeds: range, first: int) -> dict:
    there = [row["ratio"] for row in rows if row["there"]]
    known = [one for one in there if one is not None]
    local = sum(one is None or one >= LOCAL for one in there)
    said = (
        f"On {local} of {len(there)} other pictures {called(recipe)} {verb(recipe)} "
        f"at least {LOCAL:g} times as much as the rest"
    )
    said += f"; the median is {median(known):.1f} times." if known else "."
    if len(there) < len(rows):
        said += f" On {len(rows) - len(there)} there is no {recipe.region}."
    where = "the part reader’s, anew on each" if recipe.region in part_names(recipe.model) else called(recipe)
    return dict(
        first=first,
        verdict=said,
        caption=(
            f"Picture numbers {seeds[0]} to {seeds[-1]}, before and after knob {recipe.knob + 1} at {signed(amount)} "
            f"steps, found on picture {recipe.seed}; the region is {where}."
        ),
    )


# --- the ban, on and off


def ban(recipe: Painted) -> dict:
    """The chosen knob with changes outside forbidden and allowed, at the same change inside;
    what the reader says moved.
    """
    sides, first = [], needed(replace(recipe, forbid=True))
    amount = amount_of(recipe, first)
    before = render(recipe, None, [()])
    for forbid in (True, False):
        one = replace(recipe, forbid=forbid)
        knobs = needed(one)
        after = render(one, knobs, [only(one, amount)])
        inside, outside = change(before[0], after[0], full_mask(one))
        changed = read_change(one.model, before, after)
        sides.append(
            dict(
                forbid=forbid,
                picture=shown(after, one.model)[0],
                inside=inside,
                outside=outside,
                ratio=ratio(inside, outside),
                title=TITLES[one.method == "resefa"][not forbid],
                top=top_moved(one.model, None if changed is None else changed[0], least=0.0),
            )
        )
    return dict(
        sides=sides,
        before=shown(before, recipe.model)[0],
        region=to_text(full_mask(recipe)),
        verdict=_ban_said(recipe, sides, amount),
        reader=has_reader(recipe.model),
    )


def _ban_said(recipe: Painted, sides: list[dict], amount: float) -> str:
    on, off = sides
    measurable = on["outside"] > 1e-9 and off["inside"] > 1e-9
    more = off["outside"] / on["outside"] * on["inside"] / off["inside"] if measurable else None
    weighed, banned = ("with the rest weighed", "leaving it aside"), ("with the ban", "lifting the ban")
    kept, lifted = weighed if recipe.method == "resefa" else banned
    said = (
        f"At {signed(amount)} steps, {kept} {called(recipe)} {verb(recipe)} {times(on['ratio'])} as much as the "
        f"rest; without it {times(off['ratio'])}."
    )
    if more:
        said += f" For the same change inside, {lifted} changes the rest {more:.1f} times as much."
    return said


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


def compare(recipe: Painted) -> Iterator[dict]:
    """Rows of Compared as they come, best direction of each method by the first-order ratio; the last has the table."""
    rows = []
    for row in _compared(recipe):
        rows.append(row)
        yield dict(partial=True, html=compared_html(recipe, rows), rows=[one.cells() for one in rows])
    yield dict(html=compared_html(recipe, rows), region=to_text(full_mask(recipe)), rows=[one.cells() for one in rows])


def _compared(recipe: Painted) -> Iterator[Compared]:
    lowrank_knobs = finding.solve(replace(recipe, method="lowrank", lam=0.0, forbid=True))
    found, generator, solved = lowrank_knobs.grams, recipes.opened(recipe.model), lowrank_knobs.solved
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
    inside, outside = finding.energies(found, directions)
    best = int((inside / outside.clamp(min=1e-300)).argmax())
    one = Directions(directions.vectors[best : best + 1], directions.scores[best : best + 1], directions.slots)
    spread = float(spread_along(recipes.opened(recipe.model), one, samples=1024, label=recipe.label_or_none))
    distance, mask = STEP / float(inside[best].clamp(min=1e-300).sqrt()), full_mask(recipe)
    before, codes = render(recipe, None, [()]), recipes.own_codes(recipe.base)
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


def compared_html(recipe: Painted, rows: list[Compared]) -> str:
    pictures = "".join(
        f'<figure><img src="{row.picture}" alt="{escape(row.method)}: the picture at this change">'
        f"<figcaption>{escape(row.method.partition(',')[0])}</figcaption></figure>"
        for row in rows
    )
    caption = (
        "One direction of each method, chosen by its first-order ratio and turned until "
        f"{called(recipe)} {verb(recipe, 'changes')} by {STEP:g} (RMS)"
    )
    cells = [row.cells() for row in rows]
    return f'<div class="paint-compared">{pictures}</div>' + table(head(cells), cells, caption=caption)


def head(rows: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The names of the columns that the rows have: what moves is none of them where no reader can say it."""
    return HEAD[: max(map(len, rows), default=len(HEAD))]


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


def weights(recipe: Painted) -> Iterator[dict]:
    """LowRankGAN at several lambdas: ranks, what survives, the spectra, and the picture at half of knob 1's way."""
    knobs = finding.solve(replace(recipe, method="lowrank", lam=0.0, forbid=True))
    tried, cards = list(weights_around(knobs.solved.outside.lam)), []
    for lam in tried:
        chosen = replace(recipe, method="lowrank", lam=lam, forbid=True, knob=0)
        cards.append(_weight_card(chosen, finding.solve(chosen)))
        yield dict(partial=True, html="".join(cards), says=f"{len(cards)} of {len(tried)} values of lambda")
    yield dict(html="".join(cards))


def _weight_card(recipe: Painted, knobs: Knobs) -> str:
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


# --- what cannot be moved


def refusals(recipe: Painted) -> Iterator[dict]:
    """Every part on this picture and a corner of it: how many knobs it has, and how it is known."""
    rows, regions = [], [*((name, name) for name in parts_of(recipe)), ("the upper left corner", corner())]
    for said, region in regions:
        one = replace(recipe, region=region, method="lowrank", lam=0.0, forbid=True, amounts=(), knob=0)
        rows.append(_asked(said, one, finding.solve(one)))
        yield dict(partial=True, html=refusals_html(rows), says=f"{len(rows)} of {len(regions)} regions")
    yield dict(html=refusals_html(rows))


def _asked(said: str, recipe: Painted, knobs: Knobs) -> tuple[str, ...]:
    solved, mask = knobs.solved, full_mask(recipe)
    survived = len(solved.directions)
    inside, outside = finding.energies(knobs.grams, solved.directions)
    spread = (
        spread_along(recipes.opened(recipe.model), solved.directions, samples=1024, label=recipe.label_or_none)
        if survived
        else inside
    )
    way = STEP / inside.clamp(min=1e-300).sqrt() / spread.clamp(min=1e-12)
    alive = int((way <= FURTHEST / 2).sum())
    best = float((inside / outside.clamp(min=1e-300)).sqrt()[way <= FURTHEST / 2].max()) if alive else None
    nearest = f"{float(way.min()):.1f}" if survived else "none"
    return (
        said,
        f"{100 * float(mask.double().mean()):.1f} %",
        f"{alive} of {solved.inside.rank}",
        nearest,
        "cannot be moved alone" if not alive else f"{best:.1f} times",
    )


def refusals_html(rows: list[tuple[str, ...]]) -> str:
    head = ("region", "of the picture", "knobs of its own", "nearest step, sd", "best knob: inside moves")
    return table(
        head,
        rows,
        caption="How many knobs each region of this picture has of its own: "
        f"ways that move it visibly ({STEP:g} RMS) within {FURTHEST / 2:g} standard deviations, of its rank; "
        "the best moves the inside so many times as much as the rest (RMS, first order)",
    )
