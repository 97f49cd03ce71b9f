"""BigGAN and BigGAN-deep: the class and the noise enter every block as the gains and biases of its normalisations.

Brock et al., Large Scale GAN Training for High Fidelity Natural Image Synthesis, ICLR 2019. A code is noise, then the
embedding of the class; only the noise is movable. Weights are equalised; spectral norms of foreign files are folded in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Generator, State, class_numbers, shallow
from .blocks import EqualConv2d, EqualLinear, channels_last, doubled, widened

MOMENTUM = 0.1
ON_THE_GRID = 1e-6  # 0.58 * 50 = 28.999999999999996 is row 29


class Normalisation(nn.Module):
    """Batch normalisation with a gain and a bias given from outside, then ReLU.

    mean, var [rows, c]: what evaluation uses; row i belongs to psi = i / (rows - 1), the last to psi = 1. Training uses
    each batch's own and keeps a running average of them in the last row.
    """

    def __init__(self, channels: int, *, eps: float, rows: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(rows, channels))
        self.register_buffer("var", torch.ones(rows, channels))
        self.eps, self.momentum = eps, MOMENTUM

    def activated(self, x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        """x [n, c, h, w]; gain and bias [n or 1, c]."""
        mean, var = self.mean[-1], self.var[-1]
        if self.training:
            x = F.batch_norm(x, mean, var, training=True, momentum=self.momentum, eps=self.eps)
        else:
            gain = gain * torch.rsqrt(var + self.eps)
            bias = bias - mean * gain
        return F.relu(x * gain[:, :, None, None].to(x.dtype) + bias[:, :, None, None].to(x.dtype))

    def at(self, psi: float) -> Normalisation:
        """A view with the statistics of psi in [0, 1], interpolated between its two neighbouring rows."""
        view = shallow(self)
        place = psi * (len(self.mean) - 1)
        below = min(int(place + ON_THE_GRID), len(self.mean) - 1)
        above, share = min(below + 1, len(self.mean) - 1), place - below if place - below > ON_THE_GRID else 0.0
        for name in ("mean", "var"):
            rows = getattr(self, name)
            view._buffers[name] = torch.lerp(rows[below], rows[above], share)[None]
        return view


class Gate(Normalisation):
    """Class-conditional batch normalisation and ReLU: relu((x - mean) / sqrt(var + eps) * gain + bias).

    gain = 1 + W_g u and bias = W_b u, where u is the last `width` numbers of the code of `slot`.
    """

    def __init__(self, channels: int, width: int, slot: int, *, eps: float, rows: int = 1):
        super().__init__(channels, eps=eps, rows=rows)
        self.weight = nn.Parameter(0.3 * torch.randn(2 * channels, width))  # gains start near 1
        self.scale, self.slot = 1 / math.sqrt(width), slot

    def effective_weight(self, dim: int) -> Tensor:
        """[2 c, dim]: the gains' rows, then the biases'; zeros for the numbers of the code that are not read."""
        return F.pad(self.weight * self.scale, (dim - self.weight.shape[1], 0))

    def gain_and_bias(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """Codes [n, dim] of `slot` -> [n, c] and [n, c]."""
        read = code[:, code.shape[1] - self.weight.shape[1] :]
        gain, bias = F.linear(read, (self.weight * self.scale).to(code.dtype)).chunk(2, 1)
        return 1 + gain, bias

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        return self.activated(x, *self.gain_and_bias(code))


class OutputNormalisation(Normalisation):
    """Normalisation whose gain and bias are the same for all classes."""

    def __init__(self, channels: int, *, eps: float, rows: int = 1):
        super().__init__(channels, eps=eps, rows=rows)
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.activated(x, self.gain[None], self.bias[None])


class Attention(nn.Module):
    """Every pixel adds what the others (halved in size) hold, as much as they match it (SAGAN, section 3)."""

    def __init__(self, channels: int):
        super().__init__()
        self.theta = EqualConv2d(channels, channels // 8, 1, bias=False)
        self.phi = EqualConv2d(channels, channels // 8, 1, bias=False)
        self.g = EqualConv2d(channels, channels // 2, 1, bias=False)
        self.o = EqualConv2d(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        query = self.theta(x).flatten(2)
        key, value = (F.max_pool2d(conv(x), 2).flatten(2) for conv in (self.phi, self.g))
        share = F.softmax(query.transpose(1, 2) @ key, -1)  # [n, pixels, pixels / 4]
        seen = (value @ share.transpose(1, 2)).reshape(len(x), -1, *x.shape[2:])
        return x + self.gamma.to(x.dtype) * self.o(seen)


class DenseLayer(nn.Module):
    """The first `width` numbers of the code as a dense layer to [n, c, 4, 4]."""

    def __init__(self, width: int, channels: int):
        super().__init__()
        self.dense = EqualLinear(width, channels * 16)
        self.gates = nn.ModuleList()

    def effective_weight(self, dim: int) -> Tensor:
        """[16 c, dim]"""
        return F.pad(self.dense.effective_weight(), (0, dim - self.dense.weight.shape[1]))

    def forward(self, state: None, code: Tensor) -> State:
        return State(channels_last(self.dense(code[:, : self.dense.weight.shape[1]]).reshape(len(code), -1, 4, 4)))


class Block(nn.Module):
    """What the blocks of both share: their gates, and attention at the end where there is one."""

    def __init__(self, gates: Iterable[Gate], convs: Iterable[EqualConv2d], attention: Attention | None):
        super().__init__()
        self.gates, self.convs, self.attention = nn.ModuleList(gates), nn.ModuleList(convs), attention

    def effective_weight(self, dim: int) -> Tensor:
        """[fan_out, dim]: of all its gates."""
        return torch.cat([gate.effective_weight(dim) for gate in self.gates])

    def attended(self, x: Tensor) -> State:
        return State(x if self.attention is None else self.attention(x))


class WideBlock(Block):
    """BigGAN's: two 3 x 3 convolutions at twice the size, beside a 1 x 1 convolution."""

    def __init__(self, fan_in: int, fan_out: int, width: int, slot: int, *, attention: bool, eps: float):
        super().__init__(
            (Gate(c, width, slot, eps=eps) for c in (fan_in, fan_out)),
            (EqualConv2d(c, fan_out, 3) for c in (fan_in, fan_out)),
            Attention(fan_out) if attention else None,
        )
        self.skip = EqualConv2d(fan_in, fan_out, 1)

    def forward(self, state: State, code: Tensor) -> State:
        x = self.convs[0].of_doubled(self.gates[0](state.x, code))
        return self.attended(self.convs[1](self.gates[1](x, code)) + doubled(self.skip(state.x)))


class DeepBlock(Block):
    """BigGAN-deep's: a bottleneck of a quarter of the width; the skip drops the channels that are too many."""

    def __init__(
        self, fan_in: int, fan_out: int, width: int, slot: int, *, up: bool, attention: bool, eps: float, rows: int
    ):
        middle = fan_in // 4
        super().__init__(
            (Gate(c, width, slot, eps=eps, rows=rows) for c in (fan_in, middle, middle, middle)),
            (
                EqualConv2d(i, o, k)
                for i, o, k in ((fan_in, middle, 1), (middle, middle, 3), (middle, middle, 3), (middle, fan_out, 1))
            ),
            Attention(fan_out) if attention else None,
        )
        self.up, self.fan_out = up, fan_out

    def forward(self, state: State, code: Tensor) -> State:
        x, skip = state.x, state.x[:, : self.fan_out]
        for i, (gate, conv) in enumerate(zip(self.gates, self.convs)):
            x = gate(x, code)
            x = conv.of_doubled(x) if self.up and i == 1 else conv(x)
        return self.attended(x + (doubled(skip) if self.up else skip))


class ClassConditional(Generator):
    """What BigGAN and BigGAN-deep share: slots, codes of noise and class, gates, and the way to the image."""

    def __init__(
        self,
        layers: Iterable[nn.Module],
        *,
        classes: int,
        class_dim: int,
        noise_dim: int,
        z_dim: int,
        output: OutputNormalisation,
    ):
        super().__init__()
        if min(classes, class_dim, noise_dim) < 1:
            raise ValueError(
                f"{classes} classes of {class_dim} numbers beside {noise_dim} of noise: each is to be 1 or more"
            )
        self.layers = nn.ModuleList(layers)
        self.slots, self.dim = len(self.layers), noise_dim + class_dim
        self.noise_dim, self.z_dim, self.classes = noise_dim, z_dim, classes
        self.reads = tuple((i,) for i in range(self.slots))
        self.embedding = nn.Parameter(torch.randn(classes, class_dim))
        self.output = output
        self.to_rgb = EqualConv2d(len(output.gain), 3, 3)

    @property
    def movable(self) -> slice:
        return slice(0, self.noise_dim)

    @property
    def gates(self) -> tuple[Gate, ...]:
        return tuple(gate for layer in self.layers for gate in layer.gates)

    def slot_noise(self, z: Tensor) -> Tensor:
        """z [n, z_dim] -> [n, slots, noise_dim], what each slot has of it."""
        raise NotImplementedError

    def codes(
        self,
        z: Tensor,
        *,
        psi: float = 1.0,
        cutoff: int | None = None,
        label: int | Sequence[int] | Tensor | None = None,
    ) -> Tensor:
        """psi scales the noise of the first `cutoff` slots (None: all); label: one for all, or [n] (None: class 0)."""
        noise = self.slot_noise(z)
        if psi != 1:
            near = torch.arange(self.slots, device=z.device) < (self.slots if cutoff is None else cutoff)
            noise = torch.where(near[:, None], psi * noise, noise)
        named = self.embedding[class_numbers(label, z, self.classes)]
        return torch.cat([noise, named[:, None].expand(-1, self.slots, -1)], 2)

    def first_weight(self, slot: int) -> Tensor:
        """[fan_out, dim]: slot 0: the dense layer; the others: the gains and biases of their block's gates."""
        return self.layers[slot].effective_weight(self.dim)

    def pixels(self, state: State) -> Tensor:
        return torch.tanh(widened(self.to_rgb(self.output(state.x))))


class BigGAN(ClassConditional):
    """channels: one width for each resolution from 4 to R; attention: the sizes in pixels whose block ends with it.

    hierarchical: z is cut into one chunk a slot; otherwise the first layer reads all of z, the blocks the class alone.
    """

    def __init__(
        self,
        *,
        resolution: int,
        channels: Sequence[int],
        z_dim: int,
        classes: int,
        class_dim: int,
        hierarchical: bool = True,
        attention: Sequence[int] = (),
        eps: float = 1e-5,
    ):
        channels, attention = tuple(channels), tuple(attention)
        if resolution != 2 ** (len(channels) + 1):
            raise ValueError(f"{len(channels)} widths make {2 ** (len(channels) + 1)} pixels, not {resolution}")
        if hierarchical and z_dim % len(channels):
            raise ValueError(f"z of {z_dim} numbers cannot be cut into {len(channels)} chunks: choose a multiple")
        sizes = [8 * 2**k for k in range(len(channels) - 1)]
        if not set(attention) <= set(sizes):
            raise ValueError(f"attention at {attention}: blocks end at {', '.join(map(str, sizes))} pixels")
        chunk = z_dim // len(channels) if hierarchical else z_dim
        width = class_dim + chunk * hierarchical
        blocks = [
            WideBlock(i, o, width, slot, attention=size in attention, eps=eps)
            for slot, (i, o, size) in enumerate(zip(channels, channels[1:], sizes), start=1)
        ]
        super().__init__(
            [DenseLayer(chunk, channels[0]), *blocks],
            classes=classes,
            class_dim=class_dim,
            noise_dim=chunk,
            z_dim=z_dim,
            output=OutputNormalisation(channels[-1], eps=eps),
        )
        self.resolution, self.channels, self.hierarchical = resolution, channels, hierarchical
        self.attention, self.eps = attention, eps

    def config(self) -> dict:
        return dict(
            resolution=self.resolution,
            channels=list(self.channels),
            z_dim=self.z_dim,
            classes=self.classes,
            class_dim=self.dim - self.noise_dim,
            hierarchical=self.hierarchical,
            attention=list(self.attention),
            eps=self.eps,
        )

    def slot_noise(self, z: Tensor) -> Tensor:
        if self.hierarchical:
            return z.reshape(len(z), self.slots, self.noise_dim)
        return F.pad(z[:, None], (0, 0, 0, self.slots - 1))


class BigGANDeep(ClassConditional):
    """blocks: (doubles the size, channels in, channels out) each; attention: the block that ends with it, or None.

    Every slot has the whole of z. rows: normalisation statistics for so many values of psi from 0 to 1, see `at`.
    """

    def __init__(
        self,
        *,
        blocks: Sequence[tuple[bool, int, int]],
        z_dim: int,
        classes: int,
        class_dim: int,
        attention: int | None = None,
        eps: float = 1e-4,
        rows: int = 51,
    ):
        blocks = tuple((bool(up), fan_in, fan_out) for up, fan_in, fan_out in blocks)
        for (_, fan_in, fan_out), after in zip(blocks, (*blocks[1:], (False, blocks[-1][2], 0))):
            if fan_out not in (fan_in, fan_in // 2) or after[1] != fan_out:
                raise ValueError(
                    f"a block of {fan_in} channels gives as many or half to the next one, which takes "
                    f"them; here {fan_out} to {after[1]}"
                )
        width = z_dim + class_dim
        layers = [
            DeepBlock(i, o, width, k + 1, up=up, attention=k == attention, eps=eps, rows=rows)
            for k, (up, i, o) in enumerate(blocks)
        ]
        super().__init__(
            [DenseLayer(width, blocks[0][1]), *layers],
            classes=classes,
            class_dim=class_dim,
            noise_dim=z_dim,
            z_dim=z_dim,
            output=OutputNormalisation(blocks[-1][2], eps=eps, rows=rows),
        )
        self.resolution = 4 * 2 ** sum(up for up, _, _ in blocks)
        self.blocks, self.attention, self.eps, self.rows = blocks, attention, eps, rows

    def config(self) -> dict:
        return dict(
            blocks=[list(block) for block in self.blocks],
            z_dim=self.z_dim,
            classes=self.classes,
            class_dim=self.dim - self.noise_dim,
            attention=self.attention,
            eps=self.eps,
            rows=self.rows,
        )

    def at(self, *, psi: float = 1.0, noise: str | int = "stored") -> BigGANDeep:
        """The view with the normalisation statistics of psi, 0 to 1; `codes` is to be given the same psi."""
        super().at(psi=psi, noise=noise)
        if not 0 <= psi <= 1:
            raise ValueError(f"psi = {psi}: this generator has statistics for 0 to 1")
        return self if psi == 1 else _at(self, psi)

    def sample(self, n: int, seed: int) -> Tensor:
        """z [n, z_dim] between -2 and 2, as the published models are sampled; row i is `sample(1, seed + i)`."""
        edge = torch.special.ndtr(torch.tensor(-2.0, dtype=torch.float64)).item()
        rows = [super(BigGANDeep, self).sample(1, seed + i) for i in range(n)]
        return torch.cat(
            [
                torch.special.ndtri(edge + (1 - 2 * edge) * torch.special.ndtr(row.double())).to(row.dtype)
                for row in rows
            ]
        )

    def slot_noise(self, z: Tensor) -> Tensor:
        return z[:, None].expand(-1, self.slots, -1)


def _at(module: nn.Module, psi: float) -> nn.Module:
    if isinstance(module, Normalisation):
        return module.at(psi)
    view = shallow(module)
    view._modules.update({name: child if child is None else _at(child, psi) for name, child in module._modules.items()})
    return view


@torch.no_grad()
def recompute_statistics(generator: ClassConditional, batches: Iterable[Tensor]) -> None:
    """Standing statistics: mean and var become their mean over `batches` of codes [n, slots, dim], as in training."""
    norms = [module for module in generator.modules() if isinstance(module, Normalisation)]
    training = generator.training
    generator.train()
    try:
        for k, codes in enumerate(batches):
            for norm in norms:
                norm.momentum = 1 / (k + 1)  # so that every batch counts alike
            generator(codes)
    finally:
        for norm in norms:
            norm.momentum = MOMENTUM
        generator.train(training)
