"""Versions of the store as cases for the writers: all that the store knows, and no more."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from pv import contracts
from pv.exporting.e2b_r3 import Header, write
from pv.exporting.stored import stored_cases
from pv.sources.e2b_r3 import read_batches, read_cases
from pv.sources.icsr import Case, Drug, Reaction

HEADER = Header("B-1", "SHI-CENTRE", "PROVINCE", datetime(2026, 11, 22, 4, 0, tzinfo=UTC))


def _store(**case: object) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    version = {
        "version_id": 7,
        "case_number": "D1",
        "received_on": "2026-11-10",
        "modified_on": "",
        "effective_on": "2026-11-12",
        "left_out": "",
        "hospital": "第一医院",
        "area": "东区",
        "sex": "female",
        "age_years": 0.5,
        "onset_on": "2026-11-05",
        "outcome": "recovering",
        "serious": 1,
        "death": 0,
    }
    product = {"version_id": 7, "identifier": "", "maker": "甲", "lot": "", "used_from": ""}
    products = [
        product | {"role": "suspect", "name": "阿莫西林", "lot": "A1", "used_from": "2026-11-03"},
        product | {"role": "suspect", "name": "阿莫西林", "lot": "A2", "used_from": "2026-11-01"},
        product | {"role": "concomitant", "name": "布洛芬"},
        product | {"version_id": 8, "role": "suspect", "name": "别的病例"},
    ]
    events = [{"version_id": 7, "event": "皮疹"}, {"version_id": 7, "event": "恶心"}]
    return pd.DataFrame([version | case]), pd.DataFrame(products), pd.DataFrame(events)


def test_a_stored_case_is_told_as_far_as_the_store_knows_it() -> None:
    (case,) = stored_cases(*_store(), sender="市中心")
    assert case == Case(
        number="D1",
        worldwide="D1",
        received_on="2026-11-10",
        modified_on="2026-11-12",
        report_type="spontaneous",
        sender_type="centre",
        sender="市中心",
        reporter="第一医院",
        area="东区",
        age="6",
        age_unit="month",
        sex="female",
        reactions=(
            Reaction("皮疹", "", "2026-11-05", "recovering", ("other",)),
            Reaction("恶心", outcome="unknown"),
        ),
        drugs=(
            Drug("suspect", "阿莫西林", (), "", "甲", ("A1",), "2026-11-03"),
            Drug("suspect", "阿莫西林", (), "", "甲", ("A2",), "2026-11-01"),
            Drug("concomitant", "布洛芬", (), "", "甲"),
        ),
    )


@pytest.mark.parametrize(
    ("stored", "change", "severity", "outcome"),
    [
        ({}, "", "serious", "recovering"),
        ({"serious": 0}, "", "not_serious", "recovering"),
        ({"death": 1, "outcome": ""}, "", "serious", "death"),
        ({"left_out": "deleted"}, "nullification", "serious", "recovering"),
        ({"outcome": "", "age_years": float("nan"), "sex": ""}, "", "serious", "unknown"),
    ],
)
def test_a_stored_case_comes_back_through_xml(
    stored: dict[str, object], change: str, severity: str, outcome: str
) -> None:
    frames = _store(**stored)
    stream = io.BytesIO()
    write(stored_cases(*frames, sender="市中心"), stream, HEADER)
    assert [case.change for case in read_cases(io.BytesIO(stream.getvalue()))] == [change]
    (extract,) = read_batches(io.BytesIO(stream.getvalue()))
    checked = contracts.check(extract, date(2026, 11, 22))
    assert checked.problems.empty
    row = checked.rows.iloc[0]
    assert (row["severity"], row["outcome"], row["hospital"]) == (severity, outcome, "第一医院")
    version = frames[0].iloc[0]
    for name in ("case_number", "received_on", "onset_on", "sex", "area"):
        assert row[name] == version[name]
    assert row["age_years"] == version["age_years"] or pd.isna(version["age_years"])


@pytest.mark.parametrize(
    ("years", "age"),
    [
        (45.0, ("45", "year")),
        (0.0, ("0", "year")),
        (1 / 12, ("1", "month")),
        (3 * (7 / 365.25), ("3", "week")),
        (10 * (1 / 365.25), ("10", "day")),
        (5 * (1 / 8766), ("5", "hour")),
        (2.3, ("2.3", "year")),
    ],
)
def test_ages_are_told_in_the_unit_in_which_they_are_whole(years: float, age: tuple[str, str]) -> None:
    (case,) = stored_cases(*_store(age_years=years), sender="市中心")
    assert (case.age, case.age_unit) == age
