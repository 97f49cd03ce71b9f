"""What was measured of a set of knobs, in words and tables: no claim without its number, baseline and sample count.

Tables come from weights/evidence/<card>.json, and only where that was measured with exactly these weights; anything
else can be measured while the page runs, with the same functions.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from html import escape

import torch

from core import zoo
from core.factorization.baseline import random_directions, spread_along
from core.images import to_pil, webp
from core.truth import scores
from core.truth.verdict import BESIDE, verdict
from core.truth.worlds import deviations, load_world

from . import recipe as recipes
from . import words
from .notebook import Bar, bars, data_uri, table
from .recipe import Recipe, RecipeError
from .uploads import uploaded

FACES, FIRST_FACE, RANDOM_DRAWS = 64, 1_020_000, 5                 # what is measured while the page runs
MOST_SETS = 64                                                     # of knobs, kept as measured
CLEAR = 0.3                                                        # standard deviations a step that count as moving it


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
    files = dict(evidence=zoo.WEIGHTS / "evidence" / f"{model}.json", reader=zoo.WEIGHTS / f"{zoo.card(model).world}-reader.safetensors")
    return dict(weights=zoo.weights_hash(model), **{name: recipes.file_identity(path) if path.exists() else ""
                                                    for name, path in files.items()})


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
    measured = measured_knobs(recipe)
    strengths = (100 * directions.scores / directions.scores.max().clamp(min=1e-12)).round().int().tolist()
    ranked = recipe.method in ("sefa", "ganspace")
    knobs = [dict(_named(measured[i] if measured else None, i, recipe.model), strength=strengths[i] if ranked else 0)
             for i in range(len(directions))]
    return dict(key="/".join(map(str, _set_key(recipe))), knobs=knobs, reach=zoo.card(recipe.model).reach,
                layers=list(recipes.layer_groups(recipe.model)), truncation=zoo.load(recipe.model).has_truncation,
                measurable=has_reader(recipe.model) and not measured)


def _named(record: dict | None, knob: int, model: str) -> dict:
    """What a control shows of a knob: what it moves, the words at its ends, its verdict; no claim without a record."""
    if record is None:
        missing = "press Measure." if has_reader(model) else "this network has no reader to say it."
        unknown = f"What knob {knob + 1} moves has not been measured: {missing}"
        return dict(title="", also="", low="\u2212", high="+", verdict=unknown)
    if record["strongest"] is None:
        ends = dict(low="one way", high="the other way")
        return dict(title="many things a little", also="", **ends, verdict=record["verdict"])
    factors, mean = load_world(zoo.card(model).world).FACTORS, record["mean"]
    first, second = sorted(range(len(mean)), key=lambda i: -abs(mean[i]))[:2]
    low, high = (factors[first].low, factors[first].high)[::1 if mean[first] > 0 else -1]
    also = f"also: {factors[second].description}" if abs(mean[second]) >= BESIDE * abs(mean[first]) else ""
    return dict(title=factors[first].description, also=also, low=low, high=high, verdict=record["verdict"])


def measure(recipe: Recipe) -> Iterator[str]:
    """Measures a set of knobs on 64 faces with the reader; yields how far it is. Afterwards `measured_knobs` has it."""
    card = zoo.card(recipe.model)
    generator, reader, world = zoo.load(recipe.model), zoo.load_reader(card.world), load_world(card.world)
    directions, steps = recipes.directions_of(recipe, uploaded(recipe))
    spread = deviations(card.world, card.spread)
    codes = generator.codes(generator.sample(FACES, FIRST_FACE), psi=card.psi)
    chance = random_directions(generator, directions.slots, k=RANDOM_DRAWS, seed=7)
    strongest = []
    for change in scores.knob_changes_of(generator, reader, codes, chance, spread_along(generator, chance), spread):
        strongest.append(change.mean(0).abs().amax())
        yield f"Turning random knobs on {FACES} faces: {len(strongest)} of {RANDOM_DRAWS}."
    baseline, records = float(torch.stack(strongest).median()), []
    for change in scores.knob_changes_of(generator, reader, codes, directions, steps, spread):
        records.append(_record(change, world, baseline))
        yield f"Turning knob {len(records)} of {len(directions)} on {FACES} faces."
    if len(_measured) >= MOST_SETS:
        _measured.pop(next(iter(_measured)))
    _measured[_set_key(recipe)] = records


def _record(change: torch.Tensor, world, baseline: float) -> dict:
    said, (mean, low, high) = verdict(change, world.FACTORS, baseline=baseline), scores.interval(change)
    return dict(strongest=said.strongest, verdict=said.text, purity=said.purity, mean=mean.tolist(), low=low.tolist(),
                high=high.tolist(), same_sign=scores.same_sign(change).tolist())


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
    best = max(range(len(records)), key=lambda i: abs(records[i]["mean"][at]))
    record, mean, wanted = records[best], records[best]["mean"], factors[at].description
    turned = recipes.turned(replace(recipe, amounts=(), knob=best), best, 1.5 if mean[at] >= 0 else -1.5)
    strongest = max(range(len(mean)), key=lambda i: abs(mean[i]))
    also = "it is also what this knob moves most" if strongest == at else \
        f"but it moves {factors[strongest].description} more: {abs(mean[strongest]):.1f}"
    said = f"Knob {best + 1} moves {wanted} most: {abs(mean[at]):.1f} standard deviations a step; {also}."
    clear = record["low"][at] * record["high"][at] > 0 and abs(mean[at]) >= CLEAR
    return turned, said if clear else f"No knob of these ten clearly moves {wanted}. {said}"


# --- how true is this?


def truth_html(recipe: Recipe) -> str:
    """The tables of the fold "How true is this?" for the chosen knob."""
    return "".join(block for block in (_factor_table(recipe), _found_table(recipe), _truncation_table(recipe)) if block)


def _factor_table(recipe: Recipe) -> str:
    records, world = measured_knobs(recipe), zoo.card(recipe.model).world
    if not records or not world:
        return (f"<p>These knobs have not been measured yet. Measuring turns every knob on {FACES} faces "
                "and reads each picture before and after.</p>")
    factors, record = load_world(world).FACTORS, records[min(recipe.knob, len(records) - 1)]
    chance = ((evidence(recipe.model) or {}).get("sets", {}).get(f"random/{recipe.layers}") or {}).get("knobs", [])
    beside = [sum(abs(knob["mean"][i]) for knob in chance) / len(chance) if chance else None
              for i in range(len(factors))]
    order = sorted(range(len(factors)), key=lambda i: -abs(record["mean"][i]))
    rows = [Bar(factors[i].description, record["mean"][i], record["low"][i], record["high"][i], beside[i])
            for i in order]
    caption = f"Knob {recipe.knob + 1}: change a step, {FACES} faces, in standard deviations over the training pictures"
    share = (f"<p>{words.marked('purity')} of knob {recipe.knob + 1}: <b>{record['purity']:.0%}</b> of all that it "
             "moves is its strongest factor.</p>")
    return share + bars(rows, caption=caption, value="change [95 %]", beside="random" if chance else "")


def _found_table(recipe: Recipe) -> str:
    found = (evidence(recipe.model) or {}).get("found")
    if not found:
        return ""
    names = dict(sefa="SeFa, as the paper says", official="SeFa, as published", ganspace="GANSpace",
                 random="random knobs (median)", supervised=words.plain("supervised"))
    rows = [(shown, found["correlation"][key], found["causal"][key]) for key, shown in names.items()]
    return table(("ten knobs from", words.label("correlation"), words.label("causal")), rows,
                 caption=f"How many of {found['of']} readable factors some knob finds (all layers)")


def found_sentence(model: str) -> str:
    """How many factors ten knobs find, beside chance and labels; "" where it was not measured."""
    found = (evidence(model) or {}).get("found")
    if not found:
        return ""
    watched, turned = found["correlation"], found["causal"]
    return (f"Of {found['of']} things that this world can vary and the reader can read, turning these ten knobs clearly "
            f"changes {turned['sefa']}; ten random knobs: {turned['random']}. A picture's place along a knob goes with "
            f"{watched['sefa']} of them; with labels one would find {watched['supervised']}: that is the price of doing "
            "without labels.")


def _truncation_table(recipe: Recipe) -> str:
    known = evidence(recipe.model)
    if not known or "truncation" not in known:
        return ""
    ratios = known["truncation"]["0.5"]
    order = sorted(range(len(ratios)), key=lambda i: ratios[i])
    rows = [Bar(known["factors"][i]["description"], ratios[i], says=f"{ratios[i]:.2f}") for i in order]
    caption = "Spread of each factor at truncation 0.5 over that at 1"
    return "<h4>What truncation hides</h4>" + bars(rows, caption=caption, value="ratio", full=1.0)


def read_html(recipe: Recipe) -> str:
    """Read the picture, render what was read, show both: where they differ, the reader (or the network) is wrong."""
    card = zoo.card(recipe.model)
    if not has_reader(recipe.model):
        raise RecipeError("this network has no reader, so nothing independent can look at its pictures: "
                          "choose a bundled network")
    world, reader = load_world(card.world), zoo.load_reader(card.world)
    image = recipes.render(recipe, uploaded(recipe)).clamp(-1, 1)
    with torch.no_grad():
        factors = reader(image).clamp(0, 1)
    drawn = world.render(factors, resolution=card.resolution).images
    pictures = [data_uri(webp(picture)) for picture in to_pil(torch.cat([image, drawn]))]
    difference = float((image - drawn).square().mean().sqrt() * 127.5)
    far = (factors[0] - 0.5).abs().argsort(descending=True)[:8].tolist()
    said = "; ".join(world.FACTORS[i].high if factors[0, i] > 0.5 else world.FACTORS[i].low for i in far)
    names = ("the network\u2019s picture", "what the reader says of it, drawn")
    alts = (recipes.alt_text(recipe), "what the reader read, drawn by the program that drew the training pictures")
    figures = "".join(f'<figure><img src="{uri}" alt="{escape(alt)}"><figcaption>{name}</figcaption></figure>'
                      for uri, alt, name in zip(pictures, alts, names))
    return (f'<div class="pair">{figures}</div><p>The reader says that the face {escape(said)}. '
            f"The two pictures differ by {difference:.0f} of 255 levels (root mean square).</p>")
