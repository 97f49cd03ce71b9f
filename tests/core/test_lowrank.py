"""LowRankGAN: pursuit is optimal and says so, and a projected direction leaves the outside alone."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core import threads
from core.codes import Directions, edit
from core.factorization import lowrank as module
from core.factorization.jacobian import Grams, grams, jacobian
from core.factorization.lowrank import (
    Decomposition,
    certified,
    first_lambda,
    lowrank,
    lowrank_of,
    lowrank_steps,
    next_lambda,
    principal_and_null,
    pursue,
    pursue_official,
)
from core.generators.base import Generator, State
from core.regions import Box

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

MASK = Box(0.5, 0.2, 0.9, 0.6).mask(tiny.RESOLUTION)
CANDES = 1.0  # times 1 / sqrt(n)


def decaying(n: int, seed: int = 0, power: float = 2.0) -> Tensor:
    """[n, n] symmetric, eigenvalues 1 / rank^power: what Gram matrices of trained networks look like."""
    basis = torch.linalg.qr(tiny.normal(n, n, seed=seed)).Q
    return basis * torch.arange(1, n + 1, dtype=torch.float64).pow(-power) @ basis.T


def planted(n: int, rank: int, share: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A low-rank and a sparse symmetric matrix [n, n]; `share` of the entries are not 0, of either sign."""
    factor, random = tiny.normal(n, rank, seed=seed), torch.Generator().manual_seed(seed + 1)
    there = (torch.rand(n, n, generator=random) < share / 2).triu()
    sparse = torch.where(there, 5 * tiny.normal(n, n, seed=seed + 2).sign(), 0.0).double()
    return factor @ factor.T, sparse + sparse.T


def of(inside: Tensor, outside: Tensor, rows: tuple[int, int] = (10, 90)) -> Grams:
    return Grams(inside, outside, rows, (0,), range(len(inside)))


# Pursuit


@pytest.mark.parametrize("n, rank, share", [(60, 3, 0.05), (60, 2, 0.1), (40, 2, 0.05)])
def test_a_planted_sum_is_taken_apart(n: int, rank: int, share: float) -> None:
    low, sparse = planted(n, rank, share)
    found = pursue(low + sparse, n**-0.5, tolerance=1e-9)
    assert (found.low - low).norm() < 1e-5 * low.norm() and (found.sparse - sparse).norm() < 1e-5 * sparse.norm()
    assert found.rank == rank and found.gap <= 1e-9
    assert torch.equal(found.sparse.abs() > 1e-4, sparse != 0)
    dense, _ = planted(n, n // 2, share)  # the control: what is not of low rank is not found
    assert (pursue(dense + sparse, n**-0.5).low - dense).norm() > 1e-2 * dense.norm()


@pytest.mark.parametrize("factor", [0.4, 0.6, CANDES])
@pytest.mark.parametrize("n", [24, 60])
def test_the_certificate_holds(n: int, factor: float) -> None:
    """Computed here in NumPy, from M, L and Z alone: both are feasible, and nothing lies between them."""
    m, lam = decaying(n), factor * n**-0.5
    found = pursue(m, lam, tolerance=1e-8, most=20_000)
    low, z = found.low.numpy(), found.dual.numpy()
    sparse = m.numpy() - low
    assert np.linalg.norm(z, 2) <= 1 + 1e-12 and np.abs(z).max() <= lam * (1 + 1e-12) and np.allclose(z, z.T)
    primal, bound = np.linalg.norm(low, "nuc") + lam * np.abs(sparse).sum(), (m.numpy() * z).sum()
    assert bound <= primal <= bound * (1 + 1.1e-8)
    assert found.primal == pytest.approx(primal, rel=1e-12) and found.bound == pytest.approx(bound, rel=1e-12)
    u, sign = found.vectors.numpy(), np.sign(found.values.numpy())
    strong = found.values.abs().numpy() > 1e-2 * float(found.values.abs().max())
    assert np.allclose((u.T @ z @ u)[strong][:, strong], np.diag(sign[strong]), atol=1e-3)  # Z = U V^T on range(L)
    clear = np.abs(sparse) > 1e-2 * np.abs(sparse).max()
    assert np.allclose(z[clear], lam * np.sign(sparse[clear]), atol=1e-2 * lam)  # Z = lam sign(S)


def test_what_is_not_optimal_is_not_certified() -> None:
    n = 60
    m, lam = decaying(n), 0.6 * n**-0.5
    best = pursue(m, lam)
    assert best.gap <= 1e-4
    noise = tiny.normal(n, n, seed=9)
    for low, dual in (
        (best.low + 0.01 * best.low.norm() * (noise + noise.T) / noise.norm(), best.dual),
        (best.low, best.dual + 0.05 * lam * (noise + noise.T)),
        (best.low, 0.9 * best.dual),
        (0.9 * best.low, best.dual),
        (torch.zeros_like(m), torch.zeros_like(m)),
    ):
        assert certified(m, low, dual, lam).gap > 1e-3
    growing = inexact(m, lam)  # mu grows by half each time: fast, and wrong
    assert growing.gap > 1e-3 and growing.primal > best.primal * (1 + 1e-4)


def inexact(m: Tensor, lam: float) -> Decomposition:
    """Inexact ALM with a growing penalty, as many toolboxes have it."""
    norm = torch.linalg.matrix_norm(m, 2)
    y, s, mu = m / max(norm, m.abs().max() / lam), torch.zeros_like(m), 1.25 / float(norm)
    for _ in range(60):
        low = module._shrunk(m - s + y / mu, 1 / mu)[0]
        s = module._soft(m - low + y / mu, lam / mu)
        y, mu = y + mu * (m - low - s), mu * 1.5
    return certified(m, low, y, lam)


def test_very_large_and_very_small_weights_have_known_answers() -> None:
    """lam >= 1: |S|_1 never pays, L = M. |lam sign(M)| < 1 (spectral): L never pays, S = M."""
    m = decaying(20) + torch.eye(20, dtype=torch.float64)
    everything = pursue(m, 1.0)
    assert everything.rank == 20 and everything.primal == pytest.approx(float(m.trace()), rel=1e-4)
    lam = 0.9 / float(torch.linalg.matrix_norm(m.sign(), 2))  # at 1 both are optimal
    nothing = pursue(m, lam)
    assert nothing.rank == 0 and nothing.primal == pytest.approx(lam * float(m.abs().sum()), rel=1e-4)
    zero = pursue(torch.zeros(5, 5, dtype=torch.float64), 0.1)
    assert zero.rank == 0 and zero.gap == 0.0


@pytest.mark.parametrize("solver", [pursue, pursue_official])
def test_scaled_and_permuted_matrices_have_scaled_and_permuted_answers(solver) -> None:
    n = 30
    m, order = decaying(n), torch.randperm(n, generator=torch.Generator().manual_seed(0))
    found = solver(m, 0.1)
    for scale in (1e-7, 3.0, 1e5):
        scaled = solver(scale * m, 0.1)
        assert torch.allclose(scaled.low, scale * found.low, atol=1e-7 * scale) and scaled.rank == found.rank
        assert scaled.iterations == found.iterations
    permuted = solver(m[order][:, order], 0.1)
    assert torch.allclose(permuted.low, found.low[order][:, order], atol=1e-7) and permuted.rank == found.rank
    basis = torch.linalg.qr(tiny.normal(n, n, seed=4)).Q  # the control: |S|_1 depends on the basis
    turned = solver(basis @ m @ basis.T, 0.1)
    assert not torch.allclose(turned.low, basis @ found.low @ basis.T, atol=1e-3)


def test_negative_eigenvalues_are_kept_with_their_sign() -> None:
    low, sparse = planted(40, 2, 0.05)
    vector = tiny.normal(40, seed=8)
    low = low - vector.outer(vector)
    found = pursue(low + sparse, 40**-0.5, tolerance=1e-9)
    assert (found.low - low).norm() < 1e-5 * low.norm() and (found.values < 0).sum() == 1


def test_a_near_start_saves_work_and_changes_nothing() -> None:
    m = decaying(60)
    first = pursue(m, 0.08)
    near = m + 1e-3 * decaying(60, seed=3)
    cold, warm, again = pursue(near, 0.08), pursue(near, 0.08, start=first), pursue(m, 0.08, start=first)
    assert warm.iterations < cold.iterations and again.iterations == module.LOOK
    assert warm.gap <= 1e-4 and warm.primal == pytest.approx(cold.primal, rel=2e-4)
    far = decaying(60, seed=3)
    assert torch.equal(pursue(far, 0.08, start=first).low, pursue(far, 0.08).low)
    other = pursue(decaying(20), 0.1)
    assert torch.equal(pursue(m, 0.08, start=other).low, first.low)


@pytest.mark.parametrize("m", [tiny.normal(4, 4), tiny.normal(4, 3), float("nan") * tiny.normal(3, 3)])
def test_only_symmetric_finite_matrices_are_taken(m: Tensor) -> None:
    for solver in (pursue, pursue_official):
        with pytest.raises(ValueError, match="symmetric matrix of finite numbers"):
            solver(m, 0.1)


# The published arithmetic


def published(m: np.ndarray, lam: float) -> tuple[np.ndarray, int, int]:
    """`RobustPCA.py`, written from section B1: full SVD, ord=1, primal residual. L, its rank, iterations."""
    mu = m.size / (4 * np.linalg.norm(m, ord=1))
    s, y = np.zeros_like(m), np.zeros_like(m)
    for i in range(1, 10_001):
        u, sigma, vt = np.linalg.svd(m - s - y / mu)
        low = u @ np.diag(np.maximum(sigma - 1 / mu, 0)) @ vt
        rest = m - low - y / mu
        s = np.sign(rest) * np.maximum(np.abs(rest) - lam / mu, 0)
        y = y + mu * (low + s - m)
        if np.linalg.norm(low + s - m) <= 1e-7 * np.linalg.norm(m):
            break
    return low, np.linalg.matrix_rank(low), i


@pytest.mark.parametrize("n, lam", [(16, 1 / 60), (24, 0.1), (32, 1 / 20)])
def test_the_official_mode_is_the_published_arithmetic(n: int, lam: float) -> None:
    m = decaying(n, seed=n)
    low, rank, iterations = published(m.numpy(), lam)
    found = pursue_official(m, lam)
    assert np.allclose(found.low, low, atol=1e-10) and (found.rank, found.iterations) == (rank, iterations)
    assert torch.allclose(found.low + found.sparse, m, atol=2e-7 * float(m.norm()))
    best = pursue(m, lam, tolerance=1e-7)
    assert best.primal <= found.primal * (1 + 1e-6)
    assert not np.allclose(best.low, low, atol=1e-10)  # the control: it is not the optimum


def test_the_official_mode_makes_the_published_directions() -> None:
    """V_F, N_B and P as in B1, step by step in NumPy with general singular value decompositions."""
    m_f, m_b = decaying(16, seed=1), decaying(16, seed=2)
    found = lowrank_of(of(m_f, m_b), mode="official")
    (l_f, r_f, _), (l_b, r_b, _) = published(m_f.numpy(), 1 / 60), published(m_b.numpy(), 1 / 60)
    v_f, r = np.linalg.svd(l_f)[2][:r_f], min(max(1, r_b), 15)
    n_b = np.linalg.svd(l_b)[2][r:].T
    p = (n_b @ n_b.T @ v_f.T).T
    p /= np.linalg.norm(p, axis=1, keepdims=True)
    assert found.directions.vectors.shape == p.shape == (r_f, 16)
    assert np.allclose(np.abs((found.directions.vectors.numpy() * p).sum(1)), 1, atol=1e-7)
    assert np.allclose(np.abs((found.unprojected.vectors.numpy() * v_f).sum(1)), 1, atol=1e-7)
    assert found.outside.lam == 1 / 60 and found.within


def test_a_matrix_with_nothing_small_stops_the_official_mode_far_from_the_optimum() -> None:
    """Its penalty is below every eigenvalue: small residual at once, full rank, a null space of one direction."""
    m = decaying(32, power=0.2)
    found = pursue_official(m, 1 / 60)
    best = pursue(m, 1 / 60)
    assert found.gap > 0.05 and best.gap <= 1e-4 and best.primal < 0.95 * found.primal
    assert best.rank < found.rank


# Directions


class Halves(Generator):
    """Linear: the upper half of the picture is A w, the lower half B w; A, B [3 * 4 * 8, 12]."""

    def __init__(self, a: Tensor, b: Tensor):
        super().__init__()
        self.slots, self.dim, self.z_dim, self.resolution = 1, a.shape[1], a.shape[1], 8
        self.maps = nn.Parameter(torch.stack([a, b]), requires_grad=False)
        self.layers, self.reads = nn.ModuleList([nn.Identity()]), ((0,),)
        self.layers[0].forward = self.both

    def both(self, state: None, code: Tensor) -> State:
        return State(torch.cat([(code @ m.T).reshape(-1, 3, 4, 8) for m in self.maps], 2))

    def to_image(self, state: State) -> Tensor:
        return state.x


UPPER = Box(0, 0, 0.5, 1).mask(8)


def halves(rank: int = 5, seed: int = 0) -> Halves:
    """B has the given rank in 12 dimensions."""
    lower = tiny.normal(96, rank, seed=seed + 1) @ tiny.normal(rank, 12, seed=seed + 2)
    return Halves(tiny.normal(96, 12, seed=seed), lower)


def truncated(m: Tensor) -> Decomposition:
    """The exact low-rank part: the matrix itself."""
    return certified(m, m, torch.zeros_like(m), 1.0)


def test_exact_truncation_leaves_the_other_block_alone() -> None:
    generator, codes = halves(), tiny.normal(1, 1, 12, seed=5)
    found = grams(generator, codes, UPPER)
    v_f, n_b = principal_and_null(truncated(found.inside), truncated(found.outside))
    assert n_b.shape == (12, 7) and torch.allclose(n_b.T @ n_b, torch.eye(7, dtype=torch.float64), atol=1e-12)
    p = torch.nn.functional.normalize(v_f @ n_b @ n_b.T, dim=1)
    before = generator(codes)
    for i in range(len(p)):
        after = generator(edit(codes, Directions(p, torch.ones(len(p)), (0,)), [0.0] * i + [3.0]))
        assert (after - before)[:, :, 4:].abs().max() < 1e-12 and (after - before)[:, :, :4].abs().max() > 0.5
    free = generator(edit(codes, Directions(v_f, torch.ones(len(v_f)), (0,)), [3.0]))
    assert (free - before)[:, :, 4:].abs().max() > 0.5  # the control: without the projection


def test_what_vanishes_is_left_out_and_reported() -> None:
    """A sees two directions: one that B sees too, one that it does not."""
    basis = torch.linalg.qr(tiny.normal(32, 32)).Q  # lam = 1: L = M
    shared, own, other = basis[:, 0], basis[:, 1], basis[:, 2]
    inside = 4 * shared.outer(shared) + own.outer(own)
    outside = shared.outer(shared) + 2 * other.outer(other)
    found = lowrank_of(of(inside, outside), lam=1.0)
    assert (found.inside.rank, found.outside.rank) == (2, 2)
    assert found.survived.tolist() == pytest.approx([1]) and found.vanished == 1
    assert len(found.directions) == len(found.unprojected) == 1
    assert abs(float(found.directions.vectors[0] @ own)) == pytest.approx(1)
    assert float(found.directions.scores[0]) == pytest.approx(1) and float(found.ratio[0]) > 1e9
    nothing = lowrank_of(of(shared.outer(shared), outside), lam=1.0)
    assert len(nothing.directions) == len(nothing.survived) == 0 and nothing.vanished == 1


def test_the_strongest_comes_first_by_what_survived() -> None:
    """The first principal direction is nearly what the outside sees: published, it still comes first."""
    basis = torch.linalg.qr(tiny.normal(32, 32)).Q
    mixed, own = 0.999 * basis[:, 0] + (1 - 0.999**2) ** 0.5 * basis[:, 3], basis[:, 1]
    pair = of(9 * mixed.outer(mixed) + own.outer(own), basis[:, 0].outer(basis[:, 0]))
    found, published = lowrank_of(pair, lam=1.0), lowrank_of(pair, lam=1.0, mode="official")
    assert found.survived.tolist() == pytest.approx([1, (1 - 0.999**2) ** 0.5], abs=1e-6)
    assert published.survived.tolist() == pytest.approx([(1 - 0.999**2) ** 0.5, 1], abs=1e-6)
    assert found.directions.scores.tolist() == found.energy.tolist() == pytest.approx([1, 9 * (1 - 0.999**2)])
    assert published.directions.scores.tolist() == pytest.approx([9, 1])


@pytest.mark.parametrize("name", tiny.KINDS)
def test_projected_directions_on_every_twin(name: str) -> None:
    """|L_B n| = 0, unit, on movable numbers only, canonical sign; ratio and energy are those of the Gram matrices."""
    generator = tiny.GENERATORS[name]()
    codes = generator.codes(generator.sample(1, 0))
    found, m = lowrank(generator, codes, MASK), grams(generator, codes, MASK)
    n, low = found.directions.vectors, found.outside.low
    block = n[:, generator.movable]
    assert found.within and found.outside.gap <= 1e-4 and found.inside.gap <= 1e-4
    assert (block @ low).norm(dim=1).max() <= 1e-8 * torch.linalg.matrix_norm(low, 2)
    assert torch.allclose(n.norm(dim=1), torch.ones(len(n), dtype=torch.float64)) and n.shape[1] == generator.dim
    assert torch.equal(block.norm(dim=1), n.norm(dim=1)) and (found.directions.scores.diff() <= 0).all()
    energy, leak = (n @ m.inside * n).sum(1), (n @ m.outside * n).sum(1)
    assert torch.allclose(found.energy, energy) and torch.allclose(found.ratio, energy / leak)
    before = found.unprojected.vectors
    assert torch.allclose((before * n).sum(1).abs(), found.survived, atol=1e-9)
    bare = before[:, generator.movable]
    assert ((bare @ low * bare).sum(1) > 1e-3 * (block @ low * block).sum(1).abs()).all()  # the control


def test_a_small_move_changes_what_the_ratio_says() -> None:
    """MSE inside over MSE outside of real pictures, for t towards 0; without the projection it is smaller."""
    generator = tiny.stylegan2().double()
    codes = generator.codes(generator.sample(1, 0).double()).double()
    found = lowrank(generator, codes, MASK, slots=(2, 3))

    def measured(directions: Directions, amount: float) -> float:
        change = (generator(edit(codes, directions, [amount])) - generator(codes)).square()[0]
        return float(change[:, MASK].mean() / change[:, ~MASK].mean())

    errors = [abs(measured(found.directions, t) / float(found.ratio[0]) - 1) for t in (1e-1, 1e-2, 1e-4)]
    assert errors[2] < 1e-2 and errors[2] < errors[0]
    assert measured(found.directions, 1e-3) > measured(found.unprojected, 1e-3)


def test_several_pictures_and_ready_matrices_are_the_same_road() -> None:
    generator = tiny.stylegan2()
    codes = generator.codes(generator.sample(2, 0))
    masks = torch.stack([MASK, MASK.T])
    found = lowrank(generator, codes, masks, slots=(1, 2))
    again = lowrank_of(grams(generator, codes, masks, slots=(1, 2)))
    assert torch.equal(found.directions.vectors, again.directions.vectors) and found.directions.slots == (1, 2)
    alone = lowrank(generator, codes[:1], MASK, slots=(1, 2))
    assert not torch.allclose(alone.directions.vectors[0], found.directions.vectors[0], atol=1e-2)


def test_the_official_mode_takes_the_mean_of_the_colours() -> None:
    generator = tiny.stylegan2()
    codes = generator.codes(generator.sample(1, 0))
    rows = jacobian(generator, codes).double().mean(0)
    inside, outside = rows[MASK], rows[~MASK]
    expected = lowrank_of(of(inside.T @ inside / len(inside), outside.T @ outside / len(outside)), mode="official")
    found = lowrank(generator, codes, MASK, mode="official")
    largest = float(expected.inside.low.abs().max())
    assert torch.allclose(found.inside.low, expected.inside.low, rtol=1e-4, atol=1e-6 * largest)


def test_the_whole_picture_and_one_pixel_have_answers() -> None:
    generator = tiny.stylegan2()
    codes = generator.codes(generator.sample(1, 0))
    whole = lowrank(generator, codes, torch.ones(16, 16) > 0)
    assert whole.outside.rank == 0 and torch.allclose(whole.survived, torch.ones_like(whole.survived))
    assert torch.allclose(whole.directions.vectors, whole.unprojected.vectors) and torch.isinf(whole.ratio).all()
    pixel = torch.arange(256).reshape(16, 16) == 100
    found = lowrank(generator, codes, pixel)
    assert 1 <= len(found.directions) <= 3  # three channels: rank 3 at most
    with pytest.raises(ValueError, match="the region is empty"):
        lowrank(generator, codes, pixel & ~pixel)


# Lambda


@pytest.mark.parametrize("dim", [12, 64, 128, 512])
@pytest.mark.parametrize("scale", [0.003, 0.05, 0.3, 1.0, 4.0, 30.0])
def test_the_search_finds_the_window_wherever_it_lies(dim: int, scale: float) -> None:
    def rank(lam: float) -> int:
        return round(dim * (1 - np.exp(-((lam * dim**0.5 * scale) ** 2))))

    tried = []
    weight = first_lambda(dim)
    while weight:
        tried.append((weight, rank(weight)))
        weight = next_lambda(tried, dim)
    if rank(1.0) >= dim / 16:
        assert dim / 16 <= tried[-1][1] <= dim / 4 and len(tried) <= module.STEPS
    assert len(tried) <= module.STEPS


def test_a_default_lambda_leaves_a_rank_in_the_window_and_a_tie_is_said() -> None:
    found = lowrank_of(of(decaying(48, seed=1), decaying(48, seed=2)))
    assert found.within and 3 <= found.outside.rank <= 12 and found.inside.lam == found.outside.lam
    vector = tiny.normal(48)
    poor = lowrank_of(of(decaying(48, seed=1), vector.outer(vector)))  # rank 1: there is no such lambda
    assert not poor.within and poor.outside.rank == 1 and len(poor.directions)
    assert lowrank_of(of(decaying(48, seed=1), decaying(48, seed=2)), lam=0.05).outside.lam == 0.05


# Streams


def test_weights_to_compare_lie_around_the_own_one_and_hold_the_published() -> None:
    assert module.lambdas_around(0.1) == [0.01667, 0.025, 0.05, 0.1, 0.2]
    assert module.lambdas_around(1 / 60) == [0.004167, 0.008333, 0.01667, 0.03333], "twice the same is one"


def test_how_far_a_split_is_goes_by_decades_of_its_gap() -> None:
    shares = [module.Progress(0.1, 0, gap).share for gap in (1.0, 2.0, 0.1, 1e-2, 1e-4, 1e-9, 0.0)]
    assert shares == pytest.approx([0, 0, 0.25, 0.5, 1, 1, 1])


def test_a_stream_shows_signs_of_life_and_stops_when_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 0.01)
    monkeypatch.setattr(module, "TOLERANCE", 0.0)
    pair, workers = of(decaying(100, seed=1), decaying(100, seed=2)), module.workers()
    stream = lowrank_steps(pair, mode="official")
    first, second = next(stream), next(stream)
    assert first.result is None and second.lam == 1 / 60
    assert not workers.submit(int).done()  # both are at work
    start = time.monotonic()
    stream.close()
    assert [job.result(5) for job in (workers.submit(int), workers.submit(int))] == [0, 0]
    assert time.monotonic() - start < 5
    small = list(lowrank_steps(of(decaying(16, seed=1), decaying(16, seed=2))))
    assert small[-1].result is not None and small[-1].gap <= 1e-4 and small[-1].iterations > 0


def test_two_visitors_get_what_each_gets_alone_and_the_process_keeps_its_threads() -> None:
    regions = [of(decaying(32, seed=i), decaying(32, seed=i + 10)) for i in range(3)]
    alone = [lowrank_of(region) for region in regions]
    threads._single_core.cache_clear()
    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(3) as visitors:
            together = list(visitors.map(lowrank_of, regions))
            assert {visitors.submit(torch.get_num_threads).result() for _ in range(3)} == {2}
        assert torch.get_num_threads() == 2
        assert {module.workers().submit(torch.get_num_threads).result() for _ in range(4)} == {1}
    finally:
        torch.set_num_threads(1)
    for one, other in zip(alone, together):
        assert torch.allclose(one.directions.vectors, other.directions.vectors, atol=1e-9)
        assert one.outside.lam == other.outside.lam


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (dict(mode="svd"), "no mode 'svd': 'paper'"),
        (dict(lam=0.0), "a number above 0"),
        (dict(lam=float("nan")), "a number above 0"),
    ],
)
def test_what_there_is_not_is_refused_in_one_sentence(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        lowrank_of(of(decaying(8), decaying(8)), **arguments)
    assert "\n" not in str(error.value)
