"""Colours at every frequency have to be as strong as in renders, not stronger: no weave from upsampling.

Durall et al., Watch your Up-Convolution, CVPR 2020, add a loss on the spectrum to the generator's. Here it is of two
colour differences, where a critic of pixels sees little, and asks only for less where there is too much.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.truth.spectra import chroma_power

RENDERS = 4_000


@torch.no_grad()
def wanted_power(bank: Tensor) -> Tensor:
    """[2, R, R / 2 + 1]: what `chroma_power` finds in the first renders of a bank, uint8 [n, 3, R, R]."""
    parts = bank[:RENDERS].split(500)
    powers = [chroma_power(part.float() / 127.5 - 1) * len(part) for part in parts]
    return torch.stack(powers).sum(0) / len(bank[:RENDERS])


def too_colourful(fake: Tensor, wanted: Tensor) -> Tensor:
    """A scalar: the squared logarithm of how many times the wanted power there is, where there is more of it.

    fake: [n, 3, R, R] in [-1, 1], one batch. wanted: [2, R, R / 2 + 1].
    """
    least = 1e-6 * wanted.amax()  # of rounding
    times = (chroma_power(fake) + least) / (wanted.to(fake.device) + least)
    return F.relu(times.log()).square().mean()
