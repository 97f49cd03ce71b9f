"""Five answers to what is left of one picture: how well they agree with it, and what they disagree about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from core import zoo
from core.images import in_levels
from core.inversion.degradations import Shrink
from core.inversion.losses import psnr
from core.truth.readers import read
from core.truth.worlds import deviations, load_world

from ..page import evidence as measured
from ..page.blocks import picture as uri
from .problem import Problem, problem_of
from .recipe import Restoration
from .search import searched
from .settings import FIRST_PICTURE, OWN, STARTS

ANSWERS = 5
WORN = 0.375  # reading of a thing that is worn or not: half of the least size that is drawn
CLEAR = 0.5  # standard deviations between answers from which they disagree
TOP = 3


def five(recipe: Restoration, first: int = 0) -> Iterator[dict | None]:
    """Answers from five starts, each with what was observed put back; the last has the verdict."""
    recipe = replace(recipe, keep=True)
    problem, faces = problem_of(recipe), []
    for i in range(ANSWERS):
        found = yield from searched(replace(recipe, start=(first + i) % STARTS))
        faces.append(found.image)
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
    side = recipe.observed_side
    return dict(
        words_of_five(
            recipe.task,
            recipe.kind,
            side,
            portraits=recipe.shows == "portraits",
            own=recipe.shows == OWN,
            known=recipe.task != "copy" and not recipe.as_is,
        ),
        observed=uri(problem_of(recipe).observed),
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


def _five_said(recipe: Restoration, problem: Problem, faces: Sequence[Tensor]) -> dict:
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


def levels_apart(problem: Problem, images: Tensor) -> float:
    """The largest difference of the pictures, in whole levels, from what was observed, in levels of 255."""
    seen = problem.degradation.expected(in_levels(images))
    return float((seen - problem.degradation.trusted(problem.observed)).abs().max()) * 127.5


def agreement(problem: Problem, images: Tensor) -> str:
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
