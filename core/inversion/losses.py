"""How far pictures are from a target: small functions that are put together.

A loss is given its target first and measures pictures from then on: what depends on the target alone is done once.

    total((1, pixel), (0.1, perceptual(critic)))(target)(images)            # [n]
    seen_through(Grey(), pixel)(observed)(images)                           # [n]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

Distance = Callable[[Tensor], Tensor]  # images [n, 3, h, w], nominally in [-1, 1] -> [n]
Loss = Callable[[Tensor], Distance]  # target [1 or n, 3, h, w] in [-1, 1] -> Distance

COARSEST = 8  # pixels a side of the last features that are compared
WINDOW, SIGMA = 11, 1.5  # SSIM: a Gaussian window, in pixels
# Pixels a side that each named loss needs at least, see `named`.
LEAST_SIDE = {"pixels": 1, "features": 2 * COARSEST, "structure": WINDOW, "vgg": 2 * COARSEST}


class HasFeatures(Protocol):
    def features(self, images: Tensor) -> list[Tensor]: ...


class Degrades(Protocol):
    def expected(self, images: Tensor) -> Tensor: ...
    def trusted(self, observed: Tensor) -> Tensor: ...


def pixel(target: Tensor) -> Distance:
    """Mean squared difference over channels and pixels."""
    return lambda images: (_fitting(images, target) - target).square().mean((1, 2, 3))


def perceptual(critic: HasFeatures, *, coarsest: int = COARSEST) -> Loss:
    """Mean squared distance between features, each pixel's scaled to unit length over channels; mean over the levels.

    critic.features(images) -> activations [n, c, h, w], such as a `Critic` or a VGG-16 gives; those of less than
    `coarsest` pixels a side are left out. At least float32. After LPIPS (Zhang et al., CVPR 2018, equation 1) with all
    weights one. Raises ValueError where the target is too small for any.
    """

    def seen(images: Tensor) -> list[Tensor]:
        return unit_features(critic.features(images.to(torch.promote_types(images.dtype, torch.float32))), coarsest)

    def aimed(target: Tensor) -> Distance:
        with torch.no_grad():
            wanted = seen(target)
        if not wanted:
            raise ValueError(
                f"a picture of {target.shape[-1]} pixels has no features of {coarsest} pixels or more: "
                "compare pixels, or a larger picture"
            )
        return lambda images: features_apart(seen(_fitting(images, target)), wanted)

    return aimed


def unit_features(levels: Sequence[Tensor], coarsest: int = COARSEST) -> list[Tensor]:
    """Activations [n, c, h, w] of `coarsest` pixels a side and more, each pixel's scaled to unit length."""
    return [x * torch.rsqrt(x.square().sum(1, keepdim=True) + 1e-8) for x in levels if min(x.shape[2:]) >= coarsest]


def features_apart(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """[n]: the distance of `perceptual` between the unit features of pictures and those of their targets."""
    return sum((x - y).square().sum(1).mean((1, 2)) for x, y in zip(found, wanted)) / len(wanted)


def dissimilarity(target: Tensor) -> Distance:
    """1 - SSIM, see `ssim`."""
    return lambda images: 1 - ssim(images, target)


def total(*terms: tuple[float, Loss]) -> Loss:
    """The weighted sum of (weight, loss)."""

    def aimed(target: Tensor) -> Distance:
        distances = [(weight, loss(target)) for weight, loss in terms]
        return lambda images: sum(weight * distance(images) for weight, distance in distances)

    return aimed


def seen_through(degradation: Degrades, loss: Loss) -> Loss:
    """`loss` between what is left of pictures and what was observed: how pictures are restored (mGANprior)."""

    def aimed(observed: Tensor) -> Distance:
        distance = loss(degradation.trusted(observed))
        return lambda images: distance(degradation.expected(images))

    return aimed


def masked(known: Tensor, loss: Loss) -> Loss:
    """`loss` with both sides mid-grey (0) wherever `known` [h, w] (bool) is False."""

    def aimed(target: Tensor) -> Distance:
        distance = loss(torch.where(known, target, 0))
        return lambda images: distance(torch.where(known, images, 0))

    return aimed


def hints(colours: Tensor, where: Tensor) -> Loss:
    """Mean squared distance of the colour, lightness left aside, from `colours` [1, 3, h, w] at `where` [h, w] (bool).

    The target is not looked at: add it to another loss with `total`. Raises ValueError where nothing was painted.
    """
    if not where.any():
        raise ValueError("no hint was painted: paint at least one pixel, or leave hints out")
    wanted = _chroma(colours)[..., where]

    def aimed(_target: Tensor) -> Distance:
        return lambda images: (_chroma(images)[..., where] - wanted).square().mean((1, 2))

    return aimed


def closeness(critic: HasFeatures | None = None, *, features: float = 0.1) -> Loss:
    """Pixels, and critic features of that weight where there is a critic: what is compared unless others are chosen."""
    return pixel if critic is None else total((1.0, pixel), (features, perceptual(critic)))


def natural(*, structure: float = 0.1) -> Loss:
    """Pixels and SSIM: for photographs, of which no critic of ours knows anything."""
    return total((1.0, pixel), (structure, dissimilarity))


def named(name: str, critic: HasFeatures | None = None) -> Loss:
    """The loss of a name in LEAST_SIDE: pixels alone, or beside them SSIM or the features of `critic`.

    critic: a network's own for "features", a VGG-16 for "vgg". Raises ValueError for another name, or where the critic
    is missing.
    """
    if name in ("pixels", "structure"):
        return pixel if name == "pixels" else natural()
    if name not in LEAST_SIDE or critic is None:
        raise ValueError(f"no loss {name!r} without a critic: there are {', '.join(LEAST_SIDE)}")
    return closeness(critic)


def psnr(images: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio [n] in dB of images [n, 3, h, w]; both are clamped to [-1, 1]; equal pictures: inf."""
    error = (_fitting(images, target).clamp(-1, 1) - target.clamp(-1, 1)).square().mean((1, 2, 3))
    return 10 * torch.log10(4 / error)


def ssim(images: Tensor, target: Tensor) -> Tensor:
    """Structural similarity [n] of images [n, 3, h, w] in [-1, 1], mean over channels and windows inside the picture.

    Wang et al., IEEE TIP 2004: a Gaussian window of 11 pixels (sigma 1.5), K = 0.01 and 0.03. Raises ValueError for
    pictures smaller than the window.
    """
    x, y = torch.broadcast_tensors(_fitting(images, target), target)
    if min(x.shape[2:]) < WINDOW:
        raise ValueError(
            f"SSIM looks through a window of {WINDOW} pixels; this picture has {min(x.shape[2:])}: enlarge it"
        )
    mean_x, mean_y = _blurred(x), _blurred(y)
    var_x, var_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    similar = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return (similar / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean((1, 2, 3))


class Scores(NamedTuple):
    """Of a picture against the truth. psnr: dB; features: distance of a critic's; inside: PSNR in a hole, dB."""

    psnr: float
    ssim: float | None
    features: float | None
    inside: float | None

    @property
    def closeness(self) -> float:
        """PSNR in dB, in the hole where there is one."""
        return self.psnr if self.inside is None else self.inside

    def rounded(self, digits: int = 3) -> dict[str, float | None]:
        """Its numbers by name."""
        return {name: value if value is None else round(value, digits) for name, value in self._asdict().items()}


@torch.no_grad()
def scores(image: Tensor, truth: Tensor, *, critic: HasFeatures | None = None, hole: Tensor | None = None) -> Scores:
    """image, truth [1, 3, h, w] in [-1, 1]; hole [h, w] (bool). None for what is not there, or too small for SSIM."""
    inside = None if hole is None else float(psnr(image[..., hole][..., None], truth[..., hole][..., None]))
    return Scores(
        float(psnr(image, truth)),
        float(ssim(image, truth)) if min(truth.shape[2:]) >= WINDOW else None,
        None if critic is None else float(perceptual(critic)(truth)(image)),
        inside,
    )


def _blurred(x: Tensor) -> Tensor:
    places = torch.arange(WINDOW, device=x.device, dtype=x.dtype) - WINDOW // 2
    taps = torch.softmax(-(places**2) / (2 * SIGMA**2), 0)
    c = x.shape[1]
    rows = F.conv2d(x, taps.expand(c, 1, 1, -1), groups=c)
    return F.conv2d(rows, taps[:, None].expand(c, 1, -1, 1), groups=c)


def _chroma(images: Tensor) -> Tensor:
    """[n, 3, h, w] without their mean over channels."""
    return images - images.mean(1, keepdim=True)


def _fitting(images: Tensor, target: Tensor) -> Tensor:
    if images.shape[1:] != target.shape[1:]:
        raise ValueError(
            f"pictures of {list(images.shape[1:])} cannot be compared with a target of "
            f"{list(target.shape[1:])}: look at them through the degradation that made the target"
        )
    return images
