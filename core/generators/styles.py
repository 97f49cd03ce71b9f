"""Style space: the numbers that scale the channels of every convolution, which GH-Feat uses as features.

Xu et al., Generative Hierarchical Features from Synthesizing Images, CVPR 2021 (arXiv 2007.10379). A code reaches a
StyleGAN2's convolution through an affine map alone: the result, a style, says all that the convolution gets to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from .base import shallow
from .stylegan2 import StyleGAN2

LEVELS = {"coarse": 8, "middle": 16}  # pixels a side of the last maps of a level; what is larger is fine


class Given(nn.Module):
    """Gives a style, whatever the code is."""

    def __init__(self, style: Tensor):
        super().__init__()
        self.style = style

    def forward(self, w: Tensor) -> Tensor:
        return self.style


def _read(generator: StyleGAN2) -> Iterator[tuple[int, str, int]]:
    """(layer, the name of its convolution, the slot that it reads), in the order of the styles."""
    if not isinstance(generator, StyleGAN2):
        raise ValueError(f"style space is that of StyleGAN2 here, and this is a {type(generator).__name__}")
    for i, layer in enumerate(generator.layers):
        names = ("conv", "to_rgb") if hasattr(layer, "to_rgb") else ("conv",)
        for name, slot in zip(names, generator.reads[i], strict=True):
            yield i, name, slot


def styles_of(generator: StyleGAN2, codes: Tensor) -> tuple[Tensor, ...]:
    """Codes [n, slots, dim] -> the style of every convolution, [n, channels] each, in the order of the layers.

    Raises ValueError for another architecture.
    """
    return tuple(
        getattr(generator.layers[i], name).affine(codes[:, slot].contiguous()) for i, name, slot in _read(generator)
    )


def affine_maps(generator: StyleGAN2) -> tuple[tuple[int, Tensor, Tensor], ...]:
    """Of every style the slot of the code that it is an affine map of, weight [channels, dim] and bias [channels]."""
    maps = ((slot, getattr(generator.layers[i], name).affine) for i, name, slot in _read(generator))
    return tuple((slot, affine.effective_weight(), affine.bias * affine.lr_mul) for slot, affine in maps)


def levels_of(generator: StyleGAN2) -> dict[str, tuple[int, ...]]:
    """Level ("coarse", "middle", "fine") -> numbers of its styles."""
    found: dict[str, list[int]] = {"coarse": [], "middle": [], "fine": []}
    for number, (i, _, _) in enumerate(_read(generator)):
        size = generator.layers[i].noise.shape[-1]
        found[next((name for name, most in LEVELS.items() if size <= most), "fine")].append(number)
    return {name: tuple(numbers) for name, numbers in found.items()}


def with_styles(generator: StyleGAN2, styles: Sequence[Tensor]) -> StyleGAN2:
    """A view that shares the weights and draws from styles [n, channels] each; the codes that it gets only count."""
    view, layers = shallow(generator), [shallow(layer) for layer in generator.layers]
    for (i, name, _), style in zip(_read(generator), styles, strict=True):
        conv = shallow(getattr(layers[i], name))
        conv._modules["affine"] = Given(style)
        layers[i]._modules[name] = conv
    view._modules["layers"] = nn.ModuleList(layers)
    return view


@torch.no_grad()
def drawn_from(generator: StyleGAN2, styles: Sequence[Tensor]) -> Tensor:
    """Images [n, 3, R, R] of styles [n, channels] each."""
    empty = styles[0].new_zeros(len(styles[0]), generator.slots, generator.dim)
    return with_styles(generator, styles)(empty)
