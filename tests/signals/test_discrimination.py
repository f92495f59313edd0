"""Areas under ROC curves, sensitivity and specificity: published figures, plain counting, SciPy and statsmodels."""

from __future__ import annotations

import json
from itertools import product as cross

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from pv.signals.discrimination import auc, evaluate

# Ratings 1 to 5 of 109 tomograms (Hanley and McNeil 1982, Radiology 143:29, table I). Stata's manual prints for them,
# under roctab with DeLong's standard error: area 0.8932, 95 % limits 0.83295 and 0.95339.
NORMAL, ABNORMAL = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)


def test_the_area_and_its_limits_are_the_published_ones() -> None:
    found = auc(np.repeat(range(1, 6), ABNORMAL), np.repeat(range(1, 6), NORMAL))
    assert (found.value, found.low, found.high) == (
        pytest.approx(0.8932, abs=5e-5),
        pytest.approx(0.83295, abs=5e-6),
        pytest.approx(0.95339, abs=5e-6),
    )


def test_four_and_three_by_hand() -> None:
    """9 of 12 comparisons won, one tied: 9.5/12. Shares won 1, 1, 5/6, 1/3 and 5/8, 3/4, 1."""
    found = auc([9, 8, 5, 3], [5, 4, 1])
    assert found.value == pytest.approx(9.5 / 12)
    error = np.sqrt(np.var([1, 1, 5 / 6, 1 / 3], ddof=1) / 4 + np.var([5 / 8, 3 / 4, 1], ddof=1) / 3)
    assert found.low == pytest.approx(9.5 / 12 - 1.959964 * error, abs=1e-6)
    assert found.high == 1.0  # cut


scores = st.lists(st.sampled_from([-np.inf, 0.0, 0.5, 1.0, 2.0, np.inf]), min_size=2, max_size=12)


@settings(max_examples=60)
@given(scores, scores)
def test_the_area_is_the_share_of_comparisons_won(positives: list[float], negatives: list[float]) -> None:
    won = np.array([[(x > y) + (x == y) / 2 for y in negatives] for x in positives])
    found = auc(positives, negatives)
    assert found.value == pytest.approx(won.mean(), abs=1e-12)
    ranked = [np.clip(values, -1e9, 1e9) for values in (positives, negatives)]
    assert found.value == pytest.approx(stats.mannwhitneyu(*ranked).statistic / won.size, abs=1e-12)
    error = np.sqrt(won.mean(axis=1).var(ddof=1) / len(won) + won.mean(axis=0).var(ddof=1) / won.shape[1])
    if error < 1e-9:
        assert np.isnan([found.low, found.high]).all()
    else:
        assert found.low == pytest.approx(max(0, won.mean() - 1.959964 * error), abs=1e-6)
        assert found.high == pytest.approx(min(1, won.mean() + 1.959964 * error), abs=1e-6)
    other = auc(negatives, positives)
    assert other.value == pytest.approx(1 - found.value, abs=1e-12)


@pytest.mark.parametrize(
    ("positives", "negatives", "value"),
    [([3, 4], [1, 2], 1.0), ([1, 1], [1, 1], 0.5), ([2], [1, 3], 0.5), ([], [1], np.nan), ([1], [], np.nan)],
)
def test_what_says_nothing_of_the_error_has_no_limits(
    positives: list[float], negatives: list[float], value: float
) -> None:
    found = auc(positives, negatives)
    assert found.value == pytest.approx(value, nan_ok=True)
    assert np.isnan([found.low, found.high]).all()


REFERENCE = pd.DataFrame(
    [
        ("A", "x", 1),
        ("A", "y", 1),
        ("B", "x", 1),
        ("B", "y", 0),
        ("C", "x", 0),
        ("C", "z", 0),
        ("D", "x", 0),
        ("E", "w", 1),
    ],
    columns=["product", "event", "truth"],
)
# A with y has an unbounded ratio; C with z none that is defined; D with x is not there, though both occur; E and w are
# nowhere.
PAIRS = pd.DataFrame(
    [
        ("A", "x", 5, 4.0, 0.01, "evans;ror"),
        ("A", "y", 3, np.inf, 0.02, "ror"),
        ("B", "x", 1, 0.5, 0.30, ""),
        ("B", "y", 2, 0.5, 0.30, ""),
        ("C", "x", 7, 3.0, 0.04, "ror"),
        ("C", "z", 1, np.nan, 0.90, "evans"),
        ("D", "y", 4, 2.0, 0.05, "evans"),
        ("Z", "x", 9, 9.0, 0.00, "evans;ror"),
    ],
    columns=["product", "event", "a", "ror", "p", "screens"],
)


def test_pairs_of_the_set_are_accounted_for() -> None:
    found = evaluate(PAIRS, REFERENCE).found
    assert found.to_dict("records") == [
        {"truth": 1, "pairs": 4, "both_occur": 3, "a_1": 3, "a_3": 2},
        {"truth": 0, "pairs": 4, "both_occur": 4, "a_1": 3, "a_3": 1},
    ]


def test_unbounded_ranks_highest_undefined_lowest_and_missing_below_all() -> None:
    table = evaluate(PAIRS, REFERENCE).auc.set_index(["measure", "missing"])
    assert list(table.index) == list(cross(["a", "ror", "p"], ["left_out", "not_flagged"]))
    # ror: 4, ∞, 0.5 against 0.5, 3, undefined: 3 + 3 + (half, 0, 1) of 9 comparisons.
    assert table.loc[("ror", "left_out"), "auc"] == pytest.approx(7.5 / 9)
    # E with w against 0.5, 3, undefined and D with x: it ties with the last two; D with x loses to the others.
    assert table.loc[("ror", "not_flagged"), "auc"] == pytest.approx((7.5 + 3 + 1) / 16)
    # p ranks the other way: 0.01, 0.02, 0.30 against 0.30, 0.04, 0.90.
    assert table.loc[("p", "left_out"), "auc"] == pytest.approx((3 + 3 + 1.5) / 9)
    assert table.loc[("a", "left_out"), "auc"] == pytest.approx((2 + 2 + 0.5) / 9)
    assert table.loc[("a", "not_flagged"), ["positives", "negatives"]].tolist() == [4, 4]
    expected = auc([4, np.inf, 0.5, -np.inf], [0.5, 3, -np.inf, -np.inf])
    assert table.loc[("ror", "not_flagged"), "auc_low"] == pytest.approx(expected.low)
    assert table.loc[("ror", "not_flagged"), "auc_high"] == pytest.approx(expected.high)


def test_screens_are_counted_with_limits_of_wilson() -> None:
    table = evaluate(PAIRS, REFERENCE, ["evans", "ror", "ro"]).screens.set_index(["screen", "missing"])
    counts = table[["positives", "flagged_positives", "negatives", "flagged_negatives"]]
    assert counts.loc[("evans", "left_out")].tolist() == [3, 1, 3, 1]
    assert counts.loc[("ror", "left_out")].tolist() == [3, 2, 3, 1]
    assert counts.loc[("ror", "not_flagged")].tolist() == [4, 2, 4, 1]
    assert counts.loc[("ro", "not_flagged")].tolist() == [4, 0, 4, 0]
    row = table.loc[("ror", "not_flagged")]
    assert (row["sensitivity"], row["specificity"]) == (0.5, 0.75)
    assert [row["sensitivity_low"], row["sensitivity_high"]] == pytest.approx(proportion_confint(2, 4, method="wilson"))
    assert [row["specificity_low"], row["specificity_high"]] == pytest.approx(proportion_confint(3, 4, method="wilson"))


def test_a_case_set_without_the_pairs_says_so() -> None:
    found = evaluate(PAIRS[PAIRS["product"] == "Z"], REFERENCE, ["evans"])
    assert found.found["a_1"].tolist() == [0, 0]
    areas = found.auc.set_index("missing")["auc"]
    assert areas["left_out"].isna().all()
    assert (areas["not_flagged"] == 0.5).all()
    shares = found.screens.set_index("missing")
    assert np.isnan(shares.loc["left_out", "sensitivity"])
    assert shares.loc["not_flagged", "sensitivity"] == 0
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert summary["auc"][0]["auc"] is None
    assert summary["found"][0] == {"truth": 1, "pairs": 4, "both_occur": 0, "a_1": 0, "a_3": 0}


def test_a_truth_is_one_or_nought_and_a_pair_there_once() -> None:
    with pytest.raises(ValueError, match="truth of a pair is 2"):
        evaluate(PAIRS, REFERENCE.assign(truth=2))
    with pytest.raises(ValueError, match="not a one-to-one merge"):
        evaluate(pd.concat([PAIRS, PAIRS]), REFERENCE)
