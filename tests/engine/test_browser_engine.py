"""What the browser draws is what PyTorch draws, from any layer on; newest requests win; what fails is a sentence."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from core import zoo
from core.codes import Directions, edit
from core.generators.base import Generator
from core.generators.dcgan import DCGAN, Conv, Dense
from core.generators.stylegan2 import StyleGAN2
from core.images import to_uint8
from core.inversion.multicode import Mixer
from core.precision import in_float32
from engine.pack import pack, qualifies

from .. import tiny
from .opened import Site, opened

pytestmark = pytest.mark.browser
one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
EXACT, HALF = 0.01, 1.0  # levels of 255: sums in another order; weights in float16
SEEDS = 20


def odd_dcgan() -> DCGAN:
    """Maps of 7 and 14 pixels, which 4 does not divide; 5 x 5 kernels, strides of 1 and 2, a phase that reads nothing,
    uniform z, and an end at a sigmoid.
    """
    layers = (
        Dense(6, 7, 0.1, True),
        Conv(5, 5, 1, 2, slope=0.2),
        Conv(4, 5, 2, 2, 1, affine=True),
        Conv(4, 1, 2, 0, 1, slope=0.2),
        Conv(1, 3, 1, 1, transposed=False),
    )
    return tiny.stirred(lambda: DCGAN(z_dim=20, layers=layers, end="sigmoid", distribution="uniform"), 3)


def flat_biggan() -> Generator:
    return tiny.biggan(hierarchical=False)


def uncovered_stylegan2() -> Generator:
    return tiny.stylegan2_rgba().without_transparency()


def labelled_stylegan2() -> Generator:
    """With classes, a mapping of another width, and noise of a seed."""
    how = dict(z_dim=18, dim=12, mapping_layers=3, mapping_width=9, classes=3)
    return tiny.stirred(lambda: StyleGAN2(resolution=16, channels=(6, 5, 4), **how), 4).at(noise=3)


TWINS: dict[str, Callable[[], Generator]] = {
    **{name: make for name, make in tiny.GENERATORS.items() if not qualifies(make())},
    **{make.__name__: make for make in (odd_dcgan, flat_biggan, uncovered_stylegan2, labelled_stylegan2)},
}
TRAINED = ("portraits-stylegan2", "portraits-pggan", "objects-biggan", "faces-dcgan")


@cache
def network(name: str) -> Generator:
    if name in TWINS:
        return TWINS[name]()
    if not zoo.is_here(name):
        pytest.skip(f"{name} is not on this machine")
    return in_float32(zoo.load(name))


@pytest.fixture(scope="module")
def site(browser) -> Iterator[Site]:
    with opened(browser) as made:
        yield made


def codes_of(generator: Generator, n: int, seed: int = 0) -> Tensor:
    return generator.codes(generator.sample(n, seed), psi=0.7, label=1 if generator.classes else None)


@cache
def of_seeds(name: str) -> tuple[Tensor, Tensor]:
    """Codes of the seeds, and PyTorch's pictures."""
    codes = codes_of(network(name), SEEDS)
    return codes, images_of(network(name), codes)


@torch.no_grad()
def images_of(generator: Generator, codes: Tensor) -> Tensor:
    return torch.cat([generator(code[None]) for code in codes])


def apart(images: np.ndarray, wanted: Tensor) -> float:
    """The largest difference in levels of 255, of what is seen."""
    return float(127.5 * np.abs(images.clip(-1, 1) - wanted.numpy().clip(-1, 1)).max())


def packed(site: Site, name: str, generator: Generator, dtype: str = "float32") -> str:
    site.packs.setdefault(f"{name}-{dtype}", b"") or site.packs.update({f"{name}-{dtype}": pack(generator, dtype)})
    return f"{name}-{dtype}"


# Pictures


@pytest.mark.parametrize("dtype, allowed", [("float32", EXACT), ("float16", HALF)])
@pytest.mark.parametrize("name", [*TWINS, *TRAINED])
def test_twenty_seeds_are_pytorchs_pictures(site: Site, name: str, dtype: str, allowed: float) -> None:
    codes, wanted = of_seeds(name)
    images, levels, _ = site.draw(packed(site, name, network(name), dtype), codes.numpy())
    assert apart(images, wanted) < allowed
    seen = levels[..., :3].astype(int)
    assert np.abs(seen - to_uint8(wanted)).max() <= 1 and (levels[..., 3] == 255).all()
    np.testing.assert_array_equal(seen, to_uint8(torch.from_numpy(images.copy())))  # rounded alike


@pytest.mark.parametrize("name", [*TWINS, *TRAINED])
def test_only_the_layers_that_a_slot_changes_are_drawn(site: Site, name: str) -> None:
    generator = network(name)
    base = codes_of(generator, 1, seed=3).repeat(generator.slots, 1, 1)
    moved = base.clone()
    moved[range(generator.slots), range(generator.slots)] += 0.5
    stored, before = packed(site, name, generator), dict(lane="slots")
    site.draw(stored, base.numpy(), **before)
    images, levels, starts = site.draw(stored, moved.numpy(), **before)
    assert starts == [generator.start([slot]) for slot in range(generator.slots)]
    again, whole, zeros = site.draw(stored, moved.numpy(), **{"from": 0}, **before)
    assert set(zeros) == {0}
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(levels, whole)
    assert apart(images, images_of(generator, moved)) < EXACT


@pytest.mark.parametrize("name", [*TWINS, *TRAINED])
def test_from_any_layer_on_is_the_whole_to_the_bit(site: Site, name: str) -> None:
    layers = len(network(name).layers)
    starts, equal = site.page.evaluate(
        """async (name) => {
            const network = await opened(name), codes = await network.codes(5), how = {lane: "layers", image: true};
            const whole = await network.draw(codes, {...how, from: 0}), made = [];
            for (let k = network.layers; k >= 0; k--) made.push(await network.draw(codes, {...how, from: k}));
            const same = ({images: [a]}) => a.every((x, i) => Object.is(x, whole.images[0][i]));
            return [made.map((one) => one.from[0]), made.every(same)];
        }""",
        packed(site, name, network(name)),
    )
    assert starts == list(range(layers, -1, -1)) and equal


@pytest.mark.parametrize("name", ["stylegan2", "pggan", "dcgan", "biggan", "portraits-stylegan2"])
def test_one_weight_that_is_changed_is_seen(site: Site, name: str) -> None:
    generator, changed = network(name), TWINS[name]() if name in TWINS else zoo.load(name)
    layer = changed.layers[-1]
    kernel = layer.convs[-1].weight if name == "biggan" else layer.conv.weight if "style" in name else layer.weight
    kept = kernel[0, 0, 1, 1].item()
    try:
        kernel[0, 0, 1, 1] += 0.5
        site.packs[f"{name}-changed"] = pack(changed, "float32")
    finally:
        kernel[0, 0, 1, 1] = kept
    codes = codes_of(generator, 2)
    images, _, _ = site.draw(f"{name}-changed", codes.numpy())
    assert apart(images, images_of(generator, codes)) > EXACT


# Mixtures


@pytest.mark.parametrize("name", ["stylegan2", "pggan", "dcgan", "biggan", "stylegan2_rgba", "portraits-stylegan2"])
def test_codes_are_mixed_after_any_layer_as_mganprior_mixes_them(site: Site, name: str) -> None:
    generator, codes = network(name), codes_of(network(name), 3)
    stored = packed(site, name, generator)
    for layer in range(len(generator.layers) + 1):
        mixer = Mixer.of(generator, codes, layer)
        importances = 1 / 3 + tiny.normal(3, mixer.channels, seed=layer).float()
        wanted = mixer(codes, importances).detach()
        mixture = dict(importances=importances.flatten().tolist(), layer=layer, unit=mixer.unit)
        images, _, _ = site.draw(stored, codes.numpy(), lane="mixed", mixture=mixture)
        assert apart(images, wanted) < EXACT
        other = dict(mixture, importances=importances.flip(0).flatten().tolist())
        images, _, _ = site.draw(stored, codes.numpy(), lane="mixed", mixture=other)
        assert apart(images, wanted) > EXACT
        mixture["importances"].pop()
        said = site.sentence(
            "async ([name, how]) => (await opened(name)).draw(await numbers('codes'), how)",
            [stored, dict(mixture=mixture)],
        )
        assert said == "These importances were made for another network."


# Codes


@pytest.mark.parametrize("name", [*TWINS, *TRAINED])
def test_codes_of_seeds_are_pytorchs(site: Site, name: str) -> None:
    generator = network(name)
    stored = packed(site, name, generator, "float16")
    for how in (dict(psi=0.7), dict(psi=0.5, cutoff=1), {}):
        made = site.array(
            "async ([name, how]) => (await opened(name)).codes(7, {n: 3, label: 1, ...how})", [stored, how]
        )
        wanted = generator.codes(generator.sample(3, 7), label=1 if generator.classes else None, **how)
        assert np.abs(made.reshape(wanted.shape) - wanted.numpy()).max() < 1e-5


def test_normal_numbers_of_any_count_and_seed_are_pytorchs(site: Site) -> None:
    for n, seed in ((5, 0), (15, 3), (16, 1), (17, 2), (100, 2**31), (512, 2**32 - 1), (700, 2**40 + 9)):
        made = site.array("async ([seed, n]) => (await import('/sub/codes.js')).normal(seed, n)", [seed, n])
        wanted = torch.randn(n, generator=torch.Generator().manual_seed(seed))
        assert np.abs(made - wanted.numpy()).max() < 1e-5


@pytest.mark.parametrize("own", [False, True])
def test_codes_are_moved_as_in_core(site: Site, own: bool) -> None:
    generator, slots = network("stylegan2"), (1, 2, 4)
    shape = (2, len(slots), generator.dim) if own else (2, generator.dim)
    directions = Directions(tiny.normal(*shape).float(), torch.zeros(2), slots)
    codes = codes_of(generator, 2)
    given = dict(vectors=directions.vectors.flatten(1).tolist(), slots=slots)
    for amounts in ([1.5, -0.25], [2.0], [0.0, 0.0]):
        made = site.array(
            "async ([name, codes, given, amounts]) => (await opened(name)).edit(codes, given, amounts)",
            [packed(site, "stylegan2", generator), codes.flatten().tolist(), given, amounts],
        )
        np.testing.assert_array_equal(made.reshape(codes.shape), edit(codes, directions, amounts).numpy())


# Requests


def test_the_newest_request_wins(site: Site) -> None:
    """Of thirty moves at once the first and the last are drawn; the pictures of the others are never made."""
    name = packed(site, "stylegan2", network("stylegan2"))
    drawn, equal = site.page.evaluate(
        """async (name) => {
            const network = await opened(name), codes = await network.codes(0, {n: 30}), size = codes.length / 30;
            const one = (i) => codes.slice(i * size, (i + 1) * size);
            const made = await Promise.all(Array.from({length: 30}, (_, i) => network.draw(one(i), {lane: "knob"})));
            const last = await network.draw(one(29), {lane: "again"});
            return [made.map((answer) => answer !== null),
                    made[29].pictures[0].data.join() === last.pictures[0].data.join()];
        }""",
        name,
    )
    assert drawn == [True, *[False] * 28, True] and equal


def test_a_single_picture_goes_before_those_of_a_batch(site: Site) -> None:
    order = site.page.evaluate(
        """async (name) => {
            const network = await opened(name), codes = await network.codes(0, {n: 12}), order = [];
            const batch = network.draw(codes, {lane: "faces"}).then(() => order.push("batch"));
            const one = network.draw(codes.slice(0, codes.length / 12), {lane: "stage"}).then(() => order.push("one"));
            await Promise.all([batch, one]);
            return order;
        }""",
        packed(site, "stylegan2", network("stylegan2")),
    )
    assert order == ["one", "batch"]


def test_more_pictures_than_are_kept_are_right_as_well(site: Site) -> None:
    generator = network("stylegan2")
    codes = codes_of(generator, 70)
    images, _, _ = site.draw(packed(site, "stylegan2", generator), codes.numpy(), lane="many")
    assert apart(images, images_of(generator, codes)) < EXACT


def test_a_network_that_is_open_asks_the_server_for_nothing(site: Site) -> None:
    name = packed(site, "dcgan", network("dcgan"))
    site.page.evaluate("(name) => opened(name).then(() => null)", name)
    before = len(site.asked)
    site.page.evaluate("async (name) => { const n = networks[name]; await n.draw(await n.codes(3)); }", name)
    assert site.asked[before:] == []


def test_facts_and_numbers_of_a_pack_arrive_and_its_progress_is_told(site: Site) -> None:
    generator = network("biggan")
    site.packs["told"] = pack(generator, about=dict(title="Tiny"), numbers=dict(knobs=torch.ones(2, 3)))
    told = site.page.evaluate(
        """async () => {
            const seen = [], network = await engine.open("/packs/told", {progress: (...now) => seen.push(now)});
            const {about, numbers, architecture, classes, layers} = network;
            return {about, knobs: numbers.knobs.shape, architecture, classes, layers, last: seen.at(-1)};
        }"""
    )
    size = len(site.packs["told"])
    assert told == dict(
        about=dict(title="Tiny"), knobs=[2, 3], architecture="BigGAN", classes=3, layers=3, last=[size, size]
    )


# Sentences


def headed(made: bytes, change: Callable[[dict], None]) -> bytes:
    line, _, data = made.partition(b"\n")
    head = json.loads(line)
    change(head)
    return json.dumps(head).encode() + b" " * (-(len(json.dumps(head)) + 1) % 16) + b"\n" + data


def damaged(made: bytes) -> bytes:
    return made[:-9] + bytes([made[-9] ^ 1]) + made[-8:]


def shorter(head: dict) -> None:
    head["tensors"].popitem()


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "no pack": lambda made: b"<!doctype html>\n<p>Not found",
    "no pack of a": lambda made: made[:300],
    "bytes instead of": lambda made: made[:-100],
    "damaged": damaged,
    "version 2": lambda made: headed(made, lambda head: head.update(version=2)),
    "asks for fourier": lambda made: headed(made, lambda head: head["layers"][0]["ops"][0].update(op="fourier")),
    "asks for constructor": lambda made: headed(made, lambda head: head["end"]["ops"][0].update(op="constructor")),
    "before it is made": lambda made: headed(made, lambda head: head["layers"][1]["ops"][0].update(of="nothing")),
    "lacks the tensor": lambda made: headed(made, lambda head: head["end"]["ops"][0].update(kernel="9.gone")),
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_pack_is_a_sentence(site: Site, words: str) -> None:
    site.packs["broken"] = BROKEN[words](pack(network("dcgan"), "float32"))
    said = site.sentence("() => engine.open('/packs/broken', {progress: () => {}})")
    assert words in said and said.endswith(".") and "no sentence" not in said


def test_what_is_asked_wrongly_is_a_sentence(site: Site) -> None:
    name = packed(site, "biggan", network("biggan"))
    asked = {
        "the server answered 404": "() => engine.open('/packs/nothing')",
        "3 x 17 numbers each; these are 50": "(name) => opened(name).then((n) => n.draw(new Float32Array(50)))",
        "not finite": "(name) => opened(name).then((n) => n.draw(new Float32Array(51).fill(NaN)))",
        "the classes 0 to 2": "(name) => opened(name).then((n) => n.codes(0, {label: 3}))",
        "A seed is": "(name) => opened(name).then((n) => n.codes(-1))",
        "for another network": "(name) => opened(name).then((n) => n.edit(new Float32Array(51), "
        "{vectors: [[1, 2]], slots: [0]}, [1]))",
        "was closed": "() => { const e = new engine.constructor(); e.close(); return e.open('/packs/told'); }",
    }
    for words, script in asked.items():
        said = site.sentence(script, name)
        assert words in said and said.endswith("."), said


@pytest.mark.parametrize("file, words", [("worker.js", "could not be loaded"), ("generator.wasm", "answered 404")])
def test_an_engine_that_is_not_all_there_is_a_sentence(site: Site, file: str, words: str) -> None:
    site.packs["told"] = pack(network("dcgan"))
    site.page.route(f"**/sub/{file}", lambda route: route.fulfill(status=404))
    try:
        said = site.sentence("() => new engine.constructor().open('/packs/told')")
    finally:
        site.page.unroute(f"**/sub/{file}")
    assert words in said and said.endswith(".")


def test_a_closed_network_is_a_sentence_and_the_others_go_on(site: Site) -> None:
    generator = network("pggan")
    site.packs["closed"] = pack(generator)
    script = "() => engine.open('/packs/closed').then(async (n) => { await n.close(); await n.codes(0); })"
    assert "closed" in site.sentence(script)
    codes = codes_of(generator, 1)
    assert apart(site.draw(packed(site, "pggan", generator), codes.numpy())[0], images_of(generator, codes)) < EXACT


def test_the_checksum_is_what_the_pack_says() -> None:
    head, _, data = pack(network("dcgan")).partition(b"\n")
    assert json.loads(head)["crc32"] == zlib.crc32(data) != zlib.crc32(damaged(data))
