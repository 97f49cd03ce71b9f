"""Spectra of colour: a weave that upsampling leaves shows at the finest scale of the colours before it shows in light.

Durall et al., Watch your Up-Convolution: CNN Based Generative Deep Neural Networks are Failing to Reproduce Spectral
Distributions, CVPR 2020, compare spectra of generated pictures with those of real ones; here of two colour differences.
"""

from __future__ import annotations

import torch
from torch import Tensor

FINEST = 3  # cycles: from R / 2 - FINEST to R / 2 - 1


def colour_differences(images: Tensor) -> Tensor:
    """Images [n, 3, R, R] -> [n, 2, R, R]: red minus blue, and green minus the mean of both."""
    red, green, blue = images.unbind(1)
    return torch.stack([red - blue, green - (red + blue) / 2], 1)


def chroma_power(images: Tensor) -> Tensor:
    """[2, R, R / 2 + 1]: the power of either colour difference at every frequency, the mean over images [n, 3, R, R].

    The mean colour of each picture is left out.
    """
    differences = colour_differences(images.float())
    differences = differences - differences.mean((2, 3), keepdim=True)
    return torch.fft.rfft2(differences, norm="ortho").abs().square().mean(0)


@torch.no_grad()
def fine_chroma(images: Tensor, renders: Tensor) -> float:
    """How many times the colour energy of renders images have at the finest scale; both [n, 3, R, R].

    The larger ratio of both colour differences and of both ways: R / 2 - 3 to R / 2 - 1 cycles across, at most one
    down, or the other way round. About 1 for renders of other seeds; a weave in the colours makes it large.
    """
    half = images.shape[-1] // 2
    finest, slow = slice(half - FINEST, half), [0, 1, -1]
    ours, theirs = (chroma_power(some) for some in (images, renders))
    ratios = [
        (power(ours).sum((1, 2)) / power(theirs).sum((1, 2))).amax()
        for power in (lambda of: of[:, slow, finest], lambda of: of[:, finest, :2])
    ]
    return float(max(ratios))
