"""Years, quarters and months as people write them, and the days that they span."""

from __future__ import annotations

import re
from datetime import date, timedelta

# No figure of a centre is older or of so far a future: another calendar, or a slip of the pen.
FIRST_YEAR, LAST_YEAR = 1900, 2100


def is_of_our_time(year: int) -> bool:
    return FIRST_YEAR <= year <= LAST_YEAR


def period(text: str) -> str:
    """`2026` or `2026-10` from the ways people write a year or a month; "" where it is neither.

    >>> period("2026年10月"), period("2026/9"), period("2026年"), period("2026-13"), period("2569")
    ('2026-10', '2026-09', '2026', '', '')
    """
    match = re.fullmatch(r"(\d{4})年?(?:[-/.]?(\d{1,2})月?)?", text)
    if match is None or not is_of_our_time(int(match[1])) or (match[2] is not None and not 1 <= int(match[2]) <= 12):
        return ""
    return match[1] if match[2] is None else f"{match[1]}-{int(match[2]):02d}"


def span(text: str) -> str:
    """A period, or a quarter as `2026-Q3`; "" where it is neither.

    >>> span("2026年第三季度"), span("2026年3季度"), span("2026q1"), span("2026-10"), span("2026-Q5")
    ('2026-Q3', '2026-Q3', '2026-Q1', '2026-10', '')
    """
    match = re.fullmatch(r"(\d{4})年?[-/ ]?(?:[Qq]([1-4])|第?([1-4一二三四])季度?)", text)
    if match is None:
        return period(text)
    quarter = match[2] or str("一二三四".find(match[3]) + 1 or match[3])
    return f"{match[1]}-Q{quarter}" if is_of_our_time(int(match[1])) else ""


def bounds(span: str) -> tuple[str, date, date]:
    """year, quarter or month; its first day; the first day after it.

    >>> bounds("2026-Q4")
    ('quarter', datetime.date(2026, 10, 1), datetime.date(2027, 1, 1))
    """
    year = int(span[:4])
    if len(span) == 4:
        return "year", date(year, 1, 1), date(year + 1, 1, 1)
    length, first = ("quarter", 3 * int(span[6:]) - 2) if "Q" in span else ("month", int(span[5:]))
    after = first + (3 if length == "quarter" else 1)
    return length, date(year, first, 1), date(year + (after > 12), (after - 1) % 12 + 1, 1)


def last_day(span: str) -> date:
    """
    >>> last_day("2026-02")
    datetime.date(2026, 2, 28)
    """
    return bounds(span)[2] - timedelta(days=1)
