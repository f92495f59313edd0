"""Pair counts: sparse product, plain dictionaries and SQL give the same."""

import sqlite3

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from signals_by_hand import pair_counts_by_hand
from sqlalchemy import text

from pv import store
from pv.signals.counts import Incidence, pair_counts

case_lists = st.lists(
    st.tuples(st.lists(st.sampled_from("ABC"), max_size=4), st.lists(st.sampled_from("xyz"), max_size=4)), max_size=20
)


def incidence_of(cases):
    products = [(number, product) for number, (products, _) in enumerate(cases) for product in products]
    events = [(number, event) for number, (_, events) in enumerate(cases) for event in events]
    frames = [
        pd.DataFrame(rows, columns=["case", "label"]).astype({"case": "int64", "label": "str"})
        for rows in (products, events)
    ]
    return Incidence.of(len(cases), *frames)


def sparse_counts(cases, among=None):
    incidence = incidence_of(cases)
    counts = pair_counts(incidence, among)
    products, events = incidence.products[counts.product], incidence.events[counts.event]
    numbers = zip(counts.a.tolist(), counts.n_product.tolist(), counts.n_event.tolist(), strict=True)
    pairs = zip(products, events, strict=True)
    return {pair: (*number, counts.n) for pair, number in zip(pairs, numbers, strict=True)}


def sql_counts(execute, cases):
    """`execute(statement, parameters)` on a connection without tables of these names."""
    for table, kind, place in (("case_product", "product", 0), ("case_event", "event", 1)):
        execute(f"create temporary table {table} (case_id integer, {kind} varchar(10))", {})
        for number, case in enumerate(cases):
            for label in case[place]:
                execute(f"insert into {table} values (:number, :label)", {"number": number, "label": label})  # noqa: S608
    rows = execute(store.query("pair_counts"), {}).fetchall()
    for table in ("case_product", "case_event"):
        execute(f"drop table {table}", {})
    return {(product, event): tuple(numbers) for product, event, *numbers in rows}


def test_worked_by_hand():
    cases = [
        ("AA", "xxy"),  # written twice, counted once
        ("AB", "x"),
        ("B", ""),  # no event: not counted, and not in the total of B
        ("", "x"),  # no product
        ("C", "z"),
    ]
    assert sparse_counts(cases) == {
        ("A", "x"): (2, 2, 2, 3),
        ("A", "y"): (1, 2, 1, 3),
        ("B", "x"): (1, 1, 2, 3),
        ("C", "z"): (1, 1, 1, 3),
    }
    incidence = incidence_of(cases)
    assert list(incidence.counted) == [True, True, False, False, True]
    assert list(incidence.no_product) == [False, False, False, True, False]
    assert list(incidence.no_event) == [False, False, True, False, False]


@settings(max_examples=50, deadline=None)
@given(case_lists, st.data())
def test_sparse_product_plain_dictionaries_and_sqlite_agree(cases, data):
    expected = pair_counts_by_hand(cases)
    assert sparse_counts(cases) == expected
    connection = sqlite3.connect(":memory:")
    assert sql_counts(connection.execute, cases) == expected
    connection.close()
    among = np.array(data.draw(st.lists(st.booleans(), min_size=len(cases), max_size=len(cases))), dtype=bool)
    some = [case for case, picked in zip(cases, among, strict=True) if picked]
    assert sparse_counts(cases, among) == pair_counts_by_hand(some)


def test_the_stores_engines_agree(engine):
    random = np.random.default_rng(7)
    cases = [
        (random.choice(list("ABCDE"), random.integers(0, 4)), random.choice(list("vwxyz"), random.integers(0, 4)))
        for _ in range(200)
    ]
    cases = [(products.tolist(), events.tolist()) for products, events in cases]
    with engine.connect() as connection:
        found = sql_counts(lambda statement, values: connection.execute(text(statement), values), cases)
    assert found == sparse_counts(cases) == pair_counts_by_hand(cases)


def test_labels_are_sorted_by_code_point():
    incidence = incidence_of([(["乙", "B", "甲", "b", "𠮷"], ["x"])])
    assert list(incidence.products) == sorted(["乙", "B", "甲", "b", "𠮷"])
