"""What a reader says in the browser is what PyTorch's says of the same pictures, and what knobs change is core's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from core import zoo
from core.codes import codes_in_turn, edit
from core.factorization.baseline import spread_along
from core.factorization.sefa import sefa
from core.generators.base import Generator
from core.precision import in_float32
from core.truth import scores
from core.truth.readers import Classifier, FactorReader, Reader
from engine.pack import pack, pack_reader

from .. import tiny
from .opened import Site, opened
from .test_browser_engine import odd_dcgan

pytestmark = pytest.mark.browser
one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
EXACT, HALF = 1e-4, 0.005  # of readings, nominally in 0..1: sums in another order; both packs in float16
READ = 6  # pictures
NAMES = ("yaw", "smile", "light")


@torch.no_grad()
def twin(generator: Generator, kind: type[Reader], widths: tuple[int, ...]) -> tuple[Generator, Reader]:
    """A network, and a small reader whose batch norms know its pictures."""
    how = dict(resolution=generator.resolution, names=NAMES, widths=widths, hidden=7)
    reader = tiny.stirred(lambda: kind(**how), 5).train()
    for layer in reader.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.momentum = None  # the mean and the variance of all that is seen
    reader(pictures(generator))
    return generator, reader.eval()


def pictures(generator: Generator) -> torch.Tensor:
    codes = generator.codes(generator.sample(64, 99), label=0 if generator.classes else None)
    return generator(codes).clamp(-1, 1)


PAIRS: dict[str, Callable[[], tuple[Generator, Reader]]] = {
    "factors": lambda: twin(tiny.stylegan2(), FactorReader, (6, 5, 4)),
    "classes": lambda: twin(tiny.biggan(), Classifier, (5, 8)),
    "odd": lambda: twin(odd_dcgan(), Reader, (6, 5)),
    "portraits": lambda: (trained("portraits-stylegan2"), zoo.load_reader("portraits")),
    "objects": lambda: (trained("objects-biggan"), zoo.load_reader("objects")),
}


def trained(name: str) -> Generator:
    return in_float32(zoo.load(name))


@cache
def pair(name: str) -> tuple[Generator, Reader]:
    return PAIRS[name]()


@pytest.fixture(scope="module")
def site(browser) -> Iterator[Site]:
    with opened(browser) as made:
        yield made


def packed(site: Site, name: str, dtype: str) -> tuple[str, str]:
    """The names of the packs of a pair."""
    generator, reader = pair(name)
    names = f"{name}-network-{dtype}", f"{name}-reader-{dtype}"
    for one, make in zip(names, (lambda: pack(generator, dtype), lambda: pack_reader(reader, dtype))):
        if one not in site.packs:
            site.packs[one] = make()
    return names


def codes_of(name: str, n: int = READ) -> torch.Tensor:
    generator = pair(name)[0]
    return generator.codes(generator.sample(n, 0), label=1 if generator.classes else None)


@pytest.mark.parametrize("dtype, allowed", [("float32", EXACT), ("float16", HALF)])
@pytest.mark.parametrize("name", PAIRS)
def test_readings_are_pytorchs(site: Site, name: str, dtype: str, allowed: float) -> None:
    generator, reader = pair(name)
    codes = codes_of(name)
    found = site.read(*packed(site, name, dtype), codes.numpy())
    wanted = scores.read_codes(generator, reader, codes).numpy()
    print(name, dtype, np.abs(found - wanted).max(), wanted.std(0).max())
    assert np.abs(found - wanted).max() < allowed and wanted.std(0).max() > 3 * allowed


def test_a_weight_that_is_changed_is_seen(site: Site) -> None:
    name, (generator, reader) = "factors", pair("factors")
    network, _ = packed(site, name, "float32")
    changed = copy.deepcopy(reader)
    changed.body[1][0].weight[0, 0, 1, 1] += 0.5
    site.packs["changed"] = pack_reader(changed, "float32")
    codes = codes_of(name)
    wanted = scores.read_codes(generator, reader, codes).numpy()
    assert np.abs(site.read(network, "changed", codes.numpy()) - wanted).max() > EXACT


def test_reading_is_the_same_to_the_bit_alone_in_a_batch_and_beside_drawing(site: Site) -> None:
    names = packed(site, "factors", "float32")
    codes = codes_of("factors").numpy()
    whole = site.read(*names, codes)
    np.testing.assert_array_equal(whole[3:4], site.read(*names, codes[3:4]))
    site.draw(names[0], codes[:5])
    np.testing.assert_array_equal(whole, site.read(*names, codes, lane="another"))


def test_what_cannot_be_read_is_a_sentence(site: Site) -> None:
    network, reader = packed(site, "factors", "float32")
    _, other = packed(site, "odd", "float32")
    asked = {
        "pictures of 28 pixels a side; this network draws 16": other,
        "was closed": reader,
    }
    for words, by in asked.items():
        script = """async ([network, reader, close]) => {
            const by = await engine.open(`/packs/${reader}`), net = await opened(network);
            if (close) await by.close();
            await net.read(await net.codes(0), by);
        }"""
        said = site.sentence(script, [network, by, by == reader])
        assert words in said and said.endswith("."), said


# What knobs change


MEASURE = """async ([network, reader, given]) => {
    const {turned, readings} = await import("/sub/measure.js");
    const net = await opened(network), by = await opened(reader), {first, faces, psi, slots, spread, amount} = given;
    const knobs = given.vectors.map((vector, k) => ({vector, slots, step: given.steps[k]}));
    const codes = await net.codes(first, {n: faces, psi, label: 1}), seen = [];
    let last;
    for await (last of turned(net, by, codes, knobs, {spread, amount})) seen.push(last.done);
    window.seen = seen;
    return [...last.changes.flat(2), ...last.differences.flat()];
}"""


@pytest.mark.parametrize("name, faces, allowed", [("factors", 9, 1e-3), ("portraits", 9, 1e-3)])
def test_what_knobs_change_is_what_core_measures_of_the_same_seeds(
    site: Site, name: str, faces: int, allowed: float
) -> None:
    generator, reader = pair(name)
    knobs, spread = sefa(generator, k=3), torch.linspace(0.1, 0.4, len(reader.names))
    steps = spread_along(generator, knobs, samples=256)
    how = dict(first_seed=1_020_000, psi=0.7, amount=0.8)
    wanted = scores.knob_changes(generator, reader, knobs, steps, spread, seeds=faces, **how)
    given = dict(first=how["first_seed"], faces=faces, psi=0.7, amount=0.8, slots=knobs.slots)
    given |= dict(vectors=knobs.vectors.tolist(), steps=steps.tolist(), spread=spread.tolist())
    found = site.array(MEASURE, [*packed(site, name, "float32"), given])
    changes, differences = found[: wanted.numel()].reshape(wanted.shape), found[wanted.numel() :].reshape(3, faces)
    assert np.abs(changes - wanted.numpy()).max() < allowed * float(wanted.abs().max())
    codes = codes_in_turn(generator, faces, how["first_seed"], psi=0.7)
    plus, minus = (
        generator(edit(codes, knobs, [sign * 0.8 * float(steps[0])])).clamp(-1, 1).detach() for sign in (1, -1)
    )
    rms = 127.5 * (plus - minus).square().mean((1, 2, 3)).sqrt() / 1.6
    np.testing.assert_allclose(differences[0], rms.numpy(), rtol=1e-3)
    done = site.page.evaluate("seen")
    assert done[0] == 1 and done[-1] == faces and done == sorted(set(done))


def test_a_measurement_that_is_stopped_ends_with_what_it_has(site: Site) -> None:
    script = """async ([network, reader]) => {
        const {readings} = await import("/sub/measure.js"), net = await opened(network), by = await opened(reader);
        const stop = new AbortController(), codes = await net.codes(0, {n: 40}), seen = [];
        for await (const {done} of readings(net, by, codes, {signal: stop.signal})) {
            seen.push(done);
            if (seen.length === 2) stop.abort();
        }
        return seen;
    }"""
    assert site.page.evaluate(script, list(packed(site, "factors", "float32"))) == [1, 3]


def test_numbers_of_changes_are_cores(site: Site) -> None:
    changes = torch.randn(5, 12, 4, generator=torch.Generator().manual_seed(1)) / 4
    changes += torch.eye(5, 4)[:, None] * torch.tensor([0.9, 0.55, 0.3, 0.9, 0])[:, None, None]
    changes[0, 0, 0] = 0
    readable = torch.tensor([True, True, True, False])
    script = """async ([changes, readable, a, b]) => {
        const m = await import("/sub/measure.js"), of = (f) => changes.flatMap(f);
        return [...of(m.mean), ...of(m.sameSign), ...of(m.deviation), ...changes.map(m.purity),
                ...changes.map(m.strongest), m.rankCorrelation(a, b), ...m.foundByEffect(changes, readable)];
    }"""
    a, b = [3.0, 1.0, 1.0, 5.0, 2.0], [2.0, 2.0, 0.0, 9.0, 4.0]
    found = scores.found_by_effect(changes, NAMES + ("more",), readable)
    wanted = [
        *(changes.mean(1), scores.same_sign(changes), changes.std(1), scores.purity(changes)),
        *(changes.mean(1).abs().argmax(1), torch.tensor([scores.rank_correlation(torch.tensor(a), torch.tensor(b))])),
        torch.tensor([i for i, name in enumerate(NAMES) if name in found.names]),
    ]
    made = site.array(script, [changes.tolist(), readable.tolist(), a, b])
    np.testing.assert_allclose(made, torch.cat([one.flatten().double() for one in wanted]).numpy(), atol=1e-5)
    assert found.count == 2
