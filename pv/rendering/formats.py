"""How a value is written for people: one set of helpers for every page, in the page's language.

A missing value is an em dash. A ratio without a finite value is ∞: its pair was only ever reported together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from pv.week import SHANGHAI

MISSING = "—"
UNBOUNDED = "∞"

# text; code, codes (several, joined by ";") and screens are translated; count 1,234; change +12; growth, a share,
# +12.3%; number with one decimal, ratio with two, probability with three; percent, a share, 12.3%; population, in
# persons; measure, a share or a rate by its metric; flag, yes or no; day, ISO text; digest of a file; instant in
# Shanghai.
Kind = Literal[
    "text",
    "code",
    "codes",
    "screens",
    "count",
    "change",
    "growth",
    "number",
    "ratio",
    "percent",
    "population",
    "probability",
    "measure",
    "flag",
    "day",
    "digest",
    "instant",
]


def is_missing(value: Any) -> bool:
    """Whether there is nothing to show: None, NaN or blank text."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def write(value: Any, kind: Kind, language: str) -> str:
    """A value as text. Shares (0.5) are written as percentages; codes are translated elsewhere."""
    if is_missing(value):
        return MISSING
    writer = _WRITERS.get(kind)
    return writer(value, language) if writer else str(value)


def interval(low: Any, high: Any, kind: Kind = "ratio") -> str:
    """A 95 % interval, `1.20 – 3.45`; an open upper end is ∞."""
    if is_missing(low) and is_missing(high):
        return MISSING
    return f"{write(low, kind, '')} – {write(high, kind, '')}"


def local_instant(value: datetime | str) -> str:
    """An instant to the minute in Shanghai time; text is read as ISO 8601."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return instant.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def _decimal(value: float, digits: int, *, signed: bool = False) -> str:
    if math.isinf(value):
        return UNBOUNDED if value > 0 else f"−{UNBOUNDED}"
    rounded = round(value, digits)
    if rounded == 0:
        return f"<{10**-digits:.{digits}f}" if value > 0 else f"{0:.{digits}f}"
    return f"{rounded:{'+' if signed else ''},.{digits}f}".replace("-", "−")


def _flag(value: Any, language: str) -> str:
    words = ("否", "是") if language == "zh" else ("no", "yes")
    return words[bool(value)]


def _population(value: Any, language: str) -> str:
    return f"{value / 10_000:,.2f} 万" if language == "zh" else f"{value:,.0f}"


def _change(value: Any, _language: str) -> str:
    return f"{int(value):+,}".replace("-", "−") if value else "0"


_WRITERS: dict[str, Callable[[Any, str], str]] = {
    "count": lambda value, _: f"{int(value):,}",
    "change": _change,
    "growth": lambda value, _: f"{_decimal(value * 100, 1, signed=True)}%",
    "number": lambda value, _: _decimal(float(value), 1),
    "probability": lambda value, _: _decimal(float(value), 3),
    "ratio": lambda value, _: _decimal(float(value), 2),
    "percent": lambda value, _: f"{_decimal(value * 100, 1)}%",
    "population": _population,
    "flag": _flag,
    "digest": lambda value, _: str(value)[:12],
    "instant": lambda value, _: local_instant(value),
}
