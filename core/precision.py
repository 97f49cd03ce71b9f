"""Draw in bfloat16 where nobody would see it: half the memory traffic and, where the processor has it, faster products.

bfloat16 keeps float32's range with 8 bits of mantissa (Kalamkar et al., A Study of BFLOAT16 for Deep Learning Training,
2019). What decides what a picture shows stays in float32: codes, styles, demodulation, the skip image and the output.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .generators.base import Generator, State, shallow

ENOUGH = 40.0  # dB: below, the two pictures may be told apart


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of images [n, 3, h, w] in [-1, 1], over all their numbers: 10 log10(4 / MSE).

    Infinite where they are equal. Raises ValueError where the shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"images of {list(a.shape)} and {list(b.shape)} cannot be compared: give two of one shape")
    error = (a.double() - b.double()).square().mean().item()
    return 10 * math.log10(4 / error) if error else math.inf


def in_bfloat16(generator: Generator) -> Generator:
    """A view whose layers after the first (the smallest) compute in bfloat16; codes and images stay in float32.

    Kernels are scaled, cast and laid out once; beside the original they take 2 bytes a number (42 MB for StyleGAN2's
    largest). All else is shared, so codes are equal to the bit. Raises ValueError for one that is not in float32.
    """
    dtype = next(generator.parameters()).dtype
    if dtype != torch.float32:
        raise ValueError(
            f"the generator computes in {str(dtype).removeprefix('torch.')}: a view in bfloat16 "
            "is made of one in float32; call .float() first"
        )
    return _with_layers(
        generator,
        [_narrowing(generator.layers[0]), *(_prepared(layer, torch.bfloat16) for layer in generator.layers[1:])],
    )


def in_float32(generator: Generator) -> Generator:
    """A view that draws the same pictures a little faster: its kernels are scaled and laid out once, not at every call.

    Beside the original they take 4 bytes a number. All else is shared, so codes are equal to the bit.
    """
    return _with_layers(generator, [_prepared(layer, torch.float32) for layer in generator.layers])


def _with_layers(generator: Generator, layers: list[nn.Module]) -> Generator:
    view = shallow(generator)
    view._modules["layers"] = nn.ModuleList(layers)
    return view


def _prepared(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A view with every kernel inside prepared; the module itself where there is none."""
    if not any(hasattr(part, "prepared") for part in module.modules()):
        return module
    view = module.prepared(dtype) if hasattr(module, "prepared") else shallow(module)
    children = {name: child and _prepared(child, dtype) for name, child in module._modules.items()}
    view.__dict__["_modules"] = children
    return view


def _narrowing(layer: nn.Module) -> nn.Module:
    """A view whose feature map goes on in bfloat16: layers compute in the type of the map that they are given."""
    view = shallow(layer)
    view._forward_hooks = OrderedDict()  # its own: the original's map stays in float32
    view.register_forward_hook(_narrowed)
    return view


def _narrowed(_layer: nn.Module, _inputs: tuple, state: State) -> State:
    return state._replace(x=state.x.to(torch.bfloat16))


@dataclass(frozen=True, eq=False)
class Precision:
    """What a generator is drawn in.

    generator: the one to draw with. name: "float32" or "bfloat16". psnr: dB between the two, pictures cut to [-1, 1].
    milliseconds: for one picture, float32's and bfloat16's. psnr and bfloat16's are nan where the processor has none.
    """

    generator: Generator
    name: str
    psnr: float
    milliseconds: tuple[float, float]

    @property
    def says(self) -> str:
        """The sentence for the page."""
        if self.name == "float32":
            return "Drawn in float32."
        whole, half = self.milliseconds
        return f"Drawn in bfloat16 ({whole / half:.1f} times as fast; {self.psnr:.0f} dB from float32)."


@torch.no_grad()
def chosen(generator: Generator, *, psi: float, pictures: int = 4) -> Precision:
    """bfloat16 where the processor has it, it is faster, and its pictures are more than 40 dB from float32's.

    Measured on the seeds 0 to pictures - 1 (of class 0 where there are classes), drawn one by one, each way in turn;
    times are medians, and each way draws once before. Raises ValueError for less than one picture.
    """
    if pictures < 1:
        raise ValueError(f"{pictures} pictures show nothing: compare at least 1")
    codes = generator.codes(generator.sample(pictures, 0), psi=psi, label=0 if generator.classes else None)
    if has_bfloat16() is False and codes.device.type == "cpu":
        _, (milliseconds,) = _drawn([generator.at(psi=psi)], codes)
        return Precision(generator, "float32", math.nan, (milliseconds, math.nan))
    half = in_bfloat16(generator)
    images, milliseconds = _drawn([generator.at(psi=psi), half.at(psi=psi)], codes)
    distance = psnr(*(shown.clamp(-1, 1) for shown in images))
    if distance > ENOUGH and milliseconds[1] < milliseconds[0]:
        return Precision(half, "bfloat16", distance, milliseconds)
    return Precision(generator, "float32", distance, milliseconds)


def _drawn(ways: list[Generator], codes: Tensor) -> tuple[list[Tensor], tuple[float, ...]]:
    """Images [n, 3, R, R] and the median milliseconds for one, of each way."""
    images, times = [[] for _ in ways], [[] for _ in ways]
    for i, code in enumerate(codes[[0, *range(len(codes))]]):  # the first once more, to warm up
        for way, made, took in zip(ways, images, times):
            start = time.perf_counter()
            image = way(code[None]).cpu()
            if i:
                took.append(1000 * (time.perf_counter() - start))
                made.append(image)
    return [torch.cat(made) for made in images], tuple(statistics.median(took) for took in times)


def has_bfloat16() -> bool | None:
    """Does the processor multiply in bfloat16? None where it does not say."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    said = [value for name, value in capabilities.items() if "bf16" in name]
    return any(said) if said else None
