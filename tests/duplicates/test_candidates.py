"""Pairs worth comparing, against a look at every pair."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import Engine

from pv import store
from pv.duplicates.bulk import score_bulk
from pv.duplicates.candidates import candidates
from pv.duplicates.comparisons import APART
from pv.duplicates.model import model
from pv.duplicates.records import KNOWN_SEX, Shares
from tests.duplicates.told import REPORT, crowd, tell

Pair = tuple[str, str]


def _alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """The four rules and what all of them ask, in plain words."""
    if one["left_out"] or other["left_out"]:
        return False
    if {one["sex"], other["sex"]} == set(KNOWN_SEX):
        return False
    if None not in {one["age"], other["age"]} and abs(one["age"] - other["age"]) > APART:
        return False
    product = bool({p for p, _, _ in one["products"]} & {p for p, _, _ in other["products"]})
    name, onset, record, unit = (bool(one[k]) and one[k] == other[k] for k in ("name", "onset", "record", "unit"))
    return (name and (product or onset)) or (record and unit) or (product and onset)


def _by_hand(reports: list[dict[str, Any]]) -> list[Pair]:
    return sorted((a["number"], b["number"]) for a, b in combinations(reports, 2) if _alike(a, b))


def test_the_query_finds_the_pairs_that_a_look_at_all_finds(engine: Engine) -> None:
    reports = crowd(120)
    with store.writing(engine) as connection:
        tell(connection, *reports)
        found = candidates(connection, "drug", 1, model())
    assert found == _by_hand(reports)
    assert len(found) > 300


def test_a_load_looks_at_pairs_with_a_new_report_only(engine: Engine) -> None:
    reports = crowd(120)
    with store.writing(engine) as connection:
        tell(connection, *reports[:100])
        first = tell(connection, *reports[100:])
        found = candidates(connection, "drug", first, model())
    new = {report["number"] for report in reports[100:]}
    assert found == [pair for pair in _by_hand(reports) if new & set(pair)]


def test_duckdb_finds_the_same_pairs(engine: Engine) -> None:
    everything = replace(model(), zones={"merged": 0.95, "review": 1e-300})
    reports = crowd(80, seed=2)
    with store.writing(engine) as connection:
        tell(connection, *reports[:50])
        first = tell(connection, *reports[50:])
        found = score_bulk(connection, "drug", first, everything, Shares(connection, "drug", everything))
        assert [one.pair for one in found] == candidates(connection, "drug", first, everything)


@pytest.mark.parametrize(
    "told",
    [
        {"products": [("x", "", "")], "onset": ""},  # by name alone nothing
        {"name": "", "onset": "2026-10-02"},  # by product alone nothing
        {"stream": "device"},
        {"left_out": "deleted"},
        {"sex": "female"},
        {"age": 48.5},
        {"number": "A"},  # another version of the same report
    ],
)
def test_reports_that_are_no_pair(engine: Engine, told: dict[str, Any]) -> None:
    with store.writing(engine) as connection:
        tell(connection, {}, {"number": "B"} | told)
        assert candidates(connection, "drug", 1, model()) == []


@pytest.mark.parametrize(("key", "value"), [("name", "张伟"), ("record", "1"), ("onset", "2026-10-01")])
def test_what_too_many_reports_share_is_no_sign(engine: Engine, key: str, value: str) -> None:
    """Seven reports that share one thing by which pairs are looked for: found where a block may have seven."""
    distinct = {"name": "", "record": "", "onset": "", "products": REPORT["products"]}
    if key == "record":
        distinct["products"] = []
    told = [{"number": f"{n}", **distinct, key: value} for n in range(7)]
    weights = replace(model(), largest_block=7)
    with store.writing(engine) as connection:
        tell(connection, *told)
        assert len(candidates(connection, "drug", 1, weights)) == 21
        assert candidates(connection, "drug", 1, replace(weights, largest_block=5)) == []
        assert len(candidates(connection, "drug", 1, replace(weights, largest_day=6))) == (0 if key == "onset" else 21)


def test_nothing_in_common_spares_the_copy(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pv.duplicates.bulk._copied", None)  # a copy would fail
    told = [{"number": f"{n}", "name": f"{n}", "record": f"{n}", "onset": ""} for n in range(5)]
    with store.writing(engine) as connection:
        tell(connection, *told)
        assert score_bulk(connection, "drug", 1, model(), Shares(connection, "drug", model())) == []
