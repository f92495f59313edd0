"""The likelihood of cells: against SciPy's negative binomial, its derivatives against differences."""

import math

import mpmath
import numpy as np
import pytest
from scipy.special import digamma, polygamma
from shrinker_by_hand import every_cell, neg_log_likelihood

from pv.signals.mixture import (
    VARIANTS,
    Densities,
    Points,
    Prior,
    checked_pairs,
    distinct,
    log_empty,
    log_rising,
    rising,
)

PRIOR = Prior(0.2, 0.1, 2.0, 4.0, 1 / 3)
TABLE = np.array([[0, 3, 1, 7], [2, 0, 0, 1], [900, 4, 1, 0], [1, 1, 0, 2]])


def cells_of(variant):
    a, expected = np.array(every_cell(TABLE, variant)).T
    return a, expected, np.linspace(1, 3, len(a))


def theta_of(prior):
    logs = [math.log(value) for pair in prior.components for value in pair]
    return np.array([*logs, math.log(prior.p / (1 - prior.p))])


def test_worked_by_hand():
    # α = β = 1, E = 1 in both components: P(a) = (1/2)^(a + 1), so P(0) = 1/2, P(2) = 1/8; truncated P(2) = 1/4.
    prior = Prior(1, 1, 1, 1, 0.5)
    a, one = np.array([0.0, 2.0]), np.ones(2)
    theta = theta_of(prior)
    assert Points(a, one, np.array([1.0, 3.0]), "zeros").mixture(theta)[0] == pytest.approx(math.log(2 * 8**3))
    assert Points(a[1:], one[1:], one[1:], "truncated").mixture(theta)[0] == pytest.approx(math.log(4))
    assert Points(a, one, one, "zeros").single(np.zeros(2))[0] == pytest.approx(math.log(2 * 8))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("prior", [PRIOR, Prior(30, 2.5, 1e-3, 0.5, 0.9), Prior(2e6, 1.9e6, 5, 5, 1e-4)])
def test_value_by_scipys_negative_binomial(variant, prior):
    cells = every_cell(TABLE, variant)
    a, expected = np.array(cells).T
    by_hand = neg_log_likelihood(cells, prior, variant)
    points = Points(a, expected, np.ones(len(a)), variant)
    assert points.mixture(theta_of(prior))[0] == pytest.approx(by_hand, rel=1e-9)
    values, places = distinct(a)
    single = Densities(values, prior, variant).log(places, expected)
    assert -single.sum() == pytest.approx(by_hand, rel=1e-9)
    if variant == "zeros":
        assert log_empty(expected[a == 0], prior) == pytest.approx(single[a == 0], rel=1e-12)


def test_a_weight_of_nothing_or_all_leaves_one_gamma():
    a, expected, _ = cells_of("zeros")
    values, places = distinct(a)
    alone = Densities(values, Prior(2, 4, 2, 4, 0.5), "zeros").log(places, expected)
    for prior in (Prior(0.2, 0.1, 2, 4, 0.0), Prior(2, 4, 0.2, 0.1, 1.0)):
        assert Densities(values, prior, "zeros").log(places, expected) == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("theta", [theta_of(PRIOR), np.array([3.0, 0.5, -9.0, 2.0, -3.0]), np.array([9, 8.5, 1, 1, 2])])
def test_derivatives_are_those_of_the_value(variant, theta):
    points = Points(*cells_of(variant), variant)
    for function, place in ((points.mixture, theta), (points.single, theta[:2])):
        _, gradient, hessian = function(place)
        for number, step in enumerate(1e-5 * np.eye(len(place))):
            above, below = function(place + step), function(place - step)
            assert gradient[number] == pytest.approx((above[0] - below[0]) / 2e-5, rel=1e-5, abs=1e-5)
            assert hessian[number] == pytest.approx((above[1] - below[1]) / 2e-5, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("alpha", [3e-7, 0.2, 4.0, 1e6, 1e14])
def test_rising_factorials(alpha):
    a = np.array([0.0, 1, 2, 17, 511, 512, 513, 4000, 1e9])
    with mpmath.workdps(60):
        exact = [mpmath.loggamma(mpmath.mpf(x) + mpmath.mpf(alpha)) - mpmath.loggamma(mpmath.mpf(alpha)) for x in a]
    logs = np.array([float(log) for log in exact])
    assert log_rising(a, alpha) == pytest.approx(logs, rel=1e-13, abs=1e-13)
    if alpha <= 4:
        found = rising(a, alpha)
        assert found.log == pytest.approx(logs, rel=1e-13)
        assert found.first == pytest.approx(digamma(a + alpha) - digamma(alpha), rel=1e-9)
        assert found.second == pytest.approx(polygamma(1, a + alpha) - polygamma(1, alpha), rel=1e-9)


@pytest.mark.parametrize("a", [[3, 0, 3, 7], [2**52, 1, 2**52], []])
def test_distinct_values_and_where_they_stand(a):
    values, places = distinct(np.array(a, dtype=np.int64))
    assert values.tolist() == sorted(set(a))
    assert values[places].tolist() == a


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"alpha1": 0.0}, "alpha1 = 0.0 must be above 0"),
        ({"beta1": -1.0}, "beta1 = -1.0"),
        ({"alpha2": math.inf}, "alpha2 = inf"),
        ({"beta2": math.nan}, "beta2 = nan"),
        ({"p": 1.01}, r"p = 1.01 must be from 0 to 1"),
        ({"p": math.nan}, "p = nan"),
    ],
)
def test_bad_priors_are_refused_by_name(changed, message):
    with pytest.raises(ValueError, match=message):
        Prior(**{**vars(PRIOR), **changed})


@pytest.mark.parametrize(
    ("a", "expected", "message"),
    [
        ([1, -1], [1.0, 1.0], "row 2: a = -1 is negative"),
        ([1, 1.5], [1.0, 1.0], "row 2: a = 1.5 is not a whole number"),
        ([1, math.nan], [1.0, 1.0], "row 2: a = nan is missing"),
        ([0, 1], [1.0, 0.0], "row 2: expected = 0.0 must be above 0"),
        ([2, 1], [math.nan, 1.0], "row 1: expected = nan must be above 0"),
        ([1, 1], [1.0, -2.0], "row 2: expected = -2.0"),
        ([1, 1], [1.0, math.inf], "row 2: expected = inf"),
        ([1, 1], [1.0], "must be of one length"),
    ],
)
def test_bad_pairs_are_refused_by_row(a, expected, message):
    with pytest.raises(ValueError, match=message):
        checked_pairs(a, expected)


def test_without_a_case_the_expected_number_is_not_looked_at():
    a, expected = checked_pairs([0, 0, 2], [math.nan, 0.0, 1.5])
    assert a.tolist() == [0, 0, 2]
    assert expected[2] == 1.5
