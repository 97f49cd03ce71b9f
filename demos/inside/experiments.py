"""The experiments: few channels kept, two classes crossed, pictures cut, classes compared, channels measured.

Each is a stream of plain values, the last of which programs get; `..._html` shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from core import pace, zoo
from core.channels import shares
from core.channels.awareness import activations, likeness, strongest
from core.channels.comparison import Measures, compared, comparison_sentence
from core.channels.segmentation import SIDE, cut_sentence, resampled, segment
from core.images import painted, to_pil, webp
from core.images import strip as side_by_side
from core.parts import has_parts
from core.truth.likeness import by_likeness, likeness_sentence
from core.truth.readers import taken_for, word_for

from ..page import words
from ..page.blocks import Bar, aha, bars, data_uri, filled, film, heat, picture, slider, slides, table, tile
from ..page.cells import Progress
from ..page.picture import opened
from . import recipe as looks
from .channel import DOTS
from .recipe import Look, class_names, codes_of, gate_name, gates_of, generator_of

HTML = looks.TEXTS["html"]
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
SAMPLES, DRAWS = 4, 3  # pictures, and random choices of channels for each
CROSSES = 9  # frames from one class to the other
TOGETHER = 4  # pictures that are cut at once
HEATED = 24  # classes up to which every pair is shown
COMPARED = ("channel", "by formula: awareness", "by watching: mean activation", "by experiment: change of 255 levels")


def counts_of(look: Look) -> tuple[int, int]:
    """How many pictures are looked at, and how many random choices of channels; one of a slow network."""
    return (1, 1) if pace.pace_of(look.model).slow else (SAMPLES, DRAWS)


def scores_of(look: Look, label: int, gates: Sequence[int]) -> dict[int, Tensor]:
    return {gate: looks.awareness_of(look.model, gate)[label] for gate in gates}


# --- how few channels make a class?


def few(look: Look) -> Iterator[dict]:
    """Pictures with the top q per cent of every gate's channels kept, and with as many random ones; how far off."""
    (count, draws), judge, label, rows = counts_of(look), looks.classifier_of(look.model), look.label, []
    codes, scores = codes_of(look, count), scores_of(look, label, range(looks.gate_count(look)))
    parts = sorted({*SHARES, round(look.keep / 100, 4)} - {0.0, 1.0})
    for kept in shares.few(generator_of(look), codes, scores, parts, draws=draws):
        rows.append(_row(kept, judge, label))
        done = len(rows) == len(parts)
        about = dict(pictures=count, draws=draws, untouched=taken_for(judge, kept.whole, label))
        yield dict(
            rows=rows,
            whole=picture(kept.whole),
            word=word_for(judge, kept.whole[:1], label),
            named=look.label_name,
            partial=not done,
            says=f"{len(rows)} of {len(parts)}",
            verdict=shares.few_sentence(rows, look.keep, look.label_name, **about) if done else "",
            table=few_table(look, rows, count, draws) if done else "",
        )


def _row(kept: shares.Kept, judge: nn.Module | None, label: int) -> dict:
    """What is shown of one share."""
    row = dict(keep=round(100 * kept.share, 2))
    for way, images, off in (("aware", kept.aware, kept.aware_off), ("random", kept.random, kept.random_off)):
        row |= {way: picture(images), f"{way}_off": round(off, 1)}
        row |= {f"{way}_word": word_for(judge, images[:1], label), f"{way}_taken": taken_for(judge, images, label)}
    return row


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
    return filled(
        HTML["taken"], of=of, share=round(100 * word["wanted"]), sure=round(100 * word["probability"]), **word
    )


def few_table(look: Look, rows: Sequence[dict], count: int, draws: int) -> str:
    """How far pictures are off at every share, and how many a classifier takes for the class, where there is one."""
    head, body = ["kept", "most aware: levels off", "random: levels off"], []
    judged = rows[0]["aware_taken"] is not None
    head += [f"most aware: taken for {look.label_name}", f"random: taken for {look.label_name}"] * judged
    for row in rows:
        taken = [f"{row['aware_taken']} of {count}", f"{row['random_taken']} of {count * draws}"] * judged
        body.append([f"{row['keep']:g} %", f"{row['aware_off']:.1f}", f"{row['random_off']:.1f}", *taken])
    return table(head, body, caption="Channels kept in every gate, of 255 levels")


# --- two classes crossed


def cross(look: Look) -> Iterator[dict]:
    """The way from one class to the other by the share of channels: a film, and where the picture turns into the other.

    That is where the classifier takes most pictures for the other class, or, without one, where they are nearer to it.
    """
    (count, _), judge, frames, turned = counts_of(look), looks.classifier_of(look.model), [], {}
    codes = [codes_of(look, count, label=label) for label in (look.label, look.other)]
    scores, names = scores_of(look, look.other, gates_of(look)), (look.label_name, class_names(look.model)[look.other])
    parts = [i / (CROSSES - 1) for i in range(CROSSES)]
    about = dict(gates=gates_of(look), mix=look.mix, pictures=count, judged=judge is not None)
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
            verdict=shares.cross_sentence(turned, names, **about) if done else "",
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


# --- cut into pieces


def cut(look: Look) -> Iterator[Progress | dict]:
    """Some pictures of the class cut by k-means of what the channels say at each pixel, with weights and without."""
    generator, codes, gates = generator_of(look), codes_of(look, TOGETHER), gates_of(look)
    with torch.no_grad():
        pictures, maps = generator(codes).clamp(-1, 1), activations(generator, codes, gates)
    weights = [scores.to(part) for scores, part in zip(scores_of(look, look.label, gates).values(), maps)]
    side, cuts, how = min(SIDE, pictures.shape[-1]), {}, "with" if look.weighted else "without"
    for name, given in (("with", weights), ("without", None)):
        yield Progress(f"Cutting {name} weights …", len(cuts) / 2)
        cuts[name] = segment(maps, given, k=look.pieces, size=side)
    rows = [dict(picture=picture(one[None]), cut=data_uri(webp(painted(of)))) for one, of in zip(pictures, cuts[how])]
    truth = None
    if has_parts(look.model):
        truth = resampled(zoo.load_part_reader(zoo.card(look.model).world)(pictures).argmax(1), side)
    yield dict(rows=rows, verdict=cut_sentence(cuts, how, look.pieces, truth))


def cut_html(look: Look, found: Mapping) -> str:
    pairs = "".join(filled(HTML["pair"], number=i, **row) for i, row in enumerate(found["rows"], start=1))
    return f'{aha(found["verdict"])}<div class="faces">{pairs}</div>'


# --- who is like whom?


def alike(look: Look) -> Iterator[dict]:
    """The classes most and least like this one, whether families show, and every pair where there are few classes."""
    found, names = likeness(opened(look.model)), class_names(look.model)
    if len(names) <= HEATED:
        caption, rows = "Likeness of every pair of classes", list(zip(names, found.tolist()))
        html = heat(rows, names, caption=caption)
    else:
        rows = [Bar(names[i], float(found[look.label][i])) for i in by_likeness(found, look.label)[:10]]
        html = bars(rows, caption=f"Classes most like {look.label_name}", value="likeness", full=1.0)
    yield dict(table=html, verdict=likeness_sentence(found, names, look.label, zoo.card(look.model).world))


# --- formula, observation, experiment


def compare(look: Look) -> Iterator[Progress | dict]:
    """The three measures of every channel of the gate, for the class."""
    for step in compared(opened(look.model), look.label, gate=look.gate, seed=look.seed, psi=look.psi):
        if step.measures is None:
            yield Progress(step.says, step.share)
    said = comparison_sentence(step.measures, look.label_name, gate_name(look.model, look.gate))
    yield dict(table=compared_table(look, step.measures), verdict=said)


def compared_table(look: Look, found: Measures) -> str:
    """The channels that are most aware, those that change most, and the chosen one, with their ranks."""
    formula, _, effect = found
    aware, changing = strongest(formula, min(DOTS, len(formula))), strongest(effect, min(3, len(effect)))
    ranks, digits, rows = found.ranks(), (3, 3, 2), []
    for i in dict.fromkeys([*aware.tolist(), *changing.tolist(), look.channel]):
        said = [f"{float(of[i]):.{n}f} (rank {rank[i]})" for of, rank, n in zip(found, ranks, digits)]
        rows.append((f"channel {i}", *said))
    where = f"The most aware channels of {gate_name(look.model, look.gate)}"
    return table(COMPARED, rows, caption=f"{where}, those that change most, and the chosen one")


def told_html(look: Look, found: Mapping) -> str:
    """A sentence and a table."""
    return aha(found["verdict"]) + found["table"]
