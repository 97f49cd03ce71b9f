"""What Paint says of a region and its knobs: the first sentence, the verdict, the words for who does not see it."""

from __future__ import annotations

from collections.abc import Iterator

from core import region_evidence, zoo
from core.cache import Cache
from core.evidence import has_reader, read_change
from core.factorization.lowrank import LowRank
from core.factorization.region import RegionKnobs, locality
from core.pace import pace_of

from ..page import picture as recipes
from ..page.blocks import measured_on, paragraph, written
from ..page.sources import names_of
from ..page.words import moved_knobs
from . import search
from .recipe import METHODS, SAYS, WORDS, Painted, called

LEVELS = 127.5  # of 255, for a difference of 1
NAMED = 0.3  # standard deviations from one side of a knob to the other, for it to be called by what it moves
ENDLESS = 1e6  # of a ratio, where nothing is outside
PLAIN = dict(title="", low="one way", high="the other way")  # of a knob of which no reader says what it moves
_names = Cache(1_000, lambda names: 1)


# --- knobs


def knob_facts(recipe: Painted, knobs: RegionKnobs) -> list[dict]:
    """What a control shows of each knob: what it moves on this picture, its ends in words, its way, its numbers."""
    key, slow, facts = (search.key_of(recipe), recipe.forbid), pace_of(recipe.model).slow, []
    known = _names.get(key) if slow else _names.made(key, lambda: named(recipe, knobs))
    own = dict(enumerate(names_of(recipe)))
    for i, (name, ratio) in enumerate(zip(known or [PLAIN] * len(knobs.steps), knobs.ratio)):
        also = SAYS["also"].format(ratio=ratio) if ratio < ENDLESS else ""
        numbers = dict(deviations=round(knobs.deviations[i], 2), number=knobs.numbers[i] + 1)
        name = dict(name, title=own.get(knobs.numbers[i]) or name["title"])
        facts.append(dict(name, reach=knobs.reach(i), also=also, **numbers))
    return facts


def named(recipe: Painted, knobs: RegionKnobs) -> list[dict]:
    """What each knob moves most on this picture, as the reader sees it from one side to the other; else `PLAIN`."""
    names = [dict(PLAIN) for _ in knobs.steps]
    if not knobs.steps or not has_reader(recipe.model):
        return names
    sides = [[0.0] * i + [side * knobs.reach(i) / 2] for i in range(len(names)) for side in (-1, 1)]
    images = search.render(recipe, knobs, sides)
    judge = zoo.load_judge(recipe.model)
    for name, changed in zip(names, read_change(recipe.model, images[::2], images[1::2])):
        for moved in judge.strongest(changed, 1, least=NAMED):
            name.update(title=moved.factor.description, low=moved.ends[0], high=moved.ends[1])
    return names


# --- sentences


def first_sentence(recipe: Painted, knobs: RegionKnobs | None, *, whole: bool) -> str:
    """The sentence over the tab, of what is shown: the region, the method, the ban, and whether there are knobs."""
    if whole or knobs is None:
        return recipe.say("whole" if whole else "unfitted" if recipe.stance == "spares" else "unknown")
    if recipe.method == "file" and not (knobs.steps and recipe.forbid):
        return recipe.say("brought" if knobs.steps else "none_brought")
    if knobs.steps:
        return recipe.say("made_for", lifted="" if recipe.forbid else SAYS["and_lifted"])
    if recipe.stance == "forbids":
        return recipe.say("refuses")
    return recipe.say("found_none", ban="" if recipe.forbid else SAYS["ban_lifted_too"])


def verdict(recipe: Painted, knobs: RegionKnobs | None, inside: float, outside: float) -> str:
    """What moved, how much, against what, on how many: measured on this very picture, and what was measured on many."""
    if knobs is None:
        return ""
    if not knobs.steps:
        return search.finding(recipe, knobs) or recipe.say("no_direction")
    turned, seen, found = any(recipe.amounts), evidence_verdict(recipe), locality(inside, outside)
    levels = recipe.say("levels", inside=inside * LEVELS, outside=outside * LEVELS)
    if seen:
        return f"{seen} On this picture {found:.1f} times: {levels}." if turned and found is not None else seen
    if turned and found is None:
        return recipe.say("only_inside", inside=inside * LEVELS)
    best, chance = search.baselines(recipe)
    beside = recipe.say("beside", best=best, chance=chance) if best < ENDLESS else ""
    if turned:
        return recipe.say("moved", ratio=found, levels=levels, beside=beside)
    at = knobs.ratio[min(recipe.knob, len(knobs.ratio) - 1)]
    return recipe.say("first_order" if at < ENDLESS else "nothing_outside", ratio=at, beside=beside)


def plain(recipe: Painted, knobs: RegionKnobs | None, inside: float, outside: float) -> str:
    """The verdict in words that need no explanation; "" where there are no knobs."""
    if knobs is None or not knobs.steps:
        return ""
    best, turned = search.baselines(recipe)[0], any(recipe.amounts)
    ratio = locality(inside, outside) if turned else knobs.ratio[min(recipe.knob, len(knobs.ratio) - 1)]
    if ratio is None or ratio >= ENDLESS:
        return recipe.say("plain_alone")
    beside = SAYS["plain_beside"].format(best=best) if best < ratio else ""
    return recipe.say("plain_moved" if turned else "plain_turn", ratio=ratio, beside=beside)


def evidence_verdict(recipe: Painted) -> str:
    """What was measured on unseen faces; "" where exactly this was not."""
    method = "unprojected" if recipe.method == "lowrank" and not recipe.forbid else recipe.method
    return region_evidence.verdict(recipe.model, recipe.region, method, moved=recipes.slots_of(recipe))


def truth(recipe: Painted) -> Iterator[str]:
    """The fold "How true is this?": tables from the evidence; what is known of this very region in any case."""
    knobs = search.known(recipe)
    said = measured_html(recipe.model, recipe.region) or paragraph(SAYS["not_measured"])
    if knobs is not None:
        proof = SAYS["closed_form"] if knobs.solved is None else _certificate(knobs.solved)
        said += paragraph(search.finding(recipe, knobs)) + paragraph(proof)
    yield said + written(recipe.model, "blending") + measured_on(recipe.model, "blending")


def measured_html(model: str, region: str) -> str:
    """The tables of what was measured of a region; a sentence where it was not; "" where there is no evidence."""
    found = region_evidence.evidence(model)
    if not found:
        return ""
    if region not in found["regions"]:
        return paragraph(SAYS["not_this_region"].format(regions=", ".join(found["regions"])))
    return written(model, region_evidence.KIND, region)


def _certificate(solved: LowRank) -> str:
    gap, rounds = max(solved.inside.gap, solved.outside.gap), solved.inside.iterations + solved.outside.iterations
    return SAYS["certificate"].format(gap=gap, lam=solved.outside.lam, rounds=rounds)


def alt_text(recipe: Painted, knobs: RegionKnobs | None) -> str:
    """What the picture shows and how it was made, for those who do not see it."""
    parts = [recipes.alt_text(recipe), f"region: {called(recipe)}"]
    if not any(recipe.amounts):
        return ", ".join([*parts, "no knob moved"])
    titles = [one["title"] for one in knob_facts(recipe, knobs)] if knobs is not None else []
    parts += moved_knobs(recipe.amounts, titles, " steps")
    elsewhere = WORDS["elsewhere"][recipe.stance].lower()
    return ", ".join([*parts, f"{METHODS[recipe.method]}, changes outside {elsewhere}"])


def caption(recipe: Painted, knobs: RegionKnobs | None) -> str:
    """The recipe in words, and how far a step of the chosen knob goes."""
    alt = alt_text(recipe, None)
    said = f"{alt[:1].upper()}{alt[1:]}."
    if knobs is not None and recipe.knob < len(knobs.steps):
        said += recipe.say("step", deviations=knobs.deviations[recipe.knob])
    if knobs is not None and knobs.steps and evidence_verdict(recipe):
        said += f" {region_evidence.made_on(recipe.model)}"
    return said
