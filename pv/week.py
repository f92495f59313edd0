"""Reporting weeks: ISO weeks, Monday to Monday (half-open), in the calendar of Asia/Shanghai."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
_EPOCH = date(1970, 1, 5)  # the first Monday after 1 January 1970


@dataclass(frozen=True, order=True)
class Week:
    """An ISO week as the number of weeks since Monday 5 January 1970."""

    index: int

    @classmethod
    def parse(cls, text: str) -> Week:
        """Read `2026-W46`. Raises ValueError that says what is expected."""
        match = re.fullmatch(r"(\d{4})-W(\d{2})", text.strip())
        if match is None:
            raise ValueError(f"“{text}” is not a week; write the year and the ISO week, as in 2026-W46")
        try:
            monday = date.fromisocalendar(int(match[1]), int(match[2]), 1)
        except ValueError:
            raise ValueError(f"{match[1]} has no week {match[2]}; ISO weeks run from 01 to 52 or 53") from None
        return cls.of(monday)

    @classmethod
    def of(cls, day: date) -> Week:
        return cls((day - _EPOCH).days // 7)

    @property
    def start(self) -> date:
        return _EPOCH + timedelta(weeks=self.index)

    @property
    def end(self) -> date:
        """The first day after the week."""
        return self.start + timedelta(days=7)

    @property
    def last_day(self) -> date:
        return self.start + timedelta(days=6)

    @property
    def year(self) -> int:
        """The year of the week's Thursday."""
        return self.start.isocalendar().year

    @property
    def year_start(self) -> date:
        """Where “year to date” begins: 1 January of the year of the week's Thursday."""
        return date(self.year, 1, 1)

    @property
    def year_elapsed(self) -> float:
        """Share of the year from 1 January to the week's end, at most 1."""
        days = (date(self.year + 1, 1, 1) - self.year_start).days
        return min(1.0, (self.end - self.year_start).days / days)

    @property
    def previous(self) -> Week:
        return Week(self.index - 1)

    @property
    def a_year_before(self) -> Week:
        """The week of the same number in the year before (52 where that year has no week 53)."""
        number = self.start.isocalendar().week
        try:
            return Week.of(date.fromisocalendar(self.year - 1, number, 1))
        except ValueError:
            return Week.of(date.fromisocalendar(self.year - 1, 52, 1))

    def __str__(self) -> str:
        iso = self.start.isocalendar()
        return f"{iso.year}-W{iso.week:02d}"


def weeks_between(first: Week, last: Week) -> list[Week]:
    """Both ends included. Raises ValueError where the first is after the last."""
    if first > last:
        raise ValueError(f"the first week {first} is after the last week {last}")
    return [Week(index) for index in range(first.index, last.index + 1)]


def weeks_of(days: Iterable[str]) -> list[str]:
    """The weeks of ISO days, each once, in order; "" is no day.

    >>> weeks_of(["2026-11-16", "", "2026-11-09", "2026-11-15"])
    ['2026-W46', '2026-W47']
    """
    return [str(week) for week in sorted({Week.of(date.fromisoformat(day)) for day in days if day})]


def local_day(instant: datetime) -> date:
    """The calendar day of an instant in Shanghai."""
    return instant.astimezone(SHANGHAI).date()


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant; without an offset it is Shanghai time; a bare day means its end."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip()):
            day = date.fromisoformat(text.strip())
            return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=SHANGHAI).astimezone(UTC)
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"“{text}” is not a moment; write 2026-11-16 or 2026-11-16T08:00:00+08:00") from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=SHANGHAI)).astimezone(UTC)


def instant_text(instant: datetime) -> str:
    """An instant as the store writes it: UTC, whole seconds, `2026-11-16T00:00:00Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
