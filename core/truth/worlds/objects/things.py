"""How each class of object is put together from solids; families share parts and the code that draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..drawing import as_field, colour_between, mix, smoothstep
from .solids import (
    BARK,
    BLOOM,
    BRASS,
    CERAMIC,
    CLAY,
    CREAM,
    FLOOR,
    GREEN,
    LEAF,
    SOIL,
    WALL_BLUE,
    WALL_ROSE,
    WOOD,
    YELLOW,
    Kind,
    Number,
    Stage,
    ball,
    band,
    box,
    decorate,
    disc,
    leaf,
    opening,
    ring,
    rod,
    turned,
)

KINDS: dict[str, Kind] = {
    "mug": Kind(1.02, 1.10, 0.14, *CERAMIC),
    "teapot": Kind(1.12, 1.00, 0.02, *CERAMIC),
    "bowl": Kind(0.84, 1.12, 0.0, *CERAMIC),
    "bottle": Kind(1.30, 1.02, 0.0, *CERAMIC),
    "vase": Kind(1.28, 1.02, 0.0, *CERAMIC),
    "cactus": Kind(1.28, 1.02, 0.0, *GREEN),
    "flower": Kind(1.54, 0.92, 0.0, *BLOOM),
    "tree": Kind(1.36, 1.00, 0.0, (0.06, 0.50, 0.32), (0.50, 0.62, 0.06)),
    "mushroom": Kind(0.98, 1.14, 0.0, *BLOOM),
    "chair": Kind(1.30, 0.95, 0.0, *WOOD),
    "stool": Kind(1.04, 1.06, 0.0, *WOOD),
    "table": Kind(0.90, 1.06, 0.0, *WOOD),
    "lamp": Kind(1.30, 1.00, 0.0, *WOOD),
    "apple": Kind(1.20, 1.06, 0.0, (0.64, 0.06, 0.22), (0.94, 0.30, 0.08)),
    "pear": Kind(1.40, 1.00, 0.0, (0.42, 0.66, 0.14), (0.92, 0.66, 0.08)),
    "cherries": Kind(1.26, 1.04, 0.02, (0.46, 0.08, 0.34), (0.92, 0.14, 0.12)),
}


# ---------------------------------------------------------------- what all pictures have


def _room(stage: Stage, shadow: float) -> None:
    """Wall, floor and the object's shadow, which is `shadow` wide in half."""
    value = stage.value
    wall = colour_between(WALL_BLUE, WALL_ROSE, value["wall_colour"]) * mix(0.80, 1.0, value["wall_tone"])[:, None]
    glow = 1.0 + 0.07 * stage.light[0] * stage.picture_x + 0.05 * stage.picture_y
    stage.image.copy_(wall[:, :, None, None] * glow[:, None])
    floor = torch.lerp(wall, stage.fixed(FLOOR), 0.84)
    horizon = stage.foot + mix(0.20, 0.52, as_field(value["view"]))
    cover = (0.5 + (horizon - stage.picture_y) / stage.edge).clamp_(0.0, 1.0)
    stage.paint("floor", floor, cover.expand(stage.labels.shape), glow)
    wide = as_field(stage.number(shadow))
    across = (stage.x + 0.22 * stage.light[0]) / wide
    up = (stage.y + 0.02) / (wide * (0.10 + 0.75 * stage.rise))
    dark = (1.0 - across * across - up * up).clamp_(min=0.0)
    stage.image.mul_((1.0 - 0.42 * smoothstep(dark * 1.4) * cover)[:, None])


# ---------------------------------------------------------------- vessels


def _handle(stage: Stage, radius: float, height: float, reach: tuple[float, float], *, front: bool) -> None:
    """The handle at the right; drawn once before the body and once after it, where it is turned to the front."""
    cosine, sine = stage.turn.cos(), stage.turn.sin()
    place, level = radius * cosine, height - stage.rise[:, 0, 0] * radius * sine
    out = stage.span("reach", *reach)
    beside = stage.x - as_field(place)
    nearer = as_field((sine > 0).float() - 0.5)
    visible = torch.minimum(beside + 0.02, nearer) if front else torch.ones_like(beside)
    half_x, half_y = out * (0.25 + 0.75 * cosine), stage.span("reach", 0.264, 0.346)
    ring(stage, "handle", stage.colour * 0.90, (place, level), half_x, half_y, 0.072, visible)


def _mug(stage: Stage) -> None:
    _room(stage, 0.66)
    _handle(stage, 0.43, 0.50, (0.24, 0.38), front=False)
    body = turned(stage, "body", stage.colour, [(0.0, 0.40), (0.15, 0.43), (0.5, 0.43), (1.0, 0.43)])
    band(stage, body, 0.50, stage.span("pattern", 0.068, 0.20))
    opening(stage, "rim", stage.colour, stage.colour * 0.5, 1.0, 0.43)
    _handle(stage, 0.43, 0.50, (0.24, 0.38), front=True)


def _teapot(stage: Stage) -> None:
    _room(stage, 0.72)
    _handle(stage, 0.46, 0.46, (0.22, 0.34), front=False)
    cosine, sine, rise = stage.turn.cos(), stage.turn.sin(), stage.rise[:, 0, 0]
    far, tip = stage.span("reach", 0.62, 0.80), stage.span("reach", 0.72, 0.86)
    bends = ((0.40, 0.30), (0.15 + 0.62 * far, 0.46), (far, tip))
    points = [(-out * cosine, up + rise * out * sine) for out, up in bends]
    rod(stage, "spout", stage.colour * 0.80, points[0], points[1], 0.15, 0.105)
    rod(stage, "spout", stage.colour * 0.80, points[1], points[2], 0.105, 0.075)
    body = turned(stage, "body", stage.colour, [(0.0, 0.30), (0.16, 0.44), (0.42, 0.52), (0.68, 0.42), (0.80, 0.28)])
    band(stage, body, 0.42, stage.span("pattern", 0.068, 0.16))
    ball(stage, "lid", stage.colour * 0.72, 0.0, 1.06, 0.095)
    turned(stage, "lid", stage.colour * 0.72, [(0.80, 0.31), (0.88, 0.27), (0.95, 0.17), (1.0, 0.0)], open_top=False)
    _handle(stage, 0.46, 0.46, (0.22, 0.34), front=True)


def _bowl(stage: Stage) -> None:
    _room(stage, 0.62)
    turned(stage, "body", stage.colour * 0.75, [(0.0, 0.30), (0.12, 0.27)])
    deep = stage.span("reach", 0.62, 0.78)
    body = turned(stage, "body", stage.colour, [(0.08, 0.26), (0.20, 0.44), (0.44, 0.61), (deep, 0.69)])
    band(stage, body, deep * 0.66, stage.span("pattern", 0.068, 0.15))
    opening(stage, "rim", stage.colour, stage.colour * 0.5, deep, 0.69, rim=0.08)


def _bottle(stage: Stage) -> None:
    _room(stage, 0.50)
    neck = stage.span("reach", 1.14, 1.32)
    outline = [(0.0, 0.31), (0.10, 0.33), (0.70, 0.33), (0.88, 0.24), (1.0, 0.125), (neck, 0.115)]
    body = turned(stage, "body", stage.colour, outline)
    half = stage.span("pattern", 0.10, 0.25)
    label = (stage.x + as_field(0.33 * stage.turn.sin())).abs() - as_field(0.25 * stage.turn.cos())
    up = (body.height - 0.44).abs() - as_field(half)
    decorate(stage, body, torch.maximum(label, up))
    turned(stage, "lid", stage.fixed(BRASS), [(neck - 0.06, 0.15), (neck + 0.12, 0.15)])
    disc(stage, "lid", stage.fixed(BRASS), neck + 0.12, 0.15, 1.25)


def _vase(stage: Stage) -> None:
    _room(stage, 0.52)
    lip = stage.span("reach", 0.22, 0.36)
    outline = [(0.0, 0.23), (0.16, 0.32), (0.46, 0.47), (0.74, 0.33), (0.98, 0.155), (1.08, 0.165), (1.26, lip)]
    body = turned(stage, "body", stage.colour, outline)
    band(stage, body, 0.52, stage.span("pattern", 0.068, 0.19))
    opening(stage, "rim", stage.colour, stage.colour * 0.5, 1.26, lip)


# ---------------------------------------------------------------- plants


def _pot(stage: Stage) -> None:
    """A clay pot with a band, filled with soil."""
    clay = stage.fixed(CLAY)
    body = turned(stage, "pot", clay, [(0.0, 0.25), (0.42, 0.33)], gloss=0.0)
    band(stage, body, 0.19, stage.span("pattern", 0.068, 0.115))
    turned(stage, "pot", clay, [(0.36, 0.38), (0.50, 0.39)], gloss=0.0)
    opening(stage, "pot", clay, stage.fixed(SOIL), 0.50, 0.39, rim=0.06)


def _cactus(stage: Stage) -> None:
    _room(stage, 0.50)
    _pot(stage)
    arm, cosine, sine, rise = stage.colour * 0.8, stage.turn.cos(), stage.turn.sin(), stage.rise[:, 0, 0]
    long = stage.span("reach", 0.14, 0.36)

    def limb(side: float, level: float) -> None:
        elbow = (side * 0.37 * cosine, level - side * rise * 0.37 * sine)
        rod(stage, "arms", arm, (0.0, level), elbow, 0.10)
        rod(stage, "arms", arm, elbow, (elbow[0], elbow[1] + long), 0.10)

    limb(-1.0, 0.80)
    limb(1.0, 0.72)
    outline = [(0.46, 0.175), (0.8, 0.195), (1.10, 0.185), (1.28, 0.12), (1.34, 0.0)]
    turned(stage, "stem", stage.colour, outline, open_top=False, gloss=0.0)


def _flower(stage: Stage) -> None:
    _room(stage, 0.46)
    _pot(stage)
    green, cosine, sine = stage.fixed(LEAF), stage.turn.cos(), stage.turn.sin()
    long = stage.span("reach", 0.34, 0.56)
    rod(stage, "stem", green, (0.0, 0.48), (0.0, 1.10), 0.07)
    for side, base in ((-1.0, 0.52), (1.0, 0.58)):
        out = side * (cosine - side * 0.35 * sine)
        leaf(stage, "leaves", green, (0.0, base), (out * long, base + 0.20), 0.10)
    for step in range(6):
        angle = (step + 0.5) * math.pi / 3
        across = math.cos(angle) * 0.24 * (0.3 + 0.7 * cosine)
        ball(stage, "petals", stage.colour, across, 1.18 + math.sin(angle) * 0.24, 0.16, gloss=0.0)
    ball(stage, "pattern", stage.accent, -0.10 * sine, 1.18, stage.span("pattern", 0.12, 0.21), gloss=0.0)


def _around(stage: Stage, radius: Number, height: Number, azimuth: float) -> tuple[Tensor, Tensor]:
    """A point at `radius` from the axis, `azimuth` to the right of the front."""
    angle = azimuth - stage.turn
    return radius * angle.sin(), height - stage.rise[:, 0, 0] * radius * angle.cos()


def _tree(stage: Stage) -> None:
    _room(stage, 0.60)
    turned(stage, "stem", stage.fixed(BARK), [(0.0, 0.17), (0.14, 0.12), (0.62, 0.10)], gloss=0.0)
    full = stage.span("reach", 0.88, 1.12)
    clouds = (
        (2.6, 0.22, 0.90, 0.36, 0.80),
        (-1.6, 0.32, 0.74, 0.30, 0.90),
        (1.5, 0.32, 0.78, 0.31, 0.90),
        (0.0, 0.06, 1.04, 0.36, 1.00),
        (0.1, 0.26, 0.72, 0.29, 1.00),
    )
    for azimuth, radius, height, size, tint in clouds:
        x, y = _around(stage, radius * full, 0.30 + (height - 0.30) * (0.4 + 0.6 * full), azimuth)
        ball(stage, "leaves", stage.colour * tint, x, y, size * full, gloss=0.0)
    for azimuth, radius, height in ((-0.9, 0.40, 0.72), (0.75, 0.42, 0.86), (-0.35, 0.30, 1.10), (0.2, 0.40, 0.66)):
        x, y = _around(stage, radius * full, height, azimuth)
        ball(stage, "pattern", stage.accent, x, y, stage.span("pattern", 0.085, 0.125), gloss=0.0)


def _mushroom(stage: Stage) -> None:
    _room(stage, 0.52)
    tall = stage.span("reach", 0.40, 0.56)
    outline = [(0.0, 0.24), (0.12, 0.23), (0.34, 0.17), (tall + 0.10, 0.18)]
    turned(stage, "stem", stage.fixed(CREAM), outline, gloss=0.0)
    outline = [(tall, 0.60), (tall + 0.10, 0.62), (tall + 0.30, 0.52), (tall + 0.46, 0.33), (tall + 0.56, 0.0)]
    cap = turned(stage, "cap", stage.colour, outline, open_top=False)
    size = stage.span("pattern", 0.09, 0.15)
    spots = ((-0.95, 0.56, 0.20), (0.05, 0.54, 0.20), (1.05, 0.56, 0.20), (-0.5, 0.34, 0.42), (0.6, 0.34, 0.44))
    for azimuth, radius, height in spots:
        x, _ = _around(stage, radius, 0.0, azimuth)
        narrow = 0.35 + 0.65 * (azimuth - stage.turn).cos().clamp(min=0.0)
        level = tall + height - 0.08 * stage.rise[:, 0, 0]
        ball(stage, "pattern", stage.accent, x, level, size * narrow, size, gloss=0.0, within=cap.cover)


# ---------------------------------------------------------------- furniture


def _legs(stage: Stage, top: Number, places: Sequence[tuple[float, float]], splay: float = 1.0) -> None:
    """Legs from the floor to `top`; `places` as (x, z) under the seat, those behind first."""
    wood = stage.colour * 0.72
    for x, z in places:
        rod(stage, "legs", wood, stage.project(x * splay, 0.03, z * splay), stage.project(x, top, z), 0.066)


def _chair(stage: Stage) -> None:
    _room(stage, 0.62)
    high = stage.span("reach", 1.22, 1.42)
    _legs(stage, 0.58, [(-0.34, -0.30), (0.34, -0.30)])
    for side in (-0.32, 0.32):
        foot, head = stage.project(side, 0.62, -0.31), stage.project(side, high - 0.1, -0.31)
        rod(stage, "back", stage.colour * 0.85, foot, head, 0.066)
    box(stage, "back", stage.colour, (0.0, high - 0.21, -0.31), (0.38, 0.20, 0.05))
    _legs(stage, 0.58, [(-0.34, 0.30), (0.34, 0.30)])
    box(stage, "seat", stage.colour, (0.0, 0.62, 0.0), (0.40, 0.055, 0.36))
    thick = stage.span("pattern", 0.03, 0.07)
    box(stage, "pattern", stage.accent, (0.0, 0.675 + thick, 0.02), (0.30, thick, 0.27))


def _stool(stage: Stage) -> None:
    _room(stage, 0.52)
    top, splay, low = stage.span("reach", 0.82, 0.98), 1.8, 0.38
    corners = ((0.0, -0.28), (-0.26, 0.15), (0.26, 0.15))
    _legs(stage, top, corners, splay)
    spread = splay + (1.0 - splay) * low / top
    back, left, right = (stage.project(x * spread, low, z * spread) for x, z in corners)
    rod(stage, "legs", stage.colour * 0.72, back, left, 0.06)
    rod(stage, "legs", stage.colour * 0.72, back, right, 0.06)
    rod(stage, "legs", stage.colour * 0.82, left, right, 0.06)
    turned(stage, "seat", stage.colour, [(top - 0.04, 0.40), (top + 0.08, 0.42)], gloss=0.0)
    disc(stage, "seat", stage.colour, top + 0.08, 0.42, 1.12)
    thick = stage.span("pattern", 0.06, 0.15)
    above = top + 0.08 + thick
    turned(stage, "pattern", stage.accent, [(top + 0.07, 0.34), (above - thick * 0.5, 0.37), (above, 0.33)], gloss=0.0)
    disc(stage, "pattern", stage.accent, above, 0.33, 1.05)


def _table(stage: Stage) -> None:
    _room(stage, 0.86)
    top = stage.span("reach", 0.70, 0.90)
    _legs(stage, top, [(-0.52, -0.30), (0.52, -0.30), (-0.52, 0.30), (0.52, 0.30)])
    box(stage, "seat", stage.colour, (0.0, top, 0.0), (0.62, 0.065, 0.40))
    wide = stage.span("pattern", 0.12, 0.36)
    box(stage, "pattern", stage.accent, (0.0, top - 0.08, 0.0), (wide, 0.15, 0.405), hollow=True)


def _lamp(stage: Stage) -> None:
    _room(stage, 0.44)
    brass = stage.fixed(BRASS)
    turned(stage, "legs", brass, [(0.0, 0.34), (0.09, 0.31)])
    disc(stage, "legs", brass, 0.09, 0.31, 1.2)
    rod(stage, "stem", brass, (0.0, 0.10), (0.0, 0.80), 0.06)
    wide = stage.span("reach", 0.44, 0.62)
    shade = turned(stage, "shade", stage.colour, [(0.62, wide), (1.32, 0.27)], gloss=0.0)
    band(stage, shade, 0.74, stage.span("pattern", 0.068, 0.13))
    opening(stage, "shade", stage.colour, stage.fixed(YELLOW), 1.32, 0.27, rim=0.06)


# ---------------------------------------------------------------- fruit


def _stalk(stage: Stage, height: float, length: float) -> None:
    """A fruit's stem and its leaf, which swings with the turn."""
    angle = stage.turn
    top = (0.05 - 0.10 * angle.sin(), height + length)
    rod(stage, "stem", stage.fixed(BARK), (0.0, height - 0.04), top, 0.068)
    out = stage.span("reach", 0.34, 0.52)
    tip = (0.03 + out * angle.cos(), height + 0.20 - 0.30 * angle.sin())
    leaf(stage, "leaves", stage.fixed(LEAF), (0.03, height + 0.07), tip, 0.115)


def _apple(stage: Stage) -> None:
    _room(stage, 0.56)
    outline = [
        (0.0, 0.0),
        (0.03, 0.20),
        (0.16, 0.40),
        (0.38, 0.54),
        (0.62, 0.59),
        (0.82, 0.50),
        (0.94, 0.27),
        (0.97, 0.0),
    ]
    turned(stage, "body", stage.colour, outline, open_top=False, open_foot=False)
    rise = stage.rise[:, 0, 0]
    level = 0.93 - 0.22 * rise
    ball(stage, "body", stage.colour * 0.55, 0.0, level, 0.19, 0.04 + 0.16 * rise, gloss=0.0)
    _stalk(stage, 0.92, 0.22)


def _pear(stage: Stage) -> None:
    _room(stage, 0.54)
    outline = [
        (0.0, 0.0),
        (0.03, 0.21),
        (0.14, 0.40),
        (0.38, 0.52),
        (0.66, 0.38),
        (0.88, 0.235),
        (1.06, 0.19),
        (1.16, 0.0),
    ]
    turned(stage, "body", stage.colour, outline, open_top=False, open_foot=False)
    _stalk(stage, 1.15, 0.20)


def _cherries(stage: Stage) -> None:
    _room(stage, 0.66)
    joint = (-0.06 * stage.turn.sin(), 1.18)
    places = [_around(stage, 0.36, 0.32, -1.25), _around(stage, 0.36, 0.32, 1.15)]
    out = stage.span("reach", 0.36, 0.58)
    for x, y in places:
        rod(stage, "stem", stage.fixed(LEAF), (x, y + 0.20), joint, 0.062)
    tip = (joint[0] + out * stage.turn.cos(), 1.10 - 0.22 * stage.turn.sin())
    leaf(stage, "leaves", stage.fixed(LEAF), joint, tip, 0.125)
    for x, y in places:
        ball(stage, "body", stage.colour, x, y, 0.325)
        ball(stage, "body", stage.colour * 0.6, x, y + 0.24, 0.08, 0.035, gloss=0.0)
    for x, y in places:
        middle = (x + (joint[0] - x) * 0.4, y + (joint[1] - y) * 0.4)
        rod(stage, "stem", stage.fixed(LEAF), (x, y + 0.25), middle, 0.062)


DRAWINGS: dict[str, Callable[[Stage], None]] = {
    "mug": _mug,
    "teapot": _teapot,
    "bowl": _bowl,
    "bottle": _bottle,
    "vase": _vase,
    "cactus": _cactus,
    "flower": _flower,
    "tree": _tree,
    "mushroom": _mushroom,
    "chair": _chair,
    "stool": _stool,
    "table": _table,
    "lamp": _lamp,
    "apple": _apple,
    "pear": _pear,
    "cherries": _cherries,
}
