"""Low-pass filters between sampling rates, and the nonlinearity between two of them.

Karras et al., Alias-Free Generative Adversarial Networks, NeurIPS 2021, sections 3 and C.1. A filter along an axis is a
banded matrix. It is applied as a small dense matrix, the same one for every block of samples: more products than the
filter has, but all in matrix multiplications, which a processor does ten times as fast as short filters.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TAPS = 6  # of a filter, for each step of the rate between its two sides
STRIP, SHORT = 32, 52  # rows of the result that are made together; where there are so few, all of them
WHOLE = 160  # columns: an axis up to this long is one block
BLOCK = 16  # columns of the result in a block of a longer axis, and half as many as on the fine grid
AT_ONCE = 2**20  # numbers on the fine grid in memory at a time: 4 MB stay in the processor's cache
LANES = 16  # channels that a radial filter takes together
SLOPE = 0.2


# Filters


def low_pass(taps: int, *, cutoff: float, half_width: float, rate: float, radial: bool = False) -> Tensor:
    """[taps], or [taps, taps] where radial: a windowed sinc (radial: jinc) of sum 1, float32.

    cutoff, half_width (of the transition band) and rate (of the samples) in cycles per picture width.
    """
    attenuation = 2.285 * (taps - 1) * math.pi * (4 * half_width / rate) + 7.95
    window = torch.kaiser_window(taps, periodic=False, beta=_kaiser_beta(attenuation), dtype=torch.float64)
    at = (torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2) / rate
    if radial:
        distance = torch.hypot(at[:, None], at)  # an even number of taps: never 0
        kernel = (
            torch.special.bessel_j1(2 * math.pi * cutoff * distance)
            / (math.pi * distance)
            * torch.outer(window, window)
        )
    else:
        kernel = torch.sinc(2 * cutoff * at) * window
    return (kernel / kernel.sum()).float()


def _kaiser_beta(attenuation: float) -> float:
    """Kaiser's formula for the shape of his window, from the wanted attenuation in dB."""
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    return 0.0


# Along an axis


class Axis:
    """A filter that goes up or down along one axis, in blocks of which each has the same matrix.

    out[j] = sum over t of taps[t] z[j down + len(taps) - 1 - t], where z is the axis with up - 1 zeros after each
    sample and `low` zeros before the first (negative: so many less). `outputs` are needed, `made` are made; `reach`
    samples are read, beginning with number `first`. block: outputs of one block; several are a multiple of `up`.
    """

    def __init__(self, taps: int, outputs: int, block: int, *, up: int = 1, down: int = 1, low: int = 0):
        self.taps, self.up, self.down, self.low = taps, up, down, low
        self.block, many = block, -(-outputs // block)
        self.made, self.step = many * block, block * down // up
        self.first = -(low // up)
        self.width = ((self.block - 1) * down + taps - 1 - low) // up - self.first + 1
        self.reach = (many - 1) * self.step + self.width

    def matrix(self, kernel: Tensor) -> Tensor:
        """[width, block] of taps [taps], float64: what the samples of a block add to each of its outputs."""
        samples = (torch.arange(self.width) + self.first) * self.up + self.low
        t = (samples[:, None] - self.down * torch.arange(self.block)).to(kernel.device)
        taps = kernel.double().flip(0)[t.clamp(0, self.taps - 1)]
        return torch.where((t >= 0) & (t < self.taps), taps, 0.0)

    def along(self, x: Tensor, matrix: Tensor) -> Tensor:
        """[..., reach or more] -> [..., made]"""
        starts = range(0, self.reach - self.width + 1, self.step)
        blocks = [x[..., start : start + self.width] @ matrix for start in starts]
        return blocks[0] if len(blocks) == 1 else torch.cat(blocks, -1)


def _block(outputs: int, long: int) -> int:
    return outputs if outputs <= WHOLE else long


class FilteredNonlinearity(nn.Module):
    """Up to a fine grid, leaky ReLU times sqrt 2, clamp, and down again: [n, c, size, size] -> [n, c, to, to].

    up, down: factors. The filters [taps] or (down, radial) [taps, taps] are buffers; the matrices are made of them
    whenever they arrive. A strip of rows is done at a time, with the rows first in memory: [rows, channels, columns].
    """

    def __init__(self, size: int, to: int, filters: tuple[Tensor, Tensor], *, up: int, down: int, clamp: float | None):
        super().__init__()
        self.to, self.down, self.clamp = to, down, clamp
        self.gain = up * 2**0.25  # on each axis: leaky ReLU keeps factors, so its sqrt 2 stands before it
        rising, falling = len(filters[0]), len(filters[1])
        low = ((to - 1) * down + 1 - size * up + rising + falling - 2 + up) // 2
        strip = to if to <= SHORT else STRIP
        self.falling_rows = Axis(falling, strip, strip, down=down)
        fine = self.falling_rows.reach
        self.rising_rows = Axis(rising, fine, fine, up=up, low=low)
        self.falling = Axis(falling, to, _block(to, BLOCK), down=down)
        self.rising = Axis(rising, self.falling.reach, _block(self.falling.reach, 2 * BLOCK), up=up, low=low)
        self.step = strip * down // up  # samples from strip to strip
        self.starts = range(0, to, strip)
        rows = (len(self.starts) - 1) * self.step + self.rising_rows.reach
        before = -self.rising.first
        self.margins = (before, self.rising.reach - size - before, 0, 0, 0, 0, before, rows - size - before)
        self.register_buffer("up_filter", filters[0])
        self.register_buffer("down_filter", filters[1])
        self._make_matrices()
        self.register_load_state_dict_post_hook(_made_again)

    def _make_matrices(self) -> None:
        """Not in the state dict: the filters say it all."""
        axes = dict(rise=self.rising, rise_rows=self.rising_rows, fall=self.falling, fall_rows=self.falling_rows)
        for name, axis in axes.items():
            rises, kernel = name.startswith("rise"), self.up_filter if name.startswith("rise") else self.down_filter
            if kernel.ndim == 1:
                matrix = axis.matrix(kernel) * (self.gain if rises else 1)
                self.register_buffer(name, matrix.to(kernel.dtype), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.into(None, x, 0, x.shape[1])

    def into(self, out: Tensor | None, x: Tensor, first: int, channels: int) -> Tensor:
        """`out` [n, channels, to, to] (None: a new one) with the result for x [n, c, ...] as its channels first, ..."""
        n = len(x)
        many = max(1, AT_ONCE // (n * self.rising_rows.made * self.rising.made))
        many = -(-many // LANES) * LANES if self.down_filter.ndim == 2 else many
        for part in x.split(many, 1):
            rows_first = F.pad(part.permute(2, 0, 1, 3), self.margins)
            for strip, start in enumerate(self.starts):
                rows = rows_first[strip * self.step :][: self.rising_rows.reach]
                made = self._filtered(rows.flatten(1, 2))[: self.to - start, :, : self.to]
                made = made.unflatten(1, (n, -1)).permute(1, 2, 0, 3)
                if out is None:
                    out = made.new_empty(n, channels, self.to, self.to)
                out[:, first : first + part.shape[1], start : start + made.shape[2]] = made
            first += part.shape[1]
        return out

    def _filtered(self, x: Tensor) -> Tensor:
        """[rows, c, columns] of one strip -> [strip, c, columns or more]"""
        x = self.rising.along(x, self.rise)
        radial = self.down_filter.ndim == 2
        x = x.transpose(1, 2) if radial else x  # channels last: their filter runs ten times as fast so
        x = (self.rise_rows.T @ x.flatten(1)).unflatten(1, x.shape[1:])
        x = F.leaky_relu_(x, SLOPE)
        if self.clamp is not None:
            x = x.clamp(-self.clamp, self.clamp)
        if radial:
            kernel = self.down_filter.flip(0, 1).to(x.dtype).expand(x.shape[2], 1, -1, -1)
            x = F.conv2d(x.permute(2, 0, 1)[None], kernel, stride=self.down, groups=x.shape[2])
            return x[0].permute(1, 0, 2)
        x = (self.fall_rows.T @ x.flatten(1)).unflatten(1, x.shape[1:])
        return self.falling.along(x, self.fall)


def _made_again(module: FilteredNonlinearity, _incompatible: object) -> None:
    module._make_matrices()
