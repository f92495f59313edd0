"""Files as they come: titles above the heading, line breaks in headings, three encodings, old and new workbooks."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
import xlwt

from pv.sources import FileRefused, delimited, detect, read
from pv.sources.layouts import layouts, number_repeats

HEADINGS = [
    "报告表编码",
    "报告类型-新的",
    "报告类型-\n严重程度",
    "怀疑/并用",
    "通用名称",
    "不良反应\r\n名称",
    "国家中心接收时间",
]
ROWS = [
    ["D1", "", "一般", "怀疑", "阿莫西林", "皮疹", "2026-11-10"],
    ["D2", "", "严重", "怀疑", "头孢", "休克", "2026-11-11"],
]


def _xlsx(path: Path, rows: list[list[str]], sheet: str = "数据") -> Path:
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("说明").write(0, 0, "本表为导出数据")
    page = book.add_worksheet(sheet)
    for number, row in enumerate(rows):
        page.write_row(number, 0, row)
    book.close()
    return path


def test_a_workbook_with_a_title_and_broken_headings(tmp_path: Path) -> None:
    path = _xlsx(tmp_path / "任意名.bin", [["药品不良反应/事件报告表"], HEADINGS, *ROWS])
    extract = read(path)
    assert extract.layout.name == "drug_national"
    assert extract.fields["report_number"].tolist() == ["D1", "D2"]
    assert extract.fields["reaction"].tolist() == ["皮疹", "休克"]
    assert extract.fields["row"].tolist() == [3, 4]
    assert set(extract.fields["sheet"]) == {"数据"}


def test_every_sheet_of_a_workbook_is_read(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "two.xlsx"))
    for name, row in zip(("一", "二"), ROWS, strict=True):
        page = book.add_worksheet(name)
        page.write_row(0, 0, HEADINGS)
        page.write_row(1, 0, row)
    book.close()
    extract = read(tmp_path / "two.xlsx")
    assert extract.fields["report_number"].tolist() == ["D1", "D2"]
    assert extract.fields["sheet"].tolist() == ["一", "二"]
    assert len(extract.raw) == 2


def test_sheets_of_two_exports_are_refused(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "two.xlsx"))
    book.add_worksheet("药").write_row(0, 0, HEADINGS)
    book.add_worksheet("妆").write_row(0, 0, ["报告表编号", "化妆品名称", "报告日期", "皮损形态"])
    book.close()
    assert _refusal(tmp_path / "two.xlsx") == "two_layouts"


def test_an_old_workbook(tmp_path: Path) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    page = book.add_sheet("数据")
    for number, row in enumerate([HEADINGS, *ROWS]):
        for column, cell in enumerate(row):
            page.write(number, column, cell)
    book.save(str(tmp_path / "old.xls"))
    assert read(tmp_path / "old.xls").fields["name"].tolist() == ["阿莫西林", "头孢"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", "\t"])
def test_text_files(tmp_path: Path, encoding: str, separator: str) -> None:
    path = tmp_path / "x.csv"
    with path.open("w", encoding=encoding, newline="") as handle:
        csv.writer(handle, delimiter=separator).writerows([["导出时间 2026-11-16"], HEADINGS, *ROWS, []])
    extract = read(path)
    assert extract.fields["reaction"].tolist() == ["皮疹", "休克"]
    # The heading takes three physical lines but is record 2.
    assert extract.fields["row"].tolist() == [3, 4]
    assert not extract.fields["ragged"].any()


def test_rows_of_another_width_are_kept_and_marked(tmp_path: Path) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([HEADINGS, ROWS[0], [*ROWS[1], "多"], ["D3", "", "一般"]])
    (tmp_path / "x.csv").write_text(buffer.getvalue(), encoding="utf-8")
    fields = read(tmp_path / "x.csv").fields
    assert fields["report_number"].tolist() == ["D1", "D2", "D3"]
    assert fields["ragged"].tolist() == [False, True, True]
    assert fields["row"].tolist() == [2, 3, 4]


def test_repeated_headings_are_numbered() -> None:
    assert number_repeats(["伤害", "单位\n名称", "伤害", "伤害", "", ""]) == [
        "伤害",
        "单位名称",
        "伤害.1",
        "伤害.2",
        "",
        "",
    ]


@pytest.mark.parametrize("layout", layouts(), ids=lambda layout: layout.name)
def test_every_layout_is_recognised_by_its_own_columns(layout: object, tmp_path: Path) -> None:
    columns = [column.name.removesuffix(".1") for column in layout.columns]  # type: ignore[attr-defined]
    with (tmp_path / "x.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([columns, ["x"] * len(columns)])
    extract = read(tmp_path / "x.csv")
    assert extract.layout == layout
    mapped = {column.field for column in extract.layout.columns if column.field}
    assert mapped <= set(extract.fields)


def _refusal(path: Path) -> str:
    assert detect(path) is None
    with pytest.raises(FileRefused) as refused:
        read(path)
    return refused.value.code


def test_files_that_are_refused(tmp_path: Path) -> None:
    def write(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    whole = _xlsx(tmp_path / "whole.xlsx", [HEADINGS, *ROWS]).read_bytes()
    headings = ",".join(name.replace("\n", "").replace("\r", "") for name in HEADINGS).encode()
    assert _refusal(write("empty.csv", b"")) == "empty"
    assert _refusal(write("cut.xlsx", whole[: len(whole) // 2])) == "truncated"
    assert _refusal(write("other.csv", b"a,b\n1,2\n")) == "unknown_layout"
    assert _refusal(write("text.xlsx", "这不是工作簿".encode())) == "unknown_layout"
    assert _refusal(write("noise.csv", bytes(range(256)) * 10)) == "not_a_table"
    assert _refusal(write("other.zip", b"PK\x05\x06" + b"\0" * 18)) == "not_a_table"
    assert _refusal(write("wide.csv", b",".join([headings, *[b"x"] * 10_000]) + b"\n1")) == "too_wide"
    assert _refusal(write("bytes.csv", b"\xff\xff\xfd,\xff\n" * 3)) == "encoding"
    assert _refusal(write("wide.txt", "报告表编码,报告类型-新的".encode("utf-16"))) == "encoding"
    assert _refusal(tmp_path / "absent.csv") == "unreadable"


def test_a_missing_column(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("报告表编码,报告类型-新的,通用名称,不良反应名称\nD1,,a,b\n", encoding="utf-8")
    with pytest.raises(FileRefused) as refused:
        read(path)
    assert refused.value.code == "column_missing"
    assert refused.value.values["column"] == "报告类型-严重程度、怀疑/并用、国家中心接收时间"
    assert refused.value.values["row"] == 1


def test_an_encrypted_workbook_is_refused(tmp_path: Path) -> None:
    # An encrypted workbook is an OLE container without a Workbook stream; the marker alone is enough to see it.
    (tmp_path / "x.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000)
    assert _refusal(tmp_path / "x.xlsx") in {"encrypted", "truncated"}


def test_numbers_and_days_typed_by_hand_become_text(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append([heading.replace("\n", "") for heading in HEADINGS])
    from datetime import datetime

    page.append([20261110001, None, "一般", "怀疑", "阿莫西林", "皮疹", datetime(2026, 11, 10)])  # noqa: DTZ001
    book.save(tmp_path / "x.xlsx")
    fields = read(tmp_path / "x.xlsx").fields
    assert fields["report_number"].tolist() == ["20261110001"]
    assert fields["received_on"].tolist() == ["2026-11-10 00:00:00"]
    assert fields["new"].tolist() == [""]


@pytest.mark.parametrize(
    ("lines", "cells"),
    [
        (["a,b,c", "1,x;y;z;;;;,2"], ["a", "b", "c"]),
        (["标题", "a;b;c", "1;x,y,z,,,,;2"], ["a", "b", "c"]),
        (["标题", "a,b,c"], ["a", "b", "c"]),
        (["a\tb\tc"], ["a", "b", "c"]),
    ],
)
def test_one_wordy_cell_does_not_make_the_separator(tmp_path: Path, lines: list[str], cells: list[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert cells in delimited.open_text(path).head
