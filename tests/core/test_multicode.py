"""Multi-code inversion: the laws of mixing on every architecture, planted pictures found, and streams that behave."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor
from torch.nn import functional as F

from core.codes import Directions, edit
from core.generators.base import Generator, State
from core.inversion import losses
from core.inversion.degradations import Shrink
from core.inversion.descent import lbfgs
from core.inversion.multicode import OPTIMISERS, Mixer, invert, native_space

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

N = 3
TWINS = ("pggan", "stylegan2", "stylegan", "biggan", "biggan_deep", "dcgan", "dcgan_of_classes")
CASES = [(name, layer) for name in TWINS for layer in range(len(tiny.GENERATORS[name]().layers) + 1)]
at_every_layer = pytest.mark.parametrize("name, layer", CASES)
on_every_twin = pytest.mark.parametrize("name", TWINS)


def generator_of(name: str) -> Generator:
    return tiny.GENERATORS[name]().double()


def codes_of(generator: Generator, n: int = N, seed: int = 0) -> Tensor:
    return generator.codes(generator.sample(n, seed).double())


def mixer_of(generator: Generator, layer: int) -> tuple[Mixer, Tensor]:
    """And importances [N, channels] that sum to one, some of them negative."""
    mixer = Mixer.of(generator, codes_of(generator), layer)
    alpha = tiny.normal(N, mixer.channels, seed=5)
    return mixer, alpha + (1 - alpha.sum(0)) / N


def target_of(generator: Generator, seed: int = 50) -> Tensor:
    return generator(generator.codes(generator.sample(1, seed).to(next(generator.parameters()).dtype))).detach()


def last_of(stream):
    *_, step = stream
    return step


# The laws of mixing


@at_every_layer
def test_full_importance_of_one_code_is_that_codes_picture(name: str, layer: int) -> None:
    generator = generator_of(name)
    mixer, alpha = mixer_of(generator, layer)
    codes = codes_of(generator)
    after = [slot for read in generator.reads[layer:] for slot in read]
    if layer and after:  # a slot that is read on both sides of the mix is shared, too
        codes[:, after] = codes[:1, after]
    for n in range(N):
        only = torch.zeros_like(alpha)
        only[n] = 1
        assert torch.allclose(mixer(codes, only), generator(codes[n : n + 1]), atol=1e-6)
    assert not torch.allclose(mixer(codes, alpha), generator(codes[:1]), atol=1e-2)


@at_every_layer
def test_the_batch_is_the_loop_over_codes(name: str, layer: int) -> None:
    generator, codes = generator_of(name), codes_of(generator_of(name))
    mixer, alpha = mixer_of(generator, layer)
    if layer == 0:
        looped = generator(sum(alpha[n] * codes[n] for n in range(N))[None])
    else:
        states = [generator.run(codes[n : n + 1], stop=layer) for n in range(N)]
        c = states[0].x.shape[1]
        x = sum(alpha[n, :c, None, None] * states[n].x for n in range(N))
        rgb = None if states[0].rgb is None else sum(alpha[n, c:, None, None] * states[n].rgb for n in range(N))
        if name == "pggan":
            x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
        assert mixer.channels == c + (0 if rgb is None else 3)
        mean = sum(codes[n : n + 1] for n in range(N)) / N
        looped = generator.to_image(generator.run(mean, State(x, rgb), start=layer))
    assert torch.allclose(mixer(codes, alpha), looped, atol=1e-6)


@at_every_layer
def test_the_order_of_codes_does_not_matter_but_whose_importance_is_whose_does(name: str, layer: int) -> None:
    generator, codes = generator_of(name), codes_of(generator_of(name))
    mixer, alpha = mixer_of(generator, layer)
    order = [2, 0, 1]
    assert torch.allclose(mixer(codes[order], alpha[order]), mixer(codes, alpha), atol=1e-9)
    assert not torch.allclose(mixer(codes[order], alpha), mixer(codes, alpha), atol=1e-2)


@at_every_layer
def test_a_code_can_be_split_in_two_halves(name: str, layer: int) -> None:
    generator, codes = generator_of(name), codes_of(generator_of(name), n=1)
    mixer, _ = mixer_of(generator, layer)
    one = torch.ones(1, mixer.channels, dtype=torch.float64)
    assert torch.allclose(mixer(codes.repeat(2, 1, 1), one.repeat(2, 1) / 2), mixer(codes, one), atol=1e-9)
    assert torch.allclose(mixer(codes, one), generator(codes), atol=1e-6)


@pytest.mark.parametrize("layer", range(6))
def test_another_code_of_no_importance_changes_nothing(layer: int) -> None:
    """So the least loss over N + 1 codes is at most that over N."""
    generator = generator_of("pggan")  # elsewhere the slots after the mix would see it
    mixer, alpha = mixer_of(generator, layer)
    more = torch.cat([alpha, torch.zeros_like(alpha[:1])])
    assert torch.allclose(mixer(codes_of(generator, N + 1), more), mixer(codes_of(generator), alpha), atol=1e-9)


@pytest.mark.parametrize("layer", range(1, 6))
def test_the_length_of_importances_is_a_gauge_of_pggan_alone(layer: int) -> None:
    for name, same in (("pggan", True), ("biggan", False)):
        generator = generator_of(name)
        if layer > len(generator.layers):
            continue
        mixer, alpha = mixer_of(generator, layer)
        pictures = mixer(codes_of(generator), alpha), mixer(codes_of(generator), 3 * alpha)
        assert torch.allclose(*pictures, atol=1e-5) == same


@pytest.mark.parametrize("name, layer", [("pggan", 0), ("pggan", 2), ("stylegan2", 0), ("stylegan2", 3), ("biggan", 1)])
def test_slopes_are_those_of_finite_differences(name: str, layer: int) -> None:
    generator = generator_of(name)
    mixer, alpha = mixer_of(generator, layer)
    distance = losses.closeness(tiny.critic().double())(target_of(generator))
    inputs = (codes_of(generator), alpha)
    along, h = tuple(tiny.normal(*x.shape, seed=7 + k) for k, x in enumerate(inputs)), 1e-6
    slope = torch.autograd.functional.jvp(lambda *x: distance(mixer(*x)).sum(), inputs, along)[1].item()
    ahead, behind = (distance(mixer(*(x + s * h * d for x, d in zip(inputs, along)))).item() for s in (1, -1))
    assert slope == pytest.approx((ahead - behind) / (2 * h), rel=1e-4)


# Planted pictures


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_one_code_mixed_before_the_first_layer_is_plain_inversion(optimiser: str) -> None:
    """L-BFGS of SciPy on |G(z) - y|^2, which knows nothing of codes and importances, ends where we do."""
    generator = tiny.pggan()
    target = target_of(generator, seed=1)
    ours = last_of(invert(generator, target, layer=0, n_codes=1, steps=200, optimiser=optimiser))
    assert torch.equal(ours.picture.draw(ours.picture.codes), generator(ours.picture.codes))

    def plain(z: np.ndarray) -> tuple[float, np.ndarray]:
        z = torch.tensor(z, dtype=torch.float32, requires_grad=True)
        loss = (generator(z.reshape(1, 1, -1)) - target).square().mean()
        return loss.item(), torch.autograd.grad(loss, z)[0].double().numpy()

    theirs = minimize(plain, generator.sample(1, 0).flatten().double().numpy(), jac=True, method="L-BFGS-B")
    assert ours.loss <= 1.1 * theirs.fun + 1e-5
    a, b = ours.picture.codes.flatten(), torch.tensor(theirs.x, dtype=torch.float32)
    if ours.loss > 1e-4:  # the same valley: both know the code up to its length
        assert F.cosine_similarity(a, b, dim=0) > 0.99


@pytest.mark.parametrize(
    "name, space",
    [("pggan", "z"), ("stylegan2", "z"), ("stylegan2", "w+"), ("stylegan", "w"), ("biggan", "z"), ("biggan_deep", "z")],
)
def test_a_picture_of_the_generator_is_recovered_by_one_code(name: str, space: str) -> None:
    generator = tiny.GENERATORS[name]()
    target = target_of(generator, seed=1)
    guess = generator(generator.codes(generator.sample(64, 100))).var(0).mean().item()
    found = [
        last_of(invert(generator, target, layer=0, n_codes=1, steps=60, seed=seed, space=space, optimiser="lbfgs"))
        for seed in range(2)
    ]
    assert min(step.loss for step in found) < 0.01 * guess


@pytest.mark.parametrize(
    "name, layer, optimiser",
    [
        ("pggan", 2, "adam"),
        ("pggan", 4, "lbfgs"),
        ("stylegan2", 1, "lbfgs"),
        ("stylegan2", 3, "adam"),
        ("biggan", 1, "adam"),
        ("biggan_deep", 2, "lbfgs"),
    ],
)
def test_a_mixture_is_recovered_from_another_start(name: str, layer: int, optimiser: str) -> None:
    generator = tiny.GENERATORS[name]()
    alpha = torch.rand(
        N, Mixer.of(generator, codes_of(generator).float(), layer).channels, generator=torch.Generator().manual_seed(1)
    )
    codes = codes_of(generator, seed=70).float()
    target = Mixer.of(generator, codes, layer)(codes, alpha / alpha.sum(0)).detach()
    step = last_of(invert(generator, target, layer=layer, n_codes=8, steps=150, optimiser=optimiser))
    noise = torch.rand(target.shape, generator=torch.Generator().manual_seed(2)) * 2 - 1
    control = last_of(invert(generator, noise, layer=layer, n_codes=8, steps=30))
    assert losses.psnr(step.picture.draw(step.picture.codes), target) > 25
    assert losses.psnr(control.picture.draw(control.picture.codes), noise) < 12


@pytest.mark.parametrize(
    "name, layer", [("pggan", 0), ("pggan", 2), ("stylegan2", 3), ("stylegan", 2), ("biggan_deep", 2)]
)
def test_from_a_perturbed_start_a_mixture_is_recovered_to_the_last_level(name: str, layer: int) -> None:
    generator = tiny.GENERATORS[name]()
    codes, alpha = (x.float() for x in (codes_of(generator_of(name)), mixer_of(generator_of(name), layer)[1]))
    mixer = Mixer.of(generator, codes, layer)
    target = mixer(codes, alpha)
    near = codes.clone()
    near[..., generator.movable] += 0.1 * tiny.normal(*near[..., generator.movable].shape, seed=8).float()
    *_, last = lbfgs([near, alpha + 0.1], lambda *x: losses.pixel(target)(mixer(*x)).sum(), steps=150)
    assert 10 * np.log10(4 / last.loss) > 40 > losses.psnr(mixer(near, alpha + 0.1), target).item()


def test_the_published_arithmetic_is_a_loop_of_plain_descent() -> None:
    """Written out once more: one code after the other, weights with gradients, the mixture divided by N."""
    generator = tiny.pggan()
    target, layer, loose = target_of(generator), 3, tiny.pggan().requires_grad_(True)
    z = generator.sample(N, 0).clone().requires_grad_(True)
    alpha = torch.full((N, tiny.CHANNELS[1]), 1 / N, requires_grad=True)
    optimiser = torch.optim.SGD([z, alpha], lr=1.0)
    losses_of_the_loop = []
    for _ in range(12):
        x = sum(alpha[n, :, None, None] * loose.run(loose.codes(z[n : n + 1]), stop=layer).x for n in range(N)) / N
        x = x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)
        loss = (loose.to_image(loose.run(loose.codes(z[:1]), State(x), start=layer)) - target).square().mean()
        losses_of_the_loop.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    steps = list(invert(generator, target, layer=layer, n_codes=N, steps=11, official=True))
    assert np.allclose([step.loss for step in steps], np.minimum.accumulate(losses_of_the_loop), rtol=1e-4)
    assert losses_of_the_loop[-1] < losses_of_the_loop[0]
    constrained = list(invert(generator, target, layer=layer, n_codes=N, steps=11))
    assert abs(steps[-1].loss - constrained[-1].loss) > 1e-4


@on_every_twin
def test_frozen_weights_change_no_step(name: str) -> None:
    target = target_of(tiny.GENERATORS[name]())
    frozen, loose = (
        last_of(invert(tiny.GENERATORS[name]().requires_grad_(grad), target, layer=1, n_codes=N, steps=5))
        for grad in (False, True)
    )
    assert frozen.loss == loose.loss and torch.equal(frozen.picture.codes, loose.picture.codes)
    assert torch.equal(frozen.picture.importances, loose.picture.importances)


# The gauges


@at_every_layer
def test_importances_sum_to_one_and_what_must_not_move_stays(name: str, layer: int) -> None:
    generator = tiny.GENERATORS[name]()
    label = 2 if generator.classes else None
    steps = list(invert(generator, target_of(generator), layer=layer, n_codes=N, steps=20, label=label))
    start, end = steps[0].picture, last_of(steps).picture
    assert torch.allclose(end.importances.sum(0), torch.ones(len(end.importances[0])), atol=1e-5)
    still = torch.ones(generator.dim, dtype=torch.bool)
    still[generator.movable] = False
    assert torch.equal(end.codes[..., still], start.codes[..., still])
    assert (end.codes != start.codes).any() and (end.importances != start.importances).any()
    if name == "pggan":
        assert torch.allclose(end.codes.square().mean(2), torch.ones(N, 1), atol=1e-4)


@pytest.mark.parametrize(
    "name, space, same",
    [
        ("stylegan2", "w", True),
        ("stylegan2", "z", True),
        ("stylegan2", "w+", False),
        ("biggan_deep", "z", True),
        ("biggan_deep", "w+", False),
    ],
)
def test_slots_share_their_code_where_the_space_says_so(name: str, space: str, same: bool) -> None:
    generator = tiny.GENERATORS[name]()
    codes = last_of(invert(generator, target_of(generator), layer=1, n_codes=N, steps=20, space=space)).picture.codes
    assert torch.allclose(codes, codes[:, :1].expand_as(codes), atol=1e-5) == same


def test_each_generator_is_searched_where_its_codes_are_made() -> None:
    mapped = {name for name, build in tiny.GENERATORS.items() if native_space(build()) == "w+"}
    assert mapped == {name for name in tiny.GENERATORS if name.startswith("stylegan")}


# Streams of steps


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_steps_have_the_best_so_far_and_its_picture(optimiser: str) -> None:
    generator, loss = tiny.pggan(), losses.closeness(tiny.critic())
    target = target_of(generator)
    steps = list(invert(generator, target, layer=2, n_codes=N, steps=30, loss=loss, patience=None, optimiser=optimiser))
    assert [step.i for step in steps] == list(range(31))
    assert (np.diff([step.loss for step in steps]) <= 0).all() and steps[-1].loss < steps[0].loss
    for step in steps[::10]:
        image = step.picture.draw(step.picture.codes)
        assert image.shape == (1, 3, 16, 16) and not image.requires_grad
        assert loss(target)(image).item() == pytest.approx(step.loss, rel=1e-4)


def test_a_closed_stream_draws_nothing_more(monkeypatch) -> None:
    generator, drawn = tiny.pggan(), []
    original = type(generator).to_image
    monkeypatch.setattr(type(generator), "to_image", lambda self, state: (drawn.append(1), original(self, state))[1])
    stream = invert(generator, target_of(generator), layer=2, n_codes=N, steps=1000)
    next(stream), next(stream)
    before = len(drawn)
    stream.close()
    assert next(stream, None) is None and len(drawn) == before == 3  # the target and two steps


def test_the_same_seed_is_the_same_inversion_and_another_is_another() -> None:
    generator, state = tiny.stylegan2(), torch.get_rng_state()
    target = target_of(generator)
    first, again, other = (
        last_of(invert(generator, target, layer=2, n_codes=N, steps=8, seed=seed)) for seed in (0, 0, 1)
    )
    assert first.loss == again.loss and torch.equal(first.picture.codes, again.picture.codes)
    assert not torch.isclose(first.picture.codes, other.picture.codes).any(2).all(1).any()  # not one code in common
    assert torch.equal(torch.get_rng_state(), state)


@on_every_twin
def test_one_edit_moves_all_codes_of_the_picture(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    picture = last_of(invert(generator, target_of(generator), layer=2, n_codes=N, steps=3)).picture
    vector = torch.zeros(1, generator.dim)
    vector[:, generator.movable] = 1
    knob = Directions(F.normalize(vector), torch.ones(1), (0,))
    edited = edit(picture.codes, knob, [1.5])
    assert torch.allclose((edited - picture.codes)[:, 0], 1.5 * knob.vectors.expand(N, -1), atol=1e-5)
    both = picture.draw(torch.cat([picture.codes, edited]))
    assert torch.allclose(both, torch.cat([picture.draw(picture.codes), picture.draw(edited)]), atol=1e-5)
    assert (both[0] - both[1]).abs().max() > 1e-3


def test_a_small_picture_is_enlarged_to_one_that_agrees_with_it() -> None:
    generator, shrink = tiny.pggan(), Shrink(4)
    observed = shrink.apply(target_of(generator).clamp(-1, 1))
    loss = losses.seen_through(shrink, losses.pixel)
    step = last_of(invert(generator, observed, layer=2, n_codes=N, steps=60, loss=loss))
    restored = shrink.agreeing(step.picture.draw(step.picture.codes), observed)
    assert restored.shape == (1, 3, 16, 16) and (shrink.apply(restored) - observed).abs().max() < 1e-6


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (dict(layer=7), "after 0 to 6 layers"),
        (dict(layer=-1), "after 0 to 6 layers"),
        (dict(n_codes=0), "choose 1 to 1000 codes"),
        (dict(steps=-1), "no less than 0 steps"),
        (dict(space="s"), "searched in z, w, w"),
        (dict(optimiser="sgd"), "choose one of adam, lbfgs"),
        (dict(target=torch.zeros(1, 3, 8, 8)), "or smaller behind the loss"),
        (dict(target=torch.zeros(2, 3, 16, 16)), "one picture"),
        (dict(target=torch.full((1, 3, 16, 16), float("nan"))), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence_before_anything_is_drawn(arguments: dict, sentence: str) -> None:
    asked = dict(target=torch.zeros(1, 3, 16, 16), layer=2, n_codes=N, steps=3) | arguments
    with pytest.raises(ValueError, match=sentence):
        invert(tiny.pggan(), asked.pop("target"), **asked)
