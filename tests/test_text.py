import re
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv.text import (
    age_band,
    age_in_years,
    clean,
    clean_all,
    coded,
    is_among,
    iso_date,
    iso_dates,
    lookup,
    numbers_over_unique,
    over_unique,
)


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


TEXTS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
        st.sampled_from(["", " ", "a b", "a  b", " a", "ａ", "\u3000甲", "R1", "R2", "a\tb", "\u2028", "①", "\x7f"]),
    ),
    max_size=12,
)


def _folded(text: str) -> str:
    """What `clean` says, without its short cut."""
    folded = unicodedata.normalize("NFKC", text)
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in folded)).strip()


@given(TEXTS)
def test_short_cuts_change_nothing(texts: list[str]) -> None:
    values = pd.Series(texts, dtype="str", index=range(5, 5 + len(texts)))
    assert [clean(text) for text in texts] == [_folded(text) for text in texts]
    cleaned = clean_all(values)
    assert cleaned.tolist() == [_folded(text) for text in texts]
    assert cleaned.index.equals(values.index)
    assert over_unique(values, str.swapcase).tolist() == [text.swapcase() for text in texts]
    assert lookup(values, {"R1": "x"}).tolist() == ["x" if text == "R1" else "" for text in texts]


@given(TEXTS, TEXTS)
def test_membership_and_numbers_are_those_of_plain_sets(texts: list[str], others: list[str]) -> None:
    values, sought = pd.Series(texts, dtype="str"), pd.Series(others, dtype="str")
    assert is_among(values, sought).tolist() == [text in set(others) for text in texts]
    lengths = numbers_over_unique(values, lambda text: float(len(text)) if text else np.nan)
    pd.testing.assert_series_equal(lengths, pd.Series([len(text) or np.nan for text in texts], dtype="float64"))
