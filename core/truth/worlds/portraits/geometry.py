"""A portrait under construction: its canvas and colours, and where things lie on the turned head."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..base import Scene
from ..drawing import (
    as_field,
    colour_between,
    colour_ramp,
    ellipse,
    mix,
    smooth_max,
    smoothstep,
)
from .factors import NAMES, PARTS

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


def palette_of(value: dict[str, Tensor]) -> Palette:
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


def frame_of(factors: Tensor, resolution: int) -> Frame:
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


def anchor_at(frame: Frame, place: tuple[float, float], lift: float = 1.0) -> Anchor:
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


def pair_at(frame: Frame, place: tuple[float, float]) -> Pair:
    left, right = (anchor_at(frame, (side * place[0], place[1])) for side in (-1.0, 1.0))
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


def hair_shape_of(frame: Frame) -> HairShape:
    outer = _hair_outline(frame)
    return HairShape(outer, smooth_max(outer, -_hair_opening(frame), 0.10))
