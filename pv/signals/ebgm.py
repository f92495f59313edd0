"""EBGM and quantiles of the posterior of λ, for any number of pairs at one prior.

With the prior's two gammas (shape α, rate β), the posterior of λ of a pair with a cases where E were expected is a
mixture of two gammas again, Gamma(α1 + a, β1 + E) with weight Q and Gamma(α2 + a, β2 + E) with 1 - Q:

    Q = p f(a; α1, β1, E) / [p f(a; α1, β1, E) + (1 - p) f(a; α2, β2, E)],   f negative binomial

f is not truncated, whichever variant the prior was fitted by (as in openEBGM; with truncated densities EBGM would be
smaller by a median of 38 % on the CAERS reports of 2012).

A quantile has no closed form. Solving for one takes about two steps of four special functions, 1.2 µs. For one a,
however, its logarithm is a smooth function of log E alone, so that it is interpolated where many pairs have the same
a and E close together (`pv.signals.interpolation`): to 10⁻¹³, and then at a tenth of the cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, expit, gammainc, gammaincc, gammaincinv, gammaln, logit

from pv.signals.blocks import Columns, in_blocks
from pv.signals.interpolation import Crowds, Interpolation
from pv.signals.mixture import Floats, Ints, Prior, checked_pairs, distinct, log_rising

TAIL = 0.05
_STEPS = 200
_SLACK = 1e-7  # of brackets, far above the error of what they are made of


@dataclass(frozen=True)
class Shrunk:
    """EBGM with the 5 % and 95 % quantiles of the posterior of λ."""

    value: Floats
    low: Floats
    high: Floats


def ebgm(a: ArrayLike, expected: ArrayLike, prior: Prior) -> Shrunk:
    """EBGM = exp E[log λ | a], with EB05 and EB95, the 5 % and 95 % quantiles of the posterior of λ.

        E[log λ | a] = Q [ψ(α1 + a) - log(β1 + E)] + (1 - Q) [ψ(α2 + a) - log(β2 + E)]

    Source: DuMouchel 1999. Zero cells: with a = 0 nothing is computed (NaN), and E is not looked at.
    Raises ValueError that names the first row whose a is no whole number from 0 or, with a ≥ 1, whose E is not above
    0 and finite.
    """
    pairs, values = checked_pairs(a, expected)
    some = pairs > 0
    if not some.all():
        found = ebgm(pairs[some], values[some], prior)
        return Shrunk(*(_spread(part, some) for part in (found.value, found.low, found.high)))
    values_of_a, places = distinct(pairs)
    posteriors = _Posteriors(values_of_a, prior)
    crowds = Crowds(places, values)
    low, high = (_Quantile(posteriors, crowds, probability) for probability in (TAIL, 1 - TAIL))

    def of(place: Ints, e: Floats) -> Columns:
        return {"value": posteriors.geometric_mean(place, e), "low": low(place, e), "high": high(place, e)}

    return Shrunk(**in_blocks(of, [places, values]))


def posterior_quantile(a: ArrayLike, expected: ArrayLike, prior: Prior, probability: float) -> Floats:
    """What λ is below with that probability. Zero cells and errors as in `ebgm`; ValueError if not 0 < it < 1."""
    if not 0 < probability < 1:
        raise ValueError(f"probability = {probability} must be above 0 and below 1")
    pairs, values = checked_pairs(a, expected)
    some = pairs > 0
    values_of_a, places = distinct(pairs[some])
    quantile = _Quantile(_Posteriors(values_of_a, prior), Crowds(places, values[some]), probability)
    found = in_blocks(lambda place, e: {"value": quantile(place, e)}, [places, values[some]])["value"]
    return _spread(found, some)


def _spread(found: Floats, some: NDArray[np.bool_]) -> Floats:
    """What was found for some rows at those rows, NaN at the others."""
    every = np.full(len(some), np.nan)
    every[some] = found
    return every


class _Posteriors:
    """The posteriors of one prior, with what depends on a alone kept for each value of a ("place") that occurs."""

    def __init__(self, a: Floats, prior: Prior) -> None:
        (alpha1, self.beta1), (alpha2, self.beta2) = prior.components
        self.shape1, self.shape2 = a + alpha1, a + alpha2
        self._log_beta = np.log(self.beta1), np.log(self.beta2)
        self._lead = logit(prior.p) + log_rising(a, alpha1) - log_rising(a, alpha2)
        self._lead -= a * (self._log_beta[0] - self._log_beta[1])
        self._digamma = digamma(self.shape1), digamma(self.shape2)

    def weight(self, place: Ints, expected: Floats) -> Floats:
        """Q."""
        return self._weight(place, np.log1p(expected / self.beta1), np.log1p(expected / self.beta2))

    def _weight(self, place: Ints, spill1: Floats, spill2: Floats) -> Floats:
        lead = self._lead[place] - self.shape1[place] * spill1 + self.shape2[place] * spill2
        return np.asarray(expit(lead))

    def geometric_mean(self, place: Ints, expected: Floats) -> Floats:
        """EBGM."""
        spill1, spill2 = np.log1p(expected / self.beta1), np.log1p(expected / self.beta2)  # log(β + E) - log β
        log1 = self._digamma[0][place] - self._log_beta[0] - spill1
        log2 = self._digamma[1][place] - self._log_beta[1] - spill2
        weight = self._weight(place, spill1, spill2)
        return np.asarray(np.exp(weight * log1 + (1 - weight) * log2))


class _Quantile:
    """One quantile of any posterior: interpolated, or else solved for."""

    def __init__(self, posteriors: _Posteriors, crowds: Crowds, probability: float) -> None:
        self._posteriors = posteriors
        # The smaller tail is looked at, so that no digit of its probability is lost.
        self._upper = probability > 0.5
        self._tail = 1 - probability if self._upper else probability
        self._cumulative = gammaincc if self._upper else gammainc
        shapes = posteriors.shape1, posteriors.shape2
        self._log_gamma = gammaln(shapes[0]), gammaln(shapes[1])
        # Quantiles of the two gammas but for the rate: the mixture's lies between them.
        self._log_single = np.log(gammaincinv(shapes[0], probability)), np.log(gammaincinv(shapes[1], probability))
        self._interpolation = Interpolation(lambda place, log_e: self._solve(place, np.exp(log_e)), crowds)

    def __call__(self, place: Ints, expected: Floats) -> Floats:
        log_quantile = self._interpolation(place, np.log(expected))
        left = np.flatnonzero(np.isnan(log_quantile))
        log_quantile[left] = self._solve(place[left], expected[left])
        return np.asarray(np.exp(log_quantile))

    def _solve(self, place: Ints, expected: Floats) -> Floats:
        """log of the quantile, to a few 10⁻¹⁶: Halley's method within brackets that halve where it would leave them.

        It ends after a step so short that the next, by cubic convergence, would not show: log λ varies by about
        1/√shape, and so the error after a step is about shape · step³.
        """
        posteriors = self._posteriors
        shape1, shape2 = posteriors.shape1[place], posteriors.shape2[place]
        rate1, rate2 = posteriors.beta1 + expected, posteriors.beta2 + expected
        end1, end2 = self._log_single[0][place] - np.log(rate1), self._log_single[1][place] - np.log(rate2)
        weight = posteriors.weight(place, expected)
        gammas = [weight, shape1, rate1, self._log_gamma[0][place], shape2, rate2, self._log_gamma[1][place]]
        enough = 3e-6 / np.cbrt(np.maximum(shape1, shape2))
        low, high = np.minimum(end1, end2) - _SLACK, np.maximum(end1, end2) + _SLACK
        # It starts at the quantile of the gamma that has more weight.
        start, before = np.where(weight > 0.5, end1, end2), np.full(len(low), np.inf)
        state = np.stack([start, low, high, enough, before, *gammas])
        found, rows = np.empty(len(place)), np.arange(len(place))
        for _ in range(_STEPS):
            y, low, high, enough, before, *gammas = state
            step, excess = self._step(y, *gammas)
            above = (excess > 0) != self._upper
            low[:], high[:] = np.where(above, low, y), np.where(above, y, high)
            inside = (y + step >= low) & (y + step <= high) & (np.abs(excess) < before / 2)
            before[:] = np.where(inside, np.abs(excess), np.inf)
            y[:] = np.where(inside, y + step, (low + high) / 2)
            found[rows] = y
            left = ~(inside & (np.abs(step) <= enough)) & (high - low > 1e-15 * np.abs(y))
            if not left.any():
                break
            state, rows = state[:, left], rows[left]
        return found

    def _step(
        self,
        y: Floats,
        weight: Floats,
        shape1: Floats,
        rate1: Floats,
        log_gamma1: Floats,
        shape2: Floats,
        rate2: Floats,
        log_gamma2: Floats,
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Halley's step from y = log λ towards the quantile, and whether y is above it."""
        z1, z2 = rate1 * np.exp(y), rate2 * np.exp(y)
        tail = weight * self._cumulative(shape1, z1) + (1 - weight) * self._cumulative(shape2, z2)
        sign = -1.0 if self._upper else 1.0
        # Far from the quantile a density or the tail may be 0: the step is then no number, and the bracket is halved.
        with np.errstate(all="ignore"):
            density1 = weight * np.exp(shape1 * np.log(z1) - z1 - log_gamma1)
            density2 = (1 - weight) * np.exp(shape2 * np.log(z2) - z2 - log_gamma2)
            first = sign * (density1 + density2) / tail  # derivatives of log tail by y
            second = sign * (density1 * (shape1 - z1) + density2 * (shape2 - z2)) / tail - first**2
            excess = np.log(tail / self._tail)
            newton = -excess / first
            step = newton / (1 + newton * second / (2 * first))
        return step, excess
