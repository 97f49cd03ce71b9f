"""What is measured when one looks inside:
a channel off or up, few channels, two classes crossed, likeness, cuts, three measures.

Long work is a stream of plain values. What counts is how much pictures change, and where, and where the network's
world has a classifier, what it takes them for; a change is given in levels of 255, as root mean square over pixels
and colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from statistics import median
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from core import zoo
from core.channels.awareness import (
    activations,
    all_awareness,
    awareness,
    causal_effect,
    chosen,
    mean_activation,
    strongest,
)
from core.channels.editing import ChannelEdit, edit_start, edited, hybrid, redrawn
from core.channels.segmentation import segment
from core.generators.base import State
from core.images import strip as side_by_side
from core.images import to_pil, webp
from core.taps import tap
from core.truth.worlds import load_world

from ..page import pace
from ..page.blocks import Bar, bars, data_uri, table
from ..page.cache import Cache
from ..page.fields import RecipeError
from ..page.parts_of_pictures import has_parts, read_parts
from ..page.picture import opened
from ..page.words import signed
from .recipe import (
    MOST,
    Look,
    awareness_of,
    class_names,
    classifier_of,
    codes_of,
    gate_name,
    gates_of,
    generator_of,
    named,
    strength,
)

DOTS = 12  # channels that are offered
RANDOM = 8  # channels that any one is compared with
USERS = 6  # classes that are named for a channel
LEVELS = 127.5  # of 255, for a difference of 1
FRAMES, FEW_FRAMES = 21, 7
LARGEST_KEPT = 64 * 2**20  # bytes
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
SAMPLES, DRAWS = 4, 3  # pictures, and random choices of channels for each
CROSSES = 9  # frames from one class to the other
TOGETHER, CUT_SIDE = 4, 48  # pictures that are cut at once, and pixels a side of the cut
SHUFFLES = 1_000  # of the families
HEATED = 24  # classes up to which every pair is shown
OBSERVED, TRIED = 16, 2  # pictures for the sampled and for the causal measure
RAMP = ((13, 12, 16), (20, 73, 84), (21, 140, 122), (196, 214, 120), (255, 252, 240))
PALETTE = (
    (15, 118, 110),
    (217, 119, 6),
    (79, 70, 229),
    (190, 24, 93),
    (101, 163, 13),
    (2, 132, 199),
    (120, 53, 15),
    (147, 51, 234),
    (82, 82, 91),
    (234, 179, 8),
    (20, 184, 166),
    (244, 63, 94),
)


def uri(image: Tensor) -> str:
    """[1, 3, h, w] in [-1, 1] -> a data URI, lossless."""
    return data_uri(webp(to_pil(image)[0]))


def levels(a: Tensor, b: Tensor) -> Tensor:
    """RMS difference of pictures [n, 3, R, R] in [-1, 1], [n] in levels of 255."""
    return LEVELS * (a.clamp(-1, 1) - b.clamp(-1, 1)).square().mean((1, 2, 3)).sqrt()


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


# --- one channel


class Untouched(NamedTuple):
    """A picture as it is.

    state: what is before the gate's layer, None for layer 0; picture [1, 3, R, R] in [-1, 1];
    maps [channels, h, w]: what the gate lets through.
    """

    state: State | None
    picture: Tensor
    maps: Tensor

    def bytes(self) -> int:
        tensors = (*(self.state or ()), self.picture, self.maps)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors if tensor is not None)


_untouched = Cache(LARGEST_KEPT, Untouched.bytes)
_beside = Cache(1_000, lambda found: 1)


@torch.no_grad()
def before(look: Look) -> Untouched:
    """Made once for a picture and a gate, then kept: a change of the channel runs only what comes after."""
    key = (look.model, zoo.weights_hash(look.model), zoo.device().type, look.seed, look.label, look.psi, look.gate)
    found = _untouched.get(key)
    if found is None:
        generator, codes = generator_of(look), codes_of(look)
        layer = edit_start(generator, [ChannelEdit(look.gate, look.channel)])
        state = generator.run(codes, stop=layer) if layer else None
        with tap(generator.gates[look.gate]) as seen:
            picture = generator.to_image(generator.run(codes, state, start=layer)).clamp(-1, 1)
        found = _untouched.put(key, Untouched(state, picture, seen[0][0].cpu()))
    return found


def changed(look: Look, amounts: Sequence[float] | None = None, channel: int | None = None) -> Tensor:
    """The picture with the channel at each of the amounts (None: the look's own), [n, 3, R, R] in [-1, 1]."""
    amounts = [look.amount] if amounts is None else amounts
    edit = ChannelEdit(
        look.gate, look.channel if channel is None else channel, multiply=torch.tensor([float(one) for one in amounts])
    )
    return redrawn(generator_of(look), codes_of(look), before(look).state, [edit]).clamp(-1, 1)


def film(look: Look) -> dict:
    """The channel from off to MOST times its strength, frames side by side."""
    count = FEW_FRAMES if pace.pace_of(look.model).slow else FRAMES
    frames = changed(look, [MOST * i / (count - 1) for i in range(count)])
    return dict(src=data_uri(webp(side_by_side(to_pil(frames)))), frames=count)


def film_pictures(look: Look, count: int = FRAMES) -> list[Image.Image]:
    return to_pil(changed(look, [MOST * i / (count - 1) for i in range(count)]))


def half_on(after: Tensor, untouched: Tensor) -> float:
    """The share of the picture that the strongest half of the squared change lies on; nan where nothing changes."""
    squares = (after - untouched).square().mean((0, 1)).flatten().sort(descending=True)[0].double()
    if not squares.sum() > 0:
        return float("nan")
    return (1 + int((squares.cumsum(0) < squares.sum() / 2).sum())) / len(squares)


def part_shares(look: Look, after: Tensor, untouched: Tensor) -> dict[str, float]:
    """The share of the squared change on each part that the picture shows; empty without a part reader."""
    squares = (after - untouched).square().mean((0, 1)).cpu()
    if not has_parts(look.model) or not squares.sum() > 0:
        return {}
    parts = read_parts(look.model, untouched)[0]
    return {name: float(squares[mask].sum() / squares.sum()) for name, mask in parts.items()}


def random_channels(look: Look) -> list[int]:
    """The same ones for every channel of this gate; one more than are compared, as the look's own may be among them."""
    count = awareness_of(look.model, look.gate).shape[1]
    return torch.randperm(count, generator=torch.Generator().manual_seed(look.gate)).tolist()[: RANDOM + 1]


class Tried(NamedTuple):
    """What a channel does. levels: of 255, RMS; half: as `half_on`; parts: as `part_shares`."""

    levels: float
    half: float
    parts: dict[str, float]


def tried(look: Look, channel: int) -> Tried:
    after, untouched = changed(look, channel=channel), before(look).picture
    return Tried(float(levels(after, untouched)), half_on(after, untouched), part_shares(look, after, untouched))


def beside(look: Look, *, measure: bool) -> dict | None:
    """What random channels of the same gate do at the same amount: medians. None where that was not measured yet."""
    key = (look.model, zoo.weights_hash(look.model), look.seed, look.label, look.psi, look.gate, look.amount)
    found = _beside.get(key)
    if found is None and measure:
        found = _beside.put(key, {channel: tried(look, channel) for channel in random_channels(look)})
    if found is None:
        return None
    others = [one for channel, one in found.items() if channel != look.channel][:RANDOM]
    spots, names = [one.half for one in others if one.half == one.half], {name for one in others for name in one.parts}
    return dict(
        levels=median(one.levels for one in others),
        count=len(others),
        half=median(spots) if spots else None,
        parts={name: median(one.parts.get(name, 0.0) for one in others) for name in names},
    )


def verdict(look: Look, after: Tensor, random: dict | None) -> str:
    """How much the channel changes and where, beside random channels, on how many pictures."""
    untouched = before(look).picture
    if look.amount == 1:
        return "The channel is as it is: nothing changes."
    moved, spot = float(levels(after, untouched)), half_on(after, untouched)
    doing = "Switching it off" if look.amount == 0 else f"Setting it to {look.amount:g} times its strength"
    if spot != spot:
        return f"{doing} changes nothing: the channel lets nothing through in this picture."
    others = (
        ""
        if random is None
        else (f" ({random['count']} random channels of this gate: {random['levels']:.1f}, the median)")
    )
    where = _where(look, after, untouched, spot, random)
    said = f"{doing} changes the picture by {moved:.1f} of 255 levels{others}. {where}"
    if random:
        return said + " One picture."
    return said + (" Press Measure to compare it with random channels." if pace.pace_of(look.model).slow else "")


def _where(look: Look, after: Tensor, untouched: Tensor, spot: float, random: dict | None) -> str:
    shares = part_shares(look, after, untouched)
    if shares:
        name = struck(shares, random)
        other = "" if random is None else f"; random channels: {100 * random['parts'].get(name, 0):.0f} %"
        return f"{100 * shares[name]:.0f} % of the change lies on the part “{name}”{other}."
    other = "" if random is None or random["half"] is None else f"; random channels: on {100 * random['half']:.0f} %"
    return f"Half of the change lies on {100 * spot:.0f} % of the picture{other}."


def struck(shares: dict[str, float], random: dict | None) -> str:
    """The part that more of the change lies on than of random channels' changes;
    without those, the part with the most.
    """
    usual = {} if random is None else random["parts"]
    return max(shares, key=lambda name: shares[name] - usual.get(name, 0.0))


def dots(look: Look) -> list[dict]:
    """The channels of the gate that the class opens most; the chosen one last, where it is not among them."""
    scores = awareness_of(look.model, look.gate)[look.label]
    numbers = strongest(scores, min(DOTS, len(scores))).tolist()
    rank = int((scores > scores[look.channel]).sum()) + 1
    found = [
        dict(channel=channel, score=round(float(scores[channel]), 3), rank=i + 1) for i, channel in enumerate(numbers)
    ]
    if look.channel not in numbers:
        found.append(dict(channel=look.channel, score=round(float(scores[look.channel]), 3), rank=rank))
    return found


def users(look: Look) -> str:
    """The classes that open this channel most, and where the look's own class stands, as an HTML table."""
    scores, names = awareness_of(look.model, look.gate)[:, look.channel], class_names(look.model)
    order = scores.argsort(descending=True).tolist()
    shown = order[:USERS] + ([look.label] if look.label not in order[:USERS] else [])
    titles = {
        i: f"{names[i]} (rank {order.index(i) + 1} of {len(order)})" if i == look.label else names[i] for i in shown
    }
    rows = [Bar(titles[i], float(scores[i]), says=f"{float(scores[i]):.3f}") for i in shown]
    return bars(rows, caption=f"Classes that use channel {look.channel}", value="awareness")


def active_where(look: Look) -> tuple[str, str]:
    """What the channel lets through on the untouched picture, as a data URI, and in words."""
    maps = before(look).maps[look.channel]
    side, most = maps.shape[-1], float(maps.max())
    says = f"{100 * float((maps > 0).float().mean()):.0f} % of its {side} x {side} places are open, up to {most:.2f}"
    return coloured(maps / most if most > 0 else maps), says


def coloured(shares: Tensor) -> str:
    """[h, w] in 0..1 -> a picture from dark to bright, as a data URI."""
    ramp = torch.tensor(RAMP, dtype=torch.float32)
    place = shares.float().clamp(0, 1) * (len(RAMP) - 1)
    low = place.floor().long().clamp(max=len(RAMP) - 2)
    mixed = ramp[low] + (place - low)[..., None] * (ramp[low + 1] - ramp[low])
    return data_uri(webp(Image.fromarray(mixed.round().to(torch.uint8).numpy())))


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
            html=few_table(look, rows, len(seeds), draws) if i + 1 == len(shares) else "",
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


# --- who is like whom?


def likeness(model: str) -> Tensor:
    """[classes, classes] in -1..1: the cosine of two classes' awareness, each channel less its mean over the classes.

    Every gate counts alike, however many channels it has and however wide they open.
    """
    profile = profiles(model)
    unit = profile / profile.norm(dim=1, keepdim=True).clamp(min=1e-30)
    return unit @ unit.T


def profiles(model: str) -> Tensor:
    """[classes, channels of all gates], float64: awareness less its mean, every gate scaled to the same size."""
    centred = [means - means.mean(0) for means in all_awareness(opened(model))]
    return torch.cat([part / part.square().sum().clamp(min=1e-30).sqrt() for part in centred], 1).cpu()


def alike(look: Look) -> dict:
    """The classes most and least like this one, whether families show, and every pair where there are few classes."""
    found, names = likeness(look.model), class_names(look.model)
    row = found[look.label].clone()
    row[look.label] = -2
    order = [i for i in row.argsort(descending=True).tolist() if i != look.label]
    best, least = order[0], order[-1]
    html = (
        _heat(found, names)
        if len(names) <= HEATED
        else bars(
            [Bar(names[i], float(row[i])) for i in order[:10]],
            caption=f"Classes most like {named(look)}",
            value="likeness",
            full=1.0,
        )
    )
    said = (
        f"{capital(named(look))} is most like {names[best]} ({signed(row[best], 2)}) "
        f"and least like {names[least]} ({signed(row[least], 2)}; 1: the same channels, 0: unrelated)."
        f"{_families(look.model, found)}"
    )
    return dict(html=html, verdict=said)


def _families(model: str, found: Tensor) -> str:
    """Whether classes of one family are more alike than strangers, by permuting the families;
    "" where there are none.
    """
    world = zoo.card(model).world
    families = getattr(load_world(world), "FAMILIES", None) if world else None
    names = class_names(model)
    if not families or set(names) != {name for members in families.values() for name in members}:
        return ""
    of = torch.tensor([next(k for k, members in enumerate(families.values()) if name in members) for name in names])
    pairs = torch.triu(torch.ones_like(found), 1).bool()

    def gap(labels: Tensor) -> float:
        same = (labels[:, None] == labels) & pairs
        return float(found[same].mean() - found[pairs & ~same].mean())

    random, real = torch.Generator().manual_seed(0), gap(of)
    beaten = sum(gap(of[torch.randperm(len(of), generator=random)]) >= real for _ in range(SHUFFLES))
    return (
        f" Families, which nobody told the network about: relatives are {signed(real, 2)} more alike than "
        f"strangers (p = {(beaten + 1) / (SHUFFLES + 1):.3f}, {SHUFFLES} permutations)."
    )


def _heat(found: Tensor, names: Sequence[str]) -> str:
    """Every pair as an HTML table; the colour says what the number says."""
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in names)
    body = ""
    for i, name in enumerate(names):
        cells = "".join(f'<td style="--at:{max(0.0, float(value)):.2f}">{signed(value, 2)}</td>' for value in found[i])
        body += f"<tr><th scope=row>{escape(name)}</th>{cells}</tr>"
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Likeness of every pair of classes">'
        '<table class="heat">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


# --- cut into pieces


def cut(look: Look) -> Iterator[dict]:
    """Some pictures of the class cut into pieces by k-means of what the channels say at each pixel,
    with weights and without.
    """
    try:
        import sklearn.metrics
    except ImportError:
        raise RecipeError(
            "cutting needs scikit-learn, which is not installed here: run pip install scikit-learn and start again"
        ) from None
    generator, gates = generator_of(look), gates_of(look)
    codes = torch.cat([codes_of(look, seed=look.seed + i) for i in range(TOGETHER)])
    with torch.no_grad():
        pictures, maps = generator(codes).clamp(-1, 1), activations(generator, codes, gates)
    weights = [awareness_of(look.model, gate)[look.label].to(part) for gate, part in zip(gates, maps)]
    side = min(CUT_SIDE, pictures.shape[-1])
    cuts = {}
    for name, given in (("with", weights), ("without", None)):
        yield dict(partial=True, share=len(cuts) / 2, says=f"Cutting {name} weights …")
        cuts[name] = segment(maps, given, k=look.pieces, size=side)
    agree = sklearn.metrics.adjusted_rand_score(cuts["with"].flatten().numpy(), cuts["without"].flatten().numpy())
    shown = cuts["with" if look.weighted else "without"]
    rows = [dict(picture=uri(pictures[i : i + 1]), cut=painted(shown[i])) for i in range(TOGETHER)]
    yield dict(rows=rows, verdict=_cut_said(look, pictures, cuts, side, float(agree)))


def _cut_said(look: Look, pictures: Tensor, cuts: dict[str, Tensor], side: int, agree: float) -> str:
    shown = cuts["with" if look.weighted else "without"]
    sizes = torch.bincount(shown.flatten(), minlength=look.pieces).double() / shown.numel()
    parts = ", ".join(f"{100 * share:.0f}" for share in sizes.tolist())
    said = (
        f"{look.pieces} pieces of {parts} % of {len(pictures)} pictures, "
        f"{'with' if look.weighted else 'without'} awareness as weight. "
        f"The cuts with and without weights agree at {agree:.2f} (adjusted Rand index: 0 chance, 1 the same)."
    )
    if not has_parts(look.model):
        return said + " No part reader belongs to this network, so nobody says here which cut is right."
    from sklearn.metrics import adjusted_rand_score

    truth = zoo.load_part_reader(zoo.card(look.model).world)(pictures).argmax(1)
    truth = torch.nn.functional.interpolate(truth[:, None].float(), size=(side, side), mode="nearest")
    truth = truth.long().flatten().cpu().numpy()
    scores = {name: adjusted_rand_score(truth, one.flatten().numpy()) for name, one in cuts.items()}
    return f"{said} Agreement with the part reader: {scores['with']:.2f} with weights, {scores['without']:.2f} without."


def painted(regions: Tensor) -> str:
    """[h, w] numbers -> a picture of flat colours, as a data URI."""
    return data_uri(webp(Image.fromarray(torch.tensor(PALETTE, dtype=torch.uint8)[regions.cpu()].numpy())))


# --- formula, observation, experiment


def compare(look: Look) -> Iterator[dict]:
    """The three measures of every channel of the gate, for the class:
    first by watching, then by switching each one off.
    """
    formula = awareness(opened(look.model), look.label, gate=look.gate).cpu()
    asked = dict(gate=look.gate, seed=look.seed, psi=look.psi)
    for seen in mean_activation(opened(look.model), look.label, draws=OBSERVED, **asked):
        yield dict(partial=True, share=0.3 * seen.done / seen.of, says=f"Watching: {seen.done} of {seen.of} pictures")
    observed, effect = seen.values.cpu(), None
    for tried in causal_effect(opened(look.model), look.label, draws=TRIED, **asked):
        effect = tried.values.cpu()
        yield dict(
            partial=True,
            share=0.3 + 0.7 * tried.done / tried.of,
            says=f"Switching off: {tried.done} of {tried.of} channels",
        )
    yield dict(
        html=compared_html(look, formula, observed, effect), verdict=compared_said(look, formula, observed, effect)
    )


def compared_said(look: Look, formula: Tensor, observed: Tensor, effect: Tensor) -> str:
    pairs = {"watching": rank_correlation(formula, observed), "experiment": rank_correlation(formula, effect)}
    both = rank_correlation(observed, effect)
    told = ", ".join(
        f"with {'the ' * (name == 'experiment')}{name} {signed(value, 2)}" for name, value in pairs.items()
    )
    return (
        f"Does the formula put the {len(formula)} channels in the same order? Rank correlation {told}; "
        f"watching with the experiment {signed(both, 2)} (1 the same order, 0 unrelated). "
        f"{capital(gate_name(look.model, look.gate))}, {named(look)}; {OBSERVED} pictures watched, "
        f"{TRIED} switched."
    )


def compared_html(look: Look, formula: Tensor, observed: Tensor, effect: Tensor) -> str:
    root = LEVELS * effect.clamp(min=0).sqrt()
    numbers = dict.fromkeys(
        [
            *strongest(formula, min(DOTS, len(formula))).tolist(),
            *strongest(effect, min(3, len(effect))).tolist(),
            look.channel,
        ]
    )
    rank = {
        name: (-values).argsort(stable=True).argsort().add(1).tolist()
        for name, values in (("f", formula), ("o", observed), ("e", effect))
    }
    rows = [
        (
            f"channel {i}",
            f"{float(formula[i]):.3f} (rank {rank['f'][i]})",
            f"{float(observed[i]):.3f} (rank {rank['o'][i]})",
            f"{float(root[i]):.2f} (rank {rank['e'][i]})",
        )
        for i in numbers
    ]
    head = ["channel", "by formula: awareness", "by watching: mean activation", "by experiment: change of 255 levels"]
    return table(
        head,
        rows,
        caption=f"The most aware channels of {gate_name(look.model, look.gate)}, "
        "those that change most, and the chosen one",
    )


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's: the correlation of the ranks, equal values sharing theirs; 0 where one does not vary."""
    x, y = (_ranks(values) for values in (a, b))
    x, y = x - x.mean(), y - y.mean()
    scale = (x.square().sum() * y.square().sum()).sqrt()
    return float((x * y).sum() / scale) if scale > 0 else 0.0


def _ranks(values: Tensor) -> Tensor:
    _, where, counts = values.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[where]


def capital(text: str) -> str:
    """With the first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def told(look: Look) -> str:
    """The caption under the picture."""
    return (
        f"{capital(named(look))}, picture number {look.seed}. "
        f"Channel {look.channel} of {gate_name(look.model, look.gate)}, {strength(look)}."
    )
