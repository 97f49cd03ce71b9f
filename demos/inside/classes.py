"""What makes a class: few channels kept, two classes crossed, classes that use the same channels.

`few` and `cross` are streams of plain values, the last of which programs get; `..._html` shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from statistics import median

import torch
from torch import Tensor

from core import pace, zoo
from core.channels.awareness import chosen, likeness
from core.channels.editing import ChannelEdit, edited, hybrid
from core.channels.effect import levels
from core.images import strip as side_by_side
from core.images import to_pil, webp
from core.truth.likeness import by_likeness, likeness_sentence

from ..page import words
from ..page.blocks import Bar, aha, bars, data_uri, film, heat, slider, slides, table, tile
from ..page.picture import opened
from .channel import uri
from .recipe import Look, awareness_of, class_names, classifier_of, codes_of, gates_of, generator_of, named

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
SAMPLES, DRAWS = 4, 3  # pictures, and random choices of channels for each
CROSSES = 9  # frames from one class to the other
HEATED = 24  # classes up to which every pair is shown


# --- what a classifier takes pictures for


@torch.no_grad()
def probabilities(model: str, pictures: Tensor) -> Tensor | None:
    """[n, classes] in 0..1, what the classifier takes pictures [n, 3, R, R] for; None without a classifier."""
    classifier = classifier_of(model)
    return None if classifier is None else classifier(pictures).softmax(1)


def word_for(model: str, picture: Tensor, label: int) -> dict | None:
    """What the classifier says of one picture [1, 3, R, R]:
    the likeliest class with its probability, and that of `label`.
    """
    found = probabilities(model, picture)
    if found is None:
        return None
    best = int(found[0].argmax())
    return dict(
        name=class_names(model)[best],
        probability=round(float(found[0, best]), 3),
        wanted=round(float(found[0, label]), 3),
    )


def taken_for(model: str, pictures: Tensor, label: int) -> int | None:
    """How many of the pictures the classifier takes for the class; None without a classifier."""
    found = probabilities(model, pictures)
    return None if found is None else int((found.argmax(1) == label).sum())


# --- how few channels make a class?


def scores_of(look: Look, label: int, gates: Sequence[int] | None = None) -> dict[int, Tensor]:
    count = len(opened(look.model).gates)
    return {gate: awareness_of(look.model, gate)[label] for gate in (range(count) if gates is None else gates)}


@torch.no_grad()
def with_only(look: Look, kept: dict[int, Tensor], seeds: Sequence[int]) -> Tensor:
    """Pictures [n, 3, R, R] of the class with every other channel at 0 after its ReLU."""
    generator = edited(generator_of(look), [ChannelEdit(gate, ~mask, multiply=0.0) for gate, mask in kept.items()])
    return generator(torch.cat([codes_of(look, seed=seed) for seed in seeds])).clamp(-1, 1)


def few(look: Look) -> Iterator[dict]:
    """Pictures with the top q per cent of every gate's channels kept, and with as many random ones;
    how far they are off.
    """
    slow = pace.pace_of(look.model).slow
    seeds = [look.seed + i for i in range(1 if slow else SAMPLES)]
    draws, shares = 1 if slow else DRAWS, sorted({*SHARES, round(look.keep / 100, 4)} - {0.0, 1.0})
    scores = scores_of(look, look.label)
    whole, rows = with_only(look, {}, seeds), []
    untouched = taken_for(look.model, whole, look.label)
    for i, share in enumerate(shares):
        aware = with_only(look, chosen(scores, share), seeds)
        random = [with_only(look, chosen(scores, share, order="random", seed=draw), seeds) for draw in range(draws)]
        rows.append(
            dict(
                keep=round(100 * share, 2),
                aware=uri(aware[:1]),
                random=uri(random[0][:1]),
                aware_off=round(float(levels(aware, whole).mean()), 1),
                random_off=round(median(float(levels(one, whole).mean()) for one in random), 1),
                aware_word=word_for(look.model, aware[:1], look.label),
                random_word=word_for(look.model, random[0][:1], look.label),
                aware_taken=taken_for(look.model, aware, look.label),
                random_taken=taken_for(look.model, torch.cat(random), look.label),
            )
        )
        yield dict(
            rows=rows,
            whole=uri(whole[:1]),
            word=word_for(look.model, whole[:1], look.label),
            named=named(look),
            partial=i + 1 < len(shares),
            says=f"{i + 1} of {len(shares)}",
            verdict=few_said(look, rows, len(seeds), draws, untouched) if i + 1 == len(shares) else "",
            table=few_table(look, rows, len(seeds), draws) if i + 1 == len(shares) else "",
        )


def few_html(look: Look, found: Mapping) -> str:
    """The pictures of every share under a slider, and the table."""
    rows = found["rows"]
    far = [abs(row["keep"] - look.keep) for row in rows]
    at = 0 if found["partial"] else far.index(min(far))
    says = "Keep the top per cent of the channels"
    knob = slider("inside-keep", "Keep the top", "keep", at=at, says=says, values=[row["keep"] for row in rows])
    return aha(found["verdict"]) + knob + slides([_kept(found, row) for row in rows], at) + found["table"]


def _kept(found: Mapping, row: Mapping) -> str:
    """The picture with all channels, with the most aware ones, with as many at random."""
    share, of = f"{row['keep']:g} %", found["named"]
    aware, random = f"{share} most aware", f"{share} at random"
    shown = (
        (found["whole"], "all channels", "All channels", found["word"]),
        (row["aware"], f"the {aware} channels", f"The {aware}: {row['aware_off']} levels off", row["aware_word"]),
        (row["random"], f"{share} random channels", f"{random}: {row['random_off']} levels off", row["random_word"]),
    )
    tiles = "".join(tile(src, alt, says, _taken_for(word, of)) for src, alt, says, word in shown)
    return f'<div class="triple">{tiles}</div>'


def _taken_for(word: Mapping | None, of: str) -> str:
    """The classifier's word, and how sure it is of the class that was asked for."""
    if word is None:
        return ""
    share, of = round(100 * word["wanted"]), escape(of)
    return (
        f'<p class="word">Taken for <b>{escape(word["name"])}</b>, {round(100 * word["probability"])} %</p>'
        f'<meter min="0" max="1" value="{word["wanted"]}" aria-label="The classifier: {of} {share} per cent"></meter>'
        f"<small>{of} {share} %</small>"
    )


def few_table(look: Look, rows: Sequence[dict], count: int, draws: int) -> str:
    """Every share as a row: how far pictures are off,
    and how many the classifier takes for the class, where there is one.
    """
    judged = rows[0]["aware_taken"] is not None
    head = ["kept", "most aware: levels off", "random: levels off"]
    head += [f"most aware: taken for {named(look)}", f"random: taken for {named(look)}"] if judged else []
    body = [
        [
            f"{row['keep']:g} %",
            f"{row['aware_off']:.1f}",
            f"{row['random_off']:.1f}",
            *([f"{row['aware_taken']} of {count}", f"{row['random_taken']} of {count * draws}"] if judged else []),
        ]
        for row in rows
    ]
    return table(head, body, caption="Channels kept in every gate, of 255 levels")


def few_said(look: Look, rows: Sequence[dict], count: int, draws: int, untouched: int | None) -> str:
    here = min(rows, key=lambda row: abs(row["keep"] - look.keep))
    closer = sum(row["aware_off"] < row["random_off"] for row in rows)
    return (
        f"With the {here['keep']:g} % most aware channels of {named(look)} the picture is "
        f"{here['aware_off']:.1f} of 255 levels off; with as many random ones {here['random_off']:.1f}. "
        f"The aware ones are closer at {closer} of {len(rows)} shares. "
        f"({count} picture{'s' * (count > 1)}, {draws} random choice{'s' * (draws > 1)}; "
        f"{_few_taken(look, here, count, draws, untouched)})"
    )


def _few_taken(look: Look, row: dict, count: int, draws: int, untouched: int | None) -> str:
    if untouched is None:
        return (
            "no classifier belongs to this network, so what is measured is how far the picture moves, "
            "not whether it is still one of its class"
        )
    return (
        f"the classifier takes {row['aware_taken']} of {count} for {named(look)} with the aware channels, "
        f"{row['random_taken']} of {count * draws} with random ones, {untouched} of {count} with all"
    )


# --- two classes crossed


@torch.no_grad()
def crossed(look: Look, share: float, seeds: Sequence[int]) -> Tensor:
    """Hybrids [n, 3, R, R] of `label` with the share of channels that `other` opens most, from the same noise."""
    a, b = (torch.cat([codes_of(look, label=label, seed=seed) for seed in seeds]) for label in (look.label, look.other))
    taken = chosen(scores_of(look, look.other, gates_of(look)), share)
    return hybrid(generator_of(look), a, b, taken, mix=look.mix).clamp(-1, 1)


def cross(look: Look) -> Iterator[dict]:
    """The way from one class to the other by the share of channels: a film, and where the picture turns into the other.

    That is where the classifier takes most pictures for the other class, or, without one, where they are nearer to it.
    """
    slow = pace.pace_of(look.model).slow
    seeds, frames, turned = [look.seed + i for i in range(1 if slow else SAMPLES)], [], []
    a, b = (
        torch.cat([generator_of(look)(codes_of(look, label=label, seed=seed)) for seed in seeds]).clamp(-1, 1)
        for label in (look.label, look.other)
    )
    shares = [i / (CROSSES - 1) for i in range(CROSSES)]
    for i, share in enumerate(shares):
        made = crossed(look, share, seeds)
        frames.append(made[:1])
        taken = taken_for(look.model, made, look.other)
        turned.append(int((levels(made, b) < levels(made, a)).sum()) if taken is None else taken)
        yield dict(
            partial=i + 1 < CROSSES,
            says=f"{i + 1} of {CROSSES}",
            a=uri(a[:1]),
            b=uri(b[:1]),
            src=data_uri(webp(side_by_side(to_pil(torch.cat(frames))))),
            frames=len(frames),
            shares=shares[: i + 1],
            names=[named(look), class_names(look.model)[look.other]],
            verdict=cross_said(look, shares, turned, len(seeds)) if i + 1 == CROSSES else "",
        )


def cross_said(look: Look, shares: Sequence[float], turned: Sequence[int], count: int) -> str:
    this, other, gates = named(look), class_names(look.model)[look.other], gates_of(look)
    over = next((share for share, many in zip(shares, turned) if many > count / 2), None)
    most = f"most of the {count} pictures" if count > 1 else "the picture"
    used = f"gates {gates[0]} to {gates[-1]}, {look.mix}; {count} picture{'s' * (count > 1)}"
    if classifier_of(look.model) is not None:
        there = (
            f"From {100 * over:.0f} % of the channels on, the classifier takes {most} for {other}"
            if over is not None
            else f"Even with all channels of these gates the classifier does not take {most} for {other}"
        )
        return f"{there} ({used}; with all of them {turned[-1]} of {count})."
    are = "are" if count > 1 else "is"
    there = (
        f"From {100 * over:.0f} % of the channels on, {most} {are} nearer to {other} than to {this}"
        if over is not None
        else f"Even with all channels of these gates it stays nearer to {this} than to {other}"
    )
    return (
        f"{there}, pixel by pixel ({used}; no classifier belongs to this network, so nearness is measured in pixels)."
    )


def cross_html(look: Look, found: Mapping) -> str:
    """Both ends, and between them the film that the slider moves."""
    first, second = found["names"]
    ends = [tile(found[end], f"the picture as {name}", name) for end, name in zip("ab", found["names"])]
    if found["partial"]:
        return f'<div class="triple">{"".join(ends)}</div>'
    between = film(found["src"], found["frames"], f"between {first} and {second}", "crossed")
    says = "Share of the channels that come from the other class"
    knob = slider("inside-share", words.marked("share"), "share", at=look.share, says=says, percent=100)
    return f'{aha(found["verdict"])}<div class="triple">{ends[0]}{between}{ends[1]}</div>{knob}'


# --- who is like whom?


def alike(look: Look) -> Iterator[dict]:
    """The classes most and least like this one, whether families show, and every pair where there are few classes."""
    found, names = likeness(opened(look.model)), class_names(look.model)
    if len(names) <= HEATED:
        caption, rows = "Likeness of every pair of classes", list(zip(names, found.tolist()))
        html = heat(rows, names, caption=caption)
    else:
        rows = [Bar(names[i], float(found[look.label][i])) for i in by_likeness(found, look.label)[:10]]
        html = bars(rows, caption=f"Classes most like {named(look)}", value="likeness", full=1.0)
    yield dict(table=html, verdict=likeness_sentence(found, names, look.label, zoo.card(look.model).world))
