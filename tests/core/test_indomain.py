"""In-domain inversion, on a twin whose encoder is planted: it knows the codes of a plane, and pulls others onto it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.generators.padding import Padding, no_padding, with_padding
from core.inversion.indomain import invert, outside
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


def planted() -> tuple:
    generator = tiny.stylegan2().requires_grad_(False)
    native, other = generator.codes(generator.sample(2, 3)).split(1)
    return generator, tiny.PlantedEncoder(native), native, generator(other).clamp(-1, 1)


def last(stream):
    *_, step = stream
    return step


def test_the_picture_of_a_known_code_is_where_it_starts_and_stays() -> None:
    generator, encoder, native, _ = planted()
    steps = list(invert(generator, encoder, generator(native), steps=3))
    assert [step.i for step in steps] == [0, 1, 2, 3] and steps[0].loss < 1e-10
    assert torch.equal(steps[-1].picture.codes, native)


def test_the_domain_holds_the_code_and_without_it_the_copy_is_closer() -> None:
    generator, encoder, native, target = planted()
    apart, closeness = [], []
    for domain in (0.0, 0.01, 10.0):
        found = last(invert(generator, encoder, target, steps=40, domain=domain)).picture
        apart.append(float(outside(generator, encoder, found.codes)))
        closeness.append(float((generator(found.codes) - target).square().mean()))
    assert apart[0] > apart[1] > apart[2] and closeness[0] < closeness[2]
    assert closeness[0] < 0.5 * float((generator(native) - target).square().mean()), "it does go downhill"


def test_weights_stay_and_a_search_repeats_to_the_bit() -> None:
    generator, encoder, _, target = planted()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    found = [last(invert(generator, encoder, target, steps=5)).picture.codes for _ in range(2)]
    assert torch.equal(*found)
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())


def test_a_free_padding_brings_the_copy_closer_and_is_part_of_the_picture() -> None:
    generator, encoder, _, target = planted()
    plain = no_padding(generator, 1)

    def draw(codes: Tensor, constant: Tensor, *rings: Tensor) -> Tensor:
        return with_padding(generator, Padding(constant, dict(zip(plain.rings, rings))))(codes)

    how = dict(steps=30, domain=0.0)
    padded = last(invert(draw, encoder, target, free=(plain.constant, *plain.rings.values()), **how))
    assert padded.loss < last(invert(generator, encoder, target, **how)).loss
    assert float((padded.picture.draw(padded.picture.codes) - target).square().mean()) == pytest.approx(padded.loss)


def test_as_published_is_another_search() -> None:
    generator, encoder, _, target = planted()
    mine, theirs = (last(invert(generator, encoder, target, steps=3, official=one)) for one in (False, True))
    assert not torch.equal(mine.picture.codes, theirs.picture.codes)


@pytest.mark.parametrize("target, domain", [(torch.zeros(2, 3, 16, 16), 0.1), (torch.zeros(1, 3, 16, 16), -1.0)])
def test_what_does_not_fit_gets_a_sentence(target: Tensor, domain: float) -> None:
    generator, encoder, *_ = planted()
    with pytest.raises(ValueError, match="one picture is inverted|a weight of the domain"):
        invert(generator, encoder, target, domain=domain)
