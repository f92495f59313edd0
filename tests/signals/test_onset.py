"""Times to onset from dates, and what is said of them pair by pair."""

from __future__ import annotations

from datetime import date
from itertools import product as cross

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pv.signals.onset import FEWEST, PATTERNS, onset_days, time_to_onset
from pv.signals.weibull import fit_weibull


def frame(columns: str, rows: list[tuple[object, ...]]) -> pd.DataFrame:
    names = columns.split()
    texts = {name: "str" for name in names if name not in {"segment", "days"}}
    return pd.DataFrame(rows, columns=names).astype(texts | {n: "int64" for n in names if n not in texts})


def cases_of(*onsets: str) -> pd.DataFrame:
    return pd.DataFrame({"onset_on": pd.Series(onsets, dtype="str")})


PAIRS = frame("product event", [("A", "rash")])


def test_days_run_from_the_earliest_start_of_a_product_to_the_onset() -> None:
    """Segment by segment: two starts; same day; onset first; no start; no onset; another event; not in the view."""
    cases = cases_of("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04", "", "2026-03-06", "2026-03-07").drop(6)
    products = frame(
        "segment product used_from",
        [
            (0, "A", "2026-02-27"),
            (0, "A", "2026-02-20"),
            (0, "A", ""),
            (0, "B", "2026-03-01"),
            (1, "A", "2026-03-02"),
            (2, "A", "2026-03-05"),
            (3, "A", ""),
            (3, "B", "2025-03-04"),
            (4, "A", "2026-03-01"),
            (5, "A", "2026-03-01"),
            (6, "A", "2026-03-01"),
            (1, "", "2026-03-01"),
        ],
    )
    events = frame(
        "segment event",
        [(s, "rash") for s in (0, 0, 1, 2, 3, 4, 6)] + [(5, "fever"), (0, "fever")],
    )
    found = onset_days(cases, products, events, PAIRS)
    assert found.to_dict("split", index=False)["data"] == [
        [0, "A", "rash", 9],
        [1, "A", "rash", 0],
        [2, "A", "rash", -2],
        [0, "B", "rash", 0],
        [3, "B", "rash", 365],
    ]
    assert list(found) == ["segment", "product", "event", "days"]


def test_without_dates_there_are_no_times() -> None:
    products = frame("segment product used_from", [(0, "A", "")])
    events = frame("segment event", [(0, "rash")])
    found = onset_days(cases_of("2026-03-01"), products, events, PAIRS)
    assert found.empty
    row = time_to_onset(found, PAIRS).iloc[0]
    assert (row["n"], row["unusable"], row["n_others"], row["pattern"]) == (0, 0, 0, "too_few")
    numbers = row.drop(["product", "event", "n", "unusable", "n_others", "pattern"])
    assert numbers.isna().all()
    assert time_to_onset(found).empty


@pytest.mark.parametrize(
    ("onset", "start", "column"),
    [("2026-03", "2026-03-01", "onset_on"), ("2026-03-01", "2026-02-30", "used_from")],
)
def test_what_is_no_day_is_refused(onset: str, start: str, column: str) -> None:
    products = frame("segment product used_from", [(0, "A", start)])
    with pytest.raises(ValueError, match=f"column {column} holds a text that is no day"):
        onset_days(cases_of(onset), products, frame("segment event", [(0, "rash")]), PAIRS)


days_or_none = st.one_of(st.just(""), st.dates(date(2026, 1, 1), date(2026, 2, 20)).map(date.isoformat))


@settings(max_examples=60)
@given(
    st.lists(days_or_none, min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from("AB"), days_or_none), max_size=20),
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from("xyz")), max_size=15),
)
def test_times_are_those_of_a_plain_count(
    onsets: list[str], uses: list[tuple[int, str, str]], terms: list[tuple[int, str]]
) -> None:
    pairs = frame("product event", [("A", "x"), ("B", "y")])
    found = onset_days(
        cases_of(*onsets), frame("segment product used_from", uses), frame("segment event", terms), pairs
    )
    expected = []
    for (number, onset), name, event in cross(enumerate(onsets), "AB", "xy"):
        starts = [start for segment, used, start in uses if (segment, used) == (number, name) and start]
        if onset and starts and (number, event) in terms:
            days = (date.fromisoformat(onset) - min(map(date.fromisoformat, starts))).days
            expected.append((event, name, number, days))
    listed = [(row.event, row.product, row.segment, row.days) for row in found.itertuples()]
    assert listed == sorted(expected)


def times(event: str, product: str, days: list[int], first: int = 0) -> pd.DataFrame:
    return frame("segment product event days", [(first + n, product, event, day) for n, day in enumerate(days)])


def test_the_distribution_of_a_pair_is_described() -> None:
    """0 1 2 4 8 and one onset before the use: quartiles 1, 2, 4 of five values."""
    row = time_to_onset(times("rash", "A", [8, 4, 2, 1, 0, -3])).iloc[0]
    assert (row["n"], row["unusable"]) == (5, 1)
    assert row[["shortest", "q1", "median", "q3", "longest"]].tolist() == [0, 1, 2, 4, 8]
    assert row["pattern"] == "too_few"
    assert row[["shape", "scale", "p_others"]].isna().all()
    row = time_to_onset(times("rash", "A", [3, 4, 8, 21])).iloc[0]
    assert row[["q1", "median", "q3"]].tolist() == [3.75, 6, 11.25]


def spread(shape: float, scale: float, n: int) -> list[int]:
    """A sample without chance: the middle of each n-th part of a Weibull distribution."""
    return [int(day) for day in stats.weibull_min(shape, scale=scale).ppf((np.arange(n) + 0.5) / n)]


def test_the_hazard_names_the_pattern_from_so_many_cases_on() -> None:
    listed = [
        times("early", "A", spread(0.4, 4, 30)),
        times("constant", "A", spread(1, 9, 30)),
        times("late", "A", spread(3, 20, 30)),
        times("at_once", "A", [0] * 30),
        times("too_few", "A", spread(3, 20, FEWEST - 1)),
        times("enough", "A", [*spread(3, 20, FEWEST), -1]),
    ]
    found = time_to_onset(pd.concat(listed, ignore_index=True)).set_index("event")
    assert found["pattern"].to_dict() == {
        "early": "early",
        "constant": "constant",
        "late": "late",
        "at_once": "not_identifiable",
        "too_few": "too_few",
        "enough": "late",
    }
    assert set(found["pattern"]) == set(PATTERNS)
    assert found.loc[["at_once", "too_few"], "shape":"scale_high"].isna().all(axis=None)
    weibull = fit_weibull(spread(0.4, 4, 30))
    assert weibull is not None
    assert found.loc["early", ["shape", "shape_high", "scale_low"]].tolist() == [
        weibull.shape,
        weibull.shape_high,
        weibull.scale_low,
    ]


def test_a_pair_is_compared_with_the_event_under_other_products() -> None:
    """Cases that have a time for the product are no comparison, nor other events, nor onsets before the use."""
    mine, others = spread(3, 20, 15), spread(0.5, 4, 40)
    listed = [
        times("rash", "A", mine),
        times("rash", "B", others[:30], first=100),
        times("rash", "C", others[30:], first=100),
        times("rash", "C", [500] * 15),  # the cases of A
        times("rash", "C", [-1, -2], first=200),
        times("fever", "B", [900] * 20, first=100),
    ]
    days = pd.concat(listed, ignore_index=True)
    row = time_to_onset(days, PAIRS).iloc[0]
    assert (row["n"], row["n_others"]) == (15, 40)
    # The largest distance of the two distributions, by hand, at the p-value of SciPy's distribution of it.
    both = sorted(set(mine + others))
    gap = max(abs(sum(d <= at for d in mine) / 15 - sum(d <= at for d in others) / 40) for at in both)
    assert row["p_others"] == pytest.approx(stats.kstwo(round(15 * 40 / 55)).sf(gap), rel=1e-9)
    assert row["p_others"] < 0.001
    few = time_to_onset(days[days["product"].isin(["A"]) | (days.index >= len(days) - 22)], PAIRS).iloc[0]
    assert (few["n_others"], np.isnan(few["p_others"])) == (0, True)


def test_pairs_are_answered_in_their_order_and_independently_of_the_order_of_rows() -> None:
    days = pd.concat(
        [times("x", "A", spread(1, 5, 12)), times("x", "B", spread(2, 9, 14), 50), times("y", "A", [1, 5], 80)],
        ignore_index=True,
    )
    pairs = frame("product event", [("B", "x"), ("A", "y"), ("A", "x"), ("Z", "x"), ("A", "nothing")])
    found = time_to_onset(days, pairs)
    assert found[["product", "event"]].equals(pairs)
    assert found["n"].tolist() == [14, 2, 12, 0, 0]
    assert found["n_others"].tolist() == [12, 0, 14, 26, 0]
    pd.testing.assert_frame_equal(found, time_to_onset(days[::-1], pairs))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("xy"), st.integers(-3, 40)), max_size=60))
def test_any_times_give_a_row_a_pair(rows: list[tuple[str, str, int]]) -> None:
    days = frame("segment product event days", [(n, *row) for n, row in enumerate(rows)])
    found = time_to_onset(days)
    assert found["n"].sum() + found["unusable"].sum() == len(rows)
    assert set(found["pattern"]) <= set(PATTERNS)
    fitted = found["pattern"].isin(["early", "constant", "late"])
    assert np.isfinite(found.loc[fitted, "shape":"scale_high"]).all(axis=None)
    assert found.loc[~fitted, "shape":"scale_high"].isna().all(axis=None)
    assert found["p_others"].dropna().between(0, 1).all()
