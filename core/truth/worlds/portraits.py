"""Cartoon portraits drawn from 27 known factors, a batch at a time.

The head is an ellipsoid: features are anchored on its surface, turned with it and
foreshortened. Every part is a smooth shape (a signed distance, negative inside)
that is painted back to front onto a `Canvas`, which also remembers the topmost part
of every pixel. Hair is one outer shape with an opening for the face, so length,
volume, fringe, waves and parting together give many haircuts.

Readability does not depend on the skin: brows, nose line, beard and the line of the
mouth are pushed below the luminance of the skin by construction, lips leave it to
either side, and light never darkens one side of the face below `SHADE_FLOOR` of the
other. Pictures are in a frame with x to the right and y up, both in [-1, 1].
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .base import Factor, Scene
from .drawing import (
    as_field,
    colour_between,
    colour_ramp,
    constant_colour,
    ellipse,
    mix,
    smooth_max,
    smoothstep,
    uniform,
)

FACTORS: tuple[Factor, ...] = (
    Factor("yaw", "turn of the head", "looks left", "looks right"),
    Factor("pitch", "nod of the head", "looks down", "looks up"),
    Factor("roll", "tilt of the head", "tilts to the left", "tilts to the right"),
    Factor("face_width", "width of the face", "is narrow", "is wide"),
    Factor("jaw", "shape of the jaw", "has a pointed chin", "has a broad jaw"),
    Factor("skin_tone", "tone of the skin", "has light skin", "has dark skin", draw="flat"),
    Factor("hair_tone", "tone of the hair", "has dark hair", "has light hair", draw="flat"),
    Factor("hair_warmth", "warmth of the hair", "has ash hair", "has ginger hair", draw="flat"),
    Factor("hair_length", "length of the hair", "has very short hair", "has long hair", draw="flat"),
    Factor("hair_volume", "volume of the hair", "has flat hair", "has big hair", draw="flat"),
    Factor("fringe", "how far hair covers the forehead", "has a high forehead", "has a fringe", draw="flat"),
    Factor("hair_wave", "outline of the hair", "has straight hair", "has curly hair", draw="flat"),
    Factor("parting", "where the hair parts", "parts the hair on the left", "parts the hair on the right", draw="flat"),
    Factor("eye_size", "size of the eyes", "has small eyes", "has large eyes"),
    Factor("eye_open", "how open the eyes are", "squints", "opens the eyes wide"),
    Factor("gaze", "direction of the gaze", "glances left", "glances right"),
    Factor("brow_tilt", "tilt of the brows", "frowns with stern brows", "raises the inner brows"),
    Factor("smile", "curve of the mouth", "looks sad", "smiles"),
    Factor("mouth_open", "how open the mouth is", "closes the mouth", "opens the mouth"),
    Factor("lip_colour", "colour of the lips, from rose to berry", "has rose lips", "has berry lips", draw="flat"),
    Factor("nose_size", "size of the nose", "has a small nose", "has a large nose"),
    Factor("glasses", "glasses and their size", "wears no glasses", "wears large glasses", draw="present"),
    Factor("beard", "beard and its size", "wears no beard", "wears a full beard", draw="present"),
    Factor("background_tone", "tone of the background", "is on a dark ground", "is on a bright ground", draw="flat"),
    Factor(
        "background_warmth", "background from blue to rose", "is on a blue ground", "is on a rose ground", draw="flat"
    ),
    Factor("light", "where the light comes from", "is lit from the left", "is lit from the right"),
    Factor(
        "shirt_colour",
        "colour of the shirt, from teal to amber",
        "wears a teal shirt",
        "wears an amber shirt",
        draw="flat",
    ),
)
NAMES: tuple[str, ...] = tuple(factor.name for factor in FACTORS)
PARTS = ("skin", "hair", "eyes", "brows", "nose", "mouth", "glasses", "beard", "ears", "shirt", "background")

# Seeds of a split start here; train has 1_000_000 rows, test everything after.
SPLITS = {"train": 0, "test": 1_000_000}

# The part that a factor shows in; where none is named it shows in every picture.
SHOWN_BY = dict(
    hair_tone="hair",
    hair_warmth="hair",
    hair_volume="hair",
    fringe="hair",
    hair_wave="hair",
    parting="hair",
    eye_size="eyes",
    eye_open="eyes",
    gaze="eyes",
    brow_tilt="brows",
    smile="mouth",
    mouth_open="mouth",
    lip_colour="mouth",
    nose_size="nose",
    shirt_colour="shirt",
)

# How wide the factors vary: "even" is each factor's whole range, "graded" narrows some of those that move much of the
# picture, so that few factors weigh alike. None means the factors' own.
_NARROWED = dict(
    hair_tone=0.8,
    background_tone=0.7,
    hair_length=0.8,
    roll=0.45,
    pitch=0.45,
    background_warmth=0.5,
    hair_volume=0.6,
    face_width=0.6,
    shirt_colour=0.7,
)
SPREADS: dict[str, Tensor | None] = {"even": None, "graded": torch.tensor([_NARROWED.get(name, 1.0) for name in NAMES])}

PRESENT_SHARE = 0.35  # of the rows wear glasses, and independently a beard
MINIMUM_CONTRAST = 0.12  # luminance of brows, eyes and mouth against what surrounds them
SHADE_FLOOR = 0.60  # darkest over brightest shade of the face
LUMINANCE = (0.299, 0.587, 0.114)

YAW_LIMIT = 0.52  # radians
PITCH_LIMIT = 0.24
ROLL_LIMIT = 0.22
HEAD_HEIGHT = 0.65  # half of it
HEAD_CENTRE = 0.07
NECK_PIVOT = -0.60
EYE_PLACE = (0.44, 0.04)  # in units of the head's half axes
NOSE_PLACE = (0.0, -0.20)
MOUTH_PLACE = (0.0, -0.51)
CHEEK_PLACE = (0.56, -0.34)
MOUTH_GAP = 0.029  # half height of the closed mouth's dark line
EAR_AZIMUTH = 1.47
OPENING_AZIMUTH = 1.20
LINE = 0.052  # 1.66 pixels at 64

SKIN = ((0.99, 0.86, 0.76), (0.94, 0.74, 0.59), (0.80, 0.57, 0.41), (0.61, 0.41, 0.28), (0.43, 0.275, 0.195))
HAIR = ((0.08, 0.07, 0.08), (0.27, 0.18, 0.13), (0.49, 0.34, 0.22), (0.82, 0.67, 0.42), (0.93, 0.91, 0.87))
HAIR_ASH, HAIR_GINGER = (0.87, 0.94, 1.13), (1.36, 0.93, 0.54)
GROUND_BLUE, GROUND_ROSE = (0.30, 0.66, 0.98), (1.00, 0.60, 0.62)
SHIRT_TEAL, SHIRT_AMBER = (0.02, 0.50, 0.60), (1.00, 0.74, 0.18)
LIP_ROSE, LIP_BERRY = (0.98, 0.56, 0.50), (0.66, 0.05, 0.32)
EYE_WHITE, IRIS, PUPIL, LID = (0.98, 0.98, 0.97), (0.45, 0.27, 0.13), (0.04, 0.03, 0.04), (0.10, 0.06, 0.06)
TEETH, MOUTH_INSIDE, RIM = (0.98, 0.97, 0.95), (0.20, 0.03, 0.06), (0.05, 0.05, 0.08)


# ---------------------------------------------------------------- sampling


def sample(n: int, seed: int, *, spread: Tensor | None = None) -> Tensor:
    """Factors [n, k] in [0, 1]; row i is a function of `seed + i` alone.

    A factor is 0.5 + spread * (b - 0.5), b the mean of two uniforms ("middle") or
    one uniform ("flat"). A "present" factor is 0 in 65 % of the rows and otherwise
    0.75 + spread * (b - 0.5) / 2. `spread` [k] replaces the factors' own.
    """
    count = len(FACTORS)
    seeds = torch.arange(n, dtype=torch.int64) + seed
    first, second, chance = (uniform(seeds, stream, count) for stream in range(3))
    middle = torch.tensor([factor.draw == "middle" for factor in FACTORS])
    present = torch.tensor([factor.draw == "present" for factor in FACTORS])
    if spread is None:
        spread = torch.tensor([factor.spread for factor in FACTORS])
    width = spread.detach().cpu().float()
    offset = width * (torch.where(middle, (first + second) * 0.5, first) - 0.5)
    worn = torch.where(chance < PRESENT_SHARE, (0.75 + 0.5 * offset).clamp(0.5, 1.0), torch.zeros(()))
    return torch.where(present, worn, (0.5 + offset).clamp(0.0, 1.0))


# ---------------------------------------------------------------- small tools


def luminance(colour: Tensor) -> Tensor:
    """Luminance in [0, 1] of colours [n, 3, ...] in [0, 1]."""
    return LUMINANCE[0] * colour[:, 0] + LUMINANCE[1] * colour[:, 1] + LUMINANCE[2] * colour[:, 2]


def _at_luminance(colour: Tensor, target: Tensor) -> Tensor:
    """The colour [n, 3] brought to luminance `target` [n]: scaled down, or mixed with white."""
    own = luminance(colour)
    darker = colour * (target / own.clamp(min=0.02)).clamp(max=1.0)[:, None]
    whiter = ((target - own) / (1.0 - own).clamp(min=0.02)).clamp(0.0, 1.0)
    return torch.lerp(darker, torch.ones_like(darker), whiter[:, None])


class Canvas:
    """Pictures [n, 3, R, R] in [0, 1] under construction, and each pixel's topmost part."""

    def __init__(self, count: int, resolution: int, antialias: float, device: torch.device) -> None:
        self.image = torch.zeros(count, 3, resolution, resolution, device=device)
        self.labels = torch.full(
            (count, resolution, resolution), PARTS.index("background"), dtype=torch.uint8, device=device
        )
        self.ramp = 2.0 * antialias / resolution

    def cover(self, distance: Tensor) -> Tensor:
        """Share of a pixel inside a shape, from its signed distance."""
        return (0.5 - distance / self.ramp).clamp_(0.0, 1.0)

    def paint(
        self,
        part: str | None,
        colour: Tensor,
        cover: Tensor,
        shade: Tensor | None = None,
        strength: Tensor | float = 1.0,
    ) -> None:
        """Lay colour [n, 3] over the picture by cover [n, R, R]; no part means a tint."""
        weight = cover * strength
        light = weight if shade is None else weight * shade
        self.image.mul_((1.0 - weight)[:, None]).addcmul_(colour[:, :, None, None], light[:, None])
        if part is not None:
            self.labels.masked_fill_(weight > 0.5, PARTS.index(part))

    def scene(self) -> Scene:
        parts = torch.arange(len(PARTS), dtype=torch.uint8, device=self.labels.device)
        masks = self.labels[:, None] == parts[None, :, None, None]
        return Scene(self.image.clamp_(0.0, 1.0).mul_(2.0).sub_(1.0), masks)


# ---------------------------------------------------------------- geometry and colours


class Frame(NamedTuple):
    """Everything the parts share. Fields are [n, R, R] (or broadcast to it), numbers [n]."""

    value: dict[str, Tensor]  # the factors by name
    x: Tensor  # picture coordinates, [1, 1, R] and [1, R, 1]
    y: Tensor
    head_x: Tensor  # coordinates that tilt with the head
    head_y: Tensor
    yaw: Tensor
    pitch: Tensor
    half_width: Tensor  # of the head
    head: Tensor  # signed distance to the head
    shade: Tensor  # light on head and hair
    light: Tensor  # -1 from the left .. 1 from the right


class Palette(NamedTuple):
    """Colours [n, 3]."""

    skin: Tensor
    hair: Tensor
    brows: Tensor
    beard: Tensor
    lips: Tensor
    line: Tensor  # nose and folds, a darker skin


def _palette(value: dict[str, Tensor]) -> Palette:
    skin = colour_ramp(SKIN, value["skin_tone"])
    tint = colour_between(HAIR_ASH, HAIR_GINGER, value["hair_warmth"])
    hair = (colour_ramp(HAIR, value["hair_tone"]) * tint).clamp(0.0, 1.0)
    skin_light, hair_light = luminance(skin), luminance(hair)
    # Far enough below the skin to keep the minimum contrast on the shaded side.
    below = skin_light * 0.62 - MINIMUM_CONTRAST
    brows = _at_luminance(hair, torch.minimum(hair_light * 0.6, below).clamp(min=0.05))
    beard = _at_luminance(hair, torch.minimum(hair_light, below).clamp(min=0.05))
    line = _at_luminance(skin * torch.tensor((1.0, 0.82, 0.80), device=skin.device), skin_light * 0.80 - 0.11)
    # Lips are darker than light skin and lighter than dark skin; where they cross, hue and the dark line carry them.
    side = smoothstep((skin_light - 0.38) / 0.13)
    lips = colour_between(LIP_ROSE, LIP_BERRY, value["lip_colour"])
    gap = mix(0.24, -0.15, side) - value["lip_colour"] * mix(0.06, 0.26, side)
    lips = _at_luminance(lips, skin_light + gap)
    return Palette(skin, hair, brows, beard, lips, line)


def _frame(factors: Tensor, resolution: int) -> Frame:
    value = {name: factors[:, column].contiguous() for column, name in enumerate(NAMES)}
    steps = (torch.arange(resolution, device=factors.device, dtype=torch.float32) + 0.5) / resolution * 2.0 - 1.0
    x, y = steps[None, None, :], -steps[None, :, None]
    yaw, pitch, roll = (
        (value[name] - 0.5) * 2.0 * limit
        for name, limit in (("yaw", YAW_LIMIT), ("pitch", PITCH_LIMIT), ("roll", ROLL_LIMIT))
    )
    cosine, sine = as_field(roll.cos()), as_field(roll.sin())
    head_x = cosine * x - sine * (y - NECK_PIVOT)
    head_y = sine * x + cosine * (y - NECK_PIVOT) + NECK_PIVOT
    half_width = mix(0.50, 0.62, value["face_width"])
    vertical = (head_y - HEAD_CENTRE) / HEAD_HEIGHT
    below = vertical.clamp(-1.0, 0.0)
    # The chin points where the head looks, so a turned face keeps its mouth off the rim.
    across = head_x - as_field(yaw.sin()) * 0.16 * below.abs()
    half = as_field(half_width) * (1.0 - as_field(mix(0.40, -0.17, value["jaw"])) * below * below)
    across = across / half
    head = ((across * across + vertical * vertical).sqrt() - 1.0) * 0.58
    light = (value["light"] - 0.5) * 2.0
    shade = (as_field(light) * 0.17) * across.clamp(-1.0, 1.0) + (0.95 + 0.05 * vertical.clamp(-1.0, 1.0))
    return Frame(value, x, y, head_x, head_y, yaw, pitch, half_width, head, shade, light)


class Anchor(NamedTuple):
    """A place on the turned head: local coordinates [n, R, R] undo the foreshortening."""

    across: Tensor
    up: Tensor


def _anchor(frame: Frame, place: tuple[float, float], lift: float = 1.0) -> Anchor:
    """The feature at `place` (head half axes), `lift` times as far out as the surface."""
    right, up = place
    depth = (1.0 - right * right - up * up) ** 0.5
    yaw_cos, yaw_sin, pitch_cos, pitch_sin = frame.yaw.cos(), frame.yaw.sin(), frame.pitch.cos(), frame.pitch.sin()
    centre_x = (right * yaw_cos + lift * depth * yaw_sin) * frame.half_width
    forward = lift * depth * yaw_cos - right * yaw_sin
    centre_y = (up * pitch_cos + forward * pitch_sin) * HEAD_HEIGHT + HEAD_CENTRE
    narrow = (yaw_cos - right / depth * yaw_sin).clamp(0.58, 1.06)
    flat = (pitch_cos - up / depth * pitch_sin).clamp(0.75, 1.1)
    return Anchor(
        (frame.head_x - as_field(centre_x)) / as_field(narrow), (frame.head_y - as_field(centre_y)) / as_field(flat)
    )


class Pair(NamedTuple):
    """Mirrored features in one pass: at each pixel the coordinates of the nearer one, [n, R, R]."""

    outward: Tensor  # away from the middle of the face
    up: Tensor
    side: Tensor  # -1 left, 1 right


def _pair(frame: Frame, place: tuple[float, float]) -> Pair:
    left, right = (_anchor(frame, (side * place[0], place[1])) for side in (-1.0, 1.0))
    on_left = left.across.abs() < right.across.abs()
    side = torch.where(on_left, -1.0, 1.0)
    return Pair(torch.where(on_left, -left.across, right.across), torch.where(on_left, left.up, right.up), side)


class HairShape(NamedTuple):
    """Signed distances [n, R, R]: the outline of all hair, and what lies in front of the head."""

    outer: Tensor
    front: Tensor


def _hair_outline(frame: Frame) -> Tensor:
    value = frame.value
    length, wave = value["hair_length"], value["hair_wave"]
    grown = mix(0.35, 1.0, smoothstep(length / 0.4))
    volume = (0.045 + 0.20 * value["hair_volume"] + 0.03 * wave) * grown + 0.02
    shift = frame.yaw.sin() * -0.10
    across = (frame.head_x - as_field(shift)).abs()
    rise = frame.head_y - HEAD_CENTRE
    half_x = as_field(frame.half_width + volume)
    half_y = as_field(HEAD_HEIGHT + volume * 0.75)
    dome = ellipse(across, rise.clamp(min=0.0), half_x, half_y)
    # Arc length from the crown keeps the waves equally long on the dome and down the sides.
    along = torch.atan2(across, rise.clamp(min=1e-3)) * 0.72 + (-rise).clamp_(min=0.0)
    ripple = (along * (6.2832 / 0.40)).cos_() * as_field(wave * grown * 0.055)
    bottom = as_field(HEAD_CENTRE + 0.24 - 1.46 * length * length)
    return smooth_max(dome + ripple, bottom - frame.head_y + ripple * 0.8, 0.24)


def _hair_opening(frame: Frame) -> Tensor:
    """Signed distance to the part of the picture that hair leaves free in front: the face and below."""
    value = frame.value

    def edge(side: float) -> Tensor:
        angle = side * OPENING_AZIMUTH + frame.yaw
        past = (angle.abs() - 1.5).clamp(min=0.0)
        return frame.half_width * (angle.clamp(-1.5708, 1.5708).sin() + side * past * 0.5)

    left, right = edge(-1.0), edge(1.0)
    centre, half = (left + right) * 0.5, (right - left) * 0.5
    across = (frame.head_x - as_field(centre)) / as_field(half)
    line = mix(0.88, 0.55, value["fringe"])
    top = HEAD_CENTRE + HEAD_HEIGHT * (line * frame.pitch.cos() + (1.0 - line * line).sqrt() * frame.pitch.sin())
    from_parting = across - as_field((value["parting"] - 0.5) * 1.3)
    fall = (from_parting * from_parting + 0.01).sqrt_() * as_field(mix(0.12, 0.17, value["fringe"]))
    ripple = (across * 7.0).cos_() * as_field(value["hair_wave"] * 0.03)
    above = (frame.head_y - as_field(top) + fall - ripple - 0.03) * 0.92
    sides = (across.abs() - 1.0) * as_field(half)
    return smooth_max(above, sides, 0.26)


def _hair_shape(frame: Frame) -> HairShape:
    outer = _hair_outline(frame)
    return HairShape(outer, smooth_max(outer, -_hair_opening(frame), 0.10))


# ---------------------------------------------------------------- parts, back to front


def _background(canvas: Canvas, frame: Frame) -> None:
    colour = colour_between(GROUND_BLUE, GROUND_ROSE, frame.value["background_warmth"])
    colour = colour * mix(0.42, 1.05, frame.value["background_tone"])[:, None]
    glow = 1.0 + 0.10 * as_field(frame.light) * frame.x + 0.06 * frame.y
    canvas.image.copy_(colour[:, :, None, None] * glow[:, None])


def _shoulders(canvas: Canvas, frame: Frame) -> None:
    colour = colour_between(SHIRT_TEAL, SHIRT_AMBER, frame.value["shirt_colour"])
    shade = 0.95 + 0.18 * as_field(frame.light) * frame.x + 0.0 * frame.y
    one = torch.ones_like(frame.light)[:, None, None]
    body = ellipse(frame.x, frame.y + 1.34, one * 0.95, one * 0.60)
    canvas.paint("shirt", colour, canvas.cover(body), shade)
    collar = ellipse(frame.x, frame.y + 0.72, one * 0.34, one * 0.17)
    canvas.paint("shirt", colour * 0.62, canvas.cover(torch.maximum(collar, body)), shade)


def _back_hair(canvas: Canvas, frame: Frame, palette: Palette, hair: HairShape) -> None:
    canvas.paint("hair", palette.hair * 0.70, canvas.cover(hair.outer), frame.shade)


def _neck(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    one = torch.ones_like(frame.light)[:, None, None]
    column = smooth_max(frame.head_x.abs() - 0.23, frame.head_y.abs() - 0.74, 0.1)
    collar = ellipse(frame.x, frame.y + 0.72, one * 0.27, one * 0.12)
    neck = torch.lerp(palette.skin, palette.line, 0.55)
    canvas.paint("skin", neck, canvas.cover(torch.minimum(column, collar)), frame.shade)


def _head(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    canvas.paint("skin", palette.line, canvas.cover(frame.head - 0.02), frame.shade)
    canvas.paint("skin", palette.skin, canvas.cover(frame.head + LINE - 0.02), frame.shade)
    blush = palette.skin * torch.tensor((1.08, 0.84, 0.82), device=palette.skin.device)
    spot = _pair(frame, CHEEK_PLACE)
    soft = (1.0 - (spot.outward.square() + spot.up.square()) / 0.025).clamp_(min=0.0)
    canvas.paint(None, blush, soft * canvas.cover(frame.head), frame.shade, 0.6)


def _ears(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    on_left = frame.head_x < 0.0

    def of_side(values: tuple[Tensor, Tensor]) -> Tensor:
        return torch.where(on_left, as_field(values[0]), as_field(values[1]))

    angles = (frame.yaw - EAR_AZIMUTH, frame.yaw + EAR_AZIMUTH)
    out = (-angles[0].sin() * frame.half_width * 1.07, angles[1].sin() * frame.half_width * 1.07)
    near = of_side((frame.yaw.sin().clamp(min=0.0), (-frame.yaw.sin()).clamp(min=0.0)))
    outward = frame.head_x.abs() - of_side(out)
    up = frame.head_y - (HEAD_CENTRE - 0.04)
    half_x, half_y = 0.105 + 0.02 * near, torch.full_like(frame.yaw, 0.17)[:, None, None]
    whole = ellipse(outward, up, half_x, half_y)
    # Only the near ear lies in front of the head; the far one shows where it sticks out.
    shape = torch.maximum(whole, torch.minimum(-frame.head, 0.02 - 0.30 * near - outward))
    canvas.paint("ears", palette.line, canvas.cover(shape), frame.shade)
    canvas.paint("ears", palette.skin, canvas.cover(shape + LINE), frame.shade)
    inner = torch.maximum(whole + 0.075, shape + 0.03)
    canvas.paint(None, palette.line, canvas.cover(inner), frame.shade, 0.7)


def _half_eye(value: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    half_x = mix(0.128, 0.182, value["eye_size"])
    return half_x, half_x * mix(0.32, 0.92, value["eye_open"])


def _eyes(canvas: Canvas, frame: Frame, spot: Pair) -> None:
    light = frame.light
    half_x, half_y = _half_eye(frame.value)
    iris = as_field(half_x * 0.60)
    # Gaze and glint go the same way in both eyes, so mirror them back.
    aside = spot.outward - spot.side * as_field((frame.value["gaze"] - 0.5) * half_x)
    lid = ellipse(spot.outward, spot.up - 0.016, as_field(half_x + 0.040), as_field(half_y + 0.042))
    inside = canvas.cover(ellipse(spot.outward, spot.up, as_field(half_x), as_field(half_y)))
    from_iris = (aside.square() + spot.up.square()).sqrt_()
    glint = ((aside + spot.side * 0.03).square() + (spot.up - 0.035).square()).sqrt_()
    canvas.paint("eyes", constant_colour(light, LID), canvas.cover(lid))
    canvas.paint("eyes", constant_colour(light, EYE_WHITE), inside, frame.shade * 0.5 + 0.5)
    canvas.paint(None, constant_colour(light, IRIS), torch.minimum(canvas.cover(from_iris - iris), inside))
    canvas.paint(None, constant_colour(light, PUPIL), torch.minimum(canvas.cover(from_iris - iris * 0.56), inside))
    canvas.paint(None, constant_colour(light, EYE_WHITE), torch.minimum(canvas.cover(glint - 0.026), inside))


def _brows(canvas: Canvas, frame: Frame, palette: Palette, spot: Pair) -> None:
    height = as_field(_half_eye(frame.value)[1] * 0.5 + 0.195)
    tilt = as_field((frame.value["brow_tilt"] - 0.42) * 1.10)
    level = spot.up - height + tilt * spot.outward + 1.6 * spot.outward.square()
    # Thick near the nose, thinner outwards.
    shape = smooth_max(level.abs() - (0.041 - 0.05 * spot.outward), spot.outward.abs() - 0.155, 0.04)
    canvas.paint("brows", palette.brows, canvas.cover(shape), frame.shade)


def _nose(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    size = as_field(mix(0.060, 0.155, frame.value["nose_size"]))
    spot = _anchor(frame, NOSE_PLACE, lift=1.16)
    tip = ellipse(spot.across, spot.up, size * 1.1, size * 0.9)
    # The line goes round the lower half only.
    under = torch.maximum(tip - 0.012, spot.up - size * 0.25)
    canvas.paint("nose", palette.line, canvas.cover(under), frame.shade)
    warm = palette.skin * torch.tensor((1.03, 0.91, 0.88), device=palette.skin.device)
    tip = ellipse(spot.across, spot.up - 0.035, size * 1.0, size * 0.88)
    canvas.paint("nose", warm, canvas.cover(tip), frame.shade)
    shine = ellipse(spot.across + 0.012, spot.up - 0.045, size * 0.48, size * 0.42)
    canvas.paint(None, torch.lerp(palette.skin, torch.ones_like(warm), 0.45), canvas.cover(shine), frame.shade, 0.6)


class MouthShape(NamedTuple):
    """Signed distances [n, R, R] and the bent height over the mouth's middle."""

    lips: Tensor
    inside: Tensor
    height: Tensor


def _mouth_shape(frame: Frame) -> MouthShape:
    smile, opened = frame.value["smile"], frame.value["mouth_open"]
    half_x = as_field(mix(0.165, 0.225, smile))
    spot = _anchor(frame, MOUTH_PLACE)
    bend = (spot.across / half_x).square().clamp_(max=1.6) - 0.45
    height = spot.up - bend * as_field(mix(-0.075, 0.155, smile))
    gap = as_field(MOUTH_GAP + 0.080 * opened)
    lips = ellipse(spot.across, height, half_x + 0.015, gap + 0.057)
    inside = ellipse(spot.across, height, half_x - 0.02, gap)
    return MouthShape(lips, inside, height)


def _mouth(canvas: Canvas, frame: Frame, palette: Palette, mouth: MouthShape) -> None:
    opened = frame.value["mouth_open"]
    canvas.paint("mouth", palette.lips, canvas.cover(mouth.lips), frame.shade)
    inside = canvas.cover(mouth.inside)
    canvas.paint("mouth", constant_colour(opened, MOUTH_INSIDE), inside)
    # Teeth grow down from the upper lip; fading them in would pass through the tone of the skin.
    upper = canvas.cover(as_field(MOUTH_GAP + (0.080 - 0.105) * opened) - mouth.height)
    canvas.paint("mouth", constant_colour(opened, TEETH), torch.minimum(upper, inside))


def _beard(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    amount = frame.value["beard"]
    middle = _anchor(frame, MOUTH_PLACE)
    size = (amount - 0.5).clamp(min=0.0) * 2.0
    jaw = frame.head - as_field(mix(0.01, 0.10, size)) * (-(frame.head_y + 0.15) * 2.5).clamp(0.0, 1.0)
    # A moustache, then an edge that sags beside the mouth and climbs to the ears.
    aside = middle.across.abs()
    sag, climb = 0.55 * (aside - 0.06).clamp(0.0, 0.22), 0.75 * (aside - 0.26).clamp_(0.0, 0.42)
    edge = as_field(mix(0.10, 0.14, size)) - sag + climb
    shape = smooth_max(jaw, (middle.up - edge) * 0.8, 0.06)
    canvas.paint("beard", palette.beard, canvas.cover(shape), frame.shade, as_field((amount * 2.0).clamp(max=1.0)))


def _front_hair(canvas: Canvas, frame: Frame, palette: Palette, hair: HairShape) -> None:
    canvas.paint("hair", palette.hair * 0.58, canvas.cover(hair.front - 0.01), frame.shade)
    canvas.paint("hair", palette.hair, canvas.cover(hair.front + LINE - 0.01), frame.shade)
    across = frame.head_x - as_field(0.30 * frame.light)
    glow = (1.0 - (across / 0.42).square() - ((frame.head_y - 0.66) / 0.16).square()).clamp_(min=0.0)
    shine = torch.lerp(palette.hair, torch.ones_like(palette.hair), 0.5)
    canvas.paint(None, shine, glow * canvas.cover(hair.front + LINE), None, 0.42)


def _glasses(canvas: Canvas, frame: Frame, spot: Pair) -> None:
    amount = frame.value["glasses"]
    size = (amount - 0.5).clamp(min=0.0) * 2.0
    shown = as_field((amount * 2.0).clamp(max=1.0))
    half_x, half_y = as_field(mix(0.190, 0.225, size)), as_field(mix(0.155, 0.195, size))
    half_rim = as_field(mix(0.026, 0.036, size))
    lens = ellipse(spot.outward, spot.up + 0.025, half_x, half_y)
    canvas.paint(None, constant_colour(amount, EYE_WHITE), canvas.cover(lens), None, shown * 0.16)
    temple = torch.maximum((spot.up - 0.03).abs() - half_rim, half_x - spot.outward)
    temple = torch.maximum(temple, torch.maximum(spot.outward - 0.36, frame.head))
    middle = _anchor(frame, (0.0, EYE_PLACE[1]))
    bridge = torch.maximum(middle.across.abs() - 0.07, (middle.up - 0.03).abs() - half_rim)
    rims = torch.minimum(torch.minimum(lens.abs() - half_rim, temple), bridge)
    canvas.paint("glasses", constant_colour(amount, RIM), canvas.cover(rims), None, shown)


def render(factors: Tensor, *, resolution: int = 64, antialias: float = 1.2) -> Scene:
    """Draw factors [n, k] in [0, 1] on their own device.

    `antialias` is the width of an edge in pixels. A row depends on its factors alone.
    """
    with torch.no_grad():
        factors = factors.detach().float()
        canvas = Canvas(factors.shape[0], resolution, antialias, factors.device)
        frame = _frame(factors, resolution)
        palette = _palette(frame.value)
        hair, mouth, eyes = _hair_shape(frame), _mouth_shape(frame), _pair(frame, EYE_PLACE)
        _background(canvas, frame)
        _back_hair(canvas, frame, palette, hair)
        _shoulders(canvas, frame)
        _neck(canvas, frame, palette)
        _head(canvas, frame, palette)
        _ears(canvas, frame, palette)
        _beard(canvas, frame, palette)
        _mouth(canvas, frame, palette, mouth)
        _eyes(canvas, frame, eyes)
        _nose(canvas, frame, palette)
        _front_hair(canvas, frame, palette, hair)
        _brows(canvas, frame, palette, eyes)
        _glasses(canvas, frame, eyes)
        return canvas.scene()
