from __future__ import annotations

import math

import numpy as np
import pytest

from pv.appraisal.evaluation import calendar_note, evaluation_rates, last_day
from pv.appraisal.ledger import Ledger
from pv.reference import shipped_toml


@pytest.mark.parametrize(
    ("received", "days", "expected"),
    [
        ("2026-11-09", 3, "2026-11-12"),  # Monday: Tuesday, Wednesday, Thursday
        ("2026-11-12", 3, "2026-11-17"),  # Thursday: Friday, Monday, Tuesday
        ("2026-11-14", 3, "2026-11-18"),  # Saturday: Monday, Tuesday, Wednesday
        ("2026-10-26", 15, "2026-11-16"),
    ],
)
def test_limits_count_working_days_after_receipt(received, days, expected) -> None:
    day = last_day(np.array([received], dtype="datetime64[D]"), days)
    assert str(day[0]) == expected


def test_rates_are_of_the_received_and_of_the_due(filings, quarantined, reference, week) -> None:
    """The week ends with Sunday 15 November: a limit up to that day is due."""
    reports = filings(
        """stream case received_on hospital_id serious evaluated evaluated_on merged_into left_out
        drug due-done 2026-10-23 H1 0 1 2026-10-30 . .
        drug due-open 2026-10-23 H1 0 0 . . .
        drug not-due 2026-10-26 H1 0 0 . . .
        drug early 2026-11-13 H1 0 1 2026-11-13 . .
        drug serious-due 2026-11-09 H1 1 0 . . .
        drug serious-not-due 2026-11-12 H1 1 0 . . .
        drug merged 2026-03-02 H2 0 1 . due-done .
        drug afterwards 2026-03-02 H2 0 1 2026-11-16 . .
        drug left 2026-03-02 H2 0 0 . . deleted
        drug lastyear 2025-03-02 H2 0 0 . . .
        device dev 2026-11-01 H2 0 1 . . ."""
    )
    held = quarantined("stream case received_on hospital_id\ndrug q 2026-02-02 H1")
    table = evaluation_rates(Ledger.of(reports, held, reference(), week)).set_index("stream")
    drug = table.loc["drug"]
    assert (drug["received"], drug["evaluated"], drug["rate_received"]) == (8, 3, 3 / 8)
    assert (drug["due"], drug["due_evaluated"], drug["overdue"], drug["rate_due"]) == (5, 2, 3, 0.4)
    assert table.loc["device", ["received", "due"]].tolist() == [1, 1]  # 10 working days end on 13 November
    assert math.isnan(table.loc["cosmetic", "rate_due"])
    assert table.loc["all", ["received", "due", "due_evaluated"]].tolist() == [9, 6, 3]


def test_limits_name_their_certainty_and_the_missing_holidays() -> None:
    limits = shipped_toml("evaluation_limits")["limit"]
    assert {limit["certainty"] for limit in limits} <= {"S", "W", "K"}
    assert len({(limit["stream"], limit["serious"]) for limit in limits}) == len(limits) == 6
    assert "节假日" in calendar_note()["zh"]
    assert "holidays" in calendar_note()["en"]
