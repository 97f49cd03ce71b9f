"""What can happen to a picture, and what is to be known of it to restore one.

Each has three sides: what it does to pictures (`apply`, chance included), what a picture is expected to look like
through it (`expected`, without chance, differentiable), and the nearest pictures that agree with what was observed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

REC601 = (0.299, 0.587, 0.114)
HALVINGS = 30  # of an interval about 4 wide: exact to float32


class Copy:
    """Nothing happens: restoring is copying."""

    def apply(self, images: Tensor) -> Tensor:
        """Images [n, 3, h, w] in [-1, 1] -> what is left to see of them, in [-1, 1]."""
        return self.expected(images)

    def expected(self, images: Tensor) -> Tensor:
        """`apply` without chance, and differentiable."""
        return images

    def trusted(self, observed: Tensor) -> Tensor:
        """The observation with 0 for what is known to be wrong: what `expected(images)` is compared with."""
        return observed

    def agreeing(self, images: Tensor, observed: Tensor) -> Tensor:
        """Pictures in [-1, 1] that agree with the observation; `images` clamped where there is no closed form."""
        return images.clamp(-1, 1)


@dataclass(frozen=True)
class Grey(Copy):
    """Luminance in all three channels; `weights` of red, green and blue sum to one.

    Rec. 601 on the stored values, as the published code, Pillow's "L" and JPEG have it; not linear light.
    """

    weights: tuple[float, float, float] = REC601

    def expected(self, images: Tensor) -> Tensor:
        weights = torch.tensor(self.weights, dtype=images.dtype, device=images.device)
        return (images * weights[:, None, None]).sum(1, keepdim=True).expand(-1, 3, -1, -1)

    def trusted(self, observed: Tensor) -> Tensor:
        return self.expected(observed)  # a grey photograph may carry a tint

    def agreeing(self, images: Tensor, observed: Tensor) -> Tensor:
        """Colours of `images`, luminance of `observed`; a colour that leaves [-1, 1] there is paled until it fits."""
        colour = images - self.expected(images)
        grey = self.expected(observed).clamp(-1, 1)
        room = torch.where(colour > 0, 1 - grey, 1 + grey) / colour.abs().clamp(min=1e-12)
        return (grey + colour * room.amin(1, keepdim=True).clamp(max=1)).clamp(-1, 1)


def _middle(images: Tensor, factor: int) -> Tensor:
    size = (images.shape[-2] // factor, images.shape[-1] // factor)
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False)


def _bicubic(images: Tensor, factor: int) -> Tensor:
    size = (images.shape[-2] // factor, images.shape[-1] // factor)
    return F.interpolate(images, size=size, mode="bicubic", align_corners=False, antialias=True)


FILTERS = dict(box=F.avg_pool2d, bicubic=_bicubic, middle=_middle)


@dataclass(frozen=True)
class Shrink(Copy):
    """Both sides divided by `factor`, a whole number. Raises ValueError for sides that it does not divide.

    filter "box": the mean of each block; "bicubic": as Pillow's; "middle": the mean of the 4 middle pixels of each
    block (of an odd factor: the middle pixel), which is what the published code has, F.interpolate's bilinear.
    """

    factor: int
    filter: str = "box"

    def __post_init__(self):
        if self.factor < 1 or self.filter not in FILTERS:
            raise ValueError(
                f"shrinking by {self.factor} with {self.filter!r}: give a whole number of at least 1, "
                f"and one of {', '.join(FILTERS)}"
            )

    def expected(self, images: Tensor) -> Tensor:
        if images.shape[-1] % self.factor or images.shape[-2] % self.factor:
            raise ValueError(
                f"{images.shape[-2]} x {images.shape[-1]} pixels cannot be shrunk by {self.factor}: "
                "choose a divisor of both sides"
            )
        return FILTERS[self.filter](images, self.factor)

    def apply(self, images: Tensor) -> Tensor:
        return self.expected(images).clamp(-1, 1)  # bicubic overshoots

    def agreeing(self, images: Tensor, observed: Tensor) -> Tensor:
        """For "box", exact back-projection x + U(y - D x): the nearest pictures in [-1, 1] with block means `observed`.

        After Irani and Peleg, CVGIP 1991. A block is shifted by one number s; where that leaves the range it becomes
        clamp(x + s) with the s that gives the mean, found by bisection (the mean grows with s). Other filters: clamped.
        """
        if self.filter != "box":
            return images.clamp(-1, 1)
        observed = observed.clamp(-1, 1)
        low, high = torch.ones_like(observed) * (-1 - images.max()), torch.ones_like(observed) * (1 - images.min())
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = self.expected(self._shifted(images, middle)) < observed
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return self._shifted(images, (low + high) / 2)

    def _shifted(self, images: Tensor, by: Tensor) -> Tensor:
        return (images + by.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)).clamp(-1, 1)


@dataclass(frozen=True, eq=False)
class Hole(Copy):
    """Pixels where `known` [h, w] (bool) is False are lost: mid-grey."""

    known: Tensor

    def expected(self, images: Tensor) -> Tensor:
        if images.shape[-2:] != self.known.shape:
            raise ValueError(f"a mask of {list(self.known.shape)} does not fit pictures of {list(images.shape[-2:])}")
        return torch.where(self.known, images, 0)

    def trusted(self, observed: Tensor) -> Tensor:
        return self.expected(observed)

    def agreeing(self, images: Tensor, observed: Tensor) -> Tensor:
        """The observation where it is known, `images` elsewhere."""
        return torch.where(self.known, observed, images).clamp(-1, 1)


@dataclass(frozen=True, eq=False)
class Specks(Hole):
    """Known-mask noise: pixels where `known` [h, w] (bool) is False show random colours, drawn from `seed`."""

    seed: int = 0

    def apply(self, images: Tensor) -> Tensor:
        random = torch.Generator().manual_seed(self.seed)
        colours = 2 * torch.rand(images.shape, generator=random) - 1
        return torch.where(self.known, images, colours.to(images))

    @staticmethod
    def scattered(height: int, width: int, *, share: float, seed: int = 0) -> Specks:
        """Each pixel is lost with probability `share`, 0 to 1."""
        random = torch.Generator().manual_seed(seed)
        return Specks(torch.rand(height, width, generator=random) >= share, seed + 1)


@dataclass(frozen=True)
class GaussianNoise(Copy):
    """Noise of standard deviation `sigma` in [-1, 1] (0.1 is 13 levels of 255), drawn from `seed`; then clamped."""

    sigma: float
    seed: int = 0

    def apply(self, images: Tensor) -> Tensor:
        random = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(images.shape, generator=random).to(images)
        return (images + self.sigma * noise).clamp(-1, 1)
