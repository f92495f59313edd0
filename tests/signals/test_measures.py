"""Measures: worked arithmetic, golden values, other libraries, identities, bad cells."""

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import gammaincinv
from scipy.stats import chi2_contingency, gamma, nchypergeom_fisher
from scipy.stats.contingency import odds_ratio
from statsmodels.stats.contingency_tables import Table2x2

from pv.signals import measures
from pv.signals.blocks import ROWS
from pv.signals.measures import FURTHER_COLUMNS, MEASURE_COLUMNS, all_measures, cells_from_margins, exact_low

# Pairs of the CAERS reports of 2012 on dietary supplements (FDA, public domain; the table of the R package openEBGM).
# Values by R's package faers 1.1.5 on the 2×2 tables, limits of IC by exact gamma quantiles; to ten digits.
GOLDEN = """\
a,b,c,d,expected,prr,prr_low,prr_high,ror,ror_low,ror_high,chi_square,ic,ic025,ic975
4,27,43,3282,0.434147795,9.977494374,3.814297132,26.0992761,11.30749354,3.792982539,33.70946448,22.16258009,2.268202274,0.5314447871,3.34793254
3,11,44,3298,0.1960667461,16.27597403,5.723503106,46.28412453,20.44214876,5.511324929,75.82232064,27.57252483,2.330057364,0.2796140078,3.523852917
3,6,36,3311,0.1045887962,30.99074074,11.63819365,82.52363218,45.98611111,11.06792451,191.067658,55.65673288,2.533328773,0.4828854169,3.727124327
21,43,264,3028,5.435041716,4.091619318,2.828563303,5.918675614,5.601479915,3.274933851,9.580827789,46.51973652,1.857006584,1.174115374,2.407800879
27,3,815,2511,7.52681764,3.672883436,3.214309367,4.196880633,27.72883436,8.390184467,91.64140047,64.42068729,1.776531592,1.180963558,2.269069382
42,3,800,2511,11.29022646,3.862833333,3.499827651,4.263490334,43.9425,13.58382468,142.1501934,109.373406,1.849871412,1.380383443,2.252893647
2,55,255,3044,4.365017878,0.4539387685,0.115757103,1.780110249,0.4340819964,0.1052756599,1.789845628,0.877849335,-0.9605170119,-3.54915739,0.3992854728
2,7,840,2507,2.258045292,0.8854497355,0.2604583407,3.010159827,0.8527210884,0.1768008384,4.112725151,3.075201566e-27,-0.1417180538,-2.730358432,1.218084431
1,0,27,3328,0.008343265793,124.2592593,85.34448065,180.9181261,inf,,inf,29.22509739,1.56108757,-2.236139699,3.200845091
4,0,224,3128,0.2717520858,14.96428571,13.18608442,16.98228525,inf,,inf,41.19400544,2.543715619,0.8069581322,3.623445885
3,0,839,2514,0.752681764,3.996424315,3.768996411,4.23757562,inf,,inf,5.419730637,1.482334969,-0.5681083873,2.676130522
2,9,0,3345,0.006555423123,inf,,inf,inf,,inf,341.5562334,2.303136064,-0.2855043141,3.662938549
6,38,0,3312,0.07866507747,inf,,inf,inf,,inf,379.2619476,3.489639233,2.113650267,4.41771679
1,0,0,3355,0.0002979737783,inf,,inf,inf,,inf,838.4999255,1.584102986,-2.213124282,3.223860507
1,13,256,3086,1.072109654,0.9324776786,0.1405427843,6.186832181,0.9272836538,0.1208219366,7.1167124,3.086876334e-26,-0.06773934809,-3.864966616,1.572018173
1,1,841,2513,0.5017878427,1.994054697,0.4980932914,7.982950589,2.988109394,0.18669738,47.82497616,5.482634846e-30,0.5823854919,-3.214841776,2.222143013
"""

_NAMES = {"expected": "E", "prr_low": "prr_lo", "prr_high": "prr_hi", "ror_low": "ror_lo", "ror_high": "ror_hi"}
_NAMES |= {"chi_square": "chisq_yates"}


def golden_columns(text, names):
    rows = list(csv.DictReader(io.StringIO(text)))
    return {ours: np.array([float(row[theirs] or "nan") for row in rows]) for ours, theirs in names.items()}


def assert_agrees(golden):
    """To 10⁻⁹, relative and below 1 absolute. The peers have NaN for the limits of unbounded ratios."""
    found = all_measures(*(golden[name] for name in "abcd"))
    for name in MEASURE_COLUMNS:
        given_there = ~np.isnan(golden[name])
        assert given_there.sum() > 0
        scale = np.maximum(1, np.abs(golden[name]))
        bounded = given_there & np.isfinite(golden[name])
        difference = np.abs(found[name][bounded] - golden[name][bounded]) / scale[bounded]
        assert difference.max() <= 1e-9, name
        assert (found[name][np.isinf(golden[name])] == np.inf).all(), name


def test_golden_rows():
    assert_agrees(golden_columns(GOLDEN, {name: name for name in MEASURE_COLUMNS}))


def test_all_pairs_of_caers(shared):
    text = (shared / "golden" / "caers_measures.csv").read_text(encoding="utf-8")
    golden = golden_columns(text, {name: _NAMES.get(name, name) for name in MEASURE_COLUMNS})
    assert len(golden["a"]) == 17189
    assert_agrees(golden)
    found = all_measures(*(golden[name] for name in "abcd"))
    often = found["a"] >= 3
    assert (often & (found["prr"] >= 2) & (found["chi_square"] >= 4)).sum() == 319
    assert (often & (found["ror_low"] > 1)).sum() == 341
    assert (often & (found["ror_low"] > 1) & np.isinf(found["ror"])).sum() == 29
    assert (often & (found["ic025"] > 0)).sum() == 257


def one(function, *cells):
    """The values of one table."""
    result = function(*([cell] for cell in cells))
    return tuple(float(getattr(result, name)[0]) for name in result.__dataclass_fields__)


def test_worked_by_hand():
    # 10 of 40 cases with the product have the event, 20 of 160 others: PRR (10/40)/(20/160), ROR 10·140/(30·20).
    value, low, high = one(measures.prr, 10, 30, 20, 140)
    assert value == pytest.approx(2.0)
    spread = math.exp(1.959964 * math.sqrt(0.11875))  # 1/10 - 1/40 + 1/20 - 1/160
    assert (low, high) == pytest.approx((2 / spread, 2 * spread), rel=1e-6)
    value, low, high = one(measures.ror, 10, 30, 20, 140)
    assert value == pytest.approx(7 / 3)
    spread = math.exp(1.959964 * math.sqrt(4 / 21))  # 1/10 + 1/30 + 1/20 + 1/140
    assert (low, high) == pytest.approx((7 / 3 / spread, 7 / 3 * spread), rel=1e-6)
    # N(|ad-bc| - N/2)²/… = 200·(800 - 100)²/(40·160·30·170) and 200·800²/(40·160·30·170)
    assert one(measures.chi_square, 10, 30, 20, 140) == pytest.approx((98e6 / 32.64e6, 128e6 / 32.64e6))
    # E = 40·30/200 = 6; log2(10.5/6.5)
    assert measures.expected([10], [30], [20], [140])[0] == 6
    assert measures.rrr([10], [30], [20], [140])[0] == pytest.approx(10 / 6)
    assert one(measures.ic, 10, 30, 20, 140)[0] == pytest.approx(np.log2(10.5 / 6.5))


SPREAD = math.exp(1.959963984540054 * math.sqrt(2 / 15))  # 1/3 - 1/3 + 1/5 - 1/15


@pytest.mark.parametrize(
    ("cells", "prr", "ror"),
    [
        ((3, 0, 0, 10), (np.inf, np.nan, np.inf), (np.inf, "exact", np.inf)),
        ((3, 5, 0, 10), (np.inf, np.nan, np.inf), (np.inf, "exact", np.inf)),
        ((3, 0, 5, 10), (3.0, 3 / SPREAD, 3 * SPREAD), (np.inf, "exact", np.inf)),
        ((3, 4, 0, 0), (np.nan, np.nan, np.nan), (np.nan, 0, np.inf)),  # nobody without the product
        ((3, 0, 4, 0), (1.0, 1.0, 1.0), (np.nan, 0, np.inf)),  # nobody without the event
        ((3, 0, 0, 0), (np.nan, np.nan, np.nan), (np.nan, 0, np.inf)),
        ((0, 3, 4, 5), (np.nan, np.nan, np.nan), (np.nan, np.nan, np.nan)),  # nothing is computed
        ((0, 0, 0, 0), (np.nan, np.nan, np.nan), (np.nan, np.nan, np.nan)),
    ],
)
def test_zero_cells(cells, prr, ror):
    assert one(measures.prr, *cells) == pytest.approx(prr, rel=1e-6, nan_ok=True)
    if "exact" in ror:
        low = odds_ratio([cells[:2], cells[2:]]).confidence_interval(0.95).low
        ror = tuple(low if limit == "exact" else limit for limit in ror)
    assert one(measures.ror, *cells) == pytest.approx(ror, rel=1e-8, nan_ok=True)


def test_no_case_with_neither():
    # d = 0: the odds ratio is 0 with an exact upper limit, the mirror of the unbounded one.
    value, low, high = one(measures.ror, 3, 5, 4, 0)
    peer = odds_ratio([[3, 5], [4, 0]]).confidence_interval(0.95)
    assert (value, low) == (0, 0)
    assert high == pytest.approx(peer.high, rel=1e-8)
    assert peer.low == 0


def test_with_no_association_possible_chi_square_is_0():
    assert one(measures.chi_square, 3, 4, 0, 0) == (0, 0)
    assert one(measures.chi_square, 0, 4, 2, 3) == pytest.approx((np.nan, np.nan), nan_ok=True)


counts = st.integers(0, 60)
tables = st.tuples(st.integers(1, 60), counts, counts, st.integers(0, 2000))


@settings(deadline=None)
@given(tables)
def test_bounded_ratios_agree_with_statsmodels(cells):
    assume(min(cells) > 0)
    peer = Table2x2(np.array(cells, dtype=float).reshape(2, 2))
    assert one(measures.ror, *cells) == pytest.approx((peer.oddsratio, *peer.oddsratio_confint()), rel=1e-9)
    assert one(measures.prr, *cells) == pytest.approx((peer.riskratio, *peer.riskratio_confint()), rel=1e-9)


@settings(deadline=None)
@given(tables)
def test_chi_square_agrees_with_scipy(cells):
    table = np.array(cells).reshape(2, 2)
    assume(table.sum(axis=0).all() and table.sum(axis=1).all())
    peer = (chi2_contingency(table).statistic, chi2_contingency(table, correction=False).statistic)
    assert one(measures.chi_square, *cells) == pytest.approx(peer, rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(tables)
def test_ic_agrees_with_scipy_and_its_limits_enclose_it(cells):
    a, b, c, _ = cells
    expected = (a + b) * (a + c) / sum(cells)
    value, low, high = one(measures.ic, *cells)
    quantiles = gamma.ppf([0.025, 0.975], a + 0.5, scale=1 / (expected + 0.5))
    assert (low, high) == pytest.approx(tuple(np.log2(quantiles)), rel=1e-9, abs=1e-12)
    assert low < value < high


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 40), st.integers(1, 400), st.booleans())
def test_the_exact_limit_leaves_two_and_a_half_percent(a, other, d, product_alone):
    b, c = (0, other) if product_alone else (other, 0)
    low = exact_low([a], [b], [c], [d])[0]
    tail = nchypergeom_fisher.pmf(a, a + b + c + d, a + b, a + c, low)
    assert tail == pytest.approx(0.025, rel=1e-8)


def test_the_exact_limit_of_one_case_that_is_alone_with_both():
    # Two tables are possible, with weights 1·ω and d: ω/(ω + d) = 1/40.
    assert exact_low([1], [0], [0], [3355])[0] == pytest.approx(3355 / 39)


def test_the_exact_limit_of_many_cases():
    low = exact_low([30, 3000], [0, 0], [0, 20000], [9_000_000, 90_000])
    tail = nchypergeom_fisher.pmf([30, 3000], [9_000_030, 113_000], [30, 3000], [30, 23_000], low)
    assert tail == pytest.approx([0.025, 0.025], rel=1e-6)


@settings(deadline=None)
@given(tables)
def test_product_and_event_may_change_places(cells):
    a, b, c, d = cells
    for function in (measures.ror, measures.chi_square, measures.ic):
        assert one(function, a, c, b, d) == pytest.approx(one(function, *cells), rel=1e-12, nan_ok=True)


@settings(deadline=None)
@given(tables)
def test_the_interval_of_the_odds_ratio_is_symmetric_in_logarithms(cells):
    assume(min(cells) > 0)
    value, low, high = np.log(one(measures.ror, *cells))
    assert value - low == pytest.approx(high - value, rel=1e-9, abs=1e-12)
    assert one(measures.ror, *(cells[i] for i in (2, 3, 0, 1))) == pytest.approx(np.exp((-value, -high, -low)))


def test_ic_goes_to_the_logarithm_of_observed_over_expected():
    for scale in (10**3, 10**5):
        a, b, c, d = (scale * cell for cell in (3, 7, 5, 85))
        value, low, high = one(measures.ic, a, b, c, d)
        ratio = np.log2(a / measures.expected([a], [b], [c], [d])[0])
        assert value == pytest.approx(ratio, abs=2 / scale)
        assert high - low < 5 / np.sqrt(scale)


@settings(deadline=None)
@given(tables)
def test_rrr_is_what_ic_shrinks_and_product_and_event_may_change_places(cells):
    a, b, c, d = cells
    ratio = measures.rrr([a], [b], [c], [d])[0]
    assert ratio == pytest.approx(a / measures.expected([a], [b], [c], [d])[0], rel=1e-12)
    assert measures.rrr([a], [c], [b], [d])[0] == ratio
    assert abs(one(measures.ic, *cells)[0]) <= abs(np.log2(ratio)) + 1e-12


def test_rrr_where_a_is_0():
    assert np.isnan(measures.rrr([0, 0], [3, 0], [4, 0], [5, 0])).all()


def test_the_limits_of_ic_where_a_is_large():
    a = np.array([1, 1022, 1023, 1024, 1025, 10**6])
    found = measures.ic(a, 0 * a, 0 * a, 0 * a)  # E = a
    for limit, tail in ((found.low, 0.025), (found.high, 0.975)):
        np.testing.assert_allclose(limit, np.log2(gammaincinv(a + 0.5, tail) / (a + 0.5)), rtol=0, atol=1e-14)


@settings(max_examples=30, deadline=None)
@given(st.lists(tables, min_size=1, max_size=30))
def test_a_table_does_not_depend_on_its_neighbours(rows):
    together = all_measures(*zip(*rows, strict=True))
    for number, row in enumerate(rows):
        alone = all_measures(*([cell] for cell in row))
        for name in (*MEASURE_COLUMNS, *FURTHER_COLUMNS):
            np.testing.assert_array_equal(alone[name][0], together[name][number])


def test_all_measures_are_the_functions_one_by_one_in_any_number_of_blocks():
    some = np.random.default_rng(3).integers(0, [[5], [4], [9], [2000]], (4, 1000))
    cells = [np.resize(cell, ROWS + 17) for cell in some]
    found = all_measures(*cells)
    assert tuple(found) == (*MEASURE_COLUMNS, *FURTHER_COLUMNS)
    peers = dict(zip("abcd", some, strict=True))
    peers |= {"expected": measures.expected(*some), "rrr": measures.rrr(*some)}
    for name, function in (("prr", measures.prr), ("ror", measures.ror)):
        ratio = function(*some)
        peers |= {name: ratio.value, f"{name}_low": ratio.low, f"{name}_high": ratio.high}
    information, squares = measures.ic(*some), measures.chi_square(*some)
    peers |= {"ic": information.value, "ic025": information.low, "ic975": information.high}
    peers |= {"chi_square": squares.yates, "chi_square_pearson": squares.pearson}
    assert set(peers) == set(found)
    for name, values in peers.items():
        np.testing.assert_array_equal(found[name], np.resize(values, ROWS + 17), err_msg=name)


def test_cells_that_are_whole_numbers_are_not_copied():
    cells = [np.array([3, 1]), np.array([2, 0]), np.array([4, 7]), np.array([20, 9])]
    found = all_measures(*cells)
    assert all(found[name] is cell for name, cell in zip("abcd", cells, strict=True))
    as_floats = all_measures(*(cell.astype(float) for cell in cells))
    for name in found:
        assert as_floats[name].dtype == found[name].dtype
        np.testing.assert_array_equal(as_floats[name], found[name])


def test_no_tables():
    assert all(len(column) == 0 for column in all_measures([], [], [], []).values())


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (([1, 2], [3, -4], [5, 6], [7, 8]), r"row 2: b = -4 is negative"),
        (([1, 2], [3, 4], [5.5, 6], [7, 8]), r"row 1: c = 5.5 is not a whole number"),
        (([1, np.nan], [3, 4], [5, 6], [7, 8]), r"row 2: a = nan is missing"),
        (([1, 2], [3, 4], [5, 6], [7, np.inf]), r"row 2: d = inf is infinite"),
        (([1, 2], [3, 4], [5, 6], [7, 2**53]), r"row 2: d = 9007199254740992 is 2\^53 or more"),
        (([1, 2], [3, 4], [5, 6], [7]), r"of one length"),
        (([1, 2], [3, 4], [5, 6], [7, 2**62]), r"row 2: d = 4611686018427387904 is 2\^53 or more"),
        ((["x"], [1], [1], [1]), r"column a holds something that is no number"),
        (([1, None], [3, 4], [5, 6], [7, 8]), r"row 2: a = None is missing"),
        (([[1]], [[1]], [[1]], [[1]]), r"of one length"),
    ],
)
def test_cells_that_are_no_counts(cells, message):
    ratios = (measures.prr, measures.ror, measures.rrr, measures.expected)
    for function in (*ratios, measures.chi_square, measures.ic, exact_low, all_measures):
        with pytest.raises(ValueError, match=message):
            function(*cells)


def test_a_bad_row_is_counted_over_all_blocks():
    cells = np.ones((4, ROWS + 9), dtype=np.int64)
    cells[2, ROWS + 4] = -1
    with pytest.raises(ValueError, match=rf"row {ROWS + 5}: c = -1 is negative"):
        all_measures(*cells)


def test_cells_from_margins():
    b, c, d = cells_from_margins([10, 1], [40, 1], [30, 1], 200)
    assert (list(b), list(c), list(d)) == ([30, 0], [20, 0], [140, 199])


def test_cells_from_margins_of_any_type():
    wanted = cells_from_margins(np.array([10, 1]), np.array([40, 1]), np.array([30, 1]), np.array([200, 300]))
    assert [list(cell) for cell in wanted] == [[30, 0], [20, 0], [140, 299]]
    for dtype in (np.float64, np.int32, np.uint64, object):
        found = cells_from_margins(*(np.array(x, dtype) for x in ([10, 1], [40, 1], [30, 1], [200, 300])))
        for cell, other in zip(found, wanted, strict=True):
            assert cell.dtype == np.int64
            np.testing.assert_array_equal(cell, other)
    assert [len(cell) for cell in cells_from_margins([], [], [], 200)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("margins", "message"),
    [
        (([5], [4], [9], [20]), r"row 1: a is above n_product.*a = 5, n_product = 4, n_event = 9, n = 20"),
        (([5], [9], [4], [20]), r"row 1: a is above n_event"),
        (([1, 1], [3, 9], [3, 9], [20, 16]), r"row 2: n_product \+ n_event - a is above n"),
        (([-1], [3], [3], [9]), r"row 1: a = -1 is negative"),
        (([1, 2], [3, 3.5], [3, 3], [9, 9]), r"row 2: n_product = 3.5 is not a whole number"),
        (([1, 2], [3, 3], [3, np.nan], [9, 9]), r"row 2: n_event = nan is missing"),
        (([1, 1], [2, 2], [2, 2], 2), r"row 1: n_product \+ n_event - a is above n.*n = 2"),
        (([1, 1], [2, 2], [2, 2], -5), r"row 1: n = -5 is negative"),
    ],
)
def test_margins_that_contradict_each_other(margins, message):
    with pytest.raises(ValueError, match=message):
        cells_from_margins(*margins)
