"""Measures of disproportion for many 2×2 tables at once.

Every function takes the cells of the tables as arrays of whole numbers of cases

                      event j    other events
      product i          a            b          a + b = cases with the product
      other products     c            d          c + d
                       a + c        b + d        N = a + b + c + d cases

and returns a frozen result with one value a table. Nothing is computed where a = 0 (NaN). Each docstring
states what becomes of other zero cells; no cell is ever corrected silently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from pv.signals.blocks import in_blocks

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Z_95 = 1.959963984540054  # standard normal quantile of 0.975
TAIL = 0.025  # each side of a two-sided 95 % interval
_EXACT = 2**53  # whole numbers from here on are not exact as float64

MEASURE_COLUMNS = (
    "a",
    "b",
    "c",
    "d",
    "expected",
    "prr",
    "prr_low",
    "prr_high",
    "ror",
    "ror_low",
    "ror_high",
    "chi_square",
    "ic",
    "ic025",
    "ic975",
)
FURTHER_COLUMNS = ("rrr", "chi_square_pearson")


@dataclass(frozen=True)
class Ratio:
    """A ratio with its two-sided 95 % limits."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class ChiSquare:
    """χ² with one degree of freedom: with Yates's correction, and Pearson's without it."""

    yates: Floats
    pearson: Floats


@dataclass(frozen=True)
class Information:
    """The information component in bits, with its exact 2.5 % and 97.5 % limits."""

    value: Floats
    low: Floats
    high: Floats


def whole_counts(cells: dict[str, ArrayLike]) -> dict[str, Ints]:
    """The named columns as int64, once each value is known to be a whole number from 0.

    A column that is int64 already is given back as it is, not copied. Raises ValueError that names the first bad row
    (counted from 1), the column, the value and the rule.
    """
    columns = {name: np.atleast_1d(np.asarray(values)) for name, values in cells.items()}
    lengths = {name: column.shape for name, column in columns.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        raise ValueError(f"the columns must be of one length, but have {lengths}")
    return {name: _whole(name, column) for name, column in columns.items()}


def _whole(name: str, column: NDArray[np.generic]) -> Ints:
    if column.dtype.kind in "iu" and (not column.size or (column.min() >= 0 and column.max() < _EXACT)):
        return column.astype(np.int64, copy=False)
    try:
        values = column.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name} holds something that is no number: {error}") from None
    if ((values >= 0) & (values < _EXACT) & (values == np.floor(values))).all():
        return values.astype(np.int64)
    rules: tuple[tuple[str, Callable[[Floats], NDArray[np.bool_]]], ...] = (
        ("is missing; every cell needs a count", np.isnan),
        ("is negative; a count of cases is a whole number from 0", lambda v: v < 0),
        ("is infinite; a count of cases is a whole number from 0", np.isinf),
        ("is not a whole number; a count of cases is a whole number from 0", lambda v: v != np.floor(v)),
        ("is 2^53 or more; so large a count cannot be held exactly", lambda v: v >= _EXACT),
    )
    rule, broken = next((rule, broken) for rule, broken in rules if broken(values).any())
    row = int(np.argmax(broken(values)))
    raise ValueError(f"row {row + 1}: {name} = {column[row]} {rule}")


def cells_from_margins(a: ArrayLike, n_product: ArrayLike, n_event: ArrayLike, n: ArrayLike) -> tuple[Ints, Ints, Ints]:
    """b, c, d of tables given by a, the row total a + b, the column total a + c and N.

    Raises ValueError that names the first row in which the margins contradict each other.
    """
    size = np.atleast_1d(np.asarray(a)).shape
    given = {"a": a, "n_product": n_product, "n_event": n_event, "n": n}
    counts = whole_counts({name: np.broadcast_to(np.asarray(value), size) for name, value in given.items()})
    both, row, column, total = counts.values()
    b, c = row - both, column - both
    d = total - row
    d -= c
    rules = (
        (b, "a is above n_product, the cases with the product"),
        (c, "a is above n_event, the cases with the event"),
        (d, "n_product + n_event - a is above n, the number of all cases"),
    )
    for cell, rule in rules:
        if cell.size and cell.min() < 0:
            at = int(np.argmax(cell < 0))
            shown = ", ".join(f"{name} = {counts[name][at]}" for name in given)
            raise ValueError(f"row {at + 1}: {rule} ({shown})")
    return b, c, d


def expected(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> Floats:
    """Cases expected in cell a if product and event had nothing to do with each other.

        E = (a + b)(a + c) / N

    Defined with a = 0, too; NaN in an empty table (N = 0).
    """
    a, b, c, d = _cells(a, b, c, d)
    return _divide((a + b) * (a + c), a + b + c + d)


def rrr(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> Floats:
    """Relative reporting ratio: cases observed over cases expected.

                   event   other
        product      a       b          RRR = a / E,  E = (a + b)(a + c) / N
        others       c       d

    Source: DuMouchel 1999; it is unstable where E is small, hence the shrunk measures IC and EBGM.
    Zero cells need no care.
    """
    a, b, c, d = _cells(a, b, c, d)
    return _divide(a * (a + b + c + d), (a + b) * (a + c), where=a > 0)


def prr(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> Ratio:
    """Proportional reporting ratio with log-normal limits.

                   event   other
        product      a       b          PRR = [a / (a + b)] / [c / (c + d)]
        others       c       d          var log PRR = 1/a - 1/(a + b) + 1/c - 1/(c + d)

    Source: Evans, Waller and Davis 2001.
    Zero cells: c = 0 – unbounded, the value and the upper limit are ∞ and there is no lower limit (NaN).
    c = d = 0 – no case without the product, nothing to compare with: NaN. b = 0 and d = 0 need no care.
    """
    a, b, c, d = _cells(a, b, c, d)
    some, bounded = a > 0, (a > 0) & (c > 0)
    value = _divide(a * (c + d), (a + b) * c, where=bounded)
    variance = np.where(bounded, _inverse(a) - _inverse(a + b) + _inverse(c) - _inverse(c + d), 0.0)
    spread = np.exp(Z_95 * np.sqrt(variance))
    low, high = _divide(value, spread, where=bounded), np.where(bounded, value * spread, np.nan)
    unbounded = some & (c == 0) & (d > 0)
    value[unbounded] = high[unbounded] = np.inf
    return Ratio(value, low, high)


def ror(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> Ratio:
    """Reporting odds ratio with log-normal limits, exact ones where a cell is empty.

                   event   other
        product      a       b          ROR = ad / (bc)
        others       c       d          var log ROR = 1/a + 1/b + 1/c + 1/d

    Source: van Puijenbroek et al. 2002; the exact limits are Cornfield's 1956 (see `exact_low`).
    Zero cells: b = 0 or c = 0, d > 0 – unbounded, the value and the upper limit are ∞, the lower limit is
    the exact conditional one. d = 0, b > 0, c > 0 – the value and the lower limit are 0, the upper limit is
    the exact conditional one. A row or a column of zeros (c = d = 0 or b = d = 0) – nothing to compare
    with: the value is NaN and the limits are 0 and ∞.
    """
    a, b, c, d = _cells(a, b, c, d)
    some = a > 0
    filled = some & (b > 0) & (c > 0) & (d > 0)
    value = _divide(a * d, b * c, where=filled)
    spread = np.exp(Z_95 * np.sqrt(_inverse(a) + _inverse(b) + _inverse(c) + _inverse(d)))
    low, high = _divide(value, spread, where=filled), np.where(filled, value * spread, np.nan)

    unbounded = some & ((b == 0) | (c == 0))
    value[unbounded & (d > 0)] = np.inf
    low[unbounded] = exact_low(a[unbounded], b[unbounded], c[unbounded], d[unbounded])
    high[unbounded] = np.inf

    nothing = some & (b > 0) & (c > 0) & (d == 0)
    value[nothing] = low[nothing] = 0.0
    # Exchanging the rows turns the ratio over, so this upper limit is one over a lower one.
    high[nothing] = 1 / exact_low(c[nothing], d[nothing], a[nothing], b[nothing])
    return Ratio(value, low, high)


def chi_square(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> ChiSquare:
    """χ² of independence, one degree of freedom.

                   event   other        Yates    N(|ad - bc| - N/2)² / [(a+b)(c+d)(a+c)(b+d)],
        product      a       b                   0 where |ad - bc| ≤ N/2
        others       c       d          Pearson  N(ad - bc)² / [(a+b)(c+d)(a+c)(b+d)]

    Source: Yates 1934, as Evans, Waller and Davis 2001 use it.
    Zero cells need no care; with a row or a column of zeros, ad = bc and both are 0.
    """
    a, b, c, d = _cells(a, b, c, d)
    n = a + b + c + d
    distance = np.abs(a * d - b * c)
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    usable = (a > 0) & (margins > 0)
    yates = _divide(n * np.maximum(distance - n / 2, 0) ** 2, margins, where=usable)
    pearson = _divide(n * distance**2, margins, where=usable)
    empty = (a > 0) & (margins == 0)
    yates[empty] = pearson[empty] = 0.0
    return ChiSquare(yates, pearson)


def ic(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> Information:
    """Information component, shrunk towards 0, with exact limits.

                   event   other        IC = log2[(a + ½) / (E + ½)],  E = (a + b)(a + c) / N
        product      a       b          IC025, IC975 = log2 of the 2.5 % and 97.5 % quantiles
        others       c       d          of Gamma(shape a + ½, rate E + ½)

    Source: Norén, Hopstadius and Bate 2013. Zero cells need no care.
    """
    a, b, c, d = _cells(a, b, c, d)
    rate = np.log2(_divide((a + b) * (a + c), a + b + c + d, where=a > 0) + 0.5)
    low, high = _gamma_quantiles(a)
    return Information(np.log2(a + 0.5) - rate, low - rate, high - rate)


def _gamma_quantiles(a: Floats) -> tuple[Floats, Floats]:
    """log2 of the 2.5 % and 97.5 % quantiles of Gamma(a + ½, 1): by table where a is small, as it mostly is."""
    low, high = _tabled_quantiles()
    small = a < len(low)
    places = np.where(small, a, 0).astype(np.intp)
    low, high = low[places], high[places]
    large = a[~small]
    low[~small], high[~small] = _log2_quantiles(large)
    return low, high


@cache
def _tabled_quantiles() -> tuple[Floats, Floats]:
    return _log2_quantiles(np.arange(1024.0))


def _log2_quantiles(a: Floats) -> tuple[Floats, Floats]:
    return np.log2(gammaincinv(a + 0.5, TAIL)), np.log2(gammaincinv(a + 0.5, 1 - TAIL))


def all_measures(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> dict[str, NDArray[np.generic]]:
    """The columns of `MEASURE_COLUMNS` and `FURTHER_COLUMNS`, in that order.

    The four cells are int64 – the arrays given, not copies, where those are int64 – and the rest float64.
    """
    cells = whole_counts({"a": a, "b": b, "c": c, "d": d})
    return {**cells, **in_blocks(_all_but_cells, list(cells.values()))}


def _all_but_cells(a: Ints, b: Ints, c: Ints, d: Ints) -> dict[str, Floats]:
    proportional, odds, information = prr(a, b, c, d), ror(a, b, c, d), ic(a, b, c, d)
    squares = chi_square(a, b, c, d)
    columns = (
        expected(a, b, c, d),
        *(proportional.value, proportional.low, proportional.high),
        *(odds.value, odds.low, odds.high),
        squares.yates,
        *(information.value, information.low, information.high),
        rrr(a, b, c, d),
        squares.pearson,
    )
    return dict(zip((*MEASURE_COLUMNS[4:], *FURTHER_COLUMNS), columns, strict=True))


def exact_low(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> Floats:
    """Lower 95 % limit (two-sided) of the odds ratio given the margins, for tables with b = 0 or c = 0.

    Given its margins a table follows Fisher's noncentral hypergeometric distribution, and the limit is the
    odds ratio ω at which P(A ≥ a) = 0.025. With b = 0 or c = 0, a is the largest value that A can take, so
    P(A ≥ a) = P(A = a) and, for tables that have j cases fewer in cell a,

        1 / P(A = a) = Σ_j r_j ω^-j = 40,   r_j = a! b! c! d! / [(a-j)! (b+j)! (c+j)! (d-j)!],  j ≤ min(a, d)

    The logarithm of Σ_{j≥1} r_j e^{jt} rises and is convex in t = -log ω, so that Newton's steps from the
    right of the root come down to it without overshooting. 0 where min(a, d) = 0: only one table is possible.
    """
    a, b, c, d = _cells(a, b, c, d)
    low = np.zeros(a.shape)
    open_ = np.minimum(a, d) > 0
    if not open_.any():
        return low
    tables = np.stack([a, b, c, d])[:, open_]
    limits = np.empty(tables.shape[1])
    # Sums of up to 1, 2, 4, 8 … terms each have a matrix of that width, at most 32 MB of it at once.
    widths = 2 ** np.ceil(np.log2(np.minimum(tables[0], tables[3]))).astype(np.int64)
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        for part in np.array_split(rows, -(-len(rows) * width // 2**22)):
            limits[part] = np.exp(-_log_inverse_limit(tables[:, part], int(width)))
    low[open_] = limits
    return low


def _log_inverse_limit(tables: Floats, width: int) -> Floats:
    """t = -log ω of each of the tables (4 × tables), whose sums have at most `width` terms."""
    a, b, c, d = (cell[:, None] for cell in tables)
    j = np.arange(1.0, width + 1)
    there = j <= np.minimum(a, d)
    # r_j / r_(j-1), so that no logarithm of a factorial as large as N! takes its digits away.
    steps = np.where(there, (a - j + 1) * (d - j + 1) / ((b + j) * (c + j)), 1.0)
    log_r = np.where(there, np.cumsum(np.log(steps), axis=1), -np.inf)
    target = np.log(1 / TAIL - 1)
    # Each term alone is at most the sum, so the least of the terms' own roots lies right of the root.
    t: Floats = ((target - log_r) / j).min(axis=1)
    moving = np.ones(len(t), dtype=bool)
    for _ in range(100):
        exponent = log_r + j * t[:, None]
        peak = exponent.max(axis=1)
        weight = np.exp(exponent - peak[:, None])
        total = weight.sum(axis=1)
        step = (peak + np.log(total) - target) * total / (weight * j).sum(axis=1)
        # A table that has arrived stays as it is, so that its value does not depend on the others.
        t = np.where(moving, t - step, t)
        moving &= np.abs(step) > 1e-14 * np.maximum(1.0, np.abs(t))
        if not moving.any():
            break
    return t


def _cells(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
    cells = whole_counts({"a": a, "b": b, "c": c, "d": d})
    a, b, c, d = (cell.astype(np.float64) for cell in cells.values())
    return a, b, c, d


def _divide(over: Floats, under: Floats, where: NDArray[np.bool_] | None = None) -> Floats:
    """over / under, NaN where `where` does not hold or `under` is 0."""
    usable = under != 0 if where is None else where & (under != 0)
    quotient: Floats = np.full(over.shape, np.nan)
    np.divide(over, under, out=quotient, where=usable)
    return quotient


def _inverse(count: Floats) -> Floats:
    """1 / count, 0 at 0 (such rows are set by the zero-cell policy)."""
    inverse: Floats = np.zeros(count.shape)
    np.divide(1.0, count, out=inverse, where=count != 0)
    return inverse
