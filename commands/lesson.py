"""A lesson for a page that has no server: questions to guess first, and the visitor's own browser measures.

`files` are what the page needs beside the engine; `section` is what stands in its HTML. What is recorded comes from the
evidence of exactly the weights that are here, and is said to be recorded; without evidence the lesson measures only.
"""

from __future__ import annotations

import base64
import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core import evidence, lessons, zoo
from core.codes import Directions, codes_in_turn, edit, layer_groups
from core.factorization.baseline import spread_along
from core.factorization.sefa import sefa
from core.generators.base import Generator
from core.truth.judge import Judge
from core.truth.scores import rank_correlation
from engine.pack import pack_reader

HERE = Path(__file__).resolve().parent
PARTS = HERE / "lesson_page"
MODEL = lessons.PORTRAITS
KNOBS, FACES, FIRST_FACE = 10, 64, 1_020_000  # as the evidence measures them
TURN = "yaw"
BOUNDS = (1 / 8, 1 / 3, 2 / 3)  # of all factors: where guesses of a count end
SHARES = (50, 75, 95, 100)  # guesses of a share, of 100
HALF_WAY, OFFERED = 0.5, 5  # truncation; factors to choose from
LEVELS = 127.5  # of 255, for a difference of 1
FEW = 8  # faces, where something is measured while the files are made


@cache
def words() -> dict:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def section() -> str:
    """Where the lesson goes in a page; lesson/lesson.js fills it."""
    return '<link rel="stylesheet" href="lesson/lesson.css"><section class="lesson" id="lesson"></section>'


def files(model: str = MODEL) -> dict[str, bytes]:
    """Every file by its name in the folder; the engine lies beside them, in engine/.

    Raises ValueError where no reader knows the network's pictures, or they have no heads to turn.
    """
    if not zoo.has_reader(model) or TURN not in zoo.load_judge(model).names:
        raise ValueError(
            f"no reader knows how heads are turned in the pictures of {model}: give a network of portraits"
        )
    reader = pack_reader(zoo.load_reader(zoo.card(model).world), about=dict(world=zoo.card(model).world))
    made = {f"lesson/{path.name}": path.read_bytes() for path in sorted(PARTS.iterdir()) if path.is_file()}
    said = data(model, len(reader))
    return made | {"lesson/reader.pack": reader, "lesson/lesson.json": said}


def data(model: str, size: int) -> bytes:
    """What the script needs: knobs, faces, factors and questions. size: bytes of the reader's pack."""
    generator, judge, card = zoo.load(model), zoo.load_judge(model), zoo.card(model)
    knobs = sefa(generator, k=min(KNOBS, len(range(generator.dim)[generator.movable])))
    steps, known = spread_along(generator, knobs), evidence.recorded(model)
    made = dict(
        model=model,
        things=card.things,
        psi=card.psi,
        faces=FACES,
        first=FIRST_FACE,
        reach=card.reach,
        reader=dict(file="reader.pack", size=size),
        slots=list(knobs.slots),
        groups=groups_of(generator),
        factors=factors_of(judge, known),
        turn=judge.names.index(TURN),
        half_way=HALF_WAY,
        knobs=[
            dict(vector=packed(vector), step=float(step), score=float(score))
            for vector, step, score in zip(knobs.vectors, steps, knobs.scores)
        ],
        questions=questions(Lesson(generator, judge, card.psi, knobs, steps, known)),
        words={name: text for name, text in words().items() if name != "questions"},
    )
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()


def factors_of(judge: Judge, known: Mapping | None) -> list[dict]:
    readable = {one["name"]: one["readable"] for one in known["factors"]} if known else {}
    return [
        dict(name=one.name, short=one.short, sd=float(sd), readable=readable.get(one.name, True))
        for one, sd in zip(judge.factors, judge.spread)
    ]


def groups_of(generator: Generator) -> dict[str, list[int]]:
    """Slots of coarse, middle and fine layers, as far as the network has them."""
    return {name: list(slots) for name, slots in layer_groups(generator.slots).items() if name != "all"}


def packed(numbers: Tensor) -> str:
    """Numbers as float32, little-endian, base64."""
    return base64.b64encode(np.ascontiguousarray(numbers.detach().float().numpy(), "<f4").tobytes()).decode()


# --- questions: what is asked, the guesses in words and as values, the recorded answer and which guess it makes right


class Lesson(NamedTuple):
    """What questions are made of. known: the evidence; None where these weights were not measured."""

    generator: Generator
    judge: Judge
    psi: float
    knobs: Directions
    steps: Tensor
    known: Mapping | None


def questions(lesson: Lesson) -> list[dict]:
    """Those that can be asked of the network, in the order of lesson.toml."""
    made = []
    for name, text in words()["questions"].items():
        told = {key: text[key] for key in ("answer", "unit", "rule", "groups") if key in text}
        made.append(dict(name=name, **told, **ASKED[name](lesson, text)))
    return [one for one in made if len(one["guesses"]) > 1]


def question(asks: str, guesses: Sequence[str], values: Sequence, recorded: str = "", right: int | None = None) -> dict:
    return dict(asks=asks, guesses=list(guesses), values=list(values), recorded=recorded, right=right)


def found(lesson: Lesson, text: Mapping) -> dict:
    counted = lesson.known and lessons.found(lesson.known)
    of = counted["of"] if counted else len(lesson.judge.factors)
    ends = sorted({round(share * of) for share in BOUNDS})
    starts = [0, *(end + 1 for end in ends[:-1])]
    guesses = [text["guess"].format(low=low, high=high) for low, high in zip(starts, ends)]
    guesses.append(text["more"].format(low=ends[-1]))
    asks = text["asks"].format(of=of, things=lesson.judge.things, knobs=len(lesson.knobs))
    if not counted:
        return question(asks, guesses, [*ends, of])
    return question(
        asks, guesses, [*ends, of], text["recorded"].format(**counted), sum(counted["sefa"] > end for end in ends)
    )


def turns(lesson: Lesson, text: Mapping) -> dict:
    numbers = range(len(lesson.knobs))
    asked = text["asks"], [text["guess"].format(knob=i + 1) for i in numbers], numbers
    if not lesson.known:
        return question(*asked)
    said = lessons.turns(lesson.known)
    amounts = {name: f"{said[name]:.2f}" for name in ("amount", "less")}
    return question(*asked, text["answer"].format(**said | amounts), said["knob"] - 1)


def pure(lesson: Lesson, text: Mapping) -> dict:
    a, b = 0, len(lesson.knobs) // 2
    asked = text["asks"].format(a=a + 1, b=b + 1), text["guesses"], (a, b)
    if not lesson.known:
        return question(*asked)
    (first, what), (second, other) = (lessons.pure(lesson.known)[i] for i in (a, b))
    names = dict(what=lesson.judge.factors[what].short, other=lesson.judge.factors[other].short)
    said = text["answer"].format(a=a + 1, b=b + 1, first=f"{first:.0f}", second=f"{second:.0f}", **names)
    return question(*asked, said, int(first <= second))


def layers(lesson: Lesson, text: Mapping) -> dict:
    groups = groups_of(lesson.generator)
    asked = text["asks"], [text["guesses"][name] for name in groups], list(groups)
    if not lesson.known or not groups:
        return question(*asked)
    best = {name: max(lessons.turned(lesson.known, name)) for name in groups}
    told = ", ".join(f"{best[name]:.2f} {text['guesses'][name]}" for name in groups)
    return question(
        *asked,
        text["recorded"].format(amounts=told, knobs=len(lesson.knobs)),
        list(best).index(max(best, key=best.__getitem__)),
    )


def same(lesson: Lesson, text: Mapping) -> dict:
    things = lesson.judge.things
    asked = text["asks"].format(things=things), [text["guess"].format(share=share) for share in SHARES], SHARES
    if not lesson.known:
        return question(*asked)
    mean = fmean(lessons.agreeing(lesson.known))
    said = text["recorded"].format(**lessons.same(lesson.known), things=things)
    return question(*asked, said, min(range(len(SHARES)), key=lambda i: abs(SHARES[i] - mean)))


@torch.no_grad()
def eigen(lesson: Lesson, text: Mapping) -> dict:
    """The evidence does not have how much pictures change: it is measured here, on FEW faces."""
    codes, sizes = codes_in_turn(lesson.generator, FEW, FIRST_FACE, psi=lesson.psi), []
    for i, step in enumerate(lesson.steps.tolist()):
        moved = (edit(codes, lesson.knobs.only([i]), [sign * step]) for sign in (1, -1))
        plus, minus = (lesson.generator(one).clamp(-1, 1) for one in moved)
        sizes.append(float(LEVELS / 2 * (plus - minus).square().mean((1, 2, 3)).sqrt().mean()))
    most = max(range(len(sizes)), key=sizes.__getitem__)
    agree = f"{rank_correlation(lesson.knobs.scores, torch.tensor(sizes)):.2f}".replace("-", "−")
    said = text["answer"].format(most=most + 1, first=f"{sizes[0]:.1f}", size=f"{sizes[most]:.1f}", agree=agree)
    return dict(question(text["asks"], text["guesses"], (True, False), said, int(most != 0)), made=FEW)


def hides(lesson: Lesson, text: Mapping) -> dict:
    """Offered are, of the factors in the order in which truncation hides them, some that lie evenly apart."""
    factors, kept = lesson.judge.factors, lesson.known and lesson.known["truncation"][str(HALF_WAY)]
    order = sorted(range(len(factors)), key=kept.__getitem__) if kept else range(len(factors))
    offered = sorted({order[round(i * (len(factors) - 1) / (OFFERED - 1))] for i in range(OFFERED)})
    guesses = [text["guess"].format(what=factors[i].short) for i in offered]
    asked = text["asks"].format(things=lesson.judge.things.capitalize()), guesses, offered
    if not kept:
        return question(*asked)
    least, best = (pick(offered, key=kept.__getitem__) for pick in (min, max))
    shares = dict(a=f"{100 * kept[least]:.0f}", z=f"{100 * kept[best]:.0f}")
    said = text["answer"].format(first=factors[least].short.capitalize(), last=factors[best].short, **shares)
    return question(*asked, said, offered.index(least))


ASKED = dict(found=found, turns=turns, pure=pure, layers=layers, same=same, eigen=eigen, hides=hides)
