"""The values everyone passes, and the one way to move a code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .generators.base import Generator


@dataclass(frozen=True, eq=False)
class Directions:
    """Ways to move a code, strongest first.

    vectors: [k, dim], or [k, len(slots), dim] where each slot has its own; unit length (over all slots together).
    scores: [k], what they were ranked by. slots: which slots of a code they move.
    """

    vectors: Tensor
    scores: Tensor
    slots: tuple[int, ...]

    def __post_init__(self):
        if self.vectors.ndim not in (2, 3) or len(self.vectors) != len(self.scores):
            raise ValueError(
                f"directions are [k, dim] or [k, slots, dim] with k scores; "
                f"got {list(self.vectors.shape)} and {list(self.scores.shape)}"
            )
        if self.vectors.ndim == 3 and self.vectors.shape[1] != len(self.slots):
            raise ValueError(f"directions for {self.vectors.shape[1]} slots cannot move the slots {self.slots}")

    def __len__(self) -> int:
        return len(self.vectors)

    def only(self, rows: Sequence[int]) -> Directions:
        """Some of the directions, in the order given."""
        return Directions(self.vectors[list(rows)], self.scores[list(rows)], self.slots)


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture as the codes that make it.

    codes: [N, slots, dim]; N = 1, or the N codes of one mGANprior picture.
    draw: [m * N, slots, dim] -> m images [m, 3, R, R] in [-1, 1].
    """

    codes: Tensor
    draw: Callable[[Tensor], Tensor]


def edit(codes: Tensor, directions: Directions, amounts: Sequence[float]) -> Tensor:
    """Codes [n, slots, dim] moved by sum_i amounts[i] * directions.vectors[i]; a new tensor, other slots bit-equal.

    `amounts` may be shorter than the directions (the rest is 0). Raises ValueError where they do not fit.
    """
    if len(amounts) > len(directions):
        raise ValueError(
            f"{len(amounts)} amounts for {len(directions)} directions: give at most one amount a direction"
        )
    if not directions.slots:
        return codes.clone()
    if codes.ndim != 3:
        raise ValueError(f"codes are [n, slots, dim]; got {list(codes.shape)}")
    if max(directions.slots) >= codes.shape[1] or directions.vectors.shape[-1] != codes.shape[2]:
        raise ValueError(
            f"directions for slots {directions.slots} of {directions.vectors.shape[-1]} numbers "
            f"do not fit codes with {codes.shape[1]} slots of {codes.shape[2]}: "
            "they were made for another model"
        )
    edited = codes.clone()
    moved = [(amount, vector) for amount, vector in zip(amounts, directions.vectors) if amount]
    if moved:  # nothing to move stays equal to the bit
        shift = sum(amount * vector.to(codes.device, torch.float64) for amount, vector in moved)
        slots = list(directions.slots)
        edited[:, slots] = (codes[:, slots].double() + shift).to(codes.dtype)
    return edited


def checked_slots(generator: Generator, slots: Iterable[int] | None) -> tuple[int, ...]:
    """Sorted, without repetition (None: all); ValueError with what there is where one does not exist."""
    chosen = tuple(sorted(set(range(generator.slots) if slots is None else slots)))
    if not chosen or chosen[0] < 0 or chosen[-1] >= generator.slots:
        raise ValueError(f"slots {chosen or '()'}: choose at least one of 0 to {generator.slots - 1}")
    return chosen


def canonical_sign(vectors: Tensor) -> Tensor:
    """Rows [k, ...] with the entry of largest magnitude made positive, so that a saved direction never flips."""
    flat = vectors.flatten(1)
    largest = flat.gather(1, flat.abs().argmax(1, keepdim=True))
    return torch.where(largest < 0, -flat, flat).reshape(vectors.shape)


@torch.no_grad()
def codes_in_turn(generator: Generator, n: int, first_seed: int, *, psi: float = 1.0) -> Tensor:
    """Codes [n, slots, dim] of the seeds from `first_seed` on; with classes, row i is of class i % classes."""
    z, classes = generator.sample(n, first_seed), generator.classes
    if not classes:
        return generator.codes(z, psi=psi)
    parts = [generator.codes(z[label::classes], psi=psi, label=label) for label in range(min(n, classes))]
    codes = parts[0].new_empty(n, generator.slots, generator.dim)
    for label, part in enumerate(parts):
        codes[label::classes] = part
    return codes


def layer_groups(slots: int) -> dict[str, tuple[int, ...]]:
    """The named groups of a generator's slots: "all" and, with several slots, "coarse", "middle", "fine".

    As StyleGAN counts them, slots 2i and 2i + 1 belong to 4 * 2^i pixels: coarse is 4 and 8 px (slots 0-3), middle is
    16 and 32 px (slots 4-7), fine is 64 px and above; groups that would be empty are left out.
    """
    every = tuple(range(slots))
    groups = dict(all=every, coarse=every[:4], middle=every[4:8], fine=every[8:])
    return {name: group for name, group in groups.items() if group and (name == "all" or slots > 1)}


def named_slots(layers: str, slots: int) -> tuple[int, ...]:
    """The slots of a generator with so many that a name of `layer_groups`, or text such as "0-3,6", means; ascending.

    Raises ValueError where the text is neither, or names a slot that there is not.
    """
    groups, found = layer_groups(slots), set()
    if layers in groups:
        return groups[layers]
    for part in layers.split(","):
        first, last = (int(end) for end in (part.split("-") * 2)[:2])
        if not 0 <= first <= last < slots:
            raise ValueError(f"layers {part.strip()}: there are those from 0 to {slots - 1}")
        found |= set(range(first, last + 1))
    return tuple(sorted(found))


def ranges(slots: Sequence[int]) -> str:
    """Ascending slots as text that `named_slots` reads: 0, 1, 2, 3, 6 as "0-3,6"."""
    starts = [slot for slot in slots if slot - 1 not in slots]
    ends = [slot for slot in slots if slot + 1 not in slots]
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends))
