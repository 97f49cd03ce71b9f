"""The parts of a picture that a part reader finds: the mouth of a face, the handle of a mug."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import torch
from torch import Tensor

from . import zoo

PARTS = ("mouth", "eyes", "hair", "glasses", "background", "shirt")  # of a face, offered in this order
AROUND = ("background", "floor")  # of an object everything is offered, and these last
LEAST = 8  # pixels of 64 x 64 that a part must cover to be offered


def reader_file(model: str) -> Path:
    """Where the weights of the part reader of the network's world lie, if there is one."""
    return zoo.WEIGHTS / f"{zoo.card(model).world}-parts.safetensors"


def has_parts(model: str) -> bool:
    """Is there a part reader for the network's world, trained at its size?"""
    card, there = zoo.card(model), reader_file(model).exists()
    return bool(card.world) and there and zoo.load_part_reader(card.world).resolution == card.resolution


def part_names(model: str) -> tuple[str, ...]:
    """All that the part reader tells apart, the offered ones first; none without a reader."""
    if not (zoo.known(model) and has_parts(model)):
        return ()
    names = zoo.load_part_reader(zoo.card(model).world).names
    first = PARTS if PARTS[0] in names else [name for name in names if name not in AROUND]
    return (*(name for name in first if name in names), *(name for name in names if name not in first))


def offered(model: str, there: Collection[str]) -> list[str]:
    """Those of the parts on a picture that are offered to choose from: of a face the well-known ones."""
    names = part_names(model)
    return [name for name in (PARTS if PARTS[0] in names else names) if name in there]


@torch.no_grad()
def read_parts(model: str, images: Tensor) -> list[dict[str, Tensor]]:
    """Of each of the images [n, 3, R, R] in [-1, 1]: the parts that it shows."""
    reader = zoo.load_part_reader(zoo.card(model).world)
    masks = reader.masks(images.clamp(-1, 1)).cpu()
    least = LEAST * (images.shape[-1] / 64) ** 2
    found = [{name: one[reader.names.index(name)] for name in part_names(model)} for one in masks]
    return [{name: mask for name, mask in parts.items() if mask.sum() >= least} for parts in found]
