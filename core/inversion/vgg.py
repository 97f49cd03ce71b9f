"""VGG-16 up to relu3_3: the features by which the published code compares photographs.

Simonyan and Zisserman, ICLR 2015; layers are numbered as torchvision numbers them. No weights come with this project:
`load` reads a file that somebody supplies, and nothing else than a VGG-16 passes for one.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

FILE, VARIABLE = "vgg16.safetensors", "GANATOMY_VGG"  # where somebody may supply one
STAGES = ((0, 2), (5, 7), (10, 12, 14))  # convolutions between two poolings; the last is followed by relu3_3
WIDTHS = (64, 128, 256)
DEEPER, DENSE = (17, 19, 21, 24, 26, 28), (0, 3, 6)  # the rest of a VGG-16, which is not needed here
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, of pictures in [0, 1]
NEEDED = {f"features.{i}.{part}" for stage in STAGES for i in stage for part in ("weight", "bias")}
KNOWN = NEEDED | {
    f"{name}.{part}"
    for name in (*(f"features.{i}" for i in DEEPER), *(f"classifier.{i}" for i in DENSE))
    for part in ("weight", "bias")
}


class VGG16(nn.Module):
    """Images [n, 3, h, w] in [-1, 1] -> `features`. Seven 3 x 3 convolutions, a ReLU after each, two poolings."""

    def __init__(self):
        super().__init__()
        self.convolutions = nn.ModuleDict()
        fan_in = 3
        for stage, width in zip(STAGES, WIDTHS):
            for i in stage:
                self.convolutions[str(i)] = nn.Conv2d(fan_in, width, 3, padding=1)
                fan_in = width
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """relu1_2, relu2_2 and relu3_3: [n, 64, h, w], [n, 128, h/2, w/2], [n, 256, h/4, w/4]; h and w at least 4."""
        x, seen = ((images + 1) / 2 - self.mean) / self.deviation, []
        for stage in STAGES:
            x = F.max_pool2d(x, 2) if seen else x
            for i in stage:
                x = self.convolutions[str(i)](x).relu()
            seen.append(x)
        return seen

    forward = features


def supplied(folder: Path) -> Path | None:
    """The file that somebody supplied: what the environment names in VARIABLE, or FILE in `folder`; None: neither."""
    named, usual = os.environ.get(VARIABLE, ""), folder / FILE
    return Path(named) if named else usual if usual.is_file() else None


def mark(path: Path | None) -> tuple[str, int]:
    """Which file it is: where it lies, and when it was written in ns; ("", 0) where there is none."""
    return (str(path), path.stat().st_mtime_ns if path.is_file() else 0) if path else ("", 0)


def load_once(path: Path) -> VGG16:
    """`load`, read again only where the file was written since."""
    return _loaded(*mark(path))


def load(path: str | Path) -> VGG16:
    """The network of a safetensors file with torchvision's names, features.N.weight and .bias; frozen, float32.

    Raises ValueError, one sentence, where the file is missing or broken, or holds another network (VGG-19 and the
    kinds with batch normalisation begin alike).
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            names = set(file.keys())
            _check(Path(path).name, names)
            found = {name.replace("features", "convolutions"): file.get_tensor(name).float() for name in NEEDED}
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{Path(path).name} cannot be read as safetensors ({error}): {_REMEDY}") from None
    network = VGG16()
    wrong = [name for name, tensor in network.state_dict().items() if found[name].shape != tensor.shape]
    if wrong:
        raise ValueError(
            f"{Path(path).name} holds {wrong[0].replace('convolutions', 'features')} of shape "
            f"{list(found[wrong[0]].shape)}, which is not VGG-16’s: {_REMEDY}"
        )
    network.load_state_dict(found, strict=True)
    return network.eval().requires_grad_(False)


@lru_cache(maxsize=1)
def _loaded(path: str, _written: int) -> VGG16:
    return load(path)


_REMEDY = "save the weights of torchvision’s vgg16 as safetensors, under their own names"


def _check(file: str, names: set[str]) -> None:
    missing, foreign = sorted(NEEDED - names), sorted(names - KNOWN)
    if missing:
        raise ValueError(f"{file} lacks {missing[0]}, so it holds no VGG-16: {_REMEDY}")
    if foreign:
        raise ValueError(f"{file} holds {foreign[0][:60]}, which VGG-16 has not, so it is another network: {_REMEDY}")
