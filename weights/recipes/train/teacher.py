"""A StyleGAN2 as the teacher of a generator without a mapping.

Undoing the mapping's last leaky ReLU makes its codes w nearly Gaussian (Menon et al., PULSE, CVPR 2020): noise stands
for them by their mean and covariance, one linear step, and the layers of the mapping need not be learned.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.generators.base import Generator
from core.generators.blocks import normalize_second_moment

SLOPE, CODES = 0.2, 50_000  # of the leaky ReLU; codes whose mean and covariance are taken
SCALES = (1, 2, 4)  # at which pixels are compared


def distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """Mean absolute difference at full size, plus that of the means over squares:
    an edge that lies beside its place is no reason to draw none.
    """
    differences = (F.avg_pool2d(ours - theirs, scale) if scale > 1 else ours - theirs for scale in SCALES)
    return sum(difference.abs().mean() for difference in differences)


class Teacher:
    """z [n, dim] of mean square 1 -> the StyleGAN2's pictures [n, 3, R, R] of the codes that z stands for."""

    @torch.no_grad()
    def __init__(self, generator: Generator):
        self.generator = generator
        z = torch.randn(CODES, generator.z_dim, generator=torch.Generator().manual_seed(1))
        before = F.leaky_relu(generator.map(z.to(generator.w_avg.device)), 1 / SLOPE)  # undoes the last one
        self.mean = before.mean(0)
        values, vectors = torch.linalg.eigh(torch.cov(before.T.double()))
        self.spread = (vectors * values.clamp(min=0).sqrt() @ vectors.T).float()

    def __call__(self, z: Tensor) -> Tensor:
        w = F.leaky_relu(normalize_second_moment(z) @ self.spread + self.mean, SLOPE)
        return self.generator(w[:, None].expand(-1, self.generator.slots, -1))
