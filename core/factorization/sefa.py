"""SeFa: the directions that the first affine map after the code amplifies most are the strongest edits.

Shen and Zhou, Closed-Form Factorization of Latent Semantics in GANs, CVPR 2021 (arXiv 2007.06600).
"""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ..codes import Directions, canonical_sign, checked_slots
from ..generators.base import Generator

MODES = ("paper", "official")
_grams: WeakKeyDictionary[Generator, dict[tuple[int, str], Tensor]] = WeakKeyDictionary()


def sefa(generator: Generator, slots: Iterable[int] | None = None, *, k: int = 10, mode: str = "paper") -> Directions:
    """The k unit directions n with the largest |A n|^2, strongest first;
    scores are these values (eigenvalues of A^T A).

    A stacks the maps by which `slots` (None: all) read their codes. mode "paper": A as the network applies it, gain
    included; "official": every row of A scaled to unit length, as the published code does (rows of zeros stay zero).
    float64. Raises ValueError for slots, k or mode that the generator does not have.
    """
    slots = checked_slots(generator, slots)
    if mode not in MODES:
        raise ValueError(f"no mode {mode!r}: 'paper' (gains as in the network) or 'official' (rows normalised)")
    movable = range(generator.dim)[generator.movable]
    if not 1 <= k <= len(movable):
        raise ValueError(f"k = {k}: this generator has 1 to {len(movable)} directions")
    gram = sum(_gram(generator, slot, mode) for slot in slots)  # A^T A, exactly the sum over the slots
    scores, vectors = torch.linalg.eigh(gram[generator.movable, generator.movable])  # ascending
    directions = torch.zeros(k, generator.dim, dtype=torch.float64)
    directions[:, generator.movable] = vectors.T.flip(0)[:k]
    return Directions(canonical_sign(directions), scores.flip(0)[:k].clamp(min=0), slots)


def _gram(generator: Generator, slot: int, mode: str) -> Tensor:
    """A_l^T A_l [dim, dim] of one slot in float64; kept, because a frozen generator's weights do not change."""
    cache = _grams.setdefault(generator, {})
    if (slot, mode) not in cache:
        weight = generator.first_weight(slot).detach().cpu().double()
        if mode == "official":
            length = weight.norm(dim=1, keepdim=True)
            weight = torch.where(length > 0, weight / length.clamp(min=torch.finfo(torch.float64).tiny), 0.0)
        gram = weight.T @ weight
        if any(p.requires_grad for p in generator.parameters()):
            return gram
        cache[slot, mode] = gram
    return cache[slot, mode]


def strongest(generator: Generator, k: int = 10) -> tuple[Directions, Tensor]:
    """The first k directions of all slots (fewer where codes are shorter), and their shares [k] of all eigenvalues."""
    every = sefa(generator, k=len(range(generator.dim)[generator.movable]))
    share = every.scores / every.scores.sum().clamp(min=1e-12)
    return Directions(every.vectors[:k], every.scores[:k], every.slots), share[:k]
