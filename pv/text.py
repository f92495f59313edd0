"""Wording, dates, ages and codes as people write them, read into one form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pv import reference

BLANK = frozenset({"", "无", "/", "-", "—", "--", "不详", "未知", "N/A", "NI", "NA", "*"})
SEVERAL = "\x1f"  # between the labels of a cell that holds several
_AGE_UNITS = {"岁": 1.0, "年": 1.0, "月": 1 / 12, "个月": 1 / 12, "周": 7 / 365.25, "天": 1 / 365.25}
_AGE_UNITS |= {"日": 1 / 365.25, "日龄": 1 / 365.25, "小时": 1 / 8766, "": 1.0}
OLDEST = 130.0


def clean(text: str) -> str:
    """Width folded (NFKC), control characters removed, runs of white space one space, ends stripped."""
    if text.isprintable() and "  " not in text and unicodedata.is_normalized("NFKC", text):
        return text.strip()  # of white space only the plain space is printable
    return tidy(unicodedata.normalize("NFKC", text))


def tidy(text: str) -> str:
    """As written, but for control characters and runs of white space."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"\s+", " ", printable).strip()


def fold(text: str) -> str:
    """Letters and digits of a text, in one width and case; "" for the pieces that mean “none”.

    >>> fold("２０２６－03 0a")
    '2026030A'
    """
    if text.isascii() and text.isalnum() and text not in BLANK:  # most lots, of which there are a hundred thousand
        return text.upper()
    whole = clean(text)
    return "" if whole in BLANK else "".join(filter(str.isalnum, whole.upper()))


def over_unique(values: pd.Series[str], function: Callable[[str], str]) -> pd.Series[str]:
    """Apply a text function once per distinct value."""
    distinct, codes = _distinct(values)
    made = [function(cell) for cell in distinct]
    return values if made == distinct else _spread(made, codes, values.index)


def lookup(values: pd.Series[Any], mapping: Mapping[Any, str]) -> pd.Series[str]:
    """The text that each value maps to; "" where there is none."""
    if isinstance(values.dtype, pd.StringDtype):
        return over_unique(values, lambda text: mapping.get(text, ""))
    return pd.Series([mapping.get(value, "") for value in values.tolist()], index=values.index, dtype="str")


def numbers_over_unique(values: pd.Series[str], function: Callable[[str], float]) -> pd.Series[float]:
    """Apply a function that gives a number once per distinct value."""
    distinct, codes = _distinct(values)
    numbers = np.array([function(cell) for cell in distinct], dtype="float64")
    return pd.Series(numbers[codes.to_numpy()], index=values.index)


def _distinct(values: pd.Series[str]) -> tuple[list[str], pa.Int32Array]:
    """The distinct texts in the order in which they are met, and which of them each value is.

    Arrow finds them in a twentieth of the time that a dict of Python takes.
    """
    cells = pa.array(values, pa.large_string(), from_pandas=True)
    encoded = (cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells).dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices


def _spread(texts: list[str], codes: pa.Int32Array, index: pd.Index) -> pd.Series[str]:
    return pd.Series(pd.array(pa.array(texts, pa.large_string()).take(codes), dtype="str"), index=index)


def one_label_a_row(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a key and labels, with a row for each label of a cell that holds several (lots, ingredients)."""
    for column in rows.columns[1:]:
        if isinstance(rows[column].dtype, pd.StringDtype) and rows[column].str.contains(SEVERAL, regex=False).any():
            rows = rows.assign(**{column: rows[column].str.split(SEVERAL)}).explode(column).astype({column: "str"})
    return rows


def clean_all(values: pd.Series[str]) -> pd.Series[str]:
    """`clean` of every value; numbers and codes, of which each is another, are seen to be clean at once."""
    if len(values) and values.iloc[0].isascii():
        cells = pa.array(values, pa.large_string(), from_pandas=True)
        if pc.all(pc.match_substring_regex(cells, r"^([!-~]+( [!-~]+)*)?$")).as_py():
            return values
    return over_unique(values, clean)


def is_among(values: pd.Series[str], others: pd.Series[str]) -> pd.Series[bool]:
    """Whether each text is one of many others; pandas' `isin` takes ten times as long for texts."""
    if others.empty:
        return pd.Series(False, index=values.index)
    sought = pa.array(others.drop_duplicates(), pa.large_string(), from_pandas=True)
    found = pc.is_in(pa.array(values, pa.large_string(), from_pandas=True), value_set=sought)
    return pd.Series(found.to_numpy(zero_copy_only=False), index=values.index)


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
