"""Descent: a stream of the best so far that reaches known minima, ends when told, and leaves nothing behind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from core.inversion.descent import adam, descend, lbfgs, rise_and_fall, sgd

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

A, B = tiny.normal(20, 6, seed=1), tiny.normal(20, seed=2)


def squares(x: Tensor) -> Tensor:
    return (A @ x - B).square().sum()


def start() -> Tensor:
    return tiny.normal(6, seed=3)


def valley(x: Tensor) -> Tensor:
    """Rosenbrock's, least (0) where all six are 1."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.parametrize("optimiser, schedule", [(adam(0.3), rise_and_fall), (sgd(0.01), lambda share: 1.0)])
def test_it_reaches_the_least_squares_solution(optimiser, schedule) -> None:
    *_, last = descend([start()], squares, steps=400, optimiser=optimiser, schedule=schedule)
    solution, least, *_ = np.linalg.lstsq(A.numpy(), B.numpy(), rcond=None)
    assert np.allclose(last.variables[0].numpy(), solution, atol=1e-3)
    assert last.loss == pytest.approx(least[0], rel=1e-5) and last.i == 400
    assert squares(start()) > 2 * last.loss


def test_it_follows_a_loop_of_numpy_step_by_step() -> None:
    x, a, b = start().numpy().copy(), A.numpy(), B.numpy()
    for best in descend([start()], squares, steps=20, optimiser=sgd(0.01)):
        assert np.allclose(best.variables[0].numpy(), x, rtol=1e-10)
        assert best.loss == pytest.approx(((a @ x - b) ** 2).sum(), rel=1e-10)
        x = x - 0.01 * 2 * a.T @ (a @ x - b)


def test_lbfgs_ends_in_six_dimensions_after_a_few_more_steps() -> None:
    solution = np.linalg.lstsq(A.numpy(), B.numpy(), rcond=None)[0]
    *_, last = lbfgs([start()], squares, steps=25)
    assert np.allclose(last.variables[0].numpy(), solution, atol=1e-6)
    *_, slower = descend([start()], squares, steps=25, optimiser=adam(0.3))
    assert slower.loss > last.loss + 1e-3


def test_lbfgs_goes_through_a_bent_valley_as_far_as_scipys() -> None:
    def flat(x: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.tensor(x, requires_grad=True)
        loss = valley(x)
        return loss.item(), torch.autograd.grad(loss, x)[0].numpy()

    theirs = minimize(flat, np.zeros(6), jac=True, method="L-BFGS-B", options=dict(maxcor=100, ftol=1e-20, gtol=1e-10))
    zeros = [torch.zeros(2, 2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)]
    *_, ours = lbfgs(zeros, lambda a, b: valley(torch.cat([a.flatten(), b])), steps=2 * theirs.nfev)
    assert ours.loss < 1e-10 and torch.allclose(ours.variables[0], torch.ones(2, 2, dtype=torch.float64), atol=1e-4)
    assert not zeros[0].any() and not zeros[0].requires_grad


def test_lbfgs_shortens_a_step_that_would_rise_or_leave_the_numbers() -> None:
    losses = []

    def walled(x: Tensor) -> Tensor:  # log is not a number below 0
        losses.append((0.2 * x - 0.1 * torch.log(x)).sum())
        return losses[-1]

    *_, last = lbfgs([torch.full((1,), 0.9, dtype=torch.float64)], walled, steps=40)
    assert last.variables[0].item() == pytest.approx(0.5, abs=1e-5)
    assert not all(loss.isfinite() for loss in losses)


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_a_step_of_either_is_one_gradient(steps: int) -> None:
    for stream in (
        lambda loss: lbfgs([start()], loss, steps=steps),
        lambda loss: descend([start()], loss, steps=steps, optimiser=adam(0.1)),
    ):
        calls = []
        bests = list(stream(lambda x: (calls.append(1), squares(x))[1]))
        assert [best.i for best in bests] == list(range(steps + 1)) and len(calls) == steps + 1


def test_the_best_so_far_never_rises_though_the_loss_does() -> None:
    losses = []

    def watched(x: Tensor) -> Tensor:
        losses.append(squares(x).item())
        return squares(x)

    bests = list(descend([start()], watched, steps=60, optimiser=sgd(0.032)))  # the rate is too high for it
    assert max(np.diff(losses)) > 0
    assert [best.loss for best in bests] == list(np.minimum.accumulate(losses))
    assert all(squares(best.variables[0]).item() == best.loss for best in bests)
    assert [best.i for best in bests] == list(range(61))


def test_what_was_yielded_does_not_change_afterwards() -> None:
    bests = list(descend([start()], squares, steps=5, optimiser=adam(0.1)))
    assert torch.equal(bests[0].variables[0], start())
    assert len({best.variables[0].data_ptr() for best in bests}) == 6


def test_a_closed_stream_computes_nothing_more() -> None:
    calls = []
    for descent in (descend, lbfgs):
        calls.clear()
        how = dict(optimiser=adam(0.1)) if descent is descend else {}
        stream = descent([start()], lambda x: (calls.append(1), squares(x))[1], steps=100, **how)
        next(stream), next(stream)
        stream.close()
        assert len(calls) == 2 and next(stream, None) is None


def test_it_ends_early_only_where_nothing_is_gained() -> None:
    flat = list(descend([start()], lambda x: 1 + 1e-6 * squares(x), steps=100, optimiser=adam(0.1), patience=7))
    assert flat[-1].i == 7
    assert list(lbfgs([start()], lambda x: 1 + 1e-6 * squares(x), steps=100, patience=7))[-1].i == 7
    steep = list(descend([start()], squares, steps=20, optimiser=sgd(0.01), patience=7))
    assert steep[-1].i == 20
    assert len(list(descend([start()], lambda x: 1 + 1e-6 * squares(x), steps=20, optimiser=adam(0.1)))) == 21


def test_what_is_retracted_stays_where_it_must_lie() -> None:
    def to_the_sphere(x: Tensor) -> None:
        x.div_(x.norm())

    for best in descend([start() / start().norm()], squares, steps=30, optimiser=adam(0.1), retract=to_the_sphere):
        assert best.variables[0].norm().item() == pytest.approx(1, abs=1e-12)
    *_, free = descend([start() / start().norm()], squares, steps=30, optimiser=adam(0.1))
    assert abs(free.variables[0].norm().item() - 1) > 0.05


def test_only_the_variables_get_gradients_and_the_mode_is_left_alone() -> None:
    weight = A.clone().requires_grad_(True)
    stream = descend([start()], lambda x: (weight @ x - B).square().sum(), steps=3, optimiser=adam(0.1))
    with torch.no_grad():
        next(stream)
        assert not torch.is_grad_enabled()
        next(stream)
    next(stream)
    assert torch.is_grad_enabled() and weight.grad is None


def test_each_variable_has_its_own_rate() -> None:
    *_, last = descend(
        [torch.zeros(1), torch.zeros(1)],
        lambda x, y: (x - 9).square().sum() + (y - 9).square().sum(),
        steps=1,
        optimiser=adam(0.5, 0.25),
    )
    assert [round(v.item(), 4) for v in last.variables] == [0.5, 0.25]


def test_the_rate_rises_and_falls() -> None:
    rates = [rise_and_fall(i / 100) for i in range(101)]
    assert rates[0] == 0 and rates[-1] == pytest.approx(0) and max(rates) == 1
    assert rates[20] == 1 and (np.diff(rates[5:]) <= 1e-12).all() and (np.diff(rates[:5]) > 0).all()


def test_a_loss_that_is_not_a_number_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="the loss of the first picture is nan"):
        next(descend([start()], lambda x: squares(x) * float("nan"), steps=3, optimiser=adam(0.1)))
