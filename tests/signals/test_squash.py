"""Cells as points: nothing lost where cells are equal, next to nothing where they are squashed."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shrinker_by_hand import counts_of, every_cell
from shrinker_by_hand import neg_log_likelihood as by_hand

from pv.signals import squash
from pv.signals.mixture import VARIANTS, Prior
from pv.signals.squash import cells_from_expected, cells_from_margins, neg_log_likelihood

PRIORS = [Prior(0.2, 0.1, 2.0, 4.0, 1 / 3), Prior(30, 2.5, 0.01, 0.5, 0.9)]
tables = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 9), min_size=width, max_size=width), min_size=1, max_size=6)
)


@pytest.fixture
def squashed(monkeypatch):
    """Every set of cells is squashed, however small."""
    monkeypatch.setattr(squash, "EXACT_POINTS", -1)
    monkeypatch.setattr(squash, "_SORTED", -1)


def value_of(cells, prior, variant):
    return neg_log_likelihood(cells.a, cells.expected, cells.weight, variant, prior)


def large_table(seed=3):
    """200 × 100 cells, most of them empty, some of them far above what is expected."""
    random = np.random.default_rng(seed)
    rows, columns = random.gamma(0.6, 1, 200), random.gamma(0.6, 1, 100)
    return random.poisson(np.outer(rows, columns) * random.gamma(0.5, 1.5, (200, 100)))


def test_worked_by_hand():
    # Row totals 2, 1, 1 and column totals 3, 1 of N = 4: E is 1.5, 0.5 in the first row and half of it below.
    cells = cells_from_margins(counts_of([[2, 0], [1, 0], [0, 1]]), "zeros")
    assert list(zip(cells.a, cells.expected, cells.weight, strict=True)) == [
        (0, 0.25, 1),
        (0, 0.5, 1),
        (0, 0.75, 1),
        (1, 0.25, 1),
        (1, 0.75, 1),
        (2, 1.5, 1),
    ]
    assert cells.exact is None
    cells = cells_from_margins(counts_of([[2, 0], [1, 0], [0, 1]]), "truncated")
    assert list(zip(cells.a, cells.expected, cells.weight, strict=True)) == [(1, 0.25, 1), (1, 0.75, 1), (2, 1.5, 1)]


@settings(max_examples=30, deadline=None)
@given(tables)
def test_equal_cells_lose_nothing(table):
    table = np.array(table)
    if not table.any():
        return
    for variant in VARIANTS:
        every = every_cell(table, variant)
        cells = cells_from_margins(counts_of(table), variant)
        assert cells.count == len(every)
        assert len(cells.a) == len({(int(a), round(e * table.sum())) for a, e in every})
        assert value_of(cells, PRIORS[0], variant) == pytest.approx(by_hand(every, PRIORS[0], variant), rel=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("prior", PRIORS)
def test_squashed_cells_lose_next_to_nothing(variant, prior, monkeypatch):
    counts = counts_of(large_table())
    monkeypatch.setattr(squash, "EXACT_POINTS", 10**9)
    exact = cells_from_margins(counts, variant)
    monkeypatch.setattr(squash, "EXACT_POINTS", 0)
    squashed = cells_from_margins(counts, variant)
    assert len(squashed.a) < len(exact.a) / 2
    assert (squashed.weight > 0).all()
    assert squashed.count == pytest.approx(exact.count, rel=1e-12)
    whole = value_of(exact, prior, variant)
    assert squashed.exact(prior) == pytest.approx(whole, rel=1e-12)
    pairs_counted = counts.a.sum()
    assert 0 < abs(value_of(squashed, prior, variant) - whole) < 3e-7 * pairs_counted


@settings(max_examples=30, deadline=None)
@given(tables)
def test_any_table_can_be_squashed(table):
    table = np.array(table)
    if not table.any():
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(squash, "EXACT_POINTS", -1)
        for variant in VARIANTS:
            every = every_cell(table, variant)
            cells = cells_from_margins(counts_of(table), variant)
            expected = by_hand(every, PRIORS[0], variant)
            assert cells.count == pytest.approx(len(every))
            assert value_of(cells, PRIORS[0], variant) == pytest.approx(expected, abs=1e-7 * (1 + table.sum()))
            assert cells.exact(PRIORS[0]) == pytest.approx(expected, rel=1e-9)


def test_two_points_keep_the_moments(squashed):
    random = np.random.default_rng(5)
    expected = np.exp(random.uniform(-0.04, 0.04, 500))  # one group
    cells = cells_from_expected(np.full(500, 3), expected, None)
    assert cells.a.tolist() == [3, 3]
    for power in range(4):
        kept = (cells.weight * np.log(cells.expected) ** power).sum()
        assert kept == pytest.approx((np.log(expected) ** power).sum(), rel=1e-9, abs=1e-12)
    assert expected.min() <= cells.expected.min() < cells.expected.max() <= expected.max()


def test_a_group_of_one_value_is_one_point(squashed):
    cells = cells_from_expected([1, 1, 2], [0.7, 0.7, 0.7], None)
    assert cells.a.tolist() == [1, 2]
    assert cells.expected == pytest.approx([0.7, 0.7])
    assert cells.weight.tolist() == [2, 1]


def test_given_expected_numbers_are_the_margins_way_too():
    table = large_table()
    counts, every = counts_of(table), np.array(every_cell(table, "zeros"))
    empty = every[every[:, 0] == 0, 1]
    pairs = counts.a, counts.n_product * counts.n_event / counts.n
    for variant, zeros in (("zeros", (empty, np.ones(len(empty)))), ("truncated", None)):
        given_ones, margins = cells_from_expected(*pairs, zeros), cells_from_margins(counts, variant)
        for prior in PRIORS:
            value = given_ones.exact(prior) if given_ones.exact else value_of(given_ones, prior, variant)
            assert value == pytest.approx(margins.exact(prior) if margins.exact else value_of(margins, prior, variant))
            assert value_of(given_ones, prior, variant) == pytest.approx(value, abs=3e-7 * counts.a.sum())


def test_zeros_of_any_number_are_squashed_with_their_weights(squashed):
    zeros = np.array([0.1, 0.101, 0.102, 2.0]), np.array([10.0, 2.5, 0.0, 4.0])
    cells = cells_from_expected([1], [0.5], zeros)
    assert cells.count == pytest.approx(17.5)
    exact = by_hand([(1, 0.5)], PRIORS[0], "zeros") + sum(
        weight * by_hand([(0, e)], PRIORS[0], "zeros") for e, weight in zip(*zeros, strict=True)
    )
    assert cells.exact(PRIORS[0]) == pytest.approx(exact, rel=1e-12)
    assert value_of(cells, PRIORS[0], "zeros") == pytest.approx(exact, rel=1e-8)


def test_transposing_changes_nothing():
    counts = counts_of(large_table())
    other = replace(
        counts,
        product=counts.event,
        event=counts.product,
        row_totals=counts.column_totals,
        column_totals=counts.row_totals,
    )
    for variant in VARIANTS:
        one, two = cells_from_margins(counts, variant), cells_from_margins(other, variant)
        assert two.expected == pytest.approx(one.expected, rel=1e-9)
        assert two.weight == pytest.approx(one.weight, rel=1e-6)


def test_products_and_events_that_do_not_occur_are_no_cells():
    cells = cells_from_margins(counts_of([[2, 0, 1], [0, 0, 0], [1, 0, 0]]), "zeros")
    assert cells.count == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 0], [1.0, 1.0], None), "row 2: a = 0 is below 1"),
        (([1], [0.0], None), "row 1: expected = 0.0"),
        (([], [], None), "nothing to fit"),
        (([1], [1.0], ([1.0, 0.0], [1.0, 1.0])), "row 2: zeros: expected = 0.0"),
        (([1], [1.0], ([1.0, 1.0], [1.0, -1.0])), "row 2: zeros: number = -1.0"),
        (([1], [1.0], ([1.0, 1.0], [1.0, math.nan])), "row 2: zeros: number = nan"),
        (([1], [1.0], ([1.0, 1.0], [1.0])), "zeros: E and number must be of one length"),
    ],
)
def test_bad_cells_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        cells_from_expected(*arguments)


def test_a_table_without_a_pair_and_an_unknown_variant_are_refused():
    with pytest.raises(ValueError, match="nothing to fit"):
        cells_from_margins(counts_of([[0, 0], [0, 0]]), "zeros")
    with pytest.raises(ValueError, match="variant = 'A' is unknown; there are zeros, truncated"):
        cells_from_margins(counts_of([[1]]), "A")
