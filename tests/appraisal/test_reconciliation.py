from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pv.appraisal import appraise
from pv.appraisal.ledger import FATES, Ledger, a_year_before
from pv.appraisal.rates import district_rates, hospital_rates
from pv.appraisal.reconciliation import ReconciliationError, reconciliation
from pv.week import Week


def test_account_of_a_week_a_year_and_all(november, held, reference, week) -> None:
    table = reconciliation(november, held, Ledger.of(november, held, reference(), week)).set_index(["stream", "period"])
    names = ["filed", "counted", "merged", "deleted", "duplicate", "misreport", "quarantined", "official"]
    assert table.loc[("drug", "week"), names].tolist() == [6, 2, 1, 1, 1, 0, 1, 4]
    assert table.loc[("drug", "ytd"), names].tolist() == [13, 6, 1, 1, 1, 0, 4, 11]
    assert table.loc[("drug", "all"), names].tolist() == [17, 9, 1, 1, 1, 0, 5, 15]
    assert table.loc[("all", "ytd"), names].tolist() == [14, 7, 1, 1, 1, 0, 4, 12]
    assert table.loc[("drug", "ytd"), ["unassigned", "undated", "repeated"]].tolist() == [2, 0, 2]
    assert table.loc[("drug", "all"), ["unassigned", "undated", "repeated"]].tolist() == [2, 1, 2]


def test_a_fate_nobody_knows_is_refused(filings, quarantined, reference, week) -> None:
    reports = filings("stream case received_on hospital_id left_out\ndrug a 2026-11-09 H1 lost")
    with pytest.raises(ReconciliationError, match="drug, week: 1 reports filed, but 0 counted"):
        appraise(reports, quarantined(), reference(), week)


def test_nothing_filed_is_no_error(filings, quarantined, reference, week) -> None:
    empty = filings("stream case received_on hospital_id")
    result = appraise(empty, quarantined(), reference(), week)
    assert result.hospital_rates["reports_ytd"].sum() == 0
    assert result.stopped.empty
    assert len(result.silent) == 4 * 3
    assert set(result.target_status["met"]) == {"no"}


DAYS = st.integers(0, 900).map(lambda days: (date(2024, 10, 1) + timedelta(days)).isoformat())
HOSPITALS = st.sampled_from(["H1", "H2", "H3", "H4", "H5", "P1", "", "X9"])
STREAMS = st.sampled_from(["drug", "device", "cosmetic", "aefi"])
FILED = st.tuples(
    STREAMS,
    st.sampled_from([f"C{number}" for number in range(20)]),
    DAYS,
    HOSPITALS,
    st.sampled_from([".", ".", ".", "C1"]),
    st.sampled_from([".", ".", ".", "deleted", "duplicate", "misreport"]),
)
HELD = st.tuples(
    STREAMS, st.sampled_from([".", "C1", "C2", "Q1", "Q2"]), DAYS | st.just("."), HOSPITALS.map(lambda h: h or ".")
)


@settings(max_examples=25, deadline=None)
@given(
    filed=st.lists(FILED, max_size=30, unique_by=lambda row: row[:2]),
    waiting=st.lists(HELD, max_size=10),
    week=st.sampled_from(["2025-W01", "2026-W01", "2026-W09", "2026-W46", "2026-W53"]).map(Week.parse),
)
def test_totals_add_up_whatever_is_filed(filings, quarantined, reference, filed, waiting, week) -> None:
    lines = [" ".join(cell or "." for cell in row) for row in filed]
    reports = filings("stream case received_on hospital_id merged_into left_out\n" + "\n".join(lines))
    lines = [" ".join(row) for row in waiting]
    held = quarantined("stream case received_on hospital_id\n" + "\n".join(lines))
    ledger = Ledger.of(reports, held, reference(), week)

    account = reconciliation(reports, held, ledger)
    assert (account["filed"] == account[list(FATES)].sum(axis=1)).all()
    assert (account["official"] == account[["counted", "merged", "quarantined"]].sum(axis=1)).all()
    once = {(stream, case) for stream, case, *_ in filed}
    again = {(stream, case) for stream, case, *_ in waiting if case != "."} - once
    assert account.loc[account["stream"] == "all", "filed"].max() <= (
        len(once) + len(again) + sum(case == "." for _, case, *_ in waiting)
    )

    counts = ["reports_week", "reports_ytd", "serious", "new_or_serious", "evaluated"]
    counts += ["counted", "merged", "quarantined", "deleted", "reports_last_year"]
    by_hospital = hospital_rates(ledger).groupby("stream")[counts].sum()
    districts = district_rates(ledger)
    whole = districts[districts["scope"] == "whole"].set_index("stream")[counts]
    parts = districts[districts["scope"].isin(["district", "direct", "unassigned"])]
    pd.testing.assert_frame_equal(whole.sort_index(), by_hospital, check_like=True)
    pd.testing.assert_frame_equal(parts.groupby("stream")[counts].sum(), by_hospital, check_like=True)

    ytd = account[account["period"] == "ytd"].set_index("stream")["official"]
    assert (by_hospital["reports_ytd"] == ytd[by_hospital.index]).all()
    assert ytd["all"] == by_hospital["reports_ytd"].sum()


def test_appraisal_is_the_same_every_time_and_whatever_the_order(november, held, reference, week) -> None:
    first = appraise(november, held, reference(), week)
    second = appraise(november.iloc[::-1], held.iloc[::-1], reference(), week)
    for name, frame in vars(first).items():
        pd.testing.assert_frame_equal(frame, vars(second)[name])


def test_text_columns_are_text_and_never_missing(november, held, reference, week) -> None:
    for frame in vars(appraise(november, held, reference(), week)).values():
        for column in frame.columns[frame.dtypes == "str"]:
            assert not frame[column].isna().any()
        assert not (frame.dtypes == "object").any()


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2026-11-16", "2025-11-16"), ("2028-02-29", "2027-03-01"), ("2028-02-28", "2027-02-28")],
)
def test_a_year_before(day: str, expected: str) -> None:
    assert a_year_before(date.fromisoformat(day)).isoformat() == expected
