"""Forms: recognised in both languages, read by kind, kept with their moment, the same twice changes nothing."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from pv import forms, intake, store
from pv.forms import effects
from pv.forms.checking import number
from pv.forms.periods import period
from pv.intake import FileAccount
from pv.schema import entry
from pv.schema import file as file_table
from pv.sources import detect
from pv.sources import forms as declared
from pv.week import instant_text
from tests.conftest import KEY, NOW

ZH = ["报告类别", "报告编号", "另一报告编号", "人工判定", "判定人", "说明"]
EN = ["Stream", "Case number", "Other case number", "Verdict", "Decided by", "Note"]
LATER = NOW + timedelta(days=1)


def sheet(path: Path, headings: Sequence[str], *rows: Sequence[str]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle).writerows([headings, *rows])
    return path


def load(engine: Engine, path: Path, at: object = NOW, dry_run: bool = False) -> FileAccount:
    return intake.load_file(engine, path, path.parent / "archive", KEY, at, dry_run)  # type: ignore[arg-type]


def kept(engine: Engine, stamp: str = "9999") -> pd.DataFrame:
    with store.reading(engine) as connection:
        return forms.in_force(connection, "duplicates", stamp)


@pytest.mark.parametrize("name", [one.name for one in declared.forms()])
def test_a_row_of_blanks_says_nothing(engine: Engine, tmp_path: Path, name: str) -> None:
    headings = [column.name for column in declared.form(name).columns]
    account = load(engine, sheet(tmp_path / "a.csv", headings, [" "] * len(headings), ["\u3000"]))
    assert rows_of(account) == (2, 0, 2, 0)


def rows_of(account: FileAccount) -> tuple[int, int, int, int]:
    return account.read, account.stored, account.unchanged, account.quarantined


@pytest.fixture(autouse=True)
def _no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "EFFECTS", {})


@pytest.mark.parametrize("headings", [ZH, EN])
def test_headings_are_known_in_both_languages(engine: Engine, tmp_path: Path, headings: list[str]) -> None:
    path = sheet(tmp_path / "a.csv", headings, ["药品", "D1", "D2", "同一事件", "李四", ""])
    layout = detect(path)
    assert layout is not None
    assert layout.stream == "forms"
    account = load(engine, path)
    assert (account.stream, account.format, rows_of(account)) == ("forms", "duplicates", (1, 1, 0, 0))
    (row,) = kept(engine)[["stream", "case_number", "other_number", "verdict", "decided_by"]].to_numpy().tolist()
    assert row == ["drug", "D1", "D2", "same", "李四"]


def test_an_unanswered_row_is_passed_over_and_a_wrong_one_is_named(engine: Engine, tmp_path: Path) -> None:
    rows = [
        ["drug", "D1", "D2", "", "", ""],  # nothing said
        ["drug", "D1", "D3", "perhaps", "李四", ""],
        ["drug", "", "D4", "same", "", ""],
        ["drug", "D5", "D6", "Different", "李四", "two lots"],
    ]
    account = load(engine, sheet(tmp_path / "a.csv", EN, *rows))
    assert rows_of(account) == (4, 1, 1, 2)
    assert [(p.code, p.row, p.column, p.value) for p in account.problems] == [
        ("form_code", 3, "人工判定", "***"),
        ("form_empty", 4, "报告编号", ""),
        ("form_empty", 4, "判定人", ""),
    ]
    assert kept(engine)["note"].tolist() == ["two lots"]


def test_the_last_entry_of_a_key_is_in_force_and_the_past_stays(engine: Engine, tmp_path: Path) -> None:
    first = sheet(tmp_path / "a.csv", ZH, ["drug", "D1", "D2", "same", "李四", ""])
    second = sheet(tmp_path / "b.csv", ZH, ["drug", "D1", "D2", "different", "王五", ""])
    load(engine, first)
    load(engine, second, LATER)
    assert kept(engine)["verdict"].tolist() == ["different"]
    assert kept(engine, instant_text(NOW))["verdict"].tolist() == ["same"]
    assert rows_of(load(engine, second, LATER + timedelta(days=1))) == (1, 0, 1, 0)
    again = load(engine, first, LATER + timedelta(days=2))  # said once more: it is news
    assert again.stored == 1
    assert kept(engine)["verdict"].tolist() == ["same"]


def test_of_two_rows_of_one_key_the_lower_stands(engine: Engine, tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.csv", ZH, *(["drug", "D1", "D2", said, "李四", ""] for said in ("same", "different")))
    assert rows_of(load(engine, path)) == (2, 1, 1, 0)
    assert kept(engine)["verdict"].tolist() == ["different"]


def test_a_form_without_rows_says_nothing(engine: Engine, tmp_path: Path) -> None:
    assert rows_of(load(engine, sheet(tmp_path / "a.csv", ZH))) == (0, 0, 0, 0)


def test_a_dry_run_keeps_nothing(engine: Engine, tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.csv", ZH, ["drug", "D1", "D2", "same", "李四", ""])
    assert rows_of(load(engine, path, dry_run=True)) == (1, 1, 0, 0)
    assert kept(engine).empty
    assert not (tmp_path / "archive").exists()


def test_the_sheet_of_a_workbook_is_found_beside_others(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "week.xlsx"
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("说明").write_row(0, 0, ["本表…"])
    other = book.add_worksheet("病例")  # would be taken for an export
    other.write_row(0, 0, ["报告表编码", "报告类型-新的", "通用名称", "怀疑/并用"])
    review = book.add_worksheet("疑似重复")
    review.write_row(0, 0, ["疑似重复核对"])
    review.write_row(1, 0, ["概率", *ZH])
    review.write_row(2, 0, ["0.97", "药品", "D1", "D2", "不同事件", "李四"])
    book.close()
    account = load(engine, path)
    assert rows_of(account) == (1, 1, 0, 0)
    with store.reading(engine) as connection:
        assert connection.execute(select(entry.c.sheet, entry.c.row)).all() == [("疑似重复", 3)]
        assert connection.execute(select(file_table.c.stream, file_table.c.stored)).all() == [("forms", 1)]


def test_an_effect_touches_weeks_and_may_refuse_rows(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def effect(connection: Connection, rows: pd.DataFrame, stamp: str) -> effects.Effect:
        assert stamp == instant_text(NOW)
        wrong = rows[rows["case_number"] == "D9"]
        return effects.Effect(
            ("2026-11-10",), tuple(forms.Fault(int(row), "case_number", "form_code") for row in wrong.index)
        )

    monkeypatch.setattr(effects, "EFFECTS", {"duplicates": effect})
    rows = (["drug", case, "D2", "same", "李四", ""] for case in ("D1", "D9"))
    account = load(engine, sheet(tmp_path / "a.csv", ZH, *rows))
    assert rows_of(account) == (2, 1, 0, 1)
    assert account.weeks == ("2026-W46",)
    assert kept(engine)["case_number"].tolist() == ["D1"]


def test_headings_of_all_forms_are_their_own() -> None:
    """No heading that tells a form is a tell-tale of another one, and keys, answers and kinds are its columns."""
    for form in declared.forms():
        fields = [column.field for column in form.columns]
        assert {*form.key, form.answer} - {""} <= set(fields)
        assert set(form.kinds) == set(fields)
        assert all(column.aliases for column in form.columns)
        others = [set(other.detect) for other in declared.forms() if other != form]
        assert all(set(form.detect).isdisjoint(other) for other in others)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_written(value: float) -> None:
    assert float(number(repr(value))) == value


def test_numbers_and_periods_that_are_none() -> None:
    assert [number(text) for text in ("1,234.5", "12%", "1e999", "nan", "3 支")] == ["1234.5", "", "", "", ""]
    texts = ("2026", "2026-1", "2026.10", "202610", "2026年1月", "26-10", "2026-W46", "2026-00")
    assert [period(text) for text in texts] == ["2026", "2026-01", "2026-10", "2026-10", "2026-01", "", "", ""]
