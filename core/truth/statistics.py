"""What exact picture statistics say of a knob: the evidence for models whose pictures no reader was trained on.

Brightness, contrast, colour, light, centre of mass and edges are functions of the pixels with exact gradients. One
reverse pass a picture and statistic through the layers behind the knob gives the slope along every direction at once,
so each knob is compared with hundreds of random directions. A statistic says what the pixels do, not what is in the
picture.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..codes import Directions, codes_in_turn
from ..generators.base import Generator
from .worlds.base import Factor

FACTORS = (
    Factor("brightness", "brightness", "is darker", "is brighter"),
    Factor("contrast", "contrast", "has less contrast", "has more contrast"),
    Factor("red_green", "green-red colour", "is greener", "is redder"),
    Factor("yellow_blue", "blue-yellow colour", "is bluer", "is yellower"),
    Factor("light_side", "left-right light", "is brighter on the left", "is brighter on the right"),
    Factor("centre_x", "left-right centre of mass", "weighs more on the left", "weighs more on the right"),
    Factor("centre_y", "up-down centre of mass", "weighs more at the bottom", "weighs more at the top"),
    Factor("edges", "edge density", "has fewer edges", "has more edges"),
)
NAMES = tuple(factor.name for factor in FACTORS)

SEEDS, LEAST, RANDOM = 64, 16, 200  # pictures, the fewest that a budget may leave, random directions
RANDOM_SEED = 2_000_003
SAMPLED, FIRST_SAMPLED = 4096, 500_000  # codes over which a step is measured, as for the knobs themselves
LUMA = (0.2126, 0.7152, 0.0722)  # of red, green, blue: ITU-R BT.709
FRAME = 16  # the frame that shows the background is a 16th of a side wide
LEVEL = 1 / 255  # what stands out by less than this weighs nothing
ROUND = 1e-9  # rounds the tip of a square root, so that it has a slope at 0
CONSTANT = 1e-6  # a statistic that varies less over the pictures is a constant


# --- the statistics


def read(images: Tensor) -> Tensor:
    """Images [n, 3, R, R] in [-1, 1] (values outside are clamped, as when shown) -> [n, 8] float64, in FACTORS' order.

    Levels run from 0 (black) to 1 (white); luma Y = 0.2126 R + 0.7152 G + 0.0722 B (ITU-R BT.709).
    brightness: mean of Y, 0 to 1. contrast: standard deviation of Y over the pixels, 0 to 0.5 (RMS contrast; Peli,
    Contrast in complex images, JOSA A 1990). red_green, yellow_blue: means of R - G and (R + G) / 2 - B, -1 to 1 (the
    opponent axes of Hasler and Suesstrunk, Measuring colourfulness in natural images, HVEI 2003; a hue is an angle and
    would wrap around). light_side: mean of Y in the right half less that in the left, -1 to 1.
    centre_x, centre_y: centre of mass of what stands out from the background, see `centre`, -1 (left, bottom) to 1.
    edges: mean length of the gradient of Y, in levels a side of the picture: one upright edge from black to white is 1.
    Differentiable, and nearly the same at every resolution.
    """
    levels = (images.double().clamp(-1, 1) + 1) / 2
    red, green, blue = levels.unbind(1)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    contrast = _root(luma.var((1, 2), unbiased=False))
    half = luma.shape[2] // 2
    light_side = luma[:, :, -half:].mean((1, 2)) - luma[:, :, :half].mean((1, 2))
    colours = ((red - green).mean((1, 2)), ((red + green) / 2 - blue).mean((1, 2)))
    return torch.stack([luma.mean((1, 2)), contrast, *colours, light_side, *centre(levels), edges(luma)], 1)


def centre(levels: Tensor) -> tuple[Tensor, Tensor]:
    """Levels [n, 3, R, R] -> x, y, each [n], -1 (left, bottom) to 1 (right, top); 0, 0 where nothing stands out.

    The weight of a pixel is the square of its colour's distance from the background's.
    """
    weight = (levels - background(levels)[:, :, None, None]).square().sum(1)
    side = weight.shape[2]
    ruler = (torch.arange(side, dtype=weight.dtype, device=weight.device) + 0.5) * 2 / side - 1
    whole = weight.mean((1, 2)) + LEVEL**2
    return (weight * ruler).mean((1, 2)) / whole, (weight * -ruler[:, None]).mean((1, 2)) / whole


def background(levels: Tensor) -> Tensor:
    """[n, 3]: the interquartile mean of every channel over a frame a 16th of a side wide.

    As deaf as a median to what reaches into a quarter of the frame, but with a slope that many pixels share.
    """
    side = levels.shape[3]
    frame = torch.ones(side, side, dtype=torch.bool, device=levels.device)
    inner = slice(max(1, side // FRAME), -max(1, side // FRAME))
    frame[inner, inner] = False
    values = levels[:, :, frame].sort(2).values
    quarter = values.shape[2] // 4
    return values[:, :, quarter : values.shape[2] - quarter].mean(2)


def edges(luma: Tensor) -> Tensor:
    """[n, R, R] -> [n]: mean length of the Sobel gradient, in levels a side of the picture; the border is repeated."""
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=luma.dtype, device=luma.device) / 8
    padded = F.pad(luma[:, None], (1, 1, 1, 1), mode="replicate")
    slope = F.conv2d(padded, torch.stack([sobel, sobel.T])[:, None])
    return _root(slope.square().sum(1)).mean((1, 2)) * luma.shape[2]


def _root(x: Tensor) -> Tensor:
    return (x + ROUND**2).sqrt() - ROUND


# --- what a knob does to them


class Result(NamedTuple):
    """What the statistics say of k knobs.

    changes: [k, seeds, factors], slope times one step on every picture, in units of `spread`; 0 where that is 0.
    percentile: [k, factors], share (0 to 1) of the random directions whose |mean change| is smaller.
    spread: [factors], standard deviation over the same pictures. seeds, random: how many there were.
    """

    changes: Tensor
    percentile: Tensor
    spread: Tensor
    seeds: int
    random: int


class Step(NamedTuple):
    """done of total pictures; the last step has the result."""

    done: int
    total: int
    result: Result | None


def measure(
    generator: Generator,
    directions: Directions,
    steps: Tensor,
    *,
    psi: float,
    seeds: int = SEEDS,
    first_seed: int = 1_020_000,
    random: int = RANDOM,
    seconds: float | None = None,
) -> Iterator[Step]:
    """Changes of all statistics a step of every knob, beside those of random directions in the same slots.

    steps: [k], the length of one step (one standard deviation of w . v). Pictures are those of the seeds from
    `first_seed` on, at `psi`, classes in turn. Changes are to first order: the slope at the picture, times the step.
    Random directions are unit vectors of the knobs' shape, 0 outside of `movable`, each with a step of its own.
    seconds: a budget that may lower the number of pictures, to 16 at least. Yields after every picture. Raises
    ValueError, at the first step, where the arguments do not fit.

    A slope speaks of small turns. On the bundled StyleGAN2 (psi 0.7, 64 pictures, ten knobs of SeFa and ten of
    GANSpace) it has the sign of a turn of one step to either side on 93 % of pictures (87 % where it agrees least, in
    the left-right centre of mass) and in all 44 means of 0.3 or more; the strongest statistic of all 20 is the same.
    """
    _check(generator, directions, steps, seeds, random)
    view, slots = generator.at(psi=psi), list(directions.slots)
    codes = codes_in_turn(view, seeds, first_seed, psi=psi)
    readings, slopes, spent, total = [], [], 0.0, seeds
    while len(slopes) < total:
        began = time.perf_counter()
        reading, slope = slopes_of(view, codes[len(slopes) : len(slopes) + 1], slots)
        readings.append(reading)
        slopes.append(slope)
        spent += time.perf_counter() - began
        if seconds is not None:
            total = max(len(slopes), min(seeds, max(LEAST, int(seconds / spent * len(slopes)))))
        yield Step(len(slopes), total, None)
    chance = random_vectors(generator, directions, random)
    sizes = steps_of(codes_in_turn(generator, SAMPLED, FIRST_SAMPLED)[:, slots], chance)
    spread = torch.stack(readings).std(0)
    per_unit = torch.where(spread > CONSTANT, 1 / spread.clamp(min=CONSTANT), 0)
    changes, beside = (
        along(torch.stack(slopes), vectors, lengths) * per_unit
        for vectors, lengths in ((directions.vectors, steps), (chance, sizes))
    )
    size, other = changes.mean(1).abs(), beside.mean(1).abs()
    percentile = (other < size[:, None]).double().mean(1)
    yield Step(total, total, Result(changes, percentile, spread, total, random))


def _check(generator: Generator, directions: Directions, steps: Tensor, seeds: int, random: int) -> None:
    if seeds < 2 or random < 1:
        raise ValueError(
            f"{seeds} pictures and {random} random directions: give at least 2 pictures, to see how a "
            "statistic varies, and 1 random direction, to compare with"
        )
    if steps.shape != (len(directions),):
        raise ValueError(
            f"{len(directions)} directions need as many steps, not {list(steps.shape)}: take them from spread_along"
        )
    slots, dim = directions.slots, directions.vectors.shape[-1]
    if dim != generator.dim or not slots or max(slots) >= generator.slots:
        raise ValueError(
            f"directions for slots {slots} of {dim} numbers do not fit a model with {generator.slots} "
            f"slots of {generator.dim}: they were made for another model"
        )


def slopes_of(generator: Generator, codes: Tensor, slots: list[int]) -> tuple[Tensor, Tensor]:
    """Statistics [factors] of the picture of codes [1, slots, dim], and gradients [factors, len(slots), dim]; float64.

    Gradients are with respect to a shift of each slot's code, 0 outside of `movable`. Layers before the slots run once.
    """
    start, movable = generator.start(slots), torch.zeros(generator.dim, dtype=torch.float64)
    movable[generator.movable] = 1
    with torch.no_grad():
        state = generator.run(codes, stop=start) if start else None
    with torch.enable_grad():
        shift = torch.zeros_like(codes[0, slots], requires_grad=True)
        moved = codes.index_add(1, torch.tensor(slots, device=codes.device), shift[None])
        readings = read(generator.to_image(generator.run(moved, state, start=start)))[0]
        gradients = [torch.autograd.grad(reading, shift, retain_graph=True)[0] for reading in readings]
    return readings.detach().cpu(), torch.stack(gradients).cpu().double() * movable


def along(slopes: Tensor, vectors: Tensor, steps: Tensor) -> Tensor:
    """[n, factors, slots, dim], [k, dim] or [k, slots, dim], [k] -> first-order changes a step [k, n, factors]."""
    vectors = vectors.cpu().double() * steps.cpu().double().reshape(-1, *[1] * (vectors.ndim - 1))
    if vectors.ndim == 2:  # the same shift in every slot
        return torch.einsum("nfd,kd->knf", slopes.sum(2), vectors)
    return torch.einsum("nfsd,ksd->knf", slopes, vectors)


def random_vectors(generator: Generator, like: Directions, k: int) -> Tensor:
    """k unit vectors of the shape of like.vectors[0], uniform on the sphere of the movable columns; float64."""
    noise = torch.Generator().manual_seed(RANDOM_SEED)
    drawn = torch.randn(k, *like.vectors.shape[1:], generator=noise, dtype=torch.float64)
    vectors = torch.zeros_like(drawn)
    vectors[..., generator.movable] = drawn[..., generator.movable]
    return vectors / vectors.flatten(1).norm(dim=1).reshape(-1, *[1] * (vectors.ndim - 1))


def steps_of(codes: Tensor, vectors: Tensor) -> Tensor:
    """Codes [n, slots, dim], vectors [k, dim] or [k, slots, dim] -> [k]: the standard deviation of w . v."""
    if vectors.ndim == 2:
        return (codes.mean(1, dtype=torch.float64).cpu() @ vectors.T).std(0)
    return torch.einsum("nsd,ksd->nk", codes.cpu().double(), vectors).std(0)
