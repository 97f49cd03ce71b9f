"""Packs, and the committed engine, without a browser: what is packed, what is refused, and of which source it is."""

from __future__ import annotations

import copy
import gzip
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from core import zoo
from core.generators.dcgan import DCGAN, Conv, Dense
from core.generators.pggan import PGGAN
from engine import JS, build
from engine.pack import MOST_PARAMETERS, pack, qualifies

from .. import tiny

TWINS = [name for name, make in tiny.GENERATORS.items() if not qualifies(make())]
OVER_THE_LINE = 25_000  # bytes of the engine, compressed
FIRST_NETWORK = 2_100_000  # bytes of the first network, compressed


def parts(made: bytes) -> tuple[dict, bytes]:
    line, _, data = made.partition(b"\n")
    return json.loads(line), data


# What is packed


def test_each_architecture_that_is_promised_has_a_twin_that_qualifies() -> None:
    assert {type(tiny.GENERATORS[name]()).__name__ for name in TWINS} == {"StyleGAN2", "PGGAN", "DCGAN", "BigGAN"}


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_same_generator_makes_the_same_bytes_and_the_header_says_what_they_are(name: str, dtype: str) -> None:
    generator = tiny.GENERATORS[name]()
    made = pack(generator, dtype)
    assert made == pack(copy.deepcopy(generator), dtype)
    head, data = parts(made)
    assert (head["slots"], head["dim"], head["resolution"]) == (generator.slots, generator.dim, generator.resolution)
    assert head["reads"] == [list(read) for read in generator.reads] and len(head["layers"]) == len(generator.layers)
    assert (len(data), zlib.crc32(data)) == (head["bytes"], head["crc32"])
    assert (len(made) - len(data)) % 16 == 0


def test_a_tensor_can_be_read_by_what_the_document_says() -> None:
    head, data = parts(pack(tiny.pggan(), "float32", numbers=dict(knobs=torch.arange(6.0).reshape(2, 3))))
    kind, first, shape = head["tensors"]["numbers.knobs"]
    halves = sum(-(-int(np.prod(one)) // 4) * 4 for of, _, one in head["tensors"].values() if of == "float16")
    numbers = np.frombuffer(data[2 * halves :], "<f4")[first : first + 6].reshape(shape)
    assert kind == "float32" and numbers.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_half_the_bytes_in_float16_and_less_without_seeds() -> None:
    generator = zoo.load("portraits-stylegan2")
    whole, half, alone = pack(generator, "float32"), pack(generator), pack(generator, seeds=False)
    assert len(alone) < len(half) < 0.6 * len(whole)
    assert parts(alone)[0]["codes"] is None
    assert len(gzip.compress(half)) < FIRST_NETWORK


def test_facts_for_the_page_are_in_the_header() -> None:
    assert parts(pack(tiny.dcgan(), about=dict(title="Tiny")))[0]["about"] == dict(title="Tiny")


# What is refused


def dcgan(*rows: Conv, **how) -> DCGAN:
    return DCGAN(z_dim=4, layers=(Dense(4, 4), *rows), **how)


REFUSED = {
    "not R3GAN": tiny.r3gan,
    "not BigGANDeep": tiny.biggan_deep,
    "13.1 million": lambda: PGGAN(resolution=8, channels=(800, 100), dim=512),
    "this network draws 256": lambda: PGGAN(resolution=256, channels=(4,) * 7, dim=4),
    "layer 2 has a stride of 3": lambda: dcgan(Conv(4, 3, 3), Conv(3, 3, 1, 1)),
    "layer 2 has a stride of 2": lambda: dcgan(Conv(4, 3, 2, 1, transposed=False), Conv(3, 3, 1, 1)),
    "layer 2 has an up-sampling of 4": lambda: dcgan(Conv(3, 3, 1, 1, up=4, transposed=False)),
    "a bilinear up-sampling": lambda: dcgan(Conv(3, 3, 1, 1, up=2, transposed=False), up_mode="bilinear"),
    "layer 2 has weights between all pixels": lambda: DCGAN(
        z_dim=4, layers=(Dense(4, 4), Dense(4, 4), Conv(3, 3, 1, 1))
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_the_browser_does_not_draw_is_refused_in_a_sentence(words: str) -> None:
    generator = REFUSED[words]()
    said = qualifies(generator)
    assert words in said and said[0].isupper() and said.endswith(".")
    with pytest.raises(ValueError, match="browser"):
        pack(generator)


def test_the_bundled_models_qualify() -> None:
    for card in zoo.CARDS.values():
        if not card.own:
            generator = zoo.load(card.name)
            assert qualifies(generator) is None
            assert sum(tensor.numel() for tensor in generator.parameters()) < MOST_PARAMETERS


def test_another_dtype_and_a_weight_that_is_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="float16 or float32, not of 'int8'"):
        pack(tiny.dcgan(), "int8")
    broken = tiny.dcgan()
    broken.layers[1].weight[0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="not all finite"):
        pack(broken)


def test_numbers_too_large_for_float16_stay_as_they_are() -> None:
    generator = tiny.dcgan()
    generator.layers[0].weight.mul_(1e6)
    kind, first, shape = parts(pack(generator))[0]["tensors"]["0.x.weight"]
    assert kind == "float32"
    assert parts(pack(tiny.dcgan()))[0]["tensors"]["0.x.weight"][0] == "float16"


# The committed engine


def test_the_committed_engine_was_made_of_this_source() -> None:
    assert build.made_of() == build.source_hash()


def test_a_changed_source_is_seen(tmp_path: Path) -> None:
    changed = tmp_path / "generator.c"
    changed.write_bytes(build.SOURCE.read_bytes() + b"\n")
    assert build.made_of() != build.source_hash(changed)
    changed.write_bytes(build.SOURCE.read_bytes().replace(b"\n", b"\r\n"))  # as it is checked out on Windows
    assert build.made_of() == build.source_hash(changed)
    with pytest.raises(ValueError, match="no module of WebAssembly"):
        build.sections(build.SOURCE.read_bytes())


def test_the_engine_is_small_over_the_line() -> None:
    files = [path.read_bytes() for path in JS.iterdir()]
    assert len(files) == 9 and sum(len(gzip.compress(data)) for data in files) < OVER_THE_LINE
