from __future__ import annotations

from dataclasses import fields
from typing import Any

import pandas as pd
from small_city import City

from pv.rendering.line_lists import cases_behind, line_list, week_cases
from pv.rendering.models import CHANGED, Alert
from pv.rendering.signal_model import signal_report
from pv.week import Week

WEEK = Week.parse("2026-W46")


def filing(case: str, **given: Any) -> dict[str, Any]:
    texts = dict.fromkeys(
        ("merged_into", "left_out", "sex", "age_band", "outcome", "hospital", "onset_on", "warnings"), ""
    )
    flags = dict.fromkeys(("serious", "death", "new", "evaluated"), False)
    known = {"stream": "drug", "case": case, "received_on": "2026-11-09", "products": "甲", "events": "皮疹"}
    return texts | flags | known | given


def alert(product: str, event: str) -> Alert:
    numbers: dict[str, Any] = {field.name: 0 for field in fields(Alert)}
    words = {"stream": "drug", "event_kind": "reaction", "level": "generic", "comparator": "stream", "window": "all"}
    return Alert(**numbers | words | {"product": product, "event": event, "screens": "ror", "status": "new"})


def test_each_case_of_the_week_stands_once_under_its_gravest_reason() -> None:
    frame = pd.DataFrame(
        [
            filing("plain"),
            filing("new", new=True),
            filing("serious", serious=True),
            filing("both", serious=True, new=True),
            filing("death", serious=True, new=True, death=True),
            filing("merged", serious=True, merged_into="both"),
            filing("deleted", death=True, left_out="deleted"),
        ]
    )
    listed = week_cases(frame, frame.iloc[:0], WEEK)
    assert list(zip(listed["case"], listed["why"], strict=True)) == [
        ("death", "death"),
        ("both", "new_serious"),
        ("serious", "serious"),
        ("new", "new"),
    ]


def test_a_case_that_becomes_graver_is_listed_again() -> None:
    """By a correction of its own, or by the report of another hospital that is merged into it."""
    old = {"received_on": "2026-10-05"}
    before = pd.DataFrame(
        [filing("A", serious=True, **old), filing("B", **old), filing("C", death=True, **old), filing("G", **old)]
    )
    now = pd.DataFrame(
        [
            filing("A", serious=True, death=True, **old),  # corrected
            filing("B", **old),
            filing("D", death=True, merged_into="B"),  # the same event, told as a death
            filing("C", death=True, **old),
            filing("E", death=True, merged_into="C"),  # tells nothing graver
            filing("F", serious=True),
            filing("G", serious=True, left_out="deleted", **old),
        ]
    )
    listed = week_cases(now, before, WEEK)
    assert list(zip(listed["case"], listed["why"], listed["change"], listed["death"], strict=True)) == [
        ("A", "death", "raised", True),
        ("B", "death", "raised", True),
        ("F", "serious", "", False),
    ]


def test_merged_reports_stand_behind_a_pair_together() -> None:
    frame = pd.DataFrame(
        [
            filing("A", products="甲; 乙", events="头晕"),
            filing("B", merged_into="A", products="丙", events="皮疹; 瘙痒", received_on="2026-01-05"),
            filing("C", products="乙", events="恶心"),
            filing("D", products="乙", events="皮疹", left_out="deleted"),
        ]
    )
    lines = cases_behind(frame, [alert("乙", "皮疹"), alert("甲", "瘙痒")])
    assert lines["case"].tolist() == ["A", "B"]
    assert set(lines["pairs"]) == {"乙 – 皮疹; 甲 – 瘙痒"}


def test_a_grave_case_behind_an_alert_keeps_both_reasons() -> None:
    frame = pd.DataFrame([filing("A", serious=True), filing("B", received_on="2026-01-05")])
    table = line_list(week_cases(frame, frame[frame["case"] == "B"], WEEK), cases_behind(frame, [alert("甲", "皮疹")]))
    why, case, pairs = (table.place(name) for name in ("why", "case", "pairs"))
    assert [(row[case], row[why], row[pairs]) for row in table.rows] == [
        ("A", "serious;alert", "甲 – 皮疹"),
        ("B", "alert", "甲 – 皮疹"),
    ]


def test_no_alert_no_case() -> None:
    assert len(cases_behind(pd.DataFrame([filing("A")]), [])) == 0


def test_as_many_cases_are_listed_as_the_table_counts(city: City) -> None:
    report = signal_report(city.week_input)
    changed = [entry for entry in report.alerts if entry.status in CHANGED and entry.window == "all"]
    assert changed
    for entry in changed:
        assert len(cases_behind(city.filings, [entry])) == entry.a
