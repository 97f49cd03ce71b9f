"""Five answers to what is left of one picture: how well they agree with it, and what they disagree about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape

import torch
from torch import Tensor

from core import evidence as measured
from core import zoo
from core.inversion.losses import psnr
from core.inversion.tasks import Problem
from core.truth.disagreement import mistaken, seen_in

from ..page.blocks import picture as uri
from .recipe import OWN, STARTS, WORDS, Restoration
from .search import problem_of, searched

ANSWERS = 5
SAYS = WORDS["five"]
HTML = SAYS["html"]


def five(recipe: Restoration, page: int = 0) -> Iterator[dict | None]:
    """Answers from five starts, each with what was observed put back; the last has the verdict."""
    recipe, first = replace(recipe, keep=True), ANSWERS * page
    problem, about, faces = problem_of(recipe), asked_of_five(recipe), []
    for i in range(ANSWERS):
        found = yield from searched(replace(recipe, start=(first + i) % STARTS))
        faces.append(found.image)
        shown = dict(faces=[uri(face) for face in faces], of=ANSWERS, first=first)
        said = _said(recipe, problem, faces) if len(faces) == ANSWERS else {}
        yield dict(about, **shown, says=f"{i + 1} of {ANSWERS} answers found …", **said)


def asked_of_five(recipe: Restoration) -> dict:
    """What five answers are answers to, and the words above them: known before one of them is.

    flap: does a true picture lie under it?
    """
    task, side = recipe.task, recipe.observed_side
    knows = "copy" if task == "copy" else "nobody" if recipe.as_is else "truth"
    what = recipe.kind if task == "noise" else task
    things = "faces" if recipe.shows == "portraits" else "pictures"
    label = SAYS["label"][what].format(side=side)
    shared = SAYS["shared"]["box" if recipe.kind == "box" else what].format(
        things=things, side=side, pixels=side * side
    )
    given = f"A mosaic of {label}" if task == "enlarge" else label
    under = SAYS["lead"]["own" if knows == "truth" and recipe.shows == OWN else knows]
    return dict(
        sentence=f"{shared}. {SAYS['asks'][knows]}",
        lead=SAYS["lead"]["given"].format(given=given, things=things) + under,
        label=label,
        flap=knows == "truth",
        observed=uri(problem_of(recipe).observed),
        hard=task == "enlarge",
    )


def _said(recipe: Restoration, problem: Problem, faces: Sequence[Tensor]) -> dict:
    images, hidden = torch.cat(list(faces)), problem.truth is not None and recipe.task != "copy"
    said = dict(agreement=problem.agreement(images), disagreement=disagreement(recipe, images))
    return dict(
        said,
        apart=round(problem.levels_apart(images), 3),
        truth=uri(problem.truth) if hidden else "",
        verdict=" ".join(filter(None, said.values())),
        wrong=mistakes(recipe, images),
        closeness=[] if problem.truth is None else [round(float(value), 1) for value in psnr(images, problem.truth)],
    )


def disagreement(recipe: Restoration, images: Tensor) -> str:
    """What an independent reader sees differently in the answers, and what the truth is; "" without a reader."""
    return read_by(seen_in, recipe, images) if measured.has_reader(recipe.model) else ""


def mistakes(recipe: Restoration, images: Tensor) -> list[str]:
    """What each answer has wrong, as the reader sees it; "" where nothing, or where nobody can tell."""
    known = measured.has_reader(recipe.model) and recipe.shows == zoo.card(recipe.model).world
    return read_by(mistaken, recipe, images) if known else [""] * len(images)


def read_by(says: Callable, recipe: Restoration, images: Tensor) -> str | list[str]:
    """`says` of the pictures, as the reader of the network's world reads them."""
    card, factors = zoo.card(recipe.model), (measured.recorded(recipe.model) or {}).get("factors", [])
    doubtful = [factor["name"] for factor in factors if not factor.get("readable", True)]
    reader, seed = zoo.load_reader(card.world), recipe.seed if recipe.shows == card.world else None
    return says(images, reader, card.world, card.spread, doubtful=doubtful, seed=seed)


# --- as the page shows them: restore.js lets a visitor guess, and lifts the flap


def html(recipe: Restoration, found: Mapping) -> str:
    """What is left of the picture, the answers, the real one under its flap, and the verdict."""
    tiles = [_tile("mosaic", found["observed"], "what is left of the picture", found["label"], hard=found["hard"])]
    tiles += [_answer(found, i) for i in range(ANSWERS)]
    said, kind = found.get("verdict", ""), "five flapless"
    if found["flap"]:
        truth, kind = found.get("truth", ""), "five"
        flap = dict(more=f'data-truth="{truth}"', beside=HTML["flap"].format(says=_says(found))) if truth else {}
        tiles.append(_tile("real", "", "", "Under the flap" if truth else "The real one", **flap))
        said = said and f"{found['agreement']} Tap the one that you think comes closest."
    verdict = HTML["verdict"].format(hidden="" if said else " hidden", says=escape(said))
    words = dict(sentence=escape(found["sentence"]), lead=escape(found["lead"]))
    return HTML["all"].format(kind=kind, tiles="".join(tiles), verdict=verdict + _lifted(found), **words)


def _lifted(found: Mapping) -> str:
    """What stands under the verdict once the flap is lifted: what it teaches, and the numbers behind a tap."""
    if not found.get("truth"):
        return ""
    named = ", ".join(f"answer {i + 1}: {close:.1f} dB" for i, close in enumerate(found["closeness"]))
    return HTML["lifted"].format(moral=SAYS["moral"], numbers=escape(f"{found['verdict']} PSNR: {named}."))


def _answer(found: Mapping, i: int) -> str:
    src, close = found["faces"][i] if i < len(found["faces"]) else "", found.get("closeness")
    caption, more = f"Answer {i + 1}", ""
    if found.get("truth"):
        more = HTML["guess"].format(
            caption=caption, close=caption + ", closest" * (close[i] == max(close)), says=_says(found, i)
        )
    elif close:
        caption = f"{close[i]:.1f} dB"
    return _tile(f"face-{i + 1}", src, f"answer {i + 1} of five", caption, more=more)


def _says(found: Mapping, guess: int | None = None) -> str:
    """The verdict once the flap is lifted, as an attribute; guess: the answer that was chosen, counted from 0."""
    closeness = found["closeness"]
    best = closeness.index(max(closeness))
    wrong = [f": it {one}" if one else "" for one in found["wrong"]]
    chosen = f"You chose answer {guess + 1}{wrong[guess]}. " if guess not in (None, best) else ""
    closest = f"answer {best + 1}{wrong[best] and ', but' + wrong[best][1:]}"
    first = (
        f"You chose the closest pixel for pixel, {closest}" if guess == best else f"Closest pixel for pixel: {closest}"
    )
    says = f"{chosen}{first}. {SAYS['unreal']}"
    return f'data-says="{escape(says)}"'


def _tile(name: str, src: str, alt: str, caption: str, *, hard: bool = False, more: str = "", beside: str = "") -> str:
    """A picture with its name under it, an empty frame where there is none yet."""
    shown = dict(src=f'src="{src}" ', alt=alt, empty="") if src else dict(src="", alt="", empty=" empty")
    kind = "hard" if hard else ""
    return HTML["tile"].format(name=name, hard=kind, caption=escape(caption), more=more, beside=beside, **shown)
