"""Adaptors, on twins: the identity is the network, a planted map is approached, files belong to their weights."""

from __future__ import annotations

import pytest
import torch

from core import adaptation
from core.adaptation import STYLES, Adaptor, adapt, adapted, adaptor_bytes, drawn, identity, load_adaptor
from core.factorization.sefa import sefa
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
CODES = 4


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(adaptation, "SPREAD", 16)


def twin() -> tuple:
    generator = tiny.stylegan2()
    return generator, tiny.critic(), generator.codes(generator.sample(CODES, 3))


def stirred(generator, far: float = 0.3, *, features: bool = True) -> Adaptor:
    parts = identity(generator, features=features).parts
    return Adaptor(*(part + far * tiny.normal(*part.shape, seed=i).float() for i, part in enumerate(parts)))


@pytest.mark.parametrize("features", [False, True])
def test_the_identity_changes_no_bit(features):
    generator, _, codes = twin()
    start, plain = identity(generator, features=features), generator(codes)
    assert torch.equal(adapted(generator, start)(codes), plain) and torch.equal(drawn(generator, start, codes), plain)
    assert start.numbers == 2 * generator.slots * generator.dim + (2 * generator.channels[0] if features else 0)


def test_an_adaptor_inside_the_weights_draws_what_it_draws_outside_and_leaves_the_generator():
    generator, _, codes = twin()
    adaptor, before = stirred(generator), {k: v.clone() for k, v in generator.state_dict().items()}
    inside = adapted(generator, adaptor)
    torch.testing.assert_close(inside(codes), drawn(generator, adaptor, codes), rtol=0, atol=1e-4)
    assert (inside(codes) - generator(codes)).abs().mean() > 0.1
    assert torch.equal(inside.codes(generator.sample(2, 0), psi=0.5), generator.codes(generator.sample(2, 0), psi=0.5))
    assert all(torch.equal(v, before[k]) for k, v in generator.state_dict().items())


@pytest.mark.parametrize("slot", [0, 1, 5])
def test_how_the_adapted_network_reads_its_code_is_what_differences_say(slot):
    """The first weight of w' = a w + b is A a, so SeFa's knobs of it are those of the network that is drawn."""
    generator, _, codes = twin()
    adaptor = stirred(generator)
    view, w, eps = adapted(generator, adaptor).double(), codes[:1, slot].double(), 1e-3
    layer = view.layers[-1] if slot == view.slots - 1 else view.layers[slot]
    affine = layer.to_rgb.affine if slot == view.slots - 1 else layer.conv.affine
    plain = generator.first_weight(slot).double()
    outside = lambda w: (w * adaptor.scale[slot].double() + adaptor.shift[slot].double()) @ plain.T  # noqa: E731
    for j in range(0, view.dim, 4):
        step = torch.zeros_like(w)
        step[0, j] = eps
        slope = (outside(w + step) - outside(w - step)) / (2 * eps)
        torch.testing.assert_close(view.first_weight(slot)[:, j], slope[0], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close((affine(w + step) - affine(w - step))[0] / (2 * eps), slope[0], rtol=1e-4, atol=1e-6)
    assert not torch.equal(sefa(view.float(), k=2).vectors, sefa(generator, k=2).vectors)


def test_a_planted_map_is_approached_and_a_plain_picture_does_not_lead_there():
    generator, critic, codes = twin()
    planted = identity(generator)
    for slot in (3, 4, 5):
        planted.shift[slot].add_(tiny.normal(generator.dim, seed=slot).float())
    truth, plain = drawn(generator, planted, codes), generator(codes)
    frozen = [{k: v.clone() for k, v in module.state_dict().items()} for module in (generator, critic)]
    left = []
    for target in (truth[:1], plain[:1]):
        *_, step = adapt(generator, critic, target, steps=40, one_map=1.0, psi=1.0, rate=0.1)
        away = (drawn(generator, step.best, codes[1:]) - truth[1:]).square().mean()
        left.append(float(away / (plain[1:] - truth[1:]).square().mean()))
    assert left[0] < 0.75 and left[0] < left[1]
    for module, before in zip((generator, critic), frozen):
        assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
        assert not any(p.requires_grad for p in module.parameters())


def test_the_best_look_is_kept_whenever_it_ends_and_a_run_repeats_to_the_bit():
    generator, critic, codes = twin()
    target = STYLES["tinted"](generator(codes[:1]))
    runs = [list(adapt(generator, critic, target, steps=25)) for _ in range(2)]
    steps = runs[0]
    assert [step.i for step in steps] == list(range(26)) and [s.i for s in steps if s.looked] == [0, 10, 20, 25]
    least = float("inf")
    for step in steps:
        least = min(least, step.apart)
        assert step.best_i <= step.i and step.apart >= least
    looks = {step.i: step.apart for step in steps if step.looked}
    assert looks[steps[-1].best_i] == min(looks.values())
    assert all(torch.equal(a, b) for a, b in zip(runs[0][-1].best.parts, runs[1][-1].best.parts))
    kept = steps[12].best.parts
    assert not any(part.requires_grad for part in kept)


def test_what_one_map_of_colours_explains_costs_nothing_and_a_face_that_moved_does():
    generator, _, codes = twin()
    plain = generator(codes)
    for style in ("tinted", "inverted", "old"):
        assert adaptation.beyond_one_map(STYLES[style](plain / 9), plain / 9) < 1e-3
    assert adaptation.beyond_one_map(plain.roll(1, 0), plain) > 0.1 < adaptation.beyond_one_map(plain.flip(3), plain)


def test_a_file_opens_again_and_belongs_to_its_weights(tmp_path):
    generator, _, codes = twin()
    adaptor, path = stirred(generator), tmp_path / "style.safetensors"
    path.write_bytes(adaptor_bytes(adaptor, weights="a" * 64, base="twin", steps="3"))
    found = load_adaptor(path, weights="a" * 64)
    assert all(torch.equal(a, b) for a, b in zip(found.parts, adaptor.parts))
    assert adapted(generator, found)(codes).shape == generator(codes).shape
    with pytest.raises(ValueError, match="learned for other weights"):
        load_adaptor(path, weights="b" * 64)
    path.write_bytes(b"no such file")
    with pytest.raises(ValueError, match="cannot be read"):
        load_adaptor(path, weights="a" * 64)


def test_what_does_not_fit_is_refused_in_a_sentence():
    generator, critic, codes = twin()
    with pytest.raises(ValueError, match="adaptors are for StyleGAN2"):
        identity(tiny.pggan())
    with pytest.raises(ValueError, match="belongs to another network"):
        adapted(tiny.stylegan2(dim=8), identity(generator))
    with pytest.raises(ValueError, match="one picture of 16 x 16"):
        adapt(generator, critic, codes[:1])


@pytest.mark.parametrize("name", STYLES)
def test_styles_are_pure_functions_in_range(name):
    images = tiny.normal(2, 3, 8, 8).float()
    before, styled = images.clone(), STYLES[name](images)
    assert styled.shape == images.shape and styled.abs().max() <= 1 + 1e-6 and torch.equal(images, before)
    assert torch.equal(STYLES[name](images[1:]), styled[1:])
    if name == "inverted":
        assert torch.equal(STYLES[name](styled), images.clamp(-1, 1))
