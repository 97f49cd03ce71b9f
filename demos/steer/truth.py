"""How true is this? What was measured of the chosen knob, and a picture beside what was read of it."""

from __future__ import annotations

from html import escape

from core import zoo
from core.evidence import knob_records
from core.truth import statistics
from core.truth.judge import GRADES, READER, STATISTICS
from core.truth.reread import reread
from core.zoo import has_reader

from ..page import verdicts as measured
from ..page import words
from ..page.blocks import figure, paragraph, picture, table, written
from ..page.fields import RecipeError
from .recipe import TEXTS, Recipe, alt_text, render

SAYS = TEXTS["truth"]


def truth_html(recipe: Recipe) -> str:
    """The tables of the fold "How true is this?" for the chosen knob."""
    records, grade = measured.measured_knobs(recipe), measured.grade_of(recipe)
    if records:
        table_of = _factor_table if grade == READER else _statistics_table
        first = table_of(recipe, records[min(recipe.knob, len(records) - 1)])
    else:
        how = SAYS["by_a_reader" if grade == READER else "by_statistics"]
        first = paragraph(how.format(pictures=measured.FACES, random=statistics.RANDOM))
    return paragraph(GRADES[grade]) + first + (written(recipe.model) or written(recipe.model, STATISTICS))


def _factor_table(recipe: Recipe, record: dict) -> str:
    chance = knob_records(recipe.model, f"random/{recipe.layers}") or []
    things = f"{measured.FACES} {zoo.card(recipe.model).things}"
    caption = SAYS["factors"].format(knob=recipe.knob + 1, things=things)
    shown = measured.factor_bars(record, measured.factors_of(recipe.model, READER), chance, caption)
    return _purity(recipe, record, "factor") + shown + (paragraph(SAYS["chance"]) if chance else "")


def _statistics_table(recipe: Recipe, record: dict) -> str:
    rows = []
    for i in measured.strongest_first(record):
        mean, low, high = (words.signed(record[name][i], 2) for name in ("mean", "low", "high"))
        rarity = int(100 * record["percentile"][i] + 1e-9)  # rounded down: 99.5 % is not yet all of them
        same = f"{100 * record['same_sign'][i]:.0f} %"
        rows.append((statistics.FACTORS[i].description, f"{mean} [{low}, {high}]", same, f"{rarity} %"))
    head = ("statistic", "change [95 %]", words.label("same_sign"), words.label("percentile"))
    caption = SAYS["statistics"].format(knob=recipe.knob + 1, pictures=record["pictures"])
    return _purity(recipe, record, "statistic") + table(head, rows, caption=caption)


def _purity(recipe: Recipe, record: dict, what: str) -> str:
    share = 100 * record["purity"]
    return SAYS["purity"].format(purity=words.marked("purity"), knob=recipe.knob + 1, share=share, what=what)


def read_html(recipe: Recipe) -> str:
    """Read the picture, render what was read, show both: where they differ, the reader (or the network) is wrong."""
    if not has_reader(recipe.model):
        raise RecipeError(SAYS["no_reader"])
    image, label, world = render(recipe), recipe.label_or_none, zoo.card(recipe.model).world
    shown = zoo.load_judge(recipe.model, label=label).names  # the class drawn does not show the others
    found = reread(image, zoo.load_judge(recipe.model), world, label=label, shown=shown)
    figures = figure(picture(image), alt_text(recipe), "the network’s picture")
    figures += figure(picture(found.drawn), SAYS["drawn"], "what the reader says of it, drawn")
    said = escape(f"The reader says that the {recipe.label_name or 'face'} {'; '.join(found.said)}.")
    apart = f"The two pictures differ by {found.levels:.0f} of 255 levels (root mean square)."
    return f'<div class="pair">{figures}</div><p>{said} {apart}</p>'
