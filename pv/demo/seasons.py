"""How many reports a week brings: holidays, the Spring Festival dip, the rush before the year is closed."""

from __future__ import annotations

from datetime import date, timedelta

from pv.week import Week

# New year's day of the lunar calendar.
_SPRING_FESTIVALS = (
    date(2020, 1, 25),
    date(2021, 2, 12),
    date(2022, 2, 1),
    date(2023, 1, 22),
    date(2024, 2, 10),
    date(2025, 1, 29),
    date(2026, 2, 17),
)
_SPRING = {-1: 0.75, 0: 0.3, 1: 0.6, 2: 1.1}  # weeks from the festival's week
_BY_MONTH = (1.0, 0.95, 1.0, 1.0, 1.0, 1.05, 0.95, 0.95, 1.0, 1.0, 1.12, 1.25)
# Quotas are closed before the year's last days: the last week is quiet again.
_QUIET = {(10, 1): 0.55, (5, 1): 0.8, (1, 1): 0.7}


def season(week: Week) -> float:
    """Reports of the week relative to an ordinary one; about 1 on average over a year."""
    factor = _BY_MONTH[(week.start + timedelta(days=3)).month - 1]
    for festival in _SPRING_FESTIVALS:
        factor *= _SPRING.get(week.index - Week.of(festival).index, 1.0)
    days = (week.start + timedelta(days=offset) for offset in range(7))
    for day in days:
        factor *= _QUIET.get((day.month, day.day), 1.0)
    return factor
