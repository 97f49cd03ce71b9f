"""The parts of a portrait, back to front."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..drawing import (
    as_field,
    colour_between,
    constant_colour,
    ellipse,
    mix,
    smooth_max,
)
from .geometry import (
    CHEEK_PLACE,
    EAR_AZIMUTH,
    EYE_PLACE,
    EYE_WHITE,
    GROUND_BLUE,
    GROUND_ROSE,
    HEAD_CENTRE,
    IRIS,
    LID,
    LINE,
    MOUTH_GAP,
    MOUTH_INSIDE,
    MOUTH_PLACE,
    NOSE_PLACE,
    PUPIL,
    RIM,
    SHIRT_AMBER,
    SHIRT_TEAL,
    TEETH,
    Canvas,
    Frame,
    HairShape,
    Pair,
    Palette,
    anchor_at,
    pair_at,
)

# ---------------------------------------------------------------- parts, back to front


def paint_background(canvas: Canvas, frame: Frame) -> None:
    colour = colour_between(GROUND_BLUE, GROUND_ROSE, frame.value["background_warmth"])
    colour = colour * mix(0.42, 1.05, frame.value["background_tone"])[:, None]
    glow = 1.0 + 0.10 * as_field(frame.light) * frame.x + 0.06 * frame.y
    canvas.image.copy_(colour[:, :, None, None] * glow[:, None])


def paint_shoulders(canvas: Canvas, frame: Frame) -> None:
    colour = colour_between(SHIRT_TEAL, SHIRT_AMBER, frame.value["shirt_colour"])
    shade = 0.95 + 0.18 * as_field(frame.light) * frame.x + 0.0 * frame.y
    one = torch.ones_like(frame.light)[:, None, None]
    body = ellipse(frame.x, frame.y + 1.34, one * 0.95, one * 0.60)
    canvas.paint("shirt", colour, canvas.cover(body), shade)
    collar = ellipse(frame.x, frame.y + 0.72, one * 0.34, one * 0.17)
    canvas.paint("shirt", colour * 0.62, canvas.cover(torch.maximum(collar, body)), shade)


def paint_back_hair(canvas: Canvas, frame: Frame, palette: Palette, hair: HairShape) -> None:
    canvas.paint("hair", palette.hair * 0.70, canvas.cover(hair.outer), frame.shade)


def paint_neck(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    one = torch.ones_like(frame.light)[:, None, None]
    column = smooth_max(frame.head_x.abs() - 0.23, frame.head_y.abs() - 0.74, 0.1)
    collar = ellipse(frame.x, frame.y + 0.72, one * 0.27, one * 0.12)
    neck = torch.lerp(palette.skin, palette.line, 0.55)
    canvas.paint("skin", neck, canvas.cover(torch.minimum(column, collar)), frame.shade)


def paint_head(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    canvas.paint("skin", palette.line, canvas.cover(frame.head - 0.02), frame.shade)
    canvas.paint("skin", palette.skin, canvas.cover(frame.head + LINE - 0.02), frame.shade)
    blush = palette.skin * torch.tensor((1.08, 0.84, 0.82), device=palette.skin.device)
    spot = pair_at(frame, CHEEK_PLACE)
    soft = (1.0 - (spot.outward.square() + spot.up.square()) / 0.025).clamp_(min=0.0)
    canvas.paint(None, blush, soft * canvas.cover(frame.head), frame.shade, 0.6)


def paint_ears(canvas: Canvas, frame: Frame, palette: Palette) -> None:
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


def paint_eyes(canvas: Canvas, frame: Frame, spot: Pair) -> None:
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


def paint_brows(canvas: Canvas, frame: Frame, palette: Palette, spot: Pair) -> None:
    height = as_field(_half_eye(frame.value)[1] * 0.5 + 0.195)
    tilt = as_field((frame.value["brow_tilt"] - 0.42) * 1.10)
    level = spot.up - height + tilt * spot.outward + 1.6 * spot.outward.square()
    # Thick near the nose, thinner outwards.
    shape = smooth_max(level.abs() - (0.041 - 0.05 * spot.outward), spot.outward.abs() - 0.155, 0.04)
    canvas.paint("brows", palette.brows, canvas.cover(shape), frame.shade)


def paint_nose(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    size = as_field(mix(0.060, 0.155, frame.value["nose_size"]))
    spot = anchor_at(frame, NOSE_PLACE, lift=1.16)
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


def mouth_shape_of(frame: Frame) -> MouthShape:
    smile, opened = frame.value["smile"], frame.value["mouth_open"]
    half_x = as_field(mix(0.165, 0.225, smile))
    spot = anchor_at(frame, MOUTH_PLACE)
    bend = (spot.across / half_x).square().clamp_(max=1.6) - 0.45
    height = spot.up - bend * as_field(mix(-0.075, 0.155, smile))
    gap = as_field(MOUTH_GAP + 0.080 * opened)
    lips = ellipse(spot.across, height, half_x + 0.015, gap + 0.057)
    inside = ellipse(spot.across, height, half_x - 0.02, gap)
    return MouthShape(lips, inside, height)


def paint_mouth(canvas: Canvas, frame: Frame, palette: Palette, mouth: MouthShape) -> None:
    opened = frame.value["mouth_open"]
    canvas.paint("mouth", palette.lips, canvas.cover(mouth.lips), frame.shade)
    inside = canvas.cover(mouth.inside)
    canvas.paint("mouth", constant_colour(opened, MOUTH_INSIDE), inside)
    # Teeth grow down from the upper lip; fading them in would pass through the tone of the skin.
    upper = canvas.cover(as_field(MOUTH_GAP + (0.080 - 0.105) * opened) - mouth.height)
    canvas.paint("mouth", constant_colour(opened, TEETH), torch.minimum(upper, inside))


def paint_beard(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    amount = frame.value["beard"]
    middle = anchor_at(frame, MOUTH_PLACE)
    size = (amount - 0.5).clamp(min=0.0) * 2.0
    jaw = frame.head - as_field(mix(0.01, 0.10, size)) * (-(frame.head_y + 0.15) * 2.5).clamp(0.0, 1.0)
    # A moustache, then an edge that sags beside the mouth and climbs to the ears.
    aside = middle.across.abs()
    sag, climb = 0.55 * (aside - 0.06).clamp(0.0, 0.22), 0.75 * (aside - 0.26).clamp_(0.0, 0.42)
    edge = as_field(mix(0.10, 0.14, size)) - sag + climb
    shape = smooth_max(jaw, (middle.up - edge) * 0.8, 0.06)
    canvas.paint("beard", palette.beard, canvas.cover(shape), frame.shade, as_field((amount * 2.0).clamp(max=1.0)))


def paint_front_hair(canvas: Canvas, frame: Frame, palette: Palette, hair: HairShape) -> None:
    canvas.paint("hair", palette.hair * 0.58, canvas.cover(hair.front - 0.01), frame.shade)
    canvas.paint("hair", palette.hair, canvas.cover(hair.front + LINE - 0.01), frame.shade)
    across = frame.head_x - as_field(0.30 * frame.light)
    glow = (1.0 - (across / 0.42).square() - ((frame.head_y - 0.66) / 0.16).square()).clamp_(min=0.0)
    shine = torch.lerp(palette.hair, torch.ones_like(palette.hair), 0.5)
    canvas.paint(None, shine, glow * canvas.cover(hair.front + LINE), None, 0.42)


def paint_glasses(canvas: Canvas, frame: Frame, spot: Pair) -> None:
    amount = frame.value["glasses"]
    size = (amount - 0.5).clamp(min=0.0) * 2.0
    shown = as_field((amount * 2.0).clamp(max=1.0))
    half_x, half_y = as_field(mix(0.190, 0.225, size)), as_field(mix(0.155, 0.195, size))
    half_rim = as_field(mix(0.026, 0.036, size))
    lens = ellipse(spot.outward, spot.up + 0.025, half_x, half_y)
    canvas.paint(None, constant_colour(amount, EYE_WHITE), canvas.cover(lens), None, shown * 0.16)
    temple = torch.maximum((spot.up - 0.03).abs() - half_rim, half_x - spot.outward)
    temple = torch.maximum(temple, torch.maximum(spot.outward - 0.36, frame.head))
    middle = anchor_at(frame, (0.0, EYE_PLACE[1]))
    bridge = torch.maximum(middle.across.abs() - 0.07, (middle.up - 0.03).abs() - half_rim)
    rims = torch.minimum(torch.minimum(lens.abs() - half_rim, temple), bridge)
    canvas.paint("glasses", constant_colour(amount, RIM), canvas.cover(rims), None, shown)
