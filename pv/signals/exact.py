"""The exact test of a 2×2 table: how likely as many cases are, or more, if product and event were independent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from pv.signals.blocks import in_blocks
from pv.signals.measures import Floats, Ints, whole_counts

_MOST = 2**32  # cases in a table, so that ad and bc stay below 2^62 and their difference is exact
_FIRST, _WIDEST = 4, 64  # terms of a sum at once: of a whole block not more than 33 MB
_NEAR = 0.1  # bound of |x - E| / (x + E) for the series
_TABLED = 16  # from here on Stirling's series is exact to a rounding


@dataclass(frozen=True)
class Tail:
    """One-sided p-values: P(A ≥ a), and the mid-P value P(A > a) + P(A = a)/2."""

    p: Floats
    p_mid: Floats


def tail(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> Tail:
    """Upper tail of the hypergeometric distribution: Fisher's exact test for more cases than expected.

                   event   other        given the margins and independence,
        product      a       b          P(A = a) = (a+b)! (c+d)! (a+c)! (b+d)! / (N! a! b! c! d!)
        others       c       d          p = Σ_{x ≥ a} P(A = x),   p_mid = p - P(A = a)/2

    Source: Fisher 1935; Lancaster 1961 for mid-P; Ahmed et al. 2010 for both as a signal score.
    Zero cells need no care; with a row or a column of zeros only one table is possible, and p = 1. With a = 0
    nothing is computed (NaN).
    Accuracy: about 10⁻¹² relative, also far out; values below 2·10⁻³⁰⁸, the least normal float64, lose digits and
    come down to 0. Work: terms are added from a away from the mean, over at most some nine standard deviations of A,
    which is about 2√N terms where both margins are half of N, and ten for most pairs.
    Raises ValueError that names the row where a cell is no count of cases, or where N is 2^32 or more.
    """
    cells = whole_counts({"a": a, "b": b, "c": c, "d": d})
    _limit(*cells.values())
    found = in_blocks(_tail, list(cells.values()))
    return Tail(found["p"], found["p_mid"])


def _limit(a: Ints, b: Ints, c: Ints, d: Ints) -> None:
    if not a.size or sum(int(cell.max()) for cell in (a, b, c, d)) < _MOST:
        return
    n = a + b + c + d
    if (n >= _MOST).any():
        row = int(np.argmax(n >= _MOST))
        raise ValueError(f"row {row + 1}: N = a + b + c + d = {n[row]}, but the exact tail needs N below 2^32")


def _tail(a: Ints, b: Ints, c: Ints, d: Ints) -> dict[str, Floats]:
    distance = a * d - b * c
    w, x, y, z = (cell.astype(np.float64) for cell in (a, b, c, d))
    at = _probability(w, x, y, z, distance)
    # The terms fall from the first on when they are added away from the mean, which is below a where ad > bc.
    above = distance > 0
    beyond = _beyond(np.where(above, x, w), np.where(above, y, z), np.where(above, w, x), np.where(above, z, y))
    p = np.where(above, at * (1 + beyond), 1 - at * beyond)
    p_mid = np.where(above, at * (0.5 + beyond), 1 - at * (0.5 + beyond))
    p[a == 0] = p_mid[a == 0] = np.nan
    return {"p": p, "p_mid": p_mid}


def _probability(a: Floats, b: Floats, c: Floats, d: Floats, distance: Ints) -> Floats:
    """P(A = a), without the cancellation that logarithms of factorials bring.

    With x! = √(2πx) x^x e^(s(x) - x), the powers of cells and margins together are e^-D, where D = Σ x log(x/E) over
    the cells with their expected numbers E. As the x and the E have the same sum,

        D = Σ [x log(x/E) - (x - E)],   x - E = ± (ad - bc)/N,

    a sum of terms that are never negative. Source: Loader 2000, for the binomial distribution.
    """
    product, others, event, other = a + b, c + d, a + c, b + d
    n = product + others
    n[n == 0] = 1.0
    excess = distance / n
    cells, margins = (a, b, c, d), (product, others, event, other)
    log = -_correction(n)
    for margin in margins:
        log += _correction(margin)
    expected = (product * event / n, product * other / n, others * event / n, others * other / n)
    for cell, e, difference in zip(cells, expected, (excess, -excess, -excess, excess), strict=True):
        log -= _correction(cell)
        log -= _deviance(cell, e, difference)
    return np.sqrt(_roots(*margins) / (_roots(*cells) * (2 * np.pi * n))) * np.exp(log)


def _roots(*counts: Floats) -> Floats:
    """The squares of the √(2πx) of `_probability`, multiplied; 1 for x = 0, as 0! = 1."""
    product = np.ones(len(counts[0]))
    for count in counts:
        product *= np.where(count > 0, 2 * np.pi * count, 1.0)
    return product


def _correction(x: Floats) -> Floats:
    """s(x) = log x! - log[√(2πx) x^x e^-x], 0 for x = 0: tabled, then Stirling's series."""
    large = np.maximum(x, _TABLED)
    square = 1 / (large * large)
    series = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - square / 1188) * square) * square) * square) / large
    return np.where(x < _TABLED, _TABLE[np.minimum(x, _TABLED - 1).astype(np.intp)], series)


_TABLE = np.array(
    [0.0] + [math.log(math.factorial(x) * math.exp(x) / (x**x * math.sqrt(2 * math.pi * x))) for x in range(1, _TABLED)]
)


def _deviance(x: Floats, e: Floats, excess: Floats) -> Floats:
    """x log(x/E) - (x - E), given x - E as `excess`.

    With v = (x - E)/(x + E) it is (x - E)v + 2xv(v²/3 + v⁴/5 + …), which takes no difference of nearly equal numbers.
    """
    both = x + e
    v = np.divide(excess, both, out=np.zeros(len(x)), where=both > 0)
    square = v * v
    series = np.full(len(x), 1 / 17)
    for odd in (15, 13, 11, 9, 7, 5, 3):
        series *= square
        series += 1 / odd
    deviance: Floats = v * (excess + 2 * x * square * series)
    far = np.abs(v) > _NEAR
    deviance[far] = xlogy(x[far], x[far] / e[far]) - excess[far]
    return deviance


def _beyond(fall_1: Floats, fall_2: Floats, rise_1: Floats, rise_2: Floats) -> Floats:
    """P(A beyond a) / P(A = a): the sum of the falling terms  Π_{i=1..j} (f₁ + 1 - i)(f₂ + 1 - i)/[(r₁ + i)(r₂ + i)].

    One case more with both product and event takes one from b and c and adds one to a and d: f are the cells that
    fall, r those that rise. The factors fall as well, so that what is left of a sum is at most the geometric series
    of its last factor; a sum ends where that is below a rounding.
    """
    total = np.zeros(len(fall_1))
    at_work = np.flatnonzero((fall_1 > 0) & (fall_2 > 0))
    cells = np.stack([fall_1, fall_2, rise_1, rise_2])[:, at_work]
    last = np.ones(len(at_work))
    done, width = 0, _FIRST
    while len(at_work):
        steps = np.arange(done + 1.0, done + width + 1)[:, None]
        factors = (cells[0] + 1 - steps) * (cells[1] + 1 - steps)
        factors /= (cells[2] + steps) * (cells[3] + steps)
        factor = factors[-1].copy()
        factors[0] *= last
        terms = np.cumprod(factors, axis=0, out=factors)
        last = terms[-1].copy()
        # A running sum, since the order in which NumPy's sum adds depends on the number of rows.
        total[at_work] += np.cumsum(terms, axis=0, out=terms)[-1]
        open_ = last * factor > 2**-54 * (1 + total[at_work]) * (1 - factor)
        at_work, cells, last = at_work[open_], cells[:, open_], last[open_]
        done, width = done + width, min(2 * width, _WIDEST)
    return total
