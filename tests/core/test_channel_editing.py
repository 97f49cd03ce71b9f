"""Edits of channels: nothing stays nothing to the bit, everything is everything, and the generator is never touched."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.channels.editing import ChannelEdit, edit_start, edited, hybrid, redrawn
from core.channels.effect import changed, half_on, levels, untouched
from core.generators.biggan import ClassConditional

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
TWINS = dict(biggan=tiny.biggan, flat=lambda: tiny.biggan(hierarchical=False), deep=tiny.biggan_deep)
MIXES = ("parameters", "features")


@pytest.fixture(params=TWINS)
def generator(request) -> ClassConditional:
    return TWINS[request.param]()


def codes_of(generator: ClassConditional, n: int = 2, **how) -> Tensor:
    return generator.codes(generator.sample(n, 0), **how)


def width(generator: ClassConditional, gate: int) -> int:
    return generator.gates[gate].mean.shape[1]


def hooked(
    generator: ClassConditional, codes: Tensor, replace: Mapping[int, Callable[[Tensor, Tensor, Tensor], Tensor]]
) -> Tensor:
    """Pictures, where replace[gate](x, code, output) stands for what the gate returns."""
    with ExitStack() as stack:
        for gate, change in replace.items():
            hook = generator.gates[gate].register_forward_hook
            stack.callback(hook(lambda _m, inputs, out, change=change: change(*inputs, out)).remove)
        return generator(codes)


# Single channels


def test_an_edit_of_no_strength_leaves_every_bit_alone(generator: ClassConditional) -> None:
    codes = codes_of(generator, label=1)
    before, zeros = generator(codes), torch.zeros(2)
    for gate in range(len(generator.gates)):
        for edit in (
            ChannelEdit(gate, 1),
            ChannelEdit(gate, 1, add=zeros, multiply=zeros + 1),
            ChannelEdit(gate, torch.ones(width(generator, gate), dtype=torch.bool)),
        ):
            assert torch.equal(edited(generator, [edit])(codes), before)
        assert not torch.equal(edited(generator, [ChannelEdit(gate, 1, add=0.5)])(codes), before)
    assert torch.equal(edited(generator, [])(codes), before)


def test_an_edit_does_what_it_says_to_its_channels_and_to_no_other(generator: ClassConditional) -> None:
    codes = codes_of(generator, label=2)
    for gate in range(len(generator.gates)):
        mask = torch.arange(width(generator, gate)) % 3 == 1
        one = torch.arange(width(generator, gate)) == 0
        for channels, moved in ((0, one), (mask, mask)):
            expected = hooked(
                generator,
                codes,
                {gate: lambda x, code, out, moved=moved: torch.where(moved[:, None, None], 0.5 * out + 0.7, out)},
            )
            found = edited(generator, [ChannelEdit(gate, channels, add=0.7, multiply=0.5)])(codes)
            assert torch.allclose(found, expected, atol=1e-6) and not torch.allclose(found, generator(codes), atol=1e-4)


def test_adding_and_taking_away_or_doubling_and_halving_changes_nothing(generator: ClassConditional) -> None:
    codes = codes_of(generator)
    before = generator(codes)
    for there, back in ((dict(add=5.0), dict(add=-5.0)), (dict(multiply=2.0), dict(multiply=0.5))):
        both = edited(generator, [ChannelEdit(1, 0, **there), ChannelEdit(1, 0, **back)])
        assert torch.allclose(both(codes), before, atol=1e-5)
        twice = edited(edited(generator, [ChannelEdit(1, 0, **there)]), [ChannelEdit(1, 0, **back)])
        assert torch.equal(twice(codes), both(codes))
        assert not torch.allclose(edited(generator, [ChannelEdit(1, 0, **there)])(codes), before, atol=1e-4)


def test_the_generator_keeps_its_pictures_and_the_view_its_weights() -> None:
    generator = tiny.biggan()
    codes = codes_of(generator)
    before = generator(codes)
    view = edited(generator, [ChannelEdit(2, 1, multiply=0.0)])
    assert not torch.allclose(view(codes), before, atol=1e-4) and torch.equal(generator(codes), before)
    assert {id(p) for p in view.parameters()} == {id(p) for p in generator.parameters()}
    assert view.layers[1] is generator.layers[1] and view.layers[2] is not generator.layers[2]
    assert torch.equal(view.first_weight(2), generator.first_weight(2)) and len(view.gates) == len(generator.gates)


def test_an_edited_view_has_the_statistics_of_the_psi_it_is_asked_for() -> None:
    generator, edit = tiny.biggan_deep(), ChannelEdit(5, 1, add=2.0)
    codes = codes_of(generator, psi=0.3)
    expected = edited(generator.at(psi=0.3), [edit])(codes)
    assert torch.equal(edited(generator, [edit]).at(psi=0.3)(codes), expected)
    assert not torch.allclose(edited(generator, [edit])(codes), expected, atol=1e-3)


def test_only_what_follows_the_edit_runs_again(generator: ClassConditional) -> None:
    codes, ran = codes_of(generator, 1), []
    for number, layer in enumerate(generator.layers):
        layer.register_forward_hook(lambda _m, _i, _o, number=number: ran.append(number))
    for gate, module in enumerate(generator.gates):
        edits = [ChannelEdit(gate, 1, add=1.0)]
        start = edit_start(generator, edits)
        assert any(module is inside for inside in generator.layers[start].modules())
        state = generator.run(codes, stop=start)
        ran.clear()
        found = redrawn(generator, codes, state, edits)
        assert ran == list(range(start, len(generator.layers)))
        assert torch.equal(found, edited(generator, edits)(codes))
    assert edit_start(generator, []) == len(generator.layers)
    assert edit_start(generator, [ChannelEdit(3, 0), ChannelEdit(0, 0)]) == 1


def test_a_strip_of_strengths_is_drawn_at_once(generator: ClassConditional) -> None:
    codes = codes_of(generator, 1, label=1)
    strengths = torch.linspace(-2, 2, 5)
    state = generator.run(codes, stop=1)
    strip = redrawn(generator, codes, state, [ChannelEdit(1, 1, add=strengths), ChannelEdit(1, 0, multiply=0.5)])
    assert len(strip) == 5
    for picture, strength in zip(strip, strengths.tolist()):
        one = redrawn(generator, codes, state, [ChannelEdit(1, 1, add=strength), ChannelEdit(1, 0, multiply=0.5)])[0]
        assert torch.allclose(picture, one, atol=1e-5)
    assert not torch.allclose(strip[0], strip[4], atol=1e-3)
    five = codes_of(generator, 5)
    each = redrawn(generator, five, generator.run(five, stop=1), [ChannelEdit(1, 1, add=strengths)])
    assert torch.allclose(each[2], generator(five)[2], atol=1e-6)
    assert not torch.allclose(each[1], generator(five)[1], atol=1e-4)


# Hybrids


def pair(generator: ClassConditional, *, same_noise: bool = True) -> tuple[Tensor, Tensor]:
    z = generator.sample(4, 0)
    return generator.codes(z[:2], label=0), generator.codes(z[:2] if same_noise else z[2:], label=2)


def taking(generator: ClassConditional, modulus: int, gates: range | None = None) -> dict[int, Tensor]:
    """Every `modulus`-th channel of the gates; 0: none."""
    gates = range(len(generator.gates)) if gates is None else gates
    return {
        gate: torch.tensor([bool(modulus) and c % modulus == 0 for c in range(width(generator, gate))])
        for gate in gates
    }


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("same_noise", [True, False])
def test_a_hybrid_of_nothing_is_a_and_of_everything_is_b(
    generator: ClassConditional, mix: str, same_noise: bool
) -> None:
    a, b = pair(generator, same_noise=same_noise)
    for nothing in ({}, taking(generator, 0)):
        assert torch.equal(hybrid(generator, a, b, nothing, mix=mix), generator(a))
    assert torch.equal(hybrid(generator, a, b, taking(generator, 1), mix=mix), generator(b))
    half = hybrid(generator, a, b, taking(generator, 2), mix=mix)
    for whole in (generator(a), generator(b)):
        assert not torch.allclose(half, whole, atol=1e-3)


@pytest.mark.parametrize("mix", MIXES)
def test_a_picture_crossed_with_itself_is_itself(generator: ClassConditional, mix: str) -> None:
    a, _ = pair(generator)
    for modulus in (0, 1, 2, 3):
        assert torch.equal(hybrid(generator, a, a, taking(generator, modulus), mix=mix), generator(a))


def test_mixed_parameters_are_gains_and_biases_of_two_classes_in_one_pass(generator: ClassConditional) -> None:
    a, b = pair(generator)
    taken = taking(generator, 3, range(1, len(generator.gates)))

    def normalised(gate: nn.Module, mask: Tensor, x: Tensor, code: Tensor, _out: Tensor) -> Tensor:
        parts = zip(gate.gain_and_bias(b[:, gate.slot]), gate.gain_and_bias(code))
        gain, bias = (torch.where(mask, theirs, own)[:, :, None, None] for theirs, own in parts)
        return F.relu(F.batch_norm(x, gate.mean[-1], gate.var[-1], eps=gate.eps) * gain + bias)

    expected = hooked(
        generator, a, {gate: partial(normalised, generator.gates[gate], mask) for gate, mask in taken.items()}
    )
    assert torch.allclose(hybrid(generator, a, b, taken), expected, atol=1e-4)
    assert not torch.allclose(hybrid(generator, a, b, taken, mix="features"), expected, atol=1e-3)


def test_mixed_features_are_those_of_a_run_of_the_other(generator: ClassConditional) -> None:
    a, b = pair(generator)
    taken, theirs = taking(generator, 2, range(2)), {}
    hooked(generator, b, {gate: lambda x, code, out, gate=gate: theirs.setdefault(gate, out) for gate in taken})
    expected = hooked(
        generator,
        a,
        {
            gate: lambda x, code, out, gate=gate: torch.where(taken[gate][:, None, None], theirs[gate], out)
            for gate in taken
        },
    )
    assert torch.allclose(hybrid(generator, a, b, taken, mix="features"), expected, atol=1e-6)


def test_layers_outside_the_range_stay_as_they_are(generator: ClassConditional) -> None:
    a, b = pair(generator)
    half = len(generator.gates) // 2
    first, second = (
        hybrid(generator, a, b, taking(generator, 1, gates))
        for gates in (range(half), range(half, len(generator.gates)))
    )
    swapped = a.clone()
    slots = sorted({gate.slot for gate in generator.gates[:half]})
    swapped[:, slots] = b[:, slots]
    assert torch.equal(first, generator(swapped))  # all channels of a block: its code is the other's
    assert not torch.allclose(first, second, atol=1e-3)


# What there is not


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda g, a, b: edited(g, [ChannelEdit(9, 0)]), "gate 9: this generator has the gates 0 to 3"),
        (lambda g, a, b: edit_start(g, [ChannelEdit("last", 0)]), "gate 'last': .* the gates 0 to 3"),
        (lambda g, a, b: edited(g, [ChannelEdit(1, 8)])(a), "channel 8: gate 1 has the channels 0 to 7"),
        (lambda g, a, b: edited(g, [ChannelEdit(1, -1)])(a), "channels 0 to 7"),
        (
            lambda g, a, b: edited(g, [ChannelEdit(1, torch.tensor([1]))])(a),
            "give one of them, or 8 times true or false",
        ),
        (lambda g, a, b: redrawn(g, a, g.run(a, stop=1), [ChannelEdit(1, 0, add=torch.zeros(5))]), "or one a strength"),
        (lambda g, a, b: hybrid(g, a, b, {4: torch.ones(8, dtype=torch.bool)}), "gates 0 to 3"),
        (lambda g, a, b: hybrid(g, a, b, {1: torch.ones(16, dtype=torch.bool)}), "gate 1 has 8 channels: give a bool"),
        (lambda g, a, b: hybrid(g, a, b, {1: torch.ones(8)}), "give a bool for each"),
        (lambda g, a, b: hybrid(g, a, b[:1], {}), "two of the same shape"),
        (lambda g, a, b: hybrid(g, a, b, {}, mix="pixels"), "no mix 'pixels': 'parameters'"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(call: Callable, sentence: str) -> None:
    generator = tiny.biggan()
    with pytest.raises(ValueError, match=sentence) as error:
        call(generator, *pair(generator))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("build", [tiny.stylegan2, tiny.pggan])
def test_a_model_without_class_conditional_normalisation_gets_a_sentence(build: Callable) -> None:
    generator = build()
    codes = generator.codes(generator.sample(1, 0))
    for call in (
        lambda: edited(generator, [ChannelEdit(0, 0)]),
        lambda: edit_start(generator, [ChannelEdit(0, 0)]),
        lambda: hybrid(generator, codes, codes, {0: torch.ones(4, dtype=torch.bool)}),
    ):
        with pytest.raises(ValueError, match="no class-conditional normalisation.*choose a class-conditional one"):
            call()


# What a channel does


def test_half_of_the_change_is_found_where_it_was_planted():
    before = torch.zeros(1, 3, 10, 10)
    after = before.clone()
    after[..., 0, :4] = 0.5
    assert half_on(after, before) == pytest.approx(0.02)
    after[:] = 0.5
    assert half_on(after, before) == pytest.approx(0.5)
    assert math.isnan(half_on(before, before)), "the negative control"


@pytest.mark.parametrize("gate", [0, 3])
def test_a_channel_turned_from_what_is_before_it_draws_what_the_edited_network_draws(gate: int):
    generator = tiny.biggan()
    codes = generator.codes(generator.sample(1, 5), label=1)
    before = untouched(generator, codes, gate)
    assert torch.equal(before.picture, generator(codes).clamp(-1, 1))
    pictures = changed(generator, before, gate, 2, [0.0, 1.0, 2.5])
    assert torch.allclose(pictures[1:2], before.picture, atol=1e-6), "strength 1 changes nothing"
    for amount, picture in zip([0.0, 1.0, 2.5], pictures):
        expected = edited(generator, [ChannelEdit(gate, 2, multiply=amount)])(codes).clamp(-1, 1)
        assert torch.allclose(picture, expected[0], atol=1e-5)


def test_levels_are_those_of_pictures_in_255_levels():
    a, b = torch.full((1, 3, 4, 4), -1.0), torch.full((1, 3, 4, 4), -1.0)
    b[0, 0] = 1.0  # one colour of three, from 0 to 255
    assert float(levels(a, b)) == pytest.approx(255 / 3**0.5)
