"""Weibull fit of whole days: against published figures, SciPy, and the likelihood itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy import optimize, stats
from statsmodels.tools.numdiff import approx_hess

from pv.signals.weibull import Weibull, fit_weibull

# Twenty values with the estimates and the limits of the scale (normal on the log scale) that the documentation of
# Altair Compose prints for its function wblfit.
TWENTY = "13.22 9.41 8.58 7.98 4.12 16.1 5.62 2.28 9.69 28.2 13.84 5.62 5.26 6.91 8.92 9.07 9.83 1.86 12.66 5.44"
FINE = 10_000  # so many “days” to a unit: the width of a day then moves nothing that is printed


def fitted(days: ArrayLike) -> Weibull:
    found = fit_weibull(days)
    assert found is not None
    return found


def log_likelihood(shape: float, scale: float, days: np.ndarray) -> float:
    survival = stats.weibull_min(shape, scale=scale).sf
    return float(np.log(survival(days) - survival(days + 1)).sum())


def quantiles(shape: float, scale: float, n: int) -> np.ndarray:
    """A sample without chance: the middle of each n-th part of the distribution, in whole days."""
    return np.floor(stats.weibull_min(shape, scale=scale).ppf((np.arange(n) + 0.5) / n))


SAMPLES = [
    quantiles(0.6, 4, 30),
    quantiles(1, 9, 25),
    quantiles(3, 20, 15),
    np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 7]),
    np.array([0, 2]),
    np.array([20000, 20000, 20100, 20500]),
]
samples = pytest.mark.parametrize("days", SAMPLES, ids=lambda days: f"n={len(days)}")


def test_published_estimates_are_met() -> None:
    found = fitted(np.round(np.array(TWENTY.split(), dtype=float) * FINE))
    assert found.shape == pytest.approx(1.7397, abs=5e-5)
    limits = np.array([found.scale, found.scale_low, found.scale_high]) / FINE
    assert limits == pytest.approx([10.411, 7.974, 13.594], abs=6e-4)


@samples
def test_the_estimates_are_those_of_scipy_for_interval_censored_times(days: np.ndarray) -> None:
    intervals = stats.CensoredData(interval=np.column_stack([np.maximum(days, 1e-300), days + 1]))
    shape, _, scale = stats.weibull_min.fit(intervals, floc=0)
    found = fitted(days)
    assert (found.shape, found.scale) == (pytest.approx(shape, rel=2e-4), pytest.approx(scale, rel=2e-4))
    assert found.log_likelihood == pytest.approx(log_likelihood(found.shape, found.scale, days), rel=1e-9)
    assert found.log_likelihood >= log_likelihood(shape, scale, days) - 1e-9


@samples
def test_at_the_limits_of_the_shape_the_profile_has_dropped_by_half_of_chi_square(days: np.ndarray) -> None:
    found = fitted(days)
    for limit in (found.shape_low, found.shape_high):
        profile = optimize.minimize_scalar(
            lambda scale, shape=limit: -log_likelihood(shape, np.exp(scale), days),
            bounds=(np.log(found.scale) - 3 / limit, np.log(found.scale) + 3 / limit),
            method="bounded",
            options={"xatol": 1e-9},
        )
        assert found.log_likelihood + profile.fun == pytest.approx(stats.chi2(1).ppf(0.95) / 2, rel=1e-4)


@samples
def test_the_limits_of_the_scale_are_normal_on_the_log_scale(days: np.ndarray) -> None:
    found = fitted(days)
    best = np.log([found.shape, found.scale])
    information = -approx_hess(best, lambda logs: log_likelihood(*np.exp(logs), days))
    error = np.sqrt(np.linalg.inv(information)[1, 1])
    expected = found.scale * np.exp(stats.norm.ppf([0.025, 0.975]) * error)
    assert [found.scale_low, found.scale_high] == pytest.approx(expected, rel=1e-3)


def test_the_shape_names_the_pattern() -> None:
    assert fitted(quantiles(0.5, 5, 40)).pattern == "early"
    assert fitted(quantiles(1, 5, 40)).pattern == "constant"
    assert fitted(quantiles(3, 20, 40)).pattern == "late"


@pytest.mark.parametrize("days", [[0] * 30, [7] * 30, [7] * 20 + [8] * 5, [0, 1], [3]])
def test_one_day_or_two_successive_ones_identify_nothing(days: list[int]) -> None:
    """The likelihood rises to its bound without a maximum: P(7) = 0.8, P(8) = 0.2 is approached as β grows."""
    assert fit_weibull(days) is None


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ([3, -1, 2], r"row 2: -1 is no time to onset"),
        ([3, 1.5], r"row 2: 1\.5 is no time"),
        ([np.nan, 1], r"row 1: nan is no time"),
        ([1, 2, np.inf], r"row 3: inf is no time"),
        ([], "no time to fit"),
    ],
)
def test_what_is_no_time_is_refused(days: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_weibull(days)


any_days = st.one_of(st.integers(0, 12), st.integers(0, 60_000))


@settings(max_examples=80)
@given(st.lists(any_days, min_size=2, max_size=40), st.integers(1, 500))
def test_any_times_are_fitted_or_said_not_to_be(days: list[int], repeated: int) -> None:
    """Also where one time is there hundreds of times and the rest far away."""
    days = days + days[:1] * repeated
    found = fit_weibull(days)
    assert (found is None) == (max(days) - min(days) <= 1)
    if found is not None:
        limits = np.array([found.shape_low, found.shape, found.shape_high, found.scale_low, found.scale_high])
        assert np.isfinite(limits).all()
        assert 0 < found.shape_low < found.shape < found.shape_high
        assert 0 < found.scale_low < found.scale < found.scale_high


@settings(max_examples=40)
@given(st.lists(st.integers(0, 60), min_size=3, max_size=20).filter(lambda days: max(days) - min(days) > 1))
def test_the_same_times_again_change_only_how_sure_it_is(days: list[int]) -> None:
    once, again = fitted(days), fitted(days[::-1] * 4)
    assert (again.shape, again.scale) == (pytest.approx(once.shape, rel=1e-6), pytest.approx(once.scale, rel=1e-6))
    assert again.log_likelihood == pytest.approx(4 * once.log_likelihood, rel=1e-9)
    assert once.shape_low < again.shape_low < again.shape_high < once.shape_high
    # Normal on the log scale: four times the cases, half the width.
    widths = [np.log(found.scale_high / found.scale_low) for found in (once, again)]
    assert widths[1] == pytest.approx(widths[0] / 2, rel=1e-5)
