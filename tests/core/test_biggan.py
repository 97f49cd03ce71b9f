"""BigGAN and BigGAN-deep: they equal the reference implementations, slots read what they say, training keeps count."""

from __future__ import annotations

import math

import pytest
import scipy.stats
import torch
import torch.nn.functional as F
from torch import Tensor

from core.checkpoints import ajbrock, genforce_stylegan, hf_biggan
from core.codes import edit
from core.factorization.baseline import random_directions
from core.factorization.sefa import sefa
from core.generators.biggan import BigGAN, BigGANDeep, ClassConditional, Normalisation, recompute_statistics
from core.taps import tap

from .. import references, tiny
from ..references import BIGGAN, BIGGAN_DEEP, error

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
TWINS = dict(biggan=tiny.biggan, flat=lambda: tiny.biggan(hierarchical=False), deep=tiny.biggan_deep)


@pytest.fixture(params=TWINS)
def generator(request) -> ClassConditional:
    return TWINS[request.param]()


def codes_of(generator: ClassConditional, n: int = 3, seed: int = 0, **how) -> Tensor:
    return generator.codes(generator.sample(n, seed), **how)


# BigGAN-PyTorch


def foreign(
    channels: tuple[int, ...],
    *,
    chunk: int,
    classes: int,
    class_dim: int = 0,
    hierarchical: bool = False,
    normed: bool = True,
) -> dict[str, Tensor]:
    """A random state dict of BigGAN-PyTorch without attention; class_dim 0: gains and biases are tables of classes."""
    random, state = torch.Generator().manual_seed(0), {}

    def put(name: str, *shape: int, u: bool = True, bias: bool = True) -> None:
        state[f"{name}.weight"] = torch.randn(shape, generator=random)
        if bias:
            state[f"{name}.bias"] = torch.randn(shape[0], generator=random)
        if u and normed:
            state[f"{name}.u0"], state[f"{name}.sv0"] = torch.randn(1, shape[0], generator=random), torch.ones(1)

    put("linear", 16 * channels[0], chunk)
    if class_dim:
        put("shared", classes, class_dim, u=False, bias=False)
    for k, (fan_in, fan_out) in enumerate(zip(channels, channels[1:])):
        put(f"blocks.{k}.0.conv1", fan_out, fan_in, 3, 3)
        put(f"blocks.{k}.0.conv2", fan_out, fan_out, 3, 3)
        put(f"blocks.{k}.0.conv_sc", fan_out, fan_in, 1, 1)
        for name, width in (("bn1", fan_in), ("bn2", fan_out)):
            for part in ("gain", "bias"):
                shape = (width, class_dim + chunk * hierarchical) if class_dim else (classes, width)
                put(f"blocks.{k}.0.{name}.{part}", *shape, u=bool(class_dim), bias=False)
            state[f"blocks.{k}.0.{name}.stored_mean"] = torch.randn(width, generator=random)
            state[f"blocks.{k}.0.{name}.stored_var"] = 0.5 + torch.rand(width, generator=random)
    put("output_layer.2", 3, channels[-1], 3, 3)
    for name in ("gain", "bias", "stored_mean", "stored_var"):
        state[f"output_layer.0.{name}"] = 0.5 + torch.rand(channels[-1], generator=random)
    return state


def drawn(state: dict[str, Tensor], z: Tensor, label: Tensor, *, hierarchical: bool) -> Tensor:
    """BigGAN-PyTorch's evaluation, on its own tensors."""

    def weight(name: str) -> Tensor:
        w = state[f"{name}.weight"]
        if f"{name}.u0" not in state:
            return w
        flat = w.flatten(1)
        v = F.normalize(state[f"{name}.u0"] @ flat, eps=1e-12)
        u = F.normalize(v @ flat.T, eps=1e-12)
        return w / (v @ flat.T @ u.T).squeeze()

    def conv(name: str, x: Tensor) -> Tensor:
        return F.conv2d(x, weight(name), state[f"{name}.bias"], padding=weight(name).shape[-1] // 2)

    def gate(name: str, x: Tensor, y: Tensor) -> Tensor:
        maps = [weight(f"{name}.{part}") for part in ("gain", "bias")]
        gain, bias = (w[y] if y.dtype == torch.long else y @ w.T for w in maps)
        x = F.batch_norm(x, state[f"{name}.stored_mean"], state[f"{name}.stored_var"], eps=1e-5)
        return F.relu(x * (1 + gain)[:, :, None, None] + bias[:, :, None, None])

    blocks = sum(name.endswith("conv_sc.weight") for name in state)
    named = state["shared.weight"][label] if "shared.weight" in state else label
    chunks = z.chunk(blocks + 1, 1) if hierarchical else [z] * (blocks + 1)
    x = F.linear(chunks[0], weight("linear"), state["linear.bias"]).view(len(z), -1, 4, 4)
    for k in range(blocks):
        y = torch.cat([named, chunks[k + 1]], 1) if hierarchical else named
        up = F.interpolate(gate(f"blocks.{k}.0.bn1", x, y), scale_factor=2.0)
        skip = conv(f"blocks.{k}.0.conv_sc", F.interpolate(x, scale_factor=2.0))
        x = conv(f"blocks.{k}.0.conv2", gate(f"blocks.{k}.0.bn2", conv(f"blocks.{k}.0.conv1", up), y)) + skip
    last = [state[f"output_layer.0.{name}"] for name in ("stored_mean", "stored_var", "gain", "bias")]
    x = F.batch_norm(x, *last, eps=1e-5)
    return torch.tanh(conv("output_layer.2", F.relu(x)))


@pytest.mark.parametrize("config", [True, False])
def test_biggan_pytorch_is_reproduced(config: bool) -> None:
    known = references.config(BIGGAN) if config else None
    generator = ajbrock.from_state(references.state(BIGGAN), known)
    io = references.arrays(BIGGAN)
    codes = generator.codes(io["z"], label=io["label"])
    assert error(generator(codes), io["image"]) < 1e-4
    assert error(generator(generator.codes(io["z"])), io["image"]) > 0.1
    assert (generator.slots, generator.dim, generator.movable, generator.attention) == (4, 24, slice(0, 8), (16,))
    noise = io["z"].reshape(3, 4, 8)
    assert torch.equal(codes[..., :8], noise) and torch.equal(codes[:, 0, 8:], generator.embedding[io["label"]])


@pytest.mark.parametrize(
    "form", [dict(class_dim=4, hierarchical=True), dict(class_dim=4), dict(), dict(class_dim=4, normed=False)]
)
def test_every_form_of_biggan_pytorch_is_read(form: dict) -> None:
    hierarchical = form.get("hierarchical", False)
    state = foreign((8, 6, 5), chunk=7, classes=3, **form)
    generator = ajbrock.from_state(state)
    z, label = tiny.normal(3, generator.z_dim).float(), torch.tensor([2, 0, 1])
    expected = drawn(state, z, label, hierarchical=hierarchical)
    assert error(generator(generator.codes(z, label=label)), expected) < 1e-4
    assert generator.z_dim == (21 if hierarchical else 7) and generator.classes == 3
    assert generator.config()["hierarchical"] is hierarchical


# pytorch-pretrained-biggan


def deep_fixture() -> tuple[dict[str, Tensor], dict, dict[str, Tensor]]:
    return references.state(BIGGAN_DEEP), references.config(BIGGAN_DEEP), references.arrays(BIGGAN_DEEP)


@pytest.mark.parametrize("psi, name", [(0.4, "image_trunc040"), (1.0, "image_trunc100")])
def test_pytorch_pretrained_biggan_is_reproduced(psi: float, name: str) -> None:
    state, config, io = deep_fixture()
    for known in (config, None):
        generator = hf_biggan.from_state(state, known)
        codes = generator.codes(io["z"], psi=1, label=io["label"])
        assert error(generator.at(psi=psi)(codes), io[name]) < 1e-4
        assert error(generator.at(psi=psi - 0.1)(codes), io[name]) > 1e-3
        assert torch.equal(codes[:, 0, :24], io["z"]) and codes.shape == (3, 7, 48)


def swapped(generator: BigGANDeep, psi: float) -> BigGANDeep:
    """The view as the reference interpolates: the share of the row above goes to the row below."""
    view, (share, below) = generator.at(psi=psi), math.modf(psi * 50)
    for ours, theirs in zip(view.modules(), generator.modules(), strict=True):
        if isinstance(theirs, Normalisation):
            for name in ("mean", "var"):
                rows = getattr(theirs, name)
                ours._buffers[name] = (share * rows[int(below)] + (1 - share) * rows[int(below) + 1])[None]
    return view


@pytest.mark.parametrize("psi", [0.425, 0.987])
def test_statistics_between_two_psi_lie_nearer_to_the_nearer_one(psi: float) -> None:
    state, config, io = deep_fixture()
    generator = hf_biggan.from_state(state, config)
    codes, below = generator.codes(io["z"], label=io["label"]), math.floor(psi * 50) / 50
    picture = generator.at(psi=psi)(codes)
    lower, upper = ((picture - generator.at(psi=below + step)(codes)).square().mean() for step in (0, 0.02))
    assert lower < upper if psi - below < 0.01 else upper < lower
    assert error(swapped(generator, psi)(codes), picture) > 1e-3


def test_half_way_between_two_psi_the_reference_agrees_again() -> None:
    state, config, io = deep_fixture()
    generator = hf_biggan.from_state(state, config)
    codes, expected = generator.codes(io["z"], label=io["label"]), io["image_trunc043_as_reference_code"]
    assert error(swapped(generator, 0.43)(codes), expected) < 1e-4  # so `swapped` is what it says
    assert error(generator.at(psi=0.43)(codes), expected) < 1e-4


def test_every_stored_psi_has_its_own_row() -> None:
    generator = tiny.biggan_deep()
    gate = generator.gates[0]
    for row in range(51):
        for psi in (row / 50, row * 0.02):  # 0.58 * 50 is not 29
            if psi < 1:
                assert torch.equal(generator.at(psi=psi).gates[0].mean, gate.mean[row : row + 1])
    assert torch.allclose(generator.at(psi=0.255).gates[0].var, (0.25 * gate.var[12] + 0.75 * gate.var[13])[None])
    assert generator.at(psi=1) is generator


def test_a_view_of_psi_shares_every_parameter_and_leaves_the_original_alone() -> None:
    generator = tiny.biggan_deep()
    codes = codes_of(generator)
    before, view = generator(codes), generator.at(psi=0.3)
    assert all(a is b for a, b in zip(view.parameters(), generator.parameters(), strict=True))
    assert not torch.allclose(view(codes), before, atol=1e-3) and torch.equal(generator(codes), before)
    with pytest.raises(ValueError, match="psi = 1.2: this generator has statistics for 0 to 1"):
        generator.at(psi=1.2)


def without_v(state: dict[str, Tensor], *, quotient: bool) -> dict[str, Tensor]:
    """As old versions of torch saved spectral norms: without v, but with the quotient; or u alone, converged."""
    found = dict(state)
    for name in [name.removesuffix("_v") for name in state if name.endswith("weight_v")]:
        flat, u, v = found[f"{name}_orig"].flatten(1), found[f"{name}_u"], found.pop(f"{name}_v")
        if quotient:
            found[name] = found[f"{name}_orig"] / (u @ flat @ v)
        else:
            found[f"{name}_u"] = torch.linalg.svd(flat.double(), full_matrices=False).U[:, 0].float()
    return found


def test_spectral_norms_are_folded_from_every_form_of_the_file() -> None:
    state, config, io = deep_fixture()
    codes = hf_biggan.from_state(state, config).codes(io["z"], label=io["label"])
    old = without_v(state, quotient=True)
    folded = {name: tensor for name, tensor in old.items() if not name.endswith(("weight_orig", "weight_u"))}
    assert len(folded) < len(old)
    for form in (old, folded):
        assert error(hf_biggan.from_state(form, config)(codes), io["image_trunc100"]) < 1e-4
    largest = hf_biggan.from_state(without_v(state, quotient=False), config).layers[1].convs[1]
    assert torch.linalg.matrix_norm((largest.weight * largest.gain).flatten(1), 2) == pytest.approx(1, abs=1e-4)


def test_noise_of_the_deep_one_is_cut_at_two() -> None:
    deep, wide = (build().sample(2000, 0).flatten().numpy() for build in (tiny.biggan_deep, tiny.biggan))
    cut = scipy.stats.truncnorm(-2, 2).cdf
    assert 1.9 < abs(deep).max() <= 2
    assert scipy.stats.kstest(deep, cut).pvalue > 0.01
    assert scipy.stats.kstest(wide, cut).pvalue < 1e-6


# Slots, gates, codes


def styles(generator: ClassConditional, codes: Tensor) -> list[Tensor]:
    """What each slot gives its layer [n, fan_out]: the dense layer's output, or gains and biases of the gates."""
    dense = generator.layers[0](None, codes[:, 0]).x.flatten(1)
    by_layer = [
        [part for gate in layer.gates for part in gate.gain_and_bias(codes[:, gate.slot])]
        for layer in generator.layers[1:]
    ]
    return [dense, *(torch.cat(parts, 1) for parts in by_layer)]


def test_a_moved_slot_moves_its_styles_by_its_first_weight_and_no_other_slot(generator: ClassConditional) -> None:
    generator = generator.double()
    codes = codes_of(generator, label=1).double()
    before, shift = styles(generator, codes), tiny.normal(generator.dim)
    for slot in range(generator.slots):
        edited = codes.clone()
        edited[:, slot] += shift
        for other, (new, old) in enumerate(zip(styles(generator, edited), before)):
            expected = shift @ generator.first_weight(slot).T if other == slot else torch.zeros(old.shape[1]).double()
            assert torch.allclose(new - old, expected.expand_as(old), atol=1e-9)


def test_edits_of_every_slot_move_the_noise_alone(generator: ClassConditional) -> None:
    codes = codes_of(generator, label=2)
    for slot in range(generator.slots):
        found = sefa(generator, (slot,), k=1)
        moved = edit(codes, found, [3.0])
        assert torch.equal(moved[..., generator.noise_dim :], codes[..., generator.noise_dim :])
        state = generator.run(codes, stop=slot) if slot else None
        assert torch.equal(generator(moved), generator.to_image(generator.run(moved, state, start=slot)))
        unread = not generator.first_weight(slot)[:, generator.movable].any()
        assert torch.equal(generator(moved), generator(codes)) is unread
    assert (random_directions(generator, k=4, seed=0).vectors[:, generator.noise_dim :] == 0).all()


def test_the_strongest_direction_of_a_slot_is_that_of_its_noise_columns(generator: ClassConditional) -> None:
    noise = generator.first_weight(0)[:, generator.movable].double()
    found = sefa(generator, (0,), k=generator.noise_dim)
    assert torch.allclose(found.scores, torch.linalg.svdvals(noise).square(), rtol=1e-6)
    changes = (found.vectors[:, generator.movable] @ noise.T).square().sum(1)
    assert torch.allclose(changes, found.scores, rtol=1e-6)


def test_chunks_of_noise_and_the_class_lie_where_the_design_says() -> None:
    z, label = tiny.normal(2, 36).float(), torch.tensor([0, 2])
    for build in (tiny.biggan, tiny.biggan_deep):
        generator = build()
        codes = generator.codes(z[:, : generator.z_dim], label=label)
        expected = z.reshape(2, 3, 12) if build is tiny.biggan else z[:, None, :12].expand(2, 5, 12)
        assert torch.equal(codes[..., generator.movable], expected)
        assert torch.equal(codes[..., 12:], generator.embedding[label][:, None].expand(2, generator.slots, 5))
    flat = TWINS["flat"]().codes(z[:, :12], label=label)
    assert torch.equal(flat[:, 0, :12], z[:, :12]) and not flat[:, 1:, :12].any()


def test_numbers_that_no_layer_reads_change_nothing() -> None:
    generator = tiny.biggan()
    codes = codes_of(generator)
    assert not generator.first_weight(0)[:, 12:].any()
    codes[:, 0, 12:] += 5  # the dense layer reads its chunk alone
    assert torch.equal(generator(codes), generator(codes_of(generator)))
    codes[:, 1, 12:] += 5  # the control: a block reads the class too
    assert not torch.allclose(generator(codes), generator(codes_of(generator)), atol=1e-3)


def test_psi_scales_the_noise_up_to_the_cutoff_and_never_the_class(generator: ClassConditional) -> None:
    whole, half = codes_of(generator, label=1), codes_of(generator, label=1, psi=0.5)
    partly = codes_of(generator, label=1, psi=0.5, cutoff=1)
    assert torch.equal(half[..., generator.movable], 0.5 * whole[..., generator.movable])
    assert torch.equal(half[..., generator.noise_dim :], whole[..., generator.noise_dim :])
    assert torch.equal(partly[:, :1], half[:, :1]) and torch.equal(partly[:, 1:], whole[:, 1:])


def test_one_label_for_all_or_one_for_each(generator: ClassConditional) -> None:
    z = generator.sample(3, 0)
    mixed = generator.codes(z, label=[2, 0, 1])
    for row, label in enumerate((2, 0, 1)):
        assert torch.equal(mixed[row : row + 1], generator.codes(z[row : row + 1], label=label))
    assert torch.equal(generator.codes(z), generator.codes(z, label=0))
    assert not torch.allclose(generator(generator.codes(z, label=1)), generator(generator.codes(z)), atol=1e-3)


@pytest.mark.parametrize(
    "label, sentence",
    [
        (3, "label 3: this generator has the classes 0 to 2"),
        (-1, "classes 0 to 2"),
        ([0, 1], "one for each of 3 rows"),
        (0.5, "labels are one whole number"),
    ],
)
def test_a_label_there_is_not_is_refused_in_a_sentence(generator: ClassConditional, label, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        generator.codes(generator.sample(3, 0), label=label)


def test_gates_are_normalisation_and_relu_in_forward_order(generator: ClassConditional) -> None:
    codes, order = codes_of(generator, label=1), []
    handles = [gate.register_forward_hook(lambda module, _in, _out: order.append(module)) for gate in generator.gates]
    generator(codes)
    for handle in handles:
        handle.remove()
    assert len(order) == len(generator.gates) and all(a is b for a, b in zip(order, generator.gates))
    for i, gate in enumerate(generator.gates):
        fed: list[Tensor] = []
        handle = gate.register_forward_pre_hook(lambda _module, inputs: fed.extend(inputs))
        with tap(gate) as seen:
            generator(codes)
        handle.remove()
        x, code = fed
        assert gate.slot == 1 + i // (len(generator.gates) // (generator.slots - 1))
        assert torch.equal(code, codes[:, gate.slot])
        gain, bias = (part[:, :, None, None] for part in gate.gain_and_bias(code))
        expected = F.relu(F.batch_norm(x, gate.mean[-1], gate.var[-1], eps=gate.eps) * gain + bias)
        assert torch.allclose(seen[0], expected, atol=1e-4) and (seen[0] == 0).any() and (seen[0] > 0).any()


@pytest.mark.parametrize(
    "how, sentence",
    [
        (dict(resolution=32), "3 widths make 16 pixels, not 32"),
        (dict(z_dim=10), "10 numbers cannot be cut into 3 chunks"),
        (dict(classes=0), "0 classes of 3 numbers"),
        (dict(attention=(32,)), "blocks end at 8, 16 pixels"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(how: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        BigGAN(**dict(dict(resolution=16, channels=(8, 8, 8), z_dim=9, classes=2, class_dim=3), **how))


def test_blocks_that_do_not_follow_each_other_are_refused() -> None:
    for blocks in (((True, 8, 8), (True, 4, 4)), ((True, 16, 4),)):
        with pytest.raises(ValueError, match="a block of .* channels gives as many or half"):
            BigGANDeep(blocks=blocks, z_dim=4, classes=2, class_dim=4)


# Training


def trainable(resolution: int = 64) -> BigGAN:
    channels = (256, 256, 128, 64, 32) if resolution == 64 else (16, 16, 8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BigGAN(
            resolution=resolution,
            channels=channels,
            z_dim=20 * len(channels),
            classes=15,
            class_dim=32,
            attention=(16,),
        )


def test_the_model_of_64_pixels_trains() -> None:
    generator = trainable()
    assert generator.slots == 5 and generator.dim == 52 and generator.training
    assert sum(p.numel() for p in generator.parameters()) * 4 < 10e6  # a bundled file
    before = [norm.mean.clone() for norm in generator.gates]
    images = generator(generator.codes(generator.sample(4, 0), label=[0, 3, 14, 3]))
    images.square().mean().backward()
    assert images.shape == (4, 3, 64, 64) and 0.1 < images.std() < 0.9
    gradients = {name: p.grad for name, p in generator.named_parameters()}
    silent = [name for name, gradient in gradients.items() if not gradient.any() and ".attention." not in name]
    assert not silent and generator.layers[2].attention.gamma.grad != 0  # the rest of attention waits for gamma
    assert [k for k in range(15) if gradients["embedding"][k].any()] == [0, 3, 14]
    assert all(not torch.equal(norm.mean, old) for norm, old in zip(generator.gates, before))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = generator(generator.codes(generator.sample(4, 0), label=[0, 3, 14, 3]))
    assert half.dtype == torch.float32 and (half - images).abs().mean() < 0.05


def test_standing_statistics_are_the_mean_over_the_batches() -> None:
    generator = trainable(16)
    batches = [generator.codes(generator.sample(16, 100 * i), label=i).detach() for i in range(5)]
    gate, fed = generator.gates[2], []
    recompute_statistics(generator, batches)
    assert generator.training and gate.momentum == 0.1
    mean, var = gate.mean.clone(), gate.var.clone()
    with gate_inputs(gate, fed):
        for codes in batches:
            generator(codes)
    assert torch.allclose(mean[0], torch.stack([x.mean((0, 2, 3)) for x in fed]).mean(0), atol=1e-5)
    assert torch.allclose(var[0], torch.stack([x.var((0, 2, 3)) for x in fed]).mean(0), rtol=1e-4)
    recompute_statistics(generator, batches)
    again = generator.eval().gates[2].mean
    assert torch.allclose(again, mean, atol=1e-6)  # nothing of what was there before remains


def gate_inputs(gate: Normalisation, fed: list[Tensor]):
    return gate.register_forward_pre_hook(lambda _module, inputs: fed.append(inputs[0].detach()))


def test_evaluation_draws_what_training_drew_once_the_statistics_stand() -> None:
    generator = trainable(16)
    labels = torch.arange(256) % 15
    codes = generator.codes(generator.sample(256, 0), label=labels).detach()
    trained = generator(codes).detach()
    fresh = trainable(16).eval()(codes).detach()
    recompute_statistics(generator, [codes])
    standing = generator.eval()(codes).detach()
    assert error(standing, trained) < 0.05 < error(fresh, trained)


# Only whole files

WRONG = [
    (lambda s: s.pop("linear.weight"), "has no 'linear.weight'"),
    (lambda s: s.pop("blocks.1.0.bn2.stored_var"), "has no 'blocks.1.0.bn2.stored_var'"),
    (lambda s: s.update({"blocks.0.0.bn2.gain.weight": torch.ones(6, 9)}), r"\[6, 9\], where \[6, 11\] belongs"),
    (lambda s: s.update({"blocks.1.0.conv2.weight": torch.ones(5, 5, 1, 1)}), r"1, 1\], where \[5, 5, 3, 3\] belongs"),
    (lambda s: s.update({"blocks.1.0.conv1.weight": torch.ones(5)}), "where 4 numbers above 0 belong"),
    (lambda s: s.update({"blocks.0.2.extra": torch.ones(1)}), "holds 'blocks.0.2.extra', which"),
    (lambda s: s["linear.bias"].fill_(float("inf")), "are infinite or none"),
]


@pytest.mark.parametrize("change, sentence", WRONG)
def test_a_biggan_file_that_is_not_whole_is_refused_in_one_sentence(change, sentence: str) -> None:
    state = foreign((8, 6, 5), chunk=7, classes=3, class_dim=4, hierarchical=True)
    change(state)
    with pytest.raises(ValueError, match=sentence) as refusal:
        ajbrock.from_state(state)
    assert str(refusal.value).startswith("this BigGAN-PyTorch file ") and "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "config, sentence",
    [
        (dict(resolution=64), "resolution 16, but its config.json says resolution = 64"),
        (dict(hier=False), "says hier = False"),
        (dict(BN_eps="small"), "says BN_eps = 'small', which is no number above 0"),
        (dict(G_nl="leaky_relu"), "trained with G_nl = 'leaky_relu'"),
        (dict(norm_style="gn"), "trained with norm_style = 'gn'"),
    ],
)
def test_a_config_of_another_model_is_refused_in_one_sentence(config: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ajbrock.from_state(foreign((8, 6, 5), chunk=7, classes=3, class_dim=4, hierarchical=True), config)


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda s: s.pop("generator.layers.0.conv_1.bias"), "has no 'generator.layers.0.conv_1.bias'"),
        (lambda s: s.pop("generator.gen_z.weight_u"), "has no 'generator.gen_z.weight_u'"),
        (lambda s: s.update({"generator.layers.4.conv_0.bias": torch.ones(3)}), r"\[3\], where \[16\] belongs"),
        (lambda s: s.update({"more": torch.ones(3)}), "holds 'more', which"),
        (
            lambda s: [s.pop(name) for name in list(s) if name.startswith("generator.layers.1.")],
            r"has blocks \[0, 2, 4, 5, 6\] and attention \[3\]",
        ),
        (lambda s: s.update({"generator.layers.5.gamma": torch.ones(1)}), r"attention \[3, 5\], where numbers from 0"),
        (lambda s: s.pop("generator.layers.3.gamma"), "without a gap"),
    ],
)
def test_a_deep_file_that_is_not_whole_is_refused_in_one_sentence(change, sentence: str) -> None:
    state, _, _ = deep_fixture()
    change(state)
    with pytest.raises(ValueError, match=sentence) as refusal:
        hf_biggan.from_state(state)
    assert str(refusal.value).startswith("this pytorch-pretrained-biggan file ") and "\n" not in str(refusal.value)


def test_a_deep_config_of_another_depth_is_refused_in_one_sentence() -> None:
    state, config, _ = deep_fixture()
    for layers in (config["layers"][:-1], "six", [[]] * 6):
        with pytest.raises(ValueError, match="has 6 blocks, which its config.json does not describe"):
            hf_biggan.from_state(state, dict(config, layers=layers))


def test_they_recognise_their_own_files() -> None:
    wide, deep = foreign((8, 6), chunk=3, classes=2), references.state(BIGGAN_DEEP)
    assert ajbrock.matches(wide) and hf_biggan.matches(deep)
    assert not hf_biggan.matches(wide) and not ajbrock.matches(deep)
    assert not genforce_stylegan.matches(wide) and not genforce_stylegan.matches(deep)
