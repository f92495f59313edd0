"""Bins of empty cells: what they keep, and how much they change a likelihood."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pv.signals.empty_cells import EmptyCells


def log_likelihood(expected, weight, prior):
    a1, b1, a2, b2, p = prior
    empty = p * (1 + expected / b1) ** -a1 + (1 - p) * (1 + expected / b2) ** -a2
    return (weight * np.log(empty)).sum()


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(*[st.floats(0.05, 30)] * 4, st.floats(0.01, 0.99)),
    st.integers(1, 400),
    st.sampled_from([1, 10, 1000]),
)
def test_bins_of_empty_cells_keep_the_promised_likelihood(prior, seed, scale):
    expected = scale * np.random.default_rng(seed).lognormal(-3, 2.5, 20000)
    bins = EmptyCells(expected.min(), expected.max())
    for part in np.array_split(np.append(expected, 0), 3):
        bins.add(*bins.binned(part))
    points, weights = bins.points()
    assert weights.sum() == 20000
    assert (points * weights).sum() == pytest.approx(expected.sum(), rel=1e-12)
    difference = log_likelihood(points, weights, prior) - log_likelihood(expected, 1, prior)
    a1, b1, a2, b2, _ = prior
    bound = bins.error() * max(a1 * (a1 + 1) * max(1, 1 / b1) ** 2, a2 * (a2 + 1) * max(1, 1 / b2) ** 2)
    assert abs(difference) <= bound + 1e-8  # rounding of sums of 20,000 logarithms
    assert bins.error() < 20000 * 1e-6


def test_the_bound_is_not_idle():
    expected = np.concatenate([np.full(5000, 0.5), np.full(5000, 0.5009)])
    bins = EmptyCells(0.1, 1)
    bins.add(*bins.binned(expected))
    points, weights = bins.points()
    assert len(points) == 1
    prior = (2.0, 1.0, 2.0, 1.0, 0.5)
    difference = log_likelihood(points, weights, prior) - log_likelihood(expected, 1, prior)
    assert 0.05 * 6 * bins.error() < abs(difference) <= 6 * bins.error()
