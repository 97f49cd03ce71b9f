"""Repairing artefacts: a boundary between pictures that look right to a network's critic and those that do not.

Shen et al., Interpreting the Latent Space of GANs for Semantic Face Editing, CVPR 2020, section 4.4: "quality" is an
attribute like others, its boundary lies in the PGGAN's z, and moving along its normal repairs pictures. There people
labelled the pictures; here the critic that the network was trained with does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ..codes import Directions
from ..critics import Critic
from ..generators.base import Generator
from .interfacegan import boundaries

BATCH = 64


class Scored(NamedTuple):
    """scores [n]: of the pictures so far, higher for "looks like the data"; done: share of all, 0 to 1."""

    scores: Tensor
    done: float


@torch.no_grad()
def critic_scores(
    generator: Generator, critic: Critic, codes: Tensor, labels: Tensor | None = None, *, batch: int = BATCH
) -> Iterator[Scored]:
    """The critic's scores of the pictures of codes [n, slots, dim], in batches: a Scored after each.

    labels: [n], for a critic with classes. A critic compares pictures in groups of its `group`, so a score depends a
    little on the pictures beside it: give them in one order, `batch` a multiple of the group.
    """
    found: list[Tensor] = []
    for i in range(0, len(codes), batch):
        images = generator(codes[i : i + batch]).clamp(-1, 1)
        found.append(critic(images, None if labels is None else labels[i : i + batch]).double().cpu())
        yield Scored(torch.cat(found), min(1.0, (i + batch) / len(codes)))


def quality(
    generator: Generator, codes: Tensor, scores: Tensor, slots: tuple[int, ...] | None = None, *, fit: str = "svm"
) -> Directions:
    """One direction, towards what the critic takes for real, from codes [n, slots, dim] and its scores [n].

    fit: of `interfacegan.FITS`; "svm" as published, between the ends of the scores. Raises ValueError as
    `interfacegan.boundaries`.
    """
    return boundaries(generator, codes, scores[:, None], slots, fit=fit).directions
