"""What was measured of a set of knobs, in words and tables: no claim without its number, baseline and sample count.

Tables come from weights/evidence/<card>.json, and only where that was measured with exactly these weights; anything
else can be measured while the page runs, with the same functions. A model without a reader is measured with exact
picture statistics; every claim says which grade of evidence it rests on.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from html import escape
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from core import zoo
from core.codes import codes_in_turn
from core.factorization.baseline import random_directions, spread_along
from core.images import to_pil, webp
from core.truth import scores, statistics
from core.truth.verdict import BESIDE, Verdict, statistics_verdict, verdict, verdict_of
from core.truth.worlds import deviations, load_world
from core.truth.worlds.base import Factor

from . import picture as recipes
from . import words
from .blocks import Bar, bars, data_uri, table
from .fields import RecipeError
from .picture import Recipe
from .uploads import uploaded

FACES, FIRST_FACE, RANDOM_DRAWS = 64, 1_020_000, 5  # what is measured while the page runs
MOST_SETS = 64  # of knobs, kept as measured
CLEAR = 0.3  # standard deviations a step that count as moving it
TOP = 3  # factors named
MOVED = 0.2  # standard deviations that count as having moved
# steps to an end, standard deviations that count there, other faces looked at
END, AT_END, OTHERS = 2.0, 1.0, range(100, 108)
BUDGET = 120  # seconds for the statistics of a slow model
READER, STATISTICS = "reader", "statistics"
MEASURE = "Measure these knobs"  # the button, which is there wherever nothing is measured
ORDERS = dict(sefa="strongest first", ganspace="strongest first", random="in no order", file="in the order of the file")
GRADES = {
    READER: "Grade of evidence: an independent reader, trained on pictures whose true factors are known.",
    STATISTICS: "Grade of evidence: exact picture statistics. They say what the pixels do, not what is in the picture.",
}


@lru_cache(maxsize=8)
def _evidence(model: str, weights: str) -> dict | None:
    try:
        found = json.loads((zoo.WEIGHTS / "evidence" / f"{model}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if found.get("weights_sha256") == weights else None


def evidence(model: str) -> dict | None:
    """The measured tables of a model; None where there are none for exactly these weights."""
    return _evidence(model, zoo.weights_hash(model))


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of a page rest on: weights, evidence, reader; "" where there is none."""
    return dict(
        weights=zoo.weights_hash(model),
        evidence=_hash(zoo.WEIGHTS / "evidence" / f"{model}.json"),
        reader=reader_hash(model),
    )


def reader_hash(model: str) -> str:
    """sha256 of the factor reader of a model's world; "" where there is none."""
    path = _reader_file(model)
    return _hash(path) if path else ""


def _hash(path: Path) -> str:
    return recipes.file_identity(path) if path.exists() else ""


def files(stem: str) -> dict[str, str]:
    """sha256 of an evidence file; "" where there is none."""
    return {stem: _hash(zoo.WEIGHTS / "evidence" / f"{stem}.json")}


def written(model: str, kind: str) -> str:
    """The sentences and tables that a measuring command wrote of a model, as HTML; "" where there are none for exactly
    these weights.
    """
    return _written(model, kind, zoo.weights_hash(model))


@lru_cache(maxsize=32)
def _written(model: str, kind: str, weights: str) -> str:
    path = zoo.WEIGHTS / "evidence" / f"{model}-{kind}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    if found.get("weights", found.get("weights_sha256")) != weights:
        return ""
    said = "".join(f"<p>{escape(one)}</p>" for one in found.get("sentences", ()))
    tables = "".join(
        (f"<h4>{escape(one['title'])}</h4>" if one.get("title") else "")
        + table(one["columns"], one["rows"], caption=one.get("caption", ""))
        for one in found.get("tables", ())
    )
    made = f"Measured on {escape(found['date'])} with {escape(found['command'])}." if "date" in found else ""
    return said + tables + (f'<p class="caption">{made}</p>' if made else "")


_measured: dict[tuple, list[dict]] = {}  # by set of knobs: what was measured while the page runs


def _set_key(recipe: Recipe) -> tuple:
    mode, judge = recipe.mode if recipe.method == "sefa" else "", READER if has_reader(recipe.model) else STATISTICS
    return zoo.weights_hash(recipe.model), judge, recipe.method, mode, recipe.layers, recipe.directions


def measured_knobs(recipe: Recipe) -> list[dict] | None:
    """One record a knob (verdict, mean, low, high, purity ...), from the evidence or measured here.

    grade: what judged it, a key of GRADES. percentile: of the statistics, share (0 to 1) of random directions that move
    each less; empty where a reader judged, who compares with random knobs in the verdict.
    """
    method = f"sefa-{recipe.mode}" if recipe.method == "sefa" else recipe.method
    known = evidence(recipe.model) or {}
    if f"{method}/{recipe.layers}" not in known.get("sets", {}):
        return _measured.get(_set_key(recipe))
    factors = _factors(recipe.model, READER)
    return [
        dict(knob, percentile=[], grade=READER, pictures=FACES, verdict=verdict_in(known, knob, recipe.layers, factors))
        for knob in known["sets"][f"{method}/{recipe.layers}"]["knobs"]
    ]


def verdict_in(known: dict, knob: dict, layers: str, factors: Sequence[Factor]) -> str:
    """The sentence about a knob of the evidence, built from its numbers."""
    numbers = (tuple(knob[name]) for name in ("mean", "low", "high", "same_sign"))
    return _sentence(
        *numbers, tuple(factors), known["baseline"][layers], known["samples"]["faces"], zoo.card(known["card"]).things
    )


@lru_cache(maxsize=1024)
def _sentence(
    mean: tuple,
    low: tuple,
    high: tuple,
    same_sign: tuple,
    factors: tuple[Factor, ...],
    baseline: float,
    n: int,
    things: str,
) -> str:
    numbers = map(torch.tensor, (mean, low, high, same_sign))
    return verdict_of(*numbers, factors, baseline=baseline, n=n, things=things).text


def _reader_file(model: str) -> Path | None:
    world = zoo.card(model).world
    return zoo.WEIGHTS / f"{world}-reader.safetensors" if world else None


def has_reader(model: str) -> bool:
    path = _reader_file(model)
    return path is not None and path.exists()


def grade_of(recipe: Recipe) -> str:
    """A key of GRADES: what judged these knobs; where nothing did yet, what would."""
    records = measured_knobs(recipe)
    if records:
        return records[0].get("grade", READER)
    return READER if has_reader(recipe.model) else STATISTICS


def _factors(model: str, grade: str) -> Sequence[Factor]:
    return load_world(zoo.card(model).world).FACTORS if grade == READER else statistics.FACTORS


def setup_of(recipe: Recipe) -> dict:
    """What the controls need to know of a set of knobs: names, ends, strengths, verdicts, reach, layers."""
    directions, _ = recipes.directions_of(recipe, uploaded(recipe))
    measured = measured_knobs(recipe)
    strengths = (100 * directions.scores / directions.scores.max().clamp(min=1e-12)).round().int().tolist()
    ranked = ORDERS[recipe.method] == "strongest first"
    knobs = [
        dict(_named(measured[i] if measured else None, i, recipe.model), strength=strengths[i] if ranked else 0)
        for i in range(len(directions))
    ]
    return dict(
        key="/".join(map(str, _set_key(recipe))),
        knobs=knobs,
        reach=zoo.card(recipe.model).reach,
        layers=list(recipes.layer_groups(recipe.model)),
        truncation=zoo.load(recipe.model).has_truncation,
        label_name=recipe.label_name,
        measurable=not measured,
        grade=GRADES[grade_of(recipe)],
        order=ORDERS[recipe.method],
    )


def _named(record: dict | None, knob: int, model: str) -> dict:
    """What a control shows of a knob: what it moves, the words at its ends, its verdict; no claim without a record."""
    if record is None:
        unknown = f"What knob {knob + 1} moves has not been measured: press “{MEASURE}”."
        return dict(title="", also="", low="−", high="+", verdict=unknown)
    grade = record.get("grade", READER)
    if record["strongest"] is None:
        return dict(
            title="many things a little", also="", low="one way", high="the other way", verdict=record["verdict"]
        )
    factors, mean = _factors(model, grade), record["mean"]
    first, second = sorted(range(len(mean)), key=lambda i: -abs(mean[i]))[:2]
    low, high = (factors[first].low, factors[first].high)[:: 1 if mean[first] > 0 else -1]
    also = f"also: {factors[second].description}" if abs(mean[second]) >= BESIDE * abs(mean[first]) else ""
    return dict(title=factors[first].description, also=also, low=low, high=high, verdict=record["verdict"])


def measure(recipe: Recipe) -> Iterator[str]:
    """Measures a set of knobs on 64 pictures, with the reader or, where there is none, with exact picture statistics.

    Yields how far it is. Afterwards `measured_knobs` has it.
    """
    records = yield from (_with_reader if has_reader(recipe.model) else _with_statistics)(recipe)
    if len(_measured) >= MOST_SETS:
        _measured.pop(next(iter(_measured)))
    _measured[_set_key(recipe)] = records


def _with_reader(recipe: Recipe) -> Generator[str, None, list[dict]]:
    card = zoo.card(recipe.model)
    generator, reader, world = zoo.load(recipe.model), zoo.load_reader(card.world), load_world(card.world)
    directions, steps = recipes.directions_of(recipe, uploaded(recipe))
    spread = deviations(card.world, card.spread)
    codes = codes_in_turn(generator, FACES, FIRST_FACE, psi=card.psi)
    chance = random_directions(generator, directions.slots, k=RANDOM_DRAWS, seed=7)
    strongest = []
    for change in scores.knob_changes_of(generator, reader, codes, chance, spread_along(generator, chance), spread):
        strongest.append(change.mean(0).abs().amax())
        yield f"Turning random knobs on {FACES} {card.things}: {len(strongest)} of {RANDOM_DRAWS}."
    baseline, records = float(torch.stack(strongest).median()), []
    for change in scores.knob_changes_of(generator, reader, codes, directions, steps, spread):
        records.append(_record(change, verdict(change, world.FACTORS, baseline=baseline, things=card.things), READER))
        yield f"Turning knob {len(records)} of {len(directions)} on {FACES} {card.things}."
    return records


def _with_statistics(recipe: Recipe) -> Generator[str, None, list[dict]]:
    directions, steps = recipes.directions_of(recipe, uploaded(recipe))
    what = f"{len(directions)} knobs and {statistics.RANDOM} random ones"
    generator, psi = zoo.load(recipe.model), zoo.card(recipe.model).psi
    for step in statistics.measure(
        generator, directions, steps, psi=psi, seeds=FACES, first_seed=FIRST_FACE, seconds=BUDGET
    ):
        yield f"Turning {what} on {step.total} pictures: {step.done} of {step.total}."
    found = step.result
    return [
        _record(
            change,
            statistics_verdict(change, percentile, statistics.FACTORS, random=found.random),
            STATISTICS,
            percentile.tolist(),
        )
        for change, percentile in zip(found.changes, found.percentile)
    ]


def _record(change: Tensor, said: Verdict, grade: str, percentile: Sequence[float] = ()) -> dict:
    mean, low, high = scores.interval(change)
    return dict(
        strongest=said.strongest,
        verdict=said.text,
        purity=said.purity,
        mean=mean.tolist(),
        low=low.tolist(),
        high=high.tolist(),
        same_sign=scores.same_sign(change).tolist(),
        percentile=list(percentile),
        grade=grade,
        pictures=len(change),
    )


# --- find a knob for a wish


def wishes(model: str) -> list[tuple[str, str]]:
    """(in words, by name) all that the model's world can vary; without a world, the statistics."""
    grade = READER if zoo.card(model).world else STATISTICS
    return [(factor.description, factor.name) for factor in _factors(model, grade)]


def find(recipe: Recipe, wish: str) -> tuple[Recipe, str]:
    """The recipe with the knob that moves the wish most at +1.5 in its sense, and a sentence with numbers and grade.

    Where no knob does on average over both directions: the knob and end that change it most on this picture, if any.
    Raises RecipeError where nothing was measured yet, or the wish is not among what was measured.
    """
    records, grade = measured_knobs(recipe), grade_of(recipe)
    factors = _factors(recipe.model, grade)
    places = {factor.name: i for i, factor in enumerate(factors)}
    if wish not in (places if records else dict(wishes(recipe.model)).values()):
        raise RecipeError(f"there is no wish {str(wish)[:40]!r} here: choose one of the list")
    if not records:
        others = ", or choose all layers" if evidence(recipe.model) else ""
        raise RecipeError(
            "these knobs have not been measured yet, so nobody knows what they move: "
            f"press “{MEASURE}” under the picture{others}"
        )
    at = places[wish]
    best = max(range(len(records)), key=lambda i: abs(records[i]["mean"][at]))
    record, mean = records[best], records[best]["mean"]
    turned = recipes.turned(replace(recipe, amounts=(), knob=best), best, 1.5 if mean[at] >= 0 else -1.5)
    if record["low"][at] * record["high"][at] > 0 and abs(mean[at]) >= CLEAR:
        return turned, f"{_mean_said(record, best, at, factors)} {GRADES[grade]}"
    said = _nearest_said(records, best, at, factors)
    if has_reader(recipe.model):
        turned, more = _at_an_end(recipe, turned, at, factors[at].description)
        said = f"{said} {more}"
    return turned, f"{said} {GRADES[grade]}"


def _mean_said(record: dict, knob: int, at: int, factors: Sequence[Factor]) -> str:
    mean = record["mean"]
    strongest = max(range(len(mean)), key=lambda i: abs(mean[i]))
    also = (
        "it is also what this knob moves most"
        if strongest == at
        else f"but it moves {factors[strongest].description} more: {abs(mean[strongest]):.1f}"
    )
    return (
        f"{_on_average(record)} knob {knob + 1} moves {factors[at].description} most: "
        f"{abs(mean[at]):.1f} standard deviations a step; {also}."
    )


def _on_average(record: dict) -> str:
    """What was averaged: the reader looks at a step to both sides, statistics are slopes."""
    way = "over both directions" if record["grade"] == READER else "by the slope at each"
    return f"On average over {record['pictures']} pictures, {way},"


def _nearest_said(records: Sequence[dict], knob: int, at: int, factors: Sequence[Factor]) -> str:
    """That no knob is clear on average, and which comes nearest;
    a number that would round up to clear gets another digit.
    """
    mean, wanted = abs(records[knob]["mean"][at]), factors[at].description
    size = f"{int(1000 * mean) / 1000:.3f}" if mean < CLEAR <= round(mean, 2) else f"{mean:.2f}"
    why = f"; {CLEAR:g} would count" if mean < CLEAR else ", which may be chance"
    return (
        f"{_on_average(records[knob])} no knob of these {len(records)} clearly moves {wanted}: "
        f"knob {knob + 1} comes nearest, with {size} standard deviations a step{why}."
    )


@torch.no_grad()
def _at_an_end(recipe: Recipe, nearest: Recipe, at: int, wanted: str) -> tuple[Recipe, str]:
    """The knob and end that change a factor most on this picture, and that in words;
    `nearest` where none changes it visibly.

    A mean over both directions does not see what appears at one end only, as glasses do.
    """
    plain, files, ends = replace(recipe, amounts=()), uploaded(recipe), (-END, END)
    count = len(recipes.directions_of(recipe, files)[0])
    strips = [recipes.render_strip(plain, knob, ends, files, quick=True) for knob in range(count)]
    changed = _read_changes(recipe.model, torch.cat([recipes.render(plain, quick=True), *strips]))[:, at]
    best = int(changed.abs().argmax())
    (knob, end), size = divmod(best, 2), float(changed[best])
    if abs(size) < AT_END:
        return nearest, (
            f"Nor does one at {words.signed(-END)} or {words.signed(END)} steps on this picture: "
            f"by {abs(size):.1f} at most (knob {knob + 1})."
        )
    chosen = replace(plain, knob=knob)
    pairs = recipes.render_faces(chosen, OTHERS, (0.0, ends[end]), files, quick=True)
    others = torch.stack([_read_changes(recipe.model, pair)[0, at] for pair in pairs])
    alike = int((others * (1 if size > 0 else -1) >= AT_END).sum())
    said = (
        f"At one end it is otherwise: on this picture knob {knob + 1} at {words.signed(ends[end])} steps changes "
        f"{wanted} by {abs(size):.1f} standard deviations, and by {AT_END:g} or more on {alike} of {len(OTHERS)} "
        f"other {zoo.card(recipe.model).things}."
    )
    return recipes.turned(chosen, knob, ends[end]), said


def _read_changes(model: str, images: Tensor) -> Tensor:
    """Images [1 + n, 3, R, R] -> [n, factors]: readings less that of the first, in standard deviations."""
    card = zoo.card(model)
    found = zoo.load_reader(card.world)(images.clamp(-1, 1))
    return ((found[1:] - found[:1]) / deviations(card.world, card.spread)).cpu()


# --- what moved, read by the factor reader


@torch.no_grad()
def read_change(model: str, before: Tensor, after: Tensor) -> Tensor | None:
    """Factor changes between images [n, 3, R, R], [n, factors] in standard deviations; None without a reader."""
    if not has_reader(model):
        return None
    card = zoo.card(model)
    reader = zoo.load_reader(card.world)
    return (reader(after) - reader(before)).cpu() / deviations(card.world, card.spread)


def top_moved(model: str, changed: Tensor | None, *, least: float = MOVED) -> list[dict]:
    """The TOP factors of a change [factors] by at least `least`:
    description, sense in words, amount; none without a reader.
    """
    if changed is None:
        return []
    factors = load_world(zoo.card(model).world).FACTORS
    order = changed.abs().argsort(descending=True)[:TOP].tolist()
    return [
        dict(
            name=factors[i].description,
            sense=factors[i].high if changed[i] > 0 else factors[i].low,
            amount=round(float(changed[i]), 2),
        )
        for i in order
        if abs(changed[i]) >= least
    ]


# --- how true is this?


def truth_html(recipe: Recipe) -> str:
    """The tables of the fold "How true is this?" for the chosen knob."""
    records, grade = measured_knobs(recipe), grade_of(recipe)
    if records:
        table_of = _factor_table if grade == READER else _statistics_table
        first = table_of(recipe, records[min(recipe.knob, len(records) - 1)])
    else:
        first = _not_measured(grade)
    return f"<p>{GRADES[grade]}</p>" + first + _found_table(recipe) + _truncation_table(recipe)


def _not_measured(grade: str) -> str:
    how = (
        f"turns every knob on {FACES} pictures and reads each picture before and after"
        if grade == READER
        else f"follows every knob and {statistics.RANDOM} random directions from up to {FACES} pictures"
    )
    return f"<p>These knobs have not been measured yet. Measuring {how}.</p>"


def _factor_table(recipe: Recipe, record: dict) -> str:
    factors = _factors(recipe.model, READER)
    chance = ((evidence(recipe.model) or {}).get("sets", {}).get(f"random/{recipe.layers}") or {}).get("knobs", [])
    beside = [
        sum(abs(knob["mean"][i]) for knob in chance) / len(chance) if chance else None for i in range(len(factors))
    ]
    rows = [
        Bar(factors[i].description, record["mean"][i], record["low"][i], record["high"][i], beside[i])
        for i in _strongest_first(record)
    ]
    caption = (
        f"Knob {recipe.knob + 1}: mean change a step, {FACES} {zoo.card(recipe.model).things}, "
        "in standard deviations over the training pictures"
    )
    shown = bars(
        rows, caption=caption, value="change [95 %]", beside=f"{len(chance)} random knobs, mean size" if chance else ""
    )
    note = (
        (
            "<p>Beside each factor stands by how much random knobs change that same factor. The number of a random "
            "knob in the verdict is that of its strongest factor, whichever that is, and so larger.</p>"
        )
        if chance
        else ""
    )
    return _purity(recipe, record, "factor") + shown + note


def _statistics_table(recipe: Recipe, record: dict) -> str:
    rows = []
    for i in _strongest_first(record):
        mean, low, high = (words.signed(record[name][i], 2) for name in ("mean", "low", "high"))
        rarity = int(100 * record["percentile"][i] + 1e-9)  # rounded down: 99.5 % is not yet all of them
        rows.append(
            (
                statistics.FACTORS[i].description,
                f"{mean} [{low}, {high}]",
                f"{100 * record['same_sign'][i]:.0f} %",
                f"{rarity} %",
            )
        )
    head = ("statistic", "change [95 %]", words.label("same_sign"), words.label("percentile"))
    caption = (
        f"Knob {recipe.knob + 1}: change a step (the slope at each picture, times one step; a longer turn may "
        f"do otherwise), {record['pictures']} pictures, in standard deviations over the same pictures"
    )
    return _purity(recipe, record, "statistic") + table(head, rows, caption=caption)


def _strongest_first(record: dict) -> list[int]:
    return sorted(range(len(record["mean"])), key=lambda i: -abs(record["mean"][i]))


def _purity(recipe: Recipe, record: dict, what: str) -> str:
    return (
        f"<p>{words.marked('purity')} of knob {recipe.knob + 1}: <b>{100 * record['purity']:.0f} %</b> of all "
        f"that it moves is its strongest {what}.</p>"
    )


def _found_table(recipe: Recipe) -> str:
    known = evidence(recipe.model) or {}
    if not known.get("found"):
        return ""
    found, fitted = known["found"], len(known["factors"])
    names = dict(
        sefa="SeFa: ten knobs, as the paper says",
        official="SeFa: ten knobs, as published",
        ganspace="GANSpace: ten knobs",
        random="ten random knobs (median)",
        supervised=f"{words.plain('supervised')}: {fitted} directions, one a factor",
    )
    rows = [(shown, found["correlation"][key], found["causal"][key]) for key, shown in names.items()]
    return table(
        ("knobs", words.label("correlation"), words.label("causal")),
        rows,
        caption=f"How many of {found['of']} readable factors some knob finds (all layers)",
    )


def found_sentence(model: str) -> str:
    """How many factors ten knobs find, beside chance and labels; "" where it was not measured."""
    found = (evidence(model) or {}).get("found")
    if not found:
        return ""
    watched, turned = found["correlation"], found["causal"]
    return (
        f"{found['of']} things vary in this world and can be read. By experiment: turning SeFa’s ten knobs "
        f"clearly changes {turned['sefa']} of them, turning ten random knobs {turned['random']}, turning the "
        f"directions that labels would give {turned['supervised']}. By watching: a picture’s place along a "
        f"knob goes with {watched['sefa']} of them for SeFa, {watched['random']} for random knobs and "
        f"{watched['supervised']} for labels."
    )


def _truncation_table(recipe: Recipe) -> str:
    known = evidence(recipe.model)
    if not known or "truncation" not in known:
        return ""
    ratios = known["truncation"]["0.5"]
    order = sorted(range(len(ratios)), key=lambda i: ratios[i])
    rows = [Bar(known["factors"][i]["description"], ratios[i], says=f"{ratios[i]:.2f}") for i in order]
    caption = "Spread of each factor at truncation 0.5 over that at 1"
    return "<h4>What truncation hides</h4>" + bars(rows, caption=caption, value="ratio", full=1.0)


def _hidden(world: ModuleType, recipe: Recipe) -> set[str]:
    """Factors that the class drawn does not show."""
    return {
        name for name, classes in getattr(world, "SHOWN_IN", {}).items() if world.CLASSES[recipe.label] not in classes
    }


def read_html(recipe: Recipe) -> str:
    """Read the picture, render what was read, show both: where they differ, the reader (or the network) is wrong."""
    card = zoo.card(recipe.model)
    if not has_reader(recipe.model):
        raise RecipeError(
            "this network has no reader, so nothing independent can look at its pictures: choose a bundled network"
        )
    world, reader = load_world(card.world), zoo.load_reader(card.world)
    image = recipes.render(recipe, uploaded(recipe)).clamp(-1, 1)
    with torch.no_grad():
        factors = reader(image).clamp(0, 1).cpu()
    asked = [] if recipe.label_or_none is None else [torch.tensor([recipe.label])]
    drawn = world.render(factors, *asked, resolution=card.resolution).images
    pictures = [data_uri(webp(picture)) for picture in to_pil(torch.cat([image.cpu(), drawn]))]
    difference = float((image.cpu() - drawn).square().mean().sqrt() * 127.5)
    hidden = _hidden(world, recipe)
    far = [i for i in (factors[0] - 0.5).abs().argsort(descending=True).tolist() if world.NAMES[i] not in hidden][:8]
    said = "; ".join(world.FACTORS[i].high if factors[0, i] > 0.5 else world.FACTORS[i].low for i in far)
    subject = recipe.label_name or "face"
    names = ("the network’s picture", "what the reader says of it, drawn")
    alts = (recipes.alt_text(recipe), "what the reader read, drawn by the program that drew the training pictures")
    figures = "".join(
        f'<figure><img src="{uri}" alt="{escape(alt)}"><figcaption>{name}</figcaption></figure>'
        for uri, alt, name in zip(pictures, alts, names)
    )
    return (
        f'<div class="pair">{figures}</div><p>The reader says that the {escape(subject)} {escape(said)}. '
        f"The two pictures differ by {difference:.0f} of 255 levels (root mean square).</p>"
    )
