"""Segmentation without labels: k-means of what the channels say about each pixel, weighted by how aware they are.

He et al., Interpreting Class Conditional GANs with Channel Awareness, arXiv 2203.11173, "clustering on per-pixel
features weighted by channel awareness"; our formulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

MOST_REGIONS = 20
MOST_FEATURES = 64  # more are reduced to their principal components
SIDE = 48  # pixels a side of the cuts that are shown and measured
STARTS = 4  # of k-means; the best counts


def segment(
    maps: Sequence[Tensor], weights: Sequence[Tensor] | None = None, *, k: int, size: int | None = None, seed: int = 0
) -> Tensor:
    """Regions [n, size, size], int64 from 0 (the largest) to k - 1, of n pictures clustered together (k-means++).

    maps: activations [n, c_l, h_l, h_l] of one or more gates; weights: [c_l] each, multiplied with the channels (give
    their square root where squared distances are to be weighted once); None: all channels alike. size: in pixels, None:
    that of the largest map. Fewer than k regions where fewer pixels differ. Raises ValueError for a k that is not 2 to
    20, and for maps and weights that do not fit.
    """
    if not (isinstance(k, Integral) and 2 <= k <= MOST_REGIONS):
        raise ValueError(f"k = {k}: a picture can be cut into 2 to {MOST_REGIONS} regions")
    features = pixel_features(maps, weights, size=size)
    return _by_size(_clustered(features.flatten(0, 2).cpu().numpy(), int(k), seed)).reshape(features.shape[:3])


def pixel_features(
    maps: Sequence[Tensor], weights: Sequence[Tensor] | None = None, *, size: int | None = None
) -> Tensor:
    """f(p) = the weighted channels of every gate at pixel p, enlarged bilinearly: [n, size, size, sum of c_l].

    Every gate is centred and scaled to the same variance over all pixels, so that none outvotes the others by its size.
    """
    weights = [torch.ones(part.shape[1]) for part in maps] if weights is None else weights
    if not maps or [tuple(part.shape) for part in weights] != [(part.shape[1],) for part in maps]:
        raise ValueError(
            f"gates of {[part.shape[1] for part in maps]} channels need as many weights, "
            f"one gate or more; got {[list(part.shape) for part in weights]}"
        )
    size = max(part.shape[-1] for part in maps) if size is None else size
    weighted = [part * weight.to(part)[:, None, None] for part, weight in zip(maps, weights)]
    return torch.cat([_evened(_resized(part, size)) for part in weighted], 1).permute(0, 2, 3, 1)


def _resized(maps: Tensor, size: int) -> Tensor:
    if maps.shape[-1] == size:
        return maps
    return F.interpolate(maps, size=(size, size), mode="bilinear", antialias=maps.shape[-1] > size)


def _evened(maps: Tensor) -> Tensor:
    """[n, c, h, w] with mean 0 in every channel and squares that sum to 1 a pixel; zeros where nothing varies."""
    centred = maps - maps.mean((0, 2, 3), keepdim=True)
    variance = centred.square().sum(1).mean()
    varies = variance > 1e-10 * maps.square().sum(1).mean()
    return torch.where(varies, centred * variance.clamp(min=torch.finfo(maps.dtype).tiny).rsqrt(), 0.0)


def _clustered(features: np.ndarray, k: int, seed: int) -> np.ndarray:
    """[pixels, d] -> [pixels], 0 .. k - 1"""
    from sklearn.cluster import KMeans  # here, because it takes a second to import
    from sklearn.decomposition import PCA

    if features.shape[1] > MOST_FEATURES:
        count = min(MOST_FEATURES, len(features))
        features = PCA(count, svd_solver="randomized", random_state=seed).fit_transform(features)
    return KMeans(k, n_init=STARTS, random_state=seed).fit_predict(features)


def _by_size(labels: np.ndarray) -> Tensor:
    """Labels [h, w] with regions numbered from the largest to the smallest."""
    counts = np.bincount(labels)
    rank = np.empty_like(counts)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return torch.as_tensor(rank[labels], dtype=torch.int64)


def agreement(a: Tensor, b: Tensor) -> float:
    """Adjusted Rand index of two cuts of the same pixels, any equal shapes: 0 chance, 1 the same regions."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(a.flatten().cpu().numpy(), b.flatten().cpu().numpy()))


def resampled(labels: Tensor, size: int) -> Tensor:
    """Labels [n, h, w] -> [n, size, size], int64, each that of the nearest pixel."""
    return F.interpolate(labels[:, None].float(), size=(size, size), mode="nearest")[:, 0].long()


def cut_sentence(cuts: Mapping[str, Tensor], how: str, k: int, truth: Tensor | None) -> str:
    """How large the k pieces are, whether weights matter, and which cut is right.

    cuts: regions [n, h, w] of the same pictures, "with" weights and "without"; how: the one that is meant. truth: parts
    [n, h, w] as a reader sees them; None where there is no such reader.
    """
    chosen = cuts[how]
    sizes = torch.bincount(chosen.flatten(), minlength=k).double() / chosen.numel()
    parts = ", ".join(f"{100 * share:.0f}" for share in sizes.tolist())
    said = (
        f"{k} pieces of {parts} % of {len(chosen)} pictures, {how} awareness as weight. The cuts with and without "
        f"weights agree at {agreement(cuts['with'], cuts['without']):.2f} (adjusted Rand index: 0 chance, 1 the same)."
    )
    if truth is None:
        return said + " No part reader belongs to this network, so nobody says here which cut is right."
    right = {name: agreement(truth, one) for name, one in cuts.items()}
    return f"{said} Agreement with the part reader: {right['with']:.2f} with weights, {right['without']:.2f} without."
