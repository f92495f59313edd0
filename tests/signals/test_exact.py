"""Exact tails: worked arithmetic, whole-number arithmetic, SciPy, identities, bad cells."""

import csv
from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact, hypergeom

from pv.signals.blocks import ROWS
from pv.signals.exact import tail


def one(a, b, c, d):
    found = tail([a], [b], [c], [d])
    return float(found.p[0]), float(found.p_mid[0])


def counted(a, b, c, d):
    """(p, p_mid) by counting the tables that are possible."""
    ways = {x: comb(a + b, x) * comb(c + d, a + c - x) for x in range(min(a + b, a + c) + 1)}
    above, at = sum(w for x, w in ways.items() if x >= a), ways[a]
    return Fraction(above, sum(ways.values())), Fraction(2 * above - at, 2 * sum(ways.values()))


def weighed(a, b, c, d):
    """(p, p_mid) for large tables, in whole numbers: weights from the most likely table on, with 1,600 binary digits.

    The weights follow from one another by the ratio of neighbours alone, so that no factorial comes in.
    """
    row, column, n = a + b, a + c, a + b + c + d
    mode = (row + 1) * (column + 1) // (n + 2)
    every = above = at = 0
    for step in (1, -1):
        x, weight = mode, 1 << 1600
        while weight:
            if step == 1 or x < mode:
                every += weight
                above += weight if x >= a else 0
                at += weight if x == a else 0
            if step == 1:
                weight = weight * (row - x) * (column - x) // ((x + 1) * (n - row - column + x + 1))
            else:
                weight = weight * x * (n - row - column + x) // ((row - x + 1) * (column - x + 1))
            x += step
    return Fraction(above, every), Fraction(2 * above - at, 2 * every)


def test_worked_by_hand():
    # Eight cups, four of each kind (Fisher 1935): three right in 16 of 70 ways, four in 1.
    assert one(3, 1, 1, 3) == pytest.approx((17 / 70, 9 / 70), rel=1e-14)
    assert one(4, 0, 0, 4) == pytest.approx((1 / 70, 0.5 / 70), rel=1e-14)
    # 1 of 100 cases has the product, 5 have the event: 5/100.
    assert one(1, 0, 4, 95) == pytest.approx((0.05, 0.025), rel=1e-14)


def test_every_table_of_up_to_nine_cases():
    tables = [cells for cells in product(range(10), repeat=4) if cells[0] and sum(cells) <= 9]
    assert len(tables) == 495
    found = tail(*zip(*tables, strict=True))
    wanted = np.array([[float(value) for value in counted(*cells)] for cells in tables])
    np.testing.assert_allclose(found.p, wanted[:, 0], rtol=1e-14)
    np.testing.assert_allclose(found.p_mid, wanted[:, 1], rtol=1e-14)


def test_only_one_table_is_possible():
    for cells in ((3, 4, 0, 0), (3, 0, 4, 0), (3, 0, 0, 0)):
        assert one(*cells) == pytest.approx((1.0, 0.5), rel=1e-15)
    assert one(3, 4, 5, 0)[0] == 1.0  # as few together as possible


def test_nothing_is_computed_where_a_is_0():
    found = tail([0, 0, 1], [4, 0, 2], [2, 0, 3], [9, 0, 4])
    assert list(np.isnan(found.p)) == list(np.isnan(found.p_mid)) == [True, True, False]


small = st.integers(0, 60)


@settings(deadline=None)
@given(st.integers(1, 60), small, small, st.integers(0, 2000))
def test_moderate_tables(a, b, c, d):
    p, p_mid = one(a, b, c, d)
    assert (p, p_mid) == pytest.approx(tuple(float(value) for value in counted(a, b, c, d)), rel=1e-12)
    assert p == pytest.approx(fisher_exact([[a, b], [c, d]], alternative="greater").pvalue, rel=1e-9)


@st.composite
def large_tables(draw):
    """Margins of any size, and a up to some forty standard deviations off what is expected."""
    n = int(10 ** draw(st.floats(1, 7)))
    row, column = (min(n, max(1, int(n ** draw(st.floats(0, 1))))) for _ in range(2))
    expected = row * column / n
    deviation = max(0.5, (expected * (1 - row / n) * (1 - column / n)) ** 0.5)
    a = round(expected + draw(st.floats(-3, 40)) * deviation)
    a = min(max(a, 1, row + column - n), row, column)
    return a, row - a, column - a, n - row - column + a


@settings(deadline=None, max_examples=60)
@given(large_tables())
def test_large_tables(cells):
    wanted = tuple(float(value) for value in weighed(*cells))
    assume(wanted[1] > 1e-305)
    assert one(*cells) == pytest.approx(wanted, rel=1e-11)


@pytest.mark.parametrize(
    "cells",
    [
        (5860, 19419, 148377, 826344),  # 1e-234
        (86961, 5885333, 1221769, 92805937),  # 1e-226 of a hundred million cases
        (260_400, 739_600, 4_739_600, 14_260_400),  # 1e-6, thousands of terms
        (240_000, 760_000, 4_760_000, 14_240_000),  # 1 less a small lower tail
        (698, 252868, 2127517, 3997618917),  # 1e-256 of four billion cases
        (1, 0, 0, 4_000_000_000),
    ],
)
def test_national_and_larger_tables(cells):
    assert one(*cells) == pytest.approx(tuple(float(value) for value in weighed(*cells)), rel=2e-12)


def test_below_the_smallest_number_it_is_0():
    # 1 / comb(10000, 5000) is about 1e-3008.
    assert one(5000, 0, 0, 5000) == (0.0, 0.0)


@settings(deadline=None, max_examples=60)
@given(large_tables())
def test_product_and_event_may_change_places(cells):
    a, b, c, d = cells
    assert one(a, c, b, d) == pytest.approx(one(a, b, c, d), rel=1e-11)


@settings(deadline=None, max_examples=60)
@given(large_tables())
def test_the_other_tail_is_the_rest(cells):
    # P(A ≤ a - 1) is P(B ≥ b + 1); a case fewer in a and d, and a case more in b and c, is the next table down.
    a, b, c, d = cells
    assume(d > 0)
    p, p_mid = one(a, b, c, d)
    rest, _ = one(b + 1, a - 1, d - 1, c + 1)
    assert p + rest == pytest.approx(1, abs=1e-12)
    assert 0 <= p_mid <= p <= 1


def test_a_table_does_not_depend_on_its_neighbours():
    random = np.random.default_rng(2)
    a, b, c = (random.geometric(1 / mean, 300) for mean in (20, 1000, 3000))
    d = 20_000 + 0 * a
    together = tail(a, b, c, d)
    for row in range(0, 300, 3):
        assert one(a[row], b[row], c[row], d[row]) == (together.p[row], together.p_mid[row])
    repeated = tail(*(np.resize(cell, ROWS + 100) for cell in (a, b, c, d)))
    np.testing.assert_array_equal(repeated.p, np.resize(together.p, ROWS + 100))
    np.testing.assert_array_equal(repeated.p_mid, np.resize(together.p_mid, ROWS + 100))


def test_all_pairs_of_caers(shared):
    with (shared / "golden" / "caers_measures.csv").open(encoding="utf-8", newline="") as handle:
        rows = [[int(row[name]) for name in "abcd"] for row in csv.DictReader(handle)]
    a, b, c, d = np.array(rows).T
    found = tail(a, b, c, d)
    margins = (a + b + c + d, a + b, a + c)
    np.testing.assert_allclose(found.p, hypergeom.sf(a - 1, *margins), rtol=1e-9)
    np.testing.assert_allclose(found.p_mid, found.p - hypergeom.pmf(a, *margins) / 2, rtol=1e-9)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (([1, 2], [3, -4], [5, 6], [7, 8]), r"row 2: b = -4 is negative"),
        (([1, 2.5], [3, 4], [5, 6], [7, 8]), r"row 2: a = 2.5 is not a whole number"),
        (([1, 2], [3, 4], [np.nan, 6], [7, 8]), r"row 1: c = nan is missing"),
        (([1, 2], [3, 4], [5, 6], [7, 2**32 - 12]), r"row 2: N = .* = 4294967296, but the exact tail needs N below"),
        (([1], [3, 4], [5, 6], [7, 8]), r"of one length"),
    ],
)
def test_cells_that_are_no_counts(cells, message):
    with pytest.raises(ValueError, match=message):
        tail(*cells)


def test_no_tables():
    found = tail([], [], [], [])
    assert len(found.p) == len(found.p_mid) == 0
