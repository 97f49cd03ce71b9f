"""ReSeFa: nothing changes a region more for what it changes elsewhere."""

from __future__ import annotations

import pytest
import scipy.linalg
import torch
from torch import Tensor

from core.codes import edit
from core.factorization.jacobian import Grams, grams, jacobian
from core.factorization.lowrank import lowrank_of
from core.factorization.resefa import REGULARISER, resefa, resefa_of
from core.regions import Box

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

MASK = Box(0.5, 0.2, 0.9, 0.6).mask(tiny.RESOLUTION)


def gram(rows: int, dim: int, seed: int = 0) -> Tensor:
    j = tiny.normal(rows, dim, seed=seed)
    return j.T @ j / rows


def of(inside: Tensor, outside: Tensor) -> Grams:
    return Grams(inside, outside, (10, 90), (0,), range(len(inside)))


def quotient(n: Tensor, found: Grams, regulariser: float = 0.0) -> Tensor:
    """Of rows [k, dim]."""
    eye = torch.eye(len(found.outside), dtype=torch.float64)
    below = found.outside + regulariser * found.outside.trace() * eye
    return (n @ found.inside * n).sum(1) / (n @ below * n).sum(1)


@pytest.mark.parametrize("regulariser", [1e-3, 1e-6])
@pytest.mark.parametrize("rows", [8, 200])
def test_it_is_the_generalised_eigenproblem(rows: int, regulariser: float) -> None:
    """Against SciPy's own solver, also where M_B alone has no inverse (8 rows of 20 numbers)."""
    found = of(gram(30, 20, 1), gram(rows, 20, 2))
    ours = resefa_of(found, k=20, regulariser=regulariser)
    below = found.outside + regulariser * found.outside.trace() * torch.eye(20, dtype=torch.float64)
    values, vectors = scipy.linalg.eigh(found.inside.numpy(), below.numpy())
    assert torch.allclose(ours.directions.scores, torch.as_tensor(values[::-1].copy()), rtol=1e-8, atol=1e-10)
    theirs = torch.nn.functional.normalize(torch.as_tensor(vectors.T[::-1].copy()), dim=1)
    n, scores = ours.directions.vectors, ours.directions.scores
    assert torch.allclose((n * theirs).sum(1).abs(), torch.ones(20, dtype=torch.float64), atol=1e-7)
    assert torch.allclose(quotient(n, found, regulariser), scores, rtol=1e-8, atol=1e-12)
    crossed = n @ below @ n.T
    assert (crossed - crossed.diag().diag()).abs().max() < 1e-9 * crossed.abs().max()  # M_B-orthogonal


def test_no_direction_beats_it() -> None:
    """Not 100,000 random ones, not any eigenvector of either matrix, not a small step away from its own."""
    found = of(gram(30, 20, 1), gram(200, 20, 2))
    best = resefa_of(found, k=1)
    top, n = float(best.directions.scores[0]), best.directions.vectors
    others = torch.cat(
        [
            tiny.normal(100_000, 20, seed=5),
            torch.linalg.eigh(found.inside).eigenvectors.T,
            torch.linalg.eigh(found.outside).eigenvectors.T,
            n + 1e-3 * tiny.normal(1000, 20, seed=6),
        ]
    )
    assert quotient(others, found, REGULARISER).max() <= top * (1 + 1e-12)
    assert quotient(n, found, REGULARISER)[0] == pytest.approx(top, rel=1e-10)
    beside = n + 1e-2 * tiny.normal(1, 20, seed=6)
    assert quotient(beside, found, REGULARISER)[0] < top * (1 - 1e-6)  # the bound is tight


@pytest.mark.parametrize("name", tiny.KINDS)
def test_on_every_twin_no_lowrank_direction_beats_it_either(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    codes = generator.codes(generator.sample(1, 0))
    found, ours = grams(generator, codes, MASK), resefa(generator, codes, MASK, regulariser=1e-9)
    movable, n = list(found.movable), ours.directions.vectors
    small = of(found.inside[movable][:, movable], found.outside[movable][:, movable])
    rivals = lowrank_of(found)
    assert (rivals.ratio <= ours.ratio[0] * (1 + 1e-6)).all()
    assert quotient(tiny.normal(2000, len(movable)), small).max() <= ours.ratio[0] * (1 + 1e-6)
    assert torch.allclose(n.norm(dim=1), torch.ones(5, dtype=torch.float64))
    assert torch.equal(n[:, generator.movable].norm(dim=1), n.norm(dim=1))
    assert (n.gather(1, n.abs().argmax(1, keepdim=True)) > 0).all() and (ours.directions.scores.diff() <= 0).all()
    assert ours.directions.slots == tuple(range(generator.slots))


def test_ratio_and_energy_are_those_of_real_pictures() -> None:
    generator = tiny.stylegan2().double()
    codes = generator.codes(generator.sample(1, 0).double()).double()
    found, t = resefa(generator, codes, MASK, slots=(2, 3)), 1e-4
    for i in range(3):
        change = ((generator(edit(codes, found.directions, [0.0] * i + [t])) - generator(codes)) / t).square()[0]
        inside, outside = change[:, MASK].mean(), change[:, ~MASK].mean()
        assert float(inside) == pytest.approx(float(found.energy[i]), rel=1e-2)
        assert float(inside / outside) == pytest.approx(float(found.ratio[i]), rel=1e-2)


def test_the_regulariser_is_a_share_of_the_trace() -> None:
    found = of(gram(30, 20, 1), gram(200, 20, 2))
    scaled = of(7 * found.inside, 1e4 * found.outside)
    a, b = resefa_of(found), resefa_of(scaled)
    assert torch.allclose(a.directions.vectors, b.directions.vectors, atol=1e-8)
    assert torch.allclose(a.ratio, b.ratio * 1e4 / 7) and torch.allclose(b.energy, 7 * a.energy)
    loose = resefa_of(found, regulariser=1.0)
    assert float(loose.energy[0]) > float(a.energy[0]) and float(loose.ratio[0]) < float(a.ratio[0])


def test_a_planted_direction_is_found() -> None:
    basis = torch.linalg.qr(tiny.normal(20, 20)).Q
    strong, weak = torch.linspace(3, 1, 20, dtype=torch.float64), torch.ones(20, dtype=torch.float64)
    weak[7] = 0.01  # the outside hardly answers to the eighth
    found = resefa_of(of(basis * strong @ basis.T, basis * weak @ basis.T))
    assert abs(float(found.directions.vectors[0] @ basis[:, 7])) > 1 - 1e-9
    flat = resefa_of(of(basis * strong @ basis.T, torch.eye(20, dtype=torch.float64)))
    assert abs(float(flat.directions.vectors[0] @ basis[:, 7])) < 1e-6  # the control: another outside
    assert abs(float(flat.directions.vectors[0] @ basis[:, 0])) > 1 - 1e-9


def test_the_whole_picture_gives_the_singular_vectors_of_the_jacobian() -> None:
    generator = tiny.stylegan2()
    codes = generator.codes(generator.sample(1, 0))
    found = resefa(generator, codes, torch.ones(16, 16) > 0)
    rows = jacobian(generator, codes).double().flatten(0, 2)
    _, singular, v = torch.linalg.svd(rows, full_matrices=False)
    cosines = (found.directions.vectors * v[:5]).sum(1).abs()
    assert torch.allclose(cosines, torch.ones(5, dtype=torch.float64), atol=1e-6)
    assert torch.allclose(found.energy, singular[:5].square() / len(rows)) and torch.isinf(found.ratio).all()
    part = resefa(generator, codes, MASK)
    assert abs(float(part.directions.vectors[0] @ v[0])) < 0.99


def test_one_pixel_and_several_pictures() -> None:
    generator = tiny.biggan()
    codes = generator.codes(generator.sample(2, 0))
    pixel = torch.arange(256).reshape(16, 16) == 100
    found = resefa(generator, codes[:1], pixel, k=tiny.DIM)
    assert (found.energy[3:] < 1e-9 * found.energy[0]).all()  # three channels: three directions
    assert torch.isfinite(found.directions.vectors).all()
    masks = torch.stack([MASK, MASK.T])
    both = resefa(generator, codes, masks, slots=(1,))
    again = resefa_of(grams(generator, codes, masks, slots=(1,)))
    assert torch.equal(both.directions.vectors, again.directions.vectors)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (dict(k=0), "1 to 8 directions"),
        (dict(k=9), "1 to 8 directions"),
        (dict(regulariser=0.0), "above 0"),
        (dict(regulariser=float("inf")), "above 0"),
    ],
)
def test_what_there_is_not_is_refused_in_one_sentence(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        resefa_of(of(gram(30, 8, 1), gram(30, 8, 2)), **arguments)
    assert "\n" not in str(error.value)
