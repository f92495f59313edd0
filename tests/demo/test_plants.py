"""Pairs, clusters, padding and silence, counted from the files."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from pv.demo import LAST_WEEK
from pv.week import Week
from tests.demo.demo_files import (
    EVENTS,
    KEYS,
    NUMBER,
    STREAMS,
    City,
    Line,
    day,
    left_out,
    narrow,
    serious,
    table,
    terms,
)


def test_silent_hospitals_stop_and_padding_ones_repeat_themselves(city: City) -> None:
    names = {row["name"]: row["hospital_id"] for row in table(city, "hospitals")}
    silent = {entry["hospital_id"]: entry["first_silent_week"] for entry in city.truth["silent"]}
    assert any(entry["never_reported"] for entry in city.truth["silent"])
    for line in city.lines:
        unit = names.get((line["报告单位名称"] or line["单位名称"]).strip("\u3000 "))
        received = day(line[KEYS[line.stream][1]])
        if unit in silent and received and received < LAST_WEEK.end:
            assert str(Week.of(received)) < silent[unit]
    stories = Counter((line["不良反应过程描述"] or line["使用过程"]) for line in city.lines)
    assert len(city.truth["padding"]) == 3
    for entry in city.truth["padding"]:
        assert stories[entry["narrative"]] == entry["reports"] == len(entry["cases"])


def test_clusters_share_a_lot_within_some_days(city: City) -> None:
    lots = {"drug": "生产批号", "device": "产品批号", "cosmetic": "生产批号"}
    for entry in city.truth["clusters"]:
        lines = [city.last[f"{entry['stream']} {case}"][0] for case in entry["cases"]]
        assert {line[lots[entry["stream"]]] for line in lines} <= {entry["lot"], "不详"}
        days = [day(line[KEYS[entry["stream"]][1]]) for line in lines]
        assert (str(min(days)), str(max(days))) == (entry["first_received"], entry["last_received"])
        assert max(days) - min(days) < timedelta(days=30)
        assert sum(serious(line) for line in lines) >= entry["serious"] * (entry["stream"] != "device")
    assert {entry["grouped_by"] for entry in city.truth["clusters"]} == {"lot", "registration"}


def test_canaries_stand_in_the_newest_week_and_nowhere_else(city: City) -> None:
    for canary in city.truth["canaries"]:
        column = re.sub(r"\.\d$", "", canary["column"])
        found = {line.week for line in city.of(canary["stream"]) if (column, canary["value"]) in line.cells}
        assert found == {str(LAST_WEEK)}
    values = [canary["value"] for canary in city.truth["canaries"] if "出生" not in canary["column"]]
    assert len(set(values)) == len(values)


def _table_of(city: City, entry: dict[str, str]) -> tuple[int, int, int, int]:
    """The 2×2 table of a pair, counted from the files; merged groups are one case."""
    stream, level = entry["stream"], entry["level"]
    root = {
        case: group["cases"][0]
        for group in city.truth["duplicates"]
        if group["stream"] == stream
        for case in group["cases"]
    }
    cases: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for key, rows in city.last.items():
        case = key.split()[1]
        if key.startswith(stream) and not left_out(rows[0]):
            products, events = cases[root.get(case, case)]
            products |= {_label(row, level) for row in rows if row["怀疑/并用"] != "并用"} - {"", "/"}
            events |= terms(rows[0][EVENTS[entry["kind"]]])
    cells = Counter(
        (entry["product"] in products, entry["event"] in events)
        for products, events in cases.values()
        if products and events
    )
    return cells[True, True], cells[True, False], cells[False, True], cells[False, False]


def _label(line: Line, level: str) -> str:
    if level == "approval":
        return line["批准文号"]
    if level == "generic":
        return narrow(line["通用名称"])
    name = line["产品名称"] or line["化妆品名称"]
    return f"{line[NUMBER[line.stream]]} {name}"


def test_the_tables_of_planted_pairs_follow_from_the_files(city: City) -> None:
    for entry in city.truth["pairs"]:
        assert _table_of(city, entry) == (entry["a"], entry["b"], entry["c"], entry["d"]), entry


def _reports_on(city: City, entry: dict[str, str]) -> list[Line]:
    """First rows of the reports on a planted product received from the onset on."""
    stream, received = entry["stream"], KEYS[entry["stream"]][1]
    return [
        rows[0]
        for key, rows in city.last.items()
        if key.startswith(stream)
        and str(Week.of(day(rows[0][received]))) >= entry["onset"]
        and any(_label(row, entry["level"]) == entry["product"] and row["怀疑/并用"] != "并用" for row in rows)
    ]


def test_planted_pairs_are_in_excess_from_their_onset_on(city: City) -> None:
    """All pairs together: at least twice what the reference share lets expect, and about what is planted."""
    observed, unremarkable, planted = 0, 0.0, 0.0
    clusters = {case for entry in city.truth["clusters"] for case in entry["cases"]}
    for entry in city.truth["pairs"]:
        lines = [line for line in _reports_on(city, entry) if line.case not in clusters]
        observed += sum(entry["event"] in terms(line[EVENTS[entry["kind"]]]) for line in lines)
        unremarkable += entry["reference_share"] * len(lines)
        planted += entry["share"] * len(lines)
    assert observed > 2 * unremarkable
    assert observed == pytest.approx(planted, rel=0.35)


def test_pairs_are_graded_and_the_structure_is_not_planted(city: City) -> None:
    by_stream = defaultdict(set)
    for entry in city.truth["pairs"]:
        by_stream[entry["stream"]].add(entry["strength"])
        known = city.truth["structure"][entry["stream"]][entry["kind"]]
        if entry["against"] == "stream":
            assert entry["event"] not in known[entry["product"]]
    assert all(strengths == {2, 4, 8, 16} for strengths in by_stream.values())
    labels = {product["label"] for product in city.truth["products"]}
    for stream in STREAMS:
        for kind in city.truth["structure"][stream].values():
            assert set(kind) <= labels
            assert all(ratio > 1 for events in kind.values() for ratio in events.values())
