"""What was measured of a set of knobs, in words and tables: no claim without its number, baseline and sample count.

Tables come from weights/evidence/<card>.json, and only where that was measured with exactly these weights; anything
else can be measured while the page runs, with the same functions. A model without a reader is measured with exact
picture statistics; every claim says which grade of evidence it rests on.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

import torch
from torch import Tensor

from core import zoo
from core.codes import Directions, codes_in_turn
from core.factorization.baseline import random_directions, spread_along
from core.truth import scores, statistics
from core.truth.judge import GRADES, READER, STATISTICS, Judge
from core.truth.verdict import BESIDE, Verdict, statistics_verdict, verdict, verdict_of
from core.truth.worlds import load_world
from core.truth.worlds.base import Factor
from core.zoo import has_reader

from . import picture as recipes
from .blocks import Bar, bars, paragraph, table
from .cache import Cache
from .picture import Recipe
from .uploads import uploaded

FACES, FIRST_FACE, RANDOM_DRAWS = 64, 1_020_000, 5  # what is measured while the page runs
MOST_SETS = 64  # of knobs, kept as measured
TOP, MOVED = 3, 0.2  # factors named, and standard deviations that count as having moved
BUDGET = 120  # seconds for the statistics of a slow model
MEASURE = "Measure these knobs"  # the button, which is there wherever nothing is measured
ORDERS = dict(sefa="strongest first", ganspace="strongest first", random="in no order", file="in the order of the file")


@lru_cache(maxsize=32)
def _evidence(stem: str, weights: str) -> dict | None:
    try:
        found = json.loads((zoo.WEIGHTS / "evidence" / f"{stem}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fits = isinstance(found, dict) and found.get("weights", found.get("weights_sha256")) == weights
    return found if fits else None


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
    return _hash(zoo.WEIGHTS / f"{zoo.card(model).world}-reader.safetensors") if has_reader(model) else ""


def _hash(path: Path) -> str:
    return recipes.file_identity(path) if path.exists() else ""


def files(stem: str) -> dict[str, str]:
    """sha256 of an evidence file; "" where there is none."""
    return {stem: _hash(zoo.WEIGHTS / "evidence" / f"{stem}.json")}


def recorded(model: str, kind: str = "") -> dict | None:
    """The file weights/evidence/<model>-<kind>.json; None where there is none for exactly these weights."""
    return _evidence(f"{model}-{kind}" if kind else model, zoo.weights_hash(model))


def written(model: str, kind: str = "") -> str:
    """The sentences and tables that a measuring command wrote of a model, as HTML; "" where there are none for exactly
    these weights.

    A table has `columns`, `rows` and a `caption`; it may have a `title`, a `note` below it, and `bars`, a number a row
    that is drawn beside the second column, to the scale of `full`.
    """
    found = recorded(model, kind) or {}
    said = "".join(paragraph(one) for one in found.get("sentences", ()))
    return said + "".join(map(_written_table, found.get("tables", ())))


def measured_on(model: str, kind: str = "") -> str:
    """When and with what command it was measured, as HTML; "" where there is no such record."""
    found = recorded(model, kind) or {}
    if "date" not in found:
        return ""
    return f'<p class="caption">Measured on {escape(found["date"])} with {escape(found["command"])}.</p>'


def _written_table(one: Mapping) -> str:
    head, caption = f"<h4>{escape(one['title'])}</h4>" if one.get("title") else "", one.get("caption", "")
    if one.get("bars"):
        rows = [Bar(name, size, says=said) for (name, said), size in zip(one["rows"], one["bars"], strict=True)]
        body = bars(rows, caption=caption, value=one["columns"][1], full=one.get("full"))
    else:
        body = table(one["columns"], one["rows"], caption=caption)
    return head + body + (paragraph(one["note"]) if one.get("note") else "")


_measured = Cache(MOST_SETS, lambda records: 1)  # by set of knobs: what was measured while the page runs


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
    factors = factors_of(recipe.model, READER)
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


def grade_of(recipe: Recipe) -> str:
    """A key of GRADES: what judged these knobs; where nothing did yet, what would."""
    records = measured_knobs(recipe)
    if records:
        return records[0].get("grade", READER)
    return READER if has_reader(recipe.model) else STATISTICS


def factors_of(model: str, grade: str) -> Sequence[Factor]:
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
    factors, mean = factors_of(model, grade), record["mean"]
    first, second = sorted(range(len(mean)), key=lambda i: -abs(mean[i]))[:2]
    low, high = (factors[first].low, factors[first].high)[:: 1 if mean[first] > 0 else -1]
    also = f"also: {factors[second].description}" if abs(mean[second]) >= BESIDE * abs(mean[first]) else ""
    return dict(title=factors[first].description, also=also, low=low, high=high, verdict=record["verdict"])


def measure(recipe: Recipe) -> Iterator[str]:
    """Measures a set of knobs on 64 pictures, with the reader or, where there is none, with exact picture statistics.

    Yields how far it is. Afterwards `measured_knobs` has it.
    """
    judge = zoo.load_judge(recipe.model)
    records = yield from _with_reader(recipe, judge) if judge.grade == READER else _with_statistics(recipe)
    _measured.put(_set_key(recipe), records)


def _with_reader(recipe: Recipe, judge: Judge) -> Generator[str, None, list[dict]]:
    generator, (directions, steps) = zoo.load(recipe.model), recipes.directions_of(recipe, uploaded(recipe))
    codes = codes_in_turn(generator, FACES, FIRST_FACE, psi=zoo.card(recipe.model).psi)

    def turned(some: Directions, steps: Tensor) -> Iterator[Tensor]:
        return scores.knob_changes_of(generator, judge.read, codes, some, steps, judge.spread.float())

    chance, strongest, records = random_directions(generator, directions.slots, k=RANDOM_DRAWS, seed=7), [], []
    for change in turned(chance, spread_along(generator, chance)):
        strongest.append(change.mean(0).abs().amax())
        yield f"Turning random knobs on {FACES} {judge.things}: {len(strongest)} of {RANDOM_DRAWS}."
    baseline = float(torch.stack(strongest).median())
    for change in turned(directions, steps):
        records.append(_record(change, verdict(change, judge.factors, baseline=baseline, things=judge.things), READER))
        yield f"Turning knob {len(records)} of {len(directions)} on {FACES} {judge.things}."
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


# --- what moved, read by the factor reader


def read_change(model: str, before: Tensor, after: Tensor) -> Tensor | None:
    """Factor changes between images [n, 3, R, R], [n, factors] in standard deviations; None without a reader."""
    return zoo.load_judge(model).change(before, after) if has_reader(model) else None


def top_moved(model: str, changed: Tensor | None, *, least: float = MOVED) -> list[dict]:
    """The TOP factors of a change [factors] by at least `least`:
    description, sense in words, amount; none without a reader.
    """
    if changed is None:
        return []
    found = zoo.load_judge(model).strongest(changed, TOP, least=least)
    return [dict(name=one.factor.description, sense=one.sense, amount=round(one.change, 2)) for one in found]
