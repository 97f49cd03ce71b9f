"""One channel, off or up: what it changes in a picture, where, beside random channels, and which classes use it.

A change is given in levels of 255, as root mean square over pixels and colours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from core import pace, zoo
from core.cache import Cache
from core.channels import effect
from core.channels.awareness import strongest
from core.channels.effect import Effect, Untouched, Usual
from core.images import coloured, webp
from core.parts import has_parts, read_parts

from ..page.blocks import Bar, bars, data_uri, filled, setter
from ..page.picture import shown
from .recipe import MOST, TEXTS, Look, awareness_of, class_names, codes_of, gate_name, generator_of, strength

DOTS = 12  # channels that are offered
USERS = 6  # classes that are named for a channel
GONE = 0.5  # share of a part's pixels from which it is gone without the channel, so drawn by it
LARGEST_KEPT = 24 * 2**20  # bytes

HTML = TEXTS["html"]
_untouched = Cache(LARGEST_KEPT, Untouched.bytes)
_beside = Cache(1_000, lambda found: 1)


def before(look: Look) -> Untouched:
    """Made once for a picture and a gate, then kept: a change of the channel runs only what comes after."""
    key = (look.model, zoo.weights_hash(look.model), zoo.device().type, look.seed, look.label, look.psi, look.gate)
    return _untouched.made(key, lambda: effect.untouched(generator_of(look), codes_of(look), look.gate))


def changed(look: Look, amounts: Sequence[float] | None = None, channel: int | None = None) -> Tensor:
    """The picture with the channel at each of the amounts (None: the look's own), [n, 3, R, R] in [-1, 1]."""
    amounts, number = [look.amount] if amounts is None else amounts, look.channel if channel is None else channel
    return effect.changed(generator_of(look), before(look), look.gate, number, amounts)


def frames(look: Look, count: int, _quick: bool = False) -> list[Image.Image]:
    """The channel from off to MOST times its strength."""
    return shown(changed(look, [MOST * i / (count - 1) for i in range(count)]), look.model)


def tried(look: Look, after: Tensor) -> Effect:
    """What a change of a channel, which made `after` [1, 3, R, R] of the look's picture, does to it."""
    untouched = before(look).picture
    parts = read_parts(look.model, untouched)[0] if has_parts(look.model) else {}
    return effect.effect_of(after, untouched, parts)


def beside(look: Look, *, measure: bool) -> Usual | None:
    """What random channels of the same gate do at the same amount: medians. None where that was not measured yet."""
    key = (look.model, zoo.weights_hash(look.model), look.seed, look.label, look.psi, look.gate, look.amount)
    found = _beside.get(key)
    if found is None and measure:
        count = awareness_of(look.model, look.gate).shape[1]
        numbers = effect.random_channels(count, look.gate)
        found = _beside.put(key, {number: tried(look, changed(look, channel=number)) for number in numbers})
    return effect.usual(found, look.channel) if found else None


def told_of(look: Look) -> Look:
    """The change that the page tells of: where nothing is changed, what switching the channel off would do."""
    return replace(look, amount=0.0) if look.amount == 1 else look


def verdict(look: Look, random: Usual | None) -> dict[str, str]:
    """How much the channel changes and where, beside random channels, on how many pictures: as `verdict` with its
    numbers, as `plain` in plain words; see `told_of`.
    """
    told = told_of(look)
    found = tried(told, changed(told))
    said, plain = (say(found, told.amount, random) for say in (effect.effect_sentence, effect.plain_effect))
    if told != look:
        said = f"{effect.effect_sentence(found, look.amount, None)} {said}"
    missing = random is None and found.half == found.half and pace.pace_of(look.model).slow
    more = " Press Measure to compare it with random channels." * missing
    return dict(verdict=said + more, plain=plain + more)


def part_of(look: Look) -> tuple[str, str]:
    """The part that the channel clearly changes on this picture, and whether it "draws" or "shapes" it; "" for none."""
    look = told_of(look)
    after = changed(look)
    name = effect.clear_part(tried(look, after).parts, beside(look, measure=True))
    if not name:
        return "", ""
    first, left = read_parts(look.model, torch.cat([before(look).picture, after]))
    return name, "draws" if effect.lost(first[name], left.get(name)) >= GONE else "shapes"


def dots(look: Look) -> list[dict]:
    """The channels of the gate that the class opens most; the chosen one last, where it is not among them."""
    scores = awareness_of(look.model, look.gate)[look.label]
    numbers = strongest(scores, min(DOTS, len(scores))).tolist()
    ranks = dict(zip(numbers, range(1, DOTS + 1)))
    ranks.setdefault(look.channel, int((scores > scores[look.channel]).sum()) + 1)
    return [dict(channel=number, score=round(float(scores[number]), 3), rank=rank) for number, rank in ranks.items()]


def users(look: Look) -> str:
    """The classes that open this channel most, and where the look's own class stands, as an HTML table."""
    scores, names = awareness_of(look.model, look.gate)[:, look.channel], class_names(look.model)
    order = scores.argsort(descending=True).tolist()
    own = f"{names[look.label]} (rank {order.index(look.label) + 1} of {len(order)})"
    shown = dict.fromkeys([*order[:USERS], look.label])
    rows = [Bar(own if i == look.label else names[i], float(scores[i]), says=f"{float(scores[i]):.3f}") for i in shown]
    return bars(rows, caption=f"Classes that use channel {look.channel}", value="awareness")


def active_where(look: Look) -> tuple[str, str]:
    """What the channel lets through on the untouched picture, as a data URI, and in words."""
    maps = before(look).maps[look.channel]
    side, most = maps.shape[-1], float(maps.max())
    says = f"{100 * float((maps > 0).float().mean()):.0f} % of its {side} x {side} places are open, up to {most:.2f}"
    return data_uri(webp(coloured(maps / most if most > 0 else maps))), says


def told(look: Look) -> str:
    """The caption under the picture."""
    name, of = look.label_name, gate_name(look.model, look.gate)
    said = f"{name[:1].upper()}{name[1:]}, picture number {look.seed}."
    return f"{said} Channel {look.channel} of {of}, {strength(look)}."


# --- as HTML


def dots_html(look: Look) -> str:
    """The channels as buttons that choose them, the larger the more the class opens them."""
    found, made = dots(look), ""
    most = max([dot["score"] for dot in found] + [1e-9])
    for dot in found:
        size = (max(dot["score"], 0) / most) ** 0.5
        made += filled(HTML["dot"], dict(setter=setter(channel=dot["channel"])), size=size, **dot)
    return filled(HTML["dots"], dict(dots=made), name=look.label_name)


def looked_html(look: Look, answer: Mapping) -> str:
    """Where the picture changes (the script draws that), where the channel is active, and who uses it."""
    about = {name: answer[name] for name in ("verdict", "active", "active_says")}
    return filled(HTML["looked"], dict(users=answer["users"]), channel=look.channel, **about)
