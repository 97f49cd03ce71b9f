"""A picture of an object under construction: its colours, its light, and the solids that classes are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..drawing import as_field, colour_between, ellipse, mix, smoothstep
from .factors import NAMES, PARTS

MINIMUM_CONTRAST = 0.15  # in the channel that differs most, between neighbouring parts named in the tests
TURN_LIMIT, TILT_LIMIT = 0.66, 0.20  # radians
SIZES, WIDTHS, VIEWS, SHIFT = (0.90, 1.10), (0.88, 1.12), (0.14, 0.44), 0.13
AMBIENT, DIFFUSE, GLOSS = 0.50, 0.56, 0.30
STEPS = 96  # of a profile's table

WALL_BLUE, WALL_ROSE, FLOOR = (0.54, 0.78, 1.00), (1.00, 0.66, 0.70), (1.00, 0.95, 0.86)
WHITE, YELLOW = (0.99, 0.98, 0.95), (1.00, 0.84, 0.12)
CLAY, SOIL, BARK, LEAF = (0.72, 0.36, 0.24), (0.27, 0.17, 0.12), (0.42, 0.26, 0.15), (0.20, 0.54, 0.20)
CREAM, BRASS = (0.86, 0.72, 0.54), (0.50, 0.38, 0.20)


class Kind(NamedTuple):
    """How the drawing of a class is fitted into the frame, and the ends of its colour."""

    height: float  # of the drawing as it is seen, in its own units
    scale: float  # of those units, in half sides of the picture
    middle: float  # x of the drawing that stands in the middle of the picture
    cool: tuple[float, float, float]
    warm: tuple[float, float, float]


CERAMIC = ((0.13, 0.40, 0.85), (0.90, 0.22, 0.20))
WOOD = ((0.40, 0.20, 0.58), (0.90, 0.40, 0.07))
GREEN = ((0.06, 0.56, 0.40), (0.52, 0.68, 0.10))
BLOOM = ((0.48, 0.22, 0.80), (0.92, 0.20, 0.24))


# ---------------------------------------------------------------- the stage: coordinates, light, canvas


class Stage:
    """Pictures of one class under construction, [n, 3, R, R] in [0, 1], each pixel's topmost part, and what is shared.

    Coordinates x, y [n, R, R] are the object's own; `rise` [n, 1, 1] is how far a step to the viewer lowers a point.
    """

    def __init__(self, kind: Kind, factors: Tensor, resolution: int, antialias: float) -> None:
        n, device = len(factors), factors.device
        self.value = {name: factors[:, column].contiguous() for column, name in enumerate(NAMES)}
        self.image = torch.empty(n, 3, resolution, resolution, device=device)
        self.labels = torch.zeros(n, resolution, resolution, dtype=torch.uint8, device=device)
        steps = (torch.arange(resolution, device=device, dtype=torch.float32) + 0.5) / resolution * 2.0 - 1.0
        self.picture_x, self.picture_y = steps[None, None, :], -steps[None, :, None]
        signed = {name: (value - 0.5) * 2.0 for name, value in self.value.items()}
        self.turn = signed["turn"] * -TURN_LIMIT  # positive: the right side comes to the front
        self.rise = as_field(mix(*VIEWS, self.value["view"]))
        angle = signed["light"] * 1.1
        towards = (angle.sin() * 0.83, torch.full_like(angle, 0.42), angle.cos() * 0.83)
        self.light = tuple(as_field(axis) for axis in towards)
        scale = as_field(mix(*SIZES, self.value["size"]) * kind.scale)
        self.stout = as_field(mix(*WIDTHS, self.value["width"]))
        self.edge = 2.0 * antialias / resolution  # width of an edge in the picture, and on the object
        self.ramp = self.edge / scale
        self.foot = -0.5 * kind.height * scale
        tilt = as_field(-signed["tilt"] * TILT_LIMIT)
        across, up = self.picture_x - as_field(signed["position"] * SHIFT), self.picture_y
        lean_x, lean_y = tilt.cos() * across + tilt.sin() * up, -tilt.sin() * across + tilt.cos() * up
        self.x = (lean_x / scale / self.stout + kind.middle).contiguous()
        self.y = ((lean_y - self.foot) / scale).contiguous()
        self.colour = _main_colour(kind, self.value)
        self.accent = colour_between(WHITE, YELLOW, self.value["accent"])

    def number(self, value: float | Tensor) -> Tensor:
        """A number, one a picture, as [n]."""
        return value if isinstance(value, Tensor) else torch.full_like(self.turn, value)

    def span(self, factor: str, low: float, high: float) -> Tensor:
        """[n]: `low` where the factor is 0, `high` where it is 1."""
        return mix(low, high, self.value[factor])

    def fixed(self, colour: tuple[float, float, float]) -> Tensor:
        return torch.tensor(colour, device=self.turn.device).expand(len(self.turn), 3)

    def cover(self, distance: Tensor) -> Tensor:
        """Share of a pixel inside a shape, from its signed distance."""
        return (0.5 - distance / self.ramp).clamp_(0.0, 1.0)

    def project(self, across: float | Tensor, up: float | Tensor, near: float | Tensor) -> tuple[Tensor, Tensor]:
        """Where a point of the object, turned about its axis, is seen: x and y, each [n]."""
        cosine, sine = self.turn.cos(), self.turn.sin()
        return across * cosine - near * sine, up - self.rise[:, 0, 0] * (across * sine + near * cosine)

    def paint(
        self, part: str, colour: Tensor, cover: Tensor, shade: Tensor | float = 1.0, gloss: Tensor | None = None
    ) -> None:
        """Lay colour [n, 3] times shade over the picture by cover [n, R, R]; gloss [n, R, R] adds white."""
        self.image.mul_((1.0 - cover)[:, None]).addcmul_(colour[:, :, None, None], (cover * shade)[:, None])
        if gloss is not None:
            self.image.add_((gloss * cover)[:, None])
        self.labels.masked_fill_(cover > 0.5, PARTS.index(part))

    def lit(self, across: Tensor, up: Tensor, near: Tensor) -> Tensor:
        """Cosine between a unit normal and the light, 0 where it is turned away."""
        return (self.light[0] * across + self.light[1] * up + self.light[2] * near).clamp_(min=0.0)


def _main_colour(kind: Kind, value: dict[str, Tensor]) -> Tensor:
    colour = colour_between(kind.cool, kind.warm, value["colour"])
    return colour * mix(0.76, 1.12, value["tone"])[:, None]


def _shade(lit: Tensor) -> Tensor:
    return AMBIENT + DIFFUSE * lit


def _gloss(lit: Tensor) -> Tensor:
    """A soft highlight where the surface faces the light."""
    peak = ((lit - 0.80) * 5.0).clamp(min=0.0)
    return peak * peak * GLOSS


# ---------------------------------------------------------------- solids


Number = float | Tensor  # one for all pictures, or one a picture, [n]
Point = tuple[Number, Number]


class Surface(NamedTuple):
    """A solid of revolution as it was painted; fields [n, R, R] where nothing else is said."""

    colour: Tensor  # [n, 3]
    cover: Tensor
    shade: Tensor
    height: Tensor  # of the surface point that is seen


def _tangents(heights: Tensor, squares: Tensor) -> Tensor:
    """Slopes [n, K] that keep a cubic through the knots [n, K] monotone between them (Fritsch and Carlson)."""
    step = heights[:, 1:] - heights[:, :-1]
    secant = (squares[:, 1:] - squares[:, :-1]) / step
    before, after = secant[:, :-1], secant[:, 1:]
    product = before * after
    total = torch.where(product > 0, before + after, torch.ones_like(product))
    inner = torch.where(product > 0, 2.0 * product / total, torch.zeros_like(total))
    if not inner.shape[1]:
        return secant.expand(-1, 2)
    return torch.cat([1.5 * secant[:, :1] - 0.5 * inner[:, :1], inner, 1.5 * secant[:, -1:] - 0.5 * inner[:, -1:]], 1)


def _profile(heights: Tensor, squares: Tensor) -> Tensor:
    """Table [n, STEPS + 1] of the squared radius at even steps between the first and the last knot."""
    tangent = _tangents(heights, squares)
    along = torch.linspace(0.0, 1.0, STEPS + 1, device=heights.device)
    at = heights[:, :1] + (heights[:, -1:] - heights[:, :1]) * along
    left = (torch.searchsorted(heights, at, right=True) - 1).clamp(0, heights.shape[1] - 2)
    low, high = heights.gather(1, left), heights.gather(1, left + 1)
    t, step = (at - low) / (high - low), high - low
    first, last = squares.gather(1, left), squares.gather(1, left + 1)
    bent = (1.0 - t) * tangent.gather(1, left) - t * tangent.gather(1, left + 1)
    return torch.lerp(first, last, smoothstep(t)) + step * t * (1.0 - t) * bent


def turned(
    stage: Stage,
    part: str,
    colour: Tensor,
    knots: Sequence[Point],
    *,
    open_top: bool = True,
    open_foot: bool = True,
    gloss: float = 1.0,
) -> Surface:
    """A solid of revolution through knots (height, radius), numbers or [n]; an end that is not open is round."""
    x, y = stage.x, stage.y
    heights = torch.stack([stage.number(height) for height, _ in knots], 1)
    squares = torch.stack([stage.number(radius) ** 2 for _, radius in knots], 1)
    table, lowest, highest = _profile(heights, squares), as_field(heights[:, 0]), as_field(heights[:, -1])
    level = y if not open_foot else torch.maximum(y, lowest)
    level = level if not open_top else torch.minimum(level, highest)
    step = (highest - lowest) / STEPS
    index = (level - lowest) / step
    left = index.detach().floor().clamp_(0, STEPS - 1)
    flat = left.long().flatten(1)
    first, last = table.gather(1, flat).view_as(left), table.gather(1, flat + 1).view_as(left)
    square = torch.lerp(first, last, index - left)
    slope = (last - first) / step
    depth = (square - x * x).clamp_(min=0.0).sqrt_()
    distance = (x * x - square) / (4.0 * x * x + slope * slope).clamp_(min=1e-4).sqrt_()
    if open_foot:
        distance = torch.maximum(distance, lowest - y - stage.rise * depth)
    if open_top:
        distance = torch.maximum(distance, y - highest)
    length = (square + 0.25 * slope * slope).clamp_(min=1e-4).rsqrt_()
    lit = stage.lit(x * length, slope * length * -0.5, depth * length)
    shade, cover = _shade(lit), stage.cover(distance)
    stage.paint(part, colour, cover, shade, _gloss(lit) * gloss if gloss else None)
    return Surface(colour, cover, shade, y + stage.rise * depth)


def disc(stage: Stage, part: str, colour: Tensor, height: Number, radius: Number, shade: Number = 1.0) -> None:
    """A level disc around the axis."""
    radius = as_field(stage.number(radius))
    distance = ellipse(stage.x, stage.y - as_field(stage.number(height)), radius, radius * stage.rise)
    stage.paint(part, colour, stage.cover(distance), shade)


def opening(
    stage: Stage, part: str, colour: Tensor, inside: Tensor, height: Number, radius: Number, rim: float = 0.075
) -> None:
    """The mouth of a vessel: a bright rim around a dark hollow whose far wall catches the light."""
    disc(stage, part, torch.lerp(colour, torch.ones_like(colour), 0.40), height, radius)
    hollow = 0.78 - 0.25 * stage.light[0] * (stage.x / as_field(stage.number(radius))).clamp(-1.0, 1.0)
    disc(stage, part, inside, height, stage.number(radius) - rim, hollow)


def decorate(stage: Stage, surface: Surface, distance: Tensor) -> None:
    """Give a surface the accent's colour inside a shape; nothing of its own colour is left at their common edge."""
    cover = stage.cover(distance) * surface.cover
    stage.image.addcmul_((stage.accent - surface.colour)[:, :, None, None], (cover * surface.shade)[:, None])
    stage.labels.masked_fill_(cover > 0.5, PARTS.index("pattern"))


def band(stage: Stage, surface: Surface, centre: Number, half: Tensor) -> None:
    """A ring of the accent's colour around a solid, `half` [n] is half its height."""
    decorate(stage, surface, (surface.height - as_field(stage.number(centre))).abs() - as_field(half))


def ball(
    stage: Stage,
    part: str,
    colour: Tensor,
    x: Number,
    y: Number,
    half_x: Number,
    half_y: Number | None = None,
    *,
    gloss: float = 1.0,
    within: Tensor | None = None,
) -> None:
    """An ellipsoid; `within` [n, R, R] limits its cover."""
    wide_x, wide_y = as_field(stage.number(half_x)), as_field(stage.number(half_x if half_y is None else half_y))
    across, up = stage.x - as_field(stage.number(x)), stage.y - as_field(stage.number(y))
    cover = stage.cover(ellipse(across, up, wide_x, wide_y))
    across, up = across / wide_x, up / wide_y
    lit = stage.lit(across, up, (1.0 - across * across - up * up).clamp_(min=0.0).sqrt_())
    cover = cover if within is None else torch.minimum(cover, within)
    stage.paint(part, colour, cover, _shade(lit), _gloss(lit) * gloss if gloss else None)


def rod(
    stage: Stage, part: str, colour: Tensor, start: Point, end: Point, radius: Number, end_radius: Number | None = None
) -> None:
    """A round rod between two points of the picture, tapering to `end_radius`."""
    (x0, y0), (x1, y1) = ([stage.number(value) for value in point] for point in (start, end))
    length = ((x1 - x0).square() + (y1 - y0).square()).sqrt().clamp(min=1e-4)
    run_x, run_y, length = as_field((x1 - x0) / length), as_field((y1 - y0) / length), as_field(length)
    across, up = stage.x - as_field(x0), stage.y - as_field(y0)
    along = across * run_x + up * run_y
    inside = torch.minimum(along.clamp(min=0.0), length)
    thick = as_field(stage.number(radius))
    if end_radius is not None:
        thick = thick + (as_field(stage.number(end_radius)) - thick) * (inside / length)
    aside = across * run_y - up * run_x
    distance = ((along - inside).square() + aside.square()).sqrt_() - thick
    bend = (aside / thick).clamp_(-1.0, 1.0)
    lit = stage.lit(bend * run_y, bend * -run_x, (1.0 - bend * bend).sqrt_())
    stage.paint(part, colour, stage.cover(distance), _shade(lit))


def ring(
    stage: Stage,
    part: str,
    colour: Tensor,
    centre: Point,
    half_x: Tensor,
    half_y: Tensor,
    stroke: float,
    visible: Tensor,
) -> None:
    """A round handle: a ring of constant stroke, only where `visible` [n, R, R] is at least 0 (in units of length)."""
    across, up = (axis - as_field(stage.number(value)) for axis, value in zip((stage.x, stage.y), centre))
    line = ellipse(across, up, as_field(half_x), as_field(half_y))
    cover = stage.cover(torch.maximum(line.abs() - stroke, -visible))
    bend = (line / stroke).clamp_(-1.0, 1.0)
    out = ((across / as_field(half_x)).square() + (up / as_field(half_y)).square()).sqrt_().clamp_(min=0.2)
    lit = stage.lit(
        bend * across / as_field(half_x) / out, bend * up / as_field(half_y) / out, (1.0 - bend * bend).sqrt_()
    )
    stage.paint(part, colour, cover, _shade(lit))


def leaf(stage: Stage, part: str, colour: Tensor, base: Point, tip: Point, half: Number) -> None:
    """A flat pointed leaf from base to tip, lighter on one side of its middle."""
    (x0, y0), (x1, y1) = ([stage.number(value) for value in point] for point in (base, tip))
    length = ((x1 - x0).square() + (y1 - y0).square()).sqrt().clamp(min=1e-3)
    run_x, run_y, length = as_field((x1 - x0) / length), as_field((y1 - y0) / length), as_field(length)
    across, up = stage.x - as_field(x0), stage.y - as_field(y0)
    along, aside = (across * run_x + up * run_y) / length, up * run_x - across * run_y
    body = as_field(stage.number(half)) * (4.0 * along * (1.0 - along)).clamp(min=0.0).sqrt()
    distance = torch.maximum(aside.abs() - body, torch.maximum(-along, along - 1.0) * length) * 0.85
    stage.paint(part, colour, stage.cover(distance), 0.96 + 0.18 * (aside / stage.ramp).clamp(-1.0, 1.0))


def _face(
    stage: Stage,
    part: str,
    colour: Tensor,
    centre: Point,
    first: Point,
    second: Point,
    shade: Tensor,
    *,
    trim: float = -0.4,
) -> None:
    """A parallelogram: its centre and two half edges; `trim`, in pixels, is cut off its left and right corners.

    It is grown by 0.4 pixels, so that neighbours leave no seam.
    """
    (cx, cy), (ax, ay), (bx, by) = ([as_field(stage.number(one)) for one in point] for point in (centre, first, second))
    across, up, area = stage.x - cx, stage.y - cy, (ax * by - ay * bx).abs()
    reach_a, reach_b = ((x.square() + y.square()).sqrt().clamp(min=1e-4) for x, y in ((ax, ay), (bx, by)))
    along_a = ((across * by - up * bx).abs() - area) / reach_b
    along_b = ((across * ay - up * ax).abs() - area) / reach_a
    # Without its bounding box a slender parallelogram would grow spikes.
    beyond_x = across.abs() - ax.abs() - bx.abs() + (0.4 + trim) * stage.ramp
    beyond = torch.maximum(beyond_x, up.abs() - ay.abs() - by.abs())
    distance = torch.maximum(torch.maximum(along_a, along_b), beyond) - 0.4 * stage.ramp
    # A face that is seen edge on has no pixels, not a line of half covered ones.
    thin = (area / reach_a.maximum(reach_b) / stage.ramp).clamp(max=1.0)
    stage.paint(part, colour, stage.cover(distance) * thin, shade)


def box(stage: Stage, part: str, colour: Tensor, centre: tuple, half: tuple, *, hollow: bool = False) -> None:
    """A box that turns with the object: side (unless hollow), front, top; `centre` and `half` are (x, y, z)."""
    cosine, sine, rise = stage.turn.cos(), stage.turn.sin(), stage.rise[:, 0, 0]
    side = torch.where(stage.turn > 0, -1.0, 1.0)
    x, y, z = centre
    wide, high = (cosine * half[0], -rise * sine * half[0]), (0.0, half[1])
    deep = (-sine * half[2], -rise * cosine * half[2])
    light_x, light_y, light_z = (axis[:, 0, 0] for axis in stage.light)
    if not hollow:
        shade = 0.85 * _shade((side * (light_x * cosine + light_z * sine)).clamp(min=0.0))
        _face(stage, part, colour, stage.project(x + side * half[0], y, z), high, deep, as_field(shade))
    shade = 0.92 * _shade((light_z * cosine - light_x * sine).clamp(min=0.0))
    _face(stage, part, colour, stage.project(x, y, z + half[2]), wide, high, as_field(shade))
    _face(stage, part, colour, stage.project(x, y + half[1], z), wide, deep, as_field(0.32 + _shade(light_y)), trim=0.6)
