"""Pictures of one class have to differ as much as its renders do.

A class-conditional game can answer every class with one look: the critic sees few pictures of a class at once.
As in mode seeking (Mao et al., CVPR 2019) pictures of one class and different z are pushed apart, but only as long as
they are closer than two renders of the class are on average, so that it asks for no variety that is not there.
"""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

POOL, PAIRS = 4, 512                # squares of 4 x 4 pixels are compared; pairs of renders a class


def apart(x: Tensor, y: Tensor) -> Tensor:
    """[n]: mean absolute difference of the pictures' means over squares."""
    return F.avg_pool2d((x - y).float(), POOL).abs().mean((1, 2, 3))


@torch.no_grad()
def variety(bank: Tensor, rows: list[Tensor]) -> Tensor:
    """[classes]: how far two renders of a class are apart on average; bank uint8 [n, 3, R, R], rows of each class."""
    random = torch.Generator().manual_seed(0)

    def some(of: Tensor) -> Tensor:
        picked = of[torch.randint(0, len(of), (PAIRS,), generator=random)]
        return bank[picked.to(bank.device)].float() / 127.5 - 1
    return torch.stack([apart(some(of), some(of)).mean() for of in rows])


def too_alike(fake: Tensor, wanted: Tensor) -> Tensor:
    """0 where pictures of a class are as far apart as `wanted` [classes]; fake [n, 3, R, R]: the classes in turn."""
    classes = len(wanted)
    following = fake.roll(-classes, 0)                      # the next picture of the same class
    share = apart(fake, following).reshape(-1, classes).mean(0) / wanted
    return (1 - share).clamp(min=0).square().mean()
