"""SeFa: the eigenvectors of A^T A are what they claim to be, and a planted direction is found."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.codes import edit
from core.factorization.sefa import sefa
from core.generators.base import Generator
from core.generators.dcgan import DCGAN

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

SLOTS = dict(stylegan2=[None, (0,), (5,), (1, 3, 4)], stylegan2_clamped=[None], pggan=[None], dcgan=[None])
CASES = [(name, slots) for name, choices in SLOTS.items() for slots in choices]
on_every_twin = pytest.mark.parametrize("name, slots", CASES)


def matrix(generator: Generator, slots: tuple[int, ...] | None, mode: str = "paper") -> Tensor:
    """A [rows, dim], stacked here from the parameters themselves."""
    if isinstance(generator, DCGAN):
        rows = generator.layers[0].weight.double()  # batch norms are folded into it
    elif generator.slots == 1:
        rows = generator.layers[0].weight.double().permute(0, 2, 3, 1).flatten(0, 2) * (2 / generator.dim) ** 0.5 / 4
    else:
        convs = [layer.conv for layer in generator.layers] + [generator.layers[-1].to_rgb]
        chosen = range(generator.slots) if slots is None else slots
        rows = torch.cat([convs[slot].affine.weight.double() / generator.dim**0.5 for slot in chosen])
    return rows if mode == "paper" else rows / rows.norm(dim=1, keepdim=True)


def flatly(rows: int, dim: int, spectrum: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A [rows, dim] with the given singular values, and its right singular vectors [k, dim], in this order."""
    left = torch.linalg.qr(tiny.normal(rows, len(spectrum), seed=seed)).Q
    right = torch.linalg.qr(tiny.normal(dim, len(spectrum), seed=seed + 1)).Q
    return left * spectrum @ right.T, right.T


def projector(vectors: Tensor) -> Tensor:
    return vectors.T @ vectors


# The nine laws


@on_every_twin
@pytest.mark.parametrize("mode", ["paper", "official"])
def test_directions_are_orthonormal_eigenvectors_in_falling_order(name: str, slots, mode: str) -> None:
    generator = tiny.GENERATORS[name]()
    a, found = matrix(generator, slots, mode), sefa(generator, slots, k=tiny.DIM, mode=mode)
    v, scores = found.vectors, found.scores
    assert v.dtype == scores.dtype == torch.float64
    assert torch.allclose(v @ v.T, torch.eye(tiny.DIM, dtype=torch.float64), atol=1e-12)
    assert torch.allclose((v @ a.T).square().sum(1), scores, rtol=1e-6, atol=1e-6 * float(scores[0]))
    assert torch.allclose(v @ (a.T @ a), scores[:, None] * v, atol=1e-6 * float(scores[0]))
    assert (scores.diff() <= 0).all() and (scores >= 0).all()
    assert found.slots == tuple(range(generator.slots) if slots is None else slots)


def test_the_eigen_equations_hold_to_the_last_digits() -> None:
    a = tiny.normal(40, 24)
    found = sefa(tiny.Planted(a), k=24)
    assert torch.allclose((found.vectors @ a.T).square().sum(1), found.scores, rtol=1e-10)
    assert (found.vectors @ (a.T @ a) - found.scores[:, None] * found.vectors).abs().max() < 1e-10 * found.scores[0]


@on_every_twin
def test_official_scores_sum_to_the_number_of_rows(name: str, slots) -> None:
    generator = tiny.GENERATORS[name]()
    rows = len(matrix(generator, slots))
    assert float(sefa(generator, slots, k=tiny.DIM, mode="official").scores.sum()) == pytest.approx(rows, rel=1e-9)
    assert float(sefa(generator, slots, k=tiny.DIM).scores.sum()) != pytest.approx(rows, rel=1e-3)


@on_every_twin
@pytest.mark.parametrize("mode", ["paper", "official"])
def test_it_is_the_singular_value_decomposition_of_the_stacked_maps(name: str, slots, mode: str) -> None:
    generator = tiny.GENERATORS[name]()
    a, found = matrix(generator, slots, mode), sefa(generator, slots, k=tiny.DIM, mode=mode)
    _, s, v = np.linalg.svd(a.numpy(), full_matrices=True)
    squares = np.zeros(tiny.DIM)
    squares[: len(s)] = s**2
    assert np.allclose(found.scores, squares, rtol=1e-6, atol=1e-6 * squares[0])
    for k in (1, 2, 5):
        if squares[k - 1] - squares[k] > 1e-3 * squares[0]:  # otherwise the subspace is not defined
            assert torch.allclose(projector(found.vectors[:k]), projector(torch.as_tensor(v[:k])), atol=1e-4)


def test_no_direction_amplifies_more_than_the_first_or_less_than_the_last() -> None:
    generator = tiny.stylegan2()
    a, found = matrix(generator, None), sefa(generator, k=tiny.DIM)
    random = torch.nn.functional.normalize(tiny.normal(100_000, tiny.DIM), dim=1)
    amplified = (random @ a.T).square().sum(1)
    assert amplified.max() <= found.scores[0] * (1 + 1e-6) and amplified.min() >= found.scores[-1] * (1 - 1e-6)
    assert amplified.max() > 0.8 * found.scores[0]  # so many draws come close: the bound is tight


@pytest.mark.parametrize("mode", ["paper", "official"])
def test_permuted_and_negated_rows_and_rotated_codes(mode: str) -> None:
    a = tiny.normal(30, 10)
    found = sefa(tiny.Planted(a), k=10, mode=mode)
    order, signs = torch.randperm(30, generator=torch.Generator().manual_seed(0)), tiny.normal(30, 1, seed=2).sign()
    same = sefa(tiny.Planted(a[order] * signs), k=10, mode=mode)
    assert torch.allclose(same.scores, found.scores) and torch.allclose(same.vectors, found.vectors, atol=1e-9)
    rotation = torch.linalg.qr(tiny.normal(10, 10, seed=3)).Q
    turned = sefa(tiny.Planted(a @ rotation), k=10, mode=mode)
    assert torch.allclose(turned.scores, found.scores)
    back = turned.vectors @ rotation.T @ found.vectors.T
    assert torch.allclose(back.abs(), torch.eye(10, dtype=torch.float64), atol=1e-8)
    scaled = sefa(tiny.Planted(3 * a), k=10, mode=mode)
    assert torch.allclose(scaled.scores, found.scores * (9 if mode == "paper" else 1))


def test_flipping_the_kernels_of_pggan_changes_nothing() -> None:
    generator, flipped = tiny.pggan(), tiny.pggan()
    flipped.layers[0].weight.copy_(generator.layers[0].weight.flip(2, 3))
    assert torch.allclose(sefa(flipped).scores, sefa(generator).scores)
    assert torch.allclose(sefa(flipped).vectors, sefa(generator).vectors, atol=1e-8)


@pytest.mark.parametrize("slot", [0, 5])
def test_a_null_direction_changes_no_picture_where_all_readers_are_in_a(slot: int) -> None:
    generator = tiny.stylegan2().double()  # 6 and 4 rows for 12 numbers
    codes = generator.codes(generator.sample(2, 0)).double()
    found = sefa(generator, (slot,), k=tiny.DIM)
    null = edit(codes, found, [0.0] * (tiny.DIM - 1) + [5.0])
    top = edit(codes, found, [5.0])
    assert found.scores[-1] < 1e-12 * found.scores[0]
    affine = (generator.layers[-1].to_rgb if slot == 5 else generator.layers[slot].conv).affine
    style = affine(codes[:, slot])
    assert (affine(null[:, slot]) - style).norm() < 1e-6 * style.norm()
    assert (generator(null) - generator(codes)).abs().max() < 1e-6
    assert (generator(top) - generator(codes)).abs().max() > 1e-2


def test_a_null_direction_of_slot_1_still_moves_the_colours() -> None:
    """Layer 0's ToRGB reads slot 1 too and is not in A, as in the published code."""
    generator = tiny.stylegan2().double()
    codes = generator.codes(generator.sample(2, 0)).double()
    null = edit(codes, sefa(generator, (1,), k=tiny.DIM), [0.0] * (tiny.DIM - 1) + [5.0])
    affine = generator.layers[1].conv.affine
    assert torch.allclose(affine(null[:, 1]), affine(codes[:, 1]), atol=1e-6)
    assert (generator(null) - generator(codes)).abs().max() > 1e-3


def test_a_null_direction_of_pggan_moves_only_the_length_of_the_code() -> None:
    generator = tiny.pggan(channels=(1, 5, 4), dim=20)  # 16 rows for 20 numbers
    found = sefa(generator, k=20)
    a, codes = matrix(generator, None), generator.codes(generator.sample(3, 0)).double()
    moved = edit(codes, found, [0.0] * 19 + [4.0])
    assert found.scores[-1] < 1e-12 * found.scores[0]
    assert torch.allclose(moved[:, 0] @ a.T, codes[:, 0] @ a.T, atol=1e-6)
    assert not torch.allclose(edit(codes, found, [4.0])[:, 0] @ a.T, codes[:, 0] @ a.T, atol=0.1)


@pytest.mark.parametrize("amount", [-7.0, -0.1, 0.3, 20.0])
@pytest.mark.parametrize("slots", [(0,), (2, 3, 5)])
def test_a_step_moves_the_styles_by_its_length_times_the_root_of_the_score(amount: float, slots) -> None:
    generator = tiny.stylegan2().double()
    codes = generator.codes(generator.sample(2, 0)).double()
    affines = [layer.conv.affine for layer in generator.layers] + [generator.layers[-1].to_rgb.affine]
    found = sefa(generator, slots, k=3)
    for i in range(3):
        moved = edit(codes, found, [0.0] * i + [amount])
        changes = torch.cat([affines[slot](moved[:, slot]) - affines[slot](codes[:, slot]) for slot in slots], 1)
        assert torch.allclose(changes.norm(dim=1), abs(amount) * found.scores[i].sqrt().expand(2), rtol=1e-5)


@pytest.mark.parametrize("name", tiny.KINDS)
def test_an_edit_by_sefa_can_be_undone_and_leaves_other_layers_alone(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    codes = generator.codes(generator.sample(2, 0))
    slots = (2, 4) if generator.slots > 4 else (0,)
    found = sefa(generator, slots, k=2)
    moved = edit(codes, found, [3.0, -1.0])
    assert torch.allclose(edit(moved, found, [-3.0, 1.0]), codes, atol=1e-6)
    assert all(torch.equal(moved[:, i], codes[:, i]) for i in range(generator.slots) if i not in slots)
    assert torch.equal(generator(edit(codes, found, [0.0, 0.0])), generator(codes))
    assert not torch.equal(generator(moved), generator(codes))


@pytest.mark.parametrize("mode", ["paper", "official"])
def test_cached_slots_add_up_to_the_stacked_matrix(mode: str) -> None:
    parts = [tiny.normal(rows, 14, seed=rows) for rows in (5, 9, 20)]
    generator, together = tiny.Planted(*parts), sefa(tiny.Planted(torch.cat(parts)), k=14, mode=mode)
    for slot in range(3):
        sefa(generator, (slot,), mode=mode)  # fills the cache one by one
    found = sefa(generator, k=14, mode=mode)
    assert torch.allclose(found.scores, together.scores, rtol=1e-10)
    assert torch.allclose(found.vectors, together.vectors, atol=1e-8)


# Planted answers


def test_a_planted_direction_is_found() -> None:
    spectrum = torch.tensor([9.0, 5.0, 3.0, 1.0, 0.5, 0.2], dtype=torch.float64)
    a, planted = flatly(64, 32, spectrum)
    found = sefa(tiny.Planted(a), k=6)
    assert torch.allclose((found.vectors @ planted.T).abs(), torch.eye(6, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(found.scores, spectrum.square())
    other, _ = flatly(64, 32, spectrum, seed=5)  # the control: another network hides other directions
    assert (sefa(tiny.Planted(other), k=6).vectors[0] @ planted[0]).abs() < 0.7


def test_order_is_by_strength_where_a_general_solver_loses_it() -> None:
    a, planted = flatly(256, 128, 30 * torch.arange(1, 129, dtype=torch.float64).pow(-0.5)[tiny.normal(128).argsort()])
    found, loose = sefa(tiny.Planted(a), k=128).scores, np.linalg.eig((a.T @ a).numpy())[0]
    assert (found.diff() <= 0).all()
    assert (np.diff(loose.real) > 0).any()  # the trap of numpy.linalg.eig: right values, no order
    assert np.allclose(np.sort(loose.real)[::-1], found)


def test_a_dead_row_is_harmless() -> None:
    a = tiny.normal(20, 8)
    dead = torch.cat([a, torch.zeros(3, 8, dtype=torch.float64)])
    for mode in ("paper", "official"):
        found, expected = sefa(tiny.Planted(dead), k=8, mode=mode), sefa(tiny.Planted(a), k=8, mode=mode)
        assert torch.isfinite(found.vectors).all()
        assert torch.allclose(found.scores, expected.scores)
        assert torch.allclose(found.vectors, expected.vectors, atol=1e-9)


def test_the_two_modes_differ_where_rows_differ_in_length() -> None:
    a = tiny.normal(20, 8) * torch.logspace(-2, 1, 20, dtype=torch.float64)[:, None]
    paper, official = sefa(tiny.Planted(a), k=1), sefa(tiny.Planted(a), k=1, mode="official")
    assert (paper.vectors[0] @ official.vectors[0]).abs() < 0.99
    scaled = a / a.norm(dim=1, keepdim=True)
    assert torch.allclose(official.scores, torch.linalg.eigvalsh(scaled.T @ scaled)[-1:])


def test_the_sign_does_not_depend_on_the_solver() -> None:
    for name in tiny.GENERATORS:
        vectors = sefa(tiny.GENERATORS[name](), k=tiny.DIM).vectors
        assert (vectors.gather(1, vectors.abs().argmax(1, keepdim=True)) > 0).all()


# The cache


def test_a_generator_that_still_trains_is_never_remembered() -> None:
    generator = tiny.stylegan2().requires_grad_(True)
    before = sefa(generator).scores
    with torch.no_grad():
        for layer in generator.layers:
            layer.conv.affine.weight.mul_(2)
        generator.layers[-1].to_rgb.affine.weight.mul_(2)
    assert torch.allclose(sefa(generator).scores, 4 * before) and not before.requires_grad


def test_what_comes_back_can_be_changed_without_harm() -> None:
    generator = tiny.stylegan2()
    first = sefa(generator, (0,))
    expected = first.vectors.clone()
    first.vectors.zero_()
    first.scores.zero_()
    assert torch.equal(sefa(generator, (0,)).vectors, expected)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (dict(slots=[6]), "choose at least one of 0 to 5"),
        (dict(slots=[-1]), "choose at least one of 0 to 5"),
        (dict(slots=[]), "choose at least one of 0 to 5"),
        (dict(k=0), "1 to 12 directions"),
        (dict(k=13), "1 to 12 directions"),
        (dict(mode="svd"), "no mode 'svd': 'paper'"),
    ],
)
def test_what_there_is_not_is_refused_in_one_sentence(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        sefa(tiny.stylegan2(), **arguments)
    assert "\n" not in str(error.value)
