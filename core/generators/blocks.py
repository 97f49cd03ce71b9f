"""Equalised layers, the resampling filter and the 3 x 3 convolution that the architectures share.

Weights are stored as N(0, 1) and scaled at run time (Karras et al., Progressive Growing of GANs, ICLR 2018,
section 4.1). Feature maps lie channels-last in memory, the layout that convolutions on a CPU read fastest.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import shallow

SQRT2 = math.sqrt(2)
FUSED_FROM = 32  # pixels of the result: below, summing the kernel costs more than it saves


def lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * SQRT2


def widened(x: Tensor) -> Tensor:
    """Half precision becomes float32; float64 stays, so that derivatives can be checked."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def channels_last(x: Tensor) -> Tensor:
    """[n, c, h, w], laid out pixel by pixel in memory; unlike `contiguous`, this goes through torch.func."""
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


class Convolution(nn.Module):
    """What the layers with a kernel share: `weight` [o, i, k, k], N(0, 1), and the `gain` that it is scaled by."""

    weight: nn.Parameter
    gain: float
    transposed = False  # is the kernel read by a transposed convolution?

    def kernel(self) -> Tensor:
        """[o, i, k, k], gain included."""
        return self.weight if self.gain == 1 else self.weight * self.gain

    def prepared(self, dtype: torch.dtype) -> Convolution:
        """A view for drawing: the kernel scaled, laid out channels-last and cast to `dtype` once, not at every call."""
        view, kernel = shallow(self), self.kernel().detach()
        kernel = channels_last(kernel.transpose(0, 1)).transpose(0, 1) if self.transposed else channels_last(kernel)
        weight = nn.Parameter(kernel.to(dtype), requires_grad=False)
        view.__dict__["_parameters"] = self._parameters | dict(weight=weight)
        view.gain = 1.0
        return view


def normalize_second_moment(x: Tensor) -> Tensor:
    """[n, d] scaled so that the mean of each row's squares is 1."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class EqualLinear(nn.Module):
    """y = x (gain W)^T + lr_mul b; `lr_mul` slows learning without changing the function at initialisation."""

    def __init__(self, fan_in: int, fan_out: int, *, bias: float = 0.0, lr_mul: float = 1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(fan_out, fan_in) / lr_mul)
        self.bias = nn.Parameter(torch.full((fan_out,), bias / lr_mul))
        self.gain, self.lr_mul = lr_mul / math.sqrt(fan_in), lr_mul

    def effective_weight(self) -> Tensor:
        return self.weight * self.gain

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.effective_weight().to(x.dtype), (self.bias * self.lr_mul).to(x.dtype))


class EqualConv2d(Convolution):
    """A convolution with equalised rate;
    `down` averages 2 x 2 outputs, folded into a kernel one larger with stride 2.
    """

    def __init__(self, fan_in: int, fan_out: int, kernel: int, *, bias: bool = True, down: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(fan_out, fan_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(fan_out)) if bias else None
        self.gain, self.padding, self.down = 1 / math.sqrt(fan_in * kernel**2), kernel // 2, down

    def forward(self, x: Tensor) -> Tensor:
        weight, stride = self.kernel(), 1
        if self.down:  # mean over 2 x 2 of a k x k convolution = one (k + 1) x (k + 1) convolution of stride 2
            weight, stride = F.avg_pool2d(F.pad(weight, (1, 1, 1, 1)), 2, stride=1), 2
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.conv2d(x, weight.to(x.dtype), bias, stride=stride, padding=self.padding)

    def of_doubled(self, x: Tensor) -> Tensor:
        """A 3 x 3 kernel's result for the picture doubled by repetition: [n, i, h, w] -> [n, o, 2h, 2w]."""
        return doubled_conv(x, self.kernel().to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


def conv3x3(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A 3 x 3 convolution [o, i, 3, 3] of [n, i, h, w] that keeps the size; `bias` [o]. Computed in the type of x."""
    weight, bias = weight.to(x.dtype), None if bias is None else bias.to(x.dtype)
    return F.conv2d(x, weight, bias, padding=1)


def framed_conv(x: Tensor, frame: Tensor, weight: Tensor) -> Tensor:
    """`conv3x3` of [n, i, h, w] inside of a frame [1 or n, i, h + 2, w + 2] whose inner h x w are zeros."""
    return F.conv2d(channels_last(F.pad(x, (1, 1, 1, 1)) + frame.to(x.dtype)), weight.to(x.dtype))


def fir_kernel(channels: int, *, gain: float, like: Tensor) -> Tensor:
    """[channels, 1, 4, 4]: the outer product of [1, 3, 3, 1] with sum `gain`."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], device=like.device, dtype=torch.float32)
    kernel = taps[:, None] * taps * (gain / taps.sum() ** 2)
    return kernel.to(like.dtype).expand(channels, 1, 4, 4).contiguous()


def smooth(x: Tensor) -> Tensor:
    """[n, c, 2h + 1, 2w + 1] after a transposed convolution -> [n, c, 2h, 2w]: the filter that up-sampling needs."""
    channels = x.shape[1]
    return F.conv2d(x, fir_kernel(channels, gain=4, like=x), padding=1, groups=channels)


def upsample_rgb(rgb: Tensor) -> Tensor:
    """[n, c, h, w] -> [n, c, 2h, 2w] by zero insertion and the same filter."""
    channels = rgb.shape[1]
    return F.conv_transpose2d(rgb, fir_kernel(channels, gain=4, like=rgb), stride=2, padding=1, groups=channels)


def doubled(x: Tensor) -> Tensor:
    """[n, c, h, w] -> [n, c, 2h, 2w] by repetition."""
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def doubled_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A 3 x 3 convolution [o, i, 3, 3] of the doubled picture: [n, i, h, w] -> [n, o, 2h, 2w]."""
    if 2 * x.shape[-1] < FUSED_FROM:
        return F.conv2d(doubled(x), weight, bias, padding=1)
    # One transposed convolution with the kernel's 2 x 2 sums: the same function with 4 / 9 of the multiplications.
    summed = F.avg_pool2d(F.pad(weight.flip(2, 3), (1, 1, 1, 1)), 2, stride=1) * 4
    return F.conv_transpose2d(x, summed.transpose(0, 1), bias, stride=2, padding=1)
