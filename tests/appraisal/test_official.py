"""Our totals beside official ones: every difference laid out to its last report."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv.appraisal.ledger import FATES, Ledger
from pv.appraisal.official import MISSING, SURPLUS, _explained, months, official_figures
from pv.appraisal.reconciliation import ReconciliationError

# October, drugs: H1 (D1) has 3 counted, 1 merged, 1 deleted; H3 (town T1 in D2) 1; nobody's 2; in quarantine H2 1,
# undated 1.
FILED = """stream case received_on reported_on evaluated_on evaluated hospital_id merged_into left_out
    drug D1 2026-10-02 2026-09-30 2026-10-09 1 H1 . .
    drug D2 2026-10-03 2026-10-01 2026-11-09 1 H1 . .
    drug D3 2026-10-04 2026-10-01 . . H1 . .
    drug D4 2026-10-05 2026-10-01 . . H1 D3 .
    drug D5 2026-10-05 2026-10-01 . . H1 . deleted
    drug D6 2026-10-06 2026-10-01 . . H3 . .
    drug D7 2026-10-07 2026-10-01 . . . . .
    drug D8 2026-10-31 2026-10-01 . . . . .
    drug D9 2026-11-01 2026-10-31 . . H1 . .
    device E1 2026-10-02 . . . H1 . ."""
HELD = """stream case received_on hospital_id
    drug Q1 2026-10-08 H2
    drug Q2 . H1"""


def _figures(*lines: tuple[str, str, str, str, int]) -> pd.DataFrame:
    names = ("area", "hospital", "period", "basis", "value")
    frame = pd.DataFrame(lines, columns=list(names)).assign(stream="drug", source="国家系统", recorded_at="t")
    return frame.astype({"value": "float64"})


@pytest.fixture
def ledger(filings, quarantined, reference, week) -> Ledger:
    return Ledger.of(filings(FILED), quarantined(HELD), reference(), week)


@pytest.mark.parametrize(
    ("line", "ours", "why"),
    [
        (("", "", "2026-10", "received", 8), 8, ""),  # 7 stored but the deleted one, and Q1
        # The whole area has the unassigned ones.
        (("C", "", "2026-10", "received", 12), 8, "left_out;undated;not_exported"),
        (("东区", "", "2026-10", "received", 5), 4, "unassigned"),
        (("D1", "", "2026-10", "received", 9), 4, "unassigned;left_out;undated;not_exported"),
        (("D2", "", "2026-10", "received", 0), 2, "quarantined;not_official"),
        (("", "H1", "2026-10", "received", 3), 4, "merged"),
        (("", "第一医院", "2026-10", "evaluated", 4), 1, "undated;not_exported;basis_received;basis_reported"),
        (("", "H1", "2026-10", "reported", 5), 4, "unassigned"),
        (("", "", "2026", "received", 9), 9, "open"),
        (("", "", "2026-11", "received", 2), 1, "undated;open"),
        (("月球", "", "2026-10", "received", 2), 0, "unassigned;unknown_place"),
    ],
)
def test_a_difference_is_explained(ledger: Ledger, line: tuple[str, str, str, str, int], ours: int, why: str) -> None:
    row = official_figures(ledger, _figures(line)).iloc[0]
    assert (row["ours"], row["difference"], row["why"]) == (ours, line[4] - ours, why)
    parts = [row[f"by_{name}"] for name in (*MISSING, *SURPLUS)]
    assert row["difference"] == sum(parts) + row["rest"]
    assert row["filed"] == sum(row[fate] for fate in FATES)


def test_figures_of_later_periods_wait(ledger: Ledger) -> None:
    later = _figures(("", "", "2026-12", "received", 5), ("", "", "2027", "received", 5))
    assert official_figures(ledger, later).empty
    assert official_figures(ledger, None).empty


@given(st.integers(-50, 50), st.lists(st.integers(0, 20), min_size=5, max_size=5))
def test_every_difference_is_laid_out_whole(difference: int, bounds: list[int]) -> None:
    names = (*MISSING, *SURPLUS)
    parts, rest = _explained(difference, dict(zip(names, bounds, strict=True)))
    assert sum(parts.values()) + rest == difference
    assert all(abs(parts[name]) <= bound for name, bound in zip(names, bounds, strict=True))
    assert all(part * difference >= 0 for part in [*parts.values(), rest])
    drawn = MISSING if difference > 0 else SURPLUS
    assert not rest or all(abs(parts[name]) == dict(zip(names, bounds, strict=True))[name] for name in drawn)


def test_months_add_up_over_areas_and_to_the_year(ledger: Ledger) -> None:
    table = months(ledger)
    assert set(table["stream"]) == {"drug", "device"}
    assert sorted(set(table["month"])) == [f"2026-{number:02d}" for number in range(1, 12)]
    october = table[(table["stream"] == "drug") & (table["month"] == "2026-10")].set_index("area")
    assert october.loc["C", ["filed", "counted", "merged", "deleted", "quarantined", "official"]].tolist() == [
        *(9, 6, 1, 1, 1, 8),
    ]
    assert october.loc["D1", "filed"] == 5
    assert october.loc["D2", "filed"] == 2  # with its town
    assert october.loc["", "filed"] == 2
    assert table.groupby(["stream", "scope"])["filed"].sum()["drug"]["whole"] == 10


def test_a_month_that_does_not_add_up_is_loud(ledger: Ledger) -> None:
    ledger.reports.loc[0, "fate"] = "lost"
    with pytest.raises(ReconciliationError, match="drug, 2026-10"):
        months(ledger)
    with pytest.raises(ReconciliationError, match="not explained to the last report"):
        official_figures(ledger, _figures(("", "", "2026-10", "received", 8)))
