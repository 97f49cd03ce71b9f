"""Pictures that are alike, by the levels of what an encoder finds (GH-Feat): coarse, middle, fine.

Xu et al., Generative Hierarchical Features from Synthesizing Images, CVPR 2021 (arXiv 2007.10379). Features are the
codes of the layers of a level, in standard deviations. Of many renders their first principal components are kept;
whoever asks gets the seeds of the nearest ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from .encoder import Encoder

LEVELS = ("coarse", "middle", "fine")
KEPT = 32  # principal components a level


class Level(NamedTuple):
    """mean [d], basis [k, d] of one level's features, and what they say of the renders, rows [n, k]."""

    mean: Tensor
    basis: Tensor
    rows: Tensor

    def seen(self, features: Tensor) -> Tensor:
        """Features [m, d] -> [m, k]."""
        return (features - self.mean) @ self.basis.T


class Gallery(NamedTuple):
    """first: the seed of the first render; the others follow. encoder: the hash of the file that saw them."""

    first: int
    encoder: str
    levels: tuple[Level, ...]

    def nearest(self, features: Sequence[Tensor], level: int, k: int) -> tuple[list[int], list[float]]:
        """Features [1, d] of every level -> seeds of the k renders nearest to them by one level, and how far each is
        beside the median distance of all renders, 0 to about 1.
        """
        from sklearn.neighbors import NearestNeighbors  # importing it draws random numbers

        one = self.levels[level]
        asked, rows = one.seen(features[level]).numpy(), one.rows.numpy()
        far, found = NearestNeighbors(n_neighbors=len(rows), algorithm="brute").fit(rows).kneighbors(asked)
        usual = max(float(far[0, len(rows) // 2]), 1e-12)
        return [self.first + int(i) for i in found[0, :k]], [float(x) / usual for x in far[0, :k]]


@torch.no_grad()
def features_of(encoder: Encoder, images: Tensor) -> list[Tensor]:
    """[n, d] of every level, coarsest first: what the encoder finds in images [n, 3, R, R]."""
    codes, levels = (encoder(images) - encoder.mean) / encoder.scale, torch.tensor(encoder.levels)
    return [codes[:, levels == level].flatten(1) for level in range(len(LEVELS))]


def gallery_of(first: int, encoder: str, features: Sequence[Tensor], kept: int = KEPT) -> Gallery:
    """features: of every level, those of the renders [n, d] from the seed `first` on."""
    levels = []
    for found in features:
        mean = found.mean(0)
        _, _, basis = torch.linalg.svd(found - mean, full_matrices=False)
        levels.append(Level(mean, basis[:kept], (found - mean) @ basis[:kept].T))
    return Gallery(first, encoder, tuple(levels))


def save_gallery(gallery: Gallery, path: Path) -> None:
    """Writes the rows in 255 levels of their largest value, the rest in half precision."""
    tensors = {}
    for name, level in zip(LEVELS, gallery.levels):
        largest = level.rows.abs().amax(0).clamp(min=1e-12)
        tensors |= {f"{name}.mean": level.mean.half(), f"{name}.basis": level.basis.half(), f"{name}.largest": largest}
        tensors[f"{name}.rows"] = (level.rows / largest * 127).round().to(torch.int8)
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, path, metadata=dict(first=json.dumps(gallery.first), encoder=gallery.encoder))


def load_gallery(path: Path) -> Gallery:
    """Raises ValueError where the file is another."""
    with safe_open(str(path), framework="pt") as file:
        told, there = file.metadata() or {}, set(file.keys())
        if "first" not in told or not {f"{name}.rows" for name in LEVELS} <= there:
            raise ValueError(f"{path.name} is no gallery of renders: make it again, see weights/README.md")
        levels = []
        for name in LEVELS:
            mean, basis, rows = (file.get_tensor(f"{name}.{part}").float() for part in ("mean", "basis", "rows"))
            levels.append(Level(mean, basis, rows / 127 * file.get_tensor(f"{name}.largest")))
    return Gallery(json.loads(told["first"]), told.get("encoder", ""), tuple(levels))
