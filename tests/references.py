"""Small random networks in foreign formats, beside what their reference implementations computed with them.

The everyday ones lie in `fixtures/networks`. The others lie outside of the repository: in the folder that the
environment variable GANATOMY_FIXTURES names, else in `../shared/fixtures`; tests that need them bear the marker
`shared`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from core.generators.base import Generator

SHIPPED = Path(__file__).resolve().parent / "fixtures" / "networks"
VARIABLE = "GANATOMY_FIXTURES"
TOLERANCE = 1e-4  # of the reference's standard deviation

Arrays = dict[str, Tensor]  # layer_names: a list of words
Pairs = list[tuple[Tensor, Tensor]]  # ours, and the reference's


# --- where they are


def shared_folder() -> Path:
    """The folder with all networks. Fails the test with a sentence where it is not there."""
    folder = Path(os.environ.get(VARIABLE) or SHIPPED.parents[3] / "shared" / "fixtures")
    if not folder.is_dir():
        pytest.fail(
            f"{folder} is not there: tests with the marker `shared` read networks in foreign formats from the "
            f"folder that {VARIABLE} names, else from ../shared/fixtures; leave these tests out, or put the "
            "networks there",
            pytrace=False,
        )
    return folder


def path(name: str) -> Path:
    shipped = SHIPPED / name
    return shipped if shipped.exists() else shared_folder() / name


def marked(names: Iterable[str]) -> list:
    """Values for `parametrize`: a name that is not shipped bears the marker `shared`."""
    return [name if (SHIPPED / name).exists() else pytest.param(name, marks=pytest.mark.shared) for name in names]


# --- what is in them


def stem(name: str) -> str:
    """What the files of one network begin with."""
    if name.startswith("dcgan64_") and name != DCGAN_TCONV:  # one generator in many containers
        return "dcgan64"
    return name.rsplit(".", 1)[0].removesuffix("_G_ema").removesuffix("_state")


def state(name: str) -> dict[str, Tensor]:
    found = torch.load(path(name), map_location="cpu", weights_only=True)
    return dict(found.get("generator_smooth", found))


def arrays(name: str) -> Arrays:
    """Inputs and outputs of the reference implementation, of the network in the file `name`."""
    with np.load(path(f"{stem(name)}_io.npz"), allow_pickle=False) as file:
        found = {key: file[key] for key in file.files}
    return {key: array.tolist() if array.dtype.kind == "U" else torch.as_tensor(array) for key, array in found.items()}


def config(name: str) -> dict:
    return json.loads(path(f"{stem(name)}_config.json").read_text(encoding="utf-8"))


def error(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference, in standard deviations of the reference."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max() / theirs.std())


# --- what a generator of ours computes of the same inputs


def drawn(generator: Generator, codes: Tensor) -> Tensor:
    """The picture in the network's own channels."""
    return generator.pixels(generator.run(codes))


def nvidia(generator: Generator, io: Arrays, label: int | None = None) -> Pairs:
    """Codes and pictures with and without truncation and noise; the file may hold a part of them."""
    whole, cut = (generator.codes(io["z"], psi=psi, label=label) for psi in (1, 0.7))
    ours = {
        "ws_psi1": whole,
        "ws_psi07": cut,
        "image_psi1_noise_const": drawn(generator, whole),
        "image_psi07_noise_const": drawn(generator, cut),
        "image_psi1_noise_none": drawn(generator.at(noise="none"), whole),
    }
    ending = "" if label is None else f"_label{label}"
    return [(tensor, io[name + ending]) for name, tensor in ours.items() if name + ending in io]


def nvidia_classes(generator: Generator, io: Arrays) -> Pairs:
    return nvidia(generator, io, label=0) + nvidia(generator, io, label=2)


def rosinality(generator: Generator, io: Arrays) -> Pairs:
    picture = generator(generator.codes(io["z"], psi=0.7))
    return [(generator.map(io["z"]), io["w"]), (picture, io["image_psi07"])]


def genforce_pggan(generator: Generator, io: Arrays) -> Pairs:
    return [(generator(generator.codes(io["z"])), io["image"])]


def genforce(generator: Generator, io: Arrays) -> Pairs:
    codes = generator.codes(io["z"], psi=0.7, cutoff=4)
    return [(codes, io["ws"]), (generator(codes), io["image"])]


def biggan(generator: Generator, io: Arrays) -> Pairs:
    return [(generator(generator.codes(io["z"], label=io["label"])), io["image"])]


def biggan_deep(generator: Generator, io: Arrays) -> Pairs:
    codes = generator.codes(io["z"], label=io["label"])
    return [(generator.at(psi=0.4)(codes), io["image_trunc040"]), (generator(codes), io["image_trunc100"])]


def dcgan(generator: Generator, io: Arrays) -> Pairs:
    """In its own channels."""
    return [(drawn(generator, generator.codes(io["z"], label=io.get("label"))), io["image"])]


def gan_zoo(generator: Generator, io: Arrays) -> Pairs:
    return [(drawn(generator, generator.codes(io["z"])), io["image_avgG"])]


def r3gan(generator: Generator, io: Arrays) -> Pairs:
    if not generator.classes:
        return [(generator(generator.codes(io["z"])), io["image"])]
    return [(generator(generator.codes(io["z"], label=label)), io[f"image_label{label}"]) for label in (0, 2)]


def stylegan3(generator: Generator, io: Arrays) -> Pairs:
    """Codes, pictures, a mixture of two codes, movements, and, where the file has them, every layer's features."""
    labels = io["label_onehot"].argmax(1).tolist() if generator.classes else [None] * len(io["z"])

    def codes(**how) -> Tensor:
        return torch.cat([generator.codes(z[None], label=label, **how) for z, label in zip(io["z"], labels)])

    whole, cut = codes(), codes(psi=0.7)
    mixed = torch.cat([whole[:1, :8], whole[1:2, 8:]], 1)
    scaled = generator.moved()
    scaled.layers[0].transform.copy_(io["transform_scale25"])
    pairs = [
        (whole, io["ws_psi1"]),
        (cut, io["ws_psi07"]),
        (codes(psi=0.7, cutoff=5), io["ws_psi07_cutoff5"]),
        (generator(whole), io["image_psi1"]),
        (generator(cut), io["image_psi07"]),
        (generator(mixed), io["image_mix_z0_z1_from_ws8"]),
        (generator.moved(turn=25, right=0.15, down=-0.1)(cut), io["image_psi07_rot25_t015_m010"]),
        (scaled(whole[:1]), io["image_psi1_scale25"]),
    ]
    for i in range(len(generator.layers)):
        state = generator.run(whole[:1], stop=i + 1)
        found, name = (state.x if state.rgb is None else state.rgb)[0], io["layer_names"][i]
        if f"feat_z0_psi1_{name}" in io:
            theirs, powers = io[f"feat_z0_psi1_{name}"], io[f"feat_rms_z0_psi1_{name}"]
            pairs += [(found[: len(theirs)], theirs), (found.square().mean((1, 2)).sqrt(), powers)]
    return pairs


class Reference(NamedTuple):
    """What a file is, and what is compared. settings: what its reference was built with and the file does not say."""

    format: str
    architecture: str
    pairs: Callable[[Generator, Arrays], Pairs]
    settings: dict | None = None


NVIDIA, ROSINALITY = "nvidia_stylegan2ada32_fp16_state.pt", "rosinality_stylegan2_32.pt"
STYLEGAN3_R = "nvidia_stylegan3r32_state.pt"
GENFORCE_PGGAN, GENFORCE_STYLEGAN = "genforce_pggan_32.pth", "genforce_stylegan1_32.pth"
BIGGAN, BIGGAN_DEEP = "ajbrock_biggan32_G_ema.pth", "hf_biggan_deep32.bin"
DCGAN, DCGAN_TCONV = "dcgan32_cond10.pth", "dcgan64_tconv.pth"
DCGANS = (
    DCGAN,
    DCGAN_TCONV,
    *(f"dcgan{name}.pth" for name in ("128", "28_gen", "28_k4k3", "28_k7", "32_dropout", "32_grey")),
    "dcgan32_fc.pt",
    *(f"dcgan64_{name}.pth" for name in ("generator", "module", "model_state_dict", "netG_epoch_24")),
    *(f"dcgan64_{name}" for name in ("netG_state_dict.pth", "state_dict_module.pth.tar")),
    *(f"dcgan64_state_dict_{name}" for name in ("netG.ckpt", "netG_module.pth")),
)
R3GAN, GAN_ZOO = "r3gan32_cond4_state.pt", "ganzoo_pgan16_alpha.pth"
WRITTEN_HERE = {"gan_zoo"}  # formats whose everyday tests write their own files: none is small enough to be shipped
REFERENCES: dict[str, Reference] = {
    NVIDIA: Reference("nvidia", "StyleGAN2", nvidia),
    "nvidia_stylegan2ada32_state.pt": Reference("nvidia", "StyleGAN2", nvidia),
    "nvidia_stylegan2ada32_cond3_state.pt": Reference("nvidia", "StyleGAN2", nvidia_classes, dict(conv_clamp=None)),
    "nvidia_stylegan2ada32_grey_state.pt": Reference("nvidia", "StyleGAN2", nvidia),
    "nvidia_stylegan2ada16_rgba_state.pt": Reference("nvidia", "StyleGAN2", nvidia, dict(conv_clamp=None)),
    STYLEGAN3_R: Reference("stylegan3", "StyleGAN3", stylegan3),
    "nvidia_stylegan3t32_state.pt": Reference("stylegan3", "StyleGAN3", stylegan3),
    "nvidia_stylegan3t64_state.pt": Reference("stylegan3", "StyleGAN3", stylegan3),
    ROSINALITY: Reference("rosinality", "StyleGAN2", rosinality),
    "genforce_stylegan2_32.pth": Reference("genforce", "StyleGAN2", genforce),
    GENFORCE_PGGAN: Reference("genforce", "PGGAN", genforce_pggan),
    GENFORCE_STYLEGAN: Reference("genforce_stylegan", "StyleGAN", genforce),
    BIGGAN: Reference("ajbrock", "BigGAN", biggan),
    BIGGAN_DEEP: Reference("hf_biggan", "BigGANDeep", biggan_deep),
    **{name: Reference("dcgan", "DCGAN", dcgan) for name in DCGANS},
    "dcgan28_k1p2.pth": Reference("dcgan", "DCGAN", dcgan, dict(size=28)),
    "ganzoo_pgan32.pth": Reference("gan_zoo", "PGGAN", gan_zoo),
    GAN_ZOO: Reference("gan_zoo", "PGGAN", gan_zoo),
    "r3gan32_state.pt": Reference("r3gan", "R3GAN", r3gan),
    R3GAN: Reference("r3gan", "R3GAN", r3gan),
}


def settings_of(name: str) -> dict | None:
    """The config.json beside a file, or what its row says."""
    there = path(name).with_name(f"{stem(name)}_config.json")
    return config(name) if there.exists() else REFERENCES[name].settings
