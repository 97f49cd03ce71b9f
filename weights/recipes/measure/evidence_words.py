"""What the numbers of `evidence` say: sentences and tables for the page, from the numbers alone."""

from __future__ import annotations

NAMES = dict(
    sefa="SeFa: ten knobs, as the paper says",
    official="SeFa: ten knobs, as published",
    ganspace="GANSpace: ten knobs",
    random="ten random knobs (median)",
    supervised="what labels would give: {} directions, one a factor",
)
WATCHED = "by watching (|corr(w . v, factor)| at least 0.7)"
TURNED = "by experiment (from −2 to +2 steps it changes most, by 2 sd or more)"


def written(evidence: dict) -> dict:
    """`sentences` and `tables` of what was measured, for the page to show as they are."""
    return dict(sentences=[found_sentence(evidence["found"])], tables=[found_table(evidence), hidden_table(evidence)])


def found_sentence(found: dict) -> str:
    """How many factors ten knobs find, beside chance and labels."""
    watched, turned = found["correlation"], found["causal"]
    return (
        f"{found['of']} things vary in this world and can be read. By experiment: turning SeFa’s ten knobs "
        f"clearly changes {turned['sefa']} of them, turning ten random knobs {turned['random']}, turning the "
        f"directions that labels would give {turned['supervised']}. By watching: a picture’s place along a "
        f"knob goes with {watched['sefa']} of them for SeFa, {watched['random']} for random knobs and "
        f"{watched['supervised']} for labels."
    )


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
