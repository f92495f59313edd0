from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from pv.rendering.formats import interval, local_instant, write


@pytest.mark.parametrize(
    ("value", "kind", "zh"),
    [
        (1234, "count", "1,234"),
        (0, "count", "0"),
        (12.0, "count", "12"),
        (5, "change", "+5"),
        (-5, "change", "−5"),
        (0, "change", "0"),
        (0.123, "growth", "+12.3%"),
        (-0.5, "growth", "−50.0%"),
        (182.31, "number", "182.3"),
        (0.04, "number", "<0.1"),
        (0.0, "number", "0.0"),
        (4.5349, "ratio", "4.53"),
        (-0.184, "ratio", "−0.18"),
        (-0.001, "ratio", "0.00"),
        (0.001, "ratio", "<0.01"),
        (1234.5, "ratio", "1,234.50"),
        (math.inf, "ratio", "∞"),
        (0.876, "percent", "87.6%"),
        (1.0, "percent", "100.0%"),
        (0.00001, "probability", "<0.001"),
        (1_470_000.0, "population", "147.00 万"),
        (True, "flag", "是"),
        (False, "flag", "否"),
        ("abcdef0123456789", "digest", "abcdef012345"),
        ("2026-11-09", "day", "2026-11-09"),
        ("=1+1", "text", "=1+1"),
    ],
)
def test_written_value(value: object, kind: str, zh: str) -> None:
    assert write(value, kind, "zh") == zh  # type: ignore[arg-type]


def test_english_differs_where_words_do() -> None:
    assert write(1_470_000.0, "population", "en") == "1,470,000"
    assert [write(value, "flag", "en") for value in (True, False)] == ["yes", "no"]


@pytest.mark.parametrize("value", [None, "", math.nan])
@pytest.mark.parametrize("kind", ["count", "ratio", "percent", "day", "text", "flag", "instant", "population"])
def test_missing_is_a_dash(value: object, kind: str) -> None:
    assert write(value, kind, "en") == "—"  # type: ignore[arg-type]


def test_interval() -> None:
    assert interval(1.2, 3.456) == "1.20 – 3.46"
    assert interval(1.03, math.inf) == "1.03 – ∞"
    assert interval(math.nan, math.inf) == "— – ∞"
    assert interval(math.nan, math.nan) == "—"


def test_instants_are_shown_in_beijing_time() -> None:
    assert local_instant(datetime(2026, 11, 15, 23, 30, tzinfo=UTC)) == "2026-11-16 07:30"
    assert local_instant("2026-11-16T00:10:00Z") == "2026-11-16 08:10"
