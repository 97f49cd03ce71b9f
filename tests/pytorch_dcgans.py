"""Generators of the DCGAN family as PyTorch users write them, to compare with: plain modules and their state dicts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Tutorial(nn.Module):
    """PyTorch's tutorial: transposed convolutions of 4, batch norm, ReLU, tanh."""

    def __init__(self, nz: int = 12, widths: tuple[int, ...] = (8, 6, 4), channels: int = 3, bias: bool = False):
        super().__init__()
        layers: list[nn.Module] = []
        for i, (fan_in, fan_out) in enumerate(zip((nz, *widths), widths)):
            how = (4, 2, 1) if i else (4, 1, 0)
            layers += [nn.ConvTranspose2d(fan_in, fan_out, *how, bias=bias), nn.BatchNorm2d(fan_out), nn.ReLU(True)]
        layers += [nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1, bias=bias), nn.Tanh()]
        self.main = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        return self.main(z[:, :, None, None])


class Attributes(nn.Module):
    """Layers as attributes, each norm beside its convolution; what lies between them stands in the code alone."""

    def __init__(self, slope: float = 0.2):
        super().__init__()
        self.slope = slope
        self.conv1, self.bn1 = nn.ConvTranspose2d(10, 8, 4), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.BatchNorm2d(8)
        self.conv3, self.bn3 = nn.ConvTranspose2d(8, 6, 5, 2, 2, 1), nn.BatchNorm2d(6)
        self.conv4 = nn.ConvTranspose2d(6, 1, 4, 2, 1)

    def forward(self, z: Tensor) -> Tensor:
        x = z[:, :, None, None]
        for i in (1, 2, 3):
            norm = getattr(self, f"bn{i}")
            x = nn.functional.leaky_relu(norm(getattr(self, f"conv{i}")(x)), self.slope)
        return torch.sigmoid(self.conv4(x))


class PyTorchGAN(nn.Module):
    """eriklindernoren's PyTorch-GAN, dcgan.py: a linear layer, up-sampling, plain convolutions, eps 0.8 but once."""

    def __init__(self, size: int = 32, latent: int = 10, width: int = 8):
        super().__init__()
        self.side, self.width = size // 4, width
        self.l1 = nn.Sequential(nn.Linear(latent, width * self.side**2))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width, 3, stride=1, padding=1),
            nn.BatchNorm2d(width, 0.8),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width // 2, 3, stride=1, padding=1),
            nn.BatchNorm2d(width // 2, 0.8),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width // 2, 3, 3, stride=1, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.conv_blocks(self.l1(z).view(len(z), self.width, self.side, self.side))


class Linear(nn.Module):
    """Two linear layers with batch norm, as InfoGAN's; the map is 7 pixels wide."""

    def __init__(self, nz: int = 12):
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(nz, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, 6 * 49), nn.BatchNorm1d(6 * 49), nn.ReLU()
        )
        self.deconv = nn.Sequential(
            nn.ConvTranspose2d(6, 5, 4, 2, 1),
            nn.BatchNorm2d(5),
            nn.ReLU(),
            nn.ConvTranspose2d(5, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.deconv(self.fc(z).view(-1, 6, 7, 7))


class Unflattened(nn.Module):
    """All in one Sequential, ReLU before batch norm, and a plain convolution behind the last transposed one."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(9, 6 * 16),
            nn.ReLU(),
            nn.Unflatten(1, (6, 4, 4)),
            nn.ConvTranspose2d(6, 6, 4, 2, 1),
            nn.ReLU(),
            nn.BatchNorm2d(6),
            nn.ConvTranspose2d(6, 4, 4, 2, 1),
            nn.ReLU(),
            nn.BatchNorm2d(4),
            nn.Conv2d(4, 4, 3, 1, 1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)


class Labelled(nn.Module):
    """The label as an embedding, before the random numbers."""

    def __init__(self, classes: int = 5, width: int = 4):
        super().__init__()
        self.label_emb = nn.Embedding(classes, width)
        self.gen = Tutorial(10 + width)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.gen(torch.cat([self.label_emb(label), z], 1))


class Doubled(nn.Module):
    """Plain convolutions as attributes; the map is enlarged in the code, before all but the last."""

    def __init__(self, mode: str = "nearest"):
        super().__init__()
        self.mode = mode
        self.fc = nn.Linear(11, 6 * 16)
        self.conv1, self.bn1 = nn.Conv2d(6, 5, 3, padding=1), nn.BatchNorm2d(5)
        self.conv2, self.bn2 = nn.Conv2d(5, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.to_rgb = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.fc(z).view(-1, 6, 4, 4)
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2)):
            x = torch.relu(norm(conv(nn.functional.interpolate(x, scale_factor=2, mode=self.mode))))
        return torch.tanh(self.to_rgb(x))


class Blocks(nn.Module):
    """A Sequential of blocks, and the last convolution beside them; `plain`: each block begins with an up-sampling."""

    def __init__(self, plain: bool = False):
        super().__init__()
        first = nn.Linear(12, 8 * 16) if plain else nn.ConvTranspose2d(12, 8, 4, bias=False)
        self.first = first if plain else nn.Sequential(first, nn.BatchNorm2d(8), nn.ReLU())
        self.net = nn.Sequential(self.block(8, 6, plain), self.block(6, 4, plain), self.layer(4, 3, plain), nn.Tanh())

    @staticmethod
    def layer(fan_in: int, fan_out: int, plain: bool) -> nn.Module:
        return nn.Conv2d(fan_in, fan_out, 3, padding=1) if plain else nn.ConvTranspose2d(fan_in, fan_out, 4, 2, 1)

    def block(self, fan_in: int, fan_out: int, plain: bool) -> nn.Module:
        up = [nn.Upsample(scale_factor=2)] if plain else []
        return nn.Sequential(*up, self.layer(fan_in, fan_out, plain), nn.BatchNorm2d(fan_out), nn.ReLU())

    def forward(self, z: Tensor) -> Tensor:
        dense = isinstance(self.first, nn.Linear)
        return self.net(self.first(z).view(-1, 8, 4, 4) if dense else self.first(z[:, :, None, None]))


class Discriminator(nn.Module):
    """The tutorial's, with a dense layer at the end where `dense`."""

    def __init__(self, dense: bool = False):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(3, 4, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4, 8, 4, 2, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8, 6 if dense else 1, 4, 1, 0, bias=False),
        )
        if dense:
            self.adv_layer = nn.Sequential(nn.Linear(6, 1), nn.Sigmoid())


class Classifier(nn.Module):
    """Convolutions, batch norms, a linear layer of ten."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 16, 3), nn.BatchNorm2d(16)
        self.fc = nn.Linear(16 * 9, 10)


class Residual(nn.Module):
    """The beginning of a ResNet."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8)
        block = nn.Module()
        block.conv1, block.bn1 = nn.Conv2d(8, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16)
        block.conv2, block.bn2 = nn.Conv2d(16, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        block.downsample = nn.Sequential(nn.Conv2d(8, 16, 1, 2, bias=False), nn.BatchNorm2d(16))
        self.layer1 = nn.Sequential(block)
        self.fc = nn.Linear(16, 10)


class VAE(nn.Module):
    """An encoder beside a decoder that alone would be a generator."""

    def __init__(self, decoder: str = "decoder"):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 4, 2, 1), nn.ReLU(), nn.Conv2d(4, 8, 4, 2, 1), nn.ReLU())
        self.fc_mu, self.fc_var = nn.Linear(8 * 64, 12), nn.Linear(8 * 64, 12)
        self.decoder_input = nn.Linear(12, 8 * 64)
        self.add_module(decoder, nn.Sequential(*Tutorial(8).main[3:]))


class UNet(nn.Module):
    """Down, up, and what is passed across."""

    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.up1 = nn.ConvTranspose2d(16, 8, 2, 2)
        self.conv = nn.Conv2d(16, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 3, 1)


class AutoEncoder(nn.Module):
    """No linear layer: convolutions down, transposed ones up."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 4, 3, padding=1)
        self.t_conv1, self.t_conv2 = nn.ConvTranspose2d(4, 16, 2, 2), nn.ConvTranspose2d(16, 3, 2, 2)


def made(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """In evaluation, with lively weights and statistics that are far from 0 and 1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build().eval().requires_grad_(False)
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(2 ** torch.tanh(torch.randn_like(tensor)))
            elif tensor.is_floating_point() and tensor.ndim == 1:
                tensor.copy_(0.5 * torch.randn_like(tensor) + name.endswith("weight"))
            elif tensor.ndim > 1:
                tensor.mul_(2)
    return module
