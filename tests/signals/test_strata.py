"""Strata: worked arithmetic, plain loops, statsmodels, golden values, zero cells, bad input."""

import csv
import math
import os
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest
from case_lists import incidence_of
from exact_limits import exact_by_root
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable

from pv.signals import measures, strata, strata_margins
from pv.signals.counts import pair_counts
from pv.signals.measures import cells_from_margins
from pv.signals.strata import ic_of, stratified, stratum_codes

COLUMNS = ("expected", "ror_mh", "ror_mh_low", "ror_mh_high")


def run(cases, codes):
    """{(product, event): values of COLUMNS}, and the result."""
    incidence = incidence_of(cases)
    counts = pair_counts(incidence)
    found = stratified(incidence, np.array(codes, dtype=np.int64), counts)
    pairs = zip(incidence.products[counts.product], incidence.events[counts.event], strict=True)
    values = np.column_stack([getattr(found, name) for name in COLUMNS]).tolist()
    return dict(zip(pairs, values, strict=True)), found


def of_tables(tables):
    """Product A with event x has these cells a, b, c, d in stratum 0, 1, …"""
    kinds = (("A", "x"), ("A", "y"), ("B", "x"), ("B", "y"))
    listed = [
        (kind, code)
        for code, cells in enumerate(tables)
        for kind, n in zip(kinds, cells, strict=True)
        for _ in range(n)
    ]
    found, _ = run(*apart(listed))
    return found["A", "x"]


def tables_by_hand(cases, codes):
    """{(product, event): [(a, b, c, d) of each stratum that has cases]} of all combinations, in plain dictionaries."""
    members = defaultdict(list)
    for (products, events), code in zip(cases, codes, strict=True):
        if products and events:
            members[code].append((set(products), set(events)))
    every = [case for group in members.values() for case in group]
    products, events = (sorted(set().union(*(case[side] for case in every))) for side in (0, 1))
    tables = {}
    for product in products:
        for event in events:
            of_pair = []
            for group in members.values():
                cells = [0, 0, 0, 0]
                for has_products, has_events in group:
                    cells[2 * (product not in has_products) + (event not in has_events)] += 1
                of_pair.append(tuple(cells))
            tables[product, event] = of_pair
    return tables


def expected_by_hand(tables):
    return sum((a + b) * (a + c) / (a + b + c + d) for a, b, c, d in tables)


def by_hand(tables):
    """E and the odds ratio with its limits, but for the exact limit."""
    r = [a * d / (a + b + c + d) for a, b, c, d in tables]
    s = [b * c / (a + b + c + d) for a, b, c, d in tables]
    p = [(a + d) / (a + b + c + d) for a, b, c, d in tables]
    R, S = math.fsum(r), math.fsum(s)
    expected = expected_by_hand(tables)
    if R == 0:
        return [expected, math.nan, 0, math.inf] if S == 0 else [expected, 0, 0, math.nan]
    if S == 0:
        return [expected, math.inf, "exact", math.inf]
    variance = math.fsum(
        p_k * r_k / (2 * R * R) + (p_k * s_k + (1 - p_k) * r_k) / (2 * R * S) + (1 - p_k) * s_k / (2 * S * S)
        for p_k, r_k, s_k in zip(p, r, s, strict=True)
    )
    spread = math.exp(1.959963984540054 * math.sqrt(variance))
    return [expected, R / S, R / S / spread, R / S * spread]


some = st.integers(0, 8)
tables_in_strata = st.lists(st.tuples(some, some, some, st.integers(0, 30)), min_size=1, max_size=4)
labels = st.lists(st.sampled_from("ABC"), max_size=3), st.lists(st.sampled_from("xyz"), max_size=3)
stratified_cases = st.lists(st.tuples(st.tuples(*labels), st.integers(0, 3)), max_size=25)


def apart(listed):
    return [case for case, _ in listed], [code for _, code in listed]


def random_cases(seed, cases, products, events, codes):
    """An incidence with many empty cells, uneven products and events, and a code for each case."""
    random = np.random.default_rng(seed)

    def picked(names):
        sizes = random.integers(0, 4, cases)
        return [list({names[int(len(names) * u**6)] for u in random.random(size)}) for size in sizes]

    lists = picked([f"p{n:03}" for n in range(products)]), picked([f"e{n:03}" for n in range(events)])
    return list(zip(*lists, strict=True)), (codes * random.random(cases) ** 2).astype(np.int64)


def test_worked_by_hand():
    # E = 40·30/200 + 20·15/100, R = 10·140/200 + 6·71/100, S = 30·20/200 + 14·9/100
    expected, value, low, high = of_tables([(10, 30, 20, 140), (6, 14, 9, 71)])
    assert expected == 9
    assert value == pytest.approx(11.26 / 4.26)
    # P 0.75 and 0.77: Σ PR = 5.25 + 3.2802, Σ PS = 2.25 + 0.9702, Σ QR = 1.75 + 0.9798, Σ QS = 0.75 + 0.2898
    variance = 8.5302 / (2 * 11.26**2) + (3.2202 + 2.7298) / (2 * 11.26 * 4.26) + 1.0398 / (2 * 4.26**2)
    spread = math.exp(1.959963984540054 * math.sqrt(variance))
    assert (low, high) == pytest.approx((value / spread, value * spread))


def test_what_differs_between_strata_is_no_association():
    # 9 of 10 cases with A are in stratum 0, where 80 % have x, with A or not; in stratum 1 it is 10 %.
    tables = [(72, 18, 8, 2), (1, 9, 9, 81)]
    crude = [sum(cells) for cells in zip(*tables, strict=True)]
    assert measures.ror(*([cell] for cell in crude)).low[0] > 5
    expected, value, low, high = of_tables(tables)
    assert expected == 73
    assert value == pytest.approx(1)
    assert low < 1 < high


@settings(max_examples=40, deadline=None)
@given(tables_in_strata)
def test_statsmodels_agrees(tables):
    if sum(a for a, *_ in tables) == 0:
        return
    used = [cells for cells in tables if sum(cells)]
    found = of_tables(tables)
    by_formula = by_hand(used)
    if not np.isfinite(by_formula[1]) or by_formula[1] == 0:
        return
    peer = StratifiedTable([np.array(cells, dtype=float).reshape(2, 2) for cells in used])
    assert found[1:] == pytest.approx([peer.oddsratio_pooled, *peer.oddsratio_pooled_confint()], rel=1e-9)


@settings(max_examples=80, deadline=None)
@given(stratified_cases)
def test_plain_loops_agree(listed):
    cases, codes = apart(listed)
    found, result = run(cases, codes)
    if not found:
        assert not len(result.zeros[0])
        return
    tables = tables_by_hand(cases, codes)
    for pair, values in found.items():
        wanted = by_hand(tables[pair])
        if wanted[2] == "exact":
            wanted[2] = exact_by_root(tables[pair])
        assert values == pytest.approx(wanted, rel=1e-9, nan_ok=True)
    empty = [expected_by_hand(of_pair) for pair, of_pair in tables.items() if pair not in found]
    empty = [expected for expected in empty if expected > 0]
    assert result.zeros[1].sum() == len(empty)
    assert (result.zeros[0] * result.zeros[1]).sum() == pytest.approx(sum(empty))


def test_many_pairs_against_loops_over_strata():
    cases, codes = random_cases(seed=1, cases=3000, products=60, events=80, codes=12)
    incidence = incidence_of(cases)
    counts = pair_counts(incidence)
    found = stratified(incidence, codes, counts)
    D, E = (matrix.toarray().astype(float) for matrix in (incidence.D, incidence.E))
    sums = np.zeros((6, D.shape[1], E.shape[1]))
    for code in np.unique(codes[incidence.counted]):
        of_stratum = incidence.counted & (codes == code)
        n, a = of_stratum.sum(), D[of_stratum].T @ E[of_stratum]
        row, column = D[of_stratum].sum(axis=0)[:, None], E[of_stratum].sum(axis=0)
        b, c = row - a, column - a
        d = n - row - c
        p, r, s = (a + d) / n, a * d / n, b * c / n
        sums += np.stack([row * column / n, r, s, p * r, p * s + (1 - p) * r, (1 - p) * s])
    expected, R, S, pr, both, qs = sums[:, counts.product, counts.event]
    np.testing.assert_allclose(found.expected, expected, rtol=1e-13)
    ordinary = (R > 0) & (S > 0)
    assert 0.5 < ordinary.mean() < 1
    R, S, pr, both, qs = (part[ordinary] for part in (R, S, pr, both, qs))
    error = np.sqrt(pr / (2 * R**2) + both / (2 * R * S) + qs / (2 * S**2))
    value, low, high = (column[ordinary] for column in (found.ror_mh, found.ror_mh_low, found.ror_mh_high))
    np.testing.assert_allclose(value, R / S, rtol=1e-12)
    np.testing.assert_allclose(np.log(high / value), 1.959963984540054 * error, rtol=1e-9)
    np.testing.assert_allclose(high * low, value**2, rtol=1e-12)
    of_pairs = np.zeros(sums.shape[1:], dtype=bool)
    of_pairs[counts.product, counts.event] = True
    empty = sums[0][~of_pairs & (sums[0] > 0)]
    points, weights = found.zeros
    assert weights.sum() == len(empty)
    assert (np.diff(points) > 0).all()
    assert (points * weights).sum() == pytest.approx(empty.sum())
    assert ((points[:, None] / empty > 1 - 1 / 512) & (points[:, None] / empty < 1 + 1 / 512)).any(axis=0).all()
    assert len(points) < len(np.unique(empty))


def same(one, other, rtol):
    for name in COLUMNS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol)
    for part, of_other in zip(one.zeros, other.zeros, strict=True):
        np.testing.assert_allclose(part, of_other, rtol=rtol)
    assert one.zeros_error == pytest.approx(other.zeros_error, rel=1e-6)


@pytest.mark.parametrize("codes", [5, 40, 2000])
def test_plain_and_sparse_matrices_agree(monkeypatch, codes):
    cases, of_case = random_cases(seed=2, cases=2000, products=40, events=50, codes=codes)
    found = []
    for factor, form in ((math.inf, strata_margins.PlainMargins), (-1, strata_margins.SparseMargins)):
        monkeypatch.setattr(strata_margins, "_PLAIN", factor)
        used = []
        monkeypatch.setattr(form, "expected", lambda *a, f=form.expected, used=used: used.append(1) or f(*a))
        found.append(run(cases, of_case)[1])
        assert used
    same(*found, rtol=1e-10)
    assert (np.isinf(found[0].ror_mh) == np.isinf(found[1].ror_mh)).all()


def test_blocks_threads_and_order_of_cases_do_not_matter(monkeypatch):
    cases, codes = random_cases(seed=3, cases=1500, products=50, events=60, codes=7)
    _, whole = run(cases, codes)
    monkeypatch.setattr(strata, "_CELLS", 200)
    results = []
    for threads in (1, 3):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        results.append(run(cases, codes)[1])
    order = np.random.default_rng(4).permutation(len(cases))
    results.append(run([cases[place] for place in order], 1000 - codes[order] * 100)[1])
    for name in COLUMNS:
        assert len({getattr(result, name).tobytes() for result in results[:2]}) == 1
        np.testing.assert_array_equal(getattr(results[0], name), getattr(whole, name))
        np.testing.assert_allclose(getattr(results[2], name), getattr(whole, name), rtol=1e-13)
    assert len({np.stack(result.zeros).tobytes() for result in results[:2]}) == 1
    same(results[0], whole, rtol=1e-13)


@settings(max_examples=40, deadline=None)
@given(stratified_cases, st.integers(0, 5))
def test_one_stratum_is_the_crude_table(listed, code):
    cases, _ = apart(listed)
    incidence = incidence_of(cases)
    counts = pair_counts(incidence)
    found = stratified(incidence, np.full(len(cases), code), counts)
    cells = counts.a, *cells_from_margins(counts.a, counts.n_product, counts.n_event, counts.n)
    crude = measures.ror(*cells)
    np.testing.assert_array_equal(found.expected, measures.expected(*cells))
    np.testing.assert_allclose(found.ror_mh, crude.value, rtol=1e-12)
    np.testing.assert_allclose(found.ror_mh_low, crude.low, rtol=1e-9)
    computed = crude.value != 0
    np.testing.assert_allclose(found.ror_mh_high[computed], crude.high[computed], rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(stratified_cases)
def test_product_and_event_may_change_places(listed):
    cases, codes = apart(listed)
    found, _ = run(cases, codes)
    turned, _ = run([(events, products) for products, events in cases], codes)
    for (product, event), values in found.items():
        assert turned[event, product] == pytest.approx(values, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("tables", "wanted"),
    [
        ([(2, 0, 3, 9), (0, 4, 0, 5)], (np.inf, "exact", np.inf)),  # S = 0 < R
        ([(2, 0, 3, 9), (3, 4, 0, 50), (1, 0, 0, 7)], (np.inf, "exact", np.inf)),
        ([(2, 3, 4, 0), (0, 2, 2, 5)], (0, 0, np.nan)),  # R = 0 < S
        ([(2, 0, 3, 0), (0, 2, 0, 5)], (np.nan, 0, np.inf)),  # nothing to compare with
        ([(1, 0, 0, 0), (0, 0, 0, 1)], (np.nan, 0, np.inf)),  # one case a stratum
    ],
)
def test_zero_cells(tables, wanted):
    _, value, low, high = of_tables(tables)
    limit = exact_by_root(tables) if wanted[1] == "exact" else wanted[1]
    assert (value, low, high) == pytest.approx((wanted[0], limit, wanted[2]), rel=1e-9, nan_ok=True)


def test_nothing_counted():
    for cases in ([], [("", "x"), ("A", "")]):
        found, result = run(cases, range(len(cases)))
        assert found == {}
        assert len(result.zeros[0]) == len(result.zeros[1]) == result.zeros_error == 0


def test_cases_that_are_not_counted_are_in_no_stratum():
    cases = [("A", "x"), ("A", "y"), ("B", "x"), ("B", "y"), ("B", ""), ("", "x")]
    found, _ = run(cases, [0, 0, 0, 0, 0, 7])
    assert found["A", "x"][0] == 1
    assert found["A", "x"][1] == 1


def test_strata_are_the_values_crossed():
    columns = pd.DataFrame({"sex": ["F", "M", "", "F", "F"], "age": ["<18", "", "", None, "<18"]}, dtype="str")
    codes, labels = stratum_codes(columns)
    assert labels.to_numpy().tolist() == [["", ""], ["F", ""], ["F", "<18"], ["M", ""]]
    assert codes.tolist() == [2, 3, 0, 1, 2]
    codes, labels = stratum_codes(columns[["age"]])
    assert labels["age"].tolist() == ["", "<18"]
    codes, labels = stratum_codes(columns.iloc[:0])
    assert (len(codes), len(labels), list(labels)) == (0, 0, ["sex", "age"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from(["", "甲", "乙", "a"])] * 3), min_size=1, max_size=20))
def test_a_code_is_a_row_of_the_labels(rows):
    codes, labels = stratum_codes(pd.DataFrame(rows, columns=["x", "y", "z"], dtype="str"))
    assert [tuple(labels.iloc[code]) for code in codes] == rows
    assert list(labels.itertuples(index=False, name=None)) == sorted(set(rows))


def test_columns_that_are_no_strata():
    with pytest.raises(ValueError, match="at least one column"):
        stratum_codes(pd.DataFrame(index=range(3)))
    with pytest.raises(ValueError, match="column “sex” is there twice"):
        stratum_codes(pd.DataFrame([["F", "M"]], columns=["sex", "sex"], dtype="str"))


def test_codes_and_counts_that_do_not_fit():
    incidence = incidence_of([("A", "x"), ("B", "y")])
    counts = pair_counts(incidence)
    with pytest.raises(ValueError, match="one whole number for each of the 2 cases, not int64 of shape"):
        stratified(incidence, np.array([0, 1, 2]), counts)
    with pytest.raises(ValueError, match="one whole number for each of the 2 cases, not float64"):
        stratified(incidence, np.array([0.0, np.nan]), counts)
    with pytest.raises(ValueError, match="row 2: stratum = -1 is negative"):
        stratified(incidence, np.array([0, -1]), counts)
    some_of_them = pair_counts(incidence, np.array([True, False]))
    with pytest.raises(ValueError, match="counted among 1 cases"):
        stratified(incidence, np.array([0, 1]), some_of_them)


def test_ic_of_an_expected_count():
    a, b, c, d = ([10, 0, 3, 2000], [30, 4, 0, 50], [20, 5, 8, 60], [140, 6, 70, 90000])
    expected, crude = measures.expected(a, b, c, d), measures.ic(a, b, c, d)
    found = ic_of(a, expected)
    for name in ("value", "low", "high"):
        np.testing.assert_allclose(getattr(found, name), getattr(crude, name), rtol=1e-12)
    assert np.isnan(found.value[1])
    assert np.isnan(ic_of([3], [np.nan]).low[0])
    with pytest.raises(ValueError, match=r"row 2: a = 1.5 is not a whole number"):
        ic_of([1, 1.5], [1, 1])
    with pytest.raises(ValueError, match=r"row 2: expected = -1.0 is negative"):
        ic_of([1, 1], [1, -1])


def cells_that_meet(cases, codes):
    """Combinations of a product and an event with a stratum that has both."""
    kinds = []
    for side in (0, 1):
        of_label = defaultdict(set)
        for case, code in zip(cases, codes, strict=True):
            for label in case[side]:
                of_label[label].add(code)
        kinds.append(Counter(frozenset(in_strata) for in_strata in of_label.values()))
    return sum(kinds[0][one] * kinds[1][other] for one in kinds[0] for other in kinds[1] if one & other)


def test_expected_by_sex_in_caers(shared):
    with (shared / "data" / "caers" / "caers.csv").open(encoding="utf-8", newline="") as handle:
        rows = [tuple(row.values()) for row in csv.DictReader(handle)]
    cases, sex = defaultdict(lambda: ([], [])), {}
    for case, product, event, stratum in rows:
        cases[case][0].append(product)
        cases[case][1].append(event)
        assert sex.setdefault(case, stratum) == stratum
    codes, labels = stratum_codes(pd.DataFrame({"sex": [sex[case] for case in cases]}, dtype="str"))
    assert labels["sex"].tolist() == ["Female", "Male", "Not Available"]
    found, result = run(list(cases.values()), codes)
    with (shared / "golden" / "caers_measures.csv").open(encoding="utf-8", newline="") as handle:
        golden = {(row["product"], row["event"]): float(row["E_by_sex"]) for row in csv.DictReader(handle)}
    assert found.keys() == golden.keys()
    for pair, expected in golden.items():
        assert found[pair][0] == pytest.approx(expected, rel=1e-9)
    products, events = ({pair[side] for pair in found} for side in (0, 1))
    assert len(products) * len(events) == 3816672
    assert result.zeros[1].sum() == cells_that_meet(cases.values(), codes) - len(golden) == 2720044
    assert len(result.zeros[0]) < 5000
