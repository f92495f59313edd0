"""Verdicts on pairs of reports, filled in by people: put into effect, row by row."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, select

from pv import forms, store
from pv.duplicates import link_new
from pv.intake import FileAccount, load_file
from pv.schema import case_decision
from tests.conftest import KEY, NOW
from tests.duplicates.told import NOW as TOLD
from tests.duplicates.told import merged, tell

HEADINGS = ["报告类别", "报告编号", "另一报告编号", "概率", "人工判定", "判定人", "说明"]


def _stored(engine: Engine) -> None:
    """A, B and C may be of one patient, who is not named; D is merged into A."""
    told = [{"number": number, "name": "", "received": f"2026-10-1{day}"} for day, number in enumerate("ABC")]
    with store.writing(engine) as connection:
        tell(connection, {"number": "A"}, *told[1:], {"number": "D", "received": "2026-10-20"})
        link_new(connection, "drug", 1, TOLD)


def _drop(engine: Engine, folder: Path, *rows: tuple[str, str, str, str], days: int = 0) -> FileAccount:
    path = folder / f"{days}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        told = [["药品", one, other, "0.97", verdict, by, ""] for one, other, verdict, by in rows]
        csv.writer(handle).writerows([HEADINGS, *told])
    return load_file(engine, path, folder / "archive", KEY, NOW + timedelta(days=days))


def _merged(engine: Engine) -> dict[str, str]:
    with store.reading(engine) as connection:
        return merged(connection)


def test_verdicts_are_put_into_effect_and_touch_their_weeks(engine: Engine, tmp_path: Path) -> None:
    _stored(engine)
    assert _merged(engine) == {"D": "A"}
    account = _drop(
        engine, tmp_path, ("A", "B", "同一事件 same", "李四"), ("A", "C", "不同", "李四"), ("B", "C", "", "")
    )
    assert (account.read, account.stored, account.unchanged, account.quarantined) == (3, 2, 1, 0)
    assert account.weeks == ("2026-W41",)
    assert _merged(engine) == {"D": "A", "B": "A"}
    with store.reading(engine) as connection:
        said = connection.execute(select(case_decision.c.verdict, case_decision.c.decided_by)).all()
    assert said == [("same", "李四"), ("different", "李四")]


def test_a_later_verdict_takes_the_place_of_an_earlier_one(engine: Engine, tmp_path: Path) -> None:
    _stored(engine)
    _drop(engine, tmp_path, ("A", "B", "same", "李四"))
    account = _drop(engine, tmp_path, ("A", "B", "different", "王五"), days=1)
    assert (account.stored, account.weeks) == (1, ("2026-W41",))
    assert _merged(engine) == {"D": "A"}
    assert _drop(engine, tmp_path, ("A", "B", "different", "王五"), days=2).unchanged == 1


def test_rows_that_cannot_be_are_named_and_the_others_taken(engine: Engine, tmp_path: Path) -> None:
    _stored(engine)
    account = _drop(
        engine,
        tmp_path,
        ("A", "X9", "same", "李四"),
        ("A", "A", "same", "李四"),
        ("A", "B", "same", ""),
        ("A", "B", "same", "李四"),
        ("B", "C", "same", "李四"),
        ("A", "C", "different", "李四"),  # A is B and B is C
        ("D", "B", "maybe", "李四"),
    )
    assert (account.read, account.stored, account.unchanged, account.quarantined) == (7, 2, 0, 5)
    assert [(p.code, p.row, p.column, p.value) for p in account.problems] == [
        ("form_empty", 4, "判定人", ""),
        ("form_code", 8, "人工判定", "***"),
        ("report_unknown", 2, "另一报告编号", "X9"),
        ("pair_of_one", 3, "另一报告编号", "A"),
        ("decision_chain", 7, "人工判定", "different"),
    ]
    assert _merged(engine) == {"D": "A", "B": "A", "C": "A"}


def test_a_lower_verdict_that_cannot_be_hides_no_good_one(engine: Engine, tmp_path: Path) -> None:
    _stored(engine)
    said = [("A", "C", "same"), ("A", "B", "same"), ("B", "C", "same"), ("A", "C", "different")]
    account = _drop(engine, tmp_path, *((*one, "李四") for one in said))
    assert (account.stored, account.unchanged, [problem.row for problem in account.problems]) == (3, 0, [5])
    with store.reading(engine) as connection:
        kept = forms.in_force(connection, "duplicates", "9999")
    assert dict(zip(kept["case_number"] + kept["other_number"], kept["verdict"], strict=True)) == dict.fromkeys(
        ("AB", "BC", "AC"), "same"
    )


def test_what_was_decided_to_be_apart_is_not_joined_through_another(engine: Engine, tmp_path: Path) -> None:
    _stored(engine)
    _drop(engine, tmp_path, ("B", "D", "different", "李四"))
    account = _drop(engine, tmp_path, ("A", "B", "same", "王五"), days=1)  # D is merged into A
    assert [problem.code for problem in account.problems] == ["decision_apart"]
    assert _merged(engine) == {"D": "A"}
