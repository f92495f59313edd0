from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv.week import Week, instant_text, local_day, parse_instant, weeks_between

DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))


@given(DAYS)
def test_a_day_lies_in_its_week(day: date) -> None:
    week = Week.of(day)
    assert week.start <= day < week.end
    assert Week.parse(str(week)) == week
    iso = day.isocalendar()
    assert str(week) == f"{iso.year}-W{iso.week:02d}"


def test_a_week_that_crosses_the_year() -> None:
    week = Week.parse("2026-W01")  # Monday 29 December 2025 to Sunday 4 January 2026
    assert (week.start, week.last_day) == (date(2025, 12, 29), date(2026, 1, 4))
    assert week.year_start == date(2026, 1, 1)
    assert week.year_elapsed == 4 / 365


def test_the_last_week_of_a_year_of_53() -> None:
    week = Week.parse("2026-W53")
    assert week.end == date(2027, 1, 4)
    assert week.year == 2026
    assert week.year_elapsed == 1.0
    assert str(week.a_year_before) == "2025-W52"
    assert str(Week.parse("2026-W46").a_year_before) == "2025-W46"
    assert str(week.previous) == "2026-W52"


@pytest.mark.parametrize("text", ["2026-46", "2026-W54", "2025-W53", "W46", "", "２０２６-W46x"])
def test_what_is_no_week(text: str) -> None:
    with pytest.raises(ValueError, match="week"):
        Week.parse(text)


def test_weeks_between_names_both_ends() -> None:
    weeks = weeks_between(Week.parse("2025-W52"), Week.parse("2026-W02"))
    assert list(map(str, weeks)) == ["2025-W52", "2026-W01", "2026-W02"]
    with pytest.raises(ValueError, match="after"):
        weeks_between(weeks[1], weeks[0])


def test_moments() -> None:
    assert instant_text(parse_instant("2026-11-16")) == "2026-11-16T15:59:59Z"  # the end of the day in Shanghai
    assert instant_text(parse_instant("2026-11-16T08:00:00")) == "2026-11-16T00:00:00Z"
    assert instant_text(parse_instant("2026-11-16T08:00:00+00:00")) == "2026-11-16T08:00:00Z"
    assert local_day(datetime(2026, 11, 15, 16, 0, tzinfo=UTC)) == date(2026, 11, 16)
    with pytest.raises(ValueError, match="moment"):
        parse_instant("yesterday")
