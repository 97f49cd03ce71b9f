"""The tab's experiments: the same knob on other faces, the ban lifted, methods at equal change, what no knob can move.

Each yields plain values, the last of which programs get, and `..._html` shows them; what it says is built from what it
measured on the pictures that it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape
from statistics import median

from torch import Tensor

from core import zoo
from core.evidence import has_reader, read_change, top_moved
from core.factorization.region import FURTHEST, STEP, RegionKnobs, change, ratios, ways
from core.images import webp
from core.regions import to_text
from core.truth.worlds import load_world

from ..page import picture as recipes
from ..page.blocks import aha, data_uri, setter, table
from ..page.cells import Progress
from ..page.fields import RecipeError
from ..page.words import signed
from . import search as finding
from .recipe import (
    Painted,
    called,
    corner,
    crop_of,
    full_mask,
    part_names,
    parts_of,
    read_parts,
    verb,
)
from .search import render

FACES, FIRST_FACE = 8, 100
TILE = 192  # pixels, the largest side of what only the page shows
NAMED = 0.3  # the same, from one side to the other, for a knob to be called by it
TITLES = ("Forbidden", "Allowed"), ("Weighed", "Left aside")  # changes outside: of LowRankGAN, of ReSeFa
LEVELS = 127.5  # of 255, for a difference of 1
LOCAL = 2.0  # inside over outside from which a face counts as local


def amount_of(recipe: Painted, knobs: RegionKnobs) -> float:
    """The chosen knob's amount; half of its way where it stands at 0."""
    knob = min(recipe.knob, len(knobs.steps) - 1)
    return recipe.amounts[knob] or knobs.reach(knob) / 2


def only(recipe: Painted, amount: float) -> tuple[float, ...]:
    """The chosen knob at an amount, the others at 0."""
    return tuple(amount if i == recipe.knob else 0.0 for i in range(len(recipe.amounts)))


def needed(recipe: Painted) -> RegionKnobs:
    """The recipe's knobs, found now where only their record was shown. Raises RecipeError where the region has none."""
    return some(recipe, finding.solve(recipe))


def some(recipe: Painted, knobs: RegionKnobs) -> RegionKnobs:
    """The knobs, of which there have to be some."""
    if not knobs.steps:
        raise RecipeError(f"nothing moves {called(recipe)} alone, so there is nothing to turn: choose another region")
    return knobs


def shown(images: Tensor, model: str) -> list[str]:
    return [data_uri(webp(picture)) for picture in recipes.shown(images, model, largest=TILE)]


def tile(recipe: Painted, src: str, alt: str, region: str = "") -> str:
    """A picture, with the region's edge where there is one; the script draws that (`gan.drawn.regions`)."""
    edge = f'<canvas class="line" {_outline(recipe, region)}></canvas>' if region else ""
    return f'<div class="tile"><img src="{src}" alt="{escape(alt)}" draggable="false">{edge}</div>'


def change_map(recipe: Painted, region: str, says: str) -> str:
    """How much each pixel changed from the first to the last picture of its row, with the region's edge; the script
    draws it.
    """
    return (
        f'<div class="map" role="img" aria-label="{escape(says)}"><canvas class="map-pixels" data-change></canvas>'
        f'<canvas class="map-line" {_outline(recipe, region)}></canvas></div>'
    )


def _outline(recipe: Painted, region: str) -> str:
    return f'width="384" height="384" aria-hidden="true" data-region="{region}" data-crop="{crop_of(recipe.model):g}"'


def ratio(inside: float, outside: float) -> float | None:
    """Inside over outside; None where nothing outside moved or there is no outside."""
    return inside / outside if outside > 1e-9 else None


def times(value: float | None) -> str:
    return "nothing outside" if value is None else f"{value:.1f} times"


# --- what moved, read by the factor reader


def named(recipe: Painted, knobs: RegionKnobs) -> list[dict]:
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


def faces(recipe: Painted, page: int = 0) -> Iterator[dict | Progress]:
    """Eight other pictures before and after the knob: the part read anew on each, a painted region as it is."""
    knobs = some(recipe, (yield from finding.solved(recipe)))
    amount, part, rows = amount_of(recipe, knobs), recipe.region in part_names(recipe.model), []
    first = FIRST_FACE + page * FACES
    for seed in range(first, first + FACES):
        rows.append(_face(recipe, knobs, seed, amount, part))
        yield dict(_faces_said(recipe, rows, amount, range(first, first + FACES)), rows=list(rows))


def faces_html(recipe: Painted, found: Mapping) -> str:
    faces = "".join(
        f'<div class="face"><div class="pictures">{tile(recipe, before, "before", row["region"])}'
        f"{tile(recipe, after, 'after: ' + row['says'])}"
        f"{change_map(recipe, row['region'], 'map of change: ' + row['says'])}</div>"
        f'<p class="caption">{escape(row["says"])}</p></div>'
        for row in found["rows"]
        for before, after in [row["pictures"]]
    )
    caption = f'<p class="caption">{escape(found["caption"])}</p>'
    return f'{aha(found["verdict"])}<div class="faces">{faces}</div>{caption}'


def _face(recipe: Painted, knobs: RegionKnobs, seed: int, amount: float, part: bool) -> dict:
    images = render(recipe, knobs, [(), only(recipe, amount)], seed=seed)
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


def _faces_said(recipe: Painted, rows: list[dict], amount: float, seeds: range) -> dict:
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
        verdict=said,
        caption=(
            f"Picture numbers {seeds[0]} to {seeds[-1]}, before and after knob {recipe.knob + 1} at {signed(amount)} "
            f"steps, found on picture {recipe.seed}; the region is {where}."
        ),
    )


# --- the ban, on and off


def ban(recipe: Painted) -> Iterator[dict | Progress]:
    """The chosen knob with changes outside forbidden and allowed, at the same change inside; what the reader says."""
    banned = replace(recipe, forbid=True)
    sides, first = [], some(banned, (yield from finding.solved(banned)))
    amount = amount_of(recipe, first)
    before = render(recipe, None, [()])
    for forbid in (True, False):
        one = replace(recipe, forbid=forbid)
        knobs = some(one, (yield from finding.solved(one)))
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
    yield dict(
        sides=sides,
        before=shown(before, recipe.model)[0],
        region=to_text(full_mask(recipe)),
        verdict=_ban_said(recipe, sides, amount),
        reader=has_reader(recipe.model),
    )


def ban_html(recipe: Painted, found: Mapping) -> str:
    sides = "".join(_side_html(recipe, found, side) for side in found["sides"])
    return f'{aha(found["verdict"])}<div class="sides">{sides}</div>'


def _side_html(recipe: Painted, found: Mapping, side: Mapping) -> str:
    name, region = side["title"].lower(), found["region"]
    says = f"inside {side['inside'] * LEVELS:.0f} of 255 levels, outside {side['outside'] * LEVELS:.1f}"
    moved = "".join(f"<li>{escape(one['name'])}: {signed(one['amount'], 1)} sd</li>" for one in side["top"])
    lead = (
        "What the reader says moved most:"
        if found["reader"]
        else "No reader can say what moved in this network’s pictures."
    )
    before = f'<img src="{found["before"]}" alt="" hidden>'
    picture = before + tile(recipe, side["picture"], f"The picture, changes outside: {name}", region)
    drawn = change_map(recipe, region, f"Map of change, {name}: {says}")
    return (
        f'<section><h4>{side["title"]}</h4><div class="pictures">{picture}{drawn}</div>'
        f'<p class="caption">{lead}</p><ul class="moved">{moved}</ul></section>'
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


# --- what cannot be moved


def refusals(recipe: Painted) -> Iterator[str | Progress]:
    """Every part on this picture and a corner of it: how many knobs it has, and how it is known.

    Above them stands what is known of the region on screen, whichever that is; the script writes it.
    """
    rows, regions = [], [*((name, name) for name in parts_of(recipe)), ("the upper left corner", corner())]
    for said, region in regions:
        one = replace(recipe, region=region, method="lowrank", lam=0.0, forbid=True, amounts=(), knob=0)
        rows.append(_asked(said, one, (yield from finding.solved(one))))
        yield Progress(f"{len(rows)} of {len(regions)} regions", len(rows) / len(regions))
        yield FINDING + refusals_html(rows) + CORNER


def _asked(said: str, recipe: Painted, knobs: RegionKnobs) -> tuple[str, ...]:
    solved, mask = knobs.solved, full_mask(recipe)
    survived = len(solved.directions)
    generator, label = recipes.opened(recipe.model), recipe.label_or_none
    way = ways(generator, knobs.grams, solved.directions, label=label)
    alive = int((way <= FURTHEST / 2).sum())
    best = float(ratios(knobs.grams, solved.directions)[way <= FURTHEST / 2].max()) if alive else None
    nearest = f"{float(way.min()):.1f}" if survived else "none"
    return (
        said,
        f"{100 * float(mask.double().mean()):.1f} %",
        f"{alive} of {solved.inside.rank}",
        nearest,
        "cannot be moved alone" if not alive else f"{best:.1f} times",
    )


FINDING = '<p class="aha" id="paint-finding" data-finding></p>'
CORNER = (
    f'<div class="buttons"><button type="button" class="plain" id="paint-corner" {setter(region=corner())}>'
    "Try the upper left corner</button></div>"
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
