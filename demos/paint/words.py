"""What Paint says of a region and its knobs: the first sentence, the verdict, the words for who does not see it."""

from __future__ import annotations

from html import escape

from core.factorization.region import STEP, TRIED, RegionKnobs
from core.pace import pace_of

from ..page import picture as recipes
from ..page import words
from ..page.cache import Cache
from . import evidence as on_unseen
from . import experiments
from . import recipe as painted
from . import search as finding
from .experiments import LEVELS
from .recipe import Painted, called, verb

_names = Cache(1_000, lambda names: 1)


def knob_facts(recipe: Painted, knobs: RegionKnobs) -> list[dict]:
    """What a control shows of each knob: what it moves on this picture, its ends in words, its way, its numbers."""
    key = (finding.key_of(recipe), recipe.forbid)
    names = _names.get(key)
    if names is None:
        if pace_of(recipe.model).slow:
            names = [dict(title="", low="one way", high="the other way")] * len(knobs.steps)
        else:
            names = _names.put(key, experiments.named(recipe, knobs))
    rows = zip(names, knobs.numbers, knobs.deviations, knobs.ratio)
    return [
        dict(name, reach=knobs.reach(i), also=_ratio(ratio), deviations=round(away, 2), number=number + 1)
        for i, (name, number, away, ratio) in enumerate(rows)
    ]


def _ratio(value: float) -> str:
    return f"inside {value:.1f} times, first order" if value < 1e6 else ""


def first_sentence(recipe: Painted, knobs: RegionKnobs | None, *, whole: bool) -> str:
    """The sentence over the tab, built from what is shown:
    the region, the method, the ban, and whether there are knobs.
    """
    name, closed_form = called(recipe), recipe.method == "resefa"
    if whole:
        return "The region is the whole picture: nothing is outside of it, so there is nothing to forbid."
    if knobs is None:
        return (
            f"The outlined region has no knobs yet. "
            f"Each of {painted.METHODS[recipe.method]}’s moves {name}{_rule(recipe)}."
        )
    if not knobs.steps and recipe.forbid and not closed_form:
        return f"This network cannot move {name} alone: here it refuses."
    if not knobs.steps:
        ban = "" if recipe.forbid else ", even though the ban is lifted"
        return f"{painted.METHODS[recipe.method]} finds no knob that moves {name} visibly{ban}."
    lifted = "" if recipe.forbid else ", and the ban is lifted"
    return f"This knob was made for the outlined region{lifted}: it moves {name}{_rule(recipe)}."


def _rule(recipe: Painted) -> str:
    """What a knob of this method may do elsewhere: only LowRankGAN forbids, ReSeFa weighs."""
    if recipe.method == "resefa":
        return (
            " as much as it can for what it changes elsewhere"
            if recipe.forbid
            else " as much as it can, whatever it changes elsewhere"
        )
    return " and is forbidden to touch anything else" if recipe.forbid else " and may touch anything else"


def verdict(recipe: Painted, knobs: RegionKnobs | None, inside: float, outside: float) -> str:
    """What moved, how much, against what, on how many: measured on this very picture, and what was measured on many."""
    if knobs is None:
        return ""
    if not knobs.steps:
        return finding.finding(recipe, knobs) or f"No direction moves {called(recipe)} visibly on this picture."
    seen, found = evidence_verdict(recipe), experiments.ratio(inside, outside)
    levels = f"{inside * LEVELS:.0f} of 255 levels inside, {outside * LEVELS:.1f} outside"
    name, turned = called(recipe)[:1].upper() + called(recipe)[1:], any(recipe.amounts)
    if seen:
        return f"{seen} On this picture {found:.1f} times: {levels}." if turned and found is not None else seen
    best, chance = finding.baselines(recipe, knobs.grams)
    beside = (
        (
            f" (RMS; best of SeFa’s first {TRIED} global knobs: {best:.1f}, "
            f"a random one, the median of {TRIED}: {chance:.1f})"
        )
        if best < 1e6
        else ""
    )
    if not turned:
        at = knobs.ratio[min(recipe.knob, len(knobs.ratio) - 1)]
        return (
            f"Turn it: at first order {called(recipe)} {verb(recipe)} {at:.1f} times as much as everything "
            f"else{beside}."
            if at < 1e6
            else "Turn it: there is nothing outside."
        )
    if found is None:
        return f"{name} {verb(recipe, 'changes')} by {inside * LEVELS:.0f} of 255 levels, nothing outside does."
    return f"{name} {verb(recipe)} {found:.1f} times as much as everything else{beside}: {levels}, on this picture."


def evidence_verdict(recipe: Painted) -> str:
    """What was measured on unseen faces; "" where exactly this was not."""
    method = "unprojected" if recipe.method == "lowrank" and not recipe.forbid else recipe.method
    return on_unseen.verdict(recipe.model, recipe.region, method, moved=recipes.slots_of(recipe))


def truth_html(recipe: Painted) -> str:
    """The fold "How true is this?": tables from the evidence; what is known of this very region in any case."""
    knobs, tables = finding.known(recipe), on_unseen.truth_html(recipe.model, recipe.region)
    said = tables or (
        "<p>This region has not been measured on other pictures yet. What stands here was measured on "
        "the picture on screen; “Try on eight other pictures” measures eight more.</p>"
    )
    return said + ("" if knobs is None else f"<p>{escape(finding.finding(recipe, knobs))}</p>{_certificate(knobs)}")


def _certificate(knobs: RegionKnobs) -> str:
    if knobs.solved is None:
        return "<p>ReSeFa is a closed form: there is nothing to certify.</p>"
    gap = max(knobs.solved.inside.gap, knobs.solved.outside.gap)
    rounds = knobs.solved.inside.iterations + knobs.solved.outside.iterations
    return (
        f"<p>Both matrices were split to within {gap:.1e} of the optimum "
        f"(relative duality gap, computed from both sides), "
        f"lambda {knobs.solved.outside.lam:.3g}, {rounds} rounds.</p>"
    )


def alt_text(recipe: Painted, knobs: RegionKnobs | None) -> str:
    """What the picture shows and how it was made, for those who do not see it."""
    said = recipes.alt_text(recipe)
    parts = [said, f"region: {called(recipe)}"]
    names = knob_facts(recipe, knobs) if knobs is not None else []
    for i, amount in enumerate(recipe.amounts):
        if amount:
            title = f" ({names[i]['title']})" if i < len(names) and names[i]["title"] else ""
            parts.append(f"knob {i + 1}{title} at {words.signed(amount)} steps")
    if not any(recipe.amounts):
        return ", ".join([*parts, "no knob moved"])
    elsewhere = experiments.TITLES[recipe.method == "resefa"][not recipe.forbid].lower()
    parts.append(f"{painted.METHODS[recipe.method]}, changes outside {elsewhere}")
    return ", ".join(parts)


def caption(recipe: Painted, knobs: RegionKnobs | None) -> str:
    """The recipe in words, and how far a step of the chosen knob goes."""
    at = None if knobs is None or recipe.knob >= len(knobs.steps) else recipe.knob
    step = (
        ""
        if at is None
        else (
            f" One step changes the region by {STEP:g} (RMS, at first order): "
            f"{knobs.deviations[at]:.2f} standard deviations of w along the knob."
        )
    )
    said = alt_text(recipe, None)
    measured_there = knobs is not None and knobs.steps and evidence_verdict(recipe)
    others = f" {on_unseen.made_on(recipe.model)}" if measured_there else ""
    return said[:1].upper() + said[1:] + "." + step + others
