"""The Jacobian is what backward passes and finite differences say, and Gram matrices of regions add up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from torch.func import vjp

from core.codes import Directions, edit
from core.factorization import jacobian as module
from core.factorization.jacobian import (
    PictureGrams,
    averaged,
    bytes_by_size,
    bytes_needed,
    check_memory,
    fitting_size,
    grams,
    grams_steps,
    jacobian,
    jacobian_steps,
    picture_grams,
)
from core.generators.base import Generator
from core.regions import Box

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

ALL = [(name, slots) for name in tiny.GENERATORS for slots in (None, (0,))] + [
    ("stylegan2", (1, 4)),
    ("stylegan2", (5,)),
    ("stylegan", (3, 4)),
    ("biggan", (1,)),
    ("biggan_deep", (2, 3)),
]
everywhere = pytest.mark.parametrize("name, slots", ALL)
SMOOTH = (
    "stylegan2",
    "stylegan",
    "pggan",
    "biggan",
    "biggan_deep",
    "dcgan",
    "dcgan_of_classes",
)  # the clamp has a kink at most pixels
MASK = Box(0.5, 0.2, 0.9, 0.6).mask(tiny.RESOLUTION)


def double(name: str, seed: int = 0) -> tuple[Generator, Tensor]:
    generator = tiny.GENERATORS[name]().double()
    return generator, generator.codes(generator.sample(1, seed).double()).double()


def single(name: str, seed: int = 0) -> tuple[Generator, Tensor]:
    generator = tiny.GENERATORS[name]()
    return generator, generator.codes(generator.sample(1, seed))


def shifted(generator: Generator, codes: Tensor, slots, shift: Tensor) -> Tensor:
    """The image [3, R, R] of codes whose chosen slots move by shift [dim], by the library's own `edit`."""
    slots = tuple(range(generator.slots)) if slots is None else slots
    length = shift.norm()
    return generator(edit(codes, Directions((shift / length)[None], torch.ones(1), slots), [float(length)]))[0]


def by_backward(generator: Generator, codes: Tensor, slots, pixels: list[tuple[int, int, int]]) -> Tensor:
    """[pixels, dim], as published: one backward pass an output."""
    chosen = list(range(generator.slots) if slots is None else slots)

    def image(shift: Tensor) -> Tensor:
        moved = codes.clone()
        moved[:, chosen] = codes[:, chosen] + shift
        return generator(moved)[0]

    picture, pull = vjp(image, codes.new_zeros(generator.dim))
    rows = []
    for pixel in pixels:
        one = torch.zeros_like(picture)
        one[pixel] = 1
        rows.append(pull(one)[0])
    return torch.stack(rows)


def some_pixels(side: int, seed: int = 0, count: int = 12) -> list[tuple[int, int, int]]:
    numbers = torch.randint(0, 3 * side**2, (count,), generator=torch.Generator().manual_seed(seed))
    return [(int(n) // side**2, int(n) // side % side, int(n) % side) for n in numbers]


# The laws


@everywhere
def test_forward_mode_is_backward_mode(name: str, slots) -> None:
    """jvp = vjp; columns that may not move are 0 here and only here."""
    generator, codes = double(name)
    found, pixels = jacobian(generator, codes, slots=slots), some_pixels(generator.resolution)
    rows = torch.stack([found[pixel] for pixel in pixels])
    expected = by_backward(generator, codes, slots, pixels)
    fixed = torch.ones(generator.dim, dtype=torch.bool)
    fixed[generator.movable] = False
    assert found.shape == (3, *2 * [generator.resolution], generator.dim) and found.dtype == torch.float64
    assert torch.allclose(rows[:, ~fixed], expected[:, ~fixed], rtol=1e-10, atol=1e-12 * float(expected.abs().max()))
    assert not found[..., fixed].any()
    others = some_pixels(generator.resolution, seed=1)
    assert not torch.allclose(rows, torch.stack([found[pixel] for pixel in others]), atol=1e-3)


@everywhere
def test_in_float32_too(name: str, slots) -> None:
    generator, codes = single(name)
    found, pixels = jacobian(generator, codes, slots=slots), some_pixels(generator.resolution)
    expected = by_backward(generator, codes, slots, pixels)[:, generator.movable]
    rows = torch.stack([found[pixel] for pixel in pixels])[:, generator.movable]
    assert torch.allclose(rows, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("name, slots", [(name, slots) for name, slots in ALL if name in SMOOTH])
def test_central_differences_agree(name: str, slots) -> None:
    """As numbers of the whole picture: at a kink of a ReLU (few pixels, h = 1e-4) a difference is no derivative."""
    generator, codes = double(name)
    found, h = jacobian(generator, codes, slots=slots), 1e-4
    shift = torch.zeros(generator.dim, dtype=torch.float64)
    shift[generator.movable] = tiny.normal(len(range(generator.dim)[generator.movable]), seed=7)
    shift /= shift.norm()
    difference = (shifted(generator, codes, slots, h * shift) - shifted(generator, codes, slots, -h * shift)) / (2 * h)
    predicted = found @ shift
    near = (predicted - difference).abs() <= 1e-5 * difference.abs().max()
    assert near.double().mean() > 0.97
    elsewhere = jacobian(generator, codes + 0.5 * shift, slots=slots) @ shift
    assert ((elsewhere - difference).abs() <= 1e-5 * difference.abs().max()).double().mean() < 0.5  # the control


@pytest.mark.parametrize("name", tiny.GENERATORS)
def test_the_chunk_does_not_matter(name: str) -> None:
    generator, codes = single(name)
    whole = jacobian(generator, codes)
    for chunk in (1, 5, 100) if name == "stylegan2" else (5,):  # some, all, and one at a time
        assert torch.allclose(jacobian(generator, codes, chunk=chunk), whole, atol=1e-6 * float(whole.abs().max()))


def test_slots_add_up_to_all_of_them() -> None:
    """One shift of all slots is the sum of the shifts of each."""
    for name in ("stylegan2", "biggan"):
        generator, codes = double(name)
        parts = [jacobian(generator, codes, slots=(slot,)) for slot in range(generator.slots)]
        assert torch.allclose(sum(parts), jacobian(generator, codes), atol=1e-12)
        assert not torch.allclose(sum(parts[1:]), jacobian(generator, codes), atol=1e-3)


def test_a_smaller_size_is_some_of_the_pixels() -> None:
    generator, codes = single("stylegan2")
    whole = jacobian(generator, codes)
    assert torch.equal(jacobian(generator, codes, size=8), whole[:, ::2, ::2])
    assert torch.equal(jacobian(generator, codes, size=4), whole[:, ::4, ::4])
    kept = [0, 3, 6, 9, 12]
    assert torch.equal(jacobian(generator, codes, size=5), whole[:, kept][:, :, kept])
    assert jacobian(generator, codes, size=1).shape == (3, 1, 1, tiny.DIM)


def test_only_what_follows_the_first_slot_is_differentiated(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, codes = single("stylegan2")
    passed, original = [], module._through
    monkeypatch.setattr(module, "_through", lambda g, i, *rest: passed.append(i) or original(g, i, *rest))
    jacobian(generator, codes, slots=(5,))
    assert passed == [4, 5]  # the last layer, which reads slot 5 too, then the image


def test_threads_do_not_disturb_each_other() -> None:
    generator, codes = single("stylegan2")
    alone = jacobian(generator, codes)
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda _: jacobian(generator, codes, chunk=1), range(6)))
    assert all(torch.allclose(one, alone, atol=1e-5) for one in together)


def test_a_stream_counts_its_way_to_the_same_and_can_be_closed() -> None:
    generator, codes = single("stylegan2")
    steps = list(jacobian_steps(generator, codes, chunk=5))
    assert [step.done for step in steps] == sorted({step.done for step in steps}) and len(steps) == 3 * 6
    assert steps[-1].done == steps[-1].total and all(step.result is None for step in steps[:-1])
    assert torch.allclose(steps[-1].result, jacobian(generator, codes), atol=1e-6)
    stream = jacobian_steps(generator, codes)
    next(stream)
    assert torch.is_grad_enabled()  # what a stream switches off, it switches on before it yields
    stream.close()
    assert next(stream, None) is None


# Gram matrices


@pytest.mark.parametrize("name", tiny.KINDS)
def test_two_regions_make_the_whole(name: str) -> None:
    """|A| M_A + |B| M_B = |all| M_all, and every one is symmetric and positive."""
    generator, codes = single(name)
    rows = jacobian(generator, codes).double()
    mask = Box(0.5, 0.2, 0.9, 0.6).mask(generator.resolution)
    found = grams(generator, codes, mask)
    inside, outside = rows[:, mask].flatten(0, 1), rows[:, ~mask].flatten(0, 1)
    assert found.rows == (len(inside), len(outside))
    scale = float(found.inside.abs().max() + found.outside.abs().max())
    assert torch.allclose(found.inside, inside.T @ inside / len(inside), atol=1e-12 * scale)
    assert torch.allclose(found.outside, outside.T @ outside / len(outside), atol=1e-12 * scale)
    everything = rows.flatten(0, 2)
    together = found.rows[0] * found.inside + found.rows[1] * found.outside
    assert torch.allclose(together, everything.T @ everything, atol=1e-10 * scale * len(everything))
    for m in (found.inside, found.outside):
        assert torch.equal(m, m.T) or torch.allclose(m, m.T, atol=1e-14 * scale)
        assert torch.linalg.eigvalsh(m)[0] > -1e-12 * scale
    assert not torch.allclose(found.inside, found.outside, atol=1e-3 * scale)


@pytest.mark.parametrize("mask", [MASK, ~MASK, torch.ones(16, 16) > 0, Box(0.5, 0.5, 0.51, 0.51).mask(16)])
def test_the_smaller_side_is_summed_and_the_other_is_the_rest(mask: Tensor) -> None:
    generator, codes = single("stylegan2")
    rows = jacobian(generator, codes).double()
    found = PictureGrams(rows.float(), slots=(0,), movable=generator.movable).of(mask)
    for m, part in ((found.inside, mask), (found.outside, ~mask)):
        chosen = rows[:, part].flatten(0, 1)
        assert torch.allclose(m, chosen.T @ chosen / max(len(chosen), 1), atol=1e-12 * float(rows.square().sum()))


def test_a_mask_of_another_size_is_brought_to_the_jacobian() -> None:
    generator, codes = single("stylegan2")
    large = Box(0.5, 0.25, 0.75, 0.5).mask(64)
    small = Box(0.5, 0.25, 0.75, 0.5).mask(16)
    assert torch.equal(grams(generator, codes, large).inside, grams(generator, codes, small).inside)
    assert grams(generator, codes, large, size=8).rows == (3 * 4, 3 * 60)


def test_the_mean_of_the_colours_is_what_was_published() -> None:
    generator, codes = single("stylegan2")
    rows = jacobian(generator, codes).double().mean(0)[MASK]
    found = grams(generator, codes, MASK, colours="mean")
    assert torch.allclose(found.inside, rows.T @ rows / len(rows), rtol=1e-5, atol=1e-7) and found.rows[0] == len(rows)


def test_several_pictures_count_the_same() -> None:
    generator = tiny.stylegan2()
    codes, masks = generator.codes(generator.sample(3, 0)), torch.stack([MASK, ~MASK, MASK.T])
    single = [grams(generator, codes[i : i + 1], masks[i]) for i in range(3)]
    found = grams(generator, codes, masks)
    assert torch.allclose(found.inside, sum(each.inside for each in single) / 3)
    assert torch.allclose(found.outside, averaged(single).outside)
    assert found.rows[0] == sum(each.rows[0] for each in single)
    one_for_all = averaged([single[0], grams(generator, codes[1:2], MASK)])
    assert torch.allclose(grams(generator, codes[:2], MASK).inside, one_for_all.inside)


@pytest.mark.parametrize(
    "name, slots, block, chunk",
    [("stylegan2", None, 5, 2), ("stylegan2", (3,), 128, 32), ("biggan", None, 7, 4), ("pggan", None, 1, 3)],
)
def test_gram_matrices_without_storing_the_jacobian_are_the_same(name: str, slots, block: int, chunk: int) -> None:
    generator, codes = single(name)
    steps = list(grams_steps(generator, codes, MASK, slots=slots, block=block, chunk=chunk))
    found, expected = steps[-1].result, grams(generator, codes, MASK, slots=slots)
    assert steps[-2].done == steps[-1].total and found.rows == expected.rows and found.slots == expected.slots
    for a, b in ((found.inside, expected.inside), (found.outside, expected.outside)):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6 * float(b.abs().max()))


# What is remembered


def test_a_jacobian_is_taken_once_for_all_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, codes = single("stylegan2")
    taken, original = [], module.jacobian
    monkeypatch.setattr(module, "jacobian", lambda *a, **k: taken.append(1) or original(*a, **k))
    for mask in (MASK, ~MASK, MASK.T):
        grams(generator, codes, mask)
    assert len(taken) == 1
    grams(generator, codes + 1, MASK)
    grams(generator, codes, MASK, slots=(1,))
    grams(generator, codes, MASK, colours="mean")
    assert len(taken) == 4
    training = tiny.stylegan2().requires_grad_(True)
    for _ in range(2):
        grams(training, codes, MASK)
    assert len(taken) == 6


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, codes = single("stylegan2")
    monkeypatch.setattr(module, "KEPT", 3 * jacobian(generator, codes).nbytes)
    for i in range(6):
        picture_grams(generator, codes + i)
    assert len(module._kept[generator]) == 3


# Memory, and what there is not


def test_memory_is_told_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = tiny.stylegan2()
    monkeypatch.setattr(type(generator), "run", None)
    needed = bytes_needed(generator)
    assert needed >= 4 * 3 * 16**2 * tiny.DIM
    assert bytes_needed(generator, size=8) < needed < bytes_needed(generator, chunk=64)
    by_size = bytes_by_size(generator)
    assert list(by_size) == [16, 8, 4, 2, 1]
    assert all(bytes_needed(generator, size=size) == needs for size, needs in by_size.items())
    check_memory(generator, needed)
    for size in (16, 8, 4):
        assert fitting_size(generator, bytes_needed(generator, size=size)) == size
    with pytest.raises(ValueError, match="at 16 pixels a side needs .* MB .*: at 8 pixels a side it would fit"):
        check_memory(generator, needed - 1)
    assert fitting_size(generator, 1000) is None
    with pytest.raises(ValueError, match="a smaller chunk needs less"):
        check_memory(generator, 1000)


@pytest.mark.parametrize("name", tiny.KINDS)
def test_the_widest_state_is_the_real_one(name: str) -> None:
    generator, codes = single(name)
    state, widest = None, 3 * generator.resolution**2
    for i in range(len(generator.layers)):
        state = generator.run(codes, state, start=i, stop=i + 1)
        widest = max(widest, sum(t.numel() for t in state if t is not None))
    assert module._widest(generator) == widest


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (dict(slots=[9]), "choose at least one of 0 to 5"),
        (dict(size=0), "1 to 16 pixels"),
        (dict(size=17), "1 to 16 pixels"),
        (dict(chunk=0), "at least one column"),
    ],
)
def test_what_there_is_not_is_refused_in_one_sentence(arguments: dict, sentence: str) -> None:
    generator, codes = single("stylegan2")
    with pytest.raises(ValueError, match=sentence) as error:
        jacobian(generator, codes, **arguments)
    assert "\n" not in str(error.value)


def test_codes_and_regions_that_do_not_fit_are_refused() -> None:
    generator, codes = single("stylegan2")
    with pytest.raises(ValueError, match=r"codes are \[1, 6, 12\]"):
        jacobian(generator, codes.repeat(2, 1, 1))
    with pytest.raises(ValueError, match="the region is empty"):
        grams(generator, codes, ~MASK & MASK)
    with pytest.raises(ValueError, match=r"a region is a mask \[h, w\] of bool"):
        grams(generator, codes, None)
    with pytest.raises(ValueError, match="2 regions for 1 pictures"):
        grams(generator, codes, torch.stack([MASK, MASK]))
    with pytest.raises(ValueError, match="no colours 'red'"):
        grams(generator, codes, MASK, colours="red")
    with pytest.raises(ValueError, match="same slots"):
        averaged([grams(generator, codes, MASK), grams(generator, codes, MASK, slots=(1,))])
    with pytest.raises(ValueError, match="same slots"):
        averaged([])
