"""The tab's experiments: the ban lifted, the same knob on other faces, what no knob can move, values of lambda, and
methods beside each other at equal change inside the region, as a table for papers too.

Those whose results programs get yield plain values, and `..._html` shows them; what each says is built from what it
measured on the pictures that it shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import median

from torch import Tensor

from core.comparison import compared
from core.evidence import has_reader, read_change, top_moved
from core.factorization.lowrank import lambdas_around
from core.factorization.region import RegionKnobs, change, locality
from core.images import webp
from core.parts import read_parts
from core.regions import to_text

from ..page import picture as recipes
from ..page.blocks import aha, data_uri, filled, setter, table
from ..page.cells import Progress
from ..page.fields import RecipeError
from ..page.words import signed
from . import search
from .recipe import CORNER, SAYS, TEMPLATES, WORDS, Painted, called, crop_of, full_mask, parts_of
from .search import render
from .words import LEVELS

FACES, FIRST_FACE = 8, 100
TILE = 192  # pixels, the largest side of what only the page shows
LOCAL = 2.0  # inside over outside from which a face counts as local
COLUMNS, HTML = WORDS["columns"], TEMPLATES["html"]
ASKED = dict(method="lowrank", lam=0.0, forbid=True)  # what is asked of LowRankGAN as it should be

Pieces = Iterator[dict | str | Progress]


def amount_of(recipe: Painted, knobs: RegionKnobs) -> float:
    """The chosen knob's amount; half of its way where it stands at 0."""
    knob = min(recipe.knob, len(knobs.steps) - 1)
    return recipe.amounts[knob] or knobs.reach(knob) / 2


def only(recipe: Painted, amount: float) -> tuple[float, ...]:
    """The chosen knob at an amount, the others at 0."""
    return tuple(amount if i == recipe.knob else 0.0 for i in range(len(recipe.amounts)))


def needed(recipe: Painted) -> RegionKnobs:
    """The recipe's knobs, found now where only their record was shown. Raises RecipeError where the region has none."""
    knobs = search.solve(recipe)
    if not knobs.steps:
        raise RecipeError(recipe.say("no_knobs"))
    return knobs


# --- pictures with the region's edge


def shown(images: Tensor, model: str) -> list[str]:
    return [data_uri(webp(picture)) for picture in recipes.shown(images, model, largest=TILE)]


def tile(recipe: Painted, src: str, alt: str, region: str = "") -> str:
    """A picture, with the region's edge where there is one."""
    edge = filled(HTML["edge"], kind="line", region=region, crop=crop_of(recipe.model)) if region else ""
    return filled(HTML["tile"], dict(edge=edge), src=src, alt=alt)


def change_map(recipe: Painted, region: str, says: str) -> str:
    """How much each pixel changed from the first to the last picture of its row, with the region's edge."""
    edge = filled(HTML["edge"], kind="map-line", region=region, crop=crop_of(recipe.model))
    return filled(HTML["map"], dict(edge=edge), says=says)


def times(value: float | None) -> str:
    return "nothing outside" if value is None else f"{value:.1f} times"


# --- eight other faces


def faces(recipe: Painted, page: int = 0) -> Pieces:
    """Eight other pictures before and after the knob: the part read anew on each, a painted region as it is."""
    yield from search.solving(recipe)
    knobs, rows = needed(recipe), []
    amount = amount_of(recipe, knobs)
    seeds = range(FIRST_FACE + page * FACES, FIRST_FACE + (page + 1) * FACES)
    where = SAYS["read_anew"] if recipe.of_part else called(recipe)
    caption = recipe.say("faces_caption", first=seeds[0], last=seeds[-1], amount=signed(amount), where=where)
    for seed in seeds:
        rows.append(_face(recipe.numbered(seed), knobs, amount))
        yield dict(verdict=_faces_said(recipe, rows), caption=caption, rows=list(rows))


def _face(recipe: Painted, knobs: RegionKnobs, amount: float) -> dict:
    images = render(recipe, knobs, [(), only(recipe, amount)])
    parts = read_parts(recipe.model, images[:1])[0] if recipe.of_part else {recipe.region: full_mask(recipe)}
    mask, pictures = parts.get(recipe.region), shown(images, recipe.model)
    if mask is None:
        return dict(pictures=pictures, region="", ratio=None, there=False, says=f"no {recipe.region} here")
    found = locality(*change(images[0], images[1], mask))
    says = f"inside moves {times(found)} as much" if found else "nothing outside moves"
    return dict(pictures=pictures, region=to_text(mask), ratio=found, there=True, says=says)


def _faces_said(recipe: Painted, rows: list[dict]) -> str:
    there = [row["ratio"] for row in rows if row["there"]]
    known = [one for one in there if one is not None]
    local, missing = sum(one is None or one >= LOCAL for one in there), len(rows) - len(there)
    middle = f"; the median is {median(known):.1f} times." if known else "."
    said = recipe.say("on_others", local=local, count=len(there), least=LOCAL, median=middle)
    return said + (recipe.say("missing", count=missing) if missing else "")


def faces_html(recipe: Painted, found: Mapping) -> str:
    faces = ""
    for row in found["rows"]:
        (before, after), says, region = row["pictures"], row["says"], row["region"]
        pictures = tile(recipe, before, "before", region) + tile(recipe, after, f"after: {says}")
        pictures += change_map(recipe, region, f"map of change: {says}")
        faces += filled(HTML["face"], dict(pictures=pictures), says=says)
    return aha(found["verdict"]) + filled(HTML["faces"], dict(faces=faces), caption=found["caption"])


# --- the ban, on and off


def ban(recipe: Painted) -> Pieces:
    """The chosen knob with changes outside forbidden and allowed, at the same change inside; what the reader says."""
    banned, sides, mask = replace(recipe, forbid=True), [], full_mask(recipe)
    yield from search.solving(banned)
    amount, before = amount_of(recipe, needed(banned)), render(recipe, None, [()])
    for one in (banned, replace(recipe, forbid=False)):
        yield from search.solving(one)
        after = render(one, needed(one), [only(one, amount)])
        inside, outside = change(before[0], after[0], mask)
        side = dict(forbid=one.forbid, picture=shown(after, one.model)[0], inside=inside, outside=outside)
        said = dict(title=WORDS["elsewhere"][one.stance], top=_top(one.model, before, after))
        sides.append(dict(side, ratio=locality(inside, outside), **said))
    first = shown(before, recipe.model)[0]
    says, reader = _ban_said(recipe, *sides, amount), has_reader(recipe.model)
    yield dict(sides=sides, before=first, region=to_text(mask), verdict=says, reader=reader)


def _top(model: str, before: Tensor, after: Tensor) -> list[dict]:
    """What the reader says moved most, however little; nothing without a reader."""
    changed = read_change(model, before, after)
    return top_moved(model, None if changed is None else changed[0], least=0.0)


def _ban_said(recipe: Painted, on: dict, off: dict, amount: float) -> str:
    weighed, banned = ("with the rest weighed", "leaving it aside"), ("with the ban", "lifting the ban")
    kept, lifted = weighed if recipe.method == "resefa" else banned
    said = recipe.say("ban", kept=kept, amount=signed(amount), on=times(on["ratio"]), off=times(off["ratio"]))
    if on["outside"] > 1e-9 and off["inside"] > 1e-9:
        more = off["outside"] / on["outside"] * on["inside"] / off["inside"]
        said += recipe.say("ban_more", lifted=lifted, more=more) if more else ""
    return said


def ban_html(recipe: Painted, found: Mapping) -> str:
    sides = "".join(_side_html(recipe, found, side) for side in found["sides"])
    return aha(found["verdict"]) + filled(HTML["sides"], dict(sides=sides))


def _side_html(recipe: Painted, found: Mapping, side: Mapping) -> str:
    name, region = side["title"].lower(), found["region"]
    says = f"inside {side['inside'] * LEVELS:.0f} of 255 levels, outside {side['outside'] * LEVELS:.1f}"
    moved = "".join(filled(HTML["moved"], name=one["name"], amount=signed(one["amount"], 1)) for one in side["top"])
    pictures = filled(HTML["before"], src=found["before"])
    pictures += tile(recipe, side["picture"], f"The picture, changes outside: {name}", region)
    pictures += change_map(recipe, region, f"Map of change, {name}: {says}")
    lead = SAYS["reader" if found["reader"] else "no_reader_here"]
    return filled(HTML["side"], dict(pictures=pictures, moved=moved), title=side["title"], lead=lead)


# --- what cannot be moved


def refusals(recipe: Painted) -> Pieces:
    """Every part on this picture and a corner of it: how many knobs it has, and how it is known.

    Above them stands what is known of the region on screen, whichever that is; the script writes it.
    """
    rows, regions = [], [*((name, name) for name in parts_of(recipe)), ("the upper left corner", CORNER)]
    caption = recipe.say("refusals")
    for said, region in regions:
        one = replace(recipe, region=region, amounts=(), knob=0, **ASKED)
        rows.append(_asked(said, one, (yield from search.solving(one))))
        yield Progress(f"{len(rows)} of {len(regions)} regions", len(rows) / len(regions))
        corner = filled(HTML["corner"], dict(setter=setter(region=CORNER)))
        yield filled(HTML["finding"]) + table(COLUMNS["refuse"], rows, caption=caption) + corner


def _asked(said: str, recipe: Painted, knobs: RegionKnobs) -> tuple[str, ...]:
    found, share = search.outcome_of(recipe, knobs), float(full_mask(recipe).double().mean())
    nearest = "none" if found.nearest is None else f"{found.nearest:.1f}"
    best = "cannot be moved alone" if found.best_visible is None else f"{found.best_visible:.1f} times"
    return said, f"{100 * share:.1f} %", f"{found.visible} of {found.rank}", nearest, best


# --- methods at equal change inside


def methods(recipe: Painted) -> Pieces:
    """Rows as they come: the best direction of each method by the first-order ratio."""
    knobs = yield from search.solving(replace(recipe, **ASKED))
    generator, codes, label = recipes.generator_of(recipe), recipes.own_codes(recipe), recipe.label_or_none
    rows, pictures = [], []
    for one in compared(generator, codes, full_mask(recipe), knobs.grams, knobs.solved, label=label):
        moved = _top(recipe.model, one.before, one.after)[:2]
        moves = "; ".join(f"{each['name']} {signed(each['amount'], 2)}" for each in moved)
        rows.append((*one.row(), *([moves] if moves else [])))
        pictures.append(shown(one.after, recipe.model)[0])
        yield dict(rows=list(rows), pictures=list(pictures))


def methods_html(recipe: Painted, found: Mapping) -> str:
    pictures = "".join(
        filled(HTML["method"], src=picture, name=row[0], short=row[0].partition(",")[0])
        for row, picture in zip(found["rows"], found["pictures"])
    )
    head, *rows = with_head(found["rows"])
    return filled(HTML["methods"], dict(pictures=pictures)) + table(head, rows, caption=recipe.say("compared"))


def with_head(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The names of the columns that the rows have, and the rows: what moves is left out where no reader can say it."""
    return [COLUMNS["compare"][: max(map(len, rows), default=None)], *rows]


# --- lambda: ranks, spectra, a picture each


def weights(recipe: Painted) -> Pieces:
    """LowRankGAN at several lambdas: ranks, what survives, the spectra, and the picture at half of knob 1's way."""
    knobs = yield from search.solving(replace(recipe, **ASKED))
    tried, cards = lambdas_around(knobs.solved.outside.lam), []
    for lam in tried:
        chosen = replace(recipe, knob=0, **(ASKED | dict(lam=lam)))
        cards.append(_weight_card(chosen, (yield from search.solving(chosen))))
        yield Progress(f"{len(cards)} of {len(tried)} values of lambda", len(cards) / len(tried))
        yield "".join(cards)


def _weight_card(recipe: Painted, knobs: RegionKnobs) -> str:
    inside, outside, best, setting = knobs.solved.inside, knobs.solved.outside, "no knob is left", ()
    if knobs.steps:
        setting = only(recipe, knobs.reach(0) / 2)
        best = f"knob 1 moves the inside {times(knobs.ratio[0])} as much (first order)"
    picture = shown(render(recipe, knobs, [setting]), recipe.model)[0]
    bars = dict(bars_inside=_spectrum(inside.values), bars_outside=_spectrum(outside.values))
    ranks = dict(inside=inside.rank, outside=outside.rank, survived=len(knobs.solved.directions))
    return filled(HTML["weight"], bars, src=picture, lam=recipe.lam, dim=len(outside.low), best=best, **ranks)


def _spectrum(values: Tensor) -> str:
    """Eigenvalues of L as bars, logarithmic over six decades; hidden from screen readers, who have the ranks."""
    sizes, bars = values.abs(), ""
    shares = (sizes / sizes.max()).clamp(min=1e-6)[:48].tolist() if sizes.any() else []
    for i, share in enumerate(shares):
        height = 24 * (1 + math.log10(share) / 6)
        bars += filled(HTML["bar"], x=3 * i, y=24 - height, height=height)
    return filled(HTML["spectrum"], dict(bars=bars))
