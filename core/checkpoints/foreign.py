"""A foreign state dict, taken out tensor by tensor: what is missing, misshapen or left over is one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ..generators.base import Generator


class Foreign:
    """`kind` names the code that wrote the file. Everything raises ValueError with what was wrong and what to do."""

    def __init__(self, state: Mapping[str, Tensor], kind: str):
        self.left, self.kind = dict(state), kind

    def __contains__(self, name: str) -> bool:
        return name in self.left

    def refuse(self, reason: str, remedy: str = "fetch the file again, or bring one that this code wrote") -> None:
        raise ValueError(f"this {self.kind} file {reason}: {remedy}")

    def shape(self, name: str, ndim: int) -> tuple[int, ...]:
        """Of a tensor that stays; sizes of the architecture are read off such shapes."""
        if name not in self.left:
            self.refuse(f"has no {name!r}")
        found = tuple(self.left[name].shape)
        if len(found) != ndim or not all(found):
            self.refuse(f"has {name!r} of shape {list(found)}, where {ndim} numbers above 0 belong")
        return found

    def take(self, name: str, *shape: int) -> Tensor:
        """The tensor in float64: spectral norms and gains are folded before anything is rounded."""
        if name not in self.left:
            self.refuse(f"has no {name!r}")
        tensor = self.left.pop(name)
        if tuple(tensor.shape) != shape:
            self.refuse(f"has {name!r} of shape {list(tensor.shape)}, where {list(shape)} belongs")
        tensor = tensor.detach().cpu().double()
        if not torch.isfinite(tensor).all():
            self.refuse(f"has numbers in {name!r} that are infinite or none")
        return tensor

    def drop(self, *names: str) -> None:
        """Tensors that have no part in the picture, such as logs and constants."""
        for name in names:
            self.left.pop(name, None)

    def positive(self, options: Mapping, name: str, default: float) -> float:
        """A number above 0 from the file's config.json."""
        value = options.get(name, default)
        if not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            self.refuse(
                f"has a config.json that says {name} = {value!r}, which is no number above 0", "correct the config.json"
            )
        return float(value)

    def count(self, pattern: str, *, first: int = 0) -> int:
        """How many of pattern.format(first), pattern.format(first + 1), ... there are, without a gap."""
        number = first
        while pattern.format(number) in self.left:
            number += 1
        return number - first

    def normed(self, name: str, *shape: int) -> Tensor:
        """The weight as it is applied; formats with spectral norms fold them in."""
        return self.take(f"{name}.weight", *shape)

    def conv(
        self, theirs: str, ours: str, fan_in: int, fan_out: int, kernel: int, *, bias: bool = True
    ) -> dict[str, Tensor]:
        """The tensors of an EqualConv2d, under our names."""
        weight = self.normed(theirs, fan_out, fan_in, kernel, kernel) * math.sqrt(fan_in * kernel**2)
        return {f"{ours}.weight": weight} | ({f"{ours}.bias": self.take(f"{theirs}.bias", fan_out)} if bias else {})

    def built(self, kind: type[Generator], config: dict, tensors: Mapping[str, Tensor]) -> Generator:
        """The frozen generator, once nothing is left over; memory is taken for its weights alone."""
        if self.left:
            names = sorted(self.left)
            more = f" and {len(names) - 1} more" if names[1:] else ""
            self.refuse(f"holds {names[0]!r}{more}, which its architecture does not have")
        with torch.device("meta"):
            generator = kind(**config)
        rounded = {name: tensor.float().contiguous() for name, tensor in tensors.items()}
        generator.load_state_dict(rounded, strict=True, assign=True)
        return generator.eval().requires_grad_(False)
