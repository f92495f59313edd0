"""Wording, dates, ages and codes as people write them, read into one form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pandas as pd

from pv import reference

BLANK = frozenset({"", "无", "/", "-", "—", "--", "不详", "未知", "N/A", "NI", "NA", "*"})
_AGE_UNITS = {"岁": 1.0, "年": 1.0, "月": 1 / 12, "个月": 1 / 12, "周": 7 / 365.25, "天": 1 / 365.25}
_AGE_UNITS |= {"日": 1 / 365.25, "日龄": 1 / 365.25, "小时": 1 / 8766, "": 1.0}
OLDEST = 130.0


def clean(text: str) -> str:
    """Width folded (NFKC), control characters removed, runs of white space one space, ends stripped."""
    folded = unicodedata.normalize("NFKC", text)
    printable = "".join(c if c.isprintable() else " " for c in folded)
    return re.sub(r"\s+", " ", printable).strip()


def over_unique(values: pd.Series[str], function: Callable[[str], str]) -> pd.Series[str]:
    """Apply a text function once per distinct value."""
    cells = values.tolist()
    mapping = {cell: function(cell) for cell in dict.fromkeys(cells)}
    return pd.Series([mapping[cell] for cell in cells], index=values.index, dtype="str")


def lookup(values: pd.Series[Any], mapping: Mapping[Any, str]) -> pd.Series[str]:
    """The text that each value maps to; "" where there is none."""
    return pd.Series([mapping.get(value, "") for value in values.tolist()], index=values.index, dtype="str")


def clean_all(values: pd.Series[str]) -> pd.Series[str]:
    return over_unique(values, clean)


_DATE = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})"
    r"|年(\d{1,2})月(\d{1,2})日?|(\d{2})(\d{2}))(?:[ T]\d{1,2}[:时].*)?"
)


def iso_date(text: str) -> str:
    """`2026-11-10` from the ways the exports write a day, with or without a time; "" where it is no day."""
    match = _DATE.fullmatch(clean(text))
    if match is None:
        return ""
    year, month, day = (int(part) for part in match.groups() if part is not None)
    try:
        return pd.Timestamp(year=year, month=month, day=day).date().isoformat()
    except ValueError:
        return ""


def iso_dates(values: pd.Series[str]) -> pd.Series[str]:
    return over_unique(values, iso_date)


def age_in_years(age: str, unit: str) -> float | None:
    """Years from an age and its unit; None where it cannot be read or is outside 0 to 130 years."""
    match = re.fullmatch(r"(\d{1,4}(?:\.\d+)?)\s*(\D*)", clean(age))
    if match is None:
        return None
    factor = _AGE_UNITS.get(match[2] or clean(unit))
    years = None if factor is None else float(match[1]) * factor
    return years if years is not None and years <= OLDEST else None


AGE_BANDS = ((1, "<1"), (7, "1–6"), (18, "7–17"), (45, "18–44"), (65, "45–64"), (75, "65–74"), (1000, "≥75"))


def age_band(years: float | None) -> str:
    """A band wide enough not to point at a person; "" where the age is unknown."""
    if years is None or years != years:  # noqa: PLR0124 - NaN
        return ""
    return next(label for upper, label in AGE_BANDS if years < upper)


@cache
def code_list(name: str) -> dict[str, str]:
    """Written value → code, of one list of `reference/codes.csv`."""
    return {row["written"]: row["code"] for row in reference.shipped_csv("codes") if row["list"] == name}


def coded(values: pd.Series[str], name: str) -> pd.Series[str]:
    """Codes of a list; "" where blank, "?" where the wording is not in the list."""
    known = code_list(name)
    return over_unique(values, lambda text: "" if not clean(text) else known.get(clean(text), "?"))
