"""Path-length regularisation: a step in w of a given length changes every picture by the same amount.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, CVPR 2020, section 3.2 and equation 4.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.generators.base import Generator

EVERY, SHRINK = 4, 2  # steps from one penalty to the next; it is taken over 1 / SHRINK of a batch (appendix B)
DECAY = 0.01  # of the running mean of all lengths


class PathLength:
    """The penalty E (|J^T y| - a)^2, where J is the Jacobian of the picture with respect to w and y a noise picture.

    mean: the target a, a running mean of the lengths.
    """

    def __init__(self, mean: float = 0.0):
        self.mean = mean

    def penalty(self, generator: Generator, codes: Tensor, random: torch.Generator) -> Tensor:
        """A scalar with a graph; codes [n, slots, dim] have to require gradients. Updates `mean`."""
        lengths = path_lengths(generator, codes, random)
        self.mean += DECAY * (lengths.mean().item() - self.mean)
        return (lengths - self.mean).square().mean()


def path_lengths(generator: Generator, codes: Tensor, random: torch.Generator) -> Tensor:
    """[n]: |J^T y|, the root mean square over the slots; y is N(0, 1) over the root of the number of pixels."""
    images = generator(codes)
    noise = torch.randn(images.shape, generator=random).to(images) / math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad((images * noise).sum(), codes, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()
