import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv.text import age_band, age_in_years, clean, coded, iso_date, iso_dates


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-11-10", "2026-11-10"),
        ("2026-11-10 09:12:33", "2026-11-10"),
        ("2026/1/5", "2026-01-05"),
        ("2026.1.5", "2026-01-05"),
        ("2026年11月10日", "2026-11-10"),
        ("2026年11月10日 9时12分", "2026-11-10"),
        ("20261110", "2026-11-10"),
        ("２０２６－１１－１０", "2026-11-10"),
        ("2026-02-30", ""),
        ("2026-13-01", ""),
        ("10/11/2026", ""),
        ("46336", ""),
        ("待定", ""),
        ("", ""),
    ],
)
def test_dates_as_written(written: str, day: str) -> None:
    assert iso_date(written) == day


@given(st.dates())
def test_every_day_reads_back(day: object) -> None:
    assert iso_date(str(day)) == str(day)


@given(st.text())
def test_no_text_breaks_the_readers(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert iso_date(text) == "" or len(iso_date(text)) == 10
    years = age_in_years(text, "")
    assert years is None or 0 <= years <= 130


@pytest.mark.parametrize(
    ("age", "unit", "years"),
    [
        ("45", "岁", 45.0),
        ("45.0", "", 45.0),
        ("6", "月", 0.5),
        ("45岁", "", 45.0),
        ("九百", "岁", None),
        ("900", "岁", None),
        ("-3", "岁", None),
        ("3", "光年", None),
    ],
)
def test_ages(age: str, unit: str, years: float | None) -> None:
    assert age_in_years(age, unit) == years


def test_age_bands_do_not_overlap() -> None:
    assert [age_band(years) for years in (0.5, 1, 6.9, 7, 44, 45, 75, 130)] == [
        "<1",
        "1–6",
        "1–6",
        "7–17",
        "18–44",
        "45–64",
        "≥75",
        "≥75",
    ]
    assert age_band(None) == age_band(float("nan")) == ""


def test_codes_are_looked_up_and_strangers_marked() -> None:
    values = pd.Series(["男", " 女 ", "", "雄"], dtype="str")
    assert coded(values, "sex").tolist() == ["male", "female", "", "?"]
    assert iso_dates(pd.Series([], dtype="str")).tolist() == []
