"""The cells of a likelihood as few weighted points (data squashing, after DuMouchel and Pregibon 2001).

Cells of equal (a, E) are one point, and nothing is lost. Cells without a case are all combinations of a row total
and a column total, less the pairs that have cases, so that they are counted by their different products N E.

Where even these are many, cells of one a whose E lie within 10 % of each other become two points that keep the
number of the cells and the first three moments of their log E (a Gauss quadrature, so that both points lie among the
cells and both weights are positive). Whatever the prior, a smooth function g of log E is then summed with

    |Σ g(log E) - w1 g(s1) - w2 g(s2)| ≤ number · max|g⁗| · H⁴ / 24,  H = 0.05 half the width of a group,

because cubics are summed exactly. For g = log P(a), |g⁗| is of the order of E where a = 0 and of a elsewhere: the
error of the log likelihood is bounded by about 3·10⁻⁷ for each pair counted and in practice is far smaller, as
errors cancel. It is measured nevertheless: `Cells.exact` goes through every cell by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pv.signals.blocks import ROWS, in_blocks
from pv.signals.counts import PairCounts
from pv.signals.mixture import (
    TRUNCATED,
    ZEROS,
    Densities,
    Floats,
    Ints,
    Prior,
    check_variant,
    checked_pairs,
    distinct,
    log_empty,
    refuse,
)

EXACT_POINTS = 2**12  # up to here points are not squashed; one evaluation of so many takes a millisecond
_SORTED = 2**16  # cells that are sorted to find the equal ones
_HALF = 0.05  # H
_POWERS = range(4)
_NOTHING = "no product occurs together with an event: there is nothing to fit a prior to"

Totals = tuple[Floats, Floats]  # the different totals above 0 of the rows or columns, and how often each occurs


@dataclass(frozen=True)
class Cells:
    """The cells of one variant's likelihood as weighted points.

    `a`, `expected`: the points; `weight`: cells that each stands for, not always a whole number. `exact`: -log L of
    a prior over every cell by itself, or None where only equal cells share a point, so that the points lose nothing.
    """

    a: Floats
    expected: Floats
    weight: Floats
    exact: Callable[[Prior], float] | None = None

    @property
    def count(self) -> float:
        """Cells that the points stand for."""
        return float(self.weight.sum())


def cells_from_margins(counts: PairCounts, variant: str) -> Cells:
    """The cells of a table, E = row total · column total / N.

    "zeros": all combinations of a product and an event that occur, a = 0 included; "truncated": pairs with a ≥ 1.
    Raises ValueError if there is no pair, or the variant is unknown.
    """
    check_variant(variant)
    if not len(counts.a):
        raise ValueError(_NOTHING)
    rows, columns = _totals(counts.row_totals), _totals(counts.column_totals)
    grid = len(rows[0]) * len(columns[0]) if variant == ZEROS else 0
    if len(counts.a) + grid <= _SORTED:
        cells = _equal_from_margins(counts, variant, rows, columns)
        if len(cells.a) <= EXACT_POINTS:
            return cells
    return _squashed_from_margins(counts, variant, rows, columns)


def cells_from_expected(a: ArrayLike, expected: ArrayLike, zeros: tuple[ArrayLike, ArrayLike] | None) -> Cells:
    """The cells of pairs whose E is given, as with strata.

    `a`, `expected`: the pairs, a ≥ 1. `zeros`, for the variant "zeros": E of cells without a case, and how many there
    are of each (where these are binned already, the error of that is not known here); None for "truncated".
    Raises ValueError if there is no pair, or that names the first row whose a is no whole number from 1, whose E is
    not above 0 and finite, or whose number of cells is negative, missing or infinite.
    """
    whole, values = checked_pairs(a, expected)
    refuse(whole < 1, whole, "a = {} is below 1; cells without a case are given as zeros")
    if not len(whole):
        raise ValueError(_NOTHING)
    counts, weight = whole.astype(np.float64), np.ones(len(whole))
    if zeros is not None:
        empty, number = _checked_zeros(*zeros)
        counts = np.concatenate([np.zeros(len(empty)), counts])
        values, weight = np.concatenate([empty, values]), np.concatenate([number, weight])
    if len(counts) <= _SORTED:
        cells = Cells(*_equal(counts, values, weight))
        if len(cells.a) <= EXACT_POINTS:
            return cells
    return _squashed_from_expected(counts, values, weight, TRUNCATED if zeros is None else ZEROS)


def _checked_zeros(expected: ArrayLike, number: ArrayLike) -> tuple[Floats, Floats]:
    values, often = np.asarray(expected, dtype=np.float64), np.asarray(number, dtype=np.float64)
    if values.ndim != 1 or values.shape != often.shape:
        raise ValueError(f"zeros: E and number must be of one length, but have {values.shape} and {often.shape}")
    refuse(~((values > 0) & (values < np.inf)), values, "zeros: expected = {} must be above 0 and finite")
    refuse(~((often >= 0) & (often < np.inf)), often, "zeros: number = {} must be from 0 and finite")
    return values[often > 0], often[often > 0]


def _totals(totals: Ints) -> Totals:
    values, often = np.unique(totals[totals > 0], return_counts=True)
    return values.astype(np.float64), often.astype(np.float64)


# Cells that are equal


def _equal(a: Floats, expected: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Points of equal (a, E), sorted by both, with their weights."""
    order = np.lexsort((expected, a))
    a, expected = a[order], expected[order]
    first = np.flatnonzero(np.concatenate([[True], (np.diff(a) != 0) | (np.diff(expected) != 0)]))
    return a[first], expected[first], np.add.reduceat(weight[order], first)


def _equal_from_margins(counts: PairCounts, variant: str, rows: Totals, columns: Totals) -> Cells:
    a, product = counts.a.astype(np.float64), counts.n_product.astype(np.float64) * counts.n_event
    weight = np.ones(len(a))
    if variant == ZEROS:
        # All combinations as if empty, less the pairs: whole numbers, so that nothing is left where all have cases.
        a = np.concatenate([np.zeros(len(rows[0]) * len(columns[0]) + len(a)), a])
        product = np.concatenate([np.multiply.outer(rows[0], columns[0]).ravel(), product, product])
        weight = np.concatenate([np.multiply.outer(rows[1], columns[1]).ravel(), -weight, weight])
    a, product, weight = _equal(a, product, weight)
    return Cells(a[weight > 0], product[weight > 0] / counts.n, weight[weight > 0])


# Squashed cells


def _squashed_from_expected(a: Floats, expected: Floats, weight: Floats, variant: str) -> Cells:
    logs = np.log(expected)
    group = 2 * np.rint(logs / (2 * _HALF)).astype(np.int64)
    cells = _Moments(a, group, lambda part: logs[part] - _HALF * group[part], weight)
    exact = partial(neg_log_likelihood, a, expected, weight, variant)
    return Cells(*_points(cells.a, cells.group, cells.table, 0.0), exact=exact)


def _squashed_from_margins(counts: PairCounts, variant: str, rows: Totals, columns: Totals) -> Cells:
    """Groups of log E are sums of groups of log row total and log column total, each of width H."""
    (row_group, row_rest), (column_group, column_rest) = _located(counts.row_totals), _located(counts.column_totals)
    group = row_group[counts.product] + column_group[counts.event]
    pairs = _Moments(counts.a, group, lambda part: row_rest[counts.product[part]] + column_rest[counts.event[part]])
    a, groups, moments = pairs.a, pairs.group, pairs.table
    if variant == ZEROS:
        empty = _moments_of_all(rows, columns)
        for sums, without in zip(empty, moments, strict=True):
            np.subtract.at(sums, groups, without)
        a = np.concatenate([np.zeros(empty.shape[1]), a])
        groups, moments = np.concatenate([np.arange(empty.shape[1]), groups]), np.concatenate([empty, moments], axis=1)
    exact = partial(_exact_from_margins, counts, variant, rows, columns)
    return Cells(*_points(a, groups, moments, -math.log(counts.n)), exact=exact)


def _located(totals: NDArray[np.generic]) -> tuple[Ints, Floats]:
    """Group of each total's logarithm and the rest, from -H/2 to H/2; a total of 0 belongs to no pair."""
    logs = np.log(np.maximum(totals.astype(np.float64), 1))
    group = np.rint(logs / _HALF).astype(np.int64)
    return group, logs - _HALF * group


def _moments_of_all(rows: Totals, columns: Totals) -> Floats:
    """Moments (powers × groups) of all combinations of a row and a column, from those of the rows and the columns.

    Σ (s + t)^k over combinations is Σ_j C(k, j) Σ s^j Σ t^(k-j), and groups add: a convolution of a few hundred
    groups stands for the 75 million combinations of 5,000 products and 15,000 events.
    """
    one, other = _moments_of(rows), _moments_of(columns)
    return np.array(
        [
            sum(math.comb(power, low) * np.convolve(one[low], other[power - low]) for low in range(power + 1))
            for power in _POWERS
        ]
    )


def _moments_of(totals: Totals) -> list[Floats]:
    group, rest = _located(totals[0])
    weights = (totals[1] * rest**power for power in _POWERS)
    return [np.bincount(group, weights=weight).astype(np.float64, copy=False) for weight in weights]


class _Moments:
    """`table`: number and sums of the first three powers of log E - H·group, for each (`a`, `group`) that occurs."""

    def __init__(
        self, a: Floats | Ints, group: Ints, rest: Callable[[slice], Floats], weight: Floats | None = None
    ) -> None:
        """`rest`: log E - H·group of some rows, from -H to H; `weight`: cells that a row stands for, None: 1."""
        values, places = distinct(a)
        lowest = int(group.min())
        width = int(group.max()) - lowest + 1
        places *= width
        places += group
        places -= lowest
        keys, places = distinct(places)
        self.a = values[keys.astype(np.int64) // width]
        self.group = keys.astype(np.int64) % width + lowest
        self.table = np.zeros((len(_POWERS), len(keys)))
        for start in range(0, len(places), ROWS):
            part = slice(start, start + ROWS)
            power = np.ones(len(places[part])) if weight is None else weight[part]
            away = rest(part)
            for sums in self.table:
                np.add.at(sums, places[part], power)
                power = power * away


def _points(a: Floats, group: Ints, moments: Floats, shift: float) -> tuple[Floats, Floats, Floats]:
    """a, E and weight of two points a group that have its moments 0 to 3, log E measured from H·group + shift.

    About the mean, with variance v and third moment k, they are the roots of x² - (k/v) x - v = 0. Groups of one E
    have one point, those without a cell none.
    """
    number = moments[0]
    mean, square, cube = np.divide(moments[1:], number, out=np.zeros((3, len(number))), where=number > 0)
    variance = square - mean**2
    # Below this, rounding alone is left of the variance, and the cells lie within 10⁻⁸ of each other.
    spread = (number > 0) & (variance > 1e-13 * _HALF**2)
    skew = np.divide(cube - 3 * mean * square + 2 * mean**3, variance, out=np.zeros(len(mean)), where=spread)
    root = np.sqrt(np.where(spread, skew**2 / 4 + variance, 1.0))
    lower, upper = (np.where(spread, skew / 2 + side, 0.0) for side in (-root, root))
    share = np.where(spread, upper / (2 * root), 1.0)
    weight = np.concatenate([number * share, number - number * share])
    # A few cells left of many: their moments are differences and may be off by more than the group is wide.
    away = np.clip(np.concatenate([mean + lower, mean + upper]), -_HALF, _HALF)
    there = weight > 0
    expected = np.exp(_HALF * np.tile(group, 2) + away + shift)
    return np.tile(a, 2)[there], expected[there], weight[there]


# Every cell by itself


def _exact_from_margins(counts: PairCounts, variant: str, rows: Totals, columns: Totals, prior: Prior) -> float:
    """-log L; with zeros, all combinations of totals are taken as empty and the pairs set right."""
    values, places = distinct(counts.a)
    densities = Densities(values, prior, variant)
    row_totals, column_totals = counts.row_totals.astype(np.float64), counts.column_totals.astype(np.float64)

    def log(product: Ints, event: Ints, place: Ints) -> dict[str, Floats]:
        expected = row_totals[product] * column_totals[event] / counts.n
        logs = densities.log(place, expected)
        return {"log": logs if variant == TRUNCATED else logs - log_empty(expected, prior)}

    pairs = float(in_blocks(log, [counts.product, counts.event, places])["log"].sum())
    if variant == TRUNCATED:
        return -pairs
    return -pairs - float(_all_empty(rows, columns, counts.n, prior).sum())


def _all_empty(rows: Totals, columns: Totals, n: int, prior: Prior) -> Floats:
    """log P(0) of all combinations, summed for each different total of the side that has fewer."""
    few, many = sorted((rows, columns), key=lambda totals: len(totals[0]))

    def log(total: Floats, often: Floats) -> dict[str, Floats]:
        sums = [float((many[1] * log_empty(one * many[0] / n, prior)).sum()) for one in total]
        return {"log": often * sums}

    return in_blocks(log, few, rows=64)["log"]


def neg_log_likelihood(a: Floats, expected: Floats, weight: Floats, variant: str, prior: Prior) -> float:
    """-log L of weighted cells at a prior whose p may be 0 or 1, too."""
    values, places = distinct(a)
    densities = Densities(values, prior, variant)

    def log(place: Ints, e: Floats, number: Floats) -> dict[str, Floats]:
        return {"log": number * densities.log(place, e)}

    return -float(in_blocks(log, [places, expected, weight])["log"].sum())
