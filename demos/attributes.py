"""Attributes: knobs that do what their name says, from labels that a reader gives; and what else each of them moves.

A tab is data: `TAB` says what is its own; page/tab.py builds stage, link, code cell, notebook and endpoints of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from core import zoo
from core.boundaries.interfacegan import boundaries, conditioned
from core.boundaries.pure import LAM, pure
from core.codes import Directions
from core.factorization.baseline import random_directions, spread_along
from core.factorization.sefa import sefa
from core.truth import scores
from core.truth.judge import GRADES, READER, Judge

from .page import blocks, evidence
from .page.cache import cached
from .page.export import Code
from .page.fields import amounts_field, choice_field, names_field, number_field, whole_field
from .page.knobs import Knobs
from .page.labels import FIRST_SLOPED, codes_for, judge_of, labels_of, read_labels, spread_of
from .page.picture import PictureRecipe, layers_field, opened, reach_of, slots_of
from .page.queue import SHORT
from .page.tab import Cell, Progress, Tab

CHECKED, FIRST_CHECKED = 32, 1_090_000  # pictures on which knobs are turned, and the first one's seed
MOST = 32  # attributes
WAYS = {
    "pure": "moves one attribute, holds the others (ours)",
    "svm": "between the ends of the scores (linear SVM, as published)",
    "ridge": "all scores, least squares",
    "pattern": "how codes with more of it differ",
}
HEAD = ("knob", "change a step (sd)", "share of all that it moves")
LIMITS = (
    "The labels are what a reader sees in cartoons: it was trained on renders, and the pure knobs were made with the "
    "same reader that judges them here. A direction is one for all pictures of the network; on a single picture it may "
    "do something else. Right angles between directions do not keep a picture’s attributes fixed; holding them in the "
    "picture does, at first order."
)


@dataclass(frozen=True)
class Attributes(PictureRecipe, tab="attributes", what="a picture with attributes", give="give a model and amounts"):
    """A picture moved along directions that are named after attributes.

    fit: how a direction is found, of WAYS. lam: of pure knobs, from 0 (pure) to 1 (strong). fixed: attributes that the
    other knobs must not move. amounts: one an attribute, in standard deviations of w . n. knob: the chosen one, from 0.
    """

    fit: str = choice_field("way of finding knobs", WAYS, control=dict(kind="choice", options=WAYS, word="fit"))
    lam: float = number_field("pure or strong", 0, 1, default=LAM, control=dict(kind="range", word="lam", step=0.01))
    fixed: tuple[str, ...] = names_field("attributes that must stay", lambda recipe: judge_of(recipe).names, "fixed")
    layers: str = layers_field()
    amounts: tuple[float, ...] = amounts_field(MOST, reach_of, "1.5,0,-2")
    knob: int = whole_field("the chosen knob, counted from 0,", 0, MOST - 1)


# --- knobs


def directions_of(recipe: Attributes) -> Directions:
    """A direction for each attribute; the fixed ones stay."""
    lam = recipe.lam if recipe.fit == "pure" else 0.0
    weights = zoo.weights_hash(recipe.model)
    return _fitted(recipe.model, weights, recipe.label, slots_of(recipe), recipe.fit, lam, recipe.fixed)


@cached(64)
def _fitted(model: str, _weights: str, label: int, slots: tuple, fit: str, lam: float, fixed: tuple) -> Directions:
    recipe = Attributes(model, label=label)
    generator, judge, labels = opened(model), judge_of(recipe), labels_of(recipe)
    rows = [judge.names.index(name) for name in fixed]
    if fit == "pure":
        return pure(
            generator, labels.slopes(spread_of(recipe)), slots, lam=lam, hold=rows or None, label=recipe.label_or_none
        )
    codes = codes_for(recipe, len(labels.readings), labels.first_seed, 1.0)
    return conditioned(boundaries(generator, codes, labels.readings, slots, fit=fit).directions, rows)


def knobs_of(recipe: Attributes) -> Knobs:
    judge, labels, found = judge_of(recipe), labels_of(recipe), directions_of(recipe)
    steps = spread_along(opened(recipe.model), found, label=recipe.label_or_none)
    changes = labels.expected(spread_of(recipe), found, steps)
    said = [_verdict(judge, change, i, len(labels.jacobian.readings)) for i, change in enumerate(changes)]
    titles = [factor.description for factor in judge.factors]
    ends = [(factor.low, factor.high) for factor in judge.factors]
    return Knobs(found, steps.tolist(), titles, ends, said, unit="standard deviations of w . n")


def _verdict(judge: Judge, change: Tensor, own: int, pictures: int) -> str:
    """What a step moves, beside what else it moves most."""
    total, moved = float(change.abs().sum()), abs(float(change[own]))
    if total < 1e-9:
        return "Nothing that this network can vary changes this while the others stay."
    other = next(i for i in change.abs().argsort(descending=True).tolist() if i != own)
    return (
        f"One step moves {judge.factors[own].description} by {moved:.2f} standard deviations, "
        f"{100 * moved / total:.0f} % of all that it moves; next {judge.factors[other].description}, {abs(float(change[other])):.2f} "
        f"(first order, mean of {pictures} {judge.things})."
    )


def sentence(recipe: Attributes) -> str:
    whose = "a reader that was trained on renders" if judge_of(recipe).grade == READER else "exact picture statistics"
    stay = f"; {', '.join(recipe.fixed)} must stay" if recipe.fixed else ""
    how = (
        "move one attribute each and hold the others"
        if recipe.fit == "pure"
        else f"come from labels: {WAYS[recipe.fit]}"
    )
    return f"These {len(judge_of(recipe).factors)} knobs {how}{stay}. The labels are those of {whose}; nobody clicked."


def code(recipe: Attributes) -> Code:
    """What is this tab's own in the code cell: the lines that make `directions`, `steps` and `amounts`."""
    judge, slots = judge_of(recipe), slots_of(recipe)
    rows = [judge.names.index(name) for name in recipe.fixed]
    last = max([i + 1 for i, amount in enumerate(recipe.amounts) if amount], default=1)
    label = "" if recipe.label_or_none is None else f", label={recipe.label}"
    imports = [
        "from core import zoo",
        "from core.codes import codes_in_turn",
        "from core.factorization.baseline import spread_along",
    ]
    judging = [f'judge = zoo.load_judge("{recipe.model}"{label})']
    if recipe.fit == "pure":
        labels = labels_of(recipe)
        imports.append("from core.boundaries.pure import pure")
        imports.append("from core.boundaries.jacobian import reading_jacobian")
        psi = f", psi={labels.psi:g}"
        lines = [
            f"pictures = codes_in_turn(generator, {len(labels.jacobian.readings)}, {FIRST_SLOPED}{psi})",
            f"jacobian = reading_jacobian(generator.at(psi={labels.psi:g}), judge.read, pictures)",
            "slopes = jacobian.over(judge.spread_over(jacobian.readings).spread)",
            f"directions = pure(generator, slopes, {slots}, lam={recipe.lam:g}, hold={rows or None}{label})",
        ]
    else:
        imports += ["from core.boundaries.interfacegan import boundaries, conditioned", "from core.truth import scores"]
        lines = [
            f"labelled = codes_in_turn(generator, {len(labels_of(recipe).readings)}, {labels_of(recipe).first_seed})",
            "readings = scores.read_codes(generator, judge.read, labelled)",
            f'found = boundaries(generator, labelled, readings, {slots}, fit="{recipe.fit}")',
            f"directions = conditioned(found.directions, {rows})",
        ]
    steps = (
        f"steps = spread_along(generator, directions{label}).tolist()        # one step: a standard deviation of w . n"
    )
    return Code(imports, [*judging, *lines, steps, f"amounts = {list(recipe.amounts[:last])}"])


# --- experiments: each yields HTML


def _moved(recipe: Attributes, directions: Directions) -> Iterator[Tensor]:
    """For each direction: [attributes], the mean change a step in standard deviations, on pictures not fitted to."""
    generator = opened(recipe.model)
    judge, codes = judge_of(recipe), codes_for(recipe, CHECKED, FIRST_CHECKED, recipe.psi)
    steps, view = spread_along(generator, directions, label=recipe.label_or_none), generator.at(psi=recipe.psi)
    for change in scores.knob_changes_of(view, judge.read, codes, directions, steps, spread_of(recipe).float()):
        yield change.mean(0)


def entangled(recipe: Attributes) -> Iterator[str | Progress]:
    """What every knob does to every attribute: the diagonal is wanted."""
    titles, rows = [factor.description for factor in judge_of(recipe).factors], []
    caption = f"Change a step in standard deviations, mean of {CHECKED} pictures that nothing was fitted to"

    def table() -> str:
        return blocks.heat(list(zip(titles, (row.tolist() for row in rows))), titles, caption=caption, digits=1)

    for change in _moved(recipe, directions_of(recipe)):
        rows.append(change)
        yield Progress(f"{len(rows)} of {len(titles)} knobs", len(rows) / len(titles))
        if len(rows) % 9 == 0:
            yield table()
    own = torch.stack(rows).abs()
    clean = int((own.argmax(1) == torch.arange(len(rows))).sum())
    share = (own.diagonal() / own.sum(1).clamp(min=1e-12)).median()
    yield (
        blocks.aha(
            f"{clean} of {len(rows)} knobs move most what they are named after; "
            f"of all that a knob moves, {100 * float(share):.0f} % is its own (median)."
        )
        + table()
    )


def compare(recipe: Attributes) -> Iterator[str | Progress]:
    """The chosen attribute: by how much the best knob of each method moves it, and what share of all change that is."""
    judge, generator, slots, rows = judge_of(recipe), opened(recipe.model), slots_of(recipe), []
    at, k = min(recipe.knob, len(judge.names) - 1), min(10, len(range(generator.dim)[generator.movable]))
    named = {WAYS[fit]: replace(recipe, fit=fit) for fit in ("svm", "ridge", "pattern")}
    named |= {f"pure, at {lam:g}": replace(recipe, fit="pure", lam=lam) for lam in sorted({0.0, LAM, 0.3, recipe.lam})}
    sets = {name: directions_of(one).only([at]) for name, one in named.items()}
    sets |= {f"SeFa, best of {k}, no labels": sefa(generator, slots, k=k)}
    sets |= {f"random, best of {k}": random_directions(generator, slots, k=k)}
    for name, found in sets.items():
        best = max(_moved(recipe, found), key=lambda change: float(change[at].abs())).abs()
        rows.append((name, f"{float(best[at]):.2f}", f"{100 * float(best[at] / best.sum().clamp(min=1e-12)):.0f} %"))
        yield Progress(f"{len(rows)} of {len(sets)} methods", len(rows) / len(sets))
    caption = f"Moving {judge.factors[at].description}: mean of {CHECKED} pictures that nothing was fitted to"
    yield blocks.table(HEAD, rows, caption=caption)


def truth(recipe: Attributes) -> Iterator[str]:
    """What was measured of all knobs of this network, once."""
    nothing = "Nothing has been measured of all knobs of this network; the cells above measure now."
    said = evidence.written(recipe.model, "attributes") or blocks.paragraph(nothing)
    yield blocks.paragraph(GRADES[judge_of(recipe).grade]) + said


RESTS = ("model", "label", "psi", "fit", "lam", "fixed", "layers")
ENTANGLED = Cell(
    "entangled",
    "What else does it change?",
    "Every knob turned, and every attribute that it moves: only the diagonal is wanted.",
    "Turn every knob",
    entangled,
    RESTS,
)
COMPARE = Cell(
    "compare",
    "By labels and without",
    "The chosen attribute: how strong a knob each method has for it, and how pure.",
    "Compare",
    compare,
    (*RESTS, "knob"),
    place="compare",
)
TRUTH = Cell(
    "truth",
    "Measured once, on many pictures",
    "By a command of its own, with controls.",
    "Look it up",
    truth,
    ("model",),
    place="true",
    by_itself=True,
    lane=SHORT,
)
TAB = Tab(
    "attributes",
    "Attributes",
    Attributes,
    lead="Choose an attribute by name, turn it, and see what else moves. Under More controls: what must stay.",
    sentence=sentence,
    knobs=knobs_of,
    code=code,
    method=(Path(__file__).parent / "attributes.md").read_text(encoding="utf-8"),
    sources=(pure, boundaries, conditioned),
    options=lambda recipe: {"fixed": {factor.name: factor.description for factor in judge_of(recipe).factors}},
    ready=lambda recipe: labels_of(recipe) is not None,
    prepare=read_labels,
    made_from=lambda model: evidence.made_from(model) | evidence.files(f"{model}-attributes"),
    cells=(ENTANGLED, COMPARE, TRUTH),
    limits=LIMITS,
)
