"""Facts about well-known networks: where their files are, and what may be done with them.

Each is what `core.zoo.ModelCard` takes.
"""

from __future__ import annotations

from .hub import HubFile
from .packages import PackageFile

NOT_STATED = "not stated"  # a licence


def _on_hub(
    name: str,
    title: str,
    resolution: int,
    *,
    repo: str,
    filename: str,
    revision: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    about: int | None = None,
    **facts,
) -> dict:
    pin = HubFile(name, repo, filename, revision=revision, sha256=sha256, size=size, about=about)
    return dict(name=name, title=title, file=filename, world=None, resolution=resolution, source=pin, **facts)


_FACES = PackageFile(
    "faces-dcgan",
    package="gan-face-generate",
    version="1.1.1",
    wheel_sha256="24102f4be41d164e44251168ede0458a45e498a888c81493e2aea48529640569",
    wheel_size=13_306_246,
    filename="gan_face_generate/weights.tar",
    sha256="0c3b90b138cfc4e8a73310b9fd5ce2a8f1f3a542a037de277412307fcd28771f",
    size=14_322_251,
)
# Licences are those of the repositories that trained the models: what a card on the Hub says cannot widen them.
_NVIDIA = "NVIDIA Source Code License (research or evaluation only)"
_PGGAN = dict(
    architecture="PGGAN",
    layout="genforce",
    filename="pytorch_model.bin",
    psi=1.0,
    licence="CC BY-NC 4.0",
    link="https://github.com/tkarras/progressive_growing_of_gans",
)
_STYLEGAN = dict(
    architecture="StyleGAN",
    layout="genforce",
    filename="pytorch_model.bin",
    licence="CC BY-NC 4.0",
    link="https://github.com/NVlabs/stylegan",
)
_STYLEGAN2 = dict(
    architecture="StyleGAN2",
    layout="rosinality",
    repo="ZeqiangLai/StyleGAN2",
    revision="5fde0cdb3664b04e8126dc6b0cab010e7813c18b",
    licence=_NVIDIA,
    link="https://nvlabs.github.io/stylegan2/license.html",
)
_ADA = _STYLEGAN2 | dict(
    revision="bb4e00dc8ac0afbb9e0a5b6f72754c679673ee2e",
    link="https://github.com/NVlabs/stylegan2-ada-pytorch/blob/main/LICENSE.txt",
)

# `size` is exact, `about` rounded as the Hub's page showed it; a hash or full revision that was never seen is left out.
CARDS: tuple[dict, ...] = (
    dict(
        name="faces-dcgan",
        title="Faces like photographs (DCGAN, 64 px)",
        file=_FACES.filename,
        source=_FACES,
        world=None,
        resolution=64,
        faces=True,
        psi=1.0,
        architecture="DCGAN",
        layout="dcgan",
        learned="faces that a program rendered: nobody real",
        licence="MIT (the pictures that it learned from are for non-commercial research)",
        link="https://github.com/chien-liu/DCGAN-PyTorch",
    ),
    _on_hub(
        "church-stylegan2",
        "Churches (StyleGAN2, 256 px)",
        256,
        filename="stylegan2-church-config-f.pt",
        size=120_878_283,
        sha256="596f59f0ab72d3d5e821846dbf53fff0406c0103ff4fa46ae0a2508d80b3a2d0",
        **_STYLEGAN2,
    ),
    _on_hub(
        "cat-stylegan2",
        "Cats (StyleGAN2, 256 px)",
        256,
        filename="stylegan2-cat-config-f.pt",
        size=120_878_283,
        sha256="ff1036877c8964ba7c9e84316e67ea26bea64bbfcf6bd6c645f45589d248727f",
        **_STYLEGAN2,
    ),
    _on_hub(
        "horse-stylegan2",
        "Horses (StyleGAN2, 256 px)",
        256,
        filename="stylegan2-horse-config-f.pt",
        size=120_878_283,
        sha256="894bc6a08a6bbe4c22bf91195dd4fdd4ee7f6859e06ce3517e7b3bfa9a8b2565",
        **_STYLEGAN2,
    ),
    _on_hub(
        "car-stylegan2",
        "Cars (StyleGAN2, 512 px)",
        512,
        filename="stylegan2-car-config-f.pt",
        crop=64,
        size=123_949_595,
        sha256="c69f161fd576801027cbaa8b09142b5dd9f508034b2d0f4a2a0cdcbc1d587c9c",
        **_STYLEGAN2,
    ),
    _on_hub(
        "ffhq-stylegan2",
        "Faces FFHQ (StyleGAN2, 1024 px)",
        1024,
        filename="stylegan2-ffhq-config-f.pt",
        size=132_717_355,
        sha256="646c7e7c5e3fc4cf8e83dcfe5dce505cc74b61d8982c09563932aa15c4baf18c",
        **_STYLEGAN2,
    ),
    _on_hub(
        "afhqwild-ada",
        "Wild animals (StyleGAN2-ADA, 512 px)",
        512,
        filename="ada/afhqwild.pt",
        about=124_000_000,
        sha256="92c614909f6fb4834b3a9d18d19ce8211b748669aa7aeabf00dc6343f0bc3d0d",
        **_ADA,
    ),
    _on_hub(
        "afhqcat-ada", "Cat faces (StyleGAN2-ADA, 512 px)", 512, filename="ada/afhqcat.pt", about=124_000_000, **_ADA
    ),
    _on_hub(
        "afhqdog-ada", "Dog faces (StyleGAN2-ADA, 512 px)", 512, filename="ada/afhqdog.pt", about=124_000_000, **_ADA
    ),
    _on_hub(
        "brecahad-ada",
        "Breast cancer tissue (StyleGAN2-ADA, 512 px)",
        512,
        filename="ada/brecahad.pt",
        about=124_000_000,
        **_ADA,
    ),
    _on_hub(
        "ffhq-ada",
        "Faces FFHQ (StyleGAN2-ADA, 1024 px)",
        1024,
        filename="ada/ffhq.pt",
        about=133_000_000,
        sha256="1a0c25c17013e0bb99bd3de4e80ea52cb3efc2b71224ff902e0a29bafac9c531",
        **_ADA,
    ),
    _on_hub(
        "metfaces-ada",
        "Painted faces (StyleGAN2-ADA, 1024 px)",
        1024,
        filename="ada/metfaces.pt",
        about=133_000_000,
        **_ADA,
    ),
    _on_hub(
        "celebahq-pggan",
        "Faces CelebA-HQ (PGGAN, 1024 px)",
        1024,
        repo="huggan/pggan-celebahq-1024",
        about=92_300_000,
        revision="278449f8416d38a0233c980774528d32c4eee99c",
        **_PGGAN,
    ),
    _on_hub(
        "cat-stylegan",
        "Cats (StyleGAN, 256 px)",
        256,
        repo="huggan/stylegan_cat256",
        about=105_000_000,
        revision="3c80170f249c269e9dbc77f73d2168e5a42d972d",
        **_STYLEGAN,
    ),
    _on_hub(
        "car-stylegan",
        "Cars (StyleGAN, 512 px)",
        512,
        repo="huggan/stylegan_car512",
        crop=64,
        about=108_000_000,
        **_STYLEGAN,
    ),
    _on_hub(
        "anime-stylegan",
        "Anime faces (StyleGAN, 512 px)",
        512,
        repo="huggan/stylegan_animeface512",
        about=108_000_000,
        revision="a32c3431e70a95ac172f8081449b5a7d53b19c14",
        **_STYLEGAN | dict(licence=NOT_STATED, link="https://huggingface.co/huggan/stylegan_animeface512"),
    ),
    _on_hub(
        "imagenet-biggan-deep",
        "ImageNet (BigGAN-deep, 128 px)",
        128,
        repo="osanseviero/BigGAN-deep-128",
        filename="pytorch_model.bin",
        revision="86e3d82ec07f2513c0942d138a7b38133cfc2036",
        about=211_000_000,
        sha256="b86146a8cfcde4cda135adba4b2806f78b3abe2dac9d0fd090cc3ab318604ad9",
        architecture="BigGANDeep",
        layout="pytorch-pretrained-biggan",
        psi=0.4,
        classes=1000,
        licence=NOT_STATED,
        link="https://github.com/huggingface/pytorch-pretrained-BigGAN",
    ),
)
