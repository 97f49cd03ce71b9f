"""What every rendered world draws with: random numbers that are functions of the seed, soft shapes, colours."""

from __future__ import annotations

import torch
from torch import Tensor


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


_STEP, _MIX_A, _MIX_B = (_signed(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def _hash(counter: Tensor) -> Tensor:
    """SplitMix64's finaliser on int64 (wrapping), any shape."""

    def shifted(x: Tensor, bits: int) -> Tensor:
        return (x >> bits) & ((1 << (64 - bits)) - 1)

    x = counter * _STEP + _STEP
    x = (x ^ shifted(x, 30)) * _MIX_A
    x = (x ^ shifted(x, 27)) * _MIX_B
    return x ^ shifted(x, 31)


def uniform(seeds: Tensor, stream: int, count: int) -> Tensor:
    """[n, count] float32 in [0, 1), a function of seed, stream and column only."""
    columns = torch.arange(count, dtype=torch.int64) + stream * count
    bits = _hash(_hash(seeds)[:, None] ^ _hash(columns + (1 << 40))[None])
    return ((bits >> 40) & 0xFFFFFF).float() / float(1 << 24)


def as_field(value: Tensor) -> Tensor:
    """[n] -> [n, 1, 1], to meet pixel fields."""
    return value[:, None, None]


def mix(low: float, high: float, amount: Tensor) -> Tensor:
    return low + (high - low) * amount


def smoothstep(x: Tensor) -> Tensor:
    x = x.clamp(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def smooth_max(a: Tensor, b: Tensor, radius: float) -> Tensor:
    overlap = (radius - (a - b).abs()).clamp_(min=0.0)
    return torch.maximum(a, b) + overlap * overlap * (0.25 / radius)


def ellipse(x: Tensor, y: Tensor, half_x: Tensor, half_y: Tensor) -> Tensor:
    """Approximate signed distance to an ellipse; half axes [n, 1, 1]."""
    p, q = x / half_x, y / half_y
    length = (p * p + q * q).sqrt_()
    slope = ((p / half_x).square_() + (q / half_y).square_()).sqrt_().add_(1e-4)
    return length * (length - 1.0) / slope


def constant_colour(like: Tensor, values: tuple[float, ...]) -> Tensor:
    """A constant colour as [n, 3]."""
    return torch.tensor(values, device=like.device).expand(like.shape[0], 3)


def colour_between(low: tuple[float, ...], high: tuple[float, ...], amount: Tensor) -> Tensor:
    return torch.lerp(constant_colour(amount, low), constant_colour(amount, high), amount[:, None])


def colour_ramp(colours: tuple[tuple[float, ...], ...], amount: Tensor) -> Tensor:
    """Piecewise linear path through `colours`, amount [n] -> [n, 3]."""
    table = torch.tensor(colours, device=amount.device)
    position = amount.clamp(0.0, 1.0) * (len(colours) - 1)
    index = position.floor().clamp(max=len(colours) - 2).long()
    return torch.lerp(table[index], table[index + 1], (position - index)[:, None])
