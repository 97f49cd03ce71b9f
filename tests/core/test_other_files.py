"""What is no generator of a known kind is called by its name, and what is packed is unpacked within limits."""

from __future__ import annotations

import gzip
import io
import time
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.checkpoints import kinds, others, read
from core.generators.stylegan2 import StyleGAN2

from .. import foreign, tiny
from .test_strangers import CRITIC, State, begun, mean, nvidia, opened, refused, rosinality, written

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


@pytest.fixture(scope="module")
def twin() -> StyleGAN2:
    return tiny.stylegan2()


# What is not the file itself

PAGE = b"<!DOCTYPE html><html><head><title>Quota exceeded</title></head><body>Sorry</body></html>"
KINDS: dict[str, tuple[str, bytes, str]] = {
    "a web page": ("a.pkl", PAGE, "it is a web page (Quota exceeded)"),
    "a page with spaces": ("a.pt", b"\xef\xbb\xbf\n <HTML lang=en><body>Sign in", "it is a web page, not the file"),
    "Git LFS": ("a.pt", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "git lfs pull"),
    "nothing": ("a.pt", b"", "it is empty"),
    "JSON": ("a.pt", b'{"model_type": "biggan"}', "it is JSON"),
    "an index": ("model.safetensors.index.json", b'{\n  "metadata": {}}', "it is JSON"),
    "a picture": ("a.pkl", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "it is a picture (PNG)"),
    "another picture": ("a.pkl", b"\xff\xd8\xff\xe0" + b"\0" * 50, "it is a picture (JPEG)"),
    "WebP": ("a.pkl", b"RIFF\0\0\0\0WEBPVP8 ", "it is a picture (WebP)"),
    "GGUF": ("a.pt", b"GGUF\3\0\0\0", "it is a GGUF"),
    "Keras": ("a.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 50, "Keras"),
    "a table of TensorFlow": ("model.ckpt.index", b"\0" * 60 + kinds.INDEX, "TensorFlow checkpoint"),
    "numbers of TensorFlow": ("model.ckpt.data-00000-of-00001", b"\1" * 60, "TensorFlow checkpoint"),
    "a name of TensorFlow": ("checkpoint", b'model_checkpoint_path: "x"', "TensorFlow checkpoint"),
    "ONNX": ("a.onnx", b"\x08\x07\x12\x07pytorch\x1a\x032.0", "ONNX"),
    "a tar archive": ("a.tar", b"a.pt" + b"\0" * 253 + b"ustar\0" + b"\0" * 300, "it is a tar archive: unpack it"),
    "tar.gz": ("a.tgz", gzip.compress(b"a.pt" + b"\0" * 253 + b"ustar\0" + b"\0" * 300), "it is a tar archive"),
    "7z": ("a.7z", b"7z\xbc\xaf\x27\x1c" + b"\0" * 30, "7z archive: unpack it"),
    "code": ("model.py", b"import torch\n", "it is code"),
    "an array": ("a.npy", b"\x93NUMPY\1\0", "NumPy array"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_what_is_not_the_file_itself_is_called_by_its_name(tmp_path: Path, name: str) -> None:
    called, data, sentence = KINDS[name]
    refused(written(tmp_path / called, data), sentence)


def zipped(compress: int = zipfile.ZIP_DEFLATED, **entries: bytes) -> bytes:
    """`__` for a dot, `___` for a slash."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compress) as archive:
        for name, data in entries.items():
            archive.writestr(name.replace("___", "/").replace("__", "."), data)
    return out.getvalue()


def repacked(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return zipped(
            **{name.replace("/", "___").replace(".", "__"): archive.read(name) for name in archive.namelist()}
        )


def plain() -> bytes:
    return foreign.torch_file({"g_ema": rosinality(), "latent_avg": mean()})


def test_archives_around_one_network_are_unpacked(tmp_path: Path, twin: StyleGAN2) -> None:
    save_file(nvidia(), str(tmp_path / "b.safetensors"))
    safe = (tmp_path / "b.safetensors").read_bytes()
    for data, note in (
        (zipped(a__pt=plain()), "it was taken out of a zip archive, where it is called a.pt"),
        (zipped(zipfile.ZIP_STORED, x___a__pkl=foreign.nvidia_pickle(nvidia(), clamp=None)), "called a.pkl"),
        (zipped(a__safetensors=safe, README__md=b"x", __MACOSX___a__pt=b"x"), "called a.safetensors"),
        (repacked(plain()), None),
        (gzip.compress(plain()), None),
        (gzip.compress(foreign.tf_pickle(nvidia())), None),
        (zipped(a__pkl__gz=gzip.compress(plain())), "called a.pkl.gz"),
    ):
        opened(written(tmp_path / "a.zip", data), twin, note=note)


def test_a_config_in_the_archive_counts(tmp_path: Path) -> None:
    data = zipped(x___a__pt=foreign.torch_file(nvidia()), x___config__json=b'{"conv_clamp": 7}')
    assert read(written(tmp_path / "a.zip", data)).clamp == 7


def test_archives_of_something_else_are_called_by_their_names(tmp_path: Path) -> None:
    for data, sentence in (
        (zipped(a__pt=plain(), b__pt=plain()), "several networks (a.pt, b.pt ...): unpack it, and open one of them"),
        (zipped(README__md=b"x", x__txt=b"y"), "something else than torch weights"),
        (zipped(v__npy=b"x"), "arrays (.npz)"),
        (zipped(model__weights__h5=b"x", config__json=b"x"), "it is a Keras model"),
        (zipped(a__pt=PAGE), "it is a web page (Quota exceeded)"),
        (gzip.compress(PAGE), "it is a web page (Quota exceeded)"),
    ):
        refused(written(tmp_path / "a.zip", data), sentence)


def test_bombs_are_refused_at_once(tmp_path: Path) -> None:
    """Ten gigabytes of zeros, in ten megabytes; and in an archive that lies about its size."""
    megabyte = gzip.compress(b"\0" * 2**20)
    bomb = tmp_path / "bomb.pkl.gz"
    bomb.write_bytes(megabyte * 10_000)
    small = zipped(a__pt=b"\0" * 2**25)
    huge = bytearray(small)
    for mark, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        start = huge.index(mark) + place
        huge[start : start + 4] = (10**9).to_bytes(4, "little")
    torchs = repacked(foreign.torch_file({"synthesis.b4.const": torch.zeros(2**23)}))
    for path in (bomb, *(written(tmp_path / f"{i}.zip", bytes(data)) for i, data in enumerate((small, huge, torchs)))):
        start = time.monotonic()
        refused(path, "unpacks to far more than it has")
        assert time.monotonic() - start < 2


# Known projects


def named(*names: str) -> State:
    return {name: torch.ones(2) for name in names}


PROJECTS: dict[str, tuple[object, str]] = {
    "lucidrains": ({"GAN": named("S.net.0.weight", "GE.initial_block"), "version": "1"}, "lucidrains' stylegan2"),
    "lucidrains bare": (named("G.initial_block", "G.blocks.0.to_style1.weight"), "lucidrains' stylegan2-pytorch"),
    "lightweight": ({"GAN": named("GE.initial_conv.0.weight", "GE.layers.0.0.1.weight")}, "lightweight-gan"),
    "FastGAN": ({"g": named("init.init.0.weight_orig", "feat_8.1.weight_orig", "se_64.main.1.weight")}, "FastGAN"),
    "StyleGAN-XL": (named("synthesis.input.freqs", "mapping.embed_proj.weight", "mapping.w_avg"), "a StyleGAN-XL"),
    "EG3D": (
        {**begun("backbone.", nvidia()), **named("decoder.net.0.weight", "superresolution.block0.conv0.weight")},
        "an EG3D",
    ),
    "Stable Diffusion": ({"state_dict": named("model.diffusion_model.out.2.bias")}, "a Stable Diffusion"),
    "diffusion": (named("time_embed.0.weight", "input_blocks.0.0.weight"), "a diffusion model (its U-Net)"),
    "VQGAN": (named("encoder.conv_in.weight", "decoder.conv_in.weight", "quantize.embedding.weight"), "VQGAN"),
    "StyleGAN2 critic": (
        {"d": {**CRITIC, "final_linear.0.weight": torch.ones(2)}},
        "a discriminator of StyleGAN2",
    ),
    "NVIDIA critic": (named("b16.fromrgb.weight", "b4.conv.weight", "b4.fc.weight"), "a discriminator in NVIDIA's"),
    "GenForce critic": (
        {"discriminator": named("input0.weight", "layer0.weight", "layer1.weight")},
        "a discriminator in GenForce's code",
    ),
    "zoo critic": (named("fromRGBLayers.0.module.weight", "decisionLayer.module.weight"), "a discriminator of PGGAN"),
    "DCGAN critic": (
        {"main.0.weight": torch.ones(8, 3, 4, 4), "main.2.weight": torch.ones(1, 8, 4, 4)},
        "a discriminator of DCGAN",
    ),
    "encoder": (named("input_layer.0.weight", "styles.0.convs.0.weight"), "an encoder of pSp or e4e"),
    "ResNet": (named("conv1.weight", "layer1.0.conv1.weight", "fc.weight"), "a classifier (ResNet)"),
    "CLIP": (named("visual.conv1.weight", "text_projection", "logit_scale"), "a CLIP"),
    "StarGAN": (named("main.0.weight", "main.9.main.0.weight"), "a StarGAN, which turns a picture into a picture"),
    "CycleGAN": (named("model.1.weight", "model.10.conv_block.1.weight"), "a CycleGAN or pix2pix"),
    "SinGAN": ([named("head.conv.weight", "body.block1.conv.weight", "tail.0.weight")], "a SinGAN"),
    "StyleSwin": (named("layers.0.blocks.0.norm1.style.weight", "to_rgbs.0.conv.weight"), "a StyleSwin"),
    "GigaGAN": (named("style_to_conv_modulations.weight", "layers.0.weight"), "a GigaGAN"),
    "ESRGAN": ({"params_ema": named("conv_first.weight", "body.0.rdb1.conv1.weight")}, "enlarges pictures"),
    "language": (named("model.layers.0.self_attn.q_proj.weight"), "a language model"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROJECTS)
def test_known_projects_are_called_by_their_names(tmp_path: Path, name: str) -> None:
    tree, sentence = PROJECTS[name]
    refused(written(tmp_path / "a.pt", tree), sentence)


def test_no_row_of_another_project_fits_a_generator_that_is_drawn() -> None:
    """The control for those that are asked before the formats."""
    states = [nvidia(), rosinality(), foreign.genforce(nvidia()), foreign.genforce_pggan(tiny.pggan())]
    states += [foreign.genforce_pggan(tiny.pggan(), old=True)]
    assert [others.among(others.FIRST, state) for state in states] == [None] * len(states)
