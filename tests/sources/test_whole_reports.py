"""Batches never cut a case, lose no row, and come in an order that the file alone decides."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from pv.sources import open_source, whole_reports

HEADINGS = ["报告表编码", "唯一标识", "报告类型-新的", "报告类型-严重程度", "怀疑/并用", "通用名称", "不良反应名称"]
HEADINGS += ["国家中心接收时间"]


def _row(number: str, name: str, unique: str = "") -> list[str]:
    return [number, unique, "", "一般", "怀疑", name, "皮疹", "2026-11-10"]


def _csv(rows: list[list[str]], encoding: str = "utf-8") -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([HEADINGS, *rows])
    return buffer.getvalue().encode(encoding)


def _read(path: Path, size: int) -> list[list[tuple[str, str, int]]]:
    return [
        list(zip(b.fields["report_number"], b.fields["name"], b.fields["row"], strict=True))
        for b in open_source(path, size).batches()
    ]


NUMBERS = st.lists(st.sampled_from(["", "甲", "B", "C", "D"]), max_size=25)


@settings(max_examples=60, deadline=None)
@given(numbers=NUMBERS, size=st.integers(1, 12), odd=st.sets(st.integers(0, 24), max_size=3), gb=st.booleans())
def test_every_row_of_a_case_is_in_one_batch(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[str], size: int, odd: set[int], gb: bool
) -> None:
    """Ragged and empty lines among the rows too, in both encodings."""
    rows = [_row(number, f"药{place}") for place, number in enumerate(numbers)]
    for place in odd & set(range(len(rows))):
        rows[place] = [*rows[place], "多"] if place % 2 else []
    path = tmp_path_factory.mktemp("f") / "x.csv"
    path.write_bytes(_csv(rows, "gb18030" if gb else "utf-8"))
    batches = _read(path, size)
    whole = _read(path, 10_000)
    flat = [row for batch in batches for row in batch]
    assert flat == [row for batch in whole for row in batch]
    kept = [(row[0], row[5], place + 2) for place, row in enumerate(rows) if row]
    assert sorted(flat, key=lambda row: row[2]) == kept
    cases = [{number for number, _, _ in batch if number} for batch in batches]
    assert all(not one & other for at, one in enumerate(cases) for other in cases[at + 1 :])
    assert all(len(batch) < size + 5 * len(numbers) for batch in batches)


def test_cases_that_stand_together_keep_their_place_and_scattered_ones_follow(tmp_path: Path) -> None:
    rows = [_row(number, name) for number, name in zip("ABABCC", "123456", strict=True)]
    path = tmp_path / "x.csv"
    path.write_bytes(_csv([*rows, _row("D", "7")]))
    names = [[name for _, name, _ in batch] for batch in _read(path, 2)]
    assert names == [["5", "6"], ["7"], ["1", "3"], ["2", "4"]]


def test_a_case_is_known_by_its_unique_mark_before_its_number(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(_csv([_row("A", "1", "U"), _row("B", "2", "V"), _row("C", "3", "Ｕ ")]))
    assert [[name for _, name, _ in batch] for batch in _read(path, 1)] == [["2"], ["1", "3"]]


def test_scattered_cases_are_read_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_reports, "SCATTERED", 4)
    path = tmp_path / "x.csv"
    path.write_bytes(_csv([_row(number, str(place)) for place, number in enumerate("ABCDE" * 3)]))
    batches = _read(path, 3)
    assert [[number for number, _, _ in batch] for batch in batches] == [
        ["A"] * 3,
        ["B"] * 3,
        ["C"] * 3,
        ["D"] * 3,
        ["E"] * 3,
    ]


def test_sheets_of_one_layout_are_one_table(tmp_path: Path) -> None:
    """The second sheet lacks a column that is not required; a case goes on in it."""
    path = tmp_path / "x.xlsx"
    book = xlsxwriter.Workbook(str(path))
    first, second = book.add_worksheet("一"), book.add_worksheet("二")
    for number, row in enumerate([HEADINGS, _row("A", "1", "U"), _row("B", "2")]):
        first.write_row(number, 0, row)
    short = [name for name in HEADINGS if name != "唯一标识"]
    for number, row in enumerate([short, ["B", "", "一般", "怀疑", "3", "皮疹", "2026-11-10"]]):
        second.write_row(number, 0, row)
    book.close()
    batches = list(open_source(path, 1).batches())
    assert [batch.fields["name"].tolist() for batch in batches] == [["1"], ["2", "3"]]
    assert [batch.fields["unique_id"].tolist() for batch in batches] == [["U"], ["", ""]]
    assert all(list(one.raw.columns) == list(other.raw.columns) for one, other in pairwise(batches))
    assert batches[1].raw["唯一标识"].tolist() == ["", ""]


def test_a_file_without_rows_is_one_empty_batch(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(_csv([]))
    (batch,) = open_source(path).batches()
    assert batch.fields.empty
    assert {"report_number", "row", "ragged", "garbled"} <= set(batch.fields)
