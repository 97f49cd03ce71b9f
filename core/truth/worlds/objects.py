"""Everyday objects of 16 classes in 4 families, drawn from 14 known factors, a batch at a time.

Nearly everything is a solid of revolution: the square of its radius is a smooth function of the height, which gives
the outline and the surface's normal in closed form, so that walls, bellies and domes are shaded softly without seams.
Boxes are three faces in parallel projection, rods are cylinders between two points. Families share parts (handles,
rims, pots, stems, leaves, legs) and the code that draws them. A picture depends on its factors and its class alone.

Readability does not depend on the colours: every body has one channel far below the same channel of wall, floor and
pattern (`MINIMUM_CONTRAST`). Objects are in a frame with x to the right, y up and z to the viewer, standing at y = 0,
in units of half the picture's side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .base import Factor, Scene
from .drawing import as_field, colour_between, ellipse, mix, smoothstep, uniform

FACTORS: tuple[Factor, ...] = (
    Factor("turn", "turn about the upright axis", "is turned to the left", "is turned to the right"),
    Factor("tilt", "tilt in the picture", "leans to the left", "leans to the right"),
    Factor("size", "size of the object", "is small", "is large"),
    Factor("width", "width for its height", "is slim", "is stout"),
    Factor("view", "height of the eye", "is seen from the side", "is seen from above"),
    Factor("position", "place from left to right", "stands further left", "stands further right"),
    Factor(
        "reach",
        "length of what stands out: handle, spout, neck, lip, arms, leaves, crown, stem, back, legs, shade",
        "has short parts",
        "has long parts",
    ),
    Factor("colour", "colour, between two for each class", "has a cool colour", "has a warm colour", draw="flat"),
    Factor("tone", "tone of the colour", "is dark", "is bright", draw="flat"),
    Factor("pattern", "size of band, label, spots ...", "has a small pattern", "has a large pattern", draw="flat"),
    Factor("accent", "colour of band, label, spots ...", "has a white pattern", "has a yellow pattern", draw="flat"),
    Factor("light", "where the light comes from", "is lit from the left", "is lit from the right"),
    Factor("wall_tone", "tone of the wall", "has a deep wall behind", "has a pale wall behind", draw="flat"),
    Factor("wall_colour", "wall from blue to rose", "has a blue wall behind", "has a rose wall behind", draw="flat"),
)
NAMES: tuple[str, ...] = tuple(factor.name for factor in FACTORS)
FAMILIES: dict[str, tuple[str, ...]] = {
    "vessels": ("mug", "teapot", "bowl", "bottle", "vase"),
    "plants": ("cactus", "flower", "tree", "mushroom"),
    "furniture": ("chair", "stool", "table", "lamp"),
    "fruit": ("apple", "pear", "cherries"),
}
CLASSES: tuple[str, ...] = tuple(name for members in FAMILIES.values() for name in members)
PARTS = (
    "background",
    "floor",
    "body",
    "rim",
    "handle",
    "spout",
    "lid",
    "pattern",
    "pot",
    "stem",
    "arms",
    "leaves",
    "petals",
    "cap",
    "legs",
    "seat",
    "back",
    "shade",
)

# Seeds of a split start here; train has 1_000_000 rows, test everything after.
SPLITS = {"train": 0, "test": 1_000_000}

# The part that a factor shows in; where none is named it shows in every picture of the classes that show it.
SHOWN_BY = dict(pattern="pattern", accent="pattern")
_ROUND = ("bowl", "vase", "lamp")  # the same from all sides
_PLAIN = FAMILIES["fruit"]
# The classes that show a factor, where it is not all of them.
SHOWN_IN: dict[str, tuple[str, ...]] = {
    "turn": tuple(name for name in CLASSES if name not in _ROUND),
    "pattern": tuple(name for name in CLASSES if name not in _PLAIN),
    "accent": tuple(name for name in CLASSES if name not in _PLAIN),
}

# How wide the factors vary: "even" is each factor's whole range, "graded" narrows those that move much of the picture.
_NARROWED = dict(tilt=0.6, position=0.6, size=0.7, wall_tone=0.7, wall_colour=0.7)
SPREADS: dict[str, Tensor | None] = {"even": None, "graded": torch.tensor([_NARROWED.get(name, 1.0) for name in NAMES])}

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


_CERAMIC = ((0.13, 0.40, 0.85), (0.90, 0.22, 0.20))
_WOOD = ((0.40, 0.20, 0.58), (0.90, 0.40, 0.07))
_GREEN = ((0.06, 0.56, 0.40), (0.52, 0.68, 0.10))
_BLOOM = ((0.48, 0.22, 0.80), (0.92, 0.20, 0.24))
KINDS: dict[str, Kind] = {
    "mug": Kind(1.02, 1.10, 0.14, *_CERAMIC),
    "teapot": Kind(1.12, 1.00, 0.02, *_CERAMIC),
    "bowl": Kind(0.84, 1.12, 0.0, *_CERAMIC),
    "bottle": Kind(1.30, 1.02, 0.0, *_CERAMIC),
    "vase": Kind(1.28, 1.02, 0.0, *_CERAMIC),
    "cactus": Kind(1.28, 1.02, 0.0, *_GREEN),
    "flower": Kind(1.54, 0.92, 0.0, *_BLOOM),
    "tree": Kind(1.36, 1.00, 0.0, (0.06, 0.50, 0.32), (0.50, 0.62, 0.06)),
    "mushroom": Kind(0.98, 1.14, 0.0, *_BLOOM),
    "chair": Kind(1.30, 0.95, 0.0, *_WOOD),
    "stool": Kind(1.04, 1.06, 0.0, *_WOOD),
    "table": Kind(0.90, 1.06, 0.0, *_WOOD),
    "lamp": Kind(1.30, 1.00, 0.0, *_WOOD),
    "apple": Kind(1.20, 1.06, 0.0, (0.64, 0.06, 0.22), (0.94, 0.30, 0.08)),
    "pear": Kind(1.40, 1.00, 0.0, (0.42, 0.66, 0.14), (0.92, 0.66, 0.08)),
    "cherries": Kind(1.26, 1.04, 0.02, (0.46, 0.08, 0.34), (0.92, 0.14, 0.12)),
}


# ---------------------------------------------------------------- sampling


def sample(n: int, seed: int, *, spread: Tensor | None = None) -> Tensor:
    """Factors [n, k] in [0, 1]; row i is a function of `seed + i` alone.

    A factor is 0.5 + spread * (b - 0.5), b the mean of two uniforms ("middle") or one uniform ("flat");
    `spread` [k] replaces the factors' own.
    """
    seeds = torch.arange(n, dtype=torch.int64) + seed
    first, second = (uniform(seeds, stream, len(FACTORS)) for stream in range(2))
    middle = torch.tensor([factor.draw == "middle" for factor in FACTORS])
    if spread is None:
        spread = torch.tensor([factor.spread for factor in FACTORS])
    offset = torch.where(middle, (first + second) * 0.5, first) - 0.5
    return (0.5 + spread.detach().cpu().float() * offset).clamp(0.0, 1.0)


def labels(n: int, seed: int) -> Tensor:
    """Class numbers [n] int64 of the same rows: classes take turns, so that any run of rows has each equally often."""
    return (torch.arange(n, dtype=torch.int64) + seed) % len(CLASSES)


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


def _turned(
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


def _disc(stage: Stage, part: str, colour: Tensor, height: Number, radius: Number, shade: Number = 1.0) -> None:
    """A level disc around the axis."""
    radius = as_field(stage.number(radius))
    distance = ellipse(stage.x, stage.y - as_field(stage.number(height)), radius, radius * stage.rise)
    stage.paint(part, colour, stage.cover(distance), shade)


def _opening(
    stage: Stage, part: str, colour: Tensor, inside: Tensor, height: Number, radius: Number, rim: float = 0.075
) -> None:
    """The mouth of a vessel: a bright rim around a dark hollow whose far wall catches the light."""
    _disc(stage, part, torch.lerp(colour, torch.ones_like(colour), 0.40), height, radius)
    hollow = 0.78 - 0.25 * stage.light[0] * (stage.x / as_field(stage.number(radius))).clamp(-1.0, 1.0)
    _disc(stage, part, inside, height, stage.number(radius) - rim, hollow)


def _decorate(stage: Stage, surface: Surface, distance: Tensor) -> None:
    """Give a surface the accent's colour inside a shape; nothing of its own colour is left at their common edge."""
    cover = stage.cover(distance) * surface.cover
    stage.image.addcmul_((stage.accent - surface.colour)[:, :, None, None], (cover * surface.shade)[:, None])
    stage.labels.masked_fill_(cover > 0.5, PARTS.index("pattern"))


def _band(stage: Stage, surface: Surface, centre: Number, half: Tensor) -> None:
    """A ring of the accent's colour around a solid, `half` [n] is half its height."""
    _decorate(stage, surface, (surface.height - as_field(stage.number(centre))).abs() - as_field(half))


def _ball(
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


def _rod(
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


def _ring(
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


def _leaf(stage: Stage, part: str, colour: Tensor, base: Point, tip: Point, half: Number) -> None:
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


def _box(stage: Stage, part: str, colour: Tensor, centre: tuple, half: tuple, *, hollow: bool = False) -> None:
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
    _ring(stage, "handle", stage.colour * 0.90, (place, level), half_x, half_y, 0.072, visible)


def _mug(stage: Stage) -> None:
    _room(stage, 0.66)
    _handle(stage, 0.43, 0.50, (0.24, 0.38), front=False)
    body = _turned(stage, "body", stage.colour, [(0.0, 0.40), (0.15, 0.43), (0.5, 0.43), (1.0, 0.43)])
    _band(stage, body, 0.50, stage.span("pattern", 0.068, 0.20))
    _opening(stage, "rim", stage.colour, stage.colour * 0.5, 1.0, 0.43)
    _handle(stage, 0.43, 0.50, (0.24, 0.38), front=True)


def _teapot(stage: Stage) -> None:
    _room(stage, 0.72)
    _handle(stage, 0.46, 0.46, (0.22, 0.34), front=False)
    cosine, sine, rise = stage.turn.cos(), stage.turn.sin(), stage.rise[:, 0, 0]
    far, tip = stage.span("reach", 0.62, 0.80), stage.span("reach", 0.72, 0.86)
    bends = ((0.40, 0.30), (0.15 + 0.62 * far, 0.46), (far, tip))
    points = [(-out * cosine, up + rise * out * sine) for out, up in bends]
    _rod(stage, "spout", stage.colour * 0.80, points[0], points[1], 0.15, 0.105)
    _rod(stage, "spout", stage.colour * 0.80, points[1], points[2], 0.105, 0.075)
    body = _turned(stage, "body", stage.colour, [(0.0, 0.30), (0.16, 0.44), (0.42, 0.52), (0.68, 0.42), (0.80, 0.28)])
    _band(stage, body, 0.42, stage.span("pattern", 0.068, 0.16))
    _ball(stage, "lid", stage.colour * 0.72, 0.0, 1.06, 0.095)
    _turned(stage, "lid", stage.colour * 0.72, [(0.80, 0.31), (0.88, 0.27), (0.95, 0.17), (1.0, 0.0)], open_top=False)
    _handle(stage, 0.46, 0.46, (0.22, 0.34), front=True)


def _bowl(stage: Stage) -> None:
    _room(stage, 0.62)
    _turned(stage, "body", stage.colour * 0.75, [(0.0, 0.30), (0.12, 0.27)])
    deep = stage.span("reach", 0.62, 0.78)
    body = _turned(stage, "body", stage.colour, [(0.08, 0.26), (0.20, 0.44), (0.44, 0.61), (deep, 0.69)])
    _band(stage, body, deep * 0.66, stage.span("pattern", 0.068, 0.15))
    _opening(stage, "rim", stage.colour, stage.colour * 0.5, deep, 0.69, rim=0.08)


def _bottle(stage: Stage) -> None:
    _room(stage, 0.50)
    neck = stage.span("reach", 1.14, 1.32)
    outline = [(0.0, 0.31), (0.10, 0.33), (0.70, 0.33), (0.88, 0.24), (1.0, 0.125), (neck, 0.115)]
    body = _turned(stage, "body", stage.colour, outline)
    half = stage.span("pattern", 0.10, 0.25)
    label = (stage.x + as_field(0.33 * stage.turn.sin())).abs() - as_field(0.25 * stage.turn.cos())
    up = (body.height - 0.44).abs() - as_field(half)
    _decorate(stage, body, torch.maximum(label, up))
    _turned(stage, "lid", stage.fixed(BRASS), [(neck - 0.06, 0.15), (neck + 0.12, 0.15)])
    _disc(stage, "lid", stage.fixed(BRASS), neck + 0.12, 0.15, 1.25)


def _vase(stage: Stage) -> None:
    _room(stage, 0.52)
    lip = stage.span("reach", 0.22, 0.36)
    outline = [(0.0, 0.23), (0.16, 0.32), (0.46, 0.47), (0.74, 0.33), (0.98, 0.155), (1.08, 0.165), (1.26, lip)]
    body = _turned(stage, "body", stage.colour, outline)
    _band(stage, body, 0.52, stage.span("pattern", 0.068, 0.19))
    _opening(stage, "rim", stage.colour, stage.colour * 0.5, 1.26, lip)


# ---------------------------------------------------------------- plants


def _pot(stage: Stage) -> None:
    """A clay pot with a band, filled with soil."""
    clay = stage.fixed(CLAY)
    body = _turned(stage, "pot", clay, [(0.0, 0.25), (0.42, 0.33)], gloss=0.0)
    _band(stage, body, 0.19, stage.span("pattern", 0.068, 0.115))
    _turned(stage, "pot", clay, [(0.36, 0.38), (0.50, 0.39)], gloss=0.0)
    _opening(stage, "pot", clay, stage.fixed(SOIL), 0.50, 0.39, rim=0.06)


def _cactus(stage: Stage) -> None:
    _room(stage, 0.50)
    _pot(stage)
    arm, cosine, sine, rise = stage.colour * 0.8, stage.turn.cos(), stage.turn.sin(), stage.rise[:, 0, 0]
    long = stage.span("reach", 0.14, 0.36)

    def limb(side: float, level: float) -> None:
        elbow = (side * 0.37 * cosine, level - side * rise * 0.37 * sine)
        _rod(stage, "arms", arm, (0.0, level), elbow, 0.10)
        _rod(stage, "arms", arm, elbow, (elbow[0], elbow[1] + long), 0.10)

    limb(-1.0, 0.80)
    limb(1.0, 0.72)
    outline = [(0.46, 0.175), (0.8, 0.195), (1.10, 0.185), (1.28, 0.12), (1.34, 0.0)]
    _turned(stage, "stem", stage.colour, outline, open_top=False, gloss=0.0)


def _flower(stage: Stage) -> None:
    _room(stage, 0.46)
    _pot(stage)
    green, cosine, sine = stage.fixed(LEAF), stage.turn.cos(), stage.turn.sin()
    long = stage.span("reach", 0.34, 0.56)
    _rod(stage, "stem", green, (0.0, 0.48), (0.0, 1.10), 0.07)
    for side, base in ((-1.0, 0.52), (1.0, 0.58)):
        out = side * (cosine - side * 0.35 * sine)
        _leaf(stage, "leaves", green, (0.0, base), (out * long, base + 0.20), 0.10)
    for step in range(6):
        angle = (step + 0.5) * math.pi / 3
        across = math.cos(angle) * 0.24 * (0.3 + 0.7 * cosine)
        _ball(stage, "petals", stage.colour, across, 1.18 + math.sin(angle) * 0.24, 0.16, gloss=0.0)
    _ball(stage, "pattern", stage.accent, -0.10 * sine, 1.18, stage.span("pattern", 0.12, 0.21), gloss=0.0)


def _around(stage: Stage, radius: Number, height: Number, azimuth: float) -> tuple[Tensor, Tensor]:
    """A point at `radius` from the axis, `azimuth` to the right of the front."""
    angle = azimuth - stage.turn
    return radius * angle.sin(), height - stage.rise[:, 0, 0] * radius * angle.cos()


def _tree(stage: Stage) -> None:
    _room(stage, 0.60)
    _turned(stage, "stem", stage.fixed(BARK), [(0.0, 0.17), (0.14, 0.12), (0.62, 0.10)], gloss=0.0)
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
        _ball(stage, "leaves", stage.colour * tint, x, y, size * full, gloss=0.0)
    for azimuth, radius, height in ((-0.9, 0.40, 0.72), (0.75, 0.42, 0.86), (-0.35, 0.30, 1.10), (0.2, 0.40, 0.66)):
        x, y = _around(stage, radius * full, height, azimuth)
        _ball(stage, "pattern", stage.accent, x, y, stage.span("pattern", 0.085, 0.125), gloss=0.0)


def _mushroom(stage: Stage) -> None:
    _room(stage, 0.52)
    tall = stage.span("reach", 0.40, 0.56)
    outline = [(0.0, 0.24), (0.12, 0.23), (0.34, 0.17), (tall + 0.10, 0.18)]
    _turned(stage, "stem", stage.fixed(CREAM), outline, gloss=0.0)
    outline = [(tall, 0.60), (tall + 0.10, 0.62), (tall + 0.30, 0.52), (tall + 0.46, 0.33), (tall + 0.56, 0.0)]
    cap = _turned(stage, "cap", stage.colour, outline, open_top=False)
    size = stage.span("pattern", 0.09, 0.15)
    spots = ((-0.95, 0.56, 0.20), (0.05, 0.54, 0.20), (1.05, 0.56, 0.20), (-0.5, 0.34, 0.42), (0.6, 0.34, 0.44))
    for azimuth, radius, height in spots:
        x, _ = _around(stage, radius, 0.0, azimuth)
        narrow = 0.35 + 0.65 * (azimuth - stage.turn).cos().clamp(min=0.0)
        level = tall + height - 0.08 * stage.rise[:, 0, 0]
        _ball(stage, "pattern", stage.accent, x, level, size * narrow, size, gloss=0.0, within=cap.cover)


# ---------------------------------------------------------------- furniture


def _legs(stage: Stage, top: Number, places: Sequence[tuple[float, float]], splay: float = 1.0) -> None:
    """Legs from the floor to `top`; `places` as (x, z) under the seat, those behind first."""
    wood = stage.colour * 0.72
    for x, z in places:
        _rod(stage, "legs", wood, stage.project(x * splay, 0.03, z * splay), stage.project(x, top, z), 0.066)


def _chair(stage: Stage) -> None:
    _room(stage, 0.62)
    high = stage.span("reach", 1.22, 1.42)
    _legs(stage, 0.58, [(-0.34, -0.30), (0.34, -0.30)])
    for side in (-0.32, 0.32):
        foot, head = stage.project(side, 0.62, -0.31), stage.project(side, high - 0.1, -0.31)
        _rod(stage, "back", stage.colour * 0.85, foot, head, 0.066)
    _box(stage, "back", stage.colour, (0.0, high - 0.21, -0.31), (0.38, 0.20, 0.05))
    _legs(stage, 0.58, [(-0.34, 0.30), (0.34, 0.30)])
    _box(stage, "seat", stage.colour, (0.0, 0.62, 0.0), (0.40, 0.055, 0.36))
    thick = stage.span("pattern", 0.03, 0.07)
    _box(stage, "pattern", stage.accent, (0.0, 0.675 + thick, 0.02), (0.30, thick, 0.27))


def _stool(stage: Stage) -> None:
    _room(stage, 0.52)
    top, splay, low = stage.span("reach", 0.82, 0.98), 1.8, 0.38
    corners = ((0.0, -0.28), (-0.26, 0.15), (0.26, 0.15))
    _legs(stage, top, corners, splay)
    spread = splay + (1.0 - splay) * low / top
    back, left, right = (stage.project(x * spread, low, z * spread) for x, z in corners)
    _rod(stage, "legs", stage.colour * 0.72, back, left, 0.06)
    _rod(stage, "legs", stage.colour * 0.72, back, right, 0.06)
    _rod(stage, "legs", stage.colour * 0.82, left, right, 0.06)
    _turned(stage, "seat", stage.colour, [(top - 0.04, 0.40), (top + 0.08, 0.42)], gloss=0.0)
    _disc(stage, "seat", stage.colour, top + 0.08, 0.42, 1.12)
    thick = stage.span("pattern", 0.06, 0.15)
    above = top + 0.08 + thick
    _turned(stage, "pattern", stage.accent, [(top + 0.07, 0.34), (above - thick * 0.5, 0.37), (above, 0.33)], gloss=0.0)
    _disc(stage, "pattern", stage.accent, above, 0.33, 1.05)


def _table(stage: Stage) -> None:
    _room(stage, 0.86)
    top = stage.span("reach", 0.70, 0.90)
    _legs(stage, top, [(-0.52, -0.30), (0.52, -0.30), (-0.52, 0.30), (0.52, 0.30)])
    _box(stage, "seat", stage.colour, (0.0, top, 0.0), (0.62, 0.065, 0.40))
    wide = stage.span("pattern", 0.12, 0.36)
    _box(stage, "pattern", stage.accent, (0.0, top - 0.08, 0.0), (wide, 0.15, 0.405), hollow=True)


def _lamp(stage: Stage) -> None:
    _room(stage, 0.44)
    brass = stage.fixed(BRASS)
    _turned(stage, "legs", brass, [(0.0, 0.34), (0.09, 0.31)])
    _disc(stage, "legs", brass, 0.09, 0.31, 1.2)
    _rod(stage, "stem", brass, (0.0, 0.10), (0.0, 0.80), 0.06)
    wide = stage.span("reach", 0.44, 0.62)
    shade = _turned(stage, "shade", stage.colour, [(0.62, wide), (1.32, 0.27)], gloss=0.0)
    _band(stage, shade, 0.74, stage.span("pattern", 0.068, 0.13))
    _opening(stage, "shade", stage.colour, stage.fixed(YELLOW), 1.32, 0.27, rim=0.06)


# ---------------------------------------------------------------- fruit


def _stalk(stage: Stage, height: float, length: float) -> None:
    """A fruit's stem and its leaf, which swings with the turn."""
    angle = stage.turn
    top = (0.05 - 0.10 * angle.sin(), height + length)
    _rod(stage, "stem", stage.fixed(BARK), (0.0, height - 0.04), top, 0.068)
    out = stage.span("reach", 0.34, 0.52)
    tip = (0.03 + out * angle.cos(), height + 0.20 - 0.30 * angle.sin())
    _leaf(stage, "leaves", stage.fixed(LEAF), (0.03, height + 0.07), tip, 0.115)


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
    _turned(stage, "body", stage.colour, outline, open_top=False, open_foot=False)
    rise = stage.rise[:, 0, 0]
    level = 0.93 - 0.22 * rise
    _ball(stage, "body", stage.colour * 0.55, 0.0, level, 0.19, 0.04 + 0.16 * rise, gloss=0.0)
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
    _turned(stage, "body", stage.colour, outline, open_top=False, open_foot=False)
    _stalk(stage, 1.15, 0.20)


def _cherries(stage: Stage) -> None:
    _room(stage, 0.66)
    joint = (-0.06 * stage.turn.sin(), 1.18)
    places = [_around(stage, 0.36, 0.32, -1.25), _around(stage, 0.36, 0.32, 1.15)]
    out = stage.span("reach", 0.36, 0.58)
    for x, y in places:
        _rod(stage, "stem", stage.fixed(LEAF), (x, y + 0.20), joint, 0.062)
    tip = (joint[0] + out * stage.turn.cos(), 1.10 - 0.22 * stage.turn.sin())
    _leaf(stage, "leaves", stage.fixed(LEAF), joint, tip, 0.125)
    for x, y in places:
        _ball(stage, "body", stage.colour, x, y, 0.325)
        _ball(stage, "body", stage.colour * 0.6, x, y + 0.24, 0.08, 0.035, gloss=0.0)
    for x, y in places:
        middle = (x + (joint[0] - x) * 0.4, y + (joint[1] - y) * 0.4)
        _rod(stage, "stem", stage.fixed(LEAF), (x, y + 0.25), middle, 0.062)


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


def render(factors: Tensor, labels: Tensor, *, resolution: int = 64, antialias: float = 1.2) -> Scene:
    """Draw factors [n, k] in [0, 1] as the classes `labels` [n], on the factors' own device.

    `antialias` is the width of an edge in pixels. A row depends on its factors and its label alone.
    Raises ValueError where labels are not one class number in 0 .. classes - 1 for each row.
    """
    labels = torch.as_tensor(labels, device=factors.device)
    last = len(CLASSES) - 1
    if labels.dtype != torch.int64 or labels.shape != factors.shape[:1] or not ((labels >= 0) & (labels <= last)).all():
        raise ValueError(f"labels are one int64 number, 0 to {last}, for each of {len(factors)} rows; see CLASSES")
    with torch.no_grad():
        factors = factors.detach().float()
        images = torch.empty(len(factors), 3, resolution, resolution, device=factors.device)
        topmost = torch.empty(len(factors), resolution, resolution, dtype=torch.uint8, device=factors.device)
        for number in labels.unique().tolist():
            rows = (labels == number).nonzero()[:, 0]
            stage = Stage(KINDS[CLASSES[number]], factors[rows], resolution, antialias)
            DRAWINGS[CLASSES[number]](stage)
            images[rows], topmost[rows] = stage.image, stage.labels
        parts = torch.arange(len(PARTS), dtype=torch.uint8, device=factors.device)
        return Scene(images.clamp_(0.0, 1.0).mul_(2.0).sub_(1.0), topmost[:, None] == parts[None, :, None, None])
