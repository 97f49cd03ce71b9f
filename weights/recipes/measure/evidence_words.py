"""What the numbers of `evidence` say: sentences and tables for the page, from the numbers alone."""

from __future__ import annotations

from core.factorization.methods import METHODS, titles

NAMES = {one.counted: f"{one.title}: ten knobs" for one in METHODS.values() if one.ranked}
NAMES |= dict(random="ten random knobs (median)", supervised="what labels would give: {} directions, one a factor")
WATCHED = "by watching (|corr(w . v, factor)| at least 0.7)"
LABELS = " Labels tell what a picture shows, which need not be what changes it."
TURNED = "by experiment (from −2 to +2 steps it changes most, by 2 sd or more)"


def written(evidence: dict) -> dict:
    """`sentences` and `tables` of what was measured, for the page to show as they are."""
    return dict(sentences=[found_sentence(evidence["found"])], tables=[found_table(evidence), hidden_table(evidence)])


def found_sentence(found: dict) -> str:
    """How many factors ten knobs of each method find, beside chance and labels."""
    watched, turned = found["correlation"], found["causal"]
    return (
        f"{found['of']} things vary in this world and can be read. By experiment: turned far, some knob clearly "
        f"changes {_counts(turned)}. By watching: where a picture stands along a knob goes with {_counts(watched)}."
        + (LABELS if watched["supervised"] > watched["sefa"] and turned["supervised"] < turned["sefa"] else "")
    )


def _counts(found: dict) -> str:
    shown = [one for one in METHODS.values() if one.ranked and one.title in titles().values()]  # one a method
    ranked = ", ".join(f"{found[one.counted]} {'' if i else 'of them '}for {one.title}" for i, one in enumerate(shown))
    return f"{ranked}, {found['random']} for random knobs and {found['supervised']} for labels"


def found_table(evidence: dict) -> dict:
    found = evidence["found"]
    rows = [
        [name.format(len(evidence["factors"])), found["correlation"][key], found["causal"][key]]
        for key, name in NAMES.items()
    ]
    caption = f"How many of {found['of']} readable factors some knob finds (all layers)"
    return dict(columns=["knobs", WATCHED, TURNED], rows=rows, caption=caption)


def hidden_table(evidence: dict) -> dict:
    ratios = evidence["truncation"]["0.5"]
    order = sorted(range(len(ratios)), key=lambda i: ratios[i])
    return dict(
        title="What truncation hides",
        columns=["factor", "ratio"],
        rows=[[evidence["factors"][i]["description"], f"{ratios[i]:.2f}"] for i in order],
        caption="Spread of each factor at truncation 0.5 over that at 1",
        bars=[ratios[i] for i in order],
        full=1.0,
    )
