"""What a restored picture is compared with: one code in the same time, and what people use without a GAN."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..images import from_uint8, to_uint8
from .degradations import Copy, GaussianNoise, Grey, Hole, Shrink
from .descent import Step

OURS = "mGANprior"
NAMES = {
    "one": "one code, best of 4 starts, in the same time",
    "bicubic": "bicubic",
    "lanczos": "Lanczos",
    "biharmonic": "biharmonic inpainting",
    "nlm": "non-local means",
    "grey": "left grey",
    "damaged": "left as it is",
}
RESTARTS = 4  # of one code; the best by its loss, as nobody knows the truth
FEWEST, MOST = 20, 1_000  # steps of each
TOOLS: tuple[tuple[type[Copy], tuple[str, ...]], ...] = (
    (Shrink, ("bicubic", "lanczos")),
    (Hole, ("biharmonic",)),
    (GaussianNoise, ("nlm", "damaged")),
    (Grey, ("grey",)),
)

Search = Callable[[int, int], Iterator[Step]]  # (seed, steps) -> steps of an inversion with one code


def tools_of(degradation: Copy) -> tuple[str, ...]:
    """The names of tools without a GAN that undo it."""
    return next((names for kind, names in TOOLS if isinstance(degradation, kind)), ())


def without_gan(name: str, degradation: Copy, observed: Tensor, side: int) -> Tensor:
    """What a tool makes of the observation [1, 3, h, w], [1, 3, side, side] in [-1, 1].

    name: of `tools_of(degradation)`. Lanczos and bicubic are Pillow's; biharmonic inpainting (Damelin and Hoang, 2018)
    and non-local means (Buades et al., CVPR 2005) are scikit-image's. Raises ValueError where that is not installed.
    """
    if name in ("grey", "damaged"):
        return observed
    if name in ("bicubic", "lanczos"):
        return resized(observed, side, Image.Resampling[name.upper()])
    try:
        from skimage.restoration import denoise_nl_means, inpaint_biharmonic  # slow to import
    except ImportError:
        raise ValueError(
            "these tools come with scikit-image, which is not installed here: pip install scikit-image"
        ) from None
    picture = ((observed[0].permute(1, 2, 0) + 1) / 2).numpy()
    if name == "biharmonic":
        made = inpaint_biharmonic(picture, ~degradation.known.numpy(), channel_axis=-1)
    else:
        sigma = degradation.sigma / 2  # it is told the truth, in units of 0 to 1
        made = denoise_nl_means(
            picture, h=0.8 * sigma, sigma=sigma, fast_mode=True, patch_size=5, patch_distance=11, channel_axis=-1
        )
    return (2 * torch.from_numpy(np.asarray(made, dtype=np.float32)).permute(2, 0, 1)[None] - 1).clamp(-1, 1)


def installed(degradation: Copy, observed: Tensor, side: int) -> dict[str, Tensor]:
    """What each tool without a GAN makes of the observation, by its name; those that are not installed are left out."""
    made = {}
    for name in tools_of(degradation):
        with suppress(ValueError):
            made[name] = without_gan(name, degradation, observed, side)
    return made


def resized(images: Tensor, side: int, how: Image.Resampling) -> Tensor:
    """[1, 3, h, w] -> [1, 3, side, side] by Pillow, in whole levels of 255."""
    picture = Image.fromarray(to_uint8(images)[0]).resize((side, side), how)
    return from_uint8(np.asarray(picture)[None])


def one_code(
    search: Search, seconds: float, *, seed: int = 0, clock: Callable[[], float] = time.perf_counter
) -> Iterator[Tensor | None]:
    """Plain inversion in the same time: one code, four starts, the best by its loss so far; by `clock`.

    search: an inversion with one code that does not end early, such as `invert(..., layer=0, n_codes=1,
    patience=None)`, where the network has w with a code of its own for every slot (w+). Yields [1, 3, R, R] in [-1, 1]
    after every tenth step and at the end; None while the pace is measured.
    """
    best = None
    for start in range(RESTARTS):
        steps = yield from _steps_in(search, seed, seconds / RESTARTS, clock)
        begun = clock()
        for step in search(seed + start, steps):
            if best is None or step.loss < best.loss:
                best = step
            if clock() - begun > 1.5 * seconds / RESTARTS and step.i >= FEWEST:
                break
            if step.i % 10 == 0:
                yield best.drawn()
    yield best.drawn()


def _steps_in(search: Search, seed: int, seconds: float, clock: Callable[[], float]) -> Iterator[None]:
    """How many steps one code makes in that time, judging by a few."""
    begun = clock()
    for _ in search(seed, 5):
        yield None
    return int(min(MOST, max(FEWEST, 6 * seconds / max(1e-6, clock() - begun))))
