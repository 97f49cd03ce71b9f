"""What a restored picture is compared with: one code in the same time, and what people use without a GAN."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core import zoo
from core.images import from_uint8, to_uint8
from core.inversion.multicode import invert

from ..page.fields import RecipeError
from ..page.picture import opened
from .recipe import MOST_STEPS, Restoration
from .search import Problem, drawn

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
FEWEST = 20  # steps of each
TOOLS = {"enlarge": ("bicubic", "lanczos"), "fill": ("biharmonic",), "colour": ("grey",), "copy": ()}
CLEANERS = {"specks": ("biharmonic",), "gaussian": ("nlm", "damaged")}


def tools_of(recipe: Restoration) -> tuple[str, ...]:
    """The names of tools without a GAN that do the recipe's task."""
    return CLEANERS[recipe.kind] if recipe.task == "noise" else TOOLS[recipe.task]


def without_gan(name: str, recipe: Restoration, problem: Problem) -> Tensor:
    """What a tool makes of the observation, [1, 3, R, R] in [-1, 1]. Raises RecipeError where it is not installed."""
    observed, side = problem.observed, zoo.card(recipe.model).resolution
    if name in ("grey", "damaged"):
        return observed
    if name in ("bicubic", "lanczos"):
        return resized(observed, side, Image.Resampling[name.upper()])
    try:
        from skimage.restoration import denoise_nl_means, inpaint_biharmonic  # slow to import
    except ImportError:
        raise RecipeError(
            "these tools come with scikit-image, which is not installed here: pip install scikit-image"
        ) from None
    picture = ((observed[0].permute(1, 2, 0) + 1) / 2).numpy()
    if name == "biharmonic":
        made = inpaint_biharmonic(picture, ~problem.degradation.known.numpy(), channel_axis=-1)
    else:
        sigma = recipe.amount / 2  # it is told the truth, in units of 0 to 1
        made = denoise_nl_means(
            picture, h=0.8 * sigma, sigma=sigma, fast_mode=True, patch_size=5, patch_distance=11, channel_axis=-1
        )
    return (2 * torch.from_numpy(np.asarray(made, dtype=np.float32)).permute(2, 0, 1)[None] - 1).clamp(-1, 1)


def resized(images: Tensor, side: int, how: Image.Resampling) -> Tensor:
    """[1, 3, h, w] -> [1, 3, side, side] by Pillow, in whole levels of 255."""
    picture = Image.fromarray(to_uint8(images)[0]).resize((side, side), how)
    return from_uint8(np.asarray(picture)[None])


def one_code(
    recipe: Restoration, problem: Problem, seconds: float, *, clock: Callable[[], float] = time.perf_counter
) -> Iterator[Tensor]:
    """Plain inversion in the same time: one code, four starts, the best by its loss so far after each step; by `clock`.

    Where the network has w, every slot has its own (w+); Adam, at the rates of the ten codes.
    """
    best, loss = None, float("inf")
    for start in range(RESTARTS):
        begun, steps = clock(), steps_in(recipe, problem, seconds / RESTARTS, clock)
        for step in invert(
            opened(recipe.model),
            problem.observed,
            layer=0,
            n_codes=1,
            steps=steps,
            loss=problem.loss,
            seed=recipe.start + start,
            patience=None,
            label=recipe.label if zoo.card(recipe.model).classes else None,
        ):
            if step.loss < loss:
                best, loss = step.picture, step.loss
            if clock() - begun > 1.5 * seconds / RESTARTS and step.i >= FEWEST:
                break
            if step.i % 10 == 0:
                yield drawn(best)
    yield drawn(best)


def steps_in(recipe: Restoration, problem: Problem, seconds: float, clock: Callable[[], float]) -> int:
    """How many steps one code makes in that time, judging by a few."""
    begun = clock()
    for _ in invert(
        opened(recipe.model),
        problem.observed,
        layer=0,
        n_codes=1,
        steps=5,
        loss=problem.loss,
        label=recipe.label if zoo.card(recipe.model).classes else None,
    ):
        pass
    return int(min(MOST_STEPS, max(FEWEST, 6 * seconds / max(1e-6, clock() - begun))))
