"""The tab's experiments:
five answers to one mosaic, what each layer knows, a mug in a face network, other tools, edits.

Each is a stream of plain values; what it says is built from what it measured on the pictures that it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from html import escape
from statistics import median

import torch
from torch import Tensor

from core import zoo
from core.codes import edit
from core.images import to_pil, webp
from core.inversion.degradations import Copy, Shrink
from core.inversion.losses import psnr
from core.truth.readers import read
from core.truth.worlds import deviations, load_world

from ..page import evidence as measured
from ..page import picture as recipes
from ..page.blocks import data_uri, table
from ..page.evidence import read_change, top_moved
from ..page.fields import RecipeError
from ..page.picture import Recipe
from . import baselines as rivals
from . import evidence as restored
from . import search as restoring
from .recipe import FIRST_PICTURE, OWN, Restoration, in_levels, loss_of, named, observed_side

ANSWERS = 5
WORN = 0.375  # reading of a thing that is worn or not: half of the least size that is drawn
CLEAR = 0.5  # standard deviations between answers from which they disagree
TOP = 3
GRID = (1, 5, 10)  # numbers of codes
QUICK = dict(steps=80, optimiser="adam", loss="pixels")
SOME = 2  # faces and mugs that are copied at every layer while somebody waits
KNOBS = 6  # of Steer, to edit with
LARGEST = 192  # pixels of what only the page shows


def uri(image: Tensor) -> str:
    """[1, 3, h, w] -> a data URI, lossless."""
    return data_uri(webp(to_pil(image)[0]))


# --- five answers to one mosaic


def five(recipe: Restoration, first: int = 0) -> Iterator[dict]:
    """Answers from five starts, each with what was observed put back; the last has the verdict."""
    recipe = replace(recipe, keep=True)
    problem, faces = restoring.problem_of(recipe), []
    for i in range(ANSWERS):
        faces.append(restoring.searched(replace(recipe, start=(first + i) % 1000)).image)
        yield dict(
            asked_of_five(recipe),
            faces=[uri(face) for face in faces],
            partial=i + 1 < ANSWERS,
            of=ANSWERS,
            first=first,
            says=f"{i + 1} of {ANSWERS} answers found …",
            **_five_said(recipe, problem, faces),
        )


def asked_of_five(recipe: Restoration) -> dict:
    """What five answers are answers to, and the words above them: known before one of them is."""
    side = observed_side(recipe)
    return dict(
        words_of_five(
            recipe.task,
            recipe.kind,
            side,
            portraits=recipe.shows == "portraits",
            own=recipe.shows == OWN,
            known=recipe.task != "copy" and not recipe.as_is,
        ),
        observed=uri(restoring.problem_of(recipe).observed),
        hard=recipe.task == "enlarge",
    )


def words_of_five(task: str, kind: str, side: int, *, portraits: bool, own: bool, known: bool) -> dict:
    """sentence, lead, label of what was observed, and flap.

    side: its pixels; known: does a true picture lie under the flap?
    """
    things, what = "faces" if portraits else "pictures", kind if task == "noise" else task
    label = {
        "enlarge": f"{side} x {side} pixels",
        "colour": "Without colours",
        "fill": "With a hole",
        "specks": "Pixels lost",
        "gaussian": "With noise",
        "copy": "The picture",
    }[what]
    mosaic = f"All five {things} have the same" if kind == "box" else f"Five {things} for the same"
    shared = {
        "enlarge": f"{mosaic} {side * side} pixels",
        "colour": f"All five {things} have the same grey",
        "fill": f"All five {things} are the same around the hole",
        "specks": f"All five {things} have the same known pixels",
        "gaussian": f"Five {things} for one noisy picture",
        "copy": "Five copies of one picture",
    }[what]
    asks = (
        "Which comes closest to the real one?"
        if known
        else "Which comes closest to it?"
        if task == "copy"
        else "Nobody knows which comes closest."
    )
    given = f"A mosaic of {label}" if task == "enlarge" else label
    truth = "" if not known else " Your own picture is under the flap." if own else " The real one is under the flap."
    return dict(
        sentence=f"{shared}. {asks}",
        label=label,
        flap=known,
        lead=f"{given}, and five {things} that a network found for it from five starts.{truth}",
    )


def _five_said(recipe: Restoration, problem: restoring.Problem, faces: Sequence[Tensor]) -> dict:
    if len(faces) < ANSWERS:
        return {}
    images, hidden = torch.cat(list(faces)), problem.truth is not None and recipe.task != "copy"
    said = dict(agreement=agreement(problem, images), disagreement=disagreement(recipe, images))
    return dict(
        said,
        apart=round(levels_apart(problem, images), 3),
        truth=uri(problem.truth) if hidden else "",
        verdict=" ".join(filter(None, said.values())),
        closeness=[] if problem.truth is None else [round(float(value), 1) for value in psnr(images, problem.truth)],
    )


def levels_apart(problem: restoring.Problem, images: Tensor) -> float:
    """The largest difference of the pictures, in whole levels, from what was observed, in levels of 255."""
    seen = problem.degradation.expected(in_levels(images))
    return float((seen - problem.degradation.trusted(problem.observed)).abs().max()) * 127.5


def agreement(problem: restoring.Problem, images: Tensor) -> str:
    """How well the pictures agree with what was observed; whole levels round block means by one level at most."""
    apart = levels_apart(problem, images)
    if apart <= 1:
        return f"All {len(images)} agree with what was observed to within rounding: 1 of 255 levels."
    again = "Shrunk again, they" if isinstance(problem.degradation, Shrink) else "They"
    return f"{again} differ from what was observed by up to {apart:.0f} of 255 levels."


def reliable(model: str) -> list[int]:
    """The factors of the network's world whose reading counts, by number."""
    found = (measured.evidence(model) or {}).get("factors", [])
    names = load_world(zoo.card(model).world).NAMES
    doubtful = {factor["name"] for factor in found if not factor.get("readable", True)}
    return [i for i, name in enumerate(names) if name not in doubtful]


@torch.no_grad()
def disagreement(recipe: Restoration, images: Tensor) -> str:
    """What an independent reader sees differently in the answers, and what the truth is; "" without a reader."""
    model = recipe.model
    if not measured.has_reader(model):
        return ""
    card = zoo.card(model)
    world = load_world(card.world)
    readings = read(zoo.load_reader(card.world), images)
    worn, others = _worn(world, readings, reliable(model)), _differing(world, card, readings, reliable(model))
    said = [
        f"{name} ({count} of {len(images)} wear {'it' if name == 'beard' else 'them'})" for name, count in worn
    ] + others
    if not said:
        return "As far as the reader can tell, they agree about everything."
    real = _real(recipe, world, [name for name, _ in worn])
    return f"They disagree about {listed(said[: TOP + 1])}.{real}"


def _worn(world, readings: Tensor, trusted: Sequence[int]) -> list[tuple[str, int]]:
    found = []
    for i in trusted:
        count = int((readings[:, i] > WORN).sum())
        if world.FACTORS[i].draw == "present" and 0 < count < len(readings):
            found.append((world.NAMES[i].replace("_", " "), count))
    return found


def _differing(world, card: zoo.ModelCard, readings: Tensor, trusted: Sequence[int]) -> list[str]:
    """The factors that differ most between the answers, in standard deviations over the training pictures."""
    spread = readings.std(0) / deviations(card.world, card.spread)
    order = [i for i in spread.argsort(descending=True).tolist() if i in trusted and world.FACTORS[i].draw != "present"]
    return [world.FACTORS[i].description for i in order[:TOP] if spread[i] >= CLEAR]


def _real(recipe: Restoration, world, names: Sequence[str]) -> str:
    """What the render really has of the things that answers disagree about; "" where nobody knows."""
    if recipe.shows != zoo.card(recipe.model).world or not names:
        return ""
    true = world.sample(1, FIRST_PICTURE + recipe.picture, spread=world.SPREADS[zoo.card(recipe.model).spread])[0]
    has = [
        f"{'wears' if true[world.NAMES.index(name)] > 0 else 'does not wear'} {'a beard' if name == 'beard' else name}"
        for name in names
    ]
    return f" The real one {listed(has)}."


def listed(items: Sequence[str]) -> str:
    """ "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


# --- what each layer knows


def layers_of(model: str) -> tuple[int, ...]:
    """Five layers to mix after, from the codes themselves to the last."""
    last = len(recipes.opened(model).layers)
    return tuple(sorted({round(i * last / 4) for i in range(5)}))


@lru_cache(maxsize=64)
@torch.no_grad()
def side_after(model: str, _weights: str, layer: int) -> int:
    """Pixels a side of the maps that are mixed; 0: the codes themselves are."""
    generator, card = recipes.opened(model), zoo.card(model)
    if layer == 0:
        return 0
    codes = generator.codes(generator.sample(1, 0), label=0 if card.classes else None)
    return generator.run(codes, stop=layer).x.shape[-1]


def layer_name(model: str, layer: int) -> str:
    side = side_after(model, zoo.weights_hash(model), layer)
    return "the codes themselves" if not side else f"after {layer} layer{'s' * (layer > 1)}, {side} px"


def layers(recipe: Restoration) -> Iterator[dict]:
    """One picture copied with several numbers of codes, mixed at several layers: pictures with their closeness."""
    truth, rows = restoring.problem_of(replace(recipe, task="copy", as_is=False)).truth, []
    chosen = layers_of(recipe.model)
    for layer in chosen:
        rows.append(dict(name=layer_name(recipe.model, layer), cells=[]))
        for count in GRID:
            tried = replace(
                recipe,
                task="copy",
                as_is=False,
                kind="",
                amount=0,
                region="",
                hints="",
                keep=False,
                codes=count,
                layer=layer,
                **QUICK,
            )
            image = restoring.searched(tried).image
            rows[-1]["cells"].append(dict(src=uri(image), psnr=round(float(psnr(image, truth)), 1)))
            done, of = sum(len(row["cells"]) for row in rows), len(chosen) * len(GRID)
            yield dict(
                truth=uri(truth),
                counts=list(GRID),
                rows=rows,
                partial=done < of,
                says=f"{done} of {of}",
                verdict=_layers_said(rows) if done == of else "",
            )


def _layers_said(rows: Sequence[dict]) -> str:
    best = max((cell["psnr"], row["name"], count) for row in rows for cell, count in zip(row["cells"], GRID))
    first, last = (rows[i]["cells"][-1]["psnr"] for i in (0, -1))
    return (
        f"With {GRID[-1]} codes the copy is {first:.1f} dB close where {rows[0]['name']} are mixed, "
        f"{last:.1f} dB mixed {rows[-1]['name']}; closest of all, {best[0]:.1f} dB: "
        f"{best[2]} code{'s' * (best[2] > 1)}, {best[1]}. One picture, {QUICK['steps']} steps each."
    )


# --- can a face network draw a mug?


def mug_pictures(count: int, first: int, side: int) -> Tensor:
    """[count, 3, side, side] renders of mugs."""
    world = load_world("objects")
    factors = world.sample(count, first, spread=world.SPREADS["graded"])
    labels = torch.full((count,), world.CLASSES.index("mug"))
    return in_levels(world.render(factors, labels, resolution=side).images)


def mugs(recipe: Restoration) -> Iterator[dict]:
    """Faces and mugs copied by a network that only ever saw faces, mixed after every layer: closeness and the gap."""
    card = zoo.card(recipe.model)
    if card.world != "portraits":
        raise RecipeError(
            "this is asked of a network that learned from faces alone: choose one of the bundled portraits"
        )
    seen = torch.cat([restoring.problem_of(Restoration(recipe.model, "copy", picture=i)).truth for i in range(SOME)])
    pictures = {"face": seen, "mug": mug_pictures(SOME, FIRST_PICTURE, card.resolution)}
    rows, chosen = [], layers_of(recipe.model)
    for layer in chosen:
        row = dict(name=layer_name(recipe.model, layer))
        for name, images in pictures.items():
            made = [_copied(recipe.model, layer, images[i : i + 1]) for i in range(SOME)]
            close = median(float(psnr(image, images[i : i + 1])) for i, image in enumerate(made))
            row[name] = dict(src=uri(made[0]), psnr=round(close, 1))
            yield dict(
                partial=True,
                says=f"{len(rows) + 1} of {len(chosen)} layers",
                rows=rows,
                truths={key: uri(each[:1]) for key, each in pictures.items()},
            )
        rows.append(row)
    yield dict(
        rows=rows, truths={key: uri(each[:1]) for key, each in pictures.items()}, verdict=_mugs_said(rows), samples=SOME
    )


def _copied(model: str, layer: int, truth: Tensor) -> Tensor:
    recipe = Restoration(model, "copy", layer=layer, **QUICK)
    problem = restoring.Problem(truth, truth, Copy(), loss_of(recipe))
    for step in restoring.stream(recipe, problem):
        pass
    return restoring.drawn(step.picture)


def _mugs_said(rows: Sequence[dict]) -> str:
    gaps = [row["face"]["psnr"] - row["mug"]["psnr"] for row in rows]
    closer = sum(gap > 0 for gap in gaps)
    widest, least = (rows[pick(range(len(rows)), key=lambda i: gaps[i])] for pick in (max, min))
    return (
        f"Faces are copied closer than mugs at {closer} of {len(rows)} layers. "
        f"The gap is widest mixing {_where(widest)}: "
        f"faces {widest['face']['psnr']:.1f} dB, mugs {widest['mug']['psnr']:.1f} dB; "
        f"least mixing {_where(least)}: {least['face']['psnr']:.1f} and {least['mug']['psnr']:.1f} dB. "
        f"({SOME} faces, {SOME} mugs)"
    )


def _where(row: dict) -> str:
    return row["name"].replace(",", " at")


# --- beside tools without a GAN


def compare(recipe: Restoration) -> Iterator[dict]:
    """The answer beside one code in the same time and beside tools without a GAN: pictures and scores."""
    found = restoring.searched(recipe)
    problem, rows = restoring.problem_of(recipe), [(f"{rivals.OURS}, {recipe.codes} codes", found.image)]
    yield dict(partial=True, says="one code, in the same time …", html=compared_html(recipe, problem, rows))
    for single in rivals.one_code(recipe, problem, found.seconds):
        yield dict(partial=True, says="one code, in the same time …", html=compared_html(recipe, problem, rows))
    kept = problem.degradation.agreeing(single, problem.observed) if recipe.keep else single
    rows.append((rivals.NAMES["one"], kept))
    for name in rivals.tools_of(recipe):
        rows.append((rivals.NAMES[name], rivals.without_gan(name, recipe, problem)))
        yield dict(partial=True, says=f"{rivals.NAMES[name]} …", html=compared_html(recipe, problem, rows))
    yield dict(html=compared_html(recipe, problem, rows))


def compared_html(recipe: Restoration, problem: restoring.Problem, rows: Sequence[tuple[str, Tensor]]) -> str:
    pictures = "".join(
        f'<figure><img src="{uri(image)}" alt="the picture as restored by: {escape(name)}">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, image in rows
    )
    shown = f'<div class="paint-compared restored">{pictures}</div>'
    if problem.truth is None:
        return shown + "<p>Nobody knows the true picture here, so there is nothing to measure against.</p>"
    head, body = scored(recipe, problem, rows)
    return shown + table(head, body, caption=f"Closeness to the truth, {named(recipe)}")


def scored(
    recipe: Restoration, problem: restoring.Problem, rows: Sequence[tuple[str, Tensor]]
) -> tuple[list[str], list[tuple]]:
    head = [
        "method",
        "closeness (PSNR, dB)",
        "structure (SSIM)",
        "distance of the critic's features",
        "in the hole (PSNR, dB)",
    ]
    cells = [restoring.scores(recipe, image, problem.truth) for _, image in rows]
    there = [i for i in range(4) if cells[0][i] is not None]
    formats = ("{:.1f}", "{:.3f}", "{:.3f}", "{:.1f}")
    said = [[restored.minus(formats[i].format(one[i])) for i in there] for one in cells]
    return [head[0], *(head[1 + i] for i in there)], [(name, *numbers) for (name, _), numbers in zip(rows, said)]


# --- edit what was restored


def knobs(model: str) -> list[dict]:
    """Steer's first knobs: names and ends as that tab knows them, and how far they go."""
    setup = measured.setup_of(Recipe(model, psi=zoo.card(model).psi))
    return [dict(knob, reach=setup["reach"]) for knob in setup["knobs"][:KNOBS]]


@torch.no_grad()
def edited(recipe: Restoration, amounts: Sequence[float]) -> dict:
    """The restored picture with Steer's knobs turned: all its codes move together. Raises RecipeError."""
    found = restoring.known(recipe)
    if found is None:
        raise RecipeError("there is no restored picture yet: press Start first")
    chosen = Recipe(recipe.model, psi=zoo.card(recipe.model).psi, amounts=tuple(amounts))
    directions, steps = recipes.directions_of(chosen)
    distances = recipes.distances(chosen.amounts, directions, steps)
    codes = found.picture.codes
    after = found.picture.draw(edit(codes, directions, distances)).clamp(-1, 1).cpu()
    changed = read_change(recipe.model, found.raw, after)
    moved = top_moved(recipe.model, None if changed is None else changed[0])
    named_moves = [restored.minus(f"{one['name']} {one['amount']:+.1f} sd") for one in moved or []]
    says = listed(named_moves) if named_moves else "nothing that it would call a change"
    return dict(
        src=uri(after),
        before=uri(found.raw),
        amounts=list(chosen.amounts),
        verdict=f"The reader sees: {says}." if changed is not None else "",
        codes=len(codes),
    )
