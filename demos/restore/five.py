"""Five answers to what is left of one picture: how well they agree with it, and what they disagree about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape

import torch
from torch import Tensor

from core import evidence as measured
from core import zoo
from core.inversion.degradations import Shrink
from core.inversion.losses import psnr
from core.inversion.tasks import Problem
from core.truth.disagreement import disagreement as disagreed
from core.truth.readers import read
from core.truth.worlds import deviations, load_world

from ..page.blocks import picture as uri
from .problem import problem_of
from .recipe import Restoration
from .search import searched
from .settings import FIRST_PICTURE, OWN, STARTS, WORDS

ANSWERS = 5


def five(recipe: Restoration, page: int = 0) -> Iterator[dict | None]:
    """Answers from five starts, each with what was observed put back; the last has the verdict."""
    recipe, first = replace(recipe, keep=True), ANSWERS * page
    problem, about, faces = problem_of(recipe), asked_of_five(recipe), []
    for i in range(ANSWERS):
        found = yield from searched(replace(recipe, start=(first + i) % STARTS))
        faces.append(found.image)
        yield dict(
            about,
            faces=[uri(face) for face in faces],
            of=ANSWERS,
            first=first,
            says=f"{i + 1} of {ANSWERS} answers found …",
            **_said(recipe, problem, faces),
        )


def asked_of_five(recipe: Restoration) -> dict:
    """What five answers are answers to, and the words above them: known before one of them is."""
    return dict(_words(recipe), observed=uri(problem_of(recipe).observed), hard=recipe.task == "enlarge")


def _words(recipe: Restoration) -> dict:
    """sentence, lead, label of what was observed, and flap: does a true picture lie under it?"""
    task, side, own = recipe.task, recipe.observed_side, recipe.shows == OWN
    known = task != "copy" and not recipe.as_is
    things, what = "faces" if recipe.shows == "portraits" else "pictures", recipe.kind if task == "noise" else task
    label = WORDS["five"]["label"][what].format(side=side)
    shared = WORDS["five"]["shared"]["box" if recipe.kind == "box" else what].format(things=things, pixels=side * side)
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


def _said(recipe: Restoration, problem: Problem, faces: Sequence[Tensor]) -> dict:
    if len(faces) < ANSWERS:
        return {}
    images, hidden = torch.cat(list(faces)), problem.truth is not None and recipe.task != "copy"
    said = dict(agreement=agreement(problem, images), disagreement=disagreement(recipe, images))
    return dict(
        said,
        apart=round(problem.levels_apart(images), 3),
        truth=uri(problem.truth) if hidden else "",
        verdict=" ".join(filter(None, said.values())),
        closeness=[] if problem.truth is None else [round(float(value), 1) for value in psnr(images, problem.truth)],
    )


def agreement(problem: Problem, images: Tensor) -> str:
    """How well the pictures agree with what was observed; whole levels round block means by one level at most."""
    apart = problem.levels_apart(images)
    if apart <= 1:
        return f"All {len(images)} agree with what was observed to within rounding: 1 of 255 levels."
    again = "Shrunk again, they" if isinstance(problem.degradation, Shrink) else "They"
    return f"{again} differ from what was observed by up to {apart:.0f} of 255 levels."


@torch.no_grad()
def disagreement(recipe: Restoration, images: Tensor) -> str:
    """What an independent reader sees differently in the answers, and what the truth is; "" without a reader."""
    if not measured.has_reader(recipe.model):
        return ""
    card = zoo.card(recipe.model)
    world, factors = load_world(card.world), (measured.recorded(recipe.model) or {}).get("factors", [])
    rendered = recipe.shows == card.world
    truth = world.sample(1, FIRST_PICTURE + recipe.picture, spread=world.SPREADS[card.spread])[0] if rendered else None
    doubtful = [factor["name"] for factor in factors if not factor.get("readable", True)]
    readings = read(zoo.load_reader(card.world), images)
    return disagreed(world, readings, deviations(card.world, card.spread), doubtful, truth)


# --- as the page shows them: flap.js lets a visitor guess, and lifts the flap


def html(recipe: Restoration, found: Mapping) -> str:
    """What is left of the picture, the answers, the real one under its flap, and the verdict."""
    tiles = [_tile("mosaic", found["observed"], "what is left of the picture", found["label"], hard=found["hard"])]
    tiles += [_answer(found, i) for i in range(ANSWERS)]
    tiles += [_under_the_flap(found)] if found["flap"] else []
    kind = "five" if found["flap"] else "five flapless"
    words = f'data-sentence="{escape(found["sentence"])}" data-lead="{escape(found["lead"])}"'
    guess = f"{found.get('agreement', '')} Tap the one that you think comes closest."
    said = guess if found["flap"] and "verdict" in found else found.get("verdict", "")
    verdict = (
        f'<p class="verdict" id="restore-five-verdict" role="status"{"" if said else " hidden"}>{escape(said)}</p>'
    )
    return f'<div class="{kind}" {words}>{"".join(tiles)}</div>{verdict}'


def _answer(found: Mapping, i: int) -> str:
    src, close = found["faces"][i] if i < len(found["faces"]) else "", found.get("closeness")
    name, caption, more = f"face-{i + 1}", f"Answer {i + 1}", ""
    if found.get("truth"):
        asks = f"{caption}: does it come closest to the real one?"
        more = f'role="button" tabindex="0" aria-label="{asks}" data-close="{close[i]:.1f} dB" {_says(found, i)}'
    elif close:
        caption = f"{close[i]:.1f} dB"
    return _tile(name, src, f"answer {i + 1} of five", caption, more=more)


def _under_the_flap(found: Mapping) -> str:
    truth = found.get("truth", "")
    if not truth:
        return _tile("real", "", "", "The real one")
    flap = f'<button type="button" class="flap" id="restore-flap" {_says(found)}>Lift the flap</button>'
    return _tile("real", "", "", "Under the flap", more=f'data-truth="{truth}"', beside=flap)


def _says(found: Mapping, guess: int | None = None) -> str:
    """The verdict once the flap is lifted, as an attribute; guess: the answer that was chosen, counted from 0."""
    closeness = found["closeness"]
    best = closeness.index(max(closeness))

    def named(i: int) -> str:
        return f"answer {i + 1}, {closeness[i]:.1f} dB"

    chosen = "" if guess is None else f"You chose {named(guess)}. "
    closest = f"You chose the closest: {named(best)}." if guess == best else f"{chosen}Closest: {named(best)}."
    return f'data-says="{escape(closest)} None of the five is real. {escape(found["verdict"])}"'


def _tile(name: str, src: str, alt: str, caption: str, *, hard: bool = False, more: str = "", beside: str = "") -> str:
    """A picture with its name under it, an empty frame where there is none yet."""
    shown = f'src="{src}" ' if src else ""
    image = f'<img {shown}id="restore-{name}" class="{"hard" * hard}" alt="{alt if src else ""}" draggable="false">'
    frame = f'<div class="seen{"" if src else " empty"}" {more}>{image}{beside}</div>'
    return f'<figure class="framed">{frame}<figcaption>{escape(caption)}</figcaption></figure>'
