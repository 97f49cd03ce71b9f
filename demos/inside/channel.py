"""One channel, off or up: what it changes in a picture, where, beside random channels, and which classes use it.

A change is given in levels of 255, as root mean square over pixels and colours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from statistics import median
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from core import pace, zoo
from core.channels import effect
from core.channels.awareness import strongest
from core.channels.effect import Untouched, half_on, levels
from core.images import to_pil, webp
from core.parts import has_parts, read_parts

from ..page.blocks import Bar, bars, data_uri, setter
from ..page.cache import Cache
from ..page.picture import shown
from .recipe import MOST, Look, awareness_of, class_names, codes_of, gate_name, generator_of, named, strength

DOTS = 12  # channels that are offered
RANDOM = 8  # channels that any one is compared with
USERS = 6  # classes that are named for a channel
# share of the change, and times that of random channels, from which a channel is said to draw a part
CLEAR, TIMES = 0.5, 2.0
GONE = 0.5  # share of the part's pixels from which it is gone without the channel, so drawn by it
LARGEST_KEPT = 64 * 2**20  # bytes
RAMP = ((13, 12, 16), (20, 73, 84), (21, 140, 122), (196, 214, 120), (255, 252, 240))


def uri(image: Tensor) -> str:
    """[1, 3, h, w] in [-1, 1] -> a data URI, lossless."""
    return data_uri(webp(to_pil(image)[0]))


_untouched = Cache(LARGEST_KEPT, Untouched.bytes)
_beside = Cache(1_000, lambda found: 1)


def before(look: Look) -> Untouched:
    """Made once for a picture and a gate, then kept: a change of the channel runs only what comes after."""
    key = (look.model, zoo.weights_hash(look.model), zoo.device().type, look.seed, look.label, look.psi, look.gate)
    found = _untouched.get(key)
    if found is None:
        found = _untouched.put(key, effect.untouched(generator_of(look), codes_of(look), look.gate))
    return found


def changed(look: Look, amounts: Sequence[float] | None = None, channel: int | None = None) -> Tensor:
    """The picture with the channel at each of the amounts (None: the look's own), [n, 3, R, R] in [-1, 1]."""
    amounts, number = [look.amount] if amounts is None else amounts, look.channel if channel is None else channel
    return effect.changed(generator_of(look), before(look), look.gate, number, amounts)


def frames(look: Look, count: int, _quick: bool = False) -> list[Image.Image]:
    """The channel from off to MOST times its strength."""
    return shown(changed(look, [MOST * i / (count - 1) for i in range(count)]), look.model)


def part_shares(look: Look, after: Tensor, untouched: Tensor) -> dict[str, float]:
    """The share of the squared change on each part that the picture shows; empty without a part reader."""
    squares = (after - untouched).square().mean((0, 1)).cpu()
    if not has_parts(look.model) or not squares.sum() > 0:
        return {}
    parts = read_parts(look.model, untouched)[0]
    return {name: float(squares[mask].sum() / squares.sum()) for name, mask in parts.items()}


def random_channels(look: Look) -> list[int]:
    """RANDOM + 1 channels of the look's gate: one more than are compared, as its own may be among them."""
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


def part_of(look: Look) -> tuple[str, str]:
    """The part that the channel clearly changes on this picture, and whether it "draws" or "shapes" it; "" for none."""
    shares, random = tried(look, look.channel).parts, beside(look, measure=True)
    name = struck(shares, random) if shares else ""
    if not name or shares[name] < CLEAR or shares[name] < TIMES * random["parts"].get(name, 0.0):
        return "", ""
    return name, "draws" if lost(look, name) >= GONE else "shapes"


def lost(look: Look, part: str) -> float:
    """Share of the part's pixels that the part reader no longer takes for it."""
    first, after = read_parts(look.model, torch.cat([before(look).picture, changed(look)]))
    return 1 - float((first[part] & after[part]).sum() / first[part].sum()) if part in after else 1.0


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


def told(look: Look) -> str:
    """The caption under the picture."""
    name, of = named(look), gate_name(look.model, look.gate)
    said = f"{name[:1].upper()}{name[1:]}, picture number {look.seed}."
    return f"{said} Channel {look.channel} of {of}, {strength(look)}."


# --- as HTML


def dots_html(look: Look) -> str:
    """The channels as buttons that choose them, the larger the more the class opens them."""
    found = dots(look)
    most = max([dot["score"] for dot in found] + [1e-9])
    made = "".join(
        f'<button type="button" class="dot" {setter(channel=dot["channel"])} title="channel {dot["channel"]}: '
        f'awareness {dot["score"]}" aria-label="Channel {dot["channel"]}, number {dot["rank"]} in awareness, '
        f'{dot["score"]}" style="--size:{(max(dot["score"], 0) / most) ** 0.5:.3f}"><i></i>'
        f"<span>{dot['channel']}</span></button>"
        for dot in found
    )
    title = f"The channels that “{escape(named(look))}” opens most"
    return f'<p class="eyebrow">{title}</p><div class="dots" role="group" aria-label="{title}">{made}</div>'


def looked_html(look: Look, answer: Mapping) -> str:
    """Where the picture changes (the script draws that), where the channel is active, and who uses it."""
    said, says = escape(f"Map of change. {answer['verdict']}"), f"Where it is active: {answer['active_says']}"
    alt = escape(f"Where channel {look.channel} is active: {answer['active_says']}")
    change = (
        f'<div class="map" id="inside-map" role="img" aria-label="{said}"><canvas class="map-pixels"></canvas></div>'
    )
    active = f'<div class="map"><img src="{answer["active"]}" alt="{alt}"></div>'
    figures = "".join(
        f'<figure class="framed">{shown}<figcaption>{escape(says)}</figcaption></figure>'
        for shown, says in ((change, "What changes"), (active, says))
    )
    return f'<div class="looked">{figures}</div><div id="inside-users">{answer["users"]}</div>'
