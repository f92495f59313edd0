"""Ω of two products with an event: worked arithmetic, plain dictionaries, edges, blocks."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from case_lists import incidence_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from pv.signals import interactions as module
from pv.signals.counts import pair_counts
from pv.signals.interactions import INTERACTION_COLUMNS, interactions

cases_of_few = st.lists(
    st.tuples(st.lists(st.sampled_from("ABCD"), max_size=4), st.lists(st.sampled_from("xyz"), max_size=3)), max_size=40
)


def found_in(cases, least=3):
    incidence = incidence_of(cases)
    return interactions(incidence, pair_counts(incidence), least)


def cases_of(groups):
    """Of {products: (cases with event x, cases with event y)}."""
    kinds = [((products, event), times) for products, n in groups.items() for event, times in zip("xy", n, strict=True)]
    return [kind for kind, times in kinds for _ in range(times)]


def odds(with_event, cases):
    return math.inf if with_event == cases else with_event / (cases - with_event)


def by_hand(cases, least):
    """The rows as tuples, in plain dictionaries and without blocks."""
    counted = [(set(products), set(events)) for products, events in cases if products and events]
    products = sorted(set().union(*(products for products, _ in counted)))
    events = sorted(set().union(*(events for _, events in counted)))
    rows = []
    for one, other in combinations(products, 2):
        for event in events:
            n = Counter()
            for has, happened in counted:
                group = (one in has, other in has)
                n[group] += 1
                n[(*group, event)] += event in happened
            n111 = n[True, True, event]
            if n111 < least:
                continue
            groups = [(n[(*group, event)], n[group]) for group in ((True, False), (False, True), (False, False))]
            expected = math.nan
            if all(cases for _, cases in groups):
                o10, o01, o00 = (odds(*group) for group in groups)
                share = 1.0
                if max(o10, o01, o00) < math.inf:
                    share = 1 - 1 / (max(o00, o10) + max(o00, o01) - o00 + 1)
                expected = n[True, True] * share
            limits = np.log2(gamma.ppf([0.025, 0.975], n111 + 0.5, scale=1 / (expected + 0.5))).tolist()
            omega = math.log2((n111 + 0.5) / (expected + 0.5))
            rows.append((one, other, event, n111, n[True, True], *sum(groups, ()), expected, omega, *limits))
    return rows


def test_worked_by_hand():
    groups = {"AB": (8, 2), "A": (10, 30), "B": (5, 45), "C": (20, 380)}
    rows = found_in(cases_of(groups))
    assert rows.columns.tolist() == list(INTERACTION_COLUMNS)
    row = rows.iloc[0]
    assert row[["product1", "product2", "event"]].tolist() == ["A", "B", "x"]
    assert row["n111":"n00"].tolist() == [8, 10, 10, 40, 5, 50, 20, 400]
    # Odds 10/30, 5/45 and 20/380: together 1/3 + 1/9 - 1/19, so E = 10 · (1 - 1/(1/3 + 1/9 - 1/19 + 1))
    share = 1 - 1 / (1 / 3 + 1 / 9 - 1 / 19 + 1)
    assert row["expected"] == pytest.approx(10 * share)
    assert row["omega"] == pytest.approx(math.log2(8.5 / (10 * share + 0.5)))
    assert row["omega025"] == pytest.approx(math.log2(gamma.ppf(0.025, 8.5, scale=1 / (10 * share + 0.5))))
    assert row["omega025"] > 0
    assert len(rows) == 1  # with y only 2 cases have both


def test_a_product_that_protects_takes_nothing_away():
    groups = {"AB": (4, 4), "A": (1, 99), "B": (20, 80), "C": (10, 90)}
    row = found_in(cases_of(groups)).iloc[0]
    assert row["expected"] == pytest.approx(8 * 20 / 100)  # the share with B alone


@settings(max_examples=80, deadline=None)
@given(cases_of_few, st.integers(1, 4))
def test_plain_dictionaries_agree(cases, least):
    wanted = by_hand(cases, least)
    found = found_in(cases, least)
    assert found.iloc[:, :3].to_numpy().tolist() == [list(row[:3]) for row in wanted]
    if wanted:
        numbers = np.array([row[3:] for row in wanted], dtype=float)
        np.testing.assert_allclose(found.iloc[:, 3:].to_numpy(dtype=float), numbers, rtol=1e-9)


@pytest.mark.parametrize(
    ("alone", "other", "neither", "expected"),
    [
        ((5, 0), (1, 9), (1, 9), 4),  # every case with A alone has x: infinite odds
        ((1, 9), (1, 9), (5, 0), 4),
        ((0, 9), (0, 9), (0, 9), 0),  # x never happens otherwise
        ((0, 0), (1, 9), (1, 9), math.nan),  # A never without B
        ((1, 9), (1, 9), (0, 0), math.nan),  # nobody without either
    ],
)
def test_edges(alone, other, neither, expected):
    groups = {"AB": (4, 0), "A": alone, "B": other, "C": neither}
    row = found_in(cases_of(groups)).iloc[0]
    wanted = math.nan if math.isnan(expected) else math.log2(4.5 / (expected + 0.5))
    assert (row["n111"], row["expected"], row["omega"]) == pytest.approx((4, expected, wanted), nan_ok=True)
    assert math.isnan(row["omega025"]) == math.isnan(expected)


def test_a_triplet_counts_a_case_once():
    cases = [("ABBA", "xx")] * 3 + [("A", "y"), ("B", "y"), ("C", "x")]
    assert found_in(cases)["n111"].tolist() == [3]


def test_products_of_three_make_three_pairs():
    cases = [("ABC", "x")] * 3 + [("A", "y"), ("B", "y"), ("C", "y"), ("D", "x")]
    rows = found_in(cases)
    assert rows[["product1", "product2"]].to_numpy().tolist() == [["A", "B"], ["A", "C"], ["B", "C"]]


def test_blocks_do_not_matter(monkeypatch):
    random = np.random.default_rng(5)
    products, events = np.array([f"p{n:02}" for n in range(30)]), np.array([f"e{n}" for n in range(8)])
    cases = [
        (products[(30 * random.random(random.integers(1, 6)) ** 2).astype(int)], events[random.integers(0, 8, 2)])
        for _ in range(800)
    ]
    whole = found_in(cases)
    assert len(whole) > 200
    monkeypatch.setattr(module, "_PAIRS", 50)
    pd.testing.assert_frame_equal(found_in(cases), whole, check_exact=True)


@pytest.mark.parametrize("cases", [[], [("", "x")], [("A", "x")] * 5, [("AB", "x")] * 2])
def test_no_triplets(cases):
    rows = found_in(cases)
    assert rows.empty
    assert rows.columns.tolist() == list(INTERACTION_COLUMNS)


def test_bad_input():
    incidence = incidence_of([("AB", "x")] * 3)
    counts = pair_counts(incidence)
    with pytest.raises(ValueError, match="least = 0"):
        interactions(incidence, counts, 0)
    some_of_them = pair_counts(incidence, np.array([True, True, False]))
    with pytest.raises(ValueError, match="counted among other cases"):
        interactions(incidence, some_of_them)
