"""The gamma-Poisson model of DuMouchel 1999: its prior, and the likelihood of cells under it.

A cell (one product, one event) with E expected cases has a ~ Poisson(λE), and λ is drawn from a mixture of two
gamma distributions (shape α, rate β) with weights p and 1 - p. Seen without λ, a is negative binomial:

    f(a; α, β, E) = Γ(a + α) / [Γ(α) a!] · (E / (β + E))^a · (β / (β + E))^α
    P(a) = p f(a; α1, β1, E) + (1 - p) f(a; α2, β2, E)

Two variants of the likelihood: "zeros" takes P(a) over all product × event cells, those without a case included;
"truncated" takes cells with a ≥ 1 alone and divides each component by its own 1 - f(0), so that there p is the weight
of the first component among the cells that have a case, not among all.

Sources: DuMouchel 1999; the truncated variant as in DuMouchel and Pregibon 2001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, expit, gammaln

from pv.signals.measures import whole_counts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ZEROS, TRUNCATED = VARIANTS = ("zeros", "truncated")
PARAMETERS = ("alpha1", "beta1", "alpha2", "beta2", "p")
_SUMMED = 512  # logarithms of rising factorials are sums of logarithms up to here, Stirling's series beyond


@dataclass(frozen=True)
class Prior:
    """The mixture that λ is drawn from; p is the weight of the first component.

    Raises ValueError that names the parameter which is not from 10⁻¹⁵ to 10¹⁵ (beyond, a gamma is a single value or
    all but improper, and float64 is at its end), or p if it is not from 0 to 1.
    """

    alpha1: float
    beta1: float
    alpha2: float
    beta2: float
    p: float

    def __post_init__(self) -> None:
        for name in PARAMETERS[:4]:
            value = getattr(self, name)
            if not 1e-15 <= value <= 1e15:
                raise ValueError(f"prior: {name} = {value} must be above 0 and finite, from 1e-15 to 1e15")
        if not 0 <= self.p <= 1:
            raise ValueError(f"prior: p = {self.p} must be from 0 to 1, it is the weight of the first component")

    @property
    def components(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """(α1, β1) and (α2, β2)."""
        return (self.alpha1, self.beta1), (self.alpha2, self.beta2)


def check_variant(variant: str) -> None:
    """Raises ValueError unless the variant is one of `VARIANTS`."""
    if variant not in VARIANTS:
        raise ValueError(f"variant = {variant!r} is unknown; there are {', '.join(VARIANTS)}")


def refuse(broken: NDArray[np.bool_], values: NDArray[np.generic], rule: str) -> None:
    """Raises ValueError with the number (from 1) of the first broken row, and its value in the {} of the rule."""
    if broken.any():
        row = int(np.argmax(broken))
        raise ValueError(f"row {row + 1}: {rule.format(values[row])}")


def checked_pairs(a: ArrayLike, expected: ArrayLike) -> tuple[Ints, Floats]:
    """a as int64 and E as float64, of one length. Where a = 0, E is not looked at.

    Raises ValueError that names the first row whose a is no whole number from 0, or whose E is missing, not above 0
    or not finite although a ≥ 1.
    """
    counts = whole_counts({"a": a})["a"]
    values = np.atleast_1d(np.asarray(expected, dtype=np.float64))
    if values.shape != counts.shape:
        raise ValueError(f"a and expected must be of one length, but have {counts.shape} and {values.shape}")
    refuse((counts > 0) & ~((values > 0) & (values < np.inf)), values, "expected = {} must be above 0 and finite")
    return counts, values


@dataclass(frozen=True)
class Rising:
    """log of α(α + 1)…(α + a - 1) = Γ(a + α) / Γ(α), and its first two derivatives by α."""

    log: Floats
    first: Floats
    second: Floats


def distinct(a: NDArray[np.generic]) -> tuple[Floats, Ints]:
    """The different values of `a`, whole numbers from 0, in ascending order, and the place of each row's in them."""
    whole = a.astype(np.int64, copy=False)
    top = int(whole.max(initial=0))
    if top > 4 * len(whole) + 2**16:
        values, places = np.unique(whole, return_inverse=True)
        return values.astype(np.float64), places
    there = np.zeros(top + 1, dtype=bool)
    there[whole] = True
    return np.flatnonzero(there).astype(np.float64), (np.cumsum(there) - 1)[whole]


def log_rising(a: Floats, alpha: float) -> Floats:
    """log Γ(a + α) - log Γ(α) for whole a ≥ 0, to a few units in the last place of the result.

    A difference of two log Γ loses all its digits where α is large. The first 512 factors are therefore summed,
    and from there Stirling's series is subtracted term by term:

        log Γ(x + n) - log Γ(x) = (x - ½) log(1 + n/x) + n log(x + n) - n + s(x + n) - s(x),
        s(x) = 1/(12x) - 1/(360x³) + 1/(1260x⁵),  x ≥ 512: the next term is below 10⁻²²
    """
    summed = np.minimum(a, _SUMMED).astype(np.int64)
    log: Floats = _running(np.log(alpha + np.arange(summed.max(initial=0))))[summed]
    far = a > _SUMMED
    if far.any():
        x, n = alpha + _SUMMED, a[far] - _SUMMED
        log[far] += (x - 0.5) * np.log1p(n / x) + n * np.log(x + n) - n + _stirling(x + n) - _stirling(x)
    return log


def _stirling(x: Floats | float) -> Floats:
    return np.asarray((1 / 12 - (1 / 360 - 1 / (1260 * np.square(x))) / np.square(x)) / x)


def rising(a: Floats, alpha: float) -> Rising:
    """`log_rising` with its derivatives: sums of 1/(α + k) and of -1/(α + k)²."""
    summed = np.minimum(a, _SUMMED).astype(np.int64)
    inverse = 1 / (alpha + np.arange(summed.max(initial=0)))
    first, second = _running(inverse)[summed], -_running(np.square(inverse))[summed]
    far = a > _SUMMED
    if far.any():
        ends = alpha + _SUMMED, alpha + a[far]
        first[far] += digamma(ends[1]) - digamma(ends[0])
        second[far] += _trigamma(ends[1]) - _trigamma(ends[0])
    return Rising(log_rising(a, alpha), first, second)


def _trigamma(x: Floats | float) -> Floats:
    """ψ'(x) by its asymptotic series; from x = 512 the next term is below 10⁻²⁰, and SciPy's takes 15 times as long."""
    square = np.square(x)
    return np.asarray((1 + (0.5 + (1 / 6 - 1 / (30 * square)) / x) / x) / x)


def _running(terms: Floats) -> Floats:
    """Sums of the first 0, 1, 2, … terms."""
    return np.concatenate([[0.0], np.cumsum(terms)])


class Points:
    """Weighted points (a, E), prepared for evaluating their likelihood many times."""

    def __init__(self, a: Floats, expected: Floats, weight: Floats, variant: str) -> None:
        self.expected, self.weight = expected, weight
        self.truncated = variant == TRUNCATED
        self.a, self._values, self._places = a, *distinct(a)
        # What no parameter changes: log of E^a / a!
        self.constant = float((weight * (a * np.log(expected) - gammaln(a + 1))).sum())
        self._total = float(weight.sum())

    def single(self, theta: Floats) -> tuple[float, Floats, Floats]:
        """-log L of a prior of one gamma, its gradient and Hessian, at (log α, log β)."""
        log, slope, curve = self._component(*theta)
        return -self.constant - _sum(log, self.weight), -_sums(slope, self.weight), -_square(_sums(curve, self.weight))

    def mixture(self, theta: Floats) -> tuple[float, Floats, Floats]:
        """-log L of the mixture, its gradient and Hessian, at (log α1, log β1, log α2, log β2, logit p).

        With r the share of the first component in P(a), and s and h the derivatives of a component's log f:
        ∂ log P = r s1 + (1 - r) s2, and the second derivatives are those of the components, weighted alike, plus
        r(1 - r) times the square of (s1, -s2, 1); for logit p, s = r - p and h = -p(1 - p).
        """
        (log1, slope1, curve1), (log2, slope2, curve2) = self._component(*theta[:2]), self._component(*theta[2:4])
        lead, p = log1 - log2 + theta[4], float(expit(theta[4]))
        less = np.exp(-np.abs(lead))  # the smaller part of P(a) over the larger one
        share = np.where(lead > 0, 1.0, less) / (1 + less)
        log = np.where(lead > 0, log1 + theta[4], log2) + np.log1p(less) - np.logaddexp(0, theta[4])
        value = -self.constant - _sum(log, self.weight)
        first, second = self.weight * share, self.weight * (1 - share)
        gradient = -np.concatenate([_sums(slope1, first), _sums(slope2, second), [first.sum() - p * self._total]])
        spread = np.concatenate([slope1, -slope2, np.ones((1, len(share)))])
        hessian = -np.einsum("ik,jk->ij", spread * (first * (1 - share)), spread)
        hessian[:2, :2] -= _square(_sums(curve1, first))
        hessian[2:4, 2:4] -= _square(_sums(curve2, second))
        hessian[4, 4] += p * (1 - p) * self._total
        return value, gradient, hessian

    def _component(self, log_alpha: float, log_beta: float) -> tuple[Floats, Floats, Floats]:
        """log f but for E^a / a!, its gradient (2 × points) and Hessian (αα, αβ, ββ × points) by log α and log β."""
        alpha, beta = np.exp(log_alpha), np.exp(log_beta)
        factorial = rising(self._values, alpha)
        empty = -alpha * np.log1p(self.expected / beta)  # log f(0)
        rest = beta / (beta + self.expected)
        present = rest * (self.expected / beta)  # E / (β + E), which 1 - rest would round away
        mean = alpha * present  # the derivative of log f(0) by log β
        slope, curve = np.empty((2, len(rest))), np.empty((3, len(rest)))
        log = (factorial.log - self._values * log_beta)[self._places] + empty + self.a * (empty / alpha)
        slope[0] = (alpha * factorial.first)[self._places] + empty
        slope[1] = mean - self.a * rest
        curve[0] = slope[0] + (alpha**2 * factorial.second)[self._places]
        curve[1] = mean
        curve[2] = -rest * (mean + self.a * present)
        if self.truncated:
            _truncate(log, slope, curve, empty, mean, rest)
        return log, slope, curve


def _truncate(log: Floats, slope: Floats, curve: Floats, empty: Floats, mean: Floats, rest: Floats) -> None:
    """Turn f into f / (1 - f(0)), in place. `empty`: log f(0); `mean`: its derivative by log β; `rest`: β / (β + E)."""
    seen = -np.expm1(empty)
    log -= np.log(seen)
    odds = (1 - seen) / seen
    turn = 1 + empty / seen  # divided first: the square of 1 - f(0) could be too small for a number
    slope[0] += odds * empty
    slope[1] += odds * mean
    curve[0] += odds * turn * empty
    curve[1] += odds * turn * mean
    curve[2] += odds * (mean / seen - rest) * mean


# Sums by NumPy itself: those of a BLAS depend on its number of threads in the last digits.
def _sum(values: Floats, weight: Floats) -> float:
    return float((values * weight).sum())


def _sums(rows: Floats, weight: Floats) -> Floats:
    sums: Floats = (rows * weight).sum(axis=1)
    return sums


def _square(curve: Floats) -> Floats:
    return np.array([[curve[0], curve[1]], [curve[1], curve[2]]])


class Densities:
    """log P of single cells at one prior, by the values of a that occur."""

    def __init__(self, values: Floats, prior: Prior, variant: str) -> None:
        """`values`: the different a, in ascending order, as `distinct` gives them."""
        self._prior, self._truncated = prior, variant == TRUNCATED
        self._shapes = [values + alpha for alpha, _ in prior.components]
        self._factorials = [
            log_rising(values, alpha) - gammaln(values + 1) - values * np.log(beta) for alpha, beta in prior.components
        ]
        self._values = values

    def log(self, places: Ints, expected: Floats) -> Floats:
        """log P(a); `places` of each row's a in the values."""
        logs = []
        for (alpha, beta), shapes, factorials in zip(
            self._prior.components, self._shapes, self._factorials, strict=True
        ):
            spill = np.log1p(expected / beta)
            log = factorials[places] - shapes[places] * spill
            logs.append(log - np.log(-np.expm1(-alpha * spill)) if self._truncated else log)
        mixed: Floats = _mix(self._prior.p, *logs) + self._values[places] * np.log(expected)
        return mixed


def log_empty(expected: Floats, prior: Prior) -> Floats:
    """log P(0) of cells, not truncated."""
    return _mix(prior.p, *(-alpha * np.log1p(expected / beta) for alpha, beta in prior.components))


def _mix(p: float, log1: Floats, log2: Floats) -> Floats:
    with np.errstate(divide="ignore"):  # p may be 0 or 1
        mixed: Floats = np.logaddexp(np.log(p) + log1, np.log1p(-p) + log2)
    return mixed
