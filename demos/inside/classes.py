"""What makes a class: few channels kept, two classes crossed, classes that use the same channels.

`few` and `cross` are streams of plain values, the last of which programs get; `..._html` shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import torch
from torch import Tensor

from core import pace, zoo
from core.channels import shares
from core.channels.awareness import likeness
from core.images import strip as side_by_side
from core.images import to_pil, webp
from core.truth.likeness import by_likeness, likeness_sentence
from core.truth.readers import taken_for, word_for

from ..page import words
from ..page.blocks import Bar, aha, bars, data_uri, film, heat, picture, slider, slides, table, tile
from ..page.picture import opened
from .recipe import Look, awareness_of, class_names, classifier_of, codes_of, gate_count, gates_of, generator_of, named

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
SAMPLES, DRAWS = 4, 3  # pictures, and random choices of channels for each
CROSSES = 9  # frames from one class to the other
HEATED = 24  # classes up to which every pair is shown


def counts_of(look: Look) -> tuple[int, int]:
    """How many pictures are looked at, and how many random choices of channels; one of a slow network."""
    return (1, 1) if pace.pace_of(look.model).slow else (SAMPLES, DRAWS)


def codes_for(look: Look, count: int, label: int) -> Tensor:
    """[count, slots, dim] of the class, of the look's seed and those that follow."""
    return torch.cat([codes_of(look, label=label, seed=look.seed + i) for i in range(count)])


def scores_of(look: Look, label: int, gates: Sequence[int]) -> dict[int, Tensor]:
    return {gate: awareness_of(look.model, gate)[label] for gate in gates}


# --- how few channels make a class?


def few(look: Look) -> Iterator[dict]:
    """Pictures with the top q per cent of every gate's channels kept, and with as many random ones;
    how far they are off.
    """
    (count, draws), judge, label, rows = counts_of(look), classifier_of(look.model), look.label, []
    codes, scores = codes_for(look, count, label), scores_of(look, label, range(gate_count(look)))
    parts = sorted({*SHARES, round(look.keep / 100, 4)} - {0.0, 1.0})
    for kept in shares.few(generator_of(look), codes, scores, parts, draws=draws):
        rows.append(_row(kept, judge, label))
        done = len(rows) == len(parts)
        about = dict(pictures=count, draws=draws, untouched=taken_for(judge, kept.whole, label))
        yield dict(
            rows=rows,
            whole=picture(kept.whole),
            word=word_for(judge, kept.whole[:1], label),
            named=named(look),
            partial=not done,
            says=f"{len(rows)} of {len(parts)}",
            verdict=shares.few_sentence(rows, look.keep, named(look), **about) if done else "",
            table=few_table(look, rows, count, draws) if done else "",
        )


def _row(kept: shares.Kept, judge: torch.nn.Module | None, label: int) -> dict:
    """What is shown of one share."""
    return dict(
        keep=round(100 * kept.share, 2),
        aware=picture(kept.aware),
        random=picture(kept.random),
        aware_off=round(kept.aware_off, 1),
        random_off=round(kept.random_off, 1),
        aware_word=word_for(judge, kept.aware[:1], label),
        random_word=word_for(judge, kept.random[:1], label),
        aware_taken=taken_for(judge, kept.aware, label),
        random_taken=taken_for(judge, kept.random, label),
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
    head, body = ["kept", "most aware: levels off", "random: levels off"], []
    judged = rows[0]["aware_taken"] is not None
    head += [f"most aware: taken for {named(look)}", f"random: taken for {named(look)}"] * judged
    for row in rows:
        taken = [f"{row['aware_taken']} of {count}", f"{row['random_taken']} of {count * draws}"] * judged
        body.append([f"{row['keep']:g} %", f"{row['aware_off']:.1f}", f"{row['random_off']:.1f}", *taken])
    return table(head, body, caption="Channels kept in every gate, of 255 levels")


# --- two classes crossed


def cross(look: Look) -> Iterator[dict]:
    """The way from one class to the other by the share of channels: a film, and where the picture turns into the other.

    That is where the classifier takes most pictures for the other class, or, without one, where they are nearer to it.
    """
    (count, _), judge, frames, turned = counts_of(look), classifier_of(look.model), [], {}
    codes = [codes_for(look, count, label) for label in (look.label, look.other)]
    scores, names = scores_of(look, look.other, gates_of(look)), (named(look), class_names(look.model)[look.other])
    parts = [i / (CROSSES - 1) for i in range(CROSSES)]
    for made in shares.crosses(generator_of(look), *codes, scores, parts, mix=look.mix):
        frames.append(to_pil(made.pictures[:1])[0])
        turned[made.share] = made.nearer if judge is None else taken_for(judge, made.pictures, look.other)
        done = len(frames) == CROSSES
        yield dict(
            partial=not done,
            says=f"{len(frames)} of {CROSSES}",
            a=picture(made.ends[0]),
            b=picture(made.ends[1]),
            src=data_uri(webp(side_by_side(frames))),
            frames=len(frames),
            shares=list(turned),
            names=list(names),
            verdict=cross_said(look, turned, names, count) if done else "",
        )


def cross_said(look: Look, turned: Mapping[float, int], names: tuple[str, str], count: int) -> str:
    judged = classifier_of(look.model) is not None
    return shares.cross_sentence(turned, names, gates=gates_of(look), mix=look.mix, pictures=count, judged=judged)


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
