"""Which factors a portrait has, how they are drawn by lot, and which parts there are."""

from __future__ import annotations

import torch
from torch import Tensor

from ..base import Factor
from ..drawing import (
    uniform,
)

FACTORS: tuple[Factor, ...] = (
    Factor("yaw", "turn of the head", "looks left", "looks right"),
    Factor("pitch", "nod of the head", "looks down", "looks up"),
    Factor("roll", "tilt of the head", "tilts to the left", "tilts to the right"),
    Factor("face_width", "width of the face", "is narrow", "is wide"),
    Factor("jaw", "shape of the jaw", "has a pointed chin", "has a broad jaw"),
    Factor("skin_tone", "darkness of the skin", "has light skin", "has dark skin", draw="flat"),
    Factor("hair_tone", "tone of the hair", "has dark hair", "has light hair", draw="flat"),
    Factor("hair_warmth", "warmth of the hair", "has ash hair", "has ginger hair", draw="flat"),
    Factor("hair_length", "length of the hair", "has very short hair", "has long hair", draw="flat"),
    Factor("hair_volume", "volume of the hair", "has flat hair", "has big hair", draw="flat"),
    Factor(
        "fringe", "how far hair covers the forehead", "has a high forehead", "has a fringe", draw="flat", brief="fringe"
    ),
    Factor("hair_wave", "outline of the hair", "has straight hair", "has curly hair", draw="flat"),
    Factor(
        "parting",
        "where the hair parts",
        "parts the hair on the left",
        "parts the hair on the right",
        draw="flat",
        brief="parting of the hair",
    ),
    Factor("eye_size", "size of the eyes", "has small eyes", "has large eyes"),
    Factor("eye_open", "how open the eyes are", "squints", "opens the eyes wide", brief="opening of the eyes"),
    Factor("gaze", "direction of the gaze", "glances left", "glances right"),
    Factor("brow_tilt", "tilt of the brows", "frowns with stern brows", "raises the inner brows"),
    Factor("smile", "curve of the mouth", "looks sad", "smiles"),
    Factor("mouth_open", "how open the mouth is", "closes the mouth", "opens the mouth", brief="opening of the mouth"),
    Factor("lip_colour", "colour of the lips, from rose to berry", "has rose lips", "has berry lips", draw="flat"),
    Factor("nose_size", "size of the nose", "has a small nose", "has a large nose"),
    Factor(
        "glasses", "glasses and their size", "wears no glasses", "wears large glasses", draw="present", brief="glasses"
    ),
    Factor("beard", "beard and its size", "wears no beard", "wears a full beard", draw="present", brief="beard"),
    Factor("background_tone", "tone of the background", "is on a dark ground", "is on a bright ground", draw="flat"),
    Factor(
        "background_warmth", "background from blue to rose", "is on a blue ground", "is on a rose ground", draw="flat"
    ),
    Factor(
        "light",
        "where the light comes from",
        "is lit from the left",
        "is lit from the right",
        brief="side of the light",
    ),
    Factor(
        "shirt_colour",
        "colour of the shirt, from teal to amber",
        "wears a teal shirt",
        "wears an amber shirt",
        draw="flat",
    ),
)
NAMES: tuple[str, ...] = tuple(factor.name for factor in FACTORS)
PARTS = ("skin", "hair", "eyes", "brows", "nose", "mouth", "glasses", "beard", "ears", "shirt", "background")

# Seeds of a split start here; train has 1_000_000 rows, test everything after.
SPLITS = {"train": 0, "test": 1_000_000}

# The part that a factor shows in; where none is named it shows in every picture.
SHOWN_BY = dict(
    hair_tone="hair",
    hair_warmth="hair",
    hair_volume="hair",
    fringe="hair",
    hair_wave="hair",
    parting="hair",
    eye_size="eyes",
    eye_open="eyes",
    gaze="eyes",
    brow_tilt="brows",
    smile="mouth",
    mouth_open="mouth",
    lip_colour="mouth",
    nose_size="nose",
    shirt_colour="shirt",
)

# How wide the factors vary: "even" is each factor's whole range, "graded" narrows some of those that move much of the
# picture, so that few factors weigh alike. None means the factors' own.
_NARROWED = dict(
    hair_tone=0.8,
    background_tone=0.7,
    hair_length=0.8,
    roll=0.45,
    pitch=0.45,
    background_warmth=0.5,
    hair_volume=0.6,
    face_width=0.6,
    shirt_colour=0.7,
)
SPREADS: dict[str, Tensor | None] = {"even": None, "graded": torch.tensor([_NARROWED.get(name, 1.0) for name in NAMES])}

PRESENT_SHARE = 0.35  # of the rows wear glasses, and independently a beard


# ---------------------------------------------------------------- sampling


def sample(n: int, seed: int, *, spread: Tensor | None = None) -> Tensor:
    """Factors [n, k] in [0, 1]; row i is a function of `seed + i` alone.

    A factor is 0.5 + spread * (b - 0.5), b the mean of two uniforms ("middle") or
    one uniform ("flat"). A "present" factor is 0 in 65 % of the rows and otherwise
    0.75 + spread * (b - 0.5) / 2. `spread` [k] replaces the factors' own.
    """
    count = len(FACTORS)
    seeds = torch.arange(n, dtype=torch.int64) + seed
    first, second, chance = (uniform(seeds, stream, count) for stream in range(3))
    middle = torch.tensor([factor.draw == "middle" for factor in FACTORS])
    present = torch.tensor([factor.draw == "present" for factor in FACTORS])
    if spread is None:
        spread = torch.tensor([factor.spread for factor in FACTORS])
    width = spread.detach().cpu().float()
    offset = width * (torch.where(middle, (first + second) * 0.5, first) - 0.5)
    worn = torch.where(chance < PRESENT_SHARE, (0.75 + 0.5 * offset).clamp(0.5, 1.0), torch.zeros(()))
    return torch.where(present, worn, (0.5 + offset).clamp(0.0, 1.0))
