"""The gamma-Poisson shrinker a second time, slowly: SciPy's negative binomial, and mpmath to 40 digits."""

from __future__ import annotations

import math

import mpmath
import numpy as np
from scipy.stats import nbinom

from pv.signals.counts import PairCounts
from pv.signals.mixture import TRUNCATED

mpmath.mp.dps = 40


def counts_of(table):
    """The pair counts of cases that have one product (row) and one event (column) each: `table` says how many."""
    table = np.asarray(table, dtype=np.int64)
    product, event = np.nonzero(table)
    return PairCounts(
        product=product.astype(np.int32),
        event=event.astype(np.int32),
        a=table[product, event],
        row_totals=table.sum(axis=1),
        column_totals=table.sum(axis=0),
        n=int(table.sum()),
    )


def every_cell(table, variant):
    """[(a, E)] of a table's cells."""
    rows, columns, n = table.sum(axis=1), table.sum(axis=0), table.sum()
    cells = [(table[i, j], rows[i] * columns[j] / n) for i in range(len(rows)) for j in range(len(columns))]
    return [(a, e) for a, e in cells if (a > 0 if variant == TRUNCATED else e > 0)]


def neg_log_likelihood(cells, prior, variant):
    """-log L of [(a, E)] by SciPy's negative binomial."""
    a, expected = np.array(cells, dtype=np.float64).T
    logs = []
    for (alpha, beta), weight in zip(prior.components, (prior.p, 1 - prior.p), strict=True):
        share = beta / (beta + expected)
        seen = nbinom.logsf(0, alpha, share) if variant == TRUNCATED else 0
        logs.append(nbinom.logpmf(a, alpha, share) - seen + (math.log(weight) if weight else -math.inf))
    return float(-np.logaddexp(*logs).sum())


def posterior(a, expected, prior):
    """Q and the (shape, rate) of the two gammas, exactly."""
    a, expected, p = mpmath.mpf(int(a)), mpmath.mpf(float(expected)), mpmath.mpf(prior.p)
    gammas = [(mpmath.mpf(alpha), mpmath.mpf(beta)) for alpha, beta in prior.components]
    density = [
        mpmath.rf(alpha, a) * (expected / (beta + expected)) ** a * (beta / (beta + expected)) ** alpha
        for alpha, beta in gammas
    ]
    weight = p * density[0] / (p * density[0] + (1 - p) * density[1])
    return weight, [(a + alpha, beta + expected) for alpha, beta in gammas]


def geometric_mean(a, expected, prior):
    weight, gammas = posterior(a, expected, prior)
    logs = [mpmath.digamma(shape) - mpmath.log(rate) for shape, rate in gammas]
    return mpmath.exp(weight * logs[0] + (1 - weight) * logs[1])


def cumulative(value, a, expected, prior):
    """P(λ ≤ value | a)."""
    weight, gammas = posterior(a, expected, prior)
    shares = [mpmath.gammainc(shape, 0, rate * value, regularized=True) for shape, rate in gammas]
    return weight * shares[0] + (1 - weight) * shares[1]
