"""Copies, late rows, corrections and deletions stand in the files as the truth says."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import pytest

from pv.week import Week
from tests.demo.demo_files import EVENTS, KEYS, NUMBER, STREAMS, City, day, exports_of, left_out, narrow, terms


def _merged(city: City, stream: str) -> set[frozenset[str]]:
    """The groups that the exact rule makes of the last versions, found without the generator's help."""
    _, _, name, birth, age, sex, onset, product = KEYS[stream]
    people = defaultdict(list)
    for key, rows in city.last.items():
        line = rows[0]
        if line.stream == stream and not left_out(line) and line[name]:
            born = str(day(line[birth])) if line[birth] else f"age {line[age]}"
            counted = {narrow(row[product]) for row in rows if row["怀疑/并用"] != "并用"}
            if stream != "drug":
                counted = {f"{line[NUMBER[stream]]} {line[product]}"}
            person = (line[name], born, line[sex], str(day(line[onset])))
            people[person].append((key.split()[1], counted))
    groups: set[frozenset[str]] = set()
    for reports in people.values():
        linked = {case: {case} for case, _ in reports}
        for (one, products), (other, others) in combinations(reports, 2):
            if products & others:
                union = linked[one] | linked[other]
                linked |= dict.fromkeys(union, union)
        groups |= {frozenset(group) for group in linked.values() if len(group) > 1}
    return groups


@pytest.mark.parametrize("stream", STREAMS)
def test_exactly_the_planted_copies_satisfy_the_merge_rule(city: City, stream: str) -> None:
    planted = [entry for entry in city.truth["duplicates"] if entry["stream"] == stream]
    exact = {frozenset(entry["cases"]) for entry in planted if entry["kind"] == "exact"}
    assert _merged(city, stream) == exact
    assert city.truth["totals"][stream]["merged"] == sum(len(entry["cases"]) - 1 for entry in planted) > len(exact)
    near = [entry for entry in city.truth["near_duplicates"] if entry["stream"] == stream]
    assert {entry["differs"] for entry in near} >= {"name", "onset", "sex", "product"}


def _told(city: City, stream: str, case: str) -> dict[str, object]:
    """What a report says of who, what and when, whatever the style of its cells."""
    rows = city.last[f"{stream} {case}"]
    _, _, name, birth, age, sex, onset, product = KEYS[stream]
    lot = {"drug": "生产批号", "device": "产品批号", "cosmetic": "生产批号"}[stream]
    first = rows[0]
    return {
        "name": first[name],
        "birth": day(first[birth]),
        "age": first[age],
        "sex": first[sex],
        "onset": day(first[onset]),
        "product": {narrow(row[product]) for row in rows},
        "lot": {row[lot] for row in rows} - {"", "不详"},
        "events": {term for column in EVENTS.values() for term in terms(first[column])},
    }


DIFFERS = {
    "exact": set(),
    "onset": {"onset"},
    "age": {"age"},
    "birth": {"birth"},
    "name_spaced": {"name"},
    "lot": {"lot", "onset"},
    "events": {"events", "onset"},
    "unnamed": {"name"},
    "masked": {"name"},
}


def test_copies_differ_in_what_their_kind_says(city: City) -> None:
    kinds = set()
    for entry in [*city.truth["duplicates"], *city.truth["doubtful_duplicates"]]:
        one, *copies = (_told(city, entry["stream"], case) for case in entry["cases"])
        for copy in copies:
            differs = {what for what, told in copy.items() if told != one[what]}
            left_out = {what for what in ("birth", "age") if what in differs and not copy[what]}
            # A report that leaves the age out tells no birth date either, and one without a name tells neither.
            assert differs - left_out == DIFFERS[entry["kind"]] - left_out, entry
            assert left_out <= {"birth", *DIFFERS[entry["kind"]]}, entry
        kinds.add(entry["kind"])
    assert kinds == set(DIFFERS)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_root_of_a_group_was_received_on_an_earlier_day(city: City, stream: str) -> None:
    received = KEYS[stream][1]
    for entry in city.truth["duplicates"]:
        if entry["stream"] == stream:
            days = [day(city.last[f"{stream} {case}"][0][received]) for case in entry["cases"]]
            assert days[0] < min(days[1:])


def test_late_reports_come_in_the_weeks_that_the_truth_says(city: City) -> None:
    kinds = set()
    for entry in city.truth["late"]:
        (week, rows), *more = exports_of(city, entry["stream"], entry["cases"][0]).items()
        received = day(rows[0][KEYS[entry["stream"]][1]])
        assert more == []
        assert (str(Week.of(received)), week) == (entry["received"], entry["exported"])
        kinds.add((entry["kind"], entry["received"] < entry["exported"]))
    assert kinds == {("exported_late", True), ("reported_late", False)}


def test_corrected_reports_differ_and_repeated_ones_do_not(city: City) -> None:
    for entry in city.truth["corrected"]:
        exports = exports_of(city, entry["stream"], entry["cases"][0])
        first, later = exports[entry["first"]], exports[entry["corrected"]]
        assert [line.cells for line in first] != [line.cells for line in later]
        if entry["stream"] == "drug":
            moments = [rows[0]["最后修改时间"] for rows in (first, later)]
            assert day(moments[0]) < day(moments[1])
            assert str(Week.of(day(moments[1]))) == entry["corrected"]
    for entry in city.truth["repeated"]:
        exports = exports_of(city, entry["stream"], entry["cases"][0])
        first, later = exports[entry["first"]], exports[entry["repeated"]]
        assert [line.cells for line in first] == [line.cells for line in later]


def test_reports_are_marked_as_left_out_from_the_week_that_the_truth_says(city: City) -> None:
    for entry in city.truth["left_out"]:
        exports = exports_of(city, entry["stream"], entry["cases"][0])
        marked = {week for week, rows in exports.items() if left_out(rows[0]) == entry["reason"]}
        assert marked == {entry["marked"]}
        assert set(exports) == {entry["first"], entry["marked"]}
    assert {entry["reason"] for entry in city.truth["left_out"]} == {"deleted", "duplicate", "misreport"}
