"""Weibull distribution of times in whole days, by maximum likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from pv.signals.measures import Z_95, Floats, Ints

_MOST_STEPS = 100  # Newton takes four to eight
_HIGHEST = 150.0  # log hazards above are cut: the squares of products of two must stay finite
_FLAT = 1e-11  # of log L
_TINY = 1e-20  # below, a chance is its hazard
_SURE = 700.0  # an interval with a larger hazard has all that was left: exp(-700) is 0 beside 1


@dataclass(frozen=True)
class Weibull:
    """Maximum-likelihood shape β and scale α (days) with their two-sided 95 % limits.

    The hazard on day t is β/α · (t/α)^(β−1): it falls where β < 1, is constant at 1 and rises where β > 1.
    """

    shape: float
    shape_low: float
    shape_high: float
    scale: float
    scale_low: float
    scale_high: float
    log_likelihood: float

    @property
    def pattern(self) -> str:
        """One of “early”, “late”, and “constant”, where the limits of the shape hold 1."""
        if self.shape_high < 1:
            return "early"
        return "late" if self.shape_low > 1 else "constant"


def fit_weibull(days: ArrayLike) -> Weibull | None:
    """Fit times in whole days; None where the data do not identify the shape.

        log L(α, β) = Σ log[S(t) − S(t + 1)],   S(t) = exp(−(t/α)^β)

    A time of t days is known to lie in [t, t + 1), counted from the beginning of the day of first use: no time is
    moved, and day 0 needs no exception. In β and β·log α the likelihood is concave (Burridge 1981), so there is one
    maximum. Times that all lie on one day or on two successive days fit ever better as β grows: not identified.

    Limits: of the shape, where the profile of 2 log L has dropped by 3.84; of the scale, normal on the log scale.
    Raises ValueError for a time that is no whole number of days from 0, or where there is none at all.
    """
    times, counts = np.unique(_whole_days(days), return_counts=True)
    if times[-1] - times[0] <= 1:
        return None
    likelihood = _Likelihood(times, counts)
    best, top, information = likelihood.climb(likelihood.start(), np.eye(2))
    shape, place = best[0], -best[1] / best[0]
    spread = np.linalg.inv(information)
    slope = np.array([-place, -1.0]) / shape  # of the place, log α, by (β, −β·log α)

    def with_shape(shift: float) -> float:
        return likelihood.climb(likelihood.near(shape * math.exp(shift)), np.array([[0.0], [1.0]]))[1]

    low, high = _shifts(with_shape, top, math.sqrt(spread[0, 0]) / shape)
    log_scale, error = place + likelihood.centre, math.sqrt(slope @ spread @ slope)
    return Weibull(
        shape=float(shape),
        shape_low=float(shape * math.exp(low)),
        shape_high=float(shape * math.exp(high)),
        scale=math.exp(log_scale),
        scale_low=math.exp(log_scale - Z_95 * error),
        scale_high=math.exp(log_scale + Z_95 * error),
        log_likelihood=top,
    )


def _whole_days(days: ArrayLike) -> Ints:
    values = np.atleast_1d(np.asarray(days, dtype=np.float64))
    if not len(values):
        raise ValueError("there is no time to fit; at least one is needed")
    wrong = ~((values >= 0) & np.isfinite(values) & (values == np.floor(values)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"row {row + 1}: {values[row]:g} is no time to onset; it is a whole number of days from 0")
    return values.astype(np.int64)


class _Likelihood:
    """log L of times in whole days, by θ = (β, −β·log α); log times are taken from their mean, `centre`."""

    def __init__(self, times: Ints, counts: Ints) -> None:
        self._counts = counts.astype(np.float64)
        self._same_day = times == 0
        middle = np.log(times + 0.5)
        self.centre = float(self._counts @ middle / self._counts.sum())
        self._middle = middle - self.centre
        begins = np.log(np.maximum(times, 1)) - self.centre
        ends = np.log(times + 1.0) - self.centre
        self._widths = np.where(self._same_day, np.inf, np.log1p(1 / np.maximum(times, 1)))
        # The log hazard at an end of an interval is θ·(log time, 1).
        self._begins = np.stack([begins, np.ones_like(begins)])
        self._ends = np.stack([ends, np.ones_like(ends)])

    def start(self) -> Floats:
        """From the spread of the log times, which is 1.28 at β = 1, each time at the middle of its day."""
        return self.near(1.28 / math.sqrt(self._counts @ self._middle**2 / self._counts.sum()))

    def near(self, shape: float) -> Floats:
        """A shape with the scale that is best for it where each time is at the middle of its day."""
        highest = shape * float(self._middle.max())
        hazard = self._counts @ np.exp(shape * self._middle - highest) / self._counts.sum()
        return np.array([shape, -math.log(hazard) - highest])

    def climb(self, start: Floats, ways: Floats) -> tuple[Floats, float, Floats]:
        """Newton's method with halved steps along the columns of `ways`: θ, log L and the information there."""
        theta, value = start, self._value(start)
        for _ in range(_MOST_STEPS):
            score, information = self._derivatives(theta)
            step = ways @ np.linalg.solve(ways.T @ information @ ways, ways.T @ score)
            gain = float(score @ step) / 2
            if gain < _FLAT * (1 + abs(value)):  # near the rounding of the sum; the step that is left squares it
                return theta + step, value + gain, information
            theta, value = self._higher(theta, step, value)
        raise ArithmeticError(f"the Weibull likelihood has not been climbed in {_MOST_STEPS} steps")

    def _higher(self, theta: Floats, step: Floats, value: float) -> tuple[Floats, float]:
        for halved in range(_MOST_STEPS):
            there = theta + step * 0.5**halved
            if there[0] > 0 and (found := self._value(there)) > value:
                return there, found
        raise ArithmeticError("the Weibull likelihood does not rise along its own gradient")

    def _hazards(self, theta: Floats) -> tuple[Floats, Floats, Floats]:
        """Cumulative hazard up to each interval, and within it with its logarithm (a difference would lose digits)."""
        begins = np.where(self._same_day, 0.0, np.exp(np.minimum(theta @ self._begins, _HIGHEST)))
        log_within = theta @ self._ends + np.log(-np.expm1(-theta[0] * self._widths))
        return begins, np.exp(np.minimum(log_within, _HIGHEST)), log_within

    def _value(self, theta: Floats) -> float:
        begins, within, log_within = self._hazards(theta)
        log_chance = np.where(within < _TINY, log_within, np.log(-np.expm1(-np.maximum(within, _TINY))))
        return float(self._counts @ (log_chance - begins))

    def _derivatives(self, theta: Floats) -> tuple[Floats, Floats]:
        """The gradient of log L and minus its second derivatives."""
        begins, within, _ = self._hazards(theta)
        ends = begins + within
        # What the two ends weigh, H/[exp(within) − 1], by way of their ratios to the hazard within.
        steep = np.where(within < _TINY, 1.0, _shrink(np.maximum(within, _TINY)))
        of_end = steep / -np.expm1(-theta[0] * self._widths)
        of_begin = of_end - steep + begins
        slopes = of_end * self._ends - of_begin * self._begins
        bends = (self._begins * (self._counts * (begins - 1) * of_begin)) @ self._begins.T
        bends -= (self._ends * (self._counts * (ends - 1) * of_end)) @ self._ends.T
        return slopes @ self._counts, (slopes * self._counts) @ slopes.T - bends


def _shrink(hazard: Floats) -> Floats:
    """h / (exp h − 1), 1 at 0."""
    return np.where(hazard < _SURE, hazard / np.expm1(np.minimum(hazard, _SURE)), 0.0)


def _shifts(profile: Callable[[float], float], top: float, error: float) -> tuple[float, float]:
    """How far below and above its maximum `top`, on the log scale, the profile of log L has dropped by 3.84/2.

    `error`: the standard error on that scale. The root of the drop is nearly a straight line, so few steps do.
    """

    @cache
    def beyond(shift: float) -> float:
        return math.sqrt(max(0.0, 2 * (top - profile(shift)))) - Z_95

    limits = []
    for sign in (-1.0, 1.0):
        near, far = 0.0, sign * Z_95 * error
        while beyond(far) < 0:
            near, far = far, 1.2 * far
        limits.append(float(brentq(beyond, near, far, xtol=1e-6)))
    return limits[0], limits[1]
