"""False discovery: worked arithmetic, statsmodels over the family written out, permuted labels, bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from pv.signals.counts import Incidence, pair_counts
from pv.signals.exact import tail
from pv.signals.false_discovery import benjamini_hochberg, benjamini_yekutieli
from pv.signals.measures import cells_from_margins


def test_worked_by_hand():
    # A family of 10, 4 given: 10·0.001/1, 10·0.03/4 (below 10·0.02/2, 10·0.025/3), …; 0.03 has rank 4.
    q = benjamini_hochberg([0.025, 0.001, 0.03, 0.02], 10)
    assert q == pytest.approx([0.075, 0.01, 0.075, 0.075])
    harmonic = sum(1 / i for i in range(1, 11))
    assert benjamini_yekutieli([0.025, 0.001, 0.03, 0.02], 10) == pytest.approx(harmonic * q)


def test_over_the_given_alone_more_would_be_found():
    p = [0.01, 0.02, 0.03]
    assert (benjamini_hochberg(p, 3) <= 0.05).all()
    assert (benjamini_hochberg(p, 300) == 1).all()


probabilities = st.one_of(
    st.floats(0, 1, allow_subnormal=False),  # they have too few digits to compare
    st.floats(0, 1e-4, allow_subnormal=False),
    st.sampled_from([0.0, 1.0, 0.5, 0.01, 1e-300]),
    st.just(np.nan),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(probabilities, max_size=30), st.integers(0, 300))
def test_as_statsmodels_over_the_whole_family(p, unobserved):
    p = np.array(p)
    family = len(p) + unobserved
    padded = np.concatenate([np.where(np.isnan(p), 1.0, p), np.ones(unobserved)])
    for function, method in ((benjamini_hochberg, "fdr_bh"), (benjamini_yekutieli, "fdr_by")):
        found = function(p, family)
        assert len(found) == len(p)
        if len(p):
            peer = np.where(np.isnan(p), np.nan, multipletests(padded, method=method)[1][: len(p)])
            np.testing.assert_allclose(found, peer, rtol=1e-12, atol=0)


def test_many_with_ties_in_any_order():
    random = np.random.default_rng(8)
    p = np.round(random.beta(0.3, 3, 50_000), 4)
    padded = np.concatenate([p, np.ones(450_000)])
    for function, method in ((benjamini_hochberg, "fdr_bh"), (benjamini_yekutieli, "fdr_by")):
        found = function(p, 500_000)
        assert 0 < (found <= 0.05).sum() < len(p)
        np.testing.assert_allclose(found, multipletests(padded, method=method)[1][: len(p)], rtol=1e-12)
        order = random.permutation(len(p))
        np.testing.assert_array_equal(function(p[order], 500_000), found[order])


def test_the_given_are_left_as_they_are():
    p = np.array([0.3, 0.0001, np.nan])
    benjamini_hochberg(p, 5)
    np.testing.assert_array_equal(p, [0.3, 0.0001, np.nan])


def test_nothing_is_found_where_nothing_is_associated():
    # Products and events drawn apart: over the family none is left, over the pairs reported alone many would be.
    random = np.random.default_rng(11)
    cases = np.repeat(np.arange(3000), 3)
    drawn = {name: pd.DataFrame({"case": cases}) for name in ("product", "event")}
    for name, rows in drawn.items():
        rows[name] = pd.Series(random.zipf(1.1, len(rows)) % 5000).map("{:04d}".format).astype("str")
    incidence = Incidence.of(3000, drawn["product"], drawn["event"])
    counts = pair_counts(incidence)
    found = tail(counts.a, *cells_from_margins(counts.a, counts.n_product, counts.n_event, counts.n))
    family = len(incidence.products) * len(incidence.events)
    assert (benjamini_hochberg(found.p, family) > 0.05).all()
    assert (benjamini_hochberg(found.p_mid, family) > 0.05).all()
    assert (benjamini_hochberg(found.p_mid, len(found.p_mid)) <= 0.05).mean() > 0.3


@pytest.mark.parametrize("function", [benjamini_hochberg, benjamini_yekutieli])
@pytest.mark.parametrize(
    ("p", "family", "message"),
    [
        ([0.1, 0.2], 1, r"the family has 1 tests, but 2 p-values are given"),
        ([0.1], 0, r"the family has 0 tests, but 1 p-values are given"),
        ([], -1, r"the family has -1 tests"),
        ([0.1, -0.2], 5, r"row 2: p = -0.2 is outside 0 to 1"),
        ([1.1, -0.2], 5, r"row 1: p = 1.1 is outside 0 to 1"),
        ([0.1, np.inf], 5, r"row 2: p = inf is outside 0 to 1"),
        ([[0.1, 0.2]], 5, r"one column"),
    ],
)
def test_bad_input(function, p, family, message):
    with pytest.raises(ValueError, match=message):
        function(p, family)
