"""Which product hides an event, and the event counted without it: worked cases and plain dictionaries."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from case_lists import incidence_of, repeated_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma
from signals_by_hand import pair_counts_by_hand

from pv.signals.counts import pair_counts
from pv.signals.masking import (
    BEFORE_AND_AFTER,
    NONE,
    UNMASKED_COLUMNS,
    counts_without,
    masking_ratio,
    strongest_maskers,
    unmasked,
)
from pv.signals.measures import all_measures, cells_from_margins
from pv.signals.screens import Criterion, Rule, load_screens

SCREENS = [screen for screen in load_screens() if screen.name in ("evans", "ror", "ic", "three", "ic_12m")]

# 1,000 cases. M has 40 of the 50 cases of x; P has 4 of them among its 50 cases, of which one is also a case of M.
CROWD = [
    *[(["M"], ["x"])] * 39,
    (["M", "P"], ["x"]),
    *[(["M"], ["y"])] * 10,
    *[(["P"], ["x"])] * 3,
    *[(["P"], ["y"])] * 46,
    *[(["Q"], ["x"])] * 7,
    *[(["Q"], ["y"])] * 894,
    (["M"], []),  # not counted
]


def table(cases, screens=SCREENS):
    incidence = incidence_of(cases)
    return unmasked(incidence, pair_counts(incidence), screens)


def test_a_pair_comes_to_light_when_the_masking_product_is_taken_out():
    frame = table(CROWD)
    assert tuple(frame.columns) == UNMASKED_COLUMNS
    assert list(zip(frame["product"], frame["event"], strict=True)) == [("P", "x"), ("Q", "x")]
    p, q = frame.iloc[0], frame.iloc[1]
    assert p["masked_by"] == "M"
    assert p["share_of_event"] == 40 / 50
    # 50 of 1,000 cases have x; without the 50 of M, 10 of 950
    assert p["masking_ratio"] == pytest.approx((50 / 1000) / (10 / 950))
    assert (p["a"], p["a_unmasked"]) == (4, 3)
    # before 4 of 50 against 46 of 950, after 3 of 49 against 7 of 901; E is 2.5 before and 0.52 after
    assert p["prr"] == pytest.approx((4 / 50) / (46 / 950))
    assert p["prr_unmasked"] == pytest.approx((3 / 49) / (7 / 901))
    assert p["ror_unmasked"] == pytest.approx(3 * 894 / (46 * 7))
    assert p["ic_unmasked"] == pytest.approx(np.log2(3.5 / (49 * 10 / 950 + 0.5)))
    assert (p["screens"], p["screens_unmasked"]) == ("", "evans;ror")
    assert p["surfaced"]
    assert not q["surfaced"]


def test_the_event_that_nobody_dominates_is_not_listed():
    assert strongest_maskers(pair_counts(incidence_of(CROWD))).product.tolist() == [0, NONE]
    even = [(["ABCD"[n % 4]], ["xyz"[n % 3]]) for n in range(120)]
    assert table(even).empty
    assert list(table(even).columns) == list(UNMASKED_COLUMNS)


def test_nothing_comes_to_light_where_the_masking_product_has_nearly_every_case():
    rest = [(["Q"], ["y"])] * 50
    two_others = [*[(["M"], ["x"])] * 20, *[(["P"], ["x"])] * 2, *rest]
    assert table(two_others).empty
    three_others = [*two_others, (["P"], ["x"])]
    assert table(three_others)[["product", "a_unmasked"]].to_numpy().tolist() == [["P", 3]]


def test_of_equal_products_the_first_by_code_point_is_taken():
    cases = [*[([letter], ["x"]) for letter in "BA" for _ in range(10)], *[(["P"], ["x"])] * 4, *[(["Q"], ["y"])] * 99]
    assert set(table(cases)["masked_by"]) == {"A"}


def masker_of_x(cases):
    incidence = incidence_of(cases)
    code = strongest_maskers(pair_counts(incidence)).product[incidence.events.get_loc("x")]
    return None if code == NONE else incidence.products[code]


def test_the_least_ratio():
    # 40 of 160 cases have x, 10 of them are the 10 cases of M: (40/160) / (30/150) = 1.25
    cases = [*[(["M"], ["x"])] * 10, *[(["Q"], ["x"])] * 30, *[(["Q"], ["y"])] * 120]
    assert masker_of_x(cases) == "M"
    assert masker_of_x([*cases, (["Q"], ["x"])]) is None  # 1.24


def test_the_highest_ratio_counts_and_not_the_most_cases():
    cases = [*[(["A"], ["x"])] * 22, *[(["A"], ["y"])] * 128, *[(["B"], ["x"])] * 20, *[(["Q"], ["x"])] * 18]
    cases += [(["Q"], ["y"])] * (1000 - len(cases))
    a = (60 * 850) / (1000 * 38)
    b = (60 * 980) / (1000 * 40)
    assert 1.25 < a < b
    assert masker_of_x(cases) == "B"


def test_a_product_that_leaves_two_cases_makes_way_for_one_that_leaves_more():
    cases = [*[(["A", "B"], ["x"])] * 10, *[(["A"], ["x"])] * 8, *[(["Q"], ["x"])] * 2, *[(["Q"], ["y"])] * 200]
    assert masker_of_x(cases) == "B"
    assert masker_of_x([*cases, (["Q"], ["x"])]) == "A"


def test_screens_that_need_more_than_the_own_table_are_left_out():
    general = next(screen for screen in SCREENS if screen.name == "ror")
    of_all = replace(general, name="shrunk", rule=Rule("all", (Criterion("eb05", ">=", 0.0),)))
    of_cases = replace(general, name="grave", rule=Rule("any", (Criterion("deaths", ">=", 0), Criterion("a", ">", 0))))
    elsewhere = replace(general, name="within", comparator="class")
    assert set(table(CROWD, [of_all, of_cases, elsewhere])["screens_unmasked"]) == {""}
    assert table(CROWD, [of_all, general])["screens_unmasked"].iloc[0] == "ror"


def test_the_ratio_where_nothing_is_left():
    a, row, column = np.array([5, 4, 3]), np.array([5, 10, 4]), np.array([5, 4, 6])
    # every case of the event has the product; every case has the product; 6 of 10 against 3 of the 6 others
    assert masking_ratio(a[:1], row[:1], column[:1], 10).tolist() == [np.inf]
    assert np.isnan(masking_ratio(a[1:2], row[1:2], column[1:2], 10)).all()
    assert masking_ratio(a[2:], row[2:], column[2:], 10) == pytest.approx([(6 / 10) / (3 / 6)])


# --- a second way ----------------------------------------------------------------------------------------------------


def strongest_by_hand(cases):
    """event → its masking product."""
    counts = pair_counts_by_hand(cases)
    able = {}
    for (product, event), (a, r, m, n) in counts.items():
        if m - a < 3 or n == r:
            continue
        ratio = m * (n - r) / (n * (m - a))
        ic025 = np.log2(gamma.ppf(0.025, a + 0.5) / (r * m / n + 0.5))
        if ratio >= 1.25 and ic025 > 0:
            able.setdefault(event, []).append((-ratio, -a, product))
    return {event: min(found)[2] for event, found in able.items()}


def unmasked_by_hand(cases):
    """(product, event) → (masker, a, n_product, n_event, n before, the same four after)."""
    before, found = pair_counts_by_hand(cases), {}
    for event, masker in strongest_by_hand(cases).items():
        after = pair_counts_by_hand([case for case in cases if masker not in case[0]])
        for (product, other), numbers in after.items():
            if other == event and numbers[0] >= 3:
                found[product, event] = (masker, *before[product, event], *numbers)
    return found


@settings(max_examples=25, deadline=None)
@given(repeated_cases())
def test_plain_dictionaries_give_the_same(cases):
    frame, by_hand = table(cases), unmasked_by_hand(cases)
    assert list(zip(frame["product"], frame["event"], strict=True)) == sorted(by_hand)
    rows = [by_hand[pair] for pair in sorted(by_hand)]
    assert frame["masked_by"].tolist() == [masker for masker, *_ in rows]
    for ending, first in (("", 1), ("_unmasked", 5)):
        margins = [[row[place] for row in rows] for place in range(first, first + 4)]
        measures = all_measures(margins[0], *cells_from_margins(*margins))
        for name in ("a", *BEFORE_AND_AFTER):
            np.testing.assert_allclose(frame[name + ending], measures[name], rtol=1e-12)
        met = {screen.name: screen.rule.met(measures) for screen in SCREENS if screen.general}
        names = [";".join(name for name in met if met[name][place]) for place in range(len(rows))]
        assert frame["screens" + ending].tolist() == names
    surfaced = (frame["screens"] == "") & (frame["screens_unmasked"] != "")
    assert frame["surfaced"].tolist() == surfaced.tolist()


@settings(max_examples=25, deadline=None)
@given(repeated_cases(), st.data())
def test_taking_any_product_out_is_a_recount_of_the_rest(cases, data):
    incidence = incidence_of(cases)
    among = np.array(data.draw(st.lists(st.booleans(), min_size=len(cases), max_size=len(cases))), dtype=bool)
    counts = pair_counts(incidence, among)
    codes = st.integers(NONE, len(incidence.products) - 1)
    size = len(incidence.events)
    masker = np.array(data.draw(st.lists(codes, min_size=size, max_size=size)), dtype=np.int64)
    pairs = np.flatnonzero(counts.a >= data.draw(st.integers(1, 3)))
    found = [column.tolist() for column in counts_without(incidence, counts, masker, pairs, among)]
    picked = [case for case, wanted in zip(cases, among, strict=True) if wanted and case[0] and case[1]]
    for place, numbers in zip(pairs, zip(*found, strict=True), strict=True):
        product, event = incidence.products[counts.product[place]], incidence.events[counts.event[place]]
        code = masker[counts.event[place]]
        rest = [case for case in picked if code == NONE or incidence.products[code] not in case[0]]
        assert numbers == (
            sum(product in products and event in events for products, events in rest),
            sum(product in products for products, _ in rest),
            sum(event in events for _, events in rest),
            len(rest),
        )


@settings(max_examples=20, deadline=None)
@given(repeated_cases())
def test_taking_out_a_product_of_no_case_changes_nothing(cases):
    incidence = incidence_of([*cases, (["elsewhere"], ["x"])])
    among = np.array([True] * len(cases) + [False], dtype=bool)
    counts = pair_counts(incidence, among)
    absent = np.full(len(incidence.events), incidence.products.get_loc("elsewhere"), dtype=np.int64)
    every = np.arange(len(counts.a))
    found = counts_without(incidence, counts, absent, every, among)
    expected = (counts.a, counts.n_product, counts.n_event, np.full(len(every), counts.n))
    for column, unchanged in zip(found, expected, strict=True):
        np.testing.assert_array_equal(column, unchanged)


@settings(max_examples=20, deadline=None)
@given(repeated_cases(), st.data())
def test_only_the_cases_among_which_is_counted_matter_and_not_their_order(cases, data):
    among = np.array(data.draw(st.lists(st.booleans(), min_size=len(cases), max_size=len(cases))), dtype=bool)
    incidence = incidence_of(cases)
    some = unmasked(incidence, pair_counts(incidence, among), SCREENS, among)
    picked = [case for case, wanted in zip(cases, among, strict=True) if wanted]
    pd.testing.assert_frame_equal(some, table(picked))
    pd.testing.assert_frame_equal(some, table(picked[::-1]))
