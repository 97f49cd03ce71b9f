"""Pictures of one class have to differ as much as its renders do, as a whole and in each of 16 places.

A class-conditional game can answer every class with one look: the critic sees few pictures of a class at once.
As in mode seeking (Mao et al., CVPR 2019) pictures of one class and different z are pushed apart, but only as long as
they are closer than two renders of the class are on average, so that it asks for no variety that is not there.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

POOL, PLACES, PAIRS = 4, 4, 512  # squares of 4 x 4 pixels, 4 x 4 places; pairs of renders a class


def apart(x: Tensor, y: Tensor) -> Tensor:
    """[n, 1 + 16]: mean absolute difference over squares; that of the mean colour of each place."""
    difference = (x - y).float()
    squares = F.avg_pool2d(difference, POOL).abs().mean((1, 2, 3))
    places = F.adaptive_avg_pool2d(difference, PLACES).abs().mean(1).flatten(1)
    return torch.cat([squares[:, None], places], 1)


@torch.no_grad()
def variety(bank: Tensor, rows: list[Tensor]) -> Tensor:
    """[classes, 17]: how far two renders of a class are apart on average.

    bank: uint8 [n, 3, R, R]. rows: those of each class.
    """
    random = torch.Generator().manual_seed(0)

    def some(of: Tensor) -> Tensor:
        picked = of[torch.randint(0, len(of), (PAIRS,), generator=random)]
        return bank[picked.to(bank.device)].float() / 127.5 - 1

    return torch.stack([apart(some(of), some(of)).mean(0) for of in rows])


def too_alike(fake: Tensor, wanted: Tensor) -> Tensor:
    """0 where pictures of a class are as far apart as `wanted` [classes, 17]; fake [n, 3, R, R]: classes in turn."""
    classes = len(wanted)
    following = fake.roll(-classes, 0)  # the next picture of the same class
    share = apart(fake, following).unflatten(0, (-1, classes)).mean(0) / wanted
    missing = (1 - share).clamp(min=0).square()
    return missing[:, 0].mean() + missing[:, 1:].mean()
