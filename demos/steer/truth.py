"""How true is this? What was measured of the chosen knob, and a picture beside what was read of it."""

from __future__ import annotations

from html import escape

from core import zoo
from core.evidence import knob_records
from core.truth import statistics
from core.truth.judge import GRADES, READER
from core.truth.reread import reread
from core.zoo import has_reader

from ..page import verdicts as measured
from ..page import words
from ..page.blocks import figure, paragraph, picture, table
from ..page.evidence import written
from ..page.fields import RecipeError
from .recipe import TEXTS, Recipe, alt_text, render


def truth_html(recipe: Recipe) -> str:
    """The tables of the fold "How true is this?" for the chosen knob."""
    records, grade = measured.measured_knobs(recipe), measured.grade_of(recipe)
    if records:
        table_of = _factor_table if grade == READER else _statistics_table
        first = table_of(recipe, records[min(recipe.knob, len(records) - 1)])
    else:
        first = _not_measured(grade)
    return paragraph(GRADES[grade]) + first + written(recipe.model)


def _not_measured(grade: str) -> str:
    how = (
        f"turns every knob on {measured.FACES} pictures and reads each picture before and after"
        if grade == READER
        else f"follows every knob and {statistics.RANDOM} random directions from up to {measured.FACES} pictures"
    )
    return f"<p>These knobs have not been measured yet. Measuring {how}.</p>"


def _factor_table(recipe: Recipe, record: dict) -> str:
    chance = knob_records(recipe.model, f"random/{recipe.layers}") or []
    caption = (
        f"Knob {recipe.knob + 1}: mean change a step, {measured.FACES} {zoo.card(recipe.model).things}, "
        "in standard deviations over the training pictures"
    )
    shown = measured.factor_bars(record, measured.factors_of(recipe.model, READER), chance, caption)
    return _purity(recipe, record, "factor") + shown + (paragraph(TEXTS["truth"]["chance"]) if chance else "")


def _statistics_table(recipe: Recipe, record: dict) -> str:
    rows = []
    for i in measured.strongest_first(record):
        mean, low, high = (words.signed(record[name][i], 2) for name in ("mean", "low", "high"))
        rarity = int(100 * record["percentile"][i] + 1e-9)  # rounded down: 99.5 % is not yet all of them
        same = f"{100 * record['same_sign'][i]:.0f} %"
        rows.append((statistics.FACTORS[i].description, f"{mean} [{low}, {high}]", same, f"{rarity} %"))
    head = ("statistic", "change [95 %]", words.label("same_sign"), words.label("percentile"))
    caption = (
        f"Knob {recipe.knob + 1}: change a step (the slope at each picture, times one step; a longer turn may "
        f"do otherwise), {record['pictures']} pictures, in standard deviations over the same pictures"
    )
    return _purity(recipe, record, "statistic") + table(head, rows, caption=caption)


def _purity(recipe: Recipe, record: dict, what: str) -> str:
    return (
        f"<p>{words.marked('purity')} of knob {recipe.knob + 1}: <b>{100 * record['purity']:.0f} %</b> of all "
        f"that it moves is its strongest {what}.</p>"
    )


def read_html(recipe: Recipe) -> str:
    """Read the picture, render what was read, show both: where they differ, the reader (or the network) is wrong."""
    if not has_reader(recipe.model):
        raise RecipeError(TEXTS["truth"]["no_reader"])
    image, label, world = render(recipe), recipe.label_or_none, zoo.card(recipe.model).world
    shown = zoo.load_judge(recipe.model, label=label).names  # the class drawn does not show the others
    found = reread(image, zoo.load_judge(recipe.model), world, label=label, shown=shown)
    figures = figure(picture(image), alt_text(recipe), "the network’s picture")
    figures += figure(picture(found.drawn), TEXTS["truth"]["drawn"], "what the reader says of it, drawn")
    said = escape(f"The reader says that the {recipe.label_name or 'face'} {'; '.join(found.said)}.")
    apart = f"The two pictures differ by {found.levels:.0f} of 255 levels (root mean square)."
    return f'<div class="pair">{figures}</div><p>{said} {apart}</p>'
