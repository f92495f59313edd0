"""Newton's method within bounds: known minima, minima at bounds, hard valleys, functions made by Hypothesis."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from pv.signals.newton import minimise

WIDE = np.full(2, 10.0)


def rosenbrock(x):
    u, v = x
    value = (1 - u) ** 2 + 100 * (v - u**2) ** 2
    gradient = np.array([-2 * (1 - u) - 400 * u * (v - u**2), 200 * (v - u**2)])
    return value, gradient, np.array([[2 - 400 * (v - 3 * u**2), -400 * u], [-400 * u, 200.0]])


def test_along_a_curved_valley():
    found = minimise(rosenbrock, np.array([-1.2, 1.0]), -WIDE, WIDE)
    assert found.place == pytest.approx([1, 1], abs=1e-8)
    assert found.converged


def test_a_minimum_at_a_bound():
    found = minimise(rosenbrock, np.array([-1.2, 1.0]), -WIDE, np.array([0.5, 10.0]))
    assert found.place == pytest.approx([0.5, 0.25], abs=1e-8)
    assert found.value == pytest.approx(0.25)
    assert found.converged


def test_out_of_the_neighbourhood_of_a_maximum():
    def waves(x):
        return float(-np.cos(x).sum()), np.sin(x), np.diag(np.cos(x))

    found = minimise(waves, np.array([3.0, -3.1]), np.full(2, -3.14), np.full(2, 3.14))
    assert found.place == pytest.approx([0, 0], abs=1e-6)


def test_a_flat_function_ends_where_it_starts():
    found = minimise(lambda _: (7.0, np.zeros(2), np.zeros((2, 2))), np.array([1.0, 20.0]), -WIDE, WIDE)
    assert found.place.tolist() == [1, 10]
    assert found.converged


def test_a_step_that_cannot_be_made_is_no_convergence():
    """The value rises whatever the gradient says, as where it is wrong or rounding rules."""
    found = minimise(lambda x: (float(np.abs(x - 1).sum()), np.ones(2), np.eye(2)), np.ones(2), -WIDE, WIDE)
    assert found.place == pytest.approx([1, 1])
    assert not found.converged


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=12, max_size=12), st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_least_squares_within_bounds(entries, start):
    matrix, target = np.array(entries[:9]).reshape(3, 3), np.array(entries[9:])

    def squares(x):
        rest = matrix @ x - target
        return float(rest @ rest) / 2, matrix.T @ rest, matrix.T @ matrix

    low, high = np.array([-1.0, -0.5, 0.0]), np.array([1.0, 2.0, 0.1])
    best = lsq_linear(matrix, target, (low, high), method="bvls")
    found = minimise(squares, np.array(start), low, high)
    assert ((found.place >= low) & (found.place <= high)).all()
    assert found.value == pytest.approx(best.cost, abs=1e-7)
