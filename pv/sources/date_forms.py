"""Days in forms that a layout declares, since nobody can tell 03/04/2026 by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta

from pv.text import clean, iso_date

_NUMBERS = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})(?:[ T].*)?")
_NAMED = re.compile(r"(\d{1,2})[ \-/.]?([A-Za-z]{3})[a-z]*\.?[ \-/.,]*(\d{4})(?:[ T].*)?")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_EXCEL_DAY_0 = date(1899, 12, 30)
_EXCEL_DAYS = range(20_000, 80_000)  # 1954 to 2119


def _iso(year: str, month: int, day: str) -> str:
    try:
        return date(int(year), month, int(day)).isoformat()
    except ValueError:
        return ""


def _day_first(text: str) -> str:
    match = _NUMBERS.fullmatch(text)
    return _iso(match[3], int(match[2]), match[1]) if match else ""


def _month_first(text: str) -> str:
    match = _NUMBERS.fullmatch(text)
    return _iso(match[3], int(match[1]), match[2]) if match else ""


def _named_month(text: str) -> str:
    match = _NAMED.fullmatch(text)
    name = match[2].lower() if match else ""
    return _iso(match[3], _MONTHS.index(name) + 1, match[1]) if match and name in _MONTHS else ""


def _serial(text: str) -> str:
    match = re.fullmatch(r"(\d{5})(?:\.\d+)?", text)
    if match is None or int(match[1]) not in _EXCEL_DAYS:
        return ""
    return (_EXCEL_DAY_0 + timedelta(days=int(match[1]))).isoformat()


FORMS: Mapping[str, Callable[[str], str]] = {
    "year-month-day": iso_date,
    "day/month/year": _day_first,
    "month/day/year": _month_first,
    "day-mon-year": _named_month,
    "excel": _serial,
}
"""How a day may be written. 2026-11-03, 2026/11/3, 20261103 and 2026年11月3日; 03/11/2026; 11/03/2026; 3-Nov-2026; the
number of a spreadsheet's day, 46329."""


def read_day(text: str, form: str) -> str:
    """ISO day of a text in a form, or in the usual one; the text itself where it is neither, so that it is named.

    >>> read_day("03/11/2026", "day/month/year"), read_day("2026-11-03", "day/month/year"), read_day("soon", "excel")
    ('2026-11-03', '2026-11-03', 'soon')
    """
    written = clean(text)
    return FORMS[form](written) or iso_date(written) or text
