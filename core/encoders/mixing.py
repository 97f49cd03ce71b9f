"""Pictures from the styles of several: coarse, middle and fine levels each from one of them (GH-Feat).

Xu et al., Generative Hierarchical Features from Synthesizing Images, CVPR 2021 (arXiv 2007.10379). A style
head gives the features of a picture, which the generator draws without its codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from ..generators.stylegan2 import StyleGAN2
from ..generators.styles import drawn_from, levels_of


def from_levels(generator: StyleGAN2, styles: Mapping[str, Sequence[Tensor]]) -> Tensor:
    """Images [n, 3, R, R] whose level ("coarse", "middle", "fine") has the styles [n, channels] given for it.

    styles: for every level those of all convolutions, as the head gives them. Raises ValueError for another
    architecture.
    """
    mixed: dict[int, Tensor] = {}
    for level, numbers in levels_of(generator).items():
        mixed |= {number: styles[level][number] for number in numbers}
    return drawn_from(generator, [mixed[number] for number in sorted(mixed)])
