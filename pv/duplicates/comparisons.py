"""Which level a pair of reports is at, once for arrays and once as SQL for Splink; the weights are data.

Each comparison has its levels in the order in which they are tried; a level that says nothing (`unknown`) comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pv.duplicates.records import Array

Side = Mapping[str, Array]
INFANT = 3.0  # years of age below which a year is no small difference
APART = 2.0  # years of age that the same patient's reports do not differ by


@dataclass(frozen=True)
class Test:
    """`sql`: level → condition of Splink on `x_l` and `x_r`. `met`: the same conditions on arrays, all but ELSE."""

    sql: Mapping[str, str]
    met: Callable[[Side, Side], list[Array]]

    def levels(self, left: Side, right: Side) -> Array:
        """Name of the level of each pair."""
        *tried, otherwise = self.sql
        return np.select(self.met(left, right), tried, otherwise)


def _blank(column: str, left: Side, right: Side) -> Array:
    blank: Array = (left[column] == "") | (right[column] == "")
    return blank


def _equal(column: str) -> Callable[[Side, Side], list[Array]]:
    return lambda left, right: [_blank(column, left, right), left[column] == right[column]]


def _equal_sql(column: str) -> dict[str, str]:
    return {
        "unknown": f"{column}_l IS NULL OR {column}_r IS NULL",
        "equal": f"{column}_l = {column}_r",
        "different": "ELSE",
    }


def _ages(left: Side, right: Side) -> list[Array]:
    no_birth = _blank("birth", left, right)
    years = np.abs(left["age"] - right["age"])
    tolerated = np.where(np.minimum(left["age"], right["age"]) < INFANT, 0.1, 1.0)
    return [
        no_birth & np.isnan(years),
        ~no_birth & (left["birth"] == right["birth"]),
        years > APART,
        ~no_birth,
        years <= tolerated,
    ]


_AGES = {
    "unknown": "(birth_l IS NULL OR birth_r IS NULL) AND (age_l IS NULL OR age_r IS NULL)",
    "same_birth": "birth_l = birth_r",
    "apart": f"abs(age_l - age_r) > {APART}",
    "other_birth": "birth_l IS NOT NULL AND birth_r IS NOT NULL",
    "close": f"abs(age_l - age_r) <= CASE WHEN least(age_l, age_r) < {INFANT} THEN 0.1 ELSE 1.0 END",
    "near": "ELSE",
}


def _days(left: Side, right: Side) -> list[Array]:
    days = np.abs(left["onset"] - right["onset"])
    return [np.isnan(days), days == 0, days <= 3, days <= 30]


_DAYS = {
    "unknown": "onset_l IS NULL OR onset_r IS NULL",
    "same": "onset_l = onset_r",
    "days": "abs(onset_l - onset_r) <= 3",
    "weeks": "abs(onset_l - onset_r) <= 30",
    "far": "ELSE",
}


def _empty(column: str, left: Side, right: Side) -> Array:
    pairs = zip(left[column], right[column], strict=True)
    return np.fromiter((not a or not b for a, b in pairs), bool, len(left[column]))


def _shared(column: str, left: Side, right: Side) -> Array:
    pairs = zip(left[column], right[column], strict=True)
    return np.fromiter((not a.isdisjoint(b) for a, b in pairs), bool, len(left[column]))


def _products(left: Side, right: Side) -> list[Array]:
    return [_empty("products", left, right), _shared("products", left, right)]


def _of_product(column: str) -> Callable[[Side, Side], list[Array]]:
    """What is told of a product says something where both reports have a product in common and both tell it."""
    return lambda left, right: [
        _empty(column, left, right) | ~_shared("products", left, right),
        _shared(column, left, right),
    ]


def _shared_sql(column: str, unknown: str) -> dict[str, str]:
    return {"unknown": unknown, "shared": f"list_has_any({column}_l, {column}_r)", "other": "ELSE"}


def _of_product_sql(column: str) -> dict[str, str]:
    blank = f"{column}_l IS NULL OR {column}_r IS NULL"
    products = "products_l IS NULL OR products_r IS NULL OR NOT list_has_any(products_l, products_r)"
    return _shared_sql(column, f"{blank} OR {products}")


def _events(left: Side, right: Side) -> list[Array]:
    same = np.fromiter(
        (a == b for a, b in zip(left["events"], right["events"], strict=True)), bool, len(left["events"])
    )
    return [_empty("events", left, right), same, _shared("events", left, right)]


_EVENTS = {
    "unknown": "events_l IS NULL OR events_r IS NULL",
    "same": "events_l = events_r",  # lists in order, each event once
    "some": "list_has_any(events_l, events_r)",
    "other": "ELSE",
}


def _units(left: Side, right: Side) -> list[Array]:
    unit, no_record = left["unit"] == right["unit"], _blank("record", left, right)
    return [
        _blank("unit", left, right),
        unit & ~no_record & (left["record"] == right["record"]),
        unit & ~no_record,
        unit,
    ]


_UNITS = {
    "unknown": "unit_l IS NULL OR unit_r IS NULL",
    "same_record": "unit_l = unit_r AND record_l = record_r",
    "other_record": "unit_l = unit_r AND record_l IS NOT NULL AND record_r IS NOT NULL",
    "same": "unit_l = unit_r",
    "other": "ELSE",
}

TESTS: Mapping[str, Test] = {
    "name": Test(_equal_sql("name"), _equal("name")),
    "age": Test(_AGES, _ages),
    "sex": Test(_equal_sql("sex"), _equal("sex")),
    "onset": Test(_DAYS, _days),
    "product": Test(_shared_sql("products", "products_l IS NULL OR products_r IS NULL"), _products),
    "identifier": Test(_of_product_sql("identifiers"), _of_product("identifiers")),
    "lot": Test(_of_product_sql("lots"), _of_product("lots")),
    "event": Test(_EVENTS, _events),
    "unit": Test(_UNITS, _units),
    "outcome": Test(_equal_sql("outcome"), _equal("outcome")),
}
