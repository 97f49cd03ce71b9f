"""Steer: the knobs that a network's own weights give away, what each is measured to do, and how true that is.

Handlers are pure functions: a recipe in, pictures and sentences out. The page holds recipes, never tensors.
"""
from __future__ import annotations

import inspect
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import gradio as gr
import torch

from core import zoo
from core.factorization.baseline import random_directions, spread_along
from core.factorization.files import LARGEST, SUFFIXES
from core.factorization.sefa import sefa
from core.images import animation, enlarge, png, strip as side_by_side, to_pil, webp
from core.truth import scores
from core.truth.verdict import verdict
from core.truth.worlds import load_world

from . import recipe as recipes
from . import words
from .notebook import (LIVE, LONG, PRIVATE, Bar, Demo, bars, cell, data_uri, deliver, expert, fold, limits, named_file,
                       outlet, part, recorded, sentence, table, text, tiles)
from .recipe import Recipe, RecipeError

TAB = "steer"
FRAMES, SIZE_OF_STEP = 21, 2.0          # of a strip; of the sheets of pictures, in standard deviations
FACES, FIRST_FACE = 8, 100
MEASURED_FACES, MEASURED_FROM, RANDOM_DRAWS = 64, 1_020_000, 5
METHODS = ("sefa/paper", "sefa/official", "ganspace", "random", "file")
EVENTS = ("strip", "grid", "faces", "truth", "measure")
ENLARGED = 4                            # times, in what is taken away
MOST_UPLOADS = 32


# --- recipe in, picture out


def answer(given: Mapping) -> dict:
    """All that the page shows of one recipe: pictures as data URIs, words, link. Bad input: only `error`, a sentence."""
    try:
        recipe = recipes.from_json(given)
        return _answer(recipe)
    except RecipeError as error:
        said = str(error)
        return dict(error=said[:1].upper() + said[1:], asked=given)


def _answer(recipe: Recipe) -> dict:
    files, setup = uploaded(recipe), setup_of(recipe)
    titles = [knob["title"] for knob in setup["knobs"]]
    untouched = replace(recipe, amounts=(), method="sefa")
    return dict(recipe=recipes.as_dict(recipe), src=data_uri(recipes.picture_bytes(recipe, files)),
                before=data_uri(recipes.picture_bytes(untouched)), alt=recipes.alt_text(recipe, titles),
                caption=recipes.alt_text(recipe), query=urlencode(recipes.to_query(recipe), safe=","),
                note=recipes.link_note(recipe), setup=setup)


def strip(recipe: Recipe) -> dict:
    """21 frames of the chosen knob from one end to the other, side by side in one lossless picture."""
    pictures = to_pil(recipes.render_strip(recipe, recipe.knob, amounts_of(recipe, FRAMES), uploaded(recipe)))
    return dict(src=data_uri(webp(side_by_side(pictures))), frames=len(pictures))


def amounts_of(recipe: Recipe, count: int) -> list[float]:
    """`count` amounts evenly over the card's reach."""
    reach = zoo.card(recipe.model).reach
    return [round(reach * (2 * i / (count - 1) - 1), 6) for i in range(count)]


def grid(recipe: Recipe) -> dict:
    """Every knob on three faces at -2 and +2: rows of six pictures, minus before plus."""
    files = uploaded(recipe)
    plain, rows = replace(recipe, amounts=()), []
    seeds = [recipe.seed, *(seed for seed in (1, 2, 3) if seed != recipe.seed)][:3]
    for knob in range(len(recipes.directions_of(recipe, files)[0])):
        shown = recipes.render_faces(replace(plain, knob=knob), seeds, (-SIZE_OF_STEP, SIZE_OF_STEP), files)
        rows.append([data_uri(webp(picture)) for picture in to_pil(shown.flatten(0, 1))])
    return dict(rows=rows)


def faces(recipe: Recipe, first: int = 0) -> dict:
    """Eight other faces with the chosen knob at -2, 0 and +2."""
    seeds = range(FIRST_FACE + first, FIRST_FACE + first + FACES)
    amounts = (-SIZE_OF_STEP, 0.0, SIZE_OF_STEP)
    shown = recipes.render_faces(replace(recipe, amounts=()), seeds, amounts, uploaded(recipe))
    pictures = [data_uri(webp(picture)) for picture in to_pil(shown.flatten(0, 1))]
    name = f"knob {recipe.knob + 1} at \u22122, 0 and +2 on picture numbers {seeds[0]} to {seeds[-1]}"
    return dict(rows=[pictures[i:i + 3] for i in range(0, len(pictures), 3)], first=first, alt=name,
                caption=f"{name[:1].upper()}{name[1:]}, truncation {recipe.psi:g}.")


# --- what a knob is called, and what was measured of it


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


_measured: dict[tuple, list[dict]] = {}         # by set of knobs: what was measured while the page runs


def _set_key(recipe: Recipe) -> tuple:
    mode = recipe.mode if recipe.method == "sefa" else ""
    return zoo.weights_hash(recipe.model), recipe.method, mode, recipe.layers, recipe.directions


def measured_knobs(recipe: Recipe) -> list[dict] | None:
    """One record a knob (title, verdict, mean, low, high, purity ...), from the evidence or measured here."""
    method = f"sefa-{recipe.mode}" if recipe.method == "sefa" else recipe.method
    found = (evidence(recipe.model) or {}).get("sets", {}).get(f"{method}/{recipe.layers}")
    return found["knobs"] if found else _measured.get(_set_key(recipe))


def has_reader(model: str) -> bool:
    world = zoo.card(model).world
    return bool(world) and (zoo.WEIGHTS / f"{world}-reader.safetensors").exists()


def setup_of(recipe: Recipe) -> dict:
    """What the controls need to know of a set of knobs: names, ends, strengths, verdicts, reach, layers."""
    directions, _ = recipes.directions_of(recipe, uploaded(recipe))
    measured, reader = measured_knobs(recipe), has_reader(recipe.model)
    strengths = (100 * directions.scores / directions.scores.max().clamp(min=1e-12)).round().int().tolist()
    ranked = recipe.method in ("sefa", "ganspace")
    knobs = [dict(_named(measured[i] if measured else None, i, reader), strength=strengths[i] if ranked else 0) for i in range(len(directions))]
    return dict(key="/".join(map(str, _set_key(recipe))), knobs=knobs, reach=zoo.card(recipe.model).reach,
                layers=list(recipes.layer_groups(recipe.model)), truncation=zoo.load(recipe.model).has_truncation,
                measurable=reader and not measured)


def _named(record: dict | None, knob: int, reader: bool) -> dict:
    if record is None:
        missing = "press Measure." if reader else "this network has no reader to say it."
        return dict(title=f"knob {knob + 1}", low="\u2212", high="+", verdict=f"What knob {knob + 1} moves has not been measured: {missing}")
    title = record["title"].split(" (and")[0]
    low, _, high = title.partition(" / ")
    return dict(title=record["title"], low=low if high else "one way", high=high or "the other way", verdict=record["verdict"])


def measure(recipe: Recipe) -> Iterator[str]:
    """Measures a set of knobs on 64 faces with the reader; yields how far it is. Afterwards `measured_knobs` has it."""
    generator, reader = zoo.load(recipe.model), zoo.load_reader(zoo.card(recipe.model).world)
    world = load_world(zoo.card(recipe.model).world)
    directions, steps = recipes.directions_of(recipe, uploaded(recipe))
    yield "Reading 512 pictures, to know how far each factor varies."
    spread = scores.read_seeds(generator, reader, 512, MEASURED_FROM)[1].std(0)
    codes = generator.codes(generator.sample(MEASURED_FACES, MEASURED_FROM + 512), psi=recipe.psi)
    chance = random_directions(generator, directions.slots, k=RANDOM_DRAWS, seed=7)
    strongest = []
    for change in scores.knob_changes_of(generator, reader, codes, chance, spread_along(generator, chance), spread):
        strongest.append(change.mean(0).abs().amax())
        yield f"Turning random knobs on {MEASURED_FACES} faces: {len(strongest)} of {RANDOM_DRAWS}."
    baseline, records = float(torch.stack(strongest).median()), []
    for change in scores.knob_changes_of(generator, reader, codes, directions, steps, spread):
        records.append(_record(change, world, spread, baseline))
        yield f"Turning knob {len(records)} of {len(directions)} on {MEASURED_FACES} faces."
    if len(_measured) >= 64:
        _measured.pop(next(iter(_measured)))
    _measured[_set_key(recipe)] = records


def _record(change: torch.Tensor, world, spread: torch.Tensor, baseline: float) -> dict:
    said, (mean, low, high) = verdict(change, world.FACTORS, spread, baseline=baseline), scores.interval(change)
    return dict(title=said.title, verdict=said.text, purity=said.purity, mean=mean.tolist(), low=low.tolist(), high=high.tolist(),
                same_sign=scores.same_sign(change).tolist())


# --- find a knob for a wish


def wishes(model: str) -> list[tuple[str, str]]:
    """(what it is in words, the factor's name) of everything that the model's world can vary."""
    world = zoo.card(model).world
    return [(factor.description, factor.name) for factor in load_world(world).FACTORS] if world else []


def find(recipe: Recipe, wish: str) -> tuple[Recipe, str]:
    """The recipe with the knob that moves the wish most at +1.5 in its sense, and a sentence with numbers.

    Raises RecipeError where nothing was measured yet, or the wish is not of this world.
    """
    factors = load_world(zoo.card(recipe.model).world).FACTORS if zoo.card(recipe.model).world else ()
    places = {factor.name: i for i, factor in enumerate(factors)}
    if wish not in places:
        raise RecipeError(f"there is no wish {str(wish)[:40]!r} here: choose one of the list")
    records = measured_knobs(recipe)
    if not records:
        raise RecipeError("these knobs have not been measured yet, so nobody knows what they move: "
                          "press Measure under the picture, or choose all layers")
    at = places[wish]
    by_effect = sorted(range(len(records)), key=lambda i: -abs(records[i]["mean"][at]))
    best = by_effect[0]
    moved = records[best]["mean"][at]
    turned = recipes.turned(replace(recipe, amounts=(), knob=best), best, 1.5 if moved >= 0 else -1.5)
    strongest = max(range(len(factors)), key=lambda i: abs(records[best]["mean"][i]))
    also = "it is also what this knob moves most" if strongest == at else \
        f"but it moves {factors[strongest].description} more: {abs(records[best]['mean'][strongest]):.1f}"
    clear = records[best]["low"][at] * records[best]["high"][at] > 0 and abs(moved) >= 0.3
    start = f"Knob {best + 1} moves {factors[at].description} most: {abs(moved):.1f} standard deviations a step; {also}."
    return turned, start if clear else f"No knob of these ten clearly moves {factors[at].description}. {start}"


# --- how true is this?


def truth_html(recipe: Recipe) -> str:
    """The tables of the fold "How true is this?" for the chosen knob."""
    return "".join(block for block in (_factor_table(recipe), _found_table(recipe), _truncation_table(recipe)) if block)


def _factor_table(recipe: Recipe) -> str:
    records, world = measured_knobs(recipe), zoo.card(recipe.model).world
    if not records or not world:
        return "<p>These knobs have not been measured yet. Measuring turns every knob on 64 faces and reads each picture before and after.</p>"
    factors, record = load_world(world).FACTORS, records[min(recipe.knob, len(records) - 1)]
    chance = ((evidence(recipe.model) or {}).get("sets", {}).get(f"random/{recipe.layers}") or {}).get("knobs", [])
    beside = [sum(abs(knob["mean"][i]) for knob in chance) / len(chance) if chance else None for i in range(len(factors))]
    order = sorted(range(len(factors)), key=lambda i: -abs(record["mean"][i]))
    rows = [Bar(factors[i].description, record["mean"][i], record["low"][i], record["high"][i], beside[i]) for i in order]
    caption = f"Knob {recipe.knob + 1}: change a step, {MEASURED_FACES} faces, in standard deviations of each factor"
    share = f'<p>{words.marked("purity")} of this knob: <b>{record["purity"]:.0%}</b> of all that it moves is its strongest factor.</p>'
    return share + bars(rows, caption=caption, value="change [95 %]", beside="random" if chance else "")


def _found_table(recipe: Recipe) -> str:
    found = (evidence(recipe.model) or {}).get("found")
    if not found:
        return ""
    of = found.get("of", "all")
    names = [("sefa", "SeFa, as the paper says"), ("official", "SeFa, as published"), ("ganspace", "GANSpace"),
             ("random", "random knobs (median)"), ("supervised", words.plain("supervised"))]
    rows = [(shown, *(found[form].get(key, "") for form in ("correlation", "causal"))) for key, shown in names if key in found["correlation"]]
    return table(("ten knobs from", words.label("correlation"), words.label("causal")), rows,
                 caption=f"How many of {of} readable factors some knob finds (all layers)")


def _truncation_table(recipe: Recipe) -> str:
    known = evidence(recipe.model)
    if not known or "truncation" not in known:
        return ""
    ratios = known["truncation"]["0.5"]
    order = sorted(range(len(ratios)), key=lambda i: ratios[i])
    described = [factor.get("description", factor["name"]) for factor in known["factors"]]
    rows = [Bar(described[i], ratios[i], says=f"{ratios[i]:.2f}") for i in order]
    return "<h4>What truncation hides</h4>" + bars(rows, caption="Spread of each factor at truncation 0.5 over that at 1", value="ratio", full=1.0)


def read_html(recipe: Recipe) -> str:
    """Read the picture, render what was read, show both: where they differ, the reader (or the network) is wrong."""
    card = zoo.card(recipe.model)
    if not has_reader(recipe.model):
        raise RecipeError("this network has no reader, so nothing independent can look at its pictures: choose a bundled network")
    world, reader = load_world(card.world), zoo.load_reader(card.world)
    image = recipes.render(recipe, uploaded(recipe)).clamp(-1, 1)
    with torch.no_grad():
        factors = reader(image).clamp(0, 1)
    drawn = world.render(factors, resolution=card.resolution).images
    uris = [data_uri(webp(picture)) for picture in (*to_pil(image), *to_pil(drawn))]
    difference = float((image - drawn).square().mean().sqrt() * 127.5)
    far = (factors[0] - 0.5).abs().argsort(descending=True)[:8].tolist()
    said = "; ".join(world.FACTORS[i].high if factors[0, i] > 0.5 else world.FACTORS[i].low for i in far)
    return (f'<div class="pair"><figure><img src="{uris[0]}" alt="{escape(recipes.alt_text(recipe))}"><figcaption>the network\'s picture</figcaption></figure>'
            f'<figure><img src="{uris[1]}" alt="what the reader says of it, drawn by the program that drew the training pictures">'
            f"<figcaption>what the reader says of it, drawn</figcaption></figure></div>"
            f"<p>The reader says that the face {escape(said)}. The two pictures differ by {difference:.0f} of 255 levels (root mean square).</p>")


# --- files that visitors bring and take


def _uploads() -> Path:
    return Path(tempfile.gettempdir()) / "ganatomy-directions"


def uploaded(recipe: Recipe) -> dict[str, Path]:
    """Where the recipe's own file of directions lies, by its sha256; empty where it needs none or it is gone."""
    folder = _uploads() / recipe.directions
    found = sorted(folder.iterdir()) if recipe.method == "file" and folder.is_dir() else []
    return {recipe.directions: found[0]} if found else {}


def take_directions(path: str, given: Mapping) -> Recipe:
    """A visitor's file as the knobs of the current picture. Raises RecipeError; nothing changes then."""
    recipe, source = recipes.from_json(given), Path(path)
    if source.suffix not in SUFFIXES:
        raise RecipeError(f"directions come as {', '.join(SUFFIXES)}, not as {source.suffix or 'a file without an ending'}: save them as one of these")
    if source.stat().st_size > LARGEST:
        raise RecipeError(f"this file has {source.stat().st_size / 2 ** 20:.0f} MB; a file of directions may have {LARGEST // 2 ** 20}: save fewer of them")
    identity = recipes.file_identity(source)
    folder = _uploads() / identity
    if not folder.exists():
        for old in sorted(_uploads().glob("*"), key=lambda kept: kept.stat().st_mtime)[:-MOST_UPLOADS + 1]:
            shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / source.name)
    chosen = replace(recipe, method="file", directions=identity, amounts=(), knob=0)
    try:
        recipes.directions_of(chosen, uploaded(chosen))
    except RecipeError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return chosen

