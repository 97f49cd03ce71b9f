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
from .notebook import (LIVE, LONG, PRIVATE, Bar, Demo, bars, cell, data_uri, deliver, expert, fold, limits, publish,
                       outlet, part, recorded, sentence, table, text, tiles)
from .recipe import Recipe, RecipeError

TAB = "steer"
SCRIPT = "sefa"             # the tab's own script, beside this file
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


def evidence_hash(model: str) -> str:
    """sha256 of the evidence file; "" where there is none."""
    path = zoo.WEIGHTS / "evidence" / f"{model}.json"
    return recipes.file_identity(path) if path.exists() else ""


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
        return dict(title="", low="\u2212", high="+", verdict=f"What knob {knob + 1} moves has not been measured: {missing}")
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



def file_for(recipe: Recipe, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of what is taken away: "picture", "strip", "clip" or "notebook". Raises RecipeError."""
    name, files = f"knob{recipe.knob + 1}-picture{recipe.seed}", uploaded(recipe)
    if kind == "picture":
        return recipes.png_for(recipe, files), f"{name}.png"
    if kind == "notebook":
        return recipes.notebook_for(recipe, files), f"{name}.ipynb"
    pictures = to_pil(recipes.render_strip(recipe, recipe.knob, amounts_of(recipe, 7 if kind == "strip" else FRAMES), files))
    pictures = [enlarge(picture, ENLARGED) for picture in pictures]
    if kind == "strip":
        return png(side_by_side(pictures, gap=4), recipe=recipes.as_dict(recipe)), f"{name}-strip.png"
    return animation(pictures), f"{name}.webp"


def edits_of(kept: str, model: str) -> tuple[recipes.Edit, ...]:
    """The edits in the visitor's own storage; none where it is empty."""
    return recipes.EditFile.from_json(kept, model=model).edits if kept else ()


def edited_faces(kept: recipes.Edit, recipe: Recipe) -> str:
    """HTML: eight faces before and after a kept edit, moved by its own numbers."""
    pairs = []
    for seed in range(FIRST_FACE, FIRST_FACE + FACES):
        plain = replace(recipe, seed=seed, amounts=(), method="sefa")
        both = torch.cat([recipes.render(plain), recipes.apply_edit(kept, plain)])
        pairs.append("".join(f'<img src="{data_uri(webp(picture))}" alt="">' for picture in to_pil(both)))
    cells = "".join(f'<div class="face"><div class="pictures">{pair}</div></div>' for pair in pairs)
    return f'<div class="faces" role="img" aria-label="the edit {escape(kept.name)} on eight faces, before and after">{cells}</div>'


# --- the tab


LIMITS = ("These are cartoon faces drawn by a program, so that the truth is known: what holds here need not hold for photographs. "
          "A reader network does the measuring; factors that it cannot read on generated pictures are not counted. "
          "A knob is an average over faces: on a single one it may do something else.")
EQUATION = r"""
A picture begins as a code $w$. The first thing every layer does with it is one affine map, $y = A w + b$. Moving the code along a
unit vector $n$ by $\alpha$ changes that by $\alpha A n$, whatever the picture. So the strongest knobs are

$$ n^* = \arg\max_{\|n\| = 1} \|A n\|^2, \qquad A^\top A \, n = \lambda n, $$

the eigenvectors of $A^\top A$, strongest first: no pictures, no labels, no training. $A$ stacks the maps of the layers that listen,
so $A^\top A$ is a sum over them. One *step* of a knob is one standard deviation of $w \cdot n$ over the network's own codes.

Where the published code differs from the paper, both are here. *As the paper says*: $A$ as the network applies it, its gains included.
*As the published code does*: every row of $A$ scaled to length 1. Choose under "Compare methods".

Shen and Zhou, *Closed-Form Factorization of Latent Semantics in GANs*, CVPR 2021 (arXiv 2007.06600).
"""


def arrival() -> dict:
    """What the tab shows before anything is computed: as recorded for these weights, or a bare recipe."""
    found = recorded(TAB)
    model = found["recipe"]["model"] if found else None
    if model in zoo.CARDS and [zoo.weights_hash(model), evidence_hash(model)] == [found["weights_sha256"], found["evidence_sha256"]]:
        pictures, rows = found["pictures"], found["rows"]
        cut = {name: tiles(pictures[name], columns) for name, columns in rows.items()}
        return dict(recipe=found["recipe"], answer=dict(found["answer"], src=pictures["after"], before=pictures["before"]),
                    strip=dict(src=pictures["strip"], frames=FRAMES, key="arrival"),
                    grid=dict(rows=cut["grid"], key="arrival"), faces=dict(found["faces"], rows=cut["faces"], key="arrival"),
                    sentence=found["sentence"], code=found["code"])
    bare = recipes.as_dict(Recipe(next(iter(zoo.CARDS)), psi=zoo.card(next(iter(zoo.CARDS))).psi))
    return dict(recipe=bare, answer={}, strip={}, grid={}, faces={}, sentence=first_sentence(None), code="")


def first_sentence(milliseconds: float | None) -> str:
    """The sentence over the tab, with the time that was measured."""
    when = f"in {milliseconds:.1f} milliseconds" if milliseconds else "by one line of linear algebra"
    return f"These ten knobs were read off the network\u2019s weights {when}; nobody labelled anything."


def tab() -> Demo:
    """Builds the tab inside the page's `gr.Tabs`; everything it shows at first is recorded."""
    shown = arrival()
    shared = dict(words=words.table(), models=[(card.name, card.title) for card in zoo.CARDS.values()], methods=METHODS)
    with gr.Tab("Steer", id=TAB):
        with gr.Column(elem_classes="tab"):
            text(f'<h2 class="sentence">{escape(shown["sentence"])}</h2><p class="lead">Drag the knob under the picture. '
                 "Every picture here is drawn by a network that learned from portraits which our own program drew, "
                 "so we know the right answers and can check what each knob does.</p>")
            bus = part(TAB, "recipe", shown["recipe"], events=EVENTS, visible="hidden")
            strip_box, facts = part(TAB, "strip", shown["strip"], visible="hidden"), part(TAB, "facts", {}, visible="hidden")
            with gr.Row(elem_classes="bench"):
                with gr.Column(scale=5, min_width=320):
                    stage = part(TAB, "stage", shown["answer"])
                with gr.Column(scale=6, min_width=320):
                    knobs = part(TAB, "knobs")
            sheets = _experiments(shown)
            folds = _folds(shared, shown["code"])
            limits(LIMITS)
    _wire(bus, stage, strip_box, facts, knobs, sheets, folds)
    return Demo(TAB, (opened, [bus, *folds["accordions"]]), endpoints)


def _experiments(shown: dict) -> dict:
    model = shown["recipe"]["model"]
    with cell("All knobs at once", "Each card is one knob: three faces with the knob far to one side, and far to the other. Tap one to put it under the picture."):
        grid_box = part(TAB, "grid", shown["grid"])
    with cell("Find a knob for \u2026", "Say what you would like to change; the measurements say which knob does it, and what it also does."):
        with gr.Row(elem_classes="finder"):
            wish = gr.Dropdown(wishes(model), value=None, label="I want to change", elem_id="steer-find", scale=2, min_width=220)
            says = text("", elem_id="steer-find-says")
    with cell("Does it hold for other faces?", "The same knob on eight faces that were not looked at before: one side, untouched, the other side."):
        faces_box = part(TAB, "faces", shown["faces"])
    return dict(grid=grid_box, faces=faces_box, wish=wish, says=says)


def _folds(shared: dict, code: str) -> dict:
    # outside of the folds: what is inside a closed one reads its storage too late
    made: dict = dict(kept=gr.BrowserState("", storage_key="ganatomy-steer-edits", secret="ganatomy"))
    with fold(TAB, "more") as more:
        part(TAB, "more", shared)
    with fold(TAB, "compare") as compare:
        part(TAB, "compare", shared)
        made["file"] = gr.UploadButton("Open a file of directions (.npy, .npz, .safetensors)", elem_id="steer-directions", size="sm",
                                       file_types=list(SUFFIXES), elem_classes="quiet")
        text(f"<p class=\"hint\">The same network, other ways to name knobs. {escape(words.word('random').tip)} "
             "How many factors each of them finds is in \u201cHow true is this?\u201d.</p>")
    with fold(TAB, "true") as true:
        made["progress"] = text("", elem_id="steer-progress")
        made["truth"] = part(TAB, "truth", {})
        with gr.Row():
            made["read"] = gr.Button("Read this face, and draw what was read", elem_id="steer-read", size="sm", elem_classes="quiet")
        made["reading"] = text("", elem_id="steer-reading")
    with fold(TAB, "method") as method:
        gr.Markdown(EQUATION, latex_delimiters=[dict(left="$$", right="$$", display=True), dict(left="$", right="$", display=False)], elem_id="steer-equation")
        gr.Code(inspect.getsource(sefa), language="python", label="The function that found the knobs", interactive=False, buttons=["copy"], elem_id="steer-source")
    with fold(TAB, "take") as take:
        made.update(_take_away(code))
    return dict(made, accordions=[more, compare, true, method, take], take_opened=take.expand)


def _take_away(code: str) -> dict:
    made: dict = {}
    with gr.Row(elem_classes="buttons"):
        for kind, name in (("picture", "Picture (PNG)"), ("strip", "Strip"), ("clip", "Clip"), ("notebook", "Notebook")):
            made[kind] = gr.Button(name, elem_id=f"steer-take-{kind}", size="sm", elem_classes="quiet", min_width=90)
    part(TAB, "link")
    made["code"] = gr.Code(code, language="python", label="The code of this picture", interactive=False, buttons=["copy"], elem_id="steer-code")
    text("<h4>Kept edits</h4><p class=\"hint\">They stay in this browser. A file holds the numbers themselves, so it works where the knobs are counted differently.</p>")
    with gr.Row(elem_classes="keep"):
        made["name"] = gr.Textbox(label="Name", placeholder="for example: smile", elem_id="steer-edit-name", max_length=60, scale=2, min_width=160)
        made["keep"] = gr.Button("Keep this edit", elem_id="steer-keep", size="sm", elem_classes="quiet", min_width=120)
    with gr.Row(elem_classes="keep"):
        made["choose"] = gr.Dropdown([], label="Kept edits", elem_id="steer-edits", scale=2, min_width=160)
        made["apply"] = gr.Button("Apply to this face", elem_id="steer-apply", size="sm", elem_classes="quiet", min_width=120)
        made["others"] = gr.Button("Apply to eight faces", elem_id="steer-apply-others", size="sm", elem_classes="quiet", min_width=120)
    with gr.Row(elem_classes="buttons"):
        made["save"] = gr.Button("Save to a file", elem_id="steer-save", size="sm", elem_classes="quiet", min_width=120)
        made["load"] = gr.UploadButton("Load from a file", elem_id="steer-load", size="sm", file_types=[".json"], elem_classes="quiet", min_width=120)
    made["edited"] = text("", elem_id="steer-edited")
    made["outlet"] = outlet(TAB)
    return made


# --- wiring: a handler that fails says a sentence, and changes nothing


def guarded(handler, count: int = 1):
    """`handler` for an event with `count` outputs; a RecipeError becomes a sentence, the outputs stay as they are."""
    def run(*values):
        try:
            return handler(*values)
        except RecipeError as error:
            sentence(error)
            return gr.skip() if count == 1 else tuple(gr.skip() for _ in range(count))
    return run


def _wire(bus, stage, strip_box, facts, knobs, sheets, folds) -> None:
    code = folds["code"]

    def live(given):
        said = answer(given)
        return said, gr.skip() if "error" in said else recipes.code_for(recipes.from_json(given), uploaded(recipes.from_json(given)))

    def keyed(make):
        def run(given, event: gr.EventData):
            try:
                return dict(make(recipes.from_json(given), event), key=event.key)
            except RecipeError as error:
                sentence(error)
                return gr.skip()
        return run

    bus.change(live, bus, [stage, code], **LIVE, api_name="steer_answer", **PRIVATE)
    bus.strip(keyed(lambda recipe, event: strip(recipe)), bus, strip_box, **LIVE, api_name="steer_film", **PRIVATE)
    bus.grid(keyed(lambda recipe, event: grid(recipe)), bus, sheets["grid"], **LONG, api_name="steer_grid", **PRIVATE)
    bus.faces(keyed(lambda recipe, event: faces(recipe, int(event.first) % 10_000)), bus, sheets["faces"], **LONG, api_name="steer_faces", **PRIVATE)
    bus.truth(keyed(lambda recipe, event: dict(html=truth_html(recipe))), bus, folds["truth"], **LONG, api_name="steer_truth", **PRIVATE)
    bus.measure(_measuring, bus, [folds["progress"], facts], **LONG, api_name="steer_measure_here", **PRIVATE)

    def found(given, wish):
        turned, said = find(recipes.from_json(given), wish)
        return recipes.as_dict(turned), f'<p class="verdict" role="status">{escape(said)}</p>'
    sheets["wish"].input(guarded(found, 2), [bus, sheets["wish"]], [bus, sheets["says"]], **LIVE, api_name="steer_found", **PRIVATE)
    folds["file"].upload(guarded(lambda path, given: recipes.as_dict(take_directions(path, given))), [folds["file"], bus], bus,
                         **LONG, api_name="steer_open_directions", **PRIVATE)
    folds["read"].click(guarded(lambda given: read_html(recipes.from_json(given))), bus, folds["reading"], **LONG, api_name="steer_read", **PRIVATE)
    for kind in ("picture", "strip", "clip", "notebook"):
        make = guarded(lambda given, kind=kind: publish(*file_for(recipes.from_json(given), kind)))
        deliver(folds[kind], make, [bus], folds["outlet"], api_name=f"steer_take_{kind}", **PRIVATE)
    _wire_edits(bus, folds)


def _measuring(given):
    try:
        recipe = recipes.from_json(given)
        if has_reader(recipe.model) and not measured_knobs(recipe):
            for said in measure(recipe):
                yield f'<p class="said" role="status">{escape(said)}</p>', gr.skip()
        yield "", setup_of(recipe)
    except RecipeError as error:
        sentence(error)
        yield gr.skip(), gr.skip()


def _wire_edits(bus, folds) -> None:
    kept, chosen = folds["kept"], folds["choose"]

    def names(edits, value=None):
        return gr.Dropdown(choices=[edit.name for edit in edits], value=value)

    def keep(given, stored, name):
        recipe = recipes.from_json(given)
        edit = recipes.keep_edit(name, recipe, uploaded(recipe))
        edits = tuple(old for old in edits_of(stored, recipe.model) if old.name != edit.name) + (edit,)
        return recipes.EditFile(edits).to_json(), names(edits, edit.name), ""

    def load(path, given, stored):
        model = recipes.from_json(given).model
        if Path(path).stat().st_size > recipes.LARGEST_EDIT_FILE:
            raise RecipeError(f"this file is larger than {recipes.LARGEST_EDIT_FILE // 2 ** 20} MB: choose one that was saved on this page")
        loaded = recipes.EditFile.from_json(Path(path).read_bytes(), model=model).edits
        new = {edit.name for edit in loaded}
        edits = tuple(old for old in edits_of(stored, model) if old.name not in new) + loaded
        return recipes.EditFile(edits).to_json(), names(edits, loaded[0].name)

    def the(name, given, stored):
        recipe = recipes.from_json(given)
        for edit in edits_of(stored, recipe.model):
            if edit.name == name:
                return edit, recipe
        raise RecipeError("no kept edit is chosen: keep one, or load a file, and choose it in the list")

    def apply(name, given, stored):
        edit, recipe = the(name, given, stored)
        return recipes.as_dict(replace(edit.recipe, seed=recipe.seed, psi=recipe.psi))

    def save(given, stored):
        edits = recipes.EditFile(edits_of(stored, recipes.from_json(given).model))
        return publish(edits.to_json().encode(), "ganatomy-edits.json")

    folds["keep"].click(guarded(keep, 3), [bus, kept, folds["name"]], [kept, chosen, folds["name"]], **LONG, api_name="steer_keep", **PRIVATE)
    folds["load"].upload(guarded(load, 2), [folds["load"], bus, kept], [kept, chosen], **LONG, api_name="steer_load", **PRIVATE)
    folds["apply"].click(guarded(apply), [chosen, bus, kept], bus, **LONG, api_name="steer_apply", **PRIVATE)
    folds["others"].click(guarded(lambda *values: edited_faces(*the(*values))), [chosen, bus, kept], folds["edited"], **LONG, api_name="steer_apply_others", **PRIVATE)
    deliver(folds["save"], guarded(save), [bus, kept], folds["outlet"], api_name="steer_save", **PRIVATE)
    folds["take_opened"](lambda stored, given: names(_or_none(stored, given)), [kept, bus], chosen, **LONG, api_name="steer_edits", **PRIVATE)


def _or_none(stored, given):
    try:
        return edits_of(stored, recipes.from_json(given).model)
    except RecipeError:             # kept with other weights: not this page's fault, nothing to say unasked
        return ()


def opened(request: gr.Request):
    """The state that the address asks for: recipe, and whether the folds stand open."""
    query = dict(request.query_params)
    folds = [gr.Accordion(open=True) if expert(query) else gr.skip()] * 5
    if not set(query) & {"v", *recipes.FIELDS}:
        return (gr.skip(), *folds)
    try:
        return (recipes.as_dict(recipes.from_query(query)), *folds)
    except RecipeError as error:
        sentence(error)
        return (gr.skip(), *folds)


# --- the same, for programs


def api(make):
    """`make(recipe)` for programs: JSON in, JSON out; a RecipeError is their error message."""
    def call(recipe: dict) -> dict:
        try:
            return make(recipes.from_json(recipe))
        except RecipeError as error:
            raise gr.Error(str(error), print_exception=False) from None
    return call


RECIPE_SAYS = 'recipe: {"version": 1, "model": ..., "seed": 7, "psi": 0.7, "layers": "all", "method": "sefa", "mode": "paper", "amounts": [1.5], "knob": 0}'


def endpoints() -> None:
    """The tab's public endpoints: a recipe as JSON in, JSON out."""
    queue = dict(concurrency_id="live", concurrency_limit=1)
    long = dict(concurrency_id="long", concurrency_limit=1)
    gr.api(api(_answer), api_name="steer_picture", api_description=f"The picture of a recipe, its words and its link. {RECIPE_SAYS}", **queue)
    gr.api(api(strip), api_name="steer_strip", api_description=f"21 frames of the chosen knob. {RECIPE_SAYS}", **queue)
    gr.api(api(grid), api_name="steer_all_knobs", api_description=f"Every knob on three faces. {RECIPE_SAYS}", **long)
    gr.api(api(faces), api_name="steer_other_faces", api_description=f"The chosen knob on eight faces. {RECIPE_SAYS}", **long)
    gr.api(api(lambda recipe: dict(code=recipes.code_for(recipe, uploaded(recipe)))), api_name="steer_code",
           api_description=f"Python that makes the picture. {RECIPE_SAYS}", **queue)
    gr.api(api(lambda recipe: dict(knobs=measured_knobs(recipe) or [])), api_name="steer_measured",
           api_description=f"What was measured of every knob. {RECIPE_SAYS}", **queue)
