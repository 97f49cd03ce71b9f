"""Attributes: knobs that do what their name says, from labels that a reader gives; and what else each of them moves."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from core import evidence, zoo
from core.boundaries.hierarchy import recommended, rescored
from core.boundaries.interfacegan import boundaries, conditioned
from core.boundaries.pure import LAM, gradient, pure
from core.factorization.baseline import random_directions
from core.factorization.sefa import sefa
from core.truth.judge import READER
from core.truth.verdict import listed

from ..page import blocks
from ..page.arrival import recorded
from ..page.attribute_knobs import SLOPES_IMPORT, Measured, Way, attribute_knobs, slopes_code
from ..page.attribute_knobs import measured as measured_knobs
from ..page.cells import Cell, Progress, truth_cell
from ..page.export import STEP_IMPORT, Code, label_code, step_line
from ..page.fields import amounts_field, choice_field, names_field, number_field, whole_field
from ..page.knobs import Knobs
from ..page.labels import (
    TURNED,
    changes_on_others,
    judge_of,
    knob_count,
    labels_of,
    read_labels,
    unfitted_judge_of,
)
from ..page.layers import Rows, in_a_sentence, layers_cell
from ..page.picture import PictureRecipe, label_field, layers_field, opened, reach_of, slots_of
from ..page.tab import Tab, words_of
from .planes import planes
from .repair import repair_cell
from .teach import EXTRAS, NAMELESS, answers_field, is_taught, teach_cell, with_word, word_code, word_field

MOST, FIRST = 32, "hair_tone"  # attributes, and the one that the tab arrives with
WAYS = {
    "pure": "moves one attribute, holds the others (ours)",
    "svm": "between the ends of the scores (linear SVM, as published)",
    "ridge": "all scores, least squares",
    "pattern": "how the codes of pictures with more of it differ",
    "gradient": "what moves its reading most, and anything else with it (mean gradient)",
}
STRONG = 0.1  # lam from which a pure knob holds the others little: its own share was measured to be a quarter
BY_SLOPES = ("pure", "gradient")  # ways by the slopes of the readings; the others go by the readings
NO_LAM = {fit: {"lam": None} for fit in ("svm", "ridge", "pattern", "gradient")}  # only pure knobs can be made stronger


@dataclass(frozen=True)
class Attributes(PictureRecipe, tab="attributes", what="a picture with attributes", give="give a model and amounts"):
    """A picture moved along directions that are named after attributes.

    fit: how a direction is found, of WAYS. lam: of pure knobs, from 0 (pure) to 1 (strong). fixed: attributes that the
    other knobs must not move. yes, no, word: what was taught, see `teach`; its knob comes after
    the others. amounts: one an attribute, in standard deviations of w . n. knob: the chosen one, from 0.
    """

    label: int = label_field(knob=0, amounts=[0.0] * MOST, fixed=[])  # another class has other attributes
    fit: str = choice_field("way of finding knobs", WAYS, control=dict(kind="choice", options=WAYS, word="fit"))
    lam: float = number_field("pure or strong", 0, 1, default=LAM, control=dict(kind="range", word="lam", step=0.01))
    fixed: tuple[str, ...] = names_field("attributes that must stay", lambda recipe: judge_of(recipe).names, "fixed")
    layers: str = layers_field()
    yes: tuple[int, ...] = answers_field("numbers of pictures that show a word of your own")
    no: tuple[int, ...] = answers_field("numbers of pictures without it")
    word: str = word_field()
    amounts: tuple[float, ...] = amounts_field(MOST, reach_of, "1.5,0,-2")
    knob: int = whole_field("the chosen knob, counted from 0,", 0, MOST - 1, most=lambda recipe: last_knob(recipe))

    def told(self) -> str:
        count = len(self.yes) + len(self.no)
        return f"Attributes, where “{self.word or NAMELESS}” was taught by {count} pictures" if is_taught(self) else ""


# --- knobs


def last_knob(recipe: Attributes) -> int:
    return knob_count(recipe) - 1 + is_taught(recipe)


def knobs_of(recipe: Attributes) -> Knobs:
    """A knob for each attribute, and one for the word that was taught; the fixed ones stay."""
    return with_word(attributes_of(recipe), recipe)


def attributes_of(recipe: Attributes) -> Knobs:
    return attribute_knobs(recipe, slots_of(recipe), way_of(recipe))


def way_of(recipe: Attributes) -> Way:
    return Way(recipe.fit, recipe.lam if recipe.fit == "pure" else 0.0, recipe.fixed)


def measured(recipe: Attributes) -> Measured | None:
    """What the evidence says of the recipe's knobs; None where exactly these were not measured."""
    return measured_knobs(recipe, way_of(recipe)) if recipe.layers == "all" else None


def in_layers(recipe: Attributes) -> Generator[Progress, None, Rows]:
    """Every knob in all layers, followed by its own attribute."""
    yield from read_labels(recipe)
    knobs, judge = attributes_of(replace(recipe, layers="all")), unfitted_judge_of(recipe)
    called, at = [in_a_sentence(factor.short) for factor in judge.factors], min(recipe.knob, len(knobs) - 1)
    usual = replace(recipe, layers="all", fit="svm", fixed=())
    return Rows(
        *(knobs.directions, knobs.steps, judge, range(len(knobs)), knobs.titles, called),
        followed="the attribute that it is named after",
        at=at,
        sets=lambda row, layers: dict(knob=row, layers=layers),
        again=lambda layers: dict(layers="all"),
        boundary=lambda: attributes_of(usual).directions.only([at]),
    )


def first() -> Attributes:
    """Steer's face with one knob at +1.5, chosen by eye among those whose share is about a half or more."""
    steer, card = recorded("steer"), next(iter(zoo.CARDS.values()))
    plain = Attributes(card.name, seed=steer["recipe"]["seed"] if steer else 0, psi=card.psi)
    knob = judge_of(plain).names.index(FIRST)
    return replace(plain, knob=knob, amounts=(0.0,) * knob + (1.5,))


def sentence(recipe: Attributes) -> str:
    judge, fit = judge_of(recipe), recipe.fit
    whose = "readers that were trained on renders" if judge.grade == READER else "exact picture statistics"
    if labels_of(recipe) is None:
        return f"A knob for each of {len(judge.factors)} attributes can be found here, with the labels of {whose}."
    if (told := measured(recipe)) and recipe.knob < len(judge.factors):
        own, usual = judge.factors[recipe.knob], measured(replace(recipe, fit="svm"))
        thing = judge.things.removesuffix("s")
        other = "" if recipe.fit == "svm" else f" ({usual.share(recipe.knob):.0f} % the usual way, with a linear SVM)"
        return (
            f"This knob takes a {thing} that {own.low} to one that {own.high}. That is {told.share(recipe.knob):.0f} % "
            f"of all that it changes{other}. The labels come from {whose}; nobody clicked."
        )
    named = listed([factor.short for factor in judge.factors if factor.name in recipe.fixed], "attributes")
    stay = f"; {named} must stay" if named else ""
    if recipe.knob >= len(judge.factors):
        count = len(recipe.yes) + len(recipe.no)
        return f"This knob is “{recipe.word or NAMELESS}”, as {count} answers taught it{stay}."
    held = "hold the others" if recipe.lam <= STRONG else "are so strong that they move others too"
    how = f"move one attribute each and {held}" if fit == "pure" else f"come from labels: {WAYS[fit]}"
    return f"These {len(judge.factors)} knobs {how}{stay}. The labels are those of {whose}; nobody clicked."


def code(recipe: Attributes) -> Code:
    """The lines that make `directions`, `steps` and `amounts` in the code cell."""
    labels, slots, label = labels_of(recipe), slots_of(recipe), label_code(recipe)
    rows = [judge_of(recipe).names.index(name) for name in recipe.fixed]
    last = max([i + 1 for i, amount in enumerate(recipe.amounts) if amount], default=1)
    own = "codes_in_turn(generator, "
    if recipe.label_or_none is not None:
        own = f"(lambda n, first, psi=1.0: generator.codes(generator.sample(n, first), psi=psi{label}))("
    derived = slopes_code(labels, own)
    read = [
        f"labelled = {own}{len(labels.readings)}, {labels.first_seed})",
        "readings = scores.read_codes(generator, judge.read, labelled)",
    ]
    by_slopes = [SLOPES_IMPORT]
    by_scores, word = ["from core.truth import scores"], word_code(recipe) if is_taught(recipe) else None
    if recipe.fit in BY_SLOPES:
        imports = [*by_slopes, f"from core.boundaries.pure import {recipe.fit}"]
        how = (f"lam={recipe.lam:g}, " if recipe.fit == "pure" else "") + f"fixed={rows}{label}"
        lines = [*derived, f"directions = {recipe.fit}(generator, slopes, {slots}, {how})"]
    else:
        imports = [*by_scores, "from core.boundaries.interfacegan import boundaries, conditioned"]
        lines = [
            *read,
            f'fitted = boundaries(generator, labelled, readings, {slots}, fit="{recipe.fit}")',
            f"directions = conditioned(fitted.directions, {rows})",
        ]
    if word:
        imports += [*by_slopes, *by_scores, *word.imports]
        lines += [*(read if recipe.fit in BY_SLOPES else derived), *word.lines]
    imports += ["from core import zoo", "from core.codes import codes_in_turn"]
    judge = f'judge = zoo.load_fitted_judge("{recipe.model}"{label})'
    return Code([*imports, STEP_IMPORT], [judge, *lines, step_line(recipe), f"amounts = {list(recipe.amounts[:last])}"])


# --- experiments: each yields HTML


def entangled(recipe: Attributes) -> Iterator[str | Progress]:
    """What every knob does to every attribute, and the same for the usual way: the diagonal is wanted."""
    yield from read_labels(recipe)
    said, tables = [], ""
    usual = replace(recipe, fit="svm", fixed=())
    sets = {"These knobs": recipe} | ({} if recipe.fit == "svm" else {"The usual way, a linear SVM": usual})
    for name, one in sets.items():
        rows, told = [], measured(one)
        if told:
            rows, about = list(told.changes), told.pictures
        else:
            about, part = TURNED, 1 / len(sets)
            for change in changes_on_others(one, attributes_of(one).directions):
                rows.append(change)
                yield Progress(
                    f"{name}: {len(rows)} of {len(judge_of(one).names)}", part * (len(said) + len(rows) / 32)
                )
                if len(rows) % 9 == 0:
                    yield tables + heat_of(name, one, rows, about)
        own = torch.stack(rows).abs()
        clean = int((own.argmax(1) == torch.arange(len(rows))).sum())
        share = 100 * float((own.diagonal() / own.sum(1).clamp(min=1e-12)).median())
        said.append(f"{clean} of {len(rows)} move most what they are named after, and {share:.0f} % is their own")
        tables += heat_of(name, one, rows, about)
    more = f" The usual way: {said[1]}." if len(said) > 1 else ""
    yield blocks.aha(f"Of these knobs, {said[0]} of all that they move (median).{more}") + tables


def heat_of(name: str, recipe: Attributes, rows: list[Tensor], pictures: int) -> str:
    titles = [factor.description for factor in judge_of(recipe).factors]
    caption = f"{name}: change a step in standard deviations, mean of {pictures} pictures that nothing was fitted to"
    return blocks.heat(list(zip(titles, (row.tolist() for row in rows))), titles, caption=caption, digits=1)


def compare(recipe: Attributes) -> Iterator[str | Progress]:
    """The chosen attribute: by how much the best knob of each method moves it, and what share of all change that is."""
    yield from read_labels(recipe)
    judge, generator, slots, rows = judge_of(recipe), opened(recipe.model), slots_of(recipe), []
    at, k = min(recipe.knob, len(judge.names) - 1), min(10, len(range(generator.dim)[generator.movable]))
    named = {WAYS[fit]: replace(recipe, fit=fit) for fit in ("svm", "ridge", "pattern", "gradient")}
    named |= {f"pure, at {lam:g}": replace(recipe, fit="pure", lam=lam) for lam in sorted({0.0, LAM, 0.3, recipe.lam})}
    sets = {name: attributes_of(one).directions.only([at]) for name, one in named.items()}
    sets |= {f"SeFa, best of {k}, no labels": sefa(generator, slots, k=k)}
    sets |= {f"random, best of {k}": random_directions(generator, slots, k=k)}
    for name, found in sets.items():
        told = measured(named[name]) if name in named else None
        changes = [told.changes[at]] if told else changes_on_others(recipe, found)
        best = max(changes, key=lambda change: float(change[at].abs())).abs()
        share = 100 * float(best[at] / best.sum().clamp(min=1e-12))
        rows.append((name, f"{float(best[at]):.2f}", f"{share:.0f} %", str(told.pictures if told else TURNED)))
        yield Progress(f"{len(rows)} of {len(sets)} methods", len(rows) / len(sets))
    caption = f"Moving {judge.factors[at].description}: means of pictures that nothing was fitted to"
    heads = ("knob", "change a step (sd)", "share of all that it moves", "pictures")
    found = blocks.table(heads, rows, caption=caption)
    yield found + planes(recipe, at)


RESTS = ("model", "label", "psi", "fit", "lam", "fixed", "layers")
TURNS = "Every knob turned, and every attribute that it moves: only the diagonal is wanted. Below it, the usual way."
METHODS = "The chosen attribute: how strong a knob each method has for it, and how pure."
RECORDED = ("entangled", "compare", "layers", "truth")  # cells that the arrival has
TAB = Tab(
    "attributes",
    "Attributes",
    Attributes,
    lead="Choose an attribute by name, turn it, and see what else moves. Under More controls: what must stay.",
    sentence=sentence,
    knobs=knobs_of,
    code=code,
    **words_of(str(Path(__file__).with_name("method.md"))),
    sources=(pure, gradient, boundaries, conditioned, rescored, recommended),
    setup=lambda recipe: dict(options=dict(fixed=judge_of(recipe).words), controls=NO_LAM.get(recipe.fit, {})),
    ready=lambda recipe: labels_of(recipe) is not None,
    prepare=read_labels,
    made_from=lambda model: evidence.made_from(model, "attributes", "layers", "taught"),
    first=first,
    cells=(
        Cell("entangled", "What else does it change?", TURNS, "Turn every knob", entangled, RESTS),
        layers_cell(in_layers, RESTS[:-1], "Every knob in one layer alone: where is its attribute decided?"),
        teach_cell(),
        Cell("compare", "By labels and without", METHODS, "Compare", compare, (*RESTS, "knob"), "compare"),
        repair_cell(),
        truth_cell("attributes", also=("layers", "taught")),
    ),
    extras=EXTRAS,
)
