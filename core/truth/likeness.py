"""Who is like whom, in words: the nearest and the farthest class, and whether classes of one family are alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .worlds import load_world

SHUFFLES = 1_000  # of the families


class Kinship(NamedTuple):
    """gap: by how much pairs of one family are more alike than others. p: share of shuffled families as far apart."""

    gap: float
    p: float


def kinship(found: Tensor, families: Mapping[str, Collection[str]], names: Sequence[str]) -> Kinship:
    """A permutation test on likeness [classes, classes]; every name is in one family."""
    of = torch.tensor([next(k for k, members in enumerate(families.values()) if name in members) for name in names])
    pairs = torch.triu(torch.ones_like(found), 1).bool()

    def gap(labels: Tensor) -> float:
        same = (labels[:, None] == labels) & pairs
        return float(found[same].mean() - found[pairs & ~same].mean())

    random, real = torch.Generator().manual_seed(0), gap(of)
    beaten = sum(gap(of[torch.randperm(len(of), generator=random)]) >= real for _ in range(SHUFFLES))
    return Kinship(real, (beaten + 1) / (SHUFFLES + 1))


def by_likeness(found: Tensor, label: int) -> list[int]:
    """The other classes, the one most like `label` first; found: [classes, classes]."""
    return [i for i in found[label].argsort(descending=True, stable=True).tolist() if i != label]


def likeness_sentence(found: Tensor, names: Sequence[str], label: int, world: str | None) -> str:
    """The classes most and least like `label`, and whether the families of the world, where it has some, show."""
    (best, *_, least), row = 2 * by_likeness(found, label), found[label]
    said = (
        f"{names[label][:1].upper()}{names[label][1:]} is most like {names[best]} ({row[best]:+.2f}) "
        f"and least like {names[least]} ({row[least]:+.2f}; 1: the same channels, 0: unrelated)."
    )
    families = getattr(load_world(world), "FAMILIES", None) if world else None
    if families and set(names) == {name for members in families.values() for name in members}:
        kin = kinship(found, families, names)
        said += (
            f" Families, which nobody told the network about: relatives are {kin.gap:+.2f} more alike than "
            f"strangers (p = {kin.p:.3f}, {SHUFFLES} permutations)."
        )
    return said.replace("-0.", "−0.").replace("-1.", "−1.")
